"""sqs.md 15.1, 15.2: what the counters count, exactly at every instant."""

import pytest


def counters(queue):
    shown = queue.attributes()
    names = (
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesDelayed",
    )
    assert tuple(int(shown[name]) for name in names) == queue.counts
    return tuple(queue.counts)


def test_each_message_is_counted_where_it_is(world, queue):
    """sqs.md 15.1"""
    assert counters(queue) == (0, 0, 0)
    queue.send_batch(["a", "b", "c"])
    queue.send("d", delay_seconds=10)
    assert counters(queue) == (3, 0, 1)
    [first, second] = queue.receive(2)
    assert counters(queue) == (1, 2, 1)
    first.delete()
    assert counters(queue) == (1, 1, 1)
    second.change_visibility(0)
    assert counters(queue) == (2, 0, 1)
    world.advance(10)
    assert counters(queue) == (3, 0, 0)
    queue.receive(10, visibility_timeout=5)
    assert counters(queue) == (0, 3, 0)
    world.advance(5)
    assert counters(queue) == (3, 0, 0)
    world.advance(345_600)
    assert counters(queue) == (0, 0, 0)


@pytest.mark.parametrize(("offset_ns", "counted"), [(-1, (0, 1, 1)), (0, (2, 0, 0)), (1, (2, 0, 0))])
def test_counters_change_at_the_nanosecond_of_the_deadline(queue, pass_ns, offset_ns, counted):
    """sqs.md 15.1"""
    queue.send("a")
    queue.receive(visibility_timeout=7)
    queue.send("b", delay_seconds=7)
    pass_ns(7 * 10**9 + offset_ns)
    assert counters(queue) == counted


def test_looking_at_counters_and_messages_changes_nothing(world, queue):
    """sqs.md 15.1"""
    queue.send("a")
    for _ in range(3):
        counters(queue)
        assert [view.receive_count for view in queue.messages()] == [0]
    assert queue.receive()[0].receive_count == 1
