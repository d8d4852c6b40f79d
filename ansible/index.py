"""Where this machine takes Python packages from, and whom it trusts: what its pip says, for uv and for builds.

Read by install.py, on the host's own Python, and by plugins/action/image.py.
"""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
CERTIFICATES = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@dataclass(frozen=True)
class Index:
    first: str  # empty: PyPI
    more: tuple[str, ...]
    certificates: str  # bundle of authorities, so that it works behind a company's proxy; empty where there is none

    def environment(self) -> dict[str, str]:
        """The same in uv's words, which reads nothing of pip's; a variable of uv's own that is set already wins."""
        told = {
            "UV_SYSTEM_CERTS": "1" if self.certificates else "",
            "SSL_CERT_FILE": self.certificates,
            "UV_DEFAULT_INDEX": self.first,
            "UV_INDEX": " ".join(self.more),
        }
        return {name: value for name, value in told.items() if value and name not in os.environ}

    def pip_conf(self) -> str:
        """Never empty: a file without a line is not mounted at all."""
        lines = [f"index-url = {self.first}"] if self.first else []
        return "\n".join(["[global]", *lines, *(f"extra-index-url = {url}" for url in self.more)]) + "\n"

    def uv_toml(self) -> str:
        tables = [f'[[index]]\nurl = "{url}"' for url in self.more]
        tables += [f'[[index]]\nurl = "{self.first}"\ndefault = true'] if self.first else []
        return "\n".join(["# The host's package index.", *tables]) + "\n"


def of_this_machine(python: str) -> Index:
    """What the pip of that interpreter would use: its files and its variables."""
    asked = subprocess.run([python, "-m", "pip", "config", "list"], check=False, capture_output=True, text=True)
    told = dict(line.partition("=")[::2] for line in asked.stdout.splitlines())
    found = {name.rpartition(".")[2]: value.strip("'\"") for name, value in told.items()}
    given = [*(os.environ.get(name, "") for name in CERTIFICATES), found.get("cert", "")]
    return Index(
        found.get("index-url", ""),
        tuple(found.get("extra-index-url", "").replace("\\n", " ").split()),
        next((path for path in [*given, BUNDLE] if Path(path).is_file()), ""),
    )
