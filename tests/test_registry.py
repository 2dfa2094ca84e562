"""Parties, sites and keys: who may sign what, and since when."""

import hashlib

import pytest

from books import ORIGIN, TIME, Books, genesis_record
from events import books, certify, dispose, last, receive, refused
from keyring import signer
from ledger import policy
from ledger.errors import (
    AuthorityError,
    ChainError,
    DuplicateError,
    FormatError,
    OriginError,
    RuleError,
    SignatureError,
    UnknownError,
    UnknownVersionError,
)
from ledger.keys import generate, prove_possession
from ledger.memory import Memory
from ledger.state import apply, authenticate
from ledger.tlog.note import Algorithm, VerifierKey

R, K, V = "registrar/1", "keystone/1", "voltaic/1"
SMALL_ORDER = bytes([1]) + bytes(31)


def admit(party, key=None, proof=None, vkey=None):
    key = key or signer(f"{party}/1")
    proof = proof or prove_possession(key, ORIGIN)
    facts = {"id": party, "name": party.title(), "country": "US"}
    return {"type": "admit", "time": TIME, "party": facts, "key": vkey or key.vkey.format(), "proof": proof}


def enrol(name, scopes=("record",), party=None, key=None, proof=None):
    key = key or signer(name)
    proof = proof or prove_possession(key, ORIGIN)
    party = party or name.split("/")[0]
    return {"type": "enrol", "time": TIME, "party": party, "key": key.vkey.format(), "proof": proof, "scopes": list(scopes)}


def site(identifier, country="US", party=None):
    facts = {"id": identifier, "party": party or identifier.split(":")[0], "name": "Works", "country": country}
    return {"type": "site", "time": TIME, "site": facts}


def retire(name):
    return {"type": "retire", "time": TIME, "key": name}


def revoke(name, **more):
    return {"type": "revoke", "time": TIME, "key": name, **more}


@pytest.fixture
def ledger():
    return books("keystone", "voltaic")


def test_a_party_is_admitted_by_the_registrar_alone(ledger):
    refused(ledger, K, admit("newco"), AuthorityError, "key keystone/1 may sign admin, record, certify, attest; this needs registrar")
    refused(ledger, R, admit("keystone"), DuplicateError, "party keystone exists already")
    ledger.log(R, admit("newco"))
    assert ledger.memory.key("newco/1").scopes == ("admin", "record", "certify", "attest")


def test_the_registrar_signs_nothing_as_a_party(ledger):
    refused(ledger, R, site("keystone:x"), AuthorityError, "key registrar/1 may sign registrar; this needs admin")
    refused(ledger, R, enrol("keystone/2"), AuthorityError, "key registrar/1 may sign registrar; this needs admin")
    refused(ledger, R, retire(K), AuthorityError, "key registrar/1 may sign registrar; this needs admin")
    refused(ledger, R, receive("keystone:A"), AuthorityError, "key registrar/1 may sign registrar; this needs record")


def test_a_key_name_and_a_public_key_are_used_once_for_ever(ledger):
    ledger.log(K, enrol("keystone/2"))
    refused(ledger, K, enrol("keystone/2"), DuplicateError, "key keystone/2 exists already")
    ledger.log(K, retire("keystone/2"))
    refused(ledger, K, enrol("keystone/2"), DuplicateError, "key keystone/2 exists already")
    same = renamed("keystone/2", "keystone/3")
    refused(ledger, K, enrol("keystone/3", key=same), DuplicateError, "public key keystone/2 exists already")
    for name in (R, ORIGIN):
        taken = renamed(name, "keystone/3")
        refused(ledger, K, enrol("keystone/3", key=taken), DuplicateError, f"public key {name} exists already")


def renamed(name, other):
    """Return the signer of one name under another."""
    return generate(other, seed=hashlib.sha256(name.encode()).digest())


def test_possession_is_proved_for_this_very_name_and_ledger(ledger):
    of_another_name = prove_possession(renamed("keystone/2", "keystone/9"), ORIGIN)
    of_another_ledger = prove_possession(signer("keystone/2"), "ledger.example/other")
    for proof in (of_another_name, of_another_ledger):
        with pytest.raises(SignatureError) as caught:
            ledger.log(K, enrol("keystone/2", proof=proof))
        public = signer("keystone/2").vkey.public_key.hex()
        want = f"does not hold: the signature is not one of public key {public} over this text"
        assert str(caught.value) == f"the proof of possession of keystone/2 for {ORIGIN} {want}"
        assert ledger.memory.key("keystone/2") is None


def test_a_key_of_small_order_is_not_enrolled(ledger):
    weak = VerifierKey("keystone/2", Algorithm.ED25519, SMALL_ORDER).format()
    with pytest.raises(SignatureError) as caught:
        ledger.log(K, {**enrol("keystone/2"), "key": weak})
    assert str(caught.value) == f"public key {SMALL_ORDER.hex()} is of small order, not canonical or no key at all"
    with pytest.raises(SignatureError):
        ledger.log(R, admit("newco", vkey=VerifierKey("newco/1", Algorithm.ED25519, SMALL_ORDER).format()))
    assert ledger.memory.party("newco") is None


