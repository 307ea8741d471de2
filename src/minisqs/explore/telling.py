"""Follows one run from statement to statement, and turns it into the lines of a timeline.

Told are the deliveries of the messages involved, the statements that changed the outside world, what went wrong
and where, and what happened in the queue. Each worker has a lane of its own.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import attrs

from ..engine import decisions as chance
from ..engine.message import Message
from ..limits import SECOND_NS
from ..outside import Table
from ..sim import statements
from ..sim.journal import Entry
from ..sim.stage import Work
from .runs import Execution
from .subjects import attributes_of
from .values import shortened, shown

STATEMENT_WIDTH: Final = 60
CODE_WIDTH: Final = 46
CHANGE_WIDTH: Final = 44
BODY_WIDTH: Final = 36
SEEN_WIDTH: Final = 100_000
DEEPEST: Final = 3
"""So deep in objects of the user's own it is looked for changes."""


@attrs.frozen
class Line:
    """One line of a timeline.

    Attributes:
        time_ns: Simulated nanoseconds since the world began.
        lane: Which worker, from 1; 0 for the queue.
        mark: What stands in the lane: ``+`` begins, ``|`` goes on, ``*`` is a fault, ``-`` ends.
        text: What happened.
        messages: Which messages it is about, by address; none for all.
    """

    time_ns: int
    lane: int
    mark: str
    text: str
    messages: tuple[str, ...]

    @property
    def is_fault(self) -> bool:
        """Whether something goes wrong here."""
        return self.mark == "*"


def where(number: int) -> str:
    """A statement's file and line."""
    statement = statements.STATEMENTS[number]
    return f"{Path(statement.path).name}:{statement.line}" if statement.line else "its call of SQS"


def text_of(number: int, width: int = STATEMENT_WIDTH) -> str:
    """A statement's source, not longer than fits."""
    text = statements.STATEMENTS[number].text
    return text if len(text) <= width else f"{text[: width - 1]}…"


class Telling:
    """A teller that keeps the lines of a run.

    Args:
        execution: The run.

    Attributes:
        lines: What happened, in order.
        lanes: The workers, in the order in which they came.
    """

    def __init__(self, execution: Execution) -> None:
        self._execution = execution
        self._world = execution.world
        self._told = 0
        self._before: dict[str, str] = {}
        self._last: tuple[Work, int] | None = None
        self._paused: dict[int, int] = {}
        self._path = ""
        self.lines: list[Line] = []
        self.lanes: list[str] = []

    # -------------------------------------------------------------------------------------- from the stage
    def begins(self, work: Work) -> None:
        """A worker gets messages."""
        self.catch_up()
        if work.worker not in self.lanes:
            self.lanes.append(work.worker)
        width = BODY_WIDTH // max(1, min(3, len(work.messages)))
        got = ", ".join(f"{_name(message)} {shown(message.body, width)}" for message in work.messages[:3])
        more = f" and {len(work.messages) - 3} more" if len(work.messages) > 3 else ""
        times = ""
        if work.messages and (count := work.messages[0].receive_count) > 1:
            times = f", delivery {count}"
        hidden = f", hidden from others until {time_of(self._since(work.lease_ns))}" if work.queue_url else ""
        self._tell(work, "+", f"gets {got or 'an event'}{more}{times}{hidden}")

    def arrives(self, work: Work, number: int, visit: int) -> None:
        """A worker comes to a statement: what it did before may have changed something."""
        self._goes_on(work)
        self.catch_up()
        if number >= 0 and statements.STATEMENTS[number].line:
            self._last = (work, number)

    def happens(self, work: Work, number: int, kind: str, answer: int) -> None:
        """Something goes wrong before a statement."""
        self.catch_up()
        self._tell(work, "*", f"{in_words(kind, answer, work.messages)} {self._before_what(number)}")
        self._last = None
        if kind in (chance.OVERLAP, chance.STALL) and number >= 0:
            self._paused[id(work)] = number

    def _before_what(self, number: int) -> str:
        if number < 0:
            return "after its last statement"
        if not statements.STATEMENTS[number].line:
            return f"before its call {text_of(number)}"
        return f"before {self._line(number)}  {text_of(number, CODE_WIDTH)}"

    def _goes_on(self, work: Work) -> None:
        """Remember which statement a worker has done since it went on after a pause."""
        if id(work) in self._paused:
            self._last = (work, self._paused.pop(id(work)))

    def ends(self, work: Work, how: str) -> None:
        """A worker's code has come back."""
        self._goes_on(work)
        self.catch_up()
        self._tell(work, "-", how)
        self._last = None

    def finish(self) -> None:
        """The run is over: what the queue did last is told too."""
        self._tell_journal()

    # ----------------------------------------------------------------------------------------------- telling
    def _line(self, number: int) -> str:
        """A statement's line; with its file where that is not the one of the statement told first."""
        statement = statements.STATEMENTS[number]
        self._path = self._path or statement.path
        return f"line {statement.line}" if statement.path == self._path else where(number)

    def _since(self, time_ns: int) -> int:
        return time_ns - self._world.clock.started_ns

    def _tell(self, work: Work, mark: str, text: str) -> None:
        now_ns = self._since(self._world.clock.now_ns)
        lane = self.lanes.index(work.worker) + 1 if work.worker in self.lanes else 0
        self.lines.append(Line(now_ns, lane, mark, text, tuple(message.address for message in work.messages)))

    def catch_up(self) -> None:
        """Tell what the last statement changed, and what the journal has since then."""
        self._tell_change()
        self._tell_journal()

    def _tell_journal(self) -> None:
        journal = self._world.journal
        for entry in journal[self._told :] if len(journal) > self._told else ():
            self._tell_entry(entry)
        self._told = len(journal)

    def _tell_change(self) -> None:
        now = _seen(self._execution)
        if self._last is not None and (changed := _change(self._before, now)):
            work, number = self._last
            self._tell(work, "|", f"{self._line(number)}  {text_of(number, CODE_WIDTH)}  -> {changed}")
        self._before = now

    def _tell_entry(self, entry: Entry) -> None:
        kind = entry.action.removeprefix("fault: ")
        if kind != entry.action:
            if kind in _POINTS:
                return
            mark, text = "*", _FAULT_LINES.get(kind, entry.cause)
        else:
            mark, text = "", _QUEUE_LINES.get(entry.action, "")
        if text and (entry.message or entry.action not in _DELETES):  # else of one that was gone
            name = f"message {entry.message.removeprefix('main/')}" if entry.message else entry.caller
            told = f"{name} {text}" if kind != chance.SPLIT else f"the poller takes {entry.cause.split()[2]} at most"
            messages = (entry.message,) if entry.message else ()
            if kind == chance.DUPLICATE_AFTER_DELETE and self.lines and self.lines[-1].text == f"{name} is deleted":
                self.lines.pop()  # it is told better now
            self.lines.append(Line(self._since(entry.time_ns), 0, mark, told, messages))


