"""What may go wrong, as data: how often each legal misbehaviour happens, where, and what permits it.

Each fault is a name for one or more questions of ``engine.decisions``. Nothing here does anything; the
sources draw by these rates, and the journal and the docs tell with these words. ``legal`` says where a
fault may happen at all; whatever it refuses is never injected.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import attrs

from .. import errors
from ..engine import decisions as chance

DEFAULT_RATE: Final = 0.1
"""How often a fault happens that was asked for by name only."""

STANDARD: Final = "standard"
FIFO: Final = "fifo"
QUEUES: Final = (STANDARD, FIFO)

LAMBDA: Final = "lambda"
PROCESS: Final = "process"
CONSUMERS: Final = (LAMBDA, PROCESS)


class Fault(NamedTuple):
    """One legal misbehaviour.

    Attributes:
        questions: By which it comes about.
        what: What happens, in words.
        permitted_by: The page of AWS, or the fact of life, that permits it.
        queues: The types of queue that it happens to.
        consumers: The kinds of worker that it happens to.
        in_code: Whether it acts between the statements of the user's code, so that only a check can do it.
        opt_in: Whether it happens only where it is asked for by name.
    """

    questions: tuple[str, ...]
    what: str
    permitted_by: str
    queues: tuple[str, ...] = QUEUES
    consumers: tuple[str, ...] = CONSUMERS
    in_code: bool = False
    opt_in: bool = False

    @property
    def where(self) -> str:
        """Where it happens, in words."""
        queues = "" if self.queues == QUEUES else f"{self.queues[0]} queues"
        consumers = "" if self.consumers == CONSUMERS else _CONSUMERS_IN_WORDS[self.consumers[0]]
        return " and ".join(filter(None, (queues, consumers))) or "all"


_CONSUMERS_IN_WORDS: Final = {LAMBDA: "Lambda", PROCESS: "processes"}

FAULTS: Final[Mapping[str, Fault]] = {
    "duplicate": Fault(
        (chance.DUPLICATE, chance.DUPLICATE_AFTER_DELETE),
        "a copy is delivered again while another is in flight, or after the delete",
        "SQS guide, At-least-once delivery",
        queues=(STANDARD,),
    ),
    "reorder": Fault(
        (chance.REORDER,),
        "another available message than the oldest is handed out",
        "SQS guide, Best-effort ordering",
        queues=(STANDARD,),
    ),
    "miss": Fault(
        (chance.MISS,),
        "a short poll asks a weighted sample of the queue's servers",
        "SQS guide, Short and long polling",
        queues=(STANDARD,),
    ),
    "stale_delete": Fault(
        (chance.STALE_DELETE,),
        "a delete with an older receipt handle does not stick",
        "API_DeleteMessage",
        queues=(STANDARD,),
    ),
    "stale_counts": Fault(
        (chance.STALE_COUNTS,),
        "counters are as they were up to 60 seconds ago",
        "API_GetQueueAttributes",
        queues=(STANDARD,),
    ),
    "lost_answer": Fault(
        (chance.LOST_ANSWER,),
        "SQS has done it, and the caller gets a connection error instead of the answer",
        "the network, which may fail after the call as well as before",
    ),
    "api_error": Fault(
        (chance.API_ERROR,),
        "SQS has not done it: it answers with an internal error",
        "SQS API reference, Common errors",
    ),
    "partial": Fault(
        (chance.PARTIAL,),
        "a batch call answers 200, and some of its entries failed",
        "API_DeleteMessageBatch and the other batch actions",
    ),
    "kill": Fault(
        (chance.KILL,),
        "the process or environment dies before a statement, or after the last and before the delete",
        "power, and Lambda guide, Function timeout",
        in_code=True,
    ),
    "interrupt": Fault(
        (chance.INTERRUPT,),
        "an exception is thrown in before a statement, as a signal handler does",
        "signals, and cancellation",
        consumers=(PROCESS,),
        in_code=True,
        opt_in=True,
    ),
    "stall": Fault(
        (chance.STALL,),
        "a worker sleeps past its lease, then goes on",
        "SQS guide, Visibility timeout",
        in_code=True,
    ),
    "overlap": Fault(
        (chance.OVERLAP,),
        "another delivery runs while one is under way, between two of its statements",
        "SQS guide, At-least-once delivery and Visibility timeout",
        in_code=True,
    ),
    "recycle": Fault(
        (chance.RECYCLE,),
        "a warm environment is replaced by a new one",
        "Lambda guide, Execution environment lifecycle",
        consumers=(LAMBDA,),
    ),
    "split": Fault(
        (chance.SPLIT,),
        "a poller takes fewer messages than it may, so they spread over other batches",
        "Lambda guide, Using Lambda with Amazon SQS",
        consumers=(LAMBDA,),
    ),
    "throttle": Fault(
        (chance.THROTTLE,),
        "an invocation is refused, and the poller tries again later",
        "Lambda guide, Understanding Lambda function scaling",
        consumers=(LAMBDA,),
    ),
    "tie": Fault(
        (chance.TIE,),
        "events that are due at one nanosecond happen in another order",
        "nothing promises an order",
    ),
    "skew": Fault(
        (chance.SKEW,),
        "the clocks of workers differ",
        "clocks",
        consumers=(PROCESS,),
        in_code=True,
        opt_in=True,
    ),
}

FAULT_OF: Final[Mapping[str, str]] = {question: name for name, fault in FAULTS.items() for question in fault.questions}
"""The fault by which each question comes about."""


def legal(fault: str, queue: str, consumer: str, *, lease_may_end: bool = True, of_another_group: bool = False) -> bool:
    """Whether a fault may happen to a consumer of a queue.

    Args:
        fault: Its name.
        queue: ``standard`` or ``fifo``.
        consumer: ``lambda`` or ``process``.
        lease_may_end: Whether the visibility timeout can end while the work is under way: for a process
            always; for Lambda only where what was left of it at the start is shorter than the function's
            timeout.
        of_another_group: Of ``overlap`` on a FIFO queue: whether the second delivery is of another message
            group, which FIFO queues hand out side by side.

    Raises:
        UsageError: Not the name of a fault, a type of queue or a kind of consumer.

    >>> legal("duplicate", "fifo", "lambda"), legal("stall", "standard", "lambda", lease_may_end=False)
    (False, False)
    """
    check_name(fault)
    for value, allowed in ((queue, QUEUES), (consumer, CONSUMERS)):
        if value not in allowed:
            raise errors.UsageError(f"{value!r} is not one of {', '.join(allowed)}")
    one = FAULTS[fault]
    needs_ended_lease = fault == "stall" or (fault == "overlap" and queue == FIFO and not of_another_group)
    return queue in one.queues and consumer in one.consumers and (lease_may_end or not needs_ended_lease)


def check_name(name: object) -> None:
    """Refuse what is not the name of a fault.

    Raises:
        UsageError: It is none.
    """
    if isinstance(name, tuple):
        raise errors.UsageError(f"{name!r} is the address of a choice: give choices as a Plan")
    if name not in FAULTS:
        raise errors.UsageError(f"{name!r} is not a fault; the faults are {', '.join(FAULTS)}")


def _rate(instance: object, attribute: attrs.Attribute[float], value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise errors.UsageError(f"the rate of the fault {attribute.name!r} is a number from 0 to 1, not {value!r}")


def _share() -> float:
    return attrs.field(default=0.0, validator=_rate)


@attrs.frozen(kw_only=True)
class Faults:
    """How often each fault happens, as a share of the occasions on which it could, 0 to 1.

    Attributes:
        duplicate: Of receives and of deletes: the message comes again.
        reorder: Of messages handed out: a younger one goes first.
        miss: Of short polls: some servers are not asked.
        stale_delete: Of deletes with an older handle: nothing is deleted.
        stale_counts: Of looks at a queue's counters: they are old.
        lost_answer: Of calls, but those that make and change queues: done, and the answer is lost.
        api_error: Of the same calls: not done, for a fault of SQS's own.
        partial: Of entries of batch calls: not done.
        kill, interrupt, stall, overlap: Of statements; only where minisqs runs the code (``check``, ``run`` …).
        recycle: Of warm starts: the environment is a new one.
        split: Of receives by a Lambda poller: it takes fewer messages than it may.
        throttle: Of invocations by a Lambda poller: refused.
        tie: Of events due at one nanosecond: another goes first.
        skew: Of processes: their clock is off.

    Raises:
        UsageError: A rate is not a number from 0 to 1.
    """

    duplicate: float = _share()
    reorder: float = _share()
    miss: float = _share()
    stale_delete: float = _share()
    stale_counts: float = _share()
    lost_answer: float = _share()
    api_error: float = _share()
    partial: float = _share()
    kill: float = _share()
    interrupt: float = _share()
    stall: float = _share()
    overlap: float = _share()
    recycle: float = _share()
    split: float = _share()
    throttle: float = _share()
    tie: float = _share()
    skew: float = _share()

    @classmethod
    def named(cls, names: Iterable[str] | Mapping[str, float]) -> Faults:
        """Each of ``names`` at the rate it is mapped to, or at 0.1.

        Raises:
            UsageError: Not the name of a fault, or not a rate.
        """
        rates = (
            names
            if isinstance(names, Mapping)
            else dict.fromkeys([names] if isinstance(names, str) else names, DEFAULT_RATE)
        )
        for name in rates:
            check_name(name)
        return cls(**rates)

    def by_question(self) -> dict[str, float]:
        """The rate at which each of the questions is answered with something else than 0."""
        return {question: getattr(self, name) for name, fault in FAULTS.items() for question in fault.questions}

    def wanted(self) -> frozenset[str]:
        """The names of those that happen at all."""
        return frozenset(name for name in FAULTS if getattr(self, name))


def in_words(question: str, answer: int) -> str:
    """What an answer other than 0 did.

    >>> in_words("reorder", 3)
    'the 3rd message behind it is handed out first'
    """
    if question == chance.MISS:
        missed = answer.bit_count()
        return f"the poll asks {chance.SERVERS - missed} of the queue's {chance.SERVERS} servers"
    if question in _LISTED:
        words, listed = _LISTED[question]
        return words.format(listed[answer - 1])
    if question == chance.OVERLAP:
        return "others go on before it does" if answer == 1 else "a message of its batch is delivered again meanwhile"
    return _WORDS[question].format(answer=answer, ordinal=ordinal(answer))


def skew_s(answer: int) -> int:
    """How many seconds a clock is off: 1, -1, 60, -60 for the answers 1 to 4."""
    return chance.SKEWS_S[answer - 1]


_LISTED: Final[Mapping[str, tuple[str, Sequence[object]]]] = {
    chance.DUPLICATE_AFTER_DELETE: ("a server missed the delete; its copy is shown again {}", chance.STRAY_DELAYS),
    chance.STALL: ("it sleeps until {}", chance.STALLS),
    chance.STALE_COUNTS: ("the counters are {} seconds old", chance.COUNT_LAGS_S),
    chance.SKEW: ("its clock is {:+d} s off", chance.SKEWS_S),
}
"""The questions of which each answer stands for something in a list."""

_WORDS: Final[Mapping[str, str]] = {
    chance.DUPLICATE: "it is shown again at once, beside the delivery in flight",
    chance.REORDER: "the {ordinal} message behind it is handed out first",
    chance.STALE_DELETE: "a delete with an older receipt handle does not stick",
    chance.SPLIT: "it takes {answer} at most",
    chance.TIE: "the {ordinal} event behind it happens first",
    chance.API_ERROR: "SQS answers with an internal error, and has done nothing",
    chance.LOST_ANSWER: "SQS has done it, and the answer is lost",
    chance.PARTIAL: "this entry of the batch fails with an internal error",
    chance.THROTTLE: "the invocation is refused: Rate Exceeded",
    chance.RECYCLE: "the warm environment is gone, and a new one is made",
    chance.KILL: "its process or environment dies here",
    chance.INTERRUPT: "an exception is thrown in here",
}


def ordinal(number: int) -> str:
    """A number as it is counted: 1st, 2nd."""
    suffix = {1: "st", 2: "nd", 3: "rd"}.get(number % 10 if number % 100 not in (11, 12, 13) else 0, "th")
    return f"{number}{suffix}"
