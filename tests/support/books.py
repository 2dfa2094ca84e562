"""A ledger in memory for tests: parties, sites and keys made from their names, every record signed, read back and applied.

After each record the books are checked to balance to the milligram from scratch, not from what the program kept.
"""

from __future__ import annotations

import hashlib
from typing import Any

from keyring import signer
from ledger import policy
from ledger.compose import compose, place_of
from ledger.keys import Signer, prove_possession
from ledger.matter.batch import Batch
from ledger.matter.booking import Posting
from ledger.memory import Memory
from ledger.record import Record, read_record, write_record
from ledger.state import apply, authenticate
from ledger.tlog.merkle import EMPTY_ROOT
from ledger.view import LAST, Changes

ORIGIN = "ledger.example/lead"
TIME = "2026-03-02T14:05:00Z"
SIGN = {"received": 1, "adjusted": 1, "disposed": -1, "delivered": -1, "lost": -1, "moved_in": 0, "moved_out": 0}


class Salts:
    """Salts that are the same on every run."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, size: int) -> bytes:
        self.count += 1
        return hashlib.sha256(f"salt {self.count}".encode()).digest()[:size]


class Books:
    """A ledger with a registrar; `admit` adds parties, `log` adds records."""

    def __init__(self) -> None:
        self.memory = Memory()
        self.records: list[Record] = []
        self.salts = Salts()
        self.registrar = signer("registrar/1")
        self.log_key = signer(ORIGIN)
        rules = policy.load()
        raw = {
            "type": "genesis",
            "time": TIME,
            "origin": ORIGIN,
            "registrar": self.registrar.vkey.format(),
            "log": [self.log_key.vkey.format()],
            "policy": {"version": rules.version, "sha256": rules.sha256},
            "nonce": "0" * 32,
        }
        self.submit(genesis_record(raw, self.registrar))

    @property
    def ledger_id(self) -> str:
        """The ledger id."""
        facts = self.memory.facts
        assert facts is not None
        return facts.ledger_id

    def admit(self, party: str, *, country: str = "US", name: str | None = None, sites: dict[str, str] | None = None) -> None:
        """Admit a party with its key party/1 and register its sites (name → country)."""
        key = signer(f"{party}/1")
        self.log(
            "registrar/1",
            {
                "type": "admit",
                "time": TIME,
                "party": {"id": party, "name": name or party.title(), "country": country},
                "key": key.vkey.format(),
                "proof": prove_possession(key, ORIGIN),
            },
        )
        for site, where in (sites or {"works": country}).items():
            self.log(
                f"{party}/1",
                {"type": "site", "time": TIME, "site": {"id": f"{party}:{site}", "party": party, "name": site, "country": where}},
            )

    def draft(self, key: str, *raws: dict[str, Any]) -> Record:
        """Return a signed record of these events, not yet in the ledger."""
        composed = compose(self.memory, raws, key=key, place=place_of(self.memory, key, seen=None), made=TIME, salt=self.salts)
        return sign(composed.header, composed.events, signer(key))

    def log(self, key: str, *raws: dict[str, Any]) -> Changes:
        """Sign events and put them into the ledger as one record."""
        return self.submit(self.draft(key, *raws))

    def submit(self, record: Record) -> Changes:
        """Put a record into the ledger as anybody would who has only its bytes."""
        read = read_record(record.note)
        authenticate(self.memory, read)
        changes = apply(self.memory, read)
        self.memory.fold(changes)
        self.memory.roots[self.memory.size] = EMPTY_ROOT
        self.records.append(read)
        self.check()
        return changes

    def batch(self, name: str) -> Batch:
        """Return a batch as it stands."""
        found = self.memory.batch_before(name, LAST)
        assert found is not None, name
        return found

    def postings(self) -> list[Posting]:
        """Return every posting in force."""
        return [posting for booking in self.memory.bookings.values() if booking for posting in booking.postings]

    def notes(self) -> list[str]:
        """Return the codes of every note in force."""
        return [note.code for booking in self.memory.bookings.values() if booking for note in booking.notes]

    def held(self) -> dict[str, int]:
        """Return contained mg held by constituent, from the batches alone."""
        whole: dict[str, int] = {}
        for name in self.memory.numbers:
            batch = self.memory.batch_before(name, LAST)
            for constituent, mass in (batch.contained() if batch else {}).items():
                whole[constituent] = whole.get(constituent, 0) + mass
        return whole

    def check(self) -> None:
        """Check the identity of the books: received + adjusted − disposed − delivered − lost − held = 0, per constituent."""
        balance = {constituent: -mass for constituent, mass in self.held().items()}
        for posting in self.postings():
            balance[posting.constituent] = balance.get(posting.constituent, 0) + SIGN[posting.account] * posting.mass
        assert not any(balance.values()), balance
        for name in self.memory.numbers:
            batch = self.memory.batch_before(name, LAST)
            if batch is not None:
                assert batch.dry_left >= 0
                assert all(mass > 0 for content in batch.contents.values() for mass in content.booked.left.values())


def sign(header: Any, events: Any, key: Signer) -> Record:
    """Sign a record."""
    return write_record(header, events, key=key.vkey, sign=key.sign)


def genesis_record(raw: dict[str, Any], registrar: Signer) -> Record:
    """Return record 0."""
    from ledger.record import read_event
    from ledger.tlog import canonical
    from schemas.record import Header

    header = Header(genesis=None, key=registrar.name, made=raw["time"], prev=None, seen=None, seq=0)
    return sign(header, (read_event(canonical.encode(raw)),), registrar)


def lb(value: str | int) -> dict[str, str]:
    """Return a quantity in pounds."""
    return {"value": str(value), "unit": "lb"}


def kg(value: str | int, **more: str) -> dict[str, str]:
    """Return a quantity in kilograms."""
    return {"value": str(value), "unit": "kg", **more}


def pct(value: str | int, **more: str) -> dict[str, str]:
    """Return a proportion in per cent."""
    return {"value": str(value), "unit": "%", **more}
