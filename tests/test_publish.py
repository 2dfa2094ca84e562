"""Publishing: the log asks its witnesses for cosignatures; what verifies is kept, and no witness can hold up or spoil the others."""

from __future__ import annotations

import http.server
import importlib
import multiprocessing as mp
import os
import re
import signal
import sqlite3
import threading
import time
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from cli.main import run
from cli.publish import quorum
from cli.session import Session
from keyring import signer
from ledger.errors import FormatError, LimitError, QuorumError
from ledger.keys import verify
from ledger.store.store import Store
from ledger.tlog import merkle
from ledger.tlog.checkpoint import parse_checkpoint
from ledger.tlog.note import parse_note
from ledger.tlog.quorum import Witness as Named
from ledger.trust import read_trust
from ledger.witness.collect import MAX_ANSWER_BYTES, Asking, Reply, ask, check_url, collect, post, read_cosignatures
from ledger.witness.witness import Cosigner, add_checkpoint, answer
from ledger.witness.witness import Witness as Witnessing
from terminal import ORIGIN, command, house, truck
from witnesses import NOW, Clock, MemoryState, leaves, serving, signed, state_in, witness
from witnesses import ask as request

SPAWN = mp.get_context("spawn")
NAMES = ("w1", "w2", "w3")


def vkey(name, algorithm=0):
    return signer(f"{name}.example/w").cosigners()[algorithm][0]


def at(terminal, name, **more):
    """Return a witness of a terminal's log."""
    trust = read_trust((terminal.folder / "ledger.db.keys" / "trust").read_bytes(), file="trust")
    keys = tuple(Cosigner(key, sign) for key, sign in signer(f"{name}.example/w").cosigners())
    return Witnessing(keys[:1], {ORIGIN: trust.log}, state_in(terminal.folder, name), Clock(), verify, **more)


def policy(urls, *, quorum="2"):
    lines = [f"witness {name} {vkey(name).format()} {url}".rstrip() for name, url in urls.items()]
    return "\n".join([*lines, f"group all {quorum} {' '.join(urls)}", "quorum all", ""])


def adopt(terminal, text, *options):
    file = terminal.folder / "policy"
    file.write_text(text)
    return terminal.run("trust", "--policy", file, *options)


@pytest.fixture
def terminal(tmp_path):
    return house(tmp_path)


@contextmanager
def witnessed(terminal, names=NAMES, **more):
    """Serve witnesses of a terminal's log, write its policy, and give the URLs."""
    with ExitStack() as stack:
        urls = {name: stack.enter_context(serving(at(terminal, name))) for name in names} | more
        assert adopt(terminal, policy(urls)).code == 0
        yield urls


def command_done(*arguments):
    said = command(*arguments)
    assert said.code == 0, (said.out, said.err)
    return said


def size_of(terminal):
    return parse_checkpoint(parse_note(terminal.done("checkpoint").out.encode()).text).size


def names_in(note):
    return [line.name for line in parse_note(note.encode()).signatures]


def test_a_checkpoint_is_cosigned_by_every_witness(terminal):
    with witnessed(terminal):
        said = terminal.done("checkpoint", "--publish")
        size = size_of(terminal)
        lines = [f"{name}  cosigned size {size}" for name in NAMES]
        assert said.out.splitlines() == [*lines, "WITNESSED by 3 of 3 organisations (2 asked; safe against 0 dishonest)"]
        assert names_in(terminal.done("checkpoint").out) == [ORIGIN, ORIGIN, *(f"{name}.example/w" for name in NAMES)]
        terminal.log("yard/1", truck("yard:T1"))
        said = terminal.done("checkpoint", "--publish", "--json").json
        assert said == {
            "line": "WITNESSED by 3 of 3 organisations (2 asked; safe against 0 dishonest)",
            "reached": True,
            "size": size + 1,
            "witnesses": [{"witness": name, "cosigned": True, "said": f"cosigned size {size + 1}"} for name in NAMES],
        }
        before = terminal.done("checkpoint").out
        assert terminal.run("checkpoint", "--publish").code == 0
        assert terminal.done("checkpoint").out == before, "the first cosignature is the earlier proof"


