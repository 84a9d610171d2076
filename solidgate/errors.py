"""Every refusal and fault solidgate can name: one tree, each with a stable code, a sentence and a remedy.

The code is part of the public contract (``docs/reference/errors.md`` has a heading for each). There is no
HTTP here: ``web/problems.py`` translates the ten families below to statuses, at the edge and nowhere else.
A class without a ``code`` is a family; a class with one is an error that can be raised.
"""

from __future__ import annotations

from typing import ClassVar


class SolidgateError(Exception):
    """The base of everything solidgate raises on purpose.

    ``detail`` may add ids, digests, limits and addresses of ours; never a value from a pod, a token or a
    WebID. It is shown to the caller and may be logged.
    """

    code: ClassVar[str] = ""
    sentence: ClassVar[str] = ""
    remedy: ClassVar[str] = ""

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or self.sentence)
        self.detail = detail


class BadInput(SolidgateError):
    """The caller sent something that can never work as it is."""


class NotAuthenticated(SolidgateError):
    """The caller has not proved who they are."""


class Forbidden(SolidgateError):
    """The caller is known and may not do this."""


class NotFound(SolidgateError):
    """There is no such thing, or the caller may not know whether there is."""


class Conflict(SolidgateError):
    """The state changed between what the caller saw and what the caller asked."""


class Refused(SolidgateError):
    """A rule says no: consent, approval, shape or policy. Trying again the same way cannot help."""


class LimitExceeded(SolidgateError):
    """A documented limit was reached; the setting that holds it is in the detail."""


class PodFault(SolidgateError):
    """A person's pod, profile or issuer did not do what the protocol says."""


class Unavailable(SolidgateError):
    """Something solidgate needs is not there at the moment; the same call may work later."""


class Misconfigured(SolidgateError):
    """The operator's settings or files are wrong; the service does not start on a guess."""


def every_error() -> dict[str, type[SolidgateError]]:
    """All errors that have a code, by code; documentation and tests walk over it."""
    found: dict[str, type[SolidgateError]] = {}
    stack: list[type[SolidgateError]] = [SolidgateError]
    while stack:
        kind = stack.pop()
        stack.extend(kind.__subclasses__())
        if kind.code:
            found[kind.code] = kind
    return dict(sorted(found.items()))


# --- settings and files -------------------------------------------------------------------------------


class UnknownSetting(Misconfigured):
    code = "config.unknown-setting"
    sentence = "A setting has a name that solidgate does not know."
    remedy = "Correct the name as suggested, or remove it; docs/reference/settings.md lists them all."


class BadSetting(Misconfigured):
    code = "config.bad-setting"
    sentence = "A setting has a value that solidgate cannot use."
    remedy = "Give a value of the kind that docs/reference/settings.md names for it."


class UnsafeInProduction(Misconfigured):
    code = "config.unsafe-in-production"
    sentence = "A setting that is only for development is on while the environment is production."
    remedy = "Turn the setting off, or run with environment = development."


class BadFile(BadInput):
    code = "file.unreadable"
    sentence = "A file is missing, too large, or not of the format that its name promises."
    remedy = "Check the path and the format named in the detail."


class SealBroken(Misconfigured):
    code = "store.seal-broken"
    sentence = "A stored value does not open with the keys of this installation."
    remedy = "Restore the key files that belong to this database; do not make new ones beside it."


# --- outbound requests --------------------------------------------------------------------------------


class AddressRefused(PodFault):
    code = "fetch.address-refused"
    sentence = "An address leads to a network that solidgate does not call."
    remedy = "Use a public https address; private ones need http.allow_private_addresses in development."


class FetchTooLarge(PodFault):
    code = "fetch.too-large"
    sentence = "An answer from outside was larger than the limit for its kind."
    remedy = "Make the document smaller, or raise the limit named in the detail."


class FetchTimedOut(PodFault):
    code = "fetch.timed-out"
    sentence = "An answer from outside did not arrive whole within its time."
    remedy = "Try again; if it stays so, ask the operator of that server."


class FetchUnreachable(PodFault):
    code = "fetch.unreachable"
    sentence = "A server outside could not be reached."
    remedy = "Try again later; check that the address is right and the server is up."


