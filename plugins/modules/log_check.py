#!/usr/bin/python
# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What went wrong according to the logs of servers and of those who use them."""

from __future__ import annotations

DOCUMENTATION = r"""
module: log_check
short_description: Count what went wrong in the logs of Ollama servers and their consumers
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - Reads the logs of containers through the Docker engine, both streams, since a moment or since each container's last
    start, and counts the lines that tell of trouble, by class. It fails when there are more than a threshold allows.
  - By default it looks at the instances of a project. It can look at other Ollama servers (O(containers)), and at
    containers that use the servers, for patterns of your own (O(consumers)).
  - Logs are read as a stream, so the memory that is needed does not depend on their size. Of a line longer than 64 KiB
    the rest is left out; RV(containers[].cut_lines) counts these lines.
  - Any log driver will do that the engine can read. Where it cannot, as with V(none), that is a problem that names
    container and driver, and the others are read all the same.
extends_documentation_fragment:
  - corral.ollama.attributes
  - corral.ollama.attributes.info_module
  - corral.ollama.options.project
  - corral.ollama.options.engine
options:
  instances:
    description:
      - Whether to look at the instances of O(project), those that are stopped too. It is an error if there are none.
    type: bool
    default: true
  containers:
    description: Further containers with an Ollama server, by name or id. Their lines are counted by the same classes.
    type: list
    elements: str
    default: []
  consumers:
    description: Containers that use the servers, each with the patterns to count in its log.
    type: list
    elements: dict
    default: []
    suboptions:
      container:
        description: The container's name or id.
        type: str
        required: true
      patterns:
        description:
          - Python regular expressions, each as text or as a dictionary with C(pattern), optionally C(name), and the
            thresholds C(count), C(per_minute) and C(in_a_minute) as in O(thresholds). Without any, no line is allowed.
          - Patterns that could take hours on a line made for them are refused, as whoever can write into the log
            can write that line. So there is at most one repeat without an end, such as C(.*) or C(\d+), two in a
            pattern that begins with C(^), and no repeat within a repeat. Short repeats, such as
            C(\d{1,4}), may be there besides.
          - A fixed text is looked for in the whole line, a pattern with repeats in its first 1000 characters at least.
        type: list
        elements: raw
        required: true
  since:
    description:
      - Since when to look. A number of seconds, a time with its zone such as V(2026-11-21T22:00:00Z), or
        V(start) for the last start of each container.
      - Lines are told apart by the time that the engine gave them, to the nanosecond.
    type: str
    default: '3600'
  thresholds:
    description:
      - The most lines of a class that are no problem, by class, for instances and O(containers). What is not named here
        keeps its default.
      - A number is the most in all. A dictionary may have C(count) (in all), C(per_minute) (on average over the time
        looked at, which counts as one minute at least) and C(in_a_minute) (within one minute of the clock).
        What is left out or null is not judged.
      - C(http_404), C(http_500), C(http_503), C(load_timeout), C(runner_crash), C(digest_mismatch) and C(prune)
        are C(0), C(http_499) is C(per_minute=1) and C(in_a_minute=10), and C(pull_retry), C(pull_stall) and
        C(pulling_manifest) are C(in_a_minute=5). A healthy fleet stays below, as its instances neither pull nor prune.
    type: dict
    default: {}
  samples:
    description: How many lines of each class to return, 0 to 20, each cut to 300 characters.
    type: int
    default: 3
  on_failure:
    description: Whether to V(fail) with all problems in one message, or to V(report) them with RV(ok=false).
    type: str
    choices: [fail, report]
    default: fail
requirements:
  - The Python libraries C(docker) and C(requests) on the target.
notes:
  - The classes are C(http_404), C(http_499) (the client left while it waited for its turn or for the model),
    C(http_500) and C(http_503) (the queue was full) of the request log, C(load_timeout) (a model was not loaded in
    time), C(runner_crash), C(digest_mismatch), C(pull_retry) and C(pull_stall) (a part of a download failed or stood
    still), C(pulling_manifest) (a pull began), and C(prune) (the server removes blobs at its start, or tried to).
  - Lines are counted, not events. A crash of a runner may write two lines of its class, and an C(http_500) besides.
  - Ollama answers a streamed pull that fails with 200, and does not log every failure. A quiet log is no proof.
  - What C(ollama pull) draws over and over on a terminal counts once per pull.
  - Samples have no colours and no control characters. What follows C(Authorization), C(Bearer), and names such as
    C(token), C(api_key) and C(password) is replaced by asterisks. Everything else is shown as it was written.
  - When the engine has already rotated away a part of the log, counts and C(per_minute) are too low.
    Compare RV(containers[].first_line) with RV(containers[].since).
seealso:
  - module: corral.ollama.instance_info
  - module: corral.ollama.probe
"""

