"""Real threads that share a world in plain use: one of them polls while another sends (sqs.md 21, choice 22).

The simulation itself starts no thread and waits for nothing. But a test may share its world between threads
of its own. Then one call at a time goes through the port, and a poll that finds nothing does not jump the
clock, which would end it before the other thread had a chance: it waits for that thread in real time, at
most as long as it would wait in simulated time.

A thread that sleeps on the world's clock jumps it as soon as every other live thread that uses the world waits
too, in a sleep or a poll of its own; no further than to where the first of these waits ends, so the threads take
turns. While another is at work the sleeper waits for it in real time, at most its own length.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Final, Protocol

from ..limits import SECOND_NS
from .kernel import Kernel

_SLICE_S: Final = 0.05
"""So long a thread waits before it looks again whether the others live: one that ends tells nobody."""


def real_seconds() -> float:
    """The time of a monotonic clock, real also where the functions of ``time`` have been frozen by a test."""
    if hasattr(time, "clock_gettime"):
        return time.clock_gettime(time.CLOCK_MONOTONIC)
    return time.monotonic()


class _Here(threading.local):
    """What is the present thread's own; one for all worlds, as each such object costs the interpreter a key."""

    def __init__(self) -> None:
        self.token = object()
        """Stands for the thread: an ident may be used again, this may not."""


HERE: Final = _Here()


class Turns(Protocol):
    """Whose turn it is to use a world; as a context, the turn of the present thread."""

    @property
    def lock(self) -> Any:
        """What a call holds while it is in the world: it has ``acquire`` and ``release``, and is a context."""
        ...

    @property
    def latest(self) -> object:
        """The token of the thread that was here last."""
        ...

    def __enter__(self) -> None: ...

    def __exit__(self, *raised: object) -> None: ...

    def join(self) -> None:
        """Count the present thread among the users."""
        ...

    def wait_for_others(self, end_ns: int, found: Callable[[], bool]) -> bool:
        """Whether another thread changes the world so that ``found``, until a simulated time."""
        ...

    def tell(self) -> None:
        """Let those who wait look again."""
        ...


