"""Full disks, clocks that say anything, and a second instance started by mistake."""

import writers
from clocks import clocks
from diskfull import disk_full
from house import House
from ledger.log import refresh
from ledger.store import sqlite
from ledger.tlog import checkpoint
from writers import writers_sqlite


def test_a_disk_without_room_keeps_what_was_acknowledged_and_goes_on_once_there_is_room(tmp_path):
    figure = disk_full(6, 1, tmp_path)
    assert (figure.tried, figure.wrong, figure.first_wrong) == (6, 0, ())


def test_a_store_that_cannot_take_back_what_it_has_no_room_for_is_seen_to_break(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite, "PRAGMAS", ("journal_mode=OFF", *sqlite.PRAGMAS[1:]))
    assert disk_full(8, 1, tmp_path).wrong > 0


def test_whatever_the_clocks_say_nothing_is_refused_and_the_logs_time_never_goes_back(tmp_path):
    figure = clocks(24, 1, tmp_path)
    assert (figure.tried, figure.wrong, figure.first_wrong) == (24, 0, ())


def test_a_log_that_follows_its_clock_back_is_seen(tmp_path, monkeypatch):
    sign = checkpoint.sign_checkpoint
    monkeypatch.setattr(checkpoint, "sign_checkpoint", lambda *given, time, **more: sign(*given, time=max(0, time - 9), **more))
    figure = clocks(12, 1, tmp_path)
    assert figure.wrong == 2


def test_two_instances_on_one_ledger_write_everything_once_and_make_no_fork(tmp_path):
    figure = writers_sqlite(40, 1, tmp_path)
    assert (figure.tried, figure.wrong, figure.first_wrong) == (40, 0, ())


def test_a_writer_that_is_told_of_a_record_which_is_not_there_is_seen(tmp_path, monkeypatch):
    told = writers._told
    monkeypatch.setattr(writers, "_told", lambda *given: [*told(*given)[:-1], (1, 999, "ab" * 32, told_note(given[0]))])
    figure = writers_sqlite(8, 1, tmp_path)
    assert figure.first_wrong[0] == "the record acknowledged at index 999 is lost"


def told_note(folder):
    """Return a checkpoint of the ledger in a folder."""
    return refresh(House(folder).log())
