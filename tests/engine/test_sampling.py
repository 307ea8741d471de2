from itertools import islice

import pytest

from minisqs.engine import decisions as chance
from minisqs.engine.lifecycle import AVAILABLE, IN_FLIGHT
from minisqs.engine.message import NO_EXTRAS, Message
from minisqs.engine.ordering import StandardOrdering
from minisqs.engine.sampling import Sample, missed_servers

SECOND = 1_000_000_000


class Answers:
    """Gives the same answer to every question of a kind, as far as it offers that many, and keeps the questions."""

    def __init__(self, **answers):
        self.answers = answers
        self.asked = []

    def choose(self, kind, subject, options, weights=None):
        self.asked.append((kind, subject, options))
        return min(self.answers.get(kind, 0), options - 1)


def ordering_of(count):
    ordering = StandardOrdering()
    for sequence in range(1, count + 1):
        ordering.add(Message(sequence, "", "main", sequence, 0, 0, AVAILABLE, NO_EXTRAS))
    return ordering


def take(sample, count):
    taken = []
    for message in islice(sample.candidates(0), count):
        message.state = IN_FLIGHT
        taken.append(message.sequence)
    return taken


@pytest.mark.parametrize(
    ("answer", "order"), [(0, [1, 2, 3, 4]), (1, [2, 3, 4, 1]), (2, [3, 4, 2, 1]), (9, [4, 3, 2, 1])]
)
def test_the_message_so_many_places_behind_the_oldest_goes_first(answer, order):
    assert take(Sample(ordering_of(4), Answers(reorder=answer), 0), 5) == order


def test_only_the_ten_oldest_may_be_chosen_and_the_last_one_left_is_no_choice():
    answers = Answers()
    take(Sample(ordering_of(12), answers, 0), 12)
    assert [options for _, _, options in answers.asked] == [10, 10, 10, 9, 8, 7, 6, 5, 4, 3, 2]
    assert answers.asked[0] == ("reorder", "main/1", 10)


def test_what_was_not_handed_out_keeps_its_place():
    ordering = ordering_of(5)
    sample = Sample(ordering, Answers(reorder=2), 0)
    assert take(sample, 1) == [3]
    sample.put_back(4)
    ordering.check_invariants({1, 2, 4, 5})
    assert take(ordering, 5) == [1, 2, 4, 5]


@pytest.mark.parametrize("missed", range(chance.ALL_SERVERS + 1))
def test_messages_on_missed_servers_are_not_seen_this_time(missed):
    ordering = ordering_of(40)
    sample = Sample(ordering, Answers(), missed)
    seen = take(sample, 40)
    assert seen == [n for n in range(1, 41) if not missed >> chance.server_of(f"main/{n}") & 1]
    sample.put_back(40)
    assert sorted(take(ordering, 40) + seen) == list(range(1, 41))


def test_messages_are_spread_over_all_servers():
    assert {chance.server_of(f"main/{n}") for n in range(40)} == set(range(chance.SERVERS))


@pytest.mark.parametrize("answer", range(chance.ALL_SERVERS + 1))
@pytest.mark.parametrize("before", range(chance.ALL_SERVERS + 1))
def test_no_server_is_missed_twice_running(answer, before):
    """sqs.md 6.2"""
    answers = Answers(miss=answer)
    assert missed_servers("orders", answers, before) & before == 0
    assert missed_servers("orders", answers, 0) == answer
    assert answers.asked == [("miss", "orders", 16)] * 2


def test_the_weights_of_the_samples_are_those_of_all_cases():
    assert len(chance.SAMPLE_WEIGHTS) == 16
    assert sum(chance.SAMPLE_WEIGHTS) == pytest.approx(1)
    assert chance.SAMPLE_WEIGHTS[0] == pytest.approx(0.9 * 0.8 * 0.7 * 0.6)
    assert chance.SAMPLE_WEIGHTS[0b0001] == pytest.approx(0.1 * 0.8 * 0.7 * 0.6)


@pytest.mark.parametrize(("answer", "seconds"), [(1, 0), (2, 30), (3, 300), (4, 3600), (5, 86_400), (6, 345_600)])
def test_a_stray_copy_comes_after_one_of_six_delays(answer, seconds):
    left_ns = 345_600 * SECOND
    expected_ns = left_ns - 1 if answer == 6 else seconds * SECOND
    assert chance.stray_ns(answer, 30 * SECOND, left_ns) == expected_ns


@pytest.mark.parametrize("answer", [1, 2, 3, 4, 5, 6])
def test_a_stray_copy_comes_before_retention_ends(answer):
    assert chance.stray_ns(answer, 30 * SECOND, 7) <= 6


def test_the_perfect_answer_is_always_0():
    assert chance.PERFECT.choose("duplicate", "main/1", 2) == 0
