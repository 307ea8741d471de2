"""One-minute data of functions and mappings: points that are added under the minute they belong to.

A point may come late: an error counts in the minute in which its invocation began. A minute without a
point is absent, not 0. Minutes count from the beginning of the world, and the latest fifteen days of them
are kept, as CloudWatch does.

Source: lambda-poller.md 7.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from ..engine.metrics import KEPT_MINUTES, MINUTE_NS
from ..limits import SECOND_NS


class Points:
    """The totals and the one-minute data of what is counted.

    Args:
        names: What is counted.
        began_ns: From when on minutes count.
    """

    def __init__(self, names: Iterable[str], began_ns: int) -> None:
        self.totals = dict.fromkeys(names, 0)
        self._began_ns = began_ns
        self._minutes: OrderedDict[int, dict[str, int]] = OrderedDict()
        """In the order in which they were entered: a late one stands a little behind its place."""
        self._enter(began_ns)

    def add(self, name: str, value: int, time_ns: int) -> None:
        """Add a point to its minute; 0 makes the minute show 0. Cost: O(1)."""
        if not 0 <= time_ns - self._from_ns < MINUTE_NS:
            self._enter(time_ns)
        self.totals[name] += value
        self._points[name] = self._points.get(name, 0) + value

    def raise_to(self, name: str, value: int, time_ns: int) -> None:
        """Let a minute, and the total, show the highest of its points."""
        if not 0 <= time_ns - self._from_ns < MINUTE_NS:
            self._enter(time_ns)
        self.totals[name] = max(self.totals[name], value)
        self._points[name] = max(self._points.get(name, 0), value)

    def minutes(self, name: str) -> dict[int, int]:
        """The points by the second, since the world began, at which each minute began; in order."""
        return {
            number * MINUTE_NS // SECOND_NS: points[name]
            for number, points in sorted(self._minutes.items())
            if name in points
        }

    def _enter(self, time_ns: int) -> None:
        """Turn to the minute of a point."""
        number = (time_ns - self._began_ns) // MINUTE_NS
        self._from_ns = self._began_ns + number * MINUTE_NS
        if len(self._minutes) == KEPT_MINUTES and number not in self._minutes:
            if number < next(iter(self._minutes)):  # too late to be shown
                self._points = {}
                return
            self._minutes.popitem(last=False)
        self._points = self._minutes.setdefault(number, {})


class Peak:
    """The highest value in each minute of what keeps its value between changes.

    Args:
        points: Where the peaks go.
        name: Under which name.
        now: From when on minutes count.
    """

    def __init__(self, points: Points, name: str, now: int) -> None:
        self._points = points
        self._name = name
        self._value = 0
        self._highest = 0
        self._minute_end_ns = now + MINUTE_NS

    def change(self, value: int, now: int) -> None:
        """Take another value from ``now`` on. Cost: O(1), and one for each minute with a value since."""
        if now >= self._minute_end_ns:
            self._fill(now)
        self._value = value
        if value > self._highest:
            self._highest = value
            self._points.raise_to(self._name, value, now)

    def _fill(self, now: int) -> None:
        """Let the minutes since the last change, and the present one, show the value that held.

        A value that held until the very beginning of the present minute is no value of that minute.
        """
        minutes = (now - self._minute_end_ns) // MINUTE_NS + 1
        begun = now > self._minute_end_ns + (minutes - 1) * MINUTE_NS
        if self._value:
            for number in range(minutes if begun else minutes - 1):
                self._points.raise_to(self._name, self._value, self._minute_end_ns + number * MINUTE_NS)
        self._minute_end_ns += minutes * MINUTE_NS
        self._highest = self._value if begun else 0
