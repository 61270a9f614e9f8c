# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Docker engine for tests: the answers of its API as the SDK's low-level client hands them on."""

from __future__ import annotations

import docker

LABELS = "com.docker.compose."


def labels(project, service, **more):
    return {
        f"{LABELS}project": project,
        f"{LABELS}service": service,
        f"{LABELS}oneoff": "False",
        f"{LABELS}project.working_dir": f"/opt/corral/{project}",
        **more,
    }


def container(name, port=0, *, address="127.0.0.1", private=11434, state="running", project="", service="", **more):
    """One container in full, as ``inspect_container`` has it."""
    bindings = {f"{private}/tcp": [{"HostIp": address, "HostPort": str(port)}]} if port else {}
    found = {
        "Id": f"id-of-{name}",
        "Name": f"/{name}",
        "Image": "sha256:" + "a" * 64,
        "Created": "2026-11-21T22:00:00Z",
        "RestartCount": 0,
        "State": {"Status": state, "StartedAt": "2026-11-21T22:00:01Z", "OOMKilled": False, "ExitCode": 0},
        "Config": {"Image": "ollama/ollama:0.32.15", "Labels": labels(project, service) if project else {}},
        "HostConfig": {"PortBindings": bindings, "DeviceRequests": None},
        "NetworkSettings": {"Ports": bindings if state == "running" else {}},
        "Mounts": [],
    }
    found.update(more)
    return found


class FakeEngine:
    """Give it containers, volumes (name → mount point, or the whole answer) and images (name → the answer)."""

    api_version = "1.41"

    def __init__(self, *containers, volumes=None, images=None, root_dir="/", version="28.2.2"):
        self.all = list(containers)
        self.volumes, self.images = volumes or {}, images or {}
        self.about = {"ServerVersion": version, "ID": "ABCD", "DockerRootDir": root_dir}

    def info(self):
        return self.about

    def containers(self, all=False, filters=None):
        wanted = [text.partition("=") for text in (filters or {}).get("label", [])]
        return [
            self._listed(found)
            for found in self.all
            if (all or found["State"]["Status"] == "running")
            and _has(found["Config"]["Labels"], [(name, value) for name, _equals, value in wanted])
        ]

    def inspect_container(self, container_id):
        return self._one([found for found in self.all if found["Id"] == container_id])

    def inspect_volume(self, name):
        found = self._one([volume for volume_name, volume in self.volumes.items() if volume_name == name])
        plain = {"Name": name, "Mountpoint": found, "Driver": "local", "Options": None}
        return {**plain, **found} if isinstance(found, dict) else plain

    def diff(self, container_id):
        """What a container changed in its own layer; the engine says None for nothing."""
        return self.inspect_container(container_id).get("Changes")

    def inspect_image(self, name):
        found = self._one([image for image_name, image in self.images.items() if image_name == name])
        if isinstance(found, Exception):
            raise found
        return found

    @staticmethod
    def _one(found):
        if not found:
            raise docker.errors.NotFound("No such thing")
        return found[0]

    @staticmethod
    def _listed(found):
        running = found["NetworkSettings"]["Ports"]
        return {
            "Id": found["Id"],
            "Names": [f"/other{found['Name']}", found["Name"]],
            "Labels": found["Config"]["Labels"],
            "State": found["State"]["Status"],
            "Image": found["Config"]["Image"],
            "ImageID": found["Image"],
            "Mounts": found["Mounts"],
            "Ports": [
                {"IP": binding["HostIp"], "PublicPort": int(binding["HostPort"]), "Type": private.partition("/")[2]}
                for private, bindings in running.items()
                for binding in bindings
            ],
        }


def _has(found, wanted):
    return all(found.get(name) == value for name, value in wanted)
