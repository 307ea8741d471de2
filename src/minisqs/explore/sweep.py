"""Random runs by the hundred thousand: each seed is one run, and chunks of seeds go to any executor.

A chunk is a pure function of data that can be pickled: which subject, messages and settings, and which seeds. So
it does not matter where it is worked on, nor when: results are put together in the order of the seeds, and are
equal whatever the executor. What fails is made small and told at home, in the process that called.

Two laboratories cannot be at work in one process at the same time, as the followed statements and intercepted
clocks are the process's. Chunks in threads of one process therefore take turns.
"""

from __future__ import annotations

import copyreg
import math
import os
import pickle
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import closing
from functools import lru_cache, partial
from hashlib import blake2b
from textwrap import fill
from typing import Any, Final

import attrs

from .. import errors
from ..engine.values import SendMessage
from ..sim.arguments import whole
from ..sim.faults import FAULTS
from .check import Checked, tell
from .choices import wanted
from .deploying import Deployed, deployed
from .laboratory import Laboratory
from .oracles import COMMUTES, Oracles
from .rates import GivenFaults, has_rates, rates_of
from .report import WIDTH, Report
from .runs import BRIEF
from .search import random_story
from .shrink import shrink
from .stories import Kept, Story
from .subjects import Case
from .values import many

Progress = Callable[[int, int, int], object]
Seeds = Sequence[int]

CHUNK: Final = 500
"""So many seeds take a second at most, for an ordinary consumer."""

CHUNKS: Final = 32
"""Few seeds are cut into about so many chunks, that every worker gets some."""

MOST_WAITING: Final = 1000
"""So many chunks are handed to an executor at once."""

LISTED: Final = 20
"""So many failing seeds are listed in the text."""

_turn = threading.Lock()
"""Held by whoever has a laboratory at work."""


@attrs.frozen(kw_only=True)
class Sweep:
    """What became of the runs of many seeds.

    Attributes:
        subject: Of what.
        runs: How many runs there were, one for each seed.
        failures: The smallest stories of the first failing seeds, each once, with ``seed`` the first that found it.
        failing_seeds: All seeds whose runs fail, in order. A run that is given up as nothing in it seems to change any
            more is among them, unless its story was to be made small and then came to rest after all.
        faults: How often each fault really happened.
        redeliveries: How often a message was handed over again.
        overlaps: How often a delivery ran while another was under way.
        dead_lettered: In how many runs messages went to a dead-letter queue.
        never: The names of the ``sometimes`` oracles that were true at the end of no run.
    """

    subject: str
    runs: int
    failures: tuple[Report, ...]
    failing_seeds: tuple[int, ...]
    faults: dict[str, int]
    redeliveries: int
    overlaps: int
    dead_lettered: int
    never: tuple[str, ...] = ()

    @property
    def tested(self) -> bool:
        """Whether anything went wrong in the world at all; if not, nothing was tested."""
        return bool(self.faults)

    def text(self) -> str:
        """All that in words: a line for each failure, and how to see one."""
        return "\n".join([*self._found(), *self._tried()]) + "\n"

    def __str__(self) -> str:
        return self.text()

    def _found(self) -> Iterator[str]:
        if not self.failing_seeds:
            yield f"{self.subject}: nothing found with {many(self.runs, 'seed')}."
            return
        yield f"{self.subject} breaks with {len(self.failing_seeds):,} of {many(self.runs, 'seed')}:"
        for report in self.failures:
            yield f"  seed {report.seed}  {report.token}  {report.verdict}"
        listed = ", ".join(map(str, self.failing_seeds[:LISTED]))
        more = len(self.failing_seeds) - LISTED
        yield fill(f"Failing seeds: {listed}{f', and {more:,} more in failing_seeds' if more > 0 else ''}.", WIDTH)
        if self.failures:
            yield "The first in full is failures[0].text(). To see it again:"
            yield f"  {self.failures[0].replay}"

    def _tried(self) -> Iterator[str]:
        if not self.tested:
            yield "This sweep tested nothing: no fault ever happened. Allow more faults, or send more messages."
            return
        fired = ", ".join(f"{name} {times:,}" for name, times in self.faults.items())
        yield fill(f"Faults that happened: {fired}.", WIDTH)
        yield f"{many(self.redeliveries, 'redelivery')}, {many(self.overlaps, 'overlapping delivery')}."
        if self.dead_lettered:
            yield f"In {many(self.dead_lettered, 'run')} messages went to the dead-letter queue."
        for name in self.never:
            yield f"{name} was true at the end of no run."


