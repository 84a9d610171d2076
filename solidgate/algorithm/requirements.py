"""``requirements.lock``: every library of a program, at one version, with the digests of its files."""

from __future__ import annotations

import re
from dataclasses import dataclass

from solidgate.errors import AlgorithmInvalid

_PIN = re.compile(
    r"([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*==\s*([A-Za-z0-9.!+_-]+)((?:\s+--hash=\S+)*)"
)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True, order=True)
class Requirement:
    """One library: its normal name (PEP 503), its exact version, sha256 of each file that may be used."""

    name: str
    version: str
    hashes: tuple[str, ...]


def parse_requirements(content: bytes) -> tuple[Requirement, ...]:
    """The lock, sorted by name. Raises ``AlgorithmInvalid`` naming each line that is not an exact pin.

    No options, addresses or ranges: what was approved would then depend on who answers at install time.
    """
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise AlgorithmInvalid("requirements.lock: is not UTF-8") from error
    found, broken = [], []
    for number, line in _lines(text):
        pin = _PIN.fullmatch(line)
        hashes = _HASH.findall(pin[3]) if pin else []
        if pin is None or not hashes or len(hashes) != len(pin[3].split()):
            broken.append(f"line {number}: write name==version --hash=sha256:… and nothing else")
            continue
        name = re.sub(r"[-_.]+", "-", pin[1]).lower()
        found.append(Requirement(name, pin[2], tuple(sorted(set(hashes)))))
    if len({one.name for one in found}) < len(found):
        broken.append("a library stands twice")
    if broken:
        raise AlgorithmInvalid("; ".join(f"requirements.lock: {one}" for one in broken))
    return tuple(sorted(found))


def _lines(text: str) -> list[tuple[int, str]]:
    """Logical lines with the number of their first line; a backslash at the end continues."""
    found: list[tuple[int, str]] = []
    start, held = 0, ""
    for number, line in enumerate(text.splitlines(), 1):
        start = start or number
        held += re.sub(r"(^|\s)#.*$", "", line).strip()
        if held.endswith("\\"):
            held = held[:-1] + " "
            continue
        if held.strip():
            found.append((start, held.strip()))
        start, held = 0, ""
    if held.strip():
        found.append((start, held.strip()))
    return found
