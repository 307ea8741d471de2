"""sqs.md 12: what is refused whole, and what fails by itself."""

import pytest

from minisqs import SendMessage, errors

BAD_ID = "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long."
ACTIONS = ["SendMessageBatch", "DeleteMessageBatch", "ChangeMessageVisibilityBatch"]


@pytest.fixture
def call(world, queue):
    """Calls a batch action with entries of just these Ids; each of them would succeed."""
    queue.send("a")
    handle = queue.receive()[0].receipt_handle
    port = world.sqs

    def batch(action, ids):
        if action == "SendMessageBatch":
            return port.send_message_batch("orders", [(one, SendMessage("a")) for one in ids])
        if action == "DeleteMessageBatch":
            return port.delete_message_batch("orders", [(one, handle) for one in ids])
        return port.change_message_visibility_batch("orders", [(one, handle, 1) for one in ids])

    return batch


def failures(result):
    return [(failure.index, failure.error.code, failure.error.message) for failure in result.failed]


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize(
    "ids", [["a"], ["a", "A", "-", "_", "0"], ["a" * 80], ["a" * 79], list("abcdefghi"), list("abcdefghij")]
)
def test_a_batch_has_1_to_10_entries_with_ids_of_1_to_80_characters(call, action, ids):
    """sqs.md 12.1, 12.9"""
    answer = call(action, ids)
    assert ([one for one, _ in answer.successful], answer.failed) == (ids, [])


@pytest.mark.parametrize("action", ACTIONS)
def test_an_empty_batch_is_refused(call, refused, action):
    """sqs.md 12.2"""
    with refused(errors.EmptyBatchRequest, f"There should be at least one {action}RequestEntry in the request."):
        call(action, [])


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("count", [11, 12, 100])
def test_a_batch_of_more_than_ten_is_refused(call, refused, action, count):
    """sqs.md 12.2"""
    text = f"Maximum number of entries per request are 10. You have sent {count}."
    with refused(errors.TooManyEntriesInBatchRequest, text):
        call(action, [str(number) for number in range(count)])


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("bad", ["", "a" * 81, "a b", "a.b", "é", "a\n", "a:b"])
def test_a_malformed_id_is_refused(call, refused, action, bad):
    """sqs.md 12.1, 12.2"""
    with refused(errors.InvalidBatchEntryId, BAD_ID):
        call(action, ["fine", bad])


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize(
    ("ids", "first"), [(["a", "a"], "a"), (["a", "b", "b", "a"], "b"), (["a", "b", "c", "a", "b"], "a")]
)
def test_a_repeated_id_is_refused_by_the_first_that_is(call, refused, action, ids, first):
    """sqs.md 12.1, 12.2"""
    with refused(errors.BatchEntryIdsNotDistinct, f"Id {first} repeated."):
        call(action, ids)


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("bad", [None, 1, True, 1.5, [], {}, b"a"])
def test_an_id_is_text(call, refused, action, bad):
    """sqs.md 1, SerializationException"""
    with refused(errors.SerializationException, None):
        call(action, ["fine", bad])


def test_an_unknown_queue_wins_over_a_bad_batch(world, refused):
    """sqs.md 12.2"""
    port = world.sqs
    for send in (port.send_message_batch, port.delete_message_batch, port.change_message_visibility_batch):
        with refused(errors.QueueDoesNotExist, "The specified queue does not exist."):
            send("nothing", [])


@pytest.mark.parametrize(
    ("ids", "error_class"),
    [([""] * 11, errors.TooManyEntriesInBatchRequest), (["", "a", "a"], errors.InvalidBatchEntryId)],
)
def test_count_then_form_then_repetition(call, refused, ids, error_class):
    """sqs.md 12.2"""
    with refused(error_class, None):
        call("SendMessageBatch", ids)


