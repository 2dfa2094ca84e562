"""A seal on a certificate's PDF: a PAdES signature (ETSI EN 319 142-1) over the whole file, the last step of its making.

A seal shows to any reader's program that the file is as it was sealed, and by whose X.509 certificate. It proves nothing that the ledger
says: that is verified as it always was. What binds it to the party is the log: the certify event names the certificate of the seal. The
profile is B-B, or B-T where a time stamp authority (RFC 3161) was asked; validation data (B-LT) would need the authority's servers, and
would stand behind the seal.

Sealed bytes are never the same twice: ECDSA draws a random number, and so does the file identifier of the update that holds the seal.

The only door to pyHanko, which is an extra of the package. Looking at a seal has no clock, asks nobody, and trusts no list of authorities:
the same bytes give the same words on every machine.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import new as hashed
from hashlib import sha256
from io import BytesIO
from typing import Any, Final

from ledger.errors import FormatError, InstallationError, KeyFileError, LedgerError, StoreError
from reports.attachment import Signature, changed, signature
from reports.certificate_content import Seal
from reports.tags import FIELD

try:
    from asn1crypto import cms, tsp
    from pyhanko.keys import load_certs_from_pemder_data, load_private_key_from_pemder_data
    from pyhanko.pdf_utils.generic import parse_pdf_date
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign.fields import MDPPerm, SigSeedSubFilter
    from pyhanko.sign.general import as_signing_certificate_v2, extract_signer_info, find_unique_cms_attribute, simple_cms_attribute
    from pyhanko.sign.signers import SimpleSigner
    from pyhanko.sign.signers.cms_embedder import PdfCMSEmbedder, SigIOSetup, SigMDPSetup, SigObjSetup
    from pyhanko.sign.signers.pdf_byterange import SignatureObject
    from pyhanko.sign.timestamps import TimeStamper
    from pyhanko.sign.validation.generic_cms import extract_certs_for_validation, validate_sig_integrity
    from pyhanko_certvalidator.registry import SimpleCertificateStore
except ImportError as error:  # pragma: no cover - the lock of the tests holds it; test_seal plays its absence
    raise InstallationError("a seal needs pyHanko, which is not installed", hint="pip install 'plumbline-ledger[seal]'") from error

for _name in ("pyhanko", "pyhanko_certvalidator"):
    logging.getLogger(_name).addHandler(logging.NullHandler())  # what a file is found to be is said in our words, once

Ask = Callable[[bytes], bytes]
"""Send a time stamp request to the authority and return its answer (RFC 3161, section 3.4); raises LedgerError."""

DIGEST: Final = "sha256"
PADES: Final = "/ETSI.CAdES.detached"
ROOM_FOR_STAMP: Final = 16 * 1024
"""Bytes kept for a time stamp and the certificates in it."""
_CERTIFICATES: Final = "signing_certificate_v2"
_SPARE: Final = 16
"""An ECDSA signature has not always the same length."""
_PEM_KEY: Final = re.compile(rb"-----BEGIN ((?:[A-Z0-9]+ )*PRIVATE KEY)-----.*?-----END \1-----", re.DOTALL)
_MOST_SHOWN: Final = 200
_SHORT: Final = {"common_name": "CN", "organization_name": "O", "organizational_unit_name": "OU", "country_name": "C"}
_MAKE: Final = "openssl ecparam -name prime256v1 -genkey -noout -out seal.key makes one; then have a certificate issued for it"


@dataclass(frozen=True, slots=True)
class Sealer:
    """Whoever seals: a P-256 key with its certificate, and those that it was issued under."""

    signer: SimpleSigner
    name: str
    certificate: str

    def words(self, time: str) -> Seal:
        """Return what the panel says."""
        return Seal(self.name, time, self.certificate)


@dataclass(slots=True)
class Looked:
    """What a seal was found to be. Nothing in it was compared with the log yet."""

    problems: list[str] = field(default_factory=list)
    subject: str = "nobody known"
    certificate: str = ""
    time: str = ""
    stamped_by: str = ""

    @property
    def when(self) -> str:
        """Say when it was put on, and who says so."""
        if self.stamped_by:
            return f"{self.time} by the time stamp of {self.stamped_by}, an authority that was not checked"
        return f"{self.time} by the signer's clock" if self.time else "at a time that is not known"


def read_sealer(data: bytes, chain: bytes, passphrase: Callable[[], bytes | None], *, file: str, time: str) -> Sealer:
    """Read a key and its certificates: PEM, or PKCS#12 (RFC 7292).

    Args:
        data: The file.
        chain: PEM certificates of another file, or nothing.
        passphrase: Asked only when the file is locked; None when there is no pass phrase to be had.
        file: Its name, for messages.
        time: When it is to seal, RFC 3339 in UTC.

    Raises:
        KeyFileError: It cannot be read, holds another kind of key than ECDSA on P-256, or no certificate of that key that is valid then.
    """
    key, certificates = _opened(data, passphrase, file)
    certificates += _certificates(chain, file) if chain else []
    if _kind(key) != "an ECDSA key on secp256r1":
        raise KeyFileError(f"{file} holds {_kind(key)}, a seal needs an ECDSA key on P-256 (secp256r1)", hint=_MAKE)
    own = [one for one in certificates if one.public_key["public_key"].native == key["private_key"].parsed["public_key"].native]
    if not own:
        raise KeyFileError(f"{file} holds no certificate of its key", hint="give the certificates that were issued with --seal-chain FILE")
    certificate = own[0]
    _check_certificate(certificate, file, time)
    store = SimpleCertificateStore()
    store.register_multiple(one for one in certificates if one.sha256 != certificate.sha256)
    signer = SimpleSigner(signing_cert=certificate, signing_key=key, cert_registry=store)
    subject = certificate.subject.native
    names = dict.fromkeys(subject[name] for name in ("common_name", "organization_name") if isinstance(subject.get(name), str))
    return Sealer(signer, ", ".join(names) or _subject(certificate), certificate.sha256.hex())


def _opened(data: bytes, passphrase: Callable[[], bytes | None], file: str) -> tuple[Any, list[Any]]:
    """Return the private key and the certificates in a file; the pass phrase is asked for when it does not open without."""
    try:
        return _parsed(data, None, file)
    except KeyFileError:
        raise
    except Exception:  # noqa: BLE001 - locked or damaged: which of them, a foreign parser says in many ways
        secret = passphrase() if b"-----BEGIN" not in data or b"ENCRYPTED" in data else None
    if secret is None:
        raise KeyFileError(f"{file} cannot be read: it is damaged, or locked and no pass phrase was given")
    try:
        return _parsed(data, secret, file)
    except KeyFileError:
        raise
    except Exception as error:
        raise KeyFileError(f"{file} cannot be opened: the pass phrase is wrong or the file is damaged") from error


def _parsed(data: bytes, secret: bytes | None, file: str) -> tuple[Any, list[Any]]:
    if b"-----BEGIN" in data:
        found = _PEM_KEY.search(data)
        if found is None:
            raise KeyFileError(f"{file} holds no private key", hint="want a PEM or PKCS#12 file with the key and its certificate")
        return load_private_key_from_pemder_data(found[0], passphrase=secret), _certificates(data, file)
    signer = SimpleSigner.load_pkcs12_data(data, other_certs=(), passphrase=secret)
    return signer.signing_key, [signer.signing_cert, *signer.cert_registry]


def _certificates(data: bytes, file: str) -> list[Any]:
    try:
        found = list(load_certs_from_pemder_data(data))
        for one in found:
            one.native  # noqa: B018 - read now what is read lazily otherwise
    except Exception as error:
        raise KeyFileError(f"a certificate in {file} is damaged") from error
    return found


def _kind(key: Any) -> str:  # noqa: ANN401 - pyHanko's key
    """Say in words what a private or public key is."""
    if key.algorithm == "ec":
        return f"an ECDSA key on {key.curve[1]}"
    return {"rsa": "an RSA key", "ed25519": "an Ed25519 key"}.get(key.algorithm, f"a key of kind {key.algorithm}")


def _check_certificate(certificate: Any, file: str, time: str) -> None:  # noqa: ANN401 - pyHanko's certificate
    now = datetime.fromisoformat(time)
    if now > certificate.not_valid_after:
        raise KeyFileError(f"the certificate in {file} expired at {_text(certificate.not_valid_after)}, it is {time}")
    if now < certificate.not_valid_before:
        raise KeyFileError(f"the certificate in {file} is valid from {_text(certificate.not_valid_before)} on, it is {time}")
    usage = certificate.key_usage_value
    if usage is not None and not {"digital_signature", "non_repudiation"} & usage.native:
        raise KeyFileError(f"the certificate in {file} is not for signatures: its key usage is {', '.join(sorted(usage.native))}")


def _subject(certificate: Any) -> str:  # noqa: ANN401 - pyHanko's certificate
    """Write whose a certificate is, as far as it is usually shown."""
    parts = certificate.subject.native.items()
    return _clipped(", ".join(f"{_SHORT.get(name, name)}={value if isinstance(value, str) else '+'.join(value)}" for name, value in parts))


def _clipped(text: str) -> str:
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class _Update(IncrementalPdfFileWriter):
    """An update that leaves the document's properties alone: its dates come from its content, never from a clock."""

    def _update_meta(self) -> None:
        pass


