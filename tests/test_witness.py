"""A witness cosigns what continues the last checkpoint it cosigned, and nothing else, whatever order and whatever crash."""

from __future__ import annotations

import base64
import multiprocessing as mp
import os
import re
import signal
import sqlite3
import threading
from dataclasses import replace

import pytest

from books import ORIGIN
from keyring import signer
from ledger.errors import FormatError, LimitError, StoreError
from ledger.keys import verify
from ledger.store.witnessing import MAX_MISFITS, WitnessState
from ledger.tlog import merkle
from ledger.tlog.checkpoint import verify_cosignatures
from ledger.tlog.note import parse_note
from ledger.witness.witness import (
    MAX_REQUEST_BYTES,
    Answer,
    Cosigner,
    Latest,
    Misfit,
    Request,
    WitnessRefusalError,
    add_checkpoint,
    answer,
    parse_request,
)
from witnesses import NOW, Clock, MemoryState, ask, leaves, signed, state_in, witness

SPAWN = mp.get_context("spawn")
SIZE, PLAIN = "text/x.tlog.size", "text/plain; charset=utf-8"


@pytest.fixture
def who(tmp_path):
    return witness(state_in(tmp_path))


def refusal(who, body):
    with pytest.raises(WitnessRefusalError) as caught:
        add_checkpoint(who, body)
    given = answer(who, body)
    assert given.status == caught.value.status
    return caught.value.status, str(caught.value), given


def latest(who, origin=ORIGIN):
    with who.state.deciding() as notebook:
        return notebook.latest(origin)


def misfits(who):
    with who.state.reading() as notebook:
        return [one for _, one in notebook.misfits()]


def times(note, lines, key):
    return verify_cosignatures(parse_note(parse_note(note).text + b"\n" + lines), key=key, verify=verify)


def test_a_log_that_grows_is_cosigned_at_every_step(who):
    for old, new in ((0, 1), (1, 2), (2, 7), (7, 7), (7, 8), (8, 20)):
        hashes = leaves(new)
        given = answer(who, ask(old, hashes))
        assert (given.status, given.content_type) == (200, PLAIN)
        assert len(times(signed(hashes), given.body, who.cosigners[0].key)) == 1
        assert latest(who).size == new
        assert latest(who).root == merkle.root(hashes)


def test_an_empty_log_is_cosigned(who):
    assert answer(who, ask(0, [])).status == 200
    assert answer(who, ask(0, leaves(3))).status == 200


def test_a_witness_with_both_keys_gives_a_line_of_each(tmp_path):
    who = witness(state_in(tmp_path), ml_dsa=True)
    lines = add_checkpoint(who, ask(0, leaves(5)))
    assert lines.count(b"\n") == 2
    for one in who.cosigners:
        assert times(signed(leaves(5)), lines, one.key) == [NOW + 1]


def test_the_checkpoint_may_carry_lines_of_strangers_which_are_not_kept(who):
    stranger = signer("stranger.example/s").vkey.signed(bytes(64)).line()
    assert answer(who, ask(0, leaves(5)) + stranger).status == 200
    assert latest(who).note == signed(leaves(5)).rsplit("— ".encode(), 1)[0]


def test_a_log_that_is_not_followed_is_not_found(who):
    found = refusal(who, Request(0, (), signed(leaves(2), name="other.example/log")).to_bytes())
    problem = "this witness does not follow the log 'other.example/log'"
    assert found == (404, problem, Answer(404, f"{problem}\n".encode()))


def test_a_log_that_is_not_followed_is_not_found_whatever_its_checkpoint_looks_like(who):
    status, problem, _ = refusal(
        who, b"old 0\n\nGo.SUM database tree\n1\nAA==\nextension\n\n" + signer("a.example/b").vkey.signed(b"x").line()
    )
    assert (status, problem) == (404, "this witness does not follow the log 'Go.SUM database tree'")


