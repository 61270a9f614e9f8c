"""Durations and times as Go reads and prints them."""

from __future__ import annotations

import re
import time
from typing import Any, Optional

UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
FOREVER = float(2**63 - 1) / 1e9
PIECE = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")


def parse_duration(text: str) -> Optional[float]:
    """Seconds of `5m`, `1h30m`, `-1`, `300`; None for anything else."""
    body = text.strip()
    sign = -1.0 if body.startswith("-") else 1.0
    body = body.lstrip("+-")
    if re.fullmatch(r"\d+", body):
        return sign * float(body)
    pieces = PIECE.findall(body)
    if not pieces or "".join(n + u for n, u in pieces) != body:
        return None
    return sign * sum(float(number) * UNITS[unit] for number, unit in pieces)


def keep_alive(value: Any, default: float) -> float:
    """Seconds that a model stays loaded; less than zero means for ever."""
    if value is None:
        return default
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        seconds: Optional[float] = float(value)
    else:
        seconds = parse_duration(str(value))
    if seconds is None:
        return default
    return FOREVER if seconds < 0 else seconds


def short_duration(seconds: float) -> str:
    """`75.195µs`, `3.6ms`, `1.18s`, `1m3s`: as in the request log."""
    if seconds < 1e-3:
        return f"{_trim(seconds * 1e6)}µs"
    if seconds < 1:
        return f"{_trim(seconds * 1e3)}ms"
    if seconds < 60:
        return f"{_trim(seconds)}s"
    minutes, rest = divmod(seconds, 60)
    if minutes < 60:
        return f"{int(minutes)}m{int(rest)}s"
    return f"{int(minutes // 60)}h{int(minutes % 60)}m{int(rest)}s"


def _trim(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".") or "0"


def stamp(at: Optional[float] = None) -> str:
    """RFC 3339 with nanoseconds in UTC; years beyond 9999 cannot occur."""
    at = time.time() if at is None else at
    whole = int(at)
    fraction = f"{int((at - whole) * 1e9):09d}".rstrip("0")
    base = _utc(whole)
    return f"{base}.{fraction}Z" if fraction else f"{base}Z"


def stamp_ns(nanoseconds: int) -> str:
    whole, rest = divmod(nanoseconds, 1_000_000_000)
    fraction = f"{rest:09d}".rstrip("0")
    return f"{_utc(whole)}.{fraction}Z" if fraction else f"{_utc(whole)}Z"


def _utc(whole: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole))
