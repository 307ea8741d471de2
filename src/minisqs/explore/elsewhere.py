"""Sees whether a subject keeps what is observed elsewhere than in its object: in a file, in a library, in another process.

Reductions compare the outside object. Where that stays as it was while what is observed changes, they would take
different states for the same, and none of them may be used.
"""

from __future__ import annotations

import sys
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from .fingerprints import fingerprint_of
from .values import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..engine.message import Message
    from ..sim.works import Work
    from .runs import Execution

MOST_LOOKS: Final = 200
"""After so many statements it is looked only where works begin and end."""


class Witness:
    """Follows a run, and looks at each statement what the outside object holds and what is observed.

    Attributes:
        has_seen_change: Whether what is observed was not always the same.
    """

    def __init__(self, execution: Execution) -> None:
        self.has_seen_change = False
        self._execution = execution
        self._before: tuple[object, bytes] | None = None
        self._looks = 0

    def begins(self, work: Work) -> None:
        """A work begins."""
        self._look()

    def arrives(self, work: Work, number: int, visit: int) -> None:
        """A work is about to do a statement."""
        if self._looks < MOST_LOOKS:
            self._look()

    def happens(self, work: Work, number: int, kind: str, answer: int) -> None:
        """Nothing goes wrong here."""

    def ends(self, work: Work, how: str) -> None:
        """A work has come to its end by itself."""
        self._look()

    def reports(self, work: Work, failed: Sequence[Message], why: str) -> None:
        """A list of failures changes nothing outside."""

    def _look(self) -> None:
        self._looks += 1
        self._execution.stage.came_back += 1  # it goes on: the time that this takes is not the user's code's
        now = self._standing()
        if now is None:
            return
        before, self._before = self._before, now
        if before is not None and before[1] != now[1]:
            self.has_seen_change = True
            if before[0] is not None and before[0] == now[0]:
                self._execution.case.keeps_elsewhere = True

    def _standing(self) -> tuple[object, bytes] | None:
        """What the outside object holds, and what is observed; None where that cannot be told now."""
        try:
            with self._execution.stage.looking():
                observed = shown(self._execution.observe(), sys.maxsize).encode("utf-8", "surrogatepass")
                return fingerprint_of(self._execution.outside), blake2b(observed).digest()
        except Exception:  # noqa: BLE001  # some can be observed only once there is something, or while nobody works
            return None
