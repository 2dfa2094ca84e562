"""What an audit finds and what a rule says."""

from __future__ import annotations

from typing import Literal

from schemas.base import Model

Severity = Literal["broken", "flag"]


class Finding(Model):
    """One thing that an audit found: a stable code, how grave, where, and the facts.

    `broken` means that a rule, hash, signature, balance or projection does not hold; `flag` means implausible, late, unwitnessed.
    """

    code: str
    severity: Severity
    index: int | None
    message: str
    facts: dict[str, str | int | None]