def test_a_checkpoint_that_no_trusted_key_signed_is_forbidden(who):
    note = signed(leaves(3), by="stranger.example/log")
    status, problem, _ = refusal(who, Request(0, (), note).to_bytes())
    assert (status, problem) == (403, f"the checkpoint of {ORIGIN} at size 3 is signed by none of the log's keys")
    assert latest(who) is None


def test_a_checkpoint_whose_signature_does_not_verify_is_forbidden(who):
    note = signed(leaves(3)).replace(b"\n3\n", b"\n4\n", 1)
    status, problem, _ = refusal(who, Request(0, (), note).to_bytes())
    key = signer(ORIGIN).vkey
    want = f"{ORIGIN}+{key.key_id.hex()}: the signature is not one of public key {key.public_key.hex()} over this text"
    assert (status, problem) == (403, want)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "a request has an empty line before its checkpoint"),
        (b"old 0\n", "a request has an empty line before its checkpoint"),
        (b"size 0\n\n", "line 1: a request begins with the line old <size>, got 'size 0'"),
        (b"old 01\n\n", "line 1: the old size is '01', want a decimal up to 2^63 - 1 without leading zeros"),
        (b"old -1\n\n", "line 1: the old size is '-1', want a decimal up to 2^63 - 1 without leading zeros"),
        (b"old 1 \n\n", "line 1: the old size is '1 ', want a decimal up to 2^63 - 1 without leading zeros"),
        (
            b"old 9223372036854775808\n\n",
            "line 1: the old size is '9223372036854775808', want a decimal up to 2^63 - 1 without leading zeros",
        ),
        (b"old 1\n!\n\n", "line 2: '!' is not base64"),
        (b"old 1\nAAAA\n\n", "line 2: a hash of the proof has 3 bytes, want 32"),
        (b"old 1\n" + base64.b64encode(bytes(32)) + b"\n \n\n", "line 3: ' ' is not base64"),
        (b"old 1\n" + (base64.b64encode(bytes(32)) + b"\n") * 64 + b"\n", "the consistency proof has 64 lines, the limit is 63"),
        (b"old 0\n" + base64.b64encode(bytes(32)) + b"\n\n", "from size 0 the proof is empty, got 1 lines"),
        (b"old 0\n\n", "a note ends in a newline"),
        (b"old 0\n\nledger.example/lead\n", "a note has an empty line and then signature lines"),
        (b" " * (MAX_REQUEST_BYTES + 1), f"the request has {MAX_REQUEST_BYTES + 1} bytes, the limit is {MAX_REQUEST_BYTES}"),
    ],
)
def test_what_is_no_request_is_a_bad_one(who, body, problem):
    status, said, given = refusal(who, body)
    assert status == 400
    assert said.endswith(problem)
    assert given.body == f"{said}\n".encode()


def test_a_checkpoint_with_an_extension_line_is_a_bad_request(who):
    note = signed(leaves(3))
    text, _, lines = note.partition(b"\n\n")
    status, problem, _ = refusal(who, b"old 0\n\n" + text + b"\nextension\n\n" + lines)
    assert (status, problem) == (400, "a checkpoint has 3 lines and no extension lines, got 4")


def test_an_old_size_beyond_the_checkpoint_is_a_bad_request(who):
    status, problem, _ = refusal(who, Request(4, (), signed(leaves(3))).to_bytes())
    assert (status, problem) == (400, "the old size 4 is beyond the checkpoint's 3")


def test_another_old_size_than_the_latest_is_a_conflict_that_names_the_latest(who):
    status, problem, given = refusal(who, ask(1, leaves(3)))
    assert (status, given) == (409, Answer(409, b"0\n", SIZE))
    assert problem == f"the latest checkpoint cosigned for {ORIGIN} has size 0, the request goes from size 1"
    add_checkpoint(who, ask(0, leaves(5)))
    for old in (0, 3, 6):
        assert answer(who, ask(old, leaves(8))) == Answer(409, b"5\n", SIZE)
    assert misfits(who) == []


