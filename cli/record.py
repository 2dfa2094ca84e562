"""Commands that sign and append events: log, and its two halves sign and submit; the outbox between them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.output import print_json, remark, say, table
from cli.session import Session, json_option, key_options, ledger_option, read_input, writing
from ledger.errors import FormatError, InputError, LedgerError, LimitError

if TYPE_CHECKING:
    from ledger.draft import Raw
    from ledger.log import Appended, Log, Receipt

_MAX_EVENTS = 256


def read_packs(file: str, *, pack: int) -> tuple[list[list[Raw]], list[list[int]]]:
    """Return the events of a JSONL file in packs of at most `pack`, and the line numbers that they stand on.

    Raises:
        FormatError, EncodingError: A line is no event; the message names it.
    """
    from ledger.draft import parse_event  # noqa: PLC0415 - loaded when needed

    packs: list[list[Raw]] = []
    lines: list[list[int]] = []
    data = read_input(file)
    if data.startswith(b"\xef\xbb\xbf"):
        data = data[3:]  # what some editors on Windows put first
    shown = "standard input" if file == "-" else file
    for number, line in enumerate(data.split(b"\n"), start=1):
        text = line.removesuffix(b"\r")
        if not text.strip():
            continue
        try:
            raw = parse_event(text, file=shown, line=number)
        except LedgerError as refusal:
            raise placed(refusal, shown, number) from refusal
        if not packs or len(packs[-1]) >= pack:
            packs.append([])
            lines.append([])
        packs[-1].append(raw)
        lines[-1].append(number)
    if not packs:
        raise FormatError("holds no events", file=shown, hint="one JSON object per line; see `plumbline schema`")
    return packs, lines


def placed(refusal: LedgerError, file: str, line: int) -> LedgerError:
    """Return a refusal that knows the file and line it is about."""
    refusal.place = {"file": file, "line": line}  # type: ignore[attr-defined]
    return refusal


def receipt_json(receipt: Receipt) -> dict[str, Any]:
    """Return a receipt as `log --json` prints it."""
    batches = [batch for event in receipt.record.events for batch in _batches(event)]
    return {
        "index": receipt.index,
        "record": receipt.record.id,
        "leaf_hash": receipt.leaf.hex(),
        "key": receipt.record.header.key,
        "seq": receipt.record.header.seq,
        "batches": list(dict.fromkeys(batches)),
        "proof": receipt.proof.decode(),
    }


def _batches(event: Any) -> list[str]:  # noqa: ANN401 - any event
    inner = getattr(event, "event", None)
    if inner is not None and not isinstance(inner, int):
        return _batches(inner)
    if event.type == "transform":
        return [output.batch for output in event.outputs]
    return [event.batch] if isinstance(getattr(event, "batch", None), str) else []


def print_appended(session: Session, appended: Appended) -> None:
    """Print receipts: one line each, or JSON."""
    ended = {"ended_certificates": list(appended.ended)} if appended.ended else {}
    if session.as_json:
        print_json(
            {"receipts": [receipt_json(receipt) for receipt in appended.receipts], "checkpoint": appended.checkpoint.decode()} | ended
        )
        return
    if session.dry_run:
        say("it would be taken; nothing was written")
        return
    for receipt in appended.receipts:
        row = receipt_json(receipt)
        batches = f"  {', '.join(row['batches'])}" if row["batches"] else ""
        kinds = ", ".join(dict.fromkeys(event.type for event in receipt.record.events))
        say(f"record {row['index']}  {row['record'][:16]}…  {row['key']} #{row['seq']}  {kinds}{batches}")
    for number in appended.ended:
        remark(f"certificate {number} counts as withdrawn from now on: it spoke of metal that its issuer used, took back or changed here")


def write_events(session: Session, events: Sequence[Raw], *, key_file: Path | None = None) -> Appended:
    """Sign events as one record, append it and print its receipt."""
    desk = session.desk(key_file=key_file)
    appended = desk.write(session.log(session.store()), [list(events)], dry_run=session.dry_run)
    print_appended(session, appended)
    return appended


@click.command("log")
@click.argument("file")
@click.option("--pack", type=click.IntRange(1, _MAX_EVENTS), default=1, show_default=True, help="Events to a record.")
@click.option("--keep-going", is_flag=True, help="Leave out records that are refused; otherwise all of the file is taken or nothing.")
@writing
def log(session: Session, file: str, pack: int, *, keep_going: bool) -> int:
    """Sign and append events from FILE, one JSON object per line; - reads standard input.

    Prints a receipt per record. What waits in the key's outbox is sent first.
    """
    packs, lines = read_packs(file, pack=pack)
    shown = "standard input" if file == "-" else file
    desk = session.desk()
    opened = session.log(session.store())
    try:
        appended = desk.write(opened, packs, keep_going=keep_going, dry_run=session.dry_run)
    except LedgerError as error:
        refusal = next((r for r in desk.refusals if r.error is error), None)
        if refusal is not None:
            raise placed(error, shown, lines[refusal.pack][min(refusal.event, len(lines[refusal.pack]) - 1)]) from error
        raise
    print_appended(session, appended)
    for refusal in desk.refusals:
        line = lines[refusal.pack][min(refusal.event, len(lines[refusal.pack]) - 1)]
        remark(f"left out: {shown}, line {line}: {refusal.error}")
    return max((refusal.error.exit_code for refusal in desk.refusals), default=0)


@click.command()
@click.argument("file")
@click.option("-o", "--output", metavar="RECORDS", required=True, help="Where to write the signed records; - prints them.")
@click.option("--pack", type=click.IntRange(1, _MAX_EVENTS), default=1, show_default=True, help="Events to a record.")
@click.option("--trust", metavar="FILE", help="The ledger's trust file, where there is no copy of the ledger (-L) at hand.")
@ledger_option
@key_options
@json_option
@click.pass_context
def sign(ctx: click.Context, file: str, output: str, pack: int, trust: str | None) -> None:
    """Sign events now, without a connection, and submit them later.

    The records wait in the key's outbox. Without a ledger an event must say itself what only a ledger knows: the mass, and made_by for
    batches that this key did not make.
    """
    from ledger.files import replace_file  # noqa: PLC0415 - loaded when needed

    session = Session(ctx.obj)
    packs, _ = read_packs(file, pack=pack)
    desk = session.desk()
    ledger_id = _ledger_id(session, trust)
    records = desk.sign(packs, ledger_id=ledger_id, dry_run=session.dry_run)
    if session.dry_run:
        say(f"{len(records)} records would be signed; nothing was kept or written")
        return
    data = b"".join(record.note for record in records)
    if output == "-":
        sys.stdout.buffer.write(data)
        return
    replace_file(Path(output), data)
    if session.as_json:
        print_json({"records": [{"record": r.id, "key": r.header.key, "seq": r.header.seq} for r in records], "file": output})
    else:
        say(f"signed {len(records)} records into {output}; they wait in {desk.outbox.folder} for their receipts")


def _ledger_id(session: Session, trust: str | None) -> str:
    if trust is not None:
        pinned = session.trust(trust)
        if pinned is not None:
            return pinned[0].ledger
    with session.store().reading() as view:
        facts = view.facts
    if facts is None:
        raise FormatError("the ledger has no record 0", file=str(session.ledger))
    return facts.ledger_id


@click.command()
@click.argument("records")
@ledger_option
@key_options
@json_option
@click.pass_context
def submit(ctx: click.Context, records: str) -> None:
    """Submit signed records. What the ledger has already is acknowledged again, with its first receipt."""
    session = Session(ctx.obj)
    notes = split_records(read_input(records), file=records)
    store = session.store()
    opened = session.log(store)
    try:
        if session.dry_run:
            _rehearse(session, opened, notes)
        else:
            print_appended(session, _submitted(session, opened, notes))
    except InputError as refusal:
        raise _where(refusal, notes, file=records) from refusal


def _rehearse(session: Session, opened: Log, notes: list[bytes]) -> None:
    """Check records as if they were submitted."""
    from ledger.desk import rehearse  # noqa: PLC0415 - loaded when needed

    fresh = rehearse(opened, notes)
    if session.as_json:
        print_json({"dry_run": True, "new": fresh, "records": len(notes)})
    else:
        say(f"{fresh} of {len(notes)} records are new and would be taken; nothing was written")


def _where(refusal: InputError, notes: list[bytes], *, file: str) -> InputError:
    """Return what was refused of one of many records with the line of the file that it stands on."""
    from ledger.record import read_record  # noqa: PLC0415 - loaded when needed

    first = 1
    for note in notes:
        try:
            read_record(note)
        except FormatError as found:
            return found.at(file=file, line=first + (found.line or 1) - 1)
        except InputError as found:
            return found.at(file=f"{file}, record from line {first} on")
        first += note.count(b"\n")
    return refusal


def _submitted(session: Session, opened: Log, notes: list[bytes]) -> Appended:
    """Append records; where their key is at hand, its outbox keeps the receipts and gives the openings."""
    from ledger.log import Appended, append  # noqa: PLC0415 - loaded when needed

    if not session.options.get("key"):
        return append(opened, lambda _: notes)
    desk = session.desk()
    resent = desk.resend(opened)
    appended = append(opened, lambda _: notes)
    with desk.outbox.locked():
        desk.outbox.settle({r.record.header.seq: r.proof for r in appended.receipts if r.record.header.key == desk.signer.name})
    merged = {receipt.index: receipt for receipt in (*resent.receipts, *appended.receipts)}
    return Appended(tuple(merged[index] for index in sorted(merged)), appended.checkpoint)


def split_records(data: bytes, *, file: str) -> list[bytes]:
    """Return the records of a file in which they stand one after the other.

    Raises:
        FormatError: It does not begin with one.
        LimitError: It holds more than a ledger takes at a time.
    """
    beginning = b"plumbline/record/v1\n"
    if not data.startswith(beginning):
        raise FormatError("holds no signed records", file=file, line=1, hint="`plumbline sign` makes them")
    parts = data.split(b"\n" + beginning)
    if len(parts) > 1_000_000:  # noqa: PLR2004 - a limit on work
        raise LimitError(file, got=len(parts), limit=1_000_000, unit="records")
    notes = [parts[0], *(beginning + part for part in parts[1:])]
    return [note if note.endswith(b"\n") else note + b"\n" for note in notes]


@click.group(invoke_without_command=True)
@writing
def outbox(session: Session) -> None:
    """Look after signed records that wait for their receipt. Without a subcommand, list them."""
    context = click.get_current_context()
    if context.invoked_subcommand is not None:
        return
    from ledger.outbox import Outbox  # noqa: PLC0415 - loaded when needed

    rows = [
        {
            "seq": record.header.seq,
            "record": record.id,
            "made": record.header.made,
            "events": len(record.events),
            "state": "acknowledged" if receipt else "waiting",
        }
        for record, receipt in Outbox(session.key_file()).records()
    ]
    if session.as_json:
        print_json({"outbox": rows})
    elif rows:
        table(list(rows[0]), [[str(value) for value in row.values()] for row in rows], right=frozenset({0, 3}))
    else:
        remark("the outbox is empty")


@outbox.command()
@writing
def send(session: Session) -> None:
    """Send again what waits, byte for byte."""
    desk, opened = session.desk(), session.log(session.store())
    print_appended(session, desk.write(opened, [], dry_run=True) if session.dry_run else desk.resend(opened))


@outbox.command()
@click.argument("seq", type=int)
@writing
def drop(session: Session, seq: int) -> None:
    """Take back record SEQ and those signed after it. They must not have been handed to anybody."""
    desk = session.desk()
    if session.dry_run:
        dropped = [waiting.record for waiting in desk.outbox.waiting() if waiting.seq >= seq]
        say(f"{len(dropped)} records would be taken back; nothing was written")
        return
    with desk.outbox.locked():
        dropped = desk.outbox.drop(seq)
    if session.as_json:
        print_json({"dropped": [record.id for record in dropped]})
    else:
        say(f"took back {len(dropped)} records")


@outbox.command()
@click.argument("seq", type=int)
@writing
def resign(session: Session, seq: int) -> None:
    """Sign record SEQ and those after it anew, each naming the one that it replaces, and send them."""
    if session.dry_run:
        raise click.UsageError("outbox resign has no dry run; `plumbline log --dry-run` checks events, `plumbline outbox` lists what waits")
    print_appended(session, session.desk().resign(session.log(session.store()), seq))
