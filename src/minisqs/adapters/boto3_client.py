"""Answers the requests of botocore's clients of SQS from a world, in place of the network.

The hook is ``BaseClient._make_request``, which sends what the client has validated and serialised: the events
before and after it, parameter validation and exceptions stay botocore's own. A call that SQS takes is answered
there at once, with the values that botocore would have parsed. All others go through the original method, and
are answered at the event ``before-send``, so that retries, their sleeps, and parsing are botocore's too: those
that SQS refuses, those in worlds in which something may go wrong, and those of clients that have handlers of
somebody else's for events in there.

So that a call which is answered at once need not be read back from its JSON, ``_convert_to_request_dict`` leaves
a note of what it has serialised. It counts only as long as the body is still that very object. And it spares the
header User-Agent, a fifth of a call's time, where nobody is there who could see it.

A client that is made meanwhile needs no credentials: those that cost no time are looked for, an EC2 instance is
not asked.
"""

from __future__ import annotations

import contextlib
import json
import random
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any, Final, TypeAlias

from botocore import UNSIGNED
from botocore.awsrequest import AWSResponse, HeadersDict
from botocore.client import BaseClient
from botocore.credentials import InstanceMetadataProvider
from botocore.exceptions import ConnectionClosedError
from botocore.session import Session

from .. import errors
from ..protocol import actions
from ..protocol.parameters import Parameters
from ..sim.intercepts import here
from ..sim.port import Port
from . import answering, wire

Parsed: TypeAlias = dict[str, Any]
NOTE: Final = "minisqs.serialised"
"""Under this key the context of a request says which parameters became which body."""

OLDEST: Final = "1.34.90"
"""From this botocore on all speak JSON to SQS; before, only a few of November 2023 did."""

_EVENTS: Final = ("request-created", "choose-signer", "before-sign", "before-send", "before-parse", "response-received",
                  "needs-retry", "after-call-error")  # fmt: skip
"""The events within the original ``_make_request``."""

_BEFORE: Final = ("before-call",)
"""The event before it, whose handlers see the request."""

_TRUSTED: Final = ("aiobotocore", "boto3", "botocore", "minisqs", "moto")
"""Whose handlers are no reason to go through the original: botocore's own, and moto's, which is not asked here."""


class Answer(AWSResponse):  # type: ignore[misc]  # which has no types
    """The HTTP response of a call that was answered at once; its body is made when somebody asks for it."""

    def __init__(self, url: str, parsed: Parsed) -> None:
        self.url = url
        self.status_code = 200
        self.raw = None
        self._parsed = parsed

    @property
    def headers(self) -> HeadersDict:
        """The headers, in any case."""
        return HeadersDict(self._parsed["ResponseMetadata"]["HTTPHeaders"])

    @property
    def content(self) -> bytes:
        """The body."""
        return wire.body({name: value for name, value in self._parsed.items() if name != "ResponseMetadata"})


