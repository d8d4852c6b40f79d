"""What `make test` runs: installs the programs that the suites need, builds the images, then each suite in its turn.

run.py [FOLDER]    one folder of tests/ alone
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

KIT = Path(__file__).resolve().parent.parent
# Programs of Debian's that the suites start, by package.
PROGRAMS = {
    "redis-server": "redis-server",
    "postgresql": "/usr/lib/postgresql/*/bin/initdb",
    "chromium": "chromium",
    "openssl": "openssl",
}
# Quick ones first: a mistake shows early. Those that need images or a running site come after `make image`.
QUICK = ["kit", "runtime", "app"]
WITH_IMAGES = ["nginx", "docs", "deploy", "machine"]


def install() -> None:
    missing = [package for package, program in PROGRAMS.items() if not there(program)]
    if not missing:
        return
    print(
        f"Missing for the tests: {', '.join(missing)}. Installing it now, from this host's Debian sources.", flush=True
    )
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "--yes", "--no-install-recommends", *missing]):
        subprocess.run(["apt-get", "-qq", *command], check=True, env=environment, stdout=subprocess.DEVNULL)


def there(program: str) -> bool:
    return bool(list(Path("/").glob(program[1:]))) if "*" in program else shutil.which(program) is not None


def suite(folder: str) -> bool:
    began = time.monotonic()
    print(f"\n=== tests/{folder}", flush=True)
    command = [sys.executable, "-m", "pytest", f"tests/{folder}", "--quiet", "--durations=5"]
    passed = subprocess.run(command, check=False, cwd=KIT).returncode == 0
    print(f"=== tests/{folder}: {'passed' if passed else 'FAILED'} in {time.monotonic() - began:.0f} s", flush=True)
    return passed


def main(chosen: str) -> int:
    if chosen and not (KIT / "tests" / chosen).is_dir():
        folders = sorted(
            path.name for path in (KIT / "tests").iterdir() if path.is_dir() and not path.name.startswith(("_", "."))
        )
        print(f"SUITE: there is no folder tests/{chosen}; there are {', '.join(folders)}.", file=sys.stderr)
        return 2
    install()
    quick, slow = (
        ([chosen] if chosen in QUICK else [], [chosen] if chosen not in QUICK else [])
        if chosen
        else (QUICK, WITH_IMAGES)
    )
    failed = [folder for folder in quick if not suite(folder)]
    if slow:
        if subprocess.run([sys.executable, "ansible/play.py", "image"], check=False, cwd=KIT).returncode:
            return 1
        failed += [folder for folder in slow if not suite(folder)]
    print(f"\n{'all suites passed' if not failed else 'failed: ' + ', '.join(failed)}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
