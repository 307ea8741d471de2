"""Receipt handles of FIFO queues, and receives that are repeated by their attempt id."""

from __future__ import annotations

import pytest


@pytest.fixture
def queue(world):
    return world.create_queue("q.fifo", fifo_queue=True, content_based_deduplication=True, visibility_timeout=30)


def expired(handle):
    return f"Value {handle} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired."


def receive(client, queue, **parameters):
    return client.receive_message(QueueUrl=queue.url, MaxNumberOfMessages=10, **parameters).get("Messages", [])


def handle_of_one(client, queue):
    queue.send("m", message_group_id="g")
    return receive(client, queue)[0]["ReceiptHandle"]


@pytest.mark.parametrize("before_ns", [1, 0, -1])
def test_a_handle_deletes_until_its_visibility_timeout_ends_to_the_nanosecond(
    world, client, queue, aws_refuses, before_ns
):
    """sqs.md 5.5"""
    handle = handle_of_one(client, queue)
    world.advance(30 - before_ns / 1e9)
    if before_ns > 0:
        client.delete_message(QueueUrl=queue.url, ReceiptHandle=handle)
        assert queue.counts == (0, 0, 0)
    else:
        aws_refuses(
            "InvalidParameterValue", expired(handle), client.delete_message, QueueUrl=queue.url, ReceiptHandle=handle
        )
        assert queue.counts == (1, 0, 0)


def test_a_handle_deletes_for_as_long_as_its_timeout_was_extended(world, client, queue):
    """sqs.md 5.5"""
    handle = handle_of_one(client, queue)
    client.change_message_visibility(QueueUrl=queue.url, ReceiptHandle=handle, VisibilityTimeout=60)
    world.advance(59)
    client.delete_message(QueueUrl=queue.url, ReceiptHandle=handle)
    assert queue.counts == (0, 0, 0)


def test_an_older_handle_is_expired_while_a_newer_receive_holds_the_message(world, client, queue, aws_refuses):
    """sqs.md 5.5 (U15)"""
    old = handle_of_one(client, queue)
    world.advance(30)
    [message] = receive(client, queue)
    assert message["ReceiptHandle"] != old
    for call, extra in ((client.delete_message, {}), (client.change_message_visibility, {"VisibilityTimeout": 5})):
        aws_refuses("InvalidParameterValue", expired(old), call, QueueUrl=queue.url, ReceiptHandle=old, **extra)
    client.delete_message(QueueUrl=queue.url, ReceiptHandle=message["ReceiptHandle"])


def test_a_handle_is_dead_once_the_visibility_was_set_to_zero(client, queue, aws_refuses):
    """sqs.md 5.5"""
    handle = handle_of_one(client, queue)
    client.change_message_visibility(QueueUrl=queue.url, ReceiptHandle=handle, VisibilityTimeout=0)
    aws_refuses(
        "InvalidParameterValue", expired(handle), client.delete_message, QueueUrl=queue.url, ReceiptHandle=handle
    )


def test_deleting_a_deleted_message_again_succeeds(client, queue):
    """sqs.md 5.4, 5.5 (U15)"""
    handle = handle_of_one(client, queue)
    for _ in range(2):
        client.delete_message(QueueUrl=queue.url, ReceiptHandle=handle)


def test_a_visibility_change_after_the_timeout_is_refused(world, client, queue, aws_refuses):
    """sqs.md 5.7"""
    handle = handle_of_one(client, queue)
    world.advance(30)
    aws_refuses(
        "InvalidParameterValue",
        expired(handle),
        client.change_message_visibility,
        QueueUrl=queue.url,
        ReceiptHandle=handle,
        VisibilityTimeout=10,
    )
    assert queue.counts == (1, 0, 0)


def test_a_visibility_change_of_a_deleted_message_is_refused_with_another_reason(client, queue, aws_refuses):
    """sqs.md 5.8"""
    handle = handle_of_one(client, queue)
    client.delete_message(QueueUrl=queue.url, ReceiptHandle=handle)
    text = (
        f"Value {handle} for parameter ReceiptHandle is invalid. "
        "Reason: Message does not exist or is not available for visibility timeout change."
    )
    aws_refuses(
        "InvalidParameterValue",
        text,
        client.change_message_visibility,
        QueueUrl=queue.url,
        ReceiptHandle=handle,
        VisibilityTimeout=10,
    )


def test_an_expired_handle_fails_its_entry_of_a_batch(world, client, queue):
    """sqs.md 12.6"""
    handle = handle_of_one(client, queue)
    world.advance(30)
    entry = {"Id": "1", "ReceiptHandle": handle}
    failed = {"Id": "1", "Code": "InvalidParameterValue", "SenderFault": True, "Message": expired(handle)}
    assert client.delete_message_batch(QueueUrl=queue.url, Entries=[entry])["Failed"] == [failed]
    changed = client.change_message_visibility_batch(QueueUrl=queue.url, Entries=[{**entry, "VisibilityTimeout": 1}])
    assert changed["Failed"] == [failed]


