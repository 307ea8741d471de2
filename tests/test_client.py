import re
from decimal import Decimal
from inspect import signature

import pytest

from minisqs import Consumer, Producer, Queue, RedrivePolicy, SendMessage, World, errors


# ---------------------------------------------------------------------------------------- queue and message
def test_a_message_shows_what_was_sent(world, queue):
    sent = queue.send("hello", message_attributes={"kind": "greeting"}, message_group_id="g", trace_header="t")
    [message] = queue.receive()
    assert (message.body, message.message_id, message.receive_count) == ("hello", sent.message_id, 1)
    assert message.md5_of_body == sent.md5_of_message_body == "5d41402abc4b2a76b9719d911017c592"
    assert message.md5_of_message_attributes == sent.md5_of_message_attributes
    assert (message.attributes["MessageGroupId"], message.attributes["AWSTraceHeader"]) == ("g", "t")
    assert (message.queue, message.source) == (queue, None)
    assert repr(message) == "Message('hello', receive_count=1, queue='orders')"
    assert repr(sent) == f"SentMessage({sent.message_id!r})"
    assert repr(queue) == "Queue('orders')"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("text", "text"),
        (7, 7),
        (-7, -7),
        (1.5, Decimal("1.5")),
        (Decimal("1.50"), Decimal("1.50")),
        (Decimal("1E+3"), Decimal(1000)),
        (b"\x00\xff", b"\x00\xff"),
        (bytearray(b"x"), b"x"),
        ({"DataType": "Number.int", "StringValue": "007"}, 7),
        ({"DataType": "String.json", "StringValue": "{}"}, "{}"),
        ({"DataType": "Binary.gif", "BinaryValue": b"g"}, b"g"),
    ],
)
def test_attributes_come_back_by_their_type(queue, given, shown):
    queue.send("x", message_attributes={"k": given})
    value = queue.receive()[0].message_attributes["k"]
    assert value == shown
    assert type(value) is type(shown)


@pytest.mark.parametrize("given", [None, True, [1], object(), 1j])
def test_attributes_of_other_types_are_refused_by_name(world, queue, given):
    with pytest.raises(errors.UsageError, match="the message attribute 'k' is text, a number, bytes, or a mapping"):
        queue.send("x", message_attributes={"k": given})
    assert queue.counts == (0, 0, 0)


@pytest.mark.parametrize("given", ["x", 1, [("k", "v")], True])
def test_attributes_are_a_mapping(queue, given):
    with pytest.raises(errors.UsageError, match="message attributes are a mapping"):
        queue.send("x", message_attributes=given)


def test_a_message_shows_its_delivery_whatever_happens_later(queue):
    queue.send("a")
    [first], [second] = queue.receive(visibility_timeout=0), queue.receive()
    second.delete()
    assert (first.receive_count, second.receive_count) == (1, 2)
    assert first.attributes["ApproximateReceiveCount"] == "1"
    assert first.receipt_handle != second.receipt_handle
    assert first.body == second.body == "a"


def test_a_message_is_deleted_and_hidden_by_itself_or_its_handle(queue):
    for form in (lambda message: message, lambda message: message.receipt_handle):
        queue.send("a")
        [message] = queue.receive()
        queue.change_visibility(form(message), 0)
        assert queue.counts == (1, 0, 0)
        assert queue.change_visibility_batch([form(message)], 5).failed == []
        assert queue.counts == (0, 1, 0)
        queue.delete(form(message))
        assert queue.delete_batch([form(message)]).failed == []
        assert queue.counts == (0, 0, 0)


def test_messages_are_looked_at_without_receiving(world, queue):
    queue.send("available")
    queue.send("in flight")
    queue.send("delayed", delay_seconds=9)
    queue.receive(visibility_timeout=0)
    [first, second] = queue.receive(2)
    first.change_visibility(0)
    now = world.clock.now_ns
    views = [(view.body, view.state, view.receive_count, view.until_ns) for view in queue.messages()]
    assert views == [
        ("available", "available", 2, None),
        ("in flight", "in_flight", 1, now + 30 * 10**9),
        ("delayed", "delayed", 0, now + 9 * 10**9),
    ]
    assert queue.messages()[1].message_id == second.message_id
    assert (queue.counts.visible, queue.counts.in_flight, queue.counts.delayed) == (1, 1, 1)


def test_a_batch_tells_what_failed_by_its_place(queue):
    result = queue.send_batch(["a", "", SendMessage("b", delay_seconds=901), SendMessage("c", delay_seconds=1)])
    assert len(result.successful) == 2
    assert [(failure.index, type(failure.error)) for failure in result.failed] == [
        (1, errors.MissingParameter), (2, errors.InvalidParameterValue),
    ]  # fmt: skip
    assert queue.counts == (1, 0, 1)


