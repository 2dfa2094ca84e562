"""Certify and withdraw: the same mass is certified once for a kind, by its holder, and only when it is weighed and assayed."""

import pytest

from books import TIME, kg
from events import SOFT, assay, books, certify, correct, dispose, receive, refused, ship, transform
from events import out as output
from ledger.errors import AuthorityError, ClaimError, CorrectionError, CustodyError, DuplicateError, OverdrawnError, UnknownError

K, V = "keystone/1", "voltaic/1"
A, B, C, D = "keystone:A", "keystone:B", "keystone:C", "keystone:D"
MASS = 1_000_000_000
RC, DO = "keystone-RC-0001", "keystone-DO-0001"


def withdraw(number, **more):
    return {"type": "withdraw", "time": TIME, "certificate": number, "reason": "wrong customer", **more}


@pytest.fixture
def ledger():
    made = books("keystone", "voltaic")
    made.log(K, receive(A))
    return made


@pytest.mark.parametrize(
    ("event", "error", "message"),
    [
        (certify(A, MASS + 1), OverdrawnError, "batch keystone:A holds 1000000 g, cannot certify 1000000.001 g (0.001 g short)"),
        (certify(A, MASS - 1), ClaimError, "batch keystone:A holds 1000000000 mg, the certificate is for 999999999 mg"),
        (certify(A, MASS, number="voltaic-RC-0001"), ClaimError,
         "certificate voltaic-RC-0001 would be another's number; keystone's begin with keystone-RC-"),
        (certify(A, MASS, number="keystone-DO-0001"), ClaimError,
         "certificate keystone-DO-0001 would be another's number; keystone's begin with keystone-RC-"),
        (certify("keystone:X", MASS), UnknownError, "no batch keystone:X in this ledger"),
    ],
)  # fmt: skip
def test_a_certificate_that_cannot_be_is_refused(ledger, event, error, message):
    refused(ledger, K, event, error, message)


def test_a_batch_of_another_holder_is_not_certified(ledger):
    event = certify(A, MASS, site="voltaic:works", number="voltaic-RC-0001")
    refused(ledger, V, event, CustodyError, "batch keystone:A is held by keystone, not by voltaic")


def test_a_second_certificate_of_a_kind_over_the_same_mass_is_refused(ledger):
    ledger.log(K, certify(A, MASS))
    message = f"batch keystone:A is certified already by {RC} (recycled-content)"
    refused(ledger, K, certify(A, MASS, number="keystone-RC-0002"), ClaimError, message)
    ledger.log(K, certify(A, MASS, kind="domestic-origin"))
    assert ledger.batch(A).claims == (("domestic-origin", DO), ("recycled-content", RC))


@pytest.mark.parametrize("kind", ["split", "merge", "blend"])
def test_splitting_merging_and_blending_do_not_shake_a_certificate_off(ledger, kind):
    ledger.log(K, receive(D))
    ledger.log(K, certify(A, MASS))
    ledger.log(K, transform(kind, [A, D], [output(B, "soft_lead", kg(500)), output(C, "soft_lead", kg(1500))]))
    for batch in (B, C):
        message = f"batch {batch} is certified already by {RC} (recycled-content)"
        refused(ledger, K, certify(batch, ledger.batch(batch).gross_left, number="keystone-RC-0002"), ClaimError, message)


def test_a_certificate_number_is_used_once(ledger):
    ledger.log(K, receive(B))
    ledger.log(K, certify(A, MASS))
    refused(ledger, K, certify(B, MASS), DuplicateError, f"certificate {RC} exists already")


def test_what_nobody_weighed_or_assayed_is_not_certified(ledger):
    ledger.log(K, transform("refine", [A], [output(B, "soft_lead", "balance")]))
    message = "batch keystone:B is a balance and was never weighed; it cannot be certified before it is"
    refused(ledger, K, certify(B, ledger.batch(B).gross_left), ClaimError, message)
    ledger.log(K, receive(C, "spent_battery", assay=None))
    message = "batch keystone:C was never assayed, nobody knows what it contains"
    refused(ledger, K, certify(C, MASS), ClaimError, message)
    ledger.log(K, receive(D, provisional=True))
    message = "batch keystone:D has a provisional assay; it can be certified once a final one replaces it"
    refused(ledger, K, certify(D, MASS), ClaimError, message)
    refused(ledger, K, certify(A, MASS), ClaimError, "batch keystone:A is empty, there is nothing to certify")


@pytest.mark.parametrize("kind", ["split", "merge", "blend"])
def test_a_split_of_something_provisional_is_provisional_until_a_final_assay_replaces_it(ledger, kind):
    ledger.log(K, receive(D, provisional=True))
    ledger.log(K, transform(kind, [D], [output(B, "soft_lead", kg(1000))]))
    message = "batch keystone:B has a provisional assay; it can be certified once a final one replaces it"
    refused(ledger, K, certify(B, MASS), ClaimError, message)


def test_a_withdrawn_certificate_frees_its_mass(ledger):
    ledger.log(K, certify(A, MASS))
    ledger.log(K, withdraw(RC, superseded_by="keystone-RC-0002"))
    ledger.log(K, certify(A, MASS, number="keystone-RC-0002"))
    claim = ledger.memory.claim(RC)
    assert (claim.withdrawn >> 8, claim.superseded_by) == (ledger.memory.size - 2, "keystone-RC-0002")
    assert ledger.memory.claims_under("keystone-RC-") == 2


def test_a_withdrawal_that_cannot_be_is_refused(ledger):
    ledger.log(K, certify(A, MASS))
    refused(ledger, K, withdraw("keystone-RC-0009"), UnknownError, "no certificate keystone-RC-0009 in this ledger")
    refused(ledger, V, withdraw(RC), AuthorityError, f"certificate {RC} was issued by keystone, not by voltaic")
    for other in (RC, "keystone-DO-0001", "voltaic-RC-0001"):
        message = f"certificate {other} cannot take the place of {RC}: want another number keystone-RC-…"
        refused(ledger, K, withdraw(RC, superseded_by=other), ClaimError, message)
    ledger.log(K, withdraw(RC))
    index = ledger.memory.size - 1
    refused(ledger, K, withdraw(RC), ClaimError, f"certificate {RC} was withdrawn already by record {index}")


def test_a_correction_below_the_certified_mass_is_refused(ledger):
    ledger.log(K, certify(A, MASS))
    index = ledger.memory.size - 1
    message = (
        f"with this change record {index}, event 0, would not hold: "
        "batch keystone:A holds 900000 g, cannot certify 1000000 g (100000 g short)"
    )
    refused(ledger, K, correct(A, receive(A, mass=kg(900))), CorrectionError, message)


def test_a_correction_leaves_a_certificate_and_its_withdrawal_as_they_are(ledger):
    ledger.log(K, certify(A, MASS), certify(A, MASS, kind="domestic-origin"))
    ledger.log(K, withdraw(RC))
    ledger.log(K, correct(A, receive(A, mass=kg(1100), feedstock="primary")))
    assert ledger.memory.claim(RC).withdrawn is not None
    assert ledger.memory.claim(DO).mass_mg == MASS
    ledger.log(K, assay(A, SOFT))


def test_a_certified_batch_may_be_used(ledger):
    ledger.log(K, certify(A, MASS))
    ledger.log(K, dispose(A, mass=kg(1)), ship(A, "voltaic"))
    assert ledger.batch(A).claims == (("recycled-content", RC),)
