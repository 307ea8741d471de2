"""The plugin for pytest, through files that a user would write."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import entry_points

import pytest

from minisqs.explore import defaults

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.slow

INSTALLED = any(point.name == "minisqs" for point in entry_points(group="pytest11"))

SHOP = """
import minisqs

class Shop:
    def __init__(self):
        self.seen, self.charges = set(), []
    def handler(self, event, context):
        for record in event["Records"]:
            if record["body"] not in self.seen:
                self.charges.append(record["body"])
                self.seen.add(record["body"])
    def observe(self):
        return sorted(self.charges)

class Ledger(Shop):
    def handler(self, event, context):
        for record in event["Records"]:
            self.seen.add(record["body"])
    def observe(self):
        return sorted(self.seen)
"""


@pytest.fixture
def run(pytester, monkeypatch):
    """Runs pytest on a file, in a process of its own as a user does; options follow."""
    monkeypatch.delenv("CI", raising=False)  # where pytest's short summary is a long one

    def run(source, *options, ini="", common=True):
        pytester.makepyfile(test_app=(SHOP if common else "") + source)
        pytester.makeini(
            f"[pytest]\naddopts = --strict-markers\n{ini or 'asyncio_default_fixture_loop_scope = function'}"
        )
        given = [] if INSTALLED else ["-p", "minisqs.adapters.pytest_plugin"]
        return pytester.runpytest_subprocess(*given, "-p", "no:cacheprovider", *options)

    return run


# --------------------------------------------------------------------------------------------------- fixtures
def test_each_test_gets_a_world_of_its_own(run):
    done = run(
        """
def test_one(minisqs_world):
    minisqs_world.create_queue("orders").send("hello")

def test_two(minisqs_world):
    assert minisqs_world.queues() == []
"""
    )
    done.assert_outcomes(passed=2)


def test_the_seed_of_a_world_is_the_test_s_own_and_the_same_in_every_session(run, pytester):
    source = """
import pathlib

def test_one(minisqs_world):
    note("one", minisqs_world)

def test_two(minisqs_world):
    note("two", minisqs_world)

def note(name, world):
    sent = world.create_queue("orders").send("hello")
    with pathlib.Path("ids.txt").open("a") as file:
        print(name, sent.message_id, file=file)
"""
    run(source)
    run(source, "-k", "two")
    one, two, again = (line.split()[1] for line in (pytester.path / "ids.txt").read_text().splitlines())
    assert one != two == again


def test_the_factory_makes_as_many_worlds_as_a_test_wants(run):
    done = run(
        """
def test_two_regions(minisqs_worlds):
    here, there = minisqs_worlds(), minisqs_worlds(region="eu-west-1")
    assert here.create_queue("a").arn != there.create_queue("a").arn
    assert "eu-west-1" in there.queue("a").arn
"""
    )
    done.assert_outcomes(passed=1)


# ----------------------------------------------------------------------------------------------------- marker
def test_the_nearest_marker_wins(run):
    done = run(
        """
import pytest
pytestmark = pytest.mark.minisqs(region="eu-west-1", account_id="111122223333")

@pytest.mark.minisqs(region="us-west-2")
class TestInside:
    @pytest.mark.minisqs(region="ap-south-1")
    def test_nearest(self, minisqs_world):
        assert minisqs_world.create_queue("a").arn == "arn:aws:sqs:ap-south-1:111122223333:a"

    def test_of_the_class(self, minisqs_world):
        assert ":us-west-2:" in minisqs_world.create_queue("a").arn

def test_of_the_module(minisqs_world):
    assert ":eu-west-1:" in minisqs_world.create_queue("a").arn
"""
    )
    done.assert_outcomes(passed=3)


def test_a_marker_s_settings_hold_for_checks(run):
    done = run(
        """
import pytest

@pytest.mark.minisqs(runs=7, budget=3)
def test_few():
    assert 7 < minisqs.check(Ledger, ["a", "b"]).runs <= 12

@pytest.mark.minisqs(faults={"duplicate"}, queue={"visibility_timeout": 5})
def test_kinds():
    assert set(minisqs.check(Ledger, ["a"]).faults) == {"duplicate"}

@pytest.mark.minisqs(runs=7, budget=3)
def test_what_is_given_to_the_check_goes_before():
    assert minisqs.check(Ledger, ["a", "b"], runs=50).runs >= 50
