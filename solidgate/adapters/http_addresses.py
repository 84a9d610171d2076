"""Which network addresses may be dialled: the IANA special-purpose registries as one table of our own.

Sources: the IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890), the IPv6 unicast allocation
(2000::/3), and the multicast registries, as of 2025-10. ``ipaddress.is_global`` is not used: it differs from
the registries in a dozen rows.
"""

from __future__ import annotations

from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network


class Reach(StrEnum):
    """Who may dial an address."""

    PUBLIC = "public"
    PRIVATE = "private"
    """Only with ``allow_private``: this machine and private networks, for development."""
    NEVER = "never"
    """Nobody, no setting helps: link-local (cloud metadata), multicast, reserved, documentation."""


_ROWS: tuple[tuple[str, Reach, str], ...] = (
    ("0.0.0.0/8", Reach.NEVER, "this network"),
    ("10.0.0.0/8", Reach.PRIVATE, "private use"),
    ("100.64.0.0/10", Reach.PRIVATE, "shared address space"),
    ("127.0.0.0/8", Reach.PRIVATE, "loopback"),
    ("169.254.0.0/16", Reach.NEVER, "link-local, cloud metadata"),
    ("172.16.0.0/12", Reach.PRIVATE, "private use"),
    ("192.0.0.0/24", Reach.NEVER, "IETF protocol assignments"),
    ("192.0.2.0/24", Reach.NEVER, "documentation"),
    ("192.88.99.0/24", Reach.NEVER, "6to4 relay anycast"),
    ("192.168.0.0/16", Reach.PRIVATE, "private use"),
    ("198.18.0.0/15", Reach.NEVER, "benchmarking"),
    ("198.51.100.0/24", Reach.NEVER, "documentation"),
    ("203.0.113.0/24", Reach.NEVER, "documentation"),
    ("224.0.0.0/4", Reach.NEVER, "multicast"),
    ("240.0.0.0/4", Reach.NEVER, "reserved, limited broadcast"),
    ("::1/128", Reach.PRIVATE, "loopback"),
    ("fc00::/7", Reach.PRIVATE, "unique local"),
    ("2001::/23", Reach.NEVER, "IETF protocol assignments, Teredo"),
    ("2001:db8::/32", Reach.NEVER, "documentation"),
    ("2002::/16", Reach.NEVER, "6to4"),
    ("3fff::/20", Reach.NEVER, "documentation"),
)
_TABLE = tuple((ip_network(network), reach) for network, reach, _ in _ROWS)
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_MAPPED = IPv6Network("::ffff:0:0/96")
_NAT64 = IPv6Network("64:ff9b::/96")


def reach_of(address: str) -> Reach:
    """Who may dial this numeric address; anything that is not one is ``NEVER``.

    IPv4 addresses inside IPv6 ones (mapped, NAT64) are judged as what they are; all other IPv6 outside
    2000::/3, loopback and unique-local is ``NEVER``.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return Reach.NEVER
    if isinstance(parsed, IPv4Address):
        return _in_table(parsed, Reach.PUBLIC)
    embedded = _embedded(parsed)
    if embedded is not None:
        return _in_table(embedded, Reach.PUBLIC)
    return _in_table(parsed, Reach.PUBLIC if parsed in _GLOBAL_UNICAST else Reach.NEVER)


def _embedded(address: IPv6Address) -> IPv4Address | None:
    if address.scope_id is None and (address in _MAPPED or address in _NAT64):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def _in_table(address: IPv4Address | IPv6Address, otherwise: Reach) -> Reach:
    for network, reach in _TABLE:
        if _contains(network, address):
            return reach
    return otherwise


def _contains(network: IPv4Network | IPv6Network, address: IPv4Address | IPv6Address) -> bool:
    return network.version == address.version and address in network
