"""Servers that a pool can run on. A server is one module here with `command` and the application that it imports."""
