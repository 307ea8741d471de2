"""What ``minisqs demo`` shows: a shop that charges twice, found, and the same shop mended, proved."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from .. import errors
from ..explore import memory
from ..explore.check import check
from ..explore.prove import prove
from ..outside import Table

MESSAGES: Final = ("order-1", "order-2")


class Shop:
    """Charges a card for each order, and remembers what it has seen."""

    def __init__(self) -> None:
        self.charges: list[str] = []
        self.seen: set[str] = set()

    def handler(self, event: dict[str, Any], context: object) -> None:
        """The code under test."""
        for record in event["Records"]:
            if record["body"] not in self.seen:
                self.charges.append(record["body"])
                self.seen.add(record["body"])

    def observe(self) -> list[str]:
        """What the customers see."""
        return sorted(self.charges)


class MendedShop:
    """Keeps one charge for each order, in one atomic step."""

    def __init__(self) -> None:
        self.charges = Table("charges")

    def handler(self, event: dict[str, Any], context: object) -> None:
        """The code under test."""
        for record in event["Records"]:
            self.charges.put_new(record["body"], "19.90 EUR")


def told() -> Iterator[str]:
    """The demo, paragraph by paragraph."""
    yield "A shop charges a card for each order. It remembers what it has seen, so no friendly fake breaks it.\n"
    with memory.off():
        try:
            check(Shop, MESSAGES, trace=[__file__])
        except errors.CheckFailed as failed:
            yield failed.report.text().partition("To see it again:")[0]
        yield "Mended, it keeps one charge for each order, and nothing breaks it:\n"
        yield prove(MendedShop, MESSAGES, workers=2, faults=1, trace=[__file__]).text()
