#!/usr/bin/python
# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several stores become one."""

from __future__ import annotations

DOCUMENTATION = r"""
module: store_merge
short_description: Merge directories of models into one shared store, each blob once
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - Brings the models of legacy servers, each with a directory of its own, into the store at O(path). Of every blob one
    copy is read and hashed, on the store's file system hard-linked and elsewhere cloned or copied. Manifests come last.
  - A damaged copy is skipped where a good one exists in another source. A model without a good copy of each of its
    blobs is not published; it is in RV(lacking), and the others are merged all the same.
  - Sources are not written to, and stay as they are. Only a blob that no server could read gets the mode 0644, in the
    source too as it is the same file. A hard link shares the file with its source, as long as that exists.
  - A source may be the store itself, when a volume that servers wrote to is taken over. Then rests of downloads are
    removed, files that are neither blob nor manifest go to the quarantine, and so does a damaged blob that another
    source has.
  - In check mode nothing is hashed (RV(verified) is false), and the plan goes by names and sizes.
  - Stop all servers that write to the sources before. A download that still runs is found, and refused.
  - It may be interrupted at any point and run again. Blobs that have their place are not read a second time.
extends_documentation_fragment:
  - corral.ollama.attributes
  - corral.ollama.attributes.state_module
  - corral.ollama.attributes.progress_action
  - corral.ollama.options.store
  - corral.ollama.options.lease
  - corral.ollama.options.progress
options:
  sources:
    description:
      - The directories to merge. The order decides between copies that are equally good.
      - RV(corral.ollama.legacy_info#module:trees) can be given as it is.
    type: list
    elements: dict
    required: true
    suboptions:
      name: {description: "What to call it. V(store) is the store itself.", type: str, required: true}
      path: {description: "The directory that holds C(blobs) and C(manifests).", type: path, required: true}
      volume: {description: Ignored; it is in what M(corral.ollama.legacy_info) returns., type: str}
      containers: {description: Ignored as well., type: list, elements: str}
      in_place: {description: Ignored as well; the module looks itself., type: bool}
  policy:
    description:
      - Which content a model gets that has several under one name, in the sources or in the store.
      - V(newest) takes the manifest that was written last, V(prefer) that of the source O(prefer), V(fail) refuses to
        merge anything and lists all of them. If the first choice is damaged, the next one is taken, which is reported.
    type: str
    choices: [newest, prefer, fail]
    default: newest
  prefer:
    description: The name of a source, for O(policy=prefer). A model that it does not have is decided by V(newest).
    type: str
    default: ""
  models:
    description:
      - Merge these models alone. By default every model that is found.
      - Each is a name, or a dictionary with C(name) and C(digest), the manifest digest that it must have.
        What there is of a model that is named here and lacks something is kept for the pull that is to follow.
    type: list
    elements: raw
    default: []
  undeclared:
    description: With O(models), merge the others as well.
    type: bool
    default: false
  hash_threads:
    description: How many files to read at the same time; V(0) means one per usable processor.
    type: int
    default: 0
seealso:
  - module: corral.ollama.legacy_info
  - module: corral.ollama.store_lease
  - module: corral.ollama.digest_check
"""

EXAMPLES = r"""
- name: Merge what two servers have pulled
  corral.ollama.store_merge:
    path: /var/lib/docker/volumes/ollama_models/_data
    lease_token: "{{ corral_lease.lease.token }}"
    sources:
      - name: ollama-1
        path: /var/lib/docker/volumes/ollama_1/_data/models
      - name: ollama-2
        path: /var/lib/docker/volumes/ollama_2/_data/models
    policy: prefer
    prefer: ollama-2
"""

RETURN = r"""
sources:
  description: >-
    What each source has, with C(name), C(path), C(in_place), C(models), C(blobs), C(bytes), C(unique_bytes) (in no
    other source and not in the store), C(partials), C(partial_bytes) and C(damaged) (C(digest) and C(problem) of each
    blob that is known to be bad; copies that were not needed are not read).
  returned: success
  type: list
  elements: dict
models:
  description: >-
    Each model with C(name), C(digest), C(source), C(action) (V(none), V(publish) or V(lacking)) and C(reason).
  returned: success
  type: list
  elements: dict
conflicts:
  description: >-
    Each model with several contents, with C(name), C(policy), C(chosen) (C(source) and C(digest)), C(reason) and
    C(candidates) (C(source), C(digest), C(modified_at)).
  returned: success
  type: list
  elements: dict
lacking:
  description: >-
    Each model that is not published as no source has it whole, with C(name), C(digest), C(sources), C(declared),
    C(reason) and C(blobs) (C(digest), C(size) and C(reason) of each that is missing or damaged).
  returned: success
  type: list
  elements: dict
space:
  description: >-
    Bytes on the disk, hard links once. C(before_bytes) of all sources and the store, C(after_bytes) of the store, which
    is what is left when the sources are reclaimed, C(saved_bytes), C(percent), and the blobs' C(linked_bytes),
    C(reflinked_bytes) and C(copied_bytes), of which only the last were written.
  returned: success
  type: dict
per_source:
  description: >-
    C(name), C(before_bytes) and C(after_bytes) of each source once it is reclaimed.
  returned: success
  type: list
  elements: dict
verified:
  description: Whether every blob was read. In check mode false when there is something to read.
  returned: success
  type: bool
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.glue.merge import prepare_merge
from ..module_utils.glue.run import run
from ..module_utils.glue.spec import LEASE, PROGRESS, STORE, merged

SOURCE = {
    "name": {"type": "str", "required": True},
    "path": {"type": "path", "required": True},
    "volume": {"type": "str"},
    "containers": {"type": "list", "elements": "str"},
    "in_place": {"type": "bool"},
}
SPEC = merged(
    STORE,
    LEASE,
    PROGRESS,
    {
        "sources": {"type": "list", "elements": "dict", "required": True, "options": SOURCE},
        "policy": {"type": "str", "choices": ["newest", "prefer", "fail"], "default": "newest"},
        "prefer": {"type": "str", "default": ""},
        "models": {"type": "list", "elements": "raw", "default": []},
        "undeclared": {"type": "bool", "default": False},
        "hash_threads": {"type": "int", "default": 0},
    },
)


def main() -> None:
    run(AnsibleModule(argument_spec=SPEC, supports_check_mode=True), prepare_merge)


if __name__ == "__main__":
    main()
