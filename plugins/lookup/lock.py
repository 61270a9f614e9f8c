# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock of the fleet as a dictionary, for templates."""

from __future__ import annotations

DOCUMENTATION = r"""
name: lock
short_description: The pins of the fleet, from its lock file on the controller
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - Reads C(corral.lock.yml), which the playbook C(corral.ollama.lock) writes, and checks all of it.
  - Without a file there are no pins. A file that cannot be used is an error, never ignored.
options:
  _terms:
    description:
      - The path of the file. At most one; a relative one is below the folder from which the playbook is run.
      - Without it, or when it is empty, C(corral.lock.yml) next to the inventory, or in the current folder where there
        is no inventory file. Where the inventory is a folder, Ansible reads each file in it as an inventory;
        then it is C(group_vars/corral.lock.yml) in that folder.
    type: list
    elements: str
    required: false
seealso:
  - plugin: corral.ollama.pinned
    plugin_type: filter
  - module: corral.ollama.lock_file
"""

EXAMPLES = r"""
- name: Show what is pinned
  ansible.builtin.debug:
    msg: "{{ lookup('corral.ollama.lock').models | default({}) | dict2items | map(attribute='key') }}"

- name: Use the lock of another fleet
  ansible.builtin.debug:
    msg: "{{ ['mistral:7b'] | corral.ollama.pinned(lookup('corral.ollama.lock', 'staging/corral.lock.yml')) }}"
"""

RETURN = r"""
_list:
  description:
    - One dictionary with C(schema), C(generated_at) and C(models), or C({}) where there is no lock.
    - Each of the models has C(digest), C(size), C(source) and C(layers).
  type: list
  elements: dict
"""

from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ..module_utils.core.errors import CorralError
from ..plugin_utils.locks import lock_path, read_lock


class LookupModule(LookupBase):
    """``lookup('corral.ollama.lock')``."""

    def run(self, terms: list[Any], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[dict[str, Any]]:
        if len(terms) > 1 or kwargs:
            raise AnsibleLookupError("corral.ollama.lock takes one term, the path of the file, and no options.")
        try:
            lock = read_lock(lock_path(str(terms[0] or "") if terms else "", variables or {}))
        except CorralError as error:
            # Ansible repeats what an error was raised from.
            raise AnsibleLookupError(str(error)) from None
        return [lock.as_dict() if lock.models else {}]
