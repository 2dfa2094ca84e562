"""The compare command: two checkpoints, exports or ledgers, and the proof where they do not agree."""

from __future__ import annotations

import shutil

import pytest

from terminal import ORIGIN, Terminal, command, house, truck


@pytest.fixture(scope="module")
def forked(tmp_path_factory):
    """A ledger and its twin, of which somebody who holds the log's key made two histories, each with its export."""
    folder = tmp_path_factory.mktemp("forked")
    (folder / "first").mkdir()
    first = house(folder / "first")
    first.done("trust", "-o", folder / "trust")
    first.done("export", folder / "before")
    shutil.copytree(first.folder, folder / "second")
    second = Terminal(folder / "second")
    second.keys = {name: second.folder / file.relative_to(first.folder) for name, file in first.keys.items()}
    first.log("yard/1", truck("yard:T1"))
    first.log("yard/1", truck("yard:T2"))
    second.log("yard/1", truck("yard:OTHER"))
    for made in (first, second):
        made.done("export", made.folder / "export")
    return folder


def compared(forked, first, second, *options):
    return command("compare", forked / first, forked / second, "--trust", forked / "trust", *options)


LEDGERS = ("first/ledger.db", "second/ledger.db")


def test_a_ledger_and_its_export_are_the_same(forked):
    said = compared(forked, "first/ledger.db", "first/export")
    assert (said.code, said.out.splitlines()[-1]) == (0, "SAME: one history, to the same record")


def test_an_older_export_is_the_beginning_of_the_ledger(forked):
    said = compared(forked, "before", "first/ledger.db")
    assert (said.code, said.out.splitlines()[-1]) == (0, "CONSISTENT: A is the beginning of B, 2 records behind")
    said = compared(forked, "second/export", "before/checkpoint")
    assert (said.code, said.out.splitlines()[-1]) == (0, "CONSISTENT: B is the beginning of A, 1 records behind")


@pytest.mark.parametrize("first", ["first/ledger.db", "first/export"])
@pytest.mark.parametrize("second", ["second/ledger.db", "second/export", "second/export/checkpoint"])
def test_a_fork_is_proved_to_whoever_has_the_trust_file(forked, first, second, tmp_path):
    proof = tmp_path / "fork.txt"
    for names in ((first, second), (second, first)):
        said = compared(forked, *names, "-o", proof)
        assert (said.code, said.out.splitlines()[-2]) == (1, "FORK: the log has signed two histories")
        assert proof.read_bytes().startswith(b"plumbline/fork/v1\nolder ")
        verified = command("verify", proof, "--trust", forked / "trust")
        assert (verified.code, "has signed two histories that do not agree" in verified.out) == (0, True)


def test_without_a_file_to_write_to_nothing_is_written(forked, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = compared(forked, *LEDGERS)
    assert said.code == 1
    assert said.err == "hint: keep both; -o FILE writes a proof that anybody can check\n"
    assert list(tmp_path.iterdir()) == []


def test_two_bare_checkpoints_of_different_sizes_need_more(forked):
    said = compared(forked, "before/checkpoint", "first/export/checkpoint")
    assert said.code == 1
    assert said.out.splitlines()[-1] == "CANNOT TELL: two checkpoints of different sizes; give the ledger or an export for the larger one"


def test_a_ledger_brings_its_own_trust_file_and_a_checkpoint_does_not(forked):
    assert command("compare", forked / "before", forked / "first/ledger.db").code == 0
    said = command("compare", forked / "before", forked / "first/export")
    assert (said.code, "which log? give its trust file with --trust" in said.err) == (2, True)


def test_it_says_the_same_to_programs(forked, tmp_path):
    said = compared(forked, *LEDGERS, "--json", "-o", tmp_path / "fork.txt").json
    assert (said["relation"], said["proof"]) == ("fork", str(tmp_path / "fork.txt"))
    assert said["sizes"][0] == said["sizes"][1] + 1
    said = compared(forked, "before", "first/ledger.db", "--json").json
    assert (said["relation"], said["proof"]) == ("behind", None)


def test_two_logs_are_not_compared(forked, tmp_path):
    other = Terminal(tmp_path)
    other.done("init", "--origin", "other.example/lead", "--no-passphrase")
    said = compared(forked, "first/ledger.db", other.path)
    assert said.code == 2
    assert said.err.startswith(
        f"error: {forked / 'first/ledger.db'} is of {ORIGIN}, {other.path} of other.example/lead: these are two logs\n"
    )


def test_tiles_that_do_not_lead_to_their_checkpoint_show_nothing(forked, tmp_path):
    """The honest tiles beside the other checkpoint: what agrees with them need not agree with it."""
    shutil.copytree(forked / "first/export", tmp_path / "mixed")
    shutil.copy(forked / "second/export/checkpoint", tmp_path / "mixed/checkpoint")
    said = compared(forked, "before/checkpoint", tmp_path / "mixed")
    assert said.code != 0
    assert "CONSISTENT" not in said.out
    assert "Traceback" not in said.err


def test_what_is_not_there_is_named(forked):
    said = compared(forked, "nowhere", "before")
    assert (said.code, str(forked / "nowhere") in said.err) == (2, True)
