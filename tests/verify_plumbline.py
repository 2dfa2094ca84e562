"""An independent verifier of the Plumbline ledger format, written from `ledger/SPEC.md` alone.

It shares no line with the program: one file, the standard library, and libsodium's curve arithmetic through PyNaCl. Two programs that
were written apart and agree are better evidence than one that agrees with itself. Section names in the docstrings are those of the SPEC.

    python verify_plumbline.py FILE_OR_FOLDER --trust TRUST [--certificate JSON] [--record RECORD]

FILE is an evidence file, a receipt (with --record) or a signed checkpoint; FOLDER is an export of a ledger. One verdict line is printed,
and after it what was not checked. Exit 0: holds. 1: does not hold. 2: unreadable.
"""

# ruff: noqa: FBT001, FBT002, N818, T201 - `first` is said by position throughout; a refusal is a verdict; a verdict is printed

from __future__ import annotations

import argparse
import base64
import bisect
import copy
import dataclasses
import functools
import hashlib
import itertools
import json
import math
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

from nacl import bindings, exceptions

Event = dict[str, Any]


class Refused(Exception):
    """What was read does not hold."""


class Unreadable(Refused):
    """What was read is not in the form that the SPEC gives it."""


def differs(what: str, got: object, want: object) -> Refused:
    """The refusal of a value that was computed again and came out otherwise."""
    return Refused(f"{what}: got {got}, want {want}")


def need(holds: object, message: str, kind: type[Refused] = Refused) -> None:
    """Refuse with the message unless it holds."""
    if not holds:
        raise kind(message)


# ---------------------------------------------------------------- Conventions

LARGEST = 2**63 - 1
HEX64 = re.compile(r"[0-9a-f]{64}\Z")
DECIMAL = re.compile(r"(?:0|[1-9][0-9]{0,18})\Z")
TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:Z|[+-][0-9]{2}:[0-5][0-9])\Z")


def sha256(data: bytes) -> bytes:
    """SHA-256."""
    return hashlib.sha256(data).digest()


def from_base64(text: str, size: int | None = None) -> bytes:
    """Base64 in its one spelling ("Conventions"), optionally of a known size."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except ValueError as error:
        raise Refused(f"not base64: {text[:80]!a}") from error
    need(to_base64(data) == text, f"base64 in another spelling: {text[:80]!a}")
    if size is not None and len(data) != size:
        raise differs("bytes in base64", len(data), size)
    return data


def to_base64(data: bytes) -> str:
    """Base64 with padding."""
    return base64.b64encode(data).decode("ascii")


def from_decimal(text: str) -> int:
    """A decimal without sign or leading zero, at most 2^63 - 1."""
    need(DECIMAL.match(text), f"not a decimal: {text[:40]!a}")
    value = int(text)
    need(value <= LARGEST, f"a decimal beyond 2^63 - 1: {text}")
    return value


def is_hash(value: object) -> bool:
    """Whether the value is 64 lower-case hex digits."""
    return isinstance(value, str) and HEX64.match(value) is not None


def moment(value: object, what: str) -> datetime:
    """An RFC 3339 time with offset."""
    need(isinstance(value, str) and TIME.match(value), f"{what} is not an rfc 3339 time with offset: {value!a}")
    try:
        return datetime.fromisoformat(str(value))
    except ValueError as error:
        raise Refused(f"{what} is no moment: {value!a}") from error


# ------------------------------------------------------------- Canonical JSON

MAX_DEPTH = 16
MAX_INTEGER = 2**53 - 1
STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)


def encode(value: Any) -> bytes:
    """The canonical bytes of a value ("Canonical JSON")."""
    check_domain(value, 0)
    try:
        return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise Refused("a lone surrogate in json") from error


def check_domain(value: Any, depth: int) -> None:
    """Refuse a value outside the restricted domain ("Canonical JSON")."""
    if value is None or isinstance(value, (bool, str)):
        return
    if isinstance(value, int):
        need(abs(value) <= MAX_INTEGER, f"an integer beyond 2^53 - 1: {value}")
        return
    need(isinstance(value, (dict, list)), f"a {type(value).__name__} in json")
    need(depth < MAX_DEPTH, "json deeper than 16")
    for item in value.values() if isinstance(value, dict) else value:
        check_domain(item, depth + 1)
    if isinstance(value, dict):
        need(all(isinstance(key, str) and key.isascii() for key in value), "a json key outside ascii")


def decode(data: bytes) -> Any:
    """Parse, encode again and compare; depth and lengths of numbers are looked at before ("Canonical JSON")."""
    bare, depth = STRING.sub(b"", data), 0
    need(not re.search(rb"[0-9]{17}", bare), "a number in json is too long")
    for byte in re.findall(rb"[\[\]{}]", bare):
        depth += 1 if byte in b"[{" else -1
        need(depth <= MAX_DEPTH, "json deeper than 16")
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=once, parse_float=no_float, parse_constant=no_float)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise Refused(f"not json: {error}") from error
    need(encode(value) == data, "json that is not canonical")
    return value


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys stand once."""
    value = dict(pairs)
    need(len(value) == len(pairs), "a json key stands twice in its object")
    return value


def no_float(text: str) -> Any:
    """There is no fraction and no constant beyond true, false and null."""
    raise Refused(f"a number that is no integer in json: {text[:40]}")


def decode_object(data: bytes, what: str) -> Event:
    """An object in canonical JSON."""
    value = decode(data)
    need(isinstance(value, dict), f"{what} is no json object")
    return value


# ------------------------------------------------------ Ed25519, notes, keys

FIELD = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
ED25519, COSIGNATURE, ML_DSA = 0x01, 0x04, 0x06
KEY_NAME = re.compile("[^+\\x00-\\x20\\x7f-\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]+\\Z")
ORIGIN = re.compile(r"[a-z0-9.-]*\.[a-z0-9.-]*/[a-z0-9./-]+\Z")
PARTY = re.compile(r"[a-z0-9][a-z0-9-]{1,38}\Z")
NO_PARTIES = {"registrar", "log", "witness", "plumbline"}
NOT_IN_NOTES = re.compile("[\\x00-\\x09\\x0b-\\x1f\\x7f-\\x9f\\u2028\\u2029]")


def check_public_key(key: bytes) -> None:
    """Canonical, on the curve, of prime order ("Signed notes and keys")."""
    need(len(key) == 32, f"a public key of {len(key)} bytes")
    number = int.from_bytes(key, "little") & (2**255 - 1)
    need(number < FIELD, f"public key {key.hex()} is not in canonical encoding")
    need(bindings.crypto_core_ed25519_is_valid_point(key), f"public key {key.hex()} is no point of prime order")


def check_signature(key: bytes, signature: bytes, message: bytes) -> None:
    """RFC 8032 without the cofactor: [S]B = R + [k]A, compared by the bytes of R ("Signed notes and keys")."""
    check_public_key(key)
    need(len(signature) == 64, f"a signature of {len(signature)} bytes")
    first, scalar = signature[:32], signature[32:]
    need(int.from_bytes(scalar, "little") < ORDER, "the s of a signature is not below the group order")
    challenge = int.from_bytes(hashlib.sha512(first + key + message).digest(), "little") % ORDER
    try:
        left = bindings.crypto_scalarmult_ed25519_base_noclamp(scalar)
        right = bindings.crypto_scalarmult_ed25519_noclamp(challenge.to_bytes(32, "little"), key)
        holds = bindings.crypto_core_ed25519_sub(left, right) == first
    except (exceptions.CryptoError, RuntimeError) as error:
        raise Refused("a signature with a zero in it") from error
    need(holds, f"the signature is not one of public key {key.hex()}")


@dataclass(frozen=True)
class Vkey:
    """A named public key with its algorithm ("Signed notes and keys")."""

    name: str
    algorithm: int
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The first four bytes of a hash over name, algorithm and public key."""
        return sha256(self.name.encode() + b"\n" + bytes([self.algorithm]) + self.public)[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{to_base64(bytes([self.algorithm]) + self.public)}"


def check_key_name(name: str) -> None:
    """1 to 255 bytes without plus, blanks and controls."""
    need(KEY_NAME.match(name) and len(name.encode("utf-8", "replace")) <= 255, f"no key name: {name[:80]!a}")


def parse_vkey(text: object, algorithms: Iterable[int] = (ED25519,)) -> Vkey:
    """A vkey of one of the algorithms, with the key ID that it states."""
    need(isinstance(text, str) and str(text).count("+") >= 2, f"not a vkey: {text!a}")
    name, stated, encoded = str(text).split("+", 2)
    check_key_name(name)
    data = from_base64(encoded)
    need(data and data[0] in algorithms, f"vkey of {name} has algorithm {data[:1].hex()}")
    size = 1 + (ML_DSA_KEY if data[0] == ML_DSA else 32)
    need(len(data) == size, f"vkey of {name} has {len(data)} bytes, want {size}")
    if data[0] != ML_DSA:
        check_public_key(data[1:])
    key = Vkey(name, data[0], data[1:])
    if key.key_id.hex() != stated:
        raise differs(f"key id of {name}", stated, key.key_id.hex())
    return key


@dataclass(frozen=True)
class Signature:
    """One signature line of a note."""

    name: str
    key_id: bytes
    payload: bytes

    def by(self, key: Vkey) -> bool:
        """Whether name and key ID are those of the key."""
        return self.name == key.name and self.key_id == key.key_id


@dataclass(frozen=True)
class Note:
    """A signed note: a text that ends in a newline, and its signature lines."""

    text: bytes
    signatures: tuple[Signature, ...]


def parse_note(data: bytes, most: int = 64) -> Note:
    """A signed note ("Signed notes and keys")."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused("a note that is not utf-8") from error
    bad = NOT_IN_NOTES.search(text)
    need(bad is None, f"a note with {bad.group() if bad else ''!a} in it")
    cut = text.rfind("\n\n")
    need(cut > 0 and text.endswith("\n") and cut + 2 < len(text), "not a signed note")
    lines = text[cut + 2 : -1].split("\n")
    need(len(lines) <= most, f"a note with {len(lines)} signature lines, at most {most} are read")
    return Note(text[: cut + 1].encode(), tuple(parse_signature(line) for line in lines))


def parse_signature(line: str) -> Signature:
    """`— <key name> <base64(key ID ‖ signature)>`."""
    words = line.split(" ")
    need(len(words) == 3 and words[0] == "\u2014", f"not a signature line: {line[:80]!a}")
    check_key_name(words[1])
    data = from_base64(words[2])
    need(len(data) > 4, f"a signature line of {words[1]} without a signature")
    return Signature(words[1], data[:4], data[4:])


# -------------------------------------------------- ML-DSA-44 (FIPS 204)

Poly = list[int]

Q, ROOT, DEGREE = 8_380_417, 1753, 256
ROWS = COLUMNS = 4
DROPPED, TAU, BETA, OMEGA = 13, 39, 78, 80
GAMMA1, GAMMA2 = 2**17, (Q - 1) // 88
UPPERS = (Q - 1) // (2 * GAMMA2)
ML_DSA_KEY, ML_DSA_SIGNATURE = 1312, 2420
COMMITMENT, T1_BITS, Z_BITS, W1_BITS = 32, 10, 18, 6
ZETAS = [pow(ROOT, int(f"{number:08b}"[::-1], 2), Q) for number in range(DEGREE)]


def check_ml_dsa(public: bytes, signature: bytes, message: bytes, context: bytes = b"") -> None:
    """ML-DSA.Verify (FIPS 204, algorithm 3) of the message itself, not of its hash ("Cosignatures and quorum")."""
    need(len(public) == ML_DSA_KEY, f"an ml-dsa-44 public key of {len(public)} bytes")
    need(len(signature) == ML_DSA_SIGNATURE, f"an ml-dsa-44 signature of {len(signature)} bytes")
    need(len(context) <= 255, f"an ml-dsa-44 context of {len(context)} bytes")
    check_ml_dsa_bytes(public, signature, bytes([0, len(context)]) + context + message)


def check_ml_dsa_bytes(public: bytes, signature: bytes, framed: bytes) -> None:
    """ML-DSA.Verify_internal (FIPS 204, algorithm 8)."""
    rho, high = decode_ml_dsa_key(public)
    commitment, response, hints = decode_ml_dsa_signature(signature)
    need(all(abs(value) < GAMMA1 - BETA for poly in response for value in poly), "the z of an ml-dsa-44 signature is too long")
    message = shake256(shake256(public, 64) + framed, 64)
    challenge = ntt(sample_in_ball(commitment))
    answers = [ntt(poly) for poly in response]
    scaled = [ntt([value << DROPPED for value in poly]) for poly in high]
    rounded = []
    for row, part, hint in zip(expand_matrix(rho), scaled, hints, strict=True):
        products = [multiply(entry, answer) for entry, answer in zip(row, answers, strict=True)]
        sums = map(sum, zip(*products, strict=True))
        approximate = inverse_ntt([(value - other) % Q for value, other in zip(sums, multiply(challenge, part), strict=True)])
        rounded.append([use_hint(value, at in hint) for at, value in enumerate(approximate)])
    again = shake256(message + b"".join(pack(poly, W1_BITS) for poly in rounded), COMMITMENT)
    need(again == commitment, f"the signature is not one of ml-dsa-44 public key {public[:8].hex()}")


def shake256(data: bytes, size: int) -> bytes:
    """H (FIPS 204, section 3.7)."""
    return hashlib.shake_256(data).digest(size)


def squeezed(digest: Callable[[int], bytes], size: int) -> Iterator[int]:
    """The bytes of an extendable output one after the other, without end; size is how many are made at first."""
    taken = 0
    while True:
        yield from digest(size)[taken:]
        taken, size = size, 2 * size


def unpack(data: bytes, bits: int) -> Poly:
    """SimpleBitUnpack (FIPS 204, algorithm 18): coefficients of so many bits each, lowest bit first."""
    number, mask = int.from_bytes(data, "little"), (1 << bits) - 1
    return [number >> bits * at & mask for at in range(DEGREE)]