def sweep(
    subject: Any,
    messages: Sequence[str | SendMessage] | None = None,
    *,
    seeds: Iterable[int],
    executor: Executor | None = None,
    queue: Mapping[str, Any] | None = None,
    function: Mapping[str, Any] | None = None,
    mapping: Mapping[str, Any] | None = None,
    faults: GivenFaults = None,
    oracles: Iterable[object] | None = None,
    trace: object = None,
    seed: int | str | None = None,
    chunk: int | None = None,
    progress: bool | Progress | None = None,
    most_failures: int = 10,
) -> Sweep:
    """One random run for each seed, here or wherever an executor has its workers.

    The run of seed 7 is the same in every sweep of the same arguments, and is the random run number 7 of a
    ``check`` of the same arguments.

    Workers in other processes import what is swept by its name, so it stands at the top level of a module. A
    ``ProcessPoolExecutor`` that spawns its processes imports the main script too: let that begin its work under
    ``if __name__ == "__main__":``. The workers of a Dask cluster need the module on their import path: a
    ``LocalCluster`` has that of the process that made it; elsewhere install the module, set ``PYTHONPATH``,
    or send its file with ``client.upload_file("shop.py")`` before you import it. They need the same minisqs
    and Python as well.

    Args:
        subject, messages, queue, function, mapping, oracles, trace: As for ``check``.
        seeds: Whole numbers, such as ``range(100_000)``; each is run once, whatever their order.
        executor: Any of ``concurrent.futures``, or Dask's ``client.get_executor()``; None for this thread. Threads of
            one process take turns, so they are no faster.
        faults: Names, rates or ``Faults``, as for ``check``, but no ``Plan``; None for all that is legal.
        seed: From which ids and draws come, beside the seed of each run.
        chunk: How many seeds are handed out at a time, 1 or more; about a second's work unless given.
        progress: Whether a line on stderr tells how far it is, or what is called instead, now and then, with how many
            seeds are done, of how many, and how many of these fail; None for a line if stderr is a terminal.
        most_failures: Of so many failing seeds, the first ones, the stories are made small and told, 0 or more.

    Returns:
        What was found and what was tried, equal whatever the executor and ``chunk``.

    Raises:
        UsageError: An argument is not of its form or cannot be sent to the workers, the workers run other code,
            or the consumer is not the same on two perfect runs.
        EscapedSimulation: The consumer does not come back.
        Whatever the handler raises on the perfect queue, or the executor where a worker is lost. What is left is
        cancelled then, as it is on KeyboardInterrupt.
    """
    numbers, told_of = _seeds(seeds), _progress(progress)
    size = _size(len(numbers)) if chunk is None else whole("chunk", chunk, lowest=1)
    most = whole("most_failures", most_failures, lowest=0)
    site = _Site(_Given(
        subject=subject, messages=messages, queue=queue, function=function, mapping=mapping, faults=_kept(faults),
        oracles=_kept(oracles), trace=trace, seed=seed,
    ))  # fmt: skip
    work = _work(executor, site)
    site.expect()
    total = _Chunk()
    with closing(_results(executor, work, _chunks(numbers, size))) as results:
        for done in results:
            total = total.with_(done)
            told_of(total.runs, len(numbers), len(total.failures))
    return site.swept(total, most)


