"""What becomes of received records: collected, handed over, invoked, tried again, settled.

A batch grows in a slot as long as its window is open; it is handed over when it is full, when the window is
over, or when the next record would not fit into 6 MB. A throttled batch stays in the slot and is tried again
as long as its lease allows; meanwhile nothing new is received. All of it happens in events of the kernel.

Source: lambda-poller.md P3 to P8, and 4.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from ..engine.lifecycle import IN_FLIGHT
from ..engine.message import Delivery
from ..limits import SECOND_NS
from ..sim.clock import nanoseconds
from ..sim.kernel import Event
from ..sim.port import Port
from . import moments
from .configuration import Configuration
from .events import Events, Payload, Shape
from .functions import Function, Reference
from .invocations import Batch, Invocation
from .measures import Points
from .settings import EXACT, PREVIOUS_COMPLETION
from .settling import Settling
from .slot import Slot, State
from .ticks import Ticks


class Polls(Protocol):
    """The polls of a mapping, as far as a batch needs them."""

    @property
    def is_polling(self) -> bool:
        """Whether the mapping receives at all."""
        ...

    def poll(self, slot: Slot) -> None:
        """Begin another poll."""
        ...

    def go_on(self, slot: Slot) -> None:
        """Let a slot go on that has become free."""
        ...

    def stop_waiting(self, slot: Slot) -> None:
        """End the poll of a slot."""
        ...

    def after(self, slot: Slot, time_ns: int, call: Callable[[Slot], None], *, passive: bool = False) -> Event:
        """An event of a slot at a later time."""
        ...


class Batches:
    """The batches of one mapping.

    Args:
        port: The world.
        queue_url: The mapping's queue.
        label, uuid: What the kernel calls the mapping, and its UUID.
        find: Finds what a reference means, if it exists.
        events: Makes events.
        points: Where the mapping's metrics go.
        settling: What deletes.
        ticks: What counts busy slots and failed batches.
        polls: What receives.
    """

    def __init__(
        self,
        port: Port,
        *,
        queue_url: str,
        label: str,
        uuid: str,
        find: Callable[[Reference], Function | None],
        events: Events,
        points: Points,
        settling: Settling,
        ticks: Ticks,
        polls: Polls,
    ) -> None:
        self._port = port
        self._clock = port.clock
        self._kernel = port.kernel
        self._queue_url = queue_url
        self._label = label
        self._uuid = uuid
        self._find = find
        self._events = events
        self._points = points
        self._settling = settling
        self._ticks = ticks
        self._polls = polls

    # ------------------------------------------------------------------------------------------- collecting
    def collect(self, slot: Slot, deliveries: list[Delivery]) -> None:
        """Put records into the batch of a slot, as far as they fit, and hand it over if it is due."""
        settings = slot.settings
        if slot.batch is None:
            slot.batch = Payload(self._events, Shape.of(settings))
            slot.lease_ns = self._lease_end_ns(deliveries[0])
            self._ticks.became_busy()
            self._open_window(slot)
        if settings.fifo_split_by_group:
            deliveries, slot.surplus = _of_one_group(deliveries)
        left = slot.batch.add(deliveries)
        while left and not slot.batch.deliveries:  # a record that is too large for any batch
            self._leave(slot, left[:1], "is over 6 MB alone")
            left = slot.batch.add(left[1:])
        if settings.keep_surplus:
            slot.surplus = [*left, *slot.surplus]
        else:
            self._leave(slot, left, "does not fit into 6 MB with those before")
        if not slot.batch.deliveries:
            self._become_free(slot)
        elif left:
            self.hand_over(slot, "6 MB are reached")
        elif len(slot.batch.deliveries) >= settings.batch_size:
            self.hand_over(slot, "the batch size is reached")
        else:
            self.go_on_collecting(slot)

    def _open_window(self, slot: Slot) -> None:
        settings, now = slot.settings, self._clock.now_ns
        slot.state = State.COLLECTING
        slot.window_end_ns = now + settings.window_ns
        if settings.window_anchor == PREVIOUS_COMPLETION and settings.window_ns:
            slot.window_end_ns -= (now - slot.completed_ns) % settings.window_ns
        if settings.window_ns and settings.window_mode == EXACT:
            slot.window = self._polls.after(slot, slot.window_end_ns, self._end_window)

    def _end_window(self, slot: Slot) -> None:
        self.hand_over(slot, "the window is over")

    def go_on_collecting(self, slot: Slot) -> None:
        """Receive more, or hand over if the window is over, as it is at once where there is none."""
        if self._clock.now_ns >= slot.window_end_ns:
            self.hand_over(slot, "the window is over" if slot.settings.window_ns else "no window")
        elif not self._polls.is_polling:
            self.hand_over(slot, "the mapping is stopped")
        else:
            self._polls.poll(slot)

    def _leave(self, slot: Slot, deliveries: Sequence[Delivery], why: str) -> None:
        """Let records lie until their visibility timeout ends."""
        for delivery in deliveries:
            self._port.tell(self._queue_url, delivery, "left to its visibility timeout", why, slot.name)

    # --------------------------------------------------------------------------------------------- invoking
    def _lease_end_ns(self, delivery: Delivery) -> int:
        """When the visibility timeout of a record ends, whatever has become of its message since."""
        message = delivery.message
        if message.state is IN_FLIGHT and message.receive_count == delivery.receive_count:
            return message.deadline_ns
        queue = self._port.service.find(self._queue_url)
        return delivery.received_ns + (0 if queue is None else queue.settings.visibility_timeout_ns)

    def hand_over(self, slot: Slot, why: str) -> None:
        """Invoke the function with the batch of a slot."""
        assert slot.batch is not None, "only a slot that collects hands over"
        if slot.timer is not None and slot.poll_began:  # a poll that is cut short
            self._port.cut_poll(self._queue_url, slot.name)
            self._points.add("PolledEventCount", 0, self._clock.now_ns)
        self._polls.stop_waiting(slot)
        if slot.window is not None:
            self._kernel.cancel(slot.window)
            slot.window = None
        slot.state = State.RUNNING
        slot.attempts = 0
        self._port.note("batch", self._queue_url, slot.name, f"{_records(len(slot.batch.deliveries))}: {why}")
        self._attempt(slot)

    def _attempt(self, slot: Slot) -> None:
        """Try to invoke the function."""
        assert slot.batch is not None, "only a batch is handed over"
        slot.timer = None
        slot.state = State.RUNNING
        deliveries = slot.batch.deliveries
        self._points.add("InvokedEventCount", len(deliveries), self._clock.now_ns)
        resolved = self.resolve(slot)
        if resolved is None:
            blamed = not slot.settings.report_batch_item_failures
            self._settled(slot, len(deliveries), "the function does not exist", failed=blamed)
            return
        function, version, configuration = resolved
        invocation = function.runs.begin(
            configuration,
            version,
            slot.reference.qualifier,
            partial(self._events.event, deliveries, Shape.of(slot.settings)),
            mapping=self._uuid,
            caller=slot.name,
            on_end=partial(self._settle, slot),
            batch=Batch(self._queue_url, deliveries, slot.lease_ns),
        )
        if invocation is None:
            self._throttled(slot, configuration.timeout)

    def _throttled(self, slot: Slot, timeout_s: int) -> None:
        """Try the same batch again later, as long as its lease allows (lambda-poller.md X2 to X5)."""
        assert slot.batch is not None, "only a batch is throttled"
        settings, now = slot.settings, self._clock.now_ns
        delays = settings.throttle_delays
        next_ns = now + nanoseconds(delays[min(slot.attempts, len(delays) - 1)])
        slot.attempts += 1
        needed_ns = timeout_s * SECOND_NS if settings.throttle_retry_needs_timeout else 1
        self._points.add("FailedInvokeEventCount", len(slot.batch.deliveries), now)
        self._ticks.count(slot, failed=True)
        if next_ns + needed_ns > slot.lease_ns:
            self._port.note("throttled", self._queue_url, slot.name, "no other attempt fits into the lease")
            self._leave(slot, slot.batch.deliveries, "it was throttled until no attempt fitted into its lease")
            self._become_free(slot)
            return
        slot.state = State.THROTTLED
        seconds = (next_ns - self._clock.started_ns) / SECOND_NS
        self._port.note("throttled", self._queue_url, slot.name, f"the next attempt is at {seconds:g} s")
        slot.timer = self._kernel.at(next_ns, partial(self._attempt, slot), label=self._label, order=moments.RETRIES)

    def _settle(self, slot: Slot, invocation: Invocation) -> None:
        """A run has ended: delete what it took."""
        assert slot.batch is not None, "only a batch is settled"
        failed, why = self._settling.settle(slot.settings, slot.batch.deliveries, invocation, slot.name)
        blamed = invocation.error is not None and not slot.settings.report_batch_item_failures
        self._settled(slot, failed, why, failed=blamed)

    def _settled(self, slot: Slot, count: int, why: str, *, failed: bool) -> None:
        if count:
            self._points.add("FailedInvokeEventCount", count, self._clock.now_ns)
        self._port.note("settled", self._queue_url, slot.name, why)
        self._ticks.count(slot, failed=failed)
        slot.completed_ns = self._clock.now_ns
        self._become_free(slot)

    def _become_free(self, slot: Slot) -> None:
        slot.batch = None
        slot.state = State.FREE
        slot.counted = slot.blamed = -1
        if slot.window is not None:
            self._kernel.cancel(slot.window)
            slot.window = None
        self._ticks.became_free()
        self._polls.go_on(slot)

    def resolve(self, slot: Slot) -> tuple[Function, str, Configuration] | None:
        """What a slot invokes: the function, the version and its configuration; None where it does not exist."""
        function = self._find(slot.reference)
        resolved = None if function is None else function.resolve(slot.reference.qualifier)
        return None if function is None or resolved is None else (function, *resolved)


def _of_one_group(deliveries: list[Delivery]) -> tuple[list[Delivery], list[Delivery]]:
    """The records of the first one's message group, and the others."""
    group = deliveries[0].message.extras.group_id
    same = [delivery for delivery in deliveries if delivery.message.extras.group_id == group]
    return same, [delivery for delivery in deliveries if delivery.message.extras.group_id != group]


def _records(count: int) -> str:
    return "1 record" if count == 1 else f"{count} records"
