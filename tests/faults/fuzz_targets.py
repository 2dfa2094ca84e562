"""What bytes from outside are handed to: every parser and verifier, the valid files to begin with, and what is said by what is accepted.

A target's `read` raises a refusal, or returns what the bytes mean: None where they do not hold. For a verifier nothing may be accepted that
means something else than one of the valid files; a parser that has one spelling must write again what it read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import click

from books import ORIGIN, TIME, Salts, sign
from cli import flags
from ground import export, pdf, vector
from hostile_keys import key_file
from hostile_outboxes import KEY
from hostile_rules import rule
from hostile_trust import witness
from issued import proved
from keyring import signer
from ledger.certificates.credential import verification_method_of, without_proof
from ledger.certificates.jwt import read_token, secure
from ledger.compare import verify_fork
from ledger.compose import compose, place_of
from ledger.draft import parse_event
from ledger.errors import ConservationError, FormatError, LedgerError
from ledger.evidence.format import format_evidence, lines_of, read_evidence
from ledger.evidence.verification import verify_evidence
from ledger.keys import read_key_file, verify
from ledger.mark import read_mark
from ledger.outbox import Outbox
from ledger.recognition import recognise
from ledger.record import read_record
from ledger.rules.book import own, parse_rule
from ledger.state import apply, authenticate
from ledger.tlog import canonical, tile
from ledger.tlog.checkpoint import parse_checkpoint
from ledger.tlog.merkle import leaf_hash
from ledger.tlog.note import format_note, parse_note
from ledger.tlog.proof import format_proof, parse_proof
from ledger.trust import read_trust
from ledger.verification import verify_fork_proof, verify_log_checkpoint, verify_receipt, verify_statement
from ledger.witness.witness import OK, Cosigner, Witness, answer
from program import Program
from reports.attachment import read_attached, signature
from witnesses import Clock, MemoryState

Read = Callable[[bytes], object]
REFUSALS = (LedgerError, click.UsageError)
"""What a parser may raise. A ConservationError says that it is a fault of the program."""

_KEY_NAME = re.compile(rb'"key":"([!-*,-~]{1,80}?)"')
TRUST = read_trust(vector("trust"), file="trust")
VECTORS = ("certificate", "origin", "usmca", "declared", "shipment")
EVIDENCE = tuple(vector(f"{name}.evidence") for name in (*VECTORS, "certificate-attested", "key", "missing-input"))


class MisreadError(AssertionError):
    """A parser with one spelling has accepted bytes that it would write otherwise."""


@dataclass(frozen=True)
class Target:
    """Something that reads bytes from outside; `weight` is its share of all inputs, `verified` whether what it accepts was signed."""

    name: str
    read: Read
    seeds: tuple[bytes, ...]
    weight: int = 1
    verified: bool = False
    meanings: frozenset[object] = field(default=frozenset(), compare=False)


def fault(target: Target, data: bytes) -> str | None:
    """Return what goes wrong when a target reads bytes, None where all is as it should be; "accepted" is no fault."""
    try:
        meaning = target.read(data)
    except ConservationError as error:
        return f"{type(error).__name__}: {error}"
    except REFUSALS:
        return None
    except Exception as error:  # noqa: BLE001 - whatever else escapes would have been a fault of the program
        return f"{type(error).__name__}: {error}"
    if target.verified and meaning is not None and meaning not in target.meanings:
        return f"a false acceptance: {meaning!r}"
    return None


def same(data: bytes, written: bytes) -> bytes:
    """Return bytes that were read and written again, which must be the same."""
    if data != written:
        raise MisreadError(written[:80])
    return data


def _evidence(data: bytes) -> object:
    return same(data, b"".join(format_evidence(read_evidence(lines_of(data)))))


def _bundle(data: bytes) -> object:
    return same(data, tile.format_bundle(tile.parse_bundle(data, width=5, where="bundle")))


def _proof(data: bytes) -> object:
    return same(data, format_proof(parse_proof(data)))


def _note(data: bytes) -> object:
    note = parse_note(data)
    return same(data, format_note(note.text, list(note.signatures)))


def _checkpoint_text(data: bytes) -> object:
    return same(data, parse_checkpoint(data).text())


def _canonical(data: bytes) -> object:
    return same(data, canonical.encode(canonical.decode(data, what="value")))


def _trust(data: bytes) -> object:
    text = read_trust(data, file="trust").text()
    return same(text.encode(), read_trust(text.encode(), file="trust").text().encode())


def _receipt(data: bytes) -> object:
    leaf = leaf_hash(vector("certify.record"))
    found = verify_receipt(data, leaf_at=lambda _: leaf, trust=TRUST)
    receipt = parse_proof(data)
    return (receipt.index, receipt.path, parse_note(receipt.checkpoint_note).text) if found.holds else None


def _checkpoint(data: bytes) -> object:
    return parse_note(data).text if verify_log_checkpoint(data, root_at=None, trust=TRUST).holds else None


def _statement(data: bytes) -> object:
    return parse_note(data).text if verify_statement(data, root_at=None, trust=TRUST).holds else None


def _fork(data: bytes) -> object:
    found = verify_fork_proof(data, trust=TRUST)
    if not found.holds:
        return None
    return frozenset(one.checkpoint for one in verify_fork(data, log_keys=TRUST.log, verify=verify))


def _certified(data: bytes, *, credential: bytes | None) -> object:
    """Verify evidence, of a certificate or of a key; that a statement was left out is said, and means less."""
    found = verify_evidence(read_evidence(lines_of(data)), credential=credential, trust=TRUST, book=own())
    said = tuple(level.detail for level in found.levels if level.level != 2 and level.holds)
    return (found.subject, said) if found.holds else None


def _credential(data: bytes, *, evidence: bytes) -> object:
    found = verify_evidence(read_evidence(lines_of(evidence)), credential=data, trust=TRUST, book=own())
    return canonical.encode({**(found.document or {}), "proof": None}) if found.holds else None


def _signed_again(data: bytes, *, evidence: bytes) -> object:
    """Verify a certificate that its issuer signed as it stands."""
    raw = canonical.parse(data, what="credential")
    if not isinstance(raw, dict):
        raise FormatError("no object")
    return _credential(canonical.encode(proved(without_proof({**raw, "@context": raw.get("@context")}), "voltaic/1")), evidence=evidence)


def _token(data: bytes) -> object:
    read_token(data)
    return _credential(data, evidence=vector("certificate.evidence"))


def _token_signed_again(data: bytes) -> object:
    return _token(secure(data, verification_method=verification_method_of(signer("voltaic/1").public_key), sign=signer("voltaic/1").sign))


def _pdf(data: bytes) -> object:
    signature(data)
    credential, evidence = read_attached(data)
    return None if evidence is None else _credential(credential, evidence=evidence)


def _request(data: bytes, *, cosigners: tuple[Cosigner, ...]) -> object:
    witness = Witness(cosigners, {ORIGIN: TRUST.log}, MemoryState(), Clock(), verify)
    given = answer(witness, data)
    return data.partition(b"\n\n")[2].partition(b"\n\n")[0] if given.status == OK else None


class Ledger:
    """Two plants' books, and what a key of theirs might sign for them."""

    def __init__(self) -> None:
        self.program = Program()
        self.program.run([(number * 7 % 999, number * 13 % 999, number * 29 % 999) for number in range(150)])
        self.books = self.program.books
        self.events = tuple(self._next())
        self.texts = tuple(parse_note(self.composed(data)).text for data in self.events[::9])

    def _next(self) -> Iterator[bytes]:
        """Yield events that would be taken next, several of every kind."""
        for act in dict.fromkeys(self.program.acts):
            for number in range(40):
                given = act(number * 7, number * 11)
                if given is None:
                    continue
                data = json.dumps(given[1]).encode()
                try:
                    self.draft(data)
                except LedgerError:
                    continue
                yield data

    def composed(self, data: bytes) -> bytes:
        """Return the record that a plant would sign for an event as a person writes it."""
        raw, view = parse_event(data), self.books.memory
        key = "works/1" if "works:" in str(raw.get("site") or raw.get("of")) else "yard/1"
        composed = compose(view, [raw], key=key, place=place_of(view, key, seen=None), made=TIME, salt=Salts())
        return sign(composed.header, composed.events, signer(key)).note

    def draft(self, data: bytes) -> object:
        """Compose a record of an event, and enter what was signed."""
        return self.enter(self.composed(data))

    def text(self, data: bytes) -> object:
        """Enter a record whose text somebody has signed with whatever key its header names."""
        named = _KEY_NAME.search(data)
        key = signer(named[1].decode() if named else "nobody/1")
        return self.enter(format_note(data, [key.vkey.signed(key.sign(data))]))

    def enter(self, note: bytes) -> object:
        """Enter a record into the books, which stay as they were."""
        record = read_record(note)
        authenticate(self.books.memory, record)
        apply(self.books.memory, record)
        return None