@attrs.frozen(kw_only=True)
class _Given:
    """What a user calls with: all that a worker needs to do the same."""

    subject: Any
    messages: Sequence[str | SendMessage] | None
    queue: Mapping[str, Any] | None
    function: Mapping[str, Any] | None
    mapping: Mapping[str, Any] | None
    faults: GivenFaults
    oracles: Iterable[object] | None
    trace: object
    seed: int | str | None


@attrs.frozen
class _Failure:
    """A seed whose run fails; there may be very many.

    Attributes:
        seed: Which.
        digest: Of what goes wrong in the run, and of which oracle says that it fails.
    """

    seed: int
    digest: bytes

    @classmethod
    def of(cls, seed: int, story: Story) -> _Failure:
        """What is kept of a story."""
        told = repr((list(story.plan.items()), story.finding.oracle))
        return cls(seed, blake2b(told.encode(), digest_size=8).digest())


@attrs.frozen(kw_only=True)
class _Chunk:
    """What became of some seeds."""

    runs: int = 0
    failures: tuple[_Failure, ...] = ()
    tally: Counter[str] = attrs.Factory(Counter)
    redeliveries: int = 0
    overlaps: int = 0
    dead_lettered: int = 0
    seen: frozenset[str] = frozenset()

    def with_(self, later: _Chunk) -> _Chunk:
        """Both together."""
        return _Chunk(
            runs=self.runs + later.runs,
            failures=self.failures + later.failures,
            tally=self.tally + later.tally,
            redeliveries=self.redeliveries + later.redeliveries,
            overlaps=self.overlaps + later.overlaps,
            dead_lettered=self.dead_lettered + later.dead_lettered,
            seen=self.seen | later.seen,
        )


