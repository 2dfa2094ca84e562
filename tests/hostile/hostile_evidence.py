"""Evidence: its lines out of order, twice, missing; numbers that lie; records and roots of others."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator

from ground import vector
from ledger.evidence.format import lines_of, read_evidence
from pack import Hostile, line_of, named, swapped

BESIDE = ("verify", "{certificate}", "--evidence", "{file}", "--trust", "{trust}")

HASH = base64.b64encode(bytes(32))


def _good() -> bytes:
    return vector("certificate.evidence")


def _blocks() -> list[bytes]:
    """Return the records' blocks, each with its head line."""
    evidence = read_evidence(lines_of(_good()))
    return [b"record %d %d\n" % (index, note.count(b"\n")) + note for index, note in evidence.records()]


def _with_blocks(change: Callable[[list[bytes]], list[bytes]]) -> bytes:
    blocks = _blocks()
    return swapped(_good(), b"".join(blocks), b"".join(change(blocks)))


def _numbered(number: bytes) -> bytes:
    head = line_of(_good(), b"record ")
    return swapped(_good(), head, b"record " + number + b" " + head.split(b" ")[2])


def _counted(number: bytes) -> bytes:
    head = line_of(_good(), b"record ")
    return swapped(_good(), head, b" ".join(head.split(b" ")[:2]) + b" " + number + b"\n")


