"""Ansible action `image`: stages one context folder, and builds an image from it unless that very image exists.

Runs on the machine that types the command. The tag is a hash of everything that goes in, so an image that exists is
the right one, a change of one file is noticed, and two sites share what is the same.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.utils.display import Display

from ansible.plugins.action import ActionBase

CERTIFICATES = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
NEVER = {".git", ".venv", "venv", "node_modules", "__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache"}
LINE = re.compile(r"#(\d+) (.+)")
DEPENDENCIES = ("*requirements*.txt", "*constraints*.txt", "requirements/**/*.txt", "pyproject.toml", "uv.lock")
display = Display()


class ActionModule(ActionBase):
    """Arguments: name, dockerfile, context {place in the context: source}, args {build argument: value}, network (bool).

    A source that ends in `/.` is a project: only its files that git knows or would add are staged, without deploy/.
    """

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        given = self._task.args
        started = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="twinpool-") as folder:
            context = Path(folder)
            for place, source in given.get("context", {}).items():
                stage(Path(source), context / place, project=str(source).endswith("/."))
            if project := given.get("project"):
                stage_project(Path(project), context)
            dockerfile = Path(given["dockerfile"])
            tag = f"{given['name']}:{fingerprint(context, dockerfile, given.get('args', {}))}"
            if exists(tag):
                return {"changed": False, "image": tag}
            if task_vars and self._task.check_mode:
                return {"changed": True, "image": tag}
            display.display(f"           building {tag}")
            build(tag, dockerfile, context, given.get("args", {}))
        return {"changed": True, "image": tag, "seconds": round(time.monotonic() - started, 1)}


def stage(source: Path, place: Path, *, project: bool = False) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    if not source.is_dir():
        shutil.copy2(source, place)
        return
    for relative in sorted(project_files(source) if project else plain_files(source)):
        target = place / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source / relative, target, follow_symlinks=False)
    place.mkdir(exist_ok=True)


def stage_project(project: Path, context: Path) -> None:
    """project/ for the code, dependencies/ for what names them, packages.txt for Debian packages."""
    stage(project, context / "project", project=True)
    (context / "dependencies").mkdir()
    for pattern in DEPENDENCIES:
        for found in project.glob(pattern):
            stage(found, context / "dependencies" / found.relative_to(project))
    packages = project / "deploy" / "packages.txt"
    lines = packages.read_text().splitlines() if packages.is_file() else []
    (context / "packages.txt").write_text(
        "".join(f"{name}\n" for line in lines if (name := line.partition("#")[0].strip()))
    )


def plain_files(folder: Path) -> Iterator[Path]:
    for root, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in NEVER and not name.endswith(".egg-info")]
        for name in files:
            if not name.endswith(".pyc"):
                yield (Path(root) / name).relative_to(folder)


def project_files(folder: Path) -> Iterator[Path]:
    """What git tracks or would add; without git, all but the usual litter. deploy/ is the kit's business, not the image's."""
    command = ["git", "-C", str(folder), "ls-files", "-z", "--cached", "--others", "--exclude-standard", "."]
    listed = subprocess.run(command, check=False, capture_output=True, text=True)
    names = (
        [Path(name) for name in listed.stdout.split("\0") if name] if listed.returncode == 0 else plain_files(folder)
    )
    for name in names:
        if name.parts[0] != "deploy" and not NEVER & set(name.parts) and (folder / name).exists():
            yield name


def fingerprint(context: Path, dockerfile: Path, args: dict[str, str]) -> str:
    """12 hex digits over names, modes and contents of the context, the Dockerfile and the arguments."""
    digest = hashlib.sha256(dockerfile.read_bytes())
    digest.update(repr(sorted(args.items())).encode())
    for path in sorted(context.rglob("*")):
        digest.update(f"\0{path.relative_to(context)}\0{path.is_dir()}{os.access(path, os.X_OK)}\0".encode())
        if path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def exists(image: str) -> bool:
    return subprocess.run(["docker", "image", "inspect", image], check=False, capture_output=True).returncode == 0


def build(tag: str, dockerfile: Path, context: Path, args: dict[str, str]) -> None:
    """`docker build`, showing each step as it begins. Raises AnsibleActionFail with the last lines."""
    with tempfile.TemporaryDirectory(prefix="twinpool-index-") as folder:
        pip, uv = index(Path(folder))
        command = [
            "docker", "build", "--progress=plain", f"--tag={tag}", f"--file={dockerfile}",
            "--label=org.opencontainers.image.title=" + tag.partition(":")[0],
            f"--secret=id=pip,src={pip}", f"--secret=id=uv,src={uv}", f"--secret=id=certificates,src={certificates()}",
            *(f"--build-arg={name}={value}" for name, value in args.items()),
            *(f"--build-arg={name}" for name in os.environ if name.lower() in {"http_proxy", "https_proxy", "no_proxy"}),
            str(context),
        ]  # fmt: skip
        environment = os.environ | {"DOCKER_BUILDKIT": "1"}
        lines: list[str] = []
        waiting: dict[str, str] = {}  # steps by number, until they turn out not to be cached
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
        ) as process:
            for line in process.stdout or ():
                lines.append(line.rstrip())
                if not (told := LINE.match(line)):
                    continue
                number, text = told.groups()
                if text.startswith("["):
                    waiting[number] = text
                elif (step := waiting.pop(number, "")) and text != "CACHED" and "[internal" not in step:
                    display.display(f"           {step[:108]}")
    if process.returncode:
        told = [line for line in lines if not re.search(r"#\d+ (sha256|DONE|CACHED|transferring)", line)]
        raise AnsibleActionFail(f"The image {tag} could not be built. Its last lines:\n" + "\n".join(told[-25:]))


def certificates() -> str:
    """The bundle of authorities that this machine trusts, so that a build behind a company's proxy works."""
    given = (os.environ.get(name, "") for name in CERTIFICATES)
    return next((path for path in given if Path(path).is_file()), "/etc/ssl/certs/ca-certificates.crt")


def index(folder: Path) -> tuple[Path, Path]:
    """The package index of this machine's pip, as files for pip and for uv: secrets of a build, never in a layer."""
    asked = subprocess.run([sys.executable, "-m", "pip", "config", "list"], check=False, capture_output=True, text=True)
    told = dict(line.partition("=")[::2] for line in asked.stdout.splitlines())
    found = {name.rpartition(".")[2]: value.strip("'\"") for name, value in told.items()}
    first, more = found.get("index-url", ""), found.get("extra-index-url", "").split()
    pip, uv = folder / "pip.conf", folder / "uv.toml"
    # A file without a line is not mounted at all.
    pip.write_text(
        "\n".join(
            ["[global]", *([f"index-url = {first}"] if first else []), *(f"extra-index-url = {url}" for url in more)]
        )
        + "\n"
    )
    tables = [f'[[index]]\nurl = "{url}"' for url in more] + (
        [f'[[index]]\nurl = "{first}"\ndefault = true'] if first else []
    )
    uv.write_text("\n".join(["# The host's package index.", *tables]) + "\n")
    return pip, uv
