"""Keeps what the user's code prints and logs from drowning the report: a check runs it a thousand times.

A debugger that is called from that code gets the terminal back.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any


class _Nowhere:
    """A text file into which everything may be written, and nothing is."""

    encoding = "utf-8"

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return False


def aloud(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, printing to where one prints now, also while the user's code is quiet."""
    out, err = sys.stdout, sys.stderr

    def loud(*args: Any, **named: Any) -> Any:
        with redirect_stdout(out), redirect_stderr(err):
            return function(*args, **named)

    return loud


@contextmanager
def quiet() -> Iterator[None]:
    """Let the user's code print and log nothing meanwhile."""
    hook, level = sys.breakpointhook, logging.root.manager.disable
    nowhere: Any = _Nowhere()
    sys.breakpointhook = aloud(hook)
    logging.disable(logging.CRITICAL)
    try:
        with redirect_stdout(nowhere), redirect_stderr(nowhere):
            yield
    finally:
        sys.breakpointhook = hook
        logging.disable(level)
