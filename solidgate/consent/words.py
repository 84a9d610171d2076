"""The words around the terms on a notice, in each language that solidgate speaks.

Terms, titles and purposes come from the agreement; only the label's own words stand here. They are part of
the notice's digest, so changing one changes what was shown: existing records keep theirs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

ROWS = ("who", "why", "what", "program", "result", "recipients", "duration", "rights")
"""The label's eight rows, in the order in which they are always shown."""

_EN = {
    "who": "Who asks",
    "why": "Why",
    "what": "What data",
    "program": "Which program",
    "result": "What comes out",
    "recipients": "Who gets it",
    "duration": "How long",
    "rights": "Your rights",
    "controller": "{name} answers for what is done with your data.",
    "asker": "{name} asks you, in the space “{space}”.",
    "contact": "Contact: {contact}",
    "webid": "WebID of {name}: {webid}",
    "verified": "Verified by its WebID: {name} approved these terms on {date}.",
    "not_verified": "Not verified: {name} has not approved these terms with its WebID.",
    "required": "needed",
    "optional": "your choice",
    "purpose": "{title}: {description}",
    "special": "This includes data of a special category (GDPR Article 9).",
    "resource": "{title} ({path}): {need}",
    "missing": "{title} ({path}): not found in your pod, so it is not read",
    "read_only": "Only these documents are read. Nothing else in your pod is.",
    "none_found": "{title}: nothing of this kind was found in your pod, so nothing is read",
    "resource_found": "{title} (looked for in your pod, and listed before you answer): {need}",
    "listed_only": "Documents of this kind that you add later are not read; you would be asked again.",
    "program_digest": "Exactly this version runs: {digest}",
    "program_source": "Source: {source}",
    "program_alone": "It runs alone, without a network, and sees your data only while it runs.",
    "approved": "Approved by {names} on {date}.",
    "not_approved": "Not approved by {names}; it cannot run without that.",
    "result_place": "The result is written to your pod: {container}",
    "result_shape": "Results that are not of this form are dropped: {digest}",
    "group": "Results about a group are made from at least {count} people.",
    "recipient": "{name} can query your results under a number, without your name; never your documents.",
    "validity": "Your yes holds for {duration} at most, or until you withdraw.",
    "retention": "We keep results for {duration}, then delete them; those in your pod stay yours.",
    "storage": "We keep them in: {place}. The law that applies: {law}.",
    "rerun_by_hand": "Your documents are read again only when one of these organisations starts a run by"
    " hand: {who}.",
    "rerun_on_change": "Your documents are read again whenever they change, and when a run is started by"
    " hand.",
    "rerun_every": "Your documents are read again each time after {duration}, and when a run is started by"
    " hand.",
    "rerun_cron": "Your documents are read again when a run is started by hand, and at these times (cron,"
    " UTC): {times}",
    "withdraw": "You can withdraw at any time, without a reason: {url}",
    "access": "You can see, correct, take with you and delete what is held on you: {url}",
    "complain": "You can complain to your data protection authority.",
    "no_harm": "If you say no, nothing is read and you lose nothing.",
    "statement": "I agree that {who} uses the documents named in this request for “{purpose}”, with the"
    " program named in it and under its terms. I can withdraw at any time.",
    "statement_special": "I expressly agree that {who} uses the documents named in this request, which"
    " include data of a special category, for “{purpose}”, with the program named in it and under its"
    " terms. I can withdraw at any time.",
    "year": "1 year",
    "years": "{count} years",
    "month": "1 month",
    "months": "{count} months",
    "day": "1 day",
    "days": "{count} days",
    "hour": "1 hour",
    "hours": "{count} hours",
    "minute": "1 minute",
    "minutes": "{count} minutes",
    "second": "1 second",
    "seconds": "{count} seconds",
    "date": "{day} {month} {year}",
    "months_of_year": "January February March April May June July August September October November December",
    "and": " and ",
    "documents": "{count} documents: {title}: {need}",
    "documents_between": "{count} documents, from “{first}” to “{last}”: {need}",
    "listed": "Document {number} of {count}: {title} ({path}): {need}",
}

