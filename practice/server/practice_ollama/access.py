"""Who may ask: the checks of the Host and Origin headers."""

from __future__ import annotations

import fnmatch
import ipaddress
import socket
from urllib.parse import urlsplit

LOCAL_ENDINGS = (".localhost", ".local", ".internal")
LOCAL_ORIGINS = ("localhost", "127.0.0.1", "0.0.0.0")
APP_SCHEMES = ("app", "file", "tauri", "vscode-webview", "vscode-file")


def host_allowed(bound: str, header: str) -> bool:
    """A server on loopback answers to local names only; one bound to all addresses answers to any."""
    if not _is_loopback(bound):
        return True
    host = header.rsplit(":", 1)[0].strip("[]") if ":" in header else header
    try:
        address = ipaddress.ip_address(host)
        return address.is_loopback or address.is_private or address.is_unspecified
    except ValueError:
        pass
    host = host.lower()
    return host in ("", "localhost", socket.gethostname().lower()) or host.endswith(LOCAL_ENDINGS)


def origin_allowed(origin: str, host_header: str, extra: tuple[str, ...]) -> bool:
    if not origin or origin in (f"http://{host_header}", f"https://{host_header}"):
        return True
    parsed = urlsplit(origin)
    if parsed.scheme in APP_SCHEMES or (parsed.scheme in ("http", "https") and parsed.hostname in LOCAL_ORIGINS):
        return True
    return any(fnmatch.fnmatch(origin, pattern) for pattern in extra)


def _is_loopback(address: str) -> bool:
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
