from datetime import UTC, datetime, timedelta, timezone

import pytest

import minisqs
from minisqs import Consumer, Faults, Plan, World, errors

SECOND = 1_000_000_000


def test_a_world_begins_at_the_start_of_2025():
    assert World().clock.now_ns == 1_735_689_600 * SECOND


@pytest.mark.parametrize(
    ("start", "now_ns"),
    [
        (0, 0),
        (1.5, 1_500_000_000),
        (1_735_689_600, 1_735_689_600 * SECOND),
        (datetime(1970, 1, 2, tzinfo=UTC), 86_400 * SECOND),
        (datetime(1970, 1, 1, 1, tzinfo=timezone(timedelta(hours=1))), 0),
        (datetime(2025, 1, 1, 0, 0, 0, 123_456, tzinfo=UTC), 1_735_689_600_123_456_000),
    ],
)
def test_a_world_may_begin_at_another_time(start, now_ns):
    world = World(start=start)
    assert world.clock.now_ns == now_ns
    queue = world.create_queue("orders")
    queue.send("a")
    [message] = queue.receive()
    assert message.attributes["SentTimestamp"] == str(now_ns // 1_000_000)


@pytest.mark.parametrize("start", [datetime(2025, 1, 1), "2025-01-01", None, True, -1, float("nan")])  # noqa: DTZ001
def test_a_start_without_a_zone_or_of_another_type_is_refused(start):
    with pytest.raises(errors.UsageError):
        World(start=start)


@pytest.mark.parametrize("seed", [None, 0, -1, 2**100, "", "name"])
def test_a_seed_is_a_number_or_a_text(seed):
    one, same = (World(seed=seed).create_queue("q").send("a").message_id for _ in range(2))
    assert one == same


@pytest.mark.parametrize("seed", [1.5, True, b"x", [1], object()])
def test_another_seed_is_refused(seed):
    with pytest.raises(errors.UsageError, match="a seed is a whole number or a text"):
        World(seed=seed)


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-2", "us-gov-west-1", "ap-southeast-10"])
def test_a_region_is_part_of_urls_and_arns(region):
    queue = World(region=region, account_id="000000000001").create_queue("orders")
    assert queue.url == f"https://sqs.{region}.amazonaws.com/000000000001/orders"
    assert queue.arn == f"arn:aws:sqs:{region}:000000000001:orders"


@pytest.mark.parametrize("region", ["", "US-EAST-1", "us_east_1", "us-east", "us-east-1 ", None, 1])
def test_another_region_is_refused(region):
    with pytest.raises(errors.UsageError, match="region is a name such as us-east-1"):
        World(region=region)


@pytest.mark.parametrize("account_id", ["", "12345678901", "1234567890123", "12345678901x", 123456789012, None])
def test_an_account_is_twelve_digits(account_id):
    with pytest.raises(errors.UsageError, match="account_id is a text of twelve digits"):
        World(account_id=account_id)


@pytest.mark.parametrize(("name", "lowest", "bad"), [("in_flight_limit", 1, [0, None]), ("journal_length", 0, [-1])])
def test_lengths_and_limits_are_whole_numbers(name, lowest, bad):
    World(**{name: lowest})
    for value in (*bad, 1.5, "1", True):
        with pytest.raises(errors.UsageError, match=f"{name} is a whole number of {lowest} or more"):
            World(**{name: value})


def test_the_journal_may_be_kept_whole_or_not_at_all():
    for length, kept in ((None, 20_001), (10_000, 10_000), (0, 0)):
        world = World(journal_length=length)
        queue = world.create_queue("orders")
        for _ in range(20_000):
            queue.send("a")
        assert len(world.journal) == kept


@pytest.mark.parametrize("seconds", [0, 1, 0.5, 1e-9, 10**9])
def test_time_advances_by_what_is_said(world, seconds):
    before = world.clock.now_ns
    world.advance(seconds)
    assert world.clock.now_ns - before == round(seconds * SECOND)


@pytest.mark.parametrize("seconds", [-1, None, "1", True, float("inf"), float("nan"), timedelta(1)])
def test_time_advances_by_nothing_else(world, seconds):
    before = world.clock.now_ns
    with pytest.raises(errors.UsageError, match="a length of time"):
        world.advance(seconds)
    assert world.clock.now_ns == before


def test_a_send_runs_nobodys_work(world, queue):
    received = []
    Consumer(queue, received.append).start()
    queue.send("a")
    assert received == []
    world.advance(0)
    assert len(received) == 1


def test_a_world_is_idle_when_only_empty_polls_are_left(world, queue):
    Consumer(queue, lambda message: None, duration=3).start()
    queue.send("a", delay_seconds=5)
    world.run_until_idle()
    assert world.clock.seconds == 8
    assert queue.counts == (0, 0, 0)
    world.run_until_idle()
    assert world.clock.seconds == 8


def test_messages_in_a_queue_that_nobody_polls_keep_nobody_busy(world, queue):
    queue.send("a")
    queue.send("b", delay_seconds=7)
    queue.receive(visibility_timeout=9)
    world.run_until_idle()
    assert world.clock.seconds == 9
    assert queue.counts == (2, 0, 0)


def fail(message):
    raise ValueError(message.body)


def test_a_message_that_always_fails_never_settles_and_is_named(world, queue):
    Consumer(queue, fail, name="mailer").start()
    queue.send("a")
    with pytest.raises(
        errors.NeverSettled, match=r"mailer on orders \(\d+ events\).*queue orders \(\d+ events\)"
    ) as caught:
        world.run_until_idle(max_seconds=600)
    assert world.clock.seconds <= 600
    assert "A message that always fails needs a redrive policy" in str(caught.value)


def test_a_run_may_be_given_up_after_so_many_events(world, queue):
    Consumer(queue, fail).start()
    queue.send("a")
    with pytest.raises(errors.NeverSettled):
        world.run_until_idle(max_events=3)


def test_the_time_to_settle_is_counted_from_the_last_fault():
    # The work ends at 60 s with a delete that a server missed; the copy comes at 130 s and takes until 190 s.
    world = World(faults=Plan({("duplicate_after_delete", "main/1", 0): 2}))
    queue = world.create_queue("orders", visibility_timeout=70)
    Consumer(queue, lambda message: None, duration=60).start()
    queue.send("a")
    world.run_until_idle(max_seconds=100)
    assert world.clock.seconds == 190
    assert queue.counts == (0, 0, 0)


@pytest.mark.parametrize("seconds", [-1, None, "1", True])
def test_a_limit_of_a_run_is_a_length_of_time(world, seconds):
    with pytest.raises(errors.UsageError):
        world.run_until_idle(max_seconds=seconds)


def test_a_queue_is_one_object_as_long_as_it_exists(world, queue):
    assert world.queue("orders") is world.queue(queue.url) is world.create_queue("orders") is queue
    assert world.queues() == [queue]
    world.delete_queue(queue)
    assert world.queues() == []
    with pytest.raises(errors.QueueDoesNotExist):
        world.queue("orders")
    world.advance(60)
    assert world.create_queue("orders") is not queue


def test_a_queue_is_deleted_by_itself_its_name_or_its_url(world):
    for form in (lambda queue: queue, lambda queue: queue.name, lambda queue: queue.url):
        world.delete_queue(form(world.create_queue("orders")))
        assert world.queues() == []
        world.advance(60)


def test_two_worlds_know_nothing_of_each_other():
    one, other = World(), World()
    one.create_queue("orders").send("a")
    assert other.queues() == []
    one.advance(1)
    assert other.clock.seconds == 0


def test_a_world_tells_what_it_is(world, queue):
    world.advance(1.5)
    assert repr(world) == "<World of 1 queues after 1.5 s>"


def test_faults_may_be_names_or_rates():
    assert World(faults=["miss"]).sqs.source._rates["miss"] == 0.1
    assert World(faults="miss").sqs.source._rates["miss"] == 0.1
    assert World(faults=Faults(miss=0.5)).sqs.source._rates["miss"] == 0.5
    assert World(faults=[]).sqs.source is None


def test_every_public_name_is_there():
    for name in minisqs.__all__:
        assert getattr(minisqs, name) is not None
        assert name in dir(minisqs)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        minisqs.nothing  # noqa: B018


@pytest.mark.parametrize("year", [1960, 2150, 9000])
def test_a_world_works_or_refuses_to_begin_whatever_its_year(year):
    try:
        world = World(start=datetime(year, 1, 1, tzinfo=UTC))
    except errors.UsageError:
        return
    queue = world.create_queue("q", message_retention_period=60)
    queue.send("a")
    queue.purge()
    queue.send("b")
    assert queue.receive(visibility_timeout=0)[0].receipt_handle
    world.advance(60)
    assert queue.messages() == []


def test_a_run_given_up_names_the_queue_whose_deadline_is_too_late():
    world = World()
    queue = world.create_queue("slow-orders")
    queue.send("a", delay_seconds=30)
    with pytest.raises(errors.NeverSettled, match="slow-orders"):
        world.run_until_idle(max_seconds=10)
