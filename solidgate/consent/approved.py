"""Who stands behind the terms: how each party that asks is known, and who approved the program.

solidgate knows a party by its WebID alone, and that only once the party approved these terms: to do so it had
to prove that the WebID is its own. A party that has not is one that somebody else named, and is told as such.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from solidgate.algorithm.approval import APPROVING, Approval, approved_since
from solidgate.consent.spoken import Words, day, listed, said
from solidgate.space.agreement import Agreement
from solidgate.space.characters import isolated
from solidgate.space.participant import Role

Rows = tuple[tuple[str, str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Approved:
    """The lines that the approvals add to the rows "Who asks" and "Which program"."""

    who: tuple[str, ...]
    program: tuple[str, ...]

    def stand_in(self, rows: Rows) -> bool:
        """Whether a notice with these rows tells this: every party is in a line, so it tells nothing else."""
        told = {key: lines for key, _, lines in rows}
        return {*self.who} <= {*told["who"]} and {*self.program} <= {*told["program"]}

    def beside(self, lines: Iterable[str]) -> tuple[str, ...]:
        """The lines of a row that tell of no approval."""
        return tuple(line for line in lines if line not in self.who and line not in self.program)


def approved_of(
    agreement: Agreement, agreement_digest: str, approvals: Iterable[Approval], words: Words
) -> Approved:
    """Both, from what stands after all ``approvals``; those of other terms or programs do not count.

    Every party that must approve is in them, as one that did or as one that did not.
    """
    since = approved_since(agreement, agreement_digest, approvals)
    return Approved(tuple(_who(agreement, since, words)), tuple(_program(agreement, since, words)))


def standing(
    agreement: Agreement, agreement_digest: str, approvals: Iterable[Approval]
) -> frozenset[tuple[str, str, bool]]:
    """(WebID, name, whether it approved) of each party that those lines tell of: the same without days."""
    since = approved_since(agreement, agreement_digest, approvals)
    told = {*APPROVING, Role.OWNER, Role.CONTROLLER}
    return frozenset(
        (party.webid, party.name, party.webid in since) for party in agreement.parties if party.roles & told
    )


def _who(agreement: Agreement, since: Mapping[str, datetime], words: Words) -> Iterator[str]:
    """Of those who ask and those who answer for it, each once."""
    parties = (*agreement.with_role(Role.OWNER), *agreement.with_role(Role.CONTROLLER))
    for party in dict.fromkeys(parties):
        if party.webid in since:
            yield said(words, "verified", name=party.name, date=day(since[party.webid], words))
        else:
            yield said(words, "not_verified", name=party.name)
        yield said(words, "webid", name=party.name, webid=party.webid)


def _program(agreement: Agreement, since: Mapping[str, datetime], words: Words) -> Iterator[str]:
    """One line for each day on which somebody approved, then those who did not."""
    asked = [party for party in agreement.parties if party.roles.intersection(APPROVING)]
    days: dict[str, list[str]] = {}
    for party in sorted((one for one in asked if one.webid in since), key=lambda one: since[one.webid]):
        days.setdefault(day(since[party.webid], words), []).append(isolated(party.name))
    for date, names in days.items():
        yield said(words, "approved", names=listed(names, words), date=date)
    if lacking := [isolated(party.name) for party in asked if party.webid not in since]:
        yield said(words, "not_approved", names=", ".join(lacking))