"""
    )
    done.assert_outcomes(passed=3)


@pytest.mark.parametrize(
    ("marker", "says"),
    [
        ("regoin='eu-west-1'", "the marker minisqs: 'regoin' is no setting of a test; there are account_concurrency,"),
        ("2000", "the marker minisqs takes settings by name, such as runs=2000, not (2000,)"),
    ],
)
def test_a_marker_that_is_not_of_its_form_fails_its_test(run, marker, says):
    done = run(f"import pytest\n@pytest.mark.minisqs({marker})\ndef test_one():\n    pass\n")
    done.assert_outcomes(errors=1)
    assert says in done.stdout.str()


# ---------------------------------------------------------------------------------------------------- options
def test_runs_can_be_said_for_a_whole_session_and_a_marker_goes_before(run):
    source = """
import pytest

def test_of_the_session():
    assert 5 < minisqs.check(Ledger, ["a"], budget=2).runs < 10

@pytest.mark.minisqs(runs=30)
def test_marked():
    assert minisqs.check(Ledger, ["a"], budget=2).runs >= 30
"""
    run(source, "--minisqs-runs=5").assert_outcomes(passed=2)
    run(source, ini="minisqs_runs = 5").assert_outcomes(passed=2)


def test_a_seed_can_be_said_for_a_whole_session(run, pytester):
    source = """
import pathlib

def test_one(minisqs_world):
    pathlib.Path("id.txt").write_text(minisqs_world.create_queue("a").send("hello").message_id)
"""
    ids = []
    for options in ([], ["--minisqs-seed=1"], ["--minisqs-seed=1"], ["--minisqs-seed=2"]):
        run(source, *options).assert_outcomes(passed=1)
        ids.append((pytester.path / "id.txt").read_text())
    assert len(set(ids)) == 3
    assert ids[1] == ids[2]


def test_a_seed_that_is_drawn_is_said(run):
    drawn = {
        re.search(r"minisqs: seed=(\d+)", run("def test_one(): pass", "--minisqs-seed=random").stdout.str())[1]
        for _ in range(2)
    }
    assert len(drawn) == 2


def test_nothing_is_said_where_nothing_is_given(run):
    assert "minisqs:" not in run("def test_one(): pass", common=False).stdout.str()


def test_the_header_says_what_is_given(run):
    said = run("def test_one(): pass", "--minisqs-runs=9", ini="minisqs_faults = duplicate").stdout.str()
    assert "minisqs: runs=9, faults=duplicate" in said


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ("--minisqs-runs=many", "--minisqs-runs is a whole number of 0 or more, not 'many'"),
        ("--minisqs-replay=ms1-nonsense", "--minisqs-replay: "),
        ("--minisqs-faults=dupicate", "--minisqs-faults: 'dupicate' is not a fault; the faults are duplicate,"),
        ("--minisqs-faults=kill", "--minisqs-faults: 'kill' is not for worlds of tests; there are duplicate,"),
        ("--minisqs-faults=,", "--minisqs-faults: it is followed by names of faults"),
    ],
)
def test_an_option_that_is_not_of_its_form_is_refused_before_any_test(run, option, says):
    done = run("def test_one(): pass", option)
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    assert says in done.stderr.str()


# --------------------------------------------------------------------------------------------- failing checks
FAILING = """
def test_charges():
    minisqs.check(Shop, ["order-1", "order-2"])
