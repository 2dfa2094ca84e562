"""A client killed with -9 at any moment loses nothing that was acknowledged to it, and books nothing twice."""

import time

import ledger.desk
import ledger.log
from client import numbers_of
from kills import kills_sqlite
from ledger.log import Appended, Receipt, append
from ledger.mark import write_mark
from ledger.outbox import Outbox
from ledger.record import read_record
from ledger.tlog.merkle import leaf_hash


def test_a_client_killed_at_any_moment_loses_no_record_that_was_acknowledged(tmp_path):
    figure = kills_sqlite(6, 1, tmp_path)
    assert (figure.tried, figure.wrong, figure.first_wrong) == (6, 0, ())


def test_a_record_acknowledged_before_it_is_written_is_seen_to_be_lost(tmp_path, monkeypatch):
    def early(log, source):
        with log.store.reading() as view:
            records = [read_record(note) for note in source(view)]
            size = view.size
        if not any(map(numbers_of, records)):
            return append(log, lambda _: [record.note for record in records])
        return Appended(tuple(Receipt(size, record, leaf_hash(record.note), b"") for record in records), b"")

    monkeypatch.setattr(ledger.desk, "append", early)
    figure = kills_sqlite(6, 3, tmp_path)
    assert figure.wrong > 0
    assert any("was acknowledged at index 4 and is lost" in wrong for wrong in figure.first_wrong)


def test_a_record_that_no_outbox_keeps_is_seen_to_be_booked_twice(tmp_path, monkeypatch):
    def slow(path, mark):
        time.sleep(0.1)
        write_mark(path, mark)

    monkeypatch.setattr(ledger.log, "write_mark", slow)
    monkeypatch.setattr(Outbox, "put", lambda *_: None)
    figure = kills_sqlite(4, 1, tmp_path)
    assert figure.wrong > 0
    assert "is in the log 2 times" in figure.first_wrong[0]
