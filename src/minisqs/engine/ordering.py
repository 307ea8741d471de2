"""Which available message a standard queue hands out next: the oldest by arrival.

Messages that were never received lie in a deque, in the order they arrived. Those that became available
later (after a delay, after a visibility timeout) lie in a heap by sequence number. The smaller head goes
first, so a message that comes back is taken before all that were sent after it (sqs.md 6.4). Nothing is
removed from the middle: a message that left while it lay here is passed over when its turn comes, by its
state. ``groups`` is the counterpart for FIFO queues, and has the same methods.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from heapq import heapify, heappop, heappush

from .deadlines import SLACK
from .lifecycle import AVAILABLE, GONE
from .message import Message


class StandardOrdering:
    """The available messages of one standard queue, oldest first."""

    __slots__ = ("_fresh", "_returned")

    def __init__(self) -> None:
        self._fresh: deque[Message] = deque()
        self._returned: list[tuple[int, Message]] = []

    def add(self, message: Message) -> None:
        """Take in a message that is available from its arrival on. Cost: O(1)."""
        self._fresh.append(message)

    def add_back(self, message: Message, available: int) -> None:
        """Take in a message that became available later, as one of ``available``. Cost: O(log r)."""
        returned = self._returned
        heappush(returned, (message.sequence, message))
        # A message that is hidden and shown again and again leaves an entry each time.
        if len(returned) > 2 * available + SLACK:
            self._returned = [entry for entry in dict(returned).items() if entry[1].state is AVAILABLE]
            heapify(self._returned)

    def removed(self, message: Message, *, was_available: bool) -> None:
        """Forget a message that has ended: nothing to do here, it is passed over."""

    def drop_ended(self) -> None:
        """Give up the oldest messages that have ended while they lay here. Cost: O(1) a message."""
        fresh, returned = self._fresh, self._returned
        while fresh and fresh[0].state is GONE:
            fresh.popleft()
        while returned and returned[0][1].state is GONE:
            heappop(returned)

    def take(self) -> Message | None:
        """Remove and give the oldest available message, or None. Cost: O(log r)."""
        fresh, returned = self._fresh, self._returned
        while True:
            if returned and (not fresh or returned[0][0] < fresh[0].sequence):
                message = heappop(returned)[1]
            elif fresh:
                message = fresh.popleft()
            else:
                return None
            if message.state is AVAILABLE:
                return message

    def candidates(self, now: int) -> Generator[Message, None, None]:
        """The available messages, oldest first; each one that is given is removed. Cost: O(log r) each."""
        before = None
        while (message := self.take()) is not None:
            # A message that was hidden and shown again while it lay here is listed twice, side by side.
            if message is not before:
                yield message
            before = message

    def clear(self) -> None:
        """Forget everything."""
        self._fresh.clear()
        self._returned.clear()

    def listed(self) -> list[Message]:
        """The available messages that lie here, in no order. Slow: for tests."""
        entries = [*self._fresh, *(message for _, message in self._returned)]
        return [message for message in entries if message.state is AVAILABLE]

    def check_invariants(self, available: set[int]) -> None:
        """State what always holds, for a queue in which the sequences ``available`` are available."""
        assert {m.sequence for m in self.listed()} == available, "exactly the available messages can be taken"
