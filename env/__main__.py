"""`python -m edgepaas_tasks.env COMMAND…`: the app's container without a deploy.

`--run MODULE IMAGE ARGUMENTS` runs one of our own modules instead: IMAGE is the image's entrypoint and command as JSON,
ARGUMENTS one word.
"""

import sys

if sys.version_info < (3, 9):  # noqa: UP036 - the image's Python, not ours
    sys.exit("edgepaas: not started: the image's Python is older than 3.9")

from . import one_off, runtime

if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        one_off.main(sys.argv[2:])
    else:
        runtime.main(sys.argv[1:])
