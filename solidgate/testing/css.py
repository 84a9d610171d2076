"""A real Community Solid Server for tests and demonstrations: started, watched, and stopped whole.

The server's own log is the evidence of who read what: ``requests_since`` and ``webids_since`` read it back.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import aiohttp

from solidgate.errors import PartnerUnavailable
from solidgate.testing import tools
from solidgate.testing.certificates import Certificate

READY_SECONDS = 90.0
STOP_SECONDS = 10.0
TAIL_LINES = 25

WAC = "@css:config/file.json"
"""Web Access Control, pods by path (``/alice/``), stored as files."""
ACP = "@css:config/file-acp.json"
"""The same with Access Control Policy."""
SUBDOMAINS = str(Path(__file__).with_name("css-subdomains.json"))
"""Web Access Control, a host for each pod (``alice.localhost``), kept in memory."""
HTTPS = "@css:config/https-file-cli.json"
"""As ``WAC``, over https; needs a ``certificate``."""

_LOCALHOST = Path(__file__).with_name("localhost.cjs")

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_LINE = re.compile(r"^(?P<at>\S+Z) \[(?P<source>[^\]]+)\] \{[^}]*\} (?P<level>\w+): (?P<text>.*)$")
_REQUEST = re.compile(r"^Received (?P<method>[A-Z]+) request for (?P<path>\S+)$")
_WEBID = re.compile(r"^Verified WebID via \S+ access token\. WebID: (?P<webid>\S+), client ID: ")


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """One request as the pod server logged it; ``path`` is the request target, query included."""

    at: datetime
    method: str
    path: str


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of the server's log, colours removed."""

    at: datetime
    source: str
    level: str
    text: str


def parse_log(text: str) -> Iterator[LogLine]:
    """The lines of a Community Solid Server log in their order; what is not a log line is left out."""
    for raw in text.splitlines():
        found = _LINE.match(_COLOUR.sub("", raw))
        if found:
            yield LogLine(datetime.fromisoformat(found["at"]), found["source"], found["level"], found["text"])


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nobody listened on a moment ago."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


