# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every filter is asked of Ansible's own loader, and one that cannot be loaded stops nothing."""

from __future__ import annotations

from ansible.plugins.loader import filter_loader
from ansible_collections.corral.ollama.plugins.plugin_utils import early


def test_each_filter_is_asked_for_whatever_becomes_of_the_others(monkeypatch):
    asked = []

    def broken(name):
        asked.append(name)
        raise KeyError(name)

    monkeypatch.setattr(filter_loader, "get", broken)
    early.load_filters()
    assert "corral.ollama.instances" in asked
    assert sorted(asked) == sorted(f"corral.ollama.{path.stem}" for path in early.FILTERS.glob("*.py"))
