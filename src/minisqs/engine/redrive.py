"""Message move tasks: what was moved to a dead-letter queue goes back, or elsewhere (sqs.md 10).

A task moves the available messages of its source, oldest first. With a rate it moves the first at its
start and one every 1/rate seconds from then on; without one it moves all at once. It is complete when no
message is available any more; messages in flight stay. A moved message is a new message.

``MoveTasks`` keeps all tasks of an account and says, as a queue does, when the next one goes on.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Final, Protocol

import attrs

from .. import errors, limits
from ..limits import NEVER_NS, SECOND_NS
from .lifecycle import Event
from .message import Message
from .queue import Change, Queue

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
    source: Queue = attrs.field(repr=lambda queue: str(queue.name))
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

    def end(self, status: str, failure_reason: str = "") -> None:
        """Go on no more."""
        self.status = status
        self.failure_reason = failure_reason
        self.next_ns = NEVER_NS


class Account(Protocol):
    """What move tasks ask of the account that they run in."""

    def by_arn(self, arn: str) -> Queue | None:
        """The queue of an ARN, if there is one."""
        ...

    def next_place(self, producer: str) -> int:
        """The place of the next message of a producer."""
        ...


class MoveTasks:
    """All the move tasks of an account, and the time at which they go on."""

    __slots__ = ("_account", "_all", "_running")

    def __init__(self, account: Account) -> None:
        self._account = account
        self._all: list[MoveTask] = []
        self._running: list[MoveTask] = []

    @property
    def started(self) -> int:
        """How many there have been."""
        return len(self._all)

    def of(self, source: Queue) -> list[MoveTask]:
        """The tasks of a source, newest first; a queue made anew under an old name has had none."""
        return [task for task in reversed(self._all) if task.source is source]

    def start(
        self, task_id: str, source: Queue, destination_arn: str | None, rate: int | None, *, now: int
    ) -> MoveTask:
        """Begin to empty a source, which is settled.

        Raises:
            InvalidParameterValue: It has a running task.
            OverLimit: A hundred tasks are running.
        """
        if any(task.source is source for task in self._running):
            raise errors.InvalidParameterValue(
                "There is already a task running. "
                "Only one active task is allowed for a source queue arn at a given time."
            )
        if len(self._running) >= limits.MOVE_TASKS:
            raise errors.OverLimit(f"{limits.MOVE_TASKS} message move tasks are running, the maximum for an account.")
        task = MoveTask(
            task_id=task_id,
            source=source,
            destination_arn=destination_arn,
            rate=rate,
            started_ns=now,
            to_move=len(source.messages) - source.stray,
            next_ns=now,
        )
        self._all.append(task)
        self._running.append(task)
        return task

    def cancel(self, task_id: str, source: Queue, *, now: int) -> MoveTask:
        """Let a task move nothing more; it is cancelled as soon as time moves on.

        Raises:
            ResourceNotFoundException: There is no such task.
            InvalidParameterValue: It is not running.
        """
        task = next((task for task in self.of(source) if task.task_id == task_id), None)
        if task is None:
            raise errors.ResourceNotFoundException("Task does not exist.")
        if task.status != RUNNING:
            raise errors.InvalidParameterValue("Only active tasks can be cancelled.")
        task.status = CANCELLING
        task.next_ns = now + 1
        return task

    def next_due_ns(self) -> int:
        """When the next task goes on."""
        return min([task.next_ns for task in self._running]) if self._running else NEVER_NS

    def next_source(self) -> str:
        """The name of the queue that this task empties."""
        return min(self._running, key=lambda task: task.next_ns).source.name

    def run_next(self) -> list[tuple[Queue, Change]]:
        """Let the task that is due first go on; the moves that it made, by the queue they were made from."""
        task = min(self._running, key=lambda task: task.next_ns)
        now = task.next_ns
        moves: list[Change] = []
        if task.status == CANCELLING:
            task.end(CANCELLED)
        elif self._account.by_arn(task.source.arn) is not task.source:
            task.end(FAILED, NO_QUEUE)
        elif now - task.started_ns >= limits.MOVE_TASK_NS:
            task.end(FAILED, OVER_TIME)
        elif task.rate is None:
            moves = self._move_all(task, now)
        else:
            moves = self._move_one(task, task.rate, now)
        if not task.active:
            self._running.remove(task)
        return [(task.source, move) for move in moves]

    def _move_all(self, task: MoveTask, now: int) -> list[Change]:
        moves: list[Change] = []
        for message in task.source.available():
            move = self._move(task, message, now)
            if move is None:
                return moves
            moves.append(move)
        task.end(COMPLETED)
        return moves

    def _move_one(self, task: MoveTask, rate: int, now: int) -> list[Change]:
        message = task.source.oldest_available(now)
        move = None if message is None else self._move(task, message, now)
        if not task.source.visible and task.active:
            task.end(COMPLETED)
        elif task.active:
            task.next_ns = task.started_ns + task.moved * SECOND_NS // rate
        return [] if move is None else [move]

    def _move(self, task: MoveTask, message: Message, now: int) -> Change | None:
        """Move a message where the task, or its own source, says; None ends the task, as it says neither."""
        target_arn = task.destination_arn or message.extras.dead_letter_source_arn
        target = None if target_arn is None else self._account.by_arn(target_arn)
        if target is None:
            task.end(FAILED, NO_SOURCE if target_arn is None else NO_QUEUE)
            return None
        task.source.move_away(message)
        producer = f"redrive to {target.name}"
        target.take_redriven(message, producer=producer, place=self._account.next_place(producer), now=now)
        task.moved += 1
        return Change(now, Event.MOVED, message, target.name)


def read_handle(handle: str) -> tuple[str, str] | None:
    """The task id and source ARN of a TaskHandle; None if it is not one."""
    try:
        document = json.loads(base64.b64decode(handle, validate=True))
        task_id, source_arn = document["taskId"], document["sourceArn"]
    except (binascii.Error, ValueError, KeyError, TypeError, RecursionError):
        return None
    return (task_id, source_arn) if isinstance(task_id, str) and isinstance(source_arn, str) else None