def _key(data: bytes, *, folder: Path) -> object:
    (folder / "k").write_bytes(data)
    return read_key_file(folder / "k", lambda: None).vkey.format()


def _vkey(data: bytes, *, folder: Path) -> object:
    (folder / "v.vkey").write_bytes(data)
    return read_key_file(folder / "v", lambda: None).vkey.format()


def _file(data: bytes, *, path: Path, read: Callable[[], object]) -> object:
    path.write_bytes(data)
    read()
    return None


def _said(data: bytes) -> object:
    """Read what people write behind flags."""
    text = data.decode(errors="surrogateescape")
    readers: tuple[Callable[[str], Any], ...] = (
        flags.quantity, flags.signed_quantity, flags.drawn, flags.proportion, flags.assay, flags.places, flags.share, flags.named,
        flags.use, flags.output, flags.loss, flags.capacity, flags.serials, flags.when, flags.day,
    )  # fmt: skip
    for reader in readers:
        try:
            reader(text)
        except click.UsageError:
            continue
    return None


FLAGS = (
    b"42200lb", b"14000 kg +-20 device=scale-1", b"100pieces", b"-120 kg", b"97.5% +-0.2", b"1890ppm", b"Pb=95.8%,Sb<180ppm",
    b"collected_in=US,CA", b"end_of_life 60% of Pb collected_in=US", b"yard:A 200kg final",
    b"keystone:GM-1 grid_metal 5450kg moisture=2% Pb=95.8% pieces=40 serials=A1..A40", b"fume Pb=12kg", b"lead=1000t", b"A1..A40",
    b"2026-03-02T14:05:00Z", b"2026-03-31",
)  # fmt: skip


