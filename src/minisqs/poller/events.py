"""The event that a handler gets, and how much of it fits into one invocation.

An event is plain dictionaries, lists and texts, made anew for each invocation, with the keys of AWS's
recorded events in their order. A batch's payload is the JSON of the whole event; as making it only to
measure it would cost more than all the rest, a batch is measured by a bound first, and exactly only
where the bound is over the limit.

Source: Lambda guide, Using Lambda with Amazon SQS, and recorded events; lambda-poller.md 2.1 and P6.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple, TypeAlias

from .. import limits
from ..engine import answers, digests
from ..engine.identifiers import Identifiers
from ..engine.message import NO_EXTRAS, Delivery, Message
from ..engine.values import MessageAttribute
from ..limits import MILLISECOND_NS
from .settings import Settings

Record: TypeAlias = dict[str, Any]
Event: TypeAlias = dict[str, list[Record]]

_FRAME_BYTES: Final = len('{"Records":[]}') - 1
"""What is around the records; one less, as each is measured with a comma behind it, and the last has none."""

_RECORD_BYTES_MOST: Final = 1500
"""No record without attributes is larger than this and four bytes for each character of its body."""


class Shape(NamedTuple):
    """What differs between the events of mappings.

    Attributes:
        shows_none: Whether a record without message attributes has their digest, as None.
        normalises_numbers: Whether attributes of type Number arrive without needless zeros.
    """

    shows_none: bool
    normalises_numbers: bool

    @classmethod
    def of(cls, settings: Settings) -> Shape:
        """What a mapping's settings say of it."""
        has_window = settings.maximum_batching_window_in_seconds > 0
        return cls(has_window and settings.none_for_missing_digest, settings.normalise_numbers)


class Events:
    """Makes the events of one queue.

    Args:
        identifiers: What ids and receipt handles are made from.
        sender_id: The SenderId of every message.
        queue_arn: The queue.
    """

    def __init__(self, identifiers: Identifiers, sender_id: str, queue_arn: str) -> None:
        self._message_id = identifiers.message_id
        self._receipt_handle = identifiers.receipt_handle
        self._sender_id = sender_id
        self._queue_arn = queue_arn
        self._region = queue_arn.split(":")[3]
        self._sent = self._first = (-1, "")

    def event(self, deliveries: Sequence[Delivery], shape: Shape) -> Event:
        """The event of a batch, in the order of receipt. Cost: O(records), about three microseconds each."""
        return {"Records": [self.record(delivery, shape) for delivery in deliveries]}

    def record(self, delivery: Delivery, shape: Shape) -> Record:
        """One record; what most messages have not is put in by ``_complete``."""
        message = delivery.message
        count = delivery.receive_count
        sent_ns, first_ns = message.sent_ns, message.first_received_ns
        record: Record = {
            "messageId": self._message_id(message.producer, message.place),
            "receiptHandle": self._receipt_handle(delivery.queue_number, message.sequence, count, delivery.received_ns),
            "body": message.body,
            "attributes": {
                "ApproximateReceiveCount": "1" if count == 1 else str(count),
                "SentTimestamp": self._sent[1] if self._sent[0] == sent_ns else self._sent_at(sent_ns),
                "SenderId": self._sender_id,
                "ApproximateFirstReceiveTimestamp": (
                    self._first[1] if self._first[0] == first_ns else self._first_received_at(first_ns)
                ),
            },
            "messageAttributes": {},
            "md5OfMessageAttributes": None,
            "md5OfBody": digests.of_text(message.body),
            "eventSource": "aws:sqs",
            "eventSourceARN": self._queue_arn,
            "awsRegion": self._region,
        }
        if message.extras is not NO_EXTRAS:
            self._complete(record, message, shape)
        elif not shape.shows_none:
            del record["md5OfMessageAttributes"]
        return record

    @staticmethod
    def _complete(record: Record, message: Message, shape: Shape) -> None:
        """Put into a record what only some messages have."""
        extras = message.extras
        record["attributes"].update(answers.rare_attributes(message))
        if extras.attributes:
            record["messageAttributes"] = _message_attributes(extras.attributes, shape)
            record["md5OfMessageAttributes"] = digests.of_attributes(extras.attributes)
        elif not shape.shows_none:
            del record["md5OfMessageAttributes"]

    def _sent_at(self, time_ns: int) -> str:
        """A time in milliseconds, as a text; the next message was often sent at the same time."""
        self._sent = (time_ns, str(time_ns // MILLISECOND_NS))
        return self._sent[1]

    def _first_received_at(self, time_ns: int) -> str:
        """The same for the first receive."""
        self._first = (time_ns, str(time_ns // MILLISECOND_NS))
        return self._first[1]


class Payload:
    """The records of a batch that grows, as far as they fit.

    Attributes:
        deliveries: Those that are in.
    """

    __slots__ = ("_bytes", "_events", "_exact", "_exact_bytes", "_shape", "deliveries")

    def __init__(self, events: Events, shape: Shape) -> None:
        self._events = events
        self._shape = shape
        self.deliveries: list[Delivery] = []
        self._bytes = self._exact_bytes = _FRAME_BYTES
        self._exact = 0

    def add(self, deliveries: Sequence[Delivery]) -> list[Delivery]:
        """Take in records in their order until one does not fit; that one and those behind it.

        A record that alone is over the limit does not fit even into an empty batch.
        """
        most = sum([len(delivery.message.body) for delivery in deliveries]) * 4 + len(deliveries) * _RECORD_BYTES_MOST
        if self._bytes + most <= limits.EVENT_BYTES and all(d.message.extras is NO_EXTRAS for d in deliveries):
            self._bytes += most
            self.deliveries += deliveries
            return []
        for number, delivery in enumerate(deliveries):
            extras = delivery.message.extras
            if extras.attributes is None and extras.system_attributes is None:
                most = _RECORD_BYTES_MOST + 4 * len(delivery.message.body)
            else:
                most = self._size(delivery)
            if self._bytes + most > limits.EVENT_BYTES:
                self._measure()
                most = self._size(delivery)
                if self._bytes + most > limits.EVENT_BYTES:
                    return list(deliveries[number:])
            self._bytes += most
            self.deliveries.append(delivery)
        return []

    def _measure(self) -> None:
        """Replace the bounds of what is in by true sizes. Cost: O(records), each of them once."""
        self._exact_bytes += sum(map(self._size, self.deliveries[self._exact :]))
        self._exact = len(self.deliveries)
        self._bytes = self._exact_bytes

    def _size(self, delivery: Delivery) -> int:
        """The bytes of a record, and of the comma behind it."""
        record = self._events.record(delivery, self._shape)
        return len(json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()) + 1


def _message_attributes(attributes: Mapping[str, MessageAttribute], shape: Shape) -> dict[str, dict[str, Any]]:
    """Message attributes as records show them: only the scalar that applies, and two lists that stay empty."""
    return {name: _message_attribute(attributes[name], shape) for name in sorted(attributes)}


def _message_attribute(attribute: MessageAttribute, shape: Shape) -> dict[str, Any]:
    value = attribute.value
    shown: dict[str, Any] = {}
    if isinstance(value, bytes):
        shown["binaryValue"] = b64encode(value).decode()
    else:
        if shape.normalises_numbers and attribute.data_type.partition(".")[0] == "Number":
            value = format(Decimal(value).normalize(), "f")
        shown["stringValue"] = value
    return {**shown, "stringListValues": [], "binaryListValues": [], "dataType": attribute.data_type}
