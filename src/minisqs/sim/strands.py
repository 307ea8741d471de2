"""Stacks of their own for works that both are to go on later: parked threads, of which exactly one runs.

A strand is stepped by the kernel as an event loop is: a step runs it until it suspends itself or ends, and
says when it is to go on. The baton goes from thread to thread through locks, so two never run at once, and
the order in which they run is the kernel's alone. Threads are kept for the next run.
"""

from __future__ import annotations

import _thread
import sys
import types
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, Protocol

from .intercepts import Simulation, here

DROP_WITHIN_S: Final = 0.3
"""Real seconds that the user's code may take to be taken down; then its thread is left behind."""


class OnSwitch(Protocol):
    """Who wants to know that a strand goes on, or has stopped."""

    def __call__(self, strand: Strand, *, runs: bool) -> None:
        """A strand goes on, or has stopped."""
        ...


class _Carrier:
    """A thread that runs one strand after another."""

    def __init__(self) -> None:
        self.go = _thread.allocate_lock()
        self.back = _thread.allocate_lock()
        self.go.acquire()
        self.back.acquire()
        self.job: Callable[[], None] | None = None
        self.thread = 0
        self.thread = _thread.start_new_thread(self._run, ())

    def _run(self) -> None:
        while True:
            self.go.acquire()
            job, self.job = self.job, None
            if job is None:
                return
            job()
            self.back.release()


class Carriers:
    """Threads that are kept from one run to the next.

    Attributes:
        profile: The profile function of what is begun on them; None for none.
    """

    def __init__(self) -> None:
        self.profile: Callable[[types.FrameType, str, Any], object] | None = None
        self._free: list[_Carrier] = []
        self.lost = 0
        """How many threads were left behind, in code that cannot be taken down."""

    def take(self) -> _Carrier:
        """A thread that is free."""
        if self._free:
            return self._free.pop()
        simulation, here.simulation = here.simulation, None  # this thread is real, and ours
        try:
            return _Carrier()
        finally:
            here.simulation = simulation

    def give_back(self, carrier: _Carrier) -> None:
        """It is free again."""
        self._free.append(carrier)

    def close(self) -> None:
        """End those that are free."""
        while self._free:
            self._free.pop().go.release()


class Strand:
    """A piece of code on a stack of its own.

    Args:
        carriers: Where its thread comes from.
        function: The code.
        on_switch: Told when it goes on and when it stops.
        simulation: Whom its code asks for the time and the like.

    Attributes:
        done: Whether it has ended.
        last: Whether it goes on behind all that is due at its time.
        passive: Whether it would only look, and find nothing, at its time.
        period_ns: Where otherwise it would only wait again: how much later.
    """

    def __init__(
        self, carriers: Carriers, function: Callable[[], Any], on_switch: OnSwitch, simulation: Simulation
    ) -> None:
        self._carriers = carriers
        self._carrier: _Carrier | None = None
        self._function = function
        self._on_switch = on_switch
        self._due_ns: int | None = None
        self._result: Any = None
        self._error: BaseException | None = None
        self._simulation = simulation
        self._runs = False
        self.done = False
        self.last = False
        self.passive = False
        self.period_ns = 0
        self.on_wake: Callable[[], None] | None = None

    def step(self) -> int | None:
        """Run until it suspends itself or ends; when it is to go on, None for never by itself."""
        if self._carrier is None:
            self._carrier = self._carriers.take()
            self._carrier.job = self._run
        self._on_switch(self, runs=True)
        self._runs = True
        self._carrier.go.release()
        self._carrier.back.acquire()
        self._runs = False
        self._on_switch(self, runs=False)
        if self.done:
            self._carriers.give_back(self._carrier)
            self._carrier = None
        return self._due_ns

    @property
    def thread(self) -> int:
        """The thread it is on."""
        return 0 if self._carrier is None else self._carrier.thread

    def _run(self) -> None:
        here.simulation = self._simulation
        if profile := self._carriers.profile:
            sys.setprofile(profile)
        try:
            self._result = self._function()
        except BaseException as error:  # noqa: BLE001  # whoever asks for the result gets it
            self._error = error
        finally:
            if profile:
                sys.setprofile(None)
            here.simulation = None
            self._due_ns = None
            self.done = True

    def suspend(self, due_ns: int | None, *, last: bool = False, passive: bool = False, period_ns: int = 0) -> None:
        """Stop here, called from its own code; comes back when it is stepped again."""
        carrier = self._carrier
        assert carrier is not None, "only what runs can stop"
        self._due_ns = due_ns
        self.last, self.passive, self.period_ns = last, passive, period_ns
        carrier.back.release()
        carrier.go.acquire()

    def wake(self) -> None:
        """Go on as soon as may be, whatever it waits for."""
        if self.on_wake is not None and not self.done:
            self.on_wake()

    def result(self) -> Any:
        """What its code returned; raises what it raised."""
        if self._error is not None:
            raise self._error
        return self._result

    def drop(self) -> None:
        """Let its code be taken down: whatever it does next must raise. Left behind if that takes too long."""
        carrier = self._carrier
        if carrier is None or self.done:
            return
        for _ in range(100):
            if not self._runs:  # else it hangs, and whoever stepped it was interrupted
                carrier.go.release()
            if not carrier.back.acquire(timeout=DROP_WITHIN_S):
                self._carriers.lost += 1
                return
            if self.done:
                break
        with suppress(BaseException):
            self.result()
        if self.done:
            self._carriers.give_back(carrier)
        self._carrier = None
