"""Certificates from the command line: issued, listed, rendered again, taken back; rules, and what is refused."""

from __future__ import annotations

import pytest

from reports.attachment import read_pdf
from terminal import TIME, command, house, lead, truck


@pytest.fixture
def terminal(tmp_path):
    made = house(tmp_path)
    made.log("yard/1", lead("yard:L1"))
    return made


def certify(terminal, name="c.pdf", *more, kind="recycled-content", batch="yard:L1"):
    file = terminal.folder / name
    return terminal.run("certify", kind, batch, "--to", "Acme & Söhne", "-o", file, "-k", terminal.keys["yard/1"], *more)


def test_issuing_tells_what_was_claimed(terminal):
    said = certify(terminal)
    assert (said.code, said.err) == (
        0,
        "hint: whoever gets it verifies it, without the ledger, with: plumbline verify FILE --trust FILE\n",
    )
    lines = said.out.splitlines()
    assert lines[0].startswith("issued yard-RC-0001 over batch yard:L1, registered as record ")
    assert "  Pb  recycled_content     100.00 %   19994000000 mg of 19994000000 mg" in lines
    assert lines[-1] == f"wrote {terminal.folder / 'c.pdf'}"
    row = terminal.done("certificates", "--json").json["certificates"][0]
    assert (row["number"], row["kind"], row["batch"], row["mass_mg"], row["status"]) == (
        "yard-RC-0001", "recycled-content", "yard:L1", 20_000_000_000, "valid",
    )  # fmt: skip
    assert "yard-RC-0001" in terminal.done("certificates").out


def test_the_same_mass_is_certified_once_for_a_kind(terminal):
    assert certify(terminal).code == 0
    before = terminal.done("audit", "--json").json["size"]
    said = certify(terminal, "again.pdf", "--json")
    assert (said.code, said.err, said.error["code"]) == (1, "", "claim")
    assert terminal.done("audit", "--json").json["size"] == before
    assert not (terminal.folder / "again.pdf").exists()
    assert certify(terminal, "origin.pdf", kind="domestic-origin").code == 0


def test_a_part_of_a_batch_is_certified_and_then_the_rest(terminal):
    said = certify(terminal, "part.pdf", "--mass", "8000 kg", "--json")
    assert said.code == 0, said
    subject = said.json["credentialSubject"]
    assert subject["mass_mg"] == 8_000_000_000
    assert terminal.show(subject["batch"])["mass_mg"] == 8_000_000_000
    assert terminal.done("verify", terminal.folder / "part.pdf", "--json").json["holds"] is True
    assert certify(terminal, "more.pdf", "--mass", "90 t").code == 1


def test_order_period_condition_rules_and_number_are_printed(terminal):
    more = (
        "--order",
        "PO-7",
        "--period",
        "2026-01-01/2026-03-31",
        "--condition",
        "dry",
        "--rule",
        "iso14021.rc_pb",
        "--number",
        "yard-RC-0042",
    )
    said = certify(terminal, "c.pdf", *more, "--valid-days", "30", "--json")
    assert said.code == 0, said
    subject = said.json["credentialSubject"]
    assert (subject["number"], subject["order"], subject["condition"]) == ("yard-RC-0042", "PO-7", "dry")
    assert subject["period"] == {"from": "2026-01-01", "to": "2026-03-31"}
    assert [row["rule"] for row in subject["verdicts"]] == ["iso14021.rc_pb"]
    assert read_pdf((terminal.folder / "c.pdf").read_bytes()) == said.out.encode().removesuffix(b"\n")


@pytest.mark.parametrize(
    ("more", "code"),
    [
        (("--period", "2026-03-31/2026-01-01"), 2),
        (("--mass", "8000"), 2),
        (("--valid-days", "0"), 2),
        (("--rule", "no.such_rule"), 1),
    ],
)
def test_a_wish_that_cannot_be_read_is_refused_and_nothing_written(terminal, more, code):
    before = terminal.done("audit", "--json").json["size"]
    said = certify(terminal, "c.pdf", *more)
    assert said.code == code, said
    assert "fault" not in said.err
    assert terminal.done("audit", "--json").json["size"] == before
    assert not (terminal.folder / "c.pdf").exists()


def test_only_the_holder_certifies_and_only_what_is_there(terminal):
    said = terminal.run(
        "certify", "recycled-content", "yard:L1", "--to", "A", "-o", terminal.folder / "c.pdf", "-k", terminal.keys["works/1"]
    )
    assert said.code == 1
    said = certify(terminal, batch="yard:NONE")
    assert (said.code, said.err.splitlines()[0]) == (1, "error: no batch yard:NONE in this ledger")
    terminal.log("yard/1", truck("yard:T1"))
    assert certify(terminal, batch="yard:T1").code == 1
    assert terminal.done("certificates", "--json").json == {"certificates": []}
    assert terminal.done("certificates").err == "no certificates yet\n"


