"""What a report tells is needed: without any one of its faults, messages or workers the consumer passes.

The stories of the zoo's bugs are run again with one thing less. A message less moves statements, so that a fault
may lie elsewhere: then no run at all with that many faults of those kinds may fail.
"""

from __future__ import annotations

import pytest
from zoo import ZOO

import minisqs
from minisqs.explore import tokens
from minisqs.explore.laboratory import Laboratory
from minisqs.explore.oracles import Oracles
from minisqs.explore.search import search_like
from minisqs.explore.stories import Story
from minisqs.explore.subjects import Case
from minisqs.sim.faults import FAULTS

pytestmark = pytest.mark.slow

every_specimen = pytest.mark.parametrize("specimen", ZOO, ids=lambda specimen: specimen.name.replace(" ", "-"))


class Told:
    """The story of a specimen's bug, and where it can be tried with less.

    Args:
        specimen: Whose bug.
    """

    def __init__(self, specimen):
        self.settings = {"queue": specimen.queue, "function": specimen.function, "mapping": specimen.mapping}
        with pytest.raises(minisqs.CheckFailed) as caught:
            minisqs.check(specimen.bug, specimen.messages, **self.settings)
        self.report = caught.value.report
        self.kept = tuple(place - 1 for place, _ in self.report.messages)
        self.workers = tokens.read(self.report.token).workers
        self.case = Case(specimen.bug, specimen.messages, **self.settings)
        self.laboratory = Laboratory(self.case, Oracles.of(None, specimen.bug), frozenset(FAULTS))

    def fails(self, *, kept=None, plan=None, workers=...):
        """Whether the consumer still breaks with these instead of the story's own."""
        kept = self.kept if kept is None else kept
        plan = self.report.plan if plan is None else plan
        with self.laboratory as laboratory:
            return laboratory.try_out(kept, plan, self.workers if workers is ... else workers)

    def fails_with_fewer_messages(self, kept):
        """Whether any run on fewer messages breaks with no more faults of the same kinds."""
        with self.laboratory as laboratory:
            story = laboratory.try_out(self.kept, self.report.plan, self.workers)
            assert isinstance(story, Story)
            return search_like(laboratory, kept, story)


@every_specimen
def test_nothing_of_a_story_can_be_left_out(specimen):
    told = Told(specimen)
    assert told.fails()
    for address in told.report.plan:
        less = {other: answer for other, answer in told.report.plan.items() if other != address}
        assert not told.fails(plan=less), f"without {address}"
    for place in told.kept if len(told.kept) > 1 else ():
        fewer = tuple(one for one in told.kept if one != place)
        assert not told.fails_with_fewer_messages(fewer), f"without message {place + 1}"
    if told.workers is not None and told.workers > 1:
        assert not told.fails(workers=told.workers - 1), "with a worker less"
