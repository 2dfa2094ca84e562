"""Seals for tests: keys with X.509 certificates of invented companies, and a time stamp authority that nobody has to call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from asn1crypto import tsp
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pyhanko.keys.internal import translate_pyca_cryptography_cert_to_asn1, translate_pyca_cryptography_key_to_asn1
from pyhanko.sign.timestamps import DummyTimeStamper

from reports.seal import Sealer, read_sealer

TIME = "2026-04-01T09:30:00Z"
STAMPED = datetime(2026, 4, 1, 9, 31, tzinfo=UTC)
SIGNING = {"digital_signature", "content_commitment"}
USAGES = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign")


@dataclass(frozen=True)
class Pair:
    """A private key and its certificate."""

    key: Any
    certificate: x509.Certificate

    @property
    def hash(self) -> str:
        """SHA-256 of the certificate, in hex."""
        return self.certificate.fingerprint(hashes.SHA256()).hex()

    @property
    def pem(self) -> bytes:
        """The certificate."""
        return self.certificate.public_bytes(Encoding.PEM)


def issue(key: Any, name: str, organisation: str | None = None, *, by: Pair | None = None, **more: Any) -> Pair:
    """Issue a certificate for a key; `more` may say `start`, `end`, `usage` and `stamps`."""
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
    parts += [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation)] if organisation else []
    subject = x509.Name(parts)
    usage = more.get("usage", SIGNING)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.fromisoformat(more.get("start", "2020-01-01")))
        .not_valid_after(datetime.fromisoformat(more.get("end", "2099-01-01")))
        .add_extension(x509.KeyUsage(**{one: one in usage for one in USAGES}, encipher_only=False, decipher_only=False), critical=True)
    )
    if more.get("stamps"):
        made = made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
    signing = by.key if by else key
    return Pair(key, made.sign(signing, None if not hasattr(signing, "key_size") else hashes.SHA256()))


def p256() -> ec.EllipticCurvePrivateKey:
    """Return a new key."""
    return ec.generate_private_key(ec.SECP256R1())


@cache
def authority() -> Pair:
    """Return the authority that issues certificates of seals."""
    return issue(p256(), "Example Sealing CA", usage={"key_cert_sign"})


@cache
def voltaic() -> Pair:
    """Return the seal of Voltaic."""
    return issue(p256(), "Quality Office", "Voltaic Batteries, Inc.", by=authority())


@cache
def stranger() -> Pair:
    """Return a seal of somebody else under the same name."""
    return issue(p256(), "Quality Office", "Voltaic Batteries, Inc.")


def pem(pair: Pair, *certificates: Pair, secret: bytes | None = None, form: PrivateFormat = PrivateFormat.PKCS8) -> bytes:
    """Return a key with certificates as PEM."""
    written: bytes = pair.key.private_bytes(Encoding.PEM, form, _locked(secret))
    return written + b"".join(one.pem for one in certificates)


def p12(pair: Pair, *certificates: Pair, secret: bytes | None = None) -> bytes:
    """Return a key with certificates as PKCS#12."""
    chain = [one.certificate for one in certificates]
    return pkcs12.serialize_key_and_certificates(b"seal", pair.key, pair.certificate, chain, _locked(secret))


def _locked(secret: bytes | None) -> KeySerializationEncryption:
    return NoEncryption() if secret is None else BestAvailableEncryption(secret)


def sealer(pair: Pair | None = None) -> Sealer:
    """Return somebody who seals: Voltaic, or another."""
    whose = pair or voltaic()
    return read_sealer(pem(whose, authority(), whose), b"", lambda: None, file="seal.pem", time=TIME)


@cache
def _stamper() -> DummyTimeStamper:
    made = issue(rsa.generate_private_key(65537, 2048), "Example Time", "Example Time Stamps", usage=SIGNING, stamps=True)
    return DummyTimeStamper(
        translate_pyca_cryptography_cert_to_asn1(made.certificate), translate_pyca_cryptography_key_to_asn1(made.key), fixed_dt=STAMPED
    )


def stamp(body: bytes) -> bytes:
    """Answer a time stamp request (RFC 3161)."""
    answer: bytes = _stamper().request_tsa_response(tsp.TimeStampReq.load(body)).dump()
    return answer


@contextmanager
def stamping(answer: Callable[[bytes], tuple[int, bytes]] = lambda body: (200, stamp(body))) -> Iterator[str]:
    """Serve time stamps on the loopback, and yield the address."""

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.headers["Content-Type"] == "application/timestamp-query"
            status, data = answer(body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/tsa"
        finally:
            server.shutdown()
            thread.join()


def keep(file: Path, data: bytes) -> Path:
    """Write a key file that only its owner can read."""
    file.write_bytes(data)
    file.chmod(0o600)
    return file
