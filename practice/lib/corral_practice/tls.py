"""A throw-away authority and one server certificate for the practice registry, made with openssl."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from .paths import CACHE, say

CA = CACHE / "ca.pem"
CERTIFICATE = CACHE / "tls" / "server.pem"
KEY = CACHE / "tls" / "server.key"
NAMES = ("DNS:registry.ollama.ai", "DNS:blobs.practice.corral", "DNS:localhost", "IP:127.0.0.1")
DAYS = 365
RENEW_DAYS = 30

# Key identifiers and key usage are spelled out because Python 3.13 and later check strictly.
_CA_EXTENSIONS = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n"
_SERVER_EXTENSIONS = (
    "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\n"
    "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\nsubjectAltName="
)


def ensure_certificates() -> None:
    """Make them when absent, for other names, or about to expire."""
    if (
        all(path.exists() for path in (CA, CERTIFICATE, KEY))
        and _names_match()
        and _is_fresh(CA)
        and _is_fresh(CERTIFICATE)
    ):
        return
    CERTIFICATE.parent.mkdir(parents=True, exist_ok=True)
    CERTIFICATE.parent.chmod(0o700)
    with tempfile.TemporaryDirectory() as folder:
        _make(Path(folder))
    (CERTIFICATE.parent / "names").write_text("\n".join(NAMES))
    say("made a certificate authority and a server certificate")


def _names_match() -> bool:
    names = CERTIFICATE.parent / "names"
    return names.exists() and names.read_text() == "\n".join(NAMES)


def _is_fresh(path: Path) -> bool:
    command = ["openssl", "x509", "-in", str(path), "-noout", "-checkend", str(RENEW_DAYS * 86400)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _make(folder: Path) -> None:
    """The authority's key lives only in the temporary folder: nobody can sign with it later."""
    _request(folder, "ca", "/CN=Corral practice authority", _CA_EXTENSIONS)
    _request(folder, "server", "/CN=registry.ollama.ai", _SERVER_EXTENSIONS + ",".join(NAMES) + "\n")
    _sign(folder, "ca", ["-signkey", f"{folder}/ca.key"])
    _sign(folder, "server", ["-CA", f"{folder}/ca.pem", "-CAkey", f"{folder}/ca.key", "-CAcreateserial"])
    KEY.write_bytes((folder / "server.key").read_bytes())
    KEY.chmod(0o600)
    CERTIFICATE.write_bytes((folder / "server.pem").read_bytes())
    CA.write_bytes((folder / "ca.pem").read_bytes())
    CA.chmod(0o644)


def _request(folder: Path, name: str, subject: str, extensions: str) -> None:
    (folder / f"{name}.ext").write_text(extensions)
    _openssl(["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", f"{folder}/{name}.key"])
    _openssl(["req", "-new", "-key", f"{folder}/{name}.key", "-subj", subject, "-out", f"{folder}/{name}.csr"])


def _sign(folder: Path, name: str, signer: list[str]) -> None:
    files = ["-in", f"{folder}/{name}.csr", "-out", f"{folder}/{name}.pem", "-extfile", f"{folder}/{name}.ext"]
    _openssl(["x509", "-req", "-sha256", "-days", str(DAYS), *files, *signer])


def _openssl(arguments: list[str]) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)
