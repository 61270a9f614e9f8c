"""What the contract tests know about the repository: its files, and how to read them."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = ROOT / "plugins"
MODULE_UTILS = PLUGINS / "module_utils"
DOC_NAMES = ("DOCUMENTATION", "EXAMPLES", "RETURN")


@cache
def all_files() -> tuple[Path, ...]:
    """Every file that is, or is about to be, committed."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    paths = (ROOT / name for name in sorted(set(listed.stdout.split("\0"))) if name)
    return tuple(path for path in paths if path.is_file())


def files(*folders: str, suffixes: tuple[str, ...] = ()) -> list[Path]:
    """The repository's files below any of ``folders`` that end in one of ``suffixes``."""
    return list(_files(folders, suffixes))


@cache
def _files(folders: tuple[str, ...], suffixes: tuple[str, ...]) -> tuple[Path, ...]:
    tops = [ROOT / folder for folder in folders] or [ROOT]
    return tuple(
        path
        for path in all_files()
        if any(path == top or top in path.parents for top in tops) and (not suffixes or path.suffix in suffixes)
    )


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(text(path), filename=str(path))


@cache
def data(path: Path) -> object:
    return yaml.load(text(path), Loader=_AnyTag)


class _AnyTag(yaml.SafeLoader):
    """YAML as Ansible writes it: its own tags (``!unsafe``, ``!vault``) read as plain values."""


_AnyTag.add_multi_constructor("!", lambda loader, suffix, node: loader.construct_scalar(node))


def modules() -> list[Path]:
    return [path for path in files("plugins/modules", suffixes=(".py",)) if path.name != "__init__.py"]


def roles() -> list[Path]:
    return sorted({ROOT / "roles" / path.relative_to(ROOT / "roles").parts[0] for path in files("roles")})


def doc_blocks(path: Path) -> dict[str, str]:
    """The documentation strings of a plugin by name."""
    blocks = {}
    for node in tree(path).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id in DOC_NAMES:
            blocks[node.targets[0].id] = ast.literal_eval(node.value)
    return blocks


def documentation(path: Path) -> dict:
    """A plugin's DOCUMENTATION, with the attributes that its fragments of this collection bring."""
    documented = yaml.safe_load(doc_blocks(path)["DOCUMENTATION"])
    attributes: dict = {}
    for name in documented.get("extends_documentation_fragment") or []:
        _, _, fragment = name.removeprefix("corral.ollama.").partition(".")
        stem = name.removeprefix("corral.ollama.").split(".")[0]
        found = _fragment(PLUGINS / "doc_fragments" / f"{stem}.py", fragment.upper() or "DOCUMENTATION")
        for key, value in (found.get("attributes") or {}).items():
            attributes.setdefault(key, {}).update(value)
    for key, value in (documented.get("attributes") or {}).items():
        attributes.setdefault(key, {}).update(value)
    return {**documented, "attributes": attributes}


def _fragment(path: Path, name: str) -> dict:
    for node in ast.walk(tree(path)):
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            return yaml.safe_load(ast.literal_eval(node.value)) or {}
    return {}


def tasks(path: Path) -> Iterator[dict]:
    """Every task of a task file or playbook, blocks opened."""
    yield from _opened(data(path) or [])


def _opened(entries: object) -> Iterator[dict]:
    for entry in entries if isinstance(entries, list) else []:
        if not isinstance(entry, dict):
            continue
        nested = [
            entry[key] for key in ("block", "rescue", "always", "tasks", "pre_tasks", "post_tasks") if key in entry
        ]
        for inner in nested:
            yield from _opened(inner)
        if not nested:
            yield entry
