"""A crowd of inventory hosts that are one container: sshd as on real hosts, and recorded answers instead of modules."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
from scene import LABEL, settings

IMAGE = "corral-practice/host:trixie"
NAME = "corral-bench-crowd"
MODELS = ["mistral:7b", "llama3.2:3b", "codellama:7b", "llava:7b", "nomic-embed-text:v1.5"]
SSHD = (
    "mkdir -p /run/sshd && exec /usr/sbin/sshd -D -e -h /bench/host_key -o AuthorizedKeysFile=/bench/key.pub "
    "-o StrictModes=no -o MaxStartups=1000"
)


@dataclass
class Crowd:
    """`folder` is empty and its path short: SSH's sockets lie below it."""

    folder: Path
    fleet: dict[str, Any]
    container: Any = None
    bench: Path = field(init=False)

    def __post_init__(self) -> None:
        self.bench = self.folder / "bench"
        (self.bench / "answers").mkdir(parents=True)
        self.sockets.mkdir(mode=0o700)
        shutil.copy(Path(__file__).with_name("recorded_host.py"), self.bench)
        for key in ("host_key", "key"):
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.bench / key]
            subprocess.run(command, check=True)

    def recorder(self) -> Path:
        """This machine as a host of which every answer is kept."""
        (self.bench / "python").write_text(sys.executable, encoding="utf-8")
        return self._inventory("recorder", 1, self.bench, {"ansible_connection": "local"})

    def start(self) -> None:
        (self.bench / "python").unlink()
        self.container = docker.from_env().containers.run(
            IMAGE,
            ["sh", "-c", SSHD],
            name=NAME,
            detach=True,
            init=True,
            labels=LABEL,
            volumes={str(self.bench): {"bind": "/bench", "mode": "ro"}},
        )
        self.container.reload()

    def hosts(self, count: int) -> Path:
        """So many hosts, each with its own name and thereby its own SSH connection."""
        variables = {
            "ansible_user": "root",
            "ansible_ssh_private_key_file": str(self.bench / "key"),
            "ansible_ssh_common_args": self.ways,
            "ansible_control_path_dir": str(self.sockets),
        }
        return self._inventory(f"crowd-{count}", count, Path("/bench"), variables)

    @property
    def ways(self) -> str:
        """What takes SSH to the container, whatever the host is called."""
        address = self.container.attrs["NetworkSettings"]["Networks"]["bridge"]["IPAddress"]
        return f"-o HostName={address} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"

    @property
    def sockets(self) -> Path:
        return self.folder / "cp"

    def calls(self) -> int:
        """How many modules were answered so far."""
        return int(self.container.exec_run(["sh", "-c", "cat /tmp/corral-bench-calls 2>/dev/null | wc -c"]).output)

    def processor(self) -> float:
        """Seconds of processor time of sshd and the answering, so far."""
        return float(self.container.stats(stream=False)["cpu_stats"]["cpu_usage"]["total_usage"]) / 1e9

    def hang_up(self) -> None:
        """Ends the connections that the last run keeps open."""
        for socket in self.sockets.glob("*"):
            subprocess.run(["ssh", "-o", f"ControlPath={socket}", "-O", "exit", "x"], capture_output=True, check=False)

    def _inventory(self, name: str, count: int, bench: Path, ways: dict[str, str]) -> Path:
        variables = {**settings(), "corral_models": MODELS, **self.fleet, **ways}
        hosts = {}
        for number in range(count):
            host = f"recorded-{number:03}"
            with contextlib.suppress(FileExistsError):
                (self.bench / host).symlink_to("recorded_host.py")
            hosts[host] = {"ansible_python_interpreter": str(bench / host)}
        path = self.folder / f"{name}.json"
        path.write_text(json.dumps({"ollama_hosts": {"hosts": hosts, "vars": variables}}), encoding="utf-8")
        return path

    def remove(self) -> None:
        self.hang_up()
        if self.container is not None:
            self.container.remove(force=True)
