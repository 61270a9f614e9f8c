#!/usr/bin/python
# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests at a planned rate, and what became of each of them."""

from __future__ import annotations

DOCUMENTATION = r"""
module: load_test
short_description: Send requests to Ollama servers at a planned rate, and see what becomes of each
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - Sends requests to a gateway, to instances or to any other address that speaks Ollama's API, for some time, and
    counts every failure by HTTP status and exception. It gives latencies, times to the first token and tokens per
    second.
  - The requests arrive by a schedule that is made before (open loop). When all users (O(concurrency)) are busy an
    arrival waits, and its latency is counted from the moment for which it was planned. So slow answers do not hide in a
    test that has slowed down with them.
  - Nothing is tried twice, no redirection is followed, and no time limit is shorter than O(timeout).
  - The generator is locust, in a container with a read-only root, without capabilities and with limited memory, on the
    host's network as instances listen on loopback. It is removed whatever happens, and ends by itself. One that a
    killed run left is ended by the next test of the same project.
extends_documentation_fragment:
  - corral.ollama.attributes
  - corral.ollama.attributes.progress_action
  - corral.ollama.options.project
  - corral.ollama.options.engine
attributes:
  check_mode:
    support: full
    details:
      - In check mode the options are judged, and nothing is sent.
  diff_mode:
    support: N/A
    details:
      - A test is no state that is managed.
  idempotent:
    support: full
    details:
      - Each run is a new test, which changes nothing that is declared. Models that it uses stay loaded for as long as
        the servers keep them.
options:
  path:
    description:
      - A folder on the target for what the generator reads and writes. Each test has a folder of its own in it, of
        which RV(load.results_path) stays until the next test.
    type: path
    required: true
  image:
    description: The image of locust, on the host already.
    type: str
    required: true
  targets:
    description: Where the requests go. Several targets take turns.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The name for reports.
        type: str
        required: true
      url:
        description: The address, as V(http://127.0.0.1:11434).
        type: str
        required: true
  mix:
    description:
      - Which requests to send. An entry is a model's name, or a dictionary with C(model), C(kind) (V(generate),
        V(chat), V(embed) or V(auto), the default, which asks the server what the model does), C(stream) (V(true)),
        C(weight) (V(1)), C(prompt_words) (V(32)) and C(num_predict) (V(64)). Empty for all of O(models), alike.
    type: list
    elements: raw
    default: []
  models:
    description: The models to ask where O(mix) is empty, as in C(corral_models). Those with the state C(absent) are
      left out.
    type: list
    elements: raw
    default: []
  duration:
    description: Seconds for which requests arrive, 1 to 86400.
    type: float
    default: 60.0
  rate:
    description: Requests that arrive in a second. A test has a million of them at most.
    type: float
    default: 1.0
  arrivals:
    description: Whether they arrive at even distances, or at random with that rate on average (Poisson), as real ones
      do.
    type: str
    choices: [constant, poisson]
    default: constant
  ramp:
    description: Seconds within which the rate rises from nothing.
    type: float
    default: 0.0
  concurrency:
    description: Requests under way at the same time, at most, 1 to 2000.
    type: int
    default: 64
  timeout:
    description:
      - Seconds that a request may take from when it is sent, 0 for no limit. An arrival that has waited for a free user
        for longer than this is not sent any more, and counts as C(not_sent).
      - With 0, what has no answer an hour after the last arrival is given up.
    type: float
    default: 300.0
  abort_error_ratio:
    description: Give up when more than this part of the requests has failed; 1 for never.
    type: float
    default: 0.5
  abort_min_requests:
    description: With O(abort_error_ratio), how many requests have to be done first.
    type: int
    default: 50
  key:
    description: The key for a gateway that wants one.
    type: str
  ca_path:
    description: A file on the target with the certificates to trust, for an address with C(https).
    type: path
  memory_mb:
    description: Memory of the generator in MiB, 128 or more.
    type: int
    default: 1024
  seed:
    description: With the same number, arrivals, mix and prompts are the same again.
    type: int
    default: 1
  progress_path:
    description: A file on the target for the progress. The action plugin sets it.
    type: path
  generator:
    description: The generator's files by name. The action plugin sets it.
    type: dict
    default: {}
requirements:
  - The Python libraries C(docker) and C(requests) on the target.
seealso:
  - module: corral.ollama.load_report
  - module: corral.ollama.log_check
"""

