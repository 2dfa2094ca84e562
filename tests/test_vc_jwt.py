"""The credential as `vc+jwt`: what stands in it, by whom it is verified, and everything that is refused."""

from __future__ import annotations

import base64
import json
from hashlib import sha256

import jwt as pyjwt
import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from keyring import signer
from ledger.certificates import jwt
from ledger.certificates.credential import MAX_BYTES, add_proof, digest, verification_method_of
from ledger.certificates.jwt import is_token, opened, read_token, secure, verify_token
from ledger.errors import CertificateError, FormatError, LimitError
from ledger.keys import did_key, verify
from ledger.tlog import canonical
from reports.untp.conformity import conformity_credential
from reports.untp.terms import encode
from sample_credential import credential

KEY = signer("voltaic/certificates")
OTHER = signer("voltaic/another")
METHOD = verification_method_of(KEY.public_key)
HEADER = {"alg": "EdDSA", "cty": "vc", "kid": METHOD, "typ": "vc+jwt"}


def plain(**changes):
    """A credential of KEY's party without its proof."""
    document = credential(**changes)
    del document["proof"]
    return document | {"issuer": document["issuer"] | {"id": did_key(KEY.public_key)}}


def token(document=None, key=KEY):
    payload = canonical.encode(plain() if document is None else document)
    return secure(payload, verification_method=verification_method_of(key.public_key), sign=key.sign)


def part(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def forged(header=HEADER, payload=None, key=KEY):
    """A token of any header and payload, signed well."""
    message = part(json.dumps(header).encode()) + b"." + part(canonical.encode(plain()) if payload is None else payload)
    return message + b"." + part(key.sign(message))


def refused(data, kind=FormatError):
    """What is said of a token."""
    with pytest.raises(kind) as refusal:
        opened(data)[1]()
    return str(refusal.value)


def by_pyjwt(data):
    """What PyJWT reads, with the algorithm and the key that a relying party would pin."""
    return pyjwt.decode_complete(data, key=Ed25519PublicKey.from_public_bytes(KEY.public_key), algorithms=["EdDSA"])


def test_the_header_says_type_content_algorithm_and_key_and_nothing_else():
    assert pyjwt.get_unverified_header(token()) == HEADER


def test_the_payload_is_the_credential_as_it_is_registered_and_no_claim_is_added():
    document = plain()
    payload = base64.urlsafe_b64decode(token().split(b".")[1] + b"===")
    assert payload == canonical.encode(document) == rfc8785.dumps(document)
    assert sha256(payload).hexdigest() == digest(credential() | {"issuer": document["issuer"]})
    assert not {"vc", "vp", "iss", "sub", "jti", "iat", "nbf", "exp", "proof"} & set(json.loads(payload))


def test_pyjwt_verifies_it_and_reads_the_same_credential():
    read = by_pyjwt(token())
    assert (read["header"], read["payload"]) == (HEADER, plain())


def test_ours_verifies_it_and_reads_the_same_credential():
    document, check = opened(token())
    check()
    assert document == plain() | {"proof": {"verificationMethod": METHOD}}
    assert jwt.credential_of(read_token(token())) == plain()
    assert verify_token(read_token(token()), verify) == did_key(KEY.public_key)


def test_a_token_of_pyjwts_making_is_ours_byte_for_byte():
    key = Ed25519PrivateKey.from_private_bytes(KEY._seed())
    made = pyjwt.PyJWS().encode(canonical.encode(plain()), key, algorithm="EdDSA", headers=HEADER, sort_headers=True)
    assert made.encode() == token()


def test_the_same_credential_gives_the_same_bytes():
    assert token() == token(json.loads(json.dumps(plain())))


@pytest.mark.parametrize("field", ["mass_mg", "claims/0/mass_mg", "claims/0/of_mg", "claims/0/percent"])
def test_a_changed_digit_is_refused_by_pyjwt_and_by_ours(field):
    document = plain()
    *way, last = field.split("/")
    at = document["credentialSubject"]
    for name in way:
        at = at[int(name)] if isinstance(at, list) else at[name]
    at[last] = "92.30" if last == "percent" else at[last] + 1
    head, _, signature = token().split(b".")
    changed = head + b"." + part(canonical.encode(document)) + b"." + signature
    assert refused(changed, CertificateError) == (
        f"the vc+jwt's signature does not hold: the signature is not one of public key {KEY.public_key.hex()} over this text"
    )
    with pytest.raises(pyjwt.InvalidSignatureError, match="^Signature verification failed$"):
        by_pyjwt(changed)


def test_no_flipped_byte_is_taken():
    data = token()
    for at in range(0, len(data), 61):
        damaged = bytearray(data)
        damaged[at] ^= 1
        with pytest.raises((FormatError, CertificateError)):
            opened(bytes(damaged))[1]()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"alg": "none"}, "the vc+jwt's alg is 'none', want 'EdDSA'"),
        ({"alg": "HS256"}, "the vc+jwt's alg is 'HS256', want 'EdDSA'"),
        ({"typ": "JWT"}, "the vc+jwt's typ is 'JWT', want 'vc+jwt'"),
        ({"cty": "vp"}, "the vc+jwt's cty is 'vp', want 'vc'"),
        ({"kid": None}, "the vc+jwt's kid is not text"),
        ({"crit": ["b64"], "b64": False}, "the vc+jwt's header has not exactly the members alg, cty, kid and typ"),
        ({"jwk": {}}, "the vc+jwt's header has not exactly the members alg, cty, kid and typ"),
    ],
)
def test_another_header_is_refused(changes, message):
    assert refused(forged(HEADER | changes)) == message