def files() -> Iterator[Hostile]:
    """Yield evidence, handed over beside the certificate that it is about."""
    good = _good()
    node, batch, subject = line_of(good, b"node "), line_of(good, b"batch "), line_of(good, b"certificate ")
    checkpoint = line_of(good, b"checkpoint ")
    rule = line_of(good, b"rule ")
    origin = vector("origin.evidence")
    other_record = origin[origin.rindex(b"record ") : origin.index(b"\nnode ") + 1]
    made = {
        "of no bytes behind its first line": b"plumbline/evidence/v1\n",
        "of another version": swapped(good, b"/v1", b"/v2"),
        "cut before its end": good.removesuffix(b"end\n"),
        "cut in a line": good[:-1],
        "cut in half": good[: len(good) // 2],
        "with crlf": good.replace(b"\n", b"\r\n"),
        "with a byte order mark": b"\xef\xbb\xbf" + good,
        "with something behind its end": good + b"HOLDS\n",
        "with two ends": good + b"end\n",
        "with an empty line": swapped(good, node, b"\n" + node),
        "with a word nobody knows": swapped(good, node, b"HOLDS\n" + node),
        "with an escape for a word": swapped(good, node, b"\x1b[2J\n" + node),
        "with overlong utf-8": swapped(good, node, b"\xc0\xaf\n" + node),
        "with a giant line": swapped(good, node, b"node " + b"A" * 10_000_000 + b"\n" + node),
        "without a checkpoint": swapped(good, good[good.index(checkpoint) : good.index(b"\nprior ") + 1], b""),
        "with two checkpoints": swapped(good, checkpoint, good[good.index(checkpoint) : good.index(b"\nprior ") + 1] + checkpoint),
        "of nobody": swapped(good, subject, b""),
        "of a short digest": swapped(good, subject, b"certificate 00\n"),
        "of another digest": swapped(good, subject, b"certificate " + b"0" * 64 + b"\n"),
        "of two certificates": swapped(good, subject, subject * 2),
        "without records": _with_blocks(lambda _: []),
        "without its first record": _with_blocks(lambda blocks: blocks[1:]),
        "without its last record": _with_blocks(lambda blocks: blocks[:-1]),
        "without a record in the middle": _with_blocks(lambda blocks: blocks[:3] + blocks[4:]),
        "with its records the other way round": _with_blocks(lambda blocks: blocks[::-1]),
        "with two records swapped": _with_blocks(lambda blocks: [*blocks[:-2], blocks[-1], blocks[-2]]),
        "with a record twice": _with_blocks(lambda blocks: [*blocks, blocks[-1]]),
        "with another ledger's record": _with_blocks(lambda blocks: [*blocks[:-1], other_record]),
        "with a record at 2 to the 53": _numbered(b"9007199254740993"),
        "with a record at a huge index": _numbered(b"9" * 400),
        "with a record at a negative index": _numbered(b"-1"),
        "with a record at 00": _numbered(b"00"),
        "with a record at an index in other digits": _numbered("\u0661".encode()),
        "with a record of 0 lines": _counted(b"0"),
        "with a record of too many lines": _counted(b"19999"),
        "with a record of a million lines": _counted(b"1000000"),
        "with a record of -1 lines": _counted(b"-1"),
        "with a node too many": swapped(good, node, b"node " + HASH + b"\n" + node),
        "with a node of zeros": swapped(good, node, b"node " + HASH + b"\n"),
        "with a node missing": swapped(good, node, b""),
        "with a node of 31 bytes": swapped(good, node, b"node " + base64.b64encode(bytes(31)) + b"\n"),
        "with a node of other base64": swapped(good, node, node.replace(b"=", b"")),
        "with a hundred thousand nodes": swapped(good, node, node * 100_000),
        "with a batch twice": swapped(good, batch, batch * 2),
        "with a batch more": swapped(good, batch, b"batch aaaa:A\n" + batch),
        "with a batch of two words": swapped(good, batch, batch[:-1] + b" x\n"),
        "with a batch with an override": swapped(good, batch, "batch aaaa:\u202e\n".encode() + batch),
        "with a hundred thousand batches": swapped(good, batch, b"".join(b"batch a:%07d\n" % n for n in range(100_000)) + batch),
        "without a batch of its scope": swapped(good, batch, b""),
        "with a rule that is no json": swapped(good, rule, b"rule HOLDS\n"),
        "with a rule of another threshold": swapped(good, rule, rule.replace(b'"citation":"', b'"citation":"\\u001b[2J')),
        "with a rule twice": swapped(good, rule, rule * 2),
        "with a rule left out": swapped(good, rule, b""),
        "with a thousand rules": swapped(good, rule, rule * 1_000),
        "with a deep rule": swapped(good, rule, b"rule " + b"[" * 50_000 + b"\n"),
        "with a prior of a huge size": swapped(good, b"\nprior ", b"\nprior 9007199254740993 " + HASH + b"\nprior "),
        "with a prior of no root": swapped(good, b"\nprior ", b"\nprior 1\nprior "),
        "with a prior of another root": swapped(good, b"\nprior ", b"\nprior 1 " + HASH + b"\nprior "),
        "with a statement that is none": swapped(good, b"\nend\n", b"\nattest 1\nHOLDS\nend\n"),
        "with a statement and no line of its state": swapped(
            good, b"\nend\n", b"\nattest %d\n" % vector("statement").count(b"\n") + vector("statement") + b"end\n"
        ),
    }
    yield from named("evidence", made, BESIDE)
    attested = vector("certificate-attested.evidence")
    line = line_of(attested, b"line ")
    lied = {
        "with a state line changed": swapped(attested, line, line.replace(b"1", b"2")),
        "with a state line twice": swapped(attested, line, line * 2),
        "with a state line of no json": swapped(attested, line, b"line 0 HOLDS\n"),
        "with a state line left out": swapped(attested, line, b""),
        "with a state line at 2 to the 63": swapped(attested, line, b"line 9223372036854775808 {}\n"),
    }
    yield from named("attested evidence", lied, BESIDE)
    key = vector("key.evidence")
    keyed = {
        "of another key": swapped(key, b"key voltaic/1", b"key keystone/1"),
        "of a key that is a path": swapped(key, b"key voltaic/1", b"key ../../../etc/passwd"),
        "of a key with an escape": swapped(key, b"key voltaic/1", b"key \x1b[2J"),
        "of a key with an override": swapped(key, b"key voltaic/1", "key \u202e1/ciatlov".encode()),
        "cut in half": key[: len(key) // 2],
    }
    yield from named("key evidence", keyed)
