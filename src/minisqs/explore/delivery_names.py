"""Names that are others at each delivery: request ids, log streams and receipt handles.

A consumer may keep the id of the request that did some work, as the owner of a lock or for an audit. When the
message comes again it is another one, whatever the consumer does, so states that differ in nothing else are the same.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Mapping
from typing import Any, Final

from ..world import World
from .values import equal, shown

_HANDLE: Final = re.compile(r"[A-Za-z0-9+/]{40}")
_ANY: Final = "the name of a delivery"


def names_in(state: object, world: World) -> set[str]:
    """The names in a state that a world has given to deliveries."""
    text = shown(state, sys.maxsize)
    functions = [] if world._lambda is None else world._lambda.functions()
    requests = [one for function in functions for one in function.invocations]
    given = {name for one in requests for name in (one.request_id, one.log_stream)}
    handles = {one for one in _HANDLE.findall(text) if world.sqs.service.identifiers.read_receipt_handle(one)}
    return {name for name in given | handles if name and name in text}


def same_but_for(names: Collection[str], one: object, other: object) -> bool:
    """Whether two states are equal once each of the names is taken for the same."""
    pattern = re.compile("|".join(map(re.escape, sorted(names))))
    return equal(_without(pattern, one), _without(pattern, other))


def _without(pattern: re.Pattern[str], value: Any) -> Any:
    """A state in which one text stands for all the names; what is in it stays as often as it was."""
    if isinstance(value, str):
        return pattern.sub(_ANY, value)
    if isinstance(value, Mapping):
        pairs = [(_without(pattern, key), _without(pattern, held)) for key, held in value.items()]
        return sorted(pairs, key=shown)
    if isinstance(value, (list, tuple)):
        return [_without(pattern, held) for held in value]
    if isinstance(value, (set, frozenset)):
        return sorted((_without(pattern, held) for held in value), key=shown)
    return value
