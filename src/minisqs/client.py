"""The friendly API: queues, messages, and the guide's two roles, the producer and the consumer.

Names and units are AWS's, in snake case; answers are objects that make a text (an id, a handle, an MD5)
only when it is asked for. Everything reaches SQS through the port, like every other caller.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import Decimal
from inspect import iscoroutinefunction
from typing import Any, Final, Generic, TypeAlias, TypedDict, TypeVar, Unpack

import attrs

from . import errors
from .engine import answers, checks, digests
from .engine.attributes import Settings
from .engine.measures import Counts
from .engine.message import Delivery
from .engine.message import Message as StoredMessage
from .engine.metrics import Metrics
from .engine.redrive import MoveTask
from .engine.values import BatchAnswer, ReceiveMessage, SendMessage
from .sim.clock import nanoseconds
from .sim.kernel import Task, Wait, Waiting
from .sim.port import MAIN, Port

Shown = TypeVar("Shown")
Value = TypeVar("Value")

_TEN_IDS: Final = tuple("0123456789")

AttributeValue: TypeAlias = "str | int | float | Decimal | bytes | Mapping[str, object]"
"""A message attribute: text, a number, bytes, or AWS's own form with DataType."""


class QueueAttributes(TypedDict, total=False):
    """The attributes of a queue, by AWS's names in snake case; what is left out keeps its value or default.

    ``""`` unsets a policy or the KMS key.
    """

    delay_seconds: int
    maximum_message_size: int
    message_retention_period: int
    receive_message_wait_time_seconds: int
    visibility_timeout: int
    policy: str | Mapping[str, object]
    redrive_policy: RedrivePolicy | str | Mapping[str, object]
    redrive_allow_policy: str | Mapping[str, object]
    kms_master_key_id: str
    kms_data_key_reuse_period_seconds: int
    sqs_managed_sse_enabled: bool
    fifo_queue: bool
    content_based_deduplication: bool
    deduplication_scope: str
    fifo_throughput_limit: str


@attrs.frozen
class RedrivePolicy:
    """Move a message to another queue once it was received ``max_receive_count`` times and not deleted.

    Args:
        dead_letter_queue: The queue, or its ARN.
        max_receive_count: Receives, 1 to 1,000; the next attempt to receive the message moves it.

    Source: sqs.md 3.6 and 9.
    """

    dead_letter_queue: Queue | str
    max_receive_count: int

    def text(self) -> str:
        """The policy as the JSON text that AWS takes."""
        queue = self.dead_letter_queue
        target = queue.arn if isinstance(queue, Queue) else queue
        if not isinstance(target, str):
            raise errors.UsageError(f"a dead-letter queue is a Queue or its ARN, not {queue!r}")
        return json.dumps({"deadLetterTargetArn": target, "maxReceiveCount": self.max_receive_count})


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
        return {name: _plain(attribute.data_type, attribute.value) for name, attribute in shown.items()}

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
        request = SendMessage(body, delay_seconds)
        if message_attributes is not None:
            request.message_attributes = _raw_attributes(message_attributes)
        if message_group_id is not None:
            request.message_group_id = message_group_id
        if message_deduplication_id is not None:
            request.message_deduplication_id = message_deduplication_id
        if trace_header is not None:
            request.message_system_attributes = _raw_attributes({"AWSTraceHeader": trace_header})
        return SentMessage(self, self._port.send_message(self.url, request))

    def send_batch(self, messages: Sequence[str | SendMessage]) -> BatchResult[SentMessage]:
        """Send up to ten messages in one call; each succeeds or fails by itself.

        Raises:
            EmptyBatchRequest, TooManyEntriesInBatchRequest, BatchRequestTooLong: The whole call is refused.

        Source: API_SendMessageBatch, sqs.md 12.
        """
        return self._send_batch(messages, MAIN)

    def _send_batch(self, messages: Sequence[str | SendMessage], caller: str) -> BatchResult[SentMessage]:
        requests = [one if isinstance(one, SendMessage) else SendMessage(one) for one in _listed(messages)]
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
    ) -> list[Message]:
        """Up to ten available messages, hidden from others until their visibility timeout ends.

        Args:
            max_number_of_messages: 1 to 10; None is 1.
            visibility_timeout: Seconds, 0 to 43,200; None takes the queue's.
            wait_time_seconds: Seconds, 0 to 20; None takes the queue's. A wait moves the simulated clock
                to the first message, or to its own end, and runs what falls due on the way.
            message_attribute_names: Which message attributes come along: names, ``prefix.*``, ``All``.

        Raises:
            InvalidParameterValue, OverLimit, QueueDoesNotExist: As AWS.

        Source: API_ReceiveMessage, sqs.md 6 and 14.16.
        """
        return self._receive(
            ReceiveMessage(max_number_of_messages, visibility_timeout, wait_time_seconds), message_attribute_names
        )

    def _receive(self, request: ReceiveMessage, names: Sequence[str]) -> list[Message]:
        wanted: Callable[[str], bool] | None = _everything
        if names != ("All",):
            wanted = self._port.checked("ReceiveMessage", lambda: checks.attribute_filter(names))
        deliveries = self._port.receive_message(self.url, request)
        return [Message(self, delivery, wanted) for delivery in deliveries]

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
                until_ns=message.deadline_ns if message.state.name != "AVAILABLE" else None,
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
        engine = self.port.checked("GetQueueUrl", lambda: self.port.service.queue(url))
        queue = self._by_url.get(engine.url)
        if queue is None or queue._engine is not engine:
            queue = self._by_url[engine.url] = Queue(self, engine.url)
        return queue

    def by_arn(self, arn: str) -> Queue | None:
        """The queue of an ARN; None if it does not exist any more."""
        return self.of(arn.rpartition(":")[2]) if self.port.service.has_queue(arn) else None

    def name(self, role: str) -> str:
        """A name for the next worker of a role: ``consumer-1``, ``consumer-2``."""
        self._named[role] = number = self._named.get(role, 0) + 1
        return f"{role}-{number}"


