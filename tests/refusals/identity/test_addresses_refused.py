"""Where the way out never leads: every row of the IANA registries in every spelling, and odd addresses."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from solidgate.adapters.clock import SystemClock
from solidgate.adapters.http import GuardedFetcher
from solidgate.adapters.http_addresses import Reach, reach_of
from solidgate.adapters.http_policy import FetchPolicy
from solidgate.adapters.http_urls import wire_url
from solidgate.errors import AddressRefused, SolidgateError

# IANA special-purpose registries, IPv4 and IPv6, with multicast and what is left of IPv6 outside 2000::/3.
SPECIAL_V4 = [
    "0.0.0.0/8", "0.0.0.0/32", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
    "172.16.0.0/12", "192.0.0.0/24", "192.0.0.0/29", "192.0.0.8/32", "192.0.0.170/32", "192.0.0.171/32",
    "192.0.2.0/24", "192.88.99.0/24", "192.88.99.2/32", "192.168.0.0/16", "198.18.0.0/15",
    "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "255.255.255.255/32",
]  # fmt: skip
SPECIAL_V6 = [
    "::1/128", "::/128", "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64", "2001::/23", "2001::/32",
    "2001:2::/48", "2001:10::/28", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fc00::/7",
    "fe80::/10", "fec0::/10", "ff00::/8", "ff02::1/128", "4000::/3", "8000::/3", "e000::/4",
    "::127.0.0.1/128", "::ffff:0:0:0/96",
]  # fmt: skip
PUBLIC = ["1.1.1.1", "8.8.8.8", "193.0.6.139", "223.255.255.254", "2606:4700::1111", "2a00:1450::8a"]


def samples(networks: list[str]) -> Iterator[str]:
    for text in networks:
        network = ip_network(text)
        yield from {str(network[0]), str(network[-1]), str(network[network.num_addresses // 2])}


def spellings(address: str) -> Iterator[str]:
    """The same IPv4 address as IPv6 writes it: mapped, NAT64, 6to4, compatible, translated."""
    number = int(IPv4Address(address))
    yield address
    for prefix, shift in (
        ("::ffff:0:0", 0),
        ("64:ff9b::", 0),
        ("2002::", 80),
        ("::", 0),
        ("::ffff:0:0:0", 0),
    ):
        yield str(IPv6Address(int(IPv6Address(prefix)) | number << shift))


REFUSED = sorted({form for v4 in samples(SPECIAL_V4) for form in spellings(v4)} | set(samples(SPECIAL_V6)))


@pytest.mark.parametrize("address", PUBLIC)
def test_public(address: str) -> None:
    assert reach_of(address) is Reach.PUBLIC


def test_every_special_address_in_every_spelling() -> None:
    assert len(REFUSED) > 300
    assert [address for address in REFUSED if reach_of(address) is Reach.PUBLIC] == []


@pytest.mark.parametrize("address", ["::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_embedded_addresses_are_judged_as_what_they_are(address: str) -> None:
    assert reach_of(address) is Reach.PUBLIC


NEVER = ["169.254.169.254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "0.0.0.0", "224.0.0.1", "::",
         "fe80::1", "fe80::1%eth0", "255.255.255.255", "nonsense", ""]  # fmt: skip


@pytest.mark.parametrize("address", NEVER)
def test_no_setting_reaches_metadata_multicast_or_link_local(address: str) -> None:
    assert reach_of(address) is Reach.NEVER


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "192.168.0.1", "172.31.0.1", "::1", "fd00::1"])
def test_development_reaches_private_addresses(address: str) -> None:
    assert reach_of(address) is Reach.PRIVATE


class Canary:
    """Sockets that must never be opened, and answers that a lying name server gives."""

    def __init__(self) -> None:
        self.opened: list[str] = []

    def __call__(self, address: aiohttp.AddrInfoType) -> socket.socket:
        self.opened.append(str(address[4][0]))
        raise OSError("the canary opens nothing")


class LyingResolver(AbstractResolver):
    """Gives the next list of addresses at each question, as a rebinding name server does."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        addresses = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        return


@pytest.fixture
async def canary() -> Canary:
    return Canary()


async def outcome(canary: Canary, url: str, resolver: AbstractResolver | None = None) -> type[Exception]:
    fetcher = GuardedFetcher(FetchPolicy(), SystemClock(), resolver=resolver, open_socket=canary)
    try:
        await fetcher.fetch("GET", url, max_bytes=1024)
    except SolidgateError as refused:
        return type(refused)
    finally:
        await fetcher.aclose()
    raise AssertionError("an answer")


