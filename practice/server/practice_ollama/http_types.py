"""What a handler gets and what it gives back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Callable, Optional

from . import gojson
from .errors import ApiError, ClientGone

JSON = "application/json; charset=utf-8"
BARE_JSON = "application/json"
NDJSON = "application/x-ndjson"
EVENTS = "text/event-stream"
TEXT = "text/plain; charset=utf-8"


@dataclass
class Request:
    method: str
    path: str
    query: str
    read: Callable[[], Iterator[bytes]]
    gone: Callable[[], bool]
    argument: str = ""

    def json(self) -> dict[str, Any]:
        body = b"".join(self.read())
        if not body.strip():
            raise ApiError(400, "missing request body")
        try:
            value = gojson.decode(body)
        except gojson.JsonError as error:
            raise ApiError(400, str(error)) from None
        if not isinstance(value, dict):
            raise ApiError(400, "json: cannot unmarshal array into Go value of type api.Request")
        return value


@dataclass
class Response:
    status: int = 200
    body: bytes = b""
    content_type: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    declare_length: bool = True


@dataclass
class Stream:
    """Lines that are sent as they come. `close` runs however it ends."""

    lines: Iterable[Any]
    content_type: str = NDJSON
    close: Optional[Callable[[], None]] = None
    render: Callable[[Any], str] = lambda line: gojson.dumps(line) + "\n"


def drained(lines: Iterable[Any], gone: Callable[[], bool]) -> Response:
    """The answer to `"stream": false`: how it ended, and no progress."""
    try:
        for _ in lines:
            if gone():
                raise ClientGone
    except ApiError as error:
        return json_response({"error": error.message}, 500, BARE_JSON)
    return json_response({"status": "success"}, content_type=BARE_JSON)


def json_response(value: Any, status: int = 200, content_type: str = JSON) -> Response:
    return Response(status, gojson.dumps(value).encode(), content_type)


def text_response(text: str, status: int = 200, content_type: str = TEXT, **headers: str) -> Response:
    return Response(status, text.encode(), content_type, dict(headers))
