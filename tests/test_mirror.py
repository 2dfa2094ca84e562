"""Exports read back: from a folder, from a web server, damaged by name, and a log that somebody else wrote."""

import functools
import http.server
import re
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import ledger.mirror.source
import published
from books import ORIGIN
from exported import audited, exported, grown, more, tiles_in
from keyring import signer
from ledger.audit import Held, audit_mirror
from ledger.errors import StoreError
from ledger.keys import verify
from ledger.mark import Mark
from ledger.mirror.source import Mirror, MirrorError, MissingFileError, open_mirror
from ledger.replay import replay
from ledger.store.store import Store
from ledger.tlog import merkle, tile
from ledger.tlog.checkpoint import Checkpoint, cosign, cosigner, sign_checkpoint, verify_checkpoint
from ledger.tlog.note import parse_note, parse_vkey
from ledger.tlog.quorum import Group, Witness, WitnessPolicy
from ledger.trust import Trust
from terminal import command


@pytest.fixture(scope="module")
def tall(tmp_path_factory):
    return grown(tmp_path_factory.mktemp("tall"), 300)


@pytest.fixture(scope="module")
def sound(tall, tmp_path_factory):
    return exported(tall, tmp_path_factory.mktemp("sound"))


@pytest.fixture
def place(sound, tmp_path):
    shutil.copytree(sound, tmp_path / "export")
    return tmp_path / "export"


def broken(report):
    return [(finding.code, finding.index, finding.message) for finding in report.findings if finding.severity == "broken"]


def codes(report):
    return {finding.code for finding in report.findings if finding.severity == "broken"}


def flipped(path, at, bit=1):
    data = bytearray(path.read_bytes())
    data[at] ^= bit
    path.write_bytes(bytes(data))


# A sound export


def test_an_export_is_audited_as_the_ledger_is(tall, sound):
    store, report = tall.audit(), audited(tall, sound)
    assert report.holds
    assert report.findings == []
    assert (report.size, report.root, report.ledger, report.origin) == (store.size, store.root, store.ledger, store.origin)
    assert report.time == store.time
    assert report.counts | {"checkpoints": 0} == store.counts | {"checkpoints": 0}
    assert report.witnessed == store.witnessed == "UNWITNESSED (no quorum asked)"


def test_without_a_trust_file_the_export_is_only_compared_with_itself(sound):
    report = audit_mirror(open_mirror(str(sound)), Held())
    assert report.holds
    assert [finding.code for finding in report.findings] == ["unpinned"]


def test_another_ledger_than_the_pinned_one_is_found(sound):
    report = audit_mirror(open_mirror(str(sound)), Held(trust=Trust("ab" * 32, ORIGIN, (signer(ORIGIN).vkey,))))
    assert broken(report) == [("other-ledger", 0, f"the trust file pins ledger {'ab' * 32}, this is {report.ledger}")]


def test_a_mirror_gives_entries_that_replay_and_tiles_of_any_width(tall, sound):
    mirror = open_mirror(str(sound))
    assert (mirror.place, mirror.size) == (str(sound), 300)
    entries = list(mirror.entries(300))
    assert entries == tall.entries()
    assert replay(mirror.entries(7)).records == 7
    leaves = [merkle.Hash(entry[2]) for entry in entries]
    assert mirror.tile(0, 0, 9) == leaves[:9]
    assert mirror.tile(0, 1, 3) == leaves[256:259]
    assert mirror.bundle(1, 3) == [entry[1] for entry in entries[256:259]]
    for size in (0, 1, 200, 256, 299, 300):
        assert tile.root_at(mirror, size) == merkle.root(leaves[:size])
    assert tile.consistency(mirror, 100, 300) == merkle.consistency_path(leaves, 100)
    with pytest.raises(MissingFileError, match=r"^tile/0/001\.p/50 is missing$"):
        mirror.tile(0, 1, 50)
    with pytest.raises(MissingFileError, match=r"^tile/entries/002\.p/1 is missing$"):
        mirror.bundle(2, 1)


