"""The auditor's statement: what was audited, and how everything stood; and keeping one in the ledger that it is about."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.history import History, history, is_export
from cli.output import hint, print_json, progress, say
from cli.session import Session, now_text, read_input, writing
from ledger.errors import EvidenceError
from ledger.store.place import place_of

if TYPE_CHECKING:
    from ledger.attestation import Attestation
    from ledger.audit import Audit, Held
    from ledger.keys import Signer

Raw = dict[str, Any]


@click.command()
@click.argument("place", metavar="[LEDGER|DIR|URL]", required=False)
@click.option("-o", "--output", metavar="FILE", help="Where to write the statement.")
@click.option("--trust", metavar="FILE", help="The trust file that pins the ledger, handed over apart from it.")
@click.option("--checkpoint", metavar="FILE", help="A checkpoint that somebody else holds, so that a rollback is noticed.")
@click.option("--certificate", "files", multiple=True, metavar="FILE", help="A certificate, PDF or JSON, to compute again; for exports.")
@click.option("--keep", metavar="FILE", help="Keep a statement that an auditor gave in the ledger, for evidence and audits.")
@writing
def attest(session: Session, place: str | None, **options: Any) -> None:  # noqa: ANN401 - click's options
    """Audit a ledger, or an export of it, as its auditor and sign a statement of how everything in it stood.

    Evidence that carries the statement shows that no record was left out up to there. Certificates whose credentials the ledger keeps, and
    those given, are computed again, and the statement lists those that follow. The key (-k) need not be enrolled: verifiers know it from
    their trust file.
    """
    if options["keep"]:
        _keep(session, options["keep"], options["trust"])
        return
    if not options["output"] or not options["trust"]:
        raise click.UsageError("a statement needs -o FILE, and --trust FILE to say which ledger it is about")
    named = place or session.place
    pinned = session.trust(options["trust"])
    signer = session.signer(session.key_file())
    documents = [_document(name) for name in options["files"]]
    from ledger.audit import Held  # noqa: PLC0415 - loaded when needed

    held = [(f"the checkpoint in {name}", read_input(name)) for name in (options["checkpoint"],) if name]
    _audit(named, Held(trust=pinned[0] if pinned else None, checkpoints=tuple(held)))
    with history(named) as log:
        statement, note = _statement(log, signer, documents)
    _write(session, Path(options["output"]), statement, note)
    hint(f"put this key into trust files: auditor {signer.vkey.format()}")


def _write(session: Session, output: Path, statement: Attestation, note: bytes) -> None:
    if not session.dry_run:
        from ledger.files import replace_file  # noqa: PLC0415 - loaded when needed

        replace_file(output, note)
    if session.as_json:
        print_json({"file": str(output), "size": statement.size, "lines": statement.lines, "certificates": list(statement.certificates)})
        return
    say(f"{'would write' if session.dry_run else 'wrote'} {output}")
    say(
        f"  {statement.size} records audited, {statement.lines} batches and keys, {len(statement.certificates)} certificates computed again"
    )


def _audit(place: str, held: Held) -> None:
    """Audit a ledger or an export.

    Raises:
        EvidenceError: It does not hold.
    """
    with progress("auditing", total=None) as done:
        found = _audited(place, held, done)
    if not found.holds:
        first = next(finding for finding in found.findings if finding.severity == "broken")
        raise EvidenceError(f"the ledger does not hold, so nothing was signed: {first.message}", hint="look with `plumbline audit`")


def _audited(place: str, held: Held, done: Callable[[int], None]) -> Audit:
    from ledger.audit import audit, audit_mirror  # noqa: PLC0415 - loaded when needed

    if is_export(place):
        from ledger.mirror.source import open_mirror  # noqa: PLC0415 - loaded when needed

        return audit_mirror(open_mirror(place), held, progress=done)
    from ledger.store.store import Store  # noqa: PLC0415 - loaded when needed

    return audit(Store.open(place_of(place)), held, progress=done)


def _statement(log: History, signer: Signer, documents: list[tuple[Raw, list[bytes]]]) -> tuple[Attestation, bytes]:
    from ledger.attestation import Attestation, sign_attestation  # noqa: PLC0415 - loaded when needed
    from ledger.attested import state_at  # noqa: PLC0415 - loaded when needed
    from ledger.tlog import merkle  # noqa: PLC0415 - loaded when needed
    from ledger.tlog.checkpoint import parse_checkpoint  # noqa: PLC0415 - loaded when needed
    from ledger.tlog.note import parse_note  # noqa: PLC0415 - loaded when needed

    newest = parse_checkpoint(parse_note(log.checkpoint()).text)
    lines = state_at(log.entries(), newest.size)
    state = merkle.root([merkle.leaf_hash(line) for line in lines])
    good = _computed_again(log, [*documents, *_kept(log)], newest.size)
    ledger = log.view.record(0).id
    statement = Attestation(ledger, newest.size, newest.root, len(lines), state, now_text(), good)
    return statement, sign_attestation(statement, key=signer.vkey, sign=signer.sign)


def _document(name: str) -> tuple[Raw, list[bytes]]:
    """Read a certificate from its PDF or its JSON, with the rules that the PDF's evidence holds."""
    from ledger.certificates.credential import read_credential  # noqa: PLC0415 - loaded when needed
    from ledger.evidence.format import lines_of, read_evidence  # noqa: PLC0415 - loaded when needed

    data, evidence = read_input(name), None
    if data.startswith(b"%PDF-"):
        from reports.attachment import read_attached  # noqa: PLC0415 - loaded when needed

        data, evidence = read_attached(data)
    rules = [] if evidence is None else read_evidence(lines_of(evidence)).rules
    return read_credential(data).document(), rules


