#!/usr/bin/python
# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a rolling change begins and ends."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout
short_description: Begin and end a rolling change of a host's instances
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - A rollout is a record on the host. It says which instances are to be changed and why, how each was before, and how
    far each has come, and is written before each step. So whatever ends a run, the next one knows what to finish.
  - To begin one takes its lease, so that no two change instances of a host at the same time, and works out the batches.
    Instances that an earlier run left half changed come first, then those that are out of service anyway, then the
    canary by itself, then the others.
  - Each change of the record is a line in the audit log.
extends_documentation_fragment:
  - corral.ollama.attributes
  - corral.ollama.attributes.state_module
options:
  path:
    description: The directory of the rollout on the host, made when it is missing, for root alone.
    type: path
    required: true
  audit_path:
    description: The audit log. When empty, C(audit.jsonl) beside O(path).
    type: path
  state:
    description:
      - V(begun) takes the lease and writes the record. With nothing to do and nothing left to finish it does neither.
      - V(ended) closes the record and gives the lease up. Without O(token), nothing is done.
    type: str
    choices: [begun, ended]
    default: begun
  owner:
    description: Who asks, for the record and for the messages that others get.
    type: str
    default: corral
  job:
    description: For which job, for example the id of the AWX job.
    type: str
    default: ''
  token:
    description:
      - What identifies the holder of the lease. It is no secret.
      - With O(state=begun) it may be left out, and a new one is returned.
    type: str
    default: ''
  ttl:
    description: Seconds until the lease expires unless it is renewed, 10 to 86400. Each step of the rollout renews it.
    type: float
    default: 120.0
  wait:
    description:
      - Seconds to wait for a lease that somebody else holds. In check mode nothing is waited for.
      - When the other one changed instances meanwhile, what was compared before counts no more, and this fails.
    type: float
    default: 0.0
  direction:
    description:
      - V(forward) makes O(changes).
      - V(back) takes back everything that the last rollout changed or began to change, finished or not. O(changes) and
        O(goal) are not used then.
    type: str
    choices: [forward, back]
    default: forward
  goal:
    description:
      - What is to be reached, as any text that is the same for the same goal. With it, a rollout that was interrupted
        is resumed, and restarts that it has made are not made again. Only its digest is kept.
      - Give a digest of it where it contains secrets, as options may be logged.
    type: str
    default: ''
  changes:
    description: What is to be done. An instance without a container is one that is out of service already.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The instance, a service of the project.
        type: str
        required: true
      kind:
        description: What is done with it. V(admit) only proves it, and lets it serve again.
        type: str
        choices: [recreate, restart, remove, admit]
        required: true
      reason:
        description: Why, for people.
        type: str
        default: ''
      url:
        description: Where its API will be. It is not used here.
        type: str
        default: ''
  project_path:
    description: The project file, which is kept in the record as it is, as the way back.
    type: path
  instances:
    description: The instances of the host as M(corral.ollama.instance_info) lists them.
    type: list
    elements: dict
    default: []
  max_unavailable:
    description:
      - How many instances may be out of service at the same time, a number or a share such as V(25%), which is rounded
        down and at least 1.
      - Instances that do not run count. When they leave no room, nothing is begun.
    type: str
    default: '1'
  batch:
    description: How many instances are changed at the same time, never more than O(max_unavailable). 0 for as many.
    type: int
    default: 0
  canary:
    description: How many instances are changed before the others, each by itself.
    type: int
    default: 1
  max_failure_ratio:
    description: The share of the instances of the rollout that may fail without ending it, 0 to 1.
    type: float
    default: 0.0
  failure_action:
    description: What is done when more fail.
    type: str
    choices: [rollback, pause, continue]
    default: rollback
  verdict:
    description: How it ended. V(done) is refused while an instance is not done.
    type: str
    choices: [done, failed, paused, rolled_back]
    default: done
  why:
    description: Why it ended so, for people.
    type: str
    default: ''
seealso:
  - module: corral.ollama.rollout_info
  - module: corral.ollama.project_file
