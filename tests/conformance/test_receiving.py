"""sqs.md 6, 14.16: polls short and long, order, the in-flight limit, and what a reply shows."""

import pytest

from minisqs import Consumer, World, errors

SECOND = 1_000_000_000
OVER = (
    "Too many messages have been received without being deleted. "
    "Please delete your received messages or let them timeout before receiving more."
)


def bodies(messages):
    return [message.body for message in messages]


# ------------------------------------------------------------------------------------------------ parameters
NUMBERS = [
    ("max_number_of_messages", "MaxNumberOfMessages", 1, 10, "Must be between 1 and 10, if provided."),
    ("visibility_timeout", "VisibilityTimeout", 0, 43_200, "Must be >= 0 and <= 43200, if provided."),
    ("wait_time_seconds", "WaitTimeSeconds", 0, 20, "Must be >= 0 and <= 20, if provided."),
]


@pytest.mark.parametrize(("name", "aws_name", "lowest", "highest", "rule"), NUMBERS)
def test_each_number_has_its_range(queue, refused, name, aws_name, lowest, highest, rule):
    """sqs.md 14.16"""
    for value in (lowest, lowest + 1, highest - 1, highest):
        queue.send("a")
        assert queue.receive(**{name: value})
    queue.send("a")
    for value in (lowest - 1, highest + 1):
        with refused(
            errors.InvalidParameterValue, f"Value {value} for parameter {aws_name} is invalid. Reason: {rule}"
        ):
            queue.receive(**{name: value})


@pytest.mark.parametrize("name", [row[0] for row in NUMBERS])
@pytest.mark.parametrize("value", ["1", "", 1.0, True, [1], {"a": 1}, b"1"])
def test_each_number_is_a_whole_number(queue, refused, name, value):
    """sqs.md 1, SerializationException"""
    queue.send("a")
    with refused(errors.SerializationException, None):
        queue.receive(**{name: value})


def test_one_message_is_received_unless_more_are_asked_for(queue):
    """sqs.md 14.16"""
    queue.send_batch(list("abcdefghij"))
    queue.send_batch(list("klm"))
    assert bodies(queue.receive()) == ["a"]
    assert bodies(queue.receive(10)) == list("bcdefghijk")
    assert bodies(queue.receive(10)) == list("lm")


# ----------------------------------------------------------------------------------------------------- waits
@pytest.mark.parametrize(("of_queue", "own", "waits"), [(0, None, 0), (3, None, 3), (3, 0, 0), (0, 20, 20), (20, 1, 1)])
def test_an_empty_poll_waits_as_it_says_or_as_the_queue_says(world, of_queue, own, waits):
    """sqs.md 6.1, 6.2"""
    queue = world.create_queue("q", receive_message_wait_time_seconds=of_queue)
    assert queue.receive(wait_time_seconds=own) == []
    assert world.clock.seconds == waits


def test_a_long_poll_returns_at_once_with_what_is_there(world, queue):
    """sqs.md 6.3"""
    queue.send_batch(["a", "b"])
    assert bodies(queue.receive(10, wait_time_seconds=20)) == ["a", "b"]
    assert world.clock.seconds == 0


@pytest.mark.parametrize("how", ["delay", "visibility timeout", "send"])
def test_a_long_poll_returns_the_first_message_when_it_becomes_available(world, queue, how):
    """sqs.md 6.3"""
    if how == "delay":
        queue.send("a", delay_seconds=7)
        queue.send("b", delay_seconds=8)
    elif how == "visibility timeout":
        queue.send("a")
        queue.receive(visibility_timeout=7)
    else:
        world.sqs.kernel.at(world.clock.now_ns + 7 * SECOND, lambda: queue.send("a"), label="somebody")
    assert bodies(queue.receive(10, wait_time_seconds=20)) == ["a"]
    assert world.clock.seconds == 7


@pytest.mark.parametrize(("poll_begins_ns", "wait_s", "there", "ends_ns"), [
    (1 * SECOND + 1, 19, True, 20 * SECOND),   # the message comes one nanosecond before the end of the wait
    (1 * SECOND, 19, True, 20 * SECOND),       # at the very end
    (1 * SECOND - 1, 19, False, 20 * SECOND - 1),  # and one nanosecond after it
])  # fmt: skip
def test_a_wait_ends_at_its_own_nanosecond(world, queue, pass_ns, poll_begins_ns, wait_s, there, ends_ns):
    """sqs.md 6.3"""
    queue.send("a", delay_seconds=20)
    pass_ns(poll_begins_ns)
    assert bool(queue.receive(wait_time_seconds=wait_s)) is there
    assert world.clock.now_ns - world.clock.started_ns == ends_ns


