"""The command line: ``minisqs check shop:Shop --messages orders.txt`` and the like, with exit codes fit for CI.

Reports go to stdout, what is wrong with the call to stderr, and so does the progress of long work.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import shlex
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, Final

import attrs

from .. import errors
from ..engine.values import SendMessage
from ..explore.check import DEFAULT_BUDGET, DEFAULT_RUNS, check, replay
from ..explore.oracles import SOMETIMES
from ..explore.prove import BUDGET, prove
from ..explore.sweep import sweep
from . import demo

NOTHING_FOUND: Final = 0
FOUND: Final = 1
MISUSED: Final = 2
TOO_LITTLE: Final = 3
INTERRUPTED: Final = 130

EPILOG: Final = """exit codes:
  0    nothing was found, or everything is proved
  1    a run breaks the consumer; its story is on stdout
  2    nothing could be tested: a wrong call, or a consumer that fails or differs from itself without any fault
  3    too little was tested: no fault ever happened, or a proof's budget is used up
  130  interrupted from the keyboard"""

SETTINGS: Final = {
    "queue": "create_queue's, and max_receive_count", "function": "create_function's",
    "mapping": "create_event_source_mapping's",
}  # fmt: skip
MESSAGES_HELP: Final = (
    "what is sent: a .json file holds a list of texts or of objects with body, message_group_id and so on; "
    "a .jsonl file one of these a line; each line of any other file is a body; - is stdin, line by line"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; its exit code."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except errors.ProofIncomplete as incomplete:
        print(incomplete)
        return TOO_LITTLE
    except errors.CheckFailed as failed:
        return _failed(failed, options)
    except errors.MinisqsError as error:
        print(f"minisqs {options.name}: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except Exception:  # noqa: BLE001  # what the user's handler raises on the perfect queue
        traceback.print_exc()
    return MISUSED


def _failed(failed: errors.CheckFailed, options: argparse.Namespace) -> int:
    print(failed.report.text(), end="")
    if not failed.report.token:
        return TOO_LITTLE if failed.report.oracle in ("tested nothing", SOMETIMES) else FOUND
    print(_again(failed.report.token, options))
    return FOUND


def _again(token: str, options: argparse.Namespace) -> str:
    """The command that shows a run again."""
    words = ["minisqs", "replay", token, options.subject]
    words += ["--messages", options.messages] if options.messages else []
    for name in SETTINGS:
        for text in getattr(options, name):
            words += [f"--{name}", text]
    words += [] if options.seed is None else ["--seed", str(options.seed)]
    return f"Or from a shell:\n  {shlex.join(words)}"


# ------------------------------------------------------------------------------------------------- commands
def _check(options: argparse.Namespace) -> int:
    print(
        check(
            *_subject(options), **_settings(options), faults=_names(options.faults), seed=options.seed,
            runs=options.runs, budget=options.budget, oracles=_names(options.oracles),
        ),
        end="",
    )  # fmt: skip
    return NOTHING_FOUND


def _prove(options: argparse.Namespace) -> int:
    with _progress(options) as told:
        proof = prove(
            *_subject(options), **_settings(options), seed=options.seed, workers=options.workers,
            faults=options.faults, preemptions=options.preemptions, kinds=_names(options.kinds),
            oracles=_names(options.oracles), budget=options.budget, progress=told,
        )  # fmt: skip
    print(proof, end="")
    return NOTHING_FOUND


def _sweep(options: argparse.Namespace) -> int:
    with contextlib.ExitStack() as stack:
        pool = stack.enter_context(ProcessPoolExecutor(options.jobs)) if options.jobs > 1 else None
        swept = sweep(
            *_subject(options), **_settings(options), seeds=options.seeds, executor=pool, seed=options.seed,
            faults=_names(options.faults), oracles=_names(options.oracles), most_failures=options.most_failures,
            progress=True if options.progress else None,
        )  # fmt: skip
    print(swept, end="")
    if swept.failing_seeds:
        if swept.failures:
            print(_again(swept.failures[0].token, options))
        return FOUND
    return TOO_LITTLE if not swept.tested or swept.never else NOTHING_FOUND


def _replay(options: argparse.Namespace) -> int:
    subject, *messages = _subject(options)
    run = replay(
        subject, options.token, *messages, **_settings(options), seed=options.seed, oracles=_names(options.oracles)
    )
    print(run.text(), end="")
    return FOUND if run.verdicts else NOTHING_FOUND


def _demo(options: argparse.Namespace) -> int:
    for paragraph in demo.told():
        print(paragraph)
    return NOTHING_FOUND


@contextlib.contextmanager
def _progress(options: argparse.Namespace) -> Iterator[Callable[[int, int], None] | None]:
    """What tells of a proof's progress, on a line of stderr, if it is a terminal or that is asked for; None if not."""
    if not options.progress and not sys.stderr.isatty():
        yield None
        return
    began_s = time.monotonic()

    def tell(runs: int, waiting: int) -> None:
        line = f"{runs:,} runs made, {waiting:,} plans wait, {time.monotonic() - began_s:,.0f} s"
        print(f"\r{line:70}", end="", file=sys.stderr, flush=True)

    try:
        yield tell
    finally:
        print(file=sys.stderr)


