"""A child that ends with its parent, however the parent ended."""

from __future__ import annotations

import os
import signal
import sys
import threading


def follow_parent() -> None:
    """Send ourselves SIGTERM when standard input closes: the parent holds its other end and never writes."""
    threading.Thread(target=_watch, name="follow-parent", daemon=True).start()


def _watch() -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
