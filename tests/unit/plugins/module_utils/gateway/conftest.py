# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A gateway with two instances, one of which has a backend for a model too."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.gateway.runtime import Runtime
from ansible_collections.corral.ollama.tests.unit.fake_haproxy import FakeHaproxy


@pytest.fixture
def haproxy(tmp_path):
    run = tmp_path / "gateway" / "run"
    run.mkdir(parents=True)
    fake = FakeHaproxy(run)
    fake.have("s1", 11434)
    fake.have("s2", 11435)
    fake.have("s1", 11434, backend="with_x")
    with fake.running():
        yield fake


@pytest.fixture
def runtime(haproxy):
    return Runtime(str(haproxy.run_dir), timeout=5)
