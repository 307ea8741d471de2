"""A failing run as a short text, to be had again on another day, another machine, another version of the code.

A token holds a version, digests of subject and messages, the places of the messages that are sent, and the
choices other than 0, with a checksum. A statement is named by a digest of its function and its own text, so it
is found again wherever the file has moved it.
"""

from __future__ import annotations

import base64
from binascii import Error
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import Final
from zlib import crc32

import attrs

from .. import errors
from ..engine.decisions import TIE
from ..sim.code import statements
from ..sim.code.statements import Statement
from ..sim.sources import END, ENGINE_QUESTIONS, POINT_QUESTIONS, Address, Place, PointAddress
from ..sim.works import Work
from .choices import Choices, Exploration
from .stories import Kept

PREFIX: Final = "ms1-"
FAULT_SPACE: Final = 1
"""The version of the questions: another one may number or ask them in another way."""

KINDS: Final = (*POINT_QUESTIONS, *ENGINE_QUESTIONS)
_MAIN: Final = "main/"


@attrs.frozen
class Wanted:
    """One choice of a token.

    Attributes:
        kind, occurrence, answer: As in its address.
        subject: The subject, or four hexadecimal digits for one that is no message of the producer ``main``.
        point: The point, or empty.
        function_digest: Of the function that the statement is in, or empty.
    """

    kind: str
    subject: str
    occurrence: int
    point: str
    function_digest: str
    answer: int

    def means(self, address: Place) -> bool:
        """Whether this is the choice at an address."""
        return (
            address.kind == self.kind
            and address.occurrence == self.occurrence
            and self.subject in (address.subject, _short(address.subject))
            and getattr(address, "point", "") == self.point
        )


@attrs.frozen
class Token:
    """What a token says.

    Attributes:
        case_digest, messages_digest: Of what it was found with.
        kept: The places of the messages; none for all.
        workers: How many may work at once; None for as many as the settings allow.
        choices: What goes wrong.
    """

    case_digest: str
    messages_digest: str
    kept: Kept
    workers: int | None
    choices: tuple[Wanted, ...]


def written(
    case_digest: str, messages_digest: str, kept: Kept, everything: Kept, workers: int | None, plan: Choices
) -> str:
    """The token of a run."""
    raw = bytearray([FAULT_SPACE])
    raw += bytes.fromhex(case_digest) + bytes.fromhex(messages_digest)
    _write(raw, workers or 0)
    if kept == everything:
        _write(raw, 0)
    else:
        _write(raw, len(kept) + 1)
        for place in kept:
            _write(raw, place)
    _write(raw, len(plan))
    for address, answer in plan.items():
        _write_choice(raw, address, answer)
    raw += (crc32(raw) & 0xFFFF).to_bytes(2)
    return PREFIX + base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _write(raw: bytearray, number: int) -> None:
    """A whole number in groups of seven bits."""
    while number > 0x7F:
        raw.append(number & 0x7F | 0x80)
        number >>= 7
    raw.append(number)


def _write_choice(raw: bytearray, address: Place, answer: int) -> None:
    raw.append(KINDS.index(address.kind))
    place = address.subject.removeprefix(_MAIN)
    if place != address.subject and place.isdigit():
        _write(raw, 2 * int(place))
    else:
        _write(raw, 2 * int(_short(address.subject), 16) + 1)
    _write(raw, address.occurrence)
    if isinstance(address, PointAddress):
        digest, _, visit = address.point.rpartition(".")
        _write(raw, 0 if digest == END else int(visit))
        if digest != END:
            raw += bytes.fromhex(digest) + bytes.fromhex(_function_digest(digest))
    _write(raw, answer)


def _function_digest(digest: str) -> str:
    return next(one.function_digest for one in statements.STATEMENTS if one.digest == digest)


def _short(subject: str) -> str:
    return blake2b(subject.encode(), digest_size=2).hexdigest()


def read(token: object) -> Token:
    """What a token says.

    Raises:
        UsageError: It is none, it was cut short or mistyped, or it is another version's.
    """
    token = token.strip() if isinstance(token, str) else token
    if not isinstance(token, str) or not token.startswith("ms"):
        raise errors.UsageError(f"a token is a text that begins with {PREFIX!r}, not {token!r}")
    if not token.startswith(PREFIX):
        raise errors.UsageError(f"{token!r} is of another version of minisqs; this one reads {PREFIX}…")
    text = token.removeprefix(PREFIX)
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (Error, ValueError):
        raw = b""
    if len(raw) < 9 or (crc32(raw[:-2]) & 0xFFFF).to_bytes(2) != raw[-2:]:
        raise errors.UsageError(f"the token {token!r} is not whole: its checksum does not fit")
    if raw[0] != FAULT_SPACE:
        raise errors.UsageError(f"the token {token!r} is of version {raw[0]} of the faults; this is {FAULT_SPACE}")
    return _read(raw)


