"""Founding a ledger: its keys, its store, record 0, the mark and the trust file."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ledger import policy
from ledger.errors import CheckpointError, KeyFileError, LedgerError, StoreError
from ledger.files import make_folder, remove_files, replace_file
from ledger.keys import Signer, generate, verify, vkey_path, write_key_file
from ledger.log import Log, append
from ledger.mark import Mark, write_mark
from ledger.record import read_event, write_record
from ledger.store.database import BUSY_SECONDS, database_at
from ledger.store.place import Place
from ledger.store.store import Store
from ledger.store.view import StoreView
from ledger.tlog import canonical, checkpoint
from ledger.tlog.checkpoint import check_origin
from ledger.tlog.note import parse_vkey
from ledger.trust import Trust
from schemas.record import Header


@dataclass(frozen=True, slots=True)
class Founding:
    """What a new ledger is made of: its place, the folder of its keys, its origin, a pass phrase, 16 random bytes, the time."""

    place: Place
    keys: Path
    origin: str
    passphrase: bytes | None
    nonce: bytes
    made: str


@dataclass(frozen=True, slots=True)
class Founded:
    """A new ledger: its id, the vkeys of log and registrar, and where its trust file lies."""

    ledger_id: str
    log: str
    registrar: str
    trust: Path


def found(facts: Founding, *, clock: Callable[[], int], seed: Callable[[int], bytes]) -> Founded:
    """Make a ledger.

    Raises:
        StoreError, KeyFileError: Something lies there already, or cannot be written.
        FormatError: The origin is none.
    """
    check_origin(facts.origin)
    database_at(facts.place, busy_seconds=BUSY_SECONDS).check_absent()
    try:
        make_folder(facts.keys, mode=0o700, parents=True)
    except OSError as error:
        raise KeyFileError(f"the key folder {facts.keys} cannot be made: {error.strerror}") from error
    mark = facts.keys / "mark"
    if mark.exists():
        raise StoreError(f"{mark} belongs to another ledger", hint="every ledger has a key folder of its own; give --keys DIR")
    log_key, registrar = generate(facts.origin, seed=seed(32)), generate("registrar/1", seed=seed(32))
    made: list[Path] = []
    store: Store | None = None
    try:
        for name, key in (("log.key", log_key), ("registrar.key", registrar)):
            write_key_file(facts.keys / name, key, facts.passphrase)
            made += [facts.keys / name, vkey_path(facts.keys / name)]
        store = Store.create(facts.place)
        made.append(mark)
        return _begun(facts, Log(store, log_key, mark, clock), registrar)
    except LedgerError:
        remove_files(made)  # a ledger is made whole, or not at all
        if store is not None:
            store.database.remove()
        raise


def _begun(facts: Founding, log: Log, registrar: Signer) -> Founded:
    """Log record 0 and write the trust file."""
    rules = policy.load()
    event = {
        "type": "genesis",
        "time": facts.made,
        "origin": facts.origin,
        "registrar": registrar.vkey.format(),
        "log": [log.signer.vkey.format()],
        "policy": {"version": rules.version, "sha256": rules.sha256},
        "nonce": facts.nonce.hex(),
    }
    header = Header(genesis=None, key=registrar.name, made=facts.made, prev=None, seen=None, seq=0)
    record = write_record(header, (read_event(canonical.encode(event)),), key=registrar.vkey, sign=registrar.sign)
    with log.store.writing() as view:
        for name in ("log.key", "trust"):
            Store.remember(view, name.replace(".", "_"), str(_from(facts.place, facts.keys / name)))
    append(log, lambda _: [record.note], begin=True)
    with log.store.reading() as view:
        trust = trust_of(view)
    replace_file(facts.keys / "trust", trust.text().encode())
    return Founded(trust.ledger, log.signer.vkey.format(), registrar.vkey.format(), facts.keys / "trust")


def _from(ledger: Place, file: Path) -> Path:
    """Return a file as seen from the folder of a ledger's file where it lies within, so that both can move together."""
    if isinstance(ledger, Path):
        with suppress(ValueError):
            return file.resolve().relative_to(ledger.parent.resolve())
    return file.resolve()


def trust_of(view: StoreView) -> Trust:
    """Return the trust file of a ledger: quorum none, until witnesses are configured.

    Raises:
        StoreError: The store has no record 0.
    """
    facts = view.facts
    if facts is None:
        raise StoreError("the store holds no record 0", hint="make a ledger with `plumbline init`")
    return Trust(facts.ledger_id, facts.origin, tuple(parse_vkey(text) for text in facts.log))


def adopt_mark(log: Log, note: bytes) -> None:
    """Set a lost mark anew from a checkpoint that somebody else held and the log still agrees with.

    Raises:
        CheckpointError, SignatureError: It is not this log's, or the log no longer agrees with it.
        StoreError: A mark is there already.
    """
    if log.mark.exists():
        raise StoreError(f"there is a mark at {log.mark} already; a mark is never set back")
    with log.store.reading() as view:
        facts = view.facts
        signed = checkpoint.verify_checkpoint(note, log_keys=[parse_vkey(text) for text in facts.log] if facts else [], verify=verify)
        size, root = signed.checkpoint.size, signed.checkpoint.root
        have = view.root_at(size)
    if facts is None or have != root:
        raise CheckpointError(f"the checkpoint has root {root.hex()} at size {size}, the log has {have.hex() if have else 'none'}")
    write_mark(log.mark, Mark(facts.ledger_id, size, root.hex()))
