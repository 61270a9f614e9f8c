# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module is only the doorway: what it does is tested with its action plugin."""

from __future__ import annotations

from ansible_collections.corral.ollama.plugins.modules import awx_objects
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import run_module


def test_without_the_action_plugin_it_says_so():
    outcome = run_module(awx_objects, {"controller": {}, "objects": {}}, check=True)
    assert outcome.kind == "no_action_plugin"
    assert "corral.ollama.awx_objects" in outcome.msg