def test_what_is_not_signed_for_is_signed_first(terminal):
    terminal.log("yard/1", truck("yard:T1"))
    with witnessed(terminal):
        assert terminal.done("checkpoint", "--publish", "--json").json["size"] == size_of(terminal)


def test_a_witness_that_is_further_than_the_log_remembers_is_asked_from_where_it_is(terminal):
    with witnessed(terminal) as urls:
        note = terminal.done("checkpoint").out.encode()
        assert post(f"{urls['w1']}/add-checkpoint", b"old 0\n\n" + note, 20).status == 200  # the answer is lost
        terminal.log("yard/1", truck("yard:T1"), truck("yard:T2"))
        said = terminal.done("checkpoint", "--publish")
        assert said.out.splitlines()[0] == f"w1  cosigned size {size_of(terminal)}"


def test_a_witness_that_is_down_harms_nobody(terminal):
    with witnessed(terminal, ("w1", "w2"), w3="http://127.0.0.1:9"):
        said = terminal.done("checkpoint", "--publish")
        assert said.out.splitlines()[2] == "w3  no answer: Connection refused"
        assert said.out.splitlines()[3] == "WITNESSED by 2 of 3 organisations (2 asked; safe against 0 dishonest)"


def test_a_quorum_that_is_not_reached_fails(terminal):
    with witnessed(terminal, ("w1",), w2="http://127.0.0.1:9", w3=""):
        said = terminal.run("checkpoint", "--publish")
        assert (said.code, said.err) == (1, "")
        assert said.out.splitlines() == [
            f"w1  cosigned size {size_of(terminal)}",
            "w2  no answer: Connection refused",
            "w3  not asked: it has no URL",
            "QUORUM NOT REACHED (1 of 3 organisations, 2 asked)",
        ]
        said = terminal.run("checkpoint", "--publish", "--json")
        assert (said.code, said.json["reached"]) == (1, False)
        assert names_in(terminal.done("checkpoint").out) == [ORIGIN, ORIGIN, "w1.example/w"]


def test_who_needs_the_quorum_asks_for_it_once(terminal):
    """What issuing a certificate rests on."""
    session, store = Session({"ledger": str(terminal.path)}), Store.open(terminal.path)
    quorum(session, store)  # nobody is asked yet
    with witnessed(terminal, ("w1", "w2")):
        quorum(session, store)
    assert names_in(terminal.done("checkpoint").out)[2:] == ["w1.example/w", "w2.example/w"]
    quorum(session, store)  # it stands, and nobody is asked again
    terminal.log("yard/1", truck("yard:T1"))
    with pytest.raises(QuorumError) as caught:
        quorum(session, store)
    assert str(caught.value) == f"QUORUM NOT REACHED (0 of 2 organisations, 2 asked) for the checkpoint at size {size_of(terminal)}"
    assert caught.value.hint == "ask again: plumbline checkpoint --publish"


def test_without_witnesses_nobody_is_asked(terminal):
    said = terminal.done("checkpoint", "--publish")
    assert said.out == "UNWITNESSED (no quorum asked)\n"


def test_a_log_with_two_histories_is_told_so(terminal):
    terminal.log("yard/1", truck("yard:T1"))
    size = size_of(terminal)
    with witnessed(terminal, ("w1", "w2")):
        kept = terminal.folder / "copy.db"
        kept.write_bytes(terminal.path.read_bytes())
        terminal.log("yard/1", truck("yard:T2"))
        terminal.done("checkpoint", "--publish")
        terminal.path.write_bytes(kept.read_bytes())
        (terminal.folder / "ledger.db.keys" / "mark").unlink()
        (terminal.folder / "old").write_text(terminal.done("checkpoint").out)
        terminal.done("checkpoint", "--adopt", terminal.folder / "old")
        said = terminal.run("checkpoint", "--publish")
        assert said.code == 1
        problem = f"has cosigned size {size + 1} of this log, beyond our {size}: this log was rolled back, or shows two histories"
        assert said.out.splitlines()[0] == f"w1  {problem}"
        terminal.log("works/1", truck("works:T9"))
        said = terminal.run("checkpoint", "--publish")
        assert said.out.splitlines()[:2] == [
            f"{name}  has cosigned another root at size {size + 1}: this log shows two histories" for name in ("w1", "w2")
        ]
        assert said.code == 1


