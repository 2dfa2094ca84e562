"""What people write behind flags, turned into what events say: masses, assays, places, shares, documents, inputs and outputs.

Everything is read strictly: a number without a unit, a bare "ton" or a decimal comma is a usage error that says what to write instead.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Raw = dict[str, Any]
_T = TypeVar("_T")

FEEDSTOCKS = (
    "end_of_life", "distribution_return", "pre_consumer_external", "pre_consumer_internal", "home_scrap", "by_product", "primary",
    "unknown",
)  # fmt: skip
KINDS = (
    "break", "desulfurise", "smelt", "refine", "alloy", "cast", "oxide", "paste", "grid", "assemble", "form", "blend", "split", "merge",
    "rework",
)  # fmt: skip
"""The classes and steps of `schemas`, written out here so that help and completion need not load them; a test compares the two."""

_UNITS = "kg g t lb short_ton long_ton"
_NUMBER = r"[+-]?[0-9][0-9.,']*"
_PLUS_MINUS = r"(?:\s*(?:±|\+-|\+/-)\s*(?P<u>\S+))?"
_QUANTITY = re.compile(rf"(?P<value>{_NUMBER})\s*(?P<unit>[A-Za-z_]+)?{_PLUS_MINUS}(?P<more>(?:\s+(?:device|method)=\S+)*)")
_PROPORTION = re.compile(rf"(?P<value>{_NUMBER})\s*(?P<unit>%|[A-Za-z]+)?{_PLUS_MINUS}")
_PIECES = re.compile(r"([0-9]{1,9})\s*(?:pieces|pcs)")
_DETERMINED = re.compile(r"(?P<symbol>[A-Za-z]+)\s*(?P<sign>[=<])\s*(?P<value>.+)")
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")


class Flag(click.ParamType[Any]):
    """A flag's type: its name in the help, and the function that reads it."""

    def __init__(self, name: str, read: Callable[[str], Any]) -> None:
        self.name = name
        self.read = read

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401, ARG002 - click's
        """Read a value; what cannot be read is a usage error that names the flag."""
        return self.read(value) if isinstance(value, str) else value


def checked(wanted: Any, raw: _T) -> _T:  # noqa: ANN401 - a model or an annotated type
    """Return a raw value that fits its model.

    Raises:
        click.BadParameter: It does not.
    """
    from ledger.errors import FormatError, InputError  # noqa: PLC0415 - loaded when needed
    from ledger.record import read_as  # noqa: PLC0415 - loaded when needed

    try:
        read_as(wanted, raw)
    except FormatError as refusal:
        raise click.BadParameter(refusal.problem) from refusal
    except InputError as refusal:
        raise click.BadParameter(str(refusal)) from refusal
    return raw


def _plain(text: str, number: str) -> str:
    if "," in number or "'" in number:
        raise click.BadParameter(f"{text!r} has a comma; write the number without thousands separators and with a point: 42200 or 62.5")
    return number.removeprefix("+")


def quantity(text: str, *, signed: bool = False) -> Raw:
    """Read a mass: `42200lb`, `"42200 lb"`, `"14000 kg ±20 device=scale-1"`."""
    from schemas.measurement import Quantity, SignedQuantity  # noqa: PLC0415 - loaded when needed

    found = _QUANTITY.fullmatch(text.strip())
    if found is None:
        raise click.BadParameter(f'{text!r} is no mass; write a number and a unit, such as 42200lb or "42200 lb"')
    value = _plain(text, found["value"])
    if found["unit"] is None:
        raise click.BadParameter(f"{text!r} has no unit; add one of {_UNITS}")
    more = dict(word.split("=", 1) for word in found["more"].split())
    raw = {"value": value, "unit": found["unit"], **({"u": found["u"]} if found["u"] else {}), **more}
    return checked(SignedQuantity if signed else Quantity, raw)


def signed_quantity(text: str) -> Raw:
    """Read a difference of mass: `"-120 kg"`."""
    return quantity(text, signed=True)


def drawn(text: str) -> Raw:
    """Read what is taken: a mass, or a count such as `100pieces`."""
    counted = _PIECES.fullmatch(text.strip())
    return {"pieces": int(counted[1])} if counted else quantity(text)


def proportion(text: str) -> Raw:
    """Read a fraction: `12%`, `1890ppm`, `"97.5% ±0.2"`."""
    from schemas.measurement import Proportion  # noqa: PLC0415 - loaded when needed

    found = _PROPORTION.fullmatch(text.strip())
    if found is None:
        raise click.BadParameter(f"{text!r} is no fraction; write a number with % or ppm, such as 62.5% or 1890ppm")
    value = _plain(text, found["value"])
    if found["unit"] is None:
        raise click.BadParameter(f"{text!r} has no unit; write % or ppm behind it, such as 62.5% or 1890ppm")
    return checked(Proportion, {"value": value, "unit": found["unit"], **({"u": found["u"]} if found["u"] else {})})


