"""The HTTP client, the event reader, the asset finder and the target by themselves."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from twinpool.hold import Answer, CannotRun, Client, Target, TransportError
from twinpool.hold.assets import assets, hashed
from twinpool.hold.held import FIRST_PAUSE, LONGEST_PAUSE, pause
from twinpool.hold.streams import Event, Events

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def asked(handler: Handler, ask: Callable[[Client], Awaitable[Answer]]) -> tuple[Answer, int]:
    """What a client gets from a server of this handler, and how many stale connections it met."""

    serving = set[asyncio.Task[None]]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        serving.add(task)
        try:
            await handler(reader, writer)
        except asyncio.IncompleteReadError:
            pass  # the client went, as it may
        finally:
            writer.transport.abort()

    async def story() -> tuple[Answer, int]:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        client = Client(Target("http", "shop.example", 80, "127.0.0.1", port))
        try:
            return await ask(client), client.stale
        finally:
            await client.close()
            server.close()
            await asyncio.gather(*serving)

    return asyncio.run(story())


def answering(*answers: bytes) -> Handler:
    """Answers the requests of each connection with these bytes, then closes it; b"" closes without a byte."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await writer.drain()
        writer.close()
        await writer.wait_closed()

    return handler


async def twice(client: Client) -> Answer:
    await client.get("/")
    return await client.request("POST", "/", body=b"x")


def test_a_reused_connection_that_closes_before_any_byte_is_retried_once() -> None:
    answer, stale = asked(answering(OK, b""), twice)
    assert (answer.status, answer.stale, stale) == (200, True, 1)


def test_a_fresh_connection_that_closes_before_any_byte_has_failed() -> None:
    with pytest.raises(TransportError, match="closed before an answer on a fresh connection"):
        asked(answering(b""), lambda client: client.get("/"))


@pytest.mark.parametrize("half", [b"HTTP/1.1 200 OK\r\nContent-Le", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"])
def test_a_reused_connection_that_closes_after_a_byte_has_failed(half: bytes) -> None:
    with pytest.raises(TransportError, match="closed in the middle of an answer"):
        asked(answering(OK, half), twice)


def test_an_early_refusal_is_read_while_the_body_is_still_being_sent() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        await reader.read(-1)

    answer, _ = asked(refuse, lambda client: client.request("POST", "/", body=bytes(20_000_000)))
    assert answer.status == 413


def test_a_silent_server_fails_in_bounded_time() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(-1)

    with pytest.raises(TransportError, match=r"no whole answer within 0\.1 s"):
        asked(silent, lambda client: client.request("GET", "/", seconds=0.1))


def test_nobody_there_is_said_so() -> None:
    async def story() -> None:
        with pytest.raises(TransportError, match="connection refused"):
            await Client(Target("http", "127.0.0.1", 9, "127.0.0.1", 9)).get("/")

    asyncio.run(story())


def test_the_host_header_is_the_urls_wherever_it_connects() -> None:
    seen = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(OK)
        await writer.drain()

    asked(handler, lambda client: client.get("/"))
    assert b"\r\nHost: shop.example\r\n" in seen[0]


def test_events_are_read_however_their_bytes_are_cut() -> None:
    text = ": hi\n\nretry: 1500\n\nevent: hello\r\ndata: {}\r\n\r\nid: 7\ndata: a\ndata: b\n\n"

    async def cut(size: int) -> tuple[list[Event], float]:
        async def chunks() -> AsyncIterator[bytes]:
            for start in range(0, len(text), size):
                yield text[start : start + size].encode()

        events = Events(chunks())
        return [event async for event in events], events.retry

    for size in range(1, len(text) + 1):
        assert asyncio.run(cut(size)) == ([Event("hello", "{}", None), Event("message", "a\nb", "7")], 1.5)


def test_assets_are_the_pages_own_ones() -> None:
    target = Target("http", "shop.example", 80, "127.0.0.1", 80)
    html = """<link rel="stylesheet" href="/static/a.css?v=1"><link rel="alternate" href="/feed">
        <script src=b.js></script>
        <img src="http://shop.example/c.png"><img src="//elsewhere.test/d.png"><img src="data:image/png;base64,AA">
        <script>inline()</script><img src="/static/a.css?v=1"><img src="/-/metrics"><img src="http://[bad/">"""
    assert assets("/news/", html, target) == ["/static/a.css?v=1", "/news/b.js", "/c.png"]


def test_hashed_names_are_known() -> None:
    assert hashed("/static/a.0123456789ab.css")
    assert hashed("/static/deadbeef.0123456789ab.css?x")
    assert not hashed("/static/0123456789ab.d/style.css")
    assert not hashed("/static/jquery-3.7.1.js")


def test_pauses_grow_with_full_jitter_to_a_bound() -> None:
    for failures in range(1, 60):
        drawn = [pause(failures) for _ in range(50)]
        assert 0 <= min(drawn) <= max(drawn) <= min(LONGEST_PAUSE, FIRST_PAUSE * 2**failures)
        assert len(set(drawn)) > 1


@pytest.mark.parametrize(
    ("url", "connect", "authority", "address"),
    [
        ("http://127.0.0.1:8080", None, "127.0.0.1:8080", ("127.0.0.1", 8080)),
        ("http://shop.example", "127.0.0.1:8080", "shop.example", ("127.0.0.1", 8080)),
        ("https://Shop.Example:8443/", "[::1]:443", "shop.example:8443", ("::1", 443)),
        ("https://[::1]:443", None, "[::1]", ("::1", 443)),
    ],
)
def test_targets(url: str, connect: str | None, authority: str, address: tuple[str, int]) -> None:
    target = Target.parse(url, connect)
    assert (target.authority, (target.connect_host, target.connect_port)) == (authority, address)


def test_an_https_site_whose_tls_ends_before_the_edge_is_asked_in_the_clear_under_its_own_origin() -> None:
    target = Target.parse("https://shop.example", "http://127.0.0.1:8080")
    assert (target.origin, target.authority, target.tls) == ("https://shop.example", "shop.example", None)
    assert (target.connect_host, target.connect_port) == ("127.0.0.1", 8080)


@pytest.mark.parametrize(
    ("url", "connect", "said"),
    [
        ("ftp://shop.example", None, "site's root"),
        ("http://127.0.0.1/shop/", None, "site's root"),
        ("http://127.0.0.1:99999", None, "usable port"),
        ("http://127.0.0.1", "127.0.0.1", "HOST:PORT"),
        ("http://8.8.8.8", None, "plain http"),
        ("https://shop.example", "http://8.8.8.8:80", "plain http"),
        ("http://no-such-host.invalid", None, "no address"),
    ],
)
def test_targets_that_are_refused(url: str, connect: str | None, said: str) -> None:
    with pytest.raises(CannotRun, match=said):
        Target.parse(url, connect)
