# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A practice fleet that is watched: the exporter as a process, Prometheus and Alertmanager from the role monitoring.

Fleet, rules and scrape configuration are those of the roles; only the intervals are the caller's. Ports are loopback's.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
import yaml
from corral_practice import images  # whoever imports this has practice/lib on the path
from prometheus_client.parser import text_string_to_metric_families

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = ROOT / ".cache/practice/settings.yml"
MONITORING = Path(__file__).with_name("monitoring.yml")
PROGRAM = (
    "import sys; from ansible_collections.corral.ollama.plugins.module_utils.exporter.main import main; "
    "sys.exit(main(sys.argv[1:], 'lab'))"
)
PATIENCE = 60.0
Labels = Mapping[str, str]


@dataclass(frozen=True)
class Done:
    """One run of a playbook."""

    rc: int
    output: str
    seconds: float

    def ok(self) -> Done:
        if self.rc:
            raise RuntimeError(f"a playbook failed:\n{self.output[-5000:]}")
        return self


def until(met: Callable[[], Any], what: str, limit: float = PATIENCE) -> Any:
    """Wait for a condition, not for a time; gives what it gave."""
    end = time.monotonic() + limit
    while not (found := met()):
        if time.monotonic() > end:
            raise AssertionError(f"waited {limit:g} s: {what}")
        time.sleep(0.1)
    return found


