#!/usr/bin/python
# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What alerts call for on a host, within limits that outlive whoever listens to the alerts."""

from __future__ import annotations

DOCUMENTATION = r"""
module: response
short_description: What alerts call for on a host, with a cooldown, a cap and one thing at a time
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - Decides what is done about alerts on this host, at most one thing, and writes it down before it is begun.
  - Limits follow from that record, so they hold whoever asks, from wherever, and whatever was restarted in between.
  - It changes nothing else. The role P(corral.ollama.response#role) does what was decided, and then ends it here.
extends_documentation_fragment:
  - corral.ollama.attributes
  - corral.ollama.attributes.state_module
options:
  path:
    description: The record, a file on the host. It and its folder are made when they are missing, for root alone.
    type: path
    required: true
  state:
    description:
      - V(begun) decides, and writes down what is going to be done.
      - V(ended) writes down how it ended.
    type: str
    choices: [begun, ended]
    default: begun
  alerts:
    description: What fires for this host. What has ended is left out by whoever asks.
    type: list
    elements: dict
    default: []
    suboptions:
      alert:
        description: The name of the alert.
        type: str
        required: true
      server:
        description: The instance that it names, if any.
        type: str
        default: ''
  actions:
    description:
      - The allow-list, an action by the name of an alert. V(repair) puts the store in order, V(restart) restarts the
        one instance that the alert names, V(scrub) reads what is due of the store.
      - When several are called for, the first of these that may be done is done, and nothing else.
    type: dict
    default:
      CorralStoreDamaged: repair
      CorralScrubOverdue: scrub
      CorralInstanceDown: restart
      CorralModelSilent: restart
      CorralCpuFallback: restart
  instances:
    description: The names of the instances of this host. No other is ever restarted.
    type: list
    elements: str
    default: []
  dry_run:
    description: Only say what would be done. Nothing is written down, so nothing counts.
    type: bool
    default: true
  cooldown:
    description: Seconds that have to pass before the same is done to the same instance, or to the store, again.
    type: float
    default: 1800.0
  max_per_hour:
    description: How much is done on this host within an hour, of all kinds together.
    type: int
    default: 3
  max_instances:
    description:
      - How many instances may call for a restart at once. When there are more, none is restarted, for then it is not
        the fault of one instance.
    type: int
    default: 1
  ttl:
    description: Seconds after which what was begun and never ended counts as interrupted, 10 to 86400.
    type: float
    default: 7200.0
  owner:
    description: Who asks, for the record and for the messages that others get.
    type: str
    default: corral
  job:
    description: For which job, for example the id of the AWX job.
    type: str
    default: ''
  token:
    description: With O(state=ended), the RV(token) of its beginning. It is no secret.
    type: str
    default: ''
  outcome:
    description: With O(state=ended), how it ended.
    type: str
    choices: [done, failed]
    default: done
  why:
    description: With O(state=ended), why it failed, for people.
    type: str
    default: ''
seealso:
  - module: corral.ollama.store_repair
  - module: corral.ollama.rollout
"""

EXAMPLES = r"""
- name: Ask what would be done
  corral.ollama.response:
    path: /var/lib/corral/ollama/responses.json
    instances: [ollama-server-1, ollama-server-2]
    alerts:
      - {alert: CorralInstanceDown, server: ollama-server-2}
  register: corral_response

- name: Say it
  ansible.builtin.debug:
    msg: "{{ corral_response.sentences }}"
"""

RETURN = r"""
action:
  description: V(repair), V(restart) or V(scrub); empty when nothing is to be done.
  returned: success
  type: str
  sample: restart
subject:
  description: The instance, or V(store).
  returned: success
  type: str
  sample: ollama-server-2
alerts:
  description: The names of the alerts that it answers.
  returned: success
  type: list
  elements: str
refused:
  description: The alerts about which nothing is done, each with C(alert), C(server) and C(why).
  returned: success
  type: list
  elements: dict
sentences:
  description: Both for people.
  returned: success
  type: list
  elements: str
dry_run:
  description: Whether it is only said.
  returned: success
  type: bool
token:
  description: With which it is ended; empty when nothing was begun, and in check mode.
  returned: success
  type: str
last_hour:
  description: What was begun within the last hour, before this.
  returned: success
  type: list
  elements: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.core.response_plan import DEFAULTS
from ..module_utils.core.response_record import DONE, FAILED
from ..module_utils.glue.response import prepare_response
from ..module_utils.glue.run import run

ALERT = {"alert": {"type": "str", "required": True}, "server": {"type": "str", "default": ""}}
SPEC = {
    "path": {"type": "path", "required": True},
    "state": {"type": "str", "choices": ["begun", "ended"], "default": "begun"},
    "alerts": {"type": "list", "elements": "dict", "default": [], "options": ALERT},
    "actions": {"type": "dict", "default": DEFAULTS},
    "instances": {"type": "list", "elements": "str", "default": []},
    "dry_run": {"type": "bool", "default": True},
    "cooldown": {"type": "float", "default": 1800.0},
    "max_per_hour": {"type": "int", "default": 3},
    "max_instances": {"type": "int", "default": 1},
    "ttl": {"type": "float", "default": 7200.0},
    "owner": {"type": "str", "default": "corral"},
    "job": {"type": "str", "default": ""},
    "token": {"type": "str", "default": "", "no_log": False},
    "outcome": {"type": "str", "choices": [DONE, FAILED], "default": DONE},
    "why": {"type": "str", "default": ""},
}


def main() -> None:
    run(AnsibleModule(argument_spec=SPEC, supports_check_mode=True), prepare_response)


if __name__ == "__main__":
    main()