# The file form


def test_a_witness_without_a_server_is_asked_with_files(terminal):
    terminal.done("trust", "-o", terminal.folder / "t0")
    made = command_done("witness", "key", "desk.example/w", "-o", terminal.folder / "w.key", "--no-passphrase", "--ml-dsa", "--json").json
    ed, pq = made["vkeys"]
    assert adopt(terminal, f"witness desk {ed}\nwitness pq {pq}\ngroup desks all desk pq\nquorum desks\n").code == 0
    folder, files = (
        terminal.folder,
        ["-k", terminal.folder / "w.key", "--trust", terminal.folder / "t0", "--state", terminal.folder / "w.db"],
    )
    assert terminal.done("checkpoint", "--request", "desk", "-o", folder / "r").out == f"wrote {folder / 'r'}\n"
    assert command_done("witness", "cosign", folder / "r", *files, "-o", folder / "lines").out == f"wrote {folder / 'lines'}\n"
    said = terminal.run("checkpoint", "--cosignatures", folder / "lines", "--dry-run")
    assert (said.code, said.out.splitlines()[-1]) == (1, "QUORUM NOT REACHED (0 of 2 organisations, 2 asked)")
    said = terminal.done("checkpoint", "--cosignatures", folder / "lines")
    size = size_of(terminal)
    assert said.out.splitlines() == [
        f"desk  cosigned size {size}",
        f"pq    cosigned size {size}",
        "WITNESSED by 2 of 2 organisations (2 asked; safe against 1 dishonest)",
    ]
    terminal.log("yard/1", truck("yard:T1"), truck("yard:T2"))
    request_text = terminal.done("checkpoint", "--request", "pq").out
    assert request_text.startswith(f"old {size}\n")
    (folder / "r").write_text(request_text)
    lines = command_done("witness", "cosign", folder / "r", *files).out
    (folder / "lines").write_text(lines)
    assert terminal.done("checkpoint", "--cosignatures", folder / "lines").code == 0
    (folder / "r").write_text(terminal.done("checkpoint", "--request", "pq", "--old", "1").out)
    said = command("witness", "cosign", folder / "r", *files)
    problem = f"the latest checkpoint cosigned for {ORIGIN} has size {size + 2}, the request goes from size 1"
    assert (said.code, said.out) == (1, "")
    assert said.err == f"error: {problem}\nhint: ask again with: plumbline checkpoint --request NAME --old {size + 2}\n"
    (folder / "r").write_text(terminal.done("checkpoint", "--request", "pq", "--old", size + 2).out)
    assert command_done("witness", "cosign", folder / "r", *files).out.startswith("— desk.example/w ")
    shown = command_done("witness", "show", "--state", folder / "w.db", "--json").json
    assert [(one["log"], one["size"]) for one in shown["latest"]] == [(ORIGIN, size + 2)]
    assert shown["misfits"] == []


def test_requests_that_cannot_be_are_refused(terminal):
    said = terminal.run("checkpoint", "--request", "nobody")
    assert (said.code, said.err) == (1, "error: no witness nobody in this ledger\nhint: see `plumbline trust` for who is asked\n")
    assert adopt(terminal, policy({"w1": ""}, quorum="1")).code == 0
    size = size_of(terminal)
    said = terminal.run("checkpoint", "--request", "w1", "--old", size + 1)
    assert (said.code, said.err) == (1, f"error: the newest checkpoint has size {size}, the witness is said to have {size + 1}\n")
    said = terminal.run("checkpoint", "--request", "w1", "--publish")
    assert (said.code, said.err.splitlines()[0]) == (2, "error: give one of --publish, --request and --cosignatures")
    said = terminal.run("checkpoint", "--old", "3")
    assert (said.code, said.err.splitlines()[0]) == (2, "error: --old goes with --request")
    said = terminal.run("checkpoint", "--publish", "--dry-run")
    assert (said.code, said.err.splitlines()[0]) == (2, "error: --publish asks others to sign; it has no --dry-run")


