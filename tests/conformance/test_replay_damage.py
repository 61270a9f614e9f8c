"""The damage table: what a freshly started server says of a damaged model, and what a re-pull makes of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import stores
import table
from compare import Check, folded
from conftest import Serve
from registry_lab import Registry
from stores import CONFIG, PARAMS, TINY, blob_path

STEPS = ("tags", "show", "generate", "repull")


def flip(path: Path, where: int) -> None:
    raw = bytearray(path.read_bytes())
    raw[where] ^= 0xFF
    path.write_bytes(raw)


def cut(path: Path, length: int) -> None:
    path.write_bytes(path.read_bytes()[:length])


def manifest(models: Path, host: str) -> Path:
    return stores.manifest_path(models, host, "tiny", "1b")


DAMAGE: dict[str, Callable[[Path, str], object]] = {
    "flip_tensor_byte": lambda m, h: flip(blob_path(m, TINY), 200_000),
    "flip_magic": lambda m, h: flip(blob_path(m, TINY), 0),
    "truncated_half": lambda m, h: cut(blob_path(m, TINY), 120_000),
    "truncated_header": lambda m, h: cut(blob_path(m, TINY), 100),
    "weights_zero_bytes": lambda m, h: cut(blob_path(m, TINY), 0),
    "weights_missing": lambda m, h: blob_path(m, TINY).unlink(),
    "config_missing": lambda m, h: blob_path(m, CONFIG).unlink(),
    "config_bad_json": lambda m, h: cut(blob_path(m, CONFIG), 19),
    "params_missing": lambda m, h: blob_path(m, PARAMS).unlink(),
    "params_bad_json": lambda m, h: cut(blob_path(m, PARAMS), 5),
    "manifest_truncated": lambda m, h: cut(manifest(m, h), 100),
    "manifest_empty": lambda m, h: cut(manifest(m, h), 0),
    "manifest_braces": lambda m, h: manifest(m, h).write_bytes(b"{}"),
    "manifest_missing": lambda m, h: manifest(m, h).unlink(),
}


def damages() -> list[str]:
    return sorted({name.removeprefix("corrupt_").rsplit("_", 1)[0] for name in table.names("damage")})


def test_every_damage_has_its_four_recordings() -> None:
    assert sorted(f"corrupt_{damage}_{step}" for damage in damages() for step in STEPS) == table.names("damage")


@pytest.mark.parametrize("damage", damages())
def test_replay(damage: str, serve: Serve, registry: Registry, tmp_path: Path) -> None:
    host = registry.host
    models = stores.golden(tmp_path / "models", host, keep=("tiny:1b", "tiny:2"))
    DAMAGE[damage](models, host)
    server = serve(models)
    for step in STEPS:
        check = Check(f"corrupt_{damage}_{step}", models, host)
        answer = check.send(server)
        if step != "tags":
            check.hold(answer, progress=True)
            continue
        assert answer.status == 200
        assert by_name(check, answer.json) == by_name(check, check.record["response"]["json"])


def by_name(check: Check, listing: dict[str, list[dict[str, object]]]) -> list[object]:
    """The order is that of the manifests' times, which differ from run to run."""
    return sorted((check.normal(model) for model in listing["models"]), key=str)


REPAIRED = {"weights_missing", "config_missing", "params_missing", "manifest_truncated", "manifest_empty",
            "manifest_braces", "manifest_missing"}  # fmt: skip
STICKY = {"weights_missing"}


@pytest.mark.parametrize("damage", damages())
def test_what_a_repull_repairs(damage: str, serve: Serve, registry: Registry, tmp_path: Path) -> None:
    """`success` in every case; right afterwards in half of them only."""
    models = stores.golden(tmp_path / "models", registry.host, keep=("tiny:1b",))
    DAMAGE[damage](models, registry.host)
    server = serve(models)
    name = f"{registry.host}/library/tiny:1b"
    before = server.post("/api/generate", model=name, prompt="hi", stream=False)
    assert folded(server.post("/api/pull", model=name, insecure=True).lines, False)[-1] == {"status": "success"}
    whole = blob_path(models, TINY).read_bytes() == stores.golden_blob(TINY)
    whole = whole and all(blob_path(models, d).read_bytes() == stores.golden_blob(d) for d in (CONFIG, PARAMS))
    assert whole == (damage in REPAIRED)
    after = server.post("/api/generate", model=name, prompt="hi", stream=False)
    if damage in STICKY:
        assert before.status == after.status == 400
        after = server.restart().post("/api/generate", model=name, prompt="hi", stream=False)
    assert (after.status == 200) == (damage in REPAIRED or damage == "flip_tensor_byte")
