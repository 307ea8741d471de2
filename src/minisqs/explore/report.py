"""What a failing check says: a verdict in one sentence, what was expected, what went wrong in the world, the story.

Written for somebody who has never seen minisqs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from textwrap import wrap
from typing import Any, Final

import attrs

from ..engine import decisions as chance
from ..sim import faults
from ..sim.code import statements
from ..sim.sources import END, Place, PointAddress
from . import telling
from .names import NO_NAMES, call_in_words, name_of
from .oracles import ALWAYS, COMMUTES, DRAINS, NOTHING, SAME, SOMETIMES, TESTED_NOTHING, Finding
from .repetitions import Rounds, rounds_of
from .stories import Story
from .telling import Line
from .values import first_difference, shortened, shown

WIDTH: Final = 108
SHORT: Final = 60
MOST_FAULTS: Final = 4
"""So many faults are told in the verdict."""

SCREEN: Final = 30
"""So many lines a report has, where its faults leave room for that."""

FEWEST_LINES: Final = 12
FEWEST_TO_A_ROUND: Final = 14
"""So many lines it has at least where the same goes on for ever, so that what led there is told."""

MOST_LANES: Final = 6


@attrs.frozen(kw_only=True)
class Fault:
    """One thing that went wrong in the world.

    Attributes:
        name: The name of the fault.
        words: What happened, as a sentence.
        permitted_by: What permits it.
        address, answer: The choice as data.
    """

    name: str
    words: str
    permitted_by: str
    address: Place
    answer: int


@attrs.frozen(kw_only=True)
class Report:
    """The story of a failing run.

    Attributes:
        subject: What was checked.
        verdict: One sentence.
        expected: What the perfect queue leaves behind; where an ``always`` does not hold, that it should, in words.
        got: What this run left behind; where an ``always`` does not hold, what was observed at that moment, None where
            that could not be.
        faults: What went wrong in the world.
        messages: The messages of the run, as place and body.
        timeline: What happened, in order.
        lanes: The workers.
        token: What replays the run.
        replay: The line that does it.
        tried: What was tried until it was found: runs, faults, redeliveries, overlaps.
        seed: Of a sweep, the seed that found it.
        plan: The choices: ``minisqs.run(..., faults=Plan(report.plan), workers=report.workers)`` is the same run.
        workers: How many deliveries may be under way at once in it; None for as many as the settings allow.
        oracle: Which oracle says that it breaks.
        file: The file of the lines of code in the timeline that name none; empty where there are no such lines.
        is_smallest: Whether it was made as small as it gets, so that each of the faults is needed.
    """

    subject: str
    verdict: str
    expected: Any
    got: Any
    faults: tuple[Fault, ...]
    messages: tuple[tuple[int, str], ...]
    timeline: tuple[Line, ...]
    lanes: tuple[str, ...]
    token: str
    replay: str
    tried: Any = None
    seed: int | None = None
    oracle: str = SAME
    plan: dict[Place, int] = attrs.field(factory=dict)
    workers: int | None = None
    file: str = ""
    is_smallest: bool = True

    def text(self) -> str:
        """The whole report, in 30 lines for an ordinary bug."""
        return "\n".join(_text(self)) + "\n"

    def __str__(self) -> str:
        return self.text()


def fault_of(
    address: Place,
    answer: int,
    call: tuple[str, str] | None = None,
    points: Mapping[str, tuple[int, int]] | None = None,
    names: Mapping[str, str] | None = None,
) -> Fault:
    """One choice, in words.

    Args:
        address, answer: What was chosen.
        call: The action and the queue that it is about, where it is about a call.
        points: Which statement a point of its address is at, and of a call the one that makes it; the last with its
            digest unless given.
        names: What messages are called, by address, of which the address does not say it best.
    """
    name = faults.FAULT_OF[address.kind]
    return Fault(
        name=name,
        words=sentence(address, answer, call, points, names),
        permitted_by=faults.FAULTS[name].permitted_by,
        address=address,
        answer=answer,
    )


def sentence(
    address: Place,
    answer: int,
    call: tuple[str, str] | None = None,
    points: Mapping[str, tuple[int, int]] | None = None,
    names: Mapping[str, str] | None = None,
) -> str:
    """What a choice did, as a sentence without a full stop."""
    subject = address.subject if address.kind in _OF_WORKERS else name_of(address.subject, names or NO_NAMES)
    if isinstance(address, PointAddress):
        return f"{_who(address, names or NO_NAMES)} {_at_point(address, answer, points or {})}"
    again = f", the {faults.ordinal(address.occurrence + 1)} time" if address.occurrence else ""
    if address.kind in _CALLS:
        again = f", in its {faults.ordinal(address.occurrence + 1)} call of SQS" if address.occurrence else ""
        return _CALLS[address.kind].format(call_in_words(call, address.subject, names or NO_NAMES)) + again
    return _SENTENCES[address.kind](subject, answer) + again


def _who(address: PointAddress, names: Mapping[str, str]) -> str:
    """Whose code it is, in words: the delivery of a message, or a worker."""
    _, is_message, place = address.subject.rpartition("/")
    if is_message and place.isdigit():
        return f"delivery {address.occurrence + 1} of {name_of(address.subject, names)}"
    worker = address.subject if address.subject.startswith("worker") else f"worker {address.subject}"
    return worker + (f", started anew {_times(address.occurrence)}," if address.occurrence else "")


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def _split(subject: str, answer: int) -> str:
    many = "only 1 message" if answer == 1 else f"only {answer} messages"
    return f"a poller ({subject}) takes {many} at first, so that the others go to another batch"


_SENTENCES: Final[Mapping[str, Callable[[str, int], str]]] = {
    chance.DUPLICATE: lambda subject, answer: f"{subject} is delivered a second time, beside its first delivery",
    chance.DUPLICATE_AFTER_DELETE: lambda subject, answer: (
        f"{subject} comes again {chance.STRAY_DELAYS[answer - 1]}, as one server has missed its delete"
    ),
    chance.REORDER: lambda subject, answer: (
        f"{subject} is overtaken by the {'' if answer == 1 else faults.ordinal(answer) + ' '}message behind it"
    ),
    chance.MISS: lambda subject, answer: (
        f"a short poll of the queue {subject!r} asks {chance.SERVERS - answer.bit_count()} of its {chance.SERVERS} servers"
    ),
    chance.STALE_DELETE: lambda subject, answer: f"a delete of {subject} with an older receipt handle does not stick",
    chance.STALE_COUNTS: lambda subject, answer: (
        f"the counters of the queue {subject!r} are {chance.COUNT_LAGS_S[answer - 1]} s old"
    ),
    chance.THROTTLE: lambda subject, answer: f"the invocation with {subject} is throttled, and tried again later",
    chance.RECYCLE: lambda subject, answer: f"{subject} meets a new environment in place of the warm one",
    chance.SPLIT: _split,
    chance.TIE: lambda subject, answer: f"what {subject} does comes after the {faults.ordinal(answer)} thing behind it",
    chance.SKEW: lambda subject, answer: f"the clock of {subject} is {faults.skew_s(answer):+d} s off",
}


_OF_WORKERS: Final = (chance.SPLIT, chance.TIE, chance.SKEW)
"""What is about no message."""

_CALLS: Final[Mapping[str, str]] = {
    chance.API_ERROR: "SQS answers {} with an internal error, and does nothing",
    chance.LOST_ANSWER: "SQS does {}, and its answer is lost",
    chance.PARTIAL: "SQS fails in one entry of {}, and does the others",
}


def _at_point(address: PointAddress, answer: int, points: Mapping[str, tuple[int, int]]) -> str:
    digest, _, visit = address.point.rpartition(".")
    here = "after its last statement, before the delete"
    if digest != END:
        number, around = points.get(address.point) or (_latest(digest), -1)
        is_call = not statements.STATEMENTS[number].line
        text = telling.text_of(number)
        here = f"before its call {text}" if is_call else f"before `{text}`"
        if not is_call or (around >= 0 and statements.STATEMENTS[around].line):
            here += f" ({telling.where(around if is_call else number)})"
        if visit != "1":
            here += f", the {faults.ordinal(int(visit))} time it comes there"
    if address.kind == chance.KILL:
        return f"is killed {here}"
    if address.kind == chance.INTERRUPT:
        return f"is interrupted {here}"
    if address.kind == chance.STALL:
        return f"stalls until {chance.STALLS[answer - 1]}, {here}"
    if answer == 1:
        return f"waits {here} while others go on"
    copy = "the message is" if answer == 2 else f"message {answer - 1} of its batch is"
    return f"waits {here} while {copy} delivered a second time"


def _latest(digest: str) -> int:
    """The number of the last statement with a digest in any file."""
    for statement in reversed(statements.STATEMENTS):
        if statement.digest == digest:
            return statement.number
    raise LookupError(digest)


def verdict_of(story: Story, found: Sequence[Fault]) -> str:
    """The whole story in one sentence."""
    finding = story.finding
    if finding.oracle == NOTHING:
        return "nothing is wrong with the end of this run."
    went_wrong = ", and ".join(fault.words for fault in found[:MOST_FAULTS]) or "though nothing goes wrong"
    if len(found) > MOST_FAULTS:
        more = len(found) - MOST_FAULTS
        went_wrong += ", and one other thing goes wrong" if more == 1 else f", and {more} other things go wrong"
    return f"{_capital(went_wrong)}: {_end(finding)}."


def _end(finding: Finding) -> str:
    if finding.oracle == COMMUTES:
        return f"{finding.what}, the messages leave {_instead(finding)}"
    if finding.oracle == SAME and not finding.what.startswith("observe()"):
        return f"that leaves {_instead(finding)}"
    return finding.what


def _instead(finding: Finding) -> str:
    got, expected = shown(finding.got), shown(finding.expected)
    if max(len(got), len(expected)) <= SHORT:
        return f"{got} instead of {expected}"
    path, wanted, there = first_difference(finding.expected, finding.got, same=finding.same)
    return f"{there} instead of {wanted} at {path}" if path else f"{there} instead of {wanted}"


def _text(report: Report) -> list[str]:
    breaks = "" if report.oracle in {NOTHING, SOMETIMES, TESTED_NOTHING} else " breaks"
    lines = [*wrap(f"{report.subject}{breaks}: {report.verdict}", WIDTH), ""]
    if not report.replay:
        return lines
    lines += [*_states(report), *_faults(report), ""]
    last = ["", "To see it again:", f"  {report.replay}"]
    if report.faults and report.is_smallest:
        last.insert(1, f"Without {'this fault' if len(report.faults) == 1 else 'any one of these faults'} it passes.")
    room = SCREEN - len(lines) - len(last) - 1
    return [*lines, *_timeline(report, max(room, FEWEST_LINES)), *last]


def _states(report: Report) -> list[str]:
    """What should have been there, and what was, each where it can be told."""
    if report.oracle == ALWAYS:
        expected = report.expected
        got = "" if report.got is None else f"{shown(report.got, WIDTH - 38)}   (observed at that moment)"
    else:
        expected = (
            "" if report.oracle == NOTHING else f"{shown(report.expected, WIDTH - 35)}   (after the perfect queue)"
        )
        got = shown(report.got, WIDTH - 10)
    lines = [f"{name:<9} {state}" for name, state in (("expected", expected), ("got", got)) if state]
    return [*lines, ""]


def _faults(report: Report) -> list[str]:
    if not report.faults:
        return ["Nothing went wrong in the world."]
    lines = ["What went wrong in the world; SQS and Lambda may do so:"]
    for fault in report.faults:
        told = f"{_capital(fault.words)}. [{fault.name}: {fault.permitted_by}]"
        lines += wrap(told, WIDTH, initial_indent="  * ", subsequent_indent="    ")
    return lines


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _timeline(report: Report, most: int) -> list[str]:
    """The lines of the timeline, with a lane for each worker; of a story without an end, one round."""
    goes_on = report.oracle == DRAINS and len(report.timeline) > most
    rounds = rounds_of(report.timeline) if goes_on else None
    most = most if rounds is None else max(most, FEWEST_TO_A_ROUND)
    told = _chosen(report.timeline, rounds, most)
    workers = _workers(report, told)
    lines = _header(report, workers)
    if len(lines) > 1:
        told &= _chosen(report.timeline, rounds, max(most - len(lines) + 1, FEWEST_LINES))
    left_out = len(report.timeline) - len(told)
    is_cut = left_out > (0 if rounds is None else rounds.end - rounds.first)
    active: set[int] = set()
    previous = ""
    for index, line in enumerate(report.timeline):
        if line.mark == "+":
            active.add(line.lane)
        marks = " ".join(_mark(line, lane, number, active) for number, lane in enumerate(workers, 1))
        if line.mark == "-" or (line.is_fault and line.text.startswith("is killed")):
            active.discard(line.lane)
        if rounds is not None and index == rounds.first:
            lines.append(
                f"{'':>9}  … and so on, {rounds.times} times more{'' if is_cut else '; report.timeline has them all'}"
            )
        if index in told:
            time = telling.time_of(line.time_ns)
            who = f"{report.lanes[line.lane - 1]} " if line.lane and line.lane not in workers else ""
            when = time if time != previous else "" if not index or index - 1 in told else "…"
            lines.append(shortened(f"{'*' if line.is_fault else ' '}{when:>8}  {marks}   {who}{line.text}", WIDTH))
            previous = time
    return [*lines, f"{'':>9}  {left_out} more lines are in report.timeline"] if is_cut else lines


def _workers(report: Report, told: Collection[int]) -> list[int]:
    """Those that have a lane of their own: the first ones of which a line is told."""
    lanes = (report.timeline[index].lane for index in sorted(told))
    return [*dict.fromkeys(filter(None, lanes))][:MOST_LANES]


def _header(report: Report, workers: Sequence[int]) -> list[str]:
    """What the lanes are, and of which file the lines are that name none, unless the verdict has it."""
    if not workers:
        return [f"{'time':>9}"]
    numbers = " ".join(str(number) for number in range(1, len(workers) + 1))
    names = ", ".join(f"{number} is {report.lanes[lane - 1]}" for number, lane in enumerate(workers, 1))
    names += f"; lines are of {report.file}" if report.file and f"({report.file}:" not in report.verdict else ""
    start = f"{'time':>9}  {numbers}   "
    return wrap(f"({names})", WIDTH, initial_indent=start, subsequent_indent=" " * (len(start) + 1))


def _mark(line: Line, lane: int, number: int, active: Collection[int]) -> str:
    """What stands in a lane: where others are under way, the number of the one that does something."""
    if not line.mark or line.lane != lane:
        return "|" if lane in active else " "
    return str(number) if line.mark == "|" and len(active) > 1 else line.mark


def _chosen(timeline: Sequence[Line], rounds: Rounds | None, most: int) -> set[int]:
    """The places of all lines but such rounds, or of the faults and what matters most where there are too many."""
    places = [place for place in range(len(timeline)) if rounds is None or not rounds.first <= place < rounds.end]
    room = most if rounds is None else most - 1
    return set(places if len(places) <= room else _by_weight(timeline, places)[: room - 1])


def _by_weight(timeline: Sequence[Line], places: Sequence[int]) -> list[int]:
    """Places of lines, those that matter most first: faults and the last change, what begins or changes something, the rest."""
    rank = {"*": 0, "+": 1, "|": 1, "raises": 1, "-": 2, "": 3}
    changes = (place for place in places if timeline[place].mark == "|" and telling.REFUSED not in timeline[place].text)
    last_change = max(changes, default=-1)

    def weight(place: int) -> tuple[int, int]:
        line = timeline[place]
        kind = "raises" if line.text.startswith("raises") else "*" if place == last_change else line.mark
        return rank[kind], place

    return sorted(places, key=weight)