def test_lines_that_are_nobodys_are_refused(terminal):
    assert adopt(terminal, policy({"w1": ""}, quorum="1")).code == 0
    note, file = terminal.done("checkpoint").out.encode(), terminal.folder / "lines"
    file.write_bytes(add_checkpoint(at(terminal, "w2"), b"old 0\n\n" + note))
    said = terminal.run("checkpoint", "--cosignatures", file)
    hint = "hint: see `plumbline trust` for who is asked\n"
    assert (said.code, said.err) == (2, f"error: {file}: holds no cosignature by a witness of the policy\n{hint}")
    file.write_text("garbage\n")
    said = terminal.run("checkpoint", "--cosignatures", file)
    assert said.code == 2
    assert said.err.startswith(f"error: {file}: the answer holds no cosignature lines: 'garbage' is not a signature line")
    file.write_bytes(vkey("w1").signed(bytes(72)).line())
    said = terminal.run("checkpoint", "--cosignatures", file)
    assert said.code == 1
    assert said.err.startswith(f"error: w1.example/w+{vkey('w1').key_id.hex()}: the signature is not one of public key ")


# The policy


def test_the_trust_file_that_is_remembered_is_printed(terminal):
    before = terminal.done("trust").out
    assert "quorum none\n" in before
    auditor = signer("auditor/1").vkey.format()
    text = f"# ours\n\n{policy({'w1': 'https://w1.example/x', 'w2': ''})}auditor {auditor}\n"
    said = adopt(terminal, text)
    assert said.code == 0
    assert terminal.done("trust").out == said.out
    assert said.out == (
        before.replace("quorum none\n", "")
        + f"witness w1 {vkey('w1').format()} https://w1.example/x\nwitness w2 {vkey('w2').format()}\ngroup all 2 w1 w2\nquorum all\n"
        + f"auditor {auditor}\n"
    )
    assert (terminal.folder / "ledger.db.keys" / "trust").read_text() == said.out
    terminal.done("trust", "-o", terminal.folder / "out")
    assert (terminal.folder / "out").read_text() == said.out
    assert terminal.done("trust", "--json").json["quorum"] == "all"


def test_without_a_remembered_file_the_ledgers_own_facts_are_printed(terminal):
    before = terminal.done("trust").out
    (terminal.folder / "ledger.db.keys" / "trust").unlink()
    assert terminal.done("trust").out == before


def test_a_remembered_file_of_another_ledger_is_refused(terminal):
    place = terminal.folder / "ledger.db.keys" / "trust"
    ledger = terminal.done("trust", "--json").json["ledger"]
    place.write_text(place.read_text().replace(ledger, "ab" * 32))
    said = terminal.run("trust")
    assert (said.code, said.err) == (2, f"error: {place}: is of ledger {'ab' * 32}, {terminal.path} holds ledger {ledger}\n")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("ledger 00\n", "line 1: 'ledger 00' is no line of a policy: want witness, group, quorum or auditor"),
        ("\nnonsense\n", "line 2: 'nonsense' is no line of a policy: want witness, group, quorum or auditor"),
        ("quorum all\n", "line 1: quorum 'all' names no witness or group of a line before it"),
        ("", "has 0 quorum lines, want 1\nhint: the line `quorum none` asks no witness"),
        (
            f"witness w {vkey('w1').format()} http://w.example/x\nquorum w\n",
            "'http://w.example/x' is neither https nor http to this machine itself",
        ),
    ],
)
def test_a_policy_that_is_none_is_refused(terminal, text, problem):
    before = terminal.files()
    said = adopt(terminal, text)
    assert (said.code, said.err) == (2, f"error: {terminal.folder / 'policy'}{', ' if problem.startswith('line') else ': '}{problem}\n")
    after = terminal.files()
    after.pop("policy")
    assert after == before


def test_a_policy_that_is_no_text_is_refused(terminal):
    (terminal.folder / "p").write_bytes(b"\xff")
    said = terminal.run("trust", "--policy", terminal.folder / "p")
    assert (said.code, said.err) == (2, f"error: {terminal.folder / 'p'}: is not UTF-8 text\n")


def test_a_weak_policy_must_be_asked_for(terminal):
    text = policy({"w1": "", "w2": ""}, quorum="1")
    said = adopt(terminal, text)
    assert said.code == 1
    assert said.err.startswith("error: the quorum asks for 1 of 2 organisations: two histories could both reach it, want more than half\n")
    assert adopt(terminal, text, "--allow-weak-policy").code == 0
    assert "group all 1 w1 w2\n" in terminal.done("trust").out