def targets(folder: Path) -> tuple[Target, ...]:
    """Return every target, with what its valid files mean."""
    ledger, credentials = Ledger(), tuple(vector(f"{name}.json") for name in VECTORS)
    notes = tuple(vector(name) for name in ("cosigned.checkpoint", "statement", "certify.record"))
    for name, data in {"k.vkey": KEY["k.vkey"], "v": key_file()}.items():
        (folder / name).write_bytes(data)
        (folder / name).chmod(0o600)
    (folder / "k").touch(mode=0o600)
    box = Outbox(folder / "o")
    box.folder.mkdir(mode=0o700)
    cosigners = tuple(Cosigner(*one) for one in signer("witness.example/one").cosigners())
    payload = canonical.encode(without_proof(json.loads(credentials[0])))
    token = secure(payload, verification_method=verification_method_of(signer("voltaic/1").public_key), sign=signer("voltaic/1").sign)
    mark = f"plumbline/mark/v1\nledger {'ab' * 32}\nsize 7\nroot {'cd' * 32}\n".encode()
    opening = b'[{"event":0,"field":"private.x","salt":"%s","value":"x"}]' % (b"00" * 16)
    request = b"old 0\n\n" + vector("cosigned.checkpoint")
    proof, files = vector("certify.tlog-proof"), export()
    credential, shown = partial(_credential, evidence=EVIDENCE[0]), (EVIDENCE[0], EVIDENCE[5], EVIDENCE[7])
    made = [
        Target("recognition", recognise, (*notes, *credentials, proof, token), 4),
        Target("canonical JSON", _canonical, (*credentials, *ledger.events), 8),
        Target("note", _note, notes, 8),
        Target("checkpoint text", _checkpoint_text, (notes[0].partition(b"\n\n")[0] + b"\n",), 6),
        Target("receipt's form", _proof, (proof,), 6),
        Target("tile", lambda data: same(data, b"".join(tile.parse_tile(data, width=5, where="tile"))), (files["tile/0/000.p/5"],), 2),
        Target("entry bundle", _bundle, (files["tile/entries/000.p/5"],), 4),
        Target("evidence's form", _evidence, EVIDENCE, 6),
        Target("record", lambda data: same(data, read_record(data).note), (notes[2], *(record.note for record in ledger.books.records)), 8),
        Target("trust file and policy", _trust, (vector("trust"), _policy()), 6),
        Target("rule", partial(parse_rule, what="rule"), (rule(), *(entry.canonical for entry in own().all())), 4),
        Target("event drafted and entered", ledger.draft, ledger.events, 8),
        Target("record signed and entered", ledger.text, ledger.texts, 6),
        Target("flags", _said, FLAGS, 4),
        Target("key file", partial(_key, folder=folder), (key_file(),), 3, verified=True),
        Target("vkey", partial(_vkey, folder=folder), (KEY["k.vkey"],), 3, verified=True),
        Target("mark", partial(_file, path=folder / "mark", read=lambda: read_mark(folder / "mark")), (mark,), 2),
        Target("outbox record", partial(_file, path=box.folder / "00000000.record", read=lambda: box.record(0)), (notes[2],), 2),
        Target("outbox opening", partial(_file, path=box.folder / "00000001.openings", read=lambda: box._openings(1)), (opening,), 2),
        Target("receipt", _receipt, (proof,), 4, verified=True),
        Target("checkpoint", _checkpoint, notes[:1], 4, verified=True),
        Target("statement", _statement, notes[1:2], 4, verified=True),
        Target("fork", _fork, (vector("fork"),), 4, verified=True),
        Target("witness request", partial(_request, cosigners=cosigners), (request,), 4, verified=True),
        Target("evidence of a certificate", partial(_certified, credential=credentials[0]), shown, 2, verified=True),
        Target("evidence of a key", partial(_certified, credential=None), (EVIDENCE[6],), 2, verified=True),
        Target("certificate", credential, credentials[:1], 3, verified=True),
        Target("certificate signed again", partial(_signed_again, evidence=EVIDENCE[0]), credentials[:1], 2, verified=True),
        Target("vc+jwt", _token, (token,), 3, verified=True),
        Target("vc+jwt signed again", _token_signed_again, (payload,), 2, verified=True),
        Target("PDF", _pdf, (pdf(),), 1, verified=True),
    ]  # fmt: skip
    return tuple(_learned(target) for target in made)


def _policy() -> bytes:
    """Return a trust file with witnesses, groups and a quorum."""
    three = b"".join(witness(name) for name in ("one", "two", "three"))
    return vector("trust").replace(b"quorum none\n", three + b"group most 2 one two three\nquorum most\n")


def _learned(target: Target) -> Target:
    """Return a target that knows what its valid files mean."""
    return replace(target, meanings=frozenset(target.read(seed) for seed in target.seeds)) if target.verified else target
