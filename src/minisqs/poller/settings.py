"""The settings of an event source mapping: their names, ranges and defaults, and Lambda's refusals.

``checked`` takes what a caller gave and answers with ``Settings`` that hold, or raises what Lambda would
answer. Numbers outside of the service model's range are refused first; then the rules that join several
settings, in the order of the specification's table. Beside AWS's parameters stand the options: what
Lambda really does there nobody outside of AWS knows, and each is what minisqs does, with its default.

Source: API_CreateEventSourceMapping; lambda-poller.md 1.1 and 8.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any, Final, TypedDict

import attrs

from .. import errors, limits
from . import filters as patterns
from .filters import Filter
from .responses import Reading
from .scaling import CURRENT, LEGACY, PROVISIONED, Profile, profile_of

GREEDY: Final = "greedy"
RANDOM: Final = "random"
FIRST_RECORD: Final = "first_record"
PREVIOUS_COMPLETION: Final = "previous_completion"
EXACT: Final = "exact"
LONGPOLL: Final = "longpoll"

NOT_FOR_SQS: Final = (
    "amazon_managed_kafka_event_source_config", "bisect_batch_on_function_error", "destination_config",
    "document_db_event_source_config", "maximum_record_age_in_seconds", "maximum_retry_attempts",
    "parallelization_factor", "queues", "self_managed_event_source", "self_managed_kafka_event_source_config",
    "source_access_configurations", "starting_position", "starting_position_timestamp", "topics",
    "tumbling_window_in_seconds",
)  # fmt: skip
"""Parameters of streams, Kafka and message brokers, and the destination that SQS sources do not have."""


class MappingSettings(TypedDict, total=False):
    """What ``create_event_source_mapping`` and ``update`` take, by AWS's names in snake case, flattened.

    Attributes:
        batch_size: Records a batch, 1 to 10,000; over 10 only with a window; FIFO queues 1 to 10.
        maximum_batching_window_in_seconds: 0 to 300 whole seconds; none on FIFO queues.
        maximum_concurrency: 2 to 1,000 batches at once; None for no limit.
        minimum_pollers, maximum_pollers: Of provisioned mode: 2 to 200, and up to 10,000; None for none.
        report_batch_item_failures: Whether the handler's answer says which records failed.
        filters: Up to five pattern texts; a message that none of them matches is deleted unseen. None for none.
        enabled: Whether it polls.
        metrics: ``["EventCount"]``, or True, publishes the one-minute data.
        profile: ``current``; ``legacy``, as until November 2023; ``provisioned``, with pollers.
        split: How available messages spread over slots: ``greedy``; ``random``, by the world's seed; or a
            list of sizes for the next receives that find something.
        tick: Whole seconds, 1 to 60, between two looks at the scale.
        window_anchor: ``first_record`` or ``previous_completion``: from when on the window counts.
        window_mode: ``exact``, or ``longpoll``: the end of the window is seen only between two polls.
        window_extends_visibility: Whether messages are hidden for window + timeout + 30 s where the
            visibility timeout is shorter than the first two.
        keep_surplus: Whether records over 6 MB wait in the slot for its next batch, or for their lease to end.
        filter_record_keys: Whether keys beside ``body`` are matched against the record, or ignored.
        fifo_split_by_group: Whether a FIFO batch holds one message group only.
        delete_attempts: How often a delete is tried that SQS refuses.
        empty_text_is_success, json_text_is_response, empty_entry_fails: How odd answers of a handler that
            reports are read.
        throttle_delays: Seconds, 0.001 and more, between the attempts at a throttled batch; the last one repeats.
        throttle_retry_needs_timeout: Whether it is tried again only while a whole run fits into the lease.
        polls_without_function: Whether a mapping whose function is gone goes on receiving.
        growth_needs_backlog: Whether slots are added only while the queue has a message left.
        shrink_at_empty_poll: Whether an empty poll above the start takes its slot away.
        quiet_after: Seconds without a message after which ``current`` goes down to two slots; None for never.
        backoff: Whether failed and throttled batches take slots away.
        backoff_ratio: Which share, 0 to 1, where all batches of a tick failed.
        none_for_missing_digest: Whether records without attributes show ``md5OfMessageAttributes: None``
            where there is a window, as AWS does.
        normalise_numbers: Whether ``0012.3400`` in an attribute of type Number arrives as ``12.34``.
        max_filters: 5, or up to 10 as AWS gives on request.
        transition_delay: Seconds from a change of the mapping until it holds.
    """

    batch_size: int
    maximum_batching_window_in_seconds: int
    maximum_concurrency: int | None
    minimum_pollers: int | None
    maximum_pollers: int | None
    report_batch_item_failures: bool
    filters: Sequence[str] | None
    enabled: bool
    metrics: Sequence[str] | bool | None
    profile: str
    split: str | Sequence[int]
    tick: int
    window_anchor: str
    window_mode: str
    window_extends_visibility: bool
    keep_surplus: bool
    filter_record_keys: bool
    fifo_split_by_group: bool
    delete_attempts: int
    empty_text_is_success: bool
    json_text_is_response: bool
    empty_entry_fails: bool
    throttle_delays: Sequence[float]
    throttle_retry_needs_timeout: bool
    polls_without_function: bool
    growth_needs_backlog: bool
    shrink_at_empty_poll: bool
    quiet_after: float | None
    backoff: bool
    backoff_ratio: float
    none_for_missing_digest: bool
    normalise_numbers: bool
    max_filters: int
    transition_delay: float


def _whole(allowed: limits.Range) -> Callable[[str, object], None]:
    def check(name: str, value: object) -> None:
        if isinstance(value, bool) or not isinstance(value, int):
            raise errors.UsageError(f"{name} is a whole number of {allowed.unit}, not {value!r}")
        if value not in allowed:
            raise errors.ValidationException.out_of_range(value, _MEMBERS.get(name, name), allowed)

    return check


def _or_none(check: Callable[[str, object], None]) -> Callable[[str, object], None]:
    return lambda name, value: None if value is None else check(name, value)


def _poller_count(name: str, value: object) -> None:
    """Only that it is a number; its range depends on the other one, see ``_check_pollers``."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise errors.UsageError(f"{name} is a whole number of pollers, not {value!r}")


