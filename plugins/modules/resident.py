#!/usr/bin/python
# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Models in memory, brought to the digest that their servers list."""

from __future__ import annotations

DOCUMENTATION = r"""
module: resident
short_description: Load models anew where an older version of them is in memory
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - After a model has moved to another digest, a server goes on with what it has in memory until the next request for
    that model, which then waits for the load. This module finds the servers that still have the old version loaded, and
    lets each of them, one after another, load the new one and answer with it, so that no user waits.
  - The new one stays as long as the old one would have, with the same context length. Models that no server has in
    memory are left alone, and so are servers that do not answer.
  - Requests that run end on the old version; nothing is unloaded under them. Where the old version was to stay for ever
    (C(keep_alive) below 0), it does, beside the new one. Those servers are in RV(to_restart), as the role
    C(corral.ollama.rolling_restart) takes them.
  - Where only a template or parameters have moved, a server keeps the runner that it has. That one is ended once it is
    idle, and loaded again.
extends_documentation_fragment:
  - corral.ollama.attributes
  - corral.ollama.attributes.state_module
options:
  servers:
    description:
      - The servers, each with C(name) and C(url).
      - Other keys are let be, so RV(corral.ollama.instance_info#module:instances) can be given as it is.
    type: list
    elements: dict
    required: true
  models:
    description:
      - The models with the digest that each is to have, as in RV(corral.ollama.store_info#module:models). One without
        a digest is not looked at.
    type: list
    elements: raw
    required: true
  same_weights:
    description:
      - Names of models of which only other layers have moved. Only needed for a correct RV(to_restart) in check mode.
    type: list
    elements: str
    default: []
  deadline:
    description: Seconds that one answer may take, loading the model and waiting for a busy server included.
    type: float
    default: 300.0
  timeout:
    description: Seconds to wait for any other answer of a server.
    type: float
    default: 30.0
  on_failure:
    description:
      - Whether to V(fail) when a server does not answer with the new version, or to V(report) it with RV(ok=false).
      - Either way no further server is touched then.
    type: str
    choices: [fail, report]
    default: fail
requirements:
  - The Python library C(requests) on the target.
seealso:
  - module: corral.ollama.store_model
  - module: corral.ollama.probe
"""

EXAMPLES = r"""
- name: Load what has moved, where it is in memory
  corral.ollama.resident:
    servers: "{{ corral_instances.instances }}"
    models:
      - name: mistral:7b
        digest: 6591e0a9b6764bb1bdf4fb323ced46675455b1ae31bf59d1d90024eabc7f3f67
  register: corral_resident
"""

RETURN = r"""
ok:
  description: Whether every server that was asked has answered with the new version.
  returned: success
  type: bool
problems:
  description: What went wrong, as sentences that name server and model.
  returned: success
  type: list
  elements: str
results:
  description: One entry per server. In a failure it is in C(error).
  returned: success
  type: list
  elements: dict
  contains:
    server: {description: The server's name., type: str}
    url: {description: Its address., type: str}
    reachable: {description: Whether it told what it has in memory., type: bool}
    problem: {description: Why not., type: str}
    models:
      description: The models that it has, or had, in memory at another digest.
      type: list
      elements: dict
      contains:
        name: {description: The model., type: str}
        digest: {description: The digest that it is to have., type: str}
        old_digests: {description: The digests that were in memory., type: list, elements: str}
        action: {description: "V(reload), or V(none) where the new version is in memory already.", type: str}
        keep_alive_seconds: {description: "For how long it stays, V(-1) for ever, null as the server likes.", type: int}
        context_length: {description: The context length of the old one., type: int}
        answered: {description: Whether the new version answered., type: bool}
        endpoint: {description: "How it was asked, V(generate) or V(embed).", type: str}
        seconds: {description: How long loading and answering took., type: float}
        load_seconds: {description: What the server says of loading., type: float}
        old_stays: {description: "For how long the old one stays, empty when it is gone.", type: str}
        problem: {description: Why there was no answer., type: str}
reloaded:
  description: The servers that have loaded a new version.
  returned: success
  type: list
  elements: str
to_restart:
  description: Servers that keep an old version for ever, each with C(name), C(kind=restart) and C(reason).
  returned: success
  type: list
  elements: dict
"""

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.glue.resident import prepare_resident
from ..module_utils.glue.run import Work, run

SPEC = {
    "servers": {"type": "list", "elements": "dict", "required": True},
    "models": {"type": "list", "elements": "raw", "required": True},
    "same_weights": {"type": "list", "elements": "str", "default": []},
    "deadline": {"type": "float", "default": 300.0},
    "timeout": {"type": "float", "default": 30.0},
    "on_failure": {"type": "str", "choices": ["fail", "report"], "default": "fail"},
}


def prepare(params: Mapping[str, Any]) -> Work:
    return prepare_resident(params)


def main() -> None:
    run(AnsibleModule(argument_spec=SPEC, supports_check_mode=True), prepare)


if __name__ == "__main__":
    main()
