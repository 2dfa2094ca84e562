"""Events by flags: what a person types becomes what the ledger takes, and what cannot be read says what to write instead."""

from __future__ import annotations

import hashlib
import re
from typing import get_args

import click
import pytest

from cli import flags
from ledger.record import read_record
from ledger.store.store import Store
from schemas.feedstock import FEEDSTOCKS
from schemas.step import TransformKind
from terminal import TIME, Terminal, house

TRUCK = ("--material", "spent_battery", "--mass", "42200 lb", "--feedstock", "end_of_life", "--place", "collected_in=US", "--time", TIME)
GRID = "yard:M1 grid_metal 5450kg moisture=2% Pb=95.8%,Sb=0.62%"
PASTE = "yard:P1 battery_paste 8230 kg moisture=12% Pb=75.9%,Sb=180ppm"


class Yard:
    """A yard's terminal, whose key is at hand."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal

    def run(self, *arguments, key="yard/1", **more):
        return self.terminal.run(*arguments, "-k", self.terminal.keys[key], **more)

    def done(self, *arguments, key="yard/1"):
        said = self.run(*arguments, key=key)
        assert said.code == 0, (arguments, said.out, said.err)
        return said

    def files(self):
        """Return every file with its bytes, without the empty ones that keep two commands with one key apart."""
        return {name: data for name, data in self.terminal.files().items() if not name.endswith("/lock")}

    def refused(self, *arguments, key="yard/1"):
        """Return exit code, message and hint of a refusal that wrote nothing."""
        before = self.files()
        said = self.run(*arguments, key=key)
        assert said.out == ""
        assert self.files() == before
        message, _, hint = said.err.partition("\nhint: ")
        return said.code, message.removeprefix("error: ").rstrip("\n"), hint.rstrip("\n")

    def event(self, index=-1):
        """Return the event of a record, the newest one if no index is given."""
        store = Store.open(self.terminal.path)
        with store.reading() as view:
            notes = [bytes(record) for _, record, _, _ in store.entries(view)]
        return read_record(notes[index]).events[0].model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)

    def broken(self):
        """Receive a truck and break it."""
        self.done("receive", "yard:T1", *TRUCK)
        self.done("transform", "break", "--in", "yard:T1", "--out", GRID, "--out", PASTE, "--time", TIME)
        return self


@pytest.fixture
def yard(tmp_path):
    return Yard(house(tmp_path))


def test_the_classes_and_steps_that_flags_offer_are_those_of_the_schemas():
    assert flags.FEEDSTOCKS == FEEDSTOCKS
    assert get_args(TransformKind) == flags.KINDS


@pytest.mark.parametrize(
    ("read", "text", "raw"),
    [
        (flags.quantity, "42200lb", {"value": "42200", "unit": "lb"}),
        (flags.quantity, " 42200 lb ", {"value": "42200", "unit": "lb"}),
        (flags.quantity, "14000 kg ±20 device=scale-1", {"value": "14000", "unit": "kg", "u": "20", "device": "scale-1"}),
        (flags.quantity, "3.5t+-0.1", {"value": "3.5", "unit": "t", "u": "0.1"}),
        (flags.signed_quantity, "-120 kg", {"value": "-120", "unit": "kg"}),
        (flags.signed_quantity, "+1.5kg", {"value": "1.5", "unit": "kg"}),
        (flags.drawn, "100 pieces", {"pieces": 100}),
        (flags.drawn, "5 short_ton", {"value": "5", "unit": "short_ton"}),
        (flags.proportion, "12%", {"value": "12", "unit": "%"}),
        (flags.proportion, "97.5 % ±0.2", {"value": "97.5", "unit": "%", "u": "0.2"}),
        (flags.assay, "Pb=62.5%,Sb=1890ppm", {"Pb": {"value": "62.5", "unit": "%"}, "Sb": {"value": "1890", "unit": "ppm"}}),
        (flags.assay, "Sb<5ppm", {"Sb": {"below": "5", "unit": "ppm"}}),
        (flags.assay, "none", {}),
        (flags.places, "collected_in=US,smelted_in=US+MX", {"collected_in": "US", "smelted_in": ["US", "MX"]}),
        (
            flags.share,
            "80% pre_consumer_external collected_in=US of Pb",
            {
                "share": {"value": "80", "unit": "%"},
                "feedstock": "pre_consumer_external",
                "places": {"collected_in": "US"},
                "constituent": "Pb",
            },
        ),
        (flags.share, "20% primary", {"share": {"value": "20", "unit": "%"}, "feedstock": "primary"}),
        (flags.document, f"weigh_ticket=sha256:{'ab' * 32}", {"kind": "weigh_ticket", "sha256": "ab" * 32}),
        (flags.named, "lei=5493=x", ("lei", "5493=x")),
        (flags.use, "yard:T1", {"batch": "yard:T1"}),
        (flags.use, "yard:T1=42200 lb final", {"batch": "yard:T1", "mass": {"value": "42200", "unit": "lb"}, "final": True}),
        (flags.use, "yard:T1 moisture=3%", {"batch": "yard:T1", "moisture": {"value": "3", "unit": "%"}}),
        (flags.use, "yard:T1=100pieces", {"batch": "yard:T1", "mass": {"pieces": 100}}),
        (flags.output, "yard:S1 slag balance vessel=K3", {"batch": "yard:S1", "material": "slag", "mass": "balance", "vessel": "K3"}),
        (
            flags.output,
            "yard:L1 battery 40 kg pieces=40 serials=A1..A20 serials=B1..B20 assay=none owner=works provisional",
            {
                "batch": "yard:L1",
                "material": "battery",
                "mass": {"value": "40", "unit": "kg"},
                "pieces": 40,
                "serials": [["A1", "A20"], ["B1", "B20"]],
                "assay": {},
                "owner": "works",
                "provisional": True,
            },
        ),
        (flags.output, "yard:S1 slag 4kg Pb=9% Sb<5ppm", {
            "batch": "yard:S1", "material": "slag", "mass": {"value": "4", "unit": "kg"},
            "assay": {"Pb": {"value": "9", "unit": "%"}, "Sb": {"below": "5", "unit": "ppm"}},
        }),
        (
            flags.loss,
            "fume Pb=12 kg,Sb=300g",
            {"kind": "fume", "contained": {"Pb": {"value": "12", "unit": "kg"}, "Sb": {"value": "300", "unit": "g"}}},
        ),
        (flags.capacity, "120000 t/year", {"value": "120000", "unit": "t", "per": "year"}),
        (flags.serials, "A1..A40", ["A1", "A40"]),
        (flags.when, "2026-03-02T14:05:00-05:00", "2026-03-02T14:05:00-05:00"),
        (flags.day, "2026-03-31", "2026-03-31"),
    ],
)  # fmt: skip
def test_flags_are_read_as_they_are_written(read, text, raw):
    assert read(text) == raw


TON = "is ambiguous; say short_ton (2,000 lb), long_ton (2,240 lb) or t (1,000 kg)"
WORDS = "Pb=97.5% assay=none moisture=2% vessel=K3 pieces=40 serials=A1..A40 owner=PARTY provisional"
COMMA = "has a comma; write the number without thousands separators and with a point: 42200 or 62.5"


@pytest.mark.parametrize(
    ("read", "text", "problem"),
    [
        (flags.quantity, "42200 ton", f"'ton' {TON}"),
        (flags.quantity, "20 stone", "'stone' is no unit of mass; use one of kg g t lb short_ton long_ton"),
        (flags.quantity, "42,200 lb", f"'42,200 lb' {COMMA}"),
        (flags.quantity, "42200", "'42200' has no unit; add one of kg g t lb short_ton long_ton"),
        (flags.quantity, "heavy", "'heavy' is no mass; write a number and a unit, such as 42200lb or \"42200 lb\""),
        (flags.quantity, "-3 kg", "'-3' is no plain decimal number; write digits and at most one point, such as 42200 or 62.5"),
        (flags.proportion, "wet", "'wet' is no fraction; write a number with % or ppm, such as 62.5% or 1890ppm"),
        (flags.proportion, "5", "'5' has no unit; write % or ppm behind it, such as 62.5% or 1890ppm"),
        (flags.proportion, "5ppb", "'ppb' is no unit of a proportion; use % or ppm, or 1 for a plain fraction"),
        (flags.assay, "Pb 62%", "'Pb 62%' is no result of an assay; write Pb=62.5%, or Sb<5ppm for what was not found"),
        (flags.assay, "Pb=1%,Pb=2%", "Pb stands there twice"),
        (flags.assay, "lead=5%", "'lead' is no constituent; write a chemical symbol such as Pb or a polymer such as PP"),
        (flags.places, "US", "'US' is no place; write collected_in=US, or smelted_in=US+MX for several countries"),
        (
            flags.places,
            "collected_in=UK",
            "'UK' is no ISO 3166-1 alpha-2 country; write two capital letters (GB, not UK) or \"unknown\"",
        ),
        (flags.share, "80%", "'80%' is no share; write \"80% pre_consumer_external collected_in=US\", with \"of Sb\" for one constituent"),
        (flags.document, "ticket.pdf", "'ticket.pdf' is no document; write KIND=FILE, such as weigh_ticket=ticket.pdf, or KIND=sha256:HEX"),
        (flags.document, "ticket=sha256:12", "'sha256:12' is no hash; a SHA-256 has 64 lower-case hex digits"),
        (flags.named, "lei", "'lei' is not NAME=TEXT"),
        (flags.use, "", "names no batch"),
        (flags.use, "yard:T1 dry", "'dry' says nothing about an input; write BATCH=42200lb, moisture=2%, final"),
        (
            flags.output,
            "yard:B1 bullion",
            "'yard:B1 bullion' is no output; write \"BATCH MATERIAL MASS\", such as \"keystone:B1 bullion 27500kg Pb=98.2%\"",
        ),
        (flags.output, "yard:B1 bullion 5 ton", f"'ton' {TON}"),
        (
            flags.output,
            "yard:B1 bullion 5kg hot",
            "'hot' says nothing about an output; known: " + WORDS,
        ),
        (flags.loss, "fume", "'fume' does not say what was lost; write a kind and what it contained: \"fume Pb=12kg,Sb=300g\""),
        (flags.loss, "fume Pb", "'Pb' is no loss; write a kind and what it contained: \"fume Pb=12kg,Sb=300g\""),
        (flags.capacity, "5 t", "'5 t' is no capacity; write \"120000 t/year\", with year, month or day"),
        (flags.capacity, "5 t/week", "must be 'year', 'month' or 'day', got 'week'"),
        (flags.serials, "A1-A4", "'A1-A4' is no range of serial numbers; write FIRST..LAST"),
        (flags.when, "2026-03-02", "'2026-03-02' is no RFC 3339 time with an offset, such as 2026-03-02T14:05:00Z"),
        (flags.named, "\ud800", "'\\ud800' is not NAME=TEXT"),
        (flags.when, "\ud800", "$: a string holds a lone surrogate"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_says_what_to_write_instead(read, text, problem):
    with pytest.raises(click.BadParameter) as refused:
        read(text)
    assert refused.value.message == problem


def test_a_truck_is_received_by_flags(yard, tmp_path):
    ticket = tmp_path / "ticket.pdf"
    ticket.write_bytes(b"42,200 lb net")
    papers = ("--document", f"weigh_ticket={ticket}", "--document-number", "W-1", "--private", "driver=Joe")
    said = yard.done("receive", "yard:T1", *TRUCK, *papers)
    assert re.fullmatch(r"record 5  [0-9a-f]{16}…  yard/1 #1  receive  yard:T1\n", said.out)
    event = yard.event()
    assert event.pop("private").keys() == {"driver"}
    assert event["documents"][0].pop("number").keys() == {"sealed"}
    assert event == {
        "type": "receive",
        "time": TIME,
        "site": "yard:works",
        "batch": "yard:T1",
        "material": "spent_battery",
        "mass": {"value": "42200", "unit": "lb"},
        "feedstock": "end_of_life",
        "places": {"collected_in": "US"},
        "documents": [{"kind": "weigh_ticket", "sha256": hashlib.sha256(b"42,200 lb net").hexdigest()}],
    }


def test_a_receipt_can_say_all_that_a_receive_event_can(yard):
    yard.done(
        "receive", "yard:X1", "--material", "plant_scrap", "--mass", "1000 kg ±2", "--tare", "9t", "--moisture", "1%", "--assay", "Pb=60%",
        "--share", "80% pre_consumer_external collected_in=US", "--share", "10% primary", "--generator", "Acme", "--process", "casting",
        "--vessel", "Bin 4", "--pieces", "10", "--serials", "A1..A5", "--serials", "B1..B5", "--opening", "--provisional",
        "--owner", "works", "--site", "yard:works", "--time", "2026-03-02T09:05:00-05:00",
    )  # fmt: skip
    event = yard.event()
    assert event["generator"].pop("name").keys() == {"sealed"}
    assert (event["generator"], event["opening"], event["provisional"], event["owner"]) == ({"process": "casting"}, True, True, "works")
    assert (event["vessel"], event["pieces"], event["serials"]) == ("Bin 4", 10, [["A1", "A5"], ["B1", "B5"]])
    assert [share["feedstock"] for share in event["shares"]] == ["pre_consumer_external", "primary"]
    assert event["tare"] == {"value": "9", "unit": "t"}


def test_without_a_time_an_event_happens_now_with_an_offset(yard):
    yard.done("receive", "yard:T1", *TRUCK[:-2])
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)", yard.event()["time"])


def test_a_batch_goes_the_whole_way_by_flags(yard):
    yard.broken()
    smelt = ("--in", "yard:M1", "--in", "yard:P1=8000kg", "--out", "yard:B1 bullion 10700kg Pb=98.2%,Sb=0.3%")
    yard.done("transform", "smelt", *smelt, "--out", "yard:S1 slag 2000kg Pb=9%,Sb=0.1%", "--loss", "fume Pb=2kg", "--owner", "works")
    assert (yard.event()["losses"], yard.event()["site"], yard.event()["owner"]) == (
        [{"kind": "fume", "contained": {"Pb": {"value": "2", "unit": "kg"}}}],
        "yard:works",
        "works",
    )
    yard.done("assay", "yard:S1", "--assay", "Pb=11%,Sb<5ppm", "--umpire")
    assert (yard.event()["umpire"], yard.event()["assay"]["Sb"]) == (True, {"below": "5", "unit": "ppm"})
    yard.done("adjust", "yard:S1", "--mass", "-120 kg", "--reason", "count of 31 March")
    assert yard.event()["mass"] == {"value": "-120", "unit": "kg"}
    yard.done("dispose", "yard:S1", "--mass", "0.5t", "--final", "--reason", "landfill")
    assert yard.event()["final"] is True
    yard.done("ship", "yard:B1", "--to", "works:works")
    yard.done("accept", "yard:B1", "--mass", "10690 kg", "--difference", "water", key="works/1")
    assert (yard.event()["site"], yard.terminal.show("yard:B1")["holder"]) == ("works:works", "works")
    yard.done("ship", "yard:B1", "--to-outside", "Acme Motors", "--country", "US", key="works/1")
    assert yard.event()["to"]["country"] == "US"
    assert yard.terminal.show("yard:B1")["status"] == "delivered"


def test_a_party_and_its_site_are_entered_by_flags(yard):
    made = yard.terminal.new_key("acme/1")
    named = ("--name", "Acme", "--country", "CA", "--role", "smelter", "--identifier", "lei=5493")
    vkey = yard.terminal.folder / "acme-1.key.vkey"
    yard.terminal.done("admit", "acme", *named, "--vkey", vkey, "--proof", made["proof"], "--time", TIME)
    assert yard.event()["party"] == {"id": "acme", "name": "Acme", "country": "CA", "roles": ["smelter"], "identifiers": {"lei": "5493"}}
    facts = (
        "--name",
        "Works",
        "--country",
        "CA",
        "--subdivision",
        "CA-QC",
        "--role",
        "smelter",
        "--latitude",
        "45.5",
        "--longitude",
        "-73.6",
    )
    yard.done("site", "acme:qc", *facts, "--capacity", "90000 t/year", key="acme/1")
    assert yard.event()["site"]["capacity"] == {"value": "90000", "unit": "t", "per": "year"}
    other = yard.terminal.new_key("bolt/1")
    yard.done("admit", "bolt", "--name", "Bolt", "--country", "US", "--vkey", other["vkey"], "--proof", other["proof"], key="registrar/1")
    assert yard.event()["key"] == other["vkey"]


@pytest.mark.parametrize(
    ("arguments", "code", "message", "hint"),
    [
        (("receive", "yard:T1", *TRUCK[:2]), 2, "Missing option '--mass'.", "plumbline receive --help"),
        (("receive", "yard:T1", *TRUCK, "--mass", "5 ton"), 2, f"Invalid value for '--mass': 'ton' {TON}", "plumbline receive --help"),
        (
            ("receive", "yard:T1", *TRUCK, "--mass", "5 oz"),
            2,
            "Invalid value for '--mass': 'oz' is no unit of mass; use one of kg g t lb short_ton long_ton",
            "plumbline receive --help",
        ),
        (("receive", "yard:T1", *TRUCK, "--colour", "grey"), 2, "No such option '--colour'.", "plumbline receive --help"),
        (
            ("receive", "yard:T1", *TRUCK, "--generator", "Acme"),
            2,
            "--generator also needs --process: who made scrap says in which process",
            "plumbline receive --help",
        ),
        (
            ("receive", "yard:T1", *TRUCK, "--document-number", "7"),
            2,
            "1 of --document-number for 0 of --document; each number belongs to a document",
            "plumbline receive --help",
        ),
        (
            ("receive", "yard:T1", *TRUCK, "--document", "ticket=nowhere.pdf"),
            2,
            "nowhere.pdf: cannot be read: No such file or directory",
            "a document that is not at hand is given as KIND=sha256:HEX",
        ),
        (
            ("receive", "other:T1", *TRUCK),
            2,
            "which site? give --site; other has registered none yet",
            "plumbline receive --help",
        ),
        (("receive", "works:T1", *TRUCK), 1, "site works:works belongs to works, the record is signed by yard", ""),
        (("ship", "yard:T1"), 2, "where to? give --to PARTY:SITE, or --to-outside NAME with --country CC", "plumbline ship --help"),
        (("ship", "yard:T1", "--to-outside", "Acme"), 2, "--to-outside also needs --country CC", "plumbline ship --help"),
        (
            ("ship", "yard:T1", "--to", "works:works", "--country", "US"),
            2,
            "--country goes with --to-outside; a site's country is known",
            "plumbline ship --help",
        ),
        (("ship", "yard:T1", "--to", "works:works"), 1, "no batch yard:T1 in this ledger", "`plumbline batches` lists them"),
        (("void", "yard:T1", "--reason", "x"), 1, "no batch yard:T1 in this ledger", "`plumbline batches` lists them"),
        (("correct", "yard:T1", "--mass", "5kg", "--reason", "x"), 1, "no batch yard:T1 in this ledger", "`plumbline batches` lists them"),
        (("void", "99:0", "--reason", "x"), 1, "no record 99 in this ledger", ""),
        (("void", "3:300", "--reason", "x"), 2, "'3:300' names no event; write RECORD:EVENT with the record's index or id, such as 12:0",
         "plumbline void --help"),
        (("correct", "--of", "3:7", "--mass", "5kg", "--reason", "x"), 1, "no event 7 of record 3 in this ledger", ""),
        (
            ("correct", "--mass", "5kg", "--reason", "x"),
            2,
            "which event? give the BATCH that it made, or --of RECORD:EVENT",
            "plumbline correct --help",
        ),
        (
            ("correct", "yard:T1", "--reason", "x"),
            2,
            "what was wrong? give --mass, --moisture, --assay, --feedstock, --place …, or the whole event with --event FILE",
            "plumbline correct --help",
        ),
    ],
)  # fmt: skip
def test_a_refusal_says_what_is_wrong_and_writes_nothing(yard, arguments, code, message, hint):
    assert yard.refused(*arguments) == (code, message, hint)


def test_a_site_must_be_named_where_a_party_has_several(tmp_path):
    terminal = Terminal(tmp_path)
    terminal.init()
    terminal.admit("yard", sites={"north": "US", "south": "MX"})
    assert Yard(terminal).refused("receive", "yard:T1", *TRUCK)[1] == "which site? give --site; yard has yard:north, yard:south"


def test_more_than_is_left_is_refused(yard):
    yard.broken()
    assert yard.refused("dispose", "yard:M1", "--mass", "6000 kg", "--reason", "x")[:2] == (
        1,
        "batch yard:M1 holds 5450000 g, cannot give 6000000 g (550000 g short)",
    )


def test_a_command_that_signs_needs_a_key(yard):
    said = yard.terminal.run("receive", "yard:T1", *TRUCK)
    assert (said.code, said.err) == (2, "error: which key signs? give -k FILE or set PLUMBLINE_KEY\nhint: plumbline receive --help\n")


def test_a_key_file_that_is_not_there_exits_3(yard, tmp_path):
    said = yard.terminal.run("receive", "yard:T1", *TRUCK, "-k", tmp_path / "lost.key")
    assert said.code == 3
    assert "lost.key" in said.err


def test_a_key_that_is_not_enrolled_is_refused(yard):
    yard.terminal.new_key("nobody/1")
    assert yard.refused("receive", "yard:T1", *TRUCK, key="nobody/1")[:2] == (1, "key nobody/1 is not enrolled in this ledger")


def test_a_dry_run_checks_everything_and_writes_nothing(yard):
    before = yard.terminal.files()
    assert yard.done("receive", "yard:T1", *TRUCK, "--dry-run").out == "it would be taken; nothing was written\n"
    assert yard.terminal.files() == before
    assert yard.refused("dispose", "yard:T1", "--reason", "x", "--dry-run")[1] == "no batch yard:T1 in this ledger"


def test_with_json_a_receipt_and_a_refusal_have_their_shapes(yard):
    receipt = yard.done("receive", "yard:T1", *TRUCK, "--json").json["receipts"][0]
    assert (receipt["index"], receipt["key"], receipt["seq"], receipt["batches"]) == (5, "yard/1", 1, ["yard:T1"])
    assert yard.run("receive", "yard:T1", *TRUCK, "--json").error == {
        "code": "duplicate",
        "message": "batch yard:T1 exists already",
        "file": None,
        "line": None,
        "field": None,
        "hint": "every batch has a number of its own, and a voided number is not used again",
    }
    misused = yard.run("receive", "yard:T2", *TRUCK, "--mass", "5 ton", "--json")
    assert (misused.code, misused.error["code"], misused.error["message"]) == (2, "usage", f"Invalid value for '--mass': 'ton' {TON}")


def test_a_weight_is_corrected_and_the_rest_of_the_receipt_stays(yard):
    yard.broken()
    yard.done("correct", "yard:T1", "--mass", "41800 lb", "--place", "collected_in=MX", "--reason", "settled weight", "--time", TIME)
    assert yard.event()["event"] == {**yard.event(5), "mass": {"value": "41800", "unit": "lb"}, "places": {"collected_in": "MX"}}
    assert yard.terminal.show("yard:M1")["provenance"]["Pb"][0]["places"] == {"broken_in": ["US"], "collected_in": ["MX"]}
    yard.done("correct", "yard:T1", "--feedstock", "unknown", "--reason", "no proof")
    assert yard.event()["event"]["mass"] == {"value": "41800", "unit": "lb"}, "a second correction starts from the first"
    yard.done(
        "correct", "yard:T1", "--share", "60% end_of_life", "--pieces", "9", "--event-time", "2026-03-01T08:00:00Z", "--reason", "mixed"
    )
    event = yard.event()["event"]
    assert ("feedstock" in event, len(event["shares"]), event["pieces"], event["time"]) == (False, 1, 9, "2026-03-01T08:00:00Z")
    yard.done("correct", "yard:T1", "--feedstock", "end_of_life", "--reason", "sorted")
    assert "shares" not in yard.event()["event"]


def test_one_output_of_a_transform_is_corrected(yard):
    yard.broken()
    yard.done("correct", "yard:P1", "--mass", "8300 kg", "--moisture", "12.5%", "--assay", "Pb=75%", "--reason", "typing error")
    grid, paste = yard.event()["event"]["outputs"]
    assert grid == yard.event(6)["outputs"][0]
    assert paste == {
        "batch": "yard:P1",
        "material": "battery_paste",
        "mass": {"value": "8300", "unit": "kg"},
        "moisture": {"value": "12.5", "unit": "%"},
        "assay": {"Pb": {"value": "75", "unit": "%"}, "Sb": {"value": "180", "unit": "ppm"}},
    }


def test_an_input_is_corrected_and_no_longer_all_that_was_left(yard):
    yard.broken()
    yard.done("correct", "--of", "6:0", "--in", "yard:T1=19000kg", "--reason", "a pallet stayed behind")
    (use,) = yard.event()["event"]["inputs"]
    assert (use["mass"], "rest" in use) == ({"value": "19000", "unit": "kg"}, False)
    refused = yard.refused("correct", "--of", "6:0", "--in", "yard:T2=1kg", "--reason", "x")
    assert refused[:2] == (2, "yard:T2 is no input of that event; inputs are yard:T1")


def test_a_document_that_was_left_out_is_added(yard):
    yard.done("receive", "yard:T1", *TRUCK)
    yard.done("correct", "yard:T1", "--document", f"weigh_ticket=sha256:{'ab' * 32}", "--document-number", "7", "--reason", "ticket found")
    (paper,) = yard.event()["event"]["documents"]
    assert (paper["kind"], paper["number"].keys()) == ("weigh_ticket", {"sealed"})


def test_a_whole_event_is_corrected_from_a_file(yard):
    yard.broken()
    yard.done("adjust", "yard:M1", "--mass", "-5 kg", "--reason", "count", "--time", TIME)
    whole = {
        "type": "adjust",
        "time": TIME,
        "site": "yard:works",
        "batch": "yard:M1",
        "mass": {"value": "-4", "unit": "kg"},
        "reason": "count",
    }
    yard.done("correct", "--of", "7:0", "--event", yard.terminal.write("right.json", whole), "--reason", "misread")
    assert yard.event()["event"]["mass"]["value"] == "-4"
    yard.done("correct", "--of", "7:0", "--mass", "-3 kg", "--reason", "misread again")
    assert yard.event()["event"]["mass"]["value"] == "-3"


def test_a_correction_that_changes_nothing_is_refused(yard):
    yard.done("receive", "yard:T1", *TRUCK)
    refused = yard.refused("correct", "yard:T1", "--mass", "42200 lb", "--reason", "x")
    assert refused[:2] == (2, "nothing would change: the event says this already")


def test_a_correction_that_the_form_does_not_allow_names_the_field(yard):
    yard.broken()
    assert yard.refused("correct", "yard:M1", "--feedstock", "primary", "--reason", "x")[:2] == (
        2,
        "field event.outputs.0.feedstock: is not a field here",
    )


def test_a_later_laboratory_result_is_pointed_out_when_the_first_is_corrected(yard):
    yard.broken()
    yard.done("assay", "yard:P1", "--assay", "Pb=76%")
    said = yard.done("correct", "yard:P1", "--assay", "Pb=75%", "--reason", "typing error")
    assert said.err == (
        "a later laboratory result counts before this one; correct that event instead where they disagree (--of RECORD:EVENT)\n"
    )
    yard.done("correct", "yard:P1", "--assay", "none", "--reason", "nothing was assayed")
    assert yard.event()["event"]["outputs"][1].get("assay") == {}


def test_an_event_is_voided_by_its_batch_or_by_its_record(yard):
    yard.done("receive", "yard:T1", *TRUCK)
    said = yard.done("receive", "yard:T2", *TRUCK, "--json")
    yard.done("void", "yard:T1", "--reason", "entered twice", "--time", TIME)
    yard.done("void", f"{said.json['receipts'][0]['record']}:0", "--reason", "entered twice")
    assert yard.terminal.run("show", "yard:T2").err == "error: no batch yard:T2 in this ledger\nhint: `plumbline batches` lists them\n"
    yard.done("receive", "yard:T3", *TRUCK)
    yard.done("void", "9:0", "--reason", "entered twice")


def test_a_party_called_as_a_number_keeps_its_batches(tmp_path):
    terminal = Terminal(tmp_path)
    terminal.init()
    terminal.admit("12")
    yard = Yard(terminal)
    yard.done("receive", "12:0", *TRUCK, key="12/1")
    yard.done("void", "12:0", "--reason", "entered twice", key="12/1")
    assert yard.event()["of"]["event"] == 0


def test_what_was_used_cannot_be_voided(yard):
    yard.broken()
    assert yard.refused("void", "yard:T1", "--reason", "x") == (
        1,
        "batch yard:T1 was used by record 6, so what made it can be corrected but not voided",
        "plumbline correct yard:T1 …",
    )


@pytest.mark.parametrize(
    "name", ["receive", "transform", "ship", "accept", "assay", "adjust", "dispose", "correct", "void", "admit", "site"]
)
def test_every_command_has_an_example_in_its_help(yard, name):
    assert f"plumbline {name} " in yard.terminal.done(name, "--help").out.split("Options:")[0].split("\n\n", 1)[1]
