"""The /v1 routes: the same answers in OpenAI's shapes."""

from __future__ import annotations

import calendar
import json
import time
from collections.abc import Iterator
from typing import Any, Callable, Union

from . import gojson, words
from .answers import chat, generate
from .embeddings import texts_of, vectors
from .errors import ApiError
from .http_types import BARE_JSON, EVENTS, Request, Response, Stream
from .session import Context

KINDS = {400: "invalid_request_error", 404: "not_found_error"}
Answer = Union[Response, Stream]


def v1_json(value: Any, status: int = 200) -> Response:
    """These bodies end with a newline."""
    return Response(status, gojson.dumps(value).encode() + b"\n", BARE_JSON)


def v1_error(error: ApiError) -> Response:
    kind = KINDS.get(error.status, "api_error")
    body = {"error": {"message": error.message, "type": kind, "param": None, "code": None}}
    return v1_json(body, error.status)


def models(context: Context, request: Request) -> Response:
    entries = context.library.tags(set())
    return v1_json({"object": "list", "data": [_model(entry) for entry in entries]})


def _model(entry: dict[str, Any]) -> dict[str, Any]:
    created = calendar.timegm(time.strptime(entry["modified_at"][:19], "%Y-%m-%dT%H:%M:%S"))
    pieces = entry["name"].rsplit("/", 2)
    owner = pieces[-2] if len(pieces) > 1 else "library"
    return {"id": entry["name"], "object": "model", "created": created, "owned_by": owner}


def embeddings(context: Context, request: Request) -> Response:
    data = request.json()
    texts = texts_of(data.get("input"))
    if not texts:
        raise ApiError(400, "invalid input")
    found, _ = vectors(context, request, data, texts)
    used = sum(words.prompt_tokens(text) for text in texts)
    entries = [{"object": "embedding", "embedding": one, "index": number} for number, one in enumerate(found)]
    usage = {"prompt_tokens": used, "total_tokens": used}
    body = {"object": "list", "data": entries, "model": data.get("model"), "usage": usage}
    return v1_json(body)


def chat_completions(context: Context, request: Request) -> Answer:
    data = request.json()
    if not data.get("messages"):
        raise ApiError(400, "[] is too short - 'messages'")
    return _complete(context, request, data, chat, "chat.completion", _chat_choice)


def completions(context: Context, request: Request) -> Answer:
    data = request.json()
    return _complete(context, request, data, generate, "text_completion", _text_choice)


def _chat_choice(frame: dict[str, Any], streamed: bool) -> dict[str, Any]:
    return {"index": 0, "delta" if streamed else "message": frame["message"], "finish_reason": frame.get("done_reason")}


def _text_choice(frame: dict[str, Any], streamed: bool) -> dict[str, Any]:
    return {"text": frame["response"], "index": 0, "finish_reason": frame.get("done_reason")}


def _native(request: Request, data: dict[str, Any]) -> Request:
    """The request in the server's own words: `max_tokens` is `num_predict`, streaming is off unless asked."""
    wanted = data.get("max_completion_tokens") or data.get("max_tokens")
    options = {"num_predict": wanted} if wanted else {}
    kept = {key: data[key] for key in ("model", "messages", "prompt") if key in data}
    body = {**kept, "options": options, "stream": bool(data.get("stream"))}
    return Request("POST", request.path, "", lambda: iter([json.dumps(body).encode()]), request.gone)


def _complete(
    context: Context, request: Request, data: dict[str, Any], handler: Callable[..., Answer], kind: str, choice: Any
) -> Answer:
    answer = handler(context, _native(request, data))
    head = {"id": "chatcmpl-1" if kind.startswith("chat") else "cmpl-1", "object": kind, "created": int(time.time())}
    head.update(model=data.get("model"), system_fingerprint="fp_ollama")
    if isinstance(answer, Stream):
        if kind.startswith("chat"):
            head["object"] = "chat.completion.chunk"
        return Stream(_events(answer, head, choice), EVENTS, answer.close, lambda line: f"data: {line}\n\n")
    frame = json.loads(answer.body)
    prompt, made = frame.get("prompt_eval_count", 0), frame.get("eval_count", 0)
    usage = {"prompt_tokens": prompt, "completion_tokens": made, "total_tokens": prompt + made}
    return v1_json({**head, "choices": [choice(frame, False)], "usage": usage})


def _events(answer: Stream, head: dict[str, Any], choice: Any) -> Iterator[str]:
    for frame in answer.lines:
        yield gojson.dumps({**head, "choices": [choice(frame, True)]})
    yield "[DONE]"
