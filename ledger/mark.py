"""The high-water mark: how far this log has been signed for, kept beside the log's key, away from the store.

    plumbline/mark/v1
    ledger <hex>
    size <decimal>
    root <hex>

A store that is older than its mark was rolled back.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ledger.errors import FormatError, RollbackError
from ledger.files import is_there, read_file, replace_file

_FORM = re.compile(rb"\Aplumbline/mark/v1\nledger ([0-9a-f]{64})\nsize (0|[1-9][0-9]{0,15})\nroot ([0-9a-f]{64})\n\Z")


@dataclass(frozen=True, slots=True)
class Mark:
    """A ledger id in hex, a size and the root (hex) at that size."""

    ledger: str
    size: int
    root: str


def read_mark(path: Path) -> Mark | None:
    """Return a mark, None where there is none.

    Raises:
        FormatError: The file is no mark.
        StoreError: It cannot be read.
    """
    if not is_there(path):
        return None
    found = _FORM.match(read_file(path, what="mark", limit=4096))
    if found is None:
        raise FormatError("is no mark file", file=str(path), hint="restore it, or adopt the log against a checkpoint that you trust")
    ledger, size, root = (part.decode() for part in found.groups())
    return Mark(ledger, int(size), root)


def write_mark(path: Path, mark: Mark) -> None:
    """Advance a mark durably.

    Raises:
        StoreError: It cannot be written.
    """
    text = f"plumbline/mark/v1\nledger {mark.ledger}\nsize {mark.size}\nroot {mark.root}\n"
    replace_file(path, text.encode(), mode=0o600)


def check_mark(mark: Mark | None, *, ledger: str, size: int, root_at_mark: bytes | None, where: str) -> None:
    """Check that a store is not older than its mark, nor another history.

    Args:
        mark: What was signed for, None where no mark was found.
        ledger: The store's ledger id.
        size: The store's size.
        root_at_mark: The store's root at the mark's size.
        where: The mark's file, for the message.

    Raises:
        RollbackError: It is.
    """
    if mark is None:
        raise RollbackError(
            f"the log has {size} records and no mark at {where}",
            hint="compare it with a checkpoint that somebody else holds, then adopt it: plumbline checkpoint --adopt FILE",
        )
    if mark.ledger != ledger:
        raise RollbackError(f"the mark at {where} is of ledger {mark.ledger}, the store holds ledger {ledger}")
    if size < mark.size:
        raise RollbackError(
            f"the store holds {size} records, {mark.size} were signed for ({mark.size - size} are missing)",
            hint="an older copy was put back; put back the newest one, or `plumbline restore` enters again what the parties' outboxes hold",
        )
    if root_at_mark is None or root_at_mark.hex() != mark.root:
        raise RollbackError(
            f"at size {mark.size} the store has root {root_at_mark.hex() if root_at_mark else 'none'}, signed for was {mark.root}",
            hint="the log was rewritten; keep it as evidence and restore the newest good copy",
        )
