"""Random days at two plants that also declare, certify and take back; and what two verifiers say of such a ledger."""

from __future__ import annotations

import hashlib
import random
from fractions import Fraction
from pathlib import Path
from typing import Any

from books import ORIGIN, TIME
from exported import exported
from house import stored
from keyring import signer
from ledger.errors import LedgerError
from ledger.record import Record
from ledger.trust import Trust
from ledger.view import Changes
from outside import MODEL, YEAR
from program import Program
from second import audits, forgery

Raw = dict[str, Any]


class Declaring(Program):
    """Random days: what comes in is of one of two models, lots of a model are declared, shipments certified, and both taken back."""

    def __init__(self) -> None:
        super().__init__()
        self.declared = 0
        self.acts = (*self.acts, self.declare, self.declare, self.declare, self.certify, self.certify, self.certify, self.take_back)

    def receipt(self, a: int, b: int, material: str, **more: Any) -> tuple[str, Raw]:
        """Receive something of a stated model."""
        return super().receipt(a, b, material, **more, product={"model": f"M{a % 2}"})

    def declare(self, a: int, b: int) -> tuple[str, Raw] | None:
        """Declare lots as they were signed in: mostly of one plant and model, sometimes of a wrong mass, plant or kind."""
        receipts = [event for _, event in self.done if event["type"] == "receive" and event.get("assay")]
        if not receipts:
            return None
        first = receipts[a % len(receipts)]
        alike = [one for one in receipts if (one["site"], one["product"]) == (first["site"], first["product"])]
        lots = {one["batch"]: one for one in [first, *alike[: b % 3], *(receipts[:1] if b % 13 == 0 else [])]}
        mass = sum(round(Fraction(one["mass"]["value"]) * 10**6) for one in lots.values())
        self.declared += 1
        party = first["batch"].split(":")[0]
        kind, letters = ("recycled-content", "RP") if b % 5 else ("domestic-origin", "OP")
        return party, {
            **declaration(*sorted(lots), site=first["site"], model=first["product"]["model"], kind=kind),
            "number": f"{party}-{letters}-{self.declared:04d}",
            "mass_mg": mass + (b % 11 == 0),
            "credential": hashlib.sha256(str(self.declared).encode()).hexdigest(),
        }

    def certify(self, a: int, b: int) -> tuple[str, Raw] | None:
        """Certify a batch, mostly with others of its holder beside it, sometimes for a wrong mass or with a stranger's."""
        first = self.held(a, is_open=False)
        if first is None:
            return None
        others = [
            batch for batch in self.batches() if batch.id != first.id and (batch.holder == first.holder or b % 17 == 0) and batch.dry_left
        ]
        lots = sorted({first.id: first} | {batch.id: batch for batch in others[a % 5 : a % 5 + b % 4]})
        masses = {batch.id: batch.gross_left for batch in self.batches()}
        self.declared += 1
        kind, letters = ("recycled-content", "RC") if b % 5 else ("domestic-origin", "DO")
        event: Raw = {"type": "certify", "time": TIME, "site": first.site, "kind": kind, "batch": lots[0]}
        return first.holder, {
            **event,
            "number": f"{first.holder}-{letters}-{self.declared:04d}",
            "mass_mg": masses[lots[0]] + (b % 11 == 0),
            "credential": hashlib.sha256(str(self.declared).encode()).hexdigest(),
            "valid_until": "2027-03-31T09:00:00Z",
            "beside": [{"batch": name, "mass_mg": masses[name] - (b % 13 == 0)} for name in lots[1:]],
        }

    def take_back(self, a: int, b: int) -> tuple[str, Raw] | None:
        """Withdraw a certificate, perhaps once more."""
        numbers = [(key.split("/")[0], event["number"]) for key, event in self.done if event["type"] in ("certify", "declare")]
        if not numbers:
            return None
        party, number = numbers[a % len(numbers)]
        return party, {"type": "withdraw", "time": TIME, "certificate": number, "reason": "counted wrongly"}


def declaration(*batches: str, **more: object) -> Raw:
    """Return a declaration of lots of a model."""
    head = {"type": "declare", "time": TIME, "site": "voltaic:works", "kind": "recycled-content", "number": "voltaic-RP-0001"}
    made = {"model": MODEL["model"], "period": YEAR, "batches": [*batches], "mass_mg": len(batches) * 30_000_000}
    return {**head, **made, "credential": "ab" * 32, "valid_until": "2027-03-31T09:00:00Z", **more}


def verdicts_on_ledger(seed: int, folder: Path) -> list[tuple[str, str]]:
    """Return what both verifiers say of a random ledger, then of it with, at the end, one record each that its books refused."""
    dice = random.Random(seed)
    program = Declaring() if seed % 2 else Program()
    tried: list[tuple[int, bytes]] = []
    submit = program.books.submit

    def remembering(record: Record) -> Changes:
        try:
            return submit(record)
        except LedgerError:
            tried.append((len(program.books.records), record.note))
            raise

    program.books.submit = remembering  # type: ignore[method-assign]
    program.run([(dice.randrange(999), dice.randrange(999), dice.randrange(999)) for _ in range(60)])
    dice.shuffle(tried)
    trust = Trust(program.books.ledger_id, ORIGIN, (signer(ORIGIN).vkey,))
    house = stored(program.books, folder / "ledger")
    found = [audits(exported(house, folder / "export"), trust)]
    for number, (size, note) in enumerate(tried[:6]):
        entries = [*(record.note for record in program.books.records[:size]), note]
        found.append(audits(forgery(folder / f"forged-{number}", entries), trust))
    return found
