"""HTTP to a registry, with errors in the words of Go's client."""

from __future__ import annotations

import functools
import http.client
import os
import socket
import ssl
from typing import Optional
from urllib.parse import urlsplit

TIMEOUT = 60.0


class WireError(Exception):
    pass


@functools.lru_cache(maxsize=1)
def tls() -> ssl.SSLContext:
    """The system's authorities, or those of SSL_CERT_FILE; as lenient about a CA's form as Go is."""
    context = ssl.create_default_context()
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


class Reply:
    """A response whose socket can be shut from another thread."""

    def __init__(self, sock: socket.socket, response: http.client.HTTPResponse):
        self.sock = sock
        self.response = response
        self.status = response.status

    def header(self, name: str) -> str:
        return self.response.getheader(name) or ""

    def read_some(self, buffer: memoryview) -> int:
        """What has come so far, at most a buffer full: waiting for more would hide progress and look like a stall."""
        response = self.response
        if response.chunked or response.length is None or response.fp is None:
            return response.readinto(buffer)
        count = response.fp.readinto1(buffer[: response.length])  # type: ignore[attr-defined]
        response.length -= count
        return int(count)

    def read_all(self, limit: int = 1 << 24) -> bytes:
        try:
            return self.response.read(limit)
        except http.client.IncompleteRead as error:
            return error.partial
        finally:
            self.close()

    def abort(self) -> None:
        try:
            socket.socket.shutdown(self.sock, socket.SHUT_RDWR)
        except OSError:
            return

    def close(self) -> None:
        self.response.close()
        self.sock.close()


def resolver() -> str:
    try:
        with open("/etc/resolv.conf", encoding="utf-8") as stream:
            for line in stream:
                words = line.split()
                if len(words) > 1 and words[0] == "nameserver":
                    return f"{words[1]}:53"
    except OSError:
        pass
    return "127.0.0.1:53"


def _dial(host: str, port: int) -> socket.socket:
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror:
        raise WireError(f"dial tcp: lookup {host} on {resolver()}: no such host") from None
    failure = "no address"
    for family, kind, protocol, _, address in addresses:
        sock = socket.socket(family, kind, protocol)
        sock.settimeout(TIMEOUT)
        try:
            sock.connect(address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
        except OSError as error:
            sock.close()
            shown = f"[{address[0]}]:{port}" if ":" in address[0] else f"{address[0]}:{port}"
            failure = f"dial tcp {shown}: {_dial_words(error)}"
    raise WireError(failure)


def _dial_words(error: OSError) -> str:
    if isinstance(error, (socket.timeout, TimeoutError)):
        return "i/o timeout"
    return f"connect: {os.strerror(error.errno or 0).lower()}"


def _handshake(sock: socket.socket, host: str) -> socket.socket:
    try:
        return tls().wrap_socket(sock, server_hostname=host)
    except ssl.SSLCertVerificationError as error:
        sock.close()
        raise WireError(f"tls: failed to verify certificate: x509: {_certificate_words(error, host)}") from None
    except ssl.SSLError:
        sock.close()
        raise WireError("tls: first record does not look like a TLS handshake") from None
    except OSError:
        sock.close()
        raise WireError("EOF") from None


def _certificate_words(error: ssl.SSLCertVerificationError, host: str) -> str:
    text = error.verify_message
    if "expired" in text or "not yet valid" in text:
        return "certificate has expired or is not yet valid"
    if "mismatch" in text or "doesn't match" in text:
        return f"certificate is not valid for any names, but wanted to match {host}"
    return "certificate signed by unknown authority"


def _proxy(host: str) -> Optional[tuple[str, int]]:
    """HTTPS_PROXY, unless NO_PROXY names the host."""
    proxy = os.environ.get("HTTPS_PROXY") or os.environ.get("https_proxy") or ""
    exempt = (os.environ.get("NO_PROXY") or os.environ.get("no_proxy") or "").split(",")
    names = [name.strip().lstrip(".") for name in exempt if name.strip()]
    if not proxy or "*" in names or host in ("localhost", "127.0.0.1"):
        return None
    if any(host == name or host.endswith("." + name) for name in names):
        return None
    target = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    return target.hostname or "", target.port or 3128


def _tunnel(sock: socket.socket, host: str, port: int) -> None:
    sock.sendall(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
    response = http.client.HTTPResponse(sock, method="CONNECT")
    response.begin()
    if response.status != 200:
        raise WireError(response.reason)


def send(method: str, url: str, headers: dict[str, str]) -> Reply:
    """One request on a connection of its own. WireError says what went wrong, without the URL."""
    target = urlsplit(url)
    host, secure = target.hostname or "", target.scheme == "https"
    port = target.port or (443 if secure else 80)
    proxy = _proxy(host) if secure else None
    sock = _dial(*proxy) if proxy else _dial(host, port)
    if proxy:
        _tunnel(sock, host, port)
    if secure:
        sock = _handshake(sock, host)
    path = (target.path or "/") + (f"?{target.query}" if target.query else "")
    lines = [f"{method} {path} HTTP/1.1", f"Host: {target.netloc}", *(f"{k}: {v}" for k, v in headers.items())]
    try:
        sock.sendall(("\r\n".join([*lines, "Connection: close", "", ""])).encode())
        response = http.client.HTTPResponse(sock, method=method)
        response.begin()
    except (OSError, http.client.HTTPException) as error:
        sock.close()
        timed_out = isinstance(error, (socket.timeout, TimeoutError))
        raise WireError("i/o timeout" if timed_out else "EOF") from None
    return Reply(sock, response)