def test_another_root_at_the_latest_size_is_a_conflict_and_kept_as_evidence(who):
    add_checkpoint(who, ask(0, leaves(5)))
    fork = leaves(5, forked_after=3)
    status, problem, given = refusal(who, ask(5, fork))
    assert (status, given) == (409, Answer(409, b"5\n", SIZE))
    assert problem == f"{ORIGIN} shows root {merkle.root(fork).hex()} at size 5, cosigned was {merkle.root(leaves(5)).hex()}"
    (kept,) = misfits(who)
    assert (kept.size, kept.root, kept.problem) == (5, merkle.root(fork), problem)
    assert parse_note(kept.note).text == parse_note(signed(fork)).text
    assert latest(who).root == merkle.root(leaves(5))


def test_another_root_at_the_latest_size_is_evidence_whatever_old_size_comes_with_it(who):
    add_checkpoint(who, ask(0, leaves(5)))
    assert answer(who, ask(0, leaves(5, forked_after=3))).status == 409
    assert [one.size for one in misfits(who)] == [5]


def test_an_empty_log_with_a_root_of_its_own_is_a_conflict(who):
    note = signed([], root=merkle.leaf_hash(b""))
    assert answer(who, Request(0, (), note).to_bytes()) == Answer(409, b"0\n", SIZE)


def test_a_proof_that_does_not_hold_is_not_processed_and_kept_as_evidence(who):
    add_checkpoint(who, ask(0, leaves(5)))
    status, problem, given = refusal(who, ask(5, leaves(9, forked_after=3)))
    assert status == 422
    assert problem.startswith(f"the consistency proof of {ORIGIN} does not hold: size 5 leads to root ")
    assert given == Answer(422, f"{problem}\n".encode())
    assert [(one.size, one.old, len(one.proof)) for one in misfits(who)] == [(9, 5, 5)]
    assert latest(who).size == 5


def test_every_damage_to_a_proof_is_refused(who):
    add_checkpoint(who, ask(0, leaves(6)))
    good = parse_request(ask(6, leaves(13)))
    damaged = [(), good.proof[1:], good.proof[:-1], (*good.proof, good.proof[0]), good.proof[::-1], (merkle.EMPTY_ROOT, *good.proof)]
    damaged += [(*good.proof[:at], merkle.leaf_hash(one), *good.proof[at + 1 :]) for at, one in enumerate(good.proof)]
    for proof in damaged:
        assert answer(who, replace(good, proof=tuple(proof)).to_bytes()).status == 422
    assert answer(who, good.to_bytes()).status == 200


def test_a_proof_between_equal_sizes_is_not_processed(who):
    add_checkpoint(who, ask(0, leaves(5)))
    status, problem, _ = refusal(who, Request(5, (merkle.EMPTY_ROOT,), signed(leaves(5))).to_bytes())
    assert status == 422
    assert problem == f"the consistency proof of {ORIGIN} does not hold: the consistency path from size 5 to 5 has 1 hashes, want 0"


def test_the_time_of_cosignatures_never_goes_back(tmp_path):
    clock = Clock()
    who = witness(state_in(tmp_path), clock=clock)
    key = who.cosigners[0].key
    assert times(signed(leaves(2)), add_checkpoint(who, ask(0, leaves(2))), key) == [NOW + 1]
    clock.now = 1000
    assert times(signed(leaves(3)), add_checkpoint(who, ask(2, leaves(3))), key) == [NOW + 1]
    assert times(signed(leaves(3)), add_checkpoint(who, ask(3, leaves(3))), key) == [NOW + 1]
    clock.now = NOW + 60
    assert times(signed(leaves(4)), add_checkpoint(who, ask(3, leaves(4))), key) == [NOW + 61]


def test_a_request_reads_back_as_it_was_written():
    body = ask(6, leaves(13))
    assert parse_request(body).to_bytes() == body
    with pytest.raises(FormatError, match=re.escape("a request has an empty line before its checkpoint")):
        parse_request(b"old 3\n")
    with pytest.raises(LimitError):
        parse_request(bytes(MAX_REQUEST_BYTES + 1))


