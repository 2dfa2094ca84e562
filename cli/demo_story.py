"""The demonstration's story: one quarter of five invented companies, told as the events that their clerks would log.

Masses and assays are in realistic ranges and close as real plants close: not exactly. Nobody's data.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Raw = dict[str, Any]

PARTIES = (
    ("keystone", "Keystone Core Recycling, Inc.", "US", "recycler"),
    ("norte", "Reciclados del Norte, S.A. de C.V.", "MX", "recycler"),
    ("summit", "Summit Secondary Smelting LLC", "US", "smelter"),
    ("voltaic", "Voltaic Battery Works, Inc.", "US", "manufacturer"),
    ("ledgerwise", "Ledgerwise Assurance LLP", "US", "auditor"),
)
SITES = (
    ("keystone:reading", "Reading breaker", "US", "US-PA", "breaker", "90000"),
    ("norte:monterrey", "Planta Monterrey", "MX", "MX-NLE", "breaker", "40000"),
    ("summit:carondelet", "Carondelet smelter", "US", "US-MO", "smelter", "110000"),
    ("voltaic:dayton", "Dayton plant", "US", "US-OH", "manufacturer", "150000"),
)
CUSTOMER = "Hartmann & Søn Fleet Supply"


@dataclass(frozen=True, slots=True)
class Chapter:
    """A part of the story: a heading, what happens in it, and the events, each with the key that signs it."""

    title: str
    text: str
    events: list[tuple[str, Raw]] = field(default_factory=list)


def lb(value: str) -> Raw:
    """Return a mass in pounds, from a truck scale."""
    return {"value": value, "unit": "lb", "device": "truck_scale/1"}


def kg(value: str, device: str = "truck_scale/2") -> Raw:
    """Return a mass in kilograms."""
    return {"value": value, "unit": "kg", "device": device}


def _assay(text: str) -> Raw:
    """Return an assay written as `Pb=95.8% Sb=0.62% As<5ppm`."""
    out: Raw = {}
    for part in text.split():
        name, sign, rest = (*part.partition("<"),) if "<" in part else (*part.partition("="),)
        unit = "ppm" if rest.endswith("ppm") else "%"
        value = rest.removesuffix(unit)
        out[name] = {"below": value, "unit": unit} if sign == "<" else {"value": value, "unit": unit}
    return out


def _document(kind: str, number: str) -> Raw:
    return {"kind": kind, "sha256": hashlib.sha256(f"{kind} {number}".encode()).hexdigest(), "number": number}


def _out(batch: str, material: str, mass: Raw | str, assay: str = "", **more: Any) -> Raw:  # noqa: ANN401 - fields of an output
    output: Raw = {"batch": batch, "material": material, "mass": mass, **more}
    if mass != "balance" and assay:
        output["assay"] = _assay(assay)
    if "moisture" in more:
        output["moisture"] = {"value": more["moisture"], "unit": "%"}
    return output


class _Book:
    """Collects a chapter's events, with their dates."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Raw]] = []

    def add(self, key: str, day: str, **event: Any) -> None:  # noqa: ANN401 - fields of an event
        self.events.append((key, {"time": f"2026-{day}T14:00:00Z", **event}))

    def truck(self, day: str, number: str, pounds: str, tare: str, **origin: Any) -> None:  # noqa: ANN401 - fields of a receipt
        self.add(
            "keystone/scale-1",
            day,
            type="receive",
            site="keystone:reading",
            batch=f"keystone:RB-{number}",
            material="spent_battery",
            mass=lb(pounds),
            tare=lb(tare),
            documents=[_document("weigh_ticket", number)],
            private={"driver": f"driver of truck {number}"},
            **(origin or {"feedstock": "end_of_life", "places": {"collected_in": "US"}}),
        )

    def transform(self, key: str, day: str, kind: str, inputs: list[Any], outputs: list[Raw], **more: Any) -> None:  # noqa: ANN401
        site = {"keystone": "reading", "norte": "monterrey", "summit": "carondelet", "voltaic": "dayton"}[key.split("/")[0]]
        uses = [{"batch": use} if isinstance(use, str) else {"batch": use[0], "mass": use[1]} for use in inputs]
        self.add(key, day, type="transform", kind=kind, site=f"{key.split('/')[0]}:{site}", inputs=uses, outputs=outputs, **more)

    def send(self, day: str, batch: str, sender: tuple[str, str], receiver: tuple[str, str], mass: Raw, *, next_day: str) -> None:
        self.add(sender[0], day, type="ship", site=sender[1], batch=batch, to=receiver[1])
        self.add(receiver[0], next_day, type="accept", site=receiver[1], batch=batch, mass=mass)


