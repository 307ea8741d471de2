"""Each legal misbehaviour, planned by its address, does exactly what is said of it."""

import pytest

import minisqs
from minisqs import Consumer, Faults, Plan, Producer, World, errors
from minisqs.engine import decisions as chance
from minisqs.sim import faults

SECOND = 1_000_000_000
DAY = 86_400
EVERYTHING = Faults(duplicate=0.3, reorder=0.5, miss=0.5, stale_delete=0.5, tie=0.5)


def planned(*choices, **attributes):
    """A world in which just these go wrong, and its queue."""
    world = World(faults=Plan({address: answer for *address, answer in choices for address in [tuple(address)]}))
    return world, world.create_queue("orders", **attributes)


def bodies(messages):
    return [message.body for message in messages]


def told(world):
    """What the journal says went wrong."""
    return [(entry.action, entry.message, entry.cause) for entry in world.journal if entry.action.startswith("fault")]


# ------------------------------------------------------------------------------------------------ duplicate
def test_a_duplicate_is_received_again_while_the_first_delivery_is_in_flight():
    """sqs.md 6.5"""
    world, queue = planned(("duplicate", "main/1", 0, 1))
    queue.send_batch(["a", "b"])
    first = queue.receive(10)
    assert bodies(first) == ["a", "b"]
    assert queue.counts == (1, 1, 0)
    [copy] = queue.receive(10)
    assert (copy.body, copy.message_id, copy.receive_count) == ("a", first[0].message_id, 2)
    assert copy.receipt_handle != first[0].receipt_handle
    assert queue.counts == (0, 2, 0)
    assert told(world) == [("fault: duplicate", "main/1", "it is shown again at once, beside the delivery in flight")]
    world.check_replayed()
    world.check_invariants()


def test_a_duplicate_at_the_second_receive_comes_at_the_second_receive():
    _, queue = planned(("duplicate", "main/1", 1, 1))
    queue.send("a")
    assert [len(queue.receive(visibility_timeout=0)) for _ in range(2)] == [1, 1]
    _, queue = planned(("duplicate", "main/1", 1, 1), visibility_timeout=1)
    queue.send("a")
    assert [len(queue.receive()), len(queue.receive())] == [1, 0]


def test_one_delete_ends_a_message_that_was_delivered_twice():
    world, queue = planned(("duplicate", "main/1", 0, 1))
    queue.send("a")
    [first], [copy] = queue.receive(), queue.receive()
    first.delete()
    copy.delete()
    world.advance(DAY)
    assert queue.receive() == []
    world.check_invariants()


# ----------------------------------------------------------------------------------- duplicate_after_delete
@pytest.mark.parametrize(
    ("answer", "seconds", "words"),
    [(1, 0, "at once"), (2, 30, "after a visibility timeout"), (3, 300, "after 5 minutes"), (4, 3600, "after an hour"),
     (5, DAY, "after a day")],
)  # fmt: skip
def test_a_copy_comes_back_after_the_delete_when_its_delay_ends(answer, seconds, words):
    """sqs.md 6.5"""
    world, queue = planned(("duplicate_after_delete", "main/1", 0, answer))
    queue.send("a")
    [message] = queue.receive()
    world.advance(7)
    message.delete()
    if seconds:
        assert (queue.counts, queue.messages()) == ((0, 0, 0), [])
        world.sqs.kernel.run_until(world.clock.now_ns + seconds * SECOND - 1)
        assert queue.receive() == []
        world.sqs.kernel.run_until(world.clock.now_ns + 1)
    [copy] = queue.receive()
    assert (copy.body, copy.message_id, copy.receive_count) == ("a", message.message_id, 2)
    assert told(world) == [
        ("fault: duplicate_after_delete", "main/1", f"a server missed the delete; its copy is shown again {words}")
    ]
    world.check_invariants()


def test_a_copy_may_come_back_one_nanosecond_before_retention_ends():
    world, queue = planned(("duplicate_after_delete", "main/1", 0, 6), message_retention_period=60)
    queue.send("a")
    [message] = queue.receive()
    message.delete()
    world.sqs.kernel.run_until(world.clock.now_ns + 60 * SECOND - 2)
    assert queue.receive() == []
    world.sqs.kernel.run_until(world.clock.now_ns + 1)
    assert len(queue.receive(visibility_timeout=0)) == 1
    world.sqs.kernel.run_until(world.clock.now_ns + 1)
    assert queue.receive() == []
    world.check_invariants()


