"""Processes that are spawned: the user's own polling loops, as threads and event loops on the simulated clock.

A worker that is a plain function has a *stack* of its own (see ``strands``), of which exactly one runs at a time;
the kernel switches between them at each call of SQS, at each sleep, and wherever one waits for a lock. The workers
of a process that are coroutines share its event loop, which has a stack as well; so has each thread that a worker
starts. A stack suspends itself in the middle of whatever it does; nothing of the user's code is rewritten for that.

A process ends as a whole: by a kill, or when one of its workers raises. Nothing of a killed one runs afterwards,
not even its ``finally``: its stacks lie where they were until the run is over. It is started anew a second later,
all of its workers from the beginning, where that is wanted.

What a stack waits for is passive, and keeps nobody busy, if it would only look: a poll that has found nothing, and
any wait in a loop that has nothing to do (``Stack.is_idle_at``).
"""

from __future__ import annotations

import queue as _queue  # noqa: F401  # loaded, so that it and the next have their stand-ins
import signal
import socket as _socket  # noqa: F401, TID251
from collections.abc import Callable, Coroutine, Iterator, Sequence
from functools import partial
from hashlib import blake2b
from inspect import iscoroutine, iscoroutinefunction
from threading import Event as Signal  # noqa: TID251  # a simulated one: it is only made on stacks of the simulation
from threading import Thread  # noqa: TID251  # what current_thread() gives there; it is never started
from typing import TYPE_CHECKING, Any, Final, TypeVar

from .. import errors
from ..engine.decisions import SKEW, SKEWS_S
from ..engine.message import Delivery, Message
from ..engine.queue import Queue
from ..limits import NEVER_NS, SECOND_NS
from . import calls, faults
from .clock import nanoseconds
from .intercepts import STACK, Intercepts, here
from .kernel import Event, Task, Wait, Waiting
from .port import Port
from .stage import Stage, Unwind, Work
from .strands import Carriers, Strand

if TYPE_CHECKING:
    from .loop import SimulatedLoop

Result = TypeVar("Result")

RESTART_NS: Final = SECOND_NS
"""After so long a process that died is started anew, as an orchestrator does."""

ROUNDS: Final = 20
"""So many rounds of a loop that has nothing to do are gone through before the others are leapt over, in a check."""

_AT_THE_END_OF_TIME: Final = NEVER_NS - 1
_BEHIND_ALL: Final = 1 << 61
"""The place of what lets all others go on before it, at one instant."""


class Worker:
    """A function or coroutine that was spawned; ``World.spawn`` makes it.

    Attributes:
        name: Its own, by which the journal and the faults know it.
        process: The name of its process; its own unless another was given.
        done: Whether it has come to its end: its function has returned, or it will not be started anew.
        result: What its function returned.
        error: What it last raised, if anything.
    """

    def __init__(
        self, process: _Process, name: str, target: Callable[..., Any], args: tuple[Any, ...], latency_ns: int
    ) -> None:
        self.name = name
        self.process = process.name
        self.done = False
        self.result: Any = None
        self.error: BaseException | None = None
        self._latency_ns = latency_ns
        self._process = process
        self._target = target
        self._args = args

    def __repr__(self) -> str:
        state = "done" if self.done else "running" if self._process.life is not None else "not running"
        return f"<Worker {self.name}: {state}>"

    def kill(self) -> None:
        """End its process here and now, as a power cut does: nothing of it runs any more, not even ``finally``.

        It is started anew after a second where that was asked for, and in a check.
        """
        self._process.die("killed")

    def stop(self) -> None:
        """Send its process SIGTERM, and do not start it anew; it takes notice when time is next let pass.

        What it has given to ``signal.signal`` or ``loop.add_signal_handler`` is called. Where it has given nothing,
        ``minisqs.Interrupted`` is thrown in where it sleeps, waits or calls SQS, and its coroutines are cancelled.
        """
        self._process.stop()

    @property
    def _is_coroutine(self) -> bool:
        """Whether it runs on the event loop of its process."""
        call = type(self._target).__call__ if callable(self._target) else None
        return iscoroutinefunction(self._target) or iscoroutinefunction(call)

    def _call(self) -> Any:
        """Call its function; an exit without an error is a return."""
        try:
            result = self._target(*self._args)
        except SystemExit as exit_:
            if exit_.code:
                raise
            return None
        if iscoroutine(result) and not self._is_coroutine:
            result.close()
            raise errors.UsageError(f"{self!r} returned a coroutine: spawn the async def itself")
        return result

    def _ends(self, result: Any) -> None:
        """Its function has returned."""
        self.done, self.result = True, result


