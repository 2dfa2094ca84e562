"""The one set of rules: what a record changes in a ledger, or why it may not.

Append, audit, verify and simulator all go through `apply`. It reads a view and returns plain changes; it writes nothing.
"""

from __future__ import annotations

from ledger import policy as rule_data
from ledger.amend import correct, derive, determine, late_assay, void
from ledger.declared import declare
from ledger.errors import AuthorityError, ChainError, FormatError, RuleError, SignatureError
from ledger.keys import verify
from ledger.memory import Memory
from ledger.partial import beyond
from ledger.record import Record
from ledger.registry import admit, enrol, genesis, require, retire, revoke, site
from ledger.tlog.note import Algorithm, VerifierKey, parse_vkey
from ledger.view import Amendment, Changes, Head, KeyFacts, View, position
from ledger.withdrawal import withdraw
from schemas.event import (
    Accept,
    Adjust,
    Admit,
    AssayEvent,
    Certify,
    Correct,
    Declare,
    Determine,
    Dispose,
    Enrol,
    Event,
    Genesis,
    Policy,
    Receive,
    Retire,
    Return,
    Revoke,
    Ship,
    SiteEvent,
    Transform,
    Void,
    Withdraw,
)
from schemas.identifier import REGISTRAR

MATTER = (Receive, Transform, Ship, Accept, Adjust, Dispose, Return, Certify)


def authenticate(view: View, record: Record) -> None:
    """Verify that a record is signed by the enrolled key that its header names.

    The enrolled key, by full name, decides; the key ID in the signature line is a hint that must agree.

    Raises:
        AuthorityError: No such key is enrolled.
        SignatureError: The signature is not that key's.
    """
    public = signing_key(view, record).public
    _verify_signature(record, bytes.fromhex(public))


def _verify_signature(record: Record, public: bytes) -> None:
    key = VerifierKey(record.header.key, Algorithm.ED25519, public)
    if record.signature.key_id != key.key_id:
        raise SignatureError(
            f"the signature line of {key.name} has key ID {record.signature.key_id.hex()}, the enrolled key has {key.key_id.hex()}"
        )
    verify(public, record.text, record.signature.signature)


def signing_key(view: View, record: Record) -> KeyFacts:
    """Return the key that a record's header names, as it is enrolled; record 0 introduces the registrar's itself.

    Raises:
        AuthorityError: No such key is enrolled.
    """
    if not view.size and len(record.events) == 1 and isinstance(record.events[0], Genesis):
        vkey = parse_vkey(record.events[0].registrar)
        if vkey.name != record.header.key:
            raise AuthorityError(f"record 0 is signed by {record.header.key}, its genesis names the registrar {vkey.name}")
        return KeyFacts(vkey.name, REGISTRAR, vkey.public_key.hex(), (REGISTRAR,), 0)
    facts = view.key(record.header.key)
    if facts is None:
        raise AuthorityError(
            f"key {record.header.key} is not enrolled in this ledger",
            hint="the registrar admits a party with its first key; the party's admin key enrols the others",
        )
    return facts


def apply(view: View, record: Record) -> Changes:
    """Return what a record changes. The signature is checked apart, by `authenticate`.

    Raises:
        RuleError: A rule does not allow it; nothing of the record holds then, for its events commit together or not at all.
        FormatError: A field has a value that the rule data does not know.
    """
    index = view.size
    sheet = Memory(view)
    _check_header(view, record, partial=sheet.scope is not None)
    sheet.note_record(index, record.id, record.header.key)
    changes = Changes(
        index=index,
        record=record.id,
        key=record.header.key,
        head=Head(record.header.seq, record.id, record.header.seen.size if record.header.seen else 0),
        made=record.header.made,
    )
    signer = signing_key(view, record)
    for number, event in enumerate(record.events):
        place = position(index, number)
        sheet.events[place] = event
        try:
            enter(sheet, changes, signer, place, event)
        except (RuleError, FormatError) as refusal:
            refusal.add_note(f"event {number}")
            raise
    changes.events = dict(sheet.events)
    changes.parties, changes.sites, changes.keys = sheet.parties, sheet.sites, sheet.keys
    changes.bookings, changes.numbers, changes.claims = sheet.bookings, sheet.numbers, sheet.claims
    return changes


