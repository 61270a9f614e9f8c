#!/usr/bin/python
# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a store holds what its manifests say."""

from __future__ import annotations

DOCUMENTATION = r"""
module: digest_check
short_description: Whether a model store on disk holds what its manifests say
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - An Ollama server trusts a blob by its file's name; a damaged one is listed, served, and called a success by every
    further pull. This module reads the files themselves.
  - For every manifest it looks whether config and layers are there, have the right size and, with O(mode=full), hash to
    their name. It says which models a bad blob affects.
  - It never writes, follows no link and trusts nothing that a manifest says. The page cache stays as it is;
    what is not in it is read past it.
  - Run it on a store at rest. A model that is published meanwhile may show up as orphans.
extends_documentation_fragment:
  - corral.ollama.attributes
  - corral.ollama.attributes.info_module
  - corral.ollama.options.store
options:
  mode:
    description:
      - V(quick) looks at names, sizes and manifests.
      - V(full) also hashes every blob.
    type: str
    choices: [quick, full]
    default: full
  models:
    description:
      - Only look at these models, and find it a damage if one is missing. By default at everything.
      - Each is a name, or a dictionary with C(name) and C(digest), the manifest digest that it must have.
    type: list
    elements: raw
    default: []
  threads:
    description: How many files to hash at the same time; V(0) means one per usable processor, at most 32.
    type: int
    default: 0
  expect_owner:
    description: The user (name or id) to whom everything must belong. By default this is not looked at.
    type: str
  expect_file_mode:
    description: The permissions that files must have, for example V("0644"). By default this is not looked at.
    type: str
  expect_directory_mode:
    description: The permissions that directories must have, for example V("0755"). By default this is not looked at.
    type: str
  on_damage:
    description:
      - V(fail) ends with an error that carries the report under RV(ignore:error).
      - V(report) succeeds, with RV(ok) false.
    type: str
    choices: [fail, report]
    default: fail
notes:
  - Findings of the kinds C(missing), C(short), C(long), C(wrong_hash), C(unreadable), C(bad_manifest), C(bad_name),
    C(wrong_owner) and C(wrong_mode) are damage; C(orphan), C(partial) and C(stray) only take room.
seealso:
  - module: corral.ollama.store_scrub
  - module: corral.ollama.store_repair
"""

EXAMPLES = r"""
- name: Hash the whole store
  corral.ollama.digest_check:
    path: /var/lib/docker/volumes/ollama_models/_data

- name: See in a moment whether anything is missing
  corral.ollama.digest_check:
    path: /var/lib/docker/volumes/ollama_models/_data
    mode: quick
    models: "{{ corral_models }}"
    on_damage: report
  register: corral_digest_check
"""

RETURN = r"""
ok:
  description: Whether there is no damage.
  returned: success
  type: bool
findings:
  description:
    - Everything that is not as it should be, damage first. Each has C(kind), C(damage), C(path) below the store,
      C(message), C(digest), C(models) (those affected), C(expected) and C(found).
    - At most 1000 of each kind; RV(findings_by_kind) counts them all.
  returned: success
  type: list
  elements: dict
findings_by_kind:
  description: How many findings there are of each kind.
  returned: success
  type: dict
models:
  description: The verdict on each model, with C(name), C(digest), C(size), C(ok) and C(findings).
  returned: success
  type: list
  elements: dict
stats:
  description: >-
    What it took: C(models), C(blobs), C(bytes_hashed), C(seconds), C(seconds_hashing) and C(bytes_per_second).
  returned: success
  type: dict
"""

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.glue.digest_check import prepare_check
from ..module_utils.glue.run import Work, run
from ..module_utils.glue.spec import STORE, merged

SPEC = merged(
    STORE,
    {
        "mode": {"type": "str", "choices": ["quick", "full"], "default": "full"},
        "models": {"type": "list", "elements": "raw", "default": []},
        "threads": {"type": "int", "default": 0},
        "expect_owner": {"type": "str"},
        "expect_file_mode": {"type": "str"},
        "expect_directory_mode": {"type": "str"},
        "on_damage": {"type": "str", "choices": ["fail", "report"], "default": "fail"},
    },
)


def prepare(params: Mapping[str, Any]) -> Work:
    return prepare_check(params)


def main() -> None:
    run(AnsibleModule(argument_spec=SPEC, supports_check_mode=True), prepare)


if __name__ == "__main__":
    main()
