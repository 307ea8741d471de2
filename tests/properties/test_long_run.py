"""The beginning of the long run, of which ``python tests/properties/long_run.py`` does a million steps."""

from __future__ import annotations

import pytest
from long_run import KINDS, long_run


@pytest.mark.parametrize("kind", KINDS)
def test_every_step_of_a_random_program_is_as_the_queue_promises(kind: str) -> None:
    assert long_run(kind, steps=5_000, seed=1).total() == 5_000
