# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The declared models as an update wants them, for the variables of roles."""

from __future__ import annotations

from typing import Any

from ..module_utils.core.pins import latest

DOCUMENTATION = r"""
name: latest
short_description: The declared models as an update wants them
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - Gives each declared model that no digest pins the C(state) V(latest), so that it is brought to what the registry
    serves now.
  - A model with a digest never moves, and one that is declared absent stays so. What cannot be meant is left as it is;
    the module that takes the list names it.
options:
  _input:
    description: The declared models, each a name or a dictionary as in RV(corral.ollama.store_info#module:models).
    type: list
    elements: raw
    required: true
seealso:
  - plugin: corral.ollama.pinned
    plugin_type: filter
"""

EXAMPLES = r"""
- name: What an update would pull
  corral.ollama.store_info:
    path: /var/lib/docker/volumes/ollama_models/_data
    models: "{{ corral_models | corral.ollama.pinned(lookup('corral.ollama.lock')) | corral.ollama.latest }}"
"""

RETURN = r"""
_value:
  description: The models in the order of the declaration.
  type: list
  elements: raw
"""


def latest_filter(models: Any) -> list[Any]:
    if not isinstance(models, (list, tuple)):
        # The role's own contract says that it has to be a list, and says so better.
        return models  # type: ignore[no-any-return]
    return latest(models)


class FilterModule:
    """The filters that Ansible finds in this file."""

    def filters(self) -> dict[str, Any]:
        return {"latest": latest_filter}
