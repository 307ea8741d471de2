"""Calls of every action of SQS, with a client of boto3's shape: what each answers, by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

MESSAGE: dict[str, Any] = {
    "MessageBody": "hällo 😀",
    "MessageAttributes": {
        "raw": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
        "size": {"DataType": "Number.int", "StringValue": "5"},
    },
    "MessageSystemAttributes": {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-5e3d83c1-e6a0db584850d61342823d4c"}},
}  # fmt: skip


def answers(client: Any, sleep: Callable[[float], None]) -> dict[str, Any]:
    """One account from its first queue to its last."""
    found: dict[str, Any] = {}

    def call(name: str, action: str, **parameters: Any) -> Any:
        found[name] = getattr(client, action)(**parameters)
        return found[name]

    dead = call("create", "create_queue", QueueName="dead", tags={"team": "post"})["QueueUrl"]
    arn = client.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
    url = client.create_queue(QueueName="orders", Attributes={"RedrivePolicy": policy})["QueueUrl"]
    fifo = client.create_queue(QueueName="q.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    call("url", "get_queue_url", QueueName="orders")
    call("list", "list_queues", QueueNamePrefix="o")
    call("list, a page", "list_queues", MaxResults=1)
    call("list, none", "list_queues", QueueNamePrefix="zzz")
    call("sources", "list_dead_letter_source_queues", QueueUrl=dead)
    call("sources, none", "list_dead_letter_source_queues", QueueUrl=url)
    call("attributes", "get_queue_attributes", QueueUrl=url, AttributeNames=["All"])
    call("attributes, none", "get_queue_attributes", QueueUrl=url)
    call("set", "set_queue_attributes", QueueUrl=url, Attributes={"VisibilityTimeout": "10"})
    call("tag", "tag_queue", QueueUrl=url, Tags={"a": "1", "b": ""})
    call("tags", "list_queue_tags", QueueUrl=url)
    call("untag", "untag_queue", QueueUrl=url, TagKeys=["a", "b"])
    call("tags, none", "list_queue_tags", QueueUrl=url)
    call("allow", "add_permission", QueueUrl=url, Label="x", AWSAccountIds=["111122223333"], Actions=["SendMessage"])
    call("forbid", "remove_permission", QueueUrl=url, Label="x")
    call("send", "send_message", QueueUrl=url, **MESSAGE)
    call("send, fifo", "send_message", QueueUrl=fifo, MessageBody="a", MessageGroupId="g", MessageDeduplicationId="d")
    entries = [
        {"Id": "1", **MESSAGE},
        {"Id": "2", "MessageBody": "late", "DelaySeconds": 901},
        {"Id": "3", "MessageBody": "c"},
    ]
    call("send ten", "send_message_batch", QueueUrl=url, Entries=entries)
    wanted = {"AttributeNames": ["All"], "MessageAttributeNames": ["All"]}
    received = call("receive", "receive_message", QueueUrl=url, MaxNumberOfMessages=10, **wanted)["Messages"]
    call("receive, fifo", "receive_message", QueueUrl=fifo, AttributeNames=["All"])
    call("receive, none", "receive_message", QueueUrl=url, WaitTimeSeconds=1)
    handles = [message["ReceiptHandle"] for message in received]
    call("hide", "change_message_visibility", QueueUrl=url, ReceiptHandle=handles[0], VisibilityTimeout=20)
    changes = [{"Id": "a", "ReceiptHandle": handles[1], "VisibilityTimeout": 0}, {"Id": "b", "ReceiptHandle": "?"}]
    call("hide ten", "change_message_visibility_batch", QueueUrl=url, Entries=changes)
    call("delete", "delete_message", QueueUrl=url, ReceiptHandle=handles[0])
    deletes = [{"Id": "a", "ReceiptHandle": handles[2]}, {"Id": "b", "ReceiptHandle": "?"}]
    call("delete ten", "delete_message_batch", QueueUrl=url, Entries=deletes)
    sleep(30)
    call("receive, too often", "receive_message", QueueUrl=url)
    call("receive, dead", "receive_message", QueueUrl=dead, VisibilityTimeout=0, AttributeNames=["All"])
    call("move", "start_message_move_task", SourceArn=arn, MaxNumberOfMessagesPerSecond=1)
    call("moves", "list_message_move_tasks", SourceArn=arn)
    sleep(60)
    call("moves, over", "list_message_move_tasks", SourceArn=arn)
    call("purge", "purge_queue", QueueUrl=url)
    call("delete queue", "delete_queue", QueueUrl=fifo)
    return found
