"""The answers of a world as they come over the wire from AWS: AWS JSON, headers, HTTP status."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from email.utils import formatdate
from typing import Any, Final

from .. import errors
from ..limits import SECOND_NS
from ..sim.port import Port

CONTENT_TYPE: Final = "application/x-amz-json-1.0"


def body(answer: Mapping[str, Any]) -> bytes:
    """An answer, or a request, in AWS JSON, with bytes as base64."""
    return json.dumps(answer, default=lambda value: base64.b64encode(value).decode()).encode()


def error_body(error: errors.SqsError) -> bytes:
    """A refusal in AWS JSON."""
    return body({"__type": f"com.amazonaws.sqs#{error.json_name}", "message": error.message})


def headers(port: Port, request_id: str) -> dict[str, str]:
    """The headers of an answer, with the world's time as its date."""
    return {"x-amzn-requestid": request_id, "date": _date(port.clock.now_ns // SECOND_NS), "content-type": CONTENT_TYPE}


def error_headers(port: Port, error: errors.SqsError) -> dict[str, str]:
    """The headers of a refusal; boto3 has its code and its ``Type`` from them."""
    blamed = "Sender" if error.http_status < 500 else "Receiver"
    return headers(port, error.request_id) | {"x-amzn-query-error": f"{error.code};{blamed}"}


_latest_date: list[tuple[int, str]] = [(-1, "")]


def _date(seconds: int) -> str:
    known, text = _latest_date[0]
    if known != seconds:
        text = formatdate(seconds, usegmt=True)
        _latest_date[0] = (seconds, text)
    return text
