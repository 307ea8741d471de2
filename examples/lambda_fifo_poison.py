"""One poisoned message on a FIFO queue takes a healthy group with it.

The poller mixes message groups in one batch. Group G is p, g1, g2, and the handler fails on p, always; group H
is h1, and nothing is wrong with it. What one learns: without partial responses the whole batch fails until all
four are dead-lettered. With partial responses Lambda deletes what the handler does not list, and trusts it with
the order: list the failed message *and all that follow in its group*, and H is saved and G stays in order; list
only the failed one, and g1 and g2 are done and deleted ahead of it: the order that FIFO was chosen for is gone.
"""

import minisqs

GROUPS = {"p": "G", "g1": "G", "g2": "G", "h1": "H"}
done = []


def book(record) -> bool:
    """The work itself; whether it could be done."""
    if record["body"] != "p":
        done.append(record["body"])
    return record["body"] != "p"


def all_or_nothing(event, context):
    """A handler that raises."""
    for record in event["Records"]:
        if not book(record):
            raise ValueError("p is poison")


def the_failed_and_what_follows(event, context):
    """A handler that reports as AWS asks it to: from the failed message on, its group waits."""
    failures, stopped = [], set()
    for record in event["Records"]:
        group = record["attributes"]["MessageGroupId"]
        if group in stopped or not book(record):
            stopped.add(group)
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}


def only_the_failed(event, context):
    """A handler that reports as on a standard queue."""
    return {"batchItemFailures": [{"itemIdentifier": one["messageId"]} for one in event["Records"] if not book(one)]}


def show(handler, *, report_batch_item_failures: bool) -> None:
    """The four messages, from the first run to the dead-letter queue."""
    done.clear()
    world = minisqs.World()
    dead = world.create_queue("dead-letters.fifo", fifo_queue=True)
    policy = minisqs.RedrivePolicy(dead, 3)
    queue = world.create_queue(
        "books.fifo", fifo_queue=True, content_based_deduplication=True, visibility_timeout=30, redrive_policy=policy
    )
    function = world.create_function(handler, timeout=5, duration=1)
    world.create_event_source_mapping(queue, function, report_batch_item_failures=report_batch_item_failures)
    queue.send_batch([minisqs.SendMessage(body, message_group_id=group) for body, group in GROUPS.items()])
    world.run_until_idle()

    settled = [entry for entry in world.journal if entry.action == "settled"]
    for run, entry in zip(function.invocations, settled, strict=True):
        print(f"  {run.started_at:3.0f} s  batch [{' '.join(one['body'] for one in run.records)}]", end="  ")
        print(f"{entry.cause}")
    moved = max(entry.seconds for entry in world.journal if entry.action == "moved to another queue")
    print(f"  {moved:3.0f} s  dead letters: {' '.join(message.body for message in dead.messages())}")
    print(f"  done, in this order: {' '.join(done) or 'nothing'}")


print("Group G: p g1 g2, with p poison. Group H: h1. Hidden for 30 s, three receives.\n")
print("1. No partial responses: the healthy group is dead-lettered too\n")
show(all_or_nothing, report_batch_item_failures=False)
print("\n2. Partial responses, p and all that follow in its group: H is saved, and nothing of G is done out of order\n")
show(the_failed_and_what_follows, report_batch_item_failures=True)
print("\n3. Partial responses, only p: g1 and g2 are done, and p can no longer come before them\n")
show(only_the_failed, report_batch_item_failures=True)
