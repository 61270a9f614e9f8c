"""`practice/up`: make what is missing, start the registry, put the models there, write the settings."""

from __future__ import annotations

import argparse
from concurrent.futures import Future, ThreadPoolExecutor

import yaml

from . import front, hosts, images, tls
from .catalog import catalog
from .engine import Site, engine, tools
from .models import Model
from .oci import Registry
from .paths import say
from .python_image import ensure_python


def up(arguments: list[str]) -> int:
    options = _options(arguments)
    if options.models_only:
        catalog()
        return 0
    engine()
    tools({"openssl": "openssl"} if options.images_only else {"openssl": "openssl", "mmdebstrap": "mmdebstrap"})
    wanted = {
        "ollama": images.ensure_ollama,
        "registry": images.ensure_registry,
        "haproxy": images.ensure_haproxy,
        "nginx": images.ensure_nginx,
    }
    if options.monitoring:
        wanted["monitoring"] = images.ensure_monitoring
    if options.load:
        wanted["locust"] = images.ensure_locust
    if options.python:
        wanted["python"] = ensure_python
    wanted.update({f"host-{name}": (lambda name=name: hosts.ensure_host(name)) for name in options.hosts or ()})
    with ThreadPoolExecutor(max_workers=4) as pool:
        models = pool.submit(catalog)
        made = {name: pool.submit(make) for name, make in wanted.items()}
        if not options.images_only:
            _serve(made["registry"], models)
        for future in made.values():
            future.result()
    if options.save:
        images.saved()
    if not options.images_only:
        _tell(made)
    return 0


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="practice/up", description=__doc__)
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--models-only", action="store_true", help="make the model files; needs no Docker")
    only.add_argument("--images-only", action="store_true", help="make the images, start nothing")
    names = sorted(images.recipes()["hosts"])
    parser.add_argument(
        "--hosts", nargs="*", choices=names, help=f"images of Docker hosts for Molecule as well ({', '.join(names)})"
    )
    parser.add_argument("--monitoring", action="store_true", help="Prometheus and Alertmanager as well")
    parser.add_argument("--load", action="store_true", help="the load generator as well")
    parser.add_argument("--python", action="store_true", help="a base for the execution environment as well")
    parser.add_argument("--save", action="store_true", help="save the ollama image as a tar for nested hosts as well")
    options = parser.parse_args(arguments)
    if options.hosts == []:
        options.hosts = names
    return options


def _serve(image: Future[str], models: Future[dict[str, Model]]) -> None:
    tls.ensure_certificates()
    site = Site.here()
    front.ensure_front(image.result(), site)
    registry = Registry(site.url)
    for name, model in models.result().items():
        if registry.digest(name) != model.digest:
            say(f"pushing {name} ({model.size / 1e6:.1f} MB)")
            registry.push(name, model)


def settings(site: Site) -> dict[str, object]:
    """Variables for Ansible: the fleet as on a machine with the internet, but for where the registry is."""
    return {
        "corral_image": images.OLLAMA,
        "corral_gateway_image": images.HAPROXY,
        "corral_distribution_image": images.NGINX,
        "corral_prometheus_image": images.PROMETHEUS,
        "corral_alertmanager_image": images.ALERTMANAGER,
        "corral_load_image": images.LOCUST,
        "corral_registry_endpoints": dict.fromkeys(front.ALIASES, site.url),
        "corral_registry_ca_path": str(tls.CA),
        "corral_puller_networks": [site.network],
    }


def _tell(made: dict[str, Future[str]]) -> None:
    site = Site.here()
    text = f"---\n# Written by practice/up. For nested hosts the registry's front is at {front.Front(site).address}.\n"
    text += yaml.safe_dump(settings(site), sort_keys=False)
    if not site.settings.exists() or site.settings.read_text() != text:
        site.settings.write_text(text)
    say(f"images: {' '.join(sorted(future.result() for future in made.values()))}")
    say(f"ready; the settings are in {site.settings}:")
    print(text.split("\n", 2)[2], end="", flush=True)
