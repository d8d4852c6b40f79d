"""The folder as text: what gixy finds, what facts ban, and that a reload keeps serving."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from .client import SOCKET, ask, line
from .edge import SHIPPED, docker, running, upstreams
from .stubs import StubPool

FILES = sorted(path for path in SHIPPED.rglob("*.conf"))


def test_gixy_finds_nothing_that_is_not_justified_beside_the_line() -> None:
    gixy = Path(sys.executable).with_name("gixy")
    done = subprocess.run([gixy, "--format=json", SHIPPED / "nginx.conf"], check=False, capture_output=True, text=True)
    text = "".join(path.read_text() for path in FILES)
    found = {finding["plugin"] for finding in json.loads(done.stdout)}
    assert found == set(re.findall(r"# gixy (\w+): ", text))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SHIPPED)))
def test_a_file_uses_nothing_that_is_banned(path: Path) -> None:
    """alias, rewrite, slice, SSI and HTTP/3, and groups that capture: several advisories of 2025 and 2026 need them."""
    lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
    assert not [
        line for line in lines if re.search(r"^\s*(?:alias|rewrite|slice|ssi|quic\w*|http3\w*)\b|\$[1-9]", line)
    ]
    assert not [line for line in lines if "~" in line and re.search(r"(?<!\\)(?<!if )\((?!\?[:=!<])", line)]
    assert not [line for line in lines if re.search(r"\bif \(", line) and "return" not in line]
    assert path.read_text().startswith("# ")


def test_a_reload_keeps_sockets_and_serves_the_new_pool(
    edge_image: str, wsgi: StubPool, asgi: StubPool, tmp_path: Path
) -> None:
    fresh = StubPool("fresh")
    with running(edge_image, tmp_path, wsgi, asgi) as edge, line(edge.port) as held:
        held.request("/x", SOCKET)
        assert held.read().status == 101
        (edge.folder / "host/upstreams.conf").write_text(upstreams(fresh.port, fresh.port))
        docker("kill", "--signal=HUP", edge.container)
        fresh_in_a_row = 0  # an old worker may still take a connection after a new one has answered
        for _ in range(1000):
            fresh_in_a_row = fresh_in_a_row + 1 if ask(edge.port, "/x").told["pool"] == "fresh" else 0
            if fresh_in_a_row == 50:
                break
        assert fresh_in_a_row == 50
        held.send(b"still here")
        assert held.sock.recv(100) == b"still here"
        docker("kill", "--signal=QUIT", edge.container)
        held.sock.close()
        assert docker("wait", edge.container).stdout.strip() == "0"
    fresh.close()


def test_nothing_is_written_outside_its_two_places(
    edge_image: str, wsgi: StubPool, asgi: StubPool, tmp_path: Path
) -> None:
    with running(edge_image, tmp_path, wsgi, asgi) as edge:
        ask(edge.port, "/x", method="POST", body=bytes(1_000_000))
        assert docker("exec", edge.container, "id", "-u").stdout.strip() == "10001"
        assert "nginx.pid" in docker("exec", edge.container, "ls", "/run/nginx").stdout
        assert "[alert]" not in edge.errors()
        assert "[emerg]" not in edge.errors()
