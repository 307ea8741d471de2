"""Answers the requests of aiobotocore's clients of SQS from a world, as ``boto3_client`` does botocore's.

A long poll waits in the event loop: other tasks go on, and it ends when one of them sends. Where the loop does not
run on the world's clock, as in a check or on a loop that is not asyncio's own, it moves the clock at once.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from aiobotocore.awsrequest import AioAWSResponse
from aiobotocore.client import AioBaseClient
from aiobotocore.credentials import AioInstanceMetadataProvider
from aiobotocore.session import AioSession

from .. import errors
from ..engine.message import Delivery
from ..engine.values import ReceiveMessage
from ..protocol.parameters import Parameters
from ..sim.intercepts import here
from ..sim.port import MAIN, Port
from . import answering, loop_time, wire
from .boto3_client import (
    Answer,
    Call,
    Parsed,
    act,
    answered,
    connection_lost,
    goes_through,
    listen,
    making_for_sqs,
    note,
    parameters_of,
    pending,
    port_for,
    put_back,
    replace,
    response_to,
    spared,
)


class AioAnswer(Answer):
    """The same, with a body that is awaited."""

    @property
    def content(self) -> Any:
        """The body."""
        return self._body()

    async def _body(self) -> bytes:
        return wire.body({name: value for name, value in self._parsed.items() if name != "ResponseMetadata"})


class _Look:
    """Stands for the port while a receive is read, and while its answer is put together."""

    def __init__(self, port: Port) -> None:
        self._port = port
        self.asked: tuple[str, ReceiveMessage] | None = None
        self.found: list[Delivery] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port, name)

    def receive_message(self, queue_url: str, request: ReceiveMessage) -> list[Delivery]:
        """What was found; remembers what was asked."""
        self.asked = (queue_url, request)
        return self.found


async def act_in_loop(port: Port, action: str, parameters: Parameters) -> Parsed:
    """What SQS answers to a call; a long poll waits in the event loop.

    Raises:
        SqsError: It refuses, with a request id.
    """
    wall = answering.wall_of(port)
    if action != "ReceiveMessage" or here.simulation is not None or (wall is None and not loop_time.drives_loop()):
        return act(port, action, parameters)
    look: Any = _Look(port)
    act(look, action, parameters)
    loop = asyncio.get_running_loop()
    over: asyncio.Future[list[Delivery]] = loop.create_future()

    def settle(result: list[Delivery] | BaseException) -> None:
        if not over.done():
            over.set_exception(result) if isinstance(result, BaseException) else over.set_result(result)

    def poll() -> Any:
        try:
            found: Any = yield from port.poll(*look.asked, caller=MAIN)
        except Exception as error:  # noqa: BLE001  # for who awaits the answer
            found = error
        loop.call_soon_threadsafe(settle, found)

    activity: Any = answering.innermost()
    activity.polls += 1
    with port.shared:
        task = port.kernel.begin(poll(), "boto3")
    try:
        while wall is not None and not over.done():
            await asyncio.wait([over], timeout=answering.LOOKS_EVERY_S)
            wall.catch_up()
        look.found = await over
    finally:
        activity.polls -= 1
        with port.shared:
            task.stop()
    return act(look, action, parameters)


class _AioCall(Call):
    """The same, for a client that waits for its answer."""

    async def answer_in_loop(self) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of the next attempt."""
        if self.refused is None:
            try:
                return self._done(await act_in_loop(self.port, self.action, self.parameters))
            except errors.SqsError as raised:
                self.refused = raised
        return self.answer()


async def _before_send(request: Any, **_: Any) -> Any:
    call = pending.get()
    if not isinstance(call, _AioCall):
        return None
    try:
        return response_to(request, AioAWSResponse, await call.answer_in_loop())
    except errors.ConnectionLost as lost:
        raise connection_lost(request) from lost


# ------------------------------------------------------------------------------------------------- the methods
_original: Final[dict[str, Any]] = {}


async def _make_request(self: Any, operation_model: Any, request_dict: Any, request_context: Any) -> Any:
    original = _original["_make_request"]
    port = port_for(self)
    if port is None:
        return await original(self, operation_model, request_dict, request_context)
    action, refused = operation_model.name, None
    parameters = parameters_of(request_dict, request_context)
    if not goes_through(self, port, action):
        try:
            parsed = answered(port, request_dict["url"], await act_in_loop(port, action, parameters))
        except errors.SqsError as error:
            refused = error
        else:
            return AioAnswer(request_dict["url"], parsed), parsed
    listen(self.meta.events, _before_send)
    token = pending.set(_AioCall(port, action, parameters, refused))
    try:
        with answering.retrying(port):
            return await original(self, operation_model, request_dict, request_context)
    finally:
        pending.reset(token)


async def _convert_to_request_dict(self: Any, api_params: Any, operation_model: Any, *args: Any, **options: Any) -> Any:
    original, port = _original["_convert_to_request_dict"], port_for(self)
    if port is None:
        return await original(self, api_params, operation_model, *args, **options)
    options |= spared(self, port, operation_model.name)
    request = await original(self, api_params, operation_model, *args, **options)
    note(options.get("context"), api_params, request)
    return request


async def _create_client(self: Any, service_name: str, *args: Any, **options: Any) -> Any:
    token = making_for_sqs.set(service_name == "sqs")
    try:
        return await _original["_create_client"](self, service_name, *args, **options)
    finally:
        making_for_sqs.reset(token)


async def _load(self: Any) -> Any:
    return None if making_for_sqs.get() else await _original["load"](self)


_HOOKS: Final[dict[type, dict[str, Any]]] = {
    AioBaseClient: {"_make_request": _make_request, "_convert_to_request_dict": _convert_to_request_dict},
    AioSession: {"_create_client": _create_client},
    AioInstanceMetadataProvider: {"load": _load},
}


def install() -> None:
    """Let the clients of aiobotocore ask a world first."""
    replace(_HOOKS, _original)


def remove() -> None:
    """Let them ask nobody."""
    put_back(_HOOKS, _original)
