#!/usr/bin/python
# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a store takes on its disk, and for what."""

from __future__ import annotations

DOCUMENTATION = r"""
module: storage_info
short_description: What a model store takes on its disk, and for what
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - Says how large a store is, which bytes only one model needs, what it saves that instances share it, what could be
    freed, how much is free, and when the store was last verified.
  - Sizes are what files take on the disk, so a sparse file counts for what it has, and a file with several hard links
    counts once.
  - Reads manifests and directories and no blob.
extends_documentation_fragment:
  - corral.ollama.attributes
  - corral.ollama.attributes.info_module
  - corral.ollama.options.store
options:
  data_paths:
    description: The data directories of the instances. Their number is that of the copies which sharing saves.
    type: list
    elements: dict
    default: []
    suboptions:
      name: {description: The name of the instance., type: str, required: true}
      path: {description: Where its data volume is mounted on the host., type: path, required: true}
  quarantine_age:
    description: Seconds after which what was set aside counts as reclaimable.
    type: int
    default: 1209600
seealso:
  - module: corral.ollama.store_prune
  - module: corral.ollama.store_scrub
"""

EXAMPLES = r"""
- name: What takes the room
  corral.ollama.storage_info:
    path: /var/lib/docker/volumes/ollama_models/_data
    data_paths:
      - name: ollama-server-1
        path: /var/lib/docker/volumes/ollama_data_1/_data
  register: corral_storage

- name: Say what could be freed
  ansible.builtin.debug:
    msg: "{{ corral_storage.storage.reclaimable | human_readable }}"
"""

RETURN = r"""
storage:
  description: All numbers are bytes on the disk unless their name says otherwise.
  returned: success
  type: dict
  contains:
    schema: {description: The version of this dictionary., type: int}
    bytes: {description: "The store as a whole, Corral's own files included.", type: int}
    models: {description: How many manifests there are., type: int}
    blobs: {description: How many blobs there are., type: int}
    model_bytes: {description: The blobs that a manifest names., type: int}
    unique_bytes_by_model: {description: What only this model needs; it would come free without it., type: dict}
    shared_bytes: {description: The blobs that several models name., type: int}
    copies: {description: "How many instances there are, as O(data_paths) says.", type: int}
    saved_against_copies: {description: What as many stores as instances would take more., type: int}
    reclaimable: {description: "Orphans, downloads, staging and old quarantine.", type: int}
    orphan_bytes: {description: Blobs that no manifest names., type: int}
    partial_bytes: {description: "Downloads that did not end, and temporary files.", type: int}
    staging_bytes: {description: "What lies in staging, without what is linked to the store's blobs.", type: int}
    quarantine_bytes: {description: What was set aside., type: int}
    unknown_bytes: {description: Files in C(blobs) that nobody knows., type: int}
    instances: {description: "C(name) and C(bytes) of each data directory.", type: list, elements: dict}
    complete: {description: "Whether everything was counted, which is not so beyond a million entries.", type: bool}
    unreadable: {description: "How many manifests cannot be read, so that the number of orphans is a guess.", type: int}
    free_bytes: {description: The free bytes of the file system., type: int}
    total_bytes: {description: The size of the file system., type: int}
scrub:
  description: >-
    Of the last run of M(corral.ollama.store_scrub) C(mode), C(started_at), C(ended_at), C(ok), C(complete),
    C(stopped_by), C(findings_by_kind), C(models_affected), C(coverage) and C(last_full_at). Empty when there was none.
  returned: success
  type: dict
"""

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.glue.run import Work, run
from ..module_utils.glue.spec import STORE, merged
from ..module_utils.glue.storage import storage_info

DATA = {"name": {"type": "str", "required": True}, "path": {"type": "path", "required": True}}
SPEC = merged(
    STORE,
    {
        "data_paths": {"type": "list", "elements": "dict", "default": [], "options": DATA},
        "quarantine_age": {"type": "int", "default": 1209600},
    },
)


def prepare(params: Mapping[str, Any]) -> Work:
    return Work(result=storage_info(params))


def main() -> None:
    run(AnsibleModule(argument_spec=SPEC, supports_check_mode=True), prepare)


if __name__ == "__main__":
    main()
