"""Sees to it that a run comes back: user code that takes real time is reported with the line it stands at.

Simulated time costs none, so a handler that has not come back after six tenths of a second hangs: in an
endless loop, or in a wait that simulated time does not reach. A timer interrupts it. Where a debugger is at
work it may take as long as it likes; so it may while a busy machine gives its process no time.

Nothing interrupts a single call of C code that computes for ever, as Python gets no turn meanwhile. Of that the
interpreter's ``faulthandler`` writes to standard error where it stands, if the check runs in the main thread and not on
Windows.
"""

from __future__ import annotations

import _thread
import ctypes
import faulthandler
import signal
import sys
import threading
from collections.abc import Callable
from time import monotonic, process_time  # the real ones: what simulated code reads is put in their place in time
from types import FrameType
from typing import Any, Final, Self

from .. import errors
from ..sim.stage import Stage, Unwind
from . import defaults

try:
    from resource import RUSAGE_SELF, getrusage
except ImportError:  # on Windows, where nobody says how often others came first

    def _times_set_aside() -> int:
        return 0

else:

    def _times_set_aside() -> int:
        """How often the process had to stop because others had their turn."""
        return getrusage(RUSAGE_SELF).ru_nivcsw


_signal: Final = signal.signal
_setitimer: Final[Any] = getattr(signal, "setitimer", None)
"""The real ones, whoever runs when an alarm comes; there are no timers on Windows."""

LIMIT_S: Final = 0.6
"""Code that begins and ends nothing for so long hangs; it is named a tick or two later, within a second."""

_NO_TURN_S: Final = 0.85
"""So many seconds of the processor without a turn for Python are one call of C code."""

_TICK_S: Final = 0.15
_OFTEN: Final = 3
"""A process that was set aside so often a tick is not waiting for anything but its turn."""


