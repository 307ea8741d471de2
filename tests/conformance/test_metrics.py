"""What CloudWatch would show: totals, gauges, and one-minute data by simulated time."""

from __future__ import annotations

import pytest

import minisqs

HOUR = 3600
COUNTS = {
    "NumberOfMessagesSent",
    "NumberOfMessagesReceived",
    "NumberOfMessagesDeleted",
    "NumberOfEmptyReceives",
    "SentMessageSize",
}
GAUGES = {
    "ApproximateAgeOfOldestMessage",
    "ApproximateNumberOfMessagesVisible",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
}
FIFO = {"NumberOfDeduplicatedSentMessages", "ApproximateNumberOfGroupsWithInflightMessages"}
FAIR = {
    "ApproximateNumberOfNoisyGroups",
    "ApproximateNumberOfMessagesVisibleInQuietGroups",
    "ApproximateNumberOfMessagesNotVisibleInQuietGroups",
    "ApproximateNumberOfMessagesDelayedInQuietGroups",
    "ApproximateAgeOfOldestMessageInQuietGroups",
}


@pytest.fixture
def queue(world):
    return world.create_queue("q")


def test_each_kind_of_queue_has_the_metrics_that_aws_names(world, queue):
    """sqs.md 15.4"""
    assert set(queue.metrics) == COUNTS | GAUGES
    fifo = world.create_queue("q.fifo", fifo_queue=True)
    assert set(fifo.metrics) == COUNTS | GAUGES | FIFO
    queue.send("m", message_group_id="tenant")
    assert set(queue.metrics) == COUNTS | GAUGES | FAIR


def test_totals_count_what_calls_did(world, queue):
    """sqs.md 15.4"""
    queue.send_batch(["a", "bb", "ccc"])
    queue.send("dddd", message_attributes={"k": "v"})
    received = queue.receive(2)
    queue.receive(10)
    queue.receive()
    queue.delete_batch(received)
    received[0].delete()  # a repeat succeeds, and counts
    totals = {name: queue.metrics[name] for name in COUNTS}
    assert totals == {
        "NumberOfMessagesSent": 4,
        "NumberOfMessagesReceived": 4,
        "NumberOfMessagesDeleted": 3,
        "NumberOfEmptyReceives": 1,
        "SentMessageSize": 1 + 2 + 3 + (4 + len("kStringv")),
    }


def test_refused_calls_are_not_counted(queue):
    """sqs.md 15.4"""
    queue.send_batch(["a", "\x00"])
    with pytest.raises(minisqs.errors.SqsError):
        queue.delete("bad")
    assert queue.metrics["NumberOfMessagesSent"] == 1
    assert queue.metrics["SentMessageSize"] == 1
    assert queue.metrics["NumberOfMessagesDeleted"] == 0


def test_gauges_show_the_present(world, queue):
    """sqs.md 15.1, 15.4"""
    queue.send_batch(["a", "b", "c"])
    queue.send("late", delay_seconds=100)
    queue.receive(1)
    world.advance(7.9)
    assert {name: queue.metrics[name] for name in GAUGES} == {
        "ApproximateNumberOfMessagesVisible": 2,
        "ApproximateNumberOfMessagesNotVisible": 1,
        "ApproximateNumberOfMessagesDelayed": 1,
        "ApproximateAgeOfOldestMessage": 7,
    }


def test_the_age_leaves_out_messages_received_three_times(world, queue):
    """sqs.md 15.4"""
    queue.send("poison")
    world.advance(10)
    queue.send("fresh")
    for _ in range(2):
        queue.receive(1, visibility_timeout=0)
    world.advance(5)
    assert queue.metrics["ApproximateAgeOfOldestMessage"] == 15
    queue.receive(1, visibility_timeout=0)
    assert queue.metrics["ApproximateAgeOfOldestMessage"] == 5


