"""A certificate in other forms from the command line: written, verified as a certificate is, and refused."""

from __future__ import annotations

import json

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from cli.cousins import write_as
from cli.session import Session
from ledger.certificates.credential import digest
from ledger.errors import UnknownError
from ledger.keys import public_key_of_did, read_key_file, write_key_file
from ledger.store.store import Store
from reports.attachment import read_attached
from reports.untp.conformity import conformity_credential
from reports.untp.passport import product_passport
from reports.untp.terms import encode
from terminal import command, house, lead

NUMBER = "yard-RC-0001"


@pytest.fixture
def terminal(tmp_path):
    made = house(tmp_path)
    made.log("yard/1", lead("yard:L1"))
    made.done("certify", "recycled-content", "yard:L1", "--to", "Acme & Söhne", "-o", tmp_path / "c.pdf", "-k", made.keys["yard/1"])
    return made


def wish(terminal, form, *more, key="yard/1", name=None):
    file = terminal.folder / (name or f"c.{form}")
    signing = () if key is None else ("-k", terminal.keys[key])
    return terminal.run("certificate", NUMBER, "--as", form, "-o", file, *signing, *more), file


def written(terminal, form):
    said, file = wish(terminal, form)
    assert (said.code, said.out, said.err) == (0, f"wrote {file}\n", "")
    return file


def attached(terminal):
    credential, evidence = read_attached((terminal.folder / "c.pdf").read_bytes())
    return json.loads(credential), evidence


def by_pyjwt(file, issuer):
    """What PyJWT reads when it is given the issuer's key."""
    key = Ed25519PublicKey.from_public_bytes(public_key_of_did(issuer))
    return pyjwt.decode(file.read_bytes(), key=key, algorithms=["EdDSA"])


def test_json_is_the_signed_credential_and_needs_no_key(terminal):
    said, file = wish(terminal, "json", key=None)
    assert (said.code, said.out) == (0, f"wrote {file}\n")
    assert json.loads(file.read_bytes()) == attached(terminal)[0]


def test_vc_jwt_is_the_same_credential_and_another_program_verifies_it(terminal):
    document, _ = attached(terminal)
    read = by_pyjwt(written(terminal, "vc-jwt"), document["issuer"]["id"])
    assert read == {name: value for name, value in document.items() if name != "proof"}
    assert digest(read) == digest(document)


@pytest.mark.parametrize(("form", "make"), [("untp-dcc", conformity_credential), ("untp-dpp", product_passport)])
def test_what_untp_reads_is_signed_by_the_issuer_too(terminal, form, make):
    document, _ = attached(terminal)
    file = written(terminal, form)
    assert by_pyjwt(file, document["issuer"]["id"]) == make(document) == json.loads(encode(make(document)))


@pytest.mark.parametrize("form", ["json", "vc-jwt", "untp-dcc", "untp-dpp"])
def test_writing_again_gives_the_same_bytes(terminal, form):
    first = written(terminal, form).read_bytes()
    assert written(terminal, form).read_bytes() == first
    assert not first.endswith(b"\n")


def test_a_vc_jwt_is_verified_as_the_certificate_is_with_its_ledger(terminal):
    file = written(terminal, "vc-jwt")
    found = terminal.done("verify", file, "--json").json
    assert (found["holds"], found["subject"], found["problems"]) == (True, f"certificate {NUMBER}", [])
    assert [level["level"] for level in found["levels"] if level["holds"]] == [1, 3]


def test_a_vc_jwt_is_verified_with_evidence_and_a_trust_file_alone(terminal):
    trust, evidence = terminal.folder / "trust", terminal.folder / "e"
    terminal.done("trust", "-o", trust)
    evidence.write_bytes(attached(terminal)[1])
    file = written(terminal, "vc-jwt")
    said = command("verify", file, "--trust", trust, "--evidence", evidence)
    assert said.code == 0, said
    assert said.out.splitlines()[-1].startswith("HOLDS: you recomputed from the ")
    said = command("verify", file, "--trust", trust)
    assert said.code == 1
    assert "NOT SHOWN TO BE REGISTERED" in said.err


def test_a_changed_vc_jwt_is_refused(terminal):
    file = written(terminal, "vc-jwt")
    data = file.read_bytes()
    head, body, signature = data.split(b".")
    file.write_bytes(head + b"." + body + b"." + (b"A" if signature[:1] != b"A" else b"B") + signature[1:])
    said = terminal.run("verify", file)
    assert said.code == 1
    assert "problem: the vc+jwt's signature does not hold: " in said.err


