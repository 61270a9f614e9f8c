"""An image is made anew exactly when one of its inputs changed; the stand-in runs as the fleet runs it."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from corral_practice import images
from corral_practice.engine import Site, engine
from corral_practice.paths import short_hash
from corral_practice.up import settings


def test_the_tag_follows_bytes_names_modes_base_and_arguments(tmp_path: Path) -> None:
    path = tmp_path / "run"
    path.write_text("one")

    def tag(base: str = "base:1", name: str = "run", version: str = "1") -> str:
        return images.tag_of("x", base, {name: path}, {"VERSION": version})

    first = tag()
    assert first == tag()
    seen = {first, tag(base="base:2"), tag(name="walk"), tag(version="2")}
    path.write_text("two")
    seen.add(tag())
    path.chmod(0o755)
    seen.add(tag())
    assert len(seen) == 6


def test_a_root_follows_its_recipe_and_the_files_in_it(tmp_path: Path) -> None:
    recipe = {"suite": "trixie", "variant": "essential", "packages": ["python3"]}
    init = tmp_path / "init"
    init.write_text("one")
    first = images.Root("host", recipe, inputs=(init,)).tag
    assert first == images.Root("host", recipe, inputs=(init,)).tag
    assert first != images.Root("host", {**recipe, "packages": ["python3", "dbus"]}, inputs=(init,)).tag
    init.write_text("two")
    assert first != images.Root("host", recipe, inputs=(init,)).tag


def test_two_images_on_one_root_make_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def make(root: images.Root) -> str:
        time.sleep(0.2)
        made.append(root.tag)
        return root.tag

    monkeypatch.setattr(images, "exists", lambda tag: tag in made)
    monkeypatch.setattr(images, "_make_root", make)
    root = images.Root("shared", {"suite": "trixie"})
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(images.ensure_root, [root] * 4)) == {root.tag}
    assert made == [root.tag]


def test_the_hash_knows_where_one_input_ends(tmp_path: Path) -> None:
    assert short_hash("ab", "c") != short_hash("a", "bc")


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    """The stand-in under the restrictions of an instance: read-only root, no capability, tmpfs on /tmp."""
    images.ensure_ollama()
    container = engine().containers.run(
        images.OLLAMA,
        detach=True,
        read_only=True,
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        tmpfs={"/tmp": "", "/root/.ollama": ""},
        ports={"11434/tcp": ("127.0.0.1", None)},
    )
    try:
        yield container
    finally:
        container.remove(force=True)


def test_the_stand_in_answers_and_says_what_it_is(server: Any) -> None:
    server.reload()
    port = server.ports["11434/tcp"][0]["HostPort"]
    deadline = time.monotonic() + 10
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/version", timeout=2) as answer:
                assert json.load(answer) == {"version": images.VERSION}
            return
        except OSError:
            assert time.monotonic() < deadline, server.logs().decode()
            time.sleep(0.05)


def test_the_image_is_built_as_the_official_one(server: Any) -> None:
    config = engine().images.get(images.OLLAMA).attrs["Config"]
    assert (config["Entrypoint"], config["Cmd"]) == (["/bin/ollama"], ["serve"])
    assert list(config["ExposedPorts"]) == ["11434/tcp"]
    assert "OLLAMA_HOST=0.0.0.0:11434" in config["Env"]
    assert config.get("Healthcheck") is None
    assert server.exec_run(["sh", "-c", "command -v curl"]).exit_code != 0
    assert server.exec_run(["ollama", "list"]).exit_code == 0


def test_haproxy_is_set_up_as_the_official_image_is() -> None:
    """The gateway sets user and entry point itself; what it takes from the image is the user's number and the path."""
    images.ensure_haproxy()
    config = engine().images.get(images.HAPROXY).attrs["Config"]
    assert (config["Entrypoint"] or [], config["Cmd"][0], config["StopSignal"]) == ([], "haproxy", "SIGUSR1")
    restrictions: dict[str, Any] = {"read_only": True, "cap_drop": ["ALL"], "network_mode": "none", "remove": True}
    assert (
        engine().containers.run(images.HAPROXY, ["id"], **restrictions).startswith(b"uid=99(haproxy) gid=99(haproxy)")
    )
    said = engine().containers.run(images.HAPROXY, ["-vv"], entrypoint=["haproxy"], user="99:99", **restrictions)
    assert said.startswith(f"HAProxy version {images.HAPROXY_VERSION}".encode())
    # What the gateway rests on.
    assert all(word in said for word in (b"+LUA ", b"+OPENSSL ", b"prometheus-exporter"))


def test_the_settings_name_both_images_of_a_fleet() -> None:
    found = settings(Site())
    assert (found["corral_image"], found["corral_gateway_image"]) == (images.OLLAMA, images.HAPROXY)
