#!/usr/bin/env python
"""Fill the tables of the README and of some pages in docs/ from the code; with --check only say if they are stale."""

from __future__ import annotations

import ast
import importlib
import re
import sys
from pathlib import Path
from typing import Any

import before_after
import yaml
from matrix import hosts, matrix, oldest_python

ROOT = Path(__file__).resolve().parent.parent
NAMES = ("README.md", "docs/reference.md", "docs/metrics.md", "docs/guides/before_after.md")
PAGES = tuple(ROOT / name for name in NAMES)


def documentation(path: Path) -> dict[str, Any]:
    """A plugin's DOCUMENTATION; of a filter that documents itself beside the code, that file's."""
    sidecar = path.with_suffix(".yml")
    if sidecar.exists():
        return dict(yaml.safe_load(sidecar.read_text(encoding="utf-8"))["DOCUMENTATION"])
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "DOCUMENTATION":
            return dict(yaml.safe_load(ast.literal_eval(node.value)))
    return {}


def sentence(text: str) -> str:
    return text.strip().rstrip(".").replace("|", "\\|")


def plugins(kind: str) -> list[tuple[str, str]]:
    found = []
    for path in sorted(ROOT.glob(f"plugins/{kind}/*.py")):
        described = documentation(path)
        if described:
            found.append((path.stem, sentence(described["short_description"])))
    return found


def roles() -> list[tuple[str, str]]:
    found = []
    for path in sorted(ROOT.glob("roles/*/meta/argument_specs.yml")):
        spec = yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"]["main"]
        found.append((path.parent.parent.name, sentence(spec["short_description"])))
    return found


def playbooks() -> list[tuple[str, str]]:
    """A playbook says what it is for in the comment that follows its first line."""
    found = []
    for path in sorted(ROOT.glob("playbooks/*.yml")):
        comment = re.match(r"---\n((?:# .*\n)+)", path.read_text(encoding="utf-8"))
        text = " ".join(line[2:] for line in comment.group(1).splitlines()) if comment else ""
        found.append((path.stem, sentence(text.split(". ")[0])))
    return found


def table(title: str, entries: list[tuple[str, str]]) -> list[str]:
    return [f"| {title} | |", "|---|---|", *(f"| `{name}` | {text} |" for name, text in entries), ""]


def metrics() -> list[str]:
    """Of the exporter; the file imports nothing of the collection."""
    sys.path.insert(0, str(ROOT / "plugins/module_utils/core"))
    text: str = importlib.import_module("exporter_metrics").reference()
    return text.split("\n")


def managed() -> str:
    """What the tests run on; of many scenarios only the first that comes to mind."""
    told = []
    for host in hosts():
        where = ", ".join(f"`{name}`" for name in host.scenarios) if len(host.scenarios) < 4 else "`default` and others"
        versions = f"Docker Engine {host.docker}, Compose {host.compose} and Python {host.python}"
        told.append(f"Debian {host.debian} with {versions} (Molecule: {where})")
    return f"Managed hosts: {'; '.join(told)}. Their modules' unit tests run on Python {oldest_python()} too."


def blocks() -> dict[str, list[str]]:
    content = table("role", roles()) + table("module", plugins("modules"))
    content += table("filter", plugins("filter")) + table("lookup", plugins("lookup"))
    content += table("inventory", plugins("inventory"))
    versions = ["| ansible-core | tested on Python |", "|---|---|"]
    versions += [f"| {line.core} | {line.python} |" for line in matrix()]
    return {
        "playbooks": table("playbook", playbooks()),
        "content": content,
        "matrix": [*versions, "", managed(), ""],
        "metrics": metrics(),
        "before_after": before_after.lines(),
    }


def filled(text: str) -> str:
    for name, lines in blocks().items():
        block = re.compile(
            rf"(?<=<!-- {name}: written by tools/readme_tables.py -->\n).*?(?=<!-- /{name} -->)", re.DOTALL
        )
        body = "\n".join(["", *lines, ""])
        text = block.sub(body.replace("\\", "\\\\"), text)
    return text


def main() -> int:
    stale = 0
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        wanted = filled(text)
        if wanted == text:
            continue
        shown = page.relative_to(ROOT)
        if "--check" in sys.argv[1:]:
            print(f"{shown}: out of date: run make readmes")
            stale = 1
            continue
        page.write_text(wanted, encoding="utf-8")
        print(f"{shown}: written")
    return stale


if __name__ == "__main__":
    sys.exit(main())
