#!/usr/bin/python
# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Models carried from one store to another in a file."""

from __future__ import annotations

DOCUMENTATION = r"""
module: store_bundle
short_description: Models of a store in one file, to be carried where no registry is
version_added: 0.2.0
author: The Corral founders (@corral-ollama)
description:
  - With O(state=exported) it writes models of a store into one file, the bundle. That is a tar which holds an OCI image
    layout. A blob that several models share is in it once, and the same models give the same bytes.
  - Every blob is hashed while it is written, so a damaged store never becomes a bundle. The file gets its name when all
    of it is on the disk. Beside it, with C(.sha256) at the end of the name, are the digest of its index and,
    in the form that C(sha256sum -c) reads, that of the whole file.
  - With O(state=imported) it brings models out of a bundle into a store. The index has to have the digest that
    O(index_digest) or the file beside the bundle says, and the index vouches for every byte.
    Blobs that the store does not have are hashed while they are copied into staging.
    When all of them are right, the models are published as M(corral.ollama.store_model) does it, the manifest last.
  - An import asks nothing of any network. One that was killed goes on with the blob it was at when it is run again.
  - A model whose name has another digest in the store is moved to the bundle's, as a pull would do it.
    Check mode shows which ones that are.
extends_documentation_fragment:
  - corral.ollama.attributes
  - corral.ollama.attributes.state_module
  - corral.ollama.attributes.progress_action
  - corral.ollama.options.store
  - corral.ollama.options.progress
options:
  bundle:
    description:
      - The file on the target, as an absolute path outside the store.
      - A file that is no bundle is never written over.
    type: path
    required: true
  state:
    description: Which way the models go.
    type: str
    choices: [exported, imported]
    required: true
  models:
    description:
      - The models, each a name, or a dictionary with C(name) and, if wanted, C(digest). All of
        the store's, or all of the bundle's, when empty.
      - A C(digest) is the manifest digest that the model must have, else nothing is done.
      - Entries with the C(state) V(absent) are passed over, so that a list of declared models can be given as it is.
    type: list
    elements: raw
    default: []
  lease_token:
    description:
      - The token of the store's lease, as returned by M(corral.ollama.store_lease). Required with O(state=imported).
      - It says who may write, it is not a secret.
    type: str
  index_digest:
    description:
      - The digest that the index of the bundle to import must have.
      - What came another way than the bundle itself also finds out what was changed on purpose.
      - Without it, the file beside the bundle is read for it.
    type: str
    default: ""
  require_digest:
    description: Refuse to import a bundle for which neither O(index_digest) nor the file beside it says a digest.
    type: bool
    default: false
  reserve_bytes:
    description: How much has to stay free on the store's disk after an import.
    type: int
    default: 0
  bytes_per_second:
    description: Copy no faster than this; V(0) for no limit.
    type: int
    default: 0
  hash_threads:
    description: How many files of the store to hash at the same time; V(0) means one per usable processor.
    type: int
    default: 0
seealso:
  - module: corral.ollama.store_model
  - module: corral.ollama.store_lease
"""

EXAMPLES = r"""
- name: Write two models into a file
  corral.ollama.store_bundle:
    path: /var/lib/docker/volumes/ollama_models/_data
    bundle: /srv/models.tar
    state: exported
    models: [mistral:7b, nomic-embed-text:v1.5]

- name: Bring everything in that file into another host's store
  corral.ollama.store_bundle:
    path: /var/lib/docker/volumes/ollama_models/_data
    bundle: /media/usb/models.tar
    state: imported
    index_digest: 4d2396b16114669389d7555c15a1592aad584750310f648edad5ca8c4eccda17
    lease_token: "{{ corral_lease.lease.token }}"
"""

RETURN = r"""
bundle:
  description: The file.
  returned: success
  type: dict
  contains:
    path: {description: Where it is., type: str}
    bytes: {description: Its size., type: int}
    index_digest: {description: The sha256 of its index., type: str}
    file_digest: {description: The sha256 of the whole file; known only when it was just written., type: str}
models:
  description: What was done for each model, or would be in check mode.
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: The model., type: str}
    action: {description: "V(none), V(export) or V(publish).", type: str}
    reason: {description: Why., type: str}
    digest: {description: "The manifest digest in the bundle and, afterwards, in the store.", type: str}
    previous_digest: {description: The manifest digest in the store before., type: str}
    changed: {description: Whether something was done for it., type: bool}
    bytes_total: {description: The size of the model., type: int}
bytes_copied:
  description: Bytes of blobs that were copied, or would be as far as sizes tell.
  returned: success
  type: int
blobs_copied:
  description: How many blobs these are.
  returned: success
  type: int
steps:
  description: What was done, or would be in check mode. Each has C(action), C(target) and C(detail).
  returned: success
  type: list
  elements: dict
error:
  description:
    - What went wrong. C(kind) is V(no_bundle), V(bad_bundle), V(digest_mismatch), V(no_index_digest), V(not_in_bundle),
      V(not_exportable), V(store_damaged), V(store_changed), V(bundle_busy), V(no_space), V(lease_lost) or V(bad_input).
  returned: failure
  type: dict
"""

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.glue.bundle import prepare_export
from ..module_utils.glue.bundle_import import prepare_import
from ..module_utils.glue.run import Work, run
from ..module_utils.glue.spec import PROGRESS, STORE, Spec, merged

OWN: Spec = {
    "bundle": {"type": "path", "required": True},
    "state": {"type": "str", "choices": ["exported", "imported"], "required": True},
    "models": {"type": "list", "elements": "raw", "default": []},
    "lease_token": {"type": "str", "no_log": False},
    "index_digest": {"type": "str", "default": ""},
    "require_digest": {"type": "bool", "default": False},
    "reserve_bytes": {"type": "int", "default": 0},
    "bytes_per_second": {"type": "int", "default": 0},
    "hash_threads": {"type": "int", "default": 0},
}


def prepare(params: Mapping[str, Any]) -> Work:
    return prepare_export(params) if params["state"] == "exported" else prepare_import(params)


def main() -> None:
    needed = [("state", "imported", ["lease_token"])]
    spec = merged(STORE, PROGRESS, OWN)
    run(AnsibleModule(argument_spec=spec, supports_check_mode=True, required_if=needed), prepare)


if __name__ == "__main__":
    main()
