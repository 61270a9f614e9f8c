# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports of fleets for the tests of the page and of its schema: good ones, bad ones and hostile ones."""

from __future__ import annotations

from ansible_collections.corral.ollama.plugins.module_utils.core.fleet_report import fleet_report
from ansible_collections.corral.ollama.plugins.module_utils.core.probe_plan import ModelResult

NOW, EARLIER = "2026-11-22T10:00:00Z", "2026-11-21T10:00:00Z"
DIGEST, OTHER = "6591e0a9" * 8, "0123abcd" * 8
HOSTILE = (
    "<script>alert(1)</script>",
    "\"><img src=x onerror='alert(1)'>",
    "' onmouseover='alert(1)",
    "</style><svg/onload=alert(1)>",
    "</title><h1>owned",
    "javascript:alert(1)",
    "&lt;b&gt;&amp;",
    "--><!-- x",
    "evil\u202egpj.exe",
    "bell\x07null\x00escape\x1b[31m",
    "zero\u200bwidth\u2028line",
    "half\ud800character",
    "مرحبا:7b",
    "very-long" * 2000,
)


def model(name="mistral:7b", **changes):
    """As probe returns it."""
    given = ModelResult(name, DIGEST, DIGEST, listed=True, answered=True, asked=True, seconds=0.2).as_dict()
    return {**given, **changes}


def server(number, models=None, **changes):
    models = [model()] if models is None else models
    return {
        "server": f"ollama-server-{number}",
        "url": f"http://127.0.0.1:{11433 + number}",
        "ok": not any(one["problem"] for one in models),
        "version": "0.32.15",
        "image_digest": "a" * 64,
        "problem": "",
        "models": models,
        **changes,
    }


def container(number, **changes):
    given = {"name": f"ollama-server-{number}", "container": f"ollama-ollama-server-{number}", "state": "running"}
    known = {"health": "healthy", "image": "ollama/ollama:0.32.15", "image_digest": "a" * 64, "gpus": [str(number - 1)]}
    return {**given, **known, "started_at": EARLIER, "restarts": 0, "oom_killed": False, "volumes": [], **changes}


def host(count=8, names=("mistral:7b",), **changes):
    numbers = range(1, count + 1)
    return {
        "results": [server(number, [model(name) for name in names]) for number in numbers],
        "instances": [container(number) for number in numbers],
        **changes,
    }


def bad_model(name="mistral:7b", **changes):
    problem = f"ollama-server-2 (http://127.0.0.1:11435) lists {name} but did not answer within 300 s."
    return model(name, answered=False, problem=problem, **changes)


def finding(check="gpu", severity="problem", **changes):
    text = "ollama-server-2 answers with mistral:7b on its processor."
    return {
        "check": check,
        "severity": severity,
        "message": text,
        "instance": "ollama-server-2",
        "model": "",
        **changes,
    }


def log(number, count=0, **changes):
    """As instance_check returns it."""
    sample = '[GIN] 2026/11/21 - 22:10:22 | 404 |     681.459µs |       127.0.0.1 | POST     "/api/show"'
    times = {"first": EARLIER, "last": EARLIER, "samples": [sample]} if count else {}
    seen = {"count": count, "per_minute": count / 60, "in_a_minute": count, **times, "ok": not count}
    head = {"container": f"ollama-ollama-server-{number}", "service": f"ollama-server-{number}", "log_driver": "local"}
    read = {"since": EARLIER, "until": NOW, "lines": 120, "bytes": 9000, "problem": "", "ok": not count}
    return {**head, **read, "classes": {"http_404": seen, "prune": {"count": 0, "ok": True}}, **changes}


def gpus(number, **changes):
    seen = [{"id": f"GPU-{number}", "library": "CUDA", "name": "NVIDIA H100", "total": "79.6 GiB"}]
    given = {"server": f"ollama-server-{number}", "expected": [str(number - 1)], "given": [str(number - 1)]}
    return {**given, "seen": seen, "library": "CUDA", **changes}


def resident(name="mistral:7b", **changes):
    taken = {"size": 1000, "size_vram": 1000, "context_length": 4096, "expires": "never"}
    return {"name": name, "digest": DIGEST, **taken, **changes}


