from minisqs.engine.deadlines import SLACK
from minisqs.engine.lifecycle import AVAILABLE, IN_FLIGHT
from minisqs.engine.message import NO_EXTRAS, Message
from minisqs.engine.ordering import StandardOrdering


def message(sequence):
    return Message(sequence, f"body {sequence}", "main", sequence, 0, 0, AVAILABLE, NO_EXTRAS)


def take_all(ordering):
    taken = []
    for one in ordering.candidates(0):
        one.state = IN_FLIGHT
        taken.append(one.sequence)
    return taken


def test_nothing_comes_out_of_nothing():
    assert list(StandardOrdering().candidates(0)) == []


def test_messages_come_out_as_they_arrived():
    ordering = StandardOrdering()
    for sequence in (1, 2, 3):
        ordering.add(message(sequence))
    assert take_all(ordering) == [1, 2, 3]


def test_a_message_that_came_back_goes_before_all_that_were_sent_after_it():
    """sqs.md 6.4"""
    ordering = StandardOrdering()
    for sequence in (2, 4):
        ordering.add(message(sequence))
    for sequence in (5, 3, 1):
        ordering.add_back(message(sequence), 5)
    assert take_all(ordering) == [1, 2, 3, 4, 5]


def test_a_message_that_left_meanwhile_is_passed_over():
    ordering = StandardOrdering()
    fresh, returned, last = message(2), message(1), message(3)
    ordering.add(fresh)
    ordering.add(last)
    ordering.add_back(returned, 3)
    fresh.state = returned.state = IN_FLIGHT
    ordering.check_invariants({3})
    assert take_all(ordering) == [3]


def test_a_message_shown_again_and_again_leaves_few_entries():
    ordering = StandardOrdering()
    one = message(1)
    for _ in range(3 * SLACK):
        ordering.add_back(one, 1)
    assert len(ordering._returned) <= 2 + SLACK
    assert take_all(ordering) == [1]


def test_a_cleared_ordering_is_empty():
    ordering = StandardOrdering()
    ordering.add(message(1))
    ordering.add_back(message(2), 2)
    ordering.clear()
    assert list(ordering.candidates(0)) == []
