"""Who answers the engine's questions: a seed, or a plan given as data.

Every answer has an address: the kind of question, its subject, and how often the same was asked before.
A seed answers by hashing the address, so no answer depends on how many others were asked for; leaving a
message out of a run leaves all other choices as they were. A plan lists the answers other than 0. What a
source answered other than 0 is itself such a list, so each run can be had again as a plan. A plan of
chances is made before anybody knows the addresses: it counts the questions of a kind as they come.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from hashlib import blake2b
from itertools import accumulate
from typing import Any, Final, NamedTuple, TypeAlias

from .. import errors
from ..engine.decisions import INTERRUPT, KILL, OVERLAP, STALL
from .faults import FAULT_OF, FAULTS, Faults

POINT_QUESTIONS: Final = (KILL, INTERRUPT, STALL, OVERLAP)
ENGINE_QUESTIONS: Final = tuple(
    question for fault in FAULTS.values() for question in fault.questions if question not in POINT_QUESTIONS
)


class Address(NamedTuple):
    """The place of one choice in a run, the same in every run of the program."""

    kind: str
    subject: str
    occurrence: int


class PointAddress(NamedTuple):
    """The place of a choice before a statement of the user's code.

    Attributes:
        kind: The question.
        subject: The first message of the batch that is worked on.
        occurrence: How often work began with that message before.
        point: The statement's digest, a dot, and how often this work has come to it, from 1; ``end.1`` after
            the last.
    """

    kind: str
    subject: str
    occurrence: int
    point: str


Place: TypeAlias = Address | PointAddress

END: Final = "end"
"""The point after the last statement, before the answer counts."""


class Plan:
    """Choices given as data: what goes wrong, and nothing else.

    Args:
        choices: From ``(kind, subject, occurrence)`` to the answer. ``{("reorder", "main/1", 0): 2}``: when
            the first message that plain code sent is first to be handed out, the second behind it goes
            before. ``World.choices`` is such a mapping. An answer that is more than the occasion offers
            is taken as the most it offers.

    Raises:
        UsageError: Not the form of an address, not a question, or an answer below 0.
    """

    def __init__(self, choices: Mapping[Any, int]) -> None:
        if not isinstance(choices, Mapping):
            raise errors.UsageError(f"a plan is a mapping from addresses to answers, not {choices!r}")
        self.choices: dict[Place, int] = {
            _address(address): _answer(address, answer) for address, answer in choices.items()
        }

    @property
    def points(self) -> dict[PointAddress, int]:
        """The choices before statements of the user's code."""
        return {address: answer for address, answer in self.choices.items() if isinstance(address, PointAddress)}

    def __eq__(self, other: object) -> bool:
        return self.choices == other.choices if isinstance(other, Plan) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # as a dictionary

    def __repr__(self) -> str:
        return f"Plan({ {tuple(address): answer for address, answer in self.choices.items()} })"


class FaultPlan:
    """What goes wrong in a run that nobody has seen yet: at which chance of each kind, counted as they come.

    Args:
        chances: For each kind of question from which chance, counted from 0, to which answer. ``kill={3: 1}``:
            the process dies at the fourth statement before which one may die. A chance that never comes, an answer
            of 0 and a kind that is left out are benign; an answer that is more than the occasion offers is taken as
            the most it offers.

    Raises:
        UsageError: Not a question, not a chance, or not an answer.

    >>> FaultPlan(kill={3: 1}, reorder={0: 2})
    FaultPlan(kill={3: 1}, reorder={0: 2})
    """

    __slots__ = ("chances",)

    def __init__(self, **chances: Mapping[int, int]) -> None:
        self.chances: dict[str, dict[int, int]] = {
            kind: _chances(kind, answers) for kind, answers in chances.items() if answers
        }

    def __eq__(self, other: object) -> bool:
        return self.chances == other.chances if isinstance(other, FaultPlan) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # as a dictionary

    def __repr__(self) -> str:
        return f"FaultPlan({', '.join(f'{kind}={answers!r}' for kind, answers in self.chances.items())})"