# Witnesses that do not do what they should


HASHES = leaves(5)
NOTE = signed(HASHES)


def asking(answers, **more):
    """Return an asking whose witness gives these answers, one after the other, and the requests that it got."""
    got, given = [], iter(answers)

    def send(url, body, timeout):
        got.append((url, body))
        one = next(given)
        if isinstance(one, Exception):
            raise one
        return one

    facts: dict[str, Any] = {"path": lambda old: merkle.consistency_path(HASHES, old), "verify": verify, "post": send, "timeout": 5.0}
    return Asking(NOTE, **(facts | more)), got


NO_LINES = "not kept: the answer holds no cosignature lines"
W1 = Named("w1", vkey("w1"), "https://w1.example/x/")


def lines(body):
    return Reply(200, "text/plain", body)


def conflict(size):
    return Reply(409, "text/x.tlog.size", size)


def said_by(answers, **more):
    made, got = asking(answers, **more)
    collected = ask(W1.url.rstrip("/"), [W1], made)
    (outcome,) = collected.outcomes
    assert outcome.cosigned is bool(collected.cosignatures)
    return outcome.said, [body.split(b"\n")[0].decode() for _, body in got]


def good():
    return Reply(200, "text/plain", answer(witness(MemoryState()), request(0, HASHES)).body)


def test_an_honest_answer_is_kept():
    made, got = asking([good()])
    (found,) = ask("https://w1.example/x", [W1], made).cosignatures
    assert (found.name, found.key_id, found.time) == ("w1.example/w", vkey("w1").key_id.hex(), NOW + 1)
    assert got == [("https://w1.example/x/add-checkpoint", request(0, HASHES))]


def test_a_witness_is_asked_again_from_the_size_that_it_says():
    assert said_by([conflict(b"3\n"), good()]) == ("cosigned size 5", ["old 0", "old 3"])
    assert said_by([conflict(b"5\n"), good()]) == ("cosigned size 5", ["old 0", "old 5"])
    assert said_by([good()], known=lambda _: 4) == ("cosigned size 5", ["old 4"])
    assert said_by([good()], known=lambda _: 9) == ("cosigned size 5", ["old 5"])


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ([Reply(403, "text/plain", b"not\nyours \x1b[31m\n")], "refused with status 403: not yours ?[31m"),
        ([Reply(301, "text/html", b"")], "refused with status 301: no reason given"),
        ([Reply(409, "text/plain", b"3\n")], "refused with status 409: 3"),
        ([conflict(b"three\n")], "the size that it says it has is 'three', want a decimal up to 2^63 - 1 without leading zeros"),
        ([conflict(b"6\n")], "has cosigned size 6 of this log, beyond our 5: this log was rolled back, or shows two histories"),
        ([conflict(b"0\n")], "says twice that it has size 0, and does not take it"),
        ([conflict(b"5\n")] * 2, "has cosigned another root at size 5: this log shows two histories"),
        ([conflict(b"1\n"), conflict(b"2\n"), conflict(b"3\n")], "changed its size 3 times while we asked"),
        ([lines(b"")], f"{NO_LINES}: a note has an empty line and then signature lines"),
        ([lines(b"x\n")], f"{NO_LINES}: 'x' is not a signature line: want — <key name> <base64>"),
        ([lines(b"more\n\n" + vkey("w1").signed(bytes(72)).line())], "not kept: the answer holds more than cosignature lines"),
        ([lines(vkey("w2").signed(bytes(72)).line())], f"answered without a cosignature by w1.example/w+{vkey('w1').key_id.hex()}"),
        ([Reply(200, "text/plain", vkey("w1").signed(bytes(9)).line())], "not kept: the cosignature of w1.example/w has 9 bytes, want 72"),
        ([Reply(200, "text/plain", bytes(MAX_ANSWER_BYTES + 1))], "not kept: the answer has 65537 bytes, the limit is 65536"),
        ([OSError(110, "Connection timed out")], "no answer: Connection timed out"),
        ([TimeoutError()], "no answer: TimeoutError"),
        ([ValueError("odd")], "no answer: odd"),
    ],
)  # fmt: skip
def test_what_a_witness_should_not_do_is_an_outcome(answers, said):
    assert said_by(answers)[0] == said


