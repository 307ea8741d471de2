"""What it costs to switch between workers that are spawned: threads and coroutines, few and many."""

from __future__ import annotations

import _thread
import asyncio  # noqa: TID251  # what user code uses
import time  # noqa: TID251  # what user code asks
from collections.abc import Callable, Mapping
from time import perf_counter_ns as clock  # noqa: TID251  # a benchmark reads the real clock
from typing import Any

from kit import BODY, Goal, figure, in_turn, ratio_figure, section
from subjects import Scale

import minisqs

SWITCHES = 10_000
FEW, MANY = 10, 1000


def workers(scale: Scale) -> None:
    section(
        "workers", "time a switch, in a loop of receive, work and delete; and over that of two threads that take turns"
    )
    candidates: dict[str, Callable[[], Mapping[str, float]]] = {"bare": turns_of_two_threads}
    for count in (FEW, MANY):
        candidates[f"{count:,} threads"] = polling(count)
        candidates[f"{count:,} coroutines"] = sleeping(count)
    results = in_turn(candidates, max(1, scale.rounds // 3))
    for count in (FEW, MANY):
        figure(f"{count:,} threads", results.median("switch", f"{count:,} threads"), Goal(40), unit=" us")
        ratio_figure(f"{count:,} threads, over bare turns", results.ratio("switch", f"{count:,} threads", "bare"))
    for count in (FEW, MANY):
        figure(f"{count:,} coroutines", results.median("switch", f"{count:,} coroutines"), Goal(10), unit=" us")


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
            began, before = clock(), world.sqs.kernel.scheduled
            world.run_until_idle()
            return {"switch": (clock() - began) / 1e3 / (world.sqs.kernel.scheduled - before)}

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
            began = clock()
            world.advance(3 * rounds)
            return {"switch": (clock() - began) / 1e3 / SWITCHES}

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
    began = clock()
    for _ in range(SWITCHES):
        go.release()
        back.acquire()
    took = (clock() - began) / 1e3 / SWITCHES
    ends = True
    go.release()
    return {"switch": took}
