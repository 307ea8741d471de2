import pytest

from minisqs import errors
from minisqs.engine.service import Service
from minisqs.engine.values import ReceiveMessage, SendMessage
from minisqs.limits import NEVER_NS

SECOND = 1_000_000_000
START = 1_000 * SECOND
ACCOUNT = "123456789012"


@pytest.fixture
def service():
    return Service(region="eu-west-1", account_id=ACCOUNT, seed=b"seed")


def send(service, url, body="x", now=START, producer="main", **named):
    return service.send_message(url, SendMessage(body, **named), producer=producer, now=now)


def receive(service, url, now=START, **named):
    return service.receive_message(url, ReceiveMessage(**named), now=now)[0]


def test_a_queue_has_the_url_and_arn_of_its_account_and_region(service):
    """sqs.md 2.4"""
    queue = service.create_queue("orders", now=START)
    assert queue.url == f"https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/orders"
    assert queue.arn == f"arn:aws:sqs:eu-west-1:{ACCOUNT}:orders"


@pytest.mark.parametrize(
    "url",
    ["orders", f"https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/orders", f"https://eu-west-1.queue.amazonaws.com/{ACCOUNT}/orders",
     f"http://localhost:4566/{ACCOUNT}/orders", f"https://sqs.us-east-1.amazonaws.com/{ACCOUNT}/orders"],
)  # fmt: skip
def test_a_queue_is_found_by_name_and_account_whatever_the_host(service, url):
    """sqs.md 2.5"""
    queue = service.create_queue("orders", now=START)
    assert service.queue(url) is queue


@pytest.mark.parametrize(
    "url",
    ["", "/", "Orders", "orders ", "https://sqs.eu-west-1.amazonaws.com/210987654321/orders", f"https://x/{ACCOUNT}/other",
     f"https://x/{ACCOUNT}/orders/", f"https://x/{ACCOUNT}/more/orders", "arn:aws:sqs:eu-west-1:123456789012:orders"],
)  # fmt: skip
def test_a_url_that_names_no_queue_of_the_account_is_refused(service, url):
    service.create_queue("orders", now=START)
    with pytest.raises(errors.QueueDoesNotExist):
        service.queue(url)


@pytest.mark.parametrize("url", [None, 1, b"orders", ["orders"], {}])
def test_a_url_is_text(service, url):
    with pytest.raises((errors.SerializationException, TypeError)):
        service.queue(url)


def test_places_are_counted_by_producer_over_all_queues(service):
    one, other = service.create_queue("one", now=START), service.create_queue("other", now=START)
    sent = [send(service, queue.url, producer=producer) for queue, producer in ((one, "a"), (one, "b"), (other, "a"))]
    assert [message.address for message in sent] == ["a/1", "b/1", "a/2"]


def test_a_refused_send_takes_no_place(service):
    queue = service.create_queue("orders", now=START)
    with pytest.raises(errors.MissingParameter):
        send(service, queue.url, "")
    assert send(service, queue.url).place == 1


@pytest.mark.parametrize(("offset", "refused"), [(-1, True), (0, False), (1, False)])
def test_the_name_of_a_deleted_queue_is_barred_for_sixty_seconds_to_the_nanosecond(service, offset, refused):
    """sqs.md 14.5, 14.8"""
    old = service.create_queue("orders", now=START)
    service.delete_queue("orders", now=START)
    again = START + 60 * SECOND + offset
    if refused:
        with pytest.raises(errors.QueueDeletedRecently):
            service.create_queue("orders", now=again)
        assert service.queues() == []
    else:
        assert service.create_queue("orders", now=again).number == old.number + 1


def test_what_falls_due_in_all_queues_is_told_in_order_of_time(service):
    for name, delay in (("a", 30), ("b", 10), ("c", 20)):
        service.create_queue(name, now=START)
        send(service, name, delay_seconds=delay)
    assert service.next_due_ns() == START + 10 * SECOND
    settled = service.settle(START + 30 * SECOND)
    assert [(queue.name, change.at_ns) for queue, change in settled] == [
        ("b", START + 10 * SECOND), ("c", START + 20 * SECOND), ("a", START + 30 * SECOND),
    ]  # fmt: skip
    assert service.next_due_ns() == NEVER_NS
    assert service.next_expiry_ns() == START + 345_600 * SECOND


