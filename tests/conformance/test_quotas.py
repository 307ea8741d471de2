"""How many calls a second a FIFO queue takes, where that is asked for."""

from __future__ import annotations

from functools import partial

import pytest

import minisqs


@pytest.fixture
def world():
    return minisqs.World(fifo_quotas=True)


@pytest.fixture
def queue(world):
    return world.create_queue("q.fifo", fifo_queue=True, content_based_deduplication=True, visibility_timeout=0)


def sends(client, queue, count, group="g"):
    for number in range(count):
        client.send_message(QueueUrl=queue.url, MessageBody=f"{group} {number}", MessageGroupId=group)


def throttled(aws_refuses, call):
    aws_refuses("RequestThrottled", "Request is throttled.", call, status=403)


def test_there_is_no_quota_unless_it_is_asked_for():
    """sqs.md 16.2"""
    world = minisqs.World()
    queue = world.create_queue("q.fifo", fifo_queue=True, content_based_deduplication=True)
    sends(world.client(), queue, 400)
    assert queue.counts.visible == 400


def test_a_fifo_queue_takes_300_sends_a_second(world, client, queue, aws_refuses):
    """sqs.md 16.2"""
    sends(client, queue, 300)
    throttled(aws_refuses, partial(sends, client, queue, 1, "other"))
    assert queue.counts.visible == 300
    world.advance(0.999_999_999)
    throttled(aws_refuses, partial(sends, client, queue, 1, "other"))
    world.advance(0.000_000_001)
    sends(client, queue, 300, "other")
    throttled(aws_refuses, partial(sends, client, queue, 1, "more"))


def test_a_batch_is_one_call_so_3000_messages_a_second_fit(client, queue, aws_refuses):
    """sqs.md 16.2"""

    def batch(number):
        entries = [{"Id": str(k), "MessageBody": f"{number} {k}", "MessageGroupId": "g"} for k in range(10)]
        client.send_message_batch(QueueUrl=queue.url, Entries=entries)

    for number in range(300):
        batch(number)
    assert queue.counts.visible == 3000
    throttled(aws_refuses, partial(batch, 300))
    throttled(aws_refuses, partial(sends, client, queue, 1))


def test_sends_receives_and_deletes_are_counted_apart(client, queue, aws_refuses):
    """sqs.md 16.2"""
    sends(client, queue, 300)
    receive = partial(client.receive_message, QueueUrl=queue.url)
    handles = [receive()["Messages"][0]["ReceiptHandle"] for _ in range(300)]
    throttled(aws_refuses, receive)
    delete = partial(client.delete_message_batch, QueueUrl=queue.url)
    for handle in handles:
        delete(Entries=[{"Id": "1", "ReceiptHandle": handle}])
    throttled(aws_refuses, partial(delete, Entries=[{"Id": "1", "ReceiptHandle": handles[0]}]))
    throttled(aws_refuses, partial(client.delete_message, QueueUrl=queue.url, ReceiptHandle=handles[0]))


def test_each_queue_has_its_own_quota_and_standard_queues_have_none(world, client, queue):
    """sqs.md 16.1, 16.2"""
    sends(client, queue, 300)
    sends(client, world.create_queue("other.fifo", fifo_queue=True, content_based_deduplication=True), 300)
    plain = world.create_queue("plain")
    for _ in range(1000):
        plain.send("m")
    assert plain.counts.visible == 1000


def high(world):
    return world.create_queue(
        "high.fifo",
        fifo_queue=True,
        content_based_deduplication=True,
        deduplication_scope="messageGroup",
        fifo_throughput_limit="perMessageGroupId",
    )


def test_with_high_throughput_each_group_takes_300_sends_a_second(world, client, aws_refuses):
    """sqs.md 16.2, 7.13"""
    queue = high(world)
    for group in "abcd":
        sends(client, queue, 300, group)
    throttled(aws_refuses, partial(sends, client, queue, 1, "a"))
    sends(client, queue, 1, "e")


def test_with_high_throughput_the_queue_takes_what_its_region_allows(aws_refuses):
    """sqs.md 16.2"""
    world = minisqs.World(fifo_quotas=True, region="us-east-2")
    queue = high(world)
    receive = partial(world.client().receive_message, QueueUrl=queue.url)
    for _ in range(19_000):
        receive()
    throttled(aws_refuses, receive)


def test_a_throttled_call_counts_for_nothing_and_changes_nothing(world, client, queue, aws_refuses):
    """sqs.md 16.2"""
    sends(client, queue, 300)
    for _ in range(10):
        throttled(aws_refuses, partial(sends, client, queue, 1, "other"))
    world.advance(1)
    sends(client, queue, 1, "other")  # its deduplication id was not used up
    assert queue.counts.visible == 301