def test_a_reader_of_the_checkpoint_before_still_finds_its_files_after_one_more_export(tall, sound, tmp_path):
    house = tall.copy(tmp_path / "house")
    place = tmp_path / "export"
    shutil.copytree(sound, place)
    mirror = open_mirror(str(place))
    assert mirror.size == 300
    more(house, 5)
    exported(house, place)
    report = audit_mirror(mirror, Held())
    assert (report.holds, report.size) == (True, 300)


def test_a_reader_of_an_older_checkpoint_takes_wider_tiles_where_its_own_are_gone(tall, sound, tmp_path):
    house = tall.copy(tmp_path / "house")
    place = tmp_path / "export"
    shutil.copytree(sound, place)
    mirror = open_mirror(str(place))
    assert mirror.size == 300
    for count in (5, 1, 1):
        more(house, count)
        exported(house, place)
    assert not (place / "tile/entries/001.p/44").exists()
    assert audit_mirror(mirror, Held()).holds
    more(house, 250)
    for _ in range(2):
        exported(house, place)
    assert not (place / "tile/0/001.p").exists()
    assert audit_mirror(mirror, Held()).holds
    (place / "tile/0/001").unlink()
    assert broken(audit_mirror(mirror, Held())) == [("file-missing", 256, "tile/0/001.p/44 is missing")]
    (place / "checkpoint").unlink()
    missing = [("file-missing", 256, "tile/0/001.p/44 is missing"), ("file-missing", 0, "tile/1/000.p/1 is missing")]
    assert broken(audit_mirror(mirror, Held())) == missing


def test_a_checkpoint_that_somebody_else_holds_shows_that_the_export_is_behind(tall, sound, tmp_path):
    house = tall.copy(tmp_path / "house")
    more(house, 2)
    later = exported(house, tmp_path / "later")
    held = Held(checkpoints=(("the checkpoint in theirs", (later / "checkpoint").read_bytes()),))
    report = audit_mirror(open_mirror(str(sound)), held)
    assert broken(report) == [
        ("rollback", 300, "the checkpoint in theirs was signed for 302 records, the export holds 300 (2 are missing)"),
    ]
    held = Held(checkpoints=(("the checkpoint in theirs", (sound / "checkpoint").read_bytes()),))
    assert audit_mirror(open_mirror(str(later)), held).fresh


def test_a_mark_is_held_against_an_export_too(tall, sound):
    report = audit_mirror(open_mirror(str(sound)), Held(mark=Mark(tall.audit().ledger, 299, "00" * 32), mark_place="mark"))
    assert codes(report) == {"rollback"}


# Damages


def damaged_first(report):
    return min(finding.index for finding in report.findings if finding.severity == "broken" and finding.index is not None)


def test_a_byte_of_a_bundle(tall, place):
    path = place / "tile/entries/000"
    data = path.read_bytes()
    entry = tall.entries()[7][1]
    path.write_bytes(data.replace(entry, entry.replace(b"2026", b"2027", 1)))
    report = audited(tall, place)
    assert (report.holds, report.first_bad) == (False, 7)
    assert {"signature", "tile-mismatch", "root-mismatch"} <= codes(report)
    ours, theirs = tall.entries()[7][2].hex(), merkle.leaf_hash(entry.replace(b"2026", b"2027", 1)).hex()
    assert ("tile-mismatch", 7, f"tile/0/000 has {ours} as its hash 7, the entries lead to {theirs}") in broken(report)


@pytest.mark.parametrize(
    ("name", "at", "index", "hash_number"),
    [("tile/0/000", 33, 1, 1), ("tile/0/000", 8191, 255, 255), ("tile/0/001.p/44", 0, 256, 0), ("tile/1/000.p/1", 31, 0, 0)],
)
def test_a_byte_of_a_tile(tall, place, name, at, index, hash_number):
    flipped(place / name, at)
    report = audited(tall, place)
    assert codes(report) == {"tile-mismatch"}
    ((_, first, message),) = broken(report)
    assert first == index
    assert message.startswith(f"{name} has ")
    assert f" as its hash {hash_number}, the entries lead to " in message