EXAMPLES = r"""
- name: Nothing went wrong since the servers were started
  corral.ollama.log_check:
    since: start

- name: A reranker found its models in the last ten minutes
  corral.ollama.log_check:
    since: 600
    consumers:
      - container: reranker
        patterns:
          - status=404
          - pattern: Generation timeout
            name: timeout
            per_minute: 0.1

- name: See what happened since a load test began, and allow some waiting
  corral.ollama.log_check:
    since: "2026-11-21T22:00:00Z"
    thresholds:
      http_499: {in_a_minute: 50}
      http_503: 100
    on_failure: report
  register: corral_log_check
"""

RETURN = r"""
ok:
  description: Whether every class of every container is within its thresholds, and every log was read to its end.
  returned: success
  type: bool
problems:
  description: All problems as sentences that name container and class.
  returned: success
  type: list
  elements: str
  sample:
    - >-
      ollama-ollama-server-3 has 12 x http_404 since 2026-11-21T22:00:00Z, 0.2 a minute and up to 7 within one; the most
      is 0 in all. Compare the models that clients ask for with corral_models.
containers:
  description: One entry per container, the instances first. In a failure because of a threshold it is in RV(error).
  returned: success
  type: list
  elements: dict
  contains:
    container:
      description: The container's name.
      type: str
      sample: ollama-ollama-server-3
    service:
      description: The Compose service, empty without one.
      type: str
      sample: ollama-server-3
    log_driver:
      description: The log driver that the container has.
      type: str
      sample: json-file
    since:
      description: Since when the log was looked at. No earlier than the container was made.
      type: str
      sample: "2026-11-21T22:00:00.000000000Z"
    until:
      description: Until when, now or the end of a container that has stopped.
      type: str
    minutes:
      description: The time between the two, at least one minute; averages are over this time.
      type: float
      sample: 60.0
    lines:
      description: How many lines were read.
      type: int
    bytes:
      description: How many bytes the engine sent.
      type: int
    cut_lines:
      description: How many lines were longer than 64 KiB.
      type: int
    first_line:
      description: When the first line that was read was written, empty for none.
      type: str
    last_line:
      description: When the last one was.
      type: str
    problem:
      description: Why the log could not be read to its end, empty when it was.
      type: str
    ok:
      description: Whether nothing is wrong with this container.
      type: bool
    classes:
      description:
        - One entry per class or pattern, by name, each with C(count), C(per_minute) (the average), C(in_a_minute)
          (the most within one minute of the clock), C(first) and C(last) (times), C(samples), C(most) (the thresholds),
          C(exceeded) (which of them are) and C(ok).
      type: dict
      sample:
        http_404:
          count: 1
          per_minute: 0.0167
          in_a_minute: 1
          first: "2026-11-21T22:10:22.000000000Z"
          last: "2026-11-21T22:10:22.000000000Z"
          samples: ['[GIN] 2026/11/21 - 22:10:22 | 404 |     681.459µs |       127.0.0.1 | POST     "/api/show"']
          most: {count: 0, per_minute: null, in_a_minute: null}
          exceeded: [count]
          ok: false
error:
  description: With O(on_failure=fail), the kind of the first problem, all problems and the containers.
  returned: failure
  type: dict
  contains:
    kind:
      description: The kind of the first problem, V(log_threshold), V(log_incomplete) or V(log_unreadable).
      type: str
      sample: log_threshold
    problems:
      description: All problems, each with C(kind), C(message), C(remedy), C(container), and C(class) and C(exceeded).
      type: list
      elements: dict
    containers:
      description: As RV(containers).
      type: list
      elements: dict
"""

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.glue.log_check import prepare_log_check
from ..module_utils.glue.run import Work, run
from ..module_utils.glue.spec import ENGINE, PROJECT, merged

CONSUMER = {
    "container": {"type": "str", "required": True},
    "patterns": {"type": "list", "elements": "raw", "required": True},
}
SPEC = merged(
    PROJECT,
    ENGINE,
    {
        "instances": {"type": "bool", "default": True},
        "containers": {"type": "list", "elements": "str", "default": []},
        "consumers": {"type": "list", "elements": "dict", "default": [], "options": CONSUMER},
        "since": {"type": "str", "default": "3600"},
        "thresholds": {"type": "dict", "default": {}},
        "samples": {"type": "int", "default": 3},
        "on_failure": {"type": "str", "choices": ["fail", "report"], "default": "fail"},
    },
)


def prepare(params: Mapping[str, Any]) -> Work:
    return prepare_log_check(params)


def main() -> None:
    run(AnsibleModule(argument_spec=SPEC, supports_check_mode=True), prepare)


if __name__ == "__main__":
    main()
