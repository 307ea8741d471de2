"""Makes a failing run small: fewer faults, fewer messages, fewer workers, shorter waits, as long as it still fails.

As nothing bad is 0 and each choice has an address of its own, taking a fault away leaves all others where they
are. Where fewer messages move the statement that a fault is at, the fault is looked for anew.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..sim.sources import Place
from .choices import Choices
from .laboratory import Laboratory
from .search import search_like
from .stories import Kept, Story


def shrink(laboratory: Laboratory, story: Story) -> Story:
    """A story from which no fault, message or worker can be taken away."""
    again = True
    while again:
        again = False
        for smaller in _smaller(laboratory, story):
            again, story = True, smaller
            break
    return story


def _smaller(laboratory: Laboratory, story: Story) -> Iterator[Story]:
    """Failing stories that are smaller by one step, the largest steps first."""
    for kept, plan, workers in _steps(story):
        found = laboratory.try_out(kept, plan, workers)
        if found is not None and found.size < story.size:
            yield found
    for place in story.kept if len(story.kept) > 1 else ():
        kept = tuple(one for one in story.kept if one != place)
        found = search_like(laboratory, kept, story)
        if found is not None:
            yield found


def _steps(story: Story) -> Iterator[tuple[Kept, Choices, int | None]]:
    kept, plan, workers = story.kept, story.plan, story.workers
    addresses = list(plan)
    if len(addresses) > 4:
        half = len(addresses) // 2
        for part in (addresses[:half], addresses[half:]):
            yield kept, {address: plan[address] for address in part}, workers
    for address in addresses if len(addresses) > 1 else ():
        yield kept, _without(plan, address), workers
    if len(kept) > 3:
        half = len(kept) // 2
        yield kept[:half], plan, workers
        yield kept[half:], plan, workers
    for place in kept if len(kept) > 1 else ():
        yield tuple(one for one in kept if one != place), plan, workers
    for fewer in range(1, workers if workers is not None else 3):
        yield kept, plan, fewer
    for address, answer in plan.items():
        for less in range(1, answer):
            yield kept, {**plan, address: less}, workers


def _without(plan: Choices, address: Place) -> Choices:
    return {other: answer for other, answer in plan.items() if other != address}
