"""Message groups of FIFO queues: what blocks, what is delivered, and whose turn it is."""

from __future__ import annotations

import pytest

import minisqs
from minisqs.engine import groups


@pytest.fixture
def queue(world):
    return world.create_queue("q.fifo", fifo_queue=True, content_based_deduplication=True, visibility_timeout=30)


def send(queue, text):
    """Send messages whose first letter is their group."""
    for body in text.split():
        queue.send(body, message_group_id=body[0])


def bodies(messages):
    return " ".join(message.body for message in messages)


def test_a_call_takes_all_it_can_from_one_group_and_then_goes_on_to_the_next(queue):
    """sqs.md 7.8"""
    send(queue, "a1 b1 a2 b2 a3 c1")
    assert bodies(queue.receive(5)) == "a1 a2 a3 b1 b2"
    assert bodies(queue.receive(10)) == "c1"


def test_a_message_in_flight_blocks_what_lies_behind_it_in_its_group(queue):
    """sqs.md 7.7"""
    send(queue, "a1 a2 b1")
    assert bodies(queue.receive(1)) == "a1"
    assert bodies(queue.receive(10)) == "b1"
    assert queue.receive(10) == []
    assert queue.counts == (1, 2, 0)


def test_what_lies_before_a_message_in_flight_is_not_blocked(world, queue):
    """sqs.md 7.7: of three received together, the second held for longer, the first comes again, not the third"""
    send(queue, "foo1 foo2 foo3")
    _, second, _ = queue.receive(10)
    second.change_visibility(100)
    world.advance(30)
    [again] = queue.receive(10)
    assert again.body == "foo1"
    again.delete()
    assert queue.receive(10) == []
    world.advance(70)
    assert bodies(queue.receive(10)) == "foo2 foo3"


def test_the_run_from_the_head_ends_before_the_first_message_in_flight(queue):
    """sqs.md 7.7"""
    send(queue, "a1 a2 a3 a4")
    first, second, _, fourth = queue.receive(10)
    for message in (first, second, fourth):
        message.change_visibility(0)
    assert bodies(queue.receive(10)) == "a1 a2"
    assert queue.receive(10) == []


def test_the_worked_example_on_a_clock_that_stands_still(queue):
    """sqs.md 7.9"""
    send(queue, "a1 b1 b2 c1 a2")
    assert bodies(queue.receive(3, visibility_timeout=0)) == "a1 a2 b1"
    assert bodies(queue.receive(10)) == "c1 a1 a2 b1 b2"


def test_the_worked_example_on_a_clock_that_moves(world, queue):
    """sqs.md 7.9"""
    for body in ("a1", "b1", "b2", "c1", "a2"):
        send(queue, body)
        world.advance(0.001)
    assert bodies(queue.receive(3, visibility_timeout=0)) == "a1 a2 b1"
    world.advance(0.001)
    assert bodies(queue.receive(10)) == "c1 a1 a2 b1 b2"


def test_a_group_whose_head_came_back_waits_behind_those_that_waited_longer(world, queue):
    """sqs.md 7.9"""
    send(queue, "a1 b1 c1")
    assert bodies(queue.receive(1, visibility_timeout=5)) == "a1"
    world.advance(4)
    send(queue, "d1")
    world.advance(2)
    send(queue, "e1")
    assert bodies(queue.receive(10)) == "b1 c1 d1 a1 e1"


def test_groups_whose_heads_come_back_at_one_instant_go_by_the_call_that_hid_them(world, queue):
    """sqs.md 7.9"""
    send(queue, "a1 b1 c1")
    first = queue.receive(1, visibility_timeout=10)
    queue.receive(2, visibility_timeout=10)
    first[0].change_visibility(10)  # the last call to set that time
    world.advance(10)
    assert bodies(queue.receive(10)) == "b1 c1 a1"


def test_groups_hidden_by_one_receive_go_by_the_sequence_of_their_heads(world, queue):
    """sqs.md 7.9"""
    send(queue, "c1 a1 b1")
    queue.receive(10)
    world.advance(30)
    assert bodies(queue.receive(10)) == "c1 a1 b1"


def test_a_message_behind_a_deleted_head_has_been_available_since_it_was_sent(world, queue):
    """sqs.md 7.9, 7.10"""
    send(queue, "a1 a2")
    world.advance(1)
    send(queue, "b1")
    [head] = queue.receive(1)
    world.advance(1)
    head.delete()
    assert bodies(queue.receive(10)) == "a2 b1"


def test_a_change_to_zero_puts_a_group_behind_those_that_wait(world, queue):
    """sqs.md 7.9"""
    send(queue, "a1 b1")
    [head] = queue.receive(1)
    head.change_visibility(0)
    assert bodies(queue.receive(10)) == "b1 a1"


def test_a_delayed_message_is_available_since_its_delay_ended(world):
    """sqs.md 7.9"""
    queue = world.create_queue("d.fifo", fifo_queue=True, content_based_deduplication=True, delay_seconds=10)
    send(queue, "a1")
    world.advance(5)
    send(queue, "b1")
    world.advance(4.999_999_999)
    assert queue.receive(10) == []
    world.advance(0.000_000_001)
    assert bodies(queue.receive(10, visibility_timeout=5)) == "a1"
    world.advance(5)  # both at the same instant: the send of b1 set its time before the receive of a1 did
    assert bodies(queue.receive(10)) == "b1 a1"


