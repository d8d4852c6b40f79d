"""Publishing to a channel-layer group from synchronous code, in one round trip. Projects use it; light to import."""

import threading
from collections.abc import Mapping
from typing import Any

_clients: dict[str, Any] = {}
_lock = threading.Lock()


def publish(group: str, message: Mapping[str, Any]) -> None:
    """stub"""