class CommunityServer:
    """``async with CommunityServer() as css``: ``css.base_url`` answers, its pods live in ``css.root``.

    ``config`` is ``WAC``, ``ACP``, ``SUBDOMAINS``, ``HTTPS`` or a file of one's own. With a ``certificate``
    the server answers over https, and trusts its authority itself: it fetches its own profiles. A ``root``
    that is given is kept afterwards; without one a temporary folder is made and removed.
    """

    def __init__(
        self,
        root: Path | None = None,
        *,
        port: int | None = None,
        config: str = "",
        certificate: Certificate | None = None,
        log_file: Path | None = None,
        ready_seconds: float = READY_SECONDS,
    ) -> None:
        self._temporary = None if root else Path(tempfile.mkdtemp(prefix="solidgate-css-"))
        folder = root or self._temporary
        assert folder is not None
        self.root = folder if root else folder / "pods"
        self.log_file = log_file or (folder.parent / f"{folder.name}.log" if root else folder / "css.log")
        self._chosen_port = port
        self.port = port or 0
        self._config = config or (HTTPS if certificate else WAC)
        self._certificate = certificate
        self._ready_seconds = ready_seconds
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def base_url(self) -> str:
        """The address that clients use, with its trailing slash; it is also the issuer."""
        return f"{'https' if self._certificate else 'http'}://localhost:{self.port}/"

    @property
    def trust(self) -> ssl.SSLContext | bool:
        """What aiohttp's ``ssl=`` needs to talk to this server."""
        return self._certificate.trust if self._certificate else True

    @property
    def pid(self) -> int:
        """The process (and process group) of the running server; raises when there is none."""
        if self._process is None:
            raise PartnerUnavailable("it is not running")
        return self._process.pid

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start and wait until it answers. Raises ``PartnerUnavailable`` with the log's tail."""
        attempts = 1 if self._chosen_port else 3
        for attempt in range(1, attempts + 1):
            self.port = self._chosen_port or free_port()
            try:
                self._launch()
                await self._wait_until_ready()
                return
            except BaseException:
                taken = "EADDRINUSE" in self.tail()
                await self._end_process()
                if not taken or attempt == attempts:
                    self._remove_temporary()
                    raise

    async def stop(self) -> None:
        """End the whole process group and remove the temporary folder, if it was ours."""
        await self._end_process()
        self._remove_temporary()

    def _launch(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        # Every CSS_* variable is read as a command-line option; an unknown one ends the server.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CSS_")}
        if self._certificate is not None:
            environment["NODE_EXTRA_CA_CERTS"] = str(self._certificate.authority)
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                self._command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )
        atexit.register(self._kill_now)

    def _command(self) -> list[str]:
        # Harmless for the other configurations: it only speaks of names below .localhost.
        command = [str(tools.node()), "--require", str(_LOCALHOST), str(tools.css_server())]
        command += ["-c", self._config, "-p", str(self.port), "-b", self.base_url]
        command += ["-f", str(self.root), "-l", "info"]
        if self._certificate is not None:
            made = self._certificate
            command += ["--httpsKey", str(made.key), "--httpsCert", str(made.certificate)]
        return command

    async def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + self._ready_seconds
        connector = aiohttp.TCPConnector(ssl=self.trust)
        limit = aiohttp.ClientTimeout(total=5)
        async with aiohttp.ClientSession(connector=connector, timeout=limit) as session:
            while time.monotonic() < deadline:
                if self._process is None or self._process.poll() is not None:
                    raise PartnerUnavailable(f"it ended at once; end of its log:\n{self.tail()}")
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    url = f"{self.base_url}.well-known/openid-configuration"
                    async with session.get(url, headers={"Accept": "application/json"}) as reply:
                        if reply.status == 200:
                            return
                await asyncio.sleep(0.15)
        raise PartnerUnavailable(f"no answer in {self._ready_seconds:g} s; end of its log:\n{self.tail()}")

    async def _end_process(self) -> None:
        process, self._process = self._process, None
        atexit.unregister(self._kill_now)
        if process is None:
            return
        _signal_group(process, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while process.poll() is None and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        _signal_group(process, signal.SIGKILL)
        process.wait()

    def _kill_now(self) -> None:
        if self._process is not None:
            _signal_group(self._process, signal.SIGKILL)
            self._process.wait()
        self._remove_temporary()

    def _remove_temporary(self) -> None:
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)

    # --- the log, as evidence -------------------------------------------------------------------------

    def mark(self) -> int:
        """A place in the log; pass it to the ``*_since`` methods."""
        return self.log_file.stat().st_size if self.log_file.exists() else 0

    def log_since(self, mark: int = 0) -> str:
        """The log's text from ``mark`` on, colours removed."""
        with self.log_file.open("rb") as log:
            log.seek(mark)
            return _COLOUR.sub("", log.read().decode("utf-8", "replace"))

    def requests_since(self, mark: int = 0) -> list[LoggedRequest]:
        """Every request that the server received since ``mark``, in its order."""
        found = []
        for line in parse_log(self.log_since(mark)):
            match = _REQUEST.match(line.text)
            if match and line.source == "HandlerServerConfigurator":
                found.append(LoggedRequest(line.at, match["method"], match["path"]))
        return found

    def webids_since(self, mark: int = 0) -> list[str]:
        """The WebID of every token that the server verified since ``mark``, in its order."""
        matches = (_WEBID.match(line.text) for line in parse_log(self.log_since(mark)))
        return [match["webid"] for match in matches if match]

    def tail(self, lines: int = TAIL_LINES) -> str:
        """The end of the log, for an error message."""
        return "\n".join(self.log_since(0).splitlines()[-lines:]) if self.log_file.exists() else ""


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