def test_a_delayed_message_blocks_what_lies_behind_it(world):
    """sqs.md 7.7"""
    queue = world.create_queue("d.fifo", fifo_queue=True, content_based_deduplication=True, delay_seconds=10)
    send(queue, "a1")
    queue.set_attributes(delay_seconds=0)
    send(queue, "a2")
    assert bodies(queue.receive(10)) == "a1 a2"  # the shorter delay applies to what is delayed already


def test_deleting_the_head_frees_the_group_for_a_poll_that_waits(world, queue):
    """sqs.md 7.10"""
    send(queue, "a1 a2")
    [head] = queue.receive(1)
    order = []
    consumer = minisqs.Consumer(queue, lambda message: order.append((world.clock.seconds, message.body)))
    consumer.start()
    world.advance(3)
    assert order == []
    head.delete()
    world.advance(0)
    assert order == [(3, "a2")]


def test_the_order_of_a_group_survives_timeouts(world, queue):
    """sqs.md 7.11"""
    send(queue, "a1 a2 a3 a4 a5")
    for _ in range(3):
        assert bodies(queue.receive(10)) == "a1 a2 a3 a4 a5"
        assert queue.receive(10) == []
        world.advance(30)


def test_a_partial_delete_leaves_the_rest_of_the_batch_in_order(world, queue):
    """sqs.md 7.7"""
    send(queue, "a1 a2 a3")
    _, second, _ = queue.receive(10)
    second.delete()
    assert queue.receive(10) == []
    world.advance(30)
    assert bodies(queue.receive(10)) == "a1 a3"


@pytest.mark.parametrize(("before_ns", "expected"), [(1, ""), (0, "a1"), (-1, "a1")])
def test_a_head_comes_back_at_its_own_nanosecond(world, queue, before_ns, expected):
    """sqs.md 4.3, 7.7"""
    send(queue, "a1")
    queue.receive(1, visibility_timeout=7)
    world.advance(7 - before_ns / 1e9)
    assert bodies(queue.receive(10)) == expected


def test_a_queue_looks_for_groups_among_its_first_messages_only(world, monkeypatch):
    """sqs.md 6.8"""
    monkeypatch.setattr(groups.LookAhead.__init__, "__defaults__", (3,))
    queue = world.create_queue("w.fifo", fifo_queue=True, content_based_deduplication=True)
    send(queue, "a0")
    [head] = queue.receive(1)
    send(queue, "a1 a2 a3 b1 c1")
    assert queue.receive(10) == []  # a1, a2 and a3 are blocked, and fill the window
    head.delete()
    assert bodies(queue.receive(1)) == "a1"
    # Of a2, a3 and b1 the last is free; once it is in flight, the queue looks as far as c1.
    assert bodies(queue.receive(1)) == "b1"
    assert bodies(queue.receive(1)) == "c1"
    world.check_invariants()


def test_the_window_is_as_wide_as_awss():
    """sqs.md 6.8"""
    assert groups.LookAhead({}).window == 120_000


def test_a_full_queue_of_messages_in_flight_gives_nothing_and_no_error():
    """sqs.md 6.7"""
    world = minisqs.World(in_flight_limit=3)
    queue = world.create_queue("q.fifo", fifo_queue=True, content_based_deduplication=True)
    send(queue, "a1 b1 c1 d1")
    assert bodies(queue.receive(10)) == "a1 b1 c1"
    assert queue.receive(10) == []
    assert queue.receive(10, wait_time_seconds=1) == []


def test_counters_of_blocked_messages_are_those_of_visible_ones(queue, client):
    """sqs.md 15.1"""
    send(queue, "a1 a2 b1 b2 c1 c2")
    queue.receive(1)
    queue.receive(1)
    shown = client.get_queue_attributes(QueueUrl=queue.url, AttributeNames=["All"])["Attributes"]
    names = ("", "NotVisible", "Delayed")
    assert [shown[f"ApproximateNumberOfMessages{name}"] for name in names] == ["4", "2", "0"]


def test_sequence_numbers_are_twenty_digits_that_rise(queue, client):
    """sqs.md 2.6"""
    numbers = [
        client.send_message(QueueUrl=queue.url, MessageBody=str(place), MessageGroupId=group)["SequenceNumber"]
        for place, group in enumerate("aabba")
    ]
    assert all(len(number) == 20 and number.isdigit() for number in numbers)
    assert numbers == sorted(set(numbers))
    received = client.receive_message(QueueUrl=queue.url, AttributeNames=["SequenceNumber"])["Messages"]
    assert received[0]["Attributes"]["SequenceNumber"] == numbers[0]


def test_all_attributes_of_a_fifo_message(world, queue, client):
    """sqs.md 14.16"""
    queue.send("hello", message_group_id="g")
    [message] = client.receive_message(QueueUrl=queue.url, MessageSystemAttributeNames=["All"])["Messages"]
    assert message["Attributes"].keys() == {
        "SenderId",
        "SentTimestamp",
        "ApproximateReceiveCount",
        "ApproximateFirstReceiveTimestamp",
        "MessageGroupId",
        "MessageDeduplicationId",
        "SequenceNumber",
    }
    hashed = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    assert message["Attributes"]["MessageDeduplicationId"] == hashed


def test_a_fifo_queue_is_never_unkind_even_where_every_fault_is_on():
    """sqs.md 7.14 (U23)"""
    every = minisqs.Faults(duplicate=1, reorder=1, miss=1, stale_delete=1)
    world = minisqs.World(1, faults=every)
    queue = world.create_queue("q.fifo", fifo_queue=True, content_based_deduplication=True)
    send(queue, "a1 a2 a3")
    received = queue.receive(10)
    assert bodies(received) == "a1 a2 a3"
    queue.delete_batch(received)
    world.advance(90_000)
    assert queue.receive(10) == []
