"""The credential: its closed form, and its Data Integrity proof."""

import copy
import json
import re
from hashlib import sha256

import pytest

from keyring import signer
from ledger.certificates import credential
from ledger.certificates.credential import add_proof, digest, read_credential, signed_bytes, verification_method_of, verify_proof
from ledger.errors import CertificateError, EncodingError, FormatError, LimitError
from ledger.keys import base58_decode, base58_encode, did_key, generate, public_key_of_did, verify
from ledger.tlog import canonical
from published import folder, table

KEY = signer("voltaic/certificates")
OTHER = signer("voltaic/another")
LEDGER = "ab" * 32
MADE = "2026-06-30T12:00:00Z"
VECTOR = "w3c-vc-di-eddsa"


def plain(**changes):
    """A credential without proof; `changes` replace members of its subject."""
    return {
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "id": f"urn:plumbline:{LEDGER}:voltaic-RC-0001",
        "type": ["VerifiableCredential", "RecycledContentCertificate"],
        "name": "Recycled content of voltaic:BAT-26-0331",
        "issuer": {"id": did_key(KEY.public_key), "name": "Voltaic <Energía> & Co", "party": "voltaic"},
        "validFrom": MADE,
        "validUntil": "2027-06-30T12:00:00Z",
        "basis": {"ledger": LEDGER, "origin": "ledger.example/lead", "size": 812, "root": "cd" * 32},
        "credentialSubject": subject() | changes,
    }


def subject():
    claim = {"constituent": "Pb", "mass_mg": 9_229, "of_mg": 10_000, "percent": "92.29"}
    return {
        "number": "voltaic-RC-0001",
        "kind": "recycled-content",
        "batch": "voltaic:BAT-26-0331",
        "material": "battery",
        "mass_mg": 18_000_000,
        "pieces": None,
        "customer": "Ardent Motors",
        "model": "controlled_blending",
        "order": "PO 4711",
        "period": {"from": "2026-04-01", "to": "2026-06-30"},
        "plant": {"site": "voltaic:dayton", "name": "Dayton", "country": "US"},
        "condition": "wet",
        "denominator": "Pb in the battery",
        "lot_assay": {"Pb": {"value": "63.1", "unit": "%"}, "As": {"below": "5", "unit": "ppm"}},
        "claims": [claim | {"characteristic": "post_consumer"}, claim | {"characteristic": "smelted_in:US+unknown", "booked_mg": 9_300}],
        "portions": {
            "Pb": [
                {"feedstock": "end_of_life", "places": {"collected_in": ["US"]}, "mass_mg": 9_229, "documented": True},
                {
                    "feedstock": "distribution_return",
                    "places": {},
                    "mass_mg": 771,
                    "documented": False,
                    "was": "primary",
                    "determined": {"is_waste": True},
                },
            ]
        },
        "balance": [
            {
                "record": "01" * 32,
                "site": "voltaic:dayton",
                "kind": "refine",
                "constituent": "Pb",
                "residual_mg": -5,
                "bound_mg": 9,
                "unknown_mg": 5,
            }
        ],
        "evidence_share": {"Pb": {"mass_mg": 9_229, "of_mg": 10_000, "percent": "92.29"}},
        "absorbs": ["ardent-DO-0001"],
        "not_assayed": {"Sb": 12},
        "not_checked": ["Whether any record was left out."],
        "verdicts": [
            {
                "rule": "iso14021.rc_pb",
                "rule_version": "1",
                "rule_sha256": "ef" * 32,
                "title": "Recycled lead",
                "citation": "ISO 14021:2016, 7.8",
                "verdict": "PASS",
                "would_be": "PASS",
                "reasons": ["9.229 g of 10 g of Pb counts: 92 %"],
                "as_of": "2026-06-30",
            }
        ],
    }


def proven(document=None, key=KEY):
    document = plain() if document is None else document
    return add_proof(document, created=MADE, verification_method=verification_method_of(key.public_key), sign=key.sign)


def written(document):
    return json.dumps(document).encode()


