"""One run of a case: a world is built, the messages are sent, things go wrong as planned, the end is observed.

Everything that explores is made of it: check, prove, sweep, replay, and the single runs of the user's own tests.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from types import CodeType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import attrs

from .. import errors, limits, outside
from ..engine.decisions import (
    API_ERROR,
    DUPLICATE,
    DUPLICATE_AFTER_DELETE,
    LOST_ANSWER,
    MISS,
    PARTIAL,
    REORDER,
    SPLIT,
    STALE_DELETE,
    THROTTLE,
    TIE,
)
from ..engine.lifecycle import STRAY
from ..limits import SECOND_NS
from ..poller.functions import Function
from ..sim.asking import SeededAnswers
from ..sim.code import statements
from ..sim.intercepts import here
from ..sim.sources import Place, Source
from ..sim.stage import Stage, Teller, Unwind, no_event_loop, waits_for_the_dead
from ..sim.strands import Carriers
from ..world import World
from .choices import CODE, POINT_KINDS, Exploration
from .delivery_names import given_in
from .fingerprints import fingerprint_of
from .subjects import Case
from .values import kept_state

if TYPE_CHECKING:
    from .reductions import Comparison

SETTLED: Final = "settled"
NEVER_SETTLES: Final = "never settles"
LOCKED: Final = "locked"
MERGED: Final = "merged"
"""It came into a state from which everything has been tried already."""

CALLS_BUDGET: Final = 100_000
"""So many where workers are spawned: each of their calls is one, and loops of short polls make many."""

UNCHANGED: Final = 12
"""So many works in a row that change nothing, and read no clock, are taken for endless."""


class Patience(NamedTuple):
    """How long a run may go on.

    Attributes:
        events: So many events may happen before it is taken for endless.
        gives_up: Whether it is given up before its day is over, where nothing changes any more.
    """

    events: int
    gives_up: bool


BRIEF: Final = Patience(5_000, gives_up=True)
"""For runs of which there are many."""

WHOLE_DAY: Final = Patience(BRIEF.events, gives_up=False)
"""To confirm that it never ends, where nothing seemed to change any more."""

MANY_EVENTS: Final = Patience(20_000, gives_up=False)
"""To confirm it where so much happened: a message that is tried every thirty seconds for a day makes as many events."""


class Violation(NamedTuple):
    """An oracle of the user's own that does not hold.

    Attributes:
        rule: Its name.
        why: What it has asserted, in words; empty where it has only returned something false.
    """

    rule: str
    why: str


@attrs.define
class Outcome:
    """How a run ended.

    Attributes:
        state: What was observed.
        delivery_names: Tells which names of deliveries stand in it.
        ended: ``settled``, ``never settles``, ``locked`` or ``merged``.
        why: Of the two in the middle, in words.
        is_hasty: Whether it was given up because nothing seemed to change any more.
        is_cut: Whether it was given up because so much had happened.
        happened: What went wrong, by address.
        works: How often user code was begun.
        overlaps: How often while other code was under way.
        on_strands: Whether one stack was not enough.
        redeliveries: How often a message was handed over again.
        harmed: Of how many receives of a message faults have taken the chance, by its address.
        receives_allowed: After so many a message goes to a dead-letter queue; of several queues, the fewest.
        violated: Which oracle of the user's own did not hold, if any.
        out_of_order: How the order of a message group was broken, in words.
        lost: Which messages are nowhere, in words.
        left: The messages that are still in their queue, by address.
        unasked: Those of them in queues from which nobody has tried to receive, by the queue's name.
        dead: Those that went to a dead-letter queue.
        raised, raised_last: The first and the last exception of a handler, if any.
        unobserved: What ``observe()`` raised, if anything; where an oracle is violated, that is no finding.
        workers: How many could work at once; None for as many as the settings allow.
    """

    state: Any = None
    delivery_names: Callable[[], set[str]] = set
    ended: str = SETTLED
    why: str = ""
    is_hasty: bool = False
    is_cut: bool = False
    happened: dict[Place, int] = attrs.field(factory=dict)
    works: int = 0
    overlaps: int = 0
    on_strands: bool = False
    redeliveries: int = 0
    left: tuple[str, ...] = ()
    unasked: dict[str, tuple[str, ...]] = attrs.field(factory=dict)
    dead: tuple[str, ...] = ()
    harmed: dict[str, int] = attrs.field(factory=dict)
    receives_allowed: int = 0
    raised: BaseException | None = None
    raised_last: BaseException | None = None
    unobserved: Exception | None = None
    workers: int | None = None
    violated: Violation | None = None
    out_of_order: str = ""
    lost: str = ""


class Execution:
    """One run of a case.

    Args:
        case: What runs.
        kept: The places of the messages that are sent.
        source: What answers the questions; None for the perfect queue.
        hooked: Whether statements of the user's code are points.
        carriers: Threads, where one stack is not enough.
        make_teller: Makes who follows it from statement to statement, if anybody does.
        during: Called after each step of the world in which user code ran; says what is violated, if anything.
        patience: How long it may go on.
        workers: How many may work at once; None for as many as the settings allow.
        keeps_journal: Whether the world's journal is kept.
        comparing: Who compares its states with those of other runs, if anybody.
    """

    def __init__(
        self,
        case: Case,
        kept: Sequence[int],
        source: Source | None,
        *,
        hooked: bool = True,
        carriers: Carriers | None = None,
        make_teller: Callable[[Execution], Teller] | None = None,
        during: Callable[[Any], Violation | None] | None = None,
        patience: Patience = BRIEF,
        workers: int | None = None,
        keeps_journal: bool = False,
        comparing: Comparison | None = None,
    ) -> None:
        self.case = case
        self.outcome = Outcome(workers=workers)
        self._kept = kept
        self._hooked = hooked
        self._during = during
        self._patience = patience
        self._comparing = comparing
        self.world = World(
            case.seed,
            source if not isinstance(source, Exploration) or source.asks_the_engine else None,
            journal_length=None if make_teller or keeps_journal else 0,
            account_concurrency=limits.CONCURRENCY if workers is None else workers,
        )
        port = self.world.sqs
        port.kernel.skips_idle = port.spares_main = True
        answers: Any = source if isinstance(source, Exploration) and source.has_points else None
        if isinstance(source, Exploration):
            source.port = port
            self._hooked = hooked and source.has_points
            if not source.asks_ties:
                port.kernel.ignore_ties()
            if comparing is not None and comparing.finely:
                source.follow(lambda: comparing.lasting(self))
            if comparing is not None and comparing.midway:
                source.before_asking = self._look_midway
        elif source is not None and (kinds := [kind for kind in POINT_KINDS if source.asks(kind)]):
            answers = SeededAnswers(port, CODE, kinds)
        self.source = source
        teller = make_teller(self) if make_teller else None
        self.stage = port.stage = Stage(port, answers, self._finish, carriers=carriers, teller=teller)
        self._observe: Callable[[], Any] = lambda: None
        self.outside: Any = None
        self._finished = False
        self._fingerprint: object = None
        self._unchanged = 0
        self._works_seen = 0

    @property
    def finish_code(self) -> CodeType:
        """What runs the rest of the world; what lies below it on a stack is over."""
        return Execution._finish.__code__

    @property
    def needs_strands(self) -> bool:
        """Whether one stack was not enough, so that nothing can be said of this run."""
        return self.stage.needs_strands

    def subject(self) -> Any:
        """What oracles of the user's own look at: the outside world, or what a scenario observes."""
        return self._observe() if self.case.is_scenario else self.outside

    def observe(self) -> Any:
        """What the outside world looks like now."""
        return self._observe()

    @property
    def has_environments(self) -> bool:
        """Whether the subject makes a handler for each environment."""
        return callable(getattr(self.outside, "environment", None))

    def functions(self) -> list[Function]:
        """The functions of the world."""
        return [] if self.world._lambda is None else self.world._lambda.functions()

    def go(self) -> Outcome:
        """Run to the end.

        Raises:
            Whatever ended the run beside the user's own handling of it.
        """
        stage = self.stage
        before, here.simulation = here.simulation, stage
        hook, statements.arrive = statements.arrive, stage.arrive if self._hooked else None
        on_call, outside.on_call = outside.on_call, stage.calls_table if self._hooked else None
        on_refusal, outside.on_refusal = outside.on_refusal, stage.table_refuses if stage.is_told else None
        try:
            with no_event_loop():  # the check's caller may be in one, as in a notebook
                self._begin()
                self._finish()
        except Unwind:
            pass
        finally:
            stage.drop()
            here.simulation, statements.arrive = before, hook
            outside.on_call, outside.on_refusal = on_call, on_refusal
            if self.outside is not None and callable(close := getattr(self.outside, "close", None)):
                close()
        if stage.escaped is not None:
            raise stage.escaped
        assert self._finished or stage.needs_strands, "a run has ended that nobody looked at: a bug of minisqs"
        return self.outcome

    def _begin(self) -> None:
        case = self.case
        if case.is_scenario:
            observe = case.subject(self.world)
            if not callable(observe):
                raise errors.UsageError(
                    f"the scenario {case.name} returns what observes it, a function, not {observe!r}"
                )
            self._observe = observe
        else:
            self.outside = case.build()
            case.set_up(self.world, self.outside, self._kept)
            self._observe = lambda: case.observe(self.outside)
        for queue in self.world.sqs.service.queues():
            queue.series.stop()  # nobody reads the metrics of this world

    # --------------------------------------------------------------------------------------------- the end
    def _finish(self) -> None:
        """Run until nothing happens any more, and look."""
        if self._finished:
            return
        try:
            self._run_until_idle()
        except errors.NeverSettled as error:
            if self.stage.over:
                raise
            self.outcome.ended, self.outcome.why = NEVER_SETTLES, str(error).partition(";")[0]
            self.outcome.is_cut = self._patience.gives_up and not self.outcome.is_hasty
        except Unwind:
            if self.stage.stuck is None or self._finished:
                raise
            holder, where = self.stage.stuck
            self.outcome.ended = LOCKED
            self.outcome.why = waits_for_the_dead(holder, where)
        if not self._finished:
            self._finished = True
            self._take_in()

    def _run_until_idle(self) -> None:
        """Let time pass in portions, and see between them whether anything is still changing."""
        world, kernel = self.world, self.world.sqs.kernel
        give_up_ns = lambda: world.sqs.last_fault_ns + 86_400 * SECOND_NS  # noqa: E731
        events = max(self._patience.events, CALLS_BUDGET) if self.stage.spawns else self._patience.events
        kernel.run_until_idle(give_up_ns, events, self._watch)

    def _watch(self) -> None:
        """After an event: has user code run, and is anything still changing?"""
        if self._comparing is not None and self.stage.is_at_rest(finely=self._comparing.finely):
            self._end_if_known(self._comparing, midway=False)
        begun = self.stage.begun + (self.stage.came_back if self.stage.spawns else 0)
        if begun == self._works_seen or self.stage.current is not None:
            return
        self._works_seen = begun
        if self._during is not None and (violated := self._during(self.subject())):
            self.outcome.violated = violated
            self.stage.over = True
            self._finished = True
            self._take_in()
            raise Unwind
        if self._patience.gives_up and begun > UNCHANGED:
            self._give_up_if_unchanged()

    def _look_midway(self) -> None:
        """At a statement: is it known how it goes on?"""
        if self._comparing is not None and self.stage.current is not None and not self.stage.over:
            self._end_if_known(self._comparing, midway=True)

    def _end_if_known(self, comparing: Comparison, *, midway: bool) -> None:
        if comparing.is_known(self, midway=midway):
            self.outcome.ended = MERGED
            self.stage.over = self._finished = True
            self._take_in()
            raise Unwind

    def _give_up_if_unchanged(self) -> None:
        fingerprint = fingerprint_of(self.outside)
        faults = self.world.sqs.last_fault_ns, 0 if self.source is None else len(self.source.choices)
        if fingerprint is None or (fingerprint, faults) != self._fingerprint or self.stage.clock_was_read:
            self._fingerprint, self._unchanged = (fingerprint, faults), 0
            self.stage.clock_was_read = False
            return
        self._unchanged += 1
        if self._unchanged >= UNCHANGED:
            self.outcome.is_hasty = True
            raise errors.NeverSettled(
                f"{self._unchanged} deliveries in a row have changed nothing, and there are always more"
            )

    def _take_in(self) -> None:
        """Look at everything, once: what happens on the way out of the run does not count."""
        outcome, world, stage = self.outcome, self.world, self.stage
        stage.current = None
        if not stage.needs_strands and outcome.ended != MERGED:
            try:
                outcome.state = kept_state(self._observe())
                outcome.delivery_names = partial(given_in, outcome.state, world)
            except Unwind:  # it would wait for the lock for which nobody gets on, or that somebody holds at this moment
                if outcome.ended != LOCKED and outcome.violated is None:
                    raise
            except Exception as error:  # noqa: BLE001  # whatever the user's observe() raises
                outcome.unobserved = error
        if self.source is not None:
            outcome.happened = dict(self.source.choices)
        outcome.works, outcome.overlaps, outcome.on_strands = stage.begun, stage.overlaps, stage.has_strands
        outcome.redeliveries = stage.redeliveries
        self.case.keeps_elsewhere = self.case.keeps_elsewhere or stage.keeps_elsewhere
        queues = world.sqs.service.queues()
        policies = [queue.settings.redrive_policy for queue in queues]
        targets = {policy.dead_letter_target_arn for policy in policies if policy is not None}
        outcome.receives_allowed = min(
            (policy.max_receive_count for policy in policies if policy is not None), default=0
        )
        sources = [queue for queue in queues if queue.arn not in targets]
        outcome.left = _addresses(sources)
        unasked = {queue.name: _addresses([queue]) for queue in sources if not queue.received + queue.empty_receives}
        outcome.unasked = {name: messages for name, messages in unasked.items() if messages}
        in_dead_letter_queues = _addresses(queue for queue in queues if queue.arn in targets)
        outcome.dead = tuple(dict.fromkeys((*stage.dead_letters, *in_dead_letter_queues)))
        outcome.lost = _lost(queues)
        outcome.harmed = _harmed(stage.harmed, outcome.happened, outcome.dead)
        if not any(address.kind == PARTIAL for address in outcome.happened):  # by which SQS itself breaks the order
            outcome.out_of_order = stage.out_of_order
        runs = [invocation for function in self.functions() for invocation in function.invocations]
        raised = [one.error for one in runs if one.error is not None]
        outcome.raised = raised[0] if raised else stage.raised
        outcome.raised_last = raised[-1] if raised else stage.raised


def _addresses(queues: Iterable[Any]) -> tuple[str, ...]:
    return tuple(
        message.address for queue in queues for message in queue.messages.values() if message.state is not STRAY
    )


_OF_SOME: Final = {DUPLICATE, DUPLICATE_AFTER_DELETE, STALE_DELETE, PARTIAL}
_OF_ANY: Final = {THROTTLE, LOST_ANSWER, API_ERROR, REORDER, SPLIT, MISS, TIE}
"""What may spoil a receive of any message: calls are about batches, and one message may need another before it."""


def _harmed(in_code: Mapping[str, int], happened: Iterable[Place], dead: Iterable[str]) -> dict[str, int]:
    """How many receives of each message faults may have spoiled."""
    harmed = Counter(in_code)
    for address in happened:
        if address.kind in _OF_ANY:
            harmed.update(dead)
        elif address.kind in _OF_SOME:
            harmed[address.subject] += 1
    return harmed


def _lost(queues: Iterable[Any]) -> str:
    """Which queue cannot account for what was sent to it, in words: each message is in it, or has ended in one way."""
    names = [queue.name for queue in queues if not queue.is_conserved]
    return f"messages of the queue {names[0]} are nowhere" if names else ""
