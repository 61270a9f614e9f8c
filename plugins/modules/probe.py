#!/usr/bin/python
# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deep health: every server lists every model and really answers with it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: probe
short_description: Prove that Ollama servers list their models and really answer with them
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - Asks every server in one call whether it lists every model at the declared digest, and really generates or embeds
    with it. A server that answers C(/api/tags) proves nothing about its models.
  - Servers are asked at the same time, the models of one server one after another.
  - An embedding model is asked to embed and never to generate or chat. What a model can do comes from its
    capabilities, on servers that do not tell them from its tensors and its family.
  - An answer counts when it is complete (C(done) is true) and has at least one token, or when it is a vector of finite
    numbers that are not all zero.
  - A model that is not listed is looked for again before that is believed, as a store that is being changed flickers.
  - What a server has in memory is asked for last and with the context that it has, so that it is not loaded anew. What
    is pushed out is said before, and loaded again afterwards.
  - What was proven can be remembered in a file, so that a later run does not load models only to prove them again.
extends_documentation_fragment:
  - corral.ollama.attributes
attributes:
  check_mode:
    support: full
    details:
      - In check mode models are listed and compared but not asked; RV(to_ask) says what would be.
      - While something would be asked, problems are only reported, as the run itself may still mend them.
  diff_mode:
    support: N/A
    details:
      - This module does not modify state.
  idempotent:
    support: full
    details:
      - The file of O(proof_path) is a cache. Writing it is no change.
