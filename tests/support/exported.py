"""Ledgers of several hundred records, and their exports."""

from __future__ import annotations

from pathlib import Path

from books import ORIGIN
from house import House, receipt
from keyring import signer
from ledger.audit import Audit, Held, audit_mirror
from ledger.errors import FormatError
from ledger.keys import verify
from ledger.mirror.comparison import Comparison
from ledger.mirror.export import export
from ledger.mirror.source import open_mirror
from ledger.store.store import Store
from ledger.tlog import tile
from ledger.tlog.checkpoint import verify_checkpoint
from ledger.tlog.merkle import Frontier, leaf_hash
from ledger.trust import read_trust


def more(house: House, count: int) -> None:
    """Append so many receipts, all under one checkpoint."""
    have = len(house.entries())
    raws = [[receipt(f"keystone:R{number}", str(811 + 37 * number % 997))] for number in range(have, have + count)]
    house.desk("keystone/1").write(house.log(), raws)


def grown(folder: Path, count: int) -> House:
    """Return a ledger of so many records, most of them appended together."""
    house = House.found(folder)
    house.admit("keystone")
    more(house, count - len(house.entries()))
    return house


def exported(house: House, folder: Path) -> Path:
    """Export a ledger into a folder."""
    export(Store.open(house.path), folder)
    return folder


def audited(house: House, place: Path | str) -> Audit:
    """Audit an export with the trust file of the ledger."""
    trust = read_trust((house.keys / "trust").read_bytes(), file="trust")
    return audit_mirror(open_mirror(str(place)), Held(trust=trust))


def tiles_in(folder: Path) -> set[str]:
    """Return the paths of all tiles and bundles of an export."""
    found = set()
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        try:
            tile.parse_path(name)
        except FormatError:
            continue
        found.add(name)
    return found


def wanted(*sizes: int) -> set[str]:
    """Return the paths of the tiles and bundles that these sizes call for."""
    found = set()
    for size in sizes:
        for level, index, width in tile.tiles_of(size):
            found.add(tile.path_of(level, index, width))
            if level == 0:
                found.add(tile.path_of(None, index, width))
    return found


def check_export(folder: Path) -> int:
    """Check that an export is whole at its checkpoint, without replaying rules, and return its size."""
    mirror = open_mirror(str(folder))
    comparison, frontier = Comparison(mirror), Frontier()
    for _, data, *_ in mirror.entries(mirror.size):
        comparison.tiling.append(leaf_hash(data))
        frontier = frontier.append(leaf_hash(data))
    comparison.finish()
    assert comparison.findings == []
    signed = verify_checkpoint(mirror.checkpoint(), log_keys=[signer(ORIGIN).vkey], verify=verify).checkpoint
    assert (signed.size, signed.root) == (frontier.size, frontier.root())
    return signed.size
