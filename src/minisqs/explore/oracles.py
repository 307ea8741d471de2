"""What is wrong with a run: how its end differs from that of the perfect queue, and other things that must hold.

A run has two phases: things go wrong, then they stop and the world comes to rest. ``same`` and the user's
``always`` judge what was done under faults, ``drains`` that the consumer gets on its feet once they stop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from traceback import extract_tb
from typing import Any, Final

import attrs

from .. import errors
from .names import names_of
from .runs import LOCKED, NEVER_SETTLES, Outcome, Violation
from .values import SHORT, equal, shortened

SAME: Final = "same"
DRAINS: Final = "drains"
CONSERVED: Final = "conserved"
DEAD_LETTERS: Final = "dead_letters"
ORDER: Final = "fifo_order"
EFFECT_FIRST: Final = "effect_before_delete"
COMMUTES: Final = "commutes"
ALWAYS: Final = "always"
SOMETIMES: Final = "sometimes"
NOTHING: Final = "nothing"
"""In place of an oracle, of a run that nothing is wrong with."""

TESTED_NOTHING: Final = "tested nothing"
"""The same, of a check in which nothing ever happened."""

BY_DEFAULT: Final = (SAME, CONSERVED, DRAINS, DEAD_LETTERS, ORDER)
NAMED: Final = (*BY_DEFAULT, EFFECT_FIRST, COMMUTES)


@attrs.frozen
class Predicate:
    """Something of the user's own that must hold; ``always`` and ``sometimes`` make it.

    Attributes:
        kind: ``always`` or ``sometimes``.
        holds: Called with the subject (of a scenario, with what it observes).
        name: What it is called in reports.
    """

    kind: str
    holds: Callable[[Any], object]
    name: str


def always(holds: Callable[[Any], object], name: str | None = None) -> Predicate:
    """An oracle: ``holds(subject)`` must be true after each event of each run in which the user's code ran.

    Args:
        holds: Gets the subject; what it returns is taken as true or false, and an AssertionError as false.
        name: For reports; its own name unless given.
    """
    return _predicate(ALWAYS, holds, name)


def sometimes(holds: Callable[[Any], object], name: str | None = None) -> Predicate:
    """An oracle: ``holds(subject)`` must have been true at the end of at least one run, or the check tested too little."""
    return _predicate(SOMETIMES, holds, name)


def _predicate(kind: str, holds: object, name: str | None) -> Predicate:
    if not callable(holds):
        raise errors.UsageError(f"{kind} takes a function of the subject, not {holds!r}")
    if name is not None and not isinstance(name, str):
        raise errors.UsageError(f"the name of what {kind} takes is a text, not {name!r}")
    return Predicate(kind, holds, name or str(getattr(holds, "__name__", kind)))


@attrs.frozen(kw_only=True)
class Oracles:
    """By what a check judges.

    Attributes:
        names: Of the built-in oracles.
        always: The user's own, about every moment.
        sometimes: The user's own, about at least one run.
    """

    names: frozenset[str] = frozenset(BY_DEFAULT)
    always: tuple[Predicate, ...] = ()
    sometimes: tuple[Predicate, ...] = ()

    @classmethod
    def of(cls, given: object, subject: Any) -> Oracles:
        """What ``oracles=`` means, and the subject's own ``always`` and ``sometimes`` methods.

        Raises:
            UsageError: Neither a known name nor an oracle.
        """
        if given is not None and (isinstance(given, (str, bytes)) or not isinstance(given, Iterable)):
            raise errors.UsageError(f"oracles are a list of names and of always(...) and sometimes(...), not {given!r}")
        listed = list(given) if given is not None else []
        predicates = [one for one in listed if isinstance(one, Predicate)]
        names = [one for one in listed if not isinstance(one, Predicate)]
        for name in names:
            if name not in NAMED:
                raise errors.UsageError(
                    f"{name!r} is not an oracle; there are {', '.join(NAMED)}, and minisqs.always and sometimes"
                )
        own = [kind for kind in (ALWAYS, SOMETIMES) if callable(getattr(subject, kind, None))]
        predicates += [_predicate(kind, _method(kind), f"{kind}()") for kind in own]
        return cls(
            names=frozenset(names or BY_DEFAULT),
            always=tuple(one for one in predicates if one.kind == ALWAYS),
            sometimes=tuple(one for one in predicates if one.kind == SOMETIMES),
        )

    def during(self) -> Callable[[Any], Violation | None] | None:
        """What looks at every moment of a run."""
        if not self.always:
            return None
        return lambda subject: next(filter(None, (violation(one, subject) for one in self.always)), None)


def _method(name: str) -> Callable[[Any], object]:
    return lambda subject: getattr(subject, name)()


def is_true(predicate: Predicate, subject: Any) -> bool:
    """Whether an oracle of the user's holds now."""
    return violation(predicate, subject) is None


