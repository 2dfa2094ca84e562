"""The credential as `vc+jwt`: inside a JSON Web Signature, in place of the proof that it otherwise carries.

W3C Recommendation "Securing Verifiable Credentials using JOSE and COSE" (2025-05-15), section 3.1.1: the unsecured credential is the
payload of a JWS in compact serialization (RFC 7515, section 7.1), `typ` is `vc+jwt`, `cty` is `vc`, and `kid` is the verification method
(section 4.1.1). No JWT claim is added: section 3.1.3 forbids `vc`, advises against `nbf`, and `iss`, `jti` and `sub` would only say
`issuer` and `id` a second time. So the payload is exactly the canonical JSON whose SHA-256 the `certify` record names.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from ledger.certificates.credential import MAX_BYTES, SIGNATURE_BYTES, read_credential, verification_method_of, verify_proof
from ledger.errors import CertificateError, EncodingError, FormatError, LedgerError, LimitError, SignatureError
from ledger.keys import public_key_of_did, verify
from ledger.tlog import canonical
from schemas.certificate import TYPE_OF_KIND, TYPE_OF_PRODUCT

MEDIA_TYPE: Final = "application/vc+jwt"
ALGORITHM: Final = "EdDSA"
"""RFC 8037, section 3.1. RFC 9864 calls the same `Ed25519`, which fewer verifiers know so far."""

_FIXED: Final = {"alg": ALGORITHM, "cty": "vc", "typ": "vc+jwt"}
_SHOWN_CHARACTERS: Final = 200
_PREFIX: Final = b"eyJ"
"""How base64url of a JSON object with a first member begins."""

Verify = Callable[[bytes, bytes, bytes], None]


@dataclass(frozen=True, slots=True)
class Token:
    """A `vc+jwt` as it was read; nothing in it is believed before `verify_token`."""

    kid: str
    payload: bytes
    message: bytes
    signature: bytes


def is_token(data: bytes) -> bool:
    """Say whether bytes look like a JWS in compact serialization."""
    return data.startswith(_PREFIX) and data.count(b".") == 2  # noqa: PLR2004 - header, payload and signature


def secure(payload: bytes, *, verification_method: str, sign: Callable[[bytes], bytes]) -> bytes:
    """Return a `vc+jwt` in compact serialization.

    Args:
        payload: The JSON of a credential without a proof.
        verification_method: `did:key:z6Mk…#z6Mk…` of the key.
        sign: Returns the Ed25519 signature of a message.
    """
    header = canonical.encode({**_FIXED, "kid": verification_method})
    message = _encode(header) + b"." + _encode(payload)
    return message + b"." + _encode(sign(message))


def read_token(data: bytes) -> Token:
    """Read a `vc+jwt` in its one spelling, narrower than the standard: the header has four members and no others.

    Args:
        data: The token; one line feed behind it is allowed, for editors leave one.

    Raises:
        LimitError: It is larger than any certificate of ours.
        FormatError: It is no `vc+jwt` of this form.
    """
    if len(data) > 2 * MAX_BYTES:
        raise LimitError("the vc+jwt", got=len(data), limit=2 * MAX_BYTES, unit="bytes")
    message, _, last = data.removesuffix(b"\n").rpartition(b".")
    first, dot, second = message.partition(b".")
    if not dot:
        raise FormatError("the vc+jwt has not the three parts of a JWS")
    return Token(_key_id(_decode(first, "header")), _decode(second, "payload"), message, _decode(last, "signature"))


def _key_id(data: bytes) -> str:
    """Return the `kid` of a header in which everything else is as it must be."""
    try:
        header = canonical.parse(data, what="the vc+jwt's header")
    except EncodingError as error:
        raise FormatError(str(error)) from None
    if not isinstance(header, dict) or set(header) != {*_FIXED, "kid"}:
        raise FormatError("the vc+jwt's header has not exactly the members alg, cty, kid and typ")
    for name, wanted in _FIXED.items():
        if header[name] != wanted:
            raise FormatError(f"the vc+jwt's {name} is {header[name]!r}, want {wanted!r}")
    kid = header["kid"]
    if not isinstance(kid, str):
        raise FormatError("the vc+jwt's kid is not text")
    return kid


def verify_token(token: Token, verify: Verify) -> str:
    """Verify the signature of a token with the key that its `kid` names.

    Returns:
        The did that signed. That it is the issuer's is for whoever reads the payload to compare.

    Raises:
        CertificateError: The kid is no verification method of an Ed25519 did:key, or the signature does not hold.
    """
    did = token.kid.partition("#")[0]
    try:
        public_key = public_key_of_did(did)
    except LedgerError as error:
        raise CertificateError(f"the vc+jwt's kid names no key that may sign: {error}") from error
    if verification_method_of(public_key) != token.kid:
        raise CertificateError(f"the vc+jwt's kid is {token.kid!r}, want {verification_method_of(public_key)!r}")
    if len(token.signature) != SIGNATURE_BYTES:
        raise CertificateError(f"the vc+jwt's signature has {len(token.signature)} bytes, want {SIGNATURE_BYTES}")
    try:
        verify(public_key, token.message, token.signature)
    except SignatureError as error:
        raise CertificateError(f"the vc+jwt's signature does not hold: {error}") from error
    return did


def credential_of(token: Token) -> dict[str, Any]:
    """Return the credential of ours in a token. Its signature is `verify_token`'s to check.

    Raises:
        LimitError: It is larger than any certificate of ours.
        FormatError: The payload is no credential of ours without a proof, in canonical JSON.
    """
    _check_types(token.payload)
    document = read_credential(token.payload).document()
    if "proof" in document:
        raise FormatError("the vc+jwt's credential carries a proof of its own")
    if canonical.encode(document) != token.payload:
        raise FormatError("the vc+jwt's credential is not in canonical JSON")
    return document


def _check_types(payload: bytes) -> None:
    """Say what a token of somebody else's credential holds, before its form is looked at."""
    try:
        types = json.loads(payload)["type"]
    except (ValueError, RecursionError, LookupError, TypeError):
        raise FormatError("the vc+jwt's payload is no credential") from None
    if isinstance(types, list) and not {*map(str, types)} & {*TYPE_OF_KIND.values(), *TYPE_OF_PRODUCT.values()}:
        raise FormatError(
            f"the vc+jwt holds a {', '.join(map(str, types))[:_SHOWN_CHARACTERS]}, which is no certificate of this program",
            hint="a UNTP credential made from a certificate names it with its digest; verify that certificate",
        )


