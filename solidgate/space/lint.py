"""The rules that an agreement keeps before anybody is asked anything; every broken one is named at once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from solidgate.space.agreement import Agreement
from solidgate.space.canonical import is_digest
from solidgate.space.characters import character_findings, every_text
from solidgate.space.duration import longest_days
from solidgate.space.participant import Role
from solidgate.space.paths import path_fault
from solidgate.space.policy import Finding, SpacePolicy, refuse
from solidgate.space.purpose import Purpose, ResourceNeed
from solidgate.space.rerun import rerun_fault

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Z]{2})?")
_PLACE = re.compile(r"[A-Z]{2}(?:-[A-Z0-9]{1,3})?")
_NO_IRI = re.compile(r"[\s<>\"{}|\\^`]")
_KIND = re.compile(r"https?://[^\s<>\"{}|\\^`]+")
_MOST_WITHIN = 8
_NEEDED = (Role.OWNER, Role.CODE_PROVIDER, Role.DATA_CONSUMER, Role.CONTROLLER)
_LOCAL = ("localhost", "127.0.0.1", "::1")


def check(agreement: Agreement, policy: SpacePolicy) -> None:
    """Raises ``SpaceInvalid`` naming each field and rule that ``lint`` found."""
    refuse(lint(agreement, policy))


def lint(agreement: Agreement, policy: SpacePolicy, *, draft: bool = False) -> tuple[Finding, ...]:
    """Every broken rule, sorted by field. A draft has no digests and no text of the program yet."""
    found = [*_identity(agreement), *_parties(agreement, policy), *_purposes(agreement, policy)]
    found += [*_durations(agreement, policy), *_limits(agreement, policy), *_texts(agreement, policy)]
    found += character_findings(agreement)
    if not draft:
        found += _digests(agreement)
    return tuple(sorted(set(found)))


def _identity(agreement: Agreement) -> Iterator[Finding]:
    if not _SLUG.fullmatch(agreement.space):
        yield Finding("id", "slug", "must be 1 to 63 small letters, digits and inner hyphens")
    if agreement.version < 1:
        yield Finding("version", "positive", "must be 1 or more")
    for name in ("jurisdiction", "storage_location"):
        if not _PLACE.fullmatch(getattr(agreement, name)):
            yield Finding(name, "place", "must be an ISO 3166 code such as BE, or EU")
    if fault := path_fault(agreement.result_container, container=True):
        yield Finding("result_container", "path", fault)


def _parties(agreement: Agreement, policy: SpacePolicy) -> Iterator[Finding]:
    for role in _NEEDED:
        if not agreement.with_role(role):
            yield Finding("parties", f"has-{role.value}", f"no party has the role {role.value}")
    seen: set[str] = set()
    for place, party in enumerate(agreement.parties):
        if fault := _webid_fault(party.webid, policy):
            yield Finding(f"parties[{place}].webid", "webid", fault)
        if party.webid in seen:
            yield Finding(f"parties[{place}].webid", "unique", "stands twice; give one party all its roles")
        seen.add(party.webid)
        if not party.roles:
            yield Finding(f"parties[{place}].roles", "has-role", "must name at least one role")
        if not party.name.strip():
            yield Finding(f"parties[{place}].name", "text", "must not be empty")
        if len(party.name) > policy.longest_name:
            yield Finding(f"parties[{place}].name", "length", _too_long(policy.longest_name))
        if Role.CONTROLLER in party.roles and not party.contact.strip():
            yield Finding(f"parties[{place}].contact", "contact", "must let people reach the controller")


def _webid_fault(webid: str, policy: SpacePolicy) -> str:
    try:
        parts = urlsplit(webid)
        host = parts.hostname or ""
    except ValueError:
        return "must be an absolute https address"
    if parts.scheme not in ("https", "http") or not host or parts.username or _NO_IRI.search(webid):
        return "must be an absolute https address"
    local = host in _LOCAL or host.endswith(".localhost")
    if parts.scheme == "http" and not (local or policy.plain_http):
        return "must be https; http is only for this machine"
    return ""


def _purposes(agreement: Agreement, policy: SpacePolicy) -> Iterator[Finding]:
    if not 1 <= len(agreement.purposes) <= policy.most_purposes:
        yield Finding("purposes", "count", f"must be 1 to {policy.most_purposes}")
    ids = [purpose.id for purpose in agreement.purposes]
    if sum(len(purpose.needs) for purpose in agreement.purposes) > policy.most_resources:
        yield Finding("purposes", "resources", f"must ask for at most {policy.most_resources} documents")
    for place, purpose in enumerate(agreement.purposes):
        field = f"purposes[{place}]"
        if not _SLUG.fullmatch(purpose.id):
            yield Finding(f"{field}.id", "slug", "must be small letters, digits and inner hyphens")
        if ids.count(purpose.id) > 1:
            yield Finding(f"{field}.id", "unique", "stands twice")
        if purpose.broader not in policy.purposes:
            yield Finding(f"{field}.broader", "known-purpose", "is not a purpose that DPV knows")
        yield from _needs(field, purpose, policy)


def _needs(field: str, purpose: Purpose, policy: SpacePolicy) -> Iterator[Finding]:
    if not purpose.needs:
        yield Finding(f"{field}.needs", "has-need", "must ask for at least one document")
    keys = [need.key for need in purpose.needs]
    if len(set(keys)) < len(keys):
        yield Finding(f"{field}.needs", "unique", "asks for one document twice")
    for need in purpose.needs:
        place = f"{field}.needs <{need.key}>"
        yield from _where(place, need)
        yield from _personal_data(place, need, purpose, policy)


def _where(place: str, need: ResourceNeed) -> Iterator[Finding]:
    """One document by its path, or documents by their kind: never both, and never the whole pod."""
    said = [name for name, value in (("class", need.kind), ("shape", need.shape)) if value]
    if need.path and (said or need.within):
        yield Finding(place, "one-way", "names a path, so class, shape and within must be left out")
    elif len(said) > 1:
        yield Finding(place, "one-way", "names a class and a shape; leave one of them out")
    elif not said and (fault := path_fault(need.path)):
        yield Finding(place, "path", fault)
    if need.kind and not _KIND.fullmatch(need.kind):
        yield Finding(place, "class", "must be the full IRI of a class, or one with a prefix that we know")
    if need.shape and (path_fault(need.shape) or not need.shape.endswith(".ttl")):
        yield Finding(place, "shape", "must be a .ttl file in the algorithm's folder")
    for container in need.within:
        if fault := path_fault(container, container=True):
            yield Finding(place, "within", fault)
    if len(need.within) > _MOST_WITHIN or len(set(need.within)) < len(need.within):
        yield Finding(place, "within", f"must be at most {_MOST_WITHIN} containers, each once")


def _personal_data(
    place: str, need: ResourceNeed, purpose: Purpose, policy: SpacePolicy
) -> Iterator[Finding]:
    if not need.personal_data:
        yield Finding(place, "personal-data", "must name the kinds of personal data, as DPV classes")
    for iri in need.personal_data:
        if not re.fullmatch(r"https://[^\s<>\"{}|\\^`]+", iri):
            yield Finding(place, "personal-data", "must be written as dpv:…, pd:… or a full https IRI")
        if iri in policy.special and not purpose.special_category:
            yield Finding(place, "special-category", "is special category data: set special_category = true")


def _durations(agreement: Agreement, policy: SpacePolicy) -> Iterator[Finding]:
    for name, longest in (("validity", policy.longest_validity), ("retention", policy.longest_retention)):
        try:
            if longest_days(getattr(agreement, name)) > longest_days(longest):
                yield Finding(name, "policy", f"must not be longer than {longest}")
        except ValueError as error:
            yield Finding(name, "duration", str(error))


def _limits(agreement: Agreement, policy: SpacePolicy) -> Iterator[Finding]:
    if agreement.min_group_size < policy.smallest_group:
        yield Finding("min_group_size", "floor", f"must be {policy.smallest_group} or more")
    if not 1 <= agreement.minimum_level <= policy.highest_level:
        yield Finding("minimum_level", "level", f"must be 1 to {policy.highest_level}")
    if fault := rerun_fault(agreement.rerun, policy.shortest_rerun_minutes):
        yield Finding("rerun", "rerun", fault)


def _texts(agreement: Agreement, policy: SpacePolicy) -> Iterator[Finding]:
    languages = agreement.languages
    if not languages or len(set(languages)) < len(languages):
        yield Finding("languages", "has-language", "must name at least one language, each once")
    for language in languages:
        if not _LANGUAGE.fullmatch(language):
            yield Finding("languages", "tag", f"{language!r} is not a language tag such as en or nl-BE")
    for field, text in every_text(agreement):
        for language in languages:
            if not text.get(language, "").strip():
                yield Finding(field, "every-language", f"has no text for {language}")
        for language in sorted(set(text) - set(languages)):
            yield Finding(field, "every-language", f"has a text for {language}, which is not in languages")
        longest = policy.longest_name if field.endswith("title") else policy.longest_text
        if any(len(words) > longest for words in text.values()):
            yield Finding(field, "length", _too_long(longest))


def _too_long(most: int) -> str:
    return f"must not be longer than {most} characters"


def _digests(agreement: Agreement) -> Iterator[Finding]:
    for name in ("algorithm", "output_shape"):
        if not is_digest(getattr(agreement, name)):
            yield Finding(name, "digest", "must be sha256: and 64 hexadecimal digits")
    if agreement.aggregate_shape and not is_digest(agreement.aggregate_shape):
        yield Finding("aggregate_shape", "digest", "must be sha256: and 64 hexadecimal digits")
    if not agreement.algorithm_text:
        yield Finding("algorithm_text", "every-language", "people must be told what the program does")
