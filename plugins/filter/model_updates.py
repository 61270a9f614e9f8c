# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an update of the models does, for the role model_update."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleFilterError

from ..module_utils.core.declared import declared_models
from ..module_utils.core.errors import CorralError
from ..module_utils.core.updates import model_updates

DOCUMENTATION = r"""
name: model_updates
short_description: What an update of the declared models does, and what came of it
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - Says for each declared model whether it moves to what the registry serves, is held by a pin, or stays what it is.
options:
  _input:
    description: The declared models, each a name or a dictionary as in RV(corral.ollama.store_info#module:models).
    type: list
    elements: raw
    required: true
  rows:
    description:
      - What M(corral.ollama.store_info) returned for just these models with C(compare=latest), C(layers=true) and
        C(on_unavailable=report), before the update.
    type: list
    elements: dict
    required: true
  after:
    description: What it returns after the update. Empty for a prediction.
    type: list
    elements: dict
    default: []
  went_back:
    description: The names of models that did not answer, and are again what they were.
    type: list
    elements: str
    default: []
seealso:
  - module: corral.ollama.store_info
"""

EXAMPLES = r"""
- name: What would an update do?
  ansible.builtin.debug:
    msg: "{{ corral_models | corral.ollama.model_updates(corral_store.models) | map(attribute='sentence') }}"
"""

RETURN = r"""
_value:
  description:
    - One dictionary per model, in the order of the declaration, with C(name), C(state), the digests C(old) and C(new),
      C(bytes) to fetch, C(problem), C(sentence), C(same_weights), and the C(digest) that the fleet has afterwards.
    - C(state) is V(moved), V(added), V(completed), V(removed), V(held), V(current), V(unknown) or V(went_back).
    - C(new) of a model that is held is what the registry serves.
    - C(same_weights) is whether only a template, parameters or the like move.
  type: list
  elements: dict
"""


def model_updates_filter(models: Any, rows: Any, after: Any = (), went_back: Any = ()) -> list[dict[str, Any]]:
    try:
        return model_updates(declared_models(models), list(rows), list(after or ()), list(went_back or ()))
    except CorralError as error:
        raise AnsibleFilterError(str(error)) from None


class FilterModule:
    """The filters that Ansible finds in this file."""

    def filters(self) -> dict[str, Any]:
        return {"model_updates": model_updates_filter}
