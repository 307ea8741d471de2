"""What a state is like, as something that is equal only for equal states, whatever the hash seed of the process.

Pickles are that, and fast, but for sets, whose order is the hash seed's and their history's: these are put in
order, where their elements are values. And a bare ``object()`` pickles like any other. What cannot be pickled, or told
apart, has no fingerprint, and then nothing is concluded from it.
"""

from __future__ import annotations

import copyreg
import dataclasses
import io
import pickle
from collections.abc import Collection
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Final
from uuid import UUID  # noqa: TID251  # to know a value that the user has

from ..poller.context import Context

_SET: Final = b"\x8f"
_FROZEN_SET: Final = b"\x91"
_BARE: Final = b"\x06object"
"""The opcodes of a set and a frozen set, and the name of the class of a bare object; in a text they only cost time."""

_VALUES: Final = (
    type(None), bool, int, float, complex, str, bytes, date, datetime, time, timedelta, Decimal, UUID,
)  # fmt: skip


def fingerprint_of(value: object) -> object:
    """What an object holds; None if that cannot be said, or there is none."""
    if value is None:
        return None
    try:
        return canonical(content(value))
    except Exception:  # noqa: BLE001  # whatever its pickling raises
        return None


def content(value: object) -> list[object]:
    """All that an object holds: attributes, slots, and what is in it where it is a container.

    Raises:
        TypeError: It is not made from its content.
    """
    reduced: Any = value.__reduce_ex__(4)
    if isinstance(reduced, str) or reduced[0] is not copyreg.__newobj__:  # type: ignore[attr-defined]  # as pickle has it
        raise TypeError(f"{value!r} does not say what it holds")
    _, arguments, state, items, pairs = (*reduced, None, None, None)[:5]
    kind = arguments[0]
    return [kind.__module__, kind.__qualname__, list(arguments[1:]), state, list(items or ()), list(pairs or ())]


def canonical(value: object, outside: object = None, named: Collection[object] = ()) -> bytes:
    """A value as bytes that are equal only for equal values, and tell who is the same object as whom.

    Args:
        value: Anything.
        outside: An object that is named, where it is met, and not looked into.
        named: Objects that stand in the value under names, so that it tells which of them another is.

    Raises:
        TypeError: There are objects in it that nobody can tell apart.
        Whatever pickling it raises.
    """
    pickled = pickle.dumps(value, 4) if outside is None else _written(_Pickler(io.BytesIO(), outside), value)
    if _SET in pickled or _FROZEN_SET in pickled or _BARE in pickled:
        return _written(_Closely(io.BytesIO(), outside, named), value)
    return pickled


def _written(pickler: _Pickler, value: object) -> bytes:
    pickler.dump(value)
    return pickler.file.getvalue()


class _Pickler(pickle.Pickler):
    """A pickler that names the outside object, and writes of a handler's context what the user has put there."""

    def __init__(self, file: io.BytesIO, outside: object) -> None:
        super().__init__(file, 4)
        self.file = file
        self._outside = outside

    def reducer_override(self, value: Any) -> Any:
        """What stands for an object in the pickle."""
        if value is self._outside and value is not None:
            return str, ("outside",)
        if isinstance(value, Context):
            return str, ("context", *value.put_there())
        return NotImplemented


class _Closely(_Pickler):
    """A pickler that writes the elements of sets in an order that is always the same, and refuses bare objects."""

    def __init__(self, file: io.BytesIO, outside: object, named: Collection[object]) -> None:
        super().__init__(file, outside)
        self._named = {id(one) for one in named}
        self._met: dict[int, tuple[int, object]] = {}

    def reducer_override(self, value: Any) -> Any:
        """What stands for an object in the pickle.

        Raises:
            TypeError: It is a bare object that has no name.
        """
        if type(value) is object and id(value) not in self._named:
            raise TypeError("which of several bare objects this is is not told")
        if isinstance(value, Enum):  # whatever its value is
            return str, ("member", type(value), value.name)
        return super().reducer_override(value)

    def persistent_id(self, value: Any) -> object:
        """What stands for a set: its elements; where it is met again, which one that was.

        Raises:
            TypeError: Its elements are more than values: which is which, and who else holds them, is not told.
        """
        if not isinstance(value, (set, frozenset)):
            return None
        met = self._met.get(id(value))
        if met is not None:
            return met[0]
        if not all(map(_is_value, value)):
            raise TypeError("an element of a set is more than a value, and which is which is not told")
        self._met[id(value)] = len(self._met), value  # which keeps it, and so its id, alive
        elements = sorted(value) if set(map(type, value)) == {str} else sorted(map(canonical, value))
        return type(value), elements, value.__reduce_ex__(4)[2]


def _is_value(one: object) -> bool:
    """Whether two equal ones are the same to everybody: plain values, and what is made of such for good."""
    if type(one) in _VALUES or isinstance(one, (Enum, type)):
        return True
    if type(one) in (tuple, frozenset) or (isinstance(one, tuple) and hasattr(one, "_fields")):
        return all(map(_is_value, one))  # type: ignore[call-overload]  # each of them is iterable
    parameters = getattr(one, "__dataclass_params__", None)
    if isinstance(one, type) or parameters is None or not (parameters.frozen and parameters.eq):
        return False
    return all(_is_value(getattr(one, field.name)) for field in dataclasses.fields(one))  # type: ignore[arg-type]
