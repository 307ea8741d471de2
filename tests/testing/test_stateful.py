"""The machine finds what breaks a consumer, prints a program that does it again, and leaves sound consumers alone."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import invariant, rule, run_state_machine_as_test

from minisqs import FaultPlan, SendMessage, errors, strategies
from minisqs.outside import Table
from minisqs.testing.stateful import QueueMachine

FAST = [Phase.generate, Phase.shrink]  # explaining is slow on Python 3.11
A_FEW = settings(max_examples=60, stateful_step_count=20, suppress_health_check=list(HealthCheck))


class Outside:
    def __init__(self):
        self.seen, self.charges = set(), []

    def observe(self):
        return sorted(self.charges)


class ForgetsToLook(Outside):
    def handler(self, event, context):
        self.charges += [record["body"] for record in event["Records"]]


class ChargesThenMarks(Outside):
    def handler(self, event, context):
        [record] = event["Records"]
        if record["body"] not in self.seen:
            self.charges.append(record["body"])
            yield
            self.seen.add(record["body"])


class Sound:
    def __init__(self):
        self.charges = Table("charges")

    def handler(self, event, context):
        [record] = event["Records"]
        self.charges.put_new(record["body"], 1)


def machine_of(subject, **attributes):
    return type(f"Test{subject.__name__}", (QueueMachine,), {"consumer": subject, **attributes})


def failure_of(machine):
    with pytest.raises(AssertionError) as caught:
        run_state_machine_as_test(machine, settings=settings(A_FEW, max_examples=300, phases=FAST))
    return caught.value


def printed_program(error):
    lines = "\n".join(error.__notes__).splitlines()
    return [line for line in lines if line.startswith("state")]


@pytest.mark.parametrize("subject", [ForgetsToLook, ChargesThenMarks])
def test_a_bug_is_found_and_what_is_printed_does_it_again(subject):
    machine = machine_of(subject)
    error = failure_of(machine)
    assert str(error).startswith(f"{subject.__name__} leaves ['order-1', 'order-1'")
    program = printed_program(error)
    assert program[0] == f"state = {machine.__name__}()"
    assert program[-1] == "state.teardown()"
    assert len(program) <= 8
    names = {machine.__name__: machine, "FaultPlan": FaultPlan}
    with pytest.raises(AssertionError, match="once all is quiet"):
        exec("\n".join(program), names)


@pytest.mark.parametrize(
    "queue",
    [
        {},
        {"fifo_queue": True},
        {"max_receive_count": 2},
        {"fifo_queue": True, "max_receive_count": 1},
        {"message_retention_period": 60},
        {"delay_seconds": 5, "visibility_timeout": 0},
    ],
    ids=str,
)
def test_a_sound_consumer_is_left_alone(queue):
    run_state_machine_as_test(machine_of(Sound, queue=queue), settings=A_FEW)


def stepped(machine, *steps):
    state = machine()
    for name, given in steps:
        getattr(state, name)(**given)
    return state


SENT = ("send_message", {})


def test_a_consumer_that_dies_before_the_delete_leaves_the_message_to_the_next():
    state = stepped(machine_of(ForgetsToLook), SENT, ("kill_at_work", {"parts": 1}))
    assert (state.outside.charges, state.orders.counts.in_flight) == (["order-1"], 1)
    state.let_lease_end()
    assert state.orders.counts.visible == 1
    state.deliver()
    assert state.orders.messages() == []
    with pytest.raises(AssertionError, match=r"leaves \['order-1', 'order-1'\] instead of \['order-1'\]"):
        state.teardown()


def test_a_generator_dies_at_its_yield_and_nothing_of_it_happens_afterwards():
    ends = []

    class Tidy(Outside):
        def handler(self, event, context):
            try:
                self.charges.append("half")
                yield
                self.charges.append("whole")
            finally:
                ends.append("tidied")

    state = stepped(machine_of(Tidy), SENT, ("kill_at_work", {"parts": 1}))
    assert (state.outside.charges, ends) == (["half"], [])


def test_deliveries_in_hand_go_on_part_by_part_and_overlap():
    state = stepped(machine_of(ChargesThenMarks), SENT, ("receive_message", {}), ("work", {"place": 0}))
    assert (state.outside.charges, state.outside.seen, state.held[0].done) == (["order-1"], set(), False)
    state.let_lease_end()
    state.deliver()  # overlaps
    state.work(place=0)
    assert state.held[0].done
    state.delete_message(place=0)
    assert (state.outside.charges, state.held) == (["order-1", "order-1"], [])


def test_it_comes_to_rest_midway_and_goes_on():
    state = stepped(machine_of(Sound), SENT, ("receive_message", {}), ("come_to_rest", {}), SENT)
    assert (state.held, [message.body for message in state.orders.messages()]) == ([], ["order-2"])
    state.teardown()
    assert state.observe() == {"charges": {"order-1": 1, "order-2": 1}}


def test_a_poll_that_misses_a_message_ends_no_drain():
    state = stepped(machine_of(Sound), ("let_go_wrong", {"plan": FaultPlan(miss={0: 15})}), SENT, ("come_to_rest", {}))
    assert state.world.choices
    assert state.orders.messages() == []


def test_a_lease_is_made_longer_and_shorter():
    state = stepped(machine_of(Sound), SENT, ("receive_message", {}))
    state.change_visibility(place=0, seconds=60)
    state.advance(seconds=31)
    assert state.orders.counts.in_flight == 1
    state.change_visibility(place=0, seconds=0)
    assert state.orders.counts.visible == 1
    state.kill(place=0)
    assert state.held == []
    state.teardown()


def test_what_sqs_does_wrong_is_drawn_at_the_start_and_told_in_the_end():
    state = stepped(
        machine_of(ForgetsToLook), ("let_go_wrong", {"plan": FaultPlan(duplicate_after_delete={0: 1})}), SENT
    )
    state.deliver()
    with pytest.raises(AssertionError, match=r"What SQS did wrong, as it may:\n  \* message 1 comes again at once"):
        state.teardown()


def test_a_handler_that_raises_gets_its_message_again_and_one_that_always_does_never_drains():
    class Broken(Outside):
        def handler(self, event, context):
            raise LookupError("no such card")

    state = stepped(machine_of(Broken, expected=lambda self: []), SENT, ("deliver", {}))
    assert state.orders.counts.in_flight == 1
    with pytest.raises(AssertionError, match="the queue never drains: 'order-1' comes again after 40 deliveries"):
        state.teardown()


def test_what_died_of_its_receives_is_not_judged():
    state = stepped(
        machine_of(Sound, queue={"max_receive_count": 1}), SENT, ("receive_message", {}), ("kill", {"place": 0})
    )
    state.teardown()
    assert [message.body for message in state.dead.messages()] == ["order-1"]
    assert state.observe() == {"charges": {}}


def test_a_machine_whose_step_failed_judges_nothing_more():
    state = stepped(machine_of(ForgetsToLook), SENT, ("kill_at_work", {"parts": 1}))
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        state.teardown()
    assert state.orders.counts.in_flight == 1


class OwnMachine(QueueMachine):
    """A user's: a handler, a producer, an invariant and a judge of their own."""

    def __init__(self):
        super().__init__()
        self.total = 0
        self.booked = set()

    @rule(amount=strategies.st.integers(1, 9))
    def order(self, amount):
        self.send(SendMessage(str(amount), message_group_id="tenant"))

    def next_message(self):
        return "5"

    def handler(self, message):
        if message.message_id not in self.booked:
            self.total += int(message.body)
            self.booked.add(message.message_id)

    @invariant()
    def total_is_never_too_much(self):
        assert self.total <= sum(int(getattr(one, "body", one)) for one in self.sent)

    def judge(self):
        assert self.total == sum(int(getattr(one, "body", one)) for one in self.sent)


