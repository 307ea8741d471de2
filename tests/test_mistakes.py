"""What following the README and making mistakes on purpose has found."""

from __future__ import annotations

import pytest

import minisqs


def test_a_world_comes_to_rest_after_the_last_stray_copy_has_come_back():
    just_before_retention_ends = 6
    plan = minisqs.Plan({("duplicate_after_delete", "main/1", 0): just_before_retention_ends})
    world = minisqs.World(faults=plan)
    queue = world.create_queue("orders")
    queue.send("order")
    minisqs.Consumer(queue, lambda message: None).start()
    world.run_until_idle()


def test_a_message_of_another_world_is_refused_and_changes_nothing():
    here, elsewhere = minisqs.World(), minisqs.World()
    mine, theirs = here.create_queue("orders"), elsewhere.create_queue("orders")
    mine.send("mine")
    theirs.send("theirs")
    [message] = theirs.receive()
    with pytest.raises((minisqs.errors.UsageError, minisqs.errors.ReceiptHandleIsInvalid)):
        mine.delete(message)
    here.check_invariants()
    elsewhere.check_invariants()


@pytest.mark.filterwarnings("ignore:coroutine")
def test_a_consumer_does_not_take_the_coroutine_of_an_async_function_for_work_done():
    world = minisqs.World()
    queue = world.create_queue("orders")
    worked = []

    async def work(message):
        worked.append(message)

    queue.send("order")
    try:
        minisqs.Consumer(queue, work).poll()
    except minisqs.errors.UsageError:
        return
    assert worked or queue.messages()


def test_every_entry_of_a_journal_is_one_line():
    world = minisqs.World()
    queue = world.create_queue("orders")
    queue.send("order")

    def fail(message):
        raise ValueError("first line\nsecond line")

    minisqs.Consumer(queue, fail).poll()
    assert len(world.journal.text().splitlines()) == len(world.journal)


def test_rates_given_as_a_mapping_are_rates():
    world = minisqs.World(faults={"duplicate": 1.0})
    queue = world.create_queue("orders")
    queue.send("order")
    queue.receive()
    assert world.choices == {("duplicate", "main/1", 0): 1}
    with pytest.raises(minisqs.errors.UsageError, match="'duplicates' is not a fault"):
        minisqs.World(faults={"duplicates": 1.0})
    with pytest.raises(minisqs.errors.UsageError, match="from 0 to 1, not 2"):
        minisqs.World(faults={"duplicate": 2})


@pytest.mark.parametrize(
    "mistake",
    [
        lambda queue: minisqs.Plan([("reorder", "main/1", 0)]),
        lambda queue: minisqs.Consumer("orders", print),
        lambda queue: minisqs.Producer("orders"),
        lambda queue: minisqs.RedrivePolicy(3, queue).text(),
    ],
    ids=["a plan as a list", "a consumer of a name", "a producer to a name", "a redrive policy turned round"],
)
def test_a_wrong_type_of_argument_is_a_usage_error(mistake):
    with pytest.raises(minisqs.errors.UsageError):
        mistake(minisqs.World().create_queue("orders"))
