# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of the exporter that looks at the store and at Corral's own memory. It reads no blob and writes nothing."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from ..core.errors import CorralError
from ..core.exporter_config import Config
from ..core.exporter_seen import Store
from ..core.leases import Lease
from ..core.names import Key
from ..glue.rollout_file import RolloutFile
from ..glue.storage import last_scrub, storage_info
from ..store.layout import StorePaths, store_at
from ..store.lease import LeaseFile
from ..store.preparing import space
from ..store.reading import stored_model
from .part import Part, Say

_QUARANTINE_AGE = 30 * 86400.0


class StoreReader:
    """Reads a ``Store``. Counting every file takes longest and changes least, so it has a pace of its own."""

    def __init__(self, config: Config, say: Say, now: Callable[[], float] = time.time) -> None:
        self._config, self._now = config, now
        self._paths = store_at(config.store_path)
        times = config.times
        self._room = Part[Mapping[str, Any]]("room", self._counted, {}, times.store, times.part / 2, say)

    def read(self) -> Store:
        """What cannot be read is left out, and told; the rest counts."""
        self._room.refresh()
        self._room.wait()
        problems = [self._room.problem]
        rollout = RolloutFile(os.path.join(self._config.state_dir, "rollout"))
        leases: dict[str, Lease | None] = {}
        with _telling(problems):
            leases["store"] = LeaseFile(self._paths, self._now).read()
        with _telling(problems):
            leases["rollout"] = rollout.lease.read()
        found = Store(storage=self._room.value, scrub=last_scrub(self._paths), leases=leases)
        with _telling(problems):
            record = rollout.read()
            found = replace(found, unfinished=record is not None and record.unfinished)
        with _telling(problems):
            found = replace(found, digests=_digests(self._paths, self._config))
        with _telling(problems):
            found = replace(found, space=space(self._paths.root))
        return replace(found, problem=" ".join(filter(None, problems)))

    def _counted(self) -> Mapping[str, Any]:
        asked = {"path": self._config.store_path, "quarantine_age": _QUARANTINE_AGE, "data_paths": []}
        found: Mapping[str, Any] = storage_info(asked)["storage"]
        return found


def _digests(paths: StorePaths, config: Config) -> dict[Key, str]:
    """What an unpinned model has to be: as it lies in the store now, however it came there."""
    stored = ((name.key, stored_model(paths, name)) for name in config.models)
    return {key: found.digest for key, found in stored if found is not None}


@contextmanager
def _telling(problems: list[str]) -> Iterator[None]:
    try:
        yield
    except CorralError as error:
        problems.append(str(error))
