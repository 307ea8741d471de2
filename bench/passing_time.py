"""What simulated time costs: minutes, hours and days pass over a world in which something is going on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import perf_counter_ns as clock  # noqa: TID251  # a benchmark reads the real clock

from kit import BODY, Goal, figure, in_turn, ratio_figure, section
from subjects import TWELVE_HOURS, Scale

import minisqs

SPANS = {"5 minutes": 300, "36 hours": 36 * 3600, "14 days": 14 * 86_400}
DEAD_LETTERS = 100


def passing_time(scale: Scale) -> None:
    section("time", f"time that simulated time takes: one delayed, one in flight, a task that moves {DEAD_LETTERS}")
    results = in_turn({name: advancing(seconds) for name, seconds in SPANS.items()}, scale.rounds)
    for name in SPANS:
        figure(name, results.median("advance", name), Goal(10), unit=" ms")
    section(
        "time, of many deadlines", "time a message where 2,000 fall due one after the other, over the same where 200 do"
    )
    for what, fall_due in (("visibility timeouts", ending_timeouts), ("retention periods", ending_lives)):
        results = in_turn({"many": fall_due(2000), "few": fall_due(200)}, max(1, scale.rounds // 5))
        ratio_figure(what, results.ratio("advance", "many", "few"), Goal(1.5))


def advancing(seconds: int) -> Callable[[], Mapping[str, float]]:
    """So many simulated seconds, each time over a world of its own."""

    def measure() -> Mapping[str, float]:
        world = busy_world()
        began = clock()
        world.advance(seconds)
        return {"advance": (clock() - began) / 1e6}

    return measure


def busy_world() -> minisqs.World:
    """A world with a message in each state that ends by itself, and a move task at a message a second."""
    world = minisqs.World()
    dead = world.create_queue("dead-orders", message_retention_period=14 * 86_400)
    orders = world.create_queue("orders", redrive_policy=minisqs.RedrivePolicy(dead, max_receive_count=1))
    orders.send(BODY)
    orders.receive(visibility_timeout=TWELVE_HOURS)
    orders.send(BODY, delay_seconds=900)
    for _ in range(DEAD_LETTERS // 10):
        dead.send_batch([BODY] * 10)
    dead.start_message_move_task(orders, max_number_of_messages_per_second=1)
    return world


def ending_timeouts(count: int) -> Callable[[], Mapping[str, float]]:
    """So many visibility timeouts, the latest first received; nanoseconds for each."""

    def measure() -> Mapping[str, float]:
        world = minisqs.World()
        queue = world.create_queue("orders")
        for number in range(count):
            queue.send(BODY)
            queue.receive(visibility_timeout=TWELVE_HOURS - number)
        return timed(world, TWELVE_HOURS, count)

    return measure


def ending_lives(count: int) -> Callable[[], Mapping[str, float]]:
    """So many messages that expire a second apart; nanoseconds for each."""

    def measure() -> Mapping[str, float]:
        world = minisqs.World()
        queue = world.create_queue("orders", message_retention_period=86_400)
        for _ in range(count):
            queue.send(BODY)
            world.advance(1)
        return timed(world, 86_400, count)

    return measure


def timed(world: minisqs.World, seconds: int, count: int) -> Mapping[str, float]:
    began = clock()
    world.advance(seconds)
    return {"advance": (clock() - began) / count}
