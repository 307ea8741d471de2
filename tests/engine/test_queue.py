import pytest

from minisqs import errors, limits
from minisqs.engine.attributes import Settings
from minisqs.engine.deadlines import Agenda
from minisqs.engine.identifiers import Identifiers
from minisqs.engine.lifecycle import Event
from minisqs.engine.queue import Counts, Queue
from minisqs.engine.values import RedrivePolicy
from minisqs.limits import NEVER_NS

SECOND = 1_000_000_000
IDENTIFIERS = Identifiers(b"seed")
START = 1_000 * SECOND


def make(number=1, in_flight_limit=10, **settings):
    name = f"q{number}"
    return Queue(
        name=name, arn=f"arn:{name}", url=f"url/{name}", number=number, identifiers=IDENTIFIERS, settings=Settings(**settings),
        created_ns=START, due=Agenda(), expiries=Agenda(), in_flight_limit=in_flight_limit,
    )  # fmt: skip


def send(queue, body="x", now=START, delay_ns=0):
    place = queue.sequence + 1
    checked = (body, delay_ns, None, None, None, None, len(body))
    return queue.send(checked, producer="main", place=place, now=now)


def receive(queue, limit=10, now=START, **named):
    deliveries, _ = queue.receive(limit, now=now, **named)
    queue.check_invariants()
    return deliveries


def bodies(deliveries):
    return [delivery.message.body for delivery in deliveries]


@pytest.mark.parametrize(("offset", "expected"), [(-1, []), (0, ["x"]), (1, ["x"])])
@pytest.mark.parametrize("delay_s", [1, 900])
def test_a_delay_ends_at_its_own_nanosecond(offset, expected, delay_s):
    """sqs.md 4.1"""
    queue = make()
    send(queue, delay_ns=delay_s * SECOND)
    assert queue.next_due_ns() == START + delay_s * SECOND
    assert bodies(receive(queue, now=START + delay_s * SECOND + offset)) == expected


@pytest.mark.parametrize(("offset", "expected"), [(-1, []), (0, ["x"]), (1, ["x"])])
@pytest.mark.parametrize("timeout_s", [1, 43_200])
def test_a_visibility_timeout_ends_at_its_own_nanosecond(offset, expected, timeout_s):
    """sqs.md 4.3"""
    queue = make()
    send(queue)
    receive(queue, visibility_ns=timeout_s * SECOND)
    assert bodies(receive(queue, now=START + timeout_s * SECOND + offset)) == expected


@pytest.mark.parametrize(("offset", "left"), [(-1, 1), (0, 0), (1, 0)])
@pytest.mark.parametrize("state", ["available", "delayed", "in flight"])
def test_retention_ends_at_its_own_nanosecond_in_whatever_state(offset, left, state):
    """sqs.md 4.6"""
    queue = make(retention_ns=60 * SECOND)
    send(queue, delay_ns=900 * SECOND if state == "delayed" else 0)
    if state == "in flight":
        receive(queue, visibility_ns=43_200 * SECOND)
    assert queue.next_expiry_ns() == START + 60 * SECOND
    assert sum(queue.counts(START + 60 * SECOND + offset)) == left
    assert queue.expired == 1 - left
    queue.check_invariants()


def test_retention_comes_before_a_timeout_of_the_same_nanosecond():
    queue = make(retention_ns=60 * SECOND)
    send(queue)
    receive(queue, visibility_ns=60 * SECOND)
    assert [change.event for change in queue.settle(START + 60 * SECOND)] == [Event.EXPIRED]


@pytest.mark.parametrize(("offset", "refused"), [(-1, True), (0, False), (1, False)])
def test_a_purge_may_be_repeated_after_sixty_seconds_to_the_nanosecond(offset, refused):
    """sqs.md 14.15"""
    queue = make()
    send(queue)
    assert queue.purge(now=START) == 1
    send(queue)
    again = START + 60 * SECOND + offset
    if refused:
        with pytest.raises(errors.PurgeQueueInProgress):
            queue.purge(now=again)
        assert queue.counts(again) == Counts(1, 0, 0)
    else:
        assert queue.purge(now=again) == 1
    queue.check_invariants()


