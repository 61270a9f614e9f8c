#!/usr/bin/env python
"""Write every role's README.md from its argument_specs and defaults; with --check only say which are out of date."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
MARKUP = (
    (re.compile(r"\b[CVOBI]\(([^)]*)\)"), r"`\1`"),
    (re.compile(r"\bM\(([^)]*)\)"), r"`\1`"),
    (re.compile(r"\bL\(([^,]*),\s*([^)]*)\)"), r"[\1](\2)"),
    (re.compile(r"\bRV\(([^)]*)\)"), r"`\1`"),
)

# {{ corral_image | default('ollama/ollama:1.2.3', true) }}, with a literal that reads the same in YAML
FLEET_WIDE = re.compile(
    r"^\{\{ (?P<input>corral_\w+) \| default\((?P<literal>[^(|~]*?)(?:, true)?\)"
    r"(?P<pinned> \| corral\.ollama\.pinned\(.*\))? \}\}$"
)


def plain(text: str | list[str]) -> str:
    """Ansible's markup as Markdown, on one line."""
    joined = " ".join(text) if isinstance(text, list) else text
    for pattern, replacement in MARKUP:
        joined = pattern.sub(replacement, joined)
    return " ".join(joined.split()).replace("|", "\\|")


def shown_default(option: dict[str, Any], value: Any) -> str:
    """The default as people read it; one that falls back to a fleet-wide input names that."""
    if option.get("required"):
        return "*required*"
    fleet = FLEET_WIDE.match(" ".join(value.split())) if isinstance(value, str) else None
    if fleet:
        return (
            f"`{fleet['input']}`, else {code(yaml.safe_load(fleet['literal']))}{', pinned' if fleet['pinned'] else ''}"
        )
    return code(value)


def code(value: Any) -> str:
    shown = value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
    return "`" + shown.replace("|", "\\|") + "`"


def rows(options: dict[str, Any], defaults: dict[str, Any], prefix: str = "") -> list[str]:
    """One table row per option, what a mapping holds below it."""
    lines = []
    for name in sorted(options):
        option = options[name]
        default = defaults.get(name, option.get("default", ""))
        kind = option.get("type", "str") + (f" of {option['elements']}" if "elements" in option else "")
        text = plain(option.get("description", ""))
        if option.get("choices"):
            text += " One of " + ", ".join(f"`{choice}`" for choice in option["choices"]) + "."
        lines.append(f"| `{prefix}{name}` | {kind} | {shown_default(option, default)} | {text} |")
        lines += rows(option.get("options") or {}, {}, f"{prefix}{name}.")
    return lines


def readme(role: Path) -> str:
    spec = yaml.safe_load((role / "meta/argument_specs.yml").read_text(encoding="utf-8"))["argument_specs"]["main"]
    description = spec.get("description", [])
    paragraphs = [plain(part) for part in ([description] if isinstance(description, str) else description)]
    defaults = yaml.safe_load((role / "defaults/main.yml").read_text(encoding="utf-8")) or {}
    table = rows(spec.get("options") or {}, defaults)
    lines = [
        f"# corral.ollama.{role.name}",
        "",
        f"<!-- Written by tools/role_readmes.py from roles/{role.name}/meta/argument_specs.yml: change that. -->",
        "",
        plain(spec.get("short_description", "")),
        "",
    ]
    for paragraph in paragraphs:
        lines += [paragraph, ""]
    lines += ["| variable | type | default | what it is |", "|---|---|---|---|", *table, ""] if table else []
    lines += [
        "```yaml",
        "- hosts: ollama_hosts",
        "  roles:",
        f"    - role: corral.ollama.{role.name}",
        "```",
        "",
    ]
    return "\n".join(lines)


def main() -> int:
    check = "--check" in sys.argv[1:]
    stale = 0
    for spec in sorted(ROOT.glob("roles/*/meta/argument_specs.yml")):
        target = spec.parent.parent / "README.md"
        wanted = readme(spec.parent.parent)
        if not target.exists() or target.read_text(encoding="utf-8") != wanted:
            stale += 1
            if not check:
                target.write_text(wanted, encoding="utf-8")
            print(f"{target.relative_to(ROOT)}: {'out of date: run make readmes' if check else 'written'}")
    return int(check and stale > 0)


if __name__ == "__main__":
    sys.exit(main())
