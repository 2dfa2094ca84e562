"""Our own test vectors, checked in: made anew they are the same bytes, and they are what SPEC.md says of them."""

import json
from typing import Any

import pytest

from keyring import signer
from ledger.evidence.format import lines_of, read_evidence
from ledger.evidence.verification import verify_evidence
from ledger.keys import verify
from ledger.tlog import merkle
from ledger.tlog.note import parse_note
from ledger.tlog.quorum import count, parse_policy
from ledger.trust import read_trust
from ledger.verification import verify_fork_proof, verify_receipt, verify_statement
from outside import FOLDER, vectors


@pytest.fixture(scope="module")
def files():
    return {file.name: file.read_bytes() for file in FOLDER.iterdir()}


@pytest.fixture(scope="module")
def trust(files):
    return read_trust(files["trust"], file="trust")


def subject_of(credential: bytes) -> dict[str, Any]:
    """Return the claims and figures of a credential."""
    subject: dict[str, Any] = json.loads(credential)["credentialSubject"]
    return subject


def test_made_anew_they_are_the_same_bytes(files, tmp_path):
    again = vectors(tmp_path / "ledger")
    assert sorted(again) == sorted(files)
    assert [name for name in again if again[name] != files[name]] == []


def test_the_certificate_is_recomputed_from_its_evidence(files, trust):
    for name, complete in (("certificate.evidence", "completeness not shown"), ("certificate-attested.evidence", "complete to record 26")):
        evidence = read_evidence(lines_of(files[name]))
        found = verify_evidence(evidence, credential=files["certificate.json"], trust=trust)
        assert found.holds
        assert found.complete.startswith(complete)


def test_a_certificate_by_rules_of_every_measure_is_recomputed_with_the_rules_that_came_with_it(files, trust):
    found = verify_evidence(read_evidence(lines_of(files["origin.evidence"])), credential=files["origin.json"], trust=trust)
    assert (found.holds, found.cautions) == (
        True, ["rule outsider.lead v1 is none of this program's; it came with the certificate: Outsider SPEC-1"],
    )  # fmt: skip
    verdicts = {row["rule"]: row["would_be"] for row in subject_of(files["origin.json"])["verdicts"]}
    assert verdicts == {
        "ftc.musa_323": "INDETERMINATE",
        "usmca.wo.pb": "FAIL",
        "far.baa.domestic_end_product": "FAIL",
        "dfars.baa": "PASS",
        "dod.4865": "INDETERMINATE",
        "dod.4872": "NOT_APPLICABLE",
        "irc.45X.sb": "FAIL",
        "irc.45X.cell": "INDETERMINATE",
        "usmca.psr.8507": "PASS",
        "uflpa.path_screen": "INDETERMINATE",
        "leed.recycled_value": "PASS",
        "rcra.266_80": "NOT_APPLICABLE",
        "usmca.certification": "INDETERMINATE",
        "outsider.lead": "FAIL",
    }


def test_a_shipment_is_its_batches_added_up(files, trust):
    for name, complete in (("shipment.evidence", "completeness not shown"), ("shipment-attested.evidence", "complete to record ")):
        found = verify_evidence(read_evidence(lines_of(files[name])), credential=files["shipment.json"], trust=trust)
        assert found.holds, found.problems
        assert found.complete.startswith(complete)
    subject = subject_of(files["shipment.json"])
    assert [(row["batch"], row["mass_mg"]) for row in subject["shipment"]] == [("voltaic:D3", 40_500_000), ("voltaic:D4", 30_000_000)]
    assert (subject["mass_mg"], subject["pieces"], subject["product"]["model"]) == (70_500_000, None, "Group 24")


def test_lots_are_declared_as_they_were_made(files, trust):
    for name, complete in (("declared.evidence", "completeness not shown"), ("declared-attested.evidence", "complete to record ")):
        found = verify_evidence(read_evidence(lines_of(files[name])), credential=files["declared.json"], trust=trust)
        assert found.holds
        assert found.complete.startswith(complete)
    subject = subject_of(files["declared.json"])
    assert (subject["number"], subject["mass_mg"], subject["pieces"]) == ("voltaic-RP-0001", 90_500_000, None)
    grid = {"part": "grid", "material": "antimonial_lead", "mass_mg": 6_000_002}
    assert (subject["product"]["model"], subject["product"]["parts"]) == ("Group 24", [grid])
    assert [lot["mass_mg"] for lot in subject["product"]["batches"]] == [30_000_000, 20_000_000, 40_500_000]


def test_a_certification_of_origin_under_the_usmca_is_recomputed(files, trust):
    found = verify_evidence(read_evidence(lines_of(files["usmca.evidence"])), credential=files["usmca.json"], trust=trust)
    assert found.holds
    subject = subject_of(files["usmca.json"])
    assert (subject["usmca"]["origin_criterion"], subject["usmca"]["language"]) == ("A", "es")
    assert {row["rule"]: row["verdict"] for row in subject["verdicts"]} == {
        "usmca.wo.pb": "PASS",
        "usmca.certification": "PASS",
        "ntib.origin": "FAIL",
    }


def test_a_scope_without_an_input_is_refused(files, trust):
    evidence = read_evidence(lines_of(files["missing-input.evidence"]))
    found = verify_evidence(evidence, credential=files["certificate.json"], trust=trust)
    assert "batch keystone:BL was made of batch keystone:L2, which the evidence leaves out" in found.problems[0]


def test_the_other_files_hold_too(files, trust):
    assert verify_evidence(read_evidence(lines_of(files["key.evidence"])), credential=None, trust=trust).holds
    assert verify_statement(files["statement"], root_at=None, trust=trust).holds
    assert verify_fork_proof(files["fork"], trust=trust).holds
    leaf = merkle.leaf_hash(files["certify.record"])
    assert verify_receipt(files["certify.tlog-proof"], leaf_at=lambda _: leaf, trust=trust).holds
    key = signer("witness.example/one").cosigners()[0][0]
    policy = parse_policy(enumerate((f"witness one {key.format()}", "quorum one"), start=1))
    assert count(policy, parse_note(files["cosigned.checkpoint"]), log_keys=trust.log, verify=verify).reached
