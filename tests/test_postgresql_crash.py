"""A server killed while records are committed, and clients killed before it: what was acknowledged is there when it runs again."""

import pytest

import kills
from ledger.store import postgresql


@pytest.mark.slow
def test_a_server_killed_while_records_are_committed_loses_nothing_that_was_acknowledged(tmp_path, monkeypatch):
    monkeypatch.setattr(kills, "SERVER_ROUNDS", 2)
    figure = kills.kills_postgresql(4, 1, tmp_path)
    assert (figure.tried, figure.wrong, figure.first_wrong) == (4, 0, ())
    assert (figure.also["kills of the server"], figure.also["clients told that it is gone"]) == (2, 2)


@pytest.mark.slow
def test_a_server_that_commits_without_waiting_for_the_disk_is_seen_to_lose_what_it_acknowledged(tmp_path, monkeypatch):
    monkeypatch.setattr(postgresql, "DURABLE", {})
    monkeypatch.setattr(kills, "QUICK", (*kills.QUICK, "synchronous_commit=off", "wal_writer_delay=10s"))
    monkeypatch.setattr(kills, "SERVER_ROUNDS", 1)
    figure = kills.kills_postgresql(3, 1, tmp_path)
    assert any("is lost" in wrong for wrong in figure.first_wrong)
