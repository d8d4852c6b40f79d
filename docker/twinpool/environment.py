"""What a container is told: every TWINPOOL_* variable as one typed value. Read by every other module."""

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar, cast

Pool = Literal["wsgi", "asgi"]
Pools = Literal["both", "wsgi", "asgi"]
Scheme = Literal["http", "https"]
T = TypeVar("T")
DEFAULT_PORT = {"http": 80, "https": 443}
LIBRARIES = ("/lib/python", "<frozen", "/twinpool/")  # parts of the file names of code that is not the project's


class Refusal(Exception):  # noqa: N818 - it ends a command on purpose, with the sentence a person needs
    """Something that a person has to mend, said in one sentence; command lines print it without a traceback."""


class BadValue(Refusal):
    """A variable holds what cannot be used."""


def last_line(error: BaseException) -> str:
    """An exception's type and text and the last place in its traceback that is the project's, on one line."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [(one.filename, one.lineno) for one in frames if not any(part in one.filename for part in LIBRARIES)]
    text = str(error)
    if isinstance(error, SyntaxError):
        text, places = error.msg, [(error.filename or "?", error.lineno)]
    line = " ".join(f"{type(error).__name__}: {text}".split()).rstrip(".: ")
    return f"{line} ({places[-1][0]}, line {places[-1][1]})" if places else line


@dataclass(frozen=True)
class Environment:
    """The variables TWINPOOL_* of one process.

    Times (drain_leave, drain_window, socket_age, graceful, keepalive) are seconds; sync_streams is a share of the
    threads, 0 to 1; workers is a count a container; threads, asgi_threads, sockets and db_pool are counts a process.
    `given` holds the names that were set, since the settings of a project change only where a variable asks for it.
    """

    pool: Pool | None
    pools: Pools
    release: str
    settings: str | None
    hosts: tuple[str, ...]
    origins: tuple[str, ...]
    scheme: Scheme
    ports: tuple[int, ...]
    workers: int
    threads: int
    asgi_threads: int
    sockets: int
    sync_streams: float
    db_pool: int
    drain_leave: float
    drain_window: float
    socket_age: float
    graceful: float
    overlay: bool
    run: Path
    listen: int
    keepalive: int
    project: Path
    static: Path
    given: frozenset[str] = frozenset()

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Environment":
        """The environment of this process.

        Raises BadValue with one sentence that names the variable, what it holds and what it may hold.
        """
        read = _Reader(environ)
        # Given as such, or as the edge has them (docker/edge/host.py).
        secure = read.text("TLS", "off") != "off"
        scheme: Scheme = read.choice("SCHEME", ("http", "https"), "https" if secure else "http")
        public = read.names("TLS_PORT" if scheme == "https" else "PORT", ())
        return cls(
            pool=read.choice("POOL", ("wsgi", "asgi"), cast("Pool | None", None)),
            pools=read.choice("POOLS", ("both", "wsgi", "asgi"), "both"),
            release=read.text("RELEASE", "unnamed"),
            settings=read.text("SETTINGS", "") or None,
            hosts=read.names("HOSTS", ("localhost", "127.0.0.1")),
            origins=read.origins("ORIGINS"),
            scheme=scheme,
            ports=tuple(read.port_number("PORTS", item) for item in read.names("PORTS", public)),
            workers=read.whole("WORKERS", 2, least=1),
            threads=read.whole("THREADS", 8, least=1),
            asgi_threads=read.whole("ASGI_THREADS", 16, least=1),
            sockets=read.whole("SOCKETS", 2000, least=0),
            sync_streams=read.number("SYNC_STREAMS", 0.5, most=1),
            db_pool=read.whole("DB_POOL", 10, least=1),
            drain_leave=read.number("DRAIN_LEAVE", 0),
            drain_window=read.number("DRAIN_WINDOW", 30),
            socket_age=read.number("SOCKET_AGE", 0),
            graceful=read.number("GRACEFUL", 30),
            overlay=read.choice("OVERLAY", ("on", "off"), "on") == "on",
            run=Path(read.text("RUN", "/run/twinpool")),
            listen=read.port_number("LISTEN", read.text("LISTEN", "8000")),
            keepalive=read.whole("KEEPALIVE", 75, least=1),
            project=Path(read.text("PROJECT", "/app")),
            static=Path(read.text("STATIC", "/srv/static")),
            given=frozenset(name for name, value in environ.items() if name.startswith("TWINPOOL_") and value.strip()),
        )

    def is_set(self, knob: str) -> bool:
        """Whether TWINPOOL_<knob> was set to anything."""
        return f"TWINPOOL_{knob}" in self.given

    @property
    def trusted_origins(self) -> tuple[str, ...]:
        """Every origin that pages of this site may come from: each host at each public port, then ORIGINS.

        A host `.example.org` becomes `*.example.org`, Django's spelling in CSRF_TRUSTED_ORIGINS; `*` gives none.
        """
        found = []
        for host in self.hosts:
            if host == "*":
                continue
            name = f"*{host}" if host.startswith(".") else host
            for port in self.ports or (DEFAULT_PORT[self.scheme],):
                suffix = "" if port == DEFAULT_PORT[self.scheme] else f":{port}"
                found.append(f"{self.scheme}://{name}{suffix}")
        return tuple(dict.fromkeys([*found, *self.origins]))


class _Reader:
    """Reads one variable by its kind; an empty one counts as not set, since Compose passes unset knobs that way."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ

    def text(self, knob: str, default: str) -> str:
        return self.environ.get(f"TWINPOOL_{knob}", "").strip() or default

    def names(self, knob: str, default: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(item.strip() for item in self.text(knob, "").split(",") if item.strip()) or default

    def origins(self, knob: str) -> tuple[str, ...]:
        for item in (found := self.names(knob, ())):
            scheme, separator, host = item.partition("://")
            if scheme not in DEFAULT_PORT or not separator or not host or "/" in host:
                raise BadValue(f"TWINPOOL_{knob} holds {item!r}; it takes origins such as https://shop.example:8443.")
        return found

    def choice(self, knob: str, allowed: tuple[str, ...], default: T) -> T:
        value = self.text(knob, "")
        if value and value not in allowed:
            raise BadValue(f"TWINPOOL_{knob} is {value!r}; it takes {' or '.join(allowed)}.")
        return cast("T", value) if value else default

    def whole(self, knob: str, default: int, least: int) -> int:
        return self._converted(knob, default, int, lambda n: n >= least, f"a whole number from {least} up")

    def number(self, knob: str, default: float, most: float = 1e6) -> float:
        return self._converted(knob, default, float, lambda n: 0 <= n <= most, f"a number from 0 to {most:g}")

    def port_number(self, knob: str, text: str) -> int:
        if not text.isdecimal() or not 0 < int(text) < 65536:
            raise BadValue(f"TWINPOOL_{knob} holds {text!r}; a port is a number from 1 to 65535.")
        return int(text)

    def _converted(self, knob: str, default: T, kind: Callable[[str], T], fits: Callable[[T], bool], wanted: str) -> T:
        text = self.text(knob, "")
        if not text:
            return default
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not fits(value):
            raise BadValue(f"TWINPOOL_{knob} is {text!r}; it takes {wanted}.")
        return value
