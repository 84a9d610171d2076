"""Who must say yes, to what exactly, and what does not count."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from solidgate.algorithm.approval import (
    Approval,
    approved_since,
    complete,
    missing_roles,
    require_approved,
)
from solidgate.errors import AlgorithmNotApproved
from solidgate.space.agreement import Agreement, digest
from solidgate.space.participant import Party, Role

AT = datetime(2026, 1, 1, tzinfo=UTC)
ALGORITHM = "sha256:" + "a" * 64
OWNER, CODE, ASKS, ALSO = (f"https://{name}.example/#it" for name in ("owner", "code", "asks", "also"))
AGREEMENT = Agreement(
    space="s",
    version=1,
    title={},
    terms={},
    parties=(
        Party(OWNER, "Owner", frozenset({Role.OWNER, Role.CONTROLLER})),
        Party(CODE, "Code", frozenset({Role.CODE_PROVIDER})),
        Party(ASKS, "Asks", frozenset({Role.DATA_CONSUMER})),
        Party(ALSO, "Also asks", frozenset({Role.DATA_CONSUMER, Role.DATA_PROVIDER})),
    ),
    purposes=(),
    algorithm=ALGORITHM,
    output_shape="",
    output_text={},
    validity="P1M",
    retention="P1M",
    jurisdiction="BE",
    storage_location="EU",
    result_container="r/",
    languages=(),
)
DIGEST = digest(AGREEMENT)


def _word(webid: str, role: Role, decision: str = "approve", minutes: int = 0) -> Approval:
    return Approval("s", DIGEST, ALGORITHM, role, webid, decision, AT + timedelta(minutes=minutes))


ALL = (
    _word(OWNER, Role.OWNER),
    _word(CODE, Role.CODE_PROVIDER),
    _word(ASKS, Role.DATA_CONSUMER),
    _word(ALSO, Role.DATA_CONSUMER),
)


def test_all_yes_is_complete() -> None:
    assert missing_roles(AGREEMENT, DIGEST, ALL) == ()
    assert complete(AGREEMENT, ALL)
    require_approved(AGREEMENT, DIGEST, ALL)


@pytest.mark.parametrize(
    ("words", "missing"),
    [
        ((), ("space_owner", "code_provider", "data_consumer")),
        (ALL[1:], ("space_owner",)),
        (ALL[:3], ("data_consumer",)),
        ((*ALL[:3], replace(ALL[3], space="other")), ("data_consumer",)),
        ((*ALL[:3], replace(ALL[3], agreement_digest="sha256:" + "c" * 64)), ("data_consumer",)),
        ((*ALL[:3], replace(ALL[3], algorithm_digest="sha256:" + "c" * 64)), ("data_consumer",)),
        ((*ALL[:3], replace(ALL[3], role=Role.DATA_PROVIDER)), ("data_consumer",)),
        ((*ALL[:3], replace(ALL[3], webid=ASKS)), ("data_consumer",)),
        ((*ALL[:3], replace(ALL[3], webid="https://nobody.example/#it")), ("data_consumer",)),
        ((*ALL[:3], replace(ALL[3], decision="reject")), ("data_consumer",)),
        ((*ALL[:3], replace(ALL[3], decision="maybe")), ("data_consumer",)),
        ((*ALL, _word(CODE, Role.CODE_PROVIDER, "reject", 1)), ("code_provider",)),
        ((*ALL, _word(CODE, Role.CODE_PROVIDER, "reject", 0)), ("code_provider",)),
        ((_word(CODE, Role.CODE_PROVIDER, "reject", 0), *ALL), ("code_provider",)),
        ((*ALL, _word(CODE, Role.CODE_PROVIDER, "reject", -1)), ()),
        (
            (
                *ALL,
                _word(CODE, Role.CODE_PROVIDER, "reject", 1),
                _word(CODE, Role.CODE_PROVIDER, "approve", 2),
            ),
            (),
        ),
    ],
)
def test_what_counts_and_what_does_not(words: tuple[Approval, ...], missing: tuple[str, ...]) -> None:
    assert missing_roles(AGREEMENT, DIGEST, words) == missing
    assert complete(AGREEMENT, words) == (missing == ())
    if missing:
        with pytest.raises(AlgorithmNotApproved) as refused:
            require_approved(AGREEMENT, DIGEST, words)
        assert all(role in refused.value.detail for role in missing)
        assert "https://" not in refused.value.detail


def test_a_space_without_a_role_is_never_complete() -> None:
    nobody = replace(AGREEMENT, parties=AGREEMENT.parties[1:])
    words = [replace(word, agreement_digest=digest(nobody)) for word in ALL]
    assert missing_roles(nobody, digest(nobody), words) == ("space_owner",)


def test_approvals_of_other_terms_do_not_carry_over() -> None:
    changed = replace(AGREEMENT, retention="P2M")
    assert not complete(changed, ALL)
    with pytest.raises(AlgorithmNotApproved, match="not the terms"):
        require_approved(changed, DIGEST, ALL)


@pytest.mark.parametrize(
    ("words", "since"),
    [
        ((), {}),
        ((_word(CODE, Role.CODE_PROVIDER),), {CODE: 0}),
        # Said again, it stands since it was said first; after a no, since the next yes.
        ((_word(CODE, Role.CODE_PROVIDER), _word(CODE, Role.CODE_PROVIDER, minutes=5)), {CODE: 0}),
        (
            (
                _word(CODE, Role.CODE_PROVIDER),
                _word(CODE, Role.CODE_PROVIDER, "reject", 5),
                _word(CODE, Role.CODE_PROVIDER, minutes=9),
            ),
            {CODE: 9},
        ),
        ((_word(CODE, Role.CODE_PROVIDER), _word(CODE, Role.CODE_PROVIDER, "reject", 5)), {}),
        # Of a role that approves nothing, of a stranger, of other terms: no word at all.
        ((_word(ALSO, Role.DATA_PROVIDER), _word("https://nobody.example/#it", Role.OWNER)), {}),
        ((replace(_word(CODE, Role.CODE_PROVIDER), agreement_digest="sha256:" + "c" * 64),), {}),
    ],
)
def test_a_party_has_approved_since_its_yes_stands(
    words: tuple[Approval, ...], since: dict[str, int]
) -> None:
    expected = {webid: AT + timedelta(minutes=minutes) for webid, minutes in since.items()}
    assert approved_since(AGREEMENT, DIGEST, words) == expected


def test_a_party_with_two_roles_has_approved_when_it_has_in_both() -> None:
    both = replace(
        AGREEMENT,
        parties=(Party(CODE, "Both", frozenset({Role.OWNER, Role.CODE_PROVIDER})), *AGREEMENT.parties[2:]),
    )
    about = digest(both)
    first = replace(_word(CODE, Role.OWNER), agreement_digest=about)
    second = replace(_word(CODE, Role.CODE_PROVIDER, minutes=3), agreement_digest=about)
    assert approved_since(both, about, [first]) == {}
    assert approved_since(both, about, [first, second]) == {CODE: AT + timedelta(minutes=3)}
