"""What the gauges of a queue's metrics show, from the messages that are in it (sqs.md 15.4)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final, NamedTuple

from .lifecycle import AVAILABLE, DELAYED, IN_FLIGHT, STRAY
from .message import Message
from .metrics import Gauges

_RECEIVED_TOO_OFTEN: Final = 3
"""The age leaves out messages that were received so often: they are likely poison."""

_QUIET: Final = {
    AVAILABLE: "ApproximateNumberOfMessagesVisibleInQuietGroups",
    IN_FLIGHT: "ApproximateNumberOfMessagesNotVisibleInQuietGroups",
    DELAYED: "ApproximateNumberOfMessagesDelayedInQuietGroups",
}


class Counts(NamedTuple):
    """How many messages are available, in flight and delayed."""

    visible: int
    in_flight: int
    delayed: int


def of_queue(messages: Mapping[int, Message], counts: Counts) -> Gauges:
    """What every queue shows."""
    numbers = {
        "ApproximateNumberOfMessagesVisible": counts.visible,
        "ApproximateNumberOfMessagesNotVisible": counts.in_flight,
        "ApproximateNumberOfMessagesDelayed": counts.delayed,
    }
    return Gauges(numbers, {"ApproximateAgeOfOldestMessage": _oldest_ns(messages.values())})


def of_groups(messages: Mapping[int, Message]) -> Gauges:
    """What a FIFO queue shows beside that. Cost: O(messages)."""
    groups = {message.extras.group_id for message in messages.values() if message.state is IN_FLIGHT}
    return Gauges({"ApproximateNumberOfGroupsWithInflightMessages": len(groups)}, {})


def of_tenants(messages: Mapping[int, Message], noisy: Collection[str]) -> Gauges:
    """What a fair queue shows beside that. Cost: O(messages)."""
    quiet = [message for message in messages.values() if message.extras.group_id not in noisy]
    numbers = {name: sum(message.state is state for message in quiet) for state, name in _QUIET.items()}
    numbers["ApproximateNumberOfNoisyGroups"] = len(noisy)
    return Gauges(numbers, {"ApproximateAgeOfOldestMessageInQuietGroups": _oldest_ns(quiet)})


def _oldest_ns(messages: Iterable[Message]) -> int | None:
    """When the oldest message came here; in a dead-letter queue, when it was moved."""
    for message in messages:
        if message.receives_here < _RECEIVED_TOO_OFTEN and message.state is not STRAY:
            return message.extras.moved_ns or message.sent_ns
    return None
