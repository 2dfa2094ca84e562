"""Certificates as JSON: syntax, then meaning; and what is handed over beside them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from ground import vector
from issued import proved
from ledger.certificates.credential import without_proof
from ledger.tlog import canonical
from pack import Hostile, named
from words import HIDDEN, JSON, SHOWN

WITH_EVIDENCE = ("verify", "{file}", "--evidence", "{evidence}", "--trust", "{trust}")
BESIDE = ("verify", "{certificate}", "--evidence", "{file}", "--trust", "{trust}")

Raw = dict[str, Any]
Change = Callable[[Raw], object]


def certificate() -> Raw:
    """Return the certificate that holds."""
    read: Raw = json.loads(vector("certificate.json"))
    return read


def changed(change: Change, *, signed: bool = False) -> bytes:
    """Return the certificate with something changed, signed again by its issuer or not."""
    made = certificate()
    change(made)
    if signed:
        made = proved(without_proof(made), "voltaic/1")
    return json.dumps(made).encode()


def put(*path: str | int, value: object) -> Change:
    """Return what puts a value at a place."""

    def change(made: Any) -> None:
        for step in path[:-1]:
            made = made[step]
        made[path[-1]] = value

    return change


MEANING: dict[str, Change] = {
    "no proof": lambda made: made.pop("proof"),
    "proof is a list": lambda made: put("proof", value=[made["proof"]] * 2)(made),
    "proof is null": put("proof", value=None),
    "proof with a challenge": put("proof", "challenge", value="x"),
    "proof of another suite": put("proof", "cryptosuite", value="ecdsa-jcs-2019"),
    "proof of another purpose": put("proof", "proofPurpose", value="authentication"),
    "proof value empty": put("proof", "proofValue", value=""),
    "proof value endless": put("proof", "proofValue", value="z" + "1" * 100_000),
    "proof value in base64": put("proof", "proofValue", value="uAAAA"),
    "proof value of zeros": put("proof", "proofValue", value="z" + "1" * 64),
    "proof time of another form": put("proof", "created", value="yesterday"),
    "proof time with an escape": put("proof", "created", value="\x1b[2J"),
    "proof by a small-order key": put(
        "proof",
        "verificationMethod",
        value="did:key:z6MkeTG3bFFSLYVU7VqhgZxqr6YzpaGrQtFMh1uvqGy1vDnP#z6MkeTG3bFFSLYVU7VqhgZxqr6YzpaGrQtFMh1uvqGy1vDnP",
    ),
    "proof by a did on the web": put("proof", "verificationMethod", value="did:web:evil.example#key"),
    "proof under another context": put("proof", "@context", value=["https://evil.example/v2"]),
    "context from elsewhere": put("@context", value=["https://evil.example/v2"]),
    "type of another kind": put("type", value=["VerifiableCredential", "DomesticOriginCredential"]),
    "one milligram more": lambda made: put("credentialSubject", "mass_mg", value=made["credentialSubject"]["mass_mg"] + 1)(made),
    "mass negative": put("credentialSubject", "mass_mg", value=-1),
    "mass as text": put("credentialSubject", "mass_mg", value="1000"),
    "mass true": put("credentialSubject", "mass_mg", value=True),
    "share of 100 per cent": put("credentialSubject", "claims", 0, "percent", value="100.00"),
    "share over nothing": put("credentialSubject", "claims", 0, "of_mg", value=0),
    "claims empty": put("credentialSubject", "claims", value=[]),
    "another customer": put("credentialSubject", "customer", value="Somebody else"),
    "another batch": put("credentialSubject", "batch", value="voltaic:A2"),
    "batch of another grammar": put("credentialSubject", "batch", value="voltaic:../A1"),
    "valid for ever": put("validUntil", value="9999-12-31T23:59:59Z"),
    "valid until a day that is none": put("validUntil", value="2027-02-30T00:00:00Z"),
    "basis of another ledger": put("basis", "ledger", value="00" * 32),
    "basis of size 0": put("basis", "size", value=0),
    "basis of a huge size": put("basis", "size", value=2**53 - 1),
    "basis of another root": put("basis", "root", value="00" * 32),
    "basis root in capitals": lambda made: put("basis", "root", value=made["basis"]["root"].upper())(made),
    "an unknown field": put("HOLDS", value=True),
    "an unknown field inside": put("credentialSubject", "HOLDS", value=True),
    "a status list on the web": put("credentialStatus", value={"id": "https://evil.example/status"}),
    "ten thousand claims": lambda made: put("credentialSubject", "claims", value=made["credentialSubject"]["claims"] * 10_000)(made),
    "ten thousand verdicts": lambda made: put("credentialSubject", "verdicts", value=made["credentialSubject"]["verdicts"] * 10_000)(made),
    "number of another form": put("credentialSubject", "number", value="voltaic-RC-0001\n"),
    "number in other digits": put("credentialSubject", "number", value="voltaic-RC-\u0660\u0660\u0660\u0661"),
}
SIGNED = (
    "one milligram more",
    "share of 100 per cent",
    "another customer",
    "valid for ever",
    "basis of another ledger",
    "basis of size 0",
    "basis of a huge size",
    "basis of another root",
)
"""Changes that the issuer itself may have signed: what contradicts them is the log."""


def files() -> Iterator[Hostile]:
    """Yield certificates."""
    yield from named("certificate of", JSON)
    yield from named("certificate:", {name: changed(change) for name, change in MEANING.items()}, WITH_EVIDENCE)
    yield from named("certificate signed again:", {name: changed(MEANING[name], signed=True) for name in SIGNED}, WITH_EVIDENCE)
    names = {**HIDDEN, "markup": SHOWN["page markup"], "formula": SHOWN["formula equals"], "homoglyph": SHOWN["homoglyph"]}
    customers = {name: changed(put("credentialSubject", "customer", value=text)) for name, text in names.items()}
    yield from named("certificate to a customer with", customers, WITH_EVIDENCE)
    issuers = {name: changed(put("issuer", "name", value=text), signed=True) for name, text in names.items()}
    yield from named("certificate by an issuer with", issuers, WITH_EVIDENCE)
    yield from _beside()


def _beside() -> Iterator[Hostile]:
    good = vector("certificate.json")
    yield Hostile("certificate without evidence", good)
    yield Hostile("certificate with a byte order mark", b"\xef\xbb\xbf" + good, WITH_EVIDENCE)
    yield Hostile("certificate in utf-16", good.decode().encode("utf-16"), WITH_EVIDENCE)
    yield Hostile("certificate with a megabyte of spaces", b" " * 2**20 + good, WITH_EVIDENCE)
    yield Hostile("certificate cut in half", good[: len(good) // 2], WITH_EVIDENCE)
    yield Hostile("certificate in its canonical form and a newline", canonical.encode(certificate()) + b"\n", WITH_EVIDENCE)
    yield Hostile("certificate with another certificate's evidence", vector("origin.evidence"), BESIDE)
    yield Hostile("certificate with a key's evidence", vector("key.evidence"), BESIDE)
    yield Hostile("certificate with itself for evidence", good, BESIDE)
    yield Hostile("certificate with evidence that lacks an input", vector("missing-input.evidence"), BESIDE)
    yield Hostile("certificate with a record for evidence", vector("certify.record"), BESIDE)
    yield Hostile("certificate with nothing for evidence", b"", BESIDE)