class SharedUse:
    """The threads that use one world; as a context, the turn of the present one.

    Attributes:
        lock: What a call holds while it is in the world.
        latest: The token of the thread that was here last, which need not be counted again.
    """

    __slots__ = ("_changed", "_clock", "_kernel", "_users", "_waiting", "latest", "lock")

    def __init__(self, kernel: Kernel) -> None:
        self.lock = threading.RLock()
        self._kernel = kernel
        self._clock = kernel.clock
        self._users: dict[object, threading.Thread] = {}
        self._changed = threading.Condition(self.lock)
        self._waiting: dict[object, int] = {}
        """The threads that wait, and until when; not those that have been told to look again."""
        self.join()

    def __enter__(self) -> None:
        self.lock.acquire()
        if HERE.token is not self.latest:
            self.join()

    def __exit__(self, *raised: object) -> None:
        self.lock.release()

    def join(self) -> None:
        """Count the present thread among the users."""
        self.latest = token = HERE.token
        if token not in self._users:
            self._users = {other: thread for other, thread in self._users.items() if thread.is_alive()}
            self._users[token] = threading.current_thread()

    @property
    def is_joined(self) -> bool:
        """Whether the present thread is among the users."""
        return HERE.token in self._users

    def wait_for_others(self, end_ns: int, found: Callable[[], bool]) -> bool:
        """Whether another live thread that uses the world changes it so that ``found``; waits for that.

        Args:
            end_ns: The simulated time up to which it waits, and in real time at most as long.
            found: Whether there is what the wait is for; the lock is held when it is asked.
        """
        until = real_seconds() + (end_ns - self._clock.now_ns) / SECOND_NS
        try:
            while self._others() and self._clock.now_ns < end_ns and not found() and self._wait(end_ns, until):
                pass
        finally:
            self._waiting.pop(HERE.token, None)
        return found()

    def sleep(self, seconds_ns: int) -> None:
        """Let the present thread sleep in simulated time, and let the others have their turns."""
        with self:
            end_ns = self._clock.now_ns + seconds_ns
            until = real_seconds() + seconds_ns / SECOND_NS
            try:
                while self._clock.now_ns < end_ns:
                    if self.others_work and self._wait(end_ns, until):
                        continue
                    self._jump(end_ns, lambda: HERE.token not in self._waiting)
            finally:
                self._waiting.pop(HERE.token, None)
                self.tell()

    def pass_time(self, end_ns: int, stop: Callable[[], bool], wait: Callable[[], None]) -> None:
        """Let time pass for an event loop: at once, as ``sleep`` does; or ``wait`` a while where others are at work.

        Args:
            end_ns: The simulated time up to which it has nothing to do.
            stop: Whether it has something to do by now.
            wait: Waits in real time, and lets the clock follow.
        """
        try:
            with self:
                self._waiting[HERE.token] = end_ns
                are_at_work = self.others_work
                if not are_at_work:
                    self._jump(end_ns, stop)
            if are_at_work:
                wait()
        finally:
            self._waiting.pop(HERE.token, None)

    def pause(self, end_ns: int, seconds: float) -> None:
        """Wait for others up to so many real seconds, for what ends at ``end_ns``; the lock is held but meanwhile."""
        self._waiting[HERE.token] = end_ns
        try:
            self._changed.wait(seconds)
        finally:
            self._waiting.pop(HERE.token, None)

    def _jump(self, end_ns: int, stop: Callable[[], bool]) -> None:
        """Let time pass to where the first of those who wait is to go on, and let them look."""
        self._waiting[HERE.token] = end_ns
        first_ns = end_ns if self.others_work else min(self._waiting.values())
        self._kernel.run_until(first_ns, stop)
        self.tell()

    def tell(self) -> None:
        """Let those who wait look again."""
        if self._waiting:
            self._waiting.clear()
            self._changed.notify_all()

    @property
    def others_work(self) -> bool:
        """Whether another live thread that uses the world does anything else than wait in it."""
        return any(token not in self._waiting for token in self._others())

    def _wait(self, end_ns: int, until: float) -> bool:
        """Wait a while in real time; False if it is later than ``until``."""
        left = until - real_seconds()
        if left <= 0:
            return False
        self._waiting[HERE.token] = end_ns
        self._changed.notify_all()  # one that sleeps looks whether it is the last at work
        self._changed.wait(min(left, _SLICE_S))
        return True

    def _others(self) -> list[object]:
        here = threading.current_thread()
        return [token for token, thread in self._users.items() if thread is not here and thread.is_alive()]


class LentTurns:
    """Turns where some stacks run on threads of ours, one at a time: theirs is the turn of whoever lets time pass.

    Args:
        turns: Of all other threads.
        is_ours: Whether the present thread is one of ours.
    """

    def __init__(self, turns: Turns, is_ours: Callable[[], bool]) -> None:
        self._turns = turns
        self._is_ours = is_ours

    @property
    def lock(self) -> LentTurns:
        """Itself."""
        return self

    @property
    def latest(self) -> object:
        """The token of the thread that was here last; of ours, that of any is as good."""
        return HERE.token if self._is_ours() else self._turns.latest

    def acquire(self) -> None:
        """Wait for the turn."""
        if not self._is_ours():
            self._turns.lock.acquire()

    def release(self) -> None:
        """Let others have theirs."""
        if not self._is_ours():
            self._turns.lock.release()

    def __enter__(self) -> None:
        if not self._is_ours():
            self._turns.__enter__()

    def __exit__(self, *raised: object) -> None:
        self.release()

    def join(self) -> None:
        """Count the present thread among the users."""
        self._turns.join()

    def wait_for_others(self, end_ns: int, found: Callable[[], bool]) -> bool:
        """Whether another live thread that uses the world changes it so that ``found``; waits for that."""
        return self._turns.wait_for_others(end_ns, found)

    def tell(self) -> None:
        """Let those who wait look again."""
        self._turns.tell()
