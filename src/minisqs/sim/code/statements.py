"""The statements of the user's own code, by number, and the call that stands before each.

A point stands before each statement of a function's body and of the blocks in it, and at the end of a ``with``. A loop has one point before it and
none for each turn; its body's statements have theirs. Docstrings and declarations (``global``, ``nonlocal``, a bare
annotation), which do nothing, have none, nor have lambdas and comprehensions. Points are numbered for each process; a
statement's digest is the same in all of them, and does not change when something else in the file does.
"""

from __future__ import annotations

import builtins
import functools
import hashlib
from collections.abc import Callable
from typing import Any, Final

import attrs

from .locality import Locality


class _Acts:
    """In place of the locality of a file: what a call of SQS or the end of a ``with`` does is nobody's own."""

    def is_local(self, line: int, column: int) -> bool:
        return False

    def may_leave(self, line: int, column: int) -> bool:
        return True


ACTS: Final[Any] = _Acts()

POINT: Final = "__minisqs_statement__"
"""The builtin that is called at each point; it ends in underscores, so that classes do not mangle it."""


@attrs.frozen(kw_only=True)
class Statement:
    """One statement of the user's code.

    Attributes:
        number: Its place in ``STATEMENTS``, which the point before it gives to ``arrive``.
        path: The file, as the code names it.
        line: Its first line, from 1; of a decorated definition, the first decorator's.
        function: The qualified name of the function it stands in.
        text: Its source on one line, without comments; of a compound statement, the header up to its colon; of the
            end of a ``with``, "end of" and its header, whose line it has.
        digest: Eight hex digits of function, text, and how many equal statements precede it in the function.
        function_digest: Four hex digits of the function.
        keeps_more: Whether Python may keep more there than variables: inside a ``with``, an ``except``, a ``finally``.
    """

    number: int
    path: str
    line: int
    function: str
    text: str
    digest: str
    function_digest: str
    keeps_more: bool
    _column: int = attrs.field(repr=False, eq=False)
    _locality: Locality = attrs.field(repr=False, eq=False)

    @property
    def is_local(self) -> bool:
        """Whether it surely touches nothing that outlives the call; of a compound statement, whether its header does.

        It includes what runs after it before the next point of the function: the header of the loop that goes
        round, say. Nothing inside a ``with`` is local. ``locality`` says how it is known. The first question about
        a file costs some 80 microseconds for each of its lines.
        """
        return self._locality.is_local(self.line, self._column)

    @property
    def may_leave(self) -> bool:
        """Whether the function may end with it; what is left of the caller's statement then runs before the next point.

        Its cost is that of ``is_local``.
        """
        return self._locality.may_leave(self.line, self._column)


STATEMENTS: list[Statement] = []
"""Every statement met in this process, by number."""

arrive: Callable[[int], None] | None = None
"""What is called with a statement's number before it runs; set by whoever executes user code."""


def _point(number: int, /) -> None:
    if arrive is not None:
        arrive(number)


setattr(builtins, POINT, _point)

POINT_CODE: Final = _point.__code__
"""What runs, called by a function of the user's, while something happens before a statement of it."""


@functools.cache
def point_of_call(action: str) -> int:
    """The number of the point before the calls of an action, in whatever code these are made.

    What stands there is no statement of a file: its ``line`` is 0, its ``text`` the name of the action.
    """
    number = len(STATEMENTS)
    digest = hashlib.blake2b(b"call " + action.encode(), digest_size=4).hexdigest()
    STATEMENTS.append(
        Statement(
            number=number,
            path="",
            line=0,
            function=action,
            text=action,
            digest=digest,
            function_digest=digest[:4],
            keeps_more=True,
            column=0,
            locality=ACTS,
        )
    )
    return number
