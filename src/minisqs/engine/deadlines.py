"""What falls due when: delays and visibility timeouts by deadline, retention by age.

``Deadlines`` keeps, for each distinct deadline, the messages that wait for it, and a heap of the distinct
deadlines. Entries are never searched for: a message that left its state early stays listed until its
deadline or the next clean-up, and is recognised as stale by its own ``deadline_ns`` and state. A queue
whose messages are deleted long before their timeouts (the ordinary case) cleans up whenever more entries
are stale than alive, so a deleted message soon costs nothing.

``Retention`` needs no structure at all for messages that were sent here: they arrive in order of age, and
their sequence numbers are consecutive, so the oldest one left is found by counting up. Only messages that
brought their age along from another queue go into a heap.

``Agenda`` is what a service keeps over all its queues: who has something due first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from heapq import heapify, heappop, heappush

from ..limits import NEVER_NS
from .lifecycle import WAITING_FOR_TIME
from .message import Message

SLACK = 512
"""So many stale entries are always borne, so that small queues never clean up."""


class Deadlines:
    """The messages of one queue whose state ends at their ``deadline_ns``."""

    __slots__ = ("_buckets", "_heap", "earliest_ns", "stale")

    def __init__(self) -> None:
        self._buckets: dict[int, list[Message]] = {}
        self._heap: list[int] = []
        self.earliest_ns = NEVER_NS
        """No entry is due before this; never later than the truth."""
        self.stale = 0
        """How many entries have been left behind since the last clean-up."""

    def add(self, messages: list[Message], deadline_ns: int) -> bool:
        """List messages under the deadline that they have; True if nothing was due earlier. Cost: O(log d)."""
        bucket = self._buckets.get(deadline_ns)
        if bucket is not None:
            bucket.extend(messages)
            return False
        self._buckets[deadline_ns] = messages
        heappush(self._heap, deadline_ns)
        if deadline_ns < self.earliest_ns:
            self.earliest_ns = deadline_ns
            return True
        return False

    def next_ns(self) -> int:
        """The exact time at which the next message falls due. Cost: O(1), and each stale entry once."""
        while self._heap:
            deadline_ns = self._heap[0]
            bucket = self._buckets[deadline_ns]
            while bucket and not _waits(bucket[-1], deadline_ns):
                bucket.pop()
                self.stale -= 1
            if bucket:
                break
            del self._buckets[heappop(self._heap)]
        self.earliest_ns = self._heap[0] if self._heap else NEVER_NS
        return self.earliest_ns

    def pop_due(self) -> list[Message]:
        """The messages of the next deadline, in order of arrival; call ``next_ns`` first.

        The order in which they were listed would not do: a message that was listed, left and listed again
        stands in its first place or its second, by whether there was a clean-up in between.
        """
        deadline_ns = heappop(self._heap)
        bucket = self._buckets.pop(deadline_ns)
        due = [message for message in dict.fromkeys(bucket) if _waits(message, deadline_ns)]
        self.stale -= len(bucket) - len(due)
        self.earliest_ns = self._heap[0] if self._heap else NEVER_NS
        due.sort(key=_sequence)
        return due

    def clean_up(self) -> None:
        """Drop all stale entries. Cost: O(entries)."""
        # A message that was hidden again until the same instant is listed twice; once is enough.
        live = {
            deadline_ns: [m for m in dict.fromkeys(bucket) if _waits(m, deadline_ns)]
            for deadline_ns, bucket in self._buckets.items()
        }
        self._buckets = {deadline_ns: bucket for deadline_ns, bucket in live.items() if bucket}
        self._heap = list(self._buckets)
        heapify(self._heap)
        self.earliest_ns = self._heap[0] if self._heap else NEVER_NS
        self.stale = 0

    def clear(self) -> None:
        """Forget everything."""
        self.__init__()  # type: ignore[misc]

    def check_invariants(self, waiting: int) -> None:
        """State what always holds, for a queue with ``waiting`` messages that wait for time."""
        assert sorted(self._heap) == sorted(self._buckets), "each distinct deadline stands in the heap once"
        assert self.earliest_ns <= min(self._heap, default=NEVER_NS), "nothing is due before earliest_ns"
        live = [m for deadline_ns, bucket in self._buckets.items() for m in bucket if _waits(m, deadline_ns)]
        assert len({id(m) for m in live}) == waiting, "each message that waits for time is listed under its deadline"
        assert self.stale <= len(live) + SLACK, "stale entries are cleaned up before they outweigh the live ones"


def _sequence(message: Message) -> int:
    return message.sequence


def _waits(message: Message, deadline_ns: int) -> bool:
    return message.deadline_ns == deadline_ns and message.state in WAITING_FOR_TIME


class Retention:
    """The order in which the messages of one queue reach the end of their retention period."""

    __slots__ = ("_inherited", "_oldest")

    def __init__(self) -> None:
        self._oldest = 1
        self._inherited: list[tuple[int, int]] = []

    def add_inherited(self, message: Message) -> None:
        """List a message that brought its age along."""
        heappush(self._inherited, (message.enqueued_ns, message.sequence))

    def oldest(self, messages: Mapping[int, Message], last_sequence: int) -> Message | None:
        """The message that was enqueued first. Cost: O(1), and each one that is gone once."""
        if not messages:
            self._oldest = last_sequence + 1
            self._inherited.clear()
            return None
        while self._inherited and self._inherited[0][1] not in messages:
            heappop(self._inherited)
        inherited = messages[self._inherited[0][1]] if self._inherited else None
        while self._oldest <= last_sequence:
            sent = messages.get(self._oldest)
            if sent is not None and sent.extras.dead_letter_source_arn is None:
                return sent if inherited is None or sent.enqueued_ns <= inherited.enqueued_ns else inherited
            self._oldest += 1
        return inherited


class Agenda:
    """Which queue has something due first.

    A queue announces what is due earlier than all it announced before; what came to nothing in the meantime
    is found out when its turn comes. Each queue has one entry that counts.
    """

    __slots__ = ("_announced", "_heap", "earliest_ns")

    def __init__(self) -> None:
        self._heap: list[tuple[int, int]] = []
        self._announced: dict[int, int] = {}
        self.earliest_ns = NEVER_NS
        """Nothing is due before this, though perhaps nothing then either."""

    def announce(self, due_ns: int, queue_number: int) -> None:
        """Say that a queue has something due at ``due_ns``. Cost: O(log q), nothing if something was due before."""
        if due_ns < self._announced.get(queue_number, NEVER_NS):
            self._announced[queue_number] = due_ns
            heappush(self._heap, (due_ns, queue_number))
            self.earliest_ns = self._heap[0][0]

    def next(self, due_ns_of: Callable[[int], int]) -> tuple[int, int]:
        """The earliest time and its queue's number; ``due_ns_of`` tells a queue's exact next time."""
        heap, announced = self._heap, self._announced
        while heap:
            due_ns, number = heap[0]
            counts = announced.get(number) == due_ns
            if counts and due_ns_of(number) == due_ns:
                self.earliest_ns = due_ns
                return due_ns, number
            heappop(heap)
            if counts:
                del announced[number]
                self.announce(due_ns_of(number), number)
        self.earliest_ns = NEVER_NS
        return NEVER_NS, 0
