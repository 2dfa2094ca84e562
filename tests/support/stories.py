"""Short stories that leave nothing out of what the books keep, and the books told as plain data, to the milligram and the word.

`python tests/support/stories.py` writes tests/vectors/books.json anew; whoever does that looks at each line that changes.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from books import Books, kg, lb, pct
from events import PAPER, Raw, accept, adjust, assay, books, correct, determine, dispose, receive, returned, ship, transform, void
from events import certify as certified
from events import out as output
from ledger.matter.balance import balances
from ledger.matter.booking import Booking
from ledger.store.codec import batch_text

VECTOR = Path(__file__).parents[1] / "vectors" / "books.json"
K, V = "keystone/1", "voltaic/1"
A, B, C, D, E, F, G, H = (f"keystone:{letter}" for letter in "ABCDEFGH")


def told(made: Books) -> list[dict[str, Any]]:
    """Return every booking in force, field by field, and what they add up to."""
    memory = made.memory
    sums = {constituent: asdict(balance) for constituent, balance in balances(memory.bookings.values(), memory.all_batches()).items()}
    return [*(_told(booking) for _, booking in sorted(memory.bookings.items()) if booking is not None), sums]


def _told(booking: Booking) -> dict[str, Any]:
    return {
        "position": booking.position,
        "site": booking.site,
        "kind": booking.kind,
        "made": list(booking.made),
        "postings": [[p.site, p.account, p.kind, p.constituent, p.mass] for p in booking.postings],
        "edges": [[e.parent, e.child, e.gross, dict(e.contained)] for e in booking.edges],
        "residuals": [[r.constituent, r.into, r.out, r.lost, r.residual, r.bound, r.unknown] for r in booking.residuals],
        "notes": [[note.code, note.message] for note in booking.notes],
        "after": {name: json.loads(batch_text(batch)) for name, batch in booking.after.items()},
    }


def share(feedstock: str, value: str, constituent: str | None = None, **places: Any) -> Raw:
    """Return a share of a mixed load."""
    return {"feedstock": feedstock, "share": pct(value), "places": places} | ({"constituent": constituent} if constituent else {})


def receipts() -> Books:
    """Receive everything there is: by assay and without, with every field that a receipt may state."""
    made = books("keystone", "voltaic")
    traces = {"Pb": pct("2.91", u="0.11", method="XRF"), "Sb": pct("96.3"), "As": pct("0.13"), "Sn": pct("0.0999"), "Cu": pct("0.1")}
    whole = {"Pb": pct("61.7"), "Sb": pct("0.93"), "Cd": {"below": "5", "unit": "ppm"}, "Ag": {"value": "11", "unit": "ppm"}}
    smelted: Raw = {"smelted_in": ["CN", "AU"], "mined_in": "BO"}
    made.log(K, receive(A, "primary_antimony", kg("2017.3", device="floor_scale/2"), assay=traces, feedstock="primary", places=smelted))
    made.log(K, receive(B, "spent_battery", lb("40211"), moisture=pct("1.7"), assay=whole, places={"collected_in": "US"}, documents=None))
    more: Raw = {"vessel": "K1", "pieces": 7, "serials": [["DY-1", "DY-7"], ["DY-9", "DY-11"]], "provisional": True, "owner": "voltaic"}
    shares = [
        share("end_of_life", "33.3", collected_in="CA"),
        share("primary", "44.4", "Sn", mined_in="PE"),
        share("pre_consumer_internal", "1"),
    ]
    made.log(K, receive(C, "antimonial_lead", kg("999.9"), assay={"Pb": pct("95"), "Sb": pct("3"), "Sn": pct("1"), "As": pct("0.05")},
                        feedstock=None, shares=shares, places={"refined_in": "MX"}, **more))  # fmt: skip
    over: Raw = {"moisture": pct("9.5", u="7", method="oven"), "assay": {"Pb": pct("71.3", u="4", method="XRF")}}
    made.log(K, receive(D, "battery_paste", kg("1234.5", u="500", method="belt", device="belt"), **over))
    shares = [share("end_of_life", "60", "Pb"), share("primary", "25"), share("distribution_return", "99.9", "Sb")]
    dry = pct("3", method="assumed")
    made.log(K, receive(E, "spent_battery", kg("10007"), moisture=dry, assay=None, feedstock=None, shares=shares))
    made.log(K, receive(F, "slag", kg("77"), assay={"Pb": pct("4.4"), "Sb": pct("0.31")}, opening=True, documents=None))
    made.log(K, receive(G, "plant_scrap", kg("31.1"), assay={"Pb": pct("50")}, feedstock="pre_consumer_external", pieces=3))
    made.log(V, receive("voltaic:A", assay={"Pb": pct("99.97"), "Sb": pct("0.02"), "Bi": pct("0.009")}, feedstock=None))
    return made


def scrap() -> Books:
    """Break two unassayed trucks with an assayed one; the rest is merged and split unassayed, then smelted."""
    made = books()
    first = [share("end_of_life", "60", "Pb", collected_in="US"), share("primary", "25")]
    made.log(K, receive(A, "spent_battery", kg("10007"), moisture=pct("3"), assay=None, feedstock=None, shares=first))
    made.log(K, receive(B, "spent_battery", kg("4999"), assay=None), receive(C, "spent_battery", kg("1003"), assay={"Pb": pct("60.1")}))
    cut = [{"batch": A, "mass": kg("7001")}, {"batch": B, "mass": kg("1999")}, {"batch": C, "mass": kg("503")}]
    paste = output(D, "battery_paste", kg("4321", device="floor_scale"), {"Pb": pct("74.9"), "Sb": pct("0.05")}, moisture=pct("11"))
    made.log(
        K, transform("break", cut, [paste, output(E, "grid_metal", kg("1234"), {"Pb": pct("95"), "Sn": pct("0.7")})], {"Sb": kg("1.5")})
    )
    made.log(K, transform("merge", [A, B], [output(F, "spent_battery", kg("5903.3")), output(G, "spent_battery", "balance")]))
    made.log(K, transform("split", [{"batch": F, "mass": kg("1000.1")}], [output(f"{F}{n}", "spent_battery", kg("333.37")) for n in "123"]))
    made.log(K, transform("smelt", [f"{F}1", f"{F}2", G], [output(H, "bullion", kg("137"), {"Pb": pct("98"), "Sb": pct("1.1")})]))
    return made


def heats() -> Books:
    """Smelt with declared losses, refine with a balance, a heel and an assay that omits, and lose more than the bound."""
    made = books()
    old, new = (
        receive(A, "battery_paste", kg("5013"), moisture=pct("10.3"), assay={"Pb": pct("75.9"), "Sb": pct("0.09"), "Ag": pct("0.001")}),
        {"Pb": pct("98.1"), "Ag": pct("0.001")},
    )
    made.log(
        K, old, receive(B, mass=kg("401"), assay={"Pb": pct("99.9")}, feedstock="primary", places={"mined_in": "AU", "smelted_in": "CA"})
    )
    fume = {"Pb": kg("33", u="30"), "Sb": kg("0.7", device="floor_scale", u="0.1", method="bag")}
    slag = output(D, "slag", kg("211"), {"Pb": pct("5.1"), "Sb": pct("0.4"), "Sn": {"below": "0.2", "unit": "%"}})
    made.log(K, transform("smelt", [{"batch": A, "mass": kg("4999.9"), "moisture": pct("10.1"), "final": True}],
                          [output(C, "bullion", kg("3309"), new), slag], fume))  # fmt: skip
    heel = output(F, "soft_lead", kg("101", device="heel_dip"), {"Pb": pct("99.9")}, vessel="K3", owner="keystone")
    made.log(
        K, transform("refine", [C, B], [output(E, "soft_lead", kg("3333"), {"Pb": pct("99.97"), "Ag": pct("0.0009", u="0.0009")}), heel])
    )
    made.log(
        K, transform("refine", [F, {"batch": E, "mass": kg("1111.1")}], [output(G, "soft_lead", "balance", vessel="K3", provisional=True)])
    )
    short = output(H, "soft_lead", kg("500", device="floor_scale"), {"Pb": pct("99.97")})
    made.log(K, transform("cast", [{"batch": E, "mass": kg("1111.1")}], [short, output(f"{H}2", "dross", kg("3.3"), {"Pb": pct("88")})]))
    made.log(
        K,
        transform(
            "split", [{"batch": H, "mass": kg("123.4")}], [output(f"{H}3", "soft_lead", kg("100")), output(f"{H}4", "soft_lead", "balance")]
        ),
    )
    made.log(K, adjust(H, kg("1.7"), assay={"Pb": pct("99")}), adjust(f"{H}3", kg("-9.9")))
    made.log(
        K, transform("alloy", [H, f"{H}3", f"{H}4"], [output(f"{H}5", "soft_lead", kg("489.3", device="floor_scale"), {"Pb": pct("100")})])
    )
    made.log(K, ship(f"{H}5"), returned(f"{H}5", f"{H}6", kg("77.7"), "distribution_return"))
    return made


def gains() -> Books:
    """Take more out than went in, within the bound: as booked, and where claims had lost before; then by an unmeasured step."""
    made = books()
    pure = {"Pb": pct("100")}
    made.log(
        K,
        receive(A, mass=kg("600", device="floor_scale"), assay=pure),
        receive(B, mass=kg("401", device="floor_scale"), assay=pure, feedstock="primary"),
    )
    made.log(K, transform("cast", [A, B], [output(C, "soft_lead", kg("900", device="floor_scale"), pure)]))
    more = [output(D, "soft_lead", kg("501.1"), pure), output(E, "dross", kg("1"), {}), output(F, "soft_lead", kg("401.3"), pure)]
    made.log(K, transform("refine", [C], more, {"Pb": kg("0.9")}))
    made.log(K, transform("blend", [D, F], [output(G, "soft_lead", kg("901.9")), output(H, "soft_lead", kg("0.7"))]))
    return made


def roads() -> Books:
    """Ship within the bound, with a loss, a gain, water and acid; some of it to another site of the same party, unshipped."""
    made = books()
    made.admit("voltaic", sites={"works": "US", "annex": "MX"})
    paste: Raw = {"moisture": pct("10"), "assay": {"Pb": pct("75.1"), "Sb": pct("0.3")}}
    names = [f"keystone:P{number}" for number in range(7)]
    made.log(K, *(receive(name, "battery_paste", kg("1000.7", device="floor_scale"), **paste) for name in names))
    made.log(
        K,
        *(ship(name, "voltaic", mass=kg("1000.7", device="floor_scale")) for name in names[:1]),
        *(ship(name, "voltaic") for name in names[1:]),
    )
    got = {"device": "floor_scale"}
    made.log(V, accept(names[0], "voltaic", kg("1001.3", **got), moisture=pct("10.2")), accept(names[1], "voltaic", kg("903.9", **got)))
    made.log(V, accept(names[2], "voltaic", kg("1093.1", u="99", **got), moisture=pct("9.1", u="9", method="oven")))
    made.log(V, accept(names[3], "voltaic", kg("1093.1", **got), difference="water"))
    made.log(V, accept(names[4], "voltaic", kg("871.3", **got), difference="electrolyte"))
    made.log(
        V,
        accept(names[5], "voltaic", kg("957.1", **got), moisture=pct("5.5")),
        accept(names[6], "voltaic", kg("1000.7"), moisture=pct("10")),
    )
    made.log(V, {**dispose(names[1], mass=kg("33.3")), "site": "voltaic:annex"})
    made.log(
        V, transform("smelt", [names[2], names[4]], [output("voltaic:A", "bullion", kg("1190"), {"Pb": pct("98")})], site="voltaic:annex")
    )
    made.log(V, {**ship(names[5]), "site": "voltaic:annex"}, {**ship(names[6], mass=kg("1002.2")), "site": "voltaic:works"})
    return made


def stocks() -> Books:
    """Count, wet, dispose, draw by pieces, to the last gram and a little more; return what went out in each way."""
    made = books("keystone", "voltaic")
    signed = {"unit": "kg"}
    half: Raw = {"Pb": pct("61.3"), "Sb": pct("1.1"), "Sn": {"below": "5", "unit": "ppm"}}
    lots = [share("end_of_life", "50.5", collected_in="US"), share("home_scrap", "20")]
    made.log(K, receive(A, "spent_battery", kg("1000.3"), moisture=pct("2.2"), assay=half, feedstock=None, shares=lots, pieces=101))
    made.log(
        K, adjust(A, {"value": "7.7", **signed}, assay=half | {"As": pct("0.1")}, moisture=pct("1")), adjust(A, {"value": "-3.3", **signed})
    )
    made.log(K, adjust(A, {"value": "4.9", **signed}, kind="water"), dispose(A, mass={"pieces": 13}), dispose(A, mass={"pieces": 1}))
    made.log(K, dispose(A, mass=kg("11.7"), moisture=pct("3.3")), returned(A, B, kg("99.9"), "recovered_waste", moisture=pct("4")))
    made.log(
        K,
        transform(
            "split",
            [{"batch": A, "mass": kg("333.3"), "final": True}],
            [output(C, "spent_battery", kg("311")), output(D, "spent_battery", "balance")],
        ),
    )
    made.log(K, receive(E, "soft_lead", {**lb("2204.6"), "device": "floor_scale"}), ship(C), returned(C, F, kg("10.1"), "rework"))
    made.log(K, returned(C, G, kg("20.2"), "distribution_return"), dispose(E, mass=kg("999.9", device="floor_scale")))
    made.log(K, dispose(E, mass=kg("0.0899", device="floor_scale")), receive(H, "spent_battery", assay=None, moisture=pct("5"), pieces=9))
    made.log(K, adjust(H, {"value": "12.1", **signed}), adjust(H, {"value": "-1.1", **signed}), dispose(H, mass={"pieces": 4}))
    return made


def seconds() -> Books:
    """Say things again: late assays, findings, corrections and voids, with certificates on what is passed on."""
    made = books()
    mine: Raw = {"generator": {"name": "Keystone", "process": "casting"}}
    made.log(K, receive(A, "plant_scrap", kg("900.3"), assay={"Pb": pct("50.5")}, feedstock="pre_consumer_internal", **mine))
    made.log(
        K, receive(B, "plant_scrap", kg("100.1"), assay={"Pb": pct("49.3")}, feedstock="pre_consumer_external", provisional=True, **mine)
    )
    made.log(K, determine(A, "not_reclaimable_in_generating_process"), assay(B, {"Pb": pct("48.8"), "Sb": pct("0.5")}))
    made.log(
        K,
        transform(
            "merge", [{"batch": A, "mass": kg("500.7")}, B], [output(C, "plant_scrap", kg("600.9"), pieces=11, serials=[["X-1", "X-11"]])]
        ),
    )
    made.log(K, certified(C, 600_900_000))
    halves = [output(D, "plant_scrap", kg("300.3"), serials=[["X-1", "X-5"]], owner="keystone"), output(E, "plant_scrap", "balance")]
    made.log(K, transform("blend", [C], halves, owner="keystone"))
    made.log(K, correct(B, receive(B, "plant_scrap", kg("98.1"), assay={"Pb": pct("49.3")}, feedstock="pre_consumer_external", **mine)))
    made.log(K, receive(F, "spent_battery", assay=None))
    made.log(K, determine(F, "not_reclaimable_in_generating_process", answer=False))
    made.log(K, transform("break", [F], [output(G, "battery_paste", kg("903"), {"Pb": pct("74")})]))
    made.log(K, assay(F, {"Pb": pct("66.1")}))
    made.log(K, receive(H, documents=[*PAPER, *PAPER]))
    made.log(K, void(H))
    return made


STORIES: dict[str, Callable[[], Books]] = {story.__name__: story for story in (receipts, scrap, heats, gains, roads, stocks, seconds)}


def main() -> None:
    """Write the vector anew."""
    told_all = {name: told(story()) for name, story in STORIES.items()}
    lines = [
        f'"{name}": [\n' + ",\n".join(json.dumps(booking, sort_keys=True, ensure_ascii=False) for booking in bookings) + "\n]"
        for name, bookings in told_all.items()
    ]
    VECTOR.write_text("{" + ",\n".join(lines) + "}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