def test_a_message_shown_or_moved_by_another_ends_a_wait(world, queue):
    """sqs.md 6.3"""
    queue.send("a")
    [message] = queue.receive()
    world.sqs.kernel.at(world.clock.now_ns + 3 * SECOND, lambda: message.change_visibility(0), label="somebody")
    assert len(queue.receive(wait_time_seconds=20)) == 1
    assert world.clock.seconds == 3


def test_those_who_wait_are_served_in_the_order_they_came(world, queue):
    received = []
    for number in (1, 2, 3):
        work = lambda message, number=number: received.append((number, message.body))  # noqa: E731
        Consumer(queue, work, max_number_of_messages=1, duration=1).start()
    world.advance(1)
    queue.send_batch(["a", "b"])
    world.advance(0)
    assert received == [(1, "a"), (2, "b")]


def test_a_queue_deleted_during_a_long_poll_is_told_to_who_waits(world, queue, refused):
    """sqs.md 21.16"""
    world.sqs.kernel.at(world.clock.now_ns + 3 * SECOND, lambda: world.delete_queue(queue), label="somebody")
    with pytest.raises(errors.QueueDoesNotExist):
        queue.receive(wait_time_seconds=20)
    assert world.clock.seconds == 3


# ----------------------------------------------------------------------------------------------------- order
def test_the_oldest_send_is_received_first_also_when_it_came_back(world, queue):
    """sqs.md 6.4"""
    queue.send_batch(["a", "b", "c"])
    queue.receive(2, visibility_timeout=5)
    world.advance(5)
    queue.send("d")
    assert bodies(queue.receive(10)) == ["a", "b", "c", "d"]


def test_a_delayed_message_keeps_the_place_of_its_send(world, queue):
    """sqs.md 6.4"""
    queue.send("a", delay_seconds=5)
    queue.send("b")
    world.advance(5)
    assert bodies(queue.receive(10)) == ["a", "b"]


def test_a_message_received_often_stays_in_its_place(queue):
    """sqs.md 6.4"""
    queue.send_batch(["a", "b"])
    assert [bodies(queue.receive(visibility_timeout=0)) for _ in range(5)] == [["a"]] * 5


def test_the_perfect_queue_delivers_once_and_a_reply_holds_a_message_once(world, queue):
    """sqs.md 6.5, 6.6"""
    queue.send_batch(["a", "b"])
    assert bodies(queue.receive(10, visibility_timeout=0)) == ["a", "b"]
    assert bodies(queue.receive(10)) == ["a", "b"]
    assert queue.receive(10) == []


# ------------------------------------------------------------------------------------------- in-flight limit
def test_at_the_in_flight_limit_a_short_poll_is_refused_and_a_long_poll_finds_nothing(refused):
    """sqs.md 6.7"""
    world = World(in_flight_limit=3)
    queue = world.create_queue("q")
    queue.send_batch(list("abcde"))
    assert len(queue.receive(2)) == 2
    [last] = queue.receive(10)
    with refused(errors.OverLimit, OVER, world):
        queue.receive()
    assert queue.receive(wait_time_seconds=20) == []
    assert world.clock.seconds == 20
    last.delete()
    assert bodies(queue.receive(10)) == ["d"]


def test_a_message_that_times_out_makes_room_in_flight_for_who_waits():
    """sqs.md 6.7"""
    world = World(in_flight_limit=1)
    queue = world.create_queue("q", visibility_timeout=7)
    queue.send_batch(["a", "b"])
    queue.receive()
    assert bodies(queue.receive(10, wait_time_seconds=20)) == ["a"]
    assert world.clock.seconds == 7


def test_the_limit_in_flight_is_120000_a_queue(refused):
    """sqs.md 6.7"""
    world = World(journal_length=0)
    queue, other = world.create_queue("q"), world.create_queue("other")
    for _ in range(12_001):
        queue.send_batch(["x"] * 10)
    for _ in range(12_000):
        queue.receive(10)
    assert queue.counts == (10, 120_000, 0)
    with pytest.raises(errors.OverLimit):
        queue.receive()
    other.send("a")
    assert len(other.receive()) == 1


