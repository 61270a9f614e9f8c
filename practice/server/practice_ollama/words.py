"""Tokens and vectors that look real and are the same every time."""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Iterator

PROSE = (
    "the herd grazes near water while a rider counts every horse and writes it down before evening rain comes over "
    "hills where fences hold gates swing open slowly dust settles on old wood and lanterns glow until morning"
)
WORDS = PROSE.split(" ")
DEFAULT_TOKENS = 16


def tokens(seed: str, prompt: str, count: int) -> Iterator[str]:
    """`count` words that depend on the model and the prompt only."""
    state = hashlib.sha256(f"{seed}\0{prompt}".encode()).digest()
    for number in range(count):
        if number and number % 16 == 0:
            state = hashlib.sha256(state).digest()
        word = WORDS[(state[number % 16 * 2] * 256 + state[number % 16 * 2 + 1]) % len(WORDS)]
        yield word if number == 0 else " " + word


def token_ids(seed: str, prompt: str, count: int) -> list[int]:
    digest = hashlib.sha256(f"ids\0{seed}\0{prompt}".encode()).digest()
    return [digest[i % 32] + 3 + i % 7 for i in range(count)]


def prompt_tokens(prompt: str) -> int:
    return max(1, len(prompt.split()) + 3)


def vector(seed: str, text: str, length: int) -> list[float]:
    """A unit vector of 32-bit floats."""
    raw, block = b"", hashlib.sha256(f"{seed}\0{text}".encode()).digest()
    while len(raw) < 2 * length:
        raw += block
        block = hashlib.sha256(block).digest()
    values = [number / 32768.0 for number in struct.unpack(f"<{length}h", raw[: 2 * length])]
    norm = math.sqrt(sum(value * value for value in values)) or 1.0
    return [float(f"{value / norm:.8g}") for value in values]