def test_every_file_missing_in_turn(tall, sound, place):
    for name in sorted(tiles_in(sound)):
        kept = (place / name).read_bytes()
        (place / name).unlink()
        report = audited(tall, place)
        assert not report.holds
        assert any(f"{name} is missing" in message for _, _, message in broken(report)), name
        (place / name).write_bytes(kept)
    assert audited(tall, place).holds


@pytest.mark.parametrize("name", ["tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1"])
@pytest.mark.parametrize(
    ("change", "difference"), [(lambda data: data[:-1], -1), (lambda data: data + b"\0" * 32, 32), (lambda _: b"", None)]
)
def test_a_tile_of_another_length(tall, place, name, change, difference):
    width = tile.parse_path(name)[2]
    data = change((place / name).read_bytes())
    (place / name).write_bytes(data)
    report = audited(tall, place)
    assert codes(report) == {"tile-mismatch"}
    limit = "is larger than 8192 bytes"
    problem = f"a tile of {width} hashes has {width * 32} bytes, got {len(data)}" if len(data) <= 8192 else limit
    assert broken(report)[0][2] == f"{name} {problem}"


def test_a_truncated_bundle(tall, place):
    path = place / "tile/entries/001.p/44"
    path.write_bytes(path.read_bytes()[:-1])
    report = audited(tall, place)
    assert broken(report)[:1] == [
        (
            "entry-unreadable",
            256,
            "from entry 256 on the log cannot be read: tile/entries/001.p/44 entry 43 of the bundle breaks off",
        )
    ]
    assert ("rollback", 256, "the checkpoint was signed for 300 records, the export holds 256 (44 are missing)") in broken(report)


def test_a_bundle_with_trailing_bytes_or_one_entry_more(tall, place):
    path = place / "tile/entries/000"
    data = path.read_bytes()
    for more_bytes, problem in ((b"\0", "entry 256 of the bundle breaks off"), (b"\0\0", "the bundle has 257 entries, want 256")):
        path.write_bytes(data + more_bytes)
        report = audited(tall, place)
        assert report.first_bad == 0
        assert broken(report)[0][2] == f"from entry 0 on the log cannot be read: tile/entries/000 {problem}"


def test_a_record_0_that_is_none(tall, place):
    path = place / "tile/entries/000"
    path.write_bytes(path.read_bytes().replace(b"plumbline/record/v1", b"plumbline/record/v9", 1))
    report = audited(tall, place)
    assert report.first_bad == 0
    assert "record-unreadable" in codes(report)
    assert "chain-mismatch" not in codes(report)


def resigned(size, root, *, name=ORIGIN):
    key = signer(name)
    return sign_checkpoint(Checkpoint(name, size, root), key=key.vkey, sign=key.sign, time=1_772_460_999)


def test_a_signed_checkpoint_of_another_root(tall, place):
    root = merkle.leaf_hash(b"another history")
    (place / "checkpoint").write_bytes(resigned(300, root))
    report = audited(tall, place)
    assert codes(report) == {"root-mismatch"}
    assert broken(report)[0][2] == f"the checkpoint has root {root.hex()} at size 300, the log has {report.root}"


def test_the_checkpoint_of_another_log(tall, sound, place):
    root = merkle.root([merkle.Hash(entry[2]) for entry in tall.entries()])
    (place / "checkpoint").write_bytes(resigned(300, root, name="other.example/log"))
    report = audited(tall, place)
    assert broken(report) == [
        ("checkpoint-signature", None, f"the checkpoint does not hold: the checkpoint is of other.example/log, want {ORIGIN}")
    ]
    assert codes(audit_mirror(open_mirror(str(place)), Held())) == {"checkpoint-signature"}


