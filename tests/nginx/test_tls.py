"""TLS and HTTP/2, with a certificate made here: versions, names, redirect and HSTS as host files decide them."""

import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from .certificate import make_certificate
from .client import PATIENCE, SOCKET, Line, ask, line
from .edge import Edge, free_port, running, shipped
from .http2 import Answered, over_h2
from .stubs import Answer, StubPool, hop, report


@dataclass(frozen=True)
class Secure:
    edge: Edge
    port: int
    authority: Path


@pytest.fixture(scope="module")
def secure(
    edge_image: str, pools: tuple[StubPool, StubPool], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Secure]:
    certificates = tmp_path_factory.mktemp("tls")
    certificates.chmod(0o755)
    make_certificate(certificates)
    port = free_port()
    files = {
        "host/listen.conf": f"listen 127.0.0.1:@PORT@;\nlisten 127.0.0.1:{port} ssl;\n",
        "host/public.conf": shipped("host/public.conf", ("https 8443", f"https {port}")),
        "host/tls.conf": f"""http2 on;
ssl_certificate /srv/tls/cert.pem;
ssl_certificate_key /srv/tls/key.pem;
map $public_scheme $hsts {{ default ""; https "max-age=31536000"; }}
map $public_scheme $to_https {{ default ""; http https://$host:{port}; }}
""",
    }
    with running(
        edge_image, tmp_path_factory.mktemp("edge"), *pools, files, f"--volume={certificates}:/srv/tls:ro"
    ) as edge:
        yield Secure(edge, port, certificates / "cert.pem")


@pytest.fixture(autouse=True)
def _fresh(wsgi: StubPool, asgi: StubPool) -> None:
    """The stubs forget what other tests told them."""


def shake(
    secure: Secure, name: str = "localhost", protocols: tuple[str, ...] = (), version: ssl.TLSVersion | None = None
) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=str(secure.authority))
    if protocols:
        context.set_alpn_protocols(list(protocols))
    if version:
        context.minimum_version = context.maximum_version = version
        context.set_ciphers("DEFAULT@SECLEVEL=0")
    return context.wrap_socket(socket.create_connection(("127.0.0.1", secure.port), PATIENCE), server_hostname=name)


@pytest.mark.parametrize(
    ("version", "good"),
    [(ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_3, True)],
)
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
def test_versions(secure: Secure, version: ssl.TLSVersion, good: bool) -> None:
    if good:
        with shake(secure, version=version) as sock:
            assert sock.version() == version.name.replace("_", ".")
    else:
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            shake(secure, version=version)


def test_http_1_over_tls(secure: Secure) -> None:
    with shake(secure, protocols=("http/1.1",)) as sock:
        one = Line(sock, f"localhost:{secure.port}")
        one.request("/x", [("X-Forwarded-Proto", "http")])
        reply = one.read()
    assert (reply.header("x-forwarded-proto"), reply.header("x-forwarded-port")) == ("https", str(secure.port))
    assert reply.one("strict-transport-security") == "max-age=31536000"


def test_a_socket_over_tls(secure: Secure) -> None:
    with shake(secure, protocols=("http/1.1",)) as sock:
        one = Line(sock, "localhost")
        one.request("/x", SOCKET)
        assert one.read().status == 101
        one.send(b"echo")
        assert sock.recv(100) == b"echo"


def test_an_address_instead_of_a_name_finds_the_site(secure: Secure) -> None:
    """Such a URL names no host in its handshake."""
    with shake(secure, "127.0.0.1") as sock:
        one = Line(sock, f"127.0.0.1:{secure.port}")
        one.request("/x")
        assert one.read().status == 200
        one.request("/x", host="evil.example")
        assert one.read().status == 421


@pytest.mark.parametrize("name", ["evil.example", "xlocalhost", "localhost.evil.example"])
def test_a_foreign_name_gets_no_handshake(secure: Secure, name: str) -> None:
    with pytest.raises(ssl.SSLError, match=r"(?i)unrecognized.name"):
        shake(secure, name)


def test_a_foreign_host_after_a_good_handshake_is_refused(secure: Secure, wsgi: StubPool) -> None:
    with shake(secure) as sock:
        one = Line(sock, "evil.example")
        one.request("/x")
        assert one.read().status == 421
    assert wsgi.seen == []