class _Stamper(TimeStamper):
    """Time stamps of an authority that somebody else knows how to ask."""

    def __init__(self, ask: Ask) -> None:
        super().__init__()
        self.ask = ask

    async def async_request_tsa_response(self, req: Any) -> Any:  # noqa: ANN401 - pyHanko's request and answer
        return tsp.TimeStampResp.load(self.ask(req.dump()))


def seal(pdf: bytes, sealer: Sealer, *, time: str, ask: Ask | None = None) -> bytes:
    """Sign a PDF that has the panel of a seal: an update behind it, and a signature over all bytes but its own.

    It is a certification signature that allows no change (ISO 32000-1, 12.8.2.2, P 1).

    Args:
        pdf: As `reports.certificate.render_pdf` made it, with the panel.
        sealer: Who seals.
        time: When, as the panel says, RFC 3339 in UTC.
        ask: Asks a time stamp authority; without it the time is the signer's own.

    Raises:
        StoreError: The authority did not answer with a time stamp.
    """
    stamper = None if ask is None else _Stamper(ask)
    trial = asyncio.run(_signed(sealer.signer, bytes(32), None))
    room = len(trial.dump()) + _SPARE + (ROOM_FOR_STAMP if stamper else 0)
    step = PdfCMSEmbedder().write_cms(FIELD, _Update(BytesIO(pdf)), existing_fields_only=True)
    next(step)
    moment = datetime.fromisoformat(time)
    placed = SignatureObject(timestamp=moment, subfilter=SigSeedSubFilter.PADES, bytes_reserved=2 * room)
    step.send(SigObjSetup(placed, mdp_setup=SigMDPSetup(DIGEST, certify=True, docmdp_perms=MDPPerm.NO_CHANGES)))
    prepared, output = step.send(SigIOSetup(md_algorithm=DIGEST))
    try:
        made = asyncio.run(_signed(sealer.signer, prepared.document_digest, stamper))
    except LedgerError:
        raise
    except Exception as error:
        raise StoreError("the time stamp authority gave no time stamp for what it was asked") from error
    if len(made.dump()) > room:
        raise StoreError(f"the time stamp makes the seal {len(made.dump())} bytes long, the room is {room}")
    step.send(made)
    sealed: bytes = output.getvalue()
    looked = look(sealed)
    if looked is None or looked.problems:
        raise StoreError(f"the seal does not hold: {looked.problems[0] if looked else 'there is none'}")
    return sealed


