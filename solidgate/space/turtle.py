"""A space's description in Turtle, read into the same plain tree that TOML gives.

Where order matters (languages, parties, purposes) an RDF list keeps it; several plain objects are sorted.
An IRI ``<urn:solidgate:set:owner>`` is the placeholder ``${owner}``. ``docs/reference/space-file.md`` has
the table of terms.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyoxigraph as ox

from solidgate.errors import BadFile, SpaceInvalid
from solidgate.space.participant import Role
from solidgate.vocab import DCT, DPV, LOC, PROV, RDF, SCHEMA, SG, SKOS, SOLID

_BASE = "urn:solidgate:file:"
_SET = "urn:solidgate:set:"
_ROLES = {
    SG.SpaceOwner.value: Role.OWNER,
    SG.CodeProvider.value: Role.CODE_PROVIDER,
    SG.DataConsumer.value: Role.DATA_CONSUMER,
    SG.DataProvider.value: Role.DATA_PROVIDER,
    DPV.DataController.value: Role.CONTROLLER,
}
Term = ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple
Node = ox.NamedNode | ox.BlankNode


def tree_of_turtle(content: bytes) -> dict[str, Any]:
    """The tree of a Turtle document with exactly one ``sg:CollaborationSpace``.

    Raises ``BadFile`` when it is not Turtle, ``SpaceInvalid`` when it describes no single space.
    """
    try:
        store = ox.Store()
        store.load(content, format=ox.RdfFormat.TURTLE, base_iri=_BASE)
    except (SyntaxError, ValueError) as error:
        raise BadFile(f"this is not Turtle: {error}") from error
    spaces = [quad.subject for quad in store.quads_for_pattern(None, RDF.type, SG.CollaborationSpace)]
    if len(spaces) != 1 or isinstance(spaces[0], ox.Triple):
        raise SpaceInvalid(f"a file describes one sg:CollaborationSpace, not {len(spaces)}")
    tree = _space(_Reader(store, spaces[0]))
    tree["placeholders"] = dict.fromkeys(_placeholders(store), "an address")
    return tree


def _placeholders(store: ox.Store) -> list[str]:
    terms = {term for quad in store for term in (quad.subject, quad.object)}
    names = {term.value for term in terms if isinstance(term, ox.NamedNode)}
    return sorted(name.removeprefix(_SET) for name in names if name.startswith(_SET))


@dataclass(frozen=True, slots=True)
class _Reader:
    """One node of the file and its properties."""

    store: ox.Store
    node: Node

    def all(self, predicate: ox.NamedNode) -> list[Term]:
        """The objects: the items of an RDF list in their order, or several objects sorted."""
        found: list[Term] = [quad.object for quad in self.store.quads_for_pattern(self.node, predicate, None)]
        if len(found) == 1 and (found[0] == RDF.nil or self._after(found[0], RDF.first)):
            return self._items(found[0])
        # Blank nodes have no order of their own; guessing one would give one file two digests.
        if sum(isinstance(term, ox.BlankNode) for term in found) > 1:
            raise SpaceInvalid(f"<{predicate.value}>: write several nodes as a list, ( [ … ] [ … ] )")
        return sorted(found, key=str)

    def _items(self, head: Term) -> list[Term]:
        found: list[Term] = []
        while head != RDF.nil:
            first, rest = self._after(head, RDF.first), self._after(head, RDF.rest)
            # A list that forks, ends early or bites its tail has no single meaning.
            if len(first) != 1 or len(rest) != 1 or len(found) > 10_000:
                raise SpaceInvalid("a list in the file is not well formed")
            found.append(first[0])
            head = rest[0]
        return found

    def _after(self, node: Term, predicate: ox.NamedNode) -> list[Term]:
        if isinstance(node, (ox.Literal, ox.Triple)):
            return []
        return [quad.object for quad in self.store.quads_for_pattern(node, predicate, None)]

    def nodes(self, predicate: ox.NamedNode) -> list[_Reader]:
        found = self.all(predicate)
        return [_Reader(self.store, term) for term in found if isinstance(term, (ox.NamedNode, ox.BlankNode))]

    def node_of(self, predicate: ox.NamedNode, kind: ox.NamedNode | None = None) -> _Reader:
        """The one node there, of a kind when given; an empty one when there is none."""
        found = [one for one in self.nodes(predicate) if kind is None or kind in one.all(RDF.type)]
        if len(found) > 1:
            raise SpaceInvalid(f"<{predicate.value}> names {len(found)} things where one is meant")
        return found[0] if found else _Reader(self.store, ox.BlankNode())

    def values(self, predicate: ox.NamedNode) -> list[Any]:
        return [_value(term) for term in self.all(predicate)]

    def texts(self, predicate: ox.NamedNode) -> dict[str, str]:
        """Language-tagged literals; two for one language are refused."""
        found: dict[str, str] = {}
        for term in self.all(predicate):
            if not isinstance(term, ox.Literal) or not term.language or term.language in found:
                raise SpaceInvalid(f"<{predicate.value}> needs one text a language, each with its tag")
            found[term.language] = term.value
        return found

    def put(self, tree: dict[str, Any], field: str, predicate: ox.NamedNode) -> None:
        """One value into the tree, if there is one. Raises ``SpaceInvalid`` when there are several."""
        found = self.values(predicate)
        if len(found) > 1:
            raise SpaceInvalid(f"{field}: <{predicate.value}> stands {len(found)} times")
        if found:
            tree[field] = found[0]


def _value(term: Term) -> Any:
    if isinstance(term, ox.NamedNode):
        return "${" + term.value.removeprefix(_SET) + "}" if term.value.startswith(_SET) else term.value
    if not isinstance(term, ox.Literal):
        raise SpaceInvalid("a value was expected where the file has a node without a name")
    kind = term.datatype.value.rsplit("#", 1)[-1]
    try:
        if kind == "integer":
            return int(term.value)
        if kind in ("decimal", "double"):
            return float(term.value)
    except ValueError as error:
        raise SpaceInvalid(f"{term.value!r} is not a number") from error
    return term.value == "true" if kind == "boolean" else term.value


def _space(space: _Reader) -> dict[str, Any]:
    terms, tree = space.node_of(SG.currentTerms), dict[str, Any]()
    space.put(tree, "id", DCT.identifier)
    terms.put(tree, "version", DCT.hasVersion)
    terms.put(tree, "validity", DCT.valid)
    terms.put(tree, "result_container", SG.resultContainer)
    terms.put(tree, "min_group_size", SG.minGroupSize)
    terms.put(tree, "minimum_level", SG.isolationLevel)
    terms.put(tree, "rerun", SG.rerun)
    storage = terms.node_of(DPV.hasStorageCondition)
    storage.put(tree, "retention", DPV.hasDuration)
    tree |= _places(space, storage)
    tree |= _outcome(terms.node_of(DPV.hasOutcome)) | _logic(terms.node_of(DPV.hasAlgorithmicLogic))
    tree["languages"] = space.values(DCT.language)
    tree["title"] = space.texts(DCT.title)
    files = {tag: {"file": path} for tag, path in terms.texts(DCT.source).items()}
    tree["terms"] = terms.texts(DCT.description) | files
    tree["parties"] = [_party(one) for one in space.nodes(SG.participation)]
    tree["purposes"] = [_purpose(one) for one in terms.nodes(DPV.hasPurpose)]
    return tree


def _places(space: _Reader, storage: _Reader) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    space.put(tree, "jurisdiction", DPV.hasJurisdiction)
    storage.put(tree, "storage_location", DPV.hasLocation)
    return {field: str(place).removeprefix(LOC.iri) for field, place in tree.items()}


def _outcome(outcome: _Reader) -> dict[str, Any]:
    tree: dict[str, Any] = {"output": outcome.texts(DCT.description)}
    outcome.put(tree, "output_shape", SG.outputShape)
    return tree


def _logic(logic: _Reader) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    logic.put(tree, "algorithm", SG.digest)
    if "algorithm" not in tree:
        logic.put(tree, "algorithm", DCT.source)
    logic.put(tree, "algorithm_source", SCHEMA.codeRepository)
    if text := logic.texts(DCT.description):
        tree["algorithm_text"] = text
    tree["parameters"] = _parameters(logic)
    return tree


def _parameters(logic: _Reader) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    for one in logic.nodes(PROV.used):
        names = one.values(DCT.identifier)
        one.put(found, str(names[0]) if names else "", RDF.value)
    return found


def _party(participation: _Reader) -> dict[str, Any]:
    tree: dict[str, Any] = {"roles": [_role(term) for term in participation.all(SG.role)]}
    participation.put(tree, "webid", SG.participant)
    participation.put(tree, "name", DPV.hasName)
    participation.put(tree, "contact", SCHEMA.contactPoint)
    return tree


def _role(term: Term) -> str:
    name = term.value if isinstance(term, (ox.NamedNode, ox.Literal)) else ""
    return _ROLES[name].value if name in _ROLES else name


def _purpose(purpose: _Reader) -> dict[str, Any]:
    tree: dict[str, Any] = {"title": purpose.texts(DCT.title), "description": purpose.texts(DCT.description)}
    purpose.put(tree, "id", DCT.identifier)
    purpose.put(tree, "broader", SKOS.broader)
    tree["required"] = DPV.Required in purpose.all(DPV.hasNecessity)
    tree["special_category"] = DPV.SpecialCategoryPersonalData in purpose.all(RDF.type)
    tree["needs"] = [_need(one) for one in purpose.nodes(DPV.hasPersonalData)]
    return tree


def _need(need: _Reader) -> dict[str, Any]:
    optional = DPV.Optional in need.all(DPV.hasNecessity)
    tree: dict[str, Any] = {"title": need.texts(DCT.title), "optional": optional}
    for field, predicate in (("path", SG.path), ("class", SOLID.forClass), ("shape", SG.inputShape)):
        need.put(tree, field, predicate)
    if within := need.values(SG.within):
        tree["within"] = within
    tree["personal_data"] = [_value(kind) for kind in need.all(RDF.type) if kind != DPV.PersonalData]
    return tree