KEYSTONE = ("keystone/scale-1", "keystone:reading")
NORTE = ("norte/1", "norte:monterrey")
SUMMIT = ("summit/furnace-1", "summit:carondelet")
VOLTAIC = ("voltaic/plant-1", "voltaic:dayton")


def _loss(kind: str, **contained: str) -> list[Raw]:
    return [{"kind": kind, "contained": {name: {"value": value, "unit": "kg"} for name, value in contained.items()}}]


def collection() -> Chapter:
    """January: trucks of spent batteries at two gates."""
    book = _Book()
    trucks = (
        ("01-06", "26-1001", "42180", "33460"),
        ("01-07", "26-1002", "41940", "33520"),
        ("01-08", "26-1003", "42620", "33380"),
        ("01-09", "26-1004", "42310", "33460"),
        ("01-12", "26-1005", "41780", "33600"),
        ("01-13", "26-1006", "42450", "33440"),
        ("02-03", "26-1007", "42200", "33500"),
        ("02-04", "26-1008", "42040", "33480"),
        ("02-05", "26-1009", "42510", "33560"),
        ("02-06", "26-1010", "41860", "33420"),
        ("02-09", "26-1011", "42330", "33540"),
    )
    for truck in trucks:
        book.truck(*truck)
    us, ca = {"feedstock": "end_of_life", "places": {"collected_in": "US"}}, {"feedstock": "end_of_life", "places": {"collected_in": "CA"}}
    book.truck(
        "02-10",
        "26-1012",
        "42090",
        "33480",
        shares=[{**us, "share": {"value": "55", "unit": "%"}}, {**ca, "share": {"value": "40", "unit": "%"}}],
    )
    for number, mass in enumerate(("18620", "18540", "18710", "18490"), start=1):
        book.add(
            "norte/1",
            f"01-{13 + number}",
            type="receive",
            site="norte:monterrey",
            batch=f"norte:BU-26-{number:03d}",
            material="spent_battery",
            mass=kg(mass),
            feedstock="end_of_life",
            places={"collected_in": "MX"},
            documents=[_document("boleta_de_pesaje", f"{number:03d}")],
        )
    return Chapter(
        "Trucks at the gate",
        "Sixteen trucks of spent batteries: twelve at Reading, weighed in pounds, four at Monterrey, in kilograms. One load is mixed: 55 % "
        "collected in the US, 40 % in Canada, and 5 % that nobody has papers for, which stays unknown. Drivers' names are sealed.",
        book.events,
    )


