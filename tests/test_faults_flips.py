"""The measurement of flipped bits finds nothing in the program, and finds what it is for when the program looks away."""

import pytest

import flips
from ledger.errors import StoreError


@pytest.mark.parametrize(("measure", "amount"), [(flips.ledger, 60), (flips.export, 60), (flips.evidence, 40)])
def test_a_flipped_bit_is_noticed_in_words_or_changes_nothing(tmp_path, measure, amount):
    found = measure(amount, 3, tmp_path)
    assert (found.tried, found.wrong, found.first_wrong) == (amount, 0, ())
    assert int(found.also["detected"]) > 0


def test_an_audit_that_looks_away_is_found_out(tmp_path, monkeypatch):
    monkeypatch.setattr(flips, "_audited", lambda _: True)
    found = flips.ledger(60, 3, tmp_path)
    assert found.wrong == int(found.also["undetected"]) > 0


def test_an_error_that_is_not_said_in_words_is_found_out(tmp_path, monkeypatch):
    def breaks(_):
        raise ValueError

    monkeypatch.setattr(flips, "_audited", breaks)
    found = flips.ledger(60, 3, tmp_path)
    assert found.wrong == int(found.also["traceback"]) > 0
    assert found.first_wrong[0].endswith("traceback ValueError")


def test_a_refusal_in_words_is_detection(tmp_path, monkeypatch):
    def refuses(_):
        raise StoreError("is damaged")

    monkeypatch.setattr(flips, "_audited", refuses)
    assert flips.ledger(60, 3, tmp_path).wrong == 0
