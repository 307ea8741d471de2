"""An asyncio event loop whose time is the world's: ``asyncio.sleep`` lets simulated time pass.

Tasks, timeouts, queues and locks of asyncio work on it unchanged, as they all go through the loop. It is
not run by asyncio but stepped by the kernel: a step runs everything that is ready, and says when the next
timer is due. It has no sockets, and refuses what would need a real thread.

The ready queue, the timers and ``_run_once`` are those of ``asyncio.BaseEventLoop``, which has had them
under these names since Python 3.4; a selector that never waits is all that has to be put under them.

Asyncio keeps tasks in sets, so the order in which it cancels them, or in which ``asyncio.wait`` hands them
back, would be another in each run. The tasks of this loop hash by their number, and the loop itself holds
them, as asyncio would let a task that nobody awaits be collected at any time.
"""

from __future__ import annotations

import asyncio
import math
import sys
import threading
from asyncio import events
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, Final

from .. import errors
from ..limits import SECOND_NS
from .clock import Clock

_RESOLUTION_S: Final = 1e-9
_MOST_ROUNDS: Final = 1_000_000
"""So many rounds without any time passing are taken for an endless loop."""


class _NoSelector:
    """A selector in which nothing ever happens."""

    def select(self, timeout: float | None) -> list[object]:
        """Nothing, at once."""
        return []


