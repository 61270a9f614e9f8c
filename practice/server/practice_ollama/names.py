"""Model names: `[scheme://]host/namespace/model:tag`, with Ollama's defaults and its rules."""

from __future__ import annotations

import re
from dataclasses import dataclass

HOST, NAMESPACE, TAG = "registry.ollama.ai", "library", "latest"
_RULES = {
    "host": (re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]*"), 350),
    "namespace": (re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*"), 80),
    "model": (re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*"), 80),
    "tag": (re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*"), 80),
}


@dataclass(frozen=True)
class Name:
    host: str
    namespace: str
    model: str
    tag: str

    @property
    def parts(self) -> tuple[str, str, str, str]:
        return (self.host, self.namespace, self.model, self.tag)

    @property
    def key(self) -> tuple[str, ...]:
        return tuple(part.lower() for part in self.parts)

    @property
    def path(self) -> str:
        return "/".join(self.parts)

    @property
    def short(self) -> str:
        """What the server shows: default host and namespace are dropped, the tag never."""
        text = f"{self.model}:{self.tag}"
        if self.host != HOST:
            return f"{self.host}/{self.namespace}/{text}"
        return text if self.namespace == NAMESPACE else f"{self.namespace}/{text}"

    @property
    def valid(self) -> bool:
        for kind, part in zip(_RULES, self.parts):
            pattern, longest = _RULES[kind]
            if len(part) > longest or not pattern.fullmatch(part):
                return False
        return True


def parse(text: str) -> Name:
    """Reads a name; ask `.valid` before it is used."""
    if "://" in text:
        text = text.split("://", 1)[1]
    if text.lower().endswith(":local"):
        text = text[: -len(":local")]
    tag = TAG
    if ":" in text.rsplit("/", 1)[-1]:
        text, tag = text.rsplit(":", 1)
    pieces = text.split("/", 2)
    if len(pieces) == 3:
        return Name(pieces[0], pieces[1], pieces[2], tag)
    if len(pieces) == 2:
        return Name(HOST, pieces[0], pieces[1], tag)
    return Name(HOST, NAMESPACE, pieces[0], tag)


def is_cloud(name: Name) -> bool:
    return name.tag == "cloud" or name.tag.endswith("-cloud")