class FetchUnexpected(PodFault):
    code = "fetch.unexpected-answer"
    sentence = "A server outside answered something else than its protocol says."
    remedy = "The detail names the status or the media type; tell the operator of that server."


# --- identity -----------------------------------------------------------------------------------------


class WebIdInvalid(BadInput):
    code = "login.webid-invalid"
    sentence = "This is not an address that can be a WebID or an identity provider."
    remedy = "Enter a full address that begins with https://, as your pod provider shows it."


class NoIssuer(PodFault):
    code = "login.no-issuer"
    sentence = "The profile names no identity provider, or names another one than the one that answered."
    remedy = "Add solid:oidcIssuer to your WebID profile, or choose the provider that it names."


class IssuerFault(PodFault):
    code = "login.issuer-fault"
    sentence = "The identity provider's own description is missing something that login needs."
    remedy = "Choose another provider, or tell this one what the detail says."


class ProfileNotFound(PodFault):
    code = "login.profile-not-found"
    sentence = "There is no profile at this address."
    remedy = "Check the address letter by letter; your pod provider shows your WebID on your account page."


class ProfileClosed(PodFault):
    code = "login.profile-closed"
    sentence = "The profile at this address is not open to everybody, so it cannot be read before a login."
    remedy = "Let everybody read your profile, in the settings of your pod, then try again."


class ProfileUnreadable(PodFault):
    code = "login.profile-unreadable"
    sentence = "There is a page at this address, but it is not the profile of a WebID."
    remedy = "Check that it is your WebID; your pod provider shows it on your account page."


class IssuerNotFound(PodFault):
    code = "login.issuer-not-found"
    sentence = "There is no identity provider at the address that was entered, or that the profile names."
    remedy = "Check the address; if your profile names it, ask your pod provider to correct your profile."


class IssuerDown(PodFault):
    code = "login.issuer-down"
    sentence = "The identity provider is there, but answers with an error at the moment."
    remedy = "Try again in a few minutes; if it stays so, ask your provider."


class LoginExpired(BadInput):
    code = "login.took-too-long"
    sentence = "Between the beginning of this login and its end lay more time than is allowed."
    remedy = "Begin the login again; where you wanted to go is kept."
    return_to: str = "/me"


class LoginAnswered(Conflict):
    code = "login.already-finished"
    sentence = "This login is not open any more, and you are logged in."
    remedy = "Go on as the person who is logged in."


class ClockOff(NotAuthenticated):
    code = "login.clock-off"
    sentence = "The clocks of this service and of the identity provider tell different times."
    remedy = "Try again; if it stays so, tell whoever runs this service, with the number of this request."


class LoginStateUnknown(BadInput):
    code = "login.state-unknown"
    sentence = "This login was not begun in this browser, was already used, or took too long."
    remedy = "Begin the login again from the page that you came from."


class LoginCancelled(Refused):
    code = "login.cancelled"
    sentence = "The login was cancelled at the identity provider; nothing was changed."
    remedy = "Begin again when you want to."


class LoginRefused(NotAuthenticated):
    code = "login.refused"
    sentence = "The identity provider's answer did not pass the checks of Solid-OIDC."
    remedy = "Begin the login again; the detail names the check that failed."


class LoginNeeded(NotAuthenticated):
    code = "login.needed"
    sentence = "This needs a person who is logged in."
    remedy = "Log in with your WebID, then open the page again."


class SessionExpired(NotAuthenticated):
    code = "login.session-expired"
    sentence = "The session has ended."
    remedy = "Log in again; what was decided before is kept."


class TokenInvalid(NotAuthenticated):
    code = "token.invalid"
    sentence = "The access token did not pass its checks."
    remedy = "Get a new Solid-OIDC access token, bound to your DPoP key; the detail names the check."


class ProofInvalid(NotAuthenticated):
    code = "token.proof-invalid"
    sentence = "The DPoP proof did not pass its checks."
    remedy = "Make a new proof for this method and address; the detail names the check."


class ProofNonceNeeded(NotAuthenticated):
    code = "token.nonce-needed"
    sentence = "The DPoP proof needs the nonce that this answer carries."
    remedy = "Repeat the request once with the DPoP-Nonce of this answer in the proof."
    nonce: str = ""


class SignatureInvalid(BadInput):
    code = "jose.invalid"
    sentence = "A signed object is not of its strict form, or its signature does not fit."
    remedy = "Get the object again from whoever signed it; the detail names the check."