@pytest.mark.parametrize(("offset", "refused"), [(-1, False), (0, False), (1, True)])
def test_a_message_is_hidden_for_twelve_hours_in_all_to_the_nanosecond(offset, refused):
    """sqs.md 5.10"""
    queue = make()
    send(queue)
    [delivery] = receive(queue, visibility_ns=43_200 * SECOND)
    now = START + 100 * SECOND + offset
    if refused:
        with pytest.raises(errors.InvalidParameterValue):
            queue.change_visibility(delivery, 43_100 * SECOND, now=now)
        assert delivery.message.deadline_ns == START + 43_200 * SECOND
    else:
        queue.change_visibility(delivery, 43_100 * SECOND, now=now)
        assert delivery.message.deadline_ns == now + 43_100 * SECOND
    queue.check_invariants()


def test_what_fell_due_is_told_in_order_of_time():
    queue = make(retention_ns=60 * SECOND)
    send(queue, "late", delay_ns=50 * SECOND)
    send(queue, "early", delay_ns=10 * SECOND)
    send(queue, "in flight", now=START + 1)
    receive(queue, 1, now=START + 1, visibility_ns=20 * SECOND)
    changes = [
        (change.at_ns - START, change.event, change.message.body) for change in queue.settle(START + 70 * SECOND)
    ]
    assert changes == [
        (10 * SECOND, Event.DELAY_ENDED, "early"),
        (20 * SECOND + 1, Event.VISIBILITY_TIMEOUT_ENDED, "in flight"),
        (50 * SECOND, Event.DELAY_ENDED, "late"),
        (60 * SECOND, Event.EXPIRED, "late"),
        (60 * SECOND, Event.EXPIRED, "early"),
        (60 * SECOND + 1, Event.EXPIRED, "in flight"),
    ]
    assert queue.next_due_ns() == NEVER_NS


def test_a_receive_hands_out_up_to_its_limit_oldest_first():
    queue = make()
    for body in "abc":
        send(queue, body)
    assert bodies(receive(queue, 2)) == ["a", "b"]
    assert bodies(receive(queue, 2)) == ["c"]
    assert queue.counts(START) == Counts(0, 3, 0)


def test_a_timeout_of_zero_counts_and_shows_the_message_at_once():
    """sqs.md 4.2, 6.6"""
    queue = make()
    send(queue)
    assert [len(receive(queue, visibility_ns=0)) for _ in range(3)] == [1, 1, 1]
    assert queue.look(START)[0].receive_count == 3
    assert queue.counts(START) == Counts(1, 0, 0)


def dead_letters(maximum):
    target = make(2)
    source = make(1, redrive_policy=RedrivePolicy(target.arn, maximum, "{}"))
    return source, target


@pytest.mark.parametrize("maximum", [1, 2, 1000])
def test_a_message_moves_at_the_attempt_after_its_last_receive(maximum):
    """sqs.md 4.5"""
    source, target = dead_letters(maximum)
    send(source)
    for _ in range(maximum):
        assert len(source.receive(1, 0, dead_letter_queue=target, now=START)[0]) == 1
    assert source.counts(START) == Counts(1, 0, 0)
    deliveries, moves = source.receive(1, 0, dead_letter_queue=target, now=START)
    assert (deliveries, [move.event for move in moves]) == ([], [Event.MOVED])
    assert (source.moved, source.counts(START), target.counts(START)) == (1, Counts(0, 0, 0), Counts(1, 0, 0))
    [delivery] = receive(target)
    assert delivery.receive_count == maximum + 1
    source.check_invariants()


def test_without_a_dead_letter_queue_the_message_goes_on_being_delivered():
    """sqs.md 9.6"""
    source, _ = dead_letters(1)
    send(source)
    for count in (1, 2, 3):
        assert receive(source, visibility_ns=0)[0].receive_count == count


@pytest.mark.parametrize(("free", "asked", "got"), [(3, 2, 2), (2, 2, 2), (1, 2, 1)])
def test_what_fits_under_the_in_flight_limit_is_delivered(free, asked, got):
    """sqs.md 6.7"""
    queue = make(in_flight_limit=4)
    for _ in range(8):
        send(queue)
    receive(queue, 4 - free)
    assert len(receive(queue, asked, short_poll=True)) == got


