import pytest

from minisqs import errors, limits
from minisqs.engine import checks
from minisqs.engine.attributes import FifoSettings, Settings
from minisqs.engine.values import ReceiveMessage, SendMessage

SECOND = 1_000_000_000
NUMBER_TO_TEXT = "NUMBER_VALUE can not be converted to a String"

WRONG_TEXTS = [
    (None, "NULL_VALUE can not be converted to a String"),
    (7, NUMBER_TO_TEXT),
    (1.5, NUMBER_TO_TEXT),
    (True, "TRUE_VALUE can not be converted to a String"),
    (False, "FALSE_VALUE can not be converted to a String"),
    ([], "Start of list found where not expected"),
    ({}, "Start of structure or map found where not expected."),
    (b"x", "BLOB_VALUE can not be converted to a String"),
]
WRONG_INTEGERS = [
    (None, "NULL_VALUE can not be converted to an Integer"),
    ("7", "STRING_VALUE can not be converted to an Integer"),
    (1.0, "NUMBER_VALUE can not be converted to an Integer"),
    (True, "TRUE_VALUE can not be converted to an Integer"),
    ([7], "Start of list found where not expected"),
    ({"a": 7}, "Start of structure or map found where not expected."),
    (b"7", "BLOB_VALUE can not be converted to an Integer"),
    (2**63, "NUMBER_VALUE can not be converted to an Integer"),
    (-(2**63) - 1, "NUMBER_VALUE can not be converted to an Integer"),
]


def check(error_class, text, call, *arguments, **named):
    with pytest.raises(error_class) as caught:
        call(*arguments, **named)
    assert type(caught.value) is error_class
    assert text is None or caught.value.message == text


def checked(request, settings=Settings(), batch_entry=0):  # noqa: B008  # nobody can change them
    return checks.message(request, checks.message_bytes(request), settings, batch_entry)


def up_to(size):
    return Settings(maximum_message_size=size)


@pytest.mark.parametrize(("value", "text"), WRONG_TEXTS)
def test_what_is_no_text_is_refused_by_its_json_type(value, text):
    check(errors.SerializationException, text, checks.text, value)


@pytest.mark.parametrize(("value", "text"), WRONG_INTEGERS)
def test_what_is_no_whole_number_is_refused_by_its_json_type(value, text):
    check(errors.SerializationException, text, checks.integer, value)


@pytest.mark.parametrize("value", [None, 1, 1.5, True, "All", b"All", {"All": 1}, ["All", 1], [None]])
def test_a_list_of_texts_is_nothing_else(value):
    check(errors.SerializationException, None, checks.texts, value)


@pytest.mark.parametrize("value", [None, 1, "a", [], {"a": 1}, {1: "a"}, {"a": None}])
def test_a_map_of_texts_is_nothing_else(value):
    check(errors.SerializationException, None, checks.text_map, value)


@pytest.mark.parametrize("name", ["a", "Z", "0", "-", "_", "a" * 80])
def test_a_queue_name_is_1_to_80_letters_digits_hyphens_underscores(name):
    assert checks.queue_name(name, fifo=False) == name


@pytest.mark.parametrize("name", ["", "a" * 81, "a b", "a.b", "a/b", "ä", "a\n", "\x00", "q.fifo"])
def test_other_queue_names_are_refused(name):
    text = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
    check(errors.InvalidParameterValue, text, checks.queue_name, name, fifo=False)


@pytest.mark.parametrize(
    ("name", "fits"),
    [("a.fifo", True), ("a" * 75 + ".fifo", True), ("a" * 76 + ".fifo", False), (".fifo", False), ("a", False), ("a.fifo\n", False)],
)  # fmt: skip
def test_a_fifo_name_ends_in_fifo_and_the_suffix_counts(name, fits):
    if fits:
        assert checks.queue_name(name, fifo=True) == name
    else:
        text = (
            "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, "
            "must end with .fifo suffix and be 1 to 80 in length"
        )
        check(errors.InvalidParameterValue, text, checks.queue_name, name, fifo=True)


