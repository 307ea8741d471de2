"""Lambda, as far as SQS is its event source: the functions and the mappings of one account.

Source: lambda-poller.md 1.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, TypeVar

from .. import errors, limits
from ..sim.port import Port
from .configuration import Configuration, Handler
from .environments import Account
from .functions import Function, Reference
from .invocations import LATEST
from .mapping import DELETED, EventSourceMapping
from .settings import Settings, check_together, checked

Answer = TypeVar("Answer")

_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_REFERENCE: Final = re.compile(
    r"(arn:aws:lambda:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}):function:)?"
    r"(?P<name>[a-zA-Z0-9_-]+)(:(?P<qualifier>\$LATEST|[a-zA-Z0-9_-]+))?"
)


class Lambda:
    """The functions and event source mappings of a world.

    Args:
        port: The world.
        account_concurrency: Invocations at once, of all functions together.
        kept: How many invocations each function keeps for reading; None for all.
    """

    def __init__(self, port: Port, account_concurrency: int, kept: int | None) -> None:
        self.account_concurrency = account_concurrency
        self._port = port
        self._account = Account(account_concurrency)
        self._kept = kept
        self._functions: dict[str, Function] = {}
        self._mappings: dict[str, EventSourceMapping] = {}
        self._created = 0

    # -------------------------------------------------------------------------------------------- functions
    def create_function(
        self, handler: Handler | None, name: str | None, reserved_concurrency: int | None, **settings: Any
    ) -> Function:
        """See ``World.create_function``."""

        def create() -> Function:
            chosen = self._free_name(handler) if name is None else self._checked_name(name)
            configuration = Configuration(handler=handler, **settings)
            function = Function(self._port, self._account, chosen, configuration, reserved_concurrency, self._kept)
            self._functions[chosen] = function
            return function

        return self.call("CreateFunction", create)

    def _checked_name(self, name: str) -> str:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise errors.UsageError(
                f"a function's name is 1 to 64 letters, digits, hyphens and underscores, not {name!r}"
            )
        if self._exists(name):
            raise errors.ResourceConflictException(f"Function already exist: {name}")
        return name

    def _free_name(self, handler: Handler | None) -> str:
        """The handler's own name, with a number behind it where that is taken."""
        name = getattr(handler, "__name__", "")
        stem = name[:60] if _NAME.fullmatch(name) else "function"
        number = 1
        while self._exists(name := stem if number == 1 else f"{stem}-{number}"):
            number += 1
        return name

    def _exists(self, name: str) -> bool:
        return name in self._functions and not self._functions[name].deleted

    def functions(self) -> list[Function]:
        """All functions, in the order in which they were made."""
        return list(self._functions.values())

    def function(self, name: str) -> Function:
        """The function of a name or ARN.

        Raises:
            ResourceDoesNotExist: There is none.
        """

        def find() -> Function:
            match = self._match(name)
            if match is None or not self._exists(match["name"]):
                raise errors.ResourceDoesNotExist(f"Function not found: {name}")
            return self._functions[match["name"]]

        return self.call("GetFunction", find)

    def _match(self, text: object) -> re.Match[str] | None:
        """The parts of a function's name or ARN; None where it can be no function of this account and region."""
        if not isinstance(text, str):
            raise errors.UsageError(f"a function is a Function, its name or its ARN, not {text!r}")
        match = _REFERENCE.fullmatch(text)
        if match is None or match["region"] is None:
            return match
        service = self._port.service
        return match if (match["region"], match["account"]) == (service.region, service.account_id) else None

    # --------------------------------------------------------------------------------------------- mappings
    def create_event_source_mapping(
        self, queue_arn: str | None, function: object, settings: dict[str, Any] | Settings
    ) -> EventSourceMapping:
        """See ``World.create_event_source_mapping``."""

        def create() -> EventSourceMapping:
            if not isinstance(queue_arn, (str, type(None))):
                raise errors.UsageError(f"a queue is a Queue or its ARN, not {queue_arn!r}")
            if queue_arn and not queue_arn.startswith("arn:") and self._port.service.find(queue_arn) is not None:
                raise errors.UsageError(f"a queue is a Queue or its ARN, not its name or URL, {queue_arn!r}")
            wanted = settings if isinstance(settings, Settings) else checked(settings)
            if not queue_arn or not queue_arn.startswith("arn:aws:sqs:"):
                raise errors.InvalidParameterValueException("Unrecognized event source.")
            reference = self.refer(function)
            if self._port.service.by_arn(queue_arn) is None:
                raise errors.InvalidParameterValueException(
                    "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. "
                    "SQS Error Message: The specified queue does not exist."
                )
            check_together(wanted, fifo=queue_arn.endswith(".fifo"))
            self.check_pair(queue_arn, reference, None)
            return self._add_mapping(queue_arn, reference, wanted)

        return self.call("CreateEventSourceMapping", create)

    def _add_mapping(self, queue_arn: str, reference: Reference, settings: Settings) -> EventSourceMapping:
        self._created += 1
        mapping = EventSourceMapping(self._port, self, self._created, queue_arn, reference, settings)
        self._mappings[mapping.uuid] = mapping
        return mapping

    def refer(self, function: object) -> Reference:
        """The reference that a function, its name or its ARN means, with a version or alias behind it.

        Raises:
            InvalidParameterValueException: It does not exist.
            UsageError: It is none of these, or a function of another world.
        """
        if isinstance(function, Function):
            if self._functions.get(function.name) is not function:
                raise errors.UsageError(f"{function!r} belongs to another world, or was deleted")
            reference = Reference(function.name, LATEST, function.arn)
        else:
            reference = self._named(function)
        if self.find(reference) is None:
            raise errors.InvalidParameterValueException("Function does not exist")
        return reference

    def _named(self, text: object) -> Reference:
        """The reference that a name or ARN means, whether it exists or not."""
        match = self._match(text)
        if match is None:
            raise errors.InvalidParameterValueException("Function does not exist")
        name, qualifier = match["name"], match["qualifier"] or LATEST
        arn = f"arn:aws:lambda:{self._port.service.region}:{self._port.service.account_id}:function:{name}"
        return Reference(name, qualifier, arn if match["qualifier"] is None else f"{arn}:{qualifier}")

    def find(self, reference: Reference) -> Function | None:
        """The function, if it and its version exist."""
        function = self._functions.get(reference.name)
        return None if function is None or function.resolve(reference.qualifier) is None else function

    def check_pair(self, queue_arn: str, reference: Reference, mapping: EventSourceMapping | None) -> None:
        """Refuse a queue that hides messages for less than the function's timeout, and a pair that is joined already.

        Raises:
            InvalidParameterValueException, ResourceConflictException: With AWS's texts.
        """
        queue, function = self._port.service.by_arn(queue_arn), self.find(reference)
        assert function is not None, "a reference is made to a function that exists"
        visibility_s = 0 if queue is None else queue.settings.visibility_timeout_ns // limits.SECOND_NS
        _, configuration = function.resolve(reference.qualifier) or ("", None)
        assert configuration is not None, "a function that is found has the version"
        if queue is not None and visibility_s < configuration.timeout:
            raise errors.InvalidParameterValueException(
                f"Queue visibility timeout: {visibility_s} seconds is less than "
                f"Function timeout: {configuration.timeout} seconds"
            )
        for other in self._mappings.values():
            if other is not mapping and other.state != DELETED and other.joins(queue_arn, reference):
                raise errors.ResourceConflictException(
                    f'An event source mapping with SQS arn (" {queue_arn} ") and function (" {reference} ") already '
                    f"exists. Please update or delete the existing mapping with UUID {other.uuid}"
                )

    def mapping(self, uuid: str) -> EventSourceMapping:
        """The mapping of a UUID.

        Raises:
            ResourceDoesNotExist: There is none, or it was deleted.
        """

        def find() -> EventSourceMapping:
            if not isinstance(uuid, str):
                raise errors.UsageError(f"a mapping is named by its UUID, not by {uuid!r}")
            mapping = self._mappings.get(uuid)
            if mapping is None or mapping.state == DELETED:
                raise errors.ResourceDoesNotExist
            return mapping

        return self.call("GetEventSourceMapping", find)

    def mappings(self) -> list[EventSourceMapping]:
        """All mappings that exist, in the order in which they were made."""
        return [mapping for mapping in self._mappings.values() if mapping.state != DELETED]

    def call(self, action: str, call: Callable[[], Answer]) -> Answer:
        """Do what a caller asks for; a refusal gets what AWS's answer has, and is written down."""
        with self._port.lock:
            try:
                return call()
            except errors.LambdaError as error:
                error.operation_name = action
                error.request_id = self._port.request_id()
                self._port.note(action, "", "main", f"refused: {error.code}: {error.message}")
                raise
