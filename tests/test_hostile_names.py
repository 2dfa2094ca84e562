"""Names that another program might read as something else, in every output: a terminal, JSON, PDFs, pictures and credentials.

The ledger writes nothing that a spreadsheet opens, so a name that begins like a formula stays a name. What may stand in no name is refused
at the door, in tests/hostile/hostile_events.py.
"""

from __future__ import annotations

import base64
import json
import sys
import unicodedata
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import pikepdf
import pytest

from cli import output
from ledger.rules.book import own
from ledger.tlog import canonical
from printed import opened, read_aloud
from reports.attachment import read_pdf
from reports.text import is_shown
from terminal import TIME, Terminal, command, lead
from words import HIDDEN, SHOWN

NUMBERED = [(f"p{number}", name) for number, name in enumerate(SHOWN)]
UNPRINTABLE = {"combining", "right to left", "wide", "emoji"}
"""Not in the certificate's fonts: refused, rather than printed as something else."""
TON = {"value": "1", "unit": "t"}
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def named(tmp_path_factory):
    """A ledger in which every party, site, reason, sealed field, customer and order is called by one of the names."""
    at = Terminal(tmp_path_factory.mktemp("named"))
    at.init()
    for party, name in NUMBERED:
        text = SHOWN[name]
        key = at.new_key(f"{party}/1")
        facts = {"id": party, "name": text, "country": "US"}
        at.log("registrar/1", {"type": "admit", "time": TIME, "party": facts, "key": key["vkey"], "proof": key["proof"]})
        site = {"id": f"{party}:works", "party": party, "name": text, "country": "US"}
        dispose = {"type": "dispose", "time": TIME, "site": f"{party}:works", "batch": f"{party}:L1", "reason": text}
        received = lead(f"{party}:L1", private={"driver": text})
        outputs = [{"batch": f"{party}:L{number}", "material": "soft_lead", "mass": mass} for number, mass in ((3, "balance"), (4, TON))]
        split = {"type": "transform", "time": TIME, "site": f"{party}:works", "kind": "split", "inputs": [{"batch": f"{party}:L2"}]}
        events = (received, {**dispose, "mass": TON}, lead(f"{party}:L2"), {**split, "outputs": outputs})
        at.log(f"{party}/1", {"type": "site", "time": TIME, "site": site}, *events)
    return at


@pytest.fixture(scope="module")
def certified(named):
    """What issuing a certificate to each of the names said."""
    return {name: issued(named, party, SHOWN[name]) for party, name in NUMBERED}


def issued(at, party, text):
    file = at.folder / f"{party}.pdf"
    options = ("--to", text, "--order", text, "-o", file, "-k", at.keys[f"{party}/1"])
    return at.run("certify", "recycled-content", f"{party}:L1", *options)


def unshown(text):
    return {one for one in text if one != "\n" and not is_shown(one)}


