"""`practice/down`: remove what the practice fleet made on this engine, known by its label.

With CORRAL_PRACTICE_NAME set: only the registry of that name with its network and volume.
"""

from __future__ import annotations

import argparse
import shutil
from typing import Any

import docker.errors

from .engine import DEFAULT, LABEL, SITE_LABEL, Site, engine
from .paths import CACHE, say

# A container has the labels of its image, so LABEL is also on the fleet's and on Molecule's containers, which are not
# ours to remove; SITE_LABEL is only on what practice/up started.
_OURS = {"label": [f"{LABEL}=true"]}


def down(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="practice/down", description=__doc__.splitlines()[0])
    parser.add_argument("--keep-images", action="store_true", help="leave the images on the engine")
    parser.add_argument(
        "--cache", action="store_true", help="remove the cached model files, file systems and certificates as well"
    )
    options = parser.parse_args(arguments)
    client = engine()
    kept: list[str] = []
    site = Site.here()
    alone = site.name != DEFAULT
    ours = {"label": [f"{SITE_LABEL}={site.name}" if alone else SITE_LABEL]}
    for container in client.containers.list(all=True, filters=ours):
        _remove(f"container {container.name}", kept, container.remove, force=True, v=True)
    for network in client.networks.list(filters=ours):
        _release(network)
        _remove(f"network {network.name}", kept, network.remove)
    for volume in client.volumes.list(filters=ours):
        _remove(f"volume {volume.name}", kept, volume.remove)
    if not (options.keep_images or alone):
        _remove_images(client, kept)
    site.settings.unlink(missing_ok=True)
    if options.cache and CACHE.exists() and not alone:
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
