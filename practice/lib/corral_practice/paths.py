"""Where the practice fleet keeps its things, and hashes over the inputs from which they are made."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Union

PRACTICE = Path(__file__).resolve().parents[2]
REPOSITORY = PRACTICE.parent
CACHE = Path(os.environ.get("CORRAL_PRACTICE_CACHE", REPOSITORY / ".cache" / "practice"))


def files_below(root: Path) -> list[Path]:
    """Every file below root that is an input: what Python leaves behind is not."""
    return sorted(p for p in root.rglob("*") if p.is_file() and "__pycache__" not in p.parts)


def short_hash(*inputs: Union[str, bytes, Path, Iterable[Path]]) -> str:
    """12 hex digits over texts and files (names, modes and bytes), stable over machines and check-outs."""
    digest = hashlib.sha256()
    for item in inputs:
        if isinstance(item, (str, bytes)):
            data = item.encode() if isinstance(item, str) else item
            digest.update(b"%d:" % len(data) + data)
            continue
        for path in [item] if isinstance(item, Path) else item:
            runnable = b"x" if os.access(path, os.X_OK) else b"-"
            data = path.read_bytes()
            digest.update(path.name.encode() + b"\0" + runnable + b"%d:" % len(data) + data)
    return digest.hexdigest()[:12]


def say(text: str) -> None:
    print(f"practice: {text}", flush=True)


class PracticeError(Exception):
    """Something that a person has to do first; the text says what."""