def test_nothing_falls_due_in_a_deleted_queue(service):
    service.create_queue("orders", now=START)
    send(service, "orders", delay_seconds=10)
    service.delete_queue("orders", now=START)
    assert (service.next_due_ns(), service.next_expiry_ns()) == (NEVER_NS, NEVER_NS)
    assert service.settle(START + 345_600 * SECOND) == []


@pytest.mark.parametrize(
    ("queue_wait", "given", "waits"), [("0", None, 0), ("7", None, 7), ("7", 0, 0), ("0", 20, 20), ("20", 1, 1)]
)
def test_a_poll_waits_as_it_says_or_as_the_queue_says(service, queue_wait, given, waits):
    """sqs.md 6.1"""
    service.create_queue("orders", {"ReceiveMessageWaitTimeSeconds": queue_wait}, now=START)
    assert service.wait_ns("orders", ReceiveMessage(wait_time_seconds=given)) == waits * SECOND


def test_prefixes_find_names_in_order(service):
    for name in ("b", "a2", "a", "A", "a-1", "a_"):
        service.create_queue(name, now=START)
    assert [queue.name for queue in service.queues()] == ["A", "a", "a-1", "a2", "a_", "b"]
    assert [queue.name for queue in service.queues("a")] == ["a", "a-1", "a2", "a_"]
    assert service.queues("c") == []
    listed, token = service.list_queues("a")
    assert ([queue.name for queue in listed], token) == (["a", "a-1", "a2", "a_"], None)
    assert service.list_queues("c") == ([], None)


@pytest.mark.parametrize("prefix", [0, b"", False])
def test_a_prefix_is_a_text(service, prefix):
    with pytest.raises(errors.SqsError, match="MalformedInput"):
        service.queues(prefix)


@pytest.mark.parametrize("names", [None, "All", [1], {"All": 1}, 1])
def test_attribute_names_are_a_list_of_texts(service, names):
    service.create_queue("orders", now=START)
    with pytest.raises(errors.SerializationException):
        service.get_queue_attributes("orders", names, now=START)


def test_an_unknown_queue_is_told_before_a_bad_parameter(service):
    """sqs.md 14.3, 14.6"""
    calls = [
        lambda: service.send_message("no", SendMessage(""), producer="main", now=START),
        lambda: service.send_message_batch("no", [], producer="main", now=START),
        lambda: service.receive_message("no", ReceiveMessage(11), now=START),
        lambda: service.delete_message("no", "x", now=START),
        lambda: service.delete_message("no", "", now=START),
        lambda: service.delete_message_batch("no", [], now=START),
        lambda: service.change_message_visibility("no", "x", -1, now=START),
        lambda: service.change_message_visibility_batch("no", [], now=START),
        lambda: service.set_queue_attributes("no", {"x": "y"}, now=START),
        lambda: service.get_queue_attributes("no", ["x"], now=START),
        lambda: service.purge_queue("no", now=START),
        lambda: service.delete_queue("no", now=START),
        lambda: service.get_queue_url("no"),
    ]
    for call in calls:
        with pytest.raises(errors.QueueDoesNotExist):
            call()


def test_a_queue_of_another_owner_does_not_exist(service):
    """sqs.md 14.10"""
    queue = service.create_queue("orders", now=START)
    assert service.get_queue_url("orders", ACCOUNT) == queue.url
    with pytest.raises(errors.QueueDoesNotExist):
        service.get_queue_url("orders", "210987654321")


def test_a_receive_shows_the_moves_that_it_made(service):
    bad = service.create_queue("bad", now=START)
    policy = f'{{"deadLetterTargetArn":"{bad.arn}","maxReceiveCount":1}}'
    service.create_queue("orders", {"RedrivePolicy": policy}, now=START)
    send(service, "orders")
    assert len(receive(service, "orders", visibility_timeout=0)) == 1
    deliveries, moves = service.receive_message("orders", ReceiveMessage(), now=START)
    assert (deliveries, [move.message.body for move in moves]) == ([], ["x"])
    service.check_invariants()