@pytest.mark.parametrize("batch", [None, "ab", b"ab", 1, {"a": 1}, {"a"}, iter("a")])
def test_a_batch_is_a_list(queue, batch):
    for call in (queue.send_batch, queue.delete_batch, lambda given: queue.change_visibility_batch(given, 1)):
        with pytest.raises(errors.UsageError, match="a batch is a list"):
            call(batch)


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("visibility", "did you mean 'visibility_timeout'?"),
        ("VisibilityTimeout", "did you mean 'visibility_timeout'?"),
        ("fifo", "did you mean 'fifo_queue'?"),
        ("color", "the attributes are delay_seconds, "),
    ],
)
def test_an_unknown_attribute_of_a_queue_is_a_mistake_in_the_call(world, name, advice):
    with pytest.raises(errors.UsageError, match=re.escape(f"{name!r} is not an attribute of a queue; {advice}")):
        world.create_queue("q", **{name: 1})
    assert world.queues() == []


def test_an_attribute_of_none_is_left_as_it_is(world, queue):
    queue.set_attributes(delay_seconds=None, visibility_timeout=7)
    assert queue.attributes()["DelaySeconds"] == "0"
    assert queue.attributes()["VisibilityTimeout"] == "7"


def test_a_redrive_policy_names_a_queue_or_its_arn_in_any_form(world):
    bad = world.create_queue("bad")
    for number, policy in enumerate([
        RedrivePolicy(bad, 3), RedrivePolicy(bad.arn, 3), RedrivePolicy(bad, 3).text(),
        {"deadLetterTargetArn": bad.arn, "maxReceiveCount": 3},
    ]):  # fmt: skip
        queue = world.create_queue(f"q{number}", redrive_policy=policy)
        assert queue._engine.settings.redrive_policy.max_receive_count == 3


def test_a_dead_letter_knows_its_source_while_that_exists(world):
    bad = world.create_queue("bad")
    queue = world.create_queue("orders", redrive_policy=RedrivePolicy(bad, 1))
    queue.send("a")
    queue.receive(visibility_timeout=0)
    assert queue.receive() == []
    [dead] = bad.receive()
    assert dead.source is queue
    world.delete_queue(queue)
    assert dead.source is None


# ------------------------------------------------------------------------------------------------- producer
def test_producers_are_known_by_their_names(world, queue):
    one, other, named = Producer(queue), Producer(queue), Producer(queue, name="shop")
    assert (one.name, other.name) == ("producer-1", "producer-2")
    for producer in (one, other, named, named):
        producer.send("a")
    named.send_batch(["b", "c"])
    queue.send("d")
    sent = [entry.message for entry in world.journal if entry.action.startswith("Send")]
    assert sent == ["producer-1/1", "producer-2/1", "shop/1", "shop/2", "shop/3", "shop/4", "main/1"]


@pytest.mark.parametrize("name", ["", 1, b"x", []])
def test_a_name_is_a_text(queue, name):
    with pytest.raises(errors.UsageError, match="the name of a producer or consumer is a printable text"):
        Producer(queue, name=name)
    with pytest.raises(errors.UsageError, match="the name of a producer or consumer is a printable text"):
        Consumer(queue, print, name=name)


def test_a_producer_sends_with_delay_and_attributes(world, queue):
    Producer(queue).send("a", delay_seconds=3, message_attributes={"k": "v"}, trace_header="Root=1")
    assert queue.counts == (0, 0, 1)
    world.advance(3)
    [message] = queue.receive()
    assert message.message_attributes == {"k": "v"}
    assert message.attributes["AWSTraceHeader"] == "Root=1"


def test_a_producer_sends_with_all_that_a_queue_sends_with():
    assert signature(Producer.send) == signature(Queue.send)


# ------------------------------------------------------------------------------------------------- consumer
def test_a_consumer_deletes_what_its_function_took_and_leaves_the_rest(world, queue):
    queue.send_batch(["good", "bad", "fine"])

    def work(message):
        if message.body == "bad":
            raise ValueError(message.body)

    consumer = Consumer(queue, work)
    assert [message.body for message in consumer.poll()] == ["good", "bad", "fine"]
    [failure] = consumer.failures
    assert (failure.message.body, str(failure.error)) == ("bad", "bad")
    assert queue.counts == (0, 1, 0)
    world.advance(30)
    assert queue.counts == (1, 0, 0)


def test_a_poll_takes_the_time_of_its_wait_and_its_work(world, queue):
    queue.send("a", delay_seconds=4)
    consumer = Consumer(queue, lambda message: None, duration=lambda message: 2.5)
    assert len(consumer.poll()) == 1
    assert world.clock.seconds == 6.5
    assert consumer.poll() == []
    assert world.clock.seconds == 26.5


def test_work_that_takes_longer_than_the_timeout_is_done_twice(world):
    queue = world.create_queue("orders", visibility_timeout=10)
    done = []
    for _ in range(2):
        Consumer(queue, lambda message: done.append((message.receive_count, world.clock.seconds)), duration=11).start()
    queue.send("a")
    world.run_until_idle()
    assert done == [(1, 0), (2, 10)]


