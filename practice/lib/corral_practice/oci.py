"""Put models into an OCI registry, move tags, look at manifests: any registry, the practice one by default."""

from __future__ import annotations

from typing import Any, Optional, Union

import requests

from .models import MANIFEST_TYPE, Layer, Model
from .tls import CA

_ACCEPT = {"Accept": MANIFEST_TYPE}


def split_name(name: str) -> tuple[str, str]:
    """`mistral:7b` -> (`library/mistral`, `7b`)."""
    repository, _colon, tag = name.partition(":")
    return (repository if "/" in repository else f"library/{repository}"), tag or "latest"


class Registry:
    """`ca` is a file, True for the system's authorities or False for none."""

    def __init__(self, url: str, ca: Union[str, bool, None] = None) -> None:
        self.url = url.rstrip("/")
        self._session = requests.Session()
        # With trust_env, REQUESTS_CA_BUNDLE in the environment would win over the authority given here.
        self._session.trust_env = False
        self._session.verify = str(CA) if ca is None else ca

    def call(self, method: str, path: str, expect: tuple[int, ...], **options: Any) -> requests.Response:
        url = path if path.startswith("http") else self.url + path
        answer = self._session.request(method, url, timeout=300, allow_redirects=False, **options)
        if answer.status_code not in expect:
            raise RuntimeError(f"{method} {url}: {answer.status_code} {answer.text[:300]}")
        return answer

    def digest(self, name: str) -> Optional[str]:
        """64 hex of the manifest behind the name, None when there is none."""
        repository, tag = split_name(name)
        answer = self.call("HEAD", f"/v2/{repository}/manifests/{tag}", (200, 404), headers=_ACCEPT)
        return answer.headers["Docker-Content-Digest"].partition(":")[2] if answer.ok else None

    def manifest(self, name: str) -> bytes:
        repository, tag = split_name(name)
        return self.call("GET", f"/v2/{repository}/manifests/{tag}", (200,), headers=_ACCEPT).content

    def push(self, name: str, model: Model) -> str:
        """Upload what is missing and set the tag. Gives the manifest's digest."""
        repository, _tag = split_name(name)
        for blob in model.blobs:
            self._upload(repository, blob)
        return self.set_tag(name, model.manifest)

    def set_tag(self, name: str, manifest: bytes) -> str:
        repository, tag = split_name(name)
        path, headers = f"/v2/{repository}/manifests/{tag}", {"Content-Type": MANIFEST_TYPE}
        answer = self.call("PUT", path, (201,), data=manifest, headers=headers)
        return answer.headers["Docker-Content-Digest"].partition(":")[2]

    def move_tag(self, name: str, source: str) -> str:
        """Let `name` (`mistral:7b`) point to what `source` (`mistral:7b-v2`, same repository) points to."""
        if split_name(name)[0] != split_name(source)[0]:
            raise ValueError(f"{name} and {source} are not in one repository")
        return self.set_tag(name, self.manifest(source))

    def delete(self, name: str) -> None:
        """Remove the manifest behind the name, and so every tag that points to it."""
        digest = self.digest(name)
        if digest:
            self.call("DELETE", f"/v2/{split_name(name)[0]}/manifests/sha256:{digest}", (202,))

    def _upload(self, repository: str, blob: Layer) -> None:
        path = f"/v2/{repository}/blobs/sha256:{blob.digest}"
        if self.call("HEAD", path, (200, 404)).status_code == 200:
            return
        location = self.call("POST", f"/v2/{repository}/blobs/uploads/", (202,)).headers["Location"]
        target = f"{location}{'&' if '?' in location else '?'}digest=sha256:{blob.digest}"
        headers = {"Content-Type": "application/octet-stream"}
        if blob.path is None:
            self.call("PUT", target, (201,), data=blob.data, headers=headers)
            return
        with blob.path.open("rb") as stream:
            self.call("PUT", target, (201,), data=stream, headers=headers)
