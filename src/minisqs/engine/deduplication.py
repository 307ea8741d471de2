"""The five minutes in which a FIFO queue accepts a message without storing it again.

From its first accepted send on, whatever becomes of the message, an id stands for it for 300 seconds;
a repeat does not prolong that. An id is known for the whole queue or for one group, by the scope that was
in force when it was stored (sqs.md 7.4, 7.5).
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple, TypeAlias

from ..limits import DEDUPLICATION_NS

Key: TypeAlias = tuple[str | None, str]
"""The group, where the id counts for one group only, and the deduplication id."""


class Accepted(NamedTuple):
    """The first message that was sent under an id: its address and its number."""

    producer: str
    place: int
    sequence: int


class Deduplication:
    """The ids that one queue remembers."""

    __slots__ = ("_accepted", "_until")

    def __init__(self) -> None:
        self._accepted: dict[Key, Accepted] = {}
        self._until: deque[tuple[int, Key]] = deque()

    def find(self, key: Key, now: int) -> Accepted | None:
        """The message that ``key`` stands for now; None if it is new, or its five minutes are over."""
        until = self._until
        while until and until[0][0] <= now:
            del self._accepted[until.popleft()[1]]
        return self._accepted.get(key)

    def remember(self, key: Key, accepted: Accepted, now: int) -> None:
        """Let ``key``, which is new, stand for a message for five minutes from now."""
        self._accepted[key] = accepted
        self._until.append((now + DEDUPLICATION_NS, key))

    def clear(self) -> None:
        """Forget every id, as a purge does."""
        self._accepted.clear()
        self._until.clear()
