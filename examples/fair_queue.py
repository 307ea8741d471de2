"""A fair queue: one tenant floods it, and the others do not wait for that.

Forty workers share a queue; a message takes a second of work. One tenant sends 600 messages at once, and two
others a message every other second. What one learns: on a standard queue it is enough to give each message the
tenant as its MessageGroupId. Once the noisy tenant has thirty messages in flight and over a tenth of all, the
messages of quiet tenants are received first, so they wait at most until the next worker is free. Nothing is
dropped and no worker rests: the last of the flood starts a second later than before, because those of the others
went first.
"""

from collections import defaultdict

import minisqs

WORKERS = 40
FLOOD = 600
SECONDS = 16


def waits(*, fair: bool) -> dict[str, list[float]]:
    """How long the messages of each tenant waited for a worker, in simulated seconds."""
    world = minisqs.World()
    queue = world.create_queue("renders")
    waited: dict[str, list[float]] = defaultdict(list)

    def render(message: minisqs.Message) -> None:
        tenant, sent_at = message.body.split()
        waited[tenant].append(world.clock.seconds - float(sent_at))

    def send(tenant: str, count: int) -> None:
        one = minisqs.SendMessage(f"{tenant} {world.clock.seconds}", message_group_id=tenant if fair else None)
        for _ in range(count // 10):
            queue.send_batch([one] * 10)
        for _ in range(count % 10):
            queue.send_batch([one])

    for _ in range(WORKERS):
        minisqs.Consumer(queue, render, max_number_of_messages=1, duration=1).start()
    send("noisy", FLOOD)
    for _ in range(0, SECONDS, 2):
        world.advance(1.5)
        send("bob", 1)
        send("eve", 1)
        world.advance(0.5)
    world.run_until_idle()
    return waited


print(f"{WORKERS} workers, a second a message; noisy sends {FLOOD} at once, bob and eve one every other second.\n")
without, with_groups = waits(fair=False), waits(fair=True)
print("          waited, in simulated seconds  mean  longest")
print("          ----------------------------  ----  -------")
for title, waited in (("without group ids", without), ("with group ids", with_groups)):
    for tenant in ("noisy", "bob", "eve"):
        mean = sum(waited[tenant]) / len(waited[tenant])
        print(f"  {title:18}{tenant:6} {len(waited[tenant]):4} messages  {mean:4.1f}  {max(waited[tenant]):7.1f}")
    print()
