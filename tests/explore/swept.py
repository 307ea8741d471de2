"""What the sweeps here run: in a module of its own, as workers in other processes import it by name."""

from __future__ import annotations

import multiprocessing

import minisqs


class Till:
    """Charges each order it has not seen, and notes it a statement too late."""

    def __init__(self):
        self.seen, self.charges = set(), []

    def handler(self, event, context):
        for record in event["Records"]:
            if record["body"] not in self.seen:
                self.charges.append(record["body"])
                self.seen.add(record["body"])

    def observe(self):
        return sorted(self.charges)


class Ledger(Till):
    """Charges each order once: there is but one statement to come between."""

    def handler(self, event, context):
        for record in event["Records"]:
            self.seen.add(record["body"])

    def observe(self):
        return sorted(self.seen)


class Homebody(Till):
    """Is another one in other processes than its own."""

    def handler(self, event, context):
        super().handler(event, context)
        if multiprocessing.parent_process() is None:
            self.charges = sorted(self.seen)


class Outside:
    """What deployed code writes to."""

    def __init__(self):
        self.charges = []

    def connect(self, module):
        module.charges = self.charges

    def observe(self):
        return sorted(self.charges)


@minisqs.scenario
def billing(world):
    paid = []
    queue = world.create_queue("in")
    function = world.create_function(lambda event, context: paid.extend(record["body"] for record in event["Records"]))
    world.create_event_source_mapping(queue, function)
    queue.send("order-1")
    return lambda: sorted(paid)


def is_calm(till):
    """An oracle that holds at the end of no run."""
    return till is None


def is_charged(till):
    """An oracle that holds at the end of most."""
    return bool(till.charges)


def balances(till):
    """An oracle that cannot even tell, once something was charged twice."""
    if len(till.charges) > len(set(till.charges)):
        raise ArithmeticError("the books do not balance")
    return True