def test_a_cosignature_of_another_checkpoint_is_not_kept():
    other = answer(witness(MemoryState()), request(0, leaves(4))).body
    assert said_by([Reply(200, "text/plain", other)])[0].startswith("not kept: w1.example/w+")


def test_a_long_complaint_is_clipped():
    said, _ = said_by([Reply(200, "text/plain", "— ".encode() + b"x" * 9000 + b" AA==\n")])
    assert len(said) < 400
    assert said_by([Reply(500, "text/plain", b"x" * 9000)])[0] == "refused with status 500: " + "x" * (320 - 25) + "..."


def test_keys_of_one_witness_are_asked_once():
    both = witness(MemoryState(), ml_dsa=True)
    made, got = asking([Reply(200, "text/plain", answer(both, request(0, HASHES)).body)])
    keys = [Named("ed", vkey("w1"), "https://w1.example"), Named("pq", vkey("w1", 1), "https://w1.example/")]
    collected = collect(keys, made)
    assert [(one.witness, one.cosigned) for one in collected.outcomes] == [("ed", True), ("pq", True)]
    assert len(got) == 1
    assert [len(one.line) > 3000 for one in collected.cosignatures] == [False, True]


def test_a_witness_that_hangs_is_left_behind():
    released = threading.Event()

    def send(url, body, timeout):
        if "slow" in url:
            released.wait(20)
        return good()

    made, _ = asking([], post=send, timeout=0.5)
    named = [Named("slow", vkey("w2"), "https://slow.example"), W1, Named("none", vkey("w3"), "")]
    started = time.monotonic()
    collected = collect(named, made)
    assert time.monotonic() - started < 10
    released.set()
    assert [one.said for one in collected.outcomes] == ["no answer within 0.5 s", "cosigned size 5", "not asked: it has no URL"]
    assert [one.name for one in collected.cosignatures] == ["w1.example/w"]


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://w.example/x", "'http://w.example/x' is neither https nor http to this machine itself"),
        ("http://127.0.0.1.example/", "'http://127.0.0.1.example/' is neither https nor http to this machine itself"),
        ("ftp://localhost/", "'ftp://localhost/' is neither https nor http to this machine itself"),
        ("file:///etc", "'file:///etc' is no URL of a witness: want https://HOST/PATH"),
        ("https://me:secret@w.example/", "'https://me:secret@w.example/' is no URL of a witness: want https://HOST/PATH"),
        ("https://w.example/?q", "'https://w.example/?q' is no URL of a witness: want https://HOST/PATH"),
        ("https://w.example/a b", "'https://w.example/a b' is no URL of a witness: want https://HOST/PATH"),
        ("https://w.example:port/", "'https://w.example:port/' is no URL"),
    ],
)
def test_a_url_that_is_not_safe_is_refused(url, problem):
    with pytest.raises(FormatError, match=re.escape(problem)):
        check_url(url)
    with pytest.raises(FormatError, match=re.escape(problem)):
        post(url, b"", 1)


@pytest.mark.parametrize("url", ["https://w.example/x", "http://localhost:80/x", "http://127.0.0.1/", "http://[::1]:8080"])
def test_https_and_this_machine_are_asked(url):
    assert check_url(url).hostname


class Answering(http.server.BaseHTTPRequestHandler):
    """A web server that sends what it is told to, too much of it, or elsewhere."""

    def do_POST(self):
        if self.path == "/moved":
            self.send_response(301)
            self.send_header("Location", "/large")
            self.end_headers()
            return
        self.send_response(200)
        self.end_headers()
        self.wfile.write(bytes(MAX_ANSWER_BYTES + (self.path == "/large")))

    def log_message(self, *_):
        """Say nothing."""


