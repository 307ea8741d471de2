"""Reserved concurrency is no speed limit for the poller: a good message is dead-lettered unseen.

A function may run twice at once, by its reserved concurrency. Lambda's poller does not know that number. It
begins with five slots, each receives a message, and what finds no room is throttled and held, while its
visibility timeout runs. What one learns: a message whose time runs out in a slot counts as received, so it goes
to the dead-letter queue although no handler ever saw it, without an error anywhere. The cure is to tell the
poller itself: ``maximum_concurrency=2`` on the mapping receives only what may run.
"""

import minisqs

WORDS = {
    "ReceiveMessage": "received",
    "throttled": "throttled",
    "left to its visibility timeout": "given up",
    "DeleteMessageBatch": "done",
    "moved to another queue": "to the dead-letter queue",
}
seen = []


def charge(event, context):
    """The handler, as it would be deployed."""
    seen.extend(record["body"] for record in event["Records"])


def timeline(world: minisqs.World, bodies: dict[str, str]) -> None:
    """What happened to which messages, one line for each instant and word."""
    told: dict[tuple[float, str], list[str]] = {}
    held: dict[str, str] = {}
    for entry in world.journal:
        if entry.action == "ReceiveMessage" and entry.message:
            held[entry.caller] = bodies[entry.message_id]
        if entry.action in WORDS and (entry.message or entry.action == "throttled"):
            body = bodies.get(entry.message_id) or held[entry.caller]
            told.setdefault((entry.seconds, WORDS[entry.action]), []).append(body)
    for (seconds, word), messages in told.items():
        print(f"  {seconds:3.0f} s  {word:24}  {' '.join(messages)}")


def show(maximum_concurrency: int | None) -> None:
    """Ten charges of 8 s each, two at once, and one receive allowed before the dead-letter queue."""
    seen.clear()
    world = minisqs.World()
    dead = world.create_queue("dead-letters")
    charges = world.create_queue("charges", visibility_timeout=60, redrive_policy=minisqs.RedrivePolicy(dead, 1))
    function = world.create_function(charge, timeout=10, duration=8, reserved_concurrency=2)
    world.create_event_source_mapping(charges, function, batch_size=1, maximum_concurrency=maximum_concurrency)
    bodies = [f"m{number}" for number in range(1, 11)]
    sent = charges.send_batch(bodies).successful
    world.run_until_idle()

    timeline(world, {one.message_id: body for one, body in zip(sent, bodies, strict=True)})
    letters = [message.body for message in dead.messages()]
    print(f"\n  runs: {function.metrics['Invocations']}  throttles: {function.metrics['Throttles']}", end="  ")
    print(f"errors: {function.metrics['Errors']}  dead letters: {' '.join(letters) or 'none'}", end="  ")
    print(f"of them seen by the handler: {' '.join(body for body in letters if body in seen) or 'none'}")


print("Ten messages of 8 s of work, each hidden for 60 s after its receive. A throttled one is tried again as")
print("long as a whole run, 10 s at most, still fits into what is left of the 60.\n")
print("1. Reserved concurrency 2, and the poller is not told\n")
show(None)
print("\n2. Reserved concurrency 2, and maximum concurrency 2\n")
show(2)
