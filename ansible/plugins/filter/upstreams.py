"""Ansible filter `upstreams`: the servers of each pool as an edge names them, of the releases in rotation."""

from collections.abc import Mapping, Sequence
from typing import Any

POOLS = ("wsgi", "asgi")


def upstreams(rotation: Sequence[Mapping[str, str]], hosts: Mapping[str, Mapping[str, Any]]) -> dict[str, list[str]]:
    """Addresses as host:port by pool.

    `rotation` has the host as `key` and its release as `value`; `hosts` has each host's variables where a site has
    several of them, and is empty where it has one, whose edge knows the release's containers by name.
    """
    found: dict[str, list[str]] = {pool: [] for pool in POOLS}
    for one in rotation:
        for pool, servers in found.items():
            if hosts:
                host = hosts[one["key"]]
                servers += [f"{host['site_address']}:{port}" for port in host["release_ports"][one["value"]][pool]]
            else:
                servers.append(f"{one['value']}-app-{pool}:8000")
    return found


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"upstreams": upstreams}
