"""The measurement of two verifiers' verdicts agrees where they do, and names the input where they do not."""

import disagreements
import second


def test_two_verifiers_say_the_same_of_random_ledgers_and_damaged_files(tmp_path):
    found = disagreements.measure(30, 1, tmp_path)
    assert (found.wrong, found.first_wrong) == (0, ())
    assert found.tried >= 30
    assert found.also["random ledgers among them"] == 1


def test_a_verifier_that_says_yes_to_everything_is_found_out(tmp_path, monkeypatch):
    monkeypatch.setattr(second, "theirs", lambda *_: "holds")
    found = disagreements.measure(30, 1, tmp_path)
    assert found.wrong > 10
    assert ": program: " in found.first_wrong[0]
