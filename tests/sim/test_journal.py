import pytest

from minisqs import Consumer, RedrivePolicy, World, errors
from minisqs.engine.identifiers import Identifiers
from minisqs.sim.journal import Journal

START = 5_000_000_000
IDENTIFIERS = Identifiers(b"seed")


def record(number, place=0, cause=""):
    return (START + number, "SendMessage", "https://host/123/orders", "main", place, 2, "main", cause)


def test_an_entry_tells_when_what_where_who_and_why():
    journal = Journal(IDENTIFIERS, START, 10)
    journal.write(record(1_500_000_000, 3, "because"))
    [entry] = journal
    assert (entry.time_ns, entry.seconds) == (START + 1_500_000_000, 1.5)
    assert (entry.action, entry.queue, entry.caller, entry.cause) == ("SendMessage", "orders", "main", "because")
    assert (entry.message, entry.receive_count, len(entry.message_id)) == ("main/3", 2, 36)
    assert str(entry) == (f"1.500000000 main SendMessage orders main/3 {entry.message_id} receive_count=2: because")


def test_an_entry_about_no_message_has_none():
    journal = Journal(IDENTIFIERS, START, 10)
    journal.write((START, "ListQueues", "", "", 0, 0, "", ""))
    assert (journal[0].message, journal[0].message_id, journal[0].queue) == ("", "", "")
    assert journal.text() == "0.000000000 - ListQueues -\n"


@pytest.mark.parametrize(("length", "kept"), [(None, [0, 1, 2, 3]), (3, [1, 2, 3]), (1, [3]), (0, [])])
def test_a_journal_keeps_the_latest_entries(length, kept):
    journal = Journal(IDENTIFIERS, START, length)
    for number in range(4):
        journal.write(record(number))
    assert [entry.time_ns - START for entry in journal] == kept
    assert len(journal) == len(kept)
    assert len(journal.text().splitlines()) == len(kept)


def test_a_journal_is_a_sequence():
    journal = Journal(IDENTIFIERS, START, None)
    for number in range(4):
        journal.write(record(number))
    assert journal[-1] == list(journal)[3]
    assert journal[1:3] == list(journal)[1:3]
    assert journal[0] in journal
    with pytest.raises(IndexError):
        journal[4]
    journal.clear()
    assert list(journal) == []


def test_a_journal_may_be_read_while_it_is_written():
    journal = Journal(IDENTIFIERS, START, None)
    journal.write(record(0))
    for _ in journal:
        journal.write(record(1))
    assert len(journal) == 2


def actions(world):
    return [(entry.seconds, entry.caller, entry.action, entry.queue, entry.message) for entry in world.journal]


def test_a_world_writes_down_every_call_and_what_falls_due_by_itself():
    world = World()
    bad = world.create_queue("bad")
    queue = world.create_queue("orders", redrive_policy=RedrivePolicy(bad, 1), message_retention_period=60)
    queue.send("a", delay_seconds=1)
    world.advance(1)
    queue.receive(visibility_timeout=2)[0].change_visibility(3)
    world.advance(3)
    assert queue.receive() == []
    bad.receive()[0].delete()
    queue.send_batch(["b"])
    world.advance(60)
    queue.purge()
    world.delete_queue(queue)
    assert actions(world) == [
        (0, "main", "CreateQueue", "bad", ""),
        (0, "main", "CreateQueue", "orders", ""),
        (0, "main", "SendMessage", "orders", "main/1"),
        (1, "", "delay ended", "orders", "main/1"),
        (1, "main", "ReceiveMessage", "orders", "main/1"),
        (1, "main", "ChangeMessageVisibility", "orders", "main/1"),
        (4, "", "visibility timeout ended", "orders", "main/1"),
        (4, "main", "moved to another queue", "orders", "main/1"),
        (4, "main", "ReceiveMessage", "orders", ""),
        (4, "main", "ReceiveMessage", "bad", "main/1"),
        (4, "main", "DeleteMessage", "bad", "main/1"),
        (4, "main", "SendMessageBatch", "orders", "main/2"),
        (64, "", "retention period ended", "orders", "main/2"),
        (64, "main", "PurgeQueue", "orders", ""),
        (64, "main", "DeleteQueue", "orders", ""),
    ]
    causes = {entry.action: entry.cause for entry in world.journal if entry.cause}
    assert causes == {
        "ChangeMessageVisibility": "hidden for 3 s",
        "moved to another queue": "received once, maxReceiveCount is 1: now in bad",
        "ReceiveMessage": "nothing to receive",
    }


def test_refusals_are_written_down_with_code_and_text():
    world = World()
    queue = world.create_queue("orders")
    with pytest.raises(errors.MissingParameter):
        queue.send("")
    queue.send_batch(["", "a"])
    causes = [entry.cause for entry in world.journal if entry.cause]
    text = "MissingParameter: The request must contain the parameter"
    assert causes == [
        f"refused: {text} MessageBody.",
        f"entry 0 refused: {text} SendMessageBatchRequestEntry.1.MessageBody.",
    ]


def test_a_function_that_raised_is_written_down_by_its_consumer():
    world = World()
    queue = world.create_queue("orders")
    queue.send("a")

    def fail(message):
        raise ValueError("no address")

    Consumer(queue, fail, name="mailer").poll()
    entry = world.journal[-1]
    assert (entry.caller, entry.action, entry.message, entry.cause) == (
        "mailer", "function raised", "main/1", "ValueError: no address",
    )  # fmt: skip


def test_the_same_calls_write_the_same_text_and_another_seed_other_ids():
    def text(seed):
        world = World(seed=seed)
        queue = world.create_queue("orders")
        queue.send("a")
        queue.receive()
        return world.journal.text()

    assert text(1) == text(1)
    assert text(1) != text(2)
    assert text("1") != text(1)


def test_a_journal_is_in_order_of_time_when_a_shorter_retention_ends_messages():
    world = World()
    queue = world.create_queue("orders")
    queue.send("a")
    world.advance(100)
    queue.set_attributes(message_retention_period=60)
    assert [entry.seconds for entry in world.journal] == [0, 0, 100, 100]


def test_a_journal_is_in_order_of_time_when_a_message_is_moved_that_is_too_old_for_the_dead_letter_queue():
    world = World()
    dead = world.create_queue("dead", message_retention_period=60)
    queue = world.create_queue("orders", visibility_timeout=0, redrive_policy=RedrivePolicy(dead, 1))
    queue.send("a")
    world.advance(100)
    queue.receive()
    queue.receive()
    times = [entry.time_ns for entry in world.journal]
    assert times == sorted(times)
    assert dead.messages() == []
