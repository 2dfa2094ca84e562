"""Commands of a witness, who keeps other people's logs honest: key, serve, cosign, show."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cli.output import hint, print_json, remark, say, table
from cli.session import Session, json_option, now_seconds, read_input
from ledger.errors import FormatError, InputError, KeyFileError

if TYPE_CHECKING:
    from ledger.witness.witness import Witness

_Command = TypeVar("_Command", bound=Callable[..., Any])


@click.group()
def witness() -> None:
    """Witness other people's logs: cosign what is consistent with what was seen.

    A witness cosigns a checkpoint only when it continues the last one that it cosigned for that log. Its state file is part of its key: one
    that was lost or set back could cosign two histories, so back it up with nothing but a new key in mind.
    """


def _passphrase_option(command: _Command) -> _Command:
    text = "Read the pass phrase from this file descriptor."
    return click.option("--passphrase-fd", type=int, metavar="N", help=text)(command)


def _acting(command: _Command) -> _Command:
    """Give a command what cosigning needs."""
    options = (
        click.option("-k", "--key", "key_file", metavar="FILE", required=True, help="The witness's key file."),
        click.option(
            "--trust", "trusts", metavar="FILE", required=True, multiple=True, help="A trust file of a log to follow; may be repeated."
        ),
        click.option("--state", metavar="FILE", required=True, help="What the witness remembers; made on the first use of a key."),
        _passphrase_option,
    )
    for option in reversed(options):
        command = option(command)
    return command


def _session(ctx: click.Context, passphrase_fd: int | None) -> Session:
    if passphrase_fd is not None:
        ctx.obj["passphrase_fd"] = passphrase_fd
    return Session(ctx.obj)


def _witness(session: Session, key_file: str, trusts: tuple[str, ...], state: str) -> Witness:
    """Open a witness."""
    from ledger.keys import verify  # noqa: PLC0415 - loaded when needed
    from ledger.store.witnessing import WitnessState  # noqa: PLC0415 - loaded when needed
    from ledger.trust import read_trust  # noqa: PLC0415 - loaded when needed
    from ledger.witness.identity import cosigners_of  # noqa: PLC0415 - loaded when needed
    from ledger.witness.witness import Witness  # noqa: PLC0415 - loaded when needed

    logs: dict[str, Any] = {}
    for named in trusts:
        # Whom a log's users ask for is their policy, not the witness's.
        found = read_trust(read_input(named, limit=1 << 20), file=named, allow_weak_policy=True)
        if found.origin in logs:
            raise FormatError(f"is of {found.origin}, as another one is", file=named)
        logs[found.origin] = found.log
    file = Path(key_file)
    signer = session.signer(file)
    if signer.name in logs:
        raise KeyFileError(f"{file} is the key of the log {signer.name}; a log does not witness itself")
    kept = WitnessState.of_key(Path(state), file, random=secrets.token_bytes)
    return Witness(cosigners_of(signer, file), logs, kept, now_seconds, verify)


@witness.command()
@click.argument("name")
@click.option("-o", "--output", metavar="FILE", required=True, help="The key file to make; FILE.vkey is written beside it.")
@click.option("--ml-dsa", is_flag=True, help="Cosign under ML-DSA-44 too, which a quantum computer does not break.")
@click.option("--no-passphrase", is_flag=True, help="Leave the key file in the clear, for unattended use.")
@_passphrase_option
@json_option
@click.pass_context
def key(ctx: click.Context, name: str, output: str, *, ml_dsa: bool, no_passphrase: bool, passphrase_fd: int | None) -> None:
    """Make a witness's key. What logs need of it is printed last: a vkey of a cosigner, or two.

    NAME is for ever, and best a host with a path, such as witness.example/w1.
    """
    from ledger.keys import generate, write_key_file  # noqa: PLC0415 - loaded when needed
    from ledger.witness.identity import add_mldsa, cosigners_of  # noqa: PLC0415 - loaded when needed

    session = _session(ctx, passphrase_fd)
    try:
        signer = generate(name, seed=secrets.token_bytes(32))
    except InputError as error:
        raise click.UsageError(str(error)) from error
    passphrase = None if no_passphrase else session.passphrase(f"pass phrase for {output}: ", confirm=True)
    if passphrase is None and not no_passphrase:
        raise KeyFileError(
            "no pass phrase was given for the new key",
            hint="PLUMBLINE_PASSPHRASE_FILE, --passphrase-fd, or --no-passphrase for unattended use",
        )
    file = Path(output)
    write_key_file(file, signer, passphrase)
    if ml_dsa:
        add_mldsa(signer, file)
    vkeys = [one.key.format() for one in cosigners_of(signer, file)]
    if session.as_json:
        print_json({"name": name, "vkeys": vkeys})
        return
    say(f"made the witness's key {name} in {output}")
    hint("a log's operator puts each vkey into a witness line of the policy: witness NAME VKEY URL")
    for vkey in vkeys:
        say(vkey)


@witness.command()
@click.option("--listen", metavar="HOST:PORT", default="127.0.0.1:8080", show_default=True, help="Where to take connections.")
@click.option("--prefix", metavar="PATH", default="", help="The path before /add-checkpoint, such as /lead.")
@_acting
@click.pass_context
def serve(
    ctx: click.Context, listen: str, prefix: str, key_file: str, trusts: tuple[str, ...], state: str, passphrase_fd: int | None
) -> None:
    """Answer add-checkpoint requests over HTTP (c2sp.org/tlog-witness) until told to stop.

    It speaks plain HTTP: where it is to be reached from elsewhere, put a web server with TLS before it.
    """
    from ledger.witness.endpoint import serve as answer_requests  # noqa: PLC0415 - loaded when needed

    session = _session(ctx, passphrase_fd)
    opened = _witness(session, key_file, trusts, state)

    def ready(url: str) -> None:
        say(f"{opened.cosigners[0].key.name} witnesses {', '.join(sorted(opened.logs))} at {url}")

    # A server started in the background of a shell has the interrupt ignored: it stops all the same, and no exception tells of it.
    with suppress(KeyboardInterrupt):
        answer_requests(opened, listen=listen, prefix=prefix, ready=ready)
    remark("stopped")


@witness.command()
@click.argument("request")
@click.option("-o", "--output", metavar="FILE", default="-", help="Where to write the cosignature lines; otherwise they are printed.")
@_acting
@click.pass_context
def cosign(
    ctx: click.Context, request: str, output: str, key_file: str, trusts: tuple[str, ...], state: str, passphrase_fd: int | None
) -> None:
    """Cosign what a REQUEST file asks for: the same as over HTTP, for a witness without a server.

    The log's operator makes the file with `plumbline checkpoint --request NAME` and takes the lines back with
    `plumbline checkpoint --cosignatures FILE`.
    """
    from cli.publish import write_out  # noqa: PLC0415 - loaded when needed
    from ledger.witness.witness import MAX_REQUEST_BYTES, WitnessRefusalError, add_checkpoint  # noqa: PLC0415 - loaded when needed

    session = _session(ctx, passphrase_fd)
    body = read_input(request, limit=MAX_REQUEST_BYTES)
    opened = _witness(session, key_file, trusts, state)
    try:
        lines = add_checkpoint(opened, body)
    except WitnessRefusalError as refusal:
        if refusal.size is not None:
            refusal.hint = f"ask again with: plumbline checkpoint --request NAME --old {refusal.size}"
        raise
    write_out(output, lines)


@witness.command()
@click.option("--state", metavar="FILE", required=True, help="What the witness remembers.")
@json_option
@click.pass_context
def show(ctx: click.Context, state: str) -> None:
    """Show what a witness cosigned last for each log, and checkpoints that did not fit: evidence against a log."""
    from ledger.store.witnessing import WitnessState  # noqa: PLC0415 - loaded when needed

    with WitnessState.open(Path(state)).reading() as notebook:
        found = [(origin, notebook.latest(origin)) for origin in notebook.origins()]
        misfits = notebook.misfits()
    rows = [
        {"log": origin, "size": one.size, "root": one.root.hex(), "time": _time(one.time), "checkpoint": one.note.decode(errors="replace")}
        for origin, one in found
        if one is not None
    ]
    evidence = [
        {"log": origin, "size": one.size, "root": one.root.hex(), "problem": one.problem, "checkpoint": one.note.decode(errors="replace")}
        for origin, one in misfits
    ]
    if ctx.obj["json"]:
        print_json({"latest": rows, "misfits": evidence})
        return
    if rows:
        names = ["log", "size", "root", "time"]
        table(names, [[str(row[name]) for name in names] for row in rows], right=frozenset({1}))
    else:
        remark("nothing was cosigned yet")
    for one in evidence:
        say()
        say(f"does not fit: {one['problem']}", style="red")
        for line in str(one["checkpoint"]).splitlines():
            say(f"  {line}")


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(min(seconds, 253_402_300_799), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
