"""sqs.md 8, 11, 14.18: what may be sent, what it is counted as, and the digests of it."""

import pytest

from minisqs import SendMessage, errors

SERIALIZATION = errors.SerializationException
ALLOWED = [0x9, 0xA, 0xD, 0x20, 0x7F, 0xD7FF, 0xE000, 0xFFFD, 0x10000, 0x10FFFF]
FORBIDDEN = [0x0, 0x8, 0xB, 0xC, 0xE, 0x1F, 0xD800, 0xDFFF, 0xFFFE, 0xFFFF]
SET = "#x9 | #xA | #xD | [#x20-#xD7FF] | [#xE000-#xFFFD] | [#x10000-#x10FFFF]"


def raw(data_type, value):
    return {"DataType": data_type, "BinaryValue" if isinstance(value, bytes) else "StringValue": value}


# --------------------------------------------------------------------------------------------------- bodies
@pytest.mark.parametrize("code_point", ALLOWED)
def test_a_body_may_have_each_character_of_the_set_and_comes_back_unchanged(queue, code_point):
    """sqs.md 11.1"""
    body = f"a{chr(code_point)}\r\nb{chr(code_point)}"
    queue.send(body)
    assert queue.receive()[0].body == body


@pytest.mark.parametrize("code_point", FORBIDDEN)
def test_a_body_with_another_character_is_refused_by_the_first_such(queue, refused, code_point):
    """sqs.md 11.1"""
    text = (
        f"Invalid binary character '#x{code_point:X}' was found in the message body, "
        f"the set of allowed characters is {SET}."
    )
    with refused(errors.InvalidMessageContents, text):
        queue.send(f"a\n{chr(code_point)}\x01")


def test_an_empty_body_is_missing(queue, refused):
    """sqs.md 11.1"""
    with refused(errors.MissingParameter, "The request must contain the parameter MessageBody."):
        queue.send("")


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (None, "NULL_VALUE can not be converted to a String"),
        (1, "NUMBER_VALUE can not be converted to a String"),
        (1.5, "NUMBER_VALUE can not be converted to a String"),
        (True, "TRUE_VALUE can not be converted to a String"),
        (["a"], "Start of list found where not expected"),
        ({"a": 1}, "Start of structure or map found where not expected."),
        (b"a", "BLOB_VALUE can not be converted to a String"),
    ],
)
def test_a_body_is_text(queue, refused, body, text):
    """sqs.md 1, SerializationException"""
    with refused(SERIALIZATION, text):
        queue.send(body)


