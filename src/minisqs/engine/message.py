"""One stored message, and one delivery of it.

A message record belongs to one queue. A move to another queue makes a new record there and ends the old
one, so whoever still holds the old one (a receipt handle, a list of deadlines) finds it ``GONE``.
What few messages have sits in ``extras``, which most share as None: a million waiting messages are to
cost little more than their bodies.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs

from . import digests
from .lifecycle import State
from .values import MessageAttribute

SEQUENCE_NUMBER_BASE: Final = 18_880_000_000_000_000_000
SEQUENCE_NUMBER_STEP: Final = 256


@attrs.frozen(kw_only=True)
class Extras:
    """What only some messages have.

    Attributes:
        attributes: The message attributes, by name.
        system_attributes: Those given at the send: AWSTraceHeader.
        group_id: MessageGroupId.
        deduplication_id: MessageDeduplicationId, on FIFO queues.
        dead_letter_source_arn: The queue from which the message was moved here, in a dead-letter queue.
        moved_ns: When it was moved here; 0 for a message that was sent here.
        carried_count: Receives in the queues before this one; part of the shown receive count.
    """

    attributes: Mapping[str, MessageAttribute] | None = None
    system_attributes: Mapping[str, MessageAttribute] | None = None
    group_id: str | None = None
    deduplication_id: str | None = None
    dead_letter_source_arn: str | None = None
    moved_ns: int = 0
    carried_count: int = 0


NO_EXTRAS = Extras()


@attrs.define(eq=False)
class Message:
    """A message in a queue.

    Attributes:
        sequence: Its number among the arrivals of its queue, from 1; the order of standard queues.
        body: The text as sent.
        producer: Who sent it; with ``place`` its stable address.
        place: Its number among all that this producer sent, from 1.
        sent_ns: When SendMessage took it; kept through a move to a dead-letter queue.
        enqueued_ns: From when on its age counts for retention.
        state: Where it is in its life.
        deadline_ns: When the present state ends by itself, in the states that do.
        receive_count: How often it was received, earlier queues included.
        first_received_ns: When it was received first; 0 before that.
        extras: What only some messages have.
        turn: On FIFO queues since when it has been, or will be, available, and the number of the call
            that set that time.
    """

    sequence: int
    body: str
    producer: str
    place: int
    sent_ns: int
    enqueued_ns: int
    state: State
    extras: Extras
    deadline_ns: int = 0
    receive_count: int = 0
    first_received_ns: int = 0
    turn: tuple[int, int] = (0, 0)

    @property
    def address(self) -> str:
        """Producer and place: the subject under which decisions are asked."""
        return f"{self.producer}/{self.place}"

    @property
    def sequence_number(self) -> str:
        """The SequenceNumber of a FIFO queue: twenty digits that rise with the arrivals, with gaps."""
        return f"{SEQUENCE_NUMBER_BASE + self.sequence * SEQUENCE_NUMBER_STEP:020d}"

    @property
    def md5_of_body(self) -> str:
        """The MD5 of the body, made when asked for."""
        return digests.of_text(self.body)

    @property
    def receives_here(self) -> int:
        """How often it was received in its present queue."""
        return self.receive_count - self.extras.carried_count


@attrs.define(eq=False)
class Delivery:
    """One receive of one message: what a receipt handle stands for.

    Attributes:
        message: The message as it lies in the queue.
        receive_count: Its count as of this receive; the newest delivery has the message's own.
        received_ns: When it was received.
        queue_number: The queue that handed it out.
    """

    message: Message
    receive_count: int
    received_ns: int
    queue_number: int
