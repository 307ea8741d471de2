"""The beginning of the long run, of which ``python tests/properties/long_run.py`` does a million steps."""

from __future__ import annotations

from collections import Counter
from random import Random  # noqa: TID251  # the seed of a world is all that it draws from

import pytest
from little_slack import little_slack
from long_run import KINDS, STEPS_OF_ONE_WORLD, long_run


@pytest.mark.parametrize("kind", KINDS)
def test_every_step_of_a_random_program_is_as_the_queue_promises(kind: str) -> None:
    assert long_run(kind, steps=5_000, seed=1).total() == 5_000


@pytest.mark.parametrize(("kind", "seed"), [("imperfect", "22 99"), ("imperfect", "22 1847")])
def test_worlds_that_once_broke_a_promise_keep_it(kind: str, seed: str) -> None:
    """What broke in each.

    22 99: stray copies that expired, of which nobody is told, left stale deadlines behind.
    22 1847: the order of what falls due at one instant hung on whether stale deadlines were cleaned up before.
    """
    with little_slack():
        KINDS[kind](Random(seed), STEPS_OF_ONE_WORLD, Counter())
