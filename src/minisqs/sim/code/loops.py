"""The iterator of a ``for`` loop is kept in a variable, so that what a function holds at a statement can be seen.

Python keeps it where nothing can look. A function whose loops were rewritten has one more variable for each of its
loops; it is None once the loop is over. An iterator of the user's own, such as a generator, is not kept, as its end
may matter, nor is one of a dictionary or a set, as it does not say whose growth would end it: a ``Hidden`` stands for it.
"""

from __future__ import annotations

import ast
import builtins
from typing import Any, Final

NOTE: Final = "__minisqs_note__"
TAKE: Final = "__minisqs_take__"
"""The builtins that are called at each loop; they end in underscores, so that classes do not mangle them."""

_LOOKS_AT_ITSELF: Final = frozenset({"locals", "vars", "dir", "eval", "exec"})
"""A function that names one of these may see its own variables, and is left as it is."""

_MADE: Final[tuple[Any, ...]] = (
    [], (), "", "\N{LATIN SMALL LETTER A WITH DIAERESIS}", b"", range(1), range(1 << 80), reversed([]),
)  # fmt: skip

_PLAIN: Final = frozenset(type(iter(made)) for made in _MADE)
"""Iterators that only go through what they hold, and can be pickled.

One of a dictionary or a set is pickled as what is left, and does not tell whose growth would end it.
"""

_AROUND_OTHERS: Final = frozenset({enumerate, zip})


class Hidden:
    """Stands for an iterator that is not kept; nothing that holds it can be pickled.

    Attributes:
        iterator: It, until the loop has it.
    """

    __slots__ = ("iterator",)

    def __init__(self, iterator: Any) -> None:
        self.iterator = iterator

    def __reduce__(self) -> str:
        raise TypeError("an iterator does not tell all that it holds")


def _note(iterable: Any, /) -> Any:
    iterator = iter(iterable)
    return iterator if _is_plain(iterator) else Hidden(iterator)


def _is_plain(iterator: Any) -> bool:
    kind = type(iterator)
    if kind in _AROUND_OTHERS:
        return all(_is_plain(inner) for inner in iterator.__reduce__()[1] if type(inner) is not int)
    return kind in _PLAIN


def _take(noted: Any, /) -> Any:
    if type(noted) is not Hidden:
        return noted
    iterator, noted.iterator = noted.iterator, None
    return iterator


setattr(builtins, NOTE, _note)
setattr(builtins, TAKE, _take)


def sees_itself(function: ast.AST) -> bool:
    """Whether a function may look at its own variables."""
    return any(isinstance(node, ast.Name) and node.id in _LOOKS_AT_ITSELF for node in ast.walk(function))


def keep_iterator(loop: ast.For) -> ast.stmt:
    """Let a loop keep its iterator in a variable of its function; the statement that is to follow the loop."""
    line, column = loop.lineno, loop.col_offset
    name = f"__minisqs_loop_{line}_{column}__"
    where = loop.iter
    noted = ast.Call(_name(NOTE, where), [loop.iter], [])
    kept = ast.NamedExpr(_name(name, where, ast.Store()), noted)
    loop.iter = ast.Call(_name(TAKE, where), [kept], [])
    for node in (noted, kept, loop.iter):
        ast.copy_location(node, where)
    nothing = ast.copy_location(ast.Constant(None), where)
    return ast.copy_location(ast.Assign([_name(name, where, ast.Store())], nothing), where)


def _name(name: str, where: ast.expr, context: ast.expr_context | None = None) -> ast.Name:
    return ast.copy_location(ast.Name(name, context or ast.Load()), where)
