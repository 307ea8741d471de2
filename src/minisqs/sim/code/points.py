"""A file's code with a call before each statement, at the statement's own line.

So the points are the same on every Python, tracebacks and coverage see the lines they know, and no trace function is
needed.
"""

from __future__ import annotations

import ast
import hashlib
import tokenize
import types
import warnings
from typing import Any, Final

import attrs

from .blocks import Block, End, blocks_of, mark_ends
from .frames import bare_call, register
from .locality import Defined, Locality, start
from .statements import ACTS, POINT, STATEMENTS, Statement


@attrs.define(eq=False)
class Function:
    """A function of a file: its code without and with points, and the statements in it and in what it nests."""

    plain: types.CodeType
    instrumented: types.CodeType
    statements: list[Statement]


@attrs.define(eq=False)
class File:
    """A file's code with points, and its functions by their first line: no two definitions share one."""

    code: types.CodeType
    functions: dict[int, Function]


_FILES: Final[dict[tuple[str, str], File]] = {}


def compiled(path: str, source: str) -> types.CodeType:
    """The code of a module whose functions have points, to be executed for a new copy of the module.

    Args:
        path: The name that its code and its tracebacks carry.
        source: The text of the module.

    Raises:
        SyntaxError: As ``compile`` raises it.
    """
    return file_of(path, source).code


def file_of(path: str, source: str) -> File:
    """The same with its functions, compiled once."""
    file = _FILES.get((path, source))
    if file is None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # whoever imported the file has seen them
            file = _FILES[path, source] = _compile(path, source)
    return file


def _compile(path: str, source: str) -> File:
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    tree = ast.parse(source, path)
    plain = _definitions(compile(tree, path, "exec", dont_inherit=True))
    mark_ends(tree)
    blocks = [block for block in blocks_of(tree) if block.has_points and _first_line(block.functions[-1]) in plain]
    points = sorted(((statement, block) for block in blocks for statement in block.points()), key=_place)
    rows = [row.encode("utf-8", "surrogatepass") for row in source.split("\n")]
    locality = Locality(source)
    statements: dict[int, list[Statement]] = {line: [] for line in plain}
    calls: dict[ast.stmt, ast.stmt] = {}
    repeated: dict[tuple[str, str], int] = {}
    for statement, block in points:
        function = plain[_first_line(block.functions[-1])].co_qualname
        shown = statement.of if isinstance(statement, End) else statement
        line, column = start(shown)
        text, end = _text(rows, shown, line, column)
        if shown is not statement:
            text = f"end of {text}"
        repeated[function, text] = count = repeated.get((function, text), -1) + 1
        STATEMENTS.append(
            Statement(
                number=len(STATEMENTS),
                path=path,
                line=line,
                function=function,
                text=text,
                digest=_digest(f"{function}\0{text}\0{count}", size=4),
                function_digest=_digest(function, size=2),
                keeps_more=block.keeps_more,
                column=column,
                locality=locality if shown is statement else ACTS,
            )
        )
        for outer in block.functions:
            statements.setdefault(_first_line(outer), []).append(STATEMENTS[-1])
        calls[statement] = _call(STATEMENTS[-1].number, (line, column, *end))
    bare_calls = dict(filter(None, (bare_call(statement) for statement, block in points if not block.keeps_more)))
    for block in blocks:
        block.statements[:] = [each for statement in block.statements for each in block.rewritten(statement, calls)]
    code = compile(tree, path, "exec", dont_inherit=True)
    instrumented = _definitions(code)
    for one in instrumented.values():
        register(one, bare_calls)
    return File(
        code,
        {line: Function(plain[line], instrumented[line], statements[line]) for line in plain if line in instrumented},
    )


def _place(point: tuple[ast.stmt, Block]) -> tuple[int, ...]:
    """By what points are put in order: of several ends at one place the inner is first."""
    statement, _ = point
    inner = [-one for one in start(statement.of)] if isinstance(statement, End) else []
    return *start(statement), len(inner), *inner


def _definitions(code: types.CodeType) -> dict[int, types.CodeType]:
    """The code of each function and class in a code, by its first line."""
    found = {}
    queue = [code]
    while queue:
        code = queue.pop()
        queue += (constant for constant in code.co_consts if isinstance(constant, types.CodeType))
        if not code.co_name.startswith("<"):  # lambdas, comprehensions, the module
            found[code.co_firstlineno] = code
    return found