RANGES = [
    ("max_number_of_messages", "MaxNumberOfMessages", 1, 10, "Must be between 1 and 10, if provided."),
    ("visibility_timeout", "VisibilityTimeout", 0, 43_200, "Must be >= 0 and <= 43200, if provided."),
    ("wait_time_seconds", "WaitTimeSeconds", 0, 20, "Must be >= 0 and <= 20, if provided."),
]


@pytest.mark.parametrize(("field", "parameter", "lowest", "highest", "rule"), RANGES)
def test_each_number_of_a_receive_has_its_range(field, parameter, lowest, highest, rule):
    for value in (lowest, lowest + 1, highest - 1, highest):
        checks.receive(ReceiveMessage(**{field: value}), Settings())
    for value in (lowest - 1, highest + 1, -(2**63), 2**63 - 1):
        text = f"Value {value} for parameter {parameter} is invalid. Reason: {rule}"
        check(errors.InvalidParameterValue, text, checks.receive, ReceiveMessage(**{field: value}), Settings())


@pytest.mark.parametrize("field", [row[0] for row in RANGES])
@pytest.mark.parametrize(("value", "text"), WRONG_INTEGERS[1:])
def test_each_number_of_a_receive_is_a_whole_number(field, value, text):
    check(errors.SerializationException, text, checks.receive, ReceiveMessage(**{field: value}), Settings())


def test_a_receive_takes_what_it_does_not_say_from_the_queue():
    waits = Settings(wait_ns=7 * SECOND)
    assert checks.receive(ReceiveMessage(), waits) == (1, None, 7 * SECOND)
    assert checks.receive(ReceiveMessage(10, 0, 0), waits) == (10, 0, 0)
    assert checks.receive(ReceiveMessage(2, 3, 4), Settings()) == (2, 3 * SECOND, 4 * SECOND)


@pytest.mark.parametrize(
    ("in_batch", "rule"),
    [(False, "Must be between 0 and 43200."), (True, "VisibilityTimeout must be an integer between 0 and 43200.")],
)
def test_a_visibility_change_is_0_to_43200_seconds(in_batch, rule):
    for value in (0, 1, 43_199, 43_200):
        assert checks.change_visibility_ns(value, in_batch=in_batch) == value * SECOND
    for value in (-1, 43_201):
        text = f"Value {value} for parameter VisibilityTimeout is invalid. Reason: {rule}"
        check(errors.InvalidParameterValue, text, checks.change_visibility_ns, value, in_batch=in_batch)


def test_a_message_delay_is_0_to_900_seconds():
    for value in (0, 1, 899, 900):
        assert checked(SendMessage("x", value))[1] == value * SECOND
    for value in (-1, 901):
        text = f"Value {value} for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900."
        check(errors.InvalidParameterValue, text, checked, SendMessage("x", value))


def test_a_page_is_1_to_1000_queues():
    for value in (1, 2, 999, 1000):
        assert checks.max_results(value) == value
    for value in (0, 1001):
        text = "Value for parameter MaxResults is invalid. Reason: MaxResults must be an integer between 1 and 1000."
        check(errors.InvalidParameterValue, text, checks.max_results, value)


def test_a_receipt_handle_is_not_empty():
    assert checks.receipt_handle("x") == "x"
    check(errors.MissingParameter, "The request must contain the parameter ReceiptHandle.", checks.receipt_handle, "")