class FormTokenInvalid(Forbidden):
    code = "form.token-invalid"
    sentence = "The form did not come from a page of this session."
    remedy = "Reload the page and send the form again."


# --- spaces, agreements, algorithms -------------------------------------------------------------------


class SpaceNotFound(NotFound):
    code = "space.not-found"
    sentence = "There is no such space, or it is not yours to see."
    remedy = "Check the address; ask the organisation that gave it to you."


class SpaceExists(Conflict):
    code = "space.exists"
    sentence = "A space with this identifier exists already."
    remedy = "Choose another identifier, or publish a new version of the agreement."


class SpaceClosed(Refused):
    code = "space.closed"
    sentence = "The space is not open."
    remedy = "Nothing can be asked, decided or run in it; ask its owner."


class SpaceInvalid(BadInput):
    code = "space.invalid"
    sentence = "The description of the space breaks a rule."
    remedy = "Correct what the detail names; docs/reference/space-file.md has every field."


class TermsUnknown(NotFound):
    code = "space.terms-unknown"
    sentence = "The space has no agreement with this digest that names this program."
    remedy = "Read the agreement again; approve its digest and the program that it names."


class RoleMissing(Forbidden):
    code = "space.role-missing"
    sentence = "You have no role in this space that allows this."
    remedy = "Ask the space's owner for the role that the detail names."


class AlgorithmInvalid(BadInput):
    code = "algorithm.invalid"
    sentence = "The algorithm's folder or package breaks a rule."
    remedy = "Run solidgate algorithm check and correct what it names."


class AlgorithmNotFound(NotFound):
    code = "algorithm.not-found"
    sentence = "There is no algorithm with this digest in the space."
    remedy = "Submit the package first; solidgate algorithm pack prints its digest."


class AlgorithmNotApproved(Refused):
    code = "algorithm.not-approved"
    sentence = "Not every party of the agreement has approved this exact algorithm and these terms."
    remedy = "Each party runs solidgate algorithm approve for the digest in the detail."


class AlgorithmChanged(Refused):
    code = "algorithm.digest-mismatch"
    sentence = "The program's bytes are not the ones that were approved."
    remedy = "Submit and approve the new version; a changed program is a new question to everybody."


# --- consent ------------------------------------------------------------------------------------------


class InvitationInvalid(NotFound):
    code = "invitation.invalid"
    sentence = "This invitation is unknown, used up or past its date."
    remedy = "Ask the organisation for a new link."


class RequestNotFound(NotFound):
    code = "request.not-found"
    sentence = "There is no such request, or it was not made to you."
    remedy = "Open the link of your invitation again."


class ResourceNotAsked(NotFound):
    code = "request.resource-not-asked"
    sentence = "This request asks for no document with this number."
    remedy = "Open the preview again; it lists every document that is asked for."


class NoExample(NotFound):
    code = "request.no-example"
    sentence = "There is no example of the result to show."
    remedy = "Look again once every party has approved the program; an answer does not depend on it."


class RequestAnswered(Conflict):
    code = "request.answered"
    sentence = "This request was answered already; the first answer stands."
    remedy = "Open the record to see it, or withdraw there."


class RequestClosed(Refused):
    code = "request.closed"
    sentence = "The time to answer this request is over; nothing was recorded."
    remedy = "Open the link of your invitation again to be asked anew."


class TermsChanged(Conflict):
    code = "consent.terms-changed"
    sentence = "What you were shown is no longer what is asked; nothing was recorded."
    remedy = "Read what changed and decide again."


class AnswerMissing(BadInput):
    code = "consent.answer-missing"
    sentence = "A choice was left open, or the answer is not one that the form offers."
    remedy = "Answer each choice with yes or no and send the form again."


class LanguageNotOffered(BadInput):
    code = "consent.language-not-offered"
    sentence = "The terms or the words around them are not there in this language."
    remedy = "Choose one of the languages in the detail."


class RequiredMissing(Refused):
    code = "consent.required-missing"
    sentence = "A yes is not possible: documents that are needed are not in the pod."
    remedy = "Put the documents in your pod and open the request again, or answer no."