def test_a_checkpoint_with_a_changed_signature_size_or_form(tall, place):
    path = place / "checkpoint"
    note = path.read_bytes()
    path.write_bytes(note.replace(b"\n300\n", b"\n299\n"))
    assert "checkpoint-signature" in codes(audited(tall, place))
    path.write_bytes(note.replace(b"\n300\n", b"\n301\n"))
    assert {"entry-unreadable", "checkpoint-signature"} <= codes(audited(tall, place))
    path.write_bytes(b"text")
    assert broken(audited(tall, place)) == [
        ("store-damaged", None, "the export cannot be read: checkpoint is no checkpoint: line 1: a note ends in a newline")
    ]
    path.write_bytes(b"x" * (1 << 20) + b"y")
    assert broken(audited(tall, place))[0][2] == "the export cannot be read: checkpoint is larger than 1048576 bytes"
    path.unlink()
    assert broken(audited(tall, place)) == [("store-damaged", None, "the export cannot be read: checkpoint is missing")]


def test_a_huge_size_in_a_checkpoint_ends_at_the_first_missing_bundle(tall, place):
    (place / "checkpoint").write_bytes(resigned(2**63 - 1, merkle.EMPTY_ROOT))
    report = audited(tall, place)
    assert not report.holds
    assert broken(report)[0][2] == "from entry 256 on the log cannot be read: tile/entries/001 is missing"


def test_a_file_that_is_a_folder_is_a_finding(tall, place):
    (place / "tile/0/000").unlink()
    (place / "tile/0/000").mkdir()
    assert broken(audited(tall, place)) == [("tile-mismatch", 0, "tile/0/000 cannot be read: Is a directory")]


# A web server


class Files(http.server.SimpleHTTPRequestHandler):
    """The files of an export; a fault may be added to what is asked for."""

    fault: Any = None

    def do_GET(self) -> None:
        if self.fault is None or not self.fault(self):
            super().do_GET()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def served(folder: Path, fault: Any = None) -> Iterator[str]:
    """Serve a folder on a free port of this machine."""
    kind = type("Faulty", (Files,), {"fault": staticmethod(fault) if fault else None})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(kind, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")


def test_an_export_behind_a_web_server_is_audited_like_a_folder(tall, sound):
    with served(sound.parent) as url:
        report = audited(tall, f"{url}/{sound.name}/")
    assert report.findings == []
    assert report.size == 300


def answer(code, **headers):
    def fault(request):
        if "/tile/0/001" not in request.path:
            return False
        request.send_response(code)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", "0")
        request.end_headers()
        return True

    return fault


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (answer(404), "tile/0/001.p/44 is missing"),
        (answer(410), "tile/0/001.p/44 is missing"),
        (answer(500), "tile/0/001.p/44 cannot be read: the server answered 500"),
        (answer(302, Location="ftp://127.0.0.1/x"), "tile/0/001.p/44 cannot be read: unknown url type: ftp"),
        (answer(302, Location="file:///etc/passwd"), "tile/0/001.p/44 cannot be read: the server answered 302"),
        (answer(200), "tile/0/001.p/44 a tile of 44 hashes has 1408 bytes, got 0"),
    ],
)
def test_what_a_web_server_answers_is_a_finding_that_names_the_file(tall, sound, fault, message):
    with served(sound, fault) as url:
        report = audited(tall, url)
    assert [said for _, _, said in broken(report)] == [message]


def test_a_redirect_to_another_web_server_is_followed(tall, sound):
    with served(sound) as other, served(sound, lambda request: moved(request, other)) as url:
        assert audited(tall, url).holds


def moved(request, other):
    request.send_response(301)
    request.send_header("Location", other + request.path)
    request.end_headers()
    return True


def test_a_web_server_that_sends_without_end_is_cut_off_at_the_limit(sound):
    def endless(request):
        request.send_response(200)
        request.end_headers()
        try:
            while True:
                request.wfile.write(b"x" * 65536)
        except OSError:
            return True

    with served(sound, endless) as url, pytest.raises(MirrorError, match="^checkpoint is larger than 1048576 bytes$"):
        open_mirror(url).checkpoint()


