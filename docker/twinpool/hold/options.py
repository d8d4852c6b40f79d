"""The options of `twinpool hold` and the caps on them. Read by the command and by tests that hold by themselves."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

# Caps: hold runs against sites that serve people, so that no typing error may turn it into a load test.
MOST_SOCKETS, MOST_STREAMS, MOST_RATE, MOST_PAGES = 1000, 500, 500, 20
MOST_WINDOW, MOST_SECONDS = 3600, 7200


@dataclass(frozen=True)
class Options:
    """What to hold. `window` and `seconds` are seconds, `rate` is requests a second, `pages` come besides `/`."""

    url: str
    probe_secret_file: Path
    connect: str | None = None
    ca: Path | None = None
    sockets: int = 20
    streams: int = 5
    rate: float = 10
    pages: tuple[str, ...] = ()
    window: float = 30
    seconds: float = 600


@dataclass(frozen=True)
class Files:
    """Files by which the deploy and hold tell each other where they are."""

    ready: Path | None
    stop: Path | None
    json: Path | None


def parse(argv: list[str]) -> tuple[Options, Files]:
    """The options of a command line. Leaves with code 2 and a sentence where one does not fit (argparse)."""
    parser = argparse.ArgumentParser(
        prog="twinpool hold",
        description="Keep sockets, streams, requests and pages going through the edge while something changes, then "
        "say what it did to them. Ends when the stop file appears, at SIGTERM, or after --seconds.",
    )
    add = parser.add_argument
    add("url", metavar="URL", help="the site's root, for example https://shop.example")
    add("--probe-secret-file", type=Path, required=True, metavar="FILE", help="file that holds the probe secret")
    add(
        "--connect",
        metavar="HOST:PORT",
        help="connect here, by http:// in the clear; names stay the URL's",
    )
    add("--ca", type=Path, metavar="FILE", help="trust this CA (PEM) instead of the system's")
    add("--sockets", type=_within(int, 0, MOST_SOCKETS), default=20, metavar="N", help="sockets held (20)")
    add("--streams", type=_within(int, 0, MOST_STREAMS), default=5, metavar="N", help="event streams held (5)")
    add("--rate", type=_within(float, 0, MOST_RATE), default=10, metavar="N", help="requests a second (10)")
    add("--page", type=_page, action="append", default=[], metavar="PATH", help="a page to ask for besides /")
    add("--window", type=_within(float, 0, MOST_WINDOW), default=30, metavar="SECONDS", help="the drain window (30)")
    add("--seconds", type=_within(float, 1, MOST_SECONDS), default=600, metavar="MAX", help="end after this (600)")
    add("--ready-file", type=Path, metavar="FILE", help="written when everything is connected")
    add("--stop-file", type=Path, metavar="FILE", help="its appearance ends the hold")
    add("--json", type=Path, metavar="FILE", help="write the report as JSON too")
    given = parser.parse_args(argv)
    if len(given.page) > MOST_PAGES:
        parser.error(f"--page was given {len(given.page)} times; at most {MOST_PAGES}")
    options = Options(
        url=given.url,
        probe_secret_file=given.probe_secret_file,
        connect=given.connect,
        ca=given.ca,
        sockets=given.sockets,
        streams=given.streams,
        rate=given.rate,
        pages=tuple(given.page),
        window=given.window,
        seconds=given.seconds,
    )
    return options, Files(given.ready_file, given.stop_file, given.json)


def _within(kind: type[int] | type[float], least: float, most: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {least:g} to {most:g}")
        return value

    return read


def _page(text: str) -> str:
    if not text.startswith("/") or text.startswith("/-/") or not (text.isascii() and text.isprintable()) or " " in text:
        raise argparse.ArgumentTypeError(f"{text!r} is not a path of the site such as /about/")
    return text
