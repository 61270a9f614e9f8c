# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An engine whose generator is a thread of ours: it reads what the module wrote and writes what a script says."""

from __future__ import annotations

import json
import threading
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest import mock

import docker
from ansible_collections.corral.ollama.plugins.module_utils.engine import load_generator as engine
from ansible_collections.corral.ollama.plugins.module_utils.glue import load_files
from ansible_collections.corral.ollama.plugins.module_utils.glue import load_test as glue
from ansible_collections.corral.ollama.plugins.modules import load_test
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import run_module

IMAGE = "locustio/locust:2.47.0"
GENERATOR = {"locustfile.py": "# locust\n", "load_client.py": "# client\n"}
TOLD = {"started_at": 1795302000.5, "seconds": 3.2, "most_waiting": 1, "late": 0, "lag": 0.001, "aborted": ""}


class Engine:
    """``play(folder in, folder out)`` is what the generator does; after it the container has ended with ``code``."""

    def __init__(self, play=None, code=0, left=(), said=b"", oom=False, ends=True):
        self.play, self.code, self.said, self.oom, self.ends = play or (lambda _plan, _out: None), code, said, oom, ends
        self.left, self.made, self.removed, self.thread = list(left), None, [], None

    def containers(self, all=False, filters=None):
        assert all
        assert filters == {"label": ["corral.project=ollama", engine.LABEL]}
        return self.left

    def create_host_config(self, **given):
        return given

    def create_container(self, image, command, **given):
        if image != IMAGE:
            raise docker.errors.ImageNotFound(f"No such image: {image}")
        self.made = {"image": image, "command": command, **given}
        return {"Id": "generator"}

    def start(self, _container):
        plan, out = (Path(bind.split(":")[0]) for bind in self.made["host_config"]["binds"])
        self.thread = threading.Thread(target=self.play, args=(plan, out))
        self.thread.start()

    def inspect_container(self, _container):
        running = self.thread.is_alive() or not self.ends
        return {"State": {"Running": running, "ExitCode": self.code, "OOMKilled": self.oom}}

    def logs(self, _container, **_more):
        return self.said

    def remove_container(self, container, **given):
        assert given == {"force": True, "v": True}
        self.removed.append(container)


def answering(*records, **told):
    """A generator that writes these records, or a good one for each line of its schedule."""

    def play(plan, out):
        lines = (plan / "schedule.txt").read_text().splitlines()
        good = [
            {
                "n": n,
                "at": float(line.split()[0]),
                "mix": int(line.split()[1]),
                "target": int(line.split()[2]),
                "wait": 0.0,
            }
            | {"class": "ok", "status": 200, "took": 0.25, "tokens": 4}
            for n, line in enumerate(lines)
        ]
        written = list(records) or good
        (out / "requests.jsonl").write_text("".join(json.dumps(one) + "\n" for one in written))
        known = {**TOLD, "dispatched": len(written), "done": len(written), "failed": 0, "finished": True, **told}
        (out / "progress.json").write_text(json.dumps(known))

    return play


@contextmanager
def generating(engine_double, tmp_path):
    """A function that runs the module against that engine, as a user who may not give files away."""

    def test(**options):
        target = {"name": "gateway", "url": "http://127.0.0.1:1"}
        given = {"path": str(tmp_path / "load"), "image": IMAGE, "targets": [target], "generator": GENERATOR}
        mix = {"mix": [{"model": "mistral:7b", "kind": "generate"}], "duration": 2.0, "rate": 5.0}
        check = options.pop("check", False)
        return run_module(load_test, {**given, **mix, **options}, check=check)

    with ExitStack() as patches:
        patches.enter_context(mock.patch.object(glue, "connect", return_value=engine_double))
        patches.enter_context(mock.patch.object(glue, "_POLL", 0.01))
        patches.enter_context(mock.patch.object(load_files.os, "chown", return_value=None))
        yield test