def pack(poly: Poly, bits: int) -> bytes:
    """SimpleBitPack (FIPS 204, algorithm 16), of which w1Encode (algorithm 28) is made."""
    return sum(value << bits * at for at, value in enumerate(poly)).to_bytes(DEGREE * bits // 8, "little")


def unpack_all(data: bytes, bits: int) -> list[Poly]:
    """As many polynomials as there are, one after the other."""
    size = DEGREE * bits // 8
    return [unpack(data[at : at + size], bits) for at in range(0, len(data), size)]


def decode_ml_dsa_key(public: bytes) -> tuple[bytes, list[Poly]]:
    """The seed of the matrix, and the upper bits of t (pkDecode: FIPS 204, algorithm 23). Any 1,312 bytes are a key."""
    return public[:32], unpack_all(public[32:], T1_BITS)


def decode_ml_dsa_signature(signature: bytes) -> tuple[bytes, list[Poly], list[set[int]]]:
    """The challenge's hash, z and the hints (sigDecode: FIPS 204, algorithm 27); z is written as gamma1 - z (algorithm 19)."""
    end = COMMITMENT + COLUMNS * DEGREE * Z_BITS // 8
    response = [[GAMMA1 - value for value in poly] for poly in unpack_all(signature[COMMITMENT:end], Z_BITS)]
    return signature[:COMMITMENT], response, decode_hints(signature[end:])


def decode_hints(data: bytes) -> list[set[int]]:
    """HintBitUnpack (FIPS 204, algorithm 21): ascending places, then where each row ends; what no row takes is zero."""
    places, ends = data[:OMEGA], data[OMEGA:]
    hints, start = [], 0
    for end in ends:
        need(start <= end <= OMEGA, "the hints of an ml-dsa-44 signature end out of order")
        row = places[start:end]
        need(all(left < right for left, right in itertools.pairwise(row)), "the hints of an ml-dsa-44 signature do not ascend")
        hints.append(set(row))
        start = end
    need(not any(places[start:]), "an ml-dsa-44 signature with something behind its hints")
    return hints


@functools.lru_cache(maxsize=64)
def expand_matrix(rho: bytes) -> list[list[Poly]]:
    """ExpandA (FIPS 204, algorithm 32): the column stands before the row in what is hashed. The matrix is in NTT form."""
    return [[rejection_sampled(rho + bytes([column, row])) for column in range(COLUMNS)] for row in range(ROWS)]


def rejection_sampled(seed: bytes) -> Poly:
    """RejNTTPoly (FIPS 204, algorithm 30): three bytes without the topmost bit are a coefficient when below q (algorithm 14)."""
    stream = squeezed(hashlib.shake_128(seed).digest, 840)
    triples = zip(stream, stream, stream, strict=False)
    values = (low | middle << 8 | (top & 127) << 16 for low, middle, top in triples)
    return list(itertools.islice((value for value in values if value < Q), DEGREE))


def sample_in_ball(seed: bytes) -> Poly:
    """SampleInBall (FIPS 204, algorithm 29): tau coefficients are 1 or -1, the others 0."""
    stream, poly = squeezed(hashlib.shake_256(seed).digest, 136), [0] * DEGREE
    signs = int.from_bytes(bytes(itertools.islice(stream, 8)), "little")
    for at in range(DEGREE - TAU, DEGREE):
        other = next(byte for byte in stream if byte <= at)
        poly[at] = poly[other]
        poly[other] = -1 if signs & 1 else 1
        signs >>= 1
    return poly


def ntt(poly: Poly) -> Poly:
    """NTT (FIPS 204, algorithm 41)."""
    values, turn, half = list(poly), 0, DEGREE // 2
    while half:
        for start in range(0, DEGREE, 2 * half):
            turn += 1
            zeta = ZETAS[turn]
            for at in range(start, start + half):
                step = zeta * values[at + half] % Q
                values[at], values[at + half] = values[at] + step, values[at] - step
        half //= 2
    return [value % Q for value in values]


def inverse_ntt(poly: Poly) -> Poly:
    """The inverse of NTT (FIPS 204, algorithm 42)."""
    values, turn, half = list(poly), DEGREE, 1
    while half < DEGREE:
        for start in range(0, DEGREE, 2 * half):
            turn -= 1
            zeta = ZETAS[turn]
            for at in range(start, start + half):
                left, right = values[at], values[at + half]
                values[at], values[at + half] = left + right, (right - left) * zeta % Q
        half *= 2
    share = pow(DEGREE, -1, Q)
    return [value * share % Q for value in values]


def multiply(left: Poly, right: Poly) -> Poly:
    """MultiplyNTT (FIPS 204, algorithm 45)."""
    return [one * other % Q for one, other in zip(left, right, strict=True)]


def decompose(value: int) -> tuple[int, int]:
    """Decompose (FIPS 204, algorithm 36): the upper part, and the rest from -gamma2 to gamma2."""
    rest = value % (2 * GAMMA2)
    if rest > GAMMA2:
        rest -= 2 * GAMMA2
    if value - rest == Q - 1:
        return 0, rest - 1
    return (value - rest) // (2 * GAMMA2), rest


def use_hint(value: int, hinted: bool) -> int:
    """UseHint (FIPS 204, algorithm 40): the upper part, one step towards the rest where there is a hint."""
    upper, rest = decompose(value)
    if not hinted:
        return upper
    return (upper + (1 if rest > 0 else -1)) % UPPERS


# ------------------------------------------------------------------ The Merkle tree


def leaf_hash(entry: bytes) -> bytes:
    """leaf(n) ("Log")."""
    return sha256(b"\x00" + entry)


def node_hash(left: bytes, right: bytes) -> bytes:
    """The node over two subtrees ("Log")."""
    return sha256(b"\x01" + left + right)


def cut_of(size: int) -> int:
    """The largest power of two below the size (RFC 9162, section 2.1.1)."""
    return 1 << (size - 1).bit_length() - 1


@dataclass
class Frontier:
    """The roots of the perfect subtrees, leftmost first, of a log that grows."""

    size: int = 0
    peaks: list[bytes] = field(default_factory=list)

    def append(self, leaf: bytes) -> None:
        """Add one leaf."""
        size = self.size
        while size & 1:
            leaf, size = node_hash(self.peaks.pop(), leaf), size >> 1
        self.peaks.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        """The root at the present size."""
        if not self.peaks:
            return sha256(b"")
        root = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            root = node_hash(peak, root)
        return root


def tree_root(leaves: Iterable[bytes]) -> bytes:
    """The root over all leaves (RFC 9162, section 2.1.1)."""
    frontier = Frontier()
    for leaf in leaves:
        frontier.append(leaf)
    return frontier.root()


def check_inclusion(leaf: bytes, index: int, size: int, path: list[bytes], root: bytes) -> None:
    """RFC 9162, section 2.1.3.2."""
    need(index < size, f"index {index} is not below size {size}")
    need(len(path) <= 63, f"an inclusion path of {len(path)} hashes")
    node, last, result = index, size - 1, leaf
    for step in path:
        need(last > 0, "an inclusion path that is too long")
        if node & 1 or node == last:
            result = node_hash(step, result)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            result = node_hash(result, step)
        node, last = node >> 1, last >> 1
    need(last == 0, "an inclusion path that is too short")
    if result != root:
        raise differs(f"root of size {size} by inclusion of {index}", result.hex(), root.hex())


def check_consistency(old: int, old_root: bytes, size: int, root: bytes, path: list[bytes]) -> None:
    """RFC 9162, section 2.1.4.2; from size 0 and between equal sizes the path is empty ("Log")."""
    need(old <= size, f"an earlier size {old} above size {size}")
    if old in (0, size):
        need(not path, f"a consistency path from {old} to {size} that is not empty")
        want = root if old == size else sha256(b"")
        if old_root != want:
            raise differs(f"root at size {old}", old_root.hex(), want.hex())
        return
    need(path, f"an empty consistency path from {old} to {size}")
    steps = [old_root, *path] if old & (old - 1) == 0 else list(path)
    node, last = old - 1, size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    first = second = steps[0]
    for step in steps[1:]:
        need(last > 0, "a consistency path that is too long")
        if node & 1 or node == last:
            first, second = node_hash(step, first), node_hash(step, second)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            second = node_hash(second, step)
        node, last = node >> 1, last >> 1
    need(last == 0, "a consistency path that is too short")
    if first != old_root:
        raise differs(f"root at size {old}", first.hex(), old_root.hex())
    if second != root:
        raise differs(f"root at size {size}", second.hex(), root.hex())


def multiproof_root(leaves: dict[int, bytes], size: int, nodes: list[bytes]) -> bytes:
    """Depth-first over the cut of RFC 9162, left before right; a range without an asked leaf takes the next node ("Evidence")."""
    indexes = sorted(leaves)
    need(indexes and indexes[0] >= 0 and indexes[-1] < size, "a multiproof without leaves, or of a leaf beyond its size")
    given = iter(nodes)

    def walk(low: int, high: int) -> bytes:
        at = bisect.bisect_left(indexes, low)
        if at == len(indexes) or indexes[at] >= high:
            node = next(given, None)
            if node is None:
                raise Refused("a multiproof with too few nodes")
            return node
        if high - low == 1:
            return leaves[low]
        middle = low + cut_of(high - low)
        left = walk(low, middle)
        return node_hash(left, walk(middle, high))

    root = walk(0, size)
    need(next(given, None) is None, "a multiproof with too many nodes")
    return root


# ---------------------------------------------------- Trust file, checkpoint, receipt


@dataclass(frozen=True)
class Group:
    """`group <name> <threshold> <members>` of c2sp.org/tlog-policy."""

    threshold: int
    members: tuple[str, ...]


@dataclass
class Trust:
    """What a verifier was handed out of band ("Trust file")."""

    ledger: str = ""
    origin: str = ""
    logs: list[Vkey] = field(default_factory=list)
    auditors: list[Vkey] = field(default_factory=list)
    witnesses: dict[str, Vkey] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    quorum: str = ""

    def organisations(self) -> tuple[int, tuple[str, ...]]:
        """How many of which members the quorum asks for ("Cosignatures and quorum")."""
        if self.quorum == "none":
            return 0, ()
        group = self.groups.get(self.quorum)
        return (group.threshold, group.members) if group else (1, (self.quorum,))

    def witnessed(self, name: str, counted: Iterable[str]) -> bool:
        """Whether a witness is counted, or a group by its members. A line names only what stands before it, so this ends."""
        group = self.groups.get(name)
        if group is None:
            return name in counted
        return sum(self.witnessed(member, counted) for member in group.members) >= group.threshold


def parse_trust(data: bytes) -> Trust:
    """A trust file ("Trust file")."""
    try:
        lines = data.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise Unreadable("a trust file that is not utf-8") from error
    need(lines[0] == "plumbline/trust/v1", "not a trust file", Unreadable)
    need(not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", data), "a trust file with a control byte in it", Unreadable)
    trust, words = Trust(), list[str]()
    for line in lines[1:]:
        if line and not line.startswith("#"):
            word, _, rest = line.partition(" ")
            words.append(word)
            try:
                read_trust_line(trust, word, rest.split(" "))
            except Refused as refusal:
                raise Unreadable(f"the trust file: {refusal}") from refusal
    for word in ("ledger", "origin", "quorum"):
        need(words.count(word) == 1, f"the trust file has {words.count(word)} {word} lines, want 1", Unreadable)
    need(trust.logs, "the trust file has no log line", Unreadable)
    for key in trust.logs:
        need(key.name == trust.origin, f"log key {key.name} is not named by the origin", Unreadable)
    check_policy(trust)
    return trust


def read_trust_line(trust: Trust, word: str, words: list[str]) -> None:
    """One line of a trust file."""
    known = {*trust.witnesses, *trust.groups}
    most = {"ledger": 1, "origin": 1, "quorum": 1, "auditor": 1, "log": 2, "witness": 3, "group": 130}
    need(word in most, f"a line {word[:40]!a}")
    need(1 <= len(words) <= most[word], f"a {word} line with {len(words)} words after it")
    need(all(words), f"a {word} line with two spaces in a row, or one at its end")
    if word == "ledger":
        need(is_hash(words[0]), f"not a ledger id: {words[0]!a}")
        trust.ledger = words[0]
    elif word == "origin":
        need(ORIGIN.match(words[0]), f"not an origin: {words[0]!a}")
        trust.origin = words[0]
    elif word == "quorum":
        need(words[0] in known | {"none"}, f"quorum {words[0][:40]!a} is not defined before it")
        trust.quorum = words[0]
    elif word in ("log", "auditor"):
        (trust.logs if word == "log" else trust.auditors).append(parse_vkey(words[0]))
    else:
        need(len(words) >= 2 and words[0] not in known | {"none"}, f"a {word} line without a name of its own")
        if word == "witness":
            trust.witnesses[words[0]] = parse_vkey(words[1], (COSIGNATURE, ML_DSA))
        else:
            trust.groups[words[0]] = parse_group(trust, words[0], words[1], tuple(words[2:]))


def parse_group(trust: Trust, name: str, threshold: str, members: tuple[str, ...]) -> Group:
    """A group names what stands before it; a name is a member of one group at most ("Cosignatures and quorum")."""
    taken = {member for group in trust.groups.values() for member in group.members}
    free = {*trust.witnesses, *trust.groups} - taken
    need(members and len(set(members)) == len(members), f"group {name} has no members, or one of them twice")
    need(free.issuperset(members), f"group {name} has a member that is not defined, or is a member elsewhere")
    count = {"any": 1, "all": len(members)}.get(threshold)
    count = from_decimal(threshold) if count is None else count
    need(1 <= count <= len(members), f"group {name} asks for {count} of {len(members)}")
    return Group(count, members)


def check_policy(trust: Trust) -> None:
    """Public keys are distinct and none is the log's; two histories cannot both reach the quorum ("Cosignatures and quorum")."""
    keys = [key.public for key in trust.witnesses.values()]
    need(len({key.public for key in trust.logs}) == len(trust.logs), "two log keys have one public key", Unreadable)
    need(len(set(keys)) == len(keys), "two witnesses have one public key", Unreadable)
    need(not {key.public for key in trust.logs} & set(keys), "a witness has the log's public key", Unreadable)
    need(len(trust.witnesses) <= 60 and len(trust.groups) <= 128, "more than 60 witnesses or 128 groups", Unreadable)
    asked, members = trust.organisations()
    need(not members or 2 * asked > len(members), f"a quorum of {asked} of {len(members)}: two histories could reach it", Unreadable)


@dataclass(frozen=True)
class Checkpoint:
    """A verified checkpoint ("Checkpoint")."""

    size: int
    root: bytes
    time: int | None
    witnesses: dict[str, int]


def check_checkpoint(data: bytes, trust: Trust) -> Checkpoint:
    """Verify a checkpoint by the log keys of a trust file, and count its witnesses."""
    note = parse_note(data)
    lines = note.text.decode().split("\n")
    need(len(lines) == 4, f"a checkpoint of {len(lines) - 1} lines, want 3")
    need(lines[0] == trust.origin, f"the checkpoint's origin: got {lines[0]!a}, want {trust.origin!a}")
    size, root = from_decimal(lines[1]), from_base64(lines[2], 32)
    by_log = [(line, key) for line in note.signatures for key in trust.logs if line.by(key)]
    need(by_log, "the checkpoint has no signature of a log key of the trust file")
    for line, key in by_log:
        check_signature(key.public, line.payload, note.text)
    times = [cosigned(line, note.text, key) for line in note.signatures for key in map(as_cosigner, trust.logs) if line.by(key)]
    return Checkpoint(size, root, max(times, default=None), count_witnesses(note, trust))


def count_witnesses(note: Note, trust: Trust) -> dict[str, int]:
    """The witnesses that cosigned, each with its latest time ("Cosignatures and quorum", 1)."""
    counted = {}
    for name, witness in trust.witnesses.items():
        lines = [line for line in note.signatures if line.by(witness) and not timeless(line, witness)]
        if not lines:
            continue
        try:
            counted[name] = max(cosigned(line, note.text, witness) for line in lines)
        except Refused:
            continue
    return counted


def timeless(line: Signature, key: Vkey) -> bool:
    """Whether an ML-DSA-44 line of the right length does not say when; it is passed over ("Cosignatures and quorum")."""
    return key.algorithm == ML_DSA and len(line.payload) == payload_size(key) and line.payload[:8] == bytes(8)


def payload_size(key: Vkey) -> int:
    """The bytes of a cosignature: its time and its signature."""
    return 8 + (ML_DSA_SIGNATURE if key.algorithm == ML_DSA else 64)


def as_cosigner(key: Vkey) -> Vkey:
    """The same name and public key as a cosigner, so with another key ID ("Checkpoint")."""
    return Vkey(key.name, COSIGNATURE, key.public)


def cosigned(line: Signature, text: bytes, key: Vkey) -> int:
    """The time of a timestamped cosignature that verifies ("Checkpoint", "Cosignatures and quorum")."""
    size = payload_size(key)
    need(len(line.payload) == size, f"a cosignature of {len(line.payload)} bytes, want {size}")
    time = int.from_bytes(line.payload[:8], "big")
    need(time <= LARGEST, "a cosignature's time beyond 2^63 - 1")
    if key.algorithm == ML_DSA:
        check_ml_dsa(key.public, line.payload[8:], whole_tree(key.name, time, text))
    else:
        check_signature(key.public, line.payload[8:], b"cosignature/v1\ntime %d\n" % time + text)
    return time


def whole_tree(cosigner: str, time: int, text: bytes) -> bytes:
    """What an ML-DSA-44 cosigner signs: a subtree from the first leaf to the checkpoint's size ("Cosignatures and quorum")."""
    origin, size, root = text.decode().split("\n")[:3]
    names = [bytes([len(name)]) + name for name in (cosigner.encode(), origin.encode())]
    numbers = [number.to_bytes(8, "big") for number in (time, 0, from_decimal(size))]
    return b"subtree/v1\n\x00" + names[0] + numbers[0] + names[1] + numbers[1] + numbers[2] + from_base64(root, 32)


def check_quorum(checkpoint: Checkpoint, trust: Trust) -> None:
    """A quorum that is named and not reached makes the result not hold ("Evidence", step 3)."""
    need(reached(checkpoint, trust), f"quorum {trust.quorum} is not reached; counted: {', '.join(checkpoint.witnesses) or 'none'}")


def reached(checkpoint: Checkpoint, trust: Trust) -> bool:
    """Whether as many organisations as the quorum asks for have witnessed ("Cosignatures and quorum", 3 and 4)."""
    asked, members = trust.organisations()
    return sum(trust.witnessed(member, checkpoint.witnesses) for member in members) >= asked


def verify_receipt(data: bytes, record: bytes, trust_file: bytes) -> int:
    """Verify a receipt for a record that one holds; return its index ("Receipt")."""
    trust = parse_trust(trust_file)
    need(len(data) <= 1_048_576, "a receipt beyond 1,048,576 bytes")
    head, cut, signed = data.partition(b"\n\n")
    need(cut, "a receipt without an empty line", Unreadable)
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise Unreadable("a receipt that is not ascii") from error
    need(lines.pop(0) == "c2sp.org/tlog-proof@v1", "not a receipt", Unreadable)
    if lines and lines[0].startswith("extra "):
        from_base64(lines.pop(0)[6:])
    need(lines and lines[0].startswith("index "), "a receipt without an index", Unreadable)
    index = from_decimal(lines.pop(0)[6:])
    need(len(lines) <= 63, f"an inclusion path of {len(lines)} hashes")
    path = [from_base64(line, 32) for line in lines]
    checkpoint = check_checkpoint(signed, trust)
    check_quorum(checkpoint, trust)
    check_inclusion(leaf_hash(record), index, checkpoint.size, path, checkpoint.root)
    return index


def verify_fork(data: bytes, trust_file: bytes) -> str:
    """Verify that the log signed two histories; say where ("Fork proof")."""
    trust = parse_trust(trust_file)
    need(len(data) <= 1_048_576, "a fork proof beyond 1,048,576 bytes", Unreadable)
    lines = Lines(data)
    need(lines.next() == "plumbline/fork/v1", "not a fork proof", Unreadable)
    checkpoints = []
    for want in ("older", "newer"):
        word, _, count = lines.next().partition(" ")
        need(word == want, f"a fork proof with {word[:40]!a} in place of {want}", Unreadable)
        checkpoints.append(check_checkpoint(lines.block(count), trust))
    older, newer = checkpoints
    rest: list[bytes] = []
    while (line := lines.next()) != "end":
        word, _, value = line.partition(" ")
        need(word == ("path" if rest else "root"), f"a fork proof with {word[:40]!a} out of order", Unreadable)
        rest.append(from_base64(value, 32))
    need(lines.at == len(lines.lines), "something follows the end of the fork proof", Unreadable)
    if older.size == newer.size:
        need(not rest and older.root != newer.root, "no fork: equal sizes with equal roots, or with a root line")
        return f"two roots at size {older.size}"
    need(0 < older.size < newer.size, "no fork: the older checkpoint is not the smaller one, or is empty")
    need(rest and rest[0] != older.root, "no fork: the newer tree has the older checkpoint's root")
    check_consistency(older.size, rest[0], newer.size, newer.root, rest[1:])
    return f"two roots at size {older.size}, below size {newer.size}"


# ------------------------------------------------------------------------- Records

HEADER = {"genesis", "key", "made", "prev", "seen", "seq"}
MAX_RECORD = 65_535


@dataclass(frozen=True)
class Record:
    """A record that has the form ("Record"); its signature and its place are checked by the replay."""

    data: bytes
    text: bytes
    header: Event
    events: tuple[Event, ...]
    signature: Signature

    @property
    def id(self) -> str:
        """The record id: the SHA-256 of the text, in hex."""
        return sha256(self.text).hex()

    @property
    def key(self) -> str:
        """The name of the key that signed it."""
        return str(self.header["key"])


def parse_record(data: bytes) -> Record:
    """Steps 1 to 4 of verifying a record ("Record")."""
    need(len(data) <= MAX_RECORD, f"a record of {len(data)} bytes")
    note = parse_note(data)
    need(len(note.signatures) == 1, f"a record with {len(note.signatures)} signature lines")
    lines = note.text[:-1].split(b"\n")
    need(lines[0] == b"plumbline/record/v1", f"a record that begins {lines[0][:40]!a}")
    need(b"" not in lines, "an empty line inside a record")
    need(1 <= len(lines) - 2 <= 256, f"a record with {len(lines) - 2} events")
    header = decode_object(lines[1], "the header")
    check_header(header)
    events = tuple(decode_object(line, "an event") for line in lines[2:])
    for event in events:
        check_event(event)
    need(note.signatures[0].name == header["key"], "the signature line's key is not the header's")
    return Record(data, note.text, header, events, note.signatures[0])


def check_header(header: Event) -> None:
    """The fields of a header and no others ("Record")."""
    check_fields(header, "header", HEADER, {"over"})
    need(header["genesis"] is None or is_hash(header["genesis"]), "header: genesis is no ledger id")
    need(isinstance(header["key"], str), "header: key is no text")
    check_key_name(header["key"])
    moment(header["made"], "header: made")
    seq = header["seq"]
    need(is_count(seq), f"header: seq is {seq!a}")
    need((header["prev"] is None) if seq == 0 else is_hash(header["prev"]), "header: prev does not go with seq")
    need("over" not in header or is_hash(header["over"]), "header: over is no record id")
    seen = header["seen"]
    if seen is not None:
        need(isinstance(seen, dict), "header: seen is no object")
        check_fields(seen, "seen", {"root", "size"})
        need(is_hash(seen["root"]) and is_count(seen["size"]), "header: seen is malformed")


def check_fields(value: Event, what: str, required: set[str], optional: Iterable[str] = ()) -> None:
    """Refuse a missing or an unknown field."""
    missing, unknown = required - value.keys(), value.keys() - required - set(optional)
    need(not missing, f"{what}: missing {', '.join(sorted(missing))}")
    need(not unknown, f"{what}: unknown {', '.join(sorted(unknown))}")


def is_count(value: object) -> bool:
    """Whether the value is an integer not below 0."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


REGISTRATION = {"genesis", "admit", "site", "enrol", "retire", "revoke"}
BOOKED = {"receive", "transform", "ship", "accept", "adjust", "dispose", "return", "assay", "determine"}
AMENDING = {"correct", "void"}
CERTIFYING = {"certify", "declare", "withdraw"}
TYPES = REGISTRATION | BOOKED | AMENDING | CERTIFYING


def check_event(event: Event) -> None:
    """The type of an event, and the form that its type calls for ("Events")."""
    kind = event.get("type")
    need(isinstance(kind, str) and kind in TYPES, f"an event of type {kind!a}")
    need(is_event(event), f"a malformed {kind}")


# ---------------------------------------------------------------- Names of batches


def batches_in(event: Event) -> set[str]:
    """The batches that a booked event names in any role."""
    named: set[str] = set(event.get("batches") or ())
    if isinstance(event.get("of"), str):
        named.add(event["of"])
    for item in (event, *event.get("inputs", ()), *event.get("outputs", ()), *event.get("beside", ())):
        if isinstance(item, dict) and isinstance(item.get("batch"), str):
            named.add(item["batch"])
    return named


def lots_of(event: Event) -> list[str]:
    """The lots of a `certify` or `declare`, in their order ("Certificates")."""
    if event["type"] == "declare":
        return list(event["batches"])
    return [lot["batch"] for lot in uses_of(event)]


def uses_of(event: Event) -> list[Event]:
    """What a `certify` uses: the event's own batch and those beside it, each with its mass ("Events")."""
    return [event, *event.get("beside", ())]


def issuer_of(number: str) -> str:
    """The party that a certificate's number begins with ("Events": number)."""
    return number.rsplit("-", 2)[0]


def registers(event: Event, digest: str, number: object) -> bool:
    """Whether an event registers the credential of this digest, under this number ("Certificates", 5)."""
    return event["type"] in ("certify", "declare") and (event["credential"], event["number"]) == (digest, number)


# ---------------------------------------------------------------- The state of a log


@dataclass
class Key:
    """A key of a party as the log has it, with its chain ("Key chains")."""

    vkey: Vkey
    party: str
    scopes: frozenset[str]
    status: str = "active"
    seq: int | None = None
    last: str | None = None
    seen: int | None = None
    compromised_since: str | None = None


@dataclass
class State:
    """Everything that the records so far say of keys, parties, sites, batches and certificates."""

    trust: Trust
    partial: bool
    roots: dict[int, bytes]
    keys: dict[str, Key] = field(default_factory=dict)
    parties: dict[str, Event] = field(default_factory=dict)
    sites: dict[str, Event] = field(default_factory=dict)
    records: dict[str, tuple[int, Record]] = field(default_factory=dict)
    touches: dict[str, bytes] = field(default_factory=dict)
    certificates: dict[str, Event] = field(default_factory=dict)
    signers: dict[str, str] = field(default_factory=dict)
    withdrawn: set[str] = field(default_factory=set)
    log_keys: set[bytes] = field(default_factory=set)
    scope: frozenset[str] | None = None
    sequence_gaps: set[str] = field(default_factory=set)

    def apply(self, index: int, record: Record) -> None:
        """Steps 5 to 9 of verifying a record, without the books ("Record")."""
        try:
            self.check_signer(index, record)
            self.check_chain(index, record)
            for event in record.events:
                self.register(index, record, event)
            self.touch(record)
        except Unreadable:
            raise
        except Refused as refusal:
            raise Refused(f"record {index} does not hold: {refusal}") from refusal
        self.records[record.id] = (index, record)

    def check_signer(self, index: int, record: Record) -> None:
        """The ledger id, the key as it stands at this index, the signature ("Record", steps 5 to 7)."""
        want = None if index == 0 else self.trust.ledger
        if record.header["genesis"] != want:
            raise differs("genesis", record.header["genesis"], want)
        if index == 0:
            self.open(record)
        need(record.id not in self.records, "the same record stands twice in the log")
        key = self.keys.get(record.key)
        if key is None:
            raise Refused(f"key {record.key} is not known")
        need(key.status == "active", f"key {record.key} is {key.status}")
        need(record.signature.key_id == key.vkey.key_id, f"the signature line's key id is not that of {record.key}")
        check_signature(key.vkey.public, record.signature.payload, record.text)

    def open(self, record: Record) -> None:
        """Record 0 ("Record 0 and the ledger id")."""
        if record.id != self.trust.ledger:
            raise differs("the ledger id", record.id, self.trust.ledger)
        need(len(record.events) == 1 and record.events[0]["type"] == "genesis", "record 0 holds more than a genesis event")
        event = record.events[0]
        if event["origin"] != self.trust.origin:
            raise differs("the origin", event["origin"], self.trust.origin)
        for text in event["log"]:
            log = parse_vkey(text)
            need(log.name == event["origin"], "genesis: a log key is not named by the origin")
            self.log_keys.add(log.public)
        registrar = parse_vkey(event["registrar"])
        need(registrar.name.startswith("registrar/"), f"genesis: registrar key {registrar.name}")
        need(registrar.public not in self.log_keys, "genesis: the registrar has a log key")
        need(record.key == registrar.name, "record 0 is not signed by the registrar")
        self.keys[registrar.name] = Key(registrar, "registrar", frozenset({"registrar"}))

    def check_chain(self, index: int, record: Record) -> None:
        """The key's own chain; a partial replay may leave numbers out ("Key chains", "Evidence": partial replay, 1)."""
        key, header = self.keys[record.key], record.header
        want = 0 if key.seq is None else key.seq + 1
        if header["seq"] != want:
            need(self.partial and header["seq"] > want, f"seq: got {header['seq']}, want {want}")
            self.sequence_gaps.add(record.key)
        elif header["prev"] != key.last:
            raise differs("prev", header["prev"], key.last)
        seen = header["seen"]
        if seen is None:
            need(key.seen is None, "seen is null after a checkpoint was named")
        else:
            need(seen["size"] <= index, f"seen has size {seen['size']} at index {index}")
            need(seen["size"] >= (key.seen or 0), f"seen goes back from size {key.seen} to {seen['size']}")
            root = self.roots.get(seen["size"])
            need(root is not None or self.partial, f"no root is known at size {seen['size']}")
            if root is not None and root.hex() != seen["root"]:
                raise differs(f"seen at size {seen['size']}", seen["root"], root.hex())
            key.seen = seen["size"]
        key.seq, key.last = header["seq"], record.id

    def touch(self, record: Record) -> None:
        """t(n) over the records that name a batch, each once ("Auditor's statement")."""
        named = set[str]().union(*(self.named(event) for event in record.events))
        for batch in named:
            self.touches[batch] = sha256(self.touches.get(batch, bytes(32)) + bytes.fromhex(record.id))

    def named(self, event: Event) -> set[str]:
        """The batches that an event names in any role, as signed ("Auditor's statement")."""
        if event["type"] in REGISTRATION:
            return set()
        if event["type"] == "withdraw":
            return batches_in(self.certificates.get(event["certificate"], {}))
        if event["type"] not in AMENDING:
            return batches_in(event)
        return (batches_in(event["event"]) if event["type"] == "correct" else set()) | batches_in(self.amended(event) or {})

    def amended(self, event: Event) -> Event | None:
        """The signed event that a correct or void names; none where its record is not there."""
        of = event["of"]
        found = self.records.get(of["record"])
        if found is None:
            need(self.partial, f"{event['type']}: no record {of['record']}")
            return None
        need(of["event"] < len(found[1].events), f"{event['type']}: record {of['record']} has no event {of['event']}")
        return found[1].events[of["event"]]

    # Registration

    def register(self, index: int, record: Record, event: Event) -> None:
        """Require a scope, and apply a registration or certificate event ("Registration")."""
        kind, signer = event["type"], self.keys[record.key]
        need((kind == "genesis") == (index == 0), f"{kind} at index {index}")
        if kind == "genesis":
            return
        scope = {"admit": "registrar", "site": "admin", "enrol": "admin", "retire": "admin"}
        wanted = "certify" if kind in CERTIFYING else scope.get(kind, "record")
        if kind == "revoke":
            wanted = "registrar" if "registrar" in signer.scopes else "admin"
        need(wanted in signer.scopes, f"{kind} signed by {record.key}, which has no scope {wanted}")
        if kind in ("admit", "enrol", "site"):
            {"admit": self.admit, "enrol": self.enrol, "site": self.add_site}[kind](signer, event)
        elif kind in CERTIFYING:
            {"certify": self.certify, "declare": self.certify, "withdraw": self.withdraw}[kind](signer, event)
        elif kind in ("retire", "revoke"):
            self.end_key(signer, event)

    def introduce(self, text: str, party: str, scopes: Iterable[str], proof: str) -> None:
        """A new key of a party, with its proof of possession ("Registration": introduced)."""
        vkey = parse_vkey(text)
        need(vkey.name.startswith(party + "/") and KEY(vkey.name), f"key {vkey.name} is not named by party {party}")
        need(vkey.name not in self.keys, f"key {vkey.name} is known already")
        known = {key.vkey.public for key in self.keys.values()} | self.log_keys
        need(vkey.public not in known, f"the public key of {vkey.name} is known already")
        signed = f"plumbline/possession/v1\n{self.trust.origin}\n{vkey.name}\n{vkey}\n"
        check_signature(vkey.public, from_base64(proof, 64), signed.encode())
        self.keys[vkey.name] = Key(vkey, party, frozenset(scopes))

    def admit(self, _: Key, event: Event) -> None:
        """A party and its first key, with all four scopes."""
        party = event["party"]
        need(party["id"] not in self.parties, f"party {party['id']} is admitted already")
        self.introduce(event["key"], party["id"], ("admin", "record", "certify", "attest"), event["proof"])
        self.parties[party["id"]] = party

    def enrol(self, signer: Key, event: Event) -> None:
        """A further key of the signer's party."""
        need(signer.party == event["party"], f"enrol for {event['party']} signed by {signer.vkey.name}")
        self.introduce(event["key"], event["party"], event["scopes"], event["proof"])

    def add_site(self, signer: Key, event: Event) -> None:
        """A plant of the signer's party; a known one keeps its country."""
        site = event["site"]
        need(site["party"] == signer.party == site["id"].partition(":")[0], f"site {site['id']} signed by {signer.vkey.name}")
        known = self.sites.get(site["id"]) or site
        need(known["country"] == site["country"], f"site {site['id']} moves from {known['country']} to {site['country']}")
        self.sites[site["id"]] = site

    def end_key(self, signer: Key, event: Event) -> None:
        """Retire or revoke; a key that is not there is passed over in a partial replay ("Evidence": partial replay, 3)."""
        name, kind, since = event["key"], event["type"], event.get("compromised_since")
        key = self.keys.get(name)
        if key is None:
            need(self.partial, f"{kind}: key {name} is not known")
            return
        # what comes later of a key that has ended can only say, once, since when it was compromised
        dates = kind == "revoke" and since is not None and key.compromised_since is None
        need(key.status == "active" or dates, f"{kind}: key {name} is {key.status}")
        if "registrar" in signer.scopes:
            need(key.party != "registrar" and since is None, f"{kind} of {name} by the registrar")
        else:
            need(key.party == signer.party, f"{kind} of {name} signed by {signer.vkey.name}")
        key.status, key.compromised_since = {"retire": "retired", "revoke": "revoked"}[kind], since

    def certify(self, signer: Key, event: Event) -> None:
        """A certificate is registered by its digest and its number; outside the scope it is not known ("Evidence": partial replay, 2)."""
        if self.scope is not None and not self.scope & batches_in(event):
            return
        need(event["number"] not in self.certificates, f"certificate number {event['number']} is taken")
        need(event["number"].startswith(signer.party + "-"), f"certificate number {event['number']} by {signer.party}")
        self.certificates[event["number"]] = event
        self.signers[event["number"]] = signer.vkey.name

    def withdraw(self, signer: Key, event: Event) -> None:
        """A certificate is taken back by its issuer; one that is not there is passed over in a partial replay."""
        number, instead = event["certificate"], event.get("superseded_by")
        need(number in self.certificates or self.partial, f"withdraw: no certificate {number}")
        if number in self.certificates:
            need(self.keys[self.signers[number]].party == signer.party, "withdraw is not signed by the certificate's issuer")
            need(number not in self.withdrawn, f"certificate {number} is withdrawn already")
            same = instead is None or instead.rpartition("-")[0] == number.rpartition("-")[0]
            need(same and instead != number, f"certificate {instead} cannot supersede {number}")
            self.withdrawn.add(number)

    def registered(self, digest: str, number: object = None) -> Event | None:
        """The event that registered a credential, the first where no number is asked for."""
        of = (event for event in self.certificates.values() if event["credential"] == digest)
        return next((event for event in of if number is None or event["number"] == number), None)


# ------------------------------------------------------------------------- Names


def forbidden_ranges() -> list[tuple[int, int]]:
    """The ranges that occur in no name ("Names")."""
    table = """
        0000-001F 007F-00A0 00AD 0600-0605 061C 06DD 070F 0890-0891 08E2 115F-1160 1680 17B4-17B5 180E 2000-200F
        2028-202F 205F-206F 3000 3164 D800-F8FF FDD0-FDEF FE00-FE0F FEFF FFA0 FFF0-FFFB FFFE-FFFF 1BCA0-1BCA3
        1D173-1D17A E0000-E0FFF F0000-10FFFF"""
    ends = [part.split("-") for part in table.split()]
    return [(int(part[0], 16), int(part[-1], 16)) for part in ends]


FORBIDDEN = forbidden_ranges()


def name_fault(text: str) -> str | None:
    """What a name must not be; normal form is not checked again ("Names")."""
    if text != text.strip(" "):
        return "a space at an end"
    return next((f"U+{ord(c):04X}" for c in text if any(low <= ord(c) <= high for low, high in FORBIDDEN)), None)


# ------------------------------------------------------------------------- Evidence


@dataclass
class Evidence:
    """An evidence file, read line by line ("Evidence")."""

    subject: str = ""
    digest: str = ""
    key: str = ""
    checkpoint: bytes = b""
    priors: list[tuple[int, bytes, list[bytes]]] = field(default_factory=list)
    anchors: list[bytes] = field(default_factory=list)
    scope: list[str] = field(default_factory=list)
    rules: list[Event] = field(default_factory=list)
    records: list[tuple[int, bytes]] = field(default_factory=list)
    nodes: list[bytes] = field(default_factory=list)
    statement: bytes | None = None
    lines: dict[int, str] = field(default_factory=dict)
    line_nodes: list[bytes] = field(default_factory=list)


ORDER_OF_WORDS = ["checkpoint", "prior", "anchor", "batch", "rule", "record", "node", "attest", "line", "line-node", "end"]
BLOCKS = {"checkpoint": 1, "anchor": 1, "record": 2, "attest": 1}
ONCE = {"checkpoint", "attest", "end"}
ONE_BLOCK = {"checkpoint": "checkpoint", "attest": "statement"}


class Lines:
    """The lines of an evidence file, taken from the front."""

    def __init__(self, data: bytes) -> None:
        try:
            data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise Unreadable("evidence that is not utf-8") from error
        need(data.endswith(b"\n"), "evidence that does not end in a newline", Unreadable)
        self.lines = data[:-1].split(b"\n")
        need(all(len(line) < 65_537 for line in self.lines), "a line of evidence is longer than 65,537 bytes", Unreadable)
        self.at = 0

    def next(self) -> str:
        """One line."""
        need(self.at < len(self.lines), "evidence that breaks off", Unreadable)
        self.at += 1
        return self.lines[self.at - 1].decode()

    def block(self, count: str) -> bytes:
        """The lines of a block, byte for byte."""
        lines = from_decimal(count)
        need(1 <= lines <= 20_000, f"a block of {lines} lines", Unreadable)
        need(self.at + lines <= len(self.lines), "a block that breaks off", Unreadable)
        data = b"".join(line + b"\n" for line in self.lines[self.at : self.at + lines])
        need(len(data) <= 1_048_576, "a block beyond 1,048,576 bytes", Unreadable)
        self.at += lines
        return data


def parse_evidence(data: bytes) -> Evidence:
    """The form of an evidence file; anything else in it is refused ("Evidence")."""
    lines, evidence, position, seen = Lines(data), Evidence(), 0, set[str]()
    need(lines.next() == "plumbline/evidence/v1", "not an evidence file", Unreadable)
    evidence.subject, _, value = lines.next().partition(" ")
    need(evidence.subject in ("certificate", "key"), "evidence for neither a certificate nor a key", Unreadable)
    if evidence.subject == "certificate":
        need(is_hash(value), "evidence for a certificate without its digest", Unreadable)
        evidence.digest = value
    else:
        check_key_name(value)
        evidence.key = value
    while "end" not in seen:
        line = lines.next()
        words = line.split(" ", 1 if line.startswith("rule ") else 2 if position >= ORDER_OF_WORDS.index("attest") else -1)
        need(words[0] in ORDER_OF_WORDS, f"unknown word {words[0][:40]!a} in evidence", Unreadable)
        here = ORDER_OF_WORDS.index(words[0])
        need(here >= position, f"word {words[0]} out of order in evidence", Unreadable)
        need(words[0] not in ONCE or words[0] not in seen, f"a second {words[0]} in evidence", Unreadable)
        position = here
        seen.add(words[0])
        read_evidence_line(evidence, words, lines)
    need(lines.at == len(lines.lines), "something follows the end of the evidence", Unreadable)
    need({"checkpoint", "record"} <= seen, "evidence without a checkpoint or a record", Unreadable)
    need("attest" in seen or not seen & {"line", "line-node"}, "state lines without a statement", Unreadable)
    return evidence


def read_evidence_line(evidence: Evidence, words: list[str], lines: Lines) -> None:
    """One line of an evidence file with its block."""
    word, given = words[0], words[1:]
    block = b""
    if word in BLOCKS:
        need(len(given) == BLOCKS[word], f"a {word} line with {len(given)} words after it", Unreadable)
        block = lines.block(given[-1])
    if word in ONE_BLOCK:
        setattr(evidence, ONE_BLOCK[word], block)
    elif word == "anchor":
        evidence.anchors.append(block)
    elif word == "record":
        add_ascending(evidence.records, from_decimal(given[0]), block)
    elif word == "prior":
        add_prior(evidence.priors, given)
    elif word == "batch":
        add_batch(evidence.scope, given)
    elif word == "rule":
        add_rule(evidence.rules, given)
    elif word in ("node", "line-node"):
        add_hash(evidence.nodes if word == "node" else evidence.line_nodes, given)
    elif word == "line":
        add_state_line(evidence.lines, given)
    else:
        need(not given, "words after the end", Unreadable)


def add_prior(priors: list[tuple[int, bytes, list[bytes]]], given: list[str]) -> None:
    """Add a root whose size is above all before, with its path to the checkpoint."""
    need(len(given) >= 2, "a prior line without a root", Unreadable)
    size, hashes = from_decimal(given[0]), [from_base64(item, 32) for item in given[1:]]
    need(not priors or size > priors[-1][0], "prior sizes that do not ascend", Unreadable)
    priors.append((size, hashes[0], hashes[1:]))


def add_batch(scope: list[str], given: list[str]) -> None:
    """Add a batch to the scope, sorted by bytes."""
    need(len(given) == 1 and given[0], "a batch line without one batch", Unreadable)
    need(not scope or given[0].encode() > scope[-1].encode(), "batches that are not sorted", Unreadable)
    scope.append(given[0])


def add_rule(rules: list[Event], given: list[str]) -> None:
    """Add a rule that the certificate quotes, each once ("Evidence")."""
    need(len(given) == 1, "a rule line without a rule", Unreadable)
    rule = decode_object(given[0].encode(), "a rule")
    need(is_rule(rule), f"a rule line of another form: {rule.get('id')!a}", Unreadable)
    need(all(rule["id"] != other["id"] for other in rules), f"rule {rule['id']} stands twice in evidence", Unreadable)
    rules.append(rule)
    need(len(rules) <= 100, "more than 100 rules", Unreadable)


def add_hash(hashes: list[bytes], given: list[str]) -> None:
    """Add a hash of a multiproof."""
    need(len(given) == 1, "a line without one hash", Unreadable)
    hashes.append(from_base64(given[0], 32))


def add_state_line(lines: dict[int, str], given: list[str]) -> None:
    """Add a state line whose index is above all before."""
    need(len(given) == 2, "a line without its state line", Unreadable)
    need(not lines or from_decimal(given[0]) > max(lines), "line indexes that do not ascend", Unreadable)
    lines[from_decimal(given[0])] = given[1]


def add_ascending(records: list[tuple[int, bytes]], index: int, data: bytes) -> None:
    """Add a record whose index is above all before."""
    need(not records or index > records[-1][0], "record indexes that do not ascend", Unreadable)
    records.append((index, data))
    need(len(records) <= 1_000_000, "more than 1,000,000 records", Unreadable)


# ----------------------------------------------------------------- Auditor's statement


@dataclass(frozen=True)
class Statement:
    """A verified statement of an auditor, with the state lines that were supplied ("Auditor's statement")."""

    auditor: str
    size: int
    lines: dict[tuple[str, str], list[Any]]


def check_statement(evidence: Evidence, trust: Trust, roots: dict[int, bytes]) -> Statement | None:
    """Signed by an auditor of the trust file, of the pinned ledger, at a known root; its lines lead to its state ("Evidence", step 6)."""
    if evidence.statement is None:
        return None
    note = parse_note(evidence.statement)
    signed = [(line, key) for line in note.signatures for key in trust.auditors if line.by(key)]
    need(signed, "the statement is not signed by an auditor of the trust file")
    for line, key in signed:
        check_signature(key.public, line.payload, note.text)
    values = statement_values(note.text.decode())
    if values["ledger"] != trust.ledger:
        raise differs("the statement's ledger", values["ledger"], trust.ledger)
    size, root = from_decimal(values["size"]), from_base64(values["root"], 32)
    if roots.get(size) != root:
        raise differs(f"the statement's root at size {size}", root.hex(), roots[size].hex() if size in roots else "one that is known")
    leaves = {index: leaf_hash(line.encode()) for index, line in evidence.lines.items()}
    state = from_base64(values["state"], 32)
    computed = multiproof_root(leaves, from_decimal(values["lines"]), evidence.line_nodes)
    if computed != state:
        raise differs("the statement's state", computed.hex(), state.hex())
    return Statement(signed[0][1].name, size, dict(map(state_line, evidence.lines.values())))


def statement_values(text: str) -> dict[str, str]:
    """The lines of a statement, in their order ("Auditor's statement")."""
    lines = text.split("\n")[:-1]
    names = ["ledger", "size", "root", "lines", "state", "made"]
    need(lines[0] == "plumbline/attest/v1" and len(lines) > len(names), "not an auditor's statement")
    values = {}
    for name, line in zip(names, lines[1:], strict=False):
        word, _, values[name] = line.partition(" ")
        need(word == name, f"a statement with {word[:40]!a} in place of {name}")
    digests = [line.removeprefix("certificate ") for line in lines[1 + len(names) :]]
    need(all(map(is_hash, digests)) and digests == sorted(set(digests)), "a statement whose certificates are not sorted digests")
    moment(values["made"], "the statement's made")
    return values


def state_line(text: str) -> tuple[tuple[str, str], list[Any]]:
    """A state line by what it is about."""
    value = decode(text.encode())
    need(isinstance(value, list) and len(value) == 5, f"not a state line: {text[:80]!a}")
    need(value[0] in ("batch", "key") and isinstance(value[1], str), f"not a state line: {text[:80]!a}")
    return (value[0], value[1]), value


def check_state_lines(
    statement: Statement, state: State, scope: set[str], state_of: Callable[[str], tuple[int | None, list[list[str]]]]
) -> None:
    """Every batch of the scope and every known key has its line, computed again ("Evidence", step 8)."""
    for batch in sorted(scope & state.touches.keys()):
        line = statement.lines.get(("batch", batch))
        if line is None:
            raise Refused(f"the statement has no line for batch {batch}")
        left, certificates = state_of(batch)
        want = ["batch", batch, left, state.touches[batch].hex(), certificates]
        if line != want:
            raise differs(f"the state line of {batch}", line, want)
    for name, key in sorted(state.keys.items()):
        line = statement.lines.get(("key", name))
        if line is None:
            raise Refused(f"the statement has no line for key {name}")
        check_key_line(line, key)


def check_key_line(line: list[Any], key: Key) -> None:
    """The same status, a seq not below, and the same record at the same seq ("Evidence", step 8)."""
    name, last, seen = key.vkey.name, line[3], -1 if key.seq is None else key.seq
    if line[2] != key.status:
        raise differs(f"status of {name}", line[2], key.status)
    stated = -1 if last is None else last
    need(isinstance(stated, int) and stated >= seen, f"last seq of {name}: got {last}, want {key.seq} or more")
    if stated == seen and line[4] != key.last:
        raise differs(f"last record of {name}", line[4], key.last)


# --------------------------------------------------------------------- Credential

BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def from_base58(text: object, what: str) -> bytes:
    """Multibase base58btc, in its one spelling."""
    need(isinstance(text, str) and str(text).startswith("z") and len(str(text)) < 200, f"{what} is not base58btc")
    number, digits = 0, str(text)[1:]
    for digit in digits:
        need(digit in BASE58, f"{what} is not base58btc")
        number = number * 58 + BASE58.index(digit)
    zeros = len(digits) - len(digits.lstrip("1"))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")


@dataclass(frozen=True)
class Credential:
    """A credential whose proof verifies ("Certificates", steps 1 and 2)."""

    body: Event
    digest: str
    public: bytes

    @property
    def subject(self) -> Event:
        """The claims and figures."""
        return self.body["credentialSubject"]


def check_credential(data: bytes) -> Credential:
    """A Data Integrity proof `eddsa-jcs-2022` by the did:key that it names ("Certificates")."""
    try:
        body = decode_object(data.rstrip(b"\n"), "the credential")
    except Refused as refusal:
        raise Refused(f"the credential: {refusal}") from refusal
    proof = body.pop("proof", None)
    need(isinstance(proof, dict), "the credential has no proof")
    need(isinstance(body.get("credentialSubject"), dict) and isinstance(body.get("basis"), dict), "the credential has no subject or basis")
    need(isinstance(body.get("issuer"), dict), "the credential has no issuer")
    value = proof.pop("proofValue", None)
    wanted = {"type": "DataIntegrityProof", "cryptosuite": "eddsa-jcs-2022", "proofPurpose": "assertionMethod"}
    for name, want in wanted.items():
        if proof.get(name) != want:
            raise differs(f"the proof's {name}", proof.get(name), want)
    did, _, fragment = str(proof.get("verificationMethod")).partition("#")
    need(did == "did:key:" + fragment and did == body["issuer"].get("id"), "the proof's key is not the issuer's did:key")
    need(proof.get("@context", body.get("@context")) == body.get("@context"), "the proof's @context is not the credential's")
    multikey = from_base58(fragment, "the issuer's key")
    need(multikey[:2] == b"\xed\x01" and len(multikey) == 34, "the issuer's key is not ed25519")
    check_signature(multikey[2:], from_base58(value, "the proof's value"), sha256(encode(proof)) + sha256(encode(body)))
    return Credential(body, sha256(encode(body)).hex(), multikey[2:])


def check_registration(credential: Credential, state: State, event: Event, index: int) -> None:
    """The event and the credential agree; the key was enrolled for it; the basis is this log before it ("Certificates", 5)."""
    body, subject, basis = credential.body, credential.subject, credential.body["basis"]
    check_document(credential, state.trust, event["type"])
    check_lots(subject, event)
    signer = state.keys[state.signers[event["number"]]]
    pairs = [
        ("number", subject.get("number"), event.get("number")),
        ("kind", subject.get("kind"), event["kind"]),
        ("mass_mg", subject.get("mass_mg"), sum(item["mass_mg"] for item in uses_of(event))),
        ("validUntil", body.get("validUntil"), event.get("valid_until")),
        ("issuer's party", body["issuer"].get("party"), signer.party),
        ("issuer's name", body["issuer"].get("name"), state.parties.get(signer.party, {}).get("name")),
        ("basis ledger", basis.get("ledger"), state.trust.ledger),
        ("basis origin", basis.get("origin"), state.trust.origin),
    ]
    for what, got, want in pairs:
        if got != want:
            raise differs(f"the credential's {what}", got, want)
    need(
        is_count(basis.get("size")) and 1 <= basis["size"] <= index,
        f"basis is not the log before the certify event: size {basis.get('size')}",
    )
    root = state.roots.get(basis["size"])
    if root is None:
        raise Refused(f"the root at basis size {basis['size']} is not known")
    if basis.get("root") != root.hex():
        raise differs(f"basis root at size {basis['size']}", basis.get("root"), root.hex())
    owners = [key for key in state.keys.values() if key.vkey.public == credential.public and key.party == signer.party]
    need(any("certify" in key.scopes and key.status == "active" for key in owners), "the proof's key was not enrolled with scope certify")


def check_lots(subject: Event, event: Event) -> None:
    """A certificate names the lots of its event: one `batch`, or the rows of `shipment` or of a `product` ("Certificates", 5)."""
    lots, declared, several = lots_of(event), event["type"] == "declare", bool(event.get("beside"))
    compare("batch", subject.get("batch"), None if declared or several else lots[0])
    product = subject.get("product") if isinstance(subject.get("product"), dict) else {}
    masses = [[item["batch"], item["mass_mg"]] for item in uses_of(event)] if several else None
    compare("shipment", columns(subject.get("shipment"), "batch", "mass_mg"), masses)
    compare("product's batches", columns((product or {}).get("batches"), "batch"), [[lot] for lot in lots] if declared else None)


def columns(rows: Any, *names: str) -> Any:
    """Some fields of every row of a list; what is no list of rows is itself."""
    rowed = isinstance(rows, list) and all(isinstance(row, dict) for row in rows)
    return [[row.get(name) for name in names] for row in rows] if rowed else rows


TITLES = {
    ("certify", "recycled-content"): ("RecycledContentCertificate", "Recycled content"),
    ("certify", "domestic-origin"): ("DomesticOriginCertificate", "Domestic origin"),
    ("declare", "recycled-content"): ("ProductRecycledContentCertificate", "Recycled content of a product"),
    ("declare", "domestic-origin"): ("ProductOriginCertificate", "Origin of a product"),
}


def check_document(credential: Credential, trust: Trust, registered: str) -> None:
    """The fields of the document around `credentialSubject`, by the type of the event that registered it ("Certificates")."""
    body, subject = credential.body, credential.subject
    need((registered, subject.get("kind")) in TITLES, f"a certificate of kind {subject.get('kind')!a}")
    kind, title = TITLES[registered, subject["kind"]]
    fields_there = {"@context", "id", "type", "name", "issuer", "validFrom", "validUntil", "basis", "credentialSubject"}
    check_fields(body, "the credential", fields_there)
    check_fields(body["issuer"], "issuer", {"id", "name", "party"})
    check_fields(body["basis"], "basis", {"ledger", "origin", "root", "size"})
    moment(body["validFrom"], "validFrom")
    compare("@context", body["@context"], ["https://www.w3.org/ns/credentials/v2"])
    compare("id", body["id"], f"urn:plumbline:{trust.ledger}:{subject.get('number')}")
    compare("type", body["type"], ["VerifiableCredential", kind])
    compare("name", body["name"], f"{title} certificate {subject.get('number')}")


# -------------------------------------------------------------------------- Matter
#
# The books are computed again from the first event whenever an event is amended, so there is one way of booking, and none for corrections.

POLICY_FILE = Path(__file__).resolve().parent.parent / "ledger" / "data" / "policy-1.json"
MILLIGRAMS = {"g": Fraction(1000), "kg": Fraction(10**6), "t": Fraction(10**9), "lb": Fraction(45359237, 100)}
MILLIGRAMS |= {"short_ton": 2000 * MILLIGRAMS["lb"], "long_ton": 2240 * MILLIGRAMS["lb"]}
PARTS = {"%": Fraction(1, 100), "ppm": Fraction(1, 10**6), "1": Fraction(1)}
PRINTED = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,12})?\Z")
BALANCE, UNKNOWN, ANY = "balance", "unknown", "*"
CONSUMER = ("end_of_life", "distribution_return")
PRE_CONSUMER = ("pre_consumer_external", "pre_consumer_internal")
CLASSES = (*CONSUMER, *PRE_CONSUMER, "home_scrap", "by_product", "primary", UNKNOWN)


