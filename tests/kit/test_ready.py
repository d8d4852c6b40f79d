"""What a person sees of a container that did not become ready: the line that matters, not the server's own frames."""

import importlib.util
from pathlib import Path

FILE = Path(__file__).resolve().parents[2] / "ansible/roles/release/files/ready.py"
PACKAGE = '  File "/opt/venv/lib/python3.13/site-packages/gunicorn/arbiter.py", line 405, in halt\n    self.stop()\n'
LOG = (
    "it burns\nTraceback (most recent call last):\n"
    + PACKAGE * 20
    + '  File "/srv/app/shop/urls.py", line 2, in <module>\n    import nothing\n'
    + PACKAGE
    + "HaltServer: Worker failed to boot.\nthe server ended by itself\n"
)


def test_the_frames_of_packages_do_not_push_out_what_matters() -> None:
    spec = importlib.util.spec_from_file_location("ready", FILE)
    assert spec
    assert spec.loader
    ready = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(ready)
    assert ready.last_lines(LOG).splitlines() == [
        "it burns",
        "Traceback (most recent call last):",
        '  File "/srv/app/shop/urls.py", line 2, in <module>',
        "    import nothing",
        "HaltServer: Worker failed to boot.",
        "the server ended by itself",
    ]
