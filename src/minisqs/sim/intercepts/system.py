"""What else simulated code asks of the machine: processors, signals, other processes, connections, files.

Files are the machine's own, in the simulation too; it is only noted that they may be changed.
"""

from __future__ import annotations

import os
import selectors
import signal
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

import attrs

from ... import errors
from .attributes import Attribute, attributes_of
from .here import here, machine
from .users_line import users_place

CPUS: Final = 4
"""So many a simulated machine has, as the size of a thread pool depends on them."""


_ALARM: Final = getattr(signal, "SIGALRM", None)
"""None on Windows, which has no alarms."""

_WRITES: Final = frozenset("wax+")
"""The letters of a mode in which a file may be changed."""

_WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC

_CHECK_SAME_THREAD: Final = 5
"""The place of that argument of ``sqlite3.connect``, from 1."""


class _System:
    """The stand-ins for functions of the system and of SQLite: bound methods, as those of ``time`` are."""

    def cpu_count(self) -> int | None:
        return machine["os.cpu_count"]() if here.simulation is None else CPUS

    def process_cpu_count(self) -> int | None:
        return machine["os.process_cpu_count"]() if here.simulation is None else CPUS

    def connect(self, *arguments: Any, **named: Any) -> Any:
        """A connection of SQLite that works on every stack of the simulation, of which only one runs at a time.

        Who finds the database locked is told so at once, as he would be at the end of his time.
        """
        simulation = here.simulation
        if simulation is not None:
            simulation.changed_elsewhere()
            if len(arguments) < _CHECK_SAME_THREAD:
                named.setdefault("check_same_thread", False)
            if len(arguments) > 1:  # nobody lets go of a lock while this thread waits in C, however long
                arguments = (arguments[0], 0, *arguments[2:])
            else:
                named["timeout"] = 0
        connection = machine["sqlite3.connect"](*arguments, **named)
        if simulation is not None:
            simulation.opened_database(connection)
        return connection

    def open(self, file: Any, mode: str = "r", *arguments: Any, **named: Any) -> Any:
        if here.simulation is not None and not _WRITES.isdisjoint(mode):
            here.simulation.changed_elsewhere()
        return machine["builtins.open"](file, mode, *arguments, **named)

    def open_low(self, path: Any, flags: int, *arguments: Any, **named: Any) -> Any:
        if here.simulation is not None and flags & _WRITING and not _is_importing():
            here.simulation.changed_elsewhere()
        return machine["os.open"](path, flags, *arguments, **named)


@attrs.frozen
class _Changing:
    """The stand-in for a function that changes what a folder, a file or a pipe holds."""

    name: str

    def call(self, *arguments: Any, **named: Any) -> Any:
        if here.simulation is not None and not _is_importing():
            here.simulation.changed_elsewhere()
        return machine[self.name](*arguments, **named)


def _is_importing() -> bool:
    """Whether the import system is at work, which writes what it has compiled."""
    return sys._getframe(2).f_code.co_filename.startswith("<frozen importlib")


@attrs.frozen
class _ReachingOut:
    """The stand-in for a function that reaches out of the process."""

    name: str
    what: str

    def call(self, *arguments: Any, **named: Any) -> Any:
        simulation = here.simulation
        if simulation is not None:
            simulation.reached_outside(self.what, users_place())
        return machine[self.name](*arguments, **named)


@attrs.frozen
class _SettingAnAlarm:
    """The stand-in for a function that lets a signal come after some real time."""

    name: str

    def call(self, *arguments: Any, **named: Any) -> Any:
        if here.simulation is not None:
            here.simulation.sets_alarm(users_place())
        return machine[self.name](*arguments, **named)


def _signal(signalnum: int, handler: Any) -> Any:
    """The stand-in for ``signal.signal``, which refuses all threads but the main one."""
    simulation = here.simulation
    if simulation is not None and signalnum == _ALARM:
        simulation.sets_alarm(users_place())
    signals = None if simulation is None else simulation.signals()
    if signals is None:
        return machine["signal.signal"](signalnum, handler)
    before, signals[signalnum] = signals.get(signalnum, 0), handler
    return before


_system: Final = _System()
_connect: Final = _system.connect
_open: Final = _system.open
_CHANGES: Final = (
    "mkdir rmdir rename replace unlink remove link symlink truncate mkfifo mknod chmod utime "
    "write writev pwrite pwritev ftruncate sendfile pipe pipe2 memfd_create"
)

FUNCTIONS: Final[dict[str, object]] = {
    "os.cpu_count": _system.cpu_count,
    "os.process_cpu_count": _system.process_cpu_count,
    "sqlite3.connect": _connect,
    "sqlite3.dbapi2.connect": _connect,
    "builtins.open": _open,
    "io.open": _open,
    "os.open": _system.open_low,
    **{f"os.{name}": _Changing(f"os.{name}").call for name in _CHANGES.split()},
    "signal.signal": _signal,
    "signal.alarm": _SettingAnAlarm("signal.alarm").call,
    "signal.setitimer": _SettingAnAlarm("signal.setitimer").call,
    "os.fork": _ReachingOut("os.fork", "a process was forked").call,
    "os.posix_spawn": _ReachingOut("os.posix_spawn", "a process was started").call,
    "_posixsubprocess.fork_exec": _ReachingOut("_posixsubprocess.fork_exec", "a process was started").call,
}


_SUPPORTS: Final = (os.supports_dir_fd, os.supports_effective_ids, os.supports_fd, os.supports_follow_symlinks)


def share_support() -> None:
    """Say of the stand-ins too what the functions of ``os`` can be given, which callers look up by the function."""
    for able, stand_in in _supported():
        able.add(stand_in)


def withdraw_support() -> None:
    """Say it no more."""
    for able, stand_in in _supported():
        able.discard(stand_in)


@cache
def _supported() -> list[tuple[set[Any], object]]:
    return [(able, one) for able in _SUPPORTS for path, one in FUNCTIONS.items() if machine.get(path) in able]


def _connecting(attribute: Attribute) -> object:
    def connect(self: object, address: Any) -> Any:
        simulation = here.simulation
        if simulation is not None:
            simulation.reached_outside(f"a connection to {address!r} was opened", users_place())
        return attribute.real(self, address)

    return connect


def _select(attribute: Attribute) -> object:
    def select(self: object, timeout: float | None = None) -> Any:
        simulation = here.simulation
        if simulation is None:
            return attribute.real(self, timeout)
        ready = attribute.real(self, 0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if timeout is None:
            raise errors.EscapedSimulation(
                f"the event loop of {users_place()} waits for something outside the simulation, a socket, a pipe or "
                "another thread, and has no timer set: simulated time would never end this."
            )
        simulation.sleep(timeout)
        return []

    return select


_SELECTORS: Final = "SelectSelector PollSelector EpollSelector DevpollSelector KqueueSelector"


def attributes() -> Iterator[Attribute]:
    """The methods of event loops' selectors that have stand-ins."""
    waiting: list[type] = [getattr(selectors, name) for name in _SELECTORS.split() if hasattr(selectors, name)]
    for attribute in attributes_of(waiting, "select", _select):
        if attribute.owner is not selectors.BaseSelector:
            yield attribute


def attributes_of_sockets() -> Iterator[Attribute]:
    """Those of sockets; none as long as nobody has loaded ``socket``."""
    if "socket" in sys.modules:
        for name in ("connect", "connect_ex"):
            yield from attributes_of([sys.modules["socket"].socket], name, _connecting)
