"""What the gauges of a queue's metrics show, from the messages that are in it (sqs.md 15.4)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final, NamedTuple

from .. import limits
from .lifecycle import AVAILABLE, DELAYED, IN_FLIGHT, STRAY
from .message import Message

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


def gauges(messages: Mapping[int, Message], counts: Counts, at_ns: int) -> dict[str, int]:
    """What every queue shows."""
    return {
        "ApproximateNumberOfMessagesVisible": counts.visible,
        "ApproximateNumberOfMessagesNotVisible": counts.in_flight,
        "ApproximateNumberOfMessagesDelayed": counts.delayed,
        "ApproximateAgeOfOldestMessage": _age_of_oldest(messages.values(), at_ns),
    }


def of_groups(messages: Mapping[int, Message]) -> dict[str, int]:
    """What a FIFO queue shows beside that. Cost: O(messages)."""
    groups = {message.extras.group_id for message in messages.values() if message.state is IN_FLIGHT}
    return {"ApproximateNumberOfGroupsWithInflightMessages": len(groups)}


def of_tenants(messages: Mapping[int, Message], noisy: Collection[str], at_ns: int) -> dict[str, int]:
    """What a fair queue shows beside that. Cost: O(messages)."""
    quiet = [message for message in messages.values() if message.extras.group_id not in noisy]
    shown = {name: sum(message.state is state for message in quiet) for state, name in _QUIET.items()}
    shown["ApproximateNumberOfNoisyGroups"] = len(noisy)
    shown["ApproximateAgeOfOldestMessageInQuietGroups"] = _age_of_oldest(quiet, at_ns)
    return shown


def _age_of_oldest(messages: Iterable[Message], at_ns: int) -> int:
    """Seconds since the oldest message came here; in a dead-letter queue, since it was moved."""
    for message in messages:
        if message.receives_here < _RECEIVED_TOO_OFTEN and message.state is not STRAY:
            return (at_ns - (message.extras.moved_ns or message.sent_ns)) // limits.SECOND_NS
    return 0
