"""minisqs at home in pytest: fixtures, a marker, options; pytest loads this by itself where minisqs is installed.

It loads nothing of minisqs but this until a test uses it. The seed of a test comes from its node id, so it is the
same in every session. What a failing check says is its report; its token and the command that replays it stand in
the summary.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

import pytest

from ..explore import defaults

if TYPE_CHECKING:
    from ..explore.report import Report
    from ..world import World

_OURS: Final = str(Path(__file__).parents[1])

_OPTIONS: Final = {
    "seed": "seed of worlds and random runs, for every test; 'random' draws one and says which (default: each test's own)",
    "runs": "random runs of each check, and seeds of each test under --minisqs-faults (default: 200, and 20)",
    "replay": "the token of a report: the check that it belongs to makes that run only",
    "report": "folder into which the report of each test's checks is written",
    "faults": "run tests that use mock_sqs or a fixture again under legal misbehaviour; kinds may follow, with commas",
}
EVERY_KIND: Final = "all"

_holding: Final = pytest.StashKey[defaults.Defaults]()
_passed: Final = pytest.StashKey[bool]()
_wrong: Final = pytest.StashKey[str]()


# ---------------------------------------------------------------------------------------------------- options
def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options, and settings of the same names for pytest's configuration file."""
    group = parser.getgroup("minisqs", "queues that misbehave (minisqs)")
    for name, text in _OPTIONS.items():
        more: dict[str, Any] = {"nargs": "?", "const": EVERY_KIND} if name == "faults" else {}
        metavar = {"seed": "SEED", "runs": "N", "replay": "TOKEN", "report": "DIR", "faults": "KINDS"}[name]
        group.addoption(f"--minisqs-{name}", dest=f"minisqs_{name}", metavar=metavar, help=text, **more)
        parser.addini(f"minisqs_{name}", f"{text}; --minisqs-{name} goes before", default=None)


def _option(config: pytest.Config, name: str) -> str | None:
    """An option, or the setting of its name; None where neither is given."""
    given: str | None = config.getoption(f"minisqs_{name}")
    if given is None:
        given = config.getini(f"minisqs_{name}")
    return given


_STDERR: Final = pytest.StashKey[int]()
"""What was taken for standard error before."""


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Read the options; what is not of its form is refused before any test runs."""
    config.addinivalue_line(
        "markers", "minisqs(**settings): arguments of World and check that hold in this test; the nearest marker wins"
    )
    with suppress(OSError):  # there may be none
        opened = os.dup(2)  # nothing is captured yet
        config.stash[_STDERR], defaults.stderr = defaults.stderr, opened
    if _option(config, "seed") == "random":
        config.option.minisqs_seed = _drawn(config)
    runs = _option(config, "runs")
    if runs is not None and not runs.isdecimal():
        raise pytest.UsageError(f"--minisqs-runs is a whole number of 0 or more, not {runs!r}")
    for name, check in (("replay", _check_token), ("faults", _check_kinds)):
        given = _option(config, name)
        if given is not None:
            check(given)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Close what was opened."""
    before = config.stash.get(_STDERR, None)
    if before is not None:
        os.close(defaults.stderr)
        defaults.stderr = before


def _drawn(config: pytest.Config) -> str:
    """A seed; in a worker of xdist, that of the session."""
    import secrets  # noqa: PLC0415  # only where a seed is to be drawn

    given: dict[str, Any] = getattr(config, "workerinput", {})
    return given.get("minisqs_seed") or str(secrets.randbelow(1 << 32))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give a worker of xdist the seed that was drawn."""
    node.workerinput["minisqs_seed"] = _option(node.config, "seed")


def _check_token(token: str) -> None:
    from .. import errors  # noqa: PLC0415  # loaded on request
    from ..explore import tokens  # noqa: PLC0415

    try:
        tokens.read(token)
    except errors.UsageError as error:
        raise pytest.UsageError(f"--minisqs-replay: {error}") from None


def _check_kinds(kinds: str) -> None:
    from .. import errors  # noqa: PLC0415  # loaded on request
    from . import pytest_faults  # noqa: PLC0415

    try:
        pytest_faults.kinds_of(kinds)
    except errors.UsageError as error:
        raise pytest.UsageError(f"--minisqs-faults: {error}") from None


def pytest_report_header(config: pytest.Config) -> str | None:
    """One line, where anything is other than by default."""
    given = [(name, _option(config, name)) for name in _OPTIONS]
    told = [f"{name}={value}" for name, value in given if value is not None]
    return f"minisqs: {', '.join(told)}" if told else None


# --------------------------------------------------------------------------------------------------- fixtures
@pytest.fixture(scope="session")
def minisqs_worlds() -> Callable[..., World]:
    """A function that makes worlds; its arguments are those of ``World``, with the test's settings where not given."""
    return defaults.new_world


@pytest.fixture
def minisqs_world(minisqs_worlds: Callable[..., World]) -> World:
    """A new world, with the settings of the test's marker, and a seed of its own."""
    return minisqs_worlds()


@pytest.fixture
def minisqs_mock_sqs() -> Iterator[World]:
    """A world from which every boto3 client of SQS answers while the test runs, as inside ``minisqs.mock_sqs()``."""
    from .mocking import mock_sqs  # noqa: PLC0415  # loaded on request

    with mock_sqs() as world:
        yield world


