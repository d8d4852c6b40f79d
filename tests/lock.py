"""What `make lock` runs: the newest versions within the ranges, with their hashes and without any download address."""

import subprocess
import sys
from pathlib import Path

KIT = Path(__file__).resolve().parent.parent
# Django and what comes with it is the project's to pin, so the image's lock leaves it out.
PROJECTS = ["--no-emit-package=django", "--no-emit-package=asgiref", "--no-emit-package=sqlparse"]
LOCKS = {
    "docker/requirements.txt": ["--python-version=3.13", *PROJECTS, "pyproject.toml"],
    "docker/build/requirements.txt": ["--python-version=3.13", "docker/build/requirements.in"],
    "ansible/requirements.txt": ["--python-version=3.11", "ansible/requirements.in"],
    "tests/requirements.txt": ["--python-version=3.11", "tests/requirements.in", "pyproject.toml"],
}

for target, sources in LOCKS.items():
    options = ["--quiet", "--upgrade", "--generate-hashes", "--no-header", "--no-emit-index-url"]
    command = [Path(sys.executable).parent / "uv", "pip", "compile", *options, *sources, f"--output-file={target}"]
    subprocess.run(command, check=True, cwd=KIT)
    print(target, flush=True)
