"""``solidgate worker``."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from solidgate.cli.common import DEFAULTS, Common
from solidgate.cli.parent import follow_parent, leave_no_core


def worker(*, with_parent: Annotated[bool, Parameter(show=False)] = False, common: Common = DEFAULTS) -> int:
    """Start an enclave worker; more of them share the work. SIGTERM lets it finish what it does."""
    from solidgate.worker.serve import main  # the gate's commands never load the enclave's code

    leave_no_core()
    settings = common.settings()
    if with_parent:
        follow_parent()
    return main(settings)
