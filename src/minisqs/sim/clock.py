"""The world's clock: whole nanoseconds since 1970, moved only by the kernel."""

from __future__ import annotations

from .. import errors
from ..limits import NEVER_NS, SECOND_NS


class Clock:
    """What time it is in the simulation.

    Attributes:
        started_ns: When the world began.
        now_ns: What time it is; never goes back.
    """

    __slots__ = ("now_ns", "started_ns")

    def __init__(self, started_ns: int) -> None:
        self.started_ns = started_ns
        self.now_ns = started_ns

    @property
    def seconds(self) -> float:
        """Simulated seconds since the world began, for reading; compare ``now_ns`` instead."""
        return (self.now_ns - self.started_ns) / SECOND_NS

    def move_to(self, time_ns: int) -> None:
        """Go forward to ``time_ns``; a time that is past changes nothing."""
        self.now_ns = max(self.now_ns, time_ns)

    def __repr__(self) -> str:
        return f"<Clock {self.seconds:g} s after the world began>"


def check_time(time_ns: int) -> None:
    """Refuse an instant that the clock does not reach.

    Raises:
        UsageError: It lies in 2116 or later.
    """
    if time_ns >= NEVER_NS:
        raise errors.UsageError("a world's clock ends in the year 2116, and this would be later")


def nanoseconds(seconds: float) -> int:
    """A length of time in whole nanoseconds; fractions of one are rounded.

    >>> nanoseconds(1.5)
    1500000000

    Raises:
        UsageError: Not a number of seconds, or less than 0.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise errors.UsageError(f"a length of time is a number of seconds, not {seconds!r}")
    if not 0 <= seconds < float("inf"):
        raise errors.UsageError(f"a length of time is 0 seconds or more, and finite, not {seconds!r}")
    return seconds * SECOND_NS if isinstance(seconds, int) else round(seconds * SECOND_NS)
