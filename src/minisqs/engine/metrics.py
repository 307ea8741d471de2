"""What CloudWatch would show: one-minute data by simulated time (sqs.md 15.4).

Whoever is measured counts its totals as it works. When time enters another minute, ``Series.close`` turns
what was added in the minute that is over into a row, beside the gauges as they stood at its end. Who does
nothing for six hours writes no more rows until it works again. Rows are kept for fifteen days, as
CloudWatch keeps one-minute data.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple, Protocol, TypeAlias

from .. import errors
from ..limits import NEVER_NS, SECOND_NS

MINUTE_NS: Final = 60 * SECOND_NS
ACTIVE_NS: Final = 6 * 60 * MINUTE_NS
KEPT_MINUTES: Final = 15 * 24 * 60

Numbers: TypeAlias = Mapping[str, int]


class Gauges(NamedTuple):
    """What the gauges show as long as nothing happens: numbers that stay, and ages that grow.

    Attributes:
        numbers: By name.
        since_ns: From when on each age counts, by name; None where nothing has an age.
    """

    numbers: Numbers
    since_ns: Mapping[str, int | None]

    def at(self, time_ns: int) -> dict[str, int]:
        """What they show at a time; ages in whole seconds."""
        ages = {name: 0 if since is None else (time_ns - since) // SECOND_NS for name, since in self.since_ns.items()}
        return {**self.numbers, **ages}


class Series:
    """The one-minute data of one queue."""

    __slots__ = ("_active_until_ns", "_began_ns", "_closed", "_rows", "end_ns")

    def __init__(self, began_ns: int) -> None:
        self._began_ns = began_ns
        self._closed: Numbers = {}
        self._active_until_ns = began_ns
        self._rows: deque[tuple[int, Numbers]] = deque(maxlen=KEPT_MINUTES)
        self.end_ns = began_ns + MINUTE_NS
        """When the present minute is over."""

    def close(self, totals: Numbers, gauges: Gauges, until_ns: int) -> None:
        """Close the minutes that are over by ``until_ns``; nothing has happened since the first of them ended."""
        counts = {name: total - self._closed.get(name, 0) for name, total in totals.items()}
        self._closed = dict(totals)
        while self.end_ns <= until_ns:
            if any(counts.values()):
                self._active_until_ns = self.end_ns + ACTIVE_NS
            if self.end_ns > self._active_until_ns:
                idle = (until_ns - self.end_ns) // MINUTE_NS + 1
                self.end_ns += idle * MINUTE_NS
                return
            began_s = (self.end_ns - MINUTE_NS - self._began_ns) // SECOND_NS
            self._rows.append((began_s, {**counts, **gauges.at(self.end_ns)}))
            counts = dict.fromkeys(counts, 0)
            self.end_ns += MINUTE_NS

    def stop(self) -> None:
        """Keep no more minutes."""
        self.end_ns = NEVER_NS

    def minutes(self, name: str) -> dict[int, int]:
        """A metric by the second, since counting began, at which each minute began."""
        return {began_s: row[name] for began_s, row in self._rows if name in row}


class OneMinuteData(Protocol):
    """Whatever can tell a metric minute by minute."""

    def minutes(self, name: str) -> dict[int, int]:
        """A metric by the second at which each minute began."""
        ...


class Metrics(Mapping[str, int]):
    """The metrics of a queue, a function or a mapping as plain numbers.

    ``metrics["NumberOfMessagesSent"]`` is the total of a count, or what a gauge shows now;
    ``metrics.minutes("NumberOfMessagesSent")`` is the one-minute data, from the second at which a minute
    began to the number. The minute that is not over is absent, and so are those of an idle queue.
    """

    def __init__(self, read: Callable[[], tuple[Numbers, OneMinuteData]]) -> None:
        self._read = read

    def __repr__(self) -> str:
        try:
            return f"Metrics({dict(self._read()[0])!r})"
        except errors.QueueDoesNotExist:
            return "<metrics of a queue that is gone>"

    def __getitem__(self, name: str) -> int:
        return self._read()[0][name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read()[0])

    def __len__(self) -> int:
        return len(self._read()[0])

    def minutes(self, name: str) -> dict[int, int]:
        """The one-minute data of a metric.

        Raises:
            KeyError: No such metric.
        """
        numbers, series = self._read()
        if name not in numbers:
            raise KeyError(name)
        return series.minutes(name)
