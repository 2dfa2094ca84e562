"""The planted frauds of the scorecard: what is counted as refused, flagged, worthless or unseen, and that a broken promise is seen."""

import pytest

import ledger.certified
import ledger.matter.transform
from frauds import FLAGGED, KINDS, NOTHING, REFUSED, UNSEEN, measure, outcome
from quarter import Quarter

KIND = {kind.name: kind for kind in KINDS}


@pytest.mark.parametrize(
    ("name", "came"),
    [
        ("phantom paste, assayed", FLAGGED),
        ("a truck entered twice", FLAGGED),
        ("a nought too many", FLAGGED),
        ("a heat sold beside the books", FLAGGED),
        ("primary as recycled, forged papers", UNSEEN),
        ("primary as recycled, no papers", NOTHING),
        ("primary remelted into scrap", NOTHING),
        ("certified in parts", REFUSED),
        ("a loop by correction", REFUSED),
        ("rounding", NOTHING),
    ],
)
def test_a_planted_fraud_comes_to_what_is_promised_of_it_and_no_more(name, came):
    assert outcome(KIND[name], "one") == came


def test_an_honest_quarter_raises_no_flag():
    assert Quarter("honest").run().flags().total() == 0


def test_a_certificate_over_certified_mass_that_is_taken_breaks_the_promise(monkeypatch):
    monkeypatch.setattr(ledger.certified, "standing", lambda *_, **__: False)
    assert outcome(KIND["certified twice"], "one") == UNSEEN


def test_a_relabel_that_is_taken_breaks_the_promise(monkeypatch):
    monkeypatch.setattr(ledger.matter.transform, "_check_forms", lambda *_: None)
    assert outcome(KIND["refined relabelled as scrap"], "one") == UNSEEN


def test_a_second_spending_that_is_taken_breaks_the_promise(monkeypatch, tmp_path):
    monkeypatch.setattr("frauds.KINDS", (KIND["overdrawn"],))
    monkeypatch.setattr("ledger.matter.draw._dry", lambda page, use, batch: batch.dry_left)
    figure = measure(1, 1, tmp_path)
    assert (figure.tried, figure.wrong, len(figure.first_wrong)) == (1, 1, 1)
