"""What the user's code keeps beside the subject, wherever that is, makes no proof wrong; what only lies there costs nothing."""

import contextvars
import functools
import itertools
import logging
import os
import sys
from collections import deque
from enum import Enum
from random import randrange as pick  # noqa: TID251  # what user code uses, by a name of its own
from types import ModuleType
from unittest.mock import MagicMock

import boto3
import pytest

import minisqs
from minisqs import SendMessage
from minisqs.explore.surroundings import Surroundings


class Desk:
    """Counts the orders of which ``first_time`` says so; nobody sees how often, only whether any was."""

    def __init__(self):
        self.count = 0
        self.forget()

    def forget(self):
        raise NotImplementedError

    def first_time(self, order):
        raise NotImplementedError

    def handler(self, event, context):
        for record in event["Records"]:
            if self.first_time(record["body"]):
                self.count += 1

    def observe(self):
        return min(self.count, 1)


class Memory:
    def __init__(self):
        self.seen = set()

    def __call__(self, order):
        is_new = order not in self.seen
        self.seen.add(order)
        return is_new


remember = Memory()


class AnObjectThatIsCalled(Desk):
    def forget(self):
        remember.seen.clear()

    def first_time(self, order):
        return remember(order)


add_bound = set().add


class ABoundMethod(Desk):
    def forget(self):
        add_bound.__self__.clear()

    def first_time(self, order):
        is_new = order not in add_bound.__self__
        add_bound(order)
        return is_new


def made():
    seen = set()

    def first_time(order):
        is_new = order not in seen
        seen.add(order)
        return is_new

    return first_time, seen.clear


is_first, forget_all = made()


class AClosure(Desk):
    def forget(self):
        forget_all()

    def first_time(self, order):
        return is_first(order)


def once(function):
    done = set()

    @functools.wraps(function)
    def wrapper(self, order):
        if order in done:
            return False
        done.add(order)
        return function(self, order)

    wrapper.forget = done.clear
    return wrapper


class ADecorator(Desk):
    def forget(self):
        type(self).first_time.forget()

    @once
    def first_time(self, order):
        return True


class Registry:
    _instance = None

    def __init__(self):
        self.seen = set()

    @classmethod
    def get(cls):
        if cls._instance is None:
            cls._instance = cls()
        return cls._instance


class ASingleton(Desk):
    def forget(self):
        Registry._instance = None

    def first_time(self, order):
        seen = Registry.get().seen
        is_new = order not in seen
        seen.add(order)
        return is_new


def remembering(order, memory=remember):
    return memory(order)


class ADefault(AnObjectThatIsCalled):
    def first_time(self, order):
        return remembering(order)


NAMED_IN_A_LAMBDA = []
note = lambda order: NAMED_IN_A_LAMBDA.append(order) or NAMED_IN_A_LAMBDA.count(order) == 1  # noqa: E731


class ALambda(Desk):
    def forget(self):
        sys.modules[__name__].NAMED_IN_A_LAMBDA.clear()

    def first_time(self, order):
        return note(order)


elsewhere = ModuleType("elsewhere")
elsewhere.__file__ = __file__
elsewhere.SEEN = set()


class AnotherModule(Desk):
    def forget(self):
        sys.modules["elsewhere"] = elsewhere
        elsewhere.SEEN.clear()

    def first_time(self, order):
        if order in elsewhere.SEEN:
            return False
        elsewhere.SEEN.add(order)
        return True


class Variables:
    current = contextvars.ContextVar("current", default="")


class AContextVariable(Desk):
    def forget(self):
        Variables.current.set("")

    def first_time(self, order):
        if Variables.current.get() == order:
            return False
        Variables.current.set(order)
        return True


class AFunctionMadeAnew(Desk):
    def __new__(cls):
        seen = set()

        class Inner(Desk):
            def forget(self):
                pass

            def first_time(self, order):
                is_new = order not in seen
                seen.add(order)
                return is_new

        return Inner()


class APipe(Desk):
    def forget(self):
        self.tokens, self.give = os.pipe()
        os.set_blocking(self.tokens, False)
        os.write(self.give, b"t")

    def first_time(self, order):
        try:
            os.read(self.tokens, 1)
        except BlockingIOError:
            return False
        return True

    def close(self):
        os.close(self.tokens)
        os.close(self.give)