class Call:
    """A call that is under way in the original ``_make_request``, once for each attempt.

    Args:
        port: The world that answers.
        action: Its name.
        parameters: What was asked.
        refused: The answer of the first attempt, if that has been made.
    """

    def __init__(self, port: Port, action: str, parameters: Parameters, refused: errors.SqsError | None = None) -> None:
        self.port = port
        self.action = action
        self.parameters = parameters
        self.refused = refused

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of the next attempt.

        Raises:
            ConnectionLost: The answer does not arrive.
        """
        error, self.refused = self.refused, None
        if error is None:
            try:
                return self._done(act(self.port, self.action, self.parameters))
            except errors.SqsError as raised:
                error = raised
        return error.http_status, wire.error_headers(self.port, error), wire.error_body(error)

    def _done(self, answer: Parsed) -> tuple[int, dict[str, str], bytes]:
        return 200, wire.headers(self.port, self.port.request_id()), wire.body(answer)


pending: Final[ContextVar[Call | None]] = ContextVar("minisqs.pending", default=None)
"""The call of this thread or task that waits for an answer at ``before-send``."""


def act(port: Port, action: str, parameters: Parameters) -> Parsed:
    """What SQS answers to a call.

    Raises:
        SqsError: It refuses, with a request id.
    """
    try:
        return actions.ACTIONS[action](port, parameters)
    except errors.SqsError as error:
        port.refuse(error, action)
        raise


def port_for(client: Any) -> Port | None:
    """The world that answers a client in this thread; None where nobody does, or it is no client of SQS."""
    if client.meta.service_model.service_name != "sqs":
        return None
    return answering.port_of(client.meta.region_name)


def parameters_of(request: dict[str, Any], context: dict[str, Any]) -> Parameters:
    """What a request asks."""
    note, body = context.get(NOTE), request["body"]
    if isinstance(body, dict):
        raise errors.UsageError(f"this botocore asks SQS in its query protocol; mock_sqs needs {OLDEST} or newer")
    if note is not None and note[1] is body:
        return Parameters(note[0], json=False)
    return Parameters(json.loads(body))


def answered(port: Port, url: str, parsed: Parsed) -> Parsed:
    """The answer of a call that was answered at once, as botocore would have parsed it."""
    request_id = port.request_id()
    parsed["ResponseMetadata"] = {
        "RequestId": request_id,
        "HTTPStatusCode": 200,
        "HTTPHeaders": wire.headers(port, request_id),
        "RetryAttempts": 0,
    }
    return parsed


def goes_through(client: Any, port: Port, action: str) -> bool:
    """Whether a call has to go through the original: something may go wrong, or somebody else is to be told."""
    return port.source is not None or _has_listeners(client.meta.events, action, _EVENTS)


def _has_listeners(events: Any, action: str, names: tuple[str, ...]) -> bool:
    """Whether handlers of the user's listen to such events of an action; remembered until one is registered."""
    try:
        emitter = events._emitter
        known = emitter._lookup_cache
        key = (action, names)
        if key not in known:
            handlers = [one for event in names for one in emitter._handlers.prefix_search(f"{event}.sqs.{action}")]
            known[key] = [one for one in handlers if _module(one).partition(".")[0] not in _TRUSTED]
        return bool(known[key])
    except AttributeError:  # not the emitter that we know: the original asks it by itself
        return True


def _module(handler: Any) -> str:
    return getattr(handler, "__module__", None) or type(handler).__module__


def listen(events: Any, before_send: Callable[..., Any]) -> None:
    """Let a client ask us before it signs and sends; without effect on calls that we do not answer."""
    events.register_first("choose-signer.sqs", _unsigned, unique_id="minisqs.choose-signer")
    events.register_first("before-send.sqs", before_send, unique_id="minisqs.before-send")


def _unsigned(**_: Any) -> Any:
    return UNSIGNED if pending.get() is not None else None


def _before_send(request: Any, **_: Any) -> AWSResponse | None:
    call = pending.get()
    if call is None:
        return None
    try:
        return response_to(request, AWSResponse, call.answer())
    except errors.ConnectionLost as lost:
        raise connection_lost(request) from lost


def connection_lost(request: Any) -> Any:
    """What botocore raises, and tries again after, where a connection breaks before the answer came."""
    return ConnectionClosedError(endpoint_url=request.url)


def response_to(request: Any, kind: Callable[..., AWSResponse], answer: tuple[int, dict[str, str], bytes]) -> Any:
    """The HTTP response to a request, of botocore's or aiobotocore's kind."""
    status, headers, body = answer
    response: Any = kind(request.url, status, headers, Raw(headers))
    response._content = body
    return response


class Raw:
    """What stands for a connection; some versions of aiobotocore read the headers from there."""

    def __init__(self, headers: dict[str, str]) -> None:
        self.raw_headers = [(name.encode(), value.encode()) for name, value in headers.items()]


