"""Package index and authorities of a host: what its pip knows reaches uv and the builds."""

import sys
from pathlib import Path

import index
import pytest


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host with a pip of its own settings and a bundle of authorities, and no variable that says otherwise."""
    (tmp_path / "bundle.pem").touch()
    (tmp_path / "pip.conf").write_text(
        "[global]\nindex-url = https://index.example/simple\nextra-index-url =\n  https://a.example/\n  https://b.example/\n"
        f"cert = {tmp_path}/bundle.pem\n"
    )
    for name in (*index.CERTIFICATES, "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "UV_INDEX", "UV_DEFAULT_INDEX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    return tmp_path


def test_what_pip_knows_reaches_uv(host: Path) -> None:
    told = index.of_this_machine(sys.executable).environment()
    assert told["UV_DEFAULT_INDEX"] == "https://index.example/simple"
    assert told["UV_INDEX"].split() == ["https://a.example/", "https://b.example/"]
    assert told["SSL_CERT_FILE"] == str(host / "bundle.pem")


def test_a_variable_of_uv_wins(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://other.example/")
    assert "UV_DEFAULT_INDEX" not in index.of_this_machine(sys.executable).environment()


def test_builds_get_the_same_in_files_that_are_never_empty(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = index.of_this_machine(sys.executable)
    for url in ("https://index.example/simple", "https://a.example/", "https://b.example/"):
        assert url in here.pip_conf()
        assert f'url = "{url}"' in here.uv_toml()
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    plain = index.of_this_machine(sys.executable)
    assert plain.pip_conf() == "[global]\n"
    assert plain.uv_toml().strip() != ""
