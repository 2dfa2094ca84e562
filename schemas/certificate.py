"""The credential of a certificate: a W3C Verifiable Credential 2.0 with our subject, closed at every level.

Masses are integers in mg, shares decimal strings floored to two decimals. `Credential.document()` gives back exactly the JSON that was
read, so that what is hashed is what was signed. The proof's fields are plain text here: `ledger.certificates.credential` judges them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from schemas.base import Model
from schemas.feedstock import Feedstock, PlaceFact
from schemas.identifier import BatchId, CertificateNumber, Country, Date, Name, Origin, PartyId, RecordId, Sha256, SiteId, Text, Time, Token
from schemas.measurement import Assay, Constituent
from schemas.product import Category, Condition, Part
from schemas.rule import Kind, RuleId, printable
from schemas.usmca import Usmca

CONTEXT = "https://www.w3.org/ns/credentials/v2"
"""The VC 2.0 context. It is known by name and never fetched."""

TYPE_OF_KIND: dict[Kind, str] = {"recycled-content": "RecycledContentCertificate", "domestic-origin": "DomesticOriginCertificate"}
TYPE_OF_PRODUCT: dict[Kind, str] = {"recycled-content": "ProductRecycledContentCertificate", "domestic-origin": "ProductOriginCertificate"}
CODE_OF_KIND: dict[Kind, str] = {"recycled-content": "RC", "domestic-origin": "DO"}
CODE_OF_PRODUCT: dict[Kind, str] = {"recycled-content": "RP", "domestic-origin": "OP"}

MAX_MG = 2**53 - 1


Mass = Annotated[int, Field(ge=0, le=MAX_MG)]
Percent = Annotated[str, Field(pattern=r"^(0|[1-9][0-9]{0,2})\.[0-9]{2}$")]
Sentence = Annotated[str, Field(min_length=1, max_length=2000), AfterValidator(printable)]
Sentences = Annotated[list[Sentence], Field(max_length=2000)]
Line = Annotated[str, Field(min_length=1, max_length=300), AfterValidator(printable)]
Characteristic = Annotated[str, Field(pattern=r"^[a-z_]{1,40}(:[A-Za-z]{2,7}(\+[A-Za-z]{2,7}){0,300})?$")]
Verdict = Literal["PASS", "FAIL", "INDETERMINATE", "NOT_APPLICABLE", "NOT_YET_IN_FORCE", "EXPIRED"]
CustodyModel = Literal["identity_preserved", "segregated", "controlled_blending", "mass_balance", "book_and_claim"]


class Issuer(Model):
    """Who certifies: its did:key, name and party id."""

    id: Line
    name: Name
    party: PartyId


class Basis(Model):
    """The log that the figures were computed on: ledger id, origin, size and root."""

    ledger: RecordId
    origin: Origin
    size: Annotated[int, Field(gt=0, le=MAX_MG)]
    root: Sha256


class Period(Model):
    """The time that a certificate is about."""

    from_: Date | Time = Field(alias="from")
    to: Date | Time


class Plant(Model):
    """The site that made what is certified."""

    site: SiteId
    name: Name
    country: Country


class ClaimRow(Model):
    """One claimed characteristic; `booked_mg` where the claimed figure is another than the booked one."""

    constituent: Constituent
    characteristic: Characteristic
    mass_mg: Mass
    of_mg: Mass
    percent: Percent
    booked_mg: Mass | None = None


class PortionRow(Model):
    """One portion: class, places as lists, mass; `was` and `determined` where there are any."""

    feedstock: Feedstock
    places: dict[PlaceFact, Annotated[list[Country], Field(min_length=1, max_length=300)]]
    mass_mg: Mass
    documented: bool
    was: Feedstock | None = None
    determined: Annotated[dict[Token, bool], Field(min_length=1, max_length=100)] | None = None


class BalanceRow(Model):
    """What a step on the chain left over: residual (signed), its bound, and what became unknown, in mg."""

    record: RecordId
    site: SiteId
    kind: Token
    constituent: Constituent
    residual_mg: Annotated[int, Field(ge=-MAX_MG, le=MAX_MG)]
    bound_mg: Mass
    unknown_mg: Mass


class ShareRow(Model):
    """A part of a whole."""

    mass_mg: Mass
    of_mg: Mass
    percent: Percent


class VerdictRow(Model):
    """What a rule said, with the version and hash of its file."""

    rule: RuleId
    rule_version: Token
    rule_sha256: Sha256
    title: Sentence
    citation: Sentence
    verdict: Verdict
    would_be: Verdict
    reasons: Sentences
    as_of: Date


class PartRow(Model):
    """One part of the bill of materials."""

    part: Part
    material: Token | None
    mass_mg: Mass


class LotRow(Model):
    """One lot of a product: its batch, its gross mass as made, and the day."""

    batch: BatchId
    mass_mg: Mass
    made: Date


class ProductRow(Model):
    """What is stated of the product; `batches` are its lots where the certificate is over a product."""

    model: Text | None
    category: Category | None
    condition: Condition | None
    parts: Annotated[list[PartRow], Field(max_length=1000)]
    batches: Annotated[list[LotRow], Field(min_length=1, max_length=1000)] | None = None


class ShipmentRow(Model):
    """One batch of a shipment: its material and gross mass."""

    batch: BatchId
    material: Token
    mass_mg: Mass


class Subject(Model):
    """What is certified, and everything that is said of it."""

    number: CertificateNumber
    kind: Kind
    batch: BatchId | None = None
    shipment: Annotated[list[ShipmentRow], Field(min_length=2, max_length=400)] | None = None
    material: Token
    mass_mg: Annotated[int, Field(gt=0, le=MAX_MG)]
    pieces: Annotated[int, Field(gt=0, le=MAX_MG)] | None
    customer: Name
    model: CustodyModel
    order: Text | None
    period: Period | None
    plant: Plant
    condition: Literal["wet", "dry", "undrained"] | None
    denominator: Sentence
    lot_assay: Assay
    claims: Annotated[list[ClaimRow], Field(max_length=20_000)]
    portions: Annotated[dict[Constituent, Annotated[list[PortionRow], Field(max_length=100_000)]], Field(max_length=40)]
    balance: Annotated[list[BalanceRow], Field(max_length=200_000)]
    evidence_share: Annotated[dict[Constituent, ShareRow], Field(max_length=40)]
    absorbs: Annotated[list[CertificateNumber], Field(max_length=10_000)]
    not_assayed: Annotated[dict[Constituent, Mass], Field(max_length=40)]
    not_checked: Sentences
    verdicts: Annotated[list[VerdictRow], Field(max_length=100)]
    product: ProductRow | None = None
    usmca: Usmca | None = None

    @property
    def is_of_product(self) -> bool:
        """Whether it is about the lots of a product, not about a batch."""
        return self.product is not None and self.product.batches is not None

    @model_validator(mode="after")
    def _is_about_something(self) -> Subject:
        if [self.batch is not None, self.shipment is not None, self.is_of_product].count(True) != 1 or (
            self.is_of_product and not self.period
        ):
            msg = "a certificate is about a batch, the batches of a shipment, or the lots of a product in a period"
            raise ValueError(msg)
        if self.usmca is not None and self.kind != "domestic-origin":
            msg = "a certification of origin goes with domestic-origin"
            raise ValueError(msg)
        return self


class Proof(Model):
    """A Data Integrity proof as it was read; nothing in it is believed before `ledger.certificates.credential.verify_proof`."""

    context: Annotated[list[Line], Field(max_length=10)] | None = Field(default=None, alias="@context")
    type: Line
    cryptosuite: Line
    created: Line
    verification_method: Line = Field(alias="verificationMethod")
    proof_purpose: Line = Field(alias="proofPurpose")
    proof_value: Line = Field(alias="proofValue")


class Credential(Model):
    """A certificate's credential, with or without its proof."""

    context: Annotated[list[Literal["https://www.w3.org/ns/credentials/v2"]], Field(min_length=1, max_length=1, alias="@context")]
    id: Line
    type: Annotated[list[Line], Field(min_length=2, max_length=2)]
    name: Line
    issuer: Issuer
    valid_from: Time = Field(alias="validFrom")
    valid_until: Time = Field(alias="validUntil")
    basis: Basis
    subject: Subject = Field(alias="credentialSubject")
    proof: Proof | None = None

    @model_validator(mode="after")
    def _names_agree(self) -> Credential:
        number, kind = self.subject.number, self.subject.kind
        party, code, _ = number.rsplit("-", 2)
        types, codes = (TYPE_OF_PRODUCT, CODE_OF_PRODUCT) if self.subject.is_of_product else (TYPE_OF_KIND, CODE_OF_KIND)
        wanted = {
            "id": (self.id, f"urn:plumbline:{self.basis.ledger}:{number}"),
            "type": (self.type, ["VerifiableCredential", types[kind]]),
            "number": (f"{party}-{code}", f"{self.issuer.party}-{codes[kind]}"),
        }
        for field, (got, want) in wanted.items():
            if got != want:
                msg = f"the {field} is {got}, want {want}"
                raise ValueError(msg)
        return self

    def document(self) -> dict[str, Any]:
        """Return the JSON object that was read, field by field as it was written."""
        return self.model_dump(by_alias=True, exclude_unset=True)
