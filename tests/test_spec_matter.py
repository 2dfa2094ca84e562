"""The examples of SPEC.md's chapter on matter, computed by the program and by a few lines of their own."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

from ledger.matter.provenance import Source, Stock

SPEC = Path(__file__).parent.parent / "ledger" / "SPEC.md"


def example() -> tuple[dict[str, int], list[dict[str, int]]]:
    """Return what the table says was made, and what each of its draws took."""
    table = SPEC.read_text(encoding="utf-8").split("`apportionment`")[1].split("\n\n")[1]
    rows = [re.findall(r"[a-z_]+|\d+", line) for line in table.split("\n")[2:]]
    made = {row[0]: int(row[1]) for row in rows}
    return made, [{row[0]: int(row[2 + number]) for row in rows} for number in range(3)]


def entitled(made: dict[str, int], taken: dict[str, int], amount: int) -> dict[str, int]:
    """Apportion as the text says, with fractions: down, then the greatest remainders."""
    whole, gone = sum(made.values()), sum(taken.values()) + amount
    exact = {name: Fraction(mass * gone, whole) - taken[name] for name, mass in made.items()}
    given = {name: max(0, int(share // 1)) for name, share in exact.items()}
    for name in sorted(exact, key=lambda name: (-(exact[name] - given[name]), name))[: amount - sum(given.values())]:
        given[name] += 1
    return given


def test_the_apportionment_in_the_specification_is_what_the_program_does():
    made, draws = example()
    stock = Stock.of({Source(name): mass for name, mass in made.items()})
    for draw in draws:
        taken, stock = stock.take(sum(draw.values()))
        assert {name: taken.get(Source(name), 0) for name in made} == draw
    assert stock.mass == 0


def test_the_apportionment_in_the_specification_follows_from_its_own_words():
    made, draws = example()
    taken = dict.fromkeys(made, 0)
    for draw in draws:
        assert entitled(made, taken, sum(draw.values())) == draw
        taken = {name: taken[name] + draw[name] for name in made}
    assert taken == made
