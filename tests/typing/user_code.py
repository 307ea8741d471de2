"""What users write, typed as they would type it: mypy reads this file strictly, and a test runs it."""

from __future__ import annotations

import asyncio  # noqa: TID251  # user code
from datetime import UTC, datetime
from decimal import Decimal

import minisqs
from minisqs import Consumer, Faults, Message, Plan, Producer, Queue, RedrivePolicy, SendMessage, World, errors


def set_up(world: World) -> tuple[Queue, Queue]:
    """Two queues, as a first test has them."""
    bad: Queue = world.create_queue("bad-orders", message_retention_period=86_400)
    orders: Queue = world.create_queue(
        "orders",
        visibility_timeout=30,
        delay_seconds=0,
        receive_message_wait_time_seconds=0,
        redrive_policy=RedrivePolicy(bad, max_receive_count=1),
        policy={"Version": "2012-10-17", "Statement": {"Effect": "Allow"}},
    )
    return orders, bad


def send(orders: Queue) -> str:
    """One message with attributes, and a batch."""
    sent = orders.send(
        "hello",
        delay_seconds=5,
        message_attributes={"kind": "greeting", "size": 5, "price": Decimal("1.5"), "raw": b"\x00"},
    )
    batch = orders.send_batch(["a", SendMessage("b", delay_seconds=1), ""])
    refused: list[int] = [failure.index for failure in batch.failed]
    assert refused == [2]
    assert [one.md5_of_message_body for one in batch.successful] == [
        "0cc175b9c0f1b6a831c399e269772661",
        "92eb5ffee6ae2fec3ad71c777531578f",
    ]
    return sent.message_id


def receive(world: World, orders: Queue, bad: Queue) -> None:
    """A life from the send to the dead-letter queue."""
    message_id = send(orders)
    world.advance(5)
    messages: list[Message] = orders.receive(10, visibility_timeout=30)
    hello = next(message for message in messages if message.message_id == message_id)
    size: str | int | Decimal | bytes = hello.message_attributes["size"]
    sent_at: str = hello.attributes["SentTimestamp"]
    assert (hello.body, hello.receive_count, size, sent_at) == ("hello", 1, 5, "1735689600000")
    orders.delete_batch([message for message in messages if message is not hello])
    hello.change_visibility(10)
    world.advance(10.0)
    assert orders.receive() == []
    [dead] = bad.receive(wait_time_seconds=1)
    source: Queue | None = dead.source
    assert source is orders
    bad.delete(dead.receipt_handle)
    visible, in_flight, delayed = bad.counts
    assert (visible, in_flight, delayed) == (0, 0, 0)
    assert bad.counts.visible == 0


def work(world: World, orders: Queue) -> list[str]:
    """A producer and a consumer."""
    taken: list[str] = []

    def take(message: Message) -> None:
        taken.append(message.body)

    def seconds(message: Message) -> float:
        return float(len(message.body))

    producer = Producer(orders, name="shop")
    consumer = Consumer(orders, take, max_number_of_messages=1, duration=seconds)
    consumer.start()
    producer.send("one")
    producer.send_batch(["three"])
    world.run_until_idle(max_seconds=3_600)
    consumer.stop()
    failed: list[str] = [str(failure.error) for failure in consumer.failures]
    assert failed == []
    return taken


def refuse(orders: Queue) -> str:
    """An error, caught as boto3's users do."""
    try:
        orders.receive(11)
    except errors.InvalidParameterValue as error:
        code: str = error.code
        response: dict[str, object] = error.response
        assert "Error" in response
        return code
    raise AssertionError("eleven messages are too many")


def ship(event: dict[str, list[dict[str, str]]], context: object) -> dict[str, list[dict[str, str]]]:
    """A handler that reports what failed."""
    failed = [record["messageId"] for record in event["Records"] if record["body"] == "bad"]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


async def ship_slowly(event: dict[str, object], context: object) -> None:
    """A handler that sleeps on the simulated clock."""
    await asyncio.sleep(2)


def behind_lambda(world: World) -> list[str]:
    """A queue with a function behind it; how its runs ended."""
    queue = world.create_queue("parcels", visibility_timeout=60)
    function = world.create_function(ship, timeout=10, duration=lambda event: 0.1 * len(event["Records"]))
    slow = world.create_function(ship_slowly, name="slow", reserved_concurrency=2)
    mapping = world.create_event_source_mapping(
        queue, function, batch_size=10, report_batch_item_failures=True, filters=['{"body": [{"prefix": "p"}]}']
    )
    queue.send_batch(["p1", "p2", "bad"])
    try:
        world.create_event_source_mapping(queue, slow, maximum_concurrency=1)
    except errors.LambdaError as error:
        refused: tuple[str, int] = (error.code, error.http_status)
        assert refused == ("ValidationException", 400)
    world.advance(1)
    deleted: int = mapping.metrics["DeletedEventCount"]
    assert deleted == 3
    assert mapping.state == "Enabled"
    ended: float | None = slow.invoke({"any": "thing"}).ended_at
    assert ended == 3
    return [run.outcome for run in function.invocations]


def spawn(world: World, queue: Queue) -> list[str]:
    """Workers on the simulated clock."""
    got: list[str] = []

    def poll() -> int:
        for message in queue.receive(wait_time_seconds=20):
            got.append(message.body)
            message.delete()
        return len(got)

    async def consume() -> str:
        return "done"

    with world:
        worker = world.spawn(poll, process="app", restart=False, latency=0.01)
        world.spawn(consume, name="consumer")
        queue.send("spawned")
        world.run_until_idle()
        names: list[str] = [one.name for one in world.workers]
        assert names == ["poll-1", "consumer"]
        assert (worker.done, worker.result, worker.error) == (True, 1, None)
    return got


def main() -> None:
    """All of it."""
    world = minisqs.World(seed=7, start=datetime(2025, 1, 1, tzinfo=UTC))
    orders, bad = set_up(world)
    receive(world, orders, bad)
    assert work(world, orders) == ["one", "three"]
    assert refuse(orders) == "InvalidParameterValue"
    assert [view.body for view in orders.messages()] == []
    assert world.queue("orders") is orders
    last: str = world.journal[-1].action
    assert last
    now_ns: int = world.clock.now_ns
    assert now_ns > 0

    faulty = World(seed="a text", faults=Faults(duplicate=0.5, reorder=0.2), journal_length=None)
    faulty.create_queue("q").send("again")
    named = World(faults={"duplicate", "reorder"}, start=0)
    # A mapping is invariant in its keys, so Plan's parameter does not take what World.choices gives, yet.
    replayed = World("a text", Plan(faulty.choices))
    replayed.check_replayed()
    assert named.choices == {}
    world.delete_queue(orders)
    assert behind_lambda(World()) == ["success"]
    another = World()
    assert spawn(another, another.create_queue("q")) == ["spawned"]


if __name__ == "__main__":
    main()
