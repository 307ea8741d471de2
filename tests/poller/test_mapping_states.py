"""The states of an event source mapping, and what a change lets the poller do when (lambda-poller.md 1.1, States)."""

from __future__ import annotations

import pytest

import minisqs
from minisqs import errors

SECOND = 1_000_000_000
GONE = "The resource you requested does not exist."
UPDATE_IN_USE = "Cannot update the event source mapping because it is in use."
DELETE_IN_USE = "Cannot delete the event source mapping because it is in use."


def until(world, ns):
    """Go to so many nanoseconds after the world began."""
    world.sqs.kernel.run_until(world.clock.started_ns + ns)


def runs(function):
    """When each run began and ended, and with how many records."""
    return [(run.started_at, run.ended_at, len(run.records)) for run in function.invocations]


@pytest.fixture
def function(world):
    return world.create_function(None, name="work", timeout=30)


# -------------------------------------------------------------------------------------------------- without a delay
def test_states_without_a_delay_are_reached_at_once_and_answers_show_the_passage(world, queue, function):
    mapping = world.create_event_source_mapping(queue, function)
    seen = [(mapping.answer["State"], mapping.state)]
    for change in (
        mapping.disable,
        mapping.enable,
        mapping.update,
        lambda: mapping.update(batch_size=5),
        lambda: mapping.update(enabled=True),
        mapping.disable,
        lambda: mapping.update(batch_size=6),
        lambda: mapping.update(batch_size=7, enabled=True),
        mapping.delete,
    ):
        change()
        seen.append((mapping.answer["State"], mapping.state))
    assert seen == [
        ("Creating", "Enabled"),
        ("Disabling", "Disabled"),
        ("Enabling", "Enabled"),
        ("Updating", "Enabled"),
        ("Updating", "Enabled"),
        ("Updating", "Enabled"),
        ("Disabling", "Disabled"),
        ("Updating", "Disabled"),
        ("Enabling", "Enabled"),
        ("Deleting", "Deleted"),
    ]


def test_a_mapping_that_is_created_disabled_is_disabled_at_once(world, queue, function):
    mapping = world.create_event_source_mapping(queue, function, enabled=False, transition_delay=30)
    assert (mapping.answer["State"], mapping.state) == ("Disabled", "Disabled")
    assert mapping.answer == mapping.describe()
    queue.send("a")
    world.advance(100)
    assert (function.invocations, mapping.concurrency, mapping.busy) == ([], 0, 0)


# ----------------------------------------------------------------------------------------------------- with a delay
PASSAGES = [
    ("Creating", "Enabled", None),
    ("Disabling", "Disabled", lambda mapping: mapping.disable()),
    ("Updating", "Enabled", lambda mapping: mapping.update(batch_size=1)),
    ("Deleting", "Deleted", lambda mapping: mapping.delete()),
    ("Disabling", "Disabled", lambda mapping: mapping.update(enabled=False, batch_size=1)),
]


@pytest.mark.parametrize(("passing", "state", "change"), PASSAGES)
@pytest.mark.parametrize("delay", [30, 0.5, 1e-9])
def test_a_passage_takes_the_delay_to_the_nanosecond(world, queue, function, passing, state, change, delay):
    mapping = world.create_event_source_mapping(queue, function, transition_delay=delay)
    start = 0
    if change is not None:
        start = 100 * SECOND
        until(world, start)
        change(mapping)
    assert mapping.answer["State"] == mapping.state == mapping.describe()["State"] == passing
    end = start + round(delay * SECOND)
    until(world, end - 1)
    assert mapping.state == passing
    until(world, end)
    assert mapping.state == state
    until(world, end + 1)
    assert mapping.state == state
    assert mapping.answer["State"] == passing


@pytest.mark.parametrize(("passing", "state", "change"), PASSAGES)
def test_in_between_update_and_delete_fail_because_it_is_in_use(world, queue, function, passing, state, change):
    mapping = world.create_event_source_mapping(queue, function, transition_delay=30)
    if change is not None:
        world.advance(30)
        change(mapping)
    end = world.clock.now_ns - world.clock.started_ns + 30 * SECOND
    other = world.create_function(None, name="other")
    for ns in (world.clock.now_ns - world.clock.started_ns, end - 1):
        until(world, ns)
        before = mapping.describe(), mapping.answer
        for call, action, text in (
            (mapping.update, "UpdateEventSourceMapping", UPDATE_IN_USE),
            (mapping.enable, "UpdateEventSourceMapping", UPDATE_IN_USE),
            (mapping.disable, "UpdateEventSourceMapping", UPDATE_IN_USE),
            (lambda: mapping.update(function=other), "UpdateEventSourceMapping", UPDATE_IN_USE),
            (mapping.delete, "DeleteEventSourceMapping", DELETE_IN_USE),
        ):
            with pytest.raises(errors.ResourceInUseException) as caught:
                call()
            error = caught.value
            assert (error.code, error.http_status, error.message) == ("ResourceInUseException", 400, text)
            assert (error.operation_name, error.response["Error"]["Message"]) == (action, text)
            assert error.request_id
        assert (mapping.describe(), mapping.answer) == before
    until(world, end)
    if state != "Deleted":
        mapping.update(batch_size=3)
        assert mapping.state == "Updating"


