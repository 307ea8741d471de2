"""Loops on asyncio."""

from __future__ import annotations

import asyncio  # noqa: TID251  # what user code uses

from .specimen import Loop, scenario


async def received(client, url):
    answer = await asyncio.to_thread(client.receive_message, QueueUrl=url, WaitTimeSeconds=20, MaxNumberOfMessages=10)
    return answer.get("Messages", [])


async def delete(client, url, message):
    await asyncio.to_thread(client.delete_message, QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


# ------------------------------------------------------------------------------------- tasks that nobody awaits
def _in_tasks(*, awaits):
    async def loop(client, url, outside):
        done = outside.setdefault("done", {})

        async def handle(message):
            await asyncio.sleep(3)
            done[message["Body"]] = True

        tasks = set()
        while True:
            for message in await received(client, url):
                task = asyncio.create_task(handle(message))
                tasks.add(task)
                if awaits:
                    await task
                await delete(client, url, message)

    return loop


# ----------------------------------------------------------------------------------- looks before an await, acts after
def _with_a_bank(*, by_name):
    async def loop(client, url, outside):
        charges = outside.setdefault("charges", {})

        async def charge(message):
            if message["Body"] in charges and not by_name:
                return
            await asyncio.sleep(2)  # the bank
            charges[message["Body"]] = 1 if by_name else charges.get(message["Body"], 0) + 1

        async def work(message):
            await charge(message)
            await delete(client, url, message)

        while True:
            await asyncio.gather(*[work(message) for message in await received(client, url)])

    return loop


LOOPS = [
    Loop(
        name="tasks that nobody awaits",
        bug=scenario("awaits_nothing", _in_tasks(awaits=False), workers=1),
        twin=scenario("awaits_its_task", _in_tasks(awaits=True), workers=1),
        note="The message is deleted when its task has been made. The twin awaits it.",
        by=("kill",),
    ),
    Loop(
        name="look, await, act",
        bug=scenario("charges_after_an_await", _with_a_bank(by_name=False)),
        twin=scenario("charges_by_name_on_a_loop", _with_a_bank(by_name=True)),
        note="Between the look and the act others run, with the same message. The twin writes under its name.",
        by=("duplicate", "stall"),
    ),
]
