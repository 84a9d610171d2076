"""Who may log a person in: from their WebID, or from the address of a provider."""

from __future__ import annotations

from solidgate.errors import IssuerNotFound, NoIssuer, PodFault
from solidgate.flow.world import World


async def issuers_for(world: World, identifier: str) -> tuple[str | None, tuple[str, ...]]:
    """The WebID (none when the identifier is an issuer) and the issuers to choose from, never empty."""
    try:
        named = await world.issuers.issuers_of(identifier)
    except PodFault as fault:
        # An issuer's own address rarely is a document in RDF; whether it is an issuer shows in discovery.
        if "#" in identifier:
            raise
        await _demand_issuer(world, identifier, fault)
        return None, (identifier,)
    if named:
        return identifier, named
    if "#" in identifier:
        raise NoIssuer("the profile has no solid:oidcIssuer for this WebID")
    try:
        await world.issuers.metadata(identifier)
    except PodFault as fault:
        raise NoIssuer("neither a profile that names a provider, nor a provider") from fault
    return None, (identifier,)


async def _demand_issuer(world: World, identifier: str, fault: PodFault) -> None:
    """Raises what is wrong with the issuer; where there is none, ``fault``: what is wrong with the WebID."""
    try:
        await world.issuers.metadata(identifier)
    except IssuerNotFound:
        raise fault from None
