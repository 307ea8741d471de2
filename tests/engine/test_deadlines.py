from minisqs.engine.deadlines import Agenda, Deadlines, Retention
from minisqs.engine.lifecycle import AVAILABLE, DELAYED, GONE, IN_FLIGHT
from minisqs.engine.message import NO_EXTRAS, Extras, Message
from minisqs.limits import NEVER_NS


def waiting(sequence, deadline_ns, state=IN_FLIGHT):
    return Message(sequence, "", "main", sequence, 0, 0, state, NO_EXTRAS, deadline_ns)


def test_nothing_is_never_due():
    deadlines = Deadlines()
    assert deadlines.next_ns() == deadlines.earliest_ns == NEVER_NS


def test_only_a_deadline_before_all_others_is_announced():
    deadlines = Deadlines()
    assert [deadlines.add([waiting(n, due)], due) for n, due in enumerate((50, 60, 50, 49, 49))] == [
        True,
        False,
        False,
        True,
        False,
    ]


def test_messages_fall_due_by_deadline_and_then_as_they_were_listed():
    deadlines = Deadlines()
    for sequence, due in ((1, 20), (2, 10), (3, 20), (4, 10)):
        deadlines.add([waiting(sequence, due, DELAYED)], due)
    due = []
    while deadlines.next_ns() != NEVER_NS:
        due.append((deadlines.next_ns(), [one.sequence for one in deadlines.pop_due()]))
    assert due == [(10, [2, 4]), (20, [1, 3])]


def test_a_message_that_left_early_is_not_due():
    deadlines = Deadlines()
    gone, moved, stays = waiting(1, 10), waiting(2, 10), waiting(3, 10)
    for one in (gone, moved, stays):
        deadlines.add([one], 10)
    gone.state, moved.deadline_ns = GONE, 30
    deadlines.add([moved], 30)
    deadlines.stale = 2
    deadlines.check_invariants(2)
    assert deadlines.next_ns() == 10
    assert deadlines.pop_due() == [stays]
    stays.state = AVAILABLE
    assert deadlines.next_ns() == 30


def test_a_clean_up_drops_what_is_stale_and_nothing_else():
    deadlines = Deadlines()
    messages = [waiting(n, n // 2) for n in range(10)]
    for one in messages:
        deadlines.add([one], one.deadline_ns)
    for one in messages[:5]:
        one.state = GONE
    deadlines.clean_up()
    deadlines.check_invariants(5)
    assert (deadlines.next_ns(), deadlines.pop_due()) == (2, [messages[5]])


def test_cleared_deadlines_are_never_due():
    deadlines = Deadlines()
    deadlines.add([waiting(1, 10)], 10)
    deadlines.clear()
    assert deadlines.next_ns() == NEVER_NS


def aged(sequence, enqueued_ns, source=None):
    extras = NO_EXTRAS if source is None else Extras(dead_letter_source_arn=source)
    return Message(sequence, "", "main", sequence, 0, enqueued_ns, AVAILABLE, extras)


def test_the_oldest_message_is_the_first_that_is_left():
    retention, messages = Retention(), {n: aged(n, n) for n in (1, 2, 3)}
    ages = []
    while (oldest := retention.oldest(messages, 3)) is not None:
        ages.append(oldest.sequence)
        del messages[oldest.sequence]
    assert ages == [1, 2, 3]


def test_a_message_that_brought_its_age_along_may_be_the_oldest():
    """sqs.md 9.5"""
    messages = {1: aged(1, 10), 2: aged(2, 5, "arn"), 3: aged(3, 30), 4: aged(4, 1, "arn")}
    retention = Retention()
    retention.add_inherited(messages[2])
    retention.add_inherited(messages[4])
    ages = []
    while (oldest := retention.oldest(messages, 4)) is not None:
        ages.append(oldest.sequence)
        del messages[oldest.sequence]
    assert ages == [4, 2, 1, 3]


def test_the_agenda_asks_each_queue_for_its_exact_time():
    agenda, exact = Agenda(), {1: 30, 2: 20, 3: NEVER_NS}
    for due_ns, number in ((10, 1), (20, 2), (5, 3)):
        agenda.announce(due_ns, number)
    assert agenda.next(exact.__getitem__) == (20, 2)
    exact[2] = NEVER_NS
    assert agenda.next(exact.__getitem__) == (30, 1)
    exact[1] = NEVER_NS
    assert agenda.next(exact.__getitem__) == (NEVER_NS, 0)
