"""Processes that are spawned: the user's own polling loops, as threads and event loops on the simulated clock.

A worker that is a plain function has a *stack* of its own (see ``strands``), of which exactly one runs at a time;
the kernel switches between them at each call of SQS, at each sleep, and wherever one waits for a lock. The workers
of a process that are coroutines share its event loop, which has a stack as well; so has each thread that a worker
starts. A stack suspends itself in the middle of whatever it does; nothing of the user's code is rewritten for that.

A process ends as a whole: by a kill, or when one of its workers raises. Nothing of a killed one runs afterwards,
not even its ``finally``: its stacks lie where they were until the run is over. It is started anew a second later,
all of its workers from the beginning, where that is wanted.
"""

from __future__ import annotations

import queue as _queue  # noqa: F401  # loaded, so that it and the next have their stand-ins
import socket as _socket  # noqa: F401, TID251
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from hashlib import blake2b
from inspect import iscoroutine, iscoroutinefunction
from typing import Any, Final

from .. import errors
from ..engine.decisions import SKEW, SKEWS_S
from ..engine.message import Delivery, Message
from ..engine.queue import Queue
from ..limits import NEVER_NS, SECOND_NS
from . import calls, faults
from .clock import nanoseconds
from .intercepts import Intercepts, here
from .kernel import Event
from .port import Port
from .sdks import AnsweredSdks
from .stacks import EventLoop, Stack
from .stage import Stage, Unwind
from .strands import Carriers

RESTART_NS: Final = SECOND_NS
"""After so long a process that died is started anew, as an orchestrator does."""


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
        self.life: Life | None = None
        self._crew = crew
        self._restart: Event | None = None

    def add(self, worker: Worker) -> None:
        """Start one more worker, unless the process is to be started anew anyway."""
        self.workers.append(worker)
        if self._restart is None:
            if self.life is None:
                self.life = Life(self._crew, self)
            self.life.begin(worker)

    def start(self) -> None:
        """Start all workers from the beginning."""
        self._restart = None
        self._crew.note("process started", self.name, "")
        self.life = life = Life(self._crew, self)
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


class Life:
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
        self._loop: EventLoop | None = None

    def begin(self, worker: Worker) -> None:
        """Start a worker; its first step comes when time is next let pass."""
        if not worker._is_coroutine:
            self.run(worker.name, worker._call, worker, worker._latency_ns)
            return
        if self._loop is None or self._loop.stack.is_over:
            name = worker.name if worker.process == worker.name else self.process.name
            self._loop = EventLoop(self, name, worker._latency_ns)
        self._loop.add(worker)

    def run(
        self, name: str, function: Callable[[], Any], worker: Worker | None, latency_ns: int, thread: Any = None
    ) -> Stack:
        """Run a function on a stack of its own."""
        stack = Stack(self, name, function, worker, latency_ns, thread)
        self._stacks.append(stack)
        stack.begin()
        return stack

    def has_done_something(self) -> None:
        """One of its stacks has done something other than to look."""
        self.done += 1
        self.crew.port.acts += 1

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

    def has_lease(self, now_ns: int) -> bool:
        """Whether it works on a message that is hidden from others."""
        return any(until_ns > now_ns for held in self.held.values() for until_ns in held.values())

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
        self._asleep: dict[Stack, int] = {}
        """Those in loops that only wait, and what had been done when they began to."""
        self._carriers = Carriers()
        self._depth = 0
        self._intercepts: Intercepts | None = None
        stage = port.stage
        if stage is None:
            self._intercepts = Intercepts(seed=seed, goes_on=True)
            self._sdks = AnsweredSdks()
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
            self._sdks.__enter__()
        self._depth += 1

    def has_passed(self) -> None:
        """Nobody's code runs any more."""
        self._depth -= 1
        if self._depth == 0 and self._intercepts is not None:
            self._sdks.__exit__()
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

    def falls_asleep(self, stack: Stack) -> None:
        """A stack waits, and not for a message: in a loop that has found nothing to do so far."""
        self._asleep[stack] = self.port.acts

    def looks_again(self) -> bool:
        """Whether a stack that waits has to look once more, as others have done something since it last did."""
        late = [stack for stack, acts in self._asleep.items() if acts != self.port.acts]
        for stack in late:
            del self._asleep[stack]
            stack.keeps_busy()
        return bool(late)

    def watches_no_more(self, stack: Stack) -> None:
        """Whatever comes, it looks for itself."""
        self._asleep.pop(stack, None)
        for onlooker in self._onlookers.values():
            onlooker.stacks.pop(stack, None)

    def stop_here(self, life: Life) -> None:
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
