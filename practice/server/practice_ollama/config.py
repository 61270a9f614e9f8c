"""Settings, from the same environment variables as the real server plus PRACTICE_* for the stand-in."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from .gotime import FOREVER, keep_alive, parse_duration

VERSION = "0.32.15-practice"
SHOWN = (
    "HTTPS_PROXY NO_PROXY CUDA_VISIBLE_DEVICES OLLAMA_CONTEXT_LENGTH OLLAMA_HOST OLLAMA_KEEP_ALIVE OLLAMA_LOAD_TIMEOUT "
    "OLLAMA_MAX_LOADED_MODELS OLLAMA_MAX_QUEUE OLLAMA_MODELS OLLAMA_NOPRUNE OLLAMA_NO_CLOUD OLLAMA_NUM_PARALLEL "
    "OLLAMA_ORIGINS"
)


def go_bool(text: str) -> bool:
    """Any text that is not a Go bool means on."""
    text = text.strip().strip("\"'")
    return bool(text) and text not in ("0", "f", "F", "false", "FALSE", "False")


def version_tuple(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text.split("-")[0])[:3])


@dataclass(frozen=True)
class Timing:
    """How long things take; tests make them short."""

    stall: float
    direct: float
    retry_scale: float
    load: float
    token: float
    old_layer: float
    part_min: int
    part_max: int


@dataclass(frozen=True)
class Settings:
    version: str
    home: str
    models: str
    address: str
    port: int
    noprune: bool
    keep_alive: float
    load_timeout: float
    parallel: int
    max_loaded: int
    max_queue: int
    context_length: int
    no_cloud: bool
    origins: tuple[str, ...]
    gpu: bool
    faults: str
    shown: str
    timing: Timing

    def since(self, version: str) -> bool:
        """True when the emulated server is this version or a later one."""
        return version_tuple(self.version) >= version_tuple(version)


def host_and_port(text: str) -> tuple[str, int]:
    text = text.strip().strip("\"'").split("://")[-1].split("/")[0]
    host, port = text or "127.0.0.1", "11434"
    match = re.fullmatch(r"(\[[^\]]*\]|[^:]*):(.*)", text)
    if match:
        host, port = match.group(1), match.group(2)
    number = int(port) if port.isdigit() and 0 <= int(port) <= 65535 else 11434
    return host.strip("[]") or "127.0.0.1", number


def _number(env: Mapping[str, str], key: str, default: int) -> int:
    text = env.get(key, "").strip()
    return int(text) if re.fullmatch(r"\d+", text) else default


def _seconds(env: Mapping[str, str], key: str, default: float) -> float:
    try:
        return float(env.get(key, "") or default)
    except ValueError:
        return default


def _timing(env: Mapping[str, str]) -> Timing:
    return Timing(
        stall=_seconds(env, "PRACTICE_STALL_SECONDS", 30.0),
        direct=_seconds(env, "PRACTICE_DIRECT_SECONDS", 30.0),
        retry_scale=_seconds(env, "PRACTICE_RETRY_SCALE", 1.0),
        load=_seconds(env, "PRACTICE_LOAD_SECONDS", 0.05),
        token=_seconds(env, "PRACTICE_TOKEN_SECONDS", 0.002),
        old_layer=_seconds(env, "PRACTICE_OLD_LAYER_SECONDS", 1.0),
        part_min=_number(env, "PRACTICE_PART_MIN", 100_000_000),
        part_max=_number(env, "PRACTICE_PART_MAX", 1_000_000_000),
    )


def _has_gpu(env: Mapping[str, str]) -> bool:
    return go_bool(env.get("PRACTICE_GPU", "")) and env.get("CUDA_VISIBLE_DEVICES", "") != "-1"


def load(env: Mapping[str, str] = os.environ) -> Settings:
    home = env.get("HOME") or "/root"
    host, port = host_and_port(env.get("OLLAMA_HOST", ""))
    timeout = parse_duration(env.get("OLLAMA_LOAD_TIMEOUT", ""))
    shown = " ".join(f"{key}:{env.get(key, '')}" for key in SHOWN.split())
    return Settings(
        version=env.get("PRACTICE_VERSION") or VERSION,
        home=home,
        models=env.get("OLLAMA_MODELS", "").strip().strip("\"'") or os.path.join(home, ".ollama", "models"),
        address=host,
        port=port,
        noprune=go_bool(env.get("OLLAMA_NOPRUNE", "")),
        keep_alive=keep_alive(env.get("OLLAMA_KEEP_ALIVE") or None, 300.0),
        load_timeout=300.0 if timeout is None else timeout if timeout > 0 else FOREVER,
        parallel=_number(env, "OLLAMA_NUM_PARALLEL", 1) or 1,
        max_loaded=_number(env, "OLLAMA_MAX_LOADED_MODELS", 0) or 3,
        max_queue=_number(env, "OLLAMA_MAX_QUEUE", 512),
        context_length=_number(env, "OLLAMA_CONTEXT_LENGTH", 0) or 4096,
        no_cloud=go_bool(env.get("OLLAMA_NO_CLOUD", "")),
        origins=tuple(part for part in env.get("OLLAMA_ORIGINS", "").split(",") if part),
        gpu=_has_gpu(env),
        faults=env.get("PRACTICE_FAULTS", ""),
        shown=f"map[{shown}]",
        timing=_timing(env),
    )
