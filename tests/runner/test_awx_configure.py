# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWX configures itself: the job template corral_awx_configure, with the address and the token of its credential."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.corral.ollama.tests.unit.fake_awx import TOKEN, FakeAwx
from tower import ROOT, Tower, done

SECRETS = (TOKEN, "planted-ssh-key", "planted-hook-token")


@pytest.fixture(scope="module")
def awx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FakeAwx, Tower]]:
    """With the ansible-core of the execution environment, whose package has awx.awx."""
    subprocess.run([ROOT / "tools/setup", "2.19"], check=True)
    tower = Tower(tmp_path_factory.mktemp("tower"))
    tower.inventory = ROOT / "tests/awx/hosts.yml"
    with FakeAwx(["playbooks/scrub.yml", "playbooks/verify.yml"]) as server:
        tower.environment |= {
            "PATH": f"{ROOT / '.venv-2.19/bin'}:{os.environ['PATH']}",
            "CONTROLLER_HOST": server.url,
            "CONTROLLER_OAUTH_TOKEN": TOKEN,
        }
        yield server, tower


def test_it_configures_awx_and_changes_nothing_when_launched_again(awx):
    server, tower = awx
    done(tower.launch("awx_configure", awx_update_secrets="false"))
    assert server.store.named("job_templates", "corral_scrub")
    again = done(tower.launch("awx_configure", awx_update_secrets="false"))
    assert again.changed == 0


def test_what_awx_kept(awx):
    _server, tower = awx
    tower.check_what_is_kept(*SECRETS)
    assert Path(tower.folder / "artifacts/1").is_dir()
