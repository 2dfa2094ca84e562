"""The reference campaign from the command line: three plants with their own keys, certificates, and everybody who checks them."""

from __future__ import annotations

import json
import types
from decimal import Decimal
from typing import Any

import pytest

from campaign import Plants, campaign
from terminal import Raw, Said, Terminal, command

TOLERANCE = Decimal("0.0001")
BATTERIES = "voltaic:batteries"


class Typed:
    """What `Plants` asks of its books, done with `plumbline`."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal

    def log(self, key: str, event: Raw) -> None:
        self.terminal.log(key, event)

    def batch(self, name: str) -> Any:
        return types.SimpleNamespace(gross_left=self.terminal.show(name)["mass_mg"])


class TypedPlants(Plants):
    """The campaign's plants at a terminal."""

    def __init__(self, terminal: Terminal) -> None:
        steps = campaign()
        self.steps = {step["event"]: step for step in steps["events"]}
        self.expected = steps["certificate_expected"]
        self.books: Any = Typed(terminal)


class Day:
    """The campaign entered, a certificate of each kind, and what was printed."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal
        terminal.init()
        for party in ("yard", "smelter", "voltaic"):
            terminal.admit(party)
        plants = TypedPlants(terminal)
        plants.run()
        self.expected = plants.expected
        self.pdf = terminal.folder / "cert.pdf"
        self.certified = self.certify("recycled-content", "cert.pdf")
        self.origin = self.certify("domestic-origin", "origin.pdf")
        terminal.done("trust", "-o", terminal.folder / "trust")

    def certify(self, kind: str, name: str, *options: str) -> Said:
        key = self.terminal.keys["voltaic/1"]
        to = ("--to", "Hartmann & Søn <Fleet>", "-o", self.terminal.folder / name)
        return self.terminal.run("certify", kind, BATTERIES, *to, "-k", key, *(options or ("--json",)))

    def share(self, constituent: str, characteristic: str) -> Decimal:
        rows = self.certified.json["credentialSubject"]["claims"]
        row = next(row for row in rows if (row["constituent"], row["characteristic"]) == (constituent, characteristic))
        return Decimal(row["mass_mg"]) / Decimal(row["of_mg"])


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    return Day(Terminal(tmp_path_factory.mktemp("campaign")))


@pytest.mark.parametrize("constituent", ["Pb", "Sb"])
@pytest.mark.parametrize(
    ("characteristic", "policy"),
    [("post_consumer", "post_consumer_strict"), ("recovered_from_waste", "any_recovered_from_waste_incl_mfg_scrap")],
)
def test_a_certificate_claims_the_reference_share_to_a_hundredth_of_a_percentage_point(day, constituent, characteristic, policy):
    assert day.certified.code == 0, day.certified
    assert abs(day.share(constituent, characteristic) - Decimal(day.expected[constituent][policy])) < TOLERANCE


def test_a_certificate_claims_the_reference_share_of_lead_collected_in_the_united_states(day):
    assert abs(day.share("Pb", "collected_in:US") - Decimal(day.expected["Pb_collected_in_US"])) < TOLERANCE


def test_a_certificate_prints_its_signed_credential(day):
    document = day.certified.json
    subject = document["credentialSubject"]
    assert (subject["batch"], subject["customer"], subject["number"]) == (BATTERIES, "Hartmann & Søn <Fleet>", "voltaic-RC-0001")
    assert document["proof"]["cryptosuite"] == "eddsa-jcs-2022"
    assert [row["rule"] for row in subject["verdicts"]] == ["iso14021.rc_pb", "ftc.260_13.qualified", "eu.2023_1542.art8_2_pb"]


def test_a_certificate_of_origin_over_the_same_batch_is_issued_too(day):
    assert day.origin.code == 0, day.origin
    subject = day.origin.json["credentialSubject"]
    assert [row["rule"] for row in subject["verdicts"]] == ["usmca.wo.pb", "ftc.musa_323", "ntib.origin", "cn.mofcom46.sb"]


def test_a_certificate_holds_against_its_ledger(day):
    said = day.terminal.run("verify", day.pdf)
    assert said.code == 0
    assert said.err == ""
    assert said.out.splitlines()[-1].startswith("HOLDS: you recomputed from the ")
    said = day.terminal.run("verify", day.pdf, "--json")
    assert said.json["holds"] is True
    size = day.terminal.done("audit", "--json").json["size"]
    assert said.json["complete"] == f"complete to record {size - 1} (the whole ledger was replayed)"


def test_a_verifier_prints_the_same_words_twice(day):
    assert day.terminal.run("verify", day.pdf) == day.terminal.run("verify", day.pdf)


def test_a_certificate_alone_is_unpinned_and_does_not_hold(day):
    said = command("verify", day.pdf)
    assert said.code == 1
    assert "  UNPINNED\n" in said.out
    assert "hint: give the trust file that the issuer's ledger handed you apart from this file: --trust FILE" in said.err
    assert command("verify", day.pdf, "--json").json["holds"] is False


def test_the_credential_alone_is_verified_as_the_pdf_is(day):
    file = day.terminal.folder / "cert.json"
    file.write_text(day.certified.out, encoding="utf-8")
    assert day.terminal.done("verify", file, "--json").json["line"] == day.terminal.done("verify", day.pdf, "--json").json["line"]


def test_a_second_certificate_of_the_same_kind_over_the_same_mass_is_refused(day):
    said = day.certify("recycled-content", "second.pdf")
    assert said.code == 1
    assert said.error["code"] == "claim"
    assert not (day.terminal.folder / "second.pdf").exists()


def test_a_certificate_is_never_written_over_a_file(day):
    said = day.certify("recycled-content", "cert.pdf", "--dry-run")
    assert (said.code, said.err) == (
        3,
        f"error: {day.pdf} exists already\nhint: a certificate is never overwritten; give another file\n",
    )


def test_a_certificate_with_a_figure_changed_does_not_hold(day):
    document = day.certified.json
    document["credentialSubject"]["claims"][0]["mass_mg"] += 1
    file = day.terminal.folder / "forged.json"
    file.write_text(json.dumps(document, ensure_ascii=False, separators=(",", ":"), sort_keys=True), encoding="utf-8")
    said = day.terminal.run("verify", file)
    assert said.code == 1
    assert "DOES NOT HOLD" in said.out


def test_the_rules_are_judged_as_of_another_day(day):
    said = day.terminal.done("verify", day.pdf, "--as-of", "2031-08-18", "--json").json
    verdicts = {row["rule"]: row["verdict"] for row in said["verdicts"]}
    assert verdicts["eu.2023_1542.art8_2_pb"] == "PASS"
    said = command("verify", day.pdf, "--as-of", "2031-08-18")
    assert (said.code, said.err.splitlines()[0]) == (2, "error: --as-of needs a certificate that holds")


def test_the_whole_ledger_holds(day):
    said = day.terminal.done("audit", "--json").json
    assert said["holds"] is True
    assert said["first_bad"] is None
    assert not [finding for finding in said["findings"] if finding["severity"] == "broken"]


def test_the_books_balance_to_the_milligram(day):
    for name, entry in day.terminal.done("balance", "--json").json["constituents"].items():
        signed = (entry["received"], entry["adjusted"], -entry["disposed"], -entry["delivered"], -entry["lost"], -entry["held"])
        assert sum(signed) == 0, name


def test_the_batteries_trace_back_to_all_ten_trucks(day):
    said = day.terminal.done("trace", BATTERIES, "--back", "--json").json
    names = {row["batch"] for row in said["batches"]}
    assert {f"yard:truck{number}" for number in range(1, 11)} <= names
    drawn = {edge["from"] for edge in said["edges"]}
    assert {f"yard:truck{number}" for number in range(1, 11)} <= drawn
    assert all(edge["mass_mg"] > 0 for edge in said["edges"])


def test_a_truck_traces_forward_to_the_batteries(day):
    said = day.terminal.done("trace", "yard:truck3", "--forward", "--json").json
    assert BATTERIES in {row["batch"] for row in said["batches"]}