def violation(predicate: Predicate, subject: Any) -> Violation | None:
    """That an oracle of the user's does not hold now; None if it does."""
    try:
        holds = predicate.holds(subject)
    except AssertionError as error:
        return Violation(predicate.name, _asserted(error))
    if holds is None or bool(holds):  # what only asserts returns None
        return None
    return Violation(predicate.name, "")


def _asserted(error: AssertionError) -> str:
    """What an assertion says, or else how it reads, on one line."""
    said = str(error).partition("\n")[0]
    return shortened(said or extract_tb(error.__traceback__)[-1].line or "", SHORT)


@attrs.frozen
class Finding:
    """What is wrong with a run.

    Attributes:
        oracle: Which oracle says so.
        what: In words, as the end of a sentence that begins with what went wrong in the world.
        expected: What the perfect queue leaves behind.
        got: What this run left behind; of ``always``, what was observed as it did not hold, None where that cannot be.
        is_hasty: Whether the run was given up because nothing seemed to change any more.
        is_cut: Whether it was because so much had happened.
        same: Tells whether two parts of the two states are the same.
    """

    oracle: str
    what: str
    expected: Any
    got: Any
    is_hasty: bool = False
    is_cut: bool = False
    same: Callable[[Any, Any], bool] = attrs.field(default=equal, eq=False, repr=False)


def judge(outcome: Outcome, expected: Any, oracles: Oracles) -> Finding | None:
    """What is wrong with a run that ended so; None if nothing is."""
    if outcome.violated is not None:
        rule, why = outcome.violated
        what = f"{rule} does not hold any more" + (f": {why}" if why else "")
        return Finding(ALWAYS, what, f"{rule} always holds", outcome.state)
    if outcome.dead and is_legally_dead(outcome):
        return None  # what the world did to these messages is not the consumer's doing
    if outcome.unobserved is not None:
        error = outcome.unobserved
        return Finding(SAME, f"observe() raises {type(error).__name__}: {error}", expected, error)
    for oracle, what in _complaints(outcome):
        if what and oracle in oracles.names:
            return Finding(oracle, what, expected, outcome.state, outcome.is_hasty, outcome.is_cut)
    if not oracles.names.isdisjoint({SAME, EFFECT_FIRST}) and not equal(outcome.state, expected):
        return Finding(SAME, "the outside world is another than after the perfect queue", expected, outcome.state)
    return None


def _complaints(outcome: Outcome) -> Iterator[tuple[str, str]]:
    """What each oracle that needs no comparison says, in words; empty where it is content."""
    if outcome.ended == LOCKED:
        yield DRAINS, f"nobody gets on: {outcome.why}"
    if outcome.ended == NEVER_SETTLES:
        yield DRAINS, _never(outcome)
    if outcome.dead:
        yield DEAD_LETTERS, _unaccounted(outcome)
    if outcome.left:
        yield DRAINS, f"{_listed(outcome.left, 'is', 'are')} still in the queue when all is quiet"
    yield CONSERVED, outcome.lost
    yield ORDER, outcome.out_of_order


def is_legally_dead(outcome: Outcome) -> bool:
    """Whether faults have used up all the receives of a message in a dead-letter queue; others may need that one."""
    return any(outcome.harmed.get(address, 0) >= outcome.receives_allowed for address in outcome.dead)


def _unaccounted(outcome: Outcome) -> str:
    """Which messages went to a dead-letter queue though the consumer had receives left for them."""
    spoiled = max(outcome.harmed.get(address, 0) for address in outcome.dead)
    why = f"though faults spoiled only {spoiled} of {outcome.receives_allowed} receives" if spoiled else "unprovoked"
    return f"{_listed(outcome.dead, 'goes', 'go')} to the dead-letter queue, {why}"


def _never(outcome: Outcome) -> str:
    messages = f" ({_listed(outcome.left, 'is', 'are')} still there)" if outcome.left else ""
    error = outcome.raised_last
    raised = "" if error is None else f"; its code raises {type(error).__name__} again and again"
    return f"the consumer never comes to rest{messages}: {outcome.why}{raised}"


def _listed(addresses: Sequence[str], one: str, several: str) -> str:
    """Messages by their places, or by name where workers have sent some of them, with a verb."""
    if any("#" in address for address in addresses):
        return f"{names_of(addresses)} {one if len(addresses) == 1 else several}"
    places = [address.rpartition("/")[2] for address in addresses]
    return f"message {places[0]} {one}" if len(places) == 1 else f"messages {', '.join(places)} {several}"
