"""Signed notes (c2sp.org/signed-note@v1.0.0) and the record, which is one.

    text ending in a newline
    an empty line
    — <key name> <base64(4-byte key ID ‖ signature)>        one or more such lines

A key ID is a hint: the first four bytes of SHA-256(name ‖ 0x0A ‖ algorithm ‖ public key). Lines end at byte 0x0A and nowhere else;
beyond C2SP, U+007F to U+009F, U+2028 and U+2029 are refused, because other programs end lines or start commands there. Nothing here
checks a signature: the text must not be relied on until its signature was verified with a key known from elsewhere.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from ledger.errors import FormatError, LimitError, UnknownVersionError

RECORD_FORMAT: Final = "plumbline/record/v1"
MAX_RECORD_BYTES: Final = 65_535
"""The largest entry of a tlog-tiles bundle, whose length prefix has 16 bits."""
MAX_EVENTS: Final = 256
MAX_SIGNATURES: Final = 64
MAX_NAME_BYTES: Final = 255

_PREFIX: Final = "— "
_KEY_ID_BYTES: Final = 4
_PUBLIC_KEY_BYTES: Final = 32
MLDSA_PUBLIC_KEY_BYTES: Final = 1312
"""Of ML-DSA-44 (FIPS 204, table 2)."""
_SHOWN_CHARACTERS: Final = 60

_FORBIDDEN: Final = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]")
# White_Space of Unicode, which has not changed since version 6.3, written out so that every Python agrees; and plus, which ends a name.
_NOT_IN_NAME: Final = re.compile("[\x00-\x20\x7f-\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000+]")
_VKEY: Final = re.compile(r"(?P<name>[^+]+)\+(?P<key_id>[0-9a-f]{8})\+(?P<key>[A-Za-z0-9+/=]+)")


class Algorithm(IntEnum):
    """Signature types of signed-note and tlog-cosignature that this program knows; a key has one, and it is never negotiated."""

    ED25519 = 0x01
    COSIGNATURE = 0x04
    MLDSA_COSIGNATURE = 0x06


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line: `— <name> <base64(key_id ‖ signature)>`."""

    name: str
    key_id: bytes
    signature: bytes

    def line(self) -> bytes:
        """Return the line, with its newline."""
        return f"{_PREFIX}{self.name} {base64.b64encode(self.key_id + self.signature).decode()}\n".encode()


@dataclass(frozen=True, slots=True)
class Note:
    """A text, including its last newline, and the signatures under it, unverified."""

    text: bytes
    signatures: tuple[Signature, ...]


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key under its name: `<name>+<key ID in hex>+<base64(algorithm ‖ public key)>`, a vkey."""

    name: str
    algorithm: Algorithm
    public_key: bytes

    def __post_init__(self) -> None:
        check_name(self.name)
        want = MLDSA_PUBLIC_KEY_BYTES if self.algorithm is Algorithm.MLDSA_COSIGNATURE else _PUBLIC_KEY_BYTES
        if len(self.public_key) != want:
            raise FormatError(f"the public key of {self.name} has {len(self.public_key)} bytes, want {want}")

    @property
    def key_id(self) -> bytes:
        """The four bytes that stand in this key's signature lines."""
        return hashlib.sha256(self.name.encode() + b"\n" + self._typed_key()).digest()[:_KEY_ID_BYTES]

    def format(self) -> str:
        """Return the vkey."""
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(self._typed_key()).decode()}"

    def signed(self, signature: bytes) -> Signature:
        """Return a signature by this key as it stands under a note."""
        return Signature(self.name, self.key_id, signature)

    def _typed_key(self) -> bytes:
        return bytes([self.algorithm]) + self.public_key


def parse_vkey(text: str) -> VerifierKey:
    """Parse a vkey (signed-note, "Verifier keys").

    Raises:
        FormatError: The text is not a vkey, its key ID is another key's, or its algorithm is not known here.
    """
    match = _VKEY.fullmatch(text)
    if match is None:
        raise FormatError(f"{shown(text)} is not a vkey: want <name>+<8 hex digits>+<base64>")
    check_name(match["name"])
    typed_key = decode_base64(match["key"])
    if not typed_key or typed_key[0] not in set(Algorithm):
        raise FormatError(f"the vkey of {shown(match['name'])} has algorithm 0x{typed_key[:1].hex()}, want 0x01, 0x04 or 0x06")
    key = VerifierKey(match["name"], Algorithm(typed_key[0]), typed_key[1:])
    if key.key_id.hex() != match["key_id"]:
        raise FormatError(f"the vkey of {shown(key.name)} has key ID {match['key_id']}, its key gives {key.key_id.hex()}")
    return key


def check_name(name: str) -> None:
    """Refuse what cannot be a key name: empty, too long, or with a space, a control character or a plus in it.

    Raises:
        FormatError: As said.
    """
    if not name or len(_utf8(name)) > MAX_NAME_BYTES:
        raise FormatError(f"a key name has 1 to {MAX_NAME_BYTES} bytes, got {shown(name)}")
    if _NOT_IN_NAME.search(name):
        raise FormatError(f"the key name {shown(name)} holds a space, a control character or a plus")