_FR = {
    "who": "Qui demande",
    "why": "Pourquoi",
    "what": "Quelles données",
    "program": "Quel programme",
    "result": "Ce qui en sort",
    "recipients": "Qui le reçoit",
    "duration": "Combien de temps",
    "rights": "Vos droits",
    "controller": "{name} répond de l’usage de vos données.",
    "asker": "La demande vient de {name}, dans l’espace « {space} ».",
    "contact": "Contact : {contact}",
    "webid": "WebID de {name} : {webid}",
    "verified": "Vérifié par son WebID : {name} a approuvé ces conditions le {date}.",
    "not_verified": "Non vérifié : {name} n’a pas approuvé ces conditions avec son WebID.",
    "required": "nécessaire",
    "optional": "facultatif",
    "purpose": "{title} : {description}",
    "special": "Avec des données d’une catégorie particulière (article 9 du RGPD).",
    "resource": "{title} ({path}) : {need}",
    "missing": "{title} ({path}) : introuvable dans votre pod, donc non lu",
    "read_only": "Seuls ces documents sont lus, rien d’autre de votre pod.",
    "none_found": "{title} : rien de ce genre n’a été trouvé dans votre pod, donc rien n’est lu",
    "resource_found": "{title} (cherché dans votre pod, et montré avant votre réponse) : {need}",
    "listed_only": "Les documents de ce genre que vous ajouterez plus tard ne seront pas lus ; on vous"
    " redemanderait d’abord.",
    "program_digest": "C’est exactement cette version qui est exécutée : {digest}",
    "program_source": "Source : {source}",
    "program_alone": "Il s’exécute seul, sans réseau, et ne voit vos données que pendant son exécution.",
    "approved": "Approuvé par {names} le {date}.",
    "not_approved": "Pas approuvé par {names} ; sans cela, il ne s’exécute pas.",
    "result_place": "Le résultat est écrit dans votre pod : {container}",
    "result_shape": "Un résultat qui n’a pas cette forme est rejeté : {digest}",
    "group": "Un résultat sur un groupe est tiré d’au moins {count} personnes.",
    "recipient": "{name} peut interroger vos résultats sous un numéro, sans votre nom ; jamais vos"
    " documents.",
    "validity": "Votre oui vaut {duration} au plus, ou jusqu’à votre retrait.",
    "retention": "Nous gardons les résultats {duration}, puis les effaçons ; ceux de votre pod vous restent.",
    "storage": "Nous les gardons dans : {place}. Droit applicable : {law}.",
    "rerun_by_hand": "Vos documents ne sont relus que si l’une de ces organisations lance une exécution à"
    " la main : {who}.",
    "rerun_on_change": "Vos documents sont relus chaque fois qu’ils changent, et quand une exécution est"
    " lancée à la main.",
    "rerun_every": "Vos documents sont relus à intervalles de {duration}, et quand une exécution est"
    " lancée à la main.",
    "rerun_cron": "Vos documents sont relus quand une exécution est lancée à la main, et à ces moments"
    " (cron, UTC) : {times}",
    "withdraw": "Vous pouvez retirer votre consentement à tout moment, sans raison : {url}",
    "access": "Vous pouvez voir, corriger, emporter et effacer ce qui est gardé sur vous : {url}",
    "complain": "Vous pouvez vous plaindre à votre autorité de protection des données.",
    "no_harm": "Si vous dites non, rien n’est lu et vous ne perdez rien.",
    "statement": "J’autorise {who} à utiliser les documents nommés dans cette demande pour « {purpose} »,"
    " avec le programme qu’elle nomme et à ses conditions. Je peux retirer mon consentement à tout moment.",
    "statement_special": "J’autorise expressément {who} à utiliser les documents nommés dans cette"
    " demande, qui comprennent des données d’une catégorie particulière, pour « {purpose} », avec le"
    " programme qu’elle nomme et à ses conditions. Je peux retirer mon consentement à tout moment.",
    "year": "1 an",
    "years": "{count} ans",
    "month": "1 mois",
    "months": "{count} mois",
    "day": "1 jour",
    "days": "{count} jours",
    "hour": "1 heure",
    "hours": "{count} heures",
    "minute": "1 minute",
    "minutes": "{count} minutes",
    "second": "1 seconde",
    "seconds": "{count} secondes",
    "date": "{day} {month} {year}",
    "months_of_year": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "and": " et ",
    "documents": "{count} documents : {title} : {need}",
    "documents_between": "{count} documents, de « {first} » à « {last} » : {need}",
    "listed": "Document {number} sur {count} : {title} ({path}) : {need}",
}

