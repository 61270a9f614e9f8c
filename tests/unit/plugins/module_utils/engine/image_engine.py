# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fake engine that has images, and runs a command in each as if it were Ollama."""

from __future__ import annotations

import docker
import requests
from ansible_collections.corral.ollama.tests.unit.plugins.module_utils.engine.fake_engine import FakeEngine, container


class _Answer:
    def __init__(self, status):
        self.status_code, self.url, self.reason = status, "http://engine", "Refused"


def refusal(text, status=409):
    return docker.errors.APIError("refused", _Answer(status), text)


def number(of):
    """The id of the image that a test calls so."""
    return (str(of) * 64)[:64]


def instance(index, image="1", reference="ollama/ollama:0.32.15", state="running", project="ollama"):
    name = f"ollama-server-{index}"
    made = container(f"{project}-{name}", 11433 + index, project=project, service=name, state=state)
    made["Image"] = f"sha256:{number(image)}"
    made["Config"]["Image"] = reference
    return made


class ImageEngine(FakeEngine):
    """``says``: what ``ollama --version`` prints by the image's number, or an exception that it raises.

    ``made`` collects what throw-away containers were made from and how; ``left`` those that are still there.
    """

    def __init__(self, *containers, says=None, **more):
        super().__init__(*containers, **more)
        self.says = {number(key): value for key, value in (says or {}).items()}
        self.made, self.left, self.removed = [], {}, []

    def add(self, of, *tags, digests=(), size=1000):
        self.images[f"sha256:{number(of)}"] = {
            "Id": f"sha256:{number(of)}",
            "RepoTags": list(tags),
            "RepoDigests": list(digests),
            "Size": size,
        }
        return self

    def inspect_image(self, name):
        for found in self.images.values():
            if isinstance(found, dict) and name in (*found.get("RepoTags", ()), *found.get("RepoDigests", ())):
                return found
        return super().inspect_image(name)

    def create_host_config(self, **options):
        return options

    def create_container(self, image, command, **options):
        self.made.append({"image": image.rpartition(":")[2], "command": command, **options})
        found = f"throwaway-{len(self.made)}"
        self.left[found] = image.rpartition(":")[2]
        return {"Id": found}

    def start(self, found):
        said = self.says.get(self.left[found], "exec: ollama: not found")
        if isinstance(said, docker.errors.APIError):
            raise said

    def wait(self, found, timeout):
        if isinstance(self.says.get(self.left[found]), requests.RequestException):
            raise self.says[self.left[found]]
        return {"StatusCode": 0}

    def logs(self, found, **_options):
        return str(self.says.get(self.left[found], "")).encode()

    def remove_container(self, found, force, v):
        if self.left.pop(found, None) is None:
            self.all = [one for one in self.all if one["Id"] != found]

    def remove_image(self, name, force, noprune):
        for key, found in list(self.images.items()):
            if name in found["RepoTags"] and len(found["RepoTags"]) > 1:
                found["RepoTags"].remove(name)
                return
            if name in (*found["RepoTags"], found["Id"]):
                if isinstance(found.get("refuse"), Exception):
                    raise found["refuse"]
                del self.images[key]
                self.removed.append(found["Id"].rpartition(":")[2])
                return
        raise docker.errors.NotFound("No such image")


def say(version):
    """What the real program prints where no server answers."""
    return f"Warning: could not connect to a running Ollama instance\nWarning: client version is {version}\n"
