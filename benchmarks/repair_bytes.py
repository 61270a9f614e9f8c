#!/usr/bin/env python
"""What a repair fetches against what was damaged, and how long it takes from the finding until all serve again.

Deploys a practice fleet of its own (ports from 26434), and in each round damages the store (one byte of some weights, a
config that several models share, a params layer cut short, a manifest emptied), lets a scrub find it, and times the
playbook `repair`, which ends when every instance has answered with every repaired model. The bytes are those that the
practice registry says that it sent. Usage: repair_bytes.py [--rounds 3] [--instances 2]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from scene import playbook  # first: it makes the practice library importable

from corral_practice.front import Front  # isort: skip

MODELS = ["llama3.2:3b", "mistral:7b", "nomic-embed-text:v1.5"]
PROJECT = "corralrepair"


def variables(instances: int) -> tuple[str, ...]:
    fleet = {"corral_project": PROJECT, "corral_base_port": 26434, "corral_instance_count": instances}
    site = Front().site.url
    endpoints = {"corral_registry_endpoints": dict.fromkeys(("registry.ollama.ai", "blobs.practice.corral"), site)}
    return (json.dumps({**fleet, **endpoints, "corral_models": MODELS}),)


def store() -> Path:
    inspected = subprocess.check_output(["docker", "volume", "inspect", f"{PROJECT}_models"], text=True)
    return Path(json.loads(inspected)[0]["Mountpoint"])


def damage(root: Path) -> dict[str, int]:
    """Harm blobs of all kinds and a manifest; gives the size of each blob that is damaged now."""
    manifests = root / "manifests/registry.ollama.ai/library"
    hurt: dict[str, int] = {}

    def blob(entry: dict[str, object]) -> Path:
        digest = str(entry["digest"]).partition(":")[2]
        hurt[digest] = int(str(entry["size"]))
        return root / f"blobs/sha256-{digest}"

    first = json.loads((manifests / "mistral/7b").read_text())
    with blob(first["layers"][0]).open("r+b") as file:
        file.seek(-100, 2)
        byte = file.read(1)
        file.seek(-100, 2)
        file.write(bytes([byte[0] ^ 1]))
    blob(first["config"]).unlink()
    second = json.loads((manifests / "llama3.2/3b").read_text())
    smallest = min(second["layers"], key=lambda layer: int(layer["size"]))
    with blob(smallest).open("r+b") as file:
        file.truncate(1)
    (manifests / "nomic-embed-text/v1.5").write_bytes(b"")
    return hurt


def fetched(since: float) -> int:
    """Bytes of blobs that the registry has sent to the modules of the collection."""
    mine = (line for line in Front().requests() if line["agent"] == "corral.ollama" and line["at"] >= since)
    return sum(int(line["bytes"]) for line in mine if line["uri"].startswith("/sha256/"))


def one_round(fleet: tuple[str, ...]) -> tuple[float, float]:
    """(bytes fetched / bytes damaged, seconds from the finding until all serve again)."""
    hurt, begun = damage(store()), time.time()
    playbook("scrub", *fleet, json.dumps({"scrub_fail": False}))
    seconds, _output = playbook("repair", *fleet)
    sent, size = fetched(begun), sum(hurt.values())
    playbook("verify", *fleet, json.dumps({"corral_verify_level": "deep"}))
    print(
        f"{size:,} bytes damaged, {sent:,} fetched: {sent / size:.6f}; all serve again after {seconds:.1f} s",
        flush=True,
    )
    return sent / size, seconds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--instances", type=int, default=2)
    options = parser.parse_args()
    fleet = variables(options.instances)
    try:
        playbook("site", *fleet)
        rounds = [one_round(fleet) for _round in range(options.rounds)]
    finally:
        playbook("teardown", *fleet, "teardown_store=true")
    ratio, seconds = (statistics.median(column) for column in zip(*rounds))
    print(f"{options.instances} instances: bytes fetched / bytes damaged {ratio:.6f} (goal 1.0), {seconds:.1f} s")
    return 0 if ratio == 1.0 else 1


if __name__ == "__main__":
    sys.exit(main())
