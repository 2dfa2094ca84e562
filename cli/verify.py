"""Verifying files: certificates, records, receipts, checkpoints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from cli.output import hint, print_json, progress, remark, say
from cli.session import Session, read_input, reading
from ledger.errors import FormatError

if TYPE_CHECKING:
    from ledger.certificates.verification import Verification
    from ledger.store.store import Store
    from ledger.trust import Trust


@click.command()
@click.argument("file")
@click.option("--trust", metavar="FILE", help="The trust file that pins the ledger, handed over apart from FILE.")
@click.option("--as-of", metavar="DATE", help="Judge the rules as of this date as well, such as 2031-08-18.")
@reading
def verify(session: Session, file: str, trust: str | None, as_of: str | None) -> int:
    """Verify a certificate (PDF or JSON), a record, a receipt or a checkpoint.

    With -L every figure is derived again from the ledger's records. With -L and no --trust the trust file that the ledger
    remembers pins it; with neither, whose ledger it is stays open, and the exit code is 1.
    """
    from ledger.certificates.verification import recognise  # noqa: PLC0415 - loaded when needed

    data = read_input(file)
    store = session.store() if session.has_ledger else None
    pinned = session.trust(trust, store=store)
    pin = pinned[0] if pinned else None
    checks: dict[str, Callable[..., Verification]] = {
        "pdf": _certificate,
        "json": _certificate,
        "record": _record,
        "receipt": _receipt,
        "checkpoint": _checkpoint,
    }
    try:
        kind = recognise(data)
        found = checks[kind](data, store, pin, kind=kind)
    except FormatError as refusal:
        raise refusal.at(file=file) from refusal
    verdicts = _judged(found, store, as_of) if as_of else None
    if session.as_json:
        print_json(
            {
                "holds": found.holds,
                "subject": found.subject,
                "levels": [asdict(level) for level in found.levels],
                "line": found.line,
                "problems": found.problems,
                "cautions": found.cautions,
                "complete_to": found.complete_to,
                **({"verdicts": verdicts} if verdicts is not None else {}),
            }
        )
    else:
        _print(found, verdicts, pinned[1] if pinned else None)
    return 0 if found.holds else 1


def _certificate(data: bytes, store: Store | None, trust: Trust | None, *, kind: str) -> Verification:
    from ledger.certificates.verification import verify_certificate  # noqa: PLC0415 - loaded when needed

    if kind == "pdf":
        from reports.certificate import read_pdf  # noqa: PLC0415 - loaded when needed

        data = read_pdf(data)
    if store is None:
        return verify_certificate(data, entries=None, trust=trust)
    with store.reading() as view, progress("replaying", total=view.size) as done:
        notes = [note for _, _, _, note in store.checkpoints(view)]
        return verify_certificate(data, entries=store.entries(view), trust=trust, checkpoints=notes, progress=done)


def _record(data: bytes, store: Store | None, trust: Trust | None, *, kind: str) -> Verification:  # noqa: ARG001 - one shape for all
    from ledger.certificates.verification import verify_record  # noqa: PLC0415 - loaded when needed

    if store is None:
        return verify_record(data, view=None, trust=trust)
    with store.reading() as view:
        return verify_record(data, view=view, trust=trust)


def _receipt(data: bytes, store: Store | None, trust: Trust | None, *, kind: str) -> Verification:  # noqa: ARG001 - one shape for all
    from ledger.certificates.verification import verify_receipt  # noqa: PLC0415 - loaded when needed

    if store is None:
        return verify_receipt(data, leaf_at=None, trust=trust)
    with store.reading() as view:
        return verify_receipt(data, leaf_at=view.leaf, trust=trust)


def _checkpoint(data: bytes, store: Store | None, trust: Trust | None, *, kind: str) -> Verification:  # noqa: ARG001 - one shape for all
    from ledger.certificates.verification import verify_log_checkpoint  # noqa: PLC0415 - loaded when needed

    if store is None:
        return verify_log_checkpoint(data, root_at=None, trust=trust)
    with store.reading() as view:
        return verify_log_checkpoint(data, root_at=view.root_at, trust=trust)


def _judged(found: Verification, store: Store | None, as_of: str) -> list[dict[str, Any]]:
    """Return a certificate's verdicts as of another date, from the books as they stood when it was issued."""
    from ledger.certificates.verification import judged_as_of  # noqa: PLC0415 - loaded when needed

    if store is None or found.document is None or not found.holds:
        raise click.UsageError("--as-of needs a certificate that holds, and its ledger (-L)")
    with store.reading() as view:
        return judged_as_of(view, found.document, as_of)


def _print(found: Verification, verdicts: list[dict[str, Any]] | None, pinned: str | None) -> None:
    say(found.subject)
    if found.document is not None:
        subject = found.document["credentialSubject"]
        say(f"  {found.document['name']}, issued by {found.document['issuer']['name']} to {subject['customer']}")
        say(f"  batch {subject['batch']}, {subject['mass_mg']} mg, {subject['model']}, valid until {found.document['validUntil']}")
    say(f"  pinned by {pinned}" if pinned else "  UNPINNED")
    for level in found.levels:
        say(f"  level {level.level} {'yes' if level.holds else 'no '}  {level.name}: {level.detail}")
    for row in verdicts or []:
        say(f"  as of {row['as_of']}  {row['rule']:28} {row['verdict']}")
    for caution in found.cautions:
        remark(f"caution: {caution}")
    for problem in found.problems:
        remark(f"problem: {problem}")
    if not found.holds and not pinned:
        hint("give the trust file that the issuer's ledger handed you: --trust FILE, and the ledger: -L PATH")
    say("The ledger proves statements, not metal: that these were signed, logged and add up; not that what was signed is true.")
    say(found.line, style="green" if found.holds else "red")