def test_a_key_of_another_algorithm_is_not_enrolled(ledger):
    public = signer("keystone/2").vkey.public_key
    other = VerifierKey("keystone/2", Algorithm.COSIGNATURE, public).format()
    refused(
        ledger, K, {**enrol("keystone/2"), "key": other}, RuleError,
        "key keystone/2 has algorithm 0x04, records are signed with Ed25519 (0x01)",
    )  # fmt: skip


def test_a_key_belongs_to_the_party_of_its_name(ledger):
    message = "key voltaic/9 does not belong to keystone: its name begins with keystone/"
    refused(ledger, K, enrol("voltaic/9", party="keystone"), AuthorityError, message)
    refused(ledger, K, enrol("voltaic/9"), AuthorityError, "key keystone/1 cannot enrol keys of voltaic")
    message = "key voltaic/9 does not belong to newco: its name begins with newco/"
    refused(ledger, R, admit("newco", key=signer("voltaic/9")), AuthorityError, message)


def test_a_key_signs_within_its_scopes(ledger):
    ledger.log(K, enrol("keystone/scale", ["record"]), enrol("keystone/office", ["certify"]))
    ledger.log("keystone/scale", receive("keystone:A"))
    message = "key keystone/office may sign certify; this needs record"
    refused(ledger, "keystone/office", receive("keystone:B"), AuthorityError, message)
    refused(ledger, "keystone/office", dispose("keystone:A"), AuthorityError, message)
    mass = ledger.batch("keystone:A").gross_left
    refused(ledger, "keystone/scale", certify("keystone:A", mass), AuthorityError, "key keystone/scale may sign record; this needs certify")
    for event in (enrol("keystone/7"), site("keystone:x"), retire("keystone/scale"), revoke("keystone/scale")):
        refused(ledger, "keystone/scale", event, AuthorityError, "key keystone/scale may sign record; this needs admin")
    ledger.log("keystone/office", certify("keystone:A", mass))


def test_a_retired_or_revoked_key_signs_nothing_more_and_what_it_signed_stands(ledger):
    ledger.log(K, enrol("keystone/2"), enrol("keystone/3"))
    ledger.log("keystone/2", receive("keystone:A"))
    ledger.log(K, retire("keystone/2"), revoke("keystone/3", compromised_since=TIME))
    index = ledger.memory.size - 1
    refused(ledger, "keystone/2", receive("keystone:B"), AuthorityError, f"key keystone/2 was retired by record {index}")
    refused(ledger, "keystone/3", receive("keystone:B"), AuthorityError, f"key keystone/3 was revoked by record {index}")
    assert ledger.batch("keystone:A").dry_left
    assert ledger.memory.key("keystone/3").compromised_since == TIME
    for event in (retire("keystone/2"), revoke("keystone/2")):
        refused(ledger, K, event, RuleError, "key keystone/2 is retired already, by an earlier record")
    for event in (retire("keystone/3"), revoke("keystone/3")):
        refused(ledger, K, event, RuleError, "key keystone/3 is revoked already, by an earlier record")
    refused(ledger, R, revoke("keystone/2"), RuleError, "key keystone/2 is retired already, by an earlier record")
    refused(ledger, R, revoke("keystone/3"), RuleError, "key keystone/3 is revoked already, by an earlier record")


@pytest.mark.parametrize("end", ["retired by its party", "revoked by the registrar"])
def test_of_a_key_that_has_ended_its_party_may_still_say_once_since_when_it_was_compromised(ledger, end):
    ledger.log(K, enrol("keystone/2"))
    ledger.log(*((K, retire("keystone/2")) if end == "retired by its party" else (R, revoke("keystone/2"))))
    first = ledger.memory.size - 1
    refusal = refused(ledger, K, revoke("keystone/2"), RuleError, f"key keystone/2 is {end.split()[0]} already, by an earlier record")
    assert refusal.hint == "was it in other hands? then say since when: --compromised-since TIME"
    refused(ledger, V, revoke("keystone/2", compromised_since=TIME), AuthorityError, "key keystone/2 belongs to keystone, not to voltaic")
    message = "the registrar may revoke a key but not date its compromise; the party's admin key may"
    refused(ledger, R, revoke("keystone/2", compromised_since=TIME), AuthorityError, message)
    ledger.log(K, revoke("keystone/2", compromised_since=TIME))
    facts = ledger.memory.key("keystone/2")
    assert (facts.ended, facts.revoked, facts.compromised_since) == (first, first + 1, TIME)
    refused(ledger, "keystone/2", receive("keystone:B"), AuthorityError, f"key keystone/2 was revoked by record {first}")
    refusal = refused(
        ledger,
        K,
        revoke("keystone/2", compromised_since="2020-01-01T00:00:00Z"),
        RuleError,
        "key keystone/2 is revoked already, by an earlier record",
    )
    assert refusal.hint is None
    refused(ledger, K, retire("keystone/2"), RuleError, "key keystone/2 is revoked already, by an earlier record")


