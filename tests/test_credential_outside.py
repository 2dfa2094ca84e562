"""Our credential's proof before an implementation that we did not write: openvc-core, which shares no code with ours."""

from __future__ import annotations

import json

import pytest
from openvc.errors import OpenvcError
from openvc.proof.di_jcs import EddsaJcsProofSuite
from openvc.proof.errors import SignatureInvalid

from ledger.certificates.credential import read_credential, verify_proof
from ledger.errors import CertificateError
from ledger.keys import did_key, verify
from ledger.tlog import canonical
from proven import KEY, changed, figures, issued, proven
from published import table

W3C = "w3c-vc-di-eddsa"


def outside(document):
    """Verify by openvc-core; whoever is the issuer by it."""
    return EddsaJcsProofSuite().verify(document, check_temporal=False).issuer


@pytest.mark.parametrize("document", [proven(), proven("domestic-origin"), issued("certificate.json"), issued("origin.json")])
def test_another_implementation_verifies_a_certificates_proof(document):
    assert outside(document) == document["issuer"]["id"]
    verify_proof(document, verify)


def test_another_implementation_reads_the_bytes_that_are_handed_out():
    data = canonical.encode(proven())
    assert outside(json.loads(data)) == did_key(KEY.public_key)
    assert read_credential(data).document() == proven()


@pytest.mark.parametrize("kind", ["recycled-content", "domestic-origin"])
def test_a_changed_digit_of_any_figure_is_refused_by_both(kind):
    document = proven(kind)
    ways = list(figures(document["credentialSubject"]))
    assert len(ways) > 100
    for way in ways:
        damaged = changed(document, ("credentialSubject", *way))
        with pytest.raises(SignatureInvalid, match="^eddsa-jcs-2022 proof does not verify$"):
            outside(damaged)
        with pytest.raises(CertificateError, match="^the proof does not hold: the signature is not one of public key "):
            verify_proof(damaged, verify)


@pytest.mark.parametrize("field", ["created", "verificationMethod", "proofValue"])
def test_a_proof_of_another_document_or_time_is_refused_by_both(field):
    damaged = proven()
    damaged["proof"][field] = proven("domestic-origin")["proof"][field] if field == "proofValue" else damaged["proof"][field] + "1"
    with pytest.raises(OpenvcError):
        outside(damaged)
    with pytest.raises(CertificateError):
        verify_proof(damaged, verify)


def w3c(name):
    return table(W3C, f"TestVectors/eddsa-jcs-2022/{name}")


def test_the_w3c_vector_is_verified_by_the_other_implementation_and_its_changed_digit_refused():
    signed = w3c("signedJCS.json")
    assert outside(signed) == "https://vc.example/issuers/5678"
    with pytest.raises(SignatureInvalid):
        outside(signed | {"validFrom": "2023-01-01T00:00:01Z"})


def test_a_changed_digit_of_the_w3c_vector_is_refused_by_ours():
    signed = w3c("signedJCS.json")
    did = signed["proof"]["verificationMethod"].partition("#")[0]
    with pytest.raises(CertificateError, match=f"^the proof is made with the key of {did}, the issuer is https://vc.example/issuers/5678$"):
        verify_proof(signed, verify)
    for changes in ({}, {"validFrom": "2023-01-01T00:00:01Z"}):
        with pytest.raises(CertificateError, match="^the proof does not hold: "):
            verify_proof(signed | {"issuer": did} | changes, verify)
