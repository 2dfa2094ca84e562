"""Verifying files: certificates, evidence, records, receipts, checkpoints, auditors' statements, fork proofs."""

from __future__ import annotations

import re
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from cli.history import History, history, is_export
from cli.output import hint, print_json, progress, remark, say
from cli.rules import book_with, rule_pack_option
from cli.seal import look_at_seal
from cli.session import Session, now_seconds, read_input, reading
from ledger.errors import InputError

if TYPE_CHECKING:
    from ledger.evidence.format import Evidence
    from ledger.rules.book import Book
    from ledger.trust import Trust
    from ledger.verification import Verification

_AGE = re.compile(r"\A([0-9]{1,6})([dh])\Z", re.ASCII)
_SECONDS = {"d": 86_400, "h": 3_600}


@dataclass(slots=True)
class _Given:
    """What a file is verified with: its bytes, the log where one was named, the pinned trust, and files that belong to it."""

    data: bytes
    log: History | None
    trust: Trust | None
    evidence: bytes | None
    record: bytes | None
    book: Book
    evidence_file: str
    """What the evidence is called, for messages."""


@click.command()
@click.argument("file")
@click.option("--trust", metavar="FILE", help="The trust file that pins the ledger, handed over apart from FILE.")
@click.option("--evidence", metavar="FILE", help="The evidence of a certificate, where it is not in the PDF.")
@click.option("--record", metavar="FILE", help="The record that a receipt or proof is about.")
@click.option("--as-of", metavar="DATE", help="Judge the rules as of this date as well, such as 2031-08-18.")
@click.option("--max-age", metavar="AGE", help="Ask how it stands today: refuse a newest checkpoint older than this, such as 30d or 12h.")
@rule_pack_option
@click.option("--allow-weak-policy", is_flag=True, help="Accept a trust file whose quorum two halves of the witnesses could both reach.")
@reading
def verify(session: Session, file: str, **options: Any) -> int:  # noqa: ANN401 - click's options
    """Verify a certificate (PDF, JSON or vc+jwt), evidence, a record, a receipt, a checkpoint, an auditor's statement or a fork proof.

    A certificate's PDF carries its evidence: with --trust alone every figure is derived again from the records in it, without a ledger and
    without a network. With -L the whole ledger, or an export of it, is replayed instead; a ledger's own file also remembers a trust file.
    With neither, whose ledger it is stays open, and the exit code is 1. A PDF's seal (PAdES) is looked at beside that.
    """
    from ledger.recognition import recognise  # noqa: PLC0415 - loaded when needed

    data = read_input(file)
    store = session.store() if session.has_ledger and not is_export(session.place) else None
    pinned = session.trust(options["trust"], store=store, allow_weak_policy=options["allow_weak_policy"])
    beside = {name: read_input(options[name]) if options[name] else None for name in ("evidence", "record")}
    with ExitStack() as opened:
        log = opened.enter_context(history(session.place)) if session.has_ledger else None
        named = options["evidence"] or (f"the evidence in {file}" if data.startswith(b"%PDF-") else file)
        given = _Given(data, log, pinned[0] if pinned else None, **beside, book=book_with(options["packs"]), evidence_file=named)
        try:
            found = _CHECKS[recognise(data)](given)
        except InputError as refusal:
            if refusal.file is not None:
                raise
            raise refusal.at(file=file) from refusal
        if options["max_age"]:
            _check_age(found, options["max_age"])
        verdicts = _judged(found, options["as_of"]) if options["as_of"] else None
    if session.as_json:
        _print_json(found, verdicts)
    else:
        _print(found, verdicts, pinned[1] if pinned else None)
    return 0 if found.holds else 1


def _pdf(given: _Given) -> Verification:
    found = _certificate(given)
    look_at_seal(found, given.data)
    return found


def _certificate(given: _Given) -> Verification:
    from ledger.certificates.verification import verify_certificate  # noqa: PLC0415 - loaded when needed

    credential, evidence = given.data, given.evidence
    if credential.startswith(b"%PDF-"):
        from reports.attachment import read_attached  # noqa: PLC0415 - loaded when needed

        credential, attached = read_attached(credential)
        evidence = evidence or attached
    log = given.log
    if log is not None:
        with progress("replaying", total=log.view.size) as done:
            notes = [] if log.note is None else [log.note]
            book, said = _supplied(given, credential, evidence)
            found = verify_certificate(credential, entries=log.entries(), trust=given.trust, checkpoints=notes, book=book, progress=done)
            found.cautions += said
            return found
    if evidence is None:
        return verify_certificate(credential, entries=None, trust=given.trust)
    return _by_evidence(given, evidence, credential)


def _supplied(given: _Given, credential: bytes, evidence: bytes | None) -> tuple[Book, list[str]]:
    """Return the rules to judge a certificate by: the program's, and those that came with it."""
    from ledger.certificates.jwt import opened  # noqa: PLC0415 - loaded when needed
    from ledger.evidence.verification import quoted_rules  # noqa: PLC0415 - loaded when needed

    if evidence is None:
        return given.book, []
    return given.book.with_supplied(quoted_rules(_read_evidence(given, evidence).rules, opened(credential)[0]))


def _read_evidence(given: _Given, data: bytes) -> Evidence:
    """Read evidence; what is wrong with its form is said of it and not of the certificate."""
    from ledger.evidence.format import lines_of, read_evidence  # noqa: PLC0415 - loaded when needed

    try:
        return read_evidence(lines_of(data))
    except InputError as refusal:
        raise refusal.at(file=given.evidence_file) from refusal