"""


def test_a_failing_check_shows_its_report_and_not_where_minisqs_raised_it(run):
    done = run(FAILING)
    done.assert_outcomes(failed=1)
    said = done.stdout.str()
    assert 'minisqs.check(Shop, ["order-1", "order-2"])' in said
    assert "Without this fault it passes" in said or "without it" in said.lower()
    assert "explore/check.py" not in said


def test_the_token_and_the_command_that_replays_stand_in_the_summary(run):
    said = run(FAILING).stdout.str()
    token = re.search(r"FAILED test_app.py::test_charges - (ms1-\S+): ", said)[1]
    assert f"pytest 'test_app.py::test_charges' --minisqs-replay={token}" in said


def test_a_token_is_replayed_by_the_check_that_it_belongs_to(run):
    token = re.search(r"--minisqs-replay=(\S+)", run(FAILING).stdout.str())[1]
    again = run(FAILING, f"--minisqs-replay={token}")
    again.assert_outcomes(failed=1)
    assert token in again.stdout.str()
    mended = run(FAILING.replace("(Shop,", "(Ledger,"), f"--minisqs-replay={token}")
    mended.assert_outcomes(passed=1)
    assert f"minisqs: the token {token} belongs to no check that was run" in mended.stdout.str()
    assert mended.ret == pytest.ExitCode.USAGE_ERROR


def test_a_replayed_story_that_passes_by_now_passes(run, pytester):
    token = re.search(r"--minisqs-replay=(\S+)", run(FAILING).stdout.str())[1]
    pytester.makepyfile(
        test_app=SHOP.replace("return sorted(self.charges)", "return sorted(set(self.charges))") + FAILING
    )
    given = [] if INSTALLED else ["-p", "minisqs.adapters.pytest_plugin"]
    done = pytester.runpytest_subprocess(*given, f"--minisqs-replay={token}")
    done.assert_outcomes(passed=1)
    assert done.ret == pytest.ExitCode.OK


def test_a_token_of_a_proof_is_replayed_too(run):
    proof = FAILING.replace("minisqs.check(", "minisqs.prove(")
    token = re.search(r"--minisqs-replay=(\S+)", run(proof).stdout.str())[1]
    again = run(proof, f"--minisqs-replay={token}")
    again.assert_outcomes(failed=1)
    assert again.ret == pytest.ExitCode.TESTS_FAILED
    assert token in again.stdout.str()


def test_outside_of_a_test_nothing_is_kept_of_what_checks_have_tried():
    before = list(defaults.NONE.tried)
    defaults.begin(defaults.NONE)
    try:
        defaults.note("a check")
    finally:
        defaults.end()
    assert defaults.NONE.tried == before == []


def test_faults_of_the_option_go_before_those_of_the_marker():
    holding = defaults.Defaults(faults={"reorder"}, world={"faults": {"duplicate"}})
    defaults.begin(holding)
    try:
        assert defaults.new_world().sqs.source.asks("duplicate")
        assert not defaults.new_world().sqs.source.asks("reorder")
    finally:
        defaults.end()


def test_reports_are_written_into_a_folder(run, pytester):
    run(
        FAILING + "\ndef test_sound():\n    minisqs.check(Ledger, ['a'])\n\ndef test_other():\n    pass\n",
        "--minisqs-report=found",
    )
    texts = {path.name: path.read_text() for path in (pytester.path / "found").iterdir()}
    assert set(texts) == {"test_app.py-test_charges.txt", "test_app.py-test_sound.txt"}
    assert texts["test_app.py-test_charges.txt"].startswith("test_app.py::test_charges: failed\n")
    assert "ms1-" in texts["test_app.py-test_charges.txt"]
    assert "nothing found in" in texts["test_app.py-test_sound.txt"]


def test_other_failures_are_shown_as_ever(run):
    said = run("def test_one(minisqs_world):\n    minisqs_world.advance(-1)\n").stdout.str()
    assert "UsageError" in said
    assert "clock.py" in said


# ------------------------------------------------------------------------------------------------ under faults
COUNTS = """
def test_counts(minisqs_world):
    queue = minisqs_world.create_queue("orders", visibility_timeout=30)
    queue.send_batch(["a", "b", "c"])
    count = 0
    for _ in range(20):
        for message in queue.receive(max_number_of_messages=10, wait_time_seconds=5):
            count += 1
            message.delete()
    assert count == 3

def test_sets(minisqs_world):
    queue = minisqs_world.create_queue("orders", visibility_timeout=30)
    queue.send_batch(["a", "b", "c"])
    seen = set()
    for _ in range(20):
        for message in queue.receive(max_number_of_messages=10, wait_time_seconds=5):
            seen.add(message.body)
            message.delete()
    assert seen == {"a", "b", "c"}

def test_without_a_world():
    pass
