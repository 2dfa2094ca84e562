"""Commands that make and look after a ledger: init, trust, checkpoint, rebuild, role, schema, completion."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.output import hint, print_json, say
from cli.session import Session, json_option, now_seconds, now_text, read_input, reading, writing
from ledger.errors import KeyFileError, StoreError
from ledger.store.place import Place, place_of

if TYPE_CHECKING:
    from ledger.store.store import Store


@click.command()
@click.option(
    "-L",
    "--ledger",
    "named",
    metavar="PLACE",
    envvar="PLUMBLINE_LEDGER",
    required=True,
    help="Where to make it: a SQLite file, or postgresql+psycopg://USER@HOST/DATABASE, an empty database.",
)
@click.option("--origin", required=True, help="The log's name for ever: a host with a dot, a slash, a path, such as ledger.example/lead.")
@click.option(
    "--keys", metavar="DIR", help="Where log.key, registrar.key, mark and trust go. Default: PLACE.keys beside the ledger's file."
)
@click.option("--no-passphrase", is_flag=True, help="Leave both key files in the clear, for unattended use.")
@click.option("--passphrase-fd", type=int, metavar="N", help="Read the pass phrase from this file descriptor.")
@json_option
@click.pass_context
def init(ctx: click.Context, named: str, origin: str, keys: str | None, *, no_passphrase: bool, passphrase_fd: int | None) -> None:
    """Make a new ledger with its log key and registrar key.

    The log key signs for what the ledger holds; the registrar key admits parties. Whoever has the folder of both runs the ledger: keep it
    apart from the ledger's backups.
    """
    from ledger.founding import Founding, found  # noqa: PLC0415 - loaded when needed

    if passphrase_fd is not None:
        ctx.obj["passphrase_fd"] = passphrase_fd
    session = Session(ctx.obj)
    place = place_of(named)
    folder = _key_folder(place, keys)
    passphrase = None if no_passphrase else session.passphrase("pass phrase for the new keys: ", confirm=True)
    if passphrase is None and not no_passphrase:
        raise KeyFileError(
            "no pass phrase was given for the new keys",
            hint="PLUMBLINE_PASSPHRASE_FILE, --passphrase-fd, or --no-passphrase for unattended use",
        )
    made = found(
        Founding(place, folder, origin, passphrase, nonce=secrets.token_bytes(16), made=now_text()),
        clock=now_seconds,
        seed=secrets.token_bytes,
    )
    if ctx.obj["json"]:
        print_json(
            {
                "ledger": made.ledger_id,
                "log": made.log,
                "origin": origin,
                "path": str(place),
                "registrar": made.registrar,
                "trust": str(made.trust),
            }
        )
        return
    say(f"made the ledger {place}")
    say(f"  log key        {made.log}")
    say(f"  registrar key  {made.registrar}")
    say(f"  trust file     {made.trust}")
    say(f"  ledger id      {made.ledger_id}")
    hint(f"next: make a key for a party: plumbline key new PARTY/NAME -o FILE -L {place}")


def _key_folder(place: Place, named: str | None) -> Path:
    if named:
        return Path(named)
    if isinstance(place, Path):
        return place.with_name(place.name + ".keys")
    raise click.UsageError("a ledger on a server has no folder beside it; say where its keys, mark and trust file go with --keys DIR")


@click.command()
@click.option("-o", "--output", metavar="FILE", help="Where to write it; otherwise it is printed.")
@click.option(
    "--policy", metavar="FILE", help="Take the witness, group, quorum and auditor lines of this file into the ledger's trust file."
)
@click.option("--allow-weak-policy", is_flag=True, help="Accept a quorum that two halves of the witnesses could both reach.")
@reading
def trust(session: Session, output: str | None, policy: str | None, *, allow_weak_policy: bool) -> None:
    """Write the trust file that verifiers pin: the ledger's id, its log's keys, its witnesses and auditors.

    Hand it over apart from any certificate: what a certificate says about itself proves nothing. With --policy the ledger from now on asks
    those witnesses; each organisation is one group, and more than half of them should be asked.
    """
    from cli.publish import remembered_trust, set_policy  # noqa: PLC0415 - loaded when needed
    from ledger.files import replace_file  # noqa: PLC0415 - loaded when needed

    store = session.store()
    made = set_policy(session, store, policy, allow_weak_policy=allow_weak_policy) if policy else remembered_trust(session, store)
    if output and output != "-":
        replace_file(Path(output), made.text().encode())
    if session.as_json:
        print_json({"ledger": made.ledger, "origin": made.origin, "quorum": made.quorum, "text": made.text()})
    elif output and output != "-":
        say(f"wrote {output}")
    else:
        click.echo(made.text(), nl=False)


@click.command()
@click.option("-o", "--output", metavar="FILE", help="Where to write it; otherwise it is printed.")
@click.option("--adopt", metavar="FILE", help="Take a lost mark's place: trust the log as this checkpoint, which somebody else held, says.")
@click.option("--publish", "asked", is_flag=True, help="Ask the witnesses of the trust file for their cosignatures.")
@click.option("--timeout", type=click.FloatRange(0.1, 600), default=10, show_default=True, metavar="S", help="Seconds for each witness.")
@click.option("--request", "witness", metavar="WITNESS", help="Write the request to carry to a witness that has no URL.")
@click.option("--old", type=click.IntRange(0), metavar="N", help="The size that the witness says it cosigned last.")
@click.option("--cosignatures", metavar="FILE", help="Take the cosignature lines that a witness gave.")
@writing
def checkpoint(session: Session, output: str | None, adopt: str | None, **ways: Any) -> int:  # noqa: ANN401 - click's options
    """Print the newest checkpoint with its cosignatures; sign for records that are not signed for yet.

    With --publish, or with --request and --cosignatures as files, witnesses cosign it. Exit code 1 where the trust file asks for a quorum
    and it is not reached.
    """
    from cli import publish  # noqa: PLC0415 - loaded when needed

    _check_ways(ways)
    store = session.store()
    size, note = _newest(session, store, adopt)
    if ways["asked"]:
        if session.dry_run:
            raise click.UsageError("--publish asks others to sign; it has no --dry-run")
        return publish.publish(session, store, note, timeout=ways["timeout"])
    if ways["cosignatures"]:
        return publish.take(session, store, note, ways["cosignatures"])
    if ways["witness"]:
        publish.write_out(output or "-", publish.request(session, store, note, witness=ways["witness"], old=ways["old"]))
        return 0
    _print(session, store, size, output)
    return 0


def _check_ways(ways: dict[str, Any]) -> None:
    if sum(bool(ways[name]) for name in ("asked", "witness", "cosignatures")) > 1:
        raise click.UsageError("give one of --publish, --request and --cosignatures")
    if ways["old"] is not None and not ways["witness"]:
        raise click.UsageError("--old goes with --request")


def _newest(session: Session, store: Store, adopt: str | None) -> tuple[int, bytes]:
    """Return size and note of the newest checkpoint, signed now where records were not signed for yet."""
    from ledger.founding import adopt_mark  # noqa: PLC0415 - loaded when needed
    from ledger.log import check_start, refresh  # noqa: PLC0415 - loaded when needed
    from ledger.store.store import Store  # noqa: PLC0415 - loaded when needed

    with store.reading() as view:
        newest = Store.newest_checkpoint(view)
        unsigned = newest is None or newest[0] < view.size
    if adopt:
        adopt_mark(session.log(store), read_input(adopt))
    if unsigned and not session.dry_run:
        log = session.log(store)
        with store.reading() as view:
            check_start(log, view)
        refresh(log)
        with store.reading() as view:
            newest = Store.newest_checkpoint(view)
    if newest is None:
        raise StoreError(f"{session.ledger} has no checkpoint yet")
    return newest[0], newest[3]


def _print(session: Session, store: Store, size: int, output: str | None) -> None:
    from ledger.files import replace_file  # noqa: PLC0415 - loaded when needed
    from ledger.store.store import Store  # noqa: PLC0415 - loaded when needed

    with store.reading() as view:
        published = Store.published(view, size)
    if output and output != "-":
        replace_file(Path(output), published)
    if session.as_json:
        print_json({"checkpoint": published.decode()})
    elif output and output != "-":
        say(f"wrote {output}")
    else:
        click.echo(published.decode(), nl=False)


@click.command()
@click.option(
    "--migrate", is_flag=True, help="Bring a store of an older version of this program up to date first. Make a copy of it before."
)
@writing
def rebuild(session: Session, *, migrate: bool) -> None:
    """Derive the tables again from the records. The records, their hashes and checkpoints are not touched.

    Refused where the log itself does not hold: then look with `plumbline audit` first.
    """
    if migrate and not session.dry_run:
        from ledger.store.migrations import migrate as bring_up_to_date  # noqa: PLC0415 - loaded when needed

        for version in bring_up_to_date(session.ledger):
            say(f"brought {session.ledger} to schema version {version}")
    from cli.output import progress  # noqa: PLC0415 - loaded when needed
    from ledger.rebuild import rebuild_projections  # noqa: PLC0415 - loaded when needed

    store = session.store()
    with progress("replaying", total=None) as done:
        count = rebuild_projections(store, dry_run=session.dry_run, progress=done)
    if session.as_json:
        print_json({"records": count, "rebuilt": not session.dry_run})
    else:
        say(f"{'would derive' if session.dry_run else 'derived'} the tables from {count} records")


@click.command()
@click.argument("name")
@reading
def role(session: Session, name: str) -> None:
    """Print the SQL that makes a database role for everyday work, for the owner of a ledger on a PostgreSQL server to run.

    The role NAME adds evidence and cannot change or delete it, nor the triggers; it may write the derived tables. Give it to everybody who
    enters records; only init and rebuild --migrate need the owner. It has no password yet.
    """
    store = session.store()
    with store.reading() as view:
        statements = store.database.rights(view.connection, name)
    if session.as_json:
        print_json({"role": name, "statements": statements})
    else:
        click.echo("\n".join(f"{statement};" for statement in statements))


@click.command()
@json_option
def schema() -> None:
    """Print the JSON Schema of events, for editors and other programs."""
    from schemas.event import EVENT  # noqa: PLC0415 - loaded when needed

    found: dict[str, Any] = EVENT.json_schema(by_alias=True)
    found["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    found["title"] = "Plumbline event"
    print_json(found)


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script for your shell: `plumbline completion bash >> ~/.bashrc`."""
    from click.shell_completion import get_completion_class  # noqa: PLC0415 - loaded when needed

    from cli.main import plumbline  # noqa: PLC0415 - the group that is completed

    found = get_completion_class(shell)
    if found is None:  # pragma: no cover - the three shells are click's own
        raise click.UsageError(f"no completion for {shell}")
    click.echo(found(plumbline, {}, "plumbline", "_PLUMBLINE_COMPLETE").source())
