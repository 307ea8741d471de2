"""The names of the 23 actions and of their parameters, as AWS's model has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_MESSAGE: Final = (
    "DelaySeconds",
    "MessageAttributes",
    "MessageBody",
    "MessageDeduplicationId",
    "MessageGroupId",
    "MessageSystemAttributes",
)

PARAMETERS: Final[Mapping[str, tuple[str, ...]]] = {
    "AddPermission": ("QueueUrl", "Label", "AWSAccountIds", "Actions"),
    "CancelMessageMoveTask": ("TaskHandle",),
    "ChangeMessageVisibility": ("QueueUrl", "ReceiptHandle", "VisibilityTimeout"),
    "ChangeMessageVisibilityBatch": ("QueueUrl", "Entries"),
    "CreateQueue": ("QueueName", "Attributes", "tags"),
    "DeleteMessage": ("QueueUrl", "ReceiptHandle"),
    "DeleteMessageBatch": ("QueueUrl", "Entries"),
    "DeleteQueue": ("QueueUrl",),
    "GetQueueAttributes": ("QueueUrl", "AttributeNames"),
    "GetQueueUrl": ("QueueName", "QueueOwnerAWSAccountId"),
    "ListDeadLetterSourceQueues": ("QueueUrl", "NextToken", "MaxResults"),
    "ListMessageMoveTasks": ("SourceArn", "MaxResults"),
    "ListQueueTags": ("QueueUrl",),
    "ListQueues": ("QueueNamePrefix", "NextToken", "MaxResults"),
    "PurgeQueue": ("QueueUrl",),
    "ReceiveMessage": (
        "QueueUrl",
        "AttributeNames",
        "MaxNumberOfMessages",
        "MessageAttributeNames",
        "MessageSystemAttributeNames",
        "ReceiveRequestAttemptId",
        "VisibilityTimeout",
        "WaitTimeSeconds",
    ),
    "RemovePermission": ("QueueUrl", "Label"),
    "SendMessage": ("QueueUrl", *_MESSAGE),
    "SendMessageBatch": ("QueueUrl", "Entries"),
    "SetQueueAttributes": ("QueueUrl", "Attributes"),
    "StartMessageMoveTask": ("SourceArn", "DestinationArn", "MaxNumberOfMessagesPerSecond"),
    "TagQueue": ("QueueUrl", "Tags"),
    "UntagQueue": ("QueueUrl", "TagKeys"),
}
"""The parameters of each action."""