class Source(NamedTuple):
    """Where metal comes from; ordered as a tuple ("Matter": a portion)."""

    feedstock: str = UNKNOWN
    places: tuple[tuple[str, tuple[str, ...]], ...] = ()
    documented: bool = False
    was: str = ""
    answers: tuple[tuple[str, bool], ...] = ()

    def gained(self, fact: str, country: str) -> Source:
        """With one more country at a place fact; a country is added, never replaced."""
        places = dict(self.places)
        places[fact] = tuple(sorted({*places.get(fact, ()), country}))
        return self._replace(places=tuple(sorted(places.items())))

    def countries(self, fact: str) -> str:
        """The set of countries of a fact; an absent fact is unknown."""
        return "+".join(dict(self.places).get(fact, (UNKNOWN,)))

    def is_of(self, fact: str, countries: str) -> bool:
        """Whether the set of countries of a fact is exactly this."""
        return self.countries(fact) == countries

    def is_class(self, feedstock: str) -> bool:
        """Whether it is of a class."""
        return self.feedstock == feedstock

    def lacking(self, facts: tuple[str, ...]) -> Source:
        """With {unknown} for each of these facts that it lacks."""
        return self._replace(places=tuple(sorted({**dict.fromkeys(facts, (UNKNOWN,)), **dict(self.places)}.items())))

    def answered(self, question: str, answer: object) -> Source:
        """With an answer, a later one replacing an earlier one."""
        return self._replace(answers=tuple(sorted({**dict(self.answers), question: bool(answer)}.items())))


GAIN = Source()
Portions = dict[Source, int]


def add(into: Portions, portions: Portions) -> Portions:
    """Add portions to others; equal sources are added, portions of 0 are dropped."""
    for source, mass in portions.items():
        if mass:
            into[source] = into.get(source, 0) + mass
    return into


def moved(portions: Portions, change: Callable[[Source], Source]) -> Portions:
    """The same masses from changed sources."""
    result: Portions = {}
    for source, mass in portions.items():
        add(result, {change(source): mass})
    return result


def share(mass: int, weights: dict[Source, Any]) -> Portions:
    """A mass over weights; what is missing goes to the greatest remainders ("Matter": sharing)."""
    whole = sum(weights.values())
    if not whole:
        return {}
    parts = {source: math.floor(mass * weight / Fraction(whole)) for source, weight in weights.items()}
    order = sorted(weights, key=lambda source: (parts[source] - mass * weights[source] / Fraction(whole), source))
    for source in order[: mass - sum(parts.values())]:
        parts[source] += 1
    return {source: part for source, part in parts.items() if part}