async def test_no_literal_is_ever_dialled(canary: Canary) -> None:
    hosts = [f"[{one}]" if ip_address(one).version == 6 else one for one in REFUSED]
    fetcher = GuardedFetcher(FetchPolicy(), SystemClock(), open_socket=canary)
    for host in hosts:
        with pytest.raises(AddressRefused):
            await fetcher.fetch("GET", f"https://{host}/", max_bytes=1024)
    await fetcher.aclose()
    assert canary.opened == []


async def test_no_name_leads_inside(canary: Canary) -> None:
    for address in REFUSED[::7]:
        found = await outcome(canary, "https://pod.example/", LyingResolver([address]))
        assert found is AddressRefused, address
    assert canary.opened == []


async def test_rebinding_and_mixed_answers_dial_only_what_was_checked(canary: Canary) -> None:
    resolver = LyingResolver(*[["8.8.8.8"], ["127.0.0.1"]] * 20, ["8.8.8.8", "127.0.0.1", "10.0.0.1"])
    for _ in range(41):
        await outcome(canary, "https://pod.example/", resolver)
    assert set(canary.opened) == {"8.8.8.8"}


ODD = [
    "http://example.org/",
    "ftp://example.org/",
    "file:///etc/passwd",
    "gopher://example.org/",
    "javascript:alert(1)",
    "https://",
    "https:///path",
    "//example.org/",
    "example.org",
    "",
    "https://user@example.org/",
    "https://user:secret@example.org/",
    "https://@example.org/",
    "https://example.org:8443/",
    "https://example.org:0/",
    "https://example.org:99999/",
    "https://example.org:port/",
    "https://example.org./",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://017700000001/",
    "https://127.1/",
    "https://127.0.1/",
    "https://0177.0.0.1/",
    "https://0x7f.0.0.1/",
    "https://127.0.0.0x1/",
    "https://00127.0.0.1/",
    "https://1.2.3.4.5/",
    "https://example.1/",
    "https://example.0x/",
    "https://256.256.256.256/",
    "https://127.0.0.1./",
    "https://[::1%25lo]/",
    "https://[fe80::1%eth0]/",
    "https://[::1/",
    "https://example.org\\@127.0.0.1/",
    "https://example.org\t/",
    "https://example.org/\r\nHost: inside",
    "https://exa mple.org/",
    "https://example.org/\x00",
    "https://evil.example#@127.0.0.1:99999",
    "https://" + "a" * 2100 + ".example/",
]


@pytest.mark.parametrize("url", ODD)
async def test_odd_addresses(canary: Canary, url: str) -> None:
    # Some odd spellings are read as a plain name by every reader; then the name is what is dialled.
    found = await outcome(canary, url, LyingResolver(["127.0.0.1"]))
    assert found is AddressRefused
    assert canary.opened == []


FULL_WIDTH = ["https://１２７.０.０.１/", "https://①②⑦.⓪.⓪.①/", "https://127。0。0。1/"]


@pytest.mark.parametrize("url", FULL_WIDTH)
async def test_full_width_digits_are_read_before_they_are_judged(canary: Canary, url: str) -> None:
    assert await outcome(canary, url, LyingResolver(["127.0.0.1"])) is AddressRefused
    assert canary.opened == []


@pytest.mark.parametrize(
    ("text", "wire"),
    [
        ("HTTPS://EXAMPLE.org", "https://example.org/"),
        ("https://example.org:443/a/../b", "https://example.org/b"),
        ("https://example.org/%7euser?q=%2f#frag", "https://example.org/~user?q=%2F"),
        ("https://example.org/a b", None),
        ("https://bücher.example/ü", "https://xn--bcher-kva.example/%C3%BC"),
        ("https://example.org/a%2Fb", "https://example.org/a%2Fb"),
    ],
)
def test_one_form(text: str, wire: str | None) -> None:
    if wire is None:
        with pytest.raises(AddressRefused):
            wire_url(text, plain_http=False, ports=(443,))
    else:
        once = str(wire_url(text, plain_http=False, ports=(443,)))
        assert once == wire
        assert str(wire_url(once, plain_http=False, ports=(443,))) == once


@pytest.fixture
async def inside() -> AsyncIterator[tuple[int, list[int]]]:
    """A service on loopback that counts who came."""
    hits: list[int] = []

    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hits.append(1)
        writer.close()

    server = await asyncio.start_server(count, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], hits


async def test_a_real_service_inside_sees_nothing(inside: tuple[int, list[int]]) -> None:
    port, hits = inside
    fetcher = GuardedFetcher(FetchPolicy(allowed_ports=(443, port)), SystemClock())
    for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "[::1]"):
        with pytest.raises(AddressRefused):
            await fetcher.fetch("GET", f"https://{host}:{port}/", max_bytes=1024)
    await fetcher.aclose()
    assert hits == []
