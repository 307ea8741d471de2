"""The user's code asks the simulation for time, chance, locks and threads, instead of the machine.

While ``Intercepts`` is entered, the functions of ``time``, ``datetime``, ``os``, ``random``, ``uuid``,
``threading`` and ``selectors`` that ask such things have stand-ins. These are process-wide; a stand-in looks at
``here.simulation`` and asks the real thing wherever that is None, so every thread that is not simulated goes on
as ever. After the last exit everything is what it was before the first entry, to the very object.

Names bound before (``from time import sleep``) are replaced too, in every module there is. The modules are
searched once, and again only where one is new. A class of C is changed in its own dictionary, so that
``from datetime import datetime`` and subclasses are met as well.

What escapes, as it is captured where nobody looks: default arguments, closures, class attributes and
``default_factory`` of before; containers in modules; names that a module binds from such a place between two
entries; C extensions (uvloop, numpy's generators); ``_thread.allocate_lock`` under its own
name and ``_thread.RLock``; ``queue.SimpleQueue`` objects made outside of the simulation; locks made outside of the simulation, such as those of modules; ``random.Random``
objects made before, ``uuid.getnode`` and, until the next entry, ``uuid.uuid1`` of a ``uuid`` that was not yet
loaded; the names of a module that has itself put something in the place of ``time.sleep`` and the like, as that
may ask the original; sockets and subprocesses but of spawned workers, ``select.select``, and the proactor of Windows. A stand-in
that was captured itself asks the real thing once the simulation is over.

The hidden generator of ``random`` is one for the whole process: it is seeded for each run, and another thread
that draws from it meanwhile disturbs the run.
"""

from __future__ import annotations

import ctypes
import datetime as dt
import gc
import os
import random
import selectors
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from hashlib import blake2b
from operator import index
from pathlib import Path
from time import struct_time
from types import CodeType, FrameType, ModuleType, TracebackType
from typing import Any, Final, NoReturn, Protocol, Self

import attrs

from .. import errors
from ..limits import SECOND_NS

MONOTONIC_START_NS: Final = (1 << 20) * SECOND_NS
"""What the monotonic clocks show when a run first reads one: twelve days, where a float still has each nanosecond."""

_FRACTION_100NS: Final = 100
_GREGORIAN_100NS: Final = 0x01B21DD213814000
"""From the calendar reform of 1582, where UUIDs count from, to 1970."""

_MULTICAST: Final = 1 << 40
"""The bit that tells a node that was made up from a network card."""

_IMMUTABLE_TYPE: Final = 1 << 8
"""The flag of a class that does not let its attributes be set (Py_TPFLAGS_IMMUTABLETYPE)."""


class Simulation(Protocol):
    """What answers for the machine in a simulated thread."""

    def now_ns(self) -> int:
        """Simulated nanoseconds since 1970."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let simulated time pass."""
        ...

    def owner(self) -> object:
        """The delivery that runs now: who holds the locks it takes, and may take a re-entrant one again; or None."""
        ...

    def wait_for_lock(self, lock: SimulatedLock, seconds: float | None) -> bool:
        """Wait for a lock that is taken; True if it may be tried again, False if the time is over."""
        ...

    def lock_released(self, lock: SimulatedLock) -> None:
        """A lock is free again."""
        ...

    def started_thread(self, where: str) -> NoReturn:
        """Refuse a real thread, which was to be started at ``where``: "path:line in function"."""
        ...

    def start_thread(self, thread: threading.Thread, where: str) -> None:
        """Start a thread in simulated time, or refuse it."""
        ...

    def thread(self) -> threading.Thread | None:
        """The thread that the present code takes itself for; None for the real one."""
        ...

    def signals(self) -> dict[int, Any] | None:
        """What the present process has said is to be done at each signal; None where signals are the machine's."""
        ...

    def reached_outside(self, what: str, where: str) -> None:
        """Refuse, or let pass, what reaches out of the process: ``what`` in words."""
        ...


class _Outside:
    """Holds the locks that one thread has taken without being simulated."""


class _Here(threading.local):
    """Which simulation the calling thread runs in.

    Attributes:
        simulation: Whom the stand-ins ask in this thread; None where they ask the machine.
        outside: Who holds a simulated lock that this thread takes without being simulated.
    """

    simulation: Simulation | None = None

    def __init__(self) -> None:
        self.outside = _Outside()


here: Final = _Here()

_real: Final[dict[str, Any]] = {}
"""What the stand-ins replace, by module and name: "time.sleep"."""

_new_lock: Final = threading.Lock


# ------------------------------------------------------------------------------------------------ the user's line
_LIBRARY: Final = str(Path(os.__file__).parent)
_OURS: Final = str(Path(__file__).parents[1])
_is_users_file: Final[dict[str, bool]] = {}


