"""Queues and messages as a user of the friendly API holds them.

Answers are objects that make a text (an id, a handle, an MD5) only when it is asked for. Everything reaches
SQS through the port, like every other caller.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, Generic, TypeVar, Unpack

import attrs

from .. import errors
from ..engine import answers, checks, digests
from ..engine.lifecycle import AVAILABLE
from ..engine.measures import Counts
from ..engine.message import Delivery
from ..engine.message import Message as StoredMessage
from ..engine.metrics import Metrics
from ..engine.redrive import MoveTask
from ..engine.values import BatchAnswer, MessageToSend, ReceiveMessage, SendMessage
from ..sim.port import MAIN, Port
from .attributes import AttributeValue, QueueAttributes, plain_value, raw_message_attributes, raw_queue_attributes

Shown = TypeVar("Shown")
Value = TypeVar("Value")

_TEN_IDS: Final = tuple("0123456789")


@attrs.define
class BatchFailure:
    """An entry of a batch that was refused: its place in the list that was given, from 0, and why."""

    index: int
    error: errors.SqsError


@attrs.define
class BatchResult(Generic[Shown]):
    """What a batch did, each list in the order that was given; it did not raise for what ``failed``."""

    successful: list[Shown]
    failed: list[BatchFailure]


class SentMessage:
    """What SendMessage answered."""

    __slots__ = ("_message", "_queue")

    def __init__(self, queue: Queue, message: StoredMessage) -> None:
        self._queue = queue
        self._message = message

    def __repr__(self) -> str:
        return f"SentMessage({self.message_id!r})"

    @property
    def message_id(self) -> str:
        """The id under which the message is received."""
        return self._queue._port.message_id(self._message)

    @property
    def md5_of_message_body(self) -> str:
        """The MD5 of the body, as hex."""
        return self._message.md5_of_body

    @property
    def md5_of_message_attributes(self) -> str | None:
        """The MD5 of the message attributes, as hex; None without any."""
        attributes = self._message.extras.attributes
        return digests.of_attributes(attributes) if attributes else None

    @property
    def sequence_number(self) -> str | None:
        """On FIFO queues, twenty digits that rise within the queue; None on standard ones."""
        return self._message.sequence_number if self._message.extras.deduplication_id is not None else None


class Message:
    """One delivery of a message; what it shows is as of this receive."""

    __slots__ = ("_delivery", "_wanted", "queue")

    def __init__(self, queue: Queue, delivery: Delivery, wanted: Callable[[str], bool] | None) -> None:
        self.queue = queue
        self._delivery = delivery
        self._wanted = wanted

    def __repr__(self) -> str:
        return f"Message({self.body[:40]!r}, receive_count={self.receive_count}, queue={self.queue.name!r})"

    @property
    def body(self) -> str:
        """The text as it was sent."""
        return self._delivery.message.body

    @property
    def message_id(self) -> str:
        """The id that SendMessage answered; the same at every delivery, in dead-letter queues too."""
        return self.queue._port.message_id(self._delivery.message)

    @property
    def receipt_handle(self) -> str:
        """The handle of this delivery, with which the message is deleted or hidden for longer."""
        return self.queue._engine.receipt_handle(self._delivery)

    @property
    def receive_count(self) -> int:
        """How often the message was received, this time included, earlier queues included."""
        return self._delivery.receive_count

    @property
    def md5_of_body(self) -> str:
        """The MD5 of the body, as hex."""
        return self._delivery.message.md5_of_body

    @property
    def attributes(self) -> dict[str, str]:
        """The system attributes by AWS's names: SenderId, SentTimestamp in ms and so on."""
        return answers.system_attributes(self._delivery, self.queue._port.service.sender_id)

    @property
    def message_attributes(self) -> dict[str, str | int | Decimal | bytes]:
        """The message attributes that were asked for: text, int, Decimal or bytes by their data type."""
        shown = answers.message_attributes(self._delivery, self._wanted)
        return {name: plain_value(attribute.data_type, attribute.value) for name, attribute in shown.items()}

    @property
    def md5_of_message_attributes(self) -> str | None:
        """The MD5 of the message attributes that were asked for; None without any."""
        shown = answers.message_attributes(self._delivery, self._wanted)
        return digests.of_attributes(shown) if shown else None

    @property
    def source(self) -> Queue | None:
        """The queue from which the message was moved here as a dead letter; None elsewhere."""
        arn = self._delivery.message.extras.dead_letter_source_arn
        return None if arn is None else self.queue._queues.by_arn(arn)

    def delete(self) -> None:
        """Delete the message from its queue.

        Source: API_DeleteMessage, sqs.md 5.3 and 5.4.
        """
        self.queue._port.delete_message(self.queue.url, self._delivery)

    def change_visibility(self, seconds: int) -> None:
        """Hide the message for ``seconds`` from now, 0 to 43,200; 0 shows it at once.

        Raises:
            InvalidParameterValue: Out of range, over 12 hours in all, or the message is gone.

        Source: API_ChangeMessageVisibility, sqs.md 5.6 to 5.10.
        """
        self.queue._port.change_message_visibility(self.queue.url, self._delivery, seconds)