# ------------------------------------------------------------------------------------- what the options mean
def _subject(options: argparse.Namespace) -> list[Any]:
    """The subject, and the messages where some are given."""
    found = _loaded(options.subject)
    return [found] if options.messages is None else [found, _messages(options.messages)]


def _loaded(path: str) -> Any:
    """What a module of the current folder, or of the import path, has under a name."""
    module_name, colon, name = path.partition(":")
    if not colon or not module_name or not name:
        raise errors.UsageError(f"a consumer is named as module:name, such as shop:Shop, not {path!r}")
    if module_name.endswith(".py"):
        raise errors.UsageError(f"a consumer is named by its module, {module_name.removesuffix('.py')}:{name}")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name not in (module_name, module_name.partition(".")[0]):
            raise
        raise errors.UsageError(f"there is no module {module_name!r} in {here} or on the import path") from None
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            raise errors.UsageError(f"the module {module_name!r} has no {name!r}")
        found = getattr(found, part)
    return found


def _messages(path: str) -> list[str | SendMessage]:
    """The messages of a file; see ``MESSAGES_HELP``."""
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise errors.UsageError(f"the messages cannot be read: {error}") from None
    match Path(path).suffix:
        case ".json":
            listed = _json(text, path)
            if not isinstance(listed, list):
                raise errors.UsageError(f"{path} holds a list of messages, not {listed!r:.60}")
            return [_message(one, f"message {number} of {path}") for number, one in enumerate(listed, 1)]
        case ".jsonl":
            lines = [(f"line {number} of {path}", line) for number, line in enumerate(text.split("\n"), 1)]
            return [_message(_json(line, where), where) for where, line in lines if line.strip()]
        case _:
            return [line for line in text.splitlines() if line]


