"""What a user calls: ``check``, ``run``, ``perfect`` and ``replay``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from hashlib import blake2b
from itertools import combinations, islice, permutations
from textwrap import wrap
from typing import Any, Final

import attrs

from .. import errors
from ..engine.values import SendMessage
from ..sim.arguments import key_of, whole
from ..sim.faults import FAULTS, Faults
from ..sim.journal import Journal
from ..sim.sources import ChanceSource, FaultPlan, Place, Plan, PointAddress, SeededSource, Source
from . import defaults, memory, report, runs_beside, tokens
from .choices import POINT_KINDS, Exploration, wanted
from .laboratory import Laboratory
from .oracles import COMMUTES, NOTHING, SOMETIMES, TESTED_NOTHING, Finding, Oracles
from .rates import GivenFaults, has_rates, rates_of
from .report import Report
from .runs import NEVER_SETTLES, Outcome
from .search import Search, random_story, roots_of
from .shrink import shrink
from .stories import Kept, Story
from .subjects import Case
from .values import many

DEFAULT_RUNS: Final = 200
DEFAULT_BUDGET: Final = 1000
RESTARTS: Final = 3
NO_KINDS: Final = frozenset[str]()
ORDERS: Final = 120
"""So many orders of messages are tried where the consumer is to be indifferent to them."""
FEW: Final = 5
"""Of so many messages all orders are tried."""
MOST_FAULTS: Final = 50
"""So many faults happen at most in a run with rates: then the consumer must get on its feet."""


@attrs.frozen(kw_only=True)
class Checked:
    """What a check tried.

    Attributes:
        subject: Of what.
        found: Whether it found something.
        runs: How many runs there were.
        faults: How often each fault really happened.
        redeliveries: How often a message was handed over again.
        overlaps: How often a delivery ran while another was under way.
        dead_lettered: In how many runs faults legally sent messages to the dead-letter queue.
        complete: Whether every plan was tried with two workers and simultaneous events in their order, however
            many faults it has.
        unfollowed: Functions of the user's files without faults between their statements, as their source cannot be
            read or is not what runs, or as they run but are not to be found: "name (path:line)".
        sees_nothing: Whether what is observed stayed the same all through the perfect run.
    """

    subject: str
    found: bool
    runs: int
    faults: dict[str, int]
    redeliveries: int
    overlaps: int
    dead_lettered: int
    complete: bool
    unfollowed: tuple[str, ...] = ()
    sees_nothing: bool = False

    def text(self) -> str:
        """All that in words."""
        fired = ", ".join(f"{name} {times:,}" for name, times in self.faults.items()) or "none"
        again = many(self.redeliveries, "redelivery")
        at_once = many(self.overlaps, "overlapping delivery")
        lines = [
            f"{self.subject}: {'a bug was' if self.found else 'nothing'} found in {many(self.runs, 'run')}"
            + (", among them every plan on two workers." if self.complete and not self.found else "."),
            f"Faults that happened: {fired}.",
            f"{again}, {at_once}.",
        ]
        if self.dead_lettered:
            lines.append(excused(self.dead_lettered))
        lines += doubts(self.unfollowed, sees_nothing=self.sees_nothing)
        return "".join(f"{line}\n" for text in lines for line in wrap(text, report.WIDTH))

    def __str__(self) -> str:
        return self.text()


def excused(runs: int) -> str:
    """What is said of runs in which faults legally sent messages to a dead-letter queue."""
    return (
        f"In {many(runs, 'run')} the faults used up the receives of a message, which so went to the dead-letter queue, as it "
        "must; what was left behind was not judged there, but by minisqs.always."
    )


def doubts(unfollowed: Sequence[str], *, sees_nothing: bool) -> list[str]:
    """What makes it doubtful that anything was tested, in words; nothing if nothing does."""
    found = []
    if unfollowed:
        why = "the source cannot be read, or is not what runs, or the function is not to be found"
        found.append(f"Between the statements of {', '.join(unfollowed)} nothing went wrong: {why}.")
    if sees_nothing:
        found.append(
            "What is observed was the same before and after the perfect run: a handler that did nothing would have "
            "passed as well. Is everything that it does in what observe() returns?"
        )
    return found


def check(
    subject: Any,
    messages: Sequence[str | SendMessage] | None = None,
    *,
    queue: Mapping[str, Any] | None = None,
    function: Mapping[str, Any] | None = None,
    mapping: Mapping[str, Any] | None = None,
    faults: GivenFaults = None,
    seed: int | str | None = None,
    runs: int | None = None,
    budget: int | None = None,
    oracles: Iterable[object] | None = None,
    trace: object = None,
) -> Checked:
    """Look for a run that breaks a consumer, and raise its smallest story.

    Args:
        subject: A class whose instance is the outside world of a run, with ``handler(event, context)`` or
            ``environment()``, and ``observe()``; a ``minisqs.deployed``; or a ``minisqs.scenario``.
        messages: Texts or ``SendMessage``, sent in this order; none for a scenario.
        queue: Arguments of ``create_queue``, and ``max_receive_count``, which makes a dead-letter queue.
        function: Arguments of ``create_function``.
        mapping: Arguments of ``create_event_source_mapping``.
        faults: What may go wrong: names, rates or ``Faults``; a ``Plan`` for one run only; None for all that
            is legal.
        seed: From which ids and the random runs come.
        runs: How many random runs there are, after the exhaustive ones; 200 unless given.
        budget: How many runs at most the exhaustive part has, smallest first; 1,000 unless given.
        oracles: Names, ``minisqs.always`` and ``minisqs.sometimes``; None for those by default.
        trace: Which files are the user's own; None for those of the subject's project.

    In a test, the options of pytest and the test's marker stand for what is not given.

    Returns:
        What was tried.

    Raises:
        CheckFailed: A run breaks it; ``report`` tells which. Or nothing ever went wrong: nothing was tested.
        UsageError: An argument is not of its form, or the consumer is not the same on two perfect runs.
        Whatever the handler raises on the perfect queue.
    """
    test = defaults.now()
    taken = defaults.of_check(runs=runs, budget=budget, faults=faults, oracles=oracles)
    settings = defaults.of_check(queue=queue, function=function, mapping=mapping, trace=trace)
    faults = taken["faults"]
    effort = _Effort(
        seed=test.seed if seed is None else seed,
        runs=_number("runs", taken["runs"], DEFAULT_RUNS),
        budget=_number("budget", taken["budget"], DEFAULT_BUDGET),
    )
    case = Case(subject, messages, seed=seed, **settings)
    judged_by = Oracles.of(taken["oracles"], subject)
    plan = faults if isinstance(faults, Plan) else None
    given = None if plan is not None else rates_of(faults)
    kinds = wanted(given.wanted() if given is not None else None if plan is None else frozenset(FAULTS))
    with Laboratory(case, judged_by, kinds) as laboratory:
        laboratory.get_ready()
        if not refuse_replayed(laboratory):
            story = out_of_order(laboratory) or _found(
                laboratory, effort, given=given if has_rates(faults) else None, plan=plan
            )
            laboratory.refuse_residue()
            if story is not None:
                laboratory.refuse_shared(story)
                raise errors.CheckFailed(tell(laboratory, story, is_smallest=plan is None))
            _refuse_empty(laboratory)
            check_sometimes(laboratory)
        checked = _checked(laboratory, found=False)
        defaults.note(checked.text())
        return checked


@attrs.frozen(kw_only=True)
class _Effort:
    """How much is tried: from which seed, how many random runs, how many exhaustive ones at most."""

    seed: int | str | None
    runs: int
    budget: int


def _number(name: str, given: object, default: int) -> int:
    return whole(name, default if given is None else given, lowest=0)


def refuse_replayed(laboratory: Laboratory) -> bool:
    """Make the run of the token that the test is given; whether it belongs to this case, and passes by now.

    Raises:
        CheckFailed: It still fails.
        UsageError: The code has changed where it had something go wrong.
    """
    test, case = defaults.now(), laboratory.case
    if not test.replay:
        return False
    wanted_run = tokens.read(test.replay)
    if (wanted_run.case_digest, wanted_run.messages_digest) != (case.digest, case.messages_digest):
        return False
    test.replayed = True
    kept = wanted_run.kept or case.everything
    outcome, _ = laboratory.run(kept, tokens.Replay(wanted_run.choices, frozenset(FAULTS)), wanted_run.workers)
    tokens.check_replayed(wanted_run.choices, outcome.happened, case.statements)
    finding = laboratory.judge(outcome, kept)
    if finding is not None:
        raise errors.CheckFailed(tell(laboratory, Story(kept, outcome.happened, wanted_run.workers, finding)))
    return True


def _found(laboratory: Laboratory, effort: _Effort, *, given: Faults | None, plan: Plan | None) -> Story | None:
    """The smallest failing story that there is time for."""
    case = laboratory.case
    if plan is not None:
        return _of_plan(laboratory, plan)
    for token in filter(laboratory.may_try, memory.remembered(case)):
        story = laboratory.try_token(token)
        if story is not None:
            return shrink(laboratory, story)
        memory.forget(case, token)
    return _smallest_first(laboratory, effort.budget) or _at_random(laboratory, effort, given)


def _of_plan(laboratory: Laboratory, plan: Plan) -> Story | None:
    """The story of the one run that a plan is about, if it fails.

    Raises:
        UsageError: It passes, and not all that is planned has come up.
    """
    everything = laboratory.case.everything
    outcome, _, finding = laboratory.explore(everything, plan.choices, None, records=False)
    if finding is not None:
        return Story(everything, outcome.happened, None, finding)
    _refuse_stale(plan, outcome.happened)
    return None


def _refuse_stale(plan: Plan, happened: Mapping[Place, int]) -> None:
    """Refuse a plan of which something has not happened.

    Raises:
        UsageError: It was never asked for, or is not legal there.
    """
    for address, answer in plan.choices.items():
        if answer and address not in happened:
            raise errors.UsageError(
                f"{tuple(address)} of the plan never came up, so what it was to show was not tried: the code or the messages "
                "have changed since, it was made for others, or it may not happen there"
            )


def _smallest_first(laboratory: Laboratory, budget: int) -> Story | None:
    """The first failing run in the order of their weight, made small."""
    search = Search(laboratory, roots_of(len(laboratory.case.messages)))
    for story in search.stories(budget):
        smallest = shrink(laboratory, story)
        if laboratory.is_confirmed(smallest):
            return smallest
    laboratory.complete = search.is_exhausted
    return None


def out_of_order(laboratory: Laboratory) -> Story | None:
    """Whether the consumer cares in which order messages come, where it is asked that it does not."""
    if COMMUTES not in laboratory.oracles.names:
        return None
    case, expected = laboratory.case, laboratory.expected(laboratory.case.everything)
    for order in islice(filter(case.keeps_groups, _orders(case.everything)), ORDERS):
        got = laboratory.perfect(order, b"first")
        if not laboratory.are_same(got, expected):
            places = ", ".join(str(place + 1) for place in order)
            return Story(order, {}, None, Finding(COMMUTES, f"sent in the order {places}", expected, got))
    return None


def _orders(places: Kept) -> Iterator[Kept]:
    """Other orders than the given one: of five all; of more the reverse, each two changed about, then some of all."""
    if len(places) <= FEW:
        yield from islice(permutations(places), 1, None)
        return
    yield places[::-1]
    for one, other in combinations(places, 2):
        changed = list(places)
        changed[one], changed[other] = other, one
        yield tuple(changed)
    for number in range(ORDERS):
        yield tuple(sorted(places, key=lambda place: blake2b(f"{number} {place}".encode()).digest()))


def _at_random(laboratory: Laboratory, effort: _Effort, given: Faults | None) -> Story | None:
    """The smallest of a few failing runs that were drawn and shrunk."""
    stories: list[Story] = []
    for number in range(effort.runs if laboratory.kinds else 0):
        story = random_story(laboratory, laboratory.case.everything, effort.seed or 0, number, given)
        if story is not None:
            smallest = shrink(laboratory, laboratory.try_out(story.kept, story.plan, None) or story)
            if laboratory.is_confirmed(smallest):
                stories.append(smallest)
            if stories and (len(stories) == RESTARTS or len(stories[-1].plan) == 1):
                break
    return min(stories, key=lambda story: story.size, default=None)


def tell(laboratory: Laboratory, story: Story, *, is_smallest: bool = True) -> Report:
    """The report of a failing story, which is kept for the next time."""
    case = laboratory.case
    token = tokens.written(case.digest, case.messages_digest, story.kept, case.everything, story.workers, story.plan)
    telling = laboratory.tell(story)
    found = tuple(
        report.fault_of(address, answer, telling.calls.get(address), telling.points, telling.names)
        for address, answer in story.plan.items()
    )
    told = Report(
        subject=case.name,
        verdict=report.verdict_of(story, found),
        expected=story.finding.expected,
        got=story.finding.got,
        faults=found,
        messages=tuple((place + 1, case.body(place)) for place in story.kept),
        timeline=tuple(telling.lines),
        lanes=tuple(telling.lanes),
        file=telling.file,
        token=token,
        replay=case.replay_line(token),
        tried=_checked(laboratory, found=True),
        oracle=story.finding.oracle,
        plan=dict(story.plan),
        workers=story.workers,
        is_smallest=is_smallest,
    )
    memory.remember(case, token, told.text())
    return told


def _refuse_empty(laboratory: Laboratory) -> None:
    if not laboratory.tally:
        kinds = ", ".join(sorted(laboratory.kinds)) or "none"
        raise errors.CheckFailed(
            _nothing(
                laboratory,
                f"this check tested nothing: in {many(laboratory.runs, 'run')} no fault ever happened. Allowed were: {kinds}. "
                "Not each may happen everywhere: a FIFO queue shows no duplicates, and nobody interrupts a Lambda "
                "function. Allow more faults, send more messages, or give it more runs",
            )
        )


def check_sometimes(laboratory: Laboratory) -> None:
    """Refuse a case of which something never held that holds at the end of some run.

    Raises:
        CheckFailed: Which.
    """
    for predicate in laboratory.oracles.sometimes:
        if predicate.name not in laboratory.seen_sometimes:
            raise errors.CheckFailed(
                _nothing(
                    laboratory,
                    f"`{predicate.name}` did not hold at the end of any of {many(laboratory.runs, 'run')}",
                    SOMETIMES,
                )
            )


def _nothing(laboratory: Laboratory, verdict: str, oracle: str = TESTED_NOTHING) -> Report:
    """A report without a story."""
    return Report(
        subject=laboratory.case.name, verdict=f"{verdict}.", expected=None, got=None, faults=(), messages=(), timeline=(),
        lanes=(), token="", replay="", oracle=oracle,
    )  # fmt: skip


def _checked(laboratory: Laboratory, *, found: bool) -> Checked:
    return Checked(
        subject=laboratory.case.name,
        found=found,
        runs=laboratory.runs,
        faults={name: laboratory.tally[name] for name in FAULTS if laboratory.tally[name]},
        redeliveries=laboratory.redeliveries,
        overlaps=laboratory.overlaps,
        dead_lettered=laboratory.legally_dead,
        complete=laboratory.complete,
        unfollowed=laboratory.case.unfollowed,
        sees_nothing=laboratory.sees_nothing,
    )


class Run:
    """One run, for tests of the user's own.

    Attributes:
        state: What was observed at the end.
        choices: What went wrong, as data: ``minisqs.run(..., faults=minisqs.Plan(run.choices))`` is the same run.
    """

    def __init__(
        self, laboratory: Laboratory, kept: Kept, source: Source | None, outcome: Outcome, workers: int | None
    ) -> None:
        self._laboratory = laboratory
        self._kept = kept
        self._source = source
        self._outcome = outcome
        self._workers = workers
        self.state = outcome.state
        outcome.delivery_names = partial(set, outcome.delivery_names())  # else it would keep the whole world
        self.choices = dict(outcome.happened)

    @property
    def journal(self) -> Journal:
        """What happened in SQS and Lambda, in order. Cost: that of the run, which is made again for it."""
        source = None if self._source is None else self._source.afresh()
        with self._laboratory as laboratory:
            execution, _ = laboratory.show(self._kept, source, self._workers, keeps_journal=True)
        return execution.world.journal

    @property
    def faults(self) -> tuple[report.Fault, ...]:
        """What went wrong in the world."""
        calls = {} if self._source is None else self._source.calls
        own = {one.digest: one.number for one in self._laboratory.case.statements}
        points = [address.point for address in self.choices if isinstance(address, PointAddress)]
        known = {point: (own[digest], -1) for point in points if (digest := point.partition(".")[0]) in own}
        return tuple(
            report.fault_of(address, answer, calls.get(address), known) for address, answer in self.choices.items()
        )

    @property
    def token(self) -> str:
        """What replays the run."""
        case = self._laboratory.case
        return tokens.written(
            case.digest, case.messages_digest, self._kept, case.everything, self._workers, self.choices
        )

    @property
    def verdicts(self) -> tuple[Finding, ...]:
        """What is wrong with the end; empty if nothing is. Cost: that of two perfect runs."""
        finding = self._finding()
        return () if finding is None else (finding,)

    def _finding(self) -> Finding | None:
        laboratory = self._laboratory
        with laboratory:
            return laboratory.judge(self._outcome, self._kept)

    def text(self) -> str:
        """The story of the run, as a check would tell it."""
        finding = self._finding()
        self._laboratory.follows = True  # to tell what each statement does
        with self._laboratory as laboratory:
            told = finding or Finding(NOTHING, "", self.state, self.state)
            with memory.off():
                return tell(laboratory, Story(self._kept, self.choices, self._workers, told), is_smallest=False).text()

    def __repr__(self) -> str:
        return f"<Run: {many(len(self.choices), 'fault')}, {self.state!r}>"


def run(
    subject: Any,
    messages: Sequence[str | SendMessage] | None = None,
    *,
    queue: Mapping[str, Any] | None = None,
    function: Mapping[str, Any] | None = None,
    mapping: Mapping[str, Any] | None = None,
    faults: GivenFaults | FaultPlan = None,
    seed: int | str | None = None,
    workers: int | None = None,
    oracles: Iterable[object] | None = None,
    trace: object = None,
) -> Run:
    """One run of a subject in which the given faults happen; see ``check`` for the arguments.

    A ``Plan`` says what goes wrong, all of which has to come up, and so does a ``FaultPlan``, by chances; names, rates and ``Faults`` are drawn from
    the seed; None is the perfect queue. ``workers`` is how many deliveries may be under way at once; as many as the settings allow unless given.
    """
    if workers is not None:
        whole("workers", workers, lowest=1)
    case = Case(subject, messages, queue=queue, function=function, mapping=mapping, trace=trace, seed=seed)
    if isinstance(faults, Plan):
        source = Exploration(faults.choices, NO_KINDS, records=False)
        done = _one(case, Oracles.of(oracles, subject), source, workers=workers)
        _refuse_stale(faults, done.choices)
        return done
    return _one(case, Oracles.of(oracles, subject), _source(faults, seed), workers=workers)


def _source(faults: GivenFaults | FaultPlan, seed: int | str | None) -> Source | None:
    """What answers as it is drawn, or as the chances come."""
    if isinstance(faults, FaultPlan):
        return ChanceSource(faults)
    given = rates_of(faults)
    return None if given is None else SeededSource(key_of(seed), given, MOST_FAULTS)


def _one(case: Case, oracles: Oracles, source: Any, kept: Kept | None = None, workers: int | None = None) -> Run:
    laboratory = Laboratory(case, oracles, FAULTS)
    laboratory.follows = _has_points(source)
    with laboratory:
        kept = case.everything if kept is None else kept
        if laboratory.follows and not isinstance(source, Exploration):
            runs_beside.follow(laboratory)
        _, outcome = laboratory.show(kept, source, workers)
        if _misses_points(source, outcome) and laboratory.follow_what_runs():
            source = source.afresh()
            _, outcome = laboratory.show(kept, source, workers)
        return Run(laboratory, kept, source, outcome, workers)


def _misses_points(source: Source | None, outcome: Outcome) -> bool:
    """Whether not all that is planned has happened, so that the code of a statement may not have been found.

    It is not looked for before, as a debugger would stop there first.
    """
    return (
        isinstance(source, Exploration)
        and source.has_points
        and len(outcome.happened) < sum(map(bool, source.plan.values()))
    )


def _has_points(source: Source | None) -> bool:
    """Whether anything can go wrong between statements, so that they have to be followed."""
    if isinstance(source, Exploration):
        return source.has_points
    return source is not None and any(map(source.asks, POINT_KINDS))


def perfect(subject: Any, messages: Sequence[str | SendMessage] | None = None, **settings: Any) -> Run:
    """The run of a subject on the perfect queue; see ``check`` for the arguments, which are all but the faults.

    Raises:
        UsageError: Faults are given, or the run never comes to rest.
        Whatever its handler or its ``observe()`` raises.
    """
    if settings.get("faults") is not None:
        raise errors.UsageError("the perfect run has no faults; minisqs.run has them")
    done = run(subject, messages, **settings)
    outcome = done._outcome
    if error := outcome.raised or outcome.unobserved:
        raise error
    if outcome.ended == NEVER_SETTLES:
        raise errors.UsageError(
            f"{done._laboratory.case.name} does not come to rest on the perfect queue: {outcome.why}"
        )
    return done


def replay(
    subject: Any,
    token: str,
    messages: Sequence[str | SendMessage] | None = None,
    *,
    queue: Mapping[str, Any] | None = None,
    function: Mapping[str, Any] | None = None,
    mapping: Mapping[str, Any] | None = None,
    seed: int | str | None = None,
    oracles: Iterable[object] | None = None,
    trace: object = None,
) -> Run:
    """The same run again, to the byte; see ``check`` for the arguments, which are those that the token was found with.

    Nothing of it is timed, so a debugger may stop in the handler.

    Raises:
        UsageError: It is no token, one of other messages or settings, or the code has changed where it
            had something go wrong.
    """
    case = Case(subject, messages, queue=queue, function=function, mapping=mapping, trace=trace, seed=seed)
    wanted_run = tokens.read(token)
    if wanted_run.messages_digest != case.messages_digest:
        raise errors.UsageError(f"the token {token!r} was found with other messages")
    if wanted_run.case_digest != case.digest:
        raise errors.UsageError(
            f"the token {token!r} was found with another subject, or with other arguments for queue, function or mapping"
        )
    source = tokens.Replay(wanted_run.choices, frozenset(FAULTS))
    done = _one(case, Oracles.of(oracles, subject), source, wanted_run.kept or case.everything, wanted_run.workers)
    tokens.check_replayed(wanted_run.choices, done.choices, case.statements)
    return done
