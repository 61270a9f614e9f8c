# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects of the stand-in AWX: found, made, changed, tied together and removed."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.corral.ollama.tests.unit import fake_awx_rules as rules
from ansible_collections.corral.ollama.tests.unit.fake_awx_objects import FIELDS, JOBS, KINDS, NUMBERS, SEEDED
from ansible_collections.corral.ollama.tests.unit.fake_awx_rules import Refused

ENCRYPTED = "$encrypted$"
EDGES = ("success_nodes", "failure_nodes", "always_nodes")
ENDPOINT_OF = {
    "default_environment": "execution_environments",
    "webhook_credential": "credentials",
    "inventory": "inventories",
}
PROMPTS = {"limit": "ask_limit_on_launch", "job_tags": "ask_tags_on_launch", "job_type": "ask_job_type_on_launch"}


class Store:
    """``playbooks``: what a project is found to have."""

    def __init__(self, playbooks: list[str]) -> None:
        self.playbooks = playbooks
        self.objects: dict[str, dict[int, dict[str, Any]]] = {endpoint: {} for endpoint in FIELDS}
        self.ties: dict[tuple[str, int, str], list[int]] = {}
        self._last = 0
        for endpoint, seeds in SEEDED.items():
            for seed in seeds:
                self._new(endpoint, seed)

    # reading

    def read(self, words: list[str], query: dict[str, str]) -> Any:
        if words[0] == "project_updates":
            return {"id": 1, "status": "successful", "finished": "now", "failed": False, "scm_revision": "638bf92"}
        if words[0] == "unified_job_templates":
            return self._listed([one for kind in KINDS for one in self.objects[kind].values()], query)
        endpoint = words[0]
        if len(words) == 1:
            return self._listed(list(self.objects[endpoint].values()), query)
        one = self.objects[endpoint][int(words[1])]
        if len(words) == 2:
            return self.shown(endpoint, one)
        if words[2] == "survey_spec":
            return one.get("_survey", {})
        if words[2] == "workflow_nodes":
            nodes = self.objects["workflow_job_template_nodes"].values()
            return [
                self.shown("workflow_job_template_nodes", n) for n in nodes if n["workflow_job_template"] == one["id"]
            ]
        if words[2] in EDGES:
            return [self.shown(endpoint, self.objects[endpoint][number]) for number in one[words[2]]]
        other = self._other(endpoint, words[2])
        tied = self.ties.get((endpoint, one["id"], words[2]), [])
        return [self.shown(other, self.objects[other][number]) for number in tied]

    def named(self, endpoint: str, name: str) -> dict[str, Any]:
        """For tests: the object of that name as the API shows it."""
        return next(self.shown(endpoint, one) for one in self.objects[endpoint].values() if one.get("name") == name)

    def _listed(self, found: list[dict[str, Any]], query: dict[str, str]) -> list[dict[str, Any]]:
        for key, value in query.items():
            if key in ("page", "page_size"):
                continue
            if key == "name__in":
                found = [one for one in found if one["name"] in value.split(",")]
            elif key == "inventory__name":
                found = [one for one in found if self.objects["inventories"][one["inventory"]]["name"] == value]
            else:
                found = [one for one in found if str(one.get(key)) == value]
        return [self.shown(one["_endpoint"], one) for one in found]

    def shown(self, endpoint: str, one: dict[str, Any]) -> dict[str, Any]:
        url = f"/api/v2/{endpoint}/{one['id']}/"
        related = {"survey_spec": f"{url}survey_spec/", "update": f"{url}update/"}
        summary: dict[str, Any] = {}
        if endpoint == "projects":
            summary["current_update"] = {"id": 1}
        target = self._unified(one.get("unified_job_template"))
        if target is not None:
            kind = JOBS[target["type"]]
            summary["unified_job_template"] = {**target, "unified_job_type": kind}
            related["unified_job_template"] = f"/api/v2/{target['_endpoint']}/{target['id']}/"
        public = {key: value for key, value in one.items() if not key.startswith("_")}
        if endpoint == "credentials":
            public["inputs"] = {key: ENCRYPTED if key in one["_secret"] else v for key, v in one["inputs"].items()}
        if endpoint == "notification_templates" and public["notification_configuration"].get("password"):
            public["notification_configuration"] = {**public["notification_configuration"], "password": ENCRYPTED}
        return {**public, "url": url, "related": related, "summary_fields": summary}

    def _unified(self, number: Any) -> dict[str, Any] | None:
        for endpoint in (*KINDS, "workflow_approval_templates"):
            if number in self.objects[endpoint]:
                return self.objects[endpoint][number]
        return None

    # changing

    def change(self, method: str, words: list[str], body: dict[str, Any]) -> tuple[int, Any]:
        endpoint = words[0]
        if len(words) == 1:
            one = self._new(endpoint, body, check=True)
            return 201, self.shown(endpoint, one)
        one = self.objects[endpoint][int(words[1])]
        if len(words) == 3:
            return self._below(endpoint, one, words[2], body, method)
        if method == "DELETE":
            del self.objects[endpoint][one["id"]]
            return 204, None
        changed = {**one, **body}
        self._check(endpoint, changed)
        one.update(self._kept(endpoint, changed, one))
        return 200, self.shown(endpoint, one)

    def _new(self, endpoint: str, body: dict[str, Any], check: bool = False) -> dict[str, Any]:
        unknown = set(body) - set(FIELDS[endpoint]) - {"name", "managed", "workflow_job_template"}
        if unknown:
            raise Refused({"detail": f"unknown to the stand-in: {sorted(unknown)}"})
        given = {key: value for key, value in body.items() if value is not None}
        one = {"name": None, **json.loads(json.dumps(FIELDS[endpoint])), **given}
        if endpoint == "workflow_job_template_nodes":
            one.setdefault("workflow_job_template", None)
        if check:
            self._check(endpoint, one)
        self._last += 1
        one.update(id=self._last, type=KINDS.get(endpoint, endpoint[:-1]), _endpoint=endpoint)
        self.objects[endpoint][self._last] = one
        one.update(self._kept(endpoint, one, one))
        return one

    def _kept(self, endpoint: str, changed: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
        if endpoint == "credentials":
            kind = self.objects["credential_types"].get(changed.get("credential_type"), {"inputs": {}})
            secret = [field["id"] for field in kind["inputs"].get("fields", []) if field.get("secret")]
            changed["_secret"] = secret
            # Which secrets were written, for tests of what leaks.
            changed["_written"] = {**before.get("_written", {}), **changed["inputs"]}
        if endpoint == "notification_templates":
            moments = {moment: None for moment in ("started", "success", "error", "workflow_approval")}
            given = {
                key: {"message": "", "body": "", **(v or {})} for key, v in (changed["messages"] or {}).items() if v
            }
            changed["messages"] = {**moments, **given}
        return changed

    def _check(self, endpoint: str, one: dict[str, Any]) -> None:
        within = "inventory" if endpoint in ("hosts", "groups") else "organization"
        for other in self.objects[endpoint].values():
            same = other["name"] == one["name"] and other.get(within) == one.get(within)
            if one["name"] and same and other.get("id") != one.get("id"):
                raise Refused({"__all__": [f"{endpoint} with this name already exists."]})
        for field in NUMBERS:
            if isinstance(one.get(field), int) and field not in ("unified_job_template", "workflow_job_template"):
                self.objects[ENDPOINT_OF.get(field, f"{field}s")][one[field]]
        checks = {
            "credential_types": rules.credential_type,
            "notification_templates": rules.notification,
            "job_templates": self._check_template,
            "workflow_job_template_nodes": self._check_node,
            "schedules": self._check_schedule,
        }
        checks.get(endpoint, lambda fields: None)(one)

    def _check_template(self, one: dict[str, Any]) -> None:
        rules.text_only(one, "limit", "job_tags", "skip_tags")
        project = self.objects["projects"][one["project"]]
        if one["playbook"] not in self.playbooks and not project["allow_override"]:
            raise Refused({"playbook": ["Playbook not found for project."]})
        if one["inventory"] is None and not one["ask_inventory_on_launch"]:
            raise Refused({"inventory": ["Job Template must provide 'inventory' or allow prompting for it."]})

    def _check_node(self, one: dict[str, Any]) -> None:
        template = self._unified(one.get("unified_job_template"))
        for field, switch in PROMPTS.items():
            if one.get(field) and template is not None and not template.get(switch):
                raise Refused({field: [rules.NOT_PROMPTED]})
        self._check_extra(template, one)

    def _check_schedule(self, one: dict[str, Any]) -> None:
        rules.rrule(one["rrule"])
        self._check_extra(self._unified(one["unified_job_template"]), one)

    @staticmethod
    def _check_extra(template: dict[str, Any] | None, one: dict[str, Any]) -> None:
        if template is not None and "extra_vars" in template:
            asked = {**template, "survey_spec": template.get("_survey")}
            rules.launch(asked, one.get("extra_data") or {}, bool(template.get("ask_variables_on_launch")))

    def _below(
        self, endpoint: str, one: dict[str, Any], what: str, body: dict[str, Any], method: str
    ) -> tuple[int, Any]:
        if what == "survey_spec":
            if method == "POST":
                rules.survey(body)
            one["_survey"] = body if method == "POST" else {}
            return 200, {}
        if what == "create_approval_template":
            known = {key: value for key, value in body.items() if key in ("name", "description", "timeout")}
            approval = self._new("workflow_approval_templates", known)
            one["unified_job_template"] = approval["id"]
            return 201, self.shown("workflow_approval_templates", approval)
        if what == "update":
            return 202, {"id": 1, "url": "/api/v2/project_updates/1/"}
        if what in EDGES:
            return self._edge(one, what, body)
        return self._tie(endpoint, one, what, body)

    def _edge(self, one: dict[str, Any], what: str, body: dict[str, Any]) -> tuple[int, Any]:
        nodes = self.objects["workflow_job_template_nodes"]
        if body.get("disassociate"):
            one[what].remove(body["id"])
        else:
            rules.no_circle(list(nodes.values()), one["id"], body["id"])
            one[what] = sorted({*one[what], body["id"]})
        return 204, None

    def _tie(self, endpoint: str, one: dict[str, Any], what: str, body: dict[str, Any]) -> tuple[int, Any]:
        other = self._other(endpoint, what)
        added = self.objects[other][body["id"]]
        tied = self.ties.setdefault((endpoint, one["id"], what), [])
        if body.get("disassociate"):
            tied.remove(body["id"])
            return 204, None
        types = [self.objects["credentials"][number]["credential_type"] for number in tied if other == "credentials"]
        if endpoint == "job_templates" and other == "credentials" and added["credential_type"] in types:
            raise Refused({"error": "Cannot assign multiple Machine credentials."})
        tied.append(body["id"])
        return 204, None

    @staticmethod
    def _other(endpoint: str, what: str) -> str:
        if what.startswith("notification_templates"):
            return "notification_templates"
        return {"galaxy_credentials": "credentials", "children": "groups"}.get(what, what)