@pytest.mark.parametrize("unit", ["a", "é", "€", "😀"])
@pytest.mark.parametrize("limit", [1024, 1_048_576])
def test_a_body_may_have_exactly_the_limit_in_bytes(world, refused, unit, limit):
    """sqs.md 11.2"""
    queue = world.create_queue("q", maximum_message_size=limit)
    width = len(unit.encode())
    body = unit * (limit // width) + "a" * (limit % width)
    queue.send(body)
    text = f"One or more parameters are invalid. Reason: Message must be shorter than {limit} bytes."
    with refused(errors.InvalidParameterValue, text):
        queue.send(body + "a")


@pytest.mark.parametrize(
    ("attributes", "size"),
    [
        ({"k": "v"}, 1 + 6 + 1),
        ({"ké": "é"}, 3 + 6 + 2),
        ({"n": 12}, 1 + 6 + 2),
        ({"b": b"\xff\x00\x01"}, 1 + 6 + 3),
        ({"k": raw("String.label", "v")}, 1 + 12 + 1),
        ({"a": "1", "b": "2"}, 2 * (1 + 6 + 1)),
    ],
)
def test_attributes_count_by_name_type_and_value(world, refused, attributes, size):
    """sqs.md 11.2"""
    queue = world.create_queue("q", maximum_message_size=1024)
    queue.send("a" * (1024 - size), message_attributes=attributes)
    with refused(errors.InvalidParameterValue, None):
        queue.send("a" * (1025 - size), message_attributes=attributes)


def test_system_attributes_do_not_count(world):
    """sqs.md 11.2"""
    queue = world.create_queue("q", maximum_message_size=1024)
    queue.send("a" * 1024, trace_header="x" * 2000)
    assert queue.receive()[0].attributes["AWSTraceHeader"] == "x" * 2000


# ----------------------------------------------------------------------------------------------- attributes
def test_a_message_has_up_to_ten_attributes(queue, refused):
    """sqs.md 11.3"""
    attributes = {f"k{number}": "v" for number in range(10)}
    queue.send("a", message_attributes=attributes)
    assert queue.receive()[0].message_attributes == attributes
    with refused(errors.InvalidParameterValue, "Number of message attributes [11] exceeds the allowed maximum [10]."):
        queue.send("a", message_attributes=attributes | {"k10": "v"})


@pytest.mark.parametrize("name", ["a", "A", "a.b", "a-b_c", "9", "ø", "ß", "ä", "a" * 255, "a" * 256, "AWS", "amazonx"])
def test_attribute_names_that_are_taken(queue, name):
    """sqs.md 11.4"""
    queue.send("a", message_attributes={name: "v"})
    assert queue.receive()[0].message_attributes == {name: "v"}


def test_attribute_names_are_case_sensitive(queue):
    """sqs.md 11.4"""
    queue.send("a", message_attributes={"k": "1", "K": "2"})
    assert queue.receive()[0].message_attributes == {"k": "1", "K": "2"}


@pytest.mark.parametrize(
    "name",
    ["", "a" * 257, "é" * 129, "AWS.a", "aws.a", "Amazon.a", "AMAZON.a", ".a", "a.", "a..b", "a b", "a/b", "€", "a\n"],
)
def test_attribute_names_that_are_refused(queue, refused, name):
    """sqs.md 11.4, 11.6"""
    with refused(errors.InvalidParameterValue, None):
        queue.send("a", message_attributes={name: "v"})


@pytest.mark.parametrize(
    "attribute",
    [raw("String", "x"), raw("String.a", "x"), raw("Number", "1"), raw("Number.int.a", "1"), raw("Binary", b"x"),
     raw("Binary.png", b"\x00"), raw("String." + "a" * 249, "x")],
)  # fmt: skip
def test_attribute_types_that_are_taken(queue, attribute):
    """sqs.md 11.5"""
    sent = queue.send("a", message_attributes={"k": attribute})
    [message] = queue.receive()
    assert message.md5_of_message_attributes == sent.md5_of_message_attributes
    stored = message._delivery.message.extras.attributes["k"]
    assert (stored.data_type, stored.value) == tuple(attribute.values())


@pytest.mark.parametrize(
    "attribute",
    [{}, raw("", "x"), raw("string", "x"), raw("Text", "x"), raw("Strings", "x"), raw("String." + "a" * 250, "x"), {"DataType": "String"},
     raw("String", b"x"), raw("Binary", "x"), raw("Number", b"1"), raw("Binary", b""), raw("String", "x") | raw("String", b"x"),
     raw("String", "x") | {"StringListValues": ["x"]}, raw("Binary", b"x") | {"BinaryListValues": [b"x"]}],
)  # fmt: skip
def test_attributes_that_are_refused(queue, refused, attribute):
    """sqs.md 11.5, 11.6"""
    with refused(errors.InvalidParameterValue, None):
        queue.send("a", message_attributes={"k": attribute})


def test_an_empty_text_attribute_is_refused_with_the_text_of_aws(queue, refused):
    """sqs.md 11.6"""
    text = "Message (user) attribute 'k' must contain a non-empty value of type 'String'."
    with refused(errors.InvalidParameterValue, text):
        queue.send("a", message_attributes={"k": ""})


@pytest.mark.parametrize("code_point", ALLOWED)
def test_a_text_attribute_may_have_each_character_of_the_set(queue, code_point):
    """sqs.md 11.5"""
    queue.send("a", message_attributes={"k": chr(code_point)})
    assert queue.receive()[0].message_attributes["k"] == chr(code_point)


@pytest.mark.parametrize("code_point", FORBIDDEN)
def test_a_text_attribute_with_another_character_is_refused(queue, refused, code_point):
    """sqs.md 11.5, 21.14"""
    with refused(errors.InvalidParameterValue, None):
        queue.send("a", message_attributes={"k": f"a{chr(code_point)}"})


@pytest.mark.parametrize(
    "value", ["0", "-1", "+1", "1.50", "007", "1e-128", "1e126", "-1E126", "9" * 38, "9" * 38 + "0" * 88]
)
def test_a_number_keeps_its_text(queue, value):
    """sqs.md 11.5, 21.14"""
    queue.send("a", message_attributes={"k": raw("Number", value)})
    assert queue.receive()[0]._delivery.message.extras.attributes["k"].value == value


@pytest.mark.parametrize(
    "value", ["x", " 1", "1 ", "NaN", "Infinity", "1e127", "1e-129", "9" * 39, "1.0.0", "1_0", "٣"]
)
def test_what_is_no_number_is_refused(queue, refused, value):
    """sqs.md 11.5, 11.6, 21.14"""
    with refused(errors.InvalidParameterValue, "Can't cast the value of message (user) attribute 'k' to a number."):
        queue.send("a", message_attributes={"k": raw("Number", value)})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e300, 10**127])
