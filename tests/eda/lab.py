# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A practice fleet of one host, and the real ansible-rulebook that listens for what Alertmanager would send."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import yaml

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = ROOT / ".cache/practice/settings.yml"
PROJECT, HOST, PORT = "corraleda", "gpu1", 26830
MODEL, TOKEN = "nomic-embed-text:v1.5", "a-token-of-the-lab"
PATIENCE = 240.0


def until(met: Callable[[], Any], what: Callable[[], str]) -> Any:
    """Wait for a condition, not for a time; gives what it gave."""
    end = time.monotonic() + PATIENCE
    while not (found := met()):
        if time.monotonic() > end:
            raise AssertionError(f"waited {PATIENCE:g} s:\n{what()}")
        time.sleep(0.1)
    return found


@dataclass
class Lab:
    folder: Path
    listener: subprocess.Popen[bytes] | None = None
    port: int = 0
    scheme: str = "http"

    @property
    def inventory(self) -> Path:
        return self.folder / "hosts.yml"

    @property
    def store(self) -> Path:
        return Path(f"/var/lib/docker/volumes/{PROJECT}_models/_data")

    @property
    def state(self) -> Path:
        return Path(f"/var/lib/corral/{PROJECT}")

    @property
    def log(self) -> str:
        return (self.folder / "listener.log").read_text(errors="replace")

    def policy(self, **variables: Any) -> None:
        """The inventory, which ansible-rulebook copies for each run: a listener need not start again for it."""
        known = {
            **yaml.safe_load(SETTINGS.read_text()),
            "corral_project": PROJECT,
            "corral_base_port": PORT,
            "corral_instance_count": 1,
            "corral_gateway": False,
            "corral_models": [MODEL],
            # One of one: nobody else serves meanwhile, and nothing has to be watched.
            "corral_min_healthy_time": 0,
            "corral_canary_healthy_time": 0,
            "corral_artifacts_dir": str(self.folder / "artifacts"),
            **variables,
        }
        host = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        text = yaml.safe_dump({"ollama_hosts": {"hosts": {HOST: host}, "vars": known}})
        self.inventory.write_text(text)

    def play(self, playbook: str, **variables: Any) -> None:
        command = [
            "ansible-playbook",
            "-i",
            str(self.inventory),
            f"corral.ollama.{playbook}",
            "-e",
            json.dumps(variables),
        ]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-5000:] + done.stderr

    def listen(self, tls: bool = False) -> None:
        """Start a rulebook by its full name, as the guide says."""
        self.hang_up()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        told = {"corral_eda_token": TOKEN, "corral_eda_port": self.port, **(self._certificate() if tls else {})}
        (self.folder / "eda.yml").write_text(yaml.safe_dump(told))
        self.scheme = "https" if tls else "http"
        java = subprocess.run(["tools/java"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()
        environment = {
            **os.environ,
            "JAVA_HOME": java,
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_NOCOLOR": "1",
        }
        command = [
            "ansible-rulebook",
            "--rulebook",
            f"corral.ollama.respond{'_tls' if tls else ''}",
            "-i",
            str(self.inventory),
        ]
        command += ["--vars", str(self.folder / "eda.yml")]
        with (self.folder / "listener.log").open("ab") as log:
            self.listener = subprocess.Popen(
                command, cwd=self.folder, env=environment, stdout=log, stderr=log, start_new_session=True
            )
        until(self._answers, lambda: self.log)

    def _answers(self) -> bool:
        assert self.listener is not None
        assert self.listener.poll() is None, self.log
        try:
            return requests.get(self.url, timeout=30, verify=self.trusted).status_code == 401
        except requests.RequestException:
            return False

    @property
    def url(self) -> str:
        return f"{self.scheme}://localhost:{self.port}/alerts"

    @property
    def trusted(self) -> str:
        return str(self.folder / "cert.pem")

    def _certificate(self) -> dict[str, str]:
        key = str(self.folder / "key.pem")
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
        command += ["-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", self.trusted]
        subprocess.run(command, check=True, capture_output=True)
        return {"corral_eda_certfile": self.trusted, "corral_eda_keyfile": key, "corral_eda_bind_address": "127.0.0.1"}

    def hang_up(self) -> None:
        """Killed, not asked: what was done has to be known all the same."""
        if self.listener is not None:
            os.killpg(self.listener.pid, signal.SIGKILL)
            self.listener.wait()
            self.listener = None

    def post(self, *alerts: dict[str, Any], token: str = TOKEN) -> int:
        """A message as Alertmanager sends it."""
        body = {"version": "4", "groupKey": "{}", "status": "firing", "receiver": "corral", "alerts": list(alerts)}
        headers = {"Authorization": f"Bearer {token}"}
        return requests.post(self.url, json=body, headers=headers, timeout=60, verify=self.trusted).status_code

    def runs(self) -> int:
        return self.log.count("PLAY RECAP")

    def after(self, *alerts: dict[str, Any], runs: int = 1) -> str:
        """What the listener's next runs say, in one line: Ansible folds what is long."""
        before, known = self.runs(), len(self.log)
        assert self.post(*alerts) == 200
        until(lambda: self.runs() >= before + runs, lambda: self.log[known:][-5000:])
        return " ".join(self.log[known:].split())

    def record(self) -> list[dict[str, Any]]:
        path = self.state / "responses.json"
        return list(json.loads(path.read_text())["responses"]) if path.exists() else []

    def weights(self) -> Path:
        name, _colon, tag = MODEL.partition(":")
        manifest = json.loads((self.store / "manifests/registry.ollama.ai/library" / name / tag).read_text())
        layer = next(layer for layer in manifest["layers"] if layer["mediaType"].endswith("image.model"))
        return Path(self.store / "blobs" / layer["digest"].replace(":", "-"))


def alert(name: str, status: str = "firing", **labels: str) -> dict[str, Any]:
    known = {"alertname": name, "host": HOST, "project": PROJECT, "severity": "critical", **labels}
    return {
        "status": status,
        "labels": known,
        "annotations": {},
        "startsAt": "2026-11-22T00:00:00Z",
        "fingerprint": "0",
    }


@contextmanager
def lab(folder: Path) -> Iterator[Lab]:
    found = Lab(folder)
    found.policy()
    try:
        found.play("deploy")
        found.listen()
        yield found
    finally:
        found.hang_up()
        found.play("teardown", corral_remove_store=True)
