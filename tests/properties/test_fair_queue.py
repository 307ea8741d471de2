"""What is true of every fair queue: nothing is lost, quiet tenants go first, and without noise nothing changes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from minisqs import Queue, World
from minisqs.client.queue import Message
from minisqs.engine.fairness import FairOrdering
from minisqs.errors import SqsError

FIVE_MINUTES = 300
LOUD, QUIET = "loud", ("", "ann", "bob")

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.sampled_from(["", "ann", "bob", LOUD, LOUD]), st.integers(1, 40)),
        st.tuples(st.just("receive"), st.just(""), st.integers(1, 40)),
        st.tuples(st.just("delete"), st.just(""), st.integers(1, 40)),
        st.tuples(st.just("hide"), st.just(""), st.sampled_from([0, 7, 30, 400])),
        st.tuples(st.just("advance"), st.just(""), st.sampled_from([1, 29, 30, 31, 299, 300, 301])),
    ),
    min_size=1,
    max_size=25,
)
"""Actions, each with a tenant and a number of messages or seconds."""


@dataclass
class Run:
    """What a program was given: the bodies of each receive, and what is in the queue at the end."""

    answers: list[list[str]]
    left: list[str]


def body_of(message: Message) -> str:
    return message.body


def run(steps: list[tuple[str, str, int]], *, with_groups: bool = True, check: bool = True) -> Run:
    """Carry out a program; a body is its tenant and a number."""
    world = World(journal_length=0)
    queue = world.create_queue("orders", visibility_timeout=30)
    sent, deleted = 0, 0
    held: list[Message] = []
    answers: list[list[str]] = []
    for action, tenant, amount in steps:
        if action == "send":
            for _ in range(amount):
                sent += 1
                queue.send(f"{tenant} {sent}", message_group_id=tenant if tenant and with_groups else None)
        elif action == "receive":
            for _ in range(0, amount, 10):
                held += (answer := queue.receive(10))
                answers.append([message.body for message in answer])
        elif action == "delete":
            before = queue.counts
            for message in held[:amount]:
                message.delete()
            deleted += sum(before) - sum(queue.counts)
            del held[:amount]
        elif action == "hide" and held:
            try:
                held[-1].change_visibility(amount)
            except SqsError:
                held.pop()
        else:
            world.advance(amount)
        if check:
            world.check_invariants()
            assert sum(queue.counts) == len(queue.messages()) == sent - deleted
    return Run(answers, [view.body for view in queue.messages()])


@given(STEPS)
@settings(max_examples=50, deadline=None)
def test_nothing_is_lost_or_doubled_in_a_fair_queue(steps: list[tuple[str, str, int]]) -> None:
    done = run(steps)
    assert all(len(set(answer)) == len(answer) for answer in done.answers)
    assert len(set(done.left)) == len(done.left)


@given(STEPS, st.sampled_from([*QUIET, LOUD]))
@settings(max_examples=30, deadline=None)
def test_everything_sent_to_a_fair_queue_can_be_received_until_it_is_empty(
    steps: list[tuple[str, str, int]], last: str
) -> None:
    program = [*steps, ("send", last, 1), ("advance", "", 43_200), ("receive", "", 2_000)]
    total = len(run(program[:-1], check=False).left)
    done = run(program, check=False)
    received = Counter(body for answer in done.answers[-200:] for body in answer)
    assert set(done.left) <= received.keys()
    assert total == len(done.left)


@given(STEPS)
@settings(max_examples=50, deadline=None)
def test_without_noisy_tenants_the_order_is_that_of_every_standard_queue(steps: list[tuple[str, str, int]]) -> None:
    few = [(action, tenant, min(amount, 3) if action == "send" else amount) for action, tenant, amount in steps]
    sent, calm = Counter[str](), []
    for step in few:  # fewer than thirty messages of a tenant, each handled once, make no noise
        sent[step[1]] += step[2] if step[0] == "send" else 0
        if step[0] != "send" or sent[step[1]] < 30:
            calm.append(step)
    once = [step for step in calm if step[0] not in ("hide", "advance")]
    assert run(once) == run(once, with_groups=False)


def noisy_queue(world: World, in_flight: int = 40, waiting: int = 15) -> Queue:
    """A queue with one tenant that has so many messages in flight, all that are, and others waiting."""
    queue = world.create_queue("orders", visibility_timeout=1_000)
    for number in range(in_flight + waiting):
        queue.send(f"{LOUD} {number}", message_group_id=LOUD)
    for _ in range(0, in_flight, 10):
        assert len(queue.receive(10)) == 10
    return queue


def noisy_groups(world: World, queue: Queue) -> list[str]:
    ordering = world.sqs.service.queue(queue.url)._ordering
    assert isinstance(ordering, FairOrdering)
    return ordering.noisy_groups()


@given(st.lists(st.tuples(st.sampled_from([*QUIET, LOUD]), st.integers(1, 5)), max_size=12), st.integers(1, 10))
@settings(max_examples=50, deadline=None)
def test_quiet_messages_always_go_before_noisy_ones(sends: list[tuple[str, int]], limit: int) -> None:
    world = World(journal_length=0)
    queue = noisy_queue(world)
    for tenant, amount in sends:
        for number in range(amount):
            queue.send(f"{tenant} {number}", message_group_id=tenant or None)
        quiet = [view.body for view in queue.messages() if view.state == "available" and not view.body.startswith(LOUD)]
        answer = [message.body for message in queue.receive(limit)]
        assert answer[: len(quiet)] == quiet[:limit], "quiet ones first, in the order they were sent"
        assert all(body.startswith(LOUD) for body in answer[len(quiet) :])
        world.check_invariants()
        if all(view.state != "available" for view in queue.messages() if view.body.startswith(LOUD)):
            return  # its backlog is drained: it is quiet again


@given(st.integers(25, 40), st.integers(0, 400))
@settings(max_examples=30, deadline=None)
def test_a_tenant_is_noisy_with_thirty_in_flight_and_over_a_tenth_of_all(loud: int, others: int) -> None:
    world = World(journal_length=0)
    queue = world.create_queue("orders", visibility_timeout=1_000)
    for number in range(loud + others):
        queue.send(f"{number}", message_group_id=LOUD if number < loud else f"tenant-{number}")
    while queue.receive(10):
        pass  # the last one finds nothing, so whoever was noisy meanwhile is drained
    queue.send(f"{LOUD} waits", message_group_id=LOUD)
    queue.send("quiet waits", message_group_id="quiet")
    [first] = queue.receive()
    is_noisy = loud >= 30 and loud * 10 > loud + others
    assert first.body == ("quiet waits" if is_noisy else f"{LOUD} waits")


@given(st.lists(st.integers(30, 45), min_size=2, max_size=3, unique=True))
@settings(max_examples=30, deadline=None)
def test_among_noisy_tenants_the_one_with_the_fewest_in_flight_goes_first(in_flight: list[int]) -> None:
    world = World(journal_length=0)
    queue = world.create_queue("orders", visibility_timeout=1_000)
    for tenant, amount in enumerate(in_flight):
        for number in range(amount):
            queue.send(f"{tenant} {number}", message_group_id=f"tenant-{tenant}")
    while queue.counts.visible:
        queue.receive(10)
    for tenant in range(len(in_flight)):
        for number in range(3):
            queue.send(f"{tenant} more {number}", message_group_id=f"tenant-{tenant}")
    now_in_flight = dict(enumerate(in_flight))
    while queue.counts.visible:
        waiting = {int(view.body[0]) for view in queue.messages() if view.state == "available"}
        [message] = queue.receive()
        tenant = int(message.body[0])
        assert now_in_flight[tenant] == min(now_in_flight[other] for other in waiting)
        now_in_flight[tenant] += 1


def test_a_noisy_tenant_is_quiet_again_when_its_backlog_is_drained() -> None:
    world = World()
    queue = noisy_queue(world, waiting=5)
    assert len(queue.receive(4)) == 4
    assert noisy_groups(world, queue) == [LOUD]
    assert len(queue.receive(10)) == 1
    assert queue.receive() == []
    assert noisy_groups(world, queue) == []


def test_a_noisy_tenant_is_quiet_again_after_five_minutes_in_which_it_sends_nothing() -> None:
    world = World()
    queue = noisy_queue(world)
    for nanosecond, first in ((FIVE_MINUTES * 10**9 - 1, "quiet 1"), (FIVE_MINUTES * 10**9, f"{LOUD} 40")):
        world.sqs.kernel.run_until(world.clock.started_ns + nanosecond)
        queue.send("quiet 1", message_group_id="ann")
        [message] = queue.receive()
        assert message.body == first


def test_a_send_of_a_noisy_tenant_begins_its_five_minutes_anew() -> None:
    world = World()
    queue = noisy_queue(world)
    world.advance(200)
    queue.send(f"{LOUD} again", message_group_id=LOUD)
    world.advance(200)
    queue.send("quiet", message_group_id="ann")
    assert [message.body for message in queue.receive()] == ["quiet"]
