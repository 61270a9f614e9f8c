"""A throw-away authority and a certificate of its making, for 127.0.0.1 and localhost."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USES = {
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
    "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
}  # fmt: skip
DAY = datetime.timedelta(days=1)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(subject: str, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = x509.CertificateBuilder().subject_name(_name(subject)).issuer_name(_name("practice authority"))
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    return builder.not_valid_before(now - DAY).not_valid_after(now + DAY)


def make(directory: Path) -> tuple[Path, ssl.SSLContext]:
    """The authority's file, and the context of a server that it vouches for."""
    authority, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = _builder("practice authority", authority).add_extension(x509.BasicConstraints(True, None), critical=True)
    # Python 3.13 is strict: an authority says what its key may do, and a certificate which key has signed it.
    usage = x509.KeyUsage(**{use: use == "key_cert_sign" for use in USES})
    root = root.add_extension(usage, critical=True)
    mark = x509.SubjectKeyIdentifier.from_public_key(authority.public_key())
    root = root.add_extension(mark, critical=False)
    names = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")]
    leaf = _builder("practice registry", key).add_extension(x509.SubjectAlternativeName(names), critical=False)
    signed_by = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(mark)
    leaf = leaf.add_extension(signed_by, critical=False)
    pem = serialization.Encoding.PEM
    ca = directory / "ca.pem"
    ca.write_bytes(root.sign(authority, hashes.SHA256()).public_bytes(pem))
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    both = directory / "server.pem"
    both.write_bytes(secret + leaf.sign(authority, hashes.SHA256()).public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    return ca, context
