# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Digests, manifests and findings: what is accepted, and what hostile text does."""

from __future__ import annotations

import hashlib
import json

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core import digests, findings, manifests

D1, D2, D3 = "1" * 64, "2" * 64, "a" * 64


@pytest.mark.parametrize("text", [D3, "sha256:" + D3])
def test_good_digests(text):
    assert digests.parse_digest(text) == D3


BAD_DIGESTS = [
    "",
    "sha256:",
    D3[:-1],
    D3 + "a",
    D3.upper(),
    "sha256:" + D3.upper(),
    "sha256-" + D3,
    "SHA256:" + D3,
    "sha512:" + D3,
    "../" + D3[3:],
    D3 + "\n",
    "/" * 64,
    None,
    5,
    ["x"],
]


@pytest.mark.parametrize("text", BAD_DIGESTS)
def test_bad_digests(text):
    with pytest.raises(digests.InvalidDigest) as caught:
        digests.parse_digest(text)
    assert caught.value.kind == "bad_digest"
    with pytest.raises(digests.InvalidDigest):
        digests.blob_file(text)


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("sha256-" + D3, D3),
        ("sha256:" + D3, None),
        ("sha256-" + D3 + "-partial", None),
        ("sha256-" + D3.upper(), None),
        ("README", None),
        ("", None),
    ],
)
def test_blob_file_names(name, digest):
    assert digests.digest_of_blob_file(name) == digest
    assert digest is None or digests.blob_file(digest) == name


def blob(digest=D1, size=5, **more):
    return {"mediaType": "application/vnd.ollama.image.model", "digest": "sha256:" + digest, "size": size, **more}


def raw(**document):
    return json.dumps({"schemaVersion": 2, **document}).encode()


def test_a_good_manifest():
    data = raw(config=blob(D2, 7), layers=[blob(D1), blob(D3, 9), blob(D1)])
    manifest = manifests.parse_manifest(data)
    assert manifest.digest == hashlib.sha256(data).hexdigest()
    assert manifest.size == len(data)
    assert [one.digest for one in manifest.blobs] == [D2, D1, D3]
    assert manifest.total_size == 7 + 5 + 9 + 5
    assert manifest.content_key == (D2, D1, D3, D1)
    assert not manifest.is_empty


def test_equal_content_in_other_bytes():
    data = raw(config=blob(D2, 7), layers=[blob(D1)])
    one, other = manifests.parse_manifest(data), manifests.parse_manifest(data + b"\n")
    assert one.digest != other.digest
    assert one.content_key == other.content_key


@pytest.mark.parametrize("data", [b"{}", raw(config=blob()), raw(layers=[blob()]), raw(config=None, layers=None)])
def test_manifests_that_are_empty(data):
    assert manifests.parse_manifest(data).is_empty


BAD_MANIFESTS = [
    (b"", "is empty"),
    (b"not json", "not JSON"),
    (b"\xff\xfe{}", "not JSON"),
    (raw(config=blob(), layers=[blob()])[:-20], "not JSON"),
    (b"[" * 100_000, "not JSON"),
    (b'{"config": ' + b"9" * 5000 + b"}", "not JSON|not an object"),
    (b"[]", "not a JSON object"),
    (b'"x"', "not a JSON object"),
    (raw(layers={}), "not a list"),
    (raw(layers=[blob()] * 4097), "at most 4096"),
    (raw(config=[]), "config is not an object"),
    (raw(layers=["x"]), "layer 0 is not an object"),
    (raw(layers=[blob(), {"size": 1}]), "layer 1 has a bad digest"),
    (raw(config={"digest": "sha256:../../../../etc/passwd", "size": 1}), "bad digest"),
    (raw(config={"digest": "/etc/passwd", "size": 1}), "bad digest"),
    (raw(config={"digest": "sha256:" + D3.upper(), "size": 1}), "bad digest"),
    (raw(config={"digest": D3, "size": 1}), "without sha256:"),
    (raw(config={"digest": {"a": 1}, "size": 1}), "bad digest"),
    (raw(config=blob(size=-1)), "no size"),
    (raw(config=blob(size=True)), "no size"),
    (raw(config=blob(size=1.5)), "no size"),
    (raw(config=blob(size="5")), "no size"),
    (raw(config=blob(size=2**63)), "no size"),
    (raw(config=blob(mediaType=5)), "media type"),
    (raw(config=blob(mediaType="x" * 300)), "media type"),
    (raw(config=blob(D1, 5), layers=[blob(D1, 6)]), "two sizes"),
    (b" " * (manifests.MAX_MANIFEST_BYTES + 1), "longer than"),
]


@pytest.mark.parametrize(("data", "problem"), BAD_MANIFESTS)
def test_bad_manifests(data, problem):
    with pytest.raises(manifests.InvalidManifest, match=problem) as caught:
        manifests.parse_manifest(data)
    assert caught.value.kind == "bad_manifest"
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("kind", sorted(findings.KINDS))
def test_findings_know_whether_they_are_damage(kind):
    finding = findings.Finding(kind, "blobs/x", "…", models=("m:1",))
    assert finding.damage is (kind not in {"orphan", "partial", "stray"})
    assert finding.as_dict()["models"] == ["m:1"]
    json.dumps(finding.as_dict())


def test_a_finding_of_no_known_kind_is_a_mistake():
    with pytest.raises(ValueError, match="unknown kind"):
        findings.Finding("odd", "x", "…")
