"""Projects that the kit has never seen deploy unchanged, and each view is answered by the pool it needs."""

import time
from collections.abc import Callable
from pathlib import Path

from holding import Holding

from .site import KIT, Site, certificate, free_port, run, serial


def test_a_project_of_undeclared_streams(make_site: Callable[..., Site]) -> None:
    site = make_site("streams", KIT / "tests" / "projects" / "streams")
    site.deploy()
    site.split("streams")
    site.make("down")


def test_tls_with_a_local_authority(make_site: Callable[..., Site]) -> None:
    tls = free_port()
    site = make_site("tls", KIT / "app", TLS="local", TLS_PORT=str(tls))
    told = site.deploy()
    assert f"https://localhost:{tls}" in told
    assert "HTTP/2" in told
    authority = site.folder / "tls" / "authority.pem"
    answer = run(
        "curl",
        "-sS",
        "--cacert",
        authority,
        "-o",
        "/dev/null",
        "-w",
        "%{http_version} %{http_code}",
        f"https://localhost:{tls}/accounts/login/",
    )
    assert answer.stdout == "2 200"
    site.suite("conformance", "--ca", str(authority), url=f"https://localhost:{tls}")


def test_a_certificate_that_is_given_and_replaced(make_site: Callable[..., Site], tmp_path: Path) -> None:
    """A new one is shown at the next handshake, and closes no socket; one that does not fit changes nothing."""
    tls = free_port()
    site = make_site("given", KIT / "app", TLS="given", TLS_PORT=str(tls), HOSTS="localhost")
    folder = site.project / "deploy" / "tls"

    done = site.make("deploy")
    assert done.returncode != 0
    assert "found no tls.crt and no tls.key in" in done.stdout
    certificate(folder, 1)
    site.deploy()
    assert serial(tls) == "serial=01"
    both = tmp_path / "both.pem"
    certificate(folder, 2)
    both.write_text((site.folder / "edge/tls/tls.crt").read_text() + (folder / "tls.crt").read_text())
    url, to = f"https://localhost:{tls}", ("--connect", f"127.0.0.1:{tls}", "--ca", both)
    held = Holding(tmp_path / "held", url, site.secret_file, *to)
    assert "The given certificate and its key are there" in site.deploy()
    for _ in range(50):
        if serial(tls) == "serial=02":
            break
        time.sleep(0.2)
    code, figures, told = held.end()
    assert serial(tls) == "serial=02"
    assert code == 0, told
    assert figures["sockets"]["codes"] == {}, told
    certificate(tmp_path / "other", 3)
    (folder / "tls.key").write_text((tmp_path / "other" / "tls.key").read_text())
    done = site.make("deploy", HOSTS="localhost,127.0.0.1")
    assert done.returncode != 0
    assert "does not belong to the key; it does not name 127.0.0.1" in done.stdout, done.stdout
    assert serial(tls) == "serial=02"
