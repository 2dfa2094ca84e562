"""The UNTP credentials: by the official schema and another's validator, digit for digit, and never a better verdict than ours."""

from __future__ import annotations

import copy
import json
from decimal import Decimal
from hashlib import sha256

import pytest
import rfc8785
from dppvalidator import ValidationEngine

from keyring import signer
from ledger.certificates.credential import digest
from ledger.certificates.jwt import secure
from ledger.errors import CertificateError
from ledger.keys import base58_decode
from ledger.tlog import canonical
from reports.untp.conformity import conformity_credential
from reports.untp.passport import product_passport
from reports.untp.terms import encode, number
from sample_credential import credential
from transparency import conformity_schema, faults, passport_schema

KINDS = ("recycled-content", "domestic-origin")
LOTS = {"batches": [{"batch": f"voltaic:B-{n}", "mass_mg": 9, "day": "2026-01-05"} for n in (1, 2)], "parts": []}
KEY = signer("voltaic/certificates")


def of_product(model="GX-12"):
    """A certificate over the lots of a product."""
    document = credential(product={"model": model, "category": None, "condition": None, **LOTS})
    del document["credentialSubject"]["batch"]
    return document


SAMPLES = {
    **{kind: credential(kind) for kind in KINDS},
    "bare": credential(pieces=None, order=None, period=None, condition=None, evidence_share={}, not_assayed={}, verdicts=[]),
    "lots": of_product(),
}


@pytest.fixture(params=SAMPLES)
def document(request):
    return copy.deepcopy(SAMPLES[request.param])


def assessments(document):
    return conformity_credential(document)["credentialSubject"]["conformityAssessment"]


def numbers(value):
    """Every number in a JSON document, exactly."""
    if isinstance(value, dict):
        return [found for inner in value.values() for found in numbers(inner)]
    if isinstance(value, list):
        return [found for inner in value for found in numbers(inner)]
    return [] if isinstance(value, bool) or not isinstance(value, int | float) else [Decimal(repr(value))]


def stated(subject):
    """What the figures of a certificate are, in the order in which they are said again."""
    for row in [*subject["claims"], *subject["evidence_share"].values()]:
        yield [Decimal(row["percent"]), row["mass_mg"], row["of_mg"], *([row["booked_mg"]] if "booked_mg" in row else [])]
    for mass_mg in subject["not_assayed"].values():
        yield [mass_mg]


def test_a_conformity_credential_keeps_to_its_schema(document):
    assert faults(conformity_schema(), conformity_credential(document)) == []


def test_a_passport_keeps_to_the_official_schema(document):
    assert faults(passport_schema(), product_passport(document)) == []


def test_a_validator_of_somebody_else_takes_the_passport_without_a_remark(document):
    found = ValidationEngine(strict_mode=True, load_plugins=False, layers=["schema", "model", "semantic"]).validate(
        product_passport(document)
    )
    assert (found.valid, found.schema_version, found.errors, found.warnings, found.info) == (True, "0.7.0", [], [], [])


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        (("issuer", "party"), "voltaic", "$.issuer: Additional properties are not allowed ('party' was unexpected)"),
        (
            ("credentialSubject", "assessorLevel"),
            "us",
            "$.credentialSubject.assessorLevel: 'us' is not one of ['self', 'commercial', 'buyer', ",
        ),
        (("credentialSubject", "referenceScheme"), {"id": "urn:x"}, "$.credentialSubject.referenceScheme: 'name' is a required property"),
        (("credentialSubject", "extra"), 1, "$.credentialSubject: Additional properties are not allowed ('extra' was unexpected)"),
        (("id",), "urn:a b", "$.id: 'urn:a b' is not a 'uri'"),
        (("validFrom",), "2026-03-31T00:00:00", "$.validFrom: '2026-03-31T00:00:00' is not a 'date-time'"),
        (("@context",), ["https://www.w3.org/ns/credentials/v2"], "$['@context']: ['https://www.w3.org/ns/credentials/v2'] is too short"),
    ],
)
def test_the_schema_of_the_conformity_credential_refuses_what_the_published_one_refuses(path, value, fault):
    made = conformity_credential(credential())
    at = made
    for name in path[:-1]:
        at = at[name]
    at[path[-1]] = value
    assert [found[: len(fault)] for found in faults(conformity_schema(), made)] == [fault]


def test_every_figure_of_a_certificate_stands_in_both_digit_for_digit(document):
    subject = document["credentialSubject"]
    wanted = list(stated(subject))
    passport = product_passport(document)["credentialSubject"]
    assert [numbers(row["claimedPerformance"]) for row in passport["performanceClaim"]] == wanted
    assert [numbers(row["assessedPerformance"]) for row in assessments(document)][: len(wanted)] == wanted
    assert passport["dimensions"]["weight"] == {"value": subject["mass_mg"], "unit": "MGM"}


