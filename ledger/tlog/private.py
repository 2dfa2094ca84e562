r"""Private fields: what the record holds instead of a name, a document number or a price.

    {"sealed":"<hex of SHA-256("plumbline/private/v1\n" ‖ 16-byte salt ‖ field path ‖ 0x00 ‖ value)>"}

The idea is that of RFC 9901: the opening (salt and value) lies beside the log and can be handed out or erased field by field, while the
signed bytes stay as they are. The salt keeps a short value from being guessed from its digest.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any, Final

from ledger.errors import EncodingError, VerificationError

SALT_BYTES: Final = 16

_DOMAIN: Final = b"plumbline/private/v1\n"


def sealed_digest(*, salt: bytes, field: str, value: str) -> str:
    """Return the digest that stands in the record, in lower-case hex.

    Args:
        salt: 16 random bytes, never used for another field.
        field: Path of the field in its event, such as "documents.0.number".
        value: The private text.

    Raises:
        EncodingError: The salt has another length, the path holds a zero character, or a text cannot be written in UTF-8.
    """
    if len(salt) != SALT_BYTES:
        raise EncodingError(field, f"the salt has {len(salt)} bytes, want {SALT_BYTES}")
    if "\0" in field:  # it would end the path and begin the value
        raise EncodingError(ascii(field), "a field path holds no zero character")
    try:
        named = field.encode() + b"\0" + value.encode()
    except UnicodeEncodeError as error:
        raise EncodingError(ascii(field), "a private value holds a lone surrogate") from error
    return hashlib.sha256(_DOMAIN + salt + named).hexdigest()


def sealed_fields(value: Any, path: tuple[str, ...] = ()) -> dict[str, str]:  # noqa: ANN401 - JSON of any shape
    """Return the sealed digests of an event by the paths of their fields."""
    if isinstance(value, dict):
        if set(value) == {"sealed"}:
            return {".".join(path): value["sealed"]}
        return {name: digest for key, inner in value.items() for name, digest in sealed_fields(inner, (*path, key)).items()}
    if isinstance(value, list):
        return {name: digest for number, inner in enumerate(value) for name, digest in sealed_fields(inner, (*path, str(number))).items()}
    return {}


def verify_opening(sealed: str, *, salt: bytes, field: str, value: str) -> None:
    """Verify that an opening is what a record sealed.

    Args:
        sealed: The digest in the record, lower-case hex.
        salt: As handed out.
        field: Path of the field in its event.
        value: As handed out.

    Raises:
        EncodingError: As `sealed_digest`.
        VerificationError: The record sealed something else.
    """
    got = sealed_digest(salt=salt, field=field, value=value)
    if not hmac.compare_digest(got.encode(), sealed.encode(errors="replace")):
        raise VerificationError(f"the opening of {field} gives digest {got}, the record has {sealed or 'none'}")
