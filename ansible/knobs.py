"""Reads and checks the knobs of docker/twinpool.env; the verbs of the Makefile get them through play.py.

A value comes from the command line, else from the twinpool.env beside the inventory, else from the project's
deploy/twinpool.env, else from the list itself.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

KIT = Path(__file__).resolve().parent.parent
LIST = KIT / "docker" / "twinpool.env"
HOST = r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*"
PROJECT_VARIABLE = re.compile(r"ENV_([A-Za-z_][A-Za-z0-9_]*)")


class Refused(Exception):  # noqa: N818 - it ends a command on purpose, with what a person has to mend
    """What the person at the keyboard can mend: what was found, what was expected, what to do."""


@dataclass(frozen=True)
class Knob:
    name: str
    default: str
    meaning: str
    takes: str
    command_line_only: bool


def read_list(path: Path = LIST) -> dict[str, Knob]:
    """The annotated list; a comment and its bracket hold for every assignment that follows them directly."""
    knobs: dict[str, Knob] = {}
    comment: list[str] = []
    fresh = True
    for line in path.read_text().splitlines():
        if line.startswith("#"):
            comment = [*([] if fresh else comment), line.lstrip("# ")]
            fresh = False
        elif "=" in line:
            name, _, default = line.partition("=")
            meaning, _, bracket = " ".join(comment).rpartition("[")
            takes, _, where = bracket.rstrip("]").partition(", ")
            knobs[name] = Knob(name, default, meaning.strip(), takes, bool(where))
            fresh = True
        else:
            fresh = True
    return knobs


def read_assignments(path: Path) -> dict[str, str]:
    """NAME=value lines of a project's deploy/twinpool.env. Raises Refused for any other line."""
    found: dict[str, str] = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, equals, value = line.partition("=")
        if not equals or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name.strip()):
            raise Refused(f"{path}, line {number}: found {line!r}; expected NAME=value.")
        found[name.strip()] = value.strip().strip("\"'")
    return found


def _each(value: str, check: Callable[[str], object]) -> bool:
    return all(check(part.strip()) for part in value.split(",") if part.strip())


def _network(value: str) -> bool:
    try:
        ipaddress.ip_network(value, strict=False)
    except ValueError:
        return False
    return True


def _address(value: str) -> bool:
    return _network(value) and "/" not in value


