"""`ollama serve`: listen, tidy the store, look for GPUs, answer."""

from __future__ import annotations

import base64
import os
import signal
import sys
import time

from . import config, log
from .errors import ApiError, PathError, make_dirs
from .faults import BadFault, Faults
from .http_server import Server
from .prune import GRACE, prepare
from .registry import key_path
from .session import Context


def make_key(home: str) -> None:
    """A key pair in form only; the real server makes one at its first start."""
    path = key_path(home)
    if os.path.exists(path):
        return
    try:
        make_dirs(os.path.dirname(path))
    except PathError as error:
        raise SystemExit(f"Error: {error}: ensure path elements are traversable") from None
    blob = base64.b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0 " + os.urandom(32)).decode()
    with open(path, "w", encoding="utf-8", opener=lambda p, f: os.open(p, f, 0o600)) as stream:
        stream.write("practice key, not a real one\n")
    with open(f"{path}.pub", "w", encoding="utf-8") as stream:
        stream.write(f"ssh-ed25519 {blob}\n")


def _stop(number: int, frame: object) -> None:
    """At once, whatever is still being answered: clients see an unfinished body."""
    os._exit(0)


def _open(settings: config.Settings) -> Context:
    try:
        return Context(settings, Faults(settings.faults))
    except (BadFault, ValueError) as error:
        raise SystemExit(f"Error: PRACTICE_FAULTS: {error}") from None


def _bind(context: Context) -> Server:
    settings = context.settings
    try:
        return Server((settings.address, settings.port), context)
    except OSError as error:
        text = os.strerror(error.errno or 0).lower()
        raise SystemExit(f"Error: listen tcp {settings.address}:{settings.port}: bind: {text}") from None


def hydrate(context: Context) -> None:
    """Fills the list cache; what is wrong with the store is no reason not to start."""
    try:
        context.library.tags(set())
    except ApiError as error:
        log.warn("routes.go:1995", "failed to hydrate model list cache", error=error)


def serve() -> int:
    settings = config.load()
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    make_key(settings.home)
    context = _open(settings)
    server = _bind(context)
    log.info("routes.go:1949", "server config", env=settings.shown)
    try:
        prepare(context.store, settings.noprune, GRACE if settings.since("0.21.0") else 0.0)
    except PathError as error:
        suffix = ": ensure path elements are traversable" if str(error).startswith("mkdir") else ""
        print(f"Error: {error}{suffix}", file=sys.stderr, flush=True)
        return 1
    slow = context.faults.take("slow_start")
    if slow:
        time.sleep(float(slow["seconds"]))
    hydrate(context)
    port = server.server_port
    log.info("routes.go:2010", f"Listening on {settings.address}:{port} (version {settings.version})")
    library = "CUDA" if settings.gpu else "cpu"
    log.info("types.go:60", "inference compute", id="0", library=library, practice="stand-in, not the real server")
    server.serve_forever(poll_interval=0.2)
    return 0
