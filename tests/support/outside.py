"""Our own test vectors: what an outsider may be handed, made from keys that everybody knows.

PYTHONPATH=tests/support python tests/support/outside.py writes them.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from books import ORIGIN, TIME, kg
from evidenced import Evidenced, written
from issued import PAPER, event, lot, proved, step
from keyring import signer
from ledger.certificates.certificate import Request
from ledger.certificates.issuance import certify_raw, next_number
from ledger.compare import Side, compare
from ledger.evidence.format import Evidence
from ledger.keys import verify
from ledger.rules.book import own
from ledger.store.store import Store
from ledger.tlog import canonical, merkle, proof
from ledger.tlog.checkpoint import Checkpoint, cosign, sign_checkpoint
from ledger.view import Claim
from schemas.rule import Kind
from schemas.usmca import Usmca

FOLDER = Path(__file__).parent.parent / "vectors" / "outside"
WITNESS = signer("witness.example/one")
SEEN = 1_775_034_000

Raw = dict[str, Any]


def vectors(folder: Path) -> dict[str, bytes]:
    """Return every vector by its file name.

    Args:
        folder: An empty folder to put a ledger in.
    """
    works = Evidenced()
    works.alloy()
    use = {"batch": "voltaic:AL", "mass": kg("500")}
    works.log("voltaic/1", step("split", "voltaic:works", [use], lot("voltaic:A1", "antimonial_lead", "500")))
    claim, document = works.certify("voltaic:A1")
    _, origin = certified_battery(works)
    usmca = certified_origin(works)
    declaration, declared = declared_batteries(works)
    shipment, shipped = shipped_batteries(works)
    works.put(folder)
    plain = works.evidence(document)
    size, leaves = len(works.records), works.leaves
    index = claim.position >> 8
    with Store(works.house.path).reading() as view:
        note = Store.published(view, size)
    receipt = proof.format_proof(proof.Proof(index, tuple(merkle.inclusion_path(leaves, index)), note))
    return {
        "trust": works.trust.text().encode(),
        "certificate.json": canonical.encode(document),
        "certificate.evidence": written(plain),
        "certificate-attested.evidence": written(works.evidence(document, statement=works.statement(claim.credential))),
        "origin.json": canonical.encode(origin),
        "origin.evidence": written(works.evidence(origin)),
        "usmca.json": canonical.encode(usmca),
        "usmca.evidence": written(works.evidence(usmca)),
        "declared.json": canonical.encode(declared),
        "declared.evidence": written(works.evidence(declared)),
        "declared-attested.evidence": written(works.evidence(declared, statement=works.statement(declaration.credential))),
        "shipment.json": canonical.encode(shipped),
        "shipment.evidence": written(works.evidence(shipped)),
        "shipment-attested.evidence": written(works.evidence(shipped, statement=works.statement(shipment.credential))),
        "key.evidence": written(works.key_evidence("voltaic/1")),
        "statement": works.statement(claim.credential),
        "certify.record": works.records[index].note,
        "certify.tlog-proof": receipt,
        "cosigned.checkpoint": note + b"".join(cosignatures(note)),
        "fork": forked(works, note),
        "missing-input.evidence": written(_without(plain, "keystone:L2")),
    }


RULES = (
    "ftc.musa_323",
    "usmca.wo.pb",
    "far.baa.domestic_end_product",
    "dfars.baa",
    "dod.4865",
    "dod.4872",
    "irc.45X.sb",
    "irc.45X.cell",
    "usmca.psr.8507",
    "uflpa.path_screen",
    "leed.recycled_value",
    "rcra.266_80",
    "usmca.certification",
    "outsider.lead",
)


def certified_battery(works: Evidenced) -> tuple[Claim, Raw]:
    """Cast a battery whose maker states its parts and costs, and certify its origin by rules of every measure, one of them a pack's."""
    rule = {**json.loads(own().load("scs103.v8").canonical), "id": "outsider.lead", "citation": "Outsider SPEC-1", "threshold": "60"}
    works.book = own().with_pack({"outsider.lead.json": canonical.encode(rule)})
    component = {"name": "plates", "cost": "64.5", "made_in": "US", "functional_cell": True, "screened": []}
    product = {
        "model": "Group 31",
        "category": "sli",
        "condition": "wet",
        "parts": [{"part": "grid", "material": "antimonial_lead", "mass": kg("300")}, {"part": "electrolyte", "mass": kg("150.5")}],
        "components": [component, {"name": "separators", "cost": "30", "made_in": "KR"}, {"name": "case", "cost": "5.5", "made_in": "CA"}],
        "value": {"transaction": "180", "non_originating": "72"},
        "energy_wh": "960",
        "assembler_screened": [],
    }
    battery = {**lot("voltaic:B1", "battery", "900", Pb="70", Sb="0.4"), "pieces": 40, "product": product}
    works.log("voltaic/1", step("assemble", "voltaic:works", [{"batch": "voltaic:AL", "mass": kg("700")}], battery))
    return works.certify("voltaic:B1", "domestic-origin", rules=RULES, book=works.book)


CONTACT = {
    "name": "Voltaic",
    "title": "Trade compliance lead",
    "address": "1 Plant Road, Dayton OH",
    "country": "US",
    "phone": "+1 937 555 0100",
    "email": "trade@voltaic.example",
}
CERTIFICATION = {
    "language": "es",
    "certifier_capacity": "producer",
    "certifier": CONTACT,
    "exporter": "same as certifier",
    "producer": "available upon request by the importing authorities",
    "importer": {**CONTACT, "name": "Baterías del Norte", "country": "MX", "title": None},
    "goods": {"description": "Unwrought lead", "hs": "7801.10", "invoice": None},
    "origin_criterion": "A",
    "blanket_period": {"from": "2026-03-01", "to": "2027-02-28"},
    "authorized_signature": {"name": "J. Doe", "title": "Vice president"},
}


