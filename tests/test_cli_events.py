"""Events by flags: what people type at a terminal becomes what the ledger judges."""

from __future__ import annotations

import pytest

from terminal import house, lead, truck

PB = 99_970


@pytest.fixture
def terminal(tmp_path):
    made = house(tmp_path)
    made.log("yard/1", lead("yard:L1"))
    return made


@pytest.fixture
def type_(terminal):
    def typed(party, *words):
        return terminal.run(*words, "-k", terminal.keys[f"{party}/1"])

    return typed


def test_a_mixed_load_is_received_by_shares(terminal, type_):
    said = type_(
        "yard", "receive", "yard:M1", "--material", "antimonial_lead", "--mass", "10t", "--assay", "Pb=97%,Sb=2%",
        "--share", "80% end_of_life collected_in=US", "--document", "certificate=sha256:" + "ab" * 32,
    )  # fmt: skip
    assert said.code == 0, said
    rows = terminal.show("yard:M1")["provenance"]["Pb"]
    assert [(row["feedstock"], row["mass_mg"]) for row in rows] == [("end_of_life", 7_760_000_000), ("unknown", 1_940_000_000)]


def test_a_heat_is_entered_by_flags(terminal, type_):
    said = type_(
        "yard", "transform", "alloy", "--in", "yard:L1=10000kg", "--out", "yard:A1 antimonial_lead 9950kg Pb=99.9% vessel=K3",
        "--out", "yard:D1 dross 40 kg Pb=90%", "--loss", "fume Pb=5kg",
    )  # fmt: skip
    assert said.code == 0, said
    assert (terminal.show("yard:A1")["vessel"], terminal.show("yard:L1")["mass_mg"]) == ("K3", 10_000_000_000)


def test_a_batch_is_split_shipped_accepted_and_sold_by_flags(terminal, type_):
    outputs = ("--out", "yard:P1 soft_lead 12000kg", "--out", "yard:P2 soft_lead balance")
    assert type_("yard", "transform", "split", "--in", "yard:L1", *outputs).code == 0
    assert type_("yard", "ship", "yard:P1", "--to", "works:works").code == 0
    assert terminal.done("show", "yard:P1").out.splitlines()[1] == "  on its way from yard:works to works:works"
    said = type_("yard", "adjust", "yard:P1", "--mass", "-1 kg", "--reason", "count")
    assert said.code == 1
    assert type_("works", "accept", "yard:P1", "--mass", "11998 kg").code == 0
    found = terminal.show("yard:P1")
    assert (found["holder"], found["mass_mg"], found["status"]) == ("works", 12_000_000_000, "held"), "two scales agree within their u"
    assert type_("yard", "ship", "yard:P1", "--to", "works:works").code == 1
    assert type_("works", "ship", "yard:P1", "--to-outside", "Acme Motors", "--country", "US").code == 0
    assert terminal.show("yard:P1")["status"] == "delivered"
    assert terminal.done("balance", "--json").json["constituents"]["Pb"]["delivered"] > 0


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ((), "where to? give --to PARTY:SITE, or --to-outside NAME with --country CC"),
        (("--to-outside", "Acme"), "--to-outside also needs --country CC"),
        (("--to", "works:works", "--country", "US"), "--country goes with --to-outside; a site's country is known"),
    ],
)
def test_a_shipment_needs_one_goal(type_, words, problem):
    said = type_("yard", "ship", "yard:L1", *words)
    assert (said.code, said.err) == (2, f"error: {problem}\nhint: plumbline ship --help\n")


def test_a_batch_that_does_not_exist_cannot_be_shipped(type_):
    said = type_("yard", "ship", "yard:NONE", "--to", "works:works")
    assert (said.code, said.err) == (1, "error: no batch yard:NONE in this ledger\nhint: `plumbline batches` lists them\n")


def test_a_late_result_is_entered_by_flags(terminal, type_):
    assert type_("yard", "assay", "yard:L1", "--assay", "Pb=99.9%,Sb<5ppm").code == 0
    found = terminal.show("yard:L1")
    assert (found["contained_mg"]["Pb"], found["below"]) == (19_980_000_000, {"Sb": "< 5 ppm"})


def test_a_count_of_the_stock_is_entered_by_flags(terminal, type_):
    assert type_("yard", "adjust", "yard:L1", "--mass", "-120 kg", "--reason", "count of 31 March").code == 0
    assert terminal.show("yard:L1")["mass_mg"] == 19_880_000_000
    found = terminal.done("balance", "--json").json["constituents"]["Pb"]
    assert (found["adjusted"], found["difference"]) == (-120 * PB * 10, 0)