def test_a_number_outside_of_the_model_is_told_before_that_it_is_in_use(world, queue, function):
    mapping = world.create_event_source_mapping(queue, function, transition_delay=30)
    with pytest.raises(errors.ValidationException):
        mapping.update(batch_size=0)
    with pytest.raises(errors.ResourceInUseException):
        mapping.update(function="nobody")


def test_another_transition_delay_holds_for_the_very_change_that_sets_it(world, queue, function):
    mapping = world.create_event_source_mapping(queue, function)
    mapping.update(transition_delay=2)
    until(world, 2 * SECOND - 1)
    assert mapping.state == "Updating"
    until(world, 2 * SECOND)
    assert mapping.state == "Enabled"


def test_polling_begins_when_the_mapping_is_enabled(world, queue, function):
    queue.send("a")
    mapping = world.create_event_source_mapping(queue, function, transition_delay=30)
    until(world, 30 * SECOND - 1)
    assert (mapping.concurrency, queue.counts.visible, function.invocations) == (0, 1, [])
    until(world, 30 * SECOND)
    assert (mapping.concurrency, runs(function)) == (5, [(30, 30, 1)])


def test_polling_goes_on_until_the_mapping_is_disabled_and_begins_again_when_enabled(world, queue, function):
    mapping = world.create_event_source_mapping(queue, function, transition_delay=30)
    world.advance(100)
    mapping.disable()
    until(world, 130 * SECOND - 1)
    assert mapping.concurrency == 5
    queue.send("a")
    world.sqs.kernel.run_until(world.clock.now_ns)
    assert len(function.invocations) == 1
    until(world, 130 * SECOND)
    assert mapping.concurrency == 0
    queue.send("b")
    world.advance(100)
    assert len(function.invocations) == 1
    mapping.enable()
    assert mapping.state == "Enabling"
    until(world, 260 * SECOND - 1)
    assert (mapping.concurrency, len(function.invocations)) == (0, 1)
    until(world, 260 * SECOND)
    assert (mapping.concurrency, len(function.invocations)) == (5, 2)
    assert mapping.state == "Enabled"


def test_a_mapping_that_is_disabled_in_the_instant_of_its_creation_receives_nothing(world, queue, function):
    queue.send("a")
    mapping = world.create_event_source_mapping(queue, function)
    mapping.disable()
    assert mapping.concurrency == 0
    world.advance(100)
    assert (queue.counts.visible, function.invocations) == (1, [])


# ------------------------------------------------------------------------------------------------ whose settings hold
def test_new_settings_are_for_batches_whose_first_receive_comes_after_the_passage(world, queue, function):
    mapping = world.create_event_source_mapping(queue, function, transition_delay=30, batch_size=3)
    world.advance(30)
    function.update(duration=10)
    queue.send_batch([str(number) for number in range(10)])
    mapping.disable()
    world.advance(50)
    assert [len(run.records) for run in function.invocations] == [3, 3, 3, 1]
    mapping.update(batch_size=1)  # while it does not poll
    world.advance(30)
    mapping.enable()
    world.advance(30)
    queue.send_batch(["a", "b"])
    world.advance(1)
    assert [len(run.records) for run in function.invocations][4:] == [1, 1]


def test_a_window_that_is_open_at_an_update_ends_as_it_began(world, queue, function):
    mapping = world.create_event_source_mapping(
        queue, function, batch_size=100, maximum_batching_window_in_seconds=20, maximum_concurrency=2
    )
    queue.send("a")
    world.advance(5)
    mapping.update(batch_size=10, maximum_batching_window_in_seconds=0)
    world.advance(1)
    assert function.invocations == []
    until(world, 20 * SECOND - 1)
    assert function.invocations == []
    until(world, 20 * SECOND)
    assert runs(function) == [(20, 20, 1)]
    queue.send("b")
    world.advance(0)
    assert runs(function)[1:] == [(20, 20, 1)]


