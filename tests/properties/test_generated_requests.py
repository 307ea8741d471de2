"""Bad input by construction: requests made from botocore's own model of SQS, whole and broken.

Each request names parameters that the model has, filled with what such a parameter looks like: queues that
exist and that do not, handles fresh and stale, handles of real tasks. Most are then broken in one or two
places at any depth: a member left out, a value of another JSON type, a number out of range, a text that is
empty, too long or odd, a name that the model does not have. Whatever comes, it gets an answer or one of
AWS's errors for that action, and a refusal changes nothing. An answer has the form that the model says.

As a script it runs as many as it is told, and prints what came of them:

    python tests/properties/test_generated_requests.py --requests 100000
"""

from __future__ import annotations

import argparse
import base64
import json
import sys
import time  # noqa: TID251 - the script says how long it took
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from copy import deepcopy
from enum import Enum
from random import Random  # noqa: TID251 - seeded, so that a request is found again
from types import SimpleNamespace

import attrs
import pytest

import minisqs
from minisqs.engine.message import Delivery, Message
from minisqs.engine.queue import Queue
from minisqs.protocol import actions

loaders = pytest.importorskip("botocore.loaders")
MODEL = loaders.Loader().load_service_model("sqs", "service-2")
SHAPES = MODEL["shapes"]

UNMODELLED = {"InvalidParameterValueException", "MissingRequiredParameterException", "SerializationException"}
COMMON = {"RequestThrottled", "InvalidAddress", "InvalidSecurity", "UnsupportedOperation", "QueueDoesNotExist"}
PERMITTED = {
    name: UNMODELLED | COMMON | {error["shape"] for error in operation.get("errors", ())}
    for name, operation in MODEL["operations"].items()
}

OFTEN = ("SendMessage", "SendMessageBatch", "ReceiveMessage")
SELDOM = ("DeleteQueue", "PurgeQueue")
ACTIONS = [name for name in MODEL["operations"] for _ in range(1 if name in SELDOM else 4)] + 4 * list(OFTEN)

REQUESTS_A_WORLD = 250
"""So many requests go to one account, so that looking at all of it stays cheap."""

ODD_TEXTS = (
    "",
    " ",
    "\x00",
    "\x0b",
    "\ud800",
    "\uffff",
    "\U0001f600",
    "ä ß ø",
    "a\nb\r\tc",
    "All",
    ".*",
    "..",
    "-1",
    "0",
    "1e999999999",
    "NaN",
    "null",
    "true",
    "{}",
    "[]",
    '{"a": 1}',
    "arn:aws:sqs:us-east-1:123456789012:",
    "arn:aws:sqs:us-east-1:123456789012:nobody",
    "arn:aws:sns:us-east-1:123456789012:plain",
    "https://sqs.us-east-1.amazonaws.com/999999999999/plain",
    "https://elsewhere.example/",
    "////",
    "x" * 129,
    "x" * 300,
    "x" * 1_100_000,
)
ODD_NUMBERS = (-(2**63), -1, 0, 1, 10, 11, 20, 21, 500, 501, 900, 901, 1000, 1001, 43_200, 43_201, 2**31, 2**63, 10**40)
OTHER_TYPES = (None, True, False, 0, 7, 1.5, float("inf"), "text", b"bytes", [], ["a"], [[]], {}, {"a": "b"}, {"a": {}})


