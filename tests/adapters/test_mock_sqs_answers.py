"""What boto3 gets under mock_sqs is what botocore would have parsed from an answer of AWS."""

from __future__ import annotations

import inspect
import json
import time

import boto3
import botocore.client
import botocore.session
import pytest
from botocore.exceptions import ClientError, ParamValidationError
from sqs_script import MESSAGE, answers

import minisqs
from minisqs import errors
from minisqs.adapters import boto3_client, wire
from minisqs.protocol import actions

SESSION = boto3.session.Session(region_name="us-east-1")


def new_client():
    return SESSION.client("sqs")


def by_way_of_http(client):
    """Let all calls of a client go through botocore's own request, response and parser."""
    client.meta.events.register("response-received.sqs", lambda **_: None)
    return client


def test_every_action_answers_what_botocore_parses_from_the_same_answer_over_http():
    found = []
    for client in (new_client(), by_way_of_http(new_client())):
        with minisqs.mock_sqs(seed=1, start=1_700_000_000):
            found.append(answers(client, time.sleep))
    at_once, parsed = found
    assert at_once.keys() == parsed.keys()
    for name, answer in at_once.items():
        assert answer == parsed[name], name
        assert kinds(answer) == kinds(parsed[name]), name
    assert called_by_script() == set(actions.ACTIONS) - {"CancelMessageMoveTask"}


def kinds(value):
    if isinstance(value, dict):
        return {key: kinds(one) for key, one in value.items()}
    return [kinds(one) for one in value] if isinstance(value, list) else type(value)


def called_by_script():
    source = inspect.getsource(answers)
    names = {botocore.xform_name(action): action for action in actions.ACTIONS}
    return {action for name, action in names.items() if f'"{name}"' in source}


def test_a_cancelled_move_task_answers_the_same_over_http():
    found = []
    for client in (new_client(), by_way_of_http(new_client())):
        with minisqs.mock_sqs(seed=1, start=1_700_000_000) as world:
            dead = world.create_queue("dead")
            orders = world.create_queue("orders", redrive_policy=minisqs.RedrivePolicy(dead, max_receive_count=1))
            orders.send_batch(["a", "b", "c"])
            orders.receive(10, visibility_timeout=0)
            orders.receive(10)
            task = client.start_message_move_task(SourceArn=dead.arn, MaxNumberOfMessagesPerSecond=1)
            found.append(client.cancel_message_move_task(TaskHandle=task["TaskHandle"]))
    assert found[0] == found[1]
    assert found[0]["ApproximateNumberOfMessagesMoved"] == 1


def test_the_two_ways_really_are_two():
    client, told = new_client(), []
    client.meta.events.register("response-received.sqs", lambda response_dict, **_: told.append(response_dict["body"]))
    with minisqs.mock_sqs():
        client.list_queues()
        assert json.loads(told[0]) == {}


@pytest.mark.parametrize("kind", errors.SqsError.__subclasses__(), ids=lambda kind: kind.__name__)
def test_every_refusal_is_the_exception_that_botocore_makes_of_it(kind, monkeypatch):
    refusals = iter([kind("It is so.")] + [kind("It is so.") for _ in range(9)])

    def refuse(port, given):
        raise next(refusals)

    monkeypatch.setitem(actions.ACTIONS, "ListQueues", refuse)
    client = new_client()
    is_modelled = kind.json_name in {shape.name for shape in client.meta.service_model.error_shapes}
    expected = getattr(client.exceptions, kind.json_name) if is_modelled else ClientError
    with minisqs.mock_sqs(), pytest.raises(ClientError) as raised:
        client.list_queues()
    assert type(raised.value) is expected
    assert raised.value.operation_name == "ListQueues"
    response = raised.value.response
    assert response["Error"] == {
        "Message": "It is so.",
        "Code": kind.code,
        "QueryErrorCode": kind.json_name,
        "Type": "Sender" if kind.http_status < 500 else "Receiver",
    }
    assert response["ResponseMetadata"]["HTTPStatusCode"] == kind.http_status
    assert response["ResponseMetadata"]["HTTPHeaders"]["x-amzn-query-error"].startswith(kind.code)
    assert response["ResponseMetadata"]["RequestId"] == response["ResponseMetadata"]["HTTPHeaders"]["x-amzn-requestid"]
    assert response.get("message") == ("It is so." if kind.message_beside_error else None)


def test_a_wrong_parameter_is_refused_by_botocore_itself():
    with minisqs.mock_sqs(), pytest.raises(ParamValidationError, match='Unknown parameter in input: "Body"'):
        new_client().send_message(QueueUrl="q", Body="x")