def test_answers_are_bounded_and_redirects_are_not_followed():
    with http.server.HTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        place = f"http://127.0.0.1:{server.server_port}"
        assert post(f"{place}/moved", b"", 20).status == 301
        assert len(post(f"{place}/whole", b"", 20).body) == MAX_ANSWER_BYTES
        with pytest.raises(LimitError, match="the answer has 65537 bytes, the limit is 65536"):
            post(f"{place}/large", b"", 20)
        server.shutdown()
        thread.join(20)


def test_too_long_an_answer_is_not_read():
    with pytest.raises(LimitError):
        read_cosignatures(NOTE, bytes(MAX_ANSWER_BYTES + 1), keys=[], verify=verify)


# Kill -9


POINTS = {
    "before the signature": ("ledger.log", "sign_head", "before"),
    "after the signature": ("ledger.log", "sign_head", "after"),
    "after the mark": ("ledger.log", "refresh", "after"),
    "before the first request": ("ledger.witness.collect", "post", "before"),
    "after the first answer": ("ledger.witness.collect", "post", "after"),
    "after all answers": ("ledger.witness.collect", "collect", "after"),
    "after the lines were written, before the commit": ("ledger.store.store", "Store.add_cosignatures", "after"),
}


def publish_and_die(path, point):
    """Publish, and be killed at a point."""
    module, name, when = POINTS[point]
    holder: Any = importlib.import_module(module)
    for part in name.split(".")[:-1]:
        holder = getattr(holder, part)
    last = name.split(".")[-1]
    kept = getattr(holder, last)

    def dies(*args, **named):
        if when == "after":
            kept(*args, **named)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(holder, last, staticmethod(dies) if isinstance(holder, type) else dies)
    run(["checkpoint", "--publish", "-L", str(path)])


def unsign(terminal):
    """Take back the newest signature, as if the program had died between a record and its checkpoint."""
    connection = sqlite3.connect(terminal.path)
    triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _ in triggers:
        connection.execute(f"DROP TRIGGER {name}")
    connection.execute("DELETE FROM checkpoint WHERE size = (SELECT max(size) FROM checkpoint)")
    size, root = connection.execute("SELECT size, root FROM checkpoint ORDER BY size DESC LIMIT 1").fetchone()
    frontier = merkle.Frontier()
    for (leaf,) in connection.execute("SELECT leaf FROM entry WHERE idx < ? ORDER BY idx", (size,)).fetchall():
        frontier = frontier.append(merkle.Hash(leaf))
    assert frontier.root() == root
    connection.execute("UPDATE meta SET value = ? WHERE name = 'frontier_signed'", (frontier.to_bytes().hex(),))
    for _, text in triggers:
        connection.execute(text)
    connection.commit()
    connection.close()
    mark = terminal.folder / "ledger.db.keys" / "mark"
    mark.write_text(re.sub(r"size \d+\nroot \w+", f"size {size}\nroot {root.hex()}", mark.read_text()))


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
def test_a_publish_that_is_killed_leaves_a_valid_ledger_and_is_done_again(terminal, point):
    with witnessed(terminal, ("w1", "w2")):
        terminal.done("checkpoint", "--publish")
        terminal.log("yard/1", truck("yard:T1"))
        unsign(terminal)
        child = SPAWN.Process(target=publish_and_die, args=(terminal.path, point), daemon=True)
        child.start()
        child.join(60)
        assert child.exitcode == -signal.SIGKILL
        assert terminal.run("audit").code == 0, terminal.run("audit").out
        said = terminal.done("checkpoint", "--publish")
        size = size_of(terminal)
        assert said.out.splitlines()[:2] == [f"w1  cosigned size {size}", f"w2  cosigned size {size}"]
        with Store.open(terminal.path).reading() as view:
            assert view.size == size
        assert terminal.run("audit").code == 0


@pytest.mark.slow
def test_a_publish_that_is_killed_at_any_moment_is_done_again(terminal):
    with witnessed(terminal, ("w1", "w2")):
        for turn in range(8):
            terminal.log("yard/1", truck(f"yard:T{turn}"))
            child = SPAWN.Process(target=run, args=(["checkpoint", "--publish", "-L", str(terminal.path)],), daemon=True)
            child.start()
            time.sleep(0.3 + turn * 0.1)
            child.kill()
            child.join(60)
            assert terminal.done("checkpoint", "--publish", "--json").json["reached"]
        assert terminal.run("audit").code == 0