class RequiredRefused(BadInput):
    code = "consent.required-refused"
    sentence = "A yes needs a yes to the required purpose of this request, which was answered with no."
    remedy = "Say yes to the required purpose too, or say no to everything."


class StorageNotChosen(Conflict):
    code = "consent.storage-not-chosen"
    sentence = "There are several pods, and the one to look in was not chosen yet."
    remedy = "Open the request and choose where the documents are."


class StorageNotYours(BadInput):
    code = "consent.storage-not-yours"
    sentence = "The chosen place is none of the pods of the person who is logged in."
    remedy = "Choose one of the pods that the page lists."


class ValidityTooLong(BadInput):
    code = "consent.validity-too-long"
    sentence = "The end date lies outside what the terms allow."
    remedy = "Choose an end date no later than the one that the notice names."


class StatementMissing(BadInput):
    code = "consent.statement-missing"
    sentence = "A yes to data of a special category needs the word that the page names, typed by yourself."
    remedy = "Type the word as it stands on the page, or answer no."


class ReceiptPlaceInvalid(BadInput):
    code = "consent.receipt-place-invalid"
    sentence = "The place named for receipts is not a container below your own storage."
    remedy = "Name a container in your pod, such as solidgate/receipts/, or leave the field as it was."


class ConsentNotFound(NotFound):
    code = "consent.not-found"
    sentence = "There is no such consent, or it is not yours."
    remedy = "Open your own page to see your consents."


class ConsentNotGiven(Refused):
    code = "consent.not-given"
    sentence = "There is no consent that was given."
    remedy = "Only the person can give it, from the request."


class ConsentRefused(Refused):
    code = "consent.refused"
    sentence = "The person said no."
    remedy = "The answer stands; they are not asked again under the same terms."


class ConsentWithdrawn(Refused):
    code = "consent.withdrawn"
    sentence = "The person has withdrawn this consent."
    remedy = "It cannot be used again; a new consent is a new question."


class ConsentExpired(Refused):
    code = "consent.expired"
    sentence = "This consent is past the end that the person chose."
    remedy = "Ask the person again."


class ConsentRevoked(Refused):
    code = "consent.revoked"
    sentence = "This consent was ended by the organisation or the service."
    remedy = "Ask the person again under the new terms."


class ConsentInvalidated(Refused):
    code = "consent.invalidated"
    sentence = "This consent was found void."
    remedy = "It cannot be used; the record says why."


class ConsentUnverifiable(Refused):
    code = "consent.unverifiable"
    sentence = "The record of this consent does not pass its own checks."
    remedy = "Nothing runs on it; the operator finds the broken check in the detail."


class PurposeNotCovered(Refused):
    code = "consent.purpose-not-covered"
    sentence = "The consent is for another purpose."
    remedy = "Ask for this purpose."


class TermsNotCovered(Refused):
    code = "consent.terms-not-covered"
    sentence = "The consent was given under other terms."
    remedy = "Ask the person again under the terms that hold now."


class AlgorithmNotCovered(Refused):
    code = "consent.algorithm-not-covered"
    sentence = "The consent was given for another program."
    remedy = "Ask the person again for this program."


class ShapeNotCovered(Refused):
    code = "consent.shape-not-covered"
    sentence = "The consent was given for another form of result."
    remedy = "Ask the person again for this form of result."


class ResourceNotCovered(Refused):
    code = "consent.resource-not-covered"
    sentence = "The consent does not list this resource."
    remedy = "Read only what is listed, or ask for the resource."


class RecipientNotCovered(Refused):
    code = "consent.recipient-not-covered"
    sentence = "The consent does not name this recipient."
    remedy = "Ask the person for this recipient."


class EpochPassed(Refused):
    code = "consent.epoch-passed"
    sentence = "The consent changed while the work was under way; the work was stopped."
    remedy = "Nothing was made visible; nothing needs doing."


class TransitionRefused(Refused):
    code = "consent.transition-refused"
    sentence = "A consent cannot go from its state to this one."
    remedy = "Look at the record; a new decision needs a new request."


class ReceiptInvalid(BadInput):
    code = "receipt.invalid"
    sentence = "The receipt does not verify."
    remedy = "Get the receipt again from its address; a changed receipt proves nothing."


class ExportTooLarge(LimitExceeded):
    code = "rights.export-too-large"
    sentence = "What is held about this person is larger than one export may be."
    remedy = "The operator raises consent.export_bytes, or makes the export with: solidgate consent export."


