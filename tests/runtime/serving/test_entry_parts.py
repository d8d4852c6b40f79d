"""The small parts of the entry: origins, headers, arrivals, places, what is known of views, and health."""

import asyncio
import random
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twinpool import ask, log
from twinpool.environment import Environment
from twinpool.handover import arrival, middleware
from twinpool.handover.memory import Memory
from twinpool.handover.views import CHOOSES_URLCONF
from twinpool.pools import headers, health, origins
from twinpool.pools.admission import Places, Share
from twinpool.pools.health import Health, Local
from twinpool.probes import answers as probes
from twinpool.probes.log import KEPT
from twinpool.probes.log import Memory as MemoryLog


@pytest.mark.parametrize(
    ("hosts", "ports", "origin", "allowed"),
    [
        ("shop.test", "", "http://shop.test:1234", True),
        ("shop.test", "", "https://SHOP.test", True),
        ("shop.test", "", "http://shop.test.evil", False),
        ("shop.test", "80", "http://elsewhere.test:80@shop.test", False),
        ("shop.test", "80", "http://shop.test/elsewhere", False),
        ("shop.test", "8080", "http://shop.test:8080", True),
        ("shop.test", "8080", "http://shop.test", False),
        (".shop.test", "8080", "http://a.b.shop.test:8080", True),
        (".shop.test", "8080", "http://shop.test:8080", True),
        (".shop.test", "8080", "http://evilshop.test:8080", False),
        ("*", "8080", "https://anything.test", True),
        ("[::1]", "", "http://[::1]:5", True),
        ("shop.test", "80", "http://shop.test", True),
        ("shop.test", "", "null", False),
        ("shop.test", "", "file://shop.test", False),
        ("shop.test", "", "http://shop.test:port", False),
        ("shop.test", "", "http://[broken", False),
        ("shop.test", "", "", True),
    ],
)
def test_origins(hosts: str, ports: str, origin: str, allowed: bool) -> None:
    environment = Environment.from_environ({"TWINPOOL_HOSTS": hosts, "TWINPOOL_PORTS": ports})
    assert origins.allowed(origin, environment) is allowed


@given(st.text())
def test_no_origin_is_an_error(origin: str) -> None:
    assert origins.allowed(origin, Environment.from_environ({"TWINPOOL_HOSTS": "shop.test"})) is (origin == "")


@given(st.lists(st.sampled_from(["X-Accel-Redirect", "x-ACCEL-expires", " X-Accel-Buffering", "X-Kept", "Accel"])))
def test_accel_headers_are_dropped_in_any_case(names: list[str]) -> None:
    kept = [name for name in names if name in ("X-Kept", "Accel")]
    assert [name for name, _ in headers.passed((name, "1") for name in names)] == kept
    assert [name for name, _ in headers.passed((name.encode(), b"1") for name in names)] == [n.encode() for n in kept]


def test_both_pools_read_the_same_arrival() -> None:
    told = {"X-Real-IP": "203.0.113.9", "X-Forwarded-Proto": "https", "X-Twinpool-May-Hop": "yes", "X-Request-ID": "r"}
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/gr\xc3\xbcn",
        "QUERY_STRING": "a=1",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "10.0.0.1",
        **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in told.items()},
    }
    scope = {
        "method": "POST",
        "path": "/grün",
        "query_string": b"a=1",
        "http_version": "1.1",
        "client": ("10.0.0.1", 5),
        "headers": [(name.lower().encode(), value.encode()) for name, value in told.items()],
    }
    one, other = arrival.from_environ(environ), arrival.from_scope(scope)
    for name in (
        "method",
        "path",
        "query",
        "http_version",
        "remote",
        "scheme",
        "may_hop",
        "mark",
        "request_id",
        "safe",
    ):
        assert getattr(one, name) == getattr(other, name), name
    assert (one.remote, one.scheme, one.may_hop, one.mark, one.safe) == ("203.0.113.9", "https", True, "", False)
    assert one.argument("a") == "1"


