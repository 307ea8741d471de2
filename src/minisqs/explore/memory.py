"""Failing stories are kept in a folder, ``.minisqs`` where the tests are run, and tried first next time.

Each is a file whose name is its token and whose text is its report. Where the folder cannot be written,
nothing is kept, and nobody is told.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from .subjects import Case

FOLDER: Final = ".minisqs"
_state = {"on": True}


@contextmanager
def off() -> Iterator[None]:
    """Keep nothing meanwhile."""
    before, _state["on"] = _state["on"], False
    try:
        yield
    finally:
        _state["on"] = before


def _folder(case: Case) -> Path:
    name = "".join(letter if letter.isalnum() else "-" for letter in case.name.rpartition(".")[2])
    return Path(FOLDER) / f"{name}-{case.digest}{case.messages_digest}"


def remembered(case: Case) -> list[str]:
    """The tokens of a case's earlier failures, in an order that is always the same."""
    with suppress(OSError):
        return sorted(path.name for path in _folder(case).iterdir())
    return []


def remember(case: Case, token: str, text: str) -> None:
    """Keep a failing story."""
    if not _state["on"]:
        return
    with suppress(OSError):
        folder = _folder(case)
        folder.mkdir(parents=True, exist_ok=True)
        ignore = Path(FOLDER) / ".gitignore"
        if not ignore.exists():
            ignore.write_text("# failing stories of minisqs, tried first next time\n*\n", encoding="utf-8")
        (folder / token).write_text(text, encoding="utf-8")


def forget(case: Case, token: str) -> None:
    """Keep it no more: it does not fail any longer."""
    with suppress(OSError):
        (_folder(case) / token).unlink()
