"""What becomes of records once it is known: which are deleted, which are left to their visibility timeout.

A record is deleted because its run took it, or because no filter wants it. Whatever failed is left alone:
Lambda changes no visibility and calls nothing.

Source: lambda-poller.md 4 and P10.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from .. import errors, limits
from ..engine.decisions import API_ERROR, LOST_ANSWER, PARTIAL
from ..engine.message import Delivery
from ..sim.port import Port
from . import responses
from .events import Events, Shape
from .invocations import SUCCESS, Invocation
from .measures import Points
from .settings import Settings

_ENTRY_IDS: Final = tuple(str(number) for number in range(limits.BATCH_ENTRIES))


class Settling:
    """Deletes for one mapping.

    Args:
        port: The world.
        queue_url: The mapping's queue.
        events: Makes records, for filters that look at more than the body.
        points: Where the mapping's metrics go.
    """

    def __init__(self, port: Port, queue_url: str, events: Events, points: Points) -> None:
        self._port = port
        self._queue_url = queue_url
        self._events = events
        self._points = points

    def settle(
        self, settings: Settings, deliveries: Sequence[Delivery], invocation: Invocation, caller: str
    ) -> tuple[int, str]:
        """Delete what a run took; how many records it did not take, and what happened, in words."""
        if invocation.outcome != SUCCESS:
            error = invocation.error
            what = f"{type(error).__name__}: {error}".partition("\n")[0]
            return len(deliveries), f"{invocation.outcome}: {what}: nothing is deleted"
        taken, why = deliveries, ""
        if settings.report_batch_item_failures and invocation.answer not in (None, {}):
            taken, why = self._taken(settings, deliveries, invocation.answer)
        self._tell_report(settings, deliveries, invocation, taken, why)
        deleted = self._delete(taken, caller, settings.delete_attempts)
        words = f"{invocation.outcome}: {deleted} of {len(deliveries)} deleted" + (f": {why}" if why else "")
        return len(deliveries) - len(taken), words

    def _taken(
        self, settings: Settings, deliveries: Sequence[Delivery], answer: object
    ) -> tuple[Sequence[Delivery], str]:
        """The records that a response does not report, and what is wrong with it, if anything."""
        ids = [self._port.message_id(delivery.message) for delivery in deliveries]
        failed, why = responses.read(answer, ids, settings.reading)
        if not failed:
            return deliveries, why
        kept = frozenset(failed)
        return [one for one, message_id in zip(deliveries, ids, strict=True) if message_id not in kept], why

    def _tell_report(
        self,
        settings: Settings,
        deliveries: Sequence[Delivery],
        invocation: Invocation,
        taken: Sequence[Delivery],
        why: str,
    ) -> None:
        """Tell who follows the run what a list of failures has brought about, if there was one."""
        stage, work = self._port.stage, invocation._work
        if stage is None or work is None:
            return
        if not settings.report_batch_item_failures and responses.lists_failures(invocation.answer):
            stage.reported(work, (), "report_batch_item_failures is not set")
        elif len(taken) < len(deliveries):
            stage.reported(work, [one.message for one in deliveries if one not in taken], why)

    def passed_by(self, settings: Settings, deliveries: list[Delivery], caller: str) -> list[Delivery]:
        """Delete the records that no filter matches; the others."""
        shape = Shape.of(settings)
        passed: list[Delivery] = []
        others: list[Delivery] = []
        for delivery in deliveries:
            record = partial(self._events.record, delivery, shape)
            matches = any(one.matches(delivery.message.body, record) for one in settings.parsed_filters)
            (passed if matches else others).append(delivery)
        self._points.add("FilteredOutEventCount", len(others), self._port.clock.now_ns)
        for delivery in others:
            self._port.tell(self._queue_url, delivery, "filtered out", "no filter matches: deleted unseen", caller)
        self._delete(others, caller, settings.delete_attempts)
        return passed

    def _delete(self, deliveries: Sequence[Delivery], caller: str, attempts: int) -> int:
        """Delete in tens; how many SQS has deleted. What it refuses is left."""
        deleted = 0
        for start in range(0, len(deliveries), limits.BATCH_ENTRIES):
            group = deliveries[start : start + limits.BATCH_ENTRIES]
            if self._port.asks:
                group, lost = self._reached(group, caller)
                deleted -= lost
            for _ in range(attempts if group else 0):
                refused = self._delete_batch(group, caller)
                deleted += len(group) - len(refused)
                group = refused
                if not group:
                    break
        if deliveries:
            self._points.add("DeletedEventCount", deleted, self._port.clock.now_ns)
        return deleted

    def _reached(self, group: Sequence[Delivery], caller: str) -> tuple[Sequence[Delivery], int]:
        """What SQS deletes of up to ten, where calls may fail for good, and how many of these nobody hears of."""
        choose = partial(self._port.choose, queue_url=self._queue_url, caller=caller, action="DeleteMessageBatch")
        subject = group[0].message.address
        if choose(API_ERROR, 2, subject=subject):
            return (), 0
        reached = [one for one in group if len(group) == 1 or not choose(PARTIAL, 2, subject=one.message.address)]
        return reached, len(reached) if choose(LOST_ANSWER, 2, subject=subject) else 0

    def _delete_batch(self, group: Sequence[Delivery], caller: str) -> Sequence[Delivery]:
        """Delete up to ten; those that SQS refused."""
        try:
            answer = self._port.delete_message_batch(
                self._queue_url, list(zip(_ENTRY_IDS, group, strict=False)), caller=caller, may_fail=False
            )
        except errors.SqsError:
            return group
        if self._port.stage is not None:
            self._port.stage.deleted(self._queue_url, [delivery.message for _, delivery in answer.successful])
        return [group[int(entry_id)] for entry_id, _ in answer.failed]
