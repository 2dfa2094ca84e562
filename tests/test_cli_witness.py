"""A witness at a terminal: its key, its state, and what it says."""

from __future__ import annotations

import os

import pytest

from keyring import signer
from ledger.tlog.note import Algorithm, parse_vkey
from ledger.witness.witness import answer
from terminal import ORIGIN, command, house, truck
from witnesses import ask, leaves, signed, state_in, witness


def key(folder, *options, name="w.example/1"):
    return command("witness", "key", name, "-o", folder / "w.key", "--no-passphrase", *options)


@pytest.fixture
def terminal(tmp_path):
    made = house(tmp_path)
    made.done("trust", "-o", tmp_path / "trust")
    assert key(tmp_path).code == 0
    return made


def cosign(folder, request, *options, trust="trust", name="w.key", **variables):
    files = ["--trust", folder / trust, "-k", folder / name, "--state", folder / "w.db"]
    return command("witness", "cosign", request, *files, *options, **variables)


def test_a_witness_key_prints_the_vkey_of_a_cosigner(tmp_path):
    said = key(tmp_path)
    *_, line = said.out.splitlines()
    assert said.out.splitlines()[0] == f"made the witness's key w.example/1 in {tmp_path / 'w.key'}"
    vkey = parse_vkey(line)
    assert (vkey.name, vkey.algorithm) == ("w.example/1", Algorithm.COSIGNATURE)
    assert (tmp_path / "w.key").stat().st_mode & 0o777 == 0o600
    assert sorted(file.name for file in tmp_path.iterdir()) == ["w.key", "w.key.vkey"]


def test_with_ml_dsa_it_prints_two(tmp_path):
    vkeys = [parse_vkey(text) for text in key(tmp_path, "--ml-dsa", "--json").json["vkeys"]]
    assert [one.algorithm for one in vkeys] == [Algorithm.COSIGNATURE, Algorithm.MLDSA_COSIGNATURE]
    assert (tmp_path / "w.key.mldsa.vkey").read_text() == f"{vkeys[1].format()}\n"


def test_a_key_that_cannot_be_made_is_refused(tmp_path):
    said = key(tmp_path, name="a b")
    assert (said.code, said.err.splitlines()[0]) == (2, "error: the key name 'a b' holds a space, a control character or a plus")
    said = command("witness", "key", "w.example/1", "-o", tmp_path / "w.key")
    assert (said.code, said.err.splitlines()[0]) == (3, "error: no pass phrase was given for the new key")
    assert key(tmp_path).code == 0
    assert key(tmp_path).err.startswith(f"error: {tmp_path / 'w.key'}.vkey exists and is not overwritten\n")


def test_a_locked_key_is_unlocked(tmp_path):
    terminal = house(tmp_path)
    terminal.done("trust", "-o", tmp_path / "trust")
    (tmp_path / "phrase").write_text("correct horse\n")
    phrase = str(tmp_path / "phrase")
    assert command("witness", "key", "w.example/1", "-o", tmp_path / "w.key", PLUMBLINE_PASSPHRASE_FILE=phrase).code == 0
    request = tmp_path / "r"
    request.write_text("old 0\n\n" + terminal.done("checkpoint").out)
    said = cosign(tmp_path, request)
    assert (said.code, said.out) == (3, "")
    assert said.err.startswith(f"error: the key file {tmp_path / 'w.key'} is locked by a pass phrase and none was given\n")
    assert cosign(tmp_path, request, "--passphrase-fd", open_phrase(tmp_path / "phrase")).code == 0
    assert cosign(tmp_path, request, PLUMBLINE_PASSPHRASE_FILE=phrase).code == 1  # it has moved on: the request goes from size 0


def open_phrase(path):
    return os.open(path, os.O_RDONLY)


def test_an_ml_dsa_vkey_of_another_key_is_refused(terminal, tmp_path):
    beside = tmp_path / "w.key.mldsa.vkey"
    request = tmp_path / "r"
    request.write_text("old 0\n\n" + terminal.done("checkpoint").out)
    for text, problem in (
        (signer("other.example/w").cosigners()[1][0].format(), f"{beside} is the vkey of another key than {tmp_path / 'w.key'}"),
        (signer("w.example/1").vkey.format(), f"{beside} is the vkey of another key than {tmp_path / 'w.key'}"),
        ("nonsense", f"{beside} does not hold a vkey"),
    ):
        beside.write_text(f"{text}\n")
        said = cosign(tmp_path, request)
        assert (said.code, said.out, said.err) == (3, "", f"error: {problem}\n")


def test_a_log_does_not_witness_itself(terminal, tmp_path):
    request = tmp_path / "r"
    request.write_text("old 0\n\n" + terminal.done("checkpoint").out)
    file = tmp_path / "ledger.db.keys" / "log.key"
    said = cosign(tmp_path, request, name="ledger.db.keys/log.key")
    assert (said.code, said.err) == (3, f"error: {file} is the key of the log {ORIGIN}; a log does not witness itself\n")


def test_one_log_is_followed_by_one_trust_file(terminal, tmp_path):
    said = cosign(tmp_path, tmp_path / "trust", "--trust", tmp_path / "trust")
    assert (said.code, said.err) == (2, f"error: {tmp_path / 'trust'}: is of {ORIGIN}, as another one is\n")


def test_what_is_no_request_is_refused(terminal, tmp_path):
    said = cosign(tmp_path, tmp_path / "trust")
    assert (said.code, said.err) == (1, "error: a request has an empty line before its checkpoint\n")


def test_a_state_that_was_lost_is_not_made_anew(terminal, tmp_path):
    request = tmp_path / "r"
    request.write_text("old 0\n\n" + terminal.done("checkpoint").out)
    assert cosign(tmp_path, request, "-o", tmp_path / "lines").code == 0
    (tmp_path / "w.db").unlink()
    said = cosign(tmp_path, request)
    hint = "hint: a witness that lost its state retires its key: make a new one with `plumbline witness key`\n"
    assert (said.code, said.err) == (3, f"error: there is no witness's state at {tmp_path / 'w.db'}\n{hint}")


def test_what_a_witness_remembers_is_shown(terminal, tmp_path):
    terminal.log("yard/1", truck("yard:T1"))
    request = tmp_path / "r"
    request.write_text("old 0\n\n" + terminal.done("checkpoint").out)
    assert cosign(tmp_path, request).out.startswith("— w.example/1 ")
    said = command("witness", "show", "--state", tmp_path / "w.db")
    heads, row = (line.split() for line in said.out.splitlines())
    assert heads == ["log", "size", "root", "time"]
    assert row[0] == ORIGIN
    said = command("witness", "show", "--state", tmp_path / "no.db")
    assert (said.code, said.err.splitlines()[0]) == (3, f"error: there is no witness's state at {tmp_path / 'no.db'}")


def test_evidence_against_a_log_is_shown(tmp_path):
    state = state_in(tmp_path)
    said = command("witness", "show", "--state", state.path)
    assert (said.out, said.err) == ("", "nothing was cosigned yet\n")
    who = witness(state)
    assert answer(who, ask(0, leaves(4))).status == 200
    assert answer(who, ask(4, leaves(4, forked_after=2))).status == 409
    said = command("witness", "show", "--state", state.path)
    assert f"does not fit: {ORIGIN} shows root " in said.out
    misfit = command("witness", "show", "--state", state.path, "--json").json["misfits"][0]
    assert misfit["size"] == 4
    assert misfit["checkpoint"] == signed(leaves(4, forked_after=2)).decode().rsplit("— ", 1)[0]
