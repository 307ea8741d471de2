"""Polling loops as tutorials write them, each with a planted bug and a corrected twin."""

from __future__ import annotations

from . import asynchronous, plain, threaded
from .specimen import Loop

LOOPS: list[Loop] = [*plain.LOOPS, *threaded.LOOPS, *asynchronous.LOOPS]

__all__ = ["LOOPS", "Loop"]
