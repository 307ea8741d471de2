"""Looks for a run that breaks a consumer: the smallest first, all of them as far as the budget goes, then at random.

The runs of a case form a tree (see ``choices``): a run's children have one thing more go wrong. The search
walks it by weight, few faults and few messages before many; then seeds draw faults at rates of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from heapq import heappop, heappush
from typing import Final

from ..engine import decisions as chance
from ..sim.faults import FAULTS, Faults
from ..sim.sources import Place, PointAddress, SeededSource
from ..sim.works import Work
from .choices import Exploration
from .laboratory import Laboratory
from .reductions import Comparison, Known, reduced
from .stories import Kept, Story

WEIGHTS: Final = {
    chance.KILL: 9, chance.OVERLAP: 10, chance.DUPLICATE: 8, chance.DUPLICATE_AFTER_DELETE: 11, chance.REORDER: 11,
    chance.SPLIT: 4, chance.RECYCLE: 11, chance.STALL: 12, chance.INTERRUPT: 10, chance.STALE_DELETE: 12,
    chance.API_ERROR: 13, chance.PARTIAL: 13, chance.THROTTLE: 13, chance.LOST_ANSWER: 13, chance.MISS: 14,
    chance.STALE_COUNTS: 8, chance.SKEW: 14, chance.TIE: 16,
}  # fmt: skip
"""How late a question is asked: what breaks most consumers comes first; messages in several batches are everyday."""

IDLE: Final = 6
"""So much later it is asked for an overlap before a statement that changes nothing, as those before others mostly show the same."""

EXPLORING_WORKERS: Final = 2
"""So many may work at once in the exhaustive part; random runs have as many as the settings allow."""

LIKE_BUDGET: Final = 150
"""So many runs look for a known kind of story on fewer messages."""

FINE: Final = 2
"""Runs with fewer faults are compared with what is known after every event, as many others grow out of them."""

DEEPEST: Final = 13
"""So many things go wrong in a plan of the exhaustive part: of a consumer that is killed each time nothing follows."""

RATES: Final = (0.02, 0.05, 0.15, 0.4)
SHARES: Final = (0.3, 0.6, 1.0)
MOST: Final = (1, 2, 3, 5, 8, 13)
"""After so many faults nothing goes wrong any more in a random run: then the consumer must get on its feet."""


class Search:
    """Walks the tree of plans, lightest first.

    Args:
        laboratory: What runs them.
        roots: The sets of messages to begin with.
        workers: How many may work at once.
        allows: Which choices are tried; all unless given.
    """

    def __init__(
        self,
        laboratory: Laboratory,
        roots: list[Kept],
        workers: int | None = EXPLORING_WORKERS,
        allows: Callable[[Place], bool] = lambda address: True,
    ) -> None:
        self._allows = allows
        self._laboratory = laboratory
        self._workers = workers
        self._heap: list[tuple[int, int, Kept, dict[Place, int], list[tuple[Place, int]]]] = []
        """Plans, and what more may go wrong in them, the next last: each is a plan of that weight; with nothing, the plan itself."""
        self._known: dict[Kept, Known] = {kept: Known() for kept in roots}
        self._pushed = 0
        self._left_out = False
        self._was_opaque = laboratory.case.is_opaque
        for index, kept in enumerate(kept for kept in roots if laboratory.stands_alone(kept)):
            self._push(index, kept, {})

    def _push(self, weight: int, kept: Kept, plan: dict[Place, int], more: Sequence[tuple[Place, int]] = ()) -> None:
        self._pushed += 1
        heappush(self._heap, (weight, self._pushed, kept, plan, list(reversed(more))))

    def _pop(self) -> tuple[int, Kept, dict[Place, int]]:
        weight, _, kept, plan, more = self._heap[0]
        if more:
            address, answer = more.pop()
            plan = {**plan, address: answer}
        if not more:
            heappop(self._heap)
        return weight, kept, plan

    def _push_children(self, weight: int, kept: Kept, plan: dict[Place, int], source: Exploration) -> None:
        """Keep the plans in which one thing more goes wrong, those of one weight together, as most never have their turn."""
        acting = _acting(source)
        children: dict[int, list[tuple[Place, int]]] = {}
        for place, address, answer, skip in reduced(source, by_statements=False):
            if not skip and self._allows(address):
                is_idle = address.kind == chance.OVERLAP and place not in acting
                more = WEIGHTS[address.kind] + (answer - 1) // 2 + (IDLE if is_idle else 0)
                children.setdefault(weight + more, []).append((address, answer))
        for heavier, alike in children.items():
            self._push(heavier, kept, plan, alike)

    @property
    def is_exhausted(self) -> bool:
        """Whether every plan has been tried; not where states were compared before it was seen that more tells them apart."""
        is_sure = self._was_opaque or not self._laboratory.case.is_opaque
        return (
            not self._heap and not self._left_out and is_sure and not any(known.named for known in self._known.values())
        )

    def stories(self, budget: int, most_faults: int | None = None) -> Iterator[Story]:
        """Failing runs as they are met, within so many runs."""
        laboratory = self._laboratory
        last = laboratory.runs + budget
        while self._heap and laboratory.runs < last:
            weight, kept, plan = self._pop()
            is_leaf = most_faults is not None and len(plan) >= most_faults
            outcome, source, finding = laboratory.explore(
                kept,
                plan,
                self._workers,
                records=not is_leaf,
                comparing=None if is_leaf else Comparison(known=self._known[kept], finely=len(plan) < FINE),
            )
            if finding is not None:
                yield Story(kept, outcome.happened, self._workers, finding)
                if finding.is_hasty or finding.is_cut:  # whoever wants another has found it to be given up too early
                    self._push(weight, kept, plan)
            elif len(plan) == DEEPEST:
                self._left_out = True
            elif not is_leaf and len(outcome.happened) == len(plan):
                self._push_children(weight, kept, plan, source)


def _acting(source: Exploration) -> set[int]:
    """The statements, by their place among the questions, that change what outlives their work, or may.

    Before one of these, what a work has read still holds for it and is about to count: there most overlaps do harm.
    """
    acting: set[int] = set()
    last: dict[Work, tuple[int, object]] = {}
    for place, (asked, *_) in enumerate(source.asked):
        if isinstance(asked, str):
            continue
        before, lasting = last.get(asked.work, (place, None))
        if before < place and (lasting is None or lasting != asked.lasting):
            acting.add(before)
        last[asked.work] = place, asked.lasting
    return acting


def search_like(laboratory: Laboratory, kept: Kept, story: Story) -> Story | None:
    """A story on other messages, with no more faults than another one has, of its kinds and at its statements only."""
    if not laboratory.stands_alone(kept):
        return None
    like = {_place(address) for address in story.plan}
    search = Search(laboratory, [kept], story.workers, lambda address: _place(address) in like)
    found = next(search.stories(LIKE_BUDGET, len(story.plan)), None)
    return found if found is not None and found.size < story.size else None


def _place(address: Place) -> tuple[str, str]:
    """What two choices have in common that do the same to other messages: the kind, and the statement."""
    return address.kind, address.point.partition(".")[0] if isinstance(address, PointAddress) else ""


def roots_of(messages: int) -> list[Kept]:
    """The sets of messages that a search begins with: the first, the first two, all."""
    everything = tuple(range(messages))
    return list(dict.fromkeys([everything[:1], everything[:2], everything]))


def drawn(seed: int | str, number: int, kinds: frozenset[str], given: Faults | None) -> SeededSource:
    """What answers in the ``number``-th random run of a seed: some kinds of fault, at a rate, or those given."""
    bits = blake2b(f"{seed} {number}".encode(), digest_size=32).digest()
    if given is None:
        share, rate = SHARES[bits[0] % len(SHARES)], RATES[bits[1] % len(RATES)]
        names = [name for name in FAULTS if name in kinds]
        chosen = [name for index, name in enumerate(names) if bits[2 + index] < share * 256] or [
            names[bits[30] % len(names)]
        ]
        given = Faults(**dict.fromkeys(chosen, rate))
    return SeededSource(bits, given, MOST[bits[31] % len(MOST)])


def random_story(
    laboratory: Laboratory, kept: Kept, seed: int | str, number: int, given: Faults | None
) -> Story | None:
    """What is wrong with the ``number``-th random run of a seed, if anything."""
    outcome, source = laboratory.run(kept, drawn(seed, number, laboratory.kinds, given))
    finding = laboratory.judge(outcome, kept)
    return None if finding is None else Story(kept, dict(source.choices), None, finding)
