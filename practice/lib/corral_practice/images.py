"""The images, made without an image registry: a root file system by mmdebstrap, then a Dockerfile on top.

Every tag is a hash over what the image is made from, so an image is made anew exactly when one of its inputs changed.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import tarfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker.errors
import yaml

from .engine import LABEL, LABELS, as_root, engine, tools
from .paths import CACHE, PRACTICE, REPOSITORY, PracticeError, files_below, say, short_hash
from .wheels import site_tar

VERSION = "0.32.15-practice"
NEXT_VERSION = "0.32.16-practice"
OLLAMA = f"corral-practice/ollama:{VERSION}"
OLLAMA_NEXT = f"corral-practice/ollama:{NEXT_VERSION}"
REGISTRY = "corral-practice/registry:current"
HAPROXY_VERSION = "3.0.11"
HAPROXY = f"corral-practice/haproxy:{HAPROXY_VERSION}-practice"
NGINX_VERSION = "1.26.3"
NGINX = f"corral-practice/nginx:{NGINX_VERSION}-practice"
PROMETHEUS_VERSION = "2.53.3"
PROMETHEUS = f"corral-practice/prometheus:{PROMETHEUS_VERSION}-practice"
ALERTMANAGER_VERSION = "0.28.1"
ALERTMANAGER = f"corral-practice/alertmanager:{ALERTMANAGER_VERSION}-practice"
LOCUST_VERSION = "2.47.0"
LOCUST = f"corral-practice/locust:{LOCUST_VERSION}-practice"

_ALIAS = "corral.practice.alias"
# Images that stand on the same root are made at the same time.
_AT_WORK: dict[str, threading.Lock] = {}
_EXCLUDED = ("man", "doc", "locale", "info", "lintian")


@dataclass(frozen=True)
class Root:
    """A root file system: `key` is a hash of its recipe."""

    name: str
    recipe: dict[str, Any]
    changes: tuple[str, ...] = ()
    hooks: tuple[str, ...] = ()
    inputs: tuple[Path, ...] = ()

    @property
    def tag(self) -> str:
        recipe = json.dumps([self.recipe, self.changes, self.hooks, _EXCLUDED], sort_keys=True)
        return f"corral-practice/{self.name}:{short_hash(recipe.replace(str(PRACTICE), ''), self.inputs)}"


def recipes() -> dict[str, dict[str, Any]]:
    return yaml.safe_load((PRACTICE / "images" / "recipes.yml").read_text())


def exists(tag: str) -> bool:
    try:
        engine().images.get(tag)
    except docker.errors.ImageNotFound:
        return False
    return True


def ensure_ollama() -> str:
    """The stand-in server under its stable names; gives the tag with the hash."""
    folder = PRACTICE / "server"
    if not (folder / "practice_ollama").is_dir():
        raise PracticeError(f"{folder} holds no practice_ollama")
    sources = {
        f"practice_ollama/{p.relative_to(folder / 'practice_ollama')}": p
        for p in files_below(folder / "practice_ollama")
    }
    sources["bin/ollama"] = folder / "bin" / "ollama"
    ensure_image("ollama", OLLAMA_NEXT, sources, {"VERSION": NEXT_VERSION})
    return ensure_image("ollama", OLLAMA, sources, {"VERSION": VERSION})


def ensure_registry() -> str:
    sources = {
        name: PRACTICE / "registry" / name for name in ("nginx.conf", "registry.yml", "start", "reload", "wrong-bytes")
    }
    return ensure_image("registry", REGISTRY, sources, {})


def ensure_haproxy() -> str:
    """Debian's HAProxy, set up as the official image is."""
    return ensure_image("haproxy", HAPROXY, {}, {"VERSION": HAPROXY_VERSION})


def ensure_nginx() -> str:
    """Debian's nginx, for hosts that serve their store to others."""
    return ensure_image("nginx", NGINX, {}, {"VERSION": NGINX_VERSION}, base="registry")


def ensure_monitoring() -> str:
    """Debian's Prometheus and Alertmanager, set up as the official images are; gives the tag of the first."""
    ensure_image("alertmanager", ALERTMANAGER, {}, {"VERSION": ALERTMANAGER_VERSION}, base="monitoring")
    return ensure_image("prometheus", PROMETHEUS, {}, {"VERSION": PROMETHEUS_VERSION}, base="monitoring")


def ensure_locust() -> str:
    """The load generator, set up as the official image is."""
    lock = REPOSITORY / "requirements" / "locust.txt"
    sources = {"locust": PRACTICE / "images" / "locust" / "locust", "requirements.txt": lock}
    version = {"VERSION": LOCUST_VERSION}
    return ensure_image("locust", LOCUST, sources, version, made=lambda: {"site.tar": site_tar(lock)})


def tag_of(name: str, base: str, sources: dict[str, Path], arguments: dict[str, str]) -> str:
    """The tag that an image from these inputs has."""
    parts: list[Any] = [base, json.dumps(arguments)]
    for target, path in sorted(sources.items()):
        parts += [target, path]
    return f"corral-practice/{name}:{short_hash(*parts)}"


