"""A refused call changes nothing: not a message, not a count, not an attribute, not what is due when."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from minisqs import Faults, Message, Queue, RedrivePolicy, SendMessage, World, errors
from minisqs.engine.values import ReceiveMessage

Call = Callable[[World, Queue, Message], object]
OVERSIZED = "x" * 1_048_577


def port_of(world: World) -> Any:
    """Batches in AWS's own form go in through the port; the friendly API makes no two equal Ids."""
    return world.sqs


# Each breaks one rule; the text says which (sqs.md 1, 3, 5, 6, 11, 12 and 14).
ILLEGAL: dict[str, Call] = {
    "send without a body": lambda world, queue, message: queue.send(""),
    "send over the maximum size": lambda world, queue, message: queue.send(OVERSIZED),
    "send a forbidden character": lambda world, queue, message: queue.send("bell\a"),
    "send with a negative delay": lambda world, queue, message: queue.send("a", delay_seconds=-1),
    "send with too long a delay": lambda world, queue, message: queue.send("a", delay_seconds=901),
    "send a number as body": lambda world, queue, message: queue.send(1),  # type: ignore[arg-type]
    "send eleven attributes": lambda world, queue, message: queue.send(
        "a", message_attributes={f"name-{number}": "x" for number in range(11)}
    ),
    "send an attribute without a value": lambda world, queue, message: queue.send("a", message_attributes={"k": ""}),
    "send a reserved attribute name": lambda world, queue, message: queue.send("a", message_attributes={"AWS.k": "x"}),
    "send with a group id with a blank": lambda world, queue, message: queue.send("a", message_group_id="a b"),
    "send an empty batch": lambda world, queue, message: queue.send_batch([]),
    "send eleven messages in a batch": lambda world, queue, message: queue.send_batch(["a"] * 11),
    "send too large a batch": lambda world, queue, message: queue.send_batch(["a", OVERSIZED]),
    "send a batch with a number in it": lambda world, queue, message: queue.send_batch(["a", SendMessage(1)]),  # type: ignore[arg-type]
    "send a batch with an Id twice": lambda world, queue, message: port_of(world).send_message_batch(
        queue.url, [("a", SendMessage("a")), ("a", SendMessage("b"))]
    ),
    "send a batch with a blank in an Id": lambda world, queue, message: port_of(world).send_message_batch(
        queue.url, [("a", SendMessage("a")), ("b b", SendMessage("b"))]
    ),
    "receive none": lambda world, queue, message: queue.receive(0),
    "receive eleven": lambda world, queue, message: queue.receive(11),
    "receive with too long a timeout": lambda world, queue, message: queue.receive(visibility_timeout=43_201),
    "receive with a negative wait": lambda world, queue, message: queue.receive(wait_time_seconds=-1),
    "receive with too long a wait": lambda world, queue, message: queue.receive(wait_time_seconds=21),
    "receive a text": lambda world, queue, message: port_of(world).receive_message(queue.url, ReceiveMessage("1")),  # type: ignore[arg-type]
    "delete by no handle": lambda world, queue, message: queue.delete(""),
    "delete by a made-up handle": lambda world, queue, message: queue.delete("made-up"),
    "delete by a handle of another queue": lambda world, queue, message: world.queue("dead").delete(
        message.receipt_handle
    ),
    "delete an empty batch": lambda world, queue, message: queue.delete_batch([]),
    "delete eleven": lambda world, queue, message: queue.delete_batch([message] * 11),
    "delete a batch with an Id twice": lambda world, queue, message: port_of(world).delete_message_batch(
        queue.url, [("a", message.receipt_handle), ("a", message.receipt_handle)]
    ),
    "hide for too long": lambda world, queue, message: message.change_visibility(43_201),
    "hide for less than nothing": lambda world, queue, message: message.change_visibility(-1),
    "hide by a made-up handle": lambda world, queue, message: queue.change_visibility("made-up", 1),
    "hide beyond 12 hours": lambda world, queue, message: message.change_visibility(43_200),
    "hide an empty batch": lambda world, queue, message: queue.change_visibility_batch([], 1),
    "hide a batch with an Id twice": lambda world, queue, message: port_of(world).change_message_visibility_batch(
        queue.url, [("a", message.receipt_handle, 1), ("a", message.receipt_handle, 1)]
    ),
    "set an attribute out of range": lambda world, queue, message: queue.set_attributes(visibility_timeout=43_201),
    "set one good and one bad attribute": lambda world, queue, message: queue.set_attributes(
        delay_seconds=9, message_retention_period=59
    ),
    "set a redrive policy to nowhere": lambda world, queue, message: queue.set_attributes(
        redrive_policy=RedrivePolicy(queue.arn + "-gone", 1)
    ),
    "set a redrive policy of no receives": lambda world, queue, message: queue.set_attributes(
        redrive_policy=RedrivePolicy(queue, 0)
    ),
    "set nothing": lambda world, queue, message: queue.set_attributes(),
    "set an unknown attribute": lambda world, queue, message: port_of(world).set_queue_attributes(
        queue.url, {"DelaySeconds": "1", "Color": "red"}
    ),
    "ask for an unknown attribute": lambda world, queue, message: port_of(world).get_queue_attributes(
        queue.url, ["Color"]
    ),
    "create a queue with a blank in its name": lambda world, queue, message: world.create_queue("a b"),
    "create a queue with an attribute out of range": lambda world, queue, message: world.create_queue(
        "new", delay_seconds=901
    ),
    "create a queue that differs": lambda world, queue, message: world.create_queue("orders", delay_seconds=77),
    "find no queue": lambda world, queue, message: world.queue("nowhere"),
    "delete no queue": lambda world, queue, message: world.delete_queue("nowhere"),
    "create a queue just deleted": lambda world, queue, message: world.create_queue("barred"),
}


