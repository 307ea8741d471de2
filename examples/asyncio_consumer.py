"""An asyncio consumer, unchanged, on the simulated clock: three tasks of one event loop, an hour in a moment.

The coroutines are spawned into one process, so they share its event loop. Their blocking calls go to threads, as in
production; those are the simulation's too. With a seed, tasks that are ready at once go on in an order that is drawn.
"""

import asyncio  # noqa: TID251  # what the consumer is written with

import minisqs


async def consume(name, client, url, told):
    loop = asyncio.get_running_loop()
    while True:
        answer = await asyncio.to_thread(client.receive_message, QueueUrl=url, WaitTimeSeconds=20)
        for message in answer.get("Messages", []):
            told.append(f"{loop.time():9.3f}  {name} takes {message['Body']}")
            await asyncio.sleep(float(message["Body"].split()[-2]))
            await asyncio.to_thread(client.delete_message, QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            told.append(f"{loop.time():9.3f}  {name} is done with it")


def run(seed, seconds):
    told = []
    with minisqs.World(seed) as world:
        queue = world.create_queue("films", visibility_timeout=3600)
        for name in ("ann", "bob", "cid"):
            world.spawn(consume, name, world.client(), queue.url, told, process="encoder")
        for title, minutes in (("trailer", 1), ("feature", 45), ("advert", 1), ("short", 12)):
            queue.send(f"{title}, {minutes * 60} s")
        queue.send("credits, 60 s", delay_seconds=900)
        world.advance(seconds)
    return told


def main():
    print("without a seed, in asyncio's own order:")
    print(*run(None, 3600), sep="\n")
    orders = {tuple(line.split()[1] for line in run(seed, 1)) for seed in range(30)}
    print("who comes first, by 30 seeds:", *sorted(" ".join(order) for order in orders), sep="\n  ")


if __name__ == "__main__":
    main()
