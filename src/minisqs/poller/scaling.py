"""How many batches a mapping may have in its hands: the ramp up, the way down, and the backing off.

The number of slots, ``c`` in the specification, moves at ticks, at empty polls and after a long quiet. A
``Scale`` is told what happened and answers with numbers; it knows no queue, no slot and no clock. All
arithmetic is in whole numbers: what a tick owes less than a slot is kept in sixtieths. A ``Budget`` says
how much the pollers of provisioned mode may receive in a second.

Source: Lambda guide, Configuring scaling behavior for SQS event source mappings; lambda-poller.md 5.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache
from typing import Final

import attrs

from .. import limits


@attrs.frozen
class Profile:
    """How Lambda scaled at some time.

    Attributes:
        start: Slots at first, and again with the first message after a quiet time.
        step: Slots more a minute.
        most: Slots at most.
        quiet: Slots that are left after a long time without a message.
        is_provisioned: Whether pollers are paid for, and have a budget each second.
    """

    start: int
    step: int
    most: int
    quiet: int
    is_provisioned: bool = False


LEGACY: Final = "legacy"
CURRENT: Final = "current"
PROVISIONED: Final = "provisioned"

PROFILES: Final[Mapping[str, Profile]] = {
    LEGACY: Profile(start=5, step=60, most=1000, quiet=5),  # 2018 to November 2023
    CURRENT: Profile(start=5, step=300, most=1250, quiet=2),
}


@lru_cache(maxsize=64)
def profile_of(
    name: str, minimum_pollers: int | None, maximum_pollers: int | None, maximum_concurrency: int | None, account: int
) -> Profile:
    """The profile of a mapping, within what it and the account allow.

    >>> profile_of("current", None, None, 50, 1000)
    Profile(start=5, step=300, most=50, quiet=5, is_provisioned=False)
    >>> profile_of("provisioned", 2, 200, None, 1000)
    Profile(start=20, step=1000, most=1000, quiet=20, is_provisioned=True)
    """
    if name == PROVISIONED:
        least = limits.POLLER_CONCURRENCY * (minimum_pollers or limits.MINIMUM_POLLERS.default)
        most = limits.POLLER_CONCURRENCY * (maximum_pollers or limits.MAXIMUM_POLLERS.default)
        profile = Profile(start=least, step=1000, most=most, quiet=least, is_provisioned=True)
    else:
        profile = PROFILES[name]
    if maximum_concurrency is not None:  # with a maximum there is no descent below the start
        profile = attrs.evolve(profile, most=min(profile.most, maximum_concurrency), quiet=profile.start)
    most = min(profile.most, account)
    return attrs.evolve(profile, most=most, start=min(profile.start, most), quiet=min(profile.quiet, most))


@attrs.define
class Scale:
    """The number of slots of one mapping.

    Attributes:
        profile: Within which it moves.
        tick_s: Seconds from one tick to the next.
        backoff_ratio: Which share of the slots a tick takes away in which every batch failed; 0 for none.
        needs_backlog: Whether slots are added only where messages are left for them.
        slots: How many there may be now.
    """

    profile: Profile
    tick_s: int = 10
    backoff_ratio: Fraction = Fraction(1, 10)
    needs_backlog: bool = True
    slots: int = attrs.field(init=False)
    _owed: int = 0

    def __attrs_post_init__(self) -> None:
        self.slots = self.profile.start

    def tick(self, *, batches: int, failed: int, were_all_busy: bool, is_backlog: bool) -> str:
        """Take in what happened since the last tick; why the number changed, or nothing if it did not.

        Args:
            batches: How many batches were settled or throttled.
            failed: How many of them failed in a way that Lambda backs off for, or were throttled.
            were_all_busy: Whether at some instant no slot was free.
            is_backlog: Whether the queue has a message for another slot.
        """
        if failed and self.backoff_ratio:
            self._owed = 0
            return self._back_off(batches, failed)
        if not were_all_busy or (self.needs_backlog and not is_backlog):
            self._owed = 0
            return ""
        whole, self._owed = divmod(self._owed + self.profile.step * self.tick_s, 60)
        return self._change(min(self.profile.most, self.slots + whole), "all slots were busy")

    def _back_off(self, batches: int, failed: int) -> str:
        less = -(-self.backoff_ratio * self.slots * failed // batches)
        if self.slots <= self.profile.start:
            return ""
        return self._change(max(self.profile.start, self.slots - int(less)), f"{failed} of {batches} batches failed")

    def empty_poll(self) -> str:
        """A poll has ended without a message: above the start, that takes its slot away."""
        return self._change(max(min(self.slots, self.profile.start), self.slots - 1), "a poll found nothing")

    def quiet(self) -> str:
        """There was no message for a long time: what is left of the slots at the start goes down further."""
        quiet = self.profile.quiet if self.slots <= self.profile.start else self.slots
        return self._change(min(self.slots, quiet), "there was no message for a long time")

    def received(self) -> str:
        """There is a message: a mapping that had gone quiet is back at its start at once."""
        return self._change(max(self.slots, self.profile.start), "there is a message again")

    def adapt(self, profile: Profile, tick_s: int, backoff_ratio: Fraction, *, needs_backlog: bool) -> str:
        """Go on with other settings."""
        self.profile, self.tick_s, self.backoff_ratio, self.needs_backlog = (
            profile, tick_s, backoff_ratio, needs_backlog
        )  # fmt: skip
        return self._change(max(min(self.slots, profile.most), profile.quiet), "the settings changed")

    def _change(self, slots: int, why: str) -> str:
        before, self.slots = self.slots, slots
        return "" if slots == before else f"concurrency {before} -> {slots}: {why}"

    @property
    def pollers(self) -> int:
        """How many event pollers that takes, in provisioned mode."""
        return -(-self.slots // limits.POLLER_CONCURRENCY)


@attrs.define(eq=False)
class Budget:
    """What the pollers of provisioned mode may still receive in the present second.

    Attributes:
        began_ns: Since when seconds count.
        pollers: How many share it; 0 where it has no limit, outside of provisioned mode.
        second: The present one.
        calls, octets: What was used in it.
    """

    began_ns: int = 0
    pollers: int = 0
    second: int = -1
    calls: int = 0
    octets: int = 0

    def is_used_up(self, now: int, *, is_new_call: bool) -> bool:
        """Whether another look has to wait for the next second; only the first look of a poll is a call."""
        if not self.pollers:
            return False
        second = (now - self.began_ns) // limits.SECOND_NS
        if second != self.second:  # what was read beyond a second's megabytes is missing in the next
            allowed = limits.POLLER_BYTES * self.pollers * (second - max(self.second, 0))
            self.second, self.calls, self.octets = second, 0, max(0, self.octets - allowed)
        if self.octets >= limits.POLLER_BYTES * self.pollers:
            return True
        return is_new_call and self.calls >= limits.POLLER_CALLS * self.pollers

    def next_ns(self) -> int:
        """When the next second begins."""
        return self.began_ns + (self.second + 1) * limits.SECOND_NS
