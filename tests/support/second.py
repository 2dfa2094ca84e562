"""The second verifier beside the program: what each says of a file, and whether they differ.

`tests/verify_plumbline.py` was written from SPEC.md alone, is one file and imports nothing of ours; it is loaded from there.
"""

from __future__ import annotations

import importlib.util
import random
import sys
from pathlib import Path
from types import ModuleType

from books import ORIGIN
from keyring import signer
from ledger.audit import Held, audit_mirror
from ledger.errors import LedgerError
from ledger.evidence.format import lines_of, read_evidence
from ledger.evidence.verification import verify_evidence
from ledger.mirror.source import open_mirror
from ledger.tlog import merkle, tile
from ledger.tlog.checkpoint import Checkpoint, sign_checkpoint
from ledger.trust import Trust, read_trust
from outside import FOLDER


def second() -> ModuleType:
    """Load the second verifier, which is one file and imports nothing of ours."""
    place = Path(__file__).parents[1] / "verify_plumbline.py"
    spec = importlib.util.spec_from_file_location("verify_plumbline", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["verify_plumbline"] = module
    spec.loader.exec_module(module)
    return module


SECOND = second()


def ours(data: bytes, trust: bytes, certificate: bytes | None) -> str:
    """Return "holds", or why not, as the program says it."""
    try:
        found = verify_evidence(read_evidence(lines_of(data)), credential=certificate, trust=read_trust(trust, file="trust"))
    except LedgerError as refusal:
        return str(refusal)
    return "holds" if found.holds else found.problems[0]


def theirs(data: bytes, trust: bytes, certificate: bytes | None) -> str:
    """Return "holds", or why not, as the second verifier says it."""
    try:
        SECOND.verify_evidence(data, trust, certificate)
    except SECOND.Refused as refusal:
        return str(refusal)
    return "holds"


def differ(data: bytes, trust: bytes, certificate: bytes | None) -> str | None:
    """Return both verdicts where one holds and the other does not."""
    here, there = ours(data, trust, certificate), theirs(data, trust, certificate)
    return None if (here == "holds") == (there == "holds") else f"program: {here}; second: {there}"


FILES = {file.name: file.read_bytes() for file in FOLDER.iterdir()}
HOLDING = [name for name in sorted(FILES) if name.endswith(".evidence") and name not in ("key.evidence", "missing-input.evidence")]
"""Evidence files of ours that hold."""


def credential_of(name: str) -> bytes:
    """Return the credential that an evidence file of ours is about."""
    return FILES.get(f"{name.removesuffix('.evidence').removesuffix('-attested')}.json", FILES["certificate.json"])


def audits(folder: Path, trust: Trust) -> tuple[str, str]:
    """Return what both say of an export."""
    found = audit_mirror(open_mirror(str(folder)), Held(trust=trust))
    broken = next((one.message for one in found.findings if one.severity == "broken"), "holds")
    try:
        SECOND.verify_export(folder, trust.text().encode())
    except SECOND.Refused as refusal:
        return broken, str(refusal)
    return broken, "holds"


def forgery(folder: Path, entries: list[bytes]) -> Path:
    """Write an export as an operator would who logs what the rules refuse, and signs for it."""
    leaves = [merkle.leaf_hash(entry) for entry in entries]
    assert len(leaves) < tile.WIDTH
    log = signer(ORIGIN)
    note = sign_checkpoint(Checkpoint(ORIGIN, len(leaves), merkle.root(leaves)), key=log.vkey, sign=log.sign, time=1)
    for level, index, width in tile.tiles_of(len(leaves)):
        for name, data in ((level, tile.format_tile(leaves)), (None, tile.format_bundle(entries))):
            path = folder / tile.path_of(name, index, width)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    (folder / "checkpoint").write_bytes(note)
    return folder


def bent(data: bytes, dice: random.Random) -> bytes:
    """Return a file with one damage: a bit, a line, a digit, a word."""
    lines = data.split(b"\n")
    number, other = dice.randrange(len(lines)), dice.randrange(len(lines))
    at = dice.randrange(len(data))
    match dice.randrange(7):
        case 0:
            return data[:at] + bytes([data[at] ^ (1 << dice.randrange(8))]) + data[at + 1 :]
        case 1:
            del lines[number]
        case 2:
            lines.insert(number, lines[other])
        case 3:
            lines[number], lines[other] = lines[other], lines[number]
        case 4:
            return data[:at]
        case 5:
            digit = next((place for place in range(at, len(data)) if data[place : place + 1].isdigit()), at)
            return data[:digit] + str(dice.randrange(10)).encode() + data[digit + 1 :]
        case _:
            lines[number] = lines[number].replace(b" ", b"  ", 1)
    return b"\n".join(lines)
