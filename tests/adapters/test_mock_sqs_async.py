"""aiobotocore under mock_sqs: the same answers, and long polls that wait in the event loop."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time

import aiobotocore.client
import boto3
import pytest
from aiobotocore.session import get_session
from botocore.config import Config
from botocore.exceptions import ClientError, NoCredentialsError
from sqs_script import answers

import minisqs
from minisqs import mock_sqs

SESSION = boto3.session.Session(region_name="us-east-1")


def new_client(**options):
    return get_session().create_client("sqs", region_name="us-east-1", **options)


def test_every_action_answers_what_boto3_gets():
    with mock_sqs(seed=1, start=1_700_000_000):
        expected = answers(SESSION.client("sqs"), time.sleep)
    for is_listened_to in (False, True):
        with mock_sqs(seed=1, start=1_700_000_000), asyncio.Runner() as runner:
            context = new_client()
            client = runner.run(context.__aenter__())
            if is_listened_to:
                client.meta.events.register("response-received.sqs", lambda **_: None)
            assert answers(Awaiting(client, runner), time.sleep) == expected
            runner.run(context.__aexit__(None, None, None))


class Awaiting:
    """A client of aiobotocore for code that does not await it."""

    def __init__(self, client, runner):
        self.client, self.runner = client, runner

    def __getattr__(self, name):
        async def call(parameters):
            return await getattr(self.client, name)(**parameters)

        return lambda **parameters: self.runner.run(call(parameters))


def test_a_refusal_is_botocores_exception():
    async def main():
        async with new_client() as client:
            with pytest.raises(client.exceptions.QueueDoesNotExist) as raised:
                await client.send_message(QueueUrl="nowhere", MessageBody="x")
            return raised.value.response

    with mock_sqs():
        response = asyncio.run(main())
    assert response["Error"]["Code"] == "AWS.SimpleQueueService.NonExistentQueue"
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_a_long_poll_waits_in_the_loop_while_another_task_sends():
    async def main(queue, world):
        async with new_client() as client:

            async def poll():
                answer = await client.receive_message(QueueUrl=queue.url, WaitTimeSeconds=20)
                return [message["Body"] for message in answer["Messages"]], world.clock.seconds

            async def send():
                await asyncio.sleep(7)
                await client.send_message(QueueUrl=queue.url, MessageBody="hello")

            polled, _ = await asyncio.gather(poll(), send())
            return polled

    with mock_sqs() as world:
        assert asyncio.run(main(world.create_queue("orders"), world)) == (["hello"], 7)


def test_a_long_poll_ends_with_a_delay_that_ends_or_by_itself():
    async def main(queue, world):
        queue.send("hello", delay_seconds=3)
        async with new_client() as client:
            first = await client.receive_message(QueueUrl=queue.url, WaitTimeSeconds=20)
            times = [world.clock.seconds]
            second = await client.receive_message(QueueUrl=queue.url, WaitTimeSeconds=20)
            return len(first["Messages"]), "Messages" in second, [*times, world.clock.seconds]

    with mock_sqs() as world:
        assert asyncio.run(main(world.create_queue("orders"), world)) == (1, False, [3, 23])
        assert world.queue("orders").metrics["NumberOfEmptyReceives"] == 1


def test_a_long_poll_may_be_cancelled_and_loses_no_message():
    async def main(queue, world):
        async with new_client() as client:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(client.receive_message(QueueUrl=queue.url, WaitTimeSeconds=20), 5)
            assert world.clock.seconds == 5
            queue.send("hello")
            return queue.counts.visible

    with mock_sqs() as world:
        assert asyncio.run(main(world.create_queue("orders"), world)) == 1


def test_a_long_poll_waits_for_another_thread_that_sends():
    started = threading.Event()

    def send(queue):
        client = SESSION.client("sqs")
        client.list_queues()
        started.set()
        real_sleep(0.05)
        client.send_message(QueueUrl=queue.url, MessageBody="late")

    async def main(queue):
        thread = threading.Thread(target=send, args=(queue,))
        thread.start()
        started.wait()
        async with new_client() as client:
            answer = await client.receive_message(QueueUrl=queue.url, WaitTimeSeconds=20)
        thread.join()
        return [message["Body"] for message in answer["Messages"]]

    real_sleep = time.sleep
    with mock_sqs() as world:
        assert asyncio.run(main(world.create_queue("orders"))) == ["late"]


def test_where_sleeps_are_left_alone_a_long_poll_moves_the_clock_at_once():
    async def main(queue):
        async with new_client() as client:
            return await client.receive_message(QueueUrl=queue.url, WaitTimeSeconds=20)

    with mock_sqs(sleep=False) as world:
        asyncio.run(main(world.create_queue("orders")))
        assert world.clock.seconds == 20


def test_on_the_real_clock_a_long_poll_is_waited_for():
    async def main(queue):
        async with new_client() as client:
            answer = await client.receive_message(QueueUrl=queue.url, WaitTimeSeconds=20)
        return len(answer["Messages"])

    with mock_sqs(clock="real") as world:
        queue = world.create_queue("orders")
        queue.send("hello", delay_seconds=1)
        assert asyncio.run(main(queue)) == 1
        assert 1 <= world.clock.seconds < 10


def test_lost_answers_are_tried_again_and_the_sleeps_between_move_the_clock():
    async def main(queue):
        async with new_client(config=Config(retries={"mode": "standard", "max_attempts": 10})) as client:
            return [
                (await client.send_message(QueueUrl=queue.url, MessageBody="x"))["ResponseMetadata"]["RetryAttempts"]
                for _ in range(20)
            ]

    with mock_sqs(seed=3, faults={"lost_answer": 0.2, "api_error": 0.2}) as world:
        attempts = asyncio.run(main(world.create_queue("orders")))
        assert max(attempts) > 0
        assert world.clock.seconds > 0
        assert len(world.queue("orders").messages()) > 20


def test_an_error_that_is_not_tried_again_is_botocores():
    async def main(queue):
        async with new_client(config=Config(retries={"total_max_attempts": 1})) as client:
            await client.receive_message(QueueUrl=queue.url, WaitTimeSeconds=20)

    with mock_sqs(faults={"api_error": 1.0}) as world, pytest.raises(ClientError) as raised:
        asyncio.run(main(world.create_queue("orders")))
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500


def test_afterwards_it_is_as_it_was():
    before = vars(aiobotocore.client.AioBaseClient)["_make_request"]
    with mock_sqs():
        assert vars(aiobotocore.client.AioBaseClient)["_make_request"] is not before
    assert vars(aiobotocore.client.AioBaseClient)["_make_request"] is before

    async def main():
        async with new_client() as client:
            await client.list_queues()

    with pytest.raises(NoCredentialsError):
        asyncio.run(main())


class Asynchronous:
    """A handler under check that polls and sends with aiobotocore."""

    def __init__(self):
        self.charged = []

    async def handler(self, event, context):
        async with new_client() as client:
            url = (await client.create_queue(QueueName="paid"))["QueueUrl"]
            for record in event["Records"]:
                await client.send_message(QueueUrl=url, MessageBody=record["body"])
            answer = await client.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            for message in answer.get("Messages", []):
                self.charged.append(message["Body"])
                await client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    def observe(self):
        return sorted(self.charged)


def test_in_a_check_the_worlds_own_answers_are_given():
    assert minisqs.perfect(Asynchronous, ["a"]).state == ["a"]
    with pytest.raises(minisqs.CheckFailed):
        minisqs.check(Asynchronous, ["a"], faults=["lost_answer"])


IMPORTED_LATER = """
import sys, minisqs
with minisqs.mock_sqs():
    assert "botocore" not in sys.modules
    import boto3
    client = boto3.client("sqs", region_name="us-east-1")
    client.create_queue(QueueName="orders")
    import asyncio, aiobotocore.session

    async def main():
        async with aiobotocore.session.get_session().create_client("sqs", region_name="us-east-1") as client:
            return await client.list_queues()

    assert len(asyncio.run(main())["QueueUrls"]) == 1
assert type(sys.modules["botocore.client"].__spec__.loader).__module__.endswith("_external")
assert not any(type(finder).__module__.startswith("minisqs") for finder in sys.meta_path)
try:
    client.list_queues()
except Exception as error:
    print(type(error).__name__)
"""


def test_an_sdk_that_is_imported_inside_is_answered_too():
    done = subprocess.run([sys.executable, "-c", IMPORTED_LATER], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("NoCredentialsError\n", "")