def test_neither_holds_a_number_that_the_certificate_does_not_hold(document):
    figures = [figure for row in stated(document["credentialSubject"]) for figure in row]
    assert sorted(numbers(product_passport(document))) == sorted([*figures, document["credentialSubject"]["mass_mg"]])
    assert sorted(numbers(conformity_credential(document))) == sorted(figures)


def test_a_percentage_stands_beside_its_masses_in_words_too():
    row = next(row for row in assessments(credential()) if row["name"] == "lead, recycled content")
    assert row["description"] == "97.28 %, rounded down: 15037137190 mg of 15456789012 mg of lead."
    assert [found["measure"] for found in row["assessedPerformance"]] == [
        {"value": 97.28, "unit": "P1"},
        {"value": 15_037_137_190, "unit": "MGM"},
        {"value": 15_456_789_012, "unit": "MGM"},
    ]


def test_a_figure_that_differs_from_the_books_stands_beside_theirs():
    document = credential()
    document["credentialSubject"]["claims"][0]["booked_mg"] = 14_266_467_000
    first = assessments(document)[0]
    assert first["assessedPerformance"][3]["measure"] == {"value": 14_266_467_000, "unit": "MGM"}
    assert first["description"].endswith(" The books hold 14266467000 mg; the more cautious figure is claimed.")
    assert faults(conformity_schema(), conformity_credential(document)) == []


def test_every_percentage_there_is_has_the_same_digits_as_a_json_number():
    for hundredths in range(10_001):
        percent = f"{hundredths // 100}.{hundredths % 100:02d}"
        written = json.dumps(number(percent))
        assert Decimal(written) * 100 == hundredths
        assert set(written) <= set("0123456789.")
        assert rfc8785.dumps(number(percent)).decode() == written


def test_both_are_written_as_rfc_8785_has_it(document):
    for made in (conformity_credential(document), product_passport(document)):
        assert encode(made) == rfc8785.dumps(made)


def test_writing_twice_gives_the_same_bytes_with_or_without_the_proof(document):
    bare = {name: value for name, value in document.items() if name != "proof"}
    for make in (conformity_credential, product_passport):
        first, again = encode(make(document)), encode(make(json.loads(json.dumps(bare))))
        assert first == again
        assert secure(first, verification_method="did:key:x#x", sign=KEY.sign) == secure(
            again, verification_method="did:key:x#x", sign=KEY.sign
        )


@pytest.mark.parametrize(
    ("verdict", "conformance"),
    [("PASS", True), ("FAIL", False), ("INDETERMINATE", ...), ("NOT_APPLICABLE", ...), ("NOT_YET_IN_FORCE", ...), ("EXPIRED", ...)],
)
def test_only_a_pass_is_conformant_and_only_a_fail_is_not(verdict, conformance):
    document = credential()
    row = document["credentialSubject"]["verdicts"][0]
    row.update(verdict=verdict, would_be="PASS", reasons=["because", "and"])
    made = next(found for found in assessments(document) if found["id"].endswith(f"#verdict:{row['rule']}"))
    assert made.get("conformance", ...) is conformance
    assert made["assessedPerformance"] == [{"score": {"code": verdict, "definition": "because; and"}}]
    more = "" if verdict == "PASS" else "; the same figures would be PASS if it were in force"
    assert made["description"] == f"{verdict} as of 2026-03-31{more}. because; and"


def test_a_declared_figure_is_never_said_to_conform(document):
    verdicts = document["credentialSubject"]["verdicts"]
    rows = assessments(document)
    assert not any("conformance" in row for row in rows[: len(rows) - len(verdicts)])


@pytest.mark.parametrize(
    ("rule", "member"),
    [("iso14021.rc_pb", "referenceStandard"), ("usmca.wo.pb", "referenceRegulation"), ("ours.anything", None), ("isolated.rule", None)],
)
def test_what_a_rule_cites_is_a_standard_a_regulation_or_left_open(rule, member):
    document = credential()
    row = document["credentialSubject"]["verdicts"][0]
    row.update(rule=rule, rule_version="1 b/2")
    made = next(found for found in assessments(document) if found["id"].endswith(f"#verdict:{rule}"))
    criterion = f"urn:plumbline:rule:{rule}:1%20b%2F2:{row['rule_sha256']}"
    assert made["assessmentCriteria"] == [
        {"type": ["Criterion"], "id": criterion, "name": "Recycled content of lead (ISO 14021:2016, 7.8.1.1)"}
    ]
    assert [name for name in ("referenceStandard", "referenceRegulation") if name in made] == [member] * (member is not None)
    if member:
        assert made[member] == [
            {"type": [member.removeprefix("reference")], "id": f"{criterion}#citation", "name": "ISO 14021:2016, 7.8.1.1"}
        ]


