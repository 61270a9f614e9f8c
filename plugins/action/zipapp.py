# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds a program from the collection's own code on the controller, and hands it to ansible.builtin.copy."""

from __future__ import annotations

import hashlib
import tempfile
from typing import Any

from ansible.plugins.action import ActionBase

from ..module_utils.core.errors import CorralError
from ..module_utils.core.zipapps import OPTIONS
from ..plugin_utils.zipapp import zipapp


class ActionModule(ActionBase):
    """What copy would show of the content is left out: nobody reads a zip file."""

    TRANSFERS_FILES = True
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validation, options = self.validate_argument_spec(argument_spec=OPTIONS)
        try:
            data, names = zipapp(options["app"])
        except CorralError as error:
            return {**result, "failed": True, "changed": False, "msg": str(error), "error": error.as_dict()}
        copied = self._copied(data, options, task_vars)
        result.update(
            {key: copied[key] for key in ("changed", "failed", "msg", "exception", "warnings") if key in copied}
        )
        if result.get("failed"):
            return result
        if result.get("changed") and self._task.diff:
            result["diff"] = {"prepared": f"{options['dest']}: {len(names)} files, {len(data)} bytes\n"}
        digest = hashlib.sha256(data).hexdigest()
        return {**result, "dest": options["dest"], "sha256": digest, "size": len(data), "files": list(names)}

    def _copied(self, data: bytes, options: dict[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        task = self._task.copy()
        with tempfile.NamedTemporaryFile(suffix=".pyz") as file:
            file.write(data)
            file.flush()
            task.args = {"src": file.name, **{key: options[key] for key in ("dest", "mode", "owner", "group")}}
            task.diff = False
            copy = self._shared_loader_obj.action_loader.get(
                "ansible.legacy.copy",
                task=task,
                connection=self._connection,
                play_context=self._play_context,
                loader=self._loader,
                templar=self._templar,
                shared_loader_obj=self._shared_loader_obj,
            )
            copied: dict[str, Any] = copy.run(task_vars=task_vars)
        return copied
