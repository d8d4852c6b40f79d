"""Tests of `twinpool hold`, against a fake deployment in this process. Run by pytest."""
