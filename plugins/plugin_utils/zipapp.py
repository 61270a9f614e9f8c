# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A program of this collection's own module_utils in one file that Python runs: the same bytes for the same code."""

from __future__ import annotations

import ast
import io
import json
import zipfile
from pathlib import Path

import yaml

from ..module_utils.core.errors import CorralError
from ..module_utils.core.zipapps import APPS, starter

COLLECTION = Path(__file__).resolve().parents[2]
PACKAGE = "corral"
#: The first moment that a zip file can tell.
_WHEN = (1980, 1, 1, 0, 0, 0)


def zipapp(app: str, collection: Path = COLLECTION) -> tuple[bytes, tuple[str, ...]]:
    """(the file, the names in it): the code that the app reaches by its imports, and nothing else.

    Not compressed: what a compressor makes of the same text depends on its version, and so on the controller.
    """
    module = APPS[app]
    sources = reached(module, collection / "plugins/module_utils")
    files = {f"{PACKAGE}/{name}": text for name, text in sources.items()}
    files["__main__.py"] = starter(PACKAGE, module, version_of(collection)).encode()
    packages = {folder for name in sources for folder in Path(PACKAGE, name).parents if folder.name}
    files.update({f"{folder.as_posix()}/__init__.py": b"" for folder in packages})
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _WHEN)
            entry.external_attr = 0o644 << 16
            entry.create_system = 3
            archive.writestr(entry, files[name])
    return target.getvalue(), tuple(sorted(files))


def reached(module: str, root: Path) -> dict[str, bytes]:
    """By path below ``root``, the source of a module and of all that it imports of the same root."""
    found: dict[str, bytes] = {}
    waiting = [module.replace(".", "/") + ".py"]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found[name] = (root / name).read_bytes()
        waiting += _imported(name, found[name], root)
    return dict(sorted(found.items()))


def version_of(collection: Path) -> str:
    """An installed collection says it in MANIFEST.json, a checkout in galaxy.yml."""
    manifest, galaxy = collection / "MANIFEST.json", collection / "galaxy.yml"
    try:
        if manifest.exists():
            return str(json.loads(manifest.read_text(encoding="utf-8"))["collection_info"]["version"])
        return str(yaml.safe_load(galaxy.read_text(encoding="utf-8"))["version"])
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError) as error:
        raise CorralError(
            f"The version of the collection in {collection} cannot be read: {error}.",
            kind="bad_collection",
            remedy="Install the collection anew (ansible-galaxy collection install --force).",
        ) from error


def _imported(name: str, source: bytes, root: Path) -> list[str]:
    """The files below ``root`` that a source imports by relative names, wherever in it they stand."""
    package = Path(name).parent.parts
    files: list[str] = []
    for node in ast.walk(ast.parse(source, filename=name)):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = Path(*package[: len(package) - node.level + 1], *(node.module or "").split("."))
            wanted = [base.with_suffix(".py"), *(base / f"{alias.name}.py" for alias in node.names)]
            files += [path.as_posix() for path in wanted if (root / path).is_file()]
    return files