@pytest.mark.parametrize(
    ("names", "seen"),
    [
        ([], None),
        (["All"], "Hello Help.Me General"),
        ([".*"], "Hello Help.Me General"),
        (["*"], "Hello Help.Me General"),
        (["Hel.*"], "Hello Help.Me"),
        (["Help.*"], "Help.Me"),
        (["Help.Me"], "Help.Me"),
        (["hello", "GENERAL"], ""),
        (["Hello", "General"], "Hello General"),
        (["Hell"], ""),
        (["AWS.", "..foo", ""], ""),
        (["nothing", "Gen.*"], "General"),
    ],
)
def test_an_attribute_filter_takes_names_prefixes_and_all(names, seen):
    wanted = checks.attribute_filter(names)
    if seen is None:
        assert wanted is None
    else:
        assert [name for name in ("Hello", "Help.Me", "General") if wanted(name)] == seen.split()


ENTRY = "SendMessageBatchRequestEntry"


@pytest.mark.parametrize(
    ("ids", "error_class", "text"),
    [
        ([], errors.EmptyBatchRequest, f"There should be at least one {ENTRY} in the request."),
        (
            [str(n) for n in range(11)], errors.TooManyEntriesInBatchRequest,
            "Maximum number of entries per request are 10. You have sent 11.",
        ),
        (["a", ""], errors.InvalidBatchEntryId, None),
        (["a" * 81], errors.InvalidBatchEntryId, None),
        (["a b"], errors.InvalidBatchEntryId, None),
        (["a.b"], errors.InvalidBatchEntryId, None),
        (["ä"], errors.InvalidBatchEntryId, None),
        (["a\n"], errors.InvalidBatchEntryId, None),
        (["a", "b", "c", "b", "a"], errors.BatchEntryIdsNotDistinct, "Id b repeated."),
        ([1], errors.SerializationException, NUMBER_TO_TEXT),
        ([None], errors.SerializationException, "NULL_VALUE can not be converted to a String"),
    ],
)  # fmt: skip
def test_a_batch_has_1_to_10_distinct_ids(ids, error_class, text):
    check(error_class, text, checks.batch_ids, ids, ENTRY)


def test_batch_ids_at_their_limits_pass():
    checks.batch_ids(["a" * 80, "-", "_", *"0123456"], ENTRY)
    checks.batch_ids(["a", "A"], ENTRY)


@pytest.mark.parametrize("value", ["", "a" * 129, "a b", "ä", "\x7f", "a\n"])
def test_a_group_id_is_1_to_128_printable_characters(value):
    checked(SendMessage("x", message_group_id="!" + "a" * 126 + "~"))
    text = (
        f"Value {value} for parameter MessageGroupId is invalid. Reason: "
        "MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in length."
    )
    check(errors.InvalidParameterValue, text, checked, SendMessage("x", message_group_id=value))
    fifo = Settings(fifo=FifoSettings(content_based_deduplication=True))
    check(errors.InvalidParameterValue, text, checked, SendMessage("x", message_group_id=value), fifo)


# Both sides of each border of #x9 | #xA | #xD | [#x20-#xD7FF] | [#xE000-#xFFFD] | [#x10000-#x10FFFF].
ALLOWED = [0x9, 0xA, 0xD, 0x20, 0x7F, 0x85, 0xD7FF, 0xE000, 0xFFFD, 0x10000, 0x1FFFE, 0x10FFFF]
FORBIDDEN = [0x0, 0x8, 0xB, 0xC, 0xE, 0x1F, 0xD800, 0xDFFF, 0xFFFE, 0xFFFF]


@pytest.mark.parametrize("code_point", ALLOWED)
def test_a_body_may_have_each_character_of_the_set(code_point):
    checks.characters(f"a{chr(code_point)}b")


@pytest.mark.parametrize("code_point", FORBIDDEN)
def test_a_body_with_a_character_outside_the_set_is_refused_by_its_first(code_point):
    text = (
        f"Invalid binary character '#x{code_point:X}' was found in the message body, the set of allowed "
        "characters is #x9 | #xA | #xD | [#x20-#xD7FF] | [#xE000-#xFFFD] | [#x10000-#x10FFFF]."
    )
    check(errors.InvalidMessageContents, text, checks.characters, f"ok\n{chr(code_point)}\x01")