def ensure_image(
    name: str,
    alias: str,
    sources: dict[str, Path],
    arguments: dict[str, str],
    base: str | None = None,
    made: Callable[[], dict[str, Path]] = dict,
) -> str:
    """An image from images/<name>/Dockerfile on its base (of the same name); `alias` points to the newest one.

    `made` gives further files, which follow from the sources and are made only when there is something to build.
    """
    root = Root(f"base-{base or name}", recipes()["bases"][base or name])
    sources = {"Dockerfile": PRACTICE / "images" / name / "Dockerfile", **sources}
    tag = tag_of(name, root.tag, sources, arguments)
    if not exists(tag):
        ensure_root(root)
        say(f"building {alias}")
        _build(tag, {**sources, **made()}, {"BASE": root.tag, **arguments}, alias)
    if not exists(alias) or engine().images.get(alias).id != engine().images.get(tag).id:
        engine().images.get(tag).tag(alias)
        _drop_older(tag, alias)
    return tag


def _drop_older(tag: str, alias: str) -> None:
    """Earlier builds of the same image lose their hash tags; one that a container uses stays."""
    for image in engine().images.list(filters={"label": f"{_ALIAS}={alias}"}):
        for old in image.tags:
            if old.split(":")[0] == tag.split(":")[0] and old not in (tag, alias):
                with contextlib.suppress(docker.errors.APIError):
                    engine().images.remove(old)


def _build(tag: str, sources: dict[str, Path], arguments: dict[str, str], alias: str) -> None:
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as archive:
        for name, path in sorted(sources.items()):
            entry = tarfile.TarInfo(name)
            entry.size = path.stat().st_size
            entry.mode = 0o755 if os.access(path, os.X_OK) else 0o644
            with path.open("rb") as stream:
                archive.addfile(entry, stream)
    context.seek(0)
    try:
        engine().images.build(
            fileobj=context,
            custom_context=True,
            tag=tag,
            buildargs=arguments,
            labels={**LABELS, _ALIAS: alias},
            rm=True,
            forcerm=True,
        )
    except docker.errors.BuildError as error:
        log = "".join(str(line.get("stream", "")) for line in error.build_log)
        raise PracticeError(f"building {tag} failed: {error.msg}\n{log}") from error


def ensure_root(root: Root) -> str:
    """The root file system as an image: from the engine, else from the cached tar, else by mmdebstrap."""
    with _AT_WORK.setdefault(root.tag, threading.Lock()):
        return root.tag if exists(root.tag) else _make_root(root)


def _make_root(root: Root) -> str:
    tar = CACHE / "images" / (root.tag.split("/")[1].replace(":", "-") + ".tar")
    if not tar.exists():
        _bootstrap(root, tar)
        for old in tar.parent.glob(f"{root.name}-????????????.tar"):
            if old != tar:
                old.unlink()
    repository, _colon, version = root.tag.partition(":")
    changes = [f"LABEL {LABEL}=true", f"LABEL {_ALIAS}={repository}", *root.changes]
    engine().api.import_image_from_file(str(tar), repository=repository, tag=version, changes=changes)
    _drop_older(root.tag, repository)
    return root.tag


def _bootstrap(root: Root, tar: Path) -> None:
    """In a session of its own: mmdebstrap ends its whole process group on an error."""
    tools({"mmdebstrap": "mmdebstrap"})
    say(f"bootstrapping {root.name} ({root.recipe['suite']}, {len(root.recipe['packages'])} packages)")
    tar.parent.mkdir(parents=True, exist_ok=True)
    unfinished = tar.with_suffix(".tmp")
    command = [*as_root(), "mmdebstrap", "--quiet", f"--variant={root.recipe['variant']}"]
    command += [f"--include={','.join(root.recipe['packages'])}", "--format=tar"]
    command += ["--aptopt=APT::Install-Recommends false", "--aptopt=Acquire::Check-Valid-Until false"]
    command += [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in _EXCLUDED]
    command += [f"--customize-hook={hook}" for hook in root.hooks]
    command += ['--customize-hook=rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*.bin']
    result = subprocess.run(
        [*command, root.recipe["suite"], str(unfinished)],
        start_new_session=True,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise PracticeError(f"mmdebstrap of {root.name} failed:\n{result.stderr[-2000:]}")
    unfinished.rename(tar)


def saved(alias: str = OLLAMA) -> Path:
    """The image as a tar in the cache, for `docker load` in nested hosts; old ones of the same name are removed."""
    image = engine().images.get(alias)
    name = alias.split("/")[1].replace(":", "-")
    path = CACHE / "images" / f"saved-{name}-{image.id.split(':')[1][:12]}.tar"
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    for old in path.parent.glob(f"saved-{name}-*"):
        old.unlink()
    unfinished = path.with_suffix(".tmp")
    with unfinished.open("wb") as stream:
        for chunk in image.save(named=alias):
            stream.write(chunk)
    unfinished.rename(path)
    say(f"saved {alias} to {path}")
    return path
