"""``solidgate doctor``: what is right here, what is not, and what to do about it."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg

import solidgate
from solidgate.adapters.clock import SystemClock
from solidgate.adapters.http import GuardedFetcher
from solidgate.adapters.http_policy import FetchPolicy
from solidgate.adapters.postgres import shared_postgres
from solidgate.adapters.sandbox_machine import probe_level
from solidgate.adapters.sql.engine import plain_url, revisions
from solidgate.cli.common import DEFAULTS, Common
from solidgate.errors import AddressRefused, SolidgateError
from solidgate.settings import Settings

OK, WARN, FAIL = "ok", "warn", "fail"
OLDEST_POSTGRES = 140000
CLOCK_SECONDS = 5.0
LEAST_FREE = 0.10


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report: ``level`` is ok, warn or fail; where something is to be done, a remedy."""

    name: str
    level: str
    says: str
    remedy: str = ""


Check = Callable[[Settings, str], Awaitable[list[Finding]]]


async def doctor(*, common: Common = DEFAULTS) -> int:
    """Check settings, folder, clock, database, sandbox and network; ends with 1 when one of them fails."""
    findings = await examine(common)
    worst = FAIL if any(found.level == FAIL for found in findings) else OK
    common.show({"result": worst, "findings": [asdict(found) for found in findings]}, as_text(findings))
    return 1 if worst == FAIL else 0


async def examine(common: Common) -> list[Finding]:
    """All findings; a check that cannot run is a finding too."""
    try:
        settings = common.settings()
    except SolidgateError as error:
        return [_failed("settings", error)]
    with _without_traces(settings.server.data_folder.absolute()):
        return await _examined(settings)


async def _examined(settings: Settings) -> list[Finding]:
    findings = [Finding("settings", OK, f"read, for {settings.environment}"), *folder(settings), account()]
    try:
        with _database_of(settings) as url:
            for name, check in CHECKS.items():
                try:
                    findings += await check(settings, url)
                except SolidgateError as error:
                    findings.append(_failed(name, error))
    except SolidgateError as error:
        findings.append(_failed("database", error))
    return findings


@contextmanager
def _database_of(settings: Settings) -> Iterator[str]:
    """The database to look at; where none was made yet, one in passing, so that nothing stays behind."""
    url, kept = settings.database.url.get_secret_value(), settings.server.data_folder
    if url or (kept / "postgres").exists():
        with shared_postgres(url, kept) as found:
            yield found
        return
    with TemporaryDirectory(prefix="solidgate-doctor-") as folder, shared_postgres("", Path(folder)) as found:
        yield found


@contextmanager
def _without_traces(path: Path) -> Iterator[None]:
    """Folders that are made meanwhile and stay empty are taken away again."""
    made = [one for one in (path, *path.parents) if not one.exists()]
    try:
        yield
    finally:
        for one in made:
            with suppress(OSError):
                one.rmdir()


def as_text(findings: list[Finding]) -> str:
    """One line a finding, and its remedy below it."""
    lines = []
    for found in findings:
        lines.append(f"{found.level:<5} {found.name:<14} {found.says}")
        if found.remedy:
            lines.append(f"{'':<20} -> {found.remedy}")
    return "\n".join(lines)


def _failed(name: str, error: SolidgateError) -> Finding:
    return Finding(name, FAIL, f"{error.code}: {error.detail or error.sentence}", error.remedy)


def folder(settings: Settings) -> list[Finding]:
    """The data folder: there, ours to write, closed to others, with room."""
    path = settings.server.data_folder
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        return [
            Finding("data folder", FAIL, f"{path}: {fault.strerror}", "Choose another server.data_folder.")
        ]
    if not os.access(path, os.W_OK | os.X_OK):
        return [Finding("data folder", FAIL, f"{path} is not ours to write", "Give it to this user.")]
    found = [Finding("data folder", OK, f"{path} is writable")]
    if path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        found = [Finding("data folder", FAIL, f"others may write to {path}", f"chmod go-w {path}")]
    usage = shutil.disk_usage(path)
    if usage.free < LEAST_FREE * usage.total:
        percent = round(100 * usage.free / usage.total)
        found.append(
            Finding("disk", WARN, f"{percent} % free", "Make room: the database stops when it is full.")
        )
    return found


def account() -> Finding:
    """Which user runs this."""
    if os.geteuid() == 0:
        return Finding("account", WARN, "runs as root", "Run solidgate as a user of its own.")
    return Finding("account", OK, "runs as an ordinary user")


