"""The probe endpoints as calls: who, publish, body. Used by load, by the proof before a hold, and by conformance."""

import hashlib
import json
from dataclasses import dataclass

from twinpool.hold.client import Answer, Client
from twinpool.hold.target import CannotRun, Target

EVENTS = ("Accept", "text/event-stream")  # what sends a request to ASGI by protocol


class Wrong(Exception):  # noqa: N818 - an answer that is not what was asked for; the text is the receipt's phrase
    """A probe answered, but not as it must."""


@dataclass(frozen=True)
class Who:
    """Who answered: the pool, its release, its container."""

    pool: str
    release: str
    host: str


class Probe:
    """The probes of one deployment, with its secret."""

    def __init__(self, target: Target, secret: str) -> None:
        self.client = Client(target, [("X-Twinpool-Probe", secret)])

    async def who(self, asgi: bool = False) -> Who:
        """Who answers an ordinary request, or one that asks for events. Raises Wrong, TransportError."""
        answer = await self.client.get("/-/probe/who", [EVENTS] if asgi else [])
        said = _said(answer, "GET who")
        if not {"pool", "release"} <= said.keys():
            raise Wrong("GET who answered without pool and release")
        return Who(str(said["pool"]), str(said["release"]), str(said.get("host")))

    async def publish(self, text: str) -> int:
        """Publishes to the probe's group; the number that the message got. Raises Wrong, TransportError."""
        body = json.dumps({"text": text}).encode()
        answer = await self.client.request("POST", "/-/probe/publish", [("Content-Type", "application/json")], body)
        number = _said(answer, "POST publish").get("n")
        if not isinstance(number, int):
            raise Wrong("POST publish answered without a number")
        return number

    async def body(self, method: str, content: bytes, hop: bool, asgi: bool = False) -> str:
        """Sends a body, through a hand-over where `hop`; the pool that got it whole. Raises Wrong, TransportError."""
        path = "/-/probe/body?hop=1" if hop else "/-/probe/body"
        headers = [("Content-Type", "application/octet-stream"), *([EVENTS] if asgi else [])]
        said = _said(await self.client.request(method, path, headers, content), f"{method} body")
        if said.get("length") != len(content) or said.get("sha256") != hashlib.sha256(content).hexdigest():
            raise Wrong(f"{method} body arrived changed")
        return str(said.get("pool"))


def _said(answer: Answer, what: str) -> dict[str, object]:
    if answer.status != 200:
        raise Wrong(f"{what} answered {answer.status}")
    try:
        return dict(answer.json())
    except (ValueError, TypeError):
        raise Wrong(f"{what} answered 200 without JSON") from None


async def prove(probe: Probe) -> tuple[Who, Who]:
    """Who answers an ordinary request and one for events; proof that the URL belongs to the deployment of this secret.

    Raises CannotRun where the URL does not answer the probe, TransportError where it does not answer at all.
    """
    try:
        return await probe.who(), await probe.who(asgi=True)
    except Wrong as wrong:
        raise CannotRun(
            f"{probe.client.target.origin} does not prove the probe secret: {wrong}, expected 200 and JSON. "
            "Give the URL and the --probe-secret-file of the same deployment."
        ) from None
