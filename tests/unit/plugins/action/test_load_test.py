# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action load_test: it brings the generator's files along."""

from __future__ import annotations

import ast
from unittest import mock

from ansible_collections.corral.ollama.plugins.action import load_test as plugin
from ansible_collections.corral.ollama.plugins.module_utils.glue.load_files import FILES


def test_the_generators_files_go_with_the_task():
    task = mock.MagicMock(args={"path": "/x"}, async_val=0, check_mode=False)
    action = plugin.ActionModule(task, *[mock.MagicMock() for _unused in range(5)])
    with mock.patch.object(plugin, "run_with_progress", return_value={"changed": False}) as follow:
        assert action.run(task_vars={})["changed"] is False
    assert follow.call_args[0][1] == "corral.ollama.load_test"
    files = task.args["generator"]
    assert sorted(files) == sorted(FILES)
    assert all(ast.parse(text) for text in files.values())
