"""Which environment variable a failing settings module asks for. Read by discovery and collect."""

import re

# KeyError says the bare name; django-environ, decouple and the like say it in a sentence.
DEMANDED = re.compile(r"\b([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|[A-Z]{3,})\b")
ASKS = re.compile(r"environ|\benv\b|must be|not (?:be )?(?:set|found|empty)|required|missing|undefined", re.IGNORECASE)


def demand(error: BaseException | None) -> str | None:
    """The environment variable that an exception from settings asks for; None if it asks for none."""
    text = str(error.args[0]) if error and error.args else ""
    if isinstance(error, KeyError):
        return text if DEMANDED.fullmatch(text) else None
    found = DEMANDED.search(text) if ASKS.search(text) else None
    return found[0] if found else None
