"""Which runs need not be made, because another one shows the same: four reductions, each with its reason.

*Equal fingerprint of the outside.* A kill takes away what only the dead work had. If between two statements of a
work nothing happened that outlives it (the outside world, SQS, Lambda, the clock are as before), then a kill
before the second leaves what a kill before the first leaves, and everything after it is the same.

*Steps that touch different things.* Between two statements of a work of which the first touches only what is the
work's own, it makes no difference before which of the two others go on: they cannot see whether it has been
done, nor can it see what they did.

*Equal states at rest.* When no work is under way, what comes next depends only on what is there: the queues, the
functions and their environments, what is scheduled, the outside world, the time, and what may still go wrong.
If all of that has been met before, with at least as many faults to go, the rest of the run has been tried.

*Equal states in the middle.* The same holds while works are under way, if what each of them holds is known: its
variables and where it stands, as ``sim.code.frames`` tells. So two runs that have come to the same point with the same
variables and surroundings go on alike.

None of it is used where something is seen not to be known: where the outside world cannot be pickled, handlers are made
by ``environment()`` and their closures cannot, coroutines wait, caches or files are used. What is not looked at at all,
docs/design.md lists.
"""

from __future__ import annotations

import marshal
import sys
from collections.abc import Iterator
from types import FunctionType, MethodType
from typing import Any

import attrs

from ..engine import decisions as chance
from ..sim.asking import Arrival
from ..sim.code import statements
from ..sim.code.frames import held
from ..sim.intercepts import monotonic_origin
from ..sim.port import MAIN
from ..sim.sources import Place
from .choices import Exploration
from .fingerprints import canonical, content, fingerprint_of
from .runs import Execution


def lasting(execution: Execution) -> object:
    """All that outlives a work, as far as the work can change it; None where that cannot be told."""
    kept = _kept(execution)
    if kept is None:
        return None
    world = execution.world
    calls = tuple((queue.calls, *_set_up(queue)) for queue in world.sqs.service.queues())
    return world.clock.now_ns, world.sqs.kernel.scheduled, calls, kept


def at_rest(execution: Execution, *, named: bool) -> object:
    """All that the rest of a run depends on, in which no work is under way; None where that cannot be told.

    ``named`` says that handlers look at their context, so that the numbers of requests and environments count.
    """
    kept = None if _has_coroutines(execution) else _kept(execution, at_work=True)
    return None if kept is None else (_around(execution, named=named), kept)


def _has_coroutines(execution: Execution) -> bool:
    return any(function.runs.has_coroutines for function in execution.functions())


def in_the_middle(execution: Execution) -> object:
    """All that the rest of a run depends on at a statement of a handler; None where that cannot be told."""
    case, stage, outside = execution.case, execution.stage, execution.outside
    if case.is_opaque or stage.keeps_elsewhere or case.is_scenario:
        return None
    if execution.has_environments or case.lasting_values():
        return None
    sleepers = stage.sleepers()
    if sleepers is None or stage.names_were_read or _has_coroutines(execution):
        return None
    stack = held(sys._getframe(), statements.POINT_CODE, execution.finish_code, _keeps_more)
    if stack is None:
        return None
    try:
        kept = canonical([content(outside), stack], outside)
    except Exception:  # noqa: BLE001  # something that cannot be pickled
        return None
    return _around(execution, named=False), sleepers, kept


def _set_up(queue: Any) -> tuple[object, ...]:
    """What a caller may have set of a queue."""
    return queue.revision, tuple(sorted(queue.tags.items())) if queue.tags else ()


def _keeps_more(number: int) -> bool:
    return statements.STATEMENTS[number].keeps_more


