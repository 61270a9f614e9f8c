#!/usr/bin/env python
"""A deep verification against the answers of the slowest instance: what asking all of them costs on top.

By default servers of one process (`--instances`, each on a port of its own) answer for `--models` models after
`--seconds` each, one after another per server, as a server that loads them does. The module probe asks them as Ansible
runs it, in a process of its own, and instance 1 is asked alone, in turns. With `--playbook` the playbook verify asks a
fleet that runs already, at the level deep; what follows `--` is for ansible-playbook (inventory, -e …), and the slowest
instance's answers are those of the fleet.json that it writes.

Usage: verify_deep.py [--instances 8] [--models 5] [--seconds 1] [--rounds 3]
       verify_deep.py --playbook [--rounds 3] -- -i hosts.yml
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from digest_check_speed import Run, measure

MODULE = "ansible_collections.corral.ollama.plugins.modules.probe"


def serve(instances: int, models: int, seconds: float, ready: Connection) -> None:
    """The servers, until the process is ended; says their ports."""
    listed = [
        {"name": f"model-{n}:7b", "digest": f"{n:064x}", "size": 1000, "capabilities": ["completion"]}
        for n in range(models)
    ]
    fixed = {"/api/version": {"version": "0.32.15"}, "/api/tags": {"models": listed}, "/api/ps": {"models": []}}
    answer = {"response": "x", "done": True, "eval_count": 4, "eval_duration": 1, "load_duration": 1}

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, turn: asyncio.Lock) -> None:
        while line := await reader.readline():
            path = line.split()[1].decode()
            headers = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            length = next((part for part in headers.split("\r\n") if part.startswith("content-length:")), ":0")
            await reader.readexactly(int(length.partition(":")[2]))
            if path == "/api/generate":
                async with turn:
                    await asyncio.sleep(seconds)
            body = json.dumps(fixed.get(path, answer)).encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body))
            writer.write(body)
            await writer.drain()
        writer.close()

    async def all_of_them() -> None:
        ports = []
        for _instance in range(instances):
            turn = asyncio.Lock()
            server = await asyncio.start_server(lambda r, w, turn=turn: talk(r, w, turn), "127.0.0.1", 0)
            ports.append(server.sockets[0].getsockname()[1])
        ready.send(ports)
        await asyncio.Event().wait()

    asyncio.run(all_of_them())


def probe(ports: list[int], models: int, folder: Path) -> tuple[Run, float]:
    """The module as Ansible runs it; the run, and the sum of the slowest server's own answers."""
    servers = [{"name": f"ollama-server-{n}", "url": f"http://127.0.0.1:{port}"} for n, port in enumerate(ports, 1)]
    wanted: dict[str, Any] = {"servers": servers, "models": [f"model-{n}:7b" for n in range(models)], "deep": True}
    arguments = folder / "arguments.json"
    arguments.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": {**wanted, "concurrency": len(ports)}}))
    run = measure([sys.executable, "-m", MODULE, str(arguments)], len(os.sched_getaffinity(0)))
    said = json.loads(run.output)
    if not said["ok"] or said["asked"] != len(ports) * models:
        sys.exit(f"Not every model was asked: {said['problems']}")
    return run, max(sum(model["seconds"] for model in result["models"]) for result in said["results"])


def playbook(options: list[str]) -> tuple[float, float]:
    """Seconds of the playbook, and of the slowest instance's own answers."""
    with tempfile.TemporaryDirectory() as folder:
        more = ["-e", json.dumps({"corral_verify_level": "deep", "corral_artifacts_dir": folder})]
        began = time.monotonic()
        subprocess.run(["ansible-playbook", "corral.ollama.verify", *options, *more], stdout=subprocess.DEVNULL)
        seconds = time.monotonic() - began
        fleet = json.loads((Path(folder) / "fleet.json").read_text())
    sums = [sum(model.get("seconds", 0.0) for model in entry["models"]) for entry in fleet["instances"]]
    print(f"  {len(sums)} instances, {fleet['summary']['asked']} answers, {fleet['summary']['problems']} problems")
    return seconds, max(sums)


def told(what: str, pairs: list[tuple[float, float]]) -> None:
    ratios = [wall / own for wall, own in pairs]
    print(
        f"{what}: {statistics.median(wall for wall, _own in pairs):.2f} s, the slowest instance's own answers"
        f" {statistics.median(own for _wall, own in pairs):.2f} s: {statistics.median(ratios):.2f}x"
        f" ({min(ratios):.2f}x to {max(ratios):.2f}x)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("instances", 8), ("models", 5), ("rounds", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--playbook", action="store_true")
    parser.add_argument("options", nargs="*")
    wanted = parser.parse_args()
    if wanted.playbook:
        told("verify deep", [playbook(wanted.options) for _round in range(wanted.rounds)])
        return
    here, there = multiprocessing.Pipe()
    shape = (wanted.instances, wanted.models, wanted.seconds)
    servers = multiprocessing.Process(target=serve, args=(*shape, there), daemon=True)
    servers.start()
    ports = here.recv()
    every: list[tuple[float, float]] = []
    alone: list[tuple[float, float]] = []
    cpu: list[float] = []
    try:
        with tempfile.TemporaryDirectory() as folder:
            for _round in range(wanted.rounds):
                run, own = probe(ports, wanted.models, Path(folder))
                every.append((run.seconds, own))
                cpu.append(run.processor)
                one, own = probe(ports[:1], wanted.models, Path(folder))
                alone.append((one.seconds, own))
    finally:
        servers.terminate()
    told(f"probe, {wanted.instances} instances x {wanted.models} models", every)
    told("probe, one instance alone", alone)
    print(f"processor time of the first: {statistics.median(cpu):.2f} s")


if __name__ == "__main__":
    main()
