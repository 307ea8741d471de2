"""Loops without threads."""

from __future__ import annotations

import functools
import time  # noqa: TID251  # what user code asks
from contextlib import contextmanager

import minisqs

from .specimen import Loop, received, scenario


# ------------------------------------------------------------------------------- receive, look, charge, delete
def charges_after_a_look(client, url, outside):
    charges = outside.setdefault("charges", [])
    while True:
        for message in received(client, url):
            if message["Body"] not in charges:
                time.sleep(1)  # the bank
                charges.append(message["Body"])
                charges.sort()
            client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def charges_by_name(client, url, outside):
    charges = outside.setdefault("charges", {})
    while True:
        for message in received(client, url):
            time.sleep(1)
            charges[message["Body"]] = 1  # an upsert
            client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


# ----------------------------------------------------------------------------------------- deletes at once
def deletes_first(client, url, outside):
    done = outside.setdefault("done", {})
    while True:
        for message in received(client, url):
            client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            done[message["Body"]] = True


def deletes_last(client, url, outside):
    done = outside.setdefault("done", {})
    while True:
        for message in received(client, url):
            done[message["Body"]] = True
            client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


# ---------------------------------------------------------------------------------- forwards batch by batch
def _forwarding(*, looks):
    def loop(client, url, outside):
        archive = outside.setdefault("archive", {})
        target = client.create_queue(QueueName="archive")["QueueUrl"]
        while True:
            batch = received(client, url)
            if batch:
                entries = [{"Id": str(place), "MessageBody": one["Body"]} for place, one in enumerate(batch)]
                answer = client.send_message_batch(QueueUrl=target, Entries=entries)
                if looks:
                    sent = {one["Id"] for one in answer.get("Successful", [])}
                    batch = [one for place, one in enumerate(batch) if str(place) in sent]
                deletes = [{"Id": str(place), "ReceiptHandle": one["ReceiptHandle"]} for place, one in enumerate(batch)]
                if deletes:
                    client.delete_message_batch(QueueUrl=url, Entries=deletes)
            for message in received(client, target):
                archive[message["Body"]] = True
                client.delete_message(QueueUrl=target, ReceiptHandle=message["ReceiptHandle"])

    return loop


# --------------------------------------------------------------------------------------- a decorator that retries
def retried(function):
    @functools.wraps(function)
    def again(*args, **named):
        for attempt in range(5):
            try:
                return function(*args, **named)
            except Exception:  # noqa: BLE001  # as such decorators do
                time.sleep(2**attempt)
        return function(*args, **named)

    return again


@retried
def pay(client, url, body):
    client.send_message(QueueUrl=url, MessageBody=body)


def _paying(*, by_name):
    def loop(client, url, outside):
        payments = client.create_queue(QueueName="payments")["QueueUrl"]
        paid = outside.setdefault("paid", {})
        while True:
            for message in received(client, url):
                pay(client, payments, message["Body"])
                client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            for payment in received(client, payments):
                paid[payment["Body"]] = 1 if by_name else paid.get(payment["Body"], 0) + 1
                client.delete_message(QueueUrl=payments, ReceiptHandle=payment["ReceiptHandle"])

    return loop


# --------------------------------------------------------------------------------- a context manager that claims
@contextmanager
def claimed(claims, body):
    """Claims a message for its worker, and gives it back, also after an exception."""
    claims[body] = True
    try:
        yield
    finally:
        del claims[body]


def skips_what_is_claimed(client, url, outside):
    claims, done = outside.setdefault("_claims", {}), outside.setdefault("done", {})
    while True:
        for message in received(client, url):
            if message["Body"] not in claims:
                with claimed(claims, message["Body"]):
                    done[message["Body"]] = True
            client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def skips_what_is_claimed_for_a_time(client, url, outside):
    claims, done = outside.setdefault("_claims", {}), outside.setdefault("done", {})
    while True:
        for message in received(client, url):
            if claims.get(message["Body"], 0) > time.time():
                continue  # its lease ends, and it comes again
            claims[message["Body"]] = time.time() + 60
            done[message["Body"]] = True
            client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


# ------------------------------------------------------------------------------------------------ a stop flag
class Consumer:
    """Runs until it is told to stop, as a handler of SIGTERM would."""

    def __init__(self, client, url, done):
        self.client, self.url, self.done = client, url, done
        self.running = True

    def run(self):
        while self.running:
            try:
                self.work_on(received(self.client, self.url))
            except minisqs.Interrupted:
                self.running = False
                raise

    def work_on(self, batch):
        raise NotImplementedError

    def delete(self, messages):
        entries = [{"Id": str(place), "ReceiptHandle": one["ReceiptHandle"]} for place, one in enumerate(messages)]
        if entries:
            self.client.delete_message_batch(QueueUrl=self.url, Entries=entries)


