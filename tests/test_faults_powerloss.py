"""A power cut at any moment of a run leaves a ledger with everything that was acknowledged, whatever of the unsynced is lost."""

import random

import pytest

import ledger.files
import powerloss
from disk import Change, Disk, File
from ledger.store import sqlite

LOT = random.Random(1)


@pytest.mark.tools
@pytest.mark.slow
def test_a_power_cut_at_any_moment_loses_no_record_that_was_acknowledged(tmp_path):
    figure = powerloss.powerloss(60, 1, tmp_path)
    assert (figure.tried, figure.wrong, figure.first_wrong) == (60, 0, ())


@pytest.mark.tools
@pytest.mark.slow
@pytest.mark.parametrize(
    ("synchronous", "lost"),
    [("OFF", "was acknowledged at index"), ("NORMAL", "newest good checkpoint is at"), ("FULL", "newest good checkpoint is at")],
)
def test_a_store_that_syncs_less_is_seen_to_lose_what_it_acknowledged(tmp_path, monkeypatch, synchronous, lost):
    pragmas = ("journal_mode=DELETE", f"synchronous={synchronous}", *sqlite.PRAGMAS[2:])
    assert sqlite.PRAGMAS[:2] == ("journal_mode=DELETE", "synchronous=EXTRA")
    monkeypatch.setattr(sqlite, "PRAGMAS", pragmas)
    figure = powerloss.powerloss(80, 1, tmp_path)
    assert any(lost in wrong for wrong in figure.first_wrong)


@pytest.mark.tools
@pytest.mark.slow
def test_files_that_are_renamed_before_they_are_synced_are_seen_to_be_lost(tmp_path, monkeypatch):
    monkeypatch.setattr(ledger.files, "sync_folder", lambda place: None)
    figure = powerloss.powerloss(40, 1, tmp_path)
    assert figure.wrong > 0


def test_what_was_synced_survives_and_the_rest_may_not():
    disk = Disk("/top")
    disk.opened("/top/a", "O_CREAT")
    disk.written("/top/a", b"old")
    disk.synced("/top/a")
    assert disk.root.survives(LOT, 0) == {}
    disk.synced("/top")
    disk.written("/top/a", b"!")
    assert disk.root.survives(LOT, 0) == {"a": b"old"}
    assert disk.root.survives(LOT, 1) == {"a": b"old!"}
    disk.opened("/top/b", "O_CREAT")
    disk.moved("/top/b", "/top/a")
    assert disk.root.survives(LOT, 0) == {"a": b"old"}
    assert disk.root.survives(LOT, 1) == {"a": b""}
    disk.gone("/top/a")
    assert {tuple(disk.root.survives(LOT, 0.5)) for _ in range(99)} == {(), ("a",), ("a", "b")}


def test_a_write_is_torn_at_sectors_and_a_file_that_grew_has_zeros_where_nothing_survived():
    file = File(b"x" * 600, [Change(500, b"y" * 1000)])
    assert {len(content) for content in (file.survives(random.Random(seed), 0.5) for seed in range(200))} == {600, 1024, 1500}
    torn = {bytes(sorted(set(file.survives(random.Random(seed), 0.4)))) for seed in range(200)}
    assert torn >= {b"x", b"xy", b"\0xy"}
    assert Change(2, None).done(b"abcd") == b"ab"
    assert Change(3, b"z").done(b"a") == b"a\0\0z"
