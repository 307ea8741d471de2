"""sqs.md 5, 14.3, 14.6: what a receipt handle is good for, and for how long."""

import pytest

from minisqs import RedrivePolicy, World, errors

SECOND = 1_000_000_000
GONE = "Value {} for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change."
TOTAL = "Value {} for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the message is beyond the limit [43200 seconds]"


def calls(queue, handle):
    return [lambda: queue.delete(handle), lambda: queue.change_visibility(handle, 1)]


@pytest.mark.parametrize("handle", ["x", "a b", "é", "AQEB" * 30, "A" * 1024, "\x00", "\ud800", "\n"])
def test_a_handle_that_was_never_given_out_is_refused(queue, refused, handle):
    """sqs.md 5.1"""
    queue.send("a")
    for call in calls(queue, handle):
        with refused(
            errors.ReceiptHandleIsInvalid, f'The input receipt handle "{handle}" is not a valid receipt handle.'
        ):
            call()


def test_a_handle_of_another_world_is_refused(queue, refused):
    """sqs.md 5.1"""
    stranger = World(seed=2).create_queue("orders")
    stranger.send("a")
    handle = stranger.receive()[0].receipt_handle
    for call in calls(queue, handle):
        with refused(
            errors.ReceiptHandleIsInvalid, f'The input receipt handle "{handle}" is not a valid receipt handle.'
        ):
            call()


@pytest.mark.parametrize(
    "changed", [lambda h: h[:-1], lambda h: h + "A", lambda h: h[1:], lambda h: h.swapcase(), lambda h: f" {h}"]
)
def test_a_handle_that_was_changed_is_refused(queue, refused, changed):
    """sqs.md 5.1"""
    queue.send("a")
    handle = changed(queue.receive()[0].receipt_handle)
    for call in calls(queue, handle):
        with refused(
            errors.ReceiptHandleIsInvalid, f'The input receipt handle "{handle}" is not a valid receipt handle.'
        ):
            call()


def test_the_form_of_a_handle_is_checked_before_all_else_about_the_message(queue, refused):
    """sqs.md 5.1, 14.3"""
    with refused(errors.ReceiptHandleIsInvalid, None):
        queue.change_visibility("x", 43_201)


def test_a_handle_of_another_queue_is_refused(world, queue, refused):
    """sqs.md 5.2"""
    other = world.create_queue("other")
    other.send("a")
    [message] = other.receive()
    handle = message.receipt_handle
    for form in (handle, message):
        for call in calls(queue, form):
            with refused(errors.ReceiptHandleIsInvalid, f'The receipt handle "{handle}" is not valid for this queue.'):
                call()


@pytest.mark.parametrize("handle", ["", None, 1, True, [], {}, b"x"])
def test_a_handle_is_a_text_that_is_not_empty(queue, refused, handle):
    """sqs.md 14.6; 1, SerializationException"""
    if handle == "":
        error = (errors.MissingParameter, "The request must contain the parameter ReceiptHandle.")
    else:
        error = (errors.SerializationException, None)
    for call in calls(queue, handle):
        with refused(*error):
            call()


def test_an_unknown_queue_wins_over_a_bad_handle(world, refused):
    """sqs.md 14.6, 14.3"""
    for handle in ("x", ""):
        with refused(errors.QueueDoesNotExist, "The specified queue does not exist."):
            world.sqs.delete_message("nothing", handle)
        with refused(errors.QueueDoesNotExist, "The specified queue does not exist."):
            world.sqs.change_message_visibility("nothing", handle, 99_999)


# ------------------------------------------------------------------------------------------------- deleting
@pytest.mark.parametrize("which", ["newest", "older", "timed out", "older while in flight"])
def test_a_message_is_deleted_by_any_of_its_handles(world, queue, which):
    """sqs.md 5.3, 14.6"""
    queue.send("a")
    [first] = queue.receive(visibility_timeout=5)
    handle = first.receipt_handle
    if which in ("older", "newest", "older while in flight"):
        world.advance(5)
        [second] = queue.receive()
        handle = second.receipt_handle if which == "newest" else handle
    if which in ("older", "timed out"):
        world.advance(30)
        assert queue.counts == (1, 0, 0)
    queue.delete(handle)
    assert queue.counts == (0, 0, 0)
    world.advance(100)
    assert queue.receive() == []


def test_deleting_again_succeeds_with_any_handle(world, queue):
    """sqs.md 5.4"""
    queue.send("a")
    [first], [second] = queue.receive(visibility_timeout=0), queue.receive()
    handles = [first.receipt_handle, second.receipt_handle]
    second.delete()
    for _ in range(2):
        for handle in handles:
            queue.delete(handle)
    world.advance(345_600)
    queue.delete(handles[0])
    assert queue.counts == (0, 0, 0)