async def _signed(signer: SimpleSigner, digest: bytes, stamper: TimeStamper | None) -> Any:  # noqa: ANN401 - pyHanko's structure
    """Sign a digest. Every certificate that is sent along is named in what is signed (ETSI EN 319 122-1, 5.2.2.3), the seal's own first."""
    attributes = await signer.signed_attrs(digest, DIGEST, use_pades=True)
    sent = [signer.signing_cert, *signer.cert_registry]
    named = tsp.SigningCertificateV2({"certs": [as_signing_certificate_v2(one)["certs"][0] for one in sent]})
    for number, one in enumerate(attributes):
        if one["type"].native == _CERTIFICATES:
            attributes[number] = simple_cms_attribute(_CERTIFICATES, named)
    return await signer.async_sign_prescribed_attributes(DIGEST, attributes, timestamper=stamper)


def look(pdf: bytes) -> Looked | None:
    """Look at a PDF's seal; None where it carries none. Whatever is wrong is said, in `problems`, and nothing is thrown.

    Raises:
        FormatError, LimitError: It is no PDF that can be read.
    """
    found = signature(pdf)
    if found is None:
        return None
    looked = Looked()
    try:
        _look(pdf, found, looked)
    except FormatError as refusal:
        looked.problems.append(str(refusal))
    except Exception:  # noqa: BLE001 - a foreign parser on foreign bytes: whatever it throws means the same
        looked.problems.append("its signature cannot be read")
    return looked