def _chances(kind: str, answers: object) -> dict[int, int]:
    if kind not in FAULT_OF:
        raise errors.UsageError(f"{kind!r} is not a question that a plan could answer; there are {', '.join(FAULT_OF)}")
    if not isinstance(answers, Mapping):
        raise errors.UsageError(f"{kind}= maps chances to answers, such as {{0: 1}}, not {answers!r}")
    for chance in answers:
        if isinstance(chance, bool) or not isinstance(chance, int) or chance < 0:
            raise errors.UsageError(f"a chance of {kind!r} is a whole number from 0, not {chance!r}")
    return {chance: _answer((kind, chance), answer) for chance, answer in answers.items()}


def _address(address: object) -> Place:
    match address:
        case (str(kind), str(subject), int(occurrence)) if kind in ENGINE_QUESTIONS and occurrence >= 0:
            return Address(kind, subject, occurrence)
        case (str(kind), str(subject), int(occurrence), str(point)) if kind in POINT_QUESTIONS and occurrence >= 0:
            return PointAddress(kind, subject, occurrence, point)
    raise errors.UsageError(
        f"{address!r} is not the address of a choice: (kind, subject, occurrence), such as ('reorder', 'main/1', 0), "
        f"where kind is one of {', '.join(ENGINE_QUESTIONS)} and occurrence counts from 0; or (kind, subject, "
        f"occurrence, point), where kind is one of {', '.join(POINT_QUESTIONS)}"
    )


def _answer(address: object, answer: object) -> int:
    if isinstance(answer, bool) or not isinstance(answer, int) or answer < 0:
        raise errors.UsageError(f"the answer at {address!r} is a whole number from 0, not {answer!r}")
    return answer


class Source:
    """Answers the engine's questions, and keeps what it answered other than 0.

    Attributes:
        choices: All answers other than 0, by address.
        calls: Of those about a call, which it was: the action, and the queue.
        untold: Those that the journal does not have yet.
    """

    def __init__(self) -> None:
        self.choices: dict[Place, int] = {}
        self.calls: dict[Place, tuple[str, str]] = {}
        self.untold: list[tuple[Address, int]] = []
        self._asked: dict[tuple[str, str], int] = {}

    def choose(self, kind: str, subject: str, options: int, weights: Sequence[float] | None = None) -> int:
        """An answer from 0 to ``options`` - 1."""
        occurrence = self._asked.get((kind, subject), 0)
        self._asked[kind, subject] = occurrence + 1
        address = Address(kind, subject, occurrence)
        answer = self._answer(address, options, weights)
        if answer:
            self.choices[address] = answer
            self.untold.append((address, answer))
        return answer

    def choose_at(self, address: PointAddress, options: int) -> int:
        """The same before a statement of the user's code, whose address says which; it is kept once it has ``happened_at`` the statement."""
        return self._answer(address, options, None)

    def happened_at(self, address: PointAddress, answer: int) -> None:
        """What was answered before a statement has taken effect."""
        self.choices[address] = answer

    def asks(self, kind: str) -> bool:
        """Whether a question may be answered with something else than 0."""
        return True

    @property
    def is_spent(self) -> bool:
        """Whether each question of the engine will be answered with 0 from now on."""
        return False

    def _answer(self, address: Place, options: int, weights: Sequence[float] | None) -> int:
        raise NotImplementedError

    def afresh(self) -> Source:
        """The same for another run."""
        raise NotImplementedError

    def check_replayed(self) -> None:
        """Refuse to call it the same run if a planned choice was never asked for."""


