from __future__ import annotations

import functools
import importlib
import multiprocessing
import re
import shutil
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import attrs
import pytest
import swept
from distributed import Client, LocalCluster

import minisqs
from minisqs.errors import CheckFailed, UsageError

ORDERS = ["order-1", "order-2"]
SEEDS = range(80)


def sweep(subject=swept.Till, messages=ORDERS, **settings):
    return minisqs.sweep(subject, messages, **{"seeds": SEEDS, "most_failures": 2, **settings})


@functools.cache
def at_home() -> minisqs.explore.sweep.Sweep:
    return sweep()


def assert_same(one, other):
    assert one.failing_seeds == other.failing_seeds
    assert one.faults == other.faults
    assert one.text() == other.text()
    assert one == other


# ------------------------------------------------------------------------------------------ what it finds
def test_failing_seeds_are_all_told_and_the_first_are_made_small():
    done = at_home()
    assert done.runs == len(SEEDS)
    assert len(done.failing_seeds) > 3
    assert list(done.failing_seeds) == sorted(done.failing_seeds)
    assert [report.seed for report in done.failures] == list(done.failing_seeds[:2])
    first = done.failures[0]
    assert first.got != first.expected
    assert len(first.messages) == 1
    assert (first.tried.runs, first.tried.faults) == (80, done.faults)
    assert minisqs.replay(swept.Till, first.token, ORDERS).state == first.got


def test_text_has_a_line_for_each_failure_and_says_how_to_see_one():
    done = at_home()
    text = done.text()
    assert text.startswith(f"Till breaks with {len(done.failing_seeds)} of 80 seeds:\n")
    for report in done.failures:
        assert f"  seed {report.seed}  {report.token}  {report.verdict}\n" in text
    assert f'minisqs.replay(Till, "{done.failures[0].token}", messages)\n' in text
    assert f"Failing seeds: {done.failing_seeds[0]}, {done.failing_seeds[1]}, " in text
    assert done.tested
    assert f"overlap {done.faults['overlap']}" in text
    assert str(done) == text


def test_a_sound_consumer_has_no_failing_seed():
    done = sweep(swept.Ledger)
    assert (done.failing_seeds, done.failures, done.tested) == ((), (), True)
    assert done.text().startswith("Ledger: nothing found with 80 seeds.\nFaults that happened: ")


def test_equal_stories_of_several_seeds_are_told_once():
    done = sweep(messages=["order-1"], faults=["kill"], most_failures=5)
    assert len(done.failing_seeds) >= 5
    assert len({report.token for report in done.failures}) == len(done.failures) < 5
    seeds = [report.seed for report in done.failures]
    assert seeds == sorted(seeds)
    assert seeds[0] == done.failing_seeds[0]


def test_no_story_is_made_small_where_none_is_wanted():
    done = sweep(most_failures=0)
    assert done.failures == ()
    assert done.failing_seeds == at_home().failing_seeds
    assert "replay" not in done.text()


def test_many_failing_seeds_are_listed_in_part():
    text = attrs.evolve(at_home(), failing_seeds=tuple(range(25))).text()
    assert ", 18, 19, and 5 more in failing_seeds." in text.replace("\n", " ")


def test_a_sweep_without_faults_has_tested_nothing():
    done = sweep(faults={"kill": 0})
    assert not done.tested
    assert "This sweep tested nothing: no fault ever happened." in done.text()


@pytest.mark.minisqs(seed=0)  # the sweep's, in place of the test's own
def test_a_seed_is_the_random_run_of_that_number_in_a_check():
    first = at_home().failing_seeds[0]
    shutil.rmtree(".minisqs", ignore_errors=True)  # its stories, if the sweep was made in this test
    minisqs.check(swept.Till, ORDERS, budget=0, runs=first)
    with pytest.raises(CheckFailed):
        minisqs.check(swept.Till, ORDERS, budget=0, runs=first + 1)


def test_another_base_seed_makes_other_runs():
    other = sweep(seed="another", most_failures=1)
    assert other.failing_seeds != at_home().failing_seeds
    assert ", seed='another')" in other.text()


def test_rates_of_faults_and_names_of_oracles_are_heeded():
    assert set(sweep(faults={"kill": 0.2, "duplicate": 0.1}).faults) == {"kill", "duplicate"}
    assert sweep(oracles=["drains"]).failing_seeds == ()


