"""Commands about keys."""

from __future__ import annotations

import secrets
from pathlib import Path

import click

from cli.output import hint, print_json, say
from cli.session import Session, json_option, ledger_option, needs_passphrase, now_text, writing
from ledger.errors import FormatError, KeyFileError


@click.group()
def key() -> None:
    """Make, show and check keys; enrol, retire and revoke them.

    A key lives in one place: two terminals have two keys. Its file is readable by you alone; FILE.vkey beside it is public.
    """


def _origin_of(session: Session, origin: str | None) -> str | None:
    if origin or not session.has_ledger:
        return origin
    with session.store().reading() as view:
        facts = view.facts
    return facts.origin if facts else None


@key.command()
@click.argument("name", metavar="PARTY/NAME")
@click.option("-o", "--output", metavar="FILE", required=True, help="The key file to make; FILE.vkey is written beside it.")
@click.option("--no-passphrase", is_flag=True, help="Leave the key file in the clear, for unattended use.")
@click.option("--passphrase-fd", type=int, metavar="N", help="Read the pass phrase from this file descriptor.")
@click.option("--origin", help="The ledger's origin, for the proof of possession, where there is no -L.")
@ledger_option
@json_option
@click.pass_context
def new(ctx: click.Context, name: str, output: str, origin: str | None, *, no_passphrase: bool, passphrase_fd: int | None) -> None:
    """Make a key. Its vkey is printed as the last line.

    With -L or --origin the proof of possession is made as well: give both to the registrar, or to your admin key's holder.
    """
    from ledger.keys import generate, prove_possession, write_key_file  # noqa: PLC0415 - loaded when needed
    from ledger.record import read_as  # noqa: PLC0415 - loaded when needed
    from schemas.identifier import KeyName  # noqa: PLC0415 - loaded when needed

    if passphrase_fd is not None:
        ctx.obj["passphrase_fd"] = passphrase_fd
    session = Session(ctx.obj)
    try:
        read_as(KeyName, name)
    except FormatError as error:
        raise click.UsageError(f"{name!r} is not a key name party/name, such as keystone/scale-1") from error
    ledger_origin = _origin_of(session, origin)
    passphrase = None if no_passphrase else session.passphrase(f"pass phrase for {output}: ", confirm=True)
    if passphrase is None and not no_passphrase:
        raise KeyFileError(
            "no pass phrase was given for the new key",
            hint="PLUMBLINE_PASSPHRASE_FILE, --passphrase-fd, or --no-passphrase for unattended use",
        )
    signer = generate(name, seed=secrets.token_bytes(32))
    write_key_file(Path(output), signer, passphrase)
    proof = prove_possession(signer, ledger_origin) if ledger_origin else None
    if session.as_json:
        print_json({"vkey": signer.vkey.format(), "proof": proof})
        return
    say(f"made the key {name} in {output}")
    if proof:
        say(f"proof of possession for {ledger_origin}: {proof}")
    else:
        hint("with -L or --origin the proof of possession is printed too: plumbline key show FILE --origin ORIGIN")
    say(signer.vkey.format())


@key.command()
@click.argument("file")
@click.option("--origin", help="The ledger's origin, for the proof of possession, where there is no -L.")
@click.option("--passphrase-fd", type=int, metavar="N", help="Read the pass phrase from this file descriptor.")
@ledger_option
@json_option
@click.pass_context
def show(ctx: click.Context, file: str, origin: str | None, passphrase_fd: int | None) -> None:
    """Show a key's vkey, and its proof of possession for a ledger."""
    from ledger.keys import prove_possession  # noqa: PLC0415 - loaded when needed

    if passphrase_fd is not None:
        ctx.obj["passphrase_fd"] = passphrase_fd
    session = Session(ctx.obj)
    signer = session.signer(Path(file))
    ledger_origin = _origin_of(session, origin)
    proof = prove_possession(signer, ledger_origin) if ledger_origin else None
    if session.as_json:
        print_json({"vkey": signer.vkey.format(), "proof": proof})
        return
    if proof:
        say(f"proof of possession for {ledger_origin}: {proof}")
    say(signer.vkey.format())


@key.command()
@click.argument("file")
@click.option("--passphrase-fd", type=int, metavar="N", help="Read the pass phrase from this file descriptor.")
@ledger_option
@json_option
@click.pass_context
def check(ctx: click.Context, file: str, passphrase_fd: int | None) -> None:
    """Check a key file: mode, pass phrase, vkey; with -L also how it stands in the ledger."""
    if passphrase_fd is not None:
        ctx.obj["passphrase_fd"] = passphrase_fd
    session = Session(ctx.obj)
    locked = needs_passphrase(Path(file))
    signer = session.signer(Path(file))
    standing = "not looked up (give -L)"
    if session.has_ledger:
        with session.store().reading() as view:
            facts, head = view.key(signer.name), view.head(signer.name)
        if facts is None:
            standing = "not enrolled in this ledger"
        elif facts.public != signer.public_key.hex():
            raise KeyFileError(f"{file} is not the key that the ledger knows as {signer.name}")
        else:
            state = "active" if facts.active else ("retired" if facts.retired is not None else "revoked")
            standing = f"{state}, may sign {', '.join(facts.scopes)}, {head.seq + 1 if head else 0} records"
    if session.as_json:
        print_json({"name": signer.name, "vkey": signer.vkey.format(), "passphrase": locked, "standing": standing})
        return
    say(f"{file} is the key {signer.name}, {'locked by a pass phrase' if locked else 'without a pass phrase'}; in the ledger: {standing}")


def _one(session: Session, event: dict[str, object]) -> None:
    from cli.record import write_events  # noqa: PLC0415 - loaded when needed

    write_events(session, [event])


@key.command()
@click.argument("vkey")
@click.option("--proof", required=True, help="The new key's proof of possession.")
@click.option("--scope", "scopes", multiple=True, type=click.Choice(["admin", "record", "certify", "attest"]), help="Default: record.")
@writing
def enrol(session: Session, vkey: str, proof: str, scopes: tuple[str, ...]) -> None:
    """Enrol another key of your party, signed with its admin key."""
    from schemas.identifier import party_of  # noqa: PLC0415 - loaded when needed

    event: dict[str, object] = {
        "type": "enrol",
        "time": now_text(),
        "party": party_of(vkey),
        "key": vkey,
        "proof": proof,
        "scopes": list(scopes or ("record",)),
    }
    _one(session, event)


@key.command()
@click.argument("name", metavar="PARTY/NAME")
@click.option("--reason", help="Public text without names.")
@writing
def retire(session: Session, name: str, reason: str | None) -> None:
    """Retire a key: it signs no more, what it signed stands."""
    _one(session, {"type": "retire", "time": now_text(), "key": name, **({"reason": reason} if reason else {})})


@key.command()
@click.argument("name", metavar="PARTY/NAME")
@click.option("--compromised-since", metavar="TIME", help="From when on the key may have been in other hands (RFC 3339).")
@click.option("--reason", help="Public text without names.")
@writing
def revoke(session: Session, name: str, compromised_since: str | None, reason: str | None) -> None:
    """Revoke a key that is lost or stolen."""
    event: dict[str, object] = {"type": "revoke", "time": now_text(), "key": name}
    if compromised_since:
        event["compromised_since"] = compromised_since
    if reason:
        event["reason"] = reason
    _one(session, event)
