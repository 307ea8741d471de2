"""Lambda's poller: a million messages through a thousand functions of a second each, and the worked drains."""

from __future__ import annotations

import gc
import heapq
from collections.abc import Callable, Mapping
from time import perf_counter as clock  # noqa: TID251  # a benchmark reads the real clock
from typing import Any

from kit import BODY, Goal, figure, in_turn, ratio_figure, section
from subjects import FULL, TEN, TWELVE_HOURS, Scale
from yardsticks import LeanQueue

import minisqs

SECOND_NS = 10**9
WORKERS = 1000


def poller(scale: Scale) -> None:
    section(
        "poller",
        f"time to drain {scale.many:,} messages in tens, {WORKERS:,} at once, a second each, over the lean queue on a heap",
    )
    results = in_turn(
        {
            "lean": lambda: {"run": drain_lean(scale.many)},
            "handler": lambda: {"run": drain(scale.many, lambda event, context: None)},
            "timed": lambda: {"run": drain(scale.many, None)},
        },
        max(2, scale.rounds // 8),
    )
    ratio_figure("a handler that gets its events", results.ratio("run", "handler", "lean"), Goal(3))
    ratio_figure("work that only takes time, no events", results.ratio("run", "timed", "lean"))
    figure("a handler, per message", results.median("run", "handler") / scale.many * 1e6, unit=" us")

    section("drains", "real time of the specification's backlog of 100,000 messages")
    for name, settings in DRAINS.items():
        goal = Goal(1.5) if scale is FULL else None
        figure(name, drained(100_000 if scale is FULL else 20_000, settings), goal, unit=" s")

    section("idle", "a mapping that polls an empty queue")
    seconds, held = idle_days(30 if scale is FULL else 3)
    figure("a simulated day", seconds * 1000, unit=" ms")
    # A queue and a mapping keep fifteen days of one-minute data; before that a day leaves its minutes behind.
    figure("objects that a day more leaves behind", held, Goal(100) if scale is FULL else None, unit="")


DRAINS: Mapping[str, dict[str, Any]] = {
    "legacy": {"profile": "legacy"},
    "current": {},
    "maximum concurrency 50": {"maximum_concurrency": 50},
    "maximum concurrency 2": {"maximum_concurrency": 2},
    "provisioned 2 to 200": {"minimum_pollers": 2, "maximum_pollers": 200},
}


def drain_lean(count: int) -> float:
    """The least that can be called a poller: each worker receives ten, waits a second, deletes them."""
    queue = LeanQueue()
    for _ in range(count):
        queue.send(BODY)
    began_ns = queue.now_ns
    heap: list[tuple[int, int, Callable[[Any], None], Any]] = []
    scheduled = 0

    def at(time_ns: int, call: Callable[[Any], None], argument: Any) -> None:
        nonlocal scheduled
        scheduled += 1
        heapq.heappush(heap, (time_ns, scheduled, call, argument))

    def poll(worker: int) -> None:
        received = queue.receive(10)
        if received:
            at(queue.now_ns + SECOND_NS, done, (worker, received))

    def done(work: tuple[int, list[tuple[str, Any]]]) -> None:
        worker, received = work
        for handle, _ in received:
            queue.delete(handle)
        at(queue.now_ns, poll, worker)

    for worker in range(WORKERS):
        at(began_ns, poll, worker)
    began = clock()
    while heap:
        queue.now_ns, _, call, argument = heapq.heappop(heap)
        call(argument)
    taken = clock() - began
    assert queue.counts() == (0, 0), "every message was deleted"
    return taken


def drain(count: int, handler: Callable[[Any, Any], Any] | None) -> float:
    """The same through a mapping with as many slots from the start, and no journal."""
    world, queue = filled(count, journal_length=0)
    function = world.create_function(handler, name="work", duration=1)
    pollers = WORKERS // 10
    world.create_event_source_mapping(queue, function, minimum_pollers=pollers, maximum_pollers=pollers)
    taken = timed(world.run_until_idle)
    assert queue.counts == (0, 0, 0), "every message was deleted"
    assert world.clock.seconds == count / WORKERS / 10, "a thousand functions worked all the time"
    return taken


def drained(count: int, settings: dict[str, Any]) -> float:
    """Seconds to drain a backlog as a user would, with the journal as it comes."""
    world, queue = filled(count, account_concurrency=5000)
    function = world.create_function(lambda event, context: None, name="work", duration=1)
    world.create_event_source_mapping(queue, function, **settings)
    taken = timed(world.run_until_idle)
    assert queue.counts == (0, 0, 0), "every message was deleted"
    return taken


def idle_days(days: int) -> tuple[float, int]:
    """Seconds of real time that a simulated day takes, and the objects that another day leaves behind."""
    world = minisqs.World()
    queue = world.create_queue("orders")
    world.create_event_source_mapping(queue, world.create_function(lambda event, context: None, name="work"))
    world.advance(86_400)
    taken = timed(lambda: world.advance(days * 86_400)) / days
    before = objects()
    world.advance(86_400)
    return taken, objects() - before


def objects() -> int:
    gc.collect()
    return len(gc.get_objects())


def filled(count: int, **settings: Any) -> tuple[minisqs.World, minisqs.Queue]:
    world = minisqs.World(in_flight_limit=10_000_000, **settings)
    queue = world.create_queue("orders", visibility_timeout=TWELVE_HOURS)
    for _ in range(count // 10):
        queue.send_batch(TEN)
    return world, queue


def timed(call: Callable[[], object]) -> float:
    began = clock()
    call()
    return clock() - began
