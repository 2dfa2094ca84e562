"""The measurement over hostile files sees a false HOLDS, a fault and a raw escape, and finds none in the program."""

from __future__ import annotations

import pytest

import hostile_pack
import reading
from cli import output
from ground import Ground
from ledger import keys
from ledger.evidence import verification
from pack import every


@pytest.fixture
def ground(tmp_path):
    return Ground(tmp_path)


def one(name):
    return next(hostile for hostile in every() if hostile.name == name)


def wrong(name, ground):
    found = reading.read(one(name), ground)
    return [*found.wrong, *hostile_pack.misjudged(found.verdict, reading.verdicts()[name])]


def test_a_sample_of_the_pack_gets_its_verdicts(tmp_path):
    figure = hostile_pack.measure(40, 7, tmp_path)
    assert figure.tried >= 40
    assert figure.first_wrong == ()
    assert figure.wrong == 0


def test_every_file_has_a_verdict_that_is_checked_in_and_the_same_bytes_on_every_run():
    made = [[(hostile.name, hostile.digest) for hostile in every()] for _ in range(2)]
    assert made[0] == made[1]
    assert [name for name, _ in made[0]] == list(reading.verdicts())
    assert len({digest for _, digest in made[0]}) == len(made[0])
    assert len(made[0]) >= 350


def test_a_false_holds_is_seen(ground, monkeypatch):
    monkeypatch.setattr(verification, "_check_subject", lambda *_: None)
    monkeypatch.setattr(verification, "recomputed", lambda *_, **__: "")
    monkeypatch.setattr(verification, "registered", lambda _, memory, __: next(iter(memory.claims.values())))
    assert [said.startswith("a false HOLDS: exit 0, want 1: ") for said in wrong("certificate signed again: another customer", ground)] == [
        True
    ]


def test_a_signature_that_nobody_checks_is_seen(ground, monkeypatch):
    monkeypatch.setattr(keys, "VerifyKey", lambda _: type("Believer", (), {"verify": lambda *_: b""})())
    assert [said.startswith("a false HOLDS: ") for said in wrong("record with a mass changed", ground)] == [True]


def test_a_proof_that_nobody_checks_is_seen(ground, monkeypatch):
    monkeypatch.setattr(verification, "verify_multiproof", lambda *_, **__: None)
    assert [said.startswith("a false HOLDS: ") for said in wrong("evidence with a node of zeros", ground)] == [True]


def test_a_raw_escape_is_seen(ground, monkeypatch):
    monkeypatch.setattr(output, "printable", lambda text: text)
    assert "raw characters: U+202E" in wrong("key evidence of a key with an override", ground)


def test_a_fault_is_seen(ground, monkeypatch):
    monkeypatch.setattr(verification, "read_record", lambda _: 1 // 0)
    found = wrong("certificate in its canonical form and a newline", ground)
    assert any(said.startswith("a fault: ") and "ZeroDivisionError" in said for said in found)


def test_a_file_that_takes_too_long_or_too_much_is_seen(ground, monkeypatch):
    monkeypatch.setattr(reading, "SECONDS", 0)
    monkeypatch.setattr(reading, "MEGABYTES", -1)
    assert [said.split()[0] for said in wrong("certificate without evidence", ground)] == ["took", "took"]
