"""JSON as Go writes it, and Go's words for JSON that cannot be read."""

from __future__ import annotations

import json
from typing import Any

ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
ENDED = "unexpected EOF"


class JsonError(Exception):
    pass


def dumps(value: Any) -> str:
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    for plain, escaped in ESCAPES.items():
        if plain in text:
            text = text.replace(plain, escaped)
    return text


def decode(raw: bytes) -> Any:
    """What `json.NewDecoder(…).Decode` does: the first value, whatever follows it."""
    text = raw.decode("utf-8", "replace")
    start = len(text) - len(text.lstrip())
    if start == len(text):
        raise JsonError("EOF")
    try:
        return json.JSONDecoder().raw_decode(text, start)[0]
    except json.JSONDecodeError as error:
        raise JsonError(_words(text, error)) from None


def unmarshal(raw: bytes) -> Any:
    """What `json.Unmarshal` does: it has other words for an end that came too early."""
    try:
        return decode(raw)
    except JsonError as error:
        ended = str(error) in ("EOF", ENDED)
        raise JsonError("unexpected end of JSON input" if ended else str(error)) from None


def _words(text: str, error: json.JSONDecodeError) -> str:
    rest = text[error.pos :].strip()
    if not rest or error.msg.startswith("Unterminated") or any(w.startswith(rest) for w in ("true", "false", "null")):
        return ENDED
    if "property name" in error.msg:
        where = "looking for beginning of object key string"
    elif "':'" in error.msg:
        where = "after object key"
    elif "','" in error.msg:
        where = "after object key:value pair" if "{" in text[: error.pos] else "after array element"
    else:
        where = "looking for beginning of value"
    return f"invalid character '{rest[0]}' {where}"
