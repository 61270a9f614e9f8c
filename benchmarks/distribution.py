#!/usr/bin/env python
"""One download for a fleet: the bytes that the registry sends, and the time, against each host pulling by itself.

Makes a model of random bytes in the practice registry (2 GB unless said otherwise) and brings it to 1, 2, 4 and 8
practice hosts with the roles `model_store` and `models`. A practice host is a store of its own, with a peer server of
its own, on the one engine of this machine; its line is a limit of its rate (`--link`), to the registry and between
the hosts alike. The bytes are those that the practice registry says that it sent. What Ansible itself takes is
measured with a model of 1 MB, and shown. For comparison each host pulls by itself, without any limit.

Usage: distribution.py [--megabytes 2000] [--link 25000000] [--hosts 1 2 4 8] [--alone 1 8]
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from scene import playbook  # first: it makes the practice library importable

from corral_practice.front import Front  # isort: skip
from corral_practice.models import Model  # isort: skip
from corral_practice.oci import Registry  # isort: skip
from corral_practice.up import settings  # isort: skip
from models_against_pull import random_model  # isort: skip

NAME, TINY = "corral-distribution:bench", "corral-distribution:tiny"
PROJECT = "corraldist"
PORT = 27480


def inventory(folder: Path, count: int) -> str:
    """Hosts of their own projects, all of them this machine."""
    hosts = {
        f"host{number}": {"corral_project": f"{PROJECT}{number}", "corral_peer_port": PORT + number}
        for number in range(1, count + 1)
    }
    shared = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "corral_peer_address": "127.0.0.1",
    }
    path = folder / f"{count}.json"
    path.write_text(json.dumps({"ollama_hosts": {"vars": shared, "hosts": hosts}}))
    return str(path)


def forget_stores(count: int) -> None:
    for number in range(1, count + 1):
        subprocess.run(["docker", "volume", "rm", "-f", f"{PROJECT}{number}_models"], check=True, capture_output=True)


def sent(model: Model) -> int:
    """Bytes of the model's blobs that the registry has ever sent."""
    served = Front().bytes_by_blob()
    return sum(served.get(blob.digest, 0) for blob in model.blobs)


def run(folder: Path, name: str, model: Model, count: int, **more: object) -> tuple[float, int]:
    """Seconds from empty stores until every host has the model, and the bytes that the registry sent for it."""
    forget_stores(count)
    before = sent(model)
    variables = {**settings(Front().site), "corral_models": [name], **more}
    try:
        seconds, _output = playbook(
            str(Path(__file__).with_suffix(".yml")), json.dumps(variables), inventory=inventory(folder, count)
        )
        return seconds, sent(model) - before
    finally:
        forget_stores(count)


def together(folder: Path, model: Model, tiny: Model, count: int, link: int) -> bool:
    """One download for so many hosts; whether the registry sent each byte once."""
    limits = {"corral_distribution": True, "corral_distribution_bytes_per_second": link}
    unique = sum(blob.size for blob in model.blobs)
    seconds, bytes_sent = run(folder, NAME, model, count, **limits)
    ansible, _bytes = run(folder, TINY, tiny, count, **limits)
    waves, copy = math.ceil(math.log2(count)) + 1, unique / link
    print(
        f"{count} hosts: upstream / unique bytes {bytes_sent / unique:.6f} (goal 1.0), {seconds:.1f} s in {waves}"
        f" waves, {seconds / waves / copy:.2f} of one copy at the line's speed ({copy:.1f} s) per wave (goal 1.3);"
        f" {ansible:.1f} s of it are Ansible's, without them {(seconds - ansible) / waves / copy:.2f}",
        flush=True,
    )
    return bytes_sent == unique


def alone(folder: Path, model: Model, count: int, link: int) -> None:
    """Each host pulls by itself."""
    unique = sum(blob.size for blob in model.blobs)
    seconds, bytes_sent = run(folder, NAME, model, count)
    print(
        f"{count} hosts, each by itself and without limits: upstream / unique bytes {bytes_sent / unique:.6f},"
        f" {seconds:.1f} s; over one line of that speed {count * unique / link:.1f} s at least",
        flush=True,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=2000)
    parser.add_argument("--link", type=int, default=25_000_000, help="bytes a second of a host's line")
    parser.add_argument("--hosts", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--alone", type=int, nargs="*", default=[1, 8], help="numbers of hosts that pull by themselves")
    options = parser.parse_args()
    os.environ["ANSIBLE_FORKS"] = str(max(options.hosts))
    registry = Registry(Front().site.url)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model, tiny = random_model(folder, 0, options.megabytes), random_model(folder, 1, 1)
        try:
            registry.push(NAME, model)
            registry.push(TINY, tiny)
            good = [together(folder, model, tiny, count, options.link) for count in options.hosts]
            for count in options.alone:
                alone(folder, model, count, options.link)
        finally:
            registry.delete(NAME)
            registry.delete(TINY)
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