class ErasureNotConfirmed(BadInput):
    code = "rights.erasure-not-confirmed"
    sentence = "The erasure was not confirmed, so nothing was removed."
    remedy = "Choose on the page whether to erase or to keep everything."


class ContainerNotYours(BadInput):
    code = "rights.container-not-yours"
    sentence = "The container is not below the pod of the person who is logged in."
    remedy = "Give a folder below your pod, such as solidgate/log/; with several pods, its whole address."


class LogFilterInvalid(BadInput):
    code = "rights.filter-invalid"
    sentence = (
        "The log is asked for a kind or a day that does not exist, or its days are the wrong way round."
    )
    remedy = "Give one of the twelve kinds, days such as 2026-11-22, and the earlier day first."


class PersonNotFound(NotFound):
    code = "rights.person-not-found"
    sentence = "Nothing is held about this person."
    remedy = "Give the WebID exactly as the person logs in with it, or the person's id."


# --- pods ---------------------------------------------------------------------------------------------


class PodNotFound(PodFault):
    code = "pod.not-found"
    sentence = "A resource that was agreed is not in the pod."
    remedy = "Put it back, or withdraw; the other people of the run are not affected."


class PodForbidden(PodFault):
    code = "pod.forbidden"
    sentence = "The pod does not let solidgate do this."
    remedy = "Open the door again from the consent's page, or ask the pod provider."


class CredentialsRefused(PodForbidden):
    code = "pod.credentials-refused"
    sentence = "The pod does not accept the credentials that the space shows."
    remedy = "The operator compares the clocks and sees that the pod can read the WebID of the space."


class PodConflict(PodFault):
    code = "pod.conflict"
    sentence = "Something else is at the place where solidgate was to write; it was left as it is."
    remedy = "Move what stands there, or choose another container."


class PodUnreadable(PodFault):
    code = "pod.unreadable"
    sentence = "A document of the pod is not of a form that can be read."
    remedy = "Store it as Turtle or JSON-LD."


class PodDisputed(PodFault):
    code = "pod.disputed"
    sentence = "The pod said that it stored the result, and gives back something else."
    remedy = "The operator of the pod must look; solidgate does not overwrite it."


class PodUnavailable(PodFault):
    code = "pod.unavailable"
    sentence = "The pod is there but cannot answer now."
    remedy = "Try again later; if it stays so, ask the pod provider."


class NoStorage(PodFault):
    code = "pod.no-storage"
    sentence = "No pod could be found from this WebID."
    remedy = "Add pim:storage to the profile, or ask the pod provider for a pod."


class NoChannel(PodFault):
    code = "pod.no-channel"
    sentence = "This pod offers no way to tell of changes that can be used here."
    remedy = "Nothing is lost: documents are looked at from time to time instead."


class DoorNotOpen(PodFault):
    code = "pod.door-not-open"
    sentence = "The pod does not show the access that was asked for."
    remedy = "Open the door again from the consent's page; nothing is read until it is open."


class DoorTooWide(PodFault):
    """Named on the consent's page, never raised: no more than what was agreed is used."""

    code = "pod.door-too-wide"
    sentence = "The pod lets the space do more than read what was agreed."
    remedy = "No more than reading is used. Narrow the door on the page of the consent, or in your pod."


class AddressSpelledOtherwise(PodFault):
    code = "pod.address-spelled-otherwise"
    sentence = "The pod spells this address in another way; access written for it would lock its owner out."
    remedy = "Use the address as the pod's own pages show it, in the profile and in what the space asks for."


class AccessControlUnsupported(PodFault):
    code = "pod.access-control-unsupported"
    sentence = "The pod names no access control that solidgate may write."
    remedy = "Grant access in your pod's own screen with the text shown on the consent's page."


class AccessNotApproved(PodFault):
    code = "pod.access-not-approved"
    sentence = "The access that was asked for has not been approved at the pod yet."
    remedy = "Open the consent's page and follow the link to your pod's own access page."


class AccessDenied(PodFault):
    code = "pod.access-denied"
    sentence = "The access that was asked for was denied on the pod's own access page."
    remedy = "Nothing is read. Ask again from the consent's page, or withdraw the consent."


