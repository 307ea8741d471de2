"""Whom the calling thread asks: a simulation, or the machine; and what the machine's own answers are."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final, NoReturn, Protocol

if TYPE_CHECKING:
    from .locks import SimulatedLock


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

    def changed_elsewhere(self) -> None:
        """Take note that a file or a database is about to be changed, which no object of the user's holds."""
        ...

    def opened_database(self, connection: Any) -> None:
        """Code has opened a connection of SQLite, whose transaction ends when its process does."""
        ...

    def sets_alarm(self, where: str) -> None:
        """Code sets an alarm of the machine's clock, at the user's line ``where``."""
        ...

    def reached_outside(self, what: str, where: str) -> None:
        """Refuse, or let pass, what reaches out of the process: ``what`` in words."""
        ...


class Outside:
    """Holds the locks that one thread has taken without being simulated."""


class _Here(threading.local):
    """Which simulation the calling thread runs in.

    Attributes:
        simulation: Whom the stand-ins ask in this thread; None where they ask the machine.
        outside: Who holds a simulated lock that this thread takes without being simulated.
    """

    simulation: Simulation | None = None

    def __init__(self) -> None:
        self.outside = Outside()


here: Final = _Here()

machine: Final[dict[str, Any]] = {}
"""What the stand-ins ask where nothing is simulated, by module and name: "time.sleep"."""
