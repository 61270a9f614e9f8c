# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The desk of somebody who types what the documents say: a folder with an inventory, and a host to log in to."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from lab import Lab

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from commands import Command, commands  # noqa: E402

LIMIT = 600
PRACTICE = {
    "corral_registry_ca_path": "/etc/corral-practice/ca.pem",
    # How long a new container is watched is told by another scenario.
    "corral_min_healthy_time": 1,
    "corral_canary_healthy_time": 2,
    "load_test_duration": 5,
    "load_test_rate": 4,
}
MODELS = ["llama3.2:3b", "mistral:7b", "nomic-embed-text:v1.5"]
#: An ssh that knows the machines, for what calls it by its name alone.
_SSH = '#!/bin/sh\nexec /usr/bin/ssh -F {config} "$@"\n'


@dataclass
class Desk:
    """What is not Ansible's is typed on ``gpu1``; ``done`` has the texts of the commands that were run."""

    folder: Path
    hosts: Mapping[str, Lab]
    done: set[str] = field(default_factory=set)

    def lay(self) -> None:
        """A new folder, with the inventories that the documents name."""
        if self.folder.exists():
            shutil.rmtree(self.folder)
        (self.folder / "bin").mkdir(parents=True)
        ssh = self.folder / "bin/ssh"
        ssh.write_text(_SSH.format(config=self._ephemeral / "ssh_config"))
        ssh.chmod(0o755)
        for name in ("local", "eight_instances"):
            (self.folder / "inventories" / name).mkdir(parents=True)
        (self.folder / "inventories/gpu_fleet").symlink_to(ROOT / "inventories/gpu_fleet")
        self.declare()

    def declare(self, *names: str, **variables: Any) -> None:
        """Write hosts.yml, which is inventories/local too: gpu1, or these; a host's variables go by its name."""
        front = (self._ephemeral / "front").read_text().strip()
        away = {name: front for name in ("registry.ollama.ai", "blobs.practice.corral")}
        hosts = {name: {"ansible_host": self.machine(name).address} for name in names or ("gpu1",)}
        settings = {"corral_instance_count": 3, "corral_models": MODELS, "corral_puller_extra_hosts": away, **PRACTICE}
        for name in hosts:
            hosts[name].update(variables.pop(name, {}))
        document = {"ollama_hosts": {"hosts": hosts, "vars": {"ansible_user": "root", **settings, **variables}}}
        for path in ("hosts.yml", "inventories/local/hosts.yml"):
            (self.folder / path).write_text(yaml.safe_dump(document))

    def machine(self, name: str) -> Lab:
        """A mirror is the second machine under another name."""
        return self.hosts["gpu3" if name == "mirror1" else name]

    def follow(
        self,
        document: str,
        instead: Mapping[str, str] | None = None,
        before: Mapping[str, Callable[[], object]] | None = None,
        missing: Mapping[str, str] | None = None,
        finds: Mapping[str, str] | None = None,
    ) -> dict[str, str]:
        """Type a document's commands, in their order; what each said, by its text.

        ``instead`` has what a reader has to put in, by what the document has; ``before`` what has to happen before the
        first command in which a text occurs; ``missing`` why one that cannot work here is not run;
        ``finds`` the words with which one, in which a text occurs, has to fail: it looks for what is wrong.
        """
        texts, pending, reasons = dict(instead or {}), dict(before or {}), dict(missing or {})
        said: dict[str, str] = {}
        for command in self.of(document):
            for text in [text for text in pending if text in command.text]:
                pending.pop(text)()
            if reasons.pop(command.text, ""):
                self.done.add(command.text)
                continue
            typed = command.text
            for text in [text for text in texts if text in command.text]:
                typed = typed.replace(text, texts[text])
            found = [words for text, words in (finds or {}).items() if text in command.text]
            said[command.text] = self.type(command, typed, *found)
        assert not pending, f"{document} has no command with {list(pending)}"
        assert not reasons, f"{document} has no command {list(reasons)}"
        return said

    def of(self, document: str) -> list[Command]:
        found = [command for command in commands() if command.document == document and not command.why]
        assert found, f"{document} has no commands"
        return found

    def type(self, command: Command, typed: str = "", finds: str = "") -> str:
        where = f"{command.document}:{command.line}: {command.text}"
        line = ["bash", "-c", typed or command.text]
        code, output = self._run([*self._on_the_host(), *line] if command.on_the_host else line)
        assert not finds or (code != 0 and finds in output), f"{where}\nrc {code}, not found: {finds}\n{output[-6000:]}"
        # A search that finds nothing says so, and on a fleet that is well there often is nothing.
        assert finds or code == 0 or (code == 1 and "| grep" in command.text), f"{where}\nrc {code}:\n{output[-6000:]}"
        self.done.add(command.text)
        return output

    def play(self, playbook: str, *options: str) -> str:
        """A playbook that a reader runs before, because the document says or takes for granted that it was."""
        code, output = self._run(["ansible-playbook", "-i", "hosts.yml", f"corral.ollama.{playbook}", *options])
        assert code == 0, f"{playbook} {options}\n{output[-6000:]}"
        return output

    @property
    def _ephemeral(self) -> Path:
        return self.hosts["gpu1"].ephemeral

    def _on_the_host(self) -> list[str]:
        return ["docker", "exec", "-i", "-w", "/root", self.hosts["gpu1"].container]

    def _run(self, words: list[str]) -> tuple[int, str]:
        config = shlex.quote(str(self._ephemeral / "ssh_config"))
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "MOLECULE_"))}
        settings = {
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_HOME": str(self.folder / "home"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_SSH_COMMON_ARGS": f"-F {config}",
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
        }
        process = subprocess.Popen(
            words,
            cwd=self.folder,
            env={**kept, **settings},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            output, _ = process.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
            raise AssertionError(f"{words} still runs after {LIMIT} s:\n{output[-3000:]}") from None
        return process.returncode, output
