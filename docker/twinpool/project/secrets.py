"""Secrets from mounted files into the environment of a process that imports the settings. Called by project.load."""

from collections.abc import MutableMapping
from pathlib import Path

from twinpool.environment import BadValue, Environment

# These are read wherever their file lies; any other NAME_FILE only below SECRETS, since many programs know such names
# (SSL_CERT_FILE, PGPASSFILE) and mean the path itself.
KNOWN = ("SECRET_KEY", "DATABASE_URL", "MIGRATE_DATABASE_URL", "REDIS_URL")
SECRETS = Path("/run/secrets")
# ENV_X of a project's twinpool.env is X to the project; Kubernetes hands the file over as it is, under a prefix.
OWN = "TWINPOOL_ENV_"
# Settings files read these with and without the prefix.
ALIASED = ("SECRET_KEY", "DATABASE_URL", "REDIS_URL", "ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS")
# Goes into no environment: children and crash reports would inherit it. probes.py reads its file.
NEVER = "TWINPOOL_PROBE_SECRET"


def export(environment: Environment, environ: MutableMapping[str, str], secrets: Path = SECRETS) -> None:
    """Put each NAME_FILE's text under NAME, and the common names under their DJANGO_ spelling too.

    A name that is set already (and not empty) is never overwritten.
    Raises BadValue where a known file cannot be read or is empty.
    """
    for variable in [name for name in environ if name.startswith(OWN)]:
        environ.setdefault(variable.removeprefix(OWN), environ[variable])
    for variable in [name for name in environ if name.endswith("_FILE")]:
        name = variable.removesuffix("_FILE")
        path = Path(environ[variable])
        if name == NEVER or not environ[variable] or not (name in KNOWN or _below(path, secrets)):
            continue
        if not environ.get(name):
            environ[name] = _text(variable, path)
    computed = {
        "ALLOWED_HOSTS": ",".join(environment.hosts),
        "CSRF_TRUSTED_ORIGINS": ",".join(environment.trusted_origins),
    }
    for name in ALIASED:
        value = environ.get(name) or environ.get(f"DJANGO_{name}") or computed.get(name)
        for spelling in (name, f"DJANGO_{name}"):
            if value and not environ.get(spelling):
                environ[spelling] = value


def _below(path: Path, folder: Path) -> bool:
    return path.is_file() and path.resolve().is_relative_to(folder.resolve())


def _text(variable: str, path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8").strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise BadValue(
            f"{variable} names {path}, which cannot be read ({reason}); mount it readable or unset it."
        ) from None
    if not text.strip():
        raise BadValue(f"{variable} names {path}, which is empty; write the secret into it or unset the variable.")
    return text
