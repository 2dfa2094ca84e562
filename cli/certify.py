"""Commands that issue and look after certificates."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.cousins import AS, FORMS, write_as
from cli.output import hint, listing, print_json, say
from cli.prove import ATTEST
from cli.rules import book_with, rule_pack_option
from cli.seal import Sealing, read_sealing, seal_options
from cli.session import Session, now_text, read_input, reading, writing
from ledger.errors import ClaimError, QuorumError, StoreError, UnknownError

if TYPE_CHECKING:
    from ledger.draft import Raw
    from ledger.keys import Signer
    from ledger.store.store import Store
    from ledger.store.view import StoreView
    from ledger.view import Claim
    from schemas.usmca import Usmca

LARGEST_EVIDENCE = 8 * 1024 * 1024
"""Bytes of evidence that go into a PDF; more goes into a file beside it, with the ending `.evidence`."""

MOST_LOTS = 400
"""Batches in one certificate over a shipment (SPEC.md, "Events")."""

_PERIOD = re.compile(r"\A(\d{4}-\d{2}-\d{2})/(\d{4}-\d{2}-\d{2})\Z", re.ASCII)


@click.command()
@click.argument("kind", type=click.Choice(["recycled-content", "domestic-origin"]))
@click.argument("batches", metavar="[BATCH]...", nargs=-1)
@click.option("-o", "--output", metavar="CERT.pdf", required=True, help="Where to write the PDF.")
@click.option("--to", "customer", required=True, metavar="NAME", help="The customer's name, as it is to be printed.")
@click.option("--rule", "rules", multiple=True, metavar="ID", help="A rule to judge by; see `plumbline rules`. Default: those of the kind.")
@rule_pack_option
@click.option("--mass", metavar="Q", help='Certify only this much of the batch, such as "20000 lb"; it is split off first.')
@click.option("--product", metavar="MODEL", help="In place of a BATCH: all lots of this model that --site made in the --period.")
@click.option("--site", metavar="SITE", help="The plant, with --product.")
@click.option("--usmca", metavar="FILE", help="Certify origin under the USMCA: a JSON file with the nine elements of Annex 5-A.")
@click.option("--order", metavar="TEXT", help="The customer's order number.")
@click.option("--period", metavar="FROM/TO", help="The period that it speaks of, such as 2026-01-01/2026-03-31.")
@click.option("--condition", type=click.Choice(["wet", "dry", "undrained"]), help="How the product was weighed.")
@click.option("--valid-days", type=click.IntRange(1, 3660), default=365, show_default=True, help="How long it is valid.")
@click.option("--number", metavar="NUMBER", help="Its number; default: the next one.")
@seal_options
@writing
def certify(session: Session, kind: str, batches: tuple[str, ...], output: str, customer: str, rules: tuple[str, ...], **more: Any) -> None:  # noqa: ANN401
    """Issue a certificate over a batch, a shipment of several, or a product in a period: a PDF with its signed data inside.

    The ledger computes every figure; nothing can be typed in. The same mass is certified once for a kind, so certify a shipment before it
    leaves. A certificate over a product adds up its lots as they were made, wherever they are now; a lot stands in one such certificate of
    a kind at a time. Examples:

        plumbline certify recycled-content voltaic:LOT-4711 --to "Hartmann Fleet Supply" -o cert.pdf -k quality.key

        plumbline certify recycled-content --product "Group 31" --site voltaic:dayton --period 2026-01-01/2026-12-31 --to … -o year.pdf
    """
    asked = [more["product"], more["site"], more["period"]]
    if bool(batches) == bool(more["product"]) or not (batches or all(asked)):
        raise click.UsageError("certify what? give a BATCH or several, or --product MODEL with --site SITE and --period FROM/TO")
    if len(batches) > MOST_LOTS:
        raise click.UsageError(f"{len(batches)} batches are more than one certificate takes, which is {MOST_LOTS}")
    if more["usmca"] and kind != "domestic-origin":
        raise click.UsageError("--usmca goes with domestic-origin")
    if len(batches) != 1 and more["mass"]:
        raise click.UsageError("--mass goes with one BATCH")
    issue(
        session,
        session.signer(session.key_file()),
        {"kind": kind, "batches": batches, "to": customer, "rules": rules, **more},
        Path(output),
    )


def issue(session: Session, signer: Signer, wish: dict[str, Any], output: Path, *, made: str | None = None) -> str:
    """Build a credential, register it, sign it, render it, and return its number."""
    from ledger.tlog import canonical  # noqa: PLC0415 - loaded when needed

    if output.exists():
        raise StoreError(f"{output} exists already", hint="a certificate is never overwritten; give another file")
    store, desk = session.store(), session.desk()
    issued = made or now_text()
    if made is not None:
        desk.made = lambda: made
    sealing = read_sealing(session, wish, time=issued)
    wish = wish | {"documents": [sealing.document] if sealing else []}
    built: list[dict[str, Any]] = []

    def plan(view: StoreView) -> Sequence[Raw]:
        raws, document = _planned(view, signer, wish, issued)
        built.append(document)
        return raws

    appended = desk.write(session.log(store), [plan], dry_run=session.dry_run)
    document = built[0]
    number: str = document["credentialSubject"]["number"]
    if session.dry_run:
        if session.as_json:
            click.echo(canonical.encode(document).decode())
        else:
            say(f"{number} would be issued; nothing was written")
        return number
    _witnessed(session, store, number)
    signed = finish(store, signer, number, created=issued)
    render(store, number, output, sealing=sealing)
    if session.as_json:
        click.echo(signed.decode())
        return number
    _tell(document, output, index=appended.receipts[-1].index)
    return number


def _witnessed(session: Session, store: Store, number: str) -> None:
    """See that witnesses have cosigned the checkpoint over a certificate where the ledger's trust file asks for them.

    Raises:
        QuorumError: They have not; the certificate is registered, and is finished by `plumbline certificate` once they have.
    """
    from cli.publish import quorum  # noqa: PLC0415 - loaded when needed

    try:
        quorum(session, store)
    except QuorumError as refusal:
        refusal.hint = f"{number} is registered and not written yet; once witnesses answer: plumbline certificate {number} -k FILE -o PDF"
        raise


def _planned(view: StoreView, signer: Signer, wish: dict[str, Any], issued: str) -> tuple[list[Raw], dict[str, Any]]:
    """Return the events of a certificate's record, and its credential, which is kept in the same transaction."""
    from ledger.certificates.certificate import Basis, Issuer, Request, build  # noqa: PLC0415 - loaded when needed
    from ledger.certificates.credential import digest  # noqa: PLC0415 - loaded when needed
    from ledger.certificates.issuance import certify_raw, entered, next_number, split_raw  # noqa: PLC0415 - loaded when needed
    from ledger.draft import completed  # noqa: PLC0415 - loaded when needed
    from ledger.keys import did_key  # noqa: PLC0415 - loaded when needed
    from ledger.store.store import Store  # noqa: PLC0415 - loaded when needed
    from ledger.tlog import canonical  # noqa: PLC0415 - loaded when needed
    from reports.certificate import content_of  # noqa: PLC0415 - loaded when needed
    from reports.statement import check_statement  # noqa: PLC0415 - loaded when needed
    from schemas.identifier import party_of  # noqa: PLC0415 - loaded when needed

    facts, party = view.facts, party_of(signer.name)
    admitted = view.party(party)
    if facts is None or admitted is None:
        raise UnknownError("party", party, hint="the registrar admits it first")
    number = wish.get("number") or next_number(view, party, wish["kind"], product=bool(wish.get("product")))
    names, raws, sheet = sorted(set(wish["batches"])), [], entered(view, [], key=signer.name)
    if wish.get("mass"):
        split, names[0] = split_raw(view, names[0], _quantity(wish["mass"]), number, time=issued)
        raws.append(split)
        sheet = entered(view, [completed(dict(split), view, index=view.size)], key=signer.name)
    book = book_with(wish.get("packs") or ())
    request = Request(
        batch=names[0] if names else "",
        beside=tuple(names[1:]),
        kind=wish["kind"],
        number=number,
        customer=wish["to"],
        rules=tuple(wish.get("rules") or ()),
        order=wish.get("order"),
        period=_period(wish.get("period")),
        condition=wish.get("condition"),
        lots=_lots(view, wish) if wish.get("product") else (),
        usmca=_usmca(wish.get("usmca")),
        book=book,
    )
    until = datetime.fromisoformat(issued).astimezone(UTC) + timedelta(days=wish.get("valid_days") or 365)
    document = build(
        sheet,
        request,
        issuer=Issuer(did_key(signer.public_key), admitted.name, party),
        basis=Basis(facts.ledger_id, facts.origin, view.size, Store.frontier(view).root().hex()),
        issued=issued,
        valid_until=until.strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    # What cannot be printed is refused now: behind the record there is no way back.
    check_statement(document)
    content_of(document)
    for row in document["credentialSubject"]["verdicts"]:
        Store.remember(view, f"rule {row['rule_sha256']}", book.load(row["rule"]).canonical.decode())
    Store.keep_credential(view, number, digest=digest(document), unsigned=canonical.encode(document))
    papers = {"documents": wish["documents"]} if wish["documents"] else {}
    return [*raws, certify_raw(sheet, document, time=issued) | papers], document


def _lots(view: StoreView, wish: dict[str, Any]) -> tuple[str, ...]:
    """Return all lots of a product that a plant made in a period.

    Raises:
        ClaimError: There is none.
    """
    from ledger.declared import lots_of  # noqa: PLC0415 - loaded when needed
    from schemas.event import Days  # noqa: PLC0415 - loaded when needed

    period = Days.model_validate(_period(wish["period"]))
    names = [batch.id for batch in view.batches()]
    found = lots_of(view, names, site=wish["site"], model=wish["product"], period=period)
    if not found:
        made = f"{wish['site']} from {period.from_} to {period.to}"
        raise ClaimError(
            f"no lot of model {wish['product']} was made at {made}", hint='a lot\'s model is stated where it is made: "product":{"model":…}'
        )
    return tuple(found)


def _usmca(file: str | None) -> Usmca | None:
    """Read a certification of origin."""
    if file is None:
        return None
    from ledger.certificates.usmca import read_usmca  # noqa: PLC0415 - loaded when needed

    return read_usmca(read_input(file), file=file)


def _quantity(text: str) -> Any:  # noqa: ANN401 - a Quantity, loaded when needed
    from cli.flags import quantity  # noqa: PLC0415 - loaded when needed
    from schemas.measurement import Quantity  # noqa: PLC0415 - loaded when needed

    return Quantity(**quantity(text))


def _period(text: str | None) -> dict[str, str] | None:
    if text is None:
        return None
    found = _PERIOD.match(text)
    if found is None or found.group(1) > found.group(2):
        raise click.UsageError(f"{text!r} is no period FROM/TO such as 2026-01-01/2026-03-31")
    return {"from": found.group(1), "to": found.group(2)}


def finish(store: Store, signer: Signer, number: str, *, created: str) -> bytes:
    """Add the proof to a registered credential, keep it, and return its bytes."""
    import json  # noqa: PLC0415 - loaded when needed

    from ledger.certificates.credential import add_proof, verification_method_of  # noqa: PLC0415 - loaded when needed
    from ledger.store.store import Store  # noqa: PLC0415 - loaded when needed
    from ledger.tlog import canonical  # noqa: PLC0415 - loaded when needed

    with store.writing() as view:
        kept = Store.credential(view, number)
        if kept is None:
            raise UnknownError("certificate", number)
        method = verification_method_of(signer.public_key)
        signed = canonical.encode(add_proof(json.loads(kept[1]), created=created, verification_method=method, sign=signer.sign))
        Store.sign_credential(view, number, signed)
    return signed


def render(store: Store, number: str, output: Path, *, attest: str | None = None, sealing: Sealing | None = None) -> None:
    """Render a certificate from its stored credential, with its evidence, and the trace of its lead drawn as it was then; seal it last."""
    import json  # noqa: PLC0415 - loaded when needed

    from cli.picture import page_picture  # noqa: PLC0415 - loaded when needed
    from cli.prove import certificate_evidence  # noqa: PLC0415 - loaded when needed
    from ledger.certificates.credential import lots_in  # noqa: PLC0415 - loaded when needed
    from ledger.evidence.format import format_evidence  # noqa: PLC0415 - loaded when needed
    from ledger.files import replace_file  # noqa: PLC0415 - loaded when needed
    from ledger.lineage import trace_all  # noqa: PLC0415 - loaded when needed
    from ledger.store.store import Store  # noqa: PLC0415 - loaded when needed
    from reports.certificate import render_pdf  # noqa: PLC0415 - loaded when needed

    with store.reading() as view:
        kept = Store.credential(view, number)
        if kept is None or kept[2] is None:
            raise StoreError(
                f"certificate {number} is not in this store with its proof",
                hint="sign it with its key: plumbline certificate ID -k FILE -o PDF",
            )
        document = json.loads(kept[2])
        constituent = "Pb" if any(row["constituent"] == "Pb" for row in document["credentialSubject"]["claims"]) else ""
        back = trace_all(view, lots_in(document), "back")
        diagram = page_picture(view, back, constituent) if constituent else None
        evidence = b"".join(format_evidence(certificate_evidence(view, number, attest=attest)))
    if len(evidence) > LARGEST_EVIDENCE:  # a reader's program would not take it; it goes beside the PDF
        replace_file(output.with_suffix(".evidence"), evidence)
    within = evidence if len(evidence) <= LARGEST_EVIDENCE else None
    seal = None if sealing is None else sealing.words
    pdf = render_pdf(document, credential_json=kept[2], evidence=within, diagram=diagram, seal=seal)
    replace_file(output, pdf if sealing is None else sealing.put_on(pdf, number))


def _tell(document: dict[str, Any], output: Path, *, index: int) -> None:
    from ledger.certificates.credential import about  # noqa: PLC0415 - loaded when needed

    subject = document["credentialSubject"]
    say(f"issued {subject['number']} over {about(document)}, registered as record {index}")
    wanted = "recycled_content" if subject["kind"] == "recycled-content" else f"smelted_in:{subject['plant']['country']}"
    for row in subject["claims"]:
        if row["characteristic"] in (wanted, "unknown"):
            say(f"  {row['constituent']:3} {row['characteristic']:20} {row['percent']:>6} %   {row['mass_mg']} mg of {row['of_mg']} mg")
    for row in subject["verdicts"]:
        say(f"  {row['rule']:28} {row['verdict']}")
    say(f"wrote {output}")
    hint("whoever gets it verifies it, without the ledger, with: plumbline verify FILE --trust FILE")


def _what(claim: Claim) -> str:
    if claim.batches:
        return f"{len(claim.batches)} lots of {claim.model}"
    return f"{claim.batch} and {len(claim.beside)} more" if claim.beside else claim.batch


@click.command()
@reading
@listing
def certificates(session: Session) -> list[dict[str, Any]]:
    """List certificates and what became of them."""
    from ledger.certified import status  # noqa: PLC0415 - loaded when needed

    with session.store().reading() as view:
        return [
            {
                "number": claim.number,
                "kind": claim.kind,
                "batch": _what(claim),
                "mass_mg": claim.mass_mg,
                "record": claim.position >> 8,
                "valid_until": claim.valid_until,
                "status": status(view, claim)[0],
            }
            for claim in view.claims()
        ]


@click.command()
@click.argument("number", metavar="ID")
@click.option("-o", "--output", metavar="FILE", required=True, help="Where to write it.")
@click.option("--as", "form", type=click.Choice(FORMS), default="pdf", show_default=True, help=AS)
@click.option("--attest", metavar="FILE", help=ATTEST)
@seal_options
@writing
def certificate(session: Session, number: str, output: str, form: str, attest: str | None, **options: Any) -> None:  # noqa: ANN401 - click's options
    """Render a certificate again from its stored data, with evidence up to the newest checkpoint; or write it in a form for programs.

    With --seal it is sealed again, by the certificate that its certify record names and no other.
    One whose issuing was interrupted behind its registration is finished first: give its key with -k. Example:

        plumbline certificate voltaic-RC-0001 --as vc-jwt -o cert.jwt -k quality.key
    """
    from ledger.certificates.verification import seals_named  # noqa: PLC0415 - loaded when needed
    from ledger.store.store import Store  # noqa: PLC0415 - loaded when needed

    if form != "pdf" and (attest or options["seal"]):
        raise click.UsageError("--attest and --seal go with the PDF")
    store = session.store()
    with store.reading() as view:
        kept = Store.credential(view, number)
        claim = view.claim(number)
        if kept is None or claim is None:
            raise UnknownError("certificate", number)
        sealing = read_sealing(session, options, time=now_text())
        if sealing is not None:
            sealing.check_named(number, seals_named(view.event(claim.position)))
    if session.dry_run:
        say(f"{number} would be rendered; nothing was written")
        return
    _witnessed(session, store, number)
    if kept[2] is None:
        finish(store, session.signer(session.key_file()), number, created=now_text())
    if form == "pdf":
        render(store, number, Path(output), attest=attest, sealing=sealing)
    else:
        write_as(session, store, number, form, Path(output))
    if session.as_json:
        print_json({"number": number, "file": output})
    else:
        say(f"wrote {output}")


@click.command()
@click.argument("number", metavar="CERT")
@click.option("--reason", default="withdrawn by its issuer", show_default=True, help="Public text without names.")
@click.option("--superseded-by", metavar="CERT", help="The certificate that takes its place.")
@writing
def withdraw(session: Session, number: str, reason: str, superseded_by: str | None) -> None:
    """Take a certificate back. Its mass may be certified anew; verifiers of the old one are told."""
    from cli.record import write_events  # noqa: PLC0415 - loaded when needed

    event = {"type": "withdraw", "time": now_text(), "certificate": number, "reason": reason}
    write_events(session, [event | ({"superseded_by": superseded_by} if superseded_by else {})])
