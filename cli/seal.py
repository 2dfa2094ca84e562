"""Sealing a certificate's PDF, the last step of its making, and looking at a seal beside what the ledger shows. pyHanko is an extra."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit

import click

from ledger.errors import CertificateError, InstallationError, KeyFileError, StoreError

if TYPE_CHECKING:
    from cli.session import Session
    from ledger.draft import Raw
    from ledger.verification import Verification
    from reports.certificate_content import Seal
    from reports.seal import Ask, Looked, Sealer

_Command = TypeVar("_Command", bound=Callable[..., Any])

KIND: Final = "seal"
"""The kind of the document by which a certificate's own event names the certificate of a seal (SPEC.md, "certify")."""
NOT_LOOKED_AT: Final = "it carries a seal, which was not looked at: pip install 'plumbline-ledger[seal]'"
_LARGEST_KEY: Final = 1 << 20
_LARGEST_ANSWER: Final = 1 << 16
_ANSWER_SECONDS: Final = 30
_OK: Final = 200


def seal_options(command: _Command) -> _Command:
    """Give a command --seal, --seal-chain and --tsa."""
    options = (
        click.option(
            "--seal",
            metavar="FILE",
            help="Seal the PDF (PAdES) with this ECDSA P-256 key and its X.509 certificate: PEM or PKCS#12. Its pass phrase: "
            "PLUMBLINE_SEAL_PASSPHRASE_FILE, else as for other keys.",
        ),
        click.option("--seal-chain", metavar="FILE", help="PEM certificates of the seal, where they are not in its key's file."),
        click.option("--tsa", metavar="URL", help="Ask this time stamp authority (RFC 3161) when the seal was put on."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@dataclass(frozen=True, slots=True)
class Sealing:
    """A seal that is to be put on: whose, when, and who is asked for the time."""

    sealer: Sealer
    time: str
    ask: Ask | None

    @property
    def words(self) -> Seal:
        """What its panel says."""
        return self.sealer.words(self.time)

    @property
    def document(self) -> Raw:
        """The document by which the certify event names its certificate."""
        return {"kind": KIND, "sha256": self.sealer.certificate}

    def put_on(self, pdf: bytes, number: str) -> bytes:
        """Seal a PDF that has the panel.

        Raises:
            StoreError: The time stamp authority gave no time stamp; the certificate stays registered.
        """
        from reports.seal import seal  # noqa: PLC0415 - loaded when needed

        try:
            return seal(pdf, self.sealer, time=self.time, ask=self.ask)
        except StoreError as refusal:
            refusal.hint = (
                f"{number} is registered and not written; once it can be sealed: plumbline certificate {number} --seal FILE -o PDF"
            )
            raise

    def check_named(self, number: str, named: Collection[str]) -> None:
        """Check that the certify event of a certificate names this seal's certificate: no other can be put on behind it.

        Raises:
            CertificateError: It names another, or none.
        """
        if self.sealer.certificate in named:
            return
        what = f"the seal's certificate {', '.join(sorted(named))}" if named else "no seal"
        raise CertificateError(f"the certify record of {number} names {what}, this one has the SHA-256 {self.sealer.certificate}")


def read_sealing(session: Session, options: dict[str, Any], *, time: str) -> Sealing | None:
    """Read what was asked for with --seal; None where it was not. What can be refused is refused here, before anything is logged.

    Raises:
        click.UsageError: The other options stand without --seal, or the authority's address is none.
        InstallationError: pyHanko is not installed.
        KeyFileError: The key cannot be read or used.
    """
    file = options.get("seal")
    if not file:
        for name in ("seal_chain", "tsa"):
            if options.get(name):
                raise click.UsageError(f"--{name.replace('_', '-')} goes with --seal FILE")
        return None
    from reports.fontset import check  # noqa: PLC0415 - loaded when needed
    from reports.seal import read_sealer  # noqa: PLC0415 - loaded when needed

    data = _read_secret(Path(file))
    chain = _read(Path(options["seal_chain"])) if options.get("seal_chain") else b""
    sealer = read_sealer(data, chain, lambda: _passphrase(session, file), file=file, time=time)
    check(sealer.name, field="the name in the seal's certificate")
    return Sealing(sealer, time, asking(options["tsa"]) if options.get("tsa") else None)


def _read_secret(file: Path) -> bytes:
    """Read a key file that nobody but its owner can use."""
    data = _read(file)
    mode = file.stat().st_mode & 0o777
    if mode & 0o077:
        raise KeyFileError(f"the key file {file} has mode {mode:04o}: others than its owner can use it", hint=f"chmod 600 {file}")
    return data


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as source:
            data = source.read(_LARGEST_KEY + 1)
    except OSError as error:
        raise KeyFileError(f"{file} cannot be read: {error.strerror}") from error
    if len(data) > _LARGEST_KEY:
        raise KeyFileError(f"{file} is larger than {_LARGEST_KEY} bytes")
    return data


def _passphrase(session: Session, file: str) -> bytes | None:
    named = os.environ.get("PLUMBLINE_SEAL_PASSPHRASE_FILE")
    if named is None:
        return session.passphrase(f"pass phrase of {file}: ")
    return _read(Path(named)).split(b"\n", 1)[0].rstrip(b"\r")


def asking(url: str) -> Ask:
    """Return what asks a time stamp authority over HTTP (RFC 3161, section 3.4). Redirects and proxies are not followed.

    Raises:
        click.UsageError: The URL is none of http or https.
    """
    import http.client  # noqa: PLC0415 - loaded when needed

    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme, parts.hostname, parts.port
    except ValueError:
        parts, scheme, host, port = urlsplit(""), "", None, None
    if scheme not in {"http", "https"} or not host:
        raise click.UsageError(f"{url!r} is no address of a time stamp authority: want http:// or https://")
    kind = http.client.HTTPSConnection if scheme == "https" else http.client.HTTPConnection
    path = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"

    def ask(body: bytes) -> bytes:
        connection = kind(host, port, timeout=_ANSWER_SECONDS)
        try:
            headers = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply", "User-Agent": "plumbline"}
            connection.request("POST", path, body, headers)
            with connection.getresponse() as response:
                data = response.read(_LARGEST_ANSWER + 1)
        except (OSError, http.client.HTTPException) as error:
            why = getattr(error, "strerror", None) or "it gave no answer"
            raise StoreError(f"the time stamp authority {host} cannot be asked: {why}") from error
        finally:
            connection.close()
        if response.status != _OK:
            raise StoreError(f"the time stamp authority {host} answered {response.status}")
        if len(data) > _LARGEST_ANSWER:
            raise StoreError(f"the time stamp authority {host} answered with more than {_LARGEST_ANSWER} bytes")
        return data

    return ask


def look_at_seal(found: Verification, pdf: bytes) -> None:
    """Say what a PDF's seal is, beside what was found otherwise.

    No seal is nothing. A broken one, or one whose certificate the certify record does not name, is a problem.
    """
    from reports.attachment import signature  # noqa: PLC0415 - loaded when needed

    if signature(pdf) is None:
        return
    try:
        from reports.seal import look  # noqa: PLC0415 - loaded when needed
    except InstallationError:
        found.cautions.append(NOT_LOOKED_AT)
        return
    looked = look(pdf)
    if looked is not None:
        take_seal(found, looked)


def take_seal(found: Verification, looked: Looked) -> None:
    """Hold a seal against the certify record, as far as that was shown."""
    state = "broken" if looked.problems else "intact over the whole file"
    whose = f"by {looked.subject}, certificate {looked.certificate}" if looked.certificate else "by nobody known"
    if found.seals is None:
        named = "whether the certify record names it was not shown"
    else:
        is_named = looked.certificate in found.seals
        named = f"{'named' if is_named else 'NOT NAMED'} in the certify record"
        if not is_named:
            found.problems.append(f"the certify record does not name the seal's certificate {looked.certificate or '(none)'}")
    found.seal = f"seal {state}, {whose}, {named}, {looked.when}"
    found.problems += [f"the seal is broken: {problem}" for problem in looked.problems]
