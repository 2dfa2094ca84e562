"""Valid files bent at random, for every parser and verifier: what is no refusal, and what is accepted and means something else."""

from __future__ import annotations

import base64
import binascii
import copy
import json
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from figure import Figure
from fuzz_targets import Target, fault, targets
from words import HIDDEN, SHOWN

SLOW_SECONDS = 1.0
_WORD = re.compile(rb'"(?:[^"\\]|\\.)*"|-?[0-9]+|[A-Za-z0-9+/_-]{6,}=*|[A-Za-z_]+|[\[\]{}:,]')
PIECES = (
    b"", b"\0", b"\n", b"\r\n", b"\n\n", b"\x1b[2J", b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xef\xbb\xbf", "— ".encode(),
    b" ", b"\t", b"0", b"-1", b"1", b"00", b"9007199254740991", b"9007199254740993", b"9223372036854775807",
    b"9223372036854775808", b"9" * 400, b"1e400", b"1.0", b"NaN", b"null", b"true", b"false", b"[]", b"{}", b'""',
    b"[[[[[[[[[[[[[[[[[", b'{"a":' * 20, b'"\\ud800"', b'"a":1,', b"'", b"=", b"A" * 44, b"A" * 300, b"end\n", b"yard:works",
    b"yard/1", b"keystone", b"2026-02-30T00:00:00Z", b"0001-01-01T00:00:00+23:59", b'{"private":"x"}', b'{"sealed":"x"}',
    b'"balance"', b'{"value":"0","unit":"kg"}', b'{"value":"999999999999999","unit":"t"}',
    *(text.encode() for text in (*HIDDEN.values(), *SHOWN.values())),
)  # fmt: skip
"""What parsers trip over."""
NAMES = (*HIDDEN.values(), *SHOWN.values())
VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 7, 2**53 - 1, 2**53, 10**30, 1.5, "", "0", "-1", "1", "999999999999999", "0.000000000001", "balance",
    "yard:N1", "works:hall", "yard:shed", "US", "unknown", "Pb", "ab" * 32, [], {}, [[]], [None], {"": None}, {"value": "1", "unit": "kg"},
    {"value": "0", "unit": "kg"}, {"value": "999999999999999", "unit": "t"}, {"value": "50", "unit": "%"}, {"below": "5", "unit": "ppm"},
    {"pieces": 1}, {"private": "x"}, {"sealed": "ab" * 32}, {"batch": "yard:N1"}, {"record": "ab" * 32, "event": 0}, *NAMES,
)  # fmt: skip
"""What stands where something else was meant."""

Bend = Callable[[random.Random, bytes, Target], bytes]


def flip(numbers: random.Random, data: bytes, _: Target) -> bytes:
    """Flip a bit."""
    at = numbers.randrange(len(data))
    return data[:at] + bytes((data[at] ^ 1 << numbers.randrange(8),)) + data[at + 1 :]


def cut(numbers: random.Random, data: bytes, _: Target) -> bytes:
    """Leave a stretch out, or everything behind a place."""
    at = numbers.randrange(len(data))
    return data[:at] + (data[at + 1 + numbers.randrange(40) :] if numbers.random() < 0.8 else b"")


def insert(numbers: random.Random, data: bytes, _: Target) -> bytes:
    """Put a piece in."""
    at = numbers.randrange(len(data) + 1)
    return data[:at] + numbers.choice(PIECES) + data[at:]


def splice(numbers: random.Random, data: bytes, target: Target) -> bytes:
    """Go on with a stretch of another valid file."""
    other = numbers.choice(target.seeds)
    at, low = numbers.randrange(len(data)), numbers.randrange(len(other))
    return data[:at] + other[low : low + numbers.randrange(200)] + data[at + numbers.randrange(200) :]


def replace(numbers: random.Random, data: bytes, _: Target) -> bytes:
    """Put a piece in place of a word, a number or a text; or a word of elsewhere in the file."""
    found = _word(numbers, data)
    if found is None:
        return data + b"x"
    other = _word(numbers, data)
    new = numbers.choice(PIECES) if other is None or numbers.random() < 0.6 else other.group()
    return data[: found.start()] + new + data[found.end() :]


def drop(numbers: random.Random, data: bytes, _: Target) -> bytes:
    """Leave out a member of a list or an object, up to the next comma."""
    at = data.find(b",", numbers.randrange(len(data)))
    end = data.find(b",", at + 1)
    return data[:at] + data[end:] if 0 <= at < end else data[:-1]


def encode(numbers: random.Random, data: bytes, _: Target) -> bytes:
    """Change what a base64 says, and spell it rightly."""
    found = _word(numbers, data)
    try:
        inner = bytearray(base64.b64decode(found.group() if found else b"", validate=True))
    except binascii.Error:
        inner = bytearray()
    if found is None or not inner:
        return data + b"\n"
    inner[numbers.randrange(len(inner))] ^= 1 << numbers.randrange(8)
    return data[: found.start()] + base64.b64encode(inner) + data[found.end() :]