class _Process:
    """What dies together.

    Attributes:
        life: The present one of its lives; None while there is none.
        workers: In the order in which they were spawned.
        polled: The queues that it has polled, by name.
        restarts: Whether it is started anew when it has died.
    """

    def __init__(self, crew: Crew, name: str, *, restarts: bool) -> None:
        self.name = name
        self.restarts = restarts
        self.workers: list[Worker] = []
        self.polled: dict[str, None] = {}
        self.life: _Life | None = None
        self._crew = crew
        self._restart: Event | None = None

    def add(self, worker: Worker) -> None:
        """Start one more worker, unless the process is to be started anew anyway."""
        self.workers.append(worker)
        if self._restart is None:
            if self.life is None:
                self.life = _Life(self._crew, self)
            self.life.begin(worker)

    def start(self) -> None:
        """Start all workers from the beginning."""
        self._restart = None
        self._crew.note("process started", self.name, "")
        self.life = life = _Life(self._crew, self)
        for worker in self.workers:
            worker.done = False
            life.begin(worker)

    def stop(self) -> None:
        """Let it end by itself, and not be started anew."""
        self.restarts = False
        self._cancel_restart()
        if self.life is not None:
            self.life.stop()

    def die(self, cause: str) -> None:
        """It is gone, at this instant; nothing of it runs any more."""
        life = self.life
        if life is None:
            self._cancel_restart()
            return
        again = f": started anew in {RESTART_NS // SECOND_NS} s" if self.restarts else ""
        self._crew.note("process ended", self.name, f"{cause}{again}")
        self.life = None
        if self.restarts:
            kernel = self._crew.port.kernel
            self._restart = kernel.at(kernel.clock.now_ns + RESTART_NS, self.start, label=self.name)
        else:
            for worker in self.workers:
                worker.done = True
        life.end()

    def ended(self) -> None:
        """All its workers have come to their end."""
        life, self.life = self.life, None
        if life is not None:
            life.end()

    def _cancel_restart(self) -> None:
        if self._restart is not None:
            self._crew.port.kernel.cancel(self._restart)
            self._restart = None


