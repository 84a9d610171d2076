"""Approval: an organisation's yes to exactly this program under exactly these terms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from solidgate.errors import AlgorithmNotApproved
from solidgate.space.agreement import Agreement, digest
from solidgate.space.participant import Role

APPROVING = (Role.OWNER, Role.CODE_PROVIDER, Role.DATA_CONSUMER)
DECISIONS = ("approve", "reject")


@dataclass(frozen=True, slots=True)
class Approval:
    """What one party said in one role about one pair of digests. Append-only: the latest word counts."""

    space: str
    agreement_digest: str
    algorithm_digest: str
    role: Role
    webid: str
    decision: Literal["approve", "reject"] | str
    at: datetime

    def __repr__(self) -> str:
        return f"Approval({self.role.value}: {self.decision} {self.algorithm_digest})"


def missing_roles(
    agreement: Agreement, agreement_digest: str, approvals: Iterable[Approval]
) -> tuple[str, ...]:
    """The roles in which a party has not said yes to this pair of digests, in the order of ``APPROVING``.

    Every party with such a role must approve, in each such role that it has. A word about another digest,
    another space, from somebody without the role, or followed by a later no, does not count.
    """
    yes = _standing(agreement, agreement_digest, approvals)
    return tuple(
        role.value
        for role in APPROVING
        if any((role, party.webid) not in yes for party in agreement.with_role(role))
        or not agreement.with_role(role)
    )


def complete(agreement: Agreement, approvals: Iterable[Approval]) -> bool:
    """Whether nobody is missing, under the digest of this very agreement."""
    return not missing_roles(agreement, digest(agreement), approvals)


def require_approved(agreement: Agreement, agreement_digest: str, approvals: Iterable[Approval]) -> None:
    """Raises ``AlgorithmNotApproved`` with the digest and the roles that are missing.

    1. the digest is that of this agreement; 2. every party has approved exactly this pair.
    """
    if digest(agreement) != agreement_digest:
        raise AlgorithmNotApproved(f"these are not the terms of {agreement_digest}")
    if missing := missing_roles(agreement, agreement_digest, approvals):
        raise AlgorithmNotApproved(f"{agreement.algorithm}: not approved by {', '.join(missing)}")


def approved_since(
    agreement: Agreement, agreement_digest: str, approvals: Iterable[Approval]
) -> Mapping[str, datetime]:
    """Since when each party, by its WebID, has said yes in all roles in which it must; others are not in it.

    A yes repeated changes nothing; after a no, it counts from the next yes.
    """
    yes = _standing(agreement, agreement_digest, approvals)
    asked = [
        (party.webid, [(role, party.webid) for role in APPROVING if role in party.roles])
        for party in agreement.parties
    ]
    return {
        webid: max(yes[one] for one in roles) for webid, roles in asked if roles and yes.keys() >= set(roles)
    }


def _standing(
    agreement: Agreement, agreement_digest: str, approvals: Iterable[Approval]
) -> Mapping[tuple[Role, str], datetime]:
    """Who says yes after all that was said, and since when without a no. At one instant, a no wins."""
    since: dict[tuple[Role, str], datetime] = {}
    about = (agreement.space, agreement_digest, agreement.algorithm)
    for approval in sorted(approvals, key=lambda one: (one.at, one.decision != "approve")):
        if (approval.space, approval.agreement_digest, approval.algorithm_digest) == about:
            if approval.decision == "approve":
                since.setdefault((approval.role, approval.webid), approval.at)
            else:
                since.pop((approval.role, approval.webid), None)
    return since