def everything(world: World) -> dict[str, object]:
    """All that a call could change, hidden or not, but the journal and the count of refusals in the request id."""
    service, kernel = world.sqs.service, world.sqs.kernel
    state: dict[str, object] = {
        "sent": dict(service._sent),
        "deleted names": dict(service._deleted_ns),
        "created": service._created,
        "names": list(service._names),
        "due": (service.next_due_ns(), service.next_expiry_ns()),
        "events": len(kernel._heap),
        "choices": world.choices,
    }
    for engine in service.queues():
        attributes = service.get_queue_attributes(engine.url, now=world.clock.now_ns)  # first, since a look settles
        fields = {name: getattr(engine, name) for name in engine.__slots__ if name not in ("messages", "__weakref__")}
        parts = {"due", "expiries", "series", "_ordering", "_deadlines", "_retention", "_deduplication", "_attempts"}
        state[engine.name] = {name: value for name, value in fields.items() if name not in parts}
        state[f"{engine.name} messages"] = [
            (one.sequence, one.body, one.state, one.deadline_ns, one.receive_count, one.enqueued_ns, one.sent_ns,
             one.first_received_ns, one.extras) for one in engine.messages.values()
        ]  # fmt: skip
        state[f"{engine.name} order"] = (
            [one.sequence for one in engine._ordering._fresh],
            sorted(sequence for sequence, _ in engine._ordering._returned),
        )
        state[f"{engine.name} due"] = (engine.next_due_ns(), engine._deadlines.stale, engine.next_expiry_ns())
        state[f"{engine.name} attributes"] = attributes
    return state


def world_in_some_state(steps: list[tuple[str, int]], faults: Faults | None) -> tuple[World, Queue, Message]:
    """A world after some steps, in which one message is in flight in ``orders``."""
    world = World(1, faults, journal_length=None, in_flight_limit=50)
    dead = world.create_queue("dead")
    world.delete_queue(world.create_queue("barred"))
    orders = world.create_queue("orders", visibility_timeout=20, redrive_policy=RedrivePolicy(dead, 2))
    received: list[Message] = []
    for action, number in steps:
        if action == "send":
            orders.send("a", delay_seconds=number * 3)
        elif action == "receive":
            received += orders.receive(1 + number, visibility_timeout=number * 5)
        elif action == "delete" and received:
            received.pop().delete()
        else:
            world.advance(number)
    while not (fresh := orders.receive(visibility_timeout=1_000)):
        orders.send("the last one")
    world.advance(0.001)  # so that 12 hours from now are over 12 hours from the receive
    return world, orders, fresh[0]


STEPS = st.lists(
    st.tuples(st.sampled_from(["send", "send", "receive", "receive", "delete", "advance"]), st.integers(0, 9)),
    max_size=25,
)


@given(rule=st.sampled_from(sorted(ILLEGAL)), steps=STEPS, faults=st.sampled_from([None, Faults(duplicate=0.3)]))
@settings(max_examples=6 * settings.default.max_examples)
def test_a_refused_call_changes_nothing_but_the_journal(
    rule: str, steps: list[tuple[str, int]], faults: Faults | None
) -> None:
    world, orders, message = world_in_some_state(steps, faults)
    assume(rule != "create a queue just deleted" or world.clock.seconds < 60)
    before, lines = everything(world), world.journal.text()
    with pytest.raises(errors.SqsError) as refusal:
        ILLEGAL[rule](world, orders, message)
    assert everything(world) == before
    told = world.journal.text().removeprefix(lines).splitlines()
    assert len(told) == 1
    assert all("refused: " + refusal.value.code in line for line in told)


@pytest.mark.parametrize("rule", ILLEGAL)
def test_each_illegal_call_is_refused(rule: str) -> None:
    world, orders, message = world_in_some_state([("send", 0), ("receive", 1)], None)
    with pytest.raises(errors.SqsError):
        ILLEGAL[rule](world, orders, message)


def test_a_receive_at_the_in_flight_limit_changes_nothing() -> None:
    world = World(in_flight_limit=1)
    orders = world.create_queue("orders")
    orders.send_batch(["a", "b"])
    orders.receive()
    before = everything(world)
    with pytest.raises(errors.OverLimit):
        orders.receive()
    assert everything(world) == before


def test_a_second_purge_within_60_seconds_changes_nothing() -> None:
    world = World()
    orders = world.create_queue("orders")
    orders.purge()
    orders.send("a")
    world.advance(59.999_999_999)
    before = everything(world)
    with pytest.raises(errors.PurgeQueueInProgress):
        orders.purge()
    assert everything(world) == before


USAGE: dict[str, Call] = {
    "send an attribute of no known type": lambda world, queue, message: queue.send("a", message_attributes={"k": []}),  # type: ignore[dict-item]
    "send a text as batch": lambda world, queue, message: queue.send_batch("abc"),
    "set an attribute that AWS does not have": lambda world, queue, message: queue.set_attributes(color="red"),  # type: ignore[call-arg]
    "go back in time": lambda world, queue, message: world.advance(-1),
    "wait for ever": lambda world, queue, message: world.advance(float("inf")),
}


@pytest.mark.parametrize("rule", USAGE)
def test_a_wrong_use_of_minisqs_changes_nothing(rule: str) -> None:
    world, orders, message = world_in_some_state([("send", 0), ("receive", 1)], None)
    before, lines = everything(world), world.journal.text()
    with pytest.raises(errors.UsageError):
        USAGE[rule](world, orders, message)
    assert everything(world) == before
    assert world.journal.text() == lines