_NL = {
    "who": "Wie vraagt het",
    "why": "Waarom",
    "what": "Welke gegevens",
    "program": "Welk programma",
    "result": "Wat eruit komt",
    "recipients": "Wie het krijgt",
    "duration": "Hoe lang",
    "rights": "Uw rechten",
    "controller": "{name} is verantwoordelijk voor wat er met uw gegevens gebeurt.",
    "asker": "Het verzoek komt van {name}, in de ruimte “{space}”.",
    "contact": "Contact: {contact}",
    "webid": "WebID van {name}: {webid}",
    "verified": "Geverifieerd met zijn WebID: {name} keurde deze voorwaarden goed op {date}.",
    "not_verified": "Niet geverifieerd: {name} keurde deze voorwaarden niet goed met zijn WebID.",
    "required": "nodig",
    "optional": "niet verplicht",
    "purpose": "{title}: {description}",
    "special": "Hierbij zijn gegevens van een bijzondere categorie (artikel 9 AVG).",
    "resource": "{title} ({path}): {need}",
    "missing": "{title} ({path}): niet gevonden in uw pod, dus niet gelezen",
    "read_only": "Alleen deze documenten worden gelezen. Niets anders in uw pod.",
    "none_found": "{title}: in uw pod is niets van deze soort gevonden, dus er wordt niets gelezen",
    "resource_found": "{title} (gezocht in uw pod, en getoond voordat u antwoordt): {need}",
    "listed_only": "Documenten van deze soort die u later toevoegt, worden niet gelezen; u zou dan een"
    " nieuw verzoek krijgen.",
    "program_digest": "Precies deze versie wordt uitgevoerd: {digest}",
    "program_source": "Bron: {source}",
    "program_alone": "Het draait alleen, zonder netwerk, en ziet uw gegevens enkel terwijl het draait.",
    "approved": "Goedgekeurd door {names} op {date}.",
    "not_approved": "Niet goedgekeurd door {names}; zonder dat kan het niet draaien.",
    "result_place": "Het resultaat wordt in uw pod geschreven: {container}",
    "result_shape": "Een resultaat dat niet deze vorm heeft, wordt weggegooid: {digest}",
    "group": "Een resultaat over een groep komt van ten minste {count} mensen.",
    "recipient": "{name} kan uw resultaten bevragen onder een nummer, zonder uw naam; nooit uw documenten.",
    "validity": "Uw ja geldt hoogstens {duration}, of tot u het intrekt.",
    "retention": "Wij bewaren resultaten {duration} en wissen ze daarna; die in uw pod blijven van u.",
    "storage": "Wij bewaren ze in: {place}. Het recht dat geldt: {law}.",
    "rerun_by_hand": "Uw documenten worden alleen opnieuw gelezen als een van deze organisaties met de hand"
    " een uitvoering start: {who}.",
    "rerun_on_change": "Uw documenten worden opnieuw gelezen telkens als ze veranderen, en als een"
    " uitvoering met de hand wordt gestart.",
    "rerun_every": "Uw documenten worden telkens na {duration} opnieuw gelezen, en als een uitvoering met"
    " de hand wordt gestart.",
    "rerun_cron": "Uw documenten worden opnieuw gelezen als een uitvoering met de hand wordt gestart, en"
    " op deze tijdstippen (cron, UTC): {times}",
    "withdraw": "U kunt uw toestemming op elk moment intrekken, zonder reden: {url}",
    "access": "U kunt inzien, verbeteren, meenemen en wissen wat over u bewaard wordt: {url}",
    "complain": "U kunt een klacht indienen bij uw gegevensbeschermingsautoriteit.",
    "no_harm": "Zegt u nee, dan wordt er niets gelezen en verliest u niets.",
    "statement": "Ik ga ermee akkoord dat {who} de documenten die in dit verzoek staan gebruikt voor"
    " “{purpose}”, met het programma en onder de voorwaarden van dit verzoek. Ik kan dit op elk moment"
    " intrekken.",
    "statement_special": "Ik ga er uitdrukkelijk mee akkoord dat {who} de documenten die in dit verzoek"
    " staan, met gegevens van een bijzondere categorie, gebruikt voor “{purpose}”, met het programma en"
    " onder de voorwaarden van dit verzoek. Ik kan dit op elk moment intrekken.",
    "year": "1 jaar",
    "years": "{count} jaar",
    "month": "1 maand",
    "months": "{count} maanden",
    "day": "1 dag",
    "days": "{count} dagen",
    "hour": "1 uur",
    "hours": "{count} uur",
    "minute": "1 minuut",
    "minutes": "{count} minuten",
    "second": "1 seconde",
    "seconds": "{count} seconden",
    "date": "{day} {month} {year}",
    "months_of_year": "januari februari maart april mei juni juli augustus september oktober november"
    " december",
    "and": " en ",
    "documents": "{count} documenten: {title}: {need}",
    "documents_between": "{count} documenten, van “{first}” tot “{last}”: {need}",
    "listed": "Document {number} van {count}: {title} ({path}): {need}",
}


def _spaced(text: str) -> str:
    """French with the spaces that its marks want and no line breaks at: U+00A0 before ``:``, else U+202F."""
    text = text.replace(" :", "\u00a0:").replace("« ", "«\u202f")
    return re.sub(" (?=[;?!»])", "\u202f", text)


WORDS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "en": MappingProxyType(_EN),
        "fr": MappingProxyType({key: _spaced(text) for key, text in _FR.items()}),
        "nl": MappingProxyType(_NL),
    }
)

LANGUAGES = tuple(WORDS)

SPECIAL_WORDS: Mapping[str, str] = MappingProxyType({"en": "agree", "fr": "autorise", "nl": "akkoord"})
"""What a person types as the second step of a yes to special categories (GDPR Art. 9(2)(a))."""


def typed_right(language: str, typed: str) -> bool:
    """Whether the word of the language was typed; case and spaces around it do not matter."""
    return typed.strip().casefold() == SPECIAL_WORDS[language]