def _digest(text: str, *, size: int) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=size).hexdigest()


def _call(number: int, place: tuple[int, int, int, int]) -> ast.stmt:
    """The statement that stands at a point."""
    line, column, end_line, end_column = place
    where: dict[str, Any] = {
        "lineno": line, "col_offset": column, "end_lineno": end_line, "end_col_offset": end_column,
    }  # fmt: skip
    name = ast.Name(POINT, ast.Load(), **where)
    return ast.Expr(ast.Call(name, [ast.Constant(number, **where)], [], **where), **where)


def _first_line(definition: Defined) -> int:
    """The line where the definition's code begins."""
    return definition.decorator_list[0].lineno if definition.decorator_list else definition.lineno


def _text(rows: list[bytes], statement: ast.stmt, line: int, column: int) -> tuple[str, tuple[int, int]]:
    """The text of a statement or of its header on one line, and the line and column, in bytes, of its end."""
    assert statement.end_lineno is not None
    assert statement.end_col_offset is not None
    inside = _inside(statement)
    if inside is None:
        end = statement.end_lineno, statement.end_col_offset
        pieces = [*rows[line - 1 : end[0] - 1], rows[end[0] - 1][: end[1]]]
        pieces[0] = pieces[0][column:]
        if len(pieces) > 1 and any(b"#" in piece for piece in pieces):
            pieces = _without_comments(pieces, header=False)
        at = ""
    else:
        pieces = rows[line - 1 : inside[0]]
        pieces[0] = pieces[0][column:]
        pieces = _plain_header(pieces, inside[1]) or _without_comments(pieces, header=True)
        end = line + len(pieces) - 1, len(pieces[-1]) + (column if len(pieces) == 1 else 0)
        at = "@" if (line, column) != (statement.lineno, statement.col_offset) else ""
    text = b" ".join(pieces).decode("utf-8", "surrogatepass")
    return at + " ".join(text.split()), end


def _inside(statement: ast.stmt) -> tuple[int, int] | None:
    """Where the first statement or pattern inside a compound statement begins; None for another statement."""
    if isinstance(statement, ast.Match):
        return statement.cases[0].pattern.lineno, statement.cases[0].pattern.col_offset
    body: list[ast.stmt] | None = getattr(statement, "body", None)
    return start(body[0]) if body else None


def _plain_header(rows: list[bytes], column: int) -> list[bytes] | None:
    """The rows of a header that has neither comments nor texts of several rows; None if it may be another.

    The last of the rows given holds, from the column on, the first thing after the header.
    """
    *header, last = rows
    if last[:column].strip() not in {b"", b"@"}:
        return None
    while header and (not header[-1].strip() or header[-1].lstrip().startswith(b"#")):
        header.pop()
    text = b"\n".join(header).rstrip()
    if not text.endswith(b":") or b"#" in text or b'"""' in text or b"'''" in text:
        return None
    return text.split(b"\n")


def _without_comments(rows: list[bytes], *, header: bool) -> list[bytes]:
    """The rows of a statement without their comments; of a header, up to the colon that ends it."""
    texts = [row.decode("utf-8", "surrogatepass") for row in rows]
    return [text.encode("utf-8", "surrogatepass") for text in _code_of(texts, header=header)]


def _code_of(rows: list[str], *, header: bool) -> list[str]:
    depth = lambdas = 0
    rows, source = list(rows), iter([row + "\n" for row in rows])
    for token in tokenize.generate_tokens(lambda: next(source, "")):
        row, column = token.start
        if token.type == tokenize.COMMENT:
            rows[row - 1] = rows[row - 1][:column]
        elif token.type == tokenize.NAME and token.string == "lambda":
            lambdas += not depth
        elif token.type != tokenize.OP:
            continue
        elif token.string in {"(", "[", "{"}:
            depth += 1
        elif token.string in {")", "]", "}"}:
            depth -= 1
        elif token.string == ":" and not depth and header:
            if not lambdas:
                return [*rows[: row - 1], rows[row - 1][: column + 1]]
            lambdas -= 1
    return rows
