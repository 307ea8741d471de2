"""A failing run as data: its messages, what goes wrong, how many work, and what is wrong with its end."""

from __future__ import annotations

from typing import TypeAlias

import attrs

from .choices import Choices
from .oracles import Finding

Kept: TypeAlias = tuple[int, ...]
"""The places of the messages of a run, from 0."""


@attrs.frozen
class Story:
    """A failing run.

    Attributes:
        kept: The places of its messages.
        plan: What goes wrong.
        workers: How many may work at once; None for as many as the settings allow.
        finding: What is wrong with its end.
    """

    kept: Kept
    plan: Choices
    workers: int | None
    finding: Finding

    @property
    def size(self) -> tuple[int, int, int, int]:
        """What is to be small."""
        return len(self.plan), len(self.kept), self.workers or 1_000_000, sum(self.plan.values())
