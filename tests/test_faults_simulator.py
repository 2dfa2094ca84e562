"""The simulated ledgers of the scorecard: the same seed is the same ledger, and each invariant fails where its rule is taken away."""

import math
from dataclasses import replace

import pytest

import ledger.amend
import ledger.certified
import ledger.matter.booking
import ledger.matter.closure
import ledger.matter.custody
import ledger.matter.draw
import ledger.matter.receive
import ledger.matter.transform
import ledger.matter.uncertainty
import ledger.replay
import ledger.state
import operators
from ledger.matter.batch import Batch
from ledger.matter.booking import Page
from ledger.matter.provenance import GAIN, Source
from lots import InvariantError
from simulated import measure, play


def broken(seed=3, ledgers=range(1, 12)):
    """Play ledgers until an invariant is broken, and return what it says."""
    for number in ledgers:
        try:
            play(seed, number, 250)
        except InvariantError as found:
            return str(found)
    pytest.fail("nothing was found")


def test_the_real_rules_break_no_invariant(tmp_path):
    figure = measure(300, 11, tmp_path)
    assert (figure.tried, figure.wrong, figure.first_wrong) == (300, 0, ())
    assert figure.also["ledgers"] == 1
    assert figure.also["ledgers in a file"] == figure.also["ledgers signed"] == figure.also["older files that pass a plain audit"] == 1
    assert figure.also["operator's tricks"] == operators.EACH * len(operators.TRICKS)


def test_the_same_seed_gives_the_same_records():
    one, same, other = (play(seed, 10, 60).books.records for seed in (5, 5, 6))
    assert [record.note for record in one] == [record.note for record in same]
    assert [record.note for record in one] != [record.note for record in other]


def test_a_rule_that_lets_an_overdraft_through_is_seen(monkeypatch):
    monkeypatch.setattr("ledger.matter.draw.uncertainty.bound", lambda *_: 10**18)
    assert "was overdrawn by" in broken()


def test_a_stock_that_goes_below_nothing_is_seen(monkeypatch):
    monkeypatch.setattr(ledger.matter.draw, "_dry", lambda page, use, batch: round(use.mass.milligrams))
    broken()


def test_metal_made_in_a_furnace_is_seen(monkeypatch):
    monkeypatch.setattr("ledger.matter.closure.uncertainty.bound", lambda *_: 10**15)
    assert "came out of" in broken() or "overdrawn" in broken()


def test_masses_rounded_up_are_seen(monkeypatch):
    monkeypatch.setattr(ledger.matter.receive, "round", math.ceil, raising=False)
    assert "behind record" in broken()


def test_a_draw_that_is_rounded_the_other_way_is_seen(monkeypatch):
    real = Batch.take

    def take(batch, dry):
        taken, after = real(batch, dry)
        return taken, replace(after, dry_left=after.dry_left + 1) if after.dry_left else after

    monkeypatch.setattr(Batch, "take", take)
    assert "behind record" in broken()


def test_gains_that_enter_as_recycled_are_seen(monkeypatch):
    assert Source("unknown") == GAIN
    monkeypatch.setattr(ledger.matter.closure, "GAIN", Source("end_of_life"))
    assert "mg of recycled" in broken()


def test_losses_that_nobody_posts_are_seen(monkeypatch):
    monkeypatch.setattr(ledger.matter.closure, "LOST", "moved_out")
    monkeypatch.setattr(Page, "_check_conserved", lambda page: None)
    assert "does not balance" in broken()


def test_a_certificate_that_its_mass_forgets_is_seen(monkeypatch):
    monkeypatch.setattr(ledger.matter.transform, "_inherited", lambda *_: ())
    assert "behind record" in broken()


def test_a_second_certificate_over_the_same_mass_is_seen(monkeypatch):
    monkeypatch.setattr(ledger.certified, "standing", lambda *_, **__: False)
    assert "is certified by" in broken()


def test_a_certificate_above_its_mass_is_seen(monkeypatch):
    monkeypatch.setattr(ledger.certified, "_check_mass", lambda *_, **__: None)
    broken()


def test_a_certificate_that_its_issuer_empties_and_keeps_is_seen(monkeypatch):
    monkeypatch.setattr(ledger.amend, "undercut", lambda *_, **__: {})
    assert "took metal from under it" in broken(ledgers=range(1, 200))


def test_a_certificate_that_stands_on_metal_its_issuer_used_is_seen(monkeypatch):
    monkeypatch.setattr(ledger.amend, "ended", lambda *_: {})
    assert "ended at" in broken()


def test_a_chain_that_anybody_may_continue_is_seen(monkeypatch):
    monkeypatch.setattr(ledger.state, "_check_header", lambda *_, **__: None)
    assert "has seq" in broken()


def test_a_revoked_key_that_still_signs_is_seen(monkeypatch):
    for module in (ledger.state, ledger.amend):
        monkeypatch.setattr(module, "require", lambda *_: None)
    assert "signed after its end" in broken()


def test_a_batch_that_is_used_on_the_road_is_seen(monkeypatch):
    monkeypatch.setattr(Page, "own_batch", lambda page, use, site: page.batch(use.batch))
    broken()


def test_refined_metal_that_is_relabelled_is_seen(monkeypatch):
    monkeypatch.setattr(ledger.matter.transform, "_check_forms", lambda *_: None)
    broken()


def test_an_edit_that_no_verifier_looks_at_is_seen(monkeypatch):
    monkeypatch.setattr(operators, "TRICKS", (operators.edited,))
    monkeypatch.setattr(ledger.replay.Replay, "_apply", lambda *_: None)
    assert "edited: passes without a checkpoint" in broken(ledgers=[10])


def test_a_history_that_is_the_same_but_for_a_record_is_not_taken_for_another(monkeypatch):
    monkeypatch.setattr(operators, "TRICKS", (lambda notes, at, _: notes,))
    assert "passes also beside the newest checkpoint" in broken(ledgers=[10])
