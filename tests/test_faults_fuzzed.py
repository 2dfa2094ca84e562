"""The fuzzing sees a parser that faults and a verifier that believes, and finds nothing in the program."""

from __future__ import annotations

import random

import pytest

import fuzzed
from fuzz_targets import Target, fault, targets
from ledger import keys, outbox
from ledger.errors import ConservationError, FormatError
from ledger.evidence import verification
from ledger.tlog import canonical


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    return targets(tmp_path_factory.mktemp("fuzz"))


def only(given, name):
    return [target for target in given if target.name == name]


@pytest.mark.slow
def test_bent_files_are_refused_by_every_parser_and_verifier(given):
    figure = fuzzed.tried(given, 3_000, 7)
    assert (figure.wrong, figure.first_wrong) == (0, ())
    assert figure.also["targets"] == len(given) >= 30


def test_every_valid_file_is_read(given):
    for target in given:
        for seed in target.seeds:
            assert fault(target, seed) is None, target.name
        if target.verified:
            assert target.meanings - {None} != frozenset(), target.name


def test_the_same_seed_bends_the_same_files(given):
    made = [[fuzzed.bent(numbers, target) for target in given] for numbers in (random.Random(3), random.Random(3))]
    assert made[0] == made[1]


def test_what_is_no_refusal_is_a_fault():
    assert fault(Target("x", lambda _: 1 // 0, (b"x",)), b"x") == "ZeroDivisionError: integer division or modulo by zero"

    def refusing(_):
        raise FormatError("no")

    assert fault(Target("x", refusing, (b"x",)), b"x") is None


def test_a_parser_that_faults_is_seen(given, monkeypatch):
    monkeypatch.setattr(canonical, "_check_depth", lambda *_: None)
    monkeypatch.setattr(canonical, "_integer", lambda digits: 1 // (len(digits) - 3))
    assert int(fuzzed.tried(only(given, "canonical JSON"), 1_000, 7).also["faults"]) > 0


def test_a_parser_that_takes_another_spelling_is_seen(given, monkeypatch):
    monkeypatch.setattr(canonical, "decode", canonical.parse)
    figure = fuzzed.tried(only(given, "canonical JSON"), 2_000, 7)
    assert figure.wrong > 0
    assert "MisreadError" in figure.first_wrong[0]


def test_openings_that_nobody_checks_are_seen(given, monkeypatch):
    monkeypatch.setattr(outbox, "_opening", lambda *fields: fields[3].lower())
    figure = fuzzed.tried(only(given, "outbox opening"), 1_000, 7)
    assert int(figure.also["faults"]) > 0


@pytest.mark.parametrize("name", ["checkpoint", "statement", "receipt", "fork"])
def test_a_verifier_that_believes_every_signature_is_seen(given, monkeypatch, name):
    believing = type("Believer", (), {"__init__": lambda *_: None, "verify": lambda *_: b""})
    monkeypatch.setattr(keys, "VerifyKey", believing)
    assert int(fuzzed.tried(only(given, name), 2_000, 7).also["false acceptances"]) > 0


def test_a_certificate_that_is_not_the_logged_one_is_seen(given, monkeypatch):
    monkeypatch.setattr(verification, "_check_subject", lambda *_: None)
    monkeypatch.setattr(verification, "recomputed", lambda *_, **__: "")
    monkeypatch.setattr(verification, "registered", lambda _, memory, __: next(iter(memory.claims.values())))
    assert int(fuzzed.tried(only(given, "certificate signed again"), 400, 7).also["false acceptances"]) > 0


def test_metal_that_would_not_balance_is_no_refusal(given):
    error = ConservationError("Pb", difference=1)

    def unbalanced(_):
        raise error

    assert fault(Target("x", unbalanced, (b"x",)), b"x") == "ConservationError: Pb: the books would not balance by 1 mg"
