"""What the edge's settings make of nginx/host: the shipped files, with what HOSTS, TLS and their like decide changed.

One place for all targets: a Docker host gives the settings in a file (edge.env), Kubernetes in the
environment. A shipped file is the default and is valid as it is; a setting that is not given leaves it so.
"""

import ipaddress
import re
from collections.abc import Mapping
from pathlib import Path

Files = dict[str, str]
POOLS = ("wsgi", "asgi")


class BadSetting(Exception):  # noqa: N818 - what was found and what was expected
    """A setting that nginx would not read as what it is meant to be."""


def read(*files: Path) -> dict[str, str]:
    """NAME=value lines of the files that exist; a later file wins."""
    found: dict[str, str] = {}
    for file in files:
        for line in file.read_text().splitlines() if file.is_file() else ():
            name, equals, value = line.partition("=")
            if equals and not name.startswith("#"):
                found[name.strip()] = value.strip()
    return found


def decided(host: Path, settings: Mapping[str, str]) -> Files:
    """Text by name of those files of `host` that the settings change. Raises BadSetting."""
    told = _Settings(settings)
    files = _Changed(host)
    if hosts := told.words("HOSTS", r"\.?[A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9a-f:]+\]"):
        files.change("names.conf", r"server_name [^;]*;", f"server_name {' '.join(hosts)};")
    if pools := told.one("POOLS", "both|wsgi|asgi"):
        files.change("pools.conf", r"pools/\w+\.conf", f"pools/{pools}.conf")
    if port := told.one("PORT", r"\d{1,5}"):
        files.change("public.conf", r"default \d+;", f"default {port};")
    if port := told.one("TLS_PORT", r"\d{1,5}"):
        files.change("public.conf", r"https \d+;", f"https {port};")
    if megabytes := told.one("BODY_LIMIT", r"\d{1,5}"):
        files.change("limits.conf", r"client_max_body_size \w+;", f"client_max_body_size {megabytes}m;")
    if seconds := told.one("EDGE_SHUTDOWN", r"\d{1,7}"):
        files.change("workers.conf", r"worker_shutdown_timeout \w+;", f"worker_shutdown_timeout {seconds}s;")
    if told.one("TLS", r"\w+") not in ("", "off"):
        port = told.one("TLS_PORT", r"\d{1,5}") or "8443"
        named = "" if port == "443" else f":{port}"
        files.change("listen.conf", r"listen 8080;", "listen 8080;\nlisten 8443 ssl;")
        files.change("tls.conf", r"(?=map \$public_scheme \$hsts)", CERTIFICATE)
        files.change("tls.conf", r'(to_https \{\n    default "";)', rf"\1\n    http https://$host{named};")
    if networks := [_network(text) for text in told.words("TRUST", r"[0-9A-Fa-f.:/]+")]:
        files.change("trust.conf", r"(?=geo )", "".join(f"set_real_ip_from {network};\n" for network in networks))
        files.change("trust.conf", r"(default 0;)", r"\1" + "".join(f"\n    {network} 1;" for network in networks))
    for pool in POOLS:
        # A pool that is off is stood in for by the other.
        of = pools if pools in POOLS else pool
        servers = told.words(f"UPSTREAM_{of.upper()}", r"[A-Za-z0-9][A-Za-z0-9.-]*:\d{1,5}") or [f"app-{of}:8000"]
        lines = "\n    ".join(f"server {server} max_fails=0;" for server in servers)
        files.change("upstreams.conf", rf"(?<=zone app-{pool} 128k;\n    least_conn;\n    )server [^\n]*", lines)
    return files.changed


CERTIFICATE = "ssl_certificate /srv/edge/tls/tls.crt;\nssl_certificate_key /srv/edge/tls/tls.key;\nhttp2 on;\n"


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        raise BadSetting(f"TWINPOOL_TRUST holds {text!r}; it takes addresses or networks.") from None


class _Settings:
    def __init__(self, settings: Mapping[str, str]) -> None:
        self._settings = settings

    def words(self, name: str, form: str) -> list[str]:
        """The values of a list by commas or spaces; none where it is not set."""
        found = re.split(r"[\s,]+", self._settings.get(f"TWINPOOL_{name}", "").strip())
        for word in filter(None, found):
            if not re.fullmatch(form, word):
                raise BadSetting(f"TWINPOOL_{name} holds {word!r}, which does not fit the form {form}.")
        return [word for word in found if word]

    def one(self, name: str, form: str) -> str:
        found = self.words(name, form)
        if len(found) > 1:
            raise BadSetting(f"TWINPOOL_{name} is {' '.join(found)!r}; it takes one value.")
        return found[0] if found else ""


class _Changed:
    """Shipped files with parts of them changed; a part that is not there is a fault of the kit's."""

    def __init__(self, host: Path) -> None:
        self._host = host
        self.changed: Files = {}

    def change(self, name: str, old: str, new: str) -> None:
        text = self.changed.get(name) or (self._host / name).read_text()
        text, count = re.subn(old, new, text, count=1)
        if not count:
            raise BadSetting(f"host/{name} holds nothing like {old!r}; the edge's image and its files differ in age.")
        self.changed[name] = text