@pytest.mark.parametrize("answer", range(1, 7))
def test_a_delete_in_the_last_nanosecond_of_retention_leaves_no_copy(answer):
    world, queue = planned(("duplicate_after_delete", "main/1", 0, answer), message_retention_period=60)
    queue.send("a")
    [message] = queue.receive(visibility_timeout=100)
    world.sqs.kernel.run_until(world.clock.now_ns + 60 * SECOND - 1)
    message.delete()
    assert queue.receive() == []


@pytest.mark.parametrize("answer", range(1, 7))
def test_a_stray_copy_cannot_be_hidden_deleted_or_seen_before_it_comes_and_goes_with_a_purge(answer):
    world, queue = planned(("duplicate_after_delete", "main/1", 0, answer))
    queue.send("a")
    [message] = queue.receive()
    message.delete()
    if answer > 1:
        message.delete()
        with pytest.raises(errors.InvalidParameterValue):
            message.change_visibility(1)
    queue.purge()
    world.advance(4 * DAY)
    assert queue.receive() == []
    world.check_invariants()


def test_a_world_waits_for_a_copy_before_it_is_idle():
    world, queue = planned(("duplicate_after_delete", "main/1", 0, 4))
    queue.send("a")
    queue.receive()[0].delete()
    world.run_until_idle()
    assert world.clock.seconds == 3600
    assert queue.counts == (1, 0, 0)


# -------------------------------------------------------------------------------------------------- reorder
@pytest.mark.parametrize(("answer", "order"), [(1, "bacd"), (2, "cabd"), (3, "dabc"), (99, "dabc")])
def test_another_message_than_the_oldest_is_handed_out_first(answer, order):
    """sqs.md 6.4"""
    world, queue = planned(("reorder", "main/1", 0, answer))
    queue.send_batch(list("abcd"))
    assert "".join(bodies(queue.receive(10))) == order
    assert [action for action, _, _ in told(world)] == ["fault: reorder"]
    assert world.choices == {("reorder", "main/1", 0): min(answer, 3)}


def test_a_message_that_was_passed_over_is_the_oldest_again():
    _, queue = planned(("reorder", "main/1", 0, 1))
    queue.send_batch(list("abc"))
    assert [bodies(queue.receive()) for _ in range(3)] == [["b"], ["a"], ["c"]]


# ----------------------------------------------------------------------------------------------------- miss
@pytest.mark.parametrize("answer", range(1, 16))
def test_a_short_poll_misses_the_messages_on_some_servers_and_the_next_finds_them(answer):
    """sqs.md 6.2"""
    world, queue = planned(("miss", "orders", 0, answer), ("miss", "orders", 1, answer))
    queue.send_batch([str(n) for n in range(1, 11)])
    seen = [str(n) for n in range(1, 11) if not answer >> chance.server_of(f"main/{n}") & 1]
    assert bodies(queue.receive(10)) == seen
    assert len(seen) + len(queue.receive(10)) == 10
    asked = 4 - answer.bit_count()
    assert told(world)[0] == ("fault: miss", "", f"the poll asks {asked} of the queue's 4 servers")
    world.check_invariants()


def test_a_long_poll_asks_all_servers():
    """sqs.md 6.3"""
    world, queue = planned(("miss", "orders", 0, 15))
    queue.send("a")
    assert bodies(queue.receive(wait_time_seconds=1)) == ["a"]
    assert world.choices == {}


# --------------------------------------------------------------------------------------------- stale_delete
def test_a_delete_with_an_older_handle_may_not_stick():
    """sqs.md 5.3"""
    world, queue = planned(("stale_delete", "main/1", 0, 1))
    queue.send("a")
    [old] = queue.receive(visibility_timeout=0)
    [new] = queue.receive()
    old.delete()
    assert queue.counts == (0, 1, 0)
    assert [action for action, _, _ in told(world)] == ["fault: stale_delete"]
    old.delete()
    assert queue.counts == (0, 0, 0)
    new.delete()


