"""Asks each pool through each edge until it answers as a release: answers.py SITE RELEASE ADDRESS:PORT…

SITE is the site's folder; the hosts and pools are read from the release's own files. Tries some 20 seconds a pool.
Prints a line a pool; ends with 1 where one does not answer as that release.
"""

import http.client
import json
import re
import ssl
import sys
import time
from pathlib import Path

ACCEPT = {"wsgi": "*/*", "asgi": "text/event-stream"}
TRIES = 20


def ask(told: dict[str, str], secret: str, pool: str, edge: str) -> str:
    """The release that this pool says it is, or why there is no answer."""
    address, port = edge.split(":")
    host = told["HOSTS"].replace(" ", "").split(",")[0]
    headers = {"Host": f"{host}:{port}", "X-Twinpool-Probe": secret, "Accept": ACCEPT[pool]}
    if told["TLS"] == "off":
        connection = http.client.HTTPConnection(address, int(port), timeout=5)
    else:  # by its address: who it is, the receipt asks
        context = ssl._create_unverified_context()  # noqa: S323
        connection = http.client.HTTPSConnection(address, int(port), timeout=5, context=context)
    try:
        connection.request("GET", "/-/probe/who", headers=headers)
        answer = connection.getresponse()
        if answer.status != 200:
            return f"status {answer.status}"
        return str(json.loads(answer.read())["release"])
    except (OSError, ValueError, KeyError, http.client.HTTPException) as error:
        return str(error)
    finally:
        connection.close()


def main(site: Path, release: str, *edges: str) -> int:
    settings = (site / "releases" / release / "edge" / "edge.env").read_text()
    told = dict(re.findall(r"(?m)^TWINPOOL_([A-Z_]+)=(.*)$", settings))
    secret = (site / "secrets" / "probe_secret").read_text().strip()
    right = True
    pools = list(ACCEPT) if told["POOLS"] == "both" else [told["POOLS"]]
    for edge, pool in ((edge, pool) for edge in edges for pool in pools):
        for _ in range(TRIES):
            if (answer := ask(told, secret, pool, edge)) == release:
                break
            time.sleep(1)
        print(f"{pool}{f' through {edge}' if len(edges) > 1 else ''}: {answer}")
        right = right and answer == release
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *sys.argv[2:]))