class Watchdog:
    """Interrupts the user's code where it does not come back.

    Args:
        trace: Which files are the user's own, to name a line of theirs.

    Attributes:
        stage: What runs now; None between runs.
        runs: How many runs there have been.
    """

    def __init__(self, trace: Callable[[str], bool]) -> None:
        self.stage: Stage | None = None
        self.runs = 0
        self._trace = trace
        self._thread = threading.get_ident()
        self._beat: tuple[int, ...] = ()
        self._since_s = 0.0
        self._ticks = 0
        self._used_s = 0.0
        self._set_aside = 0
        self._before: Any = None
        self._timer: tuple[float, float] = (0.0, 0.0)
        self._virtual_before: Any = None
        self._virtual_timer: tuple[float, float] = (0.0, 0.0)
        self._ends: Any = None
        self._insists = False
        self._tracer: Any = None

    def __enter__(self) -> Self:
        self._since_s = monotonic()
        if threading.current_thread() is threading.main_thread() and _setitimer is not None:
            self._before = _signal(signal.SIGALRM, self._on_alarm)
            self._timer = _setitimer(signal.ITIMER_REAL, _TICK_S, _TICK_S)
            self._virtual_before = _signal(signal.SIGVTALRM, signal.SIG_IGN)  # what comes late does no harm
            faulthandler.register(signal.SIGVTALRM, defaults.stderr, all_threads=False)
            self._virtual_timer = _setitimer(signal.ITIMER_VIRTUAL, _NO_TURN_S)
        else:
            self._ends = _thread.allocate_lock()
            self._ends.acquire()
            _thread.start_new_thread(self._watch, (self._ends,))
        return self

    def __exit__(self, *raised: object) -> None:
        if self._ends is not None:
            self._ends.release()
        else:
            faulthandler.unregister(signal.SIGVTALRM)  # from here on the other timer is ignored, however late it comes
            _setitimer(signal.ITIMER_REAL, 0)
            _signal(signal.SIGALRM, self._before)
            _setitimer(signal.ITIMER_VIRTUAL, 0)
            before = self._virtual_before
            _signal(signal.SIGVTALRM, signal.SIG_IGN if before is None else before)
            _setitimer(signal.ITIMER_REAL, *self._timer)
            _setitimer(signal.ITIMER_VIRTUAL, *self._virtual_timer)

    def end_run(self) -> None:
        """A run has come back."""
        self.stage = None
        if self._insists:
            self._insists = False
            sys.settrace(self._tracer)

    def _on_alarm(self, number: int, frame: FrameType | None) -> None:
        _setitimer(signal.ITIMER_VIRTUAL, _NO_TURN_S)  # Python has had a turn
        stage = self.stage
        if stage is not None and stage.over and isinstance(stage.escaped, errors.EscapedSimulation):
            if frame is not None and self._trace(frame.f_code.co_filename):
                self._insist(frame)
                raise Unwind
        elif self._is_stuck(monotonic()):
            assert stage is not None, "only a run is stuck"
            strand = stage.running_thread
            self._report(frame if strand is None else sys._current_frames().get(strand))
            if strand is not None:
                _interrupt(strand)
            raise Unwind

    def _insist(self, frame: FrameType | None) -> None:
        """Raise at every line of the user's code, which has caught what was thrown into it and goes on."""
        if not self._insists:
            self._insists, self._tracer = True, sys.gettrace()
            sys.settrace(self._raise)
        while frame is not None:
            if self._trace(frame.f_code.co_filename):
                frame.f_trace = self._raise
            frame = frame.f_back

    def _raise(self, frame: FrameType, event: str, argument: object) -> Any:
        """A tracer that lets nothing of the user's go on."""
        if not self._trace(frame.f_code.co_filename):
            return None
        if event == "line":
            raise Unwind
        return self._raise

    def _watch(self, ends: Any) -> None:
        while not ends.acquire(timeout=_TICK_S):
            if self._is_stuck(monotonic()):
                assert self.stage is not None, "only a run is stuck"
                thread = self.stage.running_thread or self._thread
                self._report(sys._current_frames().get(thread))
                _interrupt(thread)

    def _is_stuck(self, now_s: float) -> bool:
        """Whether nothing has begun or ended for too long; real seconds."""
        stage = self.stage
        beat = (self.runs, stage.begun + stage.came_back if stage is not None else -1, len(sys.modules))
        if stage is None or stage.over or beat != self._beat or _is_debugged():
            self._beat, self._since_s, self._ticks = beat, now_s, 0
            self._used_s, self._set_aside = process_time(), _times_set_aside()
            return False
        self._ticks += 1
        if now_s - self._since_s < LIMIT_S - _TICK_S or self._ticks * _TICK_S < LIMIT_S:
            return False
        if process_time() - self._used_s >= LIMIT_S / 2:
            return True
        return _times_set_aside() - self._set_aside < _OFTEN * self._ticks  # else it had no chance to come back

    def _report(self, frame: FrameType | None) -> None:
        where = "somewhere"
        tracer = getattr(sys.gettrace(), "__code__", None)
        while frame is not None:
            if frame.f_code is not tracer and self._trace(frame.f_code.co_filename):
                where = f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_qualname}"
                break
            frame = frame.f_back
        assert self.stage is not None, "only a run is stuck"
        self.stage.over = True
        self.stage.escaped = errors.EscapedSimulation(
            f"the code under test has not come back after {LIMIT_S:g} s of real time; it stands at {where}. Simulated time "
            "costs no real time, so this is an endless loop, or a wait that the simulation does not reach: a socket, "
            "another process, a lock that was made before the check, as where a module is imported, or a sleep of a C library"
        )
        self._since_s = float("inf")


def _interrupt(thread: int) -> None:
    """Throw into another thread, as soon as it runs Python code."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(Unwind))


def _is_debugged() -> bool:
    trace = sys.gettrace()
    return trace is not None and type(trace).__module__.partition(".")[0] not in ("coverage", "builtins")
