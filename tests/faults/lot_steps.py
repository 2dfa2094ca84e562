"""What each event does to the batches of the second set of books, by SPEC.md's "Matter" and "Certificates"."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Protocol

from lots import (
    CARRYING,
    DRY,
    FORM,
    POLICY,
    RELABEL,
    SLACK,
    K,
    Lot,
    check,
    draw,
    fraction,
    measured,
    milligrams,
    party_of,
    rebased,
    up,
    weighing,
)

Raw = dict[str, Any]


class Around(Protocol):
    """What a step needs to know of the books around it."""

    def before(self, batch: str, place: int) -> Lot | None:
        """Return a batch as it stood before a position."""

    def site(self, site: str) -> str | None:
        """Return the party of a site."""

    def maker(self, batch: str) -> int | None:
        """Return the position that used a batch number first."""

    def record_id(self, index: int) -> str:
        """Return the id of a record."""

    def in_vessel(self, site: str, vessel: str, place: int) -> str | None:
        """Return the batch put last into a vessel before a position."""

    def said(self, batch: str, place: int) -> int:
        """Return the dry mass that the ledger books for a batch behind an event."""

    def certify(self, sheet: Sheet, event: Raw, lots: dict[str, int]) -> None:
        """Register a certificate."""

    def end(self, numbers: frozenset[str], party: str, place: int) -> None:
        """End those of these certificates that are a party's."""


@dataclass
class Sheet:
    """One event while it is worked out; `entered` is metal that came into the books other than by being weighed in."""

    around: Around
    place: int
    party: str
    fresh: bool
    fixed: int
    after: dict[str, Lot] = field(default_factory=dict)
    entered: dict[str, int] = field(default_factory=dict)

    def lot(self, batch: str) -> Lot:
        """Return a batch that must be there."""
        found = self.after.get(batch) or self.around.before(batch, self.place)
        check(found is not None, f"{batch} was used and is not there")
        assert found is not None
        return found

    def own(self, use: Raw, site: str) -> Lot:
        """Return a batch that is used, as its holder may."""
        lot, batch = self.lot(use["batch"]), use["batch"]
        check(self.around.site(site) == self.party, f"{self.party} acted at {site}")
        check(lot.holder == self.party, f"{self.party} used {batch}, which {lot.holder} holds")
        check(lot.status == "held", f"{batch} was used while {lot.status}")
        self.named(use, lot)
        return lot._replace(moisture=fraction(use["moisture"])) if use.get("moisture") else lot

    def named(self, use: Raw, lot: Lot) -> None:
        """Check that a use names the record that fixed the batch."""
        index = lot.fixed >> 8
        same = use.get("made_by") is None and index == self.place >> 8
        check(not self.fresh or same or use.get("made_by") == self.around.record_id(index), f"{use['batch']} was used as it stood earlier")

    def new(self, batch: str) -> None:
        """Check the number of a new batch."""
        check(party_of(batch) == self.party, f"{self.party} made {batch}")
        check(batch not in self.after and self.around.maker(batch) in (None, self.place), f"{batch} was made twice")

    def take(self, use: Raw, site: str) -> tuple[dict[str, int], dict[str, int], int]:
        """Draw what a use asks for; return metal, its uncertainty and dry mass."""
        lot = self.own(use, site)
        dry = lot.dry_left
        if use.get("rest"):
            check(not self.fresh or round(milligrams(use["mass"])) == lot.gross, f"the rest of {use['batch']} was another mass")
        else:
            asked = round(milligrams(use["mass"]) * (1 - lot.moisture))
            room = K * weighing(use["mass"], minimum=False) + SLACK
            check(asked <= lot.dry_left + room, f"{use['batch']} was overdrawn by {asked - lot.dry_left} mg")
            dry = min(asked, lot.dry_left)
        check(dry > 0, f"{use['batch']} was drawn though it was empty")
        taken, doubt, left = draw(lot, dry)
        self.after[use["batch"]] = draw(left, left.dry_left)[2] if use.get("final") and left.dry_left else left
        return taken, doubt, dry


def receive(sheet: Sheet, event: Raw) -> None:
    """Weigh in."""
    sheet.new(event["batch"])
    check(sheet.around.site(event["site"]) == sheet.party, f"{sheet.party} received at {event['site']}")
    dry, moisture, metal, doubt, scale = measured(event)
    _into(sheet, event)
    sheet.after[event["batch"]] = Lot(
        event["material"], sheet.party, event["site"], sheet.fixed, dry, dry, moisture, metal, doubt, scale,
        is_open="assay" not in event, provisional=event.get("provisional", False),
    )  # fmt: skip
    check("assay" in event or FORM[event["material"]] == "scrap", f"{event['batch']} was received unassayed")