def breaking() -> Chapter:
    """January and February: piles are broken into grids, paste, plastic and separators."""
    book = _Book()
    key = "keystone/scale-1"
    for pile, first, day, out in (("A", 1001, "01-14", "1"), ("B", 1007, "02-11", "2")):
        trucks = [f"keystone:RB-26-{number}" for number in range(first, first + 6)]
        book.transform(key, day, "merge", list(trucks), [_out(f"keystone:PILE-{pile}", "spent_battery", "balance")])
        grid, paste = (("32700", "95.8"), ("49400", "75.9")) if out == "1" else (("33100", "95.6"), ("48900", "75.8"))
        book.transform(
            key,
            day.replace("-14", "-16").replace("-11", "-13"),
            "break",
            [f"keystone:PILE-{pile}"],
            [
                _out(f"keystone:GM-{out}", "grid_metal", kg(grid[0]), f"Pb={grid[1]}% Sb={'0.62' if out == '1' else '0.64'}%", moisture="2.0"),
                _out(f"keystone:BP-{out}", "battery_paste", kg(paste[0]), f"Pb={paste[1]}% Sb=180ppm", moisture="12.0"),
                _out(f"keystone:PP-{out}", "polypropylene", kg("7460", "floor_scale/1"), "PP=97.0% Pb=400ppm"),
                _out(f"keystone:SEP-{out}", "separator", kg("8600", "floor_scale/1"), "Pb=1.9% Sb=28ppm"),
            ],
        )
    book.transform("norte/1", "01-20", "merge", [f"norte:BU-26-{n:03d}" for n in range(1, 5)], [_out("norte:PILA-1", "spent_battery", "balance")])
    book.transform(
        "norte/1",
        "01-21",
        "break",
        ["norte:PILA-1"],
        [
            _out("norte:RM-1", "grid_metal", kg("21200"), "Pb=95.4% Sb=0.70%", moisture="2.0"),
            _out("norte:PA-1", "battery_paste", kg("32000"), "Pb=76.2% Sb=190ppm", moisture="11.0"),
            _out("norte:PP-1", "polypropylene", kg("4700", "floor_scale/1"), "PP=96.5% Pb=450ppm"),
            _out("norte:SEP-1", "separator", kg("5500", "floor_scale/1"), "Pb=2.1% Sb=30ppm"),
        ],
    )
    for batch, mass, day in (
        ("keystone:GM-1", "32650", "01-19"),
        ("keystone:BP-1", "49350", "01-20"),
        ("keystone:GM-2", "33080", "02-16"),
        ("keystone:BP-2", "48850", "02-16"),
    ):
        book.send(day, batch, KEYSTONE, SUMMIT, kg(mass), next_day=day.replace("-19", "-21").replace("-20", "-21").replace("-16", "-17"))
    book.send("02-12", "keystone:PP-1", KEYSTONE, VOLTAIC, kg("7450", "floor_scale/4"), next_day="02-13")
    book.send("01-26", "norte:RM-1", NORTE, SUMMIT, kg("21180"), next_day="01-30")
    book.send("01-27", "norte:PA-1", NORTE, SUMMIT, kg("31940"), next_day="01-30")
    return Chapter(
        "Breaking",
        "Nobody assays a whole battery. What came out of the breaker, weighed and assayed, tells what the trucks contained: the ledger counts "
        "it as received then, and says so. Grids and paste go to the smelter; both scales' weights are kept.",
        book.events,
    )


def smelting() -> Chapter:
    """January to March: campaigns, slag that is run again, dross that comes back."""
    book = _Book()
    key = "summit/furnace-1"
    book.add(
        key,
        "01-05",
        type="receive",
        site="summit:carondelet",
        batch="summit:HEEL-0",
        material="soft_lead",
        mass=kg("12000", "heel_dip"),
        opening=True,
        vessel="K1",
        assay=_assay("Pb=99.97% Sb=5ppm"),
        documents=[_document("stock_take", "2025-12-31")],
        shares=[
            {"feedstock": "end_of_life", "places": {"collected_in": "US", "smelted_in": "US", "refined_in": "US"}, "share": {"value": "70", "unit": "%"}},
            {"feedstock": "primary", "places": {"mined_in": "AU", "smelted_in": "AU", "refined_in": "AU"}, "share": {"value": "30", "unit": "%"}},
        ],
    )
    book.transform(key, "01-22", "desulfurise", ["keystone:BP-1"], [_out("summit:DP-1", "battery_paste", kg("44440"), "Pb=82.5% Sb=195ppm", moisture="10.0")])
    book.transform(
        key,
        "01-24",
        "smelt",
        ["keystone:GM-1", "summit:DP-1"],
        [
            _out("summit:BU-1", "bullion", kg("62000", "crane_cell/1"), "Pb=98.6% Sb=0.29%"),
            _out("summit:SL-1", "slag", kg("14500"), "Pb=9.0% Sb=0.10%"),
            _out("summit:FD-1", "flue_dust", kg("1500", "floor_scale/2"), "Pb=62% Sb=0.40%"),
        ],
        losses=_loss("fume", Pb="60"),
    )
    book.transform(
        key,
        "02-19",
        "smelt",
        ["keystone:GM-2", "keystone:BP-2", "summit:FD-1"],
        [
            _out("summit:BU-2", "bullion", kg("62800", "crane_cell/1"), "Pb=98.5% Sb=0.31%"),
            _out("summit:SL-2", "slag", kg("15200"), "Pb=9.2% Sb=0.10%"),
            _out("summit:FD-2", "flue_dust", kg("1600", "floor_scale/2"), "Pb=61% Sb=0.40%"),
        ],
        losses=_loss("fume", Pb="60"),
    )
    book.transform(
        key,
        "02-02",
        "smelt",
        ["norte:RM-1", "norte:PA-1"],
        [
            _out("summit:BU-3", "bullion", kg("40200", "crane_cell/1"), "Pb=98.7% Sb=0.345%"),
            _out("summit:SL-3", "slag", kg("9600"), "Pb=9.1% Sb=0.10%"),
            _out("summit:FD-3", "flue_dust", kg("1000", "floor_scale/2"), "Pb=61.5% Sb=0.20%"),
        ],
        losses=_loss("fume", Pb="40"),
    )
    book.transform(
        key,
        "02-24",
        "smelt",
        ["summit:SL-1", "summit:SL-2"],
        [_out("summit:BU-4", "bullion", kg("2250", "crane_cell/1"), "Pb=95.0% Sb=1.10%"), _out("summit:SL-4", "slag", kg("24000"), "Pb=2.1% Sb=150ppm")],
    )
    book.add(key, "02-27", type="dispose", site="summit:carondelet", batch="summit:SL-4", reason="final slag to a permitted landfill")
    return Chapter(
        "Smelting",
        "Three campaigns make bullion. Slag is run again until 2 % lead is left and then written off as what it contained; flue dust goes back "
        "into the furnace. Every campaign misses a little: the residual is booked as loss and printed, never spread over the claims.",
        book.events,
    )


