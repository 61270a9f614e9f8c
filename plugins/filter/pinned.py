# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The declared models at the digests of the lock, for the defaults of roles."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleFilterError

from ..module_utils.core.errors import CorralError
from ..module_utils.core.lockfile import parse_lock
from ..module_utils.core.pins import pinned

DOCUMENTATION = r"""
name: pinned
short_description: The declared models at the digests of the lock
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - Gives each declared model the digest that the lock has for it. C(state=latest) becomes V(present) at that digest,
    so that a tag that moves upstream does not change a fleet that is pinned.
  - A declared digest that is not that of the lock is an error that names both.
  - Models that are declared absent, and pins of models that are not declared, are left alone.
options:
  _input:
    description: The declared models, each a name or a dictionary as in RV(corral.ollama.store_info#module:models).
    type: list
    elements: raw
    required: true
  lock:
    description: The lock as the lookup P(corral.ollama.lock#lookup) returns it; V({}) pins nothing.
    type: dict
    default: {}
  strict:
    description: Whether a declared model that the lock does not have is an error. Otherwise it is left without a pin.
    type: bool
    default: false
seealso:
  - plugin: corral.ollama.lock
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: Read from the store what the pins are held against
  corral.ollama.store_info:
    path: /var/lib/docker/volumes/ollama_models/_data
    models: "{{ corral_models | default([]) | corral.ollama.pinned(lookup('corral.ollama.lock')) }}"
    compare: none
"""

RETURN = r"""
_value:
  description: The models in the order of the declaration; those that are pinned are dictionaries with C(digest).
  type: list
  elements: raw
"""


def pinned_filter(models: Any, lock: Any = None, strict: Any = False) -> list[Any]:
    if not isinstance(models, (list, tuple)):
        # The role's own contract says that it has to be a list, and says so better.
        return models  # type: ignore[no-any-return]
    try:
        return pinned(models, parse_lock(lock, "of the filter"), str(strict).lower() in ("true", "yes", "1", "on"))
    except CorralError as error:
        raise AnsibleFilterError(str(error)) from None


class FilterModule:
    """The filters that Ansible finds in this file."""

    def filters(self) -> dict[str, Any]:
        return {"pinned": pinned_filter}
