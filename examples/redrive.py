"""From the dead-letter queue back to where the messages came from: a move task, on the clock.

A shipping service is down, so orders fail, and after two receives each lands in the dead-letter queue. Then
the service is repaired and the orders are moved back. What one learns: with no destination each message goes
back to its own source; with a rate the first moves at the start and then one each 1/rate seconds, so the
repaired service is not flooded; a task that is cancelled keeps what it moved; and a moved message is a new
one, with a new id and a receive count that starts again, so a consumer that remembers ids does not know it.
"""

import minisqs

world = minisqs.World()
bad = world.create_queue("bad-orders")
orders = world.create_queue("orders", visibility_timeout=30, redrive_policy=minisqs.RedrivePolicy(bad, 2))
repaired = False
shipped: list[tuple[str, float]] = []


def ship(message: minisqs.Message) -> None:
    """The consumer's function: fails until the service is repaired."""
    if not repaired:
        raise ConnectionError("the shipping service is down")
    shipped.append((message.body, world.clock.seconds))


def show(what: str) -> None:
    print(f"{world.clock.seconds:6.2f} s  {what}")


def lie() -> str:
    return f"orders: {orders.counts.visible}  bad-orders: {bad.counts.visible}"


print("1. Ten orders, and a shipping service that is down\n")
sent = orders.send_batch([f"order-{number}" for number in range(10)]).successful
show(f"sent  {lie()}")
worker = minisqs.Consumer(orders, ship, name="shipping")
worker.start()
world.run_until_idle()
show(f"after {len(worker.failures)} failures  {lie()}")

print("\n2. Repaired. Back to the source, two a second, and cancelled on the way\n")
repaired = True
began = world.clock.seconds
task = bad.start_message_move_task(max_number_of_messages_per_second=2)
show(f"{task.status}  moved {task.moved} of {task.to_move}")
world.advance(1.75)
show(f"{task.status}  moved {task.moved} of {task.to_move}")
world.sqs.cancel_message_move_task(task.handle)
show(f"cancelled; the task is {task.status} until time moves on")
world.advance(1)
show(f"{task.status}  moved {task.moved} of {task.to_move}; {lie()}")
print(f"  shipped after {', '.join(f'{seconds - began:.1f} s' for _, seconds in shipped)}")

print("\n3. The rest, ten a second\n")
task = bad.start_message_move_task(max_number_of_messages_per_second=10)
world.run_until_idle()
show(f"{task.status}  moved {task.moved} of {task.to_move}; {lie()}")
print(f"  shipped in all: {', '.join(body for body, _ in shipped)}")

print("\n4. What a moved message is\n")
moved = [entry for entry in world.journal if entry.action == "ReceiveMessage" and entry.message_id][-1]
known = moved.message_id in [one.message_id for one in sent]
print(f"  The last one shipped had a receive count of {moved.receive_count}, after two failures before the move,")
print(f"  and {'an id that was sent' if known else 'an id that was never sent: it is a new message'}.")

print("\n5. A message that was sent to the dead-letter queue by hand has no source\n")
bad.send("from an engineer who was testing")
task = bad.start_message_move_task()
world.advance(0)
show(f"{task.status}: {task.failure_reason}; {lie()}")
print("\n  All tasks of bad-orders, newest first:")
for one in world.client().list_message_move_tasks(SourceArn=bad.arn, MaxResults=10)["Results"]:
    moved_of = f"{one['ApproximateNumberOfMessagesMoved']} of {one['ApproximateNumberOfMessagesToMove']}"
    print(f"    {one['Status']:9}  moved {moved_of}")
