"""N-Quads of the graphs that one caller may see."""

from __future__ import annotations

import pytest
from pyoxigraph import RdfFormat, parse

from solidgate.errors import InternalFault
from solidgate.query.dataset import dataset


def test_dataset_puts_each_graph_under_its_name() -> None:
    content = dataset(
        [("urn:g:1", b'<urn:a> <urn:b> "x ." .\n<urn:a> <urn:b> <urn:c> .\n'), ("urn:g:2", b"")]
    )
    quads = list(parse(content, RdfFormat.N_QUADS))
    assert [quad.graph_name.value for quad in quads] == ["urn:g:1", "urn:g:1"]
    assert quads[0].object.value == "x ."


@pytest.mark.parametrize("graph", ["", "relative", "urn:a> <urn:b> 1 .\n<urn:c", "urn:a b", "urn:\n"])
def test_dataset_takes_no_name_that_is_no_iri(graph: str) -> None:
    with pytest.raises(InternalFault):
        dataset([(graph, b"<urn:a> <urn:b> <urn:c> .\n")])


@pytest.mark.parametrize(
    "content", [b"<urn:a> <urn:b> <urn:c> <urn:g>", b"# comment\n", b"<urn:a> <urn:b> <urn:c>.\n"]
)
def test_dataset_takes_no_line_that_is_no_statement(content: bytes) -> None:
    with pytest.raises(InternalFault):
        dataset([("urn:g", content)])
