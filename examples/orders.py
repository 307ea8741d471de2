"""The orders system: eleven orders, two workers, and a dead-letter queue for what nobody can process.

A shop sends eleven orders, User0 to User9 and, as the seventh, UserX, whose order has no address. Two
workers check each order against a JSON schema. A good order takes a second of work and is deleted; a bad
one is left alone. What one learns: the bad order comes back only when its visibility timeout ends, has by
then been received as often as ``max_receive_count`` permits, and so goes to the dead-letter queue, where a
consumer of its own takes it. Nothing is lost and nobody prints: the timeline is read from ``world.journal``.
"""

import json
from contextlib import suppress
from itertools import groupby

import jsonschema

import minisqs

USERS = ["User0", "User1", "User2", "User3", "User4", "User5", "UserX", "User6", "User7", "User8", "User9"]
SCHEMA = {
    "type": "object",
    "properties": {"user": {"type": "string"}, "item": {"type": "string"}, "address": {"type": "string"}},
    "required": ["user", "item", "address"],
}
LANES = ["shop", "worker-1", "worker-2", "clerk"]
SAYS = {
    "SendMessageBatch": "sends",
    "ReceiveMessage": "receives",
    "DeleteMessage": "deletes",
    "function raised": "fails on",
}


def order_of(user: str) -> str:
    order = {"user": user, "item": "tea", "address": f"{user[-1]} Queue Street"}
    if user == "UserX":
        del order["address"]
    return json.dumps(order)


def process(message: minisqs.Message) -> None:
    """What a worker does with an order; whatever this raises leaves the message in the queue."""
    jsonschema.validate(json.loads(message.body), SCHEMA)


def file_away(message: minisqs.Message) -> None:
    """What the clerk does with a dead letter."""


def send(shop: minisqs.Producer) -> dict[str, str]:
    """Send all orders; whose order each message is, by its id."""
    with suppress(minisqs.errors.TooManyEntriesInBatchRequest):
        shop.send_batch([order_of(user) for user in USERS])  # eleven: one SendMessageBatch takes ten at most
    sent = shop.send_batch([order_of(user) for user in USERS[:10]]).successful
    sent += shop.send_batch([order_of(user) for user in USERS[10:]]).successful
    return dict(zip([one.message_id for one in sent], USERS, strict=True))


def timeline(world: minisqs.World, users: dict[str, str]) -> None:
    """Print the journal: a column for each worker, a line of its own for what needs more words."""
    print("second" + "".join(f"  {lane:14}" for lane in LANES).rstrip())
    print("------" + "  --------------" * len(LANES))
    for second, entries in groupby(world.journal, lambda entry: entry.seconds):
        lines: list[dict[str, str]] = []
        for entry in entries:
            user = users.get(entry.message_id)
            why = entry.cause.partition("\n")[0]
            if user and entry.action in SAYS:
                put(lines, entry.caller, f"{SAYS[entry.action]} {user}")
            elif entry.cause == "nothing to receive":
                put(lines, entry.caller, "finds nothing")
            if why.startswith("refused: "):
                lines.append({"words": f"{entry.caller}: a batch is refused: {why.rpartition(': ')[2]}"})
            elif user and (why or not entry.caller):
                lines.append({"words": f"{user}: {entry.action}" + f": {why}" * bool(why)})
        for number, line in enumerate(lines):
            time = f"{second:6.1f}" if number == 0 else " " * 6
            cells = "".join(f"  {line.get(lane, ''):14}" for lane in LANES)
            print(f"{time}  > {line['words']}" if "words" in line else (time + cells).rstrip())


def put(lines: list[dict[str, str]], lane: str, words: str) -> None:
    """Write into the highest free line of a lane below what the lane has, and below the last line of words."""
    free = len(lines)
    while free and lines[free - 1].keys().isdisjoint({lane, "words"}):
        free -= 1
    if free == len(lines):
        lines.append({})
    lines[free][lane] = words


def main() -> None:
    world = minisqs.World()
    bad_orders = world.create_queue("bad-orders")
    to_bad_orders = minisqs.RedrivePolicy(bad_orders, max_receive_count=1)
    orders = world.create_queue("orders", visibility_timeout=30, redrive_policy=to_bad_orders)
    users = send(minisqs.Producer(orders, name="shop"))
    for name in ("worker-1", "worker-2"):
        minisqs.Consumer(orders, process, name=name, max_number_of_messages=3, duration=1).start()
    minisqs.Consumer(bad_orders, file_away, name="clerk", duration=1).start()
    world.run_until_idle()

    print("Eleven orders, two workers, and a clerk for the dead letters. Times are simulated.")
    print("A worker takes up to three orders and works a second on each. What it does not delete comes back")
    print("after 30 seconds; received once already, it then becomes a dead letter.\n")
    timeline(world, users)
    done = [entry.queue for entry in world.journal if entry.action == "DeleteMessage"]
    print(
        f"\n{len(users)} orders sent: {done.count('orders')} processed, {done.count('bad-orders')} filed as a dead letter."
    )
    for queue in (orders, bad_orders):
        visible, in_flight, delayed = queue.counts
        print(f"{queue.name + ':':12}{visible} waiting, {in_flight} in flight, {delayed} delayed")
    print(f"All of it took {world.clock.seconds:g} simulated seconds.")


main()
