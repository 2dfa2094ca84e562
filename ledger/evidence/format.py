"""The evidence file: what a verifier needs to check a certificate, or a key's records, without the ledger (SPEC.md, "Evidence").

It is one text, read line by line, without an archive format. Reading it believes nothing: signatures, proofs and figures are checked in
`ledger.evidence.verification`. The records are read a second time from the same source when they are replayed, so that only their hashes
are held in memory.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, Literal, TypeVar

from ledger.errors import FormatError, LimitError
from ledger.tlog import canonical
from ledger.tlog.checkpoint import parse_decimal
from ledger.tlog.merkle import HASH_BYTES, Hash, leaf_hash
from ledger.tlog.note import MAX_RECORD_BYTES, decode_base64, shown

_T = TypeVar("_T")

FORMAT: Final = "plumbline/evidence/v1"
MAX_LINE_BYTES: Final = MAX_RECORD_BYTES + 2
MAX_BLOCK_LINES: Final = 20_000
MAX_BLOCK_BYTES: Final = 1 << 20
MAX_RECORDS: Final = 1_000_000
MAX_SCOPE: Final = 1_000_000
MAX_PRIORS: Final = 1_000
MAX_RULES: Final = 100
MAX_NODES: Final = 64 * MAX_RECORDS

_ORDER: Final = (
    "certificate",
    "key",
    "checkpoint",
    "prior",
    "anchor",
    "batch",
    "rule",
    "record",
    "node",
    "attest",
    "line",
    "line-node",
    "end",
)
_BLOCKS: Final = frozenset({"checkpoint", "anchor", "record", "attest"})
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Prior:
    """A root that the log had at an earlier size, and the consistency path from there to the checkpoint."""

    size: int
    root: Hash
    path: tuple[Hash, ...]


@dataclass(slots=True)
class Evidence:
    """An evidence file as it was read, unverified.

    `subject` is ("certificate", digest) or ("key", name); `rules` are the canonical JSON of rules that the certificate quotes; `leaves` are
    the index and leaf hash of every record, `records` gives their bytes again. `lines` are leaves of an auditor's state tree with their
    indexes.
    """

    subject: tuple[Literal["certificate", "key"], str]
    checkpoint: bytes = b""
    priors: list[Prior] = field(default_factory=list)
    anchors: list[bytes] = field(default_factory=list)
    scope: list[str] = field(default_factory=list)
    rules: list[bytes] = field(default_factory=list)
    leaves: list[tuple[int, Hash]] = field(default_factory=list)
    nodes: list[Hash] = field(default_factory=list)
    attest: bytes | None = None
    lines: list[tuple[int, bytes]] = field(default_factory=list)
    line_nodes: list[Hash] = field(default_factory=list)
    records: Callable[[], Iterator[tuple[int, bytes]]] = field(default=lambda: iter(()))


def format_evidence(evidence: Evidence) -> Iterator[bytes]:
    """Write an evidence file, piece by piece."""
    yield f"{FORMAT}\n{' '.join(evidence.subject)}\n".encode()
    yield _block("checkpoint", evidence.checkpoint)
    for prior in evidence.priors:
        words = (str(prior.size), _text(prior.root), *(_text(one) for one in prior.path))
        yield f"prior {' '.join(words)}\n".encode()
    for note in evidence.anchors:
        yield _block("anchor", note)
    for batch in evidence.scope:
        yield f"batch {batch}\n".encode()
    for rule in evidence.rules:
        yield b"rule " + rule + b"\n"
    for index, note in evidence.records():
        yield _block(f"record {index}", note)
    for node in evidence.nodes:
        yield f"node {_text(node)}\n".encode()
    if evidence.attest is not None:
        yield _block("attest", evidence.attest)
        for index, line in evidence.lines:
            yield f"line {index} ".encode() + line + b"\n"
        for node in evidence.line_nodes:
            yield f"line-node {_text(node)}\n".encode()
    yield b"end\n"


def _block(head: str, note: bytes) -> bytes:
    return f"{head} {note.count(bytes([10]))}\n".encode() + note


def _text(one: bytes) -> str:
    return base64.b64encode(one).decode()


def read_evidence(lines: Callable[[], Iterable[bytes]]) -> Evidence:
    """Read an evidence file.

    Args:
        lines: Gives its lines from the first on, each with its newline; called again when the records are replayed.

    Raises:
        FormatError: It is none; the error names the line.
        LimitError: A line, a block or the whole is too long.
    """
    found: Evidence | None = None
    for item in _items(lines()):
        if found is None:
            found = Evidence(_subject(item))
        elif item.word == "record":
            index = item.decimal(0, "the index")
            if found.leaves and index <= found.leaves[-1][0]:
                raise FormatError(f"record {index} stands behind record {found.leaves[-1][0]}", line=item.number)
            found.leaves.append((index, leaf_hash(item.block)))
            _limit("the evidence", len(found.leaves), MAX_RECORDS, "records")
        else:
            _take(found, item)
    if found is None:  # pragma: no cover - `_items` ends with an `end` line or an error
        raise FormatError("is empty")
    if not found.checkpoint:
        raise FormatError("has no checkpoint")
    if not found.leaves:
        raise FormatError("has no record")
    found.records = lambda: ((item.decimal(0, "the index"), item.block) for item in _items(lines()) if item.word == "record")
    return found


@dataclass(frozen=True, slots=True)
class _Item:
    number: int
    word: str
    rest: tuple[str, ...]
    block: bytes = b""

    def decimal(self, at: int, what: str) -> int:
        return parse_decimal(self.rest[at], what=what, line=self.number)

    def hash(self, at: int) -> Hash:
        try:
            data = decode_base64(self.rest[at])
        except FormatError as error:
            raise error.at(line=self.number) from error
        if len(data) != HASH_BYTES:
            raise FormatError(f"a hash has {len(data)} bytes, want {HASH_BYTES}", line=self.number)
        return Hash(data)


def _subject(item: _Item) -> tuple[Literal["certificate", "key"], str]:
    if item.word == "certificate" and _DIGEST.fullmatch(item.rest[0]):
        return ("certificate", item.rest[0])
    if item.word == "key":
        return ("key", item.rest[0])
    raise FormatError("the second line names a certificate by its digest, or a key", line=item.number)


def _take(found: Evidence, item: _Item) -> None:
    """Take in one line or block that is no record."""
    match item.word:
        case "checkpoint":
            found.checkpoint = item.block
        case "prior":
            _add(found.priors, _prior(found, item), MAX_PRIORS, "prior roots")
        case "anchor":
            _add(found.anchors, item.block, MAX_PRIORS, "anchors")
        case "batch":
            if found.scope and item.rest[0] <= found.scope[-1]:
                raise FormatError(f"batch {item.rest[0]} stands behind batch {found.scope[-1]}", line=item.number)
            _add(found.scope, item.rest[0], MAX_SCOPE, "batches")
        case "rule":
            _add(found.rules, " ".join(item.rest).encode(), MAX_RULES, "rules")
        case "node":
            _add(found.nodes, item.hash(0), MAX_NODES, "hashes")
        case "attest":
            found.attest = item.block
        case "line":
            _add(found.lines, _state_line(found, item), 2 * MAX_SCOPE, "lines of an auditor's state")
        case _:
            _add(found.line_nodes, item.hash(0), MAX_NODES, "hashes")


def _add(rows: list[_T], row: _T, limit: int, unit: str) -> None:
    rows.append(row)
    _limit("the evidence", len(rows), limit, unit)


def _state_line(found: Evidence, item: _Item) -> tuple[int, bytes]:
    index, line = item.decimal(0, "the index"), " ".join(item.rest[1:]).encode()
    if found.lines and index <= found.lines[-1][0]:
        raise FormatError(f"line {index} stands behind line {found.lines[-1][0]}", line=item.number)
    canonical.decode(line, what=f"line {item.number}")
    return index, line


def _prior(found: Evidence, item: _Item) -> Prior:
    size = item.decimal(0, "the size")
    if found.priors and size <= found.priors[-1].size:
        raise FormatError(f"the root at size {size} stands behind that at size {found.priors[-1].size}", line=item.number)
    if len(item.rest) < 2:  # noqa: PLR2004 - a size and a root
        raise FormatError("a prior line has a size and a root", line=item.number)
    return Prior(size, item.hash(1), tuple(item.hash(at) for at in range(2, len(item.rest))))


def _limit(what: str, got: int, limit: int, unit: str) -> None:
    if got > limit:
        raise LimitError(what, got=got, limit=limit, unit=unit)


def _items(lines: Iterable[bytes]) -> Iterator[_Item]:
    """Split a file into its lines and blocks, in their order; the last one is `end`, with nothing behind it."""
    source: Iterator[bytes] = iter(lines)
    number, rank = 1, -1
    if _line(next(source, b""), 1) != FORMAT:
        raise FormatError(f"an evidence file begins with the line {FORMAT}", line=1)
    for raw in source:
        number += 1
        word, *rest = _line(raw, number).split(" ")
        at = _ORDER.index(word) if word in _ORDER else -1
        once = word in ("certificate", "key", "checkpoint", "attest", "end")
        if at < 0 or at < rank or (once and at == rank) or (rank < 0) != (at < 2):  # noqa: PLR2004 - the two kinds of subject
            raise FormatError(f"{shown(word)} does not stand here in an evidence file", line=number)
        rank = max(at, 1)
        if word == "end":
            if rest or next(source, None) is not None:
                raise FormatError("nothing stands behind end", line=number)
            return
        wanted = {"record": 2, "line": len(rest), "prior": len(rest), "rule": len(rest)}.get(word, 1)
        if len(rest) != wanted or not rest or (word == "line" and wanted < 2):  # noqa: PLR2004 - an index and a line
            raise FormatError(f"a {word} line has {len(rest)} words behind its name, want {max(wanted, 1)}", line=number)
        block = b""
        first = number
        if word in _BLOCKS:
            count = parse_decimal(rest[-1], what="the number of lines", line=number)
            _limit(f"line {number}: the block", count, MAX_BLOCK_LINES, "lines")
            block = b"".join(_checked(next(source, b""), number + step) for step in range(1, count + 1))
            _limit(f"line {number}: the block", len(block), MAX_BLOCK_BYTES, "bytes")
            number += count
        yield _Item(first, word, tuple(rest), block)
    raise FormatError("breaks off before its end line", line=number)


def _checked(raw: bytes, number: int) -> bytes:
    if len(raw) > MAX_LINE_BYTES:
        raise LimitError(f"line {number}", got=len(raw), limit=MAX_LINE_BYTES, unit="bytes")
    if not raw.endswith(b"\n"):
        raise FormatError("breaks off", line=number)
    return raw


def _line(raw: bytes, number: int) -> str:
    try:
        return _checked(raw, number)[:-1].decode()
    except UnicodeDecodeError as error:
        raise FormatError("is not UTF-8", line=number) from error


def lines_of(data: bytes) -> Callable[[], Iterable[bytes]]:
    """Return bytes as lines that can be read again and again; a line ends at 0x0A and nowhere else."""

    def lines() -> Iterator[bytes]:
        start = 0
        while start < len(data):
            end = data.find(b"\n", start) + 1 or len(data)
            yield data[start:end]
            start = end

    return lines