# -------------------------------------------------------------------------------------------------- sending
@pytest.mark.parametrize("unit", ["a", "é"])
def test_a_batch_may_have_1048576_bytes_in_all(queue, refused, unit):
    """sqs.md 12.3"""
    half = unit * (524_288 // len(unit.encode()))
    assert len(queue.send_batch([half, half]).successful) == 2
    text = "Batch requests cannot be longer than 1048576 bytes. You have sent 1048577 bytes."
    with refused(errors.BatchRequestTooLong, text):
        queue.send_batch([half, half, "a"])


def test_attributes_count_towards_a_batch(queue, refused):
    """sqs.md 12.3"""
    attributes = {"k": {"DataType": "String", "StringValue": "v"}}
    queue.send_batch([SendMessage("a" * 1_048_568, message_attributes=attributes)])
    with refused(errors.BatchRequestTooLong, None):
        queue.send_batch([SendMessage("a" * 1_048_568, message_attributes=attributes), "a"])


def test_a_batch_may_be_longer_than_one_message_of_the_queue(world):
    """sqs.md 12.3"""
    queue = world.create_queue("q", maximum_message_size=1024)
    assert len(queue.send_batch(["a" * 1024] * 10).successful) == 10


def test_a_batch_too_long_in_all_is_refused_whatever_the_maximum_of_the_queue(world, refused):
    """sqs.md 12.3"""
    queue = world.create_queue("q", maximum_message_size=1024)
    with refused(errors.BatchRequestTooLong, None):
        queue.send_batch(["a" * 600_000] * 2)


def test_a_message_too_long_for_the_queue_fails_alone(world):
    """sqs.md 12.4"""
    queue = world.create_queue("q", maximum_message_size=1024)
    result = queue.send_batch(["a" * 1024, "a" * 1025, "b"])
    text = "One or more parameters cannot be validated. Reason: Message must be shorter than 1024 bytes."
    assert failures(result) == [(1, "InvalidParameterValue", text)]
    assert [view.body[0] for view in queue.messages()] == ["a", "b"]
    assert len(result.successful) == 2


def test_each_message_fails_by_itself(queue):
    """sqs.md 12.5, 1.3"""
    number = {"k": {"DataType": "Number", "StringValue": "x"}}
    result = queue.send_batch(
        ["a", "\x00", SendMessage("a", message_attributes=number), SendMessage("a", delay_seconds=901), "", "b"]
    )
    characters = "#x9 | #xA | #xD | [#x20-#xD7FF] | [#xE000-#xFFFD] | [#x10000-#x10FFFF]"
    assert failures(result) == [
        (1, "InvalidMessageContents", f"Invalid binary character '#x0' was found in the message body, the set of allowed characters is {characters}."),
        (2, "InvalidParameterValue", "Can't cast the value of message (user) attribute 'k' to a number."),
        (3, "InvalidParameterValue", "Value 901 for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900."),
        (4, "MissingParameter", "The request must contain the parameter SendMessageBatchRequestEntry.5.MessageBody."),
    ]  # fmt: skip
    assert [view.body for view in queue.messages()] == ["a", "b"]


@pytest.mark.parametrize("bad", [None, 1, b"a", ["a"]])
def test_a_body_of_another_type_refuses_the_whole_batch(queue, refused, bad):
    """sqs.md 1, SerializationException"""
    with refused(errors.SerializationException, None):
        queue.send_batch(["a", bad])


def test_each_message_has_its_own_delay_attributes_and_answer(world, queue):
    """sqs.md 12.9"""
    attributes = {"k": {"DataType": "String", "StringValue": "x"}}
    result = queue.send_batch(["hello", SendMessage("later", 5, attributes, message_group_id="g")])
    assert [sent.md5_of_message_attributes for sent in result.successful] == [None, "a45daa70926828a2f0a1db3418e6feb4"]
    assert queue.counts == (1, 0, 1)
    world.advance(5)
    received = queue.receive(10)
    assert [message.message_id for message in received] == [sent.message_id for sent in result.successful]
    assert received[1].attributes["MessageGroupId"] == "g"


# --------------------------------------------------------------------------------------- deleting and hiding
def test_a_bad_handle_fails_its_entry(world, queue):
    """sqs.md 12.6"""
    other = world.create_queue("other")
    for one in (queue, other):
        one.send("a")
    [message], [stranger] = queue.receive(), other.receive()
    handle = stranger.receipt_handle
    malformed = 'The input receipt handle "x" is not a valid receipt handle.'
    elsewhere = f'The receipt handle "{handle}" is not valid for this queue.'
    expected = [
        (0, "ReceiptHandleIsInvalid", malformed),
        (2, "ReceiptHandleIsInvalid", elsewhere),
        (3, "MissingParameter", "The request must contain the parameter ReceiptHandle."),
    ]
    entries = ["x", message, stranger, ""]
    assert failures(queue.change_visibility_batch(entries, 0)) == expected
    assert queue.counts == (1, 0, 0)
    assert failures(queue.delete_batch(entries)) == expected
    assert (queue.counts, other.counts) == ((0, 0, 0), (0, 1, 0))


def test_the_same_handle_twice_succeeds_twice(queue):
    """sqs.md 12.6"""
    queue.send("a")
    [message] = queue.receive()
    assert len(queue.change_visibility_batch([message, message.receipt_handle], 5).successful) == 2
    assert len(queue.delete_batch([message, message.receipt_handle]).successful) == 2
    assert queue.counts == (0, 0, 0)


@pytest.mark.parametrize("bad", [None, 1, True, [], b"x"])
def test_a_handle_of_another_type_refuses_the_whole_batch(queue, refused, bad):
    """sqs.md 1, SerializationException"""
    queue.send("a")
    [message] = queue.receive()
    with refused(errors.SerializationException, None):
        queue.delete_batch([message, bad])
    with refused(errors.SerializationException, None):
        queue.change_visibility_batch([message, bad], 1)


@pytest.mark.parametrize(
    ("seconds", "fails"), [(-1, True), (0, False), (1, False), (43_199, False), (43_200, False), (43_201, True)]
)
def test_a_timeout_of_an_entry_is_0_to_43200_seconds(queue, seconds, fails):
    """sqs.md 12.6, 5.9"""
    queue.send("a")
    result = queue.change_visibility_batch(queue.receive(), seconds)
    rule = "VisibilityTimeout must be an integer between 0 and 43200."
    text = f"Value {seconds} for parameter VisibilityTimeout is invalid. Reason: {rule}"
    assert failures(result) == ([(0, "InvalidParameterValue", text)] if fails else [])


def test_an_entry_without_a_timeout_fails(world, queue):
    """sqs.md 12.7"""
    queue.send_batch(["a", "b"])
    [a, b] = (message.receipt_handle for message in queue.receive(2))
    answer = world.sqs.change_message_visibility_batch("orders", [("a", a, None), ("b", b, 0)])
    assert [one for one, _ in answer.successful] == ["b"]
    [(entry_id, error)] = answer.failed
    assert (entry_id, error.code, error.message) == (
        "a", "MissingParameter", "The request must contain the parameter VisibilityTimeout.",
    )  # fmt: skip


@pytest.mark.parametrize("seconds", ["1", 1.0, True, [], b"1"])
def test_a_timeout_of_another_type_refuses_the_whole_batch(queue, refused, seconds):
    """sqs.md 1, SerializationException"""
    queue.send("a")
    messages = queue.receive()
    with refused(errors.SerializationException, None):
        queue.change_visibility_batch(messages, seconds)


def test_what_is_gone_or_over_twelve_hours_fails_its_entry(world, queue):
    """sqs.md 12.6, 5.8, 5.10"""
    queue.send_batch(["a", "b", "c"])
    [a, b, c] = queue.receive(3, visibility_timeout=43_200)
    a.delete()
    world.advance(1)
    result = queue.change_visibility_batch([a, b], 43_200)
    assert [index for index, _, _ in failures(result)] == [0, 1]
    assert "Message does not exist or is not available" in result.failed[0].error.message
    assert "beyond the limit [43200 seconds]" in result.failed[1].error.message
    assert queue.change_visibility_batch([c], 43_199).failed == []
