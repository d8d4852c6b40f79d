"""Projects that the kit has never seen deploy unchanged, and each view is answered by the pool it needs."""

from collections.abc import Callable

from .site import KIT, Site, free_port, run


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