def test_what_was_cosigned_outlives_the_witness(tmp_path):
    add_checkpoint(witness(state_in(tmp_path)), ask(0, leaves(5)))
    again = witness(state_in(tmp_path), clock=Clock(0))
    assert answer(again, ask(0, leaves(4, forked_after=2))) == Answer(409, b"5\n", SIZE)
    assert times(signed(leaves(6)), add_checkpoint(again, ask(5, leaves(6))), again.cosigners[0].key) == [NOW + 1]


def test_two_requests_that_race_are_decided_one_after_the_other(tmp_path):
    """The race of the specification: size N checked, N + K checked and stored, then N stored: K leaves rolled back."""
    inside, released = threading.Event(), threading.Event()

    def slow():
        inside.set()
        assert released.wait(20)
        return NOW

    answers: dict[str, Answer] = {}
    slow_one, fast_one = replace(witness(state_in(tmp_path)), clock=slow), witness(state_in(tmp_path))
    first = threading.Thread(target=lambda: answers.update(slow=answer(slow_one, ask(0, leaves(3)))))
    first.start()
    assert inside.wait(20)
    second = threading.Thread(target=lambda: answers.update(fast=answer(fast_one, ask(0, leaves(8)))))
    second.start()
    second.join(0.3)
    assert second.is_alive(), "the second request was decided while the first one still was"
    released.set()
    first.join(20)
    second.join(20)
    assert answers["slow"].status == 200
    assert answers["fast"] == Answer(409, b"3\n", SIZE)
    assert latest(fast_one).size == 3


def test_of_two_histories_that_race_one_is_cosigned(tmp_path):
    for turn in range(10):
        who = witness(state_in(tmp_path, f"w{turn}"))
        bodies = [ask(0, leaves(5)), ask(0, leaves(5, forked_after=2)), ask(0, leaves(9)), ask(0, leaves(2))]
        barrier, found = threading.Barrier(len(bodies)), list[int]()

        def run(body, who=who, barrier=barrier, found=found):
            barrier.wait(20)
            found.append(answer(who, body).status)

        threads = [threading.Thread(target=run, args=(body,)) for body in bodies]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert sorted(found) == [200, 409, 409, 409]


def killed(folder, point):
    """Answer a request and be killed at a point: while deciding, or when all is kept and nothing is answered yet."""

    def kill(*_):
        os.kill(os.getpid(), signal.SIGKILL)

    who = witness(state_in(folder))
    who = replace(who, clock=kill) if point == "deciding" else replace(who, cosigners=(Cosigner(who.cosigners[0].key, kill),))
    answer(who, ask(2, leaves(5)))


@pytest.mark.parametrize(("point", "size"), [("deciding", 2), ("answering", 5)])
def test_a_witness_that_is_killed_has_kept_what_it_may_have_signed(tmp_path, point, size):
    who = witness(state_in(tmp_path))
    add_checkpoint(who, ask(0, leaves(2)))
    child = SPAWN.Process(target=killed, args=(tmp_path, point), daemon=True)
    child.start()
    child.join(60)
    assert child.exitcode == -signal.SIGKILL
    again = witness(state_in(tmp_path))
    assert latest(again).size == size
    assert answer(again, ask(size, leaves(5))).status == 200
    assert answer(again, ask(5, leaves(7))).status == 200


def test_a_key_is_not_used_with_another_state(tmp_path):
    add_checkpoint(witness(state_in(tmp_path)), ask(0, leaves(2)))
    (tmp_path / "w1.db").rename(tmp_path / "kept.db")
    with pytest.raises(StoreError) as caught:
        state_in(tmp_path)
    assert str(caught.value) == f"there is no witness's state at {tmp_path / 'w1.db'}"
    assert caught.value.hint == "a witness that lost its state retires its key: make a new one with `plumbline witness key`"
    WitnessState.of_key(tmp_path / "w1.db", tmp_path / "new.key", random=lambda count: b"\1" * count)
    with pytest.raises(StoreError, match=re.escape(f"the key {tmp_path / 'w1.key'} was used with another state than {tmp_path / 'w1.db'}")):
        state_in(tmp_path)
    (tmp_path / "w1.db").unlink()
    (tmp_path / "kept.db").rename(tmp_path / "w1.db")
    assert latest(witness(state_in(tmp_path))).size == 2