@pytest.mark.parametrize("unit", ["a", "é", "€", "😀"])
def test_a_message_may_have_exactly_the_limit_in_bytes(unit):
    width = len(unit.encode())
    body = unit * (1024 // width) + "a" * (1024 % width)
    checked(SendMessage(body), up_to(1024))
    too_long = "Reason: Message must be shorter than 1024 bytes."
    alone, in_batch = "One or more parameters are invalid. ", "One or more parameters cannot be validated. "
    check(errors.InvalidParameterValue, alone + too_long, checked, SendMessage(body + "a"), up_to(1024))
    check(errors.InvalidParameterValue, in_batch + too_long, checked, SendMessage(body + "a"), up_to(1024), 1)


@pytest.mark.parametrize(
    ("attribute", "size"),
    [
        ({"DataType": "String", "StringValue": "x" * 10}, 4 + 6 + 10),
        ({"DataType": "String.é", "StringValue": "é" * 5}, 4 + 9 + 10),
        ({"DataType": "Number", "StringValue": "123"}, 4 + 6 + 3),
        ({"DataType": "Binary", "BinaryValue": b"\x00\xff"}, 4 + 6 + 2),
    ],
)
def test_name_type_and_value_of_attributes_count_towards_the_size(attribute, size):
    request = SendMessage("a" * 100, None, {"éé": attribute})
    assert checks.message_bytes(request) == 100 + size
    checked(request, up_to(1024))
    padded = SendMessage("a" * (1024 - size), None, request.message_attributes)
    assert checked(padded, up_to(1024))[-1] == 1024
    padded.body += "a"
    check(errors.InvalidParameterValue, None, checked, padded, up_to(1024))


def test_system_attributes_do_not_count_towards_the_size():
    trace = {"AWSTraceHeader": {"DataType": "String", "StringValue": "x" * 2000}}
    assert checked(SendMessage("a" * 1024, message_system_attributes=trace), up_to(1024))[-1] == 1024


@pytest.mark.parametrize("messages", [1, 2, 10])
def test_a_batch_may_have_1048576_bytes_in_all(messages):
    bodies = ["a"] * (messages - 1) + ["a" * (1_048_576 - messages + 1)]
    size = sum(checks.message_bytes(SendMessage(body)) for body in bodies)
    checks.batch_size(size)
    text = "Batch requests cannot be longer than 1048576 bytes. You have sent 1048577 bytes."
    check(errors.BatchRequestTooLong, text, checks.batch_size, size + checks.message_bytes(SendMessage("a")))


def send(attributes, kind="user"):
    return checks.message_attributes(attributes, kind)


def string(value="x"):
    return {"DataType": "String", "StringValue": value}


@pytest.mark.parametrize("name", ["a", "A.b", "a-b_c.9", "ø", "ß", "À", "ſ", "a" * 256, "é" * 128, "AWSx", "Amazon"])
def test_attribute_names_that_pass(name):
    assert list(send({name: string()})) == [name]


RESERVED = (
    "You can't use message attribute names beginning with 'AWS.' or 'Amazon'. "
    "These strings are reserved for internal use."
)
BAD_NAME = (
    "Message (user) attributes name can only contain upper and lower score characters, "
    "digits, periods, hyphens and underscores. "
)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("", "The request must contain non-empty message (user) attribute names."),
        ("a" * 257, "Message (user) attribute name must be shorter than 256 bytes."),
        ("é" * 129, "Message (user) attribute name must be shorter than 256 bytes."),
        ("AWS.x", RESERVED),
        ("aws.x", RESERVED),
        ("Amazon.x", RESERVED),
        ("aMaZoN.x", RESERVED),
        (".a", "Message (user) attribute name must not begin with character '.'."),
        ("a.", "Message (user) attribute name must not end with character '.'."),
        ("a..b", "Message (user) attribute name must not have successive '.' characters."),
        ("a b", BAD_NAME),
        ("a/b", BAD_NAME),
        ("a\n", BAD_NAME),
        ("ƀ", BAD_NAME),
        ("¿", BAD_NAME),
    ],
)
def test_attribute_names_that_are_refused(name, text):
    check(errors.InvalidParameterValue, text, send, {name: string()})


