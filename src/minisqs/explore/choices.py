"""What could go wrong in a run, and what does: the choices of a plan, and all that were offered.

A run asks questions, each at its address, and a plan answers some of them with something else than 0. As a
run with the same answers is the same run, the plans form a tree: the children of a plan are it with one more
answer, to a question that was asked after all that the plan answers. So each plan is met exactly once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from ..engine import decisions as chance
from ..sim.asking import Arrival, address_of, options_at
from ..sim.code import statements
from ..sim.faults import FAULT_OF, FAULTS
from ..sim.port import Port
from ..sim.sources import END, Address, Place, PointAddress, Source
from ..sim.works import Work

Choices: TypeAlias = Mapping[Place, int]
Options: TypeAlias = tuple[int, int, int, int]
"""How many answers each point question has, in the order of ``POINT_KINDS``."""

Asked: TypeAlias = tuple[str, str, int, int] | tuple[Arrival, Options]
"""An engine's question, as its address and number of options; or a statement with those of each point question."""

POINT_KINDS: Final = (chance.OVERLAP, chance.KILL, chance.STALL, chance.INTERRUPT)
"""In the order in which they happen at one statement."""


class Statements:
    """The statements of the user's code, by their numbers."""

    @staticmethod
    def digest(number: int) -> str:
        """The digest of a statement by its number."""
        return statements.STATEMENTS[number].digest


CODE: Final = Statements()


