"""What the double of an Enterprise Solid Server can do to its clients: numbered, so that a test can name it.

1xx UMA, 2xx requests, grants and denials, 3xx storage, 4xx the access page, 5xx ESS 3.x. Numbers are never
used again. ``docs/reference/ess-double.md`` has a heading for each.
"""

from __future__ import annotations

from enum import IntEnum, unique

from solidgate.testing.awkward import Mischief


@unique
class Odd(IntEnum):
    """The behaviours."""

    NEED_INFO_LOOP = 101
    TICKET_REFUSED = 102
    EXPIRES_AS_TEXT = 103
    WITHOUT_CLAIM_PROBLEM = 104
    UMA_SLOW = 105
    UMA_BROKEN = 106
    UMA_STORM = 107
    FOREIGN_AS_URI = 108
    FOREIGN_TOKEN_ENDPOINT = 109
    OTHER_UMA_ISSUER = 110
    NARROW_TOKEN = 111
    REVOKED_BETWEEN = 112
    REQUEST_DENIED = 113
    UMA_FIRST = 114
    SPLIT_CHALLENGE = 115
    TOKEN_REFUSED = 116
    REDIRECT_USER = 117

    SCALARS = 201
    INHERIT_AS_TEXT = 202
    SHORT_NAMES = 203
    PREFIXED_NAMES = 204
    REFUSED_STATUS = 205
    PREFIXED_DENIAL = 206
    PROVIDED_TO_PERSON = 207
    PROVIDED_TO_CONTROLLER = 208
    VERIFIED_REQUEST = 209
    OLD_CONTEXT = 210
    OTHER_REQUESTOR = 211
    OTHER_OWNER = 212
    OTHER_ISSUER = 213
    OTHER_REQUEST = 214
    WIDENED = 215
    FORGED_PROOF = 216
    OTHER_CREDENTIAL = 217
    VERIFY_ERRORS = 218
    VERIFY_BROKEN = 219
    EXPIRED = 220
    WITHOUT_EXPIRY = 221
    NOT_YET = 222
    LIST_BROKEN = 223
    LIST_LIES = 224
    ISSUE_REFUSED = 225
    VC_STORM = 226
    PAGES_WITHOUT_END = 227
    BARE_PROOF_VALUE = 228
    LONG_PROOF_VALUE = 229
    SELF_HOSTED_CONTEXT = 230
    OTHER_PURPOSE = 231
    LONG_NAMES = 232
    CANCEL_REFUSED = 233
    CANCELLED_ANSWERED = 234

    MISSING_ETAG = 301
    WEAK_ETAG = 302
    UNLISTED_CLIENT = 303
    STORAGE_SLOW = 304
    STORAGE_STORM = 305
    STORAGE_BROKEN = 306
    WITHOUT_CHALLENGE = 307
    WITHOUT_PAGE = 308

    GRANT_IN_THE_URL = 401
    RETURNS_ANOTHER = 402
    RETURNS_NOTHING = 403

    OWN_LIFETIME = 501
    EXCHANGE_REFUSED = 502


class Oddities:
    """Which behaviours are switched on, and where."""

    def __init__(self) -> None:
        self._kept: list[tuple[str, Mischief[Odd]]] = []

    def add(
        self,
        kind: Odd,
        at: str = "*",
        *,
        amount: float = 0,
        text: str = "",
        times: int | None = None,
        after: int = 0,
    ) -> None:
        """Be odd at this path (``*``: everywhere): ``after`` good answers first, then ``times`` odd ones."""
        self._kept.append((at, Mischief(kind, amount, text, times, after)))

    def clear(self) -> None:
        """Be good again."""
        self._kept.clear()

    def strikes(self, kind: Odd, at: str = "*") -> Mischief[Odd] | None:
        """The behaviour, when it happens this time; counts."""
        for place, mischief in self._kept:
            if mischief.kind is kind and place in ("*", at) and mischief.strikes():
                return mischief
        return None
