import pytest

from minisqs import FaultPlan, Faults, Plan, errors
from minisqs.sim.sources import ENGINE_QUESTIONS, Address, ChanceSource, PlannedSource, SeededSource, source_of


def draws(source, kind="duplicate", subject="main/1", options=2, times=200):
    return [source.choose(kind, subject, options) for _ in range(times)]


def test_the_perfect_queue_has_no_source():
    assert source_of(b"seed", None) is None
    assert source_of(b"seed", Faults()) is None


def test_a_rate_of_0_never_answers_and_a_rate_of_1_always():
    assert set(draws(SeededSource(b"seed", Faults(reorder=1)))) == {0}
    assert set(draws(SeededSource(b"seed", Faults(duplicate=1)))) == {1}


def test_answers_come_as_often_as_the_rate_says():
    answers = draws(SeededSource(b"seed", Faults(duplicate=0.25)), times=4000)
    assert 0.22 < sum(answers) / 4000 < 0.28


def test_every_answer_comes_up_and_none_beyond():
    assert set(draws(SeededSource(b"seed", Faults(reorder=1)), "reorder", options=10)) == set(range(1, 10))


def test_where_there_is_one_option_the_answer_is_0():
    assert set(draws(SeededSource(b"seed", Faults(reorder=1)), "reorder", options=1)) == {0}


def test_weights_say_how_likely_each_fault_is():
    source = SeededSource(b"seed", Faults(miss=1))
    answers = [source.choose("miss", "orders", 4, (0.0, 3.0, 0.0, 1.0)) for _ in range(2000)]
    assert set(answers) == {1, 3}
    assert 0.70 < answers.count(1) / 2000 < 0.80


def test_the_same_seed_gives_the_same_answers_and_another_seed_others():
    one, same, other = (draws(SeededSource(seed, Faults(duplicate=0.5))) for seed in (b"a", b"a", b"b"))
    assert one == same
    assert one != other


def test_an_answer_does_not_depend_on_what_else_was_asked():
    alone, among = (
        SeededSource(b"seed", Faults(duplicate=0.5, reorder=0.5)),
        SeededSource(b"seed", Faults(duplicate=0.5, reorder=0.5)),
    )
    mixed = []
    for _ in range(200):
        among.choose("duplicate", "main/2", 2)
        mixed.append(among.choose("duplicate", "main/1", 2))
        among.choose("reorder", "main/1", 10)
    assert mixed == draws(alone)


def test_what_was_answered_other_than_0_is_kept_by_address():
    source = SeededSource(b"seed", Faults(duplicate=0.5))
    answers = draws(source, times=20)
    expected = {Address("duplicate", "main/1", at): answer for at, answer in enumerate(answers) if answer}
    assert source.choices == expected
    assert source.untold == list(expected.items())
    assert draws(PlannedSource(Plan(source.choices)), times=20) == answers


def test_a_plan_answers_at_its_addresses_and_nowhere_else():
    source = PlannedSource(Plan({("reorder", "main/1", 1): 3}))
    assert draws(source, "reorder", "main/2", 10, 3) == [0, 0, 0]
    assert draws(source, "reorder", "main/1", 10, 3) == [0, 3, 0]
    source.check_replayed()


def test_an_answer_beyond_the_occasion_is_the_most_it_offers():
    source = PlannedSource(Plan({("reorder", "main/1", 0): 99}))
    assert source.choose("reorder", "main/1", 4) == 3


def test_a_plan_that_did_not_come_up_is_refused_by_its_first_address():
    source = PlannedSource(Plan({("reorder", "main/1", 0): 1, ("duplicate", "main/7", 2): 1, ("miss", "q", 0): 0}))
    source.choose("reorder", "main/1", 10)
    with pytest.raises(errors.UsageError) as caught:
        source.check_replayed()
    assert str(caught.value) == (
        "this is not the run that was planned: ('duplicate', 'main/7', 2) never came up. "
        "The code, the messages or the seed have changed."
    )


def test_a_planned_0_need_not_come_up():
    PlannedSource(Plan({("miss", "q", 0): 0})).check_replayed()


@pytest.mark.parametrize("kind", ENGINE_QUESTIONS)
def test_every_question_may_be_planned_and_every_plan_reads_back(kind):
    plan = Plan({(kind, "main/1", 0): 1})
    assert eval(repr(plan), {"Plan": Plan}).choices == plan.choices


@pytest.mark.parametrize(
    "address",
    ["reorder", ("reorder", "main/1"), ("reorder", "main/1", -1), ("reorder", "main/1", "0"), ("reorder", 1, 0),
     ("other", "main/1", 0), (None, "main/1", 0), ("reorder", "main/1", 0, 0)],
)  # fmt: skip
def test_what_is_no_address_is_refused(address):
    with pytest.raises(errors.UsageError, match="is not the address of a choice"):
        Plan({address: 1})


@pytest.mark.parametrize("answer", [-1, 1.0, "1", None, True])
def test_what_is_no_answer_is_refused(answer):
    with pytest.raises(errors.UsageError, match="is a whole number from 0"):
        Plan({("reorder", "main/1", 0): answer})


@pytest.mark.parametrize(
    ("chances", "text"),
    [
        ({"boom": {0: 1}}, "'boom' is not a question that a plan could answer"),
        ({"kill": [0]}, r"kill= maps chances to answers, such as \{0: 1\}, not \[0\]"),
        ({"kill": {-1: 1}}, "a chance of 'kill' is a whole number from 0, not -1"),
        ({"kill": {True: 1}}, "a chance of 'kill' is a whole number from 0, not True"),
        ({"kill": {0: -1}}, r"the answer at \('kill', 0\) is a whole number from 0, not -1"),
    ],
)
def test_a_plan_of_chances_refuses_what_is_none(chances, text):
    with pytest.raises(errors.UsageError, match=text):
        FaultPlan(**chances)


def test_plans_of_chances_are_equal_by_what_they_answer():
    assert FaultPlan(kill={0: 1}, reorder={}) == FaultPlan(kill={0: 1})
    assert FaultPlan(kill={0: 1}) != FaultPlan(kill={1: 1})
    assert FaultPlan() != {}
    assert repr(FaultPlan(kill={3: 1}, reorder={0: 2})) == "FaultPlan(kill={3: 1}, reorder={0: 2})"


def test_only_chances_are_counted():
    source = ChanceSource(FaultPlan(reorder={1: 5}))
    answers = [source.choose("reorder", "main/1", options) for options in (1, 4, 1, 4, 4)]
    assert answers == [0, 0, 0, 3, 0]  # where there is but one answer there is no chance
    assert source.choices == {("reorder", "main/1", 3): 3}
    assert source.afresh().choices == {}
