"""A FIFO queue: order within a group, and nothing but the group waits.

Two customers write to one queue; each is a message group. What one learns: a group comes out in the order it
was sent, head first. A message in flight holds back what lies behind it in its own group, and nothing else:
the other customer does not wait. When a worker dies, its group goes on where it stopped once the visibility
timeout ends, still in order. And a send that is repeated within five minutes is taken and not stored, even
after the first one has been received and deleted; the five minutes end at their own nanosecond.
"""

import minisqs

world = minisqs.World()
queue = world.create_queue("accounts.fifo", fifo_queue=True, content_based_deduplication=True, visibility_timeout=30)


def show(what: str) -> None:
    print(f"{world.clock.seconds:15.9f} s  {what}")


def received(limit: int) -> list[minisqs.Message]:
    """Receive, and say what came."""
    messages = queue.receive(limit)
    show(f"receive({limit}) gives {', '.join(message.body for message in messages) or 'nothing'}")
    return messages


print("1. Two groups, each in its own order\n")
for body in ("ada +100", "ada -30", "bob +5", "ada -70", "bob -1"):
    queue.send(body, message_group_id=body[:3])
show("sent: ada +100, ada -30, bob +5, ada -70, bob -1")
[first] = received(1)
show("ada +100 is in flight, so the rest of ada waits; bob does not")
bob = received(10)
queue.delete_batch(bob)
received(10)

print("\n2. The worker of ada dies; her group goes on in order\n")
world.advance(29.999_999_999)
received(10)
world.advance(0.000_000_001)
try:
    first.delete()
except minisqs.errors.InvalidParameterValue as error:
    show(f"deleting ada +100 with its old handle is refused: {error.message.partition('Reason: ')[2]}")
queue.delete_batch(received(10))

print("\n3. A head that is deleted frees what lies behind it at once\n")
for body in ("eve 1", "eve 2"):
    queue.send(body, message_group_id="eve")
[head] = received(1)
received(1)
head.delete()
show("eve 1 is deleted")
[second] = received(1)
second.delete()

print("\n4. Repeated within five minutes: taken, not stored\n")
first_send = queue.send("ada +1", message_group_id="ada")
show("sent: ada +1")
received(1)[0].delete()
for nanoseconds in (299_999_999_999, 1):
    world.advance(nanoseconds / 1e9)
    again = queue.send("ada +1", message_group_id="ada")
    known = again.message_id == first_send.message_id
    show(f"sent: ada +1; the answer has {'the id of the first one' if known else 'an id of its own'}")
    received(1)
