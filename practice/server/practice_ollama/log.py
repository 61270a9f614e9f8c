"""slog lines go to stderr, request lines in the manner of GIN to stdout: `docker logs` needs both."""

from __future__ import annotations

import re
import sys
import threading
import time
from typing import Any

from .gotime import short_duration

_lock = threading.Lock()
_plain = re.compile(r"[^\s\"=]+")


def slog(level: str, source: str, message: str, **facts: Any) -> None:
    now = time.time()
    zone = time.strftime("%z", time.localtime(now))
    zone = "Z" if zone == "+0000" else f"{zone[:3]}:{zone[3:]}"
    at = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.localtime(now))}.{int(now % 1 * 1000):03d}{zone}"
    pairs = "".join(f" {key}={quoted(value)}" for key, value in facts.items())
    _write(sys.stderr, f"time={at} level={level} source={source} msg={quoted(message)}{pairs}\n")


def info(source: str, message: str, **facts: Any) -> None:
    slog("INFO", source, message, **facts)


def warn(source: str, message: str, **facts: Any) -> None:
    slog("WARN", source, message, **facts)


def error(source: str, message: str, **facts: Any) -> None:
    slog("ERROR", source, message, **facts)


def gin(status: int, seconds: float, client: str, method: str, path: str) -> None:
    at = time.strftime("%Y/%m/%d - %H:%M:%S")
    latency = short_duration(seconds)
    _write(sys.stdout, f'[GIN] {at} | {status:3d} | {latency:>13} | {client:>15} | {method:<7}  "{go_quote(path)}"\n')


def go_quote(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').encode("unicode_escape").decode().replace("\\\\\\\\", "\\\\")


def quoted(value: Any) -> str:
    text = str(value)
    if _plain.fullmatch(text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _write(stream: Any, line: str) -> None:
    with _lock:
        try:
            stream.write(line)
            stream.flush()
        except (OSError, ValueError):
            return
