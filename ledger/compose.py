"""A record made ready: drafts completed one after the other, each in the light of those before it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ledger.draft import Opening, Raw, completed, seal
from ledger.errors import AuthorityError, FormatError, LedgerError
from ledger.memory import Memory
from ledger.state import enter
from ledger.view import Changes, Head, View, position
from schemas.event import Event
from schemas.record import Header, Seen


@dataclass(frozen=True, slots=True)
class Composed:
    """A record's header and events, ready to be signed, and what opens its sealed fields."""

    header: Header
    events: tuple[Event, ...]
    openings: tuple[Opening, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the next record of a key stands: its number, the one before it, and the checkpoint that its signer has seen."""

    seq: int
    prev: str | None
    seen: Seen | None


def place_of(view: View, key: str, *, seen: Seen | None) -> Place:
    """Return where the next record of a key stands in a ledger."""
    head = view.head(key)
    return Place(head.seq + 1 if head else 0, head.record if head else None, seen)


def compose(
    view: View, raws: Sequence[Raw], *, key: str, place: Place, made: str, salt: Callable[[int], bytes], over: str | None = None
) -> Composed:
    """Return a record that this ledger would take.

    Args:
        view: The ledger.
        raws: Its events as people write them.
        key: The name of the key that will sign.
        place: Where it stands in its key's chain.
        made: The time of signing, RFC 3339.
        salt: Gives n random bytes.
        over: The record that this one replaces in an outbox.

    Raises:
        RuleError, FormatError: It would not take it; nothing was signed.
    """
    facts, signer = view.facts, view.key(key)
    if signer is None:
        raise AuthorityError(
            f"key {key} is not enrolled in this ledger",
            hint="the registrar admits a party with its first key; the party's admin key enrols the others",
        )
    header = Header(
        genesis=facts.ledger_id if facts else None, key=key, made=made, prev=place.prev, seen=place.seen, seq=place.seq, over=over
    )
    sheet = Memory(view)
    sheet.note_record(view.size, "this record", key)
    changes = Changes(view.size, "this record", key, Head(place.seq, "", 0))
    events, openings = [], []
    for number, raw in enumerate(raws):
        try:
            sealed, opened = seal(raw, number, salt=salt)
            event = completed(sealed, sheet, index=view.size)
            spot = position(view.size, number)
            sheet.events[spot] = event
            enter(sheet, changes, signer, spot, event)
        except LedgerError as refusal:
            refusal.add_note(str(number))
            raise
        events.append(event)
        openings += opened
    return Composed(header, tuple(events), tuple(openings))


def blind(
    raws: Sequence[Raw], *, key: str, place: Place, made: str, salt: Callable[[int], bytes], ledger_id: str, known: dict[str, str]
) -> Composed:
    """Return a record for a ledger that is out of reach. Whether it will take it, it says when it is submitted.

    Args:
        raws: Its events as people write them.
        key: The name of the key that will sign.
        place: Where it stands in its key's chain.
        made: The time of signing, RFC 3339.
        salt: Gives n random bytes.
        ledger_id: The ledger that it is for.
        known: The records that fixed the signer's own batches; what this record makes is added as "".

    Raises:
        FormatError: An event leaves open what nobody here knows.
    """
    events, openings = [], []
    for number, raw in enumerate(raws):
        sealed, opened = seal(raw, number, salt=salt)
        try:
            event = completed(sealed, None, index=-1, known=known)
        except FormatError as refusal:
            refusal.add_note(str(number))
            raise
        for output in getattr(event, "outputs", [event] if event.type in ("receive", "return") else []):
            known[output.batch] = ""
        events.append(event)
        openings += opened
    header = Header(genesis=ledger_id, key=key, made=made, prev=place.prev, seen=place.seen, seq=place.seq)
    return Composed(header, tuple(events), tuple(openings))