def _read(raw: bytes) -> Token:
    octets = iter(raw[5:-2])
    workers = _number(octets) or None
    kept = tuple(_number(octets) for _ in range(_number(octets) - 1))
    choices = tuple(_read_choice(octets) for _ in range(_number(octets)))
    return Token(raw[1:3].hex(), raw[3:5].hex(), kept, workers, choices)


def _number(octets: Iterator[int]) -> int:
    number = shift = 0
    for octet in octets:
        number |= (octet & 0x7F) << shift
        shift += 7
        if octet < 0x80:
            break
    return number


def _read_choice(octets: Iterator[int]) -> Wanted:
    kind = KINDS[next(octets)]
    coded = _number(octets)
    subject = f"{coded >> 1:04x}" if coded & 1 else f"{_MAIN}{coded >> 1}"
    occurrence = _number(octets)
    point = function_digest = ""
    if kind in POINT_QUESTIONS:
        visit = _number(octets)
        if visit:
            point = f"{bytes(next(octets) for _ in range(4)).hex()}.{visit}"
            function_digest = bytes(next(octets) for _ in range(2)).hex()
        else:
            point = f"{END}.1"
    return Wanted(kind, subject, occurrence, point, function_digest, _number(octets))


class Replay(Exploration):
    """Answers as a token has it.

    Args:
        choices: The token's.
        kinds: Names of the faults that may happen.
    """

    def __init__(self, choices: tuple[Wanted, ...], kinds: frozenset[str]) -> None:
        plan: dict[Place, int] = {}
        for one in choices:
            if one.point:
                plan[PointAddress(one.kind, one.subject, one.occurrence, one.point)] = one.answer
            else:
                plan[Address(one.kind, one.subject, one.occurrence)] = one.answer
        super().__init__(plan, kinds, records=False)
        self._choices = choices

    @property
    def asks_the_engine(self) -> bool:
        """A token may know subjects by a digest only, so everything is asked."""
        return True

    @property
    def asks_ties(self) -> bool:
        """Whether the order of simultaneous events is another."""
        return any(one.kind == TIE for one in self._choices)

    def choose(self, kind: str, subject: str, options: int, weights: Sequence[float] | None = None) -> int:
        """What the token has for a question, whose subject it may know by a digest only."""
        address = Address(kind, subject, self._count(kind, subject))
        for one in self._choices:
            if not one.point and one.means(address):
                return self._happens(address, min(one.answer, options - 1))
        return 0

    def begin(self, work: Work) -> None:
        """Find what is planned for a work, whose subject the token may know by a digest only."""
        super().begin(work)
        planned = self._at.get((_short(work.subject), work.occurrence))
        if planned:
            self._now[work] = planned

    def afresh(self) -> Replay:
        """The same for another run."""
        return Replay(self._choices, frozenset(self.kinds))


def check_replayed(choices: tuple[Wanted, ...], happened: Choices, code: Sequence[Statement]) -> None:
    """Refuse to call it the same run if something of a token did not happen, by the statements that there are now.

    Raises:
        UsageError: Names where the code has changed.
    """
    for one in choices:
        if not any(one.means(address) for address in happened):
            raise errors.UsageError(_changed(one, code))


def _changed(one: Wanted, code: Sequence[Statement]) -> str:
    producer, _, place = one.subject.rpartition("/")
    subject = f"message {place}" if producer else f"the subject {one.subject}"
    if not one.point:
        return f"this is not the run of the token: {one.kind!r} number {one.occurrence + 1} of {subject} never came up"
    delivery = f"delivery {one.occurrence + 1} of {subject}"
    if one.point.startswith(END):
        return f"this is not the run of the token: {delivery} never came to its end"
    digest = one.point.partition(".")[0]
    known = next((statement for statement in code if statement.digest == digest), None)
    if known is not None:
        return (
            f"this is not the run of the token: {delivery} did not come to `{known.text}` ({known.path}:{known.line}); "
            "the code before it has changed"
        )
    function = next(
        (statement.function for statement in code if statement.function_digest == one.function_digest), None
    )
    at = f"{function}: the statement of the token is not there any more" if function else "a function that is gone"
    return f"the code changed at {at} ({one.kind} in {delivery})"
