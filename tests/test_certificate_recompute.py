"""A certificate against the books: every figure derived again, registered, and as it stands today."""

from __future__ import annotations

import re
from copy import deepcopy

import pytest

from books import TIME, kg
from issued import Works
from ledger.certificates.credential import digest
from ledger.certificates.issuance import split_raw
from ledger.certificates.recompute import check_current, check_registered, recompute
from ledger.errors import CertificateError, FormatError
from schemas.measurement import Quantity

FREE = {("customer",), ("order",), ("condition",), ("period", "from"), ("period", "to")}


@pytest.fixture(scope="module")
def issued():
    """An alloy with residuals, unknown lead and antimony, certified with everything that an issuer may state."""
    works = Works()
    works.certify("keystone:BL")
    works.alloy()
    period = {"from": "2026-01-01", "to": "2026-03-31"}
    claim, document = works.certify("voltaic:AL", order="PO 1", condition="dry", period=period)
    return works, claim, document, works.before(claim)


def leaves(value, path=()):
    if isinstance(value, dict):
        return [leaf for name, inner in value.items() for leaf in leaves(inner, (*path, name))]
    if isinstance(value, list):
        return [leaf for number, inner in enumerate(value) for leaf in leaves(inner, (*path, number))]
    return [path]


def damaged(document, path):
    """Return a document with one value of its subject changed: a number by one, a text by its last letter or digit."""
    copy = deepcopy(document)
    spot = copy["credentialSubject"]
    for part in path[:-1]:
        spot = spot[part]
    value = spot[path[-1]]
    if isinstance(value, bool):
        spot[path[-1]] = not value
    elif isinstance(value, int):
        spot[path[-1]] = value + 1
    elif value is None:
        spot[path[-1]] = 7
    else:
        spot[path[-1]] = value[:-1] + ("2" if value[-1] == "1" else "1")
    return copy


def dotted(path):
    return ".".join(["credentialSubject", *(str(part) for part in path)])


def test_what_was_issued_is_computed_again_and_registered_and_current(issued):
    works, claim, document, before = issued
    recompute(before, claim, document)
    assert check_registered(works.memory, document, digest(document)) == claim
    assert check_current(works.memory, claim, document, as_of="2026-12-31") == []


def test_any_value_changed_anywhere_is_refused_with_its_path(issued):
    _, claim, document, before = issued
    paths = [path for path in leaves(document["credentialSubject"]) if path not in FREE]
    assert len(paths) == 279
    for path in paths:
        with pytest.raises(CertificateError) as caught:
            recompute(before, claim, damaged(document, path))
        assert caught.value.path == dotted(path)
        assert str(caught.value).endswith(f"({dotted(path)})")


def test_what_the_issuer_states_freely_is_not_computed_but_its_digest_is_registered(issued):
    works, claim, document, before = issued
    for path in FREE - {("condition",), ("period", "to")}:
        copy = damaged(document, path)
        recompute(before, claim, copy)
        with pytest.raises(CertificateError, match="is not registered in this ledger"):
            check_registered(works.memory, copy, digest(copy))


def test_a_claim_that_does_not_follow_is_shown_with_both_figures(issued):
    _, claim, document, before = issued
    rows = document["credentialSubject"]["claims"]
    number = next(n for n, row in enumerate(rows) if row["characteristic"] == "post_consumer")
    copy = deepcopy(document)
    copy["credentialSubject"]["claims"][number]["percent"] = "66.67"
    with pytest.raises(CertificateError) as caught:
        recompute(before, claim, copy)
    assert str(caught.value) == (
        "certificate voltaic-RC-0001 claims 66.67 % of Pb post_consumer (995306667 mg of 1492960000 mg),"
        " recomputed 66.66 % of Pb post_consumer (995306667 mg of 1492960000 mg)"
        f" (credentialSubject.claims.{number}.percent)"
    )
    copy["credentialSubject"]["claims"][number] |= {"percent": "66.66", "booked_mg": 995306667}
    with pytest.raises(CertificateError, match=re.escape("(995306667 mg of 1492960000 mg, booked 995306667 mg), recomputed 66.66 %")):
        recompute(before, claim, copy)


