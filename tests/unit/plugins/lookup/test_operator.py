# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who runs this."""

from __future__ import annotations

import getpass
import os
import platform

import pytest
from ansible.errors import AnsibleLookupError
from ansible_collections.corral.ollama.plugins.lookup.operator import LookupModule


@pytest.fixture(autouse=True)
def somebody(monkeypatch):
    monkeypatch.setattr(getpass, "getuser", lambda: "root")
    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.setattr(platform, "node", lambda: "bastion")


def test_a_person_at_a_controller(monkeypatch):
    assert LookupModule().run([], {}) == [{"owner": "root@bastion", "job": ""}]
    monkeypatch.setenv("SUDO_USER", "ada")
    assert LookupModule().run([])[0]["owner"] == "ada@bastion"


def test_a_user_without_a_name(monkeypatch):
    def unknown():
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr(getpass, "getuser", unknown)
    monkeypatch.setattr(os, "getuid", lambda: 4711)
    assert LookupModule().run([], {})[0]["owner"] == "uid 4711@bastion"


@pytest.mark.parametrize(
    "variables", [{"awx_job_id": 42}, {"tower_job_id": "42"}, {"awx_job_id": 42, "tower_job_id": 1}]
)
def test_a_job(variables):
    assert LookupModule().run([], variables) == [{"owner": "AWX job 42", "job": "42"}]


def test_it_takes_nothing():
    with pytest.raises(AnsibleLookupError, match="takes no terms"):
        LookupModule().run(["x"], {})
