"""The zoo keeps its word as far as plain loops can tell: no bug shows in good times, and no twin minds simple trouble.

Nothing here searches. Batches are cut and handed over by hand, and the handlers' sleeps move a clock of this file.
"""

from __future__ import annotations

import asyncio  # noqa: TID251  # some handlers are coroutines
import dis
import inspect
import textwrap
import time  # noqa: TID251  # replaced while a handler runs
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from types import CodeType, SimpleNamespace
from typing import Any

import pytest
from zoo import ZOO, Specimen

Record = dict[str, Any]

VISIBILITY_S = 30
"""The queue's default."""


class Bench:
    """A subject, and what stands for queue and Lambda: a clock, batches, and messages that come again.

    Args:
        specimen: Whose settings hold.
        subject: Its bug or its twin.
        fresh: Whether each invocation gets an environment of its own.
        batch_size: Records a batch at most; None takes the mapping's.
    """

    def __init__(
        self, specimen: Specimen, subject: type, *, fresh: bool = False, batch_size: int | None = None
    ) -> None:
        self.specimen = specimen
        self.subject = subject()
        self.fresh = fresh
        self.batch_size = batch_size or specimen.mapping.get("batch_size", 10)
        self.now_s = 1_700_000_000.0
        self.handler: Callable[..., Any] | None = None
        self.invocations = 0

    def records(self) -> list[Record]:
        """The messages as a poller receives them, in the order sent."""
        records = []
        for place, message in enumerate(self.specimen.messages):
            body = message if isinstance(message, str) else message.body
            attributes = {"ApproximateReceiveCount": "0", "SentTimestamp": str(int(self.now_s * 1000))}
            if not isinstance(message, str):
                attributes["MessageGroupId"] = message.message_group_id
                attributes["SequenceNumber"] = f"{place:020}"
            records.append(
                {"messageId": f"id-{place}", "body": body, "attributes": attributes, "messageAttributes": {}}
            )
        return records

    def deliver(self, records: Iterable[Record], *, rounds: int = 50) -> object:
        """Hand over batch after batch, what failed again after the visibility timeout; what is observed in the end."""
        waiting = list(records)
        with_clock = pytest.MonkeyPatch()
        with_clock.setattr(time, "time", lambda: self.now_s)
        with_clock.setattr(time, "sleep", self.sleep)
        with_clock.setattr(asyncio, "sleep", self.sleep_async)
        try:
            while waiting:
                assert rounds, "never settles"
                rounds -= 1
                waiting = [record for batch in self.cut(waiting) for record in self.invoke(batch)]
                self.now_s += self.specimen.queue.get("visibility_timeout", VISIBILITY_S)
        finally:
            with_clock.undo()
        return self.subject.observe()

    def cut(self, records: list[Record]) -> Iterator[list[Record]]:
        """Batches as full as they may be."""
        for start in range(0, len(records), self.batch_size):
            yield records[start : start + self.batch_size]

    def invoke(self, batch: list[Record]) -> list[Record]:
        """One invocation; the records that will come again."""
        self.invocations += 1
        for place, record in enumerate(batch):
            count = int(record["attributes"]["ApproximateReceiveCount"]) + 1
            attributes = record["attributes"] | {"ApproximateReceiveCount": str(count)}
            batch[place] = record | {"attributes": attributes, "receiptHandle": f"handle-{self.invocations}-{place}"}
        started_s = self.now_s
        try:
            answer = self.warm()({"Records": batch}, SimpleNamespace(aws_request_id=f"request-{self.invocations}"))
            if inspect.iscoroutine(answer):
                answer = asyncio.run(answer)
        except Exception:  # noqa: BLE001  # Lambda takes any for a failed batch
            return batch
        assert self.now_s - started_s < self.specimen.function.get("timeout", 3), "the handler would be timed out"
        return self.failed(batch, answer)

    def warm(self) -> Callable[..., Any]:
        """The handler of this environment."""
        if not hasattr(self.subject, "environment"):
            return self.subject.handler
        if self.handler is None or self.fresh:
            self.handler = self.subject.environment()
        return self.handler

    def failed(self, batch: list[Record], answer: object) -> list[Record]:
        """What a partial batch response leaves to be delivered again; an id that is not there fails all."""
        if not self.specimen.mapping.get("report_batch_item_failures") or not isinstance(answer, dict):
            return []
        reported = [failure.get("itemIdentifier") for failure in answer.get("batchItemFailures") or ()]
        if not set(reported) <= {record["messageId"] for record in batch}:
            return batch
        return [record for record in batch if record["messageId"] in reported]

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds

    async def sleep_async(self, seconds: float) -> None:
        self.now_s += seconds


