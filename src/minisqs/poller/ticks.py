"""What moves the scale of a mapping with time: ticks, and the end of a long quiet.

Between two ticks it is counted how many batches were settled, how many of them failed, and whether all
slots were busy at some instant. Ticks lie at whole multiples from when the mapping was enabled; one that
would find nothing to tell is left out, so a mapping without work costs no more than its polls.

Source: lambda-poller.md 5.1 to 5.3.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ..limits import SECOND_NS
from ..sim.clock import nanoseconds
from ..sim.kernel import Event
from ..sim.port import Port
from . import moments
from .measures import Peak, Points
from .scaling import Scale


class Counted(Protocol):
    """A slot, as far as its batch is counted once a tick."""

    counted: int
    blamed: int


class Ticks:
    """Counts for one mapping, and changes its scale.

    Args:
        port: The world.
        queue_url, label: The mapping's queue, and what the journal calls the mapping.
        points: Where the number of pollers goes.
        changed: Called after the scale has changed.
    """

    def __init__(self, port: Port, queue_url: str, label: str, points: Points, changed: Callable[[], None]) -> None:
        self._port = port
        self._queue_url = queue_url
        self._label = label
        self._changed = changed
        self._pollers = Peak(points, "ProvisionedPollers", port.clock.started_ns)
        self._scale: Scale | None = None
        self._began_ns = 0
        self._number = 0
        self._batches = 0
        self._failed = 0
        self._busy = 0
        self._were_all_busy = False
        self._tick: Event | None = None
        self._heard_ns = 0
        self._quiet_ns: int | None = None
        self._quiet: Event | None = None

    # ---------------------------------------------------------------------------------- starting and stopping
    def start(self, scale: Scale) -> None:
        """Begin to tick, now."""
        self._scale = scale
        self._began_ns = self._heard_ns = self._port.clock.now_ns
        self._batches = self._failed = 0
        self._were_all_busy = False

    def stop(self) -> None:
        """Tick no more."""
        for event in (self._tick, self._quiet):
            if event is not None:
                self._port.kernel.cancel(event)
        self._scale = self._tick = self._quiet = None
        self.refresh()

    def adapt(self, why: str, quiet_after_s: float | None) -> None:
        """Go on with other settings, which have changed the scale for this reason, if any."""
        self._quiet_ns = None if quiet_after_s is None else nanoseconds(quiet_after_s)
        self.tell(why)
        self._changed()
        self.refresh()
        self._watch_quiet()

    def tell(self, why: str) -> None:
        """Write down why the scale has changed, if it has, and let the slots follow."""
        if why:
            self._port.note("scale", self._queue_url, self._label, why)
            self._changed()
            self.refresh()

    def refresh(self) -> None:
        """Bring the metric of pollers up to now."""
        scale = self._scale
        provisioned = scale is not None and scale.profile.is_provisioned
        self._pollers.change(scale.pollers if scale is not None and provisioned else 0, self._port.clock.now_ns)

    # ------------------------------------------------------------------------------------------- counting
    def became_busy(self) -> None:
        """A slot has a batch."""
        self._busy += 1
        scale = self._scale
        if scale is not None:
            if self._busy >= scale.slots:
                self._were_all_busy = True
            if self._tick is None:
                self._schedule_tick(scale)

    def became_free(self) -> None:
        """A slot has none any more."""
        self._busy -= 1

    def count(self, slot: Counted, *, failed: bool) -> None:
        """Count the batch of a slot, once a tick."""
        if slot.counted != self._number:
            slot.counted = self._number
            self._batches += 1
        if failed and slot.blamed != self._number:
            slot.blamed = self._number
            self._failed += 1

    def heard(self) -> None:
        """A receive has found something."""
        self._heard_ns = self._port.clock.now_ns
        scale = self._scale
        if scale is not None and scale.slots < scale.profile.start:
            self.tell(scale.received())
            self._watch_quiet()

    # ---------------------------------------------------------------------------------------------- events
    def _schedule_tick(self, scale: Scale) -> None:
        tick_ns = scale.tick_s * SECOND_NS
        past = (self._port.clock.now_ns - self._began_ns) // tick_ns
        self._tick = self._port.kernel.at(
            self._began_ns + (past + 1) * tick_ns, self._on_tick, label=self._label, passive=True, order=moments.TICKS
        )

    def _on_tick(self) -> None:
        scale = self._scale
        assert scale is not None, "a mapping that is stopped does not tick"
        self._tick = None
        if self._busy or self._batches or self._were_all_busy:
            self._schedule_tick(scale)
        queue = self._port.service.find(self._queue_url)
        why = scale.tick(
            batches=self._batches,
            failed=self._failed,
            were_all_busy=self._were_all_busy,
            is_backlog=queue is not None and queue.visible > 0,
        )
        self._number += 1
        self._batches = self._failed = 0
        self._were_all_busy = self._busy >= scale.slots
        self.tell(why)

    def _watch_quiet(self) -> None:
        """Be there when there was no message for long enough, where that takes slots away."""
        scale = self._scale
        if self._quiet is not None:
            self._port.kernel.cancel(self._quiet)
            self._quiet = None
        if scale is None or self._quiet_ns is None or scale.profile.quiet >= scale.profile.start:
            return
        self._quiet = self._port.kernel.at(
            self._heard_ns + self._quiet_ns, self._on_quiet, label=self._label, passive=True, order=moments.TICKS
        )

    def _on_quiet(self) -> None:
        scale = self._scale
        assert scale is not None, "a mapping that is stopped has no quiet"
        assert self._quiet_ns is not None, "a quiet has a length"
        self._quiet = None
        if self._port.clock.now_ns - self._heard_ns < self._quiet_ns:
            self._watch_quiet()
        else:
            self.tell(scale.quiet())
