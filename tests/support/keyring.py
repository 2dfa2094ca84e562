"""Signers made from their names, so that a test's keys and signatures are the same on every run."""

from __future__ import annotations

import hashlib

from ledger.keys import Signer, generate


def signer(name: str) -> Signer:
    """Return the signer whose seed is the SHA-256 of its name."""
    return generate(name, seed=hashlib.sha256(name.encode()).digest())
