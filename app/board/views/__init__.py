"""The views, one module a page: all synchronous but for the stream and the glance."""
