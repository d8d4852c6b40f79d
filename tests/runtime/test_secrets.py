"""secrets: files into the environment, under the names that settings files read."""

from pathlib import Path

import pytest
from twinpool.environment import BadValue, Environment
from twinpool.project import secrets


def exported(environ: dict[str, str], folder: Path = secrets.SECRETS) -> dict[str, str]:
    secrets.export(Environment.from_environ(environ), environ, folder)
    return environ


def test_a_known_secret_is_read_wherever_it_lies_and_under_both_names(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("s3cret\n")
    environ = exported({"SECRET_KEY_FILE": str(tmp_path / "key")})
    assert environ["SECRET_KEY"] == environ["DJANGO_SECRET_KEY"] == "s3cret"


def test_a_name_that_is_set_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from the file")
    environ = exported({"SECRET_KEY_FILE": str(tmp_path / "key"), "SECRET_KEY": "told", "DJANGO_SECRET_KEY": "other"})
    assert (environ["SECRET_KEY"], environ["DJANGO_SECRET_KEY"]) == ("told", "other")


def test_another_name_is_read_only_below_the_secrets_folder(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    folder.mkdir()
    (folder / "mail").write_text("inside")
    (tmp_path / "ca.pem").write_text("outside")
    environ = exported({"MAIL_PASSWORD_FILE": str(folder / "mail"), "SSL_CERT_FILE": str(tmp_path / "ca.pem")}, folder)
    assert environ["MAIL_PASSWORD"] == "inside"
    assert "SSL_CERT" not in environ


def test_a_link_out_of_the_secrets_folder_is_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    folder.mkdir()
    (tmp_path / "elsewhere").write_text("text")
    (folder / "link").symlink_to(tmp_path / "elsewhere")
    assert "THING" not in exported({"THING_FILE": str(folder / "link")}, folder)


def test_the_probe_secret_goes_into_no_environment(tmp_path: Path) -> None:
    (tmp_path / "probe").write_text("probe")
    environ = exported({"TWINPOOL_PROBE_SECRET_FILE": str(tmp_path / "probe")}, tmp_path)
    assert "probe" not in environ.values()


def test_hosts_and_origins_come_from_the_deployments_own_variables() -> None:
    environ = exported({"TWINPOOL_HOSTS": "a.test,b.test", "TWINPOOL_PORTS": "8080"})
    assert environ["ALLOWED_HOSTS"] == environ["DJANGO_ALLOWED_HOSTS"] == "a.test,b.test"
    assert environ["DJANGO_CSRF_TRUSTED_ORIGINS"] == "http://a.test:8080,http://b.test:8080"


def test_a_file_that_is_missing_or_empty_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(BadValue, match=r"REDIS_URL_FILE names .*/gone, which cannot be read \(No such file"):
        exported({"REDIS_URL_FILE": str(tmp_path / "gone")})
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(BadValue, match=r"DATABASE_URL_FILE names .*/empty, which is empty"):
        exported({"DATABASE_URL_FILE": str(tmp_path / "empty")})
