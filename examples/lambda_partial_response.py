"""Partial responses: a handler reports its failures, and Lambda does not listen.

A handler that returns ``batchItemFailures`` is heard only if the mapping has ``FunctionResponseTypes`` set to
ReportBatchItemFailures, here ``report_batch_item_failures=True``. Without it any answer is success, so the failed
messages are deleted with the others and no dead-letter queue ever sees them. With it the answer must be of the
right form: one identifier that is no messageId of the batch, and the whole batch counts as failed, although the
function reports success. What one learns: the first mistake loses messages, the second does good ones again and
again, then loses them all. NumberOfMessagesDeleted tells them apart.
"""

from collections import Counter

import minisqs

failures_left: dict[str, int] = {}
saved = []


def save(record):
    """The work itself: it fails as often as the scene says."""
    if failures_left.get(record["body"], 0):
        failures_left[record["body"]] -= 1
        raise ConnectionError("the database is away")
    saved.append(record["body"])


def failed(records):
    """Work on each record; those that failed."""
    for record in records:
        try:
            save(record)
        except ConnectionError:
            yield record


def by_message_id(event, context):
    """A handler that reports as AWS asks it to."""
    return {"batchItemFailures": [{"itemIdentifier": one["messageId"]} for one in failed(event["Records"])]}


def by_receipt_handle(event, context):
    """A handler that reports the wrong identifier."""
    return {"batchItemFailures": [{"itemIdentifier": one["receiptHandle"]} for one in failed(event["Records"])]}


def show(handler, failing: dict[str, int], *, report_batch_item_failures: bool) -> None:
    """Five messages in one batch, and what became of each."""
    saved.clear()
    failures_left.update(failing)
    world = minisqs.World()
    dead = world.create_queue("dead-letters")
    queue = world.create_queue("rows", visibility_timeout=30, redrive_policy=minisqs.RedrivePolicy(dead, 3))
    function = world.create_function(handler, timeout=5, duration=1)
    world.create_event_source_mapping(queue, function, report_batch_item_failures=report_batch_item_failures)
    queue.send_batch(bodies := ["m1", "m2", "m3", "m4", "m5"])
    world.run_until_idle()

    settled = [entry.cause for entry in world.journal if entry.action == "settled"]
    for run, cause in zip(function.invocations, settled, strict=True):
        words = cause.partition(": 'AQE")[0]  # a receipt handle is long
        print(f"  {run.started_at:3.0f} s  [{' '.join(one['body'] for one in run.records)}]  {words}")
    times = Counter(saved)
    print(f"  saved: {'  '.join(f'{body} x{times[body]}' for body in bodies)}")
    letters = [message.body for message in dead.messages()]
    print(f"  dead letters: {' '.join(letters) or 'none'}", end="  ")
    print(f"lost: {' '.join(body for body in bodies if not times[body] and body not in letters) or 'none'}", end="  ")
    print(f"deleted: {queue.metrics['NumberOfMessagesDeleted']}  function errors: {function.metrics['Errors']}")


print("Five messages in one batch, hidden for 30 s, three receives. In brackets: what a run of the handler got.\n")
print("1. m2 and m4 fail once; the handler says so, FunctionResponseTypes is not set\n")
show(by_message_id, {"m2": 1, "m4": 1}, report_batch_item_failures=False)
print("\n2. The same with FunctionResponseTypes set\n")
show(by_message_id, {"m2": 1, "m4": 1}, report_batch_item_failures=True)
print("\n3. m2 always fails; it is set, but the handler reports receipt handles\n")
show(by_receipt_handle, {"m2": 99}, report_batch_item_failures=True)
print("\n4. The same with message ids\n")
show(by_message_id, {"m2": 99}, report_batch_item_failures=True)