def _is_users(path: str) -> bool:
    """Whether code of this file is neither the standard library's nor ours."""
    known = not path.startswith(("<frozen ", _OURS + os.sep)) and (
        not path.startswith(_LIBRARY + os.sep) or "-packages" + os.sep in path
    )
    _is_users_file[path] = known
    return known


def _users_frame() -> FrameType:
    """The innermost frame of the user's code; the outermost of all where there is none."""
    return _users_frame_from(sys._getframe(3))  # whoever calls this is ours, and so are those two before


def _users_frame_from(frame: FrameType) -> FrameType:
    while True:
        path = frame.f_code.co_filename
        known = _is_users_file.get(path)
        if known or (known is None and _is_users(path)) or frame.f_back is None:
            return frame
        frame = frame.f_back


def _users_place() -> str:
    """The user's line as "path:line in function"."""
    frame = _users_frame()
    return f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_qualname}"


def users_point() -> tuple[CodeType, int]:
    """The point of the user's code that asks for something: the same again when a loop comes back to it."""
    frame = _users_frame_from(sys._getframe(1))
    return frame.f_code, frame.f_lasti


# ----------------------------------------------------------------------------------------------------------- time
class _Time:
    """The stand-ins for functions of ``time``, under their names.

    They are bound methods, as functions that a user's class holds as attributes would take its instance for
    an argument, and those of ``time`` do not.
    """

    def __init__(self) -> None:
        self.offset_ns = 0
        self.origin_ns: int | None = None
        """The simulated time at which the monotonic clocks would show 0; None until one of them is read."""

    def now_ns(self) -> int | None:
        """What time it is for this thread; None where it is not simulated."""
        simulation = here.simulation
        return None if simulation is None else simulation.now_ns() + self.offset_ns

    def _since_origin_ns(self, simulation: Simulation) -> int:
        now_ns = simulation.now_ns()
        if self.origin_ns is None:
            self.origin_ns = now_ns - MONOTONIC_START_NS
        return now_ns + self.offset_ns - self.origin_ns

    def time(self) -> float:
        simulation = here.simulation
        if simulation is None:
            return _real["time.time"]()  # type: ignore[no-any-return]
        return (simulation.now_ns() + self.offset_ns) / SECOND_NS

    def time_ns(self) -> int:
        simulation = here.simulation
        return _real["time.time_ns"]() if simulation is None else simulation.now_ns() + self.offset_ns

    def monotonic(self) -> float:
        simulation = here.simulation
        return _real["time.monotonic"]() if simulation is None else self._since_origin_ns(simulation) / SECOND_NS

    def monotonic_ns(self) -> int:
        simulation = here.simulation
        return _real["time.monotonic_ns"]() if simulation is None else self._since_origin_ns(simulation)

    def perf_counter(self) -> float:
        simulation = here.simulation
        return _real["time.perf_counter"]() if simulation is None else self._since_origin_ns(simulation) / SECOND_NS

    def perf_counter_ns(self) -> int:
        simulation = here.simulation
        return _real["time.perf_counter_ns"]() if simulation is None else self._since_origin_ns(simulation)

    def sleep(self, seconds: float, /) -> None:
        simulation = here.simulation
        if simulation is None:
            _real["time.sleep"](seconds)
            return
        seconds = seconds if isinstance(seconds, float) else index(seconds)
        if not 0 <= seconds < float("inf"):
            _real["time.sleep"](seconds)  # refuses it
        simulation.sleep(seconds)

    def _default(self, seconds: float | None) -> float | None:
        """A time that may have been left out."""
        now_ns = self.now_ns() if seconds is None else None
        return seconds if now_ns is None else now_ns // SECOND_NS

    def localtime(self, seconds: float | None = None, /) -> struct_time:
        return _real["time.localtime"](self._default(seconds))  # type: ignore[no-any-return]

    def gmtime(self, seconds: float | None = None, /) -> struct_time:
        return _real["time.gmtime"](self._default(seconds))  # type: ignore[no-any-return]

    def ctime(self, seconds: float | None = None, /) -> str:
        return _real["time.ctime"](self._default(seconds))  # type: ignore[no-any-return]

    def asctime(self, *moment: Any) -> str:
        return _real["time.asctime"](*(moment or self._moment()))  # type: ignore[no-any-return]

    def strftime(self, form: str, /, *moment: Any) -> str:
        return _real["time.strftime"](form, *(moment or self._moment()))  # type: ignore[no-any-return]

    def _moment(self) -> tuple[struct_time, ...]:
        """The local time that was left out; nothing where the real function finds it itself."""
        return () if here.simulation is None else (self.localtime(),)


_time: Final = _Time()

sleep_code: Final = _Time.sleep.__code__
"""What runs in the place of ``time.sleep``."""


