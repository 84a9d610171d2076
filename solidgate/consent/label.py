"""The eight-row label: what is asked, in the words of one language, in one order wherever it is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from solidgate.consent.approved import Approved, Rows
from solidgate.consent.places import place_name
from solidgate.consent.spoken import Words, duration, said
from solidgate.consent.words import ROWS
from solidgate.space.agreement import Agreement
from solidgate.space.characters import isolated
from solidgate.space.participant import Role
from solidgate.space.purpose import Purpose
from solidgate.space.rerun import ON_CHANGE, is_cron, is_schedule


@dataclass(frozen=True, slots=True)
class Label:
    """The label of an agreement, before somebody is known or for one person.

    ``pick`` gives the text of a text by language tags. ``purposes`` are those that are asked, ``documents``
    the lines of what they read, ``result_container`` is where results go, as far as that is known.
    """

    agreement: Agreement
    language: str
    words: Words
    pick: Callable[[Mapping[str, str]], str]
    purposes: tuple[Purpose, ...]
    documents: tuple[str, ...]
    result_container: str
    approved: Approved
    public_url: str

    def rows(self) -> Rows:
        """(key, title, lines) in the fixed order. What ``pick`` raises for a missing text is raised."""
        lines: Mapping[str, Callable[[], Iterator[str]]] = {
            "who": self._who,
            "why": self._why,
            "what": self._what,
            "program": self._program,
            "result": self._result,
            "recipients": self._recipients,
            "duration": self._duration,
            "rights": self._rights,
        }
        return tuple((key, self._word(key), tuple(lines[key]())) for key in ROWS)

    def _word(self, key: str, **values: object) -> str:
        return said(self.words, key, **values)

    def _who(self) -> Iterator[str]:
        title = self.pick(self.agreement.title)
        for party in self.agreement.with_role(Role.OWNER):
            yield self._word("asker", name=party.name, space=title)
        for party in self.agreement.with_role(Role.CONTROLLER):
            yield self._word("controller", name=party.name)
            if party.contact:
                yield self._word("contact", contact=party.contact.removeprefix("mailto:"))
        yield from self.approved.who

    def _why(self) -> Iterator[str]:
        for purpose in self.purposes:
            title, text = self.pick(purpose.title), self.pick(purpose.description)
            yield self._word("purpose", title=title, description=text)
            if purpose.special_category:
                yield self._word("special")

    def _what(self) -> Iterator[str]:
        yield from self.documents

    def _program(self) -> Iterator[str]:
        if self.agreement.algorithm_text:
            yield self.pick(self.agreement.algorithm_text)
        yield from self.approved.program
        yield self._word("program_digest", digest=self.agreement.algorithm)
        if self.agreement.algorithm_source:
            yield self._word("program_source", source=self.agreement.algorithm_source)
        yield self._word("program_alone")

    def _result(self) -> Iterator[str]:
        yield self.pick(self.agreement.output_text)
        yield self._word("result_place", container=self.result_container)
        yield self._word("result_shape", digest=self.agreement.output_shape)
        if self.agreement.aggregate_shape:
            yield self._word("group", count=self.agreement.min_group_size)

    def _recipients(self) -> Iterator[str]:
        for party in self.agreement.with_role(Role.DATA_CONSUMER):
            yield self._word("recipient", name=party.name)

    def _duration(self) -> Iterator[str]:
        yield self._word("validity", duration=duration(self.agreement.validity, self.words))
        yield self._word("retention", duration=duration(self.agreement.retention, self.words))
        places = (self.agreement.storage_location, self.agreement.jurisdiction)
        place, law = (place_name(one, self.language) for one in places)
        yield self._word("storage", place=place, law=law)
        yield self._rerun()

    def _rerun(self) -> str:
        rerun = self.agreement.rerun
        if rerun == ON_CHANGE:
            return self._word("rerun_on_change")
        if not is_schedule(rerun):
            return self._word("rerun_by_hand", who=", ".join(_starters(self.agreement)))
        if is_cron(rerun):
            return self._word("rerun_cron", times=rerun)
        return self._word("rerun_every", duration=duration(rerun, self.words))

    def _rights(self) -> Iterator[str]:
        own_page = f"{self.public_url}me"
        yield self._word("withdraw", url=own_page)
        yield self._word("access", url=own_page)
        yield self._word("complain")
        yield self._word("no_harm")


def _starters(agreement: Agreement) -> tuple[str, ...]:
    """The names of those who may start a run, each once, as they stand in a sentence."""
    parties = (*agreement.with_role(Role.OWNER), *agreement.with_role(Role.DATA_CONSUMER))
    return tuple(dict.fromkeys(isolated(party.name) for party in parties))
