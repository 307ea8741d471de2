"""Which available message a standard queue hands out next: the oldest by arrival.

Messages that were never received lie in a deque, in the order they arrived. Those that became available
later (after a delay, after a visibility timeout) lie in a heap by sequence number. The smaller head goes
first, so a message that comes back is taken before all that were sent after it (sqs.md 6.4). Nothing is
removed from the middle: a message that left while it lay here is passed over when its turn comes, by its
state.
"""

from __future__ import annotations

from collections import deque
from heapq import heapify, heappop, heappush

from .deadlines import SLACK
from .lifecycle import AVAILABLE
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

    def clear(self) -> None:
        """Forget everything."""
        self._fresh.clear()
        self._returned.clear()

    def check_invariants(self, available: set[int]) -> None:
        """State what always holds, for a queue in which the sequences ``available`` are available."""
        listed = {m.sequence for m in self._fresh if m.state is AVAILABLE}
        listed |= {m.sequence for _, m in self._returned if m.state is AVAILABLE}
        assert listed == available, "exactly the available messages can be taken"
