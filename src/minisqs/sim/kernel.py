"""Simulated time passes here: an event heap, tasks that wait, and the world's own deadlines.

The kernel knows nothing of queues. What falls due by itself (timeouts, delays, retention) it asks of one
``Background``; all else is events. At one nanosecond the background comes first, then events by their
``order`` and, where that is equal, in the order they were scheduled, unless ``choose_tie`` prefers another.
So every run of the same program is the same.

A task is a generator that yields ``Wait`` whenever it has to wait. Nothing runs but inside ``run_until``,
``run_until_idle`` and ``complete``; each may be called from inside an event, which then sees more time
pass, as a function that sleeps does.

An event is *passive* if all it could do by itself is to look and find nothing, such as the end of a long
poll. The world is idle when only passive events are left.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from heapq import heapify, heappop, heappush
from typing import Any, Final, Generic, Protocol, TypeAlias, TypeVar

import attrs

from .. import errors
from ..limits import NEVER_NS, SECOND_NS
from .clock import Clock, check_time

Result = TypeVar("Result")

MOST_AT_ONCE: Final = 1_000_000
"""So many events at one nanosecond are taken for an endless loop."""

MOST_ALONE: Final = 1000
"""So often time is let pass inside of one event before that ends; who counts events is to have something to count."""

DEEPEST: Final = 50
"""So many events may let time pass inside of each other; each takes its part of Python's stack."""

CANCELLED_KEPT: Final = 100
"""So many cancelled events may lie on the heap before anybody counts whether they are most of it."""


class Background(Protocol):
    """What falls due by itself."""

    def earliest_ns(self) -> int:
        """Nothing falls due before this, though perhaps nothing then either: the cheap question."""
        ...

    def next_due_ns(self) -> int:
        """When something next ends a wait; the world is not idle before."""
        ...

    def next_passive_ns(self) -> int:
        """When something next falls due that no one waits for."""
        ...

    def next_due(self) -> str:
        """Whose that is, for a run that is given up before."""
        ...

    def settle(self) -> str:
        """Let everything happen that is due now; who it was, for a run that never settles."""
        ...


class Around(Protocol):
    """Who wants to know whenever time is let pass, perhaps inside of an event."""

    def begins(self) -> None:
        """Time is about to pass; what this raises keeps it from that."""
        ...

    def has_passed(self) -> None:
        """It has."""
        ...

    def looks_again(self) -> bool:
        """Whether somebody whose wait is passive is to find something after all, just before all would be idle."""
        ...


@attrs.frozen
class Wait:
    """What a task yields: go on at ``until_ns``, or earlier if woken.

    ``passive`` says that nothing but an earlier wake would make it do anything; ``period_ns``, that otherwise it
    only waits again, so long each time; ``looks``, that it is to come round once before others do anything, as it
    may look at the time.
    """

    until_ns: int
    passive: bool = False
    period_ns: int = 0
    looks: bool = False


Waiting: TypeAlias = Generator[Wait, None, Result]


@attrs.define(eq=False)
class Event:
    """Something to be done at a time, by the name of who does it."""

    time_ns: int
    call: Callable[[], None]
    label: str
    passive: bool
    cancelled: bool = False
    period_ns: int = 0
    """Of a passive event after which the same comes again: how much later; 0 for all others."""
    looks: bool = False
    """Whether it is to come once shortly before whatever is leapt to."""


class Task(Generic[Result]):
    """A generator that runs in simulated time."""

    def __init__(self, kernel: Kernel, generator: Waiting[Result], label: str) -> None:
        self._kernel = kernel
        self._generator = generator
        self._event: Event | None = None
        self._runs = False
        self.label = label
        self.done = False
        self.result: Result | None = None
        self.error: BaseException | None = None
        self.keeps_error = False
        """Whether an error is kept for who waits for the result, not raised where time is let pass."""

    def resume(self) -> None:
        """Go on until the next wait, or the end."""
        before, self._kernel.current = self._kernel.current, self
        self._runs = True
        try:
            wait = next(self._generator)
        except StopIteration as stop:
            self.done, self.result = True, stop.value
        except BaseException as error:
            self.done, self.error = True, error
            if not self.keeps_error:
                raise
        else:
            if not self.done:
                self._event = self._kernel.at(wait.until_ns, self.resume, label=self.label, passive=wait.passive)
                self._event.period_ns, self._event.looks = wait.period_ns, wait.looks
        finally:
            self._kernel.current = before
            self._runs = False
        if self.done:
            self._generator.close()

    def wake(self) -> None:
        """End the present wait: the task goes on now, behind what is already due."""
        now_ns = self._kernel.clock.now_ns
        if self.done or self._event is None or (self._event.time_ns == now_ns and not self._event.passive):
            return
        self._kernel.cancel(self._event)
        self._event = self._kernel.at(now_ns, self.resume, label=self.label)

    def count(self) -> None:
        """Let its present wait, if it was passive, keep the world busy: there is something to find by now."""
        event = self._event
        if event is not None and event.passive and not event.cancelled:
            event.passive, event.period_ns = False, 0
            self._kernel._active += 1

    def stop(self) -> None:
        """End the task where it waits; where it runs, it goes on to its next wait and no further."""
        self.done = True
        if self._event is not None:
            self._kernel.cancel(self._event)
        if not self._runs:
            self._generator.close()