def test_an_oracle_that_never_held_is_named():
    oracles = [minisqs.sometimes(swept.is_calm), minisqs.sometimes(swept.is_charged)]
    done = sweep(swept.Ledger, oracles=iter([oracles[0]]))
    assert done.never == ("is_calm",)
    assert "is_calm was true at the end of no run.\n" in done.text()
    assert sweep(oracles=oracles[1:]).never == ()


def test_dead_letters_of_faults_are_counted():
    done = sweep(swept.Ledger, queue={"max_receive_count": 1}, faults=["kill"])
    assert done.dead_lettered > 0
    assert f"In {done.dead_lettered} runs messages went to the dead-letter queue." in done.text()


# ----------------------------------------------------------------------------------------- where it runs
@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_the_size_of_chunks_makes_no_difference(chunk):
    assert_same(sweep(chunk=chunk), at_home())


def test_the_order_of_seeds_makes_no_difference():
    assert_same(sweep(seeds=SEEDS[::-1]), at_home())
    assert_same(sweep(seeds=iter([*SEEDS[40:], *SEEDS[:50]])), at_home())


def test_threads_find_the_same():
    with ThreadPoolExecutor(2) as executor:
        assert_same(sweep(executor=executor), at_home())


def test_sweeps_in_two_threads_take_turns():
    with ThreadPoolExecutor(2) as executor:
        one, other = executor.map(sweep, [swept.Till, swept.Ledger])
    assert_same(one, at_home())
    assert other.failing_seeds == ()


# Other tests may leave threads behind; those of minisqs are over when a sweep is.
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
@pytest.mark.parametrize("method", [None, "spawn"])
def test_processes_find_the_same(method):
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(method)) as executor:
        assert_same(sweep(executor=executor), at_home())
        assert sweep(swept.Ledger, executor=executor).failing_seeds == ()
        assert_same(sweep(executor=executor, chunk=7), at_home())


class Backwards(Executor):
    """Does the last work first, once a result is asked for."""

    def __init__(self):
        self.waiting = []
        self.order = []

    def submit(self, work, seeds):
        executor = self

        class Promise(Future):
            def result(self, timeout=None):
                while executor.waiting:
                    promise, work, seeds = executor.waiting.pop()
                    executor.order.append(seeds[0])
                    promise.set_result(work(seeds))
                return super().result(timeout)

        self.waiting.append((Promise(), work, seeds))
        return self.waiting[-1][0]


def test_the_order_in_which_chunks_are_done_makes_no_difference():
    executor = Backwards()
    assert_same(sweep(executor=executor, chunk=30), at_home())
    assert executor.order == [60, 30, 0]


@pytest.mark.slow
def test_deployed_code_and_scenarios_go_to_other_processes(tmp_path, monkeypatch):
    code = "def handler(event, context):\n    for record in event['Records']:\n        charges.append(record['body'])\n"
    Path(tmp_path, "swept_app.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    subject = minisqs.deployed("swept_app:handler", outside=swept.Outside)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as executor:
        far = sweep(subject, executor=executor), sweep(swept.billing, None, executor=executor)
    assert far[0].failing_seeds
    assert far[1].failing_seeds
    assert_same(far[0], sweep(subject))
    assert_same(far[1], sweep(swept.billing, None))


@pytest.mark.slow
def test_a_cluster_of_dask_finds_the_same(tmp_path, monkeypatch):
    """One cluster for all that is to be seen with it, as it takes a while to begin."""
    cluster = LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0", host="127.0.0.1",
        local_directory=str(tmp_path),
    )  # fmt: skip
    with cluster, Client(cluster) as client:
        assert_same(sweep(executor=client.get_executor()), at_home())

        file = tmp_path / "swept_late.py"
        file.write_text("from swept import Till\n\n\nclass Late(Till):\n    pass\n", encoding="utf-8")
        monkeypatch.syspath_prepend(tmp_path)
        with pytest.raises(UsageError, match=r"a worker cannot import .*swept_late.*client\.upload_file"):
            sweep(importlib.import_module("swept_late").Late, executor=client.get_executor(), chunk=len(SEEDS))
        client.upload_file(str(file))  # which imports it anew, here as well
        late = importlib.import_module("swept_late").Late
        assert_same(sweep(late, executor=client.get_executor()), sweep(late))

        with pytest.raises(UsageError, match=r"of a Dask client it is client.get_executor\(\)"):
            sweep(executor=client)