def _around(execution: Execution, *, named: bool) -> tuple[object, ...]:
    """Everything but what the user's code keeps: the queues, Lambda, what is scheduled, the time."""
    world, stage = execution.world, execution.stage
    queues = tuple(
        (queue.sequence, *_set_up(queue), tuple(_message(message) for message in queue.messages.values()))
        for queue in world.sqs.service.queues()
    )
    functions = tuple(function.runs.standing(named=named) for function in execution.functions())
    mappings = tuple(mapping.standing() for mapping in world.event_source_mappings()) if functions else ()
    judged = stage.out_of_order, tuple(sorted(stage.harmed.items())) if len(queues) > 1 else ()
    waiting = tuple(world.sqs.kernel.waiting())
    return world.clock.now_ns, monotonic_origin(), queues, functions, mappings, waiting, judged


def _kept(execution: Execution, *, at_work: bool = False) -> object:
    """What the outside world, the environments, the user's modules and classes hold; None if that cannot be told.

    ``at_work`` says that it includes environments which are not idle, and which a kill would take away. It cannot be
    told where the user's code draws random numbers, as how many were drawn decides what comes next, or where
    what is observed is kept elsewhere, as in a file.
    """
    case = execution.case
    if execution.outside is None or case.is_opaque or execution.stage.keeps_elsewhere:
        return None
    beside = case.lasting_values()
    if not beside and not execution.has_environments:
        return fingerprint_of(execution.outside)
    closures = _closures(execution, at_work=at_work)
    if closures is None:
        return None
    try:  # in one, so that it tells who is the same object as whom
        return canonical([content(execution.outside), closures, beside], named=beside.values())
    except Exception:  # noqa: BLE001  # something that cannot be pickled
        return None


def _message(message: Any) -> tuple[object, ...]:
    standing = (
        message.sequence, int(message.state), message.receive_count, message.deadline_ns, message.first_received_ns, message.turn,
    )  # fmt: skip
    if message.producer == MAIN:  # what the case sends is the same in each run
        return standing
    return *standing, message.address, message.sent_ns, message.body, repr(message.extras)


def _closures(execution: Execution, *, at_work: bool) -> object:
    """What the environments have to themselves, in their order; None where that cannot be told."""
    if not execution.has_environments:
        return ()
    if execution.case.is_deployed:
        return None  # modules hold what they like
    try:
        return tuple(
            _memory(environment.handler, execution.outside)
            for function in execution.functions()
            for environment in (
                *function.runs.environments(),
                *(function.runs.environments_at_work() if at_work else ()),
            )
        )
    except Exception:  # noqa: BLE001  # an empty cell, or something that cannot be pickled
        return None


def _memory(handler: Any, outside: Any) -> object:
    """What a handler is and holds but the outside world: its closure, its defaults, the object that it is a method of.

    Raises:
        TypeError: It is no Python function, or an object that does not say what it holds.
        ValueError: A variable of it has no value yet.
    """
    if handler is None:
        return None
    if isinstance(handler, MethodType):
        own = None if handler.__self__ is outside else [type(handler.__self__).__qualname__, content(handler.__self__)]
        return own, _memory(handler.__func__, outside)
    if not isinstance(handler, FunctionType):
        raise TypeError(f"{handler!r} is no function")
    held = [cell.cell_contents for cell in handler.__closure__ or ()]
    held += [*(handler.__defaults__ or ()), *(handler.__kwdefaults__ or {}).values(), *handler.__dict__.values()]
    others = [value for value in held if value is not outside and not isinstance(value, FunctionType)]
    inner = [_memory(value, outside) for value in held if isinstance(value, FunctionType) and value is not handler]
    return id(handler.__code__), others, inner  # codes live as long as their files' do


_BY_VALUE = 2
"""The last version of marshal by which equal values give equal bytes, whatever they share."""


