"""Where a case is run again and again, each time from the start: what checks, proofs and sweeps have in common.

It knows what the perfect queue leaves behind, judges each run by it, and counts what really went wrong.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from itertools import combinations, islice
from types import FunctionType
from typing import Any, Final, Self, TypeVar

import attrs

from .. import errors
from ..engine.decisions import KILL
from ..sim import processes  # noqa: F401  # what workers use is loaded before it is intercepted
from ..sim.asking import Arrival, address_of
from ..sim.code.running import Running
from ..sim.faults import FAULT_OF
from ..sim.intercepts import Intercepts, drawn, seed_randomness, shift_clock
from ..sim.sdks import AnsweredSdks
from ..sim.sources import Source
from ..sim.stage import Teller
from ..sim.strands import Carriers
from . import tokens
from .apart import HeldApart
from .choices import CODE, POINT_KINDS, Choices, Exploration
from .delivery_names import same_but_for
from .deploying import Deployed
from .elsewhere import Observer, Witness
from .garbage import Garbage
from .oracles import EFFECT_FIRST, SAME, Finding, Oracles, is_legally_dead, is_true, judge
from .properties import without_locks
from .quiet import quiet
from .reductions import Comparison, Known
from .runs import BRIEF, MANY_EVENTS, MERGED, NEVER_SETTLES, WHOLE_DAY, Execution, Outcome, Patience
from .stories import Kept, Story
from .subjects import Case
from .surroundings import Surroundings
from .telling import Telling
from .values import difference, equal, shown
from .watchdog import Watchdog

Follows = TypeVar("Follows", bound=Teller)

ONE_S: Final = 1_000_000_000

LONGEST: Final = 10_000
"""So many characters of what a module or class keeps are compared."""

MANY: Final = 4
"""After so many runs the surroundings are looked at only after twice, four times as many, and so on."""

MOST_LOOKS: Final = 5
"""So often the perfect run is made again, where it does what leads to functions that were not found before."""

MOST_SUBSETS: Final = 60
"""So many choices of messages are tried as those whose effect is missing: of up to 60 messages each one, of five any."""


_LEFT: Final[dict[tuple[int, str], tuple[object, str, str]]] = {}
"""What globals were left holding by a refused check, and how it was refused: from there the next would see no change.