# -------------------------------------------------------------------------------------------- what is shown
def test_all_system_attributes_are_texts(world, queue):
    """sqs.md 14.16"""
    queue.send("a")
    queue.send("b", trace_header="Root=1", message_group_id="tenant-1")
    plain, full = (message.attributes for message in queue.receive(2))
    always = {"SenderId", "SentTimestamp", "ApproximateReceiveCount", "ApproximateFirstReceiveTimestamp"}
    assert plain.keys() == always
    assert full.keys() == always | {"AWSTraceHeader", "MessageGroupId"}
    assert (full["AWSTraceHeader"], full["MessageGroupId"]) == ("Root=1", "tenant-1")
    assert all(isinstance(value, str) for value in full.values())


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (["All"], ["General", "Hello", "Help.Me"]), ([".*"], ["General", "Hello", "Help.Me"]), (["*"], ["General", "Hello", "Help.Me"]),
        (["Hel.*"], ["Hello", "Help.Me"]), (["Hello"], ["Hello"]), (["hello"], []), ([], []), (["AWS."], []), (["..foo"], []),
        (["Nothing", "General"], ["General"]), (["Help.*", "General"], ["General", "Help.Me"]), (("All",), ["General", "Hello", "Help.Me"]),
    ],
)  # fmt: skip
def test_message_attributes_come_by_name_prefix_or_all(queue, names, shown):
    """sqs.md 14.16, 11.11"""
    queue.send("a", message_attributes={"Hello": "There", "Help.Me": "Me", "General": "Kenobi"})
    [message] = queue.receive(message_attribute_names=names)
    assert list(message.message_attributes) == shown
    assert (message.md5_of_message_attributes is None) is (shown == [])
    if len(shown) == 3:
        assert message.md5_of_message_attributes == "4c360f3fdafd970e05fae2f149d997f5"


@pytest.mark.parametrize("names", [None, "All", 1, [1], [None], {"All": 1}])
def test_message_attribute_names_are_a_list_of_texts(world, queue, names):
    """sqs.md 1, SerializationException"""
    queue.send("a")
    with pytest.raises(errors.SerializationException):
        queue.receive(message_attribute_names=names)
    assert queue.counts == (1, 0, 0)


def test_two_receives_of_a_group_run_in_parallel(queue):
    """sqs.md 8.2, 19.5"""
    queue.send("a", message_group_id="g")
    queue.send("b", message_group_id="g")
    assert bodies(queue.receive(10)) == ["a", "b"]


def test_a_delete_makes_room_in_flight_for_who_waits():
    """sqs.md 6.3, 6.7"""
    world = World(in_flight_limit=1)
    queue = world.create_queue("orders", visibility_timeout=600)
    queue.send_batch(["a", "b"])
    [first] = queue.receive()
    received_at = []
    Consumer(queue, lambda message: received_at.append(world.clock.seconds)).start()
    world.advance(5)
    first.delete()
    world.advance(10)
    assert received_at == [5]


def test_an_expiry_makes_room_in_flight_for_who_waits():
    """sqs.md 6.3, 6.7"""
    world = World(in_flight_limit=1)
    queue = world.create_queue("orders", message_retention_period=60, visibility_timeout=600)
    queue.send("a")
    world.advance(55)
    queue.receive()
    queue.send("b")
    assert [message.body for message in queue.receive(wait_time_seconds=20)] == ["b"]
    assert world.clock.seconds == 60


def test_a_refused_attribute_filter_has_the_shape_of_every_refusal(queue, refused):
    """sqs.md 1.1: the answer has a request id, and the error names its operation."""
    with refused(errors.SerializationException, "NUMBER_VALUE can not be converted to a String") as caught:
        queue.receive(message_attribute_names=[1])
    assert caught.value.operation_name == "ReceiveMessage"


def test_a_friendly_receive_brings_all_attributes_and_an_empty_one_an_empty_list(queue):
    """sqs.md 1.5, 6.9"""
    assert queue.receive() == []
    queue.send("a", message_attributes={"kind": "order"})
    [message] = queue.receive()
    assert message.message_attributes == {"kind": "order"}
    assert message.attributes["ApproximateReceiveCount"] == "1"