def cuts(mass: int, steps: list[int], whole: int) -> list[int]:
    """⌊mass · cᵢ / whole⌋ − ⌊mass · cᵢ₋₁ / whole⌋ with cᵢ cumulative."""
    ends = [mass * end // whole if whole else 0 for end in itertools.accumulate(steps, initial=0)]
    return [after - before for before, after in itertools.pairwise(ends)]


class Stock:
    """Portions as made and as left ("Matter": taking)."""

    def __init__(self, portions: Portions) -> None:
        self.made, self.left = dict(portions), dict(portions)

    def total(self) -> int:
        """What is left, in milligrams."""
        return sum(self.left.values())

    def take(self, mass: int) -> Portions:
        """Exact entitlements rounded down; the rest by greatest remainder, too much back from the smallest."""
        made, left = sum(self.made.values()), self.total()
        need(0 <= mass <= left, f"overdrawn: {mass} mg of {left} mg")
        if mass == 0:
            return {}
        if mass == left:
            taken, self.left = self.left, dict.fromkeys(self.left, 0)
            return add({}, taken)
        entitled = {s: self.made[s] * (made - left + mass) - (self.made[s] - self.left[s]) * made for s in sorted(self.made)}
        taken = {source: max(0, part // made) for source, part in entitled.items()}
        missing = mass - sum(taken.values())
        step = 1 if missing > 0 else -1
        ranked = sorted(taken, key=lambda s: (-step * (entitled[s] - taken[s] * made), s))
        while missing:
            for source in ranked:
                if missing and 0 <= taken[source] + step <= self.left[source]:
                    taken[source] += step
                    missing -= step
        for source, part in taken.items():
            self.left[source] -= part
        return add({}, taken)


# ------------------------------------------------------------------- Uncertainty

Components = dict[Any, int]


def part_of(components: Components, part: int, whole: int) -> Components:
    """⌊u · n / d⌋ of each; where d is 0 any part has all of them ("Uncertainty", 9)."""
    if part == whole or not whole:
        return dict(components)
    return {cause: u * part // whole for cause, u in components.items() if u * part // whole}


def together(*sets: Components) -> Components:
    """Equal causes add."""
    result: Components = {}
    for components in sets:
        for cause, u in components.items():
            result[cause] = result.get(cause, 0) + u
    return result


def digit(half: Fraction) -> Fraction:
    """r(x) = ⌊√⌊x² · 10^24 / 3⌋⌋ / 10^12 ("Uncertainty", 6)."""
    return Fraction(math.isqrt(math.floor(half**2 * 10**24 / 3)), 10**12)


class Figure(NamedTuple):
    """A printed figure: its exact value, and its components as rationals with their causes."""

    value: Fraction
    parts: tuple[tuple[Any, Fraction], ...] = ()

    def times(self, factor: Fraction) -> Components:
        """Each component times the other factors, rounded, in absolute value."""
        found: Components = {}
        for cause, u in self.parts:
            found = together(found, {cause: abs(round(u * factor))})
        return {cause: u for cause, u in found.items() if u}


NOTHING = Figure(Fraction(0))


@dataclass(frozen=True)
class Reader:
    """Reads printed figures with the rule data's defaults ("Matter": numbers, "Uncertainty")."""

    policy: Event

    def printed(self, quantity: Event, units: dict[str, Fraction], name: str = "value") -> tuple[Fraction, Fraction]:
        """The exact value and half a step of the last printed digit."""
        text, unit = quantity[name], quantity.get("unit")
        need(isinstance(text, str) and PRINTED.match(text) and unit in units, f"not a printed quantity: {quantity!a}")
        return Fraction(text) * units[str(unit)], units[str(unit)] / 10 ** len(text.partition(".")[2]) / 2

    def figure(self, quantity: Event, units: dict[str, Fraction], default: Fraction, row: tuple[str, str], method: object) -> Figure:
        """A figure with its default or stated uncertainty, its cause, and its last digit ("Uncertainty", 4 to 6)."""
        value, half = self.printed(quantity, units)
        u = default
        cause: object = ("row", *row) if method is None else ("method", method)
        if quantity.get("u") is not None:
            u = min(self.printed(quantity, units, "u")[0], 3 * default)
            cause = cause if method is not None else object()
        return Figure(value, ((cause, u), (object(), digit(half))))

    def mass(self, quantity: Event, *, minimum: bool = True, loss: bool = False) -> Figure:
        """A weighed mass by the row of its device ("Uncertainty", 1)."""
        value, _ = self.printed(quantity, MILLIGRAMS)
        device = quantity.get("device")
        row = "declared_loss" if loss and device is None else str(device).partition("/")[0].partition("#")[0].strip(" ")
        row = row if row in self.policy["mass"] else "truck_scale"
        return self.figure(
            quantity, MILLIGRAMS, self.default(self.policy["mass"][row], value, minimum), ("mass", row), quantity.get("method")
        )

    def default(self, rule: Event, value: Fraction, minimum: bool = True) -> Fraction:
        """`abs`, or else the greater of `rel` · |value| and the minimum."""
        if "abs" in rule:
            return Fraction(rule["abs"])
        least = Fraction(rule["min"] if "min" in rule else rule.get("min_mg", 0)) if minimum else Fraction(0)
        return max(Fraction(rule["rel"]) * abs(value), least)

    def moisture(self, quantity: Event | None) -> Figure:
        """A moisture; none has no components ("Uncertainty", 3)."""
        if quantity is None:
            return NOTHING
        assumed = quantity.get("method") == "assumed"
        row = "assumed" if assumed else "measured"
        figure = self.figure(
            quantity, PARTS, Fraction(self.policy["moisture"][row]), ("moisture", row), None if assumed else quantity.get("method")
        )
        need(figure.value < 1, "a moisture of 100 % or more")
        return figure

    def assay(self, material: str, values: Event) -> dict[str, Figure]:
        """The figures of an assay, and its check ("Uncertainty", 2, 7 and the end)."""
        figures, squares = {}, 0
        for constituent, quantity in sorted(values.items()):
            if "below" in quantity:
                limit, _ = self.printed(quantity, PARTS, "below")
                need(limit <= 1, f"a limit of {constituent} above 100 %")
                figures[constituent] = Figure(Fraction(0), ((object(), digit(limit)),))
                continue
            value, _ = self.printed(quantity, PARTS)
            need(value <= 1, f"an assay of {constituent} above 100 %")
            row, rule = self.row(self.material(material), constituent, value)
            figures[constituent] = self.figure(quantity, PARTS, self.default(rule, value), row, quantity.get("method"))
            squares += sum(round(10**12 * u) ** 2 for _, u in figures[constituent].parts)
        excess = sum((figure.value for figure in figures.values()), Fraction(-1))
        need(excess <= Fraction(math.isqrt(self.policy["coverage_factor"] ** 2 * squares), 10**12), "an assay of more than 100 % in sum")
        return figures

    def row(self, material: Event, constituent: str, value: Fraction) -> tuple[tuple[str, str], Event]:
        """The row of an assay's uncertainty."""
        if constituent == "Pb":
            return ("pb", material["pb"]), self.policy["pb"][material["pb"]]
        if "trace" in material:
            return ("trace", material["trace"]), self.policy["trace"][material["trace"]]
        level = next(level for level in self.policy["trace_levels"] if Fraction(level["from"]) <= value)
        return ("trace", level["name"]), level

    def material(self, name: str) -> Event:
        """A material that the rule data knows."""
        need(name in self.policy["materials"], f"material {name!a} is not known")
        return self.policy["materials"][name]

    def bound(self, *sets: Components) -> int:
        """⌊√(k² · Σ s²)⌋ over the causes of all sets."""
        return math.isqrt(self.policy["coverage_factor"] ** 2 * sum(s * s for s in together(*sets).values()))


def contained(gross: Figure, moisture: Figure, assay: Figure) -> Components:
    """The components of a contained mass ("Uncertainty", 8)."""
    dry = 1 - moisture.value
    return together(gross.times(dry * assay.value), moisture.times(gross.value * assay.value), assay.times(gross.value * dry))


def joined(components: Components) -> Components:
    """More than 64 causes: those of single figures become one ("Uncertainty", 10)."""
    single = [cause for cause in components if not isinstance(cause, tuple)]
    if len(components) <= 64:
        return components
    one = math.isqrt(sum(components[cause] ** 2 for cause in single))
    return {**{cause: u for cause, u in components.items() if isinstance(cause, tuple)}, object(): one}


# ------------------------------------------------------------------- Batches


@dataclass
class Content:
    """A constituent of a batch: booked, perhaps cautious, and components with the mass that they are for."""

    booked: Stock
    cautious: Stock | None = None
    components: Components = field(default_factory=dict)
    base: int = 0

    @classmethod
    def of(cls, booked: Portions, cautious: Portions | None = None, components: Components | None = None) -> Content:
        """A content made anew; its mass is the base."""
        return cls(Stock(booked), None if cautious is None else Stock(cautious), components or {}, sum(booked.values()))

    def claimable(self) -> Portions:
        """What is left of the cautious stock, else of the booked one."""
        return add({}, (self.cautious or self.booked).left)

    def least(self) -> Portions:
        """Of each source the smaller of booked and cautious, what is missing as Gain ("Custody": ship)."""
        if self.cautious is None:
            return add({}, self.booked.left)
        both = {source: min(mass, self.cautious.left.get(source, 0)) for source, mass in self.booked.left.items()}
        return add({GAIN: self.booked.total() - sum(both.values())}, both)

    def renewed(self, change: Callable[[Source], Source] = lambda source: source) -> Content:
        """What is left, made anew, with its part of the components."""
        left = self.booked.total()
        cautious = None if self.cautious is None else moved(self.cautious.left, change)
        return Content.of(moved(self.booked.left, change), cautious, part_of(self.components, left, self.base))

    def take(self, mass: int) -> Content:
        """A part, as much from the cautious stock, at most what is left of it."""
        cautious = None if self.cautious is None else self.cautious.take(min(mass, self.cautious.total()))
        return Content.of(self.booked.take(mass), cautious, part_of(self.components, mass, self.base))

    def gain(self, mass: int) -> None:
        """Gain, in booked and cautious stock."""
        for stock in filter(None, (self.booked, self.cautious)):
            add(stock.left, {GAIN: mass})


def join(contents: list[Content]) -> Content:
    """What is left of each as booked; cautious where any is ("Batches": joining)."""
    booked: Portions = {}
    cautious: Portions = {}
    for content in contents:
        add(booked, content.booked.left)
        add(cautious, content.claimable())
    careful = any(content.cautious is not None for content in contents)
    components = together(*(part_of(content.components, content.booked.total(), content.base) for content in contents))
    return Content.of(booked, cautious if careful else None, components)


@dataclass
class Batch:
    """A batch in the books ("Batches")."""

    name: str
    material: str
    holder: str
    made: int
    moisture: Fraction = Fraction(0)
    status: str = "held"
    site: str = ""
    fixed: int = 0
    dry: int = 0
    left: int = 0
    pieces: int | None = None
    pieces_left: int = 0
    weighed: bool = True
    certificates: set[tuple[str, str]] = field(default_factory=set)
    mass: Components = field(default_factory=dict)
    contents: dict[str, Content] = field(default_factory=dict)
    open: dict[str, Stock] | None = None
    gone: dict[str, Portions] = field(default_factory=dict)
    gone_dry: int = 0
    steps: frozenset[int] = frozenset()
    entered: frozenset[str] = frozenset()
    absorbed: frozenset[tuple[str, str]] = frozenset()
    provisional: bool = False
    assay: Event | None = None
    plant: str = ""
    product: Event | None = None
    stated: Event | None = None
    time: str = ""
    supplied: frozenset[str] = frozenset()
    line: tuple[str, ...] = ()

    def gross(self) -> int:
        """The gross mass: dry left ÷ (1 − moisture), rounded."""
        return round(self.left / (1 - self.moisture))

    def draw(self, mass: int) -> tuple[dict[str, Content], dict[str, Portions]]:
        """Draw by dry mass ("Batches": drawing)."""
        need(0 <= mass <= self.left, f"batch {self.name} is overdrawn: {mass} mg of {self.left} mg")
        taken, after = {}, self.left - mass
        for constituent, content in self.contents.items():
            made = sum(content.booked.made.values())
            keep = made - made * (self.dry - after) // self.dry if after else 0
            taken[constituent] = content.take(content.booked.total() - keep)
        opened = {name: stock.take(mass) for name, stock in (self.open or {}).items()}
        if self.pieces:
            self.pieces_left = min(self.pieces_left, self.pieces * after // self.dry)
        self.left = after
        return taken, opened

    def leave(self, taken: dict[str, Content], mass: int) -> None:
        """What was drawn goes out, the least of it."""
        for constituent, content in taken.items():
            add(self.gone.setdefault(constituent, {}), content.least())
        self.gone_dry += mass

    def rebase(self, mass: int) -> None:
        """Left becomes made ("Batches": rebasing)."""
        need(mass > 0, f"batch {self.name} would have no dry mass")
        self.contents = {constituent: content.renewed() for constituent, content in self.contents.items()}
        if self.open is not None:
            self.open = {name: Stock(share(mass, stock.left)) for name, stock in self.open.items()}
        self.mass = part_of(self.mass, mass, self.dry)
        self.dry = self.left = mass
        self.pieces = self.pieces and self.pieces_left


@dataclass(frozen=True)
class Entry:
    """A signed event at its position, with its signer's party; as read after its amendments when it is booked."""

    position: int
    record_id: str
    party: str
    event: Event


class Row(NamedTuple):
    """One constituent of one closing, as a step keeps it."""

    constituent: str
    residual: int
    bound: int
    unknown: int
    not_assayed: int


class Serials(NamedTuple):
    """A range of serials: one beginning, and the digits at the end."""

    beginning: str
    first: int
    last: int

    def overlaps(self, other: Serials) -> bool:
        """Whether two ranges share a serial."""
        return self.beginning == other.beginning and self.first <= other.last and other.first <= self.last

    def within(self, others: list[Serials]) -> bool:
        """Whether ranges cover this one wholly."""
        at = self.first
        for other in sorted(others):
            if other.beginning == self.beginning and other.first <= at <= other.last:
                at = other.last + 1
        return at > self.last


def read_serials(pair: list[str]) -> Serials:
    """A range has one beginning, and its last is not below its first ("Batches": serials)."""
    ends = [(text.rstrip("0123456789"), text) for text in pair]
    first, last = (int(text[len(beginning) :] or 0) for beginning, text in ends)
    need(ends[0][0] == ends[1][0] and first <= last, f"serials {pair} are no range")
    return Serials(ends[0][0], first, last)


class Claim(NamedTuple):
    """What an output takes of a constituent; components of none are the mixture's."""

    mass: int
    components: Components | None
    named: bool


class Shelf:
    """All batches after some events ("Matter")."""

    def __init__(self, policy: Event, books: Books) -> None:
        self.policy, self.books, self.read = policy, books, Reader(policy)
        self.batches: dict[str, Batch] = {}
        self.rows: dict[int, tuple[Entry, list[Row]]] = {}
        self.withdrawn: set[str] = set()
        self.entered: dict[str, dict[str, set[Source]]] = {}
        self.vessels: dict[tuple[str, str], str] = {}
        self.serials: list[tuple[str, Serials]] = []
        self.transformed: set[str] = set()
        self.parents: dict[str, set[str]] = {}
        self.as_made: dict[str, Batch] = {}
        self.declared: dict[tuple[str, str], list[tuple[str, list[str]]]] = {}
        self.holdings: dict[str, dict[str, Holding]] = {}

    def book(self, entry: Entry, first: bool) -> None:
        """Book one event as it is now read."""
        event = entry.event
        if event["type"] in ("receive", "ship", "accept", "adjust", "dispose", "transform", "return", "certify", "declare"):
            getattr(self, "give_back" if event["type"] == "return" else event["type"])(entry, event, first)
        elif event["type"] == "withdraw":
            self.withdrawn.add(event["certificate"])

    # Using, drawing, making

    def use(self, entry: Entry, item: Event, first: bool, status: str = "held") -> Batch:
        """A batch that is there, held by the signer's party, and fixed by the record that is named ("Batches": using)."""
        batch = self.batches.get(item["batch"])
        if batch is None:
            raise Refused(f"batch {item['batch']} is not known")
        need(batch.status == status, f"batch {batch.name} is {batch.status}")
        need(status != "held" or batch.holder == entry.party, f"batch {batch.name} is held by {batch.holder}")
        made_by = item.get("made_by")
        if first and (made_by is not None or batch.fixed // 256 != entry.position // 256):
            want = self.books.record_ids[batch.fixed // 256]
            need(made_by == want, f"made_by of {batch.name}: got {made_by}, want {want}")
        return batch

    def at_site(self, entry: Entry, event: Event) -> str:
        """The event's site, registered by the signer's party."""
        site = self.books.sites.get(event["site"])
        need(site is not None and site["party"] == entry.party, f"site {event['site']} is not registered by {entry.party}")
        return str(event["site"])

    def moisten(self, batch: Batch, event: Event) -> Figure:
        """A stated moisture becomes the batch's."""
        figure = self.read.moisture(event.get("moisture"))
        if event.get("moisture") is not None:
            batch.moisture = figure.value
        return figure

    def drawn(self, batch: Batch, item: Event, first: bool) -> int:
        """The dry mass of a draw ("Batches": a draw, 1 to 4)."""
        mass: Event = item.get("mass") or {}
        need(mass, f"the mass drawn of {batch.name} is not stated")
        self.moisten(batch, item)
        if item.get("rest"):
            need(batch.left > 0, f"nothing is left of batch {batch.name}")
            if first:
                got = round(self.read.printed(mass, MILLIGRAMS)[0])
                need(got == batch.gross(), f"the rest of {batch.name}: got {got} mg, want {batch.gross()} mg")
            return batch.left
        if "pieces" in mass:
            count, all_made = mass["pieces"], batch.pieces or 0
            need(0 < count <= batch.pieces_left, f"batch {batch.name} has {batch.pieces_left} pieces left")
            gone = all_made - batch.pieces_left
            part = batch.dry * (gone + count) // all_made - batch.dry * gone // all_made
            return batch.left if count == batch.pieces_left else min(part, batch.left)
        figure = self.read.mass(mass, minimum=False)
        x = round(figure.value * (1 - batch.moisture))
        need(x > 0, f"no dry mass is drawn of {batch.name}")
        if x > batch.left:
            most = self.read.bound(figure.times(1 - batch.moisture))
            need(batch.left > 0 and x - batch.left <= most, f"batch {batch.name} is overdrawn: {x} mg of {batch.left} mg")
        return min(x, batch.left)

    def make(self, entry: Entry, item: Event, site: str) -> tuple[Batch, Figure, Figure]:
        """A new batch with its gross mass and moisture; its number begins with the party and was never made before."""
        name = item["batch"]
        need(name.startswith(entry.party + ":"), f"batch {name} does not begin with its maker's party")
        need(name not in self.batches and self.books.may_make(name, entry.position), f"batch {name} was made before")
        self.read.material(item["material"])
        gross = NOTHING if item["mass"] == BALANCE else self.read.mass(item["mass"])
        moisture = self.read.moisture(item.get("moisture"))
        batch = Batch(name, item["material"], entry.party, entry.position, moisture.value, site=site)
        batch.fixed = self.books.fixed_at(entry.position)
        batch.dry = batch.left = round(gross.value * (1 - moisture.value))
        need(batch.dry > 0 or item["mass"] == BALANCE, f"batch {name} has no dry mass")
        batch.pieces, batch.pieces_left = item.get("pieces"), item.get("pieces") or 0
        batch.mass = gross.times(Fraction(1))
        batch.provisional, batch.assay, batch.plant = bool(item.get("provisional")), item.get("assay"), site
        batch.product = batch.stated = item.get("product")
        batch.line, batch.time = (name,), entry.event["time"]
        self.check_parts(item)
        return batch, gross, moisture

    def check_parts(self, item: Event) -> None:
        """The parts of a product weigh at most what is beside it; beside a balance there are none ("Events")."""
        parts = (item.get("product") or {}).get("parts") or ()
        masses = [self.read.printed(part["mass"], MILLIGRAMS)[0] for part in parts]
        most = Fraction(0) if item["mass"] == BALANCE else self.read.printed(item["mass"], MILLIGRAMS)[0]
        need(not parts or (item["mass"] != BALANCE and sum(masses) <= most), f"the parts of {item['batch']} weigh more than it does")

    def keep(self, batch: Batch) -> None:
        """Keep a batch that was made, with the answers given on it ("Matter": answers)."""
        for question, answer in self.books.answers(batch.name):
            change = functools.partial(Source.answered, question=question, answer=answer)
            batch.contents = {name: content.renewed(change) for name, content in batch.contents.items()}
            if batch.open is not None:
                batch.open = {name: Stock(moved(stock.left, change)) for name, stock in batch.open.items()}
        for content in batch.contents.values():
            content.components = joined(content.components)
        self.batches[batch.name] = batch
        if batch.stated is not None or batch.name in self.books.declared:
            self.as_made[batch.name] = copy.deepcopy(batch)

    # Receive

    def receive(self, entry: Entry, event: Event, first: bool) -> None:
        """A batch at the gate ("Receive")."""
        batch, gross, moisture = self.make(entry, event, self.at_site(entry, event))
        form, shares = self.read.material(batch.material)["form"], event.get("shares") or []
        need(event.get("feedstock") is None or not shares, "feedstock together with shares")
        classes = {event.get("feedstock"), *(item["feedstock"] for item in shares)}
        need(form != "product" or "end_of_life" not in classes, "a product of class end_of_life")
        for name in {item.get("constituent") for item in shares}:
            total = sum(self.read.printed(item["share"], PARTS)[0] for item in shares if item.get("constituent") == name)
            need(total <= 1, "shares above 100 % in sum")
        if event.get("assay") is None:
            need(form == "scrap", f"a receipt of {form} without an assay")
            names = {ANY, *(item["constituent"] for item in shares if item.get("constituent"))}
            batch.open = {name: Stock(self.entry(event, form, batch.dry, name, name)) for name in sorted(names)}
        else:
            self.receive_assayed(event, form, batch, gross, moisture)
        batch.entered, batch.supplied = frozenset({batch.name}), supplied(event)
        self.check_opening(event, first)
        self.place([event], str(event["site"]), [])
        self.keep(batch)
        stocks = batch.open or {name: content.booked for name, content in batch.contents.items()}
        self.entered[batch.name] = {name: set(stock.made) for name, stock in stocks.items()}

    def check_opening(self, event: Event, first: bool) -> None:
        """Opening stock comes before the site's transforms; a generator that is a party is refused ("Receive", 1)."""
        if self.books.scope is None:
            need(not event.get("opening") or event["site"] not in self.transformed, f"opening stock after a transform at {event['site']}")
            generator = (event.get("generator") or {}).get("party")
            need(not first or generator not in self.books.parties, f"generator {generator} is a party of this ledger")

    def place(self, items: list[Event], site: str, inputs: list[Batch]) -> None:
        """Vessels and serial ranges of what is made; evidence does not show them whole ("Batches": serials, vessels)."""
        if self.books.scope is not None:
            return
        vessels = [item["vessel"] for item in items if item.get("vessel") is not None]
        need(len(set(vessels)) == len(vessels), "two outputs name one vessel")
        names, before, here = {batch.name for batch in inputs}, list(self.serials), list[Serials]()
        for item in items:
            last = self.batches.get(self.vessels.get((site, item.get("vessel") or ""), ""))
            need(last is None or not last.left, f"vessel {item.get('vessel')} holds batch {last.name if last else ''}")
            if item.get("vessel") is not None:
                self.vessels[site, item["vessel"]] = item["batch"]
            for serials in map(read_serials, item.get("serials") or ()):
                need(not any(serials.overlaps(other) for other in here), f"serials {serials} stand twice in an event")
                here.append(serials)
                earlier = [name for name, other in before if serials.overlaps(other)]
                covered = serials.within([other for name, other in before if name in names])
                need(not earlier or (earlier[-1] in names and covered), f"serials {serials} were given to batch {(earlier or [''])[-1]}")
                self.serials.append((item["batch"], serials))

    def receive_assayed(self, event: Event, form: str, batch: Batch, gross: Figure, moisture: Figure) -> None:
        """Each constituent enters, minor ones like the principal ("Receive", 4)."""
        figures = self.read.assay(batch.material, event["assay"])
        principal = min(figures, key=lambda name: (-figures[name].value, name), default="")
        named = {item.get("constituent") for item in event.get("shares") or []}
        rule = self.policy["unknown_on_entry"]
        for constituent, figure in figures.items():
            minor = figure.value < Fraction(self.policy["named_above"])
            mass = round(batch.dry * figure.value)
            portions = self.entry(event, form, mass, constituent, principal if minor else constituent)
            if form in ("metal", "compound") and constituent != principal and not minor and constituent not in named:
                portions = {GAIN: mass}
            if form in rule["forms"]:
                portions = moved(portions, functools.partial(Source.lacking, facts=tuple(rule["facts"])))
            batch.contents[constituent] = Content.of(portions, None, contained(gross, moisture, figure))

    def entry(self, event: Event, form: str, mass: int, name: str, like: str) -> Portions:
        """The sources of a mass that enters ("Receive", 2)."""
        documented, shares, feedstock = bool(event.get("documents")), event.get("shares") or [], event.get("feedstock")
        bare = not documented and (form in ("metal", "compound") or event.get("opening"))
        if bare or (feedstock is None and not shares):
            return {GAIN: mass}
        if feedstock is not None:
            return {Source(feedstock, places_of(event.get("places")), documented): mass}
        chosen = next((found for key in (name, None, like) if (found := [s for s in shares if s.get("constituent") == key])), [])
        weights: dict[Source, Fraction] = {}
        for item in chosen:
            places = {**(event.get("places") or {}), **(item.get("places") or {})}
            source = Source(item["feedstock"], places_of(places), documented)
            weights[source] = weights.get(source, Fraction(0)) + self.read.printed(item["share"], PARTS)[0]
        weights[GAIN] = weights.get(GAIN, Fraction(0)) + 1 - sum(weights.values())
        return share(mass, weights)

    # Transform

    def transform(self, entry: Entry, event: Event, first: bool) -> None:
        """Inputs are drawn and joined, outputs claim, every constituent is closed ("Transform")."""
        site, kind = self.at_site(entry, event), event["kind"]
        names = [item["batch"] for item in (*event["inputs"], *event["outputs"])]
        need(len(set(names)) == len(names), "a batch stands twice in a transform")
        sources, pool, opened = self.draw_inputs(entry, event, first)
        dry_in, carrying = sum(mass for _, mass, _ in opened), kind in self.policy["carrying_kinds"]
        made = [self.make(entry, item, site) for item in event["outputs"]]
        batches = [batch for batch, _, _ in made]
        self.check_forms(kind, sources, batches)
        at = [i for i, item in enumerate(event["outputs"]) if item["mass"] == BALANCE]
        need(len(at) <= 1, "two outputs have the mass balance")
        need(all(event["outputs"][i].get("assay") is None for i in at), "a balance with an assay")
        if at and carrying:
            rest = batches[at[0]]
            rest.dry = rest.left = dry_in - sum(batch.dry for batch in batches)
            need(rest.left > 0, "the other outputs leave nothing for the balance")
        measured = [None if item.get("assay") is None else self.read.assay(item["material"], item["assay"]) for item in event["outputs"]]
        carried = [figures is None and (carrying or i not in at) for i, figures in enumerate(measured)]
        need(carrying or not any(carried), f"an output of a {kind} without an assay")
        if any(carried) and first:
            excess = sum(batch.dry for batch in batches) - dry_in
            masses = [self.read.mass(item["mass"], minimum=False) for item in event["outputs"] if item["mass"] != BALANCE]
            need(excess <= self.read.bound(*(figure.times(Fraction(1)) for figure in masses)), f"outputs exceed inputs by {excess} mg")
        losses = self.losses(event)
        claims, known = self.claims(made, measured, carried, dry_in), {name for figures in measured for name in figures or ()}
        if any(stocks for _, _, stocks in opened):
            self.open_inputs(kind, opened, pool, batches, carried, known, claims, losses, at)
        rows = self.close_all(event, pool, known, claims, losses, batches, at[0] if at and not carrying else None)
        self.rows[entry.position] = (entry, rows)
        self.place(event["outputs"], site, sources)
        self.transformed.add(site)
        for i, batch in enumerate(batches):
            self.descend(batch, sources, entry)
            if i in at and not carrying:
                batch.weighed = False
                batch.dry = batch.left = sum(content.booked.total() for content in batch.contents.values())
                need(batch.dry > 0, f"batch {batch.name} has no dry mass")
            if carried[i]:
                batch.provisional |= any(source.provisional for source in sources)
            self.keep(batch)

    def descend(self, batch: Batch, sources: list[Batch], entry: Entry) -> None:
        """What a batch has from those that lead to it: steps, entries, certificates ("Transform", 8; "Certificates": standing)."""
        event = entry.event
        self.parents[batch.name] = {source.name for source in sources}
        batch.steps = frozenset({entry.position}).union(*(source.steps for source in sources))
        batch.entered = frozenset().union(*(source.entered for source in sources))
        batch.absorbed = frozenset().union(*(source.absorbed | source.certificates for source in sources))
        if event.get("kind") in self.policy["carrying_kinds"]:
            batch.stated = None  # what was only divided is no lot of a product ("Certificates": declare)
            batch.certificates = set().union(*(source.certificates for source in sources))
            if event["kind"] == "split" and len(sources) == 1:
                batch.plant, batch.product, batch.supplied = sources[0].plant, sources[0].product, sources[0].supplied
                batch.line = (batch.name, *sources[0].line)
        else:
            self.end(entry, sources)

    def end(self, entry: Entry, sources: list[Batch]) -> None:
        """What is drawn from at a site of their issuer, or came back there, ends the certificates that it carries (standing, 1)."""
        for number in {number for source in sources for _, number in source.certificates}:
            if issuer_of(number) == entry.party:
                self.books.end(number, entry.position)

    def stands(self, number: str, position: int) -> bool:
        """Whether a certificate is neither withdrawn nor ended before a position ("Certificates": standing)."""
        return number not in self.withdrawn and self.books.ends.get(number, position) >= position

    def draw_inputs(
        self, entry: Entry, event: Event, first: bool
    ) -> tuple[list[Batch], dict[str, Content], list[tuple[Batch, int, dict[str, Portions]]]]:
        """Draw the inputs in order, and join what they contained ("Transform", 2 and 6)."""
        sources, contents, opened = [], dict[str, list[Content]](), []
        for item in event["inputs"]:
            batch = self.use(entry, item, first)
            mass = self.drawn(batch, item, first)
            taken, stocks = batch.draw(mass)
            if item.get("final"):
                batch.draw(batch.left)
            sources.append(batch)
            opened.append((batch, mass, stocks))
            for constituent, content in taken.items():
                contents.setdefault(constituent, []).append(content)
        return sources, {name: join(found) for name, found in contents.items()}, opened

    def check_forms(self, kind: str, inputs: list[Batch], outputs: list[Batch]) -> None:
        """No change of form that the rule data does not allow ("Transform", 4)."""
        never = self.policy["never_relabelled"]
        for before in {self.read.material(batch.material)["form"] for batch in inputs}:
            for after in {self.read.material(batch.material)["form"] for batch in outputs}:
                need(after in self.policy["changes"].get(before, ()), f"{before} never becomes {after}")
                relabelled = kind in never["kinds"] and before in never["from"] and after in never["to"]
                need(not relabelled, f"a {kind} never makes {after} of {before}")

    def losses(self, event: Event) -> dict[str, list[Figure]]:
        """The declared losses, by constituent."""
        found: dict[str, list[Figure]] = {}
        for loss in event.get("losses") or ():
            for constituent, quantity in loss["contained"].items():
                found.setdefault(constituent, []).append(self.read.mass(quantity, loss=True))
        return found

    def claims(
        self, made: list[tuple[Batch, Figure, Figure]], measured: list[dict[str, Figure] | None], carried: list[bool], dry_in: int
    ) -> Callable[[str, int], list[Claim]]:
        """What every output claims of a constituent of which so much came in ("Transform", 7)."""
        dry = [batch.dry for batch, _, _ in made]

        def of(constituent: str, entered: int) -> list[Claim]:
            parts, claims = cuts(entered, dry, max(dry_in, sum(dry))), []
            for (batch, gross, moisture), figures, carries, part in zip(made, measured, carried, parts, strict=True):
                if carries:
                    claims.append(Claim(part, None, named=True))
                elif figures is None or constituent not in figures:
                    claims.append(Claim(0, {}, named=figures is None))
                else:
                    assay = figures[constituent]
                    claims.append(Claim(round(batch.dry * assay.value), contained(gross, moisture, assay), named=True))
            return claims

        return of

    def open_inputs(
        self, kind: str, opened: list[tuple[Batch, int, dict[str, Portions]]], pool: dict[str, Content], batches: list[Batch],
        carried: list[bool], known: set[str], claims: Callable[[str, int], list[Claim]], losses: dict[str, list[Figure]], at: list[int],
    ) -> None:  # fmt: skip
        """Scrap that nobody has assayed is carried on, or what it contained is received now ("Transform", 6)."""
        scrap = [(mass, stocks) for _, mass, stocks in opened if stocks]
        whole = sum(mass for mass, _ in scrap)
        need(len({self.read.material(batch.material)["form"] for batch, _, stocks in opened if stocks}) == 1, "open inputs of two forms")
        if kind in self.policy["carrying_kinds"]:
            need(len(scrap) == len(opened) and all(carried), "open scrap with what was assayed")
            dry = [batch.dry for batch in batches]
            for batch, part in zip(batches, cuts(whole, dry, max(whole, sum(dry))), strict=True):
                batch.dry = batch.left = part
                batch.open = {}
            for name in {name for _, stocks in scrap for name in stocks}:
                portions: Portions = {}
                for _, stocks in scrap:
                    add(portions, stocks.get(name, stocks[ANY]))
                stock = Stock(portions)
                for batch in batches:
                    assert batch.open is not None
                    batch.open[name] = Stock(stock.take(batch.dry))
            return
        need(kind in self.policy["deriving_kinds"] and not at, f"a {kind} of scrap that was never assayed, or with a balance")
        for constituent in {*losses, *known}:
            have = pool[constituent].booked.total() if constituent in pool else 0
            wanted = sum(claim.mass for claim in claims(constituent, 0)) + sum(round(loss.value) for loss in losses.get(constituent, ()))
            parts = cuts(max(0, wanted - have), [mass for mass, _ in scrap], whole)
            entered = [
                Content.of(share(part, stocks.get(constituent, stocks[ANY]))) for part, (_, stocks) in zip(parts, scrap, strict=True)
            ]
            pool[constituent] = join([*([pool[constituent]] if constituent in pool else []), *entered])

    def close_all(
        self, event: Event, pool: dict[str, Content], known: set[str], claims: Callable[[str, int], list[Claim]],
        losses: dict[str, list[Figure]], batches: list[Batch], balance: int | None,
    ) -> list[Row]:  # fmt: skip
        """Every constituent in the order of the alphabet, its place fact gained before ("Transform", 7)."""
        rows, fact = [], self.policy["place_of_kind"].get(event["kind"])
        country = self.books.sites[event["site"]]["country"]
        for constituent in sorted({*pool, *losses, *known}):
            mixture = pool.get(constituent, Content.of({}))
            mixture = mixture.renewed(lambda source: source.gained(fact, country) if fact else source)
            claimed = claims(constituent, mixture.booked.total())
            row = self.close(constituent, mixture, claimed, losses.get(constituent, []), batches, balance)
            rows += [row] if row else []
        return rows

    def close(
        self, constituent: str, mixture: Content, claims: list[Claim], losses: list[Figure], batches: list[Batch], balance: int | None
    ) -> Row | None:
        """One constituent ("Closing")."""
        entered, lost = mixture.booked.total(), sum(round(loss.value) for loss in losses)
        claimed = sum(claim.mass for claim in claims)
        residual = entered - claimed - lost
        sets = [mixture.components, *(claim.components or {} for claim in claims), *(loss.times(Fraction(1)) for loss in losses)]
        bound = self.read.bound(*sets)
        need(
            lost - entered <= self.read.bound(mixture.components),
            f"declared losses of {constituent} exceed what came in by {lost - entered} mg",
        )
        need(residual >= -bound, f"{constituent} out exceeds in by {-residual} mg, the bound is {bound} mg")
        if balance is not None:
            claims[balance] = Claim(max(0, residual), together(*sets), named=True)
            residual = min(0, residual)
        if residual > bound and all(claim.named for claim in claims):
            mixture.cautious = Stock(cautiously(mixture.claimable(), residual - bound))
        lost_unseen = 0 if all(claim.named for claim in claims) else max(0, residual)
        masses = [claim.mass for claim in claims]
        takes = masses if residual >= 0 else cuts(entered, masses, sum(masses) + lost)
        for batch, claim, take in zip(batches, claims, takes, strict=True):
            part = mixture.take(take)
            part.gain(claim.mass - take)
            if claim.named:
                components = part_of(mixture.components, claim.mass, mixture.base) if claim.components is None else claim.components
                cautious = None if part.cautious is None else part.cautious.left
                batch.contents[constituent] = Content.of(part.booked.left, cautious, components)
        return Row(constituent, residual, bound, max(0, -residual), lost_unseen) if entered or claimed or lost else None

    # Custody, counts, what leaves and comes back

    def ship(self, entry: Entry, event: Event, first: bool) -> None:
        """The whole of a batch is shipped to a site, or outside."""
        self.at_site(entry, event)
        batch, mass = self.use(entry, event, first), event.get("mass") or {}
        need(mass, f"the mass shipped of {batch.name} is not stated")
        self.moisten(batch, event)
        need(batch.weighed and batch.left > 0, f"batch {batch.name} was not weighed, or is empty")
        if "pieces" in mass:
            need(mass["pieces"] == batch.pieces_left, f"batch {batch.name} has {batch.pieces_left} pieces, not {mass['pieces']}")
        elif first or not event.get("rest"):
            figure = self.read.mass(mass, minimum=False)
            off = abs(round(figure.value) - batch.gross())
            most = 0 if event.get("rest") else self.read.bound(figure.times(Fraction(1)), part_of(batch.mass, batch.left, batch.dry))
            need(off <= most, f"batch {batch.name} is shipped with {off} mg more or less than the books hold, the bound is {most} mg")
        if isinstance(event["to"], dict):
            mass_left = batch.left
            taken, _ = batch.draw(mass_left)
            batch.leave(taken, mass_left)
            batch.status = "delivered"
        else:
            need(event["to"] in self.books.sites or self.books.scope is not None, f"site {event['to']} is not registered")
            batch.status, batch.site = "in_transit", event["to"]

    def accept(self, entry: Entry, event: Event, first: bool) -> None:
        """What is received less than sent by more than the bound is lost in transit."""
        self.at_site(entry, event)
        batch = self.use(entry, event, first, "in_transit")
        need(event["site"] == batch.site, f"batch {batch.name} was sent to {batch.site}")
        received, before = self.read.mass(event["mass"]), batch.moisture
        sent_mass, gross = part_of(batch.mass, batch.left, batch.dry), round(received.value)
        if event.get("difference") is None:
            stated = self.moisten(batch, event)
            dry = round(gross * (1 - batch.moisture))
            sent = {cause: round(u * (1 - before)) for cause, u in sent_mass.items()}
            bound = self.read.bound(received.times(1 - batch.moisture), sent, stated.times(Fraction(gross)))
            if batch.left - dry > bound:
                batch.draw(batch.left - dry)
                batch.rebase(dry)
                batch.mass = received.times(Fraction(1))
        elif gross >= batch.left:
            batch.moisture, batch.mass = 1 - Fraction(batch.left, gross), received.times(Fraction(1))
        else:
            held = sum(content.booked.total() for content in batch.contents.values())
            need(gross >= held, f"batch {batch.name} weighs less than it contains")
            batch.rebase(gross)
            batch.moisture, batch.mass = Fraction(0), received.times(Fraction(1))
        batch.holder, batch.status = entry.party, "held"
        batch.fixed = max(batch.fixed, self.books.fixed_at(entry.position))

    def adjust(self, entry: Entry, event: Event, first: bool) -> None:
        """A count, or water alone."""
        self.at_site(entry, event)
        batch, delta = self.use(entry, event, first), round(self.read.printed(event["mass"], MILLIGRAMS)[0])
        need(delta, "an adjustment by nothing")
        if event.get("kind") == "water":
            gross = batch.gross() + delta
            need(batch.left > 0 and gross >= batch.left, f"batch {batch.name} has not so much water")
            batch.moisture = 1 - Fraction(batch.left, gross)
            return
        stated = event.get("moisture")
        moisture = batch.moisture if stated is None else self.read.moisture(stated).value
        x = round(abs(delta) * (1 - moisture))
        need(x > 0, "an adjustment without a dry mass")
        if delta < 0:
            batch.draw(x)
            need(batch.left >= 0, f"batch {batch.name} is overdrawn")
            if batch.left:
                batch.rebase(batch.left)
            return
        need(batch.open is not None or event.get("assay") is not None, "more was found, and no assay is stated")
        for stock in (batch.open or {}).values():
            add(stock.left, {GAIN: x})
        figures = {} if batch.open is not None else self.read.assay(batch.material, event["assay"])
        for constituent, figure in figures.items():
            content = batch.contents.get(constituent, Content.of({})).renewed()
            content.gain(round(x * figure.value))
            batch.contents[constituent] = Content.of(
                content.booked.left, None if content.cautious is None else content.cautious.left, content.components
            )
        batch.rebase(batch.left + x)

    def dispose(self, entry: Entry, event: Event, first: bool) -> None:
        """A draw that leaves."""
        self.at_site(entry, event)
        batch = self.use(entry, event, first)
        mass = self.drawn(batch, event, first)
        taken, _ = batch.draw(mass)
        batch.leave(taken, mass)
        if event.get("final"):
            batch.draw(batch.left)

    def give_back(self, entry: Entry, event: Event, first: bool) -> None:
        """What went out comes back with its portions ("Custody, counts, what leaves and comes back": return)."""
        of = self.batches.get(event["of"])
        if of is None:
            raise Refused(f"batch {event['of']} is not known")
        need(of.holder == entry.party and of.open is None, f"batch {of.name} is not {entry.party}'s to return, or is open")
        need(event["as"] == "recovered_waste" or of.status == "delivered", f"batch {of.name} is {of.status}")
        batch, gross, moisture = self.make(entry, {**event, "material": of.material}, self.at_site(entry, event))
        batch.moisture = of.moisture if event.get("moisture") is None else moisture.value
        batch.dry = batch.left = x = round(gross.value * (1 - batch.moisture))
        need(0 < x <= of.gone_dry, f"more comes back of {of.name} than went out")
        for constituent, portions in of.gone.items():
            stock = Stock(portions)
            taken = stock.take(sum(portions.values()) * x // of.gone_dry)
            of.gone[constituent] = add({}, stock.left)
            if event["as"] == "distribution_return":
                taken = moved(taken, lambda source: source._replace(feedstock="distribution_return", was=source.was or source.feedstock))
            mass = sum(taken.values())
            scaled = {cause: u * mass // round(gross.value) for cause, u in batch.mass.items()}
            batch.contents[constituent] = Content.of(taken, None, scaled)
        of.gone_dry -= x
        self.descend(batch, [of], entry)
        batch.certificates = set(of.certificates)
        self.keep(batch)

    def certify(self, entry: Entry, event: Event, first: bool) -> None:
        """A certify event consumes the mass of its lots for its kind; all is asked of each ("Certificates": certify)."""
        self.at_site(entry, event)
        lots = [(self.use(entry, item, first), item["mass_mg"]) for item in uses_of(event)]
        kind, number = event["kind"], event["number"]
        letters = "RC" if kind == "recycled-content" else "DO"
        need(number.startswith(f"{entry.party}-{letters}-"), f"number {number} of a {kind} certificate by {entry.party}")
        for lot, mass in lots:
            standing = sorted(other for of, other in lot.certificates if of == kind and self.stands(other, entry.position))
            need(not standing, f"batch {lot.name} carries certificate {standing[:1]} of that kind")
            usable = lot.left > 0 and lot.open is None and lot.weighed and not lot.provisional
            need(usable, f"batch {lot.name} is empty, open, unweighed or provisional")
            holds = mass == lot.gross() if first else mass <= lot.gross()
            need(holds, f"certified of {lot.name}: got {mass} mg, want {lot.gross()} mg")
        for lot, _ in lots:
            lot.certificates = {*lot.certificates, (kind, number)}
        self.holdings[number] = {lot.name: holding(lot) for lot, _ in lots}

    def declare(self, entry: Entry, event: Event, first: bool) -> None:
        """A certificate over lots as they were made, which are not checked again when they are amended ("Certificates": declare)."""
        self.at_site(entry, event)
        kind, number, names, scope = event["kind"], event["number"], event["batches"], self.books.scope
        letters = "RP" if kind == "recycled-content" else "OP"
        need(number.startswith(f"{entry.party}-{letters}-"), f"number {number} of a {kind} declaration by {entry.party}")
        if first and (scope is None or scope.issuperset(names)):
            for name in names:
                self.check_lot(entry, event, name)
            mass = sum(self.as_made[name].gross() for name in names)
            need(event["mass_mg"] == mass, f"declared: got {event['mass_mg']} mg, want {mass} mg")
        for name in names:
            self.declared.setdefault((kind, name), []).append((number, names))
        self.holdings[number] = {name: holding(self.as_made[name]) for name in names if name in self.as_made}

    def check_lot(self, entry: Entry, event: Event, name: str) -> None:
        """A lot is of the model, the plant and the period, no part of another lot, and stands in no other declaration ("Certificates")."""
        lot, kind, period = self.as_made.get(name), event["kind"], event["period"]
        if lot is None or lot.stated is None:
            raise Refused(f"lot {name} is not known, or states no product")
        need(lot.site == event["site"], f"lot {name} was not made at {event['site']}")
        need(lot.stated.get("model") == event["model"], f"lot {name} is not of model {event['model']}")
        need(period["from"] <= lot.time[:10] <= period["to"], f"lot {name} was made on {lot.time[:10]}, outside the period")
        need(lot.open is None and lot.weighed and not lot.provisional, f"lot {name} is open, unweighed or provisional")
        other = sorted(self.upstream(name) & set(event["batches"]))
        need(not other, f"lot {name} was made of {other[:1]}, a lot of the same declaration")
        scope = self.books.scope  # of a declaration with lots outside it nobody can tell here whether it ended
        known = [one for one, lots in self.declared.get((kind, name), ()) if scope is None or scope.issuperset(lots)]
        standing = [number for number in known if self.stands(number, entry.position)]
        need(not standing, f"lot {name} stands in declaration {standing[:1]}")

    def upstream(self, name: str) -> set[str]:
        """All batches reached over edges, without the batch itself."""
        found, rest = set[str](), [name]
        while rest:
            new = self.parents.get(rest.pop(), set()) - found
            found |= new
            rest += new
        return found


Holding = dict[tuple[object, ...], int]


def holding(lot: Batch) -> Holding:
    """What a lot holds, booked and cautious, of which a certificate may claim something ("Certificates": standing, 2)."""
    found: Holding = {}
    for name, content in lot.contents.items():
        for sort, portions in (("booked", content.booked.left), ("cautious", content.claimable())):
            for source, mass in portions.items():
                for held in held_of(source):
                    key = (name, sort, source.places, *held)
                    found[key] = found.get(key, 0) + mass
    return found


def held_of(source: Source) -> list[tuple[object, ...]]:
    """A class that is not unknown, that of it which is documented, that with each answer of yes; and the places alone, one fact known."""
    more: list[object] = [None, *([True] if source.documented else []), *(question for question, yes in source.answers if yes)]
    classed: list[tuple[object, ...]] = [] if source.is_class(UNKNOWN) else [(source.feedstock, one) for one in more]
    return classed + ([()] if any(UNKNOWN not in countries for _, countries in source.places) else [])


def less(before: dict[str, Holding], after: dict[str, Holding]) -> bool:
    """Whether a lot is no longer there, or holds a smaller mass of anything ("Certificates": standing, 2)."""
    return any(lot not in after or any(after[lot].get(key, 0) < mass for key, mass in held.items()) for lot, held in before.items())


RECYCLED = (*CONSUMER, *PRE_CONSUMER)


def cautiously(portions: Portions, excess: int) -> Portions:
    """Portions less an excess, whole sources first of recycled classes, then of many known places ("Closing", 4)."""
    left = dict(portions)
    for source in sorted(left, key=lambda s: (s.feedstock not in RECYCLED, -sum(UNKNOWN not in c for _, c in s.places), s)):
        part = min(excess, left[source])
        left[source] -= part
        excess -= part
    return add({}, left)


def places_of(places: Event | None) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Stated places as sorted pairs."""
    return tuple(sorted((fact, (c,) if isinstance(c, str) else tuple(sorted(c))) for fact, c in (places or {}).items()))


def supplied(event: Event) -> frozenset[str]:
    """The papers and facts that came with a receipt ("Certificates": rules)."""
    names = {"quantity", "date", *(event.get("private") or ()), *(document["kind"] for document in event.get("documents") or ())}
    names |= {"generator"} if event.get("generator") is not None else set()
    collected = (event.get("places") or {}).get("collected_in", UNKNOWN)
    names |= set() if UNKNOWN in ([collected] if isinstance(collected, str) else collected) else {"collection_place"}
    return frozenset(names)


class Books:
    """The books of a log, or of the scope of evidence, with amendments ("Amendments"; "Evidence": partial replay)."""

    def __init__(self, scope: frozenset[str] | None, report: Report, asked: tuple[str, object] = ("", None)) -> None:
        self.scope, self.report, self.asked = scope, report, asked
        self.policy: Event | None = None
        self.entries: list[Entry] = []
        self.at: dict[tuple[str, int], int] = {}
        self.amendments: dict[tuple[str, int], list[tuple[int, Event]]] = {}
        self.makers: dict[str, int] = {}
        self.numbers: dict[int, int] = {}
        self.assays: dict[int, list[Entry]] = {}
        self.determined: dict[str, list[Entry]] = {}
        self.sites: dict[str, Event] = {}
        self.parties: set[str] = set()
        self.record_ids: dict[int, str] = {}
        self.known: set[str] = set()
        self.ends: dict[str, int] = {}
        self.declared: set[str] = set()
        self.found: Figures | None = None
        self.shelf = Shelf({}, self)

    def apply(self, index: int, record: Record, party: str) -> None:
        """Book a record; what amends leads to new books."""
        self.record_ids[index] = record.id
        try:
            for number, event in enumerate(record.events):
                self.apply_event(Entry(index * 256 + number, record.id, party, event), number)
        except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError, AssertionError) as error:
            raise Refused(f"record {index} does not hold: an event is malformed: {error!a}") from error
        except Refused as refusal:
            raise Refused(f"record {index} does not hold: {refusal}") from refusal

    def apply_event(self, entry: Entry, number: int) -> None:
        """Book one event of a record."""
        event, kind = entry.event, entry.event["type"]
        if kind == "genesis":
            self.policy = rule_data(event["policy"]["sha256"])
            need(self.policy is not None, "the rule data that record 0 names is not at hand", Unreadable)
            self.shelf = Shelf(self.policy or {}, self)
        elif kind == "site":
            self.sites[event["site"]["id"]] = event["site"]
        elif kind == "admit":
            self.parties.add(event["party"]["id"])
        elif kind in AMENDING:
            self.amend(entry)
        elif kind in BOOKED | CERTIFYING:
            self.enter(entry, number)

    def enter(self, entry: Entry, number: int) -> None:
        """Keep an event and book it, or book all again where it says how another is to be read."""
        event, kind = entry.event, entry.event["type"]
        if kind in ("certify", "declare") and (self.scope is None or self.scope & batches_in(event)):
            self.known.add(event["number"])
            self.declared.update(event.get("batches") or ())
            self.found = self.figures(event, entry.position) if registers(event, *self.asked) else self.found
        if kind in ("assay", "determine") and not self.may_amend(entry):
            return
        self.at[entry.record_id, number] = self.numbers[entry.position] = len(self.entries)
        self.entries.append(entry)
        self.note_makers(entry.position, event)
        if kind == "assay":
            self.assays.setdefault(self.entries[self.makers[event["batch"]]].position, []).append(entry)
        if kind == "determine":
            self.determined.setdefault(event["of"], []).append(entry)
        if kind in ("assay", "determine"):
            self.book_again(entry)
        else:
            self.book(self.shelf, entry, first=True)

    def may_amend(self, entry: Entry) -> bool:
        """A late assay or an answer is on a batch that is there; of one outside the scope it is passed over."""
        event = entry.event
        name = event["of"] if event["type"] == "determine" else event["batch"]
        if self.scope is not None and name not in self.scope:
            made = self.entries[self.makers[name]].event if name in self.makers else {}
            inside = {item["batch"] for item in made.get("outputs", ())} & self.scope
            need(
                not inside or event["type"] != "assay", f"the scope is not closed: an assay of {name} amends what made {sorted(inside)[:1]}"
            )
            return False
        if event["type"] == "assay":
            self.shelf.at_site(entry, event)
            batch = self.shelf.use(entry, event, first=True)
            maker = self.entries[self.makers[name]].event
            need(maker["type"] in ("receive", "transform"), f"an assay of {name}, which was not received or made")
            self.shelf.read.assay(batch.material, event["assay"])
        else:
            found = self.shelf.batches.get(name)
            holder = found.holder if found else None
            need(entry.party == holder or name.startswith(entry.party + ":"), f"determine of {name} by {entry.party}")
        return True

    def note_makers(self, position: int, event: Event) -> None:
        """Batch numbers are never used again, not even of an event that was voided or corrected since."""
        if event["type"] in ("receive", "return", "transform"):
            for item in event["outputs"] if event["type"] == "transform" else [event]:
                self.makers.setdefault(item["batch"], self.numbers[position])

    def may_make(self, name: str, position: int) -> bool:
        """Whether no other event ever made a batch of that number."""
        return name not in self.makers or self.entries[self.makers[name]].position == position

    def amend(self, entry: Entry) -> None:
        """`correct` and `void` ("Amendments", 2)."""
        event, target = entry.event, (entry.event["of"]["record"], entry.event["of"]["event"])
        if target not in self.at:
            need(self.scope is not None and target[0] not in self.record_ids.values(), f"{event['type']} of what is no event to amend")
            return
        signed = self.entries[self.at[target]]
        need(signed.event["type"] in BOOKED, f"{event['type']} of a {signed.event['type']}")
        need(signed.party == entry.party, f"{event['type']} of an event of {signed.party} by {entry.party}")
        before = self.amendments.setdefault(target, [])
        need(all(item["type"] != "void" for _, item in before), "a void is final")
        if event["type"] == "correct":
            kept = {"receive": ("batch",), "return": ("batch",), "assay": ("batch",), "determine": ("of",)}.get(signed.event["type"], ())
            for name in ("type", *kept):
                if event["event"].get(name) != signed.event[name]:
                    raise differs(f"a correction's {name}", event["event"].get(name), signed.event[name])
            self.note_makers(signed.position, event["event"])
        before.append((entry.position, event))
        self.book_again(entry)

    def reading(self, entry: Entry) -> Event | None:
        """An event as corrected; none where it was voided ("Amendments", 3)."""
        number = entry.position % 256
        event: Event | None = entry.event
        for _, amendment in self.amendments.get((entry.record_id, number), ()):
            event = None if amendment["type"] == "void" else amendment["event"]
        return event

    def late(self, position: int) -> list[tuple[Entry, Event]]:
        """The late assays that amend the event at a position, as they are now read."""
        read = [(entry, self.reading(entry)) for entry in self.assays.get(position, ())]
        return [(entry, event) for entry, event in read if event is not None]

    def amended(self, entry: Entry) -> Event | None:
        """An event as it is now read, late assays merged into it constituent by constituent."""
        event, late = self.reading(entry), self.late(entry.position)
        if event is None or not late:
            return event
        event = json.loads(json.dumps(event))
        for made in event["outputs"] if event["type"] == "transform" else [event]:
            results = [made] if made.get("assay") is not None else []
            results += [read for _, read in late if read["batch"] == made["batch"]]
            ranked = sorted(results, key=lambda item: (bool(item.get("umpire")), not item.get("provisional")))
            if ranked:
                counting = {name: (value, item) for item in ranked for name, value in item["assay"].items()}
                made["assay"] = {name: value for name, (value, _) in counting.items()}
                made["provisional"] = any(item.get("provisional") for _, item in counting.values())
        return event

    def fixed_at(self, position: int) -> int:
        """The position that fixed what an event made ("Amendments", 4)."""
        entry = self.entries[self.numbers[position]]
        amending = [entry, *(assay for assay, _ in self.late(position))]
        positions = [item.position for item in amending]
        for item in amending:
            positions += [at for at, _ in self.amendments.get((item.record_id, item.position % 256), ())]
        return max(positions)

    def answers(self, name: str) -> list[tuple[str, bool]]:
        """The answers given on a batch, in their order."""
        read = [self.reading(entry) for entry in self.determined.get(name, ())]
        return [(event["question"], event["answer"]) for event in read if event is not None]

    def book(self, shelf: Shelf, entry: Entry, first: bool) -> None:
        """One event as it is now read; a partial replay books what names a batch of the scope."""
        event = self.amended(entry)
        if event is not None and (self.scope is None or self.within(shelf, entry, event, first)):
            shelf.book(dataclasses.replace(entry, event=event), first)

    def within(self, shelf: Shelf, entry: Entry, event: Event, first: bool) -> bool:
        """Whether an event is booked whole; a transform with some inputs in the scope only draws ("Evidence": partial replay, 4)."""
        scope = self.scope or frozenset()
        if event["type"] == "withdraw":
            return event["certificate"] in self.known
        if event["type"] != "transform":
            named = batches_in(event)
            need(event["type"] != "return" or self.is_closed(shelf, event, scope), "the scope is not closed: a return")
            open_lots = sorted(named - scope) if event["type"] == "certify" and named & scope else []
            need(not open_lots, f"the scope is not closed: {event.get('number')} is over {open_lots[:1]} as well")
            return bool(named & scope)
        inside = [item for item in event["inputs"] if item["batch"] in scope]
        made = [item["batch"] for item in event["outputs"] if item["batch"] in scope]
        carrying = self.policy is not None and event["kind"] in self.policy["carrying_kinds"]
        certified = [item["batch"] for item in inside if item["batch"] in shelf.batches and shelf.batches[item["batch"]].certificates]
        need(not (carrying and certified and len(made) < len(event["outputs"])), f"the scope is not closed: {certified[:1]} was carried on")
        if len(inside) == len(event["inputs"]):
            return True
        need(not made, f"the scope is not closed: {made[:1]} was made of a batch outside it")
        if inside:
            shelf.at_site(entry, event)
            sources, _, _ = shelf.draw_inputs(entry, {**event, "inputs": inside}, first)
            if not carrying:
                shelf.end(entry, sources)
        return False

    def is_closed(self, shelf: Shelf, event: Event, scope: frozenset[str]) -> bool:
        """Whether a scope holds what a return came of, and what came back of a batch with a certificate ("Evidence": scope, b and d)."""
        of = shelf.batches.get(event["of"])
        carries = event["of"] in scope and of is not None and bool(of.certificates)
        return event["of"] in scope if event["batch"] in scope else not carries

    def book_again(self, by: Entry) -> None:
        """All events again, in the order of positions, as they are now read ("Amendments", 5); what was ended stays so, and what the
        issuer's own amendment draws from under a certificate ends it there ("Certificates": standing, 2)."""
        before, self.shelf = self.shelf.holdings, Shelf(self.policy or {}, self)
        for entry in self.entries:
            self.book(self.shelf, entry, first=False)
        for number, held in before.items():
            if issuer_of(number) == by.party and less(held, self.shelf.holdings.get(number, {})):
                self.end(number, by.position)

    def end(self, number: str, position: int) -> None:
        """A certificate ends for good, at the least position at which any booking found an end ("Certificates": standing)."""
        self.ends[number] = min(position, self.ends.get(number, position))

    def state_of(self, name: str) -> tuple[int | None, list[list[str]]]:
        """The dry mass left of a batch and its certificates, for a state line."""
        batch = self.shelf.batches.get(name)
        return (batch.left, sorted(map(list, batch.certificates))) if batch else (None, [])

    def figures(self, event: Event, position: int) -> Figures | None:
        """The figures of a certificate: its lots as they stand, of a declaration as they were made, added ("Certificates")."""
        declared, names = event["type"] == "declare", lots_of(event)
        batches = self.shelf.as_made if declared else self.shelf.batches
        lots = [batches[name] for name in names if name in batches]
        if len(lots) < len(names) or any(lot.open is not None for lot in lots):
            return None
        row = product_row([lot.product or {} for lot in lots])
        if declared:
            row["batches"] = [{"batch": lot.name, "mass_mg": lot.gross(), "made": lot.time[:10]} for lot in lots]
        sums, steps = self.added(lots, row), frozenset[int]().union(*(lot.steps for lot in lots))
        absorbed = {pair for lot in lots for pair in lot.absorbed if self.shelf.stands(pair[1], position) and not declared}
        return Figures(
            sums, self.sites.get(event["site"] if declared else lots[0].plant), sum(lot.left for lot in lots),
            None if declared else pieces_of(lots), lots[0].assay if len(lots) == 1 and not declared else None, absorbed,
            row if declared or any(lot.product is not None for lot in lots) else None, self.rows_of(steps, sums.booked), self.unseen(steps),
            self.entries_of(frozenset[str]().union(*(lot.entered for lot in lots))), made_sources(lots),
            event["period"] if declared else None,
            [shipment_row(lot) for lot in lots] if len(lots) > 1 and not declared else None,
            None if declared else difference(lots),
        )  # fmt: skip

    def added(self, lots: list[Batch], row: Event) -> Lot:
        """What rules look at of some lots: sums, and what all of them state and have alike ("Certificates": of a declare)."""
        names = sorted({name for lot in lots for name, content in lot.contents.items() if content.booked.total()})
        booked: dict[str, Portions] = {name: {} for name in names}
        cautious: dict[str, Portions] = {name: {} for name in names}
        for lot in lots:
            for name in booked.keys() & lot.contents.keys():
                add(booked[name], lot.contents[name].booked.left)
                add(cautious[name], lot.contents[name].claimable())
        materials = {lot.material for lot in lots}
        material = lots[0].material if len(materials) == 1 else "product"
        product = one_product([lot.product or {} for lot in lots], row)
        answers = alike([self.answers_along(lot.line) for lot in lots])
        given = frozenset.intersection(*(lot.supplied for lot in lots))
        return Lot(booked, cautious, sum(lot.gross() for lot in lots), material, product, answers, given)

    def rows_of(self, steps: Iterable[int], booked: dict[str, Portions]) -> list[tuple[Entry, Row]]:
        """The closings upstream of constituents with mass here; of carrying kinds only with a residual."""
        rows = []
        for position in sorted(self.shelf.rows.keys() & set(steps)):
            entry, found = self.shelf.rows[position]
            carrying = entry.event["kind"] in (self.policy or {})["carrying_kinds"]
            rows += [(entry, row) for row in found if row.constituent in booked and (row.residual or not carrying)]
        return rows

    def unseen(self, steps: Iterable[int]) -> dict[str, int]:
        """The residuals lost upstream that nobody assayed, by constituent."""
        found: dict[str, int] = {}
        for row in (row for position in steps if position in self.shelf.rows for row in self.shelf.rows[position][1]):
            if row.not_assayed:
                found[row.constituent] = found.get(row.constituent, 0) + row.not_assayed
        return found

    def entries_of(self, names: Iterable[str]) -> list[dict[str, set[Source]]]:
        """The sources of batches without an edge into them, as they entered."""
        return [self.shelf.entered[name] for name in sorted(names)]

    def answers_along(self, line: tuple[str, ...]) -> dict[str, bool]:
        """The answers on a batch and on what it was split from, those of the nearer batch first."""
        return {question: answer for one in reversed(line) for question, answer in self.answers(one)}


def made_sources(batches: list[Batch]) -> list[Source]:
    """The sources of batches as made."""
    return [source for batch in batches for content in batch.contents.values() for source in content.booked.made]


def alike(found: list[dict[str, bool]]) -> dict[str, bool]:
    """The answers that all lots have alike."""
    return {question: answer for question, answer in found[0].items() if all(other.get(question) is answer for other in found)}


def pieces_of(lots: list[Batch]) -> int | None:
    """The pieces left of all lots, or null where one has none left ("Certificates")."""
    return sum(lot.pieces_left for lot in lots) if all(lot.pieces_left for lot in lots) else None


def difference(lots: list[Batch]) -> str | None:
    """In what the lots of a shipment do not agree; null where they do ("Certificates": of a certify with lots beside it)."""
    products = [lot.product or {} for lot in lots]
    sets: dict[str, set[Any]] = {"plant": {lot.plant for lot in lots}, "material": {lot.material for lot in lots}}
    sets |= {name: {product.get(name) for product in products} for name in ("model", "category", "condition")}
    return next((name for name, found in sets.items() if len(found) > 1), None)


def stated_of(value: Any) -> Any:
    """A stated value without its fields that are null, and without parts or components of none ("Certificates": the same)."""
    if isinstance(value, list):
        return [stated_of(item) for item in value]
    if not isinstance(value, dict):
        return value
    empty = {name for name, item in value.items() if item is None or (item == [] and name in ("parts", "components"))}
    return {name: stated_of(item) for name, item in value.items() if name not in empty}


def one_product(products: list[Event], row: Event) -> Event:
    """What rules look at of the products of several lots ("Certificates": of a declare)."""
    rest = [stated_of({**product, "parts": None}) for product in products]
    return products[0] if all(other == rest[0] for other in rest) else {name: row[name] for name in ("model", "category", "condition")}


def rule_data(digest: str) -> Event | None:
    """The rule data in force, where its hash is the one that record 0 states."""
    try:
        policy = json.loads(POLICY_FILE.read_bytes())
        return policy if sha256(encode(policy)).hex() == digest else None
    except (OSError, ValueError, Refused):
        return None


# --------------------------------------------------------------------- A certificate's figures


class Figures(NamedTuple):
    """What a certificate states of a batch or of lots, out of the books just before its event."""

    lot: Lot
    plant: Event | None
    dry: int
    pieces: int | None
    assay: Event | None
    absorbed: set[tuple[str, str]]
    product: Event | None
    rows: list[tuple[Entry, Row]]
    not_assayed: dict[str, int]
    entered: list[dict[str, set[Source]]]
    made: list[Source]
    period: Event | None = None
    shipment: list[Event] | None = None
    difference: str | None = None

    @property
    def booked(self) -> dict[str, Portions]:
        """What is booked, by constituent with mass."""
        return self.lot.booked

    @property
    def cautious(self) -> dict[str, Portions]:
        """What is claimable, by constituent with mass."""
        return self.lot.cautious


class Lot(NamedTuple):
    """What rules look at of a batch, and of how it was made ("Certificates": rules)."""

    booked: dict[str, Portions]
    cautious: dict[str, Portions]
    gross: int
    material: str
    product: Event
    answers: dict[str, bool]
    supplied: frozenset[str]


ISSUERS_WORDS = {"customer", "order", "period", "condition", "denominator", "not_checked", "verdicts", "number", "kind"}


def check_figures(credential: Credential, figures: Figures | None, rules: list[Event], report: Report) -> None:
    """Compute `credentialSubject` again; the first field that differs is named with both values ("Certificates", 6)."""
    if figures is None:
        raise Refused("the certificate's batch is not in the books")
    need(figures.difference is None, f"the certificate's lots differ in {figures.difference}")
    if figures.plant is None:
        raise Refused("the plant of the certificate's lots is not registered")
    subject, lot = credential.subject, figures.lot
    wanted = {
        "material": lot.material,
        "mass_mg": lot.gross,
        "pieces": figures.pieces,
        "model": model_of(subject.get("kind"), figures),
        "plant": {"site": figures.plant["id"], "name": figures.plant["name"], "country": figures.plant["country"]},
        "lot_assay": lot_assay(figures),
        "claims": [row for name in figures.booked for row in claims_of(name, figures)],
        "portions": {name: [portion_row(source, mass) for source, mass in sorted(found.items())] for name, found in figures.booked.items()},
        "balance": [balance_row(entry, row) for entry, row in figures.rows[-200:]],
        "evidence_share": {name: evidence_share(name, figures) for name in figures.booked},
        "absorbs": sorted(number for kind, number in figures.absorbed if kind == subject.get("kind")),
        "not_assayed": figures.not_assayed,
    }
    wanted |= {} if figures.product is None else {"product": figures.product}
    wanted |= {} if figures.period is None else {"period": figures.period}
    wanted |= {} if figures.shipment is None else {"shipment": figures.shipment}
    words = ISSUERS_WORDS | ({"batch"} if figures.period is None and figures.shipment is None else set())
    check_fields(subject, "credentialSubject", {*wanted, *words}, {"usmca"})
    for name, want in wanted.items():
        compare(name, subject[name], want)
    condition = (figures.product or {}).get("condition")
    need(subject["condition"] is not None or condition is None, f"the certificate's condition is null, the product states {condition}")
    need(ISSUERS_FORM({name: subject[name] for name in ISSUERS_FORM_NAMES}), "the issuer's words do not have their form")
    supplied = check_usmca(subject)
    check_verdicts(credential, lot._replace(supplied=lot.supplied | supplied), rules, report)


def check_usmca(subject: Event) -> frozenset[str]:
    """A certification of origin under the USMCA: its form and its rules; the names that it supplies ("Certificates": usmca)."""
    if subject.get("usmca") is None:
        return frozenset()
    usmca, rows = subject["usmca"], subject["verdicts"]
    need(subject["kind"] == "domestic-origin", "a certification of origin in a certificate of recycled content")
    need(is_usmca(usmca), "the certification of origin under the USMCA does not have its form")
    verdicts = {row.get("rule"): row.get("verdict") for row in rows if isinstance(row, dict)} if isinstance(rows, list) else {}
    need({"usmca.wo.pb", "usmca.certification"} <= verdicts.keys(), "the rules of the USMCA are not among the verdicts")
    obtained = usmca["origin_criterion"] != "A" or verdicts["usmca.wo.pb"] == PASS
    need(obtained, f"criterion A, and usmca.wo.pb is {verdicts['usmca.wo.pb']}")
    return frozenset(USMCA_ELEMENTS)


def compare(what: str, got: Any, want: Any) -> None:
    """A field of a certificate and the same field computed again; of a list the first row that differs."""
    if isinstance(got, list) and isinstance(want, list) and len(got) == len(want):
        for at, (one, other) in enumerate(zip(got, want, strict=True)):
            if one != other:
                raise differs(f"the certificate's {what}, row {at}", one, other)
    if isinstance(got, dict) and isinstance(want, dict) and got.keys() == want.keys():
        for name in got:
            compare(f"{what} {name}", got[name], want[name])
    if got != want:
        raise differs(f"the certificate's {what}", got, want)


def product_row(products: list[Event]) -> Event:
    """The product as a certificate states it: equal parts are added, in the order of their names, and rounded to milligrams."""
    masses: dict[tuple[str, str], Fraction] = {}
    for part in (part for product in products for part in product.get("parts") or ()):
        key = (part["part"], part.get("material") or "")
        masses[key] = masses.get(key, Fraction(0)) + Fraction(part["mass"]["value"]) * MILLIGRAMS[part["mass"]["unit"]]
    parts = [{"part": name, "material": material or None, "mass_mg": round(mass)} for (name, material), mass in sorted(masses.items())]
    row: Event = {"parts": parts}
    for name in ("model", "category", "condition"):
        stated = {product.get(name) for product in products}
        row[name] = stated.pop() if len(stated) == 1 else None
    return row


def shipment_row(lot: Batch) -> Event:
    """One lot of a shipment as a certificate states it."""
    return {"batch": lot.name, "material": lot.material, "mass_mg": lot.gross()}


def portion_row(source: Source, mass: int) -> Event:
    """One portion as a certificate states it."""
    places = {fact: list(countries) for fact, countries in source.places}
    row: Event = {"documented": source.documented, "feedstock": source.feedstock, "mass_mg": mass, "places": places}
    row |= {"was": source.was} if source.was else {}
    return row | ({"determined": dict(source.answers)} if source.answers else {})


def balance_row(entry: Entry, row: Row) -> Event:
    """One closing as a certificate states it."""
    figures = {"residual_mg": row.residual, "bound_mg": row.bound, "unknown_mg": row.unknown, "constituent": row.constituent}
    return {"record": entry.record_id, "site": entry.event["site"], "kind": entry.event["kind"], **figures}


def percent(part: int, whole: int, places: int = 2) -> str:
    """The fraction in percent, floored to so many decimals, 0.00 of nothing ("Certificates")."""
    scale = 10**places
    units = 100 * scale * part // whole if whole else 0
    return f"{units // scale}.{units % scale:0{places}d}"


def lot_assay(figures: Figures) -> Event:
    """The assay as now read, or each contained mass of the dry mass left."""
    if figures.assay is not None:
        return figures.assay
    masses = {name: sum(portions.values()) for name, portions in figures.booked.items()}
    return {name: {"value": percent(mass, figures.dry, 4), "unit": "%", "method": "computed"} for name, mass in masses.items()}


def lower(figures: Figures | Lot, name: str, chosen: Callable[[Source], bool], *, higher: bool = False) -> tuple[int, int]:
    """A figure, the lower of booked and cautious or the higher, and the booked one."""
    booked, cautious = (sum(mass for s, mass in of[name].items() if chosen(s)) for of in (figures.booked, figures.cautious))
    return (max if higher else min)(booked, cautious), booked


def evidence_share(name: str, figures: Figures) -> Event:
    """How much of a constituent a document stands behind."""
    mass, whole = lower(figures, name, lambda source: source.documented)[0], sum(figures.booked[name].values())
    return {"mass_mg": mass, "of_mg": whole, "percent": percent(mass, whole)}


def both(*parts: tuple[int, int]) -> tuple[int, int]:
    """A sum adds its parts' figures."""
    return sum(part[0] for part in parts), sum(part[1] for part in parts)


def claims_of(name: str, figures: Figures) -> list[Event]:
    """The claims of one constituent, in their order ("Certificates": claims)."""
    found = {c: lower(figures, name, functools.partial(Source.is_class, feedstock=c), higher=c == UNKNOWN) for c in CLASSES}
    yes = ("not_reclaimable_in_generating_process", True)
    internal = lower(figures, name, lambda s: s.feedstock == "pre_consumer_internal" and yes in s.answers)
    found["post_consumer"] = both(*(found[c] for c in CONSUMER))
    found["pre_consumer"] = both(found["pre_consumer_external"], internal)
    found["recycled_content"] = both(found["post_consumer"], found["pre_consumer"])
    found["recovered_from_waste"] = both(*(found[c] for c in (*CONSUMER, *PRE_CONSUMER)))
    sources = {*figures.booked[name], *figures.cautious[name]}
    for fact in FACTS:
        if fact in ("collected_in", "smelted_in", "refined_in") or any(fact in dict(source.places) for source in sources):
            for one in sorted({source.countries(fact) for source in sources}):
                same = functools.partial(Source.is_of, fact=fact, countries=one)
                found[f"{fact}:{one}"] = lower(figures, name, same, higher=one == UNKNOWN)
    whole, rows = sum(figures.booked[name].values()), []
    for characteristic, (mass, booked) in found.items():
        row = {"characteristic": characteristic, "constituent": name, "mass_mg": mass, "of_mg": whole, "percent": percent(mass, whole)}
        rows.append(row | ({"booked_mg": booked} if booked != mass else {}))
    return rows


def model_of(kind: object, figures: Figures) -> str:
    """The custody model, of the sources as they entered and as they are in the product ("Certificates": model)."""
    entries = [[s for c in figures.booked for s in stocks.get(c, stocks.get(ANY, ()))] for stocks in figures.entered]
    entries = [sources for sources in entries if sources]
    by_class = kind == "recycled-content"
    of = (lambda s: s.feedstock) if by_class else (lambda s: s.places)
    seen = [source for sources in entries for source in sources]
    if len({of(source) for source in seen}) != 1 or len({of(source) for source in figures.made}) != 1:
        return "controlled_blending"
    if len(entries) == 1:
        return "identity_preserved"
    everything = [*seen, *figures.made]
    known = all(s.feedstock != UNKNOWN if by_class else s.places and all(UNKNOWN not in c for _, c in s.places) for s in everything)
    return "segregated" if known else "controlled_blending"


# ------------------------------------------------------------------------- Verdicts

RULES_FOLDER = POLICY_FILE.parent / "rules"
NO_METALS = {"H", "He", "B", "C", "N", "O", "F", "Ne", "Si", "P", "S", "Cl", "Ar", "Se", "Br", "Kr", "I", "Xe"}
PASS, FAIL, OPEN = "PASS", "FAIL", "INDETERMINATE"


class Standing(NamedTuple):
    """How a source stands before a rule, with its detail and by what weight ("Certificates": rules, 2 and 3)."""

    word: str
    detail: tuple[str, ...] = ()
    weight: Fraction = Fraction(100)


def worst(verdicts: Iterable[str]) -> str:
    """FAIL where anything fails, else INDETERMINATE where anything is, else PASS."""
    found = set(verdicts)
    return FAIL if FAIL in found else OPEN if OPEN in found else PASS


def agreed(holds: Iterable[bool]) -> str:
    """PASS where all hold, FAIL where none does, else INDETERMINATE."""
    found = set(holds)
    return PASS if found == {True} else FAIL if found == {False} else OPEN


def said(answer: bool | None) -> str:
    """A yes or no; nothing said is INDETERMINATE."""
    return OPEN if answer is None else PASS if answer else FAIL


def begun(spans: list[Event], day: date) -> Event:
    """The last begun on the day; before the first, the first ("Certificates": rules)."""
    on = [span for span in spans if span.get("from") is None or date.fromisoformat(span["from"]) <= day]
    return (on or spans[:1])[-1]


def reaches(operator: str, part: Fraction, asked: Fraction) -> bool:
    """Whether a part is as much as is asked."""
    return {">=": part >= asked, ">": part > asked, "==": part == asked}[operator]


class Case:
    """A lot judged by a rule on a day ("Certificates": rules)."""

    def __init__(self, rule: Event, lot: Lot, day: date) -> None:
        self.rule, self.lot, self.day = rule, lot, day
        self.operator: str = rule["operator"]
        self.countries, self.excluded = self.listed("countries"), self.listed("excluded")
        facts, threshold = self.listed("facts"), rule.get("threshold")
        self.facts: list[str] = begun(facts, day)["facts"] if facts and isinstance(facts[0], dict) else facts
        self.threshold: Any = begun(threshold, day)["percent"] if isinstance(threshold, list) else threshold
        self.covered = self.covers()

    def listed(self, key: str) -> list[Any]:
        """A list of the rule; a key that it does not have is as []."""
        return self.rule.get(key) or []

    def asked_for(self, country: str) -> bool:
        """In `countries`, or, where `excluded` is not empty, not in that."""
        return country in self.countries or (bool(self.excluded) and country not in self.excluded)

    def covers(self) -> list[str]:
        """The constituents that the rule covers; none where it does not apply (1)."""
        names, elements = [name for name, portions in self.lot.booked.items() if any(portions.values())], set(self.listed("elements"))
        elements |= set(names) if "ALL" in elements else set()
        if self.rule["covers"] == "elements":
            names = [name for name in names if name in elements]
        elif self.rule["covers"] == "metals":
            names = [name for name in names if name not in NO_METALS and not name[1:2].isupper()]
        else:
            need(self.rule["covers"] == "all", f"a rule that covers {self.rule['covers']!a}")
        category, categories = self.lot.product.get("category"), self.listed("categories")
        elsewhere = bool(self.rule.get("only_products")) and self.lot.material not in self.listed("products")
        elsewhere |= bool(categories) and category is not None and category not in categories
        return names if elements.intersection(names) and not elsewhere else []

    def is_met(self, term: Event, places: dict[str, tuple[str, ...]]) -> bool:
        """Whether a term has no `origin`, or all countries of one of those facts are known and asked for (2)."""
        origin = term.get("origin") or []
        return not origin or any(all(one != UNKNOWN and self.asked_for(one) for one in places.get(fact, (UNKNOWN,))) for fact in origin)

    def standing(self, source: Source) -> Standing:
        """How a source stands (2 and 3)."""
        places, facts = dict(source.places), self.facts
        if self.operator == "flag":
            return Standing("counts" if any(one in self.countries for fact in facts for one in places.get(fact, ())) else "not counted")
        terms = [term for term in self.listed("numerator") if term.get("classes") is None or source.feedstock in term["classes"]]
        if not terms:
            return Standing(UNKNOWN if source.feedstock == UNKNOWN else "not counted")
        met = [term for term in terms if self.is_met(term, places)]
        looked = {*facts, *(fact for term in terms for fact in (() if met else term.get("origin") or ()))}
        foreign = {f"{fact} {c}" for fact in looked for c in places.get(fact, ()) if c != UNKNOWN and not self.asked_for(c)}
        if foreign:
            return Standing("foreign", tuple(sorted(foreign)))
        unplaced = bool(facts) and not any(fact in places for fact in facts) and not any(term.get("origin") for term in met)
        if not met or source.feedstock == UNKNOWN or any(UNKNOWN in places.get(fact, ()) for fact in facts) or unplaced:
            return Standing(UNKNOWN)
        return self.answered(met, dict(source.answers))

    def answered(self, met: list[Event], given: dict[str, bool]) -> Standing:
        """How a source stands whose terms are met, by the answers that travel with it (2)."""

        def weight(terms: list[Event]) -> Fraction:
            return max(Fraction(term.get("weight") or 100) for term in terms)

        yes = [term for term in met if term.get("question") is None or given.get(term["question"])]
        missing = [term for term in met if term.get("question") is not None and term["question"] not in given]
        if yes:
            return Standing("counts", (), weight(yes))
        if missing:
            return Standing("open", tuple(sorted({term["question"] for term in missing})), weight(missing))
        return Standing("not counted")

    def grouped(self, stocks: dict[str, Portions]) -> dict[tuple[str, str, Standing], int]:
        """Masses by constituent, class, standing, detail and weight (4)."""
        found: dict[tuple[str, str, Standing], int] = {}
        for name in self.covered:
            for source, mass in stocks[name].items():
                group = (name, source.feedstock, self.standing(source))
                found[group] = found.get(group, 0) + mass
        return found

    def shares(self) -> tuple[int, int, int]:
        """What counts, that with what is open, and the whole (4)."""
        booked, cautious = self.grouped(self.lot.booked), self.grouped(self.lot.cautious)
        sums = {"counts": Fraction(0), "open": Fraction(0)}
        for group, mass in booked.items():
            if group[2].word in sums:
                sums[group[2].word] += min(mass, cautious.get(group, 0)) * group[2].weight / 100
        whole = sum(sum(self.lot.booked[name].values()) for name in self.covered)
        whole = max(whole, self.lot.gross) if self.rule["denominator"] == "product" else whole
        if self.rule.get("home_scrap") == "net_out":
            is_home = functools.partial(Source.is_class, feedstock="home_scrap")
            whole -= sum(lower(self.lot, name, is_home)[0] for name in self.covered)
        return math.floor(sums["counts"]), math.floor(sums["counts"] + sums["open"]), whole

    def holds(self, mass: int, whole: int) -> bool:
        """Whether a mass is as much of the whole as the rule asks (5)."""
        if self.operator == "report" or not whole:
            return mass > 0
        if self.operator in ("all_in", "all_present"):
            return mass == whole
        return reaches(self.operator, Fraction(mass), Fraction(self.threshold) * whole / 100)

    def of_mass(self) -> str:
        """`mass_share` and `set_membership`; by their operators also `flag` and `qualitative` (5)."""
        if self.operator in ("flag", "qualitative"):
            return self.of_flag() if self.operator == "flag" else self.of_quality()
        low, high, whole = self.shares()
        return agreed(self.holds(mass, whole) for mass in (low, high))

    def of_flag(self) -> str:
        """`flag`: whether anything is flagged in either stock (5)."""
        groups = [*self.grouped(self.lot.booked).items(), *self.grouped(self.lot.cautious).items()]
        return FAIL if any(mass and group[2].word == "counts" for group, mass in groups) else PASS

    def of_quality(self) -> str:
        """`qualitative`: a decisive foreign place, an answer, or the whole (5)."""
        foreign = [group[2].detail for stock in (self.lot.booked, self.lot.cautious) for group in self.grouped(stock)]
        decisive = self.listed("decisive")
        if any(pair.split(" ")[0] in decisive for pairs in foreign for pair in pairs if " " in pair):
            return FAIL
        if self.rule.get("question") in self.lot.answers:
            return said(self.lot.answers[self.rule["question"]])
        low, _, whole = self.shares()
        return PASS if low == whole else OPEN

    def component(self, component: Event) -> str | None:
        """Whether a component counts, is open, or neither; none where it is left out (5: `cost_share`)."""
        asked = self.rule["components"]
        cell = component.get("functional_cell")
        if asked.get("only") is not None and cell is not True:
            return "open" if cell is None else None
        if asked["by"] == "place":
            made_in = component.get("made_in")
            counts = None if made_in is None else made_in in self.countries
            counts = True if asked.get("nonavailable") and component.get("nonavailable") else counts
        else:
            screened = component.get("screened")
            counts = None if screened is None else asked["entity"] not in screened
        return "open" if counts is None else "counts" if counts else "not counted"

    def of_cost(self) -> str:
        """`cost_share` (5)."""
        components = self.lot.product.get("components") or []
        if not components:
            return OPEN
        if self.rule.get("off_the_shelf_waives") and self.lot.product.get("off_the_shelf"):
            return PASS
        sums = {"counts": Fraction(0), "open": Fraction(0), "not counted": Fraction(0)}
        for component in components:
            word = self.component(component)
            if word is not None:
                sums[word] += Fraction(component["cost"])
        whole = sum(sums.values())
        asked = Fraction(self.threshold) * whole / 100
        return agreed(whole > 0 and reaches(self.operator, cost, asked) for cost in (sums["counts"], sums["counts"] + sums["open"]))

    def of_value(self) -> str:
        """`value_share`: any method that passes (5)."""
        value, found = self.lot.product.get("value") or {}, set()
        for method in self.listed("methods"):
            whole, less = value.get(method["whole"]), value.get(method["less"])
            if whole is None or less is None:
                found.add(OPEN)
            else:
                part, asked = max(Fraction(whole) - Fraction(less), Fraction(0)), Fraction(method["percent"]) * Fraction(whole) / 100
                found.add(said(Fraction(whole) > 0 and reaches(self.operator, part, asked)))
        return PASS if PASS in found else OPEN if OPEN in found else FAIL

    def of_limits(self) -> str:
        """`limits`: every fact is as great as is asked (5)."""
        found = []
        for limit in self.listed("limits"):
            fact, per = self.lot.product.get(limit["fact"]), limit.get("per")
            other = "1" if per is None else self.lot.product.get(per)
            if fact is None or other is None:
                found.append(OPEN)
            else:
                found.append(said(Fraction(other) > 0 and Fraction(fact) >= Fraction(limit["least"]) * Fraction(other)))
        return worst(found)

    def of_completeness(self) -> str:
        """`completeness`: all fields are supplied, or none is (5)."""
        there = [name in self.lot.supplied for name in self.listed("fields")]
        return PASS if all(there) else FAIL if any(there) else OPEN

    def condition(self, condition: Event) -> str:
        """One of the `conditions` (6)."""
        if condition.get("question") is not None:
            return said(self.lot.answers.get(condition["question"]))
        if condition.get("screened") is not None:
            screened = self.lot.product.get(condition["screened"])
            return OPEN if screened is None else said(condition["entity"] not in screened)
        sources = [source for portions in self.lot.booked.values() for source, mass in portions.items() if mass]
        countries = {one for source in sources for one in dict(source.places).get(condition["place"], ())}
        if any(one != UNKNOWN and not self.asked_for(one) for one in countries):
            return FAIL
        return OPEN if not countries or UNKNOWN in countries else PASS

    def would_be(self) -> str:
        """What the figure, the conditions and what is missing come to, whatever the day (5 to 7)."""
        measures = {
            "mass_share": self.of_mass,
            "set_membership": self.of_mass,
            "flag": self.of_mass,
            "qualitative": self.of_mass,
            "cost_share": self.of_cost,
            "value_share": self.of_value,
            "limits": self.of_limits,
            "completeness": self.of_completeness,
        }
        missing = [OPEN] if self.listed("missing") else []
        return worst([measures[self.rule["measure"]](), *map(self.condition, self.listed("conditions")), *missing])


def verdict_of(rule: Event, lot: Lot, day: date) -> tuple[str, str]:
    """The verdict and what it would be ("Certificates": rules, 1, 7 and 8)."""
    case = Case(rule, lot, day)
    if not case.covered:
        return "NOT_APPLICABLE", "NOT_APPLICABLE"
    would_be, status = case.would_be(), rule["status"]
    begins, ends = (rule.get(name) and date.fromisoformat(rule[name]) for name in ("effective_from", "effective_to"))
    if status == "proposed" or rule.get("awaits") is not None or (begins and day < begins):
        return "NOT_YET_IN_FORCE", would_be
    if (ends and day > ends) or (not ends and status == "ended"):
        return "EXPIRED", would_be
    return would_be, would_be


def own_rules() -> dict[str, Event]:
    """The rules of the verifier's own, by id."""
    rules = [json.loads(file.read_bytes()) for file in sorted(RULES_FOLDER.glob("*.json"))]
    return {rule["id"]: rule for rule in rules}


def check_rules(evidence: Evidence, credential: Credential | None, report: Report) -> None:
    """Every rule of the evidence is quoted, and none is another text of a rule of the verifier's own ("Evidence")."""
    own = own_rules()
    if credential is None:
        need(evidence.subject == "certificate" or not evidence.rules, "rules in evidence about a key")
        return
    rows = credential.subject.get("verdicts")
    quoted = [(row.get("rule"), row.get("rule_sha256")) for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    for rule in evidence.rules:
        need((rule["id"], sha256(encode(rule)).hex()) in quoted, f"rule {rule['id']!a} of the evidence is not quoted by the certificate")
        known = own.get(rule["id"])
        if known is None or known["version"] != rule["version"]:
            report.say(f"rule {rule['id']!a} version {rule['version']!a} is none of the verifier's own")
        elif known != rule:
            raise Refused(f"rule {rule['id']} of the evidence is another text than the verifier's own of version {rule['version']}")


def check_verdicts(credential: Credential, lot: Lot, rules: list[Event], report: Report) -> None:
    """Every verdict is reproduced by the rule of its id; reasons are not compared ("Certificates": rules)."""
    known = own_rules() | {rule["id"]: rule for rule in rules}
    written = str(credential.body.get("validFrom"))[:10]
    need(is_date(written), "the credential's validFrom is no time")
    need(credential.subject["verdicts"], "a certificate without a verdict")
    fields_there = {"rule", "rule_version", "rule_sha256", "title", "citation", "verdict", "would_be", "reasons", "as_of"}
    for row in credential.subject["verdicts"]:
        need(isinstance(row, dict), "a verdict that is no object")
        check_fields(row, "a verdict", fields_there)
        rule = known.get(row["rule"]) if isinstance(row["rule"], str) else None
        if rule is None:
            raise Refused(f"rule {row['rule']!a} is not at hand")
        try:
            verdict, would_be = verdict_of(rule, lot, date.fromisoformat(written))
        except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError) as error:
            raise Refused(f"rule {rule['id']} is malformed: {error!a}") from error
        want = {"rule_version": rule["version"], "rule_sha256": sha256(encode(rule)).hex(), "title": rule.get("title")}
        want |= {"citation": rule.get("citation"), "as_of": written, "verdict": verdict, "would_be": would_be}
        need(SENTENCES(row["reasons"]), f"reasons by rule {rule['id']} that are no sentences")
        for name, value in want.items():
            compare(f"{name} by rule {rule['id']}", row[name], value)
    report.say(f"{len(credential.subject['verdicts'])} verdicts by rules")


# -------------------------------------------------------------------- Forms of events

Check = Callable[[Any], bool]
COUNTRY_CODES = """
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW
BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI
FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN
IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME
MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF
PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV
SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE
YT ZA ZM ZW"""
COUNTRIES = {*COUNTRY_CODES.split(), UNKNOWN}
FACT_NAMES = """collected_in generated_in mined_in broken_in smelted_in refined_in
alloyed_in oxide_made_in component_made_in assembled_in formed_charged_in"""
FACTS = FACT_NAMES.split()


def grammar(pattern: str) -> Check:
    """Text that matches as a whole."""
    compiled = re.compile(f"(?:{pattern})\\Z", re.ASCII)
    return lambda value: isinstance(value, str) and compiled.match(value) is not None


def one_of(words: str) -> Check:
    """One of some words."""
    return lambda value: isinstance(value, str) and value in words.split()


def whole(low: int, high: int) -> Check:
    """An integer in a range."""
    return lambda value: is_count(value) and low <= value <= high


def listed(check: Check, low: int, high: int) -> Check:
    """A list of so many."""
    return lambda value: isinstance(value, list) and low <= len(value) <= high and all(map(check, value))


def mapped(key: Check, check: Check, low: int, high: int) -> Check:
    """An object from one sort of key to one sort of value."""
    return lambda v: isinstance(v, dict) and low <= len(v) <= high and all(key(name) and check(item) for name, item in v.items())


def fields(**checks: Check) -> Check:
    """An object with these fields and no others; `_o` at the end marks `?`, `_d` marks a default."""

    def holds(value: Any) -> bool:
        if not isinstance(value, dict):
            return False
        left = dict(value)
        for name, check in checks.items():
            plain = name[:-2] if name.endswith(("_o", "_d")) else name
            if plain not in left:
                if plain == name:
                    return False
                continue
            item = left.pop(plain)
            if not (check(item) or (item is None and name.endswith("_o"))):
                return False
        return not left

    return holds


def either(*checks: Check) -> Check:
    """Any of some forms."""
    return lambda value: any(check(value) for check in checks)


def human(most: int) -> Check:
    """Text that people read, of 1 to so many code points ("Names")."""

    def holds(value: Any) -> bool:
        return isinstance(value, str) and 1 <= len(value) <= most and name_fault(value) is None

    return holds


def is_time(value: Any) -> bool:
    """A time that exists, with at most six digits of a second."""
    try:
        return isinstance(value, str) and bool(TIME.match(value)) and datetime.fromisoformat(value) is not None
    except ValueError:
        return False


def is_date(value: Any) -> bool:
    """A day that exists."""
    try:
        return bool(grammar(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")(value)) and date.fromisoformat(value) is not None
    except ValueError:
        return False


def is_amendable(event: Any) -> bool:
    """Whether it is an event that a `correct` may hold."""
    return isinstance(event, dict) and str(event.get("type")) in BOOKED and is_event(event)


def exactly(*values: object) -> Check:
    """One of some values, spaces and all."""
    return lambda value: (value is None or isinstance(value, str)) and value in values


def is_blanket(value: Any) -> bool:
    """Days of at most twelve months (`schemas/usmca.py`)."""
    if not fields(**{"from": is_date, "to": is_date})(value):
        return False
    first, last = date.fromisoformat(value["from"]), date.fromisoformat(value["to"])
    return first <= last and (last.year, last.month, last.day) < (first.year + 1, first.month, first.day)


def is_usmca(value: Any) -> bool:
    """A certification of origin; a blanket period, or the invoice of a single shipment (`schemas/usmca.py`)."""
    return USMCA(value) and (value["blanket_period"] is not None or value["goods"].get("invoice") is not None)


def ascending(value: Any) -> bool:
    """1 to 1,000 batches, ascending."""
    return listed(BATCH, 1, 1000)(value) and all(one < other for one, other in itertools.pairwise(value))


def is_certify(event: Any) -> bool:
    """A `certify`, whose lots ascend from the event's own batch on ("Events")."""
    return CERTIFY(event) and ascending(lots_of(event))


PARTY_PATTERN = r"[a-z0-9][a-z0-9-]{1,38}"
PARTY_FORM: Check = lambda value: grammar(PARTY_PATTERN)(value) and value not in NO_PARTIES  # noqa: E731
SITE, BATCH = grammar(PARTY_PATTERN + r":[a-z0-9][a-z0-9._-]{0,63}"), grammar(PARTY_PATTERN + r":[A-Za-z0-9._-]{1,64}")
KEY, HASH = grammar(PARTY_PATTERN + r"/[A-Za-z0-9._-]{1,64}"), grammar(r"[0-9a-f]{64}")
TOKEN, NUMBER = grammar(r"[A-Za-z0-9][A-Za-z0-9 ._:/#-]{0,63}"), grammar(PARTY_PATTERN + r"-(?:RC|DO|RP|OP)-[0-9]{4,9}")
VKEY, BASE64 = grammar(r"[^+]{1,128}\+[0-9a-f]{8}\+[A-Za-z0-9+/]+={0,2}"), grammar(r"(?=.{4,2000}\Z)[A-Za-z0-9+/]+={0,2}")
DECIMAL_FORM, SIGNED_FORM = grammar(r"[0-9]{1,15}(\.[0-9]{1,12})?"), grammar(r"-?[0-9]{1,15}(\.[0-9]{1,12})?")
CONSTITUENT, COUNTRY = grammar(r"[A-Z][a-z]?|[A-Z]{2,6}"), lambda value: isinstance(value, str) and value in COUNTRIES
FLAG, MASS_UNIT, PART_UNIT = lambda value: isinstance(value, bool), one_of("kg g t lb short_ton long_ton"), one_of("% ppm 1")
SEALED, PIECES, CLASS = fields(sealed=HASH), whole(1, MAX_INTEGER), one_of(" ".join(CLASSES))
QUANTITY = fields(value=DECIMAL_FORM, unit=MASS_UNIT, u_o=DECIMAL_FORM, device_o=TOKEN, method_o=TOKEN)
SIGNED_QUANTITY = fields(value=SIGNED_FORM, unit=MASS_UNIT, u_o=DECIMAL_FORM, device_o=TOKEN, method_o=TOKEN)
DRAWN = either(QUANTITY, fields(pieces=PIECES))
PROPORTION = fields(value=DECIMAL_FORM, unit=PART_UNIT, u_o=DECIMAL_FORM, method_o=TOKEN)
ASSAY = mapped(CONSTITUENT, either(PROPORTION, fields(below=DECIMAL_FORM, unit=PART_UNIT, method_o=TOKEN)), 0, 40)
PLACES = mapped(one_of(FACT_NAMES), either(COUNTRY, lambda v: listed(COUNTRY, 1, 20)(v) and len(set(v)) == len(v)), 0, 11)
SHARE = fields(feedstock=CLASS, places_d=PLACES, share=PROPORTION, constituent_o=CONSTITUENT)
GENERATOR = fields(party_o=PARTY_FORM, name_o=either(human(120), SEALED), process=TOKEN)
SERIALS = listed(listed(TOKEN, 2, 2), 0, 100)
DOCUMENT = fields(kind=TOKEN, sha256=HASH, number_o=SEALED, date_o=is_date, issuer_o=human(200))
ROLES = listed(TOKEN, 0, 12)
PARTY_FACTS = fields(id=PARTY_FORM, name=human(120), country=COUNTRY, roles_d=ROLES, identifiers_d=mapped(TOKEN, human(200), 0, 20))
CAPACITY = fields(value=DECIMAL_FORM, unit=MASS_UNIT, per=one_of("year month day"))
SITE_FACTS = fields(
    id=SITE, party=PARTY_FORM, name=human(120), country=COUNTRY, roles_d=ROLES, subdivision_o=grammar(r"[A-Z]{2}-[A-Z0-9]{1,3}"),
    latitude_o=SIGNED_FORM, longitude_o=SIGNED_FORM, capacity_o=CAPACITY,
)  # fmt: skip
SCREENED = listed(TOKEN, 0, 20)
PART = fields(part=one_of("grid strap post paste plate case separator electrolyte other"), material_o=TOKEN, mass=QUANTITY)
COMPONENT = fields(
    name=human(200), cost=DECIMAL_FORM, made_in_o=COUNTRY, nonavailable_o=FLAG, functional_cell_o=FLAG, screened_o=SCREENED,
)  # fmt: skip
COMPONENTS: Check = lambda v: listed(COMPONENT, 0, 200)(v) and len({item["name"] for item in v}) == len(v)  # noqa: E731
VALUE = fields(transaction_o=DECIMAL_FORM, net_cost_o=DECIMAL_FORM, non_originating_o=DECIMAL_FORM, foreign_parts_o=DECIMAL_FORM)
PRODUCT = fields(
    model_o=human(200), category_o=one_of("sli ev lmt industrial portable other"), condition_o=one_of("wet dry undrained"),
    parts_d=listed(PART, 0, 40), components_d=COMPONENTS, value_o=VALUE, energy_wh_o=DECIMAL_FORM, volume_l_o=DECIMAL_FORM,
    off_the_shelf_o=FLAG, assembler_screened_o=SCREENED, licensor_screened_o=SCREENED, operators_screened_o=SCREENED,
)  # fmt: skip
DAYS = fields(**{"from": is_date, "to": is_date})
SENTENCES: Check = lambda v: isinstance(v, list) and all(isinstance(item, str) for item in v)  # noqa: E731
ISSUERS_FORM_NAMES = ("customer", "order", "period", "condition", "denominator", "not_checked")
ISSUERS_FORM = fields(
    customer=human(120), order=either(human(200), exactly(None)), period=either(DAYS, exactly(None)),
    condition=either(one_of("wet dry undrained"), exactly(None)), denominator=lambda v: isinstance(v, str), not_checked=SENTENCES,
)  # fmt: skip
CONTACT = fields(name=human(200), title_o=human(200), address=human(200), country=COUNTRY, phone=human(200), email=human(200))
CERTIFIER: Check = lambda v: CONTACT(v) and v.get("title") is not None  # noqa: E731
USMCA_NAMES = """certifier_capacity certifier exporter producer importer goods origin_criterion blanket_period
authorized_signature"""
USMCA_ELEMENTS = USMCA_NAMES.split()
USMCA = fields(
    language_d=one_of("en es fr"), certifier_capacity=one_of("importer exporter producer"), certifier=CERTIFIER,
    exporter=either(CONTACT, exactly("same as certifier")),
    producer=either(CONTACT, exactly("same as certifier", "various", "available upon request by the importing authorities")),
    importer=either(CONTACT, exactly("unknown", "same as certifier")),
    goods=fields(description=human(200), hs=grammar(r"[0-9]{4}\.[0-9]{2}"), invoice_o=human(200)), origin_criterion=one_of("A B C D"),
    blanket_period=either(is_blanket, exactly(None)), authorized_signature=fields(name=human(200), title=human(200)),
)  # fmt: skip
KINDS = one_of("break desulfurise smelt refine alloy cast oxide paste grid assemble form blend split merge rework")
INPUT = fields(batch=BATCH, made_by_o=HASH, mass_o=DRAWN, moisture_o=PROPORTION, rest_d=FLAG, final_d=FLAG)
OUTPUT = fields(
    batch=BATCH, material=TOKEN, mass=either(QUANTITY, one_of(BALANCE)), moisture_o=PROPORTION, assay_o=ASSAY, vessel_o=TOKEN,
    pieces_o=PIECES, serials_d=SERIALS, provisional_d=FLAG, owner_o=PARTY_FORM, generator_o=GENERATOR,
    product_o=PRODUCT,
)  # fmt: skip
LOSS = fields(kind=TOKEN, contained=mapped(CONSTITUENT, QUANTITY, 1, 40))
OF = fields(record=HASH, event=whole(0, 255))
ALL: dict[str, Check] = {"type": TOKEN, "time": is_time, "private_d": mapped(TOKEN, SEALED, 0, 20), "documents_d": listed(DOCUMENT, 0, 50)}
AT: dict[str, Check] = {**ALL, "site": SITE, "owner_o": PARTY_FORM}
USE: dict[str, Check] = {**AT, "batch": BATCH, "made_by_o": HASH}
CERTIFY = fields(
    **USE, kind=one_of("recycled-content domestic-origin"), number=NUMBER, mass_mg=whole(1, MAX_INTEGER), credential=HASH,
    valid_until=is_time, beside_d=listed(fields(batch=BATCH, made_by_o=HASH, mass_mg=whole(1, MAX_INTEGER)), 0, 399),
)  # fmt: skip
PERIOD: Check = lambda v: fields(**{"from": is_date, "to": is_date})(v) and v["from"] <= v["to"]  # noqa: E731
POLICY = fields(sha256=HASH, version=human(200))
FORMS: dict[str, Check] = {
    "genesis": fields(**ALL, origin=grammar(r"[a-z0-9-]+(\.[a-z0-9-]+)+(/[a-z0-9.-]+)+"), registrar=VKEY, log=listed(VKEY, 1, 4),
                      policy=POLICY, nonce=grammar(r"[0-9a-f]{32}")),
    "admit": fields(**ALL, party=PARTY_FACTS, key=VKEY, proof=BASE64),
    "site": fields(**ALL, site=SITE_FACTS),
    "enrol": fields(**ALL, party=PARTY_FORM, key=VKEY, proof=BASE64, scopes=listed(one_of("admin record certify attest"), 1, 4)),
    "retire": fields(**ALL, key=KEY, reason_o=human(200)),
    "revoke": fields(**ALL, key=KEY, compromised_since_o=is_time, reason_o=human(200)),
    "receive": fields(**AT, batch=BATCH, material=TOKEN, mass=QUANTITY, tare_o=QUANTITY, moisture_o=PROPORTION, assay_o=ASSAY,
                      feedstock_o=CLASS, shares_o=listed(SHARE, 1, 100), places_d=PLACES, generator_o=GENERATOR, opening_d=FLAG,
                      vessel_o=TOKEN, pieces_o=PIECES, serials_d=SERIALS, provisional_d=FLAG, product_o=PRODUCT),
    "transform": fields(**AT, kind=KINDS, inputs=listed(INPUT, 1, 400), outputs=listed(OUTPUT, 1, 400), losses_d=listed(LOSS, 0, 100)),
    "ship": fields(**USE, mass_o=DRAWN, moisture_o=PROPORTION, rest_d=FLAG, to=either(SITE, fields(outside=SEALED, country=COUNTRY))),
    "accept": fields(**USE, mass=QUANTITY, moisture_o=PROPORTION, difference_o=one_of("water electrolyte")),
    "assay": fields(**USE, assay=ASSAY, provisional_d=FLAG, umpire_d=FLAG),
    "adjust": fields(**USE, mass=SIGNED_QUANTITY, kind_d=one_of("count water"), moisture_o=PROPORTION, assay_o=ASSAY, reason=human(200)),
    "dispose": fields(**USE, mass_o=DRAWN, moisture_o=PROPORTION, rest_d=FLAG, final_d=FLAG, reason=human(200)),
    "return": fields(**AT, of=BATCH, batch=BATCH, mass=QUANTITY, moisture_o=PROPORTION,
                     **{"as": one_of("distribution_return rework recovered_waste")}),
    "determine": fields(**ALL, of=BATCH, question=grammar(r"[a-z][a-z0-9_]{0,63}"), answer=FLAG, basis=human(200),
                        by=fields(name=SEALED, role=human(200))),
    "certify": is_certify,
    "declare": fields(**ALL, site=SITE, kind=one_of("recycled-content domestic-origin"), number=NUMBER, model=human(200), period=PERIOD,
                      batches=ascending, mass_mg=whole(1, MAX_INTEGER), credential=HASH, valid_until=is_time),
    "withdraw": fields(**ALL, certificate=NUMBER, reason=human(200), superseded_by_o=NUMBER),
    "correct": fields(**ALL, of=OF, event=is_amendable, reason=human(200)),
    "void": fields(**ALL, of=OF, reason=human(200)),
}  # fmt: skip


# --------------------------------------------------------------------- Forms of rules


def printable(value: Any) -> bool:
    """Printable text of 1 to 1,000 code points, perhaps with a space at either end."""
    return isinstance(value, str) and 1 <= len(value) <= 1000 and name_fault(f"({value})") is None


def spans_of(check: Check | None, name: str = "", least: int = 1) -> Check:
    """Steps or spans: a list of {from, to} and what is then asked ("Certificates": rules)."""
    more = {} if check is None else {name: check}
    return listed(fields(**{"from": OR_DATE, "to": OR_DATE}, **more), least, 1_000)


NEVER: Check = lambda value: False  # noqa: E731
LINE, OR_DATE, MANY = printable, either(is_date, exactly(None)), 1_000
FACT, TOKENS, LIMITED = one_of(FACT_NAMES), listed(TOKEN, 0, MANY), one_of("energy_wh volume_l")
COUNTRY_LIST, FACT_LIST = listed(COUNTRY, 0, MANY), listed(FACT, 0, MANY)
SCREENED_LIST = one_of("assembler_screened licensor_screened operators_screened")
TERM = fields(classes_o=listed(CLASS, 1, MANY), origin_d=FACT_LIST, question_o=TOKEN, weight_d=DECIMAL_FORM)
CONDITION = either(
    fields(place=FACT, screened_o=NEVER, entity_o=NEVER, question_o=NEVER),
    fields(screened=SCREENED_LIST, entity=TOKEN, place_o=NEVER, question_o=NEVER),
    fields(question=TOKEN, place_o=NEVER, screened_o=NEVER, entity_o=NEVER),
)
ASKED_OF_COMPONENTS = either(
    fields(by=exactly("place"), entity_o=NEVER, only_o=exactly("functional_cell"), nonavailable_d=FLAG),
    fields(by=exactly("entity"), entity=TOKEN, only_o=exactly("functional_cell"), nonavailable_d=FLAG),
)
METHOD = fields(whole=one_of("transaction net_cost"), less=one_of("non_originating foreign_parts"), percent=DECIMAL_FORM)
LIMIT = fields(fact=LIMITED, per_o=LIMITED, least=DECIMAL_FORM)
OF_MASS = ("mass_share", "set_membership", "flag", "qualitative")
COMPARED = (">=", ">", "==")
OPERATORS = {
    "mass_share": ("report", *COMPARED, "all_in"), "set_membership": ("all_in",), "flag": ("flag",), "qualitative": ("qualitative",),
    "cost_share": COMPARED, "value_share": COMPARED, "limits": ("all_present",), "completeness": ("all_present",),
}  # fmt: skip
RULE = fields(
    id=grammar(r"[A-Za-z0-9_]{1,32}(\.[A-Za-z0-9_]{1,32}){1,4}"), version=TOKEN, title=LINE, citation=LINE, scope=LINE, notes=LINE,
    status=one_of("in_force future voluntary proposed ended context"), kind=one_of("recycled-content domestic-origin"),
    confidence=one_of("H M L"), effective_from=OR_DATE, effective_to=OR_DATE, awaits_o=LINE, suspended_d=spans_of(None, least=0),
    measure=one_of(" ".join(OPERATORS)), operator=one_of("report >= > == all_in flag qualitative all_present"),
    threshold=either(DECIMAL_FORM, exactly(None), spans_of(DECIMAL_FORM, "percent")),
    elements=listed(either(CONSTITUENT, exactly("ALL")), 1, MANY), watch_d=listed(CONSTITUENT, 0, MANY),
    covers=one_of("elements metals all"), denominator=one_of("contained product"),
    home_scrap=either(one_of("exclude_numerator net_out"), exactly(None)), products_d=TOKENS, only_products_d=FLAG,
    categories_d=listed(one_of("sli ev lmt industrial portable other"), 0, MANY), numerator_d=listed(TERM, 0, MANY),
    countries_d=COUNTRY_LIST, excluded_d=COUNTRY_LIST, facts_d=either(FACT_LIST, spans_of(FACT_LIST, "facts")), decisive_d=FACT_LIST,
    question_o=TOKEN, missing_d=TOKENS, fields_d=TOKENS, components_o=ASKED_OF_COMPONENTS, off_the_shelf_waives_d=FLAG,
    methods_d=listed(METHOD, 0, MANY), limits_d=listed(LIMIT, 0, MANY), conditions_d=listed(CONDITION, 0, MANY), printed_places=whole(0, 6),
)  # fmt: skip


def is_rule(rule: Any) -> bool:
    """Whether a rule file has its form ("Certificates": rules)."""
    if not RULE(rule):
        return False
    measure, operator = rule["measure"], rule["operator"]
    compared = operator in COMPARED and measure != "value_share"
    waived = not rule.get("off_the_shelf_waives") or measure == "cost_share"
    own = {"components": "cost_share", "methods": "value_share", "limits": "limits", "fields": "completeness"}
    return (
        operator in OPERATORS[measure]
        and waived
        and (rule["threshold"] is not None) == compared
        and not (rule.get("countries") and rule.get("excluded"))
        and (measure not in OF_MASS or bool(rule.get("numerator")))
        and all((measure == of) == bool(rule.get(name)) for name, of in own.items())
    )


def is_event(event: Event) -> bool:
    """Whether an event has the form of its type ("Events")."""
    return FORMS[event["type"]](event)


# -------------------------------------------------------------------------- Replay


@dataclass
class Report:
    """What a verification found beside that it holds."""

    said: list[str] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)

    def say(self, text: str) -> None:
        """A finding, in the verdict line."""
        self.said.append(text)

    def leave(self, what: str, why: str) -> None:
        """Something that was not checked; the first reason stands."""
        self.left.setdefault(what, why)


def verify_evidence(data: bytes, trust: bytes, certificate: bytes | None) -> None:
    """Raise Refused where the evidence does not hold ("Evidence")."""
    check_evidence(data, trust, certificate)


def check_evidence(data: bytes, trust_file: bytes, certificate: bytes | None) -> Report:
    """Verify evidence, steps 1 to 12."""
    report, evidence, trust = Report(), parse_evidence(data), parse_trust(trust_file)
    credential = None
    if evidence.subject == "certificate" and certificate is None:
        report.leave("the credential, its figures and the rules that it quotes", "no credential was given")
    elif evidence.subject == "certificate" and certificate is not None:
        credential = check_credential(certificate)
        if credential.digest != evidence.digest:
            raise differs("the credential's digest", credential.digest, evidence.digest)
    check_rules(evidence, credential, report)
    checkpoint = check_checkpoint(evidence.checkpoint, trust)
    check_quorum(checkpoint, trust)
    report.say(f"{len(evidence.records)} records of a log of size {checkpoint.size}")
    leaves = {index: leaf_hash(record) for index, record in evidence.records}
    root = multiproof_root(leaves, checkpoint.size, evidence.nodes)
    if root != checkpoint.root:
        raise differs(f"root at size {checkpoint.size}", root.hex(), checkpoint.root.hex())
    roots = check_priors(evidence, checkpoint)
    anchors = check_anchors(evidence, trust, roots)
    statement = check_statement(evidence, trust, roots)
    replay = replay_evidence(evidence, trust, roots, statement, credential, report)
    check_times(evidence, replay.state, trust, [*anchors, checkpoint], report)
    attested = f"complete to record {statement.size - 1} (attested by {statement.auditor})" if statement else "completeness not shown"
    report.say(attested)
    return report


def check_priors(evidence: Evidence, checkpoint: Checkpoint) -> dict[int, bytes]:
    """Every `prior` line is a consistency proof to the checkpoint ("Evidence", step 5); the roots that are known."""
    roots = {checkpoint.size: checkpoint.root}
    for size, root, path in evidence.priors:
        check_consistency(size, root, checkpoint.size, checkpoint.root, path)
        roots[size] = root
    return roots


def check_anchors(evidence: Evidence, trust: Trust, roots: dict[int, bytes]) -> list[Checkpoint]:
    """Every anchor is signed by the log; its size and root are those of a `prior` line ("Evidence", step 5)."""
    anchors, priors = [], {size for size, _, _ in evidence.priors}
    for data in evidence.anchors:
        anchor = check_checkpoint(data, trust)
        need(anchor.size in priors, f"an anchor of size {anchor.size} without a prior line")
        if anchor.root != roots[anchor.size]:
            raise differs(f"an anchor's root at size {anchor.size}", anchor.root.hex(), roots[anchor.size].hex())
        anchors.append(anchor)
    return anchors


@dataclass
class Replay:
    """A replay of records with the books beside it."""

    state: State
    books: Books
    report: Report

    def apply(self, index: int, data: bytes) -> Record:
        """One record: its form, its place and its signature, and what it books."""
        try:
            record = parse_record(data)
        except Refused as refusal:
            raise Refused(f"record {index} does not hold: {refusal}") from refusal
        self.state.apply(index, record)
        self.books.apply(index, record, self.state.keys[record.key].party)
        return record


def replay_evidence(
    evidence: Evidence, trust: Trust, roots: dict[int, bytes], statement: Statement | None, credential: Credential | None, report: Report
) -> Replay:
    """Replay the records partially, compare the statement's lines, and the certificate's figures ("Evidence", steps 7 to 10)."""
    need(evidence.records[0][0] == 0, "the first record has not index 0")
    scope, number = frozenset(evidence.scope), None if credential is None else credential.subject.get("number")
    replay = Replay(State(trust, partial=True, roots=roots, scope=scope), Books(scope, report, (evidence.digest, number)), report)
    pending = statement
    for index, data in evidence.records:
        if pending is not None and index >= pending.size:
            check_state_lines(pending, replay.state, set(evidence.scope), replay.books.state_of)
            pending = None
        record = replay.apply(index, data)
        for event in record.events:
            if credential is not None and replay.state.registered(evidence.digest, number) is event:
                check_registration(credential, replay.state, event, index)
                check_figures(credential, replay.books.found, evidence.rules, report)
        if evidence.key == record.key and evidence.subject == "key":
            need(record.key not in replay.state.sequence_gaps, f"the records of {record.key} leave out a seq before {record.header['seq']}")
    if pending is not None:
        check_state_lines(pending, replay.state, set(evidence.scope), replay.books.state_of)
    if evidence.subject == "certificate":
        batches = batches_in(replay.state.registered(evidence.digest, number) or {})
        need(batches <= scope, "the scope does not hold all of the certificate's lots")
        check_standing(evidence.digest, number, replay)
    else:
        need(evidence.key in replay.state.keys, f"key {evidence.key} is not known")
    return replay


def check_standing(digest: str, number: object, replay: Replay) -> None:
    """Withdrawn or ended make a certificate not hold ("Certificates", 7, and standing)."""
    event = replay.state.registered(digest, number)
    if event is None:
        raise Refused(f"no certify or declare event with digest {digest}" + (f" and number {number}" if number else ""))
    need(event["number"] not in replay.state.withdrawn, "the certificate is withdrawn")
    need(event["number"] not in replay.books.ends, "the certificate has ended: its issuer used what it is over, or amended it to less")


def check_times(evidence: Evidence, state: State, trust: Trust, covers: list[Checkpoint], report: Report) -> None:
    """For every key with a `compromised_since`, which of its records are not time-proven ("Evidence", step 11)."""
    for name, key in sorted(state.keys.items()):
        if key.compromised_since is None:
            continue
        since = moment(key.compromised_since, "compromised_since").timestamp()
        for index, record in sorted(state.records.values(), key=lambda pair: pair[0]):
            if record.key == name and not any(proves(cover, trust, index, since) for cover in covers):
                report.say(f"UNTRUSTED_TIME record {index} of {name}")


def proves(cover: Checkpoint, trust: Trust, index: int, since: float) -> bool:
    """Whether a checkpoint covers the record, reached the quorum, and every counted time is before that moment."""
    times = cover.witnesses.values()
    return index < cover.size and bool(times) and reached(cover, trust) and all(time < since for time in times)


# -------------------------------------------------------------------------- Export

TILE_WIDTH = 256
TILE_FILE = re.compile(r"(?P<level>entries|[0-9]|[1-5][0-9]|6[0-3])/(?P<index>(?:x[0-9]{3}/)*[0-9]{3})(?:\.p/(?P<width>[0-9]{1,3}))?\Z")


def tile_path(level: int | str, index: int, width: int) -> str:
    """The path of a tile in groups of three digits, all but the last marked (c2sp.org/tlog-tiles)."""
    groups = [f"{index % 1000:03d}"]
    while index >= 1000:
        index //= 1000
        groups.insert(0, f"x{index % 1000:03d}")
    return f"tile/{level}/{'/'.join(groups)}" + (f".p/{width}" if width < TILE_WIDTH else "")


def widths(count: int) -> Iterator[tuple[int, int]]:
    """The tiles that hold so many things: index and width."""
    for index in range(count // TILE_WIDTH):
        yield index, TILE_WIDTH
    if count % TILE_WIDTH:
        yield count // TILE_WIDTH, count % TILE_WIDTH


def read_bytes(path: Path) -> bytes:
    """A file that is there."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise Unreadable(f"cannot read {path.name}: {error.strerror}") from error


def read_entries(folder: Path, size: int) -> Iterator[bytes]:
    """The entries of all bundles in order, each behind its length in two bytes, big endian."""
    for index, width in widths(size):
        path = tile_path("entries", index, width)
        file = folder / path
        if not file.exists():
            file = folder / tile_path("entries", index, TILE_WIDTH)
        data, at = read_bytes(file), 0
        for _ in range(width):
            need(at + 2 <= len(data), f"{path} breaks off")
            length = int.from_bytes(data[at : at + 2], "big")
            need(at + 2 + length <= len(data), f"{path} breaks off")
            yield data[at + 2 : at + 2 + length]
            at += 2 + length
        need(at == len(data), f"{path} has something behind its entries")


def tile_levels(leaves: list[bytes]) -> list[list[bytes]]:
    """The hashes of every level of tiles: level L has the roots of the full subtrees of 256^L leaves."""
    levels = [leaves]
    while len(levels[-1]) >= TILE_WIDTH:
        below = levels[-1]
        levels.append([tree_root(below[at : at + TILE_WIDTH]) for at in range(0, len(below) - TILE_WIDTH + 1, TILE_WIDTH)])
    return levels


def check_tiles(folder: Path, leaves: list[bytes]) -> None:
    """Every tile of hashes that there must be, computed again; no tile beyond the tree (c2sp.org/tlog-tiles)."""
    levels = tile_levels(leaves)
    for level, hashes in enumerate(levels):
        for index, width in widths(len(hashes)):
            path = tile_path(level, index, width)
            want = b"".join(hashes[index * TILE_WIDTH : index * TILE_WIDTH + width])
            need((folder / path).exists(), f"{path} is missing")
            need(read_bytes(folder / path) == want, f"{path} is not what the entries give")
    for file in sorted((folder / "tile").rglob("*")):
        if file.is_file():
            check_one_tile(file, file.relative_to(folder / "tile").as_posix(), levels)


def check_one_tile(file: Path, name: str, levels: list[list[bytes]]) -> None:
    """A tile file that is there, perhaps of an earlier size: within the tree, and a tile of its hashes."""
    match = TILE_FILE.match(name)
    if match is None:
        raise Refused(f"tile/{name} is no tile")
    level = match["level"]
    index = int(match["index"].replace("/", "").replace("x", ""))
    width = int(match["width"] or TILE_WIDTH)
    need(f"tile/{name}" == tile_path(level, index, width) and width > 0, f"tile/{name} is no tile")
    number = 0 if level == "entries" else int(level)
    need(number < len(levels) and index * TILE_WIDTH + width <= len(levels[number]), f"tile/{name} lies beyond the tree")
    if level != "entries":
        want = b"".join(levels[number][index * TILE_WIDTH : index * TILE_WIDTH + width])
        need(read_bytes(file) == want, f"tile/{name} is not what the entries give")


def verify_export(folder: Path, trust: bytes) -> None:
    """Raise Refused where an exported ledger does not hold ("Log", tiles of c2sp.org/tlog-tiles)."""
    check_export(folder, trust, None)


def check_export(folder: Path, trust_file: bytes, certificate: bytes | None) -> Report:
    """Verify an export from record 0: checkpoint, tiles, every record; and a certificate's figures where one is given."""
    report, trust = Report(), parse_trust(trust_file)
    checkpoint = check_checkpoint(read_bytes(folder / "checkpoint"), trust)
    check_quorum(checkpoint, trust)
    credential = check_credential(certificate) if certificate is not None else None
    entries = list(read_entries(folder, checkpoint.size))
    leaves = [leaf_hash(entry) for entry in entries]
    root = tree_root(leaves)
    if root != checkpoint.root:
        raise differs(f"root at size {checkpoint.size}", root.hex(), checkpoint.root.hex())
    check_tiles(folder, leaves)
    state = State(trust, partial=False, roots={0: sha256(b"")})
    number = credential.subject.get("number") if credential else None
    books = Books(None, report, (credential.digest if credential else "", number))
    replay, frontier = Replay(state, books, report), Frontier()
    for index, entry in enumerate(entries):
        record = replay.apply(index, entry)
        frontier.append(leaves[index])
        state.roots[index + 1] = frontier.root()
        for event in record.events:
            if credential is not None and state.registered(credential.digest, number) is event:
                check_registration(credential, state, event, index)
                check_figures(credential, replay.books.found, [], report)
    if credential is not None:
        check_standing(credential.digest, number, replay)
    report.say(f"all {checkpoint.size} records of the log and every tile")
    return report


# --------------------------------------------------------------------- Command line


def verify_file(path: Path, trust: bytes, certificate: bytes | None, record: bytes | None) -> Report:
    """Verify a file by its first line, or a folder as an export."""
    if path.is_dir():
        return check_export(path, trust, certificate)
    data, report = read_bytes(path), Report()
    first = data.split(b"\n", 1)[0]
    if first == b"plumbline/evidence/v1":
        return check_evidence(data, trust, certificate)
    if first == b"plumbline/fork/v1":
        report.say("fork: the log signed " + verify_fork(data, trust))
    elif first == b"c2sp.org/tlog-proof@v1":
        need(record is not None, "a receipt needs its --record", Unreadable)
        assert record is not None
        parse_record(record)
        report.say(f"the record is entry {verify_receipt(data, record, trust)} of the log")
        report.leave("the record's signature and rules", "a receipt shows only that it is logged")
    else:
        pinned = parse_trust(trust)
        checkpoint = check_checkpoint(data, pinned)
        check_quorum(checkpoint, pinned)
        report.say(f"a checkpoint of size {checkpoint.size}")
    return report


def main(arguments: list[str] | None = None) -> int:
    """Verify, print one verdict line and what was not checked, and return the exit code."""
    parser = argparse.ArgumentParser(description="independent verifier of the plumbline ledger format")
    parser.add_argument("what", type=Path, help="an evidence file, receipt, fork proof or checkpoint, or the folder of an export")
    parser.add_argument("--trust", type=Path, required=True)
    parser.add_argument("--certificate", type=Path, help="the credential's json")
    parser.add_argument("--record", type=Path, help="the record of a receipt")
    options = parser.parse_args(arguments)
    try:
        given = [read_bytes(path) if path else None for path in (options.certificate, options.record)]
        report = verify_file(options.what, read_bytes(options.trust), *given)
    except Unreadable as refusal:
        print(f"unreadable: {refusal}")
        return 2
    except Refused as refusal:
        print(f"does not hold: {refusal}")
        return 1
    print("holds: " + "; ".join(report.said))
    for what, why in report.left.items():
        print(f"not checked: {what} ({why})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
