"""Shows that no run within bounds breaks a consumer, by making them all but those that show the same as another.

The claim is about the messages, the number of workers, the number of faults and their kinds that were given,
about statements as the steps of the user's code, and about the Python that ran them. It is never more.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from textwrap import wrap
from typing import Any, Final, TypeAlias

import attrs

from .. import errors
from ..engine import decisions as chance
from ..engine.values import SendMessage
from ..sim.arguments import whole
from ..sim.faults import FAULTS, check_name
from ..sim.sources import Place
from . import defaults
from .check import check_sometimes, doubts, excused, out_of_order, refuse_replayed, tell
from .choices import Exploration, wanted
from .laboratory import Laboratory
from .oracles import Finding, Oracles
from .quiet import aloud
from .reductions import Comparison, Known, reduced
from .report import WIDTH
from .runs import MERGED, Outcome
from .shrink import shrink
from .stories import Kept, Story
from .subjects import Case
from .values import many, shown

BUDGET: Final = 500_000
BY_DEFAULT: Final = frozenset({"duplicate", "reorder", "kill", "stall", "overlap", "recycle", "split"})
"""The kinds of fault of a proof, unless others are named. What the others do to a consumer behind Lambda, a message
that comes again though its work was done, or later, these do as well."""


@attrs.frozen(kw_only=True)
class Proof:
    """That no schedule within bounds breaks a consumer.

    Attributes:
        subject: Of what.
        complete: Whether every schedule within the bounds was covered; always true, as a proof that is not is an error.
        bounds: Messages, workers, faults, preemptions, the kinds of fault, how many statements of the user's code there
            are, the functions whose statements could not be followed, whether what is observed stayed the same on the perfect
            queue, and the Python.
        runs: How many runs were made; those of a walk that had to be begun anew, as more told states apart, included.
        pruned: How many were left out because another run shows the same.
        states: The different states that were observed at the end of runs, as texts.
    """

    subject: str
    complete: bool
    bounds: dict[str, Any]
    runs: int
    pruned: int
    states: tuple[str, ...]

    def text(self) -> str:
        """The claim, and what it is about."""
        bounds = self.bounds
        overlaps = (
            "" if bounds["preemptions"] == bounds["faults"] else f", of these {bounds['preemptions']} overlapping,"
        )
        claim = f"{self.subject}: no schedule of {_of(bounds)} with at most {many(bounds['faults'], 'fault')}{overlaps} breaks it."
        limits = (
            f"{many(self.runs, 'run')} {_were(self.runs)} made, {self.pruned:,} {_were(self.pruned)} left out because another shows the same. The steps are the "
            f"statements of your code ({bounds['statements']}), on Python {bounds['python']}; nothing is claimed about more "
            "messages, workers or faults, or about what happens inside of one statement."
        )
        if self.pruned:
            limits += " What leaving out assumes is under 'Four reductions' in the docs' page on design; reduce=False assumes nothing."
        kinds = f"Kinds of fault: {', '.join(bounds['kinds'])}."
        texts = [claim, kinds, limits, *doubts(bounds["unfollowed"], sees_nothing=bounds["sees_nothing"])]
        if bounds["faults"] and self.runs == 1 and not self.pruned:
            texts.append("None of these faults can happen here: the only run is the perfect one.")
        if bounds["dead_lettered"]:
            texts.append(excused(bounds["dead_lettered"]))
        return "".join(f"{line}\n" for text in texts for line in wrap(text, WIDTH))

    def __str__(self) -> str:
        return self.text()


def prove(
    subject: Any,
    messages: Sequence[str | SendMessage] | None = None,
    *,
    workers: int = 2,
    faults: int = 2,
    preemptions: int | None = None,
    kinds: Iterable[str] | None = None,
    queue: Mapping[str, Any] | None = None,
    function: Mapping[str, Any] | None = None,
    mapping: Mapping[str, Any] | None = None,
    seed: int | str | None = None,
    oracles: Iterable[object] | None = None,
    trace: object = None,
    budget: int = BUDGET,
    reduce: bool = True,
    progress: Callable[[int, int], object] | None = None,
) -> Proof:
    """Show that no schedule within bounds breaks a consumer.

    Args:
        subject, messages, queue, function, mapping, seed, oracles, trace: As for ``check``.
        workers: How many deliveries may be under way at once, 1 or more.
        faults: How many things may go wrong in one run, 0 or more.
        preemptions: How many of these may be overlaps; as many as ``faults`` unless given.
        kinds: Names of the faults; ``prove.BY_DEFAULT`` unless given.
        budget: So many runs at most.
        reduce: Whether runs are left out that show the same as another.
        progress: Called now and then with how many runs were made and how many plans wait.

    Raises:
        CheckFailed: A schedule breaks it; ``report`` tells the smallest story.
        ProofIncomplete: The budget is used up; nothing is claimed.
        UsageError: An argument is not of its form, or the consumer is not the same on two perfect runs.
    """
    if not isinstance(reduce, bool):
        raise errors.UsageError(f"reduce is True or False, not {reduce!r}")
    if progress is not None and not callable(progress):
        raise errors.UsageError(f"progress is a function of two numbers, not {progress!r}")
    bounds = _Bounds(
        workers=whole("workers", workers, lowest=1),
        faults=whole("faults", faults, lowest=0),
        preemptions=min(faults, whole("preemptions", faults if preemptions is None else preemptions, lowest=0)),
        budget=whole("budget", budget, lowest=1),
        reduce=reduce,
    )
    case = Case(subject, messages, queue=queue, function=function, mapping=mapping, trace=trace, seed=seed)
    names = _kinds(kinds)
    told = None if progress is None else aloud(progress)
    with Laboratory(case, Oracles.of(oracles, subject), names) as laboratory:
        laboratory.asks_ties = "tie" in names
        laboratory.get_ready()
        refuse_replayed(laboratory)
        if story := out_of_order(laboratory):
            raise errors.CheckFailed(tell(laboratory, story))
        walk = _walked(laboratory, bounds, told)
        laboratory.refuse_residue()
        if walk.waiting:
            raise errors.ProofIncomplete(
                f"{bounds.budget:,} runs were made, and {_waiting(walk.waiting)}: nothing is proved. Give a larger "
                "budget=, or fewer messages, faults or kinds"
            )
        check_sometimes(laboratory)
        proof = _proof(laboratory, bounds, walk)
        defaults.note(proof.text())
        return proof


def _walked(laboratory: Laboratory, bounds: _Bounds, progress: Callable[[int, int], object] | None) -> Walk:
    """A walk to the end, or to the end of the budget; begun anew where states turn out to have been taken for the same."""
    named = False
    while True:
        was_opaque = laboratory.case.is_opaque
        walk = Walk(laboratory, bounds, progress, named=named)
        _refuse_failures(walk, laboratory)
        laboratory.look_around()
        if walk.waiting or (walk.known.named == named and laboratory.case.is_opaque == was_opaque):
            return walk
        named = walk.known.named


def _refuse_failures(walk: Walk, laboratory: Laboratory) -> None:
    for story in walk.failures():
        smallest = shrink(laboratory, story)
        if laboratory.is_confirmed(smallest):
            laboratory.refuse_residue()
            laboratory.refuse_shared(smallest)
            raise errors.CheckFailed(tell(laboratory, smallest))


@attrs.frozen(kw_only=True)
class _Bounds:
    workers: int
    faults: int
    preemptions: int
    budget: int
    reduce: bool


_Plan: TypeAlias = tuple[dict[Place, int], bool]
"""A plan, and whether one stack was not enough for the one that it grew out of, or hardly will be for it."""


class Walk:
    """Makes every run within bounds.

    Args:
        laboratory: What runs them.
        bounds: Within which.
        progress: Told now and then.
        named: Whether handlers look at their context.

    Attributes:
        known: The states from which everything has been tried.
        pruned: How many runs were left out.
        states: What was observed, as texts.
        waiting: How many plans are left when the budget is used up.
    """

    def __init__(
        self,
        laboratory: Laboratory,
        bounds: _Bounds,
        progress: Callable[[int, int], object] | None = None,
        *,
        named: bool = False,
    ) -> None:
        self._laboratory = laboratory
        self._bounds = bounds
        self._progress = progress
        self.known = Known(named=named)
        self.pruned = 0
        self.states: dict[str, None] = {}
        self.waiting = 0

    def failures(self) -> Iterable[Story]:
        """The failing runs as they are met, those with few faults first."""
        laboratory, bounds = self._laboratory, self._bounds
        kept = laboratory.case.everything
        level: list[_Plan] = [({}, False)]
        for faults in range(bounds.faults + 1):
            following: list[_Plan] = []
            for number, (plan, on_strands) in enumerate(level):
                if laboratory.runs >= bounds.budget:
                    self.waiting = len(level) - number + len(following)
                    return
                if self._progress is not None and not laboratory.runs % 1000:
                    self._progress(laboratory.runs, len(level) - number + len(following))
                outcome, source, finding = self._run(kept, plan, bounds.faults - faults, on_strands=on_strands)
                while finding is not None:  # whoever wants another has found it to be given up too early
                    yield Story(kept, outcome.happened, bounds.workers, finding)
                    outcome, source, finding = self._run(kept, plan, bounds.faults - faults)
                if faults < bounds.faults and len(outcome.happened) == len(plan):
                    begins_with_strands, is_last = outcome.on_strands, faults + 1 == bounds.faults
                    following += (  # before the last faults one stack is tried: on it states are compared midway too
                        (child, begins_with_strands or (is_last and _interleaves(child)))
                        for child in self._children(plan, source)
                    )
            level = following

    def _run(
        self, kept: Kept, plan: dict[Place, int], left: int, *, on_strands: bool = False
    ) -> tuple[Outcome, Exploration, Finding | None]:
        laboratory, bounds = self._laboratory, self._bounds
        overlaps = sum(address.kind == chance.OVERLAP for address in plan)
        overlaps_left = min(left, bounds.preemptions - overlaps) if bounds.preemptions < bounds.faults else 0
        comparing = Comparison(
            known=self.known, left=left, overlaps_left=overlaps_left, finely=left > 0, midway=left > 0
        )
        outcome, source, finding = laboratory.explore(
            kept,
            plan,
            bounds.workers,
            records=left > 0,
            comparing=comparing if bounds.reduce else None,
            on_strands=on_strands,
        )
        if outcome.ended == MERGED:
            self.pruned += 1
            return outcome, source, None
        if finding is None:  # else it may have been given up too early
            self.states.setdefault(shown(outcome.state, 10_000))
        return outcome, source, finding

    def _children(self, plan: dict[Place, int], source: Exploration) -> list[dict[Place, int]]:
        preempted = sum(address.kind == chance.OVERLAP for address in plan)
        children: list[dict[Place, int]] = []
        for _, address, answer, skip in reduced(source):
            if address.kind == chance.OVERLAP and preempted >= self._bounds.preemptions:
                continue
            if skip and self._bounds.reduce:
                self.pruned += 1
            else:
                children.append({**plan, address: answer})
        return children


def _interleaves(plan: dict[Place, int]) -> bool:
    """Whether one stack will hardly be enough: a delivery that was interrupted goes on before the one that did it ends."""
    overlaps = [answer for address, answer in plan.items() if address.kind == chance.OVERLAP]
    return len(overlaps) > 1 and overlaps[-2] > 1


def _proof(laboratory: Laboratory, bounds: _Bounds, walk: Walk) -> Proof:
    case = laboratory.case
    return Proof(
        subject=case.name,
        complete=True,
        bounds={
            "messages": len(case.messages),
            "workers": bounds.workers,
            "faults": bounds.faults,
            "preemptions": bounds.preemptions,
            "kinds": tuple(name for name in FAULTS if name in laboratory.kinds),
            "statements": len({one.digest for one in case.statements}),
            "unfollowed": case.unfollowed,
            "sees_nothing": laboratory.sees_nothing,
            "dead_lettered": laboratory.legally_dead,
            "python": platform.python_version(),
        },
        runs=laboratory.runs,
        pruned=walk.pruned,
        states=tuple(walk.states),
    )


def _kinds(kinds: Iterable[str] | None) -> frozenset[str]:
    if kinds is None:
        return BY_DEFAULT
    if isinstance(kinds, (str, bytes)) or not isinstance(kinds, Iterable):
        raise errors.UsageError(f"kinds are a list of names of faults, not {kinds!r}")
    names = frozenset(kinds)
    for name in sorted(names, key=repr):
        check_name(name)
    if not names:
        raise errors.UsageError("kinds are at least one name of a fault; faults=0 is a proof without any")
    return wanted(names)


def _were(runs: int) -> str:
    return "was" if runs == 1 else "were"


def _waiting(plans: int) -> str:
    return "1 plan still waits" if plans == 1 else f"{plans:,} plans still wait"


def _of(bounds: Mapping[str, Any]) -> str:
    """Of what a proof is: the messages and workers, or those of a scenario, which brings its own."""
    if not bounds["messages"]:
        return f"its own messages and workers, {bounds['workers']} of a Lambda function at once,"
    return f"{many(bounds['messages'], 'message')} on {many(bounds['workers'], 'worker')}"
