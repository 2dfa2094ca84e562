"""Parties, sites and keys: who may sign what, and since when."""

from __future__ import annotations

from dataclasses import replace

from ledger import policy as rule_data
from ledger.errors import AuthorityError, DuplicateError, OriginError, RuleError, UnknownError
from ledger.keys import check_public_key, verify_possession
from ledger.memory import Memory
from ledger.tlog.note import Algorithm, VerifierKey, parse_vkey
from ledger.view import KeyFacts, LedgerFacts
from schemas.event import Admit, Enrol, Genesis, Retire, Revoke, SiteEvent
from schemas.identifier import REGISTRAR, party_of
from schemas.party import SCOPES


def require(signer: KeyFacts, scope: str) -> None:
    """Check that a key may sign this.

    Raises:
        AuthorityError: It is retired or revoked, or was not enrolled for it.
    """
    if signer.ended is not None:
        raise AuthorityError(f"key {signer.name} was {'retired' if signer.revoked is None else 'revoked'} by record {signer.ended}")
    if scope not in signer.scopes:
        raise AuthorityError(f"key {signer.name} may sign {', '.join(signer.scopes)}; this needs {scope}")


def ed25519_key(text: str, *, what: str) -> VerifierKey:
    """Return a key that may be enrolled.

    Raises:
        FormatError: It is no vkey.
        SignatureError: It is a small-order or non-canonical point.
        RuleError: It is of another algorithm.
    """
    vkey = parse_vkey(text)
    if vkey.algorithm is not Algorithm.ED25519:
        raise RuleError(f"{what} {vkey.name} has algorithm {vkey.algorithm:#04x}, records are signed with Ed25519 (0x01)")
    check_public_key(vkey.public_key)
    return vkey


def genesis(sheet: Memory, signer: KeyFacts, place: int, event: Genesis, *, record: str) -> LedgerFacts:
    """Begin a ledger.

    Raises:
        RuleError: It has begun already, or its keys do not have their names.
        UnknownVersionError: Its rule data is not known here.
    """
    if place or sheet.facts is not None:
        raise RuleError("a ledger has one genesis, its record 0")
    registrar = ed25519_key(event.registrar, what="registrar key")
    if party_of(registrar.name) != REGISTRAR:
        raise RuleError(f"the registrar's key is named {registrar.name}, want {REGISTRAR}/…")
    for text in event.log:
        log = ed25519_key(text, what="log key")
        if log.name != event.origin:
            raise RuleError(f"the log key is named {log.name}, want the origin {event.origin}")
        if log.public_key == registrar.public_key:
            raise DuplicateError("public key", log.name, hint="registrar and log have keys of their own")
    rule_data.check(event.policy.version, event.policy.sha256)
    sheet.put_key(signer)
    sheet._facts = LedgerFacts(  # noqa: SLF001 - the sheet is ours until the record is folded in
        record, event.origin, event.registrar, tuple(event.log), event.policy.version, event.policy.sha256
    )
    return sheet._facts  # noqa: SLF001


def admit(sheet: Memory, signer: KeyFacts, place: int, event: Admit) -> None:
    """Admit a party with its first, admin key.

    Raises:
        AuthorityError, DuplicateError, SignatureError: The registrar did not sign, the names are taken, the key is not theirs.
    """
    require(signer, REGISTRAR)
    if sheet.party(event.party.id) is not None:
        raise DuplicateError("party", event.party.id)
    sheet.parties[event.party.id] = event.party
    _introduce(sheet, event.party.id, event.key, event.proof, SCOPES, place)


def _introduce(sheet: Memory, party: str, text: str, proof: str, scopes: tuple[str, ...], place: int) -> None:
    """Enrol a key under a party: a name once per ledger, a public key once, with proof of possession."""
    vkey = ed25519_key(text, what="key")
    if party_of(vkey.name) != party or "/" not in vkey.name:
        raise AuthorityError(f"key {vkey.name} does not belong to {party}: its name begins with {party}/")
    if sheet.key(vkey.name) is not None:
        raise DuplicateError("key", vkey.name, hint="a key name is used once per ledger, for ever")
    public = vkey.public_key.hex()
    taken = sheet.key_of(public)
    facts = sheet.facts
    if facts is not None and any(parse_vkey(log).public_key == vkey.public_key for log in facts.log):
        taken = facts.origin
    if taken is not None:
        raise DuplicateError("public key", taken, hint="a public key is enrolled once, under one party; make a new one")
    if facts is not None:
        verify_possession(vkey, proof, facts.origin)
    sheet.put_key(KeyFacts(vkey.name, party, public, scopes, place >> 8))


