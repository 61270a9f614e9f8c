"""What a soak (soak_no_false_alarm.py) brought, and how it is shown."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Found:
    """What the minutes brought."""

    minutes: float = 0.0
    requests: int = 0
    failed_requests: list[str] = field(default_factory=list)
    playbooks: dict[str, int] = field(default_factory=dict)
    failed_playbooks: list[str] = field(default_factory=list)
    flickers: int = 0
    outages: int = 0
    #: Seconds for which each alert was pending or fired, by its name and labels.
    pending: dict[str, int] = field(default_factory=dict)
    firing: dict[str, int] = field(default_factory=dict)
    scrapes: int = 0
    failed_scrapes: int = 0
    scrape_seconds: float = 0.0
    exporter_ended: bool = False
    memory_first: int = 0
    memory_last: int = 0
    memory_most: int = 0
    cpu_seconds: float = 0.0

    @property
    def false_alarms(self) -> bool:
        return bool(self.firing or self.failed_requests or self.failed_playbooks)


def table(found: Found, dying: bool) -> str:
    """Rows for docs/performance.md."""
    mib = 1024 * 1024
    memory = " and ".join(f"{size / mib:.0f}" for size in (found.memory_first, found.memory_last))
    each, took = 1000 * found.cpu_seconds / max(found.scrapes, 1), 1000 * found.scrape_seconds
    exporter = [
        f"| resident memory of the exporter at the beginning and after {found.minutes:g} minutes | {memory} MiB |",
        f"| and at most | {found.memory_most / mib:.0f} MiB |",
        f"| its CPU | {found.cpu_seconds:.1f} s in all, {each:.1f} ms a scrape, {found.scrapes} scrapes |",
        f"| scrapes that failed, and how long one took | {found.failed_scrapes}, {took:.0f} ms |",
    ]
    if dying:
        return "\n".join([f"| times an instance went away | {found.outages} |", *exporter])
    runs = ", ".join(f"{count} × {name}" for name, count in sorted(found.playbooks.items()))
    rows = [
        f"| alerts that fired in {found.minutes:g} healthy minutes | {len(found.firing)} |",
        f"| playbooks run meanwhile, and those that failed | {runs}; {len(found.failed_playbooks)} failed |",
        f"| requests, and those that failed | {found.requests}, {len(found.failed_requests)} |",
        f"| lists that lacked a model for a moment | {found.flickers} |",
    ]
    return "\n".join([*rows, *exporter])