class _Life:
    """One time that a process runs, from its start to its end.

    Attributes:
        over: Whether it has ended.
        stops: Whether it was told to stop.
        done: How often its stacks have done something other than to look.
        signals: What it has said is to be done at each signal.
        held: The messages that it has received and not deleted, by queue: each with when its lease ends.
    """

    def __init__(self, crew: Crew, process: _Process) -> None:
        self.crew = crew
        self.process = process
        self.over = False
        self.stops = False
        self.done = 0
        self.held: dict[Queue, dict[Message, int]] = {}
        self.clock_offset_ns = crew.skew_ns(process.name)
        self.signals: dict[int, Any] = {}
        self._stacks: list[Stack] = []
        self._loop: _Loop | None = None

    def begin(self, worker: Worker) -> None:
        """Start a worker; its first step comes when time is next let pass."""
        if not worker._is_coroutine:
            self.run(worker.name, worker._call, worker, worker._latency_ns)
            return
        if self._loop is None or self._loop.stack.is_over:
            name = worker.name if worker.process == worker.name else self.process.name
            self._loop = _Loop(self, name, worker._latency_ns)
        self._loop.add(worker)

    def run(
        self, name: str, function: Callable[[], Any], worker: Worker | None, latency_ns: int, thread: Any = None
    ) -> Stack:
        """Run a function on a stack of its own."""
        stack = Stack(self, name, function, worker, latency_ns, thread)
        self._stacks.append(stack)
        stack.begin()
        return stack

    def stop(self) -> None:
        """Throw into each of its workers where it waits."""
        self.stops = True
        for stack in self._stacks:
            stack.interrupt()

    def end(self) -> None:
        """Let nothing of it run any more; code of its own that runs just now stops before it does anything else."""
        self.over = True
        for stack in self._stacks:
            stack.end()
        self.held.clear()
        self.crew.stop_here(self)

    def came_back(self, stack: Stack) -> None:
        """The code of a stack has returned or raised."""
        worker = stack.worker
        try:
            result = stack.result()
        except BaseException as error:
            if isinstance(error, (Unwind, KeyboardInterrupt)) or self.crew.stage.over:  # the user at the keyboard
                raise
            if stack.thread_started:  # as in Python: the thread ends, the others go on
                self.crew.note("thread raised", stack.name, _told(error))
            else:
                self.failed(worker, error)
                return
        else:
            if worker is not None:
                worker._ends(result)
        self._stacks.remove(stack)
        stack.forget()
        if all(other.is_daemon for other in self._stacks):
            self.process.ended()

    def failed(self, worker: Worker | None, error: BaseException) -> None:
        """A worker has raised, which ends its process; where nobody starts it anew, whoever lets time pass is told.

        Raises:
            What it raised.
        """
        if worker is not None:
            worker.error = error
        self.process.die(_told(error))
        stopped = self.stops and isinstance(error, errors.Interrupted)
        if self.crew.stage.is_plain and not self.process.restarts and not stopped:
            raise error

    # -------------------------------------------------------------------------------------- what it works on
    def looks_for_more(self, queue_url: str) -> None:
        """It is about to receive: messages whose lease is over are others' by now."""
        self.process.polled[str(queue_url).rpartition("/")[2]] = None
        now_ns = self.crew.port.clock.now_ns
        for queue in list(self.held):
            over = [message for message, until_ns in self.held[queue].items() if until_ns <= now_ns]
            if over:
                self.lets_go(queue, over)

    def holds(self, queue: Queue, deliveries: Sequence[Delivery], timeout: int | None) -> None:
        """Messages have been received, and are hidden from others for a time."""
        timeout_ns = queue.settings.visibility_timeout_ns if timeout is None else timeout * SECOND_NS
        held = self.held.pop(queue, {})
        self.held[queue] = held  # the latest stand last
        for delivery in deliveries:
            held.pop(delivery.message, None)
            held[delivery.message] = delivery.received_ns + timeout_ns
        self._tell_stacks()

    def holds_until(self, queue: Queue, message: Message, until_ns: int) -> None:
        """The lease of a message ends at another time."""
        if message in self.held.get(queue, ()):
            self.held[queue][message] = until_ns
            self._tell_stacks()

    def lets_go(self, queue: Queue, messages: Sequence[Message]) -> None:
        """Messages have been deleted."""
        held = self.held.get(queue, {})
        for message in messages:
            held.pop(message, None)
        if not held:
            self.held.pop(queue, None)
        self._tell_stacks()

    def _tell_stacks(self) -> None:
        """All its stacks work on the messages of the queue that it has last received from."""
        queue = next(reversed(self.held), None)
        held = {} if queue is None else self.held[queue]
        for stack in self._stacks:
            work = stack.work
            work.messages = list(held)
            work.queue, work.queue_url = queue, "" if queue is None else queue.url
            work.lease_ns = min(held.values(), default=NEVER_NS)


