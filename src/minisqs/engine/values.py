"""What crosses the engine's boundary: requests, message attributes, policies, batch answers.

Named as AWS names them. ``SendMessage`` and the batch answers are built on the hot path, so they are
plain slotted classes; nobody changes one once it is built.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, TypeAlias, TypeVar

import attrs

from .. import errors

Answer = TypeVar("Answer")

RawAttributes: TypeAlias = Mapping[str, Mapping[str, object]]
"""Message attributes as AWS's request has them: name to DataType and StringValue or BinaryValue."""


@attrs.define
class SendMessage:
    """One message to send.

    Attributes:
        body: 1 to 1,048,576 bytes of text in UTF-8.
        delay_seconds: Seconds, 0 to 900, until it can be received; None takes the queue's delay.
        message_attributes: Name to ``{"DataType": ..., "StringValue": ...}`` or ``BinaryValue``; up to ten.
        message_system_attributes: The same; AWS knows only ``AWSTraceHeader``.
        message_group_id: 1 to 128 characters; needed on FIFO queues, on standard ones the tenant of a fair queue.
        message_deduplication_id: 1 to 128 characters; only on FIFO queues.
    """

    body: str
    delay_seconds: int | None = None
    message_attributes: RawAttributes | None = None
    message_system_attributes: RawAttributes | None = None
    message_group_id: str | None = None
    message_deduplication_id: str | None = None


MessageToSend: TypeAlias = SendMessage | str
"""A message to send; a text is one of nothing but a body, and spares making the rest."""


@attrs.define
class ReceiveMessage:
    """One poll.

    Attributes:
        max_number_of_messages: 1 to 10; None is 1.
        visibility_timeout: Seconds, 0 to 43,200; None takes the queue's.
        wait_time_seconds: Seconds, 0 to 20, to wait for a first message; None takes the queue's.
        receive_request_attempt_id: On FIFO queues: repeats a receive whose answer was lost.
    """

    max_number_of_messages: int | None = None
    visibility_timeout: int | None = None
    wait_time_seconds: int | None = None
    receive_request_attempt_id: str | None = None


@attrs.frozen
class MessageAttribute:
    """One message attribute: its data type, label included, and its value (bytes for Binary)."""

    data_type: str
    value: str | bytes


@attrs.frozen
class RedrivePolicy:
    """Where messages go that were received ``max_receive_count`` times; ``text``, the policy as it was set, is not compared."""

    dead_letter_target_arn: str
    max_receive_count: int
    text: str = attrs.field(eq=False)


@attrs.frozen
class RedriveAllowPolicy:
    """Which queues may name this one as their dead-letter queue; ``text``, the policy as it was set, is not compared."""

    redrive_permission: str
    source_queue_arns: tuple[str, ...]
    text: str = attrs.field(eq=False)

    def allows(self, source_arn: str) -> bool:
        """Whether the queue ``source_arn`` may send its dead letters here."""
        return self.redrive_permission == "allowAll" or source_arn in self.source_queue_arns


@attrs.define
class BatchAnswer(Generic[Answer]):
    """What a batch action did, by the Ids of its entries, each list in the order of the request.

    Attributes:
        successful: What the single action would have answered.
        failed: What the single action would have raised.
    """

    successful: list[tuple[str, Answer]]
    failed: list[tuple[str, errors.SqsError]]
