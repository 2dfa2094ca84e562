"""A certificate is the one that its issuer registered, signed by a key that might; and what became of it since."""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import replace

import pytest

from books import ORIGIN, TIME
from issued import ISSUED, PAPER, US, Works, event, lot, proved, step
from keyring import signer
from ledger.certificates import recompute as module
from ledger.certificates.credential import digest
from ledger.certificates.issuance import certify_raw
from ledger.certificates.recompute import check_current, check_registered, recompute
from ledger.errors import CertificateError, FormatError, LedgerError
from ledger.keys import prove_possession
from ledger.rules.book import own


@pytest.fixture(scope="module")
def issued():
    works = Works()
    works.alloy()
    claim, document = works.certify("voltaic:AL")
    return works, claim, document


def test_a_document_that_nobody_registered_is_refused(issued):
    works, _, document = issued
    copy = deepcopy(document)
    copy["credentialSubject"]["number"] = "voltaic-RC-0009"
    with pytest.raises(
        CertificateError,
        match=re.escape("certificate voltaic-RC-0009 is not registered in this ledger: no record certifies under this number"),
    ):
        check_registered(works.memory, copy, digest(copy))
    with pytest.raises(CertificateError, match=re.escape(f"certificate voltaic-RC-0001 has the digest {digest(document)}, not {'0' * 64}")):
        check_registered(works.memory, document, "0" * 64)


def test_another_document_under_a_registered_number_is_refused(issued):
    works, claim, document = issued
    copy = deepcopy(document)
    copy["credentialSubject"]["customer"] = "Somebody Else"
    with pytest.raises(CertificateError) as caught:
        check_registered(works.memory, copy, digest(copy))
    assert str(caught.value) == (
        f"certificate voltaic-RC-0001 is not registered in this ledger: record {claim.position >> 8} registers {claim.credential},"
        f" not {digest(copy)}"
    )


def registered(works, damage, *, party="keystone", batch="keystone:BL", key=None):
    """Register a credential of which something is not so, and return it."""
    document = works.built(works.request(batch), party=party)
    raw = certify_raw(works.memory, document, time=TIME)
    damage(document, raw)
    raw["credential"] = digest(document)
    works.log(f"{party}/1", raw)
    return proved(document, key or f"{party}/1")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda doc, _: doc["credentialSubject"].update(kind="domestic-origin"),
            "says 'domestic-origin', this ledger 'recycled-content' (credentialSubject.kind)",
        ),
        (
            lambda doc, _: doc["credentialSubject"].update(batch="keystone:L1"),
            "says 'keystone:L1', this ledger 'keystone:BL' (credentialSubject.batch)",
        ),
        (lambda doc, _: doc["credentialSubject"].update(mass_mg=1), "says 1, this ledger 1500000000 (credentialSubject.mass_mg)"),
        (lambda doc, _: doc.update(validUntil=ISSUED), f"says '{ISSUED}', this ledger '2027-03-31T09:00:00Z' (validUntil)"),
        (lambda doc, _: doc["issuer"].update(party="voltaic"), "says 'voltaic', this ledger 'keystone' (issuer.party)"),
        (lambda doc, _: doc["issuer"].update(name="Better Metal"), "says 'Better Metal', this ledger 'Keystone' (issuer.name)"),
        (lambda doc, _: doc["basis"].update(ledger="0" * 64), f"says '{'0' * 64}', this ledger '"),
        (
            lambda doc, _: doc["basis"].update(origin="other.example/lead"),
            f"says 'other.example/lead', this ledger '{ORIGIN}' (basis.origin)",
        ),
        (lambda doc, _: doc["basis"].update(root="0" * 64), "(basis.root)"),
        (lambda doc, _: doc["basis"].update(size=99), "rests on a log of 99 records, it was registered as record 8 (basis.size)"),
        (lambda doc, _: doc["basis"].update(size=0), "rests on a log of 0 records, it was registered as record 8 (basis.size)"),
        (lambda doc, _: doc["basis"].update(size="8"), "rests on a log of '8' records, it was registered as record 8 (basis.size)"),
    ],
)
def test_what_the_record_or_the_ledger_says_otherwise_is_refused(damage, message):
    works = Works()
    document = registered(works, damage)
    with pytest.raises(CertificateError, match=re.escape(message)):
        check_registered(works.memory, document, digest(document))


