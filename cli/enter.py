"""Events by flags, for people at a terminal: what `plumbline log` takes as JSON, one command for each type.

A command only writes down what was said; the ledger's rules judge it. Where a site is left out, it is the one where the batch lies.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from cli import flags
from cli.session import Session, read_input, writing

Raw = flags.Raw
_Command = TypeVar("_Command", bound=Callable[..., Any])

OWNER = click.option("--owner", metavar="PARTY", help="Whose material it is, where it is not the holder's (tolling).")
PIECES = click.option("--pieces", type=click.IntRange(min=1), metavar="N", help="How many pieces it is.")
SERIALS = click.option("--serials", type=flags.SERIALS, multiple=True, metavar="FIRST..LAST", help="A range of serial numbers; repeatable.")
MOISTURE = click.option("--moisture", type=flags.FRACTION, metavar="FRACTION", help="Water in it, such as 12%. Default: dry.")
_TOLD = (
    click.option("--time", type=flags.TIME, metavar="TIME", help="When it happened, RFC 3339 with an offset. Default: now."),
    click.option(
        "--document",
        "documents",
        type=flags.DOCUMENT,
        multiple=True,
        metavar="KIND=FILE",
        help="A paper behind it, such as weigh_ticket=ticket.pdf (its bytes are hashed) or weigh_ticket=sha256:HEX; repeatable.",
    ),
    click.option(
        "--document-number", "numbers", multiple=True, metavar="TEXT", help="The number on each --document, in their order; kept private."
    ),
    click.option(
        "--private", type=flags.NAMED, multiple=True, metavar="NAME=TEXT", help="A private field: only its salted hash is logged."
    ),
)
_SITE = click.option("--site", metavar="PARTY:SITE", help="Where it happens. Default: where the batch lies.")


@dataclass(frozen=True, slots=True)
class Told:
    """What every event may say: when, where, and with which papers and private fields."""

    time: str | None
    site: str | None
    documents: tuple[Raw, ...]
    numbers: tuple[str, ...]
    private: tuple[tuple[str, str], ...]

    def event(self, type_: str, /, **fields: Any) -> Raw:  # noqa: ANN401 - an event's fields
        """Return an event with these fields, leaving out what was not said."""
        if len(self.numbers) > len(self.documents):
            raise misuse(
                f"{len(self.numbers)} of --document-number for {len(self.documents)} of --document; each number belongs to a document"
            )
        raw: Raw = {"type": type_, "time": self.time or now_here()}
        raw |= {"documents": numbered(self.documents, self.numbers), "private": dict(self.private)}
        raw |= fields
        return {name: value for name, value in raw.items() if value is not None and (value or name == "assay") and value != ()}


def numbered(documents: tuple[Raw, ...], numbers: tuple[str, ...]) -> list[Raw]:
    """Return documents with the numbers that stand on them, which are private by their nature."""
    return [{**paper, "number": number} for paper, number in zip(documents, numbers, strict=False)] + list(documents[len(numbers) :])


def now_here() -> str:
    """Return the time on the wall, with its offset: a plant's day is its own."""
    return datetime.now(UTC).astimezone().isoformat(timespec="seconds").replace("+00:00", "Z")


def misuse(message: str) -> click.UsageError:
    """Return a usage error that knows its command."""
    return click.UsageError(message, ctx=click.get_current_context(silent=True))


def dated(command: _Command) -> Any:  # noqa: ANN401 - a click decorator's product
    """Give a command --time, --document, --document-number and --private; it gets them as `told`."""
    return _telling(command, _TOLD)


def placed(command: _Command) -> Any:  # noqa: ANN401 - a click decorator's product
    """Give a command --site and what `dated` gives."""
    return _telling(command, (_SITE, *_TOLD))


def _telling(command: _Command, options: tuple[Callable[[Any], Any], ...]) -> Any:  # noqa: ANN401 - a click decorator's product
    @functools.wraps(command)
    def called(
        *args: Any,  # noqa: ANN401 - passed through
        time: str | None,
        documents: tuple[Raw, ...],
        numbers: tuple[str, ...],
        private: tuple[tuple[str, str], ...],
        site: str | None = None,
        **rest: Any,  # noqa: ANN401 - passed through
    ) -> Any:  # noqa: ANN401 - passed through
        return command(*args, told=Told(time, site, documents, numbers, private), **rest)

    told: Any = called
    for option in reversed(options):
        told = option(told)
    return told


