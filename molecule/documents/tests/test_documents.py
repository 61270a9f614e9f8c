# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documents as somebody would come to them, one after the other; each command succeeds, and the last counts."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from commands import commands
from desk import ROOT, Desk
from masked import route
from old_servers import make_old_servers, remove_old_servers

#: These are other tests: what they run, and where.
ELSEWHERE = {
    "make demo": ("tests/acceptance", 'make("demo")'),
    "make demo-down": ("tests/acceptance", 'make("demo-down")'),
    "make build": ("Makefile", "+build+"),
    "ansible-galaxy collection install dist/corral-ollama-0.1.0.tar.gz": ("tests/release", "ansible-galaxy"),
}


def fresh(desk: Desk, **variables: object) -> None:
    """A fleet as one_host.md leaves it, before it takes it away."""
    desk.declare(**variables)
    desk.play("site")


def reported(desk: Desk) -> list[dict[str, Any]]:
    """The instances of the last report."""
    report = json.loads((desk.folder / "artifacts/fleet.json").read_text())
    return list(report["instances"])


def gone(desk: Desk) -> None:
    desk.play("teardown", "-e", "corral_remove_store=true")


def test_the_readme(desk: Desk):
    shown = yaml.safe_load((ROOT / "inventories/eight_instances/hosts.yml").read_text())["ollama_hosts"]
    desk.declare(**shown["vars"])
    (desk.folder / "inventories/eight_instances/hosts.yml").write_text((desk.folder / "hosts.yml").read_text())
    said = desk.follow("README.md", missing=dict.fromkeys(ELSEWHERE, "another test does it"))
    assert "changed=0 " not in said["ansible-playbook -i inventories/eight_instances corral.ollama.site --check --diff"]
    assert len(reported(desk)) == shown["vars"]["corral_instance_count"]
    gone(desk)


def test_one_host(desk: Desk):
    desk.declare()
    desk.follow("docs/guides/one_host.md")
    left = desk.hosts["gpu1"]
    assert left.containers() == []
    assert left.docker("volume", "ls", "-q", "-f", "name=ollama") == ""


def test_a_place_without_a_network(desk: Desk):
    desk.declare()
    desk.follow("docs/guides/air_gapped.md", before={"bundle_import": lambda: gone(desk)})
    (desk.folder / "corral.lock.yml").unlink()


def test_bundles(desk: Desk):
    fresh(desk)
    shown = "f1ff3d9d20931832223c25348644e960a8aba3fc859ed763772b5f23d5e95024"
    desk.play("bundle_export", "-e", "bundle_path=/srv/models.tar", "-e", '{"bundle_models": ["mistral:7b"]}')
    digest = re.search("[0-9a-f]{64}", desk.hosts["gpu1"].sh("head -n 1 /srv/models.tar.sha256"))
    assert digest
    desk.follow("docs/guides/bundles.md", instead={shown: digest[0]})


def test_pins(desk: Desk):
    fresh(desk)
    desk.follow("docs/guides/lock.md")
    (desk.folder / "corral.lock.yml").unlink()


@pytest.mark.parametrize("guide", ["verify", "report", "scrub", "repair", "prune"])
def test_what_shows_and_keeps_a_fleet(desk: Desk, guide: str):
    desk.follow(f"docs/guides/{guide}.md")


def test_models_in_memory(desk: Desk):
    desk.declare(corral_residents=["llama3.2:3b"])
    desk.follow("docs/guides/prewarm.md")


def test_rolling_changes(desk: Desk):
    fresh(desk)
    desk.follow("docs/guides/rolling.md")


def test_updates(desk: Desk):
    models = [model for instance in reported(desk) for model in instance["models"]]
    (digest,) = {model["digest"] for model in models if model["name"] == "mistral:7b"}
    desk.follow("docs/guides/update.md", instead={"6591e0a9…": digest})


def test_a_load_test(desk: Desk):
    fresh(desk)
    ends = {"load_test_duration=1800": "load_test_duration=10", "http://router:4000": "http://127.0.0.1:11433"}
    desk.follow("docs/guides/load_test.md", instead=ends)


def test_instances_as_an_inventory(desk: Desk):
    asked = {"plugin": "corral.ollama.instances", "docker_hosts": [f"ssh://root@{desk.hosts['gpu1'].address}"]}
    (desk.folder / "hosts.instances.yml").write_text(yaml.safe_dump({**asked, "project": "ollama"}))
    said = desk.follow("docs/guides/inventory.md")
    assert all("ollama-server-3" in output for output in said.values())


