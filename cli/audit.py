"""The audit command."""

from __future__ import annotations

import re
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.history import is_export
from cli.output import print_json, progress, say
from cli.session import Session, read_input, reading
from ledger.errors import LedgerError, StoreError, StoreVersionError

if TYPE_CHECKING:
    from ledger.audit import Audit, Held
    from ledger.store.store import Store

CHECKED = (
    "every entry's hash, the hash chain and the Merkle root, from the stored bytes",
    "every signature, by the key that was enrolled and active at that index",
    "every key's own chain, and what each signer had seen of the log",
    "every rule at every record: masses, changes of form, custody, certificates",
    "the identity of the books per constituent, to the milligram",
    "every stored checkpoint, and the tables derived from the records",
)
NOT_CHECKED = (
    "that what was signed is true: a ledger proves statements, not metal",
    "that nothing was left out by those who should have logged it",
    "papers behind the hashes of documents, scales, laboratories, people",
)
SHOWN = 40


@click.command()
@click.argument("place", metavar="[LEDGER|DIR|URL]", required=False)
@click.option("-o", "--output", metavar="REPORT.pdf", help="Write the report as a PDF.")
@click.option("--trust", metavar="FILE", help="A trust file handed over apart from the ledger; default: the one that it remembers.")
@click.option("--checkpoint", "checkpoints", multiple=True, metavar="FILE", help="A checkpoint that somebody else holds; shows a rollback.")
@click.option("--sample", type=click.IntRange(1, 100_000), metavar="N", help="Draw N events to compare with papers; needs --seed.")
@click.option("--seed", metavar="TEXT", help="What the sample is drawn with: words that nobody else could know or choose.")
@reading
def audit(session: Session, place: str | None, output: str | None, trust: str | None, **options: Any) -> int:  # noqa: ANN401
    """Verify the whole ledger, or an export of it, again from its stored bytes.

    A folder or a URL is the export of a ledger: every rule is replayed over its entries, every tile compared with them. With --sample the
    report lists events whose papers to ask for; the same seed draws the same events from the same log.

    Exit code 1 when anything is broken; flags are for a person to look at and leave it 0.
    """
    if (options["sample"] is None) != (options["seed"] is None):
        raise click.UsageError("a sample needs both: --sample N --seed TEXT")
    checkpoints, drawn = options["checkpoints"], (options["sample"] or 0, options["seed"] or "")
    named = place or session.options.get("ledger")
    if named and is_export(named):
        found = _audited_export(session, str(named), trust, checkpoints, drawn)
    else:
        if place:
            session.options["ledger"] = place
        found = _audited_store(session, trust, checkpoints, drawn)
    if output:
        _write_report(found, Path(output))
    if session.as_json:
        print_json(
            {
                "holds": found.holds,
                "size": found.size,
                "root": found.root,
                "first_bad": found.first_bad,
                "ledger": found.ledger,
                "fresh": found.fresh,
                "witnessed": found.witnessed,
                "counts": found.counts,
                "findings": [finding.model_dump() for finding in found.findings],
                **({"sample": asdict(found.sample)} if found.sample else {}),
            }
        )
    else:
        _print(found, output)
    return 0 if found.holds else 1


def _audited_store(session: Session, trust: str | None, checkpoints: tuple[str, ...], drawn: tuple[int, str]) -> Audit:
    from ledger.audit import Audit  # noqa: PLC0415 - loaded when needed
    from ledger.audit import audit as run_audit  # noqa: PLC0415 - loaded when needed
    from ledger.replay import broken  # noqa: PLC0415 - loaded when needed

    try:
        store, held = _opened(session, trust, checkpoints)
        held = replace(held, sample=drawn[0], seed=drawn[1])
    except StoreError as refusal:
        if isinstance(refusal, StoreVersionError) or not (isinstance(session.ledger, Path) and session.ledger.is_file()):
            raise
        return Audit(findings=[broken("store-damaged", None, str(refusal), refusal=refusal.code)])
    with progress("auditing", total=_count(store)) as done:
        return run_audit(store, held, progress=done)


def _audited_export(session: Session, place: str, trust: str | None, checkpoints: tuple[str, ...], drawn: tuple[int, str]) -> Audit:
    from ledger.audit import Held, audit_mirror  # noqa: PLC0415 - loaded when needed
    from ledger.mirror.source import open_mirror  # noqa: PLC0415 - loaded when needed

    mirror = open_mirror(place)
    pinned = session.trust(trust)
    pin = pinned[0] if pinned else None
    held = Held(trust=pin, checkpoints=_held_elsewhere(checkpoints), sample=drawn[0], seed=drawn[1])
    with progress("auditing", total=None) as done:
        return audit_mirror(mirror, held, progress=done)


