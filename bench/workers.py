"""What it costs to switch between workers that are spawned: threads and coroutines, few and many."""

from __future__ import annotations

import _thread
import asyncio  # noqa: TID251  # what user code uses
import time  # noqa: TID251  # what user code asks
from collections.abc import Callable, Mapping
from time import perf_counter_ns, process_time_ns  # noqa: TID251  # a benchmark reads the real clock
from typing import Any

from kit import BODY, Goal, figure, in_turn, ratio_figure, section
from subjects import Scale

import minisqs

SWITCHES = 10_000
FEW, MANY = 10, 1000


def workers(scale: Scale) -> None:
    section(
        "workers",
        "time a switch, in a loop of receive, work and delete; the processor's own part, which a busy machine spares",
    )
    candidates: dict[str, Callable[[], Mapping[str, float]]] = {"bare": turns_of_two_threads}
    for count in (FEW, MANY):
        candidates[f"{count:,} threads"] = polling(count)
        candidates[f"{count:,} coroutines"] = sleeping(count)
    results = in_turn(candidates, max(1, scale.rounds // 3))
    for goal, kind in ((Goal(40), "threads"), (Goal(10), "coroutines")):
        for name in (f"{FEW:,} {kind}", f"{MANY:,} {kind}"):
            figure(name, results.median("real", name), goal, unit=" us")
            figure(f"{name}, processor", results.median("processor", name), unit=" us")
    figure("two bare threads that take turns", results.median("real", "bare"), unit=" us")
    ratio_figure(f"{FEW:,} threads, over these", results.ratio("processor", f"{FEW:,} threads", "bare"))


def watch() -> Callable[[int], Mapping[str, float]]:
    """Begins to measure; what it gives says how many microseconds each of so many switches has taken since."""
    real, processor = perf_counter_ns(), process_time_ns()
    return lambda switches: {
        "real": (perf_counter_ns() - real) / 1e3 / switches,
        "processor": (process_time_ns() - processor) / 1e3 / switches,
    }


def poll(client: Any, url: str) -> None:
    """A loop as tutorials have it."""
    while True:
        answer = client.receive_message(QueueUrl=url, WaitTimeSeconds=20, MaxNumberOfMessages=1)
        for message in answer.get("Messages", []):
            time.sleep(1)
            client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def polling(count: int) -> Callable[[], Mapping[str, float]]:
    """So many threads, each of whose rounds has three switches: two calls and a sleep."""

    def measure() -> Mapping[str, float]:
        with minisqs.World(journal_length=0) as world:
            queue = world.create_queue("orders", visibility_timeout=600)
            for _ in range(count):
                world.spawn(poll, world.client(), queue.url)
            for _ in range(SWITCHES // 30):
                queue.send_batch([BODY] * 10)
            before, since = world.sqs.kernel.scheduled, watch()
            world.run_until_idle()
            return since(world.sqs.kernel.scheduled - before)

    return measure


def sleeping(count: int) -> Callable[[], Mapping[str, float]]:
    """So many tasks of one event loop, each of which sleeps again and again."""
    rounds = SWITCHES // count

    async def sleep(number: int) -> None:
        for _ in range(rounds):
            await asyncio.sleep(1 + number / 1000)

    async def main() -> None:
        await asyncio.gather(*map(sleep, range(count)))

    def measure() -> Mapping[str, float]:
        with minisqs.World(journal_length=0) as world:
            world.spawn(main)
            since = watch()
            world.advance(3 * rounds)
            return since(SWITCHES)

    return measure


def turns_of_two_threads() -> Mapping[str, float]:
    """What the interpreter itself takes to let another thread have its turn, and to have one again."""
    go, back, ends = _thread.allocate_lock(), _thread.allocate_lock(), False
    go.acquire()
    back.acquire()

    def other() -> None:
        while not ends:
            go.acquire()
            back.release()

    _thread.start_new_thread(other, ())
    since = watch()
    for _ in range(SWITCHES):
        go.release()
        back.acquire()
    took = since(SWITCHES)
    ends = True
    go.release()
    return took