def test_waste_is_entered_by_flags(terminal, type_):
    assert type_("yard", "dispose", "yard:L1", "--mass", "1t", "--reason", "landfill").code == 0
    assert terminal.show("yard:L1")["mass_mg"] == 19_000_000_000
    said = type_("yard", "dispose", "yard:L1", "--mass", "40t", "--reason", "landfill")
    assert (said.code, said.err) == (1, "error: batch yard:L1 holds 19000000 g, cannot give 40000000 g (21000000 g short)\n")
    assert type_("yard", "dispose", "yard:L1", "--reason", "landfill").code == 0
    said = terminal.done("show", "yard:L1")
    assert "nothing is left; as it was made" in said.out


def test_a_correction_that_overdraws_what_follows_is_refused(terminal, type_):
    assert type_("yard", "dispose", "yard:L1", "--mass", "15t", "--reason", "landfill").code == 0
    before = terminal.files()
    said = type_("yard", "correct", "yard:L1", "--mass", "10t", "--reason", "settled weight")
    assert said.code == 1
    assert "yard:L1" in said.err
    after = terminal.files()
    assert {name for name in after if after[name] != before.get(name)} <= {"yard-1.key.outbox/seen"}


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ((), "which event? give the BATCH that it made, or --of RECORD:EVENT"),
        (("yard:L1",), "what was wrong? give --mass, --moisture, --assay, --feedstock, --place …, or the whole event with --event FILE"),
        (("yard:L1", "--mass", "20000 kg"), "nothing would change: the event says this already"),
        (("--of", "yard", "--mass", "1t"), "'yard' names no event; write RECORD:EVENT with the record's index or id, such as 12:0"),
        (("yard:L1", "--in", "yard:X=1t"), "yard:X is no input of that event; inputs are none"),
    ],
)
def test_a_correction_that_says_too_little_is_misuse(type_, words, problem):
    said = type_("yard", "correct", *words, "--reason", "settled weight")
    assert (said.code, said.err) == (2, f"error: {problem}\nhint: plumbline correct --help\n")


def test_an_event_is_taken_back_and_its_number_is_not_used_again(terminal, type_):
    terminal.log("yard/1", truck("yard:T1"))
    assert type_("yard", "void", "yard:T1", "--reason", "entered twice").code == 0
    assert terminal.run("show", "yard:T1").code == 1
    assert terminal.try_log("yard/1", truck("yard:T1")).code == 1
    said = type_("yard", "void", "yard:NONE", "--reason", "entered twice")
    assert (said.code, said.err) == (1, "error: no batch yard:NONE in this ledger\nhint: `plumbline batches` lists them\n")


def test_a_party_is_admitted_by_flags_with_the_registrars_key(terminal):
    made = terminal.new_key("mill/1")
    words = ("admit", "mill", "--name", "Mühle & Co.", "--country", "MX", "--role", "recycler", "--proof", made["proof"])
    assert terminal.run(*words, "--vkey", made["vkey"], "-k", terminal.keys["yard/1"]).code == 1
    file = terminal.folder / "mill-1.key.vkey"
    terminal.done(*words, "--vkey", file)
    row = next(row for row in terminal.done("parties", "--json").json["parties"] if row["party"] == "mill")
    assert (row["name"], row["country"], row["roles"]) == ("Mühle & Co.", "MX", ["recycler"])
    assert terminal.run(*words, "--vkey", file).code == 1


def test_a_site_is_registered_by_flags(terminal, type_):
    words = ("--country", "US", "--subdivision", "US-PA", "--role", "breaker", "--latitude", "40.3", "--longitude", "-75.9")
    assert type_("yard", "site", "yard:shed", "--name", "Shed", "--capacity", "120000 t/year", *words).code == 0
    row = next(row for row in terminal.done("sites", "--json").json["sites"] if row["site"] == "yard:shed")
    assert row == {"site": "yard:shed", "name": "Shed", "country": "US", "subdivision": "US-PA", "roles": ["breaker"]}
    said = type_("yard", "receive", "yard:T2", "--material", "spent_battery", "--mass", "1t")
    assert (said.code, said.err.splitlines()[0]) == (2, "error: which site? give --site; yard has yard:shed, yard:works")
    assert type_("yard", "receive", "yard:T2", "--material", "spent_battery", "--mass", "1t", "--site", "yard:shed").code == 0
    said = type_("yard", "site", "yard:hall", "--name", "Hall", "--country", "US", "--capacity", "120000 t")
    assert said.code == 2
    assert "'120000 t' is no capacity; write \"120000 t/year\", with year, month or day" in said.err
    assert type_("works", "site", "yard:hall", "--name", "Hall", "--country", "US").code == 1