@pytest.mark.parametrize(("threads", "share", "limit"), [(8, 0.5, 4), (1, 0.5, 1), (8, 0, 0), (8, 1, 8), (3, 0.5, 1)])
def test_a_share_of_the_threads(threads: int, share: float, limit: int) -> None:
    places = Share(threads, share)
    assert [places.take() for _ in range(limit + 2)] == [True] * limit + [False] * 2
    if limit:
        places.leave()
        assert places.take()


def test_a_place_is_waited_for_and_left_once() -> None:
    async def visit() -> None:
        places = Places(1, wait=0.05)
        place = await places.take()
        assert place is not None
        assert await places.take() is None
        waiting = asyncio.create_task(places.take())
        await asyncio.sleep(0)
        place.leave()
        place.leave()
        assert await waiting is not None
        assert places.taken == 1

    asyncio.run(visit())


def test_what_one_process_learns_the_others_know(tmp_path: Path) -> None:
    one, other = Memory(tmp_path / "streams"), Memory(tmp_path / "streams")
    assert not other.streams("shop.chat chat")
    assert one.remember_stream("shop.chat chat")
    assert not one.remember_stream("shop.chat chat")
    assert other.streams("shop.chat chat")
    assert not other.streams("shop.chat")


def test_a_memory_without_a_file_is_the_process_s_own(tmp_path: Path) -> None:
    alone = Memory(tmp_path / "no" / "such" / "folder")
    assert alone.remember_stream("view")
    assert alone.streams("view")


@pytest.mark.parametrize(
    ("source", "chooses"),
    [
        ("    request.urlconf = 'partner.urls'", True),
        ("        setattr(request, 'urlconf', found)", True),
        ("set_urlconf(found)", True),
        ("urlconf = getattr(request, 'urlconf', None)", False),
        ("if request.urlconf == 'partner.urls':", False),
        ("get_urlconf()", False),
    ],
)
def test_a_middleware_that_chooses_the_urlconf_is_seen(source: str, chooses: bool) -> None:
    assert bool(CHOOSES_URLCONF.search(source)) is chooses


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return Environment.from_environ({"TWINPOOL_RUN": str(tmp_path), "TWINPOOL_RELEASE": "r42"})


def test_ready_waits_for_what_it_depends_on_once_and_is_degraded_later(environment: Environment) -> None:
    wrong = {"database": "refused", "migrations": "shop.0002 not applied yet"}
    here = Health(environment, lambda: dict(wrong))
    assert here.report(Local())[0] == 503
    here.look()
    status, said = here.report(Local())
    assert (status, said["state"]) == (503, "starting")
    assert said["degraded"] == ["database: refused", "migrations: shop.0002 not applied yet"]
    wrong.clear()
    here.look()
    assert here.report(Local())[0] == 200
    wrong.update({"channel layer": "gone", "migrations": "shop.0003 of the next release"})
    here.look()
    status, said = here.report(Local())
    assert (status, said["ready"], said["degraded"]) == (200, True, ["channel layer: gone"])


@pytest.mark.parametrize(
    "local", [Local(state="leaving"), Local(state="draining"), Local(full=True), Local(lag=health.LAG_SECONDS * 2)]
)
def test_local_facts_take_a_process_out_of_rotation(environment: Environment, local: Local) -> None:
    here = Health(environment, dict)
    here.look()
    assert here.report(Local())[0] == 200
    status, said = here.report(local)
    assert (status, said["ready"]) == (503, False)
    assert said["draining"] is (local.state != "serving")


