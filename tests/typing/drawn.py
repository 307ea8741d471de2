"""What a user types around strategies and the state machine, read by mypy --strict."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

import minisqs
from minisqs import strategies
from minisqs.client.attributes import QueueAttributes
from minisqs.outside import Table
from minisqs.testing.stateful import QueueMachine


class Shop:
    """An outside world with the handler under test."""

    def __init__(self) -> None:
        self.charges = Table("charges")

    def handler(self, event: dict[str, Any], context: object) -> None:
        for record in event["Records"]:
            self.charges.put_new(record["body"], 1)


@settings(deadline=None)
@given(
    plan=strategies.fault_plans(["kill", "overlap"], most=2),
    bodies=st.lists(strategies.bodies(), min_size=1, max_size=2),
)
def test_shop(plan: minisqs.FaultPlan, bodies: list[str]) -> None:
    assert minisqs.run(Shop, bodies, faults=plan).state == minisqs.perfect(Shop, bodies).state


@given(minisqs.strategies.batches(), minisqs.strategies.queue_attributes())
def test_batches(batch: list[minisqs.SendMessage], attributes: QueueAttributes) -> None:
    assert len(minisqs.World().create_queue("orders", **attributes).send_batch(batch).successful) <= 10


class ShopMachine(QueueMachine):
    consumer = Shop
    queue = {"visibility_timeout": 60}  # noqa: RUF012  # as a user types it
    faults = ("duplicate",)

    @rule(message=strategies.messages(max_bytes=100))
    def order(self, message: minisqs.SendMessage) -> None:
        self.send(message)

    def next_message(self) -> str:
        return "order"

    def judge(self) -> None:
        assert self.outside is not None

    @invariant()
    def few_are_in_hand(self) -> None:
        assert len(self.held) <= 1_000


TestShop = ShopMachine.TestCase
