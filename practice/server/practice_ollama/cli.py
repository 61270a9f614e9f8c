"""The words of the command `ollama`: output on stdout, `Error: …` on stderr, exit status 1 on any error."""

from __future__ import annotations

import json
import sys
from typing import Any, Callable

from . import config
from .client import Client, ClientError

USAGE = "Usage:\n  ollama [serve|list|ls|pull|ps|show|rm|cp|stop|run] …\n  ollama --version"


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(USAGE)
        return 0
    if arguments[0] in ("-v", "--version"):
        return show_version()
    if arguments[0] == "serve":
        from .serve import serve

        return serve()
    command = COMMANDS.get(arguments[0])
    if command is None:
        return fail(f'unknown command "{arguments[0]}" for "ollama"')
    flags = {word.lstrip("-") for word in arguments[1:] if word.startswith("-")}
    words = [word for word in arguments[1:] if not word.startswith("-")]
    least = ARGUMENTS.get(arguments[0], 0)
    if len(words) < least:
        return fail(
            f"requires at least {least} arg(s), only received {len(words)}"
            if least > 1
            else "accepts 1 arg(s), received 0"
        )
    try:
        client = Client()
        client.send("HEAD", "/").read()
        command(client, words, flags)
    except ClientError as error:
        return fail(str(error))
    except KeyboardInterrupt:
        return 1
    return 0


def fail(text: str) -> int:
    print(f"Error: {text}", file=sys.stderr)
    return 1


def show_version() -> int:
    ours = config.load().version
    try:
        print(f"ollama version is {Client().json('GET', '/api/version')['version']}")
    except ClientError:
        print("Warning: could not connect to a running Ollama instance")
        print(f"Warning: client version is {ours}")
    return 0


def table(rows: list[list[str]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("    ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() + "    ")


def human_bytes(count: float) -> str:
    for size, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "KB")):
        if count >= size:
            value = count / size
            return f"{value:.1f} {unit}" if value < 10 and unit != "KB" else f"{value:.0f} {unit}"
    return f"{int(count)} B"


def list_models(client: Client, words: list[str], flags: set[str]) -> None:
    models = client.json("GET", "/api/tags")["models"]
    if words:
        models = [model for model in models if model["name"].lower().startswith(words[0].lower())]
    rows = [[m["name"], m["digest"][:12], human_bytes(m["size"]), m["modified_at"][:19]] for m in models]
    table([["NAME", "ID", "SIZE", "MODIFIED"], *rows])


def list_running(client: Client, words: list[str], flags: set[str]) -> None:
    rows = [["NAME", "ID", "SIZE", "PROCESSOR", "CONTEXT", "UNTIL"]]
    for model in client.json("GET", "/api/ps")["models"]:
        share = round(100 * model["size_vram"] / model["size"]) if model["size"] else 0
        where = "100% GPU" if share == 100 else "100% CPU" if share == 0 else f"{100 - share}%/{share}% CPU/GPU"
        size, context = human_bytes(model["size"]), str(model["context_length"])
        rows.append([model["name"], model["digest"][:12], size, where, context, model["expires_at"][:19]])
    table(rows)


def pull(client: Client, words: list[str], flags: set[str]) -> None:
    shown = ""
    for line in client.lines("/api/pull", {"model": words[0], "insecure": "insecure" in flags}):
        total, done = line.get("total"), line.get("completed", 0)
        text = line["status"] + (f": {100 * done // total}% {human_bytes(done)}/{human_bytes(total)}" if total else "")
        if text != shown:
            print(text, file=sys.stderr)
        shown = text


def show(client: Client, words: list[str], flags: set[str]) -> None:
    answer = client.json("POST", "/api/show", {"model": words[0]})
    for flag, key in (("modelfile", "modelfile"), ("parameters", "parameters"), ("template", "template")):
        if flag in flags:
            print(answer.get(key, ""))
            return
    details = answer["details"]
    print("  Model")
    for key, label in (
        ("family", "architecture"),
        ("parameter_size", "parameters"),
        ("quantization_level", "quantization"),
    ):
        print(f"    {label:<20}{details[key]}    ")
    print("\n  Capabilities")
    print("".join(f"    {capability}    \n" for capability in answer.get("capabilities", [])))


def remove(client: Client, words: list[str], flags: set[str]) -> None:
    for word in words:
        client.send("DELETE", "/api/delete", {"model": word}).read()
        print(f"deleted '{word}'")


def copy(client: Client, words: list[str], flags: set[str]) -> None:
    client.send("POST", "/api/copy", {"source": words[0], "destination": words[1]}).read()
    print(f"copied '{words[0]}' to '{words[1]}'")


def stop(client: Client, words: list[str], flags: set[str]) -> None:
    try:
        client.json("POST", "/api/generate", {"model": words[0], "keep_alive": 0})
    except ClientError as error:
        if "not found" in str(error):
            raise ClientError(f'couldn\'t find model "{words[0]}" to stop') from None
        raise


def run(client: Client, words: list[str], flags: set[str]) -> None:
    """Pulls what is missing, then asks."""
    try:
        capabilities = client.json("POST", "/api/show", {"model": words[0]}).get("capabilities", [])
    except ClientError as error:
        if "not found" not in str(error):
            raise
        pull(client, words[:1], flags)
        capabilities = client.json("POST", "/api/show", {"model": words[0]}).get("capabilities", [])
    prompt = " ".join(words[1:]) or ("" if sys.stdin.isatty() else sys.stdin.read().strip())
    if "embedding" in capabilities:
        print(json.dumps(client.json("POST", "/api/embed", {"model": words[0], "input": prompt})["embeddings"][0]))
        return
    for line in client.lines("/api/generate", {"model": words[0], "prompt": prompt}):
        print(line["response"], end="", flush=True)
    print()


Command = Callable[[Client, list[str], set[str]], Any]
COMMANDS: dict[str, Command] = {
    "list": list_models, "ls": list_models, "ps": list_running, "pull": pull, "show": show, "rm": remove, "cp": copy,
    "stop": stop, "run": run,
}  # fmt: skip
ARGUMENTS = {"pull": 1, "show": 1, "rm": 1, "cp": 2, "stop": 1, "run": 1}