def _into(sheet: Sheet, part: Raw, site: str = "") -> None:
    if part.get("vessel"):
        last = sheet.around.in_vessel(site or part["site"], part["vessel"], sheet.place)
        check(last is None or not sheet.lot(last).dry_left, f"{part['batch']} was put onto {last} in {part['vessel']}")


@dataclass
class Made:
    """An output: its dry mass, and by constituent what it claims."""

    part: Raw
    mode: str
    dry: int = 0
    moisture: Fraction = DRY
    metal: dict[str, tuple[int, int]] = field(default_factory=dict)
    doubt: dict[str, int] = field(default_factory=dict)
    scale: int = 0


def transform(sheet: Sheet, event: Raw) -> None:
    """Draw the inputs, mix them, and give each output what it claims."""
    carrying, site = event["kind"] in CARRYING, event["site"]
    drawn = [sheet.take(use, site) for use in event["inputs"]]
    used = [sheet.lot(use["batch"]) for use in event["inputs"]]
    check(len({use["batch"] for use in event["inputs"]}) == len(used), "an input was named twice")
    made = [_made(part, carrying=carrying) for part in event["outputs"]]
    into = sum(dry for _, _, dry in drawn)
    for one in made:
        if one.mode == "balance" and carrying:
            one.mode, one.dry = "carried", into - sum(other.dry for other in made)
    _forms(event["kind"], {lot.material for lot in used}, {part["material"] for part in event["outputs"]})
    for part in event["outputs"]:
        sheet.new(part["batch"])
        _into(sheet, part, site)
    if sheet.fresh and any(one.mode == "carried" for one in made):
        room = K * sum(weighing(one.part["mass"], minimum=False) for one in made if one.part["mass"] != "balance") + SLACK
        check(sum(one.dry for one in made) <= into + room, f"a {event['kind']} made {sum(one.dry for one in made) - into} mg of mass")
    pool: dict[str, int] = {}
    doubt: dict[str, int] = {}
    for taken, unsure, _ in drawn:
        for name, mass in taken.items():
            pool[name], doubt[name] = pool.get(name, 0) + mass, doubt.get(name, 0) + unsure[name]
    losses = _losses(event)
    opened = any(lot.is_open for lot in used)
    if opened and not carrying:
        _opened(sheet, made, losses, pool)
    elif opened:
        _carry_open(made, into)
    for name in sorted({*pool, *losses, *(name for one in made for name in one.metal)}):
        _close(name, pool.get(name, 0), doubt.get(name, 0), made, losses.get(name, (0, 0)), into)
    _put(sheet, event, made, used, is_open=opened and carrying)


def _made(part: Raw, *, carrying: bool) -> Made:
    if part["mass"] == "balance":
        return Made(part, "balance")
    dry, moisture, metal, doubt, scale = measured(part)
    check(carrying or "assay" in part, f"{part['batch']} was made unassayed")
    return Made(part, "measured" if "assay" in part else "carried", dry, moisture, metal, doubt, scale)


def _forms(kind: str, sources: set[str], targets: set[str]) -> None:
    for source in sources:
        for target in targets:
            before, after = FORM[source], FORM[target]
            relabelled = kind in RELABEL["kinds"] and before in RELABEL["from"] and after in RELABEL["to"]
            check(after in POLICY["changes"][before] and not relabelled, f"a {kind} made {target} of {source}")


def _losses(event: Raw) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for loss in event.get("losses", ()):
        for name, mass in loss["contained"].items():
            lost, unsure = found.get(name, (0, 0))
            found[name] = lost + round(milligrams(mass)), unsure + weighing(mass, row="declared_loss")
    return found


def _opened(sheet: Sheet, made: list[Made], losses: dict[str, tuple[int, int]], pool: dict[str, int]) -> None:
    """Let unassayed scrap be told by what came out of it."""
    for name in {*losses, *(name for one in made for name in one.metal)}:
        out = sum(one.metal.get(name, (0, 0))[0] for one in made) + losses.get(name, (0, 0))[0]
        sheet.entered[name] = max(0, out - pool.get(name, 0))
        pool[name] = pool.get(name, 0) + sheet.entered[name]


def _carry_open(made: list[Made], into: int) -> None:
    """Pass unassayed scrap on: the carried mass follows the book."""
    whole, before = max(into, sum(one.dry for one in made)), 0
    for one in made:
        after = before + one.dry
        one.dry = into * after // whole - into * before // whole
        before = after