def _look(pdf: bytes, found: Signature, looked: Looked) -> None:
    covered = _covered(pdf, found)
    info = cms.ContentInfo.load(found.contents)
    der = info.dump()
    if found.contents[len(der) :].strip(b"\0"):
        raise FormatError("something stands in the room behind its signature")
    signed = info["content"]
    _check_profile(signed)
    signer = extract_signer_info(signed)
    kept = extract_certs_for_validation(signed)
    certificate = kept.signer_cert
    looked.subject, looked.certificate = _subject(certificate), certificate.sha256.hex()
    if _kind(certificate.public_key) != "an ECDSA key on secp256r1":
        raise FormatError(f"its certificate holds {_kind(certificate.public_key)}, want an ECDSA key on P-256 (secp256r1)")
    _check_named(signer, [certificate, *kept.other_certs])
    looked.time = _text(parse_pdf_date(found.time))
    digest = sha256(pdf[: covered[0]] + pdf[covered[1] : covered[2]]).digest()
    intact, valid = validate_sig_integrity(signer, certificate, "data", digest)
    if not valid:
        looked.problems.append("its signature is not by the key of its certificate")
    elif not intact:
        looked.problems.append("the bytes under it were changed after sealing")
    if covered[2] < len(pdf):
        looked.problems.append(_behind(pdf, covered[2]))
    _look_at_stamp(signer, looked)
    moment = datetime.fromisoformat(looked.time)
    if not certificate.not_valid_before <= moment <= certificate.not_valid_after:
        valid_from, until = _text(certificate.not_valid_before), _text(certificate.not_valid_after)
        looked.problems.append(f"it is of {looked.time}, its certificate is valid from {valid_from} to {until}")


def _covered(pdf: bytes, found: Signature) -> tuple[int, int, int]:
    """Return where the signature's own bytes begin and end, and where the sealed bytes end (ISO 32000-1, 12.8.1).

    The hole must hold the signature and nothing else, written in one way, so that no byte of the file is free.
    """
    if found.count != 1:
        raise FormatError(f"the file carries {found.count} signatures, want one seal")
    if found.kind != PADES:
        raise FormatError(f"its signature is of kind {_clipped(found.kind) or 'none'}, want {PADES}")
    start, hole, after, rest = found.ranges if len(found.ranges) == 4 else (-1, 0, 0, 0)  # noqa: PLR2004 - two ranges
    fits = start == 0 and 0 < hole < after and rest > 0 and after + rest <= len(pdf)
    if not fits or pdf[hole:after] != b"<%s>" % found.contents.hex().upper().encode():
        raise FormatError("its signature does not cover the file up to its own bytes")
    return hole, after, after + rest


