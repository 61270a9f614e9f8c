# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two servers as people make them, with a volume each and the same models, which pulled them by themselves."""

from __future__ import annotations

from lab import Lab, wait_until

IMAGE = "ollama/ollama:0.32.15"
NAMES = ("old-ollama-1", "old-ollama-2")
MODELS = ("llama3.2:3b", "llava:7b")


def make_old_servers(host: Lab) -> None:
    front = (host.ephemeral / "front").read_text().strip()
    away = [f"--add-host={name}:{front}" for name in ("registry.ollama.ai", "blobs.practice.corral")]
    trust = ["-e", "SSL_CERT_FILE=/ca.pem", "-v", "/etc/corral-practice/ca.pem:/ca.pem:ro"]
    for number, name in enumerate(NAMES, start=1):
        place = ["-p", f"127.0.0.1:{11433 + number}:11434", "-v", f"old_{number}:/root/.ollama"]
        host.docker("run", "-d", "--init", "--name", name, *away, *trust, *place, IMAGE)
        wait_until(lambda port=11433 + number: _answers(host, port), 30, f"{name} answers")
        for model in MODELS:
            host.docker("exec", name, "ollama", "pull", model)


def remove_old_servers(host: Lab) -> None:
    host.docker("rm", "-f", "router", *NAMES)


def _answers(host: Lab, port: int) -> bool:
    return bool(host.sh(f"curl -sf http://127.0.0.1:{port}/api/version", check=False))