def test_a_slot_that_waits_at_the_passage_receives_by_the_new_settings(world, queue, function):
    mapping = world.create_event_source_mapping(queue, function, batch_size=2, maximum_concurrency=2)
    world.advance(5)
    mapping.update(batch_size=1)
    world.advance(1)
    queue.send_batch(["a", "b"])
    world.advance(1)
    assert [len(run.records) for run in function.invocations] == [1, 1]


def test_a_run_that_reports_is_read_by_the_settings_of_its_receive(world, queue):
    def report_all(event, context):
        return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in event["Records"]]}

    function = world.create_function(report_all, duration=2)
    mapping = world.create_event_source_mapping(queue, function, report_batch_item_failures=True)
    queue.send("a")
    world.advance(1)
    mapping.update(report_batch_item_failures=False)
    world.advance(5)
    assert queue.counts.in_flight == 1  # reported, and so left
    world.advance(60)
    assert (queue.counts.visible, queue.counts.in_flight) == (0, 0)
    assert len(function.invocations) == 2


def test_another_function_gets_what_is_received_after_the_passage(world, queue, function):
    other = world.create_function(None, name="other")
    mapping = world.create_event_source_mapping(queue, function, transition_delay=30)
    world.advance(30)
    mapping.update(function=other)
    assert mapping.function_name == "other"
    until(world, 60 * SECOND - 1)
    queue.send("a")
    world.sqs.kernel.run_until(world.clock.now_ns)
    assert (len(function.invocations), len(other.invocations)) == (1, 0)
    world.advance(30)
    queue.send("b")
    world.advance(1)
    assert (len(function.invocations), len(other.invocations)) == (1, 1)


def test_a_batch_that_was_received_before_the_passage_goes_to_the_function_of_then(world, queue, function):
    other = world.create_function(None, name="other")
    mapping = world.create_event_source_mapping(queue, function, maximum_batching_window_in_seconds=20)
    queue.send("a")
    world.advance(5)
    mapping.update(function=other)
    world.advance(30)
    assert (len(function.invocations), len(other.invocations)) == (1, 0)


def test_fewer_slots_are_reached_as_busy_ones_get_free(world, queue, function):
    function.update(duration=10)
    mapping = world.create_event_source_mapping(queue, function, batch_size=1)
    queue.send_batch(["a", "b", "c", "d", "e"])
    world.advance(1)
    assert (mapping.concurrency, mapping.busy) == (5, 5)
    mapping.update(maximum_concurrency=2)
    world.advance(1)
    assert (mapping.concurrency, mapping.busy) == (2, 5)
    queue.send_batch(["f", "g", "h", "i"])
    world.advance(9)
    assert mapping.busy == 2
    assert all(run.outcome == "success" for run in function.invocations[:5])


# ------------------------------------------------------------------------------------------- disabling and deleting
ENDS = ["disable", "delete"]


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("delay", [0, 5])
def test_an_open_window_is_handed_over_at_once_when_the_mapping_ends(world, queue, function, end, delay):
    mapping = world.create_event_source_mapping(
        queue, function, batch_size=100, maximum_batching_window_in_seconds=300, transition_delay=delay
    )
    world.advance(delay)
    queue.send_batch(["a", "b"])
    world.advance(10)
    getattr(mapping, end)()
    if delay:
        until(world, (10 + 2 * delay) * SECOND - 1)
        assert function.invocations == []
    until(world, (10 + 2 * delay) * SECOND)
    at = 10 + 2 * delay
    assert runs(function) == [(at, at, 2)]
    queue.send("c")
    world.advance(100)
    assert (queue.counts.visible, queue.counts.in_flight, len(function.invocations)) == (1, 0, 1)


@pytest.mark.parametrize("end", ENDS)
def test_runs_that_are_under_way_when_the_mapping_ends_are_settled(world, queue, end):
    function = world.create_function(None, name="slow", duration=10, timeout=30)
    mapping = world.create_event_source_mapping(queue, function)
    queue.send("a")
    world.advance(5)
    getattr(mapping, end)()
    world.advance(1)
    assert (mapping.busy, queue.counts.in_flight) == (1, 1)
    world.advance(10)
    assert (mapping.busy, queue.counts.in_flight, queue.counts.visible) == (0, 0, 0)
    assert [run.outcome for run in function.invocations] == ["success"]
    assert mapping.metrics["DeletedEventCount"] == 1