def damaged(path, value):
    """A proven credential with one member replaced, or taken out where `value` is ..."""
    document = copy.deepcopy(proven())
    *way, last = path.split("/")
    at = document
    for name in way:
        at = at[int(name)] if isinstance(at, list) else at[name]
    if value is ...:
        del at[last]
    else:
        at[last] = value
    return document


def test_a_credential_is_read_and_given_back_as_it_was_written():
    for document in (plain(), proven(), plain(period=None, condition=None, order=None, pieces=12)):
        assert read_credential(written(document)).document() == document


def test_a_certificate_of_origin_has_its_own_type_and_number():
    document = plain(number="voltaic-DO-0001", kind="domestic-origin") | {
        "id": f"urn:plumbline:{LEDGER}:voltaic-DO-0001",
        "type": ["VerifiableCredential", "DomesticOriginCertificate"],
    }
    assert read_credential(written(document)).subject.kind == "domestic-origin"


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("id", "urn:x", f"credential: the id is urn:x, want urn:plumbline:{LEDGER}:voltaic-RC-0001"),
        (
            "basis/ledger",
            "ac" * 32,
            f"credential: the id is urn:plumbline:{LEDGER}:voltaic-RC-0001, want urn:plumbline:{'ac' * 32}",
        ),
        (
            "type",
            ["VerifiableCredential", "DomesticOriginCertificate"],
            "credential: the type is ['VerifiableCredential', 'DomesticOriginCertificate'], want ['Verifia",
        ),
        ("issuer/party", "ardent", "credential: the number is voltaic-RC, want ardent-RC"),
        (
            "@context",
            ["https://www.w3.org/ns/credentials/v2", "https://x.example"],
            "field @context: credential: List should have at most 1 item",
        ),
        ("@context", ["https://www.w3.org/ns/credentials/v1"], "field @context.0: credential: Input should be 'https://www.w3.org/ns/cred"),
        ("@context", ..., "field @context: credential: Field required"),
        ("name", "two\nlines", "field name: credential: holds a character that cannot be printed"),
        ("credentialSubject/mass_mg", 0, "field credentialSubject.mass_mg: credential: Input should be greater than 0"),
        ("credentialSubject/mass_mg", "5", "field credentialSubject.mass_mg: credential: Input should be a valid integer"),
        ("credentialSubject/claims/0/percent", "92.3", "field credentialSubject.claims.0.percent: credential: String should match pattern"),
        (
            "credentialSubject/claims/0/percent",
            "92.30\n",
            "field credentialSubject.claims.0.percent: credential: String should match pattern",
        ),
        (
            "credentialSubject/claims/0/characteristic",
            "smelted_in:",
            "field credentialSubject.claims.0.characteristic: credential: String should",
        ),
        (
            "credentialSubject/claims/0/mass_mg",
            -1,
            "field credentialSubject.claims.0.mass_mg: credential: Input should be greater than or equal to 0",
        ),
        (
            "credentialSubject/portions/Pb/0/places/collected_in",
            "US",
            "field credentialSubject.portions.Pb.0.places.collected_in: credential: Input",
        ),
        ("credentialSubject/verdicts/0/verdict", True, "field credentialSubject.verdicts.0.verdict: credential: Input should be 'PASS'"),
        ("credentialSubject/extra", 1, "field credentialSubject.extra: credential: Extra inputs are not permitted"),
        ("proof", [], "field proof: credential: Input should be a valid dictionary or instance of Proof"),
        ("proof/extra", "x", "field proof.extra: credential: Extra inputs are not permitted"),
    ],
)
def test_a_credential_of_another_form_is_refused_with_the_field(path, value, message):
    with pytest.raises(FormatError, match="^" + re.escape(message)):
        read_credential(written(damaged(path, value)))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"%PDF-1.7", "credential: not JSON at column 1"),
        (b'{"a":1,"a":1}', "credential: the key 'a' stands twice in one object"),
        (b'{"a":1.5}', "credential: the number 1.5 is not an integer; a measured number is a string with a unit"),
        (b"\xff", "credential: not UTF-8 at byte 0"),
        (b"[]", "credential: Input should be a valid dictionary or instance of Credential"),
    ],
)
def test_what_is_no_credential_is_refused_with_one_class_of_error(data, message):
    with pytest.raises(FormatError) as refusal:
        read_credential(data)
    assert str(refusal.value) == message


