"""Recordings on a store that cannot be written, and on a disk that is full."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import private
import pytest
import stores
import table
from compare import Check
from conftest import Serve
from registry_lab import Registry
from server_lab import Answer, Practice
from stores import CONFIG, TINY, blob_path

BIG = "6d92db1fe447f0764fcf09c59aaa34289df8b286aa8463d5587f017b17ac293d"
MID = "7f678f891264ad68a17936e84cce29268f4f493e64945635959b66b2293d9c91"


def read_only_server(serve: Serve, models: Path, **env: str) -> Practice:
    return serve(models, wrapper=private.read_only(models), **env)


def small_server(serve: Serve, models: Path, size: str) -> Practice:
    models.mkdir()
    return serve(models, wrapper=private.small(models, size))


def hold(name: str, server: Practice, registry: Registry) -> None:
    check = Check(name, server.models, registry.host)
    answer = check.send(server)
    body = answer.body
    for digest in registry.blobs:
        if digest.split(":")[1] not in str(check.record):
            recorded = BIG if BIG in str(check.record) else MID
            body = body.replace(digest.split(":")[1].encode(), recorded.encode())
    check.hold(Answer(answer.status, answer.headers, body), progress=name == "ro_pull_existing")


@pytest.mark.parametrize("name", [name for name in table.names("disk") if name.startswith("ro_")])
def test_read_only(name: str, serve: Serve, registry: Registry, tmp_path: Path) -> None:
    registry.add_model("mid", "1", os.urandom(100_000), stores.golden_blob(CONFIG))
    models = stores.golden(tmp_path / "models", registry.host, keep=("tiny:1b",))
    server = read_only_server(serve, models, OLLAMA_NOPRUNE="1")
    assert f"{registry.host}/library/tiny:1b" in server.tags()
    hold(name, server, registry)


@pytest.mark.parametrize("name", ["pull_enospc", "pull_enospc_nostream"])
def test_full(name: str, serve: Serve, registry: Registry, tmp_path: Path) -> None:
    registry.add_model("big", "1", os.urandom(3_000_000), stores.golden_blob(CONFIG))
    server = small_server(serve, tmp_path / "models", "1m")
    hold(name, server, registry)


def test_full_to_the_last_byte(serve: Serve, registry: Registry, tmp_path: Path) -> None:
    """Not even the small file of a part can be written; an empty one stays and blocks the next pull."""
    registry.add_model("big", "1", os.urandom(3_000_000), stores.golden_blob(CONFIG))
    server = small_server(serve, tmp_path / "models", "1m")
    server.post("/api/pull", model=f"{registry.host}/library/big:1", insecure=True)
    fill(server)
    hold("pull_enospc_small", server, registry)
    again = server.post("/api/pull", model=f"{registry.host}/library/tiny:1b", insecure=True)
    assert again.last == {"error": "EOF"}


def fill(server: Practice) -> None:
    """Writes into the server's own mount until nothing fits."""
    assert server.process
    root = f"/proc/{server.process.pid}/root{server.models}"
    subprocess.run(["sh", "-c", f'cat /dev/zero > "{root}/filler" 2>/dev/null'], check=False)


def spoil(models: Path, what: str) -> None:
    if what == "orphan":
        blob_path(models, "0" * 64).write_bytes(b"nobody's")
        stores.age(blob_path(models, "0" * 64), 7200)
    elif what == "truncated manifest":
        stores.manifest_path(models, stores.RECORDED_HOST, "tiny", "2").write_bytes(b"{")
    elif what == "empty directory":
        (models / "manifests" / "x" / "y").mkdir(parents=True)
    elif what == "old name":
        os.rename(blob_path(models, TINY), models / "blobs" / f"sha256:{TINY}")
    elif what == "nothing there":
        (models / "blobs").rmdir()


# What is in the store, whether the server starts with the prune on, and with it off.
STARTS = [
    ("clean", "", ""),
    ("orphan", "", ""),
    ("truncated manifest", "", ""),
    ("empty directory", "remove <models>/manifests/x/y: read-only file system", ""),
    ("old name", "rename <models>/blobs/sha256:", "rename <models>/blobs/sha256:"),
    ("nothing there", "mkdir <models>/blobs: read-only file system: ensure path", "mkdir <models>/blobs"),
]


@pytest.mark.parametrize(("what", "pruning", "quiet"), STARTS)
@pytest.mark.parametrize("noprune", ["0", "1"])
def test_start_on_a_read_only_store(
    what: str, pruning: str, quiet: str, noprune: str, serve: Serve, tmp_path: Path
) -> None:
    models = tmp_path / "models"
    if what == "nothing there":
        (models / "blobs").mkdir(parents=True)
    else:
        stores.golden(models, keep=("tiny:1b", "tiny:2"))
    spoil(models, what)
    server = serve(models, wrapper=private.read_only(models), wait=False, OLLAMA_NOPRUNE=noprune)
    error = pruning if noprune == "0" else quiet
    if not error:
        server.wait()
        hidden = what == "truncated manifest"
        assert len(server.tags()) == (1 if hidden else 2)
        assert ("corrupt manifests detected" in server.log) == (hidden and noprune == "0")
        assert ("couldn't remove" in server.log) == (what == "orphan" and noprune == "0")
        return
    assert server.process
    assert server.process.wait(10) == 1
    assert f"Error: {error}".replace("<models>", str(models)) in server.log