def _json(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise errors.UsageError(f"{where} is not JSON: {error}") from None


def _message(given: object, where: str) -> str | SendMessage:
    if isinstance(given, str):
        return given
    if not isinstance(given, dict) or not isinstance(given.get("body"), str):
        raise errors.UsageError(f"{where} is a text, or an object with a text as its body; not {given!r:.60}")
    fields = [field.name for field in attrs.fields(SendMessage)]
    for name in given:
        if name not in fields:
            raise errors.UsageError(f"{where} has {name!r}; a message may have {', '.join(fields)}")
    return SendMessage(**given)


def _settings(options: argparse.Namespace) -> dict[str, Any]:
    return {name: _setting(name, getattr(options, name)) for name in SETTINGS}


def _setting(name: str, given: Sequence[str]) -> dict[str, Any]:
    """Settings as ``key=value``, whose value is JSON or else a text, or as one JSON object."""
    found: dict[str, Any] = {}
    for text in given:
        key, equals, value = text.partition("=")
        if text.lstrip().startswith("{"):
            found |= _json(text, f"--{name}")
        elif equals and key.isidentifier():
            found[key] = _value(value)
        else:
            raise errors.UsageError(f"--{name} takes key=value, or a JSON object, not {text!r}")
    return found


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _names(given: str | None) -> list[str] | None:
    return None if given is None else [name.strip() for name in given.split(",") if name.strip()]


def _seeds(text: str) -> range:
    first, colon, last = text.rpartition(":")
    try:
        found = range(int(first) if colon and first else 0, int(last))
    except ValueError:
        found = range(0)
    if not found:
        raise argparse.ArgumentTypeError(f"seeds are FIRST:END, such as 0:100000, or how many; not {text!r}")
    return found


def _seed(text: str) -> int | str:
    return int(text) if text.removeprefix("-").isdecimal() else text


def _jobs(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1000:
        raise argparse.ArgumentTypeError(f"jobs are a whole number from 1 to 1000, not {text!r}")
    return int(text)


# --------------------------------------------------------------------------------------------------- parsing
def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="minisqs",
        description="Find what breaks a consumer of SQS, on a simulated clock.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="name", required=True, metavar="command")
    one = _command(commands, "check", "look for the smallest story that breaks a consumer", _check)
    one.add_argument("--faults", metavar="NAME,…", help="what may go wrong; all that is legal unless given")
    one.add_argument("--runs", type=int, default=DEFAULT_RUNS, help="random runs, after the exhaustive ones")
    one.add_argument("--budget", type=int, default=DEFAULT_BUDGET, help="exhaustive runs at most")
    one = _command(commands, "prove", "make every run within bounds", _prove)
    one.add_argument("--workers", type=int, default=2, help="deliveries under way at once")
    one.add_argument("--faults", type=int, default=2, help="how many things may go wrong in a run")
    one.add_argument("--preemptions", type=int, help="how many of these may be overlaps")
    one.add_argument("--kinds", metavar="NAME,…", help="names of the faults")
    one.add_argument("--budget", type=int, default=BUDGET, help="runs at most")
    one.add_argument("--progress", action="store_true", help="tell how far it is, even if stderr is no terminal")
    one = _command(commands, "sweep", "one random run for each seed", _sweep)
    one.add_argument("--seeds", type=_seeds, default=range(10_000), metavar="FIRST:END", help="10,000 unless given")
    one.add_argument("--jobs", type=_jobs, default=1, metavar="N", help="so many processes")
    one.add_argument("--faults", metavar="NAME,…", help="what may go wrong; all that is legal unless given")
    one.add_argument("--most-failures", type=int, default=10, metavar="N", help="so many stories are made small")
    one.add_argument("--progress", action="store_true", help="tell how far it is, even if stderr is no terminal")
    _command(commands, "replay", "show the run of a token again", _replay, token=True)
    shown = commands.add_parser("demo", help="a bug that is found, and its absence proved")
    shown.set_defaults(command=_demo)
    return parser


def _command(
    commands: Any, name: str, what: str, command: Callable[..., int], *, token: bool = False
) -> argparse.ArgumentParser:
    """A command that takes a consumer, its messages and its settings."""
    one: argparse.ArgumentParser = commands.add_parser(
        name, help=what, description=what.capitalize() + ".", epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    if token:
        one.add_argument("token", help="as a report has it")
    one.add_argument(
        "subject", metavar="module:name", help="a class, minisqs.deployed or scenario, importable from here"
    )
    one.add_argument("--messages", metavar="FILE", help=MESSAGES_HELP)
    for setting, whose in SETTINGS.items():
        one.add_argument(f"--{setting}", action="append", default=[], metavar="KEY=VALUE", help=f"arguments: {whose}")
    one.add_argument("--oracles", metavar="NAME,…", help="by what it is judged")
    one.add_argument("--seed", type=_seed, help="from which ids and draws come")
    one.set_defaults(command=command)
    return one
