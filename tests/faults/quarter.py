"""A quarter of three companies as the trade does it, honest but for what is planted: a battery breaker, a smelter, a battery maker.

Thirteen weeks of six trucks. What happens physically and what is written down are kept apart: masses and contents are drawn first, then
weighed and assayed with the errors of scales and laboratories. A planted fraud changes what is written down, or adds to it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from typing import Any

from books import Books, pct, sign
from keyring import signer
from ledger.compose import compose, place_of
from ledger.memory import Memory
from ledger.plausibility import implausible
from ledger.record import Record
from ledger.view import LAST

Raw = dict[str, Any]
WEEKS, TRUCKS = 13, 6
BEGUN = 1_775_001_600
DAY = 86_400
USUAL = frozenset({"derived", "not-assayed"})
"""Notes that every quarter has: they say how something was reckoned, and accuse nobody."""
Plant = Callable[["Quarter", int], None]


class Quarter(Books):
    """The books of a quarter. `plant` is asked in the week of the fraud, before anything of that week is broken."""

    def __init__(self, seed: str, plant: Plant | None = None) -> None:
        self.seed, self.chance = seed, Random(seed)
        self.now = BEGUN
        super().__init__()
        for party in ("yard", "smelter", "maker"):
            self.admit(party)
        self.write("yard", self._site(1_650))
        self.week = self.chance.randrange(2, WEEKS - 1)
        self.plant = plant
        self.made = 0
        self.pile: list[str] = []
        self.hauled = 0.0
        """What trucks brought this week, in kilograms, whatever was written down."""
        self.paste: list[str] = []
        self.metal: list[str] = []
        self.lead = 1.0
        """How much of the bullion that ran from the furnace is written down."""
        self.soft = ""
        self.batteries = ""

    def check(self) -> None:
        """Leave the identity of the books to the simulated ledgers."""

    def _site(self, tonnes: int) -> Raw:
        capacity = {"value": str(tonnes), "unit": "t", "per": "year"}
        facts = {"id": "yard:works", "party": "yard", "name": "works", "country": "US", "capacity": capacity}
        return {"type": "site", "time": self.time, "site": facts}

    @property
    def time(self) -> str:
        """The time."""
        return datetime.fromtimestamp(self.now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def draft(self, key: str, *raws: Raw) -> Record:
        """Return a record that is signed now."""
        composed = compose(self.memory, raws, key=key, place=place_of(self.memory, key, seen=None), made=self.time, salt=self.salts)
        return sign(composed.header, composed.events, signer(key))

    def write(self, party: str, *raws: Raw) -> None:
        """Log events of a company."""
        self.now += self.chance.randrange(600, 7200)
        self.log(f"{party}/1", *raws)

    def number(self, party: str) -> str:
        """Return a new batch number."""
        self.made += 1
        return f"{party}:Q{self.made}"

    def paper(self, kind: str = "weigh_ticket") -> list[Raw]:
        """Return a document of its own."""
        return [{"kind": kind, "sha256": hashlib.sha256(self.chance.randbytes(8)).hexdigest()}]

    def event(self, type_: str, party: str, **fields: Any) -> Raw:
        """Return an event at a company's works."""
        return {"type": type_, "time": self.time, "site": f"{party}:works", **fields}

    def truck(self) -> Raw:
        """Return the receipt of a truck, as it stands on its ticket: a trailer, or now and then a van."""
        van = self.chance.random() < 0.15
        pounds = self.chance.randrange(4_000, 13_000, 20) if van else self.chance.randrange(34_000, 44_000, 20)
        tare = self.chance.randrange(8_000, 11_000, 20) if van else self.chance.randrange(30_000, 36_000, 20)
        facts = {"batch": self.number("yard"), "material": "spent_battery", "feedstock": "end_of_life", "places": {"collected_in": "US"}}
        weighed = {"mass": {"value": str(pounds), "unit": "lb"}, "tare": {"value": str(tare), "unit": "lb"}}
        return self.event("receive", "yard", **facts, **weighed, documents=self.paper())

    def weigh_in(self, truck: Raw, written: Raw | None = None) -> None:
        """Enter a truck that came, as it was weighed or as somebody wrote it down, and tip it on the pile."""
        self.hauled += int(truck["mass"]["value"]) * 0.45359237
        self.write("yard", written or truck)
        self.pile.append(truck["batch"])

    def step(self, party: str, kind: str, inputs: list[str], *outputs: Raw, **more: Any) -> Raw:
        """Return a transform that takes its inputs whole."""
        return self.event("transform", party, kind=kind, inputs=[{"batch": name} for name in inputs], outputs=list(outputs), **more)

    def lot(self, party: str, material: str, mass: float, **assay: float) -> Raw:
        """Return an output: weighed to the kilogram with an error of a part in a thousand, assayed to two decimals."""
        value = str(max(1, round(mass * self.chance.gauss(1, 0.001))))
        lot = {"batch": self.number(party), "material": material, "mass": {"value": value, "unit": "kg"}}
        return {**lot, "assay": {name: pct(f"{min(share, 99.99):.2f}") for name, share in assay.items()}}

    def move(self, batch: str, giver: str, taker: str) -> None:
        """Ship a batch; the other scale reads a little different."""
        mass = self.batch(batch).gross_left / 10**6
        self.write(giver, self.event("ship", giver, batch=batch, to=f"{taker}:works"))
        seen = f"{mass * self.chance.gauss(1, 0.001):.0f}"
        self.write(taker, self.event("accept", taker, batch=batch, mass={"value": seen, "unit": "kg"}))

    def certify(self, batch: str, **more: Any) -> Raw:
        """Return a certificate of recycled content over all of a batch."""
        party = batch.partition(":")[0]
        facts = {"kind": "recycled-content", "number": f"{party}-RC-{self.made:04d}", "credential": "cd" * 32}
        self.made += 1
        whole = {"batch": batch, "mass_mg": self.batch(batch).gross_left, "valid_until": "2027-06-30T00:00:00Z"}
        return {**self.event("certify", party), **facts, **whole, **more}

    def run(self) -> Quarter:
        """Let thirteen weeks go by."""
        for week in range(WEEKS):
            self.now = BEGUN + week * 7 * DAY
            self.hauled = 0.0
            for _ in range(TRUCKS):
                self.weigh_in(self.truck())
            if week == self.week and self.plant is not None:
                self.chance, honest = Random(f"fraud {self.seed}"), self.chance  # what is honest stays the same with and without it
                self.plant(self, week)
                self.chance = honest
            self._break(self.hauled)
            self._smelt()
            self._make()
        return self

    def _break(self, mass: float) -> None:
        lead = self.chance.gauss(0.60, 0.008) / 0.60
        grids = self.lot("yard", "grid_metal", 0.295 * mass * lead, Pb=self.chance.gauss(95.5, 0.3), Sb=1.2)
        paste = self.lot("yard", "battery_paste", 0.42 * mass * lead / 0.9, Pb=self.chance.gauss(75.7, 0.3)) | {"moisture": pct("10.0")}
        other = self.lot("yard", "separator", 0.05 * mass)
        self.write("yard", self.step("yard", "break", self.pile, grids, paste, other))
        self.pile = []
        for lot in (grids, paste):
            self.move(lot["batch"], "yard", "smelter")
            self.paste.append(lot["batch"])

    def _smelt(self) -> None:
        own = [name for name in self.paste if name.startswith("yard:")]
        lead = sum(self.batch(name).contained().get("Pb", 0) for name in own) / 10**6
        bullion = self.lot("smelter", "bullion", lead * self.chance.gauss(0.968, 0.002) / 0.98 * self.lead, Pb=98.0, Sb=0.5)
        slag = self.lot("smelter", "slag", lead * 0.15, Pb=self.chance.gauss(10, 0.5))
        fume = [{"kind": "fume", "contained": {"Pb": {"value": f"{lead * 0.004:.0f}", "unit": "kg"}}}]
        self.write("smelter", self.step("smelter", "smelt", self.paste, bullion, slag, losses=fume))
        self.paste, self.lead = [], 1.0
        lead = self.batch(bullion["batch"]).contained()["Pb"] / 10**6
        soft = self.lot("smelter", "soft_lead", lead * self.chance.gauss(0.985, 0.001), Pb=99.97)
        dross = self.lot("smelter", "dross", lead * 0.018, Pb=self.chance.gauss(70, 1), Sb=20.0)
        self.write("smelter", self.step("smelter", "refine", [bullion["batch"]], soft, dross))
        self.soft = soft["batch"]
        self.write("smelter", self.certify(self.soft))
        self.move(self.soft, "smelter", "maker")

    def bought(self) -> Raw:
        """Return a receipt of primary lead with its papers."""
        mass = {"value": str(self.chance.randrange(4_000, 9_000)), "unit": "kg"}
        facts = {"batch": self.number("maker"), "material": "primary_lead", "mass": mass, "assay": {"Pb": pct("99.97")}}
        return self.event("receive", "maker", **facts, feedstock="primary", places={"mined_in": "AU"}, documents=self.paper("certificate"))

    def _make(self) -> None:
        primary = self.bought()
        self.write("maker", primary)
        inputs = [self.soft, primary["batch"], *self.metal]
        lead = sum(self.batch(name).contained()["Pb"] for name in inputs) / 10**6
        made = self.lot("maker", "battery", lead * self.chance.gauss(0.996, 0.001) / 0.62, Pb=62.0)
        self.write("maker", self.step("maker", "assemble", inputs, made))
        self.metal, self.batteries = [], made["batch"]
        self.write("maker", self.certify(self.batteries))

    def flags(self) -> Counter[str]:
        """Return how many findings of each code an audit has, beside the usual notes."""
        return Counter(finding.code for finding in implausible(self.memory) if finding.code not in USUAL)

    def recycled(self) -> int:
        """Return the recycled lead that batches hold or held when they left, in mg, of what came in: what claims may rest on."""
        return sum(recycled_in(self.memory, name) for name in self.memory.numbers)


def recycled_in(memory: Memory, name: str) -> int:
    """Return the lead of a recycled class in a batch as it stands, in mg."""
    batch = memory.batch_before(name, LAST)
    content = batch.contents.get("Pb") if batch else None
    return sum(mass for source, mass in content.booked.left.items() if source.feedstock not in ("primary", "unknown")) if content else 0