def nothing(document, raw):
    """Damage nothing."""


def test_a_certificate_without_a_proof_or_by_a_strange_key_is_refused():
    works = Works()
    document = registered(works, nothing)
    bare = {name: value for name, value in document.items() if name != "proof"}
    with pytest.raises(CertificateError, match=re.escape("certificate keystone-RC-0001 has no proof")):
        check_registered(works.memory, bare, digest(bare))
    strange = "the proof of certificate keystone-RC-0001 is by a key that keystone did not enrol in this ledger"
    for by in (proved(bare, "nobody/1"), proved(bare, "voltaic/1"), {**bare, "proof": {"verificationMethod": 7}}):
        with pytest.raises(CertificateError, match=re.escape(strange)):
            check_registered(works.memory, by, digest(by))


def enrol(works, name, *scopes):
    key = signer(name)
    raw = {
        "type": "enrol",
        "time": TIME,
        "party": "keystone",
        "key": key.vkey.format(),
        "proof": prove_possession(key, ORIGIN),
        "scopes": [*scopes],
    }
    works.log("keystone/1", raw)


def test_the_proof_key_must_have_the_scope_and_be_active_at_that_index():
    works = Works()
    enrol(works, "keystone/scale", "record")
    enrol(works, "keystone/old", "certify")
    works.log("keystone/1", {"type": "retire", "time": TIME, "key": "keystone/old"})
    document = registered(works, nothing)
    index = works.memory.size - 1
    enrol(works, "keystone/new", "certify")
    bare = {name: value for name, value in document.items() if name != "proof"}
    for key, message in (
        ("keystone/scale", "key keystone/scale may sign record; certificate keystone-RC-0001 needs certify"),
        ("keystone/old", f"key keystone/old was active from record 9 to 10, certificate keystone-RC-0001 was registered as record {index}"),
        ("keystone/new", f"key keystone/new was active from record 12, certificate keystone-RC-0001 was registered as record {index}"),
    ):
        with pytest.raises(CertificateError, match=re.escape(message)):
            check_registered(works.memory, proved(bare, key), digest(bare))


def test_a_key_retired_later_does_not_undo_what_it_signed_and_a_revoked_one_is_a_caution():
    works = Works()
    enrol(works, "keystone/2", "admin", "certify")
    document = registered(works, nothing, key="keystone/2")
    claim = check_registered(works.memory, document, digest(document))
    works.log("keystone/1", {"type": "revoke", "time": TIME, "key": "keystone/2", "compromised_since": TIME})
    assert check_registered(works.memory, document, digest(document)) == claim
    said = f"was revoked by record {works.memory.size - 1}, compromised since {TIME}"
    assert check_current(works.memory, claim, document) == [f"key keystone/2, which signed certificate keystone-RC-0001, {said}"]
    works.log("registrar/1", {"type": "revoke", "time": TIME, "key": "keystone/1"})
    assert check_current(works.memory, claim, document)[0] == (
        f"key keystone/1, which registered certificate keystone-RC-0001, was revoked by record {works.memory.size - 1}"
    )
    bare = {name: value for name, value in document.items() if name != "proof"}
    assert len(check_current(works.memory, claim, bare)) == 1


def test_a_key_that_signed_upstream_is_named_with_the_record():
    works = Works()
    works.alloy()
    claim, document = works.certify("voltaic:AL")
    works.log("registrar/1", {"type": "revoke", "time": TIME, "key": "keystone/1"})
    assert check_current(works.memory, claim, document) == [
        f"key keystone/1, which signed record 7 upstream, was revoked by record {works.memory.size - 1}"
    ]


