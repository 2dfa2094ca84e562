"""Certificates as vc+jwt: what other JWT libraries were talked into."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

from ground import vector
from keyring import signer
from ledger.certificates.credential import verification_method_of, without_proof
from ledger.certificates.jwt import secure
from ledger.tlog import canonical
from pack import Hostile, named

WITH_EVIDENCE = ("verify", "{file}", "--evidence", "{evidence}", "--trust", "{trust}")


def _encoded(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _payload() -> bytes:
    return canonical.encode(without_proof(json.loads(vector("certificate.json"))))


def _kid(name: str = "voltaic/1") -> str:
    return verification_method_of(signer(name).public_key)


def token(payload: bytes | None = None, *, name: str = "voltaic/1", **changes: Any) -> bytes:
    """Return the certificate as a token whose header says something else, rightly signed."""
    header = {"alg": "EdDSA", "cty": "vc", "typ": "vc+jwt", "kid": _kid(name), **changes}
    head = json.dumps({key: value for key, value in header.items() if value != "left out"}).encode()
    message = _encoded(head) + b"." + _encoded(_payload() if payload is None else payload)
    return message + b"." + _encoded(signer(name).sign(message))


def _keyed(algorithm: str, secret: bytes) -> bytes:
    message = token(alg=algorithm).rpartition(b".")[0]
    return message + b"." + _encoded(hmac.new(secret, message, hashlib.sha256).digest())


def files() -> Iterator[Hostile]:
    """Yield tokens."""
    good = secure(_payload(), verification_method=_kid(), sign=signer("voltaic/1").sign)
    message, _, signature = good.rpartition(b".")
    public = signer("voltaic/1").public_key
    other = canonical.encode({**json.loads(_payload()), "type": ["VerifiableCredential", "DriverLicence\u202e"]})
    made = {
        "alg none": token(alg="none").rpartition(b".")[0] + b".",
        "alg None": token(alg="None"),
        "alg none with the good signature": token(alg="none").rpartition(b".")[0] + b"." + signature,
        "hs256 keyed by the public key": _keyed("HS256", public),
        "hs256 keyed by the kid": _keyed("HS256", _kid().encode()),
        "alg ed25519": token(alg="Ed25519"),
        "alg a list": token(alg=["EdDSA"]),
        "crit": token(crit=["exp"]),
        "b64 false": token(b64=False, crit=["b64"]),
        "a key in its header": token(jwk={"kty": "OKP", "crv": "Ed25519", "x": _encoded(public).decode()}),
        "a key on the web": token(jku="https://evil.example/keys"),
        "a certificate chain": token(x5c=["AAAA"]),
        "packed": token(zip="DEF"),
        "no kid": token(kid="left out"),
        "kid a path": token(kid="../../../etc/passwd"),
        "kid of another key": token(kid=_kid("keystone/1")),
        "kid with an escape": token(kid="\x1b[2J"),
        "kid a number": token(kid=1),
        "typ jwt": token(typ="JWT"),
        "no cty": token(cty="left out"),
        "signed by a stranger": token(name="stranger/1"),
        "no signature": message + b".",
        "a signature too long": good + b"AAAA",
        "a signature with padding": good + b"==",
        "a signature in standard base64": message + b"." + base64.b64encode(b"\xff" * 64),
        "stray bits": good[:-1] + (b"B" if good[-1:] != b"B" else b"C"),
        "four parts": good + b".AAAA",
        "two parts": message,
        "header a list": _encoded(b"[]") + good[good.index(b".") :],
        "header twice a key": _encoded(b'{"alg":"none","alg":"EdDSA"}') + good[good.index(b".") :],
        "header deep": _encoded(b'{"a":' * 100_000) + good[good.index(b".") :],
        "payload no json": token(b"HOLDS"),
        "payload deep": token(b"[" * 100_000),
        "payload a huge number": token(b"9" * 1_000_000),
        "payload of somebody else's credential": token(other),
        "payload with spaces": token(_payload().replace(b",", b", ")),
        "payload with its proof": token(canonical.encode(json.loads(vector("certificate.json")))),
        "payload of a million types": token(canonical.encode({"type": ["x"] * 100_000})),
        "newline twice": good + b"\n\n",
        "space before": b" " + good,
        "newline once": good + b"\n",
    }
    yield from named("token with", made, WITH_EVIDENCE)
