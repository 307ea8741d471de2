"""sqs.md 4, 14.15: from the send through delay, receives and timeouts to an end."""

import pytest

from minisqs import RedrivePolicy, World, errors

SECOND = 1_000_000_000
AROUND = [(-1, False), (0, True), (1, True)]


def bodies(messages):
    return [message.body for message in messages]


def test_a_message_is_available_at_once(queue):
    """sqs.md 4.1"""
    queue.send("a")
    assert bodies(queue.receive()) == ["a"]


@pytest.mark.parametrize(("offset_ns", "there"), AROUND)
@pytest.mark.parametrize(("own", "of_queue", "seconds"), [(1, 0, 1), (900, 5, 900), (None, 5, 5), (None, 900, 900)])
def test_a_delay_ends_at_its_own_nanosecond(world, pass_ns, own, of_queue, seconds, offset_ns, there):
    """sqs.md 4.1"""
    queue = world.create_queue("q", delay_seconds=of_queue)
    queue.send("a", delay_seconds=own)
    assert queue.counts == (0, 0, 1)
    pass_ns(seconds * SECOND + offset_ns)
    assert bool(queue.receive()) is there


def test_a_delay_of_zero_overrides_that_of_the_queue(world):
    """sqs.md 4.1"""
    queue = world.create_queue("q", delay_seconds=9)
    queue.send("a", delay_seconds=0)
    assert bodies(queue.receive()) == ["a"]


@pytest.mark.parametrize(("offset_ns", "there"), AROUND)
@pytest.mark.parametrize(
    ("own", "of_queue", "seconds"), [(1, 30, 1), (43_200, 30, 43_200), (None, 7, 7), (None, 43_200, 43_200)]
)
def test_a_visibility_timeout_ends_at_its_own_nanosecond(world, pass_ns, own, of_queue, seconds, offset_ns, there):
    """sqs.md 4.2, 4.3"""
    queue = world.create_queue("q", visibility_timeout=of_queue)
    queue.send("a")
    queue.receive(visibility_timeout=own)
    assert queue.counts == (0, 1, 0)
    pass_ns(seconds * SECOND + offset_ns)
    assert bool(queue.receive()) is there


def test_each_receive_counts_and_has_a_handle_of_its_own_and_the_first_time_stays(world, queue):
    """sqs.md 4.2, 4.7"""
    queue.send("a")
    seen = []
    for _ in range(3):
        world.advance(40)
        [message] = queue.receive()
        shown = message.attributes
        seen.append(
            (
                message.receive_count,
                shown["ApproximateReceiveCount"],
                shown["ApproximateFirstReceiveTimestamp"],
                shown["SentTimestamp"],
            )
        )
    start_ms = world.clock.started_ns // 10**6
    first, sent = str(start_ms + 40_000), str(start_ms)
    assert seen == [(1, "1", first, sent), (2, "2", first, sent), (3, "3", first, sent)]


def test_a_timeout_of_zero_shows_the_message_at_once_and_counts(queue):
    """sqs.md 4.2"""
    queue.send("a")
    assert [queue.receive(visibility_timeout=0)[0].receive_count for _ in range(3)] == [1, 2, 3]
    assert queue.counts == (1, 0, 0)


def test_a_timeout_passes_silently(world):
    """sqs.md 4.3"""
    bad = world.create_queue("bad")
    queue = world.create_queue("orders", redrive_policy=RedrivePolicy(bad, 1))
    queue.send("a")
    queue.receive()
    world.advance(3 * 86_400)
    assert queue.messages()[0].receive_count == 1
    assert (queue.counts, bad.counts) == ((1, 0, 0), (0, 0, 0))


@pytest.mark.parametrize(("offset_ns", "there"), AROUND)
@pytest.mark.parametrize("seconds", [1, 100, 43_195])
def test_a_changed_timeout_counts_from_the_change(world, queue, pass_ns, seconds, offset_ns, there):
    """sqs.md 4.4"""
    queue.send("a")
    [message] = queue.receive()
    world.advance(5)
    message.change_visibility(seconds)
    pass_ns(seconds * SECOND + offset_ns)
    assert bool(queue.receive()) is there


def test_a_change_to_zero_shows_the_message_now_and_only_this_receive_is_concerned(world, queue):
    """sqs.md 4.4"""
    queue.send("a")
    queue.receive()[0].change_visibility(0)
    [message] = queue.receive()
    message.change_visibility(300)
    world.advance(300)
    assert len(queue.receive()) == 1
    world.advance(30)
    assert len(queue.receive()) == 1