TestOwnMachine = OwnMachine.TestCase
TestOwnMachine.settings = A_FEW


def test_a_judge_of_ones_own_is_asked_in_the_end():
    class Wrong(OwnMachine):
        def handler(self, message):
            self.total += int(message.body)

    Wrong.total_is_never_too_much = None
    failure_of(Wrong)


@pytest.mark.parametrize(
    ("machine", "error", "text"),
    [
        (type("Nothing", (QueueMachine,), {}), errors.UsageError, "Nothing has nothing to consume with"),
        (machine_of(Outside), errors.UsageError, r"Outside has no handler\(event, context\)"),
        (machine_of(Sound, faults=["kill"]), errors.UsageError, "faults of a QueueMachine are some of duplicate, "),
    ],
)
def test_a_machine_that_is_not_whole_says_so(machine, error, text):
    with pytest.raises(error, match=text):
        run_state_machine_as_test(machine, settings=A_FEW)


def test_an_async_handler_is_refused():
    class Async(Outside):
        async def handler(self, event, context):
            raise AssertionError("never begun")

    state = stepped(machine_of(Async), SENT)
    with pytest.raises(errors.UsageError, match="is no async def"):
        state.deliver()


def test_no_faults_draw_the_perfect_queue():
    run_state_machine_as_test(machine_of(Sound, faults=()), settings=A_FEW)
