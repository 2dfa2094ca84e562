"""Canonical JSON: RFC 8785, restricted until two implementations cannot differ.

A value is an object, array, string, boolean, null, or an integer within ±(2^53 - 1). There are no other numbers, no key twice in an
object, no key outside ASCII, no lone surrogate, no byte order mark, and at most 16 containers inside one another. Within that domain
the bytes are those of RFC 8785, section 3.2; RFC 8785 itself also knows floating-point numbers and keys of any characters, which are
refused here.
"""

from __future__ import annotations

import json
import re
from typing import Final, NoReturn, TypeAlias

from ledger.errors import EncodingError

JSONValue: TypeAlias = "bool | int | str | list[JSONValue] | dict[str, JSONValue] | None"
JSONObject: TypeAlias = dict[str, JSONValue]

MAX_INTEGER: Final = 2**53 - 1
"""The largest integer that every JSON reader holds exactly (RFC 7493, section 2.2)."""

MAX_DEPTH: Final = 16
"""The most containers inside one another; a bare scalar has depth 0, `[]` has depth 1."""

_MAX_DIGITS: Final = len(str(MAX_INTEGER))
_SHOWN_CHARACTERS: Final = 40

# ASCII keys sort by code point as they do by UTF-16 code unit (RFC 8785, section 3.2.3), so the C encoder's order is the right one.
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, check_circular=False, allow_nan=False, sort_keys=True, separators=(",", ":"))

# A string is eaten whole, closed or not, so that the scan is linear on any bytes and never counts a bracket inside a string.
_STRING_OR_BRACKET: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{}]', re.DOTALL)


class _RefusedError(Exception):
    """A refusal inside a parser callback, where the name of the whole is not known."""


def encode(value: object) -> bytes:
    """Encode a value as canonical JSON.

    The form is that of RFC 8785, section 3.2, on the restricted domain of this module.

    Args:
        value: Built of dict, list, str, int, bool and None, and of no subclass of them.

    Raises:
        EncodingError: The value holds something outside the domain; the error names its JSON path.
    """
    _check(value, "$", 0)
    return _ENCODER.encode(value).encode()


def decode(data: bytes, *, what: str) -> JSONValue:
    """Parse bytes that must already be canonical JSON.

    Input that could be written in another way is refused, not repaired: what is signed is what was read.

    Args:
        data: The bytes, without a final newline.
        what: What they are, for the error: "header", "event 3".

    Raises:
        EncodingError: The bytes are not JSON, lie outside the domain, or are not in canonical form.
    """
    value, canonical = _parse(data, what)
    if canonical != data:
        at = next((n for n, (got, want) in enumerate(zip(data, canonical, strict=False)) if got != want), min(len(data), len(canonical)))
        raise EncodingError(what, f"not canonical JSON from byte {at} on: RFC 8785 sorts keys and allows no other spelling or space")
    return value


def parse(data: bytes, *, what: str) -> JSONValue:
    """Parse JSON of the same domain in any order and spacing, as people write it in input files.

    Args:
        data: The bytes.
        what: What they are, for the error.

    Raises:
        EncodingError: The bytes are not JSON or lie outside the domain.
    """
    return _parse(data, what)[0]