def test_rows_left_out_or_added_are_refused(issued):
    _, claim, document, before = issued
    short, long = deepcopy(document), deepcopy(document)
    short["credentialSubject"]["balance"].pop()
    long["credentialSubject"]["absorbs"].append("keystone-RC-0009")
    with pytest.raises(
        CertificateError, match=r"voltaic-RC-0001 claims nothing, recomputed \{'record': .*… \(credentialSubject\.balance\.1\)$"
    ):
        recompute(before, claim, short)
    with pytest.raises(CertificateError, match=re.escape("claims 'keystone-RC-0009', recomputed nothing (credentialSubject.absorbs.1)")):
        recompute(before, claim, long)


def test_fields_left_out_added_or_of_another_type_are_refused(issued):
    _, claim, document, before = issued
    for field, value, message in (
        ("pieces", False, "claims False, recomputed None (credentialSubject.pieces)"),
        ("mass_mg", 1505000000.0, "claims 1505000000.0, recomputed 1505000000 (credentialSubject.mass_mg)"),
        ("grade", "A", "claims 'A', recomputed nothing (credentialSubject.grade)"),
    ):
        copy = deepcopy(document)
        copy["credentialSubject"][field] = value
        with pytest.raises(CertificateError, match=re.escape(message)):
            recompute(before, claim, copy)
    copy = deepcopy(document)
    copy["name"] = "A better certificate"
    with pytest.raises(CertificateError, match=re.escape("recomputed 'Recycled content certificate voltaic-RC-0001' (name)")):
        recompute(before, claim, copy)


def test_a_rule_that_this_program_does_not_carry_is_named(issued):
    _, claim, document, before = issued
    copy = deepcopy(document)
    copy["credentialSubject"]["verdicts"][1]["rule"] = "iso.1"
    with pytest.raises(CertificateError) as caught:
        recompute(before, claim, copy)
    assert str(caught.value) == (
        "certificate voltaic-RC-0001 is judged by 'iso.1', no rule of this program (credentialSubject.verdicts.1.rule)"
    )


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda whole: whole.pop("credentialSubject"), "field credentialSubject: is not an object"),
        (lambda whole: whole.update(issuer="voltaic"), "field issuer: is not an object"),
        (lambda whole: whole.pop("validFrom"), "field validFrom: is not text"),
        (lambda whole: whole["basis"].update(size="11"), "field basis.size: credential: Input should be a valid integer"),
        (lambda whole: whole["issuer"].update(name=7), "field issuer.name: is not text"),
        (lambda whole: whole["credentialSubject"].update(period="2026"), "field credentialSubject.period: is not an object"),
        (
            lambda whole: whole["credentialSubject"].update(condition="moist"),
            "field credentialSubject.condition: credential: Input should be",
        ),
        (
            lambda whole: whole["credentialSubject"].update(order=7),
            "field credentialSubject.order: credential: Input should be a valid string",
        ),
    ],
)
def test_what_is_no_credential_is_refused_as_such(issued, damage, message):
    _, claim, document, before = issued
    copy = deepcopy(document)
    damage(copy)
    with pytest.raises(FormatError, match=re.escape(message)):
        recompute(before, claim, copy)


def test_verdicts_that_are_no_list_are_refused(issued):
    _, claim, document, before = issued
    copy = deepcopy(document)
    copy["credentialSubject"]["verdicts"] = {}
    with pytest.raises(CertificateError, match=re.escape("claims {}, recomputed [")):
        recompute(before, claim, copy)
    copy["credentialSubject"]["verdicts"] = ["iso14021.rc_pb"]
    with pytest.raises(CertificateError, match=re.escape("(credentialSubject.verdicts.0)")):
        recompute(before, claim, copy)


def test_books_without_the_batch_cannot_compute_it(issued):
    works, claim, document, _ = issued
    with pytest.raises(
        CertificateError, match=re.escape("certificate voltaic-RC-0001 cannot be computed again: no batch voltaic:AL in this")
    ):
        recompute(Works().memory, claim, document)
    del works


def test_a_split_off_part_is_computed_again_from_the_events_before_it_in_its_record():
    works = Works()
    split, name = split_raw(works.memory, "keystone:BL", Quantity(**kg("600")), "keystone-RC-0001", time=TIME)
    claim, document = works.certify(name, split=split)
    recompute(works.before(claim), claim, document)
    check_registered(works.memory, document, digest(document))
