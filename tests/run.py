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
    "mmdebstrap": "mmdebstrap",
}
# Quick ones first: a mistake shows early. Those that need images or a running site come after `make image`; the last
# two mostly wait, for windows and for each other's engine, and run side by side.
QUICK = [["kit"], ["runtime"], ["app"]]
WITH_IMAGES = [["nginx"], ["docs"], ["deploy", "machine"], ["servers"], ["k8s"]]
# Tests at a time, where not one: what a site, an edge or a process of a test uses is its own.
AT_A_TIME = {"runtime": 4, "app": 3, "nginx": 4, "deploy": 3}


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


def suite(folders: list[str]) -> bool:
    began = time.monotonic()
    what = " and ".join(f"tests/{folder}" for folder in folders)
    print(f"\n=== {what}", flush=True)
    command = [sys.executable, "-m", "pytest", *(f"tests/{folder}" for folder in folders), "--quiet", "--durations=5"]
    if at_a_time := AT_A_TIME.get(folders[0]):
        command += [
            f"--numprocesses={at_a_time}",
            "--no-loadscope-reorder",
            "--dist=loadfile" if folders[0] == "deploy" else "--dist=load",
        ]
    passed = subprocess.run(command, check=False, cwd=KIT).returncode == 0
    print(f"=== {what}: {'passed' if passed else 'FAILED'} in {time.monotonic() - began:.0f} s", flush=True)
    return passed


def main(chosen: str) -> int:
    if chosen and not (KIT / "tests" / chosen).is_dir():
        folders = sorted(
            path.name for path in (KIT / "tests").iterdir() if path.is_dir() and not path.name.startswith(("_", "."))
        )
        print(f"SUITE: there is no folder tests/{chosen}; there are {', '.join(folders)}.", file=sys.stderr)
        return 2
    install()
    quick, slow = QUICK, WITH_IMAGES
    if chosen:
        quick, slow = ([[chosen]], []) if [chosen] in QUICK else ([], [[chosen]])
    failed = [folders for folders in quick if not suite(folders)]
    if slow:
        if subprocess.run([sys.executable, "ansible/play.py", "image"], check=False, cwd=KIT).returncode:
            return 1
        failed += [folders for folders in slow if not suite(folders)]
    named = ", ".join(" and ".join(folders) for folders in failed)
    print(f"\n{f'failed: {named}' if failed else 'all suites passed'}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
