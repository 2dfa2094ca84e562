"""Keys at a terminal: made, shown, checked, enrolled, retired, revoked; refused where others can read them or nobody can unlock them."""

from __future__ import annotations

import pytest

from terminal import ORIGIN, TIME, command, house, truck


@pytest.fixture
def terminal(tmp_path):
    return house(tmp_path)


def locked(terminal, name):
    """Make a locked key and return the variables that unlock it."""
    phrase = terminal.folder / "phrase"
    phrase.write_text("correct horse\n")
    terminal.keys[name] = terminal.folder / f"{name.replace('/', '-')}.key"
    terminal.done("key", "new", name, "-o", terminal.keys[name], PLUMBLINE_PASSPHRASE_FILE=str(phrase))
    return {"PLUMBLINE_PASSPHRASE_FILE": str(phrase)}


def test_a_new_key_prints_its_vkey_as_the_last_line(terminal):
    file = terminal.folder / "k.key"
    said = terminal.done("key", "new", "yard/2", "-o", file, "--no-passphrase")
    vkey = (terminal.folder / "k.key.vkey").read_text().strip()
    assert said.out.splitlines()[-1] == vkey
    assert vkey.startswith("yard/2+")
    assert f"proof of possession for {ORIGIN}: " in said.out
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_new_key_without_a_ledger_has_no_proof_yet(tmp_path):
    said = command("key", "new", "yard/2", "-o", tmp_path / "k.key", "--no-passphrase", "--json")
    assert said.json["proof"] is None
    shown = command("key", "show", tmp_path / "k.key", "--origin", ORIGIN, "--json").json
    assert shown["vkey"] == said.json["vkey"]
    assert shown["proof"]
    said = command("key", "show", tmp_path / "k.key")
    assert (said.code, said.out) == (0, f"{shown['vkey']}\n")


def test_a_key_name_that_is_none_is_refused(tmp_path):
    said = command("key", "new", "yard", "-o", tmp_path / "k.key", "--no-passphrase")
    problem = "'yard' is not a key name party/name, such as keystone/scale-1"
    assert (said.code, said.err) == (2, f"error: {problem}\nhint: plumbline key new --help\n")
    assert list(tmp_path.iterdir()) == []


def test_a_key_file_is_never_overwritten(terminal):
    file = terminal.keys["yard/1"]
    before = terminal.files()
    said = terminal.run("key", "new", "yard/2", "-o", file, "--no-passphrase")
    assert (said.code, said.err) == (3, f"error: {file}.vkey exists and is not overwritten\nhint: choose another file name\n")
    assert terminal.files() == before


def test_a_key_without_a_pass_phrase_must_be_asked_for(tmp_path):
    said = command("key", "new", "yard/2", "-o", tmp_path / "k.key")
    hint = "hint: PLUMBLINE_PASSPHRASE_FILE, --passphrase-fd, or --no-passphrase for unattended use\n"
    assert (said.code, said.err) == (3, f"error: no pass phrase was given for the new key\n{hint}")
    said = command("init", "-L", tmp_path / "n.db", "--origin", ORIGIN)
    assert (said.code, said.err) == (3, f"error: no pass phrase was given for the new keys\n{hint}")
    assert list(tmp_path.iterdir()) == []


def test_a_key_file_that_others_can_read_is_refused(terminal):
    file = terminal.keys["yard/1"]
    file.chmod(0o644)
    said = terminal.try_log("yard/1", truck("yard:T1"))
    problem = f"the key file {file} has mode 0644: others than its owner can use it"
    assert (said.code, said.err) == (3, f"error: {problem}\nhint: chmod 600 {file}\n")
    file.chmod(0o600)
    terminal.log("yard/1", truck("yard:T1"))


def test_a_key_file_that_is_not_there_is_refused(terminal):
    said = terminal.run("log", terminal.write("e.jsonl", truck("yard:T1")), "-k", terminal.folder / "no.key")
    assert (said.code, said.err) == (3, f"error: cannot read the key file {terminal.folder / 'no.key'}: No such file or directory\n")


def test_a_locked_key_without_its_pass_phrase_is_refused(terminal):
    locked(terminal, "yard/2")
    said = terminal.try_log("yard/2", truck("yard:T1"))
    problem = f"the key file {terminal.keys['yard/2']} is locked by a pass phrase and none was given"
    hint = "hint: use --passphrase-fd or PLUMBLINE_PASSPHRASE_FILE where there is no terminal\n"
    assert (said.code, said.err) == (3, f"error: {problem}\n{hint}")


def test_a_wrong_pass_phrase_is_refused(terminal):
    locked(terminal, "yard/2")
    wrong = terminal.folder / "wrong"
    wrong.write_text("battery staple\n")
    file = terminal.keys["yard/2"]
    said = terminal.run("key", "check", file, PLUMBLINE_PASSPHRASE_FILE=str(wrong))
    problem = f"the key file {file} cannot be opened: the pass phrase is wrong or the file is damaged"
    assert (said.code, said.err) == (3, f"error: {problem}\n")


def test_a_pass_phrase_file_that_is_not_there_is_refused(terminal):
    locked(terminal, "yard/2")
    said = terminal.run("key", "check", terminal.keys["yard/2"], PLUMBLINE_PASSPHRASE_FILE=str(terminal.folder / "none"))
    problem = f"the pass phrase file {terminal.folder / 'none'} cannot be read: No such file or directory"
    assert (said.code, said.err) == (3, f"error: {problem}\n")


