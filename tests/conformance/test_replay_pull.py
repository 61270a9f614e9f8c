"""Recordings of pulls: what the stream says, in every way in which it can end."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import pytest
import stores
import table
from compare import Check, recording
from conftest import Serve
from registry_lab import Registry, Rules
from server_lab import Answer, Practice
from stores import PARAMS, TINY

Scene = Callable[[Registry, Practice], object]
BIG = os.urandom(2_400_000)
MID = os.urandom(800_000)
PARTS = {"PRACTICE_PART_MIN": "1000000", "PRACTICE_RETRY_SCALE": "0.01"}
BROKEN = b'{"errors":[{"code":"INJECTED","message":"injected"}]}'
OTHER_REALM = 'Bearer realm="https://auth.example.com/token",service="s",scope="x"'


def rules(**changed: Any) -> Scene:
    def scene(registry: Registry, server: Practice) -> None:
        registry.rules = Rules(**changed)

    return scene


def pulled(*names: str) -> Scene:
    def scene(registry: Registry, server: Practice) -> None:
        for name in names:
            answer = server.post("/api/pull", model=f"{registry.host}/library/{name}", insecure=True)
            assert answer.last == {"status": "success"}

    return scene


def moved(old: str, new: str, kept_by: str = "") -> Scene:
    """`new` is pulled, then the registry gives it to those who ask for `old`."""

    def scene(registry: Registry, server: Practice) -> None:
        pulled(old, new, *([kept_by] if kept_by else []))(registry, server)
        (model, tag), (other, other_tag) = old.split(":"), new.split(":")
        registry.add(model, tag, registry.manifests[f"/v2/library/{other}/manifests/{other_tag}"])

    return scene


def empty_manifest(registry: Registry, server: Practice) -> None:
    registry.add("tiny", "9", b"{}")


def challenge(registry: Registry, server: Practice) -> None:
    realm = (
        f'Bearer realm="http://{registry.host}/token",service="{registry.host}",scope="repository:library/tiny:pull"'
    )
    registry.rules = Rules(challenge=realm, token="T0K")


def partial(server: Practice, number: int, text: str) -> None:
    digest = next(iter(recorded_big))
    blobs = server.models / "blobs"
    (blobs / f"sha256-{digest}-partial-{number}").write_text(text)


recorded_big: dict[str, int] = {}


def leftover_part(registry: Registry, server: Practice) -> None:
    partial(server, 1, '{"N":1,"Offset":0,"Size":10,"Completed":10}\n')


def empty_part(registry: Registry, server: Practice) -> None:
    partial(server, 0, "")


SCENES: dict[str, Scene] = {
    "pull_auth_basic": rules(challenge='Basic realm="x"'),
    "pull_auth_challenge": challenge,
    "pull_auth_realm_other_host": rules(challenge=OTHER_REALM),
    "pull_big_slow": rules(rate=4_000_000.0),
    "pull_blob_get_403": rules(get=403),
    "pull_blob_head_404": rules(head=404),
    "pull_blob_head_500": rules(head=500),
    "pull_digest_mismatch": rules(wrong=f"sha256:{TINY}"),
    "pull_digest_mismatch_nostream": rules(wrong=f"sha256:{TINY}"),
    "pull_manifest_500": rules(manifest=(500, BROKEN)),
    "pull_manifest_bad_json": rules(manifest=(200, b'{"schemaVersion":2,')),
    "pull_manifest_empty_object": empty_manifest,
    "pull_network_lost_midway": rules(dead_after=400_000),
    "pull_plain_registry": rules(get=200),
    "pull_stuck_by_empty_part": empty_part,
    "pull_stuck_by_leftover_part": leftover_part,
    "pull_tag_moved": moved("tiny:1b", "mid:1"),
    "pull_tag_moved_prunes_old_layers": moved("tiny:2", "mid:1"),
    "pull_uptodate": pulled("tiny:1b"),
}
WITH_PROGRESS = ("pull_uptodate", "pull_blob_get_403")
LOST = ("pull_network_lost_midway", "pull_big_slow")


def streams() -> list[str]:
    return [name for name in table.names("pull") if name.startswith("pull_")]


@pytest.fixture
def server(serve: Serve, registry: Registry) -> Practice:
    """A server on an empty store; the registry has big:1 and mid:1 too."""
    config = stores.golden_blob(stores.CONFIG)
    registry.add_model("mid", "1", MID, config, params=stores.golden_blob(PARAMS))
    registry.add_model("big", "1", BIG, config, params=stores.golden_blob(PARAMS))
    manifest = json.loads(registry.manifests["/v2/library/big/manifests/1"])
    recorded_big.clear()
    recorded_big[manifest["layers"][0]["digest"].split(":")[1]] = len(BIG)
    return serve(**PARTS)


@pytest.mark.parametrize("name", streams())
def test_replay(name: str, server: Practice, registry: Registry) -> None:
    SCENES.get(name, rules())(registry, server)
    check = Check(name, server.models, registry.host)
    answer = check.send(server)
    plain = Answer(answer.status, answer.headers, today_as_recorded(answer.body, check.record, server))
    check.hold(plain, progress=name in WITH_PROGRESS)


def today_as_recorded(body: bytes, record: dict[str, Any], server: Practice) -> bytes:
    """Digests of models that are made anew here, replaced by the recorded ones; the found digest of wrong bytes too."""
    text = json.dumps(record)
    for digest in recorded_big:
        body = body.replace(digest.encode(), b"6d92db1fe447f0764fcf09c59aaa34289df8b286aa8463d5587f017b17ac293d")
    if "got sha256:" in text:
        head, _, tail = body.partition(b"got sha256:")
        recorded = text.partition("got sha256:")[2][:64]
        body = head + b"got sha256:" + recorded.encode() + tail[64:]
    return body


@pytest.mark.parametrize("name", LOST)
def test_progress_lines(name: str, server: Practice, registry: Registry) -> None:
    """Byte counts only grow; after a break the same line is repeated."""
    SCENES[name](registry, server)
    lines = [line for line in Check(name, server.models, registry.host).send(server).lines if "total" in line]
    assert len(lines) >= 2
    done = [line.get("completed", 0) for line in lines if line["digest"] == lines[0]["digest"]]
    assert done == sorted(done)
    assert done[-1] <= lines[0]["total"]


def test_what_the_registry_sees(server: Practice, registry: Registry) -> None:
    pulled("tiny:1b")(registry, server)
    hold_requests(registry, server, "registry_requests_of_a_pull")


def test_what_the_registry_sees_with_a_token(server: Practice, registry: Registry) -> None:
    challenge(registry, server)
    pulled("tiny:1b")(registry, server)
    hold_requests(registry, server, "registry_requests_of_a_pull_with_auth")


def hold_requests(registry: Registry, server: Practice, name: str) -> None:
    """Order, ranges, headers and answers, as recorded for the first of the pulls in the recording."""
    expected = recording(name)["requests"]
    ours = [seen(request, registry) for request in registry.requests]
    first = [seen(request, None) for request in expected[: len(ours)]]
    assert ours == first


def seen(request: dict[str, Any], registry: Registry | None) -> dict[str, Any]:
    front, cdn = (registry.host, f"localhost:{registry.cdn_port}") if registry else ("127.0.0.1:5056", "localhost:5057")
    path = request["path"].split("?")[0]
    agent = (request["ua"] or "").replace("-practice", "").split(" Go/go1.")[0]
    kind = (request.get("auth") or "").split(" ")[0]
    return {
        "method": request["method"],
        "path": "/cdn" if path.startswith("/cdn/") else path,
        "host": request["host"].replace(front, "<front>").replace(cdn, "<cdn>"),
        "range": request["range"],
        "accept": request["accept"],
        "agent": agent,
        "auth": kind if kind in ("", "Bearer") else "<key and signature>",
        "status": request["status"],
    }
