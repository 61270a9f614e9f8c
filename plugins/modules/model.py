#!/usr/bin/python
# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One model on one Ollama server."""

from __future__ import annotations

DOCUMENTATION = r"""
module: model
short_description: A model on one Ollama server is present, latest, pinned, copied or absent
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - Brings one model on one Ollama server into the declared state, through the server's API.
  - A pull counts as done only when the server said success and then lists the model. An error in any line of its stream
    is a failure, whatever the HTTP status.
  - A model that is as declared is never pulled again, because even a pull that changes nothing rewrites the manifest
    under its readers.
  - Serving instances of a fleet have their store read-only.
    For a fleet's shared store use M(corral.ollama.store_model).
extends_documentation_fragment:
  - corral.ollama.attributes
  - corral.ollama.attributes.progress_action
  - corral.ollama.options.server
  - corral.ollama.options.registry
  - corral.ollama.options.pull
  - corral.ollama.options.rechecks
attributes:
  check_mode:
    support: full
    details:
      - Asks the registry where the decision needs it, and never the server for a pull.
      - The digest after a pull is predicted for O(state=latest), O(digest) and O(source) only.
  diff_mode:
    support: full
  idempotent:
    support: full
    details:
      - An Ollama before 0.19 stores the registry's manifest under another digest. There O(state=latest) pulls each
        time, and reports no change when the digest stayed, unless O(store_path) lets it compare the layers.
options:
  name:
    description: The model, as V([host/][namespace/]model[:tag]).
    type: str
    required: true
  state:
    description:
      - V(present) pulls the model only if the server does not have it (or not with O(digest)).
      - V(latest) pulls it if the registry serves another manifest than the server has.
      - V(absent) deletes it.
    type: str
    choices: [present, latest, absent]
    default: present
  digest:
    description:
      - Pins the model to the sha256 of its manifest, as C(/api/tags) shows it, with or without C(sha256:) before it.
      - Pulled only if the registry serves exactly this, and verified after the pull.
    type: str
  source:
    description: Makes O(name) a copy of this model, which the server must have.
    type: str
  insecure:
    description: Lets the model's registry be asked over HTTP.
    type: bool
    default: false
  store_path:
    description: The server's store on this host, if it is here. Only read, to compare layers where digests differ.
    type: path
requirements:
  - The Python library C(requests) on the target.
seealso:
  - module: corral.ollama.model_info
  - module: corral.ollama.store_model
"""

EXAMPLES = r"""
- name: Have a model
  corral.ollama.model:
    url: http://127.0.0.1:11434
    name: mistral:7b

- name: Follow the registry
  corral.ollama.model:
    url: http://127.0.0.1:11434
    name: llama3.2:3b
    state: latest

- name: Have exactly this
  corral.ollama.model:
    url: http://127.0.0.1:11434
    name: mistral:7b
    digest: sha256:6577803aa9a036369e481d648a2baebb381ebc6e897f2bb9a766a2aa7bfbc1cf

- name: Give it another name
  corral.ollama.model:
    url: http://127.0.0.1:11434
    name: assistant:stable
    source: mistral:7b

- name: Delete it
  corral.ollama.model:
    url: http://127.0.0.1:11434
    name: codellama:7b
    state: absent
"""

RETURN = r"""
name:
  description: The model's name as the server shows it.
  returned: success
  type: str
  sample: mistral:7b
url:
  description: The server.
  returned: success
  type: str
digest_before:
  description: The manifest's sha256 before, empty when the model was not there.
  returned: success
  type: str
digest:
  description: The manifest's sha256 afterwards. In check mode the predicted one, empty when only a pull can tell.
  returned: success
  type: str
bytes_total:
  description: The model's size in bytes, 0 when it is absent or not known before a pull.
  returned: success
  type: int
bytes_fetched:
  description:
    - The size of the layers that were fetched. Layers that the server had before do not count.
    - What an interrupted pull had left of a layer counts, because the server does not tell.
  returned: success
  type: int
layers_reused:
  description: How many layers the server had before a pull.
  returned: success
  type: int
seconds:
  description: How long the change took.
  returned: success
  type: float
retries:
  description:
    - The failed attempts before the one that succeeded.
    - Each has C(attempt), C(kind), C(message), C(seconds) and C(wait).
  returned: success
  type: list
  elements: dict
steps:
  description: What was done, or would be done in check mode.
  returned: success
  type: list
  elements: dict
error:
  description:
    - What went wrong. C(kind) is V(model_not_found), V(needs_newer_server), V(registry_unreachable),
      V(registry_tls), V(registry_auth), V(registry_busy), V(registry_error), V(stalled), V(digest_mismatch),
      V(digest_unavailable), V(no_space), V(read_only_store), V(store_conflict), V(store_denied),
      V(server_gone), V(server_timeout), V(server_error), V(pull_incomplete), V(not_listed), V(bad_name),
      V(bad_digest) or V(bad_input).
    - For a pull it also has C(attempts) and C(retries), one entry per failed attempt.
  returned: failure
  type: dict
"""

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.glue import spec
from ..module_utils.glue.model_apply import apply_step
from ..module_utils.glue.model_state import actual_model, desired_model, plan_model
from ..module_utils.glue.run import Work, run
from ..module_utils.registry.client import RegistryClient
from ..module_utils.server.client import OllamaClient

OWN: spec.Spec = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "latest", "absent"], "default": "present"},
    "digest": {"type": "str"},
    "source": {"type": "str"},
    "insecure": {"type": "bool", "default": False},
    "store_path": {"type": "path"},
}


def prepare(params: Mapping[str, Any]) -> Work:
    desired = desired_model(params)
    client = OllamaClient(params["url"], params["timeout"])
    registry = RegistryClient(params["registry_endpoints"], params["registry_ca_path"], params["registry_timeout"])
    looks = {"rechecks": params["rechecks"], "delay": params["recheck_delay"]}
    actual = actual_model(desired, client, registry, looks)
    plan = plan_model(desired, actual, client.url)
    result = {
        "name": desired.model.name.display,
        "url": client.url,
        "digest_before": actual.digest,
        "digest": plan.after["digest"],
        "bytes_total": 0 if plan.after["state"] == "absent" else actual.size,
        "bytes_fetched": 0,
        "layers_reused": 0,
        "seconds": 0.0,
        "retries": [],
    }
    return Work(plan, result, lambda: apply_step(plan.steps[0].action, desired, actual, client, params))


def main() -> None:
    spec_all = spec.merged(spec.SERVER, spec.REGISTRY, spec.PULL, spec.RECHECKS, OWN)
    run(AnsibleModule(argument_spec=spec_all, supports_check_mode=True), prepare)


if __name__ == "__main__":
    main()