def test_a_web_server_that_sends_slowly_or_not_at_all_is_given_up(sound, monkeypatch):
    def dripping(request):
        request.send_response(200)
        request.end_headers()
        for _ in range(50):
            request.wfile.write(b"x")
            time.sleep(0.02)
        return True

    def silent(request):
        time.sleep(0.5)
        return True

    monkeypatch.setattr(ledger.mirror.source, "WHOLE_SECONDS", 0.05)
    monkeypatch.setattr(ledger.mirror.source, "_AT_ONCE", 1)
    with served(sound, dripping) as url, pytest.raises(MirrorError, match=r"^checkpoint cannot be read: took longer than 0\.05 s$"):
        open_mirror(url).checkpoint()
    monkeypatch.setattr(ledger.mirror.source, "WAIT_SECONDS", 0.05)
    with served(sound, silent) as url, pytest.raises(MirrorError, match="^checkpoint cannot be read: .*timed out"):
        open_mirror(url).checkpoint()


def test_a_web_server_that_is_not_there_or_speaks_no_http_is_a_refusal(sound):
    with served(sound) as url:
        pass
    with pytest.raises(MirrorError, match="^checkpoint cannot be read: .*Connection refused"):
        open_mirror(url).checkpoint()

    def garbage(request):
        request.wfile.write(b"SSH-2.0-x\r\n\r\n")
        request.close_connection = True
        return True

    with served(sound, garbage) as url, pytest.raises(MirrorError, match="^checkpoint cannot be read: "):
        open_mirror(url).checkpoint()


@pytest.mark.parametrize(
    "place", ["ftp://x.example/log", "https://", "https://x.example/log?a=b", "https://x.example/log#a", "file:///tmp"]
)
def test_other_urls_are_refused(place):
    with pytest.raises(StoreError, match="^" + re.escape(f"{place} is no place of an export") + "$"):
        open_mirror(place)


def test_a_place_that_is_no_folder_is_refused(tmp_path):
    with pytest.raises(StoreError, match=r"/nowhere is no folder$"):
        open_mirror(str(tmp_path / "nowhere"))


# The command


def test_the_command_audits_a_folder_named_or_given_as_the_ledger(tall, sound):
    trust = tall.keys / "trust"
    said = command("audit", sound, "--trust", trust)
    assert said.code == 0, said.err
    assert said.out.splitlines()[-1] == "HOLDS: nothing is broken, 0 flags to look at"
    assert "UNWITNESSED (no quorum asked)" in said.out
    assert command("audit", "-L", sound, "--trust", trust).out == said.out
    assert command("audit", sound).code == 0
    found = command("audit", sound, "--trust", trust, "--json").json
    assert (found["holds"], found["size"], found["witnessed"]) == (True, 300, "UNWITNESSED (no quorum asked)")
    assert command("audit", tall.path, "--json").json["root"] == found["root"]


def test_the_command_audits_a_url_and_writes_a_report(tall, sound, tmp_path):
    with served(sound) as url:
        said = command("audit", url, "--trust", tall.keys / "trust", "-o", tmp_path / "report.pdf", no_proxy="*")
    assert said.code == 0, said.err
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")


def test_the_command_says_what_is_damaged(tall, place):
    flipped(place / "tile/0/000", 0)
    said = command("audit", place, "--trust", tall.keys / "trust")
    assert said.code == 1
    assert "tile-mismatch: tile/0/000 has " in said.out
    assert said.out.splitlines()[-1].startswith("DOES NOT HOLD: 1 broken, first bad record 0")


# A log that somebody else wrote

TESSERA = parse_vkey("example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx")
WORDS = "one two three four five six seven eit nain ten ileven twelf threeten fourten fivten".split()  # noqa: SIM905 - as SOURCE.txt has it


def tessera(name):
    """Return the test log of Tessera, read at one of its checkpoints."""
    log = published.folder("tlog-tiles-tessera") / "log"

    def fetch(path, limit):
        found = log / (name if path == "checkpoint" else path)
        if not found.is_file():
            raise MissingFileError(path)
        data = found.read_bytes()
        assert len(data) <= limit
        return data

    return Mirror("tessera", fetch)