def certified_origin(works: Evidenced) -> Raw:
    """Certify lead that was collected, smelted and refined in North America as wholly obtained there."""
    places = {"collected_in": ["CA", "US"], "smelted_in": "US", "refined_in": "MX"}
    gate = {**lot("voltaic:L1", "soft_lead", "100", Pb="99.97"), "feedstock": "end_of_life", "places": places, "documents": PAPER}
    works.log("voltaic/1", event("receive", "voltaic:works", **gate))
    usmca = Usmca.model_validate_json(canonical.encode(CERTIFICATION))
    rules = ("usmca.wo.pb", "usmca.certification", "ntib.origin")
    return works.certify("voltaic:L1", "domestic-origin", rules=rules, book=own(), usmca=usmca)[1]


YEAR = {"from": "2026-01-01", "to": "2026-12-31"}
MODEL = {
    "model": "Group 24",
    "category": "sli",
    "condition": "wet",
    "components": [{"name": "plates", "cost": "70", "made_in": "US"}, {"name": "case", "cost": "30", "made_in": "CA"}],
    "energy_wh": "700",
}
DECLARED_BY = ("iso14021.rc_pb", "eu.2023_1542.art8_2_pb")


def declared_batteries(works: Evidenced) -> tuple[Claim, Raw]:
    """Cast three lots of a model, use up or sell what two of them were, and declare what all three were when they were made."""
    for number, (mass, metal) in enumerate([("30", "23"), ("20", "15.4"), ("40.5", "31")], 1):
        part = {"part": "grid", "material": "antimonial_lead", "mass": kg(f"{number}.0000005")}
        battery = lot(f"voltaic:D{number}", "battery", mass, Pb="70", Sb="0.4") | {"pieces": number, "product": {**MODEL, "parts": [part]}}
        works.log("voltaic/1", step("assemble", "voltaic:works", [{"batch": "voltaic:AL", "mass": kg(metal)}], battery))
        works.log("voltaic/1", *determined(f"voltaic:D{number}"))
    rest = lot("voltaic:D4", "battery", "30", Pb="70", Sb="0.4") | {"product": {**MODEL, "energy_wh": "690"}}
    works.log("voltaic/1", step("rework", "voltaic:works", ["voltaic:D1"], rest))
    works.log("voltaic/1", event("ship", "voltaic:works", batch="voltaic:D2", to={"outside": {"sealed": "cd" * 32}, "country": "US"}))
    return declare(works, "voltaic:D1", "voltaic:D2", "voltaic:D3", rules=DECLARED_BY, book=own())


def determined(batch: str) -> list[Raw]:
    """Return the answer of a person on a batch."""
    by = {"name": {"sealed": "cd" * 32}, "role": "process engineer"}
    return [{"type": "determine", "time": TIME, "of": batch, "question": "is_waste", "answer": True, "basis": "seen", "by": by}]


def declare(works: Evidenced, *lots: str, kind: Kind = "recycled-content", changes: Raw | None = None, **more: Any) -> tuple[Claim, Raw]:
    """Declare lots of voltaic's and return claim and signed credential; changes are made to the event."""
    number = next_number(works.memory, "voltaic", kind, product=True)
    request = Request("", kind, number, "Regulator", period=YEAR, lots=lots, **more)
    document = works.built(request, party="voltaic")
    works.log("voltaic/1", {**certify_raw(works.memory, document, time=TIME), **(changes or {})})
    claim = works.memory.claim(number)
    assert claim is not None
    return claim, proved(document, "voltaic/1")


def shipped_batteries(works: Evidenced) -> tuple[Claim, Raw]:
    """Certify the two lots that are left as one shipment."""
    return ship(works, "voltaic:D3", "voltaic:D4", rules=("iso14021.rc_pb", "iso14021.rc"), book=own())


def ship(works: Evidenced, first: str, *others: str, kind: Kind = "recycled-content", **more: Any) -> tuple[Claim, Raw]:
    """Certify batches of voltaic's as one shipment and return claim and signed credential."""
    number = next_number(works.memory, "voltaic", kind)
    document = works.built(Request(first, kind, number, "Hartmann Fleet Supply", beside=others, **more), party="voltaic")
    works.log("voltaic/1", certify_raw(works.memory, document, time=TIME))
    claim = works.memory.claim(number)
    assert claim is not None
    return claim, proved(document, "voltaic/1")


def cosignatures(note: bytes) -> list[bytes]:
    """Return a witness's lines under a checkpoint, by its Ed25519 key; ML-DSA-44 signatures are not the same twice."""
    key, sign = WITNESS.cosigners()[0]
    text = note.rpartition(b"\n\n")[0] + b"\n"
    return [cosign(text, key=key, sign=sign, time=SEEN).line()]


def forked(works: Evidenced, note: bytes) -> bytes:
    """Return the proof that the log signed another history from its fifth record on."""
    other = [*works.leaves[:5], *(merkle.leaf_hash(b"another history") for _ in works.leaves[5:])]
    root = merkle.root(other)
    twin = sign_checkpoint(Checkpoint(ORIGIN, len(other), root), key=works.log_key.vkey, sign=works.log_key.sign, time=SEEN)
    found = compare(Side("a", note), Side("b", twin), log_keys=[works.log_key.vkey], verify=verify)
    assert found.fork is not None
    return found.fork


def _without(evidence: Evidence, batch: str) -> Evidence:
    """Return evidence whose scope leaves a batch out."""
    return replace(evidence, scope=[name for name in evidence.scope if name != batch])


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        for name, data in vectors(Path(place) / "ledger").items():
            (FOLDER / name).write_bytes(data)