def _parse(data: bytes, what: str) -> tuple[JSONValue, bytes]:
    """Parse the bytes; return the value with its canonical form."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise EncodingError(what, f"not UTF-8 at byte {error.start}") from error
    if text.startswith("\ufeff"):
        raise EncodingError(what, "begins with a byte order mark")
    _check_depth(data, what)
    try:
        value: JSONValue = json.loads(
            text, object_pairs_hook=_object, parse_int=_integer, parse_float=_refuse_number, parse_constant=_refuse_constant
        )
    except _RefusedError as error:
        raise EncodingError(what, str(error)) from None
    except json.JSONDecodeError as error:
        raise EncodingError(what, f"not JSON at column {error.pos + 1}") from error
    try:
        return value, _ENCODER.encode(value).encode()
    except UnicodeEncodeError as error:
        raise EncodingError(what, "a string holds a lone surrogate") from error


def _check_depth(data: bytes, what: str) -> None:
    """Count containers before anything recursive sees the bytes."""
    if data.count(b"[") + data.count(b"{") <= MAX_DEPTH:
        return
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(data):
        token = match.group()
        if token in (b"[", b"{"):
            depth += 1
            if depth > MAX_DEPTH:
                raise EncodingError(what, f"nested more than {MAX_DEPTH} deep at byte {match.start()}")
        elif token in (b"]", b"}"):
            depth -= 1


def _object(pairs: list[tuple[str, JSONValue]]) -> JSONObject:
    """Build an object from its pairs, each key once."""
    found: JSONObject = {}
    for key, value in pairs:
        if key in found:
            raise _RefusedError(f"the key {_shown(key)} stands twice in one object")
        if not key.isascii():
            raise _RefusedError(f"the key {_shown(key)} is not ASCII")
        found[key] = value
    return found


def _integer(digits: str) -> int:
    """Read an integer; the length is looked at first, because reading many digits takes quadratic time."""
    if digits == "-0":
        raise _RefusedError("the number -0 is written 0")
    if len(digits.removeprefix("-")) > _MAX_DIGITS or abs(int(digits)) > MAX_INTEGER:
        raise _RefusedError(f"the number {_clipped(digits)} is beyond ±(2^53 - 1)")
    return int(digits)


def _refuse_number(literal: str) -> NoReturn:
    """Refuse a number with a fraction or an exponent."""
    raise _RefusedError(f"the number {_clipped(literal)} is not an integer; a measured number is a string with a unit")


def _refuse_constant(literal: str) -> NoReturn:
    """Refuse NaN and the infinities, which Python's reader knows and JSON does not."""
    raise _RefusedError(f"{literal} is not JSON")


def _check(value: object, path: str, depth: int) -> None:
    """Walk a value and refuse what lies outside the domain; depth is bounded, so the recursion is too."""
    if isinstance(value, dict) and type(value) is dict:
        _check_room(path, depth)
        for key, member in value.items():
            _check_key(key, path)
            _check(member, f"{path}.{key}", depth + 1)
    elif isinstance(value, list) and type(value) is list:
        _check_room(path, depth)
        for index, member in enumerate(value):
            _check(member, f"{path}[{index}]", depth + 1)
    else:
        _check_scalar(value, path)


def _check_key(key: object, path: str) -> None:
    """Refuse a key that is not an ASCII string."""
    if not isinstance(key, str) or type(key) is not str:
        raise EncodingError(path, f"a key is of type {type(key).__name__}, want str")
    if not key.isascii():
        raise EncodingError(path, f"the key {_shown(key)} is not ASCII")


def _check_scalar(value: object, path: str) -> None:
    """Refuse everything but strings that UTF-8 can carry, integers within the bound, booleans and null."""
    if isinstance(value, str) and type(value) is str:
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise EncodingError(path, "a string holds a lone surrogate") from error
    elif isinstance(value, int) and type(value) is int:
        if abs(value) > MAX_INTEGER:
            raise EncodingError(path, f"a number of {value.bit_length()} bits is beyond ±(2^53 - 1)")
    elif value is not None and type(value) is not bool:
        raise EncodingError(path, f"a value of type {type(value).__name__} has no canonical JSON")


def _check_room(path: str, depth: int) -> None:
    """Refuse a container that would be one too deep."""
    if depth >= MAX_DEPTH:
        raise EncodingError(path, f"nested more than {MAX_DEPTH} deep")


def _shown(text: str) -> str:
    """Show a foreign string in ASCII, clipped."""
    return ascii(text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…")


def _clipped(digits: str) -> str:
    """Show the beginning of a long number."""
    return digits if len(digits) <= _SHOWN_CHARACTERS else f"{digits[:_SHOWN_CHARACTERS]}…"