"""


def test_tests_that_pass_run_again_under_faults_and_what_fails_only_there_is_told(run):
    done = run(COUNTS, "--minisqs-faults=duplicate,reorder")
    done.assert_outcomes(passed=3, failed=1)
    said = done.stdout.str()
    assert "test_app.py::test_counts passes on the perfect queue, and fails when" in said
    assert len(re.findall(r"^  - ", said, re.MULTILINE)) == 1, "it is shrunk to the one fault that matters"
    assert "assert 4 == 3" in said or "assert count == 3" in said
    assert re.search(r"pytest 'test_app.py::test_counts' --minisqs-faults=duplicate,reorder --minisqs-seed=\S+", said)


def test_without_the_option_nothing_runs_again(run):
    run(COUNTS).assert_outcomes(passed=3)


def test_findings_are_the_same_each_time_and_a_line_replays_them(run):
    first, second = (run(COUNTS, "--minisqs-faults=duplicate,reorder").stdout.str() for _ in range(2))
    told = [re.search(r"pytest 'test_app.*", said)[0] for said in (first, second)]
    assert told[0] == told[1]
    options = told[0].split("' ")[1].split()
    done = run(COUNTS, "-k", "test_counts", *options)
    done.assert_outcomes(passed=1, failed=1)


# ------------------------------------------------------------------------------------------------- beside others
def test_workers_of_xdist_report_as_one_process_does(run):
    done = run(FAILING + COUNTS, "-n", "2", "--minisqs-faults=duplicate,reorder")
    done.assert_outcomes(passed=3, failed=2)
    said = done.stdout.str()
    assert re.search(r"FAILED test_app.py::test_charges - ms1-\S+: ", said)
    assert "--minisqs-replay=ms1-" in said


def test_workers_of_xdist_are_given_the_seed_that_was_drawn(run, pytester):
    done = run(
        """
import pathlib
import pytest

@pytest.mark.parametrize("number", range(6))
def test_one(minisqs_world, number):
    pathlib.Path(f"{number}.id").write_text(minisqs_world.create_queue("a").send("hello").message_id)
""",
        *("-n", "2", "--minisqs-seed=random"),
    )
    done.assert_outcomes(passed=6)
    assert len({path.read_text() for path in pytester.path.glob("*.id")}) == 1


def test_a_session_that_uses_nothing_loads_nothing(pytester):
    pytester.makepyfile(
        test_app="""
import sys

def test_nothing_is_loaded():
    loaded = {name.partition(".")[0] for name in sys.modules}
    assert loaded.isdisjoint({"boto3", "botocore", "hypothesis", "attrs", "attr"}), loaded
    assert "minisqs.world" not in sys.modules
"""
    )
    given = [] if INSTALLED else ["-p", "minisqs.adapters.pytest_plugin"]
    done = pytester.runpytest_subprocess(
        *given, "-p", "no:hypothesispytest", "-p", "no:xdist", "-p", "no:cacheprovider"
    )
    done.assert_outcomes(passed=1)


def test_the_plugin_lets_tests_run_in_event_loops(run):
    done = run(
        """
import asyncio

def test_async(minisqs_world):
    async def main():
        minisqs_world.create_queue("a").send("hello")
        await asyncio.sleep(0)
        return len(minisqs_world.queue("a").receive())
    assert asyncio.run(main()) == 1
"""
    )
    done.assert_outcomes(passed=1)


def test_async_tests_of_pytest_asyncio_and_anyio_have_worlds_and_run_again_under_faults(run):
    done = run(
        """
import pytest

@pytest.mark.asyncio
async def test_with_asyncio(minisqs_world):
    await counted(minisqs_world)

@pytest.mark.anyio
async def test_with_anyio(minisqs_world):
    await counted(minisqs_world)

@pytest.fixture
def anyio_backend():
    return "asyncio"

async def counted(world):
    queue = world.create_queue("orders")
    queue.send_batch(["a", "b", "c"])
    bodies = []
    for _ in range(30):
        for message in queue.receive(max_number_of_messages=10, wait_time_seconds=5):
            bodies.append(message.body)
            message.delete()
    assert bodies == ["a", "b", "c"]
""",
        "--minisqs-faults=reorder",
        ini="asyncio_default_fixture_loop_scope = function",
    )
    done.assert_outcomes(passed=2, failed=2)
    assert done.stdout.str().count("passes on the perfect queue, and fails when") == 2


def test_a_test_that_is_run_again_by_another_plugin_gets_the_same_world_again(run):
    done = run(
        """
import pathlib

def test_flaky(minisqs_world):
    ids = pathlib.Path("ids.txt")
    before = ids.read_text() if ids.exists() else ""
    sent = minisqs_world.create_queue("orders").send("hello").message_id
    ids.write_text(sent)
    assert before == sent
""",
        "--reruns=1",
    )
    done.assert_outcomes(passed=1)
    assert "1 rerun" in done.stdout.str()


def test_what_the_plugin_imports_is_little():
    program = (
        "import pytest, sys; before = set(sys.modules); import minisqs.adapters.pytest_plugin; "
        "print(*sorted(set(sys.modules) - before))"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert set(loaded) == {
        "minisqs", "minisqs.adapters", "minisqs.adapters.pytest_plugin", "minisqs.explore", "minisqs.explore.defaults",
    }  # fmt: skip