def test_a_credential_beyond_the_limit_is_refused_unread(monkeypatch):
    monkeypatch.setattr(credential, "MAX_BYTES", 10)
    with pytest.raises(LimitError, match=re.escape("the credential has 11 bytes, the limit is 10")):
        read_credential(b"x" * 11)


def test_the_digest_leaves_the_proof_aside_and_knows_no_order():
    document = plain()
    assert digest(document) == digest(proven(document)) == digest(dict(reversed(document.items())))
    assert digest(document) == sha256(canonical.encode(document)).hexdigest()
    assert digest(plain(pieces=1)) != digest(document)


def test_a_proof_verifies_and_names_the_key_that_made_it():
    document = proven()
    assert verify_proof(document, verify) == KEY.public_key
    assert verify_proof(read_credential(written(document)).document(), verify) == KEY.public_key
    assert document["proof"]["@context"] == document["@context"]


def test_a_proof_is_added_once_and_only_under_a_context():
    with pytest.raises(CertificateError, match=re.escape("the credential holds a proof already")):
        proven(proven())
    document = plain()
    del document["@context"]
    with pytest.raises(CertificateError, match=re.escape("the credential names no @context")):
        proven(document)


def test_nothing_without_a_canonical_form_is_signed():
    with pytest.raises(EncodingError, match=re.escape("$.credentialSubject.mass_mg: a value of type float has no canonical JSON")):
        proven(plain(mass_mg=1.5))


NOT_HELD = f"the proof does not hold: the signature is not one of public key {KEY.public_key.hex()} over this text"
METHOD = verification_method_of(KEY.public_key)
DID = did_key(KEY.public_key)
OTHER_DID = did_key(OTHER.public_key)
SMALL_ORDER = did_key(bytes([1] + [0] * 31))


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("credentialSubject/mass_mg", 18_000_001, NOT_HELD),
        ("issuer/name", "Voltaic", NOT_HELD),
        ("proof/created", "2026-06-30T12:00:01Z", NOT_HELD),
        ("proof/proofValue", "z" + base58_encode(bytes(64)), NOT_HELD),
        (
            "credentialSubject/mass_mg",
            1.5,
            "the credential has no canonical form: $.credentialSubject.mass_mg: a value of type float has no",
        ),
        ("proof", ..., "the credential has no proof"),
        ("proof", [{}], "the proof is not one object"),
        ("proof/type", "Ed25519Signature2020", "the proof's type is 'Ed25519Signature2020', want 'DataIntegrityProof'"),
        ("proof/cryptosuite", "eddsa-rdfc-2022", "the proof's cryptosuite is 'eddsa-rdfc-2022', want 'eddsa-jcs-2022'"),
        ("proof/proofPurpose", "authentication", "the proof's proofPurpose is 'authentication', want 'assertionMethod'"),
        ("proof/cryptosuite", ..., "the proof has no cryptosuite"),
        ("proof/created", ..., "the proof has no created"),
        ("proof/created", 5, "the proof's created is not text"),
        ("proof/created", "yesterday", "the proof's created is 'yesterday', no RFC 3339 time with an offset"),
        ("proof/expires", MADE, "the proof has a field 'expires' that does not belong there"),
        ("proof/@context", ..., "the proof has no @context"),
        ("proof/@context", [], "the proof was made under other contexts than those of the document"),
        ("@context", [], "the proof was made under other contexts than those of the document"),
        ("issuer/id", OTHER_DID, f"the proof is made with the key of {DID}, the issuer is {OTHER_DID}"),
        ("issuer", OTHER_DID, f"the proof is made with the key of {DID}, the issuer is {OTHER_DID}"),
        ("issuer", ..., f"the proof is made with the key of {DID}, the issuer is None"),
        ("proof/verificationMethod", METHOD + "x", f"the proof's verificationMethod is '{METHOD}x', want '{METHOD}'"),
        ("proof/verificationMethod", DID, f"the proof's verificationMethod is '{DID}', want '{METHOD}'"),
        ("proof/verificationMethod", f"{METHOD}#", f"the proof's verificationMethod is '{METHOD}#', want '{METHOD}'"),
        (
            "proof/verificationMethod",
            "https://voltaic.example/#key",
            "the proof's verificationMethod names no key that may sign: did:key: ",
        ),
        ("proof/verificationMethod", f"{SMALL_ORDER}#", "the proof's verificationMethod names no key that may sign: public key 0100"),
        (
            "proof/verificationMethod",
            verification_method_of(OTHER.public_key),
            f"the proof is made with the key of {OTHER_DID}, the issuer is {DID}",
        ),
        ("proof/proofValue", "u" + "A" * 86, "the proof's proofValue is not base58btc (z…) of 64 bytes"),
        ("proof/proofValue", "z", "the proof's proofValue is not base58btc (z…) of 64 bytes"),
        ("proof/proofValue", "z1" + base58_encode(bytes(64)), "the proof's proofValue is not base58btc (z…) of 64 bytes"),
        ("proof/proofValue", "z0OIl", "the proof's proofValue cannot be read: base58: "),
    ],
)
def test_a_proof_with_one_thing_changed_is_refused(path, value, message):
    with pytest.raises(CertificateError, match="^" + re.escape(message)):
        verify_proof(damaged(path, value), verify)


