"""One polling loop with a planted bug, and its corrected twin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

import minisqs


@attrs.frozen(kw_only=True)
class Loop:
    """A bug that the perfect queue does not show, beside the same loop without it.

    Attributes:
        name: What the loop is.
        bug, twin: Scenarios.
        note: What breaks the bug, and how the twin avoids it.
        faults: What may go wrong; None for all that is legal and not opt-in.
        by: The faults of which one breaks it, by themselves.
    """

    name: str
    bug: Any
    twin: Any
    note: str
    by: tuple[str, ...]
    faults: tuple[str, ...] | None = None


def scenario(
    name: str, loop: Callable[..., object], *, workers: int = 2, bodies: tuple[str, ...] = ("a", "b"), **queue: Any
) -> Any:
    """A scenario in which ``loop(client, url, outside)`` is spawned so often; what it keeps in ``outside`` is observed."""

    def set_up(world: minisqs.World) -> Callable[[], object]:
        source = world.create_queue("in", **{"visibility_timeout": 30, **queue})
        outside: dict[str, Any] = {}
        for _ in range(workers):
            world.spawn(loop, world.client(), source.url, outside)
        source.send_batch(list(bodies))
        return lambda: {name: value for name, value in sorted(outside.items()) if not name.startswith("_")}

    set_up.__name__ = set_up.__qualname__ = name
    return minisqs.scenario(set_up)


def received(client: Any, url: str, most: int = 10) -> list[dict[str, Any]]:
    """The messages of one long poll."""
    answer = client.receive_message(
        QueueUrl=url, WaitTimeSeconds=20, MaxNumberOfMessages=most, AttributeNames=["ApproximateReceiveCount"]
    )
    return answer.get("Messages", [])  # type: ignore[no-any-return]  # as boto3's
