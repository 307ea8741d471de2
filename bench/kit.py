"""Measuring side by side, and printing what came out.

A machine is never equally fast for long, so a time by itself says little. Here candidates take turns in
one process, the order is reversed every other round, and what counts is the median, over the rounds, of
the ratio between two of them in the same round. What was there before a measurement is frozen for the
garbage collector: a candidate does not pay for going through what another one holds.
"""

from __future__ import annotations

import gc
import statistics
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

BODY = '{"order": 4711, "customer": "c-0815", "lines": [{"article": "tea", "amount": 2, "price": 345}], "x": 1}'


class Ratio(NamedTuple):
    """The median of pairwise ratios, and the ends of the middle half of them."""

    median: float
    lower: float
    upper: float


class Results:
    """What every candidate measured in every round, by the name of what it measured."""

    def __init__(self) -> None:
        self._rounds: list[dict[str, Mapping[str, float]]] = []

    def add(self, measured: dict[str, Mapping[str, float]]) -> None:
        """Take in what each candidate measured in one round."""
        self._rounds.append(measured)

    def ratio(self, what: str, candidate: str, base: str, *, less: str | None = None) -> Ratio:
        """``candidate`` over ``base``, pair by pair; first ``less``, which both contain, is taken off."""
        ratios = []
        for measured in self._rounds:
            common = 0.0 if less is None else measured[less][what]
            ratios.append((measured[candidate][what] - common) / (measured[base][what] - common))
        ratios.sort()
        quarter = len(ratios) // 4
        return Ratio(statistics.median(ratios), ratios[quarter], ratios[-1 - quarter])

    def median(self, what: str, candidate: str) -> float:
        """The median over the rounds of what one candidate measured."""
        return statistics.median(measured[candidate][what] for measured in self._rounds)


def in_turn(candidates: Mapping[str, Callable[[], Mapping[str, float]]], rounds: int) -> Results:
    """Let the candidates measure in turn; a first round warms up and is not kept."""
    results = Results()
    names = list(candidates)
    with frozen():
        for number in range(rounds + 1):
            measured = {name: candidates[name]() for name in (names if number % 2 else reversed(names))}
            if number:
                results.add(measured)
    return results


@contextmanager
def frozen() -> Iterator[None]:
    """Keep the garbage collector away from everything that is there already."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


class Goal(NamedTuple):
    """A bound that a figure is to keep."""

    bound: float
    at_least: bool = False

    def kept(self, value: float) -> bool:
        """Whether ``value`` keeps it."""
        return value >= self.bound if self.at_least else value <= self.bound


def section(title: str, meaning: str) -> None:
    """Begin a table; ``meaning`` says what its figures are ratios of."""
    print(f"\n{title}: {meaning}")


def figure(name: str, value: float, goal: Goal | None = None, *, unit: str = "x", note: str = "") -> None:
    """Print one line: name, figure, goal, and whether it is kept."""
    wanted, verdict = "", ""
    if goal is not None:
        wanted = f"goal {'>=' if goal.at_least else '<='} {goal.bound:,g}{unit}"
        verdict = "ok" if goal.kept(value) else "MISSED"
    shown = f"{value:,.2f}" if abs(value) < 100 else f"{value:,.0f}"
    print(f"  {name:42} {shown + unit:>11}  {wanted:16} {verdict:6}  {note}".rstrip(), flush=True)


def ratio_figure(name: str, ratio: Ratio, goal: Goal | None = None) -> None:
    """The same for a ratio, with its spread over the rounds."""
    figure(name, ratio.median, goal, note=f"half of the rounds {ratio.lower:,.3g} to {ratio.upper:,.3g}")


def left_out(name: str, why: str) -> None:
    """Say that a figure is missing."""
    print(f"  {name:42} left out: {why}", flush=True)
