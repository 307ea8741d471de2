"""Consumers of FIFO queues which take exactly-once into the queue for exactly-once out of it, or lose the order."""

from __future__ import annotations

import json
import time  # noqa: TID251  # user code; the time is simulated

from .locks import Busy, Locks
from .specimen import Specimen, grouped

FIFO = {"fifo_queue": True, "content_based_deduplication": True}

PARTIAL = {"report_batch_item_failures": True}


class BidHistory:
    """FIFO means exactly once, so it says."""

    def __init__(self):
        self.bids = []

    def handler(self, event, context):
        for record in event["Records"]:
            bid = json.loads(record["body"])
            self.bids.append((bid["lot"], bid["by"], bid["euros"]))

    def observe(self):
        return self.bids


class BidHistoryInOneStep(BidHistory):
    """Looks and writes in one step."""

    def handler(self, event, context):
        for record in event["Records"]:
            bid = json.loads(record["body"])
            line = (bid["lot"], bid["by"], bid["euros"])
            self.bids.extend([line] if line not in self.bids else ())


class LightSwitch:
    """Each message turns it over, each time."""

    def __init__(self):
        self.on = False

    def handler(self, event, context):
        for record in event["Records"]:
            if record["body"].startswith("press"):
                self.on = not self.on

    def observe(self):
        return self.on


class LightSwitchOfPresses(LightSwitch):
    """The presses are kept; the light follows from their number."""

    def __init__(self):
        self.presses = set()

    def handler(self, event, context):
        for record in event["Records"]:
            if record["body"].startswith("press"):
                self.presses.add(record["body"])

    def observe(self):
        return len(self.presses) % 2 == 1


class AccountStatement:
    """Raises the last sequence number of the group, then writes the line."""

    def __init__(self):
        self.last = {}
        self.lines = []

    def handler(self, event, context):
        for record in event["Records"]:
            group = record["attributes"]["MessageGroupId"]
            number = record["attributes"]["SequenceNumber"]
            if number <= self.last.get(group, ""):
                continue
            self.last[group] = number
            self.lines.append(record["body"])

    def observe(self):
        return self.lines


class AccountStatementByNumber(AccountStatement):
    """The line and its number are one entry."""

    def __init__(self):
        self.entries = {}

    def handler(self, event, context):
        for record in event["Records"]:
            number = record["attributes"]["SequenceNumber"]
            self.entries.setdefault(number, record["body"])

    def observe(self):
        return [line for _, line in sorted(self.entries.items())]


class MachineLog:
    """Steps of a machine, each under a lock of 45 seconds, which a dead delivery holds for so long."""

    def __init__(self):
        self.locks = Locks()
        self.log = []

    def run(self, step):
        lock = self.locks.take(step, 45)
        if lock is None:
            raise Busy(step)
        self.log.extend([step] if step not in self.log else ())
        self.locks.give_back(step, lock)

    def observe(self):
        return self.log


class MachineThatGoesOn(MachineLog):
    """After a failure come the other steps, as on a standard queue."""

    def handler(self, event, context):
        failures = []
        for record in event["Records"]:
            try:
                self.run(record["body"])
            except Busy:
                failures.append({"itemIdentifier": record["messageId"]})
        return {"batchItemFailures": failures}


class MachineThatStops(MachineLog):
    """Reports the step that failed and all behind it."""

    def handler(self, event, context):
        records = event["Records"]
        for place, record in enumerate(records):
            try:
                self.run(record["body"])
            except Busy:
                return {"batchItemFailures": [{"itemIdentifier": left["messageId"]} for left in records[place:]]}
        return {"batchItemFailures": []}


class MachineThatForgetsTheRest(MachineLog):
    """Stops at the failure, and reports it alone."""

    def handler(self, event, context):
        failed = None
        for record in event["Records"]:
            try:
                self.run(record["body"])
            except Busy:
                failed = record["messageId"]
                break
        return {"batchItemFailures": [{"itemIdentifier": failed}] if failed else []}


class CraneControl(MachineLog):
    """Waits for the lock longer than it lives, and gives up at the third attempt."""

    def __init__(self):
        super().__init__()
        self.attempts = {}

    def handler(self, event, context):
        for record in event["Records"]:
            step = record["body"]
            self.attempts[step] = self.attempts.get(step, 0) + 1
            if self.attempts[step] < 3:
                self.wait_and_run(step)

    def wait_and_run(self, step):
        lock = self.locks.take(step, 80)
        while lock is None:
            time.sleep(2)
            lock = self.locks.take(step, 80)
        self.log.append(step)
        self.locks.give_back(step, lock)


class CraneControlThatComesAgain(CraneControl):
    """Does not wait, and does not give up."""

    def handler(self, event, context):
        for record in event["Records"]:
            self.run(record["body"])