options:
  servers:
    description:
      - The servers, each with C(name), C(url) and, where it is known, C(image_digest).
      - Other keys are let be, so RV(corral.ollama.instance_info#module:instances) can be given as it is.
    type: list
    elements: dict
    required: true
  models:
    description:
      - The models that each server has to list and answer with, each a name or a mapping as in C(corral_models).
      - With C(digest), the server has to list the model at that digest. With C(state=absent), it is left out.
    type: list
    elements: raw
    required: true
  deadline:
    description:
      - Seconds that one answer may take, loading the model and waiting for a busy server included.
      - A server that lets it pass is not asked for its remaining models.
    type: float
    default: 300.0
  wait:
    description: Seconds to wait for a server that has just been started.
    type: float
    default: 0.0
  timeout:
    description: Seconds to wait for an answer of C(/api/version), C(/api/tags), C(/api/show) and C(/api/ps).
    type: float
    default: 30.0
  concurrency:
    description: How many servers to ask at the same time.
    type: int
    default: 16
  rechecks:
    description: How often to look again for a model that is not listed.
    type: int
    default: 3
  recheck_delay:
    description: Seconds between two looks.
    type: float
    default: 0.25
  keep_alive:
    description: How long the model stays loaded after the answer, for example V(5m). When empty, the server decides.
    type: str
    default: ''
  proof_path:
    description:
      - The file on the target that remembers what was proven, by server, image, model and digest.
      - When empty, nothing is remembered. A damaged file is a warning, and everything is asked anew.
    type: path
  max_age:
    description: For how many seconds a proof counts; V(0) asks every time.
    type: float
    default: 0.0
  deep:
    description: Whether to ask even what is proven.
    type: bool
    default: false
  evict:
    description:
      - Whether a model may be asked for that pushes another one out of a server's memory. RV(findings) says so before,
        and what was pushed out is loaded again afterwards, with the time and the context that it had.
      - When false, such a model is not asked for, which is said too.
    type: bool
    default: true
  project:
    description:
      - The Compose project of the servers. Its containers and their logs tell how much fits into their memory, without
        which it is not known beforehand what is pushed out. What was is loaded again all the same.
    type: str
    default: ''
  progress_path:
    description: A file that is told how many answers are in, for whoever waits. The action plugin sets it.
    type: path
    default: ''
  ask:
    description:
      - V(false) to list and compare only and load nothing, as in check mode. What was proven is shown, and a model
        without a proof is no failure.
    type: bool
    default: true
  on_failure:
    description: Whether to V(fail) with all problems in one message, or to V(report) them with RV(ok=false).
    type: str
    choices: [fail, report]
    default: fail
requirements:
  - The Python library C(requests) on the target.
seealso:
  - module: corral.ollama.instance_info
  - module: corral.ollama.model_info
"""

EXAMPLES = r"""
- name: Prove that two servers answer with two models
  corral.ollama.probe:
    servers:
      - {name: ollama-server-1, url: "http://127.0.0.1:11434"}
      - {name: ollama-server-2, url: "http://127.0.0.1:11435"}
    models:
      - mistral:7b
      - nomic-embed-text:v1.5

- name: Prove it for the fleet of this host, once a day
  corral.ollama.probe:
    servers: "{{ corral_instances.instances }}"
    models: "{{ corral_models }}"
    proof_path: /var/lib/corral/proofs.json
    max_age: 86400
    on_failure: report
  register: corral_probe
"""

RETURN = r"""
ok:
  description: Whether every server lists every model at its digest, and every model that was asked has answered.
  returned: success
  type: bool
asked:
  description: How many models were really asked.
  returned: success
  type: int
to_ask:
  description: The pairs C(server), C(model) without a proof that counts. In check mode these would be asked.
  returned: success
  type: list
  elements: dict
findings:
  description:
    - What asking does, or would do, to the models that are in memory, and what could not be loaded again.
    - Each has C(check), C(severity), C(instance), C(model) and C(message).
  returned: success
  type: list
  elements: dict
problems:
  description: All problems as sentences that name server and model.
  returned: success
  type: list
  elements: str
  sample: ["ollama-server-3 (http://127.0.0.1:11436) lists mistral:7b but did not answer /api/generate within 300 s."]
results:
  description: One entry per server. In a failure it is in RV(error).
  returned: success
  type: list
  elements: dict
  contains:
    server:
      description: The server's name.
      type: str
    url:
      description: Its address.
      type: str
    image_digest:
      description: The image it runs, as given.
      type: str
    version:
      description: What C(/api/version) says, empty when it does not answer.
      type: str
    ok:
      description: Whether nothing is wrong with it.
      type: bool
    problem:
      description: What is wrong with the server as a whole.
      type: str
    models:
      description: One entry per model, in the declared order.
      type: list
      elements: dict
      contains:
        name:
          description: The model's name as Ollama shows it.
          type: str
        expected:
          description: The declared digest, empty when none was.
          type: str
        digest:
          description: The digest that the server lists.
          type: str
        listed:
          description: Whether the server lists it.
          type: bool
        answered:
          description: Whether it answered, now or (RV(results[].models[].from_proof)) at an earlier time that counts.
          type: bool
        asked:
          description: Whether it was asked now.
          type: bool
        from_proof:
          description: Whether an earlier proof was good enough.
          type: bool
        proven_at:
          description: When it answered last, in UTC; empty for never. It may be too long ago to count as an answer.
          type: str
          sample: "2026-11-21T22:00:00Z"
        failed_at:
          description: When it was asked last, in UTC, if it did not answer then; empty when it did, or never was asked.
          type: str
        endpoint:
          description: How it was asked, V(generate) or V(embed).
          type: str
        seconds:
          description: How long the answer took.
          type: float
        load_seconds:
          description: How much of that was loading the model.
          type: float
        tokens:
          description: How many tokens it generated.
          type: int
        tokens_per_second:
          description: How fast.
          type: float
        dimensions:
          description: The length of its vector.
          type: int
        size:
          description: The bytes that the loaded model takes.
          type: int
        size_vram:
          description: How many of them are on a GPU.
          type: int
        retries:
          description: How often a busy server was asked again.
          type: int
        problem:
          description: What is wrong, empty when nothing is.
          type: str
        kind:
          description: The kind of the problem, for example V(not_listed), V(wrong_digest), V(no_answer).
          type: str
error:
  description: With O(on_failure=fail), the kind of the first problem, all problems and the results.
  returned: failure
  type: dict
  contains:
    kind:
      description: The kind of the first problem.
      type: str
      sample: no_answer
    problems:
      description: All problems, each with C(kind) and C(message).
      type: list
      elements: dict
    results:
      description: As RV(results).
      type: list
      elements: dict
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.core.plans import Plan, Step
from ..module_utils.core.probe_plan import models_from, servers_from
from ..module_utils.core.problems import Problem, raise_all
from ..module_utils.glue.ask import Asking
from ..module_utils.glue.probe import Look, Settings, ask_all, look, report
from ..module_utils.glue.proof_file import ProofFile
from ..module_utils.glue.run import Work, run

SETTINGS = {
    "timeout": {"type": "float", "default": 30.0},
    "wait": {"type": "float", "default": 0.0},
    "concurrency": {"type": "int", "default": 16},
    "rechecks": {"type": "int", "default": 3},
    "recheck_delay": {"type": "float", "default": 0.25},
    "max_age": {"type": "float", "default": 0.0},
    "deep": {"type": "bool", "default": False},
    "evict": {"type": "bool", "default": True},
    "project": {"type": "str", "default": ""},
    "progress_path": {"type": "path", "default": ""},
}
SPEC = {
    **SETTINGS,
    "servers": {"type": "list", "elements": "dict", "required": True},
    "models": {"type": "list", "elements": "raw", "required": True},
    "deadline": {"type": "float", "default": 300.0},
    "keep_alive": {"type": "str", "default": ""},
    "proof_path": {"type": "path"},
    "ask": {"type": "bool", "default": True},
    "on_failure": {"type": "str", "choices": ["fail", "report"], "default": "fail"},
}


def prepare(params: Mapping[str, Any]) -> Work:
    settings = Settings(
        Asking(params["deadline"], params["keep_alive"] or None), **{name: params[name] for name in SETTINGS}
    )
    memory = ProofFile(params["proof_path"] or "")
    looks = look(servers_from(params["servers"]), models_from(params["models"]), settings, memory)
    to_ask = [pair for one in looks for pair in one.to_ask]

    def told(found: Sequence[Look]) -> dict[str, Any]:
        return {"findings": [finding.as_dict() for one in found for finding in one.findings]}

    def finish(found: Sequence[Look]) -> dict[str, Any]:
        whole = report(found, to_ask)
        if params["on_failure"] == "fail":
            raise_all([Problem(*problem) for problem in whole.problems], results=whole.as_dict()["results"])
        return {**whole.as_dict(), **told(found), "changed": False, "warnings": memory.warnings}

    steps = tuple(Step("ask", *pair) for pair in to_ask if params["ask"])
    result = {**report(looks, to_ask).as_dict(), **told(looks), "changed": False, "warnings": memory.warnings}
    return Work(Plan(steps), result if steps else finish(looks), lambda: finish(ask_all(looks, settings, memory)))


def main() -> None:
    run(AnsibleModule(argument_spec=SPEC, supports_check_mode=True), prepare)


if __name__ == "__main__":
    main()
