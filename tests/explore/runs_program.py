"""Ten thousand runs with drawn faults, printed as one digest; ``test_determinism_of_runs.py`` runs it in several processes."""

from __future__ import annotations

import asyncio  # noqa: TID251  # what user code does with it is the subject
import random  # noqa: TID251  # the same
import sys
import threading  # noqa: TID251  # the same
import time  # noqa: TID251  # the same
import uuid  # noqa: TID251  # the same
from collections import Counter
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any

from minisqs import SendMessage
from minisqs.explore.choices import wanted
from minisqs.explore.laboratory import Laboratory
from minisqs.explore.oracles import Oracles
from minisqs.explore.search import drawn
from minisqs.explore.subjects import Case
from minisqs.outside import Table


class Outside:
    """What most handlers here work with."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.seen: set[str] = set()
        self.count = 0

    def observe(self) -> Any:
        """In an order that is not that of hashes."""
        return self.done, sorted(self.seen), self.count


class Shop(Outside):
    """Charges first and notes it afterwards."""

    def handler(self, event: Any, context: Any) -> None:
        """Two writes."""
        for record in event["Records"]:
            if record["body"] not in self.seen:
                self.done.append(record["body"])
                self.seen.add(record["body"])


class Journal(Outside):
    """Writes down everything that comes, with its receive count."""

    def handler(self, event: Any, context: Any) -> None:
        """One write, and a set that grows with the names of requests."""
        for record in event["Records"]:
            self.done.append(f"{record['body']} {record['attributes']['ApproximateReceiveCount']}")
            self.seen.add(context.aws_request_id)


class Retries(Outside):
    """Raises at every other attempt."""

    def handler(self, event: Any, context: Any) -> None:
        """Counts, then perhaps raises."""
        self.count += 1
        if self.count % 2 == 0 and event["Records"][0]["attributes"]["ApproximateReceiveCount"] != "1":
            raise RuntimeError("not now")
        self.seen |= {record["body"] for record in event["Records"]}


class Warm(Outside):
    """Remembers in its environment."""

    def environment(self) -> Any:
        """A cache that dies with its environment."""
        cache: set[str] = set()

        def handler(event: Any, context: Any) -> None:
            for record in event["Records"]:
                if record["body"] not in cache:
                    cache.add(record["body"])
                    self.done.append(record["body"])

        return handler


class Sleeper(Outside):
    """Sleeps between reading and writing, the longer the more often a message came."""

    def handler(self, event: Any, context: Any) -> None:
        """Loses updates; ends in another order than it began."""
        for record in event["Records"]:
            count = self.count
            time.sleep(7.0 / int(record["attributes"]["ApproximateReceiveCount"]))
            self.count = count + 1
            self.done.append(f"{record['body']} {round(time.monotonic() * 10)}")


class Locked(Outside):
    """Sleeps with a lock in its hands."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()

    def handler(self, event: Any, context: Any) -> None:
        """Others wait; if it is killed meanwhile, for ever."""
        with self.lock:
            self.done.append(event["Records"][0]["body"])
            time.sleep(3)


class Awaits(Outside):
    """Does two things at a time."""

    async def handler(self, event: Any, context: Any) -> None:
        """Each message in a task of its own."""
        await asyncio.gather(*(self.work(record["body"], place) for place, record in enumerate(event["Records"])))

    async def work(self, body: str, place: int) -> None:
        """Loses updates."""
        count = self.count
        await asyncio.sleep(2 - place)
        self.done.append(body)
        self.count = count + 1


class Draws(Outside):
    """Draws lots and names."""

    def handler(self, event: Any, context: Any) -> None:
        """What is drawn decides only what comes again."""
        for record in event["Records"]:
            lot, name = random.random(), uuid.uuid4()
            if record["body"] in self.seen:
                self.done.append(f"{lot} {name}")
            self.seen.add(record["body"])


class Accounts:
    """Takes in one table and adds up in another."""

    def __init__(self) -> None:
        self.taken, self.totals = Table("taken"), Table("totals")

    def handler(self, event: Any, context: Any) -> None:
        """Each write is atomic, both are not."""
        for record in event["Records"]:
            if self.taken.put_new(record["body"], context.function_name):
                self.totals.add("orders", 1)


class Reports(Outside):
    """Answers which messages failed."""

    def handler(self, event: Any, context: Any) -> Any:
        """Every message fails at first."""
        failed = [record for record in event["Records"] if record["body"] not in self.seen]
        self.seen |= {record["body"] for record in event["Records"]}
        self.done += [record["body"] for record in event["Records"] if record not in failed]
        return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in failed]}


GROUPS = [SendMessage(f"{number}", message_group_id=group) for number, group in enumerate("ghg")]
FIFO = {"fifo_queue": True, "content_based_deduplication": True}
SINGLY = {"batch_size": 1}
SLOW = {"timeout": 20}

CASES: list[tuple[type[Any], Mapping[str, Any]]] = [
    (Shop, {}),
    (Journal, {"mapping": SINGLY}),
    (Journal, {"messages": GROUPS, "queue": FIFO, "mapping": {"batch_size": 2}}),
    (Retries, {"queue": {"max_receive_count": 3}}),
    (Warm, {"mapping": SINGLY}),
    (Sleeper, {"function": SLOW, "mapping": SINGLY}),
    (Locked, {"function": SLOW, "mapping": SINGLY}),
    (Awaits, {"function": SLOW}),
    (Draws, {}),
    (Accounts, {"messages": GROUPS, "queue": FIFO}),
    (Reports, {"mapping": {"report_batch_item_failures": True}}),
]


def lines(subject: type[Any], settings: Mapping[str, Any], runs: int) -> Iterator[str]:
    """Of each run its number, the choices in order, the end, the state; then how often each fault happened."""
    case = Case(subject, **{"messages": ["a", "b"], "seed": 6, **settings})
    dead = 0
    with Laboratory(case, Oracles(), wanted(None)) as laboratory:
        for number in range(runs):
            outcome, source = laboratory.run(case.everything, drawn("digest", number, laboratory.kinds, None))
            dead += bool(outcome.dead)
            choices = [(*address, answer) for address, answer in source.choices.items()]
            yield f"{case.name} {number} {choices} {outcome.ended} {outcome.state!r} {outcome.dead} {outcome.works}"
        tally: Counter[str] = laboratory.tally
        yield f"{sorted(tally.items())} {laboratory.redeliveries} {laboratory.overlaps} {dead}"


if __name__ == "__main__":
    digest = sha256()
    for subject, settings in CASES:
        for line in lines(subject, settings, int(sys.argv[1])):
            digest.update(line.encode())
    print(digest.hexdigest())  # noqa: T201  # the test reads it
