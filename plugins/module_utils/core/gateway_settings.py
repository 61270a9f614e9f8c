# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an inventory says about the gateway, judged as a whole before anything is changed, and what follows from it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .errors import CorralError
from .gateway_keys import ApiKey, keys_from
from .gateway_models import Subset, map_text, subsets
from .layout import reachable_host
from .problems import Problem, as_problem, raise_all

LOWEST_PORT, LAST_PORT = 1024, 65535
#: What may be set, from and to.
RANGES = {
    "answer_timeout": (1, 86400),
    "buffer_bytes": (131_072, 67_108_864),
    "max_body_bytes": (1024, 1_073_741_824),
    "max_connections": (16, 1_000_000),
    "max_in_flight": (1, 10_000),
    "queue_timeout": (1, 3600),
    "rate_limit": (0, 1_000_000),
    "rate_period": (1, 3600),
    "tls_days": (2, 3650),
    "tls_renew_days": (1, 3649),
}
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")


@dataclass(frozen=True)
class Wish:
    """The inputs, as given. ``instances`` are those of ``layout.instances`` as dictionaries."""

    instances: Sequence[Mapping[str, Any]]
    bind_address: str = "127.0.0.1"
    port: Any = 11433
    metrics_port: Any = 0
    keys: Any = ()
    allow_anonymous: bool = False
    tls: Any = "auto"
    certificate: str = ""
    certificate_key: str = ""
    names: Sequence[str] = ()
    own_names: Sequence[str] = ()
    model_instances: Any = field(default_factory=dict)
    limits: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Settings:
    """What the configuration is made from."""

    bind: str
    url: str
    tls: bool
    anonymous: bool
    keys: tuple[ApiKey, ...]
    alt_names: tuple[str, ...]
    servers: tuple[tuple[str, str], ...]
    subsets: tuple[Subset, ...]

    def as_dict(self) -> dict[str, Any]:
        return {
            "bind": self.bind,
            "url": self.url,
            "tls": self.tls,
            "anonymous": self.anonymous,
            "clients": [{"name": key.name, "sha256": key.sha256, "admin": key.admin} for key in self.keys],
            "alt_names": list(self.alt_names),
            "servers": [{"name": name, "address": address} for name, address in self.servers],
            "subsets": [subset.as_dict() for subset in self.subsets],
            "models_map": map_text(self.subsets),
        }


def settings(wish: Wish) -> Settings:
    """Raises one error that lists everything wrong with the inputs; none of it tells a key."""
    problems = [*_address_problems(wish), *_limit_problems(wish.limits), *_tls_problems(wish)]
    keys, found = _keys(wish.keys)
    chosen, more = subsets(wish.model_instances, [entry["name"] for entry in wish.instances])
    problems += [*found, *more]
    if not problems:
        problems += _open_problems(wish, keys)
    raise_all(problems)
    tls = _wants_tls(wish)
    host = reachable_host(wish.bind_address)
    return Settings(
        bind=f"{_bracketed(wish.bind_address)}:{wish.port}",
        url=f"{'https' if tls else 'http'}://{host}:{wish.port}",
        tls=tls,
        anonymous=wish.allow_anonymous or not keys,
        keys=keys,
        alt_names=_alt_names(wish),
        servers=tuple((entry["name"], entry["url"].partition("://")[2]) for entry in wish.instances),
        subsets=chosen,
    )


def is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address).is_loopback


def _wants_tls(wish: Wish) -> bool:
    return not is_loopback(wish.bind_address) if wish.tls == "auto" else wish.tls is True


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _keys(declared: Any) -> tuple[tuple[ApiKey, ...], list[Problem]]:
    sound = isinstance(declared, (list, tuple)) and all(isinstance(entry, Mapping) for entry in declared)
    if not sound:
        message = "corral_gateway_keys is no list of mappings with name and key (or sha256)."
        return (), [Problem("bad_gateway_key", message, "Give each client an entry of its own.")]
    texts = [{name: str(entry.get(name) or "") for name in ("name", "key", "sha256")} for entry in declared]
    try:
        return keys_from([{**entry, **text} for entry, text in zip(declared, texts)]), []
    except CorralError as error:
        return (), [as_problem(error)]


