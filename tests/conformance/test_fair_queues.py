"""Fair queues: standard queues whose messages have a group; quiet tenants go before noisy ones."""

from __future__ import annotations

import pytest


@pytest.fixture
def queue(world):
    return world.create_queue("q", visibility_timeout=1000)


def send(queue, tenant, count, prefix=None):
    for number in range(count):
        queue.send(f"{prefix or tenant}{number}", message_group_id=tenant)


def take(queue, count):
    received = []
    while len(received) < count:
        received += queue.receive(min(10, count - len(received)))
    return received


def bodies(messages):
    return [message.body for message in messages]


def noisy(queue):
    return queue.metrics["ApproximateNumberOfNoisyGroups"]


def test_a_tenant_with_thirty_in_flight_and_over_a_tenth_is_noisy_and_waits(queue):
    """sqs.md 19.2, 19.3"""
    send(queue, "busy", 60)
    take(queue, 30)
    send(queue, "quiet", 3)
    assert bodies(queue.receive(10)) == ["quiet0", "quiet1", "quiet2", *(f"busy{30 + n}" for n in range(7))]
    assert noisy(queue) == 1


def test_a_tenant_with_twenty_nine_in_flight_is_quiet(queue):
    """sqs.md 19.2"""
    send(queue, "busy", 60)
    take(queue, 29)
    send(queue, "quiet", 3)
    assert bodies(queue.receive(1)) == ["busy29"]
    assert noisy(queue) == 0


def test_a_tenant_with_a_tenth_of_what_is_in_flight_is_quiet(queue):
    """sqs.md 19.2: exactly a tenth is not more than a tenth"""
    send(queue, "busy", 30)
    for number in range(270):
        queue.send(f"nobody's {number}")
    take(queue, 300)
    send(queue, "busy", 1, "more ")
    send(queue, "quiet", 1)
    assert bodies(queue.receive(1)) == ["more 0"]
    assert noisy(queue) == 0


def test_nothing_is_dropped_and_a_tenant_keeps_its_order(queue):
    """sqs.md 19.3"""
    send(queue, "busy", 50)
    take(queue, 30)
    send(queue, "quiet", 30)
    rest = bodies(take(queue, 50))
    assert [body for body in rest if body.startswith("busy")] == [f"busy{30 + n}" for n in range(20)]
    assert [body for body in rest if body.startswith("quiet")] == [f"quiet{n}" for n in range(30)]
    assert queue.receive(10) == []


def test_among_noisy_tenants_the_one_with_the_fewest_in_flight_goes_first(queue):
    """sqs.md 19.3"""
    send(queue, "most", 41)
    take(queue, 40)
    send(queue, "less", 31, "less ")
    # "most" is noisy by now, so these are all of the other
    take(queue, 30)
    send(queue, "most", 3, "more ")
    send(queue, "less", 3, "also ")
    order = bodies(take(queue, 1))
    assert order == ["less 30"]
    assert noisy(queue) == 2
    order += bodies(take(queue, 7))
    assert sorted(order) == sorted(
        ["less 30", "most40", *(f"more {n}" for n in range(3)), *(f"also {n}" for n in range(3))]
    )
    assert order.index("also 0") < order.index("most40")


def test_a_message_without_a_group_is_a_tenant_of_its_own(queue):
    """sqs.md 19.1"""
    send(queue, "busy", 40)
    take(queue, 30)
    queue.send("nobody's")
    assert bodies(queue.receive(1)) == ["nobody's"]


def test_a_tenant_is_quiet_again_once_its_backlog_is_drained(queue):
    """sqs.md 19.4"""
    send(queue, "busy", 40)
    take(queue, 30)
    assert len(queue.receive(1)) == 1
    assert noisy(queue) == 1
    take(queue, 9)
    queue.receive(10)
    assert noisy(queue) == 0


@pytest.mark.parametrize(("seconds", "count"), [(299.999_999_999, 1), (300, 0)])
def test_a_tenant_is_quiet_again_after_five_minutes_without_a_send(world, queue, seconds, count):
    """sqs.md 19.4"""
    send(queue, "busy", 60)
    take(queue, 31)
    assert noisy(queue) == 1
    world.advance(seconds)
    queue.send("nobody's")
    first = bodies(queue.receive(1))
    assert noisy(queue) == count
    assert first == (["nobody's"] if count else ["busy31"])


def test_a_tenant_that_takes_over_a_tenth_of_the_consumers_time_is_noisy(world, queue):
    """sqs.md 19.2"""
    send(queue, "slow", 60)
    for message in take(queue, 29):
        world.advance(1)
        message.delete()
    [message] = take(queue, 1)
    world.advance(1)
    message.delete()
    send(queue, "quiet", 1)
    assert bodies(queue.receive(1)) == ["quiet0"]
    assert noisy(queue) == 1


def test_messages_of_one_group_are_in_flight_in_parallel(queue):
    """sqs.md 19.5"""
    send(queue, "tenant", 3)
    assert [bodies(queue.receive(1)) for _ in range(3)] == [["tenant0"], ["tenant1"], ["tenant2"]]


def test_the_quiet_have_metrics_of_their_own(world, queue):
    """sqs.md 15.4"""
    send(queue, "busy", 40)
    take(queue, 30)
    queue.receive(1)
    world.advance(10)
    send(queue, "quiet", 2)
    queue.send("late", message_group_id="quiet", delay_seconds=100)
    queue.receive(1)
    world.advance(5)
    assert {name: queue.metrics[f"{name}InQuietGroups"] for name in ("ApproximateAgeOfOldestMessage",)} == {
        "ApproximateAgeOfOldestMessage": 5
    }
    states = ("Visible", "NotVisible", "Delayed")
    shown = [queue.metrics[f"ApproximateNumberOfMessages{state}InQuietGroups"] for state in states]
    assert shown == [1, 1, 1]


def test_a_queue_without_groups_is_no_fair_queue(queue):
    """sqs.md 19.1"""
    queue.send("m")
    assert "ApproximateNumberOfNoisyGroups" not in queue.metrics
