"""Certificates with their evidence: a chain of three companies in a store, and what a verifier is handed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from books import ORIGIN
from house import House, stored
from issued import Works
from keyring import signer
from ledger.attestation import Attestation, sign_attestation
from ledger.attested import Attested, attested, state_at
from ledger.certificates.certificate import Basis
from ledger.evidence.format import Evidence, format_evidence, lines_of, read_evidence
from ledger.evidence.verification import verify_evidence
from ledger.evidence.writing import evidence_of_claim, evidence_of_key
from ledger.rules.book import own
from ledger.store.store import Store
from ledger.store.view import StoreView
from ledger.tlog import canonical, merkle
from ledger.tlog.multiproof import multiproof
from ledger.trust import Trust
from ledger.verification import Verification

Raw = dict[str, Any]
AUDITOR = signer("auditor.example/clara")


class Evidenced(Works):
    """The same chain of companies, with the log's real roots; `put` stores it, and then evidence can be asked for."""

    house: House
    book = own()

    @property
    def leaves(self) -> list[merkle.Hash]:
        """The leaf hashes of the log."""
        return [merkle.leaf_hash(record.note) for record in self.records]

    @property
    def basis(self) -> Basis:
        """The log as it stands."""
        return Basis(self.ledger_id, ORIGIN, self.memory.size, merkle.root(self.leaves).hex())

    @property
    def trust(self) -> Trust:
        """What a verifier pins."""
        return Trust(self.ledger_id, ORIGIN, (self.log_key.vkey,), auditors=(AUDITOR.vkey,))

    def put(self, folder: Path) -> Evidenced:
        """Store the log."""
        self.house = stored(self, folder)
        return self

    def statement(self, *certificates: str, size: int | None = None) -> bytes:
        """Return the auditor's statement on the log, or on its beginning."""
        count = len(self.records) if size is None else size
        lines = state_at(self.house.entries(), count)
        state = merkle.root([merkle.leaf_hash(line) for line in lines])
        said = Attestation(
            self.ledger_id, count, merkle.root(self.leaves[:count]), len(lines), state, "2026-04-01T09:00:00Z", tuple(sorted(certificates))
        )
        return sign_attestation(said, key=AUDITOR.vkey, sign=AUDITOR.sign)

    def evidence(self, document: Raw, *, statement: bytes | None = None) -> Evidence:
        """Return a certificate's evidence."""
        subject = document["credentialSubject"]
        with Store(self.house.path).reading() as view:
            given = None if statement is None else self.attested(view, statement)
            found = evidence_of_claim(view, subject["number"], basis=document["basis"]["size"], rules=self.rules(document), statement=given)
            return kept(found)

    def rules(self, document: Raw) -> list[bytes]:
        """Return the rules that a certificate quotes, as its evidence holds them."""
        return [
            self.book.load(row["rule"]).canonical
            for row in sorted(document["credentialSubject"]["verdicts"], key=lambda row: str(row["rule"]))
        ]

    def attested(self, view: StoreView, statement: bytes) -> Attested:
        """Return a statement held against the stored log."""
        return attested(statement, Store.entries(view), ledger=self.ledger_id, root_at=view.root_at)

    def key_evidence(self, key: str) -> Evidence:
        """Return the evidence of a key."""
        with Store(self.house.path).reading() as view:
            return kept(evidence_of_key(view, key))

    def verify(self, data: bytes, document: Raw | None, **more: Any) -> Verification:
        """Verify a certificate by the bytes of its evidence."""
        given = {"trust": self.trust, **more}
        credential = None if document is None else canonical.encode(document)
        return verify_evidence(read_evidence(lines_of(data)), credential=credential, **given)

    def only(self, evidence: Evidence, indexes: Iterable[int]) -> Evidence:
        """Return evidence with some of its records, and a proof that fits them: what somebody would write who leaves one out."""
        wanted = sorted(indexes)
        notes = dict(evidence.records())
        nodes = multiproof(wanted, len(self.records), lambda low, high: merkle.root(self.leaves[low:high]))
        leaves = [(index, self.leaves[index]) for index in wanted]
        return replace(evidence, leaves=leaves, nodes=nodes, records=lambda: iter([(index, notes[index]) for index in wanted]))


def kept(evidence: Evidence) -> Evidence:
    """Return evidence whose records are held, so that the store can be closed."""
    records = list(evidence.records())

    def again() -> Iterator[tuple[int, bytes]]:
        return iter(records)

    return replace(evidence, records=again)


def written(evidence: Evidence) -> bytes:
    """Return evidence as a file."""
    return b"".join(format_evidence(evidence))