# ------------------------------------------------------------------------------------------------- running a test
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, object, object]:
    """Let a test's settings hold while it is set up, run and torn down, and run it again under faults afterwards."""
    holding = _settings_of(item)
    defaults.begin(holding)
    try:
        result = yield
        if item.stash.get(_passed, False):
            _again_under_faults(item, nextitem, holding)
        return result
    finally:
        defaults.end()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Fail a test whose marker is not of its form."""
    wrong = item.stash.get(_wrong, "")
    if wrong:
        pytest.fail(wrong, pytrace=False)


def _settings_of(item: pytest.Item) -> defaults.Defaults:
    """What holds for a test."""
    settings, config = _marked(item), item.config
    runs = _option(config, "runs")
    if runs is not None:
        settings.setdefault("runs", int(runs))
    seed = settings.get("seed", _option(config, "seed"))
    holding = defaults.Defaults(
        seed=item.nodeid if seed is None else seed,
        faults=settings.get("faults"),
        check={name: value for name, value in settings.items() if name in defaults.CHECK},
        world={name: value for name, value in settings.items() if name in defaults.WORLD},
        replay=_option(config, "replay") or "",
    )
    item.stash[_holding] = holding
    return holding


def _marked(item: pytest.Item) -> dict[str, Any]:
    """The settings of a test's markers; the nearest goes before those around it."""
    settings: dict[str, Any] = {}
    for marker in item.iter_markers("minisqs"):
        if marker.args:
            item.stash[_wrong] = f"the marker minisqs takes settings by name, such as runs=2000, not {marker.args!r}"
        if marker.kwargs:
            wrong = defaults.wrong_names(marker.kwargs)
            if wrong:
                item.stash[_wrong] = f"the marker minisqs: {wrong}"
        settings = {**marker.kwargs, **settings}
    return settings


def _again_under_faults(item: pytest.Item, nextitem: pytest.Item | None, holding: defaults.Defaults) -> None:
    kinds = _option(item.config, "faults")
    if kinds is None or not holding.worlds:
        return
    from . import pytest_faults  # noqa: PLC0415  # loaded on request

    runs = _option(item.config, "runs")
    pytest_faults.run_again(item, nextitem, holding, kinds, pytest_faults.SEEDS if runs is None else int(runs))


# ---------------------------------------------------------------------------------------------------- telling
@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show of a failing check what it says, not where in minisqs it was raised."""
    failed = _report_of(call.excinfo)
    if failed is not None and call.excinfo is not None and not item.config.getoption("fulltrace"):
        error = call.excinfo.value
        call.excinfo = pytest.ExceptionInfo.from_exception(error.with_traceback(_users_part(error.__traceback__)))
    report = yield
    if report.when == "call":
        item.stash[_passed] = report.passed
        report.minisqs_replayed = item.stash[_holding].replayed  # type: ignore[attr-defined]
        _write(item, report, failed)
    if failed is not None and failed.token:
        report.minisqs_replay = f"pytest '{item.nodeid}' --minisqs-replay={failed.token}"  # type: ignore[attr-defined]
        crash = getattr(report.longrepr, "reprcrash", None)
        if crash is not None:
            crash.message = f"{failed.token}: {failed.verdict}\n{crash.message}"
    return report


def _users_part(trace: TracebackType | None) -> TracebackType | None:
    """A traceback without the frames of minisqs."""
    if trace is None:
        return None
    inner = _users_part(trace.tb_next)
    if trace.tb_frame.f_code.co_filename.startswith(_OURS):
        return inner
    return TracebackType(inner, trace.tb_frame, trace.tb_lasti, trace.tb_lineno)


def _report_of(failed: pytest.ExceptionInfo[BaseException] | None) -> Report | None:
    """The report of a failing check; None for every other failure."""
    errors = sys.modules.get("minisqs.errors")
    if failed is None or errors is None or not isinstance(failed.value, errors.CheckFailed):
        return None
    return getattr(failed.value, "report", None)


def _write(item: pytest.Item, report: pytest.TestReport, failed: Report | None) -> None:
    """Write what a test's checks have found and tried into the folder of reports."""
    folder = _option(item.config, "report")
    if folder is None:
        return
    texts = [*item.stash[_holding].tried, *([failed.text()] if failed is not None else [])]
    if texts:
        path = Path(item.config.rootpath, folder)
        path.mkdir(parents=True, exist_ok=True)
        name = re.sub(r"[^A-Za-z0-9_.-]+", "-", item.nodeid).strip("-")
        (path / f"{name}.txt").write_text("\n".join([f"{item.nodeid}: {report.outcome}\n", *texts]), encoding="utf-8")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say how each finding is seen again."""
    failed = terminalreporter.stats.get("failed", [])
    commands = [command for report in failed if (command := getattr(report, "minisqs_replay", ""))]
    if commands:
        terminalreporter.section("minisqs: to see it again")
        for command in dict.fromkeys(commands):
            terminalreporter.line(command)
    token = _option(config, "replay")
    if token is not None and not _was_replayed(terminalreporter):
        terminalreporter.line(f"minisqs: the token {token} belongs to no check that was run", red=True)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A token that belongs to no check is an error of usage."""
    terminalreporter: Any = session.config.pluginmanager.get_plugin("terminalreporter")
    if terminalreporter is not None and _option(session.config, "replay") and not _was_replayed(terminalreporter):
        session.exitstatus = pytest.ExitCode.USAGE_ERROR


def _was_replayed(terminalreporter: Any) -> bool:
    return any(getattr(one, "minisqs_replayed", False) for kind in terminalreporter.stats.values() for one in kind)