class Stack:
    """One stack of a process: a worker's own, that of an event loop, or a thread's.

    Attributes:
        name: Who it is, in points and in the journal.
        worker: Whose it is; None of a loop or a thread.
        work: What the stage calls it.
        latency_ns: How long each of its calls of SQS takes.
        looks: How often it has called without doing anything.
        period_ns: How long each round of its loop takes, where it has gone round for long with nothing to do; else 0.
    """

    def __init__(
        self,
        life: _Life,
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
        self._places: dict[object, tuple[int, int, int]] = {}
        self.looks = 0
        self._rounds = self._done = 0
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
        """Wait as a task of the kernel does, on this stack."""
        stage = self.life.crew.stage
        self._polls = polls
        try:
            wait = next(polls)
            while True:
                self.wait(wait.until_ns, passive=wait.passive)
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

    def is_idle_at(self, place: object) -> bool:
        """Whether this stack goes round in a loop, come to the same place again, that has nothing to do.

        Its process has done nothing meanwhile and works on no message. If the stack itself has looked for some, that
        is enough; a loop that only waits may still be at work, until it has gone round for long.
        """
        now_ns, done, looks = self.life.crew.port.clock.now_ns, self.life.done, self.looks
        if done != self._done:
            self._places.clear()
        done_before, looks_before, before_ns = self._places.get(place, (-1, 0, 0))
        self._places[place] = done, looks, now_ns
        is_round, self._done = done_before == done and not self.life.held, done
        self._rounds = self._rounds + 1 if is_round else 0
        self.period_ns = now_ns - before_ns if self._rounds > ROUNDS else 0
        return is_round and (looks != looks_before or self._rounds > ROUNDS)

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


class _Loop:
    """The event loop of a process, with the workers that are coroutines as its tasks.

    Attributes:
        stack: What it runs on.
    """

    def __init__(self, life: _Life, name: str, latency_ns: int) -> None:
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


class _Onlooker:
    """Tells the stacks that go round in a loop whenever there is something to receive in a queue."""

    def __init__(self) -> None:
        self.stacks: dict[Stack, None] = {}

    def wake(self) -> None:
        """There is."""
        for stack in self.stacks:
            stack.keeps_busy()


class Crew:
    """All processes of a world.

    Args:
        port: The world.
        seed: What its workers draw from; of a check, that comes from the check.
        order: What the order of ready tasks is drawn from; None for asyncio's own.

    Attributes:
        stage: Where they run: the check's, or one of their own.
    """

    def __init__(self, port: Port, seed: bytes, order: bytes | None) -> None:
        self.port = port
        self._order = order
        self._processes: dict[str, _Process] = {}
        self._names: dict[str, int] = {}
        self._onlookers: dict[str, _Onlooker] = {}
        self._carriers = Carriers()
        self._depth = 0
        self._intercepts: Intercepts | None = None
        stage = port.stage
        if stage is None:
            self._intercepts = Intercepts(seed=seed, goes_on=True)
            stage = Stage(port, None, lambda: None, carriers=self._carriers, is_plain=True)
        self.stage: Stage = stage
        stage.spawns = True
        if not stage.has_strands:
            stage.give_up_nesting()
        port.lend_turns(lambda: here.simulation is stage)
        port.kernel.around = self
        calls.intercept(port, self)

    def spawn(
        self,
        target: Callable[..., Any],
        args: tuple[Any, ...],
        *,
        process: str | None,
        name: str | None,
        restart: bool | None,
        latency: float,
    ) -> Worker:
        """See ``World.spawn``."""
        if not callable(target):
            coroutine = target if iscoroutine(target) else None
            if coroutine is not None:
                coroutine.close()
                raise errors.UsageError(f"{target!r} has begun: spawn the async def and its arguments instead")
            raise errors.UsageError(f"a worker is a function or an async def, not {target!r}")
        latency_ns = nanoseconds(latency)
        for what, given in (("process", process), ("name", name)):
            if given is not None and (not isinstance(given, str) or not given or not given.isprintable()):
                raise errors.UsageError(f"the {what} of a worker is a printable text, not {given!r}")
        name = self._new_name(target) if name is None else name
        if name in self._all_names():
            raise errors.UsageError(f"there is a worker {name!r} already")
        found = self._processes.get(process or name)
        if found is None:
            restarts = not self.stage.is_plain if restart is None else restart
            found = self._processes[process or name] = _Process(self, process or name, restarts=restarts)
        elif restart is not None and restart is not found.restarts:
            raise errors.UsageError(f"the workers of the process {found.name!r} are started anew all, or none")
        worker = Worker(found, name, target, args, latency_ns)
        found.add(worker)
        return worker

    def _all_names(self) -> Iterator[str]:
        return (worker.name for process in self._processes.values() for worker in process.workers)

    def _new_name(self, target: Any) -> str:
        """The name of the target and a number, from 1."""
        role = str(getattr(getattr(target, "func", target), "__name__", "worker")).strip("<>")
        taken = set(self._all_names())
        while True:
            self._names[role] = number = self._names.get(role, 0) + 1
            if f"{role}-{number}" not in taken:
                return f"{role}-{number}"

    def workers(self) -> list[Worker]:
        """All that were spawned, in that order within each process."""
        return [worker for process in self._processes.values() for worker in process.workers]

    def close(self) -> None:
        """Take down every stack that still stands; code of theirs that goes on cannot call, wait or ask the time."""
        if self.stage.is_plain and not self.stage.over:
            for process in self._processes.values():
                process.restarts = False
                process.die("closed")
            with calls.quiet():
                self.stage.drop()
            self._carriers.close()

    # ------------------------------------------------------------------------------------ where time passes
    def begins(self) -> None:
        """Time is let pass: the code that runs meanwhile asks the simulation.

        Raises:
            UsageError: By a worker, which does so by sleeping.
        """
        work = self.stage.current
        if here.simulation is self.stage and work is not None and work.stack is not None:
            raise errors.UsageError(
                f"{work.worker} lets time pass by sleeping and waiting; advance and run_until_idle are for whoever "
                "spawned it"
            )
        if self._depth == 0 and self._intercepts is not None:
            self._intercepts.__enter__()
        self._depth += 1

    def has_passed(self) -> None:
        """Nobody's code runs any more."""
        self._depth -= 1
        if self._depth == 0 and self._intercepts is not None:
            self._intercepts.__exit__(None, None, None)

    def simulated(self) -> calls.Simulated:
        """A context in which the present thread asks the simulation."""
        return calls.Simulated(self.stage)

    # --------------------------------------------------------------------------------------------- services
    def present(self) -> Stack | None:
        """The stack whose code runs in this thread; None where that is nobody's."""
        if here.simulation is not self.stage or self.stage.current is None:
            return None
        return self.stage.current.stack  # type: ignore[return-value]  # they are all ours

    @property
    def has_one_queue(self) -> bool:
        """Whether who polls a queue can find nothing in another."""
        return len(self.port.service.queues()) == 1

    def watches(self, stack: Stack) -> bool:
        """Whether a stack, that waits at the end of a round or polls, will find nothing; it is told when that changes.

        Until it has gone round once with nothing to do, it may find something in any queue; then, in those that its
        process polls.
        """
        queues = self.port.service.queues()
        if stack.idles:
            queues = [queue for queue in queues if queue.name in stack.life.process.polled]
        if any(queue.visible for queue in queues):
            return False
        for queue in queues:
            if queue.name not in self._onlookers:
                self._onlookers[queue.name] = _Onlooker()
                self.port.watch(queue.name, self._onlookers[queue.name])
            self._onlookers[queue.name].stacks[stack] = None
        return True

    def watches_no_more(self, stack: Stack) -> None:
        """Whatever comes, it looks for itself."""
        for onlooker in self._onlookers.values():
            onlooker.stacks.pop(stack, None)

    def stop_here(self, life: _Life) -> None:
        """Let the present code stop for good, if it is of a life that is over."""
        stack = self.present()
        if stack is not None and stack.life is life and not stack.work.dead:
            self.stage.leave_for_good(stack.work)

    def note(self, action: str, name: str, cause: str) -> None:
        """Write down what happens to a process."""
        self.port.note(action, "", name, cause)

    def skew_ns(self, name: str) -> int:
        """How far the clock of a process that begins is off."""
        answer = self.port.choose(SKEW, 1 + len(SKEWS_S), queue_url="", caller=name)
        return faults.skew_s(answer) * SECOND_NS if answer else 0

    def chooser(self, name: str) -> Callable[[int], int] | None:
        """Which of so many tasks of a loop that are ready goes first; None for asyncio's own order."""
        kernel = self.port.kernel
        if kernel.asks_ties:
            return partial(kernel.choose_tie, name)
        if self._order is None or not self.stage.is_plain:
            return None
        return _Drawn(self._order, name)


class _Drawn:
    """Draws from a seed."""

    def __init__(self, seed: bytes, name: str) -> None:
        self._key = blake2b(name.encode(), key=seed[:64], digest_size=32).digest()
        self._drawn = 0

    def __call__(self, options: int) -> int:
        self._drawn += 1
        bits = blake2b(self._drawn.to_bytes(8), key=self._key, digest_size=8).digest()
        return int.from_bytes(bits) % options


def _told(error: BaseException) -> str:
    return ": ".join(filter(None, (type(error).__name__, str(error))))