class Known:
    """The states at rest that have been met, each with how many faults might still have happened from there.

    What a run meets counts only once that run has come to its end: one that is given up has tried nothing.
    """

    def __init__(self, *, named: bool = False) -> None:
        self._faults_left: dict[bytes, int] = {}
        self._met: list[tuple[bytes, int]] = []
        self.named = named
        """Whether handlers look at their context, so that the numbers of requests and environments count."""

    def begin(self) -> None:
        """A run begins."""
        self._met = []

    def was_met(self, execution: Execution, left: int, overlaps_left: int = 0, *, midway: bool = False) -> bool:
        """Whether the state of a run was met before, with as many faults to go, and as many overlaps.

        It is at rest, or ``midway``, at a statement of a handler.
        """
        if execution.stage.names_were_read and not self.named:
            self.named = True  # from now on names tell states apart that were taken for the same
            self._faults_left.clear()
        if midway and self.named:
            return False  # which of the names that are to be read later differ is not seen there
        here: Any = in_the_middle(execution) if midway else at_rest(execution, named=self.named)
        if here is None:
            return False
        state = marshal.dumps((here, overlaps_left), _BY_VALUE)  # 0.7 kB, where tuples take 2.4
        if self._faults_left.get(state, -1) >= left:
            return True
        self._met.append((state, left))
        return False

    def keep(self) -> None:
        """The run has come to its end."""
        for state, left in self._met:
            self._faults_left[state] = max(left, self._faults_left.get(state, -1))


@attrs.frozen(kw_only=True)
class Comparison:
    """Compares a run with what is known, once all that is planned has happened.

    Attributes:
        known: The states that other runs have met, and those of this one.
        left: How many faults may follow those of the plan.
        overlaps_left: How many of these may be overlaps, where not all.
        finely: Whether after every event.
        midway: Whether at statements too.
    """

    known: Known
    left: int = 0
    overlaps_left: int = 0
    finely: bool = False
    midway: bool = False

    def is_known(self, execution: Execution, *, midway: bool) -> bool:
        """Whether everything has been tried from where a run is now."""
        source = execution.source
        assert isinstance(source, Exploration), "only explored runs are compared"
        if len(source.happened) < len(source.plan):
            return False
        return self.known.was_met(execution, self.left, self.overlaps_left, midway=midway)

    def lasting(self, execution: Execution) -> object:
        """What outlives the work that is at a statement now."""
        return lasting(execution)


def reduced(source: Exploration, *, by_statements: bool = True) -> Iterator[tuple[int, Place, int, bool]]:
    """The alternatives of a run: place among the questions, address, answer, and whether it may be left out.

    ``by_statements`` says that the code is looked at for statements that touch only what is the work's own.
    """
    last: Arrival | None = None
    for place, entry in enumerate(source.asked):
        asked = entry[0]
        kill = overlap = False
        if isinstance(asked, str) or asked is source.rest:  # of the latter not all is asked: none shows the same as it
            last = None
        else:
            adjacent = last if last is not None and last.work is asked.work else None
            kill, overlap = _redundant(adjacent, asked, by_statements=by_statements)
            last = asked
        for address, answer in source.answers_to(entry):
            skip = (address.kind == chance.KILL and kill) or (address.kind == chance.OVERLAP and overlap)
            yield place, address, answer, skip


def _redundant(before: Arrival | None, now: Arrival, *, by_statements: bool) -> tuple[bool, bool]:
    """Whether a kill and an overlap at a statement show the same as at the one before it."""
    if before is None:
        return False, False
    same = now.lasting is not None and now.lasting == before.lasting and now.number >= 0
    return same, by_statements and now.others == before.others and _is_own_step(before.number, now.number)


def _is_own_step(number: int, following: int) -> bool:
    """Whether a statement touches only what is the work's own, and the next one to come is the one that stands below it.

    Where it is another, the statement may have raised, and blocks around it may have been left on the way.
    """
    if number < 0 or following != number + 1:
        return False
    statement, below = statements.STATEMENTS[number], statements.STATEMENTS[following]
    is_next = statement.path == below.path and statement.function == below.function
    return is_next and statement.is_local and not statement.may_leave