def _flag(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise errors.UsageError(f"{name} is True or False, not {value!r}")


def _own_whole(lowest: int, highest: int) -> Callable[[str, object], None]:
    def check(name: str, value: object) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
            raise errors.UsageError(f"{name} is a whole number from {lowest} to {highest}, not {value!r}")

    return check


def _number(lowest: float, highest: float) -> Callable[[str, object], None]:
    def check(name: str, value: object) -> None:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not lowest <= value <= highest:
            raise errors.UsageError(f"{name} is a number from {lowest:,g} to {highest:,g}, not {value!r}")

    return check


def _one_of(*choices: str) -> Callable[[str, object], None]:
    def check(name: str, value: object) -> None:
        if value not in choices:
            raise errors.UsageError(f"{name} is one of {', '.join(choices)}, not {value!r}")

    return check


def _list_of(check_one: Callable[[str, object], None], *, at_least: int = 0) -> Callable[[str, object], None]:
    def check(name: str, value: object) -> None:
        if isinstance(value, (str, bytes)) or not isinstance(value, Sequence) or len(value) < at_least:
            raise errors.UsageError(f"{name} is a list{' of at least one' * bool(at_least)}, not {value!r}")
        for one in value:
            check_one(name, one)

    return check


def _texts(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise errors.UsageError(f"{name} is a list of texts; one of them is {value!r}")


def _metrics(name: str, value: Any) -> None:
    _list_of(_texts)(name, value)
    if any(one != "EventCount" for one in value):
        raise errors.ValidationException.of(
            f"[{', '.join(value)}]",
            "metricsConfig.metrics",
            "satisfy constraint: [Member must satisfy enum value set: [EventCount]]",
        )


def _filters(name: str, value: Any) -> None:
    _list_of(_texts)(name, value)
    for number, pattern in enumerate(value, 1):
        if len(pattern) > limits.FILTER_LENGTH:
            raise errors.ValidationException.of(
                pattern,
                f"filterCriteria.filters.{number}.member.pattern",
                f"have length less than or equal to {limits.FILTER_LENGTH}",
            )


def _split(name: str, value: object) -> None:
    if value not in (GREEDY, RANDOM):
        if isinstance(value, str):
            raise errors.UsageError(f"{name} is {GREEDY}, {RANDOM} or a list of sizes, not {value!r}")
        _list_of(_own_whole(1, limits.ONE_RECEIVE))(name, value)


_YEAR_S: Final = 366 * 86_400

_CHECKS: Final[Mapping[str, Callable[[str, object], None]]] = {
    "batch_size": _whole(limits.BATCH_SIZE),
    "maximum_batching_window_in_seconds": _whole(limits.BATCHING_WINDOW_SECONDS),
    "maximum_concurrency": _or_none(_whole(limits.MAXIMUM_CONCURRENCY)),
    "minimum_pollers": _or_none(_poller_count),
    "maximum_pollers": _or_none(_poller_count),
    "report_batch_item_failures": _flag,
    "filters": _filters,
    "enabled": _flag,
    "metrics": _metrics,
    "profile": _one_of(CURRENT, LEGACY, PROVISIONED),
    "split": _split,
    "tick": _own_whole(1, 60),
    "window_anchor": _one_of(FIRST_RECORD, PREVIOUS_COMPLETION),
    "window_mode": _one_of(EXACT, LONGPOLL),
    "window_extends_visibility": _flag,
    "keep_surplus": _flag,
    "filter_record_keys": _flag,
    "fifo_split_by_group": _flag,
    "delete_attempts": _own_whole(1, 10),
    "empty_text_is_success": _flag,
    "json_text_is_response": _flag,
    "empty_entry_fails": _flag,
    "throttle_delays": _list_of(_number(0.001, 43_200), at_least=1),
    "throttle_retry_needs_timeout": _flag,
    "polls_without_function": _flag,
    "growth_needs_backlog": _flag,
    "shrink_at_empty_poll": _flag,
    "quiet_after": _or_none(_number(0, _YEAR_S)),
    "backoff": _flag,
    "backoff_ratio": _number(0, 1),
    "none_for_missing_digest": _flag,
    "normalise_numbers": _flag,
    "max_filters": _own_whole(1, 10),
    "transition_delay": _number(0, _YEAR_S),
}

_MEMBERS: Final[Mapping[str, str]] = {
    "batch_size": "batchSize",
    "maximum_batching_window_in_seconds": "maximumBatchingWindowInSeconds",
    "maximum_concurrency": "scalingConfig.maximumConcurrency",
}


@attrs.frozen(kw_only=True)
class Settings:
    """Settings that hold; named and meant as in ``MappingSettings``."""

    batch_size: int = limits.BATCH_SIZE.default
    maximum_batching_window_in_seconds: int = limits.BATCHING_WINDOW_SECONDS.default
    maximum_concurrency: int | None = None
    minimum_pollers: int | None = None
    maximum_pollers: int | None = None
    report_batch_item_failures: bool = False
    filters: tuple[str, ...] = ()
    enabled: bool = True
    metrics: tuple[str, ...] = ()
    profile: str = CURRENT
    split: str | tuple[int, ...] = GREEDY
    tick: int = 10
    window_anchor: str = FIRST_RECORD
    window_mode: str = EXACT
    window_extends_visibility: bool = False
    keep_surplus: bool = True
    filter_record_keys: bool = True
    fifo_split_by_group: bool = False
    delete_attempts: int = 1
    empty_text_is_success: bool = True
    json_text_is_response: bool = False
    empty_entry_fails: bool = True
    throttle_delays: tuple[float, ...] = (4, 7, 12, 20)
    throttle_retry_needs_timeout: bool = True
    polls_without_function: bool = True
    growth_needs_backlog: bool = True
    shrink_at_empty_poll: bool = True
    quiet_after: float | None = 300
    backoff: bool = True
    backoff_ratio: float = 0.1
    none_for_missing_digest: bool = True
    normalise_numbers: bool = False
    max_filters: int = limits.FILTERS
    transition_delay: float = 0
    parsed_filters: tuple[Filter, ...] = attrs.field(init=False)

    @parsed_filters.default
    def _parse_filters(self) -> tuple[Filter, ...]:
        return tuple(patterns.parse(text, record_keys=self.filter_record_keys) for text in self.filters)

    @property
    def window_ns(self) -> int:
        """The batching window."""
        return self.maximum_batching_window_in_seconds * limits.SECOND_NS

    @property
    def reading(self) -> Reading:
        """How odd responses are read."""
        return Reading(self.empty_text_is_success, self.json_text_is_response, self.empty_entry_fails)

    @property
    def ratio(self) -> Fraction:
        """The share of slots that backing off takes away at most."""
        return _exactly(self.backoff_ratio if self.backoff else 0)

    def profile_within(self, account_concurrency: int) -> Profile:
        """How the mapping scales in an account."""
        return profile_of(
            self.profile,
            self.minimum_pollers,
            self.maximum_pollers,
            self.maximum_concurrency,
            account_concurrency,
        )


@lru_cache(maxsize=16)
def _exactly(number: float) -> Fraction:
    """A number as it is written."""
    return Fraction(str(number))


def checked(given: Mapping[str, Any], base: Settings | None = None) -> Settings:
    """The settings that a call asks for, each within its own range; on an update, ``base`` with changes.

    What joins several of them is a matter of ``check_together``: Lambda looks at the queue before.

    Raises:
        ValidationException: A number is outside the range of the service model.
        InvalidParameterValueException: It is not for SQS sources, or a filter is not a pattern.
        UsageError: Not a setting, or not of its type.
    """
    values = {name: value for name, value in given.items() if name not in NOT_FOR_SQS}
    for name in ("filters", "metrics"):
        if name in values and values[name] is None:
            values[name] = ()
    if isinstance(values.get("metrics"), bool):
        values["metrics"] = ("EventCount",) if values["metrics"] else ()
    for name, value in values.items():
        if name not in _CHECKS:
            close = difflib.get_close_matches(name, _CHECKS, n=1)
            meant = f"did you mean {close[0]!r}?" if close else f"those are {', '.join(_CHECKS)}"
            raise errors.UsageError(f"{name!r} is not a setting of a mapping; {meant}")
        _CHECKS[name](name, value)
    for name in NOT_FOR_SQS:
        if given.get(name) is not None:
            raise errors.InvalidParameterValueException(
                f"Unsupported {_camel(name)} parameter for given event source mapping type."
            )
    for name in ("filters", "metrics", "throttle_delays", "split"):
        if name in values and not isinstance(values[name], str):
            values[name] = tuple(values[name])
    settings = base or Settings()
    changed = {**_given_of(settings), **values}
    if changed["profile"] != PROVISIONED and _has_pollers(changed):
        if values.get("profile") is not None:
            raise errors.UsageError(f"pollers are for the profile {PROVISIONED}, not {values['profile']}")
        changed["profile"] = PROVISIONED
    elif base is not None and settings.profile == PROVISIONED and not _has_pollers(changed):
        changed["profile"] = values.get("profile", CURRENT)  # both taken away: as AWS's {} does
    return Settings(**changed)


def check_together(settings: Settings, *, fifo: bool) -> None:
    """Refuse settings that do not go together.

    Raises:
        InvalidParameterValueException: With AWS's text.
    """
    size, window = settings.batch_size, settings.maximum_batching_window_in_seconds
    if size > limits.ONE_RECEIVE and window == 0:
        raise errors.InvalidParameterValueException(
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
        )
    if fifo and size > limits.ONE_RECEIVE:
        raise errors.InvalidParameterValueException("Batch size must not exceed 10 for FIFO queues")
    if fifo and window:
        raise errors.InvalidParameterValueException("Batching window is not supported for FIFO queues")
    _check_pollers(settings)
    if len(settings.filters) > settings.max_filters:
        raise errors.InvalidParameterValueException(f"Exceeded the maximum number of filters: {settings.max_filters}.")


def _check_pollers(settings: Settings) -> None:
    if settings.profile != PROVISIONED:
        return
    fewest, most = settings.minimum_pollers, settings.maximum_pollers
    if fewest is None and most is None:
        raise errors.InvalidParameterValueException(
            "Either MinimumPollers or MaximumPollers are required if ProvisionedPollerConfig is provided."
        )
    least = limits.MINIMUM_POLLERS.default if fewest is None else fewest
    highest = max(least, limits.MAXIMUM_POLLERS.default) if most is None else most
    if least not in limits.MINIMUM_POLLERS or not least <= highest <= limits.MAXIMUM_POLLERS.highest:
        raise errors.InvalidParameterValueException(
            "MinimumPollers should be between [2, 200] and MaximumPollers should be between [MinimumPollers, 10000]"
        )
    if settings.maximum_concurrency is not None:
        raise errors.InvalidParameterValueException(
            "Provisioned mode for SQS ESM does not support maximum concurrency feature. "
            "Use MaximumPollers as the control mechanism and remove maximum concurrency."
        )


def _given_of(settings: Settings) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in _CHECKS}


def _has_pollers(values: Mapping[str, Any]) -> bool:
    return values["minimum_pollers"] is not None or values["maximum_pollers"] is not None


def _camel(name: str) -> str:
    return "".join("DB" if part == "db" else part.title() for part in name.split("_"))
