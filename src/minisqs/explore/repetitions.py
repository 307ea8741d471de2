"""Where a timeline goes round in a circle: a message that comes again and again fills it with the same few lines.

What led there, and the first round, say all there is to say; the other rounds are counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from .telling import Line

LONGEST: Final = 40
"""So many lines a round may have."""

FEWEST: Final = 2
"""So many rounds are left out at least."""


class Rounds(NamedTuple):
    """Rounds that are all like the one before them.

    Attributes:
        first: The place of their first line.
        end: The place after their last line; at the end of a timeline, after what it has of another round.
        times: How many they are.
    """

    first: int
    end: int
    times: int


def rounds_of(timeline: Sequence[Line]) -> Rounds | None:
    """The rounds of a timeline that need not be told, as many lines as can be left out; None where there are none.

    Cost: O(n), n lines, for each length that a round may have.
    """
    keys = [_key(line) for line in timeline]
    found = [rounds for length in range(1, LONGEST + 1) for rounds in _rounds_of_length(keys, length)]
    return max(found, key=lambda rounds: rounds.end - rounds.first, default=None)


def _key(line: Line) -> tuple[object, ...]:
    """What a line has in common with that of another round: neither times, counts nor what has become of a value."""
    return line.mark, line.messages, "" if line.mark == "+" else line.text.partition("  -> ")[0]


def _rounds_of_length(keys: Sequence[tuple[object, ...]], length: int) -> Iterator[Rounds]:
    """All that repeats itself after so many lines, without its first round."""
    start = 0
    for place in range(len(keys) - length + 1):
        if place + length < len(keys) and keys[place] == keys[place + length]:
            continue
        first = _after_an_end(keys, start + length, length)
        times = (place + length - first) // length
        if times >= FEWEST:
            end = first + times * length
            yield Rounds(first, len(keys) if place + length == len(keys) else end, times)
        start = place + 1


def _after_an_end(keys: Sequence[tuple[object, ...]], first: int, length: int) -> int:
    """The first place from ``first`` on, within a round, that comes after something has ended; else that one."""
    places = range(first, min(first + length, len(keys)))
    return next((place for place in places if keys[place - 1][0] == "-"), first)
