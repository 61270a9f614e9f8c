#!/usr/bin/python
# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring changed instances back into service, once they have proven themselves."""

from __future__ import annotations

DOCUMENTATION = r"""
module: admission
short_description: Bring changed instances back into service once they have proven themselves
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - Waits for each instance of a batch until its container runs and it serves, lists every model at its digest, and has
    really answered with each; loads what was loaded before again; puts the instance into service at the gateway; and
    watches it for O(min_healthy_time). The instances of a batch are worked on at the same time.
  - An instance that fails in any of this is taken out of the gateway's rotation (again), recorded as failed with the
    reason, and reported with the last lines of its container's log. The others of the batch go on.
  - A model that was on a GPU before the change (by the record, or now on another instance) has to be on one afterwards.
    A server that silently falls back to the CPU is a failure of the kind V(cpu_fallback).
  - While it is watched, an instance fails when its container is restarted, ends or is out of memory, when
    C(/api/version) does not answer twice in a row, or when the gateway marks it as down. At the end it has to answer
    once more with a model.
  - An instance that the record shows as done already (with O(returning), as rolled back) is left alone.
  - Without a gateway (O(run_dir) empty) everything else is the same.
extends_documentation_fragment:
  - corral.ollama.attributes
  - corral.ollama.options.rollout
  - corral.ollama.options.project
attributes:
  check_mode:
    support: full
    details:
      - In check mode only the record is read. RV(results) says for each instance whether it would be admitted.
  diff_mode:
    support: full
  idempotent:
    support: full
    details:
      - The file of O(proof_path) is a cache. Writing it is no change.
options:
  instances:
    description:
      - The batch, each with C(name), C(url) and, where it is known, C(kind). Other keys are let be.
      - One of the kind V(remove) has no container any more. It is recorded as done and nothing is proven, unless it is
        O(returning).
      - The gateway is told the address in C(url) when it has another one.
    type: list
    elements: dict
    required: true
  others:
    description:
      - Further instances of the host with C(name) and C(url). What they have on a GPU has to be on one here as well.
    type: list
    elements: dict
    default: []
  run_dir:
    description:
      - The directory on the target with the gateway's sockets. Empty without a gateway.
      - An instance that the gateway does not know is not put into service there.
    type: path
  models:
    description: The models that each instance has to list and answer with, as for M(corral.ollama.probe).
    type: list
    elements: raw
    default: []
  residents:
    description:
      - What has to be in memory, as for M(corral.ollama.resident_set). It is loaded beside what was in memory before,
        and after it, so that it is not what leaves where there is no room for all.
      - Names of instances that are not in the batch are let be.
    type: list
    elements: raw
    default: []
  memory_path:
    description: The file on the target that remembers which declared residents were loaded, as for
      M(corral.ollama.resident_set).
    type: path
  healthy_deadline:
    description: Seconds until the container runs and serves, and again until the gateway shows the instance as up.
    type: float
    default: 300.0
  deadline:
    description: Seconds that one answer may take, loading the model included.
    type: float
    default: 300.0
  min_healthy_time:
    description: Seconds for which the instance is watched after it is in service.
    type: float
    default: 10.0
  proof_path:
    description: The file on the target that remembers what was proven, as for M(corral.ollama.probe).
    type: path
  restore_residents:
    description: Whether to load again what was loaded before, for as long and with the same context length.
    type: bool
    default: true
  timeout:
    description: Seconds to wait for one answer of the gateway, of C(/api/version), C(/api/tags) and C(/api/ps).
    type: float
    default: 5.0
  drain_timeout:
    description: Seconds for which the requests that still run on an instance that failed in service may end.
    type: float
    default: 60.0
  returning:
    description:
      - Whether the instances were made what they were before, after a failure. They are proven all the same, and
        recorded as rolled back instead of done.
    type: bool
    default: false
  log_lines:
    description: How many of the last lines of a failed instance's container log to report.
    type: int
    default: 20
  on_failure:
    description:
      - Whether to V(fail) with all problems in one message, or to V(report) them with RV(ok=false) and RV(go_on).
      - The record is the same.
    type: str
    choices: [fail, report]
    default: fail
requirements:
  - The Python libraries C(requests) and C(docker) on the target.
seealso:
  - module: corral.ollama.drain
  - module: corral.ollama.probe
  - module: corral.ollama.rollout
"""

