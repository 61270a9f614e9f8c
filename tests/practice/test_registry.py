"""The practice registry as a client meets it: digests, redirects, ranges, faults, the log."""

from __future__ import annotations

import hashlib
import json
import time
from typing import Any

import pytest
import requests
from corral_practice import models, tls

ACCEPT = {"Accept": models.MANIFEST_TYPE}
NAME = "library/tiny"


@pytest.fixture(scope="session")
def tiny(own_front: Any) -> models.Model:
    model = models.tiny_model(1)
    assert own_front.registry.push("tiny:1b", model) == model.digest
    own_front.registry.push("tiny:2", models.tiny_model(2))
    return model


def get(front: Any, path: str, host: str = "registry.ollama.ai", **options: Any) -> requests.Response:
    """As a container sees it, but through the port on loopback."""
    session = requests.Session()
    session.trust_env = False
    headers = {**options.pop("headers", {}), "Host": host}
    method = options.pop("method", "GET")
    url = front.site.url + path
    return session.request(
        method, url, headers=headers, verify=str(tls.CA), allow_redirects=False, timeout=20, **options
    )


def get_bytes(front: Any, model: models.Model, **options: Any) -> requests.Response:
    return get(front, f"/sha256/{model.layers[0].digest}", "blobs.practice.corral", **options)


def test_a_manifest_comes_with_its_digest(front: Any, tiny: models.Model) -> None:
    answer = get(front, f"/v2/{NAME}/manifests/1b", headers=ACCEPT)
    assert answer.content == tiny.manifest
    assert answer.headers["Docker-Content-Digest"] == f"sha256:{tiny.digest}"
    assert get(front, f"/v2/{NAME}/manifests/1b", headers=ACCEPT, method="HEAD").status_code == 200


def test_what_a_plain_registry_refuses(front: Any, tiny: models.Model) -> None:
    assert get(front, f"/v2/{NAME}/manifests/none", headers=ACCEPT).status_code == 404
    without = get(front, f"/v2/{NAME}/manifests/1b")
    assert (without.status_code, without.json()["errors"][0]["code"]) == (400, "MANIFEST_INVALID")


def test_a_blob_is_announced_here_and_fetched_elsewhere(front: Any, tiny: models.Model) -> None:
    layer = tiny.layers[0]
    path = f"/v2/{NAME}/blobs/sha256:{layer.digest}"
    head = get(front, path, method="HEAD")
    assert (head.status_code, head.headers["Content-Length"]) == (200, str(layer.size))
    assert get(front, path.replace(layer.digest, "0" * 64), method="HEAD").status_code == 404
    answer = get(front, path)
    assert answer.status_code == 307
    assert answer.headers["Location"] == f"https://blobs.practice.corral/sha256/{layer.digest}"


def test_the_bytes_in_whole_and_in_part(front: Any, tiny: models.Model) -> None:
    data = tiny.layers[0].data
    assert get_bytes(front, tiny).content == data
    part = get_bytes(front, tiny, headers={"Range": "bytes=1000-1999"})
    assert (part.status_code, part.content) == (206, data[1000:2000])
    assert part.headers["Content-Range"] == f"bytes 1000-1999/{len(data)}"
    assert get(front, "/sha256/" + "0" * 64, "blobs.practice.corral").status_code == 404


def test_the_log_counts_the_bytes_of_each_blob(front: Any, tiny: models.Model) -> None:
    get_bytes(front, tiny)
    get_bytes(front, tiny, headers={"Range": "bytes=0-99"})
    assert front.bytes_by_blob() == {tiny.layers[0].digest: tiny.layers[0].size + 100}
    assert [line["status"] for line in front.requests()] == [200, 206]
    front.clear_log()
    assert front.requests() == []


def test_a_slow_registry(front: Any, tiny: models.Model) -> None:
    with front.during("slow", "150k"):
        start = time.monotonic()
        assert get_bytes(front, tiny).content == tiny.layers[0].data
        slow = time.monotonic() - start
    assert slow > 0.9
    start = time.monotonic()
    get_bytes(front, tiny)
    assert time.monotonic() - start < slow


def test_wrong_bytes_have_the_right_length(front: Any, tiny: models.Model) -> None:
    digest = front.blob_of("tiny:1b")
    with front.during("wrong_bytes", digest):
        wrong = get_bytes(front, tiny).content
    assert len(wrong) == tiny.layers[0].size
    assert hashlib.sha256(wrong).hexdigest() != digest
    assert hashlib.sha256(get_bytes(front, tiny).content).hexdigest() == digest


def test_a_status_for_some_models_only(front: Any, tiny: models.Model) -> None:
    front.registry.push("other:1", tiny)
    with front.during("refuse", 412, "needs a newer version", "manifests", "/tiny/"):
        refused = get(front, f"/v2/{NAME}/manifests/1b", headers=ACCEPT)
        assert (refused.status_code, refused.text) == (412, "needs a newer version")
        assert get(front, "/v2/library/other/manifests/1", headers=ACCEPT).status_code == 200
    assert get(front, f"/v2/{NAME}/manifests/1b", headers=ACCEPT).status_code == 200


def test_a_registry_that_is_gone_and_back(front: Any, tiny: models.Model) -> None:
    with front.during("gone"), pytest.raises(requests.ConnectionError):
        get(front, "/v2/")
    assert front.registry.digest("tiny:1b") == tiny.digest


def test_a_tag_moves_and_a_model_goes(front: Any, tiny: models.Model) -> None:
    registry = front.registry
    registry.push("moved:1", tiny)
    registry.push("moved:2", models.tiny_model(2))
    registry.move_tag("moved:1", "moved:2")
    assert registry.digest("moved:1") == models.tiny_model(2).digest
    with pytest.raises(ValueError, match="not in one repository"):
        registry.move_tag("moved:1", "tiny:1b")
    registry.delete("moved:1")
    assert registry.digest("moved:1") is None


def test_nonsense_directives_are_refused_and_change_nothing(front: Any, tiny: models.Model) -> None:
    with pytest.raises(RuntimeError, match="unknown directive"):
        front.fault("blobs", "nonsense;")
    assert get_bytes(front, tiny).status_code == 200


def test_the_address_is_on_our_network(front: Any) -> None:
    assert json.dumps(front.address).count(".") == 3