def test_another_active_key_of_the_party_corrects_what_a_retired_one_signed(ledger):
    from events import correct

    ledger.log(K, enrol("keystone/2"))
    ledger.log("keystone/2", receive("keystone:A"))
    ledger.log(K, retire("keystone/2"))
    ledger.log(K, correct("keystone:A", receive("keystone:A", feedstock="primary")))


def test_keys_of_others_are_neither_retired_nor_revoked(ledger):
    for event in (retire(V), revoke(V)):
        refused(ledger, K, event, AuthorityError, "key voltaic/1 belongs to voltaic, not to keystone")
    for event in (retire("keystone/9"), revoke("keystone/9")):
        refused(ledger, K, event, UnknownError, "no key keystone/9 in this ledger")


def test_the_registrar_may_revoke_but_not_date_a_compromise(ledger):
    message = "the registrar may revoke a key but not date its compromise; the party's admin key may"
    refused(ledger, R, revoke(V, compromised_since=TIME), AuthorityError, message)
    refused(ledger, R, revoke("keystone/9"), UnknownError, "no key keystone/9 in this ledger")
    refused(ledger, R, revoke(R), AuthorityError, "key registrar/1 is the registrar's own")
    ledger.log(R, revoke(V, reason="lost"))
    assert not ledger.memory.key(V).active


def test_a_site_keeps_its_party_and_country(ledger):
    refused(ledger, K, site("voltaic:x"), AuthorityError, "site voltaic:x of voltaic cannot be registered by keystone")
    message = "site voltaic:x of keystone cannot be registered by keystone"
    refused(ledger, K, site("voltaic:x", party="keystone"), AuthorityError, message)
    message = "site keystone:works lies in US, it cannot move to MX; register another site"
    refused(ledger, K, site("keystone:works", "MX"), OriginError, message)
    ledger.log(K, site("keystone:works"))


def test_rule_data_that_this_program_does_not_carry_is_refused(ledger):
    event = {"type": "policy", "time": TIME, "policy": {"version": "9", "sha256": "0" * 64}}
    refused(
        ledger, R, event, FormatError,
        "field policy: rule data version 9 is not known to this program, which carries version 1",
    )  # fmt: skip
    message = "key keystone/1 may sign admin, record, certify, attest; this needs registrar"
    refused(ledger, K, event, AuthorityError, message)


# Record 0


def genesis(registrar="registrar/1", log=ORIGIN, **more):
    rules = policy.load()
    return {
        "type": "genesis",
        "time": TIME,
        "origin": ORIGIN,
        "registrar": signer(registrar).vkey.format(),
        "log": [renamed("log", log).vkey.format()],
        "policy": {"version": rules.version, "sha256": rules.sha256},
        "nonce": "0" * 32,
        **more,
    }


@pytest.mark.parametrize(
    ("raw", "key", "error", "message"),
    [
        (genesis("keystone/1"), "keystone/1", RuleError, "the registrar's key is named keystone/1, want registrar/…"),
        (genesis(log="ledger.example/other"), "registrar/1", RuleError,
         "the log key is named ledger.example/other, want the origin ledger.example/lead"),
        (genesis(), "registrar/2", AuthorityError, "record 0 is signed by registrar/2, its genesis names the registrar registrar/1"),
        (genesis(policy={"version": "2", "sha256": "0" * 64}), "registrar/1", UnknownVersionError,
         "rule data version is '2', this program knows 1"),
    ],
)  # fmt: skip
def test_a_ledger_begins_with_a_genesis_that_holds_together(raw, key, error, message):
    memory = Memory()
    record = genesis_record(raw, signer(key))
    with pytest.raises(error) as caught:
        apply(memory, record)
    assert str(caught.value) == message


def test_registrar_and_log_do_not_share_a_key():
    raw = genesis()
    raw["log"] = [renamed("registrar/1", ORIGIN).vkey.format()]
    with pytest.raises(DuplicateError, match=f"^public key {ORIGIN} exists already\n"):
        apply(Memory(), genesis_record(raw, signer("registrar/1")))


def test_the_first_record_is_a_genesis_and_there_is_one():
    ledger = Books()
    record = ledger.draft(R, admit("newco"))
    with pytest.raises(ChainError, match="^record 0 names no genesis, no earlier record and no checkpoint$"):
        apply(Memory(), record)
    with pytest.raises(AuthorityError, match="^key registrar/1 is not enrolled in this ledger$"):
        authenticate(Memory(), record)
    refused(ledger, R, genesis(), RuleError, "a ledger has one genesis, its record 0")
    assert last(ledger)["record"] == ledger.ledger_id
