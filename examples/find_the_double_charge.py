"""Find the double charge: hand over the handler that will be deployed, get the story that breaks it.

The shop below charges a card for each order. It remembers what it has seen, so every test with a friendly fake
passes. ``minisqs.check`` runs the handler again and again, each time from the start, and lets go wrong what SQS
and Lambda permit: a message comes twice, an environment dies between two statements, two deliveries overlap. It
answers with the smallest story in which the customer pays twice. ``Fixed`` gives the payment service a key by
which it knows a payment again; now nothing is found, and one sees what was tried.
"""

import minisqs


class Shop:
    """The outside world: built once a run, it survives every crash."""

    def __init__(self):
        self.seen, self.charges = set(), []

    def handler(self, event, context):  # the code under test
        for record in event["Records"]:
            if record["body"] not in self.seen:
                self.charges.append(record["body"])
                self.seen.add(record["body"])

    def observe(self):
        return sorted(self.charges)  # what the customers see


class Fixed(Shop):
    """The payment service keeps one charge for each key."""

    def __init__(self):
        self.charged = {}

    def handler(self, event, context):
        for record in event["Records"]:
            self.charged.setdefault(record["body"], "19.90 EUR")

    def observe(self):
        return sorted(self.charged)


messages = ["order-1", "order-2"]

try:
    minisqs.check(Shop, messages)
except minisqs.CheckFailed as failed:
    report = failed.report
    print(report)

    print("The same run again, from its token:", minisqs.replay(Shop, report.token, messages).state)
    print()

print(minisqs.check(Fixed, messages))
