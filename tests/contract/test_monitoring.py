"""Alerts and their pages, rules and the metrics that they read, the dashboard and what writes it: they agree."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import yaml
from ansible_collections.corral.ollama.plugins.module_utils.core.exporter_metrics import BY_NAME
from ansible_collections.corral.ollama.plugins.module_utils.core.findings import DAMAGE
from ansible_collections.corral.ollama.plugins.module_utils.core.log_classes import SERVER_CLASSES
from ansible_collections.corral.ollama.tests.contract import house
from ansible_collections.corral.ollama.tests.practice.metrics_page import HAPROXY

ROLE = house.ROOT / "roles/monitoring"
RUNBOOK = house.ROOT / "docs/runbook"
# The template's own variables become numbers; what is in double braces is Prometheus' own.
RULES = yaml.safe_load(re.sub(r"<<.*?>>", "1", house.text(ROLE / "templates/rules.yml.j2").partition("\n")[2]))
EVERY = [rule for group in RULES["groups"] for rule in group["rules"]]
ALERTS = {rule["alert"]: rule for rule in EVERY if "alert" in rule}
BOARD = json.loads(house.text(ROLE / "files/corral-fleet.json"))
PANELS = [panel for panel in BOARD["panels"] if panel["type"] != "row"]
QUERIES = [target["expr"] for panel in PANELS for target in panel["targets"]]
NAME = re.compile(r"(?<![\w:\"$=~.{])(?:corral|haproxy)[_:][a-z_:]+(?=[{\[ )]|$)")
# The labels that Prometheus puts on what it reads, beside those that a metric has of its own.
ADDED = {"job", "instance", "host", "project"}


def test_every_alert_has_a_page_of_the_runbook_and_every_page_an_alert():
    pages = {path.stem for path in RUNBOOK.glob("*.md")} - {"README"}
    assert pages == set(ALERTS)
    index = house.text(RUNBOOK / "README.md")
    assert [
        name for name in sorted(pages) if f"[{name}]({name}.md) | {ALERTS[name]['labels']['severity']} |" not in index
    ] == []
    assert [name for name in pages if not house.text(RUNBOOK / f"{name}.md").startswith(f"# {name}\n")] == []


def test_every_page_says_how_to_look_what_to_run_and_when_it_is_over():
    wanted = (
        "## See for yourself",
        "## What to run",
        "ansible-playbook -i hosts.yml corral.ollama.",
        "It is resolved ",
    )
    texts = {path.stem: house.text(path) for path in RUNBOOK.glob("Corral*.md")}
    assert [(name, part) for name, text in texts.items() for part in wanted if part not in text] == []


def test_links_to_the_runbook_lead_to_this_repository():
    defaults = yaml.safe_load(house.text(ROLE / "defaults/main.yml"))
    repository = yaml.safe_load(house.text(house.ROOT / "galaxy.yml"))["repository"]
    assert defaults["monitoring_runbook_url"].startswith(repository + "/")
    assert defaults["monitoring_runbook_url"].endswith(RUNBOOK.relative_to(house.ROOT).as_posix())
    assert [name for name, rule in ALERTS.items() if rule["annotations"]["runbook_url"] != f"1/{name}.md"] == []


def test_rules_and_dashboard_read_only_what_there_is():
    known = set(BY_NAME) | set(HAPROXY) | {rule["record"] for rule in EVERY if "record" in rule}
    used = {name for text in [rule["expr"] for rule in EVERY] + QUERIES for name in NAME.findall(text)}
    assert len(used) > 40
    assert sorted(used - known) == []


def test_what_is_chosen_by_a_label_can_be_there():
    classes = {one.name for one in SERVER_CLASSES}
    chosen = {name for rule in EVERY for name in re.findall(r'class="(\w+)"', rule["expr"])}
    assert chosen <= classes
    damage = yaml.safe_load(house.text(ROLE / "vars/main.yml"))["__monitoring_damage"]
    assert damage == sorted(DAMAGE)


def test_alerts_say_what_is_wrong_where_and_what_to_run():
    for name, rule in ALERTS.items():
        words = rule["annotations"]
        assert rule["labels"]["severity"] in ("critical", "warning"), name
        assert "$labels.host" in words["summary"], name
        assert all(label in words["description"] for label in ("$labels.host", "$labels.project")), name
        read = {label for metric in NAME.findall(rule["expr"]) if metric in BY_NAME for label in BY_NAME[metric].labels}
        told = set(re.findall(r"\$labels\.(\w+)", " ".join(words.values())))
        assert not read or told <= read | ADDED, name


def test_the_dashboard_is_what_its_generator_writes():
    check = subprocess.run(
        [sys.executable, "tools/dashboard.py", "--check"], cwd=house.ROOT, capture_output=True, text=True
    )
    assert check.returncode == 0, check.stdout + check.stderr


def test_the_dashboard_is_whole():
    assert (BOARD["uid"], BOARD["editable"]) == ("corral-fleet", False)
    assert [variable["name"] for variable in BOARD["templating"]["list"]] == ["datasource", "project", "host"]
    assert len({panel["title"] for panel in PANELS}) == len(PANELS)
    for panel in PANELS:
        assert panel["description"], panel["title"]
        assert panel["datasource"]["uid"] == "$datasource", panel["title"]
        assert all("$project" in target["expr"] and "$host" in target["expr"] for target in panel["targets"])
    places = [tuple(panel["gridPos"][side] for side in "xywh") for panel in PANELS]
    assert all(x + width <= 24 for x, _y, width, _height in places)
    apart = [
        one[0] + one[2] <= two[0] or two[0] + two[2] <= one[0] or one[1] + one[3] <= two[1] or two[1] + two[3] <= one[1]
        for number, one in enumerate(places)
        for two in places[:number]
    ]
    assert all(apart)
