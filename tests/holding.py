"""The load client beside a change of a site, with loads of a test's own; whatever the site runs on."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any


class Holding:
    """`twinpool hold` under way, connected; `end` ends it. Its files lie in `folder`, which is made."""

    def __init__(self, folder: Path, url: str, secret_file: Path, *options: object) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        files = ("--ready-file", folder / "ready", "--stop-file", folder / "stop", "--json", folder / "receipt.json")
        command = (sys.executable, "-m", "twinpool", "hold", url, "--probe-secret-file", secret_file, *files, *options)
        self.process = subprocess.Popen(
            [str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        while not (folder / "ready").exists():
            assert self.process.poll() is None, self.process.communicate()[0]
            try:
                self.process.wait(0.1)
            except subprocess.TimeoutExpired:
                continue

    def end(self) -> tuple[int, dict[str, Any], str]:
        """Exit code, the figures, and what it printed."""
        (self.folder / "stop").touch()
        told = self.process.communicate(timeout=120)[0]
        return self.process.returncode, json.loads((self.folder / "receipt.json").read_text()), told