@pytest.mark.parametrize("maximum", [1, 2, 5])
def test_the_attempt_after_the_last_receive_moves_the_message(world, maximum):
    """sqs.md 4.5"""
    bad = world.create_queue("bad")
    queue = world.create_queue("orders", redrive_policy=RedrivePolicy(bad, maximum))
    queue.send("a")
    for count in range(1, maximum + 1):
        assert queue.receive()[0].receive_count == count
        world.advance(30)
        assert (queue.counts, bad.counts) == ((1, 0, 0), (0, 0, 0))
    assert queue.receive() == []
    assert (queue.counts, bad.counts) == ((0, 0, 0), (1, 0, 0))
    assert bad.messages()[0].receive_count == maximum


def test_a_change_of_visibility_moves_nothing(world):
    """sqs.md 4.5"""
    bad = world.create_queue("bad")
    queue = world.create_queue("orders", redrive_policy=RedrivePolicy(bad, 1))
    queue.send("a")
    queue.receive()[0].change_visibility(0)
    assert (queue.counts, bad.counts) == ((1, 0, 0), (0, 0, 0))


def test_a_call_that_moves_messages_goes_on_and_returns_others(world):
    """sqs.md 4.5"""
    bad = world.create_queue("bad")
    queue = world.create_queue("orders", redrive_policy=RedrivePolicy(bad, 1))
    queue.send_batch(["a", "b"])
    queue.receive(2, visibility_timeout=0)
    queue.send("c")
    assert bodies(queue.receive()) == ["c"]
    assert bodies(bad.receive(10)) == ["a", "b"]


@pytest.mark.parametrize(("offset_ns", "gone"), AROUND)
@pytest.mark.parametrize("state", ["available", "delayed", "in flight"])
@pytest.mark.parametrize("retention", [60, 1_209_600])
def test_retention_ends_at_its_own_nanosecond_in_whatever_state(world, pass_ns, retention, state, offset_ns, gone):
    """sqs.md 4.6"""
    queue = world.create_queue("q", message_retention_period=retention)
    queue.send("a", delay_seconds=900 if state == "delayed" else 0)
    if state == "in flight":
        queue.receive(visibility_timeout=43_200)
    pass_ns(retention * SECOND + offset_ns)
    assert (queue.messages() == []) is gone
    if gone:
        assert (queue.counts, queue.receive()) == ((0, 0, 0), [])


def test_a_message_that_expired_in_flight_does_not_come_back_and_its_delete_succeeds(world):
    """sqs.md 4.6"""
    queue = world.create_queue("q", message_retention_period=60)
    queue.send("a")
    [message] = queue.receive(visibility_timeout=100)
    world.advance(60)
    message.delete()
    queue.delete(message.receipt_handle)
    world.advance(100)
    assert queue.receive() == []


def test_the_time_of_the_send_is_in_milliseconds():
    """sqs.md 4.7"""
    world = World(start=1_000.123_999)
    queue = world.create_queue("q")
    queue.send("a", delay_seconds=5)
    world.advance(5)
    shown = queue.receive()[0].attributes
    assert (shown["SentTimestamp"], shown["ApproximateFirstReceiveTimestamp"]) == ("1000123", "1005123")


def test_a_purge_removes_messages_in_every_state(world, queue, refused):
    """sqs.md 4.8"""
    queue.send_batch(["available", "in flight"])
    queue.send("delayed", delay_seconds=10)
    [message] = queue.receive()
    queue.purge()
    world.advance(100)
    assert (queue.counts, queue.receive()) == ((0, 0, 0), [])
    message.delete()
    with refused(errors.InvalidParameterValue, None):
        message.change_visibility(1)
    queue.send("new")
    assert bodies(queue.receive()) == ["new"]


@pytest.mark.parametrize(("offset_ns", "again"), AROUND)
@pytest.mark.parametrize("filled", [True, False])
def test_a_purge_may_be_repeated_after_60_seconds(queue, pass_ns, refused, filled, offset_ns, again):
    """sqs.md 14.15"""
    queue.purge()
    if filled:
        queue.send("a")
    pass_ns(60 * SECOND + offset_ns)
    if again:
        queue.purge()
        assert queue.counts == (0, 0, 0)
    else:
        with refused(
            errors.PurgeQueueInProgress, "Only one PurgeQueue operation on orders is allowed every 60 seconds."
        ):
            queue.purge()


def test_each_queue_is_purged_by_itself(world, queue):
    """sqs.md 14.15"""
    other = world.create_queue("other")
    other.send("a")
    queue.purge()
    other.purge()
    assert other.counts == (0, 0, 0)
