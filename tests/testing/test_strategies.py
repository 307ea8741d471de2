"""Whatever the strategies draw, a world takes; plans of faults find the bugs of the zoo, and shrink to their stories."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st
from zoo import ZOO

import minisqs
from minisqs import FaultPlan, SendMessage, errors, limits, strategies
from minisqs.engine import checks
from minisqs.sim.faults import FAULT_OF, FAULTS

ROOT = Path(__file__).parents[2]
BY_NAME = {specimen.name: specimen for specimen in ZOO}
A_DOZEN = (
    "order mailer", "warehouse picker", "gift shop", "invoice printer", "thermometer", "seat booking", "ticket desk",
    "daily digest", "tax filing", "stamp seller", "bookings off by one", "stock ledger",
)  # fmt: skip
LARGE = settings(
    phases=[Phase.generate], max_examples=200, suppress_health_check=[HealthCheck.data_too_large, HealthCheck.too_slow]
)


class Shop:
    """Charges, then marks: dies in between, and charges again."""

    def __init__(self):
        self.seen, self.charges = set(), []

    def handler(self, event, context):
        for record in event["Records"]:
            if record["body"] not in self.seen:
                self.charges.append(record["body"])
                self.seen.add(record["body"])

    def observe(self):
        return sorted(self.charges)


MESSAGES = ["order-1", "order-2", "order-3"]


# ------------------------------------------------------------------------------------------ what goes wrong
def breaks(specimen, plan):
    settings_of = {"queue": specimen.queue, "function": specimen.function, "mapping": specimen.mapping}
    return minisqs.run(specimen.bug, specimen.messages, faults=plan, **settings_of)


@pytest.mark.slow
@pytest.mark.parametrize("name", A_DOZEN)
def test_a_plan_that_breaks_a_bug_of_the_zoo_is_found_small_and_can_be_replayed(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    specimen = BY_NAME[name]
    plan = find(
        strategies.fault_plans(),
        lambda drawn: bool(breaks(specimen, drawn).verdicts),
        settings=settings(max_examples=1_500, phases=[Phase.generate, Phase.shrink]),
    )
    assert sum(map(len, plan.chances.values())) <= 2
    run = breaks(specimen, eval(repr(plan)))
    assert run.verdicts
    given_settings = {"queue": specimen.queue, "function": specimen.function, "mapping": specimen.mapping}
    again = minisqs.replay(specimen.bug, run.token, specimen.messages, **given_settings)
    assert again.choices == run.choices
    assert again.state == run.state


def test_what_hypothesis_prints_is_the_code_of_the_plan_and_its_data_is_short():
    @settings(max_examples=300, database=None, derandomize=True, print_blob=True)
    @given(strategies.fault_plans())
    def totals_are_right(plan):
        run = minisqs.run(Shop, MESSAGES, faults=plan)
        assert run.state == minisqs.perfect(Shop, MESSAGES).state

    with pytest.raises(AssertionError) as caught:
        totals_are_right()
    printed = "\n".join(caught.value.__notes__)
    plan = eval(re.search(r"plan=(FaultPlan\(.*\)),", printed)[1])
    assert sum(map(len, plan.chances.values())) == 1
    assert minisqs.run(Shop, MESSAGES, faults=plan).verdicts
    [blob] = [line for line in printed.splitlines() if "@reproduce_failure" in line]
    assert len(blob) < 180


def test_the_simplest_plan_is_the_perfect_queue():
    assert find(strategies.fault_plans(), lambda plan: True) == FaultPlan()
    assert minisqs.run(Shop, MESSAGES, faults=FaultPlan()).choices == {}


@given(strategies.fault_plans())
def test_a_run_of_a_plan_is_the_same_run_again_and_so_is_its_token(plan):
    run, again = (minisqs.run(Shop, MESSAGES, faults=plan) for _ in range(2))
    assert (run.choices, run.state) == (again.choices, again.state)
    replayed = minisqs.replay(Shop, run.token, MESSAGES)
    assert (replayed.choices, replayed.state) == (run.choices, run.state)


@given(st.data(), st.integers(0, 3))
def test_no_plan_has_more_than_was_asked_for(data, most):
    plan = data.draw(strategies.fault_plans(most=most))
    assert all(kind in FAULT_OF for kind in plan.chances)
    assert all(answer >= 1 for answers in plan.chances.values() for answer in answers.values())
    assert sum(map(len, plan.chances.values())) <= 3 * most


@given(strategies.fault_plans(["kill"], most=1))
def test_only_named_faults_are_drawn(plan):
    assert set(plan.chances) <= {"kill"}
    assert len(plan.chances.get("kill", ())) <= 3


@given(strategies.schedules())
def test_schedules_only_put_things_into_another_order(plan):
    assert {FAULT_OF[kind] for kind in plan.chances} <= set(strategies.SCHEDULING)


def test_opt_in_faults_are_drawn_where_they_are_named():
    assert find(strategies.fault_plans(["interrupt"]), lambda plan: plan.chances) == FaultPlan(interrupt={0: 1})


@pytest.mark.parametrize(
    ("faults", "text"),
    [
        (["boom"], "'boom' is not a fault"),
        ("kill", "faults are a list of names, not 'kill'"),
        ([], "faults are at least one name"),
        (7, "faults are a list of names, not 7"),
    ],
)
def test_what_is_no_list_of_faults_is_refused(faults, text):
    with pytest.raises(errors.UsageError, match=text):
        strategies.fault_plans(faults)


def test_the_story_of_a_plan_is_told_with_addresses():
    run = minisqs.run(Shop, MESSAGES, faults=FaultPlan(kill={3: 1}))
    assert run.text().startswith("Shop breaks: Delivery 1 of message 1 is killed before `self.seen.add")
    assert [fault.name for fault in run.faults] == ["kill"]


def test_a_chance_that_never_comes_is_benign():
    assert minisqs.run(Shop, MESSAGES, faults=FaultPlan(kill={5_000: 1})).choices == {}


def test_an_answer_is_at_most_what_the_occasion_offers():
    assert minisqs.run(Shop, ["a", "b"], faults=FaultPlan(reorder={0: 99})).choices == {("reorder", "main/1", 0): 1}


def test_a_world_by_itself_takes_a_plan_of_what_acts_outside_of_code():
    world = minisqs.World(faults=FaultPlan(reorder={0: 1}))
    queue = world.create_queue("orders")
    queue.send_batch(["a", "b"])
    assert [message.body for message in queue.receive(10)] == ["b", "a"]
    assert world.choices == {("reorder", "main/1", 0): 1}
    with pytest.raises(errors.UsageError, match="'kill' acts between the statements"):
        minisqs.World(faults=FaultPlan(kill={0: 1}))


@given(strategies.fault_rates())
def test_rates_are_those_of_a_world(rates):
    assert minisqs.World(1, rates)


# ---------------------------------------------------------------------------------------------- what is sent
@given(strategies.bodies())
def test_every_body_is_taken_as_it_is(body):
    queue = minisqs.World().create_queue("orders")
    queue.send(body)
    assert queue.receive()[0].body == body


@given(st.data(), st.sampled_from([1, 2, 3, 4, 5, 1024, 262_144]))
def test_no_body_is_larger_than_asked_for(data, max_bytes):
    assert 1 <= len(data.draw(strategies.bodies(max_bytes=max_bytes)).encode()) <= max_bytes


@pytest.mark.parametrize("size", [1, 1_048_576])
def test_bodies_come_at_the_limits(size):
    assert find(strategies.bodies(), lambda body: len(body.encode()) == size, settings=LARGE)


@pytest.mark.parametrize("character", ["\t", "\x7f", "\x85", "\ud7ff", "\ue000", "\U0010ffff"])
def test_every_legal_character_is_in_reach(character):
    assert checks.characters(character) is None
    strategies._CHARACTERS.validate()
    assert character in strategies._CHARACTERS.wrapped_strategy.intervals


@given(strategies.message_attributes())
def test_every_set_of_message_attributes_is_taken(attributes):
    queue = minisqs.World().create_queue("orders")
    queue.send("a", message_attributes=attributes)
    assert set(queue.receive()[0].message_attributes) == set(attributes)


@given(st.data(), st.booleans(), st.sampled_from([100, 1024, limits.MAXIMUM_MESSAGE_SIZE.highest]))
def test_every_message_is_taken_and_within_its_size(data, fifo, max_bytes):
    message = data.draw(strategies.messages(fifo=fifo, max_bytes=max_bytes))
    assert checks.message_bytes(message) <= max_bytes
    queue = minisqs.World().create_queue("orders.fifo" if fifo else "orders", **({"fifo_queue": True} if fifo else {}))
    assert not queue.send_batch([message]).failed


def test_messages_fill_their_size_to_the_byte():
    assert find(strategies.messages(), lambda one: checks.message_bytes(one) == 1_048_576, settings=LARGE)


@given(st.data(), st.booleans())
def test_every_batch_is_taken(data, fifo):
    batch = data.draw(strategies.batches(fifo=fifo))
    queue = minisqs.World().create_queue("orders.fifo" if fifo else "orders", **({"fifo_queue": True} if fifo else {}))
    assert not queue.send_batch(batch).failed


@given(strategies.batch_entries())
def test_every_batch_of_entries_is_taken_by_a_client(entries):
    client = minisqs.World().client()
    url = client.create_queue(QueueName="orders")["QueueUrl"]
    answer = client.send_message_batch(QueueUrl=url, Entries=entries)
    assert [one["Id"] for one in answer["Successful"]] == [one["Id"] for one in entries]


def test_batches_come_at_the_limits():
    assert find(strategies.batches(), lambda batch: len(batch) == 10, settings=LARGE)
    assert find(
        strategies.batches(), lambda batch: sum(map(checks.message_bytes, batch)) == limits.BATCH_BYTES, settings=LARGE
    )


@given(st.data(), st.booleans())
def test_every_queue_can_be_made(data, fifo):
    attributes = data.draw(strategies.queue_attributes(fifo=fifo))
    queue = minisqs.World().create_queue(data.draw(strategies.queue_names(fifo=fifo)), **attributes)
    shown = queue.attributes()
    assert shown["VisibilityTimeout"] == str(attributes.get("visibility_timeout", 30))
    assert shown.get("FifoQueue") == ("true" if fifo else None)


@pytest.mark.parametrize("max_bytes", [0, 1_048_577, True, "1"])
def test_a_size_out_of_range_is_refused(max_bytes):
    with pytest.raises(errors.UsageError, match="max_bytes is a whole number from 1 to 1,048,576"):
        strategies.bodies(max_bytes=max_bytes)
    with pytest.raises(errors.UsageError, match="max_bytes of a batch is a whole number from 10,240 to 1,048,576"):
        strategies.batches(max_bytes=max_bytes)


# ----------------------------------------------------------------------------------- by type, by entry point
def run_python(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_entry_point_of_hypothesis_is_ours_and_loads_nothing_else():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["entry-points"]["hypothesis"] == {"minisqs": "minisqs:_hypothesis_setup_hook"}
    program = (
        "import hypothesis, minisqs, sys; minisqs._hypothesis_setup_hook();"
        "print([name for name in sys.modules if name.startswith('minisqs')])"
    )
    assert run_python(program) == "['minisqs']"


@pytest.mark.parametrize("used", ["minisqs._hypothesis_setup_hook()", "minisqs.FaultPlan, minisqs.SendMessage"])
def test_types_are_registered_whichever_comes_first(used):
    first, then = sorted([used, "minisqs._hypothesis_setup_hook()"], key=used.__ne__)
    program = (
        f"import minisqs; {first}; {then}; minisqs.Faults, minisqs.FaultPlan, minisqs.SendMessage\n"
        "from hypothesis import find, strategies as st\n"
        "print(find(st.from_type(minisqs.FaultPlan), lambda plan: 'overlap' in plan.chances))\n"
        "print(find(st.from_type(minisqs.SendMessage), lambda message: message.delay_seconds == 900).body)"
    )
    assert run_python(program).splitlines() == ["FaultPlan(overlap={0: 1})", "0"]


def test_there_are_three_ways_to_the_strategies():
    from minisqs.testing import strategies as through_testing  # noqa: PLC0415

    assert minisqs.strategies is strategies is through_testing
    assert "strategies" in dir(minisqs)


def test_without_hypothesis_the_error_says_which_extra_is_missing():
    program = (
        "import sys; sys.modules['hypothesis'] = None\n"
        "import minisqs\n"
        "for name in ('strategies', 'stateful'):\n"
        "    try:\n"
        "        __import__(f'minisqs.testing.{name}')\n"
        "    except ModuleNotFoundError as error:\n"
        "        print(error)\n"
    )
    assert run_python(program).splitlines() == 2 * [
        "minisqs.strategies needs Hypothesis: pip install 'minisqs[hypothesis]'"
    ]


def test_sized_texts_have_just_that_size():
    assert strategies.sized("\u00e9", 7) == "\u00e9\u00e9\u00e9x"
    assert strategies.sized("long", 2) == "xx"


def test_every_weighed_kind_is_a_question():
    assert set(strategies.WEIGHTS) | set(strategies.MOST_ANSWERS) <= set(FAULT_OF)
    assert set(strategies.SCHEDULING) <= set(FAULTS)
    assert isinstance(SendMessage("a"), SendMessage)