def _behind(pdf: bytes, end: int) -> str:
    """Say what stands behind a seal."""
    named = changed(pdf[:end], pdf)
    what = f", which change {', '.join(named)}" if named else ""
    return f"{len(pdf) - end} bytes stand behind it{what}: the file was changed after sealing"


def _check_profile(signed: Any) -> None:  # noqa: ANN401 - the signed data
    """Check that what the signature leaves open is as a seal has it (ETSI EN 319 142-1, 6.3), so that no byte of it is free either."""
    (signer,) = signed["signer_infos"]
    given, extra = ([one["type"].native for one in signer[kind]] for kind in ("signed_attrs", "unsigned_attrs"))
    digest, ecdsa = ({"algorithm": name, "parameters": None} for name in (DIGEST, f"{DIGEST}_ecdsa"))
    ours = (
        signed["version"].native == signer["version"].native == "v1"
        and signed["digest_algorithms"].native == [digest]
        and signed["encap_content_info"].native == {"content_type": "data", "content": None}
        and signed["crls"].native is None
        and signer["digest_algorithm"].native == digest
        and signer["signature_algorithm"].native == ecdsa
        and sorted(given) == ["content_type", "message_digest", "signing_certificate_v2"]
        and extra in ([], ["signature_time_stamp_token"])
    )
    if not ours:
        raise FormatError("its signature is not of the profile PAdES B-B or B-T with ECDSA and SHA-256")


def _check_named(signer: Any, sent: list[Any]) -> None:  # noqa: ANN401 - the signer's part, and pyHanko's certificates
    """Check that what is signed names every certificate that is sent along; whether the last of them is to be trusted is not said here."""
    value = find_unique_cms_attribute(signer["signed_attrs"], _CERTIFICATES)
    named = [one["cert_hash"].native for one in value["certs"]]
    issuer = signer["sid"].chosen["issuer"].dump()
    if named[:1] != [sent[0].sha256] or sorted(named) != sorted(one.sha256 for one in sent) or issuer != sent[0].issuer.dump():
        raise FormatError("its signature carries other certificates than it names")


def _look_at_stamp(signer: Any, looked: Looked) -> None:  # noqa: ANN401 - the signer's part of the signature
    """Check that a time stamp is over this signature and is signed by the certificate in it (RFC 3161, 2.4.2; ETSI EN 319 122-1, 5.3)."""
    for one in signer["unsigned_attrs"]:
        try:
            (token,) = one["values"]
            signed = token["content"]
            content = signed["encap_content_info"]["content"]
            certificate = extract_certs_for_validation(signed).signer_cert
            stamper = extract_signer_info(signed)
            kind = stamper["digest_algorithm"]["algorithm"].native
            own = _hashed(kind, bytes(content))
            shown = all(validate_sig_integrity(stamper, certificate, "tst_info", own))
            imprint = content.parsed["message_imprint"]
            over = _hashed(imprint["hash_algorithm"]["algorithm"].native, signer["signature"].native)
            if not shown or imprint["hashed_message"].native != over:
                raise FormatError("the time stamp is of something else")  # noqa: TRY301 - said below in the same words
            looked.time = _text(content.parsed["gen_time"].native)
            looked.stamped_by = _subject(certificate)
        except Exception:  # noqa: BLE001 - a foreign parser on foreign bytes
            looked.problems.append("its time stamp is not over this signature, or is not by the authority's key")


def _hashed(kind: str, data: bytes) -> bytes:
    if kind not in {"sha256", "sha384", "sha512"}:
        raise FormatError(f"a time stamp by {kind}")
    return hashed(kind, data).digest()