@pytest.mark.parametrize("end", ENDS)
def test_a_failing_run_that_outlives_its_mapping_leaves_its_messages(world, queue, end):
    def fail(event, context):
        raise ValueError

    function = world.create_function(fail, duration=10, timeout=30)
    mapping = world.create_event_source_mapping(queue, function)
    queue.send("a")
    world.advance(5)
    getattr(mapping, end)()
    world.advance(60)
    assert queue.counts.visible == 1
    assert len(function.invocations) == 1


@pytest.mark.parametrize("end", ENDS)
def test_a_throttled_batch_is_still_tried_when_the_mapping_ends(world, queue, end):
    function = world.create_function(None, name="none", reserved_concurrency=0)
    mapping = world.create_event_source_mapping(queue, function)
    queue.send("a")
    world.advance(1)
    getattr(mapping, end)()
    function.update(reserved_concurrency=1)
    world.advance(5)
    assert runs(function) == [(4, 4, 1)]
    assert queue.counts.in_flight == 0


@pytest.mark.parametrize("end", ENDS)
def test_what_is_left_of_a_batch_when_the_mapping_ends_is_handed_over_without_another_receive(world, queue, end):
    function = world.create_function(None, name="slow", duration=10, timeout=25)
    mapping = world.create_event_source_mapping(
        queue, function, batch_size=100, maximum_batching_window_in_seconds=20, maximum_concurrency=2
    )
    queue.set_attributes(visibility_timeout=600)
    for _ in range(7):
        queue.send("x" * 1_000_000)
    world.advance(1)
    assert mapping.busy == 1
    getattr(mapping, end)()
    world.advance(1)
    queue.send("late")
    world.advance(100)
    assert queue.counts.visible == 1
    assert [len(run.records) for run in function.invocations] == [6, 1]
    assert runs(function)[1][0] == 10


def test_a_mapping_that_is_enabled_again_counts_the_slots_that_still_run(world, queue):
    function = world.create_function(None, name="slow", duration=10, timeout=30)
    mapping = world.create_event_source_mapping(queue, function, batch_size=1, maximum_concurrency=2)
    queue.send_batch(["a", "b", "c"])
    world.advance(1)
    mapping.disable()
    mapping.enable()
    world.advance(1)
    assert (mapping.concurrency, mapping.busy) == (2, 2)
    world.advance(30)
    assert [run.started_at for run in function.invocations] == [0, 0, 10]
    assert (queue.counts.visible, queue.counts.in_flight) == (0, 0)


# ------------------------------------------------------------------------------------------------- names and lists
def test_a_deleted_mapping_is_gone_from_the_lists_when_it_is_deleted(world, queue, function):
    mapping = world.create_event_source_mapping(queue, function, transition_delay=30)
    world.advance(30)
    mapping.delete()
    until(world, 60 * SECOND - 1)
    assert world.event_source_mappings() == [mapping]
    assert world.event_source_mapping(mapping.uuid) is mapping
    until(world, 60 * SECOND)
    assert world.event_source_mappings() == []
    for call, action in (
        (lambda: world.event_source_mapping(mapping.uuid), "GetEventSourceMapping"),
        (mapping.describe, "GetEventSourceMapping"),
        (mapping.update, "UpdateEventSourceMapping"),
        (mapping.enable, "UpdateEventSourceMapping"),
        (mapping.delete, "DeleteEventSourceMapping"),
    ):
        with pytest.raises(errors.ResourceDoesNotExist) as caught:
            call()
        error = caught.value
        assert (error.code, error.http_status, error.message) == ("ResourceNotFoundException", 404, GONE)
        assert error.operation_name == action
    assert (mapping.state, mapping.concurrency, mapping.busy) == ("Deleted", 0, 0)


def test_a_pair_that_is_joined_again_has_another_uuid(world, queue, function):
    first = world.create_event_source_mapping(queue, function)
    first.delete()
    second = world.create_event_source_mapping(queue, function)
    assert first.uuid != second.uuid
    assert world.event_source_mappings() == [second]
    queue.send("a")
    world.advance(1)
    assert [run.mapping for run in function.invocations] == [second.uuid]


def test_uuids_are_those_of_the_seed(queue, function, world):
    def uuids(seed):
        other = minisqs.World(seed=seed)
        source = other.create_queue("orders")
        return [other.create_event_source_mapping(source, other.create_function(None, name=name)).uuid for name in "ab"]

    mine = world.create_event_source_mapping(queue, function).uuid
    assert uuids(1) == uuids(1)
    assert uuids(1)[0] == mine
    assert uuids(2)[0] != mine
    assert [len(part) for part in mine.split("-")] == [8, 4, 4, 4, 12]