class SeededSource(Source):
    """Draws each answer from a seed, at the rates of ``faults``; after ``most`` faults nothing goes wrong any more."""

    def __init__(self, seed: bytes, faults: Faults, most: int | None = None) -> None:
        super().__init__()
        self._most = most
        self._seed = seed
        self._faults = faults
        self._rates = faults.by_question()
        self._drawn = 0

    def afresh(self) -> SeededSource:
        """The same for another run."""
        return SeededSource(self._seed, self._faults, self._most)

    def asks(self, kind: str) -> bool:
        """Whether a question has a rate."""
        return self._rates[kind] > 0

    @property
    def is_spent(self) -> bool:
        """Whether as much has gone wrong as may."""
        return self._most is not None and self._drawn >= self._most

    def _answer(self, address: Place, options: int, weights: Sequence[float] | None) -> int:
        rate = self._rates[address.kind]
        if not rate or options < 2 or (self._most is not None and self._drawn >= self._most):
            return 0
        text = " ".join(map(str, address))
        bits = int.from_bytes(blake2b(text.encode(), key=self._seed, digest_size=16).digest(), "big")
        if (bits >> 64) / 2**64 >= rate:
            return 0
        self._drawn += 1
        draw = (bits & (2**64 - 1)) / 2**64
        if weights is None:
            return min(1 + int(draw * (options - 1)), options - 1)
        sums = list(accumulate(weights[1:options]))
        return 1 + next((index for index, total in enumerate(sums) if draw * sums[-1] < total), options - 2)


class PlannedSource(Source):
    """Answers as a plan has it, and 0 to all else."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self._plan = plan.choices
        self._met: set[Place] = set()

    def _answer(self, address: Place, options: int, weights: Sequence[float] | None) -> int:
        answer = self._plan.get(address, 0)
        if answer:
            self._met.add(address)
        return min(answer, options - 1)

    def check_replayed(self) -> None:
        """Refuse to call it the same run if a planned choice was never asked for.

        Raises:
            UsageError: Names the first such choice.
        """
        for address, answer in self._plan.items():
            if answer and address not in self._met:
                raise errors.UsageError(
                    f"this is not the run that was planned: {tuple(address)!r} never came up. "
                    "The code, the messages or the seed have changed."
                )


class ChanceSource(Source):
    """Answers the chances of a plan, and 0 to all else.

    Args:
        plan: Which chances.
    """

    def __init__(self, plan: FaultPlan) -> None:
        super().__init__()
        self._plan = plan
        self._chances: Counter[str] = Counter()

    def afresh(self) -> ChanceSource:
        """The same for another run."""
        return ChanceSource(self._plan)

    def asks(self, kind: str) -> bool:
        """Whether a question is in the plan."""
        return kind in self._plan.chances

    def _answer(self, address: Place, options: int, weights: Sequence[float] | None) -> int:
        answers = self._plan.chances.get(address.kind)
        if answers is None or options < 2:
            return 0
        chance = self._chances[address.kind]
        self._chances[address.kind] = chance + 1
        return min(answers.get(chance, 0), options - 1)


def source_of(seed: bytes, faults: Faults | Plan | FaultPlan | Source | None) -> Source | None:
    """What answers in a world with that seed and those faults; None in the perfect queue.

    Raises:
        UsageError: A fault acts between the statements of the user's code, which a world alone does not run.
    """
    if faults is None or isinstance(faults, Source):
        return faults
    if faults == Faults():
        return None
    asked = _asked(faults)
    if in_code := sorted(name for name in asked if FAULTS[FAULT_OF.get(name, name)].in_code):
        raise errors.UsageError(
            f"the fault {in_code[0]!r} acts between the statements of your code: minisqs.check, sweep and run do that, "
            "a World alone does not"
        )
    if isinstance(faults, FaultPlan):
        return ChanceSource(faults)
    return PlannedSource(faults) if isinstance(faults, Plan) else SeededSource(seed, faults)


def _asked(faults: Faults | Plan | FaultPlan) -> Collection[str]:
    """The questions, or the faults, that may be answered with something else than 0."""
    if isinstance(faults, FaultPlan):
        return faults.chances
    return {address.kind for address in faults.points} if isinstance(faults, Plan) else faults.wanted()
