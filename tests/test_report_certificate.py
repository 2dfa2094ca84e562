"""A certificate as a PDF: what stands on it, what it carries, and what it refuses to print."""

from __future__ import annotations

import re
import subprocess
from copy import deepcopy
from io import BytesIO

import pikepdf
import pytest

from ledger.errors import FormatError
from ledger.tlog import canonical
from reports.attachment import read_pdf
from reports.certificate import content_of, digest_of, render_pdf
from reports.certificate_page import shares
from reports.lineage import Edge, Node
from reports.sankey import page_diagram
from reports.statement import leaves, rows, written
from sample_credential import CUSTOMER, credential, with_portions

NODES = [
    Node("a", "keystone:RB-1", "spent_battery", "keystone:reading", "end_of_life"),
    Node("b", "voltaic:BAT-26-0331", "battery", "voltaic:dayton"),
]

EVERY_KIND: list[object] = [True, False, None, 5, "", [], {}]


def rendered(made, diagram=None) -> bytes:
    return render_pdf(made, credential_json=canonical.encode(made), diagram=diagram)


def text_of(pdf: bytes, tmp_path, *options: str) -> str:
    path = tmp_path / "certificate.pdf"
    path.write_bytes(pdf)
    done = subprocess.run(["pdftotext", *options, "-enc", "UTF-8", str(path), "-"], capture_output=True, text=True, check=True)
    return " ".join(done.stdout.split())


def with_strings(text: str):
    """A credential with this text wherever a person's or a plant's words may stand."""
    made = credential(customer=text, order=text, condition=text, denominator=text, not_checked=[text])
    made["issuer"]["name"] = text
    made["credentialSubject"]["plant"]["name"] = text
    made["credentialSubject"]["verdicts"][0]["reasons"] = [text]
    return made


@pytest.mark.parametrize("kind", ["recycled-content", "domestic-origin"])
def test_the_credential_is_attached_byte_for_byte_and_the_pdf_is_reproducible(kind):
    made = credential(kind)
    diagram = page_diagram(NODES, [Edge("a", "b", 5)], title="Where the lead came from")
    assert read_pdf(rendered(made, diagram)) == canonical.encode(made)
    assert rendered(made, diagram) == rendered(deepcopy(made), diagram)


def test_the_content_takes_the_figures_as_they_are():
    content = content_of(credential())
    lead, antimony = content.figures
    assert (lead.headline.percent, lead.sentence) == ("92.29", "of the lead is post-consumer recycled")
    assert antimony.headline.percent == "71.12"
    assert content.digest == digest_of(credential())
    assert content.model == "controlled_blending"


def test_the_digest_leaves_the_proof_out():
    signed, unsigned = credential(), credential()
    del unsigned["proof"]
    assert digest_of(signed) == digest_of(unsigned)


def test_a_domestic_origin_certificate_speaks_of_places():
    lead = content_of(credential("domestic-origin")).figures[0]
    assert lead.sentence == "of the lead was smelted in the United States and nowhere else"
    assert [claim.characteristic for claim in lead.beside] == ["collected_in:US"]


def test_unknown_stands_in_the_key_even_when_it_is_nothing():
    made = credential()
    claims = [claim for claim in made["credentialSubject"]["claims"] if claim["constituent"] == "Sb"]
    for claim in claims:
        if claim["characteristic"] == "unknown":
            claim.update(mass_mg=0, percent="0.00")
    words = [one.text for one in shares(content_of(made).figures[1]).words]
    assert "unknown 0.00 %" in words


def test_a_constituent_of_which_there_is_nothing_can_be_printed():
    made = credential()
    for claim in made["credentialSubject"]["claims"]:
        if claim["constituent"] == "Sb":
            claim.update(mass_mg=0, of_mg=0, percent="0.00")
    assert rendered(made).startswith(b"%PDF-")


def test_every_leaf_of_the_statement_is_in_the_annex():
    made = credential()
    printed = [text for row in rows(made) for _, text in row.pairs]
    assert printed == [written(value) for _, value in leaves(made)]


def test_values_are_written_as_json_writes_them():
    assert [written(value) for value in EVERY_KIND] == ["true", "false", "null", "5", '""', "[]", "{}"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"customer": "北京 Batteries"}, "character U+5317 '北' in customer is not in the certificate's font"),
        ({"customer": "a\u202eb"}, "character U+202E '\\u202e' in customer is not in the certificate's font"),
        ({"order": "PO\u200b1"}, "character U+200B '\\u200b' in order is not in the certificate's font"),
        ({"not_checked": ["ok", "電"]}, "character U+96FB '電' in not_checked[1] is not in the certificate's font"),
        ({"kind": "other"}, "field credentialSubject.kind: a certificate is of kind recycled-content or domestic-origin, got 'other'"),
        ({"mass_mg": None}, "field credentialSubject.mass_mg: want an integer, got nothing"),
        ({"mass_mg": True}, "field credentialSubject.mass_mg: want an integer, got bool"),
        ({"claims": []}, "field credentialSubject.claims: a certificate claims something of at least one constituent"),
        ({"claims": ["x"]}, "field credentialSubject.claims[0]: want an object, got str"),
        ({"absorbs": [1]}, "field credentialSubject.absorbs[0]: want a text, got int"),
        ({"plant": "Dayton"}, "field credentialSubject.plant: want an object, got str"),
        ({"verdicts": {}}, "field credentialSubject.verdicts: want a list, got dict"),
    ],
)
def test_what_cannot_be_printed_is_refused_by_name(change, message):
    with pytest.raises(FormatError) as refused:
        rendered(credential(**change))
    assert str(refused.value) == message


