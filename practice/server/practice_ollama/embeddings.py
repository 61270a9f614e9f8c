"""POST /api/embed and /api/embeddings."""

from __future__ import annotations

from typing import Any

from . import words
from .answers import open_model
from .errors import ApiError
from .http_types import Request, Response, json_response
from .session import Context, Session

NOT_BUILT_FOR_IT = "This server does not support embeddings. Start it with `--embeddings`"


def vectors(
    context: Context, request: Request, data: dict[str, Any], texts: list[str]
) -> tuple[list[list[float]], Session]:
    """Loads the model and embeds; the session has the load time."""
    try:
        model, can, _ = open_model(context, data)
    except ApiError as error:
        if error.status == 404:
            raise ApiError(404, f'model "{data.get("model")}" not found, try pulling it first') from None
        raise
    session = Session(context, request, data)
    runner = session.open(model)
    try:
        runner.check()
        if "embedding" not in can:
            raise ApiError(501, NOT_BUILT_FOR_IT)
        session.hang_if_told()
        length = runner.header.number("embedding_length", 64) or 64
        return [words.vector(session.seed, text, length) for text in texts], session
    finally:
        session.close()


def texts_of(value: Any) -> list[str]:
    if value is None or value == "":
        return []
    if isinstance(value, str):
        return [value]
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value
    raise ApiError(400, "invalid input type")


def embed(context: Context, request: Request) -> Response:
    data = request.json()
    texts = texts_of(data.get("input"))
    found, session = vectors(context, request, data, texts)
    figures = session.figures("", 0)
    return json_response(
        {
            "model": data.get("model"),
            "embeddings": found,
            "total_duration": figures["total_duration"],
            "load_duration": figures["load_duration"],
            "prompt_eval_count": sum(words.prompt_tokens(text) for text in texts),
        }
    )


def legacy_embeddings(context: Context, request: Request) -> Response:
    data = request.json()
    found, _ = vectors(context, request, data, texts_of(data.get("prompt")))
    return json_response({"embedding": found[0] if found else []})