def _close(name: str, into: int, doubt: int, made: list[Made], loss: tuple[int, int], dry_in: int) -> None:
    """Close one constituent: nobody makes metal beyond what scales and laboratories may be wrong ("Closing")."""
    whole = max(dry_in, sum(one.dry for one in made)) or 1
    before = out = 0
    for one in made:
        after = before + one.dry
        if one.mode == "carried":
            share = into * after // whole - into * before // whole
            one.metal[name], one.doubt[name] = (share, share), up(doubt, share, into)
        before = after
        out += one.metal.get(name, (0, 0))[0]
    lost, unsure = loss
    check(lost - into <= K * doubt + SLACK, f"{lost} mg of {name} were declared lost of {into}")
    figures = doubt + unsure + sum(one.doubt.get(name, 0) for one in made if one.mode == "measured")
    check(out + lost - into <= K * figures + SLACK, f"{out + lost} mg of {name} came out of {into} mg")
    for one in made:
        if one.mode == "balance":
            rest = max(0, into - out - lost)
            one.metal[name], one.doubt[name] = (rest, rest), figures


def _put(sheet: Sheet, event: Raw, made: list[Made], used: list[Lot], *, is_open: bool) -> None:
    carrying = event["kind"] in CARRYING
    certificates = frozenset[str]().union(*(lot.certificates for lot in used))
    if not carrying:
        sheet.around.end(certificates, sheet.party, sheet.place)
    for one in made:
        dry = one.dry if one.mode != "balance" else sum(mass for mass, _ in one.metal.values())
        provisional = one.part.get("provisional", False) or (one.mode == "carried" and any(lot.provisional for lot in used))
        sheet.after[one.part["batch"]] = Lot(
            one.part["material"], sheet.party, event["site"], sheet.fixed, dry, dry, one.moisture, one.metal, one.doubt, one.scale,
            is_open=is_open, weighed=one.part["mass"] != "balance", provisional=provisional,
            certificates=certificates if carrying else frozenset(),
        )  # fmt: skip


def ship(sheet: Sheet, event: Raw) -> None:
    """Send a whole batch on its way, or deliver it outside."""
    lot = sheet.own(event, event["site"])
    check(lot.weighed and lot.dry_left > 0, f"{event['batch']} was shipped unweighed or empty")
    if not (event.get("rest") and not sheet.fresh):
        room = 0 if event.get("rest") else K * (weighing(event["mass"], minimum=False) + up(lot.scale, lot.dry_left, lot.dry_made)) + SLACK
        check(abs(round(milligrams(event["mass"])) - lot.gross) <= room, f"{event['batch']} was not shipped whole")
    if isinstance(event["to"], str):
        check(sheet.around.site(event["to"]) is not None, f"{event['batch']} was shipped to nowhere")
        sheet.after[event["batch"]] = lot._replace(status="in_transit", site=event["site"], to=event["to"])
        return
    taken, _, left = draw(lot, lot.dry_left)
    sheet.after[event["batch"]] = left._replace(status="delivered", site=event["site"], gone=taken, gone_dry=lot.dry_left)