def refining() -> Chapter:
    """February and March: kettles with heels, antimony that leaves as dross and comes back, bought metal, alloys."""
    book = _Book()
    key = "summit/furnace-1"
    for number, day, soft, dross, heel in (
        ("1", "01-28", ("58000", "Pb=99.97% Sb=6ppm"), ("3900", "Pb=62% Sb=4.60%"), "summit:HEEL-0"),
        ("2", "02-23", ("59500", "Pb=99.97% Sb=5ppm"), ("4100", "Pb=60.5% Sb=4.74%"), "summit:HEEL-1"),
    ):
        book.transform(
            key,
            day,
            "refine",
            [heel, f"summit:BU-{number}"],
            [
                _out(f"summit:SO-{number}", "soft_lead", kg(soft[0], "floor_scale/3"), soft[1]),
                _out(f"summit:DR-{number}", "dross", kg(dross[0], "floor_scale/3"), dross[1]),
                _out(f"summit:HEEL-{number}", "soft_lead", "balance", vessel="K1"),
            ],
            losses=_loss("fume", Pb="20"),
        )
    book.transform(
        key,
        "02-26",
        "smelt",
        ["summit:DR-1", "summit:DR-2"],
        [_out("summit:BU-5", "bullion", kg("5050", "crane_cell/1"), "Pb=90.5% Sb=6.90%"), _out("summit:SL-5", "slag", kg("1500"), "Pb=15% Sb=1.0%")],
    )
    _bought(book, key)
    book.transform(
        key,
        "03-05",
        "alloy",
        ["summit:BU-5", "summit:BU-3", ("summit:SO-1", kg("10000")), ("summit:SB-77", kg("1150"))],
        [
            _out("summit:AL-31", "antimonial_lead", kg("54900", "floor_scale/3"), "Pb=97.0% Sb=2.93%"),
            _out("summit:DR-3", "dross", kg("1050", "floor_scale/3"), "Pb=88% Sb=1.9%"),
        ],
    )
    book.transform(
        key,
        "03-06",
        "alloy",
        [("summit:SO-2", kg("30000")), ("summit:PL-9", kg("10000")), "summit:CA-4", "summit:SN-2"],
        [
            _out("summit:CAL-8", "calcium_lead", kg("41100", "floor_scale/3"), "Pb=98.92% Sb<5ppm Ca=0.068% Sn=0.96%"),
            _out("summit:DR-4", "dross", kg("320", "floor_scale/3"), "Pb=92% Sb<50ppm Ca=0.2% Sn=1.2%"),
        ],
    )
    for batch, mass in (("summit:SO-1", "47980"), ("summit:AL-31", "54860"), ("summit:CAL-8", "41080")):
        book.send("03-09", batch, SUMMIT, VOLTAIC, kg(mass), next_day="03-10")
    return Chapter(
        "Refining and alloying",
        "The kettle is never empty: its heel, 30 % primary lead from last year, mixes into the first heat. Antimony leaves as dross, comes back as "
        "hard bullion, and still some is bought: antimony mined in Tajikistan, lead from Australia. Bought metal says where it was smelted or "
        "that is unknown; melting it again in Missouri does not make it American.",
        book.events,
    )


