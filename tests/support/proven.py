"""Certificates with a true proof, and each figure of one with a digit changed, for the programs that verify them from outside."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from keyring import signer
from ledger.certificates.credential import add_proof, verification_method_of
from ledger.keys import did_key
from sample_credential import credential

KEY = signer("voltaic/certificates")
OUTSIDE = Path(__file__).parents[1] / "vectors" / "outside"

Raw = dict[str, Any]
Way = tuple[str | int, ...]


def proven(kind: str = "recycled-content") -> Raw:
    """Return a certificate of KEY's party with its proof."""
    document = credential(kind)
    del document["proof"]
    document["issuer"]["id"] = did_key(KEY.public_key)
    method = verification_method_of(KEY.public_key)
    return add_proof(document, created="2026-03-31T12:00:00Z", verification_method=method, sign=KEY.sign)


def issued(name: str) -> Raw:
    """Return a certificate as a ledger issued it."""
    found: Raw = json.loads((OUTSIDE / name).read_bytes())
    return found


def figures(value: Any, way: Way = ()) -> Iterator[Way]:
    """Yield where a mass or a percentage stands."""
    if isinstance(value, dict | list):
        for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from figures(inner, (*way, name))
    elif way[-1] == "percent" or (isinstance(value, int) and not isinstance(value, bool)):
        yield way


def changed(document: Raw, way: Way) -> Raw:
    """Return a document with the last digit of one figure changed."""
    found = copy.deepcopy(document)
    at: Any = found
    for name in way[:-1]:
        at = at[name]
    digits = str(at[way[-1]])
    digits = digits[:-1] + str((int(digits[-1]) + 1) % 10)
    at[way[-1]] = digits if way[-1] == "percent" else int(digits)
    return found