def test_a_gateway_with_keys(desk: Desk):
    key = "webshop-0123456789abcdef0123456789abcdef"
    desk.declare(
        corral_gateway_bind_address="0.0.0.0",
        corral_gateway_keys=[{"name": "webshop", "key": key}],
        corral_gateway_tls_names=["ollama.example"],
    )
    host = desk.hosts["gpu1"]
    trust = "cp /opt/corral/ollama/gateway/conf/tls/*.pem /root/gateway.pem"
    desk.follow(
        "docs/guides/gateway.md", instead={"curl ": f"KEY={key}; curl -f "}, before={"curl": lambda: host.sh(trust)}
    )


def test_monitoring(desk: Desk):
    fresh(desk)
    desk.follow("docs/guides/monitoring.md", before={"journalctl": lambda: desk.play("monitoring")})


def test_event_driven_repair(desk: Desk):
    (ours,) = [one.text for one in desk.of("docs/guides/eda.md") if "corral.ollama.respond --limit" in one.text]
    alerts = ours.partition(" -e ")[2].strip("'")
    earlier = ("respond", "-e", alerts, "-e", "corral_response_dry_run=false")
    desk.follow("docs/guides/eda.md", before={"responses.json": lambda: desk.play(*earlier)})


def test_the_runbook(desk: Desk):
    """On a fleet that is well, for a page may also be read after the alert has gone; each command once."""
    desk.declare(corral_monitoring=True)
    desk.play("deploy")
    absent = {"docker exec ollama-ollama-server-3 nvidia-smi", "nvidia-smi"}
    for command in commands():
        if command.document.startswith("docs/runbook/") and command.text not in desk.done | absent and not command.why:
            if "rolling_rollback" in command.text:  # of a rollout, which this fleet has had none of
                desk.play("rolling_restart", "-e", '{"corral_force": true, "corral_only": ["ollama-server-3"]}')
            desk.type(command)
    desk.done |= absent
    desk.play("deploy", "-e", "corral_monitoring=false")


def test_a_fleet_of_hosts_with_gpus(desk: Desk):
    desk.follow("docs/guides/gpu_fleet.md")


def test_one_download_for_all(desk: Desk):
    def bundle() -> None:
        desk.play("bundle_export", "--limit", "gpu1", "-e", "bundle_path=/srv/models.tar")
        gone(desk)

    desk.declare("gpu1", "gpu3", corral_distribution=True)
    desk.play("site")
    desk.follow("docs/guides/distribution.md", before={"bundle_import": bundle})
    assert desk.hosts["gpu3"].docker("volume", "ls", "-q", "-f", "name=ollama_models") == "ollama_models"
    gone(desk)


def test_a_mirror(desk: Desk):
    desk.declare("gpu1", "mirror1", mirror1={"corral_mirror_blob_name": "blobs.example.com"})
    desk.follow("docs/guides/mirror.md")


def test_a_migration(desk: Desk):
    host = desk.hosts["gpu1"]
    desk.declare()
    make_old_servers(host)
    # What was gone back from is migrated again before the old servers may go.
    desk.follow("docs/guides/migrate.md", before={"migrate_reclaim": lambda: desk.play("migrate")})
    assert [name for name in host.containers() if name.startswith("old-")] == []
    gone(desk)


def test_before_and_after(desk: Desk):
    host = desk.hosts["gpu1"]
    patterns = ["status=404", "Generation timeout"]
    make_old_servers(host)
    route(host, ["http://127.0.0.1:11434", "http://127.0.0.1:11435"])

    def migrated() -> None:
        desk.declare(corral_log_consumers=[{"container": "router", "patterns": patterns}])
        desk.play("migrate")
        route(host, ["http://127.0.0.1:11433"])

    # They tidy the store that they serve from, which is one of the things to be told of.
    looked = {"log_check": "unused blobs removed"}
    desk.follow("docs/guides/before_after.md", before={"corral.ollama.verify": migrated}, finds=looked)
    remove_old_servers(host)


def test_all_of_them_were_run(desk: Desk):
    assert {command.text for command in commands() if not command.why} - desk.done == set()
    for text, (place, words) in ELSEWHERE.items():
        files = [ROOT / place] if (ROOT / place).is_file() else list((ROOT / place).glob("*.py"))
        assert any(words in path.read_text() for path in files), f"{place} does not run {text}"
