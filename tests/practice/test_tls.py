"""The certificates: the right names, renewed in time, nothing left to sign with."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

import pytest
from corral_practice import tls


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tls, "CA", tmp_path / "ca.pem")
    monkeypatch.setattr(tls, "CERTIFICATE", tmp_path / "tls" / "server.pem")
    monkeypatch.setattr(tls, "KEY", tmp_path / "tls" / "server.key")
    return tmp_path


def test_made_once_and_kept(folder: Path) -> None:
    tls.ensure_certificates()
    first = tls.CERTIFICATE.read_bytes()
    tls.ensure_certificates()
    assert tls.CERTIFICATE.read_bytes() == first
    assert tls.KEY.stat().st_mode & 0o777 == 0o600
    assert sorted(p.name for p in folder.rglob("*.key")) == ["server.key"], "the authority's key is not kept"


def test_renewed_when_about_to_expire(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls, "DAYS", tls.RENEW_DAYS - 1)
    tls.ensure_certificates()
    first = tls.CERTIFICATE.read_bytes()
    monkeypatch.setattr(tls, "DAYS", 365)
    tls.ensure_certificates()
    assert tls.CERTIFICATE.read_bytes() != first


def test_made_anew_for_other_names(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tls.ensure_certificates()
    monkeypatch.setattr(tls, "NAMES", (*tls.NAMES, "DNS:third.practice.corral"))
    tls.ensure_certificates()
    text = subprocess.run(
        ["openssl", "x509", "-in", str(tls.CERTIFICATE), "-noout", "-ext", "subjectAltName"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in ("registry.ollama.ai", "blobs.practice.corral", "localhost", "127.0.0.1", "third.practice.corral"):
        assert name in text


def test_a_strict_verifier_accepts_them(folder: Path) -> None:
    tls.ensure_certificates()
    context = ssl.create_default_context(cafile=str(tls.CA))
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tls.CERTIFICATE, tls.KEY)
    one, two = ssl.MemoryBIO(), ssl.MemoryBIO()
    client_side = context.wrap_bio(one, two, server_hostname="registry.ollama.ai")
    server_side = server.wrap_bio(two, one, server_side=True)
    for _ in range(3):
        for side in (client_side, server_side):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    assert client_side.version() == "TLSv1.3"
