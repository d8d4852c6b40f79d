"""`twinpool ask PATH`: a GET to this container's own port. Run by health checks and `make status`: light."""

import http.client
import os
import sys

WAIT_SECONDS = 5.0


def main(argv: list[str]) -> int:
    """Prints the answer's body; returns 0 for a status of 2xx, 1 for another or none, 2 for a wrong call."""
    if len(argv) != 1 or not argv[0].startswith("/"):
        print("usage: twinpool ask /-/ready", file=sys.stderr)
        return 2
    port = os.environ.get("TWINPOOL_LISTEN") or "8000"
    try:
        connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=WAIT_SECONDS)
        connection.request("GET", argv[0])
        answer = connection.getresponse()
        body = answer.read().decode("utf-8", "replace")
    except (OSError, ValueError, http.client.HTTPException) as error:
        print(f"ask: nothing answered on port {port}: {error}", file=sys.stderr)
        return 1
    print(body, end="" if body.endswith("\n") else "\n")
    return 0 if 200 <= answer.status < 300 else 1
