from datetime import UTC, datetime, timedelta

import pytest

from solidgate.errors import BodyInvalid, InvitationInvalid
from solidgate.space.invitation import Invitation, admit, invite, token_hash, token_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TOKEN = token_of(bytes(range(32)))


def _made(**options: int) -> Invitation:
    return invite("i1", "home-energy", TOKEN, now=NOW, **options)


def test_a_token_carries_256_bits_and_is_not_kept() -> None:
    assert len(TOKEN) == 43
    made = _made()
    assert TOKEN not in repr(made)
    assert TOKEN not in made.token_hash
    assert made.token_hash == token_hash(TOKEN)
    with pytest.raises(ValueError):
        token_of(b"short")


def test_a_single_use_opens_once() -> None:
    used = admit(_made(), TOKEN, NOW)
    with pytest.raises(InvitationInvalid):
        admit(used, TOKEN, NOW)


def test_many_uses_open_until_the_end() -> None:
    made = _made(uses=0, days=1)
    for _ in range(50):
        made = admit(made, TOKEN, NOW)
    with pytest.raises(InvitationInvalid):
        admit(made, TOKEN, NOW + timedelta(days=1))


@pytest.mark.parametrize("token", ["", TOKEN + "x", TOKEN[:-1], "é", "\ud800"])
def test_another_token_opens_nothing_and_says_nothing(token: str) -> None:
    with pytest.raises(InvitationInvalid) as refused:
        admit(_made(), token, NOW)
    assert refused.value.detail == ""


@pytest.mark.parametrize("options", [{"uses": -1}, {"uses": 10**9}, {"days": 0}, {"days": 400}])
def test_limits_hold(options: dict[str, int]) -> None:
    with pytest.raises(BodyInvalid):
        _made(**options)
