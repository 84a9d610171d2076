from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from solidgate.space.agreement import Agreement
from solidgate.space.participant import Party, Role
from solidgate.space.policy import SpacePolicy
from solidgate.space.purpose import Purpose, ResourceNeed

DPV = "https://w3id.org/dpv#"


def _agreement() -> Agreement:
    def both(text: str) -> dict[str, str]:
        return {"en": text, "fr": f"{text} (fr)"}

    need = ResourceNeed("energy/01.ttl", both("January"), ("https://w3id.org/dpv/pd#Household",))
    purpose = Purpose(
        "advice", both("Advice"), both("Advice that fits"), DPV + "ServicePersonalisation", (need,)
    )
    return Agreement(
        space="home-energy",
        version=1,
        title=both("Home energy"),
        terms=both("The terms."),
        parties=(
            Party(
                "https://owner.example/#it",
                "Owner",
                frozenset({Role.OWNER, Role.CONTROLLER}),
                "mailto:a@owner.example",
            ),
            Party("https://code.example/#it", "Code", frozenset({Role.CODE_PROVIDER})),
            Party("https://asks.example/#it", "Asks", frozenset({Role.DATA_CONSUMER})),
        ),
        purposes=(purpose,),
        algorithm="sha256:" + "a" * 64,
        output_shape="sha256:" + "b" * 64,
        output_text=both("Four facts."),
        validity="P6M",
        retention="P1Y",
        jurisdiction="BE",
        storage_location="EU",
        result_container="solidgate/home-energy/",
        languages=("en", "fr"),
        algorithm_text=both("Adds up."),
        parameters={"year": 2025, "factor": 0.5, "names": ["a", "b"]},
    )


@pytest.fixture
def policy() -> SpacePolicy:
    special = frozenset({"https://w3id.org/dpv/pd#Health"})
    return SpacePolicy(purposes=frozenset({DPV + "ServicePersonalisation"}), special=special)


@pytest.fixture
def agreement() -> Agreement:
    return _agreement()


@pytest.fixture
def altered() -> Callable[..., Agreement]:
    def alter(**changes: Any) -> Agreement:
        return replace(_agreement(), **changes)

    return alter
