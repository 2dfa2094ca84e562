"""A USMCA certification of origin: nine elements, none blank, no criterion that the books deny, in three languages."""

from __future__ import annotations

import json
import subprocess

import pytest

from ledger.certificates.usmca import read_usmca
from ledger.errors import EncodingError, FormatError
from schemas.usmca import ELEMENTS
from terminal import command, house, lead

CONTACT = {
    "name": "Voltaic Battery Works",
    "address": "1 Plant Road, Dayton OH",
    "country": "US",
    "phone": "+1 937 555 0100",
    "email": "trade@voltaic.example",
}


def stated(**changes):
    found = {
        "certifier_capacity": "producer",
        "certifier": {**CONTACT, "title": "Trade compliance lead"},
        "exporter": "same as certifier",
        "producer": "same as certifier",
        "importer": {**CONTACT, "name": "Baterías del Norte", "country": "MX"},
        "goods": {"description": "Unwrought antimonial lead", "hs": "7801.91"},
        "origin_criterion": "B",
        "blanket_period": {"from": "2026-03-01", "to": "2027-02-28"},
        "authorized_signature": {"name": "J. Doe", "title": "Vice president"},
    }
    return {name: value for name, value in (found | changes).items() if value != "left out"}


def written(**changes) -> bytes:
    return json.dumps(stated(**changes)).encode()


def test_a_certification_with_all_nine_elements_is_read():
    found = read_usmca(written(), file="f")
    assert (found.language, found.certifier.title) == ("en", "Trade compliance lead")
    assert set(ELEMENTS) <= set(type(found).model_fields)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        *(({name: "left out"}, f"f: element {number} ({name}) is blank") for number, name in enumerate(ELEMENTS, 1)),
        *(({name: ""}, f"f: element {number} ({name}") for number, name in enumerate(ELEMENTS, 1)),
        ({"certifier": CONTACT}, "f: element 2 (certifier)"),
        ({"goods": {"description": "lead"}}, "f: element 6 (goods, hs) is blank"),
        ({"goods": {"description": "", "hs": "7801.91"}}, "f: element 6 (goods, description)"),
        ({"goods": {"description": "lead", "hs": "78.01"}}, "f: element 6 (goods, hs) String should match pattern"),
        ({"origin_criterion": "E"}, "f: element 7 (origin_criterion) Input should be 'A', 'B', 'C' or 'D'"),
        ({"blanket_period": None}, "f: there is neither a blanket period nor the invoice of a single shipment"),
        (
            {"blanket_period": {"from": "2026-03-01", "to": "2027-03-01"}},
            "f: element 8 (blanket_period) from 2026-03-01 to 2027-03-01 is no period of at most twelve months",
        ),
        ({"authorized_signature": {"name": "J. Doe"}}, "f: element 9 (authorized_signature, title) is blank"),
    ],
)
def test_a_blank_or_wrong_element_is_refused_by_its_number(changes, message):
    with pytest.raises(FormatError) as refusal:
        read_usmca(written(**changes), file="f")
    if "certifier" in changes and changes["certifier"] == CONTACT:
        message = "f: the certifier has no title"
    assert str(refusal.value).startswith(message)
    assert refusal.value.hint == "USMCA Annex 5-A asks all nine elements; nothing was issued"


def test_a_file_that_is_no_json_is_refused():
    with pytest.raises(EncodingError):
        read_usmca(b"{", file="f")


@pytest.fixture
def yard(tmp_path):
    return house(tmp_path)


def certify(yard, pdf, *more, kind="domestic-origin", **changes):
    file = yard.folder / "usmca.json"
    file.write_bytes(written(**changes))
    return yard.run("certify", kind, "yard:L1", "--to", "Norte", "-o", pdf, "-k", yard.keys["yard/1"], "--usmca", file, *more)


def test_nothing_is_issued_with_a_blank_element_or_of_another_kind(yard, tmp_path):
    yard.log("yard/1", lead("yard:L1"))
    size = yard.run("audit", "--json").json["size"]
    said = certify(yard, tmp_path / "c.pdf", importer="left out")
    assert (said.code, said.err.splitlines()[0]) == (2, f"error: {yard.folder / 'usmca.json'}: element 5 (importer) is blank")
    assert certify(yard, tmp_path / "c.pdf", kind="recycled-content").err.splitlines()[0] == "error: --usmca goes with domestic-origin"
    assert (yard.run("audit", "--json").json["size"], (tmp_path / "c.pdf").exists()) == (size, False)


def test_criterion_a_is_not_certified_of_what_the_records_do_not_show_to_be_wholly_obtained(yard, tmp_path):
    yard.log("yard/1", lead("yard:L1"))
    said = certify(yard, tmp_path / "c.pdf", origin_criterion="A")
    assert said.code == 1
    problem = "criterion A says that the goods are wholly obtained; usmca.wo.pb is FAIL: 0 kg of 19,994 kg of Pb counts: 0.00 %"
    assert said.err == f"error: {problem}\nhint: claim another criterion\n"
    places = {"collected_in": "US", "smelted_in": "US", "refined_in": "MX"}
    yard.log("yard/1", lead("yard:L2", places=places))
    file = yard.folder / "usmca.json"
    given = ("--to", "Norte", "-o", tmp_path / "c.pdf", "-k", yard.keys["yard/1"], "--usmca", file)
    assert yard.run("certify", "domestic-origin", "yard:L2", *given).code == 0


def test_the_certification_is_recomputed_offline_with_its_document_check(yard, tmp_path):
    yard.log("yard/1", lead("yard:L1"))
    pdf, trust = tmp_path / "c.pdf", tmp_path / "trust"
    assert certify(yard, pdf, "--rule", "ntib.origin").code == 0
    yard.done("trust", "-o", trust)
    said = command("verify", pdf, "--trust", trust)
    assert said.code == 0, said
    from reports.attachment import read_attached

    subject = json.loads(read_attached(pdf.read_bytes())[0])["credentialSubject"]
    assert {row["rule"]: row["verdict"] for row in subject["verdicts"]} == {
        "ntib.origin": "FAIL",
        "usmca.wo.pb": "FAIL",
        "usmca.certification": "PASS",
    }
    assert subject["usmca"]["goods"] == {"description": "Unwrought antimonial lead", "hs": "7801.91"}


@pytest.mark.tools
@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ["USMCA certification of origin", "I certify that the goods described", "Blanket period", "2026-03-01 to 2027-02-28"]),
        ("es", ["Certificación de origen T-MEC", "Certifico que las mercancías", "Criterio de origen", "2026-03-01 a 2027-02-28"]),
        ("fr", ["Certification d'origine ACEUM", "J'atteste que les produits", "Critère d'origine", "2026-03-01 au 2027-02-28"]),
    ],
)
def test_the_page_says_all_nine_elements_in_the_language_asked_for(yard, tmp_path, language, words):
    yard.log("yard/1", lead("yard:L1"))
    pdf = tmp_path / "c.pdf"
    assert certify(yard, pdf, language=language).code == 0
    text = " ".join(subprocess.run(["pdftotext", "-layout", pdf, "-"], check=True, capture_output=True, text=True).stdout.split())
    for word in [*words, "Baterías del Norte", "HS 7801.91", "J. Doe, Vice president"]:
        assert word in text
