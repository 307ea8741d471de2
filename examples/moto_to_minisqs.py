"""A test that was written for moto, and the one line that changes.

The test of a visibility timeout runs as it is, first under moto, then under minisqs: same boto3, same answers.
Under moto it takes as long as the timeout; under minisqs ``time.sleep`` moves the clock of the queues. Then
the same test meets something that moto cannot do: an answer that is lost on its way.
"""

from __future__ import annotations

import os
import time

import boto3
from moto import mock_aws  # the line that goes

from minisqs import mock_sqs  # the line that comes

for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
    os.environ[name] = "testing"  # moto's guide says so; minisqs needs none
os.environ["AWS_DEFAULT_REGION"] = "eu-west-1"


def test_an_order_comes_back() -> list[str]:
    sqs = boto3.client("sqs")
    url = sqs.create_queue(QueueName="orders", Attributes={"VisibilityTimeout": "2"})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="order-1")
    received = [sqs.receive_message(QueueUrl=url).get("Messages", [])]
    received += [sqs.receive_message(QueueUrl=url).get("Messages", [])]
    time.sleep(2.1)
    received += [sqs.receive_message(QueueUrl=url, AttributeNames=["All"]).get("Messages", [])]
    assert received[2][0]["Attributes"]["ApproximateReceiveCount"] == "2"
    return [message["Body"] for messages in received for message in messages]


def under_moto() -> None:
    began = time.monotonic()
    found = mock_aws()(test_an_order_comes_back)()
    assert time.monotonic() - began > 2.1
    print(f"moto     received {found}, and waited for 2.1 s in earnest")


def under_minisqs() -> None:
    with mock_sqs() as world:
        found = test_an_order_comes_back()
        print(f"minisqs  received {found}, and moved its clock by {world.clock.seconds:g} s")


def lose_answers() -> None:
    with mock_sqs(seed=11, faults={"lost_answer": 0.5}) as world:
        sqs = boto3.client("sqs")
        url = sqs.create_queue(QueueName="orders")["QueueUrl"]
        answer = sqs.send_message(QueueUrl=url, MessageBody="order-1")
        attempts = 1 + answer["ResponseMetadata"]["RetryAttempts"]
        print(f"\nThe code sent once; boto3 sent {attempts} times, as an answer was lost. In the queue are now:")
        for message in world.queue("orders").messages():
            print(f"  {message.body}  {message.message_id}")


if __name__ == "__main__":
    under_moto()
    under_minisqs()
    lose_answers()
