"""The states of a stored message, and which event leads from which to which.

A message is in exactly one state. ``WAITING_FOR_TIME`` lists the states that end by themselves at the
message's ``deadline_ns``; ``AVAILABLE`` ends only by what a caller does, or by retention. ``STRAY`` is
the one state that SQS does not name: the message was deleted, but one of the queue's servers missed
the delete and will show its copy later ("At-least-once delivery" in the SQS guide); only an answer
other than 0 from the decisions leads there. ``GONE`` is the end; the
queue counts in which way each message came to it.

The engine sets states itself, where it keeps its counts; the table is what its steps are held against
by the state machine test, and what the docs' diagram is drawn from.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, IntEnum
from typing import Final


class State(IntEnum):
    """Where a message is, by the words of the SQS guide."""

    AVAILABLE = 0
    IN_FLIGHT = 1
    DELAYED = 2
    STRAY = 3
    GONE = 4


class Event(Enum):
    """What happens to a message."""

    DELAY_ENDED = "delay ended"
    RECEIVED = "received"
    HIDDEN = "hidden by a visibility change"
    VISIBILITY_TIMEOUT_ENDED = "visibility timeout ended"
    DUPLICATED = "shown again while in flight"
    DELETED = "deleted"
    DELETE_MISSED = "deleted, but one server missed it"
    RESURFACED = "shown again by a server that missed the delete"
    EXPIRED = "retention period ended"
    PURGED = "purged"
    MOVED = "moved to another queue"


AVAILABLE: Final = State.AVAILABLE
IN_FLIGHT: Final = State.IN_FLIGHT
DELAYED: Final = State.DELAYED
STRAY: Final = State.STRAY
GONE: Final = State.GONE

TRANSITIONS: Final[Mapping[State, Mapping[Event, State]]] = {
    DELAYED: {
        Event.DELAY_ENDED: AVAILABLE,
        Event.EXPIRED: GONE,
        Event.PURGED: GONE,
    },
    AVAILABLE: {
        Event.RECEIVED: IN_FLIGHT,
        Event.HIDDEN: IN_FLIGHT,
        Event.DELETED: GONE,
        Event.DELETE_MISSED: STRAY,
        Event.EXPIRED: GONE,
        Event.PURGED: GONE,
        Event.MOVED: GONE,
    },
    IN_FLIGHT: {
        Event.HIDDEN: IN_FLIGHT,
        Event.VISIBILITY_TIMEOUT_ENDED: AVAILABLE,
        Event.DUPLICATED: AVAILABLE,
        Event.DELETED: GONE,
        Event.DELETE_MISSED: STRAY,
        Event.EXPIRED: GONE,
        Event.PURGED: GONE,
    },
    STRAY: {
        Event.RESURFACED: AVAILABLE,
        Event.EXPIRED: GONE,
        Event.PURGED: GONE,
    },
    GONE: {},
}

WAITING_FOR_TIME: Final[Mapping[State, Event]] = {
    DELAYED: Event.DELAY_ENDED,
    IN_FLIGHT: Event.VISIBILITY_TIMEOUT_ENDED,
    STRAY: Event.RESURFACED,
}
