"""What a look means, by what HEAD and GET said before and say now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from solidgate.adapters.sql.codec import decode, encode
from solidgate.pod.resource import Document, ResourceState
from solidgate.run.sighting import (
    NOTHING,
    Mark,
    Meaning,
    Observed,
    Reading,
    Sighting,
    meaning,
    pulled,
)

URL = "https://pod.example/a.ttl"
AT = datetime(2026, 1, 1, tzinfo=UTC)
LATER = AT + timedelta(seconds=1)
ONE, TWO = Mark('"1"'), Mark('"2"')
SAME, CHANGED, UNSURE = Meaning.SAME, Meaning.CHANGED, Meaning.UNSURE


def head(etag: str | None = None, modified: datetime | None = None, *, exists: bool = True) -> Observed:
    return Observed(ResourceState(URL, exists, etag, "text/turtle", 5, modified))


def document(content: bytes, etag: str | None = None, modified: datetime | None = None) -> Document:
    return Document(URL, "text/turtle", content, etag, modified)


READ = Sighting(True, get=ONE, digest="d1")
ALIKE = Sighting(True, ONE, ONE, "d1", alike=True)
DATED = Sighting(True, get=Mark(modified=AT.isoformat()), digest="d1")

BY_HEAD = [
    (None, head('"1"'), SAME, "the first sight"),
    (None, head(modified=AT), SAME, "the first sight by its date"),
    (None, head(), UNSURE, "the first sight, and nothing to compare"),
    (None, head(exists=False), SAME, "not there yet"),
    (Sighting(True, ONE), head(exists=False), CHANGED, "gone"),
    (Sighting(exists=False), head(exists=False), SAME, "still gone"),
    (Sighting(exists=False), head('"1"'), CHANGED, "back"),
    (Sighting(True, ONE), head('"1"'), SAME, "never read: HEAD by itself"),
    (Sighting(True, ONE), head('W/"1"'), SAME, "tags compare weakly"),
    (Sighting(True, ONE), head('"2"'), CHANGED, "never read: HEAD by itself"),
    (READ, head('"1"'), SAME, "what GET said"),
    (READ, head('"2"'), UNSURE, "HEAD may always say another"),
    (READ, head(), UNSURE, "HEAD says nothing"),
    (Sighting(True, TWO, ONE, "d1"), head('"2"'), UNSURE, "the same for ever is no proof"),
    (ALIKE, head('"1"'), SAME, ""),
    (ALIKE, head('"2"'), CHANGED, "HEAD is known to say what GET says"),
    (Sighting(True, TWO, ONE, "d1", alike=True), head('"2"'), SAME, "told already, and not yet read"),
    (DATED, head(modified=AT), SAME, "by its date"),
    (DATED, head(modified=LATER), UNSURE, "some servers say the time of the answer"),
]


@pytest.mark.parametrize(("known", "observed", "means", "why"), BY_HEAD)
def test_what_head_means(known: Sighting | None, observed: Observed, means: Meaning, why: str) -> None:
    assert meaning(known, observed)[0] is means, why


def test_what_is_read_decides_by_its_digest() -> None:
    for digest, means in (("d1", SAME), ("d2", CHANGED)):
        told, after = meaning(READ, Observed(head('"2"').state, Reading(TWO, digest, AT)))
        assert (told, after.digest, after.get, after.read) == (means, digest, TWO, AT)
    told, after = meaning(None, Observed(head().state, Reading(NOTHING, "d1", AT)))
    assert (told, after.digest) == (SAME, "d1"), "the first sight"
    assert after.is_silent


def test_a_304_says_something_of_the_tag_that_is_known_and_of_no_other() -> None:
    told, after = meaning(READ, Observed(head().state, Reading(ONE, "", AT)))
    assert (told, after.digest, after.read) == (SAME, "d1", AT)
    later = Sighting(True, get=TWO, digest="d2")  # a run read in between
    assert meaning(later, Observed(head().state, Reading(ONE, "", AT)))[0] is UNSURE


def test_head_is_believed_once_it_said_what_get_says_and_no_longer_once_it_lied() -> None:
    first = pulled(Sighting(True, ONE), document(b"a", '"1"'))
    assert (first.alike, first.head, first.get) == (True, NOTHING, ONE)
    told, noticed = meaning(first, head('"2"'))
    assert told is CHANGED
    assert pulled(noticed, document(b"b", '"2"')).alike, "as it said"
    assert pulled(noticed, document(b"a", '"2"')).alike, "it was written anew, with the same in it"
    assert pulled(noticed, document(b"c", '"3"')).alike, "it changed once more"
    assert not pulled(noticed, document(b"a", '"1"')).alike, "nothing had changed"
    assert not pulled(None, document(b"a")).alike
    assert not pulled(Sighting(True, Mark(modified=AT.isoformat())), document(b"a", None, AT)).alike


def test_a_server_that_says_another_tag_each_time_does_not_change_for_ever() -> None:
    known = pulled(None, document(b"a", '"1"'))
    for number in range(2, 6):
        told, asked = meaning(known, head(f'"{number}"'))
        assert told is UNSURE
        told, known = meaning(known, Observed(head(f'"{number}"').state, Reading(ONE, asked.digest, AT)))
        assert told is SAME


def test_a_tag_with_bytes_that_are_no_characters_can_be_kept() -> None:
    """As a header gives them that was sent in Latin-1."""
    known = pulled(None, document(b"a", '"\udce9"'))
    assert decode(Sighting, encode(known)) == known
    assert meaning(known, head('"\udce9"'))[0] is SAME
    assert meaning(known, head('"\udcea"'))[0] is UNSURE