# ----------------------------------------------------------------------------------------------- generating
class Requests:
    """Makes requests to one world, and remembers what it was answered."""

    def __init__(self, random: Random, world: minisqs.World) -> None:
        self.random = random
        self.world = world
        self.received: list[tuple[str, str]] = [
            ("plain", "never-issued"),
            ("plain", base64.b64encode(bytes(30)).decode()),
        ]
        self.tasks: list[str] = [base64.b64encode(b'{"taskId":"x","sourceArn":"y"}').decode()]
        self.tokens: list[str] = ["bad", base64.b64encode(b'["ListQueues ","a"]').decode()]

    def next(self) -> tuple[str, dict]:
        """An action and its parameters."""
        random = self.random
        action = random.choice(ACTIONS)
        self.queue_url, self.handle = random.choice(self.received[-20:])
        parameters = self.structure(SHAPES[MODEL["operations"][action]["input"]["shape"]])
        for _ in range(random.choice((0, 0, 0, 1, 1, 2))):
            self.break_somewhere(parameters)
        return action, parameters

    def learn(self, parameters: Mapping, answer: Mapping) -> None:
        """Remember handles and tokens, to use them again."""
        self.received += [(parameters["QueueUrl"], one["ReceiptHandle"]) for one in answer.get("Messages", ())]
        self.tasks += [answer["TaskHandle"]] if "TaskHandle" in answer else []
        self.tokens += [answer["NextToken"]] if "NextToken" in answer else []

    def structure(self, shape: Mapping) -> dict:
        required = shape.get("required", ())
        return {
            name: self.value(name, SHAPES[member["shape"]])
            for name, member in shape["members"].items()
            if self.random.random() < (0.98 if name in required else 0.35)
        }

    def value(self, name: str, shape: Mapping) -> object:
        random = self.random
        if shape["type"] == "structure":
            return self.structure(shape)
        if shape["type"] == "list":
            size = random.choice((1, 1, 1, 2, 3, 10)) if name == "Entries" else random.randint(1, 3)
            return [self.value(name, SHAPES[shape["member"]["shape"]]) for _ in range(size)]
        if shape["type"] == "map":
            return self.map(name, shape)
        if shape["type"] == "integer":
            return random.choice((0, 1, 1, 2, 10, 20))
        return random.randbytes(random.randint(1, 5)) if shape["type"] == "blob" else self.text(name)

    def map(self, name: str, shape: Mapping) -> dict[str, object]:
        random = self.random
        if name == "Attributes":
            names = random.sample(list(QUEUE_ATTRIBUTES), random.choice((1, 1, 2, 3)))
            return {one: self.attribute(one) for one in names}
        if name in ("MessageAttributes", "MessageSystemAttributes"):
            keys = ["AWSTraceHeader"] if name == "MessageSystemAttributes" else ["kind", "Hel.lo", "n-1"]
            return {random.choice(keys): self.message_attribute(shape)}
        return {random.choice("abc"): random.choice(("", "x", "y y")) for _ in range(random.randint(1, 2))}

    def message_attribute(self, shape: Mapping) -> object:
        random = self.random
        if random.random() < 0.3:
            return self.value("", SHAPES[shape["value"]["shape"]])
        return random.choice(
            (
                {"DataType": "String", "StringValue": "x"},
                {"DataType": "Number.int", "StringValue": "-1.50e3"},
                {"DataType": "Binary", "BinaryValue": b"\x00"},
            )
        )

    def attribute(self, name: str) -> str:
        arns = [queue.arn for queue in self.world.queues()] or ["arn:aws:sqs:us-east-1:123456789012:gone"]
        target = self.random.choice(arns)
        value = self.random.choice(QUEUE_ATTRIBUTES[name])
        return value.replace("$arn", target)

    def text(self, name: str) -> str:
        random, world = self.random, self.world
        urls = [queue.url for queue in world.queues()]
        choices = {
            "QueueUrl": lambda: random.choice(
                [*urls, *urls, *[self.queue_url] * 20, "plain", "gone", "https://sqs.x/123456789012/gone"]
            ),
            "QueueName": lambda: random.choice(("plain", "other", "line.fifo", "new", "new.fifo", "gone")),
            "QueueNamePrefix": lambda: random.choice(("", "p", "line", "z")),
            "QueueOwnerAWSAccountId": lambda: random.choice(("123456789012", "999999999999")),
            "SourceArn": lambda: random.choice([queue.arn for queue in world.queues()] or ["arn:aws:sqs:::x"]),
            "DestinationArn": lambda: random.choice([queue.arn for queue in world.queues()] or ["arn:aws:sqs:::x"]),
            "ReceiptHandle": lambda: self.handle if random.random() < 0.8 else random.choice(self.received)[1],
            "TaskHandle": lambda: random.choice(self.tasks[-3:]),
            "NextToken": lambda: random.choice(self.tokens[-5:]),
            "Id": lambda: str(random.randint(0, 99)),
            "MessageGroupId": lambda: random.choice("abc"),
            "MessageDeduplicationId": lambda: random.choice(("1", "2", str(random.random()))),
            "ReceiveRequestAttemptId": lambda: random.choice("xy"),
            "Label": lambda: random.choice(("one", "two", "three")),
            "AWSAccountIds": lambda: "111122223333",
            "Actions": lambda: random.choice(("SendMessage", "*", "ReceiveMessage", "CreateQueue", "sendmessage")),
            "AttributeNames": lambda: random.choice(("All", "VisibilityTimeout", "Policy", "FifoQueue", "SenderId")),
            "DataType": lambda: random.choice(("String", "Number", "Binary", "String.x", "Text")),
            "StringValue": lambda: random.choice(("x", "1", "1e5", "")),
        }
        return choices.get(name, lambda: random.choice(("a", "All", "kind", "Hel.*")))()

    def break_somewhere(self, parameters: dict) -> None:
        """Break one place of a request, at whatever depth."""
        random = self.random
        place, key = random.choice([*places(parameters), (parameters, f"Unknown{random.randint(0, 9)}")])
        value = place.get(key) if isinstance(place, dict) else place[key]
        breaks = [lambda: random.choice(OTHER_TYPES), lambda: random.choice(OTHER_TYPES)]
        if isinstance(value, str):
            breaks = [lambda: random.choice(ODD_TEXTS), lambda: value[:-1], lambda: value + "\x00", *breaks]
        elif isinstance(value, int):
            breaks = [lambda: random.choice(ODD_NUMBERS)] * 3 + breaks
        elif isinstance(value, list):
            breaks = [list, lambda: value * 11, lambda: value + value, *breaks]
        elif isinstance(value, dict):
            breaks = [dict, lambda: {**value, "Unknown": {"x": [1]}}, lambda: dict.fromkeys(map(str, range(51)), "x")]
        if isinstance(place, dict) and random.random() < 0.25:
            place.pop(key, None)
        elif isinstance(place, dict) and isinstance(value, str) and random.random() < 0.1:
            place[random.choice(ODD_TEXTS)] = place.pop(key)
        else:
            place[key] = deepcopy(random.choice(breaks)())


