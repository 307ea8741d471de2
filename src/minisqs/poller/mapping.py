"""An event source mapping as its user holds it: settings, state, AWS's answers, metrics.

A change passes through a state of its own (``Creating``, ``Updating`` …) for ``transition_delay`` seconds;
until then the old settings hold, and another change is refused. The state is a matter of time only: with
no delay it is the new one at once. What a change lets the poller do is an event, as nothing runs but where
time is let pass.

Source: API_CreateEventSourceMapping and its neighbours; lambda-poller.md 1.1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, Protocol, TypeVar, Unpack

from .. import errors, limits
from ..engine.metrics import Metrics
from ..sim.clock import nanoseconds
from ..sim.port import Port
from . import moments
from .events import Events
from .functions import Function, Reference
from .measures import Points
from .settings import MappingSettings, Settings, check_together, checked
from .slots import Slots

Answer = TypeVar("Answer")

METRICS: Final = (
    "PolledEventCount", "FilteredOutEventCount", "InvokedEventCount", "FailedInvokeEventCount",
    "DeletedEventCount", "ProvisionedPollers",
)  # fmt: skip

CREATING: Final = "Creating"
ENABLED: Final = "Enabled"
ENABLING: Final = "Enabling"
DISABLED: Final = "Disabled"
DISABLING: Final = "Disabling"
UPDATING: Final = "Updating"
DELETING: Final = "Deleting"
DELETED: Final = "Deleted"


class Registry(Protocol):
    """The functions and mappings of the account, as far as one mapping needs them."""

    account_concurrency: int

    def refer(self, function: object) -> Reference:
        """The reference that a caller means, refused if there is no such function."""
        ...

    def find(self, reference: Reference) -> Function | None:
        """The function, if it and its version exist."""
        ...

    def check_pair(self, queue_arn: str, reference: Reference, mapping: EventSourceMapping | None) -> None:
        """Refuse a queue and a function that do not go together, or are joined already."""
        ...

    def call(self, action: str, call: Callable[[], Answer]) -> Answer:
        """Do what a caller asks for; a refusal gets what AWS's answer has, and is written down."""
        ...


