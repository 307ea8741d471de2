"""The order of a fair queue: a standard queue in which messages carry a MessageGroupId (sqs.md 19).

Each group is a tenant. A tenant becomes noisy when it has at least 30 messages in flight and over a tenth
of all that are, or when it took over a tenth of the consumers' time in the last five to ten minutes (with
at least 30 messages handled; that floor is chosen, AWS only says "recent"). While there are noisy tenants,
messages of the quiet ones go first; noisy ones follow when no quiet message waits, the tenant with the
fewest in flight first. A tenant is quiet again when none of its messages waits, or when it has sent nothing
for five minutes. Within a tenant, and among the quiet, the order is that of every standard queue.

A message without a group is a tenant of its own, and so never noisy.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from itertools import islice

import attrs

from .. import limits
from .lifecycle import AVAILABLE, IN_FLIGHT
from .message import Message
from .ordering import StandardOrdering


@attrs.define(eq=False)
class Tenant:
    """One message group of a fair queue.

    Attributes:
        noisy: Whether its messages wait for those of others.
        waiting: How many of its messages are available.
        in_flight: How many of its messages are in flight.
        last_sent_ns: When it sent last.
        handled, handling_ns: Deliveries that ended in the present window, and the time they took.
        handled_before, handling_before_ns: The same of the window before.
        aside: Its available messages, as far as they were met while it was noisy.
    """

    noisy: bool = False
    waiting: int = 0
    in_flight: int = 0
    last_sent_ns: int = 0
    handled: int = 0
    handling_ns: int = 0
    handled_before: int = 0
    handling_before_ns: int = 0
    aside: StandardOrdering = attrs.field(factory=StandardOrdering)


class FairOrdering:
    """The available messages of one fair queue, those of quiet tenants first.

    Args:
        order: The order of the queue so far, which goes on within each tenant.
        in_flight: What is in flight already, of nobody's.
        now: When the first message with a group came.
    """

    __slots__ = (
        "_available",
        "_busy",
        "_handling_before_ns",
        "_handling_ns",
        "_in_flight",
        "_order",
        "_taken_ns",
        "_tenants",
        "_window_ns",
    )

    def __init__(self, order: StandardOrdering, in_flight: Sequence[Message], now: int) -> None:
        self._order = order
        self._tenants: dict[str, Tenant] = {}
        self._taken_ns = dict.fromkeys(in_flight, now)
        self._busy: dict[str, Tenant] = {}
        """Those that may be noisy: who is, or reached thirty messages in flight or handled."""
        self._available = 0
        """An upper bound, as of the last message that came back."""
        self._in_flight = len(in_flight)
        self._handling_ns = 0
        self._handling_before_ns = 0
        self._window_ns = now

    def add(self, message: Message) -> None:
        """Take in a message on its arrival. Cost: O(1)."""
        tenant = self._tenant(message)
        if tenant is not None:
            tenant.last_sent_ns = max(tenant.last_sent_ns, message.enqueued_ns)
        if message.state is AVAILABLE:
            if tenant is not None:
                tenant.waiting += 1
            self._order.add(message)

    def add_back(self, message: Message, available: int) -> None:
        """Take in a message that became available later. Cost: O(log r)."""
        tenant = self._tenant(message)
        if tenant is not None:
            tenant.waiting += 1
        self._available = available
        self._order.add_back(message, available)

    def removed(self, message: Message, *, was_available: bool) -> None:
        """Forget a message that has ended. Cost: O(1)."""
        tenant = self._tenant(message)
        if tenant is not None and was_available:
            self._one_less(tenant)

    def left_flight(self, message: Message, now: int) -> None:
        """Count the time a consumer had a message. Cost: O(1)."""
        self._in_flight -= 1
        taken_ns = self._taken_ns.pop(message, now)
        tenant = self._tenant(message)
        if tenant is not None:
            self._turn_window(now)
            tenant.in_flight -= 1
            tenant.handled += 1
            tenant.handling_ns += now - taken_ns
            self._handling_ns += now - taken_ns
            self._suspect(message, tenant)

    def entered_flight(self, message: Message, now: int) -> None:
        """Count a message that a consumer has now. Cost: O(1)."""
        self._in_flight += 1
        self._taken_ns[message] = now
        tenant = self._tenant(message)
        if tenant is not None:
            tenant.in_flight += 1
            self._suspect(message, tenant)

    def candidates(self, now: int) -> Generator[Message, None, None]:
        """The available messages in the order of a fair queue; each one that is given is removed.

        Cost: O(log r + busy tenants) each. The receive that meets a noisy tenant's messages before those of
        quiet ones sets them aside, each once: a long backlog costs that receive its length.
        """
        self._turn_window(now)
        self._judge(now)
        given: set[int] = set()  # one that was hidden and shown again may be listed both in order and aside
        for message in self._order.candidates(now):
            tenant = self._tenant(message)
            if tenant is not None and tenant.noisy:
                tenant.aside.add_back(message, tenant.waiting)
            else:
                yield self._taken(message, tenant, given)
        while (tenant := self._least_busy_noisy()) is not None:
            [message] = islice(tenant.aside.candidates(now), 1)
            if message.sequence not in given:
                yield self._taken(message, tenant, given)

    def _taken(self, message: Message, tenant: Tenant | None, given: set[int]) -> Message:
        given.add(message.sequence)
        if tenant is not None:
            self._one_less(tenant)
        return message

    def drop_ended(self) -> None:
        """Give up the oldest messages that have ended while they lay here. Cost: O(busy tenants)."""
        self._order.drop_ended()
        for tenant in self._busy.values():
            tenant.aside.drop_ended()

    def clear(self) -> None:
        """Forget everything but who the tenants are."""
        self._order.clear()
        self._taken_ns.clear()
        self._in_flight = 0
        for tenant in self._tenants.values():
            tenant.waiting = tenant.in_flight = 0
            tenant.aside.clear()

    def noisy_groups(self) -> list[str]:
        """The groups that are noisy, as of the last receive."""
        return [group_id for group_id, tenant in self._tenants.items() if tenant.noisy]

    def _tenant(self, message: Message) -> Tenant | None:
        group_id = message.extras.group_id
        if group_id is None:
            return None
        tenant = self._tenants.get(group_id)
        if tenant is None:
            tenant = self._tenants[group_id] = Tenant()
        return tenant

    def _one_less(self, tenant: Tenant) -> None:
        """Count a message that waits no more; a tenant whose backlog is drained is quiet."""
        tenant.waiting -= 1
        if not tenant.waiting:
            tenant.noisy = False
            tenant.aside.clear()

    def _suspect(self, message: Message, tenant: Tenant) -> None:
        if max(tenant.in_flight, tenant.handled + tenant.handled_before) >= limits.NOISY_IN_FLIGHT:
            self._busy[str(message.extras.group_id)] = tenant

    def _least_busy_noisy(self) -> Tenant | None:
        waiting = [tenant for tenant in self._busy.values() if tenant.noisy and tenant.waiting]
        return min(waiting, key=lambda tenant: tenant.in_flight, default=None)

    def _judge(self, now: int) -> None:
        """Find out who is noisy now."""
        all_ns = self._handling_ns + self._handling_before_ns
        for group_id, tenant in list(self._busy.items()):
            handled = tenant.handled + tenant.handled_before
            handling_ns = tenant.handling_ns + tenant.handling_before_ns
            crowded = tenant.in_flight >= limits.NOISY_IN_FLIGHT and _is_large(tenant.in_flight, self._in_flight)
            slow = handled >= limits.NOISY_IN_FLIGHT and _is_large(handling_ns, all_ns)
            if not tenant.waiting or now - tenant.last_sent_ns >= limits.QUIET_AFTER_NS:
                self._quieten(tenant)
            elif crowded or slow:
                tenant.noisy = True
            elif not tenant.noisy and max(tenant.in_flight, handled) < limits.NOISY_IN_FLIGHT:
                del self._busy[group_id]

    def _quieten(self, tenant: Tenant) -> None:
        if tenant.noisy:
            tenant.noisy = False
            for message in tenant.aside.candidates(0):
                self._order.add_back(message, self._available)

    def _turn_window(self, now: int) -> None:
        """Begin a new window of five minutes where the present one is over."""
        passed = (now - self._window_ns) // limits.QUIET_AFTER_NS
        if passed:
            self._window_ns += passed * limits.QUIET_AFTER_NS
            self._handling_before_ns = self._handling_ns if passed == 1 else 0
            self._handling_ns = 0
            for tenant in self._tenants.values():
                before = (tenant.handled, tenant.handling_ns) if passed == 1 else (0, 0)
                tenant.handled_before, tenant.handling_before_ns = before
                tenant.handled = tenant.handling_ns = 0

    def check_invariants(self, available: set[int]) -> None:
        """State what always holds, for a queue in which the sequences ``available`` are available."""
        listed = {m.sequence for m in self._order.listed()}
        for tenant in self._tenants.values():
            aside = {m.sequence for m in tenant.aside.listed()}
            assert not (aside and not tenant.noisy), "only a noisy tenant's messages are set aside"
            assert tenant.waiting >= len(aside), "what is set aside is counted"
            listed |= aside
        assert listed == available, "exactly the available messages can be taken"
        assert all(message.state is IN_FLIGHT or message.state is AVAILABLE for message in self._taken_ns), (
            "only living messages are with a consumer"
        )


def _is_large(part: int, whole: int) -> bool:
    return part * 100 > whole * limits.NOISY_SHARE