class AccessGrantInvalid(PodFault):
    code = "pod.grant-invalid"
    sentence = "What came back from the pod's access page is not the person's own answer to this request."
    remedy = "Follow the link on the consent's page again; the detail names the check that failed."


class AccessGrantEnded(PodFault):
    code = "pod.grant-ended"
    sentence = "The grant of access was revoked at the pod, or its end has passed."
    remedy = "Ask for access again from the consent's page, or withdraw the consent."


class AccessGrantNarrowed(PodFault):
    code = "pod.grant-too-narrow"
    sentence = "The grant leaves out something without which the program cannot run."
    remedy = "Ask again from the consent's page and approve what is marked as needed, or withdraw."


class AuthorizationServerUntrusted(PodFault):
    code = "pod.authorization-server-untrusted"
    sentence = "The pod names an authorization or grant service outside its own domain or the login's."
    remedy = "Ask the pod provider; solidgate shows its tokens and grants to services of that domain only."


class AuthorizationRefused(PodForbidden):
    code = "pod.authorization-refused"
    sentence = "The pod's authorization server gave no token for the grant."
    remedy = "Ask for access again from the consent's page; if it stays so, ask the pod provider."


class AccessControlRefused(PodFault):
    code = "pod.access-control-refused"
    sentence = "The pod does not let solidgate change who may read, or see it."
    remedy = "Put the text shown on the consent's page into your pod yourself, then check again."


# --- runs and results ---------------------------------------------------------------------------------


class RunNotFound(NotFound):
    code = "run.not-found"
    sentence = "There is no such run in this space."
    remedy = "Look at the space's list of runs."


class RunOpen(Conflict):
    code = "run.open"
    sentence = "The space has a run that is not over yet, so no other one begins."
    remedy = "Wait for the run that the detail names, or cancel it."


class PartTimedOut(LimitExceeded):
    code = "run.timed-out"
    sentence = "The work for one person took longer than its lease could be kept."
    remedy = "Start a new run; if it stays so, look at the pod's speed and at worker.lease_seconds."


class RunGivenUp(Unavailable):
    code = "run.given-up"
    sentence = "The work for this person was begun as often as it may be, and could not be ended."
    remedy = "Start a new run; the operator finds in the log what stood in the way."


class RunCancelled(Refused):
    code = "run.cancelled"
    sentence = "The run was cancelled by the organisation."
    remedy = "Start a new run when it is wanted."


class SandboxUnavailable(Unavailable):
    code = "sandbox.unavailable"
    sentence = "This machine cannot give the isolation that the agreement asks for."
    remedy = "Run solidgate doctor; it names what is missing."


class SandboxFailed(Refused):
    code = "sandbox.failed"
    sentence = "The program ended with a fault on this person's data; the data is gone again."
    remedy = "The code provider tests the program on the samples; no detail leaves the sandbox."


class SandboxLimit(LimitExceeded):
    code = "sandbox.limit"
    sentence = "The program used more time, memory or output than it may."
    remedy = "Make the program smaller, or agree on a higher limit."


class ShapeViolated(Refused):
    code = "result.shape-violated"
    sentence = "The result is not of the form that was agreed; it was dropped."
    remedy = "The code provider corrects the program; the report names shapes and paths, never values."


class ResultForeign(Refused):
    code = "result.foreign-terms"
    sentence = "The result speaks of things that a result may not touch."
    remedy = "Results may use the agreed vocabulary and their own subject only."


class ValidationFailed(Unavailable):
    code = "validation.failed"
    sentence = "The check of the result could not be finished, so the result was dropped."
    remedy = "Look at the shapes for unbounded paths or patterns; raise validation limits if they are right."


class GroupTooSmall(Refused):
    code = "result.group-too-small"
    sentence = "Too few people contribute for a result about the group."
    remedy = "Wait until as many people as the agreement names have consented."


class GroupChanged(Refused):
    code = "result.group-changed"
    sentence = "Somebody left the group again and again while a result about it was made."
    remedy = "Start a new run; nothing was released."


# --- queries ------------------------------------------------------------------------------------------


class QueryInvalid(BadInput):
    code = "query.invalid"
    sentence = "This is not a SPARQL 1.1 query."
    remedy = "Correct the query; the detail names the place."


