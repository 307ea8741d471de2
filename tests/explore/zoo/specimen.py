"""One consumer with a planted bug, its corrected twin, and what they are fed."""

from __future__ import annotations

import json
from typing import Any

import attrs

from minisqs import SendMessage


@attrs.frozen(kw_only=True)
class Specimen:
    """A bug that the perfect queue does not show, beside the same consumer without it.

    Attributes:
        name: What the consumer is, unique in the zoo.
        kind: The family of the bug.
        bug: A class; each run builds it afresh. Its state differs from the perfect one under some legal fault.
        twin: The same with the bug corrected: its state is the perfect one whatever legal faults occur.
        messages: What is sent, in order; at most three.
        queue: Arguments of ``create_queue``.
        function: Arguments of ``create_function``.
        mapping: Arguments of ``create_event_source_mapping``.
        note: What breaks the bug, and how the twin avoids it.
    """

    name: str
    kind: str
    bug: type[Any]
    twin: type[Any]
    messages: list[str | SendMessage]
    queue: dict[str, Any] = attrs.Factory(dict)
    function: dict[str, Any] = attrs.Factory(dict)
    mapping: dict[str, Any] = attrs.Factory(dict)
    note: str


def texts(*bodies: dict[str, Any]) -> list[str | SendMessage]:
    """Messages whose bodies are these objects as JSON."""
    return [json.dumps(body) for body in bodies]


def grouped(group: str, *bodies: str | dict[str, Any]) -> list[str | SendMessage]:
    """Messages of one group of a FIFO queue; objects become JSON."""
    return [SendMessage(body if isinstance(body, str) else json.dumps(body), message_group_id=group) for body in bodies]
