#!/usr/bin/env python
"""Let ansible-test start where only the package index is reachable.

ansible-test downloads a get-pip script from a host of its own. Where that host cannot be reached, this puts
a script that does the same with CPython's ensurepip and the package index into ansible-test's cache. It does nothing
where the file is already there or the host answers.
"""

from __future__ import annotations

import inspect
import os
import re
import sys
import urllib.request
from pathlib import Path

from ansible_test._internal import python_requirements

# ensurepip in a process of its own: it sets PIP_CONFIG_FILE=/dev/null, and would so lose a company's CA or proxy.
STAND_IN = """\
import subprocess
import sys

subprocess.check_call([sys.executable, "-m", "ensurepip", "--upgrade", "--default-pip"], stdout=subprocess.DEVNULL)
wanted = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
subprocess.check_call([sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "-q", *wanted])
"""


def reachable(url: str) -> bool:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=5):
            return True
    except OSError:
        return False


def main() -> int:
    fetcher = Path(python_requirements.__file__).parent.parent / "_util/target/setup/requirements.py"
    version = re.search(r"pip='([0-9.]+)'", inspect.getsource(python_requirements))
    folder = re.search(r"https://\S+/(?=get-pip-)", fetcher.read_text(encoding="utf-8"))
    if version is None or folder is None:
        print("prepare-ansible-test: this ansible-test names no get-pip version: nothing to prepare", file=sys.stderr)
        return 0
    name = version.group(1).replace(".", "_")
    cached = Path.home() / ".ansible/test/cache" / f"get_pip_{name}.py"
    if not cached.exists() and not reachable(f"{folder.group(0)}get-pip-{version.group(1)}.py"):
        cached.parent.mkdir(parents=True, exist_ok=True)
        # Whole from the first moment: several are prepared at a time.
        unfinished = cached.with_suffix(f".{os.getpid()}")
        unfinished.write_text(STAND_IN, encoding="utf-8")
        unfinished.replace(cached)
        print(f"prepare-ansible-test: wrote {cached}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
