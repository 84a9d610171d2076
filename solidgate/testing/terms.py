"""A small agreement in three languages, for tests."""

from __future__ import annotations

from solidgate.space.agreement import Agreement
from solidgate.space.participant import Party, Role
from solidgate.space.purpose import Purpose, ResourceNeed
from solidgate.vocab import expand

OWNER = "https://energy.example/profile#org"
CONSUMER = "https://grid.example/profile#org"
OUTSIDER = "https://other.example/profile#org"

_DIGEST = "sha256:" + "a" * 64


def purpose(purpose_id: str, en: str, fr: str, nl: str, path: str, *, required: bool = True) -> Purpose:
    """A purpose with one document."""
    title = {"en": en, "fr": fr, "nl": nl}
    what = {"en": "Meter readings", "fr": "Relevés", "nl": "Meterstanden"}
    need = ResourceNeed(path, what, (expand("pd:Household"),))
    broader = expand("dpv:ServicePersonalisation")
    return Purpose(purpose_id, title, title, broader, (need,), required=required)


ADVICE = purpose("advice", "Energy advice", "Conseil énergie", "Energieadvies", "energy/2025.ttl")
STUDY = purpose("study", "A study", "Une étude", "Een studie", "energy/2024.ttl", required=False)


def sample_agreement(
    space: str = "home-energy", purposes: tuple[Purpose, ...] = (ADVICE,), version: int = 1
) -> Agreement:
    """Terms between the owner, who also made the program, and one consumer."""
    owner_roles = frozenset({Role.OWNER, Role.CODE_PROVIDER, Role.CONTROLLER})
    return Agreement(
        space=space,
        version=version,
        title={"en": "Home energy", "fr": "Énergie à la maison", "nl": "Energie thuis"},
        terms={"en": "The terms.", "fr": "Les conditions.", "nl": "De voorwaarden."},
        parties=(
            Party(OWNER, "Energy Cooperative", owner_roles, "mailto:privacy@energy.example"),
            Party(CONSUMER, "Grid Company", frozenset({Role.DATA_CONSUMER})),
        ),
        purposes=purposes,
        algorithm=_DIGEST,
        output_shape=_DIGEST,
        output_text={"en": "A yearly figure.", "fr": "Un chiffre annuel.", "nl": "Een jaarcijfer."},
        validity="P6M",
        retention="P12M",
        jurisdiction="BE",
        storage_location="EU",
        result_container="solidgate/results/",
        languages=("en", "fr", "nl"),
        algorithm_text={"en": "It adds up.", "fr": "Il additionne.", "nl": "Het telt op."},
    )
