"""What a program is given: one person's documents, or the results of a group. Nothing else exists for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any

import pyoxigraph
from pyoxigraph import NamedNode, Quad, RdfFormat, Store

from solidgate.sandbox.documents import load, read, walk


@dataclass(frozen=True, slots=True)
class InputDocument:
    """One document as the pod sent it."""

    url: str
    media_type: str
    content: bytes

    def __repr__(self) -> str:
        return f"InputDocument({len(self.content)} bytes of {self.media_type})"


class _Statements:
    """Statements in memory, each in the named graph of its source; the default graph is their union."""

    def __init__(self, quads: Sequence[Quad]) -> None:
        self._quads = quads

    @property
    def quads(self) -> Iterator[Quad]:
        """All statements as pyoxigraph quads, in the order of the documents."""
        return iter(self._quads)

    @cached_property
    def _store(self) -> Store:
        store = Store()
        store.extend(self._quads)
        return store

    def select(self, sparql: str) -> Any:
        """The answer to a SPARQL query: pyoxigraph solutions, a boolean, or triples."""
        return self._store.query(sparql, use_default_graph_as_union=True)

    @cached_property
    def graph(self) -> Any:
        """The same statements as one ``rdflib.Graph``; built on first use, slow for thousands of them."""
        from solidgate.sandbox.terms import to_rdflib

        return to_rdflib(self._quads)


class Inputs(_Statements):
    """One person's part of a run.

    ``subject`` is the IRI that the result must be about; ``now`` the run's time (ISO 8601, UTC) and the only
    clock a reproducible result may use (empty after ``uses_now = false``); ``datasets`` what organisations
    brought, by name, as bytes.

    The documents are parsed when they are first asked for: into a store for ``select``, into values for
    ``quads`` and ``graph``. Whatever comes first, the others see the same blank nodes.
    """

    def __init__(
        self,
        *,
        documents: Sequence[InputDocument],
        subject: str,
        now: str,
        parameters: Mapping[str, Any],
        datasets: Mapping[str, bytes],
    ) -> None:
        self.documents = tuple(documents)
        self.subject = subject
        self.now = now
        self.parameters = parameters
        self.datasets = datasets
        self._walked = False

    @property
    def statements(self) -> Iterator[Quad]:
        """All statements as the documents have them, in no graph of their document: the cheapest way through.

        A walk parses the documents and keeps nothing; its blank nodes are its own.
        """
        return chain.from_iterable(self._walks())  # no frame of ours between the parser and the program

    def _walks(self) -> Iterator[Iterator[Quad]]:
        for each in self.documents:
            yield walk(each.url, each.media_type, each.content)
        self._walked = True

    @cached_property
    def _quads(self) -> Sequence[Quad]:  # type: ignore[override]
        if "_store" in self.__dict__:
            place: dict[object, int] = {NamedNode(each.url): at for at, each in enumerate(self.documents)}
            return sorted(self._store, key=lambda quad: place.get(quad.graph_name, len(place)))
        return [quad for each in self.documents for quad in read(each.url, each.media_type, each.content)]

    @cached_property
    def _store(self) -> Store:
        store = Store()
        if "_quads" in self.__dict__:
            store.extend(self._quads)
        else:
            for each in self.documents:
                load(store, each.url, each.media_type, each.content)
        return store

    def parse(self) -> None:
        """Parse every document unless that was done. Raises ``Unreadable``."""
        if not self._walked and "_quads" not in self.__dict__:
            self._store  # noqa: B018 - its making is the parsing

    def __repr__(self) -> str:
        return f"Inputs({len(self.documents)} documents, {len(self._quads)} statements)"


class Result(_Statements):
    """One person's conformant result, as an aggregate sees it."""


class Results(_Statements):
    """The results of a group: iterate over them one by one, or ask all at once with ``select``."""

    def __init__(
        self,
        results: Sequence[Sequence[Quad]],
        *,
        subject: str,
        now: str,
        parameters: Mapping[str, Any],
        datasets: Mapping[str, bytes],
    ) -> None:
        super().__init__([quad for result in results for quad in result])
        self._results = results
        self.subject = subject
        self.now = now
        self.parameters = parameters
        self.datasets = datasets

    def __len__(self) -> int:
        return len(self._results)

    def __iter__(self) -> Iterator[Result]:
        return (Result(result) for result in self._results)


def serialised(result: Any) -> bytes:
    """What a program returned, as N-Triples: an rdflib graph, pyoxigraph triples or quads, or Turtle text.

    Raises TypeError or ValueError when it is none of these.
    """
    if isinstance(result, bytes | str):
        parsed = pyoxigraph.parse(result, RdfFormat.TURTLE, without_named_graphs=True)
        return _n_triples(quad.triple for quad in parsed)
    if type(result).__module__.startswith("rdflib."):
        encoded: bytes = result.serialize(format="nt", encoding="utf-8")
        return encoded
    return _n_triples(item.triple if isinstance(item, Quad) else item for item in result)


def _n_triples(triples: Any) -> bytes:
    encoded = pyoxigraph.serialize(triples, format=RdfFormat.N_TRIPLES)
    assert encoded is not None  # without an output, serialize returns the bytes
    return encoded
