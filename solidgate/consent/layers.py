"""The label's second layer: digests, WebIDs, the source, and each document of a list.

Never told by how a line begins or by a word in it: whoever asks writes the titles and names, and a purpose
that reads like a source would stand where few people look.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from solidgate.consent.listing import is_listed
from solidgate.consent.spoken import Words, said
from solidgate.space.agreement import Agreement


def exact_lines(row: str, lines: Sequence[str], agreement: Agreement, words: Words) -> frozenset[int]:
    """The places, from 0, of a row's lines for the second layer; the first line of a row is never one.

    A line is for it when it is, word for word, one that solidgate itself says there of this agreement; in the
    row of the documents also each document of a list, which no title can be taken for.
    """
    known = frozenset(_said_exactly(row, agreement, words))
    lists = row == "what"
    return frozenset(
        place for place, line in enumerate(lines) if place and (line in known or (lists and is_listed(line)))
    )


def _said_exactly(row: str, agreement: Agreement, words: Words) -> Iterator[str]:
    if row == "who":
        for party in agreement.parties:
            yield said(words, "webid", name=party.name, webid=party.webid)
    elif row == "program":
        yield said(words, "program_digest", digest=agreement.algorithm)
        if agreement.algorithm_source:
            yield said(words, "program_source", source=agreement.algorithm_source)
    elif row == "result":
        yield said(words, "result_shape", digest=agreement.output_shape)
