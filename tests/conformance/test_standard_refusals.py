"""What standard queues refuse that FIFO queues take (section 8)."""

from __future__ import annotations

import pytest


@pytest.fixture
def url(client):
    return client.create_queue(QueueName="q")["QueueUrl"]


def test_a_deduplication_id_is_refused(client, url, aws_refuses):
    """sqs.md 8.1 (U24)"""
    text = (
        "Value 1 for parameter MessageDeduplicationId is invalid. "
        "Reason: The request includes a parameter that is not valid for this queue type."
    )
    parameters = {"MessageBody": "m", "MessageDeduplicationId": "1"}
    aws_refuses("InvalidParameterValue", text, client.send_message, QueueUrl=url, **parameters)


def test_a_deduplication_id_fails_its_entry_of_a_batch_alone(client, url):
    """sqs.md 8.1, 12.5"""
    entries = [{"Id": "1", "MessageBody": "m", "MessageDeduplicationId": "1"}, {"Id": "2", "MessageBody": "m"}]
    answer = client.send_message_batch(QueueUrl=url, Entries=entries)
    assert [(one["Id"], one["Code"]) for one in answer["Failed"]] == [("1", "InvalidParameterValue")]
    assert [one["Id"] for one in answer["Successful"]] == ["2"]


def test_a_group_is_taken_and_comes_back_without_a_number_or_an_order(client, url):
    """sqs.md 8.2, 19.5"""
    sent = [client.send_message(QueueUrl=url, MessageBody=body, MessageGroupId="tenant") for body in "ab"]
    assert all("SequenceNumber" not in one for one in sent)
    messages = [client.receive_message(QueueUrl=url, MessageSystemAttributeNames=["All"])["Messages"][0] for _ in "ab"]
    for message in messages:
        assert message["Attributes"].keys() == {
            "SenderId",
            "SentTimestamp",
            "ApproximateReceiveCount",
            "ApproximateFirstReceiveTimestamp",
            "MessageGroupId",
        }
        assert message["Attributes"]["MessageGroupId"] == "tenant"
    assert [one["Body"] for one in messages] == ["a", "b"]  # both in flight: nothing is locked


@pytest.mark.parametrize("value", ["", "x" * 129, "two words", "ö"])
def test_a_group_is_held_to_the_form_of_fifo_queues(client, url, aws_refuses, value):
    """sqs.md 8.2, 7.3"""
    text = (
        f"Value {value} for parameter MessageGroupId is invalid. "
        "Reason: MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in length."
    )
    parameters = {"MessageBody": "m", "MessageGroupId": value}
    aws_refuses("InvalidParameterValue", text, client.send_message, QueueUrl=url, **parameters)


def test_an_attempt_id_is_refused(client, url, aws_refuses):
    """sqs.md 7.12 (U22)"""
    text = (
        "Value a for parameter ReceiveRequestAttemptId is invalid. "
        "Reason: The request include parameter that is not valid for this queue type."
    )
    aws_refuses("InvalidParameterValue", text, client.receive_message, QueueUrl=url, ReceiveRequestAttemptId="a")
