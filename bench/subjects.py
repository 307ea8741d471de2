"""What is measured, as far as several sections share it: sizes, queues, lifecycles."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import perf_counter_ns as clock  # noqa: TID251  # a benchmark reads the real clock
from typing import Any, NamedTuple

from kit import BODY

import minisqs

TEN = [BODY] * 10
TWELVE_HOURS = 43_200


class Scale(NamedTuple):
    """How much is measured."""

    rounds: int
    messages: int
    many: int
    stored: int
    dead: int
    groups: int


FULL = Scale(rounds=25, messages=1000, many=1_000_000, stored=100_000, dead=100_000, groups=100_000)
QUICK = Scale(rounds=5, messages=1000, many=50_000, stored=20_000, dead=30_000, groups=10_000)


def new_queue(**attributes: Any) -> minisqs.Queue:
    """A queue in a world of its own, with its journal as it comes, that bears all the messages in flight."""
    name = "orders.fifo" if attributes.get("fifo_queue") else "orders"
    return minisqs.World(in_flight_limit=10_000_000).create_queue(name, **attributes)


def lives_in(queue: minisqs.Queue, count: int) -> Callable[[], Mapping[str, float]]:
    """Lifecycles through Queue and Message: one by one, then through the batches."""

    def measure() -> Mapping[str, float]:
        began = clock()
        for _ in range(count):
            queue.send(BODY)
            queue.receive()[0].delete()
        single = clock()
        for _ in range(count // 10):
            queue.send_batch(TEN)
            queue.delete_batch(queue.receive(10))
        return {"single": (single - began) / count, "tens": (clock() - single) / count}

    return measure