def site_of(session: Session, told: Told, batch: str, *, fresh: bool = False, arriving: bool = False) -> str:
    """Return where an event happens: as said, or where the batch lies, or is on its way to.

    Args:
        session: Names the ledger.
        told: What was said.
        batch: The batch that the event uses, or makes.
        fresh: Whether it makes it: then its party's only site is meant.
        arriving: Whether it is a batch on its way.

    Raises:
        UnknownError: There is no such batch.
        click.UsageError: Nobody can tell.
    """
    from ledger.errors import UnknownError  # noqa: PLC0415 - loaded when needed
    from schemas.identifier import party_of  # noqa: PLC0415 - loaded when needed

    if told.site is not None:
        return told.site
    with session.store().reading() as view:
        if not fresh:
            found = view.batch(batch)
            if found is None:
                raise UnknownError("batch", batch, hint="`plumbline batches` lists them")
            return found.to if arriving and found.to else found.site
        party = party_of(batch)
        mine = [site.id for site in view.sites() if site.party == party]
    if len(mine) == 1:
        return mine[0]
    raise misuse(f"which site? give --site; {party} has {', '.join(mine) or 'registered none yet'}")


def write(session: Session, event: Raw, *, key_file: Path | None = None) -> None:
    """Sign one event, append it and print its receipt."""
    from cli.record import write_events  # noqa: PLC0415 - loaded when needed

    write_events(session, [event], key_file=key_file)


@click.command()
@click.argument("batch")
@click.option("--material", required=True, metavar="NAME", help="What it is, such as spent_battery; see `plumbline schema`.")
@click.option("--mass", type=flags.MASS, required=True, metavar="MASS", help='As on the ticket, such as "42200 lb" or 19141.6kg.')
@click.option("--tare", type=flags.MASS, metavar="MASS", help="What the empty truck weighed; for the record, not subtracted.")
@MOISTURE
@click.option("--assay", type=flags.ASSAY, metavar="ASSAY", help='What the laboratory found: Pb=62.5%,Sb=1890ppm, or "Sb<5ppm" in quotes.')
@click.option("--feedstock", type=click.Choice(flags.FEEDSTOCKS), help="The class it comes from. Default: unknown.")
@click.option(
    "--place", "--places", "places", type=flags.PLACES, multiple=True, metavar="FACT=CC", help="collected_in=US or smelted_in=US+MX."
)
@click.option(
    "--share", "shares", type=flags.SHARE, multiple=True, metavar="SHARE", help='Of a mixed load: "80% end_of_life collected_in=US".'
)
@click.option("--generator", metavar="NAME", help="Who made manufacturing scrap; kept private.")
@click.option("--process", metavar="TEXT", help="In which process it was made.")
@click.option("--vessel", metavar="NAME", help="The vessel that it goes into.")
@PIECES
@SERIALS
@click.option("--opening", is_flag=True, help="It is opening stock: it was here before the ledger.")
@click.option("--provisional", is_flag=True, help="The assay is not the last word.")
@OWNER
@placed
@writing
def receive(session: Session, told: Told, batch: str, **said: Any) -> None:  # noqa: ANN401 - the options above
    """Receive a batch at the gate.

    \b
    plumbline receive keystone:RB-26-1007 --material spent_battery --mass "42200 lb" \\
        --feedstock end_of_life --place collected_in=US --document weigh_ticket=ticket.pdf
    """  # noqa: D301 - \b is click's
    places, generator, process = said.pop("places"), said.pop("generator"), said.pop("process")
    if generator and not process:
        raise misuse("--generator also needs --process: who made scrap says in which process")
    if process:
        said["generator"] = {"name": generator, "process": process} if generator else {"process": process}
    said["places"] = {fact: countries for part in places for fact, countries in part.items()}
    said["shares"], said["serials"] = list(said["shares"]), list(said["serials"])
    site = site_of(session, told, batch, fresh=True)
    write(session, told.event("receive", site=site, batch=batch, **said))


