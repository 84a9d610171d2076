"""Which subjects of a graph its shapes look at: a graph that no shape targets conforms, and must not pass."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from pyoxigraph import NamedNode, Quad

_SH = "http://www.w3.org/ns/shacl#"
_TYPE = NamedNode("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")
_RDFS_CLASS = NamedNode("http://www.w3.org/2000/01/rdf-schema#Class")
_TARGET_CLASS, _TARGET_NODE = NamedNode(f"{_SH}targetClass"), NamedNode(f"{_SH}targetNode")
_SUBJECTS_OF, _OBJECTS_OF = NamedNode(f"{_SH}targetSubjectsOf"), NamedNode(f"{_SH}targetObjectsOf")
_PROPERTY, _PATH, _NODE = NamedNode(f"{_SH}property"), NamedNode(f"{_SH}path"), NamedNode(f"{_SH}node")


class _Index:
    """Statements by (subject, predicate) and by predicate."""

    def __init__(self, quads: Iterable[Quad]) -> None:
        self._objects: defaultdict[tuple[object, NamedNode], list[object]] = defaultdict(list)
        self._pairs: defaultdict[NamedNode, list[tuple[object, object]]] = defaultdict(list)
        self.subjects: set[object] = set()
        for quad in quads:
            self._objects[quad.subject, quad.predicate].append(quad.object)
            self._pairs[quad.predicate].append((quad.subject, quad.object))
            self.subjects.add(quad.subject)

    def objects(self, subject: object, predicate: NamedNode) -> Sequence[object]:
        return self._objects.get((subject, predicate), ())

    def pairs(self, predicate: object) -> Sequence[tuple[object, object]]:
        return self._pairs.get(predicate, ()) if isinstance(predicate, NamedNode) else ()


class Coverage:
    """The reach of one shapes graph, for one data graph after another."""

    def __init__(self, shapes: Iterable[Quad]) -> None:
        self._rules = _Index(shapes)

    def covers(self, data: Iterable[Quad]) -> bool:
        """Whether every subject in ``data`` is a shape's target, or reached from one through ``sh:node``."""
        index, rules = _Index(data), self._rules
        waiting = set(_targets(rules, index))
        seen: set[tuple[object, object]] = set()
        while waiting:
            pair = waiting.pop()
            seen.add(pair)
            waiting |= set(_reached(rules, index, *pair)) - seen
        return index.subjects <= {node for _, node in seen}


def _targets(rules: _Index, index: _Index) -> Iterator[tuple[object, object]]:
    """Pairs of a shape and a node that it targets."""
    for shape, node in rules.pairs(_TARGET_NODE):
        yield shape, node
    for shape, predicate in rules.pairs(_SUBJECTS_OF):
        yield from ((shape, subject) for subject, _ in index.pairs(predicate))
    for shape, predicate in rules.pairs(_OBJECTS_OF):
        yield from ((shape, value) for _, value in index.pairs(predicate))
    classes = list(rules.pairs(_TARGET_CLASS))
    classes += [(shape, shape) for shape, kind in rules.pairs(_TYPE) if kind == _RDFS_CLASS]
    for shape, wanted in classes:
        yield from ((shape, subject) for subject, kind in index.pairs(_TYPE) if kind == wanted)


def _reached(rules: _Index, index: _Index, shape: object, node: object) -> Iterator[tuple[object, object]]:
    """Pairs that validating ``node`` against ``shape`` leads to."""
    for other in rules.objects(shape, _NODE):
        yield other, node
    for inner in rules.objects(shape, _PROPERTY):
        for path in rules.objects(inner, _PATH):
            if isinstance(path, NamedNode):
                for value in index.objects(node, path):
                    yield from ((other, value) for other in rules.objects(inner, _NODE))
