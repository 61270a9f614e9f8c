"""The parts of a blob that is being downloaded, and the small files that remember them."""

from __future__ import annotations

import glob
import os
import re
import threading
from dataclasses import dataclass, field
from typing import Optional

from . import gojson
from .errors import PathError, file_op, write_in_place
from .registry import PullError
from .wire import Reply


@dataclass
class Part:
    """`done` bytes are in the file; `completed` is what its small file says of them."""

    number: int
    offset: int
    size: int
    completed: int = 0
    done: int = 0
    moved_at: float = 0.0
    stalled: bool = False
    abort: threading.Event = field(default_factory=threading.Event)
    reply: Optional[Reply] = None

    def stop(self) -> None:
        self.abort.set()
        if self.reply:
            self.reply.abort()


def part_path(blob: str, number: int) -> str:
    return f"{blob}-partial-{number}"


def write_part(blob: str, part: Part) -> None:
    """Truncates and writes in place: another reader can see it empty."""
    path = part_path(blob, part.number)
    line = {"N": part.number, "Offset": part.offset, "Size": part.size, "Completed": part.completed}
    write_in_place(path, (gojson.dumps(line) + "\n").encode())


def read_parts(blob: str) -> list[Part]:
    """Whatever `-partial-*` exists, also when numbers are missing."""
    parts = []
    for path in sorted(glob.glob(glob.escape(blob) + "-partial-*")):
        try:
            with file_op("open", path), open(path, "rb") as stream:
                value = gojson.decode(stream.read())
        except (gojson.JsonError, PathError) as error:
            raise PullError(str(error)) from None
        parts.append(Part(int(value["N"]), int(value["Offset"]), int(value["Size"]), *[int(value["Completed"])] * 2))
    return parts


def new_parts(total: int, smallest: int, largest: int) -> list[Part]:
    """A sixteenth each, within limits."""
    size = max(smallest, min(total // 16, largest))
    return [Part(n, offset, min(size, total - offset)) for n, offset in enumerate(range(0, total, size))]


def finish(blob: str, count: int) -> None:
    """Removes the part files 0…n-1, then gives the data its final name."""
    for number in range(count):
        path = part_path(blob, number)
        with file_op("remove", path):
            os.remove(path)
    partial = f"{blob}-partial"
    with file_op("rename", partial, blob):
        os.rename(partial, blob)


def known_digest(blob: str) -> str:
    """The twelve digits by which log and stream call a blob."""
    match = re.search(r"sha256-([0-9a-f]{12})", blob)
    return match.group(1) if match else ""
