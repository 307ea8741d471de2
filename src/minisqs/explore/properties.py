"""``functools.cached_property`` of Python 3.11 holds one real lock for all objects of a class.

A delivery that is killed or waits inside of such a property would keep it for good, though on Lambda it is
alone in its process. While a case is explored these locks are taken away; newer Pythons have none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from functools import cached_property
from typing import Any


@contextmanager
def without_locks(classes: Iterable[type]) -> Iterator[None]:
    """Let the cached properties of classes lock nothing meanwhile."""
    locked: list[tuple[Any, Any]] = [
        (value, value.lock)
        for one in classes
        for value in vars(one).values()
        if isinstance(value, cached_property) and hasattr(value, "lock")
    ]
    for value, _ in locked:
        value.lock = nullcontext()
    try:
        yield
    finally:
        for value, lock in locked:
            value.lock = lock
