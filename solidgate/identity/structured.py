"""The few structured fields that message signatures need (RFC 9651): dictionaries, strictly read.

A field that has anything else is refused whole; nothing is guessed or skipped.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MAX_CHARACTERS = 4096
_KEY = re.compile(r"[a-z*][a-z0-9_.*-]*")
_STRING = re.compile(r'"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"')
_INTEGER = re.compile(r"-?\d{1,15}(?![\d.])")
_BYTES = re.compile(r":([A-Za-z0-9+/]*={0,2}):")
_TOKEN = re.compile(r"[A-Za-z*][A-Za-z0-9!#$%&'*+.^_`|~:/-]*")
_ESCAPED = re.compile(r"\\(.)")

Bare = str | int | bool | bytes


@dataclass(frozen=True, slots=True)
class InnerList:
    """``("@method" "content-digest");created=1``: names, parameters, and the text itself."""

    names: tuple[str, ...]
    parameters: Mapping[str, Bare]
    text: str


@dataclass(slots=True)
class _Reader:
    text: str
    place: int = 0

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self.text, self.place)
        if found:
            self.place = found.end()
        return found

    def sees(self, character: str) -> bool:
        if self.text.startswith(character, self.place):
            self.place += len(character)
            return True
        return False

    def spaces(self, kinds: str) -> None:
        while self.place < len(self.text) and self.text[self.place] in kinds:
            self.place += 1

    def key(self) -> str:
        found = self.take(_KEY)
        if found is None:
            raise ValueError("a key is missing")
        return found[0]

    def bare(self) -> Bare:
        if found := self.take(_STRING):
            return _ESCAPED.sub(r"\1", found[1])
        if found := self.take(_BYTES):
            return base64.b64decode(found[1], validate=True)
        if found := self.take(_INTEGER):
            return int(found[0])
        if self.sees("?1") or self.sees("?0"):
            return self.text[self.place - 1] == "1"
        if found := self.take(_TOKEN):
            return found[0]
        raise ValueError("a value is missing")

    def parameters(self) -> dict[str, Bare]:
        found: dict[str, Bare] = {}
        while self.sees(";"):
            self.spaces(" ")
            name = self.key()
            if name in found:
                raise ValueError("a parameter stands twice")
            found[name] = self.bare() if self.sees("=") else True
        return found

    def inner_list(self) -> InnerList:
        start = self.place
        if not self.sees("("):
            raise ValueError("a list of components is missing")
        names: list[str] = []
        while not self.sees(")"):
            self.spaces(" ")
            if self.sees(")"):
                break
            found = self.take(_STRING)
            # A component with parameters (;sf, ;bs, ;req, ;name) changes what is signed: none is understood.
            if found is None or not self.text.startswith((" ", ")"), self.place):
                raise ValueError("a component that is not a plain name")
            names.append(found[1])
        return InnerList(tuple(names), self.parameters(), self.text[start : self.place])

    def next_member(self) -> bool:
        """Whether another member follows; raises for anything but a comma or the end."""
        self.spaces(" \t")
        if self.place == len(self.text):
            return False
        if not self.sees(","):
            raise ValueError("members are divided by commas")
        self.spaces(" \t")
        if self.place == len(self.text):
            raise ValueError("a comma at the end")
        return True


def inner_lists(values: Sequence[str], most: int = 8) -> Mapping[str, InnerList]:
    """A dictionary of inner lists (``Signature-Input``). Raises ``ValueError``."""
    found: dict[str, InnerList] = {}
    reader = _reader(values)
    while True:
        label = _new_label(reader, found, most)
        found[label] = reader.inner_list()
        if not reader.next_member():
            return found


def byte_sequences(values: Sequence[str], most: int = 8) -> Mapping[str, bytes]:
    """A dictionary of byte sequences (``Signature``, ``Content-Digest``). Raises ``ValueError``."""
    found: dict[str, bytes] = {}
    reader = _reader(values)
    while True:
        label = _new_label(reader, found, most)
        value = reader.bare()
        if not isinstance(value, bytes):
            raise ValueError("a member is not a byte sequence")
        reader.parameters()
        found[label] = value
        if not reader.next_member():
            return found


def _reader(values: Sequence[str]) -> _Reader:
    text = ", ".join(value.strip(" \t") for value in values)
    if not text or len(text) > MAX_CHARACTERS or not text.isascii():
        raise ValueError(f"missing, not ASCII, or longer than {MAX_CHARACTERS} characters")
    return _Reader(text)


def _new_label(reader: _Reader, found: Mapping[str, object], most: int) -> str:
    label = reader.key()
    if label in found or len(found) >= most or not reader.sees("="):
        raise ValueError("a label stands twice, has no value, or there are too many")
    return label