def _held_elsewhere(checkpoints: tuple[str, ...]) -> tuple[tuple[str, bytes], ...]:
    return tuple((f"the checkpoint in {name}", read_input(name)) for name in checkpoints)


def _count(store: Store) -> int | None:
    try:
        with store.reading() as view:
            return view.size
    except StoreError:
        return None  # the audit itself says what is wrong


def _opened(session: Session, trust: str | None, checkpoints: tuple[str, ...]) -> tuple[Store, Held]:
    """Return the store and what the auditor holds apart from it; a damaged mark is for the audit to report."""
    from ledger.audit import Held  # noqa: PLC0415 - loaded when needed
    from ledger.mark import read_mark  # noqa: PLC0415 - loaded when needed
    from ledger.store.store import Store  # noqa: PLC0415 - loaded when needed
    from ledger.store.tables import SCHEMA_VERSION  # noqa: PLC0415 - loaded when needed

    store, version = Store.of_any_version(session.ledger)
    if version is not None and re.fullmatch("[0-9]{1,9}", version) and 0 < int(version) < SCHEMA_VERSION:
        Store.open(session.ledger)  # an older store is refused by that name, rather than called damaged for what it never had
    mark, problem = None, ""
    try:
        named = session.options.get("log_key")
        place = (Path(named) if named else session.remembered(store, "log_key")).parent / "mark"
        mark = read_mark(place)
    except LedgerError as refusal:
        place, problem = Path(), str(refusal)
    pinned = None
    try:
        pinned = session.trust(trust, store=store)
    except LedgerError:
        if trust is not None:
            raise
    held = Held(
        mark=mark,
        mark_place=str(place) if place != Path() else "",
        mark_problem=problem,
        trust=pinned[0] if pinned else None,
        checkpoints=_held_elsewhere(checkpoints),
    )
    return store, held


def _print(found: Audit, output: str | None) -> None:
    say(f"ledger {found.ledger or 'unknown'}  {found.origin}")
    say(f"size {found.size}, root {found.root}")
    say(", ".join(f"{count} {name}" for name, count in found.counts.items() if count))
    say(found.witnessed or "UNWITNESSED (no checkpoint holds)")
    broken = [finding for finding in found.findings if finding.severity == "broken"]
    flags = [finding for finding in found.findings if finding.severity == "flag"]
    for finding in [*broken, *flags][:SHOWN]:
        where = f"record {finding.index}" if finding.index is not None else "ledger"
        say(f"  {'BROKEN' if finding.severity == 'broken' else 'flag  '}  {where:12} {finding.code}: {finding.message}")
    if len(broken) + len(flags) > SHOWN:
        say(f"  and {len(broken) + len(flags) - SHOWN} more; --json or -o REPORT.pdf has all")
    if found.sample is not None:
        say(f"sample of {len(found.sample.events)} of {found.sample.of} events, drawn with the seed {found.sample.seed!r}:")
        for one in found.sample.events:
            papers = ", ".join(kind for kind, _ in one.documents) or "no paper named"
            say(f"  record {one.index:<7} {one.type:9} {one.time[:10]}  {', '.join(one.batches)[:40]:40}  {one.stated}  ({papers})")
    if output:
        say(f"wrote {output}")
    say("" if found.fresh else "freshness not established: no checkpoint that somebody else holds was given (--checkpoint FILE)")
    say("A ledger proves statements, not metal.")
    if found.holds:
        say(f"HOLDS: nothing is broken, {len(flags)} flags to look at", style="green")
    else:
        first = f", first bad record {found.first_bad}" if found.first_bad is not None else ""
        say(f"DOES NOT HOLD: {len(broken)} broken{first}, {len(flags)} flags", style="red")


def _write_report(found: Audit, output: Path) -> None:
    from ledger.files import replace_file  # noqa: PLC0415 - loaded when needed
    from reports.audit import AuditReport, render_pdf  # noqa: PLC0415 - loaded when needed

    when = datetime.fromtimestamp(found.time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if found.time is not None else "no checkpoint"
    report = AuditReport(
        ledger=found.ledger or "0" * 64,
        origin=found.origin or "unknown",
        size=found.size,
        root=found.root,
        as_of=f"newest checkpoint, {when}",
        holds=found.holds,
        findings=found.findings,
        counts=tuple(found.counts.items()),
        facts=(
            ("freshness", "a checkpoint held elsewhere agrees" if found.fresh else "not established"),
            ("witnesses", found.witnessed or "no checkpoint holds"),
        ),
        checked=CHECKED,
        not_checked=NOT_CHECKED,
        sample=found.sample,
    )
    replace_file(output, render_pdf(report))