def test_the_response_that_handlers_get_has_the_headers_and_the_body():
    client, got = new_client(), []
    client.meta.events.register(
        "after-call.sqs", lambda http_response, parsed, **_: got.append((http_response, parsed))
    )
    with minisqs.mock_sqs() as world:
        url = world.create_queue("orders").url
        client.send_message(QueueUrl=url, **MESSAGE)
        client.receive_message(QueueUrl=url, MessageAttributeNames=["All"])
    response, parsed = got[1]
    assert response.status_code == 200
    assert response.headers["X-Amzn-RequestId"] == parsed["ResponseMetadata"]["RequestId"]
    body = json.loads(response.text)
    assert body["Messages"][0]["MessageAttributes"]["raw"] == {"BinaryValue": "AP8=", "DataType": "Binary"}


def test_handlers_before_a_call_see_and_change_the_request():
    client, agents = new_client(), []

    def before_call(params, **_):
        agents.append(params["headers"]["User-Agent"])
        params["body"] = params["body"].replace(b"meant", b"changed")

    client.meta.events.register("before-call.sqs.SendMessage", before_call)
    client.meta.events.register(
        "before-parameter-build.sqs.SendMessage", lambda params, **_: params.update(DelaySeconds=7)
    )
    with minisqs.mock_sqs() as world:
        queue = world.create_queue("orders")
        client.send_message(QueueUrl=queue.url, MessageBody="meant")
        assert queue.counts == (0, 0, 1)
        world.advance(7)
        assert [message.body for message in queue.receive()] == ["changed"]
    assert agents[0].startswith("Boto3/")


def test_a_handler_that_answers_by_itself_is_heeded():
    client = new_client()

    class Gone:
        status_code = 200

    client.meta.events.register("before-call.sqs.ListQueues", lambda **_: (Gone(), {"QueueUrls": ["mine"]}))
    with minisqs.mock_sqs():
        assert client.list_queues() == {"QueueUrls": ["mine"]}


@pytest.mark.parametrize("event", ["request-created", "before-send", "response-received", "needs-retry"])
def test_handlers_within_a_request_are_called(event):
    client, called = new_client(), []
    with minisqs.mock_sqs():
        client.list_queues()
        client.meta.events.register(f"{event}.sqs", lambda **_: called.append(event))
        client.list_queues()
        assert called == [event]


def test_a_request_is_signed_by_nobody_and_needs_no_credentials():
    client, requests = new_client(), []
    client.meta.events.register("before-send.sqs", lambda request, **_: requests.append(request))
    with minisqs.mock_sqs():
        client.list_queues()
    assert "Authorization" not in requests[0].headers


# ------------------------------------------------------------------------------------------ what botocore must be
def test_the_private_methods_of_botocore_have_the_shape_that_the_hook_needs():
    """Fails where a new botocore changes them: look at BaseClient._make_api_call and adapt adapters/boto3_client.py."""
    client = botocore.client.BaseClient
    assert list(inspect.signature(client._make_request).parameters) == [
        "self",
        "operation_model",
        "request_dict",
        "request_context",
    ]
    parameters = inspect.signature(client._convert_to_request_dict).parameters
    assert list(parameters)[:3] == ["self", "api_params", "operation_model"]
    assert {"context", "set_user_agent_header"} <= set(parameters)
    source = inspect.getsource(client._make_api_call)
    for line in (
        "http, parsed_response = self._make_request(",
        "context=request_context,",
        "self.exceptions.from_code(",
    ):
        assert line in source
    emitter = new_client().meta.events._emitter
    assert emitter._lookup_cache is not None
    assert callable(emitter._handlers.prefix_search)


def test_no_handler_of_botocore_itself_takes_the_long_way():
    client = new_client()
    for action in actions.ACTIONS:
        assert not boto3_client._has_listeners(client.meta.events, action, boto3_client._EVENTS)


def test_a_botocore_that_speaks_the_query_protocol_is_told_so():
    with pytest.raises(minisqs.UsageError, match=r"mock_sqs needs 1\.34\.90 or newer"):
        boto3_client.parameters_of({"body": {"Action": "ListQueues"}}, {})


def test_a_date_is_written_as_http_has_it():
    world = minisqs.World(start=1_700_000_000)
    assert wire.headers(world.sqs, "id")["date"] == "Tue, 14 Nov 2023 22:13:20 GMT"


def test_the_client_without_boto3_has_the_exceptions_of_boto3_s():
    model = botocore.session.get_session().get_service_model("sqs")
    exceptions = minisqs.World().client().exceptions
    names = {shape.name for shape in model.error_shapes}
    assert all(getattr(exceptions, name).__name__ == name for name in names)
    others = {error.__name__ for error in errors.SqsError.__subclasses__()} - names
    assert not any(hasattr(exceptions, name) for name in others)
