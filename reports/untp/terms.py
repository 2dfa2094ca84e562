"""The words of the United Nations Transparency Protocol (UNTP), version 0.7.0 of 2026-05-04, in which a certificate is said again.

Both credentials keep to the core vocabulary, so no context beside its own is named. A milligram is the unit `MGM` and a per cent is `P1`
(UNECE Recommendation 20). UNTP wants JSON numbers where a credential of ours has decimal strings: `number` gives the same digits back.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from ledger.certificates.credential import lots_in, without_proof
from ledger.keys import base58_encode
from ledger.tlog import canonical
from reports.words import CONSTITUENTS
from schemas.certificate import CONTEXT

VERSION: Final = "0.7.0"
CONTEXTS: Final = (CONTEXT, "https://vocabulary.uncefact.org/untp/0.7.0/context/")
"""Known by name and never fetched."""

MILLIGRAM: Final = "MGM"
PERCENT: Final = "P1"

SCHEME: Final = "urn:plumbline:declaration"
_VOCABULARY: Final = "https://vocabulary.uncefact.org"
_SHA256_MULTIHASH: Final = b"\x12\x20"
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))

Json = dict[str, Any]


def _metric(name: str, words: str) -> Json:
    return {"type": ["PerformanceMetric"], "id": f"urn:plumbline:metric:{name}", "name": words}


RECYCLED_SHARE: Final = {
    "type": ["PerformanceMetric"],
    "id": f"{_VOCABULARY}/performance-metrics/recycled-content-percentage",
    "name": "Recycled Content Percentage",
}
"""UNTP Performance Metrics Vocabulary, 04.04; its scope note names ISO 14021 and Article 8 of Regulation (EU) 2023/1542."""
SHARE: Final = _metric("share", "share of the whole, rounded down")
MASS: Final = _metric("mass", "mass that counts")
WHOLE: Final = _metric("whole", "mass of the whole")
BOOKED: Final = _metric("booked", "mass as booked, where another is claimed")
NOT_ASSAYED: Final = _metric("not-assayed", "mass that was not assayed")

_TOPICS: Final = {
    "recycled-content": ("recycled-material-integration", "Recycled Material Integration"),
    "domestic-origin": ("origin-tracking", "Origin Tracking"),
}
"""Kind of certificate → UNTP Conformity Topic Classification, 01.07 and 05.06."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One declared figure: the fragment that names it, what it says in words, its topic, and its numbers."""

    fragment: str
    name: str
    words: str
    topic: Json
    performance: list[Json]


def encode(credential: Json) -> bytes:
    """Return a UNTP credential as RFC 8785 has it: its keys are ASCII, and `number` gives no number that could be written in two ways."""
    return _ENCODER.encode(credential).encode()


def number(percent: str) -> int | float:
    """Return a percentage as the JSON number with its digits; five digits are exact in every reader of JSON."""
    whole, _, places = percent.partition(".")
    return float(percent) if int(places) else int(whole)


def topic(kind: str) -> Json:
    """Return the conformity topic of a kind of certificate."""
    name, words = _TOPICS[kind]
    return {"type": ["ConformityTopic"], "id": f"{_VOCABULARY}/conformity-topics/{name}", "name": words}


def measured(metric: Json, value: float, unit: str) -> Json:
    """Return a performance that is a number."""
    return {"metric": metric, "measure": {"value": value, "unit": unit}}


def envelope(document: Mapping[str, Any], *, types: str, form: str) -> Json:
    """Return what every UNTP credential has around its subject."""
    issuer = document["issuer"]
    known = {"type": ["Party"], "id": within(document, "party", issuer["party"]), "name": issuer["name"], "registeredId": issuer["party"]}
    return {
        "@context": list(CONTEXTS),
        "type": [types, "VerifiableCredential"],
        "id": f"{document['id']}:{form}",
        "name": document["name"],
        "issuer": {"type": ["CredentialIssuer"], "id": issuer["id"], "name": issuer["name"], "issuerAlsoKnownAs": [known]},
        "validFrom": document["validFrom"],
        "validUntil": document["validUntil"],
    }


