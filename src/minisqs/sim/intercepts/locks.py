"""Locks that the simulation sees being waited for."""

from __future__ import annotations

import sys
import threading
from types import CodeType
from typing import Any, Final

from ... import errors
from ...limits import SECOND_NS
from .here import Outside, here, machine
from .users_line import users_frame, users_place

_new_lock: Final = threading.Lock


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
        frame = users_frame()
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
        if holder is not None and not isinstance(holder, Outside):
            raise errors.EscapedSimulation(
                f"{users_place()} waits for a lock that simulated code took at {self.where} and has not released: no "
                "simulation is under way in this thread, so it would wait forever."
            )
        return self._inner.acquire(timeout=timeout)

    def _at_fork_reinit(self) -> None:
        """Be free in a child process, as threading asks of its locks."""
        self._inner = _new_lock()
        self.holder = None

    def __repr__(self) -> str:
        state = f"taken at {self.where}" if self.locked() else "free"
        return f"<{type(self).__name__.removeprefix('Simulated')} {state}>"


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
        return machine["threading.Lock"]() if here.simulation is None else SimulatedLock()

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, (machine["threading.Lock"], SimulatedLock))


class _Lock(metaclass=_AnyLock):
    """The stand-in for ``threading.Lock`` where that is a class, since Python 3.13."""


class _AnySimpleQueue(type):
    """Of which real queues, and those that wait by simulated locks, are instances."""

    def __call__(cls) -> Any:
        return machine["queue.SimpleQueue"]() if here.simulation is None else _slow_queue()()

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, (machine["queue.SimpleQueue"], _slow_queue()))


def _slow_queue() -> Any:
    """The queue of Python's own that stands where the one of C is missing; it waits by locks that may be simulated."""
    return vars(sys.modules["queue"])["_PySimpleQueue"]


class _SimpleQueue(metaclass=_AnySimpleQueue):
    """The stand-in for ``queue.SimpleQueue``, on which thread pools stand."""


class _Locks:
    """The stand-ins for functions that make locks: bound methods, as those of ``time`` are."""

    def allocate_lock(self) -> Any:
        return machine["threading._allocate_lock"]() if here.simulation is None else SimulatedLock()

    def rlock(self, *arguments: Any) -> Any:
        return machine["threading.RLock"](*arguments) if here.simulation is None else SimulatedRLock()


_locks: Final = _Locks()

FUNCTIONS: Final[dict[str, object]] = {
    "threading._allocate_lock": _locks.allocate_lock,
    "threading.RLock": _locks.rlock,
    "queue.SimpleQueue": _SimpleQueue,
}
if isinstance(threading.Lock, type):
    FUNCTIONS["threading.Lock"] = _Lock  # elsewhere it is _allocate_lock by another name
