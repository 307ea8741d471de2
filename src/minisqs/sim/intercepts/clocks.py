"""What ``time`` and ``datetime`` say to simulated code."""

from __future__ import annotations

import datetime as dt
import sys
import warnings
from collections.abc import Iterator
from operator import index
from time import struct_time
from typing import Any, Final

from ...limits import SECOND_NS
from .attributes import Attribute, attributes_of
from .here import Simulation, here, machine

MONOTONIC_START_NS: Final = (1 << 20) * SECOND_NS
"""What the monotonic clocks show when a run first reads one: twelve days, where a float still has each nanosecond."""


class _Clock:
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
            return machine["time.time"]()  # type: ignore[no-any-return]
        return (simulation.now_ns() + self.offset_ns) / SECOND_NS

    def time_ns(self) -> int:
        simulation = here.simulation
        return machine["time.time_ns"]() if simulation is None else simulation.now_ns() + self.offset_ns

    def monotonic(self) -> float:
        simulation = here.simulation
        return machine["time.monotonic"]() if simulation is None else self._since_origin_ns(simulation) / SECOND_NS

    def monotonic_ns(self) -> int:
        simulation = here.simulation
        return machine["time.monotonic_ns"]() if simulation is None else self._since_origin_ns(simulation)

    def perf_counter(self) -> float:
        simulation = here.simulation
        return machine["time.perf_counter"]() if simulation is None else self._since_origin_ns(simulation) / SECOND_NS

    def perf_counter_ns(self) -> int:
        simulation = here.simulation
        return machine["time.perf_counter_ns"]() if simulation is None else self._since_origin_ns(simulation)

    def sleep(self, seconds: float, /) -> None:
        simulation = here.simulation
        if simulation is None:
            machine["time.sleep"](seconds)
            return
        seconds = seconds if isinstance(seconds, float) else index(seconds)
        if not 0 <= seconds < float("inf"):
            machine["time.sleep"](seconds)  # refuses it
        simulation.sleep(seconds)

    def _default(self, seconds: float | None) -> float | None:
        """A time that may have been left out."""
        now_ns = self.now_ns() if seconds is None else None
        return seconds if now_ns is None else now_ns // SECOND_NS

    def localtime(self, seconds: float | None = None, /) -> struct_time:
        return machine["time.localtime"](self._default(seconds))  # type: ignore[no-any-return]

    def gmtime(self, seconds: float | None = None, /) -> struct_time:
        return machine["time.gmtime"](self._default(seconds))  # type: ignore[no-any-return]

    def ctime(self, seconds: float | None = None, /) -> str:
        return machine["time.ctime"](self._default(seconds))  # type: ignore[no-any-return]

    def asctime(self, *moment: Any) -> str:
        return machine["time.asctime"](*(moment or self._moment()))  # type: ignore[no-any-return]

    def strftime(self, form: str, /, *moment: Any) -> str:
        return machine["time.strftime"](form, *(moment or self._moment()))  # type: ignore[no-any-return]

    def _moment(self) -> tuple[struct_time, ...]:
        """The local time that was left out; nothing where the real function finds it itself."""
        return () if here.simulation is None else (self.localtime(),)


clock: Final = _Clock()

sleep_code: Final = _Clock.sleep.__code__
"""What runs in the place of ``time.sleep``."""

_OF_TIME: Final = (
    "time time_ns monotonic monotonic_ns perf_counter perf_counter_ns sleep localtime gmtime ctime asctime strftime"
)
FUNCTIONS: Final[dict[str, object]] = {f"time.{name}": getattr(clock, name) for name in _OF_TIME.split()}


_DATETIME: Final = [one for one in dt.datetime.__mro__ if "fromtimestamp" in vars(one) and "now" in vars(one)][-1]
"""The original, even if somebody has put a subclass in its place."""


_from_timestamp: Final = vars(_DATETIME)["fromtimestamp"]


def _moment(cls: Any, now_ns: int, tz: dt.tzinfo | None) -> Any:
    """An instant of a class that may be a subclass; microseconds are cut off, as the real ones do."""
    return _from_timestamp.__get__(None, cls)(now_ns // 1000 / 1_000_000, tz)


def _now(attribute: Attribute) -> object:
    def now(cls: type, tz: dt.tzinfo | None = None) -> Any:
        now_ns = clock.now_ns()
        return attribute.real.__get__(None, cls)(tz) if now_ns is None else _moment(cls, now_ns, tz)

    return classmethod(now)


def _utcnow(attribute: Attribute) -> object:
    def utcnow(cls: type) -> Any:
        now_ns = clock.now_ns()
        if now_ns is None:
            return attribute.real.__get__(None, cls)()
        if sys.version_info >= (3, 12):
            warnings.warn("datetime.datetime.utcnow() is deprecated", DeprecationWarning, stacklevel=2)
        return _moment(cls, now_ns, dt.UTC).replace(tzinfo=None)

    return classmethod(utcnow)


def _today(attribute: Attribute) -> object:
    def today(cls: Any) -> Any:
        now_ns = clock.now_ns()
        return attribute.real.__get__(None, cls)() if now_ns is None else cls.fromtimestamp(now_ns // 1000 / 1_000_000)

    return classmethod(today)


def attributes(classes: list[type]) -> Iterator[Attribute]:
    """The methods of these classes, which stand for ``datetime`` and ``date``, that have stand-ins."""
    for name, make in (("now", _now), ("utcnow", _utcnow), ("today", _today)):
        yield from attributes_of(classes, name, make)
