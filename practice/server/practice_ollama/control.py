"""/practice/faults: switches misbehaviour on and off while the server runs."""

from __future__ import annotations

import os
import threading

from .errors import ApiError
from .faults import BadFault
from .http_types import Request, Response, json_response
from .session import Context

CRASHED = 2


def read(context: Context, request: Request) -> Response:
    return json_response({"faults": context.faults.as_dict()})


def replace(context: Context, request: Request) -> Response:
    try:
        context.faults.replace(request.json())
    except BadFault as error:
        raise ApiError(400, str(error)) from None
    crash = context.faults.as_dict().get("crash", [])
    if any(entry.get("when") == "now" for entry in crash):
        threading.Timer(0.05, crash_now).start()
    return read(context, request)


def clear(context: Context, request: Request) -> Response:
    context.faults.clear()
    return read(context, request)


def crash_now() -> None:
    """No clean-up of any kind, as when a process is killed."""
    os._exit(CRASHED)
