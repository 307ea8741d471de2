"""How fast and how small minisqs is, as ratios to yardsticks that run beside it.

``python bench/run.py`` measures everything, ``python bench/run.py lifecycle growth`` some of it; ``--quick``
takes fewer rounds and smaller sizes. Every line is a name, a figure, its goal, and whether it is kept. It
only measures: the exit code is 0 whatever the figures are.
"""

from __future__ import annotations

import argparse
import gc
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from operator import itemgetter
from time import perf_counter_ns as clock  # noqa: TID251  # a benchmark reads the real clock
from typing import Any

from drawn import drawn
from exploring import exploring
from fifo import fifo
from kit import BODY, Goal, figure, in_turn, left_out, ratio_figure, section
from passing_time import passing_time
from poller import poller
from subjects import FULL, QUICK, TEN, TWELVE_HOURS, Scale, lives_in, new_queue
from through_boto3 import through_boto3
from through_client import through_client
from workers import workers
from yardsticks import BareDeque, LeanQueue, MotoBackend

import minisqs

EXTRA = "it comes with the extra `bench`"


# ------------------------------------------------------------------------------------------------ lifecycle
def lifecycle(scale: Scale) -> None:
    section("lifecycle", "time to send, receive and delete a message, over a yardstick's; nothing else waits")
    # Short rounds and many of them: what disturbs the machine for a moment then spoils few.
    count, rounds = scale.messages // 5, scale.rounds * 5
    lean = LeanQueue()
    results = in_turn(
        {
            "deque": lives_of(BareDeque(), count),
            "lean": lives_of(lean, count, itemgetter(0)),
            "minisqs": lives_in(new_queue(), count),
        },
        rounds,
    )
    assert lean.counts() == (0, 0), "every message was deleted"
    for what in ("single", "tens"):
        ratio_figure(f"{what}, minisqs over the lean queue", results.ratio(what, "minisqs", "lean"), Goal(3))
    for what in ("single", "tens"):
        ratio_figure(f"{what}, minisqs over a bare deque", results.ratio(what, "minisqs", "deque"))
    for what in ("single", "tens"):
        ratio_figure(f"{what}, the lean queue over a bare deque", results.ratio(what, "lean", "deque"))


