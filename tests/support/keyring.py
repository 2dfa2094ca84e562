"""Signers made from their names, so that a test's keys and signatures are the same on every run."""

from __future__ import annotations

import hashlib

from ledger.keys import Signer, generate

PRIME = 2**255 - 19
"""The field of Ed25519."""

_ORDER_8 = (
    0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD83D3D706A17C7,
    0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826,
)
SMALL_ORDER = [(y | sign << 255).to_bytes(32, "little") for y in (0, 1, PRIME - 1, PRIME, PRIME + 1, *_ORDER_8) for sign in (0, 1)]
"""The fourteen encodings of the eight points of small order.

y is 0, 1, -1 or one of two of order 8, each with either sign bit, and y may be written as y + p where that still fits into 255 bits.
"""


def signer(name: str) -> Signer:
    """Return the signer whose seed is the SHA-256 of its name."""
    return generate(name, seed=hashlib.sha256(name.encode()).digest())