class Exploration(Source):
    """Answers as a plan has it, and keeps what is asked after all that it answers.

    Args:
        plan: The choices other than 0.
        kinds: Names of the faults that may happen.
        records: Whether what is asked is kept; a run out of which no others grow is faster without.

    Attributes:
        asked: The questions after all that the plan answers.
        happened: The choices that took effect, in order.
        rest: The statement of which the first of them are, where the plan's last answer was to another one of it.
    """

    def __init__(self, plan: Choices, kinds: Collection[str], *, records: bool = True) -> None:
        super().__init__()
        self.plan = plan
        self.kinds = kinds
        self.records = records
        self.asked: list[Asked] = []
        self.happened: dict[Place, int] = self.choices
        self.rest: Arrival | None = None
        self.port: Port | None = None
        self._planned: dict[tuple[str, str], dict[int, int]] = {}
        self._to_come = 0
        """So much of the plan is still to happen in SQS and Lambda."""
        self._unanswered = sum(map(bool, plan.values()))
        self._at: dict[tuple[str, int], dict[str, list[tuple[str, int]]]] = {}
        for address, answer in plan.items():
            if isinstance(address, PointAddress):
                points = self._at.setdefault((address.subject, address.occurrence), {})
                points.setdefault(address.point, []).append((address.kind, answer))
            else:
                self._planned.setdefault((address.kind, address.subject), {})[address.occurrence] = answer
                self._to_come += 1
        for points in self._at.values():
            for happens in points.values():
                happens.sort(key=lambda one: POINT_KINDS.index(one[0]))
        self._now: dict[Work, dict[str, list[tuple[str, int]]]] = {}
        self._fingerprint: Callable[[], object] | None = None
        self.before_asking: Callable[[], None] | None = None
        """Called at each statement, before what may happen there is asked."""
        self._options_of: dict[tuple[Work, bool, bool], Options] = {}

    @property
    def asks_ties(self) -> bool:
        """Whether the order of simultaneous events may be another."""
        return "tie" in self.kinds or any(address.kind == chance.TIE for address in self.plan)

    @property
    def asks_the_engine(self) -> bool:
        """Whether anything is to go wrong, or to be asked, in SQS and Lambda."""
        return self.records or bool(self._planned)

    @property
    def is_spent(self) -> bool:
        """Whether all that is planned in SQS and Lambda has happened, and nothing is to be kept."""
        return not self.records and not self._to_come

    @property
    def has_points(self) -> bool:
        """Whether anything is to happen, or to be asked, before statements."""
        return self.records or bool(self._at)

    def asks(self, kind: str) -> bool:
        """Whether a question is planned, or is to be kept."""
        return (self.records and FAULT_OF[kind] in self.kinds) or any(kind == asked for asked, _ in self._planned)

    def choose(self, kind: str, subject: str, options: int, weights: Sequence[float] | None = None) -> int:
        """What the plan has for a question; 0 for most."""
        planned = self._planned.get((kind, subject))
        if planned is None and not self.records:
            return 0
        occurrence = self._count(kind, subject)
        if self.records and not self._unanswered:
            self.asked.append((kind, subject, occurrence, options))
        if planned is None:
            return 0
        answer = min(planned.get(occurrence, 0), options - 1)
        return self._happens(Address(kind, subject, occurrence), answer) if answer else 0

    def _count(self, kind: str, subject: str) -> int:
        occurrence = self._asked.get((kind, subject), 0)
        self._asked[kind, subject] = occurrence + 1
        return occurrence

    def _happens(self, address: Address, answer: int) -> int:
        self.happened[address] = answer
        self._to_come -= 1
        self._unanswered -= 1
        self.untold.append((address, answer))
        return answer

    # ------------------------------------------------------------------------------------------- statements
    def begin(self, work: Work) -> None:
        """Find what is planned for a work."""
        planned = self._at.get((work.subject, work.occurrence), {})
        if planned or work in self._now:
            self._now[work] = planned

    def at(self, arrival: Arrival) -> Sequence[tuple[str, int]]:
        """What the plan has for a statement."""
        if self.records and not self._unanswered:
            self._keep(arrival)
        planned = self._now.get(arrival.work) if self._now else None
        if planned is None:
            return ()
        digest = END if arrival.number < 0 else CODE.digest(arrival.number)
        here = planned.get(f"{digest}.{arrival.visit}", ())
        happens = [(kind, answer) for kind, answer in here if answer < options_at(self._port_of(), arrival, kind)]
        if happens:
            self._unanswered -= len(happens)
            if self.records and not self._unanswered:
                self._keep_rest(arrival, POINT_KINDS.index(happens[-1][0]))
        return happens

    def _keep(self, arrival: Arrival) -> None:
        if self.before_asking is not None and arrival.number >= 0:
            self.before_asking()
        if self._fingerprint is not None:
            arrival.lasting = self._fingerprint()
        self.asked.append((arrival, self._options(arrival)))

    def _keep_rest(self, arrival: Arrival, answered: int) -> None:
        """Keep the questions of a statement that come after one of them."""
        self.rest = arrival
        one, two, three, four = (1 if which <= answered else many for which, many in enumerate(self._options(arrival)))
        self.asked.append((arrival, (one, two, three, four)))

    def _port_of(self) -> Port:
        assert self.port is not None, "a source belongs to a world"
        return self.port

    def _options(self, arrival: Arrival) -> Options:
        """Of most works they are the same at each statement."""
        key = (arrival.work, arrival.others, arrival.number < 0)
        options = self._options_of.get(key)
        if options is None:
            port = self._port_of()
            found = [options_at(port, arrival, kind) if FAULT_OF[kind] in self.kinds else 1 for kind in POINT_KINDS]
            options = (found[0], found[1], found[2], found[3])
            # Else stalls depend on the time, and what is spawned holds now these messages, now those.
            if arrival.work.lease_ns >= arrival.work.deadline_ns and arrival.work.stack is None:
                self._options_of[key] = options
        return options

    def fired(self, arrival: Arrival, kind: str, answer: int) -> None:
        """A choice before a statement has taken effect."""
        self.happened[address_of(arrival, kind, CODE)] = answer

    def afresh(self) -> Exploration:
        """The same for another run."""
        return Exploration(self.plan, self.kinds, records=self.records)

    def follow(self, fingerprint: Callable[[], object]) -> None:
        """Take a fingerprint of all that outlives a work at each statement of it, see ``reductions``."""
        self._fingerprint = fingerprint

    def alternatives(self) -> Iterator[tuple[Place, int]]:
        """Every answer other than 0 that could have been given after all that was: its address, and it."""
        for asked in self.asked:
            yield from self.answers_to(asked)

    def answers_to(self, asked: Asked) -> Iterator[tuple[Place, int]]:
        """Every answer other than 0 to a question, or to those of a statement, with its address."""
        if len(asked) == 4:
            kind, subject, occurrence, many = asked
            if FAULT_OF[kind] in self.kinds:
                for answer in range(1, many):
                    yield Address(kind, subject, occurrence), answer
            return
        arrival, options = asked
        for kind, many in zip(POINT_KINDS, options, strict=True):
            if many > 1:
                address = address_of(arrival, kind, CODE)
                for answer in range(1, many):
                    yield address, answer


def wanted(faults: Collection[str] | None) -> frozenset[str]:
    """The names of the faults that a check lets happen; None for all but those that are opt-in."""
    if faults is None:
        return frozenset(name for name, fault in FAULTS.items() if not fault.opt_in)
    return frozenset(faults)
