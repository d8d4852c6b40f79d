"""A whole hold against a fake deployment: a drain as it should be is green, each fault is red with its own reason."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from twinpool.hold import CannotRun, Options, Report, hold, judge
from twinpool.hold.receipt import receipt

from .fake_deployment import SECRET, FakeDeployment, deployed

Deploy = Callable[[FakeDeployment], Awaitable[None]]
SOCKETS, STREAMS = 12, 3


@pytest.fixture
def short_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients that lack something are waited for at the end; where they lack it for good, not for 20 seconds."""
    monkeypatch.setattr("twinpool.hold.phases.SETTLE_SECONDS", 3)


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    file = tmp_path / "probe"
    file.write_text(SECRET + "\n")
    return file


def held(secret_file: Path, deploy: Deploy, before: Deploy | None = None, window: float = 1) -> Report:
    """Holds a fake deployment while `deploy` happens to it; `before` is done to it before the hold begins."""

    async def story() -> Report:
        async with deployed() as site:
            if before:
                await before(site)
            stop, ready = asyncio.Event(), asyncio.Event()
            options = Options(
                site.url, secret_file, sockets=SOCKETS, streams=STREAMS, rate=40, window=window, seconds=60
            )
            holding = asyncio.create_task(hold(options, stop, ready.set))
            waiting = asyncio.create_task(ready.wait())
            await asyncio.wait([holding, waiting], return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            if not holding.done():
                await deploy(site)
                stop.set()
            return await holding

    return asyncio.run(story())


async def nothing(site: FakeDeployment) -> None:
    await asyncio.sleep(0.3)


async def good_deploy(site: FakeDeployment) -> None:
    site.release = "r2"
    await site.close_spread(1.5)
    await asyncio.sleep(0.5)


def test_a_drain_as_it_should_be_is_green(secret_file: Path) -> None:
    report = held(secret_file, good_deploy)
    assert judge(report) == []
    assert report.sockets.codes == {"1012": SOCKETS}
    assert report.sockets.moved == report.sockets.first_try == report.sockets.back == SOCKETS
    assert report.streams.codes == {"ended": STREAMS}
    assert report.streams.back == STREAMS
    assert report.releases == {"wsgi": ["r1", "r2"], "asgi": ["r1", "r2"]}
    assert report.published > 3
    assert report.answered > 40
    assert report.assets > 0
    assert report.stale == 0


def test_nothing_that_moves_is_green(secret_file: Path) -> None:
    report = held(secret_file, nothing)
    assert judge(report) == []
    assert report.sockets.moved == report.streams.moved == 0


def test_all_sockets_closed_at_once_is_red(secret_file: Path) -> None:
    async def at_once(site: FakeDeployment) -> None:
        await site.close_spread(0)

    [reason] = judge(held(secret_file, at_once, window=60))
    assert f"{SOCKETS} closes within" in reason
    assert "window of 60 s" in reason


def test_sockets_that_end_without_a_close_frame_are_red(secret_file: Path) -> None:
    async def cut(site: FakeDeployment) -> None:
        for socket in list(site.sockets)[:2]:
            socket.writer.transport.abort()

    report = held(secret_file, cut)
    assert judge(report) == ["sockets closed with 1006 (no close frame) x2 instead of 1012"]
    assert report.sockets.first_try == 2


def test_another_close_code_is_red(secret_file: Path) -> None:
    async def going_away(site: FakeDeployment) -> None:
        await site.close_spread(1, code=1001)

    assert judge(held(secret_file, going_away)) == [f"sockets closed with 1001 x{SOCKETS} instead of 1012"]


@pytest.mark.usefixtures("short_end")
def test_a_lost_message_is_red_for_each_client_that_lacks_it(secret_file: Path) -> None:
    async def lose(site: FakeDeployment) -> None:
        site.forget.add(site.numbers + 1)
        await asyncio.sleep(0.6)

    report = held(secret_file, lose)
    assert report.lost == SOCKETS + STREAMS
    assert judge(report) == [f"{SOCKETS + STREAMS} messages lost by {SOCKETS + STREAMS} clients"]


def test_a_message_published_while_a_socket_is_away_is_resumed(secret_file: Path) -> None:
    async def away(site: FakeDeployment) -> None:
        site.refuse_sockets = 2
        [socket, *_] = site.sockets
        socket.close(1012)
        site.publish()
        await asyncio.sleep(1)

    report = held(secret_file, away)
    assert judge(report) == []
    assert report.sockets.back == 1
    assert report.sockets.first_try == 0
    assert report.sockets.refusals == {"handshake answered 503": 2}


def test_a_failed_request_is_red_with_its_status(secret_file: Path) -> None:
    async def fail(site: FakeDeployment) -> None:
        site.answers["/-/probe/who"] = 502
        await asyncio.sleep(0.5)
        site.answers.clear()

    [reason] = judge(held(secret_file, fail))
    assert "GET who answered 502" in reason


def test_an_answer_that_ends_in_the_middle_is_failed(secret_file: Path) -> None:
    async def cut(site: FakeDeployment) -> None:
        site.cut_answers = 1
        await asyncio.sleep(0.5)

    report = held(secret_file, cut)
    assert report.failed == 1
    assert "closed in the middle of an answer" in next(iter(report.failures))
    assert report.stale == 0


def test_a_kept_connection_that_was_closed_is_stale_not_failed(secret_file: Path) -> None:
    async def close_kept(site: FakeDeployment) -> None:
        site.stale = 3
        await asyncio.sleep(1)

    report = held(secret_file, close_kept)
    assert judge(report) == []
    assert report.stale == 3


def test_an_asset_that_the_new_page_names_and_nobody_has_is_red(secret_file: Path) -> None:
    async def forget(site: FakeDeployment) -> None:
        site.page = '<script src="/static/c.js"></script>'
        site.answers["/static/c.js"] = 404
        await asyncio.sleep(0.1)

    assert judge(held(secret_file, forget)) == ["1 assets missing (/static/c.js answered 404)"]


def test_a_hashed_asset_of_the_old_page_has_to_stay(secret_file: Path) -> None:
    async def drop_old(site: FakeDeployment) -> None:
        site.page = "<p>no assets at all</p>"
        site.answers |= {"/static/a.0123456789ab.css": 404, "/static/b.js": 404}

    assert judge(held(secret_file, drop_old)) == ["1 assets missing (/static/a.0123456789ab.css answered 404)"]


def test_what_was_broken_before_is_not_the_deploys_fault_but_said(secret_file: Path) -> None:
    async def broken(site: FakeDeployment) -> None:
        site.answers |= {"/static/b.js": 404, "/": 500}

    report = held(secret_file, nothing, before=broken)
    assert judge(report) == []
    assert "BROKEN: / 500" in receipt(report)


def test_assets_of_a_page_that_works_only_now_are_measured_now(secret_file: Path) -> None:
    async def broken(site: FakeDeployment) -> None:
        site.answers |= {"/static/b.js": 404, "/": 500}

    async def mended(site: FakeDeployment) -> None:
        del site.answers["/"]

    report = held(secret_file, mended, before=broken)
    assert judge(report) == []
    assert "BROKEN, and so before: /static/b.js" in receipt(report)
    assert "BROKEN: /" not in receipt(report)


def test_a_page_that_gets_worse_is_red(secret_file: Path) -> None:
    async def worse(site: FakeDeployment) -> None:
        site.answers["/"] = 500

    [reason] = judge(held(secret_file, worse))
    assert "GET / answered 500, 200 before" in reason


def test_a_stream_cut_in_the_middle_is_red(secret_file: Path) -> None:
    async def cut(site: FakeDeployment) -> None:
        next(iter(site.streams)).writer.transport.abort()

    assert judge(held(secret_file, cut)) == ["streams cut x1"]


@pytest.mark.usefixtures("short_end")
def test_numbers_that_begin_again_are_red(secret_file: Path) -> None:
    async def forget(site: FakeDeployment) -> None:
        site.numbers = 0
        await asyncio.sleep(0.6)

    assert any("began again" in reason for reason in judge(held(secret_file, forget)))


def test_one_pool_without_sockets_is_held_by_requests_alone(secret_file: Path) -> None:
    async def wsgi_only(site: FakeDeployment) -> None:
        site.pools = ("wsgi", "wsgi")

    report = held(secret_file, nothing, before=wsgi_only)
    assert judge(report) == []
    assert report.sockets.held == report.streams.held == report.published == 0
    assert report.answered > 0


def test_a_url_that_does_not_know_the_secret_is_not_held(secret_file: Path) -> None:
    secret_file.write_text("another one")
    with pytest.raises(CannotRun, match="does not prove the probe secret: GET who answered 404"):
        held(secret_file, nothing)


def test_a_layer_that_was_broken_before_is_not_blamed_on_the_deploy(
    secret_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def deaf(site: FakeDeployment) -> None:
        site.deaf = True

    monkeypatch.setattr("twinpool.hold.phases.DELIVER_SECONDS", 0.2)
    with pytest.raises(CannotRun, match=f"did not reach {SOCKETS + STREAMS} of {SOCKETS + STREAMS} clients"):
        held(secret_file, nothing, before=deaf)


@pytest.mark.usefixtures("short_end")
def test_sockets_that_never_come_back_are_red(secret_file: Path) -> None:
    async def full(site: FakeDeployment) -> None:
        site.refuse_sockets = 1000
        next(iter(site.sockets)).close(1012)

    reasons = judge(held(secret_file, full))
    assert any("1 sockets did not come back (handshake answered 503" in reason for reason in reasons)


def test_a_page_that_hung_before_holds_nothing_up(secret_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hung(site: FakeDeployment) -> None:
        site.hang.add("/")

    async def mended(site: FakeDeployment) -> None:
        site.hang.clear()

    monkeypatch.setattr("twinpool.hold.pages.WHOLE_SECONDS", 0.5)
    assert judge(held(secret_file, mended, before=hung)) == []


def test_pages_that_hang_at_the_end_are_red_in_bounded_time(secret_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hung(site: FakeDeployment) -> None:
        monkeypatch.setattr("twinpool.hold.pages.WHOLE_SECONDS", 0.5)
        site.hang.add("/")

    [reason] = judge(held(secret_file, hung))
    assert "pages and assets took more than 0.5 s at the end" in reason
