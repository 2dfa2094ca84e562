"""Files are written whole or not at all, and a folder that says no is a refusal and no traceback."""

import os
from pathlib import Path

import pytest

import ledger.files
from ledger.errors import StoreError
from ledger.files import is_there, make_folder, read_file, remove_files, replace_file, replace_files
from ledger.outbox import Outbox


def refuse(*_, **__):
    raise OSError(28, "No space left on device")


def test_a_file_is_replaced_with_its_mode(tmp_path):
    replace_file(tmp_path / "mark", b"one", mode=0o600)
    replace_file(tmp_path / "mark", b"two", mode=0o600)
    assert (tmp_path / "mark").read_bytes() == b"two"
    assert (tmp_path / "mark").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["mark"]


@pytest.mark.parametrize("step", ["fsync", "open", "fdopen"])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path, monkeypatch, step):
    place = tmp_path / "mark"
    place.write_bytes(b"old")
    with monkeypatch.context() as patch:
        patch.setattr(os, step, refuse)
        with pytest.raises(StoreError) as refusal:
            replace_files({tmp_path / "first": b"1", place: b"new"})
    assert str(refusal.value) in {f"{name} cannot be written: No space left on device" for name in (tmp_path / "first", place)}
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"mark": b"old"}


def test_a_rename_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path, monkeypatch):
    place = tmp_path / "mark"
    place.write_bytes(b"old")
    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(StoreError, match=f"^{place} cannot be written: No space left on device$"):
        replace_file(place, b"new")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"mark": b"old"}


def test_a_folder_that_is_not_there_is_a_refusal(tmp_path):
    with pytest.raises(StoreError, match=f"^{tmp_path / 'no' / 'mark'} cannot be written: No such file or directory$"):
        replace_file(tmp_path / "no" / "mark", b"")
    with pytest.raises(StoreError, match=f"^{tmp_path / 'no'} cannot be removed: No such file or directory$"):
        remove_files([tmp_path / "no" / "mark"])
    with pytest.raises(StoreError, match=f"^mark {tmp_path / 'mark'} cannot be read: No such file or directory$"):
        read_file(tmp_path / "mark", what="mark")


def test_a_file_is_read_up_to_its_limit(tmp_path):
    (tmp_path / "mark").write_bytes(b"12345")
    assert read_file(tmp_path / "mark", what="mark", limit=5) == b"12345"
    with pytest.raises(StoreError, match=f"^mark {tmp_path / 'mark'} has 5 bytes, the limit is 4$"):
        read_file(tmp_path / "mark", what="mark", limit=4)


def test_files_are_removed_as_far_as_they_are_there(tmp_path):
    (tmp_path / "a").write_bytes(b"")
    remove_files([tmp_path / "a", tmp_path / "b"])
    remove_files([])
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_looked_into_is_a_refusal(tmp_path, monkeypatch):
    assert not is_there(tmp_path / "mark")
    assert is_there(tmp_path)
    with pytest.raises(StoreError, match="cannot be looked for: File name too long$"):
        is_there(tmp_path / ("x" * 300))


def test_a_folder_is_made_durably_with_those_above_it(tmp_path, monkeypatch):
    synced: list[Path] = []
    monkeypatch.setattr(ledger.files, "sync_folder", synced.append)
    make_folder(tmp_path / "a" / "b", mode=0o700, parents=True)
    assert synced == [tmp_path / "a", tmp_path]
    synced.clear()
    make_folder(tmp_path / "a" / "b", mode=0o700)
    assert synced == [tmp_path / "a"]
    with pytest.raises(FileNotFoundError):
        make_folder(tmp_path / "no" / "c", mode=0o700)


def test_the_outbox_of_a_key_is_durable_before_anything_is_put_there(tmp_path, monkeypatch):
    synced: list[Path] = []
    monkeypatch.setattr(ledger.files, "sync_folder", synced.append)
    outbox = Outbox(tmp_path / "scale.key")
    for _ in range(2):
        with outbox.locked():
            assert synced == [tmp_path]
