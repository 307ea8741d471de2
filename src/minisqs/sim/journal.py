"""What happened in a world, in order: every call, every refusal, and what fell due by itself.

Writing is on the hot path of every call, so an entry is stored as a bare tuple that keeps nothing alive
but small numbers and shared names; ``Entry`` is made when somebody reads. The journal keeps the latest
entries only, 10,000 unless the world was told otherwise.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import TypeAlias, overload

import attrs

from ..engine.identifiers import Identifiers
from ..limits import SECOND_NS

DEFAULT_LENGTH = 10_000

Record: TypeAlias = tuple[int, str, str, str, int, int, str, str]
"""Time, action, queue URL or name, producer, place (0: no message), receive count, caller, cause."""


@attrs.frozen
class Entry:
    """One thing that happened.

    Attributes:
        time_ns: Simulated nanoseconds since 1970.
        seconds: Simulated seconds since the world began.
        action: AWS's name of the action, or in words what happened by itself.
        queue: The name of the queue; empty where there is none.
        message: The message by its producer and place, such as ``main/3``; empty where there is none.
        message_id: The same message by its id.
        receive_count: How often the message had been received then.
        caller: Who called; empty where it happened by itself.
        cause: Why, in words, where the action alone does not say it.
    """

    time_ns: int
    seconds: float
    action: str
    queue: str
    message: str
    message_id: str
    receive_count: int
    caller: str
    cause: str

    def __str__(self) -> str:
        parts = [f"{self.seconds:.9f}", self.caller or "-", self.action, self.queue or "-"]
        if self.message:
            parts += [self.message, self.message_id, f"receive_count={self.receive_count}"]
        line = " ".join(parts) + (f": {self.cause}" if self.cause else "")
        return "\\n".join(line.splitlines())  # an entry is one line


class Journal(Sequence[Entry]):
    """The latest entries, oldest first.

    >>> journal = Journal(Identifiers(b"seed"), started_ns=0, length=10)
    >>> journal.write((5_000_000_000, "SendMessage", "orders", "main", 1, 0, "main", ""))
    >>> [entry.action for entry in journal], journal[0].seconds, journal[0].message
    (['SendMessage'], 5.0, 'main/1')
    """

    def __init__(self, identifiers: Identifiers, started_ns: int, length: int | None = DEFAULT_LENGTH) -> None:
        self._identifiers = identifiers
        self._started_ns = started_ns
        self._records: deque[Record] = deque(maxlen=length)
        self.keeps_any = length != 0
        """Whether it is worth the while to put together what is written."""
        self.write = self._records.append
        """Add an entry. Cost: O(1)."""

    def __repr__(self) -> str:
        return f"<Journal of {len(self)} entries>"

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[Entry]:
        return map(self._entry, list(self._records))

    @overload
    def __getitem__(self, index: int) -> Entry: ...
    @overload
    def __getitem__(self, index: slice) -> list[Entry]: ...
    def __getitem__(self, index: int | slice) -> Entry | list[Entry]:
        if isinstance(index, slice):
            return [self._entry(record) for record in list(self._records)[index]]
        return self._entry(self._records[index])

    def text(self) -> str:
        """All entries, one a line: equal for equal runs, to the byte."""
        return "".join(f"{entry}\n" for entry in self)

    def clear(self) -> None:
        """Forget what happened so far."""
        self._records.clear()

    def _entry(self, record: Record) -> Entry:
        time_ns, action, queue, producer, place, receive_count, caller, cause = record
        message_id = self._identifiers.message_id(producer, place) if place else ""
        return Entry(
            time_ns=time_ns,
            seconds=(time_ns - self._started_ns) / SECOND_NS,
            action=action,
            queue=queue.rpartition("/")[2],
            message=f"{producer}/{place}" if place else "",
            message_id=message_id,
            receive_count=receive_count,
            caller=caller,
            cause=cause,
        )