def _check_header(view: View, record: Record, *, partial: bool) -> None:
    """Check where a record says that it stands: its ledger, its key's chain, and what the signer saw of the log.

    A partial view lacks records, so a key's chain may have gaps there, and a signer may have seen a root that the view does not know.
    """
    header, facts = record.header, view.facts
    if facts is None:
        if header.genesis is not None or header.seq or header.prev is not None or header.seen is not None:
            raise ChainError("record 0 names no genesis, no earlier record and no checkpoint")
        return
    if header.genesis != facts.ledger_id:
        raise ChainError(f"the record is for ledger {header.genesis}, this is ledger {facts.ledger_id}")
    head = view.head(header.key)
    want = head.seq + 1 if head else 0
    if partial and header.seq > want and header.prev is not None:
        _check_seen(view, record, floor=head.seen if head else 0, partial=True)
        return
    if header.seq != want:
        raise ChainError(
            f"key {header.key} is at seq {want}, the record has seq {header.seq}",
            hint="look at what is waiting with `plumbline outbox`",
        )
    last = head.record if head else None
    if header.prev != last:
        raise ChainError(f"the record before seq {want} of key {header.key} is {last or 'none'}, prev names {header.prev or 'none'}")
    _check_seen(view, record, floor=head.seen if head else 0, partial=partial)


def _check_seen(view: View, record: Record, *, floor: int, partial: bool) -> None:
    seen = record.header.seen
    if seen is None:
        if floor:
            raise ChainError(f"key {record.header.key} had seen {floor} records, this record names no checkpoint")
        return
    if seen.size > view.size:
        raise ChainError(f"the record has seen a log of {seen.size} records, this one has {view.size}")
    if seen.size < floor:
        raise ChainError(f"key {record.header.key} had seen {floor} records, this record has seen {seen.size}")
    root = view.root_at(seen.size)
    if root is None and partial:
        return
    if root is None or root.hex() != seen.root:
        raise ChainError(
            f"the signer saw root {seen.root} at size {seen.size}, this log has {root.hex() if root else 'none'}",
            hint="two histories of one ledger: keep both files, they prove it",
        )


def enter(sheet: Memory, changes: Changes, signer: KeyFacts, place: int, event: Event) -> None:
    """Enter one event on the sheet.

    Raises:
        RuleError, FormatError: It is not allowed, or states a value that the rule data does not know.
    """
    if sheet.scope is not None and beyond(sheet, event):
        return
    if isinstance(event, Genesis):
        changes.facts = genesis(sheet, signer, place, event, record=changes.record)
    elif sheet.facts is None:
        raise RuleError("the first event of a ledger is its genesis")
    elif isinstance(event, MATTER):
        require(signer, "certify" if isinstance(event, Certify) else "record")
        derive(sheet, place)
    elif isinstance(event, AssayEvent | Determine | Correct | Void):
        changes.amendments.append(_amend(sheet, signer, place, event))
    else:
        _register(sheet, signer, place, event)


def _amend(sheet: Memory, signer: KeyFacts, place: int, event: AssayEvent | Determine | Correct | Void) -> Amendment:
    """Enter an event that changes how an earlier one is read."""
    match event:
        case AssayEvent():
            return late_assay(sheet, signer, place, event)
        case Determine():
            return determine(sheet, signer, place, event)
        case Correct():
            return correct(sheet, signer, place, event)
        case Void():
            return void(sheet, signer, place, event)


def _register(
    sheet: Memory, signer: KeyFacts, place: int, event: Policy | Admit | SiteEvent | Enrol | Retire | Revoke | Declare | Withdraw
) -> None:
    """Enter an event about parties, sites, keys, rule data or certificates."""
    match event:
        case Admit():
            admit(sheet, signer, place, event)
        case SiteEvent():
            site(sheet, signer, event)
        case Enrol():
            enrol(sheet, signer, place, event)
        case Retire():
            retire(sheet, signer, place, event)
        case Revoke():
            revoke(sheet, signer, place, event)
        case Declare():
            declare(sheet, signer, place, event)
        case Withdraw():
            withdraw(sheet, signer, place, event)
        case Policy():
            require(signer, REGISTRAR)
            raise FormatError(
                f"rule data version {event.policy.version} is not known to this program, which carries version {rule_data.CURRENT}",
                field="policy",
            )