EXAMPLES = r"""
- name: Bring one instance back into service
  corral.ollama.admission:
    rollout_path: /var/lib/corral/ollama/rollout
    audit_path: /var/lib/corral/ollama/audit.jsonl
    token: "{{ corral_rollout.token }}"
    run_dir: /opt/corral/ollama/gateway/run
    instances:
      - {name: ollama-server-1, url: "http://127.0.0.1:11434"}
    models:
      - mistral:7b
      - nomic-embed-text:v1.5
    proof_path: /var/lib/corral/proofs.json
    on_failure: report
  register: corral_admission
"""

RETURN = r"""
ok:
  description: Whether every instance is in service and was healthy for as long as it was watched.
  returned: success
  type: bool
go_on:
  description:
    - Whether the next batch may follow, by the rollout's C(max_failure_ratio) and C(failure_action).
    - V(true) when nothing has failed.
  returned: success
  type: bool
problems:
  description: What is wrong, a sentence per instance that failed.
  returned: success
  type: list
  elements: str
  sample: ["ollama-server-1: its container was restarted 2 times while it was watched (exit code 1)."]
results:
  description: One entry per instance of the batch. In a failure it is in RV(error).
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The instance.
      type: str
    ok:
      description: Whether it is in service and was healthy.
      type: bool
    skipped:
      description: Whether the record showed it as done already, so that nothing was to do.
      type: bool
    kind:
      description:
        - The kind of its failure, for example V(no_container), V(crashed), V(never_up), V(not_listed), V(wrong_digest),
          V(no_answer), V(no_tokens), V(cpu_fallback), V(gateway_not_up), V(unhealthy).
      type: str
    why:
      description: The failure as a sentence, empty without one.
      type: str
    version:
      description: What C(/api/version) says.
      type: str
    image_digest:
      description: The id of the image that its container runs.
      type: str
    seconds:
      description: How long each part took, in C(up), C(probe), C(load), C(undrain) and C(watch).
      type: dict
    residents:
      description: The models that it has loaded in the end, as in RV(corral.ollama.drain#module:instances[].residents).
      type: list
      elements: dict
    notes:
      description: What is worth knowing and no failure, for example that a model was removed and is not loaded again.
      type: list
      elements: str
    log:
      description: The last lines of its container's log when it failed, without colours.
      type: list
      elements: str
error:
  description: With O(on_failure=fail), the kind of the first problem, all problems and the results.
  returned: failure
  type: dict
  contains:
    kind:
      description: The kind of the first problem.
      type: str
      sample: crashed
    problems:
      description: All problems, each with C(kind) and C(message).
      type: list
      elements: dict
    results:
      description: As RV(results).
      type: list
      elements: dict
"""

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.glue.admission import prepare_admission
from ..module_utils.glue.run import Work, run
from ..module_utils.glue.spec import PROJECT, ROLLOUT, merged

SPEC = merged(
    ROLLOUT,
    PROJECT,
    {
        "instances": {"type": "list", "elements": "dict", "required": True},
        "others": {"type": "list", "elements": "dict", "default": []},
        "run_dir": {"type": "path"},
        "models": {"type": "list", "elements": "raw", "default": []},
        "residents": {"type": "list", "elements": "raw", "default": []},
        "memory_path": {"type": "path"},
        "healthy_deadline": {"type": "float", "default": 300.0},
        "deadline": {"type": "float", "default": 300.0},
        "min_healthy_time": {"type": "float", "default": 10.0},
        "proof_path": {"type": "path"},
        "restore_residents": {"type": "bool", "default": True},
        "timeout": {"type": "float", "default": 5.0},
        "drain_timeout": {"type": "float", "default": 60.0},
        "returning": {"type": "bool", "default": False},
        "log_lines": {"type": "int", "default": 20},
        "on_failure": {"type": "str", "choices": ["fail", "report"], "default": "fail"},
    },
)


def prepare(params: Mapping[str, Any]) -> Work:
    return prepare_admission(params)


def main() -> None:
    run(AnsibleModule(argument_spec=SPEC, supports_check_mode=True), prepare)


if __name__ == "__main__":
    main()
