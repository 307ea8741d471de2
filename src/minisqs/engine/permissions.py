"""AddPermission and RemovePermission: statements in a queue's Policy (sqs.md 13).

The policy is kept as the text that GetQueueAttributes shows. Nothing is enforced by it: an account never
needs a policy for its own queues.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Final

from .. import errors, limits

SHAREABLE: Final = (
    "ChangeMessageVisibility",
    "DeleteMessage",
    "GetQueueAttributes",
    "GetQueueUrl",
    "ListDeadLetterSourceQueues",
    "PurgeQueue",
    "ReceiveMessage",
    "SendMessage",
)
OWNER_ONLY: Final = (
    "AddPermission",
    "CancelMessageMoveTask",
    "CreateQueue",
    "DeleteQueue",
    "ListMessageMoveTasks",
    "ListQueueTags",
    "ListQueues",
    "RemovePermission",
    "SetQueueAttributes",
    "StartMessageMoveTask",
    "TagQueue",
    "UntagQueue",
)
_LABEL: Final = re.compile(r"[A-Za-z0-9_-]{1,80}")


def added(policy: str, queue_arn: str, label: str, account_ids: Sequence[str], actions: Sequence[str]) -> str:
    """The policy with a statement that lets ``account_ids`` do ``actions``.

    Raises:
        InvalidParameterValue, MissingParameter, OverLimit: The label is taken or malformed, an action is
            unknown or the owner's alone, there is none, or there are too many.
    """
    document = _document(policy, queue_arn)
    _check(label, account_ids, actions, statements=len(document["Statement"]) + 1)
    if any(statement.get("Sid") == label for statement in document["Statement"]):
        raise errors.InvalidParameterValue.of("Label", label, "Already exists.")
    statement = {
        "Sid": label,
        "Effect": "Allow",
        "Principal": {"AWS": _one_or_list([f"arn:aws:iam::{account_id}:root" for account_id in account_ids])},
        "Action": _one_or_list([f"SQS:{action}" for action in actions]),
        "Resource": queue_arn,
    }
    return _text({**document, "Statement": [*document["Statement"], statement]})


def removed(policy: str, queue_arn: str, label: str) -> str:
    """The policy without the statement of that label; empty once the last one is gone.

    Raises:
        InvalidParameterValue: There is no such statement.
    """
    if not policy:
        raise errors.InvalidParameterValue.of("Label", label, "can't find label.")
    document = _document(policy, queue_arn)
    kept = [statement for statement in document["Statement"] if statement.get("Sid") != label]
    if len(kept) == len(document["Statement"]):
        raise errors.InvalidParameterValue.of("Label", label, "can't find label on existing policy.")
    return _text({**document, "Statement": kept}) if kept else ""


def _check(label: str, account_ids: Sequence[str], actions: Sequence[str], statements: int) -> None:
    """Refuse what no policy takes: by form of the label, actions, accounts, counts, names, in this order."""
    if not _LABEL.fullmatch(label):
        raise errors.InvalidParameterValue.of(
            "Label", label, "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length."
        )
    if not actions:
        raise errors.MissingParameter.named("Actions")
    if not account_ids:
        raise errors.InvalidParameterValue.of("PrincipalId", "[]", "Unable to verify.")
    if len(actions) > limits.PERMISSION_ACTIONS:
        raise errors.OverLimit(f"{len(actions)} Actions were found, maximum allowed is {limits.PERMISSION_ACTIONS}.")
    if statements > limits.POLICY_STATEMENTS:
        raise errors.OverLimit(f"{statements} Statements were found, maximum allowed is {limits.POLICY_STATEMENTS}.")
    for action in actions:
        if action in OWNER_ONLY:
            reason = "Only the queue owner is allowed to invoke this action."
            raise errors.InvalidParameterValue.of("ActionName", f"SQS:{action}", reason)
        if action != "*" and action not in SHAREABLE:
            reason = "Please refer to the appropriate WSDL for a list of valid actions."
            raise errors.InvalidParameterValue.of("ActionName", f"SQS:{action}", reason)


def _document(policy: str, queue_arn: str) -> dict[str, Any]:
    if not policy:
        return {"Version": "2008-10-17", "Id": f"{queue_arn}/SQSDefaultPolicy", "Statement": []}
    document: dict[str, Any] = json.loads(policy)
    statements = document["Statement"]
    return {**document, "Statement": statements if isinstance(statements, list) else [statements]}


def _one_or_list(values: list[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else values


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":"))
