"""`python -m twinpool.static collect`, run by the image's build."""

import sys

from twinpool.environment import Refusal
from twinpool.static.collect import collect


def main(argv: list[str]) -> int:
    """`collect`: collects, hashes and compresses the static files; returns 0, or 1 with the reason on stderr."""
    if argv != ["collect"]:
        print("usage: python -m twinpool.static collect", file=sys.stderr)
        return 2
    try:
        report = collect()
    except Refusal as refusal:
        print(f"static: {refusal}", file=sys.stderr)
        return 1
    print("\n".join(report), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