def _bought(book: _Book, key: str) -> None:
    """Metal from outside, with the papers that say what it is."""
    for day, batch, material, mass, assay, principal, places in (
        ("02-25", "SB-77", "primary_antimony", "1200", "Sb=99.65%", "Sb", {"mined_in": "TJ", "smelted_in": "TJ", "refined_in": "TH"}),
        ("02-25", "PL-9", "primary_lead", "20000", "Pb=99.985%", "Pb", {"mined_in": "AU", "smelted_in": "AU", "refined_in": "AU"}),
        ("03-02", "CA-4", "calcium_lead", "1000", "Pb=97.0% Ca=3.0%", "Pb", {"refined_in": "DE"}),
        ("03-02", "SN-2", "tin", "400", "Sn=99.9%", "Sn", {"mined_in": "BO", "smelted_in": "BO", "refined_in": "BO"}),
    ):
        book.add(
            key,
            day,
            type="receive",
            site="summit:carondelet",
            batch=f"summit:{batch}",
            material=material,
            mass=kg(mass, "floor_scale/3"),
            assay=_assay(assay),
            shares=[{"feedstock": "primary", "places": places, "share": {"value": "100", "unit": "%"}, "constituent": principal}],
            documents=[_document("supplier_certificate", batch)],
        )


def manufacturing() -> Chapter:
    """March: oxide, grids, plates, five thousand batteries."""
    book = _Book()
    key = "voltaic/plant-1"
    book.transform(
        key,
        "03-11",
        "oxide",
        [("summit:SO-1", kg("40000"))],
        [_out("voltaic:OX-11", "lead_oxide", kg("42150", "silo_dip"), "Pb=94.75% Sb<5ppm")],
        losses=_loss("baghouse", Pb="30"),
    )
    book.transform(
        key,
        "03-12",
        "grid",
        [("summit:AL-31", kg("22000"))],
        [
            _out("voltaic:GP-12", "battery_plate", kg("21600", "floor_scale/4"), "Pb=97.0% Sb=2.92%"),
            _out("voltaic:GD-12", "dross", kg("380", "floor_scale/4"), "Pb=90% Sb=2.6%"),
        ],
    )
    book.transform(
        key,
        "03-13",
        "grid",
        [("summit:CAL-8", kg("18000"))],
        [
            _out("voltaic:GN-13", "battery_plate", kg("17750", "floor_scale/4"), "Pb=98.9% Sb<5ppm Ca=0.060% Sn=0.95%"),
            _out("voltaic:GD-13", "dross", kg("230", "floor_scale/4"), "Pb=93% Sb<50ppm Ca=0.3% Sn=1.1%"),
        ],
    )
    book.transform(
        key,
        "03-16",
        "paste",
        [("voltaic:OX-11", kg("16000")), ("voltaic:GP-12", kg("12000"))],
        [
            _out("voltaic:PP-16", "battery_plate", kg("28700", "floor_scale/4"), "Pb=91.3% Sb=1.19%"),
            _out("voltaic:SC-16", "plant_scrap", kg("640", "floor_scale/4"), "Pb=89% Sb=1.2%"),
        ],
    )
    book.transform(
        key,
        "03-17",
        "paste",
        [("voltaic:OX-11", kg("14000")), ("voltaic:GN-13", kg("11000"))],
        [
            _out("voltaic:PN-17", "battery_plate", kg("25900", "floor_scale/4"), "Pb=91.5% Sb<10ppm Ca=0.025% Sn=0.395%"),
            _out("voltaic:SC-17", "plant_scrap", kg("480", "floor_scale/4"), "Pb=90% Sb<10ppm Ca=0.02% Sn=0.40%"),
        ],
    )
    book.transform(
        key,
        "03-19",
        "assemble",
        ["voltaic:PP-16", "voltaic:PN-17", ("summit:AL-31", kg("2600")), ("keystone:PP-1", kg("4800"))],
        [
            _out(
                "voltaic:BA-19",
                "battery",
                kg("82000", "floor_scale/4"),
                "Pb=63.5% Sb=0.50% Sn=0.122% Ca=76ppm PP=5.6%",
                pieces=5000,
                serials=[["DY26C-000001", "DY26C-005000"]],
            ),
            _out("voltaic:GD-19", "dross", kg("300", "floor_scale/4"), "Pb=95% Sb=2.4% Sn=0.3% Ca=50ppm PP<0.1%"),
        ],
    )
    book.transform(
        key,
        "03-23",
        "form",
        ["voltaic:BA-19"],
        [
            _out(
                "voltaic:FB-23",
                "battery",
                kg("91500", "floor_scale/4"),
                "Pb=56.9% Sb=0.448% Sn=0.109% Ca=67ppm PP=5.0%",
                pieces=5000,
                serials=[["DY26C-000001", "DY26C-005000"]],
            )
        ],
    )
    for batch, mass in (("voltaic:SC-16", "640"), ("voltaic:SC-17", "480")):
        book.send("03-24", batch, VOLTAIC, SUMMIT, kg(mass, "floor_scale/3"), next_day="03-26")
    return Chapter(
        "Oxide, plates, batteries",
        "Lead gains oxygen and acid and weighs more at every step; the lead and antimony in it do not. Plate scrap goes back to the smelter and "
        "keeps the history it has: scrap is not new recycled metal.",
        book.events,
    )


