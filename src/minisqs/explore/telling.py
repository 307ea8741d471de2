"""Follows one run from statement to statement, and turns it into the lines of a timeline.

Told are the deliveries of the messages involved, the statements that changed the outside world, what went wrong
and where, and what happened in the queue. Each worker has a lane of its own.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final, NamedTuple

import attrs

from ..engine import decisions as chance
from ..engine.message import Message
from ..limits import SECOND_NS
from ..outside import Table
from ..poller import responses
from ..sim.code import statements
from ..sim.journal import Entry
from ..sim.port import MAIN
from ..sim.sources import Place
from ..sim.stage import Stage
from ..sim.works import Work
from .choices import POINT_KINDS
from .names import MOST_NAMES, call_in_words, name_of, names_of, sender
from .runs import Execution
from .subjects import attributes_of
from .values import many, shortened, shown

STATEMENT_WIDTH: Final = 60
CODE_WIDTH: Final = 46
CHANGE_WIDTH: Final = 44
BODY_WIDTH: Final = 36
NARROWEST_BODY: Final = 8
LINE_WIDTH: Final = 84
SEEN_WIDTH: Final = 100_000
LISTED_WIDTH: Final = 30
REFUSED: Final = "-> refused:"
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
    return shortened(statements.STATEMENTS[number].text, width)


def does_more_than_call(number: int, called: Iterable[str]) -> bool:
    """Whether a statement has more to do once the functions that it has ``called``, by their names, have come back."""
    text = statements.STATEMENTS[number].text
    if text.endswith(":"):
        return False
    try:
        [statement] = ast.parse(text).body
    except (SyntaxError, ValueError):  # such as return, outside of its function
        return False
    if not isinstance(statement, ast.Expr | ast.Return | ast.Assign | ast.AnnAssign):
        return True
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    last = statement.value.value if isinstance(statement.value, ast.Await) else statement.value
    if not isinstance(last, ast.Call) or not all(isinstance(target, ast.Name) for target in targets):
        return True
    is_only_call = (
        isinstance(last.func, ast.Name) and sum(isinstance(node, ast.Call) for node in ast.walk(statement)) == 1
    )
    wraps = is_only_call and _is_inner(statements.STATEMENTS[number].function)  # under whatever name
    if wraps or ast.unparse(last.func) in _ONLY_WAIT:
        return False
    name = last.func.id if isinstance(last.func, ast.Name) else getattr(last.func, "attr", "")
    return name not in {one.rpartition(".")[2] for one in called}


_ONLY_WAIT: Final = frozenset(
    {f"asyncio.{name}" for name in ("gather", "run", "shield", "wait", "wait_for")}
    | {"gather", "loop.run_until_complete"}
)
"""Functions of asyncio that do nothing of their own with what their coroutines have done."""


def _is_inner(function: str) -> bool:
    """Whether a function, by its qualified name, stands in another, as a decorator's does."""
    _, inside, name = function.rpartition("<locals>.")
    return bool(inside) and "." not in name


def _only_returns(number: int) -> bool:
    text = statements.STATEMENTS[number].text
    return text.startswith("return") and "(" not in text


class _Begun(NamedTuple):
    """A statement that a work has come to, in a function that has not come back yet.

    Attributes:
        number: The statement's.
        codes: What was under way then: the function, what called it, and so on outwards.
    """

    number: int
    codes: tuple[CodeType, ...]

    @property
    def function(self) -> str:
        """The qualified name of the function."""
        return statements.STATEMENTS[self.number].function

    def may_be_under_way(self, now: Iterable[CodeType]) -> bool:
        """Whether the function may still be, where these are ``now``: a generator or a coroutine can wait beside them."""
        code = self.codes[0]
        return code in now or bool(code.co_flags & _CAN_WAIT)

    def called_by(self, outer: _Begun) -> list[str]:
        """The names of the function and of what stands between it and ``outer``, which has called it."""
        return [
            self.function,
            *(code.co_name for code in takewhile(lambda code: code is not outer.codes[0], self.codes)),
        ]


_CAN_WAIT: Final = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


def _codes_under_way(frame: FrameType | None) -> tuple[CodeType, ...]:
    """What the work at hand has under way, from the function whose statement it comes to outwards."""
    found: list[CodeType] = []
    while frame is not None and frame.f_code is not Stage.call.__code__:
        if frame.f_code is statements.POINT_CODE:
            found.clear()
        else:
            found.append(frame.f_code)
        frame = frame.f_back
    return tuple(found)


