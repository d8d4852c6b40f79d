"""Twinpool: one Django project as two pools, WSGI and ASGI. Projects import `publish` from here."""

# The function hides the module of the same name on purpose: `from twinpool import publish` is what projects write.
from twinpool.publish import publish

__all__ = ["publish"]