def every_state():
    return [
        model("answered:1", size=1000, size_vram=500),
        model("proven:1", asked=False, from_proof=True, proven_at=EARLIER),
        bad_model("silent:1"),
        model("other:1", digest=OTHER, answered=False, asked=False, problem="another digest."),
        model("missing:1", digest="", listed=False, answered=False, asked=False, problem="does not list it."),
        model("open:1", answered=False, asked=False),
        model("failed:1", answered=False, asked=False, failed_at=EARLIER),
    ]


def troubled():
    """A fleet with one of everything."""
    drained = {"name": "ollama-server-2", "status": "DRAIN", "retries": 3}
    gateway = {"gateway": {"reachable": True}, "servers": [drained], "queued": 1, "error": ""}
    rollout = {"unfinished": True, "sentences": ["ollama-server-2 was being drained."]}
    stored = {"bytes": 19_400_000_000, "models": 5, "copies": 8, "reclaimable": 700_000_000}
    return {
        "gpu-1": host(2),
        "gpu-2": {
            "results": [server(1), server(2, every_state())],
            "instances": [container(1), container(2, restarts=3, oom_killed=True, health="unhealthy")],
            "expected": ["ollama-server-3"],
            "service": {"gateway": gateway, "rollout": rollout},
            "storage": {"storage": stored, "scrub": {"ok": False, "ended_at": 1795305600.0}},
            "findings": [
                finding(model="mistral:7b"),
                finding("store", "warning", instance="", message="The store was never scrubbed."),
                finding("lease", "note", instance="", message="A rollout is under way."),
            ],
            "gpus": [gpus(1), gpus(2, seen=[], library="cpu")],
            "residents": {"ollama-server-1": [resident()], "ollama-server-2": []},
            "logs": [log(1), log(2, 12)],
        },
        "gpu-3": {},
        "gpu-4": host(
            1,
            storage={"storage": stored, "scrub": {}},
            service={
                "gateway": {"gateway": {}, "error": "gone"},
                "rollout": {"unfinished": False, "verdict": "failed", "sentences": ["It ended as failed."]},
            },
        ),
    }


def hostile():
    """Everything that somebody else chooses is one of the names above."""
    return {
        text: {
            "results": [
                server(1, [model(other, version=text) for other in HOSTILE], version=text, server=text),
                server(2, [model(text, digest=text)], ok=False, problem=text, url=text),
            ],
            "instances": [container(1, name=text, image=text, gpus=[text], state=text, health=text)],
            "problems_of_host": [text],
            "service": {
                "gateway": {"gateway": {"reachable": True}, "servers": [{"name": text, "status": text, "retries": 1}]},
                "rollout": {"unfinished": True, "sentences": [text]},
            },
            "storage": {"storage": {"unique_bytes_by_model": {text: 1}}, "scrub": {"findings_by_kind": {text: 1}}},
            "findings": [finding(instance=text, model=text, message=text[:2000])],
            "gpus": [gpus(1, server=text, given=[text], library=text)],
            "residents": {text: [resident(text)]},
            "logs": [log(1, 1, container=text, service=text, problem=text)],
        }
        for text in HOSTILE
    }


def large(hosts=200, instances=8, models=20):
    """No two neighbours alike, so that nothing can be folded into one row."""
    names = [f"model-{number}:7b" for number in range(models)]
    return {
        f"gpu-{number}": {
            "results": [
                server(n, [model(name, size=100, size_vram=n) for name in names]) for n in range(1, instances + 1)
            ],
            "instances": [container(n) for n in range(1, instances + 1)],
        }
        for number in range(1, hosts + 1)
    }


def reports():
    """By what they are about, each as fleet.json would have it."""
    well, bad = fleet_report({"gpu-1": host(), "gpu-2": host()}, EARLIER), fleet_report(troubled(), NOW)
    return {
        "well": well,
        "empty": fleet_report({}, NOW),
        "unreachable": fleet_report({"gpu-1": {}, "gpu-2": None}, NOW),
        "no engine": fleet_report({"gpu-1": {"problems_of_host": ["no engine."]}}, NOW),
        "troubled": bad,
        "worse than before": fleet_report(troubled(), NOW, well),
        "not reached any more": fleet_report({"gpu-1": host(), "gpu-2": {}}, NOW, well),
        "better than before": fleet_report({"gpu-1": host(), "gpu-2": host()}, NOW, bad),
        "hostile": fleet_report(hostile(), NOW, fleet_report({**hostile(), "x": host()}, EARLIER)),
    }