def site(sheet: Memory, signer: KeyFacts, event: SiteEvent) -> None:
    """Register a site of the signer's party. Later facts replace earlier ones, but a plant does not change country or owner.

    Raises:
        AuthorityError: The party's admin key did not sign.
        OriginError: The site would move to another country.
    """
    require(signer, "admin")
    new = event.site
    if new.party != signer.party or party_of(new.id) != new.party:
        raise AuthorityError(f"site {new.id} of {new.party} cannot be registered by {signer.party}")
    old = sheet.site(new.id)
    if old is not None and old.country != new.country:
        raise OriginError(f"site {new.id} lies in {old.country}, it cannot move to {new.country}; register another site")
    sheet.sites[new.id] = new


def enrol(sheet: Memory, signer: KeyFacts, place: int, event: Enrol) -> None:
    """Enrol another key of the signer's party.

    Raises:
        AuthorityError: The party's admin key did not sign.
    """
    require(signer, "admin")
    if event.party != signer.party:
        raise AuthorityError(f"key {signer.name} cannot enrol keys of {event.party}")
    _introduce(sheet, event.party, event.key, event.proof, tuple(sorted(set(event.scopes))), place)


def _own_key(sheet: Memory, signer: KeyFacts, name: str) -> KeyFacts:
    facts = sheet.key(name)
    if facts is None:
        raise UnknownError("key", name)
    if facts.party != signer.party:
        raise AuthorityError(f"key {name} belongs to {facts.party}, not to {signer.party}")
    return facts


def _check_active(facts: KeyFacts, *, hint: str | None = None) -> None:
    if not facts.active:
        ended = "retired" if facts.revoked is None else "revoked"
        raise RuleError(f"key {facts.name} is {ended} already, by an earlier record", hint=hint)


def retire(sheet: Memory, signer: KeyFacts, place: int, event: Retire) -> None:
    """Retire a key of the signer's party; what it signed stands.

    Raises:
        AuthorityError, UnknownError: It is not the signer's to retire.
        RuleError: It has ended.
    """
    require(signer, "admin")
    facts = _own_key(sheet, signer, event.key)
    _check_active(facts)
    sheet.put_key(replace(facts, retired=place >> 8))


def revoke(sheet: Memory, signer: KeyFacts, place: int, event: Revoke) -> None:
    """Revoke a key: the party's admin key, or the registrar without saying since when.

    That a key was compromised is often known after it has ended; then its party may still say since when, once.

    Raises:
        AuthorityError: Neither signed, or the registrar dated the compromise.
        RuleError: It has ended, and nothing new is said.
    """
    if REGISTRAR in signer.scopes:
        facts = _registrar_revokes(sheet, signer, event)
    else:
        require(signer, "admin")
        facts = _own_key(sheet, signer, event.key)
        if facts.compromised_since is not None or event.compromised_since is None:
            undated = facts.compromised_since is None
            _check_active(facts, hint="was it in other hands? then say since when: --compromised-since TIME" if undated else None)
    sheet.put_key(replace(facts, retired=facts.ended, revoked=place >> 8, compromised_since=event.compromised_since))


def _registrar_revokes(sheet: Memory, signer: KeyFacts, event: Revoke) -> KeyFacts:
    """Return the key that the registrar revokes, which may be any active one but its own."""
    require(signer, REGISTRAR)
    if event.compromised_since is not None:
        raise AuthorityError("the registrar may revoke a key but not date its compromise; the party's admin key may")
    facts = sheet.key(event.key)
    if facts is None:
        raise UnknownError("key", event.key)
    if facts.party == REGISTRAR:
        raise AuthorityError(f"key {event.key} is the registrar's own")
    _check_active(facts)
    return facts
