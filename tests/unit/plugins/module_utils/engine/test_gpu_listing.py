# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a container says of its GPUs, and when it says nothing that counts."""

from __future__ import annotations

import pytest
import requests
from ansible_collections.corral.ollama.plugins.module_utils.engine.gpu_listing import gpu_listing
from ansible_collections.corral.ollama.tests.unit.plugins.module_utils.engine.image_engine import refusal


class Api:
    def __init__(self, output=b"", code=0, error=None):
        self.output, self.code, self.error = output, code, error

    def exec_create(self, container, command, **streams):
        if self.error:
            raise self.error
        assert (container, command, streams) == ("c1", ["nvidia-smi", "-L"], {"stdout": True, "stderr": True})
        return {"Id": "e1"}

    def exec_start(self, _name):
        return self.output

    def exec_inspect(self, _name):
        return {"ExitCode": self.code}


@pytest.mark.parametrize(
    ("api", "listing"),
    [
        (Api(b"GPU 0: H100 (UUID: GPU-1)\n"), "GPU 0: H100 (UUID: GPU-1)\n"),
        (Api(b"Failed to initialize NVML: Unknown Error\n", 255), "Failed to initialize NVML: Unknown Error\n"),
        (Api(b"\xff" * 99999), "\ufffd" * 32768),
        (Api(None, 6), ""),
        (Api(b"OCI runtime exec failed: executable file not found in $PATH", 127), None),
        (Api(b"permission denied", 126), None),
        (Api(error=refusal("container is not running")), None),
        (Api(error=requests.ReadTimeout()), None),
    ],
)
def test_what_it_says(api, listing):
    assert gpu_listing(api, "c1") == listing
