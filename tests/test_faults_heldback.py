"""Whoever holds one checkpoint sees every older copy, frozen view and fork; the measurement notices a holder who does not look."""

import heldback


def test_with_one_held_checkpoint_every_rollback_freeze_and_fork_is_seen(tmp_path):
    found = heldback.measure(3, 1, tmp_path)
    assert (found.tried, found.wrong, found.first_wrong) == (9, 0, ())


def test_a_comparison_that_sees_no_fork_is_found_out(tmp_path, monkeypatch):
    monkeypatch.setattr(heldback, "_forked", lambda *_: False)
    found = heldback.measure(2, 1, tmp_path)
    assert (found.wrong, found.first_wrong) == (2, ("fork at step 0 of 2 was not seen", "fork at step 1 of 2 was not seen"))
