"""What a user types around ``mock_sqs``, read by mypy --strict."""

from __future__ import annotations

import unittest

import minisqs
from minisqs import World, mock_sqs


@mock_sqs
def bare(queue_name: str) -> int:
    return len(queue_name)


@mock_sqs(seed=7, faults={"lost_answer": 0.1}, region="eu-west-1")
def called(number: int) -> int:
    return number + 1


@mock_sqs()
async def asynchronous() -> str:
    async with mock_sqs(clock="real", sleep=False) as world:
        return world.create_queue("orders").name


@mock_sqs
class Orders(unittest.TestCase):
    """A class of tests."""

    def test_one(self) -> None:
        self.assertEqual(bare("orders"), 6)


def test_forms() -> None:
    length: int = bare("orders")
    number: int = called(1)
    assert (length, number) == (6, 2)
    with mock_sqs() as world, mock_sqs(world=world) as same:
        given: World = same
        assert given is world
    mock = minisqs.mock_sqs(start=0, journal_length=None)
    started: World = mock.start()
    assert started is mock.world
    mock.stop()
    result: unittest.TestResult | None = Orders("test_one").run()
    assert result is None or result.wasSuccessful()


if __name__ == "__main__":
    test_forms()
