"""Where the deployment is and how a connection to it is opened. Read by every client of hold and of the tests."""

import asyncio
import ipaddress
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from twinpool.environment import DEFAULT_PORT, Refusal

CONNECT_SECONDS = 10


class CannotRun(Refusal):
    """Hold cannot judge this deployment; its sentence says what was found, what was expected and what to do."""


@dataclass(frozen=True)
class Target:
    """One deployment: the URL that people type, and the address that its connections really go to."""

    scheme: str
    host: str
    port: int
    connect_host: str
    connect_port: int
    tls: ssl.SSLContext | None = None

    @property
    def authority(self) -> str:
        """What the Host header says: the URL's host, with its port where that is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORT[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.authority}"

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A new connection, with TLS where the URL is https. Raises OSError or TimeoutError."""
        async with asyncio.timeout(CONNECT_SECONDS):
            return await asyncio.open_connection(
                self.connect_host,
                self.connect_port,
                ssl=self.tls,
                server_hostname=self.host if self.tls else None,
            )

    @classmethod
    def parse(cls, url: str, connect: str | None = None, ca: Path | None = None) -> "Target":
        """The target of a URL; `connect` is HOST:PORT to reach it by, `ca` a PEM file to trust instead of the system's.

        With `connect` as http://HOST:PORT the connection is in the clear though the URL is https: TLS ends in front of
        the edge, and what is asked names the origin that visitors see.

        Raises CannotRun for a URL that is not a site's root, and for plain http to an address on the internet: the
        probe secret would cross it in the clear.
        """
        parts = urlsplit(url if "://" in url else f"//{url}")
        if parts.scheme not in DEFAULT_PORT or not parts.hostname or parts.path not in ("", "/") or parts.query:
            raise CannotRun(f"The URL is {url!r}; hold takes a site's root such as https://shop.example or {_LOCAL}.")
        try:
            port = parts.port or DEFAULT_PORT[parts.scheme]
        except ValueError:
            raise CannotRun(f"The URL {url!r} has no usable port; a port is a number from 1 to 65535.") from None
        host = parts.hostname
        in_clear = parts.scheme == "http" or (connect or "").startswith("http://")
        connect_host, connect_port = _address(connect.removeprefix("http://")) if connect else (host, port)
        if in_clear:
            _require_near(connect_host, connect_port)
        tls = None if in_clear else _tls(ca)
        return cls(parts.scheme, host, port, connect_host, connect_port, tls)


_LOCAL = "http://127.0.0.1:8080"


def _address(connect: str) -> tuple[str, int]:
    host, _, port = connect.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise CannotRun(f"--connect is {connect!r}; it takes HOST:PORT such as 127.0.0.1:8080 or [::1]:8080.")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _require_near(host: str, port: int) -> None:
    if "." not in host and ":" not in host:
        return  # a Service or container beside this one; some clusters give them addresses that look public
    try:
        found = {str(item[4][0]) for item in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except OSError as error:
        raise CannotRun(
            f"{host} has no address ({error}); give a name that resolves, or --connect HOST:PORT."
        ) from None
    far = sorted(address for address in found if ipaddress.ip_address(address.partition("%")[0]).is_global)
    if far:
        raise CannotRun(
            f"{host} is {far[0]}, an address on the internet, and plain http would show it the probe secret; "
            "use https, or reach the edge from its own machine with --connect 127.0.0.1:PORT."
        )


def _tls(ca: Path | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=str(ca) if ca else None)
    except (OSError, ssl.SSLError) as error:
        raise CannotRun(f"--ca {ca} cannot be read as PEM certificates ({error}); give the CA's own file.") from None
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # a certificate that was given is known by itself
    context.set_alpn_protocols(["http/1.1"])
    return context
