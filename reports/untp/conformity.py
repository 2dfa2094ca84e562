"""A certificate as UNTP Digital Conformity Credential: what was declared of a product, and what each rule said of it.

UNTP 0.7.0, Conformity Credential. It is a first party's declaration under no scheme, and says so in UNTP's own codes: `assessorLevel` is
`self`, `assessmentLevel` is `no-endorsement`, `attestationType` is `declaration`. `conformance` is given for PASS and FAIL alone; where
a rule decided nothing (INDETERMINATE, NOT_APPLICABLE, NOT_YET_IN_FORCE, EXPIRED) it is left out, as the schema allows, and the verdict
stands as the score's code. Nothing stands here that the certificate does not hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from ledger.certificates.credential import lots_in
from reports.untp.terms import SCHEME, Figure, Json, certificate_link, envelope, figures, plant, product, topic

FORM: Final = "untp-dcc"

_CONFORMANCE: Final = {"PASS": True, "FAIL": False}
_REFERENCES: Final = {
    "referenceStandard": ("Standard", {"grs4", "iso14021", "leed", "scs103", "ul2809"}),
    "referenceRegulation": (
        "Regulation",
        {"baba", "ca", "cbp", "cn", "dfars", "dod", "eu", "far", "feoc", "fta", "ftc", "irc", "ntib", "rcra", "sec", "uflpa", "usmca"},
    ),
}
"""UNTP's member → its type, and the rule families (first word of the id) that cite one. Of other rules the criterion alone is named."""


def conformity_credential(document: Mapping[str, Any]) -> Json:
    """Return a certificate's credential, said again as a Digital Conformity Credential without a signature.

    Args:
        document: A credential of ours, with or without its proof.
    """
    subject = document["credentialSubject"]
    about: Json = {
        "assessedProduct": [{"type": ["ProductVerification"], "product": product(document)}],
        "assessedFacility": [{"type": ["FacilityVerification"], "facility": plant(document)}],
        "specifiedCondition": _conditions(document),
    }
    attestation: Json = {
        "type": ["ConformityAttestation"],
        "id": document["id"],
        "name": document["name"],
        "description": _description(document),
        "assessorLevel": "self",
        "assessmentLevel": "no-endorsement",
        "attestationType": "declaration",
        "issuedToParty": {"type": ["Party"], "id": f"{document['id']}#customer", "name": subject["customer"]},
        "referenceScheme": {"type": ["ConformityScheme"], "id": SCHEME, "name": "No scheme: a first party's declaration from its records"},
        "auditableEvidence": certificate_link(document),
        "conformityAssessment": [
            *(_declared(document, figure) | about for figure in figures(document)),
            *(_judged(document, row) | about for row in subject["verdicts"]),
        ],
    }
    return {**envelope(document, types="DigitalConformityCredential", form=FORM), "credentialSubject": attestation}


def _description(document: Mapping[str, Any]) -> str:
    """Say what kind of statement this is, and what was not checked."""
    basis = document["basis"]
    said = (
        f"Declared by {document['issuer']['name']} itself; no scheme and no third party stands behind it."
        f" The figures follow from the signed records of ledger {basis['ledger']}."
        " The certificate, named and hashed as evidence, holds more of them."
    )
    return " ".join([said, "Not checked:", *document["credentialSubject"]["not_checked"]])


def _conditions(document: Mapping[str, Any]) -> list[str]:
    """Return what limits every figure: mass, chain-of-custody model, denominator, how it was weighed, and the period."""
    subject = document["credentialSubject"]
    found = [
        f"mass {subject['mass_mg']} mg" + (f" in {subject['pieces']} pieces" if subject["pieces"] else ""),
        f"chain-of-custody model {subject['model']}",
        subject["denominator"],
    ]
    if subject["condition"]:
        found.append(f"weighed {subject['condition']}")
    if subject["period"]:
        found.append(f"period {subject['period']['from']} to {subject['period']['to']}")
    return found + ([] if "batch" in subject else [f"lot {name}" for name in lots_in(document)])


def _declared(document: Mapping[str, Any], figure: Figure) -> Json:
    """Return one declared figure; nothing was judged, so it has no `conformance`."""
    return {
        "type": ["ConformityAssessment"],
        "id": f"{document['id']}:{FORM}#{figure.fragment}",
        "name": figure.name,
        "description": figure.words,
        "assessmentCriteria": [
            {"type": ["Criterion"], "id": f"{SCHEME}:figures", "name": "Declared as computed from the ledger's records"}
        ],
        "assessmentDate": document["validFrom"][:10],
        "assessedPerformance": figure.performance,
        "conformityTopic": [figure.topic],
    }


def _judged(document: Mapping[str, Any], row: Mapping[str, Any]) -> Json:
    """Return what one rule said."""
    criterion = f"urn:plumbline:rule:{row['rule']}:{quote(row['rule_version'], safe='')}:{row['rule_sha256']}"
    said = f"{row['verdict']} as of {row['as_of']}"
    if row["would_be"] != row["verdict"]:
        said += f"; the same figures would be {row['would_be']} if it were in force"
    found: Json = {
        "type": ["ConformityAssessment"],
        "id": f"{document['id']}:{FORM}#verdict:{row['rule']}",
        "name": row["title"],
        "description": f"{said}. {'; '.join(row['reasons'])}",
        "assessmentCriteria": [{"type": ["Criterion"], "id": criterion, "name": f"{row['title']} ({row['citation']})"}],
        "assessmentDate": row["as_of"],
        "assessedPerformance": [{"score": {"code": row["verdict"], "definition": "; ".join(row["reasons"]) or row["verdict"]}}],
        "conformityTopic": [topic(document["credentialSubject"]["kind"])],
    }
    family = row["rule"].partition(".")[0]
    for member, (type_, families) in _REFERENCES.items():
        if family in families:
            found[member] = [{"type": [type_], "id": f"{criterion}#citation", "name": row["citation"]}]
    if row["verdict"] in _CONFORMANCE:
        found["conformance"] = _CONFORMANCE[row["verdict"]]
    return found
