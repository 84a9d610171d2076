"""Making a consent record out of an answer: all its events at once, each bound to what was shown."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from solidgate.consent.notice import Notice
from solidgate.consent.record import ConsentEvent, ConsentRecord, with_event
from solidgate.consent.request import AskedResource, ConsentRequest, resources_digest
from solidgate.consent.status import ConsentStatus
from solidgate.consent.stored import PurposeState
from solidgate.flow.step import recipients
from solidgate.flow.world import World
from solidgate.space.agreement import Agreement, controller

YES = "Pressed the button: Yes, I consent"
YES_TYPED = "Typed the word of the page, then pressed the button: Yes, I consent"
NO = "Pressed the button: No, I do not consent"
LATER = "Followed the link: Decide later"
_RENEWS = (ConsentStatus.REVOKED, ConsentStatus.EXPIRED)


@dataclass(frozen=True, slots=True)
class Making:
    """What all records of one answer share. ``earlier`` is the newest record of each purpose so far."""

    world: World
    agreement: Agreement
    request: ConsentRequest
    notice: Notice
    displayed: datetime
    now: datetime
    end: datetime
    deferred: datetime | None
    earlier: Mapping[str, PurposeState]

    def record(self, purpose_id: str, yes: bool) -> ConsentRecord:
        """The request by the controller, a deferral if there was one, then the person's own answer.

        What it binds to the terms is checked where its receipt is signed, before anything is kept.
        """
        longest = self.world.settings.consent.max_validity
        return with_event(self._blank(purpose_id), *self._events(purpose_id, yes), longest=longest)

    def _blank(self, purpose_id: str) -> ConsentRecord:
        consent_id, agreement, notice = str(uuid.uuid4()), self.agreement, self.notice
        resources, earlier = _found(self.request.resources_for(purpose_id)), self.earlier.get(purpose_id)
        return ConsentRecord(
            consent_id=consent_id,
            iri=self.world.consent_iri(consent_id),
            request_id=self.request.request_id,
            data_subject=self.request.data_subject,
            space=self.world.space_iri(self.request.space_id),
            purpose=purpose_id,
            agreement_digest=notice.agreement_digest,
            notice_digest=notice.digest,
            notice_language=notice.language,
            notice_date=self.displayed,
            algorithm_digest=agreement.algorithm,
            shape_digest=agreement.output_shape,
            resources_digest=resources_digest(resources),
            resources=resources,
            recipients=tuple(party.webid for party in recipients(agreement)),
            result_container=self.request.result_container,
            epoch=0,
            replaces=None if earlier is None else self.world.consent_iri(earlier.consent_id),
            found_by=_found_by(self.request.resources_for(purpose_id)),
        )

    def _events(self, purpose_id: str, yes: bool) -> list[ConsentEvent]:
        person, created = self.request.data_subject, self.request.created
        asked = ConsentEvent(1, ConsentStatus.REQUESTED, created, by=controller(self.agreement).webid)
        events = [asked]
        if self.deferred is not None:
            events.append(ConsentEvent(2, ConsentStatus.DEFERRED, self.deferred, by=person, method=LATER))
        status = self._yes(purpose_id) if yes else ConsentStatus.REFUSED
        method = self._method(purpose_id) if yes else NO
        until = self.end if yes else None
        return [*events, ConsentEvent(len(events) + 1, status, self.now, person, method, until)]

    def _yes(self, purpose_id: str) -> ConsentStatus:
        """A yes again after the clock or the organisation ended one; after a no or a withdrawal a new yes."""
        earlier = self.earlier.get(purpose_id)
        renews = earlier is not None and earlier.at(self.now) in _RENEWS
        return ConsentStatus.RENEWED if renews else ConsentStatus.GIVEN

    def _method(self, purpose_id: str) -> str:
        return YES_TYPED if self.agreement.purpose(purpose_id).special_category else YES


def _found_by(resources: tuple[AskedResource, ...]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((one.url, one.need) for one in resources if one.found and one.need))


def _found(resources: tuple[AskedResource, ...]) -> tuple[str, ...]:
    return tuple(sorted({one.url for one in resources if one.found}))
