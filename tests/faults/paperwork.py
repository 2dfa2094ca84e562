"""Papers of a simulated company: assays, certificates, corrections; what nobody may; a careless clerk; and who does what how often."""

from __future__ import annotations

from actors import (
    COUNTRIES,
    METALS,
    Act,
    Attempt,
    Raw,
    Scene,
    accept,
    assemble,
    break_batteries,
    bring_back,
    count,
    dispose,
    free,
    heat,
    of,
    output,
    pct,
    receive_metal,
    receive_paste,
    receive_scrap,
    refine,
    ship,
    split,
    transform,
)


def assay(scene: Scene) -> Attempt | None:
    """Enter a laboratory's late result."""
    found = scene.lots(lambda lot: lot.status == "held" and lot.weighed and "Pb" in lot.metal and lot.dry_made > 0)
    if found is None:
        return None
    batch, lot = found
    share = 100 * lot.metal["Pb"][0] / lot.dry_made + scene.chance.gauss(0, 0.4)
    event = scene.event("assay", lot.site, batch=batch, made_by=scene.made_by(lot), assay={"Pb": pct(share)})
    return scene.attempt(event | {"provisional": scene.chance.random() < 0.1})


def certify(scene: Scene) -> Attempt | None:
    """Certify a whole batch, or two of them as one shipment."""
    found = scene.lots(lambda lot: free(lot) and lot.weighed and not lot.is_open and lot.material in (*METALS, "battery"))
    if found is None:
        return None
    lots = dict(sorted(filter(None, (found, scene.lots(of(found[1].material)) if scene.chance.random() < 0.2 else None))))
    uses = [{"batch": batch, "made_by": scene.made_by(lot), "mass_mg": lot.gross} for batch, lot in lots.items()]
    return scene.attempt(_certificate(scene, found[1].site, uses))


def _certificate(scene: Scene, site: str, uses: list[Raw]) -> Raw:
    kind, letters = scene.chance.choice((("recycled-content", "RC"), ("domestic-origin", "DO")))
    number = f"{scene.company.name}-{letters}-{scene.chance.randrange(10**8):08d}"
    paper = {"kind": kind, "number": number, "credential": "ef" * 32, "valid_until": "2027-06-30T00:00:00Z"}
    return scene.event("certify", site, **paper, **uses[0], **({"beside": uses[1:]} if uses[1:] else {}))


