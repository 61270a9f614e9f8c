# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on the test host: situation.py IMAGE REGISTRY-ADDRESS. Eight servers, each of which pulls for itself.

All at once, into where they serve. Some pulls are cut or stand still, one ends well with wrong bytes, and two servers
fall silent for a model. Nobody looks at how a pull ended: that is the situation.
"""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

MODELS = LLAMA, LLAVA, NOMIC = ("llama3.2:3b", "llava:7b", "nomic-embed-text:v1.5")
FOR_GOOD = 100_000
FAULTS = {
    2: {"cut_pull": {"model": LLAMA, "after": 20_000_000, "attempts": FOR_GOOD}},
    3: {"stall_pull": {"model": LLAVA, "after": 1_000_000}},
    4: {"hang_generate": {"model": LLAMA}},
    5: {"wrong_bytes": {"model": LLAVA, "when": "after_success"}},
    7: {"cut_pull": {"model": NOMIC, "after": 50_000, "attempts": FOR_GOOD}},
    8: {"hang_generate": {"model": LLAVA}},
}
SETTINGS = {"SSL_CERT_FILE": "/ca.pem", "PRACTICE_STALL_SECONDS": "1", "PRACTICE_RETRY_SCALE": "0.01"}
PATIENCE = 60
#: Of the pull that stands still: somebody presses Ctrl-C in the end.
STANDS_STILL, SHORT = (3, LLAVA), 8


def docker(*words, check=True):
    return subprocess.run(["docker", *words], check=check, capture_output=True, text=True)


def start(number, image, address):
    hosts = [f"--add-host={name}:{address}" for name in ("registry.ollama.ai", "blobs.practice.corral")]
    settings = {**SETTINGS, "PRACTICE_FAULTS": json.dumps(FAULTS.get(number, {}))}
    env = [f"--env={name}={value}" for name, value in settings.items()]
    volumes = [f"--volume=old_{number}:/root/.ollama", "--volume=/etc/corral-practice/ca.pem:/ca.pem:ro"]
    usual = ["--detach", "--init", "--restart=always", f"--publish=127.0.0.1:{11433 + number}:11434"]
    docker("run", *usual, f"--name=old-ollama-{number}", *hosts, *env, *volumes, image)


def fill(number):
    for model in MODELS:
        limit = str(SHORT if (number, model) == STANDS_STILL else PATIENCE)
        docker("exec", f"old-ollama-{number}", "timeout", limit, "ollama", "pull", model, check=False)


def main():
    image, address = sys.argv[1:]
    for number in range(1, 9):
        start(number, image, address)
    with ThreadPoolExecutor(8) as at_once:
        list(at_once.map(fill, range(1, 9)))


main()
