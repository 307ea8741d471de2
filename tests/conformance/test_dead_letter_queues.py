"""sqs.md 9, 15.3: what a dead-letter queue gets, and what it keeps of the message."""

import pytest

from minisqs import RedrivePolicy, errors

SECOND = 1_000_000_000


@pytest.fixture
def bad(world):
    return world.create_queue("bad")


@pytest.fixture
def orders(world, bad):
    return world.create_queue("orders", redrive_policy=RedrivePolicy(bad, 1))


def move(queue):
    """Receive the queue's only message as often as it may be, and once more."""
    while queue.receive(visibility_timeout=0):
        pass


def test_a_message_keeps_all_it_had_and_counts_on(world, orders, bad):
    """sqs.md 9.1, 9.2"""
    orders.send("hello", message_attributes={"kind": "x"}, message_group_id="tenant", trace_header="Root=1")
    world.advance(5)
    [message] = orders.receive(visibility_timeout=1)
    assert "DeadLetterQueueSourceArn" not in message.attributes
    world.advance(10)
    assert orders.receive() == []
    world.advance(10)
    [dead] = bad.receive()
    assert (dead.message_id, dead.body, dead.message_attributes) == (message.message_id, "hello", {"kind": "x"})
    assert dead.receive_count == 2
    assert dead.attributes == message.attributes | {
        "ApproximateReceiveCount": "2",
        "DeadLetterQueueSourceArn": orders.arn,
    }
    assert dead.source is orders


def test_a_dead_letter_is_available_at_the_moment_of_the_move(world):
    """sqs.md 9.3"""
    bad = world.create_queue("bad", delay_seconds=900)
    queue = world.create_queue("q", redrive_policy=RedrivePolicy(bad, 1))
    queue.send("a")
    move(queue)
    assert bad.counts == (1, 0, 0)


def test_who_waits_on_the_dead_letter_queue_gets_the_message_when_it_is_moved(world, orders, bad):
    """sqs.md 9.3, 6.3"""
    orders.send("a")
    world.sqs.kernel.at(world.clock.now_ns + 3 * SECOND, lambda: move(orders), label="somebody")
    assert len(bad.receive(wait_time_seconds=20)) == 1
    assert world.clock.seconds == 3


@pytest.mark.parametrize(("offset_ns", "there"), [(-1, True), (0, False), (1, False)])
def test_retention_counts_from_the_send(world, pass_ns, offset_ns, there):
    """sqs.md 9.5"""
    bad = world.create_queue("bad", message_retention_period=4 * 86_400)
    queue = world.create_queue("q", redrive_policy=RedrivePolicy(bad, 1))
    queue.send("a")
    world.advance(86_400)
    move(queue)
    pass_ns(3 * 86_400 * SECOND + offset_ns)
    assert bool(bad.messages()) is there


def test_a_message_too_old_for_the_dead_letter_queue_is_gone_with_the_move(world):
    """sqs.md 9.5"""
    bad = world.create_queue("bad", message_retention_period=60)
    queue = world.create_queue("q", redrive_policy=RedrivePolicy(bad, 1))
    queue.send("a")
    world.advance(100)
    move(queue)
    assert (queue.counts, bad.counts, bad.receive()) == ((0, 0, 0), (0, 0, 0), [])
    world.check_invariants()


def test_an_old_dead_letter_goes_before_younger_messages(world, bad, orders):
    """sqs.md 9.5"""
    orders.send("old")
    world.advance(100)
    bad.send("young")
    move(orders)
    world.advance(345_500)
    assert [view.body for view in bad.messages()] == ["young"]


def test_messages_stay_in_the_dead_letter_queue_when_the_source_is_deleted(world, orders, bad):
    """sqs.md 9.6"""
    orders.send("a")
    move(orders)
    world.delete_queue(orders)
    [dead] = bad.receive()
    assert dead.attributes["DeadLetterQueueSourceArn"] == orders.arn
    assert dead.source is None