# --------------------------------------------------------------------------------------- changing visibility
def test_an_old_handle_changes_the_visibility_of_a_message_in_flight(world, queue):
    """sqs.md 5.6"""
    queue.send("a")
    [old] = queue.receive(visibility_timeout=1)
    world.advance(1)
    queue.receive()
    old.change_visibility(0)
    assert queue.counts == (1, 0, 0)


def test_a_message_that_is_available_again_is_hidden(world, queue):
    """sqs.md 5.6"""
    queue.send("a")
    [message] = queue.receive(visibility_timeout=1)
    world.advance(1)
    message.change_visibility(10)
    assert queue.counts == (0, 1, 0)
    world.advance(9)
    assert queue.receive() == []
    world.advance(1)
    [again] = queue.receive()
    assert again.receive_count == 2


def test_an_available_message_shown_at_once_stays_available(world, queue):
    """sqs.md 5.6"""
    queue.send("a")
    [message] = queue.receive(visibility_timeout=0)
    message.change_visibility(0)
    assert len(queue.receive(10)) == 1


@pytest.mark.parametrize("end", ["deleted", "purged", "expired", "moved"])
def test_a_message_that_is_gone_is_not_hidden(world, refused, end):
    """sqs.md 5.8, 9.8"""
    bad = world.create_queue("bad")
    queue = world.create_queue("q", message_retention_period=60, redrive_policy=RedrivePolicy(bad, 1))
    queue.send("a")
    [message] = queue.receive(visibility_timeout=1)
    if end == "deleted":
        message.delete()
    elif end == "purged":
        queue.purge()
    elif end == "expired":
        world.advance(60)
    else:
        world.advance(1)
        assert queue.receive() == []
    handle = message.receipt_handle
    for form in (message, handle):
        for seconds in (0, 1, 43_200):
            with refused(errors.InvalidParameterValue, GONE.format(handle)):
                queue.change_visibility(form, seconds)
    queue.delete(handle)


def test_a_timeout_is_0_to_43200_seconds(queue, refused):
    """sqs.md 5.9"""
    queue.send("a")
    [message] = queue.receive()
    for seconds in (0, 1, 43_199, 43_200):
        message.change_visibility(seconds)
    for seconds in (-1, 43_201, -(2**31), 2**31):
        text = f"Value {seconds} for parameter VisibilityTimeout is invalid. Reason: Must be between 0 and 43200."
        with refused(errors.InvalidParameterValue, text):
            message.change_visibility(seconds)


@pytest.mark.parametrize("seconds", [None, "1", 1.0, True, [], {}, b"1"])
def test_a_timeout_is_a_whole_number(queue, refused, seconds):
    """sqs.md 1, SerializationException"""
    queue.send("a")
    [message] = queue.receive()
    with refused(errors.SerializationException, None):
        message.change_visibility(seconds)


@pytest.mark.parametrize(("offset_ns", "allowed"), [(-1, True), (0, True), (1, False)])
@pytest.mark.parametrize(("after", "seconds"), [(0, 43_200), (5, 43_195), (43_199, 1), (43_200, 0)])
def test_twelve_hours_in_all_are_counted_from_the_receive(queue, pass_ns, refused, after, seconds, offset_ns, allowed):
    """sqs.md 5.10"""
    queue.send("a")
    [message] = queue.receive(visibility_timeout=43_200)
    if after * SECOND + offset_ns < 0:
        return
    pass_ns(after * SECOND + offset_ns)
    if allowed:
        message.change_visibility(seconds)
        assert queue.counts == ((0, 1, 0) if seconds else (1, 0, 0))
    else:
        with refused(errors.InvalidParameterValue, TOTAL.format(seconds)):
            message.change_visibility(seconds)


def test_extending_does_not_start_the_twelve_hours_anew_but_a_receive_does(world, queue, refused):
    """sqs.md 5.10"""
    queue.send("a")
    [message] = queue.receive()
    for _ in range(4):
        message.change_visibility(9_000)
        world.advance(8_999)
    with refused(errors.InvalidParameterValue, TOTAL.format(9_000)):
        message.change_visibility(9_000)
    message.change_visibility(0)
    [again] = queue.receive()
    again.change_visibility(43_200)
    with refused(errors.InvalidParameterValue, TOTAL.format(9_000)):
        message.change_visibility(9_000)


def test_a_handle_is_good_for_as_long_as_the_message_is_there(world, queue):
    """sqs.md 5.11"""
    queue.send("a")
    [message] = queue.receive()
    world.advance(345_599)
    queue.delete(message.receipt_handle)
    assert queue.counts == (0, 0, 0)
