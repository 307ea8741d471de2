"""Sees whether a subject keeps something elsewhere than in its object: in a library, in what a function closes over.

Reductions compare the outside object. Where that stays as it was while what is observed changes, or where the
surroundings of the code change, they would take different states for the same, and none of them may be used.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from .fingerprints import fingerprint_of
from .values import kept_state, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..engine.message import Message
    from ..sim.works import Work
    from .runs import Execution
    from .surroundings import Surroundings

MOST_LOOKS: Final = 200
"""After so many statements it is looked only where works begin and end."""

MOST_LOOKS_AROUND: Final = 40
"""So many times the surroundings are looked at, which takes longer."""

FEW_LOOKS_AROUND: Final = 4
"""So many times where they are large."""


class _Follower:
    """Follows a run, and looks around at each statement."""

    def __init__(self, execution: Execution) -> None:
        self._execution = execution
        self._looks = 0

    def begins(self, work: Work, messages: Sequence[Message]) -> None:
        """A work begins."""
        self._look_around()

    def arrives(self, work: Work, number: int, visit: int) -> None:
        """A work is about to do a statement."""
        if self._looks < MOST_LOOKS:
            self._look_around()

    def happens(self, work: Work, number: int, kind: str, answer: int) -> None:
        """What goes wrong is of no interest."""

    def goes_on(self, work: Work) -> None:
        """What others did meanwhile was looked at."""

    def refuses(self, work: Work, why: str) -> None:
        """What is refused changes nothing."""

    def ends(self, work: Work, how: str) -> None:
        """A work has come to its end by itself."""
        self._look_around()

    def reports(self, work: Work, failed: Sequence[Message], why: str) -> None:
        """A list of failures changes nothing outside."""

    def _look_around(self) -> None:
        self._looks += 1
        self._execution.stage.came_back += 1  # it goes on: the time that this takes is not the user's code's
        self._look()

    def _look(self) -> None:
        raise NotImplementedError


class Observer(_Follower):
    """Keeps what is observed of a run from statement to statement.

    Attributes:
        states: It, without what cannot be told.
    """

    def __init__(self, execution: Execution) -> None:
        super().__init__(execution)
        self.states: list[object] = []

    def _look(self) -> None:
        with suppress(Exception), self._execution.stage.looking():  # some can be observed only once there is something
            self.states.append(kept_state(self._execution.observe()))


class Witness(_Follower):
    """Looks what the outside object holds, what is observed, and what lies around.

    Attributes:
        has_seen_change: Whether what is observed was not always the same.
    """

    def __init__(self, execution: Execution, surroundings: Surroundings) -> None:
        super().__init__(execution)
        self.has_seen_change = False
        self._surroundings = surroundings
        self._before: tuple[object, bytes] | None = None

    def _look(self) -> None:
        case = self._execution.case
        most = FEW_LOOKS_AROUND if self._surroundings.are_large else MOST_LOOKS_AROUND
        if not case.is_opaque and self._looks < most and self._have_surroundings_changed():
            case.keeps_elsewhere = True
        now = self._standing()
        if now is None:
            return
        before, self._before = self._before, now
        if before is not None and before[1] != now[1]:
            self.has_seen_change = True
            if before[0] is not None and before[0] == now[0]:
                case.keeps_elsewhere = True

    def _have_surroundings_changed(self) -> bool:
        with self._execution.stage.looking():
            return self._surroundings.have_changed(self._execution.outside)

    def _standing(self) -> tuple[object, bytes] | None:
        """What the outside object holds, and what is observed; None where that cannot be told now."""
        try:
            with self._execution.stage.looking():
                observed = shown(self._execution.observe(), sys.maxsize).encode("utf-8", "surrogatepass")
                return fingerprint_of(self._execution.outside), blake2b(observed).digest()
        except Exception:  # noqa: BLE001  # some can be observed only once there is something, or while nobody works
            return None