def test_a_python_number_that_is_none_to_aws_is_refused(queue, refused, value):
    """sqs.md 11.5"""
    with refused(errors.InvalidParameterValue, "Can't cast the value of message (user) attribute 'k' to a number."):
        queue.send("a", message_attributes={"k": value})


@pytest.mark.parametrize(
    "attributes",
    [
        {1: "v"},
        {"k": {"DataType": 1}},
        {"k": {"DataType": "String", "StringValue": 1}},
        {"k": {"DataType": "Binary", "BinaryValue": "x"}},
    ],
)
def test_names_types_and_values_have_their_json_types(queue, refused, attributes):
    """sqs.md 1, SerializationException"""
    with refused(SERIALIZATION, None):
        queue.send("a", message_attributes=attributes)


def test_only_the_trace_header_is_a_system_attribute(queue, refused):
    """sqs.md 11.7"""
    queue.send("a", trace_header="Root=1")
    assert queue.receive()[0].attributes["AWSTraceHeader"] == "Root=1"
    result = queue.send_batch([SendMessage("a", message_system_attributes={"Other": raw("String", "x")})])
    assert result.failed[0].error.message == "Message system attribute name 'Other' is invalid."
    result = queue.send_batch([SendMessage("a", message_system_attributes={"AWSTraceHeader": raw("Number", "1")})])
    assert type(result.failed[0].error) is errors.InvalidParameterValue
    text = "Message (system) attribute 'AWSTraceHeader' must contain a non-empty value of type 'String'."
    with refused(errors.InvalidParameterValue, text):
        queue.send("a", trace_header="")


# -------------------------------------------------------------------------------------------------- digests
@pytest.mark.parametrize(
    ("body", "digest"), [("hello", "5d41402abc4b2a76b9719d911017c592"), ("é", "66ddcd97cfdeabb2f6fb8a999b4bc76f")]
)
def test_a_body_has_the_digest_of_its_utf8_at_both_ends(queue, body, digest):
    """sqs.md 11.8"""
    assert queue.send(body).md5_of_message_body == digest
    assert queue.receive()[0].md5_of_body == digest


@pytest.mark.parametrize(
    ("attributes", "digest"),
    [
        ({"k": "x"}, "a45daa70926828a2f0a1db3418e6feb4"),
        ({"timestamp": 1493147359900}, "235c5c510d26fb653d073faed50ae77c"),
        (
            {"attr1": b"traceparent\x1e00-774062d6c37081a5a0b9b5b88e30627c-2d2482211f6489da-01"},
            "8cbe4db156db8a94db8b801b7addb984",
        ),
        ({"Hello": "There", "Help.Me": "Me", "General": "Kenobi"}, "4c360f3fdafd970e05fae2f149d997f5"),
    ],
)
def test_attributes_have_the_digests_that_aws_gave(queue, attributes, digest):
    """sqs.md 11.9, 11.11"""
    assert queue.send("a", message_attributes=attributes).md5_of_message_attributes == digest
    assert queue.receive()[0].md5_of_message_attributes == digest


def test_without_attributes_there_is_no_digest_and_system_attributes_do_not_enter_it(queue):
    """sqs.md 11.9, 11.10"""
    assert queue.send("a", trace_header="Root=1").md5_of_message_attributes is None
    assert queue.receive()[0].md5_of_message_attributes is None
    sent = queue.send("a", trace_header="Root=1", message_attributes={"k": "x"})
    assert sent.md5_of_message_attributes == "a45daa70926828a2f0a1db3418e6feb4"


