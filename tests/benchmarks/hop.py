"""What a hand-over costs beside the page's own work: the same page asked directly, and by way of the other pool.

    hop.py http://localhost:8080/accounts/login/ [ROUNDS]

With `Accept: text/event-stream` a page arrives at ASGI, which hands it to WSGI. Both ways run in turn on one kept
connection each, so that the machine's moods meet both; the ratio is of the medians, its spread that of the rounds.
"""

import http.client
import statistics
import sys
import time
from urllib.parse import urlsplit

EACH = 100  # requests a way and round
WAYS = {"direct": "text/html", "hop": "text/event-stream"}


def seconds(connection: http.client.HTTPConnection, path: str, accept: str) -> float:
    """Median seconds of one request over EACH of them, one at a time."""
    taken = []
    for _ in range(EACH):
        began = time.perf_counter()
        connection.request("GET", path, headers={"Accept": accept})
        answer = connection.getresponse()
        answer.read()
        taken.append(time.perf_counter() - began)
        if answer.status != 200:
            sys.exit(
                f"{path} answered {answer.status} to Accept: {accept}; expected a page that answers 200 to everybody."
            )
    return statistics.median(taken)


def main(url: str, rounds: int) -> None:
    parts = urlsplit(url)
    connections = {way: http.client.HTTPConnection(parts.hostname or "", parts.port) for way in WAYS}
    for way, accept in WAYS.items():  # a first round warms both up
        seconds(connections[way], parts.path, accept)
    measured: dict[str, list[float]] = {way: [] for way in WAYS}
    for number in range(rounds):
        for way, accept in WAYS.items():
            measured[way].append(seconds(connections[way], parts.path, accept))
        print(
            f"round {number + 1}: " + ", ".join(f"{way} {1000 * taken[-1]:.2f} ms" for way, taken in measured.items()),
            flush=True,
        )
    ratios = sorted(hop / direct for hop, direct in zip(measured["hop"], measured["direct"], strict=True))
    median = statistics.median(ratios)
    print(f"hop / direct: {median:.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f}), {rounds} rounds of {EACH}")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 10)
