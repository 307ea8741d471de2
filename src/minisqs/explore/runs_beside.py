"""Which functions run beside what a subject leads to, remembered for single runs, of which a test may make hundreds.

It is found by a perfect run that is watched. A check can afford that; before a single run it is made only if none of the
same subject, messages and settings was made of late, or if by now the subject leads to other functions.
"""

from __future__ import annotations

import weakref
from types import FunctionType
from typing import Any, Final

from .laboratory import Laboratory
from .subjects import Case

_FOUND: Final[dict[tuple[object, ...], tuple[weakref.ref[Any], list[weakref.ref[FunctionType]]]]] = {}
_FOUND_MAX: Final = 32


def follow(laboratory: Laboratory) -> None:
    """Follow what runs beside the subject of a laboratory that is entered."""
    case = laboratory.case
    key = _key(case)
    functions = _remembered(key, case)
    if functions is None:
        laboratory.follow_what_runs()
        _remember(key, case)
    elif functions:
        laboratory.follow_anew(functions)


def _key(case: Case) -> tuple[object, ...]:
    return id(case.subject), repr(case.settings), case.messages_digest, *map(id, case.following.functions)


def _remembered(key: tuple[object, ...], case: Case) -> list[FunctionType] | None:
    subject, references = _FOUND.get(key, (None, []))
    functions = [function for reference in references if (function := reference()) is not None]
    is_same = subject is not None and subject() is case.subject and len(functions) == len(references)
    return functions if is_same else None


def _remember(key: tuple[object, ...], case: Case) -> None:
    try:
        subject = weakref.ref(case.subject)
    except TypeError:
        return
    _FOUND.pop(key, None)
    _FOUND[key] = subject, [weakref.ref(function) for function in case.ran_beside]
    if len(_FOUND) > _FOUND_MAX:
        del _FOUND[next(iter(_FOUND))]
