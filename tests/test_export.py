"""Exports: what is written, in which order, what is refused, and that a crash at any moment leaves a whole export behind."""

import json
import os
import random
import shutil
import signal
import time
from importlib.resources import files
from pathlib import Path

import pytest

from books import ORIGIN
from exported import audited, check_export, exported, grown, more, tiles_in, wanted
from house import House
from keyring import signer
from ledger.errors import CheckpointError, ConflictError, ConsistencyError, FormatError, RollbackError, StoreError
from ledger.mirror.export import export
from ledger.store.store import Store
from ledger.tlog import tile
from ledger.tlog.checkpoint import Checkpoint, sign_checkpoint
from ledger.tlog.merkle import EMPTY_ROOT, leaf_hash
from terminal import command


@pytest.fixture(scope="module")
def tall(tmp_path_factory):
    return grown(tmp_path_factory.mktemp("tall"), 300)


@pytest.fixture(scope="module")
def taller(tall, tmp_path_factory):
    """The same ledger, later."""
    house = tall.copy(tmp_path_factory.mktemp("taller"))
    more(house, 230)
    return house


@pytest.fixture(scope="module")
def sound(tall, tmp_path_factory):
    return exported(tall, tmp_path_factory.mktemp("sound"))


@pytest.fixture
def place(sound, tmp_path):
    shutil.copytree(sound, tmp_path / "export")
    return tmp_path / "export"


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_an_export_is_the_checkpoint_the_tiles_the_bundles_and_the_specification(tall, sound):
    found = contents(sound)
    spec = {name for name in found if name.startswith("spec/")}
    assert set(found) - spec == {"checkpoint"} | wanted(300)
    assert {"spec/SPEC.md", "spec/data/policy-1.json"} < spec
    assert any(name.startswith("spec/data/rules/") for name in spec)
    assert found["spec/SPEC.md"] == (files("ledger") / "SPEC.md").read_bytes()
    entries = tall.entries()
    assert found["tile/0/001.p/44"] == b"".join(entry[2] for entry in entries[256:])
    assert tile.parse_bundle(found["tile/entries/001.p/44"], width=44, where="") == [entry[1] for entry in entries[256:]]
    with Store.open(tall.path).reading() as view:
        assert found["checkpoint"] == Store.published(view, 300)
    assert oct((sound / "checkpoint").stat().st_mode)[-3:] == "644"
    assert check_export(sound) == 300
    assert audited(tall, sound).findings == []


def test_an_export_carries_the_lines_of_witnesses_and_takes_new_ones_up(tall, tmp_path):
    house = tall.copy(tmp_path / "house")
    folder = exported(house, tmp_path / "export")
    with Store.open(house.path).writing() as view:
        Store.add_cosignatures(view, 300, [("w.example/a", "00", 7, "— w.example/a AAAAAAAA\n".encode())])
    done = export(Store.open(house.path), folder)
    assert (done.before, done.size, done.written, done.removed) == (300, 300, 1, 0)
    assert (folder / "checkpoint").read_bytes().endswith("— w.example/a AAAAAAAA\n".encode())


def test_the_next_export_writes_what_is_new_and_takes_away_what_two_checkpoints_ago_needed(taller, place):
    house = taller
    told: list[int] = []
    before = contents(place)
    done = export(Store.open(house.path), place, progress=told.append)
    assert (done.before, done.size, done.folder, done.origin) == (300, 530, place, ORIGIN)
    assert tiles_in(place) == wanted(300, 530)
    assert done.written == len(set(contents(place)) - set(before)) + 1
    assert done.removed == 0
    assert told[-1] == 256 + 18
    again = export(Store.open(house.path), place)
    assert (again.before, again.size, again.written) == (530, 530, 0)
    assert again.removed == len(wanted(300) - wanted(530))
    assert tiles_in(place) == wanted(530)
    assert not (place / "tile/0/001.p").exists()
    assert check_export(place) == 530
    assert export(Store.open(house.path), place).removed == 0


def test_a_missing_file_is_written_again_and_a_damaged_one_with_rewrite(tall, sound, place):
    (place / "tile/entries/000").unlink()
    (place / "tile/0/001.p/44").unlink()
    (place / "spec/SPEC.md").unlink()
    assert export(Store.open(tall.path), place).written == 5  # a bundle and the tile beside it are written together
    assert contents(place) == contents(sound)
    (place / "tile/0/000").write_bytes(b"damaged")
    assert export(Store.open(tall.path), place).written == 0
    assert export(Store.open(tall.path), place, rewrite=True).written == len(wanted(300))
    assert contents(place) == contents(sound)


def test_what_a_crash_left_behind_is_taken_away(tall, sound, place):
    for name in (".checkpoint.new", "tile/0/.000.new", "tile/0/001.p/.44.new"):
        (place / name).write_bytes(b"half")
    (place / "tile/0/001.p/17").write_bytes(b"of a checkpoint that was never written")
    (place / "tile/5").mkdir()
    (place / "tile/5/000").write_bytes(b"of another attempt")
    (place / "tile/readme").write_bytes(b"not ours")
    done = export(Store.open(tall.path), place)
    assert (done.written, done.removed) == (0, 2)
    assert contents(place) == contents(sound) | {"tile/readme": b"not ours"}


