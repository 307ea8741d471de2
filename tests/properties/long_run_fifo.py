"""Hundreds of thousands of random steps in FIFO queues, each held against the naive model.

    python tests/properties/long_run_fifo.py --steps 300000 --seed 1

Hypothesis draws and shrinks well, at a price for each step; this draws from ``random.Random`` and goes far. A
run begins anew every few hundred steps with other settings, so queues stay small and their invariants cheap.
"""

# ruff: noqa: TID251, T201  # a script that measures and prints, and a driver whose draws no world can see
from __future__ import annotations

import argparse
import time
from collections import Counter
from random import Random

from fifo_side_by_side import FifoSideBySide

STEPS_OF_ONE_WORLD = 400
MOST_MESSAGES = 25
WEIGHTS = {
    "send_message": 22, "send_message_batch": 4, "receive_message": 24, "repeat_receive": 1, "poll": 4, "delete_message": 16,
    "delete_message_batch": 4, "change_message_visibility": 12, "purge_queue": 1, "set_retention": 1,
    "set_delay": 1, "set_scope": 1, "advance": 6, "advance_to_deadline": 16,
}  # fmt: skip


def long_run(steps: int, seed: int) -> Counter[str]:
    """So many steps in worlds of their own; how many of each there were."""
    random = Random(seed)
    mix: Counter[str] = Counter()
    while mix.total() < steps:
        one_world(random, min(STEPS_OF_ONE_WORLD, steps - mix.total()), mix)
    return mix


def one_world(random: Random, steps: int, mix: Counter[str]) -> None:
    """Drive a world and its model through so many steps."""
    in_flight_limit = random.choice([4, 10, 120_000])
    both = FifoSideBySide(
        delay=random.choice([0, 0, 0, 5]),
        visibility=random.choice([0, 5, 30, 30, 400]),
        retention=random.choice([60, 90, 400, 3_600, 345_600]),
        scope=random.choice(["queue", "messageGroup"]),
        max_receives=random.choice([0, 1, 2, 3]),
        in_flight_limit=in_flight_limit,
        window=random.choice([2, 5, 120_000]),
    )
    groups = random.choice(["ab", "abcde"])
    for drawn in random.choices(list(WEIGHTS), list(WEIGHTS.values()), k=steps):
        action = drawn
        if action.startswith("send_") and sum(len(model.messages) for model in both.models) >= MOST_MESSAGES:
            action = "advance_to_deadline"
        if action in ("delete_message", "change_message_visibility") and not both.handles:
            action = "receive_message"
        if action == "poll" and in_flight_limit < MOST_MESSAGES:
            action = "receive_message"
        mix[action] += 1
        one_step(both, random, action, groups)
        both.world.check_invariants()
        both.agree()
        both.conserved()
        assert not both.behind_another
        assert not both.out_of_order


def one_step(both: FifoSideBySide, random: Random, action: str, groups: str) -> None:
    """Do one action with drawn arguments."""
    queue = random.choice([0, 0, 0, 1])
    seconds = random.choice([0, 0, 1, 5, 30, 60, 400, 43_199, 43_200])
    handle = -1 - min(int(random.expovariate(0.2)), len(both.handles) - 1) if both.handles else 0

    def draw_id() -> str | None:
        return random.choice([None, None, None, "x", "y"])

    match action:
        case "send_message":
            both.send_message(queue, random.choice(groups), draw_id())
        case "send_message_batch":
            both.send_message_batch(queue, [(random.choice(groups), draw_id()) for _ in range(random.randint(1, 10))])
        case "receive_message":
            attempt_id = random.choice([None, None, None, "once"])
            visibility = random.choice([None, None, seconds])
            both.receive_message(queue, random.randint(1, 10), visibility, attempt_id)
        case "repeat_receive":
            both.repeat_receive(queue, random.randint(1, 10), random.choice([-1, 0, 1]))
        case "poll":
            both.poll(queue, random.randint(1, 10), random.randint(1, 20))
        case "delete_message":
            both.delete_message(handle, random.random() < 0.05)
        case "delete_message_batch":
            both.delete_message_batch(queue, random.randint(1, 10))
        case "change_message_visibility":
            both.change_message_visibility(handle, seconds)
        case "purge_queue":
            both.purge_queue(queue)
        case "set_retention":
            both.set_retention(queue, random.choice([60, 90, 3_600]))
        case "set_delay":
            both.set_delay(queue, random.choice([0, 5, 60]))
        case "set_scope":
            both.set_scope(queue, random.choice(["queue", "messageGroup"]))
        case "advance":
            both.advance(random.choice([1, 10**9, random.randrange(10**10), random.randrange(10**12)]))
        case "advance_to_deadline":
            both.advance_to_deadline(min(int(random.expovariate(0.5)), 50), random.choice([-1, 0, 0, 1]))


def main() -> None:
    parser = argparse.ArgumentParser(description="Hold FIFO queues against the naive model.")
    parser.add_argument("--steps", type=int, default=300_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    began = time.perf_counter()
    mix = long_run(arguments.steps, arguments.seed)
    print(f"{mix.total():,} steps in {time.perf_counter() - began:,.0f} s: {dict(mix)}")


if __name__ == "__main__":
    main()
