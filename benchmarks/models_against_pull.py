#!/usr/bin/env python
"""Pull, hash and publish (role `models` on a running fleet) against a bare `POST /api/pull` of the same models.

Makes models of random bytes in the practice registry (by default 3 of 400 MB), deploys two instances without
models, then times in turn, `--rounds` times, the bare pull into an empty store and the role: both and the ratio.
Usage: models_against_pull.py [--models 3] [--megabytes 400] [--rounds 3]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from scene import playbook, pull, scene  # first: it makes the practice library importable

from corral_practice.models import OLLAMA, Layer, Model, Weights, model_of  # isort: skip
from corral_practice.oci import Registry  # isort: skip

FLEET = ("corral_project=corralbench", "corral_base_port=23434", "corral_instance_count=2")


def random_model(folder: Path, index: int, megabytes: int) -> Model:
    """A model whose weights are random bytes: it is carried, never loaded."""
    path, digest = folder / str(index), hashlib.sha256()
    with path.open("wb") as stream:
        for _megabyte in range(megabytes):
            piece = os.urandom(1_000_000)
            digest.update(piece)
            stream.write(piece)
    layer = Layer(f"{OLLAMA}.model", digest.hexdigest(), megabytes * 1_000_000, path=path)
    return model_of(Weights(layer, "llama", megabytes * 500_000), template="{{ .Prompt }}")


def bare(names: list[str], turn: int) -> float:
    """Seconds of plain pulls into an empty store."""
    with scene(None) as stage:
        stage.store(f"bare{turn}")
        url = stage.server(f"bare{turn}", f"bare{turn}", mode="rw")
        begun = time.monotonic()
        for name in names:
            pull(url, name)
        return time.monotonic() - begun


def corral(names: list[str]) -> float:
    """Seconds of the role on a fleet that runs, from an empty store."""
    playbook("teardown", *FLEET, "teardown_store=true")
    playbook("deploy", *FLEET, json.dumps({"corral_models": []}))
    return playbook("benchmarks/models.yml", *FLEET, json.dumps({"corral_models": names}))[0]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=int, default=3)
    parser.add_argument("--megabytes", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    registry = Registry("https://127.0.0.1:5443")
    names = [f"bench-carry:{index}" for index in range(options.models)]
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        for index, name in enumerate(names):
            registry.push(name, random_model(Path(folder), index, options.megabytes))
    try:
        ratios = []
        for turn in range(options.rounds):
            plain, role = bare(names, turn), corral(names)
            ratios.append(role / plain)
            print(f"bare pull {plain:6.1f} s   role models {role:6.1f} s   ratio {role / plain:.2f}", flush=True)
        total = options.models * options.megabytes
        print(f"{options.models} models, {total} MB: median ratio {statistics.median(ratios):.2f}")
    finally:
        playbook("teardown", *FLEET, "teardown_store=true")
        for name in names:
            registry.delete(name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