def corrections() -> Chapter:
    """What really happens in a plant: a weight settled later, a late assay, a count, a double entry."""
    book = _Book()
    book.add(
        "keystone/scale-1",
        "02-20",
        type="correct",
        of={"batch": "keystone:RB-26-1004"},
        event={
            "type": "receive",
            "time": "2026-01-09T14:00:00Z",
            "site": "keystone:reading",
            "batch": "keystone:RB-26-1004",
            "material": "spent_battery",
            "mass": lb("41870"),
            "tare": lb("33460"),
            "feedstock": "end_of_life",
            "places": {"collected_in": "US"},
            "documents": [_document("weigh_ticket", "26-1004"), _document("settlement", "26-1004")],
        },
        reason="settled at the shipper's weight",
    )
    book.add(
        "summit/furnace-1",
        "03-12",
        type="assay",
        site="summit:carondelet",
        batch="summit:SL-3",
        assay=_assay("Pb=9.4% Sb=0.11%"),
        documents=[_document("assay_report", "SL-3")],
    )
    book.truck("03-02", "26-1013", "41900", "33500")
    book.truck("03-02", "26-1031", "41900", "33500")
    book.add("keystone/scale-1", "03-03", type="void", of={"batch": "keystone:RB-26-1031"}, reason="one truck entered twice, digits turned")
    book.add(
        "voltaic/plant-1", "03-30", type="adjust", site="voltaic:dayton", batch="voltaic:OX-11", mass={"value": "-180", "unit": "kg"}, reason="quarterly count"
    )
    book.add(
        "summit/furnace-1",
        "03-31",
        type="adjust",
        site="summit:carondelet",
        batch="summit:SO-2",
        mass={"value": "65", "unit": "kg"},
        assay=_assay("Pb=99.97%"),
        reason="quarterly count found one block more",
    )
    return Chapter(
        "Corrections",
        "A truck's weight is settled late: the correction is a new record, and everything made from that truck is derived again. A count finds "
        "metal that the book does not have: it enters as unknown, for a count proves no origin. A truck entered twice is voided. Nothing is edited.",
        book.events,
    )


def shipment() -> Chapter:
    """The lot that a customer buys."""
    book = _Book()
    book.events.append(
        (
            "voltaic/plant-1",
            {
                "time": "2026-03-31T14:00:00Z",
                "type": "transform",
                "kind": "split",
                "site": "voltaic:dayton",
                "inputs": [{"batch": "voltaic:FB-23", "mass": {"pieces": 2000}}],
                "outputs": [
                    {
                        "batch": "voltaic:LOT-4711",
                        "material": "battery",
                        "mass": kg("36600", "floor_scale/4"),
                        "pieces": 2000,
                        "serials": [["DY26C-000001", "DY26C-002000"]],
                    }
                ],
            },
        )
    )
    return Chapter(
        "A customer's lot",
        f"{CUSTOMER} buys 2,000 batteries and asks for proof: how much of the lead and antimony is recycled, and where was it collected and "
        "smelted? The lot is split off; the certificates will stand on it alone.",
        book.events,
    )


def chapters() -> Iterator[Chapter]:
    """Return the story."""
    yield from (collection(), breaking(), smelting(), refining(), manufacturing(), corrections(), shipment())