def _kept(log: History) -> Iterable[tuple[Raw, list[bytes]]]:
    """Return the credentials that a ledger keeps, with their rules; an export keeps none."""
    from cli.prove import kept_rules  # noqa: PLC0415 - loaded when needed
    from ledger.store.store import Store  # noqa: PLC0415 - loaded when needed

    if log.store is None:
        return
    for claim in log.store.claims():
        kept = Store.credential(log.store, claim.number)
        if kept is not None:
            document = json.loads(kept[1])
            yield document, kept_rules(log.store, document)


def _computed_again(log: History, documents: Iterable[tuple[Raw, list[bytes]]], size: int) -> tuple[str, ...]:
    """Return the digests of the certificates whose figures follow from the records before a size."""
    from ledger.certificates.credential import digest  # noqa: PLC0415 - loaded when needed
    from ledger.certificates.verification import recomputed  # noqa: PLC0415 - loaded when needed
    from ledger.evidence.verification import quoted_rules  # noqa: PLC0415 - loaded when needed
    from ledger.record import read_record  # noqa: PLC0415 - loaded when needed
    from ledger.replay import Replay  # noqa: PLC0415 - loaded when needed
    from ledger.rules.book import own  # noqa: PLC0415 - loaded when needed
    from schemas.event import Certify, Declare  # noqa: PLC0415 - loaded when needed

    waiting = {digest(document): (document, rules) for document, rules in documents}
    done, good = Replay(), []
    for entry in log.entries():
        if entry[0] >= size:
            break
        record = read_record(entry[1])
        for event in record.events:
            if not isinstance(event, Certify | Declare) or event.credential not in waiting:
                continue
            document, rules = waiting[event.credential]
            book, _ = own().with_supplied(quoted_rules(rules, document))
            if recomputed(done.memory, record, document, book=book) == "":
                good.append(event.credential)
        done.take(entry, expected=done.records)
    return tuple(sorted(set(good)))


def _keep(session: Session, file: str, trust: str | None) -> None:
    """Keep an auditor's statement in the ledger, once it is seen to fit and to be an auditor's of the trust file."""
    from cli.prove import held_against  # noqa: PLC0415 - loaded when needed
    from ledger.attestation import verify_attestation  # noqa: PLC0415 - loaded when needed
    from ledger.keys import verify  # noqa: PLC0415 - loaded when needed

    store, note = session.store(), read_input(file)
    pinned = session.trust(trust, store=store)
    if pinned is None:
        raise click.UsageError("whose statements count? give the trust file that names the auditor: --trust FILE")
    statement, auditor = verify_attestation(note, auditors=pinned[0].auditors, verify=verify)
    with store.reading() as view:
        held_against(view, note)
    if not session.dry_run:
        with store.writing() as view:
            store.keep_attestation(view, statement.size, auditor, note)
    if session.as_json:
        print_json({"kept": not session.dry_run, "auditor": auditor, "size": statement.size})
        return
    say(f"{'would keep' if session.dry_run else 'kept'} the statement of {auditor} on {statement.size} records")
    hint("hand it out with a certificate: plumbline certificate ID -o PDF --attest newest")