class Kernel:
    """The one place where simulated time moves.

    Args:
        clock: The clock it moves.
        background: What falls due by itself.
        choose_tie: Which of so many events that are due at once comes first, by the label of the first.
    """

    def __init__(
        self, clock: Clock, background: Background, choose_tie: Callable[[str, int], int] | None = None
    ) -> None:
        self.clock = clock
        self._background = background
        self._choose_tie = choose_tie
        self._heap: list[tuple[int, int, int, Event]] = []
        self._scheduled = 0
        self._cancelled = 0
        self._active = 0
        self._ran, self._ran_passive = "", False
        self._at_once = 0
        self.current: Task[Any] | None = None
        """The task that runs just now."""
        self.before_time_passes: list[Callable[[], None]] = []
        """What an event wants to be done before time is let pass inside of it; each is called once."""
        self.escaped: BaseException | None = None
        """The latest error that came out of an event; inside of another event, that is not an error of the other."""
        self._depth = 0
        self._limit_ns = self._alone = 0
        self.seeks_idle = False
        """Whether time is let pass until the world is idle, so that it matters which waits are passive."""
        self.around: Around | None = None
        """Who is told whenever time is let pass, and when it has passed."""
        self.skips_idle = False
        """Whether time leaps over passive events that come again and again, as if they had come and gone."""

    def choose_tie(self, label: str, options: int) -> int:
        """Which of so many things that could all come next is first; 0 where nobody is asked."""
        return 0 if self._choose_tie is None else self._choose_tie(label, options)

    @property
    def asks_ties(self) -> bool:
        """Whether anybody is asked."""
        return self._choose_tie is not None

    def ignore_ties(self) -> None:
        """Let simultaneous events happen in the order in which they were scheduled; nobody is asked."""
        self._choose_tie = None

    @property
    def scheduled(self) -> int:
        """How many events there have been."""
        return self._scheduled

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is due now, so that time is about to pass."""
        return not self._heap or self._heap[0][0] > self.clock.now_ns

    def waiting(self) -> list[tuple[int, int, str]]:
        """What is to come, in order: when (0 for what only looks again and again), its place at that instant, whose."""
        coming = [
            (0 if event.period_ns else time, order, number, event.label)
            for time, order, number, event in self._heap
            if not event.cancelled
        ]
        return [(time, order, label) for time, order, _, label in sorted(coming)]

    def at(self, time_ns: int, call: Callable[[], None], *, label: str, passive: bool = False, order: int = 0) -> Event:
        """Do something at a time; at once, behind what is already due, if the time is past.

        Args:
            time_ns: When.
            call: What.
            label: Who does it.
            passive: Whether it could only look and find nothing.
            order: Its place among the events of one nanosecond: the lower, the earlier.

        Raises:
            UsageError: The time is past the end of the clock.
        """
        check_time(time_ns)
        event = Event(max(time_ns, self.clock.now_ns), call, label, passive)
        self._scheduled += 1
        self._active += not passive
        heappush(self._heap, (event.time_ns, order, self._scheduled, event))
        return event

    def cancel(self, event: Event) -> None:
        """Do it not after all. An event that has happened is not affected."""
        if not event.cancelled:
            event.cancelled = True
            self._active -= not event.passive
            self._cancelled += 1
            if self._cancelled > max(CANCELLED_KEPT, len(self._heap) // 2):
                self._clean_up()

    def _clean_up(self) -> None:
        """Take the cancelled events off the heap; O(1) for each of them."""
        self._heap = [entry for entry in self._heap if not entry[3].cancelled]
        heapify(self._heap)
        self._cancelled = 0

    def spawn(self, generator: Waiting[Result], label: str) -> Task[Result]:
        """Start a task; its first step comes when time is next allowed to pass."""
        task = Task(self, generator, label)
        task._event = self.at(self.clock.now_ns, task.resume, label=label)
        return task

    def begin(self, generator: Waiting[Result], label: str) -> Task[Result]:
        """Start a task; its first step is taken now, so only an event may call this."""
        task = Task(self, generator, label)
        task.resume()
        return task

    def pass_alone(self, until_ns: int, *, passive: bool) -> bool:
        """Let time pass inside of an event, if nothing else falls due by then; False if something does.

        To whoever waits it is the same as to wait for an event of his own, at a fraction of the cost. A passive wait
        may be where a world is idle, so that it ends there.
        """
        if passive and self.seeks_idle:
            return False
        heap = self._heap
        if self._alone == MOST_ALONE or until_ns > self._limit_ns or (heap and heap[0][0] <= until_ns):
            return False
        if self._background.earliest_ns() <= until_ns:
            return False
        self._alone += 1
        self.clock.move_to(until_ns)
        return True

    def complete(self, generator: Waiting[Result], label: str) -> Result:
        """Run a task from now to its end, and meanwhile everything else that falls due; what it returned."""
        task = Task(self, generator, label)
        task.keeps_error = True
        try:
            with self._passing():
                task.resume()
                while not task.done:
                    happened = self._step(NEVER_NS)
                    assert happened, "a task that is not done has an event of its own"
        except BaseException:  # out of somebody else's event; nobody waits for this task any more
            task.stop()
            raise
        if task.error is not None:
            raise task.error
        return task.result  # type: ignore[return-value]  # done without an error, so it has one

    def run_until(self, time_ns: int, stop: Callable[[], bool] | None = None) -> None:
        """Let time pass up to and including ``time_ns``, or until something has happened after which ``stop()`` is true.

        Raises:
            UsageError: The time is past the end of the clock.
            NeverSettled: So much happens at one nanosecond that it looks endless.
        """
        check_time(time_ns)
        with self._passing():
            while self._step(time_ns):
                if stop is not None and stop():
                    return
            self.clock.move_to(time_ns)

    @contextmanager
    def _passing(self) -> Iterator[None]:
        """Let time pass, perhaps inside of an event, after what that wanted to be done before."""
        while self.before_time_passes:
            self.before_time_passes.pop()()
        if self._depth == DEEPEST:
            self.escaped = errors.UsageError(
                f"{DEEPEST} pieces of code let time pass inside of each other, and each waits for those inside of it. Let "
                "workers that overlap take their time with duration=, or sleep in an async def."
            )
            raise self.escaped
        around = self.around
        if around is not None:
            around.begins()
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
            if around is not None:
                around.has_passed()

    def run_until_idle(
        self, give_up_ns: Callable[[], int], max_events: int, watch: Callable[[], None] | None = None
    ) -> None:
        """Let time pass until only passive events are left; ``watch`` is called after each.

        Raises:
            NeverSettled: It is not idle at ``give_up_ns()``, or after so many events.
        """
        began_ns = self.clock.now_ns
        limit_ns = give_up_ns()
        busy: Counter[str] = Counter()
        with self._passing(), self._seeking_idle():
            for _ in range(max_events):
                if not self._active and self._background.next_due_ns() == NEVER_NS and not self._somebody_looks_again():
                    return
                if not self._step(limit_ns) and not self._step(limit_ns := give_up_ns()):  # it may be later by now
                    busy[self._next_label()] += 0  # named, though it has not happened
                    break
                if not self._ran_passive:
                    busy[self._ran] += 1
                if watch is not None:
                    watch()
        if self._active or self._background.next_due_ns() != NEVER_NS:
            raise errors.NeverSettled(_never_settled(self.clock.now_ns - began_ns, busy))

    def _somebody_looks_again(self) -> bool:
        return self.around is not None and self.around.looks_again()

    @contextmanager
    def _seeking_idle(self) -> Iterator[None]:
        before, self.seeks_idle = self.seeks_idle, True
        try:
            yield
        finally:
            self.seeks_idle = before

    def _next_label(self) -> str:
        """Who would come next."""
        background = self._background
        if self._heap and self._heap[0][0] < background.next_due_ns():
            return self._heap[0][3].label
        return background.next_due()

    def _step(self, limit_ns: int) -> bool:
        """Do what comes next, if it comes by ``limit_ns``; False if nothing does."""
        heap = self._heap
        self._limit_ns, self._alone = limit_ns, 0
        while heap and heap[0][3].cancelled:
            heappop(heap)
            self._cancelled -= 1
        event_ns = heap[0][0] if heap else NEVER_NS
        background = self._background
        if event_ns >= background.earliest_ns():
            active_ns, passive_ns = background.next_due_ns(), background.next_passive_ns()
            due_ns = min(active_ns, passive_ns)
            if due_ns <= event_ns:
                if due_ns > limit_ns or due_ns == NEVER_NS:
                    return False
                self._refuse_endless(due_ns)
                self.clock.move_to(due_ns)
                self._ran, self._ran_passive = background.settle(), passive_ns < active_ns
                return True
        if event_ns > limit_ns or event_ns == NEVER_NS:
            return False
        if event_ns > self.clock.now_ns:
            if self.skips_idle and heap[0][3].period_ns and self._leap(limit_ns):
                return True
            self._at_once = 0
            self.clock.now_ns = event_ns
        else:
            self._refuse_endless(event_ns)
        event = heappop(heap)[3] if self._choose_tie is None else self._pop(self._choose_tie)
        self._active -= not event.passive
        event.cancelled = True
        try:
            event.call()
        except BaseException as error:
            self.escaped = error
            raise
        self._ran, self._ran_passive = event.label, event.passive  # what ran inside of it is part of it
        return True

    def _leap(self, limit_ns: int) -> bool:
        """Put periodic events off, by whole periods, to when something else is due; False if that is now."""
        others = [entry[0] for entry in self._heap if not entry[3].period_ns and not entry[3].cancelled]
        until_ns = min([self._background.next_due_ns(), self._background.next_passive_ns(), limit_ns, *others])
        first_ns, _, _, first = self._heap[0]
        if until_ns == NEVER_NS or first_ns + (first.period_ns if first.looks else 0) >= until_ns:
            return False
        later = []
        for time_ns, order, number, event in self._heap:
            if event.period_ns and time_ns < until_ns:
                periods = -(-(until_ns - time_ns) // event.period_ns) - event.looks
                event.time_ns = time_ns + periods * event.period_ns
                later.append((event.time_ns, order, number, event))
            else:
                later.append((time_ns, order, number, event))
        heapify(later)
        self._heap = later
        return True

    def _refuse_endless(self, time_ns: int) -> None:
        """Count the steps at one nanosecond, and give up where there are too many."""
        self._at_once = self._at_once + 1 if time_ns <= self.clock.now_ns else 0
        if self._at_once > MOST_AT_ONCE:
            self._at_once = 0
            raise errors.NeverSettled(
                f"{MOST_AT_ONCE:,} events have happened at one nanosecond, the last by {self._ran}, and there are more: "
                "a worker that fails at once on a message that comes back at once never ends."
            )

    def _pop(self, choose_tie: Callable[[str, int], int]) -> Event:
        """Take the next event off the heap; of several at one nanosecond, the one that is chosen."""
        heap = self._heap
        first = heappop(heap)
        if not heap or heap[0][0] != first[0]:
            return first[3]
        tied = [first]
        while heap and heap[0][0] == first[0]:
            entry = heappop(heap)
            if entry[3].cancelled:
                self._cancelled -= 1
            else:
                tied.append(entry)
        chosen = tied.pop(choose_tie(first[3].label, len(tied)) if len(tied) > 1 else 0)
        for entry in tied:
            heappush(heap, entry)
        return chosen[3]


def _never_settled(passed_ns: int, busy: Counter[str]) -> str:
    """The text that names what kept a run busy, and what would have come next."""
    named = [f"{label} ({count:,} events)" if count else f"{label} (next)" for label, count in busy.most_common(3)]
    most = ", ".join(named)
    return (
        f"the world has not come to rest after {passed_ns / SECOND_NS:,.0f} simulated seconds and "
        f"{busy.total():,} events; what kept it busy: {most}. A message that always fails needs a redrive "
        "policy; a worker that always finds something to do needs an end."
    )
