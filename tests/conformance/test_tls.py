"""TLS and HTTP/2, where the URL is https."""

import ssl
import struct
from typing import BinaryIO

import pytest

from .site import Site

pytestmark = pytest.mark.https
DATA, HEADERS, SETTINGS = 0, 1, 4  # kinds of frame (RFC 9113, 6)
END_STREAM, END_HEADERS = 0x1, 0x4
INDEXED_STATUS_200 = 0x88  # RFC 7541, appendix A: entry 8 of the static table


def context(site: Site, version: ssl.TLSVersion, *protocols: str) -> ssl.SSLContext:
    made = ssl.create_default_context(cafile=str(site.ca) if site.ca else None)
    made.minimum_version = made.maximum_version = version
    if protocols:
        made.set_alpn_protocols(list(protocols))
    return made


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_1_2_and_1_3_are_spoken_with_a_certificate_of_the_name(site: Site, version: ssl.TLSVersion) -> None:
    with site.connect(context(site, version)) as connection:
        assert isinstance(connection, ssl.SSLSocket)
        assert connection.version() in ("TLSv1.2", "TLSv1.3")


@pytest.mark.parametrize(
    "ciphers",
    [
        "AES128-SHA:AES128-GCM-SHA256:AES256-GCM-SHA384",  # no forward secrecy
        "ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA:ECDHE-ECDSA-AES128-SHA256",  # no authenticated encryption
    ],
)
def test_weak_ciphers_are_refused(site: Site, ciphers: str) -> None:
    weak = context(site, ssl.TLSVersion.TLSv1_2)
    weak.set_ciphers(ciphers + ":@SECLEVEL=0")
    with pytest.raises(ssl.SSLError), site.connect(weak):
        pass


def test_older_versions_are_refused(site: Site) -> None:
    old = context(site, ssl.TLSVersion.TLSv1_2)
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        old.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError), site.connect(old):
        pass


@pytest.mark.parametrize(
    ("offered", "agreed"), [(["h2", "http/1.1"], "h2"), (["http/1.1"], "http/1.1"), (["h2"], "h2")]
)
def test_http2_is_agreed_on_in_the_handshake(site: Site, offered: list[str], agreed: str) -> None:
    with site.connect(context(site, ssl.TLSVersion.TLSv1_3, *offered)) as connection:
        assert isinstance(connection, ssl.SSLSocket)
        assert connection.selected_alpn_protocol() == agreed


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack("!I", len(payload))[1:] + struct.pack("!BBI", kind, flags, stream) + payload


def read_frame(stream: BinaryIO) -> tuple[int, int, int, bytes]:
    """Kind, flags, stream and payload of the next frame."""
    head = stream.read(9)
    assert len(head) == 9, "the connection ended before the answer did"
    kind, flags, number = struct.unpack("!BBI", head[3:])
    return kind, flags, number, stream.read(int.from_bytes(head[:3]))


def fields(site: Site) -> bytes:
    """The request's header block: literal fields without indexing (RFC 7541, 6.2.2), no Huffman coding."""
    pseudo = [
        (":method", "GET"),
        (":scheme", "https"),
        (":authority", site.target.authority),
        (":path", "/-/probe/who"),
    ]
    block = b""
    for text in [*pseudo, (site.proof[0].lower(), site.proof[1])]:
        block += b"\x00" + b"".join(bytes([len(part)]) + part.encode() for part in text)
    return block


def test_a_request_over_http2_reaches_the_pool(site: Site) -> None:
    """RFC 9113 by hand: preface, SETTINGS, one HEADERS that ends its stream; then frames until the answer's end."""
    with site.connect(context(site, ssl.TLSVersion.TLSv1_3, "h2")) as connection:
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0, b""))
        connection.sendall(frame(HEADERS, END_STREAM | END_HEADERS, 1, fields(site)))
        head, body, ended = b"", b"", False
        with connection.makefile("rb") as stream:
            while not ended:
                kind, flags, number, payload = read_frame(stream)
                head += payload if kind == HEADERS else b""
                body += payload if kind == DATA else b""
                ended = number == 1 and kind in (DATA, HEADERS) and bool(flags & END_STREAM)
    assert INDEXED_STATUS_200 in head[:3], head
    assert f'"{site.page_pool}"'.encode() in body
