"""Loops that start threads."""

from __future__ import annotations

import queue as queues
import threading  # noqa: TID251  # what user code uses
import time  # noqa: TID251  # what user code asks
from concurrent.futures import ThreadPoolExecutor

from .specimen import Loop, received, scenario


# --------------------------------------------------------------------------------------------- a pool of handlers
def does_not_wait_for_its_pool(client, url, outside):
    done = outside.setdefault("done", {})

    def handle(body):
        time.sleep(1)
        done[body] = True

    with ThreadPoolExecutor(max_workers=2) as pool:
        while True:
            for message in received(client, url):
                pool.submit(handle, message["Body"])
                client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def deletes_when_its_pool_is_done(client, url, outside):
    done = outside.setdefault("done", {})

    def handle(message):
        time.sleep(1)
        done[message["Body"]] = True
        client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    with ThreadPoolExecutor(max_workers=2) as pool:
        while True:
            futures = [pool.submit(handle, message) for message in received(client, url)]
            for future in futures:
                future.exception()  # a message whose delete failed comes again


# --------------------------------------------------------------------------------------------------- a heartbeat
def stubborn(call, **arguments):
    """Calls until it is answered."""
    while True:
        try:
            return call(**arguments)
        except Exception:  # noqa: BLE001  # whatever the network does
            time.sleep(1)


def plainly(call, **arguments):
    return call(**arguments)


def _with_a_heartbeat(extend):
    def loop(client, url, outside):
        shipped = outside.setdefault("shipped", {})

        def beat(handle, stop):
            while not stop.wait(10):
                extend(client.change_message_visibility, QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=30)

        while True:
            for message in stubborn(client.receive_message, QueueUrl=url, WaitTimeSeconds=20).get("Messages", []):
                stop = threading.Event()
                heart = threading.Thread(target=beat, args=(message["ReceiptHandle"], stop), daemon=True)
                heart.start()
                time.sleep(45)
                shipped[message["Body"]] = shipped.get(message["Body"], 0) + 1
                stop.set()
                heart.join()
                stubborn(client.delete_message, QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    return loop


# --------------------------------------------------------------------------------------- one thread hands to another
def _handing_on(*, deletes_at_the_end):
    def loop(client, url, outside):
        done, work = outside.setdefault("done", {}), queues.Queue(maxsize=1)

        def handle():
            while True:
                message = work.get()
                time.sleep(2)
                done[message["Body"]] = True
                if deletes_at_the_end:  # a call that fails must not end the thread
                    stubborn(client.delete_message, QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

        threading.Thread(target=handle, daemon=True).start()
        while True:
            for message in received(client, url):
                work.put(message)
                if not deletes_at_the_end:
                    client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    return loop


LOOPS = [
    Loop(
        name="pool of handlers",
        bug=scenario("does_not_wait_for_its_pool", does_not_wait_for_its_pool, workers=1),
        twin=scenario("deletes_when_its_pool_is_done", deletes_when_its_pool_is_done, workers=1),
        note="The message is deleted when its work has been handed over, not when it is done. The twin waits.",
        by=("kill",),
    ),
    Loop(
        name="heartbeat",
        bug=scenario("beats_until_a_call_fails", _with_a_heartbeat(plainly), bodies=("a",)),
        twin=scenario("beats_on", _with_a_heartbeat(stubborn), bodies=("a",)),
        note="One extension that fails ends the heart, and the message is shown to another. The twin tries again.",
        by=("api_error", "lost_answer"),
        faults=("api_error", "lost_answer"),
    ),
    Loop(
        name="hand on to a thread",
        bug=scenario("deletes_what_it_hands_on", _handing_on(deletes_at_the_end=False), workers=1),
        twin=scenario("deletes_what_is_done_by_its_thread", _handing_on(deletes_at_the_end=True), workers=1),
        note="What lies in a queue in memory dies with the process. The twin's thread deletes.",
        by=("kill",),
    ),
]