# ------------------------------------------------------------------------------------------ repeated receives
def test_a_repeated_attempt_gives_the_same_messages_with_the_same_handles_and_counts(client, queue):
    """sqs.md 7.12 (U22)"""
    for body in "ab":
        queue.send(body, message_group_id="g")
    asked = {"ReceiveRequestAttemptId": "attempt", "AttributeNames": ["All"]}
    first = receive(client, queue, **asked)
    again = receive(client, queue, **asked)
    assert [one["Body"] for one in first] == ["a", "b"]
    assert again == first
    assert again[0]["Attributes"]["ApproximateReceiveCount"] == "1"
    assert receive(client, queue, ReceiveRequestAttemptId="other") == []


def test_a_repeat_restarts_the_visibility_timeout(world, client, queue):
    """sqs.md 7.12"""
    queue.send("m", message_group_id="g")
    [first] = receive(client, queue, ReceiveRequestAttemptId="attempt")
    world.advance(20)
    assert receive(client, queue, ReceiveRequestAttemptId="attempt")
    world.advance(29)
    assert queue.counts.in_flight == 1
    client.delete_message(QueueUrl=queue.url, ReceiptHandle=first["ReceiptHandle"])
    assert queue.counts == (0, 0, 0)


def test_a_repeat_ignores_how_many_messages_it_asks_for(client, queue):
    """sqs.md 7.12, 21 (17)"""
    for body in "abc":
        queue.send(body, message_group_id="g")
    first = client.receive_message(QueueUrl=queue.url, MaxNumberOfMessages=2, ReceiveRequestAttemptId="x")["Messages"]
    again = client.receive_message(QueueUrl=queue.url, MaxNumberOfMessages=1, ReceiveRequestAttemptId="x")["Messages"]
    assert again == first
    assert len(again) == 2


@pytest.mark.parametrize("deed", ["delete", "change", "show"])
def test_an_attempt_is_new_once_one_of_its_messages_was_deleted_or_changed(client, queue, deed):
    """sqs.md 7.12"""
    for body in "ab":
        queue.send(body, message_group_id=body)
    handle = receive(client, queue, ReceiveRequestAttemptId="attempt")[0]["ReceiptHandle"]
    named = {"QueueUrl": queue.url, "ReceiptHandle": handle}
    if deed == "delete":
        client.delete_message(**named)
    else:
        client.change_message_visibility(**named, VisibilityTimeout=0 if deed == "show" else 77)
    again = receive(client, queue, ReceiveRequestAttemptId="attempt")
    assert [one["Body"] for one in again] == (["a"] if deed == "show" else [])


def test_an_attempt_is_new_once_the_messages_came_back(world, client, queue):
    """sqs.md 7.12"""
    queue.send("m", message_group_id="g")
    asked = {"ReceiveRequestAttemptId": "attempt", "AttributeNames": ["All"]}
    [first] = receive(client, queue, **asked)
    world.advance(30)
    [again] = receive(client, queue, **asked)
    assert again["ReceiptHandle"] != first["ReceiptHandle"]
    assert again["Attributes"]["ApproximateReceiveCount"] == "2"


@pytest.mark.parametrize(("before_ns", "repeated"), [(1, True), (0, False), (-1, False)])
def test_an_attempt_can_be_repeated_for_five_minutes_from_the_first_call(world, client, queue, before_ns, repeated):
    """sqs.md 7.12, 21 (17)"""
    queue.send("m", message_group_id="g")
    asked = {"ReceiveRequestAttemptId": "attempt", "VisibilityTimeout": 1000}
    first = receive(client, queue, **asked)
    world.advance(200)
    assert receive(client, queue, **asked) == first  # does not begin the five minutes anew
    world.advance(100 - before_ns / 1e9)
    assert receive(client, queue, **asked) == (first if repeated else [])


def test_an_empty_receive_is_not_remembered(client, queue):
    """sqs.md 7.12 (U22)"""
    assert receive(client, queue, ReceiveRequestAttemptId="attempt") == []
    queue.send("m", message_group_id="g")
    assert len(receive(client, queue, ReceiveRequestAttemptId="attempt")) == 1


@pytest.mark.parametrize("value", ["", "x" * 129, "a b"])
def test_an_attempt_id_has_the_form_of_the_other_ids(client, queue, aws_refuses, value):
    """sqs.md 7.12"""
    name = "ReceiveRequestAttemptId"
    text = (
        f"Value {value} for parameter {name} is invalid. "
        f"Reason: {name} can only include alphanumeric and punctuation characters. 1 to 128 in length."
    )
    aws_refuses(
        "InvalidParameterValue", text, client.receive_message, QueueUrl=queue.url, ReceiveRequestAttemptId=value
    )


def test_two_attempts_are_kept_apart(client, queue):
    """sqs.md 7.12"""
    for body in "ab":
        queue.send(body, message_group_id=body)
    one = client.receive_message(QueueUrl=queue.url, ReceiveRequestAttemptId="1")["Messages"]
    two = client.receive_message(QueueUrl=queue.url, ReceiveRequestAttemptId="2")["Messages"]
    assert [one[0]["Body"], two[0]["Body"]] == ["a", "b"]
    assert client.receive_message(QueueUrl=queue.url, ReceiveRequestAttemptId="1")["Messages"] == one
    assert client.receive_message(QueueUrl=queue.url, ReceiveRequestAttemptId="2")["Messages"] == two
