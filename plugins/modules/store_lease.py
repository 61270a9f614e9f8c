#!/usr/bin/python
# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may write to a store."""

from __future__ import annotations

DOCUMENTATION = r"""
module: store_lease
short_description: The right to write to a model store, held by one job at a time
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - The lease is a file in the store's root that says who writes, for which job, since when and until when.
  - It is refused while somebody else holds it, with a message that says who, and taken over when it has expired.
    So a job that was killed keeps nobody out for longer than its lease lasts.
  - M(corral.ollama.store_model) renews the lease by itself while it works.
  - A lease of which less than a third has passed is not renewed, so that a repeat changes nothing.
extends_documentation_fragment:
  - corral.ollama.attributes
  - corral.ollama.attributes.state_module
  - corral.ollama.options.store
options:
  state:
    description:
      - V(held) takes the lease, or renews it if O(token) holds it.
      - V(released) gives it up. A lease that is not held under O(token) is left alone.
    type: str
    choices: [held, released]
    default: held
  owner:
    description: Who asks, for the messages that others get.
    type: str
    default: corral
  job:
    description: For which job, for example the id of the AWX job.
    type: str
    default: ''
  token:
    description:
      - What identifies the holder. It is no secret.
      - With O(state=held) it may be left out, and a new one is returned.
      - With O(state=released) and no token, nothing is released.
    type: str
    default: ''
  ttl:
    description: Seconds until the lease expires unless it is renewed, 10 to 86400.
    type: float
    default: 300.0
  wait:
    description: Seconds to wait for a lease that somebody else holds. In check mode nothing is waited for.
    type: float
    default: 0.0
seealso:
  - module: corral.ollama.store_model
"""

EXAMPLES = r"""
- name: Become the one who writes
  corral.ollama.store_lease:
    path: /var/lib/docker/volumes/ollama_models/_data
    owner: "{{ awx_user_name | default('by hand') }}"
    job: "{{ awx_job_id | default('') }}"
    wait: 600
  register: corral_lease

- name: Publish a model
  corral.ollama.store_model:
    path: /var/lib/docker/volumes/ollama_models/_data
    name: mistral:7b
    source: puller
    puller_url: http://127.0.0.1:11534
    lease_token: "{{ corral_lease.lease.token }}"

- name: Let others write
  corral.ollama.store_lease:
    path: /var/lib/docker/volumes/ollama_models/_data
    state: released
    token: "{{ corral_lease.lease.token }}"
"""

RETURN = r"""
lease:
  description:
    - The lease as it is now; empty when nobody holds it.
    - In check mode, a lease that would be taken has no token.
  returned: success
  type: dict
  contains:
    token: {description: What identifies the holder., type: str}
    owner: {description: Who holds it., type: str}
    job: {description: For which job., type: str}
    host: {description: The host of the process that took it., type: str}
    pid: {description: The process that took it., type: int}
    acquired_at: {description: "Since when, in Unix seconds.", type: float}
    renewed_at: {description: When it was renewed last., type: float}
    expires_at: {description: When it expires., type: float}
taken_over:
  description: The expired lease of another that was replaced; empty when there was none.
  returned: success
  type: dict
"""

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.glue.lease import prepare_lease
from ..module_utils.glue.run import Work, run
from ..module_utils.glue.spec import STORE, merged

SPEC = merged(
    STORE,
    {
        "state": {"type": "str", "choices": ["held", "released"], "default": "held"},
        "owner": {"type": "str", "default": "corral"},
        "job": {"type": "str", "default": ""},
        "token": {"type": "str", "default": "", "no_log": False},
        "ttl": {"type": "float", "default": 300.0},
        "wait": {"type": "float", "default": 0.0},
    },
)


def prepare(params: Mapping[str, Any]) -> Work:
    return prepare_lease(params)


def main() -> None:
    run(AnsibleModule(argument_spec=SPEC, supports_check_mode=True), prepare)


if __name__ == "__main__":
    main()
