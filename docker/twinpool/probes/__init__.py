"""The kit's own probes, by which conformance and receipts prove any deployment."""
