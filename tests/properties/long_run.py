"""A million random steps, each held against the naive model, and as many in the imperfect queue.

    python tests/properties/long_run.py --steps 1000000 --seed 1 [--queue perfect|imperfect]

Hypothesis draws and shrinks well, at a price for each step; this draws from ``random.Random`` and goes far. A
run begins anew every few hundred steps with other settings, so queues stay small and their invariants cheap.
"""

# ruff: noqa: TID251, T201  # a script that measures and prints, and a driver whose draws no world can see
from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable
from random import Random

from imperfect_run import ImperfectRun
from little_slack import little_slack
from side_by_side import SideBySide

from minisqs import Faults

STEPS_OF_ONE_WORLD = 400
MOST_MESSAGES = 30


def perfect_steps(random: Random, steps: int, mix: Counter[str]) -> None:
    """Drive a world and its model through so many steps."""
    both = SideBySide(
        seed=random.randrange(1_000_000),
        in_flight_limit=random.choice([1, 2, 4, 8, 20]),
        max_receive_counts=(random.randrange(4), random.randrange(3)),
        delay=random.choice([0, 0, 0, 5]),
        visibility=random.choice([0, 5, 30, 30, 600]),
        retention=random.choice([60, 90, 3_600, 86_400, 345_600]),
    )
    weights = {
        "send_message": 20, "send_message_batch": 3, "receive_message": 22, "poll": 4, "delete_message": 13,
        "delete_message_batch": 3, "change_message_visibility": 10, "purge_queue": 1, "set_retention": 1,
        "set_visibility_timeout": 1, "set_delay": 1, "set_redrive_policy": 1, "advance": 8, "advance_to_deadline": 14,
    }  # fmt: skip
    for action in random.choices(list(weights), list(weights.values()), k=steps):
        queue = random.choice([0, 0, 0, 1, 1, 2])
        if action.startswith("send_") and sum(len(model.letters) for model in both.models) >= MOST_MESSAGES:
            action = "advance_to_deadline"  # noqa: PLW2901
        if action in ("delete_message", "delete_message_batch", "change_message_visibility") and not both.handles:
            action = "receive_message"  # noqa: PLW2901
        mix[action] += 1
        _perfect_step(both, random, action, queue)
        both.agree()
        both.conserved()


def _perfect_step(both: SideBySide, random: Random, action: str, queue: int) -> None:
    visibility = random.choice([0, 1, 5, 30, 60, 600, 43_199, 43_200])
    handle = -1 - min(int(random.expovariate(0.2)), len(both.handles) - 1)
    if handle < -1 or both.handles:
        own = both.models.index(both.handles[handle][1].queue) if random.random() < 0.9 else queue
    match action:
        case "send_message":
            both.send_message(queue, random.choice([None, None, 0, 1, 5, 900]))
        case "send_message_batch":
            both.send_message_batch(queue, random.randint(1, 10))
        case "receive_message":
            both.receive_message(queue, random.randint(1, 10), random.choice([None, None, visibility]))
        case "poll":
            both.poll(queue, random.randint(1, 10), random.randint(1, 20))
        case "delete_message":
            both.delete_message(own, handle)
        case "delete_message_batch":
            places = range(-min(len(both.handles), random.randint(1, 10)), 0)
            both.delete_message_batch(queue, places)
        case "change_message_visibility":
            both.change_message_visibility(own, handle, visibility)
        case "purge_queue":
            both.purge_queue(queue)
        case "set_retention":
            both.set_retention(queue, random.choice([60, 90, 3_600, 86_400]))
        case "set_visibility_timeout":
            both.set_visibility_timeout(queue, visibility)
        case "set_delay":
            both.set_delay(queue, random.choice([0, 0, 5]))
        case "set_redrive_policy":
            both.set_redrive_policy(min(queue, 1), random.randrange(4))
        case "advance":
            both.advance(random.choice([0, 1, random.randrange(10**9), random.randrange(100 * 10**9)]))
        case _:
            both.advance_to_deadline(random.choice([0, 0, 0, 1, 2, 3]), random.choice([-1, 0, 0, 1]))


def imperfect_steps(random: Random, steps: int, mix: Counter[str]) -> None:
    """Drive a world in which all goes wrong through so many steps, and replay it."""
    rate = lambda: random.choice([0.0, 0.1, 0.3, 1.0])  # noqa: E731
    run = ImperfectRun(
        random.randrange(1_000_000),
        Faults(duplicate=rate(), reorder=rate(), miss=rate(), stale_delete=rate(), tie=0.1),
        max_receive_count=random.randrange(4),
        visibility_timeout=random.choice([0, 5, 30, 30]),
        message_retention_period=random.choice([60, 90, 3_600, 86_400]),
    )
    weights = {
        "send_message": 20, "receive_message": 28, "delete_message": 20, "change_message_visibility": 8,
        "purge_queue": 1, "set_retention": 1, "advance": 22,
    }  # fmt: skip
    for action in random.choices(list(weights), list(weights.values()), k=steps):
        queue = random.choice([0, 0, 1])
        if action == "send_message" and sum(len(one._engine.messages) for one in run.queues) >= MOST_MESSAGES:
            action = "advance"  # noqa: PLW2901
        if action in ("delete_message", "change_message_visibility") and not run.received:
            action = "receive_message"  # noqa: PLW2901
        mix[action] += 1
        place = -1 - min(int(random.expovariate(0.2)), len(run.received) - 1)
        seconds = random.choice([0, 1, 5, 30, 60, 300, 3_600])
        match action:
            case "send_message":
                run.send_message(queue, random.choice([None, None, 0, 5]))
            case "receive_message":
                visibility = random.choice([None, None, seconds])
                run.receive_message(queue, random.randint(1, 10), visibility, random.choice([0, 0, 0, 3]))
            case "delete_message":
                run.delete_message(place)
            case "change_message_visibility":
                run.change_message_visibility(place, seconds)
            case "purge_queue":
                run.purge_queue(queue)
            case "set_retention":
                run.set_retention(queue, random.choice([60, 90, 86_400]))
            case _:
                run.advance(seconds)
        run.check()
    run.check_journal()
    run.check_replay()


KINDS: dict[str, Callable[[Random, int, Counter[str]], None]] = {
    "perfect": perfect_steps,
    "imperfect": imperfect_steps,
}


def long_run(kind: str, steps: int, seed: int) -> Counter[str]:
    """So many steps in one world after another; how often each action was done."""
    mix: Counter[str] = Counter()
    for number in range(-(-steps // STEPS_OF_ONE_WORLD)):
        # Each world has a seed of its own, so a failure is had again without the worlds before it.
        try:
            with little_slack():
                KINDS[kind](Random(f"{seed} {number}"), min(STEPS_OF_ONE_WORLD, steps - mix.total()), mix)
        except AssertionError as error:
            error.add_note(f"{kind} world {number} of seed {seed}, after {mix.total()} steps")
            raise
    return mix


def main() -> None:
    """Run what the command line asks for, and print how it went."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--queue", choices=KINDS, action="append")
    arguments = parser.parse_args()
    for kind in arguments.queue or KINDS:
        began = time.perf_counter()
        mix = long_run(kind, arguments.steps, arguments.seed)
        print(f"{kind} queue: {mix.total():,} steps, seed {arguments.seed}, {time.perf_counter() - began:.0f} s")
        print("".join(f"  {count:9,}  {action}\n" for action, count in mix.most_common()))


if __name__ == "__main__":
    main()
