# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway of the test host as the tests reach it, and the role that changes it."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lab import Lab, Run

sys.path.insert(0, str(Path(__file__).parent))

from wire import Gateway

DIR = "/opt/corral/ollama/gateway"
OWN = "/etc/corral-practice/own"
CERTIFICATE = """
import datetime, ipaddress, sys
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
path, address = sys.argv[1:]
key = ec.generate_private_key(ec.SECP256R1())
name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "our own")])
names = x509.SubjectAlternativeName([x509.DNSName("gateway.example"), x509.IPAddress(ipaddress.ip_address(address))])
now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
day = datetime.timedelta(days=1)
made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(7)
made = made.not_valid_before(now - day).not_valid_after(now + 9 * day).add_extension(names, False)
pem = serialization.Encoding.PEM
open(path + ".pem", "wb").write(made.sign(key, hashes.SHA256()).public_bytes(pem))
open(path + ".key", "wb").write(
    key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
)
"""
ROLE = str(Path(__file__).parents[1] / "role.yml")
Change = Callable[..., Run]


@pytest.fixture(scope="session")
def ca(lab: Lab) -> Path:
    """The certificates that clients trust: the generated one, and whatever a test adds."""
    path = lab.ephemeral / "trusted.pem"
    path.write_text(lab.sh(f"cat {DIR}/conf/tls/*.pem", check=False))
    return path


@pytest.fixture(scope="session")
def own_certificate(lab: Lab, ca: Path) -> dict[str, str]:
    """One that its owner has put on the host, as the role takes it; clients trust it from now on."""
    lab.sh(f"umask 077; python3 -c {shlex.quote(CERTIFICATE)} {OWN} {lab.address}")
    ca.write_text(ca.read_text() + lab.sh(f"cat {OWN}.pem"))
    return {"corral_gateway_tls_certificate": f"{OWN}.pem", "corral_gateway_tls_key": f"{OWN}.key"}


@pytest.fixture(scope="session")
def gateway(lab: Lab, ca: Path) -> Gateway:
    return Gateway(lab.address, 11433, str(ca))


@pytest.fixture(scope="session")
def settings() -> dict[str, Any]:
    """What the tests have changed of the inventory so far."""
    return {}


@pytest.fixture(scope="session")
def change(lab: Lab, settings: dict[str, Any]) -> Change:
    """Run the role with another inventory; not by --extra-vars, which everybody on the controller could read."""

    def run(keep: bool = True, **variables: Any) -> Run:
        inventory = lab.ephemeral / "changed.json"
        host = {**settings, **variables}
        inventory.write_text(json.dumps({"ollama_hosts": {"hosts": {lab.container: host}}}))
        if keep:
            settings.update(variables)
        return lab.run(ROLE, _inventory=[inventory])

    return run


@pytest.fixture
def worker(lab: Lab) -> Callable[[], tuple[str, int, str]]:
    """Which container, which worker, which configuration."""

    def look() -> tuple[str, int, str]:
        info = lab.module("gateway_info", run_dir=f"{DIR}/run")["gateway"]
        return lab.inspect("ollama-gateway")["State"]["StartedAt"], info["pid"], info["config_id"]

    return look
