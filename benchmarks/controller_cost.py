#!/usr/bin/env python
"""What `verify` and an unchanged `site` cost the controller, over 1, 10, 100 and 200 hosts of eight instances each.

A machine for 200 engines is not at hand, and would tell nothing more: what a module does on its host is not the
controller's. So one real fleet is deployed here, and a run over it records what each module answers. Then the same
playbooks run over hosts that are all one container, each with a name and an SSH connection of its own: through the
real `ssh` to a real sshd, with `ansible.cfg` as shipped. Every module is packed and sent as ever; only what would be
Python at the other end looks the answer up (recorded_host.py). Nothing of Ansible is replaced or left out: forks,
variables, templates, packing, action plugins, reports and output are those of a real run. A network adds waiting to
it, and modules that really work add theirs; `far` is the processor time of sshd and the stand-in, and in no other sum.

`main` is Ansible's main process, which is one however many forks there are; `workers` are the processes that it forks,
with the ssh that each calls; `kept` are the connections that stay open (ControlPersist). Memory is the most
that was in use at one moment, of all of them, and pages that they share are counted once (PSS). `x` is processor time
per host over that of the first line. A run that changes something on any host ends the benchmark.
Usage: controller_cost.py [--hosts 1 10 100 200] [--playbooks verify site] [--rounds 1] [--forks N] [--instances 8]
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from crowd import Crowd
from processes import Use, used_by
from scene import ROOT, playbook

PROJECT, PORT = "corralmany", 25000
LIMIT = 3600.0
HEADS = ["hosts", "wall s", "CPU s", "per host", "x", "main", "workers", "kept"]
HEADS += ["peak MB", "main MB", "kept MB", "modules", "far", "load"]


@dataclass(frozen=True)
class Cost:
    hosts: int
    use: Use
    calls: int
    far: float

    @property
    def each(self) -> float:
        return self.use.processor / self.hosts

    def line(self, one: Cost) -> str:
        use = self.use
        megabytes = (use.memory / 1e6, use.main_memory / 1e6, use.masters_memory / 1e6)
        seconds = (use.main, use.workers, sum(use.masters.values()))
        cells = [f"{self.hosts}", f"{use.wall:.1f}", f"{use.processor:.1f}", f"{self.each:.2f}"]
        cells += [f"{self.each / one.each:.2f}", *(f"{number:.1f}" for number in seconds)]
        cells += [*(f"{size:.0f}" for size in megabytes), f"{self.calls}", f"{self.far:.1f}"]
        return row([*cells, f"{os.getloadavg()[0]:.1f}"])


def row(cells: list[str]) -> str:
    return "".join(cell.rjust(9) for cell in cells)


def measured(crowd: Crowd, name: str, count: int, forks: int) -> Cost:
    """One run, from no connection at all; it must change nothing on any host."""
    output = crowd.folder / "output"
    command = ["ansible-playbook", "-i", str(crowd.hosts(count)), f"corral.ollama.{name}"]
    command += ["--forks", str(forks)] if forks else []
    crowd.hang_up()
    calls, far = crowd.calls(), crowd.processor()
    status, use = used_by(command, ROOT, output, str(crowd.sockets), LIMIT)
    said = output.read_text(encoding="utf-8")
    good = re.findall(r"changed=0 +unreachable=0 +failed=0", said)
    if status or len(good) != count:
        sys.exit(f"{name} over {count} hosts was to change nothing and to succeed, but: {said[-4000:]}")
    return Cost(count, use, crowd.calls() - calls, crowd.processor() - far)


def one_call(crowd: Crowd) -> float:
    """Seconds of processor time of the SSH client alone, for one call over a connection that is open."""
    ways = ["-o", f"ControlPath={crowd.sockets}/one", "-o", "ControlMaster=auto", "-o", "ControlPersist=60s"]
    ways += ["-i", str(crowd.bench / "key"), "-o", "ConnectionAttempts=30", *crowd.ways.split()]
    command = ["ssh", *ways, "root@one", "cat >/dev/null"]
    subprocess.run(command, input=b"", check=True)
    before = os.times()
    for _call in range(50):
        subprocess.run(command, input=bytes(300_000), check=True)
    after = os.times()
    return (after.children_user + after.children_system - before.children_user - before.children_system) / 50


def measure(crowd: Crowd, options: argparse.Namespace) -> None:
    print(f"one call of ssh over an open connection, 300 kB sent: {one_call(crowd) * 1000:.0f} ms of processor time")
    for name in options.playbooks:
        print(f"\n{name}\n{row(HEADS)}", flush=True)
        first = None
        for count in sorted(options.hosts):
            for _round in range(options.rounds):
                cost = measured(crowd, name, count, options.forks)
                first = first or cost
                print(cost.line(first), flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hosts", type=int, nargs="+", default=[1, 10, 100, 200])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--playbooks", nargs="+", default=["verify", "site"])
    parser.add_argument("--forks", type=int, default=0, help="0 for what ansible.cfg says")
    parser.add_argument("--instances", type=int, default=8)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="crowd-") as folder:
        fleet = {
            "corral_project": PROJECT,
            "corral_base_port": PORT,
            "corral_gateway_port": PORT + 500,
            "corral_instance_count": options.instances,
            "corral_artifacts_dir": f"{folder}/artifacts",
        }
        crowd = Crowd(Path(folder), fleet)
        try:
            for name in ("site", "site", "verify"):
                playbook(name, inventory=str(crowd.recorder()))
            crowd.start()
            measure(crowd, options)
        finally:
            crowd.remove()
            playbook("teardown", "corral_remove_store=true", inventory=str(crowd.recorder()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
