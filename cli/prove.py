"""Writing proofs for outsiders: that a record is in the log, a certificate's evidence, all records of a key."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.output import hint, print_json, say
from cli.session import Session, read_input, reading
from ledger.errors import StoreError, UnknownError

NEWEST = "newest"
ATTEST = "An auditor's statement, or `newest` for the one that the ledger keeps; it shows that no record was left out."

if TYPE_CHECKING:
    from ledger.attested import Attested
    from ledger.evidence.format import Evidence
    from ledger.store.view import StoreView


@click.command()
@click.argument("record", metavar="[RECORD]", required=False)
@click.option("--certificate", metavar="ID", help="Write a certificate's evidence: every record that its figures follow from.")
@click.option("--key", "key_name", metavar="NAME", help="Write all records of a key, so that a reader sees that none is missing.")
@click.option("--attest", metavar="FILE", help=ATTEST)
@click.option("-o", "--output", metavar="FILE", required=True, help="Where to write it.")
@reading
def prove(session: Session, record: str | None, output: str, **options: Any) -> None:  # noqa: ANN401 - click's options
    """Write a proof that others can check without the ledger.

    RECORD is an index, a record id, or a batch number (the record that made it); its proof is a tlog-proof of c2sp.org. Example:

        plumbline prove voltaic:LOT-4711 -o lot.tlog-proof && plumbline verify lot.tlog-proof --record lot.record --trust trust
    """
    wanted = [what for what in (record, options["certificate"], options["key_name"]) if what]
    if len(wanted) != 1:
        raise click.UsageError("prove what? give one of RECORD, --certificate ID or --key NAME")
    if options["attest"] and not options["certificate"]:
        raise click.UsageError("--attest goes with --certificate")
    with session.store().reading() as view:
        if record:
            _prove_record(session, view, record, Path(output))
        elif options["certificate"]:
            _write(session, certificate_evidence(view, options["certificate"], attest=options["attest"]), Path(output))
        else:
            from ledger.evidence.writing import evidence_of_key  # noqa: PLC0415 - loaded when needed

            _write(session, evidence_of_key(view, options["key_name"]), Path(output))


def _prove_record(session: Session, view: StoreView, named: str, output: Path) -> None:
    from ledger.files import replace_file  # noqa: PLC0415 - loaded when needed
    from ledger.store.store import Store  # noqa: PLC0415 - loaded when needed
    from ledger.tlog import proof, tile  # noqa: PLC0415 - loaded when needed

    index = _index(view, named)
    newest = Store.newest_checkpoint(view)
    if newest is None or newest[0] <= index:
        raise StoreError(f"no checkpoint covers record {index} yet", hint="sign one with `plumbline checkpoint`")
    path = tuple(tile.inclusion(view, index, newest[0]))
    note = view.record(index).note
    beside = output.with_suffix(".record")
    replace_file(output, proof.format_proof(proof.Proof(index, path, Store.published(view, newest[0]))))
    replace_file(beside, note)
    if session.as_json:
        print_json({"file": str(output), "record_file": str(beside), "index": index, "size": newest[0], "hashes": len(path)})
        return
    say(f"wrote {output}: record {index} is in the log of {newest[0]} records, {len(path)} hashes")
    say(f"wrote {beside}: the record itself")
    hint(f"whoever gets both verifies them with: plumbline verify {output} --record {beside} --trust FILE")


def _index(view: StoreView, named: str) -> int:
    """Return the index of a record by index, id, or the number of a batch that it made."""
    if re.fullmatch("[0-9]{1,19}", named):
        index = int(named)
        if index >= view.size:
            raise UnknownError("record", named)
        return index
    made = view.maker(named)
    found = view.index_of(named) if made is None else made >> 8
    if found is None:
        raise UnknownError("record", named, hint="give an index, a record id, or a batch number")
    return found


def certificate_evidence(view: StoreView, number: str, *, attest: str | None = None) -> Evidence:
    """Return the evidence of a certificate, with an auditor's statement where one is given."""
    import json  # noqa: PLC0415 - loaded when needed

    from ledger.evidence.writing import evidence_of_claim  # noqa: PLC0415 - loaded when needed
    from ledger.store.store import Store  # noqa: PLC0415 - loaded when needed

    kept = Store.credential(view, number)
    if kept is None:
        raise UnknownError("certificate", number)
    statement = held_against(view, _statement(view, attest)) if attest else None
    document = json.loads(kept[1])
    rules = kept_rules(view, document)
    return evidence_of_claim(view, number, basis=document["basis"]["size"], rules=rules, statement=statement)


def kept_rules(view: StoreView, document: dict[str, Any]) -> list[bytes]:
    """Return the rules that a certificate quotes, as they were when it was issued, in the order of their ids."""
    from ledger.rules.book import own  # noqa: PLC0415 - loaded when needed
    from ledger.store.store import Store  # noqa: PLC0415 - loaded when needed

    mine = {entry.sha256: entry.canonical for entry in own().all()}
    found = []
    for row in sorted(document["credentialSubject"]["verdicts"], key=lambda row: str(row["rule"])):
        kept = Store.remembered(view, f"rule {row['rule_sha256']}")
        rule = mine.get(row["rule_sha256"]) if kept is None else kept.encode()
        if rule is None:
            raise UnknownError(
                "rule",
                f"{row['rule']} v{row['rule_version']}",
                where="what is kept here",
                hint="its text was not kept when the certificate was issued",
            )
        found.append(rule)
    return found


def _statement(view: StoreView, named: str) -> bytes:
    """Return an auditor's statement from a file, or the newest that the ledger keeps."""
    from ledger.store.store import Store  # noqa: PLC0415 - loaded when needed

    if named != NEWEST:
        return read_input(named)
    kept = Store.attestations(view)
    if not kept:
        raise StoreError("the ledger keeps no auditor's statement", hint="keep one with `plumbline attest --keep FILE`")
    return kept[-1][2]


def held_against(view: StoreView, note: bytes) -> Attested:
    """Return an auditor's statement with the state lines that it signed.

    Raises:
        EvidenceError: It does not fit this ledger.
    """
    from ledger.attested import attested  # noqa: PLC0415 - loaded when needed
    from ledger.store.store import Store  # noqa: PLC0415 - loaded when needed

    return attested(note, Store.entries(view), ledger=view.record_id(0), root_at=view.root_at)


def _write(session: Session, evidence: Evidence, output: Path) -> None:
    from ledger.evidence.format import format_evidence  # noqa: PLC0415 - loaded when needed
    from ledger.files import replace_file  # noqa: PLC0415 - loaded when needed

    data = b"".join(format_evidence(evidence))
    replace_file(output, data)
    if session.as_json:
        print_json({"file": str(output), "records": len(evidence.leaves), "batches": len(evidence.scope), "bytes": len(data)})
        return
    say(f"wrote {output}: {len(evidence.leaves)} records about {len(evidence.scope)} batches, {len(data)} bytes")
    hint(f"whoever gets it verifies it with: plumbline verify {output} --trust FILE")
