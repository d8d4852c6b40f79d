"""What any deployment promises, asked by URL and probe secret alone. Run by `make conformance` and tests/deploy."""