@click.command()
@click.argument("kind", type=click.Choice(flags.KINDS), metavar="KIND")
@click.option(
    "--in", "inputs", type=flags.USE, multiple=True, required=True, metavar="INPUT",
    help='What goes in; repeatable. BATCH takes all that is left; BATCH=42200lb or "BATCH=100pieces" a part.',
)  # fmt: skip
@click.option(
    "--out", "outputs", type=flags.OUTPUT, multiple=True, required=True, metavar="OUTPUT",
    help='What comes out; repeatable. "BATCH MATERIAL MASS Pb=98.2%,Sb=0.3% moisture=2% vessel=K3 pieces=40"; one MASS may be balance.',
)  # fmt: skip
@click.option("--loss", "losses", type=flags.LOSS, multiple=True, metavar="LOSS", help='What is known to be lost: "fume Pb=12kg,Sb=300g".')
@OWNER
@placed
@writing
def transform(session: Session, told: Told, kind: str, inputs: tuple[Raw, ...], outputs: tuple[Raw, ...], **said: Any) -> None:  # noqa: ANN401
    """Turn inputs into outputs.

    KIND is one of break, desulfurise, smelt, refine, alloy, cast, oxide, paste, grid, assemble, form, blend, split, merge, rework.

    \b
    plumbline transform smelt --in keystone:M1 --in keystone:P1=21500kg \\
        --out "keystone:B1 bullion 27500kg Pb=98.2%,Sb=0.3%" --out "keystone:S1 slag 5000kg Pb=9%,Sb=0.1%"
    """  # noqa: D301 - \b is click's
    said["losses"] = list(said["losses"])
    site = site_of(session, told, inputs[0]["batch"])
    write(session, told.event("transform", site=site, kind=kind, inputs=list(inputs), outputs=list(outputs), **said))


@click.command()
@click.argument("batch")
@click.option("--to", metavar="PARTY:SITE", help="The site that it is sent to.")
@click.option("--to-outside", metavar="NAME", help="A customer outside the ledger; the name is kept private.")
@click.option("--country", metavar="CC", help="The customer's country, with --to-outside.")
@click.option("--mass", type=flags.DRAWN, metavar="MASS", help="As weighed. Default: what the book says is left.")
@MOISTURE
@OWNER
@placed
@writing
def ship(session: Session, told: Told, batch: str, to: str | None, to_outside: str | None, country: str | None, **said: Any) -> None:  # noqa: ANN401
    """Ship a whole batch to a site, or outside.

    \b
    plumbline ship keystone:B1 --to voltaic:dayton
    plumbline ship voltaic:PALLET-7 --to-outside "Acme Motors" --country US
    """  # noqa: D301 - \b is click's
    if (to is None) == (to_outside is None):
        raise misuse("where to? give --to PARTY:SITE, or --to-outside NAME with --country CC")
    if to_outside is not None and country is None:
        raise misuse("--to-outside also needs --country CC")
    if to is not None and country is not None:
        raise misuse("--country goes with --to-outside; a site's country is known")
    goal: str | Raw = to if to is not None else {"outside": to_outside, "country": country}
    write(session, told.event("ship", site=site_of(session, told, batch), batch=batch, to=goal, **said))


@click.command()
@click.argument("batch")
@click.option("--mass", type=flags.MASS, required=True, metavar="MASS", help="As weighed on arrival.")
@MOISTURE
@click.option("--difference", type=click.Choice(["water", "electrolyte"]), help="What the difference to the sender's weight is, if known.")
@OWNER
@placed
@writing
def accept(session: Session, told: Told, batch: str, **said: Any) -> None:  # noqa: ANN401 - the options above
    """Accept what was shipped to you.

    \b
    plumbline accept keystone:B1 --mass "27480 kg"
    """  # noqa: D301 - \b is click's
    write(session, told.event("accept", site=site_of(session, told, batch, arriving=True), batch=batch, **said))


@click.command()
@click.argument("batch")
@click.option("--assay", type=flags.ASSAY, required=True, metavar="ASSAY", help="What the laboratory found: Pb=62.5%,Sb=1890ppm.")
@click.option("--provisional", is_flag=True, help="It is not the last word.")
@click.option("--umpire", is_flag=True, help="An umpire's result: it beats all others.")
@OWNER
@placed
@writing
def assay(session: Session, told: Told, batch: str, **said: Any) -> None:  # noqa: ANN401 - the options above
    """Enter a laboratory result that came later. It counts as what the batch was made with.

    \b
    plumbline assay keystone:S1 --assay "Pb=11%,Sb<5ppm" --document certificate_of_analysis=lab.pdf
    """  # noqa: D301 - \b is click's
    write(session, told.event("assay", site=site_of(session, told, batch), batch=batch, **said))


@click.command()
@click.argument("batch")
@click.option("--mass", type=flags.SIGNED, required=True, metavar="MASS", help='What was found more, or less: "-120 kg".')
@click.option("--kind", type=click.Choice(["count", "water"]), help="Metal, by a count of the stock, or only water. Default: count.")
@MOISTURE
@click.option("--assay", type=flags.ASSAY, metavar="ASSAY", help="What was found more consists of.")
@click.option("--reason", required=True, metavar="TEXT", help="Public text without names.")
@OWNER
@placed
@writing
def adjust(session: Session, told: Told, batch: str, **said: Any) -> None:  # noqa: ANN401 - the options above
    """Enter what a stock-take found more or less. What is found more is of unknown origin.

    \b
    plumbline adjust keystone:B1 --mass "-120 kg" --reason "count of 31 March"
    """  # noqa: D301 - \b is click's
    write(session, told.event("adjust", site=site_of(session, told, batch), batch=batch, **said))


