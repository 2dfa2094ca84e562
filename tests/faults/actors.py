"""Who acts in a simulated ledger: companies at their work, at the weighbridge, in the plant and on the road. Their papers: paperwork.py.

Each act looks at the second books (tally.py), as a company looks at its own, and gives one `Attempt`, or nothing where there is nothing
to do. An attempt that is `forbidden` must be refused, whatever the books say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, NamedTuple

from lots import FORM, Lot

Raw = dict[str, Any]
PAPER = [{"kind": "certificate", "sha256": "ab" * 32}]
COUNTRIES = ("US", "US", "US", "CA", "MX", "CN")
METALS = ("soft_lead", "antimonial_lead", "bullion")


class Attempt(NamedTuple):
    """One act: which key signs what, and whether it must be refused."""

    key: str
    events: tuple[Raw, ...]
    forbidden: bool = False


@dataclass
class Company:
    """A company: its sites, and whom it sends to."""

    name: str
    sites: tuple[str, ...]
    customers: tuple[str, ...]
    key: str


class Scene(NamedTuple):
    """What an actor sees: chance, the time, the company that acts, what it holds, and what it did."""

    chance: Random
    time: str
    company: Company
    number: Callable[[], str]
    lots: Callable[[Callable[[Lot], bool]], tuple[str, Lot] | None]
    made_by: Callable[[Lot], str]
    coming: tuple[str, Lot] | None
    done: Sequence[tuple[str, int, Raw]]
    """Record id, number in the record, and event, of what the company had accepted."""
    certificates: Sequence[str]

    @property
    def site(self) -> str:
        """One of the company's sites."""
        return self.chance.choice(self.company.sites)

    def attempt(self, *events: Raw, forbidden: bool = False) -> Attempt:
        """Return an attempt with the company's key."""
        return Attempt(self.company.key, events, forbidden)

    def event(self, type_: str, site: str, **fields: Any) -> Raw:
        """Return an event of now at a site."""
        return {"type": type_, "time": self.time, "site": site, **fields}

    def use(self, batch: str, lot: Lot, mass: int | None = None, **more: Any) -> Raw:
        """Return a use of a batch: of a gross mass in mg, or of all of it."""
        whole = {"mass": grams(lot.gross), "rest": True} if mass is None else {"mass": grams(mass)}
        return {"batch": batch, "made_by": self.made_by(lot), **whole, **more}


Act = Callable[[Scene], Attempt | None]


def grams(mass: int) -> Raw:
    """Return a mass in mg as a quantity."""
    sign, whole = "-" * (mass < 0), abs(mass)
    return {"value": f"{sign}{whole // 1000}.{whole % 1000:03d}", "unit": "g"}


def pct(value: float) -> Raw:
    """Return per cent with two decimals."""
    return {"value": f"{min(max(value, 0.01), 99.99):.2f}", "unit": "%"}


def free(lot: Lot) -> bool:
    """Say whether a batch can be used."""
    return lot.status == "held" and lot.dry_left > 0


def of(*materials: str) -> Callable[[Lot], bool]:
    """Say whether a batch can be used and is one of some materials."""
    return lambda lot: free(lot) and lot.material in materials


# At the weighbridge


def receive_scrap(scene: Scene) -> Attempt:
    """Weigh in a truck of spent batteries: pounds or kilograms, never assayed."""
    chance = scene.chance
    pounds = chance.random() < 0.6
    mass = {
        "value": str(chance.randrange(30_000, 44_000) if pounds else chance.randrange(13_000, 20_000)),
        "unit": "lb" if pounds else "kg",
    }
    event = scene.event("receive", scene.site, batch=scene.number(), material="spent_battery", mass=mass)
    return scene.attempt(event | {"feedstock": "end_of_life", "places": {"collected_in": chance.choice(COUNTRIES)}})


def receive_paste(scene: Scene) -> Attempt:
    """Weigh in wet paste, assayed."""
    chance = scene.chance
    assay = {"Pb": pct(chance.uniform(70, 78)), "Sb": {"value": str(chance.randrange(50, 400)), "unit": "ppm"}}
    mass = {"value": f"{chance.randrange(2000, 20000)}.{chance.randrange(10)}", "unit": "kg", "device": "floor_scale"}
    event = scene.event(
        "receive", scene.site, batch=scene.number(), material="battery_paste", mass=mass, moisture=pct(chance.uniform(4, 14))
    )
    return scene.attempt(event | {"assay": assay, "feedstock": "end_of_life", "places": {"collected_in": chance.choice(COUNTRIES)}})