class _Site:
    """Where runs of one sweep are made, in one process.

    Args:
        given: What a user called with.
    """

    def __init__(self, given: _Given) -> None:
        self.given = given
        self._case = Case(
            given.subject, given.messages, queue=given.queue, function=given.function, mapping=given.mapping,
            trace=given.trace, seed=given.seed,
        )  # fmt: skip
        self._oracles = Oracles.of(given.oracles, given.subject)
        rates = rates_of(given.faults)
        self._kinds = wanted(None if rates is None else rates.wanted())
        self._rates = rates if has_rates(given.faults) else None
        self._follows = False
        self._expected: dict[Kept, Any] = {}
        self._dead: dict[Kept, frozenset[str]] = {}
        self._for_nobody: dict[Kept, frozenset[str]] = {}
        self._delivery_names: set[str] = set()

    def _laboratory(self) -> Laboratory:
        """One that counts from nothing, but knows what the perfect queue leaves behind if one before it did."""
        laboratory = Laboratory(self._case, self._oracles, self._kinds)
        laboratory._expected, laboratory._dead = self._expected, self._dead
        laboratory._for_nobody, laboratory._delivery_names = self._for_nobody, self._delivery_names
        return laboratory

    def _follow_what_runs(self, laboratory: Laboratory) -> None:
        """Once for the whole site, so that each process follows the same."""
        if not self._follows:
            laboratory.follow_what_runs()
            self._follows = True

    def _story(self, laboratory: Laboratory, seed: int) -> Story | None:
        return random_story(laboratory, self._case.everything, self.given.seed or 0, seed, self._rates)

    def expect(self) -> None:
        """Make the perfect runs, so that whatever is wrong there is raised at home."""
        if COMMUTES in self._oracles.names:
            raise errors.UsageError(
                "'commutes' is about the order of the messages, not about seeds: ask check or prove for it"
            )
        with _turn, self._laboratory() as laboratory:
            laboratory.expected(self._case.everything)
            self._follow_what_runs(laboratory)
            laboratory.refuse_unfollowed()

    def chunk(self, seeds: Seeds) -> _Chunk:
        """The runs of some seeds."""
        failures = []
        with _turn, self._laboratory() as laboratory:
            self._follow_what_runs(laboratory)
            for seed in seeds:
                try:
                    story = self._story(laboratory, seed)
                except Exception as error:
                    error.add_note(f"It was raised in the run of seed {seed}.")
                    raise
                if story is not None:
                    failures.append(_Failure.of(seed, story))
        return _Chunk(
            runs=laboratory.runs,
            failures=tuple(failures),
            tally=laboratory.tally,
            redeliveries=laboratory.redeliveries,
            overlaps=laboratory.overlaps,
            dead_lettered=laboratory.legally_dead,
            seen=frozenset(laboratory.seen_sometimes),
        )

    def swept(self, total: _Chunk, most: int) -> Sweep:
        """The answer to the user."""
        tried = Checked(
            subject=self._case.name,
            found=bool(total.failures),
            runs=total.runs,
            faults={name: total.tally[name] for name in FAULTS if total.tally[name]},
            redeliveries=total.redeliveries,
            overlaps=total.overlaps,
            dead_lettered=total.dead_lettered,
            complete=False,
            unfollowed=self._case.unfollowed,
        )
        told = self._told(total.failures[:most], tried)
        reports: dict[str, Report] = {}
        for report in filter(None, told.values()):
            reports.setdefault(report.token, report)
        return Sweep(
            subject=tried.subject,
            runs=tried.runs,
            failures=tuple(reports.values()),
            failing_seeds=tuple(one.seed for one in total.failures if told.get(one.seed, one) is not None),
            faults=tried.faults,
            redeliveries=tried.redeliveries,
            overlaps=tried.overlaps,
            dead_lettered=tried.dead_lettered,
            never=tuple(one.name for one in self._oracles.sometimes if one.name not in total.seen),
        )

    def _told(self, failures: Sequence[_Failure], tried: Checked) -> dict[int, Report | None]:
        """The smallest story of each seed; None where it only seemed that the run never settles."""
        reports: dict[int, Report | None] = {}
        if failures:
            with _turn, self._laboratory() as laboratory:
                for failure in failures:
                    story = self._smallest(laboratory, failure)
                    told = None if story is None else tell(laboratory, story)
                    reports[failure.seed] = told and attrs.evolve(told, seed=failure.seed, tried=tried)
        return reports

    def _smallest(self, laboratory: Laboratory, failure: _Failure) -> Story | None:
        story = self._story(laboratory, failure.seed)
        if story is None or _Failure.of(failure.seed, story) != failure:
            raise errors.UsageError(
                f"the run of seed {failure.seed} is another here than where it was found to fail: the workers have another "
                f"version of {self._case.name}, of minisqs or of Python, or it depends on something that differs between "
                "processes, such as the order of a set of texts"
            )
        smallest = shrink(laboratory, laboratory.try_out(story.kept, story.plan, None) or story)
        is_confirmed = laboratory.is_confirmed(smallest)
        laboratory.patience = BRIEF  # each seed is run as it was where it was found
        return smallest if is_confirmed else None


# ------------------------------------------------------------------------------------------------- near and far
def _work(executor: Executor | None, site: _Site) -> Callable[[Seeds], _Chunk]:
    """What does a chunk, wherever it is sent.

    Raises:
        UsageError: It cannot be sent there, or that is no executor.
    """
    if executor is not None and not isinstance(executor, Executor):
        hint = "; of a Dask client it is client.get_executor()" if hasattr(executor, "get_executor") else ""
        raise errors.UsageError(f"an executor is one of concurrent.futures{hint}; not {executor!r}")
    if executor is None or isinstance(executor, ThreadPoolExecutor):
        return site.chunk
    return partial(_far, _packed(site.given))


def _far(packed: bytes, seeds: Seeds) -> _Chunk:
    """A chunk in another process, from what was packed at home."""
    return _unpacked(packed).chunk(seeds)


def _packed(given: _Given) -> bytes:
    """The bytes for a worker: others for each sweep, as the same name may mean another code by then.

    They are made here, so that an executor with a way of its own to send objects cannot send anything but names.
    """
    try:
        return pickle.dumps((os.urandom(16), given))
    except Exception as error:
        for name in ("subject", *attrs.fields_dict(_Given)):
            if not _can_be_packed(value := getattr(given, name)):
                what = getattr(value, "__qualname__", repr(value)) if name == "subject" else f"{name}={value!r}"
                raise errors.UsageError(
                    f"{what} cannot be sent to another process ({error}): define it at the top level of a module, from "
                    "where the workers import it by name"
                ) from error
        raise


