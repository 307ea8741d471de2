"""FIFO queues beside a model that is written to be read: one list of messages, searched anew for each call.

The model says sqs.md 7.7 to 7.11, 5.5, 5.7 and 4.5 in their own words, without a heap or a counter. Random
programs of sends, receives, deletes, visibility changes and time go to both; every answer must agree.
"""

from __future__ import annotations

from random import Random  # noqa: TID251 - seeded, so that a program is found again

import attrs
import pytest

import minisqs
from minisqs.limits import NEVER_NS, SECOND_NS


@attrs.define(eq=False)
class Stored:
    """A message: hidden until a time, and available since then by the call that set that time."""

    body: str
    group: str
    number: int
    until_ns: int
    call: int
    receives: int = 0


class NaiveQueue:
    """A FIFO queue, as slow as it is plain."""

    def __init__(self, delay_ns: int, max_receive_count: int) -> None:
        self.now = self.calls = 0
        self.delay_ns = delay_ns
        self.max_receive_count = max_receive_count
        self.messages: list[Stored] = []
        self.dead: list[str] = []

    def send(self, body: str, group: str) -> None:
        self.calls += 1
        self.messages.append(Stored(body, group, int(body), self.now + self.delay_ns, self.calls))

    def receive(self, limit: int, visibility_ns: int) -> list[tuple[str, int]]:
        self.calls += 1
        taken: list[Stored] = []
        while len(taken) < limit and (group := self.next_group()) is not None:
            for message in [one for one in self.messages if one.group == group]:
                if not self.is_available(message) or len(taken) == limit:
                    break
                if message.receives >= self.max_receive_count:
                    self.messages.remove(message)
                    self.dead.append(message.body)
                else:
                    message.receives += 1
                    message.until_ns = NEVER_NS
                    taken.append(message)
        for message in taken:
            message.until_ns, message.call = self.now + visibility_ns, self.calls
        return [(message.body, message.receives) for message in taken]

    def next_group(self) -> str | None:
        """The group whose head has been available for longest, by 7.9."""
        heads: dict[str, Stored] = {}
        for message in self.messages:
            heads.setdefault(message.group, message)
        ready = [head for head in heads.values() if self.is_available(head)]
        first = min(ready, key=lambda head: (head.until_ns, head.call, head.number), default=None)
        return None if first is None else first.group

    def is_available(self, message: Stored) -> bool:
        return message.until_ns <= self.now

    def held(self, body: str, receives: int) -> Stored | str:
        """The message under a handle, or why the handle is good for nothing."""
        message = next((one for one in self.messages if one.body == body), None)
        if message is None:
            return "gone"
        return "expired" if self.is_available(message) or message.receives != receives else message

    def delete(self, body: str, receives: int) -> str:
        message = self.held(body, receives)
        if isinstance(message, Stored):
            self.messages.remove(message)
        return "expired" if message == "expired" else "done"

    def change_visibility(self, body: str, receives: int, visibility_ns: int) -> str:
        message = self.held(body, receives)
        if isinstance(message, str):
            return message
        self.calls += 1
        message.until_ns, message.call = self.now + visibility_ns, self.calls
        return "done"


def outcome(call) -> str:
    """What came of a call, in the model's words."""
    try:
        call()
    except minisqs.errors.InvalidParameterValue as error:
        return "expired" if "has expired" in error.message else "gone"
    return "done"


@pytest.mark.parametrize("seed", range(150))
def test_a_fifo_queue_answers_every_program_as_the_naive_model_does(seed):
    """sqs.md 4.5, 5.5, 5.7, 5.8, 7.7 to 7.11, 9.4"""
    random = Random(seed)
    delay, receives = random.choice((0, 0, 3)), random.choice((1, 2, 3, 1000))
    world = minisqs.World(seed)
    dead = world.create_queue("dead.fifo", fifo_queue=True)
    policy = minisqs.RedrivePolicy(dead, receives)
    attributes = {"content_based_deduplication": True, "delay_seconds": delay, "redrive_policy": policy}
    queue, model = world.create_queue("q.fifo", fifo_queue=True, **attributes), NaiveQueue(delay * SECOND_NS, receives)
    groups, pace = random.choice(("ab", "abcdef")), random.random()
    handles: list[minisqs.Message] = []
    for step in range(250):
        deed = random.choices(("send", "receive", "delete", "change", "wait"), (30, 25, 15, 10, 20 * pace))[0]
        if deed == "send":
            group = random.choice(groups)
            queue.send(str(step), message_group_id=group)
            model.send(str(step), group)
        elif deed == "receive":
            limit, seconds = random.randint(1, 10), random.choice((0, 0, 1, 2, 5, 30))
            received = queue.receive(limit, visibility_timeout=seconds)
            assert [(one.body, one.receive_count) for one in received] == model.receive(limit, seconds * SECOND_NS)
            handles += received
        elif deed == "delete" and handles:
            handle = random.choice(handles[-12:])
            assert outcome(handle.delete) == model.delete(handle.body, handle.receive_count)
        elif deed == "change" and handles:
            handle, seconds = random.choice(handles[-12:]), random.choice((0, 0, 1, 3, 9))
            changed = outcome(lambda handle=handle, seconds=seconds: handle.change_visibility(seconds))
            assert changed == model.change_visibility(handle.body, handle.receive_count, seconds * SECOND_NS)
        elif deed == "wait":
            seconds = random.choice((0, 1, 1, 2, 5))
            world.advance(seconds)
            model.now += seconds * SECOND_NS
        if step % 10 == 0:
            world.check_invariants()
            assert [one.body for one in queue.messages()] == [one.body for one in model.messages]
            assert [one.body for one in dead.messages()] == model.dead
