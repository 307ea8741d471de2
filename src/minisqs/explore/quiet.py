"""Keeps what the user's code prints and logs from drowning the report: a check runs it a thousand times.

A debugger that is called from that code gets the terminal back.
"""

from __future__ import annotations

import logging
import sys
from _thread import get_ident
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any

from ..sim.intercepts import here


class _Nowhere:
    """A text file into which everything may be written, and nothing is, but by threads that are not simulated.

    Args:
        elsewhere: Where these write.
    """

    encoding = "utf-8"

    def __init__(self, elsewhere: Any) -> None:
        self._elsewhere = elsewhere
        self._ours = get_ident()

    def write(self, text: str) -> int:
        if self._is_of_others():
            self._elsewhere.write(text)
        return len(text)

    def _is_of_others(self) -> bool:
        return here.simulation is None and get_ident() != self._ours and self._elsewhere is not None

    def flush(self) -> None:
        if self._is_of_others():
            self._elsewhere.flush()

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
    sys.breakpointhook = aloud(hook)
    logging.disable(logging.CRITICAL)
    try:
        with redirect_stdout(_Nowhere(sys.stdout)), redirect_stderr(_Nowhere(sys.stderr)):
            yield
    finally:
        sys.breakpointhook = hook
        logging.disable(level)
