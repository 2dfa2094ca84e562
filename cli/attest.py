"""The auditor's statement: what was audited, and how everything stood."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.output import hint, print_json, progress, say
from cli.session import Session, now_text, read_input, writing
from ledger.errors import EvidenceError, StoreError

if TYPE_CHECKING:
    from ledger.store.store import Store
    from ledger.store.view import StoreView
    from ledger.trust import Trust


@click.command()
@click.option("-o", "--output", metavar="FILE", required=True, help="Where to write the statement.")
@click.option("--trust", metavar="FILE", required=True, help="The trust file that pins the ledger, handed over apart from it.")
@click.option("--checkpoint", metavar="FILE", help="A checkpoint that somebody else holds, so that a rollback is noticed.")
@writing
def attest(session: Session, output: str, trust: str, checkpoint: str | None) -> None:
    """Audit a ledger as its auditor and sign a statement of how everything in it stood.

    Evidence that carries the statement shows that no record was left out up to there. Certificates whose credentials the ledger keeps are
    computed again, and the statement lists those that follow. The key (-k) need not be enrolled: verifiers know it from their trust file.
    """
    store = session.store()
    pinned = session.trust(trust, store=None)
    signer = session.signer(session.key_file())
    _audit(store, pinned[0] if pinned else None, checkpoint)
    statement, note = _statement(store, signer)
    if not session.dry_run:
        from ledger.files import replace_file  # noqa: PLC0415 - loaded when needed

        replace_file(Path(output), note)
    if session.as_json:
        print_json({"file": output, "size": statement.size, "lines": statement.lines, "certificates": list(statement.certificates)})
        return
    say(f"{'would write' if session.dry_run else 'wrote'} {output}")
    say(
        f"  {statement.size} records audited, {statement.lines} batches and keys, {len(statement.certificates)} certificates computed again"
    )
    hint(f"put this key into trust files: auditor {signer.vkey.format()}")


def _audit(store: Store, trust: Trust | None, checkpoint: str | None) -> None:
    from ledger.audit import Held, audit  # noqa: PLC0415 - loaded when needed

    held = [(f"the checkpoint in {checkpoint}", read_input(checkpoint))] if checkpoint else []
    with store.reading() as view:
        total = view.size
    with progress("auditing", total=total) as done:
        found = audit(store, Held(trust=trust, checkpoints=tuple(held)), progress=done)
    if not found.holds:
        first = next(finding for finding in found.findings if finding.severity == "broken")
        raise EvidenceError(f"the ledger does not hold, so nothing was signed: {first.message}", hint="look with `plumbline audit`")


def _statement(store: Store, signer: Any) -> tuple[Any, bytes]:  # noqa: ANN401 - loaded when needed
    from ledger.attestation import Attestation, sign_attestation  # noqa: PLC0415 - loaded when needed
    from ledger.evidence.writing import state_at  # noqa: PLC0415 - loaded when needed
    from ledger.tlog import merkle  # noqa: PLC0415 - loaded when needed

    with store.reading() as view:
        newest = store.newest_checkpoint(view)
        facts = view.facts
        if newest is None or facts is None:
            raise StoreError(f"{store.path} has no checkpoint yet", hint="sign one with `plumbline checkpoint`")
        size, root = newest[0], merkle.Hash(newest[1])
        lines = state_at(store.entries(view), size)
        state = merkle.root([merkle.leaf_hash(line) for line in lines])
        good = _computed_again(store, view, size)
        statement = Attestation(facts.ledger_id, size, root, len(lines), state, now_text(), good)
    return statement, sign_attestation(statement, key=signer.vkey, sign=signer.sign)


def _computed_again(store: Store, view: StoreView, size: int) -> tuple[str, ...]:
    """Return the digests of the certificates whose kept credentials follow from the records."""
    from ledger.certificates.credential import digest  # noqa: PLC0415 - loaded when needed
    from ledger.certificates.verification import recomputed  # noqa: PLC0415 - loaded when needed
    from ledger.record import read_record  # noqa: PLC0415 - loaded when needed
    from ledger.replay import Replay  # noqa: PLC0415 - loaded when needed

    documents: dict[int, list[dict[str, Any]]] = {}
    for claim in view.claims():
        kept = store.credential(view, claim.number)
        if kept is not None and claim.position >> 8 < size and digest(json.loads(kept[1])) == claim.credential:
            documents.setdefault(claim.position >> 8, []).append(json.loads(kept[1]))
    done, good = Replay(), []
    for entry in store.entries(view):
        if entry[0] >= size:
            break
        for document in documents.get(entry[0], []):
            wanted = digest(document)
            if recomputed(done.memory, read_record(entry[1]), document, wanted) == "":
                good.append(wanted)
        done.take(entry, expected=done.records)
    return tuple(sorted(good))