def test_a_mapping_says_what_it_is(world, queue, function):
    mapping = world.create_event_source_mapping(queue, "work:$LATEST", enabled=False)
    function.create_alias("live", function.publish_version())
    alias = world.create_event_source_mapping(queue, "work:live")
    assert repr(mapping) == "<EventSourceMapping of orders to work: Disabled>"
    assert repr(alias) == "<EventSourceMapping of orders to work:live: Enabled>"
    assert mapping.queue_arn == queue.arn


def test_a_mapping_outlives_its_function_and_goes_on_with_one_of_the_same_name(world, queue, function):
    mapping = world.create_event_source_mapping(queue, function)
    world.advance(1)
    function.delete()
    queue.send("a")
    world.advance(1)
    assert mapping.state == "Enabled"
    assert (mapping.metrics["InvokedEventCount"], mapping.metrics["FailedInvokeEventCount"]) == (1, 1)
    again = world.create_function(None, name="work")
    world.advance(60)
    assert len(again.invocations) == 1


def test_a_change_is_written_down(world, queue, function):
    mapping = world.create_event_source_mapping(queue, function)
    mapping.disable()
    causes = [(entry.queue, entry.caller, entry.cause) for entry in world.journal if entry.action == "mapping"]
    assert causes == [
        ("orders", "orders/work", "Creating, then Enabled"),
        ("orders", "orders/work", "Disabling, then Disabled"),
    ]


# ------------------------------------------------------------------------------------- a refusal changes nothing
REFUSED = [
    {"batch_size": 0},
    {"batch_size": 11, "maximum_batching_window_in_seconds": 0},
    {"maximum_batching_window_in_seconds": 301},
    {"maximum_concurrency": 1},
    {"minimum_pollers": 1, "maximum_concurrency": None},
    {"minimum_pollers": 2},
    {"profile": "provisioned"},
    {"filters": ["null"]},
    {"filters": ['{"body": ["a"]}'] * 6},
    {"filters": [" " * 4097]},
    {"metrics": ["ErrorCount"]},
    {"destination_config": {"OnSuccess": {}}},
    {"function": "nobody"},
    {"function": "slow"},  # its timeout is too long
    {"function": "taken"},  # another mapping joins it and the queue
]


def look(world, mapping):
    return (
        mapping.describe(),
        dict(mapping.answer),
        mapping.state,
        mapping.function_name,
        mapping.concurrency,
        world.event_source_mappings(),
        dict(mapping.metrics),
        world.clock.now_ns,
    )


@pytest.fixture
def joined(world, queue, function):
    world.create_function(None, name="slow", timeout=31)
    world.create_event_source_mapping(queue, world.create_function(None, name="taken"), enabled=False)
    mapping = world.create_event_source_mapping(
        queue, function, maximum_concurrency=3, maximum_batching_window_in_seconds=1
    )
    world.advance(1)
    return mapping


@pytest.mark.parametrize("changes", REFUSED)
def test_a_refused_update_changes_nothing(world, queue, function, joined, changes):
    before, entries = look(world, joined), list(world.journal)
    with pytest.raises(errors.LambdaError) as caught:
        joined.update(**{"batch_size": 3, "enabled": False, "report_batch_item_failures": True, **changes})
    assert look(world, joined) == before
    entry = check_journal(world, entries, caught.value)
    assert entry.action == "UpdateEventSourceMapping"
    queue.send_batch(["a", "b", "c", "d"])
    world.advance(2)
    assert [len(run.records) for run in function.invocations] == [4]


@pytest.mark.parametrize("given", REFUSED)
def test_a_refused_create_changes_nothing(world, queue, function, joined, given):
    before, entries = look(world, joined), list(world.journal)
    given = dict(given)
    wanted = given.pop("function", world.create_function(None, name="other"))
    if "minimum_pollers" in given and "maximum_concurrency" not in given:
        given["maximum_concurrency"] = 3
    with pytest.raises(errors.LambdaError) as caught:
        world.create_event_source_mapping(queue, wanted, **given)
    assert look(world, joined) == before
    entry = check_journal(world, entries, caught.value)
    assert entry.action == "CreateEventSourceMapping"
    fresh = minisqs.World(seed=1)
    fourth = world.create_event_source_mapping(queue, world.create_function(None, name="fourth"))
    assert fourth.uuid == fresh.sqs.service.identifiers.uuid("mapping 3")  # the refused one has taken no number


def check_journal(world, entries, error):
    """One entry more, which tells of the refusal."""
    added = list(world.journal)[len(entries) :]
    assert list(world.journal)[: len(entries)] == entries
    assert len(added) == 1
    assert added[0].cause == f"refused: {error.code}: {error.message}"
    assert added[0].action == error.operation_name
    return added[0]
