#!/usr/bin/env python
"""`site` with nothing to do, for 8 and for 16 instances, beside `docker compose up -d` with nothing to do.

Deploys the practice fleet under a project of its own (ports from 24434), runs `site` until nothing changes, times
`--rounds` further runs, and removes it all. Usage: idle_site.py [--rounds 5] [--instances 8 16]
"""

from __future__ import annotations

import argparse
import re
import statistics
import subprocess
import sys
import time

from scene import playbook

FLEET = ("corral_project=corralidle", "corral_base_port=24434")
FOLDER = "/opt/corral/corralidle"


def compose() -> float:
    """Seconds of the floor under all of it."""
    begun = time.monotonic()
    subprocess.run(["docker", "compose", "up", "-d"], cwd=FOLDER, check=True, capture_output=True)
    return time.monotonic() - begun


def idle(count: int, rounds: int) -> float:
    """Median seconds of a site that changes nothing."""
    fleet = (*FLEET, f"corral_instance_count={count}")
    playbook("site", *fleet)
    seconds, floors = [], []
    for _round in range(rounds):
        taken, output = playbook("site", *fleet)
        changed = [int(number) for number in re.findall(r"changed=(\d+)", output)]
        if any(changed) or not changed:
            sys.exit(f"site was to change nothing, but: {output[-2000:]}")
        seconds.append(taken)
        floors.append(compose())
    middle, floor = statistics.median(seconds), statistics.median(floors)
    print(
        f"{count:3} instances: site {middle:5.2f} s (from {min(seconds):.2f} to {max(seconds):.2f}), "
        f"docker compose up -d {floor:.2f} s, ratio {middle / floor:.0f}",
        flush=True,
    )
    return middle


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--instances", type=int, nargs="+", default=[8, 16])
    options = parser.parse_args()
    try:
        taken = {count: idle(count, options.rounds) for count in sorted(options.instances)}
    finally:
        playbook("teardown", *FLEET, "teardown_store=true")
    few, many = min(taken), max(taken)
    if many > few:
        print(f"each further instance: {(taken[many] - taken[few]) / (many - few):.3f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