TYPES = "You must use only the following supported type prefixes: Binary, Number, String."


@pytest.mark.parametrize(
    ("attribute", "text"),
    [
        ({}, "The message (user) attribute 'k' must contain a non-empty message attribute type."),
        (
            {"DataType": "", "StringValue": "x"},
            "The message (user) attribute 'k' must contain a non-empty message attribute type.",
        ),
        ({"DataType": "String"}, "The message (user) attribute 'k' must contain a non-empty message attribute value."),
        (string(""), "Message (user) attribute 'k' must contain a non-empty value of type 'String'."),
        (
            {"DataType": "Number", "StringValue": ""},
            "Message (user) attribute 'k' must contain a non-empty value of type 'Number'.",
        ),
        (
            {"DataType": "Binary", "BinaryValue": b""},
            "Message (user) attribute 'k' must contain a non-empty value of type 'Binary'.",
        ),
        (string() | {"BinaryValue": b"x"}, "Message (user) attribute 'k' must have a single value."),
        (
            {"DataType": "Binary", "StringValue": "x"},
            "Message (user) attribute 'k' with type 'Binary' must use field 'Binary'.",
        ),
        (
            {"DataType": "String.a", "BinaryValue": b"x"},
            "Message (user) attribute 'k' with type 'String.a' must use field 'String'.",
        ),
        (
            {"DataType": "Number", "BinaryValue": b"1"},
            "Message (user) attribute 'k' with type 'Number' must use field 'String'.",
        ),
        ({"DataType": "string", "StringValue": "x"}, f"The type of message (user) attribute 'k' is invalid. {TYPES}"),
        ({"DataType": "Stringx", "StringValue": "x"}, f"The type of message (user) attribute 'k' is invalid. {TYPES}"),
        ({"DataType": "Map", "StringValue": "x"}, f"The type of message (user) attribute 'k' is invalid. {TYPES}"),
        (
            {"DataType": "String." + "a" * 250, "StringValue": "x"},
            "Message (user) attribute type must be shorter than 256 bytes.",
        ),
        (
            string() | {"StringListValues": ["a"]},
            "Message attribute list values in SendMessage operation are not supported.",
        ),
        (
            {"DataType": "Binary", "BinaryListValues": [b"a"]},
            "Message attribute list values in SendMessage operation are not supported.",
        ),
    ],
)
def test_attributes_that_are_refused(attribute, text):
    check(errors.InvalidParameterValue, text, send, {"k": attribute})


def test_an_attribute_type_may_have_256_bytes():
    data_type = "String." + "a" * 249
    assert send({"k": {"DataType": data_type, "StringValue": "x"}})["k"].data_type == data_type


@pytest.mark.parametrize("code_point", ALLOWED)
def test_a_string_attribute_may_have_each_character_of_the_set(code_point):
    assert send({"k": string(chr(code_point))})["k"].value == chr(code_point)


@pytest.mark.parametrize("code_point", FORBIDDEN)
def test_a_string_attribute_with_a_character_outside_the_set_is_refused(code_point):
    check(errors.InvalidParameterValue, None, send, {"k": string(f"a{chr(code_point)}")})


@pytest.mark.parametrize(
    "value",
    ["0", "-0", "+5", "007", "1.50", ".5", "5.", "1e5", "1E-128", "1e126", "-1e126", "9" * 38, "0." + "9" * 38,
     "1" + "0" * 120, "0e999", "000" + "9" * 38 + "000"],
)  # fmt: skip
def test_numbers_within_38_digits_and_magnitude_pass_and_keep_their_text(value):
    assert send({"k": {"DataType": "Number.x", "StringValue": value}})["k"].value == value