def test_without_its_dead_letter_queue_a_message_stays_and_is_delivered_on(world, orders, bad):
    """sqs.md 9.6"""
    world.delete_queue(bad)
    orders.send("a")
    assert [orders.receive(visibility_timeout=0)[0].receive_count for _ in range(4)] == [1, 2, 3, 4]
    assert "RedrivePolicy" in orders.attributes()
    world.advance(60)
    again = world.create_queue("bad")
    assert orders.receive() == []
    assert again.counts == (1, 0, 0)


def test_a_chain_compares_the_receives_in_each_queue_and_shows_the_total(world):
    """sqs.md 9.7, 3.9"""
    last = world.create_queue("last")
    middle = world.create_queue("middle", redrive_policy=RedrivePolicy(last, 2))
    first = world.create_queue("first", redrive_policy=RedrivePolicy(middle, 3))
    first.send("a")
    counts = []
    for queue in (first, middle, last):
        while received := queue.receive(visibility_timeout=0):
            counts.append((queue.name, received[0].receive_count))
            if queue is last:
                break
    assert counts == [("first", 1), ("first", 2), ("first", 3), ("middle", 4), ("middle", 5), ("last", 6)]
    assert last.receive()[0].attributes["DeadLetterQueueSourceArn"] == middle.arn


def test_handles_of_the_source_are_those_of_a_deleted_message(orders, bad, refused):
    """sqs.md 9.8"""
    orders.send("a")
    [message] = orders.receive(visibility_timeout=0)
    assert orders.receive() == []
    handle = message.receipt_handle
    orders.delete(handle)
    message.delete()
    assert bad.counts == (1, 0, 0)
    reason = "Message does not exist or is not available for visibility timeout change."
    with refused(
        errors.InvalidParameterValue, f"Value {handle} for parameter ReceiptHandle is invalid. Reason: {reason}"
    ):
        orders.change_visibility(handle, 1)
    with refused(errors.ReceiptHandleIsInvalid, f'The receipt handle "{handle}" is not valid for this queue.'):
        bad.delete(handle)


def test_dead_letters_lie_in_the_order_of_their_moves(world, bad, orders):
    """sqs.md 21.11"""
    orders.send_batch(["a", "b", "c"])
    [a, b, c] = orders.receive(10)
    for message in (c, a):
        message.change_visibility(0)
        assert orders.receive() == []
    bad.send("d")
    b.change_visibility(0)
    assert orders.receive() == []
    assert [message.body for message in bad.receive(10)] == ["c", "a", "d", "b"]


def test_a_queue_may_be_its_own_dead_letter_queue(world):
    """sqs.md 21.8"""
    queue = world.create_queue("q")
    queue.set_attributes(redrive_policy=RedrivePolicy(queue, 1))
    queue.send("a")
    counts = [queue.receive(visibility_timeout=0)[0].receive_count for _ in range(3)]
    assert counts == [1, 2, 3]
    world.check_invariants()


def test_a_changed_count_takes_effect_at_the_next_attempt(orders, bad):
    """sqs.md 21.10"""
    orders.set_attributes(redrive_policy=RedrivePolicy(bad, 3))
    orders.send("a")
    orders.receive(visibility_timeout=0)
    orders.receive(visibility_timeout=0)
    orders.set_attributes(redrive_policy=RedrivePolicy(bad, 2))
    assert orders.receive() == []
    assert bad.counts == (1, 0, 0)


def test_a_move_is_seen_in_the_counters_at_once(orders, bad):
    """sqs.md 15.3"""
    orders.send("a")
    orders.receive(visibility_timeout=0)
    assert (orders.counts, bad.counts) == ((1, 0, 0), (0, 0, 0))
    orders.receive()
    assert (orders.counts, bad.counts) == ((0, 0, 0), (1, 0, 0))
    assert bad.attributes()["ApproximateNumberOfMessages"] == "1"
