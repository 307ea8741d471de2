"""The only caller of the service: every client, poller and adapter reaches SQS through this port.

It adds what a call over the wire would meet outside of the service: the time, the decisions of chance,
and the wait of a long poll. It writes the journal, and wakes those who wait on a queue when there is
something for them. To the kernel it is the background: what falls due in the queues happens through it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NoReturn, Protocol, TypeAlias, TypeVar

from .. import errors
from ..engine.decisions import PERFECT, SPLIT, TIE, Decisions
from ..engine.lifecycle import Event
from ..engine.measures import Counts
from ..engine.message import Delivery, Message
from ..engine.metrics import Metrics, Numbers, Series
from ..engine.queue import Change, Queue
from ..engine.redrive import MoveTask
from ..engine.service import Service
from ..engine.values import BatchAnswer, MessageToSend, ReceiveMessage
from . import faults
from .clock import Clock
from .journal import Journal
from .kernel import Kernel, Task, Wait, Waiting
from .network import NONE_FAILED, QUESTIONS, Network, joined
from .sources import Address, Source
from .workers import HERE, LentTurns, SharedUse, Turns

if TYPE_CHECKING:
    from .stage import Stage

Answer = TypeVar("Answer")
Failures: TypeAlias = Sequence[tuple[str, errors.SqsError]]

MAIN = "main"
"""The name of plain code: who calls where no producer or consumer does."""


class Watcher(Protocol):
    """Who wants to know whenever there is something to receive in a queue, or the queue is gone."""

    def wake(self) -> None:
        """Called in the middle of whatever made it so; what the watcher does about it, it does in an event."""
        ...


class Port:
    """Calls the service in simulated time.

    Args:
        service: The queues.
        clock: What time it is.
        journal: Where everything is written down.
        source: What answers the engine's questions; None for the perfect queue.
    """

    def __init__(self, service: Service, clock: Clock, journal: Journal, source: Source | None = None) -> None:
        self.service = service
        self.clock = clock
        self.journal = journal
        self.source = source
        self.asks = source is not None
        """Whether anything may still go wrong in SQS or Lambda, so that the source is asked."""
        self.earliest_ns = service.earliest_ns
        self.kernel = Kernel(clock, self, None if source is None or not source.asks(TIE) else self._choose_tie)
        self.last_fault_ns = clock.now_ns
        self.acts = 0
        """How often user code may have done what others look for: its calls that are no looks, and its ends."""
        self.stage: Stage | None = None
        """Where a check runs the user's code; None in plain use."""
        self.spares_main = False
        """Whether the calls of plain code, outside of all that a stage runs, never fail."""
        self._decisions: Decisions = PERFECT if source is None else source
        self._network = None if source is None or not any(map(source.asks, QUESTIONS)) else Network(self)
        self.real_wait: Callable[[int, Callable[[], bool]], bool] | None = None
        """How a poll waits until a time, or until it is found to have ended, where the clock follows the wall."""
        self._requests = 0
        self._request_id = service.identifiers.request_id
        self.shared = SharedUse(self.kernel)
        """The threads that use the world."""
        self._lend(self.shared)
        self._waiting: dict[str, deque[Task[list[Delivery]]]] = {}
        self._watchers: dict[str, list[Watcher]] = {}

    def lend_turns(self, is_ours: Callable[[], bool]) -> None:
        """Let threads that run stacks of the simulation have the turn of whoever lets time pass."""
        self._lend(LentTurns(self.shared, is_ours))

    def _lend(self, turns: Turns) -> None:
        self._shared = turns
        self.lock = turns.lock
        self._acquire, self._release = self.lock.acquire, self.lock.release

    # ----------------------------------------------------------------------------------------------- queues
    def create_queue(
        self,
        queue_name: str,
        attributes: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        *,
        caller: str = MAIN,
    ) -> Queue:
        """See ``Service.create_queue``."""
        create = lambda now: self.service.create_queue(queue_name, attributes, tags, now=now)  # noqa: E731
        return self._call("CreateQueue", queue_name, create, caller)

    def delete_queue(self, queue_url: str, *, caller: str = MAIN) -> None:
        """See ``Service.delete_queue``; who waits on the queue is told that it does not exist."""
        with self.lock:
            self._call("DeleteQueue", queue_url, lambda now: self.service.delete_queue(queue_url, now=now), caller)
            self._shared.tell()
            name = queue_url.rpartition("/")[2]
            for waiting in (*self._waiting.get(name, ()), *self._watchers.get(name, ())):
                waiting.wake()

    def get_queue_url(
        self, queue_name: str, queue_owner_aws_account_id: str | None = None, *, caller: str = MAIN
    ) -> str:
        """See ``Service.get_queue_url``."""
        get = lambda now: self.service.get_queue_url(queue_name, queue_owner_aws_account_id)  # noqa: E731
        return self._call("GetQueueUrl", queue_name, get, caller, may_fail=True)

    def list_queues(
        self,
        queue_name_prefix: str = "",
        *,
        max_results: int | None = None,
        next_token: str | None = None,
        caller: str = MAIN,
    ) -> tuple[list[Queue], str | None]:
        """See ``Service.list_queues``."""
        ask = self.service.list_queues
        return self._call(
            "ListQueues",
            "",
            lambda now: ask(queue_name_prefix, max_results=max_results, next_token=next_token),
            caller,
        )

    def list_dead_letter_source_queues(
        self, queue_url: str, *, max_results: int | None = None, next_token: str | None = None, caller: str = MAIN
    ) -> tuple[list[Queue], str | None]:
        """See ``Service.list_dead_letter_source_queues``."""
        ask = self.service.list_dead_letter_source_queues
        return self._call(
            "ListDeadLetterSourceQueues",
            queue_url,
            lambda now: ask(queue_url, max_results=max_results, next_token=next_token),
            caller,
        )

    def get_queue_attributes(
        self, queue_url: str, attribute_names: Sequence[str] = ("All",), *, caller: str = MAIN
    ) -> dict[str, str]:
        """See ``Service.get_queue_attributes``."""
        get = lambda now: self.service.get_queue_attributes(queue_url, attribute_names, now=now)  # noqa: E731
        attributes = self._call("GetQueueAttributes", queue_url, get, caller, may_fail=True)
        if self._network is not None:
            attributes = self._network.attributes(queue_url, attributes, self._named(caller))
        return attributes

    def set_queue_attributes(self, queue_url: str, attributes: Mapping[str, str], *, caller: str = MAIN) -> None:
        """See ``Service.set_queue_attributes``."""
        change = lambda now: self.service.set_queue_attributes(queue_url, attributes, now=now)  # noqa: E731
        with self.lock:
            self._call("SetQueueAttributes", queue_url, change, caller)
            self._settle_due()

    def purge_queue(self, queue_url: str, *, caller: str = MAIN) -> None:
        """See ``Service.purge_queue``."""
        self._call("PurgeQueue", queue_url, lambda now: self.service.purge_queue(queue_url, now=now), caller)
        if self._network is not None:
            self._network.saw(self.service.find(queue_url))

    def tag_queue(self, queue_url: str, tags: Mapping[str, str], *, caller: str = MAIN) -> None:
        """See ``Service.tag_queue``."""
        self._call("TagQueue", queue_url, lambda now: self.service.tag_queue(queue_url, tags), caller)

    def untag_queue(self, queue_url: str, tag_keys: Sequence[str], *, caller: str = MAIN) -> None:
        """See ``Service.untag_queue``."""
        self._call("UntagQueue", queue_url, lambda now: self.service.untag_queue(queue_url, tag_keys), caller)

    def list_queue_tags(self, queue_url: str, *, caller: str = MAIN) -> dict[str, str]:
        """See ``Service.list_queue_tags``."""
        return self._call("ListQueueTags", queue_url, lambda now: self.service.list_queue_tags(queue_url), caller)

    def add_permission(
        self,
        queue_url: str,
        label: str,
        aws_account_ids: Sequence[str],
        actions: Sequence[str],
        *,
        caller: str = MAIN,
    ) -> None:
        """See ``Service.add_permission``."""
        add = lambda now: self.service.add_permission(queue_url, label, aws_account_ids, actions, now=now)  # noqa: E731
        self._call("AddPermission", queue_url, add, caller)

    def remove_permission(self, queue_url: str, label: str, *, caller: str = MAIN) -> None:
        """See ``Service.remove_permission``."""
        remove = lambda now: self.service.remove_permission(queue_url, label, now=now)  # noqa: E731
        self._call("RemovePermission", queue_url, remove, caller)

    # ------------------------------------------------------------------------------------------- move tasks
    def start_message_move_task(
        self,
        source_arn: str,
        destination_arn: str | None = None,
        max_number_of_messages_per_second: int | None = None,
        *,
        caller: str = MAIN,
    ) -> MoveTask:
        """See ``Service.start_message_move_task``; what is to be moved at once is moved."""
        ask = self.service.start_message_move_task
        with self.lock:
            task = self._call(
                "StartMessageMoveTask",
                _name_in(source_arn),
                lambda now: ask(source_arn, destination_arn, max_number_of_messages_per_second, now=now),
                caller,
            )
            self._settle_due()
        return task

    def list_message_move_tasks(
        self, source_arn: str, max_results: int | None = None, *, caller: str = MAIN
    ) -> list[MoveTask]:
        """See ``Service.list_message_move_tasks``."""
        ask = self.service.list_message_move_tasks
        return self._call(
            "ListMessageMoveTasks", _name_in(source_arn), lambda now: ask(source_arn, max_results), caller
        )

    def cancel_message_move_task(self, task_handle: str, *, caller: str = MAIN) -> MoveTask:
        """See ``Service.cancel_message_move_task``."""
        cancel = lambda now: self.service.cancel_message_move_task(task_handle, now=now)  # noqa: E731
        return self._call("CancelMessageMoveTask", "", cancel, caller)

    # ---------------------------------------------------------------------------------------------- looking
    @property
    def sender_id(self) -> str:
        """The SenderId of every message: the account's only user."""
        return self.service.sender_id

    def message_id(self, message: Message) -> str:
        """The MessageId of a message."""
        return self.service.identifiers.message_id(message.producer, message.place)

    def receipt_handle(self, queue_url: str, delivery: Delivery) -> str:
        """The receipt handle of a delivery."""
        return self.service.queue(queue_url).receipt_handle(delivery)

    def request_id(self) -> str:
        """A new RequestId."""
        self._requests += 1
        return self._request_id(self._requests)

    def counts(self, queue_url: str) -> Counts:
        """How many messages are available, in flight and delayed: a look, not a call."""
        with self.lock:
            self._settle_due()
            queue = self.service.queue(queue_url)
            counts = queue.counts(self.clock.now_ns)
            return counts if self._network is None else self._network.counts(queue, counts, self._named(MAIN))

    def metrics(self, queue_url: str) -> Metrics:
        """What CloudWatch would show of a queue: a look, not a call."""

        def read() -> tuple[Numbers, Series]:
            with self.lock:
                self._settle_due()
                queue = self.service.queue(queue_url)
                queue.settle(self.clock.now_ns)
                return {**queue.totals(), **queue.gauges().at(self.clock.now_ns)}, queue.series

        return Metrics(read)

    def look(self, queue_url: str) -> list[Message]:
        """The messages of a queue as they lie there: a look, not a call."""
        with self.lock:
            self._settle_due()
            return self.service.queue(queue_url).look(self.clock.now_ns)

    # --------------------------------------------------------------------------------------------- messages
    def send_message(self, queue_url: str, request: MessageToSend, *, caller: str = MAIN) -> Message:
        """See ``Service.send_message``; the caller is the producer."""
        self._acquire()  # what `with self._shared` does, at half the price: this is the hot path
        try:
            if HERE.token is not self._shared.latest:
                self._shared.join()
            if self.stage is not None:
                caller = self._named(caller)
            network = self._network
            if network is not None:
                network.call("SendMessage", queue_url, caller)
            now = self.clock.now_ns
            try:
                message = self.service.send_message(queue_url, request, producer=caller, now=now)
            except errors.SqsError as error:
                self._refuse(error, "SendMessage", queue_url, caller)
            self.journal.write((now, "SendMessage", queue_url, message.producer, message.place, 0, caller, ""))
            if self._waiting:
                self._wake(queue_url)
            if network is not None:
                network.saw(self.service.find(queue_url))
                network.answer("SendMessage", queue_url, caller)
            return message
        finally:
            self._release()

    def send_message_batch(
        self, queue_url: str, entries: Sequence[tuple[str, MessageToSend]], *, caller: str = MAIN
    ) -> BatchAnswer[Message]:
        """See ``Service.send_message_batch``; the caller is the producer."""
        with self._shared:
            caller, network, given, failed = self._named(caller), self._network, entries, NONE_FAILED
            if network is not None:
                network.call("SendMessageBatch", queue_url, caller)
                entries, failed = network.entries("SendMessageBatch", queue_url, caller, entries, [""] * len(entries))
            now = self.clock.now_ns
            try:
                send = self.service.send_message_batch
                done = send(queue_url, entries, producer=caller, now=now) if entries or not failed else None
            except errors.SqsError as error:
                self._refuse(error, "SendMessageBatch", queue_url, caller)
            answer = joined(done, failed, given)
            write = self.journal.write
            for _, message in answer.successful:
                write((now, "SendMessageBatch", queue_url, message.producer, message.place, 0, caller, ""))
            if answer.failed:
                self._tell_failures(answer.failed, "SendMessageBatch", queue_url, caller)
            if self._waiting:
                self._wake(queue_url)
            if network is not None:
                network.saw(self.service.find(queue_url))
                network.answer("SendMessageBatch", queue_url, caller)
            return answer

    def receive_message(self, queue_url: str, request: ReceiveMessage, *, caller: str = MAIN) -> list[Delivery]:
        """See ``Service.receive_message``. A long poll moves the clock, to the first message or to its end.

        Only where other live threads use the world does it wait for them first, in real time.
        """
        self._acquire()  # what `with self._shared` does, at half the price: this is the hot path
        try:
            if HERE.token is not self._shared.latest:
                self._shared.join()
            if self.stage is not None:
                caller = self._named(caller)
            if self._network is not None:
                self._network.call("ReceiveMessage", queue_url, caller)
            deliveries = self.receive_once(queue_url, request, caller)
            if not deliveries:
                deliveries = self._wait_for_some(queue_url, request, caller)
            if self._network is not None and deliveries:
                self._network.answer("ReceiveMessage", queue_url, caller, deliveries[0].message.address)
            return deliveries
        finally:
            self._release()

    def _wait_for_some(self, queue_url: str, request: ReceiveMessage, caller: str) -> list[Delivery]:
        """The rest of a long poll that has found nothing yet, of plain code; nothing at once for a short one."""
        end_ns = self.clock.now_ns + self.service.wait_ns(queue_url, request)
        deliveries: list[Delivery] = []
        while not deliveries and self._others_bring_some(queue_url, end_ns):
            deliveries = self.receive_once(queue_url, request, caller, first_look=False, last_look=False)
            if self.real_wait is None:
                break
        return deliveries or self.kernel.complete(self._wait(queue_url, request, caller, end_ns=end_ns), caller)

    def _others_bring_some(self, queue_url: str, end_ns: int) -> bool:
        """Whether another thread that uses the world makes a message available while a poll waits."""
        if end_ns <= self.clock.now_ns or self.kernel.current is not None:  # in an event nobody else gets a turn
            return False
        queue = self.service.queue(queue_url)
        self._waiting.setdefault(queue.name, deque())
        found = lambda: queue.visible > 0 or self.service.find(queue.url) is not queue  # noqa: E731
        return (self.real_wait or self._shared.wait_for_others)(end_ns, found)

    def poll(
        self, queue_url: str, request: ReceiveMessage, *, caller: str, again: bool = False
    ) -> Waiting[list[Delivery]]:
        """The same for a task of the kernel, which waits while others run; ``again`` says that it only polls on.

        To one that polls on it makes no difference whether a call fails that would have found nothing.
        """
        if self._network is not None and not (again and self._is_empty(queue_url)):
            self._network.call("ReceiveMessage", queue_url, caller)
        deliveries = self.receive_once(queue_url, request, caller)
        deliveries = deliveries or (yield from self._wait(queue_url, request, caller, again=again))
        if self._network is not None and deliveries:
            self._network.answer("ReceiveMessage", queue_url, caller, deliveries[0].message.address)
        return deliveries

    def _is_empty(self, queue_url: str) -> bool:
        queue = self.service.find(queue_url)
        return queue is None or not queue.visible

    def _wait(
        self, queue_url: str, request: ReceiveMessage, caller: str, *, again: bool = False, end_ns: int | None = None
    ) -> Waiting[list[Delivery]]:
        """The rest of a poll that has found nothing yet; until ``end_ns``, where some of its wait is over."""
        wait_ns = self.service.wait_ns(queue_url, request)
        if end_ns is None:
            end_ns = self.clock.now_ns + wait_ns
        elif wait_ns and end_ns <= self.clock.now_ns:
            deliveries = self.receive_once(queue_url, request, caller, first_look=False, last_look=True)
            if deliveries:
                return deliveries
        deliveries = []
        while not deliveries and self.clock.now_ns < end_ns:
            task = self.kernel.current
            assert task is not None, "only a task can wait"
            waiting = self._waiting.setdefault(self.service.queue(queue_url).name, deque())
            waiting.append(task)
            try:
                yield Wait(end_ns, passive=True, period_ns=wait_ns if again else 0)
            except GeneratorExit:  # stopped: a wake that it may have had goes on to the next
                waiting.remove(task)
                self._wake(queue_url)
                raise
            if task in waiting:
                waiting.remove(task)
            last_look = self.clock.now_ns >= end_ns
            deliveries = self.receive_once(queue_url, request, caller, first_look=False, last_look=last_look)
        if not deliveries:
            self.note("ReceiveMessage", queue_url, caller, "nothing to receive")
        return deliveries

    def cut_poll(self, queue_url: str, caller: str) -> None:
        """End a poll that looked and found nothing, and does not look again: one empty receive."""
        queue = self.service.find(queue_url)
        if queue is not None:
            queue.empty_receives += 1
        self.note("ReceiveMessage", queue_url, caller, "nothing to receive")

    def watch(self, queue_name: str, watcher: Watcher) -> None:
        """Tell ``watcher`` from now on whenever there is something to receive, or the queue is deleted."""
        self._waiting.setdefault(queue_name, deque())  # so that somebody looks who is to be told
        self._watchers.setdefault(queue_name, []).append(watcher)

    def unwatch(self, queue_name: str, watcher: Watcher) -> None:
        """Tell it no more."""
        self._watchers[queue_name].remove(watcher)

    def receive_once(
        self,
        queue_url: str,
        request: ReceiveMessage,
        caller: str,
        *,
        first_look: bool = True,
        last_look: bool | None = None,
    ) -> list[Delivery]:
        """Look once; a poll that waits says which look is its last, a short one has only one.

        See ``Service.receive_message``.
        """
        now = self.clock.now_ns
        try:
            deliveries, moves = self.service.receive_message(
                queue_url, request, now=now, decisions=self._decisions, first_look=first_look, last_look=last_look
            )
        except errors.SqsError as error:
            self._refuse(error, "ReceiveMessage", queue_url, caller)
        write = self.journal.write
        for change in moves:
            self._tell_move(self.service.queue(queue_url), change, caller)
        for delivery in deliveries if self.journal.keeps_any else ():
            message = delivery.message
            count = delivery.receive_count
            write((now, "ReceiveMessage", queue_url, message.producer, message.place, count, caller, ""))
        if moves or self._decisions is not PERFECT:
            self._tell_choices(queue_url, caller)
        return deliveries

    def delete_message(self, queue_url: str, receipt_handle: str | Delivery, *, caller: str = MAIN) -> None:
        """See ``Service.delete_message``."""
        self._acquire()  # what `with self._shared` does, at half the price: this is the hot path
        try:
            if HERE.token is not self._shared.latest:
                self._shared.join()
            network = self._network
            if self.stage is not None:
                caller = self._named(caller)
            if network is not None:
                network.call("DeleteMessage", queue_url, caller, network.subject(queue_url, receipt_handle))
            now = self.clock.now_ns
            try:
                delivery = self.service.delete_message(queue_url, receipt_handle, now=now, decisions=self._decisions)
            except errors.SqsError as error:
                self._refuse(error, "DeleteMessage", queue_url, caller)
            message = delivery.message
            count = delivery.receive_count
            self.journal.write((now, "DeleteMessage", queue_url, message.producer, message.place, count, caller, ""))
            if self._decisions is not PERFECT:
                self._tell_choices(queue_url, caller)
            if self._waiting:
                self._wake(queue_url)
            if network is not None:
                network.answer("DeleteMessage", queue_url, caller, message.address)
        finally:
            self._release()

    def delete_message_batch(
        self,
        queue_url: str,
        entries: Sequence[tuple[str, str | Delivery]],
        *,
        caller: str = MAIN,
        may_fail: bool = True,
    ) -> BatchAnswer[Delivery]:
        """See ``Service.delete_message_batch``; ``may_fail`` is for all but those who ask for themselves."""
        action = "DeleteMessageBatch"
        with self._shared:
            caller, network = self._named(caller), self._network if may_fail else None
            given, failed, subjects = entries, NONE_FAILED, [""]
            if network is not None:
                subjects = network.subjects(queue_url, entries) or [""]
                network.call(action, queue_url, caller, subjects[0])
                entries, failed = network.entries(action, queue_url, caller, entries, subjects)
            now = self.clock.now_ns
            try:
                delete = self.service.delete_message_batch
                done = delete(queue_url, entries, now=now, decisions=self._decisions) if entries or not failed else None
            except errors.SqsError as error:
                self._refuse(error, action, queue_url, caller)
            answer = joined(done, failed, given)
            self._tell_batch(answer, action, queue_url, caller)
            if self._decisions is not PERFECT:
                self._tell_choices(queue_url, caller)
            if self._waiting:
                self._wake(queue_url)
            if network is not None:
                network.answer(action, queue_url, caller, subjects[0])
            return answer

    def change_message_visibility(
        self, queue_url: str, receipt_handle: str | Delivery, visibility_timeout: int, *, caller: str = MAIN
    ) -> None:
        """See ``Service.change_message_visibility``."""
        with self._shared:
            action = "ChangeMessageVisibility"
            caller, network = self._named(caller), self._network
            if network is not None:
                network.call(action, queue_url, caller, network.subject(queue_url, receipt_handle))
            try:
                delivery = self.service.change_message_visibility(
                    queue_url, receipt_handle, visibility_timeout, now=self.clock.now_ns
                )
            except errors.SqsError as error:
                self._refuse(error, action, queue_url, caller)
            self.tell(queue_url, delivery, action, f"hidden for {visibility_timeout} s", caller)
            self._wake(queue_url)
            if network is not None:
                network.saw(self.service.find(queue_url))
                network.answer(action, queue_url, caller, delivery.message.address)

    def change_message_visibility_batch(
        self, queue_url: str, entries: Sequence[tuple[str, str | Delivery, int | None]], *, caller: str = MAIN
    ) -> BatchAnswer[Delivery]:
        """See ``Service.change_message_visibility_batch``."""
        with self._shared:
            action = "ChangeMessageVisibilityBatch"
            caller, network = self._named(caller), self._network
            given, failed, subjects = entries, NONE_FAILED, [""]
            if network is not None:
                subjects = network.subjects(queue_url, entries) or [""]
                network.call(action, queue_url, caller, subjects[0])
                entries, failed = network.entries(action, queue_url, caller, entries, subjects)
            now = self.clock.now_ns
            try:
                change = self.service.change_message_visibility_batch
                done = change(queue_url, entries, now=now) if entries or not failed else None
            except errors.SqsError as error:
                self._refuse(error, action, queue_url, caller)
            answer = joined(done, failed, given)
            self._tell_batch(answer, action, queue_url, caller)
            self._wake(queue_url)
            if network is not None:
                network.saw(self.service.find(queue_url))
                network.answer(action, queue_url, caller, subjects[0])
            return answer

    # ------------------------------------------------------------------------------------------- background
    def next_due_ns(self) -> int:
        """When the next delay or visibility timeout of any queue ends."""
        return self.service.next_due_ns()

    def next_passive_ns(self) -> int:
        """When the next message of any queue may expire: nobody waits for that."""
        return self.service.next_expiry_ns()

    def next_due(self) -> str:
        """Whose that is."""
        return f"queue {self.service.next_due_queue()}"

    def settle(self) -> str:
        """Let everything happen in the queues that is due now; the name of one where something did."""
        label = "the queues"
        changes = self.service.settle(self.clock.now_ns)
        if self._network is not None:
            for queue, change in changes:
                self._network.saw(queue)
                self._network.saw(self.service.find(change.to) if change.to else None)
        for queue, change in changes:
            self._tell_change(queue, change, f"now in {change.to}" if change.to else "", "")
            label = f"queue {queue.name}"
            if change.event is Event.RESURFACED:
                self.last_fault_ns = max(self.last_fault_ns, change.at_ns)
            self._wake(change.to or queue.url)
        return label

    def _settle_due(self) -> None:
        """Let happen what a call has made due at once."""
        if self.service.untold or min(self.next_due_ns(), self.next_passive_ns()) <= self.clock.now_ns:
            self.settle()

    def _wake(self, queue_url: str) -> None:
        """Let as many of those who wait on a queue go on as there are messages for them."""
        if self._waiting:
            self._shared.tell()
            queue = self.service.find(queue_url)
            if queue is not None:
                for task in list(self._waiting.get(queue.name, ()))[: queue.visible]:
                    task.wake()
                for watcher in self._watchers.get(queue.name, ()) if queue.visible else ():
                    watcher.wake()

    # ---------------------------------------------------------------------------------------------- telling
    def tell(self, queue_url: str, delivery: Delivery, action: str, cause: str, caller: str) -> None:
        """Write down what a caller did with a delivery, in SQS or outside of it."""
        message = delivery.message
        now, count = self.clock.now_ns, delivery.receive_count
        self.journal.write((now, action, queue_url, message.producer, message.place, count, caller, cause))

    def note(self, action: str, queue_url: str, caller: str, cause: str) -> None:
        """Write down what is about no single message."""
        self.journal.write((self.clock.now_ns, action, queue_url, "", 0, 0, caller, cause))

    def _named(self, caller: str) -> str:
        """Who calls: plain code that a stage runs goes by the message that it works on, and how often that was."""
        if caller != MAIN or self.stage is None or self.stage.current is None:
            return caller
        return f"{self.stage.current.subject}#{self.stage.current.occurrence}"

    def is_spared(self, caller: str) -> bool:
        """Whether the calls of a caller never fail now."""
        if not self.spares_main:
            return False
        works = self.kernel.current is not None or (self.stage is not None and self.stage.current is not None)
        return caller == MAIN or not works

    def _call(
        self, action: str, queue_url: str, call: Callable[[int], Answer], caller: str, *, may_fail: bool = False
    ) -> Answer:
        """Do what is not on the hot path: call with the time, write it down."""
        with self._shared:
            caller, network = self._named(caller), self._network if may_fail else None
            if network is not None:
                network.call(action, queue_url, caller)
            now = self.clock.now_ns
            try:
                answer = call(now)
            except errors.SqsError as error:
                self._refuse(error, action, queue_url, caller)
            self.journal.write((now, action, queue_url, "", 0, 0, caller, ""))
            if network is not None:
                network.answer(action, queue_url, caller)
            return answer

    def checked(self, action: str, check: Callable[[], Answer], *, queue_url: str = "") -> Answer:
        """What a check before a call gives; its refusal is one of the action."""
        try:
            return check()
        except errors.SqsError as error:
            self.refuse(error, action, queue_url=queue_url)
            raise

    def refuse(self, error: errors.SqsError, action: str, *, queue_url: str = "", caller: str = MAIN) -> None:
        """Take note of a refusal that came before the call did, of parameters that could not be read."""
        if not error.operation_name:
            self._tell_refusal(error, action, queue_url, caller)

    def _refuse(self, error: errors.SqsError, action: str, queue_url: object, caller: str) -> NoReturn:
        """Take note of a refusal, and raise it."""
        self._tell_refusal(error, action, queue_url, caller)
        raise error

    def _tell_refusal(self, error: errors.SqsError, action: str, queue_url: object, caller: str) -> None:
        """Give a refusal what AWS's answer has, and write it down."""
        error.operation_name = action
        error.request_id = self.request_id()
        url = queue_url if isinstance(queue_url, str) else repr(queue_url)
        cause = f"refused: {error.code}: {error.message}"
        self.journal.write((self.clock.now_ns, action, url, "", 0, 0, caller, cause))

    def _tell_batch(self, answer: BatchAnswer[Delivery], action: str, queue_url: str, caller: str) -> None:
        now, write = self.clock.now_ns, self.journal.write
        for _, delivery in answer.successful if self.journal.keeps_any else ():
            message = delivery.message
            write((now, action, queue_url, message.producer, message.place, delivery.receive_count, caller, ""))
        if answer.failed:
            self._tell_failures(answer.failed, action, queue_url, caller)

    def _tell_failures(self, failed: Failures, action: str, queue_url: str, caller: str) -> None:
        for entry_id, error in failed:
            error.operation_name = action
            cause = f"entry {entry_id} refused: {error.code}: {error.message}"
            self.journal.write((self.clock.now_ns, action, queue_url, "", 0, 0, caller, cause))

    def _tell_move(self, source: Queue, change: Change, caller: str) -> None:
        message = change.message
        policy = source.settings.redrive_policy
        assert policy is not None, "only a redrive policy moves messages"
        times = "once" if message.receives_here == 1 else f"{message.receives_here} times"
        cause = f"received {times}, maxReceiveCount is {policy.max_receive_count}: now in {change.to}"
        self._tell_change(source, change, cause, caller)
        if self.stage is not None:
            self.stage.dead_letters.append(message.address)
        self._wake(change.to)

    def _tell_change(self, queue: Queue, change: Change, cause: str, caller: str) -> None:
        message = change.message
        at_ns, action, count = change.at_ns, change.event.value, message.receive_count
        self.journal.write((at_ns, action, queue.url, message.producer, message.place, count, caller, cause))

    def choose(
        self, kind: str, options: int, *, queue_url: str, caller: str, subject: str = "", action: str = ""
    ) -> int:
        """How something turns out that is about a subject, or the caller itself; 0 in the perfect world.

        Of a call, ``action`` says which it is.
        """
        source = self.source
        if source is None or not self.asks:
            return 0
        answer = source.choose(kind, subject or caller, options)
        if answer and action:
            source.calls[next(reversed(source.choices))] = action, queue_url.rpartition("/")[2]
        self._tell_faults(queue_url, caller)
        return answer

    def tell_fault(self, kind: str, cause: str, queue_url: str, caller: str, message: Message | None) -> None:
        """Write down what went wrong in a caller's own code."""
        producer, place, count = (
            ("", 0, 0) if message is None else (message.producer, message.place, message.receive_count)
        )
        self.journal.write((self.clock.now_ns, f"fault: {kind}", queue_url, producer, place, count, caller, cause))

    def show_copy(self, queue_url: str, message: Message) -> bool:
        """Show a message again beside its delivery in flight; False where it is not in flight any more."""
        queue = self.service.find(queue_url)
        if queue is None or not queue.duplicate(message, now=self.clock.now_ns):
            return False
        self._wake(queue_url)
        return True

    def _tell_choices(self, queue_url: str, caller: str) -> None:
        """Write down what went wrong in the last call, and let happen what is due at once because of it."""
        went_wrong = self.source is not None and bool(self.source.untold)
        self._tell_faults(queue_url, caller)
        self._settle_due()
        if went_wrong:  # else two who find nothing would wake each other for ever
            self._wake(queue_url)
        if self._network is not None:
            self._network.saw(self.service.find(queue_url))

    def _tell_faults(self, queue_url: str, caller: str) -> None:
        source = self.source
        if source is not None and source.untold:
            for address, answer in source.untold:
                self._tell_choice(address, answer, queue_url, caller)
            source.untold.clear()
            if source.is_spent:
                self._ask_no_more()

    def _ask_no_more(self) -> None:
        """Go on as on the perfect queue: nothing goes wrong any more."""
        self.asks = False
        self._decisions, self._network = PERFECT, None
        self.kernel.ignore_ties()

    def _tell_choice(self, address: Address, answer: int, queue_url: str, caller: str) -> None:
        queue = self.service.find(queue_url) if queue_url else None
        strays_until_ns = queue.strays_until_ns if queue else 0
        self.last_fault_ns = max(self.last_fault_ns, self.clock.now_ns, strays_until_ns)
        producer, _, place = address.subject.rpartition("/")
        number = int(place) if producer and address.kind not in (SPLIT, TIE) and place.isdigit() else 0
        producer = producer if number else ""
        cause = faults.in_words(address.kind, answer)
        action = f"fault: {address.kind}"
        self.journal.write((self.clock.now_ns, action, queue_url, producer, number, 0, caller, cause))

    def _choose_tie(self, label: str, options: int) -> int:
        assert self.source is not None, "only a world with faults asks"
        answer = self.source.choose(TIE, label, options)
        self._tell_faults("", label)
        return answer


def _name_in(arn: object) -> str:
    """The name of the queue that an ARN, perhaps not a good one, is about."""
    return str(arn).rpartition(":")[2]
