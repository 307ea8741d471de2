"""Consumers with planted bugs, each with a corrected twin: what the search must find, and must leave alone."""

from __future__ import annotations

from . import (
    counting,
    crashes,
    deduplication,
    environments,
    fifo,
    locks,
    ordering,
    overlaps,
    responses,
    time_windows,
)
from .specimen import Specimen

_MODULES = (
    deduplication,
    crashes,
    overlaps,
    ordering,
    locks,
    time_windows,
    environments,
    responses,
    counting,
    fifo,
)

ZOO: list[Specimen] = [specimen for module in _MODULES for specimen in module.SPECIMENS]

__all__ = ["ZOO", "Specimen"]