def _by_evidence(given: _Given, evidence: bytes, credential: bytes | None) -> Verification:
    from ledger.evidence.verification import verify_evidence  # noqa: PLC0415 - loaded when needed

    found = _read_evidence(given, evidence)
    with progress("replaying", total=len(found.leaves)) as done:
        return verify_evidence(found, credential=credential, trust=given.trust, book=given.book, progress=done)


def _evidence(given: _Given) -> Verification:
    if _read_evidence(given, given.data).subject[0] == "certificate":
        raise click.UsageError("this is the evidence of a certificate: verify the certificate, and give this with --evidence")
    return _by_evidence(given, given.data, None)


def _record(given: _Given) -> Verification:
    from ledger.verification import verify_record  # noqa: PLC0415 - loaded when needed

    return verify_record(given.data, view=None if given.log is None else given.log.view, trust=given.trust)


def _receipt(given: _Given) -> Verification:
    from ledger.tlog.merkle import leaf_hash  # noqa: PLC0415 - loaded when needed
    from ledger.verification import verify_receipt  # noqa: PLC0415 - loaded when needed

    if given.record is not None:
        leaf = leaf_hash(given.record)
        return verify_receipt(given.data, leaf_at=lambda _: leaf, trust=given.trust)
    return verify_receipt(given.data, leaf_at=None if given.log is None else given.log.view.leaf, trust=given.trust)


def _checkpoint(given: _Given) -> Verification:
    from ledger.verification import verify_log_checkpoint  # noqa: PLC0415 - loaded when needed

    return verify_log_checkpoint(given.data, root_at=None if given.log is None else given.log.view.root_at, trust=given.trust)


def _statement(given: _Given) -> Verification:
    from ledger.verification import verify_statement  # noqa: PLC0415 - loaded when needed

    return verify_statement(given.data, root_at=None if given.log is None else given.log.view.root_at, trust=given.trust)


def _fork(given: _Given) -> Verification:
    from ledger.verification import verify_fork_proof  # noqa: PLC0415 - loaded when needed

    return verify_fork_proof(given.data, trust=given.trust)


_CHECKS = {
    "pdf": _pdf,
    "json": _certificate,
    "token": _certificate,
    "evidence": _evidence,
    "record": _record,
    "receipt": _receipt,
    "checkpoint": _checkpoint,
    "attest": _statement,
    "fork": _fork,
}


def _check_age(found: Verification, text: str) -> None:
    """Refuse what was signed for longer ago than somebody accepts: it may have been withdrawn since."""
    limit = _AGE.match(text)
    if limit is None:
        raise click.UsageError(f"{text!r} is no age such as 30d or 12h")
    if found.time is None:
        found.problems.append("STALE: nothing shows when the newest checkpoint was signed")
        return
    age = now_seconds() - found.time
    if age > int(limit.group(1)) * _SECONDS[limit.group(2)]:
        when = datetime.fromtimestamp(found.time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        found.problems.append(f"STALE: the newest checkpoint is of {when}, older than {text}; ask the issuer for a fresh one")


def _judged(found: Verification, as_of: str) -> list[dict[str, Any]]:
    """Return a certificate's verdicts as of another date, from the books as they stood when it was issued."""
    from ledger.certificates.verification import judged_as_of  # noqa: PLC0415 - loaded when needed

    if found.books is None or found.document is None or not found.holds:
        raise click.UsageError("--as-of needs a certificate that holds")
    return judged_as_of(found.books, found.document, as_of, book=found.book)


def _print_json(found: Verification, verdicts: list[dict[str, Any]] | None) -> None:
    print_json(
        {
            "holds": found.holds,
            "subject": found.subject,
            "levels": [asdict(level) for level in found.levels],
            "line": found.line,
            "problems": found.problems,
            "cautions": found.cautions,
            "witnessed": found.witnessed,
            "complete": found.complete,
            "status": found.status,
            "seal": found.seal,
            **({"verdicts": verdicts} if verdicts is not None else {}),
        }
    )


def _print(found: Verification, verdicts: list[dict[str, Any]] | None, pinned: str | None) -> None:
    from ledger.certificates.credential import about  # noqa: PLC0415 - loaded when needed

    say(found.subject)
    if found.document is not None:
        subject = found.document["credentialSubject"]
        say(f"  {found.document['name']}, issued by {found.document['issuer']['name']} to {subject['customer']}")
        say(f"  {about(found.document)}, {subject['mass_mg']} mg, {subject['model']}, valid until {found.document['validUntil']}")
    say(f"  pinned by {pinned}" if pinned else "  UNPINNED")
    for level in found.levels:
        say(f"  level {level.level} {'yes' if level.holds else 'no '}  {level.name}: {level.detail}")
    if found.status:
        say(f"  {found.status}")
    if found.seal:
        say(f"  {found.seal}")
    for row in verdicts or []:
        say(f"  as of {row['as_of']}  {row['rule']:28} {row['verdict']}")
    for caution in found.cautions:
        remark(f"caution: {caution}")
    for problem in found.problems:
        remark(f"problem: {problem}")
    if not found.holds and not pinned:
        hint("give the trust file that the issuer's ledger handed you apart from this file: --trust FILE")
    say("The ledger proves statements, not metal: that these were signed, logged and add up; not that what was signed is true.")
    say(found.line, style="green" if found.holds else "red")
