"""A seal on a certificate: what it covers, what any damage to the file is called, and which keys can make one."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from functools import cache
from io import BytesIO

import pikepdf
import pytest
from asn1crypto import tsp
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import PrivateFormat
from pyhanko.pdf_utils import embed, generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import signers

from ledger.errors import FormatError, InstallationError, KeyFileError, StoreError
from printed import KINDS, broken_rules, opened, read_aloud, rewritten, to_be_sealed, verapdf
from reports import pdf, seal
from reports.attachment import EVIDENCE, extract, read_attached, signature
from reports.certificate_content import Seal
from reports.page import Head, Run
from reports.tags import Tag, check
from seals import TIME, authority, issue, p12, p256, pem, sealer, stamp, stranger, voltaic

OPENSSL = "openssl ecparam -name prime256v1 -genkey -noout -out seal.key makes one; then have a certificate issued for it"


@cache
def unsealed() -> bytes:
    return to_be_sealed(sealer().words(TIME))


@cache
def sealed(kind: str = "B-B") -> bytes:
    return seal.seal(unsealed(), sealer(), time=TIME, ask=stamp if kind == "B-T" else None)


def problems(data: bytes) -> list[str]:
    looked = seal.look(data)
    assert looked is not None
    return looked.problems


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def updated(change) -> bytes:
    """What somebody gets who appends an update to a sealed file."""
    writer = IncrementalPdfFileWriter(BytesIO(sealed()))
    change(writer)
    out = BytesIO()
    writer.write(out)
    assert out.getvalue().startswith(sealed())
    return out.getvalue()


def read(data: bytes, chain: bytes = b"", secret: bytes | None = None, time: str = TIME) -> seal.Sealer:
    return seal.read_sealer(data, chain, lambda: secret, file="seal.pem", time=time)


def refused(data: bytes, *, secret: bytes | None = None, time: str = TIME) -> str:
    with pytest.raises(KeyFileError) as caught:
        read(data, secret=secret, time=time)
    return str(caught.value)


@pytest.mark.parametrize("kind", ["B-B", "B-T"])
def test_a_seal_is_an_update_over_the_whole_file_and_keeps_what_it_carries(kind):
    data = sealed(kind)
    assert data.startswith(unsealed())
    assert extract(data) == extract(unsealed())
    credential, evidence = read_attached(data)
    assert (credential[:1], evidence) == (b"{", b"evidence\n" * 400)
    with opened(data) as document:
        assert [str(one.F) for one in document.Root.AF] == ["certificate.json", EVIDENCE]
    found = signature(data)
    assert found is not None
    assert (found.count, found.kind, found.time) == (1, "/ETSI.CAdES.detached", "D:20260401093000Z")
    assert found.ranges[2] + found.ranges[3] == len(data)


def test_a_seal_says_who_by_which_certificate_and_when():
    looked = seal.look(sealed())
    assert looked == seal.Looked([], "CN=Quality Office, O=Voltaic Batteries, Inc.", voltaic().hash, TIME, "")
    assert looked.when == "2026-04-01T09:30:00Z by the signer's clock"
    stamped = seal.look(sealed("B-T"))
    assert stamped is not None
    assert (stamped.problems, stamped.when) == (
        [],
        "2026-04-01T09:31:00Z by the time stamp of CN=Example Time, O=Example Time Stamps, an authority that was not checked",
    )
    assert seal.Looked().when == "at a time that is not known"


def test_no_seal_is_nothing():
    assert seal.look(KINDS["certificate"]()) is None
    assert seal.look(unsealed()) is None


def test_the_same_certificate_without_a_seal_is_what_it_was():
    assert b"/AcroForm" not in pikepdf_text(KINDS["certificate"]())
    assert b"/AcroForm" in pikepdf_text(unsealed())


def pikepdf_text(data: bytes) -> bytes:
    with opened(data) as document:
        return document.Root.unparse(resolved=True)


@pytest.mark.parametrize("kind", ["B-B", "B-T"])
def test_a_sealed_certificate_is_archivable_and_accessible(kind):
    assert broken_rules(sealed(kind)) == []


def test_the_panel_is_read_aloud_behind_the_head_of_the_first_page_and_printed():
    said = [text for role, text in read_aloud(sealed()) if role == "Form"]
    limits = "Seals the file, proves nothing about metal. The seal's certificate, which the certify record names, has the SHA-256"
    assert said == [f"Sealed by Quality Office, Voltaic Batteries, Inc., 2026-04-01 09:30:00 UTC. {limits} {voltaic().hash}"]
    roles = [role for role, _ in read_aloud(sealed())]
    assert roles.index("Form") < roles.index("Figure")
    with opened(sealed()) as document:
        (field,) = document.Root.AcroForm.Fields
        assert (str(field.TU), str(field.Contents), int(field.F)) == (said[0], said[0], 4)
        assert document.pages[0].obj.objgen == field.P.objgen
        assert [float(edge) for edge in field.Rect] == [48, 42, 564, 80]
        assert "/FormXob.seal" not in document.pages[0].Resources.XObject


def test_a_field_needs_words_and_a_font_that_has_them():
    with pytest.raises(FormatError, match="a form field has no words for those who do not see it"):
        check(Tag("Form", alternative=" "), {})
    with pytest.raises(FormatError, match=re.escape("character U+96FB '電' in the seal's certificate is not in the certificate's font")):
        to_be_sealed(Seal("電池", TIME, "5f" * 32))


def test_a_long_name_shrinks_to_one_line():
    name = "The Quality and Conformity Office of the Northern Works, " * 3
    data = pdf.build([pdf.field([([Run(name)], "lead")], "words")], Head("T", "", "", "", ""))
    with opened(data) as document:
        shown = document.pages[0].Annots[0].AP.N.read_bytes()
    (size,) = re.findall(rb"/F\d\+\d (\d*\.\d+) Tf", shown)[:1]
    assert 2 < float(size) < 6


def damages() -> dict[str, bytes]:
    """The sealed file, each time with one place of it damaged by one bit."""
    data = sealed()
    places = {
        "the file's first line": 7,
        "the signature's own dictionary": data.rindex(b"20260401093000Z") + 10,
        "the last line": len(data) - 3,
    }
    with opened(data) as document:
        streams = {
            "the page": document.pages[0].Contents,
            "the panel": document.pages[0].Annots[0].AP.N,
            "the credential": document.attachments["certificate.json"].get_file().obj,
            "the evidence": document.attachments[EVIDENCE].get_file().obj,
        }
        for name, stream in streams.items():
            raw = stream[0].read_raw_bytes() if isinstance(stream, pikepdf.Array) else stream.read_raw_bytes()
            places[name] = data.index(raw) + len(raw) // 2
    return {name: flipped(data, at) for name, at in places.items()}


@pytest.mark.parametrize(
    "place", ["the file's first line", "the page", "the panel", "the credential", "the evidence", "the signature's own dictionary"]
)
def test_a_byte_changed_under_the_seal_is_named(place):
    assert problems(damages()[place]) == ["the bytes under it were changed after sealing"]


def test_a_byte_changed_in_the_last_line_is_named():
    assert problems(damages()["the last line"]) == ["the bytes under it were changed after sealing"]


def with_contents(change) -> bytes:
    """The sealed file with other bytes in the hole that its signature stands in."""
    found = signature(sealed())
    assert found is not None
    contents = bytearray(found.contents)
    change(contents)
    _, start, end, _ = found.ranges
    return sealed()[:start] + b"<%s>" % contents.hex().upper().encode() + sealed()[end:]


@pytest.mark.slow
def test_every_byte_of_the_signature_itself_is_bound():
    found = signature(sealed())
    assert found is not None
    names = set()
    for at in range(len(found.contents)):
        (name,) = problems(with_contents(lambda contents, at=at: contents.__setitem__(at, contents[at] ^ 1)))
        names.add(name)
    assert names == {
        "its signature cannot be read",
        "its signature is not by the key of its certificate",
        "its signature is not of the profile PAdES B-B or B-T with ECDSA and SHA-256",
        "its signature carries other certificates than it names",
        "something stands in the room behind its signature",
    }


def test_the_hole_is_written_in_one_way():
    found = signature(sealed())
    assert found is not None
    _, start, end, _ = found.ranges
    lower = sealed()[:start] + sealed()[start:end].lower() + sealed()[end:]
    assert problems(lower) == ["its signature does not cover the file up to its own bytes"]


@pytest.mark.parametrize("ranges", [b"[0 ", b"[1 ", b"[0 0 0 ", b"[0 9999999 99999999 1"])
def test_ranges_that_leave_something_out_are_refused(ranges):
    at = sealed().rindex(b"/ByteRange [") + len(b"/ByteRange ")
    end = sealed().index(b"]", at)
    data = sealed()[:at] + ranges.ljust(end - at) + sealed()[end:]
    assert problems(data) == ["its signature does not cover the file up to its own bytes"]


def test_another_kind_of_signature_is_no_seal():
    data = sealed().replace(b"/ETSI.CAdES.detached", b"/adbe.pkcs7.detached")
    assert problems(data) == ["its signature is of kind /adbe.pkcs7.detached, want /ETSI.CAdES.detached"]


def change_a_word(writer) -> None:
    first = writer.root["/Pages"]["/Kids"][0]
    first[generic.pdf_name("/Contents")] = writer.add_object(generic.StreamObject(stream_data=b"% another page"))
    writer.update_container(first)


def add_an_attachment(writer) -> None:
    stream = embed.EmbeddedFileObject.from_file_data(writer, b"evil", compress=False)
    embed.embed_file(writer, embed.FileSpec("evil\u202e.txt", file_name="evil\u202e.txt", embedded_data=stream))


def test_an_update_that_changes_a_word_is_named():
    data = updated(change_a_word)
    assert problems(data) == [f"{len(data) - len(sealed())} bytes stand behind it: the file was changed after sealing"]


def test_an_update_that_adds_an_attachment_is_named_with_it():
    data = updated(add_an_attachment)
    behind = len(data) - len(sealed())
    assert problems(data) == [
        f"{behind} bytes stand behind it, which change the attachment evil\\u202e.txt: the file was changed after sealing"
    ]


def test_bytes_that_are_only_appended_are_named():
    assert problems(sealed() + b"\n") == ["1 bytes stand behind it: the file was changed after sealing"]


def test_a_second_signature_is_named(monkeypatch):
    writer = IncrementalPdfFileWriter(BytesIO(sealed()))
    meta = signers.PdfSignatureMetadata(field_name="another")
    monkeypatch.setattr(signers.PdfSigner, "_enforce_certification_constraints", lambda *_: None)  # the seal allows no change
    out = signers.PdfSigner(meta, signer=sealer(stranger()).signer).sign_pdf(writer).getvalue()
    assert problems(out) == ["the file carries 2 signatures, want one seal"]


def test_the_seal_of_a_stranger_is_intact_and_anothers():
    data = seal.seal(unsealed(), sealer(stranger()), time=TIME)
    looked = seal.look(data)
    assert looked is not None
    assert (looked.problems, looked.certificate) == ([], stranger().hash)
    assert stranger().hash != voltaic().hash


def test_a_certificate_of_another_curve_is_refused_in_a_file_too(monkeypatch):
    other = issue(ec.generate_private_key(ec.SECP384R1()), "Other Curve")
    with monkeypatch.context() as patch:
        patch.setattr(seal, "_kind", lambda _: "an ECDSA key on secp256r1")
        data = seal.seal(unsealed(), read(pem(other, other)), time=TIME)
    assert problems(data) == ["its certificate holds an ECDSA key on secp384r1, want an ECDSA key on P-256 (secp256r1)"]


def test_a_seal_outside_the_validity_of_its_certificate_is_named():
    with pytest.raises(StoreError) as caught:
        seal.seal(unsealed(), sealer(), time="2131-04-01T09:30:00Z")
    assert str(caught.value) == (
        "the seal does not hold: it is of 2131-04-01T09:30:00Z, its certificate is valid from 2020-01-01T00:00:00Z to 2099-01-01T00:00:00Z"
    )


def test_a_time_stamp_of_something_else_is_named():
    def elsewhere(body: bytes) -> bytes:
        request = tsp.TimeStampReq.load(body)
        request["message_imprint"]["hashed_message"] = bytes(32)
        return stamp(request.dump(force=True))

    with pytest.raises(StoreError) as caught:
        seal.seal(unsealed(), sealer(), time=TIME, ask=elsewhere)
    assert str(caught.value) == "the seal does not hold: its time stamp is not over this signature, or is not by the authority's key"


def test_a_damaged_time_stamp_is_named():
    found = signature(sealed("B-T"))
    assert found is not None
    at = found.contents.index(b"20260401093100Z")
    contents = flipped(found.contents, at + 13)
    _, start, end, _ = found.ranges
    data = sealed("B-T")[:start] + b"<%s>" % contents.hex().upper().encode() + sealed("B-T")[end:]
    assert problems(data) == ["its time stamp is not over this signature, or is not by the authority's key"]


def test_a_time_stamp_by_an_older_hash_is_none():
    with pytest.raises(FormatError, match=r"^a time stamp by sha1$"):
        seal._hashed("sha1", b"")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda _: b"nonsense", "the time stamp authority gave no time stamp for what it was asked"),
        (
            lambda _: tsp.TimeStampResp({"status": {"status": "rejection"}}).dump(),
            "the time stamp authority gave no time stamp for what it was asked",
        ),
    ],
)
def test_an_authority_that_gives_no_time_stamp_is_named(answer, said):
    with pytest.raises(StoreError) as caught:
        seal.seal(unsealed(), sealer(), time=TIME, ask=answer)
    assert str(caught.value) == said


def test_a_time_stamp_that_is_too_long_is_refused(monkeypatch):
    monkeypatch.setattr(seal, "ROOM_FOR_STAMP", 8)
    with pytest.raises(StoreError, match=r"^the time stamp makes the seal \d+ bytes long, the room is \d+$"):
        seal.seal(unsealed(), sealer(), time=TIME, ask=stamp)


def test_a_seal_that_no_form_leads_to_any_more_is_found():
    data = updated(lambda writer: (writer.root.pop("/AcroForm"), writer.update_root()))
    assert problems(data) == [f"{len(data) - len(sealed())} bytes stand behind it: the file was changed after sealing"]


def test_a_signature_within_its_field_is_found():
    def change(document: pikepdf.Pdf) -> None:
        document.Root.AcroForm.Fields[0].V = pikepdf.Dictionary(ByteRange=[0, 1, 2, 3])

    assert problems(rewritten(unsealed(), change)) == ["its signature is of kind none, want /ETSI.CAdES.detached"]


@pytest.mark.parametrize("secret", [None, b"open sesame"])
@pytest.mark.parametrize("write", [pem, p12])
def test_a_key_is_read_from_pem_and_from_pkcs12_locked_and_not(write, secret):
    more = (voltaic(), authority()) if write is pem else (authority(),)
    found = read(write(voltaic(), *more, secret=secret), secret=secret)
    assert (found.name, found.certificate) == ("Quality Office, Voltaic Batteries, Inc.", voltaic().hash)
    assert [one.subject.native["common_name"] for one in found.signer.cert_registry] == ["Example Sealing CA"]


def test_a_key_is_read_as_openssl_writes_it_with_its_certificates_in_another_file():
    found = read(pem(voltaic(), form=PrivateFormat.TraditionalOpenSSL), authority().pem + voltaic().pem)
    assert found.certificate == voltaic().hash


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (lambda: rsa.generate_private_key(65537, 2048), "an RSA key"),
        (ed25519.Ed25519PrivateKey.generate, "an Ed25519 key"),
        (lambda: ec.generate_private_key(ec.SECP384R1()), "an ECDSA key on secp384r1"),
        (lambda: ec.generate_private_key(ec.SECP256K1()), "an ECDSA key on secp256k1"),
    ],
)
@pytest.mark.parametrize("write", [pem, p12])
def test_another_kind_of_key_is_refused_with_what_to_make_instead(key, words, write):
    pair = issue(key(), "Other")
    with pytest.raises(KeyFileError) as caught:
        read(write(pair, *([pair] if write is pem else [])))
    assert str(caught.value) == f"seal.pem holds {words}, a seal needs an ECDSA key on P-256 (secp256r1)"
    assert caught.value.hint == OPENSSL


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: voltaic().pem, "seal.pem holds no private key"),
        (lambda: pem(voltaic()), "seal.pem holds no certificate of its key"),
        (lambda: pem(voltaic(), stranger()), "seal.pem holds no certificate of its key"),
        (lambda: b"no key", "seal.pem cannot be read: it is damaged, or locked and no pass phrase was given"),
        (
            lambda: pem(voltaic(), secret=b"open sesame"),
            "seal.pem cannot be read: it is damaged, or locked and no pass phrase was given",
        ),
        (
            lambda: pem(voltaic()).replace(b"M", b"N", 1),
            "seal.pem cannot be read: it is damaged, or locked and no pass phrase was given",
        ),
        (
            lambda: pem(voltaic()) + b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n",
            "a certificate in seal.pem is damaged",
        ),
    ],
)
def test_a_file_that_is_no_key_is_refused(make, said):
    assert refused(make()) == said


def test_a_locked_key_with_a_damaged_certificate_is_refused_for_that():
    data = pem(voltaic(), secret=b"open sesame") + b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"
    assert refused(data, secret=b"open sesame") == "a certificate in seal.pem is damaged"


@pytest.mark.parametrize("write", [pem, p12])
def test_a_wrong_pass_phrase_is_refused(write):
    said = refused(write(voltaic(), secret=b"open sesame"), secret=b"close")
    assert said == "seal.pem cannot be opened: the pass phrase is wrong or the file is damaged"


@pytest.mark.parametrize(
    ("time", "said"),
    [
        ("2099-01-01T00:00:01Z", "the certificate in seal.pem expired at 2099-01-01T00:00:00Z, it is 2099-01-01T00:00:01Z"),
        ("2019-12-31T23:59:59Z", "the certificate in seal.pem is valid from 2020-01-01T00:00:00Z on, it is 2019-12-31T23:59:59Z"),
    ],
)
def test_a_certificate_that_is_not_valid_now_is_refused(time, said):
    assert refused(pem(voltaic(), voltaic()), time=time) == said


def test_a_certificate_that_is_not_for_signatures_is_refused():
    pair = issue(p256(), "Exchange", usage={"key_agreement"})
    assert refused(pem(pair, pair)) == "the certificate in seal.pem is not for signatures: its key usage is key_agreement"


def test_without_the_extra_the_refusal_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyhanko.keys", None)
    monkeypatch.delitem(sys.modules, "reports.seal")
    with pytest.raises(InstallationError) as caught:
        importlib.import_module("reports.seal")
    assert (str(caught.value), caught.value.hint) == (
        "a seal needs pyHanko, which is not installed",
        "pip install 'plumbline-ledger[seal]'",
    )


@pytest.mark.tools
@pytest.mark.slow
def test_verapdf_finds_every_sealed_certificate_to_be_pdf_a_3a_and_pdf_ua_1(tmp_path):
    made = {"to be sealed": unsealed(), "B-B": sealed(), "B-T": sealed("B-T")}
    assert verapdf(tmp_path, made) == {kind: [] for kind in made}


@pytest.mark.tools
@pytest.mark.parametrize("kind", ["B-B", "B-T"])
def test_poppler_finds_the_signature_valid_over_the_total_document(tmp_path, kind):
    (tmp_path / "sealed.pdf").write_bytes(sealed(kind))
    said = subprocess.run(["pdfsig", "-nocert", tmp_path / "sealed.pdf"], capture_output=True, text=True, check=False).stdout
    assert "  - Signature Validation: Signature is Valid.\n" in said
    assert "  - Total document signed\n" in said
    assert "  - Signature Type: ETSI.CAdES.detached\n" in said
    (tmp_path / "damaged.pdf").write_bytes(damages()["the page"])
    said = subprocess.run(["pdfsig", "-nocert", tmp_path / "damaged.pdf"], capture_output=True, text=True, check=False).stdout
    assert "  - Signature Validation: Digest Mismatch.\n" in said
