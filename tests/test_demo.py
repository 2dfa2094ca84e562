"""The demonstration: what it leaves, how long it takes, and that a copy tampered with is found out."""

from __future__ import annotations

import json
import subprocess
import time
import unicodedata
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reports.attachment import read_pdf
from terminal import command

PDFS = ("certificate-recycled-content.pdf", "certificate-domestic-origin.pdf")
FILES = {
    "README.txt", "audit-report.pdf", "keys", "ledger.db", "ledger.db.keys", "tampered-copy.db", "trace-LOT-4711.svg", "trust", *PDFS,
}  # fmt: skip


class Shown:
    """One run of the demonstration."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        began = time.perf_counter()
        self.said = command("demo", folder)
        self.seconds = time.perf_counter() - began

    def on_ledger(self, *arguments: object) -> Any:
        said = command(*arguments, "-L", self.folder / "ledger.db", "--json")
        assert said.code == 0, said
        return said.json


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    return Shown(tmp_path_factory.mktemp("shown") / "demo")


def test_it_runs_in_less_than_fifteen_seconds(shown):
    assert (shown.said.code, shown.said.err) == (0, "")
    assert shown.seconds < 15


def test_it_leaves_every_file_that_it_promises(shown):
    assert {file.name for file in shown.folder.iterdir()} == FILES
    for name in (*PDFS, "audit-report.pdf"):
        assert (shown.folder / name).read_bytes().startswith(b"%PDF-")
    assert {file.name for file in (shown.folder / "ledger.db.keys").iterdir()} >= {"log.key", "registrar.key", "mark", "trust"}
    assert len(list((shown.folder / "keys").glob("*.key"))) >= 5


def test_every_key_file_is_readable_by_its_owner_alone(shown):
    for file in shown.folder.rglob("*.key"):
        assert file.stat().st_mode & 0o077 == 0, file


def test_the_trace_picture_is_well_formed(shown):
    root = ET.fromstring((shown.folder / "trace-LOT-4711.svg").read_text(encoding="utf-8"))  # noqa: S314 - our own picture
    assert root.tag == "{http://www.w3.org/2000/svg}svg"


def test_it_tells_of_five_parties_and_eighty_events_in_three_countries_or_fewer(shown):
    parties = shown.on_ledger("parties")["parties"]
    assert len(parties) >= 5
    assert {"US", "MX"} <= {party["country"] for party in parties}
    assert shown.on_ledger("audit")["counts"]["events"] >= 80


def test_its_ledger_holds_and_its_books_balance(shown):
    assert shown.on_ledger("audit")["holds"] is True
    assert all(entry["difference"] == 0 for entry in shown.on_ledger("balance")["constituents"].values())


@pytest.mark.parametrize("name", PDFS)
def test_its_certificates_hold(shown, name):
    assert shown.on_ledger("verify", shown.folder / name)["holds"] is True


def test_the_audit_of_the_tampered_copy_names_the_record(shown):
    copy = shown.folder / "tampered-copy.db"
    said = command("audit", "-L", copy, "--trust", shown.folder / "trust", "--json")
    assert said.code == 1
    assert said.json["holds"] is False
    first = said.json["first_bad"]
    assert f"DOES NOT HOLD, first bad record {first}" in shown.said.out
    people = command("audit", "-L", copy, "--trust", shown.folder / "trust")
    assert (people.code, "Traceback" in people.out + people.err) == (1, False)


def test_it_runs_again_in_its_own_folder_and_prints_json(shown, tmp_path):
    folder = tmp_path / "again"
    folder.mkdir()
    (folder / "README.txt").write_text((shown.folder / "README.txt").read_text())
    (folder / "left.over").write_text("of the run before")
    said = command("demo", folder, "--json")
    assert (said.code, said.err) == (0, "")
    assert {file.name for file in folder.iterdir()} == FILES
    assert said.json["tampered"]["first_bad"] == said.json["tampered"]["changed"]
    assert said.json["tampered"]["holds"] is False


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    said = command("demo", tmp_path)
    assert (said.code, said.out) == (3, "")
    assert said.err == f"error: {tmp_path} holds something that is not a demonstration\nhint: give an empty or a new folder\n"
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_demonstration_in_place_of_a_file_is_refused(tmp_path):
    file = tmp_path / "file"
    file.write_text("something")
    said = command("demo", file)
    assert (said.code, said.err) == (3, f"error: {file} is a file, no folder\nhint: give an empty or a new folder\n")
    assert file.read_text() == "something"


def values(found: Any) -> Iterator[str]:
    """Yield every value of a JSON document as a page prints it."""
    if isinstance(found, dict):
        for inner in found.values():
            yield from values(inner)
    elif isinstance(found, list):
        for inner in found:
            yield from values(inner)
    elif isinstance(found, bool):
        yield "true" if found else "false"
    elif found is not None:
        yield str(found)


def squeezed(text: str) -> str:
    """Return a text without its white space, in one Unicode form."""
    return "".join(unicodedata.normalize("NFC", text).split())


@pytest.mark.tools
@pytest.mark.parametrize("name", PDFS)
def test_the_text_of_each_certificate_holds_every_value_of_its_data(shown, name):
    file = shown.folder / name
    printed = squeezed(subprocess.run(["pdftotext", "-layout", file, "-"], capture_output=True, check=True, encoding="utf-8").stdout)
    raw = squeezed(subprocess.run(["pdftotext", "-raw", file, "-"], capture_output=True, check=True, encoding="utf-8").stdout)
    document = json.loads(read_pdf(file.read_bytes()))
    assert [value for value in values(document) if squeezed(value) not in printed and squeezed(value) not in raw] == []