By the subject's id and the global's name; the subject is kept alive, so that no other has its id.
"""


class Laboratory:
    """Runs a case again and again, each time from the start: everything that checks and proofs have in common.

    As a context it holds what the runs share: the followed statements, the intercepted clocks, the threads.

    Args:
        case: What runs.
        oracles: By what runs are judged.
        kinds: Names of the faults that may happen.

    Attributes:
        runs: How many runs with points there were.
        tally: How often each fault really happened.
        redeliveries, overlaps: How often messages were handed over again, and deliveries were under way at once.
        legally_dead: How many runs were not judged, as faults had used up the receives of a message.
        seen_sometimes: Which of the user's ``sometimes`` were true at some end.
        complete: Whether the exhaustive part has tried every plan.
        sees_nothing: Whether what is observed stayed the same all through the perfect run.
        follows: Whether statements of the user's code are points; to be set before it is entered.
        asks_ties: Whether the order of simultaneous events is explored too, not only drawn.
        patience: How long a run may go on.
    """

    def __init__(self, case: Case, oracles: Oracles, kinds: Collection[str]) -> None:
        self.case = case
        self.oracles = oracles
        self.kinds = frozenset(kinds)
        self.carriers = Carriers()
        self.runs = 0
        self.tally: Counter[str] = Counter()
        self.redeliveries = 0
        self.overlaps = 0
        self.legally_dead = 0
        self.complete = False
        self.patience = BRIEF
        self.asks_ties = self.kinds == {"tie"}
        self.seen_sometimes: set[str] = set()
        self.watchdog = Watchdog(case.trace)
        self._garbage = Garbage()
        self._surroundings = Surroundings(case)
        self._compared = 0
        self._expected: dict[Kept, Any] = {}
        self._stands: dict[Kept, bool] = {}
        self._dead: dict[Kept, frozenset[str]] = {}
        """The messages that the perfect queue itself sends to a dead-letter queue."""
        self._for_nobody: dict[Kept, frozenset[str]] = {}
        """The queues in which messages are left on the perfect queue too, as nobody receives from them."""
        self._during = oracles.during()
        self.sees_nothing = False
        self._texts_at_first: dict[str, str] = {}
        self._delivery_names: set[str] = set()
        """Those in what is expected."""
        self.follows = True
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        try:
            self._enter()
        except BaseException:
            self._stack.close()
            raise
        return self

    def _enter(self) -> None:
        self._stack.enter_context(quiet())
        self._stack.enter_context(Intercepts())
        self._stack.enter_context(AnsweredSdks())
        self._stack.callback(self.carriers.close)
        if isinstance(self.case.subject, Deployed):
            self._stack.enter_context(self.case.subject.installed())
        if self.follows:
            self.case.following.__enter__()
            self._stack.callback(self._unfollow)
            self._stack.enter_context(without_locks(self.case.classes))
        self._stack.enter_context(self._garbage)  # the collection that follows it may take longer than a handler may
        self._stack.enter_context(self.watchdog)
        if isinstance(self.case.subject, Deployed):
            self.case.subject.look_for_others(self._try_plainly)

    def _try_plainly(self) -> None:
        """Run on the perfect queue, whatever comes of it."""
        with suppress(Exception):
            self._go_plainly(self.case.everything, b"first", 0)

    def __exit__(self, *raised: object) -> None:
        self._stack.close()

    def _unfollow(self) -> None:
        """Take the points out of what has them by now, which may be more than at first."""
        self.case.following.__exit__()

    def follow_what_runs(self) -> bool:
        """Follow also the functions to which no name leads from the subject, but which run on the perfect queue.

        So those are found that only the first run has loaded, or that are looked up by computed names. Nothing of it
        is timed. Where somebody else has a profile function, only what has been loaded is found.

        Returns:
            Whether anything else is followed than before.
        """
        case, more = self.case, self.follow_anew()
        for _ in range(MOST_LOOKS):
            with Running(case.trace, case.following, self.carriers) as running:
                self.show(case.everything, None, None)
            case.ran_unfollowed = running.names()
            if not self.follow_anew(running.functions()):
                break
            more = True
        return more

    def follow_anew(self, ran_beside: Sequence[FunctionType] = ()) -> bool:
        """Put points into what the case leads to by now; whether that is another than before."""
        self.case.following.__exit__()
        try:
            changed = self.case.follow_anew(ran_beside)
        finally:
            self.case.following.__enter__()
        if changed:
            self._stack.enter_context(without_locks(self.case.classes))
            self._texts_at_first = {**self._lasting_texts(), **self._texts_at_first}
        return changed

    def refuse_unfollowed(self) -> None:
        """Refuse code of which no statement can be followed, where things are to go wrong between statements.

        Raises:
            UsageError: Its source cannot be read, as it was typed in or made up, or is another by now.
        """
        case, between = self.case, {FAULT_OF[kind] for kind in POINT_KINDS}
        if not case.statements and case.unfollowed and not between.isdisjoint(self.kinds):
            raise errors.UsageError(
                f"no statement of {case.name} can be followed, so nothing could go wrong between two of them: the source of "
                f"{case.unfollowed[0]} cannot be read, or is not what runs. Put the code into a file and import "
                'it, or allow faults of the queue alone, such as faults=["duplicate"]'
            )

    # ------------------------------------------------------------------------------------------ the perfect run
    def get_ready(self) -> None:
        """See what the perfect queue leaves behind, what runs, and where it is kept, before anything goes wrong.

        Raises:
            UsageError: The consumer does not come to rest, is not the same twice, or cannot be followed or compared.
            Whatever its handler raises.
        """
        self.expected(self.case.everything)
        self.follow_what_runs()
        self.refuse_unfollowed()
        self._look_closely()

    def expected(self, kept: Kept) -> Any:
        """What the perfect queue leaves behind, of the messages at these places.

        Raises:
            UsageError: The consumer does not come to rest, or is not the same twice.
            Whatever its handler raises.
        """
        if kept not in self._expected:
            self._expected[kept] = self._perfect_twice(kept)
        return self._expected[kept]

    def stands_alone(self, kept: Kept) -> bool:
        """Whether some of the messages make sense without the others: the consumer takes them on the perfect queue."""
        if kept not in self._stands:
            try:
                self.expected(kept)
                self.expected(self.case.everything)
            except Exception:  # noqa: BLE001  # such as a deposit whose account is opened by another message
                self._stands[kept] = False
            else:
                self._stands[kept] = self._dead[kept] <= self._dead[self.case.everything]
        return self._stands[kept]

    def _perfect_twice(self, kept: Kept) -> Any:
        before = self._lasting_texts() if not self._expected else {}
        for name, text in before.items():
            _, left, said = _LEFT.get((id(self.case.subject), name), (None, "", ""))
            if said and left == text:
                raise errors.UsageError(said)
        self._texts_at_first = self._texts_at_first or before
        first = self.perfect(kept, b"first")
        second = self.perfect(kept, b"second", offset_ns=ONE_S)
        if not equal(first, second):
            changed = [name for name, seen in self._lasting_texts().items() if before.get(name, seen) != seen]
            raise self._differs_from_itself(first, second, changed)
        return first

    def refuse_residue(self) -> None:
        """Refuse a consumer of which runs that went wrong have left something to later ones.

        Raises:
            UsageError: On the perfect queue it does not leave what it left before; which global it is.
        """
        everything = self.case.everything
        outcome = self._go_plainly(everything, b"first", 0)
        expected = self.expected(everything)
        if outcome.raised is None and outcome.unobserved is None and equal(expected, outcome.state):
            return
        now = self._lasting_texts()
        changed = [name for name, text in now.items() if self._texts_at_first.get(name) != text]
        if changed:
            raise self._differs_from_itself(expected, outcome.state, changed)

    def refuse_shared(self, story: Story) -> None:
        """Refuse a consumer that a story breaks only because environments share what its module keeps.

        Raises:
            UsageError: Where each environment has its own, as on Lambda, the story passes; which global it is.
        """
        case = self.case
        places = {} if case.is_scenario or case.is_deployed else case.globals_kept()
        if not places:
            return
        apart = HeldApart(places)
        seed_randomness(b"run")
        try:
            source = Exploration(story.plan, self.kinds)
            outcome, *_ = self._go(story.kept, source, workers=story.workers, make_teller=lambda _: apart)
        finally:
            apart.put_back()
        if apart.changed and self.judge(outcome, story.kept) is None:
            name = next(iter(apart.changed))
            raise errors.UsageError(
                f"{case.name} cannot be checked as it is: {name} is shared here by environments that overlap, and each has its "
                "own on Lambda, where what was found does not happen. Let it be a local variable, keep it in environment(), "
                "or use minisqs.deployed('module:handler', outside=...)"
            )

    def _go_plainly(self, kept: Kept, draws: bytes, offset_ns: int) -> Outcome:
        """A run on the perfect queue of the code as it was loaded, which a coverage tool or a debugger may follow."""
        seed_randomness(draws)
        undrawn = drawn()
        shift_clock(offset_ns)
        if self.follows:
            self.case.following.__exit__()
        try:
            outcome = self._go(kept, None, hooked=False)[0]
            if outcome.ended == NEVER_SETTLES and kept == self.case.everything:
                outcome = self._go(kept, None, hooked=False, patience=WHOLE_DAY)[0]
        finally:
            self.case.draws = self.case.draws or drawn() != undrawn
            if self.follows:
                self.case.following.__enter__()
            shift_clock(0)
        return outcome

    def _differs_from_itself(self, first: Any, second: Any, changed: Sequence[str]) -> errors.UsageError:
        text = f"{self.case.name} differs from itself: two runs on the perfect queue left {difference(first, second)}. "
        if not changed:
            return errors.UsageError(
                f"{text}What is observed depends on something that is not the same each time, such as the clock, random "
                "draws, or state outside of the subject; leave it out of observe()"
            )
        deployed = "" if self.case.is_deployed else ", or use minisqs.deployed('module:handler', outside=...)"
        text += (
            f"{changed[0]} keeps state from one run to the next; on Lambda it dies with its environment. What is to survive "
            f"belongs into the subject's __init__; a cache of an environment into environment(){deployed}"
        )
        subject = self.case.subject
        _LEFT[id(subject), changed[0]] = subject, self._lasting_texts()[changed[0]], text
        return errors.UsageError(text)

    def _lasting_texts(self) -> dict[str, str]:
        return {name: shown(value, LONGEST) for name, value in self.case.lasting_values().items()}

    def perfect(self, kept: Kept, draws: bytes, *, offset_ns: int = 0) -> Any:
        """One run on the perfect queue, of the user's code as it is, without points."""
        outcome = self._go_plainly(kept, draws, offset_ns)
        if isinstance(outcome.raised, errors.InvocationFailed) and outcome.raised.error_type == "Sandbox.Timedout":
            outcome.raised.add_note(
                "This is on the perfect queue. Time in a handler is simulated; a function has 3 s unless "
                'function={"timeout": 900} or less gives it more; the visibility timeout of the queue is at least as long, '
                'such as queue={"visibility_timeout": 900}.'
            )
        elif outcome.raised is not None:
            outcome.raised.add_note(
                "This is on the perfect queue, where each message comes once and nothing goes wrong. What a handler may "
                "raise there it reports as a batch item failure instead."
            )
        if inspect.iscoroutine(outcome.state) or inspect.isgenerator(outcome.state):
            outcome.state.close()
            raise errors.UsageError(
                f"observe() of {self.case.name} returns {outcome.state!r}: it has to return the state itself"
            )
        if outcome.raised is not None or outcome.unobserved is not None:
            raise outcome.raised or outcome.unobserved  # type: ignore[misc]  # one of them is there
        if outcome.violated:
            rule, why = outcome.violated
            raise errors.UsageError(f"{rule} does not hold even on the perfect queue" + (f": {why}" if why else ""))
        for_nobody = {address for messages in outcome.unasked.values() for address in messages}
        if outcome.ended != "settled" or not for_nobody.issuperset(outcome.left):
            raise errors.UsageError(
                f"{self.case.name} does not come to rest on the perfect queue, so nothing can be compared with it: "
                f"{outcome.why or 'messages are left in the queue'}"
            )
        self._dead[kept] = frozenset(outcome.dead)
        self._for_nobody[kept] = frozenset(outcome.unasked)
        self._delivery_names |= outcome.delivery_names()
        return outcome.state

    # ------------------------------------------------------------------------------------------------- runs
    def _go(
        self,
        kept: Kept,
        source: Source | None,
        *,
        comparing: Comparison | None = None,
        on_strands: bool = False,
        patience: Patience | None = None,
        **options: Any,
    ) -> tuple[Outcome, Source | None, Any]:
        """One run as all are that count: how it ended, what answered, and the outside world."""
        options |= {"during": self._during, "patience": patience or self.patience, "comparing": comparing}
        for execution in self._on_enough_stacks(kept, source, on_strands=on_strands, **options):
            if comparing is not None:
                comparing.known.begin()
            outcome = self._watched(execution)
        if comparing is not None:
            self._take_in(comparing.known, outcome, execution.outside)
        subject = outcome.state if self.case.is_scenario else execution.outside
        return outcome, execution.source, subject

    def _on_enough_stacks(
        self, kept: Kept, source: Source | None, *, on_strands: bool = False, **options: Any
    ) -> Iterator[Execution]:
        """One run to go; if one stack was not enough for it, as it is for most, the same on more."""
        for carriers in (self.carriers,) if on_strands or self.case.spawns else (None, self.carriers):
            execution = Execution(self.case, kept, source, carriers=carriers, **options)
            yield execution
            self.case.spawns = self.case.spawns or execution.stage.spawns
            if not execution.needs_strands:
                return
            source = None if source is None else source.afresh()

    def _watched(self, execution: Execution) -> Outcome:
        """Go, under the eyes of the watchdog."""
        self.watchdog.runs += 1
        self.watchdog.stage = execution.stage
        try:
            return execution.go()
        finally:
            self.watchdog.end_run()
            self._garbage.run_ends()

    def _take_in(self, known: Known, outcome: Outcome, outside: Any) -> None:
        """A run that was compared has come to its end."""
        if outcome.ended != NEVER_SETTLES:
            known.keep()
        self._compared += 1
        if self._compared < MANY or self._compared & (self._compared - 1) == 0:
            self.look_around(outside)

    def _look_closely(self) -> None:
        """See whether anything is kept where comparing the outside object does not show it, and whether there is anything to see.

        Raises:
            UsageError: What is observed is None.
        """
        case = self.case
        compares = SAME in self.oracles.names and self._during is None and not self.oracles.sometimes
        if compares and self.expected(case.everything) is None:
            observer = "what the scenario returns" if case.is_scenario else "observe()"
            raise errors.UsageError(
                f"what is observed of {case.name} is None, so nothing can be compared: {observer} has to return what the "
                "outside world would see, such as sorted(charges). If only other oracles are to judge, name them: "
                'oracles=["conserved", "drains"]'
            )
        if case.is_scenario:
            return
        perfect = Exploration({}, {"kill"})
        self.sees_nothing = not self._witness(perfect).has_seen_change
        if last := next(
            (asked for asked, *_ in perfect.asked if isinstance(asked, Arrival) and asked.number < 0), None
        ):
            self._witness(Exploration({address_of(last, KILL, CODE): 1}, {"kill"}))  # so that everything comes again

    def _witness(self, source: Exploration) -> Witness:
        """A run that is looked at at each statement."""
        seed_randomness(b"run")
        undrawn = drawn()
        witness = self._followed(lambda execution: Witness(execution, self._surroundings), self.case.everything, source)
        self.case.draws = self.case.draws or drawn() != undrawn
        return witness

    def _followed(
        self, make: Callable[[Execution], Follows], kept: Kept, source: Source, workers: int | None = None
    ) -> Follows:
        """What has followed a run that is not counted; of several that were begun, the one that came to its end."""
        made: list[Follows] = []

        def remember(execution: Execution) -> Follows:
            made.append(make(execution))
            return made[-1]

        seed_randomness(b"run")
        self._go(kept, source, workers=workers, make_teller=remember)
        return made[-1]

    def look_around(self, outside: object = None) -> None:
        """See whether runs have changed anything that is compared nowhere."""
        if not self.case.is_opaque and self._surroundings.have_changed(outside):
            self.case.keeps_elsewhere = True

    def run(self, kept: Kept, source: Source, workers: int | None = None, **options: Any) -> tuple[Outcome, Source]:
        """One run in which things go wrong, and what answered.

        Args:
            kept: The places of the messages that are sent.
            source: What goes wrong.
            workers: How many may work at once.
            options: ``comparing``, who compares its states with those of others; ``on_strands``, whether one stack
                is known not to be enough.
        """
        self.runs += 1
        seed_randomness(b"run")
        outcome, answered, outside = self._go(kept, source, workers=workers, **options)
        assert answered is not None, "what goes wrong has a source"
        self._count(outcome, outside)
        return outcome, answered

    def explore(
        self, kept: Kept, plan: Choices, workers: int | None = None, *, records: bool = True, **options: Any
    ) -> tuple[Outcome, Exploration, Finding | None]:
        """A run of a plan: how it ended, what was asked (where that is recorded), what is wrong with it."""
        kinds = self.kinds if self.asks_ties else self.kinds - {"tie"}
        outcome, source = self.run(kept, Exploration(plan, kinds, records=records), workers, **options)
        assert isinstance(source, Exploration), "it answers in its own kind"
        if outcome.ended == MERGED:
            return outcome, source, None
        return outcome, source, self.judge(outcome, kept)

    def judge(self, outcome: Outcome, kept: Kept) -> Finding | None:
        """What is wrong with the end of a run; None if nothing is."""
        expected = self.expected(kept)
        outcome.dead = tuple(address for address in outcome.dead if address not in self._dead[kept])
        for_nobody = {one for name in self._for_nobody[kept] for one in outcome.unasked.get(name, ())}
        outcome.left = tuple(address for address in outcome.left if address not in for_nobody)
        self.legally_dead += outcome.violated is None and bool(outcome.dead) and is_legally_dead(outcome)
        finding = judge(outcome, expected, self.oracles)
        if finding is None or finding.oracle != SAME:
            return finding
        if outcome.unobserved is None:
            finding = attrs.evolve(finding, same=partial(self.are_same, names=outcome.delivery_names()))
            if finding.same(outcome.state, expected):
                outcome.state = expected  # so that proofs count it as the same
                return None
        if EFFECT_FIRST in self.oracles.names and (lost := self._lost(outcome, kept)):
            return attrs.evolve(finding, oracle=EFFECT_FIRST, what=lost)
        return finding if SAME in self.oracles.names else None

    def are_same(self, one: Any, other: Any, names: Collection[str] = ()) -> bool:
        """Whether two observed states are equal but for names of deliveries: those given, and those in what is expected."""
        known = self._delivery_names.union(names)
        return equal(one, other) or (bool(known) and same_but_for(known, one, other))

    def _lost(self, outcome: Outcome, kept: Kept) -> str:
        """Which messages were deleted without their effect, in words: the end is as if they had never been sent."""
        met: list[Any] = []
        names = outcome.delivery_names()
        for places in _subsets(kept):
            others = tuple(one for one in kept if one not in places)
            if self.stands_alone(others) and self.are_same(outcome.state, self.expected(others), names):
                met = met or self._met(outcome, kept)
                if not any(self._shows(state, places, kept, names) for state in met):
                    return _are_missing(places)
        return ""

    def _shows(self, state: Any, places: Kept, kept: Kept, names: Collection[str]) -> bool:
        """Whether a state is that after some messages, of these at least one, and not that after others alone."""
        after = [
            some
            for some in _subsets(kept)
            if self.stands_alone(some) and self.are_same(state, self.expected(some), names)
        ]
        return bool(after) and not any(set(places).isdisjoint(some) for some in after)

    def _met(self, outcome: Outcome, kept: Kept) -> list[Any]:
        """What was observed from statement to statement of a run, which is made again for it."""
        source = Exploration(outcome.happened, self.kinds)  # which asks at each statement, and so tells of each
        return self._followed(Observer, kept, source, outcome.workers).states

    def try_out(self, kept: Kept, plan: Choices, workers: int | None) -> Story | None:
        """The story of a plan, if its run fails."""
        if not self.stands_alone(kept):
            return None
        outcome, _, finding = self.explore(kept, plan, workers, records=False)
        return None if finding is None else Story(kept, outcome.happened, workers, finding)

    def may_try(self, token: str) -> bool:
        """Whether all that goes wrong in a token's run may go wrong here."""
        try:
            return all(FAULT_OF[choice.kind] in self.kinds for choice in tokens.read(token).choices)
        except errors.UsageError:
            return True

    def try_token(self, token: str) -> Story | None:
        """The story of a token, if its run still comes about and fails."""
        try:
            wanted = tokens.read(token)
        except errors.UsageError:
            return None
        kept = wanted.kept or self.case.everything
        outcome, _ = self.run(kept, tokens.Replay(wanted.choices, self.kinds), wanted.workers)
        finding = self.judge(outcome, kept)
        return None if finding is None else Story(kept, outcome.happened, wanted.workers, finding)

    def is_confirmed(self, story: Story) -> bool:
        """Whether a story still fails with all the patience there is; if not, more is had from now on."""
        finding = story.finding
        if self.patience is not BRIEF or not (finding.is_hasty or finding.is_cut):
            return True
        self.patience = MANY_EVENTS if finding.is_cut else WHOLE_DAY
        if self.try_out(story.kept, story.plan, story.workers) is None:
            return False
        self.patience = BRIEF
        return True

    def show(
        self, kept: Kept, source: Source | None, workers: int | None, *, keeps_journal: bool = False
    ) -> tuple[Execution, Outcome]:
        """One run that is not counted, perhaps with its journal."""
        seed_randomness(b"run")
        options: dict[str, Any] = {"hooked": self.follows, "workers": workers, "keeps_journal": keeps_journal}
        for execution in self._on_enough_stacks(kept, source, **options):
            outcome = execution.go()
        return execution, outcome

    def tell(self, story: Story) -> Telling:
        """The run of a story once more, followed from statement to statement."""
        seed_randomness(b"run")
        tellings: list[Telling] = []

        def make(execution: Execution) -> Telling:
            tellings.append(Telling(execution))
            return tellings[-1]

        options: dict[str, Any] = {
            "make_teller": make,
            "workers": story.workers,
            "during": self._during,
            "patience": self.patience,
        }
        for execution in self._on_enough_stacks(story.kept, Exploration(story.plan, self.kinds), **options):
            execution.go()
        tellings[-1].finish()
        return tellings[-1]

    def _count(self, outcome: Outcome, subject: Any) -> None:
        for address in outcome.happened:
            self.tally[FAULT_OF[address.kind]] += 1
        self.redeliveries += outcome.redeliveries
        self.overlaps += outcome.overlaps
        for predicate in self.oracles.sometimes:
            if predicate.name not in self.seen_sometimes and is_true(predicate, subject):
                self.seen_sometimes.add(predicate.name)


def _subsets(kept: Kept) -> Iterator[Kept]:
    """Some of the messages, fewest first, and at last all: the first of all such choices."""
    sizes = range(1, len(kept) + 1)
    return islice((places for size in sizes for places in combinations(kept, size)), MOST_SUBSETS)


def _are_missing(places: Kept) -> str:
    if len(places) == 1:
        return f"message {places[0] + 1} is deleted, and its effect is missing"
    numbers = ", ".join(str(place + 1) for place in places)
    return f"messages {numbers} are deleted, and their effects are missing"
