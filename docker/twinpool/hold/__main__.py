"""`python -m twinpool.hold`, for a machine where the runtime's other dependencies are not installed."""

import sys

from twinpool.hold import main

sys.exit(main(sys.argv[1:]))