def over_certify(scene: Scene) -> Attempt | None:
    """Certify a milligram, or a tenth, more than there is."""
    found = scene.lots(lambda lot: free(lot) and lot.material in (*METALS, "battery"))
    if found is None:
        return None
    batch, lot = found
    mass = lot.gross + scene.chance.choice((1, lot.gross // 10 + 1))
    return scene.attempt(_certificate(scene, lot.site, [{"batch": batch, "made_by": scene.made_by(lot), "mass_mg": mass}]), forbidden=True)


def withdraw(scene: Scene) -> Attempt | None:
    """Withdraw a certificate, if need be for the second time."""
    if not scene.certificates:
        return None
    number = scene.chance.choice(scene.certificates)
    return scene.attempt({"type": "withdraw", "time": scene.time, "certificate": number, "reason": "weighed wrongly"})


def overdraw(scene: Scene) -> Attempt | None:
    """Throw away more than there is, beyond what a scale may be wrong."""
    found = scene.lots(lambda lot: lot.status == "held")
    if found is None:
        return None
    batch, lot = found
    use = scene.use(batch, lot, lot.gross * scene.chance.randrange(103, 300) // 100 + 10**6)
    return scene.attempt(scene.event("dispose", lot.site, reason="landfill", **use), forbidden=True)


def relabel(scene: Scene) -> Attempt | None:
    """Make scrap of refined metal by merging it, or metal of unassayed scrap by splitting it."""
    found = scene.lots(of("soft_lead", "primary_lead", "battery", "antimonial_lead"))
    if found is None:
        return None
    batch, lot = found
    made = [output(scene, scene.chance.choice(("spent_battery", "plant_scrap")), "balance")]
    return scene.attempt(
        transform(scene, scene.chance.choice(("merge", "split", "blend")), lot.site, [scene.use(batch, lot)], made), forbidden=True
    )


def correct(scene: Scene) -> Attempt | None:
    """Correct the mass or the place of something that was done, or void it."""
    if not scene.done:
        return None
    record, number, wrong = scene.chance.choice(scene.done[-60:])
    head = {"time": scene.time, "of": {"record": record, "event": number}}
    if scene.chance.random() < 0.35:
        return scene.attempt({"type": "void", **head, "reason": "entered twice"})
    right = _righted(scene, wrong)
    return None if right is None else scene.attempt({"type": "correct", **head, "event": right, "reason": "written down wrong"})


def _righted(scene: Scene, wrong: Raw) -> Raw | None:
    factor = scene.chance.choice((97, 99, 100, 101, 103, 140, 50))
    if wrong["type"] == "receive":
        mass = wrong["mass"] | {"value": f"{float(wrong['mass']['value']) * factor / 100:.1f}"}
        return wrong | {"mass": mass, **({"places": {"collected_in": scene.chance.choice(COUNTRIES)}} if "assay" not in wrong else {})}
    if wrong["type"] == "transform" and wrong["outputs"][0]["mass"] != "balance":
        first = wrong["outputs"][0]
        mass = first["mass"] | {"value": str(max(1, int(first["mass"]["value"]) * factor // 100))}
        return wrong | {"outputs": [first | {"mass": mass}, *wrong["outputs"][1:]]}
    return wrong | {"assay": {"Pb": pct(60 + factor / 10)}} if wrong["type"] == "assay" else None


def determine(scene: Scene) -> Attempt | None:
    """Answer a question on a batch."""
    found = scene.lots(free)
    if found is None:
        return None
    by = {"name": {"sealed": "ab" * 32}, "role": "process engineer"}
    answer = {"question": "is_waste", "answer": scene.chance.random() < 0.5, "basis": "seen", "by": by}
    return scene.attempt({"type": "determine", "time": scene.time, "of": found[0], **answer})


# The careless clerk


def careless(scene: Scene) -> Attempt | None:
    """Double what was entered, under the same number or a new one; type pounds for kilograms, or a nought too many; take a wrong batch."""
    mistake = scene.chance.randrange(5)
    if mistake <= 1 and scene.done:
        event = next((event for _, _, event in reversed(scene.done) if event["type"] == "receive"), None)
        if event is not None:
            return scene.attempt({**event, "batch": scene.number()}) if mistake else scene.attempt(event, forbidden=True)
    if mistake == 4 and scene.coming is not None:
        batch, lot = scene.coming  # it is not here yet
        return scene.attempt(scene.event("dispose", scene.site, reason="landfill", **scene.use(batch, lot)), forbidden=True)
    typed = receive_scrap(scene).events[0]
    mass: Raw = typed["mass"]
    wrong = (
        {"value": f"{mass['value']}0", "unit": mass["unit"]} if mistake == 2 else {**mass, "unit": "lb" if mass["unit"] == "kg" else "kg"}
    )
    return scene.attempt(typed | {"mass": wrong})


BUSY: tuple[Act, ...] = (split, ship, accept, accept, count, dispose, assay, correct, determine, bring_back, overdraw, careless)
ACTS: dict[str, tuple[Act, ...]] = {
    "yard": (receive_scrap, receive_scrap, receive_paste, break_batteries, break_batteries, break_batteries, *BUSY),
    "smelter": (receive_paste, heat, heat, heat, refine, refine, certify, withdraw, over_certify, *BUSY),
    "maker": (receive_metal, assemble, assemble, refine, certify, certify, certify, withdraw, over_certify, relabel, *BUSY),
    "trader": (receive_metal, receive_metal, ship, relabel, certify, *BUSY),
}
