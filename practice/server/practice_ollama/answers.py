"""POST /api/generate and /api/chat."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Union

from . import words
from .errors import ApiError
from .gotime import stamp
from .http_types import Request, Response, Stream, json_response
from .model import Model
from .session import Context, Session

Answer = Union[Response, Stream]


def open_model(context: Context, data: dict[str, Any]) -> tuple[Model, list[str], str]:
    name, shown = context.find(data)
    if context.faults.take("not_found", model=shown):
        raise ApiError(404, f'model "{shown}" not found, try pulling it first')
    model, can = context.library.for_inference(name, shown)
    return model, can, shown


def generate(context: Context, request: Request) -> Answer:
    data = request.json()
    model, can, shown = open_model(context, data)
    prompt = str(data.get("prompt") or "")
    if not prompt and _unloads(data):
        return _unload(context, model, {"response": ""}, shown)
    if "completion" not in can:
        raise ApiError(400, f'"{shown}" does not support generate')
    session = Session(context, request, data)
    runner = session.open(model)
    if not prompt:
        session.close()
        return json_response(_frame(shown, {"response": ""}, True, "load"))
    ids = words.token_ids(runner.model.manifest.digest, prompt, words.prompt_tokens(prompt))
    return _answer(session, data, shown, prompt, lambda text: {"response": text}, {"context": ids})


def chat(context: Context, request: Request) -> Answer:
    data = request.json()
    model, can, shown = open_model(context, data)
    messages = data.get("messages") or []
    if not messages and _unloads(data):
        return _unload(context, model, _message(""), shown)
    if "completion" not in can:
        raise ApiError(400, f'"{shown}" does not support chat')
    session = Session(context, request, data)
    session.open(model)
    if not messages:
        session.close()
        return json_response(_frame(shown, _message(""), True, "load"))
    return _answer(session, data, shown, chat_prompt(messages), _message, {})


def chat_prompt(messages: list[dict[str, Any]]) -> str:
    return "\n".join(f"{message.get('role')}: {message.get('content')}" for message in messages)


def _message(text: str) -> dict[str, Any]:
    return {"message": {"role": "assistant", "content": text}}


def _unloads(data: dict[str, Any]) -> bool:
    value = data.get("keep_alive")
    return value is not None and str(value) in ("0", "0s", "0.0", "0m", "0h")


def _unload(context: Context, model: Model, content: dict[str, Any], shown: str) -> Response:
    context.scheduler.unload(model)
    return json_response(_frame(shown, content, True, "unload"))


def _frame(shown: str, content: dict[str, Any], done: bool, reason: str = "") -> dict[str, Any]:
    frame = {"model": shown, "created_at": stamp(), **content, "done": done}
    if reason:
        frame["done_reason"] = reason
    return frame


def _answer(
    session: Session, data: dict[str, Any], shown: str, prompt: str, wrap: Any, extra: dict[str, Any]
) -> Answer:
    if data.get("stream", True):
        return Stream(_lines(session, shown, prompt, wrap, extra), close=session.close)
    try:
        made = list(session.tokens(prompt))
        frame = _frame(
            shown, wrap("".join(made)), not session.killed, "" if session.killed else session.wanted_tokens()[1]
        )
        return json_response(frame if session.killed else {**frame, **_ending(session, prompt, len(made), extra)})
    finally:
        session.close()


def _ending(session: Session, prompt: str, made: int, extra: dict[str, Any]) -> dict[str, Any]:
    """`context` holds the tokens of the prompt and of the answer but its last."""
    ids = {key: value + words.token_ids(session.seed, "answer", made - 1) for key, value in extra.items()}
    return {**ids, **session.figures(prompt, made)}


def _lines(session: Session, shown: str, prompt: str, wrap: Any, extra: dict[str, Any]) -> Iterator[dict[str, Any]]:
    made = 0
    for word in session.tokens(prompt):
        made += 1
        yield _frame(shown, wrap(word), False)
    if session.killed:
        return
    yield {**_frame(shown, wrap(""), True, session.wanted_tokens()[1]), **_ending(session, prompt, made, extra)}
