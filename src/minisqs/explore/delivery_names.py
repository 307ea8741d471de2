"""Names that may be others when a message comes again: request ids, log streams and receipt handles.

A consumer may keep the id of the request that did some work, as the owner of a lock or for an audit. When the
message comes again it is another one, whatever the consumer does, so states that differ in nothing else are the same.
Known are those of the last thousand invocations, which is more than a check makes.
"""

from __future__ import annotations

import re
import sys
from collections import deque
from collections.abc import Collection, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final
from uuid import UUID  # noqa: TID251  # to know a value that the user has

from ..world import World
from .subjects import attributes_of
from .values import equal, shown

_HANDLE: Final = re.compile(r"(?=(AQE[A-Za-z0-9+/]{37}))")
"""Also behind other letters, such as those of a path."""


def given_in(state: object, world: World) -> set[str]:
    """The names in a state that a world has given to deliveries."""
    text = _text(state)
    functions = [] if world._lambda is None else world._lambda.functions()
    requests = [one for function in functions for one in function.invocations]
    given = {name for one in requests for name in (one.request_id, one.log_stream)}
    handles = {one for one in _HANDLE.findall(text) if world.sqs.service.identifiers.read_receipt_handle(one)}
    return {name for name in given | handles if name and name in text}


def same_but_for(names: Collection[str], one: object, other: object) -> bool:
    """Whether two states are equal once the names of each kind are taken for the same."""
    pattern = re.compile("|".join(map(re.escape, sorted(names))))
    try:
        return equal(_without(pattern, one), _without(pattern, other))
    except Exception:  # noqa: BLE001  # what leads to itself, or does not let itself be gone through
        return False


def _without(pattern: re.Pattern[str], value: Any) -> Any:
    """A state without the names: of each only its length is left; what is in it stays as often as it was, and of its kind."""
    if isinstance(value, str):
        return pattern.sub(lambda name: "*" * len(name[0]), value)
    if isinstance(value, UUID):
        value = UUID, str(value)
    if isinstance(value, Mapping):
        return Mapping, sorted(
            ((_without(pattern, key), _without(pattern, held)) for key, held in value.items()), key=_text
        )
    if isinstance(value, AbstractSet):
        return AbstractSet, sorted((_without(pattern, held) for held in value), key=_text)
    if isinstance(value, (list, tuple, deque)):
        held = [_without(pattern, one) for one in value]
        return tuple(held) if isinstance(value, tuple) else held
    if pattern.search(_text(value)):  # an object, such as one of a dataclass
        shape = pattern.sub(lambda name: "*" * len(name[0]), _text(value))
        return type(value), shape, _without(pattern, attributes_of(value))
    return value


def _text(value: object) -> str:
    return shown(value, sys.maxsize)
