"""Eight processes, each with a key of its own, race for the same batch; no more win than there is metal for, in a file and on a server."""

import pytest

from ledger.matter.batch import Batch
from ledger.matter.booking import Page
from races import races_postgresql, races_sqlite


@pytest.mark.slow
@pytest.mark.parametrize("races", [races_sqlite, races_postgresql])
def test_of_eight_processes_that_race_for_one_batch_only_those_win_that_there_is_metal_for(tmp_path, races):
    figure = races(5, 1, tmp_path)
    assert (figure.tried, figure.wrong, figure.first_wrong) == (5, 0, ())
    assert figure.also["rounds with one winner"] > 0


def test_a_remainder_remembered_from_before_the_lock_is_seen_to_be_spent_by_all(tmp_path, monkeypatch):
    put = Page.put
    known: dict[str, Batch] = {}

    def remembering(page, batch):
        known.setdefault(batch.id, batch)
        put(page, batch)

    monkeypatch.setattr(Page, "put", remembering)
    monkeypatch.setattr(Page, "own_batch", lambda page, use, site: known[use.batch])
    figure = races_sqlite(1, 1, tmp_path / "conserved")
    assert "{'ConservationError': 7, 'won': 1}" in figure.first_wrong[-1]
    monkeypatch.setattr(Page, "_check_conserved", lambda page: None)
    figure = races_sqlite(1, 1, tmp_path / "spent")
    assert figure.wrong > 0
    assert "8 wanted 10 kg of 10 kg: {'won': 8}" in figure.first_wrong[-1]