def test_a_new_key_may_go_on_with_an_old_state(tmp_path):
    add_checkpoint(witness(state_in(tmp_path)), ask(0, leaves(2)))
    state = WitnessState.of_key(tmp_path / "w1.db", tmp_path / "new.key", random=bytes)
    assert latest(witness(state)).size == 2
    assert (tmp_path / "new.key.state").read_text() == (tmp_path / "w1.key.state").read_text()


def test_what_a_crash_left_of_making_a_state_is_made_whole(tmp_path):
    (tmp_path / "w1.db").touch()
    assert latest(witness(state_in(tmp_path))) is None


def test_what_is_no_state_is_refused(tmp_path):
    (tmp_path / "text").write_text("no database, and long enough to be looked at as one\n" * 20)
    with pytest.raises(StoreError, match=re.escape(f"{tmp_path / 'text'} is damaged or no witness's state")):
        WitnessState.open(tmp_path / "text")
    sqlite3.connect(tmp_path / "other.db").execute("CREATE TABLE other (x)").connection.close()
    with pytest.raises(StoreError, match=re.escape(f"{tmp_path / 'other.db'} is no witness's state")):
        WitnessState.open(tmp_path / "other.db")
    with pytest.raises(StoreError, match=re.escape(f"{tmp_path / 'no'} is no folder")):
        WitnessState.of_key(tmp_path / "no" / "w.db", tmp_path / "w.key", random=bytes)


def test_the_latest_checkpoint_is_not_set_back_even_by_hand(tmp_path):
    add_checkpoint(witness(state_in(tmp_path)), ask(0, leaves(5)))
    connection = sqlite3.connect(tmp_path / "w1.db")
    for statement in ("UPDATE latest SET size = 2", "UPDATE latest SET time = 2", "UPDATE latest SET root = x'00'", "DELETE FROM latest"):
        with pytest.raises(sqlite3.IntegrityError, match="the latest checkpoint is"):
            connection.execute(statement)
    connection.close()


def test_what_a_foreign_hand_wrote_is_not_cosigned_over(tmp_path):
    who = witness(state_in(tmp_path))
    add_checkpoint(who, ask(0, leaves(5)))
    connection = sqlite3.connect(tmp_path / "w1.db")
    connection.execute("UPDATE latest SET size = 9, root = 'text'")
    connection.commit()
    connection.close()
    with pytest.raises(StoreError, match=re.escape(f"what the witness remembers of {ORIGIN} cannot be read")):
        answer(who, ask(5, leaves(6)))


def test_evidence_is_kept_once_and_not_without_end(tmp_path):
    state = state_in(tmp_path)
    root = merkle.EMPTY_ROOT
    with state.deciding() as notebook:
        for number in range(MAX_MISFITS + 5):
            misfit = Misfit(number, root, 0, (root, root), "does not fit", b"note")
            notebook.keep_misfit(ORIGIN, misfit)
            notebook.keep_misfit(ORIGIN, misfit)
    with state.reading() as notebook:
        found = notebook.misfits()
        assert notebook.origins() == []
    assert len(found) == MAX_MISFITS
    assert found[7] == (ORIGIN, Misfit(7, root, 0, (root, root), "does not fit", b"note"))


def test_logs_do_not_meet(tmp_path):
    state = MemoryState({"other.example/log": Latest(9, merkle.EMPTY_ROOT, 1, b"")})
    assert answer(witness(state), ask(0, leaves(2))).status == 200
    assert state.kept["other.example/log"].size == 9
