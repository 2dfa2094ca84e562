"""A certificate as UNTP Digital Product Passport: the product, where it was made, and its declared figures of content and origin.

UNTP 0.7.0, Digital Product Passport. What each rule said is the Conformity Credential's to carry. `materialProvenance` is left out: it
wants one country of origin for each material, and a recovered metal has places where it was mined, collected, smelted and refined, each
of them known or not. Those stand as claims, with the unknown part among them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ledger.certificates.credential import lots_in
from ledger.errors import CertificateError
from reports.untp.terms import MILLIGRAM, SCHEME, Figure, Json, certificate_link, envelope, figures, plant, product

FORM: Final = "untp-dpp"


def product_passport(document: Mapping[str, Any]) -> Json:
    """Return a certificate's credential, said again as a Digital Product Passport without a signature.

    Args:
        document: A credential of ours, with or without its proof.

    Raises:
        CertificateError: It is over the lots of a product whose model it does not name, so a passport would have nothing to be about.
    """
    subject = document["credentialSubject"]
    known = product(document)
    if "batchNumber" not in known and "modelNumber" not in known:
        raise CertificateError(f"certificate {subject['number']} names no batch and no model, and a passport is about one of them")
    passport: Json = {
        **known,
        "description": _description(document),
        "idScheme": {
            "type": ["IdentifierScheme"],
            "id": f"urn:plumbline:{document['basis']['ledger']}",
            "name": f"Batches of the ledger {document['basis']['origin']}",
        },
        "idGranularity": "batch" if "batchNumber" in known else "model",
        "productCategory": [
            {
                "code": subject["material"],
                "name": subject["material"],
                "schemeId": "urn:plumbline:material",
                "schemeName": "Materials as the ledger's records name them",
            }
        ],
        "producedAtFacility": plant(document),
        "countryOfProduction": {"countryCode": subject["plant"]["country"]},
        "dimensions": {"weight": {"value": subject["mass_mg"], "unit": MILLIGRAM}},
        "relatedDocument": [certificate_link(document)],
        "performanceClaim": [_claim(document, figure) for figure in figures(document)],
    }
    return {**envelope(document, types="DigitalProductPassport", form=FORM), "credentialSubject": passport}


def _description(document: Mapping[str, Any]) -> str:
    subject = document["credentialSubject"]
    pieces = f" in {subject['pieces']} pieces" if subject["pieces"] else ""
    weighed = f", weighed {subject['condition']}" if subject["condition"] else ""
    lots = [] if "batch" in subject else lots_in(document)
    of = f" It speaks of the lots {', '.join(lots)}." if lots else ""
    return (
        f"{subject['mass_mg']} mg of {subject['material']}{pieces}{weighed}; chain-of-custody model {subject['model']}.{of}"
        f" Declared by the issuer itself. {subject['denominator']}"
    )


def _claim(document: Mapping[str, Any], figure: Figure) -> Json:
    period = document["credentialSubject"]["period"]
    found: Json = {
        "type": ["Claim"],
        "id": f"{document['id']}:{FORM}#{figure.fragment}",
        "name": figure.name,
        "description": figure.words,
        "referenceCriteria": [{"type": ["Criterion"], "id": f"{SCHEME}:figures", "name": "Declared as computed from the ledger's records"}],
        "claimDate": document["validFrom"][:10],
        "claimedPerformance": figure.performance,
        "evidence": [certificate_link(document)],
        "conformityTopic": [figure.topic],
    }
    if period:
        found["applicablePeriod"] = {"startDate": period["from"][:10], "endDate": period["to"][:10]}
    return found
