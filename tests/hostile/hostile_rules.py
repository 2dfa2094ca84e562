"""Rule files of somebody's own: a customer's specification, or what calls itself one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files as resources
from typing import Any

from pack import Hostile
from words import HIDDEN, JSON, SHOWN

CHECK = ("rules", "check", "{file}/acme.lead.json")
PACK = ("rules", "--rule-pack", "{file}")
SHOW = ("rules", "--rule-pack", "{file}", "show", "acme.lead")


def rule(**changes: Any) -> bytes:
    """Return a rule of Acme's, made from one of the program's."""
    own = json.loads(resources("ledger").joinpath("data/rules/scs103.v8.json").read_bytes())
    made = {**own, "id": "acme.lead", "citation": "Acme SPEC-7", "title": "Acme: recycled lead", **changes}
    return json.dumps({name: value for name, value in made.items() if value != "left out"}).encode()


def files() -> Iterator[Hostile]:
    """Yield packs of one rule."""
    made = {
        "of another id": rule(id="acme.tin"),
        "of an id that is a path": rule(id="../../etc/passwd"),
        "of an id with an escape": rule(id="acme.\x1b[2J"),
        "of a version that is a list": rule(version=["1"]),
        "of no measure": rule(measure="left out"),
        "of a measure that is none": rule(measure="__import__('os')"),
        "of an operator that is none": rule(operator="; DROP TABLE"),
        "of a threshold above all": rule(threshold="1e9"),
        "of a threshold below none": rule(threshold="-1"),
        "of a threshold as a number": rule(threshold=60),
        "of a threshold of a million digits": rule(threshold="9" * 1_000_000),
        "of a threshold with an escape": rule(threshold="\x1b[2J"),
        "of a date that is none": rule(effective_from="2026-02-30"),
        "of dates the wrong way round": rule(effective_from="2027-01-01", effective_to="2026-01-01", status="in_force"),
        "of another kind": rule(kind="HOLDS"),
        "of metals that are none": rule(elements=["Pb", "\x1b[2J"]),
        "of no metals": rule(elements=[]),
        "of a hundred thousand metals": rule(elements=["Pb"] * 100_000),
        "of a numerator of numbers": rule(numerator=[1, 2, 3]),
        "of a numerator of nothing": rule(numerator=[]),
        "of a hundred thousand numerators": rule(numerator=[{"classes": ["end_of_life"]}] * 100_000),
        "of countries that are none": rule(countries=["\u202eSU"]),
        "with an unknown field": rule(HOLDS=True),
        "with a program for a threshold": rule(threshold={"$where": "true"}),
    }
    made |= {f"of {name}": data for name, data in JSON.items()}
    made |= {f"with a citation with {name}": rule(citation=text) for name, text in HIDDEN.items()}
    for name, data in made.items():
        yield Hostile(f"rule {name}", {"acme.lead.json": data}, CHECK)
    for name, text in SHOWN.items():
        yield Hostile(f"rule shown with {name}", {"acme.lead.json": rule(citation=text, title=text[:80])}, SHOW)
    yield Hostile("rule pack with a rule of the program's", {"scs103.v8.json": rule(id="scs103.v8")}, PACK)
    yield Hostile("rule pack with a file called by an escape", {"\x1b[2J\u202e.json": rule()}, PACK)
    yield Hostile("rule pack with a folder called like a rule", {"acme.lead.json/inside": b""}, PACK)
    yield Hostile("rule pack that is a file", rule(), PACK)
    yield Hostile("rule pack of a thousand rules", {f"acme.r{number}.json": rule(id=f"acme.r{number}") for number in range(1_000)}, PACK)
