# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on the test host: old_layout.py IMAGE REGISTRY-ADDRESS. Starts eight servers as people do, and fills them.

One server pulls; the others get copies (no hard links: the bytes lie there eight times), and then each its own damage.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

LLAMA, LLAVA = "llama3.2/3b", "llava/7b"
NAMES = {n: f"tsa_ollama_{n}" for n in range(1, 7)} | {7: "old_7", 8: "old_8"}
TREES = {n: Path(f"/var/lib/docker/volumes/{name}/_data/models") for n, name in NAMES.items()}


def docker(*words):
    return subprocess.run(["docker", *words], check=True, capture_output=True, text=True).stdout


def manifest(number, model):
    return TREES[number] / "manifests/registry.ollama.ai/library" / model


def weights(number, model):
    layers = json.loads(manifest(number, model).read_text())["layers"]
    digest = next(layer["digest"] for layer in layers if layer["mediaType"].endswith("image.model"))
    return TREES[number] / "blobs" / digest.replace(":", "-")


def put_blob(number, data):
    digest = hashlib.sha256(data).hexdigest()
    (TREES[number] / "blobs" / f"sha256-{digest}").write_bytes(data)
    return {"digest": f"sha256:{digest}", "size": len(data)}


def flip(path):
    with open(path, "r+b") as file:
        file.seek(-9, os.SEEK_END)
        byte = file.read(1)[0]
        file.seek(-9, os.SEEK_END)
        file.write(bytes([byte ^ 1]))


def start(image, address):
    docker("compose", "--file", "/srv/tsa/compose.yml", "up", "--detach")
    hosts = [f"--add-host={name}:{address}" for name in ("registry.ollama.ai", "blobs.practice.corral")]
    for number, policy in ((7, "always"), (8, "on-failure:3")):
        ports, data = f"127.0.0.1:{11433 + number}:11434", f"old_{number}:/root/.ollama"
        name, restart = f"old-ollama-{number}", f"--restart={policy}"
        docker("run", "--detach", "--init", "--name", name, restart, *hosts, "-p", ports, "-v", data, image)


def pull(model):
    for _again in range(100):
        done = subprocess.run(
            ["docker", "exec", "old-ollama-1", "ollama", "pull", model], capture_output=True, text=True
        )
        if done.returncode == 0:
            return
        time.sleep(0.2)
    raise SystemExit(done.stdout + done.stderr)


def another_llava(number):
    """The same tag with another content, pulled days ago."""
    path = manifest(number, LLAVA)
    document = json.loads(path.read_text())
    document["layers"] = [layer for layer in document["layers"] if not layer["mediaType"].endswith("license")]
    path.write_text(json.dumps(document))
    long_ago = time.time() - 3 * 86400
    os.utime(path, (long_ago, long_ago))


def fine_tuned(number):
    """A model that only this server has, and nobody declares."""
    path = TREES[number] / "manifests/registry.ollama.ai/acme/finetune/latest"
    document = json.loads(manifest(number, LLAVA).read_text())
    prompt = put_blob(number, b"Answer as Acme would.")
    document["layers"].append({"mediaType": "application/vnd.ollama.image.system", **prompt})
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(document))


def damage():
    another_llava(2)
    with open(weights(3, LLAMA), "r+b") as file:
        file.truncate(1_000_000)
    half = weights(4, LLAMA)
    half.rename(f"{half}-partial")
    Path(f"{half}-partial-0").write_text('{"N":0,"Offset":0,"Size":100,"Completed":50}')
    flip(weights(5, LLAVA))
    (TREES[5] / "blobs" / "notes.txt").write_text("a stray file")
    shutil.rmtree(TREES[6] / "manifests")
    # the first source in order is damaged, so that its copy is tried, and passed over
    flip(weights(7, LLAMA))
    fine_tuned(8)


def main():
    image, address = sys.argv[1:]
    start(image, address)
    for model in ("llava:7b", "llama3.2:3b"):
        pull(model)
    for number, tree in TREES.items():
        if number != 1:
            shutil.rmtree(tree, ignore_errors=True)
            subprocess.run(["cp", "-a", str(TREES[1]), str(tree)], check=True)
    damage()
    docker("stop", "old-ollama-6")


main()
