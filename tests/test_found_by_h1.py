"""What the source does otherwise than it should; each test goes to its proper place once it passes."""

from datetime import UTC, datetime

import pytest

import minisqs
from minisqs import Consumer, Faults, Plan, RedrivePolicy, SendMessage, World, errors


def test_a_consumer_that_stops_itself_stops():
    world = World()
    queue = world.create_queue("q")
    consumer = Consumer(queue, lambda message: consumer.stop(), max_number_of_messages=1)
    consumer.start()
    queue.send_batch(["a", "b"])
    world.advance(100)
    assert consumer.failures == []
    assert [entry.message for entry in world.journal if entry.action == "ReceiveMessage"] == ["main/1"]


def test_a_consumer_that_was_stopped_takes_no_wake_from_another():
    world = World()
    queue = world.create_queue("q")
    received_at = []
    stopped = Consumer(queue, lambda message: None)
    other = Consumer(queue, lambda message: received_at.append(world.clock.seconds))
    stopped.start()
    other.start()
    world.advance(1)
    stopped.stop()
    queue.send("x")
    world.advance(1)
    assert received_at == [1.0]


def test_a_tie_may_be_chosen_while_somebody_waits():
    world = World(seed=1, faults=Faults(tie=1))
    for name in ("a", "b"):
        Consumer(world.create_queue(name), lambda message: None).start()
    world.advance(30)
    assert {address.kind for address in world.choices} == {"tie"}


def test_one_reply_holds_a_message_once_though_it_was_shown_twice():
    """sqs.md 6.6"""
    world = World(faults=Plan({}))
    queue = world.create_queue("q")
    queue.send("a")
    [message] = queue.receive()
    message.change_visibility(0)
    message.change_visibility(30)
    message.change_visibility(0)
    assert len(queue.receive(10)) == 1
    world.check_invariants()


@pytest.mark.parametrize("year", [1960, 2150, 9000])
def test_a_world_works_or_refuses_to_begin_whatever_its_year(year):
    try:
        world = World(start=datetime(year, 1, 1, tzinfo=UTC))
    except errors.UsageError:
        return
    queue = world.create_queue("q", message_retention_period=60)
    queue.send("a")
    queue.purge()
    queue.send("b")
    assert queue.receive(visibility_timeout=0)[0].receipt_handle
    world.advance(60)
    assert queue.messages() == []


def test_a_run_given_up_names_the_queue_whose_deadline_is_too_late():
    world = World()
    queue = world.create_queue("slow-orders")
    queue.send("a", delay_seconds=30)
    with pytest.raises(errors.NeverSettled, match="slow-orders"):
        world.run_until_idle(max_seconds=10)


def test_a_bytearray_counts_towards_the_size():
    """sqs.md 11.2"""
    world = World()
    queue = world.create_queue("q", maximum_message_size=1024)
    attributes = {"k": {"DataType": "Binary", "BinaryValue": bytearray(5000)}}
    assert queue.send_batch([SendMessage("x", message_attributes=attributes)]).successful == []


def test_a_waiting_poll_goes_on_when_a_delete_makes_room_in_flight():
    """sqs.md 6.3, 6.7"""
    world = World(in_flight_limit=1)
    queue = world.create_queue("q", visibility_timeout=100)
    queue.send_batch(["a", "b"])
    [first] = queue.receive()
    received_at = []
    Consumer(queue, lambda message: received_at.append(world.clock.seconds)).start()
    world.advance(5)
    first.delete()
    world.advance(1)
    assert received_at == [5.0]


def test_the_journal_never_goes_back_in_time_when_retention_is_shortened():
    world = World()
    queue = world.create_queue("q")
    queue.send("a")
    world.advance(100)
    queue.set_attributes(message_retention_period=60)
    times = [entry.time_ns for entry in world.journal]
    assert times == sorted(times)


def test_the_journal_never_goes_back_in_time_when_a_dead_letter_is_too_old():
    world = World()
    bad = world.create_queue("bad", message_retention_period=60)
    queue = world.create_queue("q", redrive_policy=RedrivePolicy(bad, 1))
    queue.send("a")
    world.advance(100)
    queue.receive(visibility_timeout=0)
    queue.receive()
    times = [entry.time_ns for entry in world.journal]
    assert times == sorted(times)


@pytest.mark.parametrize("name", ["DeduplicationScope", "FifoThroughputLimit"])
def test_attributes_of_fifo_queues_are_refused_by_name(world, name):
    """sqs.md 3.3"""
    value = {"DeduplicationScope": "queue", "FifoThroughputLimit": "perQueue"}[name]
    with pytest.raises(errors.InvalidAttributeName) as caught:
        world.sqs.create_queue("q", {name: value})
    assert caught.value.message == f"You can specify the {name} only when FifoQueue is set to true."


@pytest.mark.parametrize("attributes", [[], "", 0, False])
def test_attributes_that_are_no_map_are_refused_though_empty(world, attributes):
    """sqs.md 1, SerializationException"""
    with pytest.raises(errors.SerializationException):
        world.sqs.create_queue("q", attributes)


@pytest.mark.parametrize(("given", "shown"), [("true", "true"), ("null", "null")])
def test_a_refused_receive_count_is_shown_as_json_has_it(world, given, shown):
    """sqs.md 3.6: {n} in the text; Python's True and None are no JSON."""
    policy = f'{{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:123456789012:d","maxReceiveCount":{given}}}'
    with pytest.raises(errors.InvalidParameterValue) as caught:
        world.create_queue("q", redrive_policy=policy)
    assert f"Invalid value for maxReceiveCount: {shown}, valid" in caught.value.message


def test_a_refused_attribute_filter_has_the_shape_of_every_refusal(world):
    """sqs.md 1.1: the answer has a request id, and the error names its operation."""
    queue = world.create_queue("q")
    with pytest.raises(errors.SerializationException) as caught:
        queue.receive(message_attribute_names=[1])
    assert caught.value.request_id
    assert caught.value.operation_name == "ReceiveMessage"


def test_a_message_of_another_world_is_refused_and_changes_nothing():
    one, other = World(seed=1), World(seed=2)
    queue, stranger = one.create_queue("q"), other.create_queue("q")
    queue.send("a")
    stranger.send("b")
    [message] = stranger.receive()
    with pytest.raises((errors.ReceiptHandleIsInvalid, errors.UsageError)):
        queue.delete(message)
    one.check_invariants()
    assert [view.state for view in stranger.messages()] == ["in_flight"]


def test_one_choice_of_a_missed_delete_is_told_only_where_a_copy_comes():
    """A message whose retention ends in this very nanosecond leaves no copy behind."""
    world = minisqs.World(faults=Plan({("duplicate_after_delete", "main/1", 0): 1}))
    queue = world.create_queue("q", message_retention_period=60)
    queue.send("a")
    [message] = queue.receive(visibility_timeout=100)
    world.sqs.kernel.run_until(world.clock.now_ns + 60 * 10**9 - 1)
    message.delete()
    assert not world.choices
