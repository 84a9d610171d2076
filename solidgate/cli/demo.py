"""``solidgate demo``: the whole journey on real servers, to walk through by hand or to watch once."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import tempfile
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from solidgate.cli.common import as_json


def demo(
    *,
    once: bool = False,
    json: bool = False,
    acp: bool = False,
    port: int = 8080,
    folder: Annotated[Path | None, Parameter(name="--folder")] = None,
) -> int:
    """Start a pod server, PostgreSQL and solidgate with three people, and stay up; or tell the story once.

    Example: ``solidgate demo --once``

    Parameters
    ----------
    once
        Play three people by HTTP alone through the whole journey, verify every statement from outside, end.
    json
        With --once: print one JSON document instead of the narration.
    acp
        Let the pod server use Access Control Policy, in place of Web Access Control.
    port
        Port of solidgate while it stays up; with --once a free one is taken.
    folder
        Where data and logs are kept; a temporary folder, removed at the end, unless given.
    """
    try:
        return asyncio.run(_demo(once or json, json, acp, port, folder))
    except KeyboardInterrupt:
        return 0


async def _demo(once: bool, in_json: bool, acp: bool, port: int, folder: Path | None) -> int:
    from solidgate.testing import css

    config = css.ACP if acp else css.WAC
    with contextlib.ExitStack() as stack:
        where = folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="solidgate-demo-")))
        return await (_once(where, in_json, config) if once else _stay(where, port, config))


def _aside(line: str) -> None:
    """Progress goes to standard error, so that standard output stays one document."""
    print(line, file=sys.stderr, flush=True)


async def _once(folder: Path, in_json: bool, config: str) -> int:
    from solidgate.testing.demo import stage, story

    say = _aside if in_json else _tell
    async with stage.set_up(folder, _aside, config=config) as standing:
        told = await story.tell(standing, say)
    seconds = told.timings["story"]
    say(f"Every statement was verified from outside. The story took {seconds:.1f} s.")
    if in_json:
        print(as_json(told.document), flush=True)
    return 0


def _tell(line: str) -> None:
    print(line, flush=True)


async def _stay(folder: Path, port: int, config: str) -> int:
    from solidgate.testing.demo import stage, story

    async with stage.set_up(folder, _tell, port=port, config=config) as standing:
        invitation = await story.agree(story.Story(standing, _tell))
        _tell(stage.guide(standing, invitation))
        await _until_stopped()
        _tell("Stopping ...")
    return 0


async def _until_stopped() -> None:
    stopping, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    await stopping.wait()
