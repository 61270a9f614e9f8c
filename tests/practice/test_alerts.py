# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every alert fires on its fault and names it, stays quiet just below, and is resolved afterwards: promtool says so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.corral.ollama.tests.practice import alerts_lab
from ansible_collections.corral.ollama.tests.practice.alerts_lab import Case

# What takes hours and days by default, in minutes: promtool looks every 15 s.
SHORT = {"monitoring_scrub_overdue_days": 0.01, "monitoring_lease_stuck_seconds": 1200}
CASES = alerts_lab.cases()
HELD = 'corral_lease_held{lease="rollout"}'
SINCE = 'corral_lease_acquired_timestamp_seconds{lease="rollout"}'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("rules")
    (made / "rules.yml").write_text(alerts_lab.without_annotations(alerts_lab.rendered(**SHORT)))
    (made / "full.yml").write_text(alerts_lab.rendered())  # a healthy fleet fires nothing, so its words do not matter
    return made


@pytest.fixture(scope="module")
def promtool(folder: Path) -> Iterator[Any]:
    with alerts_lab.promtool(folder) as call:
        yield call


def test_prometheus_takes_the_rules(promtool: Any) -> None:
    status, said = promtool("check", "rules", "--lint-fatal", "full.yml")
    assert status == 0, said


def test_every_alert_has_cases_of_both_kinds() -> None:
    assert sorted(CASES) == sorted(alerts_lab.alerts())
    assert [alert for alert, cases in CASES.items() if not any(case.fires for case in cases)] == []
    assert [alert for alert, cases in CASES.items() if not any(case.quiet for case in cases)] == []


@pytest.mark.parametrize("alert", sorted(CASES))
def test_the_alert(alert: str, promtool: Any, folder: Path) -> None:
    status, said = alerts_lab.verdict(promtool, folder, alert, [alerts_lab.group(alert, case) for case in CASES[alert]])
    assert status == 0, said


def test_the_cases_notice_alerts_that_never_fire(promtool: Any, folder: Path) -> None:
    """The very cases, held against rules in which no alert has its name any more: promtool refuses each."""
    (folder / "dead.yml").write_text((folder / "rules.yml").read_text().replace("- alert: ", "- alert: No"))
    firing = [(alert, next(case for case in cases if case.fires)) for alert, cases in CASES.items()]
    alerts_lab.verdict(promtool, folder, "alive", [alerts_lab.group(alert, case) for alert, case in firing])
    (folder / "dead.test.yml").write_text((folder / "alive.test.yml").read_text().replace("- rules.yml", "- dead.yml"))
    status, said = promtool("test", "rules", "dead.test.yml")
    assert status != 0
    assert [case.what for alert, case in firing if f"name: {alert}: {case.what}," not in said] == []


def rolling(count: int) -> dict[str, str]:
    """One instance after the other is out for three minutes, under the lease, and is asked for its models meanwhile."""
    series: dict[str, str] = {}
    total = 16 + 16 * count + 60
    for number in range(count):
        server = f'server="ollama-server-{number + 1}"'
        before, after = 16 + 16 * number, total - 16 - 16 * number - 12
        series[f"corral_up{{{server}}}"] = f"1x{before - 1} 0x11 1x{after}"
        for model in ("mistral:7b", "llava:7b"):
            both = f'{server},model="{model}"'
            series[f"corral_model_listed{{{both}}}"] = f"1x{before - 1} 0x11 1x{after}"
            series[f'corral_model_problem{{{both},kind="server_gone"}}'] = f"0x{before - 1} 1x{after + 12}"
            series[f"corral_model_asked_timestamp_seconds{{{both}}}"] = f"1x{before - 1} {before * 15}x{after + 12}"
            series[f"corral_model_resident_expected{{{both}}}"] = f"1x{total}"
            series[f"corral_model_resident{{{both}}}"] = f"1x{before - 1} 0x15 1x{after}"
        series[f"corral_instance_start_time_seconds{{{server}}}"] = f"1x{before - 1} {(before + 10) * 15}x{after + 12}"
        series[f"corral_instance_restarts_total{{{server}}}"] = f"2x{before - 1} 0x{after + 12}"
    series["corral_instances_expected"] = f"{count}x{total}"
    series["corral_instances_available"] = f"{count}x15 {count - 1}x{16 * count} {count}x60"
    series["corral_rollout_unfinished"] = f"0x15 1x{16 * count} 0x60"
    series['corral_drift{kind="image"}'] = f"0x15 3x{16 * count} 0x60"
    series[HELD] = f"0x14 1x{16 * count} 0x60"
    series[SINCE] = f"0x14 225x{16 * count} 0x60"
    return series


def flicker() -> dict[str, str]:
    """Pulls that change nothing write manifests in place, and readers miss the model for moments; a scrub runs too."""
    series = {
        'corral_lease_held{lease="store"}': "0x10 1x60 0x60",
        'corral_store_findings{kind="partial"}': "0x20 3x40 0x70",
    }
    for number in range(1, 9):
        server = f'server="ollama-server-{number}"'
        pattern = " ".join("0" if (tick + number) % 5 == 0 else "1" for tick in range(129))
        pattern += " 1"
        series[f"corral_up{{{server}}}"] = "1x130"
        series[f'corral_model_listed{{{server},model="mistral:7b"}}'] = pattern
        series[f'corral_model_digest_ok{{{server},model="mistral:7b"}}'] = pattern
    series['corral_model_instances_available{model="mistral:7b"}'] = " ".join(
        "7" if t % 5 == 0 else "8" for t in range(130)
    )
    series['corral_model_instances_expected{model="mistral:7b"}'] = "8x130"
    return series


@pytest.mark.parametrize(
    "scene", [rolling(8), flicker()], ids=["a rolling restart of eight", "pulls in place and a scrub"]
)
def test_what_is_healthy_fires_nothing(scene: dict[str, str], promtool: Any, folder: Path) -> None:
    case = Case("a healthy fleet", scene, quiet=[f"{minute}m" for minute in range(1, 50)])
    groups = [alerts_lab.group(alert, case) for alert in CASES]
    tests = [test for group in groups for test in group["alert_rule_test"]]
    status, said = alerts_lab.verdict(
        promtool, folder, "healthy", [{**groups[0], "alert_rule_test": tests}], "full.yml"
    )
    assert status == 0, said