# --------------------------------------------------------------------------------------------------------- chance
class _Chance:
    """The stand-ins that draw: bytes of a run are BLAKE2b of the run's seed and of a number that counts the draws."""

    def __init__(self) -> None:
        self.begin(b"")

    def begin(self, seed: bytes) -> None:
        """Start again with a seed."""
        self.key = blake2b(seed).digest()
        self.drawn = 0
        self.latest_uuid_100ns = 0

    def take(self, length: int) -> bytes:
        """The next bytes."""
        self.drawn += 1
        if length <= blake2b.MAX_DIGEST_SIZE:
            return blake2b(self.drawn.to_bytes(8), key=self.key).digest()[:length]
        blocks = range(-(-length // blake2b.MAX_DIGEST_SIZE))
        start = self.drawn.to_bytes(8)
        return b"".join(blake2b(start + block.to_bytes(8), key=self.key).digest() for block in blocks)[:length]

    def number(self) -> int:
        """The next number, large enough for a seed."""
        return int.from_bytes(self.take(32))

    def urandom(self, size: int, /) -> bytes:
        if here.simulation is None:
            return _real["os.urandom"](size)  # type: ignore[no-any-return]
        return self.take(self._length(size))

    def getrandom(self, size: int, flags: int = 0) -> bytes:
        if here.simulation is None:
            return _real["os.getrandom"](size, flags)  # type: ignore[no-any-return]
        return self.take(self._length(size))

    @staticmethod
    def _length(size: int) -> int:
        length = index(size)
        if length < 0:
            raise ValueError("negative argument not allowed")  # in the words of the real one
        return length

    def seed(self, a: Any = None, version: int = 2) -> None:
        if a is None and here.simulation is not None:
            a = self.number()
        _real["random.seed"](a, version)

    def uuid1(self, node: int | None = None, clock_seq: int | None = None) -> Any:
        now_ns = _time.now_ns()
        if now_ns is None:
            return _real["uuid.uuid1"](node, clock_seq)
        self.latest_uuid_100ns = max(now_ns // _FRACTION_100NS + _GREGORIAN_100NS, self.latest_uuid_100ns + 1)
        made_up = int.from_bytes(blake2b(b"uuid1", key=self.key, digest_size=8).digest())
        sequence = made_up >> 48 if clock_seq is None else clock_seq
        ticks = self.latest_uuid_100ns
        fields = (
            ticks & 0xFFFFFFFF,
            ticks >> 32 & 0xFFFF,
            ticks >> 48 & 0x0FFF,
            sequence >> 8 & 0x3F,
            sequence & 0xFF,
            made_up & 0xFFFFFFFFFFFF | _MULTICAST if node is None else node,
        )
        return sys.modules["uuid"].UUID(fields=fields, version=1)


_chance: Final = _Chance()


# ---------------------------------------------------------------------------------------------------------- locks
def _taker() -> object:
    """Who takes a lock in this thread just now."""
    simulation = here.simulation
    owner = None if simulation is None else simulation.owner()
    return here.outside if owner is None else owner


class SimulatedLock:
    """A lock that the simulation sees being waited for.

    It stands on a real lock, so that threads outside of the simulation may share it between them: there it is
    a plain lock.

    Attributes:
        holder: Who took it, as the simulation's ``owner`` said; None while it is free.
    """

    __slots__ = ("__weakref__", "_code", "_inner", "_line", "holder")

    def __init__(self) -> None:
        self._inner = _new_lock()
        self._code: CodeType | None = None
        self._line = 0
        self.holder: object | None = None

    @property
    def where(self) -> str:
        """The user's line that took it last, "path:line"; empty if none did."""
        return "" if self._code is None else f"{self._code.co_filename}:{self._line}"

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:  # noqa: FBT001, FBT002  # as in threading
        """Take the lock, or say that it could not be had.

        Raises:
            EscapedSimulation: A thread outside of the simulation would wait for what happens inside of it.
        """
        return self._acquire(_taker(), blocking=blocking, timeout=timeout)

    __enter__ = acquire

    def release(self) -> None:
        """Free the lock, whoever took it."""
        self.holder = None
        self._inner.release()  # refuses a lock that is free
        simulation = here.simulation
        if simulation is not None:
            simulation.lock_released(self)

    def __exit__(self, *error: object) -> None:
        self.release()

    def locked(self) -> bool:
        """Whether somebody holds it."""
        return self._inner.locked()

    def _acquire(self, taker: object, *, blocking: bool, timeout: float) -> bool:
        if timeout != -1:
            _check_timeout(blocking=blocking, timeout=timeout)
        if not self._inner.acquire(blocking=False) and not (blocking and timeout != 0 and self._wait(timeout)):
            return False
        frame = _users_frame()
        self.holder, self._code, self._line = taker, frame.f_code, frame.f_lineno
        return True

    def _wait(self, timeout: float) -> bool:
        """Take the lock once it is free; False if the time is over before."""
        simulation = here.simulation
        if simulation is None:
            return self._wait_outside(timeout)
        until_ns = None if timeout == -1 else simulation.now_ns() + round(timeout * SECOND_NS)
        while True:
            seconds = None if until_ns is None else (until_ns - simulation.now_ns()) / SECOND_NS
            if seconds is not None and seconds <= 0:
                return False
            if not simulation.wait_for_lock(self, seconds):
                return False
            if self._inner.acquire(blocking=False):
                return True

    def _wait_outside(self, timeout: float) -> bool:
        holder = self.holder
        if holder is not None and not isinstance(holder, _Outside):
            raise errors.EscapedSimulation(
                f"{_users_place()} waits for a lock that simulated code took at {self.where} and has not released: no "
                "simulation is under way in this thread, so it would wait forever."
            )
        return self._inner.acquire(timeout=timeout)

    def _at_fork_reinit(self) -> None:
        """Be free in a child process, as threading asks of its locks."""
        self._inner = _new_lock()
        self.holder = None

    def __repr__(self) -> str:
        state = f"taken at {self.where}" if self.locked() else "free"
        return f"<{type(self).__name__} {state}>"


class SimulatedRLock(SimulatedLock):
    """A lock that its holder, a delivery and not a thread, may take again; it is free after as many releases."""

    __slots__ = ("_count",)

    def __init__(self) -> None:
        super().__init__()
        self._count = 0

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:  # noqa: FBT001, FBT002  # as in threading
        """Take the lock, once more if it is held already, or say that it could not be had.

        Raises:
            EscapedSimulation: A thread outside of the simulation would wait for what happens inside of it.
        """
        taker = _taker()
        if self.holder is taker:
            self._count += 1
            return True
        if not self._acquire(taker, blocking=blocking, timeout=timeout):
            return False
        self._count = 1
        return True

    __enter__ = acquire

    def release(self) -> None:
        """Give back one taking.

        Raises:
            RuntimeError: Somebody else holds it, or nobody.
        """
        self._check_owned()
        self._count -= 1
        if self._count == 0:
            super().release()

    def _check_owned(self) -> None:
        if not self._is_owned():
            raise RuntimeError("cannot release un-acquired lock")

    # What threading.Condition asks of a re-entrant lock.
    def _is_owned(self) -> bool:
        return self.holder is _taker()

    def _release_save(self) -> int:
        self._check_owned()
        count, self._count = self._count, 0
        super().release()
        return count

    def _acquire_restore(self, count: int) -> None:
        self.acquire()
        self._count = count

    def _recursion_count(self) -> int:
        return self._count if self._is_owned() else 0

    def _at_fork_reinit(self) -> None:
        super()._at_fork_reinit()
        self._count = 0


def _check_timeout(*, blocking: bool, timeout: float) -> None:
    """Refuse what a real lock refuses, in its words."""
    if not blocking:
        raise ValueError("can't specify a timeout for a non-blocking call")
    if timeout < 0:
        raise ValueError("timeout value must be a non-negative number")
    if timeout > threading.TIMEOUT_MAX:
        raise OverflowError("timeout value is too large")


class _AnyLock(type):
    """Of which real and simulated locks are instances."""

    def __call__(cls) -> Any:
        return _real["threading.Lock"]() if here.simulation is None else SimulatedLock()

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, (_real["threading.Lock"], SimulatedLock))


class _Lock(metaclass=_AnyLock):
    """The stand-in for ``threading.Lock`` where that is a class, since Python 3.13."""


class _Threading:
    """The stand-ins for functions of ``threading``."""

    def allocate_lock(self) -> Any:
        return _real["threading._allocate_lock"]() if here.simulation is None else SimulatedLock()

    def rlock(self, *arguments: Any) -> Any:
        return _real["threading.RLock"](*arguments) if here.simulation is None else SimulatedRLock()

    def start_new_thread(self, *arguments: Any) -> Any:
        return _real["_thread.start_new_thread"](*arguments) if here.simulation is None else _refuse_thread()

    def start_joinable_thread(self, *arguments: Any, **named: Any) -> Any:
        real = _real["_thread.start_joinable_thread"]
        return real(*arguments, **named) if here.simulation is None else _refuse_thread()

    def current_thread(self) -> Any:
        simulation = here.simulation
        thread = None if simulation is None else simulation.thread()
        return _real["threading.current_thread"]() if thread is None else thread


class _AnySimpleQueue(type):
    """Of which real queues, and those that wait by simulated locks, are instances."""

    def __call__(cls) -> Any:
        return _real["queue.SimpleQueue"]() if here.simulation is None else _slow_queue()()

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, (_real["queue.SimpleQueue"], _slow_queue()))


def _slow_queue() -> Any:
    """The queue of Python's own that stands where the one of C is missing; it waits by locks that may be simulated."""
    return vars(sys.modules["queue"])["_PySimpleQueue"]


class _SimpleQueue(metaclass=_AnySimpleQueue):
    """The stand-in for ``queue.SimpleQueue``, on which thread pools stand."""


CPUS: Final = 4
"""So many a simulated machine has, as the size of a thread pool depends on them."""


def _cpus(name: str) -> Callable[[], int | None]:
    return lambda: _real[name]() if here.simulation is None else CPUS


def _signal(signalnum: int, handler: Any) -> Any:
    """The stand-in for ``signal.signal``, which refuses all threads but the main one."""
    simulation = here.simulation
    signals = None if simulation is None else simulation.signals()
    if signals is None:
        return _real["signal.signal"](signalnum, handler)
    before, signals[signalnum] = signals.get(signalnum, 0), handler
    return before


def _reaching_out(name: str, what: str) -> Callable[..., Any]:
    """The stand-in for a function that reaches out of the process."""

    def reach(*arguments: Any, **named: Any) -> Any:
        simulation = here.simulation
        if simulation is not None:
            simulation.reached_outside(what, _users_place())
        return _real[name](*arguments, **named)

    return reach


def _refuse_thread() -> NoReturn:
    simulation = here.simulation
    assert simulation is not None, "only simulated threads are refused threads"
    simulation.started_thread(_users_place())


_threading: Final = _Threading()


def _connect(*arguments: Any, **named: Any) -> Any:
    """A connection of SQLite that works on every stack of the simulation, of which only one runs at a time."""
    if here.simulation is not None and len(arguments) < _CHECK_SAME_THREAD:
        named.setdefault("check_same_thread", False)
    return _real["sqlite3.connect"](*arguments, **named)


_CHECK_SAME_THREAD: Final = 5
"""The place of that argument of ``sqlite3.connect``, from 1."""


# ------------------------------------------------------------------------------------------- functions in modules
def _stand_ins() -> dict[str, object]:
    """What stands for what, by module and name, as far as this Python has it."""
    of_time = (
        "time time_ns monotonic monotonic_ns perf_counter perf_counter_ns sleep localtime gmtime ctime asctime strftime"
    )
    named: dict[str, object] = {f"time.{name}": getattr(_time, name) for name in of_time.split()}
    named |= {
        "os.urandom": _chance.urandom,
        "os.getrandom": _chance.getrandom,
        "random.seed": _chance.seed,
        "uuid.uuid1": _chance.uuid1,
        "sqlite3.connect": _connect,
        "sqlite3.dbapi2.connect": _connect,
        "threading._allocate_lock": _threading.allocate_lock,
        "threading.RLock": _threading.rlock,
        "threading.current_thread": _threading.current_thread,
        "queue.SimpleQueue": _SimpleQueue,
        "os.cpu_count": _cpus("os.cpu_count"),
        "os.process_cpu_count": _cpus("os.process_cpu_count"),
        "signal.signal": _signal,
        "os.fork": _reaching_out("os.fork", "a process was forked"),
        "os.posix_spawn": _reaching_out("os.posix_spawn", "a process was started"),
        "_posixsubprocess.fork_exec": _reaching_out("_posixsubprocess.fork_exec", "a process was started"),
        "_thread.start_new_thread": _threading.start_new_thread,
        "_thread.start_joinable_thread": _threading.start_joinable_thread,
    }
    if isinstance(threading.Lock, type):
        named["threading.Lock"] = _Lock  # elsewhere it is _allocate_lock by another name
    return named


class _Functions:
    """The functions that have stand-ins, under every name by which a module has them."""

    def __init__(self) -> None:
        self._stand_ins = _stand_ins()
        self._places = [(*path.rsplit(".", 1), path) for path in self._stand_ins]
        self._first: dict[str, object] = {}
        """What was there at first: names may still hold it when a user has patched the function since."""
        self._pairs: dict[int, tuple[object, object]] = {}
        """The real thing and its stand-in, by the identity of either."""
        self._originals: set[int] = set()
        """The identities of those among them that are no patches of the user's."""
        self._patchers: set[object] = set()
        """The names of the modules that the user's patches come from."""
        self._seen: list[ModuleType] = []
        self._unfinished: set[int] = set()
        self._found: dict[int, list[tuple[dict[str, Any], str, object, object]]] = {}
        self._names: list[tuple[dict[str, Any], str, object, object]] = []
        """Each with its module's namespace, the real thing and the stand-in."""
        self._read_real()

    def install(self) -> None:
        """Put the stand-ins in place of what is there."""
        self._read_real()
        self._search()
        for namespace, name, real, stand_in in self._names:
            if namespace.get(name) is real:
                namespace[name] = stand_in

    def remove(self) -> None:
        """Put back what was there, also in modules that have been loaded since."""
        before = self._names
        self._search()
        for names in (before,) if self._names is before else (before, self._names):
            for namespace, name, real, stand_in in names:
                if namespace.get(name) is stand_in:
                    namespace[name] = real

    def _read_real(self) -> None:
        """Take what is there for the real thing, be it a patch of the user's; all names are searched anew then."""
        changed = {}
        for module, name, path in self._places:
            thing = vars(sys.modules[module]).get(name) if module in sys.modules else None
            if thing is not None and thing is not self._stand_ins[path] and thing is not _real.get(path):
                changed[path] = thing
        if not changed:
            return
        _real.update(changed)
        for path, real in _real.items():
            self._first.setdefault(path, real)
        pairs: dict[int, tuple[object, object]] = {}
        for path, real in [*self._first.items(), *_real.items()]:
            pairs[id(real)] = (real, self._stand_ins[path])
        for path, real in _real.items():
            pairs[id(self._stand_ins[path])] = (real, self._stand_ins[path])
        self._originals = {id(one) for one in (*self._first.values(), *self._stand_ins.values())}
        patches = [real for real in _real.values() if id(real) not in self._originals]
        self._patchers = {getattr(patch, "__globals__", {}).get("__name__") for patch in patches}
        self._pairs, self._seen, self._found = pairs, [], {}

    def _search(self) -> None:
        """Find the names in modules that are new since the last search."""
        modules = list(sys.modules.values())
        if modules == self._seen and not self._unfinished:
            return
        known = {key: names for key, names in self._found.items() if key not in self._unfinished}
        self._unfinished = set()
        self._found = {
            id(module): known[id(module)] if id(module) in known else list(self._names_in(module)) for module in modules
        }
        self._seen = modules
        self._names = [name for names in self._found.values() for name in names]

    def _names_in(self, module: ModuleType) -> Iterator[tuple[dict[str, Any], str, object, object]]:
        """The names of one module; looking at them does not load a lazy one."""
        kind = type(module)
        if not issubclass(kind, ModuleType):
            return
        namespace = object.__getattribute__(module, "__dict__")
        own_name = str(namespace.get("__name__"))
        if own_name == "minisqs" or own_name.startswith("minisqs."):
            return
        if kind.__name__ == "_LazyModule" or getattr(namespace.get("__spec__"), "_initializing", False):
            self._unfinished.add(id(module))
        pairs = self._pairs
        for name, value in list(namespace.items()):
            if id(value) in pairs:
                path = f"{own_name}.{name}"
                if _real.get(path) is value:
                    yield namespace, name, value, self._stand_ins[path]
                elif not self._is_spared(own_name, name, value):
                    yield namespace, name, *pairs[id(value)]

    def _is_spared(self, module: str, name: str, value: object) -> bool:
        """Whether a name keeps its value, though that is one of those replaced."""
        if module == "_thread":
            return "lock" in name.lower()  # the import system takes its own locks from there
        if module in self._patchers:
            return True  # a patch may ask the original, by a name that it has there
        return id(value) not in self._originals and getattr(value, "__module__", None) == "builtins"


# ------------------------------------------------------------------------------------------------------- classes
@attrs.define(eq=False)
class _Attribute:
    """One attribute of a class that has a stand-in."""

    owner: type
    name: str
    stand_in: object = None
    real: Any = None
    namespace: dict[str, object] | None = None
    """The dictionary of a class of C, which refuses to have its attributes set."""

    def __attrs_post_init__(self) -> None:
        if self.owner.__flags__ & _IMMUTABLE_TYPE:
            [self.namespace] = gc.get_referents(vars(self.owner))

    def install(self) -> None:
        """Put the stand-in in place of what is there."""
        there = vars(self.owner)[self.name]
        if there is not self.stand_in:
            self.real = there
            self._set(self.stand_in)

    def remove(self) -> None:
        """Put back what was there."""
        if vars(self.owner)[self.name] is self.stand_in:
            self._set(self.real)

    def _set(self, value: object) -> None:
        if self.namespace is None:
            setattr(self.owner, self.name, value)
        else:
            self.namespace[self.name] = value
            _type_modified()(self.owner)


@cache
def _type_modified() -> Callable[[type], None]:
    """The call by which the interpreter is told to look up the attributes of a class anew."""
    return ctypes.PYFUNCTYPE(None, ctypes.py_object)(("PyType_Modified", ctypes.pythonapi))


def _attributes_of(classes: list[type], name: str, make: Callable[[_Attribute], object]) -> Iterator[_Attribute]:
    """The attribute in each of the classes, and those they inherit from, that has one of its own."""
    owners = dict.fromkeys(owner for one in classes for owner in one.__mro__ if name in vars(owner))
    for owner in owners:
        attribute = _Attribute(owner, name)
        attribute.stand_in = make(attribute)
        yield attribute


_DATETIME: Final = [one for one in dt.datetime.__mro__ if "fromtimestamp" in vars(one) and "now" in vars(one)][-1]
"""The original, even if somebody has put a subclass in its place."""


_from_timestamp: Final = vars(_DATETIME)["fromtimestamp"]


def _moment(cls: Any, now_ns: int, tz: dt.tzinfo | None) -> Any:
    """An instant of a class that may be a subclass; microseconds are cut off, as the real ones do."""
    return _from_timestamp.__get__(None, cls)(now_ns // 1000 / 1_000_000, tz)


def _now(attribute: _Attribute) -> object:
    def now(cls: type, tz: dt.tzinfo | None = None) -> Any:
        now_ns = _time.now_ns()
        return attribute.real.__get__(None, cls)(tz) if now_ns is None else _moment(cls, now_ns, tz)

    return classmethod(now)


def _utcnow(attribute: _Attribute) -> object:
    def utcnow(cls: type) -> Any:
        now_ns = _time.now_ns()
        if now_ns is None:
            return attribute.real.__get__(None, cls)()
        if sys.version_info >= (3, 12):
            warnings.warn("datetime.datetime.utcnow() is deprecated", DeprecationWarning, stacklevel=2)
        return _moment(cls, now_ns, dt.UTC).replace(tzinfo=None)

    return classmethod(utcnow)


def _today(attribute: _Attribute) -> object:
    def today(cls: Any) -> Any:
        now_ns = _time.now_ns()
        return attribute.real.__get__(None, cls)() if now_ns is None else cls.fromtimestamp(now_ns // 1000 / 1_000_000)

    return classmethod(today)


def _seed(attribute: _Attribute) -> object:
    def seed(self: random.Random, a: Any = None, version: int = 2) -> None:
        if a is None and here.simulation is not None:
            a = _chance.number()
        attribute.real(self, a, version)

    return seed


def _start(attribute: _Attribute) -> object:
    def start(self: threading.Thread) -> None:
        simulation = here.simulation
        if simulation is None:
            attribute.real(self)
        else:
            simulation.start_thread(self, _users_place())

    return start


STACK: Final = "_minisqs_stack"
"""The attribute of a thread that runs in simulated time: what it runs on, with ``join`` and ``is_alive``."""


def _join(attribute: _Attribute) -> object:
    def join(self: threading.Thread, timeout: float | None = None) -> None:
        stack = vars(self).get(STACK)
        if stack is None:
            attribute.real(self, timeout)
        else:
            stack.join(timeout)

    return join


def _is_alive(attribute: _Attribute) -> object:
    def is_alive(self: threading.Thread) -> bool:
        stack = vars(self).get(STACK)
        return attribute.real(self) if stack is None else bool(stack.is_alive)

    return is_alive


def _connecting(attribute: _Attribute) -> object:
    def connect(self: object, address: Any) -> Any:
        simulation = here.simulation
        if simulation is not None:
            simulation.reached_outside(f"a connection to {address!r} was opened", _users_place())
        return attribute.real(self, address)

    return connect


def _select(attribute: _Attribute) -> object:
    def select(self: object, timeout: float | None = None) -> Any:
        simulation = here.simulation
        if simulation is None:
            return attribute.real(self, timeout)
        ready = attribute.real(self, 0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if timeout is None:
            raise errors.EscapedSimulation(
                f"the event loop of {_users_place()} waits for something outside the simulation, a socket, a pipe or "
                "another thread, and has no timer set: simulated time would never end this."
            )
        simulation.sleep(timeout)
        return []

    return select


class _Attributes:
    """The attributes of classes that have stand-ins."""

    def __init__(self) -> None:
        kinds = "SelectSelector PollSelector EpollSelector DevpollSelector KqueueSelector"
        waiting: list[type] = [getattr(selectors, name) for name in kinds.split() if hasattr(selectors, name)]
        self._lasting = [
            *_attributes_of([random.Random], "seed", _seed),
            *_attributes_of([threading.Thread], "start", _start),
            *_attributes_of([threading.Thread], "join", _join),
            *_attributes_of([threading.Thread], "is_alive", _is_alive),
            *_attributes_of(waiting, "select", _select),
        ]
        self._lasting = [one for one in self._lasting if one.owner is not selectors.BaseSelector]
        self._lasting = [one for one in self._lasting if one.owner.__module__ != "_random"]
        self._of_datetime: list[_Attribute] = []
        self._of_sockets: list[_Attribute] = []
        self._datetime_classes: list[type] = []

    def install(self) -> None:
        """Put the stand-ins in place of what is there."""
        classes: list[type] = [dt.datetime, dt.date]
        if classes != self._datetime_classes:  # somebody has put others in their place
            self._datetime_classes = classes
            self._of_datetime = [
                *_attributes_of(classes, "now", _now),
                *_attributes_of(classes, "utcnow", _utcnow),
                *_attributes_of(classes, "today", _today),
            ]
        if not self._of_sockets and "socket" in sys.modules:
            sockets = [sys.modules["socket"].socket]
            self._of_sockets = [
                *_attributes_of(sockets, "connect", _connecting),
                *_attributes_of(sockets, "connect_ex", _connecting),
            ]
        for attribute in (*self._lasting, *self._of_datetime, *self._of_sockets):
            attribute.install()

    def remove(self) -> None:
        """Put back what was there."""
        for attribute in (*self._lasting, *self._of_datetime, *self._of_sockets):
            attribute.remove()


# --------------------------------------------------------------------------------------------- putting it in place
_guard: Final = threading.Lock()
_functions: Final = _Functions()
_attributes: Final = _Attributes()


@attrs.frozen
class _State:
    """What a run changes, for an entry to put back at its exit."""

    of_random: Any
    key: bytes
    drawn: int
    latest_uuid_100ns: int
    offset_ns: int
    origin_ns: int | None

    @classmethod
    def now(cls) -> _State:
        """As it is."""
        return cls(
            random.getstate(),
            _chance.key,
            _chance.drawn,
            _chance.latest_uuid_100ns,
            _time.offset_ns,
            _time.origin_ns,
        )

    def restore(self) -> None:
        """As it was."""
        random.setstate(self.of_random)
        _chance.key, _chance.drawn, _chance.latest_uuid_100ns = self.key, self.drawn, self.latest_uuid_100ns
        _time.offset_ns, _time.origin_ns = self.offset_ns, self.origin_ns


class Intercepts:
    """A context in which simulated threads ask the simulation instead of the machine.

    Contexts may be nested, and entered by several threads; the stand-ins come with the first entry and go with
    the last exit. What happens inside of a context leaves the generator of ``random`` as it was before.

    Args:
        seed: Where randomness comes from until ``seed_randomness`` is told otherwise; None where that is called
            before anything is drawn.
        clock_offset_ns: Is added to what simulated threads read as time; may be less than 0.
        goes_on: Whether draws and clocks go on where the context was last left, when it is entered again.
    """

    _depth = 0
    _outermost: _State | None = None

    def __init__(self, *, seed: bytes | None = None, clock_offset_ns: int = 0, goes_on: bool = False) -> None:
        self._seed = seed
        self._clock_offset_ns = clock_offset_ns
        self._goes_on = goes_on
        self._left: _State | None = None
        self._before: list[_State] = []

    def __enter__(self) -> Self:
        with _guard:
            state = _State.now()
            if Intercepts._depth == 0:
                Intercepts._outermost = state
                _install()
            Intercepts._depth += 1
        self._before.append(state)
        if self._left is not None:
            self._left.restore()
        elif self._seed is not None:
            seed_randomness(self._seed)
        shift_clock(self._clock_offset_ns)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with _guard:
            Intercepts._depth -= 1
            state = self._before.pop()
            if self._goes_on:
                self._left = _State.now()
            if Intercepts._depth == 0 and Intercepts._outermost is not None:
                state, Intercepts._outermost = Intercepts._outermost, None
                _remove()
            state.restore()


_callbacks: Final[list[Any]] = []
"""What others want to do at a garbage collection, such as to time it: that would be the user's code to the stand-ins."""


def _install() -> None:
    _callbacks[:], gc.callbacks[:] = gc.callbacks, []
    try:
        _functions.install()
        _attributes.install()
    except BaseException:
        _remove()
        raise


def _remove() -> None:
    gc.callbacks[:0], _callbacks[:] = _callbacks, []
    try:
        _attributes.remove()
    finally:
        _functions.remove()


def seed_randomness(seed: bytes) -> None:
    """Begin a run: what it draws follows from the seed, and its monotonic clocks begin anew.

    Args:
        seed: Any number of bytes.
    """
    assert Intercepts._depth, "outside of a context the generator of random is the user's"
    _chance.begin(seed)
    _time.origin_ns = None
    random.seed(int.from_bytes(blake2b(b"random", key=_chance.key, digest_size=32).digest()))


def shift_clock(offset_ns: int) -> None:
    """Add so many nanoseconds to what simulated threads read as time, from now on and until the context ends."""
    _time.offset_ns = offset_ns


def monotonic_origin() -> int | None:
    """The simulated time at which the monotonic clocks would show 0; None until one of them is read."""
    return _time.origin_ns