@attrs.frozen
class MessageView:
    """A message as it lies in a queue: a look, without receiving.

    Attributes:
        body, message_id, receive_count: As a receive would show them.
        state: ``available``, ``in_flight`` or ``delayed``.
        until_ns: When the state ends by itself; None for an available message.
    """

    body: str
    message_id: str
    receive_count: int
    state: str
    until_ns: int | None


class Queue:
    """One queue. ``World.create_queue`` makes it.

    Attributes:
        name, url, arn: As AWS writes them.
    """

    __slots__ = ("_engine", "_port", "_queues", "arn", "name", "url")

    def __init__(self, queues: Queues, name: str) -> None:
        self._queues = queues
        self._port = queues.port
        self._engine = queues.port.service.queue(name)
        self.name = self._engine.name
        self.url = self._engine.url
        self.arn = self._engine.arn

    def __repr__(self) -> str:
        return f"Queue({self.name!r})"

    def send(
        self,
        body: str,
        *,
        delay_seconds: int | None = None,
        message_attributes: Mapping[str, AttributeValue] | None = None,
        message_group_id: str | None = None,
        message_deduplication_id: str | None = None,
        trace_header: str | None = None,
    ) -> SentMessage:
        """Send one message.

        Args:
            body: 1 byte to the queue's maximum_message_size, in UTF-8.
            delay_seconds: Seconds, 0 to 900, until it can be received; None takes the queue's delay.
            message_attributes: Up to ten: text, numbers, bytes, or AWS's ``{"DataType": …}``.
            message_group_id: 1 to 128 characters: the group of a FIFO queue, the tenant of a fair queue.
            message_deduplication_id: 1 to 128 characters; FIFO queues store one message for it in five minutes.
            trace_header: The system attribute AWSTraceHeader.

        Raises:
            MissingParameter, InvalidParameterValue, InvalidMessageContents, QueueDoesNotExist: As AWS.

        Source: API_SendMessage, sqs.md 11 and 14.18.
        """
        request = to_send(
            body, delay_seconds, message_attributes, message_group_id, message_deduplication_id, trace_header
        )
        return SentMessage(self, self._port.send_message(self.url, request))

    def send_batch(self, messages: Sequence[str | SendMessage]) -> BatchResult[SentMessage]:
        """Send up to ten messages in one call; each succeeds or fails by itself.

        Raises:
            EmptyBatchRequest, TooManyEntriesInBatchRequest, BatchRequestTooLong: The whole call is refused.

        Source: API_SendMessageBatch, sqs.md 12.
        """
        return self._send_batch(messages, MAIN)

    def _send_batch(self, messages: Sequence[str | SendMessage], caller: str) -> BatchResult[SentMessage]:
        requests = _listed(messages)
        answer = self._port.send_message_batch(
            self.url, list(zip(_ids(requests), requests, strict=False)), caller=caller
        )
        return BatchResult([SentMessage(self, message) for _, message in answer.successful], _failures(answer))

    def receive(
        self,
        max_number_of_messages: int | None = None,
        *,
        visibility_timeout: int | None = None,
        wait_time_seconds: int | None = None,
        message_attribute_names: Sequence[str] = ("All",),
        receive_request_attempt_id: str | None = None,
    ) -> list[Message]:
        """Up to ten available messages, hidden from others until their visibility timeout ends.

        Args:
            max_number_of_messages: 1 to 10; None is 1.
            visibility_timeout: Seconds, 0 to 43,200; None takes the queue's.
            wait_time_seconds: Seconds, 0 to 20; None takes the queue's. A wait moves the simulated clock
                to the first message, or to its own end, and runs what falls due on the way.
            message_attribute_names: Which message attributes come along: names, ``prefix.*``, ``All``.
            receive_request_attempt_id: On FIFO queues, 1 to 128 characters: repeats a receive whose answer was lost.

        Raises:
            InvalidParameterValue, OverLimit, QueueDoesNotExist: As AWS.

        Source: API_ReceiveMessage, sqs.md 6 and 14.16.
        """
        wanted: Callable[[str], bool] | None = everything
        if message_attribute_names != ("All",):
            wanted = self._port.checked("ReceiveMessage", lambda: checks.attribute_filter(message_attribute_names))
        request = ReceiveMessage(
            max_number_of_messages, visibility_timeout, wait_time_seconds, receive_request_attempt_id
        )
        return [Message(self, delivery, wanted) for delivery in self._port.receive_message(self.url, request)]

    def delete(self, message: Message | str) -> None:
        """Delete a received message, given itself or its receipt handle.

        Raises:
            ReceiptHandleIsInvalid: Not a handle that this queue has given out.

        Source: API_DeleteMessage, sqs.md 5.
        """
        self._port.delete_message(self.url, self._handle(message))

    def delete_batch(self, messages: Sequence[Message | str]) -> BatchResult[None]:
        """Delete up to ten received messages, given themselves or their handles; each by itself.

        Source: API_DeleteMessageBatch, sqs.md 12.
        """
        handles = [self._handle(message) for message in _listed(messages)]
        answer = self._port.delete_message_batch(self.url, list(zip(_ids(handles), handles, strict=False)))
        return BatchResult([None] * len(answer.successful), _failures(answer))

    def change_visibility(self, message: Message | str, seconds: int) -> None:
        """Hide a received message for ``seconds`` from now; see ``Message.change_visibility``."""
        self._port.change_message_visibility(self.url, self._handle(message), seconds)

    def change_visibility_batch(self, messages: Sequence[Message | str], seconds: int) -> BatchResult[None]:
        """The same for up to ten messages; each by itself.

        Source: API_ChangeMessageVisibilityBatch, sqs.md 12.
        """
        messages = _listed(messages)
        entries = [
            (entry_id, self._handle(message), seconds)
            for entry_id, message in zip(_ids(messages), messages, strict=False)
        ]
        answer = self._port.change_message_visibility_batch(self.url, entries)
        return BatchResult([None] * len(answer.successful), _failures(answer))

    def purge(self) -> None:
        """Remove every message of the queue.

        Raises:
            PurgeQueueInProgress: The last purge was less than 60 seconds ago.

        Source: API_PurgeQueue, sqs.md 14.15.
        """
        self._port.purge_queue(self.url)

    def _handle(self, message: Message | str) -> str | Delivery:
        if isinstance(message, Message):
            if message.queue._port is not self._port:
                raise errors.UsageError(f"{message!r} belongs to another world than {self!r}")
            return message._delivery
        if isinstance(message, SentMessage):
            raise errors.UsageError(f"{message!r} was sent, not received: only a receive gives a handle for it")
        return message

    @property
    def counts(self) -> Counts:
        """How many messages are ``visible``, ``in_flight`` and ``delayed``. Cost: O(1)."""
        return self._port.counts(self.url)

    def messages(self) -> list[MessageView]:
        """Every message in the queue, in order of arrival, without receiving. Cost: O(messages)."""
        return [
            MessageView(
                body=message.body,
                message_id=self._port.message_id(message),
                receive_count=message.receive_count,
                state=message.state.name.lower(),
                until_ns=None if message.state is AVAILABLE else message.deadline_ns,
            )
            for message in self._port.look(self.url)
        ]

    def attributes(self) -> dict[str, str]:
        """All attributes of the queue by AWS's names, as texts.

        Source: API_GetQueueAttributes, sqs.md 3.1.
        """
        return self._port.get_queue_attributes(self.url)

    @property
    def metrics(self) -> Metrics:
        """What CloudWatch would show of the queue: totals and gauges by AWS's names, and one-minute data.

        Source: sqs.md 15.4.
        """
        return self._port.metrics(self.url)

    @property
    def tags(self) -> dict[str, str]:
        """The tags of the queue."""
        return self._port.list_queue_tags(self.url)

    def start_message_move_task(
        self, destination: Queue | None = None, *, max_number_of_messages_per_second: int | None = None
    ) -> MoveTask:
        """Move the messages of this dead-letter queue to another queue, or back to where they came from.

        Args:
            destination: A queue of the same type; None sends each message back to its own source.
            max_number_of_messages_per_second: 1 to 500, evenly on the simulated clock; None moves all at once.

        Returns:
            The task; its ``status``, ``moved`` and ``failure_reason`` are those of the moment.

        Raises:
            InvalidParameterValue, ResourceNotFoundException: As AWS.

        Source: API_StartMessageMoveTask, sqs.md 10.
        """
        if destination is not None and not isinstance(destination, Queue):
            raise errors.UsageError(f"the destination of a move task is a Queue or None, not {destination!r}")
        if destination is not None:
            self._queues.check_own(destination)
        target = None if destination is None else destination.arn
        return self._port.start_message_move_task(self.arn, target, max_number_of_messages_per_second)

    def set_attributes(self, **attributes: Unpack[QueueAttributes]) -> None:
        """Change attributes of the queue: all that are given, or none.

        Raises:
            InvalidAttributeValue, InvalidParameterValue: A value is out of range or form.

        Source: API_SetQueueAttributes, sqs.md 3.
        """
        self._port.set_queue_attributes(self.url, raw_queue_attributes(attributes))


