"""Plain words for the activity log and the report of an erasure, marked for the catalogues."""

from __future__ import annotations

from collections.abc import Mapping

from solidgate.audit.activity import Kind
from solidgate.web.language import mark
from solidgate.web.words import AT_DOOR, ENDED, RESULT, RUN_COUNT, STATUS

KIND: Mapping[Kind, str] = {
    Kind.READ_POD_DATA: mark("Documents of your pod were read"),
    Kind.WRITE_POD_DATA: mark("Something was written to your pod, or taken back"),
    Kind.WRITE_APP_RESULT: mark("A result for your pod"),
    Kind.INIT_POD: mark("Your pod was made ready"),
    Kind.ISSUE_TOKEN: mark("You logged in or out"),
    Kind.ADD_CONSENT: mark("A consent was asked for or answered"),
    Kind.UPDATE_CONSENT: mark("A consent was put off or renewed"),
    Kind.REVOKE_CONSENT: mark("A consent ended"),
    Kind.DATA_IMPORT: mark("A result became part of what a space can be asked"),
    Kind.DATA_PROCESSING: mark("A program ran on your data"),
    Kind.DATASOURCE_GRANT: mark("Your pod let a space in"),
    Kind.DATASOURCE_REVOKE: mark("Your pod let a space in no longer"),
}

ACTIVITY: Mapping[str, str] = {
    **{f"consent.{status.value}": text for status, text in STATUS.items()},
    **{f"run.{state}": text for state, text in RUN_COUNT.items()},
    **ENDED,
    **RESULT,
    **AT_DOOR,
    "consent.requested": mark("You were asked"),
    "run.queued": mark("A run waits for its turn"),
    "pod.ready": mark("A container for results was made ready in your pod"),
    "resources.pulled": mark("The agreed documents were read from your pod"),
    "resources.compared": mark("Agreed documents were read from your pod, only to see whether they changed"),
    "receipt.copied": mark("A receipt was copied to your pod"),
    "receipt.not-copied": mark("A receipt could not be copied to your pod"),
    "result.published": mark("The organisations of the space can ask queries about your result"),
    "result.unpublished": mark("Your result was taken out of the queries"),
    "session.began": mark("You logged in here"),
    "session.ended": mark("You logged out here"),
}

REMOVED: Mapping[str, str] = {
    "people": mark("your key and your WebID"),
    "requests": mark("requests to you"),
    "notices": mark("texts as you were shown them"),
    "consents": mark("consent records"),
    "consent_events": mark("events of your consents"),
    "receipts": mark("receipts"),
    "withdrawals": mark("withdrawals"),
    "doors": mark("what was known of the doors at your pod"),
    "door_events": mark("what happened at the doors at your pod"),
    "leases": mark("permissions of work under way"),
    "parts": mark("your parts of runs"),
    "deliveries": mark("copies of results on their way to your pod"),
    "derived": mark("results that organisations could query"),
    "sessions": mark("sessions"),
    "login_events": mark("when you logged in and out"),
    "logins": mark("logins under way"),
    "steps": mark("steps of your parts of runs"),
    "signposts": mark("what was known of the documents that lead to your results"),
    "pulls": mark("what your pod said of the version of documents"),
    "watches": mark("watches for changes in your pod"),
    "topics": mark("versions of documents that were seen"),
    "channels": mark("channels by which your pod tells of changes"),
    "hints": mark("notifications from your pod"),
    "looks": mark("looks at your pod that were planned"),
    "reruns": mark("runs that were asked for because something changed"),
}