def test_plain_http_is_sent_to_https(secure: Secure, wsgi: StubPool) -> None:
    reply = ask(secure.edge.port, "/x?a=1", method="POST", body=b"x")
    assert (reply.status, reply.one("location"), reply.one("strict-transport-security")) == (
        308,
        f"https://localhost:{secure.port}/x?a=1",
        None,
    )
    assert ask(secure.edge.port, "//evil.example/").status == 400
    assert ask(secure.edge.port, "/x", host="evil.example").status == 421
    assert wsgi.seen == []


def test_plain_http_on_the_port_of_tls_reaches_nothing(secure: Secure, wsgi: StubPool) -> None:
    assert ask(secure.port, "/x").status == 400
    assert wsgi.seen == []


def test_half_a_handshake_is_cut(secure: Secure) -> None:
    with line(secure.port) as silent, line(secure.port) as half:
        half.send(b"\x16\x03\x01\x02\x00")
        silent.bytes_until_closed()
        half.bytes_until_closed()


def over_tls(secure: Secure, *requests: tuple[list[tuple[str, str]], bytes]) -> list[Answered]:
    with shake(secure, protocols=("h2", "http/1.1")) as sock:
        assert sock.selected_alpn_protocol() == "h2"
        return over_h2(sock, *requests)


def get(
    secure: Secure, path: str, *headers: tuple[str, str], host: str | None = None, method: str = "GET"
) -> list[tuple[str, str]]:
    authority = host or f"localhost:{secure.port}"
    return [(":method", method), (":path", path), (":scheme", "https"), (":authority", authority), *headers]


def test_http_2_splits_refuses_and_overwrites_alike(secure: Secure, wsgi: StubPool, asgi: StubPool) -> None:
    wsgi.rules["/hopped"] = lambda seen: hop("@hop-asgi")
    page, stream, hopped, closed, odd, foreign = over_tls(
        secure,
        (get(secure, "/x", ("x-twinpool-hop", "view"), ("x-forwarded-for", "6.6.6.6")), b""),
        (get(secure, "/x", ("accept", "text/event-stream")), b""),
        (get(secure, "/hopped", method="POST"), b"b" * 10_000),
        (get(secure, "/-/metrics"), b""),
        (get(secure, "/a/../ws"), b""),
        (get(secure, "/x", host="evil.example"), b""),
    )
    assert [one.status for one in (page, stream, hopped, closed, odd, foreign)] == [200, 200, 200, 404, 400, 421]
    assert b'"pool": "wsgi"' in page.body
    assert b'"pool": "asgi"' in stream.body
    assert b'"length": 10000' in hopped.body
    first = wsgi.seen[0]
    assert (first.one("host"), first.one("x-forwarded-for"), first.one("x-twinpool-hop")) == (
        f"localhost:{secure.port}",
        "127.0.0.1",
        None,
    )
    assert page.headers["strict-transport-security"] == "max-age=31536000"


def test_http_2_knows_no_upgrade(secure: Secure, wsgi: StubPool, asgi: StubPool) -> None:
    over_tls(secure, (get(secure, "/x", ("upgrade", "websocket"), ("connection", "upgrade")), b""))
    assert [seen for seen in (*wsgi.seen, *asgi.seen) if seen.one("upgrade")] == []


def test_http_2_with_another_host_beside_the_authority(secure: Secure, wsgi: StubPool) -> None:
    over_tls(secure, (get(secure, "/x", ("host", "evil.example")), b""))
    assert [seen for seen in wsgi.seen if "evil" in (seen.one("host") or "")] == []


def test_http_2_without_tls_is_refused_where_it_is_off(edge: Edge, wsgi: StubPool) -> None:
    with line(edge.port) as one:
        one.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9))
        assert b" 400 " in one.bytes_until_closed()[:20]
    assert wsgi.seen == []


def test_a_project_may_say_its_own_hsts(secure: Secure, wsgi: StubPool) -> None:
    wsgi.rules["/x"] = lambda _: Answer(headers=(("Strict-Transport-Security", "max-age=5"),), body=b"x")
    wsgi.rules["/y"] = report
    own, none = over_tls(secure, (get(secure, "/x"), b""), (get(secure, "/y"), b""))
    assert (own.headers["strict-transport-security"], none.headers["strict-transport-security"]) == (
        "max-age=5",
        "max-age=31536000",
    )
