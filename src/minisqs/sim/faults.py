"""What may go wrong, as data: how often each legal misbehaviour happens, and what permits it.

Each fault is a name for one or more questions of ``engine.decisions``. Nothing here does anything; the
sources draw by these rates, and the journal and the docs tell with these words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import attrs

from .. import errors
from ..engine import decisions as chance

DEFAULT_RATE: Final = 0.1
"""How often a fault happens that was asked for by name only."""


class Fault(NamedTuple):
    """One legal misbehaviour."""

    questions: tuple[str, ...]
    what: str
    where: str
    permitted_by: str


FAULTS: Final[Mapping[str, Fault]] = {
    "duplicate": Fault(
        (chance.DUPLICATE, chance.DUPLICATE_AFTER_DELETE),
        "a copy is delivered again while another is in flight, or after the delete",
        "standard queues",
        "SQS guide, At-least-once delivery",
    ),
    "reorder": Fault(
        (chance.REORDER,),
        "another available message than the oldest is handed out",
        "standard queues",
        "SQS guide, Best-effort ordering",
    ),
    "miss": Fault(
        (chance.MISS,),
        "a short poll asks a weighted sample of the queue's servers",
        "standard queues",
        "SQS guide, Short and long polling",
    ),
    "stale_delete": Fault(
        (chance.STALE_DELETE,),
        "a delete with an older receipt handle does not stick",
        "standard queues",
        "API_DeleteMessage",
    ),
    "split": Fault(
        (chance.SPLIT,),
        "a poller takes fewer messages than it may, so they spread over other batches",
        "Lambda's pollers",
        "Lambda guide, Using Lambda with Amazon SQS",
    ),
    "tie": Fault(
        (chance.TIE,),
        "events that are due at one nanosecond happen in another order",
        "all",
        "nothing promises an order",
    ),
}


def _rate(instance: object, attribute: attrs.Attribute[float], value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise errors.UsageError(f"the rate of the fault {attribute.name!r} is a number from 0 to 1, not {value!r}")


@attrs.frozen(kw_only=True)
class Faults:
    """How often each fault happens, as a share of the occasions on which it could, 0 to 1.

    Attributes:
        duplicate: Of receives and of deletes: the message comes again.
        reorder: Of messages handed out: a younger one goes first.
        miss: Of short polls: some servers are not asked.
        stale_delete: Of deletes with an older handle: nothing is deleted.
        split: Of receives by a Lambda poller: it takes fewer messages than it may.
        tie: Of events due at one nanosecond: another goes first.

    Raises:
        UsageError: A rate is not a number from 0 to 1.
    """

    duplicate: float = attrs.field(default=0.0, validator=_rate)
    reorder: float = attrs.field(default=0.0, validator=_rate)
    miss: float = attrs.field(default=0.0, validator=_rate)
    stale_delete: float = attrs.field(default=0.0, validator=_rate)
    split: float = attrs.field(default=0.0, validator=_rate)
    tie: float = attrs.field(default=0.0, validator=_rate)

    @classmethod
    def named(cls, names: Iterable[str] | Mapping[str, float]) -> Faults:
        """Each of ``names`` at the rate it is mapped to, or at 0.1.

        Raises:
            UsageError: Not the name of a fault, or not a rate.
        """
        rates = (
            names
            if isinstance(names, Mapping)
            else dict.fromkeys([names] if isinstance(names, str) else names, DEFAULT_RATE)
        )
        for name in rates:
            if isinstance(name, tuple):
                raise errors.UsageError(f"{name!r} is the address of a choice: give choices as a Plan")
            if name not in FAULTS:
                raise errors.UsageError(f"{name!r} is not a fault; the faults are {', '.join(FAULTS)}")
        return cls(**rates)

    def by_question(self) -> dict[str, float]:
        """The rate at which each of the engine's questions is answered with something else than 0."""
        return {question: getattr(self, name) for name, fault in FAULTS.items() for question in fault.questions}


def in_words(question: str, answer: int) -> str:
    """What an answer other than 0 did.

    >>> in_words("reorder", 3)
    'the 3rd message behind it is handed out first'
    """
    if question == chance.DUPLICATE_AFTER_DELETE:
        return f"a server missed the delete; its copy is shown again {chance.STRAY_DELAYS[answer - 1]}"
    if question == chance.MISS:
        missed = answer.bit_count()
        return f"the poll asks {chance.SERVERS - missed} of the queue's {chance.SERVERS} servers"
    return _WORDS[question].format(answer=answer, ordinal=_ordinal(answer))


_WORDS: Final[Mapping[str, str]] = {
    chance.DUPLICATE: "it is shown again at once, beside the delivery in flight",
    chance.REORDER: "the {ordinal} message behind it is handed out first",
    chance.STALE_DELETE: "a delete with an older receipt handle does not stick",
    chance.SPLIT: "it takes {answer} at most",
    chance.TIE: "the {ordinal} event behind it happens first",
}


def _ordinal(number: int) -> str:
    suffix = {1: "st", 2: "nd", 3: "rd"}.get(number % 10 if number % 100 not in (11, 12, 13) else 0, "th")
    return f"{number}{suffix}"
