"""A certificate as a buyer reads it: content taken from the signed credential, figures checked again, then set as a PDF.

The credential is what counts; the page is a view of it. So nothing stands on the page that is not in the credential, the credential stands
in full in the annex and, byte for byte, in the attachment, and a percentage that does not follow from its own fraction is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from ledger.errors import FormatError
from ledger.tlog import canonical
from reports.attachment import ATTACHMENT, EVIDENCE, attach
from reports.certificate_content import Claim, Content, Figure, Lot, Part, Portion, Seal, Step, Verdict
from reports.certificate_page import set_pages
from reports.diagram import Diagram
from reports.fields import Fields
from reports.statement import check_statement, written
from reports.text import mass, percent_floor
from reports.words import FEEDSTOCKS, constituent, country

TITLES = {"recycled-content": "Recycled content certificate", "domestic-origin": "Domestic origin certificate"}

PRODUCT_TITLES = {"recycled-content": "Recycled content of a product", "domestic-origin": "Origin of a product"}


@dataclass(frozen=True, slots=True)
class _Claims:
    """The claims of one constituent by characteristic."""

    symbol: str
    by_name: Mapping[str, Claim]

    @property
    def of_mg(self) -> int:
        return next(iter(self.by_name.values())).of_mg

    def get(self, characteristic: str) -> Claim:
        """Return a claim; one that is not in the credential is a claim of nothing."""
        return self.by_name.get(characteristic) or Claim(self.symbol, characteristic, 0, self.of_mg, "0.00")


def render_pdf(
    credential: dict[str, Any],
    *,
    credential_json: bytes,
    evidence: bytes | None = None,
    diagram: Diagram | None = None,
    seal: Seal | None = None,
) -> bytes:
    """Set a certificate as a PDF with the signed credential and its evidence attached; the same input gives the same bytes.

    One with the panel of a seal is signed by `reports.seal` before anybody sees it; the signature is the last step.

    Args:
        credential: The signed credential.
        credential_json: The same as the canonical bytes that are attached as `certificate.json`.
        evidence: The records that it rests on (SPEC.md, "Evidence"), attached as `evidence.txt`.
        diagram: Where the metal came from, as laid out by `reports.sankey.page_diagram`.
        seal: What the panel of its seal says; without it there is none.

    Raises:
        FormatError: A field is missing, a character is not in the font, or a percentage does not follow from its fraction.
        EncodingError: The credential cannot be written as canonical JSON.
    """
    check_statement(credential)
    pages = set_pages(content_of(credential), credential, diagram, seal)
    pdf = attach(
        pages, ATTACHMENT, credential_json, description="the signed credential (W3C Verifiable Credential 2.0)", media_type="application/vc"
    )
    if evidence is None:
        return pdf
    return attach(pdf, EVIDENCE, evidence, description="the logged records that the figures follow from", media_type="text/plain")


def digest_of(credential: Mapping[str, Any]) -> str:
    """Return the digest that the ledger's `certify` record holds: SHA-256 over the canonical credential without its proof."""
    return sha256(canonical.encode({key: value for key, value in credential.items() if key != "proof"})).hexdigest()


def content_of(credential: dict[str, Any]) -> Content:
    """Take what the pages show out of a credential.

    Raises:
        FormatError: A field is missing or of another type, or a percentage does not follow from its fraction.
    """
    whole = Fields(credential)
    subject = whole.inside("credentialSubject")
    issuer, basis, plant = whole.inside("issuer"), whole.inside("basis"), subject.inside("plant")
    kind = subject.text("kind")
    if kind not in TITLES:
        raise FormatError(f"a certificate is of kind recycled-content or domestic-origin, got {kind!r}", field=subject.at("kind"))
    claims = _claims(subject)
    product = subject.inside("product") if subject.values.get("product") else None
    model = (product.optional("model") if product else None) or ""
    of_product = bool(product and product.values.get("batches"))
    lots = tuple(_lots(product, "batches", "made") if product and of_product else _lots(subject, "shipment", "material"))
    period = subject.inside("period") if subject.values.get("period") else None
    return Content(
        title=(PRODUCT_TITLES if of_product else TITLES)[kind],
        kind=kind,
        identity=whole.text("id"),
        digest=digest_of(credential),
        number=subject.text("number"),
        issuer=issuer.text("name"),
        issuer_id=issuer.text("id"),
        customer=subject.text("customer"),
        batch=_named(lots, f"lots of {model}" if of_product else "batches") if lots else subject.text("batch"),
        material=subject.text("material"),
        mass_mg=subject.number("mass_mg"),
        pieces=subject.optional_number("pieces"),
        model=subject.text("model"),
        order=subject.optional("order"),
        period=f"{period.text('from')} to {period.text('to')}" if period else None,
        plant=f"{plant.text('name')}, {country(plant.text('country'))}",
        country=plant.text("country"),
        site=plant.text("site"),
        condition=subject.optional("condition"),
        denominator=subject.text("denominator"),
        assay=tuple(_assay(subject)),
        figures=tuple(_figure(one, kind, plant.text("country")) for one in claims),
        claims=tuple(claim for one in claims for claim in one.by_name.values()),
        portions=tuple(_portions(subject)),
        steps=tuple(_steps(subject)),
        evidence=tuple(_evidence(subject)),
        verdicts=tuple(_verdicts(subject)),
        absorbs=tuple(subject.texts("absorbs")),
        not_assayed=tuple(_not_assayed(subject)),
        not_checked=tuple(subject.texts("not_checked")),
        valid=(whole.text("validFrom")[:10], whole.text("validUntil")[:10]),
        product=model,
        category=(product.optional("category") if product else None) or "",
        parts=tuple(_parts(product)) if product else (),
        lots=lots,
        of_product=of_product,
        origin=basis.text("origin"),
        ledger=basis.text("ledger"),
        size=basis.number("size"),
        root=basis.text("root"),
    )


