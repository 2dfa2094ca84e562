"""What one part of a rule says: its figure, or a condition beside it."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

Verdict: TypeAlias = Literal["PASS", "FAIL", "INDETERMINATE", "NOT_APPLICABLE", "NOT_YET_IN_FORCE", "EXPIRED"]

ASKED = {">=": "at least", ">": "more than", "==": "exactly"}


class Outcome(NamedTuple):
    """A verdict with the sentences that give its numbers."""

    verdict: Verdict
    reasons: tuple[str, ...]
