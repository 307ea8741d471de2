"""How observed values are compared, and shown in the same way in every process."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final


def equal(one: Any, other: Any) -> bool:
    """Whether two observed states are the same; such as cannot be compared, like arrays, by what they show."""
    try:
        if one == other:
            return True
        return "nan" in repr(one) and repr(one) == repr(other)  # a number that is not even equal to itself
    except Exception:  # noqa: BLE001  # whatever their comparison raises
        return repr(one) == repr(other)


def difference(one: Any, other: Any, path: str = "") -> str:
    """Where two states differ first, in words.

    >>> difference({"a": [1, 2]}, {"a": [1, 3]})
    "at ['a'][1]: 2 and 3"
    """
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in [*one, *(key for key in other if key not in one)]:
            if key not in one or key not in other:
                return f"{path}[{key!r}] is there only once"
            if not equal(one[key], other[key]):
                return difference(one[key], other[key], f"{path}[{key!r}]")
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)) and len(one) == len(other):
        for index, (left, right) in enumerate(zip(one, other, strict=True)):
            if not equal(left, right):
                return difference(left, right, f"{path}[{index}]")
    return f"at {path}: {shown(one)} and {shown(other)}" if path else f"{shown(one)} and {shown(other)}"


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
