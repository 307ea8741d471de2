"""ListQueues and ListDeadLetterSourceQueues page by page, and the paginators."""

from __future__ import annotations

import base64

import pytest

import minisqs

BAD_TOKEN = "Invalid or expired next token."
OTHER_PARAMETERS = (
    "Invalid NextToken value. If you are passing in NextToken, you must not change the other request parameters."
)
BAD_SIZE = "Value for parameter MaxResults is invalid. Reason: MaxResults must be an integer between 1 and 1000."


@pytest.fixture
def pages(world, client, request):
    """A way to ask for pages of queues named b-0 to b-4, a-0 and Z, by either action."""
    dead = world.create_queue("dead")
    policy = minisqs.RedrivePolicy(dead, 1)
    for name in ("b-3", "b-1", "b-0", "b-4", "b-2", "a-0", "Z"):
        world.create_queue(name, redrive_policy=policy)
    if request.param == "list_queues":
        return lambda **asked: named(client.list_queues(**{"QueueNamePrefix": "b-", **asked}), "QueueUrls")
    for name in ("a-0", "Z"):
        world.queue(name).set_attributes(redrive_policy="")
    return lambda **asked: named(client.list_dead_letter_source_queues(QueueUrl=dead.url, **asked), "queueUrls")


def named(answer, key):
    return [url.rpartition("/")[2] for url in answer.get(key, [])], answer.get("NextToken")


both = pytest.mark.parametrize("pages", ["list_queues", "list_dead_letter_source_queues"], indirect=True)
ALL = ["b-0", "b-1", "b-2", "b-3", "b-4"]


@both
def test_pages_go_by_name_and_the_last_has_no_token(pages):
    """sqs.md 14.11, 14.14"""
    first, token = pages(MaxResults=2)
    second, token = pages(MaxResults=2, NextToken=token)
    third, end = pages(MaxResults=2, NextToken=token)
    assert (first, second, third, end) == (["b-0", "b-1"], ["b-2", "b-3"], ["b-4"], None)


@both
def test_without_a_size_there_is_no_token(pages):
    """sqs.md 14.14"""
    assert pages() == (ALL, None)


@both
def test_a_page_that_holds_all_has_no_token(pages):
    """sqs.md 14.14"""
    assert pages(MaxResults=5) == (ALL, None)
    assert pages(MaxResults=1000) == (ALL, None)


@both
def test_another_size_is_accepted_with_a_token(pages):
    """sqs.md 14.14"""
    _, token = pages(MaxResults=1)
    assert pages(MaxResults=3, NextToken=token)[0] == ["b-1", "b-2", "b-3"]
    assert pages(NextToken=token) == (ALL[1:], None)


@both
def test_a_token_can_be_used_again(pages):
    """sqs.md 14.14"""
    _, token = pages(MaxResults=1)
    assert pages(MaxResults=1, NextToken=token) == pages(MaxResults=1, NextToken=token)


@both
@pytest.mark.parametrize("size", [0, -1, 1001])
def test_a_size_is_1_to_1000(pages, aws_refuses, size):
    """sqs.md 14.14"""
    aws_refuses("InvalidParameterValue", BAD_SIZE, pages, MaxResults=size)


@both
@pytest.mark.parametrize("token", ["", "bad", "ä", "MTIz", base64.b64encode(b'{"a": 1}').decode()])
def test_a_bad_token_is_refused(pages, aws_refuses, token):
    """sqs.md 14.14"""
    aws_refuses("InvalidParameterValue", BAD_TOKEN, pages, MaxResults=1, NextToken=token)


@pytest.mark.parametrize("pages", ["list_queues"], indirect=True)
def test_a_token_with_another_prefix_is_refused(pages, aws_refuses):
    """sqs.md 14.14"""
    _, token = pages(MaxResults=1)
    aws_refuses("InvalidParameterValue", OTHER_PARAMETERS, pages, MaxResults=1, NextToken=token, QueueNamePrefix="a")


def test_a_token_of_one_dead_letter_queue_is_not_one_of_another(world, client, aws_refuses):
    """sqs.md 14.11"""
    deads = [world.create_queue(f"dead-{number}") for number in range(2)]
    for dead in deads:
        for number in range(2):
            world.create_queue(f"of-{dead.name}-{number}", redrive_policy=minisqs.RedrivePolicy(dead, 1))
    call = client.list_dead_letter_source_queues
    token = call(QueueUrl=deads[0].url, MaxResults=1)["NextToken"]
    parameters = {"QueueUrl": deads[1].url, "MaxResults": 1, "NextToken": token}
    aws_refuses("InvalidParameterValue", OTHER_PARAMETERS, call, **parameters)


@pytest.mark.parametrize("pages", ["list_queues"], indirect=True)
def test_a_token_survives_queues_that_come_and_go(world, pages):
    """sqs.md 21 (18)"""
    _, token = pages(MaxResults=2)
    world.create_queue("b-")
    world.create_queue("b-11")
    world.delete_queue("b-1")
    world.delete_queue("b-2")
    names, _ = pages(MaxResults=2, NextToken=token)
    assert names == ["b-11", "b-3"]


def test_queues_are_found_by_prefix_in_its_letter_case(world, client):
    """sqs.md 14.14"""
    for name in ("orders", "Orders", "orders-2", "other"):
        world.create_queue(name)
    assert named(client.list_queues(QueueNamePrefix="orders"), "QueueUrls")[0] == ["orders", "orders-2"]
    assert named(client.list_queues(QueueNamePrefix=""), "QueueUrls")[0] == ["Orders", "orders", "orders-2", "other"]
    assert client.list_queues(QueueNamePrefix="none").keys() == {"ResponseMetadata"}


def test_at_most_1000_queues_without_a_size_and_never_a_token(world, client):
    """sqs.md 14.14"""
    for number in range(1001):
        world.create_queue(f"q-{number:04}")
    answer = client.list_queues()
    assert len(answer["QueueUrls"]) == 1000
    assert "NextToken" not in answer
    assert "NextToken" in client.list_queues(MaxResults=1000)


@pytest.mark.parametrize(("size", "expected"), [(2, [2, 2, 1]), (5, [5]), (1, [1] * 5)])
def test_paginators_walk_through_the_pages(world, client, size, expected):
    """sqs.md 14.11, 14.14"""
    dead = world.create_queue("dead")
    for name in ALL:
        world.create_queue(name, redrive_policy=minisqs.RedrivePolicy(dead, 1))
    config = {"PaginationConfig": {"PageSize": size}}
    for operation, key, asked in (
        ("list_queues", "QueueUrls", {"QueueNamePrefix": "b-"}),
        ("list_dead_letter_source_queues", "queueUrls", {"QueueUrl": dead.url}),
    ):
        assert client.can_paginate(operation)
        found = [named(page, key)[0] for page in client.get_paginator(operation).paginate(**asked, **config)]
        assert [len(page) for page in found] == expected
        assert [name for page in found for name in page] == ALL


def test_a_paginator_stops_at_max_items(world, client):
    """sqs.md 14.14"""
    for name in ALL:
        world.create_queue(name)
    config = {"PageSize": 2, "MaxItems": 3}
    pages = client.get_paginator("list_queues").paginate(PaginationConfig=config)
    assert [named(page, "QueueUrls")[0] for page in pages] == [["b-0", "b-1"], ["b-2"]]


def test_other_operations_have_no_pages(client):
    """sqs.md 14.14"""
    assert not client.can_paginate("receive_message")
    with pytest.raises(minisqs.errors.UsageError, match="cannot be paginated"):
        client.get_paginator("receive_message")
