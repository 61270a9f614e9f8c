# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a bundle into staging: each blob hashed while it is copied, and named when it was right. Only under the lease.

What an earlier run has staged is hashed again and used, so an import that was killed goes on with the blob it was at.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import replace

from ..core.digests import blob_file
from ..core.errors import CorralError
from ..core.manifests import Blob
from ..core.names import ModelName
from .bundles import Bundle
from .files import lstat, make_directory, os_errors, unlink_if_there, write_whole
from .layout import StorePaths
from .reading import has_blob
from .receipts import ReceiptFile
from .staging import make_staging
from .verifier import Verifier


def stage_blobs(
    paths: StorePaths, bundle: Bundle, blobs: Iterable[Blob], verifier: Verifier, on_bytes: Callable[[int], None]
) -> tuple[Blob, ...]:
    """Copy what neither the store nor staging has right; returns what was copied. Raises for a blob of the bundle
    that is not what its name says."""
    make_staging(paths)
    receipts = ReceiptFile(paths).load()
    wanted = tuple(blobs)
    for blob in wanted:
        if has_blob(paths, blob) and not verifier.believe(paths.blob(blob.digest), receipts.get(blob.digest)):
            verifier.start(paths.blob(blob.digest))
        verifier.start(paths.staging.blob(blob.digest))
    copied = []
    for blob in wanted:
        there = has_blob(paths, blob) and not verifier.problem(paths.blob(blob.digest), blob)
        if not there and verifier.problem(paths.staging.blob(blob.digest), blob):
            _copy(paths, bundle, blob, verifier, on_bytes)
            copied.append(blob)
    return tuple(copied)


def stage_manifest(paths: StorePaths, model: ModelName, raw: bytes) -> None:
    """Call it under ``LeaseFile.writing``: it goes by way of ``.corral/tmp``."""
    name = paths.staging.existing(model)
    path = paths.staging.manifests
    with os_errors("write below", path):
        for part in name.parts[:3]:
            path = os.path.join(path, part)
            make_directory(path)
        write_whole(paths.staging.manifest(name), raw, paths.tmp)


def not_here(paths: StorePaths, blobs: Iterable[Blob]) -> tuple[Blob, ...]:
    """Those that will have to be copied, as far as sizes tell."""
    return tuple(blob for blob in blobs if not has_blob(paths, blob) and not has_blob(paths.staging, blob))


def _copy(paths: StorePaths, bundle: Bundle, blob: Blob, verifier: Verifier, on_bytes: Callable[[int], None]) -> None:
    staged = paths.staging.blob(blob.digest)
    partial = f"{staged}-partial"
    forget_pull(paths, blob)
    with os_errors("write", partial):
        fd = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        try:
            hashed = bundle.copy_blob(blob.digest, fd, on_bytes)
            if hashed.problem:
                raise CorralError(
                    f"{bundle.path} is damaged: {hashed.problem}, not to {blob.digest}. Nothing of it was published.",
                    kind="digest_mismatch",
                    remedy="Copy the bundle again from where it was made (sha256sum -c checks a copy), and run again.",
                    path=bundle.path,
                    digest=blob.digest,
                    found=hashed.digest,
                )
            os.rename(partial, staged)
        except BaseException:
            # a full disk needs the room, and half a blob cannot be gone on with
            unlink_if_there(partial)
            raise
        finally:
            os.close(fd)
    verifier.know(replace(hashed, path=staged))


def forget_pull(paths: StorePaths, blob: Blob) -> None:
    """The parts of a pull of the same blob say what is in a file that is about to be another one."""
    if lstat(f"{paths.staging.blob(blob.digest)}-partial") is None:
        return
    start = f"{blob_file(blob.digest)}-partial"
    for name in os.listdir(paths.staging.blobs):
        if name.startswith(start):
            path = os.path.join(paths.staging.blobs, name)
            with os_errors("remove", path):
                unlink_if_there(path)