_POINTS: Final = (chance.KILL, chance.OVERLAP, chance.STALL, chance.INTERRUPT)
_QUEUE_LINES: Final[Mapping[str, str]] = {
    "visibility timeout ended": "is visible again: its visibility timeout has ended",
    "shown again by a server that missed the delete": "is shown again by a server that missed the delete",
    "DeleteMessageBatch": "is deleted",
    "DeleteMessage": "is deleted",
    "moved to another queue": "goes to the dead-letter queue",
    "retention period ended": "expires: its retention period has ended",
    "process started": "is started anew",
}
_DELETES: Final = ("DeleteMessage", "DeleteMessageBatch")
_FAULT_LINES: Final[Mapping[str, str]] = {
    chance.REORDER: "is not handed out first",
    chance.DUPLICATE: "is shown again, beside its delivery",
    chance.DUPLICATE_AFTER_DELETE: "is deleted, but one server misses it",
    chance.STALE_DELETE: "is not deleted: the receipt handle is an older one",
    chance.API_ERROR: "is not deleted: SQS answers with an internal error",
    chance.PARTIAL: "is not deleted: its entry of the batch fails",
    chance.LOST_ANSWER: "is in an answer that is lost",
    chance.THROTTLE: "waits: the invocation is throttled",
    chance.RECYCLE: "meets a new environment in place of the warm one",
}
"""What a fault of SQS or Lambda does to the message that it is about; of others the journal's own words are told."""


def in_words(kind: str, answer: int, messages: Sequence[Message]) -> str:
    """What goes wrong before a statement, as the beginning of a line."""
    if kind == chance.KILL:
        return "is killed"
    if kind == chance.INTERRUPT:
        return "is interrupted"
    if kind == chance.STALL:
        return f"stalls until {chance.STALLS[answer - 1]},"
    if answer == 1:
        return "waits while others go on,"
    return f"waits while {_name(messages[min(answer - 2, len(messages) - 1)])} is delivered again,"


def _name(message: Message) -> str:
    return f"message {message.place}" if message.producer == "main" else f"message {message.address}"


def time_of(time_ns: int) -> str:
    """A length of time as people say it.

    >>> time_of(30 * SECOND_NS), time_of(86_430 * SECOND_NS), time_of(3600 * SECOND_NS)
    ('30 s', '1 d 30 s', '1 h')
    """
    whole_s, rest_ns = divmod(time_ns, SECOND_NS)
    parts = []
    for unit, length in (("d", 86_400), ("h", 3600), ("m", 60)):
        if whole_s >= length and (whole_s >= 600 or unit != "m"):
            many, whole_s = divmod(whole_s, length)
            parts.append(f"{many} {unit}")
    seconds = whole_s + rest_ns / SECOND_NS
    if seconds or not parts:
        parts.append(f"{seconds:g} s")
    return " ".join(parts)


def _seen(execution: Execution) -> dict[str, str]:
    """The attributes of the outside world as texts, as they are now; of a scenario, what it observes."""
    stage = execution.stage
    working, stage.current = stage.current, None  # looking is nobody's work
    try:
        if execution.case.is_scenario:
            return {"observed": shown(execution.observe(), SEEN_WIDTH)}
        held = attributes_of(execution.outside) if execution.outside is not None else {}
        return dict(_flat(held, execution.case.trace))
    except Exception:  # noqa: BLE001  # what cannot be looked at now is not told
        return {}
    finally:
        stage.current = working


def _change(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Which attributes are others than before, and what they are."""
    changed = [name for name, text in now.items() if before.get(name) != text]
    return ", ".join(f"{name} = {shortened(now[name], CHANGE_WIDTH)}" for name in changed[:2])


def _flat(
    held: Mapping[str, Any], is_users: Callable[[str], bool], prefix: str = "", depth: int = 0
) -> Iterator[tuple[str, str]]:
    """Attributes as texts, those of the user's own objects one by one under a dotted name."""
    for name, value in held.items():
        if isinstance(value, Table):
            yield prefix + name, shown(value.observe(), SEEN_WIDTH)
        elif not callable(value) and depth < DEEPEST and (file := _file_of(type(value))) and is_users(file):
            yield from _flat(attributes_of(value), is_users, f"{prefix}{name}.", depth + 1)
        elif not callable(value):
            yield prefix + name, shown(value, SEEN_WIDTH)


def _file_of(kind: type) -> str:
    """The file in which a class is defined; empty where it has none."""
    return getattr(sys.modules.get(kind.__module__), "__file__", None) or ""