def places(value: object) -> Iterator[tuple[dict | list, str | int]]:
    """Every place of a request where something stands: what holds it, and under which key."""
    held = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in held:
        yield value, key
        yield from places(one)


QUEUE_ATTRIBUTES = {
    "DelaySeconds": ("0", "5", "900", "901"),
    "MaximumMessageSize": ("1024", "1048576", "1023"),
    "MessageRetentionPeriod": ("60", "1209600", "59"),
    "ReceiveMessageWaitTimeSeconds": ("0", "20", "21"),
    "VisibilityTimeout": ("0", "30", "43200", "43201", " 1"),
    "Policy": (
        "",
        '{"Version":"2012-10-17","Statement":{"Sid":"one","Effect":"Allow"}}',
        json.dumps({"Statement": [{"Sid": str(number)} for number in range(20)]}),
        '{"Statement":[]}',
    ),
    "RedrivePolicy": (
        "",
        '{"deadLetterTargetArn":"$arn","maxReceiveCount":1}',
        '{"deadLetterTargetArn":"$arn","maxReceiveCount":"2"}',
        '{"deadLetterTargetArn":"$arn","maxReceiveCount":[]}',
        '{"deadLetterTargetArn":{},"maxReceiveCount":1}',
    ),
    "RedriveAllowPolicy": (
        "",
        '{"redrivePermission":"denyAll"}',
        '{"redrivePermission":"byQueue","sourceQueueArns":["$arn"]}',
        '{"redrivePermission":[]}',
    ),
    "KmsMasterKeyId": ("", "alias/aws/sqs"),
    "KmsDataKeyReusePeriodSeconds": ("60", "300", "59"),
    "SqsManagedSseEnabled": ("true", "FALSE", "yes"),
    "FifoQueue": ("true", "false"),
    "ContentBasedDeduplication": ("true", "False"),
    "DeduplicationScope": ("queue", "messageGroup", "group"),
    "FifoThroughputLimit": ("perQueue", "perMessageGroupId"),
    "QueueArn": ("x",),
    "Unknown": ("x",),
}


