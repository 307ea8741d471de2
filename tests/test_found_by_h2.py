"""Cases in which the engine did not do what sqs.md says, found by the properties; each stays as a plain test."""

from __future__ import annotations

from minisqs import Consumer, Plan, RedrivePolicy, World


def test_one_reply_holds_a_message_once_although_it_was_hidden_while_available() -> None:
    world = World(faults=Plan({("miss", "nobody", 0): 1}))  # nothing goes wrong; the imperfect path is taken
    orders = world.create_queue("orders")
    orders.send("a")
    [message] = orders.receive(visibility_timeout=0)
    message.change_visibility(5)
    world.advance(5)
    assert [message.body for message in orders.receive(10)] == ["a"]
    world.check_invariants()


def test_one_reply_holds_a_message_once_although_its_delete_was_missed() -> None:
    world = World(faults=Plan({("duplicate_after_delete", "main/1", 0): 1}))
    orders = world.create_queue("orders")
    orders.send("a")
    [message] = orders.receive(visibility_timeout=0)
    message.delete()
    assert [message.body for message in orders.receive(10)] == ["a"]
    world.check_invariants()


def test_long_poll_gets_the_message_for_which_an_expiry_makes_room_in_flight() -> None:
    world = World(in_flight_limit=1, start=0)
    orders = world.create_queue("orders", message_retention_period=60, visibility_timeout=600)
    orders.send("a")
    world.advance(55)
    orders.receive()
    orders.send("b")
    assert [message.body for message in orders.receive(wait_time_seconds=20)] == ["b"]
    assert world.clock.seconds == 60


def test_stale_deadlines_are_cleaned_up_when_messages_expire() -> None:
    world = World()
    orders = world.create_queue("orders", message_retention_period=60)
    for _ in range(600):
        orders.send("old")
    while orders.receive(10, visibility_timeout=1_000):
        pass
    world.advance(30)
    orders.send("young")
    orders.receive(visibility_timeout=50)
    world.advance(30)
    world.check_invariants()


def test_journal_is_in_order_of_time_when_a_shorter_retention_ends_messages() -> None:
    world = World()
    orders = world.create_queue("orders")
    orders.send("a")
    world.advance(100)
    orders.set_attributes(message_retention_period=60)
    assert [entry.seconds for entry in world.journal] == [0, 0, 100, 100]


def test_journal_is_in_order_of_time_when_a_message_is_moved_that_is_too_old_for_the_dead_letter_queue() -> None:
    world = World()
    dead = world.create_queue("dead", message_retention_period=60)
    orders = world.create_queue("orders", visibility_timeout=0, redrive_policy=RedrivePolicy(dead, 1))
    orders.send("a")
    world.advance(100)
    orders.receive()
    orders.receive()
    times = [entry.seconds for entry in world.journal]
    assert times == sorted(times)


def test_a_tie_may_be_chosen_while_others_wait() -> None:
    world = World(faults=Plan({("tie", "consumer-1 on orders", 1): 1}))
    orders = world.create_queue("orders")
    taken: list[str] = []
    for name in ("consumer-1", "consumer-2"):
        Consumer(orders, lambda message: taken.append(message.body), name=name).start()
    world.advance(30)
    world.check_replayed()


def test_world_that_waits_for_a_copy_to_come_back_does_settle() -> None:
    world = World(faults=Plan({("duplicate_after_delete", "main/1", 0): 6}), start=0)
    orders = world.create_queue("orders")
    orders.send("a")
    [message] = orders.receive()
    message.delete()
    world.run_until_idle()
    assert world.clock.now_ns == 345_600 * 10**9 - 1
    assert [copy.message_id for copy in orders.receive()] == [message.message_id]


def test_waiting_consumer_gets_the_message_for_which_a_delete_makes_room_in_flight() -> None:
    world = World(in_flight_limit=1, start=0)
    orders = world.create_queue("orders", visibility_timeout=600)
    orders.send("a")
    [message] = orders.receive()
    orders.send("b")
    taken_at: list[float] = []
    Consumer(orders, lambda message: taken_at.append(world.clock.seconds)).start()
    world.advance(5)
    message.delete()
    world.advance(10)
    assert taken_at == [5]


def test_consumer_that_was_stopped_takes_no_message_from_one_that_waits() -> None:
    world = World(start=0)
    orders = world.create_queue("orders")
    taken_at: list[float] = []
    consumers = [Consumer(orders, lambda message: taken_at.append(world.clock.seconds)) for _ in range(2)]
    for consumer in consumers:
        consumer.start()
    world.advance(5)
    consumers[0].stop()
    orders.send("a")
    world.advance(10)
    assert taken_at == [5]


def test_consumer_may_be_stopped_by_its_own_function() -> None:
    world = World()
    orders = world.create_queue("orders")
    orders.send_batch(["a", "b"])
    consumer = Consumer(orders, lambda message: consumer.stop(), max_number_of_messages=1)
    consumer.start()
    world.advance(5)
    assert consumer.failures == []
    assert orders.counts == (1, 1, 0)  # a is not deleted, as Consumer.stop says; b was never taken
