"""Runs the user's code under a check, and lets things go wrong between two of its statements.

A *work* is one run of a handler or of a consumer's function. While it runs, each statement of the user's own
code calls ``arrive`` first (``statements`` sees to that), and the stage asks its source what is to happen
there: a kill, another delivery in between, a stall, an exception thrown in.

Most runs need one stack only. Whatever is to happen before a statement then happens inside of ``arrive``: a
delivery that overlaps runs wholly within; after a kill the whole rest of the run does, so that nothing of
the dead code can have an effect on it, not even its ``finally``. Once the run is over, ``Unwind`` takes down
what still stands on the stack, and is raised again at every statement that tries to go on.

Two works that both are to go on later do not fit on one stack. The stage then gives the run up, and whoever
began it begins it anew with ``strands``: each work on a thread of its own, of which exactly one runs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, Final, NoReturn, Protocol

from .. import errors
from ..engine import decisions as chance
from ..engine.message import Message
from ..limits import SECOND_NS
from . import faults
from .asking import Answers, Arrival
from .clock import nanoseconds
from .code.statements import STATEMENTS, point_of_call
from .intercepts import here
from .intercepts.threads import forget_pools
from .intercepts.users_line import users_place_within, users_point
from .kernel import Kernel
from .port import Port
from .sources import END
from .strands import Carriers, Strand
from .works import Stack, Work

LONGEST_PREEMPTION_NS: Final = 10 * SECOND_NS
"""So long a spawned worker lets others go on, but never beyond half of what is left of its lease."""

DEEPEST_GRAVES: Final = 12
"""So many dead works may lie on one stack, each below the rest of the run."""


class Unwind(BaseException):
    """The run is over: what still stands on a stack is taken down. Nobody else may catch it."""


class Teller(Protocol):
    """Who follows a run, to tell of it."""

    def begins(self, work: Work, messages: Sequence[Message]) -> None:
        """A work begins with messages, or gets more of them."""
        ...

    def arrives(self, work: Work, number: int, visit: int) -> None:
        """A work is about to do a statement; number -1 after the last."""
        ...

    def happens(self, work: Work, number: int, kind: str, answer: int) -> None:
        """Something goes wrong there."""
        ...

    def goes_on(self, work: Work) -> None:
        """A work goes on after a pause in which others may have worked."""
        ...

    def refuses(self, work: Work, why: str) -> None:
        """A table of the outside world has refused what a work wanted to write."""
        ...

    def ends(self, work: Work, how: str) -> None:
        """A work has come to its end by itself."""
        ...

    def reports(self, work: Work, failed: Sequence[Message], why: str) -> None:
        """What a work returned was a list of failures; ``Stage.reported`` says what is given."""
        ...


class Stage:
    """Where the user's code of one run is executed.

    Args:
        port: The world.
        answers: What goes wrong before statements; None for nothing.
        finish: Runs the rest of the world and takes the verdict; called once, innermost.
        carriers: Threads for strands; None to run on one stack.
        teller: Who follows.

    Attributes:
        is_plain: Whether nobody checks: it is there for spawned workers only, and errors are theirs.
        spawns: Whether workers were spawned, each on a stack of its own.
        over: Whether the run is over.
        needs_strands: Whether it was given up because one stack is not enough.
        escaped: An error of the user's that ends the run, whatever their code does with it.
        current: The work whose code runs now.
        works: How many there have been, by subject.
        begun: How many works there have been.
        redeliveries: How often a message was handed over again.
        came_back: How often code of theirs has come back.
        running_thread: The thread of the stack that runs now, where that is not the main one.
        overlaps: How many works ran while another was under way.
        stuck: The dead work whose lock somebody waits for, and where it was taken.
        clock_was_read: Whether user code has asked for the time.
        names_were_read: Whether a handler has looked at its context.
        keeps_elsewhere: Whether user code has changed what no object of its own holds, such as a file.
        out_of_order: Which message of a FIFO queue was done with before an earlier one of its group; empty if none.
        dead_letters: The messages that went to a dead-letter queue, by address.
        raised: The first exception that came out of user code.
        harmed: How many receives of a message something may have spoiled, by its address: a kill, a stall, or
            another work beside its own, as each may give up because of the other.
    """

    def __init__(
        self,
        port: Port,
        answers: Answers | None,
        finish: Callable[[], None],
        *,
        carriers: Carriers | None = None,
        teller: Teller | None = None,
        is_plain: bool = False,
    ) -> None:
        self.is_plain = is_plain
        self.spawns = False
        self._port = port
        self._kernel: Kernel = port.kernel
        self._clock = port.clock
        self._answers = answers
        self._finish = finish
        self._carriers = carriers
        self._teller = teller
        self._suspended: list[tuple[Work, int]] = []
        self._strands: dict[Strand, None] = {}
        self._lock_waiters: dict[int, list[Strand]] = {}
        self._under_way: dict[int, Work] = {}
        self._buried = 0
        self.over = False
        self.needs_strands = False
        self.escaped: BaseException | None = None
        self.current: Work | None = None
        self.works: dict[str, int] = {}
        self.begun = 0
        self.redeliveries = 0
        self.came_back = 0
        self.running_thread: int | None = None
        self.overlaps = 0
        self.stuck: tuple[Work, str] | None = None
        self.clock_was_read = False
        self.names_were_read = False
        self.keeps_elsewhere = False
        self._looks = False
        self._databases: dict[str, list[Any]] = {}
        self._unraisable_hook: Callable[[Any], object] | None = None
        self.harmed: dict[str, int] = {}
        self.out_of_order = ""
        self.dead_letters: list[str] = []
        self.raised: BaseException | None = None

    @property
    def port(self) -> Port:
        """The world's."""
        return self._port

    # ---------------------------------------------------------------------------------------------- working
    def new_work(
        self,
        subject: str,
        worker: str,
        messages: Sequence[Message],
        *,
        queue_url: str,
        consumer: str,
        lease_ns: int,
        deadline_ns: int,
        has_ended: Callable[[], bool],
        end: Callable[[], None],
        clock_offset_ns: int = 0,
        stack: Stack | None = None,
        function: str = "",
    ) -> Work:
        """A work that is about to begin; what is given is described at ``Work``."""
        occurrence = self.works.get(subject, 0)
        self.works[subject] = occurrence + 1
        self.begun += 1
        self.redeliveries += occurrence > 0 and stack is None
        queue = self._port.service.find(queue_url) if queue_url else None
        work = Work(
            subject, occurrence, worker, messages, queue_url, consumer, lease_ns, deadline_ns, has_ended, end, queue,
            clock_offset_ns, stack=stack, function=function,
        )  # fmt: skip
        if self._answers is not None:
            self._answers.begin(work)
        if stack is None:
            self._got_messages(work, messages)
        return work

    def got(self, work: Work, receive_counts: Sequence[int]) -> None:
        """A spawned work has received messages, which are its own by now."""
        self.redeliveries += sum(count > 1 for count in receive_counts)
        self._got_messages(work, work.messages[len(work.messages) - len(receive_counts) :])  # behind what it holds

    def _got_messages(self, work: Work, messages: Sequence[Message]) -> None:
        beside = [
            other
            for other in self._under_way.values()
            if other is not work and not other.is_over and (other.messages or other.stack is None)
        ]
        if beside:
            self.overlaps += 1
            for one in (work, *beside):
                self._harm(one.messages)
        if self._teller is not None:
            self._teller.begins(work, messages)

    def call(self, work: Work, function: Callable[[], Any]) -> Any:
        """Run plain code to its end, on this stack.

        Raises:
            Unwind: The run is over.
        """
        if self.over:
            raise Unwind
        before, self.current = self.current, work
        self._under_way[id(work)] = work
        try:
            result = function()
        except BaseException as error:
            if self.over:
                raise Unwind from None
            self.raised = self.raised or error
            self._told(work, f"raises {type(error).__name__}: {error}".partition("\n")[0])
            raise
        finally:
            self.current = before
            self.came_back += 1
            self._port.acts += 1
            del self._under_way[id(work)]
        if self.over:  # the user's code has caught what took it down
            raise Unwind
        return result

    def place_of(self, work: Work) -> str:
        """The user's line at which a work that waits stands, "path:line in function"; empty where no stack tells it."""
        frame = sys._getframe() if work.strand is None else sys._current_frames().get(work.strand.thread)
        return users_place_within(frame, Stage.call.__code__, work)

    def came_to_end(self, work: Work) -> None:
        """A work has done its last statement; it may still be killed before its answer counts."""
        before, self.current = self.current, work
        try:
            self.arrive(-1)
        finally:
            self.current = before
        if not work.is_over:
            self._told(work, "returns")

    def _told(self, work: Work, how: str) -> None:
        if self._teller is not None:
            self._teller.ends(work, how)

    def reported(self, work: Work, failed: Sequence[Message], why: str) -> None:
        """What a work returned is a list of failures.

        Args:
            work: Which.
            failed: The messages that Lambda takes for failed; none where it does not look at the list.
            why: Why all of them, or why none; empty where it is those that are listed.
        """
        if self._teller is not None:
            self._teller.reports(work, failed, why)

    def strand(self, work: Work, function: Callable[[], Any]) -> Strand | None:
        """A stack of its own for a work; None where all run on one."""
        if self._carriers is None:
            return None
        work.strand = strand = Strand(self._carriers, partial(self.call, work, function), self._switch, self)
        self._strands[strand] = None
        return strand

    def _switch(self, strand: Strand, *, runs: bool) -> None:
        """Another stack goes on, or has stopped."""
        self.running_thread = strand.thread if runs else None
        self.came_back += 1
        if not runs:
            self.current = None
            if strand.done:
                self._strands.pop(strand, None)

    def deleted(self, queue_url: str, messages: Sequence[Message]) -> None:
        """Messages have been deleted: on a FIFO queue, none may be gone before an earlier one of its group."""
        queue = self._port.service.find(queue_url)
        if queue is None or not queue.fifo or self.out_of_order:
            return
        for message in messages:
            group = message.extras.group_id
            for other in queue.messages.values():
                if other.sequence < message.sequence and other.extras.group_id == group:
                    self.out_of_order = (
                        f"message {message.place} is done with and deleted before message {other.place}, "
                        f"which was sent earlier in the same message group {group!r}"
                    )
                    return

    def context_was_read(self) -> None:
        """A handler has looked at its context."""
        self.names_were_read = True

    def drop(self) -> None:
        """Take down every stack that still stands."""
        self.over = True
        for strand in tuple(self._strands):
            strand.drop()
        self._strands.clear()
        if self.spawns:
            forget_pools()
        if self._unraisable_hook is not None:
            sys.unraisablehook, self._unraisable_hook = self._unraisable_hook, None

    def _take_down(self) -> NoReturn:
        """Raise what takes a stack down; of a generator that raises it on its way out nobody need be told."""
        if self._unraisable_hook is None:
            self._unraisable_hook, sys.unraisablehook = sys.unraisablehook, self._tell_unraisable
        raise Unwind

    def _tell_unraisable(self, told: Any) -> None:
        if not isinstance(told.exc_value, Unwind) and self._unraisable_hook is not None:
            self._unraisable_hook(told)

    def is_at_rest(self, *, finely: bool) -> bool:
        """Whether no code of the user's is under way but dead one; and, but ``finely``, nothing else is due now."""
        if not finely and not self._kernel.is_quiet:
            return False
        return self.current is None and all(work.is_over for work in self._under_way.values())

    def sleepers(self) -> tuple[int, ...] | None:
        """When each of the works that wait below on this stack goes on; None where not all are on it, or are not Lambda's."""
        if self._carriers is not None or any(
            not work.dead and (work.is_over or work.consumer != faults.LAMBDA) for work in self._under_way.values()
        ):
            return None
        return tuple(wakes_ns for _, wakes_ns in self._suspended)

    # ------------------------------------------------------------------------------------------- statements
    def arrive(self, number: int) -> None:
        """The current work comes to a statement; -1 after the last."""
        work = self.current
        if work is None or self._looks:
            return
        if self.over or work.dead:
            self._take_down()
        work.has_called = False
        visits, digest = work.visits, STATEMENTS[number].digest if number >= 0 else END
        visits[digest] = visit = visits.get(digest, 0) + 1
        arrival = Arrival(work, number, visit, others=self._others_could_go_on(work))
        for kind, answer in self._what_happens(arrival):
            self._let_happen(arrival, kind, answer)

    def calls_table(self, write: str) -> None:
        """The current work calls an ``outside.Table``: before a write of this name, or after a read.

        A write that is not the first call of a statement is a point.
        """
        work = self.current
        if work is None or self._looks or here.simulation is not self:
            return
        if write and work.has_called:
            self.arrive(point_of_call(write))
        work.has_called = True

    @property
    def is_told(self) -> bool:
        """Whether anybody follows."""
        return self._teller is not None

    def table_refuses(self, why: str) -> None:
        """An ``outside.Table`` has refused a write of the current work."""
        work = self.current
        if self._teller is not None and work is not None and not self._looks and here.simulation is self:
            self._teller.refuses(work, why)

    def _what_happens(self, arrival: Arrival) -> Sequence[tuple[str, int]]:
        """What goes wrong there; code of the user's that is called to find out, such as a ``__getstate__``, comes to no statement."""
        work = arrival.work
        before, self._looks = self._looks, True
        try:
            if self._teller is not None:
                self._teller.arrives(work, arrival.number, arrival.visit)
            if self._answers is None or (work.stack is not None and work.stack.idles):
                return ()
            return self._answers.at(arrival)
        except Unwind:
            raise
        except BaseException as error:  # noqa: BLE001  # not the user's, whose code is not to catch it
            self.escape(error)
        finally:
            self._looks = before

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Let code of the user's run only to look at something: it comes to no statement, and may not wait for a lock."""
        before, self._looks = self._looks, True
        try:
            yield
        finally:
            self._looks = before

    def _others_could_go_on(self, work: Work) -> bool:
        if len(self._under_way) > 1 and any(
            not other.is_over for other in self._under_way.values() if other is not work
        ):
            return True
        return work.queue is not None and work.queue.has_receivable()

    def _let_happen(self, arrival: Arrival, kind: str, answer: int) -> None:
        assert self._answers is not None, "only a stage with answers is told what happens"
        work = arrival.work
        if kind == chance.OVERLAP and answer > 1 and not self._show_copy(work, answer - 2):
            return
        if kind == chance.STALL and not self._stall_ns(work, answer):
            return
        self._answers.fired(arrival, kind, answer)
        self._port.last_fault_ns = max(self._port.last_fault_ns, self._clock.now_ns)
        if self._teller is not None:
            self._teller.happens(work, arrival.number, kind, answer)
        if kind != chance.OVERLAP:
            self._harm(work.messages)
        elif answer > 1:
            self._harm(work.messages[answer - 2 : answer - 1])  # its copy takes a receive
        self._note(work, kind, answer)
        if kind == chance.KILL:
            self._die(work)
        elif kind == chance.OVERLAP:
            self._pause(work, self._clock.now_ns + _preemption_ns(work, self._clock.now_ns), last=True)
        elif kind == chance.STALL:
            self._pause(work, self._clock.now_ns + self._stall_ns(work, answer))
        else:
            raise errors.Interrupted

    def _harm(self, messages: Sequence[Message]) -> None:
        for message in messages:
            self.harmed[message.address] = self.harmed.get(message.address, 0) + 1

    def _note(self, work: Work, kind: str, answer: int) -> None:
        message = work.messages[0] if work.messages else None
        self._port.tell_fault(kind, faults.in_words(kind, answer), work.queue_url, work.worker, message)

    def _show_copy(self, work: Work, index: int) -> bool:
        """Show a message of the work again, beside its delivery in flight; False where it is not there any more."""
        return index < len(work.messages) and self._port.show_copy(work.queue_url, work.messages[index])

    def _stall_ns(self, work: Work, answer: int) -> int:
        """How long a stall takes; 0 where the lease does not end within the work's time."""
        left_ns = work.lease_ns - self._clock.now_ns
        if left_ns <= 0 or work.queue is None:
            return 0
        length_ns = chance.stall_ns(answer, left_ns, work.queue.settings.visibility_timeout_ns)
        return length_ns if self._clock.now_ns + length_ns < work.deadline_ns else 0

    # -------------------------------------------------------------------------------------------- suspending
    def _die(self, work: Work) -> None:
        """Kill a work here: the rest of the run happens before anything of it is taken down."""
        came_to_end = END in work.visits
        if work.strand is None and not came_to_end:
            self._refuse_sleepers()
        work.dead = True
        self.current = None  # what the subject does about it is not the dead work's own
        work.end()
        self.current = work
        if not came_to_end:
            self.leave_for_good(work)

    @property
    def has_strands(self) -> bool:
        """Whether each work runs on a stack of its own."""
        return self._carriers is not None

    def leave_for_good(self, work: Work) -> None:
        """Let the rest of the run happen, as nothing of this work counts any more."""
        for connection in self._databases.pop(work.worker, ()):
            with suppress(Exception):  # such as one that is closed
                connection.rollback()
        if work.strand is not None:
            work.strand.suspend(None)
            raise Unwind
        self._refuse_sleepers()
        self._buried += 1
        if self._buried > DEEPEST_GRAVES:
            self.give_up_nesting()
        self.current = None
        try:
            with no_event_loop():
                self._finish()
        finally:
            self.current = work
            self.over = True
        raise Unwind

    def _pause(self, work: Work, until_ns: int, *, last: bool = False, passive: bool = False) -> None:
        """Let others go on until a time; ``last`` comes back behind all that is due then."""
        if work.strand is not None:
            if self._passes_alone(until_ns, last=last, passive=passive):
                return
            period_ns = work.stack.period_ns if passive and work.stack is not None else 0
            work.strand.suspend(until_ns, last=last, passive=passive, period_ns=period_ns)
            if self._clock.now_ns < until_ns:  # woken by a signal: what its handler does comes first, then the rest
                self._came_back(work)
                self._pause(work, until_ns, last=last)
                return
        else:
            self._refuse_sleepers(until_ns)
            self._suspended.append((work, until_ns))
            self.current = None
            try:
                with no_event_loop():
                    self._kernel.run_until(until_ns)
            finally:
                self.current = work
                self._suspended.pop()
        self._came_back(work)

    def _passes_alone(self, until_ns: int, *, passive: bool, last: bool = False) -> bool:
        """Whether a stack need not be left, as nobody else does anything until it goes on; a check looks at each event."""
        return self.is_plain and not last and self._kernel.pass_alone(until_ns, passive=passive)

    def _came_back(self, work: Work) -> None:
        """A work goes on after a pause, unless it or the run has ended meanwhile."""
        self.current = work
        if self.over:
            raise Unwind
        if work.is_over:
            self.leave_for_good(work)
        if self._teller is not None:
            self._teller.goes_on(work)
        if work.stack is not None:
            work.stack.look_for_interrupt()

    def _refuse_sleepers(self, until_ns: int | None = None) -> None:
        """Give the run up where a work below on this stack would have to go on before this one does."""
        if any(not other.is_over and (until_ns is None or wakes_ns <= until_ns) for other, wakes_ns in self._suspended):
            self.give_up_nesting()

    def give_up_nesting(self) -> NoReturn:
        """One stack is not enough for this run."""
        self.needs_strands = self.over = True
        raise Unwind

    def escape(self, error: BaseException) -> NoReturn:
        """End the run with an error, whatever the user's code does with exceptions; of a run that is over there is none."""
        if self.is_plain:
            raise error
        if self.over:
            raise Unwind
        self.escaped = self.escaped or error
        self.over = True
        raise Unwind

    # ------------------------------------------------------- what user code asks of the simulation (intercepts)
    def now_ns(self) -> int:
        """What time it is, by the clock of whose code runs now."""
        self.clock_was_read = True
        return self._clock.now_ns + (0 if self.current is None else self.current.clock_offset_ns)

    def sleep(self, seconds: float) -> None:
        """Let simulated time pass, as ``time.sleep`` does."""
        if self.over:
            self._take_down()
        if seconds < 0:
            raise ValueError("sleep length must be non-negative")
        work = self.current
        if work is None:
            return
        if work.stack is not None:
            passive = seconds > 0 and self._is_idle(work.stack)
            self._pause(work, self._clock.now_ns + nanoseconds(seconds), last=not seconds, passive=passive)
        elif seconds > 0:
            self._pause(work, self._clock.now_ns + nanoseconds(seconds))

    def sleep_until(self, time_ns: int | None) -> None:
        """Let a stack of its own wait until a time, or for good."""
        work = self.current
        assert work is not None, "somebody sleeps"
        if time_ns is None:
            self.leave_for_good(work)
        else:
            self._pause(work, time_ns)

    def wait(self, until_ns: int | None, *, passive: bool = False) -> None:
        """Let the present stack wait until it is woken, at the latest until a time; ``passive`` as in ``kernel.Wait``."""
        work = self.current
        assert work is not None, "somebody waits"
        assert work.strand is not None, "only a stack of its own can wait"
        if until_ns is not None and self._passes_alone(until_ns, passive=passive):
            return
        period_ns = work.stack.period_ns if passive and until_ns is not None and work.stack is not None else 0
        work.strand.suspend(until_ns, passive=passive or until_ns is None, period_ns=period_ns)
        self._came_back(work)

    def owner(self) -> object:
        """Who holds what is locked now."""
        return self.current

    def wait_for_lock(self, lock: Any, seconds: float | None) -> bool:
        """Wait until another work lets go of a lock; False once the time is over.

        Raises:
            Unwind: Whoever holds it is dead, so that nobody ever lets go.
            EscapedSimulation: Who waits only looks at something, in the midst of another's work.
        """
        if self._looks:
            raise errors.EscapedSimulation(f"a lock that was taken at {lock.where} is not let go while somebody looks")
        work, holder = self.current, lock.holder
        if self.over:
            raise Unwind
        if work is None:
            self.escape(errors.UsageError(f"a lock that was taken at {lock.where} is still held when the run ends"))
        if isinstance(holder, Work) and holder.is_over and seconds is None:
            if self.is_plain:
                raise errors.NeverSettled(waits_for_the_dead(holder, lock.where))
            self.stuck = (holder, lock.where)
            self.over = True
            raise Unwind
        if work.strand is None:
            if seconds is not None and (holder is None or holder is work):
                self.sleep(seconds)  # a condition that nobody else can notify while it nests
                return False
            self.give_up_nesting()
        now_ns = self._clock.now_ns
        until_ns = None if seconds is None else now_ns + nanoseconds(seconds)
        self._lock_waiters.setdefault(id(lock), []).append(work.strand)
        try:
            self.wait(until_ns, passive=work.stack is not None and self._is_idle(work.stack))
        finally:
            if work.strand in self._lock_waiters.get(id(lock), ()):
                self._lock_waiters[id(lock)].remove(work.strand)
        return until_ns is None or self._clock.now_ns < until_ns

    def _is_idle(self, stack: Stack) -> bool:
        return self._kernel.seeks_idle and stack.is_idle_at(users_point())

    def lock_released(self, lock: Any) -> None:
        """Let those who wait for a lock try again."""
        for strand in self._lock_waiters.pop(id(lock), ()):
            strand.wake()

    def start_thread(self, thread: Any, where: str) -> None:
        """Start a thread of the user's: in a spawned worker another stack of its process, elsewhere refused."""
        work = self.current
        if work is None or work.stack is None:
            self.started_thread(where)
        work.stack.start_thread(thread)

    def thread(self) -> Any:
        """The thread that the present code takes itself for; None for the real one."""
        work = self.current
        return None if work is None or work.stack is None else work.stack.thread

    def signals(self) -> dict[int, Any] | None:
        """What the present process has said is to be done at each signal; None where none is spawned."""
        work = self.current
        return None if work is None or work.stack is None else work.stack.signals

    def started_thread(self, where: str) -> NoReturn:
        """End the run: a real thread knows nothing of simulated time."""
        self.escape(
            errors.EscapedSimulation(
                f"a real thread was started at {where}: it would run beside the simulation, at any time. Do its work "
                "in the handler itself, or await it in an async def."
            )
        )

    def changed_elsewhere(self) -> None:
        """User code opens a file to write, or a database, or changes what a folder holds."""
        self.keeps_elsewhere = True

    def opened_database(self, connection: Any) -> None:
        """Remember whose it is: a transaction of a dead process is rolled back, and holds no lock."""
        if self.current is not None:
            self._databases.setdefault(self.current.worker, []).append(connection)

    def sets_alarm(self, where: str) -> None:
        """Refuse an alarm: it would come in real time, and in place of the one that ends code which hangs."""
        if self.current is not None:
            self.escape(
                errors.EscapedSimulation(
                    f"an alarm was set at {where}: alarms count real time, of which simulated code takes none. A Lambda function "
                    "learns how much it has left, in simulated time, from context.get_remaining_time_in_millis()"
                )
            )

    def reached_outside(self, what: str, where: str) -> None:
        """Refuse a spawned worker what would take real time or be another process: a connection, a child."""
        work = self.current
        if work is not None and work.stack is not None:
            self.escape(
                errors.EscapedSimulation(
                    f"{what} at {where}: {work.worker} was spawned on the simulated clock, and what it would wait for "
                    "there takes real time. Give it something in its place that lives in this process."
                )
            )


@contextmanager
def no_event_loop() -> Iterator[None]:
    """Let others work as if no event loop ran on this stack; the one below goes on where it was."""
    events: Any = sys.modules.get("asyncio.events")
    loop = None if events is None else events._get_running_loop()
    if loop is None:
        yield
        return
    hooks = sys.get_asyncgen_hooks()
    events._set_running_loop(None)
    sys.set_asyncgen_hooks(None, None)
    try:
        yield
    finally:
        events._set_running_loop(loop)
        sys.set_asyncgen_hooks(*hooks)


def waits_for_the_dead(holder: Work, where: str) -> str:
    """That somebody waits for a lock whose holder is gone, in words."""
    return f"a lock that was taken at {where} is waited for, and {holder.worker}, which held it, is dead"


def _preemption_ns(work: Work, now_ns: int) -> int:
    """How long a work lets others go on; a spawned one for as long as they may need to receive something, and act."""
    if work.stack is None:
        return 0
    left_ns = work.lease_ns - now_ns if work.messages else LONGEST_PREEMPTION_NS
    return min(max(left_ns, 0) // 2, LONGEST_PREEMPTION_NS)