def is_fifo(specimen: Specimen) -> bool:
    return bool(specimen.queue.get("fifo_queue"))


def perfect(specimen: Specimen, subject: type) -> object:
    bench = Bench(specimen, subject)
    return bench.deliver(bench.records(), rounds=1)


every_specimen = pytest.mark.parametrize("specimen", ZOO, ids=lambda specimen: specimen.name.replace(" ", "-"))


def test_the_zoo_is_large_and_varied():
    assert len(ZOO) >= 46
    assert len({specimen.kind for specimen in ZOO}) >= 16
    assert max(Counter(specimen.name for specimen in ZOO).values()) == 1
    assert max(Counter(specimen.bug for specimen in ZOO).values()) == 1
    assert all(1 <= len(specimen.messages) <= 3 for specimen in ZOO)


@every_specimen
def test_no_bug_shows_on_the_perfect_queue(specimen):
    states = [perfect(specimen, subject) for subject in (specimen.bug, specimen.twin) for _ in range(2)]
    assert states == [states[0]] * 4


@every_specimen
def test_no_twin_minds_simple_trouble(specimen):
    expected = perfect(specimen, specimen.twin)
    for fresh in (False, True):
        for batch_size in (None, 1):
            for trouble in troubles(specimen):
                bench = Bench(specimen, specimen.twin, fresh=fresh, batch_size=batch_size)
                assert bench.deliver(trouble(bench.records())) == expected, trouble.__name__


@every_specimen
def test_no_subject_keeps_state_in_globals(specimen):
    for subject in (specimen.bug, specimen.twin):
        for code in codes(inspect.getsource(subject)):
            assert not {line.opname for line in dis.get_instructions(code)} & {"STORE_GLOBAL", "DELETE_GLOBAL"}
        module = inspect.getmodule(subject)
        before = tables(module)
        perfect(specimen, subject)
        assert tables(module) == before


@every_specimen
def test_the_function_fits_the_queue(specimen):
    assert specimen.function.get("timeout", 3) <= specimen.queue.get("visibility_timeout", VISIBILITY_S)
    assert is_fifo(specimen) == all(not isinstance(message, str) for message in specimen.messages)


def as_sent(records: list[Record]) -> list[Record]:
    return records


def each_twice(records: list[Record]) -> list[Record]:
    return [record for record in records for _ in range(2)]


def all_twice(records: list[Record]) -> list[Record]:
    return records + records


def backwards(records: list[Record]) -> list[Record]:
    return records[::-1]


def backwards_twice(records: list[Record]) -> list[Record]:
    return records[::-1] * 2


def troubles(specimen: Specimen) -> list[Callable[[list[Record]], list[Record]]]:
    """What may befall the messages of a queue of its kind; a FIFO queue repeats, but never turns them round."""
    if is_fifo(specimen):
        return [as_sent, each_twice]
    return [as_sent, each_twice, all_twice, backwards, backwards_twice]


def codes(source: str) -> Iterator[CodeType]:
    """All code in a text, functions within functions included."""
    waiting = [compile(textwrap.dedent(source), "<subject>", "exec")]
    while waiting:
        code = waiting.pop()
        yield code
        waiting.extend(constant for constant in code.co_consts if isinstance(constant, CodeType))


def tables(module: object) -> dict[str, str]:
    """The globals of a module that could keep state: what they look like."""
    return {
        name: repr(value)
        for name, value in vars(module).items()
        if not name.startswith("__") and name != "SPECIMENS" and isinstance(value, list | dict | set | tuple)
    }
