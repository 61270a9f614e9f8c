"""The part of the registry protocol that a pull uses."""

from __future__ import annotations

import base64
import os
import platform
import re
import threading
import time
from typing import Optional
from urllib.parse import urlencode, urljoin, urlsplit

from . import gojson, log, wire
from .config import Settings
from .names import Name
from .wire import Reply, WireError

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
ARCH = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())


class PullError(Exception):
    """Ends a pull; its text is the error line."""


class Registry:
    """One model's repository on its host."""

    def __init__(self, settings: Settings, name: Name, insecure: bool):
        self.settings = settings
        self.name = name
        self.base = f"{'http' if insecure else 'https'}://{name.host}/v2/{name.namespace}/{name.model}"
        self.token = ""

    def manifest(self) -> bytes:
        reply = self._ask("GET", f"{self.base}/manifests/{self.name.tag}", {"Accept": MANIFEST})
        return reply.read_all()

    def blob_size(self, digest: str) -> int:
        reply = self._ask("HEAD", f"{self.base}/blobs/{digest}", {})
        reply.close()
        length = reply.header("Content-Length")
        return int(length) if length.isdigit() else 0

    def direct_url(self, digest: str, cancelled: threading.Event) -> str:
        """Where the registry redirects to; retried for half a minute."""
        url = f"{self.base}/blobs/{digest}"
        end, pause = time.monotonic() + self.settings.timing.direct, 0.1
        while True:
            try:
                reply = self._ask("GET", url, {})
                break
            except PullError as error:
                log.warn("download.go:250", "failed to get direct URL; backing off and retrying", err=error)
                left = end - time.monotonic()
                if cancelled.wait(max(0.0, min(pause, left))):
                    raise PullError("context canceled") from None
                if left <= pause:
                    raise PullError("context deadline exceeded") from None
                pause = min(pause * 2, 10.0)
        reply.close()
        if reply.status not in (200, 307):
            raise PullError(f"unexpected status code {reply.status}")
        if not reply.header("Location"):
            raise PullError("http: no Location header in response")
        return urljoin(url, reply.header("Location"))

    def _ask(self, method: str, url: str, headers: dict[str, str]) -> Reply:
        for _ in range(2):
            reply = self._follow(method, url, headers)
            if reply.status == 401:
                reply.close()
                self.token = self._authorize(reply.header("www-authenticate"), urlsplit(url).netloc)
                continue
            if reply.status == 404:
                reply.close()
                raise PullError("file does not exist")
            if reply.status >= 400:
                raise PullError(f"{reply.status}: {reply.read_all().decode('utf-8', 'replace')}")
            return reply
        raise PullError("unauthorized: access denied")

    def _follow(self, method: str, url: str, headers: dict[str, str]) -> Reply:
        """Follows redirects, for blobs only as long as they stay on the same host name."""
        first = urlsplit(url).hostname
        for _ in range(10):
            reply = self._send(method, url, headers)
            location = reply.header("Location")
            if reply.status not in (301, 302, 303, 307, 308) or not location:
                return reply
            following = urljoin(url, location)
            if "/blobs/" in url and method == "GET" and urlsplit(following).hostname != first:
                return reply
            reply.close()
            url = following
        raise PullError("maximum redirects exceeded (10) for directURL")

    def _send(self, method: str, url: str, headers: dict[str, str]) -> Reply:
        agent = f"ollama/{self.settings.version} ({ARCH} linux) Go/go1.26.6"
        sent = {**headers, "User-Agent": agent}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        try:
            return wire.send(method, url, sent)
        except WireError as error:
            raise PullError(f'{method.capitalize()} "{url}": {error}') from None

    def _authorize(self, challenge: str, host: str) -> str:
        """Asks the realm for a token. The signature that goes with it is not a real one."""
        facts = dict(re.findall(r'(\w+)="([^"]*)"', challenge)) if challenge.startswith("Bearer ") else {}
        realm = facts.get("realm", "")
        realm_host = urlsplit(realm).netloc
        if realm_host != host:
            raise PullError(f'realm host "{realm_host}" does not match original host "{host}"')
        nonce = base64.urlsafe_b64encode(os.urandom(16)).decode().rstrip("=")
        query = {"nonce": nonce, "scope": facts.get("scope", ""), "service": facts.get("service", "")}
        signature = base64.b64encode(os.urandom(64)).decode()
        headers = {"Authorization": f"{public_key(self.settings.home)}:{signature}"}
        self.token = ""
        reply = self._send("GET", f"{realm}?{urlencode({**query, 'ts': str(int(time.time()))})}", headers)
        body = reply.read_all()
        if reply.status >= 400:
            raise PullError(f"{reply.status}: {body.decode('utf-8', 'replace')}")
        return str(gojson.unmarshal(body).get("token", ""))


def key_path(home: str) -> str:
    return os.path.join(home, ".ollama", "id_ed25519")


def public_key(home: str) -> str:
    """The middle word of the public key's file."""
    path = key_path(home)
    content: Optional[str] = None
    try:
        with open(f"{path}.pub", encoding="utf-8") as stream:
            content = stream.read()
    except OSError:
        raise PullError(f"open {path}: no such file or directory") from None
    return content.split()[1]