def test_a_delete_with_the_newest_handle_always_sticks():
    world = World(faults=Faults(stale_delete=1))
    queue = world.create_queue("orders")
    queue.send("a")
    queue.receive(visibility_timeout=0)
    queue.receive()[0].delete()
    assert (queue.counts, world.choices) == ((0, 0, 0), {})


# ------------------------------------------------------------------------------------------------------ tie
@pytest.mark.parametrize(("choices", "first"), [((), "one"), ((("tie", "one", 0, 1),), "two")])
def test_events_of_one_nanosecond_go_as_planned(choices, first):
    world, _ = planned(*choices)
    happened = []
    for name in ("one", "two"):
        world.sqs.kernel.at(world.clock.now_ns + 5, lambda name=name: happened.append(name), label=name)
    world.advance(1)
    assert happened[0] == first
    assert sorted(happened) == ["one", "two"]
    assert len(told(world)) == len(choices)


# ----------------------------------------------------------------------------------------- all of them at once
def story(world):
    """A run with two producers and two consumers of a kind; the bodies as they were received."""
    queue = world.create_queue("orders", visibility_timeout=5)
    received = []
    producers = [Producer(queue, name=name) for name in ("red", "blue")]
    for number in range(10):
        for producer in producers:
            producer.send(f"{producer.name} {number}")
    for _ in range(60):
        for message in queue.receive(3):
            received.append(message.body)
            if message.receive_count > 1 or message.body.endswith(("1", "4")):
                message.delete()
        world.advance(1)
    return received


def test_the_perfect_queue_asks_nothing():
    world = World(seed=1)
    received = story(world)
    assert world.sqs.source is None
    assert world.choices == {}
    assert told(world) == []
    assert received[:3] == ["red 0", "blue 0", "red 1"]
    world.check_replayed()


def test_a_world_in_which_nothing_is_planned_is_the_perfect_one():
    perfect, empty = World(seed=1), World(seed=1, faults=Plan({}))
    assert story(perfect) == story(empty)
    assert perfect.journal.text() == empty.journal.text()


def test_the_same_seed_makes_the_same_choices():
    texts, choices = set(), []
    for _ in range(2):
        world = World(seed=7, faults=EVERYTHING)
        story(world)
        texts.add(world.journal.text())
        choices.append(world.choices)
    assert len(texts) == 1
    assert choices[0] == choices[1]
    assert {address.kind for address in choices[0]} >= {"duplicate", "duplicate_after_delete", "reorder", "miss"}


def test_another_seed_makes_other_choices():
    worlds = [World(seed=seed, faults=EVERYTHING) for seed in (7, 8)]
    stories = [story(world) for world in worlds]
    assert worlds[0].choices != worlds[1].choices
    assert stories[0] != stories[1]


@pytest.mark.parametrize("seed", range(5))
def test_the_choices_of_a_run_make_the_same_run_again(seed):
    world = World(seed=seed, faults=EVERYTHING)
    story(world)
    again = World(seed=seed, faults=Plan(world.choices))
    story(again)
    assert again.journal.text() == world.journal.text()
    assert again.choices == world.choices
    again.check_replayed()


def test_a_plan_whose_address_never_came_up_is_refused():
    world, queue = planned(("duplicate", "main/2", 0, 1))
    queue.send("a")
    queue.receive()
    with pytest.raises(errors.UsageError, match=r"\('duplicate', 'main/2', 0\) never came up"):
        world.check_replayed()


def kept(seed, left_out):
    """Ids and duplicates of blue's messages, in a world in which red sends some of its own or not."""
    world = World(seed=seed, faults=Faults(duplicate=0.4))
    queue = world.create_queue("orders")
    red, blue = Producer(queue, name="red"), Producer(queue, name="blue")
    ids = []
    for number in range(10):
        if number not in left_out:
            red.send(f"red {number}")
        ids.append(blue.send(f"blue {number}").message_id)
    for _ in range(4):
        for _ in range(3):
            queue.receive(10)
        world.advance(30)
    duplicates = {address: answer for address, answer in world.choices.items() if address.subject.startswith("blue/")}
    # How often a copy comes moves how often a message is received; the first occasion is the same in every run.
    return ids, {address for address in duplicates if address.occurrence == 0}


@pytest.mark.parametrize("left_out", [{0}, {3}, {9}, set(range(10))])
def test_leaving_a_message_out_changes_no_id_and_no_choice_of_another_producer(left_out):
    assert kept(3, left_out) == kept(3, set())


