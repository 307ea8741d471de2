"""What message groups cost: a FIFO lifecycle among many groups, half of them blocked, over the same among ten."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count as counting
from time import perf_counter_ns as clock  # noqa: TID251  # a benchmark reads the real clock

from kit import BODY, Goal, in_turn, ratio_figure, section
from subjects import TWELVE_HOURS, Scale, lives_in, new_queue

import minisqs
from minisqs import SendMessage


def fifo(scale: Scale) -> None:
    section("fifo", "time of a lifecycle in a FIFO queue, half of whose groups are blocked")
    results = in_turn(
        {
            "many": lives_among(scale.groups, scale.messages),
            "few": lives_among(10, scale.messages),
            "standard": lives_in(new_queue(), scale.messages),
        },
        scale.rounds,
    )
    for what in ("single", "tens"):
        ratio_figure(f"{what}, {scale.groups:,} groups over 10", results.ratio(what, "many", "few"), Goal(4))
    for what in ("single", "tens"):
        ratio_figure(f"{what}, 10 groups over a standard queue", results.ratio(what, "few", "standard"))


def lives_among(groups: int, count: int) -> Callable[[], Mapping[str, float]]:
    """Lifecycles in the free half of the groups; there are always as many messages waiting as there are groups.

    Each blocked group has a message in flight and one behind it; each free one has a message that waits, so
    a receive has them all to choose from.
    """
    queue = new_queue(fifo_queue=True, visibility_timeout=TWELVE_HOURS)
    ids = map(str, counting())
    blocked = [f"blocked-{number}" for number in range(groups // 2)]
    free = [f"free-{number}" for number in range(groups // 2)]
    for group in [*blocked, *blocked]:
        queue.send(BODY, message_group_id=group, message_deduplication_id=next(ids))
    for _ in blocked:
        queue.receive()
    for group in free:
        queue.send(BODY, message_group_id=group, message_deduplication_id=next(ids))
    places = counting()
    assert queue.counts == (groups, groups // 2, 0), "half of the groups are blocked"

    def in_next_group() -> SendMessage:
        group = free[next(places) % len(free)]
        return SendMessage(BODY, message_group_id=group, message_deduplication_id=next(ids))

    def measure() -> Mapping[str, float]:
        began = clock()
        for _ in range(count):
            send_one(queue, in_next_group())
            queue.receive()[0].delete()
        single = clock()
        for _ in range(count // 10):
            queue.send_batch([in_next_group() for _ in range(10)])
            queue.delete_batch(queue.receive(10))
        return {"single": (single - began) / count, "tens": (clock() - single) / count}

    return measure


def send_one(queue: minisqs.Queue, message: SendMessage) -> None:
    queue.send(
        message.body,
        message_group_id=message.message_group_id,
        message_deduplication_id=message.message_deduplication_id,
    )