CHECKS: dict[str, tuple[str, Callable[[str], object]]] = {
    "folder": ("a folder", bool),
    "name": (
        "lower-case letters, digits and hyphens, beginning with a letter, at most 40",
        lambda v: not v or re.fullmatch(r"[a-z][a-z0-9-]{0,39}", v),
    ),
    "hosts": (
        "host names or addresses without scheme and port, separated by commas",
        lambda v: v.strip(", ") and _each(v, lambda p: re.fullmatch(HOST, p)),
    ),
    "origins": (
        "origins such as https://shop.example, separated by commas",
        lambda v: _each(v, lambda p: re.fullmatch(r"https?://[a-z0-9.-]+(:\d{1,5})?", p)),
    ),
    "address": ("an IPv4 address", lambda v: re.fullmatch(r"[0-9.]+", v) and _address(v)),
    "port": ("a port from 1 to 65535", lambda v: v.isdigit() and 1 <= int(v) <= 65535),
    "networks": ("addresses or networks, separated by commas", lambda v: _each(v, _network)),
    "module": ("a dotted module name", lambda v: not v or re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", v)),
    "paths": (
        "paths that begin with /, separated by commas",
        lambda v: _each(v, lambda p: re.fullmatch(r"/[^\s,]*", p)),
    ),
    "image": ("the name of an image", lambda v: not v or re.fullmatch(r"[a-z0-9][\w./:@-]*", v)),
    "overlay": ("on or off; with TARGET=k8s trial, production or a folder", lambda v: v.strip()),
    "text": ("text", lambda _: True),
}


def check(knob: Knob, value: str) -> None:
    """Raises Refused where the value is not what the list says the knob takes."""
    if interval := re.fullmatch(r"(\d+)\.\.(\d+)", knob.takes):
        low, high = map(int, interval.groups())
        expected, good = f"a whole number from {low} to {high}", value.isdigit() and low <= int(value) <= high
    elif knob.takes in CHECKS:
        expected, test = CHECKS[knob.takes]
        good = bool(test(value))
    else:
        expected, good = f"one of {knob.takes.replace('|', ', ')}", value in knob.takes.split("|")
    if not good:
        raise Refused(f"{knob.name}: found {value!r}; expected {expected}. {knob.meaning}")


def _nearest(name: str, names: Mapping[str, object]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, list(names), 1, 0.6)
    return f"did you mean {close[0]}? " if close else ""


def gather(command_line: Mapping[str, str]) -> dict[str, str]:
    """Every knob by name, checked, and ENV_* variables of the project's own; raises Refused."""
    knobs = read_list()
    values = {name: knob.default for name, knob in knobs.items()}
    folder = Path(command_line.get("PROJECT", values["PROJECT"])).expanduser()
    project = (folder if folder.is_absolute() else KIT / folder).resolve()
    own = [project / "deploy" / "twinpool.env"]
    if inventory := command_line.get("INVENTORY", ""):  # what differs from one to the other
        own.append(project / "deploy" / "inventory" / inventory / "twinpool.env")
    sources: list[tuple[str, Mapping[str, str]]] = [
        (str(file), read_assignments(file)) for file in own if file.is_file()
    ]
    sources.append(("the command line", command_line))
    for where, given in sources:
        for name, value in given.items():
            if PROJECT_VARIABLE.fullmatch(name):
                values[name] = value
                continue
            if name not in knobs:
                raise Refused(
                    f"{name}: no such variable (from {where}); {_nearest(name, knobs)}"
                    "docker/twinpool.env lists them all, and ENV_X=… passes X on to the project."
                )
            if knobs[name].command_line_only and where != "the command line":
                raise Refused(f"{name} belongs on the command line, but stands in {where}. Remove it there.")
            check(knobs[name], value)
            values[name] = value
    values["PROJECT"] = str(project)
    values["NAME"] = values["NAME"] or re.sub(r"[^a-z0-9]+", "-", project.name.lower()).strip("-")
    check(knobs["NAME"], values["NAME"])
    return values


def together(values: Mapping[str, str]) -> None:
    """Raises Refused where values that are good alone do not go together."""

    def loopback(host: str) -> bool:
        return (
            host == "localhost"
            or host.endswith(".localhost")
            or (_address(host) and ipaddress.ip_address(host).is_loopback)
        )

    if values["OVERLAY"] not in ("on", "off"):
        raise Refused(f"OVERLAY={values['OVERLAY']} names a layer of Kubernetes: add TARGET=k8s. Else it is on or off.")
    if values["TLS"] == "off":
        foreign = [host for host in values["HOSTS"].replace(" ", "").split(",") if host and not loopback(host)]
        if foreign:
            raise Refused(
                f"HOSTS names {', '.join(foreign)}, but TLS is off: passwords and sessions would cross the network "
                "in the clear. Add TLS=local or TLS=given, or keep HOSTS to localhost and 127.0.0.1."
            )
        if not loopback(values["BIND"]):
            raise Refused(
                f"BIND={values['BIND']} opens http beyond this machine, but TLS is off. "
                "Add TLS=local or TLS=given, or keep BIND=127.0.0.1."
            )
    elif values["TLS"] == "given" and (
        missing := [name for name in ("tls.crt", "tls.key")
                    if not Path(values["PROJECT"], values["CERTIFICATE"], name).is_file()]
    ):  # fmt: skip
        raise Refused(
            f"TLS=given: found no {' and no '.join(missing)} in {Path(values['PROJECT'], values['CERTIFICATE'])}. "
            "Expected the certificate with its chain and its key there, or another folder: CERTIFICATE=…"
        )
    elif values["PORT"] == values["TLS_PORT"]:
        raise Refused(f"PORT and TLS_PORT are both {values['PORT']}: http and https need a port each.")


def among(values: Mapping[str, str]) -> None:
    """Raises Refused where values cannot do for a site of several hosts."""
    if values["BIND"] != "0.0.0.0":  # noqa: S104
        raise Refused(
            f"BIND={values['BIND']}: found an inventory of several hosts, whose edges listen for each other and for "
            "visitors. Expected BIND=0.0.0.0; the firewall of make provision opens the edge's ports alone."
        )
