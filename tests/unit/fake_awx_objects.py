# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the objects of the stand-in AWX look like: the fields of recorded answers of AWX 24.6.1, emptied."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RECORDED = Path(__file__).parent / "fixtures/awx"
NOT_FIELDS = ("id", "type", "url", "related", "summary_fields", "created")


def recording(name: str) -> Any:
    return json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))


def emptied(name: str, **values: Any) -> dict[str, Any]:
    """The fields of a recorded object with nothing in them."""
    found = recording(name)
    fields = found[0] if isinstance(found, list) else found
    empty = {str: "", bool: False, int: 0, dict: {}, list: []}
    shown = {key: empty.get(type(value)) for key, value in fields.items() if key not in NOT_FIELDS}
    return {**shown, **values}


REFERENCES = ("organization", "inventory", "project", "execution_environment", "credential", "credential_type")
MORE_REFERENCES = ("default_environment", "webhook_credential", "unified_job_template", "workflow_job_template")
NUMBERS = dict.fromkeys((*REFERENCES, *MORE_REFERENCES))


def _fresh(name: str, **values: Any) -> dict[str, Any]:
    fields = emptied(name, **values)
    return {key: None if key in NUMBERS else value for key, value in fields.items()}


# By endpoint: the fields of an object, and what they are when nobody says anything.
FIELDS: dict[str, dict[str, Any]] = {
    "organizations": {"description": "", "max_hosts": 0, "default_environment": None, "custom_virtualenv": None},
    "labels": {"organization": None},
    "instance_groups": {
        "policy_instance_percentage": 0,
        "policy_instance_minimum": 0,
        "max_forks": 0,
        "credential": None,
    },
    "credential_types": _fresh("credential_type", kind="cloud"),
    "credentials": _fresh("credential"),
    "execution_environments": {"description": "", "organization": None, "image": "", "credential": None, "pull": ""},
    "notification_templates": _fresh("notification_template", notification_type="webhook"),
    "projects": {
        "description": "",
        "organization": None,
        "scm_type": "",
        "scm_url": "",
        "scm_branch": "",
        "scm_refspec": "",
        "scm_clean": False,
        "scm_delete_on_update": False,
        "scm_track_submodules": False,
        "scm_update_on_launch": False,
        "scm_update_cache_timeout": 0,
        "credential": None,
        "default_environment": None,
        "allow_override": False,
        "timeout": 0,
        "scm_revision": "638bf92",
    },
    "inventories": {
        "description": "",
        "organization": None,
        "kind": "",
        "host_filter": None,
        "variables": "",
        "prevent_instance_group_fallback": False,
    },
    "hosts": {"description": "", "inventory": None, "enabled": True, "variables": ""},
    "groups": {"description": "", "inventory": None, "variables": ""},
    "job_templates": _fresh("job_template", job_type="run", job_slice_count=1, extra_vars=""),
    "workflow_job_templates": _fresh("workflow_job_template", extra_vars=""),
    "workflow_job_template_nodes": _fresh("workflow_nodes", identifier=""),
    "workflow_approval_templates": {"description": "", "timeout": 0},
    "schedules": _fresh("schedule", enabled=True),
}
KINDS = {"job_templates": "job_template", "workflow_job_templates": "workflow_job_template", "projects": "project"}
JOBS = {
    "job_template": "job",
    "workflow_job_template": "workflow_job",
    "project": "project_update",
    "workflow_approval_template": "workflow_approval",
}
SEEDED: dict[str, list[dict[str, Any]]] = {
    "credential_types": [
        {
            "name": "Machine",
            "kind": "ssh",
            "inputs": {"fields": [{"id": "password", "secret": True}, {"id": "ssh_key_data", "secret": True}]},
        },
        {"name": "Source Control", "kind": "scm", "inputs": {"fields": [{"id": "password", "secret": True}]}},
        {"name": "Container Registry", "kind": "registry", "inputs": {"fields": [{"id": "password", "secret": True}]}},
        {
            "name": "Red Hat Ansible Automation Platform",
            "kind": "cloud",
            "inputs": {"fields": [{"id": "password", "secret": True}, {"id": "oauth_token", "secret": True}]},
        },
    ],
    "credentials": [{"name": "Ansible Galaxy"}],
    "instance_groups": [{"name": "controlplane"}, {"name": "default"}],
    "execution_environments": [{"name": "AWX EE (24.6.1)", "image": "quay.io/ansible/awx-ee:24.6.1"}],
}
