"""All queues of one account and region: one method for each SQS action.

Each method takes AWS's parameters and, by keyword, what the world adds: ``now`` in nanoseconds, never less
than in an earlier call; ``decisions`` where chance has a say; ``producer``, the name under which the
messages of a send are addressed. It refuses values of another JSON type than AWS's, finds the queue, checks
the request, acts, and answers with data; a refused call changes nothing (but counts against a quota). Nothing here waits: a long poll that finds nothing answers with an empty
list, and ``next_due_ns`` says when it is worth asking again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

import attrs
from sortedcontainers import SortedList

from .. import errors, limits
from . import attributes as queue_attributes
from . import checks, permissions, redrive
from .attributes import FifoSettings, Settings
from .deadlines import Agenda
from .decisions import PERFECT, Decisions
from .identifiers import identifiers, sender_id
from .message import Delivery, Message
from .pages import Page
from .queue import Change, Queue
from .quotas import Quotas
from .redrive import MoveTask, MoveTasks
from .values import BatchAnswer, MessageToSend, ReceiveMessage

Answer = TypeVar("Answer")
Value = TypeVar("Value")

_READ_ONLY = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    "QueueArn",
)
_SETTABLE = (
    "DelaySeconds",
    "KmsDataKeyReusePeriodSeconds",
    "KmsMasterKeyId",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "Policy",
    "ReceiveMessageWaitTimeSeconds",
    "RedriveAllowPolicy",
    "RedrivePolicy",
    "SqsManagedSseEnabled",
    "VisibilityTimeout",
)
_FIFO = ("ContentBasedDeduplication", "DeduplicationScope", "FifoQueue", "FifoThroughputLimit")


class Service:
    """The queues of one account in one region.

    Args:
        region: Such as ``us-east-1``.
        account_id: Twelve digits.
        seed: What ids and receipt handles are made from.
        in_flight_limit: Received and undeleted messages that each queue bears.
        fifo_quotas: Whether FIFO queues take only so many calls a second.
    """

    def __init__(
        self,
        *,
        region: str,
        account_id: str,
        seed: bytes,
        in_flight_limit: int = limits.IN_FLIGHT,
        fifo_quotas: bool = False,
    ) -> None:
        self.region = region
        self.account_id = account_id
        self.identifiers = identifiers(seed)
        self.sender_id = sender_id(account_id)
        self._in_flight_limit = in_flight_limit
        self._queues: dict[str, Queue] = {}
        self._names: SortedList[str] = SortedList()
        self._by_url: dict[str, Queue] = {}
        self._by_number: dict[int, Queue] = {}
        self._created = 0
        self._deleted_ns: dict[str, int] = {}
        self._sent: dict[str, int] = {}
        self._due = Agenda()
        self._expiries = Agenda()
        self._quotas = Quotas(region) if fifo_quotas else None
        self._tasks = MoveTasks(self)
        self.untold: list[tuple[Queue, Change]] = []
        """What fell due in the middle of a call, since the last ``settle``."""

    # ----------------------------------------------------------------------------------------------- queues
    def queue(self, queue_url: str) -> Queue:
        """The queue that a URL, or a bare name, means; the host of a URL is not looked at (sqs.md 2.5).

        Raises:
            QueueDoesNotExist: There is none, or the URL names another account.
        """
        queue = self.find(queue_url)
        if queue is None:
            raise errors.QueueDoesNotExist
        return queue

    def find(self, queue_url: str) -> Queue | None:
        """The same; None if there is none."""
        queue = self._by_url.get(queue_url) if isinstance(queue_url, str) else None
        if queue is not None:
            return queue
        path, _, name = checks.text(queue_url).rpartition("/")
        if path and path.rpartition("/")[2] != self.account_id:
            return None
        return self._queues.get(name)

    def queues(self, prefix: str = "") -> list[Queue]:
        """The queues whose name begins with ``prefix``, by name."""
        names = self._names if prefix == "" else self._names.irange(checks.text(prefix), prefix + "\x7f")
        return [self._queues[name] for name in names]

    def has_queue(self, arn: str) -> bool:
        """Whether ``arn`` is a queue of this account and region."""
        return self.by_arn(arn) is not None

    def allows_source(self, arn: str, source_arn: str) -> bool:
        """Whether the queue ``arn`` lets ``source_arn`` use it as its dead-letter queue."""
        queue = self.by_arn(arn)
        policy = queue.settings.redrive_allow_policy if queue else None
        return policy is None or policy.allows(source_arn)

    def create_queue(
        self,
        queue_name: str,
        attributes: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        *,
        now: int,
    ) -> Queue:
        """Make a queue, or find the one of that name if all the attributes given agree with it.

        Raises:
            InvalidParameterValue: The name, a tag, or a redrive policy is not one.
            InvalidAttributeName, InvalidAttributeValue: An attribute is unknown, or out of range.
            QueueDeletedRecently: The name was deleted less than 60 seconds ago.
            QueueNameExists: A queue of that name has another value of an attribute.

        Source: API_CreateQueue, sqs.md 14.5. Cost: O(log q), q queues.
        """
        given = checks.text_map({} if attributes is None else attributes)
        name = _queue_name(queue_name, given)
        arn = f"arn:aws:sqs:{self.region}:{self.account_id}:{name}"
        existing = self._queues.get(name)
        if existing is not None:
            self._refuse_differing(existing, given)
            return existing
        default = Settings(fifo=FifoSettings() if name.endswith(".fifo") else None)
        settings = queue_attributes.changed(default, given, queue_arn=arn, neighbours=self)
        checked_tags = checks.tags({} if tags is None else tags, {}, name)
        deleted_ns = self._deleted_ns.get(name)
        if deleted_ns is not None and now - deleted_ns < limits.NAME_REUSE_NS:
            raise errors.QueueDeletedRecently
        queue = self._add_queue(name, arn, settings, now)
        queue.tags = checked_tags
        return queue

    def _refuse_differing(self, queue: Queue, given: Mapping[str, str]) -> None:
        differing = queue_attributes.differing(queue.settings, given, queue_arn=queue.arn, neighbours=self)
        if differing is not None:
            raise errors.QueueNameExists.differing_in(differing)

    def _add_queue(self, name: str, arn: str, settings: Settings, now: int) -> Queue:
        self._created += 1
        queue = Queue(
            name=name,
            arn=arn,
            url=f"https://sqs.{self.region}.amazonaws.com/{self.account_id}/{name}",
            number=self._created,
            identifiers=self.identifiers,
            settings=settings,
            created_ns=now,
            modified_ns=now,
            due=self._due,
            expiries=self._expiries,
            untold=self.untold,
            in_flight_limit=self._in_flight_limit,
        )
        self._deleted_ns.pop(name, None)
        self._names.add(name)
        self._queues[name] = self._by_url[queue.url] = self._by_number[queue.number] = queue
        return queue

    def delete_queue(self, queue_url: str, *, now: int) -> Queue:
        """Delete a queue with all its messages; its name is barred for 60 seconds.

        Source: API_DeleteQueue, sqs.md 14.8. Cost: O(messages).
        """
        queue = self.queue(queue_url)
        queue.end_all()
        self._names.remove(queue.name)
        del self._queues[queue.name], self._by_url[queue.url], self._by_number[queue.number]
        self._deleted_ns[queue.name] = now
        return queue

    def get_queue_url(self, queue_name: str, queue_owner_aws_account_id: str | None = None) -> str:
        """The URL of a queue.

        Source: API_GetQueueUrl.
        """
        owner = self.account_id if queue_owner_aws_account_id is None else checks.text(queue_owner_aws_account_id)
        queue = self._queues.get(checks.text(queue_name))
        if queue is None or owner != self.account_id:
            raise errors.QueueDoesNotExist
        return queue.url

    def list_queues(
        self, queue_name_prefix: str = "", *, max_results: int | None = None, next_token: str | None = None
    ) -> tuple[list[Queue], str | None]:
        """The queues whose name begins with a prefix, by name, and a token if a page was asked for and more is left.

        Without ``max_results`` there are at most 1,000, and never a token.

        Source: API_ListQueues, sqs.md 14.14. Cost: O(log q + answers).
        """
        prefix = checks.text(queue_name_prefix)
        page = Page.of(f"ListQueues {prefix}", max_results, next_token)
        names = self._names.irange(max(prefix, page.after), prefix + "\x7f")
        return page.cut(self._queues[name] for name in names if name > page.after)

    def list_dead_letter_source_queues(
        self, queue_url: str, *, max_results: int | None = None, next_token: str | None = None
    ) -> tuple[list[Queue], str | None]:
        """The queues that name this one as their dead-letter queue, by name; pages as ``list_queues`` has them.

        Source: API_ListDeadLetterSourceQueues, sqs.md 14.11. Cost: O(q).
        """
        queue = self.queue(queue_url)
        page = Page.of(f"ListDeadLetterSourceQueues {queue.name}", max_results, next_token)
        return page.cut(source for source in self._sources(queue.arn) if source.name > page.after)

    def _sources(self, arn: str) -> Iterator[Queue]:
        for name in self._names:
            policy = self._queues[name].settings.redrive_policy
            if policy is not None and policy.dead_letter_target_arn == arn:
                yield self._queues[name]

    def get_queue_attributes(
        self, queue_url: str, attribute_names: Sequence[str] = ("All",), *, now: int
    ) -> dict[str, str]:
        """The attributes asked for that are set, as texts; ``All`` for every one.

        Raises:
            InvalidAttributeName: Not the name of an attribute.

        Source: API_GetQueueAttributes, sqs.md 3.1 and 14.9.
        """
        queue = self.queue(queue_url)
        wanted = checks.texts(attribute_names)
        for name in wanted:
            if name not in ("All", *_READ_ONLY, *_SETTABLE, *_FIFO):
                raise errors.InvalidAttributeName.unknown(name)
        counts = queue.counts(now)
        shown = queue_attributes.texts(queue.settings) | {
            "ApproximateNumberOfMessages": str(counts.visible),
            "ApproximateNumberOfMessagesDelayed": str(counts.delayed),
            "ApproximateNumberOfMessagesNotVisible": str(counts.in_flight),
            "CreatedTimestamp": str(queue.created_ns // limits.SECOND_NS),
            "LastModifiedTimestamp": str(queue.modified_ns // limits.SECOND_NS),
            "QueueArn": queue.arn,
        }
        return {name: shown[name] for name in sorted(shown) if "All" in wanted or name in wanted}

    def set_queue_attributes(self, queue_url: str, attributes: Mapping[str, str], *, now: int) -> Queue:
        """Change attributes: all that are given, or none.

        Source: API_SetQueueAttributes, sqs.md 3 and 14.20.
        """
        queue = self.queue(queue_url)
        given = checks.text_map(attributes)
        if not given:
            raise errors.MissingParameter.named("Attribute.Name")
        settings = queue_attributes.changed(queue.settings, given, queue_arn=queue.arn, neighbours=self)
        queue.change_settings(settings, now=now)
        return queue

    def purge_queue(self, queue_url: str, *, now: int) -> int:
        """Remove every message of a queue; how many there were. See ``Queue.purge``."""
        return self.queue(queue_url).purge(now=now)

    # --------------------------------------------------------------------------------- tags and permissions
    def tag_queue(self, queue_url: str, tags: Mapping[str, str]) -> None:
        """Merge tags into those of a queue.

        Source: API_TagQueue, sqs.md 14.22.
        """
        queue = self.queue(queue_url)
        if not checks.text_map(tags):
            raise errors.MissingParameter.named("Tags")
        queue.tags = checks.tags(tags, queue.tags, queue.name)

    def untag_queue(self, queue_url: str, tag_keys: Sequence[str]) -> None:
        """Take tags away; keys that are not there are ignored.

        Source: API_UntagQueue, sqs.md 14.23.
        """
        queue = self.queue(queue_url)
        keys = checks.tag_keys(tag_keys)
        queue.tags = {key: value for key, value in queue.tags.items() if key not in keys}

    def list_queue_tags(self, queue_url: str) -> dict[str, str]:
        """The tags of a queue.

        Source: API_ListQueueTags.
        """
        return dict(self.queue(queue_url).tags)

    def add_permission(
        self, queue_url: str, label: str, aws_account_ids: Sequence[str], actions: Sequence[str], *, now: int
    ) -> None:
        """Add a statement to a queue's policy. See ``permissions.added``.

        Source: API_AddPermission, sqs.md 13.
        """
        queue = self.queue(queue_url)
        policy = permissions.added(
            queue.settings.policy, queue.arn, checks.text(label), checks.texts(aws_account_ids), checks.texts(actions)
        )
        queue.change_settings(attrs.evolve(queue.settings, policy=policy), now=now)

    def remove_permission(self, queue_url: str, label: str, *, now: int) -> None:
        """Take a statement out of a queue's policy. See ``permissions.removed``.

        Source: API_RemovePermission, sqs.md 13.3.
        """
        queue = self.queue(queue_url)
        policy = permissions.removed(queue.settings.policy, queue.arn, checks.text(label))
        queue.change_settings(attrs.evolve(queue.settings, policy=policy), now=now)

    # ------------------------------------------------------------------------------------------- move tasks
    def start_message_move_task(
        self,
        source_arn: str,
        destination_arn: str | None = None,
        max_number_of_messages_per_second: int | None = None,
        *,
        now: int,
    ) -> MoveTask:
        """Move the messages of a dead-letter queue to another queue, or back to where they came from.

        Raises:
            InvalidParameterValue, ResourceNotFoundException: As sqs.md 10.1 lists them, in that order.
            OverLimit: A hundred tasks are running.

        Source: API_StartMessageMoveTask, sqs.md 10.
        """
        source = self._move_task_source(source_arn)
        if next(self._sources(source.arn), None) is None:
            raise errors.InvalidParameterValue("Source queue must be configured as a Dead Letter Queue.")
        if destination_arn is not None:
            self._check_destination(destination_arn, source)
        rate = None
        if max_number_of_messages_per_second is not None:
            rate = checks.messages_per_second(max_number_of_messages_per_second)
        self.settle(now)
        task_id = self.identifiers.task_id(self._tasks.started)
        return self._tasks.start(task_id, source, destination_arn, rate, now=now)

    def _check_destination(self, destination_arn: str, source: Queue) -> None:
        destination = self.by_arn(checks.arn("DestinationArn", destination_arn))
        if destination is None:
            raise errors.ResourceNotFoundException.of("DestinationArn")
        if destination is source:
            raise errors.InvalidParameterValue("Source queue arn and destination queue arn cannot be the same.")
        if destination.fifo != source.fifo:
            raise errors.InvalidParameterValue("The source queue and destination queue must be of the same queue type.")

    def list_message_move_tasks(self, source_arn: str, max_results: int | None = None) -> list[MoveTask]:
        """The latest tasks of a source, newest first; one unless more are asked for.

        Source: API_ListMessageMoveTasks, sqs.md 10.4.
        """
        source = self._move_task_source(source_arn)
        wanted = 1 if max_results is None else checks.move_task_results(max_results)
        return self._tasks.of(source)[:wanted]

    def cancel_message_move_task(self, task_handle: str, *, now: int) -> MoveTask:
        """Let a running task move nothing more; what it moved stays moved.

        Source: API_CancelMessageMoveTask, sqs.md 10.5.
        """
        read = redrive.read_handle(checks.text(task_handle))
        if read is None:
            raise errors.InvalidParameterValue("Value for parameter TaskHandle is invalid.")
        task_id, source_arn = read
        return self._tasks.cancel(task_id, self._move_task_source(source_arn), now=now)

    def _move_task_source(self, source_arn: str) -> Queue:
        source = self.by_arn(checks.arn("SourceArn", source_arn))
        if source is None:
            raise errors.ResourceNotFoundException.of("SourceArn")
        return source

    def skip_places(self, producer: str, sent: int) -> None:
        """Count on from ``sent`` messages of a producer, as if it had sent them: what is left out renames no other."""
        self._sent[producer] = sent

    def next_place(self, producer: str) -> int:
        """The place of the next message of a producer among all that it sends, from 1."""
        self._sent[producer] = place = self._sent.get(producer, 0) + 1
        return place

    # --------------------------------------------------------------------------------------------- messages
    def send_message(self, queue_url: str, request: MessageToSend, *, producer: str, now: int) -> Message:
        """Store one message.

        Raises:
            MissingParameter, InvalidParameterValue, InvalidMessageContents: See ``checks.message``.

        Source: API_SendMessage. Cost: O(1) and the length of the body.
        """
        size = checks.message_bytes(request)
        queue = self._by_url.get(queue_url) or self.queue(queue_url)
        if self._quotas is not None:
            self._quotas.count(queue, "send", now, _groups([request]))
        checked = checks.message(request, size, queue.settings)
        self._sent[producer] = place = self._sent.get(producer, 0) + 1
        return queue.send(checked, producer, place, now)

    def send_message_batch(
        self, queue_url: str, entries: Sequence[tuple[str, MessageToSend]], *, producer: str, now: int
    ) -> BatchAnswer[Message]:
        """Store up to ten messages, given as pairs of Id and request; each succeeds or fails by itself.

        Source: API_SendMessageBatch, sqs.md 12.
        """
        sizes = [checks.message_bytes(request) for _, request in entries]
        queue = self._by_url.get(queue_url) or self.queue(queue_url)
        checks.batch_ids([entry_id for entry_id, _ in entries], "SendMessageBatchRequestEntry")
        checks.batch_size(sum(sizes))
        if queue.settings.fifo is not None:
            checks.fifo_batch((request for _, request in entries), queue.settings.fifo)
        if self._quotas is not None:
            self._quotas.count(queue, "send", now, _groups([request for _, request in entries]))
        answer: BatchAnswer[Message] = BatchAnswer([], [])
        for number, ((entry_id, request), size) in enumerate(zip(entries, sizes, strict=True), 1):
            try:
                checked = checks.message(request, size, queue.settings, number)
            except errors.SqsError as error:
                answer.failed.append((entry_id, error))
                continue
            self._sent[producer] = place = self._sent.get(producer, 0) + 1
            sent = queue.send(checked, producer, place, now)
            answer.successful.append((entry_id, sent))
        return answer

    def receive_message(
        self,
        queue_url: str,
        request: ReceiveMessage,
        *,
        now: int,
        decisions: Decisions = PERFECT,
        first_look: bool = True,
        last_look: bool | None = None,
    ) -> tuple[list[Delivery], list[Change]]:
        """Up to ten available messages, and what moved to the dead-letter queue. See ``Queue.receive``.

        A long poll looks more than once. It is one call, and one empty receive at most: so a look says whether
        it is the first and whether it is the last; None is the last of a short poll, not the last of a long one.

        Source: API_ReceiveMessage, sqs.md 14.16.
        """
        queue = self._by_url.get(queue_url) or self.queue(queue_url)
        limit, visibility_ns, wait_ns = checks.receive(request, queue.settings)
        attempt_id = request.receive_request_attempt_id
        if attempt_id is not None:
            attempt_id = checks.receive_request_attempt_id(attempt_id, queue.settings)
        if self._quotas is not None and first_look:
            self._quotas.count(queue, "receive", now)
        policy = queue.settings.redrive_policy
        return queue.receive(
            limit,
            visibility_ns,
            short_poll=not wait_ns,
            last_look=not wait_ns if last_look is None else last_look,
            attempt_id=attempt_id,
            dead_letter_queue=None if policy is None else self.by_arn(policy.dead_letter_target_arn),
            now=now,
            decisions=decisions,
        )

    def is_empty(self, queue_url: str, now: int) -> bool:
        """Whether a look at a queue would find nothing and change nothing, so that it may be spared. Cost: O(1)."""
        queue = self._by_url.get(queue_url)
        return queue is not None and self._quotas is None and queue.is_empty(now)

    def wait_ns(self, queue_url: str, request: ReceiveMessage) -> int:
        """How long a poll waits for a first message."""
        return checks.receive(request, self.queue(queue_url).settings)[2]

    def delete_message(
        self, queue_url: str, receipt_handle: str | Delivery, *, now: int, decisions: Decisions = PERFECT
    ) -> Delivery:
        """Delete the message of a receipt handle. See ``Queue.delete``.

        A delivery may stand for its handle; that spares writing the handle out and reading it again.

        Source: API_DeleteMessage, sqs.md 5.
        """
        queue = self._by_url.get(queue_url) or self.queue(queue_url)
        delivery = self._delivery(queue, receipt_handle)
        if self._quotas is not None:
            self._quotas.count(queue, "delete", now)
        queue.delete(delivery, now=now, decisions=decisions)
        return delivery

    def delete_message_batch(
        self,
        queue_url: str,
        entries: Sequence[tuple[str, str | Delivery]],
        *,
        now: int,
        decisions: Decisions = PERFECT,
    ) -> BatchAnswer[Delivery]:
        """Delete up to ten messages, given as pairs of Id and receipt handle; each succeeds or fails by itself.

        Source: API_DeleteMessageBatch, sqs.md 12.
        """
        _check_handle_types(handle for _, handle in entries if handle.__class__ is not Delivery)
        queue = self._by_url.get(queue_url) or self.queue(queue_url)
        if self._quotas is not None:
            self._quotas.count(queue, "delete", now)
        checks.batch_ids([entry_id for entry_id, _ in entries], "DeleteMessageBatchRequestEntry")
        answer: BatchAnswer[Delivery] = BatchAnswer([], [])
        for entry_id, handle in entries:
            try:
                delivery = self._delivery(queue, handle)
                queue.delete(delivery, now=now, decisions=decisions)
            except errors.SqsError as error:
                answer.failed.append((entry_id, error))
            else:
                answer.successful.append((entry_id, delivery))
        return answer

    def change_message_visibility(
        self, queue_url: str, receipt_handle: str | Delivery, visibility_timeout: int, *, now: int
    ) -> Delivery:
        """Hide a received message for longer or shorter, counted from ``now``. See ``Queue.change_visibility``.

        Source: API_ChangeMessageVisibility, sqs.md 5.6 to 5.10.
        """
        return self._change_visibility(self.queue(queue_url), receipt_handle, visibility_timeout, now)

    def change_message_visibility_batch(
        self, queue_url: str, entries: Sequence[tuple[str, str | Delivery, int | None]], *, now: int
    ) -> BatchAnswer[Delivery]:
        """The same for up to ten, given as Id, receipt handle and seconds; each succeeds or fails by itself.

        Source: API_ChangeMessageVisibilityBatch, sqs.md 12.
        """
        _check_handle_types(handle for _, handle, _ in entries)
        for _, _, timeout in entries:
            if timeout is not None:
                checks.integer(timeout)
        queue = self.queue(queue_url)

        changed: list[Delivery] = []

        def change(handle_and_timeout: tuple[str | Delivery, int | None]) -> Delivery:
            handle, timeout = handle_and_timeout
            if timeout is None:
                raise errors.MissingParameter.named("VisibilityTimeout")
            changed.append(self._change_visibility(queue, handle, timeout, now, in_batch=True, same_call=bool(changed)))
            return changed[-1]

        pairs = [(entry_id, (handle, timeout)) for entry_id, handle, timeout in entries]
        return _each(pairs, "ChangeMessageVisibilityBatchRequestEntry", change)

    def _change_visibility(
        self,
        queue: Queue,
        receipt_handle: str | Delivery,
        timeout: int,
        now: int,
        *,
        in_batch: bool = False,
        same_call: bool = False,
    ) -> Delivery:
        delivery = self._delivery(queue, receipt_handle)
        visibility_ns = checks.change_visibility_ns(timeout, in_batch=in_batch)
        queue.change_visibility(delivery, visibility_ns, same_call=same_call, now=now)
        return delivery

    def _delivery(self, queue: Queue, receipt_handle: str | Delivery) -> Delivery:
        if isinstance(receipt_handle, Delivery) and receipt_handle.queue_number == queue.number:
            return receipt_handle
        if not isinstance(receipt_handle, Delivery):
            return queue.delivery(checks.receipt_handle(receipt_handle))
        raise errors.ReceiptHandleIsInvalid.of_another_queue(queue.receipt_handle(receipt_handle))

    def by_arn(self, arn: str) -> Queue | None:
        """The queue of an ARN, if this account and region has it."""
        queue = self._queues.get(arn.rpartition(":")[2])
        return queue if queue is not None and queue.arn == arn else None

    # ------------------------------------------------------------------------------------------------- time
    def earliest_ns(self) -> int:
        """Nothing falls due in any queue before this; the cheap question before the exact ones."""
        return min(self._due.earliest_ns, self._expiries.earliest_ns, self._tasks.next_due_ns())

    def next_due_ns(self) -> int:
        """When the next delay or visibility timeout of any queue ends, or a move task goes on."""
        return min(self._due.next(self._due_ns_of)[0], self._tasks.next_due_ns())

    def next_due_queue(self) -> str:
        """The name of the queue in which something falls due next."""
        due_ns, number = self._due.next(self._due_ns_of)
        return self._by_number[number].name if due_ns <= self._tasks.next_due_ns() else self._tasks.next_source()

    def next_expiry_ns(self) -> int:
        """When the next message of any queue may reach the end of its retention period."""
        return self._expiries.next(self._expiry_ns_of)[0]

    def settle(self, now: int) -> list[tuple[Queue, Change]]:
        """Let everything happen in all queues that fell due up to ``now``; what it was, in order of time."""
        settled = list(self.untold)
        self.untold.clear()
        while True:
            due_ns, number = min(self._due.next(self._due_ns_of), self._expiries.next(self._expiry_ns_of))
            if self._tasks.next_due_ns() < min(due_ns, now + 1):
                settled += self._tasks.run_next()
            elif due_ns <= now:
                queue = self._by_number[number]
                settled += [(queue, change) for change in queue.settle(due_ns)]
            else:
                return settled

    def _due_ns_of(self, number: int) -> int:
        queue = self._by_number.get(number)
        return limits.NEVER_NS if queue is None else queue.next_due_ns()

    def _expiry_ns_of(self, number: int) -> int:
        queue = self._by_number.get(number)
        return limits.NEVER_NS if queue is None else queue.next_expiry_ns()

    def check_invariants(self) -> None:
        """State what always holds in every queue. Slow: for tests, after each step."""
        for queue in self._queues.values():
            queue.check_invariants()


def _queue_name(queue_name: str, attributes: Mapping[str, str]) -> str:
    """The name, checked by the type of queue that it and FifoQueue say.

    A FifoQueue that is neither true nor false is left to the check of attributes.
    """
    fifo_queue = attributes.get("FifoQueue", "false").lower()
    wants_fifo = fifo_queue == "true" or (fifo_queue != "false" and checks.text(queue_name).endswith(".fifo"))
    return checks.queue_name(queue_name, fifo=wants_fifo)


def _groups(requests: Sequence[MessageToSend]) -> Iterable[str]:
    """The message groups that a send is about, each once; "" for none."""
    return dict.fromkeys("" if isinstance(one, str) else one.message_group_id or "" for one in requests)


def _check_handle_types(handles: Iterable[str | Delivery]) -> None:
    for handle in handles:
        if not isinstance(handle, Delivery):
            checks.text(handle)


def _each(entries: Sequence[tuple[str, Value]], entry_name: str, act: Callable[[Value], Answer]) -> BatchAnswer[Answer]:
    """Check the Ids of a batch, then do each entry by itself."""
    checks.batch_ids([entry_id for entry_id, _ in entries], entry_name)
    answer: BatchAnswer[Answer] = BatchAnswer([], [])
    for entry_id, value in entries:
        try:
            answer.successful.append((entry_id, act(value)))
        except errors.SqsError as error:
            answer.failed.append((entry_id, error))
    return answer