class QueryRefused(Refused):
    code = "query.refused"
    sentence = "The query uses something that is not allowed here: updates, SERVICE, FROM or another dataset."
    remedy = "Ask the default dataset of the space with SELECT, ASK, CONSTRUCT or DESCRIBE."


class QueryLimit(LimitExceeded):
    code = "query.limit"
    sentence = "The query used more time, memory or rows than one query may; no part of the answer was sent."
    remedy = "Ask for less: add a LIMIT, or a narrower pattern."


class QueryFormatUnsupported(BadInput):
    code = "query.format-unsupported"
    sentence = "None of the accepted media types can carry this answer."
    remedy = "Accept one of the types that the detail lists."


# --- requests to solidgate ----------------------------------------------------------------------------


class ChannelUnknown(NotFound):
    code = "notification.channel-unknown"
    sentence = "No notification is expected at this address."
    remedy = "The channel has ended, or the address is wrong: end the subscription."


class SenderForeign(Forbidden):
    code = "notification.sender-foreign"
    sentence = "This notification does not come from the server that the channel is with."
    remedy = "Sign as the sender that the subscription named, for exactly this address."


class MessageUnsigned(NotAuthenticated):
    code = "notification.message-unsigned"
    sentence = "The signature of this message does not hold (RFC 9421)."
    remedy = "Sign method, address, content digest and time, with a key of the subscription's key set."


class NotificationInvalid(BadInput):
    code = "notification.invalid"
    sentence = "This is not a notification of a change."
    remedy = "Send one ActivityStreams object, or one event of the delivery service, as JSON."


class PageNotFound(NotFound):
    code = "request.page-not-found"
    sentence = "There is nothing at this address."
    remedy = "Check the address, or start from the first page."


class MethodNotAllowed(BadInput):
    code = "request.method-not-allowed"
    sentence = "This address does not take this method."
    remedy = "Use one of the methods in the Allow header."


class FormatUnsupported(BadInput):
    code = "request.format-unsupported"
    sentence = "This address has none of the media types that the request accepts."
    remedy = "Accept one of the types that the detail lists."


class RequestMalformed(BadInput):
    code = "request.malformed"
    sentence = "What was sent is not a request of HTTP, or its first lines are longer than the limit."
    remedy = "Use a method that HTTP knows and a shorter address; server.max_header_bytes is the limit."


class BodyInvalid(BadInput):
    code = "request.body-invalid"
    sentence = "The body of the request is missing or not of the expected form."
    remedy = "Send the fields that the reference names for this route."


class BodyTooLarge(LimitExceeded):
    code = "request.body-too-large"
    sentence = "The body of the request is larger than the limit."
    remedy = "Send less; the limit is in the detail."


class RequestTimedOut(LimitExceeded):
    code = "request.timed-out"
    sentence = "The request was not finished within its time."
    remedy = "Send it again; look first whether it took effect. The limit is in the detail."


class TooManyRequests(LimitExceeded):
    code = "request.too-many"
    sentence = "Too many requests came from this session or address."
    remedy = "Wait for the seconds that Retry-After names."
    retry_after: int = 60


class NotReady(Unavailable):
    code = "service.not-ready"
    sentence = "The service is starting or stopping."
    remedy = "Try again in a few seconds."


class StoreUnavailable(Unavailable):
    code = "service.store-unavailable"
    sentence = "The database cannot be reached, so nothing is done."
    remedy = "Try again; the operator looks at the database."


class InternalFault(SolidgateError):
    code = "service.internal"
    sentence = "Something went wrong inside the service; it is logged under the request's number."
    remedy = "Give the number to the operator."


# --- test partners ------------------------------------------------------------------------------------


class Unproven(SolidgateError):
    code = "demo.unproven"
    sentence = "A statement of the demonstration did not hold when it was checked from outside."
    remedy = "The detail names it; the logs in the demonstration's folder show why."


class PartnerUnavailable(Unavailable):
    code = "testing.partner-unavailable"
    sentence = "A server that tests and demonstrations talk to did not start."
    remedy = "Read the end of its log in the detail; solidgate doctor names the tools that are missing."


class ToolMissing(Misconfigured):
    code = "testing.tool-missing"
    sentence = "A program that the demo and the tests start is not installed."
    remedy = "Run make tools in the checkout, or set the variable that the detail names."