class EventSourceMapping:
    """Joins a queue and a function. ``World.create_event_source_mapping`` makes it.

    Attributes:
        uuid, queue_arn: As AWS has them.
        function_name: The function, with its version or alias if one was given.
    """

    def __init__(
        self, port: Port, registry: Registry, number: int, queue_arn: str, reference: Reference, settings: Settings
    ) -> None:
        service = port.service
        self.queue_arn = queue_arn
        self.uuid = service.identifiers.uuid(f"mapping {number}")
        self._arn = f"arn:aws:lambda:{service.region}:{service.account_id}:event-source-mapping:{self.uuid}"
        self._port = port
        self._registry = registry
        self._reference = reference
        self._settings = settings
        self._points = Points(METRICS, port.clock.started_ns)
        self._modified_ns = port.clock.now_ns
        self._passes_until_ns = 0
        self._passing = ""
        self._state = DISABLED
        queue_name = queue_arn.rpartition(":")[2]
        self._label = f"{queue_name}/{reference}"
        self._slots = Slots(
            port,
            queue_url=service.queue(queue_name).url,
            reference=reference,
            find=registry.find,
            label=self._label,
            number=number,
            uuid=self.uuid,
            settings=settings,
            account_concurrency=registry.account_concurrency,
            events=Events(service.identifiers, service.sender_id, queue_arn),
            points=self._points,
        )
        if settings.enabled:
            self._pass_through(CREATING, ENABLED, self._slots.start)

    def __repr__(self) -> str:
        return f"<EventSourceMapping of {self.queue_arn.rpartition(':')[2]} to {self.function_name}: {self.state}>"

    # ---------------------------------------------------------------------------------------------- looking
    @property
    def function_name(self) -> str:
        """The function, with its version or alias if one was given."""
        return str(self._reference)

    @property
    def answer(self) -> dict[str, Any]:
        """What AWS answers to the call that changed it last."""
        return self._described(self._passing or DISABLED)

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self._settings

    def standing(self) -> tuple[object, ...]:
        """All that its slots have in hand."""
        return self._slots.standing()

    @property
    def state(self) -> str:
        """``Creating``, ``Enabling``, ``Enabled``, ``Disabling``, ``Disabled``, ``Updating``, ``Deleting``, ``Deleted``."""
        return self._passing if self._port.clock.now_ns < self._passes_until_ns else self._state

    @property
    def concurrency(self) -> int:
        """How many slots it has now: as many batches at most are in its hands. 0 while it does not poll."""
        state = self.state
        polls = state == ENABLED or (self._slots.is_polling and state not in {DISABLED, DELETED})
        return self._slots.scale.slots if polls else 0

    @property
    def busy(self) -> int:
        """How many of them have a batch."""
        return self._slots.busy

    @property
    def metrics(self) -> Metrics:
        """What CloudWatch would show of the mapping.

        The totals are always counted; the one-minute data is published only with ``metrics=["EventCount"]``.

        Source: lambda-poller.md 7.3.
        """

        def read() -> tuple[dict[str, int], Points]:
            self._slots.refresh()
            return self._points.totals, self._points if self._settings.metrics else Points(METRICS, 0)

        return Metrics(read)

    def joins(self, queue_arn: str, reference: Reference) -> bool:
        """Whether it joins these two."""
        return self.queue_arn == queue_arn and str(self._reference) == str(reference)

    def describe(self) -> dict[str, Any]:
        """What AWS answers to GetEventSourceMapping.

        Raises:
            ResourceDoesNotExist: It was deleted.
        """

        def answer() -> dict[str, Any]:
            self._refuse_deleted()
            return self._described(self.state)

        return self._registry.call("GetEventSourceMapping", answer)

    def _described(self, state: str) -> dict[str, Any]:
        settings = self._settings
        answer: dict[str, Any] = {
            "UUID": self.uuid,
            "EventSourceMappingArn": self._arn,
            "EventSourceArn": self.queue_arn,
            "FunctionArn": self._reference.arn,
            "BatchSize": settings.batch_size,
            "MaximumBatchingWindowInSeconds": settings.maximum_batching_window_in_seconds,
            "FunctionResponseTypes": ["ReportBatchItemFailures"] if settings.report_batch_item_failures else [],
            "LastModified": datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=self._modified_ns // 1000),
            "State": state,
            "StateTransitionReason": "USER_INITIATED",
        }
        if settings.filters:
            answer["FilterCriteria"] = {"Filters": [{"Pattern": text} for text in settings.filters]}
        if settings.maximum_concurrency is not None:
            answer["ScalingConfig"] = {"MaximumConcurrency": settings.maximum_concurrency}
        if settings.minimum_pollers is not None or settings.maximum_pollers is not None:
            answer["ProvisionedPollerConfig"] = {
                "MinimumPollers": settings.minimum_pollers or limits.MINIMUM_POLLERS.default,
                "MaximumPollers": settings.maximum_pollers or limits.MAXIMUM_POLLERS.default,
            }
        if settings.metrics:
            answer["MetricsConfig"] = {"Metrics": list(settings.metrics)}
        return answer

    # --------------------------------------------------------------------------------------------- changing
    def update(self, *, function: Function | str | None = None, **changes: Unpack[MappingSettings]) -> None:
        """Change settings: all that are given, or none; None takes a limit away.

        Batches whose first receive came before the change keep the old settings.

        Args:
            function: Another function, or the same; only where it is named is the queue's visibility timeout
                compared with its timeout once more.
            changes: See ``MappingSettings``.

        Raises:
            ValidationException, InvalidParameterValueException: As AWS.
            ResourceInUseException: It passes from one state to another.
            ResourceDoesNotExist: It was deleted.
            UsageError: Not a setting, or not of its type.

        Source: API_UpdateEventSourceMapping.
        """
        self._registry.call("UpdateEventSourceMapping", lambda: self._update(function, changes))

    def _update(self, function: Function | str | None, changes: Mapping[str, Any]) -> None:
        settings = checked(changes, self._settings)
        self._refuse_change("update")
        reference = self._reference
        if function is not None:
            reference = self._registry.refer(function)
        check_together(settings, fifo=self.queue_arn.endswith(".fifo"))
        if function is not None:
            self._registry.check_pair(self.queue_arn, reference, self)
        passing, state, polls = UPDATING, self._state, None
        if settings.enabled != self._settings.enabled:
            passing, state = (ENABLING, ENABLED) if settings.enabled else (DISABLING, DISABLED)
            polls = settings.enabled
        self._settings, self._reference = settings, reference
        self._pass_through(passing, state, partial(self._apply, settings, reference, polls=polls))

    def enable(self) -> None:
        """Poll again; see ``update``."""
        self.update(enabled=True)

    def disable(self) -> None:
        """Poll no more: open windows are handed over, runs end, and what they took is deleted; see ``update``."""
        self.update(enabled=False)

    def delete(self) -> None:
        """Delete the mapping; what it has in its hands ends as with ``disable``.

        Raises:
            ResourceInUseException: It passes from one state to another.
            ResourceDoesNotExist: It was deleted.

        Source: API_DeleteEventSourceMapping.
        """
        self._registry.call("DeleteEventSourceMapping", self._delete)

    def _delete(self) -> None:
        self._refuse_change("delete")
        self._pass_through(DELETING, DELETED, self._slots.stop)

    def _apply(self, settings: Settings, reference: Reference, *, polls: bool | None) -> None:
        """Let a change hold."""
        self._slots.change(settings, reference)
        if polls is not None:
            (self._slots.start if polls else self._slots.stop)()

    def _pass_through(self, passing: str, state: str, then: Callable[[], None]) -> None:
        """Go over to a state; what that means for the slots happens when it is reached."""
        clock = self._port.clock
        self._modified_ns = clock.now_ns
        self._passing, self._state = passing, state
        self._passes_until_ns = clock.now_ns + nanoseconds(self._settings.transition_delay)
        self._port.note("mapping", self.queue_arn.rpartition(":")[2], self._label, f"{passing}, then {state}")
        self._port.kernel.at(self._passes_until_ns, then, label=self._label, order=moments.CHANGES)

    def _refuse_change(self, what: str) -> None:
        self._refuse_deleted()
        if self._port.clock.now_ns < self._passes_until_ns:
            raise errors.ResourceInUseException(f"Cannot {what} the event source mapping because it is in use.")

    def _refuse_deleted(self) -> None:
        if self.state == DELETED:
            raise errors.ResourceDoesNotExist