def texts(value):
    """Yield every text in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from texts(inner)


@pytest.mark.parametrize("words", [("parties",), ("sites",), ("batches",), ("balance",), ("certificates",), ("audit",)])
def test_a_listing_shows_names_and_nothing_that_moves_a_cursor(named, words):
    plain, data = named.done(*words), named.done(*words, "--json")
    assert unshown(plain.out + plain.err + data.out) == set()
    if words[0] in {"parties", "sites"}:
        assert [name for name in SHOWN.values() if name not in plain.out] == []
        assert set(SHOWN.values()) <= set(texts(data.json))


def test_on_a_terminal_names_are_no_markup(named, monkeypatch, capsys):
    rows = [[party, SHOWN[name]] for party, name in NUMBERED if name not in {"long", "combining"}]
    monkeypatch.setattr(output, "sys", SimpleNamespace(stdout=SimpleNamespace(isatty=lambda: True), stderr=sys.stderr))
    monkeypatch.setenv("COLUMNS", "200")
    output.table(["party", "name"], rows)
    said = capsys.readouterr().out
    assert [text for _, text in rows if text not in said] == []
    assert unshown(said) == set()


def test_a_sealed_field_is_disclosed_as_it_was_written(named):
    for party, name in NUMBERED:
        file = named.folder / f"{party}.openings"
        assert SHOWN[name] in named.done("disclose", f"{party}:L1").out
        named.done("disclose", f"{party}:L1", "--field", "private.driver", "-o", file)
        assert json.loads(file.read_bytes())["openings"][0]["value"] == SHOWN[name]


def test_a_sealed_field_that_hides_something_is_shown_escaped(named):
    for number, text in enumerate(HIDDEN.values()):
        batch = f"p0:H{number}"
        named.log("p0/1", lead(batch, private={"driver": text}))
        file = named.folder / f"{number}.openings"
        asked = ("disclose", batch, "--field", "private.driver")
        said = [named.done(*asked).out, named.done(*asked, "--json").out]
        named.done(*asked, "-o", file)
        assert unshown("".join([*said, file.read_text(encoding="utf-8")])) == set()
        assert json.loads(said[1])["openings"][0]["value"] == text == json.loads(file.read_bytes())["openings"][0]["value"]


def test_a_certificate_has_the_name_as_text_or_is_refused(named, certified):
    for party, name in NUMBERED:
        said, file = certified[name], named.folder / f"{party}.pdf"
        assert unshown(said.out + said.err) == set()
        if name in UNPRINTABLE:
            assert said.code != 0
            assert "is not in the certificate's font" in said.err
            assert not file.exists()
            continue
        assert said.code == 0, (name, said)
        data = file.read_bytes()
        spoken = "".join("".join(text for _, text in read_aloud(data)).split())
        assert spoken.count("".join(SHOWN[name].split())) >= 3, name
        check_harmless(data)
        subject = json.loads(read_pdf(data))
        assert (subject["credentialSubject"]["customer"], subject["issuer"]["name"]) == (SHOWN[name], SHOWN[name])
        verified = named.done("verify", file)
        assert f"to {SHOWN[name]}" in verified.out
        assert unshown(verified.out + verified.err) == set()


def test_nothing_is_left_of_a_certificate_that_cannot_be_printed(named, certified):
    refused = [party for party, name in NUMBERED if certified[name].code]
    assert len(refused) == len(UNPRINTABLE)
    issued_by = {row["number"].rsplit("-", 2)[0] for row in named.done("certificates", "--json").json["certificates"]}
    assert issued_by == {party for party, _ in NUMBERED} - set(refused)


def check_harmless(data):
    """Check that a PDF links nowhere and runs nothing."""
    with opened(data) as document:
        for held in document.objects:
            if isinstance(held, pikepdf.Dictionary):
                assert not {"/URI", "/JS", "/Launch", "/OpenAction", "/AA", "/RichMedia"} & set(held.keys())
                assert held.get("/Subtype") != "/Link"
        assert [page.get("/Annots") for page in document.pages if "/Annots" in page] == []


def test_a_suppliers_statement_has_the_name_as_text_or_is_refused(named):
    for party, name in NUMBERED:
        file = named.folder / f"{party}-statement.pdf"
        said = named.run("recovered", f"{party}:L1", "--to", SHOWN[name], "-o", file)
        assert unshown(said.out + said.err) == set()
        if name in UNPRINTABLE:
            assert said.code != 0
            assert not file.exists()
            continue
        assert said.code == 0, (name, said)
        spoken = "".join("".join(text for _, text in read_aloud(file.read_bytes())).split())
        assert "".join(SHOWN[name].split()) in spoken, name
        check_harmless(file.read_bytes())


def test_a_picture_is_xml_and_has_no_element_but_its_own(named):
    for party, _ in NUMBERED:
        file = named.folder / f"{party}.svg"
        named.done("trace", f"{party}:L4", "--svg", file)
        tags = {one.tag for one in ET.fromstring(file.read_bytes()).iter()}  # noqa: S314 - our own bytes
        assert tags <= {f"{SVG}{tag}" for tag in ("svg", "title", "desc", "rect", "path", "text")}
        assert unshown(file.read_text(encoding="utf-8")) == set()


def test_credentials_for_other_programs_say_the_name_and_no_more(named, certified):
    for party, name in NUMBERED:
        if certified[name].code:
            continue
        number = json.loads(read_pdf((named.folder / f"{party}.pdf").read_bytes()))["credentialSubject"]["number"]
        for form in ("json", "vc-jwt", "untp-dcc", "untp-dpp"):
            file = named.folder / f"{party}.{form}"
            said = named.run("certificate", number, "--as", form, "-o", file, "-k", named.keys[f"{party}/1"])
            if form == "untp-dpp" and said.code:
                continue
            assert said.code == 0, (name, form, said)
            data = file.read_bytes()
            body = data if form == "json" else base64.urlsafe_b64decode(data.split(b".")[1] + b"==")
            assert SHOWN[name] in set(texts(json.loads(body))), (name, form)
            assert not any(unicodedata.category(one) in {"Cc", "Cf"} for one in body.decode() if one != "\n")


def test_a_rule_of_somebodys_own_is_cited_as_it_is_written(named):
    rule = json.loads(own().load("scs103.v8").canonical)
    for number, text in enumerate(SHOWN.values()):
        folder = named.folder / f"pack-{number}"
        folder.mkdir()
        (folder / "acme.lead.json").write_bytes(canonical.encode({**rule, "id": "acme.lead", "citation": text}))
        said = command("rules", "--rule-pack", folder, "show", "acme.lead")
        assert said.code == 0, said
        assert text in said.out
        assert unshown(said.out) == set()