def test_at_the_in_flight_limit_a_short_poll_is_refused_and_a_long_poll_empty():
    """sqs.md 6.7"""
    queue = make(in_flight_limit=1)
    send(queue)
    send(queue)
    [delivery] = receive(queue)
    with pytest.raises(errors.OverLimit):
        queue.receive(1, short_poll=True, now=START)
    assert receive(queue) == []
    queue.delete(delivery, now=START)
    assert len(receive(queue, short_poll=True)) == 1


def test_a_delete_with_any_of_its_handles_ends_the_message_once():
    """sqs.md 5.3, 5.4"""
    queue = make()
    send(queue)
    [first] = receive(queue, visibility_ns=0)
    [second] = receive(queue)
    assert queue.delete(first, now=START)
    assert not queue.delete(second, now=START)
    assert not queue.delete(first, now=START)
    assert (queue.deleted, queue.counts(START)) == (1, Counts(0, 0, 0))
    queue.check_invariants()


def test_a_handle_stands_for_its_delivery():
    queue = make()
    send(queue)
    [delivery] = receive(queue)
    again = queue.delivery(queue.receipt_handle(delivery))
    assert (again.message, again.receive_count, again.received_ns) == (delivery.message, 1, START)


def test_a_handle_of_a_deleted_message_stands_for_one_that_is_gone():
    """sqs.md 5.11"""
    queue = make()
    send(queue)
    [delivery] = receive(queue)
    handle = queue.receipt_handle(delivery)
    queue.delete(delivery, now=START)
    assert not queue.delete(queue.delivery(handle), now=START)


def test_handles_of_another_queue_and_of_none_are_told_apart():
    """sqs.md 5.1, 5.2"""
    queue, other = make(1), make(2)
    send(queue)
    handle = queue.receipt_handle(receive(queue)[0])
    with pytest.raises(errors.ReceiptHandleIsInvalid, match="is not valid for this queue"):
        other.delivery(handle)
    with pytest.raises(errors.ReceiptHandleIsInvalid, match="is not a valid receipt handle"):
        queue.delivery(handle[:-1])


def test_a_shorter_retention_ends_what_is_too_old_and_a_longer_one_keeps_it():
    """sqs.md 3.11"""
    queue = make(retention_ns=60 * SECOND)
    send(queue)
    queue.change_settings(Settings(retention_ns=100 * SECOND), now=START + 59 * SECOND)
    assert sum(queue.counts(START + 99 * SECOND)) == 1
    queue.change_settings(Settings(retention_ns=60 * SECOND), now=START + 99 * SECOND)
    assert sum(queue.counts(START + 99 * SECOND)) == 0


def test_many_deletes_long_before_the_timeout_leave_nothing_behind():
    queue = make(in_flight_limit=limits.IN_FLIGHT)
    for _ in range(2000):
        send(queue)
        [delivery] = queue.receive(1, now=START)[0]
        queue.delete(delivery, now=START)
    queue.check_invariants()
    assert sum(map(len, queue._deadlines._buckets.values())) < 1000
    assert queue.deleted == 2000


def test_a_message_hidden_again_until_the_same_nanosecond_comes_back_once():
    queue = make()
    send(queue)
    [delivery] = receive(queue)
    for _ in range(3):
        queue.change_visibility(delivery, 30 * SECOND, now=START)
    assert len(queue.settle(START + 30 * SECOND)) == 1
    assert queue.counts(START + 30 * SECOND) == Counts(1, 0, 0)
    queue.check_invariants()


def test_messages_that_expire_in_flight_leave_nothing_behind():
    queue = make(in_flight_limit=limits.IN_FLIGHT, retention_ns=60 * SECOND)
    for _ in range(600):
        send(queue, "old")
    while receive(queue, visibility_ns=1_000 * SECOND):
        pass
    send(queue, "young", now=START + 30 * SECOND)
    receive(queue, now=START + 30 * SECOND, visibility_ns=50 * SECOND)
    queue.settle(START + 60 * SECOND)
    queue.check_invariants()
    assert queue.expired == 600


def test_messages_shown_again_by_hand_leave_nothing_behind():
    queue = make()
    send(queue)
    for _ in range(2000):
        [delivery] = queue.receive(1, 43_200 * SECOND, now=START)[0]
        queue.change_visibility(delivery, 0, now=START)
    assert sum(map(len, queue._deadlines._buckets.values())) < 1000
    queue.check_invariants()
