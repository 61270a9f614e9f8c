#!/usr/bin/python
# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may use the gateway."""

from __future__ import annotations

DOCUMENTATION = r"""
module: gateway_keys
short_description: The API keys of the gateway, valid and revoked without a reload
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - Writes who may use the gateway into two files of its configuration - C(keys.map) with every key, and C(admins.map)
    with those that may change models as well. They hold the SHA-256 of each key and its name, never the key.
  - A running gateway gets the same at once, by one exchange; no connection is lost. A key that is not in O(keys)
    any more is refused from then on.
  - A key is for one client. Only long random keys are safe as a plain SHA-256, so short ones are refused.
extends_documentation_fragment:
  - corral.ollama.attributes
  - corral.ollama.attributes.state_module
attributes:
  diff_mode:
    details:
      - Shows names. No key and no hash of one is shown.
options:
  conf_dir:
    description: The folder of the gateway's configuration on the target.
    type: path
    required: true
  run_dir:
    description:
      - The folder with the sockets of the gateway. When empty, only the files are written.
      - A gateway that is not running, or does not use the files yet, is no failure; RV(synced) says so.
    type: path
    default: ''
  keys:
    description: All keys. Others are revoked.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Whose it is, for the log and for you. It stands in every line of the log that tells of a request.
        type: str
        required: true
      key:
        description:
          - The key, 20 to 512 characters out of letters, digits and C(-._~+/=).
          - Either this or O(keys[].sha256).
        type: str
      sha256:
        description: The SHA-256 of the key, as 64 lower-case hex digits, so that the key itself need not be known here.
        type: str
      admin:
        description: Whether it may also pull, create, copy, push and delete.
        type: bool
        default: false
  gid:
    description:
      - The group that may read the files, which is the one of the gateway's container.
      - When left out, the group stays as it is.
    type: int
  timeout:
    description: Seconds to wait for one answer of the gateway.
    type: float
    default: 10.0
  wait:
    description: Seconds to wait for a gateway that is being started.
    type: float
    default: 0.0
seealso:
  - module: corral.ollama.gateway
"""

EXAMPLES = r"""
- name: Two clients, and one who may change models
  corral.ollama.gateway_keys:
    conf_dir: /opt/corral/ollama/gateway/conf
    run_dir: /opt/corral/ollama/gateway/run
    gid: 99
    keys:
      - {name: webshop, key: "{{ vault_webshop_key }}"}
      - {name: notebooks, sha256: 8254c329a92850f6d539dd376f4816ee2764517da5e0235514af433164480d7a}
      - {name: operators, key: "{{ vault_operators_key }}", admin: true}
"""

RETURN = r"""
clients:
  description: Who may use the gateway, by name.
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: Whose key it is., type: str}
    admin: {description: Whether it may change models., type: bool}
added:
  description: The names that are new in the files.
  returned: success
  type: list
  elements: str
removed:
  description: The names that are gone.
  returned: success
  type: list
  elements: str
rotated:
  description: The names that have another key.
  returned: success
  type: list
  elements: str
synced:
  description: >-
    Whether the running gateway has these keys. It is V(false) where none runs, or the running one does not use the
    files yet.
  returned: success
  type: bool
error:
  description: Why not, with C(kind), for example V(bad_gateway_key). No key is in it.
  returned: failure
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.glue.gateway_keys import prepare_keys
from ..module_utils.glue.run import run

KEY = {
    "name": {"type": "str", "required": True},
    "key": {"type": "str", "no_log": True},
    "sha256": {"type": "str", "no_log": True},
    "admin": {"type": "bool", "default": False},
}
SPEC = {
    "conf_dir": {"type": "path", "required": True},
    "run_dir": {"type": "path", "default": ""},
    "keys": {"type": "list", "elements": "dict", "required": True, "no_log": False, "options": KEY},
    "gid": {"type": "int"},
    "timeout": {"type": "float", "default": 10.0},
    "wait": {"type": "float", "default": 0.0},
}


def main() -> None:
    run(AnsibleModule(argument_spec=SPEC, supports_check_mode=True), prepare_keys)


if __name__ == "__main__":
    main()