def _parts(product: Fields) -> list[Part]:
    return [Part(one.text("part"), one.optional("material") or "", one.number("mass_mg")) for one in product.objects("parts")]


def _lots(fields: Fields, name: str, said: str) -> list[Lot]:
    rows = fields.objects(name) if fields.values.get(name) else []
    return [Lot(one.text("batch"), one.number("mass_mg"), one.text(said)) for one in rows]


def _named(lots: Sequence[Lot], what: str) -> str:
    return f"{len(lots):,} {what}"


def _claim(fields: Fields, symbol: str, characteristic: str) -> Claim:
    """Read one share and check its percentage against its fraction."""
    mass_mg, of_mg, percent = fields.number("mass_mg"), fields.number("of_mg"), fields.text("percent")
    if of_mg > 0 and percent != percent_floor(mass_mg, of_mg):
        want = percent_floor(mass_mg, of_mg)
        raise FormatError(f"{mass_mg} of {of_mg} mg is {want} %, the credential says {percent} %", field=fields.at("percent"))
    return Claim(symbol, characteristic, mass_mg, of_mg, percent)


def _claims(subject: Fields) -> list[_Claims]:
    found: dict[str, dict[str, Claim]] = {}
    for fields in subject.objects("claims"):
        claim = _claim(fields, fields.text("constituent"), fields.text("characteristic"))
        found.setdefault(claim.symbol, {})[claim.characteristic] = claim
    if not found:
        raise FormatError("a certificate claims something of at least one constituent", field=subject.at("claims"))
    first = [symbol for symbol in ("Pb", "Sb") if symbol in found]
    return [_Claims(symbol, found[symbol]) for symbol in [*first, *(other for other in found if other not in first)]]


def _figure(claims: _Claims, kind: str, code: str) -> Figure:
    """Make the headline of a constituent with its feedstock classes; unknown is always among them."""
    name = constituent(claims.symbol)
    beside: tuple[Claim, ...]
    if kind == "recycled-content":
        headline, beside = claims.get("post_consumer"), (claims.get("pre_consumer"), claims.get("recycled_content"))
        sentence = f"of the {name} is post-consumer recycled"
    else:
        headline, beside = claims.get(f"smelted_in:{code}"), (claims.get(f"collected_in:{code}"),)
        sentence = f"of the {name} was smelted in {country(code)} and nowhere else"
    classes = tuple(claims.get(one) for one in (FEEDSTOCKS if kind == "recycled-content" else _smelted(claims, code)))
    return Figure(claims.symbol, name, sentence, headline, beside, classes)


def _smelted(claims: _Claims, code: str) -> list[str]:
    """Return the places in which a constituent was smelted: at home, then where most was, what is unknown last and always."""
    home, unknown = f"smelted_in:{code}", "smelted_in:unknown"
    found = sorted((name for name in claims.by_name if name.startswith("smelted_in:")), key=lambda name: -claims.get(name).mass_mg)
    return [home, *(name for name in found if name not in (home, unknown)), unknown]


def _assay(subject: Fields) -> list[tuple[str, str]]:
    found = []
    for symbol in subject.inside("lot_assay").values:
        value = subject.inside("lot_assay").inside(symbol)
        below = value.optional("below")
        figure = f"< {below}" if below is not None else value.text("value")
        found.append((symbol, f"{figure} {value.text('unit')}"))
    return found


def _not_assayed(subject: Fields) -> list[tuple[str, str]]:
    if not subject.values.get("not_assayed"):
        return []
    found = subject.inside("not_assayed").values
    return [(constituent(key), mass(value, "kg") if isinstance(value, int) else written(value)) for key, value in found.items()]


def _portions(subject: Fields) -> list[Portion]:
    found = []
    for symbol in subject.inside("portions").values:
        for fields in subject.inside("portions").objects(symbol):
            places = fields.inside("places")
            listed = tuple((fact, tuple(places.texts(fact))) for fact in places.values)
            found.append(Portion(symbol, fields.text("feedstock"), listed, fields.number("mass_mg"), fields.flag("documented")))
    return found


def _steps(subject: Fields) -> list[Step]:
    return [
        Step(
            record=one.text("record"),
            site=one.text("site"),
            kind=one.text("kind"),
            symbol=one.text("constituent"),
            residual_mg=one.number("residual_mg"),
            bound_mg=one.number("bound_mg"),
            unknown_mg=one.number("unknown_mg"),
        )
        for one in subject.objects("balance")
    ]


def _evidence(subject: Fields) -> list[Claim]:
    if not subject.values.get("evidence_share"):
        return []
    shares = subject.inside("evidence_share")
    return [_claim(shares.inside(symbol), symbol, "documented") for symbol in shares.values]


def _verdicts(subject: Fields) -> list[Verdict]:
    return [
        Verdict(
            rule=one.text("rule"),
            version=one.text("rule_version"),
            title=one.text("title"),
            citation=one.text("citation"),
            verdict=one.text("verdict"),
            would_be=one.optional("would_be"),
            reasons=tuple(one.texts("reasons")),
            as_of=one.text("as_of"),
        )
        for one in subject.objects("verdicts")
    ]
