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

import index
from ansible.errors import AnsibleActionFail
from ansible.utils.display import Display

from ansible.plugins.action import ActionBase

NEVER = {".git", ".venv", "venv", "node_modules", "__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache"}
PROXIES = {"http_proxy", "https_proxy", "no_proxy"}
LINE = re.compile(r"#(\d+) (.+)")
NOTE = re.compile(r"[\d.]+ +((?:note|warning): .+)")  # a line of install.py or collect.py that the user should see
DEPENDENCIES = (
    "*requirements*.txt",
    "*constraints*.txt",
    "requirements/**/*.txt",
    "pyproject.toml",
    "uv.lock",
    "poetry.lock",
    "Pipfile*",
)
display = Display()


class ActionModule(ActionBase):
    """Arguments: name, dockerfile, args {build argument: value}, context {place in the context: source}, project.

    Of `project`, a folder, only files that git knows or would add are staged, without deploy/.
    """

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        given = self._task.args
        started = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="twinpool-") as folder:
            context = Path(folder)
            for place, source in given.get("context", {}).items():
                stage(Path(source), context / place)
            if project := given.get("project"):
                stage_project(Path(project), context, given["args"]["WORKDIR"].removeprefix("/app").strip("/"))
            open_to_all(context)
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


def stage_project(project: Path, context: Path, inner: str) -> None:
    """project/ for the code, dependencies/ for what names them (beside manage.py in `inner`, or at the top),
    packages.txt for Debian packages.
    """
    stage(project, context / "project", project=True)
    (context / "dependencies").mkdir()
    for folder in {project, project / inner}:
        for found in (found for pattern in DEPENDENCIES for found in folder.glob(pattern)):
            stage(found, context / "dependencies" / found.relative_to(project))
    packages = project / "deploy" / "packages.txt"
    lines = packages.read_text().splitlines() if packages.is_file() else []
    (context / "packages.txt").write_text(
        "".join(f"{name}\n" for line in lines if (name := line.partition("#")[0].strip()))
    )


def open_to_all(context: Path) -> None:
    """Whatever the umask of the checkout was, the containers' numeric user reads what is in the image."""
    for path in context.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)


def plain_files(folder: Path) -> Iterator[Path]:
    for root, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in NEVER and not name.endswith(".egg-info")]
        for name in files:
            if not name.endswith(".pyc"):
                yield (Path(root) / name).relative_to(folder)


def project_files(folder: Path) -> Iterator[Path]:
    """What git tracks or would add; without git, all but the usual litter. deploy/ is the kit's, not the image's."""
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
        # The host's package index and authorities are secrets of a build, never in a layer.
        here, pip, uv = index.of_this_machine(sys.executable), Path(folder, "pip.conf"), Path(folder, "uv.toml")
        pip.write_text(here.pip_conf())
        uv.write_text(here.uv_toml())
        command = [
            "docker", "build", "--progress=plain", f"--tag={tag}", f"--file={dockerfile}",
            "--label=org.opencontainers.image.title=" + tag.partition(":")[0],
            f"--secret=id=pip,src={pip}", f"--secret=id=uv,src={uv}",
            *([f"--secret=id=certificates,src={here.certificates}"] if here.certificates else []),
            *(f"--build-arg={name}={value}" for name, value in args.items()),
            *(f"--build-arg={name}" for name in os.environ if name.lower() in PROXIES),
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
                elif note := NOTE.match(text):
                    display.display(f"           {note[1]}")
                elif (step := waiting.pop(number, "")) and text != "CACHED" and "] RUN " in step:
                    display.display(f"           {brief(step)}")
    if process.returncode:
        raise AnsibleActionFail(f"The image {tag} could not be built. Its last lines:\n{reason(lines)}")


def brief(step: str) -> str:
    """A step of a Dockerfile in a line: its place and the begin of its command, without what is mounted."""
    text = " ".join(re.sub(r"--mount=\S+", "", step).replace("] RUN ", "] ").split())
    return text if len(text) < 100 else f"{text[:98]} …"


def reason(lines: list[str]) -> str:
    """What the step that failed has said, and which it was; all that was said where no step did."""
    lines = lines[: lines.index("------")] if "------" in lines else lines  # from there on all is told again
    failed = next((found[1] for line in lines if (found := re.match(r"#(\d+) ERROR", line))), "")
    own = [line.removeprefix(f"#{failed} ") for line in lines if line.startswith(f"#{failed} ")]
    if not own:
        return "\n".join(lines[-25:])
    said = [re.sub(r"^[\d.]+ ", "", line) for line in own[1:] if not line.startswith(("ERROR", "DONE", "sha256"))]
    return "\n".join([*(said or own[1:])[-25:], f"at the step {brief(own[0])}"])