class StockLedger:
    """Keeps each group's stock in memory: a group has one consumer at a time, so it says."""

    def __init__(self):
        self.stock = {"tea": 0}

    def environment(self):
        mine = {}

        def handler(event, context):
            for record in event["Records"]:
                group = record["attributes"]["MessageGroupId"]
                move = json.loads(record["body"])
                mine.setdefault(group, self.stock[group])
                mine[group] += move["pieces"]
                self.stock[group] = mine[group]

        return handler

    def observe(self):
        return self.stock


class StockLedgerOfMoves(StockLedger):
    """Keeps the moves outside, and adds up when asked."""

    def __init__(self):
        self.moves = {}

    def environment(self):
        def handler(event, context):
            for record in event["Records"]:
                group = record["attributes"]["MessageGroupId"]
                move = json.loads(record["body"])
                self.moves[move["id"]] = (group, move["pieces"])

        return handler

    def observe(self):
        return {"tea": sum(pieces for group, pieces in self.moves.values() if group == "tea")}


class GamePlay:
    """Awaits the move that it expects; a crash behind the count makes it take a move for an old one."""

    def __init__(self):
        self.expected = 1
        self.moves = []

    async def handler(self, event, context):
        for record in event["Records"]:
            move = json.loads(record["body"])
            if move["number"] == self.expected:
                self.expected += 1
                self.moves.append(move["to"])

    def observe(self):
        return self.moves


class GamePlayByMoves(GamePlay):
    """What is expected follows from the moves that are there."""

    async def handler(self, event, context):
        for record in event["Records"]:
            move = json.loads(record["body"])
            self.moves.extend([move["to"]] if move["number"] == len(self.moves) + 1 else ())


STEPS = grouped("machine-1", "heat", "press", "cool")

SPECIMENS = [
    Specimen(
        name="bid history",
        kind="fifo taken for exactly once",
        bug=BidHistory,
        twin=BidHistoryInOneStep,
        messages=grouped("lot-1", {"lot": 1, "by": "ann", "euros": 10}, {"lot": 1, "by": "bob", "euros": 12}),
        queue=FIFO,
        note="A crash before the delete, and the bids come again; the twin looks and writes in one step.",
    ),
    Specimen(
        name="light switch",
        kind="fifo taken for exactly once",
        bug=LightSwitch,
        twin=LightSwitchOfPresses,
        messages=grouped("kitchen", "press 1", "press 2", "press 3"),
        queue=FIFO,
        mapping={"batch_size": 1},
        note="A crash before the delete, and a press counts twice; the twin keeps the presses.",
    ),
    Specimen(
        name="stock ledger",
        kind="fifo taken for exactly once",
        bug=StockLedger,
        twin=StockLedgerOfMoves,
        messages=grouped("tea", {"id": 1, "pieces": 5}, {"id": 2, "pieces": -2}),
        queue=FIFO,
        note="A crash before the delete, or a lost delete, and moves count twice; the twin's moves have keys.",
    ),
    Specimen(
        name="account statement",
        kind="mark before act",
        bug=AccountStatement,
        twin=AccountStatementByNumber,
        messages=grouped("ann", "opened", "paid in 5", "paid out 3"),
        queue=FIFO,
        note="A crash between number and line loses the line; the twin's one entry is both.",
    ),
    Specimen(
        name="game play",
        kind="mark before act",
        bug=GamePlay,
        twin=GamePlayByMoves,
        messages=grouped("game-1", {"number": 1, "to": "e4"}, {"number": 2, "to": "e5"}, {"number": 3, "to": "Nf3"}),
        queue=FIFO,
        note="A crash between count and move loses the move; the twin counts moves.",
    ),
    Specimen(
        name="machine that goes on",
        kind="order of a group broken",
        bug=MachineThatGoesOn,
        twin=MachineThatStops,
        messages=STEPS,
        queue=FIFO,
        mapping=PARTIAL,
        note="A dead delivery's lock fails the first step, and the others overtake it; the twin stops there.",
    ),
    Specimen(
        name="machine that forgets the rest",
        kind="wrong records reported",
        bug=MachineThatForgetsTheRest,
        twin=MachineThatStops,
        messages=STEPS,
        queue=FIFO,
        mapping=PARTIAL,
        note="A dead delivery's lock fails the first step, and the rest is deleted unread; the twin reports it all.",
    ),
    Specimen(
        name="crane control",
        kind="attempts run out",
        bug=CraneControl,
        twin=CraneControlThatComesAgain,
        messages=grouped("crane-1", "lift", "turn"),
        queue=FIFO,
        function={"timeout": 10},
        note="It waits for a dead delivery's lock until it is timed out, and then gives up; the twin comes again.",
    ),
]
