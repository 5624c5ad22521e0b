"""`python -m edgepaas_tasks.env COMMAND…`: the app's container without a deploy."""

import sys

if sys.version_info < (3, 9):  # noqa: UP036 - the image's Python, not ours
    sys.exit("edgepaas: not started: the image's Python is older than 3.9")

from .runtime import main

if __name__ == "__main__":
    main(sys.argv[1:])