@contextlib.contextmanager
def in_simulated_time(port: Port) -> Iterator[None]:
    """Let the retries of a call sleep on the world's clock, and draw their jitter from its seed."""
    if here.simulation is not None:  # which sees to all of that
        yield
        return
    before = random.getstate()
    random.seed(f"{port.service.identifiers.request_id(0)} {port.clock.now_ns}")
    try:
        with answering.retrying(port):
            yield
    finally:
        random.setstate(before)


# ------------------------------------------------------------------------------------------------- the methods
_original: Final[dict[str, Any]] = {}


def _make_request(self: Any, operation_model: Any, request_dict: Any, request_context: Any) -> Any:
    original = _original["_make_request"]
    port = port_for(self)
    if port is None:
        return original(self, operation_model, request_dict, request_context)
    action, refused = operation_model.name, None
    parameters = parameters_of(request_dict, request_context)
    if not goes_through(self, port, action):
        try:
            parsed = answered(port, request_dict["url"], act(port, action, parameters))
        except errors.SqsError as error:
            refused = error
        else:
            return Answer(request_dict["url"], parsed), parsed
    listen(self.meta.events, _before_send)
    token = pending.set(Call(port, action, parameters, refused))
    try:
        with in_simulated_time(port):
            return original(self, operation_model, request_dict, request_context)
    finally:
        pending.reset(token)


def _convert_to_request_dict(self: Any, api_params: Any, operation_model: Any, *args: Any, **options: Any) -> Any:
    original, port = _original["_convert_to_request_dict"], port_for(self)
    if port is None:
        return original(self, api_params, operation_model, *args, **options)
    options |= spared(self, port, operation_model.name)
    request = original(self, api_params, operation_model, *args, **options)
    note(options.get("context"), api_params, request)
    return request


def spared(client: Any, port: Port, action: str) -> dict[str, Any]:
    """What need not be done for a request that nobody will see."""
    is_seen = goes_through(client, port, action) or _has_listeners(client.meta.events, action, _BEFORE)
    return {} if is_seen else {"set_user_agent_header": False}


def note(context: dict[str, Any] | None, parameters: Any, request: dict[str, Any]) -> None:
    """Leave a note of what was serialised."""
    if context is not None:
        context[NOTE] = (parameters, request["body"])


making_for_sqs: Final[ContextVar[bool]] = ContextVar("minisqs.making_for_sqs", default=False)
"""Whether this thread or task makes a client of SQS: it needs no credentials, so no EC2 instance is asked for them."""


def _create_client(self: Any, service_name: str, *args: Any, **options: Any) -> Any:
    token = making_for_sqs.set(service_name == "sqs")
    try:
        return _original["create_client"](self, service_name, *args, **options)
    finally:
        making_for_sqs.reset(token)


def _load(self: Any) -> Any:
    return None if making_for_sqs.get() else _original["load"](self)


_HOOKS: Final[dict[type, dict[str, Any]]] = {
    BaseClient: {"_make_request": _make_request, "_convert_to_request_dict": _convert_to_request_dict},
    Session: {"create_client": _create_client},
    InstanceMetadataProvider: {"load": _load},
}


def install() -> None:
    """Let the clients of botocore ask a world first."""
    replace(_HOOKS, _original)


def remove() -> None:
    """Let them ask nobody."""
    put_back(_HOOKS, _original)


def replace(hooks: dict[type, dict[str, Any]], original: dict[str, Any]) -> None:
    """Put functions in the place of methods of classes, and keep these."""
    for owner, methods in hooks.items():
        for name, hook in methods.items():
            there = vars(owner)[name]
            if there is not hook:
                original[name] = there
                setattr(owner, name, hook)


def put_back(hooks: dict[type, dict[str, Any]], original: dict[str, Any]) -> None:
    """Put the methods back, where nobody has put something else over ours."""
    for owner, methods in hooks.items():
        for name, hook in methods.items():
            if vars(owner)[name] is hook:
                setattr(owner, name, original[name])
