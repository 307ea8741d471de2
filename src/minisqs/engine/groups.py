"""Which available messages a FIFO queue hands out next: whole groups, each from its head.

The messages of a group lie in the order they arrived, those in flight among them. From a group a receive
gets the longest run of available messages from its head; the first one that is in flight or delayed stops
it. So one message in flight blocks everything behind it, and nothing before it (sqs.md 7.7).

Groups take turns by one rule (7.9): since when the head has been available, then the number of the call
that set that time, then the head's sequence number. Each message carries the first two as its ``turn``.
A heap holds a group under the key of its head while that is available; an entry whose key is not the
group's present one is passed over.

A FIFO queue looks for groups only within the first 120,000 available messages (6.8). ``LookAhead`` keeps
the sequence number up to which that is; groups whose head lies beyond wait in a heap of their own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from heapq import heappop, heappush
from typing import TypeAlias

from .. import limits
from .deadlines import SLACK
from .lifecycle import AVAILABLE, GONE
from .message import Message

Key: TypeAlias = tuple[int, int, int]
"""Since when the head has been available, by which call, and its sequence number."""


class Group:
    """The messages of one message group, by order of arrival."""

    __slots__ = ("ended", "listed", "messages")

    def __init__(self) -> None:
        self.messages: deque[Message] = deque()
        self.ended = 0
        """At most so many of ``messages`` have ended."""
        self.listed: Key | None = None
        """The key under which the group stands in a heap."""

    def head(self) -> Message | None:
        """The first message that has not ended. Cost: O(1), and each one that has once."""
        messages = self.messages
        while messages and messages[0].state is GONE:
            messages.popleft()
        return messages[0] if messages else None

    def key(self) -> Key | None:
        """By what the group takes its turn; None while its head cannot be received."""
        head = self.head()
        return (*head.turn, head.sequence) if head is not None and head.state is AVAILABLE else None

    def run(self) -> Iterator[Message]:
        """The available messages from the head on; each must have left that state when the next is asked for."""
        message = self._behind(0)
        while message is not None and message.state is AVAILABLE:
            yield message
            message = self._behind(message.sequence)

    def _behind(self, sequence: int) -> Message | None:
        """The first message behind a number that has not ended."""
        living = (message for message in self.messages if message.sequence > sequence and message.state is not GONE)
        return next(living, None)

    def drop_ended(self) -> None:
        """Make room where more than half of what is listed has ended. Cost: O(1) amortised."""
        self.ended += 1
        if self.ended > len(self.messages) // 2 + SLACK:
            self.messages = deque(message for message in self.messages if message.state is not GONE)
            self.ended = 0


class GroupOrdering:
    """The available messages of one FIFO queue, in the order in which they may be received."""

    __slots__ = ("_ahead", "_beyond", "_groups", "_ready")

    def __init__(self, messages: dict[int, Message]) -> None:
        self._groups: dict[str, Group] = {}
        self._ready: list[tuple[int, int, int, Group]] = []
        self._beyond: list[tuple[int, Key, Group]] = []
        self._ahead = LookAhead(messages)

    def add(self, message: Message) -> None:
        """Take in a message on its arrival, delayed or available. Cost: O(log g), g groups that are ready."""
        group = self._groups.get(_group_id(message))
        if group is None:
            group = self._groups[_group_id(message)] = Group()
        group.messages.append(message)
        if message.state is AVAILABLE:
            self._ahead.joined(message.sequence)
            if group.messages[0] is message:
                self._list(group)

    def add_back(self, message: Message, available: int) -> None:
        """Take in a message that became available later. Cost: O(log g)."""
        self._ahead.joined(message.sequence)
        self._list(self._groups[_group_id(message)])

    def removed(self, message: Message, *, was_available: bool) -> None:
        """Forget a message that has ended; what lies behind it may be free now. Cost: O(log g)."""
        group_id = _group_id(message)
        group = self._groups[group_id]
        if was_available:
            self._left(message)
        group.drop_ended()
        if group.head() is None:
            del self._groups[group_id]
        else:
            self._list(group)

    def candidates(self, now: int) -> Generator[Message, None, None]:
        """The messages that may be received, by the turns of their groups; close it when enough are taken.

        Cost: O(log g) a group.
        """
        while (group := self._next_group()) is not None:
            try:
                for message in group.run():
                    self._left(message)
                    yield message
            finally:
                self._list(group)

    def drop_ended(self) -> None:
        """Give up the groups at the front that have no message any more. Cost: O(log g) a group."""
        while self._ready and self._ready[0][-1].head() is None:
            heappop(self._ready)

    def clear(self) -> None:
        """Forget everything."""
        self._groups.clear()
        self._ready.clear()
        self._beyond.clear()
        self._ahead.clear()

    def _left(self, message: Message) -> None:
        if self._ahead.left(message.sequence):
            beyond, frontier = self._beyond, self._ahead.frontier
            while beyond and beyond[0][0] <= frontier:
                _, key, group = heappop(beyond)
                if group.listed == key:
                    heappush(self._ready, (*key, group))

    def _list(self, group: Group) -> None:
        """Put a group whose head can be received among those that are ready."""
        key = group.key()
        if key is not None and key != group.listed:
            group.listed = key
            heappush(self._ready, (*key, group))

    def _next_group(self) -> Group | None:
        while self._ready:
            *key, group = heappop(self._ready)
            if group.listed != tuple(key):
                continue  # it has stood here under another key since
            if group.listed[2] > self._ahead.frontier:
                heappush(self._beyond, (group.listed[2], group.listed, group))
                continue
            group.listed = None
            if group.key() == tuple(key):
                return group
            self._list(group)
        return None

    def check_invariants(self, available: set[int]) -> None:
        """State what always holds, for a queue in which the sequences ``available`` are available."""
        held = [message for group in self._groups.values() for message in group.messages if message.state is not GONE]
        assert {m.sequence for m in held if m.state is AVAILABLE} == available, "each available message is in its group"
        listed = {id(entry[-1]) for entry in [*self._ready, *self._beyond]}
        for group in self._groups.values():
            sequences = [message.sequence for message in group.messages]
            assert sequences == sorted(sequences), "a group lies in order of arrival"
            assert group.head() is not None, "a group without messages is forgotten"
            if group.key() is not None:
                assert group.listed == group.key(), "a group whose head can be received is listed under its key"
                assert id(group) in listed, "what is listed stands in a heap"
        self._ahead.check_invariants(available)


class LookAhead:
    """Up to which sequence number a FIFO queue looks for groups: its first 120,000 available messages.

    Args:
        messages: The messages of the queue, by sequence.
        window: How many messages it looks at.
    """

    __slots__ = ("_messages", "_within", "frontier", "window")

    def __init__(self, messages: dict[int, Message], window: int = limits.FIFO_LOOK_AHEAD) -> None:
        self._messages = messages
        self._within = 0
        self.window = window
        self.frontier = limits.NEVER_NS
        """Available messages above this number are not looked at; above all numbers while there are few."""

    def joined(self, sequence: int) -> None:
        """Count a message that has become available. Cost: O(1) amortised."""
        if sequence > self.frontier:
            return
        self._within += 1
        if self._within > self.window:
            last = self.frontier if self.frontier != limits.NEVER_NS else max(sequence, next(reversed(self._messages)))
            while not self._is_available(last):
                last -= 1
            self.frontier = last - 1
            self._within -= 1

    def left(self, sequence: int) -> bool:
        """Count a message that is available no more; True if the queue looks further now. Cost: O(1) amortised."""
        if sequence > self.frontier:
            return False
        self._within -= 1
        if self.frontier == limits.NEVER_NS:
            return False
        last = next(reversed(self._messages), 0)
        following = self.frontier + 1
        while following <= last and not self._is_available(following):
            following += 1
        if following > last:
            self.frontier = limits.NEVER_NS
        else:
            self.frontier = following
            self._within += 1
        return True

    def clear(self) -> None:
        """Forget everything."""
        self._within = 0
        self.frontier = limits.NEVER_NS

    def _is_available(self, sequence: int) -> bool:
        message = self._messages.get(sequence)
        return message is not None and message.state is AVAILABLE

    def check_invariants(self, available: set[int]) -> None:
        """State what always holds, for a queue in which the sequences ``available`` are available."""
        within = [sequence for sequence in available if sequence <= self.frontier]
        assert self._within == len(within), "the messages within the frontier are counted"
        assert len(within) == min(self.window, len(available)), "the queue looks as far as it may, and no further"


def _group_id(message: Message) -> str:
    group_id = message.extras.group_id
    assert group_id is not None, "each message of a FIFO queue has a group"
    return group_id
