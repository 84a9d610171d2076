"""Reading a plain tree (of TOML or Turtle) field by field, collecting every finding instead of the first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from solidgate.space.policy import Finding


@dataclass(slots=True)
class Findings:
    """What was found so far; readers add to it and go on."""

    found: list[Finding] = field(default_factory=list)

    def add(self, where: str, rule: str, message: str) -> None:
        self.found.append(Finding(where, rule, message))

    def covers(self, where: str) -> bool:
        """Whether this field, or one that holds it, has a finding already: the rest would be an echo."""
        fields = [one.field for one in self.found]
        return any(where == field or where.startswith((field + ".", field + "[")) for field in fields)


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the file: where it is, what stands in it, and the findings it reports to."""

    where: str
    content: Mapping[str, Any]
    findings: Findings

    def at(self, name: str) -> str:
        return f"{self.where}.{name}" if self.where else name

    def only(self, names: Sequence[str]) -> None:
        """Report every name that is none of these; the nearest is suggested."""
        for name in self.content:
            if name not in names:
                self.findings.add(self.at(name), "known-field", f"is no field here: {', '.join(names)}")

    def text(self, name: str, default: str | None = None) -> str:
        """A text; ``default`` when it may be absent."""
        return str(self._one(name, str, "a text", default, ""))

    def number(self, name: str, default: int | None = None) -> int:
        return int(self._one(name, int, "a whole number", default, 0))

    def flag(self, name: str, default: bool = False) -> bool:
        return bool(self._one(name, bool, "true or false", default, default))

    def words(self, name: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        """A list of texts."""
        found = self._one(name, list, "a list of texts", None if default is None else list(default), [])
        if all(isinstance(word, str) for word in found):
            return tuple(found)
        self.findings.add(self.at(name), "kind", "must be a list of texts")
        return ()

    def table(self, name: str, *, required: bool = True) -> Table:
        default: dict[str, Any] | None = None if required else {}
        return Table(self.at(name), self._one(name, dict, "a table", default, {}), self.findings)

    def tables(self, name: str) -> Iterator[Table]:
        """A list of tables, numbered from 0."""
        for place, one in enumerate(self._one(name, list, "a list of tables", None, [])):
            if isinstance(one, dict):
                yield Table(f"{self.at(name)}[{place}]", one, self.findings)
            else:
                self.findings.add(f"{self.at(name)}[{place}]", "kind", "must be a table")

    def texts(self, name: str, *, required: bool = True) -> dict[str, str]:
        """A table of texts by language tag."""
        table = self.table(name, required=required)
        return {language: table.text(language) for language in table.content}

    def _one(self, name: str, kind: type, words: str, default: Any, empty: Any) -> Any:
        if name not in self.content:
            if default is None:
                self.findings.add(self.at(name), "required", f"is missing; write {words}")
                return empty
            return default
        value = self.content[name]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            self.findings.add(self.at(name), "kind", f"must be {words}")
            return empty
        return value