# Refusals


def refusal(house, place, kind):
    before = contents(place) if place.is_dir() else None
    with pytest.raises(kind) as caught:
        export(Store.open(house.path), place)
    assert (contents(place) if place.is_dir() else None) == before
    return str(caught.value)


def test_a_folder_with_other_things_in_it_is_refused(tall, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    assert refusal(tall, tmp_path, StoreError) == f"{tmp_path} is not empty and no export: it holds notes.txt"


def test_the_export_of_another_log_is_refused(tall, place):
    key = signer("other.example/log")
    note = sign_checkpoint(Checkpoint("other.example/log", 1, EMPTY_ROOT), key=key.vkey, sign=key.sign, time=1)
    (place / "checkpoint").write_bytes(note)
    assert refusal(tall, place, CheckpointError) == f"{place} is the export of other.example/log, this ledger is {ORIGIN}"


def test_a_checkpoint_that_this_log_did_not_sign_is_refused(tall, place):
    note = (place / "checkpoint").read_bytes()
    text = note[: note.index(b"\n\n") + 2]
    (place / "checkpoint").write_bytes(text + f"— {ORIGIN} AAAAAAAA\n".encode())
    assert refusal(tall, place, CheckpointError) == f"the checkpoint of {ORIGIN} at size 300 is signed by none of the log's keys"
    (place / "checkpoint").write_bytes(b"text")
    assert refusal(tall, place, FormatError) == f"{place / 'checkpoint'}, line 1: a note ends in a newline"


def test_a_fork_is_refused(tall, place):
    key, root = signer(ORIGIN), leaf_hash(b"another history")
    (place / "checkpoint").write_bytes(sign_checkpoint(Checkpoint(ORIGIN, 7, root), key=key.vkey, sign=key.sign, time=1))
    with Store.open(tall.path).reading() as view:
        mine = view.root_at(7)
    assert mine is not None
    assert refusal(tall, place, ConsistencyError) == (
        f"{place} and the ledger are a fork: at size 7 the export has root {root.hex()}, the ledger has {mine.hex()}"
    )


def test_an_export_never_goes_back(tall, taller, tmp_path):
    place = exported(taller, tmp_path / "export")
    assert refusal(tall, place, RollbackError) == (
        f"{place} was exported at size 530, the newest checkpoint here is at size 300; an export never goes back"
    )


def test_a_store_without_a_checkpoint_is_refused(tall, tmp_path):
    house = tall.copy(tmp_path / "house")
    house.sql("DELETE FROM checkpoint")
    assert refusal(house, tmp_path / "export", StoreError) == f"{house.path} has no checkpoint to export"
    assert not (tmp_path / "export").exists()


def test_a_store_that_does_not_lead_to_its_checkpoint_is_not_exported(tall, tmp_path):
    house = tall.copy(tmp_path / "house")
    house.sql("UPDATE subtree SET hash = zeroblob(32)")
    with Store.open(house.path).reading() as view:
        root = tile.root_at(view, 300).hex()
        newest = Store.newest_checkpoint(view)
    assert newest is not None
    signed = newest[1].hex()
    assert refusal(house, tmp_path / "export", StoreError) == (
        f"the store's tiles lead to root {root} at size 300, its checkpoint has {signed}; nothing was exported"
    )
    house.sql("DELETE FROM entry WHERE idx > 250")
    assert refusal(house, tmp_path / "export", StoreError) == "the store holds 251 records, its checkpoint says 300; nothing was exported"


def test_an_entry_that_was_changed_is_not_exported_and_no_checkpoint_says_it_was(tall, tmp_path):
    house = tall.copy(tmp_path / "house")
    house.sql("UPDATE entry SET record = x'00' WHERE idx = 9")
    got, want = leaf_hash(b"\0").hex(), tall.entries()[9][2].hex()
    with pytest.raises(StoreError) as caught:
        export(Store.open(house.path), tmp_path / "export")
    assert str(caught.value) == f"entry 9 hashes to {got}, stored is {want}; nothing more was exported"
    assert not (tmp_path / "export/checkpoint").exists()


def test_one_export_at_a_time(tall, place, monkeypatch):
    monkeypatch.setattr("ledger.mirror.export.try_lock", lambda _: False)
    assert refusal(tall, place, ConflictError) == f"another export writes to {place}"


def test_the_lock_is_held_while_an_export_is_at_work(taller, place):
    seen = []

    def meanwhile(_):
        with pytest.raises(ConflictError, match="^another export writes to "):
            export(Store.open(taller.path), place)
        seen.append(True)

    export(Store.open(taller.path), place, progress=meanwhile)
    assert seen


def test_a_place_that_cannot_be_written_is_refused(tall, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"/file cannot be made: File exists$"):
        export(Store.open(tall.path), tmp_path / "file" / "export")
    with pytest.raises(StoreError, match=r"/file cannot be made: File exists$"):
        export(Store.open(tall.path), tmp_path / "file")


def test_a_folder_that_cannot_be_opened_is_refused(tall, place, monkeypatch):
    def fail(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("ledger.mirror.export.os.walk", fail)
    with pytest.raises(StoreError, match="/export cannot be read or written: Permission denied$"):
        export(Store.open(tall.path), place)
    monkeypatch.setattr("ledger.mirror.export.os.open", fail)
    with pytest.raises(StoreError, match="/export cannot be opened: Permission denied$"):
        export(Store.open(tall.path), place)


# Crashes

DURABLE = ("replace", "fsync", "unlink", "mkdir", "rmdir")


def stopping(monkeypatch, at):
    """Let the program end, as by kill -9, just before its durable step number `at`; return what counts them."""
    count = [0]

    def before(real):
        def step(*args, **options):
            if count[0] == at:
                os._exit(9)
            count[0] += 1
            return real(*args, **options)

        return step

    for name in DURABLE:
        monkeypatch.setattr(os, name, before(getattr(os, name)))
    return count


def in_child(work):
    """Run something in a child process, and return its id."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    return child


@pytest.mark.slow
@pytest.mark.parametrize("start", ["nothing", "an older export"])
def test_a_crash_before_any_durable_step_leaves_a_whole_export_and_the_next_one_completes_it(taller, sound, tmp_path, monkeypatch, start):
    def begin(number):
        place = tmp_path / str(number)
        if start != "nothing":
            shutil.copytree(sound, place)
        return place

    reference = begin("reference")
    with monkeypatch.context() as patch:
        steps = stopping(patch, -1)
        export(Store.open(taller.path), reference)
    assert steps[0] > 20
    for at in range(steps[0]):
        place = begin(at)

        def crash(at=at, place=place):
            stopping(monkeypatch, at)
            export(Store.open(taller.path), place)

        _, status = os.waitpid(in_child(crash), 0)
        assert os.waitstatus_to_exitcode(status) == 9, at
        if (place / "checkpoint").exists():
            assert check_export(place) in ((300, 530) if start != "nothing" else (530,)), at
        else:
            assert start == "nothing"
        export(Store.open(taller.path), place)
        assert check_export(place) == 530
        export(Store.open(taller.path), place)
        assert tiles_in(place) == wanted(530)
        assert not list(place.rglob(".*"))
        shutil.rmtree(place)


@pytest.mark.slow
def test_kill_9_at_any_moment_leaves_a_whole_export(tall, taller, sound, tmp_path):
    numbers = random.Random(5)
    started = time.monotonic()
    export(Store.open(taller.path), tmp_path / "timed")
    whole = time.monotonic() - started
    sizes = set()
    for number in range(60):
        place = tmp_path / str(number)
        shutil.copytree(sound, place)
        child = in_child(lambda place=place: export(Store.open(taller.path), place))
        time.sleep(numbers.random() * whole * 1.2)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        sizes.add(check_export(place))
        export(Store.open(taller.path), place)
        assert check_export(place) == 530
        shutil.rmtree(place)
    assert sizes <= {300, 530}
    assert audited(tall, sound).holds


# The command


def test_the_command_says_what_it_wrote(tall, tmp_path):
    said = command("export", tmp_path / "export", "-L", tall.path)
    assert said.code == 0, said.err
    files_written = len(contents(tmp_path / "export"))
    assert said.out.splitlines()[0] == f"exported {ORIGIN} at size 300 to {tmp_path / 'export'}"
    assert said.out.splitlines()[2] == f"  before at size 0; {files_written} files written, 0 removed"
    said = command("export", tmp_path / "export", "-L", tall.path, "--json")
    root = said.json["root"]
    assert said.json == {
        "before": 300, "folder": str(tmp_path / "export"), "origin": ORIGIN, "removed": 0, "root": root, "size": 300, "written": 0,
    }  # fmt: skip
    assert len(bytes.fromhex(root)) == 32


def test_the_command_refuses_with_the_code_of_the_refusal(tall, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    said = command("export", tmp_path, "-L", tall.path, "--json")
    assert said.code == 3
    assert json.loads(said.out)["error"]["message"] == f"{tmp_path} is not empty and no export: it holds notes.txt"


def test_the_command_hints_at_records_that_are_not_signed_for(tall, tmp_path):
    house = tall.copy(tmp_path / "house")
    house.sql("DELETE FROM checkpoint WHERE size = 300")
    said = command("export", tmp_path / "export", "-L", house.path)
    assert said.code == 0
    assert said.out.startswith(f"exported {ORIGIN} at size 3 to ")
    assert "records from 3 on are not signed for yet" in said.err
    assert isinstance(house, House)
    assert Path(tmp_path / "export/tile/0/000.p/3").is_file()