# -------------------------------------------------------------------------------------------------- looking
LAZY = {
    "_deadlines",
    "_ended_before",
    "_expiry_ns",
    "_ordering",
    "_retention",
    "_unsettled_ns",
    "due",
    "expiries",
    "identifiers",
    "messages",
    "series",
}
"""What a queue may tidy up at any look without a change that anybody could see: its indexes of messages.

The messages themselves are looked at one by one, with their states, deadlines and turns."""


def snapshot(world: minisqs.World) -> object:
    """All that is in an account: two that are equal answer every further request alike."""
    service = world.sqs.service
    return (
        world.clock.now_ns,
        service._created,
        frozen(service._deleted_ns),
        frozen(service._sent),
        [(frozen(task), task in service._tasks._running) for task in service._tasks._all],
        [queue_state(queue) for queue in service.queues()],
    )


def queue_state(queue: Queue) -> object:
    fields = [field.name for field in attrs.fields(Queue) if field.name not in LAZY]
    return (
        [(name, frozen(getattr(queue, name))) for name in fields],
        [
            [(field.name, frozen(getattr(message, field.name))) for field in attrs.fields(Message)]
            for message in queue.messages.values()
        ],
    )


def frozen(value: object) -> object:
    """A value that does not change when what it was made from does."""
    if value is None or isinstance(value, (str, bytes, int, float, Enum)):
        return value
    if isinstance(value, Message):
        return ("message", value.sequence)
    if isinstance(value, Queue):
        return ("queue", value.number)
    if isinstance(value, Delivery):
        return ("delivery", value.message.sequence, value.receive_count, value.received_ns)
    if isinstance(value, Mapping):
        return [(frozen(key), frozen(one)) for key, one in value.items()]
    if isinstance(value, (list, tuple, deque)):
        return [frozen(one) for one in value]
    names = [field.name for field in attrs.fields(type(value))] if attrs.has(type(value)) else type(value).__slots__
    return (type(value).__name__, [frozen(getattr(value, name)) for name in names])


NOTHING = {"type": "structure", "members": {}}
LEFT_OUT_WHEN_EMPTY = ("Successful", "Failed")  # sqs.md 12.9, though the model calls them required
TYPES = {"string": str, "integer": int, "long": int, "boolean": bool, "blob": bytes, "list": list, "map": dict}


def misfits(value: object, shape: Mapping, path: str = "answer") -> Iterator[str]:
    """Where an answer has another form than the model says."""
    if shape["type"] == "structure":
        required = [name for name in shape.get("required", ()) if name not in LEFT_OUT_WHEN_EMPTY]
        yield from (f"{path} lacks {name}" for name in required if name not in value)
        for name, one in value.items():
            if name not in shape["members"]:
                yield f"{path} has {name}"
            else:
                yield from misfits(one, SHAPES[shape["members"][name]["shape"]], f"{path}.{name}")
    elif type(value) is not TYPES[shape["type"]]:
        yield f"{path} is {value!r}"
    elif shape["type"] == "list":
        for place, one in enumerate(value):
            yield from misfits(one, SHAPES[shape["member"]["shape"]], f"{path}[{place}]")
    elif shape["type"] == "map":
        for key, one in value.items():
            yield from misfits(one, SHAPES[shape["value"]["shape"]], f"{path}[{key!r}]")


# -------------------------------------------------------------------------------------------------- running
def account(random: Random) -> Requests:
    """A world with queues of both types, some with a dead-letter queue, and with messages in all states."""
    world = minisqs.World(random.randrange(2**32), in_flight_limit=random.choice((20, 120_000)))
    requests = Requests(random, world)
    fifo = {"fifo_queue": True, "content_based_deduplication": True}
    for suffix, attributes in (("", {}), (".fifo", fifo)):
        dead = world.create_queue(f"dead{suffix}", **attributes)
        world.create_queue(f"other{suffix}", **attributes)
        policy = minisqs.RedrivePolicy(dead, 2)
        queue = world.create_queue(f"{'line' if suffix else 'plain'}{suffix}", redrive_policy=policy, **attributes)
        for place in range(12):
            group = random.choice("abc") if suffix or place % 2 else None
            queue.send(f"message {place}", message_group_id=group)
        received = queue.receive(3, visibility_timeout=0)
        received += queue.receive(4, visibility_timeout=random.choice((5, 40_000)))
        requests.received += [(queue.url, message.receipt_handle) for message in received]
        dead.send_batch([minisqs.SendMessage(f"dead {place}", message_group_id="a") for place in range(10)])
        if random.random() < 0.5:
            destination = random.choice((None, *[world.queue(f"other{suffix}")] * 3))
            requests.tasks.append(dead.start_message_move_task(destination, max_number_of_messages_per_second=1).handle)
        world.client().add_permission(
            QueueUrl=queue.url, Label="one", AWSAccountIds=["111122223333"], Actions=["SendMessage"]
        )
    world.create_queue("gone")
    world.delete_queue("gone")
    return requests