class ATag(Desk):
    def forget(self):
        """A tag is a queue's, which is another one in each run."""

    def first_time(self, order):
        sqs = boto3.client("sqs", "us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
        url = sqs.get_queue_url(QueueName="orders")["QueueUrl"]
        if "busy" in sqs.list_queue_tags(QueueUrl=url).get("Tags", {}):
            return False
        sqs.tag_queue(QueueUrl=url, Tags={"busy": "yes"})
        return True


class Toggles(Desk):
    """Busy while it counts, so that a kill in the middle leaves it so for good."""

    def handler(self, event, context):
        for _ in event["Records"]:
            if self.is_free():
                self.set_busy()
                self.count += 1
                self.forget()


class AMethodBoundAnew(Toggles):
    def yes(self):
        return True

    def no(self):
        return False

    is_free = yes

    def forget(self):
        AMethodBoundAnew.is_free = AMethodBoundAnew.yes

    def set_busy(self):
        AMethodBoundAnew.is_free = AMethodBoundAnew.no


def accept():
    return True


def refuse():
    return False


decide = accept


class AFunctionBoundAnew(Toggles):
    def is_free(self):
        return decide()

    def forget(self):
        globals()["decide"] = accept

    def set_busy(self):
        globals()["decide"] = refuse


class Status:
    FREE = object()
    BUSY = object()


class ABareObject(Toggles):
    def is_free(self):
        return self.status is Status.FREE

    def forget(self):
        self.status = Status.FREE

    def set_busy(self):
        self.status = Status.BUSY


class Task:
    pass


class ATupleInASet(Toggles):
    def __init__(self):
        self.tasks = Task(), Task()
        super().__init__()

    def is_free(self):
        return (self.tasks[0], 1) in self.chosen

    def forget(self):
        self.chosen = {(self.tasks[0], 1)}

    def set_busy(self):
        self.chosen = {(self.tasks[1], 1)}


class Job:
    """Equal by its name, and yet more than that."""

    def __init__(self, name):
        self.name = name

    def __eq__(self, other):
        return isinstance(other, Job) and other.name == self.name

    def __hash__(self):
        return hash(self.name)


class AnEntityInASet(Toggles):
    def __init__(self):
        self.job = Job("nightly")
        super().__init__()

    def is_free(self):
        return any(job is self.job for job in self.jobs)

    def forget(self):
        self.jobs = {self.job}

    def set_busy(self):
        self.jobs = {Job("nightly")}


class Orders(set):
    __slots__ = ("is_free",)


class ASlotOfASet(Toggles):
    def __init__(self):
        self.orders, self.others = Orders(), {"a"}
        super().__init__()

    def is_free(self):
        return self.orders.is_free

    def forget(self):
        self.orders.is_free = True

    def set_busy(self):
        self.orders.is_free = False


class Flag:
    """A descriptor that keeps what it shows to itself."""

    def __init__(self):
        self.held = False

    def __get__(self, one, owner=None):
        return self.held

    def __set__(self, one, value):
        self.held = value


class Door:
    closed = Flag()


class ADescriptor(Toggles):
    def __init__(self):
        self.door = Door()
        super().__init__()

    def is_free(self):
        return not self.door.closed

    def forget(self):
        self.door.closed = False

    def set_busy(self):
        self.door.closed = True


class Numbered:
    ids = itertools.count(1)


class ACounter(Desk):
    def forget(self):
        Numbered.ids = itertools.count(1)

    def first_time(self, order):
        return next(Numbered.ids) == 1


KEEPS_BESIDE = [
    AnObjectThatIsCalled, ABoundMethod, AClosure, ADecorator, ASingleton, ADefault, ALambda, AnotherModule, AContextVariable,
    AFunctionMadeAnew, APipe, ATag, AMethodBoundAnew, AFunctionBoundAnew, ABareObject, ATupleInASet, AnEntityInASet,
    ASlotOfASet, ADescriptor, ACounter,
]  # fmt: skip


@pytest.mark.parametrize("subject", KEEPS_BESIDE, ids=lambda subject: subject.__name__)
def test_a_proof_does_not_leave_out_what_breaks_it(subject):
    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.prove(subject, ["a"], faults=1, kinds=["kill"])
    assert (caught.value.report.expected, caught.value.report.got) == (1, 0)


class TurnsToTheLast:
    """Of two environments that come to rest at one instant the one that ended last takes the next message."""

    def __init__(self):
        self.met = []

    def environment(self):
        mine = []

        def handler(event, context):
            for record in event["Records"]:
                mine.append(record["body"])
                if record["body"] == "c":
                    self.met.append(mine[0])

        return handler

    def observe(self):
        return self.met == ["b"]


def test_which_environment_is_used_next_is_part_of_a_state():
    with pytest.raises(minisqs.CheckFailed):
        minisqs.prove(
            TurnsToTheLast,
            ["a", "b", SendMessage("c", delay_seconds=20)],
            faults=2,
            kinds=["overlap"],
            mapping={"batch_size": 1},
        )


class DrawsOnceMore(Desk):
    """Draws only for a message that comes again."""

    def __init__(self):
        self.drawn = []

    def handler(self, event, context):
        for record in event["Records"]:
            if record["attributes"]["ApproximateReceiveCount"] != "1":
                pick(1000)
                self.drawn += [pick(1000)]

    def observe(self):
        return sorted(self.drawn)


def test_draws_that_only_a_redelivery_makes_are_seen():
    settings = {"faults": 2, "kinds": ["kill"], "oracles": ["conserved"]}
    plain = minisqs.prove(DrawsOnceMore, ["a"], reduce=False, **settings)
    assert set(minisqs.prove(DrawsOnceMore, ["a"], **settings).states) == set(plain.states)


class Kind(Enum):
    ORDER = "order"
    REFUND = object()


class Lies:
    """Everything that code may have beside it and that does not change."""

    kinds = (Kind.ORDER, Kind.REFUND)
    missing = object()
    log = logging.getLogger(__name__)
    steps = (Task(), deque([functools.partial(made)]))


def kind_of(order, kinds=Lies.kinds, found=Lies.missing):
    Lies.log.info("of %s", order)
    return kinds[0].value if found is Lies.missing else found


class Ordinary(Desk):
    def __init__(self):
        self.orders = set()
        self.count = 0

    def handler(self, event, context):
        for record in event["Records"]:
            kind = kind_of(record["body"])
            step = Lies.steps[0], kind
            if step and (kind, record["body"]) not in self.orders:
                self.orders.add((kind, record["body"]))
                self.count += 1

    def observe(self):
        return len(self.orders)


def test_what_only_lies_there_costs_no_reduction():
    plain = minisqs.prove(Ordinary, ["a"], faults=2, reduce=False)
    reduced = minisqs.prove(Ordinary, ["a"], faults=2)
    assert reduced.states == plain.states
    assert reduced.runs < 0.6 * plain.runs


def test_a_check_claims_no_completeness_where_something_came_to_light_too_late():
    late = []

    class FourthTime(Ordinary):
        """Keeps something beside it from the fourth run on in which a message came again."""

        def handler(self, event, context):
            super().handler(event, context)
            if event["Records"][0]["attributes"]["ApproximateReceiveCount"] == "3":
                late.append(1)
                Lies.found = len(late)

    try:
        assert not minisqs.check(FourthTime, ["a"], runs=0).complete
    finally:
        del Lies.found


class OnlyIdentity(type):  # noqa: PLW1641  # which is the point
    """A metaclass whose classes have no hash."""

    def __eq__(cls, other):
        return cls is other


class WithoutAHash(metaclass=OnlyIdentity):
    pass


class SaysItIsAClass:
    @property
    def __class__(self):
        return type


class Imitates(MagicMock):
    pass


STRANGE = (Imitates(spec=dict), SaysItIsAClass(), WithoutAHash())
MOCK = STRANGE[0]


class Strange(Desk):
    def __init__(self):
        self.count = 0

    def handler(self, event, context):
        for _ in event["Records"]:
            beside = STRANGE, MOCK, WithoutAHash
            self.count += bool(beside)


def test_objects_that_are_strange_to_look_at_are_no_trouble():
    assert minisqs.prove(Strange, ["a"], faults=1, kinds=["kill"]).states == ("1",)


class Bulk:
    held = tuple(Task() for _ in range(3_000))


class Large(Strange):
    def handler(self, event, context):
        for _ in event["Records"]:
            first = Bulk.held[0]
            second = Bulk.held[1]
            self.count += first is not second


def test_surroundings_that_are_large_are_looked_at_a_few_times_only(monkeypatch):
    looks = []
    have_changed = Surroundings.have_changed
    monkeypatch.setattr(
        Surroundings, "have_changed", lambda self, outside=None: looks.append(1) or have_changed(self, outside)
    )
    minisqs.prove(Large, ["a"], faults=1, kinds=["kill"])
    assert 4 < len(looks) < 20


def test_a_check_that_cannot_begin_leaves_nothing_behind(capsys):
    class Refuses(Strange):
        handler = property(lambda self: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        minisqs.check(Refuses, ["a"])
    sys.stdout.write("heard")
    assert capsys.readouterr().out == "heard"
