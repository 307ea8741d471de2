"""Strategies for Hypothesis: what may be sent, under which settings, and what goes wrong.

Whatever they draw, SQS takes. Large texts are a few drawn characters again and again, so they cost little of the
data that an example is made of. A plan of faults is drawn before the run that it is for, as few small numbers: it
shrinks to the faults that matter, and the shortest plan is the perfect queue.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeAlias

import attrs

from .. import errors, limits
from ..client.attributes import QueueAttributes
from ..engine import checks
from ..engine import decisions as chance
from ..engine.values import RawAttributes, SendMessage
from ..limits import Range
from ..sim.faults import FAULTS, Faults, check_name
from ..sim.sources import FaultPlan

try:
    from hypothesis import strategies as st
except ModuleNotFoundError as error:  # pragma: no cover  # a test takes Hypothesis away in another process
    if error.name != "hypothesis":
        raise
    raise ModuleNotFoundError(
        "minisqs.strategies needs Hypothesis: pip install 'minisqs[hypothesis]'", name="hypothesis"
    ) from None

Strategy: TypeAlias = st.SearchStrategy

WEIGHTS: Final = {
    chance.KILL: 6, chance.OVERLAP: 6, chance.DUPLICATE: 3, chance.DUPLICATE_AFTER_DELETE: 3, chance.REORDER: 2,
    chance.SPLIT: 2, chance.STALL: 2,
}  # fmt: skip
"""How often a question is among the faults of a plan, against 1 for all others: what breaks most consumers comes first."""

MOST_ANSWERS: Final = {
    chance.OVERLAP: 3, chance.DUPLICATE_AFTER_DELETE: len(chance.STRAY_DELAYS), chance.REORDER: 2, chance.SPLIT: 2,
    chance.STALL: len(chance.STALLS), chance.MISS: chance.ALL_SERVERS, chance.STALE_COUNTS: len(chance.COUNT_LAGS_S),
    chance.TIE: 2, chance.SKEW: len(chance.SKEWS_S),
}  # fmt: skip
"""The answers from 1 that are drawn to each question; 1 is the only one to all others."""

GAPS: Final = (*sorted([*range(16), *range(12), *range(8), *range(5)]), *range(17, 60, 3))
"""How many chances lie between two faults of a kind: few more often than many, as handlers are short."""

TIMES: Final = (1, 1, 1, 1, 1, 1, 2, 3)
"""How often a fault happens in a row, the same number of chances apart: what kills a worker may kill the next one too."""

SCHEDULING: Final = ("reorder", "split", "tie", "overlap", "stall")
"""The faults that only put what happens into another order."""

_CHARACTERS: Final = st.characters(
    min_codepoint=0x20, exclude_categories=["Cs"], exclude_characters="\ufffe\uffff", include_characters="\t\n\r"
)
_WORD: Final = st.text("abcXYZ019_-", min_size=1, max_size=12)
_LETTERS: Final = "abcXYZ019_-\u00c0\u017f"
_PRINTABLE: Final = st.characters(min_codepoint=0x21, max_codepoint=0x7E)
_NUMBERS: Final = ("0", "-0.0", "1e126", "-1E-128", "9" * 38, f"+.{'1' * 38}", "007")


# ------------------------------------------------------------------------------------------ what goes wrong
def fault_plans(faults: Iterable[str] | None = None, *, most: int = 4) -> Strategy[FaultPlan]:
    """Plans for ``minisqs.run(..., faults=plan)``: at which chances of each kind something goes wrong.

    Args:
        faults: Names of the faults that may happen; None for all but those that are opt-in.
        most: How many things may go wrong, 0 or more, of which each may happen up to three times in a row.

    Raises:
        UsageError: Not a fault.
    """
    names = tuple(name for name, one in FAULTS.items() if not one.opt_in) if faults is None else _names(faults)
    kinds = [kind for name in names for kind in FAULTS[name].questions]
    weighted = [kind for kind in sorted(kinds, key=_rank) for _ in range(WEIGHTS.get(kind, 1))]
    entries = st.tuples(st.sampled_from(weighted), st.sampled_from(GAPS), st.integers(1, 12), st.sampled_from(TIMES))
    return _plans(st.lists(entries, max_size=most))


def schedules(*, most: int = 4) -> Strategy[FaultPlan]:
    """The same of deliveries in another order and works that overlap: nothing comes twice but what stalls past its lease.

    That is ``fault_plans`` of ``reorder``, ``split``, ``tie``, ``overlap`` and ``stall``. (An overlap may show the
    message that is worked on once more, as one that stalls does.)
    """
    return fault_plans(SCHEDULING, most=most)


def _names(faults: Iterable[str]) -> tuple[str, ...]:
    if isinstance(faults, str) or not isinstance(faults, Iterable):
        raise errors.UsageError(f"faults are a list of names, not {faults!r}")
    names = tuple(faults)
    for name in names:
        check_name(name)
    if not names:
        raise errors.UsageError("faults are at least one name; most=0 draws the perfect queue")
    return names


def _rank(kind: str) -> int:
    return -WEIGHTS.get(kind, 1)


@st.composite
def _plans(draw: st.DrawFn, drawn: Strategy[list[tuple[str, int, int, int]]]) -> FaultPlan:
    chances: dict[str, dict[int, int]] = {}
    for kind, gap, answer, times in draw(drawn):
        answers = chances.setdefault(kind, {})
        for _ in range(times):
            at = max(answers, default=-1) + 1 + gap
            answers[at] = 1 + (answer - 1) % MOST_ANSWERS.get(kind, 1)
    return FaultPlan(**chances)


def fault_rates() -> Strategy[Faults]:
    """Rates for ``World(seed, faults=...)``: of the faults that act outside of the user's code, each from 0 to 1."""
    names = [name for name, one in FAULTS.items() if not one.in_code]
    rates = st.dictionaries(st.sampled_from(names), st.sampled_from([0.05, 0.2, 0.5, 1.0]), max_size=4)
    return rates.map(lambda drawn: Faults(**drawn))