def test_a_proof_moved_to_another_issuer_does_not_hold():
    document = damaged("proof/verificationMethod", verification_method_of(OTHER.public_key))
    document["issuer"]["id"] = OTHER_DID
    with pytest.raises(
        CertificateError, match=re.escape(f"the signature is not one of public key {OTHER.public_key.hex()} over this text")
    ):
        verify_proof(document, verify)


def w3c_key():
    """The vector's key pair: its secret is a multicodec (two bytes) before the seed."""
    pair = table(VECTOR, "TestVectors/keyPair.json")
    seed = base58_decode(pair["privateKeyMultibase"].removeprefix("z"))[2:]
    return f"did:key:{pair['publicKeyMultibase']}", generate("w3c/vector", seed=seed)


def expected(name):
    return (folder(VECTOR) / "TestVectors/eddsa-jcs-2022" / name).read_text(encoding="utf-8").strip()


def test_the_w3c_vector_is_reproduced_bit_for_bit():
    did, key = w3c_key()
    signed = table(VECTOR, "TestVectors/eddsa-jcs-2022/signedJCS.json")
    document = table(VECTOR, "TestVectors/unsigned.json")
    options = table(VECTOR, "TestVectors/eddsa-jcs-2022/proofConfigJCS.json")
    assert public_key_of_did(did) == key.public_key
    assert canonical.encode(document).decode() == expected("canonDocJCS.txt")
    assert canonical.encode(options).decode() == expected("proofCanonJCS.txt")
    assert digest(signed) == expected("docHashJCS.txt")
    assert signed_bytes(document, options).hex() == expected("combinedHashJCS.txt")
    assert key.sign(signed_bytes(signed, signed["proof"])).hex() == expected("sigHexJCS.txt")
    assert add_proof(document, created=options["created"], verification_method=options["verificationMethod"], sign=key.sign) == signed
    assert signed["proof"]["proofValue"] == expected("sigBTC58JCS.txt")


def test_the_w3c_vector_verifies_once_its_issuer_is_the_did_that_signed():
    did, key = w3c_key()
    signed = table(VECTOR, "TestVectors/eddsa-jcs-2022/signedJCS.json")
    with pytest.raises(CertificateError, match=re.escape(f"the proof is made with the key of {did}, the issuer is https://vc.example/")):
        verify_proof(signed, verify)
    document = credential.without_proof(signed) | {"issuer": did}
    again = add_proof(document, created=MADE, verification_method=verification_method_of(key.public_key), sign=key.sign)
    assert verify_proof(again, verify) == key.public_key