def test_a_key_is_checked_against_the_ledger(terminal):
    unlocked = locked(terminal, "yard/2")
    file = terminal.keys["yard/2"]
    said = terminal.run("key", "check", file, **unlocked)
    assert (said.code, said.out) == (0, f"{file} is the key yard/2, locked by a pass phrase; in the ledger: not enrolled in this ledger\n")
    found = terminal.done("key", "check", terminal.keys["yard/1"], "--json").json
    assert (found["name"], found["passphrase"]) == ("yard/1", False)
    assert found["standing"].startswith("active, may sign admin, record, certify, attest, ")
    assert command("key", "check", terminal.keys["yard/1"], "--json").json["standing"] == "not looked up (give -L)"


def test_another_key_of_the_same_name_is_told_apart(terminal):
    file = terminal.folder / "false.key"
    terminal.done("key", "new", "yard/1", "-o", file, "--no-passphrase")
    said = terminal.run("key", "check", file)
    assert (said.code, said.err) == (3, f"error: {file} is not the key that the ledger knows as yard/1\n")
    assert terminal.run("log", terminal.write("e.jsonl", truck("yard:T1")), "-k", file).code == 1


def test_a_key_is_enrolled_signs_and_is_retired(terminal):
    made = terminal.new_key("yard/scale-1")
    assert terminal.try_log("yard/scale-1", truck("yard:T1")).code == 1
    assert terminal.run("outbox", "-k", terminal.keys["yard/scale-1"]).err == "the outbox is empty\n"
    admin = ("-k", terminal.keys["yard/1"])
    terminal.done("key", "enrol", made["vkey"], "--proof", made["proof"], *admin)
    terminal.log("yard/scale-1", truck("yard:T1"))
    terminal.done("key", "retire", "yard/scale-1", "--reason", "scale sold", *admin)
    assert terminal.try_log("yard/scale-1", truck("yard:T2")).code == 1
    assert terminal.done("key", "check", terminal.keys["yard/scale-1"], "--json").json["standing"] == "retired, may sign record, 1 records"
    assert terminal.done("audit", "--json").json["holds"] is True


def test_a_key_that_was_lost_is_revoked(terminal):
    made = terminal.new_key("yard/scale-1")
    admin = ("-k", terminal.keys["yard/1"])
    terminal.done("key", "enrol", made["vkey"], "--proof", made["proof"], "--scope", "record", "--scope", "certify", *admin)
    terminal.done("key", "revoke", "yard/scale-1", "--compromised-since", TIME, "--reason", "stolen", *admin)
    assert terminal.done("key", "check", terminal.keys["yard/scale-1"], "--json").json["standing"].startswith("revoked, ")
    keys = {row["party"]: row["keys"] for row in terminal.done("parties", "--json").json["parties"]}
    assert keys["yard"] == ["yard/1 (active: admin record certify attest)", "yard/scale-1 (ended: certify record)"]
    said = terminal.run("key", "revoke", "yard/none", *admin)
    assert said.code == 1


def test_a_key_with_another_ledgers_proof_is_not_enrolled(terminal):
    file = terminal.folder / "other.key"
    made = command("key", "new", "yard/2", "-o", file, "--origin", "other.example/lead", "--no-passphrase", "--json").json
    said = terminal.run("key", "enrol", made["vkey"], "--proof", made["proof"], "-k", terminal.keys["yard/1"], "--json")
    assert said.code == 1
    assert said.error["message"]


def test_a_ledger_is_founded_with_locked_keys_and_works(tmp_path):
    phrase = tmp_path / "phrase"
    phrase.write_text("correct horse\n")
    path = tmp_path / "locked.db"
    said = command("init", "-L", path, "--origin", ORIGIN, "--keys", tmp_path / "apart", PLUMBLINE_PASSPHRASE_FILE=str(phrase))
    assert said.code == 0, said
    assert sorted(file.name for file in (tmp_path / "apart").iterdir() if file.is_file()) == [
        "log.key", "log.key.vkey", "mark", "registrar.key", "registrar.key.vkey", "trust",
    ]  # fmt: skip
    made = command("key", "new", "yard/1", "-o", tmp_path / "y.key", "-L", path, "--no-passphrase", "--json").json
    words = ("admit", "yard", "--name", "Yard", "--country", "US", "--vkey", tmp_path / "y.key.vkey", "--proof", made["proof"], "-L", path)
    assert command(*words).code == 3
    assert command(*words, PLUMBLINE_PASSPHRASE_FILE=str(phrase)).code == 0


def test_a_ledger_is_never_founded_over_a_file_or_with_a_bad_origin(terminal):
    before = terminal.files()
    said = terminal.run("init", "--origin", ORIGIN, "--no-passphrase")
    assert (said.code, said.err) == (3, f"error: {terminal.path} exists already\nhint: give another path; a ledger is never overwritten\n")
    said = command("init", "-L", terminal.folder / "n.db", "--origin", "nodot", "--no-passphrase")
    problem = "'nodot' is not an origin: want a host with a dot, a slash and a path, in a-z 0-9 . / -"
    assert (said.code, said.err) == (2, f"error: {problem}\n")
    assert terminal.files() == before
