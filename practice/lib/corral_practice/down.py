"""`practice/down`: remove what the practice fleet made on this engine, known by its label."""

from __future__ import annotations

import argparse
import shutil
from typing import Any

import docker.errors

from .engine import LABEL, engine
from .paths import CACHE, say

_OURS = {"label": f"{LABEL}=true"}


def down(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="practice/down", description=__doc__)
    parser.add_argument("--keep-images", action="store_true", help="leave the images on the engine")
    parser.add_argument(
        "--cache", action="store_true", help="remove the cached model files, file systems and certificates as well"
    )
    options = parser.parse_args(arguments)
    client = engine()
    kept: list[str] = []
    for container in client.containers.list(all=True, filters=_OURS):
        _remove(f"container {container.name}", kept, container.remove, force=True, v=True)
    for network in client.networks.list(filters=_OURS):
        _release(network)
        _remove(f"network {network.name}", kept, network.remove)
    for volume in client.volumes.list(filters=_OURS):
        _remove(f"volume {volume.name}", kept, volume.remove)
    if not options.keep_images:
        _remove_images(client, kept)
    (CACHE / "settings.yml").unlink(missing_ok=True)
    if options.cache and CACHE.exists():
        shutil.rmtree(CACHE)
        say(f"removed {CACHE}")
    for line in kept:
        say(f"KEPT {line}")
    return 1 if kept else 0


def _release(network: Any) -> None:
    """Containers of others may still hang on our network; they live on without it."""
    network.reload()
    for container in network.containers:
        network.disconnect(container, force=True)
        say(f"took container {container.name} off the network {network.name}")


def _remove_images(client: Any, kept: list[str]) -> None:
    """By tag, those on top before their bases."""
    images = client.images.list(filters=_OURS)
    tags = sorted({tag for image in images for tag in image.tags}, key=lambda tag: ("/base-" in tag, tag))
    for tag in tags:
        _remove(f"image {tag}", kept, client.images.remove, tag)
    for image in client.images.list(filters={**_OURS, "dangling": True}):
        _remove(f"image {image.short_id}", kept, client.images.remove, image.id)


def _remove(what: str, kept: list[str], remove: Any, *arguments: Any, **options: Any) -> None:
    try:
        remove(*arguments, **options)
        say(f"removed {what}")
    except docker.errors.NotFound:
        return
    except docker.errors.APIError as error:
        kept.append(f"{what}: {error.explanation}")
