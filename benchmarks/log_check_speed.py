#!/usr/bin/env python
"""How fast a container's log is checked, and in how much memory, beside `docker logs CONTAINER | grep -c`.

A container writes `--gigabytes` of log as Ollama does (requests to stdout, one in a thousand of them a 404, the rest to
stderr) and stays. Then the module reads all of it in a process of its own, in turns with `docker logs` piped into
`grep -c`, which looks for one class only. Both have to count the same 404s. MB are those of the text, without the
engine's times and headers. Nothing is judged: the ratio is printed, and the module's resident memory.
The image is `--image`, by default the practice server's, of which only Python is used. `make practice` must have run.
Usage: log_check_speed.py [--gigabytes 1] [--rounds 3] [--image IMAGE]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from digest_check_speed import Run, measure
from scene import LABEL, Scene, scene

MODULE = "ansible_collections.corral.ollama.plugins.modules.log_check"
NAME = "corral-bench-log"
#: A thousand requests and a few lines of slog at a time, until there are as many bytes as the first argument says.
WRITER = """
import sys, time
request = '[GIN] 2026/11/21 - 19:50:22 | %d |     681.459\\u00b5s |       127.0.0.1 | POST     "/api/generate"\\n'
slog = 'time=2026-11-21T19:50:22.000Z level=INFO source=sched.go:1 msg="loaded runners" count=1\\n' * 50
requests = (request % 200 * 999 + request % 404).encode()
size, written = int(sys.argv[1]), 0
while written < size:
    sys.stdout.buffer.write(requests)
    sys.stderr.buffer.write(slog.encode())
    written += len(requests) + len(slog)
sys.stderr.flush()
print('written', written, flush=True)
time.sleep(86400)
"""


def write_log(stage: Scene, size: int) -> int:
    """Make the container and wait until its log is written; gives the bytes of text."""
    container = stage.client.containers.create(
        stage.image,
        name=NAME,
        init=True,
        labels=LABEL,
        entrypoint=["python3", "-c", WRITER, str(size)],
        command=[],
        # Whatever the engine's default is, nothing rotates; not every engine takes -1 for that.
        log_config={"Type": "json-file", "Config": {"max-size": "100g"}},
    )
    stage.made.append(container)
    container.start()
    deadline = time.monotonic() + 60 + size / 1e6
    while time.monotonic() < deadline:
        for line in container.logs(tail=100).decode(errors="replace").splitlines():
            if line.startswith("written "):
                return int(line.split()[1])
        container.reload()
        if container.status != "running":
            sys.exit(f"The container that writes the log ended: {container.logs(tail=20).decode(errors='replace')}")
        time.sleep(1)
    sys.exit("The log was not written in time.")


def check(folder: Path) -> tuple[Run, int]:
    """The module as Ansible runs it on a host; its run, and how many 404s it counted."""
    arguments = folder / "arguments.json"
    wanted = {"instances": False, "containers": [NAME], "since": "start", "on_failure": "report"}
    arguments.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": wanted}))
    run = measure([sys.executable, "-m", MODULE, str(arguments)], len(os.sched_getaffinity(0)))
    said = json.loads(run.output)["containers"][0]
    if said["problem"] or said["cut_lines"]:
        sys.exit(f"The log was to be whole: {run.output[-2000:]}")
    return run, said["classes"]["http_404"]["count"]


def grep() -> tuple[Run, int]:
    command = ["bash", "-c", f"set -o pipefail; docker logs {NAME} 2>&1 | grep -cF '| 404 |'"]
    run = measure(command, len(os.sched_getaffinity(0)))
    return run, int(run.output)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--image")
    chosen = parser.parse_args()
    ratios, rates, memory = [], [], []
    with scene(chosen.image) as stage, tempfile.TemporaryDirectory() as name:
        size = write_log(stage, int(chosen.gigabytes * 1e9))
        for number in range(1, chosen.rounds + 1):
            (ours, counted), (theirs, expected) = check(Path(name)), grep()
            if counted != expected:
                sys.exit(f"The module counted {counted} lines with 404, grep {expected}.")
            rates.append(size / ours.seconds / 1e6)
            ratios.append(theirs.seconds / ours.seconds)
            memory.append(ours.memory)
            print(f"{number}. {size / 1e6:.0f} MB, {counted} x 404: log_check {ours.seconds:.1f} s,", end=" ")
            print(f"{rates[-1]:.0f} MB/s, {ours.memory} MiB; docker logs | grep -c {theirs.seconds:.1f} s,", end=" ")
            print(f"{size / theirs.seconds / 1e6:.0f} MB/s")
    print(f"log_check: {statistics.median(rates):.0f} MB/s; {min(rates):.0f} to {max(rates):.0f}.", end=" ")
    print(f"{statistics.median(ratios):.2f} of the speed of grep; {min(ratios):.2f} to {max(ratios):.2f}.", end=" ")
    print(f"Memory: {max(memory)} MiB at most.")


if __name__ == "__main__":
    main()