def receive_metal(scene: Scene) -> Attempt:
    """Buy metal: primary with papers, or said to be recycled, with or without any."""
    chance = scene.chance
    primary = chance.random() < 0.5
    assay = {"Pb": pct(chance.uniform(96, 99.9)), "Sb": {"below": "5", "unit": "ppm"} if primary else pct(chance.uniform(0.1, 3))}
    material = "primary_lead" if primary else "antimonial_lead"
    mass = {"value": str(chance.randrange(1_000, 25_000)), "unit": "kg"}
    event = scene.event("receive", scene.site, batch=scene.number(), material=material, mass=mass, assay=assay)
    event |= {"feedstock": "primary" if primary else "end_of_life", "places": {"mined_in": "AU"} if primary else {"collected_in": "US"}}
    return scene.attempt(event | ({"documents": PAPER} if chance.random() < 0.7 else {}))


# In the plant


def transform(scene: Scene, kind: str, site: str, inputs: list[Raw], outputs: list[Raw], **more: Any) -> Raw:
    """Return a transform."""
    return scene.event("transform", site, kind=kind, inputs=inputs, outputs=outputs, **more)


def output(scene: Scene, material: str, mass: int | str, assay: Raw | None = None, **more: Any) -> Raw:
    """Return an output; the mass in mg is weighed to the kilogram."""
    stated = mass if isinstance(mass, str) else {"value": str(max(1, mass // 10**6)), "unit": "kg"}
    return {"batch": scene.number(), "material": material, "mass": stated, **({} if assay is None else {"assay": assay}), **more}


def break_batteries(scene: Scene) -> Attempt | None:
    """Break scrap, or scrap and scrap; what comes out tells what was in it."""
    found = scene.lots(lambda lot: free(lot) and lot.is_open)
    if found is None:
        return None
    batch, lot = found
    part = None if scene.chance.random() < 0.6 else lot.gross // scene.chance.randrange(2, 5)
    dry = lot.dry_left if part is None else part
    outputs = [
        output(scene, "grid_metal", dry * scene.chance.randrange(27, 32) // 100, {"Pb": pct(95.5), "Sb": pct(1.2)}, moisture=pct(2)),
        output(scene, "battery_paste", dry * scene.chance.randrange(42, 48) // 100, {"Pb": pct(75.5)}, moisture=pct(11)),
        output(scene, "separator", dry // 10, {}),
    ]
    return scene.attempt(transform(scene, "break", lot.site, [scene.use(batch, lot, part)], outputs))


def heat(scene: Scene) -> Attempt | None:
    """Smelt paste, grids and slag to bullion, slag and dust, with fume; scales and laboratory are off by a little, sometimes by much."""
    chance = scene.chance
    wanted = of("battery_paste", "grid_metal", "slag", "dross", "bullion")
    found = dict(filter(None, (scene.lots(wanted) for _ in range(chance.randrange(1, 4)))))
    if not found or any(lot.is_open for lot in found.values()):
        return None
    lead = sum(lot.contained().get("Pb", 0) for lot in found.values())
    yields = chance.gauss(0.955, 0.012) if chance.random() < 0.93 else chance.uniform(0.5, 1.3)
    bullion = int(lead * yields / 0.98)
    outputs = [output(scene, "bullion", bullion, {"Pb": pct(98), "Sb": pct(0.8)}), output(scene, "slag", bullion // 6, {"Pb": pct(9)})]
    outputs += [output(scene, "flue_dust", bullion // 60, {"Pb": pct(60)})] if chance.random() < 0.4 else []
    losses = {"losses": [{"kind": "fume", "contained": {"Pb": grams(lead // chance.randrange(150, 900))}}]} if chance.random() < 0.5 else {}
    site = next(iter(found.values())).site
    return scene.attempt(transform(scene, "smelt", site, [scene.use(batch, lot) for batch, lot in found.items()], outputs, **losses))


def refine(scene: Scene) -> Attempt | None:
    """Refine bullion on the heel in the kettle: blocks, dross, and the heel is what they leave."""
    found = scene.lots(lambda lot: free(lot) and lot.material in METALS and lot.weighed)
    if found is None:
        return None
    batch, lot = found
    heel = scene.lots(lambda lot: free(lot) and not lot.weighed)
    inputs = [scene.use(batch, lot)] + ([scene.use(*heel)] if heel and heel[0] != batch else [])
    lead = lot.contained().get("Pb", 0)
    outputs = [
        output(scene, "soft_lead", lead * scene.chance.randrange(80, 99) // 100, {"Pb": pct(99.97), "Sb": {"below": "3", "unit": "ppm"}}),
        output(scene, "dross", lead // scene.chance.randrange(80, 300), {"Pb": pct(70), "Sb": pct(9)}),
        output(scene, "soft_lead", "balance", vessel="K1"),
    ]
    return scene.attempt(transform(scene, "refine", lot.site, inputs, outputs))


def split(scene: Scene) -> Attempt | None:
    """Split a batch in two or three, or merge two of one material."""
    found = scene.lots(lambda lot: free(lot) and lot.dry_left > 10**9)
    if found is None:
        return None
    batch, lot = found
    other = scene.lots(lambda one: free(one) and one.material == lot.material and one.is_open == lot.is_open)
    if other and other[0] != batch and scene.chance.random() < 0.4:
        merged = [scene.use(batch, lot), scene.use(*other, other[1].gross // 3 if scene.chance.random() < 0.3 else None)]
        kind = "merge" if scene.chance.random() < 0.5 else "blend"
        return scene.attempt(transform(scene, kind, lot.site, merged, [output(scene, lot.material, "balance")]))
    parts = [output(scene, lot.material, lot.dry_left * scene.chance.randrange(5, 45) // 100) for _ in range(scene.chance.randrange(1, 3))]
    outputs = [*parts, output(scene, lot.material, "balance")]
    return scene.attempt(transform(scene, "split", lot.site, [scene.use(batch, lot)], outputs))


def assemble(scene: Scene) -> Attempt | None:
    """Make batteries of metal, or an alloy of it."""
    found = scene.lots(of("soft_lead", "antimonial_lead", "primary_lead"))
    if found is None:
        return None
    batch, lot = found
    lead = lot.contained().get("Pb", 0)
    if scene.chance.random() < 0.4:
        made = output(scene, "antimonial_lead", lead * scene.chance.randrange(985, 1004) // 980, {"Pb": pct(98), "Sb": pct(0.01)})
        return scene.attempt(transform(scene, "alloy", lot.site, [scene.use(batch, lot)], [made]))
    made = output(scene, "battery", lead * scene.chance.randrange(98, 101) // 62, {"Pb": pct(62)}, pieces=scene.chance.randrange(10, 900))
    return scene.attempt(transform(scene, "assemble", lot.site, [scene.use(batch, lot)], [made]))


# On the road, in the yard


def ship(scene: Scene) -> Attempt | None:
    """Ship a batch to a customer in the ledger, or deliver it outside."""
    found = scene.lots(lambda lot: free(lot) and lot.weighed)
    if found is None:
        return None
    batch, lot = found
    outside = scene.chance.random() < 0.15
    to: Any = {"outside": {"sealed": "cd" * 32}, "country": "US"} if outside else scene.chance.choice(scene.company.customers)
    mass = None if scene.chance.random() < 0.8 else lot.gross * scene.chance.randrange(996, 1004) // 1000
    return scene.attempt(scene.event("ship", lot.site, to=to, **scene.use(batch, lot, mass)))


def accept(scene: Scene) -> Attempt | None:
    """Accept what is on its way here, on another scale."""
    if scene.coming is None:
        return None
    batch, lot = scene.coming
    mass = lot.gross * scene.chance.randrange(985, 1006) // 1000
    more: Raw = scene.chance.choice(({}, {}, {}, {"difference": "water"}, {"moisture": pct(scene.chance.uniform(1, 12))}))
    event = scene.event(
        "accept", lot.to, batch=batch, made_by=scene.made_by(lot), mass={"value": f"{mass // 10**5 / 10:.1f}", "unit": "kg"}
    )
    return scene.attempt(event | more)


def bring_back(scene: Scene) -> Attempt | None:
    """Take back a part of what was delivered or thrown away."""
    found = scene.lots(lambda lot: lot.gone_dry > 0)
    if found is None:
        return None
    batch, lot = found
    kind = scene.chance.choice(("distribution_return", "rework", "recovered_waste"))
    mass = grams(max(1, lot.gone_dry * scene.chance.randrange(1, 7) // 6))
    return scene.attempt(scene.event("return", scene.site, of=batch, batch=scene.number(), mass=mass, **{"as": kind}))


def count(scene: Scene) -> Attempt | None:
    """Take stock: a little more or less, or water."""
    found = scene.lots(free)
    if found is None:
        return None
    batch, lot = found
    mass = grams(lot.gross * scene.chance.randrange(1, 12) // 1000 * scene.chance.choice((1, -1)) or 1)
    event = scene.event("adjust", lot.site, batch=batch, made_by=scene.made_by(lot), mass=mass, reason="stock-take")
    if scene.chance.random() < 0.4:
        return scene.attempt(event | {"kind": "water"})
    return scene.attempt(event if lot.is_open or mass["value"][0] == "-" else event | {"assay": {"Pb": pct(60), "Sn": pct(0.1)}})


def dispose(scene: Scene) -> Attempt | None:
    """Send a part of a batch, or what is left of it, to the landfill."""
    found = scene.lots(lambda lot: free(lot) and FORM[lot.material] in ("residue", "intermediate"))
    if found is None:
        return None
    batch, lot = found
    part = None if scene.chance.random() < 0.3 else lot.gross * scene.chance.randrange(5, 101) // 100 or 1
    return scene.attempt(
        scene.event("dispose", lot.site, reason="landfill", final=scene.chance.random() < 0.2, **scene.use(batch, lot, part))
    )
