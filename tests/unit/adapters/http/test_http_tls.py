"""TLS: only a certificate that the system or the given authorities vouch for, for the name that was asked."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from solidgate.adapters.http import GuardedFetcher
from solidgate.adapters.http_policy import FetchPolicy
from solidgate.errors import BadSetting, FetchUnreachable


def certificate(folder: Path, name: str, *, days: int = 1) -> tuple[Path, Path]:
    """A certificate that vouches for itself; gives the files of certificate and key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    names: list[x509.GeneralName] = (
        [x509.IPAddress(ip_address(name))] if name[0].isdigit() else [x509.DNSName(name)]
    )
    start = datetime.now(UTC) - timedelta(days=5)
    built = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=5 + days))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / "certificate.pem", folder / "key.pem"
    files[0].write_bytes(built.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    files[1].write_bytes(private)
    return files


async def _serving(files: tuple[Path, Path]) -> web.AppRunner:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*files)
    app = web.Application()
    app.router.add_get("/", _ok)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    return runner


async def _ok(request: web.Request) -> web.Response:
    return web.Response(text="ok")


CASES = {
    "good": ("127.0.0.1", 1, True, "ok"),
    "unknown authority": ("127.0.0.1", 1, False, "refused"),
    "another name": ("pod.example", 1, True, "refused"),
    "expired": ("127.0.0.1", -1, True, "refused"),
}


@pytest.fixture
async def runners() -> AsyncIterator[list[web.AppRunner]]:
    started: list[web.AppRunner] = []
    yield started
    for runner in started:
        await runner.cleanup()


@pytest.mark.parametrize("name", CASES)
async def test_certificates(tmp_path: Path, runners: list[web.AppRunner], wall_clock, name: str) -> None:
    host, days, trusted, expected = CASES[name]
    files = certificate(tmp_path, host, days=days)
    runners.append(await _serving(files))
    policy = FetchPolicy(allow_private_addresses=True, ca_file=str(files[0]) if trusted else "")
    fetcher = GuardedFetcher(policy, wall_clock)
    url = f"https://127.0.0.1:{runners[0].addresses[0][1]}/"
    if expected == "ok":
        assert (await fetcher.fetch("GET", url, max_bytes=100)).content == b"ok"
    else:
        with pytest.raises(FetchUnreachable, match="TLS"):
            await fetcher.fetch("GET", url, max_bytes=100)
    await fetcher.aclose()


def test_a_file_of_authorities_that_is_none_is_named(tmp_path: Path, wall_clock) -> None:
    broken = tmp_path / "ca.pem"
    broken.write_text("no certificate")
    for path in (broken, tmp_path / "missing.pem"):
        with pytest.raises(BadSetting, match="ca_file"):
            GuardedFetcher(FetchPolicy(ca_file=str(path)), wall_clock)
