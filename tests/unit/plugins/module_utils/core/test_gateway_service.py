# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway's service: least rights, and an identity that follows every word of it."""

from __future__ import annotations

from ansible_collections.corral.ollama.plugins.module_utils.core.gateway_service import DEFINITION, service


def test_it_runs_with_nothing_but_its_own_files():
    made = service("ollama", "/opt/corral/ollama", "haproxy:3.0.11")
    assert (made["user"], made["read_only"], made["cap_drop"]) == ("99:99", True, ["ALL"])
    assert made["security_opt"] == ["no-new-privileges:true"]
    assert [(v["source"], v["target"], v.get("read_only", False)) for v in made["volumes"]] == [
        ("/opt/corral/ollama/gateway/conf", "/etc/corral-gateway", True),
        ("/opt/corral/ollama/gateway/run", "/run/corral", False),
    ]
    # Compose would make a missing one for everybody.
    assert [v["bind"] for v in made["volumes"]] == [{"create_host_path": False}] * 2
    assert not {"ports", "privileged", "cap_add", "devices"} & set(made)


def test_only_its_owner_can_use_the_sockets():
    assert "/run/corral/master.sock,mode,600" in service("ollama", "/opt/x", "haproxy:3.0.11")["entrypoint"]


def test_another_definition_is_another_identity():
    def identity(project="ollama", project_dir="/opt/x", image="haproxy:3.0.11"):
        return service(project, project_dir, image)["environment"][DEFINITION]

    assert identity() == identity()
    others = [identity(project="other"), identity(project_dir="/opt/y"), identity(image="haproxy:3.0.12")]
    assert len({identity(), *others}) == 4
    assert len(identity()) == 16
