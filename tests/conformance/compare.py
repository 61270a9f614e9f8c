"""Holds an answer against a recording. Whatever may differ is named here, with the form it must have."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from server_lab import Answer, Practice
from stores import RECORDED_HOST

TRANSCRIPTS = Path(__file__).resolve().parents[1] / "unit/fixtures/transcripts"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z")
PROGRESS = re.compile(r"pulling [0-9a-f]{12}")
LOCATION = re.compile(r"lookup ([^ ]+) on [^ ]+:53")
# Key → what a value of it must be, when it may differ between two runs or two servers.
FORMS: dict[str, Any] = {
    "modified_at": lambda v: bool(TIME.fullmatch(v)),
    "created_at": lambda v: bool(TIME.fullmatch(v)),
    "expires_at": lambda v: bool(TIME.fullmatch(v)),
    "total_duration": lambda v: isinstance(v, int) and v > 0,
    "load_duration": lambda v: isinstance(v, int) and v > 0,
    "prompt_eval_duration": lambda v: isinstance(v, int) and v > 0,
    "eval_duration": lambda v: isinstance(v, int) and v > 0,
    "prompt_eval_count": lambda v: isinstance(v, int) and v > 0,
    "prompt_tokens": lambda v: isinstance(v, int) and v > 0,
    "total_tokens": lambda v: isinstance(v, int) and v > 0,
    "context": lambda v: bool(v) and all(isinstance(i, int) for i in v),
    "created": lambda v: isinstance(v, int) and v > 1_600_000_000,
    "version": lambda v: bool(re.fullmatch(r"\d+\.\d+\.\d+(-practice)?", v)),
}
# Generated words: any text where there was one, none where there was none.
WORDS = ("response", "content")
VECTORS = ("embedding", "embeddings")


def recording(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((TRANSCRIPTS / f"{name}.json").read_text())
    return found


class Check:
    """The comparison of one recording. `varies` are further keys whose values need not be the same."""

    def __init__(self, name: str, models: Path, host: str = RECORDED_HOST, varies: tuple[str, ...] = ()):
        self.name, self.models, self.host, self.varies = name, models, host, varies
        self.record = recording(name)

    def send(self, server: Practice, headers: dict[str, str] | None = None) -> Answer:
        request = self.record["request"]
        body = request.get("body")
        raw = None if body is None else body if isinstance(body, str) else json.dumps(body)
        return server.ask(request["method"], request["path"], self.outward(raw), headers)

    def outward(self, text: str | None) -> str | None:
        """The request, with the registry of today in the place of the recorded one."""
        return None if text is None else re.sub(r"127\.0\.0\.1:505[56]", self.host, text)

    def plain(self, text: str) -> str:
        """Text without what belongs to one machine."""
        text = text.replace(str(self.models), "<models>").replace("/root/.ollama/models", "<models>")
        text = text.replace(self.host, "<host>").replace("127.0.0.1:5056", "<host>").replace("127.0.0.1:5055", "<host>")
        return LOCATION.sub(r"lookup \1 on <resolver>", text).replace("on <resolver>:", "on <resolver>:")

    def hold(self, answer: Answer, progress: bool = False) -> None:
        """Fails where the answer is not as recorded.

        A small layer may come so fast that it has no line: then it may have one or none here too.
        """
        expected = self.record["response"]
        assert answer.status == expected["status"], answer.text
        self._headers(expected["headers"], answer)
        if "json" in expected:
            assert self.normal(answer.json) == self.normal(expected["json"])
        elif "ndjson" in expected:
            recorded = [self.normal(line) for line in folded(expected["ndjson"], progress)]
            shown = {line["digest"] for line in recorded if "digest" in line}
            lines = [line for line in answer.lines if line.get("digest", "") in {"", *shown}]
            assert [self.normal(line) for line in folded(lines, progress)] == recorded
        else:
            assert answer.text == expected["text"]

    def _headers(self, expected: dict[str, str], answer: Answer) -> None:
        for key in ("Content-Type", "Allow", "Transfer-Encoding"):
            assert answer.headers.get(key) == expected.get(key), key
        assert ("Content-Length" in answer.headers) == ("Content-Length" in expected)
        error = "error" in str(self.record["response"].get("json", "")) and self.host == RECORDED_HOST
        if error and "<models>" not in str(self.record["response"]):
            assert answer.headers["Content-Length"] == expected["Content-Length"]

    def normal(self, value: Any, key: str = "") -> Any:
        if key in FORMS:
            assert FORMS[key](value), f"{key}: {value}"
            return f"<{key}>"
        if key in WORDS:
            assert isinstance(value, str)
            return "<words>" if value else ""
        if key in VECTORS:
            return shape(value)
        if key in self.varies:
            return f"<{key}>"
        if isinstance(value, dict):
            return {name: self.normal(entry, name) for name, entry in value.items()}
        if isinstance(value, list):
            return [self.normal(entry) for entry in value]
        return self.plain(value) if isinstance(value, str) else value


def shape(value: Any) -> Any:
    """Lengths of nested lists instead of their numbers."""
    if isinstance(value, list) and value and isinstance(value[0], list):
        return [shape(entry) for entry in value]
    if isinstance(value, list):
        assert all(isinstance(number, float) for number in value)
        return f"<{len(value)} numbers>"
    return {"object": value["object"]} if isinstance(value, dict) else value


def folded(lines: list[dict[str, Any]], progress: bool) -> list[dict[str, Any]]:
    """A stream without repetitions; without progress too, unless it is what the recording is about."""
    kept: list[dict[str, Any]] = []
    for line in lines:
        if "_repeated_times" in line or (kept and kept[-1] == line):
            continue
        if not progress and PROGRESS.fullmatch(line.get("status", "")):
            continue
        kept.append(line)
    return kept
