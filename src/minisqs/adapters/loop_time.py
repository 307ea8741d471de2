"""Lets asyncio's event loops run on the clock of the active ``mock_sqs``.

A loop has nothing to do but wait when it asks its selector for events. If it then waits for time only, the world's
clock moves to the next timer at once; a long poll of the same loop that ends on the way ends the wait. If it waits
for something else too, a socket, a subprocess, an executor, or another thread that uses the world, it waits in real
time, and the world's clock goes along.

Only loops on selectors are met, asyncio's own on all but Windows; uvloop is not.
"""

from __future__ import annotations

import asyncio
import math
import selectors
from asyncio.base_events import BaseEventLoop
from collections.abc import Callable
from typing import Any, Final
from weakref import WeakKeyDictionary

from ..limits import SECOND_NS
from ..sim.intercepts import here
from ..sim.workers import real_seconds
from . import answering
from .answering import Activity

_SLICE_S: Final = 0.02
_LONGEST_POLL_NS: Final = 60 * SECOND_NS

_real: Final[dict[tuple[type, str], Any]] = {}


class _LoopTime:
    """What time it is for one loop: the clock that it follows, and how far it is ahead of that."""

    def __init__(self) -> None:
        self.jobs = 0
        """How many calls are under way in executors."""
        self.ahead_s = 0.0
        self._followed: Activity | None = None

    def now(self, loop: Any) -> float:
        """The loop's time, which goes on without a jump when another clock is followed."""
        follows = answering.sleeping_activity()
        if follows is not self._followed:
            before = self.ahead_s + _seconds(self._followed, loop)
            self._followed = follows
            self.ahead_s = before - _seconds(follows, loop)
            # A timer is due up to a resolution early, which has to count beside a time that may be large.
            loop._clock_resolution = max(loop._clock_resolution, 2 * math.ulp(before))
        return self.ahead_s + _seconds(follows, loop)

    @property
    def is_real(self) -> bool:
        """Whether it is what it would be without us."""
        return self._followed is None and self.ahead_s == 0


def _seconds(activity: Activity | None, loop: Any) -> float:
    if activity is None:
        return float(_real[BaseEventLoop, "time"](loop))
    return (activity.now_ns - activity.world.clock.started_ns) / SECOND_NS


_loops: Final[WeakKeyDictionary[Any, _LoopTime]] = WeakKeyDictionary()


def drives_loop() -> bool:
    """Whether the running loop's time is that of a world."""
    loop: Any = asyncio.get_running_loop()
    return answering.sleeping_activity() is not None and isinstance(
        getattr(loop, "_selector", None), selectors.BaseSelector
    )


def _time(self: Any) -> float:
    return _of(self).now(self)


def _of(loop: Any) -> _LoopTime:
    found = _loops.get(loop)
    if found is None:
        found = _loops[loop] = _LoopTime()
    return found


def _run_in_executor(self: Any, executor: Any, function: Any, *args: Any) -> Any:
    future = _real[BaseEventLoop, "run_in_executor"](self, executor, function, *args)
    times = _of(self)
    times.jobs += 1

    def ended(_: object) -> None:
        times.jobs -= 1

    future.add_done_callback(ended)
    return future


def _select_for(owner: type) -> Callable[..., Any]:
    def select(self: Any, timeout: float | None = None) -> Any:
        real = _real[owner, "select"]
        loop: Any = asyncio._get_running_loop()
        if loop is None or here.simulation is not None or getattr(loop, "_selector", None) is not self:
            return real(self, timeout)
        activity = answering.sleeping_activity()
        if activity is None or (timeout is not None and timeout <= 0) or (timeout is None and not activity.polls):
            return real(self, timeout)
        return real(self, 0) or _pass_time(activity, loop, timeout, lambda seconds: real(self, seconds))

    return select


def _pass_time(activity: Activity, loop: Any, timeout: float | None, real: Callable[[float], Any]) -> Any:
    """Let time pass for a loop that has nothing to do; what its selector has found meanwhile."""
    port = activity.users_port()
    assert port is not None, "a thread that uses no world is not followed"
    found: list[Any] = []
    wait_ns = _LONGEST_POLL_NS if timeout is None else round(timeout * SECOND_NS)
    end_ns = port.clock.now_ns + wait_ns

    def wait() -> None:
        began = real_seconds()
        found.extend(real(min(wait_ns / SECOND_NS, _SLICE_S)))
        with port.lock:
            elapsed_ns = round((real_seconds() - began) * SECOND_NS)
            port.kernel.run_until(max(port.clock.now_ns, min(end_ns, end_ns - wait_ns + elapsed_ns)))

    if _of(loop).jobs or loop._executor_shutdown_called or len(loop._selector.get_map()) > 1:  # more than its own pipe
        wait()
    else:
        port.shared.pass_time(end_ns, lambda: bool(loop._ready), wait)
    activity.catch_up()
    return found


def _stand_ins() -> dict[tuple[type, str], Any]:
    names = ["SelectSelector", "PollSelector", "EpollSelector", "DevpollSelector", "KqueueSelector"]
    kinds = [getattr(selectors, name) for name in names if hasattr(selectors, name)]
    owners = dict.fromkeys(owner for kind in kinds for owner in kind.__mro__ if "select" in vars(owner))
    return {
        (BaseEventLoop, "time"): _time,
        (BaseEventLoop, "run_in_executor"): _run_in_executor,
        **{(owner, "select"): _select_for(owner) for owner in owners if owner is not selectors.BaseSelector},
    }


_ours: Final = _stand_ins()


def patch() -> None:
    """Let loops ask for the world's time."""
    for (owner, name), stand_in in _ours.items():
        there = vars(owner)[name]
        if there is not stand_in:
            _real[owner, name] = there
            setattr(owner, name, stand_in)


def restore() -> None:
    """Let them ask the machine; those that live on go on from where they are, which takes our clock."""
    lives = False
    for loop, times in list(_loops.items()):
        if not loop.is_closed():
            times.now(loop)
            lives = lives or not times.is_real
    for (owner, name), stand_in in _ours.items():
        if vars(owner)[name] is stand_in and not (lives and name == "time"):
            setattr(owner, name, _real[owner, name])