def test_a_receive_digests_the_attributes_that_it_returns(queue):
    """sqs.md 11.11"""
    queue.send("a", message_attributes={"k": "x", "other": "y"})
    [message] = queue.receive(message_attribute_names=["k"])
    assert message.md5_of_message_attributes == "a45daa70926828a2f0a1db3418e6feb4"


# ------------------------------------------------------------------------------- SendMessage's other parameters
def test_a_delay_is_0_to_900_seconds(queue, refused):
    """sqs.md 14.18"""
    for seconds in (0, 1, 899, 900):
        queue.send("a", delay_seconds=seconds)
    for seconds in (-1, 901):
        text = f"Value {seconds} for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900."
        with refused(errors.InvalidParameterValue, text):
            queue.send("a", delay_seconds=seconds)


@pytest.mark.parametrize("seconds", ["1", "", 1.0, True, [], {}, b"1"])
def test_a_delay_is_a_whole_number(queue, refused, seconds):
    """sqs.md 1, SerializationException"""
    with refused(SERIALIZATION, None):
        queue.send("a", delay_seconds=seconds)


@pytest.mark.parametrize("group", ["a", "!~", "a" * 127, "a" * 128, "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"])
def test_a_group_id_is_1_to_128_characters_and_comes_back(queue, group):
    """sqs.md 8.2"""
    queue.send("a", message_group_id=group)
    shown = queue.receive()[0].attributes
    assert shown["MessageGroupId"] == group
    assert "SequenceNumber" not in shown


@pytest.mark.parametrize("group", ["", "a" * 129, "a b", "é", "a\n", "\x7f"])
def test_another_group_id_is_refused(queue, refused, group):
    """sqs.md 8.2"""
    with refused(errors.InvalidParameterValue, None):
        queue.send("a", message_group_id=group)


@pytest.mark.parametrize("group", [1, True, 1.5, [], {}, b"a"])
def test_a_group_id_is_text(queue, refused, group):
    """sqs.md 1, SerializationException"""
    with refused(SERIALIZATION, None):
        queue.send("a", message_group_id=group)


def test_a_deduplication_id_is_not_for_standard_queues(world, queue, refused):
    """sqs.md 8.1"""
    with refused(errors.InvalidParameterValue, None):
        world.sqs.send_message("orders", SendMessage("a", message_deduplication_id="d"))


@pytest.mark.parametrize(
    ("request_", "error_class", "part"),
    [
        (SendMessage("", message_group_id=""), errors.MissingParameter, "MessageBody"),
        (SendMessage("\x00", message_group_id="", message_deduplication_id="d"), errors.InvalidParameterValue, "MessageGroupId"),
        (SendMessage("\x00", 901, message_deduplication_id="d"), errors.InvalidParameterValue, "MessageDeduplicationId"),
        (SendMessage("\x00", 901, {"": {}}), errors.InvalidParameterValue, "DelaySeconds"),
        (SendMessage("\x00", 900, {"": {}}), errors.InvalidParameterValue, "attribute names"),
        (SendMessage("\x00" * 2_000_000), errors.InvalidMessageContents, "#x0"),
    ],
)  # fmt: skip
def test_the_parts_of_a_message_are_checked_in_order(world, queue, refused, request_, error_class, part):
    """sqs.md 14.18"""
    with refused(error_class, None) as caught:
        world.sqs.send_message("orders", request_)
    assert part in caught.value.message


def test_an_unknown_queue_wins_over_a_bad_message(world, refused):
    """sqs.md 14.18"""
    with refused(errors.QueueDoesNotExist, "The specified queue does not exist."):
        world.sqs.send_message("nothing", SendMessage(""))


def test_a_bytearray_counts_towards_the_size_as_bytes_do(world):
    """sqs.md 11.2"""
    queue = world.create_queue("q", maximum_message_size=1024)
    attributes = {"k": {"DataType": "Binary", "BinaryValue": bytearray(5000)}}
    answer = queue.send_batch([SendMessage("x", message_attributes=attributes)])
    assert answer.successful == []
    assert [failure.error.message for failure in answer.failed] == [
        "One or more parameters cannot be validated. Reason: Message must be shorter than 1024 bytes."
    ]
