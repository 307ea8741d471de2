"""sqs.md 2, 14.5, 14.8, 14.10, 14.14: names, URLs, ARNs, identifiers, and the life of a queue."""

import re

import pytest

from minisqs import RedrivePolicy, World, errors

BAD_NAME = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
RECENTLY = "You must wait 60 seconds after deleting a queue before you can create another with the same name."
UNKNOWN = "The specified queue does not exist."


@pytest.mark.parametrize("name", ["a", "0", "-", "_", "Orders_2-x", "a" * 79, "a" * 80])
def test_a_name_has_1_to_80_letters_digits_hyphens_underscores(world, name):
    """sqs.md 2.1"""
    assert world.create_queue(name).name == name


def test_names_are_case_sensitive_and_unique(world):
    """sqs.md 2.1"""
    assert world.create_queue("orders") is not world.create_queue("Orders")
    assert [queue.name for queue in world.queues()] == ["Orders", "orders"]


@pytest.mark.parametrize("name", ["", "a" * 81, "a b", "a/b", "a.b", "orders.fifo", "é", "a\n", "a\x00", "😀"])
def test_another_name_is_refused(world, refused, name):
    """sqs.md 2.2"""
    with refused(errors.InvalidParameterValue, BAD_NAME):
        world.create_queue(name)


@pytest.mark.parametrize("name", ["orders", "a" * 76 + ".fifo", ".fifo", "a b.fifo", "orders.FIFO"])
def test_a_fifo_queue_has_the_suffix_and_it_counts(world, refused, name):
    """sqs.md 2.3"""
    text = (
        "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, "
        "must end with .fifo suffix and be 1 to 80 in length"
    )
    with refused(errors.InvalidParameterValue, text):
        world.sqs.create_queue(name, {"FifoQueue": "true"})


@pytest.mark.parametrize("name", [None, 1, 1.5, True, [], {}, b"orders"])
def test_a_name_is_text(world, refused, name):
    """sqs.md 1, SerializationException"""
    with refused(errors.SerializationException, None):
        world.create_queue(name)


def test_urls_and_arns_have_region_account_and_name():
    """sqs.md 2.4"""
    queue = World(region="eu-north-1", account_id="000000000007").create_queue("orders")
    assert queue.url == "https://sqs.eu-north-1.amazonaws.com/000000000007/orders"
    assert queue.arn == "arn:aws:sqs:eu-north-1:000000000007:orders"


@pytest.mark.parametrize(
    "url",
    ["orders", "https://sqs.us-east-1.amazonaws.com/123456789012/orders", "https://queue.amazonaws.com/123456789012/orders",
     "https://us-east-1.queue.amazonaws.com/123456789012/orders", "http://localhost:4566/123456789012/orders"],
)  # fmt: skip
def test_a_queue_is_found_by_name_whatever_the_host(world, queue, url):
    """sqs.md 2.4, 2.5"""
    assert world.queue(url) is queue


@pytest.mark.parametrize(
    "url", ["", "nothing", "https://sqs.us-east-1.amazonaws.com/123456789012/nothing", "https://x/210987654321/orders"]
)
def test_a_url_that_names_no_queue_of_ours_is_refused(world, queue, refused, url):
    """sqs.md 2.5, 21.1"""
    for call in (world.sqs.purge_queue, world.delete_queue, world.sqs.get_queue_attributes):
        with refused(errors.QueueDoesNotExist, UNKNOWN):
            call(url)


def test_a_message_id_is_a_uuid_and_a_handle_is_new_at_every_receive(queue):
    """sqs.md 2.6"""
    sent = queue.send("a")
    assert re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", sent.message_id)
    handles = [queue.receive(visibility_timeout=0)[0].receipt_handle for _ in range(5)]
    assert len(set(handles)) == 5
    assert all(re.fullmatch(r"[A-Za-z0-9+/=]{1,1024}", handle) for handle in handles)


def test_a_sender_is_a_user(queue):
    """sqs.md 2.7"""
    queue.send("a")
    assert re.fullmatch(r"AIDA[A-Z0-9]{17}", queue.receive()[0].attributes["SenderId"])


# ---------------------------------------------------------------------------------------------- CreateQueue
def test_a_queue_that_exists_is_found_if_what_is_given_agrees(world):
    """sqs.md 14.5"""
    queue = world.create_queue("orders", delay_seconds=5)
    queue.send("a")
    for attributes in (
        {},
        {"delay_seconds": 5},
        {"visibility_timeout": 30},
        {"delay_seconds": 5, "maximum_message_size": 1_048_576},
    ):
        assert world.create_queue("orders", **attributes) is queue
    queue.set_attributes(delay_seconds=6)
    assert world.create_queue("orders", delay_seconds=6) is queue


