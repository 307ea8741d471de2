"""Sees whether a subject keeps what is observed elsewhere than in its object: in a file, in a library, in another process.

Reductions compare the outside object. Where that stays as it was while what is observed changes, they would take
different states for the same, and none of them may be used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..sim.code import statements
from .fingerprints import fingerprint_of
from .values import shown

if TYPE_CHECKING:
    from ..sim.works import Work
    from .runs import Execution

LONGEST: Final = 10_000
"""So many characters of what is observed are compared."""


class Witness:
    """Follows a run, and looks at each statement what the outside object holds and what is observed.

    Attributes:
        has_seen_change: Whether what is observed was not always the same.
    """

    def __init__(self, execution: Execution) -> None:
        self.has_seen_change = False
        self._execution = execution
        self._before: tuple[object, str] = (None, "")
        self._looks = 0

    def begins(self, work: Work) -> None:
        """A work begins."""
        self._look()

    def arrives(self, work: Work, number: int, visit: int) -> None:
        """A work is about to do a statement."""
        self._look()

    def happens(self, work: Work, number: int, kind: str, answer: int) -> None:
        """Nothing goes wrong here."""

    def ends(self, work: Work, how: str) -> None:
        """A work has come to its end by itself."""
        self._look()

    def _look(self) -> None:
        before, self._before = self._before, self._standing()
        self._looks += 1
        self.has_seen_change = self.has_seen_change or (self._looks > 1 and before[1] != self._before[1])
        if before[0] is not None and before[0] == self._before[0] and before[1] != self._before[1]:
            self._execution.case.keeps_elsewhere = True

    def _standing(self) -> tuple[object, str]:
        """What the outside object holds, and what is observed; nothing where that cannot be told now."""
        hook, statements.arrive = statements.arrive, None
        try:
            return fingerprint_of(self._execution.outside), shown(self._execution.observe(), LONGEST)
        except Exception:  # noqa: BLE001  # some can be observed only once there is something, or while nobody works
            return None, ""
        finally:
            statements.arrive = hook