def assay(text: str) -> Raw:
    """Read an assay: `Pb=62.5%,Sb=1890ppm`, `Sb<5ppm` for what was looked for and not found; `none` where nothing was looked for."""
    from schemas.measurement import Assay  # noqa: PLC0415 - loaded when needed

    if text.strip() == "none":
        return {}
    raw: Raw = {}
    for part in text.split(","):
        found = _DETERMINED.fullmatch(part.strip())
        if found is None:
            raise click.BadParameter(f"{part.strip()!r} is no result of an assay; write Pb=62.5%, or Sb<5ppm for what was not found")
        if found["symbol"] in raw:
            raise click.BadParameter(f"{found['symbol']} stands there twice")
        value = proportion(found["value"])
        raw[found["symbol"]] = value if found["sign"] == "=" else {"below": value["value"], "unit": value["unit"]}
    return checked(Assay, raw)


def places(text: str) -> Raw:
    """Read places: `collected_in=US,smelted_in=US+MX`."""
    from schemas.feedstock import Places  # noqa: PLC0415 - loaded when needed

    raw: Raw = {}
    for part in text.split(","):
        fact, sign, countries = part.strip().partition("=")
        if not sign:
            raise click.BadParameter(f"{part.strip()!r} is no place; write collected_in=US, or smelted_in=US+MX for several countries")
        names = countries.split("+")
        raw[fact] = names if len(names) > 1 else names[0]
    return checked(Places, raw)


def share(text: str) -> Raw:
    """Read one part of a mixed load: `"80% pre_consumer_external collected_in=US of Pb"`."""
    from schemas.feedstock import Share  # noqa: PLC0415 - loaded when needed

    words = text.replace(",", " ").split()
    raw: Raw = {}
    if len(words) > 2 and words[-2] == "of":  # noqa: PLR2004 - "of" and a symbol
        raw["constituent"] = words[-1]
        words = words[:-2]
    if len(words) < 2:  # noqa: PLR2004 - a share and a class
        raise click.BadParameter(
            f'{text!r} is no share; write "80% pre_consumer_external collected_in=US", with "of Sb" for one constituent'
        )
    raw |= {"share": proportion(words[0]), "feedstock": words[1]}
    if words[2:]:
        raw["places"] = places(",".join(words[2:]))
    return checked(Share, raw)


def document(text: str) -> Raw:
    """Read a document: `weigh_ticket=ticket.pdf`, whose bytes are hashed here, or `weigh_ticket=sha256:<64 hex digits>`."""
    from schemas.statement import Document  # noqa: PLC0415 - loaded when needed

    kind, sign, where = text.partition("=")
    if not sign or not where:
        raise click.BadParameter(f"{text!r} is no document; write KIND=FILE, such as weigh_ticket=ticket.pdf, or KIND=sha256:HEX")
    known = _DIGEST.fullmatch(where)
    if known is None and where.startswith("sha256:"):
        raise click.BadParameter(f"{where!r} is no hash; a SHA-256 has 64 lower-case hex digits")
    return checked(Document, {"kind": kind, "sha256": known[1] if known else _hashed(where)})


def _hashed(file: str) -> str:
    from ledger.errors import FormatError  # noqa: PLC0415 - loaded when needed

    try:
        with Path(file).open("rb") as source:
            return hashlib.file_digest(source, "sha256").hexdigest()
    except OSError as error:
        raise FormatError(
            f"cannot be read: {error.strerror}", file=file, hint="a document that is not at hand is given as KIND=sha256:HEX"
        ) from error


def named(text: str) -> tuple[str, str]:
    """Read `NAME=TEXT`."""
    name, sign, value = text.partition("=")
    if not sign or not name or not value:
        raise click.BadParameter(f"{text!r} is not NAME=TEXT")
    return name, value


def _words(text: str) -> list[str]:
    """Split a text into words, with a number and its unit as one."""
    return re.sub(rf"(?<=\s)({_NUMBER})\s+(?=(?:{'|'.join(_UNITS.split())}|tons?|pieces|pcs|%|ppm)(?:\s|$))", r"\1", f" {text}").split()


def use(text: str) -> Raw:
    """Read an input: `BATCH` for all that is left, `BATCH=42200lb`, `BATCH=100pieces`; then `moisture=2%`, `final`."""
    from schemas.step import Input  # noqa: PLC0415 - loaded when needed

    words = _words(text.replace("=", "= ", 1) if "=" in text.split(" ", maxsplit=1)[0] else text)
    if not words:
        raise click.BadParameter("names no batch")
    raw: Raw = {"batch": words[0].removesuffix("=")}
    if words[0].endswith("="):
        raw["mass"] = drawn(words[1] if words[1:] else "")
        del words[1:2]
    for word in words[1:]:
        if word == "final":
            raw["final"] = True
        elif word.startswith("moisture="):
            raw["moisture"] = proportion(word.removeprefix("moisture="))
        else:
            raise click.BadParameter(f"{word!r} says nothing about an input; write BATCH=42200lb, moisture=2%, final")
    return checked(Input, raw)


