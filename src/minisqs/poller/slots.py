"""The slots of one mapping, and how they receive: each has one batch in its hands at most.

A slot is free, and then in a long poll; or it collects a batch as long as its window is open, in a long
poll too; or it runs one; or it holds one that was throttled. Whoever is not free is busy. A slot looks once
when its poll begins, one that collects behind those that are free. After that it waits until the port says
that there is something, or until the poll ends. Then the waiting slot with the lowest index looks, and
after it the next as long as they find something, so a queue that a thousand slots wait on costs no more
than one.

Everything here is an event of the kernel, at its place among those of one instant (``moments``). SQS is
reached through the port, as by everyone else.

What becomes of what they receive is told in ``batches``. Source: lambda-poller.md 3 and 5.4.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable
from functools import partial
from hashlib import blake2b

from .. import errors, limits
from ..engine.decisions import LOST_ANSWER, SPLIT
from ..engine.message import Delivery
from ..engine.values import ReceiveMessage
from ..limits import SECOND_NS
from ..sim.kernel import Event
from ..sim.port import Port
from . import moments
from .batches import Batches
from .events import Events, Payload
from .functions import Function, Reference
from .measures import Points
from .scaling import Budget, Scale
from .settings import RANDOM, Settings
from .settling import Settling
from .slot import Slot, State
from .ticks import Ticks

_LONGEST_PAUSE_S = 60
"""Between two tries to receive from a queue that is gone."""


class Slots:
    """All slots of one mapping, from when it is enabled until it is stopped.

    Args:
        port: The world.
        queue_url: What is received from.
        reference: What it invokes.
        find: Finds what a reference means, if it exists.
        label: What the kernel and the journal call the mapping.
        number: The mapping's number in its account, from 1.
        uuid: The mapping's UUID, from which random splits are drawn too.
        settings: Under which it begins.
        account_concurrency: The account's limit.
        events: Makes events.
        points: Where its metrics go.

    Attributes:
        scale: How many slots there may be.
    """

    def __init__(
        self,
        port: Port,
        *,
        queue_url: str,
        reference: Reference,
        find: Callable[[Reference], Function | None],
        label: str,
        number: int,
        uuid: str,
        settings: Settings,
        account_concurrency: int,
        events: Events,
        points: Points,
    ) -> None:
        self._port = port
        self._clock = port.clock
        self._kernel = port.kernel
        self._queue_url = queue_url
        self._reference = reference
        self._find = find
        self._label = label
        self._number = number
        self._uuid = uuid
        self._settings = settings
        self._account_concurrency = account_concurrency
        self._points = points
        self._slots: dict[int, Slot] = {}
        self._waiting: list[int] = []
        """The indexes of the slots in a poll that has looked, in order."""
        self._over_budget: list[Slot] = []
        """The slots that look in the next second."""
        self._woken: Slot | None = None
        self._started = False
        self._receives = 0
        self._sizes: deque[int] = deque()
        self._budget = Budget()
        self._next_second: Event | None = None
        self.scale = Scale(settings.profile_within(account_concurrency))
        self._ticks = Ticks(port, queue_url, label, points, self._match_scale)
        self._settling = Settling(port, queue_url, events, points)
        self._batches = Batches(
            port,
            queue_url=queue_url,
            label=label,
            uuid=uuid,
            find=find,
            events=events,
            points=points,
            settling=self._settling,
            ticks=self._ticks,
            polls=self,
        )

    # ---------------------------------------------------------------------------------- starting and stopping
    def start(self) -> None:
        """Begin to poll."""
        if self._started:
            return
        settings = self._settings
        self._started = True
        self.scale = Scale(settings.profile_within(self._account_concurrency))
        self._budget = Budget(self._clock.now_ns)
        self._sizes = _sizes(settings)
        self._port.watch(self._queue_name, self)
        self._ticks.start(self.scale)
        self._adapt()

    def stop(self) -> None:
        """Receive no more. Open windows are handed over now; runs that are under way end as they began."""
        if not self._started:
            return
        self._started = False
        self._port.unwatch(self._queue_name, self)
        self._ticks.stop()
        for slot in list(self._slots.values()):
            if slot.state is State.COLLECTING:
                self._batches.hand_over(slot, "the mapping is stopped")
            elif slot.state is State.FREE:
                self._remove(slot)

    def change(self, settings: Settings, reference: Reference) -> None:
        """Go on with other settings and another function; batches that are in hand keep theirs."""
        if settings.split != self._settings.split:
            self._sizes = _sizes(settings)
        self._settings, self._reference = settings, reference
        if self._started:
            self._adapt()

    def _adapt(self) -> None:
        """Let scale, ticks and budget go by the present settings."""
        settings = self._settings
        profile = settings.profile_within(self._account_concurrency)
        why = self.scale.adapt(profile, settings.tick, settings.ratio, needs_backlog=settings.growth_needs_backlog)
        self._ticks.adapt(why, settings.quiet_after)

    @property
    def is_polling(self) -> bool:
        """Whether it has been started, and not stopped since."""
        return self._started

    @property
    def busy(self) -> int:
        """How many slots have a batch in their hands."""
        return sum(slot.batch is not None for slot in self._slots.values())

    def standing(self) -> tuple[object, ...]:
        """All that the slots have in hand, and which of them wait."""
        slots = [
            (
                slot.index,
                int(slot.state),
                _held(slot.batch),
                slot.attempts,
                slot.lease_ns,
                slot.window_end_ns,
                slot.poll_began,
            )
            for slot in self._slots.values()
        ]
        surplus = tuple(_address(one) for slot in self._slots.values() for one in slot.surplus)
        return self.scale.slots, tuple(slots), surplus, tuple(self._waiting), self._woken is None

    def refresh(self) -> None:
        """Bring up to now what is measured as time goes by."""
        self._ticks.refresh()

    @property
    def _queue_name(self) -> str:
        return self._queue_url.rpartition("/")[2]

    # ------------------------------------------------------------------------------------------------ slots
    def _match_scale(self) -> None:
        """Add the slots that the scale allows, or remove free ones that it does not; the highest go first."""
        self._budget.pollers = self.scale.pollers if self.scale.profile.is_provisioned else 0
        index = 0
        while len(self._slots) < self.scale.slots:
            index += 1
            if index not in self._slots:
                slot = self._slots[index] = Slot(index, f"{self._label}/{index}", self._settings, self._reference)
                slot.completed_ns = self._clock.now_ns
                self.poll(slot)
        for index in sorted(self._slots, reverse=True) if len(self._slots) > self.scale.slots else ():
            if len(self._slots) > self.scale.slots and self._slots[index].state is State.FREE:
                self._remove(self._slots[index])

    def _remove(self, slot: Slot) -> None:
        self.stop_waiting(slot)
        del self._slots[slot.index]

    def go_on(self, slot: Slot) -> None:
        """Let a free slot go on: with what is left from before, with a new poll, or not at all."""
        if slot.surplus:
            surplus, slot.surplus = slot.surplus, []
            self._batches.collect(slot, surplus)
        elif not self._started or len(self._slots) > self.scale.slots:
            self._remove(slot)
        else:
            self.poll(slot)

    def poll(self, slot: Slot) -> None:
        """Begin a new poll: its first look comes at the slot's turn in this instant."""
        slot.poll_began = False
        free = slot.state is State.FREE
        self._take_turn(slot, moments.slot(self._number, slot.index) if free else moments.collecting(self._number))

    def _take_turn(self, slot: Slot, order: int) -> None:
        slot.turn = self._kernel.at(self._clock.now_ns, partial(self._look, slot), label=self._label, order=order)

    def after(self, slot: Slot, time_ns: int, call: Callable[[Slot], None], *, passive: bool = False) -> Event:
        """An event of a slot at a later time, at the slot's place."""
        order = moments.slot(self._number, slot.index)
        return self._kernel.at(time_ns, partial(call, slot), label=self._label, passive=passive, order=order)

    # ---------------------------------------------------------------------------------------------- waiting
    def wake(self) -> None:
        """There is something to receive, or the queue is gone: let the first of those who wait look."""
        if self._waiting and self._started and self._woken is None:
            self._woken = slot = self._slots[self._waiting.pop(0)]
            self._take_turn(slot, moments.slot(self._number, slot.index))

    def _wait(self, slot: Slot) -> None:
        """Wait for the rest of a poll that has found nothing yet."""
        insort(self._waiting, slot.index)
        if slot.timer is None:
            free = slot.state is State.FREE
            slot.timer = self.after(slot, self._clock.now_ns + limits.POLL_NS, self._end_poll, passive=free)
            slot.timer.period_ns = limits.POLL_NS if free else 0

    def stop_waiting(self, slot: Slot) -> None:
        """Take a slot out of everything that it waits for; if it was woken, the next one takes its turn."""
        for event in (slot.timer, slot.turn):
            if event is not None:
                self._kernel.cancel(event)
        slot.timer = slot.turn = None
        place = bisect_left(self._waiting, slot.index)
        if self._waiting[place : place + 1] == [slot.index]:
            del self._waiting[place]
        if slot in self._over_budget:
            self._over_budget.remove(slot)
        if self._woken is slot:
            self._woken = None
            self.wake()

    # -------------------------------------------------------------------------------------------- receiving
    def _look(self, slot: Slot) -> None:
        """Look once, as the first look of a poll or because there is something."""
        slot.turn = None
        if self._woken is slot:
            self._woken = None
        if self._budget.is_used_up(self._clock.now_ns, is_new_call=not slot.poll_began):
            self._look_next_second(slot)
            return
        deliveries = self._receive(slot)
        if deliveries:
            self._took(slot, deliveries)
            self.wake()
        elif deliveries is None:
            self.wake()  # the queue is gone, or takes no call: that holds for the next slot too
        else:
            self._wait(slot)

    def _end_poll(self, slot: Slot) -> None:
        """A long poll is over: look a last time."""
        self.stop_waiting(slot)
        deliveries = self._receive(slot, last_look=True)
        if deliveries:
            self._took(slot, deliveries)
        elif deliveries is not None:
            self._port.note("ReceiveMessage", self._queue_url, slot.name, "nothing to receive")
            self._points.add("PolledEventCount", 0, self._clock.now_ns)
            if slot.state is State.COLLECTING:
                self._batches.go_on_collecting(slot)
            else:
                self._shrink_or_go_on(slot)

    def _shrink_or_go_on(self, slot: Slot) -> None:
        """Take away a slot whose poll found nothing, if there are more than at the start."""
        shrinks = slot.settings.shrink_at_empty_poll and len(self._slots) <= self.scale.slots
        why = self.scale.empty_poll() if shrinks else ""
        if why:
            self._remove(slot)
            self._ticks.tell(why)
        else:
            self.go_on(slot)

    def _receive(self, slot: Slot, *, last_look: bool = False) -> list[Delivery] | None:
        """What a look finds; None where SQS refuses it, and then the slot pauses."""
        if slot.state is State.FREE:
            slot.settings, slot.reference = self._settings, self._reference
        if not slot.settings.polls_without_function and self._find(slot.reference) is None:
            self._pause(slot, passive=True)
            return None
        first_look, slot.poll_began = not slot.poll_began, True
        self._budget.calls += first_look
        if not last_look and self._port.service.is_empty(self._queue_url, self._clock.now_ns):
            return []
        request = ReceiveMessage(self._most(slot), self._visibility_timeout(slot), limits.POLL_NS // SECOND_NS)
        try:
            deliveries = self._port.receive_once(
                self._queue_url, request, slot.name, first_look=first_look, last_look=last_look
            )
        except errors.SqsError as error:
            self._pause(slot, passive=isinstance(error, errors.QueueDoesNotExist))
            return None
        if deliveries and self._port.asks and self._is_lost(slot, deliveries):
            self._pause(slot, passive=False)
            return None
        return deliveries

    def _is_lost(self, slot: Slot, deliveries: list[Delivery]) -> bool:
        """Whether the answer of a receive never comes: what is in it stays hidden for its visibility timeout."""
        subject, url = deliveries[0].message.address, self._queue_url
        choose = self._port.choose
        return bool(choose(LOST_ANSWER, 2, queue_url=url, caller=slot.name, subject=subject, action="ReceiveMessage"))

    def _most(self, slot: Slot) -> int:
        """How many messages a slot asks for."""
        collected = 0 if slot.batch is None else len(slot.batch.deliveries)
        most = min(limits.ONE_RECEIVE, slot.settings.batch_size - collected)
        if self._sizes:
            return min(most, self._sizes[0])
        if slot.settings.split == RANDOM:
            draw = blake2b(f"{self._uuid} {self._receives}".encode(), digest_size=8).digest()
            return min(most, 1 + int.from_bytes(draw) % limits.ONE_RECEIVE)
        if self._port.asks and (useful := min(most, self._visible())) > 1:
            return self._port.choose(SPLIT, useful, queue_url=self._queue_url, caller=slot.name) or most
        return most

    def _visibility_timeout(self, slot: Slot) -> int | None:
        """The queue's own, unless a window is to extend it (lambda-poller.md P8)."""
        window = slot.settings.maximum_batching_window_in_seconds
        if not window or not slot.settings.window_extends_visibility:
            return None
        resolved = self._batches.resolve(slot)
        queue = self._port.service.find(self._queue_url)
        if resolved is None or queue is None:
            return None
        needed = window + resolved[2].timeout
        if needed * SECOND_NS <= queue.settings.visibility_timeout_ns:
            return None
        return needed + limits.EXTENDED_VISIBILITY_SECONDS

    def _visible(self) -> int:
        queue = self._port.service.find(self._queue_url)
        return 0 if queue is None else queue.visible

    def _pause(self, slot: Slot, *, passive: bool) -> None:
        """Try again later: after 1, 2, 4 and so on up to 60 s."""
        pause_s = min(2**slot.failures, _LONGEST_PAUSE_S)
        slot.failures = min(slot.failures + 1, 6)
        slot.poll_began = False
        if slot.timer is not None:  # a poll that was woken ends here
            self._kernel.cancel(slot.timer)
        slot.timer = self.after(slot, self._clock.now_ns + pause_s * SECOND_NS, self._end_pause, passive=passive)

    def _end_pause(self, slot: Slot) -> None:
        slot.timer = None
        self.poll(slot)

    def _look_next_second(self, slot: Slot) -> None:
        self._over_budget.append(slot)
        if self._next_second is None:
            self._next_second = self._kernel.at(
                self._budget.next_ns(), self._begin_second, label=self._label, order=moments.slot(self._number, 0)
            )

    def _begin_second(self) -> None:
        self._next_second = None
        slots, self._over_budget = self._over_budget, []
        for slot in slots:
            self._take_turn(slot, moments.slot(self._number, slot.index))

    def _took(self, slot: Slot, deliveries: list[Delivery]) -> None:
        """Take in what a receive brought."""
        now = self._clock.now_ns
        if slot.timer is not None:
            self._kernel.cancel(slot.timer)
            slot.timer = None
        slot.failures = 0
        self._receives += 1
        if self._sizes:
            self._sizes.popleft()
        self._points.add("PolledEventCount", len(deliveries), now)
        if self._budget.pollers:
            self._budget.octets += sum(_octets(delivery) for delivery in deliveries)
        self._ticks.heard()
        if slot.settings.filters:
            deliveries = self._settling.passed_by(slot.settings, deliveries, slot.name)
        if deliveries:
            self._batches.collect(slot, deliveries)
        elif slot.state is State.COLLECTING:
            self._batches.go_on_collecting(slot)
        else:
            self.poll(slot)


def _held(batch: Payload | None) -> tuple[object, ...]:
    return () if batch is None else tuple(_address(one) for one in batch.deliveries)


def _address(delivery: Delivery) -> tuple[int, int, int]:
    return delivery.message.sequence, delivery.receive_count, delivery.received_ns


def _sizes(settings: Settings) -> deque[int]:
    return deque(settings.split) if isinstance(settings.split, tuple) else deque()


def _octets(delivery: Delivery) -> int:
    """What a message counts for the bytes that pollers read: its body and its attributes."""
    body, attributes = delivery.message.body, delivery.message.extras.attributes
    octets = len(body) if body.isascii() else len(body.encode())
    if attributes:
        values = (attribute.value for attribute in attributes.values())
        octets += sum(len(value if isinstance(value, bytes) else value.encode()) for value in values)
    return octets
