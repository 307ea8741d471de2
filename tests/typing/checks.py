"""What a user types around checks and proofs, read by mypy --strict."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import minisqs
from minisqs.outside import Table


class Shop:
    """An outside world with the handler under test."""

    def __init__(self) -> None:
        self.charges = Table("charges")

    def handler(self, event: dict[str, Any], context: object) -> None:
        for record in event["Records"]:
            self.charges.put_new(record["body"], 1)

    def observe(self) -> list[object]:
        return sorted(self.charges.keys(), key=repr)


@minisqs.scenario
def billing(world: minisqs.World) -> Callable[[], object]:
    queue = world.create_queue("in")
    paid: list[str] = []
    minisqs.Consumer(queue, lambda message: paid.append(message.body)).start()
    queue.send("a")
    return lambda: sorted(paid)


def test_shop() -> None:
    messages: list[str | minisqs.SendMessage] = ["a", minisqs.SendMessage("b")]
    checked = minisqs.check(Shop, messages, queue={"visibility_timeout": 60}, faults=["kill"], budget=10, runs=1)
    assert checked.runs > 0
    assert checked.text().startswith("Shop")
    proof = minisqs.prove(Shop, ["a"], faults=1, kinds=["kill"])
    assert proof.complete
    runs: int = proof.runs
    assert runs
    with ThreadPoolExecutor(1) as pool:
        swept = minisqs.sweep(Shop, ["a"], seeds=range(10), executor=pool, progress=False)
    assert not swept.failures
    plan = minisqs.Plan({("kill", "main/1", 0, "end.1"): 1})
    run = minisqs.run(Shop, ["a"], faults=plan)
    assert run.state == minisqs.perfect(Shop, ["a"]).state
    assert minisqs.replay(Shop, run.token, ["a"]).token == run.token
    assert [entry.action for entry in run.journal]


def test_a_failure() -> None:
    try:
        minisqs.check(billing, oracles=[minisqs.always(lambda paid: len(paid) < 2, "nobody pays twice")])
    except minisqs.CheckFailed as failed:
        text: str = failed.report.text()
        raise SystemExit(text) from failed
