"""Reads the head of a GGUF file: its key-values, its tensors, and whether the file is long enough for them."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass, field
from typing import Any, BinaryIO

MAGIC = b"GGUF"
SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
FLOAT32, STRING, ARRAY = 6, 8, 9
# type number: name, bytes in a block, weights in a block
TENSOR_TYPES = {
    0: ("F32", 4, 1), 1: ("F16", 2, 1), 2: ("Q4_0", 18, 32), 3: ("Q4_1", 20, 32), 6: ("Q5_0", 22, 32),
    7: ("Q5_1", 24, 32), 8: ("Q8_0", 34, 32), 10: ("Q2_K", 84, 256), 11: ("Q3_K", 110, 256), 12: ("Q4_K", 144, 256),
    13: ("Q5_K", 176, 256), 14: ("Q6_K", 210, 256), 24: ("I8", 1, 1), 25: ("I16", 2, 1), 26: ("I32", 4, 1),
    27: ("I64", 8, 1), 28: ("F64", 8, 1), 30: ("BF16", 2, 1),
}  # fmt: skip


class BadGguf(Exception):
    pass


@dataclass(frozen=True)
class Tensor:
    name: str
    shape: tuple[int, ...]
    kind: str
    offset: int
    size: int

    @property
    def count(self) -> int:
        total = 1
        for length in self.shape:
            total *= length
        return total


@dataclass
class Header:
    values: dict[str, Any] = field(default_factory=dict)
    tensors: list[Tensor] = field(default_factory=list)
    data_start: int = 0

    @property
    def architecture(self) -> str:
        return str(self.values.get("general.architecture", ""))

    def number(self, key: str, default: int = 0) -> int:
        value = self.values.get(f"{self.architecture}.{key}", default)
        return int(value) if isinstance(value, (int, float)) else default

    @property
    def parameters(self) -> int:
        return sum(tensor.count for tensor in self.tensors)

    @property
    def embedding_only(self) -> bool:
        return f"{self.architecture}.pooling_type" in self.values


class _Reader:
    def __init__(self, stream: BinaryIO):
        self.stream = stream

    def take(self, count: int) -> bytes:
        data = self.stream.read(count)
        if len(data) < count:
            raise BadGguf("unexpected EOF")
        return data

    def scalar(self, kind: int) -> Any:
        if kind not in SCALARS:
            raise BadGguf(f"unsupported value type {kind}")
        pattern = SCALARS[kind]
        raw = self.take(struct.calcsize(pattern))
        value = struct.unpack(pattern, raw)[0]
        return shortest_float(value) if kind == FLOAT32 else value

    def text(self) -> str:
        length = int(self.scalar(10))
        if length > 1 << 26:
            raise BadGguf("unexpected EOF")
        return self.take(length).decode("utf-8", "replace")

    def skip_array(self) -> None:
        """Arrays are the vocabulary: nothing here needs what is in them."""
        kind, count = int(self.scalar(4)), int(self.scalar(10))
        if kind == STRING:
            for _ in range(count):
                self.text()
        elif kind in SCALARS:
            self.stream.seek(count * struct.calcsize(SCALARS[kind]), os.SEEK_CUR)
        else:
            raise BadGguf(f"unsupported value type {kind}")

    def value(self) -> Any:
        kind = int(self.scalar(4))
        if kind == STRING:
            return self.text()
        if kind == ARRAY:
            self.skip_array()
            return None
        return self.scalar(kind)


def shortest_float(value: float) -> float:
    """The shortest decimal that is the same 32-bit number, as Go prints a float32."""
    for digits in range(1, 10):
        short = float(f"{value:.{digits}g}")
        if struct.pack("<f", short) == struct.pack("<f", value):
            return short
    return value


def read_header(path: str) -> Header:
    """The header; BadGguf has the words of the real server (`EOF`, `invalid file magic`, `unexpected EOF`)."""
    with open(path, "rb", buffering=1 << 18) as stream:
        magic = stream.read(4)
        if not magic:
            raise BadGguf("EOF")
        if len(magic) < 4:
            raise BadGguf("unexpected EOF")
        if magic != MAGIC:
            raise BadGguf("invalid file magic")
        reader = _Reader(stream)
        reader.scalar(4)
        tensors, pairs = int(reader.scalar(10)), int(reader.scalar(10))
        header = Header()
        for _ in range(pairs):
            key = reader.text()
            header.values[key] = reader.value()
        for _ in range(tensors):
            header.tensors.append(_tensor(reader))
        alignment = int(header.values.get("general.alignment", 32) or 32)
        header.data_start = -(-stream.tell() // alignment) * alignment
    return header


def _tensor(reader: _Reader) -> Tensor:
    name = reader.text()
    shape = tuple(int(reader.scalar(10)) for _ in range(int(reader.scalar(4))))
    kind, offset = int(reader.scalar(4)), int(reader.scalar(10))
    label, block, weights = TENSOR_TYPES.get(kind, (f"type {kind}", 1, 1))
    count = 1
    for length in shape:
        count *= length
    return Tensor(name, shape, label, offset, count // weights * block)


def check_extents(header: Header, file_size: int) -> None:
    """A truncated file is noticed by the first tensor that ends behind its end."""
    for tensor in header.tensors:
        end = header.data_start + tensor.offset + tensor.size
        if end > file_size:
            raise BadGguf(f'tensor "{tensor.name}" offset+size ({end}) exceeds file size ({file_size})')


_known: dict[tuple[str, int, int, int], Header] = {}


def load(path: str) -> Header:
    """Header with a check of the file's length; headers are remembered as long as the file is the same."""
    state = os.stat(path)
    key = (path, state.st_ino, state.st_size, state.st_mtime_ns)
    header = _known.get(key)
    if header is None:
        header = read_header(path)
        if len(_known) > 64:
            _known.clear()
        _known[key] = header
    check_extents(header, state.st_size)
    return header


def peek(path: str) -> Header:
    """The header alone: a file with all its head and half its weights looks perfect."""
    state = os.stat(path)
    known = _known.get((path, state.st_ino, state.st_size, state.st_mtime_ns))
    return known or read_header(path)