class Producer:
    """Sends messages under its own name, by which the journal and the faults know them.

    Args:
        queue: Where it sends to.
        name: Of its own; ``producer-1``, ``producer-2`` unless given.
    """

    def __init__(self, queue: Queue, *, name: str | None = None) -> None:
        self.queue = _queue(queue)
        self.name = queue._queues.name("producer") if name is None else _worker_name(name)

    def __repr__(self) -> str:
        return f"Producer({self.queue!r}, name={self.name!r})"

    def send(
        self,
        body: str,
        *,
        delay_seconds: int | None = None,
        message_attributes: Mapping[str, AttributeValue] | None = None,
    ) -> SentMessage:
        """Send one message; see ``Queue.send``."""
        request = SendMessage(body, delay_seconds)
        if message_attributes is not None:
            request.message_attributes = _raw_attributes(message_attributes)
        return SentMessage(self.queue, self.queue._port.send_message(self.queue.url, request, caller=self.name))

    def send_batch(self, messages: Sequence[str | SendMessage]) -> BatchResult[SentMessage]:
        """Send up to ten messages in one call; see ``Queue.send_batch``."""
        return self.queue._send_batch(messages, self.name)


@attrs.frozen
class Failure:
    """A message that a consumer's function did not take, and what the function raised."""

    message: Message
    error: Exception


class Consumer:
    """Polls a queue, calls a function with each message, deletes what the function took.

    A message for which the function raises is left alone: it comes back when its visibility timeout ends.

    Args:
        queue: What it polls.
        function: Called with each ``Message``, in the order of the batch.
        name: Of its own; ``consumer-1``, ``consumer-2`` unless given.
        max_number_of_messages: 1 to 10 a poll.
        visibility_timeout: Seconds, 0 to 43,200; None takes the queue's.
        wait_time_seconds: Seconds, 1 to 20, that an empty poll waits; 0 only for ``poll``.
        duration: Simulated seconds that the function takes, or a function of the message that says so.
            The function is called when its work starts; the message is deleted when the work ends.

    Attributes:
        failures: The messages for which the function raised, with the exceptions.
    """

    def __init__(
        self,
        queue: Queue,
        function: Callable[[Message], object],
        *,
        name: str | None = None,
        max_number_of_messages: int = 10,
        visibility_timeout: int | None = None,
        wait_time_seconds: int = 20,
        duration: float | Callable[[Message], float] = 0,
    ) -> None:
        request = ReceiveMessage(max_number_of_messages, visibility_timeout, wait_time_seconds)
        self.queue = _queue(queue)
        queue._port.checked("ReceiveMessage", lambda: checks.receive(request, Settings()))
        if not callable(function) or iscoroutinefunction(function):
            raise errors.UsageError(f"a consumer's function is a plain one, called with each message, not {function!r}")
        if not callable(duration):
            nanoseconds(duration)
        self.name = queue._queues.name("consumer") if name is None else _worker_name(name)
        self.failures: list[Failure] = []
        self._function = function
        self._request = request
        self._duration = duration
        self._port = queue._port
        self._task: Task[None] | None = None

    def __repr__(self) -> str:
        return f"Consumer({self.queue!r}, {self._function!r}, name={self.name!r})"

    def poll(self) -> list[Message]:
        """Poll once, and call the function with what came; the messages that came.

        The simulated clock moves by the wait and the work.
        """
        return self._port.kernel.complete(self._round(), self.name)

    def start(self) -> None:
        """Go on polling whenever simulated time passes, until ``stop`` or until the queue is deleted."""
        if self._request.wait_time_seconds == 0:
            raise errors.UsageError("a consumer that polls on and on waits for messages: wait_time_seconds is 1 to 20")
        if self._task is None or self._task.done:
            self._task = self._port.kernel.spawn(self._rounds(), f"{self.name} on {self.queue.name}")

    def stop(self) -> None:
        """Stop polling. A message that the function is working on is not deleted."""
        if self._task is not None:
            self._task.stop()

    def _rounds(self) -> Waiting[None]:
        try:
            while True:
                yield from self._round()
        except errors.QueueDoesNotExist:
            return

    def _round(self) -> Waiting[list[Message]]:
        deliveries = yield from self._port.poll(self.queue.url, self._request, caller=self.name)
        messages = [Message(self.queue, delivery, _everything) for delivery in deliveries]
        for message, delivery in zip(messages, deliveries, strict=True):
            error = self._call(message)
            duration = self._duration(message) if callable(self._duration) else self._duration
            if duration:
                yield Wait(self._port.clock.now_ns + nanoseconds(duration))
            if error is None:
                self._port.delete_message(self.queue.url, delivery, caller=self.name)
            else:
                self.failures.append(Failure(message, error))
                self._port.tell(
                    self.queue.url, delivery, "function raised", f"{type(error).__name__}: {error}", self.name
                )
        return messages

    def _call(self, message: Message) -> Exception | None:
        try:
            result = self._function(message)
        except Exception as error:  # noqa: BLE001  # whatever the user's function raises, the message stays
            return error
        if isinstance(result, Awaitable):
            raise errors.UsageError(f"{self!r} got {result!r} to await: a consumer's function does its work itself")
        return None