class Queues:
    """The friendly faces of a world's queues: one object a queue, as long as it exists."""

    def __init__(self, port: Port) -> None:
        self.port = port
        self._by_url: dict[str, Queue] = {}
        self._named: dict[str, int] = {}

    def of(self, url: str) -> Queue:
        """The queue of a URL or name.

        Raises:
            QueueDoesNotExist: There is none.
        """
        engine = self.port.checked("GetQueueUrl", lambda: self.port.service.queue(url), queue_url=url)
        queue = self._by_url.get(engine.url)
        if queue is None or queue._engine is not engine:
            queue = self._by_url[engine.url] = Queue(self, engine.url)
        return queue

    def check_own(self, queue: Queue) -> None:
        """Refuse a queue of another world, which may have the same name here.

        Raises:
            UsageError: It is another world's.
        """
        if queue._port is not self.port:
            raise errors.UsageError(f"{queue!r} belongs to another world")

    def by_arn(self, arn: str) -> Queue | None:
        """The queue of an ARN; None if it does not exist any more."""
        return self.of(arn.rpartition(":")[2]) if self.port.service.has_queue(arn) else None

    def name(self, role: str) -> str:
        """A name for the next worker of a role: ``consumer-1``, ``consumer-2``."""
        self._named[role] = number = self._named.get(role, 0) + 1
        return f"{role}-{number}"


