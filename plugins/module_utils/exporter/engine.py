# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of the exporter that asks the Docker engine: which instances there are, and how they fared."""

from __future__ import annotations

from typing import Any

from ..core.exporter_config import Config
from ..core.exporter_seen import Engine, Restarts, container_of
from ..engine.client import connect, speaking
from ..engine.containers import project_containers, project_instances
from ..engine.images import present


class Connection:
    """To the engine, made when it is needed and again after it failed. One for each thread."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._api: Any = None

    def api(self) -> Any:
        if self._api is None:
            self._api = connect(self._patience)
        return self._api

    def lost(self) -> None:
        api, self._api = self._api, None
        if api is not None:
            api.close()


class EngineReader:
    """Reads an ``Engine``; counts restarts on from one reading to the next."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._restarts = Restarts()
        self._connection = Connection(config.times.part)

    def read(self) -> Engine:
        try:
            api = self._connection.api()
            with speaking():
                found = project_instances(api, project_containers(api, self._config.project))
                image_id, _digests = present(api, self._config.image)
        except Exception:
            self._connection.lost()
            raise
        return Engine({one["name"]: container_of(one, self._restarts) for one in found}, image_id)
