"""An export read by a program that we did not write: aics-tlog, which needs Python 3.12 and so is run by hand (DECISIONS.md).

python3.12 -m pip install aics-tlog; python3.12 tests/third_party.py EXPORT TRUST audits every tile and entry bundle, and verifies the
checkpoint, its witnesses by Ed25519, and some inclusion and consistency proofs that it makes from our tiles itself.
"""

from __future__ import annotations

import sys
from pathlib import Path

import aics_tlog


def main(export: str, trust: str) -> None:
    """Read an export and say what held."""
    lines = [line.split(" ") for line in Path(trust).read_text(encoding="utf-8").splitlines()]
    log = next(aics_tlog.parse_vkey(words[1]) for words in lines if words[0] == "log")
    keys = [aics_tlog.parse_vkey(words[2]) for words in lines if words[0] == "witness" and len(words[2]) < 200]  # Ed25519 only
    note = aics_tlog.parse_note((Path(export) / "checkpoint").read_bytes().decode())
    found = aics_tlog.verify_checkpoint(note, log, witness_keys=keys, quorum=len(keys))
    assert found.ok, found
    statement = aics_tlog.parse_checkpoint(note.text)
    reader = aics_tlog.FileSystemTileReader(export)
    report = aics_tlog.audit_tiles(reader, statement.size, statement.root)
    for index in range(0, statement.size, max(1, statement.size // 50)):
        path = aics_tlog.inclusion_proof_from_tiles(reader, index, statement.size)
        leaf = aics_tlog.leaf_hash(aics_tlog.read_entry(reader, index, statement.size))
        assert aics_tlog.verify_inclusion(leaf, index, statement.size, path, statement.root)
    sys.stdout.write(f"{report}\n{len(keys)} witnesses counted, the checkpoint at size {statement.size} holds\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