def test_leaving_out_the_last_message_changes_nothing_of_those_before():
    def run(count):
        world = World(seed=5, faults=Faults(duplicate=0.5))
        queue = world.create_queue("orders")
        ids = [queue.send(str(number)).message_id for number in range(count)]
        queue.receive(10)
        return ids, world.choices

    long, short = run(10), run(9)
    assert short[0] == long[0][:9]
    assert short[1] == {address: answer for address, answer in long[1].items() if address.subject != "main/10"}


# ------------------------------------------------------------------------------------------- faults as data
@pytest.mark.parametrize("name", faults.FAULTS)
def test_each_fault_has_a_rate_and_names_what_permits_it(name):
    assert getattr(Faults(), name) == 0
    assert getattr(Faults.named([name]), name) == faults.DEFAULT_RATE
    assert Faults.named(name) == Faults.named([name])
    fault = faults.FAULTS[name]
    assert fault.questions
    assert fault.what
    assert fault.permitted_by
    for question in fault.questions:
        assert Faults(**{name: 0.5}).by_question()[question] == 0.5
        assert faults.in_words(question, 1)


@pytest.mark.parametrize("name", faults.FAULTS)
@pytest.mark.parametrize("rate", [-0.1, 1.1, "0.5", None, True, float("nan"), [0.5]])
def test_a_rate_is_a_number_from_0_to_1(name, rate):
    with pytest.raises(errors.UsageError, match=f"the rate of the fault '{name}' is a number from 0 to 1"):
        Faults(**{name: rate})


@pytest.mark.parametrize("given", [["duplicates"], "miss ", [""], [1]])
def test_what_is_no_fault_is_refused_by_name(given):
    with pytest.raises(errors.UsageError, match="is not a fault; the faults are duplicate, reorder, miss"):
        World(faults=given)


@pytest.mark.parametrize("given", [1, 1.5, True, object()])
def test_faults_are_names_rates_or_a_plan(given):
    with pytest.raises(errors.UsageError, match="faults are names, Faults or a Plan"):
        World(faults=given)


@pytest.mark.parametrize(
    ("answer", "ordinal"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th"), (21, "21st")]
)
def test_faults_are_told_in_words(answer, ordinal):
    assert faults.in_words("tie", answer) == f"the {ordinal} event behind it happens first"


def test_consumers_get_everything_despite_every_fault_but_ties():
    world = World(seed=2, faults=Faults(duplicate=0.3, reorder=0.5, miss=0.5, stale_delete=0.5))
    queue = world.create_queue("orders")
    received = set()
    consumer = Consumer(queue, lambda message: received.add(message.body))
    consumer.start()
    for number in range(30):
        queue.send(str(number))
    world.run_until_idle(max_seconds=10 * DAY)
    assert received == {str(number) for number in range(30)}
    assert queue.counts == (0, 0, 0)
    assert minisqs.Plan(world.choices).choices == world.choices


# ------------------------------------------------------------------------------------------------------ legal
EVERYWHERE = {("standard", "lambda"), ("standard", "process"), ("fifo", "lambda"), ("fifo", "process")}
ON_STANDARD = {("standard", "lambda"), ("standard", "process")}
ON_LAMBDA = {("standard", "lambda"), ("fifo", "lambda")}
ON_PROCESSES = {("standard", "process"), ("fifo", "process")}

WHERE = {
    "duplicate": ON_STANDARD,
    "reorder": ON_STANDARD,
    "miss": ON_STANDARD,
    "stale_delete": ON_STANDARD,
    "stale_counts": ON_STANDARD,
    "lost_answer": EVERYWHERE,
    "api_error": EVERYWHERE,
    "partial": EVERYWHERE,
    "kill": EVERYWHERE,
    "interrupt": ON_PROCESSES,
    "stall": EVERYWHERE,
    "overlap": EVERYWHERE,
    "recycle": ON_LAMBDA,
    "split": ON_LAMBDA,
    "throttle": ON_LAMBDA,
    "tie": EVERYWHERE,
    "skew": ON_PROCESSES,
}
"""The column "where" of the design's table of faults."""

WHILE_THE_LEASE_LASTS = {
    **WHERE,
    "stall": set(),  # it ends past the lease
    "overlap": ON_STANDARD,  # on FIFO only once the lease has ended
}
"""The same where the visibility timeout cannot end while the work is under way."""


def test_the_table_has_all_faults_in_order():
    assert list(WHERE) == list(faults.FAULTS)


@pytest.mark.parametrize("name", WHERE)
@pytest.mark.parametrize(("lease_may_end", "table"), [(True, WHERE), (False, WHILE_THE_LEASE_LASTS)])
def test_a_fault_is_legal_where_the_table_says_and_nowhere_else(name, lease_may_end, table):
    allowed = {
        (queue, consumer)
        for queue in faults.QUEUES
        for consumer in faults.CONSUMERS
        if faults.legal(name, queue, consumer, lease_may_end=lease_may_end)
    }
    assert allowed == table[name]


def test_only_what_is_unusual_has_to_be_asked_for_by_name():
    assert {name for name, fault in faults.FAULTS.items() if fault.opt_in} == {"interrupt", "skew"}


def test_what_acts_between_statements_needs_more_than_a_world():
    in_code = {name for name, fault in faults.FAULTS.items() if fault.in_code}
    assert in_code == {"kill", "interrupt", "stall", "overlap", "skew"}
    for name in in_code:
        with pytest.raises(errors.UsageError, match=f"the fault '{name}' acts between the statements of your code"):
            World(faults=[name])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(("kills", "fifo", "lambda"), "is not a fault"), (("kill", "orders", "lambda"), "is not one of standard, fifo"),
     (("kill", "fifo", "Lambda"), "is not one of lambda, process")],
)  # fmt: skip
def test_what_is_no_fault_no_type_of_queue_or_no_consumer_is_refused(arguments, words):
    with pytest.raises(errors.UsageError, match=words):
        faults.legal(*arguments)