def _can_be_packed(value: object) -> bool:
    try:
        pickle.dumps(value)
    except Exception:  # noqa: BLE001  # objects of the user's refuse in ways of their own
        return False
    return True


@lru_cache(maxsize=1)
def _unpacked(packed: bytes) -> _Site:
    """The same for all chunks of a sweep that one process gets."""
    try:
        _, given = pickle.loads(packed)  # noqa: S301  # made by the process that called
    except (AttributeError, ImportError) as error:
        raise errors.UsageError(
            f"a worker cannot import what is swept: {error}. Its module must be found where the workers are: installed, on "
            "their PYTHONPATH, or sent there, with Dask by client.upload_file('shop.py')"
        ) from error
    return _Site(given)


def _unpack_deployed(path: str, outside: Callable[[], Any]) -> Deployed:
    return deployed(path, outside=outside)


# Its code cannot be pickled, and need not: the worker has the file.
copyreg.pickle(Deployed, lambda code: (_unpack_deployed, (code.__name__, code._outside)))


def _results(
    executor: Executor | None, work: Callable[[Seeds], _Chunk], chunks: Iterator[Seeds]
) -> Generator[_Chunk, None, None]:
    """What became of each chunk, in their order; what is left when it is closed is cancelled."""
    if executor is None:
        yield from map(work, chunks)
        return
    waiting: deque[Future[_Chunk]] = deque()
    try:
        for seeds in chunks:
            waiting.append(executor.submit(work, seeds))
            if len(waiting) == MOST_WAITING:
                yield waiting[0].result()
                waiting.popleft()
        while waiting:
            yield waiting[0].result()
            waiting.popleft()
    finally:
        for future in waiting:
            future.cancel()


# ---------------------------------------------------------------------------------------------------- arguments
def _seeds(given: object) -> Seeds:
    """Each seed once, in order."""
    if isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
        raise errors.UsageError(f"seeds are whole numbers, such as range(100_000), not {given!r}")
    if isinstance(given, range):
        seeds: Seeds = given if given.step > 0 else given[::-1]
    else:
        seeds = tuple(given)
        for seed in seeds:
            if isinstance(seed, bool) or not isinstance(seed, int):
                raise errors.UsageError(f"a seed of a sweep is a whole number, not {seed!r}")
        seeds = sorted(set(seeds))
    if not seeds:
        raise errors.UsageError("there are no seeds, so there is nothing to run")
    return seeds


def _size(seeds: int) -> int:
    return min(CHUNK, math.ceil(seeds / CHUNKS))


def _chunks(seeds: Seeds, size: int) -> Iterator[Seeds]:
    return (seeds[start : start + size] for start in range(0, len(seeds), size))


def _kept(given: Any) -> Any:
    """The same, but what can be read only once as a list, since each process reads it."""
    return list(given) if isinstance(given, Iterator) else given


def _progress(given: object) -> Progress:
    if given is None:
        given = sys.stderr.isatty()
    if isinstance(given, bool):
        return _Line() if given else lambda done, total, failing: None
    if not callable(given):
        raise errors.UsageError(f"progress= is True, False, or what is called with three numbers; not {given!r}")
    return given


class _Line:
    """A line on stderr that is written again and again."""

    def __init__(self) -> None:
        self._begun_s = time.monotonic()
        self._length = 0

    def __call__(self, done: int, total: int, failing: int) -> None:
        """Write it; the last time, end it."""
        rate = done / max(time.monotonic() - self._begun_s, 1e-9)
        line = f"{done:,} of {many(total, 'seed')}, {failing:,} failing, {rate:,.0f} a second"
        sys.stderr.write("\r" + line.ljust(self._length) + "\n" * (done == total))
        sys.stderr.flush()
        self._length = len(line)
