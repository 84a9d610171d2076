"""The digest changes with every field and with nothing else; JSON loses nothing and guesses nothing."""

import json
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solidgate.errors import SpaceInvalid
from solidgate.space.agreement import Agreement, digest, from_json, to_json
from solidgate.space.participant import Party, Role
from solidgate.space.purpose import Purpose, ResourceNeed

text = st.text(max_size=12)
texts = st.dictionaries(st.sampled_from(["en", "fr", "nl"]), text, max_size=3)
needs = st.builds(ResourceNeed, text, texts, st.tuples(text), st.booleans())
purposes = st.builds(Purpose, text, texts, texts, text, st.tuples(needs), st.booleans(), st.booleans())
parties = st.builds(Party, text, text, st.frozensets(st.sampled_from(Role)), text)
values = st.one_of(text, st.booleans(), st.integers(-(2**53) + 1, 2**53 - 1), st.floats(-1e6, 1e6))
agreements = st.builds(
    Agreement,
    space=text,
    version=st.integers(1, 99),
    title=texts,
    terms=texts,
    parties=st.tuples(parties, parties),
    purposes=st.tuples(purposes),
    algorithm=text,
    output_shape=text,
    output_text=texts,
    validity=text,
    retention=text,
    jurisdiction=text,
    storage_location=text,
    result_container=text,
    languages=st.tuples(text, text),
    algorithm_text=texts,
    parameters=st.dictionaries(text, st.one_of(values, st.lists(values, max_size=3)), max_size=3),
)


@given(agreements)
def test_json_round_trip_loses_nothing(made: Agreement) -> None:
    again = from_json(to_json(made))
    assert again == made
    assert digest(again) == digest(made)


@given(agreements, agreements)
def test_equal_digests_mean_equal_agreements(one: Agreement, other: Agreement) -> None:
    assert (digest(one) == digest(other)) == (one == other)


def test_every_field_is_under_the_digest(agreement: Agreement) -> None:
    seen = {digest(agreement)}
    for field in fields(Agreement):
        value = getattr(agreement, field.name)
        changed: object
        if isinstance(value, str):
            changed = value + "x"
        elif isinstance(value, int):
            changed = value + 1
        elif isinstance(value, tuple):
            changed = value[:-1]
        else:
            changed = {**value, "zz": "new"}
        seen.add(digest(replace(agreement, **{field.name: changed})))
    assert len(seen) == len(fields(Agreement)) + 1


def test_the_digest_is_pinned(agreement: Agreement) -> None:
    # People consented to this very number: a change here makes every stored agreement a foreign one.
    assert digest(agreement) == "sha256:27e0b2932e16aa5ed5415ccd94b1440d92677c9493f757dd26896058c5bb4c22"


def test_roles_have_no_order(agreement: Agreement) -> None:
    document = json.loads(to_json(agreement))
    assert document["parties"][0]["roles"] == ["data_controller", "space_owner"]


def _with(agreement: Agreement, **changes: object) -> bytes:
    return json.dumps({**json.loads(to_json(agreement)), **changes}).encode()


@pytest.mark.parametrize(
    "changes",
    [
        {"unknown": 1},
        {"version": "1"},
        {"version": 1.5},
        {"version": True},
        {"title": ["en"]},
        {"parties": [{"webid": "x", "name": "y", "roles": ["king"]}]},
        {"parties": [{"webid": "x", "name": "y", "roles": [], "contact": "", "more": 1}]},
        {"parties": [{"webid": "x", "name": "y", "roles": ["space_owner", "code_provider"], "contact": ""}]},
    ],
)
def test_a_document_that_would_be_read_in_part_is_refused(
    agreement: Agreement, changes: dict[str, object]
) -> None:
    with pytest.raises(SpaceInvalid):
        from_json(_with(agreement, **changes))


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"null", b"\xff", b'{"space": "a", "space": "b"}', b"[" * 100_000, b'{"version": NaN}'],
)
def test_what_is_no_agreement_is_refused(content: bytes) -> None:
    with pytest.raises(SpaceInvalid):
        from_json(content)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**60])
def test_a_parameter_that_json_cannot_carry_is_refused(agreement: Agreement, value: float) -> None:
    with pytest.raises(SpaceInvalid, match="parameters"):
        digest(replace(agreement, parameters={"a": value}))
