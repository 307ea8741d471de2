"""The functions of the user's files that some objects lead to, and a context in which they run with points.

A function is followed only if its file, as it can be read now, still compiles to the code that it runs.
"""

from __future__ import annotations

import linecache
import types
import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Self

import attrs

from .points import File, Function, file_of
from .reaching import Walk
from .statements import POINT, Statement


class Following:
    """Functions found by ``follow``; while it is entered, they call ``arrive`` before each statement.

    It may be entered again while it is; several are left in the reverse order, as ``with`` does it.

    Attributes:
        statements: Of the functions found and of those inside them, file by file in the order of their paths.
        unfollowed: ``"qualname (path:line)"`` of functions in traced files that run without points, because
            their source cannot be read or is another by now.
    """

    __slots__ = ("_depth", "_instrumented", "_plain", "statements", "unfollowed")

    def __init__(
        self,
        instrumented: list[tuple[types.FunctionType, types.CodeType]],
        statements: list[Statement],
        unfollowed: list[str],
    ) -> None:
        self.statements = statements
        self.unfollowed = unfollowed
        self._instrumented = instrumented
        self._plain: list[types.CodeType] = []
        self._depth = 0

    @property
    def functions(self) -> tuple[types.FunctionType, ...]:
        """The functions that have points while it is entered."""
        return tuple(function for function, _ in self._instrumented)

    @property
    def codes(self) -> tuple[types.CodeType, ...]:
        """The codes that they run meanwhile."""
        return tuple(code for _, code in self._instrumented)

    def __enter__(self) -> Self:
        if not self._depth:
            self._plain = [function.__code__ for function, _ in self._instrumented]
            for function, code in self._instrumented:
                function.__code__ = code
        self._depth += 1
        return self

    def __exit__(self, *raised: object) -> None:
        self._depth -= 1
        if not self._depth:
            for (function, _), code in zip(self._instrumented, self._plain, strict=True):
                function.__code__ = code


def follow(roots: Iterable[object], trace: Callable[[str], bool]) -> Following:
    """The functions of traced files that can be reached from the roots, as things are now.

    What is remembered of the last few answers is what their functions are in their files; which functions there
    are is looked for anew, as a global may be bound anew or a callback registered at any time.

    Args:
        roots: Classes, instances, functions, methods, partials, modules.
        trace: Whether a file, by the name its code carries, is to be followed; from ``traced``.

    Returns:
        A context; nothing is changed until it is entered.

    Cost: some 5 microseconds for each object on the way.
    """
    # In an order that does not depend on the sets in which functions may have been found.
    functions = sorted(
        Walk(trace).functions(roots), key=lambda each: (each.__code__.co_filename, each.__code__.co_firstlineno)
    )
    key = tuple(map(id, functions))
    known = _ANSWERS.pop(key, None)
    if known is None or not known.holds(functions):
        known = _answer(functions)
    _ANSWERS[key] = known
    if len(_ANSWERS) > _ANSWERS_MAX:
        del _ANSWERS[next(iter(_ANSWERS))]
    instrumented = [(one, code) for one, code in zip(functions, known.instrumented, strict=True) if code is not None]
    return Following(instrumented, list(known.statements), list(known.unfollowed))


@attrs.frozen(eq=False, kw_only=True)
class _Answer:
    """What some functions are in their files; it does not keep them alive.

    Attributes:
        functions: Each with the code that it ran.
        instrumented: The code of each with points; None of those that are not followed.
        files: What linecache held of each file.
    """

    functions: list[tuple[weakref.ref[types.FunctionType], types.CodeType]]
    instrumented: list[types.CodeType | None]
    files: dict[str, object]
    statements: list[Statement]
    unfollowed: list[str]

    def holds(self, functions: list[types.FunctionType]) -> bool:
        """Whether these are the functions, they run the same code, and their files are as they were."""
        for function, (there, plain), code in zip(functions, self.functions, self.instrumented, strict=True):
            if there() is not function:  # another got the place of one that is gone
                return False
            if function.__code__ is not plain and function.__code__ is not code:
                return False
        return all(_lines(path) is held for path, held in self.files.items())


_ANSWERS: Final[dict[tuple[int, ...], _Answer]] = {}
_ANSWERS_MAX: Final = 32


def _lines(path: str) -> object:
    """What linecache holds of a file, unless the file has changed since."""
    linecache.checkcache(path)
    return linecache.cache.get(path)


def _answer(functions: list[types.FunctionType]) -> _Answer:
    instrumented: list[types.CodeType | None] = []
    statements: dict[int, Statement] = {}
    unfollowed: dict[str, None] = {}
    files: dict[str, File | None] = {}
    for function in functions:
        path = function.__code__.co_filename
        if path not in files:
            files[path] = _file_now(path, function.__globals__)
        match = _match(function, files[path])
        instrumented.append(match.instrumented if match else None)
        if match:
            statements.update((statement.number, statement) for statement in match.statements)
        else:
            unfollowed[name_of(function.__code__)] = None
    return _Answer(
        functions=[(weakref.ref(function), function.__code__) for function in functions],
        instrumented=instrumented,
        files={path: linecache.cache.get(path) for path in files},
        statements=sorted(statements.values(), key=lambda statement: (statement.path, statement.number)),
        unfollowed=list(unfollowed),
    )


def name_of(code: types.CodeType) -> str:
    """How a function is named to the user: ``"qualname (path:line)"``."""
    return f"{code.co_qualname} ({code.co_filename}:{code.co_firstlineno})"


def _file_now(path: str, names: dict[str, Any]) -> File | None:
    """A file as it is by now; None if it cannot be read or understood."""
    linecache.checkcache(path)
    source = "".join(linecache.getlines(path, names))
    try:
        return file_of(path, source) if source else None
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _match(function: types.FunctionType, file: File | None) -> Function | None:
    """The function as its file has it, if that is what it runs."""
    match = file.functions.get(function.__code__.co_firstlineno) if file else None
    if match and POINT in _builtins_of(function) and _same_function(function.__code__, match):
        return match
    return None


def _builtins_of(function: types.FunctionType) -> Mapping[str, object]:
    return getattr(function, "__builtins__", {})  # typeshed does not know it


def _same_function(code: types.CodeType, match: Function) -> bool:
    plain = match.plain
    # pytest rewrites assertions: the names and the signature stay, the instructions do not.
    rewritten = "@pytest_ar" in code.co_names and set(plain.co_names) <= {*code.co_names, "AssertionError"}
    return _signature(code) == _signature(plain) and (
        rewritten or _same_code(code, plain) or _same_code(code, match.instrumented)
    )


def _signature(code: types.CodeType) -> tuple[object, ...]:
    arguments = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return code.co_qualname, code.co_flags & _KINDS, arguments, code.co_argcount, code.co_freevars


# The flags that say how a function is called: *args, **kwargs, generator, coroutine, async generator.
_KINDS: Final = 0x04 | 0x08 | 0x20 | 0x80 | 0x200


def _same_code(one: types.CodeType, other: types.CodeType) -> bool:
    """Whether two codes do the same; where they stand in the file does not matter."""
    return (
        one.co_code == other.co_code
        and one.co_names == other.co_names
        and one.co_varnames == other.co_varnames
        and len(one.co_consts) == len(other.co_consts)
        and all(map(_same_constant, one.co_consts, other.co_consts))
    )


def _same_constant(one: object, other: object) -> bool:
    if isinstance(one, types.CodeType) and isinstance(other, types.CodeType):
        return _same_code(one, other)
    return type(one) is type(other) and one == other
