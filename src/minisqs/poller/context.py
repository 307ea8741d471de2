"""The context that a handler gets beside its event, on simulated time.

Source: AWS's Python runtime client; lambda-poller.md 2.2.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ..limits import MILLISECOND_NS
from ..sim.clock import Clock


class CognitoIdentity:
    """Who called through a mobile SDK: nobody."""

    __slots__ = ("cognito_identity_id", "cognito_identity_pool_id")

    def __init__(self) -> None:
        self.cognito_identity_id: str | None = None
        self.cognito_identity_pool_id: str | None = None


class About(NamedTuple):
    """What a context says of the function and the environment, the same for all of its invocations."""

    function_name: str
    function_version: str
    invoked_function_arn: str
    memory_limit_in_mb: str
    log_group_name: str
    log_stream_name: str


class Context:
    """What AWS's runtime hands to a handler as its second argument.

    Attributes:
        function_name, function_version, invoked_function_arn, log_group_name, log_stream_name: As AWS has them.
        memory_limit_in_mb: A text.
        aws_request_id: New for each attempt.
        identity: Its two ids are None.
        client_context, tenant_id: None.
    """

    def __init__(
        self, about: About, aws_request_id: str, clock: Clock, deadline_ns: int, log: Callable[[str], None]
    ) -> None:
        self.function_name = about.function_name
        self.function_version = about.function_version
        self.invoked_function_arn = about.invoked_function_arn
        self.memory_limit_in_mb = about.memory_limit_in_mb
        self.aws_request_id = aws_request_id
        self.log_group_name = about.log_group_name
        self.log_stream_name = about.log_stream_name
        self.identity = CognitoIdentity()
        self.client_context: object | None = None
        self.tenant_id: str | None = None
        self._clock = clock
        self._deadline_ns = deadline_ns
        self._log = log

    def __repr__(self) -> str:
        return f"Context(function_name={self.function_name!r}, aws_request_id={self.aws_request_id!r})"

    def get_remaining_time_in_millis(self) -> int:
        """Whole milliseconds of simulated time until the timeout, never below 0."""
        return max(0, self._deadline_ns - self._clock.now_ns) // MILLISECOND_NS

    def log(self, text: object) -> None:
        """Write into the log stream, which is the world's journal here."""
        self._log(str(text))
