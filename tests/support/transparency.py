"""The schemas of UNTP 0.7.0 against which what we write is checked.

The passport's is the official file, as the wheel of dppvalidator carries it. Of the conformity credential's, which no package carries, the
rules are written down here as read from `ConformityCredential.json` of 2026-05-04; what both have in common is taken from the official one.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

Schema = dict[str, Any]

PASSPORT_SHA256 = "42c51943ab23547d5287899fd12b214b19b006c28d105a70ff390f8551b12653"
"""Of the file that was published on 2026-05-04 at untp.unece.org, path /artefacts/schema/v0.7.0/dpp/DigitalProductPassport.json."""

TEXT: Schema = {"type": "string"}
URI: Schema = {"type": "string", "format": "uri"}
URI_FORM = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9._~:/?@!$&'()*+,;=#-]|%[0-9A-Fa-f]{2})+")
SHARED = ("BitstringStatusListEntry", "ConformityTopic", "Image", "Link", "Measure", "Performance", "RenderTemplate2024", "Score")


@cache
def passport_schema() -> Schema:
    """Return the official schema of the Digital Product Passport."""
    data = files("dppvalidator").joinpath("schemas/data/untp-dpp-schema-0.7.0.json").read_bytes()
    assert sha256(data).hexdigest() == PASSPORT_SHA256
    found: Schema = json.loads(data)
    return found


def several(item: Schema) -> Schema:
    return {"type": "array", "items": item}


def shared(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def typed(*names: str) -> Schema:
    """A `type` that names each of these."""
    return {**several(TEXT), "allOf": [{"contains": {"const": name, "minContains": 1}} for name in names]}


def thing(name: str, required: tuple[str, ...] = ("id", "name"), *, closed: bool = False, **properties: Schema) -> Schema:
    """An object with a type, and mostly a name and a URI."""
    known = {"type": typed(name), **({"id": URI, "name": TEXT} if "id" in required else {}), **properties}
    return {"type": "object", "properties": known, "required": list(required), "additionalProperties": not closed}


@cache
def conformity_schema() -> Schema:
    """Return the rules of the Digital Conformity Credential."""
    official = passport_schema()
    assessment = thing(
        "ConformityAssessment",
        ("id", "name", "assessmentCriteria", "assessmentDate", "assessedPerformance", "conformityTopic"),
        description=TEXT,
        assessmentCriteria=several(thing("Criterion")),
        assessmentDate={"type": "string", "format": "date"},
        assessedPerformance=several(shared("Performance")),
        assessedProduct=several(thing("ProductVerification", ("product",), product=thing("Product", modelNumber=TEXT, batchNumber=TEXT))),
        assessedFacility=several(thing("FacilityVerification", ("facility",), facility=thing("Facility", registeredId=TEXT))),
        assessedOrganisation=thing("Party"),
        referenceStandard=several(thing("Standard")),
        referenceRegulation=several(thing("Regulation")),
        specifiedCondition=several(TEXT),
        evidence=several(shared("Link")),
        conformityTopic=several(shared("ConformityTopic")),
        conformance={"type": "boolean"},
    )
    attestation = thing(
        "ConformityAttestation",
        ("id", "name", "assessorLevel", "assessmentLevel", "attestationType", "issuedToParty", "referenceScheme"),
        closed=True,
        description=TEXT,
        assessorLevel={"enum": ["self", "commercial", "buyer", "membership", "unspecified", "3rdParty", "hybrid"]},
        assessmentLevel={
            "enum": [
                *(f"authority-{how}" for how in ("benchmark", "mandate", "globalmra", "peer", "extended-mra")),
                *("scheme-self", "scheme-cab", "no-endorsement"),
            ]
        },
        attestationType={
            "enum": ["certification", "declaration", "inspection", "testing", "verification", "validation", "calibration"],
        },
        issuedToParty=thing("Party", registeredId=TEXT, description=TEXT),
        authorisation=several({"type": "object", "required": ["name", "issuingAuthority"]}),
        referenceScheme=thing("ConformityScheme"),
        referenceProfile=thing("ConformityProfile"),
        profileScore=shared("Score"),
        conformityCertificate=shared("Link"),
        auditableEvidence=shared("Link"),
        trustmark=shared("Image"),
        conformityAssessment=several(assessment),
    )
    party = thing("Party", registeredId=TEXT)
    return {
        "$schema": official["$schema"],
        "type": "object",
        "properties": {
            "type": typed("DigitalConformityCredential", "VerifiableCredential"),
            "@context": official["properties"]["@context"],
            "id": URI,
            "issuer": thing("CredentialIssuer", closed=True, issuerAlsoKnownAs=several(party)),
            "validFrom": {"type": "string", "format": "date-time"},
            "validUntil": {"type": "string", "format": "date-time"},
            "name": TEXT,
            "credentialStatus": shared("BitstringStatusListEntry"),
            "renderTemplate2024": shared("RenderTemplate2024"),
            "credentialSubject": attestation,
        },
        "required": ["@context", "id", "issuer", "validFrom", "name", "credentialSubject"],
        "$defs": {name: official["$defs"][name] for name in SHARED},
    }


FORMATS = FormatChecker(("date",))
"""Of the formats that the schemas name, jsonschema checks two only with packages that are not wanted here."""


def _is_uri(value: object) -> bool:
    """RFC 3986, section 3: a scheme, and nothing but its characters and escapes behind it."""
    return not isinstance(value, str) or bool(URI_FORM.fullmatch(value))


def _is_time(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


FORMATS.checks("uri")(_is_uri)
FORMATS.checks("date-time", raises=ValueError)(_is_time)


def faults(schema: Schema, document: Schema) -> list[str]:
    """Return where a document breaks a schema, formats too, as `path: what is wrong`."""
    checker = Draft202012Validator(schema, format_checker=FORMATS)
    return sorted(f"{error.json_path}: {error.message}" for error in checker.iter_errors(document))
