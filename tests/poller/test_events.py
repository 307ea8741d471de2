"""What a handler gets: the event, the context, and the 6 MB of a batch (lambda-poller.md 2 and P6)."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from hashlib import md5

import pytest
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes import SQSEvent

from minisqs import RedrivePolicy, World, limits
from minisqs.engine.message import Delivery
from minisqs.poller.events import Events, Payload, Shape

START_MS = 1_735_689_600_000
RECORD_KEYS = [
    "messageId", "receiptHandle", "body", "attributes", "messageAttributes", "md5OfBody", "eventSource",
    "eventSourceARN", "awsRegion",
]  # fmt: skip
ALWAYS = ["ApproximateReceiveCount", "SentTimestamp", "SenderId", "ApproximateFirstReceiveTimestamp"]


def collect(world, queue, events, **settings):
    """Join a queue and a function that keeps its events."""
    function = world.create_function(lambda event, context: events.append(event))
    return function, world.create_event_source_mapping(queue, function, **settings)


def records(world, queue, **settings):
    """The records that a mapping gets of what is in a queue."""
    events = []
    collect(world, queue, events, **settings)
    world.advance(settings.get("maximum_batching_window_in_seconds", 0))
    return [record for event in events for record in event["Records"]]


def only_plain(value):
    """Whether a value is dictionaries, lists, texts and None, and of no class of their own."""
    if type(value) is dict:
        return all(type(key) is str and only_plain(item) for key, item in value.items())
    if type(value) is list:
        return all(map(only_plain, value))
    return value is None or type(value) is str


# --------------------------------------------------------------------------------------------------------- records
def test_an_event_is_that_of_lambda_key_for_key(world):
    queue = world.create_queue("orders")
    sent = queue.send('{"a": "ü"}')
    world.advance(1.25)
    events = []
    collect(world, queue, events)
    world.advance(0)
    [event] = events
    assert list(event) == ["Records"]
    [record] = event["Records"]
    assert list(record) == RECORD_KEYS
    assert {**record, "receiptHandle": "", "attributes": {**record["attributes"], "SenderId": ""}} == {
        "messageId": sent.message_id,
        "receiptHandle": "",
        "body": '{"a": "ü"}',
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": str(START_MS),
            "SenderId": "",
            "ApproximateFirstReceiveTimestamp": str(START_MS + 1250),
        },
        "messageAttributes": {},
        "md5OfBody": md5('{"a": "ü"}'.encode()).hexdigest(),
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:orders",
        "awsRegion": "us-east-1",
    }
    assert list(record["attributes"]) == ALWAYS
    assert record["attributes"]["SenderId"]
    assert only_plain(event)


def test_a_record_names_its_region_and_account():
    world = World(region="eu-west-3", account_id="000000000001")
    queue = world.create_queue("orders")
    queue.send("a")
    [record] = records(world, queue)
    assert (record["awsRegion"], record["eventSourceARN"]) == ("eu-west-3", "arn:aws:sqs:eu-west-3:000000000001:orders")


def test_the_receipt_handle_of_a_record_is_that_of_its_receive(world):
    queue = world.create_queue("orders", visibility_timeout=30)
    queue.send("a")
    handles = []

    def handler(event, context):
        handles.append(event["Records"][0]["receiptHandle"])
        raise ValueError

    world.create_event_source_mapping(queue, world.create_function(handler))
    world.advance(30)
    assert len(set(handles)) == 2
    world.sqs.delete_message(queue.url, handles[1])
    world.advance(60)
    assert len(handles) == 2


def test_a_record_that_comes_again_says_so(world):
    queue = world.create_queue("orders", visibility_timeout=30)
    world.advance(0.0019)
    queue.send("a")
    seen = []

    def handler(event, context):
        seen.append(event["Records"][0]["attributes"])
        raise ValueError

    world.advance(0.5)
    world.create_event_source_mapping(queue, world.create_function(handler))
    world.advance(60)
    assert [one["ApproximateReceiveCount"] for one in seen] == ["1", "2", "3"]
    assert {one["SentTimestamp"] for one in seen} == {str(START_MS + 1)}
    assert {one["ApproximateFirstReceiveTimestamp"] for one in seen} == {str(START_MS + 501)}


def test_records_are_in_the_order_of_receipt(world):
    queue = world.create_queue("orders")
    for number in range(25):
        queue.send(str(number))
    got = records(world, queue, batch_size=100, maximum_batching_window_in_seconds=1)
    assert [record["body"] for record in got] == [str(number) for number in range(25)]


def test_each_invocation_gets_an_event_of_its_own(world):
    queue = world.create_queue("orders", visibility_timeout=30)
    queue.send("a")
    bodies = []

    def handler(event, context):
        [record] = event["Records"]
        bodies.append(record["body"])
        record["body"] = "changed"
        record["attributes"].clear()
        event["Records"].clear()
        raise ValueError

    function = world.create_function(handler)
    world.create_event_source_mapping(queue, function)
    world.advance(30)
    assert bodies == ["a", "a"]
    first, second = function.invocations
    assert first.records[0]["body"] == first.event["Records"][0]["body"] == "a"
    assert [one.records[0]["attributes"]["ApproximateReceiveCount"] for one in (first, second)] == ["1", "2"]
    first.records.clear()
    assert len(first.records) == 1


def test_an_invocation_shows_its_records_as_they_were_whatever_became_of_the_message(world):
    dead = world.create_queue("dead")
    queue = world.create_queue(
        "orders", visibility_timeout=30, redrive_policy=RedrivePolicy(dead_letter_queue=dead, max_receive_count=2)
    )
    queue.send("a")
    events = []

    def handler(event, context):
        events.append(json.loads(json.dumps(event)))
        raise ValueError

    function = world.create_function(handler)
    world.create_event_source_mapping(queue, function)
    world.advance(100)
    [message] = dead.receive()
    message.delete()
    assert len(events) == 2
    assert [one.event for one in function.invocations] == events


# ------------------------------------------------------------------------------------------------------ attributes
def test_a_record_of_a_fair_queue_has_its_group_only(world):
    queue = world.create_queue("orders")
    queue.send("a", message_group_id="tenant")
    [record] = records(world, queue)
    assert sorted(record["attributes"]) == sorted([*ALWAYS, "MessageGroupId"])
    assert record["attributes"]["MessageGroupId"] == "tenant"


def test_a_record_of_a_fifo_queue_has_its_number_its_group_and_its_deduplication_id(world):
    queue = world.create_queue("orders.fifo", fifo_queue=True)
    sent = queue.send("a", message_group_id="g", message_deduplication_id="d")
    [record] = records(world, queue)
    extra = {"SequenceNumber": sent.sequence_number, "MessageGroupId": "g", "MessageDeduplicationId": "d"}
    assert sorted(record["attributes"]) == sorted([*ALWAYS, *extra])
    assert {name: record["attributes"][name] for name in extra} == extra
    assert only_plain(record)


def test_a_deduplication_id_may_come_from_the_content(world):
    queue = world.create_queue("orders.fifo", fifo_queue=True, content_based_deduplication=True)
    queue.send("a", message_group_id="g")
    [record] = records(world, queue)
    assert re.fullmatch("[0-9a-f]{64}", record["attributes"]["MessageDeduplicationId"])


def test_a_record_of_a_dead_letter_queue_says_where_it_came_from(world):
    dead = world.create_queue("dead")
    queue = world.create_queue(
        "orders", visibility_timeout=0, redrive_policy=RedrivePolicy(dead_letter_queue=dead, max_receive_count=1)
    )
    sent = queue.send("a")
    queue.receive(), queue.receive()
    [record] = records(world, dead)
    assert record["messageId"] == sent.message_id
    assert sorted(record["attributes"]) == sorted([*ALWAYS, "DeadLetterQueueSourceArn"])
    assert record["attributes"]["DeadLetterQueueSourceArn"] == queue.arn
    assert record["eventSourceARN"] == dead.arn


def test_a_record_has_the_trace_header_and_no_settings_of_the_queue(world):
    queue = world.create_queue("orders", sqs_managed_sse_enabled=True)
    client = world.client()
    header = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"
    client.send_message(
        QueueUrl=queue.url,
        MessageBody="a",
        MessageSystemAttributes={"AWSTraceHeader": {"DataType": "String", "StringValue": header}},
    )
    [record] = records(world, queue)
    assert sorted(record["attributes"]) == sorted([*ALWAYS, "AWSTraceHeader"])
    assert record["attributes"]["AWSTraceHeader"] == header
    assert record["messageAttributes"] == {}
    assert "md5OfMessageAttributes" not in record


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"DataType": "String", "StringValue": "x"}, {"stringValue": "x"}),
        ({"DataType": "String.kind", "StringValue": "ü"}, {"stringValue": "ü"}),
        ({"DataType": "Number", "StringValue": "7"}, {"stringValue": "7"}),
        ({"DataType": "Number.int", "StringValue": "7"}, {"stringValue": "7"}),
        ({"DataType": "Binary", "BinaryValue": b"\x00\xff?"}, {"binaryValue": "AP8/"}),
        ({"DataType": "Binary.gif", "BinaryValue": b"\xfb\xef"}, {"binaryValue": "++8="}),
    ],
)
@pytest.mark.parametrize("window", [0, 1])
def test_a_message_attribute_shows_the_value_that_applies_and_two_empty_lists(world, given, shown, window):
    queue = world.create_queue("orders")
    sent = world.client().send_message(QueueUrl=queue.url, MessageBody="a", MessageAttributes={"n": given})
    [record] = records(world, queue, maximum_batching_window_in_seconds=window)
    attribute = record["messageAttributes"]["n"]
    assert attribute == {**shown, "stringListValues": [], "binaryListValues": [], "dataType": given["DataType"]}
    assert list(attribute) == [*shown, "stringListValues", "binaryListValues", "dataType"]
    assert record["md5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    assert list(record) == [*RECORD_KEYS[:5], "md5OfMessageAttributes", *RECORD_KEYS[5:]]
    assert only_plain(record)
    if "BinaryValue" in given:
        assert attribute["binaryValue"] == b64encode(given["BinaryValue"]).decode()


@pytest.mark.parametrize(("window", "shows"), [(0, False), (1, True), (300, True)])
def test_a_digest_of_no_attributes_is_shown_as_none_where_there_is_a_window(world, window, shows):
    queue = world.create_queue("orders", visibility_timeout=600)
    queue.send("a")
    [record] = records(world, queue, maximum_batching_window_in_seconds=window)
    assert ("md5OfMessageAttributes" in record) is shows
    assert record.get("md5OfMessageAttributes") is None
    if shows:
        assert list(record) == [*RECORD_KEYS[:5], "md5OfMessageAttributes", *RECORD_KEYS[5:]]


# --------------------------------------------------------------------------------------------------------- context
def test_a_context_has_what_the_runtime_of_python_has(world):
    seen = []
    function = world.create_function(lambda event, context: seen.append(context), name="orders", memory_size=512)
    invocation = function.invoke()
    [context] = seen
    assert context.function_name == "orders"
    assert context.function_version == "$LATEST"
    assert context.invoked_function_arn == "arn:aws:lambda:us-east-1:123456789012:function:orders"
    assert context.memory_limit_in_mb == "512"
    assert re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", context.aws_request_id)
    assert context.aws_request_id == invocation.request_id
    assert context.log_group_name == "/aws/lambda/orders"
    assert context.log_stream_name == invocation.log_stream
    assert re.fullmatch(r"2025/01/01/\[\$LATEST\][0-9a-f]{32}", context.log_stream_name)
    assert context.identity.cognito_identity_id is None
    assert context.identity.cognito_identity_pool_id is None
    assert context.client_context is None
    assert context.tenant_id is None
    assert repr(context) == f"Context(function_name='orders', aws_request_id='{context.aws_request_id}')"


@pytest.mark.parametrize(
    ("reference", "version"), [("", "$LATEST"), (":1", "1"), (":live", "1"), (":$LATEST", "$LATEST")]
)
def test_a_context_knows_by_which_name_the_mapping_called(world, reference, version):
    queue = world.create_queue("orders")
    seen = []
    function = world.create_function(
        lambda event, context: seen.append((context.function_version, context.invoked_function_arn)), name="f"
    )
    function.publish_version()
    function.create_alias("live", "1")
    world.create_event_source_mapping(queue, f"f{reference}")
    queue.send("a")
    world.advance(0)
    name = "" if reference == ":$LATEST" else reference
    assert seen == [(version, f"{function.arn}{name}")]


def test_the_remaining_time_is_that_of_the_simulation(world):
    seen = []
    function = world.create_function(lambda event, context: seen.append(context), duration=3)
    function.start()
    remaining = []
    for ns in (0, 1, 999_999, 1_000_000, 1_000_001, 2_999_000_000, 2_999_000_001, 3_000_000_000, 4_000_000_000):
        world.sqs.kernel.run_until(world.clock.started_ns + ns)
        remaining.append(seen[0].get_remaining_time_in_millis())
    assert remaining == [3000, 2999, 2999, 2999, 2998, 1, 0, 0, 0]


def test_a_handler_writes_into_its_log_stream(world):
    function = world.create_function(lambda event, context: context.log(["text"]), name="f")
    invocation = function.invoke()
    [entry] = [entry for entry in world.journal if entry.action == "log"]
    assert (entry.caller, entry.cause) == (f"f {invocation.log_stream}", "['text']")


def test_each_attempt_has_an_id_of_its_own_also_one_that_was_throttled(world):
    queue = world.create_queue("orders", visibility_timeout=60)
    function = world.create_function(None, duration=5, timeout=10, reserved_concurrency=1, name="f")
    world.create_event_source_mapping(queue, function, batch_size=1)
    queue.send_batch(["a", "b"])
    world.advance(20)
    first, second = function.invocations
    assert [one.started_at for one in (first, second)] == [0, 11]
    assert function.metrics["Throttles"] == 2
    assert second.records[0]["attributes"]["ApproximateReceiveCount"] == "1"

    calm = World(seed=1)
    function = calm.create_function(None, name="f")
    ids = [function.invoke().request_id for _ in range(4)]
    assert len(set(ids)) == 4
    assert [first.request_id, second.request_id] == [ids[0], ids[3]]  # the attempts between took the others


# ------------------------------------------------------------------------------------------------------------ 6 MB
def deliveries_of(world, queue, bodies, attributes=None, system_attributes=None):
    """Deliveries of messages with bodies, as a slot gets them."""
    for number, body in enumerate(bodies):
        given = attributes if attributes is not None and number % 2 else None
        world.client().send_message(
            QueueUrl=queue.url,
            MessageBody=body,
            **({"MessageAttributes": given} if given else {}),
            **({"MessageSystemAttributes": system_attributes} if system_attributes else {}),
        )
    messages = list(world.sqs.service.queue("orders").look(world.clock.now_ns))
    return [Delivery(message, 1, world.clock.now_ns, 1) for message in messages[-len(bodies) :]]


def event_bytes(events, deliveries, shape):
    return len(json.dumps(events.event(deliveries, shape), ensure_ascii=False, separators=(",", ":")).encode())


@pytest.fixture
def events(world, queue):
    service = world.sqs.service
    return Events(service.identifiers, service.sender_id, queue.arn)


KINDS = {"plain": ("x", 1), "escaped": ('"', 2), "tab": ("\t", 2), "two bytes": ("ü", 2), "four bytes": ("𝄞", 4)}
SHAPES = [Shape(False, False), Shape(True, False)]  # noqa: FBT003


@pytest.mark.parametrize("shape", SHAPES, ids=["without a window", "with a window"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("count", "octets"), [(7, 900_000), (13, 500_000)])
@pytest.mark.parametrize("over", [-1, 0, 1])
def test_a_batch_may_have_exactly_6_mb_and_not_one_byte_more(world, queue, events, shape, kind, count, octets, over):
    character, size = KINDS[kind]
    stored = len(character.encode())
    body = character * (octets // max(size, stored))
    small = deliveries_of(world, queue, ["x"])
    used = event_bytes(events, small, shape) - 1
    each = event_bytes(events, deliveries_of(world, queue, [body]), shape) - len('{"Records":[]}')
    whole = [body] * min(count, (limits.EVENT_BYTES - used) // (each + 1))
    rest = limits.EVENT_BYTES - used - len(whole) * (each + 1) + over
    assert rest in limits.MAXIMUM_MESSAGE_SIZE
    batch = deliveries_of(world, queue, [*whole, "x" * rest])
    assert event_bytes(events, batch, shape) == limits.EVENT_BYTES + over
    payload = Payload(events, shape)
    left = payload.add(batch)
    assert left == ([] if over <= 0 else batch[-1:])
    assert payload.deliveries == (batch if over <= 0 else batch[:-1])


@pytest.mark.parametrize("step", [1, 10])
def test_many_small_records_fill_6_mb_to_the_last_one_that_fits(world, queue, events, step):
    shape = Shape(True, False)  # noqa: FBT003
    [one] = deliveries_of(world, queue, ["x" * 300])
    each = event_bytes(events, [one], shape) - len('{"Records":[]}')
    fits = (limits.EVENT_BYTES - len('{"Records":[]}') + 1) // (each + 1)
    batch = [one] * (fits + 25)
    payload = Payload(events, shape)
    left = []
    while batch and not left:
        left, batch = payload.add(batch[:step]), batch[step:]
    assert len(payload.deliveries) == fits
    assert len(left) == step - fits % step if step > 1 else 1


@pytest.mark.parametrize(
    "attributes",
    [
        {"n": {"DataType": "Binary", "BinaryValue": b"\xff" * 60_000}},
        {"n": {"DataType": "String", "StringValue": '"' * 60_000}},
        {f"n{number}": {"DataType": "Number.int", "StringValue": "1"} for number in range(10)},
    ],
)
def test_attributes_count_for_the_6_mb(world, queue, events, attributes):
    shape = SHAPES[0]
    batch = deliveries_of(world, queue, ["x" * 200_000] * 40, attributes)
    payload = Payload(events, shape)
    left = payload.add(batch)
    taken = payload.deliveries
    assert taken + left == batch
    assert event_bytes(events, taken, shape) <= limits.EVENT_BYTES < event_bytes(events, [*taken, left[0]], shape)


def test_a_long_trace_header_counts_for_the_6_mb(world, queue, events):
    header = {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=" + "x" * 50_000}}
    batch = deliveries_of(world, queue, ["x"] * 150, None, header)
    payload = Payload(events, SHAPES[0])
    left = payload.add(batch)
    assert left
    taken = payload.deliveries
    assert event_bytes(events, taken, SHAPES[0]) <= limits.EVENT_BYTES
    assert event_bytes(events, [*taken, left[0]], SHAPES[0]) > limits.EVENT_BYTES


@pytest.mark.parametrize("mark", ['"', "\\", "~"])
def test_no_record_is_larger_than_the_bound_that_is_used_for_it(mark):
    world = World(account_id="999999999999", region="us-northwestern-gov-east-1")
    dead = world.create_queue("d" * 75 + ".fifo", fifo_queue=True)
    queue = world.create_queue(
        "o" * 75 + ".fifo", fifo_queue=True, visibility_timeout=0,
        redrive_policy=RedrivePolicy(dead_letter_queue=dead, max_receive_count=1),
    )  # fmt: skip
    queue.send("\t", message_group_id=mark * 128, message_deduplication_id=mark * 128)
    queue.receive(), queue.receive()
    got = records(world, dead)
    assert len(json.dumps(got[0], ensure_ascii=False, separators=(",", ":")).encode()) < 1500


def test_each_record_is_measured_at_most_a_few_times(world, queue, events, monkeypatch):
    attributes = {"n": {"DataType": "String", "StringValue": "1"}}
    batch = deliveries_of(world, queue, ["x"] * 10, attributes) * 100
    measured = []
    monkeypatch.setattr(Payload, "_size", lambda self, delivery: measured.append(delivery) or 10_000)
    Payload(events, SHAPES[0]).add(batch)
    assert len(measured) < 4 * len(batch)


def test_a_mapping_hands_over_what_fits_and_keeps_the_rest_for_the_next_batch(world):
    queue = world.create_queue("orders", visibility_timeout=300)
    sent = [queue.send(str(number) + "x" * 1_000_000) for number in range(9)]
    function = world.create_function(None)
    world.create_event_source_mapping(queue, function, batch_size=100, maximum_batching_window_in_seconds=5)
    world.run_until_idle()
    sizes = [len(json.dumps(one.event, separators=(",", ":"))) for one in function.invocations]
    assert all(size <= limits.EVENT_BYTES for size in sizes)
    assert [len(one.records) for one in function.invocations] == [6, 3]
    assert [record["messageId"] for one in function.invocations for record in one.records] == [
        one.message_id for one in sent
    ]


# ------------------------------------------------------------------------------------------------------ Powertools
def test_powertools_reads_an_event(world):
    queue = world.create_queue("orders")
    world.client().send_message(
        QueueUrl=queue.url,
        MessageBody='{"id": 1}',
        MessageAttributes={
            "kind": {"DataType": "String", "StringValue": "order"},
            "blob": {"DataType": "Binary", "BinaryValue": b"x"},
        },
    )
    got = records(world, queue)
    [record] = list(SQSEvent({"Records": got}).records)
    assert record.json_body == {"id": 1}
    assert record.message_id == got[0]["messageId"]
    assert record.receipt_handle == got[0]["receiptHandle"]
    assert record.attributes.approximate_receive_count == "1"
    assert record.attributes.sent_timestamp == str(START_MS)
    assert record.message_attributes["kind"].string_value == "order"
    assert record.message_attributes["blob"].binary_value == "eA=="
    assert record.message_attributes["blob"].data_type == "Binary"
    assert record.md5_of_body == got[0]["md5OfBody"]
    assert (record.event_source, record.event_source_arn, record.aws_region) == ("aws:sqs", queue.arn, "us-east-1")
    assert record.queue_url == queue.url


def test_powertools_reports_the_records_that_failed(world):
    queue = world.create_queue("orders", visibility_timeout=30)
    processor = BatchProcessor(event_type=EventType.SQS)
    done = []

    def work(record):
        if record.body == "bad":
            raise ValueError(record.body)
        done.append(record.body)

    def handler(event, context):
        return process_partial_response(event=event, context=context, record_handler=work, processor=processor)

    function = world.create_function(handler)
    world.create_event_source_mapping(queue, function, report_batch_item_failures=True)
    queue.send_batch(["a", "bad", "b"])
    world.advance(10)
    [invocation] = function.invocations
    assert invocation.outcome == "success"
    assert invocation.result == {"batchItemFailures": [{"itemIdentifier": invocation.records[1]["messageId"]}]}
    assert done == ["a", "b"]
    assert queue.metrics["NumberOfMessagesDeleted"] == 2
    world.advance(30)
    assert [one.outcome for one in function.invocations] == ["success", "error"]  # all records of the second failed
