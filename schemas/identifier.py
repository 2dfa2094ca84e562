"""Identifiers: ASCII by grammar, compared as text.

`0010`, `10` and `1E1` are three batches. A party id has no dot and an origin has one, so the two never meet.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator

from schemas.country import COUNTRIES

RESERVED = frozenset({"registrar", "log", "witness", "plumbline"})
"""Party ids that nobody may be admitted under."""

REGISTRAR = "registrar"
"""The party name under which the registrar's own keys stand."""

_PARTY = r"[a-z0-9][a-z0-9-]{1,38}"
_PATTERNS = {
    "party": re.compile(rf"\A{_PARTY}\Z", re.ASCII),
    "site": re.compile(rf"\A{_PARTY}:[a-z0-9][a-z0-9._-]{{0,63}}\Z", re.ASCII),
    "batch": re.compile(rf"\A{_PARTY}:[A-Za-z0-9._-]{{1,64}}\Z", re.ASCII),
    "key": re.compile(rf"\A{_PARTY}/[A-Za-z0-9._-]{{1,64}}\Z", re.ASCII),
    "origin": re.compile(r"\A[a-z0-9-]+(?:\.[a-z0-9-]+)+(?:/[a-z0-9.-]+)+\Z", re.ASCII),
    "hash": re.compile(r"\A[0-9a-f]{64}\Z", re.ASCII),
    "token": re.compile(r"\A[A-Za-z0-9][A-Za-z0-9 ._:/#-]{0,63}\Z", re.ASCII),
    "question": re.compile(r"\A[a-z][a-z0-9_]{0,63}\Z", re.ASCII),
    "vkey": re.compile(r"\A[!-*,-~]{1,128}\+[0-9a-f]{8}\+[A-Za-z0-9+/]{43,60}={0,2}\Z", re.ASCII),
    "base64": re.compile(r"\A[A-Za-z0-9+/]{4,2000}={0,2}\Z", re.ASCII),
    "number": re.compile(r"\A[a-z0-9][a-z0-9-]{1,38}-(?:RC|DO|RP|OP)-[0-9]{4,9}\Z", re.ASCII),
}
_TIME = re.compile(r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:Z|[+-][0-9]{2}:[0-5][0-9])\Z", re.ASCII)
_DATE = re.compile(r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}\Z", re.ASCII)

_FORBIDDEN = re.compile(
    "[\u0000-\u001f\u007f-\u00a0\u00ad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u1680\u17b4\u17b5\u180e"
    "\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\u3164\ud800-\udfff\ue000-\uf8ff\ufdd0-\ufdef\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\ufffe\uffff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff\U000f0000-\U0010ffff]"
)
"""Control, format, bidirectional, blank-looking, private and unassigned-by-design code points (SPEC.md, "Names")."""


def _matches(kind: str, wanted: str) -> AfterValidator:
    """Return a validator for one grammar with a message that says what was wanted."""
    pattern = _PATTERNS[kind]

    def check(value: str) -> str:
        if not pattern.match(value):
            msg = f"{value!r} is not {wanted}"
            raise ValueError(msg)
        return value

    return AfterValidator(check)


def _party(value: str) -> str:
    if value in RESERVED:
        msg = f"{value!r} is a reserved name and no party id"
        raise ValueError(msg)
    return value


def _country(value: str) -> str:
    if value != "unknown" and value not in COUNTRIES:
        msg = f'{value!r} is no ISO 3166-1 alpha-2 country; write two capital letters (GB, not UK) or "unknown"'
        raise ValueError(msg)
    return value


def _subdivision(value: str) -> str:
    if not re.match(r"\A[A-Z]{2}-[A-Z0-9]{1,3}\Z", value, re.ASCII):
        msg = f"{value!r} is no ISO 3166-2 subdivision such as US-PA"
        raise ValueError(msg)
    return value


def _time(value: str) -> str:
    if not _TIME.match(value):
        msg = f"{value!r} is no RFC 3339 time with an offset, such as 2026-03-02T14:05:00Z"
        raise ValueError(msg)
    try:
        datetime.fromisoformat(value)
    except ValueError:
        msg = f"{value!r} is no time that exists"
        raise ValueError(msg) from None
    return value


def _date(value: str) -> str:
    msg = f"{value!r} is no date such as 2026-03-31"
    if not _DATE.match(value):
        raise ValueError(msg)
    try:
        datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(msg) from None
    return value


def _text(limit: int) -> AfterValidator:
    """Return a validator for human text: 1 to `limit` characters, none of them hidden, no space at either end."""

    def check(value: str) -> str:
        if not 1 <= len(value) <= limit:
            msg = f"is {len(value)} characters long, 1 to {limit} are allowed"
            raise ValueError(msg)
        found = _FORBIDDEN.search(value)
        if found:
            msg = f"holds the character U+{ord(found.group()):04X}, which is hidden or a control and not allowed in text"
            raise ValueError(msg)
        if value != value.strip(" "):
            msg = "begins or ends with a space"
            raise ValueError(msg)
        return value

    return AfterValidator(check)


PartyId = Annotated[str, _matches("party", "a party id: 2 to 39 of a-z 0-9 -, such as keystone"), AfterValidator(_party)]
SiteId = Annotated[str, _matches("site", "a site id party:name, such as keystone:reading")]
BatchId = Annotated[str, _matches("batch", "a batch id party:number with 1 to 64 of A-Z a-z 0-9 . _ -, such as keystone:RB-26-1007")]
KeyName = Annotated[str, _matches("key", "a key name party/name, such as keystone/scale-1")]
Origin = Annotated[
    str, _matches("origin", "an origin: a host with a dot, a slash and a path in a-z 0-9 . / -, such as ledger.example/lead")
]
RecordId = Annotated[str, _matches("hash", "64 lower-case hex digits")]
Sha256 = RecordId
Token = Annotated[str, _matches("token", "a name of 1 to 64 ASCII letters, digits, spaces and . _ : / # -")]
Question = Annotated[str, _matches("question", "a question such as is_waste: 1 to 64 of a-z 0-9 _, beginning with a letter")]
VerifierKeyText = Annotated[str, _matches("vkey", "a verifier key name+id+base64")]
Base64 = Annotated[str, _matches("base64", "base64")]
CertificateNumber = Annotated[str, _matches("number", "a certificate number such as voltaic-RC-0001")]
Country = Annotated[str, AfterValidator(_country)]
Subdivision = Annotated[str, AfterValidator(_subdivision)]
Time = Annotated[str, AfterValidator(_time)]
Date = Annotated[str, AfterValidator(_date)]
Name = Annotated[str, _text(120)]
Text = Annotated[str, _text(200)]


def forbidden(value: str) -> bool:
    """Say whether a text holds a character that occurs in no name (SPEC.md, "Names")."""
    return _FORBIDDEN.search(value) is not None


def moment(time: str) -> datetime:
    """Return the instant that a checked RFC 3339 time names."""
    return datetime.fromisoformat(time)


def party_of(identifier: str) -> str:
    """Return the party that a site, batch or key name begins with."""
    return re.split("[:/]", identifier, maxsplit=1)[0]
