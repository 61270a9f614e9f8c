# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a model really answered: how it has to be asked, and what counts as an answer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

GENERATE = "generate"
EMBED = "embed"

_EMBEDDING_FAMILIES = {"bert", "nomic-bert", "nomic-bert-moe", "jina-bert-v2", "xlm-roberta", "gemma-embedding"}
_PROMPT = "Say yes."
_TOKENS = 4
_NANO = 1e9


@dataclass(frozen=True)
class Verdict:
    """``problem`` is "" for a real answer; the rest are its figures (seconds, tokens per second, dimensions)."""

    problem: str = ""
    kind: str = ""
    load_seconds: float = 0.0
    tokens: int = 0
    tokens_per_second: float = 0.0
    dimensions: int = 0


def endpoint_of(listed: Mapping[str, Any], shown: Mapping[str, Any] | None = None) -> tuple[str, bool]:
    """(endpoint, certain) from a model's entry in /api/tags and, where that is not enough, from /api/show.

    An embedding model must never be asked to generate or chat, so whatever marks one comes first. Servers before 0.32
    list no capabilities, those before 0.6.4 show none: there the tensors' pooling and the family have to tell.
    """
    for source in (listed, shown or {}):
        capabilities = source.get("capabilities")
        if isinstance(capabilities, list) and capabilities:
            only_embeds = "embedding" in capabilities and "completion" not in capabilities
            return (EMBED if only_embeds else GENERATE), True
    information = (shown or {}).get("model_info")
    if isinstance(information, Mapping) and any(str(key).endswith(".pooling_type") for key in information):
        return EMBED, True
    for source in (listed, shown or {}):
        details = source.get("details")
        if isinstance(details, Mapping) and details.get("family") in _EMBEDDING_FAMILIES:
            return EMBED, True
    return GENERATE, False


def question(model: str, endpoint: str, keep_alive: str | None = None, num_ctx: int = 0) -> dict[str, Any]:
    """The body of the request: as little work as still proves that the weights are used, and always the same."""
    body: dict[str, Any] = {"model": model}
    if endpoint == EMBED:
        body["input"] = _PROMPT
    else:
        body.update(prompt=_PROMPT, options={"num_predict": _TOKENS, "temperature": 0, "seed": 1})
    if keep_alive:
        body["keep_alive"] = keep_alive
    if num_ctx:
        body["options"] = {**body.get("options", {}), "num_ctx": num_ctx}
    return body


def judge(endpoint: str, answer: Mapping[str, Any]) -> Verdict:
    """What a 200 of /api/generate or /api/embed is worth."""
    return _judge_embedding(answer) if endpoint == EMBED else _judge_generation(answer)


def _judge_generation(answer: Mapping[str, Any]) -> Verdict:
    if answer.get("done") is not True:
        text = "answered 200 with done: false: its runner ended in the middle of the answer"
        return Verdict(text, "unfinished_answer")
    tokens = int(_number(answer.get("eval_count")))
    if tokens < 1 and not answer.get("response"):
        return Verdict("answered 200 without a single token", "no_tokens")
    duration = _number(answer.get("eval_duration")) / _NANO
    return Verdict(
        load_seconds=_number(answer.get("load_duration")) / _NANO,
        tokens=tokens,
        tokens_per_second=tokens / duration if duration > 0 else 0.0,
    )


def _judge_embedding(answer: Mapping[str, Any]) -> Verdict:
    vectors = answer.get("embeddings")
    vector = vectors[0] if isinstance(vectors, list) and vectors else None
    if not isinstance(vector, list) or not vector:
        return Verdict("answered 200 without a vector", "bad_vector")
    if not all(_finite(value) for value in vector):
        return Verdict("answered with a vector that has values which are no finite numbers", "bad_vector")
    if not any(vector):
        return Verdict("answered with a vector of nothing but zeros", "bad_vector")
    return Verdict(load_seconds=_number(answer.get("load_duration")) / _NANO, dimensions=len(vector))


def _finite(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _number(value: Any) -> float:
    return float(value) if _finite(value) else 0.0