def output(text: str) -> Raw:
    """Read an output: `"BATCH MATERIAL 14000kg moisture=2% Pb=97.5%,Sb=0.65% vessel=K3"`; its mass may be `balance`."""
    from schemas.step import Output  # noqa: PLC0415 - loaded when needed

    words = _words(text)
    if len(words) < 3:  # noqa: PLR2004 - batch, material, mass
        raise click.BadParameter(f'{text!r} is no output; write "BATCH MATERIAL MASS", such as "keystone:B1 bullion 27500kg Pb=98.2%"')
    raw: Raw = {"batch": words[0], "material": words[1], "mass": "balance" if words[2] == "balance" else quantity(words[2])}
    for word in words[3:]:
        raw.update(_said(word, raw))
    return checked(Output, raw)


def _said(word: str, raw: Raw) -> Raw:
    """Return what one word says of an output."""
    name, sign, value = word.partition("=")
    if name == "moisture" and sign:
        return {"moisture": proportion(value)}
    if name == "assay" and sign:
        return {"assay": assay(value)}
    if name in ("vessel", "owner") and sign:
        return {name: value}
    if name == "pieces" and re.fullmatch("[0-9]{1,9}", value):
        return {"pieces": int(value)}
    if name == "serials" and ".." in value:
        return {"serials": [*raw.get("serials", []), value.split("..", 1)]}
    if word == "provisional":
        return {"provisional": True}
    if word[:1].isupper() and ("=" in word or "<" in word):
        return {"assay": {**raw.get("assay", {}), **assay(word.rstrip(","))}}
    raise click.BadParameter(
        f"{word!r} says nothing about an output; known: Pb=97.5% assay=none moisture=2% vessel=K3 pieces=40 serials=A1..A40 owner=PARTY "
        "provisional"
    )


def loss(text: str) -> Raw:
    """Read a declared loss: `"fume Pb=12kg,Sb=300g"`."""
    from schemas.step import Loss  # noqa: PLC0415 - loaded when needed

    kind, _, rest = text.strip().partition(" ")
    contained: Raw = {}
    for part in filter(None, rest.split(",")):
        symbol, sign, value = part.strip().partition("=")
        if not sign:
            raise click.BadParameter(f'{part!r} is no loss; write a kind and what it contained: "fume Pb=12kg,Sb=300g"')
        contained[symbol] = quantity(value)
    if not contained:
        raise click.BadParameter(f'{text!r} does not say what was lost; write a kind and what it contained: "fume Pb=12kg,Sb=300g"')
    return checked(Loss, {"kind": kind, "contained": contained})


def capacity(text: str) -> Raw:
    """Read a capacity: `"120000 t/year"`."""
    from schemas.party import Capacity  # noqa: PLC0415 - loaded when needed

    mass, sign, per = text.partition("/")
    if not sign:
        raise click.BadParameter(f'{text!r} is no capacity; write "120000 t/year", with year, month or day')
    read = quantity(mass)
    return checked(Capacity, {"value": read["value"], "unit": read["unit"], "per": per.strip()})


def serials(text: str) -> list[str]:
    """Read a range of serial numbers: `A0001..A0040`."""
    first, sign, last = text.partition("..")
    if not sign or not first or not last:
        raise click.BadParameter(f"{text!r} is no range of serial numbers; write FIRST..LAST")
    return [first, last]


def when(text: str) -> str:
    """Read a time: RFC 3339 with its offset."""
    from schemas.identifier import Time  # noqa: PLC0415 - loaded when needed

    return checked(Time, text)


def day(text: str) -> str:
    """Read a date: 2026-03-31."""
    from schemas.identifier import Date  # noqa: PLC0415 - loaded when needed

    return checked(Date, text)


MASS = Flag("mass", quantity)
SIGNED = Flag("mass", signed_quantity)
DRAWN = Flag("mass", drawn)
FRACTION = Flag("fraction", proportion)
ASSAY = Flag("assay", assay)
PLACES = Flag("fact=countries", places)
SHARE = Flag("share", share)
DOCUMENT = Flag("kind=file", document)
NAMED = Flag("name=text", named)
USE = Flag("input", use)
OUTPUT = Flag("output", output)
LOSS = Flag("loss", loss)
CAPACITY = Flag("capacity", capacity)
SERIALS = Flag("first..last", serials)
TIME = Flag("time", when)
DATE = Flag("date", day)
