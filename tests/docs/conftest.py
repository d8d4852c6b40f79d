"""The edge's image, by which the examples of routes are tested."""

import os
import subprocess

import pytest


@pytest.fixture(scope="session")
def edge_image() -> str:
    """TWINPOOL_EDGE_IMAGE, else the edge image that was built last; `make test` builds it before this suite."""
    if named := os.environ.get("TWINPOOL_EDGE_IMAGE"):
        return named
    listed = ["docker", "images", "--format={{.Repository}}:{{.Tag}}", "twinpool-edge"]
    built = subprocess.run(listed, check=True, capture_output=True, text=True).stdout.split()
    assert built, "no image twinpool-edge: `make test SUITE=docs` builds it; or name another in TWINPOOL_EDGE_IMAGE"
    return built[0]