class _Task(asyncio.Task[Any]):
    """A task whose place in a set is the same in every run."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], number: int, **options: Any) -> None:
        self._number = number  # asyncio puts it into a set before it has been made
        super().__init__(coroutine, **options)

    def __hash__(self) -> int:
        return self._number

    def set_name(self, value: object) -> None:
        """Take a name; some versions of asyncio give None to a task of a factory, which would be its name."""
        if value is not None:
            super().set_name(value)


class SimulatedLoop(asyncio.BaseEventLoop):
    """Runs one coroutine, and what it starts, on simulated time.

    Args:
        clock: The world's.
        choose: Which of so many tasks that are ready goes on first, from 0; asyncio's own order unless given.
        wake: Lets the loop be stepped soon, as something is ready; where that is given, the functions that are run
            in executors run in threads, which are the simulation's.

    Attributes:
        done: Whether the coroutine has ended.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        choose: Callable[[int], int] | None = None,
        wake: Callable[[], None] | None = None,
    ) -> None:
        super().__init__()
        self._clock = clock
        self._choose = choose
        self._wake = wake
        self._selector = _NoSelector()
        self._main: asyncio.Task[Any] | None = None
        self._interrupt: BaseException | None = None
        self._tasks: dict[asyncio.Task[Any], None] = {}
        """Those that have not ended, in the order in which they were made."""
        self._made = 0
        self._signals: dict[int, tuple[Callable[..., Any], tuple[Any, ...]]] = {}
        self._is_dropped = False
        self.done = False
        self.set_task_factory(self._make_task)  # type: ignore[arg-type]  # typeshed wants Python 3.14's arguments

    def time(self) -> float:
        """Seconds since the world began."""
        return self._clock.seconds

    def begin(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        """Take the coroutine; it runs in ``step``."""
        self._main = self.create_task(coroutine)

    def step(self) -> int | None:
        """Run everything that is due now.

        Returns:
            When the next timer is due, in nanoseconds since 1970; None where none is set, so that nothing
            will happen any more by itself.

        Raises:
            NeverSettled: There is always something ready, and no time passes.
        """
        assert self._main is not None, "a loop is stepped once it has begun"
        self._run_ready()
        if self._main.done() or self._interrupt is not None:
            self.done = True
            self._end_all()
            return None
        timer = self._next_timer()
        if timer is None:
            return None
        return max(self._clock.started_ns + round(timer.when() * SECOND_NS), self._clock.now_ns)

    def result(self) -> Any:
        """What the coroutine returned; raises what it raised.

        Raises:
            SystemExit: The coroutine was cancelled from within, which ends a process.
        """
        if self._interrupt is not None:
            raise self._interrupt
        assert self._main is not None, "a loop has a result once it is done"
        try:
            return self._main.result()
        except asyncio.CancelledError as error:
            raise SystemExit(1) from error

    def drop(self) -> None:
        """End every coroutine where it waits, without a word and without any time passing."""
        self._is_dropped = True
        tasks, self._tasks = self._tasks, {}
        for task in tasks:
            coroutine = task.get_coro()
            with suppress(BaseException):  # what it raises, or awaits, while it is closed, nobody is there to see
                coroutine.close()  # every task has one

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> Any:  # type: ignore[override]
        """Run a function in a thread of the simulation, and await it.

        Raises:
            UsageError: There are none for this loop; in a real one simulated time means nothing.
        """
        if self._wake is None:
            code = getattr(func.args[0] if isinstance(func, partial) and func.args else func, "__code__", None)
            where = f" ({code.co_filename}:{code.co_firstlineno})" if code else ""
            raise errors.UsageError(
                f"{getattr(code, 'co_qualname', repr(func))}{where} would run in a real thread, as asyncio.to_thread and "
                "run_in_executor have it, and simulated time does not pass there: call it as it is, or await a coroutine; "
                "workers that World.spawn starts may use threads"
            )
        return super().run_in_executor(executor, func, *args)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Say nothing of tasks that were left behind: a timeout kills them as it would a process."""

    def __del__(self) -> None:
        """Say nothing of a loop that was killed before it could be closed."""

    @staticmethod
    def _make_task(loop: SimulatedLoop, coroutine: Coroutine[Any, Any, Any], **options: Any) -> asyncio.Task[Any]:
        loop._made += 1
        name = options.pop("name", None) or f"Task-{loop._made}"
        task = _Task(coroutine, loop._made, loop=loop, name=name, **options)
        loop._tasks[task] = None
        task.add_done_callback(loop._forget)
        return task

    def workers(self) -> list[asyncio.Task[Any]]:
        """The tasks beside the first one that have not ended, in the order in which they were made."""
        return [task for task in self._tasks if task is not self._main]

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._tasks.pop(task, None)

    def _asyncgen_finalizer_hook(self, agen: AsyncGenerator[Any, Any]) -> None:
        """Close an async generator that nobody holds any more, as asyncio does; one that was dropped just goes."""
        if not self._is_dropped:
            super()._asyncgen_finalizer_hook(agen)  # type: ignore[misc]  # as old as async generators

    def add_signal_handler(self, sig: int, callback: Callable[..., Any], *args: Any) -> None:  # type: ignore[override]
        """Say what is to be done at a signal, which comes by ``Worker.stop``.

        Raises:
            NotImplementedError: No signals come to this loop.
        """
        if self._wake is None:
            super().add_signal_handler(sig, callback, *args)
        self._signals[sig] = callback, args

    def remove_signal_handler(self, sig: int) -> bool:
        """Say that nothing is; whether something was."""
        return self._signals.pop(sig, None) is not None

    def signalled(self, sig: int) -> bool:
        """A signal has come; whether anything is to be done."""
        if sig not in self._signals:
            return False
        callback, args = self._signals[sig]
        self.call_soon(callback, *args)
        return True

    @property
    def place(self) -> object:
        """Where the code stands that waits for the next timer; the same again when a loop comes back to it."""
        timer = self._next_timer()
        waiting = timer._args[0] if timer is not None and timer._args else None
        callbacks = getattr(waiting, "_callbacks", None) or [(None,)]
        task = getattr(callbacks[0][0], "__self__", None)
        if not isinstance(task, asyncio.Task):
            return None if timer is None else getattr(timer._callback, "__qualname__", None)  # type: ignore[attr-defined]
        coroutine: Any = task.get_coro()
        points: list[object] = [getattr(task, "_number", 0)]
        while (frame := getattr(coroutine, "cr_frame", None)) is not None:
            points.append((frame.f_code, frame.f_lasti))
            coroutine = coroutine.cr_await
        return tuple(points)

    def _timers(self) -> list[asyncio.TimerHandle]:
        return self._scheduled  # type: ignore[attr-defined, no-any-return]  # see the first paragraph

    def _next_timer(self) -> asyncio.TimerHandle | None:
        """The one that is due first. Cost: O(1), but where that which was the first has been cancelled."""
        timers = self._timers()
        if timers and not timers[0].cancelled():
            return timers[0]
        return min((timer for timer in timers if not timer.cancelled()), key=_when, default=None)

    def _run_ready(self) -> None:
        """Run rounds of ready callbacks until none is left that is due at this instant."""
        now_s = self.time()
        self._clock_resolution = max(_RESOLUTION_S, 4 * math.ulp(now_s))
        with self._running():
            try:
                for _ in range(_MOST_ROUNDS):
                    if not self._is_anything_due(now_s):
                        return
                    if self._choose is not None and len(self._ready) > 1:  # type: ignore[attr-defined]
                        self._shuffle(self._choose)
                    self._run_once()  # type: ignore[attr-defined]
            except (SystemExit, KeyboardInterrupt) as error:
                self._interrupt = error
                return
        raise errors.NeverSettled(
            f"an async handler has gone {_MOST_ROUNDS:,} times around its event loop at one nanosecond: "
            "something in it waits for nothing, again and again"
        )

    def _shuffle(self, choose: Callable[[int], int]) -> None:
        """Let the ready tasks but the first of all go on in an order that is chosen.

        Callbacks that are no task's keep their places, as asyncio promises their order.
        """
        ready = self._ready  # type: ignore[attr-defined]
        places = [place for place, handle in enumerate(ready) if _task_of(handle) not in (None, self._main)]
        handles = [ready[place] for place in places]
        for place in places[:-1]:
            ready[place] = handles.pop(choose(len(handles)))
        if places:
            ready[places[-1]] = handles[0]

    @contextmanager
    def _running(self) -> Iterator[None]:
        """Be the running loop of this thread; whoever lets time pass may be in a loop of his own."""
        before, hooks = events._get_running_loop(), sys.get_asyncgen_hooks()
        outer = None if before is None else _swap_current_task(before, None)
        events._set_running_loop(self)
        sys.set_asyncgen_hooks(self._asyncgen_firstiter_hook, self._asyncgen_finalizer_hook)  # type: ignore[attr-defined]
        self._thread_id = threading.get_ident()
        try:
            yield
        finally:
            self._thread_id = None  # type: ignore[assignment]  # as in asyncio itself
            sys.set_asyncgen_hooks(*hooks)
            events._set_running_loop(before)
            if before is not None:
                _swap_current_task(before, outer)

    def _is_anything_due(self, now_s: float) -> bool:
        if self._ready:  # type: ignore[attr-defined]
            return True
        timers = self._timers()
        return bool(timers) and timers[0].when() < now_s + self._clock_resolution

    def _end_all(self) -> None:
        """Cancel what the coroutine left running, let it end at this instant, and close the loop."""
        left = [task for task in self._tasks if not task.done()]
        for task in left:
            task.cancel()
        if left or self._asyncgens:  # type: ignore[attr-defined]
            self.create_task(self.shutdown_asyncgens())
            self._run_ready()
        self.drop()
        self.close()

    def _process_events(self, event_list: list[object]) -> None:
        """Nothing happens in a selector that has none."""

    def _write_to_self(self) -> None:
        """Something was made ready from another thread."""
        if self._wake is not None:
            self._wake()


def _when(timer: asyncio.TimerHandle) -> float:
    return timer.when()


def _task_of(handle: Any) -> asyncio.Task[Any] | None:
    """The task that a handle lets go on, if that is what it does."""
    task = getattr(handle._callback, "__self__", None)
    return task if isinstance(task, asyncio.Task) else None


def _swap_current_task(loop: asyncio.AbstractEventLoop, task: asyncio.Task[Any] | None) -> asyncio.Task[Any] | None:
    """Put another task, or none, in the place of a loop's current one: since 3.14 a thread has one, not each loop."""
    swap = getattr(asyncio.tasks, "_swap_current_task", None)
    return None if swap is None else swap(loop, task)
