"""What minisqs is measured against; each takes ``send(body)``, ``receive(limit)`` and ``delete(handle)``.

- ``BareDeque`` is as fast as Python gets, and no SQS at all: nothing is checked, hidden or deleted.
- ``LeanQueue`` is the least that can be called a standard queue, written straight down in one class: it
  says what the semantics cost without an API, refusals in AWS's words, a journal, faults or attributes.
- ``MotoBackend`` is the in-process fake that most tests use today, called below its HTTP and boto3 layers.
"""

from __future__ import annotations

import itertools
import random  # noqa: TID251  # ids of a yardstick, drawn as a service would draw them
import re
from collections import deque
from typing import Any

_FORBIDDEN_CHARACTER = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_RETENTION_NS = 345_600 * 10**9


class BareDeque:
    """Bodies in a deque; a handle is the body, and a delete does nothing."""

    def __init__(self) -> None:
        self._bodies: deque[str] = deque()
        self.send = self._bodies.append

    def receive(self, limit: int) -> list[str]:
        """Up to ``limit`` bodies."""
        bodies = self._bodies
        return [bodies.popleft() for _ in range(min(limit, len(bodies)))]

    def delete(self, handle: str) -> None:
        """Nothing: what was received is gone already."""


class LeanMessage:
    """What the lean queue keeps of a message."""

    __slots__ = ("body", "deadline_ns", "id_bits", "receipt", "receive_count", "sent_ns", "sequence", "timer")

    def __init__(self, sequence: int, body: str, id_bits: int, sent_ns: int) -> None:
        self.sequence = sequence
        self.body = body
        self.id_bits = id_bits
        self.sent_ns = sent_ns
        self.receive_count = self.receipt = self.deadline_ns = 0
        self.timer: dict[int, LeanMessage] | None = None


class LeanQueue:
    """A standard queue of few words: bodies are checked; messages hide, come back, expire, and end as dead letters.

    Those that wait for time, in flight or delayed, lie in one dictionary for each length of wait, their
    ``timer``. Time does not go back, so the messages of one timer fall due in the order in which they lie there.
    """

    def __init__(self, dead_letter_queue: LeanQueue | None = None, max_receive_count: int = 1) -> None:
        self.now_ns = 1_700_000_000 * 10**9
        self._dead_letter_queue = dead_letter_queue
        self._max_receive_count = max_receive_count
        self._messages: dict[int, LeanMessage] = {}
        self._available: deque[LeanMessage] = deque()
        self._timers: dict[int, dict[int, LeanMessage]] = {}
        self._next_due_ns = 1 << 62
        self._sent = 0
        self._hidden = 0
        self._bits = random.Random(1).getrandbits

    def send(self, body: str, delay_ns: int = 0) -> LeanMessage:
        """Store a message; the record stands for the answer."""
        if not body or (len(body) if body.isascii() else len(body.encode())) > 1_048_576:
            raise ValueError("a body has 1 to 1,048,576 bytes")
        if not body.isprintable() and _FORBIDDEN_CHARACTER.search(body):
            raise ValueError("a body has only characters of XML 1.0")
        message = LeanMessage(0, body, self._bits(128), self.now_ns)
        self._take_in(message)
        if delay_ns:
            self._hide(self._available.pop(), delay_ns)
        return message

    def receive(self, limit: int, visibility_timeout_ns: int = 30 * 10**9) -> list[tuple[str, LeanMessage]]:
        """Up to ``limit`` messages, each with its handle."""
        if self._next_due_ns <= self.now_ns:
            self._show_due()
        oldest_ns = self.now_ns - _RETENTION_NS
        available = self._available
        received: list[tuple[str, LeanMessage]] = []
        while available and len(received) < limit:
            message = available.popleft()
            if message.sequence not in self._messages:
                continue  # deleted after it came back
            if message.sent_ns <= oldest_ns:
                del self._messages[message.sequence]
            elif self._dead_letter_queue is not None and message.receive_count >= self._max_receive_count:
                del self._messages[message.sequence]
                self._dead_letter_queue._take_in(message)
            else:
                message.receive_count += 1
                message.receipt = receipt = self._bits(32)
                self._hide(message, visibility_timeout_ns)
                received.append((f"{message.sequence:x}.{receipt:x}", message))
        return received

    def delete(self, handle: str) -> None:
        """Delete the message of a handle, if it is the latest one."""
        sequence, _, receipt = handle.partition(".")
        message = self._messages.get(int(sequence, 16))
        if message is not None and message.receipt == int(receipt, 16):
            del self._messages[message.sequence]
            if message.timer is not None:
                del message.timer[message.sequence]
                self._hidden -= 1

    def counts(self) -> tuple[int, int]:
        """How many messages are available, and how many are in flight or delayed."""
        return len(self._messages) - self._hidden, self._hidden

    def _take_in(self, message: LeanMessage) -> None:
        self._sent = message.sequence = self._sent + 1
        self._messages[message.sequence] = message
        self._available.append(message)

    def _hide(self, message: LeanMessage, wait_ns: int) -> None:
        timer = self._timers.get(wait_ns)
        if timer is None:
            timer = self._timers[wait_ns] = {}
        timer[message.sequence] = message
        message.timer = timer
        message.deadline_ns = deadline_ns = self.now_ns + wait_ns
        if deadline_ns < self._next_due_ns:
            self._next_due_ns = deadline_ns
        self._hidden += 1

    def _show_due(self) -> None:
        now_ns, self._next_due_ns = self.now_ns, 1 << 62
        for timer in self._timers.values():
            due = list(itertools.takewhile(lambda message: message.deadline_ns <= now_ns, timer.values()))
            for message in due:
                del timer[message.sequence]
                message.timer = None
            self._available.extend(due)
            self._hidden -= len(due)
            if timer:
                self._next_due_ns = min(self._next_due_ns, next(iter(timer.values())).deadline_ns)


class MotoBackend:
    """A queue of moto's SQS backend.

    Raises:
        ImportError: moto is not installed.
    """

    _numbers = itertools.count(1)

    def __init__(self) -> None:
        from moto.sqs.models import Message, sqs_backends  # noqa: PLC0415  # it may be missing, and takes a second

        self._message: Any = Message
        self._backend: Any = sqs_backends["123456789012"]["us-east-1"]
        self._name = f"bench-{next(self._numbers)}"
        self._queue = self._backend.create_queue(self._name, {})

    def fill(self, count: int, body: str) -> None:
        """Put messages in past moto's own send, which looks at every message there each time."""
        for number in range(count):
            message = self._message(f"fill-{number}", body)
            message.mark_sent()
            self._queue._messages.append(message)

    def send(self, body: str) -> None:
        """Send one message."""
        self._backend.send_message(self._name, body)

    def receive(self, limit: int) -> list[str]:
        """Up to ``limit`` messages, as their handles."""
        received = self._backend.receive_message(self._name, limit, 0, 30)
        return [message.receipt_handle for message in received]

    def delete(self, handle: str) -> None:
        """Delete the message of a handle."""
        self._backend.delete_message(self._name, handle)
