#!/usr/bin/env python
"""The page of a fleet against its report in JSON: bytes and seconds of both, in turns, in one run.

No two instances that follow each other are alike, so that nothing can be folded, and there is an earlier report.
Usage: report_page.py [--hosts 200] [--instances 8] [--models 20] [--rounds 5]
"""

from __future__ import annotations

import argparse
import gzip
import json
import statistics
import time
from collections.abc import Callable

from ansible_collections.corral.ollama.plugins.module_utils.core.fleet_page import fleet_page
from ansible_collections.corral.ollama.plugins.module_utils.core.fleet_report import fleet_report
from ansible_collections.corral.ollama.tests.unit.paged import EARLIER, NOW, large


def timed(act: Callable[[], str]) -> tuple[float, str]:
    begun = time.process_time()
    made = act()
    return time.process_time() - begun, made


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


if __name__ == "__main__":
    main()
