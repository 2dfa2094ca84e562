"""Certificates in the books: a chain of three companies, certificates issued as a company would, and the books as they were before."""

from __future__ import annotations

from typing import Any

from books import TIME, Books, kg, pct
from keyring import signer
from ledger.certificates.certificate import Basis, Issuer, Request, build
from ledger.certificates.credential import add_proof, verification_method_of
from ledger.certificates.issuance import certify_raw, entered, next_number
from ledger.keys import did_key
from ledger.memory import Memory
from ledger.state import apply
from ledger.tlog.merkle import EMPTY_ROOT
from ledger.view import Claim
from schemas.rule import Kind

ISSUED = "2026-03-31T09:00:00Z"
VALID_UNTIL = "2027-03-31T09:00:00Z"
PAPER = [{"kind": "certificate", "sha256": "ab" * 32}]
US = {"collected_in": "US", "smelted_in": "US", "refined_in": "US"}

Raw = dict[str, Any]


def event(type_: str, site: str, **fields: Any) -> Raw:
    """Return an event at a site."""
    return {"type": type_, "time": TIME, "site": site, **fields}


def step(kind: str, site: str, inputs: list[Raw | str], *outputs: Raw) -> Raw:
    """Return a transform; an input that is only a name is taken whole."""
    return event(
        "transform", site, kind=kind, inputs=[{"batch": use} if isinstance(use, str) else use for use in inputs], outputs=[*outputs]
    )


def lot(batch: str, material: str, mass: str, **assay: str) -> Raw:
    """Return an output or the head of a receipt: kilograms, and per cent of each constituent."""
    found: Raw = {"batch": batch, "material": material, "mass": kg(mass)}
    return {**found, "assay": {name: pct(value) for name, value in assay.items()}} if assay else found


class Works(Books):
    """keystone sells recycled lead, voltaic alloys it, ridge casts it.

    1,000 kg of end-of-life lead and 500 kg of unknown lead, both 99.9 %, are blended: 999.0 kg of 1,498.5 kg, or 66.666… %, is end-of-life.
    """

    def __init__(self) -> None:
        super().__init__()
        for party in ("keystone", "voltaic", "ridge"):
            self.admit(party)
        self.log(
            "keystone/1",
            event(
                "receive",
                "keystone:works",
                **lot("keystone:L1", "soft_lead", "1000", Pb="99.9"),
                feedstock="end_of_life",
                places=US,
                documents=PAPER,
            ),
            event("receive", "keystone:works", **lot("keystone:L2", "soft_lead", "500", Pb="99.9")),
            step("blend", "keystone:works", ["keystone:L1", "keystone:L2"], lot("keystone:BL", "soft_lead", "1500")),
        )

    def move(self, batch: str, giver: str, taker: str, mass: str) -> None:
        """Ship a batch from one company to another, which accepts it."""
        self.log(f"{giver}/1", event("ship", f"{giver}:works", batch=batch, to=f"{taker}:works"))
        self.log(f"{taker}/1", event("accept", f"{taker}:works", batch=batch, mass=kg(mass)))

    def alloy(self) -> None:
        """Move the blend to voltaic, which alloys it with antimony from China: voltaic:AL."""
        self.move("keystone:BL", "keystone", "voltaic", "1500")
        primary = {"feedstock": "primary", "places": {"mined_in": "CN", "smelted_in": "CN"}, "documents": PAPER}
        self.log(
            "voltaic/1",
            event("receive", "voltaic:works", **lot("voltaic:SB", "primary_antimony", "10", Sb="99.5"), **primary),
            step(
                "alloy", "voltaic:works", ["keystone:BL", "voltaic:SB"], lot("voltaic:AL", "antimonial_lead", "1505", Pb="99.2", Sb="0.65")
            ),
        )

    @property
    def basis(self) -> Basis:
        """The log as it stands."""
        return Basis(self.ledger_id, "ledger.example/lead", self.memory.size, EMPTY_ROOT.hex())

    def request(self, batch: str, kind: Kind = "recycled-content", *, party: str | None = None, **more: Any) -> Request:
        """Return a request for the holder's next certificate."""
        number = next_number(self.memory, party or self.batch(batch).holder, kind)
        return Request(batch=batch, kind=kind, number=number, customer="Grünwald & Söhne", **more)

    def built(self, request: Request, *, party: str, view: Memory | None = None) -> Raw:
        """Return the unsigned credential."""
        admitted = self.memory.party(party)
        assert admitted is not None
        issuer = Issuer(did_key(signer(f"{party}/1").public_key), admitted.name, party)
        return build(view or self.memory, request, issuer=issuer, basis=self.basis, issued=ISSUED, valid_until=VALID_UNTIL)

    def certify(self, batch: str, kind: Kind = "recycled-content", *, split: Raw | None = None, **more: Any) -> tuple[Claim, Raw]:
        """Certify a batch as its holder, after a split in the same record where one is given; return claim and signed credential."""
        party = self.batch(split["inputs"][0]["batch"] if split else batch).holder
        raws = [split] if split else []
        view = self.memory
        if split:
            view = entered(self.memory, self.draft(f"{party}/1", split).events, key=f"{party}/1")
        document = self.built(self.request(batch, kind, party=party, **more), party=party, view=view)
        self.log(f"{party}/1", *raws, certify_raw(view, document, time=TIME))
        claim = self.memory.claim(document["credentialSubject"]["number"])
        assert claim is not None
        return claim, proved(document, f"{party}/1")

    def withdraw(self, number: str, **more: str) -> None:
        """Withdraw a certificate as its issuer."""
        party = number.rsplit("-", 2)[0]
        self.log(f"{party}/1", {"type": "withdraw", "time": TIME, "certificate": number, "reason": "weighed wrongly", **more})

    def before(self, claim: Claim) -> Memory:
        """Return the books just before a certificate was registered, replayed from the records."""
        memory, index = Memory(), claim.position >> 8
        for record in self.records[:index]:
            memory.fold(apply(memory, record))
            memory.roots[memory.size] = EMPTY_ROOT
        last = self.records[index]
        return entered(memory, last.events[: claim.position & 255], key=last.header.key, record=last.id)


def proved(document: Raw, key: str) -> Raw:
    """Return a credential with its proof."""
    by = signer(key)
    return add_proof(document, created=ISSUED, verification_method=verification_method_of(by.public_key), sign=by.sign)


def figures(document: Raw, constituent: str = "Pb") -> dict[str, tuple[int, int, str]]:
    """Return mass, whole and percentage of a credential's claims by characteristic."""
    return {
        row["characteristic"]: (row["mass_mg"], row["of_mg"], row["percent"])
        for row in document["credentialSubject"]["claims"]
        if row["constituent"] == constituent
    }
