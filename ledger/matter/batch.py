"""A batch as the books hold it at one moment: what it is, who holds it, what is left of it and of what that consists.

Draws go by dry mass. Contents, uncertainty and pieces follow in proportion, each rounded against everything drawn before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction

from ledger.matter import uncertainty
from ledger.matter.provenance import GAIN, Portions, Source, Stock, mixed, moved, shared, total
from ledger.matter.uncertainty import Components

ANY = "*"
"""The key of an open stock that holds for every constituent nothing else is said of."""

HELD, IN_TRANSIT, DELIVERED = "held", "in_transit", "delivered"


@dataclass(frozen=True, slots=True)
class Content:
    """One constituent of a batch.

    `booked` is what the books say; `cautious` is what claims may rest on where a loss beyond the bound was met upstream (None where the
    two agree). `u` are the uncertainty components for `u_base` mg of it.
    """

    booked: Stock
    cautious: Stock | None = None
    u: Components = field(default_factory=dict)
    u_base: int = 0
    below: str = ""

    @property
    def mass(self) -> int:
        """Contained mass left, in mg."""
        return self.booked.mass

    @property
    def claimable(self) -> Stock:
        """What claims may rest on."""
        return self.booked if self.cautious is None else self.cautious

    @property
    def least(self) -> Portions:
        """What is left of each source, the lower of booked and cautious; the rest is unknown.

        What goes out may come back as one stock. Each stock alone holds more of some sources than the other.
        """
        if self.cautious is None:
            return dict(self.booked.left)
        lower = {source: min(mass, self.cautious.left.get(source, 0)) for source, mass in self.booked.left.items()}
        return mixed(lower, {GAIN: self.mass - total(lower)})

    @property
    def components(self) -> Components:
        """Uncertainty components of what is left, in mg."""
        return uncertainty.scaled(self.u, self.mass, self.u_base)

    def take(self, amount: int) -> tuple[Content, Content]:
        """Return (taken, left) for a mass in mg."""
        taken, booked = self.booked.take(amount)
        cautious_taken, cautious = (None, None)
        if self.cautious is not None:
            portions, cautious = self.cautious.take(min(amount, self.cautious.mass))
            cautious_taken = Stock.of(portions)
        part = Content(Stock.of(taken), cautious_taken, uncertainty.scaled(self.u, amount, self.u_base), amount)
        return part, replace(self, booked=booked, cautious=cautious)

    def rebased(self) -> Content:
        """Return this content as if made as it is left."""
        cautious = None if self.cautious is None else Stock.of(self.cautious.left)
        return replace(self, booked=Stock.of(self.booked.left), cautious=cautious, u=self.components, u_base=self.mass)

    def moved(self, fact: str | None, country: str) -> Content:
        """Return this content as if made as it is left, after a step in a country."""
        base = self.rebased()
        cautious = None if base.cautious is None else Stock.of(moved(base.cautious.left, fact=fact, country=country))
        return replace(base, booked=Stock.of(moved(base.booked.left, fact=fact, country=country)), cautious=cautious)

    def plus(self, portions: Portions) -> Content:
        """Return this content with portions added, as after a stock-take."""
        cautious = None if self.cautious is None else Stock.of(mixed(self.cautious.left, portions))
        added = Stock.of(mixed(self.booked.left, portions))
        return replace(self, booked=added, cautious=cautious, u=self.components, u_base=added.mass)


def joined(contents: Iterable[Content]) -> Content:
    """Return the mixture of contents of one constituent."""
    parts = list(contents)
    booked = mixed(*(part.booked.left for part in parts))
    cautious = None
    if any(part.cautious is not None for part in parts):
        cautious = Stock.of(mixed(*(part.claimable.left for part in parts)))
    stock = Stock.of(booked)
    return Content(stock, cautious, uncertainty.summed(part.components for part in parts), stock.mass)


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch. Masses are whole mg; `dry_made` is the dry mass that `contents[…].made` belongs to."""

    id: str
    material: str
    holder: str
    site: str
    made_at: int
    fixed_at: int
    dry_made: int
    dry_left: int
    moisture: Fraction = Fraction(0)
    contents: Mapping[str, Content] = field(default_factory=dict)
    open: Mapping[str, Stock] = field(default_factory=dict)
    status: str = HELD
    to: str = ""
    pieces_made: int = 0
    pieces_left: int = 0
    serials: tuple[tuple[str, str], ...] = ()
    vessel: str = ""
    owner: str = ""
    weighed: bool = True
    provisional: bool = False
    claims: tuple[tuple[str, str], ...] = ()
    mass_u: Components = field(default_factory=dict)
    gone: Mapping[str, Portions] = field(default_factory=dict)
    gone_dry: int = 0
    not_assayed: Mapping[str, int] = field(default_factory=dict)

    @property
    def gross_left(self) -> int:
        """Wet mass left in mg, at the last stated moisture."""
        return round(self.dry_left / (1 - self.moisture))

    @property
    def gross_made(self) -> int:
        """Wet mass in mg as it was made, at the last stated moisture."""
        return round(self.dry_made / (1 - self.moisture))

    @property
    def weight_u(self) -> Components:
        """Uncertainty components of the mass left, in mg: what was drawn took its part of them along."""
        return uncertainty.scaled(self.mass_u, self.dry_left, self.dry_made)

    @property
    def is_open(self) -> bool:
        """Whether nobody knows yet what it contains."""
        return bool(self.open)

    def contained(self) -> dict[str, int]:
        """Return contained mass left in mg by constituent."""
        return {constituent: content.mass for constituent, content in self.contents.items()}

    def take(self, dry: int) -> tuple[Taken, Batch]:
        """Return what a draw of this dry mass takes, and the batch that is left."""
        drawn = self.dry_made - self.dry_left + dry
        taken, left = {}, {}
        for constituent, content in self.contents.items():
            made = sum(content.booked.made.values())
            taken[constituent], left[constituent] = content.take(content.mass - (made - made * drawn // self.dry_made))
        open_taken, open_left = {}, {}
        for constituent, stock in self.open.items():
            portions, rest = stock.take(dry)
            open_taken[constituent], open_left[constituent] = Stock.of(portions), rest
        pieces = min(self.pieces_left, self.pieces_made * (self.dry_left - dry) // self.dry_made)
        after = replace(self, dry_left=self.dry_left - dry, contents=left, open=open_left, pieces_left=pieces)
        return Taken(self, dry, taken, open_taken, self.pieces_left - pieces), after

    def rebased(self, dry: int) -> Batch:
        """Return this batch as if it had been made with this dry mass and what is left in it."""
        return replace(
            self,
            dry_made=dry,
            dry_left=dry,
            contents={constituent: content.rebased() for constituent, content in self.contents.items()},
            open={constituent: Stock.of(shared(dry, stock.left.items())) for constituent, stock in self.open.items()},
            pieces_made=self.pieces_left,
            mass_u=uncertainty.scaled(self.mass_u, dry, self.dry_made),
        )


@dataclass(frozen=True, slots=True)
class Taken:
    """What one draw took of a batch: dry mass in mg, contents, and the open part where it is not assayed yet."""

    batch: Batch
    dry: int
    contents: Mapping[str, Content]
    open: Mapping[str, Stock]
    pieces: int = 0

    @property
    def gross(self) -> int:
        """Wet mass taken, in mg."""
        return round(self.dry / (1 - self.batch.moisture))

    def contained(self) -> dict[str, int]:
        """Return contained mass taken in mg by constituent."""
        return {constituent: content.mass for constituent, content in self.contents.items() if content.mass}

    def open_sources(self, constituent: str) -> dict[Source, int]:
        """Return the open part's sources by dry mg, as they hold for one constituent."""
        return (self.open.get(constituent) or self.open[ANY]).left
