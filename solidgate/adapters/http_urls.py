"""One form for every outbound address: what is checked, what is signed and what is sent are the same text."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import NamedTuple

from yarl import URL

from solidgate.errors import AddressRefused
from solidgate.pod.address import is_normal, normal_form

MAX_URL_CHARACTERS = 2048
_MANY_ORIGINS = 1024
_AFTER_SCHEME = len("https://")
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f\\]")
_DOTTED_QUAD = re.compile(r"(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.|$)){4}")
_NUMERIC_LABEL = re.compile(r"(?:\d+|0[xX][0-9a-fA-F]*)")


class Address(NamedTuple):
    """An address that passed: ``text`` is what is signed, ``url`` what is sent, both the same."""

    text: str
    url: URL
    origin: str


class Addresses:
    """``wire_url`` for many addresses of few origins: what an origin decides is decided once."""

    def __init__(self, *, plain_http: bool, ports: Collection[int]) -> None:
        self._plain_http = plain_http
        self._ports = ports
        self._roots: dict[str, URL] = {}

    def checked(self, text: str) -> Address:
        """The address in normal form. Raises ``AddressRefused`` as ``wire_url`` does."""
        if len(text) > MAX_URL_CHARACTERS or not is_normal(text):
            url = wire_url(text, plain_http=self._plain_http, ports=self._ports)
            return Address(str(url), url, origin_of(url))
        # Of a normal address the path needs no check, and no parser changes it.
        path = text.index("/", _AFTER_SCHEME)
        origin = text[:path]
        root = self._roots.get(origin) or self._allowed(origin)
        return Address(text, root.with_path(text[path:], encoded=True), origin)

    def _allowed(self, origin: str) -> URL:
        root = wire_url(f"{origin}/", plain_http=self._plain_http, ports=self._ports)
        if len(self._roots) >= _MANY_ORIGINS:
            self._roots.clear()
        self._roots[origin] = root
        return root


def wire_url(text: str, *, plain_http: bool, ports: Collection[int]) -> URL:
    """The address in normal form without fragment; raises ``AddressRefused`` for anything odd.

    ``ports`` lists the allowed ones, empty allows all. Whether the host's address may be dialled is checked
    later, on the address really dialled.
    """
    if len(text) > MAX_URL_CHARACTERS or _FORBIDDEN.search(text):
        raise AddressRefused("too long, or with characters that no address has")
    known = is_normal(text)
    url = URL(text) if known else _normal(text)
    if url.scheme != "https" and not (plain_http and url.scheme == "http"):
        raise AddressRefused("the scheme is not https")
    _check_host(url.raw_host or "")
    if ports and url.port not in ports:
        raise AddressRefused("a port that is not called")
    return url


def origin_of(url: URL) -> str:
    """Scheme, host and port, as one text (RFC 6454)."""
    return str(url.origin())


def _normal(text: str) -> URL:
    """Sent as ``normal_form`` spells it, and so as it is signed: no parser has a say any more."""
    try:
        normal = normal_form(text)
        again = normal_form(normal)
        url = URL(normal, encoded=True)
    except (ValueError, UnicodeError) as broken:
        raise AddressRefused("not an address of a server, or a user name in it") from broken
    if again != normal or str(url) != normal:
        raise AddressRefused("not an address with one reading")
    return url


def _check_host(host: str) -> None:
    if not host or not host.isascii() or host.endswith(".") or "%" in host:
        raise AddressRefused("a host name that is not called")
    # "Ends in a number" as the WHATWG URL standard tests it: resolvers read 127.1, 0x7f.1 and 2130706433
    # as addresses, so only the canonical dotted quad may look like one.
    looks_numeric = ":" not in host and _NUMERIC_LABEL.fullmatch(host.rsplit(".", 1)[-1])
    if looks_numeric and not _DOTTED_QUAD.fullmatch(host):
        raise AddressRefused("a host that looks like a number and is not an address")
