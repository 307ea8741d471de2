"""Where messages go that nobody can process: dead-letter queues, one behind another, or none at all.

What one learns: a message moves at a *receive attempt*, never by time alone; it keeps its id and its
receive count, and says where it came from; a dead-letter queue may have one of its own, which counts
receives in that queue only; and without a redrive policy a message is tried again and again until its
retention period ends, after which it is lost without a word.
"""

import minisqs


def fails(message: minisqs.Message) -> None:
    raise RuntimeError("cannot be processed")


print("1. A chain: orders (2 receives) -> retry (1 receive) -> bad-orders\n")
world = minisqs.World()
bad = world.create_queue("bad-orders")
retry = world.create_queue("retry", visibility_timeout=60, redrive_policy=minisqs.RedrivePolicy(bad, 1))
orders = world.create_queue("orders", visibility_timeout=30, redrive_policy=minisqs.RedrivePolicy(retry, 2))
sent = orders.send("an order without an address")
for queue in (orders, retry):
    minisqs.Consumer(queue, fails, name=f"consumer of {queue.name}").start()
world.run_until_idle()
for entry in world.journal:
    if entry.message and entry.action != "function raised":
        count = f"count {entry.receive_count}"
        print(
            f"  {entry.seconds:4.0f} s  {entry.queue:6}  {count}  {entry.action}{': ' * bool(entry.cause)}{entry.cause}"
        )
[dead] = bad.receive()
assert dead.source is not None
print(f"\n  In {bad.name} it has been received {dead.receive_count} times, this time included.")
print(f"  It came from {dead.source.name}, and {'still has' if dead.message_id == sent.message_id else 'lost'} its id.")

print("\n2. Nothing moves by time alone\n")
world = minisqs.World()
bad = world.create_queue("bad-orders")
orders = world.create_queue("orders", visibility_timeout=30, redrive_policy=minisqs.RedrivePolicy(bad, 1))
orders.send("an order without an address")
orders.receive()
for wait in (30, 3600):
    world.advance(wait)
    print(f"  {world.clock.seconds:4.0f} s  orders: {orders.counts.visible}  bad-orders: {bad.counts.visible}")
print(f"  one receive, which returns {orders.receive()}")
print(f"  {world.clock.seconds:4.0f} s  orders: {orders.counts.visible}  bad-orders: {bad.counts.visible}")

print("\n3. No redrive policy: tried until retention ends\n")
world = minisqs.World()
orders = world.create_queue("orders", visibility_timeout=30, message_retention_period=600)
orders.send("an order without an address")
minisqs.Consumer(orders, fails).start()
try:
    world.run_until_idle(max_seconds=300)
except minisqs.errors.NeverSettled:
    print(f"  {world.clock.seconds:4.0f} s  not at rest: the world says NeverSettled and names who is busy")
world.advance(600)
tries = [entry for entry in world.journal if entry.action == "function raised"]
[end] = [entry for entry in world.journal if entry.action == "retention period ended"]
print(f"  {end.seconds:4.0f} s  {end.action}, after {len(tries)} tries; {len(orders.messages())} messages left")
