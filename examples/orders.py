"""The orders system: eleven orders, one of them bad, two queues, and a Lambda function behind each.

A shop sends eleven orders, User0 to User9 and, as the seventh, UserX, whose order has no address. Lambda
polls the queue with two slots that each collect orders for five seconds, and hands each batch to the
function, which checks every order against a JSON schema. What one learns: a batch fails as a whole. Where
one order raises, nothing of its batch is deleted; thirty seconds later all of it comes back, has by then
been received as often as ``max_receive_count`` permits, and so the good orders go to the dead-letter queue
together with the bad one. A function that reports which orders failed loses only those.

How a poller spreads messages over its batches is not promised. The plan below writes down one way: that of
the lecture from which this example comes.
"""

import json
from contextlib import suppress

import jsonschema

import minisqs

USERS = ["User0", "User1", "User2", "User3", "User4", "User5", "UserX", "User6", "User7", "User8", "User9"]
SCHEMA = {
    "type": "object",
    "properties": {"user": {"type": "string"}, "item": {"type": "string"}, "address": {"type": "string"}},
    "required": ["user", "item", "address"],
}
LECTURE = minisqs.Plan(
    {
        # Orders: slot 1 takes four, slot 2 six, and slot 1 what is left.
        ("split", "orders/process_orders/1", 0): 4,
        ("split", "orders/process_orders/2", 0): 6,
        ("reorder", "shop/2", 0): 3,  # User4 before User1
        ("reorder", "shop/2", 1): 6,  # then User7
        ("reorder", "shop/2", 2): 7,  # then User9
        ("reorder", "shop/8", 0): 1,  # User8 before User6
        # Bad orders: three for each slot, taken in turn.
        ("split", "bad-orders/file_bad_orders/1", 0): 3,
        ("reorder", "shop/3", 2): 1,  # User3 before User2
        ("reorder", "shop/3", 3): 3,  # then User8
    }
)


def order_of(user: str) -> str:
    order = {"user": user, "item": "tea", "address": f"{user[-1]} Queue Street"}
    if user == "UserX":
        del order["address"]
    return json.dumps(order)


def process_orders(event, context):
    """What is deployed: whatever this raises leaves the whole batch in the queue."""
    for record in event["Records"]:
        jsonschema.validate(json.loads(record["body"]), SCHEMA)


def process_orders_and_report(event, context):
    """The same with partial batch responses: only what is listed stays in the queue."""
    failed = []
    for record in event["Records"]:
        try:
            jsonschema.validate(json.loads(record["body"]), SCHEMA)
        except jsonschema.ValidationError:
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


def file_bad_orders(event, context):
    """What the dead-letter queue's own function does."""


def send(shop: minisqs.Producer) -> None:
    with suppress(minisqs.errors.TooManyEntriesInBatchRequest):
        shop.send_batch([order_of(user) for user in USERS])  # eleven: one SendMessageBatch takes ten at most
    shop.send_batch([order_of(user) for user in USERS[:10]])
    shop.send_batch([order_of(user) for user in USERS[10:]])


def run(handler, *, reports: bool) -> None:
    """Let the eleven orders go through both queues, and print who got which and what became of them."""
    world = minisqs.World(faults=LECTURE)
    bad_orders = world.create_queue("bad-orders")
    redrive = minisqs.RedrivePolicy(bad_orders, max_receive_count=1)
    orders = world.create_queue("orders", visibility_timeout=30, redrive_policy=redrive)
    functions = []
    for queue, work, flag in ((orders, handler, reports), (bad_orders, file_bad_orders, False)):
        name = "process_orders" if queue is orders else "file_bad_orders"
        functions.append(world.create_function(work, name=name, timeout=5, duration=1))
        world.create_event_source_mapping(
            queue,
            functions[-1],
            batch_size=10,
            maximum_batching_window_in_seconds=5,
            maximum_concurrency=2,
            report_batch_item_failures=flag,
        )
    send(minisqs.Producer(orders, name="shop"))
    world.run_until_idle()

    print("second  function         instance  orders")
    moved = [entry for entry in world.journal if entry.action == "moved to another queue"]
    for number, function in enumerate(functions):
        if number and moved:
            names = " ".join(USERS[int(entry.message.rpartition("/")[2]) - 1] for entry in moved)
            print(f"{moved[0].seconds:6.1f}  > {moved[0].cause}: {names}")
        streams = sorted({run.log_stream for run in function.invocations}, key=first_use(function))
        for one in function.invocations:
            users = " ".join(json.loads(record["body"])["user"] for record in one.records)
            instance = streams.index(one.log_stream) + 1
            print(f"{one.started_at:6.1f}  {function.name:15}  {instance:8}  {users}")
            print(f"{one.ended_at:6.1f}  {'':15}  {'':8}  > {outcome(one)}")
    deleted = [queue.metrics["NumberOfMessagesDeleted"] for queue in (orders, bad_orders)]
    print(f"{len(USERS)} orders: {deleted[0]} processed, {deleted[1]} filed as dead letters.\n")
    if not reports:
        world.check_replayed()  # every choice of the plan has come up


def first_use(function):
    return [one.log_stream for one in function.invocations].index


def outcome(one) -> str:
    if one.error is not None:
        why = str(one.error).partition("\n")[0]
        return f"failed, {why}: nothing is deleted"
    failed = [entry["itemIdentifier"] for entry in (one.result or {}).get("batchItemFailures", [])]
    if failed:
        names = [json.loads(record["body"])["user"] for record in one.records if record["messageId"] in failed]
        return f"all deleted but {', '.join(names)}, which it reported"
    return "all deleted"


def ramp() -> None:
    """Draw how many functions Lambda lets work at once, as it was until November 2023: 60 more a minute."""
    world = minisqs.World()
    orders = world.create_queue("orders")
    for start in range(0, 1000, 10):
        orders.send_batch([order_of(f"User{number}") for number in range(start, start + 10)])
    function = world.create_function(process_orders, timeout=5, duration=1)
    mapping = world.create_event_source_mapping(orders, function, batch_size=1, profile="legacy")
    while world.clock.seconds == 0 or mapping.busy:
        world.advance(0 if function.invocations == [] else 5)
        bar = "#" * mapping.busy
        print(f"{world.clock.seconds:4.0f} s  {orders.counts.visible:4} wait  {mapping.busy:2} at work  {bar}".rstrip())


def main() -> None:
    print(
        "Eleven orders; UserX's has no address. Lambda collects for 5 s, two batches at a time. Times are simulated.\n"
    )
    print("1. The function raises at a bad order, and maxReceiveCount is 1.")
    print("The good orders of UserX's batch become dead letters with it: Lambda deletes a batch or nothing of it.")
    print("(The batches are those of the lecture's sample, whose logs never show User6: here it is in the first.)\n")
    run(process_orders, reports=False)
    print("2. The function reports which orders failed (ReportBatchItemFailures). Only UserX is a dead letter.\n")
    run(process_orders_and_report, reports=True)
    print("3. A thousand orders of a second each, one a batch, on Lambda's ramp of before November 2023.\n")
    ramp()


main()
