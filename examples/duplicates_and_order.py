"""What a standard queue is allowed to do to three letters, found by a seed and kept as a plan.

SQS promises to deliver at least once, in roughly the order sent. What one learns: asked for faults by
name, a world draws them from its seed, and each is a choice with an address (what was asked, about which
message, for the how-manieth time). The same choices, written down as a ``Plan``, are the same run again
without luck. Leaving choices out, one by one, shows which of them matter.
"""

import minisqs


def run(seed: int | None, faults: set[str] | minisqs.Plan | None) -> tuple[minisqs.World, list[str]]:
    """Send A, B and C; the world, and the letters as a consumer got them."""
    world = minisqs.World(seed, faults)
    letters = world.create_queue("letters", visibility_timeout=30)
    letters.send_batch(["A", "B", "C"])
    got: list[str] = []
    reader = minisqs.Consumer(letters, lambda message: got.append(message.body), max_number_of_messages=1)
    reader.start()
    world.run_until_idle()
    world.check_replayed()
    return world, got


world, got = run(None, None)
print(f"A perfect queue delivers {' '.join(got)}.\n")

world, got = run(35, {"duplicate", "reorder"})
print(f"With seed 35, duplicates and disorder it delivers {' '.join(got)}:")
for entry in world.journal:
    letter = {"main/1": "A", "main/2": "B", "main/3": "C"}.get(entry.message)
    if letter and entry.action in ("ReceiveMessage", "DeleteMessage"):
        print(f"  {entry.seconds:4.0f} s  {entry.action:14}  {letter}")
    elif entry.action.startswith("fault"):
        print(f"  {entry.seconds:4.0f} s    > {letter}: {entry.cause}")

print("\nIts choices, by (kind, subject, occurrence):")
for address, answer in world.choices.items():
    print(f"  {tuple(address)}: {answer}")

_, again = run(None, minisqs.Plan(world.choices))
print(f"\nThe same choices as a plan deliver {' '.join(again)}. Without one of them:")
for left_out in world.choices:
    rest = {address: answer for address, answer in world.choices.items() if address != left_out}
    _, now = run(None, minisqs.Plan(rest))
    verdict = "so it does not matter" if now == got else "so it matters"
    print(f"  without {left_out.kind:22} of {left_out.subject}: {' '.join(now):7}  {verdict}")

plan = minisqs.Plan({("reorder", "main/1", 0): 1, ("duplicate_after_delete", "main/3", 0): 2})
_, written = run(None, plan)
print(f"\nThe two that matter, written by hand, are enough for a test: {' '.join(written)}.")
