"""Message move tasks: what was moved to a dead-letter queue goes back, or elsewhere (sqs.md 10).

A task moves the available messages of its source, oldest first. With a rate it moves the first at its
start and one every 1/rate seconds from then on; without one it moves all at once. It is complete when no
message is available any more; messages in flight stay. A moved message is a new message.

A task is told the time like everything else: ``run`` does all that is due.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from typing import Final

import attrs

from .. import limits
from ..limits import NEVER_NS, SECOND_NS
from .message import Message
from .queue import Queue

RUNNING: Final = "RUNNING"
CANCELLING: Final = "CANCELLING"
CANCELLED: Final = "CANCELLED"
COMPLETED: Final = "COMPLETED"
FAILED: Final = "FAILED"

NO_SOURCE: Final = "CouldNotDetermineMessageSource"
NO_QUEUE: Final = "AWS.SimpleQueueService.NonExistentQueue"
OVER_TIME: Final = "TaskTimeout"


@attrs.define(eq=False, kw_only=True)
class MoveTask:
    """One message move task.

    Attributes:
        task_id: Its own id; ``handle`` is made of it.
        source: The queue it empties.
        destination_arn: Where all messages go; None sends each back to the queue it came from.
        rate: Messages a second; None for all at once.
        started_ns: When it was started.
        to_move: How many messages the source had then.
        moved: How many it has moved.
        status: RUNNING, CANCELLING, CANCELLED, COMPLETED or FAILED.
        failure_reason: Why it failed; empty otherwise.
        next_ns: When it goes on; never, once it has ended.
    """

    task_id: str
    source: Queue
    destination_arn: str | None
    rate: int | None
    started_ns: int
    to_move: int
    moved: int = 0
    status: str = RUNNING
    failure_reason: str = ""
    next_ns: int = 0

    @property
    def handle(self) -> str:
        """The TaskHandle, which says the task and its source."""
        return base64.b64encode(
            json.dumps({"taskId": self.task_id, "sourceArn": self.source.arn}, separators=(",", ":")).encode()
        ).decode()

    @property
    def active(self) -> bool:
        """Whether it keeps its source from another task."""
        return self.status in (RUNNING, CANCELLING)

    def run(
        self, now: int, queue_of: Callable[[str], Queue | None], redrive: Callable[[Message, Queue, int], None]
    ) -> None:
        """Do all that is due by ``now``; ``redrive`` gives a message to its destination at a time."""
        while self.next_ns <= now:
            at_ns = self.next_ns
            if self.status == CANCELLING:
                self._end(CANCELLED)
            elif queue_of(self.source.arn) is not self.source:
                self._fail(NO_QUEUE)
            elif at_ns - self.started_ns >= limits.MOVE_TASK_NS:
                self._fail(OVER_TIME)
            else:
                self._move_next(at_ns, queue_of, redrive)

    def cancel(self, now: int) -> None:
        """Move nothing more; the task is cancelled as soon as time moves on."""
        self.status = CANCELLING
        self.next_ns = now + 1

    def _move_next(
        self, now: int, queue_of: Callable[[str], Queue | None], redrive: Callable[[Message, Queue, int], None]
    ) -> None:
        message = self.source.next_available(now)
        if message is None:
            self._end(COMPLETED)
            return
        target_arn = self.destination_arn or message.extras.dead_letter_source_arn
        target = None if target_arn is None else queue_of(target_arn)
        if target is None:
            self._fail(NO_SOURCE if target_arn is None else NO_QUEUE)
            return
        self.source.move_away(message)
        redrive(message, target, now)
        self.moved += 1
        if self.rate is not None:
            self.next_ns = self.started_ns + self.moved * SECOND_NS // self.rate
            if self.source.next_available(now) is None:
                self._end(COMPLETED)

    def _fail(self, reason: str) -> None:
        self.failure_reason = reason
        self._end(FAILED)

    def _end(self, status: str) -> None:
        self.status = status
        self.next_ns = NEVER_NS


def read_handle(handle: str) -> tuple[str, str] | None:
    """The task id and source ARN of a TaskHandle; None if it is not one."""
    try:
        document = json.loads(base64.b64decode(handle, validate=True))
        task_id, source_arn = document["taskId"], document["sourceArn"]
    except (binascii.Error, ValueError, KeyError, TypeError):
        return None
    return (task_id, source_arn) if isinstance(task_id, str) and isinstance(source_arn, str) else None