def test_the_age_in_a_dead_letter_queue_begins_at_the_move_which_is_no_send(world):
    """sqs.md 9.9, 15.4"""
    dead = world.create_queue("dead")
    queue = world.create_queue("q", redrive_policy=minisqs.RedrivePolicy(dead, 1))
    queue.send("poison")
    queue.receive(visibility_timeout=0)
    world.advance(100)
    queue.receive()
    world.advance(20)
    assert dead.metrics["ApproximateAgeOfOldestMessage"] == 20
    assert dead.metrics["NumberOfMessagesSent"] == 0
    assert dead.metrics["ApproximateNumberOfMessagesVisible"] == 1
    assert queue.metrics["NumberOfMessagesDeleted"] == 0


def test_a_fifo_queue_counts_repeats_and_groups_with_messages_in_flight(world):
    """sqs.md 15.4"""
    queue = world.create_queue("q.fifo", fifo_queue=True, content_based_deduplication=True)
    for body in ("a1", "a2", "b1", "c1", "a1"):
        queue.send(body, message_group_id=body[0])
    queue.receive(3)
    assert queue.metrics["NumberOfMessagesSent"] == 4
    assert queue.metrics["NumberOfDeduplicatedSentMessages"] == 1
    assert queue.metrics["ApproximateNumberOfGroupsWithInflightMessages"] == 2


# --------------------------------------------------------------------------------------------------- minutes
def test_minutes_are_those_of_simulated_time_since_the_queue_was_made(world, queue):
    """sqs.md 15.4"""
    queue.send_batch(["a", "b"])
    world.advance(59.999_999_999)
    queue.send("c")
    assert queue.metrics.minutes("NumberOfMessagesSent") == {}  # the minute is not over
    world.advance(0.000_000_001)
    queue.send("d")
    assert queue.metrics.minutes("NumberOfMessagesSent") == {0: 3}
    world.advance(120)
    assert queue.metrics.minutes("NumberOfMessagesSent") == {0: 3, 60: 1, 120: 0}
    assert queue.metrics["NumberOfMessagesSent"] == 4


def test_a_gauge_of_a_minute_is_as_it_stood_at_its_end(world, queue):
    """sqs.md 15.4"""
    queue.send("a")
    world.advance(50)
    queue.receive(visibility_timeout=15)
    world.advance(100)
    shown = {name: queue.metrics.minutes(f"ApproximateNumberOfMessages{name}") for name in ("Visible", "NotVisible")}
    assert shown == {"Visible": {0: 0, 60: 1}, "NotVisible": {0: 1, 60: 0}}
    assert queue.metrics.minutes("ApproximateAgeOfOldestMessage") == {0: 60, 60: 120}


def test_a_queue_is_active_for_six_hours_after_the_last_activity(world, queue):
    """sqs.md 15.4"""
    queue.send("a")
    world.advance(24 * HOUR)
    minutes = queue.metrics.minutes("NumberOfMessagesSent")
    assert list(minutes) == [60 * number for number in range(1 + 6 * 60)]
    queue.send("b")
    world.advance(60)
    minutes = queue.metrics.minutes("NumberOfMessagesSent")
    assert minutes[24 * HOUR] == 1
    assert len(minutes) == 1 + 6 * 60 + 1
    assert 24 * HOUR - 60 not in minutes


def test_a_queue_that_nobody_uses_has_no_minutes(world, queue):
    """sqs.md 15.4"""
    world.advance(HOUR)
    assert queue.metrics.minutes("NumberOfMessagesSent") == {}


def test_each_queue_has_its_own_metrics(world, queue):
    """sqs.md 15.4"""
    other = world.create_queue("other")
    queue.send("a")
    world.advance(60)
    assert queue.metrics.minutes("NumberOfMessagesSent") == {0: 1}
    assert other.metrics.minutes("NumberOfMessagesSent") == {}


def test_an_unknown_metric_is_a_key_error(queue):
    """sqs.md 15.4"""
    for look in (queue.metrics.__getitem__, queue.metrics.minutes):
        with pytest.raises(KeyError):
            look("NumberOfCoffees")