# ----------------------------------------------------------------------------------------------- several at once
def test_a_tie_may_be_chosen_while_somebody_waits():
    def run(faults):
        world = World(seed=1, faults=faults)
        for name in ("a", "b"):
            Consumer(world.create_queue(name), lambda message: None).start()
        world.advance(30)
        return world

    world = run(Faults(tie=1))
    assert {address.kind for address in world.choices} == {"tie"}
    again = run(Plan(world.choices))
    again.check_replayed()
    assert again.journal.text() == world.journal.text()


@pytest.mark.parametrize("changes", [(5,), (0, 5), (0, 5, 0)])
def test_one_reply_holds_a_message_once_although_it_was_hidden_while_available(changes):
    """sqs.md 6.6"""
    world, queue = planned(("miss", "nobody", 0, 1))  # nothing goes wrong; the imperfect path is taken
    queue.send("a")
    [message] = queue.receive(visibility_timeout=30 if changes[0] == 0 else 0)
    for visibility in changes:
        message.change_visibility(visibility)
    world.advance(changes[-1])
    assert bodies(queue.receive(10)) == ["a"]
    world.check_invariants()


def test_one_reply_holds_a_message_once_although_its_delete_was_missed():
    """sqs.md 6.6"""
    world, queue = planned(("duplicate_after_delete", "main/1", 0, 1))
    queue.send("a")
    [message] = queue.receive(visibility_timeout=0)
    message.delete()
    assert bodies(queue.receive(10)) == ["a"]
    world.check_invariants()


def test_a_missed_delete_is_told_only_where_a_copy_comes():
    """A message whose retention ends in this very nanosecond leaves no copy behind."""
    world = World(faults=Plan({("duplicate_after_delete", "main/1", 0): 1}))
    queue = world.create_queue("q", message_retention_period=60)
    queue.send("a")
    [message] = queue.receive(visibility_timeout=100)
    world.sqs.kernel.run_until(world.clock.now_ns + 60 * 10**9 - 1)
    message.delete()
    assert not world.choices


def test_a_world_that_waits_for_a_copy_to_come_back_does_settle():
    world = World(faults=Plan({("duplicate_after_delete", "main/1", 0): 6}), start=0)
    queue = world.create_queue("orders")
    queue.send("a")
    [message] = queue.receive()
    message.delete()
    world.run_until_idle()
    assert world.clock.now_ns == 345_600 * 10**9 - 1
    assert [copy.message_id for copy in queue.receive()] == [message.message_id]
