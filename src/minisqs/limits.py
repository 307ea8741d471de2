"""Every number of SQS: lowest, highest, default, unit, and the page that says so.

Nothing else in minisqs repeats a limit. ``value in RANGE`` is the question that the checks ask.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final, NamedTuple

SECOND_NS: Final = 1_000_000_000
MILLISECOND_NS: Final = 1_000_000
NEVER_NS: Final = 1 << 62
"""An instant in the year 2116; no world gets there."""


class Range(NamedTuple):
    """Whole numbers from ``lowest`` to ``highest``, both included.

    >>> 900 in DELAY_SECONDS, 901 in DELAY_SECONDS
    (True, False)
    """

    lowest: int
    highest: int
    default: int
    unit: str
    source: str

    def __contains__(self, value: object) -> bool:
        return isinstance(value, int) and self.lowest <= value <= self.highest


DELAY_SECONDS: Final = Range(0, 900, 0, "seconds", "API_SendMessage")
MAXIMUM_MESSAGE_SIZE: Final = Range(1024, 1_048_576, 1_048_576, "bytes", "API_SetQueueAttributes")
MESSAGE_RETENTION_PERIOD: Final = Range(60, 1_209_600, 345_600, "seconds", "API_SetQueueAttributes")
RECEIVE_MESSAGE_WAIT_TIME_SECONDS: Final = Range(0, 20, 0, "seconds", "API_SetQueueAttributes")
VISIBILITY_TIMEOUT: Final = Range(0, 43_200, 30, "seconds", "API_SetQueueAttributes")
KMS_DATA_KEY_REUSE_PERIOD_SECONDS: Final = Range(60, 86_400, 300, "seconds", "API_SetQueueAttributes")
MAX_RECEIVE_COUNT: Final = Range(1, 1000, 10, "receives", "API_SetQueueAttributes")
MAX_NUMBER_OF_MESSAGES: Final = Range(1, 10, 1, "messages", "API_ReceiveMessage")
WAIT_TIME_SECONDS: Final = Range(0, 20, 0, "seconds", "API_ReceiveMessage")
MAX_RESULTS: Final = Range(1, 1000, 1000, "queues", "API_ListQueues")

BATCH_ENTRIES: Final = 10
BATCH_BYTES: Final = 1_048_576
MESSAGE_ATTRIBUTES: Final = 10
ATTRIBUTE_NAME_LENGTH: Final = 256
ATTRIBUTE_TYPE_LENGTH: Final = 256
NUMBER_DIGITS: Final = 38
NUMBER_LOWEST: Final = Decimal("1e-128")
NUMBER_HIGHEST: Final = Decimal("1e126")
POLICY_BYTES: Final = 8192
POLICY_STATEMENTS: Final = 20
POLICY_PRINCIPALS: Final = 50
POLICY_CONDITIONS: Final = 10
REDRIVE_SOURCE_ARNS: Final = 10
IN_FLIGHT: Final = 120_000
FIFO_LOOK_AHEAD: Final = 120_000
DEDUPLICATION_NS: Final = 300 * SECOND_NS
RECEIVE_ATTEMPT_NS: Final = 300 * SECOND_NS
ATTRIBUTE_CHANGE_NS: Final = 60 * SECOND_NS
FIFO_CALLS_PER_SECOND: Final = 300
MESSAGES_PER_SECOND: Final = Range(1, 500, 500, "messages a second", "API_StartMessageMoveTask")
MOVE_TASK_RESULTS: Final = Range(1, 10, 1, "tasks", "API_ListMessageMoveTasks")
MOVE_TASKS: Final = 100
MOVE_TASK_NS: Final = 36 * 3600 * SECOND_NS
PERMISSION_ACTIONS: Final = 7
NOISY_IN_FLIGHT: Final = 30
NOISY_SHARE: Final = 10  # in percent
QUIET_AFTER_NS: Final = 300 * SECOND_NS
TOTAL_VISIBILITY_NS: Final = 43_200 * SECOND_NS
PURGE_INTERVAL_NS: Final = 60 * SECOND_NS
NAME_REUSE_NS: Final = 60 * SECOND_NS
TAGS: Final = 50
TAG_KEY_LENGTH: Final = 128
TAG_VALUE_LENGTH: Final = 256

# Lambda
BATCH_SIZE: Final = Range(1, 10_000, 10, "messages", "API_CreateEventSourceMapping")
BATCHING_WINDOW_SECONDS: Final = Range(0, 300, 0, "seconds", "API_CreateEventSourceMapping")
MAXIMUM_CONCURRENCY: Final = Range(2, 1000, 1000, "batches", "API_ScalingConfig")
MINIMUM_POLLERS: Final = Range(2, 200, 2, "pollers", "API_ProvisionedPollerConfig")
MAXIMUM_POLLERS: Final = Range(2, 10_000, 200, "pollers", "API_ProvisionedPollerConfig")
FUNCTION_TIMEOUT: Final = Range(1, 900, 3, "seconds", "API_CreateFunction")
MEMORY_SIZE: Final = Range(128, 10_240, 128, "MB", "API_CreateFunction")
ONE_RECEIVE: Final = 10
FILTERS: Final = 5
FILTER_LENGTH: Final = 4096
EVENT_BYTES: Final = 6_291_456
POLL_NS: Final = 20 * SECOND_NS
CONCURRENCY: Final = 1000
UNRESERVED_CONCURRENCY: Final = 100
NEW_ENVIRONMENTS: Final = 1000
NEW_ENVIRONMENT_NS: Final = 10 * MILLISECOND_NS
POLLER_CONCURRENCY: Final = 10
POLLER_CALLS: Final = 10
POLLER_BYTES: Final = 1 << 20
EXTENDED_VISIBILITY_SECONDS: Final = 30