# ------------------------------------------------------------------------------------------- what goes wrong
def test_an_error_in_a_run_comes_home_and_names_its_seed():
    oracles = [minisqs.always(swept.balances)]
    with pytest.raises(ArithmeticError, match="do not balance") as here:
        sweep(oracles=oracles)
    with (
        ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as executor,
        pytest.raises(ArithmeticError, match="do not balance") as there,
    ):
        sweep(oracles=oracles, executor=executor)
    assert here.value.__notes__ == there.value.__notes__
    assert re.fullmatch(r"It was raised in the run of seed \d+\.", here.value.__notes__[0])


def test_a_handler_that_raises_on_the_perfect_queue_raises_here():
    class Broken(swept.Till):
        def handler(self, event, context):
            raise LookupError("no such order")

    with pytest.raises(LookupError, match="no such order"):
        sweep(Broken)


def test_a_consumer_that_differs_from_itself_is_refused():
    calls = []

    class Counter(swept.Till):
        def observe(self):
            calls.append(1)
            return len(calls)

    with pytest.raises(UsageError, match="differs from itself"):
        sweep(Counter)


def test_what_cannot_be_imported_elsewhere_stays_here():
    class Local(swept.Till):
        pass

    assert sweep(Local).failing_seeds == at_home().failing_seeds
    with ThreadPoolExecutor(1) as executor:
        assert sweep(Local, executor=executor).failing_seeds == at_home().failing_seeds
    executor = Backwards()
    with pytest.raises(UsageError, match=r"Local cannot be sent .* define it at the top level of a module"):
        sweep(Local, executor=executor)
    with pytest.raises(UsageError, match=r"oracles=.* cannot be sent to another process"):
        sweep(executor=executor, oracles=[minisqs.always(lambda till: True)])
    assert executor.order == executor.waiting == []


def test_workers_with_other_code_are_found_out():
    with (
        ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as executor,
        pytest.raises(UsageError, match=r"the run of seed \d+ is another here than where it was found to fail"),
    ):
        sweep(swept.Homebody, executor=executor)


class FirstOnly(Executor):
    """Does the first work at once, and never gets to the others."""

    def __init__(self):
        self.futures = []

    def submit(self, work, seeds):
        future = Future()
        if not self.futures:
            future.set_result(work(seeds))
        self.futures.append(future)
        return future


def test_what_is_left_is_cancelled_when_the_user_interrupts():
    def interrupt(done, total, failing):
        raise KeyboardInterrupt

    executor = FirstOnly()
    with pytest.raises(KeyboardInterrupt):
        sweep(executor=executor, chunk=20, progress=interrupt)
    assert [future.cancelled() for future in executor.futures] == [False, True, True, True]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"seeds": 100}, "seeds are whole numbers, such as range"),
        ({"seeds": "abc"}, "seeds are whole numbers, such as range"),
        ({"seeds": [1, "2"]}, "a seed of a sweep is a whole number, not '2'"),
        ({"seeds": [True]}, "a seed of a sweep is a whole number, not True"),
        ({"seeds": range(0)}, "there are no seeds"),
        ({"chunk": 0}, "chunk is a whole number of 1 or more"),
        ({"most_failures": -1}, "most_failures is a whole number of 0 or more"),
        ({"progress": 3}, "progress= is True, False, or what is called"),
        ({"executor": "threads"}, "an executor is one of concurrent.futures; not 'threads'"),
        ({"faults": minisqs.Plan({})}, "a Plan is one run"),
    ],
)
def test_an_argument_not_of_its_form_is_refused(settings, told):
    with pytest.raises(UsageError, match=re.escape(told)):
        sweep(**settings)


# ---------------------------------------------------------------------------------------------- progress
def test_progress_is_told_in_steps_that_only_go_up():
    told = []
    done = sweep(progress=lambda *numbers: told.append(numbers), chunk=20, most_failures=0)
    assert [step[:2] for step in told] == [(20, 80), (40, 80), (60, 80), (80, 80)]
    failing = [step[2] for step in told]
    assert failing == sorted(failing)
    assert failing[-1] == len(done.failing_seeds)


def test_a_line_of_progress_is_written_over_itself(capsys):
    sweep(progress=True, chunk=40, most_failures=0)
    written = capsys.readouterr().err
    assert re.fullmatch(r"\r40 of 80 seeds, \d+ failing, [\d,]+ a second *\r80 of 80 seeds, .* a second *\n", written)


def test_nothing_is_written_where_nobody_watches(capsys):
    sweep(most_failures=0)
    sweep(most_failures=0, progress=False)
    assert capsys.readouterr() == ("", "")