class DeletesItsBatchOnItsWayOut(Consumer):
    def work_on(self, batch):
        try:
            for message in batch:
                self.done[message["Body"]] = True
        finally:
            self.delete(batch)


class DeletesWhatIsDone(Consumer):
    def work_on(self, batch):
        handled = []
        try:
            for message in batch:
                self.done[message["Body"]] = True
                handled.append(message)
        finally:
            self.delete(handled)


def _stoppable(kind):
    def loop(client, url, outside):
        kind(client, url, outside.setdefault("done", {})).run()

    return loop


# ------------------------------------------------------------------------------------- gives up after some tries
def gives_up_by_receive_count(client, url, outside):
    done, failed = outside.setdefault("done", {}), outside.setdefault("failed", {})
    while True:
        for message in received(client, url):
            if int(message["Attributes"]["ApproximateReceiveCount"]) > 2:
                failed[message["Body"]] = True
            else:
                done[message["Body"]] = True
            client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def gives_up_by_what_is_in_it(client, url, outside):
    done, failed = outside.setdefault("done", {}), outside.setdefault("failed", {})
    while True:
        for message in received(client, url):
            (done if message["Body"].isalpha() else failed)[message["Body"]] = True
            client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


# ------------------------------------------------------------------------------- collects, then writes all at once
def deletes_before_it_has_written(client, url, outside):
    rows, buffer = outside.setdefault("rows", {}), []
    while True:
        for message in received(client, url, most=1):
            buffer.append(message["Body"])
            client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        if len(buffer) >= 2:
            rows.update(dict.fromkeys(buffer, True))
            buffer.clear()


def deletes_what_it_has_written(client, url, outside):
    rows, buffer = outside.setdefault("rows", {}), []
    while True:
        batch = received(client, url, most=1)
        buffer += batch
        if len(buffer) >= 2 or not batch:
            rows.update(dict.fromkeys((message["Body"] for message in buffer), True))
            for message in buffer:
                client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            buffer.clear()


LOOPS = [
    Loop(
        name="charge after a look",
        bug=scenario("charges_after_a_look", charges_after_a_look),
        twin=scenario("charges_by_name", charges_by_name),
        note="Another worker looks too while the bank is asked. The twin writes under the order's name.",
        by=("duplicate", "stall"),
    ),
    Loop(
        name="delete first",
        bug=scenario("deletes_first", deletes_first),
        twin=scenario("deletes_last", deletes_last),
        note="A kill between the delete and the work loses the message. The twin deletes last.",
        by=("kill",),
    ),
    Loop(
        name="forward in batches",
        bug=scenario("forwards_and_does_not_look", _forwarding(looks=False), workers=1),
        twin=scenario("forwards_and_looks", _forwarding(looks=True), workers=1),
        note="An answer of 200 may have Failed entries, whose messages are deleted all the same. The twin looks.",
        by=("partial",),
    ),
    Loop(
        name="retry decorator",
        bug=scenario("pays_each_time", _paying(by_name=False), workers=1, bodies=("a",)),
        twin=scenario("pays_by_name", _paying(by_name=True), workers=1, bodies=("a",)),
        note="A send whose answer was lost is tried again, and is a second payment. The twin's bank goes by name.",
        by=("lost_answer", "kill", "duplicate"),
    ),
    Loop(
        name="claim in a context manager",
        bug=scenario("skips_what_is_claimed", skips_what_is_claimed, bodies=("a",)),
        twin=scenario("skips_what_is_claimed_for_a_time", skips_what_is_claimed_for_a_time, bodies=("a",)),
        note="No finally runs after a kill, so the claim stays, and the message is skipped. The twin's claims end.",
        by=("kill",),
    ),
    Loop(
        name="stop flag",
        bug=scenario("deletes_its_batch_on_its_way_out", _stoppable(DeletesItsBatchOnItsWayOut), workers=1),
        twin=scenario("deletes_what_is_done", _stoppable(DeletesWhatIsDone), workers=1),
        note="The finally of a batch deletes what an interrupt kept from being worked on. The twin counts what is done.",
        by=("interrupt",),
        faults=("interrupt", "kill", "duplicate", "stall"),
    ),
    Loop(
        name="give up by receive count",
        bug=scenario("gives_up_by_receive_count", gives_up_by_receive_count, workers=1, bodies=("a",)),
        twin=scenario("gives_up_by_what_is_in_it", gives_up_by_what_is_in_it, workers=1, bodies=("a",)),
        note="Kills and lost answers count as receives, so a good message is given up. The twin looks into it.",
        by=("kill",),
    ),
    Loop(
        name="write in batches",
        bug=scenario("deletes_before_it_has_written", deletes_before_it_has_written, workers=1),
        twin=scenario("deletes_what_it_has_written", deletes_what_it_has_written, workers=1),
        note="What was deleted and not written dies with the buffer. The twin deletes after the write.",
        by=("kill",),
    ),
]
