"""A batching window eats the visibility timeout: the batch is old before the handler starts.

With a batching window the poller receives and waits for more. But a message is hidden from its own receive
on, not from when the handler gets it. Here 30 seconds hidden minus a window of 20 leave 10, and the work takes
15. AWS takes these numbers: it compares the visibility timeout with the function's timeout of 25 seconds, and
not with the window. What one learns: the work is done twice, with no error. The cure is AWS's advice in full:
a visibility timeout of at least six times the function's timeout *plus the window*.
"""

import minisqs

WINDOW, TIMEOUT, WORK_SECONDS = 20, 25, 15
mailed = []


def mail(event, context):
    """The handler, as it would be deployed."""
    mailed.extend(record["body"] for record in event["Records"])


def show(visibility_timeout: int) -> None:
    """One letter; who does what, and how long the handler has."""
    mailed.clear()
    world = minisqs.World()
    letters = world.create_queue("letters", visibility_timeout=visibility_timeout)
    function = world.create_function(mail, timeout=TIMEOUT, duration=WORK_SECONDS)
    world.create_event_source_mapping(letters, function, batch_size=100, maximum_batching_window_in_seconds=WINDOW)
    letters.send("to Ada")
    world.run_until_idle()

    received = []
    for entry in world.journal:
        if entry.action == "ReceiveMessage" and entry.message:
            received.append(entry.seconds)
        if entry.action == "batch" or (entry.message and entry.action != "SendMessage"):
            slot = f"slot {entry.caller.rpartition('/')[2]}" if entry.caller else "-"
            print(f"  {entry.seconds:3.0f} s  {slot:6}  {entry.action:24}  {entry.cause}".rstrip())
    print()
    for began, run in zip(received, function.invocations, strict=True):
        left = began + visibility_timeout - run.started_at
        print(f"  handler {run.started_at:g} s to {run.ended_at:g} s: {run.outcome}", end="; ")
        print(f"when it started the message was hidden for {left:g} s more")
    print(f"  letters: {letters.metrics['NumberOfMessagesSent']}  mailed: {len(mailed)}", end="  ")
    print(f"errors: {function.metrics['Errors']}  left in the queue: {len(letters.messages())}")


print(f"Window {WINDOW} s, function timeout {TIMEOUT} s, work {WORK_SECONDS} s; one message. A slot is one loop of")
print("Lambda's poller: receive until the window is over, hand the batch to the handler, delete.\n")
print("1. Hidden for 30 s\n")
show(30)
print("\n  Slot 2 had its copy before slot 1 deleted the message, and nobody takes it out of its hands.")
advised = 6 * TIMEOUT + WINDOW
print(f"\n2. Hidden for {advised} s: six timeouts and the window\n")
show(advised)
