"""Event filters: which messages an event source mapping hands to its function (lambda-poller.md, P10 to P12).

A pattern is parsed once, into small tests that hold each other; what it refuses, it refuses then. Matching
only asks: of the body as it was sent, and of the record where the pattern names another key than ``body``.
Numbers are decimals on both sides, so that 1 is 1.0, ``true`` is not 1, and no digit is lost.

The rules are those of the Lambda guide, "Control which events Lambda sends to your function"; its operators
are EventBridge's. Where both are silent the docstrings say what we chose.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any, Final, NoReturn, TypeAlias

import attrs

from .. import errors

MAX_LEVELS: Final = 100
"""Objects within objects in a pattern. Chosen: no pattern of use comes near, and matching stays clear of the stack."""

Test: TypeAlias = Callable[[Any], bool]
Operator: TypeAlias = Callable[[Any], Test]

_ABSENT: Final = object()
"""Stands for the value of a name that the data does not have."""


@attrs.frozen(eq=False)
class Filter:
    """One parsed pattern.

    Attributes:
        text: The pattern as given.
    """

    text: str
    _test: Test = attrs.field(repr=False)
    _reads_record: bool = attrs.field(repr=False)

    def matches(self, body: str, record: Callable[[], Mapping[str, object]]) -> bool:
        """Whether the function gets this message.

        A body that is a JSON object meets only a pattern object, a plain body only a plain pattern, a list.
        Chosen: a JSON array is neither and never matches, nor does a body too deep for Python's parser; any
        other body, even ``5``, ``"5"`` or ``null``, is plain: the text that was sent, quotes included.

        Args:
            body: The body of the message.
            record: Builds the raw event record; called only if the pattern has keys other than ``body``.
        """
        rest = record() if self._reads_record else {}
        return self._test({**rest, "body": _content(body)})


def parse(pattern: str, *, record_keys: bool = True) -> Filter:
    """The filter that a ``Pattern`` describes.

    >>> parse('{"body": {"kind": ["order"]}}').matches('{"kind": "order"}', record=dict)
    True

    Args:
        pattern: A JSON object whose leaves are non-empty lists of scalars and operators.
        record_keys: Whether keys other than ``body`` are matched against the raw record. If not, they hold of
            every message (AWS documents filters on ``body`` alone; what it does with others is uncertain).

    Raises:
        InvalidParameterValueException: The pattern is malformed; the error's cause says where.
    """
    try:
        content = _JSON.decode(pattern)
        test = _object(content, MAX_LEVELS, body_only=not record_keys)
    except (ValueError, *_UNREADABLE) as reason:
        raise errors.InvalidParameterValueException("Invalid filter pattern definition.") from reason
    return Filter(pattern, test, record_keys and any(name != "body" for name in _names(content)))


def _no_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


_JSON: Final = json.JSONDecoder(parse_int=Decimal, parse_float=Decimal, parse_constant=_no_json)
_UNREADABLE: Final = (RecursionError, InvalidOperation)
"""JSON that Python cannot hold: nested too deep, or a number with too large an exponent."""


def _content(body: str) -> object:
    """A JSON object as itself; plain text as the list of that text, for no pattern object matches a list of texts."""
    try:
        content = _JSON.decode(body)
    except _UNREADABLE:
        return []
    except ValueError:
        return [body]
    if isinstance(content, dict):
        return content
    return [] if isinstance(content, list) else [body]


def _names(pattern: Mapping[str, Any]) -> Iterator[str]:
    """The keys of the record that a parsed pattern looks at, also within ``$or``."""
    for name, below in pattern.items():
        if name == "$or":
            for choice in below:
                yield from _names(choice)
        else:
            yield name


def _object(pattern: object, levels: int, *, body_only: bool = False) -> Test:
    """All names of one pattern object hold of the data. Refused: an empty object, as EventBridge does."""
    if not isinstance(pattern, dict) or not pattern:
        raise ValueError(f"not an object with a name in it: {pattern!r}")
    if not levels:
        raise ValueError(f"more than {MAX_LEVELS} levels")
    tests = [_name(name, below, levels - 1, body_only=body_only) for name, below in pattern.items()]
    return lambda data: all(test(data) for test in tests)


def _name(name: str, below: object, levels: int, *, body_only: bool) -> Test:
    """What one name of a pattern object asks of the data; ``$or`` asks for one of its objects."""
    if name == "$or":
        if not isinstance(below, list) or len(below) < 2:
            raise ValueError(f"$or takes a list of at least two objects: {below!r}")
        choices = [_object(choice, levels, body_only=body_only) for choice in below]
        return lambda data: any(holds(data) for holds in choices)
    test = _nested(below, levels) if isinstance(below, dict) else _values(below)
    if body_only and name != "body":
        return lambda data: True
    return lambda data: test(data.get(name, _ABSENT))


def _nested(pattern: object, levels: int) -> Test:
    """A pattern object holds of an object, or of one object in a list.

    Chosen, as EventBridge does: an absent or scalar value has none of the names, so ``exists: false`` holds below.
    """
    test = _object(pattern, levels)

    def holds(value: object) -> bool:
        if isinstance(value, list):
            return any(test(element) for element in _elements(value) if isinstance(element, dict))
        return test(value if isinstance(value, dict) else {})

    return holds


def _values(leaf: object) -> Test:
    """One entry of a pattern's list holds of a scalar, or of one scalar in a list.

    An absent name is one scalar of its own kind, which only ``exists: false`` accepts. Chosen: an object and
    an empty list hold no scalar, so nothing accepts them, neither ``exists: true`` nor ``exists: false``.
    """
    if not isinstance(leaf, list) or not leaf:
        raise ValueError(f"not a list with an entry in it: {leaf!r}")
    tests = [_entry(entry) for entry in leaf]
    return lambda value: any(
        test(element) for element in _elements(value) if not isinstance(element, dict) for test in tests
    )


def _elements(value: object) -> Iterator[object]:
    """A value itself, or what its lists hold, lists within lists included (chosen: EventBridge flattens them)."""
    rest = [value]
    while rest:
        element = rest.pop()
        if isinstance(element, list):
            rest.extend(element)
        else:
            yield element


def _entry(entry: object) -> Test:
    if not isinstance(entry, dict):
        return _equal(entry)
    test_of, operand = _operator(entry, _OPERATORS)
    return test_of(operand)


def _operator(entry: Mapping[str, Any], known: Mapping[str, Operator]) -> tuple[Operator, Any]:
    """The one operator in an object, and its operand."""
    if len(entry) != 1 or not entry.keys() <= known.keys():
        raise ValueError(f"not exactly one of {', '.join(known)}: {entry!r}")
    [(name, operand)] = entry.items()
    return known[name], operand


def _equal(wanted: object) -> Test:
    if isinstance(wanted, dict | list):
        raise ValueError(f"not a scalar: {wanted!r}")
    is_bool = isinstance(wanted, bool)  # Python takes True for 1
    return lambda element: element == wanted and isinstance(element, bool) == is_bool


def _anything_but(operand: Any) -> Test:
    """None of the scalars, and nothing that the text operator accepts, which may have a list of texts.

    Chosen: of a list in the data, one such element is enough.
    """
    test_of, operand = _operator(operand, _TEXT_OPERATORS) if isinstance(operand, dict) else (_equal, operand)
    excluded = operand if isinstance(operand, list) else [operand]
    if not excluded:
        raise ValueError("anything-but takes at least one value")
    tests = [test_of(each) for each in excluded]
    return lambda element: element is not _ABSENT and not any(test(element) for test in tests)


def _exists(operand: object) -> Test:
    if not isinstance(operand, bool):
        raise ValueError(f"exists takes true or false: {operand!r}")
    return lambda element: (element is not _ABSENT) == operand


def _numeric(operand: Any) -> Test:
    """A comparison, or a range: a lower and a higher bound in either order. Refused: a range with nothing in it."""
    match operand:
        case ["=" | "<" | "<=" | ">" | ">=" as sign, Decimal() as bound]:
            compare = _COMPARISONS[sign]
            return lambda element: type(element) in _NUMBERS and compare(element, bound)
        case [">" | ">=", Decimal() as low, "<" | "<=", Decimal() as high] if low < high:
            above, below = _numeric(operand[:2]), _numeric(operand[2:])
            return lambda element: above(element) and below(element)
        case ["<" | "<=", _, ">" | ">=", _]:
            return _numeric(operand[2:] + operand[:2])
    raise ValueError(f"numeric takes a comparison or a range: {operand!r}")


def _text(operand: object, compare: Callable[[str, str], bool], fold: Callable[[str], str] = str) -> Test:
    if not isinstance(operand, str):
        raise ValueError(f"not a text: {operand!r}")
    wanted = fold(operand)
    return lambda element: isinstance(element, str) and compare(fold(element), wanted)


def _end(operand: Any, compare: Callable[[str, str], bool]) -> Test:
    """A prefix or suffix, whose operand may ask for either case."""
    match operand:
        case {"equals-ignore-case": text} if len(operand) == 1:
            return _text(text, compare, str.lower)
    return _text(operand, compare)


_NUMBERS: Final = (Decimal, int, float)  # by exact type, for bool is an int
_COMPARISONS: Final = {"=": operator.eq, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_TEXT_OPERATORS: Final[Mapping[str, Operator]] = {
    "equals-ignore-case": partial(_text, compare=operator.eq, fold=str.lower),
    "prefix": partial(_end, compare=str.startswith),
    "suffix": partial(_end, compare=str.endswith),
}
_OPERATORS: Final[Mapping[str, Operator]] = {
    **_TEXT_OPERATORS,
    "anything-but": _anything_but,
    "exists": _exists,
    "numeric": _numeric,
}
