"""environment: what a container is told, and how a bad value is refused."""

from pathlib import Path

import pytest
from twinpool.environment import BadValue, Environment


def read(**variables: str) -> Environment:
    return Environment.from_environ({f"TWINPOOL_{name}": value for name, value in variables.items()})


def test_defaults_stand_where_nothing_is_set() -> None:
    told = read()
    assert (told.pool, told.pools, told.overlay, told.scheme) == (None, "both", True, "http")
    assert told.hosts == ("localhost", "127.0.0.1")
    assert (told.project, told.static, told.run) == (Path("/app"), Path("/srv/static"), Path("/run/twinpool"))
    assert (told.drain_window, told.socket_age) == (30, 0)
    assert told.given == frozenset()


def test_an_empty_variable_counts_as_not_set() -> None:
    told = read(HOSTS="", WORKERS=" ", POOL="")
    assert told == read()
    assert not told.is_set("HOSTS")


def test_values_are_read_by_their_kind() -> None:
    told = read(POOL="asgi", HOSTS="a.test, b.test", PORTS="80,8443", SYNC_STREAMS="0.25", OVERLAY="off", DB_POOL="3")
    assert (told.pool, told.hosts, told.ports) == ("asgi", ("a.test", "b.test"), (80, 8443))
    assert (told.sync_streams, told.overlay, told.db_pool) == (0.25, False, 3)
    assert told.is_set("PORTS")
    assert not told.is_set("SCHEME")


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"POOLS": "three"}, "TWINPOOL_POOLS is 'three'; it takes both or wsgi or asgi."),
        ({"WORKERS": "0"}, "TWINPOOL_WORKERS is '0'; it takes a whole number from 1 up."),
        ({"WORKERS": "2.5"}, "TWINPOOL_WORKERS is '2.5'; it takes a whole number from 1 up."),
        ({"SYNC_STREAMS": "1.5"}, "TWINPOOL_SYNC_STREAMS is '1.5'; it takes a number from 0 to 1."),
        ({"DRAIN_WINDOW": "nan"}, "TWINPOOL_DRAIN_WINDOW is 'nan'"),
        ({"SOCKET_AGE": "-1"}, "TWINPOOL_SOCKET_AGE is '-1'; it takes a number from 0 to 1e+06."),
        ({"PORTS": "80,https"}, "TWINPOOL_PORTS holds 'https'; a port is a number from 1 to 65535."),
        ({"LISTEN": "70000"}, "TWINPOOL_LISTEN holds '70000'"),
        ({"ORIGINS": "shop.test"}, "TWINPOOL_ORIGINS holds 'shop.test'; it takes origins such as"),
        ({"ORIGINS": "https://shop.test/path"}, "TWINPOOL_ORIGINS holds"),
    ],
)
def test_a_bad_value_is_named_with_what_it_may_be(variables: dict[str, str], said: str) -> None:
    with pytest.raises(BadValue) as refused:
        read(**variables)
    assert said in str(refused.value)


def test_origins_are_each_host_at_each_public_port() -> None:
    told = read(HOSTS="shop.test,127.0.0.1", SCHEME="https", PORTS="443,8443", ORIGINS="https://partner.test")
    assert told.trusted_origins == (
        "https://shop.test",
        "https://shop.test:8443",
        "https://127.0.0.1",
        "https://127.0.0.1:8443",
        "https://partner.test",
    )


def test_origins_of_subdomains_are_in_djangos_spelling_and_a_star_trusts_nobody() -> None:
    assert read(HOSTS=".shop.test,*").trusted_origins == ("http://*.shop.test",)


def test_behind_a_proxy_that_ends_tls_the_origin_is_https_on_its_own_port() -> None:
    """As k8s/components/ingress has it, over the ports of k8s/base/settings.env."""
    told = read(HOSTS="shop.test", SCHEME="https", PORT="80", TLS_PORT="443")
    assert told.trusted_origins == ("https://shop.test",)