EXAMPLES = r"""
- name: Five requests a second for ten minutes, at random moments, through the gateway
  corral.ollama.load_test:
    path: /var/lib/corral/ollama/load
    image: locustio/locust:2.47.0
    targets:
      - {name: gateway, url: "http://127.0.0.1:11433"}
    duration: 600
    rate: 5
    arrivals: poisson
    ramp: 30
    mix:
      - {model: "mistral:7b", kind: chat, weight: 3}
      - {model: "nomic-embed-text:v1.5", kind: embed}
  register: corral_load_test

- name: See that none failed
  ansible.builtin.assert:
    that: corral_load_test.load.failed == 0
"""

RETURN = r"""
planned:
  description: The test as it was understood, with C(requests), how many there are about.
  returned: success
  type: dict
load:
  description: What became of it; empty in check mode.
  returned: success
  type: dict
  contains:
    started_at: {description: "When the first request was planned, by the clock of the target.", type: str}
    seconds: {description: How long it took to the last answer., type: float}
    aborted: {description: "Why it was given up, empty when it was not.", type: str}
    planned: {description: How many requests were planned., type: int}
    requests: {description: How many have an answer or an error., type: int}
    failed: {description: How many of them failed., type: int}
    unanswered: {description: How many had neither at the end., type: int}
    waited: {description: How many had to wait for a free user., type: int}
    most_waiting: {description: How many waited at the same time., type: int}
    late: {description: "For how many the generator itself was late, by more than 0.1 s.", type: int}
    lag: {description: By how many seconds at most., type: float}
    tokens: {description: How many tokens came., type: int}
    latency:
      description: Seconds from the planned moment to the end of the answer, of requests that succeeded.
      type: dict
      sample: {p50: 0.41, p90: 0.8, p95: 1.1, p99: 2.4, "p99.9": 3.1, max: 3.3, mean: 0.52}
    latency_from_send: {description: The same from when the request was sent., type: dict}
    first_token:
      description: Seconds from the planned moment to the first token of a stream, null without any.
      type: dict
    tokens_per_second:
      description: The speed of an answer, C(p50), C(p10) and C(min), null without any.
      type: dict
    groups: {description: "The same per model, kind and instance.", type: list, elements: dict}
    failures:
      description: Each with C(class), C(status), C(exception), C(count), C(instances) and C(samples).
      type: list
      elements: dict
    step_seconds: {description: How many seconds an entry of RV(load.course) stands for., type: float}
    course:
      description: Over time C(at), C(requests), C(failed), C(done), C(p50), C(p95) and C(first_p50).
      type: list
      elements: dict
    results_path: {description: The file on the target with a line per request., type: str}
    settings: {description: "The test as it was run, kinds of models included.", type: dict}
"""

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.glue.load_test import prepare_load_test
from ..module_utils.glue.run import Work, run
from ..module_utils.glue.spec import ENGINE, PROJECT, merged

TARGET = {"name": {"type": "str", "required": True}, "url": {"type": "str", "required": True}}
SPEC = merged(
    PROJECT,
    ENGINE,
    {
        "path": {"type": "path", "required": True},
        "image": {"type": "str", "required": True},
        "targets": {"type": "list", "elements": "dict", "required": True, "options": TARGET},
        "mix": {"type": "list", "elements": "raw", "default": []},
        "models": {"type": "list", "elements": "raw", "default": []},
        "duration": {"type": "float", "default": 60.0},
        "rate": {"type": "float", "default": 1.0},
        "arrivals": {"type": "str", "choices": ["constant", "poisson"], "default": "constant"},
        "ramp": {"type": "float", "default": 0.0},
        "concurrency": {"type": "int", "default": 64},
        "timeout": {"type": "float", "default": 300.0},
        "abort_error_ratio": {"type": "float", "default": 0.5},
        "abort_min_requests": {"type": "int", "default": 50},
        "key": {"type": "str", "no_log": True},
        "ca_path": {"type": "path"},
        "memory_mb": {"type": "int", "default": 1024},
        "seed": {"type": "int", "default": 1},
        "progress_path": {"type": "path"},
        "generator": {"type": "dict", "default": {}},
    },
)


def prepare(params: Mapping[str, Any]) -> Work:
    return prepare_load_test(params)


def main() -> None:
    run(AnsibleModule(argument_spec=SPEC, supports_check_mode=True), prepare)


if __name__ == "__main__":
    main()
