"""A visibility timeout that is shorter than the work: done twice, and nobody says a word.

A function needs 45 seconds for a cake, and its queue hides a message for 30. AWS refuses that pair when the
mapping is made, and then never looks again: raise the function's timeout a month later, here by
``function.update(timeout=60)``, and you are there. What one learns: the message is shown again while the
first run is busy, a second run begins beside it, both succeed, and no error, throttle or dead letter says so.
AWS's advice is the cure: hide messages for at least six times the function's timeout.
"""

import minisqs

WORK_SECONDS = 45
baked = []


def bake(event, context):
    """The handler, as it would be deployed."""
    baked.extend(record["body"] for record in event["Records"])


def refusal(visibility_timeout: int, timeout: int) -> str:
    """What AWS says to a mapping that is made with both numbers in place."""
    world = minisqs.World()
    cakes = world.create_queue("cakes", visibility_timeout=visibility_timeout)
    try:
        world.create_event_source_mapping(cakes, world.create_function(bake, timeout=timeout))
    except minisqs.errors.LambdaError as error:
        return error.message
    return "nothing"


def show(visibility_timeout: int) -> None:
    """One cake is ordered; who does what, and what the metrics say."""
    baked.clear()
    world = minisqs.World()
    dead = world.create_queue("dead-letters")
    cakes = world.create_queue(
        "cakes", visibility_timeout=visibility_timeout, redrive_policy=minisqs.RedrivePolicy(dead, 5)
    )
    function = world.create_function(bake, timeout=30, duration=WORK_SECONDS)
    mapping = world.create_event_source_mapping(cakes, function)
    function.update(timeout=60)  # AWS does not look at the queue again
    cakes.send("an apple cake")
    world.advance(WORK_SECONDS)
    left = len(cakes.messages())
    world.run_until_idle()

    for entry in world.journal:
        if entry.message and entry.action != "SendMessage":
            slot = f"slot {entry.caller.rpartition('/')[2]}" if entry.caller else "-"
            print(f"  {entry.seconds:4.0f} s  {slot:6}  {entry.action:24}  receive count {entry.receive_count}")
    print()
    for number, run in enumerate(function.invocations, start=1):
        print(f"  run {number} of the handler: {run.started_at:g} s to {run.ended_at:g} s, {run.outcome}")
    print(f"  ordered: {cakes.metrics['NumberOfMessagesSent']}  baked: {len(baked)}", end="  ")
    print(f"left in the queue after run 1: {left}  deletes: {mapping.metrics['DeletedEventCount']}", end="  ")
    print(f"errors: {function.metrics['Errors']}  dead letters: {dead.counts.visible}")


print(f"The work takes {WORK_SECONDS} s. A slot is one loop of Lambda's poller: receive, run the handler, delete.\n")
print("1. Hidden for 30 s; the function's timeout was 30 s and is now 60 s\n")
print("  AWS, to a mapping that begins so:")
print(f"  {refusal(30, 60)}")
print("  AWS, to a timeout that is raised later: nothing\n")
show(30)
print("\n  The delete of run 1 took the message, though its handle was the older of two; that of run 2 found nothing,")
print("  and AWS answers both with success and counts both.")

print("\n2. Hidden for 360 s, six times the timeout\n")
show(6 * 60)
