"""Rules at the terminal: the list, one in full, and a customer's own from a folder, from certificate to offline verification."""

from __future__ import annotations

import json
import os
from importlib.resources import files

import pytest

from terminal import command, house, lead


def of_acme(**changes):
    """A customer's own rule: 90 % of the lead recycled."""
    data = json.loads(files("ledger").joinpath("data/rules/iso14021.rc_pb.json").read_bytes())
    mine = {"id": "acme.lead", "title": "Acme lead specification", "citation": "Acme SPEC-7", "operator": ">=", "threshold": "90"}
    return json.dumps(data | mine | changes)


@pytest.fixture
def pack(tmp_path):
    folder = tmp_path / "pack"
    folder.mkdir()
    (folder / "acme.lead.json").write_text(of_acme())
    (folder / "README.txt").write_text("no rule")
    return folder


def test_a_rule_is_shown_in_words():
    said = command("rules", "show", "far.baa.domestic_end_product")
    lines = [" ".join(line.split()) for line in said.out.splitlines()]
    assert said.code == 0
    assert lines[0] == "far.baa.domestic_end_product v1 Buy American: domestic end product"
    assert "in force in force, from 2022-10-25 on" in lines
    assert "asks > 65 %, from 2024-01-01 to 2028-12-31" in lines
    assert "components counted by where they are made" in lines
    assert "condition assembled_in is one of the countries" in lines
    assert command("rules", "show", "far.baa.domestic_end_product", "--json").json["id"] == "far.baa.domestic_end_product"


@pytest.mark.parametrize("entry", command("rules", "--json").json["rules"], ids=lambda entry: entry["id"])
def test_every_rule_can_be_shown(entry):
    said = command("rules", "show", entry["id"])
    assert (said.code, said.err) == (0, "")
    assert f"sha256        {entry['sha256']}" in said.out


def test_an_unknown_rule_is_refused():
    said = command("rules", "show", "no.such_rule")
    hint = "list them with `plumbline rules`; a pack of your own: --rule-pack DIR"
    assert (said.code, said.err) == (1, f"error: no rule no.such_rule in the book of rules\nhint: {hint}\n")


def test_a_file_of_ones_own_is_checked_and_its_hash_printed(pack):
    file = pack / "acme.lead.json"
    said = command("rules", "check", file)
    assert said.code == 0, said
    assert said.out.splitlines()[0] == f"{file}: rule acme.lead v1, Acme lead specification"
    assert said.err == f"hint: judge by them: plumbline certify … --rule-pack {pack} --rule acme.lead\n"
    digest = said.out.split()[-1]
    assert command("rules", "--rule-pack", pack, "show", "acme.lead", "--json").json["sha256"] == digest
    assert command("rules", "--json", PLUMBLINE_RULES=str(pack)).json["rules"][0]["sha256"] == digest


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("{", 2, "acme.lead.json: not JSON at column 2"),
        (of_acme(threshold=None), 2, "acme.lead.json: operator >= and threshold None do not fit"),
        (of_acme(id="acme.other"), 2, "acme.lead.json, field id: holds the rule acme.other"),
        (
            of_acme(numerator=[]),
            2,
            "acme.lead.json: measure mass_share looks at a numerator and at nothing of another measure",
        ),
        (of_acme(limits=[{"fact": "energy_wh", "least": "1"}]), 2, "acme.lead.json: measure mass_share looks at a numerator"),
        (
            of_acme(operator="all_present", threshold=None),
            2,
            "acme.lead.json: operator all_present does not go with measure mass_share: want == > >= all_in report",
        ),
        (of_acme(countries=["US"], excluded=["CN"]), 2, "acme.lead.json: countries and excluded do not go together"),
    ],
)
def test_a_file_that_is_no_rule_is_refused(pack, text, code, message):
    (pack / "acme.lead.json").write_text(text)
    for said in (command("rules", "check", pack / "acme.lead.json"), command("rules", "--rule-pack", pack)):
        assert said.code == code
        assert said.err.startswith(f"error: {message}") or said.err.startswith(f"error: {pack / message.split(',')[0]}"), said.err


def test_a_rule_in_a_known_ones_place_and_a_folder_that_is_none_are_refused(pack, tmp_path):
    (pack / "iso14021.rc_pb.json").write_text(of_acme(id="iso14021.rc_pb"))
    said = command("rules", "--rule-pack", pack)
    assert (said.code, said.err.splitlines()[0]) == (1, "error: rule iso14021.rc_pb exists already")
    said = command("rules", "--rule-pack", tmp_path / "none")
    assert (said.code, said.err) == (2, f"error: {tmp_path / 'none'}: cannot be read as a folder of rules: {os.strerror(2)}\n")


def test_a_customers_rule_goes_with_the_certificate_and_is_judged_again_offline(pack, tmp_path):
    made = house(tmp_path)
    made.log("yard/1", lead("yard:L1"))
    pdf, trust, key = tmp_path / "c.pdf", tmp_path / "trust", made.keys["yard/1"]
    made.done("trust", "-o", trust)
    rules = ("--rule-pack", pack, "--rule", "acme.lead", "--rule", "iso14021.rc_pb")
    made.done("certify", "recycled-content", "yard:L1", "--to", "Acme", "-o", pdf, "-k", key, *rules)
    (pack / "acme.lead.json").unlink()
    said = command("verify", pdf, "--trust", trust)
    assert said.code == 0, said
    assert said.err == "caution: rule acme.lead v1 is none of this program's; it came with the certificate: Acme SPEC-7\n"
    whole = made.done("verify", pdf)
    assert whole.err == said.err
    made.done("certificate", "yard-RC-0001", "-o", tmp_path / "again.pdf")
    assert command("verify", tmp_path / "again.pdf", "--trust", trust).code == 0
    made.done("attest", "-k", key, "--trust", trust, "-o", tmp_path / "statement")
    assert made.done("attest", "-k", key, "--trust", trust, "-o", tmp_path / "s", "--json").json["certificates"]


def test_a_credential_alone_needs_the_customers_rule_beside_it(pack, tmp_path):
    from reports.attachment import read_attached

    made = house(tmp_path)
    made.log("yard/1", lead("yard:L1"))
    pdf, credential, key = tmp_path / "c.pdf", tmp_path / "c.json", made.keys["yard/1"]
    made.done("certify", "recycled-content", "yard:L1", "--to", "Acme", "-o", pdf, "-k", key, "--rule-pack", pack, "--rule", "acme.lead")
    credential.write_bytes(read_attached(pdf.read_bytes())[0])
    said = made.run("verify", credential)
    assert "problem: certificate yard-RC-0001 is judged by 'acme.lead', no rule of this program" in said.err
    assert made.run("verify", credential, "--rule-pack", pack).code == 0
    (pack / "acme.lead.json").write_text(of_acme(threshold="10"))
    said = made.run("verify", credential, "--rule-pack", pack)
    assert said.code == 1
    assert "verdicts.0.rule_sha256" in said.err
