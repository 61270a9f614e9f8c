"""The container of the practice registry: started, watched, and made to misbehave.

Faults are nginx directives in files that the configuration includes; `Front().slow("2m")` and the like write them.
"""

from __future__ import annotations

import contextlib
import io
import json
import shlex
import tarfile
import time
from collections.abc import Iterator
from typing import Any, Optional

import docker.errors
import requests

from . import tls
from .engine import Site, engine
from .oci import Registry
from .paths import PracticeError, say, short_hash

ALIASES = ["registry.ollama.ai", "blobs.practice.corral"]
_CONFIG = "corral.practice.config"
_LOG = "/var/log/corral/access.log"
_BLOB = "/sha256/"


def ensure_front(image: str, site: Site) -> None:
    """The registry runs from this image with these certificates and answers."""
    _ensure_network(site)
    wanted = short_hash(image, str(site.port), tls.CERTIFICATE)
    container = _container(site)
    if container and container.labels.get(_CONFIG) != wanted:
        container.remove(force=True, v=False)
        container = None
    if container is None:
        container = _create(image, site, wanted)
    if container.status != "running":
        _start(container, site)
    _wait(site)


def _ensure_network(site: Site) -> None:
    try:
        engine().networks.get(site.network)
    except docker.errors.NotFound:
        engine().networks.create(site.network, driver="bridge", labels=site.labels)
        say(f"made the network {site.network}")


def _container(site: Site) -> Optional[Any]:
    try:
        return engine().containers.get(site.container)
    except docker.errors.NotFound:
        return None


def _create(image: str, site: Site, config: str) -> Any:
    api = engine().api
    if site.volume not in [v.name for v in engine().volumes.list()]:
        engine().volumes.create(site.volume, labels=site.labels)
    host = api.create_host_config(
        port_bindings={443: ("127.0.0.1", site.port)},
        binds=[f"{site.volume}:/var/lib/registry"],
        restart_policy={"Name": "unless-stopped"},
    )
    networking = api.create_networking_config({site.network: api.create_endpoint_config(aliases=ALIASES)})
    made = api.create_container(
        image,
        name=site.container,
        hostname=site.container,
        ports=[443],
        host_config=host,
        networking_config=networking,
        labels={**site.labels, _CONFIG: config},
    )
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for path in (tls.CERTIFICATE, tls.KEY):
            entry = tarfile.TarInfo(path.name)
            entry.size, entry.mode = path.stat().st_size, 0o600
            tar.addfile(entry, io.BytesIO(path.read_bytes()))
    api.put_archive(made["Id"], "/etc/corral", archive.getvalue())
    return engine().containers.get(made["Id"])


def _start(container: Any, site: Site) -> None:
    say(f"starting {site.container} on {site.url}")
    try:
        container.start()
    except docker.errors.APIError as error:
        container.remove(force=True, v=False)
        hint = f"is another program on port {site.port}? Set CORRAL_PRACTICE_PORT to a free one."
        raise PracticeError(f"the practice registry does not start: {error.explanation} ({hint})") from error


def _wait(site: Site, seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            Registry(site.url).call("GET", "/v2/", (200,))
            return
        except (requests.RequestException, RuntimeError) as error:
            if time.monotonic() > deadline:
                log = engine().containers.get(site.container).logs(tail=20).decode(errors="replace")
                raise PracticeError(f"the practice registry does not answer on {site.url}: {error}\n{log}") from error
        time.sleep(0.05)


class Front:
    """What a test may do to the practice registry and read from it. Every fault stays until `clear()`."""

    def __init__(self, site: Optional[Site] = None) -> None:
        self.site = site or Site.here()
        container = _container(self.site)
        if container is None:
            raise PracticeError(f"there is no container {self.site.container}; run practice/up first")
        self._container = container
        self.registry = Registry(self.site.url)

    @property
    def address(self) -> str:
        """The IP on the network corral-practice: for the extra hosts of containers in nested engines."""
        self._container.reload()
        return str(self._container.attrs["NetworkSettings"]["Networks"][self.site.network]["IPAddress"])

    def fault(self, place: str, directives: str) -> None:
        """Any nginx directives at a place: manifests, redirects (HEAD and GET of a blob at the registry) or blobs."""
        if place not in ("manifests", "redirects", "blobs"):
            raise ValueError(f"no such place: {place}")
        self._run(f"printf '%s\\n' {shlex.quote(directives)} > /run/corral/{place}.conf && reload")

    def slow(self, rate: str = "2m") -> None:
        """At most this many bytes a second for each connection (`2m`, `500k`; `1` all but stops)."""
        self.fault("blobs", f"limit_rate {rate};")

    def refuse(self, status: int, text: str = "", place: str = "manifests", match: str = "") -> None:
        """Answer with this status; `match`: only where the path holds this text."""
        answer = f'return {status} "{text}";' if text else f"return {status};"
        self.fault(place, f'if ($uri ~ "{match}") {{ {answer} }}' if match else answer)

    def wrong_bytes(self, digest: str) -> None:
        """Serve this blob (64 hex) with its last byte changed and its right length."""
        self._run(f"wrong-bytes {shlex.quote(digest)}")

    def gone(self) -> None:
        """No registry at all: connections are refused."""
        self._container.stop(timeout=2)

    def back(self) -> None:
        self._container.start()
        _wait(self.site)

    def clear(self) -> None:
        """Take every fault back."""
        self._container.reload()
        if self._container.status != "running":
            self.back()
        self._run("rm -f /run/corral/*.conf /srv/instead/* && reload")

    @contextlib.contextmanager
    def during(self, name: str, *arguments: Any) -> Iterator[Front]:
        """`with front.during("slow", "1m"):` a fault for the length of a block."""
        getattr(self, name)(*arguments)
        try:
            yield self
        finally:
            self.clear()

    def requests(self) -> list[dict[str, Any]]:
        """The access log: at, host, method, uri, status, bytes, range, agent, seconds, client."""
        return [json.loads(line) for line in self._run(f"cat {_LOG}").splitlines()]

    def bytes_by_blob(self) -> dict[str, int]:
        """Bytes of blobs served since the log was cleared, by digest (64 hex)."""
        served: dict[str, int] = {}
        for line in self.requests():
            if line["uri"].startswith(_BLOB) and line["status"] in (200, 206):
                digest = line["uri"][len(_BLOB) :]
                served[digest] = served.get(digest, 0) + line["bytes"]
        return served

    def clear_log(self) -> None:
        self._run(f": > {_LOG}")

    def blob_of(self, name: str, kind: str = "model") -> str:
        """The digest of a model's first layer of this kind, for wrong_bytes."""
        layers = json.loads(self.registry.manifest(name))["layers"]
        found = [layer["digest"] for layer in layers if layer["mediaType"].endswith(f".{kind}")]
        if not found:
            raise ValueError(f"{name} has no {kind} layer")
        return str(found[0]).partition(":")[2]

    def _run(self, script: str) -> str:
        code, output = self._container.exec_run(["sh", "-c", script])
        if code != 0:
            raise RuntimeError(f"in {self.site.container}: {output.decode(errors='replace')}")
        return str(output.decode())
