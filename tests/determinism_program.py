"""A run with everything in it, printed as one digest; ``test_determinism.py`` runs it in several processes."""

from __future__ import annotations

import sys
from hashlib import sha256

from minisqs import Consumer, Faults, Message, Producer, RedrivePolicy, World


def run(seed: int | str, tie: float) -> tuple[str, World]:
    """All that a run shows: the journal, the ids, the handles, the choices."""
    faults = Faults(duplicate=0.2, reorder=0.3, miss=0.8, stale_delete=0.5, tie=tie)
    world = World(seed, faults, journal_length=None, in_flight_limit=12)
    graveyard = world.create_queue("graveyard", message_retention_period=600)
    dead = world.create_queue(
        "dead", visibility_timeout=3, message_retention_period=900, redrive_policy=RedrivePolicy(graveyard, 1)
    )
    orders = world.create_queue(
        "orders", visibility_timeout=5, message_retention_period=900, redrive_policy=RedrivePolicy(dead, 3)
    )
    fast = world.create_queue("fast", delay_seconds=2, message_retention_period=120)
    shown: list[str] = []

    def look_at(message: Message) -> None:
        shown.append(f"{message.message_id} {message.receipt_handle} {message.attributes} {message.message_attributes}")

    def work_on(message: Message) -> None:
        look_at(message)
        if "bad" in message.body:
            raise ValueError(message.body)
        fast.send(f"{message.body} done", message_attributes={"count": message.receive_count, "from": "orders"})

    consumers = [
        Consumer(orders, work_on, max_number_of_messages=3, duration=lambda message: 1 + len(message.body) % 3),
        Consumer(orders, work_on, max_number_of_messages=2, duration=4),
        Consumer(dead, work_on, duration=1),
        Consumer(fast, look_at, visibility_timeout=1, wait_time_seconds=1),
    ]
    producers = [Producer(orders), Producer(orders, name="shop")]
    for consumer in consumers:
        consumer.start()
    for number in range(8):
        for producer in producers:
            producer.send(f"{number}{' bad' * (number % 3 == 2)}", delay_seconds=number % 4)
        producers[0].send_batch([f"{number} a", f"{number} b bad", "\u00fc\U0001f600"])
        world.advance(1.5)
        for message in orders.receive(2):
            look_at(message)
            message.change_visibility(number)
    world.run_until_idle()
    graveyard.receive(10, wait_time_seconds=2)
    world.advance(600)
    shown += [f"{queue.name} {queue.counts} {sorted(queue.attributes().items())}" for queue in world.queues()]
    shown += [f"{tuple(address)} {answer}" for address, answer in world.choices.items()]
    return world.journal.text() + "\n".join(shown), world


if __name__ == "__main__":
    for seed in (6, "a text"):
        print(sha256(run(seed, float(sys.argv[1]))[0].encode()).hexdigest())  # noqa: T201  # the test reads it
