#!/usr/bin/python
# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a store has and lacks of the declared models."""

from __future__ import annotations

DOCUMENTATION = r"""
module: store_info
short_description: What a model store has and lacks of the declared models
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - Compares the models that a store holds with those that are declared, and says for each what has to be done.
  - Asks the registries, so that an unknown model, a digest that is no longer served or a full disk is known before
    anything is changed. All models that cannot be had are one error.
  - A model counts as complete when its manifest can be read and every blob exists in the size that the manifest says.
    Nothing is hashed; that is what M(corral.ollama.digest_check) does.
extends_documentation_fragment:
  - corral.ollama.attributes
  - corral.ollama.attributes.info_module
  - corral.ollama.options.store
  - corral.ollama.options.registry
options:
  models:
    description:
      - The declared models. Each is a name, or a dictionary with C(name) and, if wanted, C(digest), C(insecure)
        and C(state) (V(present), V(latest) or V(absent)).
    type: list
    elements: raw
    default: []
  compare:
    description:
      - V(missing) asks the registry for models that are not whole in the store, not in their pinned digest,
        or declared V(latest).
      - V(latest) asks for every declared model, so that C(target_digest) shows what the registry serves now.
      - V(none) asks for none; then nothing is known about what is missing but that it is.
    type: str
    choices: [missing, latest, none]
    default: missing
  reserve_bytes:
    description: How much has to stay free on the store's disk after everything was fetched.
    type: int
    default: 0
  on_unavailable:
    description:
      - V(fail) ends with one error for all models that cannot be had, or when they do not fit on the disk.
      - V(report) says it for each model in RV(models[].problem), and does not judge the space.
    type: str
    choices: [fail, report]
    default: fail
  layers:
    description: Also return what the manifests name, in RV(models[].layers) and RV(models[].target_layers).
    type: bool
    default: false
requirements:
  - The Python library C(requests) on the target, unless O(compare=none).
seealso:
  - module: corral.ollama.store_model
  - module: corral.ollama.digest_check
"""

EXAMPLES = r"""
- name: What would have to be pulled
  corral.ollama.store_info:
    path: /var/lib/docker/volumes/ollama_models/_data
    models:
      - mistral:7b
      - name: llama3.2:3b
        state: latest
      - name: codellama:7b
        state: absent
    reserve_bytes: 10000000000
  register: corral_store

- name: Say it
  ansible.builtin.debug:
    msg: "{{ corral_store.models | rejectattr('action', 'equalto', 'none') | map(attribute='name') }}"
"""

RETURN = r"""
path:
  description: The store.
  returned: success
  type: str
models:
  description: One entry per declared model, in the order of the declaration.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The model's name as Ollama shows it.
      type: str
    state:
      description: The declared state.
      type: str
    insecure:
      description: Whether its registry is asked over HTTP.
      type: bool
    digest:
      description: The sha256 of the manifest in the store, empty when there is none that can be read.
      type: str
    target_digest:
      description:
        - The digest that it should have, as far as known.
        - The registry's where that was asked, else the pinned or the present one.
      type: str
    complete:
      description: Whether the manifest can be read and all its blobs exist in the right size.
      type: bool
    action:
      description: What has to be done, V(none), V(pull) or V(remove).
      type: str
    reason:
      description: Why, empty for V(none).
      type: str
    bytes_total:
      description: The size of the model, 0 when not known.
      type: int
    bytes_to_fetch:
      description: The bytes of its blobs that the store does not have.
      type: int
    bytes_to_update:
      description: The bytes that the registry's present manifest would cost, wanted or not; 0 where it is not known.
      type: int
    problem:
      description: Why the registry tells nothing, or the model cannot be had; empty with O(on_unavailable=fail).
      type: str
    problem_kind:
      description: The kind of that problem, as in RV(error); empty without one.
      type: str
    layers:
      description:
        - Config and layers of the manifest in the store, in its order, each with C(digest), C(size) and C(media_type).
        - Only with O(layers).
      type: list
      elements: dict
    target_layers:
      description: The same of the registry's manifest, V([]) where it was not asked. Only with O(layers).
      type: list
      elements: dict
    lacking:
      description: The digests that either names and the store has not in their size. Only with O(layers).
      type: list
      elements: str
missing:
  description: The names of the declared models that are not whole in the store, or not in their pinned digest.
  returned: success
  type: list
  elements: str
bytes_to_fetch:
  description: The bytes that all pulls together need. Blobs that models share count once.
  returned: success
  type: int
free_bytes:
  description: The free bytes where the store is or would be.
  returned: success
  type: int
total_bytes:
  description: The size of that file system.
  returned: success
  type: int
error:
  description:
    - What went wrong. C(kind) is V(model_not_found), V(digest_unavailable), V(needs_newer_server), V(no_space),
      V(registry_unreachable), V(registry_tls), V(registry_auth), V(registry_busy), V(registry_error) or V(bad_input).
    - It is V(models_unavailable) when several models failed for different reasons.
      C(problems) then lists the error of each.
  returned: failure
  type: dict
"""

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.glue import spec
from ..module_utils.glue.run import Work, run
from ..module_utils.glue.store_report import store_report

OWN: spec.Spec = {
    "models": {"type": "list", "elements": "raw", "default": []},
    "compare": {"type": "str", "choices": ["missing", "latest", "none"], "default": "missing"},
    "reserve_bytes": {"type": "int", "default": 0},
    "on_unavailable": {"type": "str", "choices": ["fail", "report"], "default": "fail"},
    "layers": {"type": "bool", "default": False},
}


def prepare(params: Mapping[str, Any]) -> Work:
    return Work(result=store_report(params))


def main() -> None:
    spec_all = spec.merged(spec.STORE, spec.REGISTRY, OWN)
    run(AnsibleModule(argument_spec=spec_all, supports_check_mode=True), prepare)


if __name__ == "__main__":
    main()
