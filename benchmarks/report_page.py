#!/usr/bin/env python
"""The page of a fleet against its report in JSON: bytes and seconds of both, in turns, in one run.

No two instances that follow each other are alike, so that nothing can be folded, and there is an earlier report. Then a
browser (Debian's Chromium: `make browser` installs it) opens the page, and an empty one in turns: wall time until it
has laid it out, with everything unfolded too.
Usage: report_page.py [--hosts 200] [--instances 8] [--models 20] [--rounds 5]
"""

from __future__ import annotations

import argparse
import gzip
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from ansible_collections.corral.ollama.plugins.module_utils.core.fleet_page import fleet_page
from ansible_collections.corral.ollama.plugins.module_utils.core.fleet_report import fleet_report
from ansible_collections.corral.ollama.tests.browser.reader import launched, opened
from ansible_collections.corral.ollama.tests.unit.paged import EARLIER, NOW, large
from playwright.sync_api import sync_playwright

#: Asking for a size makes the browser lay out all that it has.
LAID_OUT = "document.body.getBoundingClientRect().height"
UNFOLDED = "document.querySelectorAll('details').forEach(one => { one.open = true }); " + LAID_OUT


def timed(act: Callable[[], str]) -> tuple[float, str]:
    begun = time.process_time()
    made = act()
    return time.process_time() - begun, made


def rendered(page: str, rounds: int) -> None:
    pages = {"an empty page": "<!doctype html><title>x</title>", "fleet.html": page}
    taken: dict[str, list[float]] = {name: [] for name in [*pages, "fleet.html, then all of it unfolded"]}
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = launched(playwright)
        for _round in range(rounds):
            for name, text in pages.items():
                path = Path(folder) / "page.html"
                path.write_text(text, encoding="utf-8")
                begun = time.perf_counter()
                with opened(browser, path) as reader:
                    reader.page.evaluate(LAID_OUT)
                    taken[name].append(time.perf_counter() - begun)
                    if text == page:
                        begun = time.perf_counter()
                        reader.page.evaluate(UNFOLDED)
                        taken["fleet.html, then all of it unfolded"].append(time.perf_counter() - begun)
        browser.close()
    for name, seconds in taken.items():
        print(f"{name}: {statistics.median(seconds):.2f} s in the browser ({min(seconds):.2f} to {max(seconds):.2f})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("hosts", 200), ("instances", 8), ("models", 20), ("rounds", 5)):
        parser.add_argument(f"--{name}", type=int, default=default)
    wanted = parser.parse_args()
    hosts = large(wanted.hosts, wanted.instances, wanted.models)
    before = fleet_report(hosts, EARLIER)
    report = fleet_report(hosts, NOW, before)
    writers: dict[str, Callable[[], str]] = {
        "fleet.json": lambda: json.dumps(report, indent=1, ensure_ascii=False),
        "fleet.html": lambda: fleet_page(report),
    }
    taken: dict[str, list[float]] = {name: [] for name in writers}
    size: dict[str, int] = {}
    for _round in range(wanted.rounds):
        for name, write in writers.items():
            seconds, text = timed(write)
            taken[name].append(seconds)
            size[name] = len(text.encode())
            packed = len(gzip.compress(text.encode())) if _round == 0 else 0
            if packed:
                print(f"{name}: {size[name] / 1e6:.2f} MB, {packed / 1e6:.2f} MB with gzip")
    made = [timed(lambda: str(fleet_report(hosts, NOW, before)))[0] for _round in range(wanted.rounds)]
    for name, seconds in {**taken, "the report itself, changes and all": made}.items():
        median = statistics.median(seconds)
        print(f"{name}: {median:.2f} s of processor time ({min(seconds):.2f} to {max(seconds):.2f})")
    ratio = statistics.median(taken["fleet.html"]) / statistics.median(taken["fleet.json"])
    print(f"page against JSON: {size['fleet.html'] / size['fleet.json']:.2f}x the bytes, {ratio:.2f}x the time")
    rendered(fleet_page(report), wanted.rounds)


if __name__ == "__main__":
    main()
