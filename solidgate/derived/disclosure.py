"""What may be said about a group: nothing about too few, and nothing from which too few can be computed.

A *cell* is a subject of an aggregate that states ``sg:contributors``: how many people it is about. Cells that
are parts of one subject stand beside each other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from pyoxigraph import Literal, NamedNode, Triple

from solidgate.derived import ntriples
from solidgate.errors import GroupTooSmall, ShapeViolated
from solidgate.vocab import SG

MAX_CELLS = 100_000


def require_group(contributors: int, minimum: int) -> None:
    """Raises ``GroupTooSmall`` when fewer than ``minimum`` people contribute; the number stays unsaid."""
    if contributors < minimum:
        raise GroupTooSmall(f"at least {minimum} are needed")


def require_distance(people: int, earlier: Iterable[tuple[int, int]], minimum: int) -> None:
    """Raises ``GroupTooSmall`` when this group differs from an earlier one by 1 to ``minimum - 1`` people.

    Two results of such groups, one taken from the other, are about those few. ``people`` are in this group;
    of each earlier one: how many people were in it, and how many of this one may have been. Who was erased is
    in the first number only. What is compared is the least by which the two can differ, so nobody's leaving
    is taken for two.
    """
    for size, both in earlier:
        apart = max(0, size - both) + people - both
        if 0 < apart < minimum:
            raise GroupTooSmall(f"fewer than {minimum} people joined or left since a result was released")


def suppress_small_cells(content: bytes, minimum: int, people: int) -> bytes:
    """The aggregate without its cells of 1 to ``minimum - 1`` people, and without links to them.

    Where the suppressed cells beside each other stand for fewer than ``minimum`` people or are only one, the
    next smallest goes too: a total would give it away. Raises ``GroupTooSmall`` when the whole is such a one,
    ``ShapeViolated`` when a count is no count, or more than the ``people`` that there really are: a program
    that counts too many could have a cell of one person pass for a large one.
    """
    triples = ntriples.read(content, max_triples=MAX_CELLS)
    counts = _counts(triples)
    if max(counts.values(), default=0) > people:
        raise ShapeViolated("a number of contributors that is larger than the group")
    hidden: set[NamedNode] = set()
    for beside in _siblings(triples, counts):
        hidden |= _to_hide({cell: counts[cell] for cell in beside}, minimum)
    roots = counts.keys() - {triple.object for triple in triples}
    if hidden & roots:
        require_group(0, minimum)
    return ntriples.write(
        triple for triple in triples if triple.subject not in hidden and triple.object not in hidden
    )


def _counts(triples: Iterable[Triple]) -> dict[NamedNode, int]:
    counts: dict[NamedNode, int] = {}
    for triple in triples:
        if triple.predicate == SG.contributors:
            value, cell = triple.object, triple.subject
            if not isinstance(value, Literal) or not value.value.isdecimal() or cell in counts:
                raise ShapeViolated("a number of contributors that is no number, or is given twice")
            assert isinstance(cell, NamedNode)  # ntriples.read lets nothing else through
            counts[cell] = int(value.value)
    return counts


def _siblings(triples: Iterable[Triple], counts: Mapping[NamedNode, int]) -> list[set[NamedNode]]:
    """Cells by the subject and predicate that link to them; a cell without a link stands alone."""
    groups: defaultdict[object, set[NamedNode]] = defaultdict(set)
    linked = set()
    for triple in triples:
        if isinstance(triple.object, NamedNode) and triple.object in counts:
            groups[triple.subject, triple.predicate].add(triple.object)
            linked.add(triple.object)
    return [*groups.values(), *({cell} for cell in counts.keys() - linked)]


def _to_hide(counts: Mapping[NamedNode, int], minimum: int) -> set[NamedNode]:
    """The cells to suppress among those beside each other; an empty cell says nothing about anybody."""
    by_size = sorted((count, cell.value, cell) for cell, count in counts.items() if count > 0)
    hidden: set[NamedNode] = set()
    total = 0
    for count, _, cell in by_size:
        if count >= minimum and (not hidden or (total >= minimum and len(hidden) > 1)):
            break
        hidden.add(cell)
        total += count
    return hidden
