# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every metric of the exporter: its name, its labels and what it says. Rules, dashboard and reference follow this."""

from __future__ import annotations

from dataclasses import dataclass

GAUGE, COUNTER = "gauge", "counter"
PARTS = ("engine", "servers", "store", "logs", "probe")
DRIFT_KINDS = ("image", "version", "model_digest", "model_extra", "instance_missing", "instance_extra")
LEASES = ("store", "rollout")


@dataclass(frozen=True)
class Metric:
    """``labels`` come after ``project``, which every metric has. A counter's name ends in ``_total``."""

    name: str
    labels: tuple[str, ...]
    help: str
    kind: str = GAUGE


def _of(labels: str, *metrics: tuple[str, str]) -> tuple[Metric, ...]:
    return tuple(
        Metric(f"corral_{name}", tuple(labels.split()), text, COUNTER if name.endswith("_total") else GAUGE)
        for name, text in metrics
    )


METRICS: tuple[Metric, ...] = (
    *_of("version", ("exporter_info", "Always 1; version is that of the collection which the exporter is made from.")),
    *_of("part", ("scrape_part_ok", "Whether the part could be read in its time; 0: its values are the last known.")),
    *_of("part", ("scrape_part_seconds", "How long the last reading of the part took.")),
    *_of("server", ("up", "Whether the server answers /api/version and /api/tags. Not a proof that it generates.")),
    *_of(
        "server version image image_digest",
        ("instance_info", "Always 1; version as the server says, image as declared for its container, and its id."),
    ),
    *_of(
        "server",
        (
            "instance_restarts_total",
            "Restarts by the engine after the container ended by itself. A restart on purpose is none.",
        ),
        ("instance_oom_killed", "Whether the container's last end was the kernel's, for want of memory."),
        ("instance_start_time_seconds", "When the container was last started."),
        ("instance_gpus_expected", "How many GPUs the instance is declared to have; of 'all', at least 1."),
    ),
    *_of(
        "",
        ("instances_expected", "How many instances are declared for this host."),
        ("instances_available", "How many of them are up and have every declared model available."),
    ),
    *_of(
        "model",
        ("model_instances_expected", "On how many instances of this host the model is declared."),
        (
            "model_instances_available",
            "How many are up, list it at its digest, and did not fail when they were last asked for it.",
        ),
    ),
    *_of(
        "server model",
        ("model_listed", "Whether the server lists the declared model."),
        ("model_digest_ok", "Whether the digest is the pinned one, or without a pin that of the store."),
        (
            "model_answered",
            "Whether the last ask got a real answer, whoever asked; absent for what was never asked at this digest.",
        ),
        ("model_asked_timestamp_seconds", "When that was."),
        ("model_answer_seconds", "How long that answer took, loading included; absent for a failure."),
    ),
    *_of(
        "server model kind",
        ("model_problem", "Is 1 while the last ask failed, or the server does not list it; kind says which, and how."),
    ),
    *_of(
        "server model",
        ("model_resident", "Whether the model is in the server's memory; undeclared ones only while they are."),
        ("model_resident_expected", "Is 1 for what corral_residents declares for this server."),
        ("model_size_bytes", "What a resident model takes, in whatever memory."),
        ("model_vram_bytes", "What of it lies in the memory of GPUs."),
        ("model_vram_ratio", "The second by the first: below 1, the CPU computes a part."),
    ),
    *_of(
        "",
        ("store_bytes", "What the store takes on its disk, with everything that lies there."),
        ("store_unique_bytes", "What the blobs of its models take, each counted once."),
        ("store_reclaimable_bytes", "What prune could free, now or later."),
    ),
    *_of("kind", ("store_findings", "What the last scrub found, by kind; absent before the first.")),
    *_of(
        "",
        ("store_last_scrub_timestamp_seconds", "When the last scrub ended; absent before the first."),
        (
            "store_last_full_verification_timestamp_seconds",
            "Since when every byte of the store has been read; absent before that.",
        ),
        ("store_filesystem_size_bytes", "The size of the file system that holds the store."),
        ("store_filesystem_avail_bytes", "How much of it is free for the store."),
    ),
    *_of(
        "lease",
        ("lease_held", "Whether somebody holds the lease and it has not expired: of the store, of the rollout."),
        ("lease_acquired_timestamp_seconds", "When the lease was taken; present while its file is."),
        ("lease_expires_timestamp_seconds", "When it expires; in the past if whoever held it died."),
    ),
    *_of("", ("rollout_unfinished", "Whether a rollout was begun and neither ended nor taken back.")),
    *_of("kind", ("drift", "How many things are not as declared, by kind.")),
    *_of(
        "server class",
        ("log_events_total", "Lines in the log of the instance's container, by class, since the exporter started."),
    ),
)

BY_NAME = {metric.name: metric for metric in METRICS}


def reference() -> str:
    """The table of docs/metrics.md."""
    rows = [
        f"| `{one.name}` | {one.kind} | {', '.join(f'`{label}`' for label in one.labels) or '–'} | {one.help} |"
        for one in METRICS
    ]
    return "\n".join(["| metric | kind | labels | what it says |", "|---|---|---|---|", *rows]) + "\n"