def opened(data: bytes, verify: Verify = verify) -> tuple[dict[str, Any], Callable[[], object]]:
    """Return the credential of a certificate, JSON or `vc+jwt`, and what checks who signed it.

    Of a `vc+jwt` the credential has, in place of a proof, only the proof's `verificationMethod`: whoever asks the ledger whose key signed
    then finds it where it always is. The check raises CertificateError where the signature is not the issuer's over this credential.

    Raises:
        LimitError, FormatError: The bytes are no certificate of ours.
    """
    if not is_token(data):
        document = read_credential(data).document()
        return document, lambda: verify_proof(document, verify)
    token = read_token(data)
    enveloped = credential_of(token)

    def check() -> None:
        did = verify_token(token, verify)
        if enveloped["issuer"]["id"] != did:
            raise CertificateError(f"the vc+jwt is signed with the key of {did}, the issuer is {enveloped['issuer']['id']}")

    return {**enveloped, "proof": {"verificationMethod": token.kid}}, check


def _encode(data: bytes) -> bytes:
    """Encode bytes in base64url without padding (RFC 7515, section 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _decode(text: bytes, part: str) -> bytes:
    """Decode base64url in its one spelling: no padding, no other characters, no bits left over.

    Raises:
        FormatError: It is anything else.
    """
    try:
        data = base64.b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        data = b""
    if _encode(data) != text:
        raise FormatError(f"the vc+jwt's {part} is not base64url in its one spelling")
    return data