def test_a_header_that_is_no_object_or_names_a_member_twice_is_refused():
    rest = token().partition(b".")[2]
    twice = json.dumps(HEADER).replace("{", '{"alg":"none",', 1).encode()
    assert refused(part(twice) + b"." + rest).startswith("the vc+jwt's header: ")
    for header in (b"[]", b'"alg"', b"\xff"):
        with pytest.raises(FormatError, match="^the vc.jwt's header"):
            read_token(part(header) + b"." + rest)


@pytest.mark.parametrize(
    ("kid", "message"),
    [
        (did_key(KEY.public_key), f"the vc+jwt's kid is {did_key(KEY.public_key)!r}, want {METHOD!r}"),
        (f"{did_key(KEY.public_key)}#key-1", f"the vc+jwt's kid is {did_key(KEY.public_key) + '#key-1'!r}, want {METHOD!r}"),
        ("did:web:voltaic.example", "the vc+jwt's kid names no key that may sign: did:key: "),
    ],
)
def test_a_kid_that_is_no_verification_method_of_a_did_key_is_refused(kid, message):
    assert refused(forged(HEADER | {"kid": kid}), CertificateError).startswith(message)


def test_a_token_signed_by_another_than_the_issuer_is_refused():
    assert refused(token(key=OTHER), CertificateError) == (
        f"the vc+jwt is signed with the key of {did_key(OTHER.public_key)}, the issuer is {did_key(KEY.public_key)}"
    )


def test_a_signature_of_another_length_is_refused():
    message, _, last = token().rpartition(b".")
    short = base64.urlsafe_b64decode(last + b"==")[:63]
    assert refused(message + b"." + part(short), CertificateError) == "the vc+jwt's signature has 63 bytes, want 64"


def test_a_credential_with_a_proof_of_its_own_is_refused():
    proven = add_proof(plain(), created="2026-03-31T12:00:00Z", verification_method=METHOD, sign=KEY.sign)
    assert refused(token(proven)) == "the vc+jwt's credential carries a proof of its own"


def test_a_credential_in_another_spelling_is_refused():
    spaced = json.dumps(plain()).encode()
    assert refused(forged(payload=spaced)) == "the vc+jwt's credential is not in canonical JSON"


def test_what_is_no_credential_of_ours_is_named():
    with pytest.raises(FormatError) as refusal:
        opened(forged(payload=encode(conformity_credential(plain()))), verify)
    assert (
        str(refusal.value)
        == "the vc+jwt holds a DigitalConformityCredential, VerifiableCredential, which is no certificate of this program"
    )
    assert refusal.value.hint == "a UNTP credential made from a certificate names it with its digest; verify that certificate"
    for payload in (b"[]", b"{}", b"no", b'{"typ":1}'):
        assert refused(forged(payload=payload)) == "the vc+jwt's payload is no credential"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data.replace(b".", b"", 1), "the vc+jwt has not the three parts of a JWS"),
        (lambda data: data + b"=", "the vc+jwt's signature is not base64url in its one spelling"),
        (lambda data: data + b"\n\n", "the vc+jwt's signature is not base64url in its one spelling"),
        (lambda data: data.replace(b".", b".*", 1), "the vc+jwt's payload is not base64url in its one spelling"),
        (lambda data: data + b".", "the vc+jwt's payload is not base64url in its one spelling"),
    ],
)
def test_what_is_no_jws_in_compact_serialization_is_refused(damage, message):
    with pytest.raises(FormatError) as refusal:
        read_token(damage(token()))
    assert str(refusal.value) == message


def test_base64url_has_one_spelling():
    message, _, last = token().rpartition(b".")
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    # The last character of 64 bytes carries two bits; the other four are to be zero.
    loose = last[:-1] + bytes([alphabet[alphabet.index(last[-1:]) + 1]])
    assert refused(message + b"." + loose) == "the vc+jwt's signature is not base64url in its one spelling"


def test_one_line_feed_behind_it_is_allowed():
    assert opened(token() + b"\n")[0] == opened(token())[0]


def test_a_token_larger_than_any_certificate_is_refused():
    with pytest.raises(LimitError):
        read_token(b"e" * (2 * MAX_BYTES + 1))


def test_a_certificates_json_is_opened_by_its_proof():
    proven = add_proof(plain(), created="2026-03-31T12:00:00Z", verification_method=METHOD, sign=KEY.sign)
    document, check = opened(json.dumps(proven).encode())
    check()
    assert document == proven
    document, check = opened(canonical.encode(plain()))
    with pytest.raises(CertificateError, match="^the credential has no proof$"):
        check()


def test_what_is_taken_for_a_token():
    assert is_token(token())
    assert not any(is_token(data) for data in (b"", b"{}", b"eyJ.a", b"%PDF-1.7 . .", canonical.encode(plain())))
    assert jwt.MEDIA_TYPE == "application/vc+jwt"