def test_the_test_log_of_tessera_is_read_and_verified_at_every_size():
    leaves = [merkle.leaf_hash(word.encode()) for word in WORDS]
    roots = {}
    for size in range(16):
        mirror = tessera(f"checkpoint.{size}")
        signed = verify_checkpoint(mirror.checkpoint(), log_keys=[TESSERA], verify=verify).checkpoint
        assert (signed.origin, signed.size, mirror.size) == ("example.com/log/testdata", size, size)
        roots[size] = signed.root
        assert tile.root_at(mirror, size) == signed.root == merkle.root(leaves[:size])
        if size:
            assert mirror.stored_bundle(0, size) == [word.encode() for word in WORDS[:size]]
            assert mirror.stored_tile(0, 0, size) == leaves[:size]
        for index in range(size):
            path = tile.inclusion(mirror, index, size)
            merkle.verify_inclusion(leaves[index], index=index, size=size, root=signed.root, path=path)
        for old in range(size + 1):
            path = tile.consistency(mirror, old, size)
            merkle.verify_consistency(old_size=old, old_root=roots[old], new_size=size, new_root=signed.root, path=path)
    assert verify_checkpoint(tessera("checkpoint").checkpoint(), log_keys=[TESSERA], verify=verify).checkpoint.size == 15


def test_the_folder_of_the_test_log_of_tessera_opens_as_an_export_and_holds_no_records_of_ours():
    folder = published.folder("tlog-tiles-tessera") / "log"
    report = audit_mirror(open_mirror(str(folder)), Held())
    assert report.size == 15
    assert codes(report) == {"record-unreadable", "checkpoint-signature"}
    assert not [finding for finding in report.findings if finding.code in ("tile-mismatch", "file-missing", "chain-mismatch")]


# Witnesses


def witness(name):
    key = signer(name)
    return Witness(name.split(".")[0], cosigner(key.vkey))


POLICY = WitnessPolicy(tuple(witness(f"{name}.example/w") for name in ("a", "b", "c")), (Group("all", 2, ("a", "b", "c")),), "all")


def witnessed(house, size, *names):
    """Keep the cosignatures of these witnesses of the checkpoint at a size."""
    with Store.open(house.path).writing() as view:
        note = parse_note(Store.published(view, size))
        for name in names:
            key = signer(f"{name}.example/w")
            line = cosign(note.text, key=key.vkey, sign=key.sign, time=1_772_461_000)
            Store.add_cosignatures(view, size, [(line.name, line.key_id.hex(), 1_772_461_000, line.line())])


def pinned(house):
    return Trust(house.audit().ledger, ORIGIN, (signer(ORIGIN).vkey,), POLICY)


def test_a_quorum_that_is_named_is_counted_in_a_store_and_an_export(tall, tmp_path):
    house = tall.copy(tmp_path / "house")
    trust = pinned(house)
    place = exported(house, tmp_path / "export")
    lonely = "QUORUM NOT REACHED (0 of 3 organisations, 2 asked)"
    assert broken(house.audit(trust=trust)) == [("quorum-not-reached", None, f"no checkpoint reached the quorum; the newest: {lonely}")]
    assert broken(audit_mirror(open_mirror(str(place)), Held(trust=trust))) == [("quorum-not-reached", None, f"the checkpoint: {lonely}")]
    witnessed(house, 300, "a", "b")
    exported(house, place)
    line = "WITNESSED by 2 of 3 organisations (2 asked; safe against 0 dishonest)"
    for report in (house.audit(trust=trust), audit_mirror(open_mirror(str(place)), Held(trust=trust))):
        assert report.findings == []
        assert report.witnessed == line


def test_records_behind_the_newest_witnessed_checkpoint_are_flagged(tall, tmp_path):
    house = tall.copy(tmp_path / "house")
    witnessed(house, 3, "a", "c")
    witnessed(house, 300, "b")
    report = house.audit(trust=pinned(house))
    assert report.holds
    assert [(finding.code, finding.index, finding.message) for finding in report.findings] == [
        ("unwitnessed-tail", 3, "records from 3 on are in no checkpoint that reached the quorum")
    ]


def test_a_store_without_any_checkpoint_reaches_no_quorum_and_says_so(tall, tmp_path):
    house = tall.copy(tmp_path / "house")
    trust = pinned(house)
    house.sql("DELETE FROM checkpoint")
    report = house.audit(trust=trust)
    assert report.witnessed == ""
    assert not report.holds
