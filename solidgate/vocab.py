"""Every RDF prefix and term that solidgate writes or reads, once.

``DPV.ConsentRecord`` is a :class:`pyoxigraph.NamedNode`; a name that is not listed here raises
``AttributeError`` where it is used, so a mistyped term never reaches a pod. Names that are no Python
identifiers are asked for by item: ``EU_GDPR["A9-2-a"]``. ``tests/unit/test_vocab.py`` holds every term of
ours against ``ontologies/solidgate.ttl`` and every foreign one against ``ontologies/external-terms.ttl``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from pyoxigraph import NamedNode


class Namespace:
    """The listed terms of one vocabulary, under the prefix that all our files use for it."""

    __slots__ = ("_terms", "iri", "prefix")

    def __init__(self, prefix: str, iri: str, terms: str = "") -> None:
        self.prefix = prefix
        self.iri = iri
        self._terms = {name: NamedNode(iri + name) for name in terms.split()}

    def __getattr__(self, name: str) -> NamedNode:
        try:
            return self._terms[name]
        except KeyError:
            raise AttributeError(f"{self.prefix}:{name} is not in the vocabulary") from None

    def __getitem__(self, name: str) -> NamedNode:
        return self._terms[name]

    def __iter__(self) -> Iterator[NamedNode]:
        return iter(self._terms.values())

    def __contains__(self, node: object) -> bool:
        return isinstance(node, NamedNode) and node in self._terms.values()

    def __repr__(self) -> str:
        return f"Namespace({self.prefix}: <{self.iri}>)"


# Ours. It is written into people's pods, so it never changes; docs/decisions/0100-our-namespace.md says why
# this address, and that it does not resolve yet: every server answers it at /ns.
SG = Namespace(
    "sg",
    "https://w3id.org/solidgate/ns#",
    """
    CollaborationSpace Participation Terms DataRequest ApprovedCode ConsentEvent ProcessingRun
    DerivedResult AuditEntry Role Reason DataProvider CodeProvider DataConsumer SpaceOwner TermsChanged
    SpaceClosed CodeRecalled WrongPerson UnderAge DefectiveNotice AuthorityDecision participation participant
    inSpace role currentTerms underTerms termsDigest
    approvedBy resource path selector digest keyedDigest saltedDigest recordDigest resourcesDigest
    outputShape answers sequence latestEvent reason underConsent attestation isolationLevel validation
    action outcome resultContainer minGroupSize contributors entryPoint egress epoch eventStatus
    longestValidity inputShape within latestResult rerun
    """,
)

# Our shapes live beside the vocabulary, not in it.
SHAPES = Namespace("sgsh", "https://w3id.org/solidgate/shapes#")

DPV = Namespace(
    "dpv",
    "https://w3id.org/dpv#",
    """
    ConsentRecord ConsentReceipt ConsentNotice ConsentControl WithdrawConsent Process Purpose Recipient
    PersonalData SpecialCategoryPersonalData DerivedPersonalData InferredPersonalData AnonymisedData
    ExplicitlyExpressedConsent ConsentRequested ConsentRequestDeferred ConsentRefused ConsentGiven
    RenewedConsentGiven ConsentWithdrawn ConsentRevoked ConsentExpired ConsentInvalidated ConsentUnknown
    ConsentStatusValidForProcessing DataController DataProcessor DataSubject Organisation
    AlgorithmicLogic Required Optional Retrieve Analyse Derive Store Transfer Collect
    ServicePersonalisation ServiceProvision ScientificResearch ResearchAndDevelopment PublicBenefit
    AcademicResearch CommercialResearch NonCommercialResearch ImproveHealthcare ImproveTransportMobility
    CombatClimateChange ProvideOfficialStatistics DataAltruism ImprovePublicServices OptimisationForConsumer
    DataSubjectDataSource StorageLocation StorageDuration StorageDeletion TemporalDuration
    UntilTimeDuration ActivityOngoing ActivityCompleted ActivityHalted hasActivityStatus
    hasAlgorithmicLogic hasConsentControl hasConsentStatus hasDataController hasDataProcessor
    hasDataSource hasDataSubject hasDuration hasIdentifier hasIndicationMethod hasJurisdiction
    hasLegalBasis hasLocation hasName hasNecessity hasNotice hasOutcome hasPersonalData hasProcess
    hasProcessing hasPurpose hasRecipient hasRecordOfActivity hasRight hasService hasStorageCondition
    isExercisedAt isIndicatedAtTime isIndicatedBy hasApplicableLaw
    """,
)
PD = Namespace(
    "pd",
    "https://w3id.org/dpv/pd#",
    "Household HouseOwned Location PurchasesAndSpendingHabit Financial Income Education Demographic Contact"
    " Age Health MedicalHealth PhysicalHealth MentalHealth Genetic Biometric EthnicOrigin Religion Sexual",
)
LOC = Namespace("loc", "https://w3id.org/dpv/loc#", "EU BE FR NL DE LU")
EU_GDPR = Namespace(
    "eu-gdpr",
    "https://w3id.org/dpv/legal/eu/gdpr#",
    "A6-1-a-explicit-consent A9-2-a A7-3 A13 A14 A15 A16 A17 A18 A20 A77",
)
LEGAL_EU = Namespace("legal-eu", "https://w3id.org/dpv/legal/eu#", "law-GDPR")
DPV_27560 = Namespace("dpv-27560", "https://w3id.org/dpv/schema/dpv-27560#", "record-eu-gdpr receipt-eu-gdpr")

RDF = Namespace(
    "rdf", "http://www.w3.org/1999/02/22-rdf-syntax-ns#", "type value first rest nil langString Property"
)
RDFS = Namespace(
    "rdfs",
    "http://www.w3.org/2000/01/rdf-schema#",
    "label comment isDefinedBy domain range subClassOf Class Datatype seeAlso",
)
OWL = Namespace(
    "owl",
    "http://www.w3.org/2002/07/owl#",
    "Ontology Class ObjectProperty DatatypeProperty NamedIndividual versionInfo versionIRI",
)
XSD = Namespace(
    "xsd",
    "http://www.w3.org/2001/XMLSchema#",
    """
    string boolean integer nonNegativeInteger positiveInteger decimal double date dateTime duration
    anyURI gYear
    """,
)
PROV = Namespace(
    "prov",
    "http://www.w3.org/ns/prov#",
    """
    Activity Agent Association Entity Organization Person Plan SoftwareAgent agent hadPlan used
    wasDerivedFrom wasGeneratedBy wasInvalidatedBy wasInformedBy wasAssociatedWith qualifiedAssociation
    generatedAtTime invalidatedAtTime startedAtTime endedAtTime wasAttributedTo
    """,
)
ODRL = Namespace(
    "odrl",
    "http://www.w3.org/ns/odrl/2/",
    """
    Offer Agreement Policy Permission Prohibition Constraint permission prohibition target action
    assigner assignee constraint leftOperand operator rightOperand uid purpose use distribute derive isA
    eq duty delete recipient
    """,
)
DCAT = Namespace("dcat", "http://www.w3.org/ns/dcat#", "Catalog Dataset Resource")
DCT = Namespace(
    "dct",
    "http://purl.org/dc/terms/",
    """
    identifier title description language date created valid conformsTo hasVersion replaces creator
    publisher audience license modified issued format isPartOf hasPart references source
    """,
)
SH = Namespace(
    "sh",
    "http://www.w3.org/ns/shacl#",
    """
    NodeShape PropertyShape ValidationReport ValidationResult Violation conforms result resultPath
    sourceShape sourceConstraintComponent resultSeverity targetClass path minCount maxCount datatype
    nodeKind pattern message name property node closed ignoredProperties IRI in hasValue sparql select
    prefixes declare prefix namespace qualifiedValueShape qualifiedMinCount qualifiedMaxCount uniqueLang
    or class minInclusive maxInclusive equals lessThan not inversePath description SPARQLConstraint
    Literal BlankNodeOrIRI alternativePath targetSubjectsOf targetObjectsOf minLength flags
    """,
)
SKOS = Namespace(
    "skos",
    "http://www.w3.org/2004/02/skos/core#",
    """
    Concept prefLabel definition broader notation
    """,
)
FOAF = Namespace(
    "foaf", "http://xmlns.com/foaf/0.1/", "Agent Person Organization name img givenName isPrimaryTopicOf"
)
VCARD = Namespace("vcard", "http://www.w3.org/2006/vcard/ns#", "fn hasPhoto")
SCHEMA = Namespace(
    "schema", "https://schema.org/", "contactPoint codeRepository name address version SoftwareApplication"
)
CRED = Namespace("cred", "https://www.w3.org/2018/credentials#", "VerifiableCredential")
AS = Namespace("as", "https://www.w3.org/ns/activitystreams#", "Activity actor object published")

ACL = Namespace(
    "acl",
    "http://www.w3.org/ns/auth/acl#",
    """
    Authorization AuthenticatedAgent Read Write Append Control accessTo agent agentClass agentGroup
    default mode origin
    """,
)
ACP = Namespace(
    "acp",
    "http://www.w3.org/ns/solid/acp#",
    """
    AccessControlResource AccessControl Policy Matcher PublicAgent AuthenticatedAgent CreatorAgent
    OwnerAgent PublicClient resource accessControl memberAccessControl apply allow deny allOf anyOf noneOf
    agent client issuer access grant attribute
    """,
)
LDP = Namespace(
    "ldp", "http://www.w3.org/ns/ldp#", "Resource RDFSource Container BasicContainer contains inbox"
)
PIM = Namespace("pim", "http://www.w3.org/ns/pim/space#", "Storage storage preferencesFile")
SOLID = Namespace(
    "solid",
    "http://www.w3.org/ns/solid/terms#",
    "oidcIssuer oidcIssuerRegistrationToken owner storageDescription accessIssuer publicTypeIndex"
    " privateTypeIndex TypeIndex TypeRegistration forClass instance instanceContainer notificationGateway",
)
ESS = Namespace("ess", "http://inrupt.com/ns/ess#", "ConsentManagementUI")
NOTIFY = Namespace(
    "notify",
    "http://www.w3.org/ns/solid/notifications#",
    "subscription channelType WebhookChannel2023 WebSocketChannel2023 StreamingHTTPChannel2023",
)
INTEROP = Namespace(
    "interop",
    "http://www.w3.org/ns/solid/interop#",
    "AccessNeedGroup AccessNeed hasAccessNeed accessMode accessNecessity AccessRequired AccessOptional"
    " registeredShapeTree",
)

# What the shipped examples are written in.
SOSA = Namespace(
    "sosa",
    "http://www.w3.org/ns/sosa/",
    """
    Observation ObservationCollection Sensor hasMember hasSimpleResult resultTime phenomenonTime
    observedProperty madeBySensor hasFeatureOfInterest hasResult
    """,
)
SAREF = Namespace(
    "saref",
    "https://saref.etsi.org/core/",
    "Measurement hasValue isMeasuredIn hasTimestamp relatesToProperty Energy EnergyUnit",
)
QUDT = Namespace("qudt", "http://qudt.org/schema/qudt/", "numericValue unit hasUnit")
UNIT = Namespace("unit", "http://qudt.org/vocab/unit/", "KiloW-HR")

ALL: tuple[Namespace, ...] = tuple(value for value in globals().values() if isinstance(value, Namespace))

PREFIXES: Mapping[str, str] = MappingProxyType({namespace.prefix: namespace.iri for namespace in ALL})


def expand(name: str) -> str:
    """The full IRI of ``prefix:name`` when the prefix is ours, else ``name`` as it is."""
    prefix, colon, local = name.partition(":")
    if colon and prefix in PREFIXES and not local.startswith("//"):
        return PREFIXES[prefix] + local
    return name


def curie(iri: str) -> str:
    """``prefix:name`` for an IRI below one of our prefixes, else the IRI as it is; the longest one wins."""
    below = [namespace for namespace in ALL if iri.startswith(namespace.iri)]
    if not below:
        return iri
    nearest = max(below, key=lambda namespace: len(namespace.iri))
    return f"{nearest.prefix}:{iri[len(nearest.iri) :]}"