def test_a_dependency_that_does_not_answer_is_seen(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    go = threading.Event()

    def hang() -> dict[str, str]:
        go.wait(20)
        return {}

    here = Health(environment, hang)
    monkeypatch.setattr(health, "SILENT_SECONDS", 0.05)
    looking = threading.Thread(target=here.look)
    looking.start()
    time.sleep(0.2)
    assert [one for one in here.degraded() if one.startswith("dependencies: no answer")]
    go.set()
    looking.join()


def test_migrations_are_waited_for_in_bounds(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "MIGRATION_SECONDS", 0.1)
    monkeypatch.setattr(health, "FIRST_SECONDS", 0.01)
    here = Health(environment, lambda: {"migrations": "shop.0002 not applied yet"})
    here.watch()
    assert here.sign.reason() == "waited 0.1 s for shop.0002 not applied yet; run `twinpool migrate`"


def test_an_async_stream_flows_in_a_thread_and_is_closed() -> None:
    closed = []

    async def endless() -> AsyncIterator[bytes]:
        try:
            n = 0
            while True:
                await asyncio.sleep(0)
                yield b"%d" % n
                n += 1
        finally:
            closed.append(True)

    stream = middleware.in_thread(endless())
    assert [next(stream) for _ in range(3)] == [b"0", b"1", b"2"]
    stream.close()  # type: ignore[attr-defined]
    assert closed == [True]

    async def short() -> AsyncIterator[bytes]:
        yield b"all"

    assert list(middleware.in_thread(short())) == [b"all"]


def test_the_middleware_lets_a_project_alone_that_runs_without_the_runtime() -> None:
    class Request:
        environ: dict[str, Any] = {}  # noqa: RUF012
        resolver_match = None

    made = middleware.confirm(lambda request: "answer")
    assert made(Request()) == "answer"
    assert made.process_view(Request(), None, (), {}) is None


def test_the_probe_s_log_keeps_the_last_thousand() -> None:
    kept = MemoryLog()
    numbers = [kept.publish(f"text {n}") for n in range(KEPT + 5)]
    assert numbers == list(range(1, KEPT + 6))
    messages, last = kept.since(numbers[-3])
    assert ([message["n"] for message in messages], last) == (numbers[-2:], numbers[-1])
    assert len(kept.since(0)[0]) == KEPT


def test_a_secret_file_that_is_missing_or_empty_opens_nothing(tmp_path: Path, environment: Environment) -> None:
    (tmp_path / "empty").write_text("\n")
    for variables in (
        {},
        {"TWINPOOL_PROBE_SECRET_FILE": "/no/such"},
        {"TWINPOOL_PROBE_SECRET_FILE": f"{tmp_path}/empty"},
    ):
        closed = probes.Probes(environment, MemoryLog, probes.secret_of(variables))
        came = arrival.from_environ({"REQUEST_METHOD": "GET", "PATH_INFO": "/-/probe/who", "HTTP_X_TWINPOOL_PROBE": ""})
        assert closed.answer(came, bytes) is None


def test_the_log_says_which_request(capfd: pytest.CaptureFixture[str]) -> None:
    import logging

    token = log.request_id.set("req-7")
    try:
        line = log.Line().format(
            logging.LogRecord("twinpool.x", logging.WARNING, "", 1, "what %s", ("happened",), None)
        )
    finally:
        log.request_id.reset(token)
    assert line.endswith("WARNING twinpool.x [req-7] what happened")


def test_said_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    what = f"a thing {random.random()}"
    assert [log.seldom(what) for _ in range(3)] == [True, False, False]
    monkeypatch.setattr(log, "SELDOM_SECONDS", 0.0)
    assert log.seldom(what)


def test_asking_nobody_is_said(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    from ..servers import free_port

    monkeypatch.setenv("TWINPOOL_LISTEN", str(free_port()))
    assert ask.main(["/-/ready"]) == 1
    assert "nothing answered on port" in capfd.readouterr().err
    assert ask.main([]) == 2


def test_one_pool_has_nowhere_to_hand_over(environment: Environment) -> None:
    alone = replace(environment, pools="wsgi")
    headers = {"HTTP_X_TWINPOOL_PROBE": "s", "HTTP_X_TWINPOOL_MAY_HOP": "yes"}
    came = arrival.from_environ(
        {"REQUEST_METHOD": "POST", "PATH_INFO": "/-/probe/body", "QUERY_STRING": "hop=1", **headers}
    )
    for told, status_and_hop in ((alone, False), (environment, True)):
        made = probes.Probes(told, MemoryLog, b"s").answer(came, lambda: b"body")
        assert made is not None
        assert any(name == "X-Accel-Redirect" for name, _ in made.headers) is status_and_hop
