"""What the benchmarks share: a store in a Docker volume, servers on it, and the practice registry as the source.

Everything is named and labelled `corral-bench` and removed at the end, also after a failure. Traffic goes to
loopback only. The image is `--image`, by default the practice server; `make practice` must have run.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
import requests
import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "practice/lib"))

LABEL = {"corral.bench": "true"}
SETTINGS = ROOT / ".cache/practice/settings.yml"


def settings() -> dict[str, Any]:
    if not SETTINGS.exists():
        sys.exit("The practice fleet is not there: run `make practice` first.")
    return dict(yaml.safe_load(SETTINGS.read_text(encoding="utf-8")))


@dataclass
class Scene:
    """Servers and volumes of one benchmark."""

    image: str
    client: Any = field(default_factory=docker.from_env)
    made: list[Any] = field(default_factory=list)

    def store(self, name: str) -> Path:
        """A volume that is ready for readers; gives its path on this host."""
        volume = self.client.volumes.create(f"corral-bench-{name}", labels=LABEL)
        self.made.append(volume)
        path = Path(volume.attrs["Mountpoint"])
        for folder in ("blobs", "manifests"):
            (path / folder).mkdir(exist_ok=True)
        return path

    def server(
        self, name: str, store: str, *, mode: str = "ro", models: str = "/root/.ollama/models", port: int | None = None
    ) -> str:
        """A server on that store; gives its base URL. Without a port of its own it gets another one at each start."""
        practice = settings()
        ca = practice["corral_registry_ca_path"]
        target = "/store" if models.startswith("/store") else "/root/.ollama/models"
        container = self.client.containers.run(
            self.image,
            name=f"corral-bench-{name}",
            detach=True,
            init=True,
            labels=LABEL,
            network=practice["corral_puller_networks"][0],
            ports={"11434/tcp": ("127.0.0.1", port)},
            environment={"OLLAMA_NOPRUNE": "1", "OLLAMA_MODELS": models, "SSL_CERT_FILE": "/ca.pem"},
            volumes={f"corral-bench-{store}": {"bind": target, "mode": mode}, ca: {"bind": "/ca.pem", "mode": "ro"}},
        )
        self.made.append(container)
        container.reload()
        url = f"http://127.0.0.1:{container.ports['11434/tcp'][0]['HostPort']}"
        wait_for(url)
        return url

    def remove(self) -> None:
        for thing in reversed(self.made):
            with contextlib.suppress(docker.errors.APIError):
                thing.remove(force=True)


@contextlib.contextmanager
def scene(image: str | None) -> Iterator[Scene]:
    stage = Scene(image or settings()["corral_image"])
    try:
        yield stage
    finally:
        stage.remove()


def wait_for(url: str, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(requests.RequestException):
            if requests.get(f"{url}/api/version", timeout=2).ok:
                return
        time.sleep(0.05)
    raise RuntimeError(f"{url} did not answer within {seconds:g} s")


def pull(url: str, name: str) -> None:
    """A bare `POST /api/pull`, as a person would do it, but for reading its answer."""
    with requests.post(f"{url}/api/pull", json={"model": name}, stream=True, timeout=600) as answer:
        last = {}
        for line in answer.iter_lines():
            last = json.loads(line)
            if "error" in last:
                raise RuntimeError(f"{name}: {last['error']}")
    if last.get("status") != "success":
        raise RuntimeError(f"{name}: the stream ended with {last}")


def playbook(name: str, *variables: str, inventory: str = "inventories/local") -> tuple[float, str]:
    """Run a playbook of the collection, or a file; gives seconds and output, fails loudly."""
    command = ["ansible-playbook", "-i", inventory, name if name.endswith(".yml") else f"corral.ollama.{name}"]
    for variable in variables:
        command += ["-e", variable]
    begun = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - begun
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout[-4000:]}{done.stderr[-2000:]}")
    return seconds, done.stdout
