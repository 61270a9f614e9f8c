"""A host that falls silent on a connection that is kept open must not hold up a run. What sees to that is said in four
places, alike: for runs from the checkout, for AWX, to readers of the guide, and where three real hosts are tried."""

from __future__ import annotations

import re

import pytest
from ansible_collections.corral.ollama.tests.contract import house

SHIPPED = "-C -o ControlMaster=auto -o ControlPersist=10m -o ServerAliveInterval=10 -o ServerAliveCountMax=3"


@pytest.mark.parametrize(
    "path",
    ["ansible.cfg", "extensions/awx_project/ansible.cfg", "docs/guides/gpu_fleet.md", "molecule/fleet/molecule.yml"],
)
def test_a_silent_host_is_given_up(path):
    assert re.findall(r"^\s*ssh_args\s*[=:]\s*(.+)$", house.text(house.ROOT / path), re.MULTILINE) == [SHIPPED]
