"""`practice/ctl`: make the practice registry misbehave, and read its log, from a shell or an Ansible task."""

from __future__ import annotations

import argparse
import json

from .engine import Site
from .front import Front
from .images import saved
from .models import tiny_model
from .oci import Registry


def ctl(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="practice/ctl", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("clear", help="take every fault back")
    commands.add_parser("slow", help="bytes a second for each connection").add_argument("rate", nargs="?", default="2m")
    refuse = commands.add_parser("refuse", help="answer with a status")
    refuse.add_argument("status", type=int)
    refuse.add_argument("--text", default="")
    refuse.add_argument("--place", default="manifests", choices=["manifests", "redirects", "blobs"])
    refuse.add_argument("--match", default="", help="only where the path holds this")
    wrong = commands.add_parser("wrong-bytes", help="serve a layer of a model with its last byte changed")
    wrong.add_argument("model")
    wrong.add_argument("--kind", default="model")
    commands.add_parser("gone", help="stop the registry")
    commands.add_parser("back", help="start it again")
    commands.add_parser("address", help="the IP of the front on the network corral-practice")
    commands.add_parser("log", help="the access log, one JSON object a line")
    commands.add_parser("bytes", help="bytes served for each blob since clear-log")
    commands.add_parser("clear-log")
    move = commands.add_parser("move-tag", help="let the first name point to what the second one points to")
    move.add_argument("name")
    move.add_argument("source")
    tiny = commands.add_parser("push-tiny", help="push a model of 200 kB under this name")
    tiny.add_argument("name")
    tiny.add_argument("--seed", type=int, default=1)
    tiny.add_argument("--architecture", default="llama", choices=["llama", "bert"])
    commands.add_parser("save", help="save the ollama image as a tar and print its path")
    return _do(parser.parse_args(arguments))


def _do(options: argparse.Namespace) -> int:
    if options.command == "save":
        print(saved())
        return 0
    if options.command == "push-tiny":
        print(Registry(Site.here().url).push(options.name, tiny_model(options.seed, options.architecture)))
        return 0
    front = Front()
    actions = {
        "slow": lambda: front.slow(options.rate),
        "refuse": lambda: front.refuse(options.status, options.text, options.place, options.match),
        "wrong-bytes": lambda: front.wrong_bytes(front.blob_of(options.model, options.kind)),
        "address": lambda: print(front.address),
        "log": lambda: [print(json.dumps(line)) for line in front.requests()],
        "bytes": lambda: print(json.dumps(front.bytes_by_blob(), indent=1)),
        "move-tag": lambda: print(front.registry.move_tag(options.name, options.source)),
    }
    action = actions.get(options.command) or getattr(front, options.command.replace("-", "_"))
    action()
    return 0
