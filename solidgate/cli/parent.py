"""What a long-lived process owes to those around it: to end with its parent, and to leave nothing behind."""

from __future__ import annotations

import os
import resource
import signal
import sys
import threading


def follow_parent() -> None:
    """Send ourselves SIGTERM when standard input closes: the parent holds its other end and never writes."""
    threading.Thread(target=_watch, name="follow-parent", daemon=True).start()


def leave_no_core() -> None:
    """People's documents pass through this memory: when the process crashes, no file of it is written."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _watch() -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
