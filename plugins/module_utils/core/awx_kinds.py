# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of objects in AWX that a fleet's configuration is made of: where each is, which of its fields is what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

_NOTIFIED = {f"notification_templates_{moment}": "notification_templates" for moment in ("started", "success", "error")}
_APPROVED = {**_NOTIFIED, "notification_templates_approvals": "notification_templates"}
_GROUPS = {"instance_groups": "instance_groups"}


@dataclass(frozen=True)
class Kind:
    """One kind: ``option`` has its declared items, ``module`` is that of awx.awx, ``endpoint`` the API's.

    ``refs``: fields that name another object, with its endpoint. ``lists``: fields that name several, in any order but
    for ``ordered``. ``texts``: dictionaries that the API keeps as text. ``loose``: dictionaries of which the API adds
    to or hides something. ``ignored``: what the module does with it, and no state. ``within``: the field whose object
    it belongs to, where names are unique in there only.
    """

    name: str
    option: str
    module: str
    endpoint: str
    refs: Mapping[str, str] = field(default_factory=dict)
    lists: Mapping[str, str] = field(default_factory=dict)
    texts: tuple[str, ...] = ()
    loose: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    within: str = ""
    secret: bool = False


ORDERED = ("instance_groups", "galaxy_credentials")
SPECIAL = ("survey_spec", "workflow_nodes")
NEVER_STATE = ("name", "state", "destroy_current_nodes")
ORGANIZATION = {"organization": "organizations"}

# In the order in which they need each other.
KINDS = (
    Kind("instance group", "instance_groups", "instance_group", "instance_groups", {"credential": "credentials"}),
    Kind(
        "organization",
        "organizations",
        "organization",
        "organizations",
        lists={"galaxy_credentials": "credentials", **_GROUPS, **_APPROVED},
        refs={"default_environment": "execution_environments"},
    ),
    Kind("label", "labels", "label", "labels", refs=ORGANIZATION),
    Kind("credential type", "credential_types", "credential_type", "credential_types"),
    Kind(
        "credential",
        "credentials",
        "credential",
        "credentials",
        refs={**ORGANIZATION, "credential_type": "credential_types"},
        loose=("inputs",),
        ignored=("update_secrets",),
        secret=True,
    ),
    Kind(
        "execution environment",
        "execution_environments",
        "execution_environment",
        "execution_environments",
        refs={**ORGANIZATION, "credential": "credentials"},
    ),
    Kind(
        "notification",
        "notifications",
        "notification_template",
        "notification_templates",
        refs=ORGANIZATION,
        loose=("notification_configuration", "messages"),
        secret=True,
    ),
    Kind(
        "project",
        "projects",
        "project",
        "projects",
        refs={**ORGANIZATION, "credential": "credentials", "default_environment": "execution_environments"},
        lists=_NOTIFIED,
        ignored=("wait", "update_project", "interval"),
    ),
    Kind(
        "inventory",
        "inventories",
        "inventory",
        "inventories",
        refs=ORGANIZATION,
        lists=_GROUPS,
        texts=("variables",),
    ),
    Kind("host", "hosts", "host", "hosts", {"inventory": "inventories"}, texts=("variables",), within="inventory"),
    Kind(
        "group",
        "groups",
        "group",
        "groups",
        {"inventory": "inventories"},
        {"hosts": "hosts", "children": "groups"},
        ("variables",),
        within="inventory",
    ),
    Kind(
        "job template",
        "templates",
        "job_template",
        "job_templates",
        refs={
            **ORGANIZATION,
            "inventory": "inventories",
            "project": "projects",
            "execution_environment": "execution_environments",
            "webhook_credential": "credentials",
        },
        lists={"credentials": "credentials", "labels": "labels", **_GROUPS, **_NOTIFIED},
        texts=("extra_vars",),
    ),
    Kind(
        "workflow",
        "workflows",
        "workflow_job_template",
        "workflow_job_templates",
        refs={**ORGANIZATION, "inventory": "inventories"},
        lists={"labels": "labels", **_APPROVED},
        texts=("extra_vars",),
    ),
    Kind(
        "schedule",
        "schedules",
        "schedule",
        "schedules",
        refs={**ORGANIZATION, "unified_job_template": "unified_job_templates", "inventory": "inventories"},
        ignored=("organization",),
    ),
)
BY_OPTION: Mapping[str, Kind] = {kind.option: kind for kind in KINDS}