def decode_base64(text: str) -> bytes:
    """Decode base64 (RFC 4648, section 4) that encodes to itself again: padded, no other characters, no stray bits.

    Raises:
        FormatError: The text is anything else.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise FormatError(f"{shown(text)} is not base64") from error
    if base64.b64encode(data).decode() != text:
        raise FormatError(f"{shown(text)} does not encode to itself again: it is another spelling of the same base64")
    return data


def parse_note(data: bytes, *, max_signatures: int = MAX_SIGNATURES) -> Note:
    """Parse a signed note. The last empty line ends the text.

    Args:
        data: The whole note.
        max_signatures: The most signature lines that are read.

    Raises:
        FormatError: The bytes are not a signed note; the error names the line.
        LimitError: There are more signature lines than allowed.
    """
    _check_characters(data)
    if not data.endswith(b"\n"):
        raise FormatError("a note ends in a newline", line=data.count(b"\n") + 1)
    text, separator, tail = data.rpartition(b"\n\n")
    if not separator or not tail:
        raise FormatError("a note has an empty line and then signature lines")
    lines = tail.split(b"\n")[:-1]
    if len(lines) > max_signatures:
        raise LimitError("the note", got=len(lines), limit=max_signatures, unit="signature lines")
    first = text.count(b"\n") + 3
    return Note(text + b"\n", tuple(_signature(line.decode(), number) for number, line in enumerate(lines, first)))


def format_note(text: bytes, signatures: Sequence[Signature]) -> bytes:
    """Write a note.

    Raises:
        FormatError: The text does not end in a newline or holds a forbidden character, or there is no signature.
    """
    _check_characters(text)
    if not text.endswith(b"\n"):
        raise FormatError("a note's text ends in a newline")
    if not signatures:
        raise FormatError("a note has at least one signature")
    return text + b"\n" + b"".join(signature.line() for signature in signatures)


def parse_record_note(data: bytes) -> tuple[bytes, Signature]:
    """Parse a record: one signature line, one empty line before it, nothing after it.

    A verifier of C2SP ignores a signature line that it does not know. Here that would give one record many spellings, so it is refused.

    Returns:
        The note text, which is signed and whose hash is the record id, and the one signature, unverified.

    Raises:
        FormatError: The bytes are not a record.
        LimitError: The record is too large, or has too many events.
        UnknownVersionError: The record has a later format.
    """
    if len(data) > MAX_RECORD_BYTES:
        raise LimitError(
            "the record", got=len(data), limit=MAX_RECORD_BYTES, unit="bytes", hint="write a large transform as merge records first"
        )
    note = parse_note(data, max_signatures=MAX_RECORD_BYTES)
    record_lines(note.text)
    if len(note.signatures) != 1:
        raise FormatError(f"a record has exactly one signature line, got {len(note.signatures)}", line=note.text.count(b"\n") + 3)
    return note.text, note.signatures[0]


def record_lines(text: bytes) -> list[bytes]:
    """Split a record's text into its lines: the format, the header, then 1 to 256 events.

    Args:
        text: The note text, ending in a newline.

    Raises:
        FormatError: Line 1 is not the format, a line is missing or empty.
        LimitError: There are more than 256 events.
        UnknownVersionError: Line 1 is a later record format.
    """
    lines = text.split(b"\n")
    if lines.pop():
        raise FormatError("a record's text ends in a newline", line=len(lines) + 1)
    name = lines[0].decode(errors="replace") if lines else ""
    if name != RECORD_FORMAT:
        if name.startswith("plumbline/record/"):
            raise UnknownVersionError("the record format", name[:_SHOWN_CHARACTERS], known=RECORD_FORMAT)
        raise FormatError(f"a record begins with the line {RECORD_FORMAT}, got {shown(name)}", line=1)
    for number, line in enumerate(lines, 1):
        if not line:
            raise FormatError("a record has one empty line, before its signature", line=number)
    if len(lines) < 3:  # noqa: PLR2004 - the format, the header and one event
        raise FormatError(f"a record has a header and at least one event, got {len(lines)} lines", line=len(lines))
    if len(lines) - 2 > MAX_EVENTS:
        raise LimitError("the record", got=len(lines) - 2, limit=MAX_EVENTS, unit="events")
    return lines


def record_id(text: bytes) -> str:
    """Return the record id: the SHA-256 of the note text, in lower-case hex.

    The signature is left out, so nothing that can be spelled in two ways is ever referred to.
    """
    return hashlib.sha256(text).hexdigest()


def shown(text: str) -> str:
    """Show foreign text in a message: quoted, ASCII, clipped."""
    return ascii(text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…")


def _signature(line: str, number: int) -> Signature:
    """Parse one signature line."""
    name, space, encoded = line.removeprefix(_PREFIX).partition(" ")
    if not line.startswith(_PREFIX) or not space:
        raise FormatError(f"{shown(line)} is not a signature line: want — <key name> <base64>", line=number)
    try:
        check_name(name)
        data = decode_base64(encoded)
    except FormatError as error:
        raise error.at(line=number) from error
    if len(data) <= _KEY_ID_BYTES:
        raise FormatError(f"the signature of {shown(name)} has {len(data)} bytes, want a key ID of 4 and more", line=number)
    return Signature(name, data[:_KEY_ID_BYTES], data[_KEY_ID_BYTES:])


def _check_characters(data: bytes) -> None:
    """Refuse what is not UTF-8, and every control character but the newline."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise FormatError(f"not UTF-8 at byte {error.start}", line=data[: error.start].count(b"\n") + 1) from error
    found = _FORBIDDEN.search(text)
    if found:
        line = text[: found.start()].count("\n") + 1
        raise FormatError(f"the character U+{ord(found.group()):04X} may not stand in a note", line=line)


def _utf8(name: str) -> bytes:
    """Encode a name that may hold a lone surrogate, which is refused."""
    try:
        return name.encode()
    except UnicodeEncodeError as error:
        raise FormatError(f"the key name {shown(name)} holds a lone surrogate") from error
