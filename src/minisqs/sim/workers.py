"""Real threads that share a world in plain use: one of them polls while another sends (sqs.md 21, choice 22).

The simulation itself starts no thread and waits for nothing. But a test may share its world between threads
of its own. Then one call at a time goes through the port, and a poll that finds nothing does not jump the
clock, which would end it before the other thread had a chance: it waits for that thread in real time, at
most as long as it would wait in simulated time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Final, Protocol


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

    def wait_for_others(self, seconds: float, found: Callable[[], bool]) -> bool:
        """Whether another thread changes the world so that ``found``."""
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

    __slots__ = ("_changed", "_users", "_waiting", "latest", "lock")

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._users: dict[object, threading.Thread] = {}
        self._changed = threading.Condition(self.lock)
        self._waiting = 0
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

    def wait_for_others(self, seconds: float, found: Callable[[], bool]) -> bool:
        """Whether another live thread that uses the world changes it so that ``found``; waits for that.

        Args:
            seconds: Real seconds, at most.
            found: Whether there is what the wait is for; the lock is held when it is asked.
        """
        until = time.monotonic() + seconds
        self._waiting += 1
        try:
            while self._others_live() and not found() and (left := until - time.monotonic()) > 0:
                self._changed.wait(min(left, 0.1))  # a thread that ends tells nobody
        finally:
            self._waiting -= 1
        return found()

    def tell(self) -> None:
        """Let those who wait look again."""
        if self._waiting:
            self._changed.notify_all()

    def _others_live(self) -> bool:
        here = threading.current_thread()
        return any(thread is not here and thread.is_alive() for thread in self._users.values())


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

    def wait_for_others(self, seconds: float, found: Callable[[], bool]) -> bool:
        """Whether another live thread that uses the world changes it so that ``found``; waits for that."""
        return self._turns.wait_for_others(seconds, found)

    def tell(self) -> None:
        """Let those who wait look again."""
        self._turns.tell()