@pytest.mark.parametrize(
    ("attributes", "name"),
    [
        ({"delay_seconds": 6}, "DelaySeconds"),
        ({"visibility_timeout": 31}, "VisibilityTimeout"),
        ({"sqs_managed_sse_enabled": False}, "SqsManagedSseEnabled"),
        ({"kms_master_key_id": "k"}, "KmsMasterKeyId"),
        ({"policy": {"Statement": [{"Sid": "x"}]}}, "Policy"),
        ({"delay_seconds": 5, "maximum_message_size": 1024, "visibility_timeout": 1}, "MaximumMessageSize"),
        ({"visibility_timeout": 1, "delay_seconds": 6}, "VisibilityTimeout"),
    ],
)
def test_a_queue_that_differs_is_refused_by_the_first_attribute_that_does(world, refused, attributes, name):
    """sqs.md 14.5"""
    world.create_queue("orders", delay_seconds=5)
    text = f"A queue already exists with the same name and a different value for attribute {name}"
    with refused(errors.QueueNameExists, text):
        world.create_queue("orders", **attributes)


def test_policies_are_compared_by_meaning(world):
    """sqs.md 21.7"""
    bad = world.create_queue("bad")
    queue = world.create_queue("orders", redrive_policy=RedrivePolicy(bad, 3))
    assert (
        world.create_queue("orders", redrive_policy=f'{{"maxReceiveCount":"3","deadLetterTargetArn":"{bad.arn}"}}')
        is queue
    )


@pytest.mark.parametrize(
    ("name", "attributes", "error_class"),
    [
        ("a b", {"delay_seconds": 901}, errors.InvalidParameterValue),
        ("gone", {"delay_seconds": 901}, errors.InvalidAttributeValue),
        ("gone", {"delay_seconds": 1}, errors.QueueDeletedRecently),
        ("orders", {"delay_seconds": 901}, errors.InvalidAttributeValue),
        ("orders", {"delay_seconds": 1}, errors.QueueNameExists),
    ],
)
def test_name_then_attributes_then_deleted_then_existing(world, queue, refused, name, attributes, error_class):
    """sqs.md 14.5"""
    world.delete_queue(world.create_queue("gone"))
    with refused(error_class, None):
        world.create_queue(name, **attributes)


# ---------------------------------------------------------------------------------------------- DeleteQueue
def test_a_deleted_queue_is_gone_with_all_its_messages(world, queue, refused):
    """sqs.md 14.8"""
    queue.send("a")
    [message] = queue.receive()
    world.delete_queue(queue)
    assert world.queues() == []
    for call in (
        queue.receive,
        queue.attributes,
        queue.purge,
        message.delete,
        lambda: queue.send("a"),
        lambda: world.delete_queue(queue),
    ):
        with refused(errors.QueueDoesNotExist, UNKNOWN):
            call()


@pytest.mark.parametrize(("offset_ns", "free"), [(-1, False), (0, True), (1, True)])
def test_the_name_of_a_deleted_queue_is_barred_for_60_seconds(world, queue, pass_ns, refused, offset_ns, free):
    """sqs.md 14.5, 14.8, 15.5"""
    queue.send("a")
    world.delete_queue(queue)
    pass_ns(60 * 10**9 + offset_ns)
    if free:
        assert world.create_queue("orders").counts == (0, 0, 0)
    else:
        with refused(errors.QueueDeletedRecently, RECENTLY):
            world.create_queue("orders")


def test_a_queue_made_anew_knows_no_handle_and_no_purge_of_the_old_one(world, queue, refused):
    """sqs.md 21.21"""
    queue.send("a")
    [message] = queue.receive()
    handle = message.receipt_handle
    world.delete_queue(queue)
    world.advance(60)
    new = world.create_queue("orders")
    with refused(errors.ReceiptHandleIsInvalid, f'The receipt handle "{handle}" is not valid for this queue.'):
        new.delete(handle)
    new.purge()
    world.delete_queue(new)
    world.advance(60)
    world.create_queue("orders").purge()


# ------------------------------------------------------------------------------------ GetQueueUrl, ListQueues
def test_a_url_is_got_by_name(world, queue, refused):
    """sqs.md 14.10"""
    assert world.sqs.get_queue_url("orders") == queue.url
    for name in ("nothing", "", "Orders", queue.url):
        with refused(errors.QueueDoesNotExist, UNKNOWN):
            world.sqs.get_queue_url(name)


def test_queues_are_listed_by_name_and_prefix(world):
    """sqs.md 14.14"""
    for name in ("b", "a-2", "a-1", "B"):
        world.create_queue(name)
    assert [queue.name for queue in world.queues()] == ["B", "a-1", "a-2", "b"]
    assert [queue.name for queue in world.queues("a-")] == ["a-1", "a-2"]
    assert world.queues("c") == world.queues("A") == []


@pytest.mark.parametrize("prefix", [None, 1, True, [], b"a"])
def test_a_prefix_is_text(world, refused, prefix):
    """sqs.md 1, SerializationException"""
    with refused(errors.SerializationException, None):
        world.sqs.list_queues(prefix)
