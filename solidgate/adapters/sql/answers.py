"""What an answer is decided on: locked, and read under the locks, in one round trip."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from solidgate.adapters.sql.codec import decode
from solidgate.adapters.sql.consents import purpose_states
from solidgate.adapters.sql.people import People
from solidgate.adapters.sql.together import together
from solidgate.algorithm.approval import Approval
from solidgate.consent.notice import Notice
from solidgate.consent.request import ConsentRequest
from solidgate.consent.status import ConsentStatus
from solidgate.consent.stored import ToAnswer
from solidgate.errors import RequestNotFound
from solidgate.space.participant import Role

# The person is alone in the space (as ``Requests.alone``), then the person, the request and the space stand
# still, locked in the order of the clauses. Request and space come back as they are once they are locked;
# person and notice never change. An erasure locks the person before anything of theirs: it comes wholly
# before an answer, which then finds nothing, or after it. Approvals are only ever added, and are read as they
# stood when the statement began: a later one came after the answer, and a run asks for them again.
LOCKED = """
SELECT r.request_sealed, r.answered, r.deferred, s.state, s.agreement_digest,
       p.key_sealed, n.notice_sealed, n.displayed,
       (SELECT json_agg(json_build_array(a.algorithm_digest, a.role, a.webid, a.decision, a.at)
                        ORDER BY a.approval_id)
        FROM approvals a
        WHERE a.space_id = r.space_id AND a.agreement_digest = s.agreement_digest) AS approvals,
       pg_advisory_xact_lock(hashtextextended('consents:' || r.person_id || ':' || r.space_id, 0))
FROM requests r
JOIN spaces s ON s.space_id = r.space_id
JOIN people p ON p.person_id = r.person_id
LEFT JOIN notices n ON n.request_id = r.request_id AND n.digest = %(shown)s
WHERE r.request_id = %(request_id)s AND r.person_id = %(person_id)s
FOR KEY SHARE OF p FOR UPDATE OF r FOR SHARE OF s
"""

# A statement of its own: it sees what whoever was alone before has committed.
NEWEST = """
SELECT c.purpose, c.consent_id, c.agreement_digest, c.status, c.until
FROM consents c
WHERE c.person_id = %(person_id)s
  AND c.space_id = (SELECT space_id FROM requests WHERE request_id = %(request_id)s)
ORDER BY c.created
"""


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers of one transaction."""

    connection: AsyncConnection
    people: People

    async def under_lock(self, person_id: str, request_id: str, shown: str) -> ToAnswer:
        """The request with all that its answer depends on, none of which changes until the transaction ends.

        ``shown`` is the digest of the notice. Raises ``RequestNotFound`` also for another person's.
        """
        own = {"person_id": person_id, "request_id": request_id}
        locked, newest = await together(
            self.connection,
            (LOCKED, {**own, "shown": shown}),
            (NEWEST, own),
        )
        if not locked:
            raise RequestNotFound()
        (row,) = locked
        self.people.opened(person_id, row.key_sealed)
        sealed = await self.people.unseal(person_id, row.request_sealed, f"request:{request_id}")
        request = decode(ConsentRequest, sealed)
        return ToAnswer(
            request=request,
            answered=row.answered is not None,
            deferred=row.deferred,
            space_state=row.state,
            agreement_digest=row.agreement_digest,
            approvals=_approvals(request.space_id, row.agreement_digest, row.approvals or ()),
            notice=await self._notice(person_id, shown, row.notice_sealed),
            displayed=row.displayed,
            earlier=purpose_states(newest),
            held=frozenset(one.purpose for one in newest if ConsentStatus(one.status).valid_for_processing),
        )

    async def _notice(self, person_id: str, shown: str, sealed: bytes | None) -> Notice | None:
        if sealed is None:
            return None
        return decode(Notice, await self.people.unseal(person_id, sealed, f"notice:{shown}"))


def _approvals(
    space_id: str, agreement_digest: str, found: Iterable[tuple[str, str, str, str, str]]
) -> tuple[Approval, ...]:
    return tuple(
        Approval(space_id, agreement_digest, program, Role(role), webid, said, datetime.fromisoformat(at))
        for program, role, webid, said, at in found
    )
