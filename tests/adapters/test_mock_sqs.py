"""mock_sqs: its forms, its worlds, and what happens to calls that fail."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import threading
import unittest

import boto3
import botocore.client
import moto
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, NoCredentialsError
from botocore.utils import InstanceMetadataFetcher

import minisqs
from minisqs import mock_sqs

SESSION = boto3.session.Session(region_name="us-east-1")
MADE_BEFORE = SESSION.client("sqs")


def names(client=MADE_BEFORE):
    return [url.rpartition("/")[2] for url in client.list_queues().get("QueueUrls", [])]


# ------------------------------------------------------------------------------------------------------- forms
def test_clients_made_before_and_inside_and_resources_see_one_world():
    with mock_sqs() as world:
        url = MADE_BEFORE.create_queue(QueueName="orders")["QueueUrl"]
        assert names(SESSION.client("sqs")) == ["orders"]
        queue = SESSION.resource("sqs").get_queue_by_name(QueueName="orders")
        queue.send_message(MessageBody="hello")
        assert [message.body for message in queue.receive_messages()] == ["hello"]
        assert world.queue("orders").url == url == queue.url


def test_the_default_session_is_answered_and_other_endpoints_are_too(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with mock_sqs() as world:
        world.create_queue("orders")
        assert names(boto3.client("sqs")) == ["orders"]
        assert names(boto3.client("sqs", endpoint_url="http://localhost:4566")) == ["orders"]
        assert world.queue("orders").url.startswith("https://sqs.eu-west-1.")


def test_a_client_that_finds_no_credentials_asks_no_instance_for_them(monkeypatch, tmp_path):
    def asked(*_, **__):
        raise AssertionError("an EC2 instance was asked for credentials")

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setattr(InstanceMetadataFetcher, "retrieve_iam_role_credentials", asked)
    session = boto3.session.Session(region_name="us-east-1")
    with mock_sqs():
        client = session.client("sqs")
        client.create_queue(QueueName="orders")
        assert names(client) == ["orders"]
    with pytest.raises(AssertionError, match="EC2"):
        boto3.session.Session(region_name="us-east-1").client("sqs")


def test_other_services_pass_through():
    with mock_sqs(), pytest.raises(NoCredentialsError):
        SESSION.client("sns").list_topics()


def test_afterwards_everything_is_as_it_was():
    before = vars(botocore.client.BaseClient)["_make_request"]
    with mock_sqs():
        assert vars(botocore.client.BaseClient)["_make_request"] is not before
    assert vars(botocore.client.BaseClient)["_make_request"] is before
    with pytest.raises(NoCredentialsError):
        MADE_BEFORE.list_queues()


@mock_sqs
def test_a_bare_decorator_begins_with_an_empty_account():
    assert names() == []
    MADE_BEFORE.create_queue(QueueName="orders")


@mock_sqs()
def test_a_called_decorator_does_too():
    assert names() == []


@pytest.fixture
def named_queue():
    return "from-a-fixture"


@mock_sqs
def test_a_decorated_test_gets_its_fixtures(named_queue):
    MADE_BEFORE.create_queue(QueueName=named_queue)
    assert names() == ["from-a-fixture"]


def test_the_object_knows_its_world_while_it_is_active():
    mock = mock_sqs(seed=1)

    @mock
    def run():
        MADE_BEFORE.create_queue(QueueName="orders")
        return [queue.name for queue in mock.world.queues()]

    assert run() == ["orders"]
    assert run.__name__ == "run"
    with pytest.raises(minisqs.UsageError, match="only while it is active"):
        _ = mock.world


def test_coroutine_functions_and_async_with():
    @mock_sqs
    async def decorated():
        await asyncio.sleep(0)
        return names()

    async def main():
        async with mock_sqs() as world:
            world.create_queue("orders")
            return names()

    assert inspect.iscoroutinefunction(decorated)
    assert (asyncio.run(decorated()), asyncio.run(main())) == ([], ["orders"])


def test_generators_are_active_until_they_end():
    @mock_sqs
    def fixture():
        MADE_BEFORE.create_queue(QueueName="orders")
        yield names()

    @mock_sqs
    async def async_fixture():
        yield names()

    async def main():
        return [one async for one in async_fixture()]

    made = fixture()
    assert next(made) == ["orders"]
    assert names() == ["orders"]
    made.close()
    assert asyncio.run(main()) == [[]]
    with pytest.raises(NoCredentialsError):
        names()


def test_start_and_stop():
    mock = mock_sqs()
    world = mock.start()
    world.create_queue("orders")
    assert names() == ["orders"]
    mock.stop()
    with pytest.raises(minisqs.UsageError, match="was not started, or is stopped already"):
        mock.stop()


def test_an_exception_inside_ends_it():
    with pytest.raises(ZeroDivisionError), mock_sqs():
        _ = 1 / 0
    with pytest.raises(NoCredentialsError):
        names()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"regoin": "eu-west-1"}, "no argument 'regoin'"),
        ({"clock": "fast"}, "'simulated' or 'real', not 'fast'"),
        ({"world": minisqs.World(), "seed": 1}, "not also seed"),
        ({"world": 7}, "not 7"),
    ],
)
def test_a_wrong_argument_is_refused_by_name(arguments, words):
    with pytest.raises(minisqs.UsageError, match=words):
        mock_sqs(**arguments)


def test_what_is_no_function_is_not_decorated():
    with pytest.raises(minisqs.UsageError, match="decorates functions and classes of tests, not 7"):
        mock_sqs()(7)


# ----------------------------------------------------------------------------------------------------- classes
@mock_sqs
class TestOfPytest:
    def setup_method(self):
        assert names() == []
        MADE_BEFORE.create_queue(QueueName="from-setup")

    def teardown_method(self):
        assert "from-setup" in names()

    def test_a_queue_of_the_setup_is_there(self):
        assert names() == ["from-setup"]
        MADE_BEFORE.create_queue(QueueName="second")

    def test_a_queue_of_another_test_is_not(self):
        assert names() == ["from-setup"]

    @staticmethod
    def test_static_ones_are_decorated_too():
        assert names() == ["from-setup"]


@mock_sqs
class TestOfPytestWithoutSetup:
    def test_one(self):
        assert names() == []
        MADE_BEFORE.create_queue(QueueName="one")

    test_two = test_one


@mock_sqs(seed=1)
class TestOfUnittest(unittest.TestCase):
    def setUp(self):
        self.addCleanup(lambda: self.assertIn("from-setup", names()))
        MADE_BEFORE.create_queue(QueueName="from-setup")

    def test_one(self):
        self.assertEqual(names(), ["from-setup"])
        MADE_BEFORE.create_queue(QueueName="second")

    test_two = test_one


@mock_sqs
class TestOfUnittestWithClassSetup(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        MADE_BEFORE.create_queue(QueueName="of-the-class")

    @classmethod
    def tearDownClass(cls):
        assert names() == ["of-the-class"]

    def test_one(self):
        self.assertEqual(names(), ["of-the-class"])


@mock_sqs
class TestOfUnittestAsync(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        MADE_BEFORE.create_queue(QueueName="from-setup")

    async def test_one(self):
        await asyncio.sleep(3600)
        self.assertEqual(names(), ["from-setup"])


# ----------------------------------------------------------------------------------------------------- nesting
def test_an_inner_entry_shares_the_world_and_only_the_outermost_begins_anew():
    with mock_sqs() as outer:
        outer.create_queue("orders")
        with mock_sqs() as inner:
            assert inner is outer
            assert names() == ["orders"]
        assert names() == ["orders"]
    with mock_sqs():
        assert names() == []


def test_equal_arguments_share_and_others_have_a_world_of_their_own():
    with mock_sqs(seed=1) as outer:
        outer.create_queue("outer")
        with mock_sqs(seed=1) as same, mock_sqs(seed=2) as other:
            assert same is outer
            assert other is not outer
            assert names() == []
        with mock_sqs(world=outer):
            assert names() == ["outer"]
        with mock_sqs(sleep=False):
            assert names() == []
        assert names() == ["outer"]


def test_entries_of_several_threads_share_the_world_and_may_end_in_any_order():
    first, second = mock_sqs(), mock_sqs()
    first.start().create_queue("orders")
    started, found = threading.Event(), []

    def other():
        second.start()
        started.set()
        found.append(names())

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    first.stop()
    assert found == [["orders"]]
    assert names() == ["orders"]
    second.stop()
    with pytest.raises(NoCredentialsError):
        names()


def test_a_world_may_be_given():
    world = minisqs.World(seed=7)
    world.create_queue("mine")
    with mock_sqs(world=world) as given:
        assert given is world
        assert names() == ["mine"]


# ----------------------------------------------------------------------------------------------------- regions
def test_each_region_has_queues_of_its_own_and_they_share_the_time():
    elsewhere = SESSION.client("sqs", region_name="eu-west-1")
    with mock_sqs(region="us-east-1") as world:
        url = elsewhere.create_queue(QueueName="there")["QueueUrl"]
        assert url == "https://sqs.eu-west-1.amazonaws.com/123456789012/there"
        assert (names(elsewhere), names()) == (["there"], [])
        with pytest.raises(MADE_BEFORE.exceptions.QueueDoesNotExist):
            MADE_BEFORE.send_message(QueueUrl=url, MessageBody="the host of a URL is not looked at")
        elsewhere.receive_message(QueueUrl=url, WaitTimeSeconds=20)
        names()
        assert world.clock.seconds == 20


def test_the_world_is_of_the_region_of_the_environment_and_takes_clients_of_made_up_ones(monkeypatch):
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    with mock_sqs() as world:
        world.create_queue("orders")
        assert names(SESSION.client("sqs", region_name="eu-central-1")) == ["orders"]
        assert names(SESSION.client("sqs", region_name="elasticmq", endpoint_url="http://localhost:9324")) == ["orders"]


# ------------------------------------------------------------------------------------------------------ faults
def test_lost_answers_and_errors_are_tried_again_by_botocore_and_its_sleeps_are_simulated():
    def run(**options):
        client = SESSION.client("sqs", config=Config(**options))
        with mock_sqs(seed=3, faults={"lost_answer": 0.2, "api_error": 0.2}, start=0) as world:
            url = world.create_queue("orders").url
            attempts = [
                client.send_message(QueueUrl=url, MessageBody=str(number))["ResponseMetadata"]["RetryAttempts"]
                for number in range(20)
            ]
            return attempts, world.clock.now_ns, len(world.queue("orders").messages())

    standard = run(retries={"mode": "standard", "max_attempts": 10})
    assert run(retries={"mode": "standard", "max_attempts": 10}) == standard
    attempts, now_ns, stored = standard
    assert max(attempts) > 0
    assert now_ns > 0
    assert stored > 20  # an answer that is lost is a send that is done twice
    assert run(retries={"mode": "legacy", "max_attempts": 10})[0] == attempts


def test_what_boto3_gives_up_on_reaches_the_caller_as_botocore_raises_it():
    once = SESSION.client("sqs", config=Config(retries={"total_max_attempts": 1}))
    raised = []
    with mock_sqs(seed=1, faults={"lost_answer": 0.4, "api_error": 0.4}) as world:
        url = world.create_queue("orders").url
        for _ in range(20):
            try:
                once.send_message(QueueUrl=url, MessageBody="x")
            except (ClientError, ConnectionClosedError) as error:
                raised.append(error)
    assert {type(error) for error in raised} == {ClientError, ConnectionClosedError}
    statuses = {error.response["ResponseMetadata"]["HTTPStatusCode"] for error in raised if type(error) is ClientError}
    assert statuses == {500}


def test_throttled_calls_are_tried_again_after_simulated_sleeps():
    with mock_sqs(fifo_quotas=True) as world:
        url = world.create_queue("q.fifo", fifo_queue=True).url
        attempts = [
            MADE_BEFORE.send_message(
                QueueUrl=url, MessageBody="x", MessageGroupId="g", MessageDeduplicationId=str(number)
            )["ResponseMetadata"]["RetryAttempts"]
            for number in range(301)
        ]
        assert attempts[:300] == [0] * 300
        assert attempts[300] > 0


# --------------------------------------------------------------------------------------------------------- moto
@pytest.mark.parametrize("faults", [None, {"lost_answer": 0.2}])
@pytest.mark.parametrize("is_outside", [True, False])
def test_beside_moto_sqs_is_answered_here_and_other_services_by_moto(faults, is_outside):
    ours = mock_sqs(seed=1, faults=faults)
    with contextlib.ExitStack() as stack:
        for mock in (moto.mock_aws(), ours) if is_outside else (ours, moto.mock_aws()):
            stack.enter_context(mock)
        client = SESSION.client("sqs")
        url = client.create_queue(QueueName="orders")["QueueUrl"]
        for _ in range(10):
            client.send_message(QueueUrl=url, MessageBody="hello")
        assert len(ours.world.queue("orders").messages()) >= 10
        assert SESSION.client("sns").list_topics()["Topics"] == []


# ------------------------------------------------------------------------------------------------------- checks
class Shop:
    """Posts what it charges for in a second queue, and reads that at once."""

    def __init__(self):
        self.charged = []

    def handler(self, event, context):
        client = SESSION.client("sqs")
        url = client.create_queue(QueueName="paid")["QueueUrl"]
        for record in event["Records"]:
            client.send_message(QueueUrl=url, MessageBody=record["body"])
        for message in client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            self.charged.append(message["Body"])
            client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    def observe(self):
        return sorted(self.charged)


def test_in_a_check_boto3_is_answered_by_the_world_of_the_check():
    with pytest.raises(minisqs.CheckFailed) as failed:
        minisqs.check(Shop, ["order-1"], faults=["kill"])
    assert failed.value.report.got == ["order-1", "order-1"]
    with pytest.raises(NoCredentialsError):
        MADE_BEFORE.list_queues()


def test_in_a_check_an_answer_that_is_lost_is_tried_again_by_botocore():
    with pytest.raises(minisqs.CheckFailed) as failed:
        minisqs.check(Shop, ["order-1"], faults=["lost_answer"])
    assert failed.value.report.got == ["order-1", "order-1"]


def test_a_check_inside_of_mock_sqs_has_its_own_world():
    with mock_sqs() as world:
        world.create_queue("orders")
        assert minisqs.run(Shop, ["order-1"], seed=1, faults=None).state == ["order-1"]
        assert names() == ["orders"]


class Nested:
    @mock_sqs
    def handler(self, event, context):
        pass

    def observe(self):
        return None


def test_mock_sqs_inside_of_a_check_is_refused():
    with pytest.raises(minisqs.UsageError, match="the check's own answers boto3 by itself"):
        minisqs.perfect(Nested, ["a"])