def lives_of(
    yardstick: Any, count: int, handle_of: Callable[[Any], Any] = lambda received: received
) -> Callable[[], Mapping[str, float]]:
    """The same on a yardstick; those have no batches but for the receive."""
    send, receive, delete = yardstick.send, yardstick.receive, yardstick.delete

    def measure() -> Mapping[str, float]:
        began = clock()
        for _ in range(count):
            send(BODY)
            delete(handle_of(receive(1)[0]))
        single = clock()
        for _ in range(count // 10):
            for body in TEN:
                send(body)
            for received in receive(10):
                delete(handle_of(received))
        return {"single": (single - began) / count, "tens": (clock() - single) / count}

    return measure


# --------------------------------------------------------------------------------------------------- growth
def growth(scale: Scale) -> None:
    for place in ("waiting", "in flight"):
        section(
            f"growth, {place}",
            f"time of an action with {scale.many:,} messages {place}, over the same with 1,000; per message",
        )
        sizes = {"many": scale.many, "few": 1000}
        queues = {name: filled(count, in_flight=place == "in flight") for name, count in sizes.items()}
        results = in_turn({name: actions_on(queue, scale.messages) for name, queue in queues.items()}, scale.rounds)
        for action in ACTIONS:
            ratio_figure(action, results.ratio(action, "many", "few"), Goal(1.3))
        del queues, results


ACTIONS = ("send", "send ten", "receive", "receive ten", "change visibility", "delete", "delete ten", "counts")


def filled(count: int, *, in_flight: bool) -> minisqs.Queue:
    """A queue with so many messages; those in flight were received at ``count / 10`` different times."""
    world = minisqs.World(in_flight_limit=10_000_000)
    queue = world.create_queue("orders")
    for _ in range(count // 10):
        queue.send_batch(TEN)
    if in_flight:
        for _ in range(count // 10):
            queue.receive(10, visibility_timeout=TWELVE_HOURS)
            world.advance(0.001)
    return queue


def actions_on(queue: minisqs.Queue, count: int) -> Callable[[], Mapping[str, float]]:
    """Each action in turn; in the end the queue holds as many messages as before."""

    def measure() -> Mapping[str, float]:
        tens = range(count // 10)
        times = [clock()]
        for _ in range(count):
            queue.send(BODY)
        times.append(clock())
        for _ in tens:
            queue.send_batch(TEN)
        times.append(clock())
        ones = [queue.receive()[0] for _ in range(count)]
        times.append(clock())
        batches = [queue.receive(10) for _ in tens]
        times.append(clock())
        for message in ones:
            message.change_visibility(60)
        times.append(clock())
        for message in ones:
            message.delete()
        times.append(clock())
        for batch in batches:
            queue.delete_batch(batch)
        times.append(clock())
        for _ in range(count):
            _ = queue.counts
        times.append(clock())
        return {
            action: (after - before) / count for action, before, after in zip(ACTIONS, times, times[1:], strict=False)
        }

    return measure


# --------------------------------------------------------------------------------------------------- memory
def memory(scale: Scale) -> None:
    section("memory", "bytes a message beyond its body, with the default journal; beside it, over the lean queue's")
    waiting, in_flight = stored(new_queue(visibility_timeout=TWELVE_HOURS), scale.stored)
    lean_waiting, lean_in_flight = stored(LeanQueue(), scale.stored)
    figure("waiting", waiting, Goal(400), unit=" B", note=f"{waiting / lean_waiting:.2f}x the lean queue")
    figure("in flight", in_flight, Goal(480), unit=" B", note=f"{in_flight / lean_in_flight:.2f}x the lean queue")
    # The journal's 10,000 entries stay whatever has died, so the fewer died, the more of it falls to each.
    goal, note = (Goal(20), "") if scale.dead == FULL.dead else (None, f"no goal for only {scale.dead:,} dead")
    figure("dead, each sent, received, deleted in turn", dead_in_turn(scale.dead), goal, unit=" B", note=note)
    figure("dead, all sent, all received, all deleted", dead_at_once(scale.dead), goal, unit=" B", note=note)


def bodies(count: int) -> Iterator[str]:
    """As many texts, each an object of its own."""
    return (f"{number:07}{BODY}" for number in range(count))


def stored(queue: Any, count: int) -> tuple[float, float]:
    """Bytes a message while it waits, and in flight."""
    texts = list(bodies(count))
    with traced() as held:
        for text in texts:
            queue.send(text)
        waiting = held()
        for _ in range(count // 10):
            queue.receive(10)
        return waiting / count, held() / count


def dead_in_turn(count: int) -> float:
    """Bytes that each deleted message left behind, with never more than one message there."""
    queue = new_queue(visibility_timeout=TWELVE_HOURS)
    with traced() as held:
        for text in bodies(count):
            queue.send(text)
            queue.receive()[0].delete()
        return held() / count


def dead_at_once(count: int) -> float:
    """The same where all messages were there before the first was received, and received before any delete."""
    queue = new_queue(visibility_timeout=TWELVE_HOURS)
    with traced() as held:
        for text in bodies(count):
            queue.send(text)
        received = [queue.receive()[0] for _ in range(count)]
        while received:
            received.pop().delete()
        del received
        return held() / count


@contextmanager
def traced() -> Iterator[Callable[[], int]]:
    """Trace allocations; gives a function that tells how many bytes more are held than at the start."""
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]

    def held() -> int:
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - before

    try:
        yield held
    finally:
        tracemalloc.stop()


# ----------------------------------------------------------------------------------------------------- moto
def moto(scale: Scale) -> None:
    section("moto", "time that moto's backend takes for a lifecycle, over minisqs's")
    if find_spec("moto") is None:
        left_out("every figure", f"moto is not installed; {EXTRA}")
        return
    for waiting, single, tens in ((1000, 1000, 1000), (0, 40, 100)):
        backend, queue = MotoBackend(), new_queue()
        backend.fill(waiting, BODY)
        for _ in range(waiting // 10):
            queue.send_batch(TEN)
        count = 10 if waiting else 100
        results = in_turn(
            {"moto": lives_of(backend, count), "minisqs": lives_in(queue, scale.messages)}, scale.rounds // 5
        )
        words = f"with {waiting:,} waiting" if waiting else "on an empty queue"
        ratio_figure(f"single, {words}", results.ratio("single", "moto", "minisqs"), Goal(single, at_least=True))
        ratio_figure(f"tens, {words}", results.ratio("tens", "moto", "minisqs"), Goal(tens, at_least=True))


# --------------------------------------------------------------------------------------------------- import
def imports(scale: Scale) -> None:
    section("import", "time of an import in a fresh interpreter, over that of boto3; without the interpreter's start")
    if find_spec("boto3") is None:
        left_out("every figure", f"boto3 is not installed; {EXTRA}")
        return
    statements = {
        "nothing": "pass",
        "minisqs": "import minisqs",
        "world": "import minisqs; minisqs.World()",
        "boto3": "import boto3",
    }
    results = in_turn({name: starting(statement) for name, statement in statements.items()}, scale.rounds)
    ratio_figure("import minisqs", results.ratio("start", "minisqs", "boto3", less="nothing"), Goal(0.25))
    ratio_figure("import minisqs, and make a World", results.ratio("start", "world", "boto3", less="nothing"))


def starting(statement: str) -> Callable[[], Mapping[str, float]]:
    """An interpreter that starts, executes a statement and ends."""

    def measure() -> Mapping[str, float]:
        began = clock()
        subprocess.run([sys.executable, "-c", statement], check=True)
        return {"start": float(clock() - began)}

    return measure


SECTIONS: Mapping[str, Callable[[Scale], None]] = {
    "lifecycle": lifecycle,
    "growth": growth,
    "memory": memory,
    "fifo": fifo,
    "client": through_client,
    "boto3": through_boto3,
    "time": passing_time,
    "poller": poller,
    "workers": workers,
    "exploring": exploring,
    "drawn": drawn,
    "moto": moto,
    "import": imports,
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure minisqs against its yardsticks.")
    parser.add_argument("names", nargs="*", metavar="name", help=f"what to measure: {', '.join(SECTIONS)}; else all")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, smaller sizes; all in half a minute")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in SECTIONS]
    if unknown:
        parser.error(f"{unknown[0]} is none of {', '.join(SECTIONS)}")
    for name in arguments.names or SECTIONS:
        SECTIONS[name](QUICK if arguments.quick else FULL)


if __name__ == "__main__":
    main()
