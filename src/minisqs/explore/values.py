"""How observed values are compared, and shown in the same way in every process."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

SHORT: Final = 80


def equal(one: Any, other: Any) -> bool:
    """Whether two observed states are the same; such as cannot be compared, like arrays, by what they show."""
    try:
        if one == other:
            return True
        return "nan" in repr(one).lower() and repr(one) == repr(other)  # a number that is not even equal to itself
    except Exception:  # noqa: BLE001  # whatever their comparison raises
        return repr(one) == repr(other)


def kept_state(state: Any) -> Any:
    """A copy of what was observed, as dying code may still change the original; itself where it has none."""
    try:
        return copy.deepcopy(state)
    except Exception:  # noqa: BLE001  # what cannot be copied is compared as it is
        return state


def difference(one: Any, other: Any) -> str:
    """Where two states differ first, in words.

    >>> difference({"a": [1, 2]}, {"a": [1, 3]})
    "at ['a'][1]: 2 and 3"
    """
    path, first, second = first_difference(one, other)
    return f"at {path}: {first} and {second}" if path else f"{first} and {second}"


def first_difference(
    one: Any, other: Any, path: str = "", same: Callable[[Any, Any], bool] = equal
) -> tuple[str, str, str]:
    """Where two states differ first, and what each has there, as texts.

    >>> first_difference({"a": 1}, {})
    ("['a']", '1', 'nothing')
    """
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in [*one, *(key for key in other if key not in one)]:
            here = f"{path}[{key!r}]"
            if key not in one or key not in other:
                return here, _at(one, key, key in one), _at(other, key, key in other)
            if not same(one[key], other[key]):
                return first_difference(one[key], other[key], here, same)
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        for index, (left, right) in enumerate(zip(one, other, strict=False)):
            if not same(left, right):
                return first_difference(left, right, f"{path}[{index}]", same)
        if len(one) != len(other):
            index = min(len(one), len(other))
            here = f"{path}[{index}]"
            return here, _at(one, index, index < len(one)), _at(other, index, index < len(other))
    return path, shown(one), shown(other)


def _at(value: Any, key: Any, is_there: object) -> str:
    return shown(value[key], SHORT) if is_there else "nothing"


def shown(value: Any, width: int = 200) -> str:
    """A value as text, the same in every process, not longer than ``width``."""
    return shortened(_ADDRESS.sub("", _text(value)), width)


_ADDRESS: Final = re.compile(r" at 0x[0-9a-fA-F]+")
"""Where in memory an object lies, which is another place in each run."""


def _text(value: Any) -> str:
    """A value as code shows it, with sets in an order that is always the same."""
    kind = type(value)
    try:
        if kind in (set, frozenset) and value:
            inside = ", ".join(sorted(map(_text, value)))
            return f"{{{inside}}}" if kind is set else f"frozenset({{{inside}}})"
        if kind is dict:
            return "{" + ", ".join(f"{_text(key)}: {_text(item)}" for key, item in value.items()) + "}"
        if kind is list:
            return "[" + ", ".join(map(_text, value)) + "]"
        if kind is tuple and len(value) > 1:
            return "(" + ", ".join(map(_text, value)) + ")"
        return repr(value)
    except Exception as error:  # noqa: BLE001  # a repr of the user's may raise anything
        return f"<{kind.__name__} whose repr raised {type(error).__name__}>"


def shortened(text: str, width: int) -> str:
    """A text, not longer than ``width``."""
    return text if len(text) <= width else f"{text[: width - 1]}…"


def many(number: int, noun: str) -> str:
    """So many of something: "1 run", "1,200 runs", "2 redeliveries"."""
    if number == 1:
        return f"1 {noun}"
    return f"{number:,} {noun[:-1]}ies" if noun.endswith("y") else f"{number:,} {noun}s"