class Telling:
    """A teller that keeps the lines of a run.

    Args:
        execution: The run.

    Attributes:
        lines: What happened, in order.
        lanes: The workers, in the order in which they came.
        names: What the messages are called that were sent meanwhile, by address.
        points: At which statement something went wrong, by the point of its address: its number, and of a call that of
            the statement that makes it.
    """

    def __init__(self, execution: Execution) -> None:
        self._execution = execution
        self._world = execution.world
        self._told = 0
        self._before: dict[str, str] = {}
        self._last: tuple[Work, int] | None = None
        self._begun: dict[int, list[_Begun]] = {}
        self._ended: dict[int, int] = {}
        self._ids: dict[str, str] = {}
        self._sent: Counter[str] = Counter()
        self._choices_told = 0
        self._path = ""
        self.names: dict[str, str] = {}
        self.points: dict[str, tuple[int, int]] = {}
        self.lines: list[Line] = []
        self.lanes: list[str] = []

    # -------------------------------------------------------------------------------------- from the stage
    def begins(self, work: Work, messages: Sequence[Message]) -> None:
        """A worker gets messages."""
        self.catch_up()
        if self._last is not None and self._last[0] is not work:
            self._last = None  # whoever did that waits
        self._ids |= {self._world.sqs.message_id(message): self._name(message.address) for message in messages}
        if self._lane_name(work) not in self.lanes:
            self.lanes.append(self._lane_name(work))
        more = f" and {len(messages) - MOST_NAMES} more" if len(messages) > MOST_NAMES else ""
        times = ""
        if messages and (count := messages[0].receive_count) > 1:
            times = f", delivery {count}"
        until_ns = work.lease_ns if work.stack is None else min((one.deadline_ns for one in messages), default=0)
        hidden = f", hidden from others until {time_of(self._since(until_ns))}" if work.queue_url else ""
        names = [self._name(message.address) for message in messages[:MOST_NAMES]]
        taken = len(more + times + hidden) + sum(map(len, names)) + 3 * len(names)
        width = max(NARROWEST_BODY, min(BODY_WIDTH, LINE_WIDTH - taken) // max(1, len(names)))
        shown_bodies = [shown(message.body, width) for message in messages[:MOST_NAMES]]
        got = ", ".join(f"{name} {body}" for name, body in zip(names, shown_bodies, strict=True))
        self._tell(work, "+", f"gets {got or 'an event'}{more}{times}{hidden}")

    def arrives(self, work: Work, number: int, visit: int) -> None:
        """A worker comes to a statement: what it did before may have changed something."""
        if number < 0 and id(work) in self._begun:
            self._returns_to(work, None)
        if number < 0 or not statements.STATEMENTS[number].line:
            self.catch_up(work)
            return
        begun = self._begun.setdefault(id(work), [])
        codes = _codes_under_way(sys._getframe(1))
        if not any(one.may_be_under_way(codes) for one in begun):  # such as one that has set up an environment
            self._returns_to(work, None)
        self._returns_to(work, statements.STATEMENTS[number].function)
        self.catch_up()
        begun.append(_Begun(number, codes))
        self._last = (work, number)

    def _returns_to(self, work: Work, function: str | None) -> None:
        """Blame a statement whose call has come back for what happens then, if it had more to do than to call.

        ``function`` is where the worker goes on; None where all its functions have come back.
        """
        begun = self._begun[id(work)]
        places = [place for place, one in enumerate(begun) if one.function == function]
        if places:
            inner, place = begun[places[-1] + 1 :], places[-1]
        elif function is None:
            inner, place = begun[1:], 0
        else:  # it has called a function, unless it had only to return
            if begun and _only_returns(begun[-1].number):
                begun.pop()
            return
        called = [name for one in inner for name in one.called_by(begun[place])]
        if inner and self._last is not None and does_more_than_call(begun[place].number, called):
            self._last = (work, begun[place].number)
        del begun[place:]

    def happens(self, work: Work, number: int, kind: str, answer: int) -> None:
        """Something goes wrong before a statement."""
        self.catch_up()
        delivered = work.messages[min(max(answer - 2, 0), len(work.messages) - 1)].address if work.messages else ""
        self._tell(work, "*", f"{in_words(kind, answer, self._name(delivered))} {self._before_what(number)}")
        self._last = None
        if number >= 0:
            digest = statements.STATEMENTS[number].digest
            begun = self._begun.get(id(work))
            self.points[f"{digest}.{work.visits[digest]}"] = number, begun[-1].number if begun else number

    def refuses(self, work: Work, why: str) -> None:
        """The statement that a worker is at wanted to write what a table of the outside world refuses."""
        begun = self._begun.get(id(work))
        if begun:
            number = begun[-1].number
            self._tell(
                work,
                "|",
                f"{self._line(number)}  {text_of(number, CODE_WIDTH)}  {REFUSED} {shortened(why, CHANGE_WIDTH)}",
            )

    def _before_what(self, number: int) -> str:
        if number < 0:
            return "after its last statement"
        if not statements.STATEMENTS[number].line:
            return f"before its call {text_of(number)}"
        return f"before {self._line(number)}  {text_of(number, CODE_WIDTH)}"

    def goes_on(self, work: Work) -> None:
        """A worker goes on in the midst of a statement."""
        self.catch_up()
        begun = self._begun.get(id(work))
        self._last = (work, begun[-1].number) if begun else None

    def ends(self, work: Work, how: str) -> None:
        """A worker's code has come back."""
        if id(work) in self._begun:
            self._returns_to(work, None)
        self.catch_up(work)
        self._ended[id(work)] = len(self.lines)
        self._tell(work, "-", how)
        self._last = None

    def reports(self, work: Work, failed: Sequence[Message], why: str) -> None:
        """What a worker returned was a list of failures: its last line says what comes of it."""
        place = self._ended.get(id(work), -1)
        if place >= 0:
            line = self.lines[place]
            self.lines[place] = attrs.evolve(line, text=f"{line.text}{self._report_in_words(failed, why)}")

    def _report_in_words(self, failed: Sequence[Message], why: str) -> str:
        if not failed:
            return f", and nobody looks at its list of failures, as {why}"
        if not why:
            return f", and reports {names_of([one.address for one in failed], self.names)} as failed"
        _, _, listed = why.partition(f"{responses.UNKNOWN}: ")
        if listed:
            name = self._ids.get(listed.strip("'")) or shortened(listed, LISTED_WIDTH)
            why = f"it lists {name}, which is not of this batch"
        return f", and all of it counts as failed: {why}"

    @property
    def file(self) -> str:
        """The file of the statements that are told by their line alone; empty where there were none."""
        return Path(self._path).name

    @property
    def calls(self) -> Mapping[Place, tuple[str, str]]:
        """Of the choices that are about calls, which call each is about: the action, and the queue."""
        source = self._execution.source
        return {} if source is None else source.calls

    def _next_choice(self) -> Place | None:
        """Of the choices of SQS and Lambda, which the journal has in the order in which they were made, the next."""
        source = self._execution.source
        made = [] if source is None else [address for address in source.choices if address.kind not in POINT_KINDS]
        self._choices_told += 1
        return made[self._choices_told - 1] if self._choices_told <= len(made) else None

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
        name = self._lane_name(work)
        lane = self.lanes.index(name) + 1 if name in self.lanes else 0
        text = text if lane else f"{name} {text}"  # it has never got a message
        self.lines.append(Line(now_ns, lane, mark, text, tuple(message.address for message in work.messages)))

    def _name(self, subject: str) -> str:
        return name_of(subject, self.names)

    def _lane_name(self, work: Work) -> str:
        """A worker by name; each function has environments of its own."""
        has_others = work.function and len(self._execution.functions()) > 1
        return f"{work.worker} of {work.function}" if has_others else work.worker

    def catch_up(self, work: Work | None = None) -> None:
        """Tell what the last statement changed, or else the work at hand, and what the journal has since then."""
        self._tell_change(work)
        self._tell_journal()

    def _tell_journal(self) -> None:
        journal = self._world.journal
        for entry in journal[self._told :] if len(journal) > self._told else ():
            self._tell_entry(entry)
        self._told = len(journal)

    def _tell_change(self, work: Work | None) -> None:
        before, self._before = self._before, _seen(self._execution)
        changed = _change(before, self._before)
        if changed and self._last is not None:
            work, number = self._last
            self._tell(work, "|", f"{self._line(number)}  {text_of(number, CODE_WIDTH)}  -> {changed}")
        elif changed and work is not None and id(work) not in self._begun:
            self._tell(work, "|", f"-> {changed}")  # by code of which no statement is followed

    def _tell_entry(self, entry: Entry) -> None:
        kind = entry.action.removeprefix("fault: ")
        if kind != entry.action:
            if kind in POINT_KINDS:
                return
            mark, text = "*", _FAULT_LINES.get(kind, entry.cause)
            address = self._next_choice()
        else:
            mark, text = "", _QUEUE_LINES.get(entry.action, "")
            address = None
            if entry.action in _SENDS and entry.message.rpartition("/")[0] not in ("", MAIN):
                mark, text = "|", f"is sent {self._christened(entry)}"
        if text and (entry.message or entry.action not in _DELETES):  # else of one that was gone
            name = self._name(entry.message or entry.caller)
            told = f"{name} {text}"
            if kind == chance.SPLIT:
                told = "the poller takes only " + many(int(entry.cause.split()[2]), "message")
            elif kind in _CALLS and address is not None:
                told = _CALLS[kind].format(call_in_words(self.calls.get(address), address.subject, self.names))
            messages = (entry.message,) if entry.message else ()
            if kind == chance.DUPLICATE_AFTER_DELETE and self.lines and self.lines[-1].text == f"{name} is deleted":
                self.lines.pop()  # it is told better now
            self.lines.append(Line(self._since(entry.time_ns), 0, mark, told, messages))

    def _christened(self, entry: Entry) -> str:
        """Give a message that a worker sends its name from now on, by its queue; who has sent it, in words."""
        self._sent[entry.queue] += 1
        self.names[entry.message] = f"message {self._sent[entry.queue]} of queue {entry.queue}"
        return sender(entry.message.rpartition("/")[0], self.names)


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
_SENDS: Final = ("SendMessage", "SendMessageBatch")
_FAULT_LINES: Final[Mapping[str, str]] = {
    chance.REORDER: "is not handed out first",
    chance.DUPLICATE: "is shown again, beside its delivery",
    chance.DUPLICATE_AFTER_DELETE: "is deleted, but one server misses it",
    chance.STALE_DELETE: "is not deleted: the receipt handle is an older one",
    chance.THROTTLE: "waits: the invocation is throttled",
    chance.RECYCLE: "meets a new environment in place of the warm one",
}
"""What a fault of SQS or Lambda does to the message that it is about; of others the journal's own words are told."""


_CALLS: Final[Mapping[str, str]] = {
    chance.API_ERROR: "{} is answered with an internal error, and nothing is done",
    chance.PARTIAL: "one entry of {} fails",
    chance.LOST_ANSWER: "{} is done, and its answer is lost",
}
"""What goes wrong with a call."""


def in_words(kind: str, answer: int, delivered: str) -> str:
    """What goes wrong before a statement, as the beginning of a line; ``delivered`` is what may be so again."""
    if kind == chance.KILL:
        return "is killed"
    if kind == chance.INTERRUPT:
        return "is interrupted"
    if kind == chance.STALL:
        return f"stalls until {chance.STALLS[answer - 1]},"
    if answer == 1:
        return "waits while others go on,"
    return f"waits while {delivered} is delivered again,"


def time_of(time_ns: int) -> str:
    """A length of time as people say it.

    >>> time_of(30 * SECOND_NS), time_of(86_430 * SECOND_NS), time_of(3600 * SECOND_NS)
    ('30 s', '1 d 30 s', '1 h')
    """
    whole_s, rest_ns = divmod(time_ns, SECOND_NS)
    parts = []
    for unit, length in (("d", 86_400), ("h", 3600), ("m", 60)):
        if whole_s >= length and (whole_s >= 600 or unit != "m"):
            number, whole_s = divmod(whole_s, length)
            parts.append(f"{number} {unit}")
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
    return ", ".join(f"{name} = {_around(before.get(name, ''), now[name])}" for name in changed[:2])


def _around(before: str, now: str) -> str:
    """A text, or the part of it that is another than before."""
    if len(now) <= CHANGE_WIDTH:
        return now
    same = next(
        (place for place, (one, other) in enumerate(zip(before, now, strict=False)) if one != other), len(before)
    )
    start = same + 2 if now[same : same + 2] == ", " else max(now.rfind(mark, 0, same) for mark in ", {[(") + 1
    if start < CHANGE_WIDTH // 2:
        return shortened(now, CHANGE_WIDTH)
    return f"…{shortened(now[start:], CHANGE_WIDTH - 1)}"


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
