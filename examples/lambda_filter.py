"""A filter deletes what it does not match, and says nothing.

A mapping has a filter for ``{"kind": "order"}``. One producer writes ``Order``, another one plain text. What one
learns: the poller receives both and deletes them at once. No handler runs, nothing fails, and no dead-letter queue
gets them, since that takes messages that were received too often, not messages that are unwanted. The one trace in
AWS is FilteredOutEventCount, and that is published only for a mapping with ``metrics=["EventCount"]``. The cure:
publish it and raise an alarm; or have no filter, and let the handler refuse, so that a dead-letter queue keeps it.
"""

import json

import minisqs

ORDERS_ONLY = '{"body": {"kind": ["order"]}}'
BODIES = ['{"kind": "order", "id": 1}', '{"kind": "Order", "id": 2}', "order 3, please"]
shipped = []


def ship(event, context):
    """The handler, as it would be deployed."""
    shipped.extend(record["body"] for record in event["Records"])


def ship_or_refuse(event, context):
    """A handler that looks for itself, and reports what it does not want."""
    failures = []
    for record in event["Records"]:
        try:
            if json.loads(record["body"])["kind"] != "order":
                raise ValueError("not an order")
            shipped.append(record["body"])
        except ValueError:  # no JSON is a ValueError too
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}


def show(handler, **settings) -> None:
    """Three messages; what CloudWatch shows, and where they are."""
    shipped.clear()
    world = minisqs.World()
    dead = world.create_queue("dead-letters")
    orders = world.create_queue("orders", visibility_timeout=30, redrive_policy=minisqs.RedrivePolicy(dead, 3))
    function = world.create_function(handler, timeout=5, duration=1)
    mapping = world.create_event_source_mapping(orders, function, **settings)
    for body in BODIES:
        orders.send(body)
    world.run_until_idle()
    world.advance(60)  # CloudWatch's minute is over

    print(f"  sent: {len(BODIES)}  left in the queue: {len(orders.messages())}  errors: {function.metrics['Errors']}")
    print(f"  shipped:      {', '.join(shipped)}")
    print(f"  dead letters: {', '.join(message.body for message in dead.messages()) or 'none'}")
    minutes = mapping.metrics.minutes("FilteredOutEventCount")
    print(f"  FilteredOutEventCount in CloudWatch: {sum(minutes.values()) if minutes else 'not published'}")


print("Sent:")
for body in BODIES:
    print(f"  {body}")
print("\n1. A filter for orders: two messages are gone, and all looks well\n")
show(ship, filters=[ORDERS_ONLY])
print("\n2. The same with the metric published: gone as before, but counted\n")
show(ship, filters=[ORDERS_ONLY], metrics=["EventCount"])
print("\n3. No filter, and a handler that refuses: nothing is lost\n")
show(ship_or_refuse, report_batch_item_failures=True, metrics=["EventCount"])
