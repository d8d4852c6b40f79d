"""What `make lint` runs: every linter over its part of the tree, all of them even where one finds something."""

import subprocess
import sys
from pathlib import Path

KIT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
LINTERS = {
    "ruff": [["ruff", "check", "."], ["ruff", "format", "--check", "."]],
    "mypy": [["mypy"]],
    "hadolint": [["hadolint", *sorted(str(path.relative_to(KIT)) for path in (KIT / "docker").glob("*.Dockerfile"))]],
    "gixy": [["gixy", "--skips", "default_server_flag", "nginx/nginx.conf"]],
    "yamllint": [["yamllint", "--strict", "ansible", "docker", "k8s", "nginx"]],
    "ansible-lint": [["ansible-lint", "--profile", "production", "--strict", "--offline", "playbooks", "roles"]],
}
# ansible-lint reads ansible.cfg and its own settings where it stands.
FOLDERS = {"ansible-lint": KIT / "ansible"}


def main() -> int:
    failed = []
    for name, commands in LINTERS.items():
        good = all(
            subprocess.run([BIN / command[0], *command[1:]], check=False, cwd=FOLDERS.get(name, KIT)).returncode == 0
            for command in commands
        )
        print(f"{name}: {'0 findings' if good else 'FINDINGS, see above'}", flush=True)
        failed += [] if good else [name]
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
