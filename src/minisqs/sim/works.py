"""A run of a handler or of a consumer's function: what it works on, and what ends it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import attrs

from ..engine.message import Message
from ..engine.queue import Queue
from .strands import Strand


class Stack(Protocol):
    """One of the stacks of a process that was spawned; ``processes`` has them."""

    def is_idle_at(self, place: object) -> bool:
        """Whether it has done nothing since it last came to this place."""
        ...

    def start_thread(self, thread: Any) -> None:
        """Start another stack of the process, for a thread."""
        ...

    @property
    def idles(self) -> bool:
        """Whether it goes round in a loop that has nothing to do: whatever befell it there befell it before."""
        ...

    @property
    def period_ns(self) -> int:
        """How long each round takes, once it has gone round often enough; 0 before."""
        ...

    @property
    def thread(self) -> Any:
        """The thread that its code takes itself for."""
        ...

    @property
    def signals(self) -> dict[int, Any]:
        """What its process has said is to be done at each signal."""
        ...

    def look_for_interrupt(self) -> None:
        """Do what is to be done at a signal, if there was one."""
        ...


@attrs.define(eq=False)
class Work:
    """One run of the user's code.

    Attributes:
        subject: The address of the first message that it works on, or a name.
        occurrence: How often work began with that subject before.
        worker: Who does it, in words.
        messages: What it works on.
        queue_url: Where they are from; empty if from nowhere.
        consumer: ``lambda`` or ``process``.
        lease_ns: When the first visibility timeout among them ends.
        deadline_ns: When the work is ended if it is still under way; ``NEVER_NS`` for never.
        has_ended: Whether it has been ended from outside.
        end: Ends it as a kill does: its process or environment is gone.
        clock_offset_ns: How far the clock that its code reads is off.
        visits: How often it came to each statement, by the statement's digest, which may be that of several.
        strand: The stack that it runs on, where that is not the main one.
        stack: What it is where it was spawned: one of the stacks of a process.
        dead: Whether a kill has ended it.
        function: Of Lambda, the name of the function; empty for others.
        has_called: Whether it has called an ``outside.Table`` since the last point.
    """

    subject: str
    occurrence: int
    worker: str
    messages: Sequence[Message]
    queue_url: str
    consumer: str
    lease_ns: int
    deadline_ns: int
    has_ended: Callable[[], bool]
    end: Callable[[], None]
    queue: Queue | None = None
    clock_offset_ns: int = 0
    visits: dict[str, int] = attrs.field(factory=dict)
    strand: Strand | None = None
    stack: Stack | None = None
    function: str = ""
    dead: bool = False
    has_called: bool = False

    @property
    def is_over(self) -> bool:
        """Whether nothing of it counts any more."""
        return self.dead or self.has_ended()