def test_a_started_consumer_polls_on_until_it_is_stopped(world, queue):
    received = []
    consumer = Consumer(queue, lambda message: received.append(message.body))
    consumer.start()
    consumer.start()
    queue.send("a")
    world.advance(50)
    queue.send("b")
    world.advance(0)
    consumer.stop()
    queue.send("c")
    world.advance(50)
    assert received == ["a", "b"]
    consumer.start()
    world.advance(0)
    assert received == ["a", "b", "c"]
    Consumer(queue, print).stop()


def test_a_consumer_that_is_stopped_at_work_does_not_delete(world, queue):
    queue.send("a")
    consumer = Consumer(queue, lambda message: None, duration=5)
    consumer.start()
    world.advance(1)
    consumer.stop()
    world.advance(30)
    assert queue.counts == (1, 0, 0)


def test_consumers_share_the_messages(world, queue):
    received = {1: [], 2: []}
    for number in (1, 2):
        work = lambda message, number=number: received[number].append(message.body)  # noqa: E731
        Consumer(queue, work, max_number_of_messages=1, duration=1).start()
    world.advance(1)
    queue.send_batch(["a", "b"])
    world.advance(1)
    assert received == {1: ["a"], 2: ["b"]}


def test_a_consumer_ends_when_its_queue_is_deleted(world, queue):
    """sqs.md 21.16"""
    consumer = Consumer(queue, print)
    consumer.start()
    world.advance(5)
    world.delete_queue(queue)
    world.run_until_idle()
    assert consumer._task.done
    assert world.clock.seconds == 5


def test_a_function_may_use_the_world_and_let_time_pass(world, queue):
    other = world.create_queue("other")

    def forward(message):
        world.advance(2)
        other.send(message.body)

    Consumer(queue, forward).start()
    queue.send_batch(["a", "b"])
    world.run_until_idle()
    assert [view.body for view in other.messages()] == ["a", "b"]
    assert world.clock.seconds == 4


def test_a_consumer_that_polls_on_waits(queue):
    consumer = Consumer(queue, print, wait_time_seconds=0)
    assert consumer.poll() == []
    with pytest.raises(errors.UsageError, match="wait_time_seconds is 1 to 20"):
        consumer.start()


@pytest.mark.parametrize(
    ("named", "error_class"),
    [
        ({"max_number_of_messages": 0}, errors.InvalidParameterValue),
        ({"max_number_of_messages": 11}, errors.InvalidParameterValue),
        ({"visibility_timeout": 43_201}, errors.InvalidParameterValue),
        ({"wait_time_seconds": 21}, errors.InvalidParameterValue),
        ({"wait_time_seconds": "20"}, errors.SerializationException),
        ({"duration": -1}, errors.UsageError),
        ({"duration": "1"}, errors.UsageError),
    ],
)
def test_a_consumer_is_checked_when_it_is_made(queue, named, error_class):
    with pytest.raises(error_class):
        Consumer(queue, print, **named)


def test_a_consumer_calls_a_function(queue):
    with pytest.raises(errors.UsageError, match="a consumer's function is a plain one, called with each message"):
        Consumer(queue, "print")


def test_an_exception_that_is_no_error_reaches_who_lets_time_pass(queue):
    def interrupt(message):
        raise KeyboardInterrupt

    queue.send("a")
    consumer = Consumer(queue, interrupt)
    with pytest.raises(KeyboardInterrupt):
        consumer.poll()
    assert queue.counts == (0, 1, 0)


def test_a_duration_may_depend_on_the_message():
    world = World()
    queue = world.create_queue("orders")
    queue.send_batch(["1", "2", "3"])
    Consumer(queue, lambda message: None, duration=lambda message: int(message.body)).start()
    world.run_until_idle()
    assert world.clock.seconds == 6


def test_a_consumer_may_be_stopped_by_its_own_function():
    world = World()
    queue = world.create_queue("orders")
    consumer = Consumer(queue, lambda message: consumer.stop(), max_number_of_messages=1)
    consumer.start()
    queue.send_batch(["a", "b"])
    world.advance(100)
    assert consumer.failures == []
    assert [entry.message for entry in world.journal if entry.action == "ReceiveMessage"] == ["main/1"]
    assert "DeleteMessage" not in {entry.action for entry in world.journal}
    assert queue.counts == (2, 0, 0)


def test_a_consumer_that_was_stopped_takes_no_message_from_one_that_waits():
    world = World()
    queue = world.create_queue("orders")
    taken_at = []
    consumers = [Consumer(queue, lambda message: taken_at.append(world.clock.seconds)) for _ in range(2)]
    for consumer in consumers:
        consumer.start()
    world.advance(5)
    consumers[0].stop()
    queue.send("a")
    world.advance(10)
    assert taken_at == [5]


def test_a_message_of_another_world_is_refused_and_changes_nothing():
    one, other = World(seed=1), World(seed=2)
    queue, stranger = one.create_queue("q"), other.create_queue("q")
    queue.send("a")
    stranger.send("b")
    [message] = stranger.receive()
    with pytest.raises((errors.ReceiptHandleIsInvalid, errors.UsageError)):
        queue.delete(message)
    one.check_invariants()
    assert [view.state for view in queue.messages()] == ["available"]
    assert [view.state for view in stranger.messages()] == ["in_flight"]
