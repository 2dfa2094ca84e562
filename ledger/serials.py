"""Serial numbers: a fixed beginning and a running number at the end (`DY26C-000123`)."""

from __future__ import annotations

import re
from collections.abc import Iterable

_RUNNING = re.compile(r"\A(.*?)([0-9]{1,18})\Z", re.ASCII)


def split(serial: str) -> tuple[str, int]:
    """Return a serial's beginning and running number; one without digits at its end counts as number 0."""
    found = _RUNNING.match(serial)
    return (found.group(1), int(found.group(2))) if found else (serial, 0)


def overlaps(one: tuple[str, str], other: tuple[str, str]) -> bool:
    """Say whether two ranges of serial numbers, ends included, have a number in common."""
    (beginning, low), (_, high) = split(one[0]), split(one[1])
    (other_beginning, other_low), (_, other_high) = split(other[0]), split(other[1])
    return beginning == other_beginning and low <= other_high and other_low <= high


def ordered(one: tuple[str, str]) -> bool:
    """Say whether a range is one: both ends begin alike, and the last is not before the first."""
    (beginning, low), (other, high) = split(one[0]), split(one[1])
    return beginning == other and low <= high


def covered(one: tuple[str, str], others: Iterable[tuple[str, str]]) -> bool:
    """Say whether every number of a range lies in one of the others."""
    (beginning, low), (_, high) = split(one[0]), split(one[1])
    for first, last in sorted((split(first), split(last)) for first, last in others):
        if first[0] == beginning and first[1] <= low <= last[1]:
            low = last[1] + 1
    return low > high
