"""What a state is like, as something that is equal only for equal states, whatever the hash seed of the process.

Pickles are that, and fast, but for sets, whose order is the hash seed's and their history's: these are put in
order. What cannot be pickled has no fingerprint, and then nothing is concluded from it.
"""

from __future__ import annotations

import copyreg
import io
import pickle
from typing import Any, Final

from ..poller.context import Context

_SETS: Final = (b"\x8f", b"\x91")
"""The opcodes of a set and a frozen set; as bytes of a text they only cost time."""


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


def canonical(value: object, outside: object = None) -> bytes:
    """A value as bytes that are equal only for equal values, and tell who is the same object as whom.

    Args:
        value: Anything.
        outside: An object that is named, where it is met, and not looked into.

    Raises:
        Whatever pickling it raises.
    """
    pickled = pickle.dumps(value, 4) if outside is None else _written(_Pickler, value, outside)
    if not any(opcode in pickled for opcode in _SETS):
        return pickled
    return _written(_InOrder, value, outside)


def _written(kind: type[_Pickler], value: object, outside: object) -> bytes:
    file = io.BytesIO()
    kind(file, outside).dump(value)
    return file.getvalue()


class _Pickler(pickle.Pickler):
    """A pickler that names the outside object, and writes of a handler's context what the user has put there."""

    def __init__(self, file: io.BytesIO, outside: object) -> None:
        super().__init__(file, 4)
        self._outside = outside

    def reducer_override(self, value: Any) -> Any:
        """What stands for an object in the pickle."""
        if value is self._outside and value is not None:
            return str, ("outside",)
        if isinstance(value, Context):
            return str, ("context", *value.put_there())
        return NotImplemented


class _InOrder(_Pickler):
    """A pickler that writes the elements of sets in an order that is always the same."""

    def __init__(self, file: io.BytesIO, outside: object) -> None:
        super().__init__(file, outside)
        self._met: dict[int, tuple[int, object]] = {}

    def persistent_id(self, value: Any) -> object:
        """What stands for a set: its elements; where it is met again, which one that was."""
        if not isinstance(value, (set, frozenset)):
            return None
        met = self._met.get(id(value))
        if met is not None:
            return met[0]
        if any(getattr(type(element), "__hash__", None) is object.__hash__ for element in value):
            raise TypeError("equal elements of a set are different objects, and which is which is not told")
        self._met[id(value)] = len(self._met), value  # which keeps it, and so its id, alive
        return type(value), sorted(map(canonical, value)), getattr(value, "__dict__", None)
