"""Our own test vectors: what an outsider may be handed, made from keys that everybody knows.

PYTHONPATH=tests/support python tests/support/outside.py writes them.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from books import ORIGIN, kg
from evidenced import Evidenced, written
from issued import lot, step
from keyring import signer
from ledger.compare import Side, compare
from ledger.evidence.format import Evidence
from ledger.keys import verify
from ledger.store.store import Store
from ledger.tlog import canonical, merkle, proof
from ledger.tlog.checkpoint import Checkpoint, cosign, sign_checkpoint

FOLDER = Path(__file__).parent.parent / "vectors" / "outside"
WITNESS = signer("witness.example/one")
TIME = 1_775_034_000


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
        "key.evidence": written(works.key_evidence("voltaic/1")),
        "statement": works.statement(claim.credential),
        "certify.record": works.records[index].note,
        "certify.tlog-proof": receipt,
        "cosigned.checkpoint": note + b"".join(cosignatures(note)),
        "fork": forked(works, note),
        "missing-input.evidence": written(_without(plain, "keystone:L2")),
    }


def cosignatures(note: bytes) -> list[bytes]:
    """Return a witness's lines under a checkpoint, by its Ed25519 key; ML-DSA-44 signatures are not the same twice."""
    key, sign = WITNESS.cosigners()[0]
    text = note.rpartition(b"\n\n")[0] + b"\n"
    return [cosign(text, key=key, sign=sign, time=TIME).line()]


def forked(works: Evidenced, note: bytes) -> bytes:
    """Return the proof that the log signed another history from its fifth record on."""
    other = [*works.leaves[:5], *(merkle.leaf_hash(b"another history") for _ in works.leaves[5:])]
    root = merkle.root(other)
    twin = sign_checkpoint(Checkpoint(ORIGIN, len(other), root), key=works.log_key.vkey, sign=works.log_key.sign, time=TIME)
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
