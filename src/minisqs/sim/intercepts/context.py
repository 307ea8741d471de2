"""The context in which simulated threads ask the simulation instead of the machine."""

from __future__ import annotations

import gc
import random
import threading
from hashlib import blake2b
from types import TracebackType
from typing import Any, Final, Self

import attrs

from . import chance, clocks, locks, system, threads
from .chance import draws
from .classes import Classes
from .clocks import clock
from .functions import Functions

_guard: Final = threading.Lock()
_functions: Final = Functions(
    clocks.FUNCTIONS | chance.FUNCTIONS | locks.FUNCTIONS | threads.FUNCTIONS | system.FUNCTIONS
)
_classes: Final = Classes()


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
            draws.key,
            draws.drawn,
            draws.latest_uuid_100ns,
            clock.offset_ns,
            clock.origin_ns,
        )

    def restore(self) -> None:
        """As it was."""
        random.setstate(self.of_random)
        draws.key, draws.drawn, draws.latest_uuid_100ns = self.key, self.drawn, self.latest_uuid_100ns
        clock.offset_ns, clock.origin_ns = self.offset_ns, self.origin_ns


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
        _classes.install()
        system.share_support()
    except BaseException:
        _remove()
        raise


def _remove() -> None:
    gc.callbacks[:0], _callbacks[:] = _callbacks, []
    system.withdraw_support()
    try:
        _classes.remove()
    finally:
        _functions.remove()


def seed_randomness(seed: bytes) -> None:
    """Begin a run: what it draws follows from the seed, and its monotonic clocks begin anew.

    Args:
        seed: Any number of bytes.
    """
    assert Intercepts._depth, "outside of a context the generator of random is the user's"
    draws.begin(seed)
    clock.origin_ns = None
    random.seed(int.from_bytes(blake2b(b"random", key=draws.key, digest_size=32).digest()))


def drawn() -> object:
    """How far what draws has come: it is another value once anything has been drawn."""
    return draws.drawn, random.getstate()


def shift_clock(offset_ns: int) -> None:
    """Add so many nanoseconds to what simulated threads read as time, from now on and until the context ends."""
    clock.offset_ns = offset_ns


def monotonic_origin() -> int | None:
    """The simulated time at which the monotonic clocks would show 0; None until one of them is read."""
    return clock.origin_ns
