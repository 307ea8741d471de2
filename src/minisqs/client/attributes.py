"""Attributes of queues and messages in Python's types, and the way from there to AWS's form and back."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Protocol, TypeAlias, TypedDict

import attrs

from .. import errors

AttributeValue: TypeAlias = "str | int | float | Decimal | bytes | Mapping[str, object]"
"""A message attribute: text, a number, bytes, or AWS's own form with DataType."""


class QueueAttributes(TypedDict, total=False):
    """The attributes of a queue, by AWS's names in snake case; what is left out keeps its value or default.

    ``""`` unsets a policy or the KMS key.
    """

    delay_seconds: int
    maximum_message_size: int
    message_retention_period: int
    receive_message_wait_time_seconds: int
    visibility_timeout: int
    policy: str | Mapping[str, object]
    redrive_policy: RedrivePolicy | str | Mapping[str, object]
    redrive_allow_policy: str | Mapping[str, object]
    kms_master_key_id: str
    kms_data_key_reuse_period_seconds: int
    sqs_managed_sse_enabled: bool
    fifo_queue: bool
    content_based_deduplication: bool
    deduplication_scope: str
    fifo_throughput_limit: str


class HasArn(Protocol):
    """A queue, as far as a redrive policy looks at it."""

    @property
    def arn(self) -> str:
        """The queue's ARN."""
        ...


@attrs.frozen
class RedrivePolicy:
    """Move a message to another queue once it was received ``max_receive_count`` times and not deleted.

    Args:
        dead_letter_queue: The queue, or its ARN.
        max_receive_count: Receives, 1 to 1,000; the next attempt to receive the message moves it.

    Source: sqs.md 3.6 and 9.
    """

    dead_letter_queue: HasArn | str
    max_receive_count: int

    def text(self) -> str:
        """The policy as the JSON text that AWS takes."""
        queue = self.dead_letter_queue
        target = queue if isinstance(queue, str) else getattr(queue, "arn", None)
        if not isinstance(target, str):
            raise errors.UsageError(f"a dead-letter queue is a Queue or its ARN, not {queue!r}")
        return json.dumps({"deadLetterTargetArn": target, "maxReceiveCount": self.max_receive_count})


def raw_queue_attributes(attributes: Mapping[str, Any]) -> dict[str, str]:
    """Attributes in snake case and Python's types, as AWS's map of texts; None is the same as left out.

    Raises:
        UsageError: Not the name of a queue attribute.
    """
    raw = {}
    for name, value in attributes.items():
        if name not in QueueAttributes.__annotations__:
            raise errors.UsageError(f"{name!r} is not an attribute of a queue; {_meant(name)}")
        if value is not None:
            raw["".join(part.capitalize() for part in name.split("_"))] = _attribute_text(value)
    return raw


def _meant(name: str) -> str:
    """What somebody who wrote ``name`` had in mind."""
    known = list(QueueAttributes.__annotations__)
    snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
    close = difflib.get_close_matches(snake, known, n=1) or [one for one in known if one.startswith(snake)][:1]
    return f"did you mean {close[0]!r}?" if close else f"the attributes are {', '.join(known)}"


def _attribute_text(value: object) -> str:
    if isinstance(value, RedrivePolicy):
        return value.text()
    if hasattr(value, "arn") or isinstance(value, tuple):
        raise errors.UsageError(f"a redrive policy is RedrivePolicy(queue, max_receive_count=...), not {value!r}")
    if isinstance(value, Mapping):
        return json.dumps(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def raw_message_attributes(attributes: Mapping[str, AttributeValue]) -> dict[str, Mapping[str, object]]:
    """Message attributes in Python's types, in AWS's form."""
    if not isinstance(attributes, Mapping):
        raise errors.UsageError(f"message attributes are a mapping from name to value, not {attributes!r}")
    return {name: _raw_attribute(name, value) for name, value in attributes.items()}


def _raw_attribute(name: str, value: AttributeValue) -> Mapping[str, object]:
    if isinstance(value, str):
        return {"DataType": "String", "StringValue": value}
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return {"DataType": "Number", "StringValue": str(value)}
    if isinstance(value, (bytes, bytearray)):
        return {"DataType": "Binary", "BinaryValue": bytes(value)}
    if isinstance(value, Mapping):
        return value
    raise errors.UsageError(
        f"the message attribute {name!r} is text, a number, bytes, or a mapping with DataType, not {value!r}"
    )


def plain_value(data_type: str, value: str | bytes) -> str | int | Decimal | bytes:
    """The value of a message attribute in the Python type that its data type says."""
    if isinstance(value, bytes) or not data_type.startswith("Number"):
        return value
    number = Decimal(value)
    return int(number) if value.lstrip("+-").isdigit() else number
