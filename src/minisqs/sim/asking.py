"""What may go wrong where a work comes to a statement: which questions there are, and who answers them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ..engine import decisions as chance
from . import faults
from .port import Port
from .sources import END, PointAddress
from .works import Work


class Code(Protocol):
    """The statements of the user's code, as far as the stage needs them."""

    def digest(self, number: int) -> str:
        """The digest of a statement by its number."""
        ...


class Arrival:
    """That a work came to a statement: where things may go wrong, and what.

    Attributes:
        work: Which.
        number: The statement's number; -1 after the last.
        visit: How often it came there, from 1.
        others: Whether somebody else could have gone on.
        lasting: What all that outlives the work was like, where somebody asks.
    """

    __slots__ = ("lasting", "number", "others", "visit", "work")

    def __init__(self, work: Work, number: int, visit: int, *, others: bool) -> None:
        self.work = work
        self.number = number
        self.visit = visit
        self.others = others
        self.lasting: object = None


class Answers(Protocol):
    """What says how things turn out before statements."""

    def begin(self, work: Work) -> None:
        """A work begins."""
        ...

    def at(self, arrival: Arrival) -> Sequence[tuple[str, int]]:
        """The questions that are answered with something else than 0 there, in the order in which it happens."""
        ...

    def fired(self, arrival: Arrival, kind: str, answer: int) -> None:
        """It has happened."""
        ...


class SeededAnswers:
    """Draws what happens before statements from a source with rates.

    Args:
        port: The world.
        code: The statements.
        kinds: The questions to ask.
    """

    def __init__(self, port: Port, code: Code, kinds: Sequence[str]) -> None:
        assert port.source is not None, "rates come from a source"
        self._port = port
        self._source = port.source
        self._code = code
        self._kinds = kinds

    def begin(self, work: Work) -> None:
        """Nothing to prepare."""

    def at(self, arrival: Arrival) -> Sequence[tuple[str, int]]:
        """Ask each question."""
        happens = []
        for kind in self._kinds:
            options = options_at(self._port, arrival, kind)
            if options > 1:
                answer = self._source.choose_at(address_of(arrival, kind, self._code), options)
                if answer:
                    happens.append((kind, answer))
        return happens

    def fired(self, arrival: Arrival, kind: str, answer: int) -> None:
        """The source keeps it."""
        self._source.happened_at(address_of(arrival, kind, self._code), answer)


def address_of(arrival: Arrival, kind: str, code: Code) -> PointAddress:
    """The address of a question before a statement."""
    digest = END if arrival.number < 0 else code.digest(arrival.number)
    return PointAddress(kind, arrival.work.subject, arrival.work.occurrence, f"{digest}.{arrival.visit}")


def options_at(port: Port, arrival: Arrival, kind: str) -> int:
    """How many answers a question has before a statement, the benign one included; 1 where it is not legal."""
    work, queue = arrival.work, arrival.work.queue
    is_legal = faults.legal(
        faults.FAULT_OF[kind],
        faults.FIFO if queue is not None and queue.fifo else faults.STANDARD,
        work.consumer,
        lease_may_end=work.lease_ns < work.deadline_ns,
        of_another_group=arrival.others,
    )
    has_place = work.stack is not None or (arrival.number >= 0 and queue is not None)
    if not is_legal or (kind != chance.KILL and not has_place):
        return 1
    if kind == chance.OVERLAP:
        copies = 0 if queue is None or queue.fifo else len(work.messages)
        return 2 + copies if copies or arrival.others else 1
    return 1 + _stalls(port, work) if kind == chance.STALL else 2


def _stalls(port: Port, work: Work) -> int:
    """How many lengths of a stall end past the lease, and before the work itself is ended."""
    assert work.queue is not None, "what stalls has a lease"
    now_ns = port.clock.now_ns
    left_ns, timeout_ns = work.lease_ns - now_ns, work.queue.settings.visibility_timeout_ns
    lengths = [chance.stall_ns(k, left_ns, timeout_ns) for k in range(1, len(chance.STALLS) + 1)]
    return sum(left_ns > 0 and now_ns + length_ns < work.deadline_ns for length_ns in lengths)
