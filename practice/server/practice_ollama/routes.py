"""Which handler answers which method and path."""

from __future__ import annotations

from typing import Any, Callable, Optional

from . import answers, control, create, embeddings, manage, openai
from .pull import pull

Handler = Callable[..., Any]
ROUTES: dict[str, dict[str, Handler]] = {
    "/": {"GET": manage.root, "HEAD": manage.root},
    "/api/version": {"GET": manage.version, "HEAD": manage.version},
    "/api/status": {"GET": manage.status},
    "/api/tags": {"GET": manage.tags, "HEAD": manage.tags},
    "/api/ps": {"GET": manage.ps},
    "/api/show": {"POST": manage.show},
    "/api/generate": {"POST": answers.generate},
    "/api/chat": {"POST": answers.chat},
    "/api/embed": {"POST": embeddings.embed},
    "/api/embeddings": {"POST": embeddings.legacy_embeddings},
    "/api/pull": {"POST": pull},
    "/api/delete": {"DELETE": manage.delete},
    "/api/copy": {"POST": manage.copy},
    "/api/create": {"POST": create.create},
    "/v1/models": {"GET": openai.models},
    "/v1/chat/completions": {"POST": openai.chat_completions},
    "/v1/completions": {"POST": openai.completions},
    "/v1/embeddings": {"POST": openai.embeddings},
    "/practice/faults": {"GET": control.read, "PUT": control.replace, "POST": control.replace, "DELETE": control.clear},
}
BLOBS = "/api/blobs/"
BLOB_ROUTE: dict[str, Handler] = {"HEAD": manage.blob_head, "POST": manage.blob_create}


def find(path: str) -> tuple[Optional[dict[str, Handler]], str]:
    """The methods of this path, and the variable end of it."""
    if path.startswith(BLOBS) and "/" not in path[len(BLOBS) :]:
        return BLOB_ROUTE, path[len(BLOBS) :]
    return ROUTES.get(path), ""