def accept(sheet: Sheet, event: Raw) -> None:
    """Take a batch over. Which of the two scales the book follows depends on their bound; never on more than was sent."""
    lot, batch = sheet.lot(event["batch"]), event["batch"]
    check(lot.status == "in_transit" and lot.to == event["site"], f"{batch} was accepted at {event['site']}, it was {lot.status}")
    check(sheet.around.site(event["site"]) == sheet.party, f"{sheet.party} accepted at {event['site']}")
    sheet.named(event, lot)
    scale, received = weighing(event["mass"]), round(milligrams(event["mass"]))
    if event.get("moisture"):
        lot = lot._replace(moisture=fraction(event["moisture"]))
    if event.get("difference") and received >= lot.dry_left:
        lot = lot._replace(moisture=1 - Fraction(lot.dry_left, received), scale=scale)
    elif event.get("difference"):
        check(received >= sum(lot.contained().values()), f"{batch} weighs less than the metal in it")
        lot = rebased(lot, received)._replace(moisture=DRY, scale=scale)
    else:
        dry = round(received * (1 - lot.moisture))
        room = K * (scale + up(lot.scale, lot.dry_left, lot.dry_made) + received // 50) + SLACK
        said = sheet.around.said(batch, sheet.place)
        check(said in {lot.dry_left, min(dry, lot.dry_left)}, f"{batch} arrived with {said} mg, {lot.dry_left} were sent, {dry} received")
        check(said == dry or lot.dry_left - dry <= room, f"{batch} lost {lot.dry_left - dry} mg on the road and the book did not")
        if said < lot.dry_left:
            lot = rebased(draw(lot, lot.dry_left - said)[2], said)._replace(scale=scale)
    fixed = max(lot.fixed, sheet.fixed)
    sheet.after[batch] = lot._replace(status="held", holder=sheet.party, site=event["site"], to="", fixed=fixed)


def adjust(sheet: Sheet, event: Raw) -> None:
    """Count, or let water come and go."""
    lot, delta = sheet.own({**event, "moisture": None}, event["site"]), round(milligrams(event["mass"]))
    if event.get("kind") == "water":
        gross = lot.gross + delta
        check(lot.dry_left > 0 and gross >= lot.dry_left, f"{event['batch']} lost more water than it had")
        sheet.after[event["batch"]] = lot._replace(moisture=1 - Fraction(lot.dry_left, gross))
        return
    dry = round(abs(delta) * (1 - (fraction(event["moisture"]) if event.get("moisture") else lot.moisture)))
    check(dry > 0, f"{event['batch']} was counted to nothing")
    if delta < 0:
        check(dry <= lot.dry_left, f"{event['batch']} lost {dry} mg of {lot.dry_left} in a count")
        lot = draw(lot, dry)[2]
        sheet.after[event["batch"]] = rebased(lot, lot.dry_left)
        return
    check(lot.is_open or "assay" in event, f"{event['batch']} was counted up without an assay")
    lot = rebased(lot, lot.dry_left)
    for name, result in (event.get("assay") or {}).items() if not lot.is_open else ():
        mass = lot.metal.get(name, (0, 0))[0] + round(dry * fraction(result))
        lot.metal[name] = (mass, mass)
        lot.doubt.setdefault(name, 0)
    sheet.after[event["batch"]] = lot._replace(
        dry_made=lot.dry_left + dry, dry_left=lot.dry_left + dry, scale=up(lot.scale, lot.dry_left + dry, lot.dry_left)
    )


def dispose(sheet: Sheet, event: Raw) -> None:
    """Send to the landfill."""
    taken, _, dry = sheet.take(event, event["site"])
    lot = sheet.after[event["batch"]]
    gone = {name: lot.gone.get(name, 0) + taken.get(name, 0) for name in {*lot.gone, *taken}}
    sheet.after[event["batch"]] = lot._replace(gone=gone, gone_dry=lot.gone_dry + dry)


def return_(sheet: Sheet, event: Raw) -> None:
    """Bring back a part of what went out."""
    old = sheet.lot(event["of"])
    sheet.new(event["batch"])
    check(sheet.around.site(event["site"]) == sheet.party == old.holder, f"{sheet.party} brought back what {old.holder} sent out")
    check(old.status == "delivered" or event["as"] == "recovered_waste", f"{event['of']} came back and never went")
    moisture = fraction(event["moisture"]) if event.get("moisture") else old.moisture
    gross = round(milligrams(event["mass"]))
    dry = round(milligrams(event["mass"]) * (1 - moisture))
    check(0 < dry <= old.gone_dry, f"{dry} mg of {event['of']} came back, {old.gone_dry} went")
    back = {name: mass * dry // old.gone_dry for name, mass in old.gone.items()}
    scale = weighing(event["mass"])
    sheet.around.end(old.certificates, sheet.party, sheet.place)
    sheet.after[event["of"]] = old._replace(gone={name: mass - back[name] for name, mass in old.gone.items()}, gone_dry=old.gone_dry - dry)
    sheet.entered = back
    sheet.after[event["batch"]] = Lot(
        old.material, sheet.party, event["site"], sheet.fixed, dry, dry, moisture, {name: (mass, mass) for name, mass in back.items()},
        {name: up(scale, mass, gross) for name, mass in back.items()}, scale, certificates=old.certificates,
    )  # fmt: skip


def certify(sheet: Sheet, event: Raw) -> None:
    """Put a certificate on whole batches."""
    lots = {}
    for use in (event, *event.get("beside", ())):
        batch, mass = use["batch"], use["mass_mg"]
        lot = sheet.own(use, event["site"])
        check(
            mass == lot.gross if sheet.fresh else mass <= lot.gross,
            f"{event['number']} is over {mass} mg of {batch}, which has {lot.gross}",
        )
        check(lot.weighed and not lot.provisional and not lot.is_open and lot.dry_left > 0, f"{batch} was certified and may not be")
        lots[batch] = mass
        sheet.after[batch] = lot._replace(certificates=lot.certificates | {event["number"]})
    sheet.around.certify(sheet, event, lots)


ACTS: dict[str, Callable[[Sheet, Raw], None]] = {
    "receive": receive, "transform": transform, "ship": ship, "accept": accept, "adjust": adjust, "dispose": dispose, "return": return_,
    "certify": certify,
}  # fmt: skip