def _address_problems(wish: Wish) -> list[Problem]:
    found = []
    try:
        ipaddress.ip_address(wish.bind_address)
    except ValueError:
        message = f"corral_gateway_bind_address is {str(wish.bind_address)[:80]!r}, which is not an IP address."
        remedy = "Use 127.0.0.1 (this host only, the default), 0.0.0.0 (all of its addresses) or one of them."
        found.append(Problem("bind_address", message, remedy))
    if not LOWEST_PORT <= wish.port <= LAST_PORT:
        message = f"corral_gateway_port is {wish.port}, and the gateway, which has no right but its own files, can take"
        remedy = (
            "Choose such a port; for a lower one have the host pass it on (for example with nftables: "
            f"tcp dport {wish.port} redirect to :11433)."
        )
        found.append(Problem("gateway_port", f"{message} {LOWEST_PORT} to {LAST_PORT}.", remedy))
    taken = [entry["name"] for entry in wish.instances if entry["port"] == wish.port]
    if taken:
        message = f"corral_gateway_port {wish.port} is the port of {taken[0]}."
        found.append(Problem("gateway_port", message, "Choose one outside those of the instances, such as 11433."))
    return [*found, *_metrics_problems(wish)]


def _metrics_problems(wish: Wish) -> list[Problem]:
    """Of the port of HAProxy's own exporter; 0 is none."""
    port, remedy = wish.metrics_port, "Choose another one, such as 8405, or 0 for none."
    if not port:
        return []
    named = f"corral_gateway_metrics_port is {port}"
    if not LOWEST_PORT <= port <= LAST_PORT:
        return [Problem("gateway_port", f"{named}, and may be {LOWEST_PORT} to {LAST_PORT}.", remedy)]
    owners = {wish.port: "the gateway's own", **{entry["port"]: f"that of {entry['name']}" for entry in wish.instances}}
    return [Problem("gateway_port", f"{named}, which is {owners[port]}.", remedy)] if port in owners else []


def _limit_problems(limits: Mapping[str, Any]) -> list[Problem]:
    found = []
    for name, value in limits.items():
        low, high = RANGES[name]
        if not low <= value <= high:
            found.append(Problem("gateway_limit", f"gateway_{name} is {value}.", f"Set it to {low} to {high}."))
    if not found and limits.get("tls_renew_days", 0) >= limits.get("tls_days", RANGES["tls_days"][1]):
        message = "gateway_tls_renew_days is not less than gateway_tls_days: each run would make a new certificate."
        found.append(Problem("gateway_limit", message, "Set it to fewer days."))
    return found


def _tls_problems(wish: Wish) -> list[Problem]:
    found = []
    if wish.tls not in ("auto", True, False):
        message = f"corral_gateway_tls is {str(wish.tls)[:20]!r}."
        found.append(Problem("gateway_tls", message, "Use auto (on, but for loopback), true or false."))
    if bool(wish.certificate) != bool(wish.certificate_key):
        message = "Of corral_gateway_tls_certificate and corral_gateway_tls_key only one is set."
        found.append(Problem("gateway_tls", message, "Name both files, or neither for a generated certificate."))
    wrong = [str(path)[:80] for path in (wish.certificate, wish.certificate_key) if path and not path.startswith("/")]
    if wrong:
        message = f"{' and '.join(wrong)}: the certificate and its key are files of the host."
        found.append(Problem("gateway_tls", message, "Give their absolute paths there."))
    bad = [str(name)[:80] for name in wish.names if not _alt_name(name)]
    if bad:
        message = f"corral_gateway_tls_names has {', '.join(bad)}, which no certificate can name."
        found.append(Problem("gateway_tls", message, "Use host names and IP addresses."))
    return found


def _open_problems(wish: Wish, keys: Sequence[ApiKey]) -> list[Problem]:
    if keys or wish.allow_anonymous or is_loopback(wish.bind_address):
        return []
    message = f"The gateway would let in whoever reaches {wish.bind_address}:{wish.port}: corral_gateway_keys is empty."
    remedy = "Declare keys (openssl rand -hex 32 makes one), use 127.0.0.1, or set corral_gateway_allow_anonymous=true."
    return [Problem("gateway_open", message, remedy)]


def _alt_names(wish: Wish) -> tuple[str, ...]:
    """Subject alternative names as OpenSSL writes them: how clients may call the gateway."""
    bound = [] if ipaddress.ip_address(wish.bind_address).is_unspecified else [wish.bind_address]
    own = ["localhost", "127.0.0.1", "::1", *bound, *wish.own_names, *wish.names]
    return tuple(dict.fromkeys(filter(None, map(_alt_name, own))))


def _alt_name(name: Any) -> str:
    """Nothing for what cannot be named, as an inventory's name of a host may be no name in any network."""
    text = str(name)
    try:
        return f"IP:{ipaddress.ip_address(text)}"
    except ValueError:
        labels = text[2:].split(".") if text.startswith("*.") else text.split(".")
        sound = len(text) <= 253 and all(_LABEL.fullmatch(label) for label in labels) and not labels[-1].isdigit()
        return f"DNS:{text.lower()}" if sound else ""
