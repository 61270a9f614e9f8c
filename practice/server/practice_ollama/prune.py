"""What the server does to its store before it serves."""

from __future__ import annotations

import os
import re
import time

from . import gojson, log
from .errors import PathError, file_op, make_dirs
from .store import Store, remove_empty

GRACE = 3600.0
BLOB = re.compile(r"sha256-[0-9a-fA-F]{64}")
CORRUPT = "corrupt manifests detected, skipping prune operation.  Re-pull or delete to clear"


def prepare(store: Store, noprune: bool, grace: float) -> None:
    """Raises PathError where the real server ends with exit status 1."""
    make_dirs(store.blobs)
    rename_old_names(store.blobs)
    if noprune:
        return
    problem = first_bad_manifest(store)
    if problem:
        log.warn("routes.go:1971", CORRUPT, error=problem)
        return
    prune_blobs(store, grace)
    make_dirs(store.manifests)
    remove_empty(store.manifests)


def rename_old_names(root: str) -> None:
    for directory, _, files in os.walk(root):
        for name in files:
            if name.startswith("sha256:"):
                old, new = os.path.join(directory, name), os.path.join(directory, "sha256-" + name[7:])
                with file_op("rename", old, new):
                    os.rename(old, new)


def first_bad_manifest(store: Store) -> str:
    for name in store.names():
        if not name.valid:
            return f"bad manifest name: {name.path}"
        try:
            store.read(name)
        except (FileNotFoundError, PathError, gojson.JsonError) as error:
            return f"{name.path} {error}"
    return ""


def prune_blobs(store: Store, grace: float) -> None:
    used = set()
    for name in store.names():
        used.update(layer.digest.replace(":", "-") for layer in store.read(name).everything)
    oldest_kept = time.time() - grace
    total = removed = 0
    with os.scandir(store.blobs) as entries:
        files = [entry for entry in entries if entry.is_file(follow_symlinks=False)]
    for entry in files:
        try:
            young = grace and entry.stat().st_mtime > oldest_kept
        except FileNotFoundError:
            continue
        well_named = bool(BLOB.fullmatch(entry.name))
        total += well_named
        if young or (well_named and entry.name in used):
            continue
        removed += _remove(entry.path) and well_named
    log.info("images.go:911", f"total blobs: {total}")
    log.info("images.go:918", f"total unused blobs removed: {removed}")


def _remove(path: str) -> bool:
    try:
        with file_op("remove", path):
            os.remove(path)
    except PathError as error:
        log.error("images.go:905", "couldn't remove blob", blob=os.path.basename(path), error=error)
        return False
    return True
