"""The role mirror: a server that Corral does not manage pulls from it, and nobody gets more than a pull needs."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Iterator
from pathlib import Path

import docker
import docker.errors
import pytest
from ansible_collections.corral.ollama.tests.conformance.server_lab import Practice
from ansible_collections.corral.ollama.tests.practice.several_hosts import Hosts, several
from corral_practice import tls
from corral_practice.front import Front
from corral_practice.models import Model, tiny_model

NAME = "mirrored:1b"
PORT = 26540
CONTAINER = "corral-test-one-mirror"
MIRROR = {"roles": ["corral.ollama.mirror"]}
CHECKED = "preflight | Check the names, the port and the certificate"


@pytest.fixture(scope="module")
def model() -> Model:
    return tiny_model(51)


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory, own_front: Front, model: Model) -> Iterator[Hosts]:
    """One host whose mirror runs, with the practice certificate: it is for localhost and for 127.0.0.1."""
    wish = {
        "corral_mirror_port": PORT,
        "corral_mirror_bind_address": "127.0.0.1",
        "corral_mirror_blob_name": "127.0.0.1",
        "corral_mirror_tls_certificate": str(tls.CERTIFICATE),
        "corral_mirror_tls_key": str(tls.KEY),
        "corral_models": [NAME],
    }
    own_front.registry.push(NAME, model)
    with several(Hosts(tmp_path_factory.mktemp("mirrored"), ("one",), own_front, wish)) as found:
        made = found.play({"roles": ["corral.ollama.model_store", "corral.ollama.models", "corral.ollama.mirror"]})
        assert not made.failed, made.document
        yield found


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Practice]:
    server = Practice(tmp_path / "client", tmp_path / "models", {"SSL_CERT_FILE": str(tls.CA)})
    try:
        yield server.start()
    finally:
        server.stop()


def ask(method: str, path: str) -> http.client.HTTPResponse:
    trusted = ssl.create_default_context(cafile=str(tls.CA))
    connection = http.client.HTTPSConnection("localhost", PORT, context=trusted, timeout=10)
    connection.request(method, path)
    return connection.getresponse()


def test_a_plain_server_pulls_from_it_without_the_registry(
    hosts: Hosts, front: Front, model: Model, client: Practice, tmp_path: Path
):
    name = f"localhost:{PORT}/library/{NAME}"
    with front.during("gone"):
        told = list(client.stream("/api/pull", model=name))
    assert told[-1] == {"status": "success"}
    assert client.tags()[name]["digest"] == model.digest
    for blob in model.blobs:
        assert (tmp_path / "models/blobs" / f"sha256-{blob.digest}").read_bytes() == blob.read()


def test_it_gives_what_a_pull_needs_and_nothing_else(hosts: Hosts, model: Model):
    weights = model.layers[0].digest
    (hosts.store("one") / "secret").write_text("not for you")
    (hosts.store("one") / "blobs" / f"sha256-{'1' * 64}").symlink_to("/etc/hostname")
    assert json.loads(ask("GET", f"/v2/library/{NAME.replace(':', '/manifests/')}").read())["layers"]
    redirect = ask("GET", f"/v2/library/mirrored/blobs/sha256:{weights}")
    assert (redirect.status, redirect.headers["Location"]) == (307, f"https://127.0.0.1:{PORT}/blobs/sha256-{weights}")
    refused = {
        ("DELETE", f"/blobs/sha256-{weights}"): 405,
        ("POST", "/v2/library/mirrored/blobs/uploads/"): 405,
        ("GET", "/blobs/"): 404,
        ("GET", "/secret"): 404,
        ("GET", "/v2/library/mirrored/manifests/..%2f..%2f..%2f..%2fsecret"): 404,
        ("GET", "/v2/_catalog"): 404,
        ("GET", f"/blobs/sha256-{'1' * 64}"): 403,
    }
    assert {request: ask(*request).status for request in refused} == refused
    how = docker.from_env().containers.get(CONTAINER).attrs
    assert how["HostConfig"]["ReadonlyRootfs"]
    assert how["HostConfig"]["CapDrop"] == ["ALL"]
    assert [mount["RW"] for mount in how["Mounts"] if mount["Type"] != "tmpfs"] == [False, False]


def test_a_second_run_changes_nothing_and_one_without_its_name_says_what_is_missing(hosts: Hosts):
    assert hosts.play(MIRROR).stats("one")["changed"] == 0
    wrong = hosts.play(MIRROR, corral_mirror_blob_name="")
    assert "corral_mirror_blob_name" in wrong.of("one", CHECKED)["msg"]
    assert docker.from_env().containers.get(CONTAINER).status == "running"


def test_it_goes_and_leaves_the_store(hosts: Hosts, model: Model):
    gone = hosts.play(MIRROR, corral_mirror=False)
    assert not gone.failed
    with pytest.raises(docker.errors.NotFound):
        docker.from_env().containers.get(CONTAINER)
    assert not (hosts.folder / "one/mirror").exists()
    assert {blob.digest for blob in model.blobs} <= hosts.blobs("one")
    assert hosts.play(MIRROR, corral_mirror=False).stats("one")["changed"] == 0