def test_a_certificate_taken_back_used_up_or_out_of_date_is_a_caution():
    works = Works()
    claim, document = works.certify("keystone:BL")
    assert check_current(works.memory, claim, document, as_of="2027-04-01") == [
        "certificate keystone-RC-0001 was valid until 2027-03-31, which is before 2027-04-01"
    ]
    works.log("keystone/1", step("refine", "keystone:works", ["keystone:BL"], lot("keystone:R", "soft_lead", "1498", Pb="99.9")))
    index = works.memory.size - 1
    said = f"counts as withdrawn since record {index}, in which keystone itself transformed what it had certified (refine)"
    assert check_current(works.memory, claim, document) == [f"certificate keystone-RC-0001 {said}"]
    works.withdraw(claim.number)
    withdrawn = works.memory.claim(claim.number)
    assert withdrawn is not None
    assert check_current(works.memory, withdrawn, document) == [
        f"certificate keystone-RC-0001 was withdrawn by record {index + 1}: weighed wrongly"
    ]


def correct(works, batch, mass, **more):
    """Correct a receipt."""
    again = event("receive", "keystone:works", **lot(batch, "soft_lead", mass, Pb="99.9"), **more)
    raw = {"type": "correct", "time": TIME, "of": {"batch": batch}, "event": again, "reason": "weighed again"}
    works.log("keystone/1", raw)


def test_a_correction_since_is_told_with_old_and_new_figures():
    works = Works()
    claim, document = works.certify("keystone:BL", rules=("ntib.origin",))
    correct(works, "keystone:L1", "1000", feedstock="end_of_life", places={**US, "collected_in": "MX"}, documents=PAPER)
    ended, *found = check_current(works.memory, claim, document)
    done = "in which keystone changed what it had certified for something that holds less (correct)"
    assert ended == f"certificate keystone-RC-0001 counts as withdrawn since record {works.memory.size - 1}, {done}"
    assert found == [
        f"corrected since certificate keystone-RC-0001 was issued: {line}"
        for line in (
            "Pb collected_in:MX was not stated, is today 66.66 % (999000000 mg of 1498500000 mg)",
            "Pb collected_in:US was 66.66 % (999000000 mg of 1498500000 mg), is today not stated",
        )
    ]
    recompute(works.before(claim), claim, document)
    check_registered(works.memory, document, digest(document))
    with pytest.raises(CertificateError, match=r"claims .*collected_in:US"):
        recompute(works.memory, claim, document)


def test_a_correction_of_the_class_changes_the_share_and_what_a_rule_says():
    works = Works()
    claim, document = works.certify("keystone:BL", rules=("iso14021.rc_pb",))
    correct(works, "keystone:L1", "1000")
    found = check_current(works.memory, claim, document)
    assert (
        "corrected since certificate keystone-RC-0001 was issued: Pb post_consumer was 66.66 % (999000000 mg of 1498500000 mg), is today"
        " 0.00 % (0 mg of 1498500000 mg)"
    ) in found
    assert (
        found[-1]
        == "corrected since certificate keystone-RC-0001 was issued: rule iso14021.rc_pb said PASS, says FAIL with today's figures"
    )


def test_a_corrected_mass_is_said_and_long_lists_of_changes_are_cut(monkeypatch):
    works = Works()
    works.log("keystone/1", event("receive", "keystone:works", **lot("keystone:L3", "soft_lead", "100", Pb="99.9")))
    claim, document = works.certify("keystone:L3")
    correct(works, "keystone:L3", "110")
    prefix = "corrected since certificate keystone-RC-0001 was issued: "
    found = check_current(works.memory, claim, document)
    assert found[0] == prefix + "its mass was 100000 g, is today 110000 g"
    monkeypatch.setattr(module, "MAX_CHANGES", 1)
    assert check_current(works.memory, claim, document) == [found[0], prefix + f"{len(found) - 1} more changes"]


def test_books_that_cannot_give_the_certificate_any_more_are_a_caution(issued):
    _, claim, document = issued
    books = Works()
    with pytest.raises(LedgerError):
        recompute(books.memory, claim, document)
    lost = replace(claim, batch="keystone:X", position=claim.position)
    found = module._corrected(books.memory, lost, document, own())
    why = "certificate voltaic-RC-0001 cannot be computed again: no batch keystone:X in this ledger"
    assert found == [f"certificate voltaic-RC-0001 cannot be computed from today's books: {why}"]


def test_a_document_that_is_none_gets_no_cautions_but_a_refusal(issued):
    works, claim, document = issued
    with pytest.raises(FormatError, match="credentialSubject"):
        check_current(works.memory, claim, {**document, "credentialSubject": {}})