@click.command()
@click.argument("batch")
@click.option("--mass", type=flags.DRAWN, metavar="MASS", help="How much. Default: all that is left.")
@MOISTURE
@click.option("--final", is_flag=True, help="Close the batch: what the book still holds of it is unaccounted loss.")
@click.option("--reason", required=True, metavar="TEXT", help="Public text without names.")
@OWNER
@placed
@writing
def dispose(session: Session, told: Told, batch: str, **said: Any) -> None:  # noqa: ANN401 - the options above
    """Let material leave as waste.

    \b
    plumbline dispose keystone:S1 --mass 4t --reason landfill --document waste_manifest=manifest.pdf
    """  # noqa: D301 - \b is click's
    write(session, told.event("dispose", site=site_of(session, told, batch), batch=batch, **said))


@click.command()
@click.argument("party")
@click.option("--name", required=True, metavar="TEXT", help="The company's name, as certificates print it.")
@click.option("--country", required=True, metavar="CC", help="Its country, ISO 3166-1 alpha-2.")
@click.option("--role", "roles", multiple=True, metavar="ROLE", help="Such as recycler or manufacturer; repeatable.")
@click.option("--identifier", "identifiers", type=flags.NAMED, multiple=True, metavar="NAME=TEXT", help="Such as lei=…; repeatable.")
@click.option("--vkey", required=True, metavar="FILE|VKEY", help="Its first, admin key: the vkey, or the .vkey file.")
@click.option("--proof", required=True, metavar="BASE64", help="The key's proof of possession, from `plumbline key new` or `key show`.")
@dated
@writing
def admit(session: Session, told: Told, party: str, name: str, country: str, vkey: str, proof: str, **said: Any) -> None:  # noqa: ANN401
    """Admit a party with its first key. The registrar signs; without -k it is the registrar key that init made.

    \b
    plumbline admit keystone --name "Keystone Recycling, Inc." --country US --role recycler \\
        --vkey keystone-admin.key.vkey --proof MC4CF…
    """  # noqa: D301 - \b is click's
    facts = {
        "id": party,
        "name": name,
        "country": country,
        **({"roles": list(said["roles"])} if said["roles"] else {}),
        **({"identifiers": dict(said["identifiers"])} if said["identifiers"] else {}),
    }
    event = told.event("admit", party=facts, key=_vkey(vkey), proof=proof)
    write(session, event, key_file=None if session.options.get("key") else registrar_key(session))


def _vkey(said: str) -> str:
    """Return a vkey that was given as text or as the file that holds it."""
    if said.count("+") >= 2 and not Path(said).is_file():  # noqa: PLR2004 - name+id+key
        return said
    return read_input(said, limit=4096).decode("utf-8", "replace").strip()


def registrar_key(session: Session) -> Path:
    """Return the registrar key beside the log key, where init put both."""
    return session.remembered(session.store(), "log_key").parent / "registrar.key"


@click.command()
@click.argument("name_", metavar="PARTY:NAME")
@click.option("--name", required=True, metavar="TEXT", help="What people call it.")
@click.option("--country", required=True, metavar="CC", help="Its country: the place that its steps add.")
@click.option("--role", "roles", multiple=True, metavar="ROLE", help="Such as breaker or smelter; repeatable.")
@click.option("--subdivision", metavar="CODE", help="ISO 3166-2, such as US-PA.")
@click.option("--latitude", metavar="DEGREES", help="Decimal degrees, north is positive.")
@click.option("--longitude", metavar="DEGREES", help="Decimal degrees, east is positive.")
@click.option("--capacity", type=flags.CAPACITY, metavar="RATE", help='What it can take in, such as "120000 t/year".')
@dated
@writing
def site(session: Session, told: Told, name_: str, **said: Any) -> None:  # noqa: ANN401 - the options above
    """Register a plant or yard of your party. Registering it again replaces its facts from there on.

    \b
    plumbline site keystone:reading --name "Reading works" --country US --subdivision US-PA \\
        --role breaker --role smelter --capacity "120000 t/year"
    """  # noqa: D301 - \b is click's
    from schemas.identifier import party_of  # noqa: PLC0415 - loaded when needed

    said["roles"] = list(said["roles"])
    facts = {"id": name_, "party": party_of(name_), **{name: value for name, value in said.items() if value}}
    write(session, told.event("site", site=facts))