async def database(_settings: Settings, url: str) -> list[Finding]:
    """Reachable, new enough, and of the same time as we are."""
    try:
        async with await psycopg.AsyncConnection.connect(plain_url(url), connect_timeout=5) as connection:
            row = await (await connection.execute("SELECT clock_timestamp()")).fetchone()
            number = connection.info.server_version
    except psycopg.OperationalError as fault:
        reason = str(fault).strip().split("\n", 1)[0]
        return [Finding("database", FAIL, reason, "Check database.url, and that the server is up.")]
    name = f"PostgreSQL {number // 10000}.{number % 10000}"
    old = number < OLDEST_POSTGRES
    remedy = "Use PostgreSQL 14 or newer." if old else ""
    return [Finding("database", FAIL if old else OK, name, remedy), clock(row[0] if row else None)]


def clock(theirs: datetime | None) -> Finding:
    """Not before this program was made, and not far from the database's."""
    now = datetime.now(UTC)
    made = datetime.fromtimestamp(Path(solidgate.__file__).stat().st_mtime, UTC)
    remedy = "Set the clock, and keep it with NTP: tokens and consents depend on it."
    if now < made:
        return Finding("clock", FAIL, "before the time this program was installed", remedy)
    apart = abs((now - theirs).total_seconds()) if theirs else 0.0
    if apart > CLOCK_SECONDS:
        return Finding("clock", FAIL, f"{apart:.0f} s away from the database's", remedy)
    return Finding("clock", OK, f"{apart:.1f} s from the database's")


async def migrations(_settings: Settings, url: str) -> list[Finding]:
    """Whether the tables are those of this version."""
    current, wanted = await asyncio.to_thread(revisions, url)
    if current == wanted:
        return [Finding("migrations", OK, f"at {current}")]
    if not current:
        return [Finding("migrations", WARN, "no tables yet", "solidgate serve makes them.")]
    return [
        Finding(
            "migrations", WARN, f"at {current}, this version brings {wanted}", "solidgate serve migrates."
        )
    ]


async def outbound(settings: Settings, _url: str) -> list[Finding]:
    """That the guard really refuses an address of this machine, and whether the settings open it."""
    fetcher = GuardedFetcher(FetchPolicy(ca_file=settings.http.ca_file), SystemClock())
    try:
        await fetcher.fetch("GET", "https://127.0.0.1/", max_bytes=1)
    except AddressRefused:
        pass
    except SolidgateError as error:
        return [
            Finding("outbound", FAIL, f"the guard let a private address pass ({error.code})", "Report this.")
        ]
    finally:
        await fetcher.aclose()
    if settings.http.allow_private_addresses:
        return [Finding("outbound", WARN, "private addresses are allowed", "For development only.")]
    return [Finding("outbound", OK, "private addresses are refused")]


async def public_url(settings: Settings, _url: str) -> list[Finding]:
    """Whether the gate answers at the address that pods call back."""
    url = settings.server.public_url
    fetcher = GuardedFetcher(
        FetchPolicy(allow_private_addresses=True, ca_file=settings.http.ca_file), SystemClock()
    )
    try:
        reply = await fetcher.fetch("GET", f"{url}healthz", max_bytes=4096, timeout=5)
    except SolidgateError as error:
        remedy = "Start solidgate serve, and let the name and the proxy lead to it: pods call it."
        return [Finding("public url", WARN, f"{url} does not answer ({error.code})", remedy)]
    finally:
        await fetcher.aclose()
    if reply.status == 200 and b'"alive"' in reply.content:
        return [Finding("public url", OK, f"{url} answers")]
    return [Finding("public url", FAIL, f"{url} is answered by something else", "Correct server.public_url.")]


async def sandbox(settings: Settings, _url: str) -> list[Finding]:
    """Which isolation this machine really gives, and what is missing for more."""
    level, missing = await asyncio.to_thread(probe_level)
    wanted = settings.sandbox.minimum_level
    says = f"level {int(level)}, settings ask for {wanted}"
    remedy = f"For more: {'; '.join(missing)}." if missing else ""
    return [Finding("sandbox", OK if int(level) >= wanted else FAIL, says, remedy)]


CHECKS: dict[str, Check] = {
    "database": database,
    "migrations": migrations,
    "sandbox": sandbox,
    "outbound": outbound,
    "public url": public_url,
}
