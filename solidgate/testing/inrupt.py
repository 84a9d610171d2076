"""Inrupt's own JavaScript clients as partners of tests: they log in, ask for access, and read pods.

``make tools`` installs them beside the Community Solid Server; Node.js runs them in one child process.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from solidgate.errors import ToolMissing
from solidgate.testing import tools
from solidgate.testing.ess import jsonld

SCRIPT = Path(__file__).with_name("inrupt_client.cjs")
ANSWER_SECONDS = 60.0
LONGEST_ANSWER = 4 * 1024 * 1024


class ClientRefused(Exception):
    """What the client threw; ``status`` where a server's answer was the reason."""

    def __init__(self, message: str, status: int | None) -> None:
        super().__init__(message)
        self.status = status


class InruptClient:
    """One process with one session. ``ca_file``: an authority that Node.js trusts beside its own."""

    def __init__(self, ca_file: Path | None = None) -> None:
        self._ca_file = ca_file
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        modules = tools.tools_home() / "node_modules"
        if not (modules / "@inrupt").is_dir():
            raise ToolMissing("Inrupt's clients are not installed; run make tools")
        trusted = {"NODE_EXTRA_CA_CERTS": str(self._ca_file)} if self._ca_file else {}
        self._process = await asyncio.create_subprocess_exec(
            str(tools.node()),
            str(SCRIPT),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LONGEST_ANSWER,
            env={**os.environ, "NODE_PATH": str(modules), **trusted},
        )
        await self.do("contexts", **{url: {"@context": jsonld.context(url)} for url in jsonld.FETCHED})
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.communicate()

    async def login(self, issuer: str, client_id: str, client_secret: str) -> str:
        """Log in with client credentials; the WebID. Raises ``ClientRefused``."""
        found = await self.do("login", oidcIssuer=issuer, clientId=client_id, clientSecret=client_secret)
        return str(found)

    async def read(self, url: str) -> Mapping[str, Any]:
        """The things of an RDF resource: subject, property, values. Raises ``ClientRefused``."""
        found: Mapping[str, Any] = await self.do("read", url=url)
        return found

    async def do(self, command: str, /, **given: Any) -> Any:
        """One command of ``inrupt_client.cjs``. Raises ``ClientRefused`` with what the client threw."""
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise ToolMissing("the client is not running")
        process.stdin.write(json.dumps({**given, "command": command}).encode() + b"\n")
        line = await asyncio.wait_for(process.stdout.readline(), ANSWER_SECONDS)
        answer = json.loads(line)
        if "error" in answer:
            raise ClientRefused(answer["error"], answer["status"])
        return answer["value"]
