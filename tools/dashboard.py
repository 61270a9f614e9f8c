#!/usr/bin/env python
"""Write the Grafana dashboard from dashboard.yml; with --check only say whether the committed file is out of date."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from grafana_foundation_sdk.builders import dashboard, prometheus, stat, table, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as models

PANELS = Path(__file__).with_suffix(".yml")
TARGET = Path(__file__).resolve().parent.parent / "roles/monitoring/files/corral-fleet.json"
SOURCE = models.DataSourceRef(type_val="prometheus", uid="$datasource")
# What is chosen above the panels; FLEET in a query stands for it.
FLEET = 'project=~"$project",host=~"$host"'
KINDS: dict[str, Any] = {"number": stat.Panel, "table": table.Panel, "lines": timeseries.Panel}


@dataclass(frozen=True)
class Panel:
    """One entry of dashboard.yml, which says what the fields are."""

    title: str
    text: str
    queries: dict[str, str]
    unit: str = "short"
    kind: str = "lines"
    span: int = 12
    red_from: float | None = None
    red_below: float | None = None


def rows() -> dict[str, list[Panel]]:
    read = yaml.safe_load(PANELS.read_text(encoding="utf-8"))
    return {title: [Panel(**panel) for panel in panels] for title, panels in read.items()}


def expression(text: str) -> str:
    return text.replace("FLEET", FLEET)


def built(panel: Panel) -> Any:
    """The panel as a builder of the SDK."""
    made = KINDS[panel.kind]()
    made.title(panel.title).description(panel.text).datasource(SOURCE).unit(panel.unit).span(panel.span)
    made.height(4 if panel.kind == "number" else 8)
    if panel.kind == "lines":
        made.min(0)
    if panel.red_from is not None or panel.red_below is not None:
        made.thresholds(limits(panel))
    for letter, (text, legend) in zip("ABCDEF", panel.queries.items()):
        query = prometheus.Dataquery().ref_id(letter).expr(expression(text)).datasource(SOURCE)
        if legend:
            query.legend_format(legend)
        made.with_target(query.instant().format("table") if panel.kind == "table" else query)
    return made


def limits(panel: Panel) -> Any:
    colours = ("green", "red") if panel.red_from is not None else ("red", "green")
    edge = panel.red_from if panel.red_from is not None else panel.red_below
    steps = [models.Threshold(None, colours[0]), models.Threshold(edge, colours[1])]
    return dashboard.ThresholdsConfig().mode(models.ThresholdsMode("absolute")).steps(steps)


def choice(name: str) -> Any:
    query = f"label_values(corral_instances_expected, {name})"
    made = dashboard.QueryVariable(name).label(name).datasource(SOURCE).query(query).multi(True).include_all(True)
    # Also where a Prometheus of one's own puts no such label on its targets.
    return made.all_value(".*").refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)


def fleet() -> str:
    board = dashboard.Dashboard("Corral fleet").uid("corral-fleet").tags(["corral", "ollama"]).refresh("30s")
    board.description(
        "Written by tools/dashboard.py of corral.ollama: whether every instance serves every declared model."
    )
    board.time("now-6h", "now").tooltip(models.DashboardCursorSync.CROSSHAIR).readonly()
    board.with_variable(dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
    for name in ("project", "host"):
        board.with_variable(choice(name))
    for title, panels in rows().items():
        board.with_row(dashboard.Row(title))
        for panel in panels:
            board.with_panel(built(panel))
    return JSONEncoder(sort_keys=True, indent=2).encode(board.build()) + "\n"


def main() -> int:
    wanted = fleet()
    if TARGET.exists() and TARGET.read_text(encoding="utf-8") == wanted:
        return 0
    if "--check" in sys.argv[1:]:
        print(f"{TARGET.name} is out of date: run make dashboard")
        return 1
    TARGET.write_text(wanted, encoding="utf-8")
    print(f"{TARGET.name}: written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
