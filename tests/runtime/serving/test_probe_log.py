"""The probes' log on a real Redis: whoever asks while others publish is told every number, without a gap."""

import threading

from twinpool.probes.log import KEPT, KEPT_SECONDS, OnRedis
from twinpool.settings.layer import effective


def add(log: OnRedis) -> None:
    """What publish does before it sends: sending wants a configured Django."""
    log._add(keys=log._keys, args=['{"at": 0, "text": "x"}', KEPT, KEPT_SECONDS])


def test_what_is_published_meanwhile_pushes_nothing_out(redis_url: str) -> None:
    found = effective(None, redis_url)
    writer, reader = OnRedis(found), OnRedis(found)
    for _ in range(3):
        add(writer)
    go_on = threading.Event()
    go_on.set()

    def publish() -> None:
        while go_on.is_set():
            add(writer)

    publishing = threading.Thread(target=publish)
    publishing.start()
    try:
        for _ in range(300):
            known = reader.since(0)[1] - 3
            messages, last = reader.since(known)
            assert [message["n"] for message in messages] == list(range(known + 1, last + 1))
    finally:
        go_on.clear()
        publishing.join()
