"""What the user's functions that are under way hold, and where each of them stands.

At a statement Python keeps nothing of a function but its variables and the iterators of its loops, which
``loops`` makes variables of; in a ``with``, an ``except`` or a ``finally`` it keeps more. A function that has called
another one keeps what it has worked out of the statement so far: nothing, where the call is all there is to do
before the statement acts. Wherever more may be kept, nothing is said.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final, TypeAlias

from ..intercepts.clocks import sleep_code

Position: TypeAlias = tuple[int | None, int | None, int | None, int | None]
"""Of a piece of code, as ``co_positions`` has it: first line, last line, first column, last column."""

_OURS: Final = str(Path(__file__).parents[2])

_CALLS: Final[dict[int, tuple[CodeType, Mapping[Position, str]]]] = {}
"""Of each code with points, by its id: itself, and the bare calls of its file."""

_CALLED: Final[dict[tuple[int, int], str]] = {}
"""What is called by an instruction of a code, if that is a bare call."""


def register(code: CodeType, bare_calls: Mapping[Position, str]) -> None:
    """Take note of a code with points, and of the bare calls of its file: where they stand, and what is called."""
    _CALLS[id(code)] = code, bare_calls


def bare_call(statement: ast.stmt) -> tuple[Position, str] | None:
    """The call that is all that a statement does before it acts: where it stands, and the name of what it calls."""
    value: ast.expr | None = None
    if isinstance(statement, ast.Expr | ast.Return | ast.Assign | ast.AnnAssign):
        value = statement.value
    elif isinstance(statement, ast.If):
        value = statement.test
        while isinstance(value, ast.UnaryOp) and isinstance(value.op, ast.Not):
            value = value.operand
    if not isinstance(value, ast.Call) or any(
        isinstance(node, _WORKS_OUT) for node in ast.walk(value) if node is not value
    ):
        return None
    called = value.func
    name = _name(called)
    if any(_name(node) == name for argument in (*value.args, *value.keywords) for node in ast.walk(argument)):
        return None  # as in ``items.sort(key=self.sort)``, it may be the argument that has been called
    return (value.lineno, value.end_lineno, value.col_offset, value.end_col_offset), name


def _name(node: ast.AST) -> str:
    """The name of a variable or an attribute."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


_WORKS_OUT: Final = (ast.Call, ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr, ast.Lambda, ast.comprehension)
"""What may run other code of the user's before the call itself."""


def held(
    frame: FrameType | None, point: CodeType, last: CodeType, keeps_more: Callable[[int], bool]
) -> list[object] | None:
    """What all functions on a stack hold, and where they stand; None if that cannot be told.

    Args:
        frame: The innermost.
        point: The code that is called at each statement, with its number.
        last: The code at which the rest of the stack does not matter any more.
        keeps_more: Whether Python keeps more than variables at a statement, by its number.
    """
    found: list[object] = []
    number = -1
    inner: CodeType | None = None
    while frame is not None and frame.f_code is not last:
        code = frame.f_code
        if code is point:
            number = frame.f_locals["number"]
        elif id(code) in _CALLS:
            if keeps_more(number) if inner is point else not _has_only_called(frame, inner):
                return None
            found.append(((id(code), frame.f_lasti), _variables(frame)))
        elif code.co_filename.startswith(_OURS):
            found.append((id(code), frame.f_lasti))
        else:
            return None
        inner = code
        frame = frame.f_back
    return found


def _has_only_called(frame: FrameType, inner: CodeType | None) -> bool:
    """Whether a function stands at a bare call, which has called this code itself.

    Code of another name may have been called by something in between, which keeps more.
    """
    called = _called(frame.f_code, frame.f_lasti)
    if inner is None or not called:
        return False
    return inner is sleep_code or (id(inner) in _CALLS and called == inner.co_name)


def _called(code: CodeType, instruction: int) -> str:
    """The name of what a bare call calls; empty for any other instruction."""
    known = _CALLED.get((id(code), instruction))
    if known is None:
        position = list(code.co_positions())[instruction // 2]
        known = _CALLED[id(code), instruction] = _CALLS[id(code)][1].get(position, "")
    return known


def _variables(frame: FrameType) -> dict[str, Any]:
    """The variables of a function; none of them is kept alive by having been looked at."""
    variables = frame.f_locals
    copy = dict(variables)
    if type(variables) is dict:  # before Python 3.13 the frame keeps it
        variables.clear()
    return copy
