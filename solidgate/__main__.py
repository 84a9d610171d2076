"""``python -m solidgate``: the same as the ``solidgate`` command."""

import sys

from solidgate.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