@pytest.mark.parametrize(
    "value",
    ["x", " 1", "1 ", "1\n", "NaN", "Infinity", "-inf", "1_000", "0x10", "1e", "e5", ".", "+", "--1", "1,5", "٣", "9" * 39,
     "9.9e-129", "1.1e126", "1e127", "1e-129", "1e999999999", "1e9999999999"],
)  # fmt: skip
def test_what_is_no_number_or_out_of_range_is_refused(value):
    text = "Can't cast the value of message (user) attribute 'k' to a number."
    check(errors.InvalidParameterValue, text, send, {"k": {"DataType": "Number", "StringValue": value}})


def test_a_message_has_up_to_ten_attributes():
    ten = {f"k{n}": string() for n in range(10)}
    assert len(send(ten)) == 10
    text = "Number of message attributes [11] exceeds the allowed maximum [10]."
    check(errors.InvalidParameterValue, text, send, ten | {"k10": string()})


def test_a_system_attribute_is_the_trace_header_and_a_string():
    assert list(send({"AWSTraceHeader": string()}, "system")) == ["AWSTraceHeader"]
    text = "Message system attribute name 'Trace' is invalid."
    check(errors.InvalidParameterValue, text, send, {"Trace": string()}, "system")
    number = {"DataType": "Number", "StringValue": "1"}
    check(errors.InvalidParameterValue, None, send, {"AWSTraceHeader": number}, "system")
    text = "Message (system) attribute 'AWSTraceHeader' must contain a non-empty value of type 'String'."
    check(errors.InvalidParameterValue, text, send, {"AWSTraceHeader": string("")}, "system")


@pytest.mark.parametrize(("value", "text"), WRONG_TEXTS)
def test_a_body_is_text(value, text):
    check(errors.SerializationException, text, checks.message_bytes, SendMessage(value))


@pytest.mark.parametrize("field", ["message_group_id", "message_deduplication_id"])
@pytest.mark.parametrize(("value", "text"), WRONG_TEXTS[1:])
def test_group_and_deduplication_id_are_text(field, value, text):
    check(errors.SerializationException, text, checks.message_bytes, SendMessage("x", **{field: value}))


@pytest.mark.parametrize(("value", "text"), WRONG_INTEGERS[1:])
def test_a_delay_is_a_whole_number(value, text):
    check(errors.SerializationException, text, checks.message_bytes, SendMessage("x", value))


@pytest.mark.parametrize("field", ["message_attributes", "message_system_attributes"])
@pytest.mark.parametrize(
    "value",
    [
        1, "x", [], True, {"k": "x"}, {"k": None}, {1: string()}, {"k": {"DataType": 1}},
        {"k": {"DataType": "String", "StringValue": 1}}, {"k": {"DataType": "String", "StringValue": b"x"}},
        {"k": {"DataType": "Binary", "BinaryValue": "x"}}, {"k": {"DataType": "Binary", "BinaryValue": [1]}},
    ],
)  # fmt: skip
def test_attributes_are_a_map_of_structures(field, value):
    check(errors.SerializationException, None, checks.message_bytes, SendMessage("x", **{field: value}))


def test_a_message_takes_its_own_delay_or_that_of_the_queue():
    delayed = Settings(delay_ns=7)
    assert checked(SendMessage("x"), delayed)[1] == 7
    assert checked(SendMessage("x", 0), delayed)[1] == 0
    assert checked(SendMessage("x", 900), delayed)[1] == 900 * limits.SECOND_NS


@pytest.mark.parametrize(
    ("request_", "error_class"),
    [
        (SendMessage("", 901), errors.MissingParameter),
        (SendMessage("\x00", 901), errors.InvalidParameterValue),
        (SendMessage("\x00" * 2000), errors.InvalidMessageContents),
    ],
)
def test_a_message_is_checked_in_the_order_of_aws(request_, error_class):
    check(error_class, None, checked, request_, up_to(1024))
