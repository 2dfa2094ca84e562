"""Random days at two plants: a list of numbers becomes receipts, heats, splits, shipments, stock-takes and corrections.

What the books refuse is tried all the same: then nothing may have changed, and the day goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from books import SIGN, TIME, Books, kg, pct
from ledger.errors import RuleError
from ledger.matter.batch import HELD, IN_TRANSIT, Batch
from ledger.view import LAST

Raw = dict[str, Any]
Step = tuple[int, int, int]
COUNTRIES = ("US", "CA", "MX")
OTHER = {"yard": "works", "works": "yard"}
MEASURED = {"spent_battery": "break", "battery_paste": "smelt", "grid_metal": "smelt", "plant_scrap": "smelt"}


class Program:
    """The plants and what they did; `done` are the events that were taken, with the key that signed them."""

    def __init__(self) -> None:
        self.books = Books()
        self.books.admit("yard", country="US", sites={"gate": "US", "shed": "US"})
        self.books.admit("works", country="MX", sites={"hall": "MX"})
        self.done: list[tuple[str, Raw]] = []
        self.refused: list[RuleError] = []
        self.count = 0
        self.acts: tuple[Callable[[int, int], tuple[str, Raw] | None], ...] = (
            self.receive_scrap, self.receive_paste, self.receive_metal, self.heat, self.heat, self.heat, self.split, self.merge, self.ship,
            self.accept, self.accept, self.sell, self.bring_back, self.count_stock, self.wet, self.dispose, self.assay, self.correct,
            self.void, self.determine, self.kettle, self.draw_by_mass,
        )  # fmt: skip

    def run(self, steps: list[Step]) -> None:
        """Do the steps."""
        for act, a, b in steps:
            found = self.acts[act % len(self.acts)](a, b)
            if found is not None:
                self.log(*found)

    def log(self, party: str, event: Raw) -> bool:
        """Log one event; when it is refused, see that nothing changed."""
        before = self.state()
        try:
            self.books.log(f"{party}/1", event)
        except RuleError as refusal:
            self.refused.append(refusal)
            assert self.state() == before
            return False
        self.done.append((f"{party}/1", event))
        self.check()
        return True

    def state(self) -> tuple[int, int]:
        """Return what shows that something was written."""
        return self.books.memory.size, len(self.books.memory.numbers)

    def check(self) -> None:
        """Check what must hold at all times, beside what the books themselves check."""
        sites: dict[tuple[str, str], int] = {}
        for batch in self.batches():
            for constituent, content in batch.contents.items():
                sites[batch.site, constituent] = sites.get((batch.site, constituent), 0) - content.mass
                assert content.cautious is None or content.cautious.mass == content.mass
                assert all(mass > 0 for mass in content.claimable.left.values())
                assert batch.dry_left or not content.mass
            assert 0 <= batch.pieces_left <= batch.pieces_made
        moved = {**SIGN, "moved_in": 1, "moved_out": -1}
        for posting in self.books.postings():
            place = posting.site, posting.constituent
            sites[place] = sites.get(place, 0) + moved[posting.account] * posting.mass
        assert not any(sites.values()), sites

    def batches(self) -> list[Batch]:
        """Return all batches as they stand."""
        found = (self.books.memory.batch_before(name, LAST) for name in self.books.memory.numbers)
        return [batch for batch in found if batch is not None]

    def pick(self, number: int, wanted: Callable[[Batch], bool]) -> Batch | None:
        """Return one of the batches that a test holds for."""
        found = [batch for batch in self.batches() if wanted(batch)]
        return found[number % len(found)] if found else None

    def held(self, number: int, *, is_open: bool | None = None) -> Batch | None:
        """Return one batch that somebody holds and that is not empty."""
        return self.pick(
            number, lambda batch: batch.status == HELD and batch.dry_left > 0 and (is_open is None or batch.is_open is is_open)
        )

    def name(self, party: str) -> str:
        """Return a new batch number."""
        self.count += 1
        return f"{party}:N{self.count}"

    def receipt(self, a: int, b: int, material: str, **more: Any) -> tuple[str, Raw]:
        """Return a receipt of 1 to 21 t."""
        party = ("yard", "works")[b % 2]
        site = f"{party}:{'gate' if party == 'yard' else 'hall'}"
        mass = kg(f"{1000 + a * 20}.{b % 10}")
        event = {"type": "receive", "time": TIME, "site": site, "batch": self.name(party), "material": material, "mass": mass}
        return party, {**event, "feedstock": "end_of_life", "places": {"collected_in": COUNTRIES[a % 3]}, **more}

    def receive_scrap(self, a: int, b: int) -> tuple[str, Raw]:
        """Receive spent batteries, unassayed."""
        return self.receipt(a, b, "spent_battery", pieces=100 + a)

    def receive_paste(self, a: int, b: int) -> tuple[str, Raw]:
        """Receive wet paste."""
        sb = {"value": str(100 + b), "unit": "ppm"} if b % 3 else {"below": "5", "unit": "ppm"}
        return self.receipt(a, b, "battery_paste", moisture=pct(5 + a % 9), assay={"Pb": pct(f"7{b % 10}.{a % 10}"), "Sb": sb})

    def receive_metal(self, a: int, b: int) -> tuple[str, Raw]:
        """Receive hard lead with a certificate on half of it."""
        shares = [
            {"feedstock": "end_of_life", "share": pct(10 + a % 60), "constituent": "Pb", "places": {"smelted_in": "CA"}},
            {"feedstock": "primary", "share": pct(20), "places": {"mined_in": "AU"}},
        ]
        more = {"shares": shares, "documents": [{"kind": "certificate", "sha256": "cd" * 32}]} if b % 2 else {}
        party, event = self.receipt(a, b, "antimonial_lead", assay={"Pb": pct(f"9{a % 7}.5"), "Sb": pct(f"{b % 3}.25")}, **more)
        return party, {key: value for key, value in event.items() if not (more and key == "feedstock")}

    def transform(self, batch: Batch, kind: str, inputs: list[Raw], outputs: list[Raw], **more: Any) -> tuple[str, Raw]:
        """Return a transform by a batch's holder where it lies, or in the yard's shed."""
        site = "yard:shed" if batch.holder == "yard" and self.count % 3 else batch.site
        return batch.holder, {"type": "transform", "time": TIME, "site": site, "kind": kind, "inputs": inputs, "outputs": outputs, **more}

    def heat(self, a: int, b: int) -> tuple[str, Raw] | None:
        """Break, smelt, refine or alloy what lies there; what comes out is weighed with an error of some per cent."""
        batch = self.held(a)
        if batch is None:
            return None
        others = [one for one in self.batches() if one.holder == batch.holder and one.status == HELD and one.dry_left and one != batch]
        inputs = [batch, *(one for one in others[: b % 3] if one.is_open is batch.is_open and one.material == batch.material)]
        kind = MEASURED.get(batch.material, ("refine", "alloy", "smelt")[b % 3])
        dry = sum(one.dry_left for one in inputs)
        lead = 6 * dry // 10 if batch.is_open else sum(one.contained().get("Pb", 0) for one in inputs)
        made = lead * (970 + b % 40) // 1000
        materials = {"break": ("grid_metal", "battery_paste")}.get(kind, ("bullion", "slag"))
        mass = max(1, made // 1_900_000)
        more = {"losses": [{"kind": "fume", "contained": {"Pb": kg(1 + a % 5)}}]} if b % 4 == 0 else {}
        slag = {"Pb": pct(50)} if a % 5 else {}
        outputs: list[Raw] = [
            {
                "batch": self.name(batch.holder),
                "material": materials[0],
                "mass": kg(mass),
                "assay": {"Pb": pct(95), "Sb": pct(f"0.0{b % 5}")},
            },
            {"batch": self.name(batch.holder), "material": materials[1], "mass": kg(max(1, mass // 5)), "assay": slag},
        ]
        uses: list[Raw] = [{"batch": one.id} for one in inputs]
        return self.transform(batch, kind, uses, outputs, **more)

    def split(self, a: int, b: int) -> tuple[str, Raw] | None:
        """Split a batch into three, the last being the rest."""
        batch = self.held(a)
        if batch is None:
            return None
        part = max(1, batch.dry_left * (1 + b % 300) // 1000)
        outputs: list[Raw] = [
            {"batch": self.name(batch.holder), "material": batch.material, "mass": {"value": f"{part // 1000 + 1}", "unit": "g"}},
            {"batch": self.name(batch.holder), "material": batch.material, "mass": {"value": f"{part // 2000 + 1}", "unit": "g"}},
            {"batch": self.name(batch.holder), "material": batch.material, "mass": "balance"},
        ]
        return self.transform(batch, "split", [{"batch": batch.id}], outputs)

    def merge(self, a: int, b: int) -> tuple[str, Raw] | None:
        """Merge two batches of a kind, or take a part of one along."""
        batch = self.held(a)
        if batch is None:
            return None
        other = self.pick(b, lambda one: one.holder == batch.holder and one.dry_left > 0 and one.id != batch.id)
        inputs: list[Raw] = [{"batch": batch.id}]
        if other is not None:
            inputs.append({"batch": other.id, "mass": {"value": f"{other.gross_left // 3000 + 1}", "unit": "g"}, "final": b % 7 == 0})
        return self.transform(batch, "merge", inputs, [{"batch": self.name(batch.holder), "material": batch.material, "mass": "balance"}])

    def kettle(self, a: int, b: int) -> tuple[str, Raw] | None:
        """Refine on the heel in the kettle; the heel is what the others leave."""
        batch = self.held(a, is_open=False)
        if batch is None:
            return None
        heel = self.pick(0, lambda one: bool(one.vessel) and one.holder == batch.holder and one.dry_left > 0)
        inputs: list[Raw] = [{"batch": name} for name in {batch.id, heel.id if heel else batch.id}]
        lead = batch.contained().get("Pb", 0) + (heel.contained().get("Pb", 0) if heel else 0)
        mass = max(1, lead * (1 + b % 9) // 10 // 1_000_000)
        outputs: list[Raw] = [
            {
                "batch": self.name(batch.holder),
                "material": "soft_lead",
                "mass": kg(mass),
                "assay": {"Pb": pct("99.97"), "Sb": pct("0.001")},
            },
            {"batch": self.name(batch.holder), "material": "soft_lead", "mass": "balance", "vessel": "K1"},
        ]
        return self.transform(batch, "refine", inputs, outputs)

    def draw_by_mass(self, a: int, b: int) -> tuple[str, Raw] | None:
        """Take about all of a batch by weight, or some pieces of it."""
        batch = self.held(a)
        if batch is None:
            return None
        mass: Raw = {"value": f"{batch.gross_left * (995 + b % 8) // 1_000_000 + 1}", "unit": "g"}
        if batch.pieces_left and b % 2:
            mass = {"pieces": 1 + b % batch.pieces_left}
        event = {"type": "dispose", "time": TIME, "site": batch.site, "batch": batch.id, "mass": mass, "reason": "off"}
        return batch.holder, event

    def ship(self, a: int, b: int) -> tuple[str, Raw] | None:
        """Ship a batch to the other plant."""
        batch = self.held(a)
        if batch is None:
            return None
        to = "works:hall" if batch.holder == "yard" else "yard:gate"
        return batch.holder, {"type": "ship", "time": TIME, "site": batch.site, "batch": batch.id, "to": to}

    def accept(self, a: int, b: int) -> tuple[str, Raw] | None:
        """Accept what is on the road, on another scale."""
        batch = self.pick(a, lambda one: one.status == IN_TRANSIT)
        if batch is None:
            return None
        seen = batch.gross_left * (985 + b % 20) // 1_000_000
        event: Raw = {"type": "accept", "time": TIME, "site": batch.to, "batch": batch.id, "mass": {"value": str(seen + 1), "unit": "g"}}
        event |= {"difference": "water"} if b % 5 == 0 else {"moisture": pct(a % 12)} if b % 5 == 1 else {}
        return batch.to.split(":")[0], event

    def sell(self, a: int, b: int) -> tuple[str, Raw] | None:
        """Deliver a batch outside."""
        batch = self.held(a) if b % 3 == 0 else None
        if batch is None:
            return None
        to = {"outside": "A customer", "country": "US"}
        return batch.holder, {"type": "ship", "time": TIME, "site": batch.site, "batch": batch.id, "to": to}

    def bring_back(self, a: int, b: int) -> tuple[str, Raw] | None:
        """Bring back a part of what went out."""
        batch = self.pick(a, lambda one: one.gone_dry > 0)
        if batch is None:
            return None
        mass = {"value": str(batch.gone_dry * (1 + b % 4) // 4000 + 1), "unit": "g"}
        kind = ("distribution_return", "rework", "recovered_waste")[b % 3]
        event = {"type": "return", "time": TIME, "site": batch.site, "of": batch.id, "batch": self.name(batch.holder), "mass": mass}
        return batch.holder, {**event, "as": kind}

    def count_stock(self, a: int, b: int) -> tuple[str, Raw] | None:
        """Find a little more or less than the book says."""
        batch = self.held(a)
        if batch is None:
            return None
        mass = {"value": f"{'-' if b % 2 else ''}{1 + b % 200}.5", "unit": "kg"}
        event = {"type": "adjust", "time": TIME, "site": batch.site, "batch": batch.id, "mass": mass, "reason": "count"}
        return batch.holder, event if batch.is_open or b % 2 else {**event, "assay": {"Pb": pct(60), "Sn": pct("0.1")}}

    def wet(self, a: int, b: int) -> tuple[str, Raw] | None:
        """Let it rain, or dry."""
        batch = self.held(a)
        if batch is None:
            return None
        mass = {"value": f"{'-' if b % 2 else ''}{b % 50}", "unit": "kg"}
        event = {"type": "adjust", "time": TIME, "site": batch.site, "batch": batch.id, "mass": mass, "kind": "water", "reason": "rain"}
        return batch.holder, event

    def dispose(self, a: int, b: int) -> tuple[str, Raw] | None:
        """Send something to the landfill."""
        batch = self.held(a) if b % 3 == 0 else None
        if batch is None:
            return None
        event: Raw = {"type": "dispose", "time": TIME, "site": batch.site, "batch": batch.id, "reason": "landfill", "final": b % 2 == 0}
        return batch.holder, {**event, "mass": {"value": str(batch.gross_left // 2000 + 1), "unit": "g"}}

    def assay(self, a: int, b: int) -> tuple[str, Raw] | None:
        """Get a laboratory's result late."""
        batch = self.pick(a, lambda one: one.status == HELD)
        if batch is None:
            return None
        content = batch.contents.get("Pb")
        share = 1000 * sum(content.booked.made.values()) // batch.dry_made if content and batch.dry_made else 600
        result = {"Pb": {"value": f"0.{max(1, min(990, share + b % 9 - 4)):03d}", "unit": "1"}}
        event = {"type": "assay", "time": TIME, "site": batch.site, "batch": batch.id, "assay": result, "provisional": b % 5 == 0}
        return batch.holder, event

    def correct(self, a: int, b: int) -> tuple[str, Raw] | None:
        """Correct a receipt's weight and country."""
        receipts = [event for _, event in self.done if event["type"] == "receive"]
        if not receipts:
            return None
        wrong = receipts[a % len(receipts)]
        mass = kg(f"{float(wrong['mass']['value']) * (94 + b % 10) / 100:.1f}")
        right = {**wrong, "mass": mass, "places": {"collected_in": COUNTRIES[b % 3]}}
        of = {"batch": wrong["batch"]}
        return wrong["batch"].split(":")[0], {"type": "correct", "time": TIME, "of": of, "event": right, "reason": "weighed again"}

    def void(self, a: int, b: int) -> tuple[str, Raw] | None:
        """Take back what made a batch."""
        batch = self.pick(a, lambda one: True) if b % 3 == 0 else None
        if batch is None:
            return None
        return batch.id.split(":")[0], {"type": "void", "time": TIME, "of": {"batch": batch.id}, "reason": "entered twice"}

    def determine(self, a: int, b: int) -> tuple[str, Raw] | None:
        """Let somebody answer a question on a batch."""
        batch = self.pick(a, lambda one: True)
        if batch is None:
            return None
        by = {"name": "A. Person", "role": "process engineer"}
        event = {"type": "determine", "time": TIME, "of": batch.id, "question": "is_waste", "answer": b % 2 == 0, "basis": "seen", "by": by}
        return batch.holder, event
