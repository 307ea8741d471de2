"""The context that a handler gets beside its event, on simulated time.

Source: AWS's Python runtime client; lambda-poller.md 2.2.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ..limits import MILLISECOND_NS
from ..sim.clock import Clock


class CognitoIdentity:
    """Who called through a mobile SDK: nobody."""

    cognito_identity_id: str | None = None
    cognito_identity_pool_id: str | None = None


class Run(Protocol):
    """An invocation, as far as its context shows it."""

    @property
    def function(self) -> str:
        """The function's name."""
        ...

    @property
    def version(self) -> str:
        """``$LATEST`` or a number."""
        ...

    @property
    def invoked_arn(self) -> str:
        """The ARN by which the function was invoked."""
        ...

    @property
    def memory_size(self) -> int:
        """MB."""
        ...

    @property
    def request_id(self) -> str:
        """New for each attempt."""
        ...

    @property
    def log_stream(self) -> str:
        """That of its environment."""
        ...

    @property
    def deadline_ns(self) -> int:
        """When its timeout comes."""
        ...


class Context:
    """What AWS's runtime hands to a handler as its second argument.

    Attributes:
        identity: Its ``cognito_identity_id`` and ``cognito_identity_pool_id`` are None.
        client_context, tenant_id: None.
    """

    identity = CognitoIdentity()
    client_context: object | None = None
    tenant_id: str | None = None

    def __init__(
        self, run: Run, clock: Clock, log: Callable[[Run, str], None], was_read: Callable[[], None] | None = None
    ) -> None:
        self._shown = run
        self._was_read = was_read
        self._clock = clock
        self._log = log

    def __repr__(self) -> str:
        return f"Context(function_name={self.function_name!r}, aws_request_id={self.aws_request_id!r})"

    def put_there(self) -> list[tuple[str, object]]:
        """The attributes that the handler itself has given to it."""
        return [item for item in vars(self).items() if item[0] not in {"_shown", "_was_read", "_clock", "_log"}]

    @property
    def _run(self) -> Run:
        """The invocation; whoever follows the run is told that the handler looked at it."""
        if self._was_read is not None:
            self._was_read()
        return self._shown

    @property
    def function_name(self) -> str:
        """The function's name."""
        return self._run.function

    @property
    def function_version(self) -> str:
        """``$LATEST``, or the number of the version."""
        return self._run.version

    @property
    def invoked_function_arn(self) -> str:
        """The function's ARN, with the version or alias by which it was invoked."""
        return self._run.invoked_arn

    @property
    def memory_limit_in_mb(self) -> str:
        """A text."""
        return str(self._run.memory_size)

    @property
    def aws_request_id(self) -> str:
        """A UUID, new for each attempt."""
        return self._run.request_id

    @property
    def log_group_name(self) -> str:
        """``/aws/lambda/`` and the name."""
        return f"/aws/lambda/{self._run.function}"

    @property
    def log_stream_name(self) -> str:
        """The date, the version and 32 hexadecimal digits; one for each environment."""
        return self._run.log_stream

    def get_remaining_time_in_millis(self) -> int:
        """Whole milliseconds of simulated time until the timeout, never below 0."""
        return max(0, self._run.deadline_ns - self._clock.now_ns) // MILLISECOND_NS

    def log(self, text: object) -> None:
        """Write into the log stream, which is the world's journal here."""
        self._log(self._run, str(text))
