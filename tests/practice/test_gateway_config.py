# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever an inventory may say about the gateway, HAProxy takes the configuration that comes out of it."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml
from ansible_collections.corral.ollama.plugins.filter.gateway import gateway_filter
from ansible_collections.corral.ollama.plugins.filter.instances import instances_filter
from corral_practice import images

ROLE = Path(__file__).resolve().parents[2] / "roles" / "gateway"
KEYS = [{"name": "webshop", "key": "k" * 32}, {"name": "boss", "sha256": "a" * 64, "admin": True}]
SOME = {"mistral:7b": ["ollama-server-2"], "acme/x": ["ollama-server-1", "ollama-server-2"]}
VARIANTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "as it comes": ({}, {}),
    "one instance": ({"count": 1}, {}),
    "128 instances": ({"count": 128}, {}),
    "with keys": ({"keys": KEYS}, {}),
    "open to all, with a rate limit": ({"bind_address": "0.0.0.0", "allow_anonymous": True}, {"gateway_rate_limit": 5}),
    "with everything": (
        {"bind_address": "0.0.0.0", "keys": KEYS, "model_instances": SOME},
        {"gateway_rate_limit": 600, "gateway_rate_period": 1, "gateway_max_body_bytes": 1073741824},
    ),
    "watched by Prometheus": ({}, {"gateway_metrics_port": 8405}),
    "IPv6": ({"bind_address": "::", "keys": KEYS}, {"gateway_buffer_bytes": 131072}),
}


def defaults() -> dict[str, Any]:
    """Those that are numbers, as they are where the inventory says nothing."""
    texts = yaml.safe_load((ROLE / "defaults/main.yml").read_text())
    return {name: int(text) for name, value in texts.items() if (text := alone(str(value))).isdigit()}


def alone(value: str) -> str:
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined)
    environment.filters["bool"] = bool
    return environment.from_string(value).render() if value.startswith("{{ corral_") and "~" not in value else value


def configuration(inputs: dict[str, Any], numbers: dict[str, Any]) -> str:
    """The template as the role renders it."""
    inputs = dict(inputs)
    instances = instances_filter("ollama", inputs.pop("count", 3))
    known = {**defaults(), **numbers}
    environment = jinja2.Environment(trim_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined)
    environment.filters["hash"] = lambda text, _kind: hashlib.sha256(text.encode()).hexdigest()
    return environment.from_string((ROLE / "templates/haproxy.cfg.j2").read_text()).render(
        **known,
        ansible_managed="Ansible managed",
        __gateway_settings=gateway_filter(instances, **inputs),
        __gateway_id="0" * 64,
        __gateway_lua=(ROLE / "files/hold.lua").read_text(),
        __gateway_tls_file="test.pem",
        __gateway_unannounced=known["gateway_buffer_bytes"] - 65536,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What lies beside the configuration on a host."""
    conf = tmp_path_factory.mktemp("conf")
    (conf / "tls").mkdir()
    for name in ("keys.map", "admins.map", "models.map"):
        (conf / name).touch()
    (conf / "hold.lua").write_text((ROLE / "files/hold.lua").read_text())
    pair = ["-keyout", str(conf / "tls/test.pem.key"), "-out", str(conf / "tls/test.pem")]
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", *pair]
    subprocess.run([*command, "-days", "2", "-subj", "/CN=test"], check=True, capture_output=True)
    return conf


@pytest.mark.parametrize("name", VARIANTS)
def test_haproxy_takes_it(name: str, folder: Path) -> None:
    images.ensure_haproxy()
    (folder / "haproxy.cfg").write_text(configuration(*VARIANTS[name]))
    checked = subprocess.run(
        ["docker", "run", "--rm", "--network", "none", "--user", "0:0", "--volume", f"{folder}:/etc/corral-gateway:ro",
         "--entrypoint", "haproxy", images.HAPROXY, "-c", "-f", "/etc/corral-gateway/haproxy.cfg"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    said = checked.stdout + checked.stderr
    assert checked.returncode == 0, said
    # The state of the servers is written when HAProxy runs.
    assert [line for line in said.splitlines() if "[WARNING]" in line or "[ALERT]" in line] == []
