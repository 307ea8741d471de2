"""Runs a story once more with what the user's modules keep held apart: each environment has its own, as on Lambda.

The handlers of a class all run in one module, so that environments which overlap see each other's globals. On Lambda
no two do. A story that needs that is none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from ..sim.faults import LAMBDA
from .values import shown

if TYPE_CHECKING:
    from ..engine.message import Message
    from ..sim.works import Work

LONGEST = 10_000
"""So many characters of what a global keeps are compared."""


class HeldApart:
    """A teller that puts each environment's own values in place when its code goes on.

    Args:
        places: The globals, by what they are called: the namespace of each, and its name there.

    Attributes:
        changed: Which of them were others at the end of an environment's turn than at first.
    """

    def __init__(self, places: Mapping[str, tuple[dict[str, Any], str]]) -> None:
        self._places = places
        self._before = self._present()
        self._first = {told: _own(value) for told, value in self._before.items()}
        self._texts = {told: shown(value, LONGEST) for told, value in self._first.items()}
        self._of: dict[str, dict[str, Any]] = {}
        self._whose = ""
        self.changed: dict[str, None] = {}

    def _present(self) -> dict[str, Any]:
        return {told: owner[name] for told, (owner, name) in self._places.items() if name in owner}

    def _put(self, values: Mapping[str, Any]) -> None:
        for told, value in values.items():
            owner, name = self._places[told]
            owner[name] = value

    def _turn_to(self, work: Work) -> None:
        if work.consumer != LAMBDA or work.worker == self._whose:
            return
        self._leave()
        self._whose = work.worker
        if work.worker not in self._of:
            self._of[work.worker] = {told: _own(value) for told, value in self._first.items()}
        self._put(self._of[work.worker])

    def _leave(self) -> None:
        if self._whose:
            self._of[self._whose] = now = self._present()
            self.changed |= {told: None for told, value in now.items() if shown(value, LONGEST) != self._texts[told]}

    def put_back(self) -> None:
        """Let all be as it was before the run."""
        self._leave()
        self._whose = ""
        self._put(self._before)

    # -------------------------------------------------------------------------------------- from the stage
    def begins(self, work: Work, messages: Sequence[Message]) -> None:
        """An environment gets messages."""
        self._turn_to(work)

    def arrives(self, work: Work, number: int, visit: int) -> None:
        """It comes to a statement."""
        self._turn_to(work)

    def goes_on(self, work: Work) -> None:
        """It goes on after a pause."""
        self._turn_to(work)

    def happens(self, work: Work, number: int, kind: str, answer: int) -> None:
        """What goes wrong goes wrong as before."""

    def refuses(self, work: Work, why: str) -> None:
        """As does what is refused."""

    def ends(self, work: Work, how: str) -> None:
        """What it leaves behind is its environment's."""

    def reports(self, work: Work, failed: Sequence[Message], why: str) -> None:
        """And so is what it reports."""


def _own(value: Any) -> Any:
    """A copy of a value; of what cannot be copied, such as a client, the value itself."""
    try:
        return deepcopy(value)
    except Exception:  # noqa: BLE001  # whatever its copying raises
        return value