def test_a_customers_name_that_cannot_be_printed_is_refused_not_dropped(terminal):
    file = terminal.folder / "c.pdf"
    said = terminal.run("certify", "recycled-content", "yard:L1", "--to", "電池", "-o", file, "-k", terminal.keys["yard/1"])
    assert said.code != 0
    assert "fault" not in said.err
    assert not file.exists()
    assert terminal.done("certificates", "--json").json == {"certificates": []}


def test_a_certificate_is_rendered_again_byte_for_byte(terminal):
    assert certify(terminal).code == 0
    again = terminal.folder / "again.pdf"
    said = terminal.done("certificate", "yard-RC-0001", "-o", again)
    assert said.out == f"wrote {again}\n"
    assert again.read_bytes() == (terminal.folder / "c.pdf").read_bytes()
    said = terminal.run("certificate", "yard-RC-0099", "-o", terminal.folder / "x.pdf")
    assert (said.code, said.err) == (1, "error: no certificate yard-RC-0099 in this ledger\n")


def test_a_certificate_is_taken_back_and_its_mass_certified_anew(terminal):
    assert certify(terminal).code == 0
    key = ("-k", terminal.keys["yard/1"])
    assert terminal.run("withdraw", "yard-RC-0001", "-k", terminal.keys["works/1"]).code == 1
    terminal.done("withdraw", "yard-RC-0001", "--reason", "wrong customer", *key)
    assert terminal.run("withdraw", "yard-RC-0001", *key).code == 1
    said = terminal.run("verify", terminal.folder / "c.pdf")
    assert "withdrawn" in said.out + said.err
    assert certify(terminal, "new.pdf").code == 0
    status = {row["number"]: row["status"] for row in terminal.done("certificates", "--json").json["certificates"]}
    assert status == {"yard-RC-0001": "withdrawn", "yard-RC-0002": "valid"}
    said = terminal.run("withdraw", "yard-RC-0099", *key)
    assert (said.code, said.err) == (1, "error: no certificate yard-RC-0099 in this ledger\n")


def test_the_rules_are_listed_and_shown():
    found = command("rules", "--json").json["rules"]
    assert {rule["id"] for rule in found} >= {
        "iso14021.rc_pb", "ftc.260_13.qualified", "eu.2023_1542.art8_2_pb", "usmca.wo.pb", "ftc.musa_323", "ntib.origin", "cn.mofcom46.sb",
    }  # fmt: skip
    assert all(len(rule["sha256"]) == 64 for rule in found)
    assert command("rules").out.splitlines()[0].split() == ["rule", "version", "status", "measure", "citation", "confidence"]


def test_a_file_that_is_no_evidence_is_refused(terminal):
    file = terminal.folder / "letter.txt"
    file.write_text("To whom it may concern\n")
    said = terminal.run("verify", file)
    problem = f"{file}: is no certificate, record, receipt, evidence or checkpoint that this program knows"
    assert (said.code, said.err) == (2, f"error: {problem}\nhint: a certificate is a PDF or its JSON\n")
    said = terminal.run("verify", terminal.folder / "none.pdf")
    assert (said.code, said.err) == (2, f"error: {terminal.folder / 'none.pdf'}: cannot be read: No such file or directory\n")
    (terminal.folder / "cut.pdf").write_bytes(b"%PDF-1.7\nnothing more")
    assert terminal.run("verify", terminal.folder / "cut.pdf").code == 2


def test_another_ledgers_trust_file_does_not_pin(terminal, tmp_path_factory):
    assert certify(terminal).code == 0
    other = house(tmp_path_factory.mktemp("other"))
    other.done("trust", "-o", other.folder / "trust")
    said = terminal.run("verify", terminal.folder / "c.pdf", "--trust", other.folder / "trust")
    assert said.code == 1
    assert "Traceback" not in said.out + said.err


