"""What handlers look at that is easily overlooked: with reductions a proof sees the same states as without.

Each was seen to be overlooked once.
"""

import asyncio  # noqa: TID251  # what user code uses
import random  # noqa: TID251  # what user code uses
import weakref
from functools import lru_cache

import boto3
import pytest

import minisqs

FREE = object()
RATE = {"limit": 10}


class Desk:
    def __init__(self):
        self.done, self.count, self.on = [], 0, False

    def observe(self):
        return sorted(map(str, self.done)), self.count


class ParameterNamedContext(Desk):
    """A helper that is given what is shared, under the name of what is a handler's own."""

    def __init__(self):
        super().__init__()
        self.unit = {"total": 0}

    def handler(self, event, context):
        for _ in event["Records"]:
            self.book(self.unit)

    def book(self, context):
        total = int(context["total"])
        self.unit["total"] = total + 1

    def observe(self):
        return self.unit["total"]


class HoldsAcrossAnAwait(Desk):
    async def handler(self, event, context):
        self.count += 1
        others = self.count - 1
        self.count -= 1
        await asyncio.sleep(1)
        if others:
            self.done.append("surcharge")


class SendsWhatItCounted(Desk):
    def handler(self, event, context):
        for record in event["Records"]:
            if ":" in record["body"]:
                self.done.append(record["body"])
            else:
                self.count += 1
                sqs = boto3.client("sqs", "us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
                url = "https://sqs.us-east-1.amazonaws.com/123456789012/orders"
                sqs.send_message(QueueUrl=url, MessageBody=f"{record['body']}:{self.count}", DelaySeconds=5)


class ChoosesItsHandler(Desk):
    def environment(self):
        return self.new if self.on else self.old

    def old(self, event, context):
        self.work(event, "old")

    def new(self, event, context):
        self.work(event, "new")

    def work(self, event, name):
        body = event["Records"][0]["body"]
        self.on = body != "b"
        if body == "c":
            self.done.append(name)


class ReadsItsNameLate(Desk):
    def handler(self, event, context):
        for record in event["Records"]:
            if record["body"] == "b":
                self.on = True
                self.on = False
                self.done.append(context.log_stream_name[-4:])


class LocksWithASentinel(Desk):
    def __init__(self):
        super().__init__()
        self.owner = FREE

    def handler(self, event, context):
        for record in event["Records"]:
            if self.owner is FREE:
                self.owner = object()
                self.owner = FREE
                self.done.append(record["body"])


class Jitters(Desk):
    def handler(self, event, context):
        for record in event["Records"]:
            if record["attributes"]["ApproximateReceiveCount"] != "1":
                self.done.append(round(random.gauss(0, 1), 3))
            self.on = True
            self.on = False


@lru_cache
def first_time(order):
    return order


class RemembersInACache(Desk):
    def __init__(self):
        super().__init__()
        first_time.cache_clear()

    def handler(self, event, context):
        for record in event["Records"]:
            known = first_time.cache_info().currsize
            first_time(record["body"])
            if first_time.cache_info().currsize > known:
                self.count += 1


class Helper:
    seen: list[str] = []  # noqa: RUF012  # that is its mistake


class RemembersInAHelper(Desk):
    def __init__(self):
        super().__init__()
        Helper.seen.clear()

    def handler(self, event, context):
        for record in event["Records"]:
            if record["body"] not in Helper.seen:
                Helper.seen.append(record["body"])
                self.count += 1


class RemembersInADefault(Desk):
    def __init__(self):
        super().__init__()
        self.fresh(None)

    def handler(self, event, context):
        for record in event["Records"]:
            if self.fresh(record["body"]):
                self.count += 1

    def fresh(self, order, seen=[]):  # noqa: B006  # that is its mistake
        if order is None:
            seen.clear()
            return False
        is_new = order not in seen
        seen.append(order)
        return is_new


class Task:
    def __init__(self):
        self.state = "new"


class KeepsASetOfObjects(Desk):
    def __init__(self):
        super().__init__()
        self.tasks = [Task(), Task()]
        self.chosen = set()

    def handler(self, event, context):
        for record in event["Records"]:
            self.chosen = {self.tasks[record["body"] == "b"]}
            self.on = True
            self.done.append(self.tasks[0] in self.chosen)


class BecomesAnother(Desk):
    def handler(self, event, context):
        for record in event["Records"]:
            self.done.append(f"{record['body']} {type(self).__name__}")
            self.__class__ = Other
            self.on = True
            self.__class__ = BecomesAnother


class Other(BecomesAnother):
    pass


class RegistersWeakly(Desk):
    def __init__(self):
        super().__init__()
        self.jobs = weakref.WeakSet()

    def handler(self, event, context):
        for record in event["Records"]:
            job = Task()
            self.jobs.add(job)
            self.done.append((record["body"], len(self.jobs) > 1))
            job = None
            self.on = not self.on


class BodyIsAList(Desk):
    def __init__(self):
        super().__init__()
        self.shared = {"body": [0]}

    def handler(self, event, context):
        for record in event["Records"]:
            data = self.shared
            body = data["body"]
            body[0] = body[0] + 1
            self.on = True
            self.done.append((record["body"], body[0]))


CASES = [
    (ParameterNamedContext, {"kinds": ["overlap"]}),
    (HoldsAcrossAnAwait, {"kinds": ["overlap"], "mapping": {"batch_size": 1}}),
    (SendsWhatItCounted, {"kinds": ["reorder"]}),
    (ChoosesItsHandler, {"kinds": ["recycle", "overlap", "reorder"], "faults": 2, "mapping": {"batch_size": 1}}),
    (ReadsItsNameLate, {"kinds": ["recycle", "overlap"], "mapping": {"batch_size": 1}}),
    (LocksWithASentinel, {"kinds": ["kill"], "mapping": {"batch_size": 1}}),
    (Jitters, {"kinds": ["kill"]}),
    (RemembersInACache, {"kinds": ["kill", "overlap"]}),
    (RemembersInAHelper, {"kinds": ["kill", "overlap"]}),
    (RemembersInADefault, {"kinds": ["kill", "overlap"]}),
    (KeepsASetOfObjects, {"kinds": ["kill", "overlap"]}),
    (BecomesAnother, {"kinds": ["kill", "overlap"], "mapping": {"batch_size": 1}}),
    (RegistersWeakly, {"kinds": ["overlap"], "mapping": {"batch_size": 1}}),
    (BodyIsAList, {"kinds": ["overlap", "kill"], "mapping": {"batch_size": 1}}),
]


@pytest.mark.parametrize(("subject", "settings"), CASES, ids=[subject.__name__ for subject, _ in CASES])
def test_with_reductions_the_same_states_are_seen(subject, settings):
    messages = ["a", "b", "c"] if subject is ChoosesItsHandler else ["a", "b"]
    settings = {"faults": 1, "oracles": ["conserved"], **settings}
    plain = minisqs.prove(subject, messages, reduce=False, **settings)
    reduced = minisqs.prove(subject, messages, **settings)
    assert set(reduced.states) == set(plain.states)
    assert len(plain.states) > 1