# ---------------------------------------------------------------------------------------------- what is sent
class _Sized(str):
    """A text that is printed as what makes it, as a megabyte in a report helps nobody."""

    __slots__ = ("_made_of",)
    _made_of: tuple[str, int]

    def __repr__(self) -> str:
        return f"sized{self._made_of!r}"


def sized(text: str, size_bytes: int) -> str:
    """A text of exactly ``size_bytes`` bytes in UTF-8: ``text`` again and again, and what is left over as ``x``.

    >>> sized("ab", 5) == "ababx", sized("ab", 5)
    (True, sized('ab', 5))
    """
    each = len(text.encode())
    made = _Sized(text * (size_bytes // each) + "x" * (size_bytes % each))
    made._made_of = (str(text), size_bytes)
    return made


def _texts(max_bytes: int) -> Strategy[str]:
    """Texts of all legal characters; of one byte, and of the most bytes, more often than of others."""
    short = st.text(_CHARACTERS, min_size=1, max_size=max(1, min(40, max_bytes // 4)))
    if max_bytes < 4:  # no room for every character
        short = st.text("ab", min_size=1, max_size=max_bytes)
    full = st.builds(sized, short, st.sampled_from([max_bytes, max(1, max_bytes - 1)]))
    return st.one_of(short, short, full)


def bodies(*, max_bytes: int = limits.MAXIMUM_MESSAGE_SIZE.highest) -> Strategy[str]:
    """Message bodies: every character that SQS takes, from 1 byte to ``max_bytes``, both included.

    Args:
        max_bytes: 1 to 1,048,576; the queue's ``maximum_message_size``.
    """
    return _texts(_bytes(max_bytes))


def _bytes(max_bytes: int) -> int:
    highest = limits.MAXIMUM_MESSAGE_SIZE.highest
    if isinstance(max_bytes, bool) or not isinstance(max_bytes, int) or not 1 <= max_bytes <= highest:
        raise errors.UsageError(f"max_bytes is a whole number from 1 to {highest:,}, not {max_bytes!r}")
    return max_bytes


def message_attributes(*, max_size: int = limits.MESSAGE_ATTRIBUTES) -> Strategy[dict[str, dict[str, Any]]]:
    """Message attributes in AWS's form: names within the rules, the three types with labels of one's own, values.

    Args:
        max_size: How many at most, 0 to 10.
    """
    return st.dictionaries(_attribute_names(), _attribute_values(), max_size=max_size)


def _attribute_names() -> Strategy[str]:
    parts = st.lists(st.text(_LETTERS, min_size=1, max_size=12), min_size=1, max_size=3)
    plain = parts.map(".".join)
    longest = st.builds(sized, st.sampled_from("aZ\u00c0"), st.just(limits.ATTRIBUTE_NAME_LENGTH))
    return st.one_of(plain, plain, plain, longest)


def _attribute_values() -> Strategy[dict[str, Any]]:
    texts = _texts(limits.ATTRIBUTE_TYPE_LENGTH)
    whole = st.integers(1 - 10**limits.NUMBER_DIGITS, 10**limits.NUMBER_DIGITS - 1).map(str)
    return st.one_of(
        st.builds(_attribute, st.just("String"), st.just("StringValue"), _labels(), texts),
        st.builds(_attribute, st.just("Number"), st.just("StringValue"), _labels(), whole | st.sampled_from(_NUMBERS)),
        st.builds(_attribute, st.just("Binary"), st.just("BinaryValue"), _labels(), st.binary(min_size=1, max_size=40)),
    )


def _labels() -> Strategy[str]:
    """Nothing, or a label behind the type, which with it is 256 bytes at most."""
    longest = limits.ATTRIBUTE_TYPE_LENGTH - len("String.")
    return st.one_of(st.just(""), st.just(""), _texts(longest).map(lambda label: f".{label}"))


def _attribute(data_type: str, field: str, label: str, value: object) -> dict[str, Any]:
    return {"DataType": data_type + label, field: value}


def group_ids() -> Strategy[str]:
    """Message group ids: 1 to 128 letters, digits and punctuation; a few of them come again and again."""
    return st.sampled_from(["a", "b", "c"]) | st.text(_PRINTABLE, min_size=1, max_size=128)


def deduplication_ids() -> Strategy[str]:
    """Message deduplication ids: 1 to 128 letters, digits and punctuation; a few of them come again and again."""
    return st.sampled_from(["1", "2"]) | st.text(_PRINTABLE, min_size=1, max_size=128)


def messages(*, fifo: bool = False, max_bytes: int = limits.MAXIMUM_MESSAGE_SIZE.highest) -> Strategy[SendMessage]:
    """Whole messages, body and attributes together within ``max_bytes``, often exactly.

    Args:
        fifo: Whether they are for a FIFO queue: with a group and a deduplication id, without a delay.
        max_bytes: 1 to 1,048,576; the queue's ``maximum_message_size``.
    """
    most = _bytes(max_bytes)
    return st.builds(
        _message,
        st.just(most),
        _texts(min(most, 40)),
        attributes=message_attributes() | st.just({}),
        full=st.booleans(),
        delay_seconds=st.none() if fifo else st.none() | _in(limits.DELAY_SECONDS),
        message_group_id=group_ids() if fifo else st.none() | group_ids(),
        message_deduplication_id=deduplication_ids() if fifo else st.none(),
    )


def _message(most: int, body: str, *, attributes: RawAttributes, full: bool, **others: Any) -> SendMessage:
    """A message whose attributes go where they do not fit; ``full`` makes its body as long as it may be."""
    kept = dict(attributes)
    while kept and checks.message_bytes(SendMessage(body, message_attributes=kept)) > most:
        kept.popitem()
    message = SendMessage(body, message_attributes=kept or None, **others)
    return _with_bytes(message, most) if full else message


def _with_bytes(message: SendMessage, size_bytes: int) -> SendMessage:
    """The same with a body that makes it so large."""
    others = checks.message_bytes(message) - checks.message_bytes(message.body)
    return attrs.evolve(message, body=sized(_seed_of(message.body), size_bytes - others))


def _seed_of(body: str) -> str:
    """What a long text is made of."""
    return body._made_of[0] if isinstance(body, _Sized) else body


def batches(*, fifo: bool = False, max_bytes: int = limits.BATCH_BYTES) -> Strategy[list[SendMessage]]:
    """One to ten messages for ``Queue.send_batch``, together within ``max_bytes``, often exactly.

    Args:
        fifo: Whether they are for a FIFO queue.
        max_bytes: 10,240 to 1,048,576: room for ten messages with their attributes.
    """
    lowest = 10 * SMALL
    if isinstance(max_bytes, bool) or not isinstance(max_bytes, int) or not lowest <= max_bytes <= limits.BATCH_BYTES:
        raise errors.UsageError(
            f"max_bytes of a batch is a whole number from {lowest:,} to {limits.BATCH_BYTES:,}, not {max_bytes!r}"
        )
    several = st.lists(messages(fifo=fifo, max_bytes=SMALL), min_size=1, max_size=limits.BATCH_ENTRIES)
    return st.builds(_batch, several, st.sampled_from([None, None, max_bytes]))


SMALL: Final = 1024
"""So many bytes each message of a batch has but the last."""


def _batch(several: list[SendMessage], full_bytes: int | None) -> list[SendMessage]:
    if full_bytes is None:
        return several
    *others, last = several
    return [*others, _with_bytes(last, full_bytes - sum(map(checks.message_bytes, others)))]


def batch_entries(*, fifo: bool = False) -> Strategy[list[dict[str, Any]]]:
    """The same as the ``Entries`` of boto3's ``send_message_batch``, with distinct ids of 1 to 80 characters."""
    ids = st.lists(_WORD | st.just("x" * 80), min_size=limits.BATCH_ENTRIES, max_size=limits.BATCH_ENTRIES, unique=True)
    return st.builds(_entries, ids, batches(fifo=fifo))


_FIELDS: Final = {
    "body": "MessageBody", "delay_seconds": "DelaySeconds", "message_attributes": "MessageAttributes",
    "message_group_id": "MessageGroupId", "message_deduplication_id": "MessageDeduplicationId",
}  # fmt: skip


def _entries(ids: Sequence[str], several: Sequence[SendMessage]) -> list[dict[str, Any]]:
    return [
        {"Id": entry_id}
        | {name: value for field, name in _FIELDS.items() if (value := getattr(message, field)) is not None}
        for entry_id, message in zip(ids, several, strict=False)
    ]


# ------------------------------------------------------------------------------------------------- to whom
def queue_names(*, fifo: bool = False) -> Strategy[str]:
    """Names of queues: 1 to 80 letters, digits, hyphens and underscores; with ``.fifo`` at the end if ``fifo``."""
    suffix = ".fifo" if fifo else ""
    names = st.text("abcXYZ019_-", min_size=1, max_size=80 - len(suffix))
    return names.map(lambda name: name + suffix)


def queue_attributes(*, fifo: bool = False) -> Strategy[QueueAttributes]:
    """Arguments of ``create_queue`` by name, each from its whole range, its ends more often; any may be left out.

    Args:
        fifo: Whether they are those of a FIFO queue, whose name then ends in ``.fifo``.
    """
    optional: dict[str, Strategy[Any]] = {
        "delay_seconds": _in(limits.DELAY_SECONDS),
        "maximum_message_size": _in(limits.MAXIMUM_MESSAGE_SIZE),
        "message_retention_period": _in(limits.MESSAGE_RETENTION_PERIOD),
        "receive_message_wait_time_seconds": _in(limits.RECEIVE_MESSAGE_WAIT_TIME_SECONDS),
        "visibility_timeout": _in(limits.VISIBILITY_TIMEOUT),
        "kms_data_key_reuse_period_seconds": _in(limits.KMS_DATA_KEY_REUSE_PERIOD_SECONDS),
        "sqs_managed_sse_enabled": st.booleans(),
    }
    plain: Strategy[Any] = st.fixed_dictionaries({}, optional=optional)
    if not fifo:
        return plain
    optional |= {"content_based_deduplication": st.booleans()}
    whole = st.fixed_dictionaries({"fifo_queue": st.just(value=True)}, optional=optional)
    return st.builds(_with_throughput, whole, st.sampled_from(_THROUGHPUTS))


_THROUGHPUTS: Final[tuple[dict[str, str], ...]] = (
    {},
    {"deduplication_scope": "queue", "fifo_throughput_limit": "perQueue"},
    {"deduplication_scope": "messageGroup", "fifo_throughput_limit": "perQueue"},
    {"deduplication_scope": "messageGroup", "fifo_throughput_limit": "perMessageGroupId"},
)


def _with_throughput(attributes: dict[str, Any], throughput: dict[str, str]) -> Any:
    return {**attributes, **throughput}


def _in(permitted: Range) -> Strategy[int]:
    ends = st.sampled_from([permitted.default, permitted.lowest, permitted.highest])
    return ends | st.integers(permitted.lowest, permitted.highest)
