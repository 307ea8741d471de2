"""Functions: what a user's handler becomes in Lambda, with its settings, versions and aliases.

Source: API_CreateFunction; lambda-poller.md 1.2.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import attrs

from .. import errors, limits
from ..engine.metrics import Metrics
from ..sim.kernel import Wait, Waiting
from ..sim.port import MAIN, Port
from .configuration import Configuration
from .environments import Account, Environments
from .invocations import LATEST, Invocation, Runs

_ALIAS: Final = r"(?!^[0-9]+$)([a-zA-Z0-9-_]+)"


class Reference(NamedTuple):
    """A function as a mapping names it: it may be deleted, and made again, behind the mapping's back.

    Attributes:
        name: The function's name.
        qualifier: A version or an alias; ``$LATEST`` for none.
        arn: The function's ARN, with the qualifier if one was given.
    """

    name: str
    qualifier: str
    arn: str

    def __str__(self) -> str:
        return self.name if self.qualifier == LATEST else f"{self.name}:{self.qualifier}"


class Function:
    """A function of Lambda. ``World.create_function`` makes it.

    Attributes:
        name, arn: As AWS has them.
        deleted: Whether it was deleted.
    """

    def __init__(
        self,
        port: Port,
        account: Account,
        name: str,
        configuration: Configuration,
        reserved_concurrency: int | None,
        kept: int | None,
    ) -> None:
        service = port.service
        self.name = name
        self.arn = f"arn:aws:lambda:{service.region}:{service.account_id}:function:{name}"
        self._kept: deque[Invocation] = deque(maxlen=kept)
        self._port = port
        self._environments = Environments(account)
        if reserved_concurrency is not None:
            self._reserve(reserved_concurrency)
        self._runs = Runs(port, self._environments, name, self.arn, account.new_address(name), self._kept)
        self._versions: dict[str, Configuration] = {}
        self._aliases: dict[str, str] = {}
        self._published = 0
        self._set_version(LATEST, configuration)
        self.deleted = False

    def __repr__(self) -> str:
        return f"Function({self.name!r})"

    # --------------------------------------------------------------------------------------------- settings
    @property
    def timeout(self) -> int:
        """Seconds, 1 to 900, after which a run is ended."""
        return self._versions[LATEST].timeout

    @property
    def reserved_concurrency(self) -> int | None:
        """How many runs at once are set aside for the function; it may have no more."""
        return self._environments.reserved

    def update(self, **changes: Any) -> None:
        """Change settings: all that are given, or none; see ``World.create_function``.

        New environments are made for what is new; runs that are under way end as they began. Published
        versions stay as they are. ``reserved_concurrency=None`` takes the reservation away.

        Raises:
            ValidationException, InvalidParameterValueException: As AWS.
            UsageError: Not a setting, or not of its type.
        """
        with self._call("UpdateFunctionConfiguration"):
            before = self._versions[LATEST]
            reserves = "reserved_concurrency" in changes
            reserved = changes.pop("reserved_concurrency", None)
            if unknown := changes.keys() - attrs.fields_dict(Configuration).keys():
                raise errors.UsageError(f"{min(unknown)!r} is not a setting of a function")
            after = attrs.evolve(before, **changes) if changes else before
            if reserves:
                self._reserve(reserved)
            if changes:
                self._set_version(LATEST, after)

    def _reserve(self, reserved: int | None) -> None:
        if reserved is not None and (isinstance(reserved, bool) or not isinstance(reserved, int)):
            raise errors.UsageError(f"reserved_concurrency is a whole number or None, not {reserved!r}")
        if reserved is not None and reserved < 0:
            raise errors.ValidationException.of(
                reserved, "reservedConcurrentExecutions", "have value greater than or equal to 0"
            )
        self._environments.reserve(reserved)

    def _set_version(self, version: str, configuration: Configuration) -> None:
        if version in self._versions:
            self._environments.drop(self._versions[version])
        self._versions[version] = configuration
        self._environments.keep(configuration)

    def publish_version(self) -> str:
        """Freeze the present settings and handler under a number, from 1, which may stand behind the name.

        Source: API_PublishVersion.
        """
        with self._call("PublishVersion"):
            self._published += 1
            version = str(self._published)
            self._set_version(version, attrs.evolve(self._versions[LATEST]))
            return version

    def create_alias(self, alias: str, version: str) -> None:
        """Let a name of its own stand for a version; an alias that exists goes over to it.

        Source: API_CreateAlias, API_UpdateAlias.
        """
        with self._call("CreateAlias"):
            if not re.fullmatch(_ALIAS, alias):
                raise errors.ValidationException.of(alias, "name", f"satisfy regular expression pattern: {_ALIAS}")
            if version not in self._versions:
                raise errors.ResourceDoesNotExist(f"Function not found: {self.arn}:{version}")
            self._aliases[alias] = version

    def delete_version(self, version: str) -> None:
        """Delete a published version, or an alias."""
        with self._call("DeleteAlias" if version in self._aliases else "DeleteFunction"):
            if version in self._aliases:
                del self._aliases[version]
            elif version == LATEST or version not in self._versions:
                raise errors.ResourceDoesNotExist(f"Function not found: {self.arn}:{version}")
            else:
                self._environments.drop(self._versions.pop(version))

    def delete(self) -> None:
        """Delete the function. Runs that are under way end; mappings stay, and fail (lambda-poller.md E1)."""
        with self._call("DeleteFunction"):
            self._environments.reserve(None)
            for configuration in self._versions.values():
                self._environments.drop(configuration)
            self.deleted = True

    @contextmanager
    def _call(self, action: str) -> Iterator[None]:
        """What an action does to a function that exists; a refusal gets what AWS's answer has."""
        with self._port.lock:
            try:
                if self.deleted:
                    raise errors.ResourceDoesNotExist(f"Function not found: {self.arn}")
                yield
            except errors.LambdaError as error:
                error.operation_name = action
                error.request_id = self._port.request_id()
                raise

    # ------------------------------------------------------------------------------------------ invocations
    def invoke(self, event: object = None, *, qualifier: str = LATEST) -> Invocation:
        """Run the handler with an event and wait for its end; simulated time passes meanwhile.

        Args:
            event: What JSON can say; the handler gets a copy.
            qualifier: A published version, or an alias.

        Raises:
            TooManyRequestsException: The function has no concurrency left.
            ResourceDoesNotExist: The function or the version is deleted.

        Source: API_Invoke.
        """
        with self._port.lock:
            invocation = self.start(event, qualifier=qualifier)
            self._port.kernel.complete(self._wait_for(invocation), f"function {self.name}")
        return invocation

    def start(self, event: object = None, *, qualifier: str = LATEST) -> Invocation:
        """The same without waiting: the handler runs as soon as time is let pass; its concurrency is taken now."""
        with self._call("Invoke"):
            resolved = self.resolve(qualifier)
            if resolved is None:
                raise errors.ResourceDoesNotExist(f"Function not found: {self.arn}:{qualifier}")
            try:
                text = json.dumps(event)
            except (TypeError, ValueError, RecursionError) as error:
                raise errors.UsageError(f"an event is what JSON can say, not {event!r}: {error}") from error
            version, configuration = resolved
            invocation = self._runs.begin(
                configuration,
                version,
                qualifier,
                lambda: json.loads(text),
                mapping=None,
                caller=MAIN,
                at_once=False,
            )
            if invocation is None:
                raise errors.TooManyRequestsException
            return invocation

    def _wait_for(self, invocation: Invocation) -> Waiting[None]:
        task = self._port.kernel.current
        assert task is not None, "only a task can wait"
        invocation.on_end = lambda ended: task.wake()
        while invocation.ended_ns is None:
            yield Wait(limits.NEVER_NS - 1, passive=True)

    def resolve(self, qualifier: str) -> tuple[str, Configuration] | None:
        """The version that a qualifier means now, and its configuration; None if it does not exist."""
        version = self._aliases.get(qualifier, qualifier)
        configuration = None if self.deleted else self._versions.get(version)
        return None if configuration is None else (version, configuration)

    @property
    def invocations(self) -> list[Invocation]:
        """The latest runs, in the order in which they started: as many as the journal keeps entries, at least 1,000."""
        return list(self._kept)

    @property
    def runs(self) -> Runs:
        """What begins invocations; for the poller."""
        return self._runs

    @property
    def metrics(self) -> Metrics:
        """What CloudWatch would show of the function.

        ``Duration`` is the sum in milliseconds, ``ConcurrentExecutions`` the highest number at once.

        Source: lambda-poller.md 7.2.
        """
        return Metrics(self._runs.read)
