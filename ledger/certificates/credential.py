"""The credential: W3C Verifiable Credential 2.0 with a Data Integrity proof of cryptosuite `eddsa-jcs-2022`.

What is signed are 64 bytes: SHA-256 of the proof's options, then SHA-256 of the document without its proof, both as canonical JSON
(Data Integrity EdDSA Cryptosuites 1.0, section 3.3). Contexts are known by name and never fetched.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ledger.errors import CertificateError, EncodingError, FormatError, LedgerError, LimitError, SignatureError, clipped
from ledger.keys import base58_decode, base58_encode, did_key, public_key_of_did
from ledger.tlog import canonical
from schemas.certificate import Credential
from schemas.identifier import Time

PROOF_TYPE = "DataIntegrityProof"
CRYPTOSUITE = "eddsa-jcs-2022"
PURPOSE = "assertionMethod"
SIGNATURE_BYTES = 64
MAX_BYTES = 16 * 2**20
"""The largest credential that is read: as much as a PDF may carry."""

_FIELDS = ("@context", "created", "cryptosuite", "proofPurpose", "proofValue", "type", "verificationMethod")
_FIXED = {"type": PROOF_TYPE, "cryptosuite": CRYPTOSUITE, "proofPurpose": PURPOSE}
_TIME: TypeAdapter[str] = TypeAdapter(Time)


def read_credential(data: bytes) -> Credential:
    """Read a credential, with or without its proof. Nothing is believed by reading it.

    Args:
        data: JSON in any order and spacing.

    Raises:
        LimitError: It is larger than any certificate of ours.
        FormatError: It is not JSON of the canonical domain, or has not exactly the fields and forms of a credential.
    """
    if len(data) > MAX_BYTES:
        raise LimitError("the credential", got=len(data), limit=MAX_BYTES, unit="bytes")
    try:
        return Credential.model_validate(canonical.parse(data, what="credential"))
    except EncodingError as error:
        raise FormatError(str(error)) from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise FormatError(
            f"credential: {clipped(str(first['msg']).removeprefix('Value error, '), first['input'])}",
            field=".".join(str(part) for part in first["loc"] if "[" not in str(part)) or None,
        ) from None


def digest(credential: Mapping[str, Any]) -> str:
    """Return the SHA-256, in hex, of a credential without its proof: what the `certify` record names.

    Raises:
        EncodingError: The credential holds something that has no canonical JSON.
    """
    return sha256(canonical.encode(without_proof(credential))).hexdigest()


def without_proof(credential: Mapping[str, Any]) -> dict[str, Any]:
    """Return a credential as it was before its proof was added."""
    return {name: value for name, value in credential.items() if name != "proof"}


def lots_in(document: Mapping[str, Any]) -> list[str]:
    """Return the batches that a certificate is about."""
    subject = document["credentialSubject"]
    if "batch" in subject:
        return [subject["batch"]]
    return [row["batch"] for row in subject.get("shipment") or subject["product"]["batches"]]


def about(document: Mapping[str, Any]) -> str:
    """Say in a few words what a certificate is about."""
    subject, names = document["credentialSubject"], lots_in(document)
    if "batch" in subject:
        return f"batch {names[0]}"
    return f"{len(names)} batches" if "shipment" in subject else f"{len(names)} lots of {subject['product']['model']}"


def signed_bytes(document: Mapping[str, Any], options: Mapping[str, Any]) -> bytes:
    """Return the 64 bytes that a proof signs.

    Args:
        document: The credential; its proof is left aside.
        options: The proof; its value is left aside.

    Raises:
        EncodingError: One of them holds something that has no canonical JSON.
    """
    configuration = {name: value for name, value in options.items() if name != "proofValue"}
    return sha256(canonical.encode(configuration)).digest() + bytes.fromhex(digest(document))


def add_proof(credential: Mapping[str, Any], *, created: str, verification_method: str, sign: Callable[[bytes], bytes]) -> dict[str, Any]:
    """Return a credential with its proof (cryptosuite section 3.3.1).

    Args:
        credential: Without a proof.
        created: RFC 3339 time of the proof.
        verification_method: `did:key:z6Mk…#z6Mk…` of the key.
        sign: Returns the Ed25519 signature of a message.

    Raises:
        CertificateError: It holds a proof already, or names no context.
        EncodingError: It holds something that has no canonical JSON.
    """
    if "proof" in credential:
        raise CertificateError("the credential holds a proof already")
    if "@context" not in credential:
        raise CertificateError("the credential names no @context")
    options = {**_FIXED, "created": created, "verificationMethod": verification_method, "@context": credential["@context"]}
    signature = sign(signed_bytes(credential, options))
    return {**credential, "proof": {**options, "proofValue": "z" + base58_encode(signature)}}


def verification_method_of(public_key: bytes) -> str:
    """Return the verification method of an Ed25519 key: its did:key, and the same again as fragment."""
    did = did_key(public_key)
    return f"{did}#{did.removeprefix('did:key:')}"


def verify_proof(credential: Mapping[str, Any], verify: Callable[[bytes, bytes, bytes], None]) -> bytes:
    """Verify the proof of a credential (cryptosuite section 3.3.2), narrower than the standard in that nothing is optional.

    1. The proof has its seven fields and no others, each of the one value or form that is allowed.
    2. The verification method is a did:key of an Ed25519 key whose fragment is its identifier, and the issuer is that did.
    3. The proof was made under the document's own contexts.
    4. The signature is the key's, over options and document.

    Args:
        credential: With its proof.
        verify: Takes public key, message and signature; raises SignatureError.

    Returns:
        The public key that signed. Whose key it is, and whether it might, the caller must find in the log.

    Raises:
        CertificateError: Any of this does not hold.
    """
    proof = credential.get("proof")
    if not isinstance(proof, dict):
        raise CertificateError("the credential has no proof" if proof is None else "the proof is not one object")
    _check_fields(proof)
    did, public_key = _key_of(proof["verificationMethod"])
    issuer = credential.get("issuer")
    named = issuer.get("id") if isinstance(issuer, dict) else issuer
    if named != did:
        raise CertificateError(f"the proof is made with the key of {did}, the issuer is {named}")
    if proof["@context"] != credential.get("@context"):
        raise CertificateError("the proof was made under other contexts than those of the document")
    signature = _signature(proof["proofValue"])
    try:
        verify(public_key, signed_bytes(credential, proof), signature)
    except EncodingError as error:
        raise CertificateError(f"the credential has no canonical form: {error}") from error
    except SignatureError as error:
        raise CertificateError(f"the proof does not hold: {error}") from error
    return public_key


def _check_fields(proof: Mapping[str, Any]) -> None:
    """Step 1: the seven fields, no more and no fewer, each with what may stand there."""
    for name in sorted({*_FIELDS, *proof}):
        if name not in proof:
            raise CertificateError(f"the proof has no {name}")
        if name not in _FIELDS:
            raise CertificateError(f"the proof has a field {name!r} that does not belong there")
        if name != "@context" and not isinstance(proof[name], str):
            raise CertificateError(f"the proof's {name} is not text")
        if proof[name] != _FIXED.get(name, proof[name]):
            raise CertificateError(f"the proof's {name} is {proof[name]!r}, want {_FIXED[name]!r}")
    try:
        _TIME.validate_python(proof["created"])
    except ValidationError:
        raise CertificateError(f"the proof's created is {proof['created']!r}, no RFC 3339 time with an offset") from None


def _key_of(method: str) -> tuple[str, bytes]:
    """Step 2: return the did and the public key of a verification method."""
    did = method.partition("#")[0]
    try:
        public_key = public_key_of_did(did)
    except LedgerError as error:
        raise CertificateError(f"the proof's verificationMethod names no key that may sign: {error}") from error
    if verification_method_of(public_key) != method:
        raise CertificateError(f"the proof's verificationMethod is {method!r}, want {verification_method_of(public_key)!r}")
    return did, public_key


def _signature(value: str) -> bytes:
    """Step 4: return the signature from a proof value: multibase base58btc of 64 bytes, in its one spelling."""
    try:
        signature = base58_decode(value.removeprefix("z"))
    except EncodingError as error:
        raise CertificateError(f"the proof's proofValue cannot be read: {error}") from error
    if not value.startswith("z") or len(signature) != SIGNATURE_BYTES:
        raise CertificateError(f"the proof's proofValue is not base58btc (z…) of {SIGNATURE_BYTES} bytes")
    return signature
