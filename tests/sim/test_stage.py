from __future__ import annotations

import itertools

import pytest

import minisqs
from minisqs.limits import NEVER_NS
from minisqs.sim import faults
from minisqs.sim.asking import Arrival, options_at
from minisqs.sim.sources import POINT_QUESTIONS
from minisqs.sim.works import Work

KINDS = [(question, faults.FAULT_OF[question]) for question in POINT_QUESTIONS]


def arrival(queue_type, consumer, *, lease_may_end, others):
    """A work on one message comes to a statement."""
    world = minisqs.World()
    fifo = {"fifo_queue": True, "content_based_deduplication": True} if queue_type == faults.FIFO else {}
    queue = world.create_queue("q.fifo" if fifo else "q", **fifo)
    queue.send("a", **({"message_group_id": "g"} if fifo else {}))
    queue.receive()
    engine = world.sqs.service.queue(queue.url)
    lease_ns = next(iter(engine.messages.values())).deadline_ns
    work = Work(
        "main/1", 0, "a worker", list(engine.messages.values()), queue.url, consumer, lease_ns,
        NEVER_NS if lease_may_end else lease_ns, has_ended=bool, end=list, queue=engine,
    )  # fmt: skip
    return world.sqs, Arrival(work, 0, 1, others=others)


@pytest.mark.parametrize(("question", "name"), KINDS, ids=[name for _, name in KINDS])
@pytest.mark.parametrize("queue_type", faults.QUEUES)
@pytest.mark.parametrize("consumer", faults.CONSUMERS)
def test_what_is_not_legal_is_never_offered_before_a_statement(question, name, queue_type, consumer):
    for lease_may_end, others in itertools.product([False, True], repeat=2):
        port, here = arrival(queue_type, consumer, lease_may_end=lease_may_end, others=others)
        is_legal = faults.legal(name, queue_type, consumer, lease_may_end=lease_may_end, of_another_group=others)
        if not is_legal:
            assert options_at(port, here, question) == 1
        elif name != "overlap":
            assert options_at(port, here, question) > 1


def test_a_copy_is_offered_for_each_message_of_a_batch_beside_letting_others_go_on():
    port, here = arrival(faults.STANDARD, faults.LAMBDA, lease_may_end=False, others=False)
    assert options_at(port, here, "overlap") == 3


def test_a_fifo_queue_offers_others_but_no_copy():
    port, alone = arrival(faults.FIFO, faults.LAMBDA, lease_may_end=False, others=False)
    assert options_at(port, alone, "overlap") == 1
    port, beside = arrival(faults.FIFO, faults.LAMBDA, lease_may_end=False, others=True)
    assert options_at(port, beside, "overlap") == 2


def test_after_the_last_statement_only_a_kill_is_offered():
    port, here = arrival(faults.STANDARD, faults.PROCESS, lease_may_end=True, others=True)
    after = Arrival(here.work, -1, 1, others=True)
    assert {question: options_at(port, after, question) for question in POINT_QUESTIONS} == {
        "kill": 2, "interrupt": 1, "stall": 1, "overlap": 1,
    }  # fmt: skip
