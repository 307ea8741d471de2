"""A run of a random queue, function and mapping, drawn from one number, with everything that must hold at its end."""

from __future__ import annotations

import asyncio  # noqa: TID251  # handlers may sleep
import random  # noqa: TID251  # the program is drawn, minisqs is not
from collections import Counter
from hashlib import sha256

import minisqs


class Program:
    """What a run does, drawn from a number."""

    def __init__(self, number: int, *, faults: bool = False, journal_length: int | None = None) -> None:
        draw = self.draw = random.Random(number)
        self.fifo = draw.random() < 0.3
        names = draw.sample(["duplicate", "reorder", "stale_delete", "split"], draw.randint(1, 3)) if faults else None
        self.world = minisqs.World(
            number, names, journal_length=journal_length, account_concurrency=draw.choice([3, 50, 1000])
        )
        suffix, kind = (".fifo", {"fifo_queue": True, "content_based_deduplication": True}) if self.fifo else ("", {})
        self.dead = self.world.create_queue(f"dead{suffix}", **kind)
        redrive = (
            {} if draw.random() < 0.2 else {"redrive_policy": minisqs.RedrivePolicy(self.dead, draw.randint(1, 4))}
        )
        self.timeout = draw.choice([1, 3, 10, 30])
        self.queue = self.world.create_queue(
            f"orders{suffix}", visibility_timeout=max(self.timeout, draw.choice([5, 10, 30, 90])), **redrive, **kind
        )
        self.sent: list[str] = []
        self.tries: Counter[str] = Counter()
        self.reports = draw.random() < 0.5
        self.mood = draw.choice(["fine", "raises", "odd", "slow", "async"])
        self.function = self.world.create_function(
            self.sleepy if self.mood == "async" else self.handler,
            name="work",
            timeout=self.timeout,
            duration=draw.choice([0, 0.5, 1, self.timeout, lambda event: 0.1 * len(event["Records"])]),
            reserved_concurrency=draw.choice([None, None, 1, 2]) if self.world._account_concurrency > 200 else None,
            cold_start=draw.choice([0, 0.25]),
        )
        window = 0 if self.fifo else draw.choice([0, 0, 1, 5])
        settings = {
            "batch_size": draw.choice([1, 3, 10]) if not window else draw.choice([1, 10, 40]),
            "maximum_batching_window_in_seconds": window,
            "report_batch_item_failures": self.reports,
            "split": draw.choice(["greedy", "random", [1, 4, 2]]),
            "tick": draw.choice([1, 10]),
        }
        settings |= draw.choice(
            [
                {},
                {"maximum_concurrency": draw.randint(2, 6)},
                {"profile": "legacy"},
                {"minimum_pollers": 2, "maximum_pollers": 3},
            ]
        )
        if draw.random() < 0.3:
            settings["filters"] = ['{"body": {"n": [{"numeric": [">", 3]}]}}']
        self.mappings = [self.world.create_event_source_mapping(self.queue, self.function, **settings)]
        if draw.random() < 0.2:
            other = self.world.create_function(None, name="other", timeout=self.timeout, duration=0.5)
            self.mappings.append(self.world.create_event_source_mapping(self.queue, other))

    # ------------------------------------------------------------------------------------------- user code
    def handler(self, event, context):
        assert context.get_remaining_time_in_millis() == self.timeout * 1000
        failed = []
        for record in event["Records"]:
            self.tries[record["body"]] += 1
            if self.mood != "fine" and hash(len(record["body"]) + self.tries[record["body"]]) % 3 == 0:
                failed.append({"itemIdentifier": record["messageId"]})
        if self.mood == "raises" and failed:
            raise ValueError("a bad batch")
        if self.mood == "odd" and failed:
            return [None, "text", {"batchItemFailures": failed}, {"batchItemFailures": "x"}, {1, 2}][len(failed) % 5]
        return {"batchItemFailures": failed} if self.reports else None

    async def sleepy(self, event, context):
        for _ in event["Records"]:
            await asyncio.sleep(0.3)
        return self.handler_after_sleep(event)

    def handler_after_sleep(self, event):
        return {"batchItemFailures": [{"itemIdentifier": event["Records"][0]["messageId"]}]} if self.reports else None

    # ------------------------------------------------------------------------------------------------ steps
    def run(self, steps: int = 25) -> None:
        """Send, let time pass, change things; then let it come to rest."""
        for _ in range(steps):
            self.step()
            self.check()
        for mapping in self.mappings:
            if mapping.state == "Disabled" and self.draw.random() < 0.5:
                mapping.enable()
        self.world.advance(200)
        self.check()

    def step(self) -> None:
        draw, world = self.draw, self.world
        match draw.choice(["send", "send", "send", "advance", "advance", "advance", "change"]):
            case "send":
                for _ in range(draw.randint(1, 12)):
                    body = f'{{"n": {len(self.sent)}, "pad": "{"x" * draw.randint(0, 9)}"}}'
                    self.sent.append(body)
                    self.queue.send(body, message_group_id=draw.choice("ABC") if self.fifo else None)
            case "advance":
                world.advance(draw.choice([0, 0.1, 1, 4, 10, 31, 95]))
            case _:
                self.change()

    def change(self) -> None:
        mapping = self.draw.choice(self.mappings)
        match self.draw.choice(["switch", "update", "reserve", "timeout"]):
            case "switch" if mapping.state in ("Enabled", "Disabled"):
                (mapping.disable if mapping.state == "Enabled" else mapping.enable)()
            case "update":
                mapping.update(batch_size=self.draw.choice([1, 5, 10]))
            case "reserve" if self.world._account_concurrency > 200:
                self.function.update(reserved_concurrency=self.draw.choice([None, 0, 1, 3]))
            case _:
                self.queue.set_attributes(visibility_timeout=self.draw.choice([self.timeout, 30, 90]))

    # ----------------------------------------------------------------------------------------------- checks
    def check(self) -> None:
        """Each message is in the queue, in the dead-letter queue, or deleted; and slots hold what is in flight."""
        self.world.check_invariants()
        engine, dead = self.queue._engine, self.dead._engine
        here, there = len(engine.messages) - engine.stray, len(dead.messages)
        ended = engine.deleted - engine.copies + engine.expired
        assert here + there + ended == len(self.sent), "each message is in one place"
        for mapping in self.mappings:
            slots = mapping._slots
            numbers = mapping.metrics
            assert slots._ticks._busy == mapping.busy
            assert numbers["DeletedEventCount"] <= numbers["PolledEventCount"]
            assert numbers["FailedInvokeEventCount"] <= numbers["InvokedEventCount"]
            for slot in slots._slots.values():
                waits = slot.index in slots._waiting
                assert not (waits and slot.state.name in ("RUNNING", "THROTTLED")), "who works does not wait"
        running = sum(run.outcome == "running" for run in self.function.invocations)
        assert running <= self.function.metrics["ConcurrentExecutions"]

    def digest(self) -> str:
        """All that the run shows."""
        shown = [repr(dict(mapping.metrics)) for mapping in self.mappings]
        shown += [f"{run!r} {run.request_id} {run.log_stream}" for run in self.function.invocations]
        return self.world.journal.text() + "\n".join(shown)


if __name__ == "__main__":
    for number in range(6):
        program = Program(number, faults=number % 2 == 1)
        program.run()
        print(sha256(program.digest().encode()).hexdigest())  # noqa: T201  # a test reads it
