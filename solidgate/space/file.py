"""A space's description in a file, TOML or Turtle, read into a draft of its agreement.

Both forms become one plain tree first (``tree_of_toml``, ``turtle.tree_of_turtle``), so a rule is written
once. Placeholders (``${owner}``) are filled after parsing, inside values only: what is filled in can never
change the structure of the file.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from solidgate.errors import BadFile, SpaceInvalid
from solidgate.space.agreement import Agreement
from solidgate.space.lint import lint
from solidgate.space.numbered import numbered
from solidgate.space.participant import Party, Role
from solidgate.space.paths import expand
from solidgate.space.policy import SpacePolicy, refuse
from solidgate.space.purpose import Purpose, ResourceNeed
from solidgate.space.rerun import BY_HAND
from solidgate.space.tree import Findings, Table
from solidgate.space.turtle import tree_of_turtle
from solidgate.vocab import expand as full_iri

MAX_BYTES = 1024 * 1024
_FIELDS = tuple(
    """
    id version title languages jurisdiction storage_location validity retention result_container parameters
    min_group_size minimum_level rerun terms output parties purposes algorithm output_shape aggregate_shape
    algorithm_text algorithm_source placeholders
    """.split()  # noqa: SIM905 (a list of twenty-three quoted words is harder to read)
)
_PLACEHOLDER = re.compile(r"\$\{([a-z][a-z0-9_]{0,40})\}")


@dataclass(frozen=True, slots=True)
class SpaceFile:
    """A space as its file describes it.

    ``draft`` is the agreement without what stands in other files: ``terms_files`` (path by language, beside
    the file) and ``algorithm_folder`` (empty when the file names a digest). ``complete`` fills both in.
    """

    draft: Agreement
    terms_files: Mapping[str, str]
    algorithm_folder: str

    def complete(
        self,
        terms: Mapping[str, str],
        *,
        algorithm: str,
        output_shape: str,
        aggregate_shape: str,
        algorithm_text: Mapping[str, str],
        algorithm_source: str,
        parameters: Mapping[str, object],
    ) -> Agreement:
        """The agreement, with the texts of ``terms_files`` and what the program says of itself."""
        if missing := sorted(set(self.terms_files) - set(terms)):
            raise SpaceInvalid(f"terms: the texts for {', '.join(missing)} were not read")
        return replace(
            self.draft,
            terms={**self.draft.terms, **terms},
            algorithm=algorithm,
            output_shape=output_shape,
            aggregate_shape=aggregate_shape,
            algorithm_text=dict(algorithm_text),
            algorithm_source=algorithm_source,
            parameters=dict(parameters),
        )


def read_space(
    content: bytes, suffix: str, policy: SpacePolicy, values: Mapping[str, str] | None = None
) -> SpaceFile:
    """The space that a ``.toml`` or ``.ttl`` file describes, with placeholders filled from ``values``.

    Raises ``BadFile`` when it is not such a file, ``SpaceInvalid`` with every finding at once.
    """
    findings = Findings()
    tree = _fill(_tree(content, suffix), values or {}, findings)
    space = _space(Table("", tree, findings), policy)
    terms = {**space.draft.terms, **dict.fromkeys(space.terms_files, "(in its file)")}
    for one in lint(replace(space.draft, terms=terms), policy, draft=True):
        if not findings.covers(one.field):
            findings.found.append(one)
    refuse(tuple(sorted(set(findings.found))))
    return space


def _tree(content: bytes, suffix: str) -> dict[str, Any]:
    if len(content) > MAX_BYTES:
        raise BadFile(f"a space's file has at most {MAX_BYTES} bytes")
    if suffix.lower() in (".ttl", "text/turtle"):
        return tree_of_turtle(content)
    if suffix.lower() in (".toml", "application/toml"):
        return tree_of_toml(content)
    raise BadFile(f"a space's file ends with .toml or .ttl, not {suffix}")


def tree_of_toml(content: bytes) -> dict[str, Any]:
    """The tree of a TOML document. Raises ``BadFile`` naming the line."""
    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise BadFile(f"this is not TOML: {error}") from error


def _fill(tree: dict[str, Any], values: Mapping[str, str], findings: Findings) -> dict[str, Any]:
    declared = tree.get("placeholders", {})
    names = set(declared) if isinstance(declared, dict) else set()
    for name in sorted(names - set(values)):
        findings.add(f"placeholders.{name}", "filled", f"{declared[name]}: give --set {name}=VALUE")
    for name in sorted(set(values) - names):
        findings.add(f"placeholders.{name}", "known-placeholder", "is not a placeholder of this file")
    return {key: _filled(item, values, names, key, findings) for key, item in tree.items()}


def _filled(value: Any, values: Mapping[str, str], names: set[str], where: str, findings: Findings) -> Any:
    if isinstance(value, dict):
        return {key: _filled(item, values, names, f"{where}.{key}", findings) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, values, names, f"{where}[{at}]", findings) for at, item in enumerate(value)]
    if not isinstance(value, str):
        return value
    for name in _PLACEHOLDER.findall(value):
        if name not in names:
            findings.add(where, "known-placeholder", f"uses ${{{name}}}, which is not declared")
    # An unfilled placeholder stands for itself: its finding is there, and the rest can still be checked.
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), value)


def _space(top: Table, policy: SpacePolicy) -> SpaceFile:
    top.only(_FIELDS)
    inline, files = _terms(top)
    algorithm = top.text("algorithm")
    folder = "" if algorithm.startswith("sha256:") else algorithm
    draft = Agreement(
        space=top.text("id"),
        version=top.number("version", 1),
        title=top.texts("title"),
        terms=inline,
        parties=tuple(_party(table) for table in top.tables("parties")),
        purposes=tuple(_purpose(table, policy) for table in top.tables("purposes")),
        algorithm="" if folder else algorithm,
        output_shape=_with_digest(top, "output_shape", folder),
        output_text=top.texts("output"),
        validity=top.text("validity"),
        retention=top.text("retention"),
        jurisdiction=top.text("jurisdiction"),
        storage_location=top.text("storage_location"),
        result_container=top.text("result_container"),
        languages=top.words("languages"),
        algorithm_text=top.texts("algorithm_text", required=not folder),
        algorithm_source=top.text("algorithm_source", ""),
        min_group_size=top.number("min_group_size", policy.smallest_group),
        minimum_level=top.number("minimum_level", 1),
        aggregate_shape=_with_digest(top, "aggregate_shape", folder, required=False),
        rerun=top.text("rerun", BY_HAND),
        parameters=dict(top.table("parameters", required=False).content),
    )
    if folder and (folder.startswith("/") or ".." in folder.split("/") or "\\" in folder):
        top.findings.add("algorithm", "path", "must be a digest, or a folder beside this file, without ..")
    return SpaceFile(draft, files, folder)


def _with_digest(top: Table, name: str, folder: str, required: bool = True) -> str:
    if folder and name in top.content:
        top.findings.add(name, "from-folder", "comes from the algorithm's folder; leave it out")
    return top.text(name, None if required and not folder else "")


def _terms(top: Table) -> tuple[dict[str, str], dict[str, str]]:
    """Texts written in the file, and paths of texts beside it, by language."""
    inline: dict[str, str] = {}
    files: dict[str, str] = {}
    table = top.table("terms")
    for language, value in table.content.items():
        if isinstance(value, dict):
            one = Table(table.at(language), value, top.findings)
            one.only(("file",))
            files[language] = path = one.text("file")
            if path.startswith("/") or ".." in path.split("/") or "\\" in path:
                top.findings.add(one.at("file"), "path", "must lie beside this file, without ..")
        else:
            inline[language] = table.text(language)
    return inline, files


def _party(table: Table) -> Party:
    table.only(("webid", "name", "roles", "contact"))
    roles = set()
    for word in table.words("roles"):
        try:
            roles.add(Role(word))
        except ValueError:
            table.findings.add(table.at("roles"), "known-role", f"{word!r} is none of {', '.join(Role)}")
    return Party(table.text("webid"), table.text("name"), frozenset(roles), table.text("contact", ""))


def _purpose(table: Table, policy: SpacePolicy) -> Purpose:
    table.only(("id", "title", "description", "broader", "needs", "required", "special_category"))
    needs = [need for one in table.tables("needs") for need in _needs(one, policy)]
    return Purpose(
        id=table.text("id"),
        title=table.texts("title"),
        description=table.texts("description"),
        broader=full_iri(table.text("broader")),
        needs=tuple(needs),
        required=table.flag("required"),
        special_category=table.flag("special_category"),
    )


def _needs(table: Table, policy: SpacePolicy) -> list[ResourceNeed]:
    table.only(("path", "class", "shape", "within", "title", "personal_data", "optional"))
    titles, kinds = table.texts("title"), tuple(full_iri(word) for word in table.words("personal_data"))
    required = not table.flag("optional")
    kind, shape = full_iri(table.text("class", "")), table.text("shape", "")
    if kind or shape:
        path, within = table.text("path", ""), table.words("within", ())
        return [ResourceNeed(path, titles, kinds, required, kind, shape, within)]
    try:
        paths = expand(table.text("path"), policy.most_resources)
        return [ResourceNeed(path, numbered(titles, number), kinds, required) for path, number in paths]
    except ValueError as error:
        table.findings.add(table.at("path"), "pattern", str(error))
        return []