def raw_queue_attributes(attributes: Mapping[str, Any]) -> dict[str, str]:
    """Attributes in snake case and Python's types, as AWS's map of texts; None is the same as left out.

    Raises:
        UsageError: Not the name of a queue attribute.
    """
    raw = {}
    for name, value in attributes.items():
        if name not in QueueAttributes.__annotations__:
            raise errors.UsageError(f"{name!r} is not an attribute of a queue; {_meant(name)}")
        if value is not None:
            raw["".join(part.capitalize() for part in name.split("_"))] = _attribute_text(value)
    return raw


def _meant(name: str) -> str:
    """What somebody who wrote ``name`` had in mind."""
    known = list(QueueAttributes.__annotations__)
    snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
    close = difflib.get_close_matches(snake, known, n=1) or [one for one in known if one.startswith(snake)][:1]
    return f"did you mean {close[0]!r}?" if close else f"the attributes are {', '.join(known)}"


def _attribute_text(value: object) -> str:
    if isinstance(value, RedrivePolicy):
        return value.text()
    if isinstance(value, (Queue, tuple)):
        raise errors.UsageError(f"a redrive policy is RedrivePolicy(queue, max_receive_count=...), not {value!r}")
    if isinstance(value, Mapping):
        return json.dumps(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _raw_attributes(attributes: Mapping[str, AttributeValue]) -> dict[str, Mapping[str, object]]:
    """Message attributes in Python's types, in AWS's form."""
    if not isinstance(attributes, Mapping):
        raise errors.UsageError(f"message attributes are a mapping from name to value, not {attributes!r}")
    return {name: _raw_attribute(name, value) for name, value in attributes.items()}


def _raw_attribute(name: str, value: AttributeValue) -> Mapping[str, object]:
    if isinstance(value, str):
        return {"DataType": "String", "StringValue": value}
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return {"DataType": "Number", "StringValue": str(value)}
    if isinstance(value, (bytes, bytearray)):
        return {"DataType": "Binary", "BinaryValue": bytes(value)}
    if isinstance(value, Mapping):
        return value
    raise errors.UsageError(
        f"the message attribute {name!r} is text, a number, bytes, or a mapping with DataType, not {value!r}"
    )


def _plain(data_type: str, value: str | bytes) -> str | int | Decimal | bytes:
    if isinstance(value, bytes) or not data_type.startswith("Number"):
        return value
    number = Decimal(value)
    return int(value) if value.lstrip("+-").isdigit() else number


def _everything(name: str) -> bool:
    return True


def _listed(messages: Sequence[Value]) -> Sequence[Value]:
    if isinstance(messages, (str, bytes)) or not isinstance(messages, Sequence):
        raise errors.UsageError(f"a batch is a list, not {messages!r}")
    return messages


def _queue(queue: Queue) -> Queue:
    if not isinstance(queue, Queue):
        raise errors.UsageError(
            f"a producer or consumer works on a Queue, such as World.create_queue gives, not {queue!r}"
        )
    return queue


def _worker_name(name: str) -> str:
    if not isinstance(name, str) or not name:
        raise errors.UsageError(f"the name of a producer or consumer is a text, not {name!r}")
    return name


def _ids(entries: Sequence[object]) -> Sequence[str]:
    """An Id for each entry of a batch: its place, from 0."""
    return _TEN_IDS if len(entries) <= len(_TEN_IDS) else [str(place) for place in range(len(entries))]


def _failures(answer: BatchAnswer[Any]) -> list[BatchFailure]:
    return [BatchFailure(int(entry_id), error) for entry_id, error in answer.failed]
