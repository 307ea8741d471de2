"""Garbage is collected between runs, never in the middle of one.

Each run leaves a whole world behind, and its objects refer to each other in circles. Collections that begin by
themselves come dozens of times a run, at a statement that differs from run to run; they would cost a fifth of the time,
and the user's finalizers would run wherever they happen to. In early versions of CPython 3.11 and 3.12 one can lock up
for good while another thread looks at the stacks (gh-106883), as Dask's workers do a hundred times a second.
"""

from __future__ import annotations

import gc
from typing import Final

RUNS: Final = 20
"""Of so many runs the garbage is collected at once."""

COLLECTIONS: Final = 50
"""Every so many collections all generations are looked at, as some of what a run leaves is still held at the first."""


class Garbage:
    """What runs leave behind; as a context it keeps collections from beginning by themselves.

    What there is when many runs begin is not looked at (``gc.freeze``), unless somebody has frozen objects already.
    """

    def __init__(self) -> None:
        self._runs = 0
        self._was_enabled = self._has_frozen = False

    def __enter__(self) -> None:
        self._was_enabled = gc.isenabled()
        gc.disable()

    def __exit__(self, *raised: object) -> None:
        if self._has_frozen:
            gc.unfreeze()
            self._has_frozen = False
        if self._was_enabled:
            gc.enable()

    def run_ends(self) -> None:
        """Another run has ended, and nobody needs its world any more."""
        self._runs += 1
        if self._runs % RUNS:
            return
        if self._runs == RUNS and not gc.get_freeze_count():
            gc.collect(1)  # what is no longer held is not to be kept
            gc.freeze()
            self._has_frozen = True
        gc.collect(2 if self._runs % (RUNS * COLLECTIONS) == 0 else 1)
