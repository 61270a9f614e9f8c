"""What a command uses: processor time and memory of it, of its workers, and of the SSH connections it leaves behind."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
PAUSE = 0.5


@dataclass
class Use:
    """Seconds and bytes. Memory is the most that was in use at one moment, shared pages counted once (PSS)."""

    wall: float = 0.0
    main: float = 0.0
    workers: float = 0.0
    memory: int = 0
    main_memory: int = 0
    masters: dict[int, float] = field(default_factory=dict)
    masters_memory: int = 0

    @property
    def processor(self) -> float:
        return self.main + self.workers + sum(self.masters.values())


def used_by(command: list[str], cwd: Path, output: Path, masters: str, limit: float) -> tuple[int, Use]:
    """Run it in a session of its own; `masters` is what the command line of its lasting SSH connections has in it."""
    use = Use()
    begun = time.monotonic()
    with output.open("wb") as file:
        process = subprocess.Popen(command, cwd=cwd, stdout=file, stderr=file, start_new_session=True)
    ended = threading.Event()
    watcher = threading.Thread(target=_watch, args=(process.pid, masters, use, ended))
    watcher.start()
    killer = threading.Timer(limit, os.killpg, (process.pid, 9))
    killer.start()
    _pid, status, usage = os.wait4(process.pid, 0)
    use.wall = time.monotonic() - begun
    killer.cancel()
    ended.set()
    watcher.join()
    process.returncode = os.waitstatus_to_exitcode(status)
    use.workers = usage.ru_utime + usage.ru_stime - use.main
    return process.returncode, use


def _watch(session: int, masters: str, use: Use, ended: threading.Event) -> None:
    while not ended.wait(PAUSE):
        look(session, masters, use)


def look(session: int, masters: str, use: Use) -> None:
    """One moment. A process may end while it is looked at; then it does not count."""
    memory = lasting = 0
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            words = (folder / "stat").read_text().rpartition(")")[2].split()
            own = int(words[3]) == session
            lasts = not own and masters in (folder / "cmdline").read_text()
            if not own and not lasts:
                continue
            size, seconds = _pss(folder), (int(words[11]) + int(words[12])) / TICK
        except (OSError, IndexError):
            continue
        memory += size
        if lasts:
            use.masters[int(folder.name)] = seconds
            lasting += size
        elif int(folder.name) == session:
            use.main, use.main_memory = seconds, max(use.main_memory, size)
    use.memory, use.masters_memory = max(use.memory, memory), max(use.masters_memory, lasting)


def _pss(folder: Path) -> int:
    for line in (folder / "smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0