def lines(numbers: random.Random, data: bytes, _: Target) -> bytes:
    """Leave a line out, repeat one, or swap two."""
    rows = data.split(b"\n")
    one, other = numbers.randrange(len(rows)), numbers.randrange(len(rows))
    match numbers.randrange(3):
        case 0:
            del rows[one]
        case 1:
            rows.insert(other, rows[one])
        case _:
            rows[one], rows[other] = rows[other], rows[one]
    return b"\n".join(rows)


def count(numbers: random.Random, data: bytes, _: Target) -> bytes:
    """Change a number by a little."""
    found = re.compile(rb"[0-9]+").search(data, numbers.randrange(len(data)))
    if found is None or len(found.group()) > 18:
        return data[1:]
    return data[: found.start()] + b"%d" % (int(found.group()) + numbers.choice((-1, 1, 1000))) + data[found.end() :]


def rebuild(numbers: random.Random, data: bytes, target: Target) -> bytes:
    """Put another value into a line of JSON, leave one out, or exchange two, and write it in its canonical form."""
    rows = data.split(b"\n")
    places = [place for place, row in enumerate(rows) if row.startswith((b"{", b"["))]
    if not places:
        return flip(numbers, data, target)
    place = numbers.choice(places)
    try:
        value = json.loads(rows[place])
    except (ValueError, RecursionError):
        return flip(numbers, data, target)
    inner = [one for one in _containers(value) if one]
    holder = numbers.choice(inner) if inner else value
    keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
    if keys:
        key = numbers.choice(keys)
        match numbers.randrange(4):
            case 0:
                del holder[key]
            case 1:
                other = numbers.choice(inner)
                holder[key] = copy.deepcopy(numbers.choice(list(other.values()) if isinstance(other, dict) else other))
            case 2 if isinstance(holder[key], str):
                holder[key] = bent_text(numbers, holder[key])
            case _:
                holder[key] = copy.deepcopy(numbers.choice(VALUES))
    rows[place] = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode(errors="surrogatepass")
    return b"\n".join(rows)


def _containers(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        yield value
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _containers(inner)


def bent_text(numbers: random.Random, text: str) -> str:
    """Return a text a little different: another digit, a piece more, a character less."""
    if text and text[-1].isdigit() and numbers.random() < 0.5:
        return text[:-1] + numbers.choice("0123456789")
    at = numbers.randrange(len(text) + 1)
    return text[:at] + numbers.choice((*NAMES, "9", ".", "-", "0")) + text[at + numbers.randrange(2) :]


BENDS: tuple[Bend, ...] = (flip, cut, insert, splice, replace, drop, encode, lines, count, rebuild, rebuild, rebuild)


def _word(numbers: random.Random, data: bytes) -> re.Match[bytes] | None:
    return _WORD.search(data, numbers.randrange(len(data)))


def bent(numbers: random.Random, target: Target) -> bytes:
    """Return one of a target's valid files, bent in one to four ways."""
    data = numbers.choice(target.seeds)
    for _ in range(numbers.choice((1, 1, 1, 2, 3, 4))):
        data = numbers.choice(BENDS)(numbers, data or b" ", target)
    return data


def measure(amount: int, seed: int, folder: Path) -> Figure:
    """Bend so many valid files, and hand each to what reads it."""
    return tried(targets(folder), amount, seed)


def tried(given: Sequence[Target], amount: int, seed: int) -> Figure:
    """Bend the valid files of targets, each as often as its weight says."""
    numbers, started = random.Random(seed), time.monotonic()
    chosen = numbers.choices(given, [target.weight for target in given], k=amount)
    found: list[str] = []
    kinds: Counter[str] = Counter()
    slow, worst = 0, 0.0
    for target in chosen:
        data = bent(numbers, target)
        before = time.perf_counter()
        wrong = fault(target, data)
        worst = max(worst, seconds := time.perf_counter() - before)
        slow += seconds > SLOW_SECONDS
        if wrong is not None:
            kinds["false acceptances" if wrong.startswith("a false") else "faults"] += 1
            found.append(f"{target.name}: {wrong[:200]} <- {data[:400]!r}")
    also = {
        "targets": len(given),
        "handed to a verifier": sum(target.verified for target in chosen),
        "false acceptances": kinds["false acceptances"],
        "faults": kinds["faults"],
        f"slower than {SLOW_SECONDS:g} s": slow,
        "slowest in s": round(worst, 2),
        "inputs a second": int(amount / (time.monotonic() - started)),
    }
    return Figure(amount, "bent files", len(found), also, tuple(found[:5]))
