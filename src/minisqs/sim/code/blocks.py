"""The lists of statements that a module consists of, and before which of their statements points stand.

The end of a ``with`` acts, as it commits or gives back, and stands nowhere in the source: an ``End`` is put there.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from .locality import Definition, is_declaration
from .loops import keep_iterator, sees_itself


class End(ast.Pass):
    """Stands at the end of a ``with``, before that acts once more.

    Attributes:
        of: The ``with``.
    """

    def __init__(self, of: ast.With | ast.AsyncWith) -> None:
        assert of.end_lineno is not None
        assert of.end_col_offset is not None
        super().__init__(lineno=of.end_lineno, col_offset=of.end_col_offset)
        self.of = of


_LEAVES = (ast.Return, ast.Raise, ast.Continue, ast.Break)


def mark_ends(tree: ast.Module) -> None:
    """Put an ``End`` behind the statements of each ``with`` that may come to it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.With | ast.AsyncWith) and not isinstance(node.body[-1], _LEAVES):
            node.body.append(End(node))


class Block(NamedTuple):
    """A list of statements, as it stands in the tree, and the functions around it.

    Its statements have points if it is the innermost function's own, not a class's or the module's.
    """

    statements: list[ast.stmt]
    functions: tuple[Definition, ...]
    has_points: bool
    keeps_iterators: bool = False
    keeps_more: bool = False

    def points(self) -> Iterator[ast.stmt]:
        """The statements before which a point stands."""
        is_body = self.statements is self.functions[-1].body
        for place, statement in enumerate(self.statements):
            if not is_declaration(statement) and not (is_body and place == 0 and _is_text(statement)):
                yield statement

    def rewritten(self, statement: ast.stmt, calls: Mapping[ast.stmt, ast.stmt]) -> list[ast.stmt]:
        """What stands for a statement: its point before it, and after a loop that the iterator is gone; for an end its point."""
        call = calls.get(statement)
        before = [] if call is None else [call]
        if isinstance(statement, End):
            return before or [statement]
        if self.keeps_iterators and isinstance(statement, ast.For):
            return [*before, statement, keep_iterator(statement)]
        return [*before, statement]

    def inner(self, statement: ast.stmt) -> Iterator[Block]:
        """The blocks that a statement of this one, no definition, consists of."""
        hides = isinstance(statement, ast.With | ast.AsyncWith | ast.AsyncFor) or (
            isinstance(statement, ast.For) and not self.keeps_iterators
        )
        for inside, is_exceptional in _inner(statement):
            if inside:
                yield self._replace(statements=inside, keeps_more=self.keeps_more or hides or is_exceptional)


def blocks_of(tree: ast.Module) -> Iterator[Block]:
    """Every list of statements in a module."""
    queue = [Block(tree.body, (), has_points=False)]
    while queue:
        block = queue.pop()
        yield block
        for statement in block.statements:
            if isinstance(statement, Definition):
                keeps = not sees_itself(statement)
                queue.append(
                    Block(statement.body, (*block.functions, statement), has_points=True, keeps_iterators=keeps)
                )
            elif isinstance(statement, ast.ClassDef):
                queue.append(Block(statement.body, block.functions, has_points=False))
            else:
                queue += block.inner(statement)


def _inner(statement: ast.stmt) -> Iterator[tuple[list[ast.stmt], bool]]:
    """The lists of statements that a statement, no definition, consists of, and whether an exception may be at work."""
    if "body" in statement._fields:
        for name in ("body", "orelse", "finalbody"):
            yield getattr(statement, name, []), name == "finalbody"
        for handler in getattr(statement, "handlers", ()):
            yield handler.body, True
    elif isinstance(statement, ast.Match):
        for case in statement.cases:
            yield case.body, False


def _is_text(statement: ast.stmt) -> bool:
    constant = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(constant, ast.Constant) and isinstance(constant.value, str)
