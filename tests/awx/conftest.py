"""The playbook awx_configure with the real modules of awx.awx, against the stand-in AWX. `make awx` runs it on the
ansible-core whose community package has that collection."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from ansible_collections.corral.ollama.tests.unit.fake_awx import PASSWORD, TOKEN, FakeAwx

ROOT = Path(__file__).resolve().parents[2]
SECRETS = ("planted-ssh-key", "planted-load-test-key", "planted-hook-token", TOKEN, PASSWORD)


@dataclass
class Run:
    """How ansible-playbook ended, and what it said."""

    code: int
    text: str

    @property
    def changed(self) -> int:
        return int(re.findall(r"changed=(\d+)", self.text)[-1])

    @property
    def done(self) -> list[str]:
        return re.findall(r"^AWX: (.*)$", self.text, re.MULTILINE)

    @property
    def planned(self) -> list[str]:
        return re.findall(r"^    - ((?:create|update|remove) .*)$", self.text, re.MULTILINE)


class Configure:
    """``configure("--check")``: the playbook with the data of tests/awx, changed by ``variables``."""

    def __init__(self, awx: FakeAwx) -> None:
        self.awx = awx

    def __call__(self, *options: str, inventory: str = "tests/awx/hosts.yml", **variables: str) -> Run:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "CONTROLLER_"))},
            "CONTROLLER_HOST": self.awx.url,
            "CONTROLLER_OAUTH_TOKEN": TOKEN,
            # What inventories/awx takes from the environment.
            "CORRAL_AWX_SSH_KEY": "planted-ssh-key",
            "CORRAL_AWX_LOAD_TEST_KEY": "planted-load-test-key",
            "CORRAL_AWX_WEBHOOK_TOKEN": "planted-hook-token",
        }
        extra = [word for name, value in variables.items() for word in ("-e", f"{name}={value}")]
        command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(ROOT / inventory)]
        done = subprocess.run(
            [*command, "corral.ollama.awx_configure", "-v", *extra, *options],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=600,
        )
        text = done.stdout + done.stderr
        assert [secret for secret in SECRETS if secret in text] == []
        return Run(done.returncode, text)


@pytest.fixture(scope="module")
def awx() -> Iterator[FakeAwx]:
    assert importlib.util.find_spec("ansible_collections.awx.awx"), "run it with: make awx"
    with FakeAwx(["playbooks/scrub.yml", "playbooks/verify.yml"]) as server:
        yield server


@pytest.fixture(scope="module")
def configure(awx: FakeAwx) -> Configure:
    return Configure(awx)