def test_it_says_that_the_issuer_declares_it_itself_and_what_was_not_checked():
    attestation = conformity_credential(credential())["credentialSubject"]
    assert [attestation[name] for name in ("assessorLevel", "assessmentLevel", "attestationType")] == [
        "self",
        "no-endorsement",
        "declaration",
    ]
    assert attestation["referenceScheme"]["name"] == "No scheme: a first party's declaration from its records"
    assert attestation["description"].startswith(
        "Declared by Voltaic Batteries, Inc. itself; no scheme and no third party stands behind it."
    )
    assert attestation["description"].endswith("Not checked: " + " ".join(credential()["credentialSubject"]["not_checked"]))


def test_the_unknown_part_is_among_the_figures():
    names = [row["name"] for row in product_passport(credential())["credentialSubject"]["performanceClaim"]]
    assert {"lead, unknown", "antimony, unknown", "lead, smelted in US+unknown", "antimony that was not assayed"} <= set(names)


def test_origin_and_content_have_the_topics_of_untp():
    topics = {row["name"]: row["conformityTopic"][0]["id"] for row in assessments(credential())}
    base = "https://vocabulary.uncefact.org/conformity-topics/"
    assert topics["lead, smelted in US"] == f"{base}origin-tracking"
    assert topics["lead, recycled content"] == f"{base}recycled-material-integration"
    assert topics["Minimum share of lead recovered from waste"] == f"{base}recycled-material-integration"


def test_both_name_the_certificate_with_the_digest_that_is_registered(document):
    link = conformity_credential(document)["credentialSubject"]["auditableEvidence"]
    passport = product_passport(document)["credentialSubject"]
    assert passport["relatedDocument"] == [link]
    assert all(row["evidence"] == [link] for row in passport["performanceClaim"])
    assert base58_decode(link["digestMultibase"].removeprefix("z")).hex() == f"1220{digest(document)}"
    unsigned = {name: value for name, value in document.items() if name != "proof"}
    assert digest(document) == sha256(canonical.encode(unsigned)).hexdigest()
    assert link["linkURL"] == document["id"]
    for value in document["basis"].values():
        assert str(value) in link["linkName"]


def test_a_certificate_over_lots_becomes_a_passport_of_the_model():
    passport = product_passport(of_product())["credentialSubject"]
    assert (passport["idGranularity"], passport["modelNumber"], passport["name"]) == ("model", "GX-12", "battery GX-12")
    assert " It speaks of the lots voltaic:B-1, voltaic:B-2." in passport["description"]
    assert "batchNumber" not in passport
    conditions = assessments(of_product())[0]["specifiedCondition"]
    assert conditions[-2:] == ["lot voltaic:B-1", "lot voltaic:B-2"]


def test_a_certificate_over_lots_of_no_model_gives_no_passport():
    with pytest.raises(CertificateError) as refusal:
        product_passport(of_product(model=None))
    assert str(refusal.value) == "certificate voltaic-RC-0001 names no batch and no model, and a passport is about one of them"
    assert faults(conformity_schema(), conformity_credential(of_product(model=None))) == []


def test_a_batch_is_named_within_its_ledger_and_may_state_its_model():
    document = credential(product={"model": "GX-12", "category": None, "condition": None, "parts": []})
    passport = product_passport(document)["credentialSubject"]
    ledger = document["basis"]["ledger"]
    assert passport["id"] == f"urn:plumbline:{ledger}:batch:voltaic:BAT-26-0331"
    assert (passport["batchNumber"], passport["modelNumber"], passport["idGranularity"]) == ("voltaic:BAT-26-0331", "GX-12", "batch")
    assert passport["producedAtFacility"]["id"] == f"urn:plumbline:{ledger}:site:voltaic:dayton"
    assert passport["countryOfProduction"] == {"countryCode": "US"}
    assert "materialProvenance" not in passport


def test_a_passport_travels_with_the_goods_and_so_names_neither_customer_nor_order_nor_verdict(document):
    written = encode(product_passport(document)).decode()
    assert "Grünwald" not in written
    assert "PO 4711" not in written
    assert "conformance" not in written
    assert "Grünwald & Söhne <Monterrey>" in encode(conformity_credential(document)).decode()