def test_an_issuer_name_outside_the_font_is_refused():
    made = credential()
    made["issuer"]["name"] = "Voltaic ★\U0001f50b"
    with pytest.raises(FormatError, match=re.escape("in issuer.name is not in the certificate's font")):
        rendered(made)


def test_a_percentage_that_does_not_follow_from_its_fraction_is_refused():
    made = credential()
    made["credentialSubject"]["claims"][0]["percent"] = "92.30"
    with pytest.raises(FormatError, match=re.escape("mg is 92.29 %, the credential says 92.30 %")):
        rendered(made)


def test_a_pdf_without_a_credential_is_refused():
    pdf = rendered(credential())
    buffer = BytesIO()
    with pikepdf.open(BytesIO(pdf)) as document:
        del document.attachments["certificate.json"]
        document.save(buffer)
    with pytest.raises(FormatError, match=re.escape("the PDF carries no certificate.json")):
        read_pdf(buffer.getvalue())


def test_optional_fields_may_be_absent():
    made = credential()
    for name in (
        "pieces",
        "order",
        "period",
        "condition",
        "absorbs",
        "not_assayed",
        "evidence_share",
        "balance",
        "verdicts",
        "not_checked",
    ):
        made["credentialSubject"].pop(name)
    made["credentialSubject"].update(lot_assay={}, portions={})
    assert read_pdf(rendered(made)) == canonical.encode(made)


def test_a_thousand_portions_can_be_printed():
    made = with_portions(1000)
    with pikepdf.open(BytesIO(rendered(made))) as document:
        assert 10 < len(document.pages) < 40


def test_many_limits_residuals_and_reasons_can_be_printed():
    made = credential(not_checked=[f"Limit {number}." for number in range(9)])
    made["credentialSubject"]["balance"] *= 50
    made["credentialSubject"]["verdicts"][0]["reasons"] = ["a reason of some length, in words"] * 200
    made["credentialSubject"]["lot_assay"]["Sb"] = {"below": "5", "unit": "ppm"}
    assert rendered(made).startswith(b"%PDF-")


@pytest.mark.tools
@pytest.mark.parametrize("options", [(), ("-layout",), ("-raw",)])
@pytest.mark.parametrize(
    "made",
    [
        credential(),
        credential("domestic-origin"),
        with_portions(300),
        with_strings("R & D <b>Monterrey</b> </para> <img src='x'/> &lt; Łódź Ελλάς"),
        with_strings("ends in a hyphen-"),
        with_strings("word " * 60 + "end"),
        with_strings("x" * 400),
        credential(batch=f"voltaic:{'B' * 64}", number=f"voltaic-{'9' * 60}"),
    ],
    ids=["recycled", "origin", "portions", "markup", "hyphen", "long text", "long word", "long ids"],
)
def test_text_taken_from_the_pdf_holds_every_value_of_the_statement(made, options, tmp_path):
    text = text_of(rendered(made, page_diagram(NODES, [Edge("a", "b", 5)], title="t")), tmp_path, *options)
    unbroken = text.replace(" ", "")
    for _, value in leaves(made):
        wanted = " ".join(written(value).split())
        assert wanted in text or (" " not in wanted and len(wanted) > 180 and wanted in unbroken)


@pytest.mark.tools
def test_the_first_page_says_lot_quantity_percentage_and_model(tmp_path):
    first = text_of(rendered(credential()), tmp_path, "-l", "1")
    for words in (
        "voltaic:BAT-26-0331",
        "54,000 lb",
        "24,493.98798 kg",
        "92.29 %",
        "Controlled blending",
        CUSTOMER,
        "not a UL or SCS certification",
    ):
        assert words in first
    assert "Page 1 of 5" in first


@pytest.mark.tools
def test_only_embedded_fonts_are_listed(tmp_path):
    path = tmp_path / "certificate.pdf"
    path.write_bytes(rendered(credential()))
    listed = subprocess.run(["pdffonts", str(path)], capture_output=True, text=True, check=True).stdout.splitlines()[2:]
    assert all(line.split()[-5:-2] == ["yes", "yes", "yes"] for line in listed)
    assert not any("Helvetica" in line for line in listed)
