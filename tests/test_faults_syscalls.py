"""A fault in any system call of an append leaves a ledger that goes on, and a client that finds out what became of its record."""

import pytest

import syscalls
from ledger.outbox import Outbox
from ledger.store import sqlite

pytestmark = pytest.mark.tools


def test_a_fault_in_a_system_call_of_an_append_loses_nothing_and_books_nothing_twice(tmp_path):
    figure = syscalls.syscalls(40, 1, tmp_path)
    assert (figure.tried, figure.wrong, figure.first_wrong) == (40, 0, ())
    assert {"killed", "told of an error", "told of an error, and the record is in the log"} <= {
        name for name in figure.also if figure.also[name]
    }


def test_a_second_fault_in_the_recovery_loses_nothing_either(tmp_path):
    figure = syscalls.double_faults(5, 1, tmp_path)
    assert (figure.tried, figure.wrong, figure.first_wrong) == (5, 0, ())


def test_a_store_without_a_journal_is_seen_to_break_where_a_writer_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite, "PRAGMAS", ("journal_mode=OFF", *sqlite.PRAGMAS[1:]))
    monkeypatch.setattr(syscalls, "FAULTS", {"signal=KILL:when={}": ("pwrite64",)})
    assert syscalls.syscalls(10, 1, tmp_path).wrong > 0


def test_an_outbox_that_keeps_nothing_is_seen_to_book_twice_where_an_error_hid_that_the_record_was_written(tmp_path, monkeypatch):
    monkeypatch.setattr(Outbox, "put", lambda *_: None)
    monkeypatch.setattr(syscalls, "FAULTS", {"error=EIO:when={}": ("rename",)})
    figure = syscalls.syscalls(10, 1, tmp_path)
    assert any("is in the log 2 times" in wrong for wrong in figure.first_wrong)