def within(document: Mapping[str, Any], what: str, name: str) -> str:
    """Return the name of something that the certificate's ledger knows, as a URN."""
    return f"urn:plumbline:{document['basis']['ledger']}:{what}:{name}"


def plant(document: Mapping[str, Any]) -> Json:
    """Return the site that made what is certified."""
    site = document["credentialSubject"]["plant"]
    return {"type": ["Facility"], "id": within(document, "site", site["site"]), "name": site["name"], "registeredId": site["site"]}


def product(document: Mapping[str, Any]) -> Json:
    """Return what is certified: a batch, the batches of a shipment, or a product by its lots in a period."""
    subject = document["credentialSubject"]
    made = subject.get("product") or {}
    model = {"modelNumber": made["model"]} if made.get("model") else {}
    if "batch" in subject:
        known = {"id": within(document, "batch", subject["batch"]), "name": f"{subject['material']} {subject['batch']}"}
        return {"type": ["Product"], **known, **model, "batchNumber": subject["batch"]}
    name = f"{subject['material']} {made['model']}" if model else f"{subject['material']}, {len(lots_in(document))} lots"
    return {"type": ["Product"], "id": f"{document['id']}#product", "name": name, **model}


def certificate_link(document: Mapping[str, Any]) -> Json:
    """Return the link to the certificate: its name, and its digest as the `certify` record has it (Data Integrity 1.0, section 2.6)."""
    basis = document["basis"]
    digest = sha256(canonical.encode(without_proof(document))).digest()
    return {
        "linkURL": document["id"],
        "linkName": f"certificate {document['credentialSubject']['number']}: its credential without the proof, as RFC 8785 canonical JSON, "
        f"registered with this digest in ledger {basis['ledger']}; its figures follow from the log {basis['origin']} at size "
        f"{basis['size']}, root {basis['root']}",
        "digestMultibase": f"z{base58_encode(_SHA256_MULTIHASH + digest)}",
        "mediaType": "application/vc",
    }


def figures(document: Mapping[str, Any]) -> list[Figure]:
    """Return every figure that a certificate declares: its claims, what rests on documents, and what was not assayed."""
    subject = document["credentialSubject"]
    found = [_claim(row) for row in subject["claims"]]
    for name, row in subject["evidence_share"].items():
        of = CONSTITUENTS.get(name, name)
        found.append(_figure(f"documented:{name}", f"{of} that rests on documents", row, topic(subject["kind"]), SHARE, of))
    for name, mass_mg in subject["not_assayed"].items():
        of = CONSTITUENTS.get(name, name)
        words = f"On the chain behind it, {mass_mg} mg of {of} was not assayed."
        performance = [measured(NOT_ASSAYED, mass_mg, MILLIGRAM)]
        found.append(Figure(f"not-assayed:{name}", f"{of} that was not assayed", words, topic(subject["kind"]), performance))
    return found


def _claim(row: Mapping[str, Any]) -> Figure:
    characteristic, of = row["characteristic"], CONSTITUENTS.get(row["constituent"], row["constituent"])
    fact, _, where = characteristic.partition(":")
    words = f"{of}, {fact.replace('_', ' ')}{f' {where}' if where else ''}"
    share = RECYCLED_SHARE if characteristic == "recycled_content" else SHARE
    return _figure(
        f"claim:{row['constituent']}:{characteristic}", words, row, topic("domestic-origin" if where else "recycled-content"), share, of
    )


def _figure(fragment: str, name: str, row: Mapping[str, Any], about: Json, share: Json, of: str) -> Figure:
    performance = [
        measured(share, number(row["percent"]), PERCENT),
        measured(MASS, row["mass_mg"], MILLIGRAM),
        measured(WHOLE, row["of_mg"], MILLIGRAM),
    ]
    words = f"{row['percent']} %, rounded down: {row['mass_mg']} mg of {row['of_mg']} mg of {of}."
    if row.get("booked_mg") is not None:
        performance.append(measured(BOOKED, row["booked_mg"], MILLIGRAM))
        words += f" The books hold {row['booked_mg']} mg; the more cautious figure is claimed."
    return Figure(fragment, name, words, about, performance)