"""

EXAMPLES = r"""
- name: Begin to restart two instances, one after the other
  corral.ollama.rollout:
    path: /var/lib/corral/ollama/rollout
    owner: alice
    goal: a restart on the 1st of August
    changes:
      - {name: ollama-server-1, kind: restart, reason: asked for}
      - {name: ollama-server-2, kind: restart, reason: asked for}
  register: corral_rollout

- name: End it
  corral.ollama.rollout:
    path: /var/lib/corral/ollama/rollout
    state: ended
    token: "{{ corral_rollout.token }}"
    verdict: failed
    why: It was only an example.
"""

RETURN = r"""
token:
  description: What identifies the holder of the lease; empty when it is not held (any more), and in check mode.
  returned: success
  type: str
resumed:
  description: Whether a rollout that was interrupted goes on.
  returned: success
  type: bool
batches:
  description:
    - What is to be done, in this order. A batch is a list of instances with C(name), C(kind), C(reason), C(in_doubt)
      (an earlier run left it half changed) and C(canary).
  returned: success
  type: list
  elements: list
rollout:
  description: The record; empty when there is none.
  returned: success
  type: dict
  contains:
    id: {description: Its name., type: str}
    owner: {description: Who leads it., type: str}
    job: {description: In which job., type: str}
    goal: {description: The digest of O(goal)., type: str}
    direction: {description: V(forward) or V(back)., type: str}
    started_at: {description: "When it began, UTC.", type: str}
    ended_at: {description: When it ended; empty while it has not., type: str}
    verdict: {description: How it ended., type: str}
    message: {description: Why it ended so., type: str}
    max_unavailable: {description: "O(max_unavailable) as a number.", type: int}
    max_failure_ratio: {description: As given., type: float}
    failure_action: {description: As given., type: str}
    instances:
      description:
        - By name, each with C(kind), C(reason), C(state) (V(planned), V(draining), V(drained), V(changing),
          V(admitting), V(done), V(failed) or V(rolled_back)), C(at) (since when), C(why) (it failed), C(source) (the
          definition it has, V(desired) or V(before)), C(image) and C(image_id) (before), and C(residents) (the models
          it had in memory).
      type: dict
sentences:
  description: The plan for people; empty when nothing is to be done.
  returned: success
  type: list
  elements: str
report:
  description: Who is what now, in a few sentences; empty without a record.
  returned: success
  type: str
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.core.rollout_record import DIRECTIONS, FAILURE_ACTIONS, KINDS, VERDICTS
from ..module_utils.glue.rollout import prepare_rollout
from ..module_utils.glue.run import run

CHANGE = {
    "name": {"type": "str", "required": True},
    "kind": {"type": "str", "choices": list(KINDS), "required": True},
    "reason": {"type": "str", "default": ""},
    "url": {"type": "str", "default": ""},
}
SPEC = {
    "path": {"type": "path", "required": True},
    "audit_path": {"type": "path"},
    "state": {"type": "str", "choices": ["begun", "ended"], "default": "begun"},
    "owner": {"type": "str", "default": "corral"},
    "job": {"type": "str", "default": ""},
    "token": {"type": "str", "default": "", "no_log": False},
    "ttl": {"type": "float", "default": 120.0},
    "wait": {"type": "float", "default": 0.0},
    "direction": {"type": "str", "choices": list(DIRECTIONS), "default": "forward"},
    "goal": {"type": "str", "default": ""},
    "changes": {"type": "list", "elements": "dict", "default": [], "options": CHANGE},
    "project_path": {"type": "path"},
    "instances": {"type": "list", "elements": "dict", "default": []},
    "max_unavailable": {"type": "str", "default": "1"},
    "batch": {"type": "int", "default": 0},
    "canary": {"type": "int", "default": 1},
    "max_failure_ratio": {"type": "float", "default": 0.0},
    "failure_action": {"type": "str", "choices": list(FAILURE_ACTIONS), "default": "rollback"},
    "verdict": {"type": "str", "choices": list(VERDICTS), "default": "done"},
    "why": {"type": "str", "default": ""},
}


def main() -> None:
    run(AnsibleModule(argument_spec=SPEC, supports_check_mode=True), prepare_rollout)


if __name__ == "__main__":
    main()
