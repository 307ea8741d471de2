"""Which world answers a call of an SDK in this thread, and how its clock goes while ``mock_sqs`` is active.

In a thread that a check runs it is the world of that check. Everywhere else it is the one of the innermost active
``mock_sqs``, whichever thread entered it. That has a service for each region in which a client asks, made when it
does: they share one time, each catches up when it is asked.
"""

from __future__ import annotations

import re
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from ..limits import SECOND_NS
from ..sim.clock import nanoseconds
from ..sim.intercepts import here
from ..sim.port import Port
from ..sim.workers import real_seconds
from ..world import World

LOOKS_EVERY_S: Final = 0.01
"""So long a poll that follows the wall waits in earnest before it looks whether something has fallen due."""

_REGION: Final = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]+")


class Wall:
    """Lets the clock of a world follow real time.

    Args:
        port: The world.
    """

    def __init__(self, port: Port) -> None:
        self._port = port
        self._ahead_ns = port.clock.now_ns - round(real_seconds() * SECOND_NS)
        port.real_wait = self.wait

    def catch_up(self) -> None:
        """Let happen what has fallen due by now."""
        now_ns = self._ahead_ns + round(real_seconds() * SECOND_NS)
        with self._port.lock:
            if now_ns > self._port.clock.now_ns:
                self._port.kernel.run_until(now_ns)

    def wait(self, end_ns: int, found: Callable[[], bool]) -> bool:
        """Wait for what is found, until a time; whether it was."""
        while self._port.clock.now_ns < end_ns:
            self._port.shared.pause(end_ns, LOOKS_EVERY_S)
            self.catch_up()
            if found():
                return True
        return False


class Activity:
    """What an outermost entry of ``mock_sqs`` opens, and the inner ones share.

    Args:
        world: The world that the user gets.
        options: With which the services of other regions are made.
        sleeps: Whether ``time.sleep`` and ``asyncio.sleep`` move its clock.
        follows_wall: Whether its clock follows real time.

    Attributes:
        polls: How many long polls wait in event loops.
        asked: What the entry asked for.
    """

    def __init__(self, world: World, options: Mapping[str, Any], *, sleeps: bool, follows_wall: bool) -> None:
        self.world = world
        self.sleeps = sleeps and not follows_wall
        self.polls = 0
        self.asked: object = None
        self._options = options
        self._worlds = {world.sqs.service.region: world}
        self._follows_wall = follows_wall
        self._walls = {id(world.sqs): Wall(world.sqs)} if follows_wall else {}

    def close(self) -> None:
        """Let the clocks stand still again."""
        for world in self._worlds.values():
            world.sqs.real_wait = None

    def wall_of(self, port: Port) -> Wall | None:
        """What the clock of one of its worlds follows."""
        return self._walls.get(id(port))

    def port_of(self, region: str) -> Port:
        """The service of a region; of the world that the user has, for what is no region of AWS by its form."""
        world = self._worlds.get(region)
        if world is None:
            world = self._open(region) if _REGION.fullmatch(region or "") else self.world
        if self._walls:
            self._walls[id(world.sqs)].catch_up()
        elif len(self._worlds) > 1:
            self.catch_up()
        return world.sqs

    def _open(self, region: str) -> World:
        with _guard:
            if region not in self._worlds:
                world = World(**self._options, region=region, start=self.now_ns // SECOND_NS)
                self._worlds = {**self._worlds, region: world}
                self.catch_up()
                if self._follows_wall:
                    self._walls[id(world.sqs)] = Wall(world.sqs)
        return self._worlds[region]

    @property
    def now_ns(self) -> int:
        """What time it is in the latest of the regions."""
        return max(world.clock.now_ns for world in self._worlds.values())

    def catch_up(self) -> None:
        """Let it be equally late in all regions."""
        now_ns = self.now_ns
        for world in self._worlds.values():
            if world.clock.now_ns < now_ns:
                with world.sqs.lock:
                    world.sqs.kernel.run_until(now_ns)

    def users_port(self) -> Port | None:
        """The service that the present thread uses; None if it uses none."""
        return next((world.sqs for world in self._worlds.values() if world.sqs.shared.is_joined), None)


_guard: Final = threading.RLock()
active: Final[list[Activity]] = []
"""One for each entry that is active, the innermost last; inner ones that share a world are there again."""

_retrying: Final[ContextVar[Port | None]] = ContextVar("minisqs.retrying", default=None)


def innermost() -> Activity | None:
    """The activity of the entry that decides; None if there is none."""
    latest = active[-1:]
    return latest[0] if latest else None


def port_of(region: str) -> Port | None:
    """The service that answers a client of a region in this thread; None if nobody does."""
    simulation: Any = here.simulation
    if simulation is not None:
        return getattr(simulation, "port", None)
    activity = innermost()
    return None if activity is None else activity.port_of(region)


def wall_of(port: Port) -> Wall | None:
    """What the clock of a service follows; None where that moves by itself."""
    activity = innermost()
    return None if activity is None else activity.wall_of(port)


def sleeping_activity() -> Activity | None:
    """Whose clock moves when the present thread sleeps; None for a thread that uses no world."""
    activity = innermost()
    if activity is None or not activity.sleeps or here.simulation is not None:
        return None
    return None if activity.users_port() is None else activity


@contextmanager
def retrying(port: Port) -> Iterator[None]:
    """Let sleeps of this thread or task be those between the attempts of a call, in simulated time."""
    token = _retrying.set(None if wall_of(port) else port)
    try:
        yield
    finally:
        _retrying.reset(token)


def _sleep(seconds: float, /) -> None:
    """Stands for ``time.sleep``."""
    activity, port = sleeping_activity(), _retrying.get()
    if port is None and activity is not None:
        port = activity.users_port()
    if port is None or here.simulation is not None or not _is_length(seconds):
        _real_sleep[0](seconds)  # which also refuses what is no length of time
        return
    port.shared.sleep(nanoseconds(float(seconds)))
    if activity is not None:
        activity.catch_up()


def _is_length(seconds: Any) -> bool:
    try:
        return bool(0 <= seconds < float("inf"))
    except TypeError:
        return False


_real_sleep: Final = [time.sleep]


def patch_sleep() -> None:
    """Put our sleep in the place of ``time.sleep``, also where a module has that under its own name ``sleep``."""
    if time.sleep is not _sleep:
        _real_sleep[0] = time.sleep
        _rename(_real_sleep[0], _sleep)


def restore_sleep() -> None:
    """Put the real one back."""
    _rename(_sleep, _real_sleep[0])


def _rename(before: object, after: object) -> None:
    for module in list(sys.modules.values()):
        namespace = getattr(module, "__dict__", None)
        if namespace and namespace.get("sleep") is before and module.__name__ != __name__:
            namespace["sleep"] = after
