"""Issuing a certificate: its number, the events that split its mass off and register it, and the books on which it is built.

The order is: `split_raw` where less than a whole batch is certified, `entered` with that event, `build`, `certify_raw`; both events go into
one record, so that either all of it is in the log or nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from ledger.certificates.credential import digest
from ledger.certified import PREFIX
from ledger.declared import PREFIX as OF_PRODUCT
from ledger.draft import Raw
from ledger.errors import ClaimError, OverdrawnError, UnknownError, grams
from ledger.memory import Memory
from ledger.state import enter
from ledger.view import LAST, Changes, Head, View, position
from schemas.event import Event
from schemas.measurement import Quantity
from schemas.rule import Kind

_MOISTURE_PLACES = 12


def entered(view: View, events: Sequence[Event], *, key: str, record: str = "this record") -> Memory:
    """Return the books with the first events of the next record entered, laid over a view that is not changed.

    Args:
        view: The books before that record.
        events: Its first events, complete.
        key: The name of the key that signs it.
        record: Its id, where it is known.

    Raises:
        UnknownError: There is no such key.
        RuleError: The ledger would not take them.
    """
    signer = view.key(key)
    if signer is None:
        raise UnknownError("key", key)
    sheet, index = Memory(view), view.size
    sheet.note_record(index, record, key)
    changes = Changes(index, record, key, Head(0, record, 0))
    for number, event in enumerate(events):
        place = position(index, number)
        sheet.events[place] = event
        enter(sheet, changes, signer, place, event)
    return sheet


def next_number(view: View, party: str, kind: Kind, *, product: bool = False) -> str:
    """Return the next free number of a party's certificates of a kind, over batches or over products."""
    begins = f"{party}-{(OF_PRODUCT if product else PREFIX)[kind]}-"
    count = view.claims_under(begins) + 1
    while view.claim(number := f"{begins}{count:04d}") is not None:
        count += 1
    return number


def split_raw(view: View, batch: str, mass: Quantity, number: str, *, time: str) -> tuple[Raw, str]:
    """Return the event that splits off what is to be certified, as people would write it, and the new batch's number.

    Only that mass is drawn; the rest stays in the batch, weighed as it was and free to be used. The new batch is named for the certificate.

    Raises:
        UnknownError: There is no such batch.
        OverdrawnError: It holds less.
        ClaimError: It holds just that, and is certified whole.
    """
    held = view.batch_before(batch, LAST)
    if held is None:
        raise UnknownError("batch", batch)
    asked = round(mass.milligrams)
    if asked > held.gross_left:
        raise OverdrawnError(batch, left=held.gross_left, asked=asked, what="certify")
    if asked == held.gross_left:
        raise ClaimError(f"batch {batch} holds {grams(asked)} and nothing else, so it is certified whole", hint="leave out the mass")
    stem = new = f"{held.holder}:{number.removeprefix(held.holder + '-')}"
    count = 1
    while view.maker(new) is not None:
        count += 1
        new = f"{stem}-{count}"
    said = mass.model_dump(exclude_none=True)
    output: Raw = {"batch": new, "material": held.material, "mass": said}
    if held.moisture:
        output["moisture"] = {"value": _decimal(held.moisture), "unit": "1"}
    if held.owner:
        output["owner"] = held.owner
    event = {
        "type": "transform",
        "time": time,
        "site": held.site,
        "kind": "split",
        "inputs": [{"batch": batch, "mass": dict(said)}],
        "outputs": [output],
    }
    return event, new


def _decimal(value: Fraction) -> str:
    """Return a moisture as a decimal; twelve places are a thousandth of a milligram in a tonne."""
    scale: int = 10**_MOISTURE_PLACES
    digits = f"{round(value * scale):0{_MOISTURE_PLACES}d}".rstrip("0")
    return f"0.{digits or '0'}"


def certify_raw(view: View, document: Mapping[str, Any], *, time: str) -> Raw:
    """Return the event that registers a credential, as people would write it.

    Args:
        view: The books, in which its batch lies at a site.
        document: As `build` gave it.
        time: RFC 3339.

    Raises:
        UnknownError: There is no such batch.
    """
    subject = document["credentialSubject"]
    said = {
        "time": time,
        "kind": subject["kind"],
        "number": subject["number"],
        "mass_mg": subject["mass_mg"],
        "credential": digest(document),
        "valid_until": document["validUntil"],
    }
    if "batches" in (product := subject.get("product") or {}):
        names = [row["batch"] for row in product["batches"]]
        made = {"site": subject["plant"]["site"], "model": product["model"], "period": dict(subject["period"]), "batches": names}
        return {"type": "declare", **said, **made}
    rows = [{"batch": row["batch"], "mass_mg": row["mass_mg"]} for row in subject.get("shipment") or [subject]]
    first, *others = rows
    batch = view.batch_before(first["batch"], LAST)
    if batch is None:
        raise UnknownError("batch", first["batch"])
    return {"type": "certify", **said, "site": batch.site, **first, **({"beside": others} if others else {})}
