"""A worker as Celery runs them on SQS: it reserves messages ahead, and acknowledges each early or late.

Early is Celery's default: a task is acknowledged when it begins, so a worker that dies loses it. Late
(``acks_late=True``) acknowledges when it has ended, so it may run twice, and must bear that. A task that is reserved
also waits in the worker while its visibility timeout runs: that of a long queue of reserved tasks runs out.
"""

import time  # noqa: TID251  # what the worker is written with
from collections import deque
from functools import partial
from textwrap import indent, wrap

import minisqs


def worker(client, url, task, *, prefetch, acks_late):
    reserved = deque()
    while True:
        if len(reserved) < prefetch:
            answer = client.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=prefetch - len(reserved),
                WaitTimeSeconds=0 if reserved else 20,
            )
            reserved.extend(answer.get("Messages", []))
        if reserved:
            message = reserved.popleft()
            acknowledge = partial(client.delete_message, QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            if not acks_late:
                acknowledge()
            task(message["Body"])
            if acks_late:
                acknowledge()


def scenario(name, make_task, *, prefetch=4, acks_late, seconds=5, tasks=2):
    """Two workers, and some tasks of so many seconds."""

    def set_up(world):
        queue = world.create_queue("celery", visibility_timeout=30)
        outside = {}
        run = partial(worker, prefetch=prefetch, acks_late=acks_late)
        for number in (1, 2):
            world.spawn(run, world.client(), queue.url, make_task(outside, seconds), name=f"celery-{number}")
        for number in range(tasks):
            queue.send(f"invoice-{number + 1}")
        return lambda: outside

    set_up.__name__ = set_up.__qualname__ = name
    return minisqs.scenario(set_up)


def counts_mails(outside, seconds):
    def send_mail(name):
        time.sleep(seconds)
        outside[name] = outside.get(name, 0) + 1

    return send_mail


def writes_file(outside, seconds):
    def write_file(name):
        time.sleep(seconds)
        outside[name] = "written"

    return write_file


def verdict(scenario, **arguments):
    try:
        minisqs.check(scenario, budget=150, runs=30, **arguments)
    except minisqs.CheckFailed as failed:
        return told(failed.report.verdict)
    return told("Nothing was found.")


def told(text):
    return indent("\n".join(wrap(text, 100)), "  ")


def main():
    early = scenario("acks_early", counts_mails, acks_late=False)
    late = scenario("acks_late", counts_mails, acks_late=True)
    print("acks early:")
    print(verdict(early, faults=["kill"]))
    print("acks late:")
    print(verdict(late, faults=["kill"]))
    print("acks late, and a task that may run twice:")
    print(verdict(scenario("acks_late_by_name", writes_file, acks_late=True)))

    print("nothing goes wrong, but eight tasks of 12 s are reserved four at a time:")
    slow = partial(scenario, make_task=counts_mails, acks_late=True, seconds=12, tasks=8)
    for prefetch in (4, 1):
        state = minisqs.run(slow(f"prefetch_{prefetch}", prefetch=prefetch)).state
        print(f"  prefetch {prefetch}: {sum(state.values())} mails for {len(state)} invoices")


if __name__ == "__main__":
    main()