def everything(name: str) -> bool:
    """The filter of a receive that wants all message attributes."""
    return True


def _listed(messages: Sequence[Value]) -> Sequence[Value]:
    if isinstance(messages, (str, bytes)) or not isinstance(messages, Sequence):
        raise errors.UsageError(f"a batch is a list, not {messages!r}")
    return messages


def to_send(
    body: str,
    delay_seconds: int | None,
    message_attributes: Mapping[str, AttributeValue] | None,
    message_group_id: str | None,
    message_deduplication_id: str | None,
    trace_header: str | None,
) -> MessageToSend:
    """The message that a friendly send means."""
    if (
        delay_seconds is None
        and message_attributes is None
        and message_group_id is None
        and message_deduplication_id is None
        and trace_header is None
    ):
        return body
    return SendMessage(
        body,
        delay_seconds,
        None if message_attributes is None else raw_message_attributes(message_attributes),
        None if trace_header is None else raw_message_attributes({"AWSTraceHeader": trace_header}),
        message_group_id,
        message_deduplication_id,
    )


def _ids(entries: Sequence[object]) -> Sequence[str]:
    """An Id for each entry of a batch: its place, from 0."""
    return _TEN_IDS if len(entries) <= len(_TEN_IDS) else [str(place) for place in range(len(entries))]


def _failures(answer: BatchAnswer[Any]) -> list[BatchFailure]:
    return [BatchFailure(int(entry_id), error) for entry_id, error in answer.failed]
