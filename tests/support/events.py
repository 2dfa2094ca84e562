"""Events written short, for tests, and what a refusal must leave alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from books import TIME, Books, kg, pct
from ledger.errors import LedgerError
from ledger.matter.booking import Residual

Raw = dict[str, Any]
PAPER = [{"kind": "certificate", "sha256": "ab" * 32}]
SOFT = {"Pb": pct("99.97")}


def books(*parties: str) -> Books:
    """Return books with parties, keystone in the US unless others are named."""
    made = Books()
    for party in parties or ("keystone",):
        made.admit(party)
    return made


def at(batch: str) -> str:
    """Return the works of the party that a batch number begins with."""
    return f"{batch.split(':', maxsplit=1)[0]}:works"


def receive(batch: str, material: str = "soft_lead", mass: Raw | None = None, **more: Any) -> Raw:
    """Return a receipt of 1,000 kg, by default of soft lead with a certificate that says end-of-life."""
    event = {
        "type": "receive",
        "time": TIME,
        "site": at(batch),
        "batch": batch,
        "material": material,
        "mass": mass or kg(1000),
        "feedstock": "end_of_life",
        "documents": PAPER,
        "assay": SOFT,
        **more,
    }
    return {name: value for name, value in event.items() if value is not None}


def out(batch: str, material: str, mass: Raw | str, assay: Raw | None = None, **more: Any) -> Raw:
    """Return an output."""
    return {"batch": batch, "material": material, "mass": mass, **({} if assay is None else {"assay": assay}), **more}


def transform(kind: str, inputs: Sequence[Raw | str], outputs: list[Raw], losses: Raw | None = None, **more: Any) -> Raw:
    """Return a transform; an input that is only a name is taken whole."""
    uses = [{"batch": use} if isinstance(use, str) else use for use in inputs]
    event: Raw = {"type": "transform", "time": TIME, "site": at(uses[0]["batch"]), "kind": kind, "inputs": uses, "outputs": outputs}
    if losses:
        event["losses"] = [{"kind": "fume", "contained": losses}]
    return {**event, **more}


def ship(batch: str, to: str | None = None, **more: Any) -> Raw:
    """Return a shipment to another party's works, or outside."""
    target = f"{to}:works" if to else {"outside": "A customer", "country": "US"}
    return {"type": "ship", "time": TIME, "site": at(batch), "batch": batch, "to": target, **more}


def accept(batch: str, party: str, mass: Raw, **more: Any) -> Raw:
    """Return an acceptance."""
    return {"type": "accept", "time": TIME, "site": f"{party}:works", "batch": batch, "mass": mass, **more}


def assay(batch: str, result: Raw, **more: Any) -> Raw:
    """Return a late laboratory result."""
    return {"type": "assay", "time": TIME, "site": at(batch), "batch": batch, "assay": result, **more}


def adjust(batch: str, mass: Raw, **more: Any) -> Raw:
    """Return a stock-take."""
    return {"type": "adjust", "time": TIME, "site": at(batch), "batch": batch, "mass": mass, "reason": "stock-take", **more}


def dispose(batch: str, **more: Any) -> Raw:
    """Return a disposal."""
    return {"type": "dispose", "time": TIME, "site": at(batch), "batch": batch, "reason": "landfill", **more}


def returned(of: str, batch: str, mass: Raw, kind: str = "rework", **more: Any) -> Raw:
    """Return a return."""
    return {"type": "return", "time": TIME, "site": at(batch), "of": of, "batch": batch, "mass": mass, "as": kind, **more}


def determine(of: str, question: str = "is_waste", *, answer: bool = True) -> Raw:
    """Return a named person's finding."""
    by = {"name": "A. Person", "role": "process engineer"}
    return {"type": "determine", "time": TIME, "of": of, "question": question, "answer": answer, "basis": "a visit", "by": by}


def correct(of: Raw | str, event: Raw) -> Raw:
    """Return a correction of the event that made a batch, or of a named one."""
    named = {"batch": of} if isinstance(of, str) else of
    return {"type": "correct", "time": TIME, "of": named, "event": event, "reason": "written down wrong"}


def void(of: Raw | str) -> Raw:
    """Return a void of the event that made a batch, or of a named one."""
    return {"type": "void", "time": TIME, "of": {"batch": of} if isinstance(of, str) else of, "reason": "entered twice"}


def certify(batch: str, mass_mg: int, *, kind: str = "recycled-content", number: str = "", **more: Any) -> Raw:
    """Return a certificate's event."""
    party = batch.split(":", maxsplit=1)[0]
    prefix = "RC" if kind == "recycled-content" else "DO"
    return {
        "type": "certify",
        "time": TIME,
        "site": at(batch),
        "batch": batch,
        "kind": kind,
        "number": number or f"{party}-{prefix}-0001",
        "mass_mg": mass_mg,
        "credential": "cd" * 32,
        "valid_until": "2027-03-02T14:05:00Z",
        **more,
    }


def last(books: Books, event: int = 0) -> Raw:
    """Return a reference to an event of the last record."""
    return {"record": books.records[-1].id, "event": event}


def refused(books: Books, key: str, event: Raw, error: type[LedgerError], message: str) -> LedgerError:
    """Check that an event is refused with exactly this message, and that nothing changed; return the refusal."""
    memory = books.memory
    before = memory.size, dict(memory.numbers), dict(memory.bookings), dict(memory.events), dict(memory.claims)
    with pytest.raises(error) as caught:
        books.log(key, event)
    assert type(caught.value) is error
    assert str(caught.value) == message
    assert (memory.size, memory.numbers, memory.bookings, memory.events, memory.claims) == before
    books.check()
    return caught.value


def portions(books: Books, batch: str, constituent: str = "Pb") -> dict[tuple[str, ...], int]:
    """Return a batch's portions by class and places, written as a test writes them: ("primary", "mined_in=AU")."""
    return {
        (source.feedstock, *(f"{fact}={'+'.join(countries)}" for fact, countries in source.places)): mass
        for source, mass in books.batch(batch).contents[constituent].booked.left.items()
    }


def messages(books: Books) -> list[str]:
    """Return the messages of every note in force."""
    return [note.message for booking in books.memory.bookings.values() if booking for note in booking.notes]


def residuals(books: Books, batch: str) -> dict[str, Residual]:
    """Return how the step that made a batch closed, by constituent."""
    booking = books.memory.bookings[books.batch(batch).made_at]
    assert booking is not None
    return {residual.constituent: residual for residual in booking.residuals}


def losses(books: Books, constituent: str = "Pb") -> dict[str, int]:
    """Return losses in force by kind, in mg."""
    found: dict[str, int] = {}
    for posting in books.postings():
        if posting.account == "lost" and posting.constituent == constituent:
            found[posting.kind] = found.get(posting.kind, 0) + posting.mass
    return found