def run(seed: int, count: int) -> SimpleNamespace:
    """Make so many requests, and hold what comes of each against the promise."""
    random = Random(seed)
    found = SimpleNamespace(answers=Counter(), refusals=Counter())
    for number in range(count):
        if number % REQUESTS_A_WORLD == 0:
            requests = account(random)
            world = requests.world
            before = snapshot(world)
        if random.random() < 0.06:
            world.advance(random.choice((0.001, 0.5, 1, 5, 30, 61, 300)))
            before = snapshot(world)
        action, parameters = requests.next()
        where = (seed, number, action, repr(parameters)[:2000])
        refusal = None
        try:
            answer = actions.answer(world.sqs, action, parameters)
        except minisqs.errors.SqsError as error:
            refusal = error
        except Exception as error:
            raise AssertionError(where) from error
        if refusal is None:
            output = MODEL["operations"][action].get("output")
            misshapen = list(misfits(answer, SHAPES[output["shape"]] if output else NOTHING))
            assert misshapen == [], (where, misshapen)
            requests.learn(parameters, answer)
            found.answers[action] += 1
            before = snapshot(world)
        else:
            assert refusal.json_name in PERMITTED[action], (where, refusal)
            assert snapshot(world) == before, (where, refusal)
            found.refusals[action, refusal.json_name] += 1
        if number % 10 == 0:
            world.check_invariants()
    return found


def test_every_request_is_answered_or_refused_as_aws_does_and_a_refusal_changes_nothing():
    """sqs.md 1.1 to 1.4, 14"""
    found = run(seed=0, count=4000)
    assert found.answers.keys() == MODEL["operations"].keys()
    assert {action for action, _ in found.refusals} == MODEL["operations"].keys()


def test_a_snapshot_sees_every_kind_of_change():
    world = account(Random(0)).world
    client, queue = world.client(), world.queue("plain")
    [message] = client.receive_message(QueueUrl=queue.url)["Messages"]
    dead = world.queue("dead")
    changes = (
        lambda: queue.send("one more"),
        queue.receive,
        lambda: queue.receive(visibility_timeout=0),
        lambda: queue.set_attributes(delay_seconds=7),
        lambda: client.tag_queue(QueueUrl=queue.url, Tags={"a": "b"}),
        lambda: client.change_message_visibility(
            QueueUrl=queue.url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=77
        ),
        lambda: client.delete_message(QueueUrl=queue.url, ReceiptHandle=message["ReceiptHandle"]),
        lambda: world.queue("dead.fifo").start_message_move_task(max_number_of_messages_per_second=1),
        dead.purge,
        lambda: world.create_queue("new"),
        lambda: world.delete_queue("new"),
        lambda: world.advance(0.000001),
    )
    seen = [snapshot(world)]
    for change in changes:
        change()
        seen.append(snapshot(world))
    assert all(one != other for place, one in enumerate(seen) for other in seen[:place])


def main() -> None:
    parser = argparse.ArgumentParser(description="Make requests by botocore's model, and count what comes of them.")
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    began = time.perf_counter()
    found = run(given.seed, given.requests)
    seconds = time.perf_counter() - began
    answers, refusals = sum(found.answers.values()), sum(found.refusals.values())
    lines = [f"{given.requests} requests in {seconds:.0f} s: {answers} answers, {refusals} refusals, nothing else"]
    names = Counter()
    for (_, name), times in found.refusals.items():
        names[name] += times
    lines += [f"{times:8} {name}" for name, times in names.most_common()]
    lines += [f"{len(found.answers)} actions answered, {len({action for action, _ in found.refusals})} refused"]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
