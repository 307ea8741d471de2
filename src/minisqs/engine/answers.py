"""What a receive shows of a message: the system attributes and message attributes that were asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..limits import MILLISECOND_NS
from .message import Delivery, Message
from .values import MessageAttribute


def system_attributes(delivery: Delivery, sender_id: str) -> dict[str, str]:
    """Every system attribute that the message has, as of this delivery, as texts (sqs.md 14.16)."""
    message = delivery.message
    return {
        "SenderId": sender_id,
        "SentTimestamp": str(message.sent_ns // MILLISECOND_NS),
        "ApproximateReceiveCount": str(delivery.receive_count),
        "ApproximateFirstReceiveTimestamp": str(message.first_received_ns // MILLISECOND_NS),
        **rare_attributes(message),
    }


def rare_attributes(message: Message) -> dict[str, str]:
    """The system attributes that only some messages have."""
    extras = message.extras
    shown: dict[str, str] = {}
    if extras.deduplication_id is not None:
        shown["SequenceNumber"] = message.sequence_number
    if extras.group_id is not None:
        shown["MessageGroupId"] = extras.group_id
    if extras.deduplication_id is not None:
        shown["MessageDeduplicationId"] = extras.deduplication_id
    for name, attribute in (extras.system_attributes or {}).items():
        shown[name] = str(attribute.value)
    if extras.dead_letter_source_arn is not None:
        shown["DeadLetterQueueSourceArn"] = extras.dead_letter_source_arn
    return shown


def message_attributes(delivery: Delivery, wanted: Callable[[str], bool] | None) -> Mapping[str, MessageAttribute]:
    """The message attributes whose names are wanted, by name; None wants none."""
    attributes = delivery.message.extras.attributes
    if not attributes or wanted is None:
        return {}
    return {name: attributes[name] for name in sorted(attributes) if wanted(name)}