@dataclass
class Watched:
    """`times` are the exporter's, `rules` of the role monitoring, `gpus` how many each server is said to have."""

    folder: Path
    project: str
    port: int
    models: Sequence[str]
    instances: int = 8
    gpus: int = 0
    times: Mapping[str, float] = field(default_factory=dict)
    rules: Mapping[str, Any] = field(default_factory=dict)
    fleet: Mapping[str, Any] = field(default_factory=dict)
    inventory: str = "inventories/local"
    exporter: subprocess.Popen[bytes] | None = None

    @property
    def names(self) -> list[str]:
        return [f"ollama-server-{number}" for number in range(1, self.instances + 1)]

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.port + int(name.rpartition('-')[2])}"

    @property
    def gateway(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ports(self) -> dict[str, int]:
        """Behind those of the gateway and the instances."""
        first = self.port + self.instances + 1
        return {
            name: first + number for number, name in enumerate(("exporter", "haproxy", "prometheus", "alertmanager"))
        }

    def at(self, what: str) -> str:
        return f"http://127.0.0.1:{self.ports[what]}"

    @property
    def store(self) -> Path:
        return Path(f"/var/lib/docker/volumes/{self.project}_models/_data")

    @property
    def variables(self) -> dict[str, Any]:
        """What every playbook is told."""
        return {
            "corral_project": self.project,
            "corral_base_port": self.port + 1,
            "corral_gateway_port": self.port,
            "corral_gateway_metrics_port": self.ports["haproxy"],
            "corral_instance_count": self.instances,
            "corral_models": list(self.models),
            "corral_artifacts_dir": str(self.folder / "artifacts"),
            "corral_exporter_port": self.ports["exporter"],
            "corral_prometheus_port": self.ports["prometheus"],
            "corral_alertmanager_port": self.ports["alertmanager"],
            "corral_prometheus_image": images.PROMETHEUS,
            "corral_alertmanager_image": images.ALERTMANAGER,
            **self.fleet,
        }

    @property
    def report(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "artifacts" / "fleet.json").read_text(encoding="utf-8")))

    def start(self, playbook: str, **more: Any) -> subprocess.Popen[str]:
        name = playbook if playbook.endswith(".yml") else f"corral.ollama.{playbook}"
        command = ["ansible-playbook", "-i", self.inventory, name]
        command += ["-e", json.dumps({**self.variables, **more})]
        env = {**os.environ, "ANSIBLE_NOCOLOR": "1"}
        return subprocess.Popen(command, cwd=ROOT, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def run(self, playbook: str, **more: Any) -> Done:
        began = time.monotonic()
        process = self.start(playbook, **more)
        output, _none = process.communicate()
        return Done(process.returncode, output, time.monotonic() - began)

    def expose(self) -> None:
        """Start the exporter with the file that its role would write."""
        practice = yaml.safe_load(SETTINGS.read_text(encoding="utf-8"))
        servers = [{"name": one, "url": self.url(one), "gpus": list(range(self.gpus))} for one in self.names]
        config = {
            "schema": 1,
            "project": self.project,
            "servers": servers,
            "models": list(self.models),
            "residents": [],
            "image": practice["corral_image"],
            "store_path": str(self.store),
            "state_dir": f"/var/lib/corral/{self.project}",
            "address": "127.0.0.1",
            "port": self.ports["exporter"],
            "times": dict(self.times),
        }
        file = self.folder / "exporter.json"
        file.write_text(json.dumps(config), encoding="utf-8")
        with open(self.folder / "exporter.log", "ab") as log:
            self.exporter = subprocess.Popen([sys.executable, "-c", PROGRAM, str(file)], stderr=log, stdout=log)
        until(lambda: self.ended or self.reads(), "the exporter answers")
        if self.ended:
            raise RuntimeError(f"the exporter ended: {(self.folder / 'exporter.log').read_text()[-3000:]}")

    @property
    def ended(self) -> bool:
        return self.exporter is None or self.exporter.poll() is not None

    @property
    def memory(self) -> int:
        """Bytes of the exporter that are in memory now."""
        pages = Path(f"/proc/{self._pid}/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    @property
    def cpu(self) -> float:
        """Seconds of the processor that it took so far."""
        fields = Path(f"/proc/{self._pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def _pid(self) -> int:
        return self.exporter.pid if self.exporter else 0

    def reads(self) -> bool:
        try:
            return requests.get(self.at("exporter") + "/metrics", timeout=10).ok
        except requests.RequestException:
            return False

    def samples(self) -> list[Any]:
        text = requests.get(self.at("exporter") + "/metrics", timeout=10).text
        return [sample for family in text_string_to_metric_families(text) for sample in family.samples]

    def query(self, expression: str) -> list[dict[str, Any]]:
        answer = requests.get(self.at("prometheus") + "/api/v1/query", params={"query": expression}, timeout=10)
        answer.raise_for_status()
        return list(answer.json()["data"]["result"])

    def firing(self) -> list[Labels]:
        """What Alertmanager has been told."""
        answer = requests.get(self.at("alertmanager") + "/api/v2/alerts", params={"active": "true"}, timeout=10)
        answer.raise_for_status()
        return [
            alert["labels"]
            for alert in answer.json()
            if alert["endsAt"] > time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        ]

    def fault(self, name: str, **faults: Any) -> None:
        requests.put(self.url(name) + "/practice/faults", json=faults, timeout=10).raise_for_status()

    def ask(self, name: str, model: str, **more: Any) -> int:
        """A client's request, to the instance itself; the status of its answer."""
        body = {"model": model, "prompt": "Hello", "stream": False, "options": {"num_predict": 2}, **more}
        return requests.post(self.url(name) + "/api/generate", json=body, timeout=30).status_code

    def monitor(self) -> None:
        self.run(str(MONITORING), **self.rules).ok()

    def stop_exporter(self) -> None:
        if self.exporter and self.exporter.poll() is None:
            self.exporter.terminate()
            self.exporter.wait(20)

    def leave(self) -> None:
        """The fleet stays, unwatched."""
        self.stop_exporter()
        self.run(str(MONITORING), monitoring_enabled=False).ok()

    def end(self) -> None:
        self.leave()
        self.run("teardown", corral_remove_store=True).ok()


@contextmanager
def watching(watched: Watched) -> Iterator[Watched]:
    """The fleet is deployed and verified, the exporter and Prometheus read it; all of it goes again at the end."""
    try:
        watched.run("site").ok()
        watched.expose()
        watched.monitor()
        yield watched
    finally:
        watched.end()
