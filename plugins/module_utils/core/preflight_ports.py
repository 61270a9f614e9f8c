# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who else uses, or will use, the ports of the fleet."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable, Sequence

from .host import HostFacts, Listener, Publication
from .layout import Layout
from .problems import Problem

_PROXY = "docker-proxy"


def port_problems(layout: Layout, host: HostFacts) -> list[Problem]:
    """One problem per other user of the range, and one for an address that this host does not have."""
    problems = [] if host.bindable else [_unbindable(layout)]
    others = [use for use in host.publications if use.project != layout.project and _meets(layout, use)]
    problems += [_publication_problem(layout, uses) for uses in _by_owner(others)]
    # Without its answer nothing is known about the engine's containers.
    lost = leaked(layout, host.listeners, host.publications) if host.engine_version else ()
    problems += [_leak_problem(layout, listener) for listener in _unique(lost)]
    problems += [
        _listener_problem(layout, listener)
        for listener in _unique(host.listeners)
        if _meets(layout, listener) and not _of_a_container(listener, host)
    ]
    return problems


def leaked(
    layout: Layout, listeners: Iterable[Listener], publications: Collection[Publication]
) -> tuple[Listener, ...]:
    """The engine's own sockets in the range for which it runs no container: it was killed while it removed one."""
    return tuple(
        listener
        for listener in listeners
        if listener.process.startswith(_PROXY) and _meets(layout, listener) and not _published(listener, publications)
    )


def _of_a_container(listener: Listener, host: HostFacts) -> bool:
    """Whether the socket is the engine's own, for a port that a container publishes; that container was judged."""
    return listener.process.startswith(_PROXY) or _published(listener, host.publications)


def _published(listener: Listener, publications: Iterable[Publication]) -> bool:
    """Whether a container that runs publishes the port of this socket."""
    running = (use for use in publications if use.running and use.port == listener.port)
    return any(clash(use.address, listener.address) for use in running)


def clash(first: str, second: str) -> bool:
    """Whether one port can not be bound on both addresses at once."""
    one, two = ipaddress.ip_address(first), ipaddress.ip_address(second)
    if one == two:
        return True
    if one.version == two.version:
        return one.is_unspecified or two.is_unspecified
    # An IPv6 wildcard socket usually takes IPv4 as well.
    return (one.version == 6 and one.is_unspecified) or (two.version == 6 and two.is_unspecified)


def _meets(layout: Layout, use: Publication | Listener) -> bool:
    return use.port in layout.ports and clash(layout.bind_address, use.address)


def _by_owner(uses: Iterable[Publication]) -> list[list[Publication]]:
    owners: dict[str, list[Publication]] = {}
    for use in uses:
        owners.setdefault(use.container, []).append(use)
    return list(owners.values())


def _unique(listeners: Iterable[Listener]) -> list[Listener]:
    return list({listener.port: listener for listener in listeners}.values())


def _unbindable(layout: Layout) -> Problem:
    return Problem(
        "bind_address",
        f"corral_bind_address is {layout.bind_address}, and this host has no such address.",
        "Use 127.0.0.1 (this host only, the default) or an address of this host.",
        {"found": layout.bind_address},
    )


def _publication_problem(layout: Layout, uses: Sequence[Publication]) -> Problem:
    ports = sorted({use.port for use in uses})
    first = uses[0]
    facts = {"ports": ports, "container": first.container, "project": first.project, "service": first.service}
    if first.running:
        message = f"{_named(ports)} in use by the {first.owner}; {_range(layout)}."
        return Problem("port_in_use", message, _remedy("stop that container"), facts)
    message = f"{_named(ports)} claimed by the {first.owner}, which is stopped; {_range(layout)}."
    return Problem("port_overlap", message, _remedy("remove that container"), facts)


def _listener_problem(layout: Layout, listener: Listener) -> Problem:
    by = f"the process {listener.process}" if listener.process else "a process of this host that cannot be named"
    message = f"{_named([listener.port])} in use by {by}, on {listener.address}; {_range(layout)}."
    facts = {"ports": [listener.port], "process": listener.process, "address": listener.address}
    return Problem("port_in_use", message, _remedy("stop it"), facts)


def _leak_problem(layout: Layout, listener: Listener) -> Problem:
    message = (
        f"{_named([listener.port])} held by Docker itself ({listener.process}) for a container that does not run any "
        f"more, as after the engine was killed; {_range(layout)}."
    )
    remedy = "Restart Docker on this host (systemctl restart docker): that lets go of it, and restarts what runs there."
    facts = {"ports": [listener.port], "process": listener.process, "address": listener.address}
    return Problem("port_leaked", message, remedy, facts)


def _named(ports: Sequence[int]) -> str:
    if len(ports) == 1:
        return f"Port {ports[0]} is"
    if len(ports) > 2 and ports[-1] - ports[0] == len(ports) - 1:
        return f"Ports {ports[0]} to {ports[-1]} are"
    return f"Ports {', '.join(str(port) for port in ports)} are"


def _range(layout: Layout) -> str:
    last = layout.ports[-1]
    return f"the fleet {layout.project} needs {layout.bind_address} {layout.base_port} to {last}"


def _remedy(alternative: str) -> str:
    return f"Set another corral_base_port, or {alternative}."
