"""Dead-letter queues of FIFO queues: the renewed deduplication id, order, number and age."""

from __future__ import annotations

import json

import pytest

import minisqs


@pytest.fixture
def dead(world):
    return world.create_queue("dead.fifo", fifo_queue=True, content_based_deduplication=True)


@pytest.fixture
def queue(world, dead):
    return world.create_queue(
        "q.fifo", fifo_queue=True, content_based_deduplication=True, redrive_policy=minisqs.RedrivePolicy(dead, 1)
    )


def kill(queue, times=1):
    """Receive what there is, and show it again, so often that the next receive moves it."""
    for _ in range(times):
        queue.receive(10, visibility_timeout=0)


def test_a_dead_letter_keeps_its_id_and_group_and_is_deduplicated_by_its_id(queue, dead):
    """sqs.md 9.1, 9.2, 9.4"""
    sent = queue.send("poison", message_group_id="g", message_attributes={"kind": "x"}, trace_header="Root=1-2-3")
    [message] = queue.receive(visibility_timeout=0)
    before = message.attributes
    assert queue.receive() == []
    [moved] = dead.receive()
    assert (moved.body, moved.message_id, moved.message_attributes) == ("poison", sent.message_id, {"kind": "x"})
    after = moved.attributes
    assert after.pop("DeadLetterQueueSourceArn") == queue.arn
    assert after.pop("MessageDeduplicationId") == sent.message_id
    assert after.pop("ApproximateReceiveCount") == "2"
    assert after.pop("SequenceNumber")
    for name in ("MessageDeduplicationId", "ApproximateReceiveCount", "SequenceNumber"):
        del before[name]
    assert after == before


def test_equal_contents_do_not_swallow_one_another_in_the_dead_letter_queue(world, queue, dead):
    """sqs.md 9.4"""
    dead.send("poison", message_group_id="g")
    for _ in range(2):
        queue.send("poison", message_group_id="g")
        kill(queue)
        assert queue.receive() == []
        world.advance(300)
    assert [one.body for one in dead.receive(10)] == ["poison"] * 3


def test_a_dead_letter_goes_behind_what_the_dead_letter_queue_holds_with_a_number_of_its_own(queue, dead):
    """sqs.md 9.4 (U25)"""
    queue.send("poison", message_group_id="g")
    first = dead.send("first", message_group_id="g")
    kill(queue)
    queue.receive()
    received = dead.receive(10)
    assert [one.body for one in received] == ["first", "poison"]
    assert received[1].attributes["SequenceNumber"] > str(first.sequence_number)
    last = dead.send("last", message_group_id="g")
    assert str(last.sequence_number) > received[1].attributes["SequenceNumber"]


def test_the_group_goes_on_with_its_next_message_in_the_same_call(queue, dead):
    """sqs.md 9.4, 4.5 (U13)"""
    for body in ("poison", "next"):
        queue.send(body, message_group_id="g")
    [poison] = queue.receive(1)
    poison.change_visibility(0)
    assert [one.body for one in queue.receive(1)] == ["next"]
    assert [one.body for one in dead.messages()] == ["poison"]


def test_a_batch_of_a_group_goes_to_the_dead_letter_queue_in_order(queue, dead):
    """sqs.md 9.4"""
    for body in "abc":
        queue.send(body, message_group_id="g")
    kill(queue)
    assert queue.receive(10) == []
    assert [one.body for one in dead.receive(10)] == ["a", "b", "c"]


def test_a_dead_letter_is_available_at_once_whatever_the_delay(world, queue, dead):
    """sqs.md 9.3 (U25)"""
    dead.set_attributes(delay_seconds=60)
    queue.send("poison", message_group_id="g")
    kill(queue)
    queue.receive()
    assert dead.counts == (1, 0, 0)


def test_the_age_of_a_dead_letter_begins_anew_on_fifo_and_goes_on_on_standard(world):
    """sqs.md 9.5"""
    day = 86_400
    left = {}
    for suffix, attributes in (("", {}), (".fifo", {"fifo_queue": True, "content_based_deduplication": True})):
        dead = world.create_queue(f"dead{suffix}", message_retention_period=4 * day, **attributes)
        policy = minisqs.RedrivePolicy(dead, 1)
        queue = world.create_queue(f"q{suffix}", redrive_policy=policy, **attributes)
        queue.send("poison", message_group_id="g" if suffix else None)
        left[suffix] = (queue, dead)
    world.advance(day)
    for queue, _ in left.values():
        kill(queue)
        queue.receive()
    world.advance(3 * day - 1)
    assert [dead.counts.visible for _, dead in left.values()] == [1, 1]
    world.advance(1)
    assert [dead.counts.visible for _, dead in left.values()] == [0, 1]


def test_a_handle_of_the_source_is_not_one_of_the_dead_letter_queue(client, queue, dead, aws_refuses):
    """sqs.md 9.8, 5.2"""
    queue.send("poison", message_group_id="g")
    handle = queue.receive(visibility_timeout=0)[0].receipt_handle
    queue.receive()
    text = f'The receipt handle "{handle}" is not valid for this queue.'
    call = client.delete_message
    aws_refuses("ReceiptHandleIsInvalid", text, call, status=404, QueueUrl=dead.url, ReceiptHandle=handle)
    call(QueueUrl=queue.url, ReceiptHandle=handle)
    assert dead.counts.visible == 1


@pytest.mark.parametrize(("name", "fifo"), [("plain", {}), ("line.fifo", {"FifoQueue": "true"})])
def test_a_dead_letter_queue_is_of_the_type_of_its_source(world, client, aws_refuses, name, fifo):
    """sqs.md 3.6, 3.9"""
    world.create_queue("other" if fifo else "other.fifo", fifo_queue=not fifo or None)
    target = f"arn:aws:sqs:us-east-1:123456789012:{'other' if fifo else 'other.fifo'}"
    policy = json.dumps({"deadLetterTargetArn": target, "maxReceiveCount": 1})
    text = (
        f"Value {policy} for parameter RedrivePolicy is invalid. "
        "Reason: Dead-letter queue must be same type of queue as the source.."
    )
    attributes = {**fifo, "RedrivePolicy": policy}
    aws_refuses("InvalidParameterValue", text, client.create_queue, QueueName=name, Attributes=attributes)
