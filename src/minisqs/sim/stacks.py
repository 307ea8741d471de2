"""The stacks of a spawned process: one for each worker that is a plain function, for its event loop, for each thread.

A stack is a strand that a task of the kernel follows: it runs until it suspends itself, in a call of SQS, a sleep or a
wait for another stack, and the task says when it goes on. What it waits for is passive, and keeps nobody busy, if it
would only look: a poll that has found nothing, and any wait in a loop that has nothing to do (``Stack.is_idle_at``).
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Coroutine
from functools import partial
from threading import Event as Signal  # noqa: TID251  # a simulated one: it is only made on stacks of the simulation
from threading import Thread  # noqa: TID251  # what current_thread() gives there; it is never started
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from .. import errors
from ..limits import NEVER_NS
from . import calls, faults
from .intercepts import here
from .intercepts.threads import STACK
from .intercepts.users_line import users_numbers
from .kernel import Task, Wait, Waiting
from .strands import Strand
from .works import Work

if TYPE_CHECKING:
    from .loop import SimulatedLoop
    from .processes import Life, Worker

Result = TypeVar("Result")

ROUNDS: Final = 20
"""So many rounds of a loop that has nothing to do are gone through before the others are leapt over, in a check."""

_AT_THE_END_OF_TIME: Final = NEVER_NS - 1
_BEHIND_ALL: Final = 1 << 61
"""The place of what lets all others go on before it, at one instant."""


class _Visit(NamedTuple):
    """How things were when a stack came to a place: when; how often it, its process and others had done what; what it counts."""

    time_ns: int
    done: int
    looks: int
    acts: int
    numbers: tuple[int, ...]


_NOWHERE: Final = _Visit(0, -1, 0, 0, ())


class Stack:
    """One stack of a process: a worker's own, that of an event loop, or a thread's.

    Attributes:
        name: Who it is, in points and in the journal.
        worker: Whose it is; None of a loop or a thread.
        work: What the stage calls it.
        latency_ns: How long each of its calls of SQS takes.
        looks: How often it has looked what there is, and was told the truth: nothing went wrong.
        period_ns: How long each round of its loop takes, where it has gone round for long with nothing to do; else 0.
    """

    def __init__(
        self,
        life: Life,
        name: str,
        function: Callable[[], Any],
        worker: Worker | None,
        latency_ns: int,
        thread: Thread | None,
    ) -> None:
        self.life = life
        self.name = name
        self.worker = worker
        self.latency_ns = latency_ns
        self._thread = thread
        self.thread_started = thread is not None
        self.is_daemon = thread is not None and thread.daemon
        self._finished: Signal | None = None
        self._threads = 0
        self._places: dict[object, _Visit] = {}
        self.looks = 0
        self._rounds = self._done = self._counted = 0
        self._has_gone_round = False
        self.period_ns = 0
        self._task: Task[None] | None = None
        self._polls: Waiting[Any] | None = None
        self._is_interrupted = False
        stage = life.crew.stage
        self.work: Work = stage.new_work(
            name,
            name,
            (),
            queue_url="",
            consumer=faults.PROCESS,
            lease_ns=NEVER_NS,
            deadline_ns=NEVER_NS,
            has_ended=lambda: life.over,
            end=partial(life.process.die, "killed"),
            clock_offset_ns=life.clock_offset_ns,
            stack=self,
        )
        strand = stage.strand(self.work, function)
        assert strand is not None, "what is spawned has a stack of its own"
        self._strand: Strand = strand

    @property
    def caller(self) -> str:
        """Who calls SQS: its name, and how often it was started anew."""
        return f"{self.name}#{self.work.occurrence}" if self.work.occurrence else self.name

    # ---------------------------------------------------------------------------------------------- stepping
    def begin(self) -> None:
        """Let the kernel step it."""
        self._task = self.life.crew.port.kernel.spawn(self._steps(), self.name)

    def _steps(self) -> Waiting[None]:
        strand, task = self._strand, self._task
        assert task is not None, "whoever runs this has made a task of it"
        strand.on_wake = task.wake
        kernel = self.life.crew.port.kernel
        while True:
            due_ns = strand.step()
            if strand.done or self.life.over:
                break
            if due_ns is not None and strand.last:
                kernel.at(due_ns, task.wake, label=task.label, order=_BEHIND_ALL)
                due_ns = None
            if due_ns is None:
                yield Wait(_AT_THE_END_OF_TIME, passive=True)
            elif not strand.passive or (self._polls is not None and self.life.crew.has_one_queue):
                yield Wait(due_ns, strand.passive, strand.period_ns, looks=True)
            else:
                passive = self.life.crew.watches(self)
                if passive and self._polls is None:
                    self.life.crew.falls_asleep(self)
                yield Wait(due_ns, passive, strand.period_ns if passive else 0, looks=True)
                self.life.crew.watches_no_more(self)
        if not self.life.over:
            self._tell_those_who_join()
            self.life.came_back(self)

    def _tell_those_who_join(self) -> None:
        if self._finished is not None:
            with self.life.crew.simulated():
                self._finished.set()

    @property
    def is_over(self) -> bool:
        """Whether its code has come back."""
        return self._strand.done or self.life.over

    def result(self) -> Any:
        """What its code returned; raises what it raised."""
        return self._strand.result()

    def keeps_busy(self) -> None:
        """There is something to find at the end of its present wait."""
        if self._task is not None:
            self._task.count()

    def end(self) -> None:
        """Let it lie where it is."""
        self.life.crew.watches_no_more(self)
        if self._polls is not None:
            self._polls.close()  # so that a message that it waits for wakes another
        if self._task is not None:
            self._task.stop()
        self.forget()

    def forget(self) -> None:
        """Let the interpreter not wait for it at its exit."""
        calls.forget_thread(self._thread)

    def wake(self) -> None:
        """Let it go on, whatever it waits for."""
        self._strand.wake()

    # ------------------------------------------------------------------------------------------- suspending
    def poll(self, polls: Waiting[Result]) -> Result:
        """Wait as a task of the kernel does, on this stack: for nothing only after a round in which there was nothing."""
        stage = self.life.crew.stage
        may_idle = stage.is_plain or self._has_gone_round
        self._polls = polls
        try:
            wait = next(polls)
            while True:
                self.wait(wait.until_ns, passive=wait.passive and may_idle)
                wait = polls.send(None)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]  # it is the generator's
        finally:
            self._polls = None
            assert stage.over or stage.current is self.work, "who comes back from a wait is the present work"

    def wait(self, until_ns: int | None, *, passive: bool = False) -> None:
        """Suspend this stack until it is woken, at the latest until a time."""
        self.life.crew.stage.wait(until_ns, passive=passive)

    def interrupt(self) -> None:
        """Throw ``Interrupted`` in where it waits, or at its next call."""
        if not self.thread_started:
            self._is_interrupted = True
            self.wake()

    def look_for_interrupt(self) -> None:
        """Do what is to be done at a signal, if there was one: unless its code has said what, raise."""
        if self._is_interrupted:
            self._is_interrupted = False
            handler = self.life.signals.get(signal.SIGTERM)
            if not callable(handler):
                raise errors.Interrupted
            handler(signal.SIGTERM, None)

    @property
    def signals(self) -> dict[int, Any]:
        """What its process has said is to be done at each signal."""
        return self.life.signals

    def has_looked(self, *, misled: bool) -> None:
        """It has looked for something to do; where that went wrong, it has to look once more."""
        if misled:
            self.life.crew.port.acts += 1
        else:
            self.looks += 1

    def is_idle_at(self, place: object) -> bool:
        """Whether this stack goes round in a loop, come to the same place again, that has nothing to do.

        Its process has done nothing meanwhile and works on no message. If the stack itself has looked for some, that
        is enough; a loop that only waits or counts may still be at work, until it has gone round for long, and so may one
        whose process has a message left of which the lease is over. After others have done something it goes round once
        more.
        """
        now_ns, done, looks = self.life.crew.port.clock.now_ns, self.life.done, self.looks
        if done != self._done:
            self._places.clear()
        before = self._places.get(place, _NOWHERE)
        now = self._places[place] = _Visit(now_ns, done, looks, self.life.crew.port.acts, users_numbers())
        is_round, self._done = before.done == done and not self.life.has_lease(now_ns), done
        self._rounds = self._rounds + 1 if is_round else 0
        self._counted = self._counted + 1 if is_round and now.numbers != before.numbers else 0
        self.period_ns = now_ns - before.time_ns if self._rounds > ROUNDS else 0
        has_looked = (now.looks != before.looks and not self.life.held) or self._rounds > ROUNDS
        self._has_gone_round = is_round and now.acts == before.acts and not 0 < self._counted <= ROUNDS
        return self._has_gone_round and has_looked

    @property
    def idles(self) -> bool:
        """Whether it goes round in a loop, its process has nothing to do, and holds no message."""
        return self._rounds > 0 and self._done == self.life.done and not self.life.held

    # ---------------------------------------------------------------------------------------------- threads
    def start_thread(self, thread: Thread) -> None:
        """Run a thread of the user's on a stack of its own, as a part of this process.

        Raises:
            RuntimeError: It has been started before.
        """
        if STACK in vars(thread):
            raise RuntimeError("threads can only be started once")
        self._threads += 1
        name = f"{self.name}.{self._threads}"
        stack = self.life.run(name, partial(self._run_thread, thread), None, self.latency_ns, thread)
        vars(thread)[STACK] = stack
        vars(thread)["_ident"] = len(self.life.crew.stage.works)
        self.life._tell_stacks()

    @staticmethod
    def _run_thread(thread: Thread) -> None:
        try:
            thread.run()
        except SystemExit:  # ends a thread without a word
            return

    @property
    def thread(self) -> Thread:
        """The thread that its code takes itself for."""
        if self._thread is None:
            self._thread = Thread(name=self.name, daemon=False)
            vars(self._thread)[STACK] = self
        return self._thread

    @property
    def is_alive(self) -> bool:
        """Whether its code is still under way."""
        return not self.is_over

    def join(self, timeout: float | None) -> None:
        """Wait until its code has come back."""
        if self.is_alive and here.simulation is self.life.crew.stage:
            if self._finished is None:
                self._finished = Signal()
            self._finished.wait(timeout)


class EventLoop:
    """The event loop of a process, with the workers that are coroutines as its tasks.

    Attributes:
        stack: What it runs on.
    """

    def __init__(self, life: Life, name: str, latency_ns: int) -> None:
        self._life = life
        self._name = name
        self._left = 0
        self._to_begin: list[Worker] = []
        self._loop: SimulatedLoop | None = None
        self._failed: tuple[Worker, BaseException] | None = None
        self._waits = False
        self.stack = life.run(name, self._run, None, latency_ns)

    def add(self, worker: Worker) -> None:
        """Make a worker one of its tasks."""
        self._left += 1
        self._to_begin.append(worker)
        self._wake()

    def _wake(self) -> None:
        """Let it be stepped, where it waits for nothing but that."""
        if self._waits:
            self.stack.wake()

    def _run(self) -> None:
        """All of it, on its own stack."""
        from .loop import SimulatedLoop  # noqa: PLC0415  # asyncio is loaded where it is used

        crew = self._life.crew
        loop = self._loop = SimulatedLoop(crew.port.clock, choose=crew.chooser(self._name), wake=self._wake)
        ended = loop.create_future()
        loop.begin(self._until(ended))
        while True:
            for worker in self._to_begin:
                self._begin(worker, ended)
            self._to_begin.clear()
            due_ns = loop.step()
            if loop.done:
                break
            self._waits = True
            seeks_idle = crew.port.kernel.seeks_idle
            try:
                crew.stage.wait(due_ns, passive=seeks_idle and due_ns is not None and self.stack.is_idle_at(loop.place))
            except errors.Interrupted:
                self._interrupt(loop)
            finally:
                self._waits = False
        loop.result()
        if self._failed is not None:
            raise self._failed[1]

    @staticmethod
    async def _until(ended: Any) -> None:
        await ended

    def _begin(self, worker: Worker, ended: Any) -> None:
        assert self._loop is not None, "it has been made"
        coroutine: Coroutine[Any, Any, Any] = worker._call()
        task = self._loop.create_task(coroutine, name=worker.name)
        task.add_done_callback(partial(self._ends, worker, ended))

    def _ends(self, worker: Worker, ended: Any, task: Any) -> None:
        """A worker has returned or raised."""
        self._left -= 1
        error = errors.Interrupted() if task.cancelled() else task.exception()
        if error is None:
            worker._ends(task.result())
        elif self._failed is None:
            self._failed = worker, error
            worker.error = error
        if (error is not None or not self._left) and not ended.done():
            ended.set_result(None)

    @staticmethod
    def _interrupt(loop: SimulatedLoop) -> None:
        """Do what is to be done at a signal; cancel the workers, as asyncio does, if nothing was said."""
        if not loop.signalled(signal.SIGTERM):
            for task in loop.workers():
                task.cancel()
