# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The load tests of a fleet as one HTML page that needs no network and no script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Optional

from .columns import short
from .load_outcome import MEANINGS
from .load_plots import PLOT_STYLE, Curve, plot
from .load_table import headline, settings_in_words
from .markup import Markup, element, fragment, name, visible
from .page_head import page_head
from .page_parts import section, table
from .page_style import STYLE
from .units import human_seconds

_FOLDED_FROM = 4
_MOST = 200
_LONG = 1500
_TIMES = ("p50", "p90", "p95", "p99", "p99.9", "max")
_HEADS = ("Which", "Requests", "Failed", "Waited", *_TIMES, "First token p50", "p95", "Tokens/s p50", "p10")


def load_page(report: Mapping[str, Any]) -> str:
    """The whole page. ``report`` is what load.json holds; what is wrong comes first."""
    sign, good = ("✓", "good") if report["ok"] else ("✗", "bad")
    verdict = "The load test ended well" if report["ok"] else "The load test did not end well"
    header = element(
        "header",
        element("h1", "Load test of the Ollama fleet"),
        element("p", f"{sign} {verdict}", class_=f"verdict {good}"),
        element("p", headline(report), class_="note"),
    )
    problems = [element("li", element("bdi", _cut(text))) for text in report["problems"][:_MOST]]
    hosts = sorted(report["hosts"], key=lambda host: bool(host["ok"]))
    fold = len(hosts) >= _FOLDED_FROM
    main = element(
        "main",
        section("problems", "Problems", element("ul", *problems) if problems else ""),
        section("hosts", "Hosts", *(_host(host, fold) for host in hosts)),
    )
    footer = element("footer", element("p", "The same for programs is in load.json, beside this page.", class_="note"))
    head = page_head(f"{sign} Load test, {report['generated_at']}", STYLE + PLOT_STYLE)
    whole = element("html", head, element("body", header, main, footer), lang="en")
    return f"<!DOCTYPE html>\n{whole}\n"


def _host(host: Mapping[str, Any], fold: bool) -> Markup:
    sign, good = ("✓", "good") if host["ok"] else ("✗", "bad")
    summary = element("summary", element("span", sign, class_=good), " ", name(host["name"]))
    body = _tested(host) if host["tested"] else element("p", "It was not tested.")
    return element("details", summary, body, open=None if host["ok"] and fold else "")


def _tested(host: Mapping[str, Any]) -> Markup:
    said = element("p", f"{_cut(settings_in_words(host))}. Began {host['started_at'][:19]}Z.", class_="note")
    return fragment(said, *_client(host), *_both(host), *_plots(host))


def _client(host: Mapping[str, Any]) -> Sequence[Markup]:
    rows = [("all", _cells(host)), *((_label(group), _cells(group)) for group in host["groups"][:_MOST])]
    note = "Seconds from the planned moment to the end of the answer, of requests that succeeded."
    found = [table("What the client saw", _HEADS, rows), element("p", note, class_="note")]
    sent = host["latency_from_send"]
    found.append(
        table(
            "All of it, from when it was sent",
            ("Measured in", *_TIMES),
            [("seconds", [_time(sent[key]) for key in _TIMES])],
        )
    )
    failures = [
        (
            fragment(one["class"], element("small", MEANINGS[one["class"]]) if one["class"] in MEANINGS else ""),
            [one["count"], one["status"] or "–", name(one["exception"] or "–"), _samples(one["samples"])],
        )
        for one in host["failures"][:_MOST]
    ]
    heads = ("Failure", "Count", "HTTP status", "Exception", "Samples")
    return [*found, table("Every failure that the client saw", heads, failures)] if failures else found


def _both(host: Mapping[str, Any]) -> Sequence[Markup]:
    """The client's view beside that of the logs."""
    rows: list[tuple[object, Sequence[object]]] = [
        (fragment(row["class"], element("small", row["meaning"])), _counts(row["client"], row["logged"], row["masked"]))
        for row in host["comparison"]
    ]
    rows += [
        (fragment(name(row["container"]), ": ", name(row["class"])), _counts("–", row["logged"], row["masked"]))
        for row in host["consumers"]
    ]
    found = [table("Both views side by side", ("Class", "Client saw", "Logs have", "Masked"), rows)]
    told = host["gateway"]
    if told:
        reloaded = " It was reloaded meanwhile, so some of its counts are lost." if told["reloaded"] else ""
        again = f"{told['retries']} requests tried again, {told['redispatches']} taken to another instance."
        found.append(element("p", f"Gateway: {again}{reloaded}"))
    if host["other_lines"]:
        words = ", ".join(f"{count} x {key}" for key, count in host["other_lines"].items())
        found.append(element("p", f"Other lines in the logs: {words}."))
    masking = [element("li", element("bdi", _cut(text))) for text in host["masking"][:_MOST]]
    return [*found, element("ul", *masking) if masking else element("p", "Nothing was masked.")]


def _counts(client: object, logged: int, masked: int) -> Sequence[object]:
    return [client, logged, element("td", masked, class_="bad" if masked else None)]


def _plots(host: Mapping[str, Any]) -> Sequence[Markup]:
    course, width = host["course"], host["step_seconds"]
    ticks = [human_seconds(step["at"]) for step in course]

    def over(key: str) -> list[Optional[float]]:
        return [step[key] for step in course]

    def rate(key: str) -> list[Optional[float]]:
        return [step[key] / width for step in course]

    planned, sent = host["latency"], host["latency_from_send"]
    shares = [Curve("from the planned moment", "plain", [planned[key] for key in _TIMES])]
    shares.append(Curve("from sending", "second", [sent[key] for key in _TIMES]))
    throughput = [Curve("planned", "plain", rate("requests")), Curve("answered", "second", rate("done"))]
    first = [value or None for value in over("first_p50")]
    return [
        plot(
            "Latency over time", "s", ticks, [Curve("p50", "plain", over("p50")), Curve("p95", "second", over("p95"))]
        ),
        plot("Latency by percentile", "s", _TIMES, shares),
        plot("Requests", "per second", ticks, throughput),
        plot("Errors", "per second", ticks, [Curve("failed", "third", rate("failed"))]),
        plot("Time to the first token", "s", ticks, [Curve("p50", "plain", first)]),
    ]


def _label(group: Mapping[str, Any]) -> Markup:
    how = group["kind"] + ("" if group["stream"] or group["kind"] == "embed" else ", not streamed")
    return fragment(name(group["model"]), element("small", how), element("small", name(group["instance"])))


def _cells(entry: Mapping[str, Any]) -> Sequence[object]:
    first, speed = entry["first_token"], entry["tokens_per_second"]
    some = entry["requests"] > entry["failed"]
    counts: list[object] = [
        entry["requests"],
        element("td", entry["failed"], class_="bad" if entry["failed"] else None),
    ]
    times = [_time(entry["latency"][key]) if some else "–" for key in _TIMES]
    begun = [_time(first[key]) if first else "–" for key in ("p50", "p95")]
    return [
        *counts,
        entry["waited"],
        *times,
        *begun,
        *(f"{speed[key]:.1f}" if speed else "–" for key in ("p50", "p10")),
    ]


def _samples(texts: Sequence[str]) -> Markup:
    return fragment(*(element("small", element("bdi", _cut(text))) for text in texts))


def _time(seconds: float) -> str:
    return f"{seconds:.3f}" if seconds < 10 else f"{seconds:.1f}"


def _cut(text: str) -> str:
    return short(visible(text), _LONG)