def test_a_product_is_certified_over_all_its_lots_of_a_period(terminal, tmp_path):
    key = ("-k", terminal.keys["yard/1"])
    product = {"model": "Group 31", "category": "sli", "parts": [{"part": "grid", "mass": {"value": "40", "unit": "kg"}}]}
    for number in (1, 2):
        terminal.log("yard/1", {**lead(f"yard:LOT{number}"), "product": product})
    pdf, trust = tmp_path / "year.pdf", tmp_path / "trust"
    asked = ("--product", "Group 31", "--site", "yard:works", "--period", "2026-01-01/2026-12-31")
    said = terminal.done("certify", "recycled-content", *asked, "--to", "Regulator", "-o", pdf, *key)
    assert said.out.splitlines()[0].startswith("issued yard-RP-0001 over 2 lots of Group 31, registered as record ")
    terminal.done("trust", "-o", trust)
    found = command("verify", pdf, "--trust", trust)
    assert found.code == 0, found
    assert found.out.splitlines()[2].startswith("  2 lots of Group 31, ")
    terminal.log("yard/1", {**lead("yard:LOT3"), "product": product})
    later = terminal.run("verify", pdf)
    assert "caution: certificate yard-RP-0001 leaves out 1 lot of Group 31 made at yard:works from 2026-01-01 to 2026-12-31" in later.err
    assert terminal.done("certificates", "--json").json["certificates"][0]["batch"] == "2 lots of Group 31"


def test_whoever_ends_a_certificate_by_using_its_metal_is_told(terminal):
    assert certify(terminal).code == 0
    made = {**lead("yard:R1"), "assay": {"Pb": {"value": "99.9", "unit": "%"}}}
    output = {name: made[name] for name in ("batch", "material", "mass", "assay")}
    used = {
        "type": "transform",
        "time": TIME,
        "site": "yard:works",
        "kind": "refine",
        "inputs": [{"batch": "yard:L1"}],
        "outputs": [output],
    }
    said = terminal.try_log("yard/1", used)
    told = "certificate yard-RC-0001 counts as withdrawn from now on: it spoke of metal that its issuer used, took back or changed here\n"
    assert (said.code, said.err) == (0, told)
    assert terminal.done("certificates", "--json").json["certificates"][0]["status"] == "absorbed"
    assert certify(terminal, "new.pdf", batch="yard:R1").code == 0
    again = terminal.log("yard/1", {**used, "inputs": [{"batch": "yard:R1"}], "outputs": [{**output, "batch": "yard:R2"}]})
    assert again.json["ended_certificates"] == ["yard-RC-0002"]


def test_a_shipment_is_certified_before_it_leaves(terminal, tmp_path):
    terminal.log("yard/1", lead("yard:L2"))
    pdf, trust = tmp_path / "shipment.pdf", tmp_path / "trust"
    asked = ("certify", "recycled-content", "yard:L2", "yard:L1", "--to", "Hartmann", "-o", pdf, "-k", terminal.keys["yard/1"])
    said = terminal.done(*asked)
    assert said.out.splitlines()[0].startswith("issued yard-RC-0001 over 2 batches, registered as record ")
    terminal.done("trust", "-o", trust)
    found = command("verify", pdf, "--trust", trust)
    assert found.code == 0, found
    assert found.out.splitlines()[2].startswith("  2 batches, 40000000000 mg, ")
    assert terminal.done("certificates", "--json").json["certificates"][0]["batch"] == "yard:L1 and 1 more"
    again = terminal.run(*asked[:3], *asked[4:7], tmp_path / "again.pdf", *asked[8:])
    assert again.err.splitlines()[0] == "error: batch yard:L2 is certified already by yard-RC-0001 (recycled-content)"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "certify what? give a BATCH or several, or --product MODEL with --site SITE and --period FROM/TO"),
        (("yard:L1", "--product", "x"), "certify what? give a BATCH or several, or --product MODEL with --site SITE and --period FROM/TO"),
        (
            ("--product", "x", "--site", "yard:works"),
            "certify what? give a BATCH or several, or --product MODEL with --site SITE and --period FROM/TO",
        ),
        (("--product", "x", "--site", "yard:works", "--period", "2026-01-01/2026-12-31", "--mass", "1 lb"), "--mass goes with one BATCH"),
        (("yard:L1", "yard:L2", "--mass", "1 lb"), "--mass goes with one BATCH"),
        (tuple(f"yard:B{number}" for number in range(401)), "401 batches are more than one certificate takes, which is 400"),
        (
            ("--product", "x", "--site", "yard:works", "--period", "2026-01-01/2026-12-31"),
            "no lot of model x was made at yard:works from 2026-01-01 to 2026-12-31",
        ),
    ],
)
def test_a_certificate_over_nothing_is_refused(terminal, tmp_path, arguments, message):
    said = terminal.run("certify", "recycled-content", *arguments, "--to", "x", "-o", tmp_path / "c.pdf", "-k", terminal.keys["yard/1"])
    assert said.code in (1, 2)
    assert said.err.splitlines()[0] == f"error: {message}"
