"""Lets the engine clean up its lists all the time, so that queues of a few messages go through the clean-ups too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from minisqs.engine import deadlines, ordering, queue


@contextmanager
def little_slack(slack: int = 2) -> Iterator[None]:
    """Bear only so many stale entries, instead of some hundred; nothing that a caller can see depends on it."""
    modules = (deadlines, ordering, queue)
    before = [module.SLACK for module in modules]
    try:
        for module in modules:
            module.SLACK = slack
        yield
    finally:
        for module, value in zip(modules, before, strict=True):
            module.SLACK = value
