"""The access grant service of Enterprise Solid Server: requests, answers, whether they hold, their end."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from solidgate.adapters.ess_calls import EssCalls, answered
from solidgate.adapters.issuer_cache import TimedCache
from solidgate.adapters.solid_requests import GONE, WRITTEN, fault
from solidgate.errors import AccessGrantEnded, AccessGrantInvalid
from solidgate.pod.credential import CredentialKind, read_credential
from solidgate.pod.grant import (
    AskedAccess,
    Grant,
    check_answer,
    check_request,
    is_revoked,
    request_document,
)
from solidgate.pod.origin import same_origin
from solidgate.pod.platform import GrantService, read_grant_service
from solidgate.ports import Access, Clock

# The checks of a grant that time or its owner can turn; every other failure means that it never was one.
_OF_TIME = ("credentialstatus", "expirationdate")


class AccessGrants:
    """One client for every service; ``issuer`` is the one that the pod's own storage led to."""

    def __init__(self, calls: EssCalls, clock: Clock, seconds: float) -> None:
        self._calls = calls
        self._clock = clock
        self._services: TimedCache[GrantService] = TimedCache(
            clock.monotonic, seconds=seconds, fault_seconds=10
        )

    async def service(self, issuer: str) -> GrantService:
        """The endpoints of an issuer."""
        return await self._services.get(issuer, lambda: self._configuration(issuer))

    async def _configuration(self, issuer: str) -> GrantService:
        url = issuer.rstrip("/") + "/.well-known/vc-configuration"
        return read_grant_service(await self._calls.document(url), issuer)

    async def ask(self, access: Access, issuer: str, asked: AskedAccess) -> str:
        """Issue an access request; its id, once it was checked to say what was asked."""
        service = await self.service(issuer)
        document = request_document(asked, service.context, self._clock.now())
        return check_request(answered(await self._calls.post(service.issue, access, document)), asked, issuer)

    async def answer(
        self, access: Access, issuer: str, url: str, asked: AskedAccess, request_id: str
    ) -> Grant | None:
        """The answer at ``url``, which somebody's browser brought: fetched at the issuer, checked, verified.

        None for a denial. Raises ``AccessGrantInvalid AccessGrantEnded`` and pod faults.
        """
        if not same_origin(url, issuer):
            raise AccessGrantInvalid("its address is not the issuer's")
        reply = await self._calls.get(url, access)
        if reply.status in (401, 403, *GONE):
            raise AccessGrantInvalid("the issuer shows this person no such answer")
        document = answered(reply)
        grant = check_answer(document, asked, request_id, issuer, self._clock.now())
        if document.get("id") != url:
            raise AccessGrantInvalid("it calls itself otherwise")
        await self.verify(access, issuer, document)
        return grant

    async def verify(self, access: Access, issuer: str, document: Mapping[str, Any]) -> None:
        """The issuer's own word that signature, dates and status hold: 200 *and* no errors.

        Raises ``AccessGrantEnded`` when it was revoked or is over, else ``AccessGrantInvalid``.
        """
        service = await self.service(issuer)
        reply = await self._calls.post(service.verify, access, {"verifiableCredential": document})
        errors = answered(reply).get("errors")
        if not isinstance(errors, list):
            raise AccessGrantInvalid("the issuer does not say whether it holds")
        if errors and all(str(one).strip().lower().startswith(_OF_TIME) for one in errors):
            raise AccessGrantEnded()
        if errors:
            raise AccessGrantInvalid("the issuer says that it does not hold")

    async def check(self, access: Access, issuer: str, grant: Grant) -> None:
        """Whether a grant that we keep is still in force: by its dates, by its issuer, by the published list.

        Raises ``AccessGrantEnded AccessGrantInvalid`` and pod faults.
        """
        if grant.expires is not None and grant.expires <= self._clock.now():
            raise AccessGrantEnded()
        await self.verify(access, issuer, grant.document)
        entry = read_credential(grant.document).revocation
        if entry is not None:
            published = await self._calls.document(entry.list_url, access)
            subject = published.get("credentialSubject")
            encoded = subject.get("encodedList") if isinstance(subject, dict) else None
            if not isinstance(encoded, str):
                raise AccessGrantInvalid("the revocation list has no list")
            if is_revoked(encoded, entry.index):
                raise AccessGrantEnded()

    async def revoke(self, access: Access, issuer: str, grant: Grant) -> None:
        """Set its status to revoked, as its owner, then see that it is."""
        service = await self.service(issuer)
        if read_credential(grant.document).kind is not CredentialKind.GRANT:
            raise AccessGrantInvalid("only a grant can be revoked")
        reply = await self._calls.post(service.status, access, _revoked(grant.id))
        if reply.status not in WRITTEN:
            raise fault(reply)
        try:
            await self.check(access, issuer, grant)
        except AccessGrantEnded:
            return
        raise AccessGrantInvalid("the issuer took the revocation and says that the grant holds")

    async def cancel(self, access: Access, issuer: str, request_id: str) -> None:
        """Cancel a request, as who asked: its status becomes revoked, and then is seen to be.

        One that the issuer does not know any more is cancelled. Raises ``AccessGrantInvalid`` when the issuer
        took the cancellation and says that the request holds, and pod faults.
        """
        if not same_origin(request_id, issuer):
            raise AccessGrantInvalid("its address is not the issuer's")
        service = await self.service(issuer)
        reply = await self._calls.post(service.status, access, _revoked(request_id))
        if reply.status in GONE:
            return
        if reply.status not in WRITTEN:
            raise fault(reply)
        shown = await self._calls.get(request_id, access)
        if shown.status in GONE:
            return
        with suppress(AccessGrantEnded):
            await self.verify(access, issuer, answered(shown))
            raise AccessGrantInvalid("the issuer took the cancellation and says that the request holds")


def _revoked(credential_id: str) -> Mapping[str, Any]:
    status = {"type": "RevocationList2020Status", "status": "1"}
    return {"credentialId": credential_id, "credentialStatus": [status]}