def test_what_untp_reads_is_named_and_the_certificate_asked_for(terminal):
    for form, what in (("untp-dcc", "DigitalConformityCredential"), ("untp-dpp", "DigitalProductPassport")):
        file = written(terminal, form)
        said = terminal.run("verify", file)
        assert (said.code, said.out) == (2, "")
        assert said.err.splitlines() == [
            f"error: {file}: the vc+jwt holds a {what}, VerifiableCredential, which is no certificate of this program",
            "hint: a UNTP credential made from a certificate names it with its digest; verify that certificate",
        ]


@pytest.mark.parametrize("form", ["vc-jwt", "untp-dcc", "untp-dpp"])
def test_another_key_than_the_issuers_is_refused(terminal, form):
    said, file = wish(terminal, form, "--json", key="works/1")
    document, _ = attached(terminal)
    assert (said.code, said.error["code"]) == (1, "authority")
    assert said.error["message"].startswith("works/1 is did:key:z6Mk")
    assert said.error["message"].endswith(f", the certificate was issued by {document['issuer']['id']}")
    assert not file.exists()


def test_without_a_key_it_is_asked_for(terminal):
    said, file = wish(terminal, "vc-jwt", key=None)
    assert (said.code, said.err.splitlines()[0]) == (2, "error: which key signs? give -k FILE or set PLUMBLINE_KEY")
    assert not file.exists()


def test_a_key_behind_a_pass_phrase_signs_with_it(terminal):
    locked = terminal.folder / "locked.key"
    write_key_file(locked, read_key_file(terminal.keys["yard/1"], lambda: None), b"open", rounds=4)
    file = terminal.folder / "again.jwt"
    phrase = terminal.folder / "phrase"
    phrase.write_bytes(b"open\n")
    terminal.done("certificate", NUMBER, "--as", "vc-jwt", "-o", file, "-k", locked, PLUMBLINE_PASSPHRASE_FILE=str(phrase))
    assert file.read_bytes() == written(terminal, "vc-jwt").read_bytes()


def test_what_was_taken_back_is_not_signed_again_but_its_json_is_given(terminal):
    terminal.done("withdraw", NUMBER, "--reason", "wrong customer", "-k", terminal.keys["yard/1"])
    said, file = wish(terminal, "vc-jwt")
    assert said.code == 1
    first, second = said.err.splitlines()
    assert first.startswith(f"error: certificate {NUMBER} was withdrawn by record ")
    assert first.endswith(": wrong customer")
    assert second == "hint: what does not stand is not signed again; --as json gives it as it was"
    assert not file.exists()
    assert wish(terminal, "json", key=None)[0].code == 0


def test_a_rehearsal_writes_nothing_and_an_unknown_certificate_is_refused(terminal):
    said, file = wish(terminal, "vc-jwt", "--dry-run")
    assert (said.code, said.out) == (0, f"{NUMBER} would be rendered; nothing was written\n")
    assert not file.exists()
    said = terminal.run("certificate", "yard-RC-0099", "--as", "json", "-o", file)
    assert (said.code, said.err.splitlines()[0]) == (1, "error: no certificate yard-RC-0099 in this ledger")


def test_an_auditors_statement_goes_with_the_pdf_alone(terminal):
    said, _ = wish(terminal, "json", "--attest", "newest")
    assert (said.code, said.err.splitlines()[0]) == (2, "error: --attest and --seal go with the PDF")


def test_as_json_says_what_was_written(terminal):
    said, file = wish(terminal, "vc-jwt", "--json")
    assert said.json == {"number": NUMBER, "file": str(file)}


def test_one_that_was_never_finished_is_named(terminal):
    session = Session({"ledger": str(terminal.path), "key": str(terminal.keys["yard/1"])})
    store = session.store()
    with store.writing() as view:
        Store.sign_credential(view, NUMBER, None)  # type: ignore[arg-type]
    with pytest.raises(UnknownError) as refusal:
        write_as(session, store, NUMBER, "json", terminal.folder / "c.json")
    assert refusal.value.hint == "one that was never finished is finished first: plumbline certificate ID -k FILE"
    said, file = wish(terminal, "vc-jwt")  # the command finishes it, and then writes
    assert (said.code, file.exists()) == (0, True)
