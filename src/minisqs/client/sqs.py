"""A client with boto3's shape, without boto3: the fast way to run code that was written for boto3.

The method names, keyword parameters, answers, errors (``error.response``), ``exceptions`` and paginators
are those of ``boto3.client("sqs")``. Nothing is signed, serialised or sent; the calls go through the
dictionary protocol to the port, like every other caller's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import attrs

from .. import errors
from ..protocol import actions, model
from ..protocol.parameters import Parameters
from ..sim.port import Port

_ACTIONS: Final = {re.sub(r"(?<=[a-z])(?=[A-Z])", "_", action).lower(): action for action in model.PARAMETERS}

_PAGES: Final = {"list_dead_letter_source_queues": "queueUrls", "list_queues": "QueueUrls"}


_MODELLED: Final = {
    error.json_name: error
    for error in errors.SqsError.__subclasses__()
    if error.__name__ == error.json_name and error not in {errors.InternalFailure, errors.SerializationException}
}
"""The shapes of AWS's model; boto3 raises plain ClientError for the rest (sqs.md 1.2)."""


class Exceptions:
    """The error classes by the names that boto3's ``client.exceptions`` has; ``ClientError`` is any of them."""

    ClientError = errors.SqsError

    def __getattr__(self, name: str) -> type[errors.SqsError]:
        found = _MODELLED.get(name)
        if found is None:
            raise AttributeError(f"client.exceptions has no {name!r}; it has ClientError, {', '.join(_MODELLED)}")
        return found


@attrs.frozen
class Meta:
    """What boto3's ``client.meta`` says of the client."""

    region_name: str
    endpoint_url: str


class SqsClient:
    """Calls SQS by boto3's names. ``World.client`` makes it.

    >>> import minisqs
    >>> client = minisqs.World().client()
    >>> url = client.create_queue(QueueName="orders")["QueueUrl"]
    >>> _ = client.send_message(QueueUrl=url, MessageBody="hello")
    >>> client.receive_message(QueueUrl=url)["Messages"][0]["Body"]
    'hello'
    """

    def __init__(self, port: Port) -> None:
        self._port = port
        region = port.service.region
        self.exceptions = Exceptions()
        self.meta = Meta(region, f"https://sqs.{region}.amazonaws.com")

    def __repr__(self) -> str:
        return f"<minisqs client of {self.meta.endpoint_url}>"

    def __getattr__(self, name: str) -> Callable[..., dict[str, Any]]:
        action = _ACTIONS.get(name)
        if action is None:
            raise AttributeError(f"{type(self).__name__!r} has no method {name!r}")
        method = self._method(name, action)
        setattr(self, name, method)
        return method

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *_ACTIONS})

    def _method(self, name: str, action: str) -> Callable[..., dict[str, Any]]:
        known = frozenset(model.PARAMETERS[action])
        act, port = actions.ACTIONS[action], self._port
        new_request_id = port.request_id

        def call(*args: object, **parameters: object) -> dict[str, Any]:
            if args:
                raise TypeError(f"{name}() only accepts keyword arguments.")
            if not known.issuperset(parameters):
                unknown = next(key for key in parameters if key not in known)
                raise errors.UsageError(
                    f"Parameter validation failed: Unknown parameter in input: {unknown!r}, "
                    f"must be one of: {', '.join(sorted(known))}"
                )
            try:
                answer = act(port, Parameters(parameters, json=False))
            except errors.SqsError as error:
                port.refuse(error, action)
                raise
            request_id = new_request_id()
            answer["ResponseMetadata"] = {
                "RequestId": request_id,
                "HTTPStatusCode": 200,
                "HTTPHeaders": {"x-amzn-requestid": request_id, "content-type": "application/x-amz-json-1.0"},
                "RetryAttempts": 0,
            }
            return answer

        call.__name__ = name
        call.__doc__ = f"AWS's {action}: takes {', '.join(sorted(known))}."
        return call

    def can_paginate(self, operation_name: str) -> bool:
        """Whether an operation answers in pages."""
        return operation_name in _PAGES

    def get_paginator(self, operation_name: str) -> Paginator:
        """What walks through the pages of ``list_queues`` or ``list_dead_letter_source_queues``.

        Raises:
            UsageError: The operation does not answer in pages.
        """
        if operation_name not in _PAGES:
            raise errors.UsageError(f"Operation cannot be paginated: {operation_name}")
        return Paginator(getattr(self, operation_name), _PAGES[operation_name])

    def close(self) -> None:
        """Nothing: there is no connection."""


class Paginator:
    """Walks through the pages of an answer, as boto3's paginators do."""

    def __init__(self, call: Callable[..., dict[str, Any]], results: str) -> None:
        self._call = call
        self._results = results

    def paginate(self, **parameters: Any) -> Pages:
        """The pages; PaginationConfig may have MaxItems, PageSize and StartingToken."""
        config = dict(parameters.pop("PaginationConfig", None) or {})
        if config.get("PageSize") is not None:
            parameters["MaxResults"] = config["PageSize"]
        if config.get("StartingToken") is not None:
            parameters["NextToken"] = config["StartingToken"]
        return Pages(self._call, self._results, parameters, config.get("MaxItems"))


class Pages:
    """The pages of one answer, asked for one after the other."""

    def __init__(
        self, call: Callable[..., dict[str, Any]], results: str, parameters: dict[str, Any], max_items: int | None
    ) -> None:
        self._call = call
        self._results = results
        self._parameters = parameters
        self._max_items = max_items

    def __iter__(self) -> Iterator[dict[str, Any]]:
        parameters, left = dict(self._parameters), self._max_items
        while True:
            page = self._call(**parameters)
            if left is not None and self._results in page:
                page[self._results] = page[self._results][:left]
                left -= len(page[self._results])
            yield page
            if "NextToken" not in page or left == 0:
                return
            parameters["NextToken"] = page["NextToken"]

    def build_full_result(self) -> dict[str, Any]:
        """What all pages hold together."""
        return {self._results: [one for page in self for one in page.get(self._results, [])]}
